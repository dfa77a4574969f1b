/* SPDX-License-Identifier: MIT
 *
 * LogChannel: the journal as a whole, and the text files below /var/log (two folders deep; packed and rotated ones are
 * left out).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/LogChannel.h"
#include "providers/lib/fill.h"
#include "providers/lib/tool.h"

static int emit_journal(struct rv_sink *out)
{
        sd_journal *j;
        uint64_t size = 0, from = 0, to = 0;
        if (sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY) < 0)
                return RV_OK;
        int e = RV_OK;
        if (sd_journal_has_persistent_files(j) > 0 || sd_journal_has_runtime_files(j) > 0) {
                struct rv_row *row = rv_row(out);
                rv_fill(row, LogChannel_Name, "journal");
                rv_fill(row, LogChannel_Kind, "Journal");
                if (sd_journal_get_usage(j, &size) >= 0)
                        LogChannel_set_FileSize(row, size);
                if (sd_journal_get_cutoff_realtime_usec(j, &from, &to) >= 0) {
                        LogChannel_set_OldestEntry(row, (int64_t)from * 1000);
                        LogChannel_set_LastModified(row, (int64_t)to * 1000);
                }
                e = rv_emit(out, row);
        }
        sd_journal_close(j);
        return e;
}

/* "x.gz", "x.1", "x.old", "x.1.log" are yesterday's; wtmp and the like are no text. */
static bool is_log(const char *name)
{
        static const char *const others[] = { ".gz",      ".xz", ".zst", ".bz2",    ".old",
                                              ".journal", ".0",  "tmp",  "lastlog", "faillog" };
        size_t n = strlen(name);
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
                size_t k = strlen(others[i]);
                if (n >= k && strcmp(name + n - k, others[i]) == 0)
                        return false;
        }
        const char *dot = strrchr(name, '.');
        return name[0] != '.' && !(dot && dot[1] && dot[1 + strspn(dot + 1, "0123456789")] == 0);
}

static int emit_folder(struct rv_sink *out, const char *path, int deep)
{
        DIR *d = opendir(path);
        int e = RV_OK;
        for (struct dirent *f; d && e == RV_OK && (f = readdir(d));) {
                char name[1024];
                struct stat st;
                if (f->d_name[0] == '.' ||
                    (size_t)snprintf(name, sizeof name, "%s/%s", path, f->d_name) >= sizeof name ||
                    fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (S_ISDIR(st.st_mode) && deep && strcmp(f->d_name, "journal") != 0)
                        e = emit_folder(out, name, deep - 1);
                if (!S_ISREG(st.st_mode) || !is_log(f->d_name))
                        continue;
                struct rv_row *row = rv_row(out);
                rv_fill(row, LogChannel_Name, name);
                rv_fill(row, LogChannel_Kind, "File");
                LogChannel_set_FileSize(row, (uint64_t)st.st_size);
                LogChannel_set_LastModified(row,
                                            st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
                LogChannel_set_Uid(row, st.st_uid);
                e = rv_emit(out, row);
        }
        if (d)
                closedir(d);
        return e;
}

static int logchannel_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        int e = emit_journal(out);
        if (e == RV_OK)
                e = emit_folder(out, "/var/log", 2);
        return e == RV_STOP ? RV_OK : e;
}

static int logchannel_vacuum(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LogChannel_Vacuum_in *in = args;
        const struct rv_arg *name = &c->key[LogChannel_Name];
        char size[48], age[48];
        const char *argv[5] = { "journalctl", "--rotate" };
        size_t n = 2;
        if (name->type == RV_NULL || strcmp(name->s, "journal") != 0) {
                rv_fail(err, RV_NOT_SUPPORTED,
                        "only the journal can be made smaller: files are rotated by logrotate");
                return rv_hint(err, "Name the journal.");
        }
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
        int e = rv_tool_do(&tool, c->what_if, err);
        if (e == RV_OK)
                LogChannel_Vacuum_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[LogChannel_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [LogChannel_method_Vacuum] = logchannel_vacuum
};

static const struct rv_provider logchannel = { .class = &LogChannel_class,
                                               .query = logchannel_query,
                                               .methods = methods };

RV_PROVIDERS(logchannel, &logchannel);
