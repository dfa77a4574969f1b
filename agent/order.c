/* SPDX-License-Identifier: MIT */
#include "agent/order.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "schema/error.h"

static int sign(bool less, bool more)
{
        return more - less;
}

static bool is_number(const struct rv_value *v)
{
        return v->type == RV_UINT || v->type == RV_INT || v->type == RV_REAL || v->type == RV_BOOL;
}

static double as_double(const struct rv_value *v)
{
        return v->type == RV_REAL ? v->d : v->type == RV_INT ? (double)v->i : (double)v->u;
}

static int compare_numbers(const struct rv_value *a, const struct rv_value *b)
{
        if (a->type == RV_REAL || b->type == RV_REAL)
                return sign(as_double(a) < as_double(b), as_double(a) > as_double(b));
        bool a_minus = a->type == RV_INT && a->i < 0, b_minus = b->type == RV_INT && b->i < 0;
        if (a_minus || b_minus)
                return a_minus && b_minus ? sign(a->i < b->i, a->i > b->i) : sign(a_minus, b_minus);
        return sign(a->u < b->u, a->u > b->u);
}

static int compare_texts(const char *a, size_t na, const char *b, size_t nb)
{
        size_t n = na < nb ? na : nb;
        int c = n ? strncasecmp(a, b, n) : 0;
        if (c == 0)
                c = sign(na < nb, na > nb);
        return c || !n ? c : memcmp(a, b, n);
}

int rv_compare_values(const struct rv_batch *ba, const struct rv_value *a, const struct rv_batch *bb,
                      const struct rv_value *b)
{
        if (is_number(a) && is_number(b))
                return compare_numbers(a, b);
        if ((a->type == RV_STRING || a->type == RV_REF) && (b->type == RV_STRING || b->type == RV_REF))
                return compare_texts(rv_text(ba, a), a->len, rv_text(bb, b), b->len);
        if (a->type != b->type)
                return sign(a->type < b->type, a->type > b->type);
        switch (a->type) {
        case RV_DATETIME: case RV_INTERVAL:
                return sign(a->i < b->i, a->i > b->i);
        case RV_LIST: case RV_OBJECT:
                for (uint32_t i = 0; i < a->len && i < b->len; i++) {
                        int c = rv_compare_values(ba, rv_items(ba, a) + i, bb, rv_items(bb, b) + i);
                        if (c)
                                return c;
                }
                return sign(a->len < b->len, a->len > b->len);
        default:
                return 0;
        }
}

int rv_compare_rows(const struct rv_order_term *terms, unsigned nterms, const struct rv_batch *a, uint32_t row,
                    const struct rv_batch *b, uint32_t other)
{
        for (unsigned i = 0; i < nterms; i++) {
                unsigned p = terms[i].property;
                int c = rv_compare_values(a, rv_get(a, row, p), b, rv_get(b, other, p));
                if (c)
                        return terms[i].descending ? -c : c;
        }
        return 0;
}

void rv_order_init(struct rv_order *o, const struct rv_order_term *terms, unsigned nterms, uint64_t limit)
{
        *o = (struct rv_order){ .terms = terms, .nterms = nterms, .limit = limit };
}

/* Whether a belongs nearer to the heap's top than b. */
static bool above(const struct rv_order *o, const struct rv_ranked *a, const struct rv_ranked *b)
{
        int c = rv_compare_rows(o->terms, o->nterms, a->batch, a->row, b->batch, b->row);
        if (!c)
                c = sign(a->seq < b->seq, a->seq > b->seq);
        return o->limit && !o->sorted ? c > 0 : c < 0;
}

static void swap(struct rv_ranked *a, struct rv_ranked *b)
{
        struct rv_ranked t = *a;
        *a = *b;
        *b = t;
}

static void sift_up(struct rv_order *o, size_t i)
{
        for (; i && above(o, &o->heap[i], &o->heap[(i - 1) / 2]); i = (i - 1) / 2)
                swap(&o->heap[i], &o->heap[(i - 1) / 2]);
}

static void sift_down(struct rv_order *o, size_t i)
{
        for (size_t child; (child = 2 * i + 1) < o->n; i = child) {
                if (child + 1 < o->n && above(o, &o->heap[child + 1], &o->heap[child]))
                        child++;
                if (!above(o, &o->heap[child], &o->heap[i]))
                        return;
                swap(&o->heap[i], &o->heap[child]);
        }
}

static int grow(struct rv_order *o)
{
        if (o->n < o->cap)
                return 0;
        size_t cap = o->cap ? o->cap * 2 : 64;
        struct rv_ranked *heap = realloc(o->heap, cap * sizeof *heap);
        if (!heap)
                return -ENOMEM;
        o->heap = heap;
        o->cap = cap;
        return 0;
}

int rv_order_add(struct rv_order *o, struct rv_batch *b, uint32_t row)
{
        struct rv_ranked r = { .batch = b, .row = row, .seq = o->seq++ };
        if (o->limit && o->n >= o->limit) {
                if (!above(o, &o->heap[0], &r))
                        return RV_STOP;
                o->heap[0] = r;
                sift_down(o, 0);
                return RV_OK;
        }
        if (grow(o) < 0)
                return -ENOMEM;
        o->heap[o->n++] = r;
        sift_up(o, o->n - 1);
        return RV_OK;
}

static int copy_row(struct rv_batch *to, const struct rv_batch *from, uint32_t row)
{
        struct rv_row r;
        int rc = rv_row_begin(&r, to, NULL);
        if (rc < 0)
                return rc;
        for (unsigned p = 0; p < to->class->nproperties; p++)
                rv_copy_value(&r, p, from, rv_get(from, row, p));
        if (r.failed)
                return -ENOMEM;
        rv_row_end(&r);
        return 0;
}

static void free_batches(struct rv_batch *b)
{
        while (b) {
                struct rv_batch *next = b->next;
                rv_batch_free(b);
                b = next;
        }
}

static int sweep_failed(struct rv_order *o, struct rv_batch *fresh)
{
        free_batches(fresh);
        o->n = 0; /* some of the heap pointed into it; the query ends with an error anyway */
        return -ENOMEM;
}

/* Copies the living rows and frees the displaced ones. */
static int sweep(struct rv_order *o)
{
        struct rv_batch *fresh = NULL;
        size_t bytes = 0;
        for (size_t i = 0; i < o->n; i++) {
                if (!fresh || fresh->n == RV_BATCH_ROWS) {
                        struct rv_batch *b = rv_batch_new(o->heap[i].batch->class);
                        if (!b)
                                return sweep_failed(o, fresh);
                        bytes += fresh ? fresh->cap : 0;
                        b->next = fresh;
                        fresh = b;
                }
                if (copy_row(fresh, o->heap[i].batch, o->heap[i].row) < 0)
                        return sweep_failed(o, fresh);
                o->heap[i].batch = fresh;
                o->heap[i].row = fresh->n - 1;
        }
        free_batches(o->batches);
        o->batches = fresh;
        o->bytes = bytes + (fresh ? fresh->cap : 0);
        o->rows = o->n;
        return 0;
}

int rv_order_hold(struct rv_order *o, struct rv_batch *b)
{
        b->next = o->batches;
        o->batches = b;
        o->bytes += b->cap;
        o->rows += b->n;
        if (o->limit && (o->rows > 4 * o->limit + 256 || o->bytes > RV_ORDER_BYTES) && o->rows > o->n) {
                int r = sweep(o);
                if (r < 0)
                        return r;
        }
        return o->bytes > RV_ORDER_BYTES ? -E2BIG : 0;
}

void rv_order_moved(struct rv_order *o, const struct rv_batch *from, struct rv_batch *to)
{
        for (size_t i = 0; i < o->n; i++)
                if (o->heap[i].batch == from)
                        o->heap[i].batch = to;
}

void rv_order_end(struct rv_order *o)
{
        if (o->sorted)
                return;
        o->sorted = true;
        if (o->limit)
                for (size_t i = o->n / 2; i-- > 0; )
                        sift_down(o, i);
}

const struct rv_ranked *rv_order_peek(const struct rv_order *o)
{
        return o->n ? &o->heap[0] : NULL;
}

bool rv_order_pop(struct rv_order *o, struct rv_ranked *ret)
{
        if (!o->n)
                return false;
        *ret = o->heap[0];
        o->heap[0] = o->heap[--o->n];
        sift_down(o, 0);
        return true;
}

void rv_order_free(struct rv_order *o)
{
        free_batches(o->batches);
        free(o->heap);
        *o = (struct rv_order){ 0 };
}
