/* SPDX-License-Identifier: MIT
 *
 * See external.h. The classes of a file are read by the same parser as those compiled in, and get tables of functions
 * like theirs, so that nothing else in the agent knows the difference.
 */
#include "agent/external.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/external_int.h"
#include "agent/log.h"

enum { SEEING_OFF = 3 };

static struct rv_external *all;
static const struct rv_provider **providers;
static unsigned nproviders;

struct rv_external *rv_external_of(const struct rv_class *c)
{
        for (struct rv_external *x = all; x; x = x->next)
                for (uint32_t i = 0; i < x->nclasses; i++)
                        if (x->classes[i] == c)
                                return x;
        return NULL;
}

const char *rv_external_control_group(const struct rv_class *c)
{
        const struct rv_external *x = rv_external_of(c);
        return x && x->group.n ? x->group.folders[0] : NULL;
}

const struct rv_provider *const *rv_external_providers(void)
{
        return providers;
}

bool rv_external_is(const struct rv_provider *p)
{
        return p->query == rv_external_query || p->query == rv_external_text ||
               (p->push && p->push->read == rv_external_push.read);
}

static void drop(struct rv_external *x)
{
        for (unsigned i = 0; i < RV_EXTERNAL_PROGRAMS; i++)
                rv_child_end(&x->children[i]);
        rv_external_group_drop(x);
        for (uint32_t i = 0; x->tables && i < x->nclasses; i++)
                free((void *)x->tables[i].methods);
        free(x->tables);
        free(x->news);
        rv_mof_free(x->mof);
        rv_arena_free(&x->arena);
        pthread_mutex_destroy(&x->lock);
        pthread_mutex_destroy(&x->group.lock);
        pthread_cond_destroy(&x->free);
        free(x);
}

/* A minute after a class's last call: programs that have had nothing to do for Idle seconds end. */
static void idle(void)
{
        uint64_t now = rv_now();
        for (struct rv_external *x = all; x; x = x->next) {
                pthread_mutex_lock(&x->lock);
                for (unsigned i = 0; i < x->programs; i++)
                        if (!x->busy[i] && x->children[i].pid &&
                            now - x->children[i].last_used >= x->idle * UINT64_C(1000000000))
                                rv_child_end_later(&x->children[i]);
                pthread_mutex_unlock(&x->lock);
        }
}

static bool has_write(const struct rv_class *c)
{
        for (uint32_t p = 0; p < c->nproperties; p++)
                if (c->properties[p].flags & RV_WRITE)
                        return true;
        return false;
}

static int make_table(struct rv_external *x, const struct rv_class *c, struct rv_provider *t)
{
        /* More threads than programs: those that only see a late program off do not hold up the next call. */
        *t = (struct rv_provider) { .class = c, .threads = x->programs + SEEING_OFF, .idle = idle };
        if (x->kind != RV_EXTERNAL_EXEC) {
                t->query = rv_external_text;
                return RV_OK;
        }
        if (x->events)
                t->push = &x->push;
        if (c->flags & RV_INDICATION)
                return RV_OK;
        int (**methods)(struct rv_call *, const void *, struct rv_error *) =
                calloc(c->nmethods + 1, sizeof *methods);
        if (!methods)
                return -ENOMEM;
        for (uint32_t i = 0; i < c->nmethods; i++)
                methods[i] = rv_external_method;
        t->query = rv_external_query;
        t->methods = methods;
        if (has_write(c)) {
                t->create = rv_external_create;
                t->modify = rv_external_modify;
                t->remove = rv_external_remove;
        }
        return RV_OK;
}

static int check_class(const struct rv_external *x, const struct rv_class *c, const struct rv_registry *r,
                       struct rv_error *err)
{
        const struct rv_class *other;
        rv_about(err, c->name, NULL, NULL);
        if (rv_registry_find(r, c->name, NULL, &other, NULL) == RV_OK)
                return rv_fail(err, RV_ALREADY_EXISTS, "%s: there is a class %s already", x->schema, c->name);
        if (c->flags & (RV_ASSOCIATION | RV_ABSTRACT) || c->view_of)
                return rv_fail(err, RV_NOT_SUPPORTED,
                               "%s: %s is an association, abstract or a view; here only classes with objects and "
                               "indications can be declared",
                               x->schema, c->name);
        if (c->flags & RV_INDICATION && !x->events)
                return rv_fail(err, RV_INVALID_PARAMETER, "%s: %s is an indication, which only a program with "
                               "Events = yes can tell", x->schema, c->name);
        if (!c->nkeys && !(c->flags & RV_INDICATION) && !(c->flags & RV_SINGLETON))
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "%s: %s has no [Key] property and is no [Singleton]", x->schema, c->name);
        for (unsigned i = 0; i < x->ncolumns; i++)
                if (strcmp(x->columns[i], "-") != 0 &&
                    rv_property_find(c, x->columns[i], strlen(x->columns[i])) < 0)
                        return rv_fail(err, RV_NO_SUCH_PROPERTY, "%s: Columns: %s has no property %s",
                                       x->path, c->name, x->columns[i]);
        return RV_OK;
}

static int read_schema(struct rv_external *x, const struct rv_registry *r, struct rv_error *err)
{
        x->mof = rv_mof_new();
        if (!x->mof)
                return -ENOMEM;
        if (rv_mof_text(x->mof, "qualifiers.mof", rv_mof_qualifiers, strlen(rv_mof_qualifiers)) ||
            rv_mof_file(x->mof, x->schema) || rv_mof_finish(x->mof, true))
                return rv_fail(err, RV_INVALID_CLASS, "%s", rv_mof_error(x->mof, 0));
        x->classes = rv_mof_classes(x->mof, &x->nclasses);
        if (!x->nclasses)
                return rv_fail(err, RV_INVALID_CLASS, "%s declares no class", x->schema);
        if (x->nclasses > 1 && x->kind != RV_EXTERNAL_EXEC)
                return rv_fail(err, RV_INVALID_CLASS,
                               "%s declares several classes; a command or a file gives one", x->schema);
        int e = RV_OK;
        for (uint32_t i = 0; e == RV_OK && i < x->nclasses; i++)
                e = check_class(x, x->classes[i], r, err);
        return e;
}

static int add_tables(struct rv_external *x, struct rv_registry *r)
{
        const struct rv_provider **more = realloc(providers, (nproviders + x->nclasses + 1) * sizeof *more);
        if (!more)
                return -ENOMEM;
        providers = more;
        x->tables = calloc(x->nclasses, sizeof *x->tables);
        x->news = calloc(x->nclasses, sizeof *x->news);
        x->push = rv_external_push;
        x->push.covers = x->events;
        int e = x->tables && x->news ? RV_OK : -ENOMEM;
        for (uint32_t i = 0; e == RV_OK && i < x->nclasses; i++)
                e = make_table(x, x->classes[i], &x->tables[i]);
        for (uint32_t i = 0; e == RV_OK && i < x->nclasses; i++) {
                e = rv_registry_add(r, x->classes[i]);
                providers[nproviders++] = &x->tables[i];
        }
        providers[nproviders] = NULL;
        return e;
}

int rv_external_take(struct rv_registry *r, const char *path, struct rv_error *err)
{
        struct rv_external *x = calloc(1, sizeof *x);
        if (!x)
                return -ENOMEM;
        pthread_condattr_t attr;
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_mutex_init(&x->lock, NULL);
        pthread_mutex_init(&x->group.lock, NULL);
        pthread_cond_init(&x->free, &attr);
        pthread_condattr_destroy(&attr);
        int e = rv_external_read(x, path, err);
        if (e == RV_OK)
                e = read_schema(x, r, err);
        if (e == RV_OK)
                e = add_tables(x, r);
        if (e) {
                drop(x);
                return e;
        }
        x->next = all;
        all = x;
        if (x->kind != RV_EXTERNAL_FILE)
                rv_external_group_make(x);
        return RV_OK;
}

static int is_provider(const struct dirent *d)
{
        const char *dot = strrchr(d->d_name, '.');
        return d->d_name[0] != '.' && dot && strcmp(dot, ".provider") == 0;
}

static int load_folder(struct rv_registry *r, const char *folder)
{
        struct dirent **list = NULL;
        int n = scandir(folder, &list, is_provider, alphasort), out = 0;
        for (int i = 0; i < n; i++) {
                char path[1024];
                struct rv_error err = { 0 };
                snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
                int e = rv_external_take(r, path, &err);
                if (e)
                        rv_log(RV_LOG_ERROR, "provider %s is left out: %s", path,
                               e < 0 ? strerror(-e) : err.message);
                out += e != RV_OK;
                free(list[i]);
        }
        free(list);
        return out;
}

static char folders_read[2048];
static uint64_t seen; /* a digest of what lay in them */

/* FNV-1a over names, sizes and times. */
static void digest(uint64_t *d, const void *data, size_t n)
{
        for (const unsigned char *p = data; n; n--)
                *d = (*d ^ *p++) * UINT64_C(0x100000001b3);
}

static uint64_t look(void)
{
        char text[sizeof folders_read], path[1024], *rest;
        uint64_t d = UINT64_C(0xcbf29ce484222325);
        snprintf(text, sizeof text, "%s", folders_read);
        for (char *p = strtok_r(text, ":", &rest); p; p = strtok_r(NULL, ":", &rest)) {
                struct dirent **list = NULL;
                int n = scandir(p, &list, NULL, alphasort);
                for (int i = 0; i < n; i++) {
                        struct stat st;
                        const char *dot = strrchr(list[i]->d_name, '.');
                        snprintf(path, sizeof path, "%s/%s", p, list[i]->d_name);
                        if (dot && (strcmp(dot, ".provider") == 0 || strcmp(dot, ".mof") == 0) &&
                            stat(path, &st) == 0) {
                                digest(&d, path, strlen(path));
                                digest(&d, &st.st_mtim, sizeof st.st_mtim);
                                digest(&d, &st.st_size, sizeof st.st_size);
                        }
                        free(list[i]);
                }
                free(list);
        }
        return d;
}

bool rv_external_changed(void)
{
        return folders_read[0] && look() != seen;
}

int rv_external_load(struct rv_registry *r, const char *folders)
{
        char text[sizeof folders_read], *rest;
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        if (folders || geteuid() == 0)
                snprintf(folders_read, sizeof folders_read, "%s", folders ? folders : RV_EXTERNAL_FOLDERS);
        else
                snprintf(folders_read, sizeof folders_read,
                         config ? "%s/reeve/providers.d" : "%s/.config/reeve/providers.d",
                         config ? config
                         : home ? home
                                : "");
        seen = look();
        snprintf(text, sizeof text, "%s", folders_read);
        int out = 0;
        for (char *p = strtok_r(text, ":", &rest); p; p = strtok_r(NULL, ":", &rest))
                out += load_folder(r, p);
        return out;
}

void rv_external_free(void)
{
        rv_external_watch_free();
        rv_child_all_ended();
        while (all) {
                struct rv_external *x = all;
                all = x->next;
                drop(x);
        }
        free(providers);
        providers = NULL;
        nproviders = 0;
}
