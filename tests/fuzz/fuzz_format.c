/* SPDX-License-Identifier: MIT
 *
 * Formats and what reads by them: any bytes as "format NUL text" applied to values of every kind by -f, and to the text
 * by the readers of dates, spans, numbers, versions and addresses.
 */
#include <stdint.h>
#include <stdlib.h>

#include "shell/code.h"
#include "shell/datetime.h"
#include "shell/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const types[] = { "int",
                                     "double",
                                     "decimal",
                                     "datetime",
                                     "timespan",
                                     "guid",
                                     "version",
                                     "uri",
                                     "ipaddress",
                                     "mailaddress",
                                     "System.DateTimeOffset",
                                     "char",
                                     "bool",
                                     "regex",
                                     "cultureinfo",
                                     "System.DayOfWeek" };

static void read_as(struct sh *sh, struct sv text, struct sv format)
{
        struct sv v;
        struct sh_buf b = { 0 };
        struct sh_moment m;
        for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
                if (!sh_try_convert(sh, text, sh_type_find(sh, types[i], strlen(types[i])), &v))
                        continue;
                sh_buf_value(sh, &b, v);
                if (sh_format_value(sh, v, format.s->s, format.s->len, &b) != SH_OK)
                        sh_drop(sh_error_take(sh));
                sh_drop(v);
        }
        sh_moment_parse_exact(text.s->s, text.s->len, format.s->s, format.s->len, false, &m);
        if (sh_timespan_parse_exact(text.s->s, text.s->len, format.s->s, format.s->len, &v))
                sh_timespan_text(&b, v, NULL, 0);
        sh_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        static struct sh *sh;
        if (n > 1 << 11)
                return 0;
        if (!sh)
                sh = sh_new();
        const uint8_t *end = memchr(data, 0, n);
        size_t len = end ? (size_t)(end - data) : n;
        struct sv format = sh_string((const char *)data, len),
                  text = sh_string(end ? (const char *)end + 1 : "", end ? n - len - 1 : 0);
        struct sv args[] = { sh_int(-42),
                             sh_double(1234.5678),
                             text,
                             sh_date(638448912000000001, SH_DATE_UTC),
                             sh_span(-90 * SH_TICKS_SECOND - 1),
                             sh_decimal_from_int(1000000007),
                             sh_bool(true),
                             SH_NIL };
        struct sh_buf b = { 0 };
        if (sh_format_composite(sh, format.s->s, format.s->len, (struct sh_args) { 8, args }, &b) != SH_OK)
                sh_drop(sh_error_take(sh));
        for (size_t i = 0; i < 8; i++)
                if (sh_format_value(sh, args[i], format.s->s, format.s->len, &b) != SH_OK)
                        sh_drop(sh_error_take(sh));
        sh_buf_free(&b);
        read_as(sh, text, format);
        sh_drop(format);
        sh_drop(text);
        return 0;
}
