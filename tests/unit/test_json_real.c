/* SPDX-License-Identifier: MIT
 *
 * Reals as text: they read back the same, and no shorter text does.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/json.h"

static const struct rv_property properties[] = { { .name = "R", .type = RV_CIM_REAL64 } };
static const struct rv_class class = {
        .name = "T", .name_space = "root/reeve", .properties = properties, .nproperties = 1
};

static void write_real(double d, char *text, size_t size)
{
        struct rv_batch *b = rv_batch_new(&class);
        struct rv_row row;
        struct rv_buf out = { 0 };
        assert_int_equal(rv_row_begin(&row, b, NULL), 0);
        rv_set_real(&row, 0, d);
        rv_row_end(&row);
        rv_json_row(&out, b, 0, NULL, 0);
        snprintf(text, size, "%.*s", (int)out.len - 6, out.data + 5);
        rv_buf_free(&out);
        rv_batch_free(b);
}

/* Significant digits of a decimal text. */
static int significant(const char *s)
{
        int n = 0, zeros = 0;
        for (; *s && *s != 'e'; s++)
                if (*s >= '1' && *s <= '9')
                        n += zeros + 1, zeros = 0;
                else if (*s == '0' && n)
                        zeros++;
        return n;
}

static void check(double d)
{
        char text[64], shortest[64];
        write_real(d, text, sizeof text);
        for (int precision = 1; precision <= 17; precision++) {
                snprintf(shortest, sizeof shortest, "%.*g", precision, d);
                if (strtod(shortest, NULL) == d)
                        break;
        }
        if (strtod(text, NULL) != d || significant(text) > significant(shortest))
                fail_msg("%a is written %s, the shortest is %s", d, text, shortest);
}

static void known_ones(void **state)
{
        (void)state;
        static const struct {
                double d;
                const char *text;
        } all[] = { { 0, "0.0" },
                    { -0.0, "-0.0" },
                    { 1, "1.0" },
                    { 0.1, "0.1" },
                    { 0.3, "0.3" },
                    { 1.9, "1.9" },
                    { -2.5, "-2.5" },
                    { 0.25, "0.25" },
                    { 100, "100.0" },
                    { 1.0 / 3, "0.3333333333333333" },
                    { 1e300, "1e+300" },
                    { INFINITY, "null" },
                    { NAN, "null" },
                    { 9007199254740991.0, "9007199254740991.0" },
                    { 5e-324, "4.94065645841247e-324" } };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                char text[64];
                write_real(all[i].d, text, sizeof text);
                assert_string_equal(text, all[i].text);
        }
}

static void read_back(void **state)
{
        (void)state;
        uint64_t x = 88172645463325252u;
        for (int i = 0; i < 200000; i++) {
                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                double d = ldexp((double)(x >> 11), (int)(x % 75) - 73);
                check(i % 2 ? d : -d);
                check(floor(d * 1000) / 1000);
        }
        for (int e = -40; e < 60; e++)
                for (int k = -3; k <= 3; k++) {
                        double d = ldexp(1, e);
                        for (int n = 0; n < abs(k); n++)
                                d = nextafter(d, k < 0 ? 0 : INFINITY);
                        check(d);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(known_ones), cmocka_unit_test(read_back) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
