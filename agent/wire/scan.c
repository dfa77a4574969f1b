/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "agent/wire/scan.h"

static const char *blanks(const char *p, const char *end)
{
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
                p++;
        return p;
}

/* Past the closing quote of the string that begins at p; NULL when it does not end. */
static const char *past_string(const char *p, const char *end)
{
        for (p++; p < end;) {
                const char *quote = memchr(p, '"', (size_t)(end - p));
                if (!quote)
                        return NULL;
                const char *slash = memchr(p, '\\', (size_t)(quote - p));
                if (!slash)
                        return quote + 1;
                p = slash + 2;
        }
        return NULL;
}

/* Past an object or array: brackets are counted, strings are skipped. */
static const char *past_nested(const char *p, const char *end)
{
        uint64_t open = 0; /* one bit a level: 1 = object */
        unsigned depth = 0;
        while (p < end)
                switch (*p) {
                case '"':
                        p = past_string(p, end);
                        if (!p)
                                return NULL;
                        break;
                case '{':
                case '[':
                        if (depth++ == RV_JSON_DEPTH)
                                return NULL;
                        open = open << 1 | (*p++ == '{');
                        break;
                case '}':
                case ']':
                        if ((open & 1) != (*p == '}'))
                                return NULL;
                        open >>= 1;
                        p++;
                        if (--depth == 0)
                                return p;
                        break;
                default: p++;
                }
        return NULL;
}

static const char *past_plain(const char *p, const char *end)
{
        const char *begin = p;
        while (p < end && ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || *p == '-' || *p == '+' ||
                           *p == '.' || *p == 'E'))
                p++;
        return p == begin ? NULL : p;
}

static const char *past(const char *p, const char *end)
{
        return *p == '"' ? past_string(p, end) : *p == '{' || *p == '[' ? past_nested(p, end) : past_plain(p, end);
}

bool rv_json_take(struct rv_json *j, struct rv_json *ret)
{
        const char *p = blanks(j->p, j->end), *after = p < j->end ? past(p, j->end) : NULL;
        if (!after) {
                j->bad = true;
                return false;
        }
        *ret = (struct rv_json) { p, after, false, false };
        j->p = after;
        return true;
}

/* Into the object or array, or past the comma. False at its end. */
static bool step(struct rv_json *j, char *ret_bracket)
{
        const char *p = blanks(j->p, j->end);
        if (!j->inside) {
                if (p == j->end || (*p != '{' && *p != '[')) {
                        j->bad = true;
                        return false;
                }
                *ret_bracket = *p;
                j->p = blanks(p + 1, j->end);
                j->inside = true;
                return j->p < j->end && *j->p != '}' && *j->p != ']';
        }
        if (p < j->end && *p == ',') {
                j->p = blanks(p + 1, j->end);
                return j->p < j->end;
        }
        if (p == j->end || (*p != '}' && *p != ']'))
                j->bad = true;
        return false;
}

bool rv_json_next(struct rv_json *j, struct rv_json *ret_name, struct rv_json *ret_value)
{
        char bracket = 0;
        if (j->bad || !step(j, &bracket))
                return false;
        struct rv_json first;
        if (!rv_json_take(j, &first))
                return false;
        j->p = blanks(j->p, j->end);
        if (j->p == j->end || *j->p != ':') {
                *ret_value = first;
                if (ret_name)
                        *ret_name = (struct rv_json) { "", "", false, false };
                return true;
        }
        if (*first.p != '"') {
                j->bad = true;
                return false;
        }
        j->p++;
        if (ret_name)
                *ret_name = (struct rv_json) { first.p + 1, first.end - 1, false, false };
        return rv_json_take(j, ret_value);
}

bool rv_json_is(const struct rv_json *name, const char *text)
{
        size_t n = strlen(text);
        return rv_json_size(name) == n && memcmp(name->p, text, n) == 0;
}

bool rv_json_find(struct rv_json object, const char *name, struct rv_json *ret)
{
        struct rv_json key;
        while (rv_json_next(&object, &key, ret))
                if (rv_json_is(&key, name))
                        return true;
        *ret = (struct rv_json) { "", "", true, false };
        return false;
}

/* ---- values ---- */

static int hex4(const char *p, const char *end)
{
        int v = 0;
        if (end - p < 4)
                return -1;
        for (int i = 0; i < 4; i++) {
                char c = p[i];
                int d = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
                if (d < 0)
                        return -1;
                v = v * 16 + d;
        }
        return v;
}

static void put_utf8(struct rv_buf *b, uint32_t c)
{
        char out[4];
        size_t n = 0;
        if (c < 0x80) {
                out[n++] = (char)c;
        } else if (c < 0x800) {
                out[n++] = (char)(0xc0 | c >> 6);
                out[n++] = (char)(0x80 | (c & 63));
        } else if (c < 0x10000) {
                out[n++] = (char)(0xe0 | c >> 12);
                out[n++] = (char)(0x80 | (c >> 6 & 63));
                out[n++] = (char)(0x80 | (c & 63));
        } else {
                out[n++] = (char)(0xf0 | c >> 18);
                out[n++] = (char)(0x80 | (c >> 12 & 63));
                out[n++] = (char)(0x80 | (c >> 6 & 63));
                out[n++] = (char)(0x80 | (c & 63));
        }
        rv_buf_put(b, out, n);
}

/* The escape at p (a backslash); answers what follows it. */
static const char *unescape(struct rv_buf *b, const char *p, const char *end)
{
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        if (end - p < 2)
                return end;
        if (p[1] != 'u') {
                const char *at = strchr(from, p[1]);
                char c = p[1] && at ? to[at - from] : p[1];
                rv_buf_put(b, &c, 1);
                return p + 2;
        }
        int high = hex4(p + 2, end);
        if (high < 0)
                return end;
        p += 6;
        uint32_t c = (uint32_t)high;
        if (high >= 0xd800 && high < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
                int low = hex4(p + 2, end);
                if (low >= 0xdc00 && low < 0xe000) {
                        c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
                        p += 6;
                }
        }
        put_utf8(b, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
        return p;
}

bool rv_json_unquote(const struct rv_json *j, struct rv_buf *b)
{
        if (rv_json_size(j) < 2 || *j->p != '"')
                return false;
        const char *p = j->p + 1, *end = j->end - 1;
        while (p < end) {
                const char *slash = memchr(p, '\\', (size_t)(end - p));
                rv_buf_put(b, p, (size_t)((slash ? slash : end) - p));
                p = slash ? unescape(b, slash, end) : end;
        }
        return !b->failed;
}

char *rv_json_strdup(const struct rv_json *j)
{
        struct rv_buf b = { 0 };
        if (!rv_json_unquote(j, &b)) {
                rv_buf_free(&b);
                return NULL;
        }
        rv_buf_put(&b, "", 1);
        return b.failed ? NULL : b.data;
}

bool rv_json_true(const struct rv_json *j)
{
        return rv_json_size(j) == 4 && memcmp(j->p, "true", 4) == 0;
}

bool rv_json_integer(const struct rv_json *j, uint64_t *ret, bool *ret_negative)
{
        const char *p = j->p;
        *ret_negative = p < j->end && *p == '-';
        p += *ret_negative;
        if (p == j->end || j->end - p > 20)
                return false;
        uint64_t v = 0;
        for (; p < j->end; p++) {
                unsigned d = (unsigned char)*p - '0';
                if (d > 9 || v > (UINT64_MAX - d) / 10)
                        return false;
                v = v * 10 + d;
        }
        *ret = v;
        return !*ret_negative || v <= (uint64_t)INT64_MAX + 1;
}

int64_t rv_json_int64(const struct rv_json *j, int64_t otherwise)
{
        uint64_t u;
        bool negative;
        if (!rv_json_integer(j, &u, &negative) || (!negative && u > INT64_MAX))
                return otherwise;
        return negative ? (int64_t)(0 - u) : (int64_t)u;
}

double rv_json_double(const struct rv_json *j)
{
        char text[64];
        size_t n = rv_json_size(j);
        if (n >= sizeof text)
                n = sizeof text - 1;
        memcpy(text, j->p, n);
        text[n] = 0;
        return strtod(text, NULL);
}
