/* SPDX-License-Identifier: MIT
 *
 * Values of enumerations: names for numbers, flags joined by commas, unique prefixes accepted as PowerShell does.
 */
#include "shell/types.h"

#include <stddef.h>

struct sh_enum *sh_enum_of(const struct sh_type *t)
{
        if (!t || t->kind != SH_ENUM || t == &sh_type_enum)
                return NULL;
        return (struct sh_enum *)((char *)(uintptr_t)t - offsetof(struct sh_enum, type));
}

struct sv sh_enum_value(const struct sh_enum *e, int32_t value)
{
        struct sv r = { .kind = SH_ENUM, .hi = (uint32_t)value, .o = (struct sh_obj *)(uintptr_t)&e->obj };
        return sh_keep(r);
}

const char *sh_enum_name(const struct sh_enum *e, int32_t value)
{
        for (uint32_t i = 0; i < e->n; i++)
                if (e->items[i].value == value)
                        return e->items[i].name;
        return NULL;
}

/* Flags: the largest members that make up the value, printed from small to large. */
static bool flags_text(struct sh_buf *b, const struct sh_enum *e, uint32_t rest)
{
        const char *names[32];
        uint32_t values[32], n = 0;
        while (rest && n < 32) {
                uint32_t best = 0, at = 0;
                for (uint32_t i = 0; i < e->n; i++) {
                        uint32_t v = (uint32_t)e->items[i].value;
                        if (v && (v & rest) == v && v > best)
                                best = v, at = i;
                }
                if (!best)
                        return false;
                uint32_t k = n++;
                for (; k > 0 && values[k - 1] > best; k--)
                        values[k] = values[k - 1], names[k] = names[k - 1];
                values[k] = best;
                names[k] = e->items[at].name;
                rest &= ~best;
        }
        for (uint32_t i = 0; i < n; i++)
                sh_buf_putf(b, "%s%s", i ? ", " : "", names[i]);
        return n > 0;
}

void sh_enum_text(struct sh_buf *b, struct sv v)
{
        const struct sh_enum *e = (const struct sh_enum *)v.o;
        const char *name = sh_enum_name(e, (int32_t)v.hi);
        if (name)
                sh_buf_puts(b, name);
        else if (!e->flags || !flags_text(b, e, v.hi))
                sh_buf_putf(b, "%d", (int32_t)v.hi);
}

static bool parse_one(const struct sh_enum *e, const char *s, size_t n, bool ignore_case, int32_t *ret)
{
        while (n && sh_cp_space((unsigned char)*s))
                s++, n--;
        while (n && sh_cp_space((unsigned char)s[n - 1]))
                n--;
        uint32_t found = 0;
        for (uint32_t i = 0; i < e->n; i++) {
                const char *name = e->items[i].name;
                size_t len = strlen(name);
                if (len == n && (ignore_case ? sh_text_same(name, len, s, n) : !memcmp(name, s, n))) {
                        *ret = e->items[i].value;
                        return true;
                }
                if (ignore_case && n && len > n && sh_text_same(name, n, s, n) && found++ == 0)
                        *ret = e->items[i].value;
        }
        if (found == 1)
                return true;
        struct sv number;
        if (found || !n || !(sh_cp_digit((unsigned char)*s) || *s == '-' || *s == '+') ||
            !sh_parse_number(s, n, &number) || !sh_is_int(number) || number.i > UINT32_MAX || number.i < INT32_MIN)
                return false;
        *ret = (int32_t)number.i;
        return true;
}

bool sh_enum_parse(const struct sh_enum *e, const char *s, size_t n, bool ignore_case, int32_t *ret)
{
        int32_t all = 0;
        for (size_t from = 0;;) {
                const char *comma = memchr(s + from, ',', n - from);
                size_t end = comma ? (size_t)(comma - s) : n;
                int32_t one = 0;
                if (!parse_one(e, s + from, end - from, ignore_case, &one))
                        return false;
                all |= one;
                if (!comma)
                        break;
                from = end + 1;
        }
        *ret = all;
        return true;
}
