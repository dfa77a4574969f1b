/* SPDX-License-Identifier: MIT
 *
 * A pattern becomes a program of small steps; running it keeps the set of steps that the text so far can have led to.
 */
#include "agent/regular.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum kind { ONE, ANY, SET, SPLIT, JUMP, BEGIN, END, FITS };
enum { MOST_DEPTH = 50 };

struct step {
        uint8_t kind;
        unsigned char c;
        uint16_t set;
        int32_t a, b; /* JUMP, SPLIT: relative to this step */
};

struct rv_regular {
        struct step steps[RV_REGULAR_STEPS];
        int n;
        uint32_t (*sets)[8];
        unsigned nsets;
        bool any_case;
        int now[RV_REGULAR_STEPS], next[RV_REGULAR_STEPS], stack[2 * RV_REGULAR_STEPS];
        uint32_t seen[RV_REGULAR_STEPS], generation;
};

struct parser {
        struct rv_regular *r;
        const char *p, *end, *why;
        int depth;
};

static void fail(struct parser *p, const char *why)
{
        if (!p->why)
                p->why = why;
}

static int emit(struct parser *p, struct step s)
{
        if (p->r->n == RV_REGULAR_STEPS) {
                fail(p, "the pattern is too large");
                return 0;
        }
        p->r->steps[p->r->n] = s;
        return p->r->n++;
}

/* Makes room for a step at `at`; jumps are relative within what moves. */
static void insert(struct parser *p, int at, struct step s)
{
        if (!p->why)
                emit(p, s);
        if (p->why)
                return;
        memmove(&p->r->steps[at + 1], &p->r->steps[at], (size_t)(p->r->n - 1 - at) * sizeof s);
        p->r->steps[at] = s;
}

/* ---- sets ---- */

static void put(uint32_t set[8], unsigned char c)
{
        set[c >> 5] |= UINT32_C(1) << (c & 31);
}

static bool has(const uint32_t set[8], unsigned char c)
{
        return set[c >> 5] >> (c & 31) & 1;
}

static bool is_of(char name, int c)
{
        switch (tolower(name)) {
        case 'd': return isdigit(c);
        case 'w': return isalnum(c) || c == '_';
        default: return isspace(c);
        }
}

static void put_named(uint32_t set[8], char name)
{
        for (int c = 0; c < 256; c++)
                if ((c < 128 && is_of(name, c)) != (isupper((unsigned char)name) != 0))
                        put(set, (unsigned char)c);
}

static uint32_t *set_new(struct parser *p, int *ret_step)
{
        struct rv_regular *r = p->r;
        uint32_t(*more)[8] = realloc(r->sets, (r->nsets + 1) * sizeof *more);
        if (!more || r->nsets > 500) {
                r->sets = more ? more : r->sets;
                fail(p, "the pattern has too many sets");
                return NULL;
        }
        r->sets = more;
        memset(r->sets[r->nsets], 0, sizeof *more);
        *ret_step = emit(p, (struct step) { .kind = SET, .set = (uint16_t)r->nsets });
        return r->sets[r->nsets++];
}

static bool is_name(char c)
{
        return c && strchr("dwsDWS", c);
}

/* Behind the bracket. */
static void parse_set(struct parser *p)
{
        int at;
        uint32_t *set = set_new(p, &at);
        bool negated = p->p < p->end && *p->p == '^', first = true;
        p->p += negated;
        for (; set && p->p < p->end && (*p->p != ']' || first); first = false) {
                unsigned char c = (unsigned char)*p->p++;
                if (c == '\\' && p->p < p->end) {
                        c = (unsigned char)*p->p++;
                        if (is_name((char)c)) {
                                put_named(set, (char)c);
                                continue;
                        }
                }
                unsigned char last = c;
                if (p->p + 1 < p->end && *p->p == '-' && p->p[1] != ']') {
                        last = (unsigned char)p->p[1];
                        p->p += 2;
                }
                if (c > 127 || last > 127 || last < c)
                        fail(p, "a set takes ASCII characters and ranges that go up");
                for (int x = c; x <= last; x++) {
                        put(set, (unsigned char)x);
                        if (p->r->any_case) {
                                put(set, (unsigned char)tolower(x));
                                put(set, (unsigned char)toupper(x));
                        }
                }
        }
        if (p->p >= p->end)
                fail(p, "a set has no end: ']' is missing");
        else
                p->p++;
        for (int i = 0; set && negated && i < 8; i++)
                set[i] = ~set[i];
}

/* ---- the pattern ---- */

static void either(struct parser *);

static void atom(struct parser *p)
{
        char c = *p->p++;
        if (c == '(') {
                if (p->end - p->p >= 2 && p->p[0] == '?' && p->p[1] == ':')
                        p->p += 2;
                either(p);
                if (p->p < p->end && *p->p == ')')
                        p->p++;
                else
                        fail(p, "a group has no end: ')' is missing");
        } else if (c == '[') {
                parse_set(p);
        } else if (c == '.') {
                emit(p, (struct step) { .kind = ANY });
        } else if (c == '^' || c == '$') {
                emit(p, (struct step) { .kind = c == '^' ? BEGIN : END });
        } else if (strchr("*+?{", c)) {
                fail(p, "there is nothing before a repetition");
        } else if (c == '\\' && p->p < p->end && is_name(*p->p)) {
                int at;
                uint32_t *set = set_new(p, &at);
                if (set)
                        put_named(set, *p->p);
                p->p++;
        } else if (c == '\\' && (p->p == p->end || isalnum((unsigned char)*p->p))) {
                fail(p, "an escape that is not known");
        } else {
                c = c == '\\' ? *p->p++ : c;
                emit(p, (struct step) { .kind = ONE,
                                        .c = (unsigned char)(p->r->any_case ? tolower((unsigned char)c) : c) });
        }
}

static void copy(struct parser *p, int from, int n)
{
        for (int i = 0; i < n && !p->why; i++)
                emit(p, p->r->steps[from + i]);
}

/* {2} {2,} {2,5} */
static bool counts(struct parser *p, int *least, int *most)
{
        char *end;
        const char *close = memchr(p->p, '}', (size_t)(p->end - p->p));
        char text[16] = "";
        if (!close || close - p->p >= (long)sizeof text || close == p->p)
                return false;
        memcpy(text, p->p, (size_t)(close - p->p));
        *least = *most = (int)strtol(text, &end, 10);
        if (end == text || *least < 0)
                return false;
        if (*end == ',') {
                *most = end[1] ? (int)strtol(end + 1, &end, 10) : -1;
                end += *most < 0;
        }
        p->p = close + 1;
        return !*end && *least <= RV_REGULAR_REPEAT && *most <= RV_REGULAR_REPEAT && (*most < 0 || *most >= *least);
}

/* What begins at `at` repeated: as often as it must, then as often as it may. */
static void repeat(struct parser *p, int at, int least, int most)
{
        int n = p->r->n - at;
        if (least == 0 && most == 0) {
                p->r->n = at;
                return;
        }
        for (int i = 1; i < least; i++)
                copy(p, at, n);
        if (most < 0 && least == 0) {
                insert(p, at, (struct step) { .kind = SPLIT, .a = 1, .b = n + 2 });
                emit(p, (struct step) { .kind = JUMP, .a = -(n + 1) });
        } else if (most < 0) {
                emit(p, (struct step) { .kind = SPLIT, .a = -n, .b = 1 });
        }
        if (most > 0 && least == 0) {
                insert(p, at, (struct step) { .kind = SPLIT, .a = 1, .b = n + 1 });
                least = 1;
                at++;
        }
        for (int i = least; i < most && !p->why; i++) {
                emit(p, (struct step) { .kind = SPLIT, .a = 1, .b = n + 1 });
                copy(p, at, n);
        }
}

static void sequence(struct parser *p)
{
        while (p->p < p->end && *p->p != '|' && *p->p != ')' && !p->why) {
                int at = p->r->n, least = 1, most = 1;
                atom(p);
                while (p->p < p->end && strchr("*+?{", *p->p) && !p->why) {
                        char c = *p->p++;
                        if (c == '{' && !counts(p, &least, &most))
                                fail(p, "a repetition is {2}, {2,} or {2,5}, up to 255");
                        else if (c != '{')
                                least = c == '+', most = c == '?' ? 1 : -1;
                        if (!p->why)
                                repeat(p, at, least, most);
                }
        }
}

static void either(struct parser *p)
{
        int at = p->r->n;
        if (++p->depth > MOST_DEPTH)
                fail(p, "groups are nested too deep");
        sequence(p);
        while (p->p < p->end && *p->p == '|' && !p->why) {
                p->p++;
                insert(p, at, (struct step) { .kind = SPLIT, .a = 1, .b = p->r->n - at + 2 });
                int jump = emit(p, (struct step) { .kind = JUMP });
                sequence(p);
                p->r->steps[jump].a = p->r->n - jump;
        }
        p->depth--;
}

struct rv_regular *rv_regular_new(const char *pattern, size_t n, const char **ret_why)
{
        struct rv_regular *r = calloc(1, sizeof *r);
        struct parser p = { .r = r, .p = pattern, .end = pattern + n };
        *ret_why = "out of memory";
        if (!r)
                return NULL;
        if (n >= 4 && memcmp(pattern, "(?i)", 4) == 0) {
                r->any_case = true;
                p.p += 4;
        }
        either(&p);
        if (p.p < p.end)
                fail(&p, "there is a ')' without '('");
        emit(&p, (struct step) { .kind = FITS });
        *ret_why = p.why;
        return p.why ? rv_regular_free(r) : r;
}

struct rv_regular *rv_regular_free(struct rv_regular *r)
{
        if (r)
                free(r->sets);
        free(r);
        return NULL;
}

/* ---- running ---- */

/* All steps that can be reached from `at` without taking a character. True: the end is among them. */
static bool reach(struct rv_regular *r, int *list, int *n, int at, bool first, bool last)
{
        int top = 0;
        r->stack[top++] = at;
        while (top) {
                int i = r->stack[--top];
                if (r->seen[i] == r->generation)
                        continue;
                r->seen[i] = r->generation;
                const struct step *s = &r->steps[i];
                switch (s->kind) {
                case FITS: return true;
                case JUMP: r->stack[top++] = i + s->a; break;
                case SPLIT:
                        r->stack[top++] = i + s->b;
                        r->stack[top++] = i + s->a;
                        break;
                case BEGIN:
                        if (first)
                                r->stack[top++] = i + 1;
                        break;
                case END:
                        if (last)
                                r->stack[top++] = i + 1;
                        break;
                default: list[(*n)++] = i;
                }
        }
        return false;
}

/* Bytes behind the first of a character stay with whatever took that. */
static bool takes(const struct rv_regular *r, const struct step *s, unsigned char c)
{
        if (s->kind == ONE)
                return s->c == (r->any_case ? tolower(c) : c);
        return s->kind == ANY || has(r->sets[s->set], c);
}

bool rv_regular_fits(struct rv_regular *r, const char *text, size_t n)
{
        int *now = r->now, *next = r->next, nnow = 0;
        r->generation++;
        if (reach(r, now, &nnow, 0, true, n == 0))
                return true;
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)text[i];
                bool inside = (c & 0xc0) == 0x80, more = i + 1 < n && ((unsigned char)text[i + 1] & 0xc0) == 0x80;
                int nnext = 0;
                r->generation++;
                for (int k = 0; k < nnow; k++) {
                        const struct step *s = &r->steps[now[k]];
                        bool whole = s->kind != ONE; /* takes characters: waits for their last byte */
                        if (!(whole && inside) && !takes(r, s, c))
                                continue;
                        if (whole && more) {
                                if (r->seen[now[k]] != r->generation)
                                        next[nnext++] = now[k];
                                r->seen[now[k]] = r->generation;
                        } else if (reach(r, next, &nnext, now[k] + 1, false, i + 1 == n)) {
                                return true;
                        }
                }
                if (!more && reach(r, next, &nnext, 0, false, i + 1 == n)) /* it may begin anywhere */
                        return true;
                int *swap = now;
                now = next;
                next = swap;
                nnow = nnext;
        }
        return false;
}
