/* SPDX-License-Identifier: MIT
 *
 * Connections to PID 1 and calls on its manager. What is waited for is always a reply or a signal of one connection
 * with a deadline; only who waits for a job looks now and then whether anybody wants to know.
 */
#include "providers/lib/systemd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"

enum { ABANDONED_US = 500000 };

static uint64_t now_ns(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool rv_systemd_here(void)
{
        static _Atomic bool here; /* it does not go while the host runs */
        if (!here && access("/run/systemd/system", F_OK) == 0)
                here = true;
        return here;
}

static int open_private(sd_bus **ret)
{
        sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0) {
                sd_bus_unref(bus);
                return r;
        }
        *ret = bus;
        return 0;
}

int rv_systemd_open(sd_bus **ret, struct rv_error *err)
{
        int r = geteuid() == 0 ? open_private(ret) : -EPERM;
        if (r < 0)
                r = sd_bus_open_system(ret);
        if (r < 0) {
                rv_fail(err, RV_UNAVAILABLE, "systemd cannot be reached: %s", strerror(-r));
                if (err)
                        err->retryable = true;
                return RV_UNAVAILABLE;
        }
        sd_bus_set_exit_on_disconnect(*ret, 0);
        return RV_OK;
}

int rv_bus_open(sd_bus **ret, uint64_t deadline)
{
        sd_bus *bus = NULL;
        int r = sd_bus_open_system(&bus);
        if (r < 0)
                return r;
        sd_bus_set_exit_on_disconnect(bus, 0);
        while ((r = sd_bus_is_ready(bus)) == 0) {
                uint64_t now = now_ns();
                r = now >= deadline ? -ETIMEDOUT : sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, (deadline - now) / 1000 + 1);
                if (r < 0)
                        break;
        }
        if (r < 0) {
                sd_bus_unref(bus);
                return r;
        }
        *ret = bus;
        return 0;
}

sd_bus *rv_systemd_close(sd_bus *bus)
{
        sd_bus_close(bus);
        return sd_bus_unref(bus);
}

/* D-Bus error -> outcome, what to do about it. The first match by end of the name. */
static const struct {
        const char *name;
        int status;
        const char *hint;
} outcomes[] = {
        { ".NoSuchUnit", RV_NOT_FOUND, "Get-Service lists the services of this host." },
        { ".LoadFailed", RV_FAILED, "The unit file has an error: see LoadError of the service." },
        { ".UnitMasked", RV_FAILED,
          "The service is masked: call Unmask, or Set-Service -StartupType Manual, first." },
        { ".UnitExists", RV_ALREADY_EXISTS, "" },
        { ".NoSuchProcess", RV_NOT_FOUND, "" },
        { ".FileNotFound", RV_NOT_FOUND, "" },
        { ".UnknownObject", RV_NOT_FOUND, "" },
        { ".AccessDenied", RV_ACCESS_DENIED, "The agent runs without the right to manage services." },
        { ".AuthFailed", RV_ACCESS_DENIED, "The agent runs without the right to manage services." },
        { ".InteractiveAuthorizationRequired", RV_ACCESS_DENIED,
          "The agent runs as an ordinary user; only root's agent may manage the system's services." },
        { ".OnlyByDependency", RV_NOT_SUPPORTED,
          "The service may be started or stopped by a dependency only (RefuseManualStart/Stop)." },
        { ".JobTypeNotApplicable", RV_NOT_SUPPORTED, "The service does not offer this." },
        { ".TransactionIsDestructive", RV_FAILED, "It conflicts with a job that is under way." },
        { ".NotSupported", RV_NOT_SUPPORTED, "" },
        { ".InvalidArgs", RV_INVALID_PARAMETER, "" },
        { ".PropertyReadOnly", RV_NOT_SUPPORTED, "The property can be changed in the unit file only." },
        { ".UnknownProperty", RV_NO_SUCH_PROPERTY, "" },
        { ".Timeout", RV_TIMED_OUT, "" },
        { ".NoReply", RV_TIMED_OUT, "" },
        { ".Disconnected", RV_UNAVAILABLE, "" },
        { ".ServiceUnknown", RV_UNAVAILABLE, "" },
};

int rv_systemd_fail(struct rv_error *err, int r, const sd_bus_error *error, const char *what)
{
        if (error && error->name) {
                size_t n = strlen(error->name);
                for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
                        size_t m = strlen(outcomes[i].name);
                        if (n < m || strcmp(error->name + n - m, outcomes[i].name) != 0)
                                continue;
                        rv_fail(err, outcomes[i].status, "%s: %s", what,
                                error->message ? error->message : error->name);
                        if (outcomes[i].hint[0])
                                rv_hint(err, "%s", outcomes[i].hint);
                        if (err)
                                err->retryable = outcomes[i].status == RV_UNAVAILABLE;
                        return outcomes[i].status;
                }
                int e = sd_bus_error_get_errno(error);
                if (e == EPERM || e == EACCES || e == ETIMEDOUT)
                        return rv_fail_errno(err, e, "%s", what);
                return rv_fail(err, RV_FAILED, "%s: %s", what, error->message ? error->message : error->name);
        }
        if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -ESHUTDOWN) {
                rv_fail(err, RV_UNAVAILABLE, "%s: systemd closed the connection", what);
                if (err)
                        err->retryable = true;
                return RV_UNAVAILABLE;
        }
        return rv_fail_errno(err, -r, "%s", what);
}

uint64_t rv_systemd_timeout(uint64_t deadline)
{
        uint64_t now = now_ns(), most = 25000000;
        if (!deadline)
                return most;
        if (deadline <= now)
                return 1;
        uint64_t left = (deadline - now) / 1000;
        return left < 1 ? 1 : left < most ? left : most;
}

int rv_systemd_call(sd_bus *bus, uint64_t deadline, const char *what, struct rv_error *err,
                    sd_bus_message **ret, const char *method, const char *types, ...)
{
        sd_bus_message *m = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_message_new_method_call(bus, &m, RV_SYSTEMD_NAME, RV_SYSTEMD_PATH, RV_SYSTEMD_MANAGER,
                                               method);
        if (r >= 0 && types) {
                va_list ap;
                va_start(ap, types);
                r = sd_bus_message_appendv(m, types, ap);
                va_end(ap);
        }
        if (r >= 0)
                r = sd_bus_call(bus, m, rv_systemd_timeout(deadline), &error, ret);
        int e = r < 0 ? rv_systemd_fail(err, r, &error, what) : RV_OK;
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        return e;
}

struct waiting {
        const char *job; /* object path */
        bool done;
        char *result;
};

/* sd_bus_call() keeps what comes before its reply for later, so the job's path is known when this runs. */
static int job_removed(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct waiting *w = state;
        const char *path, *unit, *result;
        uint32_t id;
        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && w->job &&
            strcmp(path, w->job) == 0) {
                snprintf(w->result, 32, "%s", result);
                w->done = true;
        }
        return 0;
}

static int wait_for(sd_bus *bus, struct waiting *w, uint64_t deadline, const char *what, struct rv_error *err)
{
        while (!w->done) {
                int r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return rv_systemd_fail(err, r, NULL, what);
                if (r > 0)
                        continue;
                uint64_t now = now_ns();
                if (deadline && now >= deadline)
                        return rv_fail(err, RV_TIMED_OUT, "%s: the job did not end in time; it goes on",
                                       what);
                if (rv_abandoned())
                        return rv_fail(err, RV_PULL_HAS_BEEN_ABANDONED,
                                       "%s: it is no longer waited for; systemd goes on with it", what);
                uint64_t left = deadline ? (deadline - now) / 1000 + 1 : UINT64_MAX;
                r = sd_bus_wait(bus, left < ABANDONED_US ? left : ABANDONED_US);
                if (r < 0 && r != -EINTR)
                        return rv_systemd_fail(err, r, NULL, what);
        }
        return RV_OK;
}

int rv_systemd_job(sd_bus *bus, const char *method, const char *unit, const char *mode, uint64_t deadline,
                   char *ret_result, struct rv_error *err)
{
        char what[256];
        struct waiting w = { .result = ret_result };
        sd_bus_slot *slot = NULL;
        sd_bus_message *reply = NULL;
        snprintf(what, sizeof what, "%s of %.160s failed", method, unit);
        ret_result[0] = 0;
        int r = sd_bus_match_signal(bus, &slot, NULL, RV_SYSTEMD_PATH, RV_SYSTEMD_MANAGER, "JobRemoved",
                                    job_removed, &w);
        if (r < 0)
                return rv_systemd_fail(err, r, NULL, what);
        if (sd_bus_is_bus_client(bus))
                rv_systemd_call(bus, deadline, what, NULL, NULL, "Subscribe", NULL);
        int e = rv_systemd_call(bus, deadline, what, err, &reply, method, "ss", unit, mode);
        if (e == RV_OK && (r = sd_bus_message_read(reply, "o", &w.job)) < 0)
                e = rv_systemd_fail(err, r, NULL, what);
        if (e == RV_OK)
                e = wait_for(bus, &w, deadline, what, err);
        sd_bus_message_unref(reply);
        sd_bus_slot_unref(slot);
        return e;
}

int rv_systemd_path(const char *unit, char *ret, size_t size)
{
        char *path;
        int r = sd_bus_path_encode(RV_SYSTEMD_PATH "/unit", unit, &path);
        if (r < 0)
                return r;
        snprintf(ret, size, "%s", path);
        free(path);
        return 0;
}

int rv_systemd_text(sd_bus *bus, const char *unit, const char *interface, const char *property, char *ret,
                    size_t size)
{
        char path[512], *text = NULL;
        ret[0] = 0;
        int r = rv_systemd_path(unit, path, sizeof path);
        if (r >= 0)
                r = sd_bus_get_property_string(bus, RV_SYSTEMD_NAME, path, interface, property, NULL, &text);
        if (r >= 0)
                snprintf(ret, size, "%s", text);
        free(text);
        return r < 0 ? r : 0;
}
