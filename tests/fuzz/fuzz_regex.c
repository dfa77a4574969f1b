/* SPDX-License-Identifier: MIT
 *
 * Regular expressions: any bytes as "options pattern NUL subject NUL replacement" compile or are refused with an error,
 * match within the limits, and replace and split without reading beyond the subject.
 */
#include <stdint.h>
#include <stdlib.h>

#include "shell/code.h"
#include "shell/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The part up to the next NUL; a text of its own, so that reading past it is found. */
static struct sv part(const uint8_t **p, size_t *n)
{
        const uint8_t *end = memchr(*p, 0, *n);
        size_t len = end ? (size_t)(end - *p) : *n;
        struct sv r = sh_string((const char *)*p, len);
        *p += len + (end != NULL);
        *n -= len + (end != NULL);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        static struct sh *sh;
        if (n < 2 || n > 1 << 12)
                return 0;
        if (!sh)
                sh = sh_new();
        unsigned options = data[0] & (SH_RE_IGNORECASE | SH_RE_MULTILINE | SH_RE_EXPLICIT | SH_RE_SINGLELINE |
                                      SH_RE_SPACE);
        data++, n--;
        struct sv pattern = part(&data, &n), subject = part(&data, &n), with = part(&data, &n);
        struct sh_regex *re = sh_regex_of(sh, pattern.s->s, pattern.s->len, options);
        if (re) {
                const size_t *at;
                uint32_t groups;
                struct sv r = SH_NIL;
                if (sh_regex_exec(sh, re, subject.s->s, subject.s->len, 0, &at, &groups) == SH_OK) {
                        for (uint32_t i = 0; i < groups; i++)
                                if (at[2 * i] != SIZE_MAX &&
                                    (at[2 * i] > at[2 * i + 1] || at[2 * i + 1] > subject.s->len))
                                        abort();
                        sh_drop(sh_match_new(sh, re, subject, at, groups));
                }
                if (sh_regex_replace(sh, re, subject, with, -1, &r) == SH_OK)
                        sh_drop(r);
                struct sv list = sh_array_new(4);
                sh_regex_split(sh, re, subject.s, 0, list.a);
                sh_drop(list);
        }
        sh_drop(sh_error_take(sh));
        sh_drop(pattern);
        sh_drop(subject);
        sh_drop(with);
        return 0;
}
