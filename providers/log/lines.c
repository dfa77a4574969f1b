/* SPDX-License-Identifier: MIT
 *
 * Log files as a source of entries. A cursor names a line by its log, its place in the file and its hash, so that it is
 * found again after the file was renamed, copied or packed: "f=PLACE;h=HASH;/var/log/syslog".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gen/LogEntry.h"
#include "providers/lib/fill.h"
#include "providers/log/channel.h"
#include "providers/log/file.h"
#include "providers/log/source.h"

const char *const rv_log_levels[8] = { "Emergency", "Alert",  "Critical",    "Error",
                                       "Warning",   "Notice", "Information", "Debug" };

struct lines {
        struct rv_logsource source;
        const struct rv_query *q;
        struct rv_sink *out;
        char base[RV_LOG_PATH];
        struct rv_logname *files;
        size_t nfiles, next; /* next: the file to be opened when the one at hand ends */
        struct rv_logfile *file;
        struct rv_logplace place;
        int64_t since, until;
        bool timed;      /* since or until was given */
        int least, most; /* priorities */
        bool ranked;
        uint32_t pid;
        unsigned looks;
};

#define OF(s) ((struct lines *)(s))

/* ---- rows ---- */

static void fill_text(struct rv_row *row, unsigned p, const struct rv_logtext *t)
{
        rv_fill_n(row, p, t->s, t->n);
}

void rv_logline_fill(struct rv_row *row, const struct rv_logplace *p, const char *base, const char *path)
{
        const struct rv_logline *l = &p->line;
        if (LogEntry_wants_Cursor(row)) {
                char cursor[RV_LOG_PATH + 64];
                int n = snprintf(cursor, sizeof cursor, RV_LOG_CURSOR "%" PRIx64 ";h=%" PRIx64 ";%s", p->at,
                                 rv_logline_hash(&p->text), base);
                rv_fill_n(row, LogEntry_Cursor, cursor, (size_t)n);
        }
        rv_fill(row, LogEntry_LogName, base);
        rv_fill(row, LogEntry_Path, path);
        if (l->when != RV_LOG_NO_TIME)
                LogEntry_set_TimeGenerated(row, l->when);
        fill_text(row, LogEntry_Message, &l->message);
        fill_text(row, LogEntry_ProviderName, &l->program);
        fill_text(row, LogEntry_HostName, &l->host);
        if (l->priority >= 0) {
                LogEntry_set_Priority(row, (uint8_t)l->priority);
                rv_fill(row, LogEntry_LevelDisplayName, rv_log_levels[l->priority]);
        }
        if (l->facility >= 0)
                LogEntry_set_Facility(row, (uint8_t)l->facility);
        if (l->pid)
                LogEntry_set_ProcessId(row, l->pid);
        if (LogEntry_wants_Fields(row)) {
                rv_list list = LogEntry_set_Fields(row, 2);
                rv_item_string(row, list, 0, "LINE", 4);
                rv_item_string(row, list, 1, p->text.s, p->text.n);
        }
}

static void fill(struct rv_logsource *s, struct rv_row *row)
{
        struct lines *l = OF(s);
        rv_logline_fill(row, &l->place, l->base, l->files[l->next - 1].path);
}

/* ---- one after the other ---- */

static void not_read(struct lines *l, const char *path, const char *why)
{
        struct rv_error e = { 0 };
        rv_fail(&e, RV_UNAVAILABLE, "%.200s is not read: %s", path, why);
        rv_partial(l->out, &e);
}

/* The next file of the log that can be read. False: there is none. */
static bool open_next(struct lines *l)
{
        l->file = rv_logfile_close(l->file);
        while (l->next < l->nfiles) {
                const struct rv_logname *f = &l->files[l->next++];
                int error, fd;
                if (l->since != INT64_MIN && l->next > 1 && f->modified != INT64_MAX &&
                    f->modified < l->since - RV_LOG_SLACK)
                        return false; /* it was written last before that, and those behind it earlier */
                if (f->packing == RV_LOG_OTHER) {
                        not_read(l, f->path, "it is packed by another program than gzip");
                        continue;
                }
                if ((fd = rv_logchannel_open(f->path, O_RDONLY)) < 0) {
                        if (fd != -ENOENT)
                                not_read(l, f->path, strerror(-fd));
                        continue;
                }
                if (!(l->file = rv_logfile_open(fd, f->packing == RV_LOG_GZIP, &error))) {
                        not_read(l, f->path, error == EBADMSG ? "it is no gzip" : strerror(error));
                        continue;
                }
                if (l->until != INT64_MAX)
                        rv_logfile_seek(l->file, l->until);
                return true;
        }
        return false;
}

static bool may_be(const struct lines *l, unsigned property, const struct rv_logtext *t)
{
        return !t->n || rv_may_be(l->q, property, t->s, t->n);
}

/* Cheaper than a row that the core throws away. */
static bool is_wanted(const struct lines *l)
{
        const struct rv_logline *x = &l->place.line;
        if (l->timed && x->when == RV_LOG_NO_TIME)
                return false;
        if (l->ranked && (x->priority < l->least || x->priority > l->most))
                return false;
        return (!l->pid || l->pid == x->pid) &&
               (!l->q->filter ||
                (may_be(l, LogEntry_ProviderName, &x->program) && may_be(l, LogEntry_Message, &x->message) &&
                 may_be(l, LogEntry_HostName, &x->host)));
}

static int previous(struct rv_logsource *s)
{
        struct lines *l = OF(s);
        while (l->file || open_next(l)) {
                if (!rv_logfile_previous(l->file, &l->place)) {
                        l->file = rv_logfile_close(l->file);
                        continue;
                }
                const struct rv_logline *x = &l->place.line;
                if (++l->looks % 4096 == 0 && rv_cancelled(l->q->call))
                        return RV_STOP;
                if (x->when != RV_LOG_NO_TIME) {
                        s->when = x->when;
                        if (l->since != INT64_MIN &&
                            x->when < l->since - (x->local ? RV_LOG_LOCAL_SLACK : RV_LOG_SLACK))
                                return RV_STOP;
                } else if (l->timed && rv_logfile_timeless(l->file)) {
                        l->file = rv_logfile_close(l->file);
                        continue;
                }
                if (is_wanted(l))
                        return RV_OK;
        }
        return RV_STOP;
}

static void close_lines(struct rv_logsource *s)
{
        rv_logfile_close(OF(s)->file);
        free(OF(s)->files);
        free(s);
}

/* ---- opening ---- */

static void read_query(struct lines *l)
{
        const struct rv_arg *least, *most, *level = rv_equals(l->q, LogEntry_LevelDisplayName),
                                           *pid = rv_equals(l->q, LogEntry_ProcessId);
        rv_bounds(l->q, LogEntry_TimeGenerated, &least, &most);
        l->since = least ? least->i : INT64_MIN;
        l->until = most ? most->i : INT64_MAX;
        l->timed = least || most;
        rv_bounds(l->q, LogEntry_Priority, &least, &most);
        l->least = least && least->u < 8 ? (int)least->u : 0;
        l->most = most && most->u < 7 ? (int)most->u : 7;
        l->ranked = least || most;
        for (int i = 0; level && i < 8; i++)
                if (strcasecmp(rv_log_levels[i], level->s) == 0)
                        l->least = l->most = i, l->ranked = true;
        l->pid = pid ? (uint32_t)pid->u : 0;
}

static struct lines *lines_new(const struct rv_query *q, struct rv_sink *out)
{
        struct lines *l = calloc(1, sizeof *l);
        if (l)
                *l = (struct lines) { .source = { .previous = previous,
                                                  .fill = fill,
                                                  .close = close_lines,
                                                  .when = INT64_MAX },
                                      .q = q,
                                      .out = out };
        return l;
}

int rv_logsource_file(const struct rv_query *q, struct rv_sink *out, const char *path, bool single,
                      struct rv_logsource **ret, struct rv_error *err)
{
        char base[RV_LOG_PATH];
        *ret = NULL;
        if (!rv_logchannel_is(path, base)) {
                rv_fail(err, RV_INVALID_PARAMETER,
                        "there is no log %.200s: logs are text files below " RV_LOG_ROOT, path);
                return rv_hint(err, "Get-LogChannel lists them; Get-Content reads other files, as you.");
        }
        struct lines *l = lines_new(q, out);
        if (!l)
                return -ENOMEM;
        read_query(l);
        snprintf(l->base, sizeof l->base, "%s", base);
        l->files = rv_logchannel_files(base, &l->nfiles);
        size_t n = 0;
        for (size_t i = 0; single && i < l->nfiles; i++)
                if (strcmp(l->files[i].path, path) == 0)
                        l->files[n++] = l->files[i];
        if (single)
                l->nfiles = n;
        else if (strcmp(base, path) != 0) { /* a log is named by the file that is written */
                close_lines(&l->source);
                rv_fail(err, RV_INVALID_PARAMETER, "%.200s is a part of the log %.200s", path, base);
                return rv_hint(err, "Ask for that LogName, or for the file alone by its Path.");
        }
        if (!l->nfiles) {
                close_lines(&l->source);
                rv_fail(err, RV_NOT_FOUND, "there is no log %.200s", path);
                return rv_hint(err, "Get-LogChannel lists the logs.");
        }
        *ret = &l->source;
        return RV_OK;
}

int rv_logsource_line(const struct rv_query *q, const char *cursor, struct rv_logsource **ret)
{
        uint64_t at, hash;
        int n = 0;
        char base[RV_LOG_PATH];
        *ret = NULL;
        if (sscanf(cursor, RV_LOG_CURSOR "%" SCNx64 ";h=%" SCNx64 ";%n", &at, &hash, &n) != 2 || !n ||
            !rv_logchannel_is(cursor + n, base) || strcmp(base, cursor + n) != 0)
                return RV_OK;
        struct lines *l = lines_new(q, NULL);
        if (!l)
                return -ENOMEM;
        snprintf(l->base, sizeof l->base, "%s", base);
        l->files = rv_logchannel_files(base, &l->nfiles);
        while (l->next < l->nfiles && !rv_cancelled(q->call)) {
                const struct rv_logname *f = &l->files[l->next++];
                int error, fd;
                if (f->packing == RV_LOG_OTHER || (f->packing == RV_LOG_PLAIN && f->size <= at) ||
                    (fd = rv_logchannel_open(f->path, O_RDONLY)) < 0)
                        continue;
                l->file = rv_logfile_open(fd, f->packing == RV_LOG_GZIP, &error);
                if (l->file && rv_logfile_at(l->file, at, &l->place, NULL) &&
                    rv_logline_hash(&l->place.text) == hash) {
                        *ret = &l->source;
                        return RV_OK;
                }
                l->file = rv_logfile_close(l->file);
        }
        close_lines(&l->source);
        return RV_OK;
}
