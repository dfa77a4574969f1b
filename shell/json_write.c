/* SPDX-License-Identifier: MIT
 *
 * Values as JSON text. Objects deeper than -Depth are written as their text.
 */
#include "shell/json.h"
#include "shell/property.h"
#include "shell/text.h"

#include <math.h>

static void put_escape(struct sh_buf *b, uint32_t cp)
{
        if (cp >= 0x10000) {
                sh_buf_putf(b, "\\u%04x", 0xd800 + ((cp - 0x10000) >> 10));
                cp = 0xdc00 + ((cp - 0x10000) & 0x3ff);
        }
        sh_buf_putf(b, "\\u%04x", cp);
}

static void put_cp(struct sh_json_write *w, uint32_t cp)
{
        static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
        const char *k = cp && cp < 0x80 ? strchr(from, (int)cp) : NULL;
        bool html = w->html && (cp == '<' || cp == '>' || cp == '&' || cp == '\'' || cp == '"');
        if (cp >= 0x110000)
                cp = 0xfffd;
        if (k && !html) {
                char two[2] = { '\\', to[k - from] };
                sh_buf_put(w->b, two, 2);
        } else if (html || cp < 0x20 || cp == 0x85 || cp == 0x2028 || cp == 0x2029 ||
                   (w->ascii && cp >= 0x7f))
                put_escape(w->b, cp);
        else
                sh_buf_cp(w->b, cp);
}

static void put_text(struct sh_json_write *w, const char *s, size_t n)
{
        size_t from = 0;
        sh_buf_put(w->b, "\"", 1);
        for (size_t i = 0; i < n;) {
                unsigned char c = (unsigned char)s[i];
                unsigned len = 1;
                if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && !w->html) {
                        i++;
                        continue;
                }
                sh_buf_put(w->b, s + from, i - from);
                put_cp(w, sh_utf_next(s + i, n - i, &len));
                i += len;
                from = i;
        }
        sh_buf_put(w->b, s + from, n - from);
        sh_buf_put(w->b, "\"", 1);
}

static void put_value_text(struct sh_json_write *w, struct sv v)
{
        struct sv t = sh_to_text(w->sh, v);
        put_text(w, t.s->s, t.s->len);
        sh_drop(t);
}

/* As it was written. */
static void put_uri(struct sh_json_write *w, struct sv v)
{
        struct sv text;
        if (sh_get(w->sh, v, "OriginalString", 14, &text) != SH_OK)
                text = sh_to_text(w->sh, v);
        put_value_text(w, text);
        sh_drop(text);
}

static void put_real(struct sh_json_write *w, struct sv v)
{
        size_t from = w->b->n;
        if (v.kind != SH_DECIMAL && !isfinite(v.d)) {
                sh_buf_puts(w->b, isnan(v.d) ? "\"NaN\"" : v.d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
                return;
        }
        if (v.kind == SH_DECIMAL)
                sh_decimal_text(w->b, v);
        else
                sh_buf_double(w->b, v.d, 0, v.kind == SH_SINGLE);
        for (size_t i = from; i < w->b->n; i++)
                if (w->b->p[i] == '.' || w->b->p[i] == 'E' || w->b->p[i] == 'e')
                        return;
        sh_buf_puts(w->b, ".0");
}

static void put_date(struct sh_json_write *w, struct sv v)
{
        static const char fmt[] = "yyyy-MM-ddTHH:mm:ss.FFFFFFFK";
        sh_buf_put(w->b, "\"", 1);
        sh_datetime_text(w->b, v, fmt, sizeof(fmt) - 1);
        sh_buf_put(w->b, "\"", 1);
}

static bool type_is(struct sv v, const char *name)
{
        const struct sh_type *t = sh_type_of(v);
        return t && strcmp(t->name, name) == 0;
}

/* False: not a scalar. */
static bool put_scalar(struct sh_json_write *w, struct sv v)
{
        if (sh_is_null(v))
                sh_buf_puts(w->b, "null");
        else if (v.kind == SH_BOOL || type_is(v, "System.Management.Automation.SwitchParameter"))
                sh_buf_puts(w->b, sh_true(v) ? "true" : "false");
        else if (sh_is_int(v))
                sh_buf_number(w->b, v);
        else if (type_is(v, "System.Numerics.BigInteger"))
                sh_buf_value(w->sh, w->b, v);
        else if (sh_is_number(v))
                put_real(w, v);
        else if (v.kind == SH_STRING)
                put_text(w, v.s->s, v.s->len);
        else if (v.kind == SH_DATETIME)
                put_date(w, v);
        else if (v.kind == SH_ENUM && !w->enums_as_text)
                sh_buf_putf(w->b, "%d", (int32_t)v.hi);
        else if (v.kind == SH_CHAR || v.kind == SH_ENUM || type_is(v, "System.Guid"))
                put_value_text(w, v);
        else if (type_is(v, "System.Uri"))
                put_uri(w, v);
        else
                return false;
        return true;
}

static void new_line(struct sh_json_write *w, int level)
{
        if (w->compress)
                return;
        sh_buf_put(w->b, "\n", 1);
        for (int i = 0; i < level; i++)
                sh_buf_put(w->b, "  ", 2);
}

static int put_value(struct sh_json_write *w, struct sv v, int level);

struct members {
        struct sh_json_write *w;
        struct sv object;
        int level, status;
        bool any;
};

static void put_name(struct members *m, const char *name, size_t n)
{
        if (m->any)
                sh_buf_put(m->w->b, ",", 1);
        m->any = true;
        new_line(m->w, m->level + 1);
        put_text(m->w, name, n);
        sh_buf_puts(m->w->b, m->w->compress ? ":" : ": ");
}

static bool member_each(void *state, const char *name, size_t n, int kind)
{
        struct members *m = state;
        struct sv v;
        (void)kind;
        int r = sh_get(m->w->sh, m->object, name, n, &v);
        if (r == SH_ERROR)
                sh_drop(sh_error_take(m->w->sh));
        if (r != SH_OK)
                v = SH_NIL;
        put_name(m, name, n);
        m->status = put_value(m->w, v, m->level + 1);
        sh_drop(v);
        return m->status == SH_OK;
}

static int put_object(struct sh_json_write *w, struct sv v, int level)
{
        struct members m = { w, v, level, SH_OK, false };
        struct sv base = sh_unwrap(v), k, item;
        sh_buf_put(w->b, "{", 1);
        if (base.kind == SH_HASH)
                for (uint32_t i = 0; m.status == SH_OK && sh_hash_at(base.h, i, &k, &item); i++) {
                        struct sv t = sh_to_text(w->sh, k);
                        put_name(&m, t.s->s, t.s->len);
                        sh_drop(t);
                        m.status = put_value(w, item, level + 1);
                }
        else
                sh_properties(w->sh, v, member_each, &m);
        if (m.any)
                new_line(w, level);
        sh_buf_put(w->b, "}", 1);
        return m.status;
}

static int put_array(struct sh_json_write *w, struct sv v, int level)
{
        struct sv item;
        bool any = false;
        int r = SH_OK;
        sh_buf_put(w->b, "[", 1);
        for (size_t pos = 0; r == SH_OK && sh_next(v, &pos, &item); sh_drop(item)) {
                if (any)
                        sh_buf_put(w->b, ",", 1);
                any = true;
                new_line(w, level + 1);
                r = put_value(w, item, level + 1);
        }
        if (any)
                new_line(w, level);
        sh_buf_put(w->b, "]", 1);
        return r;
}

static int put_value(struct sh_json_write *w, struct sv v, int level)
{
        struct sv base = sh_unwrap(v);
        int r = sh_check(w->sh);
        if (r)
                return r;
        if (put_scalar(w, base))
                return SH_OK;
        if (level > w->depth) {
                w->truncated = true;
                put_value_text(w, v);
                return SH_OK;
        }
        if (base.kind != SH_HASH && sh_is_enumerable(base))
                return put_array(w, base, level);
        return put_object(w, v, level);
}

int sh_json_text(struct sh_json_write *w, struct sv v)
{
        return put_value(w, v, 0);
}
