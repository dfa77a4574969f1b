/* SPDX-License-Identifier: MIT
 *
 * Times of crontabs: what is one and what is none; the next time beside a search through every minute.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "providers/lib/cron.h"

static struct rv_cron parse(const char *text, const char **rest)
{
        struct rv_cron c;
        const char *at = text;
        assert_true(rv_cron_parse(&at, &c));
        if (rest)
                *rest = at;
        return c;
}

static void fields(void **state)
{
        (void)state;
        const char *rest;
        struct rv_cron c = parse("*/15 0,6-8 1-31/10 jan,Mar mon-fri root run-parts", &rest);
        assert_int_equal(c.minutes, UINT64_C(1) | UINT64_C(1) << 15 | UINT64_C(1) << 30 | UINT64_C(1) << 45);
        assert_int_equal(c.hours, 1 | 1 << 6 | 1 << 7 | 1 << 8);
        assert_int_equal(c.days, 1u << 1 | 1u << 11 | 1u << 21 | 1u << 31);
        assert_int_equal(c.months, 1 << 1 | 1 << 3);
        assert_int_equal(c.weekdays, 0x3e);
        assert_string_equal(rest, "root run-parts");
        assert_int_equal(parse("0 0 * * 7 x", NULL).weekdays, 1);
        assert_int_equal(parse("@daily  x", &rest).hours, 1);
        assert_string_equal(rest, "x");
        assert_int_equal(parse("5/10 * * * * x", NULL).minutes,
                         UINT64_C(1) << 5 | UINT64_C(1) << 15 | UINT64_C(1) << 25 | UINT64_C(1) << 35 |
                                 UINT64_C(1) << 45 | UINT64_C(1) << 55);
}

static void none(void **state)
{
        (void)state;
        static const char *const texts[] = { "",
                                             "@reboot x",
                                             "60 * * * * x",
                                             "* 24 * * * x",
                                             "* * 0 * * x",
                                             "* * * 13 * x",
                                             "* * * * 8 x",
                                             "* * * * x",
                                             "a * * * * x",
                                             "5-1 * * * * x",
                                             "*/0 * * * * x",
                                             "1,, * * * * x",
                                             "*",
                                             "1- * * * * x",
                                             "@never x",
                                             "99999999999 * * * * x" };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct rv_cron c;
                const char *at = texts[i];
                assert_false(rv_cron_parse(&at, &c));
        }
}

static bool fits(const struct rv_cron *c, time_t t)
{
        struct tm tm;
        localtime_r(&t, &tm);
        bool day = c->days >> tm.tm_mday & 1, weekday = c->weekdays >> tm.tm_wday & 1;
        return c->minutes >> tm.tm_min & 1 && c->hours >> tm.tm_hour & 1 &&
               c->months >> (tm.tm_mon + 1) & 1 &&
               (c->any_day || c->any_weekday ? day && weekday : day || weekday);
}

static void the_next_time(void **state)
{
        (void)state;
        static const char *const zones[] = { "UTC", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo" };
        static const char *const texts[] = { "* * * * * x",   "17 * * * * x",    "30 7 * * 1-5 x",
                                             "0 0 1 * * x",   "0 2 * 3,10 0 x",  "15,45 22-23 13 * fri x",
                                             "0 12 29 2 * x", "*/7 */5 * * * x", "59 23 31 12 * x" };
        srand(1);
        for (size_t z = 0; z < 4; z++) {
                setenv("TZ", zones[z], 1);
                tzset();
                for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                        struct rv_cron c = parse(texts[i], NULL);
                        for (int k = 0; k < 3; k++) {
                                time_t from =
                                        1700000000 + (time_t)(rand() % (2 * 366 * 1440)) * 60 + rand() % 60;
                                time_t next = rv_cron_next(&c, from), t = from / 60 * 60 + 60;
                                while (!fits(&c, t) && t < from + (time_t)3 * 366 * 86400)
                                        t += 60;
                                if (t < from + (time_t)3 * 366 * 86400)
                                        assert_int_equal(next, t);
                        }
                }
        }
        struct rv_cron never = parse("0 0 31 2 * x", NULL);
        assert_int_equal(rv_cron_next(&never, 1700000000), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(fields), cmocka_unit_test(none),
                                            cmocka_unit_test(the_next_time) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
