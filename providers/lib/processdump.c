/* SPDX-License-Identifier: MIT */
#include "providers/lib/processdump.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gen/Process.h"
#include "providers/lib/beside.h"
#include "providers/lib/fill.h"
#include "providers/lib/processdo.h"
#include "providers/lib/procfs.h"
#include "providers/lib/tool.h"

enum { MOST_SECONDS = 600, SAID = 1024 };

struct request {
        char pid[16], start[24], path[PATH_MAX], seconds[16], what[64];
};

/* A place of its own for each, in a folder for what may be large and is kept over a boot; only root may read it. */
static int choose_path(const struct Process_CreateDump_in *in, struct request *r, struct rv_error *err)
{
        struct stat st;
        char when[32];
        time_t now = time(NULL);
        struct tm tm;
        rv_about(err, NULL, NULL, "Path");
        if (!in->has_Path) {
                strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
                snprintf(r->path, sizeof r->path, "/var/tmp/reeve-%s-%s.core", r->pid, when);
        } else if (in->Path[0] != '/' || in->Path_len >= sizeof r->path || strlen(in->Path) != in->Path_len ||
                   strchr(in->Path, '\n')) {
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.40s' is no absolute path", in->Path);
        } else {
                snprintf(r->path, sizeof r->path, "%s", in->Path);
        }
        if (lstat(r->path, &st) == 0)
                return rv_fail(err, RV_ALREADY_EXISTS, "%.200s is there already", r->path);
        rv_about(err, NULL, NULL, "");
        return RV_OK;
}

/* ---- running it ---- */

/* A child; its whole output comes at once. */
static int run_here(struct rv_call *c, const struct request *r, char said[SAID], struct rv_error *err)
{
        struct rv_tool_said out;
        const char *argv[] = { "/proc/self/exe", "--dump", r->pid, r->start, r->path, r->seconds, NULL };
        int e = rv_tool_run(&(struct rv_tool) { .argv = argv, .what = r->what, .deadline = c->deadline }, &out, err);
        if (e == RV_OK) {
                snprintf(said, SAID, "%s", out.text);
                rv_tool_free(&out);
        }
        return e;
}

static int run_beside(struct rv_call *c, const struct request *r, char said[SAID], struct rv_error *err)
{
        char unit[64];
        const char *argv[] = { "--dump", r->pid, r->start, r->path, r->seconds, NULL };
        snprintf(unit, sizeof unit, "reeve-dump-%s", r->pid);
        return rv_beside_run(&(struct rv_beside) { .unit = unit,
                                                   .what = r->what,
                                                   .argv = argv,
                                                   .seconds = MOST_SECONDS + 10,
                                                   .deadline = c->deadline },
                             said, SAID, err);
}

/* "done BYTES THREADS REGISTERS" or "fail STATUS TEXT" */
static int answer(struct rv_call *c, const struct request *r, char *said, struct rv_error *err)
{
        unsigned long long size;
        unsigned threads, registers, status;
        int at = 0;
        said[strcspn(said, "\n")] = 0;
        if (sscanf(said, "done %llu %u %u", &size, &threads, &registers) == 3) {
                rv_fill(c->out, Process_CreateDump_out_DumpFilePath, r->path);
                Process_CreateDump_out_set_Size(c->out, size);
                Process_CreateDump_out_set_Threads(c->out, threads);
                Process_CreateDump_out_set_ThreadsWithoutRegisters(c->out, threads - registers);
                Process_CreateDump_out_set_ReturnValue(c->out, 0);
                return RV_OK;
        }
        if (sscanf(said, "fail %u %n", &status, &at) == 1 && at)
                return rv_fail(err, (int)status, "%s", said + at);
        return rv_fail(err, RV_FAILED, "cannot %s: the program that writes it ended without a word", r->what);
}

int rv_process_create_dump(struct rv_call *c, const void *args, struct rv_error *err)
{
        struct request r = { 0 };
        struct rv_proc_stat s;
        char said[SAID] = "";
        int64_t boot;
        int fd, root, e;
        pid_t pid;
        e = rv_process_hold(&c->key[Process_ProcessId], &c->key[Process_CreationDate], &pid, &fd, err);
        if (e)
                return e;
        snprintf(r.pid, sizeof r.pid, "%d", (int)pid);
        snprintf(r.what, sizeof r.what, "dump process %d", (int)pid);
        e = choose_path(args, &r, err);
        if (e == RV_OK && (rv_proc_root(&root, &boot) || rv_proc_stat(root, pid, &s)))
                e = rv_fail(err, RV_NOT_FOUND, "process %d has ended", (int)pid);
        if (e == RV_OK) {
                uint64_t left = c->deadline > rv_now() ? (c->deadline - rv_now()) / 1000000000 : 0;
                snprintf(r.start, sizeof r.start, "%llu", (unsigned long long)s.f[22]);
                snprintf(r.seconds, sizeof r.seconds, "%u",
                         left < 2 ? 1 : left > MOST_SECONDS ? MOST_SECONDS : (unsigned)left - 1);
                rv_change(c, "DumpFilePath", NULL, r.path);
                if (c->what_if)
                        Process_CreateDump_out_set_ReturnValue(c->out, 0);
                else
                        e = rv_beside_wanted() ? run_beside(c, &r, said, err) : run_here(c, &r, said, err);
        }
        close(fd);
        return e || c->what_if ? e : answer(c, &r, said, err);
}
