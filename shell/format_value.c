/* SPDX-License-Identifier: MIT
 *
 * "{0,-8:N2}" and what stands in its braces: values by their format strings, the way .NET's String.Format has it.
 */
#include "shell/datetime.h"

#include <stdio.h>

/* ---- one value ---- */
static const char
        bad_specifier[] = "Format specifier was invalid.",
        bad_format[] = "Input string was not in a correct format.",
        bad_enum_format[] =
                "Format string can be only \"G\", \"g\", \"X\", \"x\", \"F\", \"f\", \"D\" or \"d\".",
        bad_guid_format[] =
                "Format string can be only \"D\", \"d\", \"N\", \"n\", \"P\", \"p\", \"B\", \"b\", "
                "\"X\" or \"x\".";

static const char *format_enum(struct sv v, const char *f, size_t n, struct sh_buf *b)
{
        switch (n == 1 ? f[0] | 32 : 0) {
        case 'g':
        case 'f': sh_enum_text(b, v); return NULL;
        case 'd': sh_buf_putf(b, "%d", (int32_t)v.hi); return NULL;
        case 'x': sh_buf_putf(b, "%08X", v.hi); return NULL;
        default: return bad_enum_format;
        }
}

/* From a guid's own text, "D". */
static const char *format_guid(const char *s, size_t len, char letter, struct sh_buf *b)
{
        char hex[33], t[100];
        int n = 0;
        for (size_t i = 0; i < len && n < 32; i++)
                if (s[i] != '-')
                        hex[n++] = s[i];
        hex[n] = 0;
        switch (letter | 32) {
        case 'd': sh_buf_put(b, s, len); return NULL;
        case 'n': sh_buf_puts(b, hex); return NULL;
        case 'b': sh_buf_putf(b, "{%.*s}", (int)len, s); return NULL;
        case 'p': sh_buf_putf(b, "(%.*s)", (int)len, s); return NULL;
        case 'x':
                n = snprintf(t, sizeof(t), "{0x%.8s,0x%.4s,0x%.4s,{", hex, hex + 8, hex + 12);
                for (int i = 0; i < 8; i++)
                        n += snprintf(t + n, sizeof(t) - (size_t)n, "%s0x%.2s", i ? "," : "",
                                      hex + 16 + 2 * i);
                sh_buf_puts(b, t);
                sh_buf_puts(b, "}}");
                return NULL;
        default: return bad_guid_format;
        }
}

/* ToString() of a value as .NET has it; "$v" differs in doubles, arrays, types. */
static void put_plain(struct sh *sh, struct sv v, struct sh_buf *b)
{
        if (sh_is_number(v)) {
                sh_format_number(sh, v, "", 0, b);
        } else if (v.kind == SH_ARRAY) {
                const struct sh_type *t = sh_type_of(v);
                sh_buf_puts(b, t->name);
        } else if (v.kind == SH_TYPE) {
                const struct sh_type *t = sh_type_referred(v);
                sh_buf_puts(b, t ? t->name : "");
        } else if (!sh_is_null(v)) {
                sh_buf_value(sh, b, v);
        }
}

/* NULL, or what is wrong with the format. */
static const char *format_one(struct sh *sh, struct sv v, const char *f, size_t n, struct sh_buf *b)
{
        struct sv x = sh_unwrap(v);
        struct sh_moment m = { .ticks = x.i, .kind = x.aux };
        if (x.kind == SH_DATETIME)
                return sh_moment_format(b, &m, f, n) ? NULL : bad_format;
        if (x.kind == SH_TIMESPAN)
                return sh_timespan_format(b, x, f, n) ? NULL : bad_format;
        if (n && sh_is_number(x))
                return sh_format_number(sh, x, f, n, b) == SH_OK ? NULL : bad_specifier;
        if (n && x.kind == SH_ENUM)
                return format_enum(x, f, n, b);
        if (n && x.kind == SH_OTHER && sh_type_of(x) == &sh_type_guid) {
                struct sv t = sh_to_text(sh, x);
                const char *why = format_guid(t.s->s, t.s->len, n == 1 ? f[0] : 0, b);
                sh_drop(t);
                return why;
        }
        if (n && x.kind == SH_OTHER && x.o->type->format)
                return x.o->type->format(sh, x, f, n, b) ? NULL : bad_format;
        if (x.kind == SH_OTHER || x.kind == SH_PSOBJECT)
                sh_buf_value(sh, b, v);
        else
                put_plain(sh, x, b);
        return NULL;
}

int sh_format_value(struct sh *sh, struct sv v, const char *f, size_t n, struct sh_buf *b)
{
        const char *why = format_one(sh, v, f, n, b);
        return !why ? SH_OK
                    : sh_throw_as(sh, "System.FormatException", "FormatError", "InvalidOperation", SH_NIL,
                                  "%s", why);
}

/* ---- composites ---- */
struct composite {
        struct sh *sh;
        const char *f;
        size_t n, i;
        struct sh_args args;
        struct sh_buf *b;
        char error[200];
};

static bool fail(struct composite *c, const char *why, size_t at)
{
        if (why == bad_format)
                snprintf(c->error, sizeof(c->error), "%s", why);
        else
                snprintf(c->error, sizeof(c->error), "%s Failure to parse near offset %zu. %s", bad_format,
                         at, why);
        return false;
}

static char here(struct composite *c)
{
        return c->i < c->n ? c->f[c->i] : 0;
}

static void blanks(struct composite *c)
{
        while (here(c) == ' ')
                c->i++;
}

static bool read_number(struct composite *c, int *ret)
{
        if (c->i >= c->n)
                return fail(c, "Format item ends prematurely.", c->i);
        if (here(c) < '0' || here(c) > '9')
                return fail(c, "Expected an ASCII digit.", c->i);
        for (*ret = 0; here(c) >= '0' && here(c) <= '9'; c->i++)
                if (*ret < 1000000)
                        *ret = *ret * 10 + (here(c) - '0');
        blanks(c);
        return true;
}

static void pad(struct sh_buf *b, int64_t count)
{
        for (; count > 0; count--)
                sh_buf_puts(b, " ");
}

/* Behind the opening brace. */
static bool item(struct composite *c)
{
        int index = 0, width = 0;
        bool left = false;
        struct sh_buf one = { 0 };
        if (!read_number(c, &index))
                return false;
        if (here(c) == ',') {
                c->i++;
                blanks(c);
                left = here(c) == '-';
                c->i += left;
                if (!read_number(c, &width))
                        return false;
        }
        size_t from = c->i;
        if (here(c) == ':') {
                from = ++c->i;
                while (c->i < c->n && c->f[c->i] != '}' && c->f[c->i] != '{')
                        c->i++;
                if (here(c) == '{')
                        return fail(c, bad_format, 0);
        }
        if (c->i >= c->n)
                return fail(c, "Format item ends prematurely.", c->i);
        if (here(c) != '}')
                return fail(c, bad_format, 0);
        if ((uint32_t)index >= c->args.n) {
                snprintf(c->error, sizeof(c->error),
                         "Index (zero based) must be greater than or equal to zero and less "
                         "than the size of the argument list.");
                return false;
        }
        const char *why = format_one(c->sh, c->args.v[index], c->f + from, c->i - from, &one);
        if (why)
                snprintf(c->error, sizeof(c->error), "%s", why);
        int64_t room = width - (int64_t)sh_utf_units(one.p ? one.p : "", one.n);
        if (!left)
                pad(c->b, room);
        sh_buf_put(c->b, one.p ? one.p : "", one.n);
        if (left)
                pad(c->b, room);
        sh_buf_free(&one);
        c->i++;
        return !why;
}

static bool composite(struct composite *c)
{
        sh_buf_put(c->b, "", 0);
        while (c->i < c->n) {
                char ch = c->f[c->i];
                if (ch != '{' && ch != '}') {
                        size_t from = c->i;
                        while (c->i < c->n && c->f[c->i] != '{' && c->f[c->i] != '}')
                                c->i++;
                        sh_buf_put(c->b, c->f + from, c->i - from);
                } else if (c->i + 1 < c->n && c->f[c->i + 1] == ch) {
                        sh_buf_put(c->b, &ch, 1);
                        c->i += 2;
                } else if (ch == '}') {
                        return fail(c, "Unexpected closing brace without a corresponding opening brace.",
                                    c->i);
                } else {
                        c->i++;
                        if (!item(c))
                                return false;
                }
        }
        return true;
}

int sh_format_composite(struct sh *sh, const char *f, size_t n, struct sh_args args, struct sh_buf *b)
{
        struct composite c = { .sh = sh, .f = f, .n = n, .args = args, .b = b };
        if (composite(&c))
                return SH_OK;
        struct sv target = sh_string(f, n);
        int st = sh_throw(sh, "FormatError", "InvalidOperation", target, "Error formatting a string: %s.",
                          c.error);
        sh_drop(target);
        return st;
}

bool sh_format_text(struct sh *sh, const char *f, size_t n, struct sh_args args, struct sh_buf *b,
                    char error[200])
{
        struct composite c = { .sh = sh, .f = f, .n = n, .args = args, .b = b };
        bool ok = composite(&c);
        snprintf(error, 200, "%s", c.error);
        return ok;
}

const char *sh_format_error(struct sh *sh, struct sv v, const char *f, size_t n, struct sh_buf *b)
{
        return format_one(sh, v, f, n, b);
}
