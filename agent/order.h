/* SPDX-License-Identifier: MIT
 *
 * Rows in order, in bounded memory: a heap of references to rows whose batches it holds.
 *
 * With a limit only the best N rows are kept (what a row displaces is swept out by copying the living ones), so
 * "the ten largest of ten million" costs ten rows. Without one all rows are held, up to RV_ORDER_BYTES. Rows come out
 * one by one, so that the loop never sorts for long. Equal rows keep the order in which they came.
 *
 * Used by one thread at a time; the sink locks.
 */
#ifndef RV_ORDER_H
#define RV_ORDER_H

#include <stdbool.h>

#include "schema/row.h"

#define RV_ORDER_BYTES (64u << 20)

struct rv_order_term {
        uint16_t property;
        bool descending;
};

struct rv_ranked {
        struct rv_batch *batch;
        uint32_t row;
        uint64_t seq;
};

struct rv_order {
        const struct rv_order_term *terms;
        unsigned nterms;
        uint64_t limit;         /* 0 = all */
        struct rv_ranked *heap; /* while collecting with a limit the worst is on top, else the best */
        size_t n, cap;
        uint64_t seq;
        struct rv_batch *batches; /* held */
        size_t bytes, rows;       /* of them */
        bool sorted;              /* rv_order_end() was called */
};

void rv_order_init(struct rv_order *, const struct rv_order_term *, unsigned nterms, uint64_t limit);
/* RV_OK: the row is kept, so its batch must come by rv_order_hold(). RV_STOP: not among the best. -ENOMEM. */

int rv_order_add(struct rv_order *, struct rv_batch *, uint32_t row);
int rv_order_hold(struct rv_order *,
                  struct rv_batch *); /* takes the batch; -E2BIG beyond RV_ORDER_BYTES, -ENOMEM */
void rv_order_moved(struct rv_order *, const struct rv_batch *from,
                    struct rv_batch *to); /* the same rows lie elsewhere */
void rv_order_end(struct rv_order *);     /* no more is added */
bool rv_order_pop(struct rv_order *,
                  struct rv_ranked *ret); /* the next row; it stays valid until rv_order_free() */
const struct rv_ranked *rv_order_peek(const struct rv_order *);
void rv_order_free(struct rv_order *);

/* <0, 0, >0. Null comes first, numbers by value, text without case and then by bytes. */
int rv_compare_values(const struct rv_batch *, const struct rv_value *, const struct rv_batch *,
                      const struct rv_value *);
int rv_compare_rows(const struct rv_order_term *, unsigned nterms, const struct rv_batch *, uint32_t row,
                    const struct rv_batch *, uint32_t other);

#endif
