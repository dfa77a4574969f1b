/* SPDX-License-Identifier: MIT
 *
 * TimeZone: /etc/localtime, as the C library reads it; changed by linking it anew. timedated is not asked: starting it
 * costs 40 ms, and where it is missing the call would hang.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/TimeZone.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"

#define ZONES "/usr/share/zoneinfo/"

static bool zone_id(char *ret, size_t size)
{
        char link[PATH_MAX];
        ssize_t n = readlink("/etc/localtime", link, sizeof link - 1);
        link[n > 0 ? n : 0] = 0;
        const char *at = strstr(link, "zoneinfo/");
        if (at) {
                at += 9;
                if (strncmp(at, "posix/", 6) == 0)
                        at += 6;
                snprintf(ret, size, "%s", at);
                return true;
        }
        n = rv_proc_read(AT_FDCWD, "/etc/timezone", ret, size);
        if (n > 0)
                ret[strcspn(ret, "\n")] = 0;
        else
                snprintf(ret, size, "UTC"); /* without /etc/localtime (localtime(5)) */
        return n > 0 || access("/etc/localtime", F_OK) < 0;
}

/* The first day of each month tells of both times of the year. */
static void fill_times(struct rv_row *row, const char *id)
{
        char standard[32] = "", daylight[32] = "", display[300];
        time_t now = time(NULL);
        struct tm today, day;
        long bias = 0;
        tzset(); /* /etc/localtime may be another than when the agent was started */
        localtime_r(&now, &today);
        bias = today.tm_gmtoff;
        for (int month = 0; month < 12; month++) {
                struct tm first = { .tm_year = today.tm_year, .tm_mon = month, .tm_mday = 1, .tm_hour = 12 };
                time_t t = timegm(&first);
                localtime_r(&t, &day);
                snprintf(day.tm_isdst > 0 ? daylight : standard, sizeof standard, "%s", day.tm_zone);
                if (day.tm_isdst == 0)
                        bias = day.tm_gmtoff;
        }
        rv_fill(row, TimeZone_StandardName, standard);
        rv_fill(row, TimeZone_DaylightName, daylight);
        TimeZone_set_Bias(row, (int32_t)(bias / 60));
        TimeZone_set_CurrentOffset(row, (int32_t)(today.tm_gmtoff / 60));
        TimeZone_set_SupportsDaylightSavingTime(row, daylight[0] != 0);
        TimeZone_set_DaylightInEffect(row, today.tm_isdst > 0);
        snprintf(display, sizeof display, "(UTC%c%02ld:%02ld) %.200s", bias < 0 ? '-' : '+', labs(bias) / 3600,
                 labs(bias) / 60 % 60, id);
        rv_fill(row, TimeZone_DisplayName, display);
}

static int timezone_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char id[PATH_MAX] = "";
        (void)q;
        (void)err;
        struct rv_row *row = rv_row(out);
        if (zone_id(id, sizeof id))
                rv_fill(row, TimeZone_Id, id);
        fill_times(row, id[0] ? id : "local time");
        int e = rv_emit(out, row);
        return e == RV_STOP ? RV_OK : e;
}

/* A file of the database, and nothing else. */
static bool is_zone(const char *id, size_t n)
{
        char path[PATH_MAX], magic[5] = "";
        if (!n || n > 255 || strlen(id) != n || id[0] == '/' || id[0] == '.' || strstr(id, "..") ||
            strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != n ||
            snprintf(path, sizeof path, ZONES "%s", id) >= (int)sizeof path)
                return false;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        bool good = fd >= 0 && read(fd, magic, 4) == 4 && strcmp(magic, "TZif") == 0;
        if (fd >= 0)
                close(fd);
        return good;
}

static int timezone_set(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct TimeZone_Set_in *in = args;
        char now[PATH_MAX] = "", target[PATH_MAX + 32];
        if (!is_zone(in->Id, in->Id_len)) {
                rv_about(err, NULL, NULL, "Id");
                rv_fail(err, RV_INVALID_PARAMETER, "there is no time zone '%.60s'", in->Id);
                return rv_hint(err, access(ZONES, F_OK) < 0 ? "The package tzdata is not installed."
                                                            : "Names are as Europe/Berlin; the method List gives all.");
        }
        zone_id(now, sizeof now);
        if (strcmp(now, in->Id) != 0)
                rv_change(c, "Id", now, in->Id);
        if (!c->what_if && strcmp(now, in->Id) != 0) {
                snprintf(target, sizeof target, ZONES "%.255s", in->Id);
                int r = rv_replace_link("/etc/localtime", target);
                if (r)
                        return rv_fail_errno(err, -r, "cannot link /etc/localtime");
                if (access("/etc/timezone", F_OK) == 0) {
                        snprintf(target, sizeof target, "%s\n", in->Id);
                        r = rv_replace_file("/etc/timezone", target, strlen(target), 0644);
                        if (r)
                                return rv_fail_errno(err, -r, "cannot write /etc/timezone (/etc/localtime is set)");
                }
                tzset();
        }
        TimeZone_Set_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

/* zone.tab: country, place, name, remarks, divided by tabs. */
static int timezone_list(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        size_t n;
        char *tab = rv_slurp(ZONES "zone.tab", 1 << 20, &n);
        if (!tab)
                return rv_fail_errno(err, errno, "cannot read " ZONES "zone.tab");
        char *to = tab, *rest = tab;
        for (char *line; (line = strsep(&rest, "\n"));) {
                char *name = line[0] == '#' ? NULL : strchr(line, '\t');
                name = name ? strchr(name + 1, '\t') : NULL;
                if (!name)
                        continue;
                size_t k = strcspn(name + 1, "\t\n");
                memmove(to, name + 1, k);
                to += k;
                *to++ = '\n';
        }
        memcpy(to, "UTC", 4); /* the last line's end leaves room: each line was longer than its name */
        TimeZone_List_out_set_ReturnValue(c->out, 0);
        rv_fill_list(c->out, TimeZone_List_out_Zones, tab, "\n");
        free(tab);
        return RV_OK;
}

static int (*const methods[TimeZone_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [TimeZone_method_Set] = timezone_set, [TimeZone_method_List] = timezone_list
};

static const struct rv_provider timezone_ = { .class = &TimeZone_class, .query = timezone_query, .methods = methods };

RV_PROVIDERS(timezone, &timezone_);
