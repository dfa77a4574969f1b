/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "schema/json.h"

bool rv_buf_more(struct rv_buf *b, size_t n)
{
        if (b->failed)
                return false;
        if (b->max && b->len + n > b->max)
                return b->failed = true, false;
        size_t cap = b->cap ? b->cap * 2 : 1024;
        while (cap < b->len + n)
                cap *= 2;
        char *data = realloc(b->data, cap);
        if (!data)
                return b->failed = true, false;
        b->data = data;
        b->cap = cap;
        return true;
}

void rv_buf_put(struct rv_buf *b, const char *s, size_t n)
{
        if (!rv_buf_room(b, n + 1))
                return;
        memcpy(b->data + b->len, s, n);
        b->len += n;
}

void rv_buf_puts(struct rv_buf *b, const char *s)
{
        rv_buf_put(b, s, strlen(s));
}

void rv_buf_putf(struct rv_buf *b, const char *fmt, ...)
{
        char small[512];
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(small, sizeof small, fmt, ap);
        va_end(ap);
        if (n < 0 || (size_t)n < sizeof small) {
                rv_buf_put(b, small, n < 0 ? 0 : (size_t)n);
                return;
        }
        if (!rv_buf_room(b, (size_t)n + 1))
                return;
        va_start(ap, fmt);
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
        va_end(ap);
        b->len += (size_t)n;
}

void rv_buf_free(struct rv_buf *b)
{
        free(b->data);
        *b = (struct rv_buf) { .max = b->max };
}

/* Two digits at a time. */
void rv_buf_uint(struct rv_buf *b, uint64_t u)
{
        static const char pairs[] =
                "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                "8081828384858687888990919293949596979899";
        char text[48], *const end = text + 24, *p = end;
        while (u >= 100) {
                const char *pair = pairs + u % 100 * 2;
                *--p = pair[1];
                *--p = pair[0];
                u /= 100;
        }
        if (u >= 10) {
                *--p = pairs[u * 2 + 1];
                *--p = pairs[u * 2];
        } else {
                *--p = (char)('0' + u);
        }
        if (!rv_buf_room(b, 32))
                return;
        memcpy(b->data + b->len, p, 24); /* of a constant size: what is too much is written over */
        b->len += (size_t)(end - p);
}

void rv_buf_int(struct rv_buf *b, int64_t i)
{
        if (i < 0)
                rv_buf_put(b, "-", 1);
        rv_buf_uint(b, i < 0 ? -(uint64_t)i : (uint64_t)i);
}

/* Length of the valid UTF-8 character at s (n bytes left), or 0. */
static size_t utf8(const unsigned char *s, size_t n)
{
        if (s[0] < 0xc2)
                return 0;
        size_t len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
        if (!len || len > n)
                return 0;
        for (size_t i = 1; i < len; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
            (s[0] == 0xf4 && s[1] > 0x8f))
                return 0;
        return len;
}

/* 0: as it is; else what to do: 1 escape, 2 look closer. */
static inline int special(unsigned char c)
{
        return c >= 0x80 ? 2 : c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

static char *escaped(char *to, unsigned char c)
{
        static const char hex[] = "0123456789abcdef", from[] = "\b\t\n\f\r\"\\", is[] = "btnfr\"\\";
        const char *f = c ? strchr(from, c) : NULL;
        if (f) {
                to[0] = '\\';
                to[1] = is[f - from];
                return to + 2;
        }
        memcpy(to, "\\u00", 4);
        to[4] = hex[c >> 4];
        to[5] = hex[c & 15];
        return to + 6;
}

/* Eight plain bytes at once: none below 0x20, above 0x7e, a quote or a backslash. */
static inline bool plain8(const char *s)
{
        uint64_t w;
        memcpy(&w, s, 8);
        const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
        uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\'), del = w ^ (ones * 0x7f);
        return !((w | (w - ones * 0x20) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
                  ((del - ones) & ~del)) &
                 high);
}

void rv_json_string(struct rv_buf *b, const char *s, size_t n)
{
        static const char hex[] = "0123456789abcdef";
        if (!rv_buf_room(b, n * 6 + 3))
                return;
        char *to = b->data + b->len;
        *to++ = '"';
        for (size_t i = 0; i < n;) {
                while (n - i >= 8 && plain8(s + i)) {
                        memcpy(to, s + i, 8);
                        to += 8;
                        i += 8;
                }
                if (i >= n)
                        break;
                unsigned char c = (unsigned char)s[i];
                int kind = special(c);
                if (kind == 0) {
                        *to++ = (char)c;
                        i++;
                } else if (kind == 1) {
                        to = escaped(to, c);
                        i++;
                } else {
                        size_t len = utf8((const unsigned char *)s + i, n - i);
                        if (len) {
                                memcpy(to, s + i, len);
                                to += len;
                                i += len;
                        } else {
                                memcpy(to, "\\\\x", 3);
                                to[3] = hex[c >> 4];
                                to[4] = hex[c & 15];
                                to += 5;
                                i++;
                        }
                }
        }
        *to++ = '"';
        b->len = (size_t)(to - b->data);
}

void rv_json_text(struct rv_buf *b, const char *s)
{
        rv_json_string(b, s, strlen(s));
}

static int64_t floor_div(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

/* The date of a second, kept: rows of one answer mostly share it or come close. */
static void civil(int64_t seconds, struct tm *tm)
{
        static _Thread_local int64_t kept_day = INT64_MIN;
        static _Thread_local struct tm kept;
        int64_t day = floor_div(seconds, 86400), rest = seconds - day * 86400;
        if (day != kept_day) {
                time_t t = (time_t)(day * 86400);
                gmtime_r(&t, &kept);
                kept_day = day;
        }
        *tm = kept;
        tm->tm_hour = (int)(rest / 3600);
        tm->tm_min = (int)(rest / 60 % 60);
        tm->tm_sec = (int)(rest % 60);
}

static char *digits(char *to, unsigned v, int n)
{
        for (int i = n; i-- > 0; v /= 10)
                to[i] = (char)('0' + v % 10);
        return to + n;
}

size_t rv_datetime_text(int64_t ns, bool dmtf, char *buf, size_t size)
{
        if (size < 40)
                return 0;
        struct tm tm;
        int64_t seconds = floor_div(ns, 1000000000);
        unsigned fraction = (unsigned)(ns - seconds * 1000000000);
        civil(seconds, &tm);
        char *p = digits(buf, (unsigned)(tm.tm_year + 1900), 4);
        if (!dmtf)
                *p++ = '-';
        p = digits(p, (unsigned)tm.tm_mon + 1, 2);
        if (!dmtf)
                *p++ = '-';
        p = digits(p, (unsigned)tm.tm_mday, 2);
        if (!dmtf)
                *p++ = 'T';
        p = digits(p, (unsigned)tm.tm_hour, 2);
        if (!dmtf)
                *p++ = ':';
        p = digits(p, (unsigned)tm.tm_min, 2);
        if (!dmtf)
                *p++ = ':';
        p = digits(p, (unsigned)tm.tm_sec, 2);
        if (dmtf) {
                *p++ = '.';
                p = digits(p, fraction / 1000, 6);
                memcpy(p, "+000", 5);
                return (size_t)(p + 4 - buf);
        }
        if (fraction) {
                *p++ = '.';
                p = digits(p, fraction, 9);
                while (p[-1] == '0')
                        p--;
        }
        *p++ = 'Z';
        *p = 0;
        return (size_t)(p - buf);
}

/* The fewest digits that read back the same (Steele and White), for numbers whose bits fit an integer part and a
 * fraction: all is exact in units of half the last bit. Digits are made until what is left is within half a bit of the
 * number. A 9 is never rounded up: what it would become has been looked at one digit earlier, and no other number is
 * that near a whole one. */
static bool real_digits(struct rv_buf *b, double d)
{
        int e;
        double f = frexp(fabs(d), &e);
        if (e > 53 || e < -6)
                return false;
        uint64_t bits = (uint64_t)ldexp(f, 53);
        unsigned shift = (unsigned)(54 - e);
        uint64_t one = UINT64_C(1) << shift, v = bits << 1, rest = v & (one - 1), whole = v >> shift, half = 1;
        unsigned closer = f == 0.5; /* below a power of two numbers are half as far apart */
        char text[24] = "", *p = text;
        if (!rv_buf_room(b, 64))
                return true;
        do {
                rest *= 10;
                half *= 10;
                unsigned digit = (unsigned)(rest >> shift);
                rest &= one - 1;
                bool down = rest << closer < half, up = one - rest < half;
                if (down && up)
                        down = rest < one - rest;
                *p++ = (char)('0' + digit + (!down && up));
                if (down || up)
                        break;
        } while (p < text + 20);
        if (signbit(d))
                b->data[b->len++] = '-';
        rv_buf_uint(b, whole);
        b->data[b->len++] = '.';
        memcpy(b->data + b->len, text, 24);
        b->len += (size_t)(p - text);
        return true;
}

static void real(struct rv_buf *b, double d)
{
        if (!isfinite(d)) {
                rv_buf_put(b, "null", 4);
                return;
        }
        if (real_digits(b, d))
                return;
        char text[40];
        int n = 0;
        for (int precision = 15; precision <= 17; precision++) {
                n = snprintf(text, sizeof text, "%.*g", precision, d);
                if (strtod(text, NULL) == d)
                        break;
        }
        rv_buf_put(b, text, (size_t)n);
        if (!strpbrk(text, ".e"))
                rv_buf_put(b, ".0", 2);
}

static void datetime(struct rv_buf *b, const struct rv_value *v, bool dmtf)
{
        char text[64] = "\"";
        size_t n;
        if (v->type == RV_INTERVAL && !dmtf) {
                rv_buf_int(b, v->i);
                return;
        }
        if (v->type == RV_INTERVAL) {
                uint64_t us = (uint64_t)(v->i < 0 ? 0 : v->i) / 1000, s = us / 1000000;
                n = (size_t)snprintf(text + 1, sizeof text - 2, "%08u%02u%02u%02u.%06u:000",
                                     (unsigned)(s / 86400), (unsigned)(s / 3600 % 24),
                                     (unsigned)(s / 60 % 60), (unsigned)(s % 60), (unsigned)(us % 1000000));
        } else {
                n = rv_datetime_text(v->i, dmtf, text + 1, sizeof text - 2);
        }
        text[n + 1] = '"';
        rv_buf_put(b, text, n + 2);
}

static void object(struct rv_buf *, const struct rv_batch *, const struct rv_value *, const struct rv_class *,
                   bool dmtf);

static void value(struct rv_buf *b, const struct rv_batch *batch, const struct rv_value *v,
                  const struct rv_property *p, bool dmtf)
{
        switch (v->type) {
        case RV_BOOL: v->u ? rv_buf_put(b, "true", 4) : rv_buf_put(b, "false", 5); return;
        case RV_UINT: rv_buf_uint(b, v->u); return;
        case RV_INT: rv_buf_int(b, v->i); return;
        case RV_REAL: real(b, v->d); return;
        case RV_STRING:
        case RV_REF: rv_json_string(b, rv_text(batch, v), v->len); return;
        case RV_DATETIME:
        case RV_INTERVAL: datetime(b, v, dmtf); return;
        case RV_OBJECT:
                object(b, batch, v, rv_class_find(p->ref_class ? p->ref_class : "", NULL), dmtf);
                return;
        case RV_LIST: {
                bool map = p->flags & RV_MAP;
                rv_buf_put(b, map ? "{" : "[", 1);
                for (uint32_t i = 0; i < v->len; i++) {
                        if (i)
                                rv_buf_put(b, map && i % 2 ? ":" : ",", 1);
                        value(b, batch, &rv_items(batch, v)[i], p, dmtf);
                }
                rv_buf_put(b, map ? "}" : "]", 1);
                return;
        }
        default: rv_buf_put(b, "null", 4);
        }
}

static void object(struct rv_buf *b, const struct rv_batch *batch, const struct rv_value *v,
                   const struct rv_class *c, bool dmtf)
{
        if (!c) {
                rv_buf_put(b, "null", 4);
                return;
        }
        for (uint32_t i = 0; i < c->nproperties && i < v->len; i++) {
                rv_buf_put(b, i ? "," : "{", 1);
                rv_json_text(b, c->properties[i].name);
                rv_buf_put(b, ":", 1);
                value(b, batch, &rv_items(batch, v)[i], &c->properties[i], dmtf);
        }
        rv_buf_puts(b, c->nproperties ? "}" : "{}");
}

static bool is_dmtf(const struct rv_class *c)
{
        return c->name_space && strcasecmp(c->name_space, "root/reeve") != 0;
}

/* "Name": of a property; names are plain words. */
static void member(struct rv_buf *b, const struct rv_property *p, bool first)
{
        size_t n = strlen(p->name);
        if (!rv_buf_room(b, n + 37)) /* and for a number behind it */
                return;
        char *to = b->data + b->len;
        *to++ = first ? '{' : ',';
        *to++ = '"';
        memcpy(to, p->name, n);
        to[n] = '"';
        to[n + 1] = ':';
        b->len += n + 4;
}

static void more_system_properties(struct rv_buf *b, const struct rv_class *c, const struct rv_buf *path)
{
        const struct rv_class *oldest = c;
        while (oldest->base)
                oldest = oldest->base;
        rv_buf_puts(b, ",\"__RELPATH\":");
        rv_json_string(b, path->data ? path->data : "", path->len);
        rv_buf_puts(b, ",\"__SUPERCLASS\":");
        c->base_name ? rv_json_text(b, c->base_name) : rv_buf_puts(b, "null");
        rv_buf_putf(b, ",\"__DYNASTY\":\"%s\",\"__GENUS\":2,\"__PROPERTY_COUNT\":%u,\"__DERIVATION\":[", oldest->name,
                    c->nproperties);
        for (const struct rv_class *up = c->base; up; up = up->base)
                rv_buf_putf(b, "%s\"%s\"", up == c->base ? "" : ",", up->name);
        rv_buf_puts(b, "]");
}

static void system_properties(struct rv_buf *b, const struct rv_batch *batch, uint32_t row, bool first, bool all)
{
        char host[256] = "";
        gethostname(host, sizeof host - 1);
        rv_buf_putf(b, "%s\"__CLASS\":\"%s\",\"__NAMESPACE\":\"%s\",\"__SERVER\":", first ? "{" : ",",
                    batch->class->name, batch->class->name_space);
        rv_json_text(b, host);
        rv_buf_puts(b, ",\"__PATH\":");
        struct rv_buf path = { 0 };
        rv_json_path(&path, batch, row);
        rv_json_string(b, path.data ? path.data : "", path.len);
        if (all)
                more_system_properties(b, batch->class, &path);
        rv_buf_free(&path);
}

/* The first property from p on that is shown, or n. */
static uint32_t next_shown(const uint64_t *show, uint32_t p, uint32_t n)
{
        while (show && p < n) {
                uint64_t rest = show[p >> 6] >> (p & 63);
                if (rest) {
                        p += (uint32_t)__builtin_ctzll(rest);
                        break;
                }
                p = (p | 63) + 1;
        }
        return p < n ? p : n;
}

void rv_json_row(struct rv_buf *b, const struct rv_batch *batch, uint32_t row, const uint64_t *show,
                 unsigned flags)
{
        const struct rv_class *c = batch->class;
        bool dmtf = is_dmtf(c), first = true;
        const uint32_t n = c->nproperties;
        for (uint32_t p = next_shown(show, 0, n); p < n; p = next_shown(show, p + 1, n)) {
                const struct rv_property *d = &c->properties[p];
                const struct rv_value *v = rv_get(batch, row, p);
                if (d->flags & RV_SECRET || (!show && d->flags & RV_EXPENSIVE && v->type == RV_NULL))
                        continue;
                member(b, d, first);
                value(b, batch, v, d, dmtf);
                first = false;
        }
        if (flags & RV_JSON_SYSTEM) {
                system_properties(b, batch, row, first, flags & RV_JSON_ALL_SYSTEM);
                first = false;
        }
        rv_buf_puts(b, first ? "{}" : "}");
}

void rv_json_keys(struct rv_buf *b, const struct rv_batch *batch, uint32_t row)
{
        const struct rv_class *c = batch->class;
        for (uint32_t k = 0; k < c->nkeys; k++) {
                member(b, &c->properties[c->keys[k]], k == 0);
                value(b, batch, rv_get(batch, row, c->keys[k]), &c->properties[c->keys[k]], is_dmtf(c));
        }
        rv_buf_puts(b, c->nkeys ? "}" : "{}");
}

void rv_json_path(struct rv_buf *b, const struct rv_batch *batch, uint32_t row)
{
        const struct rv_class *c = batch->class;
        rv_buf_puts(b, c->name);
        if (!c->nkeys)
                rv_buf_puts(b, "=@");
        for (uint32_t k = 0; k < c->nkeys; k++) {
                rv_buf_putf(b, "%s%s=", k ? "," : ".", c->properties[c->keys[k]].name);
                value(b, batch, rv_get(batch, row, c->keys[k]), &c->properties[c->keys[k]], is_dmtf(c));
        }
}

void rv_json_error(struct rv_buf *b, const struct rv_error *e)
{
        rv_buf_putf(b, "{\"code\":%d,\"message\":", -32000 - e->code);
        rv_json_text(b, e->message[0] ? e->message : rv_status_text(e->code));
        rv_buf_putf(b, ",\"data\":{\"CIMStatus\":%d,\"Name\":\"%s\"", e->code, rv_status_name(e->code));
        const struct {
                const char *name, *text;
        } more[] = { { "Class", e->class_name },
                     { "Key", e->key },
                     { "Property", e->property },
                     { "Hint", e->hint } };
        for (size_t i = 0; i < 4; i++)
                if (more[i].text[0]) {
                        rv_buf_putf(b, ",\"%s\":", more[i].name);
                        rv_json_text(b, more[i].text);
                }
        rv_buf_putf(b, ",\"Retryable\":%s}}", e->retryable ? "true" : "false");
}
