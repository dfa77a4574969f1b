/* SPDX-License-Identifier: MIT
 *
 * Dates and spans of time as text, by .NET's standard and custom formats in the invariant culture.
 */
#include "shell/datetime.h"

#include <stdio.h>

/* ---- dates ---- */
struct date_out {
        struct sh_buf *b;
        const struct sh_moment *m;
        struct sh_calendar c;
};

static const char *standard_format(char letter)
{
        switch (letter) {
        case 'd': return "MM/dd/yyyy";
        case 'D': return "dddd, dd MMMM yyyy";
        case 'f': return "dddd, dd MMMM yyyy HH:mm";
        case 'F':
        case 'U': return "dddd, dd MMMM yyyy HH:mm:ss";
        case 'g': return "MM/dd/yyyy HH:mm";
        case 'G': return "MM/dd/yyyy HH:mm:ss";
        case 'm':
        case 'M': return "MMMM dd";
        case 'o':
        case 'O': return "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK";
        case 'r':
        case 'R': return "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'";
        case 's': return "yyyy'-'MM'-'dd'T'HH':'mm':'ss";
        case 't': return "HH:mm";
        case 'T': return "HH:mm:ss";
        case 'u': return "yyyy'-'MM'-'dd HH':'mm':'ss'Z'";
        case 'y':
        case 'Y': return "yyyy MMMM";
        default: return NULL;
        }
}

/* f and F: fractions of a second. F leaves out zeros at the end, and the point before nothing. */
static void put_fraction(struct sh_buf *b, int64_t fraction, int digits, bool trim)
{
        char t[16];
        snprintf(t, sizeof(t), "%07lld", (long long)fraction);
        while (trim && digits && t[digits - 1] == '0')
                digits--;
        if (!digits && trim) {
                if (b->n && b->p[b->n - 1] == '.')
                        b->p[--b->n] = 0;
                return;
        }
        sh_buf_put(b, t, (size_t)digits);
}

static void put_offset(struct date_out *o, int n)
{
        int64_t s = o->m->has_offset            ? o->m->offset
                    : o->m->kind == SH_DATE_UTC ? 0
                                                : sh_zone_offset_local(NULL, o->m->ticks, NULL);
        int64_t a = s < 0 ? -s : s;
        if (n == 1)
                sh_buf_putf(o->b, "%c%lld", s < 0 ? '-' : '+', (long long)(a / 3600));
        else
                sh_buf_putf(o->b, "%c%02lld", s < 0 ? '-' : '+', (long long)(a / 3600));
        if (n >= 3)
                sh_buf_putf(o->b, ":%02lld", (long long)(a / 60 % 60));
}

static void put_name(struct sh_buf *b, const char *name, int n)
{
        sh_buf_put(b, name, n == 3 ? 3 : strlen(name));
}

/* One specifier, n times the letter. False: not one. */
static bool date_part(struct date_out *o, char letter, int n)
{
        struct sh_calendar *c = &o->c;
        int two = n >= 2 ? 2 : 1;
        switch (letter) {
        case 'd':
                if (n >= 3)
                        put_name(o->b, sh_day_names[c->weekday], n);
                else
                        sh_buf_putf(o->b, "%0*d", two, c->day);
                return true;
        case 'M':
                if (n >= 3)
                        put_name(o->b, sh_month_names[c->month - 1], n);
                else
                        sh_buf_putf(o->b, "%0*d", two, c->month);
                return true;
        case 'y': sh_buf_putf(o->b, "%0*d", n, n <= 2 ? c->year % 100 : c->year); return true;
        case 'H': sh_buf_putf(o->b, "%0*d", two, c->hour); return true;
        case 'h': sh_buf_putf(o->b, "%0*d", two, c->hour % 12 ? c->hour % 12 : 12); return true;
        case 'm': sh_buf_putf(o->b, "%0*d", two, c->minute); return true;
        case 's': sh_buf_putf(o->b, "%0*d", two, c->second); return true;
        case 'f':
        case 'F':
                if (n > 7)
                        return false;
                put_fraction(o->b, c->fraction, n, letter == 'F');
                return true;
        case 't': sh_buf_put(o->b, c->hour < 12 ? "AM" : "PM", (size_t)two); return true;
        case 'g': sh_buf_puts(o->b, "A.D."); return true;
        case 'z': put_offset(o, n); return true;
        case 'K':
                if (o->m->has_offset || o->m->kind == SH_DATE_LOCAL)
                        put_offset(o, 3);
                else if (o->m->kind == SH_DATE_UTC)
                        sh_buf_puts(o->b, "Z");
                return true;
        default: return false;
        }
}

/* A quoted text at i (the quote): where it ends, 0 when it does not. */
static size_t put_quoted(struct sh_buf *b, const char *f, size_t n, size_t i)
{
        char quote = f[i++];
        for (; i < n && f[i] != quote; i++) {
                if (f[i] == '\\' && ++i == n)
                        return 0;
                sh_buf_put(b, f + i, 1);
        }
        return i < n ? i + 1 : 0;
}

static bool date_custom(struct date_out *o, const char *f, size_t n)
{
        for (size_t i = 0; i < n;) {
                char ch = f[i];
                size_t k = i;
                if (ch == '\'' || ch == '"') {
                        if (!(i = put_quoted(o->b, f, n, i)))
                                return false;
                } else if (ch == '\\') {
                        if (++i == n)
                                return false;
                        sh_buf_put(o->b, f + i++, 1);
                } else if (ch == '%') {
                        if (i + 1 >= n || f[i + 1] == '%')
                                return false;
                        i++;
                        if (!date_part(o, f[i], 1))
                                sh_buf_put(o->b, f + i, 1);
                        i++;
                } else if (ch && strchr("dMyHhmsfFtgzK", ch)) {
                        while (k < n && f[k] == ch && (ch != 'K' || k == i))
                                k++;
                        if (!date_part(o, ch, (int)(k - i)))
                                return false;
                        i = k;
                } else {
                        sh_buf_put(o->b, f + i++, 1);
                }
        }
        return true;
}

bool sh_moment_format(struct sh_buf *b, const struct sh_moment *m, const char *fmt, size_t n)
{
        struct sh_moment utc = *m;
        struct date_out o = { .b = b, .m = m };
        const char *f = fmt;
        if (n == 0) {
                f = m->has_offset ? "MM/dd/yyyy HH:mm:ss zzz" : "MM/dd/yyyy HH:mm:ss";
                n = strlen(f);
        } else if (n == 1) {
                f = standard_format(fmt[0]);
                if (!f || (fmt[0] == 'U' && m->has_offset))
                        return false;
                n = strlen(f);
                bool shift = m->has_offset && (fmt[0] == 'r' || fmt[0] == 'R' || fmt[0] == 'u');
                if (shift)
                        utc.ticks -= m->offset * SH_TICKS_SECOND;
                else if (fmt[0] == 'U')
                        utc.ticks = sh_datetime_utc(sh_date(m->ticks, m->kind)).i;
                o.m = &utc;
        }
        sh_calendar_of(o.m->ticks, &o.c);
        return date_custom(&o, f, n);
}

void sh_datetime_text(struct sh_buf *b, struct sv d, const char *fmt, size_t n)
{
        struct sh_moment m = { .ticks = d.i, .kind = d.aux };
        sh_moment_format(b, &m, fmt, fmt ? n : 0);
}

/* ---- spans ---- */
struct span_out {
        struct sh_buf *b;
        bool negative;
        uint64_t days, fraction;
        int hours, minutes, seconds;
};

static void span_apart(struct sv v, struct span_out *o)
{
        uint64_t t = v.i < 0 ? -(uint64_t)v.i : (uint64_t)v.i;
        o->negative = v.i < 0;
        o->days = t / (uint64_t)SH_TICKS_DAY;
        o->fraction = t % SH_TICKS_SECOND;
        t = t / SH_TICKS_SECOND % 86400;
        o->hours = (int)(t / 3600);
        o->minutes = (int)(t / 60 % 60);
        o->seconds = (int)(t % 60);
}

static void span_standard(struct span_out *o, char letter)
{
        struct sh_buf *b = o->b;
        if (o->negative)
                sh_buf_puts(b, "-");
        if (letter == 'c') {
                if (o->days)
                        sh_buf_putf(b, "%llu.", (unsigned long long)o->days);
                sh_buf_putf(b, "%02d:%02d:%02d", o->hours, o->minutes, o->seconds);
                if (o->fraction)
                        sh_buf_putf(b, ".%07llu", (unsigned long long)o->fraction);
                return;
        }
        if (o->days || letter == 'G')
                sh_buf_putf(b, "%llu:", (unsigned long long)o->days);
        sh_buf_putf(b, letter == 'G' ? "%02d:%02d:%02d" : "%d:%02d:%02d", o->hours, o->minutes, o->seconds);
        if (letter == 'G' || o->fraction) {
                sh_buf_puts(b, ".");
                put_fraction(b, (int64_t)o->fraction, 7, letter == 'g');
        }
}

static bool span_part(struct span_out *o, char letter, int n)
{
        switch (letter) {
        case 'd':
                if (n > 8)
                        return false;
                sh_buf_putf(o->b, "%0*llu", n, (unsigned long long)o->days);
                return true;
        case 'h':
        case 'm':
        case 's':
                if (n > 2)
                        return false;
                sh_buf_putf(o->b, "%0*d", n,
                            letter == 'h'   ? o->hours
                            : letter == 'm' ? o->minutes
                                            : o->seconds);
                return true;
        case 'f':
        case 'F':
                if (n > 7)
                        return false;
                put_fraction(o->b, (int64_t)o->fraction, n, letter == 'F');
                return true;
        default: return false;
        }
}

bool sh_timespan_format(struct sh_buf *b, struct sv v, const char *f, size_t n)
{
        struct span_out o = { .b = b };
        span_apart(v, &o);
        if (n <= 1) {
                char letter = n == 0 || f[0] == 't' || f[0] == 'T' ? 'c' : f[0];
                if (letter != 'c' && letter != 'g' && letter != 'G')
                        return false;
                span_standard(&o, letter);
                return true;
        }
        for (size_t i = 0; i < n;) {
                size_t k = i;
                if (f[i] == '\'' || f[i] == '"') {
                        if (!(i = put_quoted(b, f, n, i)))
                                return false;
                } else if (f[i] == '\\') {
                        if (++i == n)
                                return false;
                        sh_buf_put(b, f + i++, 1);
                } else if (f[i] == '%') {
                        if (i + 1 >= n || !span_part(&o, f[i + 1], 1))
                                return false;
                        i += 2;
                } else {
                        while (k < n && f[k] == f[i])
                                k++;
                        if (!span_part(&o, f[i], (int)(k - i)))
                                return false;
                        i = k;
                }
        }
        return true;
}

void sh_timespan_text(struct sh_buf *b, struct sv v, const char *fmt, size_t n)
{
        sh_timespan_format(b, v, fmt, fmt ? n : 0);
}
