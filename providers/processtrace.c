/* SPDX-License-Identifier: MIT
 *
 * ProcessStart and ProcessStop: what the kernel's proc connector tells, as indications.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/ProcessTrace.h"
#include "providers/lib/procevents.h"

#define SINCE_1601 UINT64_C(116444736000000000) /* from there to 1970, in 100 ns */

static int trace_open(struct rv_error *err)
{
        int fd = rv_procevents_open();
        if (fd < 0)
                rv_hint(err, "The kernel tells them to root only, in the first namespaces.");
        return fd < 0 ? (rv_fail_errno(err, fd, "cannot hear of processes (proc connector)"), fd) : fd;
}

/* The kernel stamps events with the time since boot that clocks count monotonically. */
static int64_t wall_time(uint64_t stamp)
{
        struct timespec now, mono;
        clock_gettime(CLOCK_REALTIME, &now);
        clock_gettime(CLOCK_MONOTONIC, &mono);
        return (int64_t)stamp + (now.tv_sec - mono.tv_sec) * INT64_C(1000000000) + now.tv_nsec - mono.tv_nsec;
}

/* A small file of /proc; -1 when the process is gone. */
static ssize_t read_file(int pid, const char *name, char *to, size_t size)
{
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);
        if (fd >= 0)
                close(fd);
        to[n > 0 ? n : 0] = 0;
        return n;
}

static size_t name_of(int pid, char *to, size_t size)
{
        ssize_t n = read_file(pid, "comm", to, size);
        return n > 0 && to[n - 1] == '\n' ? (size_t)n - 1 : n > 0 ? (size_t)n : 0;
}

static void on_start(void *state, const struct proc_event *e)
{
        char text[1024], *end;
        unsigned parent, group, session;
        if (e->what != PROC_EVENT_EXEC)
                return;
        int pid = e->event_data.exec.process_tgid;
        int64_t when = wall_time(e->timestamp_ns);
        struct rv_row *row = rv_news_row(state);
        ProcessStart_set_TIME_CREATED(row, (uint64_t)when / 100 + SINCE_1601);
        ProcessStart_set_Time(row, when);
        ProcessStart_set_ProcessID(row, (uint32_t)pid);
        size_t n = name_of(pid, text, sizeof text);
        if (n)
                ProcessStart_set_ProcessName(row, text, n);
        if (read_file(pid, "stat", text, sizeof text) > 0 && (end = strrchr(text, ')')) &&
            sscanf(end + 1, " %*c %u %u %u", &parent, &group, &session) == 3) {
                ProcessStart_set_ParentProcessID(row, parent);
                ProcessStart_set_SessionID(row, session);
        }
        rv_news_emit(state, row);
}

static void on_stop(void *state, const struct proc_event *e)
{
        char text[64];
        if (e->what != PROC_EVENT_EXIT || e->event_data.exit.process_pid != e->event_data.exit.process_tgid)
                return; /* a thread */
        int pid = e->event_data.exit.process_tgid, status = (int)e->event_data.exit.exit_code;
        int64_t when = wall_time(e->timestamp_ns);
        struct rv_row *row = rv_news_row(state);
        ProcessStop_set_TIME_CREATED(row, (uint64_t)when / 100 + SINCE_1601);
        ProcessStop_set_Time(row, when);
        ProcessStop_set_ProcessID(row, (uint32_t)pid);
        ProcessStop_set_ParentProcessID(row, (uint32_t)e->event_data.exit.parent_tgid);
        size_t n = name_of(pid, text, sizeof text);
        if (n)
                ProcessStop_set_ProcessName(row, text, n);
        ProcessStop_set_ExitStatus(row, WIFSIGNALED(status) ? 128u + (unsigned)WTERMSIG(status)
                                                            : (unsigned)WEXITSTATUS(status));
        if (WIFSIGNALED(status))
                ProcessStop_set_Signal(row, (uint32_t)WTERMSIG(status));
        rv_news_emit(state, row);
}

static int start_read(int fd, struct rv_news *news)
{
        return rv_procevents_read(fd, on_start, news);
}

static int stop_read(int fd, struct rv_news *news)
{
        return rv_procevents_read(fd, on_stop, news);
}

static const struct rv_push start_push = { .covers = RV_PUSH_ALL, .open = trace_open, .read = start_read };
static const struct rv_push stop_push = { .covers = RV_PUSH_ALL, .open = trace_open, .read = stop_read };
static const struct rv_provider start = { .class = &ProcessStart_class, .push = &start_push };
static const struct rv_provider stop = { .class = &ProcessStop_class, .push = &stop_push };

RV_PROVIDERS(processtrace, &start, &stop);
