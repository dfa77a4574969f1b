/* SPDX-License-Identifier: MIT */
#include "providers/lib/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/provider.h"
#include "providers/lib/systemd.h"

bool rv_beside_wanted(void)
{
        return prctl(PR_GET_SECCOMP) == 2 && rv_systemd_here();
}

/* ExecStartEx: nothing in the arguments is a variable to it. */
static int add_command(sd_bus_message *m, const char *exe, const char *const *argv)
{
        int r = sd_bus_message_open_container(m, 'r', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "ExecStartEx");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(sasas)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sasas)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "sasas");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", exe);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", exe);
        for (; r >= 0 && *argv; argv++)
                r = sd_bus_message_append(m, "s", *argv);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "as", 1, "no-env-expand");
        for (int i = 0; r >= 0 && i < 4; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int fill(sd_bus_message *m, const struct rv_beside *b, const char *unit, const char *exe, int out)
{
        int r = sd_bus_message_append(m, "ss", unit, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)", "Description", "s", b->what, "CollectMode", "s",
                                          "inactive-or-failed", "StandardOutputFileDescriptor", "h", out);
        if (r >= 0 && b->seconds)
                r = sd_bus_message_append(m, "(sv)", "RuntimeMaxUSec", "t", b->seconds * 1000000);
        if (r >= 0)
                r = add_command(m, exe, b->argv);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r >= 0 ? sd_bus_message_append(m, "a(sa(sv))", 0) : r;
}

static int start(const struct rv_beside *b, int out, struct rv_error *err)
{
        static atomic_uint count;
        char exe[PATH_MAX], unit[128];
        sd_bus *bus = NULL;
        sd_bus_message *m = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
        exe[n > 0 ? n : 0] = 0;
        char *gone = strstr(exe, " (deleted)"); /* the agent was upgraded: the new one does as well */
        if (gone)
                *gone = 0;
        snprintf(unit, sizeof unit, "%s-%d-%u.service", b->unit, (int)getpid(), ++count);
        int e = rv_systemd_open(&bus, err);
        if (e)
                return e;
        int r = sd_bus_message_new_method_call(bus, &m, RV_SYSTEMD_NAME, RV_SYSTEMD_PATH, RV_SYSTEMD_MANAGER,
                                               "StartTransientUnit");
        if (r >= 0)
                r = fill(m, b, unit, exe, out);
        if (r >= 0)
                r = sd_bus_call(bus, m, rv_systemd_timeout(b->deadline), &error, NULL);
        if (r < 0) {
                char what[160];
                snprintf(what, sizeof what, "cannot %s", b->what);
                e = rv_systemd_fail(err, r, &error, what);
        }
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        rv_systemd_close(bus);
        return e;
}

/* Until nobody has the other end any more, or it says that this is all: systemd keeps it as long as the unit runs. */
static int read_all(const struct rv_beside *b, int fd, char *said, size_t size, struct rv_error *err)
{
        size_t n = 0;
        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                uint64_t now = rv_now();
                if (now >= b->deadline)
                        return rv_fail(err, RV_TIMED_OUT, "cannot %s: its time is over", b->what);
                uint64_t ms = (b->deadline - now) / 1000000 + 1;
                if (poll(&p, 1, ms > 1000 ? 1000 : (int)ms) <= 0)
                        continue;
                ssize_t got = read(fd, said + n, size - 1 - n);
                if (got < 0 && errno == EINTR)
                        continue;
                n += got > 0 ? (size_t)got : 0;
                said[n] = 0;
                if (got <= 0 || n == size - 1 || (n > 4 && strcmp(said + n - 4, "end\n") == 0))
                        return RV_OK;
        }
}

int rv_beside_run(const struct rv_beside *b, char *said, size_t size, struct rv_error *err)
{
        int ends[2];
        *said = 0;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return rv_fail_errno(err, errno, "cannot %s", b->what);
        int e = start(b, ends[1], err);
        close(ends[1]);
        if (e == RV_OK)
                e = read_all(b, ends[0], said, size, err);
        close(ends[0]);
        return e;
}
