/* SPDX-License-Identifier: MIT
 *
 * What SQL over this host's objects needs beside SQLite's own functions (GLOB, datetime() and so on are there):
 *
 *      text REGEXP pattern            regular.h; bounded whatever the pattern is
 *      in_network(address, network)   '10.1.2.3' in '10.0.0.0/8'; IPv6 alike
 *      size('1.5 GiB')                bytes; K M G T are powers of 1024, kB MB GB TB of 1000
 *      size_text(bytes)               '1.5 GiB'
 *      ago('90m')                     a moment as datetime properties have it; s m h d w
 *      seconds(time)                  since 1970, with fractions, for differences
 *      duration_text(ns)              '2d 3h', '150 ms'
 *      basename(path), dirname(path), under(path, folder)
 *
 * What an argument cannot be is null; a pattern that is none is an error.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/regular.h"
#include "agent/vtab.h"

enum { MOST_PATTERN = 1000 };

static const char *text(sqlite3_value *v, size_t *ret_n)
{
        const char *s = (const char *)sqlite3_value_text(v);
        *ret_n = s ? (size_t)sqlite3_value_bytes(v) : 0;
        return s;
}

static void regexp_free(void *r)
{
        rv_regular_free(r);
}

/* X REGEXP Y is regexp(Y, X). */
static void regexp(sqlite3_context *x, int n, sqlite3_value **v)
{
        (void)n;
        size_t npattern, ntext;
        const char *pattern = text(v[0], &npattern), *s = text(v[1], &ntext), *why = "the pattern is too long";
        struct rv_regular *r = sqlite3_get_auxdata(x, 0), *made = NULL;
        if (!pattern || !s)
                return;
        if (!r && npattern <= MOST_PATTERN)
                r = made = rv_regular_new(pattern, npattern, &why);
        if (!r) {
                char said[160];
                snprintf(said, sizeof said, "REGEXP: %s", why);
                sqlite3_result_error(x, said, -1);
                return;
        }
        sqlite3_result_int(x, rv_regular_fits(r, s, ntext));
        if (made)
                sqlite3_set_auxdata(x, 0, made, regexp_free); /* may free it at once */
}

/* ---- networks ---- */

struct address {
        int bits; /* 32, 128 */
        unsigned char b[16];
};

static bool to_address(const char *s, size_t n, struct address *ret)
{
        char own[INET6_ADDRSTRLEN + 1];
        const char *zone = memchr(s, '%', n);
        if (zone)
                n = (size_t)(zone - s);
        if (n >= sizeof own)
                return false;
        snprintf(own, sizeof own, "%.*s", (int)n, s);
        static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
        ret->bits = strchr(own, ':') ? 128 : 32;
        if (inet_pton(ret->bits == 128 ? AF_INET6 : AF_INET, own, ret->b) != 1)
                return false;
        if (ret->bits == 128 && memcmp(ret->b, mapped, 12) == 0) { /* ::ffff:10.1.2.3 is 10.1.2.3 */
                memmove(ret->b, ret->b + 12, 4);
                ret->bits = 32;
        }
        return true;
}

static void in_network(sqlite3_context *x, int n, sqlite3_value **v)
{
        (void)n;
        size_t na, nn;
        const char *a = text(v[0], &na), *net = text(v[1], &nn), *slash = net ? memchr(net, '/', nn) : NULL;
        struct address one, all;
        if (!a || !net || !to_address(a, na, &one) || !to_address(net, slash ? (size_t)(slash - net) : nn, &all))
                return;
        char *end = NULL;
        long bits = slash ? strtol(slash + 1, &end, 10) : all.bits;
        if (slash && (end == slash + 1 || *end || bits < 0 || bits > all.bits))
                return;
        bool in = one.bits == all.bits;
        for (long i = 0; in && i < bits; i++)
                in = ((one.b[i / 8] ^ all.b[i / 8]) >> (7 - i % 8) & 1) == 0;
        sqlite3_result_int(x, in);
}

/* ---- sizes ---- */

static void size(sqlite3_context *x, int n, sqlite3_value **v)
{
        (void)n;
        static const char units[] = "KMGTPE";
        size_t len;
        const char *s = text(v[0], &len);
        char *end;
        if (!s)
                return;
        double d = strtod(s, &end);
        if (end == s || !isfinite(d))
                return;
        end += strspn(end, " ");
        const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
        if (unit) {
                end++;
                bool decimal = (*end == 'b' || *end == 'B') && end[1] == 0; /* kB, MB */
                d *= pow(decimal ? 1000 : 1024, (double)(unit - units + 1));
                end += *end == 'i';
        }
        end += *end == 'B' || *end == 'b';
        if (*end || fabs(d) > 9.2e18)
                return;
        sqlite3_result_int64(x, (sqlite3_int64)d);
}

static void size_text(sqlite3_context *x, int n, sqlite3_value **v)
{
        (void)n;
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        unsigned unit = 0;
        char out[40];
        if (sqlite3_value_numeric_type(v[0]) == SQLITE_NULL || sqlite3_value_numeric_type(v[0]) == SQLITE_TEXT)
                return;
        double d = sqlite3_value_double(v[0]);
        while (fabs(d) >= 1024 && unit < 6) {
                d /= 1024;
                unit++;
        }
        snprintf(out, sizeof out, unit ? "%.1f %s" : "%.0f %s", d, units[unit]);
        sqlite3_result_text(x, out, -1, SQLITE_TRANSIENT);
}

/* ---- times ---- */

static bool to_seconds(const char *s, double *ret)
{
        *ret = 0;
        bool any = false;
        while (*(s += strspn(s, " "))) {
                static const struct {
                        char unit;
                        double seconds;
                } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
                char *end;
                double d = strtod(s, &end);
                size_t i = 0;
                while (i < 5 && units[i].unit != *end)
                        i++;
                if (end == s || i == 5 || !isfinite(d))
                        return false;
                *ret += d * units[i].seconds;
                s = end + 1;
                any = true;
        }
        return any && fabs(*ret) < 1e10;
}

static void ago(sqlite3_context *x, int n, sqlite3_value **v)
{
        (void)n;
        size_t len;
        const char *s = text(v[0], &len);
        double seconds;
        char out[48];
        if (!s || !to_seconds(s, &seconds))
                return;
        rv_datetime_text(rv_wall() - (int64_t)(seconds * 1e9), false, out, sizeof out);
        sqlite3_result_text(x, out, -1, SQLITE_TRANSIENT);
}

static void seconds(sqlite3_context *x, int n, sqlite3_value **v)
{
        (void)n;
        size_t len;
        const char *s = text(v[0], &len);
        int64_t ns;
        if (s && rv_datetime_parse(s, len, &ns))
                sqlite3_result_double(x, (double)ns / 1e9);
}

static void duration_text(sqlite3_context *x, int n, sqlite3_value **v)
{
        (void)n;
        char out[64];
        if (sqlite3_value_type(v[0]) != SQLITE_INTEGER && sqlite3_value_type(v[0]) != SQLITE_FLOAT)
                return;
        double ns = sqlite3_value_double(v[0]), s = ns / 1e9;
        if (fabs(s) >= 86400)
                snprintf(out, sizeof out, "%.0fd %.0fh", trunc(s / 86400), trunc(fmod(fabs(s), 86400) / 3600));
        else if (fabs(s) >= 3600)
                snprintf(out, sizeof out, "%.0fh %.0fm", trunc(s / 3600), trunc(fmod(fabs(s), 3600) / 60));
        else if (fabs(s) >= 60)
                snprintf(out, sizeof out, "%.0fm %.0fs", trunc(s / 60), trunc(fmod(fabs(s), 60)));
        else if (fabs(s) >= 1)
                snprintf(out, sizeof out, "%.1f s", s);
        else if (fabs(ns) >= 1e6)
                snprintf(out, sizeof out, "%.0f ms", ns / 1e6);
        else if (fabs(ns) >= 1e3)
                snprintf(out, sizeof out, "%.0f us", ns / 1e3);
        else
                snprintf(out, sizeof out, "%.0f ns", ns);
        sqlite3_result_text(x, out, -1, SQLITE_TRANSIENT);
}

/* ---- paths ---- */

/* Without slashes at the end; one alone stays. */
static size_t trimmed(const char *s, size_t n)
{
        while (n > 1 && s[n - 1] == '/')
                n--;
        return n;
}

static size_t last_slash(const char *s, size_t n)
{
        while (n && s[n - 1] != '/')
                n--;
        return n;
}

static void base_name(sqlite3_context *x, int n, sqlite3_value **v)
{
        (void)n;
        size_t len;
        const char *s = text(v[0], &len);
        if (!s)
                return;
        len = trimmed(s, len);
        size_t from = len == 1 ? 0 : last_slash(s, len);
        sqlite3_result_text(x, s + from, (int)(len - from), SQLITE_TRANSIENT);
}

static void dir_name(sqlite3_context *x, int n, sqlite3_value **v)
{
        (void)n;
        size_t len;
        const char *s = text(v[0], &len);
        if (!s)
                return;
        len = last_slash(s, trimmed(s, len));
        if (!len)
                sqlite3_result_text(x, ".", 1, SQLITE_STATIC);
        else
                sqlite3_result_text(x, s, (int)trimmed(s, len), SQLITE_TRANSIENT);
}

static void under(sqlite3_context *x, int n, sqlite3_value **v)
{
        (void)n;
        size_t np, nf;
        const char *path = text(v[0], &np), *folder = text(v[1], &nf);
        if (!path || !folder || !nf)
                return;
        nf = trimmed(folder, nf);
        bool in = np >= nf && memcmp(path, folder, nf) == 0 && (np == nf || nf == 1 || path[nf] == '/');
        sqlite3_result_int(x, in && (nf > 1 || *folder == '/' || np == 1 || path[1] == '/'));
}

int rv_sql_functions(sqlite3 *db)
{
        static const struct {
                const char *name;
                int n;
                void (*run)(sqlite3_context *, int, sqlite3_value **);
                bool varies; /* not the same whenever it is asked */
        } functions[] = { { "regexp", 2, regexp, false },
                          { "in_network", 2, in_network, false },
                          { "size", 1, size, false },
                          { "size_text", 1, size_text, false },
                          { "ago", 1, ago, true },
                          { "seconds", 1, seconds, false },
                          { "duration_text", 1, duration_text, false },
                          { "basename", 1, base_name, false },
                          { "dirname", 1, dir_name, false },
                          { "under", 2, under, false } };
        int r = SQLITE_OK;
        for (size_t i = 0; i < sizeof functions / sizeof *functions && r == SQLITE_OK; i++)
                r = sqlite3_create_function(db, functions[i].name, functions[i].n,
                                            SQLITE_UTF8 | SQLITE_INNOCUOUS |
                                                    (functions[i].varies ? 0 : SQLITE_DETERMINISTIC),
                                            NULL, functions[i].run, NULL, NULL);
        return r;
}
