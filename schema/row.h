/* SPDX-License-Identifier: MIT
 *
 * Rows and batches: how instances travel from a provider to whoever asked.
 *
 * A batch is one growable piece of memory with up to RV_BATCH_ROWS rows of one class. A row is `nproperties`
 * values; strings and lists follow in the same memory, named by offset, so a batch can be moved or sent as it is.
 * Rows belong to their batch, a batch to whoever took it.
 *
 * Providers fill rows through the setters that mofc generates (Process_set_Name(row, s, n)), which end in the
 * functions below. Projection is inside: a property that nobody asked for costs one test. When memory runs out
 * the row is marked and rv_emit() answers -ENOMEM; setters never fail.
 */
#ifndef RV_ROW_H
#define RV_ROW_H

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "schema/class.h"
#include "schema/value.h"

#define RV_BATCH_ROWS 64
#define RV_BATCH_BYTES (1u << 20) /* a batch is handed on early when its memory grows past this */

struct rv_batch {
        const struct rv_class *class;
        struct rv_batch *next; /* for queues */
        uint32_t n;            /* rows */
        uint32_t used, cap;    /* bytes of mem */
        uint8_t *mem;
        pthread_mutex_t
                *pin; /* held while mem moves, or NULL: whoever holds it may copy finished rows meanwhile */
        uint32_t row[RV_BATCH_ROWS]; /* offset of each row's first value */
};

/* A row being filled: a place in a batch and what is wanted of it. Valid until it is emitted. */
struct rv_row {
        struct rv_batch *batch;
        const uint64_t *want; /* projection, one bit per property; NULL = all */
        uint32_t at;          /* offset of its first value */
        bool failed;          /* out of memory */
};

struct rv_batch *rv_batch_new(const struct rv_class *); /* NULL when out of memory */
struct rv_batch *rv_batch_free(struct rv_batch *);      /* returns NULL */
/* Starts a row (all null). The batch must have room: n < RV_BATCH_ROWS. 0 or -ENOMEM. */
int rv_row_begin(struct rv_row *, struct rv_batch *, const uint64_t *want);
void rv_row_end(struct rv_row *);  /* counts it */
void rv_row_drop(struct rv_row *); /* forgets it and its memory */

static inline bool rv_bit(const uint64_t *mask, unsigned p)
{
        return !mask || (mask[p >> 6] >> (p & 63) & 1);
}
static inline void rv_bit_set(uint64_t *mask, unsigned p)
{
        mask[p >> 6] |= UINT64_C(1) << (p & 63);
}
#define RV_MASK_WORDS(nproperties) (((nproperties) + 63) / 64)

static inline bool rv_wants(const struct rv_row *r, unsigned p)
{
        return rv_bit(r->want, p);
}
static inline struct rv_value *rv_slot(const struct rv_row *r, unsigned p)
{
        return (struct rv_value *)(r->batch->mem + r->at) + p;
}

static inline void rv_set_bool(struct rv_row *r, unsigned p, bool b)
{
        if (rv_wants(r, p))
                *rv_slot(r, p) = (struct rv_value) { .type = RV_BOOL, .u = b };
}
static inline void rv_set_uint(struct rv_row *r, unsigned p, uint64_t u)
{
        if (rv_wants(r, p))
                *rv_slot(r, p) = (struct rv_value) { .type = RV_UINT, .u = u };
}
static inline void rv_set_int(struct rv_row *r, unsigned p, int64_t i)
{
        if (rv_wants(r, p))
                *rv_slot(r, p) = (struct rv_value) { .type = RV_INT, .i = i };
}
static inline void rv_set_real(struct rv_row *r, unsigned p, double d)
{
        if (rv_wants(r, p))
                *rv_slot(r, p) = (struct rv_value) { .type = RV_REAL, .d = d };
}
static inline void rv_set_datetime(struct rv_row *r, unsigned p, int64_t ns_since_1970)
{
        if (rv_wants(r, p))
                *rv_slot(r, p) = (struct rv_value) { .type = RV_DATETIME, .i = ns_since_1970 };
}
static inline void rv_set_interval(struct rv_row *r, unsigned p, int64_t ns)
{
        if (rv_wants(r, p))
                *rv_slot(r, p) = (struct rv_value) { .type = RV_INTERVAL, .i = ns };
}
void rv_set_string(struct rv_row *, unsigned p, const char *, size_t n); /* copies */
void rv_set_ref(struct rv_row *, unsigned p, const char *, size_t n);

/* Lists and embedded objects: make room for n items (all null), then fill them by index. The handle stays valid
 * while the row is filled; 0 means "not wanted or no memory" and is ignored by rv_item_*.
 * For an object n is the embedded class' nproperties and items are its property ids. */
typedef uint32_t rv_list;
rv_list rv_set_list(struct rv_row *, unsigned p, uint32_t n);
rv_list rv_set_object(struct rv_row *, unsigned p, const struct rv_class *embedded);
rv_list rv_item_list(struct rv_row *, rv_list, uint32_t i, uint32_t n); /* a list inside a list or object */
rv_list rv_item_object(struct rv_row *, rv_list, uint32_t i, const struct rv_class *embedded);
void rv_item_bool(struct rv_row *, rv_list, uint32_t i, bool);
void rv_item_uint(struct rv_row *, rv_list, uint32_t i, uint64_t);
void rv_item_int(struct rv_row *, rv_list, uint32_t i, int64_t);
void rv_item_real(struct rv_row *, rv_list, uint32_t i, double);
void rv_item_datetime(struct rv_row *, rv_list, uint32_t i, int64_t ns_since_1970);
void rv_item_string(struct rv_row *, rv_list, uint32_t i, const char *, size_t n);

/* Copies a value (with its text and items) from another batch, or from an argument. */
void rv_copy_value(struct rv_row *, unsigned p, const struct rv_batch *from, const struct rv_value *);
void rv_copy_arg(struct rv_row *, unsigned p, const struct rv_arg *);

/* Reading. */
static inline const struct rv_value *rv_get(const struct rv_batch *b, uint32_t row, unsigned p)
{
        return (const struct rv_value *)(b->mem + b->row[row]) + p;
}
static inline const char *rv_text(const struct rv_batch *b, const struct rv_value *v)
{
        return (const char *)b->mem + v->off; /* len bytes and a NUL */
}
static inline const struct rv_value *rv_items(const struct rv_batch *b, const struct rv_value *v)
{
        return (const struct rv_value *)(b->mem + v->off);
}

#endif
