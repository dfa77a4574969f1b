/* SPDX-License-Identifier: MIT
 *
 * Any bytes as JSON, lenient and strict. What reads is written again and must read as the same; the bytes as a value
 * in a table, a list and a wide view, whose cells must not be wider than the screen.
 */
#include <stdint.h>
#include <stdlib.h>

#include "shell/code.h"
#include "shell/format.h"
#include "shell/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void round_trip(struct sh *sh, const char *text, size_t n, bool strict)
{
        struct sh_json_read o = { .strict = strict, .hashtable = true, .depth = 64 };
        struct sv v, again;
        if (!sh_json_parse(&o, text, n, &v))
                return;
        struct sh_buf b = { 0 };
        struct sh_json_write w = { .sh = sh, .b = &b, .depth = 100, .compress = true, .ascii = n & 1, .html = n & 2 };
        if (sh_json_text(&w, v) != SH_OK || w.truncated || !sh_json_parse(&o, b.n ? b.p : "", b.n, &again))
                abort();
        sh_drop(again);
        sh_drop(v);
        sh_buf_free(&b);
}

static void line(void *state, const char *s, size_t n)
{
        (void)state;
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)s[i] < 0x20 && s[i] != '\t' && s[i] != '\n' && s[i] != '\r' && s[i] != 0x1b)
                        abort();
}

static void shapes(struct sh *sh, const char *text, size_t n)
{
        static const enum sh_shape all[] = { SH_SHAPE_TABLE, SH_SHAPE_LIST, SH_SHAPE_WIDE };
        struct sv o = sh_object_new(), s = sh_string(text, n);
        sh_object_set(o, "a", 1, s);
        sh_object_set(o, "b", 1, sh_int(7));
        for (size_t i = 0; i < 3; i++) {
                struct sh_format_options options = { .shape = all[i], .autosize = n & 1 ? 1 : -1, .hide_header = -1,
                                                     .wrap = n & 2 ? 1 : -1 };
                struct sh_formatter *f = sh_format_new(sh, line, NULL, n % 40 + 1, n & 4);
                sh_format_terminal(f, true);
                struct sh_front *front = sh_front_new(sh, &options, (int (*)(void *, struct sv))sh_format_write, f);
                sh_front_write(front, o);
                sh_front_write(front, s);
                sh_front_end(front);
                sh_front_free(front);
                sh_format_end(f);
        }
        sh_drop(o);
        sh_drop(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        static struct sh *sh;
        if (n > 1 << 14)
                return 0;
        if (!sh)
                sh = sh_new();
        round_trip(sh, (const char *)data, n, true);
        round_trip(sh, (const char *)data, n, false);
        shapes(sh, (const char *)data, n);
        return 0;
}
