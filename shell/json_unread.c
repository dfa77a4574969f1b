/* SPDX-License-Identifier: MIT
 *
 * JSON objects that are read when they are asked for. ConvertFrom-Json looks through each object once, to be sure that
 * it is sound, and keeps its text; most scripts then ask for one or two of its properties. A property that is a scalar
 * is read from the text each time; whatever else happens to the object reads it whole, once.
 *
 * Only plain JSON is kept for later: no comments, no escapes in names, no name twice (with whatever case), not too deep
 * and not too long. All else is for the reader in json_read.c, which also tells what is wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "shell/json.h"
#include "shell/text.h"

struct sh_unread {
        struct sh_str *text; /* kept */
        uint32_t at, n;      /* "{...}" in it */
        /* What was asked for last: a filter and a sort ask for the same. */
        uint32_t name_at, name_n; /* in the text; 0: nothing */
        struct sv value;
};

/* Of a text longer than MOST_SHARED an object keeps a copy of its part, not all of it. */
enum { MOST_NAMES = 48, MOST_DEPTH = 24, MOST_BYTES = 64 << 10, MOST_SHARED = 8 << 20 };

struct slice {
        const char *s;
        uint32_t n;
};

static const char *blanks(const char *p, const char *end)
{
        while (p < end && (unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
                p++;
        return p;
}

/* ---- looking through; each answers where the thing ends, or NULL: not plain ---- */

static const char *look_escape(const char *p, const char *end)
{
        if (p == end)
                return NULL;
        if (*p != 'u')
                return *p && strchr("\"\\/bfnrt", *p) ? p + 1 : NULL;
        if (end - p < 5)
                return NULL;
        for (int i = 1; i < 5; i++)
                if (!((p[i] >= '0' && p[i] <= '9') || ((p[i] | 32) >= 'a' && (p[i] | 32) <= 'f')))
                        return NULL;
        return p + 5;
}

/* The next quote, backslash or (if `ascii`) byte beyond ASCII, eight bytes at a time. */
static inline const char *next_special(const char *p, const char *end, bool ascii)
{
        const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
        const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
        for (uint64_t w; end - p >= 8; p += 8) {
                memcpy(&w, p, 8);
                uint64_t quote = w ^ (ones * '"'), back = w ^ (ones * '\\');
                uint64_t found =
                        (((quote - ones) & ~quote) | ((back - ones) & ~back) | (ascii ? w : 0)) & tops;
                if (found && little) /* the lowest mark is right; those above it may be carries */
                        return p + (__builtin_ctzll(found) >> 3);
                if (found)
                        break;
        }
        while (p < end && *p != '"' && *p != '\\' && (!ascii || (unsigned char)*p < 0x80))
                p++;
        return p;
}

static const char *look_string(const char *p, const char *end)
{
        for (p = next_special(p + 1, end, false); p && p < end && *p == '\\';) {
                p = look_escape(p + 1, end);
                p = p ? next_special(p, end, false) : NULL;
        }
        return p && p < end ? p + 1 : NULL;
}

static const char *look_digits(const char *p, const char *end)
{
        const char *from = p;
        while (p < end && *p >= '0' && *p <= '9')
                p++;
        return p == from ? NULL : p;
}

static const char *look_number(const char *p, const char *end)
{
        p += *p == '-';
        bool zero = p < end && *p == '0';
        const char *from = p;
        p = look_digits(p, end);
        if (!p || (zero && p - from > 1))
                return NULL;
        if (p < end && *p == '.')
                p = look_digits(p + 1, end);
        if (p && p < end && (*p | 32) == 'e') {
                p++;
                p += p < end && (*p == '+' || *p == '-');
                p = look_digits(p, end);
        }
        return p;
}

static const char *look_word(const char *p, const char *end)
{
        size_t left = (size_t)(end - p);
        if (left >= 4 && (!memcmp(p, "true", 4) || !memcmp(p, "null", 4)))
                return p + 4;
        return left >= 5 && !memcmp(p, "false", 5) ? p + 5 : NULL;
}

struct heads;
static const char *look_object(const char *p, const char *end, int depth, struct heads *before);

static const char *look_value(const char *p, const char *end, int depth)
{
        if (p >= end)
                return NULL;
        if (*p == '"')
                return look_string(p, end);
        if (*p == '-' || (*p >= '0' && *p <= '9'))
                return look_number(p, end);
        if (*p == '{')
                return look_object(p, end, depth, NULL);
        if (*p != '[')
                return look_word(p, end);
        if (depth < 1)
                return NULL;
        p = blanks(p + 1, end);
        if (p < end && *p == ']')
                return p + 1;
        for (;;) {
                p = look_value(p, end, depth - 1);
                p = p ? blanks(p, end) : NULL;
                if (!p || p >= end || (*p != ',' && *p != ']'))
                        return NULL;
                if (*p++ == ']')
                        return p;
                p = blanks(p, end);
        }
}

static bool same_name(struct slice a, const char *s, size_t n)
{
        if (a.n != n || ((a.s[0] ^ s[0]) & ~0x20) != 0)
                return false;
        for (size_t i = 0; i < n; i++)
                if (a.s[i] != s[i])
                        return sh_text_same(a.s + i, n - i, s + i, n - i);
        return true;
}

/* What lies before a value: '{' or a comma, blanks, the name in its quotes, the colon, blanks. */
struct head {
        const char *s;
        uint32_t n;         /* of all of it; 0: none */
        uint32_t at, nname; /* the name in it */
};

/* Those of the object that is looked through, and of the one before it: mostly the same, then no name is there twice.
 * v[0..n) are always heads that may follow each other in one object. */
struct heads {
        struct head v[MOST_NAMES];
        bool as_before;
};

static uint64_t eight(const char *p)
{
        uint64_t w;
        memcpy(&w, p, 8);
        return w;
}

static uint32_t four(const char *p)
{
        uint32_t w;
        memcpy(&w, p, 4);
        return w;
}

/* A head has at least five bytes: {"a": it may be compared in words that overlap. */
static inline bool is_head(const char *p, const char *end, const struct head *h)
{
        uint32_t n = h->n, i = 0;
        if (!n || (size_t)(end - p) < n)
                return false;
        if (n < 8)
                return four(p) == four(h->s) && four(p + n - 4) == four(h->s + n - 4);
        for (; i + 8 <= n; i += 8)
                if (eight(p + i) != eight(h->s + i))
                        return false;
        return eight(p + n - 8) == eight(h->s + n - 8);
}

/* A name that is ASCII, without escapes, and new; *p is at the '{' or comma, then behind the colon and blanks. */
static bool look_head(const char **p, const char *end, struct heads *heads, uint32_t n)
{
        const char *from = *p, *s = blanks(from + 1, end);
        heads->as_before = false;
        if (s >= end || *s != '"' || n == MOST_NAMES)
                return false;
        const char *name = ++s;
        s = next_special(s, end, true);
        if (s >= end || *s != '"' || s == name)
                return false;
        uint32_t len = (uint32_t)(s - name);
        heads->v[n].n = 0;
        for (uint32_t i = 0; i < n; i++)
                if (same_name((struct slice) { heads->v[i].s + heads->v[i].at, heads->v[i].nname }, name,
                              len))
                        return false;
        s = blanks(s + 1, end);
        if (s >= end || *s != ':')
                return false;
        *p = s = blanks(s + 1, end);
        heads->v[n] = (struct head) { from, (uint32_t)(s - from), (uint32_t)(name - from), len };
        if (n + 1 < MOST_NAMES)
                heads->v[n + 1].n = 0; /* what follows is of another object */
        return true;
}

/* Texts and whole numbers are most of what there is. */
static inline const char *look_member(const char *p, const char *end, int depth)
{
        if (p < end && *p == '"')
                return look_string(p, end);
        if (p < end && *p >= '1' && *p <= '9') {
                const char *q = p + 1;
                while (q < end && *q >= '0' && *q <= '9')
                        q++;
                if (q < end && (*q == ',' || *q == '}'))
                        return q;
        }
        return look_value(p, end, depth);
}

static const char *look_object(const char *p, const char *end, int depth, struct heads *before)
{
        struct heads own;
        own.v[0].n = 0;
        own.as_before = true;
        struct heads *heads = before ? before : &own;
        if (depth < 1)
                return NULL;
        const char *first = blanks(p + 1, end);
        if (first < end && *first == '}')
                return first + 1;
        heads->as_before = true;
        for (uint32_t n = 0;; n++) {
                if (heads->as_before && n < MOST_NAMES && is_head(p, end, &heads->v[n]))
                        p = blanks(p + heads->v[n].n, end);
                else if (!look_head(&p, end, heads, n))
                        return NULL;
                p = look_member(p, end, depth - 1);
                p = p ? blanks(p, end) : NULL;
                if (!p || p >= end || (*p != ',' && *p != '}'))
                        return NULL;
                if (*p == '}')
                        return p + 1;
        }
}

/* They lie in the text that is being read: another text begins anew. */
static struct heads before;

void sh_json_unread_begin(void)
{
        before.v[0].n = 0;
}

struct sv sh_json_unread(struct sh_str *text, const char *p, const char *end, int depth, const char **ret_end)
{
        if (end - p > MOST_BYTES)
                end = p + MOST_BYTES;
        const char *after = look_object(p, end, depth < MOST_DEPTH ? depth : MOST_DEPTH, &before);
        if (!after)
                return SH_NOTHING;
        size_t n = (size_t)(after - p);
        struct {
                struct sh_psobject o;
                struct sh_unread u;
        } *both = malloc(sizeof *both);
        if (!both)
                abort();
        bool share = text && text->len <= MOST_SHARED && p >= text->s && after <= text->s + text->len;
        both->u = (struct sh_unread) { text, share ? (uint32_t)(p - text->s) : 0, (uint32_t)n, 0, 0, SH_NIL };
        if (share)
                text->obj.refs++;
        else
                both->u.text = sh_string(p, n).s;
        both->o = (struct sh_psobject) { { .refs = 1, .type = &sh_type_psobject }, SH_NIL, &both->u };
        *ret_end = after;
        return (struct sv) { .kind = SH_PSOBJECT, .o = &both->o.obj };
}

/* It lies behind its object, in the same memory. */
void sh_json_unread_free(struct sh_unread *u)
{
        if (!u)
                return;
        sh_drop(u->value);
        sh_drop((struct sv) { .kind = SH_STRING, .s = u->text });
}

/* ---- asked for ---- */

static bool is_after_scalar(char c)
{
        return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t' || !c;
}

/* Behind a value that is known to be sound. */
static const char *skip(const char *p, const char *end)
{
        for (int level = 0;; p++) {
                if (*p == '"') {
                        p = look_string(p, end) - 1;
                } else if (*p == '{' || *p == '[') {
                        level++;
                } else if (*p == '}' || *p == ']') {
                        level--;
                } else if (level == 0) {
                        while (!is_after_scalar(p[1]))
                                p++;
                } else {
                        continue; /* scalars, commas, colons and blanks within */
                }
                if (level == 0)
                        return p + 1;
        }
}

/* A whole number of few digits is most of what is asked for. */
static bool small_number(const char *p, struct sv *ret)
{
        bool minus = *p == '-';
        const char *from = p += minus;
        int64_t i = 0;
        for (; *p >= '0' && *p <= '9' && p - from < 18; p++)
                i = 10 * i + (*p - '0');
        *ret = sh_long(minus ? -i : i);
        return p > from && is_after_scalar(*p);
}

static bool scalar(const char *p, const char *end, struct sv *ret)
{
        if (small_number(p, ret))
                return true;
        struct sh_json_read how = { .depth = 1 };
        return sh_json_parse(&how, p, (size_t)(skip(p, end) - p), ret);
}

bool sh_json_unread_get(const struct sh_psobject *o, const char *name, size_t n, struct sv *ret,
                        bool *ret_there)
{
        const char *p = o->unread->text->s + o->unread->at, *end = p + o->unread->n;
        struct sh_unread *u = o->unread;
        *ret_there = false;
        if (u->name_n && same_name((struct slice) { u->text->s + u->name_at, u->name_n }, name, n)) {
                *ret = sh_keep(u->value);
                *ret_there = true;
                return true;
        }
        for (p = blanks(p + 1, end); *p == '"';) {
                struct slice own = { p + 1, 0 };
                while (own.s[own.n] != '"')
                        own.n++;
                p = blanks(blanks(own.s + own.n + 1, end) + 1, end);
                if (n && same_name(own, name, n)) {
                        if (*p == '{' || *p == '[') /* who asks twice gets the same object */
                                return false;
                        *ret_there = scalar(p, end, ret);
                        if (*ret_there) {
                                sh_drop(u->value);
                                u->value = sh_keep(*ret);
                                u->name_at = (uint32_t)(own.s - u->text->s);
                                u->name_n = own.n;
                        }
                        return *ret_there;
                }
                p = blanks(skip(p, end), end);
                if (*p == ',')
                        p = blanks(p + 1, end);
        }
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)name[i] >= 0x80) /* may be another spelling of an ASCII name */
                        return false;
        return true;
}

void sh_json_read_now(struct sh_psobject *o)
{
        struct sh_unread *u = o->unread;
        struct sv whole;
        o->unread = NULL;
        sh_json_object(u->text, u->at, u->n, &whole);
        o->obj.extra = whole.o->extra;
        whole.o->extra = NULL;
        sh_drop(whole);
        sh_json_unread_free(u);
}
