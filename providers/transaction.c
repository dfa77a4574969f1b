/* SPDX-License-Identifier: MIT
 *
 * Transaction: changes that wait for their confirmation (agent/confirm.c).
 */
#include <string.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/Transaction.h"

static void text(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), const char *s)
{
        if (s)
                set(row, s, strlen(s));
}

static int each(void *sink, const struct rv_transaction *t)
{
        struct rv_row *row = rv_row(sink);
        text(row, Transaction_set_Id, t->id);
        text(row, Transaction_set_State, t->state);
        text(row, Transaction_set_ClassName, t->class_name);
        text(row, Transaction_set_Operation, t->operation);
        text(row, Transaction_set_User, t->user);
        text(row, Transaction_set_Session, t->session);
        text(row, Transaction_set_Source, t->source);
        text(row, Transaction_set_Message, t->message);
        Transaction_set_Started(row, t->started);
        if (t->revert_at)
                Transaction_set_RevertAt(row, t->revert_at);
        return rv_emit(sink, row);
}

static int transaction_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q, (void)err;
        int r = rv_stats_each_transaction(each, out);
        return r == RV_STOP ? RV_OK : r;
}

static int settle(struct rv_call *c, bool confirm, const char *to, struct rv_error *err)
{
        int r = rv_stats_settle_transaction(c, c->key[Transaction_Id].s, confirm, err);
        if (r == RV_OK) {
                rv_change(c, "State", "Pending", to);
                rv_set_uint(c->out, 0, 0);
        }
        return r;
}

static int transaction_confirm(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return settle(c, true, "Confirmed", err);
}

static int transaction_revert(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return settle(c, false, "Reverting", err);
}

static int (*const methods[])(struct rv_call *, const void *, struct rv_error *) = {
        [Transaction_method_Confirm] = transaction_confirm,
        [Transaction_method_Revert] = transaction_revert,
};

static const struct rv_provider transaction = { .class = &Transaction_class,
                                                .query = transaction_query,
                                                .methods = methods };

RV_PROVIDERS(transaction, &transaction);
