/* SPDX-License-Identifier: MIT */
#include "agent/monitor/keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/monitor/cert.h"

static const char *const types[] = {
        "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa", NULL
};

/* ---- pieces ---- */

int mon_base64(const char *text, size_t n, uint8_t *to, size_t size)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        if (n == 0 || n % 4)
                return -EBADMSG;
        size_t out = 0;
        for (size_t i = 0; i < n; i += 4) {
                uint32_t v = 0;
                unsigned pad = 0;
                for (size_t k = 0; k < 4; k++) {
                        const char *at = text[i + k] ? strchr(letters, text[i + k]) : NULL;
                        if (text[i + k] == '=' && i + 4 == n && k >= 2)
                                pad++;
                        else if (!at || pad)
                                return -EBADMSG;
                        v = v << 6 | (at ? (uint32_t)(at - letters) : 0);
                }
                for (unsigned k = 0; k < 3 - pad; k++) {
                        if (out == size)
                                return -EBADMSG;
                        to[out++] = (uint8_t)(v >> (16 - 8 * k));
                }
        }
        return (int)out;
}

bool mon_blob_type(const uint8_t *blob, size_t n, char *to, size_t size)
{
        if (n < 4)
                return false;
        size_t len = (size_t)blob[0] << 24 | (size_t)blob[1] << 16 | (size_t)blob[2] << 8 | blob[3];
        if (len > n - 4 || len >= size || memchr(blob + 4, 0, len))
                return false;
        memcpy(to, blob + 4, len);
        to[len] = 0;
        return true;
}

int mon_expiry_parse(const char *text, size_t n, time_t *ret)
{
        bool utc = n && (text[n - 1] == 'Z' || text[n - 1] == 'z');
        n -= utc;
        if (n != 8 && n != 12 && n != 14)
                return -EBADMSG;
        int v[14];
        for (size_t i = 0; i < 14; i++) {
                if (i < n && (text[i] < '0' || text[i] > '9'))
                        return -EBADMSG;
                v[i] = i < n ? text[i] - '0' : 0;
        }
        struct tm tm = { .tm_year = v[0] * 1000 + v[1] * 100 + v[2] * 10 + v[3] - 1900,
                         .tm_mon = v[4] * 10 + v[5] - 1,
                         .tm_mday = v[6] * 10 + v[7],
                         .tm_hour = v[8] * 10 + v[9],
                         .tm_min = v[10] * 10 + v[11],
                         .tm_sec = v[12] * 10 + v[13],
                         .tm_isdst = -1 };
        struct tm asked = tm;
        if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_hour > 23 || tm.tm_min > 59 ||
            tm.tm_sec > 59)
                return -EBADMSG;
        *ret = utc ? timegm(&tm) : mktime(&tm);
        return tm.tm_mday == asked.tm_mday && tm.tm_mon == asked.tm_mon && *ret != (time_t)-1 ? 0 : -EBADMSG;
}

/* The address's bytes: 4, or 16; an IPv4 address inside IPv6 counts as the IPv4 address. */
static size_t address_bytes(const struct sockaddr *sa, const uint8_t **ret)
{
        if (sa->sa_family == AF_INET) {
                *ret = (const uint8_t *)&((const struct sockaddr_in *)sa)->sin_addr;
                return 4;
        }
        if (sa->sa_family != AF_INET6)
                return 0;
        const struct in6_addr *a = &((const struct sockaddr_in6 *)sa)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(a);
        *ret = a->s6_addr + (mapped ? 12 : 0);
        return mapped ? 4 : 16;
}

static bool cidr_matches(const char *pattern, const uint8_t *addr, size_t n)
{
        char text[64];
        const char *slash = strchr(pattern, '/');
        size_t len = slash ? (size_t)(slash - pattern) : 0;
        if (!slash || len >= sizeof text)
                return false;
        memcpy(text, pattern, len);
        text[len] = 0;
        uint8_t net[16];
        char *end;
        unsigned long bits = strtoul(slash + 1, &end, 10);
        if (*end || end == slash + 1 || slash[1] < '0' || slash[1] > '9' || bits > n * 8 ||
            inet_pton(n == 4 ? AF_INET : AF_INET6, text, net) != 1)
                return false;
        size_t whole = bits / 8, rest = bits % 8;
        if (memcmp(net, addr, whole) != 0)
                return false;
        return !rest || ((net[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

bool mon_from_allows(const char *patterns, const struct sockaddr *source)
{
        const uint8_t *addr;
        size_t n = address_bytes(source, &addr);
        char name[INET6_ADDRSTRLEN];
        if (!n || !inet_ntop(n == 4 ? AF_INET : AF_INET6, addr, name, sizeof name))
                return false;
        bool allowed = false;
        for (const char *p = patterns; *p;) {
                char one[128];
                size_t len = strcspn(p, ",");
                bool not = *p == '!';
                if (len - not < sizeof one) {
                        memcpy(one, p + not, len - not );
                        one[len - not ] = 0;
                        bool hit = strchr(one, '/') ? cidr_matches(one, addr, n)
                                                    : fnmatch(one, name, FNM_NOESCAPE) == 0;
                        if (hit && not )
                                return false;
                        allowed |= hit;
                }
                p += len + (p[len] == ',');
        }
        return allowed;
}

bool mon_target_among(const char *list, const char *host, unsigned port)
{
        char text[8];
        snprintf(text, sizeof text, "%u", port);
        for (const char *p = list; *p;) {
                size_t n = strcspn(p, ","), h = n;
                while (h && p[h - 1] != ':')
                        h--;
                if (h) { /* [HOST]:PORT, HOST:PORT; * is any */
                        const char *name = p;
                        size_t m = h - 1, k = n - h;
                        if (m >= 2 && name[0] == '[' && name[m - 1] == ']')
                                name++, m -= 2;
                        bool host_fits = (m == 1 && *name == '*') ||
                                         (strlen(host) == m && strncasecmp(name, host, m) == 0);
                        bool port_fits =
                                (k == 1 && p[h] == '*') || (strlen(text) == k && memcmp(p + h, text, k) == 0);
                        if (host_fits && port_fits)
                                return true;
                }
                p += n + (p[n] == ',');
        }
        return false;
}

/* ---- a line ---- */

static const char *skip_blanks(const char *p, const char *end)
{
        while (p < end && (*p == ' ' || *p == '\t'))
                p++;
        return p;
}

static const char *word_end(const char *p, const char *end)
{
        while (p < end && *p != ' ' && *p != '\t')
                p++;
        return p;
}

static bool is_word(const char *p, size_t n, const char *word)
{
        return strlen(word) == n && strncasecmp(p, word, n) == 0;
}

/* "text" with \" inside, or without quotes up to a comma or blank. Answers what follows, or NULL. */
static const char *option_value(const char *p, const char *end, bool quoted_only, char *to, size_t size)
{
        size_t n = 0;
        bool quoted = p < end && *p == '"';
        if (!quoted && quoted_only)
                return NULL;
        for (p += quoted; p < end; p++) {
                if (quoted ? *p == '"' : *p == ',' || *p == ' ' || *p == '\t')
                        break;
                if (quoted && *p == '\\' && end - p > 1 && p[1] == '"')
                        p++;
                if (n + 1 >= size)
                        return NULL;
                to[n++] = *p;
        }
        to[n] = 0;
        if (quoted && (p >= end || *p != '"'))
                return NULL;
        return p + quoted;
}

static bool is_role_name(const char *s)
{
        return *s &&
               strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == strlen(s);
}

/* name="..." */
static const char *valued_option(const char *name, size_t n, const char *p, const char *end, bool own,
                                 struct mon_key *k, const char **what)
{
        char text[1024];
        const char *next = option_value(p, end, !is_word(name, n, "role"), text, sizeof text);
        *what = "an option's value is too long or has no closing quote";
        if (!next)
                return NULL;
        if (is_word(name, n, "from")) {
                *what = "from= may be there once";
                if (*k->from || !*text || strlen(text) >= sizeof k->from)
                        return NULL;
                strcpy(k->from, text);
        } else if (is_word(name, n, "command")) {
                *what = "command= may be there once";
                if (k->forced)
                        return NULL;
                k->forced = true;
                strcpy(k->command, text);
        } else if (is_word(name, n, "expiry-time")) {
                time_t until;
                *what = "expiry-time= is no date (YYYYMMDD[HHMM[SS]][Z])";
                if (mon_expiry_parse(text, strlen(text), &until) < 0)
                        return NULL;
                if (!k->expires || until < k->until)
                        k->until = until;
                k->expires = true;
        } else if (is_word(name, n, "principals")) {
                *what = "principals= is too long, or there twice";
                if (*k->principals || !*text || strlen(text) >= sizeof k->principals)
                        return NULL;
                strcpy(k->principals, text);
        } else if (is_word(name, n, "role") && own) {
                *what = "role= is no name, or there twice";
                if (*k->role || !is_role_name(text) || strlen(text) >= sizeof k->role)
                        return NULL;
                strcpy(k->role, text);
        } else if (is_word(name, n, "permitopen")) {
                size_t m = strlen(k->open);
                *what = "permitopen= is no HOST:PORT, or there are too many of them";
                if (!strchr(text, ':') || strchr(text, ',') || m + strlen(text) + 2 > sizeof k->open)
                        return NULL;
                if (m)
                        k->open[m++] = ',';
                strcpy(k->open + m, text);
        } else if (!is_word(name, n, "permitlisten") && !is_word(name, n, "environment") &&
                   !is_word(name, n, "tunnel")) {
                *what = "an unknown option";
                return NULL;
        }
        return next;
}

static bool plain_option(const char *name, size_t n, struct mon_key *k, const char **what)
{
        static const char *const harmless[] = { "no-agent-forwarding",
                                                "agent-forwarding",
                                                "no-X11-forwarding",
                                                "X11-forwarding",
                                                "no-user-rc",
                                                "user-rc",
                                                NULL };
        bool all = is_word(name, n, "restrict");
        if (all || is_word(name, n, "no-pty") || is_word(name, n, "no-port-forwarding")) {
                k->no_pty |= all || is_word(name, n, "no-pty");
                k->no_forward |= all || is_word(name, n, "no-port-forwarding");
                return true;
        }
        if (is_word(name, n, "port-forwarding")) {
                k->no_forward = false;
                return true;
        }
        if (is_word(name, n, "cert-authority")) {
                k->authority = true;
                return true;
        }
        if (is_word(name, n, "pty")) {
                k->no_pty = false;
                return true;
        }
        for (const char *const *h = harmless; *h; h++)
                if (is_word(name, n, *h))
                        return true;
        *what = "an unknown option";
        return false;
}

/* Answers the end of the options, or NULL. */
static const char *options(const char *p, const char *end, bool own, struct mon_key *k, const char **what)
{
        for (;;) {
                const char *name = p;
                while (p < end && *p != '=' && *p != ',' && *p != ' ' && *p != '\t')
                        p++;
                size_t n = (size_t)(p - name);
                if (p < end && *p == '=')
                        p = valued_option(name, n, p + 1, end, own, k, what);
                else if (!plain_option(name, n, k, what))
                        return NULL;
                if (!p)
                        return NULL;
                if (p == end || *p == ' ' || *p == '\t')
                        return p;
                if (*p != ',') {
                        *what = "something follows an option's value";
                        return NULL;
                }
                p++;
        }
}

static const char *known_type(const char *p, size_t n)
{
        for (const char *const *t = types; *t; t++)
                if (strlen(*t) == n && memcmp(p, *t, n) == 0)
                        return *t;
        return NULL;
}

int mon_key_parse(const char *line, size_t n, bool own, struct mon_key *k, const char **what)
{
        const char *end = line + n, *p = skip_blanks(line, end);
        memset(k, 0, sizeof *k);
        k->own = own;
        *what = NULL;
        if (p < end && end[-1] == '\r')
                end--;
        if (p >= end || *p == '#')
                return 0;
        if (memchr(p, 0, (size_t)(end - p))) {
                *what = "a NUL byte";
                return -EBADMSG;
        }
        const char *stop = word_end(p, end), *type = known_type(p, (size_t)(stop - p));
        if (!type) {
                stop = options(p, end, own, k, what);
                if (!stop)
                        return -EBADMSG;
                p = skip_blanks(stop, end);
                stop = word_end(p, end);
                type = known_type(p, (size_t)(stop - p));
        }
        if (!type) {
                *what = "a type of key that is not accepted";
                return -EBADMSG;
        }
        p = skip_blanks(stop, end);
        stop = word_end(p, end);
        int m = mon_base64(p, (size_t)(stop - p), k->blob, sizeof k->blob);
        if (m < 0 || !mon_blob_type(k->blob, (size_t)m, k->type, sizeof k->type) ||
            strcmp(k->type, type) != 0) {
                *what = "a broken key";
                return -EBADMSG;
        }
        k->n = (size_t)m;
        return 1;
}

/* A line with the key: why it does not count, or NULL. */
static const char *refused(struct mon_key *k, const struct mon_search *s)
{
        if (*k->from && !mon_from_allows(k->from, s->source))
                return "its from= does not name this address";
        if (k->expires && s->now >= k->until)
                return "it has expired";
        return s->cert ? mon_cert_refused(s->cert, s->user, s->source, s->now, k) : NULL;
}

int mon_keys_find(const char *text, size_t n, bool own, enum mon_lines lines, const struct mon_search *s,
                  struct mon_key *ret, const char **why, mon_complain *complain, void *arg)
{
        const char *end = text + n;
        unsigned line = 0;
        *why = NULL;
        for (const char *p = text, *stop; p < end; p = stop + 1) {
                stop = memchr(p, '\n', (size_t)(end - p));
                if (!stop)
                        stop = end;
                const char *what;
                int r = mon_key_parse(p, (size_t)(stop - p), own, ret, &what);
                ret->line = ++line;
                if (r < 0 && complain)
                        complain(arg, line, what);
                if (r != 1 || ret->n != s->n || memcmp(ret->blob, s->blob, s->n) != 0 ||
                    (lines != MON_ALL_AUTHORITIES && ret->authority != (lines == MON_AUTHORITIES)))
                        continue;
                const char *no = refused(ret, s);
                if (!no) {
                        *why = NULL;
                        return 1;
                }
                *why = no;
        }
        return 0;
}
