/* SPDX-License-Identifier: MIT
 *
 * ConvertTo-Json, ConvertFrom-Json, Test-Json: written and read directly, in order, 64-bit integers exact.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "shell/code.h"
#include "shell/text.h"
#include "shell/types.h"

/* ---- writing ---- */
struct writer {
        struct sh_cmd *c;
        struct sh *sh;
        struct sh_buf b;
        int64_t depth;
        bool compress, enum_names, too_deep;
        char escape; /* d default, h html, n non-ascii */
};

static void put_string(struct writer *w, const char *s, size_t n)
{
        sh_buf_put(&w->b, "\"", 1);
        for (size_t i = 0; i < n;) {
                unsigned len;
                uint32_t cp = sh_utf_next(s + i, n - i, &len);
                unsigned char c = (unsigned char)s[i];
                if (c == '"' || c == '\\')
                        sh_buf_putf(&w->b, "\\%c", c);
                else if (c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f')
                        sh_buf_putf(&w->b, "\\%c",
                                    c == '\n'   ? 'n'
                                    : c == '\r' ? 'r'
                                    : c == '\t' ? 't'
                                    : c == '\b' ? 'b'
                                                : 'f');
                else if (cp < 32 || cp == 0x85 || cp == 0x2028 || cp == 0x2029 ||
                         (w->escape == 'h' && cp < 128 && strchr("<>&'", (int)cp)) ||
                         (w->escape == 'n' && cp >= 127 && cp < 0x10000))
                        sh_buf_putf(&w->b, "\\u%04x", cp);
                else if (w->escape == 'n' && cp >= 0x10000 && cp < 0x110000)
                        sh_buf_putf(&w->b, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
                                    0xdc00 + ((cp - 0x10000) & 0x3ff));
                else if (cp >= 0x110000)
                        sh_buf_put(&w->b, "\xef\xbf\xbd", 3);
                else
                        sh_buf_put(&w->b, s + i, len);
                i += len;
        }
        sh_buf_put(&w->b, "\"", 1);
}

static void new_line(struct writer *w, int level)
{
        if (w->compress)
                return;
        sh_buf_put(&w->b, "\n", 1);
        for (int i = 0; i < level; i++)
                sh_buf_put(&w->b, "  ", 2);
}

static void put_text_of(struct writer *w, struct sv v)
{
        struct sv t = sh_to_text(w->sh, v);
        put_string(w, t.s->s, t.s->len);
        sh_drop(t);
}

static void put_number(struct writer *w, struct sv v)
{
        if ((v.kind == SH_DOUBLE || v.kind == SH_SINGLE) && !isfinite(v.d)) {
                sh_buf_puts(&w->b, isnan(v.d) ? "\"NaN\"" : v.d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
                return;
        }
        struct sv t = sh_to_text(w->sh, v);
        sh_buf_put(&w->b, t.s->s, t.s->len);
        if ((v.kind == SH_DOUBLE || v.kind == SH_SINGLE) && !strpbrk(t.s->s, ".E"))
                sh_buf_put(&w->b, ".0", 2);
        sh_drop(t);
}

static int put_value(struct writer *w, struct sv v, int level);

struct members {
        struct writer *w;
        struct sv self;
        int level, n, status;
};
static bool put_member(void *state, const char *name, size_t n, int kind)
{
        struct members *m = state;
        struct sv v = SH_NIL;
        if (kind == SH_METHOD || kind == SH_SCRIPT_METHOD)
                return true;
        int st = sh_get(m->w->sh, m->self, name, n, &v);
        if (st == SH_ERROR)
                sh_forget_error(m->w->sh);
        if (m->n++)
                sh_buf_put(&m->w->b, ",", 1);
        new_line(m->w, m->level + 1);
        put_string(m->w, name, n);
        sh_buf_puts(&m->w->b, m->w->compress ? ":" : ": ");
        m->status = put_value(m->w, v, m->level + 1);
        sh_drop(v);
        return m->status == SH_OK;
}

static int put_object(struct writer *w, struct sv v, int level)
{
        struct members m = { w, v, level, 0, SH_OK };
        struct sv base = sh_unwrap(v), key, value;
        sh_buf_put(&w->b, "{", 1);
        if (base.kind == SH_HASH) {
                for (uint32_t i = 0; m.status == SH_OK && sh_hash_at(base.h, i, &key, &value); i++) {
                        struct sv name = sh_to_text(w->sh, key);
                        if (m.n++)
                                sh_buf_put(&w->b, ",", 1);
                        new_line(w, level + 1);
                        put_string(w, name.s->s, name.s->len);
                        sh_buf_puts(&w->b, w->compress ? ":" : ": ");
                        sh_drop(name);
                        m.status = put_value(w, value, level + 1);
                }
        } else {
                sh_properties(w->sh, v, put_member, &m);
        }
        if (m.n)
                new_line(w, level);
        sh_buf_put(&w->b, "}", 1);
        return m.status;
}

static int put_array(struct writer *w, struct sv v, int level)
{
        struct sv item;
        size_t pos = 0;
        int n = 0, st = SH_OK;
        sh_buf_put(&w->b, "[", 1);
        while (st == SH_OK && sh_next(v, &pos, &item)) {
                if (n++)
                        sh_buf_put(&w->b, ",", 1);
                new_line(w, level + 1);
                st = put_value(w, item, level + 1);
                sh_drop(item);
        }
        if (n)
                new_line(w, level);
        sh_buf_put(&w->b, "]", 1);
        return st;
}

static int put_value(struct writer *w, struct sv v, int level)
{
        struct sv base = sh_unwrap(v);
        int st = sh_check(w->sh);
        if (st != SH_OK)
                return st;
        switch (base.kind) {
        case SH_NULL:
        case SH_VOID:
                if (v.kind == SH_PSOBJECT)
                        break;
                sh_buf_puts(&w->b, "null");
                return SH_OK;
        case SH_BOOL: sh_buf_puts(&w->b, base.i ? "true" : "false"); return SH_OK;
        case SH_STRING: put_string(w, base.s->s, base.s->len); return SH_OK;
        case SH_CHAR:
        case SH_TYPE:
        case SH_BLOCK: put_text_of(w, base); return SH_OK;
        case SH_DATETIME: {
                struct sh_buf b = { 0 };
                sh_datetime_text(&b, base, "yyyy-MM-ddTHH:mm:ss.FFFFFFFK", 28);
                put_string(w, b.p, b.n);
                sh_buf_free(&b);
                return SH_OK;
        }
        case SH_ENUM:
                if (w->enum_names)
                        put_text_of(w, base);
                else
                        sh_buf_putf(&w->b, "%d", (int32_t)base.hi);
                return SH_OK;
        case SH_OTHER:
                if (base.o->type == &sh_type_guid) {
                        put_text_of(w, base);
                        return SH_OK;
                }
                break;
        default: break;
        }
        if (sh_is_number(base)) {
                put_number(w, base);
                return SH_OK;
        }
        if (level > w->depth) {
                w->too_deep = true;
                if (sh_is_enumerable(base) &&
                    base.kind != SH_HASH) { /* as PowerShell: its items' texts, joined */
                        struct sv t = sh_to_text(w->sh, base);
                        put_string(w, t.s->s, t.s->len);
                        sh_drop(t);
                } else {
                        put_text_of(w, v);
                }
                return SH_OK;
        }
        return sh_is_enumerable(base) && base.kind != SH_HASH ? put_array(w, base, level)
                                                              : put_object(w, v, level);
}

struct to_json {
        struct sv list;
};
static int to_process(struct sh_cmd *c, struct sv input)
{
        struct to_json *t = sh_state(c);
        if (t->list.kind == SH_NULL)
                t->list = sh_array_new(4);
        if (input.kind == SH_VOID && !sh_bound(c, "InputObject"))
                return SH_OK;
        sh_array_add(t->list.a, sh_arg(c, "InputObject"));
        return SH_OK;
}
static int to_end(struct sh_cmd *c)
{
        struct to_json *t = sh_state(c);
        struct sv escape = sh_arg(c, "EscapeHandling");
        struct sv text = sh_is_null(escape) ? SH_NIL : sh_to_text(sh_session(c), escape);
        struct writer w = { .c = c,
                            .sh = sh_session(c),
                            .depth = sh_arg_int(c, "Depth", 2),
                            .compress = sh_switch(c, "Compress"),
                            .enum_names = sh_switch(c, "EnumsAsStrings"),
                            .escape = 'd' };
        if (text.kind == SH_STRING)
                w.escape = (text.s->s[5] | 32) == 'h' || (text.s->s[6] | 32) == 'h' ? 'h'
                           : (text.s->s[6] | 32) == 'o'                             ? 'n'
                                                                                    : 'd';
        sh_drop(text);
        if (!t->list.a || t->list.kind != SH_ARRAY || !t->list.a->n)
                return SH_OK;
        bool one = t->list.a->n == 1 && !sh_switch(c, "AsArray");
        int st = one ? put_value(&w, t->list.a->v[0], 0) : put_value(&w, t->list, 0);
        if (st == SH_OK && w.too_deep)
                st = sh_cmd_stream(
                        c, SH_WARNING,
                        "Resulting JSON is truncated as serialization has exceeded the set depth of %d.",
                        (int)w.depth);
        struct sv out = sh_string(w.b.p ? w.b.p : "", w.b.n);
        sh_buf_free(&w.b);
        if (st == SH_OK)
                st = sh_emit(c, out);
        sh_drop(out);
        return st;
}
static void to_clean(struct sh_cmd *c)
{
        struct to_json *t = sh_state(c);
        sh_drop(t->list);
        t->list = SH_NIL;
}
static const struct sh_cmdlet convertto_json = {
        .name = "ConvertTo-Json",
        .synopsis = "Writes objects as JSON.",
        .state_size = sizeof(struct to_json),
        .process = to_process,
        .end = to_end,
        .clean = to_clean,
        .params =
                (const struct sh_param[]) {
                        { "InputObject", .type = "object", .position = 1, .mandatory = true,
                          .from_pipeline = true, .allow_null = true, .allow_empty = true },
                        { "Depth", .type = "int", .min = 0, .max = 100,
                          .help = "Levels of objects inside objects; deeper ones become text. 2." },
                        { "Compress", .type = "switch", .help = "Without blanks and line breaks." },
                        { "AsArray", .type = "switch" },
                        { "EnumsAsStrings", .type = "switch" },
                        { "EscapeHandling", .type = "string", .values = "Default,EscapeNonAscii,EscapeHtml" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "@{ a = 1 } | ConvertTo-Json -Compress", "{\"a\":1}", "" },
                        { "1, 'x', $null | ConvertTo-Json -Compress", "[1,\"x\",null]", "" },
                        { 0 } },
};

/* ---- reading ---- */
struct reader {
        struct sh *sh;
        const char *s, *end, *begin;
        int64_t depth;
        bool hash, keep_dates;
        char why[200];
};

static bool bad(struct reader *r, const char *why)
{
        if (!r->why[0]) {
                size_t line = 1, column = 0;
                for (const char *p = r->begin; p < r->s && p < r->end; p++)
                        if (*p == '\n')
                                line++, column = 0;
                        else
                                column++;
                snprintf(r->why, sizeof r->why, "%s, line %zu, position %zu.", why, line, column);
        }
        return false;
}

static void blanks(struct reader *r)
{
        for (;;) {
                while (r->s < r->end && strchr(" \t\r\n", *r->s) && *r->s)
                        r->s++;
                if (r->end - r->s > 1 && r->s[0] == '/' && r->s[1] == '/') {
                        while (r->s < r->end && *r->s != '\n')
                                r->s++;
                } else if (r->end - r->s > 1 && r->s[0] == '/' && r->s[1] == '*') {
                        const char *e = memmem(r->s + 2, (size_t)(r->end - r->s - 2), "*/", 2);
                        r->s = e ? e + 2 : r->end;
                } else {
                        return;
                }
        }
}

static bool hex4(struct reader *r, uint32_t *ret)
{
        uint32_t v = 0;
        if (r->end - r->s < 4)
                return bad(r, "Unexpected end when reading unicode escape");
        for (int i = 0; i < 4; i++) {
                unsigned char c = (unsigned char)*r->s++;
                if (!isxdigit(c))
                        return bad(r, "Bad JSON escape sequence");
                v = v << 4 | (uint32_t)(isdigit(c) ? c - '0' : (c | 32) - 'a' + 10);
        }
        *ret = v;
        return true;
}

static void put_utf8(struct sh_buf *b, uint32_t c)
{
        char u[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        if (n == 1)
                u[0] = (char)c;
        for (size_t i = n; n > 1 && i-- > 1; c >>= 6)
                u[i] = (char)(0x80 | (c & 63));
        if (n > 1)
                u[0] = (char)((0xf00 >> n & 0xff) | c);
        sh_buf_put(b, u, n);
}

static bool read_escape(struct reader *r, struct sh_buf *b)
{
        uint32_t c, low;
        static const char from[] = "\"\\/bfnrt'", to[] = "\"\\/\b\f\n\r\t'";
        if (r->s >= r->end)
                return bad(r, "Unterminated string");
        char k = *r->s++;
        const char *at = k ? strchr(from, k) : NULL;
        if (at) {
                sh_buf_put(b, &to[at - from], 1);
                return true;
        }
        if (k != 'u')
                return bad(r, "Bad JSON escape sequence");
        if (!hex4(r, &c))
                return false;
        if (c >= 0xd800 && c < 0xdc00 && r->end - r->s > 5 && r->s[0] == '\\' && r->s[1] == 'u') {
                r->s += 2;
                if (!hex4(r, &low))
                        return false;
                c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
        } else if (c >= 0xd800 && c < 0xe000) {
                c = 0xfffd;
        }
        put_utf8(b, c);
        return true;
}

static bool read_string(struct reader *r, struct sv *ret)
{
        struct sh_buf b = { 0 };
        char quote = *r->s++;
        for (;;) {
                const char *p = r->s;
                while (p < r->end && *p != quote && *p != '\\')
                        p++;
                sh_buf_put(&b, r->s, (size_t)(p - r->s));
                r->s = p;
                if (p >= r->end) {
                        sh_buf_free(&b);
                        return bad(r, "Unterminated string. Expected delimiter: \"");
                }
                r->s++;
                if (*p == quote)
                        break;
                if (!read_escape(r, &b)) {
                        sh_buf_free(&b);
                        return false;
                }
        }
        *ret = sh_string(b.p ? b.p : "", b.n);
        sh_buf_free(&b);
        return true;
}

/* "2024-01-02T03:04:05" and its like become dates. */
static bool looks_like_date(const char *s, size_t n)
{
        static const char shape[] = "dddd-dd-ddTdd:dd:dd";
        if (n < sizeof shape - 1 || n > 35)
                return false;
        for (size_t i = 0; i < sizeof shape - 1; i++)
                if (shape[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != shape[i])
                        return false;
        return n == 19 || s[19] == '.' || s[19] == 'Z' || s[19] == '+' || s[19] == '-';
}

static bool read_number(struct reader *r, struct sv *ret)
{
        const char *p = r->s;
        bool real = false;
        while (p < r->end && (isalnum((unsigned char)*p) || strchr("+-.", *p)) && *p) {
                real |= *p == '.' || *p == 'e' || *p == 'E';
                p++;
        }
        char text[400];
        size_t n = (size_t)(p - r->s);
        if (n == 0 || n >= sizeof text)
                return bad(r, "Unexpected character encountered while parsing value");
        memcpy(text, r->s, n);
        text[n] = 0;
        char *end;
        const char *digits = text + (text[0] == '-');
        if (!isdigit((unsigned char)digits[0]) || (digits[0] == '0' && isdigit((unsigned char)digits[1])))
                return bad(r, "Unexpected character encountered while parsing value");
        errno = 0;
        if (!real) {
                long long i = strtoll(text, &end, 10);
                if (*end)
                        return bad(r, "Unexpected character encountered while parsing value");
                if (!errno) {
                        *ret = sh_long(i);
                        r->s = p;
                        return true;
                }
        }
        double d = strtod(text, &end);
        if (*end)
                return bad(r, "Unexpected character encountered while parsing value");
        *ret = sh_double(d);
        r->s = p;
        return true;
}

static bool read_value(struct reader *r, struct sv *ret, int64_t level);

static bool read_member(struct reader *r, struct sv object, int64_t level)
{
        struct sv name, value, old;
        blanks(r);
        if (r->s >= r->end || (*r->s != '"' && *r->s != '\''))
                return bad(r, "Invalid property identifier character");
        if (!read_string(r, &name))
                return false;
        blanks(r);
        if (r->s >= r->end || *r->s != ':') {
                sh_drop(name);
                return bad(r, "Invalid character after parsing property name. Expected ':'");
        }
        r->s++;
        bool good = read_value(r, &value, level + 1);
        if (good && r->hash) {
                sh_hash_set(object.h, name, value);
        } else if (good) {
                if (!name.s->len)
                        good = bad(r, "The provided JSON includes a property whose name is an empty string, "
                                      "this is only supported using the -AsHashTable switch");
                else if (sh_object_note(object, name.s->s, name.s->len, &old))
                        good = bad(r, "Cannot convert the JSON string because it contains keys with "
                                      "different casing. Please use the -AsHashTable switch instead");
                else
                        sh_object_set(object, name.s->s, name.s->len, value);
        }
        if (good || value.kind >= SH_OBJECT_KINDS)
                sh_drop(good ? value : SH_NIL);
        sh_drop(name);
        return good;
}

/* Items between brackets, divided by commas. */
static bool read_items(struct reader *r, struct sv to, char closer, int64_t level)
{
        r->s++;
        blanks(r);
        if (r->s < r->end && *r->s == closer) {
                r->s++;
                return true;
        }
        for (;;) {
                struct sv item;
                if (closer == '}') {
                        if (!read_member(r, to, level))
                                return false;
                } else {
                        if (!read_value(r, &item, level + 1))
                                return false;
                        sh_array_take(to.a, item);
                }
                blanks(r);
                if (r->s >= r->end)
                        return bad(r, closer == '}' ? "Unexpected end when deserializing object"
                                                    : "Unexpected end when deserializing array");
                char c = *r->s++;
                if (c == closer)
                        return true;
                if (c != ',')
                        return bad(r, "After parsing a value an unexpected character was encountered");
                blanks(r);
                if (r->s < r->end && *r->s == closer) { /* a trailing comma is let pass, as by PowerShell */
                        r->s++;
                        return true;
                }
        }
}

static bool word(struct reader *r, const char *w)
{
        size_t n = strlen(w);
        if ((size_t)(r->end - r->s) < n || memcmp(r->s, w, n) != 0)
                return false;
        r->s += n;
        return true;
}

static bool read_value(struct reader *r, struct sv *ret, int64_t level)
{
        *ret = SH_NIL;
        blanks(r);
        if (r->s >= r->end)
                return bad(r, "Unexpected end of content while loading JSON");
        if (level > r->depth)
                return bad(r, "The maximum depth was exceeded");
        char c = *r->s;
        if (c == '{') {
                *ret = r->hash ? sh_hash_new(true) : sh_object_new();
                if (read_items(r, *ret, '}', level))
                        return true;
        } else if (c == '[') {
                *ret = sh_array_new(8);
                if (read_items(r, *ret, ']', level))
                        return true;
        } else if (c == '"' || c == '\'') {
                struct sv date;
                if (!read_string(r, ret))
                        return false;
                if (!r->keep_dates && looks_like_date(ret->s->s, ret->s->len) &&
                    sh_datetime_parse(ret->s->s, ret->s->len, &date)) {
                        if (ret->s->s[ret->s->len - 1] == 'Z' &&
                            date.aux == 2) { /* parsed to local time: as it was written */
                                struct sv utc;
                                if (sh_call(r->sh, date, "ToUniversalTime", 15, (struct sh_args) { 0 },
                                            &utc) == SH_OK)
                                        date = utc;
                        }
                        sh_drop(*ret);
                        *ret = date;
                }
                return true;
        } else if (word(r, "true")) {
                *ret = sh_bool(true);
                return true;
        } else if (word(r, "false")) {
                *ret = sh_bool(false);
                return true;
        } else if (word(r, "null")) {
                return true;
        } else {
                return read_number(r, ret);
        }
        sh_drop(*ret);
        *ret = SH_NIL;
        return false;
}

static bool read_json(struct sh_cmd *c, const char *s, size_t n, struct reader *r, struct sv *ret)
{
        *r = (struct reader) { .sh = sh_session(c),
                               .s = s,
                               .begin = s,
                               .end = s + n,
                               .depth = sh_arg_int(c, "Depth", 1024),
                               .hash = sh_switch(c, "AsHashtable") };
        struct sv kind = sh_arg(c, "DateKind");
        if (!sh_is_null(kind)) {
                struct sv t = sh_to_text(r->sh, kind);
                r->keep_dates = sh_text_same(t.s->s, t.s->len, "String", 6);
                sh_drop(t);
        }
        if (!read_value(r, ret, 0))
                return false;
        blanks(r);
        if (r->s < r->end) {
                sh_drop(*ret);
                *ret = SH_NIL;
                return bad(r, "Additional text encountered after finished reading JSON content");
        }
        return true;
}

struct from_json {
        struct sh_buf b;
};
static int from_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct from_json *f = sh_state(c);
        struct sv t = sh_to_text(sh_session(c), sh_arg(c, "InputObject"));
        if (f->b.n)
                sh_buf_put(&f->b, "\n", 1);
        sh_buf_put(&f->b, t.s->s, t.s->len);
        sh_drop(t);
        return SH_OK;
}
static int from_end(struct sh_cmd *c)
{
        struct from_json *f = sh_state(c);
        struct reader r;
        struct sv v;
        size_t i = 0;
        while (i < f->b.n && isspace((unsigned char)f->b.p[i]))
                i++;
        if (i == f->b.n)
                return SH_OK;
        if (!read_json(c, f->b.p, f->b.n, &r, &v))
                return sh_cmd_throw(c, "System.ArgumentException", "NotSpecified", SH_NIL,
                                    "Conversion from JSON failed with error: %s", r.why);
        int st = sh_switch(c, "NoEnumerate") || v.kind != SH_ARRAY ? sh_emit(c, v) : sh_emit_unrolled(c, v);
        sh_drop(v);
        return st;
}
static void from_clean(struct sh_cmd *c)
{
        struct from_json *f = sh_state(c);
        sh_buf_free(&f->b);
        f->b = (struct sh_buf) { 0 };
}
static const struct sh_cmdlet convertfrom_json = {
        .name = "ConvertFrom-Json",
        .synopsis = "Reads JSON into objects.",
        .state_size = sizeof(struct from_json),
        .process = from_process,
        .end = from_end,
        .clean = from_clean,
        .params =
                (const struct sh_param[]) {
                        { "InputObject", .type = "string", .position = 1, .mandatory = true,
                          .from_pipeline = true, .allow_empty = true },
                        { "AsHashtable", .type = "switch" },
                        { "Depth", .type = "int", .min = 1, .max = INT32_MAX },
                        { "NoEnumerate", .type = "switch" },
                        { "DateKind", .type = "string", .values = "Default,Local,Utc,Offset,String" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "('{ \"a\": [1, 2] }' | ConvertFrom-Json).a[1]", "2", "" },
                        { "('{ \"b\": 1 }' | ConvertFrom-Json -AsHashtable)['b']", "1", "" },
                        { 0 } },
};

static int test_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct reader r;
        struct sv v = SH_NIL, t = sh_to_text(sh_session(c), sh_arg(c, "Json"));
        bool good = read_json(c, t.s->s, t.s->len, &r, &v);
        sh_drop(t);
        sh_drop(v);
        int st = good ? SH_OK
                      : sh_cmd_error(c, "InvalidJson", "InvalidData", SH_NIL, "Cannot parse the JSON. %s",
                                     r.why);
        return st == SH_OK ? sh_emit(c, sh_bool(good)) : st;
}
static const struct sh_cmdlet test_json = {
        .name = "Test-Json",
        .synopsis = "Tells whether text is JSON.",
        .process = test_process,
        .params = (const struct sh_param[]) { { "Json", .type = "string", .position = 1, .mandatory = true,
                                                .from_pipeline = true },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "'[1]' | Test-Json", "True", "" },
                                                  { "'[1' | Test-Json -ErrorAction Ignore", "False", "" },
                                                  { 0 } },
};

SH_CMDLETS(json, &convertto_json, &convertfrom_json, &test_json);
