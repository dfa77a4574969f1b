/* SPDX-License-Identifier: MIT
 *
 * A JSON reader over text in memory. Integers stay exact, strings that look like ISO 8601 times become dates, object
 * keys keep their order.
 */
#include "shell/json.h"
#include "shell/text.h"
#include "shell/types.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct reader {
        struct sh_json_read *o;
        const char *s, *p, *end;
        int level;
};

static bool fail(struct reader *r, const char *text)
{
        if (r->o->error[0])
                return false;
        size_t line = 1, column = 0;
        for (const char *q = r->s; q < r->p && q < r->end; q++) {
                column++;
                if (*q == '\n') {
                        line++;
                        column = 0;
                }
        }
        r->o->at = (size_t)(r->p - r->s);
        snprintf(r->o->error, sizeof(r->o->error), "%s Path '', line %zu, position %zu.", text, line, column);
        return false;
}

static bool fail_char(struct reader *r, const char *text)
{
        char message[120];
        unsigned char c = r->p < r->end ? (unsigned char)*r->p : 0;
        if (r->p >= r->end)
                return fail(r, "Unexpected end when reading JSON.");
        if (c >= 0x20 && c < 0x7f)
                snprintf(message, sizeof(message), "%s: %c.", text, c);
        else
                snprintf(message, sizeof(message), "%s.", text);
        return fail(r, message);
}

static bool comment(struct reader *r)
{
        if (r->end - r->p < 2 || (r->o->strict && !r->o->comments))
                return false;
        if (r->p[1] == '/') {
                while (r->p < r->end && *r->p != '\n')
                        r->p++;
                return true;
        }
        if (r->p[1] != '*')
                return false;
        for (const char *q = r->p + 2; q + 1 < r->end; q++)
                if (q[0] == '*' && q[1] == '/') {
                        r->p = q + 2;
                        return true;
                }
        return false;
}

static void space(struct reader *r)
{
        while (r->p < r->end) {
                char c = *r->p;
                if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
                        r->p++;
                else if (c != '/' || !comment(r))
                        return;
        }
}

/* ---- strings ---- */
static int hex4(struct reader *r)
{
        int v = 0;
        if (r->end - r->p < 4)
                return -1;
        for (int i = 0; i < 4; i++) {
                char c = r->p[i];
                int d = c >= '0' && c <= '9'                 ? c - '0'
                        : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                             : -1;
                if (d < 0)
                        return -1;
                v = v * 16 + d;
        }
        r->p += 4;
        return v;
}

static bool unicode_escape(struct reader *r, struct sh_buf *b)
{
        int u = hex4(r);
        if (u < 0)
                return fail(r, "Invalid Unicode escape sequence.");
        if (u >= 0xd800 && u < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
                const char *back = r->p;
                r->p += 2;
                int low = hex4(r);
                if (low >= 0xdc00 && low < 0xe000) {
                        sh_buf_cp(b, 0x10000 + (((uint32_t)u - 0xd800) << 10) + ((uint32_t)low - 0xdc00));
                        return true;
                }
                r->p = back;
        }
        sh_buf_cp(b, (uint32_t)u);
        return true;
}

static bool escape(struct reader *r, struct sh_buf *b)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        if (r->p >= r->end)
                return fail(r, "Unterminated string.");
        char c = *r->p++;
        if (c == 'u')
                return unicode_escape(r, b);
        const char *k = strchr(from, c);
        if (k && c)
                sh_buf_put(b, &to[k - from], 1);
        else if (c == '\'' && !r->o->strict)
                sh_buf_put(b, "'", 1);
        else {
                r->p--;
                return fail_char(r, "Bad JSON escape sequence");
        }
        return true;
}

static bool string_body(struct reader *r, struct sh_buf *b)
{
        char quote = *r->p++;
        for (;;) {
                const char *from = r->p;
                while (r->p < r->end && *r->p != quote && *r->p != '\\' &&
                       (!r->o->strict || (unsigned char)*r->p >= 0x20))
                        r->p++;
                sh_buf_put(b, from, (size_t)(r->p - from));
                if (r->p >= r->end)
                        return fail(r, "Unterminated string. Expected delimiter: \".");
                if (*r->p == quote) {
                        r->p++;
                        return true;
                }
                if (*r->p != '\\')
                        return fail_char(r, "Invalid character in a string");
                r->p++;
                if (!escape(r, b))
                        return false;
        }
}

static bool digits(const char *s, int n)
{
        for (int i = 0; i < n; i++)
                if (s[i] < '0' || s[i] > '9')
                        return false;
        return true;
}

/* yyyy-MM-ddTHH:mm:ss with fraction and zone, as the reader behind PowerShell takes for a date. */
static bool is_date(const char *s, size_t n)
{
        if (n < 19 || n > 40 || s[10] != 'T' || s[4] != '-' || s[7] != '-' || s[13] != ':' || s[16] != ':')
                return false;
        if (!digits(s, 4) || !digits(s + 5, 2) || !digits(s + 8, 2) || !digits(s + 11, 2) ||
            !digits(s + 14, 2) || !digits(s + 17, 2))
                return false;
        size_t i = 19;
        if (i < n && s[i] == '.') {
                size_t from = ++i;
                while (i < n && s[i] >= '0' && s[i] <= '9')
                        i++;
                if (i == from)
                        return false;
        }
        if (i == n || (i + 1 == n && s[i] == 'Z'))
                return true;
        return i + 6 == n && (s[i] == '+' || s[i] == '-') && digits(s + i + 1, 2) && s[i + 3] == ':' &&
               digits(s + i + 4, 2);
}

static bool string(struct reader *r, struct sv *ret)
{
        struct sh_buf b = { 0 };
        if (!string_body(r, &b)) {
                sh_buf_free(&b);
                return false;
        }
        if (!r->o->strict && b.n >= 19 && is_date(b.p, b.n) && sh_datetime_parse(b.p, b.n, ret)) {
                if (b.p[b.n - 1] == 'Z')
                        ret->aux = 1;
                sh_buf_free(&b);
                return true;
        }
        *ret = sh_buf_take(&b);
        return true;
}

/* ---- numbers and words ---- */
static bool number_shape(struct reader *r, bool *ret_real)
{
        const char *p = r->p;
        *ret_real = false;
        if (p < r->end && *p == '-')
                p++;
        const char *from = p;
        while (p < r->end && *p >= '0' && *p <= '9')
                p++;
        if (p == from || (r->o->strict && *from == '0' && p - from > 1))
                return fail_char(r, "Unexpected character encountered while parsing value");
        if (p < r->end && *p == '.') {
                *ret_real = true;
                from = ++p;
                while (p < r->end && *p >= '0' && *p <= '9')
                        p++;
                if (p == from && r->o->strict)
                        return fail_char(r, "Unexpected character encountered while parsing value");
        }
        if (p < r->end && (*p == 'e' || *p == 'E')) {
                *ret_real = true;
                p++;
                if (p < r->end && (*p == '+' || *p == '-'))
                        p++;
                from = p;
                while (p < r->end && *p >= '0' && *p <= '9')
                        p++;
                if (p == from)
                        return fail_char(r, "Unexpected character encountered while parsing value");
        }
        r->p = p;
        return true;
}

static bool number(struct reader *r, struct sv *ret)
{
        const char *from = r->p;
        bool real;
        if (!number_shape(r, &real))
                return false;
        char small[64], *text = small;
        size_t n = (size_t)(r->p - from);
        if (n >= sizeof(small) && !(text = malloc(n + 1)))
                abort();
        memcpy(text, from, n);
        text[n] = 0;
        bool ok = false;
        if (!real) {
                uint64_t u = 0;
                size_t i = text[0] == '-';
                ok = n - i <= 19;
                for (; ok && i < n; i++)
                        ok = !__builtin_mul_overflow(u, 10, &u) &&
                             !__builtin_add_overflow(u, (uint64_t)(text[i] - '0'), &u);
                if (ok && text[0] == '-' && u <= (uint64_t)INT64_MAX + 1)
                        *ret = sh_long((int64_t)(0 - u));
                else if (ok && text[0] != '-' && u <= INT64_MAX)
                        *ret = sh_long((int64_t)u);
                else
                        ok = sh_decimal_parse(text, n, ret);
        }
        if (!ok)
                *ret = sh_double(strtod(text, NULL));
        if (text != small)
                free(text);
        return true;
}

static bool word(struct reader *r, const char *w)
{
        size_t n = strlen(w);
        if ((size_t)(r->end - r->p) < n || memcmp(r->p, w, n) != 0)
                return false;
        if (r->p + n < r->end &&
            (sh_cp_letter((unsigned char)r->p[n]) || sh_cp_digit((unsigned char)r->p[n])))
                return false;
        r->p += n;
        return true;
}

static bool constant(struct reader *r, struct sv *ret)
{
        if (word(r, "true"))
                *ret = sh_bool(true);
        else if (word(r, "false"))
                *ret = sh_bool(false);
        else if (word(r, "null") || (!r->o->strict && word(r, "undefined")))
                *ret = SH_NIL;
        else if (!r->o->strict && word(r, "NaN"))
                *ret = sh_double(__builtin_nan(""));
        else if (!r->o->strict && word(r, "Infinity"))
                *ret = sh_double(__builtin_inf());
        else if (!r->o->strict && word(r, "-Infinity"))
                *ret = sh_double(-__builtin_inf());
        else
                return false;
        return true;
}

/* ---- containers ---- */
static bool value(struct reader *r, struct sv *ret);

static bool enter(struct reader *r)
{
        char text[100];
        if (++r->level <= r->o->depth)
                return true;
        snprintf(text, sizeof(text), "The reader's MaxDepth of %d has been exceeded.", r->o->depth);
        return fail(r, text);
}

static bool array(struct reader *r, struct sv *ret)
{
        struct sv a = sh_array_new(4), item;
        r->p++;
        if (!enter(r))
                goto bad;
        for (bool first = true;; first = false) {
                space(r);
                if (r->p < r->end && *r->p == ']' && (first || !r->o->strict || r->o->trailing_commas))
                        break;
                if (!value(r, &item))
                        goto bad;
                sh_array_take(a.a, item);
                space(r);
                if (r->p < r->end && *r->p == ',') {
                        r->p++;
                        continue;
                }
                if (r->p < r->end && *r->p == ']')
                        break;
                fail_char(r, "After parsing a value an unexpected character was encountered");
                goto bad;
        }
        r->p++;
        r->level--;
        *ret = a;
        return true;
bad:
        sh_drop(a);
        return false;
}

static bool key(struct reader *r, struct sh_buf *b)
{
        if (r->p < r->end && (*r->p == '"' || (*r->p == '\'' && !r->o->strict)))
                return string_body(r, b);
        const char *from = r->p;
        while (!r->o->strict && r->p < r->end &&
               (sh_cp_letter((unsigned char)*r->p) || sh_cp_digit((unsigned char)*r->p) || *r->p == '_' ||
                *r->p == '$'))
                r->p++;
        sh_buf_put(b, from, (size_t)(r->p - from));
        return b->n ? true : fail_char(r, "Invalid property identifier character");
}

static bool put(struct reader *r, struct sv object, struct sv name, struct sv v)
{
        struct sv old;
        if (object.kind == SH_HASH) {
                sh_hash_set(object.h, name, v);
                return true;
        }
        if (!name.s->len) {
                r->o->id = "EmptyKeyInJsonString";
                snprintf(r->o->error, sizeof(r->o->error),
                         "The provided JSON includes a property whose name is an empty "
                         "string, this is only supported using the -AsHashTable switch.");
                return false;
        }
        struct sh_bag *bag = sh_bag_of(object, true);
        for (uint32_t i = 0; i < bag->n; i++) {
                const struct sh_str *k = bag->v[i].name.s;
                if (!sh_text_same(k->s, k->len, name.s->s, name.s->len))
                        continue;
                if (k->len == name.s->len && memcmp(k->s, name.s->s, k->len) == 0)
                        break;
                r->o->id = "KeysWithDifferentCasing";
                snprintf(r->o->error, sizeof(r->o->error),
                         "Cannot convert the JSON string because it contains keys with different casing. "
                         "Please use the "
                         "-AsHashTable switch instead. The key that was attempted to be added to the "
                         "existing key "
                         "'%.40s' was '%.40s'.",
                         k->s, name.s->s);
                return false;
        }
        (void)old;
        sh_object_set(object, name.s->s, name.s->len, v);
        return true;
}

static bool member(struct reader *r, struct sv object)
{
        struct sh_buf b = { 0 };
        struct sv v = SH_NIL, name;
        if (!key(r, &b)) {
                sh_buf_free(&b);
                return false;
        }
        name = sh_buf_take(&b);
        space(r);
        bool ok = r->p < r->end && *r->p == ':';
        if (!ok)
                fail_char(r, "Invalid character after parsing property name. Expected ':' but got");
        else {
                r->p++;
                space(r);
                ok = value(r, &v) && put(r, object, name, v);
        }
        sh_drop(name);
        sh_drop(v);
        return ok;
}

static bool object(struct reader *r, struct sv *ret)
{
        struct sv o = r->o->hashtable ? sh_hash_new_typed(&sh_type_ordered_hashtable) : sh_object_new();
        if (o.kind == SH_HASH)
                sh_hash_set_case(o.h, true);
        r->p++;
        if (!enter(r))
                goto bad;
        for (bool first = true;; first = false) {
                space(r);
                if (r->p < r->end && *r->p == '}' && (first || !r->o->strict || r->o->trailing_commas))
                        break;
                if (!member(r, o))
                        goto bad;
                space(r);
                if (r->p < r->end && *r->p == ',') {
                        r->p++;
                        continue;
                }
                if (r->p < r->end && *r->p == '}')
                        break;
                fail_char(r, "After parsing a value an unexpected character was encountered");
                goto bad;
        }
        r->p++;
        r->level--;
        *ret = o;
        return true;
bad:
        sh_drop(o);
        return false;
}

static bool value(struct reader *r, struct sv *ret)
{
        char c = r->p < r->end ? *r->p : 0;
        *ret = SH_NIL;
        if (c == '{') {
                const char *after;
                *ret = r->o->hashtable || r->o->strict ? SH_NOTHING
                                                       : sh_json_unread(r->o->text, r->p, r->end,
                                                                      r->o->depth - r->level, &after);
                if (ret->kind == SH_VOID)
                        return object(r, ret);
                r->p = after;
                return true;
        }
        if (c == '[')
                return array(r, ret);
        if (c == '"' || (c == '\'' && !r->o->strict))
                return string(r, ret);
        if (c >= '0' && c <= '9')
                return number(r, ret);
        if (constant(r, ret))
                return true;
        if (c == '-')
                return number(r, ret);
        return fail_char(r, "Unexpected character encountered while parsing value");
}

bool sh_json_parse(struct sh_json_read *o, const char *s, size_t n, struct sv *ret)
{
        struct reader r = { .o = o, .s = s, .p = s, .end = s + n };
        sh_json_unread_begin();
        o->error[0] = 0;
        o->id = NULL;
        *ret = SH_NIL;
        if (n >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0 && !o->strict)
                r.p += 3;
        space(&r);
        if (r.p == r.end && !o->strict)
                return true;
        if (!value(&r, ret))
                return false;
        space(&r);
        if (r.p == r.end)
                return true;
        sh_drop(*ret);
        *ret = SH_NIL;
        return fail_char(&r, "Additional text encountered after finished reading JSON content");
}

/* An object that sh_json_unread() has looked through: no error can come up. */
void sh_json_object(struct sh_str *text, uint32_t at, uint32_t n, struct sv *ret)
{
        struct sh_json_read o = { .depth = INT_MAX, .text = text };
        struct reader r = { .o = &o, .s = text->s + at, .p = text->s + at, .end = text->s + at + n };
        sh_json_unread_begin();
        if (!object(&r, ret))
                *ret = sh_object_new();
}
