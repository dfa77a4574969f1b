/* SPDX-License-Identifier: MIT
 *
 * What scripts expect of System.Diagnostics.Process and System.ServiceProcess.ServiceController beyond what their
 * classes declare: $p.WaitForExit(), $p.Kill(), $service.WaitForStatus('Running'). They end in the classes' own
 * methods, so what a role forbids stays forbidden. Children that Start-Process began are remembered here, for their
 * exit status.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/model.h"

/* ---- children ---- */

static struct child {
        struct child *next;
        pid_t pid;
        int status;
        bool ended;
} * children;

void sh_child_began(pid_t pid)
{
        struct child *c = calloc(1, sizeof *c);
        if (!c)
                return;
        c->pid = pid;
        c->next = children;
        children = c;
}

static struct child *child_of(pid_t pid)
{
        struct child *c = children;
        while (c && c->pid != pid)
                c = c->next;
        if (c && !c->ended && waitpid(pid, &c->status, WNOHANG) == pid)
                c->ended = true;
        return c;
}

void sh_child_ended(pid_t pid, int status)
{
        struct child *c = child_of(pid);
        if (c) {
                c->status = status;
                c->ended = true;
        }
}

static uint64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool sh_process_over(pid_t pid)
{
        struct child *c = child_of(pid);
        return c ? c->ended : kill(pid, 0) < 0 && errno == ESRCH;
}

/* SH_OK: it is over; SH_NONE: the time is; else what sh_check() said. timeout_ms -1: as long as it takes. */
int sh_process_wait(struct sh *sh, pid_t pid, int64_t timeout_ms)
{
        uint64_t end = now_ms() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms);
        int fd = (int)syscall(SYS_pidfd_open, pid, 0), st = SH_OK;
        while (st == SH_OK && !sh_process_over(pid)) {
                uint64_t now = now_ms();
                if (timeout_ms >= 0 && now >= end) {
                        st = SH_NONE;
                        break;
                }
                int turn = timeout_ms >= 0 && end - now < 200 ? (int)(end - now) : 200;
                struct pollfd p = { fd, POLLIN, 0 };
                poll(&p, fd >= 0, fd >= 0 ? turn : turn < 20 ? turn : 20);
                st = sh_check(sh);
        }
        if (fd >= 0)
                close(fd);
        return st;
}

/* ---- Process ---- */

static pid_t pid_of(struct sh *sh, struct sv self)
{
        struct sv v = SH_NIL;
        int64_t pid = 0;
        if (sh_get(sh, self, "ProcessId", 9, &v) == SH_OK)
                sh_to_int64(sh, v, &pid);
        sh_drop(v);
        return (pid_t)pid;
}

static int process_has_exited(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        *ret = sh_bool(sh_process_over(pid_of(sh, self)));
        return SH_OK;
}

static int process_exit_code(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct child *c = child_of(pid_of(sh, self));
        *ret = c && c->ended
                       ? sh_int(WIFEXITED(c->status) ? WEXITSTATUS(c->status) : 128 + WTERMSIG(c->status))
                       : SH_NIL;
        return SH_OK;
}

static int process_wait(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int64_t ms = -1;
        if (a.n && !sh_to_int64(sh, a.v[0], &ms))
                return sh_throw(sh, "MethodArgumentConversionInvalidCastArgument", "InvalidArgument", a.v[0],
                                "WaitForExit takes a number of milliseconds.");
        int st = sh_process_wait(sh, pid_of(sh, self), ms);
        *ret = a.n ? sh_bool(st == SH_OK) : SH_NOTHING;
        return st == SH_NONE ? SH_OK : st;
}

/* A method of the class without arguments, or with the ones given as JSON. */
static int call(struct sh *sh, struct sv self, const char *method, const char *in, struct sv *ret)
{
        struct sh_model_row *r = sh_model_row_of(self);
        struct rv_buf out = { 0 };
        struct rv_error err = { 0 };
        *ret = SH_NOTHING;
        int e = sh_model_invoke(r->class->link, r->class->c, r, method, in, strlen(in), (struct sh_how) { 0 },
                                &out, &err);
        rv_buf_free(&out);
        return e ? sh_model_throw(sh, &err, self) : SH_OK;
}

static int process_kill(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        *ret = SH_NOTHING;
        return sh_process_over(pid_of(sh, self)) ? SH_OK
                                                 : call(sh, self, "SendSignal", "{\"Signal\":\"KILL\"}", ret);
}

static int refresh(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        *ret = SH_NOTHING;
        return sh_model_refresh(sh, sh_model_row_of(self));
}

static int nothing_to_close(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        *ret = SH_NOTHING;
        return SH_OK;
}

static const struct sh_member process_members[] = {
        SH_P("HasExited", "bool HasExited {get;}", process_has_exited),
        SH_P("ExitCode", "int ExitCode {get;}", process_exit_code),
        SH_M("WaitForExit", "void WaitForExit(), bool WaitForExit(int milliseconds)", process_wait),
        SH_M("Kill", "void Kill(), void Kill(bool entireProcessTree)", process_kill),
        SH_M("Refresh", "void Refresh()", refresh),
        SH_M("Dispose", "void Dispose()", nothing_to_close),
        SH_M("Close", "void Close()", nothing_to_close),
};

/* ---- ServiceController ---- */

static int service_start(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        return call(sh, self, "StartService", "{}", ret);
}
static int service_stop(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        return call(sh, self, "StopService", "{}", ret);
}
static int service_pause(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        return call(sh, self, "PauseService", "{}", ret);
}
static int service_continue(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        return call(sh, self, "ResumeService", "{}", ret);
}

static bool has_status(struct sh *sh, struct sv self, struct sv want)
{
        struct sv v = SH_NIL;
        bool same = sh_get(sh, self, "State", 5, &v) == SH_OK && sh_equal(sh, v, want, true);
        sh_drop(v);
        return same;
}

/* WaitForStatus('Running'), WaitForStatus('Running', '00:00:10') */
static int service_wait(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv span = SH_NIL;
        *ret = SH_NOTHING;
        if (!a.n)
                return sh_throw(
                        sh, "MethodCountCouldNotFindBest", "NotSpecified", SH_NIL,
                        "WaitForStatus takes a status, and a time span if it is not to wait for ever.");
        if (a.n > 1) {
                int st = sh_convert(sh, a.v[1], sh_kind_type(SH_TIMESPAN), &span);
                if (st)
                        return st;
        }
        uint64_t end = now_ms() + (span.kind == SH_TIMESPAN ? (uint64_t)(span.i / 10000) : 0);
        int st = sh_model_refresh(sh, sh_model_row_of(self));
        while (st == SH_OK && !has_status(sh, self, a.v[0])) {
                if (span.kind == SH_TIMESPAN && now_ms() >= end)
                        return sh_throw(sh, "TimeoutException", "OperationTimeout", self,
                                        "Time out has expired and the operation has not been completed.");
                nanosleep(&(struct timespec) { .tv_nsec = 100000000 }, NULL);
                st = sh_check(sh);
                if (st == SH_OK)
                        st = sh_model_refresh(sh, sh_model_row_of(self));
        }
        return st;
}

static const struct sh_member service_members[] = {
        SH_M("Start", "void Start()", service_start),
        SH_M("Stop", "void Stop()", service_stop),
        SH_M("Pause", "void Pause()", service_pause),
        SH_M("Continue", "void Continue()", service_continue),
        SH_M("WaitForStatus",
             "void WaitForStatus(string desiredStatus), void WaitForStatus(string desiredStatus, timespan "
             "timeout)",
             service_wait),
        SH_M("Refresh", "void Refresh()", refresh),
        SH_M("Dispose", "void Dispose()", nothing_to_close),
        SH_M("Close", "void Close()", nothing_to_close),
};

const struct sh_member *sh_model_extras(const char *type_name, uint32_t *ret_n)
{
        *ret_n = 0;
        if (strcmp(type_name, "System.Diagnostics.Process") == 0) {
                *ret_n = sizeof process_members / sizeof *process_members;
                return process_members;
        }
        if (strcmp(type_name, "System.ServiceProcess.ServiceController") == 0) {
                *ret_n = sizeof service_members / sizeof *service_members;
                return service_members;
        }
        return NULL;
}

const struct sh_type *const sh_types_process[] = { NULL };
