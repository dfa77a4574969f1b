/* SPDX-License-Identifier: MIT
 *
 * Records of memory modules, as SMBIOS lays them out: whole ones, short ones, ones that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "providers/lib/dmi.h"

/* A DDR4 module of 16 GiB, as a server has it. */
static size_t module(uint8_t *r)
{
        static const char texts[] =
                "DIMM_A1\0BANK 0\0Samsung\0003A5C0001\0To Be Filled By O.E.M.\0M393A2K40CB2-CTD  \0";
        memset(r, 0, 256);
        r[0] = 17;
        r[1] = 0x28;
        r[0x08] = 72;
        r[0x0a] = 64;
        r[0x0d] = 0x40; /* 0x4000 MiB */
        r[0x0e] = 9;
        r[0x10] = 1;
        r[0x11] = 2;
        r[0x12] = 26;
        r[0x15] = 0x6a; /* 2666 */
        r[0x16] = 0x0a;
        r[0x17] = 3;
        r[0x18] = 4;
        r[0x19] = 5;
        r[0x1a] = 6;
        r[0x20] = 0x5d; /* 2397 */
        r[0x21] = 0x09;
        memcpy(r + 0x28, texts, sizeof texts);
        return 0x28 + sizeof texts;
}

static void a_module(void **state)
{
        (void)state;
        uint8_t r[256];
        struct rv_dmi_memory m;
        assert_true(rv_dmi_parse_memory(r, module(r), &m));
        assert_int_equal(m.size, UINT64_C(16) << 30);
        assert_int_equal(m.speed, 2666);
        assert_int_equal(m.configured, 2397);
        assert_int_equal(m.total_width, 72);
        assert_int_equal(m.data_width, 64);
        assert_int_equal(m.form, 9);
        assert_int_equal(m.type, 26);
        assert_string_equal(m.locator, "DIMM_A1");
        assert_string_equal(m.bank, "BANK 0");
        assert_string_equal(m.manufacturer, "Samsung");
        assert_string_equal(m.serial, "3A5C0001");
        assert_null(m.asset); /* words that stand for none */
}

static void sizes(void **state)
{
        (void)state;
        uint8_t r[256];
        struct rv_dmi_memory m;
        size_t n = module(r);
        r[0x0c] = 0xff;
        r[0x0d] = 0x7f; /* see the extended size: 64 GiB */
        r[0x1d] = 0;
        r[0x1e] = 1;
        assert_true(rv_dmi_parse_memory(r, n, &m));
        assert_int_equal(m.size, UINT64_C(64) << 30);
        r[0x0c] = 0x00;
        r[0x0d] = 0x84; /* 1024 KiB */
        assert_true(rv_dmi_parse_memory(r, n, &m));
        assert_int_equal(m.size, 1 << 20);
        r[0x0c] = r[0x0d] = 0xff; /* nobody knows */
        assert_true(rv_dmi_parse_memory(r, n, &m));
        assert_int_equal(m.size, 0);
}

static void short_and_wrong_ones(void **state)
{
        (void)state;
        struct rv_dmi_memory m;
        uint8_t whole[256];
        size_t n = module(whole);
        for (size_t k = 0; k <= n;
             k++) { /* each in memory of just its size, so that reading past it is seen */
                uint8_t *r = malloc(k ? k : 1);
                memcpy(r, whole, k);
                bool good = rv_dmi_parse_memory(r, k, &m);
                assert_true(good == (k >= 0x28));
                free(r);
        }
        whole[0] = 16;
        assert_false(rv_dmi_parse_memory(whole, n, &m));
        whole[0] = 17;
        whole[0x10] = 200; /* a text that is not there */
        assert_true(rv_dmi_parse_memory(whole, n, &m));
        assert_null(m.locator);
        whole[1] = 0x15; /* the oldest form: no speed, no names */
        assert_true(rv_dmi_parse_memory(whole, n, &m));
        assert_int_equal(m.speed, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(a_module), cmocka_unit_test(sizes),
                                            cmocka_unit_test(short_and_wrong_ones) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
