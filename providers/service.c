/* SPDX-License-Identifier: MIT
 *
 * Service: the services of whatever service manager runs this host. Which one that is, is told by what is really
 * running as init, not by what is installed; the work is done in service/ (backend.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Service.h"
#include "providers/lib/procfs.h"
#include "providers/service/backend.h"

static const struct rv_service_backend *const backends[] = { &rv_service_systemd, &rv_service_files };

static const struct rv_service_backend *find(void)
{
        for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
                if (backends[i]->here())
                        return backends[i];
        return NULL;
}

static int need(const struct rv_service_backend **ret, struct rv_error *err)
{
        char comm[64];
        *ret = find();
        if (*ret)
                return RV_OK;
        ssize_t n = rv_proc_read(AT_FDCWD, "/proc/1/comm", comm, sizeof comm);
        rv_fail(err, RV_NOT_SUPPORTED,
                "no service manager runs this host: PID 1 is '%.*s', and neither systemd, OpenRC, runsvdir "
                "nor sysvinit",
                n > 0 ? (int)strcspn(comm, "\n") : 7, n > 0 ? comm : "unknown");
        return rv_hint(
                err, "Looked for /run/systemd/system, /run/openrc/softlevel, a process runsvdir, and a PID 1 "
                     "named init with /etc/init.d.");
}

static int service_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_service_backend *b;
        int e = need(&b, err);
        return e ? e : b->query(q, out, err);
}

static int service_peek(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)err;
        const struct rv_service_backend *b = find();
        return b && b->peek ? b->peek(q, out) : RV_FULL;
}

static int forward(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct rv_service_backend *b;
        int e = need(&b, err);
        size_t which = (size_t)(c->method - c->class->methods);
        if (e)
                return e;
        if (!b->methods[which])
                return rv_fail(err, RV_NOT_SUPPORTED, "%s is there with systemd only", c->method->name);
        return b->methods[which](c, in, err);
}

static int service_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_service_backend *b;
        int e = need(&b, err);
        return e ? e : b->modify(c, v, err);
}

static int (*const methods[Service_nmethods])(struct rv_call *, const void *,
                                              struct rv_error *) = { [0 ... Service_nmethods - 1] = forward };

/* ---- what the backends share ---- */

static int signal_number(const char *text)
{
        const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
        char *end;
        long n = strtol(text, &end, 10);
        if (!*end && text[0])
                return n > 0 && n < NSIG ? (int)n : -1;
        for (int s = 1; s < NSIG; s++)
                if (sigabbrev_np(s) && strcasecmp(sigabbrev_np(s), name) == 0)
                        return s;
        return -1;
}

int rv_service_signal(const char *text, int *ret, struct rv_error *err)
{
        *ret = signal_number(text);
        if (*ret > 0)
                return RV_OK;
        rv_about(err, NULL, NULL, "Signal");
        return rv_fail(err, RV_INVALID_PARAMETER, "'%.40s' is no signal: expected a number or a name such as SIGHUP",
                       text);
}

bool rv_service_good_name(const char *s, size_t n)
{
        static const char extra[] = ":-_.\\@";
        for (size_t i = 0; i < n; i++)
                if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
                      (s[i] >= '0' && s[i] <= '9') || (s[i] && strchr(extra, s[i]))))
                        return false;
        return n > 0 && n < 240 && s[0] != '.';
}
static bool one_line(const char *s, size_t n)
{
        return !memchr(s, '\n', n) && !memchr(s, '\r', n);
}

int rv_service_check_create(const struct Service_Create_in *in, struct rv_error *err)
{
        if (!rv_service_good_name(in->Name, in->Name_len)) {
                rv_about(err, NULL, NULL, "Name");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "'%.80s' is no name for a service: letters, digits and :-_.\\@ are allowed",
                               in->Name);
        }
        if (in->PathName[0] != '/' || !one_line(in->PathName, in->PathName_len)) {
                rv_about(err, NULL, NULL, "PathName");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "PathName must be one line that begins with the program's full path");
        }
        if ((in->has_DisplayName && !one_line(in->DisplayName, in->DisplayName_len)) ||
            (in->has_StartName && !rv_service_good_name(in->StartName, in->StartName_len)))
                return rv_fail(err, RV_INVALID_PARAMETER, "DisplayName and StartName must be one line");
        return RV_OK;
}

/* ---- changes ---- */

static const struct rv_service_backend *pushing; /* on the loop only */

static int push_open(struct rv_error *err)
{
        if (need(&pushing, err))
                return -EOPNOTSUPP;
        return pushing->push_open(err);
}

static int push_read(int fd, struct rv_news *news)
{
        return pushing->push_read(fd, news);
}

static void push_close(int fd)
{
        pushing->push_close(fd);
}

static const uint16_t push_silent[] = { Service_MemoryCurrent, Service_TasksCurrent, Service_RestartRequired,
                                        Service_RestartReasons };
static const struct rv_push push = { .covers = RV_PUSH_ALL,
                                     .silent = push_silent,
                                     .nsilent = sizeof push_silent / sizeof *push_silent,
                                     .open = push_open,
                                     .read = push_read,
                                     .close = push_close };

static const struct rv_provider service = { .class = &Service_class,
                                            .query = service_query,
                                            .peek = service_peek,
                                            .push = &push,
                                            .methods = methods,
                                            .modify = service_modify,
                                            .threads = 4 };

RV_PROVIDERS(service, &service);
