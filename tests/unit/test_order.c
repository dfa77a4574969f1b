/* SPDX-License-Identifier: MIT
 *
 * Rows in order: against qsort with random rows, with and without a limit, in bounded memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/order.h"
#include "schema/error.h"

static const struct rv_property properties[] = { { .name = "Id", .type = RV_CIM_UINT32, .flags = RV_KEY },
                                                 { .name = "Name", .type = RV_CIM_STRING } };
static const struct rv_class class = {
        .name = "Test", .name_space = "root/reeve", .properties = properties, .nproperties = 2
};
static const struct rv_order_term by_id[] = { { .property = 0 } },
                                  by_id_down[] = { { .property = 0, .descending = true } },
                                  by_name[] = { { .property = 1 } };

/* Feeds rows as a sink does: whole batches. */
static int feed(struct rv_order *o, const uint32_t *ids, size_t n)
{
        struct rv_batch *b = NULL;
        int r = 0;
        for (size_t i = 0; i < n && r == 0; i++) {
                if (!b)
                        b = rv_batch_new(&class);
                struct rv_row row;
                char name[32];
                int len = snprintf(name, sizeof name, "row %zu", i);
                assert_int_equal(rv_row_begin(&row, b, NULL), 0);
                rv_set_uint(&row, 0, ids[i]);
                rv_set_string(&row, 1, name, (size_t)len);
                rv_row_end(&row);
                if (rv_order_add(o, b, b->n - 1) == RV_STOP)
                        b->used = b->row[--b->n];
                if (b->n == RV_BATCH_ROWS) {
                        r = rv_order_hold(o, b);
                        b = NULL;
                }
        }
        if (b && r == 0)
                r = rv_order_hold(o, b);
        rv_order_end(o);
        return r;
}

static int up(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return (x > y) - (x < y);
}

static void check_like_qsort(size_t n, uint64_t limit, bool descending, uint32_t most)
{
        uint32_t *ids = calloc(n + 1, sizeof *ids);
        for (size_t i = 0; i < n; i++)
                ids[i] = (uint32_t)rand() % most;
        struct rv_order o;
        rv_order_init(&o, descending ? by_id_down : by_id, 1, limit);
        assert_int_equal(feed(&o, ids, n), 0);
        if (limit)
                assert_true(o.rows <= 4 * limit + 256 + RV_BATCH_ROWS);
        qsort(ids, n, sizeof *ids, up);
        size_t wanted = limit && limit < n ? limit : n;
        struct rv_ranked r;
        for (size_t i = 0; i < wanted; i++) {
                assert_true(rv_order_pop(&o, &r));
                assert_int_equal(rv_get(r.batch, r.row, 0)->u, descending ? ids[n - 1 - i] : ids[i]);
                assert_memory_equal(rv_text(r.batch, rv_get(r.batch, r.row, 1)), "row ", 4);
        }
        assert_false(rv_order_pop(&o, &r));
        rv_order_free(&o);
        free(ids);
}

static void sorts_like_qsort(void **state)
{
        (void)state;
        static const size_t sizes[] = { 0, 1, 2, 3, 63, 64, 65, 1000, 5000 };
        static const uint64_t limits[] = { 0, 1, 2, 10, 64, 100000 };
        srand(17);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
                        check_like_qsort(sizes[i], limits[k], false, 1000000);
                        check_like_qsort(sizes[i], limits[k], true, 50);
                }
}

static void the_best_of_many_need_memory_for_few(void **state)
{
        (void)state;
        size_t n = 200000;
        uint32_t *ids = calloc(n, sizeof *ids);
        for (size_t i = 0; i < n; i++)
                ids[i] = (uint32_t)(n - i); /* the worst case: each displaces one */
        struct rv_order o;
        rv_order_init(&o, by_id, 1, 10);
        assert_int_equal(feed(&o, ids, n), 0);
        assert_true(o.bytes < 200 * 1024);
        struct rv_ranked r;
        for (unsigned i = 1; i <= 10; i++) {
                assert_true(rv_order_pop(&o, &r));
                assert_int_equal(rv_get(r.batch, r.row, 0)->u, i);
        }
        rv_order_free(&o);
        free(ids);
}

static void equal_rows_keep_their_order(void **state)
{
        (void)state;
        uint32_t ids[300];
        for (unsigned i = 0; i < 300; i++)
                ids[i] = i % 3;
        for (int limit = 0; limit <= 200; limit += 200) {
                struct rv_order o;
                rv_order_init(&o, by_id, 1, (uint64_t)limit);
                assert_int_equal(feed(&o, ids, 300), 0);
                struct rv_ranked r;
                for (unsigned i = 0; i < 100; i++) {
                        char name[32];
                        snprintf(name, sizeof name, "row %u", i * 3);
                        assert_true(rv_order_pop(&o, &r));
                        assert_string_equal(rv_text(r.batch, rv_get(r.batch, r.row, 1)), name);
                }
                rv_order_free(&o);
        }
}

static void all_rows_are_too_many_at_some_point(void **state)
{
        (void)state;
        struct rv_order o;
        rv_order_init(&o, by_name, 1, 0);
        int r = 0;
        char *big = calloc(1, 1 << 20);
        memset(big, 'x', (1 << 20) - 1);
        for (int i = 0; i < 100 && r == 0; i++) {
                struct rv_batch *b = rv_batch_new(&class);
                struct rv_row row;
                rv_row_begin(&row, b, NULL);
                rv_set_string(&row, 1, big, (1 << 20) - 1);
                rv_row_end(&row);
                assert_int_equal(rv_order_add(&o, b, 0), RV_OK);
                r = rv_order_hold(&o, b);
        }
        assert_int_equal(r, -E2BIG);
        rv_order_free(&o);
        free(big);
}

static void values_compare_across_types(void **state)
{
        (void)state;
        struct rv_value minus = { .type = RV_INT, .i = -1 }, one = { .type = RV_UINT, .u = 1 },
                        huge = { .type = RV_UINT, .u = UINT64_MAX }, half = { .type = RV_REAL, .d = 0.5 },
                        null = { 0 };
        assert_true(rv_compare_values(NULL, &minus, NULL, &one) < 0);
        assert_true(rv_compare_values(NULL, &huge, NULL, &minus) > 0);
        assert_true(rv_compare_values(NULL, &half, NULL, &one) < 0);
        assert_true(rv_compare_values(NULL, &half, NULL, &minus) > 0);
        assert_true(rv_compare_values(NULL, &null, NULL, &minus) < 0);
        assert_int_equal(rv_compare_values(NULL, &null, NULL, &null), 0);

        struct rv_batch *b = rv_batch_new(&class);
        static const char *const texts[] = { "abc", "ABD", "ab", "ABC" };
        struct rv_row row;
        for (int i = 0; i < 4; i++) {
                rv_row_begin(&row, b, NULL);
                rv_set_string(&row, 1, texts[i], strlen(texts[i]));
                rv_row_end(&row);
        }
        struct rv_value v[4];
        for (unsigned i = 0; i < 4; i++)
                v[i] = *rv_get(b, i, 1);
        assert_true(rv_compare_values(b, &v[0], b, &v[1]) < 0);
        assert_true(rv_compare_values(b, &v[2], b, &v[0]) < 0);
        assert_true(rv_compare_values(b, &v[0], b, &v[3]) > 0); /* equal without case: bytes decide */
        rv_batch_free(b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sorts_like_qsort),
                cmocka_unit_test(the_best_of_many_need_memory_for_few),
                cmocka_unit_test(equal_rows_keep_their_order),
                cmocka_unit_test(all_rows_are_too_many_at_some_point),
                cmocka_unit_test(values_compare_across_types),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
