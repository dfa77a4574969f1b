/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "schema/arena.h"
#include "schema/error.h"
#include "schema/row.h"

enum { NAME, SIZE, TAGS, WHEN, NPROPERTIES };
static const struct rv_property properties[NPROPERTIES] = {
        { .name = "Name", .type = RV_CIM_STRING },
        { .name = "Size", .type = RV_CIM_UINT64 },
        { .name = "Tags", .type = RV_CIM_STRING, .is_array = true },
        { .name = "When", .type = RV_CIM_DATETIME },
};
static const struct rv_class thing = { .name = "Thing",
                                       .properties = properties,
                                       .nproperties = NPROPERTIES };

static void fill(struct rv_row *r)
{
        rv_set_string(r, NAME, "abc", 3);
        rv_set_uint(r, SIZE, UINT64_MAX);
        rv_list list = rv_set_list(r, TAGS, 2);
        rv_item_string(r, list, 0, "x", 1);
        rv_item_string(r, list, 1, "", 0);
        rv_set_datetime(r, WHEN, -5);
}

static void holds_what_is_set(void **state)
{
        (void)state;
        struct rv_batch *b = rv_batch_new(&thing);
        struct rv_row r;
        assert_int_equal(rv_row_begin(&r, b, NULL), 0);
        fill(&r);
        assert_false(r.failed);
        rv_row_end(&r);

        assert_int_equal(b->n, 1);
        assert_string_equal(rv_text(b, rv_get(b, 0, NAME)), "abc");
        assert_true(rv_get(b, 0, SIZE)->u == UINT64_MAX);
        assert_int_equal(rv_get(b, 0, TAGS)->len, 2);
        assert_string_equal(rv_text(b, &rv_items(b, rv_get(b, 0, TAGS))[0]), "x");
        assert_int_equal(rv_items(b, rv_get(b, 0, TAGS))[1].len, 0);
        assert_true(rv_get(b, 0, WHEN)->i == -5);
        rv_batch_free(b);
}

static void sets_only_what_is_wanted(void **state)
{
        (void)state;
        struct rv_batch *b = rv_batch_new(&thing);
        uint64_t want[RV_MASK_WORDS(NPROPERTIES)] = { 0 };
        rv_bit_set(want, SIZE);
        struct rv_row r;
        assert_int_equal(rv_row_begin(&r, b, want), 0);
        uint32_t used = b->used;
        fill(&r);
        rv_row_end(&r);

        assert_int_equal(b->used, used);
        assert_int_equal(rv_get(b, 0, NAME)->type, RV_NULL);
        assert_int_equal(rv_get(b, 0, TAGS)->type, RV_NULL);
        assert_int_equal(rv_get(b, 0, SIZE)->type, RV_UINT);
        rv_batch_free(b);
}

static void survives_growth(void **state)
{
        (void)state;
        static char big[100000];
        memset(big, 'b', sizeof big);
        struct rv_batch *b = rv_batch_new(&thing);
        for (int i = 0; i < RV_BATCH_ROWS; i++) {
                struct rv_row r;
                assert_int_equal(rv_row_begin(&r, b, NULL), 0);
                fill(&r);
                rv_set_string(&r, NAME, big, sizeof big);
                rv_row_end(&r);
        }
        for (int i = 0; i < RV_BATCH_ROWS; i++) {
                assert_memory_equal(rv_text(b, rv_get(b, i, NAME)), big, sizeof big);
                assert_string_equal(rv_text(b, &rv_items(b, rv_get(b, i, TAGS))[0]), "x");
        }
        rv_batch_free(b);
}

static void copies_between_batches(void **state)
{
        (void)state;
        struct rv_batch *a = rv_batch_new(&thing), *b = rv_batch_new(&thing);
        struct rv_row r, s;
        rv_row_begin(&r, a, NULL);
        fill(&r);
        rv_row_end(&r);
        rv_row_begin(&s, b, NULL);
        for (unsigned p = 0; p < NPROPERTIES; p++)
                rv_copy_value(&s, p, a, rv_get(a, 0, p));
        rv_row_end(&s);
        rv_batch_free(a);
        assert_string_equal(rv_text(b, rv_get(b, 0, NAME)), "abc");
        assert_string_equal(rv_text(b, &rv_items(b, rv_get(b, 0, TAGS))[0]), "x");
        rv_batch_free(b);
}

static void cuts_messages_at_characters(void **state)
{
        (void)state;
        struct rv_error e = { 0 };
        char text[400];
        for (size_t i = 0; i + 1 < sizeof text; i += 2)
                memcpy(text + i, "é", 2);
        text[398] = 0;
        assert_int_equal(rv_fail(&e, RV_NOT_FOUND, "x%s", text), RV_NOT_FOUND);
        size_t n = strlen(e.message);
        assert_true(n >= sizeof e.message - 3 && n < sizeof e.message);
        assert_true(((unsigned char)e.message[n - 1] & 0xc0) == 0x80);
        assert_int_equal(n % 2, 1);
}

static void maps_errno_to_cim_status(void **state)
{
        (void)state;
        struct rv_error e = { 0 };
        assert_int_equal(rv_fail_errno(&e, ESRCH, "cannot signal process %d", 17), RV_NOT_FOUND);
        assert_string_equal(e.message, "cannot signal process 17: No such process");
        assert_false(e.retryable);
        assert_int_equal(rv_fail_errno(&e, -EMFILE, "x"), RV_UNAVAILABLE);
        assert_true(e.retryable);
        assert_string_equal(rv_status_name(RV_STALE), "STALE");
        assert_string_equal(rv_status_category(RV_ACCESS_DENIED), "PermissionDenied");
}

static void an_arena_has_a_limit(void **state)
{
        (void)state;
        struct rv_arena a = { .limit = 1000 };
        assert_non_null(rv_arena_get(&a, 900));
        assert_null(rv_arena_get(&a, 900));
        assert_null(rv_arena_get(&a, SIZE_MAX));
        rv_arena_free(&a);
        char *s = rv_arena_text(&a, "abcdef", 3);
        assert_string_equal(s, "abc");
        rv_arena_free(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(holds_what_is_set),
                cmocka_unit_test(sets_only_what_is_wanted),
                cmocka_unit_test(survives_growth),
                cmocka_unit_test(copies_between_batches),
                cmocka_unit_test(cuts_messages_at_characters),
                cmocka_unit_test(maps_errno_to_cim_status),
                cmocka_unit_test(an_arena_has_a_limit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
