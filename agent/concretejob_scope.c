/* SPDX-License-Identifier: MIT
 *
 * A scope of systemd's for a job: what is in the agent's own unit is ended with it (KillMode=). Elsewhere a session of
 * its own (setsid) suffices.
 */
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "agent/concretejob.h"
#include "agent/log.h"

enum { WAIT_US = 10000000 };

/* Where PID 1's groups are: version 2's line, or that of systemd's own hierarchy. */
static bool own_group(char *to, size_t size)
{
        char line[1024];
        FILE *f = fopen("/proc/self/cgroup", "re");
        bool found = false;
        while (f && !found && fgets(line, sizeof line, f)) {
                const char *path = strncmp(line, "0::", 3) == 0 ? line + 3 : strstr(line, ":name=systemd:");
                if (path && *path == ':')
                        path += strlen(":name=systemd:");
                found = path && path[0] == '/' && path[1] > ' ';
                if (found)
                        snprintf(to, size, "%.*s", (int)strcspn(path, "\n"), path);
        }
        if (f)
                fclose(f);
        return found;
}

static int ask(sd_bus *bus, const char *id, sd_bus_error *error)
{
        char unit[64], what[64];
        sd_bus_message *m = NULL;
        snprintf(what, sizeof what, "reeve: job %s", id);
        snprintf(unit, sizeof unit, "reeve-job-%s.scope", id);
        int r = sd_bus_message_new_method_call(bus, &m, "org.freedesktop.systemd1",
                                               "/org/freedesktop/systemd1",
                                               "org.freedesktop.systemd1.Manager", "StartTransientUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", unit, "fail");
        if (r >= 0)
                r = sd_bus_message_append(m, "a(sv)", 3, "PIDs", "au", 1, (uint32_t)getpid(), "Description",
                                          "s", what, "CollectMode", "s", "inactive-or-failed");
        if (r >= 0)
                r = sd_bus_message_append(m, "a(sa(sv))", 0);
        if (r >= 0)
                r = sd_bus_call(bus, m, WAIT_US, error, NULL);
        sd_bus_message_unref(m);
        return r;
}

void rv_cjob_leave_unit(const char *id)
{
        char before[512], after[512] = "";
        sd_bus *bus = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        if (geteuid() != 0 || access("/run/systemd/system", F_OK) != 0 || !own_group(before, sizeof before) ||
            !strstr(before, ".service"))
                return;
        int r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = ask(bus, id, &error);
        /* The answer is that the job for it was accepted: it has been done when we are elsewhere. */
        for (int i = 0;
             r >= 0 && i < WAIT_US / 10000 && own_group(after, sizeof after) && strcmp(before, after) == 0;
             i++)
                usleep(10000);
        if (r < 0 || strcmp(before, after) == 0)
                rv_log(RV_LOG_WARNING, "job %s stays in %s and ends with it: %s", id, before,
                       error.message ? error.message
                       : r < 0       ? strerror(-r)
                                     : "systemd did not move it");
        sd_bus_error_free(&error);
        sd_bus_flush_close_unref(bus);
}
