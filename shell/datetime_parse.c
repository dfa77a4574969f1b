/* SPDX-License-Identifier: MIT
 *
 * Dates and spans of time from text. Freely, as DateTime.Parse reads in the invariant culture: ISO 8601, RFC 1123,
 * month/day/year, names of months; or by one format.
 */
#include "shell/datetime.h"

#include <stdio.h>

enum { NO_OFFSET = INT32_MIN };

struct reading {
        const char *s;
        size_t n, i;
        int number[3], digits[3], nnumbers;
        int month_at; /* numbers read before the month's name; -1 = no name */
        int month, weekday;
        int hour, minute, second, half; /* hour -1 = none; half: 0 none, 1 AM, 2 PM */
        int64_t fraction;
        int offset; /* seconds, or NO_OFFSET */
        bool zulu;
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static char here(struct reading *r)
{
        return r->i < r->n ? r->s[r->i] : 0;
}

static int read_number(struct reading *r, int most, int *ret_digits)
{
        int v = 0, k = 0;
        while (k < most && is_digit(here(r))) {
                v = v * 10 + (here(r) - '0');
                r->i++;
                k++;
        }
        *ret_digits = k;
        return v;
}

/* Digits behind the point of seconds, as ticks; more than seven are rounded. */
static int64_t read_fraction(struct reading *r)
{
        int64_t v = 0;
        int k = 0;
        for (; is_digit(here(r)); r->i++, k++)
                if (k < 7)
                        v = v * 10 + (here(r) - '0');
                else if (k == 7 && here(r) >= '5')
                        v++;
        for (; k < 7; k++)
                v *= 10;
        return v;
}

/* At +hh:mm, +hhmm or +hh. */
static bool read_offset(struct reading *r)
{
        int k, sign = here(r) == '-' ? -1 : 1;
        r->i++;
        int h = read_number(r, 2, &k), m = 0;
        if (k == 0)
                return false;
        if (here(r) == ':')
                r->i++;
        if (is_digit(here(r)))
                m = read_number(r, 2, &k);
        if (h > 14 || m > 59)
                return false;
        r->offset = sign * (h * 3600 + m * 60);
        return true;
}

/* The hour is read, the colon is next. */
static bool read_time(struct reading *r, int hour)
{
        int k;
        if (r->hour >= 0)
                return false;
        r->hour = hour;
        r->i++;
        r->minute = read_number(r, 2, &k);
        if (k == 0)
                return false;
        if (here(r) == ':') {
                r->i++;
                r->second = read_number(r, 2, &k);
                if (k == 0)
                        return false;
        }
        if ((here(r) == '.' || here(r) == ',') && r->i + 1 < r->n && is_digit(r->s[r->i + 1])) {
                r->i++;
                r->fraction = read_fraction(r);
                if (r->fraction >= SH_TICKS_SECOND)
                        r->fraction = SH_TICKS_SECOND - 1;
        }
        return true;
}

static int name_index(const char *s, size_t n, const char *const *names, int count)
{
        for (int i = 0; i < count; i++)
                if ((n == 3 && sh_text_same(s, 3, names[i], 3)) ||
                    sh_text_same(s, n, names[i], strlen(names[i])))
                        return i;
        return -1;
}

static bool read_word(struct reading *r)
{
        size_t from = r->i;
        while (is_letter(here(r)))
                r->i++;
        const char *w = r->s + from;
        size_t n = r->i - from;
        int k;
        if (n == 1 && (*w | 32) == 't' && r->nnumbers && is_digit(here(r)))
                return true;
        if ((n == 1 && (*w | 32) == 'z') || sh_text_same(w, n, "gmt", 3) || sh_text_same(w, n, "utc", 3)) {
                bool ok = (r->hour >= 0 || r->nnumbers == 3) && r->offset == NO_OFFSET; /* "2024-01-01Z" too */
                r->offset = 0;
                r->zulu = true;
                return ok;
        }
        if (sh_text_same(w, n, "am", 2) || sh_text_same(w, n, "pm", 2) ||
            (n == 1 && ((*w | 32) == 'a' || (*w | 32) == 'p'))) {
                r->half = (*w | 32) == 'p' ? 2 : 1;
                if (r->hour < 0 && r->nnumbers) { /* "5 pm" */
                        r->hour = r->number[--r->nnumbers];
                }
                return r->hour >= 0;
        }
        if ((k = name_index(w, n, sh_month_names, 12)) >= 0) {
                bool ok = r->month_at < 0;
                r->month = k + 1;
                r->month_at = r->nnumbers;
                return ok;
        }
        if ((k = name_index(w, n, sh_day_names, 7)) >= 0) {
                r->weekday = k;
                return true;
        }
        return false;
}

/* Takes the text apart into numbers, names and a time. */
static bool read_tokens(struct reading *r)
{
        while (r->i < r->n) {
                char c = here(r);
                int k;
                if (c == ' ' || c == '\t' || c == ',' || c == '\n' || c == '\r') {
                        r->i++;
                } else if (is_digit(c)) {
                        int v = read_number(r, 9, &k);
                        if (here(r) == ':') {
                                if (!read_time(r, v) || k > 2)
                                        return false;
                                continue;
                        }
                        if (r->nnumbers == 3)
                                return false;
                        r->digits[r->nnumbers] = k;
                        r->number[r->nnumbers++] = v;
                } else if ((c == '+' || c == '-') && r->hour >= 0 && r->offset == NO_OFFSET) {
                        if (!read_offset(r))
                                return false;
                } else if ((c == '/' || c == '-' || c == '.') && (r->nnumbers || r->month_at >= 0) &&
                           r->hour < 0) {
                        r->i++;
                } else if (!is_letter(c) || !read_word(r)) {
                        return false;
                }
        }
        return true;
}

static int full_year(int v, int digits)
{
        return digits > 2 ? v : v <= 49 ? v + 2000 : v + 1900;
}

/* The numbers as year, month, day. today fills in what is not said. */
static bool arrange(struct reading *r, const struct sh_calendar *today, struct sh_calendar *c)
{
        int *v = r->number, *d = r->digits, n = r->nnumbers;
        if (r->month_at >= 0) {
                c->month = r->month;
                if (n == 2) {
                        int year_at = d[0] > 2 ? 0 : 1;
                        c->year = full_year(v[year_at], d[year_at]);
                        c->day = v[!year_at];
                } else if (n == 1 && d[0] > 2) {
                        c->year = v[0];
                        c->day = 1;
                } else if (n == 1) {
                        c->year = today->year;
                        c->day = v[0];
                } else {
                        return false;
                }
                return true;
        }
        if (n == 3 && d[0] > 2) {
                c->year = v[0], c->month = v[1], c->day = v[2];
        } else if (n == 3) {
                c->month = v[0], c->day = v[1], c->year = full_year(v[2], d[2]);
        } else if (n == 2 && d[0] > 2) {
                c->year = v[0], c->month = v[1], c->day = 1;
        } else if (n == 2 && d[1] > 2) {
                c->month = v[0], c->year = v[1], c->day = 1;
        } else if (n == 2) {
                c->year = today->year, c->month = v[0], c->day = v[1];
        } else if (n == 0 && r->hour >= 0) {
                c->year = today->year, c->month = today->month, c->day = today->day;
        } else {
                return false;
        }
        return true;
}

static bool finish_time(struct reading *r, struct sh_calendar *c)
{
        if (r->half && (r->hour < 0 || r->hour > 12 || (r->hour == 0 && r->half == 2)))
                return false;
        if (r->half == 2 && r->hour < 12)
                r->hour += 12;
        else if (r->half == 1 && r->hour == 12)
                r->hour = 0;
        c->hour = r->hour < 0 ? 0 : r->hour;
        c->minute = r->minute;
        c->second = r->second;
        c->fraction = r->fraction;
        return true;
}

static bool finish(struct reading *r, struct sh_calendar *c, struct sh_moment *m)
{
        bool midnight = r->hour == 24 && !r->minute && !r->second && !r->fraction;
        if (midnight)
                r->hour = 0;
        if (!finish_time(r, c) || !sh_ticks_of(c, &m->ticks))
                return false;
        if (midnight)
                m->ticks += SH_TICKS_DAY;
        sh_calendar_of(m->ticks, c);
        if (r->weekday >= 0 && c->weekday != r->weekday)
                return false;
        m->kind = SH_DATE_UNSPECIFIED;
        m->has_offset = r->offset != NO_OFFSET;
        m->offset = m->has_offset ? r->offset : 0;
        return m->ticks <= SH_TICKS_MAX;
}

static struct reading reading_of(const char *s, size_t n)
{
        return (struct reading) {
                .s = s, .n = n, .month_at = -1, .weekday = -1, .hour = -1, .offset = NO_OFFSET
        };
}

static void today(struct sh_calendar *c)
{
        sh_calendar_of(sh_datetime_now().i, c);
}

bool sh_moment_parse(const char *s, size_t n, struct sh_moment *m)
{
        struct reading r = reading_of(s, n);
        struct sh_calendar c = { 0 }, now;
        if (!read_tokens(&r))
                return false;
        today(&now);
        return arrange(&r, &now, &c) && finish(&r, &c, m);
}

struct sv sh_moment_to_date(const struct sh_moment *m)
{
        if (!m->has_offset)
                return sh_date(m->ticks, m->kind);
        int64_t utc = m->ticks - m->offset * SH_TICKS_SECOND;
        return sh_datetime_local(sh_date(utc < 0 ? 0 : utc > SH_TICKS_MAX ? SH_TICKS_MAX : utc, SH_DATE_UTC));
}

bool sh_datetime_parse(const char *s, size_t n, struct sv *ret)
{
        struct sh_moment m;
        if (!sh_moment_parse(s, n, &m))
                return false;
        *ret = sh_moment_to_date(&m);
        return true;
}

/* ---- by format ---- */
struct exact {
        struct reading r;
        struct sh_calendar c;
        bool has_year, has_month, has_day, loose;
};

static bool exact_name(struct exact *e, const char *const *names, int count, bool abbreviated, int *ret)
{
        for (int i = 0; i < count; i++) {
                size_t n = abbreviated ? 3 : strlen(names[i]);
                if (e->r.n - e->r.i >= n && sh_text_same(e->r.s + e->r.i, n, names[i], n)) {
                        e->r.i += n;
                        *ret = i;
                        return true;
                }
        }
        return false;
}

/* At least `least` digits, at most two. */
static bool exact_two(struct exact *e, int n, int *ret)
{
        int k;
        *ret = read_number(&e->r, 2, &k);
        return k > 0 && (n == 1 || k == 2);
}

static bool exact_half(struct exact *e, int n)
{
        char c = (char)(here(&e->r) | 32);
        if (c != 'a' && c != 'p')
                return false;
        e->r.half = c == 'p' ? 2 : 1;
        e->r.i++;
        if (n == 1)
                return true;
        bool ok = (here(&e->r) | 32) == 'm';
        e->r.i++;
        return ok;
}

static bool exact_fraction(struct exact *e, int n, bool optional)
{
        int64_t v = 0;
        int k = 0;
        for (; k < n && is_digit(here(&e->r)); k++, e->r.i++)
                v = v * 10 + (here(&e->r) - '0');
        if (k < n && !optional)
                return false;
        for (; k < 7; k++)
                v *= 10;
        e->r.fraction = v;
        return true;
}

static bool exact_zone(struct exact *e, char letter)
{
        if (letter == 'K' && (here(&e->r) | 32) == 'z') {
                e->r.i++;
                e->r.offset = 0;
                return true;
        }
        if (here(&e->r) != '+' && here(&e->r) != '-')
                return letter == 'K';
        return read_offset(&e->r);
}

static bool exact_part(struct exact *e, char letter, int n)
{
        struct reading *r = &e->r;
        int k;
        switch (letter) {
        case 'd':
                if (n >= 3)
                        return exact_name(e, sh_day_names, 7, n == 3, &r->weekday);
                e->has_day = true;
                return exact_two(e, n, &e->c.day);
        case 'M':
                e->has_month = true;
                if (n < 3)
                        return exact_two(e, n, &e->c.month);
                if (!exact_name(e, sh_month_names, 12, n == 3, &k))
                        return false;
                e->c.month = k + 1;
                return true;
        case 'y':
                e->has_year = true;
                e->c.year = read_number(r, n <= 2 ? 2 : n, &k);
                e->c.year = full_year(e->c.year, n <= 2 ? 2 : 4);
                return n <= 2 ? k > 0 && (n == 1 || k == 2) : k == n;
        case 'H':
        case 'h': return exact_two(e, n, &r->hour) && (letter == 'H' || r->hour <= 12);
        case 'm': return exact_two(e, n, &r->minute);
        case 's': return exact_two(e, n, &r->second);
        case 'f': return exact_fraction(e, n, false);
        case 'F': return exact_fraction(e, n, true);
        case 't': return exact_half(e, n);
        case 'z':
        case 'K': return exact_zone(e, letter);
        default: return false;
        }
}

static bool exact_literal(struct exact *e, char c)
{
        if (here(&e->r) != c || e->r.i >= e->r.n)
                return false;
        e->r.i++;
        return true;
}

static bool exact_run(struct exact *e, const char *f, size_t n)
{
        for (size_t i = 0; i < n;) {
                size_t k = i;
                if (f[i] == '\'' || f[i] == '"') {
                        for (k = i + 1; k < n && f[k] != f[i]; k++)
                                if (!exact_literal(e, f[k]))
                                        return false;
                        i = k + 1;
                } else if (f[i] == '\\' && i + 1 < n) {
                        if (!exact_literal(e, f[i + 1]))
                                return false;
                        i += 2;
                } else if (f[i] == '%') {
                        i++;
                } else if (f[i] && strchr("dMyHhmsfFtzK", f[i])) {
                        while (k < n && f[k] == f[i] && (f[i] != 'K' || k == i))
                                k++;
                        if (!exact_part(e, f[i], (int)(k - i)))
                                return false;
                        i = k;
                } else {
                        while (e->loose && here(&e->r) == ' ' && f[i] != ' ')
                                e->r.i++;
                        if (f[i] == '.' && here(&e->r) != '.' && i + 1 < n && f[i + 1] == 'F')
                                ;
                        else if (!exact_literal(e, f[i]))
                                return false;
                        i++;
                }
        }
        return e->r.i == e->r.n;
}

static const char *exact_standard(char letter)
{
        switch (letter) {
        case 'd': return "MM/dd/yyyy";
        case 'D': return "dddd, dd MMMM yyyy";
        case 'f': return "dddd, dd MMMM yyyy HH:mm";
        case 'F': return "dddd, dd MMMM yyyy HH:mm:ss";
        case 'g': return "MM/dd/yyyy HH:mm";
        case 'G': return "MM/dd/yyyy HH:mm:ss";
        case 'M':
        case 'm': return "MMMM dd";
        case 'o':
        case 'O': return "yyyy-MM-ddTHH:mm:ss.fffffffK";
        case 'r':
        case 'R': return "ddd, dd MMM yyyy HH:mm:ss 'GMT'";
        case 's': return "yyyy-MM-ddTHH:mm:ss";
        case 't': return "HH:mm";
        case 'T': return "HH:mm:ss";
        case 'u': return "yyyy-MM-dd HH:mm:ss'Z'";
        case 'y':
        case 'Y': return "yyyy MMMM";
        default: return NULL;
        }
}

bool sh_moment_parse_exact(const char *s, size_t n, const char *f, size_t nf, bool loose, struct sh_moment *m)
{
        struct exact e = { .r = reading_of(s, n), .loose = loose };
        struct sh_calendar now;
        bool dated;
        if (nf == 1 && (f = exact_standard(f[0])))
                nf = strlen(f);
        if (!f || nf == 0 || !exact_run(&e, f, nf))
                return false;
        today(&now);
        dated = e.has_year || e.has_month || e.has_day;
        if (!e.has_year)
                e.c.year = now.year;
        if (!e.has_month)
                e.c.month = dated ? 1 : now.month;
        if (!e.has_day)
                e.c.day = dated ? 1 : now.day;
        return finish(&e.r, &e.c, m);
}

/* ---- spans ---- */
static bool span_of(bool negative, const uint64_t part[4], uint64_t fraction, struct sv *ret)
{
        if (part[0] > 10675199 || part[1] > 23 || part[2] > 59 || part[3] > 59)
                return false;
        __int128 t = (__int128)part[0] * SH_TICKS_DAY +
                     (__int128)(part[1] * 3600 + part[2] * 60 + part[3]) * SH_TICKS_SECOND +
                     (__int128)fraction;
        if (negative)
                t = -t;
        if (t > INT64_MAX || t < INT64_MIN)
                return false;
        *ret = sh_span((int64_t)t);
        return true;
}

/* d | [d.]hh:mm[:ss[.fffffff]] | d:hh:mm:ss[.f]; a sign before, blanks around. */
bool sh_timespan_parse(const char *s, size_t n, struct sv *ret)
{
        uint64_t part[4] = { 0 }, v[4] = { 0 }, fraction = 0;
        int count = 0, k = 0, point = 0;
        while (n && (*s == ' ' || *s == '\t'))
                s++, n--;
        while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
                n--;
        struct reading r = reading_of(s, n);
        bool negative = here(&r) == '-';
        r.i += negative;
        for (;;) {
                if (count == 4 || !is_digit(here(&r)))
                        return false;
                v[count++] = (uint64_t)read_number(&r, 9, &k);
                if (here(&r) == ':') {
                        r.i++;
                } else if (here(&r) == '.' && count == 1) {
                        r.i++;
                        point = 1;
                } else {
                        break;
                }
        }
        if (here(&r) == '.' && count >= 3) {
                r.i++;
                if (!is_digit(here(&r)))
                        return false;
                fraction = (uint64_t)read_fraction(&r);
        }
        if (r.i != r.n || (point && count < 3))
                return false;
        int first = count == 4 || point || count == 1 ? 0 : 1;
        for (int i = 0; i < count; i++)
                part[first + i] = v[i];
        return span_of(negative, part, fraction, ret);
}

static bool span_exact_part(struct reading *r, char letter, int n, uint64_t part[4], uint64_t *fraction)
{
        int k, v;
        static const char order[] = "dhms";
        const char *at = strchr(order, letter);
        if (letter == 'f' || letter == 'F') {
                struct exact e = { .r = *r };
                if (!exact_fraction(&e, n, letter == 'F'))
                        return false;
                *fraction = (uint64_t)e.r.fraction;
                *r = e.r;
                return true;
        }
        if (!at || !letter)
                return false;
        v = read_number(r, letter == 'd' ? (n > 1 ? n : 8) : 2, &k);
        part[at - order] = (uint64_t)v;
        return k >= (n == 1 ? 1 : n);
}

bool sh_timespan_parse_exact(const char *s, size_t n, const char *f, size_t nf, struct sv *ret)
{
        uint64_t part[4] = { 0 }, fraction = 0;
        struct reading r = reading_of(s, n);
        static const char order[] = "dhms";
        if (nf == 1)
                return strchr("cgGtT", f[0]) && sh_timespan_parse(s, n, ret);
        for (size_t i = 0; i < nf;) {
                size_t k = i;
                if (f[i] == '\'' || f[i] == '"') {
                        for (k = i + 1; k < nf && f[k] != f[i]; k++)
                                if (here(&r) != f[k])
                                        return false;
                                else
                                        r.i++;
                        i = k + 1;
                } else if (f[i] == '\\') {
                        if (i + 1 >= nf || here(&r) != f[i + 1])
                                return false;
                        r.i++;
                        i += 2;
                } else if (f[i] == '%') {
                        i++;
                } else if (strchr(order, f[i]) || f[i] == 'f' || f[i] == 'F') {
                        while (k < nf && f[k] == f[i])
                                k++;
                        if (!span_exact_part(&r, f[i], (int)(k - i), part, &fraction))
                                return false;
                        i = k;
                } else {
                        return false;
                }
        }
        return r.i == r.n && span_of(false, part, fraction, ret);
}
