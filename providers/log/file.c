/* SPDX-License-Identifier: MIT */
#include "providers/log/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "providers/log/packed.h"

/* Text without any time for so long is not of a log that has times. */
#define TIMELESS (UINT64_C(1) << 20)
/* A search by halves ends here: what is left is read. */
#define NEAR (UINT64_C(64) << 10)

struct rv_logfile {
        int fd;
        struct rv_packed *packed; /* or NULL */
        struct rv_logclock clock;
        uint64_t size, at; /* at: end of what is to be read */
        uint64_t lo, hi;   /* what the window holds */
        uint64_t untimed;  /* bytes read so far without a time; UINT64_MAX: there was one */
        char window[RV_LOG_WINDOW];
        char long_line
                [RV_LOG_LINE_MOST]; /* what is ahead of a place: `nahead` bytes of the file from `ahead` on */
        uint64_t ahead;
        size_t nahead;
};

static ssize_t read_at(struct rv_logfile *f, void *to, size_t n, uint64_t at)
{
        if (f->packed)
                return rv_packed_read(f->packed, to, n, at);
        size_t done = 0;
        while (done < n) {
                ssize_t k = pread(f->fd, (char *)to + done, n - done, (off_t)(at + done));
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        break;
                done += (size_t)k;
        }
        return (ssize_t)done;
}

struct rv_logfile *rv_logfile_open(int fd, bool packed, int *ret_error)
{
        struct stat st;
        struct rv_logfile *f = calloc(1, sizeof *f);
        if (!f || fstat(fd, &st) < 0) {
                *ret_error = f ? errno : ENOMEM;
                close(fd);
                free(f);
                return NULL;
        }
        f->fd = fd;
        f->clock.latest = st.st_mtime;
        f->size = (uint64_t)st.st_size;
        if (packed && !(f->packed = rv_packed_open(fd, ret_error)))
                return rv_logfile_close(f);
        if (packed)
                f->size = rv_packed_size(f->packed);
        f->at = f->size;
        return f;
}

struct rv_logfile *rv_logfile_close(struct rv_logfile *f)
{
        if (!f)
                return NULL;
        rv_packed_close(f->packed);
        close(f->fd);
        free(f);
        return NULL;
}

uint64_t rv_logfile_size(const struct rv_logfile *f)
{
        return f->size;
}

bool rv_logfile_timeless(const struct rv_logfile *f)
{
        return f->untimed != UINT64_MAX && f->untimed > TIMELESS;
}

uint64_t rv_logline_hash(const struct rv_logtext *t)
{
        uint64_t h = UINT64_C(14695981039346656037);
        for (size_t i = 0; i < t->n; i++)
                h = (h ^ (uint8_t)t->s[i]) * UINT64_C(1099511628211);
        return h;
}

/* ---- backwards ---- */

/* The window ends at `end`, or holds more behind it. False: it is not there any more. */
static bool fill(struct rv_logfile *f, uint64_t end)
{
        uint64_t lo = end > RV_LOG_WINDOW ? end - RV_LOG_WINDOW : 0;
        size_t n = (size_t)(end - lo);
        f->lo = f->hi = lo;
        if (read_at(f, f->window, n, lo) != (ssize_t)n)
                return false;
        f->hi = end;
        return true;
}

/* Where the line begins whose text ends at `end`, which is within the window. False: it cannot be read. */
static bool line_start(struct rv_logfile *f, uint64_t end, uint64_t *ret)
{
        for (uint64_t to = end;;) {
                const char *nl = memrchr(f->window, '\n', (size_t)(to - f->lo));
                if (nl || !f->lo) {
                        *ret = nl ? f->lo + (uint64_t)(nl - f->window) + 1 : 0;
                        return true;
                }
                to = to == end && end - f->lo < RV_LOG_WINDOW ? end : f->lo;
                if (!fill(f, to))
                        return false;
        }
}

void rv_logplace_of(struct rv_logclock *k, const char *s, uint64_t n, uint64_t at, struct rv_logplace *ret)
{
        ret->at = at;
        ret->text = (struct rv_logtext) { s, n < RV_LOG_LINE_MOST ? (size_t)n : RV_LOG_LINE_MOST };
        if (ret->text.n && ret->text.n == n && s[n - 1] == '\r')
                ret->text.n--;
        rv_logline_parse(k, ret->text.s, ret->text.n, &ret->line);
}

bool rv_logfile_previous(struct rv_logfile *f, struct rv_logplace *ret)
{
        uint64_t end = f->at, start;
        if (!end)
                return false;
        if ((end > f->hi || end <= f->lo) && !fill(f, end))
                return f->at = 0, false;
        end -= f->window[end - 1 - f->lo] == '\n';
        if (!line_start(f, end, &start))
                return f->at = 0, false;
        uint64_t n = end - start;
        const char *s = f->window + (start - f->lo);
        if (end > f->hi) { /* longer than the window: only its head is wanted */
                size_t k = n < RV_LOG_LINE_MOST ? (size_t)n : RV_LOG_LINE_MOST;
                s = f->long_line;
                f->nahead = 0;
                if (read_at(f, f->long_line, k, start) != (ssize_t)k)
                        return f->at = 0, false;
        }
        rv_logplace_of(&f->clock, s, n, start, ret);
        f->at = start;
        if (ret->line.when != RV_LOG_NO_TIME)
                f->untimed = UINT64_MAX;
        else if (f->untimed != UINT64_MAX)
                f->untimed += n + 1;
        return true;
}

/* ---- elsewhere ---- */

/* What the file has from `at` on, at most RV_LOG_LINE_MOST bytes: what was read last, where that has it. */
static const char *ahead(struct rv_logfile *f, uint64_t at, bool again, size_t *ret_n)
{
        if (again || at < f->ahead || at >= f->ahead + f->nahead) {
                ssize_t k = read_at(f, f->long_line, RV_LOG_LINE_MOST, at);
                f->ahead = at;
                f->nahead = k > 0 ? (size_t)k : 0;
        }
        *ret_n = f->nahead - (size_t)(at - f->ahead);
        return f->long_line + (at - f->ahead);
}

/* The first end of a line at or behind `at`, before `most`; `most` where there is none. */
static uint64_t next_line(struct rv_logfile *f, uint64_t at, uint64_t most)
{
        while (at < most) {
                size_t n;
                const char *s = ahead(f, at, false, &n),
                           *nl = memchr(s, '\n', n < most - at ? n : (size_t)(most - at));
                if (nl)
                        return at + (uint64_t)(nl - s) + 1;
                if (!n)
                        return most;
                at += n;
        }
        return most;
}

bool rv_logfile_bytes(struct rv_logfile *f, void *to, size_t n, uint64_t at)
{
        return read_at(f, to, n, at) == (ssize_t)n;
}

bool rv_logfile_at(struct rv_logfile *f, uint64_t at, struct rv_logplace *ret, uint64_t *ret_next)
{
        char before = 0;
        size_t n;
        bool near = at > f->ahead && at < f->ahead + f->nahead;
        if (near)
                before = f->long_line[at - 1 - f->ahead];
        if (at >= f->size || (at && ((!near && !rv_logfile_bytes(f, &before, 1, at - 1)) || before != '\n')))
                return false;
        const char *s = ahead(f, at, false, &n), *nl = n ? memchr(s, '\n', n) : NULL;
        if (!nl) /* its end is not at hand */
                s = ahead(f, at, true, &n), nl = n ? memchr(s, '\n', n) : NULL;
        if (!n)
                return false;
        rv_logplace_of(&f->clock, s, nl ? (uint64_t)(nl - s) : n, at, ret);
        if (ret_next)
                *ret_next = nl ? at + (uint64_t)(nl - s) + 1 : next_line(f, at + n, f->size);
        if (!nl && ret_next) { /* the text that was given has been read over */
                f->nahead = 0;
                s = ahead(f, at, true, &n);
        }
        return true;
}

enum found { FOUND, NONE, TOO_FAR };

/* The first line with a time at or behind `at`, and where the next begins. */
static enum found time_near(struct rv_logfile *f, uint64_t at, uint64_t most, struct rv_logline *ret,
                            uint64_t *ret_next)
{
        struct rv_logplace place;
        for (uint64_t begin = at; at < most; at = *ret_next) {
                if (at - begin > TIMELESS)
                        return TOO_FAR;
                if (!rv_logfile_at(f, at, &place, ret_next))
                        return NONE;
                if (place.line.when != RV_LOG_NO_TIME) {
                        *ret = place.line;
                        return FOUND;
                }
        }
        return NONE;
}

void rv_logfile_seek(struct rv_logfile *f, int64_t until)
{
        uint64_t lo = 0, hi = f->size, next;
        struct rv_logline line;
        while (hi - lo > NEAR) {
                uint64_t half = lo + (hi - lo) / 2, middle = next_line(f, half, hi);
                enum found found = time_near(f, middle, hi, &line, &next);
                if (found == TOO_FAR) /* what is behind it cannot be told: it is read */
                        break;
                if (found == NONE) { /* nothing there has a time: what is before may */
                        hi = half;
                        continue;
                }
                int64_t slack = line.local ? RV_LOG_LOCAL_SLACK : RV_LOG_SLACK;
                if (line.when > slack && line.when - slack > until)
                        hi = middle;
                else
                        lo = next;
        }
        /* Whole lines: hi may lie within one. What is behind it is later, or has no time. */
        f->at = hi < f->size ? next_line(f, hi, f->size) : f->size;
}
