/* SPDX-License-Identifier: MIT */
#include "agent/role_who.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/elevate.h"
#include "agent/role.h"

struct address {
        int family;
        unsigned char bytes[16];
        unsigned bits;
};

/* IPv4 in IPv6 is IPv4. */
static void unmap(struct address *a)
{
        static const unsigned char head[12] = { [10] = 0xff, [11] = 0xff };
        if (a->family != AF_INET6 || memcmp(a->bytes, head, sizeof head) != 0 || a->bits < 96)
                return;
        a->family = AF_INET;
        a->bits -= 96;
        memmove(a->bytes, a->bytes + 12, 4);
}

static bool parse_address(const char *s, size_t n, struct address *ret)
{
        char text[64];
        if (!n || n >= sizeof text)
                return false;
        memcpy(text, s, n);
        text[n] = 0;
        *ret = (struct address) { 0 };
        if (inet_pton(AF_INET, text, ret->bytes) == 1)
                ret->family = AF_INET, ret->bits = 32;
        else if (inet_pton(AF_INET6, text, ret->bytes) == 1)
                ret->family = AF_INET6, ret->bits = 128;
        else
                return false;
        return true;
}

static bool parse_word(const char *word, struct address *ret)
{
        const char *slash = strchr(word, '/');
        char *end = NULL;
        if (!parse_address(word, slash ? (size_t)(slash - word) : strlen(word), ret))
                return false;
        if (slash) {
                unsigned long bits = slash[1] >= '0' && slash[1] <= '9' ? strtoul(slash + 1, &end, 10) : 999;
                if (bits > ret->bits || !end || *end)
                        return false;
                ret->bits = (unsigned)bits;
        }
        unmap(ret);
        return true;
}

bool rv_source_ok(const char *word)
{
        struct address a;
        return strcmp(word, "local") == 0 || parse_word(word, &a);
}

bool rv_source_fits(const char *word, const char *source)
{
        struct address net, from;
        if (strcmp(word, "local") == 0)
                return strcmp(source, "local") == 0;
        const char *colon = strrchr(source, ':'), *start = source;
        if (!colon || !parse_word(word, &net))
                return false;
        size_t n = (size_t)(colon - source);
        if (*start == '[' && n > 2 && source[n - 1] == ']')
                start++, n -= 2;
        if (!parse_address(start, n, &from))
                return false;
        unmap(&from);
        if (from.family != net.family)
                return false;
        for (unsigned bit = 0; bit < net.bits; bit++)
                if ((net.bytes[bit / 8] ^ from.bytes[bit / 8]) >> (7 - bit % 8) & 1)
                        return false;
        return true;
}

/* ---- times ---- */

struct window {
        unsigned days;      /* bits, Sunday is 0 */
        int from, to;       /* minutes of the day; to <= from: over midnight */
};

static int day(const char **s)
{
        static const char names[] = "sunmontuewedthufrisat";
        for (int i = 0; i < 7; i++)
                if (strncasecmp(*s, names + 3 * i, 3) == 0) {
                        *s += 3;
                        return i;
                }
        return -1;
}

static bool parse_clock(const char **s, int *ret)
{
        int hour, minute, n = 0;
        if (sscanf(*s, "%2d:%2d%n", &hour, &minute, &n) != 2 || !n || hour < 0 || minute < 0 || hour > 24 ||
            minute > 59 || (hour == 24 && minute))
                return false;
        *s += n;
        *ret = hour * 60 + minute;
        return true;
}

static bool parse_window(const char *s, struct window *w)
{
        *w = (struct window) { .days = 127, .to = 24 * 60 };
        const char *start = s;
        int first = day(&s);
        if (first >= 0) {
                int last = first;
                if (*s == '-' && (s++, last = day(&s)) < 0)
                        return false;
                w->days = 1u << last;
                for (int d = first; d != last; d = (d + 1) % 7)
                        w->days |= 1u << d;
                if (!*s)
                        return true;
                if (*s != ' ')
                        return false;
                s += strspn(s, " ");
        }
        if (!parse_clock(&s, &w->from) || *s++ != '-' || !parse_clock(&s, &w->to))
                return false;
        return !*s && s > start && w->from != w->to;
}

bool rv_time_ok(const char *word)
{
        struct window w;
        return parse_window(word, &w);
}

bool rv_time_fits(const char *word, int64_t seconds)
{
        struct window w;
        struct tm tm;
        time_t t = (time_t)seconds;
        if (!parse_window(word, &w) || !localtime_r(&t, &tm))
                return false;
        int now = tm.tm_hour * 60 + tm.tm_min;
        bool today = w.days >> tm.tm_wday & 1, yesterday = w.days >> (tm.tm_wday + 6) % 7 & 1;
        if (w.from < w.to)
                return today && now >= w.from && now < w.to;
        return (today && now >= w.from) || (yesterday && now < w.to);
}

/* ---- somebody ---- */

static bool lists(const struct rv_texts *t, const char *word)
{
        for (unsigned i = 0; i < t->n; i++)
                if (strcmp(t->v[i], word) == 0)
                        return true;
        return false;
}

static bool in_group(const struct rv_who *w, const struct rv_identity *who)
{
        for (unsigned i = 0; i < w->groups.n; i++) {
                if (w->gids[i] == (gid_t)-1)
                        continue;
                if (w->gids[i] == who->gid)
                        return true;
                for (unsigned k = 0; k < who->ngroups; k++)
                        if (w->gids[i] == who->groups[k])
                                return true;
        }
        return false;
}

static bool who_fits(const struct rv_who *w, const struct rv_identity *who, int64_t now)
{
        bool source = !w->sources.n, time = !w->times.n;
        if (w->users.n && !lists(&w->users, "*") && !lists(&w->users, who->user))
                return false;
        if ((w->groups.n && !in_group(w, who)) || (w->keys.n && !lists(&w->keys, who->key)))
                return false;
        if (w->until && now >= w->until)
                return false;
        for (unsigned i = 0; i < w->sources.n && !source; i++)
                source = rv_source_fits(w->sources.v[i], who->source);
        for (unsigned i = 0; i < w->times.n && !time; i++)
                time = rv_time_fits(w->times.v[i], now);
        return source && time;
}

static const struct rv_who *one_fits(const struct rv_who *list, unsigned n, const struct rv_identity *who, int64_t now)
{
        for (unsigned i = 0; rv_identity_ok(who) && !*who->role && i < n; i++)
                if (who_fits(&list[i], who, now))
                        return &list[i];
        return NULL;
}

const struct rv_who *rv_role_may_ask(const struct rv_role *r, const struct rv_identity *who, int64_t now)
{
        return one_fits(r->elevate, r->nelevate, who, now);
}

bool rv_role_may_approve(const struct rv_role *r, const struct rv_identity *who, int64_t now)
{
        return one_fits(r->approve, r->napprove, who, now);
}

/* Whom the role that lets people ask and approve fits. */
static bool may_ask_or_approve(const struct rv_role_set *s, const struct rv_identity *who, int64_t now)
{
        for (unsigned i = 0; i < s->n; i++)
                if (rv_role_may_ask(&s->roles[i], who, now) || rv_role_may_approve(&s->roles[i], who, now))
                        return true;
        return false;
}

bool rv_role_fits_always(const struct rv_role *r, const struct rv_identity *who, int64_t now)
{
        if (!rv_identity_ok(who))
                return false;
        if (r->elevation)
                return may_ask_or_approve(r->elevation, who, now);
        if (*who->role && strcmp(who->role, r->name) == 0)
                return true;
        if (*who->role && !who->besides)
                return false;
        for (unsigned i = 0; i < r->nwhos; i++)
                if (who_fits(&r->whos[i], who, now))
                        return true;
        return false;
}

bool rv_role_fits(const struct rv_role *r, const struct rv_identity *who, int64_t now)
{
        return rv_role_fits_always(r, who, now) || rv_elevated(r, who, now);
}

uint64_t rv_roles_fitting(const struct rv_role_set *s, const struct rv_identity *who, int64_t now)
{
        uint64_t n = UINT64_C(14695981039346656037);
        for (unsigned i = 0; s && i < s->n; i++)
                n = (n ^ (rv_role_fits(&s->roles[i], who, now) ? i + 1 : 0)) * UINT64_C(1099511628211);
        return n;
}

const char *rv_language_name(enum rv_language l)
{
        return l == RV_LANGUAGE_NONE ? "None" : l == RV_LANGUAGE_CONSTRAINED ? "Constrained" : "Full";
}
