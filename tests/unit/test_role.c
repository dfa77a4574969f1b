/* SPDX-License-Identifier: MIT
 *
 * Roles' words: sources, times, and whom a role fits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/role.h"
#include "agent/role_who.h"

static void sources(void **state)
{
        (void)state;
        assert_true(rv_source_fits("local", "local"));
        assert_false(rv_source_fits("local", "10.0.0.1:22"));
        assert_false(rv_source_fits("0.0.0.0/0", "local"));
        assert_true(rv_source_fits("10.0.0.0/8", "10.255.0.1:1"));
        assert_false(rv_source_fits("10.0.0.0/8", "11.0.0.1:1"));
        assert_true(rv_source_fits("10.0.0.1", "10.0.0.1:65000"));
        assert_false(rv_source_fits("10.0.0.1", "10.0.0.11:65000"));
        assert_true(rv_source_fits("10.0.0.0/8", "[::ffff:10.1.2.3]:22"));
        assert_true(rv_source_fits("::ffff:10.0.0.0/104", "10.1.2.3:22"));
        assert_true(rv_source_fits("fe80::/10", "[fe80::1]:22"));
        assert_true(rv_source_fits("fe80::/10", "fe80::1:22")); /* as it is written without brackets */
        assert_false(rv_source_fits("::1", "10.0.0.1:22"));
        assert_false(rv_source_fits("0.0.0.0/0", "[::1]:22"));
        assert_true(rv_source_fits("0.0.0.0/0", "1.2.3.4:5"));
        assert_false(rv_source_fits("10.0.0.0/8", ""));
        assert_false(rv_source_fits("10.0.0.0/8", "10.0.0.1"));
        const char *const wrong[] = { "",       "10.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/",
                                      "::/129", "Local",  "10.0.0.0/8x", "/8" };
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                assert_false(rv_source_ok(wrong[i]));
}

/* 2026-11-23 is a Monday. */
static int64_t at(int day, int hour, int minute)
{
        struct tm tm = { .tm_year = 126,
                         .tm_mon = 10,
                         .tm_mday = 23 + day,
                         .tm_hour = hour,
                         .tm_min = minute,
                         .tm_isdst = -1 };
        return mktime(&tm);
}

static void times(void **state)
{
        (void)state;
        assert_true(rv_time_fits("Mon-Fri 08:00-18:00", at(0, 8, 0)));
        assert_true(rv_time_fits("Mon-Fri 08:00-18:00", at(4, 17, 59)));
        assert_false(rv_time_fits("Mon-Fri 08:00-18:00", at(4, 18, 0)));
        assert_false(rv_time_fits("Mon-Fri 08:00-18:00", at(0, 7, 59)));
        assert_false(rv_time_fits("Mon-Fri 08:00-18:00", at(5, 9, 0)));
        assert_true(rv_time_fits("sat", at(5, 0, 0)));
        assert_true(rv_time_fits("Sat", at(5, 23, 59)));
        assert_false(rv_time_fits("Sat", at(6, 0, 0)));
        assert_true(rv_time_fits("Sat-Mon", at(6, 3, 0)));
        assert_true(rv_time_fits("Sat-Mon", at(0, 3, 0)));
        assert_false(rv_time_fits("Sat-Mon", at(1, 3, 0)));
        assert_true(rv_time_fits("22:00-06:00", at(1, 23, 0)));
        assert_true(rv_time_fits("22:00-06:00", at(1, 5, 59)));
        assert_false(rv_time_fits("22:00-06:00", at(1, 6, 0)));
        assert_true(rv_time_fits("Fri 22:00-06:00", at(5, 5, 0))); /* begins on Friday */
        assert_false(rv_time_fits("Fri 22:00-06:00", at(4, 5, 0)));
        assert_true(rv_time_fits("00:00-24:00", at(2, 12, 0)));
        const char *const wrong[] = { "",
                                      "Mun",
                                      "Mon-",
                                      "Mon 8",
                                      "08:00",
                                      "08:00-",
                                      "25:00-26:00",
                                      "08:60-09:00",
                                      "24:01-25:00",
                                      "08:00-08:00",
                                      "Mon08:00-09:00",
                                      "08:00-09:00 Mon",
                                      "-5:00-06:00" };
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                assert_false(rv_time_ok(wrong[i]));
}

static struct rv_role_set *parse(const char *text)
{
        static struct rv_registry registry;
        struct rv_error err = { 0 };
        if (!registry.n)
                assert_int_equal(rv_registry_init(&registry), 0);
        struct rv_role_set *s = rv_roles_parse("r", "r.role", text, strlen(text), &registry, &err);
        if (!s)
                assert_true(err.code > 0 && *err.message);
        return s;
}

static bool fits(const char *who_section, const struct rv_identity *who)
{
        char text[500];
        snprintf(text, sizeof text, "[Role]\n%s", who_section);
        struct rv_role_set *s = parse(text);
        assert_non_null(s);
        bool fit = rv_role_fits(&s->roles[0], who, at(0, 12, 0));
        rv_roles_drop(s);
        return fit;
}

static void whom(void **state)
{
        (void)state;
        const struct rv_identity
                nobody = { .user = "anna" },
                anna = { .made = true, .uid = 1000, .user = "anna", .source = "local", .key = "SHA256:k" },
                keyed = { .made = true, .uid = 0, .user = "root", .role = "r", .source = "local" },
                other = { .made = true, .user = "anna", .role = "s", .source = "local" };
        assert_true(fits("[Who]\nUser = ben, anna\n", &anna));
        assert_false(fits("[Who]\nUser = Anna\n", &anna)); /* users have case */
        assert_true(fits("[Who]\nUser = ben\n[Who]\nKey = SHA256:k\n", &anna));
        assert_false(fits("[Who]\nUser = anna\nKey = SHA256:other\n", &anna));
        assert_false(fits("[Who]\nUser = anna\nSource = 10.0.0.0/8\n", &anna));
        assert_true(fits("[Who]\nUser = *\nUntil = 2026-11-23\n", &anna)); /* that day, too */
        assert_false(fits("[Who]\nUser = *\nUntil = 2026-11-22\n", &anna));
        assert_false(fits("[Who]\nUser = *\n", &nobody)); /* an identity that nobody made */
        assert_false(fits("", &anna));
        assert_true(fits("", &keyed));                      /* by the login key */
        assert_false(fits("[Who]\nUser = anna\n", &other)); /* the key gives another one, and that alone */
}

static void what_is_wrong(void **state)
{
        (void)state;
        const char
                *const
                        wrong
                                [] = {
                                        "",
                                        "[Role]\n[Role]\n",
                                        "[Role]\nLanguage = Some\n",
                                        "[Role]\n[Who]\nUser =\n",
                                        "[Role]\n[Who]\nGroup = a\nTime = x\n",
                                        "[Role]\n[Allow a]\n",
                                        "[Role]\n[Allow a]\nClass = Process\n",
                                        "[Role]\n[Allow a]\nClass = Process\nOperation = Invoke\n",
                                        "[Role]\n[Allow a]\nClass = Process\nOperation = Read\n[Deny "
                                        "A]\nClass = Process\nOperation = Read\n",
                                        "[Role]\n[Allow a]\nClass = Process\nOperation = Invoke\nMethod = "
                                        "Create\n", /* leads to root */
                "[Role]\n[Allow a]\nClass = LocalUser\nOperation = Modify\n",
                                        "[Role]\n[Deny a]\nClass = Process\nOperation = Read\nProperty = "
                                        "ProcessId\n", /* a key */
                                        "[Role]\n[Allow a]\nClass = Process\nOperation = Read\nClass = "
                                        "Service\n",
                                        "[Role]\n[Allow a]\nClass = Process\nOperation = Read\nMethod = "
                                        "Terminate\n",
                                        "[Role]\n[Allow a]\nClass = Process\nOperation = Read\nArguments = "
                                        "Name = 'x'\n",
                                        "[Role]\nReadFiles = etc\n",
                                        "[Role]\nReadFiles = /a/../etc\n",
                                        "[Role]\nForward = host\n",
                                        "[Role]\n[Cmdlet Get-*]\n",
                                        "[Role]\n[Cmdlet]\n",
                                        "[Role]\n[Cmdlet a]\nParameter = x:\n",
                                        "[Role\n",
                                        "[Role]\nEscalates = maybe\n",
                                };
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                assert_null(parse(wrong[i]));
        struct rv_role_set *s = parse("[Role]\nEscalates = yes\nDescription = a \\\n  b\n[Allow a]\nClass = "
                                      "process\nOperation = read, MODIFY\n");
        assert_non_null(s);
        assert_string_equal(s->roles[0].description, "a     b");
        assert_int_equal(s->roles[0].rules[0].operations, RV_OP_READ | RV_OP_MODIFY);
        assert_ptr_equal(s->roles[0].rules[0].role, &s->roles[0]);
        rv_roles_drop(s);
}

int main(void)
{
        setenv("TZ", "UTC", 1);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sources),
                cmocka_unit_test(times),
                cmocka_unit_test(whom),
                cmocka_unit_test(what_is_wrong),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
