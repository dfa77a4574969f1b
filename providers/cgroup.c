/* SPDX-License-Identifier: MIT
 *
 * Cgroup: a walk over the folders of each hierarchy that is mounted. A property is a file; which one, and which word in
 * it, tells a table for both versions.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Cgroup.h"
#include "providers/lib/cgroup.h"
#include "providers/lib/fill.h"
#include "providers/lib/mountinfo.h"
#include "providers/lib/pressure.h"
#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"

enum { DEEP = 32, HIERARCHIES = 32, STEP_MS = 10 };

struct hierarchy {
        bool v2;
        char names[128]; /* "unified"; "cpu,cpuacct" */
        char top[256];
};

struct number {
        uint16_t property;
        const char *v2, *v2_word, *v1, *v1_word; /* file; word that the number stands behind, or NULL */
        uint32_t v2_factor;
};
static const struct number numbers[] = {
        { Cgroup_MemoryCurrent, "memory.current", NULL, "memory.usage_in_bytes", NULL, 1 },
        { Cgroup_MemoryPeak, "memory.peak", NULL, "memory.max_usage_in_bytes", NULL, 1 },
        { Cgroup_MemoryMax, "memory.max", NULL, "memory.limit_in_bytes", NULL, 1 },
        { Cgroup_MemoryHigh, "memory.high", NULL, NULL, NULL, 1 },
        { Cgroup_MemorySwapCurrent, "memory.swap.current", NULL, NULL, NULL, 1 },
        { Cgroup_MemorySwapMax, "memory.swap.max", NULL, NULL, NULL, 1 },
        { Cgroup_OomKills, "memory.events", "oom_kill ", "memory.oom_control", "oom_kill ", 1 },
        { Cgroup_CPUUsageNSec, "cpu.stat", "usage_usec ", "cpuacct.usage", NULL, 1000 },
        { Cgroup_CPUWeight, "cpu.weight", NULL, NULL, NULL, 1 },
        { Cgroup_CPUShares, NULL, NULL, "cpu.shares", NULL, 1 },
        { Cgroup_CPUThrottledPeriods, "cpu.stat", "nr_throttled ", "cpu.stat", "nr_throttled ", 1 },
        { Cgroup_CPUThrottledNSec, "cpu.stat", "throttled_usec ", "cpu.stat", "throttled_time ", 1000 },
        { Cgroup_TasksCurrent, "pids.current", NULL, "pids.current", NULL, 1 },
        { Cgroup_TasksMax, "pids.max", NULL, "pids.max", NULL, 1 },
};

/* The hierarchies as they are mounted, the first mount of each. */
static unsigned find_hierarchies(struct hierarchy ret[HIERARCHIES])
{
        struct rv_mounts mounts;
        unsigned n = 0;
        if (rv_mounts_read(&mounts))
                return 0;
        for (size_t i = 0; i < mounts.n && n < HIERARCHIES; i++) {
                const struct rv_mount *m = &mounts.v[i];
                struct hierarchy h = { .v2 = strcmp(m->type, "cgroup2") == 0 };
                if ((!h.v2 && strcmp(m->type, "cgroup") != 0) || m->hidden)
                        continue;
                char options[512], *state = NULL;
                snprintf(options, sizeof options, "%s", m->super_options ? m->super_options : "");
                for (char *o = h.v2 ? NULL : strtok_r(options, ",", &state); o;
                     o = strtok_r(NULL, ",", &state)) {
                        size_t at = strlen(h.names);
                        if (strcmp(o, "rw") != 0 && strcmp(o, "ro") != 0 && strcmp(o, "xattr") != 0 &&
                            strcmp(o, "clone_children") != 0 && strncmp(o, "release_agent", 13) != 0)
                                snprintf(h.names + at, sizeof h.names - at, "%s%s", at ? "," : "", o);
                }
                if (h.v2)
                        snprintf(h.names, sizeof h.names, "unified");
                snprintf(h.top, sizeof h.top, "%s", m->target);
                bool known = strlen(m->target) >= sizeof h.top;
                for (unsigned k = 0; k < n; k++)
                        known |= strcmp(ret[k].names, h.names) == 0;
                if (!known)
                        ret[n++] = h;
        }
        rv_mounts_free(&mounts);
        return n;
}

/* ---- reading ---- */

static bool read_text(const char *folder, const char *file, char *ret, size_t size)
{
        char path[RV_CGROUP_PATH + 400];
        snprintf(path, sizeof path, "%s/%s", folder, file);
        return rv_proc_read(AT_FDCWD, path, ret, size) > 0;
}

/* False: no such file, no such word, or "max": no limit. */
static bool read_number(const char *folder, const char *file, const char *word, uint64_t *ret)
{
        char text[4096], *end;
        if (!read_text(folder, file, text, sizeof text))
                return false;
        const char *at = word ? strstr(text, word) : text;
        while (at && word && at > text &&
               at[-1] != '\n') /* "usage_usec" is in "core_sched.force_usage_usec" as well */
                at = strstr(at + 1, word);
        if (!at)
                return false;
        at += word ? strlen(word) : 0;
        *ret = strtoull(at, &end, 10);
        return end != at && *at != '-';
}

static void fill_numbers(struct rv_row *row, const struct hierarchy *h, const char *folder)
{
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                const struct number *n = &numbers[i];
                const char *file = h->v2 ? n->v2 : n->v1;
                uint64_t v;
                if (!file || !rv_wants(row, n->property) ||
                    !read_number(folder, file, h->v2 ? n->v2_word : n->v1_word, &v))
                        continue;
                /* Version 1 has no word for "no limit": it is the greatest number of whole pages. */
                if (!h->v2 && n->property == Cgroup_MemoryMax && v >= UINT64_C(1) << 62)
                        continue;
                rv_set_uint(row, n->property, h->v2 ? v * n->v2_factor : v);
        }
}

static void fill_quota(struct rv_row *row, const struct hierarchy *h, const char *folder)
{
        char text[64];
        uint64_t quota, period;
        if (!Cgroup_wants_CPUQuotaUSec(row) && !Cgroup_wants_CPUPeriodUSec(row))
                return;
        if (h->v2 && read_text(folder, "cpu.max", text, sizeof text)) {
                if (sscanf(text, "%" SCNu64 " %" SCNu64, &quota, &period) == 2) {
                        Cgroup_set_CPUQuotaUSec(row, quota);
                        Cgroup_set_CPUPeriodUSec(row, period);
                } else if (sscanf(text, "max %" SCNu64, &period) == 1)
                        Cgroup_set_CPUPeriodUSec(row, period);
        } else if (!h->v2) {
                if (read_number(folder, "cpu.cfs_quota_us", NULL, &quota))
                        Cgroup_set_CPUQuotaUSec(row, quota);
                if (read_number(folder, "cpu.cfs_period_us", NULL, &period))
                        Cgroup_set_CPUPeriodUSec(row, period);
        }
}

/* All devices together: "rbytes=1 wbytes=2", or "8:0 Read 1". */
static void fill_io(struct rv_row *row, const struct hierarchy *h, const char *folder)
{
        char path[RV_CGROUP_PATH + 400];
        uint64_t bytes[2] = { 0 };
        size_t n;
        if (!Cgroup_wants_IOReadBytes(row) && !Cgroup_wants_IOWriteBytes(row))
                return;
        snprintf(path, sizeof path, "%s/%s", folder,
                 h->v2 ? "io.stat" : "blkio.throttle.io_service_bytes_recursive");
        char *text = rv_slurp(path, 1 << 20, &n);
        for (int i = 0; text && i < 2; i++) {
                const char *word = h->v2 ? i ? " wbytes=" : " rbytes=" : i ? " Write " : " Read ";
                for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
                        bytes[i] += strtoull(at + strlen(word), NULL, 10);
        }
        if (text) {
                Cgroup_set_IOReadBytes(row, bytes[0]);
                Cgroup_set_IOWriteBytes(row, bytes[1]);
        }
        free(text);
}

static void fill_pressure(struct rv_row *row, const char *folder)
{
        static const struct {
                uint16_t property;
                const char *file;
        } files[] = { { Cgroup_CPUPressure, "cpu.pressure" },
                      { Cgroup_MemoryPressure, "memory.pressure" },
                      { Cgroup_IOPressure, "io.pressure" } };
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
                char path[RV_CGROUP_PATH + 400];
                struct rv_pressure p;
                snprintf(path, sizeof path, "%s/%s", folder, files[i].file);
                if (rv_wants(row, files[i].property) && rv_pressure_read(path, &p) && p.some.there)
                        rv_set_real(row, files[i].property, p.some.avg10);
        }
}

/* The words of a file; an empty file is an empty list, none is null. */
static void fill_words(struct rv_row *row, unsigned property, const char *folder, const char *file)
{
        char path[RV_CGROUP_PATH + 400], text[4096];
        if (!rv_wants(row, property))
                return;
        snprintf(path, sizeof path, "%s/%s", folder, file);
        ssize_t n = rv_proc_read(AT_FDCWD, path, text, sizeof text);
        if (n > 0 && text[strspn(text, " \n")])
                rv_fill_list(row, property, text, " \n");
        else if (n >= 0)
                rv_set_list(row, property, 0);
}

static void fill_state(struct rv_row *row, const struct hierarchy *h, const char *folder)
{
        char text[4096];
        uint64_t v;
        if (h->v2) {
                if (Cgroup_wants_Populated(row) && read_number(folder, "cgroup.events", "populated ", &v))
                        Cgroup_set_Populated(row, v != 0);
                if (Cgroup_wants_Frozen(row) && read_number(folder, "cgroup.events", "frozen ", &v))
                        Cgroup_set_Frozen(row, v != 0);
                fill_words(row, Cgroup_Controllers, folder, "cgroup.controllers");
                fill_words(row, Cgroup_SubtreeControl, folder, "cgroup.subtree_control");
                return;
        }
        if (strncmp(h->names, "name=", 5) != 0)
                rv_fill_list(row, Cgroup_Controllers, h->names, ",");
        if (Cgroup_wants_Frozen(row) && read_text(folder, "freezer.state", text, sizeof text))
                Cgroup_set_Frozen(row, strncmp(text, "THAWED", 6) != 0);
}

static void fill_processes(struct rv_row *row, const char *folder)
{
        char path[RV_CGROUP_PATH + 400];
        size_t n;
        uint32_t count = 0, i = 0;
        if (!Cgroup_wants_Processes(row))
                return;
        snprintf(path, sizeof path, "%s/cgroup.procs", folder);
        char *text = rv_slurp(path, 8 << 20, &n);
        for (const char *s = text; s && *s; s++)
                count += *s == '\n';
        if (text) {
                rv_list list = Cgroup_set_Processes(row, count);
                for (char *s = text; i < count; s++)
                        rv_item_uint(row, list, i++, strtoul(s, &s, 10)); /* 0: of another pid namespace */
        }
        free(text);
}

static void fill(struct rv_row *row, const struct hierarchy *h, const char *name, const char *folder)
{
        char text[300];
        rv_fill(row, Cgroup_Name, name);
        rv_fill(row, Cgroup_Hierarchy, h->names);
        Cgroup_set_CgroupVersion(row, h->v2 ? 2 : 1);
        rv_fill(row, Cgroup_Directory, folder);
        if (Cgroup_wants_Unit(row) && rv_cgroup_unit(name, text, sizeof text))
                rv_fill(row, Cgroup_Unit, text);
        if (Cgroup_wants_ContainerId(row) && rv_cgroup_container(name, text))
                rv_fill(row, Cgroup_ContainerId, text);
        fill_state(row, h, folder);
        fill_numbers(row, h, folder);
        fill_quota(row, h, folder);
        fill_io(row, h, folder);
        if (h->v2)
                fill_pressure(row, folder);
        fill_processes(row, folder);
}

struct walk {
        const struct rv_query *q;
        struct rv_sink *out;
        const struct hierarchy *h;
};

/* name: "/" or "/a/b". Groups that go meanwhile are left out. */
static int walk(const struct walk *w, const char *name, unsigned deep)
{
        char folder[RV_CGROUP_PATH + 300];
        struct dirent *d;
        snprintf(folder, sizeof folder, "%s%s", w->h->top, name[1] ? name : "");
        DIR *dir = opendir(folder);
        if (!dir)
                return RV_OK;
        struct rv_row *row = rv_row(w->out);
        fill(row, w->h, name, folder);
        int r = rv_emit(w->out, row);
        while (r == RV_OK && deep < DEEP && !rv_cancelled(w->q->call) && (d = readdir(dir))) {
                char below[RV_CGROUP_PATH];
                bool group =
                        d->d_type == DT_DIR && strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
                if (group && snprintf(below, sizeof below, "%s/%s", name[1] ? name : "", d->d_name) <
                                     (int)sizeof below)
                        r = walk(w, below, deep + 1);
        }
        closedir(dir);
        return r;
}

/* "/a/b" without anything that leads elsewhere. */
static bool good_name(const char *s, size_t n)
{
        if (!n || n >= RV_CGROUP_PATH || s[0] != '/' || strlen(s) != n || (n > 1 && s[n - 1] == '/') ||
            strstr(s, "//"))
                return false;
        for (const char *at = s; at; at = strchr(at + 1, '/'))
                if (at[1] == '.' && (at[2] == '/' || !at[2] || (at[2] == '.' && (at[3] == '/' || !at[3]))))
                        return false;
        return true;
}

static bool is_group(const struct hierarchy *h, const char *name, char *ret_folder, size_t size)
{
        struct stat st;
        return snprintf(ret_folder, size, "%s%s", h->top, name[1] ? name : "") < (int)size &&
               lstat(ret_folder, &st) == 0 && S_ISDIR(st.st_mode);
}

static int cgroup_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct hierarchy all[HIERARCHIES];
        unsigned n = find_hierarchies(all);
        const struct rv_arg *name = rv_equals(q, Cgroup_Name), *hierarchy = rv_equals(q, Cgroup_Hierarchy);
        int r = RV_OK;
        (void)err;
        for (unsigned i = 0; i < n && r == RV_OK; i++) {
                struct walk w = { q, out, &all[i] };
                char folder[RV_CGROUP_PATH + 300];
                if (hierarchy && strcmp(hierarchy->s, all[i].names) != 0)
                        continue;
                if (!name)
                        r = walk(&w, "/", 0);
                else if (good_name(name->s, name->len) && is_group(&all[i], name->s, folder, sizeof folder)) {
                        struct rv_row *row = rv_row(out);
                        fill(row, &all[i], name->s, folder);
                        r = rv_emit(out, row);
                }
        }
        return r == RV_STOP ? RV_OK : r;
}

/* ---- changing ---- */

struct change {
        struct rv_call *call;
        struct rv_error *err;
        struct hierarchy h;
        char name[RV_CGROUP_PATH], folder[RV_CGROUP_PATH + 300], what[RV_CGROUP_PATH + 60];
};

static int begin(struct rv_call *c, const char *doing, struct change *ret, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[Cgroup_Name], *hierarchy = &c->key[Cgroup_Hierarchy];
        struct hierarchy all[HIERARCHIES];
        unsigned n = find_hierarchies(all), found = 0;
        *ret = (struct change) { .call = c, .err = err };
        if (name->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "a control group is named by its Name and Hierarchy");
        rv_about(err, NULL, name->s, NULL);
        for (unsigned i = 0; i < n && good_name(name->s, name->len); i++) {
                char folder[sizeof ret->folder];
                if ((hierarchy->type == RV_NULL || strcmp(hierarchy->s, all[i].names) == 0) &&
                    is_group(&all[i], name->s, folder, sizeof folder)) {
                        found++;
                        ret->h = all[i];
                        memcpy(ret->folder, folder, sizeof folder);
                }
        }
        if (found > 1)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "%.80s is in %u hierarchies: give Hierarchy as well", name->s, found);
        if (!found) {
                rv_fail(err, RV_NOT_FOUND, "there is no control group %.200s", name->s);
                return rv_hint(err, "Get-Cgroup lists them.");
        }
        snprintf(ret->name, sizeof ret->name, "%s", name->s);
        snprintf(ret->what, sizeof ret->what, "cannot %s control group %.150s", doing, name->s);
        return RV_OK;
}

static int write_file(struct change *ch, const char *file, const char *text)
{
        char path[RV_CGROUP_PATH + 400];
        snprintf(path, sizeof path, "%s/%s", ch->folder, file);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
        int error = errno;
        if (fd >= 0)
                close(fd);
        if (n >= 0)
                return RV_OK;
        if (error != ENOENT)
                return rv_fail_errno(ch->err, error, "%s: %s does not take '%.40s'", ch->what, file, text);
        rv_fail(ch->err, RV_NOT_SUPPORTED, "%s: it has no file %s", ch->what, file);
        return rv_hint(
                ch->err,
                ch->h.v2 ? "The root group has no limits; others have those of the controllers in the "
                           "SubtreeControl of the group above."
                         : "It is in the group of the same name in another hierarchy, or of version 2.");
}

struct limit {
        uint16_t property;
        const char *name, *v2, *v1, *v1_none; /* files; what version 1 takes for "no limit" */
        uint64_t least, most;
        bool may_be_none;
};
static const struct limit limits[] = {
        { Cgroup_MemoryMax, "MemoryMax", "memory.max", "memory.limit_in_bytes", "-1", 0, UINT64_MAX, true },
        { Cgroup_MemoryHigh, "MemoryHigh", "memory.high", NULL, NULL, 0, UINT64_MAX, true },
        { Cgroup_MemorySwapMax, "MemorySwapMax", "memory.swap.max", NULL, NULL, 0, UINT64_MAX, true },
        { Cgroup_CPUWeight, "CPUWeight", "cpu.weight", NULL, NULL, 1, 10000, false },
        { Cgroup_CPUShares, "CPUShares", NULL, "cpu.shares", NULL, 2, 262144, false },
        { Cgroup_CPUQuotaUSec, "CPUQuotaUSec", "cpu.max", "cpu.cfs_quota_us", "-1", 1000, UINT64_MAX, true },
        { Cgroup_TasksMax, "TasksMax", "pids.max", "pids.max", "max", 0, UINT64_MAX, true },
};
enum { NLIMITS = sizeof limits / sizeof *limits };

/* value: a number, or NULL for none. */
static int set_limit(struct change *ch, const struct limit *l, const uint64_t *value)
{
        const char *file = ch->h.v2 ? l->v2 : l->v1;
        char text[32], now[64] = "";
        rv_about(ch->err, NULL, NULL, l->name);
        if (!file) {
                rv_fail(ch->err, RV_NOT_SUPPORTED, "%s: %s is not of cgroup version %d", ch->what, l->name,
                        ch->h.v2 ? 2 : 1);
                return rv_hint(
                        ch->err,
                        "Version 2 has CPUWeight, MemoryHigh and MemorySwapMax, version 1 has CPUShares.");
        }
        if ((!value && !l->may_be_none) || (value && (*value < l->least || *value > l->most)))
                return rv_fail(ch->err, RV_INVALID_PARAMETER, "%s: %s is from %" PRIu64 " to %" PRIu64,
                               ch->what, l->name, l->least, l->most);
        if (value)
                snprintf(text, sizeof text, "%" PRIu64, *value);
        else
                snprintf(text, sizeof text, "%s", ch->h.v2 ? "max" : l->v1_none);
        if (!read_text(ch->folder, file, now, sizeof now))
                return write_file(ch, file, text); /* says why it cannot be */
        now[strcspn(now, " \n")] = 0;
        if (strcmp(now, text) == 0)
                return RV_OK;
        rv_change(ch->call, l->name, now, text);
        return ch->call->what_if ? RV_OK : write_file(ch, file, text);
}

static int set_text(struct change *ch, const struct limit *l, bool given, const char *s)
{
        char *end;
        if (!given)
                return RV_OK;
        uint64_t v = strtoull(s, &end, 10);
        if (strcmp(s, "max") == 0)
                return set_limit(ch, l, NULL);
        if (s[0] >= '0' && s[0] <= '9' && !*end)
                return set_limit(ch, l, &v);
        rv_about(ch->err, NULL, NULL, l->name);
        return rv_fail(ch->err, RV_INVALID_PARAMETER, "%s: %s is a number or max, not '%.40s'", ch->what,
                       l->name, s);
}

static int cgroup_set_limits(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Cgroup_SetLimits_in *in = args;
        const struct {
                bool given;
                const char *text;
        } given[NLIMITS] = { { in->has_MemoryMax, in->MemoryMax },
                             { in->has_MemoryHigh, in->MemoryHigh },
                             { in->has_MemorySwapMax, in->MemorySwapMax },
                             { in->has_CPUWeight, in->CPUWeight },
                             { in->has_CPUShares, in->CPUShares },
                             { in->has_CPUQuotaUSec, in->CPUQuotaUSec },
                             { in->has_TasksMax, in->TasksMax } };
        struct change ch;
        int e = begin(c, "limit", &ch, err);
        for (int i = 0; i < NLIMITS && e == RV_OK; i++)
                e = set_text(&ch, &limits[i], given[i].given, given[i].text);
        if (e == RV_OK)
                Cgroup_SetLimits_out_set_ReturnValue(c->out, 0);
        return e;
}

static int cgroup_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct change ch;
        int e = begin(c, "limit", &ch, err);
        for (int i = 0; i < NLIMITS && e == RV_OK; i++)
                if (rv_bit(v->set, limits[i].property)) {
                        const struct rv_arg *value = &v->v[limits[i].property];
                        e = set_limit(&ch, &limits[i], value->type == RV_NULL ? NULL : &value->u);
                }
        return e;
}

static void step(void)
{
        struct timespec t = { .tv_nsec = STEP_MS * 1000000 };
        nanosleep(&t, NULL);
}

static bool frozen(const struct change *ch)
{
        char text[64];
        uint64_t v;
        if (ch->h.v2)
                return read_number(ch->folder, "cgroup.events", "frozen ", &v) && v;
        return read_text(ch->folder, "freezer.state", text, sizeof text) && strncmp(text, "FROZEN", 6) == 0;
}

static int freeze(struct rv_call *c, bool to, struct rv_error *err)
{
        struct change ch;
        int e = begin(c, to ? "freeze" : "thaw", &ch, err);
        if (e)
                return e;
        if (frozen(&ch) != to) {
                rv_change(c, "Frozen", to ? "false" : "true", to ? "true" : "false");
                if (!c->what_if)
                        e = ch.h.v2 ? write_file(&ch, "cgroup.freeze", to ? "1" : "0")
                                    : write_file(&ch, "freezer.state", to ? "FROZEN" : "THAWED");
                while (e == RV_OK && !c->what_if && frozen(&ch) != to) {
                        if (rv_cancelled(c))
                                return rv_fail(err, RV_TIMED_OUT,
                                               "%s: not all of its processes have halted in time", ch.what);
                        step();
                }
        }
        if (e == RV_OK)
                Cgroup_Freeze_out_set_ReturnValue(c->out, 0);
        return e;
}
static int cgroup_freeze(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return freeze(c, true, err);
}
static int cgroup_thaw(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return freeze(c, false, err);
}

/* Signals each process of a group and of those below it; how many there were. Never this agent. */
static unsigned signal_all(const char *folder, unsigned deep)
{
        char path[RV_CGROUP_PATH + 400];
        struct dirent *d;
        size_t n;
        unsigned count = 0;
        snprintf(path, sizeof path, "%s/cgroup.procs", folder);
        char *text = rv_slurp(path, 8 << 20, &n);
        for (char *s = text; s && *s; s += *s == '\n') {
                pid_t pid = (pid_t)strtol(s, &s, 10);
                if (pid > 1 && pid != getpid()) {
                        kill(pid, SIGKILL);
                        count++;
                }
        }
        free(text);
        DIR *dir = deep < DEEP ? opendir(folder) : NULL;
        while (dir && (d = readdir(dir)))
                if (d->d_type == DT_DIR && d->d_name[0] != '.') {
                        snprintf(path, sizeof path, "%.1000s/%s", folder, d->d_name);
                        count += signal_all(path, deep + 1);
                }
        if (dir)
                closedir(dir);
        return count;
}

static int cgroup_kill(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct change ch;
        char path[RV_CGROUP_PATH + 400];
        (void)in;
        int e = begin(c, "kill", &ch, err);
        if (e)
                return e;
        if (!ch.name[1])
                return rv_fail(err, RV_NOT_SUPPORTED, "%s: all processes of this host are in it", ch.what);
        rv_change(c, "Processes", NULL, "");
        snprintf(path, sizeof path, "%s/cgroup.kill", ch.folder);
        if (!c->what_if && access(path, W_OK) == 0)
                e = write_file(&ch, "cgroup.kill", "1");
        while (e == RV_OK && !c->what_if && signal_all(ch.folder, 0)) {
                if (rv_cancelled(c))
                        return rv_fail(err, RV_TIMED_OUT, "%s: not all of its processes have ended in time",
                                       ch.what);
                step();
        }
        if (e == RV_OK)
                Cgroup_Kill_out_set_ReturnValue(c->out, 0);
        return e;
}

static int cgroup_create_child(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Cgroup_CreateChild_in *in = args;
        struct change ch;
        char path[RV_CGROUP_PATH + 600];
        int e = begin(c, "make a group in", &ch, err);
        if (e)
                return e;
        if (!in->Name_len || strlen(in->Name) != in->Name_len || in->Name[0] == '.' ||
            strpbrk(in->Name, "/\n")) {
                rv_about(err, NULL, NULL, "Name");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no name for a control group", in->Name);
        }
        snprintf(path, sizeof path, "%s/%s", ch.folder, in->Name);
        if (access(path, F_OK) == 0)
                return rv_fail(err, RV_ALREADY_EXISTS, "%s: there is one named %.60s", ch.what, in->Name);
        rv_change(c, "Name", NULL, in->Name);
        if (!c->what_if && mkdir(path, 0755) < 0)
                return rv_fail_errno(err, errno, "%s", ch.what);
        Cgroup_CreateChild_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int cgroup_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct change ch;
        (void)in;
        int e = begin(c, "remove", &ch, err);
        if (e)
                return e;
        if (!ch.name[1])
                return rv_fail(err, RV_NOT_SUPPORTED, "%s: it is the root", ch.what);
        rv_change(c, "Name", ch.name, NULL);
        if (!c->what_if && rmdir(ch.folder) < 0) {
                e = rv_fail_errno(err, errno, "%s", ch.what);
                return errno == EBUSY || errno == ENOTEMPTY
                               ? rv_hint(err, "There are processes in it (method Kill ends them) or groups "
                                              "below it.")
                               : e;
        }
        Cgroup_Delete_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int (*const methods[Cgroup_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Cgroup_method_SetLimits] = cgroup_set_limits,
        [Cgroup_method_Freeze] = cgroup_freeze,
        [Cgroup_method_Thaw] = cgroup_thaw,
        [Cgroup_method_Kill] = cgroup_kill,
        [Cgroup_method_CreateChild] = cgroup_create_child,
        [Cgroup_method_Delete] = cgroup_delete,
};

static const struct rv_provider cgroup = {
        .class = &Cgroup_class, .query = cgroup_query, .methods = methods, .modify = cgroup_modify
};

RV_PROVIDERS(cgroup, &cgroup);
