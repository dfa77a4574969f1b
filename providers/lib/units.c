/* SPDX-License-Identifier: MIT
 *
 * The model of PID 1's units: see units.h. Everything is under one lock; the thread and the readers both take signals
 * from the connection, so a reader always sees what PID 1 said before it came.
 */
#include "providers/lib/units.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "providers/lib/systemd.h"
#include "providers/lib/unitfiles.h"
#include "providers/lib/unitvalue.h"

#define IN_FLIGHT 64    /* the bus daemon allows 128 pending replies */
#define MOST_AT_ONCE 64 /* units whose details are fetched without letting others at the model */
#define LOOKED_MS 2000
#define MOST_TOLD 256 /* units that have changed; beyond that all may have */

struct fetch;
/* Calls under way while details are fetched. */
struct flight {
        struct fetch *v;
        unsigned n, flying;
        int failed;
};

/* A folder of drop-ins that is watched, and whose they are. */
struct folder {
        int wd;
        char *id;
};

struct rv_units {
        const char *suffix, *interface;
        const struct rv_unit_property *properties;
        unsigned nproperties;
        pthread_mutex_t lock;
        sd_bus *bus;
        int inotify, wake; /* wake: a new connection for the thread to watch */
        bool thread, fetching;
        bool stale; /* PID 1 has read its files anew: it is listed again, details are asked for again */
        bool scan;  /* unit files have changed: they are looked at again */
        uint32_t scans;
        struct folder *folders;
        unsigned nfolders;
        struct flight flight;
        _Atomic unsigned waiting; /* readers that wait for the lock */
        uint64_t last_read;       /* CLOCK_MONOTONIC ms */
        /* Who wants to be told has a lock of its own: the other is held while PID 1 is asked. */
        pthread_mutex_t told_lock;
        int tell; /* the descriptor of who wants to be told; -1 = nobody */
        char *told[MOST_TOLD];
        unsigned ntold;
        bool told_all;
        struct rv_unit **v; /* sorted by id */
        uint32_t n, cap;
};

static uint64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct rv_units *rv_units_new(const char *suffix, const char *interface, const struct rv_unit_property *p,
                              unsigned n)
{
        struct rv_units *u = calloc(1, sizeof *u);
        if (!u)
                return NULL;
        *u = (struct rv_units) { .suffix = suffix,
                                 .interface = interface,
                                 .properties = p,
                                 .nproperties = n,
                                 .inotify = -1,
                                 .wake = -1,
                                 .tell = -1 };
        pthread_mutex_init(&u->lock, NULL);
        pthread_mutex_init(&u->told_lock, NULL);
        return u;
}

/* ---- units ---- */

static void values_free(struct rv_units *u, struct rv_unit *one)
{
        for (unsigned i = 0; one->values && i < u->nproperties; i++)
                if (one->values[i].type == RV_UT_TEXT || one->values[i].type == RV_UT_LIST)
                        free(one->values[i].text);
        free(one->values);
        one->values = NULL;
        one->detailed = false;
}

static void unit_free(struct rv_units *u, struct rv_unit *one)
{
        values_free(u, one);
        free(one->id);
        free(one->description);
        free(one->load);
        free(one->active);
        free(one->sub);
        free(one->job);
        free(one->fragment);
        free(one->file_state);
        free(one);
}

/* Where id is, or belongs. */
static uint32_t place(struct rv_units *u, const char *id, bool *ret_there)
{
        uint32_t lo = 0, hi = u->n;
        *ret_there = false;
        while (lo < hi) {
                uint32_t mid = (lo + hi) / 2;
                int c = strcmp(u->v[mid]->id, id);
                if (c == 0) {
                        *ret_there = true;
                        return mid;
                }
                if (c < 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

static struct rv_unit *unit_make(struct rv_units *u, const char *id)
{
        bool there;
        uint32_t at = place(u, id, &there);
        if (there)
                return u->v[at];
        if (u->n == u->cap) {
                uint32_t cap = u->cap ? u->cap * 2 : 256;
                struct rv_unit **v = realloc(u->v, cap * sizeof *v);
                if (!v)
                        return NULL;
                u->v = v, u->cap = cap;
        }
        struct rv_unit *one = calloc(1, sizeof *one);
        if (!one || !(one->id = strdup(id))) {
                free(one);
                return NULL;
        }
        memmove(u->v + at + 1, u->v + at, (u->n - at) * sizeof *u->v);
        u->v[at] = one;
        u->n++;
        return one;
}

static void unit_remove(struct rv_units *u, const char *id)
{
        bool there;
        uint32_t at = place(u, id, &there);
        if (!there)
                return;
        unit_free(u, u->v[at]);
        memmove(u->v + at, u->v + at + 1, (u->n - at - 1) * sizeof *u->v);
        u->n--;
}

static void replace(char **to, const char *text)
{
        if (*to && strcmp(*to, text) == 0)
                return;
        char *copy = strdup(text);
        if (copy) {
                free(*to);
                *to = copy;
        }
}

/* ---- telling ---- */

static void told_clear(struct rv_units *u)
{
        while (u->ntold)
                free(u->told[--u->ntold]);
        u->told_all = false;
}

/* id NULL: anything. */
static void tell(struct rv_units *u, const char *id)
{
        uint64_t one = 1;
        pthread_mutex_lock(&u->told_lock);
        bool known = u->told_all;
        for (unsigned i = 0; id && i < u->ntold && !known; i++)
                known = strcmp(u->told[i], id) == 0;
        if (u->tell >= 0 && !known) {
                char *own = id && u->ntold < MOST_TOLD ? strdup(id) : NULL;
                if (own)
                        u->told[u->ntold++] = own;
                else
                        u->told_all = true;
                if (write(u->tell, &one, sizeof one) < 0)
                        u->told_all = true;
        }
        pthread_mutex_unlock(&u->told_lock);
}

static bool is_watched(struct rv_units *u)
{
        pthread_mutex_lock(&u->told_lock);
        bool watched = u->tell >= 0;
        pthread_mutex_unlock(&u->told_lock);
        return watched;
}

int rv_units_watch(struct rv_units *u)
{
        pthread_mutex_lock(&u->told_lock);
        if (u->tell < 0)
                u->tell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        told_clear(u);
        int fd = u->tell < 0 ? -errno : dup(u->tell);
        pthread_mutex_unlock(&u->told_lock);
        return fd == -1 ? -errno : fd;
}

void rv_units_unwatch(struct rv_units *u)
{
        uint64_t one = 1;
        pthread_mutex_lock(&u->told_lock);
        if (u->tell >= 0)
                close(u->tell);
        u->tell = -1;
        told_clear(u);
        if (u->wake >= 0 && write(u->wake, &one, sizeof one) < 0) /* its thread waits by the clock again */
                told_clear(u);
        pthread_mutex_unlock(&u->told_lock);
}

bool rv_units_told(struct rv_units *u, int fd, void (*each)(void *, const char *), void *state)
{
        uint64_t count;
        pthread_mutex_lock(&u->told_lock);
        if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
                u->told_all = true;
        bool all = u->told_all;
        for (unsigned i = 0; !all && i < u->ntold; i++)
                each(state, u->told[i]);
        told_clear(u);
        pthread_mutex_unlock(&u->told_lock);
        return !all;
}

static void folders_free(struct rv_units *u)
{
        for (unsigned i = 0; i < u->nfolders; i++)
                free(u->folders[i].id);
        free(u->folders);
        u->folders = NULL;
        u->nfolders = 0;
}

/* The connection, and all that was known by it. */
static void forget(struct rv_units *u)
{
        for (uint32_t i = 0; i < u->n; i++)
                unit_free(u, u->v[i]);
        u->n = 0;
        if (u->bus)
                u->bus = rv_systemd_close(u->bus);
        if (u->inotify >= 0)
                close(u->inotify);
        u->inotify = -1;
        folders_free(u);
        u->stale = u->scan = false;
}

static const char *interface_of(const struct rv_units *u, const char *id)
{
        return u->interface ? u->interface : rv_units_interface(id);
}

static bool ours(const struct rv_units *u, const char *id)
{
        size_t n = strlen(id), m = strlen(u->suffix);
        return n > m && strcmp(id + n - m, u->suffix) == 0;
}

static int find_property(const struct rv_units *u, const char *name)
{
        for (unsigned i = 0; i < u->nproperties; i++)
                if (strcmp(u->properties[i].name, name) == 0)
                        return (int)i;
        return -1;
}

/* a{sv} into a unit. Properties of the list are taken in any case, details only where they are kept. */
static int take_properties(struct rv_units *u, struct rv_unit *one, sd_bus_message *m)
{
        const char *name;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r > 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r < 0)
                        break;
                char **listed = strcmp(name, "ActiveState") == 0   ? &one->active
                                : strcmp(name, "SubState") == 0    ? &one->sub
                                : strcmp(name, "LoadState") == 0   ? &one->load
                                : strcmp(name, "Description") == 0 ? &one->description
                                                                   : NULL;
                int at = one->values ? find_property(u, name) : -1;
                if (listed) {
                        const char *text;
                        r = sd_bus_message_read(m, "v", "s", &text);
                        if (r >= 0)
                                replace(listed, text);
                } else if (strcmp(name, "Job") == 0) {
                        /* Its id and path are told, not what it does: then the unit is listed again. */
                        bool none = true;
                        r = rv_unit_job_read(m, &none);
                        if (none)
                                replace(&one->job, "");
                        else if (one->loaded && (!one->job || !*one->job))
                                one->listed = false;
                } else if (at >= 0)
                        r = rv_unit_value_read(m, u->properties[at].read, &one->values[at]);
                else
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        break;
                r = 1;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* ---- signals ---- */

/* What PID 1 says of loading and unloading it is our own doing, however late it is heard: read again because of
 * that, it would be loaded again, and so on for ever. What really happens to it meanwhile comes as
 * PropertiesChanged. */
static bool just_looked(const struct rv_unit *one)
{
        return !one->loaded && one->looked && now_ms() - one->looked < LOOKED_MS;
}

static int on_properties(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct rv_units *u = state;
        const char *interface;
        char *id = NULL;
        bool there = false;
        if (sd_bus_path_decode(sd_bus_message_get_path(m), RV_SYSTEMD_PATH "/unit", &id) <= 0)
                return 0;
        if (ours(u, id)) {
                uint32_t at = place(u, id, &there);
                if (there && sd_bus_message_read(m, "s", &interface) >= 0 &&
                    (strcmp(interface, RV_SYSTEMD_UNIT) == 0 ||
                     strcmp(interface, interface_of(u, id)) == 0)) {
                        struct rv_unit *one = u->v[at];
                        take_properties(u, one, m);
                        if (just_looked(one) && one->active && strcmp(one->active, "inactive") != 0) {
                                one->loaded = true; /* it began while we looked */
                                one->listed = one->detailed = false;
                        }
                        tell(u, id);
                }
        }
        free(id);
        return 0;
}

static int on_new(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct rv_units *u = state;
        const char *id;
        if (sd_bus_message_read(m, "s", &id) >= 0 && ours(u, id)) {
                struct rv_unit *one = unit_make(u, id);
                if (one && just_looked(one))
                        return 0;
                if (one && !one->loaded && !u->fetching)
                        tell(u, id);
                if (one && !one->loaded) {
                        one->loaded = true;
                        one->listed = false;
                        one->detailed =
                                one->detailed && u->fetching; /* asking for details is what loaded it */
                }
        }
        return 0;
}

static int on_removed(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct rv_units *u = state;
        const char *id;
        bool there;
        if (sd_bus_message_read(m, "s", &id) < 0 || !ours(u, id))
                return 0;
        uint32_t at = place(u, id, &there);
        const struct rv_unit *one = there ? u->v[at] : NULL; /* one that was looked at only is as it was */
        if (one && just_looked(one))
                return 0;
        if (one && (!one->fragment || !one->active || strcmp(one->active, "inactive") != 0 ||
                    (one->job && *one->job)))
                tell(u, id);
        if (there && !u->v[at]->fragment)
                unit_remove(u, id);
        else if (there) {
                u->v[at]->loaded = false;
                replace(&u->v[at]->active, "inactive");
                replace(&u->v[at]->sub, "dead");
                replace(&u->v[at]->job, "");
                if (!u->v[at]->load)
                        replace(&u->v[at]->load, "stub");
        }
        return 0;
}

/* PID 1 tells of the beginning and of the end; until the end it answers nobody, and all is as it was. */
static int on_reloading(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct rv_units *u = state;
        int begins = 0;
        if (sd_bus_message_read(m, "b", &begins) >= 0 && begins)
                return 0;
        u->stale = u->scan = true;
        tell(u, NULL);
        return 0;
}

/* ---- listing ---- */

static int take_list(struct rv_units *u, sd_bus_message *m)
{
        const char *id, *description, *load, *active, *sub, *following, *path, *job_type, *job_path;
        uint32_t job;
        int r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
        while (r > 0 && (r = sd_bus_message_read(m, "(ssssssouso)", &id, &description, &load, &active, &sub,
                                                 &following, &path, &job, &job_type, &job_path)) > 0) {
                if (!ours(u, id))
                        continue;
                struct rv_unit *one = unit_make(u, id);
                if (!one)
                        return -ENOMEM;
                one->loaded = one->listed = true;
                replace(&one->description, description);
                replace(&one->load, load);
                replace(&one->active, active);
                replace(&one->sub, sub);
                replace(&one->job, job ? job_type : "");
        }
        return r;
}

/* Units that appeared by signal and are not described yet. */
static int list_new(struct rv_units *u, uint64_t deadline, struct rv_error *err)
{
        sd_bus_message *m = NULL, *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        unsigned n = 0;
        int r = sd_bus_message_new_method_call(u->bus, &m, RV_SYSTEMD_NAME, RV_SYSTEMD_PATH,
                                               RV_SYSTEMD_MANAGER, "ListUnitsByNames");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (uint32_t i = 0; r >= 0 && i < u->n; i++)
                if (u->v[i]->loaded && !u->v[i]->listed) {
                        r = sd_bus_message_append(m, "s", u->v[i]->id);
                        n++;
                }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0 && n)
                r = sd_bus_call(u->bus, m, rv_systemd_timeout(deadline), &error, &reply);
        if (r >= 0 && n)
                r = take_list(u, reply);
        int e = r < 0 ? rv_systemd_fail(err, r, &error, "cannot list units") : RV_OK;
        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
        sd_bus_message_unref(m);
        return e;
}

static void take_file(void *state, const char *id, const char *path, const char *file_state, bool wanted,
                      const char *description)
{
        struct rv_units *u = state;
        if (!ours(u, id))
                return;
        struct rv_unit *one = unit_make(u, id);
        if (!one)
                return;
        one->seen = u->scans;
        if (!one->fragment || !one->file_state || strcmp(one->fragment, path) != 0 ||
            strcmp(one->file_state, file_state) != 0 || one->wanted != wanted)
                tell(u, id);
        replace(&one->fragment, path);
        replace(&one->file_state, file_state);
        one->wanted = wanted;
        if (!one->loaded && !one->load) {
                replace(&one->description, description ? description : id);
                replace(&one->load, strncmp(file_state, "masked", 6) == 0 ? "masked" : "stub");
                replace(&one->active, "inactive");
                replace(&one->sub, "dead");
                replace(&one->job, "");
        }
}

static void take_folder(void *state, int wd, const char *id)
{
        struct rv_units *u = state;
        for (unsigned i = 0; i < u->nfolders; i++)
                if (u->folders[i].wd == wd)
                        return;
        struct folder *more = realloc(u->folders, (u->nfolders + 1) * sizeof *more);
        char *own = strdup(id);
        if (more)
                u->folders = more;
        if (more && own)
                u->folders[u->nfolders++] = (struct folder) { wd, own };
        else
                free(own);
}

/* What the unit folders have now. Those that are watched first: what comes after is heard. */
static void scan(struct rv_units *u)
{
        u->scan = false;
        u->scans++;
        rv_unitfiles_watch(u->inotify, take_folder, u);
        rv_unitfiles_scan(take_file, u);
        for (uint32_t i = 0; i < u->n;) {
                struct rv_unit *one = u->v[i];
                if (!one->fragment || one->seen == u->scans) {
                        i++;
                        continue;
                }
                tell(u, one->id);
                free(one->fragment);
                free(one->file_state);
                one->fragment = one->file_state = NULL;
                one->wanted = false;
                if (one->loaded)
                        i++;
                else
                        unit_remove(u, one->id);
        }
}

/* What is known of PID 1's units is no longer so: all are listed, and the details of each asked for when they are
 * wanted. */
static int list_again(struct rv_units *u, uint64_t deadline, struct rv_error *err)
{
        sd_bus_message *reply = NULL;
        int r, e = rv_systemd_call(u->bus, deadline, "cannot list units", err, &reply, "ListUnits", NULL);
        for (uint32_t i = 0; e == RV_OK && i < u->n; i++) {
                struct rv_unit *one = u->v[i];
                one->loaded = one->listed = one->detailed = false;
                replace(&one->active, "inactive");
                replace(&one->sub, "dead");
                replace(&one->job, "");
                free(one->load); /* the scan has it, or the list */
                one->load = NULL;
        }
        if (e == RV_OK && (r = take_list(u, reply)) < 0)
                e = rv_systemd_fail(err, r, NULL, "cannot list units");
        sd_bus_message_unref(reply);
        for (uint32_t i = 0; e == RV_OK && i < u->n;)
                if (!u->v[i]->loaded && !u->v[i]->fragment)
                        unit_remove(u, u->v[i]->id);
                else
                        i++;
        u->stale = false;
        return e;
}

static int connect_and_list(struct rv_units *u, uint64_t deadline, struct rv_error *err)
{
        sd_bus_message *reply = NULL;
        forget(u);
        int e = rv_systemd_open(&u->bus, err);
        if (e)
                return e;
        u->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        int r = sd_bus_match_signal(u->bus, NULL, NULL, NULL, "org.freedesktop.DBus.Properties",
                                    "PropertiesChanged", on_properties, u);
        if (r >= 0)
                r = sd_bus_match_signal(u->bus, NULL, NULL, RV_SYSTEMD_PATH, RV_SYSTEMD_MANAGER, "UnitNew",
                                        on_new, u);
        if (r >= 0)
                r = sd_bus_match_signal(u->bus, NULL, NULL, RV_SYSTEMD_PATH, RV_SYSTEMD_MANAGER,
                                        "UnitRemoved", on_removed, u);
        if (r >= 0)
                r = sd_bus_match_signal(u->bus, NULL, NULL, RV_SYSTEMD_PATH, RV_SYSTEMD_MANAGER, "Reloading",
                                        on_reloading, u);
        if (r < 0)
                e = rv_systemd_fail(err, r, NULL, "cannot subscribe to systemd's signals");
        if (e == RV_OK)
                e = rv_systemd_call(u->bus, deadline, "cannot subscribe to systemd's signals", err, NULL,
                                    "Subscribe", NULL);
        if (e == RV_OK)
                e = rv_systemd_call(u->bus, deadline, "cannot list units", err, &reply, "ListUnits", NULL);
        if (e == RV_OK && (r = take_list(u, reply)) < 0)
                e = rv_systemd_fail(err, r, NULL, "cannot list units");
        sd_bus_message_unref(reply);
        if (e == RV_OK)
                scan(u);
        else
                forget(u);
        return e;
}

/* ---- keeping up ---- */

/* A file of this unit has changed: what PID 1 says of it may differ now (NeedDaemonReload, and all where it has not
 * loaded it). */
static void touched(struct rv_units *u, const char *id)
{
        bool there;
        uint32_t at = place(u, id, &there);
        if (there) {
                u->v[at]->detailed = false;
                if (!u->v[at]->loaded) {
                        values_free(u, u->v[at]);
                        free(u->v[at]->load);
                        u->v[at]->load = NULL;
                }
        }
        u->scan = true;
        tell(u, id);
}

static void touched_all(struct rv_units *u)
{
        for (uint32_t i = 0; i < u->n; i++)
                u->v[i]->detailed = false;
        u->scan = true;
        tell(u, NULL);
}

static void on_file(struct rv_units *u, const struct inotify_event *e)
{
        const char *name = e->len ? e->name : "", *dot = strrchr(name, '.');
        char id[NAME_MAX + 1];
        snprintf(id, sizeof id, "%.*s", dot ? (int)(dot - name) : 0, name);
        for (unsigned i = 0; i < u->nfolders; i++)
                if (u->folders[i].wd == e->wd) {
                        if (dot && strcmp(dot, ".conf") == 0)
                                touched(u, u->folders[i].id);
                        return;
                }
        bool kind = !strchr(id, '.'); /* service.d: drop-ins of all services */
        if (e->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF))
                touched_all(u);
        else if (rv_unitfiles_is_folder(name))
                u->scan = true;
        else if (!dot || strcmp(dot, ".d") != 0)
                ours(u, name) ? touched(u, name) : (void)0;
        else if (kind ? !*u->suffix || strcmp(id, u->suffix + 1) == 0 : ours(u, id))
                kind || strstr(id, "-.") ? touched_all(u) : touched(u, id);
}

/* All signals that are there. False: the connection is gone. */
static bool drain(struct rv_units *u)
{
        char events[4096] __attribute__((aligned(8)));
        struct pollfd fds[2] = { { .fd = sd_bus_get_fd(u->bus), .events = POLLIN },
                                 { .fd = u->inotify, .events = POLLIN } };
        ssize_t n;
        int r;
        uint64_t due = 0;
        if (poll(fds, 2, 0) == 0 && sd_bus_get_events(u->bus) == POLLIN &&
            sd_bus_get_timeout(u->bus, &due) >= 0 && due)
                return true; /* the usual case, for one call */
        while ((r = sd_bus_process(u->bus, NULL)) > 0)
                ;
        while (u->inotify >= 0 && (n = read(u->inotify, events, sizeof events)) > 0)
                for (char *p = events; p < events + n;
                     p += sizeof(struct inotify_event) + ((struct inotify_event *)p)->len)
                        on_file(u, (struct inotify_event *)p);
        return r >= 0;
}

static void *watch(void *state)
{
        struct rv_units *u = state;
        pthread_mutex_lock(&u->lock);
        for (;;) {
                uint64_t idle = now_ms() - u->last_read;
                bool watched = is_watched(u);
                if (!u->bus || (idle >= RV_UNITS_LINGER && !watched))
                        break;
                struct pollfd fds[3] = { { .fd = sd_bus_get_fd(u->bus), .events = POLLIN },
                                         { .fd = u->inotify, .events = POLLIN },
                                         { .fd = u->wake, .events = POLLIN } };
                pthread_mutex_unlock(&u->lock);
                poll(fds, 3, watched ? -1 : (int)(RV_UNITS_LINGER - idle));
                pthread_mutex_lock(&u->lock);
                uint64_t count;
                if (fds[2].revents && read(u->wake, &count, sizeof count) < 0)
                        break;
                if (u->bus && !drain(u))
                        forget(u);
                if (!u->bus) /* whoever reads connects anew */
                        tell(u, NULL);
        }
        forget(u);
        u->thread = false;
        pthread_mutex_unlock(&u->lock);
        return NULL;
}

static void start_thread(struct rv_units *u)
{
        uint64_t one = 1;
        if (u->wake < 0)
                u->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (u->thread) {
                if (write(u->wake, &one, sizeof one) < 0)
                        u->scan = true;
                return;
        }
        pthread_attr_t attr;
        pthread_t t;
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, 128 << 10);
        u->thread = pthread_create(&t, &attr, watch, u) == 0;
        pthread_attr_destroy(&attr);
}

/* ---- details ---- */

struct fetch {
        struct rv_units *u;
        const char *id;
        int property; /* Get of this one; -1: GetAll */
        sd_bus_slot *slot;
};

static int on_details(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct fetch *f = state;
        struct flight *flight = &f->u->flight;
        bool there;
        flight->flying--;
        uint32_t at = place(f->u, f->id, &there);
        struct rv_unit *one = there ? f->u->v[at] : NULL;
        if (sd_bus_message_is_method_error(m, NULL)) {
                const sd_bus_error *e = sd_bus_message_get_error(m);
                if (strstr(e->name, "NoReply") || strstr(e->name, "Timeout") ||
                    strstr(e->name, "Disconnected"))
                        flight->failed = -ETIMEDOUT;
        } else if (one && f->property < 0)
                take_properties(f->u, one, m);
        else if (one && one->values)
                rv_unit_value_read(m, f->u->properties[f->property].read, &one->values[f->property]);
        return 0;
}

static int land(struct rv_units *u, unsigned most)
{
        while (u->flight.flying > most) {
                int r = sd_bus_process(u->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(u->bus, 1000000);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

/* property < 0: all of the interface. */
static int fetch_one(struct rv_units *u, const char *id, const char *interface, int property,
                     uint64_t deadline)
{
        char path[1024];
        sd_bus_message *m = NULL;
        struct fetch *f = &u->flight.v[u->flight.n++];
        *f = (struct fetch) { .u = u, .id = id, .property = property };
        int r = rv_systemd_path(id, path, sizeof path);
        if (r >= 0)
                r = sd_bus_message_new_method_call(u->bus, &m, RV_SYSTEMD_NAME, path,
                                                   "org.freedesktop.DBus.Properties",
                                                   property < 0 ? "GetAll" : "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", interface);
        if (r >= 0 && property >= 0)
                r = sd_bus_message_append(m, "s", u->properties[property].name);
        if (r >= 0)
                r = sd_bus_call_async(u->bus, &f->slot, m, on_details, f, rv_systemd_timeout(deadline));
        sd_bus_message_unref(m);
        if (r >= 0)
                u->flight.flying++;
        return r < 0 ? r : land(u, IN_FLIGHT);
}

static unsigned of_unit(const struct rv_units *u)
{
        unsigned n = 0;
        for (unsigned i = 0; i < u->nproperties; i++)
                n += u->properties[i].of_unit;
        return n;
}

/* The details of n units, which are MOST_AT_ONCE at most. Ids are kept apart: the array moves when signals come. */
static int fetch_some(struct rv_units *u, char **ids, unsigned n, uint64_t deadline)
{
        struct flight *flight = &u->flight;
        size_t most = (size_t)n * (of_unit(u) + 2);
        int r = 0;
        bool there;
        *flight = (struct flight) { .v = calloc(most + 1, sizeof *flight->v) };
        if (!flight->v)
                return -ENOMEM;
        for (unsigned i = 0; i < n && r >= 0; i++) {
                uint32_t at = place(u, ids[i], &there);
                if (!there)
                        continue;
                if (!u->v[at]->values &&
                    !(u->v[at]->values = calloc(u->nproperties, sizeof *u->v[at]->values)))
                        r = -ENOMEM;
                if (!u->v[at]->loaded)
                        u->v[at]->looked = now_ms();
                bool single = of_unit(u) && u->v[at]->loaded; /* else each Get would load it again */
                if (r >= 0 && !single)
                        r = fetch_one(u, ids[i], RV_SYSTEMD_UNIT, -1, deadline);
                for (unsigned p = 0; single && p < u->nproperties && r >= 0; p++)
                        if (u->properties[p].of_unit)
                                r = fetch_one(u, ids[i], RV_SYSTEMD_UNIT, (int)p, deadline);
                if (r >= 0)
                        r = fetch_one(u, ids[i], interface_of(u, ids[i]), -1, deadline);
        }
        if (r >= 0)
                r = land(u, 0);
        for (unsigned i = 0; i < flight->n; i++)
                sd_bus_slot_unref(flight->v[i].slot);
        free(flight->v);
        flight->v = NULL;
        for (unsigned i = 0; i < n && r >= 0 && !flight->failed; i++) {
                uint32_t at = place(u, ids[i], &there);
                if (there)
                        u->v[at]->detailed = true;
                if (there && u->v[at]->looked)
                        u->v[at]->looked = now_ms();
        }
        return r < 0 ? r : flight->failed;
}

/* Lets those who wait for the lock have it for a moment. False: meanwhile the connection was given up. */
static bool let_others(struct rv_units *u)
{
        struct timespec moment = { .tv_nsec = 1000000 };
        if (!atomic_load(&u->waiting))
                return true;
        u->fetching = false;
        pthread_mutex_unlock(&u->lock);
        nanosleep(&moment, NULL);
        pthread_mutex_lock(&u->lock);
        u->fetching = true;
        return u->bus != NULL;
}

/* Fetches the details of those that have none. */
static int fetch_details(struct rv_units *u, const char *only, uint64_t deadline, struct rv_error *err)
{
        unsigned n = 0;
        int r = 0;
        char **ids = calloc(u->n + 1, sizeof *ids);
        if (!ids)
                return -ENOMEM;
        for (uint32_t i = 0; i < u->n; i++)
                if (!u->v[i]->detailed && (!only || strcmp(only, u->v[i]->id) == 0) &&
                    (ids[n] = strdup(u->v[i]->id)))
                        n++;
        u->fetching = true;
        for (unsigned i = 0; i < n && r >= 0; i += MOST_AT_ONCE) {
                unsigned some = n - i < MOST_AT_ONCE ? n - i : MOST_AT_ONCE;
                r = fetch_some(u, ids + i, some, deadline);
                if (r >= 0 && i + some < n && !let_others(u))
                        r = -ECONNRESET;
        }
        u->fetching = false;
        for (unsigned i = 0; i < n; i++)
                free(ids[i]);
        free(ids);
        return r < 0 ? rv_systemd_fail(err, r, NULL, "cannot read the units' properties") : RV_OK;
}

/* ---- readers ---- */

static int take_lock(struct rv_units *u, uint64_t deadline, struct rv_error *err)
{
        struct timespec until = { .tv_sec = (time_t)(deadline / 1000000000u),
                                  .tv_nsec = (long)(deadline % 1000000000u) };
        atomic_fetch_add(&u->waiting, 1);
        int r = deadline ? pthread_mutex_clocklock(&u->lock, CLOCK_MONOTONIC, &until)
                         : pthread_mutex_lock(&u->lock);
        atomic_fetch_sub(&u->waiting, 1);
        if (r == 0)
                return RV_OK;
        rv_fail(err, RV_TIMED_OUT, "systemd does not answer");
        return RV_TIMED_OUT;
}

/* There is a connection, and what it said is known. */
static int up_to_date(struct rv_units *u, uint64_t deadline, struct rv_error *err)
{
        int e = RV_OK;
        if (u->bus && !drain(u))
                forget(u);
        if (!u->bus) {
                e = connect_and_list(u, deadline, err);
                if (e == RV_OK)
                        start_thread(u);
        } else if (u->stale) {
                e = list_again(u, deadline, err);
        }
        if (e == RV_OK && u->scan)
                scan(u);
        return e ? e : list_new(u, deadline, err);
}

int rv_units_again(struct rv_units *u, uint64_t deadline, struct rv_error *err)
{
        int e = take_lock(u, deadline, err);
        if (e || u->bus)
                return e;
        e = up_to_date(u, deadline, err); /* given up meanwhile: an empty model is not what this host has */
        if (e)
                pthread_mutex_unlock(&u->lock);
        return e;
}

int rv_units_begin(struct rv_units *u, bool details, const char *only, uint64_t deadline,
                   struct rv_error *err)
{
        int e = take_lock(u, deadline, err);
        if (e)
                return e;
        u->last_read = now_ms();
        e = up_to_date(u, deadline, err);
        if (e)
                forget(u); /* what is half read is not kept */
        else if (details)
                e = fetch_details(u, only, deadline, err); /* those that came in time are kept */
        if (e)
                pthread_mutex_unlock(&u->lock);
        return e;
}

bool rv_units_peek(struct rv_units *u, bool details, const char *id)
{
        if (pthread_mutex_trylock(&u->lock))
                return false;
        bool good = u->bus && !u->fetching && drain(u) && !u->stale && !u->scan;
        const struct rv_unit *one = good ? rv_units_find(u, id) : NULL;
        good = good && (!one || ((!one->loaded || one->listed) && (!details || one->detailed)));
        if (good)
                u->last_read = now_ms();
        else
                pthread_mutex_unlock(&u->lock);
        return good;
}

const struct rv_unit *rv_units_after(struct rv_units *u, const char *after)
{
        bool there;
        uint32_t at = place(u, after, &there) + (*after ? 1 : 0);
        if (*after && !there)
                at--;
        return at < u->n ? u->v[at] : NULL;
}

const struct rv_unit *rv_units_find(struct rv_units *u, const char *id)
{
        bool there;
        uint32_t at = place(u, id, &there);
        return there ? u->v[at] : NULL;
}

void rv_units_end(struct rv_units *u)
{
        pthread_mutex_unlock(&u->lock);
}
