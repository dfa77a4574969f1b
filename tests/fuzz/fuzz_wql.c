/* SPDX-License-Identifier: MIT
 *
 * Any text as a WQL query, as a condition over Process, as an event query, as ASSOCIATORS OF and as an object path;
 * what parses is evaluated over an empty and a filled row.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/assoc.h"
#include "agent/wql.h"
#include "gen/Process.h"

static struct rv_batch *rows(void)
{
        struct rv_batch *b = rv_batch_new(&Process_class);
        struct rv_row row;
        for (int i = 0; b && i < 2 && rv_row_begin(&row, b, NULL) == 0; i++) {
                if (i) {
                        Process_set_ProcessId(&row, 17);
                        Process_set_Name(&row, "s\xffleep", 6);
                        Process_set_CreationDate(&row, 1);
                        Process_set_Nice(&row, -3);
                        rv_list l = Process_set_Arguments(&row, 1);
                        rv_item_string(&row, l, 0, "x", 1);
                }
                rv_row_end(&row);
        }
        return b;
}

static void as_event(const char *text, size_t size)
{
        struct rv_arena a = { 0 };
        struct rv_error err = { 0 };
        struct rv_wql_event q;
        const struct rv_expr *e;
        rv_wql_is_event(text, size);
        if (rv_wql_event(text, size, &a, &q, &err) == RV_OK && q.where) {
                text = q.where;
                size = q.where_len;
        }
        if (rv_wql_event_where(text, size, 0, &Process_class, true, &a, &e, &err) == RV_OK) {
                struct rv_batch *b = rows();
                uint64_t mask[RV_MASK_WORDS(Process_nproperties)] = { 0 };
                struct rv_arg equals[Process_nproperties] = { 0 };
                rv_expr_uses(e, mask);
                rv_expr_equals(e, equals);
                for (uint32_t i = 0; b && i < 4; i++)
                        rv_expr_true2(e, b, i & 1, b, i >> 1);
                if (b)
                        rv_expr_true2(e, b, 1, NULL, 0);
                rv_batch_free(b);
        }
        rv_arena_free(&a);
}

static void as_path(const char *text, size_t size)
{
        struct rv_arena a = { 0 };
        struct rv_error err = { 0 };
        struct rv_wql_assoc q;
        char name[64];
        struct rv_arg keys[Process_nproperties] = { 0 };
        if (rv_wql_is_assoc(text, size) && rv_wql_assoc(text, size, &a, &q, &err) == RV_OK)
                text = q.path, size = strlen(q.path);
        char *own = rv_arena_text(&a, text, size);
        if (own) {
                rv_path_class(own, name, sizeof name);
                rv_path_keys(own, &Process_class, &a, keys, &err);
                rv_path_fits(own, size, "Process.ProcessId=1,Name=\"x\"", 27);
                rv_path_fits("Process.ProcessId=1,Name=\"x\"", 27, own, size);
        }
        rv_arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rv_arena a = { 0 };
        struct rv_error err = { 0 };
        struct rv_wql_select select;
        const struct rv_expr *e;
        const char *text = (const char *)data;
        as_event(text, size);
        as_path(text, size);
        rv_wql_select(text, size, &a, &select, &err);
        if (rv_wql_where(text, size, 0, &Process_class, &a, &e, &err) == RV_OK) {
                struct rv_batch *b = rows();
                uint64_t mask[RV_MASK_WORDS(Process_nproperties)] = { 0 };
                struct rv_arg equals[Process_nproperties] = { 0 };
                rv_expr_uses(e, mask);
                rv_expr_equals(e, equals);
                for (uint32_t i = 0; b && i < b->n; i++)
                        rv_expr_true(e, b, i);
                rv_batch_free(b);
        }
        rv_arena_free(&a);
        return 0;
}
