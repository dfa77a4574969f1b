/* SPDX-License-Identifier: MIT
 *
 * Wait-Process: until processes have ended, by pidfd where the kernel has it: no polling of /proc.
 */
#include "shell/code.h"
#include "shell/text.h"
#include "shell/types.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
static int wait_pid(struct sh_cmd *c, int64_t pid)
{
        int64_t seconds = sh_arg_int(c, "Timeout", -1),
                until = seconds < 0 ? INT64_MAX : now_ms() + seconds * 1000;
        int fd = pid > 0 && pid <= INT32_MAX ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0)
                                             : (errno = ESRCH, -1);
        struct sv target = sh_int((int32_t)pid);
        int st = SH_OK;
        if (fd < 0)
                return sh_cmd_error(c, "NoProcessFoundForGivenId", "ObjectNotFound", target,
                                    "Cannot find a process with the process identifier %lld.",
                                    (long long)pid);
        for (bool ended = false; st == SH_OK && !ended;) {
                struct pollfd p = { fd, POLLIN, 0 };
                int64_t left = until - now_ms();
                if (left <= 0) {
                        st = sh_cmd_error(c, "ProcessNotTerminated", "CloseError", target,
                                          "This command stopped operation because process \"%lld\" is not "
                                          "stopped in the specified "
                                          "time-out.",
                                          (long long)pid);
                        break;
                }
                ended = poll(&p, 1, left > 100 ? 100 : (int)left) > 0;
                st = sh_check(sh_session(c));
        }
        close(fd);
        return st;
}
/* Processes of that name, as Get-Process shows it. */
static int wait_name(struct sh_cmd *c, const char *name)
{
        DIR *d = opendir("/proc");
        char path[64], comm[64];
        bool found = false;
        int st = SH_OK;
        for (struct dirent *e; d && st == SH_OK && (e = readdir(d));) {
                int64_t pid = strtoll(e->d_name, NULL, 10);
                if (pid <= 0 || pid == getpid())
                        continue;
                snprintf(path, sizeof(path), "/proc/%lld/comm", (long long)pid);
                FILE *f = fopen(path, "re");
                if (!f)
                        continue;
                if (fgets(comm, sizeof(comm), f)) {
                        comm[strcspn(comm, "\n")] = 0;
                        if (sh_wildcard(name, strlen(name), comm, strlen(comm), false)) {
                                found = true;
                                st = wait_pid(c, pid);
                        }
                }
                fclose(f);
        }
        if (d)
                closedir(d);
        if (st == SH_OK && !found && !sh_has_wildcard(name, strlen(name))) {
                struct sv t = sh_text(name);
                st = sh_cmd_error(c, "NoProcessFoundForGivenName", "ObjectNotFound", t,
                                  "Cannot find a process with the name \"%s\". Verify the process name and "
                                  "call the cmdlet again.",
                                  name);
                sh_drop(t);
        }
        return st;
}
static int wait_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv ids = sh_arg(c, "Id"), names = sh_arg(c, "Name"), item;
        size_t pos = 0;
        int64_t pid;
        int st = SH_OK;
        sh_host_flush(sh_session(c));
        while (st == SH_OK && !sh_is_null(ids) && sh_next(ids, &pos, &item)) {
                if (sh_to_int64(sh_session(c), item, &pid))
                        st = wait_pid(c, pid);
                sh_drop(item);
        }
        for (pos = 0; st == SH_OK && !sh_is_null(names) && sh_next(names, &pos, &item); sh_drop(item)) {
                struct sv t = sh_to_text(sh_session(c), item);
                st = wait_name(c, t.s->s);
                sh_drop(t);
        }
        return st;
}
static const struct sh_cmdlet wait_cmdlet = {
        .name = "Wait-Process",
        .synopsis = "Waits until processes have ended.",
        .default_set = "Name",
        .process = wait_process,
        .params =
                (const struct sh_param[]) {
                        { "Name", .type = "string[]", .position = 1, .mandatory = true, .sets = "Name",
                          .alias = "ProcessName", .wildcard = true,
                          .help = "By name; wildcards are resolved." },
                        { "Id", .type = "int[]", .mandatory = true, .sets = "Id", .alias = "PID,ProcessId",
                          .from_property = true, .help = "By number." },
                        { "Timeout", .type = "int", .position = 2, .alias = "TimeoutSec", .min = 0,
                          .max = INT32_MAX, .help = "Seconds to wait at most; no limit when not given." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$p = Start-Process sleep 0.1 -PassThru; Wait-Process -Id $p.Id; 'over'", "over",
                          "A process by number." },
                        { "Wait-Process -Id 4194999 -ErrorAction SilentlyContinue; $?", "False",
                          "There is no such process." },
                        { 0 } },
};

SH_CMDLETS(wait, &wait_cmdlet);
