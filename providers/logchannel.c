/* SPDX-License-Identifier: MIT
 *
 * LogChannel: the journal as a whole, and the text files below /var/log with those that they were rotated to.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/LogChannel.h"
#include "providers/lib/copyfile.h"
#include "providers/lib/fill.h"
#include "providers/lib/replace.h"
#include "providers/lib/tool.h"
#include "providers/log/channel.h"
#include "providers/log/file.h"
#include "providers/log/journald.h"
#include "providers/log/packed.h"

struct channels {
        const struct rv_query *q;
        struct rv_sink *out;
};

/* ---- the journal ---- */

static uint64_t count_entries(const struct rv_query *q, sd_journal *j)
{
        uint64_t n = 0;
        sd_journal_seek_head(j);
        while (sd_journal_next(j) > 0 && (++n % 65536 || !rv_cancelled(q->call)))
                ;
        return n;
}

static int emit_journal(const struct rv_query *q, struct rv_sink *out)
{
        sd_journal *j;
        uint64_t size = 0, from = 0, to = 0;
        struct rv_journald_limits limits;
        if (sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY) < 0)
                return RV_OK;
        int e = RV_OK;
        if (sd_journal_has_persistent_files(j) > 0 || sd_journal_has_runtime_files(j) > 0) {
                struct rv_row *row = rv_row(out);
                rv_fill(row, LogChannel_Name, "journal");
                rv_fill(row, LogChannel_Kind, "Journal");
                if (sd_journal_get_usage(j, &size) >= 0) {
                        LogChannel_set_FileSize(row, size);
                        LogChannel_set_TotalSize(row, size);
                }
                if (sd_journal_get_cutoff_realtime_usec(j, &from, &to) >= 0) {
                        LogChannel_set_OldestEntry(row, (int64_t)from * 1000);
                        LogChannel_set_NewestEntry(row, (int64_t)to * 1000);
                        LogChannel_set_LastModified(row, (int64_t)to * 1000);
                }
                LogChannel_set_IsPersistent(row, sd_journal_has_persistent_files(j) > 0);
                rv_journald_limits(&limits);
                if (limits.size)
                        LogChannel_set_MaximumSize(row, limits.size);
                if (limits.age)
                        LogChannel_set_MaximumAge(row, limits.age);
                if (LogChannel_wants_NumberOfRecords(row))
                        LogChannel_set_NumberOfRecords(row, count_entries(q, j));
                e = rv_emit(out, row);
        }
        sd_journal_close(j);
        return e;
}

/* ---- files ---- */

static void fill_count(struct rv_row *row, const struct rv_query *q, const char *path)
{
        enum { PART = 256 << 10 };
        int fd = rv_logchannel_open(path, O_RDONLY);
        char *buf = fd < 0 ? NULL : malloc(PART);
        uint64_t lines = 0;
        ssize_t n = -1;
        char last = '\n';
        while (buf && !rv_cancelled(q->call) && (n = read(fd, buf, PART)) > 0) {
                for (const char *p = buf; (p = memchr(p, '\n', (size_t)(buf + n - p))); p++)
                        lines++;
                last = buf[n - 1];
        }
        if (n == 0)
                LogChannel_set_NumberOfRecords(row, lines + (last != '\n'));
        free(buf);
        if (fd >= 0)
                close(fd);
}

/* The first time among the first lines of a log's oldest file. */
static bool oldest_time(const struct rv_logname *f, int64_t *ret)
{
        enum { PART = 64 << 10 };
        struct rv_logline line;
        struct rv_logclock clock = { .latest = f->modified == INT64_MAX ? time(NULL)
                                                                        : f->modified / 1000000000 };
        int fd = f->packing == RV_LOG_OTHER ? -1 : rv_logchannel_open(f->path, O_RDONLY);
        char *buf = fd < 0 ? NULL : malloc(PART);
        ssize_t n = !buf                        ? 0
                    : f->packing == RV_LOG_GZIP ? rv_packed_head(fd, buf, PART)
                                                : pread(fd, buf, PART, 0);
        bool found = false;
        for (const char *s = buf, *nl; n > 0 && !found && s < buf + n; s = nl + 1) {
                size_t left = (size_t)(buf + n - s);
                if (!(nl = memchr(s, '\n', left)))
                        nl = s + left;
                rv_logline_parse(&clock, s, (size_t)(nl - s), &line);
                if ((found = line.when != RV_LOG_NO_TIME))
                        *ret = line.when;
        }
        free(buf);
        if (fd >= 0)
                close(fd);
        return found;
}

static bool newest_time(const char *path, int64_t *ret)
{
        int error, fd = rv_logchannel_open(path, O_RDONLY);
        struct rv_logfile *f = fd < 0 ? NULL : rv_logfile_open(fd, false, &error);
        struct rv_logplace place;
        bool found = false;
        for (int i = 0; f && !found && i < 200 && rv_logfile_previous(f, &place); i++)
                if ((found = place.line.when != RV_LOG_NO_TIME))
                        *ret = place.line.when;
        rv_logfile_close(f);
        return found;
}

static void fill_rotated(struct rv_row *row, const char *path)
{
        size_t n = 0, count = 0;
        uint64_t total = 0;
        int64_t oldest;
        struct rv_logname *files = rv_logchannel_files(path, &n);
        for (size_t i = 0; i < n; i++) {
                total += files[i].size;
                count += strcmp(files[i].path, path) != 0;
        }
        if (n)
                LogChannel_set_TotalSize(row, total);
        rv_list list = count && LogChannel_wants_RotatedFiles(row)
                               ? LogChannel_set_RotatedFiles(row, (uint32_t)count)
                               : 0;
        for (size_t i = 0, k = 0; list && i < n; i++)
                if (strcmp(files[i].path, path) != 0)
                        rv_item_string(row, list, (uint32_t)k++, files[i].path, strlen(files[i].path));
        if (n && LogChannel_wants_OldestEntry(row) && oldest_time(&files[n - 1], &oldest))
                LogChannel_set_OldestEntry(row, oldest);
        free(files);
}

static int emit_file(void *state, const char *path, const struct stat *st)
{
        struct channels *c = state;
        const struct rv_arg *name = rv_equals(c->q, LogChannel_Name);
        int64_t newest;
        if (name && strcmp(name->s, path) != 0)
                return RV_OK;
        struct rv_row *row = rv_row(c->out);
        rv_fill(row, LogChannel_Name, path);
        rv_fill(row, LogChannel_Kind, "File");
        LogChannel_set_FileSize(row, (uint64_t)st->st_size);
        LogChannel_set_LastModified(row, st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec);
        LogChannel_set_Uid(row, st->st_uid);
        LogChannel_set_IsPersistent(row, true);
        if (LogChannel_wants_TotalSize(row) || LogChannel_wants_RotatedFiles(row) ||
            LogChannel_wants_OldestEntry(row))
                fill_rotated(row, path);
        if (LogChannel_wants_NewestEntry(row) && newest_time(path, &newest))
                LogChannel_set_NewestEntry(row, newest);
        if (LogChannel_wants_NumberOfRecords(row))
                fill_count(row, c->q, path);
        return rv_cancelled(c->q->call) ? RV_STOP : rv_emit(c->out, row);
}

static int logchannel_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct channels c = { q, out };
        const struct rv_arg *name = rv_equals(q, LogChannel_Name);
        (void)err;
        int e = !name || strcasecmp(name->s, "journal") == 0 ? emit_journal(q, out) : RV_OK;
        if (e == RV_OK)
                e = rv_logchannels(emit_file, &c);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changing ---- */

/* *ret_journal: it is the journal; else `path` is a log that is there. */
static int which(struct rv_call *c, bool *ret_journal, const char **ret_path, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[LogChannel_Name];
        char base[RV_LOG_PATH];
        *ret_path = name->type == RV_STRING ? name->s : "";
        *ret_journal = strcasecmp(*ret_path, "journal") == 0;
        if (*ret_journal)
                return RV_OK;
        int fd = rv_logchannel_is(*ret_path, base) && strcmp(base, *ret_path) == 0
                         ? rv_logchannel_open(base, O_RDONLY)
                         : -ENOENT;
        if (fd < 0) {
                rv_fail(err, RV_NOT_FOUND, "there is no log %.200s", *ret_path);
                return rv_hint(err, "Get-LogChannel lists them.");
        }
        close(fd);
        return RV_OK;
}

static int journal_only(struct rv_call *c, const char *what, struct rv_error *err)
{
        bool journal;
        const char *path;
        int e = which(c, &journal, &path, err);
        if (e || journal)
                return e;
        rv_fail(err, RV_NOT_SUPPORTED, "%s: files are rotated by logrotate, by its own configuration", what);
        return rv_hint(err, "Name the journal. Clear empties a file.");
}

static int logchannel_vacuum(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LogChannel_Vacuum_in *in = args;
        char size[48], age[48];
        const char *argv[5] = { "journalctl", "--rotate" };
        size_t n = 2;
        int e = journal_only(c, "only the journal can be made smaller", err);
        if (e)
                return e;
        if (!in->has_MaximumSize && !in->has_MaximumAge)
                return rv_fail(err, RV_INVALID_PARAMETER, "give MaximumSize or MaximumAge");
        snprintf(size, sizeof size, "--vacuum-size=%" PRIu64, in->MaximumSize);
        snprintf(age, sizeof age, "--vacuum-time=%" PRIu64 "s", in->MaximumAge);
        if (in->has_MaximumSize)
                argv[n++] = size;
        if (in->has_MaximumAge)
                argv[n++] = age;
        rv_change(c, "FileSize", NULL, in->has_MaximumSize ? size + 14 : age + 14);
        struct rv_tool tool = { .argv = argv, .what = "make the journal smaller", .deadline = c->deadline };
        e = rv_tool_do(&tool, c->what_if, err);
        if (e == RV_OK)
                LogChannel_Vacuum_out_set_ReturnValue(c->out, 0);
        return e;
}

/* A copy that nothing had the name of: the journal in its export format, a file as it is. */
static int back_up(struct rv_call *c, bool journal, const char *path, const char *to, struct rv_error *err)
{
        struct stat st;
        if (*to != '/' || strlen(to) >= PATH_MAX - 80)
                return rv_fail(err, RV_INVALID_PARAMETER, "a backup needs an absolute path");
        if (lstat(to, &st) == 0)
                return rv_fail(err, RV_ALREADY_EXISTS, "%.200s is there already", to);
        rv_change(c, "Backup", NULL, to);
        int r = c->what_if ? 0 : journal ? rv_journald_export(c, to) : rv_copy_file(c, path, to, false);
        return r ? rv_fail_errno(err, -r, "cannot write %.200s", to) : RV_OK;
}

static int logchannel_backup(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LogChannel_BackupEventlog_in *in = args;
        bool journal;
        const char *path;
        int e = which(c, &journal, &path, err);
        if (e == RV_OK)
                e = back_up(c, journal, path, in->ArchiveFileName, err);
        if (e == RV_OK)
                LogChannel_BackupEventlog_out_set_ReturnValue(c->out, 0);
        return e;
}

static int empty(struct rv_call *c, bool journal, const char *path, struct rv_error *err)
{
        struct rv_tool tool = { .argv = (const char *[]) { "journalctl", "--rotate", "--vacuum-time=1us",
                                                           NULL },
                                .what = "clear the journal",
                                .deadline = c->deadline };
        rv_change(c, "FileSize", NULL, "0");
        if (journal)
                return rv_tool_do(&tool, c->what_if, err);
        int fd = c->what_if ? 0 : rv_logchannel_open(path, O_WRONLY);
        if (fd < 0 || (!c->what_if && ftruncate(fd, 0) < 0))
                rv_fail_errno(err, fd < 0 ? -fd : errno, "cannot empty %.200s", path);
        if (!c->what_if && fd >= 0)
                close(fd);
        return err->code;
}

static int logchannel_clear(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LogChannel_ClearEventlog_in *in = args;
        bool journal;
        const char *path;
        int e = which(c, &journal, &path, err);
        if (e == RV_OK && in->has_ArchiveFileName)
                e = back_up(c, journal, path, in->ArchiveFileName, err);
        if (e == RV_OK)
                e = empty(c, journal, path, err);
        if (e == RV_OK)
                LogChannel_ClearEventlog_out_set_ReturnValue(c->out, 0);
        return e;
}

static int logchannel_retention(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LogChannel_SetRetention_in *in = args;
        char from[32] = "", to[32];
        int e = journal_only(c, "only the journal's retention is set", err);
        if (e)
                return e;
        if (!in->has_MaximumSize && !in->has_MaximumAge)
                return rv_fail(err, RV_INVALID_PARAMETER, "give MaximumSize or MaximumAge");
        struct rv_journald_limits limits;
        rv_journald_limits(&limits);
        snprintf(from, sizeof from, "%" PRIu64, limits.size),
                snprintf(to, sizeof to, "%" PRIu64, in->MaximumSize);
        if (in->has_MaximumSize && limits.size != in->MaximumSize)
                rv_change(c, "MaximumSize", limits.size ? from : NULL, to);
        snprintf(from, sizeof from, "%" PRIu64, limits.age),
                snprintf(to, sizeof to, "%" PRIu64, in->MaximumAge);
        if (in->has_MaximumAge && limits.age != in->MaximumAge)
                rv_change(c, "MaximumAge", limits.age ? from : NULL, to);
        limits.size = in->has_MaximumSize ? in->MaximumSize : limits.size;
        limits.age = in->has_MaximumAge ? in->MaximumAge : limits.age;
        int r = c->what_if ? 0 : rv_journald_set_limits(&limits);
        if (r)
                return rv_fail_errno(err, -r, "cannot write journald's configuration");
        struct rv_tool tool = { .argv = (const char *[]) { "systemctl", "restart", "systemd-journald.service",
                                                           NULL },
                                .what = "have journald read its configuration",
                                .deadline = c->deadline };
        e = rv_tool_do(&tool, c->what_if, err);
        if (e == RV_OK)
                LogChannel_SetRetention_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[LogChannel_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [LogChannel_method_Vacuum] = logchannel_vacuum,
        [LogChannel_method_ClearEventlog] = logchannel_clear,
        [LogChannel_method_BackupEventlog] = logchannel_backup,
        [LogChannel_method_SetRetention] = logchannel_retention
};

static const struct rv_provider logchannel = { .class = &LogChannel_class,
                                               .query = logchannel_query,
                                               .methods = methods };

RV_PROVIDERS(logchannel, &logchannel);
