/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/compute.h"

static bool get(void *state, const char *name, size_t n, long double *ret)
{
        int *asked = state;
        ++*asked;
        *ret = n == 4 && memcmp(name, "Size", 4) == 0 ? 200 : 50;
        return !(n == 4 && memcmp(name, "Null", 4) == 0);
}

static void gives(const char *text, long double want)
{
        int asked = 0;
        long double v = -1;
        assert_int_equal(rv_compute(text, get, &asked, &v), RV_COMPUTED);
        assert_true(v == want);
}

static void computes(void **state)
{
        (void)state;
        gives("100 * Free / Size", 25);
        gives("100 - 100 * Free / Size", 75);
        gives("(Size - Free) / 2.5", 60);
        gives("Size - Free - 1", 149);
        gives("Size / Free / 2", 2);
        gives(" 2*(3+(4)) ", 14);
        gives("18446744073709551615 - Free", 18446744073709551565.0L);
}

static void has_no_value(void **state)
{
        (void)state;
        int asked = 0;
        long double v = -1;
        assert_int_equal(rv_compute("Null + Free * Size", get, &asked, &v), RV_COMPUTED_NULL);
        assert_int_equal(asked, 3);
        assert_int_equal(rv_compute("Free / (Size - 200)", get, &asked, &v), RV_COMPUTED_NULL);
        assert_true(v == -1);
}

static void refuses(void **state)
{
        (void)state;
        static const char *const bad[] = { "", "Free +", "(Free", "Free)", "Free Size", "-Free", "Free ^ 2", "'a'",
                                           "((((((((((((((((((((((1))))))))))))))))))))))" };
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                int asked = 0;
                long double v;
                assert_int_equal(rv_compute(bad[i], get, &asked, &v), RV_COMPUTE_FAULT);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(computes),
                cmocka_unit_test(has_no_value),
                cmocka_unit_test(refuses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
