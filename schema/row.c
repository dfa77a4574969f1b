/* SPDX-License-Identifier: MIT */
#include "schema/row.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_BYTES = 16 * 1024, FORESEEN = 192 * 1024 };

struct rv_batch *rv_batch_new(const struct rv_class *class)
{
        struct rv_batch *b = calloc(1, sizeof *b);
        if (!b)
                return NULL;
        b->class = class;
        b->mem = malloc(FIRST_BYTES);
        if (!b->mem)
                return rv_batch_free(b);
        b->cap = FIRST_BYTES;
        b->used = sizeof(struct rv_value); /* offset 0 means "none" */
        return b;
}

struct rv_batch *rv_batch_free(struct rv_batch *b)
{
        if (b)
                free(b->mem);
        free(b);
        return NULL;
}

static bool grow(struct rv_batch *b, size_t cap)
{
        if (b->pin)
                pthread_mutex_lock(b->pin);
        uint8_t *mem = realloc(b->mem, cap);
        if (mem) {
                b->mem = mem;
                b->cap = (uint32_t)cap;
        }
        if (b->pin)
                pthread_mutex_unlock(b->pin);
        return mem;
}

/* Takes n bytes at a 16-byte boundary; 0 when out of memory. */
static uint32_t batch_get(struct rv_batch *b, size_t n)
{
        size_t at = (b->used + 15u) & ~15u;
        if (n > UINT32_MAX / 4 || at + n > UINT32_MAX / 2)
                return 0;
        if (at + n > b->cap) {
                size_t cap = b->cap * 2u, whole = b->n ? (at + n) / b->n * (RV_BATCH_ROWS + 4) : 0;
                if (whole < FORESEEN) /* rows are alike: room for all of them at once, each move copies what is there */
                        cap = whole > cap ? whole : cap;
                while (cap < at + n)
                        cap *= 2;
                if (!grow(b, cap))
                        return 0;
        }
        b->used = (uint32_t)(at + n);
        return (uint32_t)at;
}

int rv_row_begin(struct rv_row *r, struct rv_batch *b, const uint64_t *want)
{
        size_t n = b->class->nproperties * sizeof(struct rv_value);
        uint32_t at = batch_get(b, n);
        if (!at)
                return -ENOMEM;
        memset(b->mem + at, 0, n);
        *r = (struct rv_row){ .batch = b, .want = want, .at = at };
        return 0;
}

void rv_row_end(struct rv_row *r)
{
        r->batch->row[r->batch->n++] = r->at;
}

void rv_row_drop(struct rv_row *r)
{
        r->batch->used = r->at;
}

/* Copies text into the batch; *ret is untouched when memory runs out. */
static void put_text(struct rv_row *r, struct rv_value *ret, uint32_t at_of_ret, uint8_t type, const char *s, size_t n)
{
        uint32_t at = batch_get(r->batch, n + 1);
        if (!at) {
                r->failed = true;
                return;
        }
        if (at_of_ret) /* the memory may have moved */
                ret = (struct rv_value *)(r->batch->mem + at_of_ret);
        if (n)
                memcpy(r->batch->mem + at, s, n);
        r->batch->mem[at + n] = 0;
        *ret = (struct rv_value){ .type = type, .len = (uint32_t)n, .off = at };
}

static uint32_t slot_at(const struct rv_row *r, unsigned p)
{
        return r->at + p * (uint32_t)sizeof(struct rv_value);
}

void rv_set_string(struct rv_row *r, unsigned p, const char *s, size_t n)
{
        if (rv_wants(r, p))
                put_text(r, NULL, slot_at(r, p), RV_STRING, s, n);
}

void rv_set_ref(struct rv_row *r, unsigned p, const char *s, size_t n)
{
        if (rv_wants(r, p))
                put_text(r, NULL, slot_at(r, p), RV_REF, s, n);
}

/* Makes a list or object of n nulls and stores it at the given offset. */
static rv_list put_list(struct rv_row *r, uint32_t at_of_ret, uint8_t type, uint32_t n)
{
        size_t bytes = n * sizeof(struct rv_value);
        uint32_t at = batch_get(r->batch, bytes ? bytes : 1);
        if (!at) {
                r->failed = true;
                return 0;
        }
        memset(r->batch->mem + at, 0, bytes);
        *(struct rv_value *)(r->batch->mem + at_of_ret) = (struct rv_value){ .type = type, .len = n, .off = at };
        return at;
}

static uint32_t item_at(rv_list list, uint32_t i)
{
        return list + i * (uint32_t)sizeof(struct rv_value);
}

rv_list rv_set_list(struct rv_row *r, unsigned p, uint32_t n)
{
        return rv_wants(r, p) ? put_list(r, slot_at(r, p), RV_LIST, n) : 0;
}

rv_list rv_set_object(struct rv_row *r, unsigned p, const struct rv_class *embedded)
{
        return rv_wants(r, p) ? put_list(r, slot_at(r, p), RV_OBJECT, embedded->nproperties) : 0;
}

rv_list rv_item_list(struct rv_row *r, rv_list list, uint32_t i, uint32_t n)
{
        return list ? put_list(r, item_at(list, i), RV_LIST, n) : 0;
}

rv_list rv_item_object(struct rv_row *r, rv_list list, uint32_t i, const struct rv_class *embedded)
{
        return list ? put_list(r, item_at(list, i), RV_OBJECT, embedded->nproperties) : 0;
}

static void put_item(struct rv_row *r, rv_list list, uint32_t i, struct rv_value v)
{
        if (list)
                *(struct rv_value *)(r->batch->mem + item_at(list, i)) = v;
}

void rv_item_bool(struct rv_row *r, rv_list list, uint32_t i, bool b)
{
        put_item(r, list, i, (struct rv_value){ .type = RV_BOOL, .u = b });
}

void rv_item_uint(struct rv_row *r, rv_list list, uint32_t i, uint64_t u)
{
        put_item(r, list, i, (struct rv_value){ .type = RV_UINT, .u = u });
}

void rv_item_int(struct rv_row *r, rv_list list, uint32_t i, int64_t v)
{
        put_item(r, list, i, (struct rv_value){ .type = RV_INT, .i = v });
}

void rv_item_real(struct rv_row *r, rv_list list, uint32_t i, double d)
{
        put_item(r, list, i, (struct rv_value){ .type = RV_REAL, .d = d });
}

void rv_item_datetime(struct rv_row *r, rv_list list, uint32_t i, int64_t ns)
{
        put_item(r, list, i, (struct rv_value){ .type = RV_DATETIME, .i = ns });
}

void rv_item_string(struct rv_row *r, rv_list list, uint32_t i, const char *s, size_t n)
{
        if (list)
                put_text(r, NULL, item_at(list, i), RV_STRING, s, n);
}

static void copy_value(struct rv_row *r, uint32_t to, const struct rv_batch *from, struct rv_value v)
{
        switch (v.type) {
        case RV_STRING: case RV_REF:
                put_text(r, NULL, to, v.type, rv_text(from, &v), v.len);
                return;
        case RV_LIST: case RV_OBJECT: {
                rv_list list = put_list(r, to, v.type, v.len);
                for (uint32_t i = 0; list && i < v.len; i++)
                        copy_value(r, item_at(list, i), from, rv_items(from, &v)[i]);
                return;
        }
        default:
                *(struct rv_value *)(r->batch->mem + to) = v;
        }
}

void rv_copy_value(struct rv_row *r, unsigned p, const struct rv_batch *from, const struct rv_value *v)
{
        if (rv_wants(r, p))
                copy_value(r, slot_at(r, p), from, *v);
}

static void copy_arg(struct rv_row *r, uint32_t to, const struct rv_arg *a)
{
        switch (a->type) {
        case RV_STRING: case RV_REF:
                put_text(r, NULL, to, a->type, a->s, a->len);
                return;
        case RV_LIST: case RV_OBJECT: {
                rv_list list = put_list(r, to, a->type, a->len);
                for (uint32_t i = 0; list && i < a->len; i++)
                        copy_arg(r, item_at(list, i), &a->items[i]);
                return;
        }
        default:
                *(struct rv_value *)(r->batch->mem + to) = (struct rv_value){ .type = a->type, .u = a->u };
        }
}

void rv_copy_arg(struct rv_row *r, unsigned p, const struct rv_arg *a)
{
        if (rv_wants(r, p))
                copy_arg(r, slot_at(r, p), a);
}
