/* SPDX-License-Identifier: MIT */
#include "providers/lib/fstab.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"

#define FSTAB "/etc/fstab"
enum { FIELD = 4096, FIELDS = 6 };
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

int rv_fstab_read(struct rv_fstab *ret)
{
        size_t n;
        ret->text = rv_slurp(FSTAB, 1 << 20, &n);
        if (!ret->text && errno == ENOENT)
                ret->text = strdup("");
        return ret->text ? 0 : -errno;
}

void rv_fstab_free(struct rv_fstab *t)
{
        free(t->text);
        t->text = NULL;
}

/* The n-th field of a line, \040 and the like resolved; "" where it has no such field. */
static void field(const char *line, int n, char *to, size_t size)
{
        const char *p = line + strspn(line, " \t");
        size_t at = 0;
        for (; n > 0; n--) {
                p += strcspn(p, " \t\n");
                p += strspn(p, " \t");
        }
        for (; *p && !strchr(" \t\n", *p) && at + 1 < size; p++)
                if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' &&
                    p[3] <= '7') {
                        to[at++] = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
                        p += 3;
                } else
                        to[at++] = *p;
        to[at] = 0;
}

/* UUID= and LABEL= lead to a device by udev's links, which are compared by where they lead. */
static bool same_device(const char *source, const char *path)
{
        char link[FIELD + 32], *a, *b;
        static const char *const tags[][2] = { { "UUID=", "/dev/disk/by-uuid/" },
                                               { "LABEL=", "/dev/disk/by-label/" } };
        snprintf(link, sizeof link, "%s", source);
        for (size_t i = 0; i < 2; i++)
                if (strncmp(source, tags[i][0], strlen(tags[i][0])) == 0)
                        snprintf(link, sizeof link, "%s%s", tags[i][1], source + strlen(tags[i][0]));
        if (strcmp(source, path) == 0)
                return true;
        a = realpath(link, NULL);
        b = a ? realpath(path, NULL) : NULL;
        bool same = b && strcmp(a, b) == 0;
        free(a);
        free(b);
        return same;
}

static bool is_it(const char *line, const char *target, bool swap)
{
        char text[FIELD];
        if (line[strspn(line, " \t")] == '#' || strchr("\n", line[strspn(line, " \t")]))
                return false;
        field(line, 2, text, sizeof text);
        if ((strcmp(text, "swap") == 0) != swap)
                return false;
        field(line, swap ? 0 : 1, text, sizeof text);
        size_t n = strlen(text);
        if (!swap && n > 1 && text[n - 1] == '/')
                text[n - 1] = 0;
        return swap ? same_device(text, target) : strcmp(text, target) == 0;
}

const char *rv_fstab_find(const struct rv_fstab *t, const char *target, bool swap)
{
        for (const char *p = t->text; *p; p += strcspn(p, "\n"), p += *p == '\n')
                if (is_it(p, target, swap))
                        return p;
        return NULL;
}

/* A field as fstab(5) writes it. */
static void escape(char *to, size_t size, const char *s)
{
        size_t at = 0;
        for (; *s && at + 5 < size; s++)
                if (strchr(" \t\n\\#", *s))
                        at += (size_t)snprintf(to + at, size - at, "\\%03o", (unsigned char)*s);
                else
                        to[at++] = *s;
        to[at] = 0;
}

/* A device is called otherwise at the next boot, perhaps. */
static void lasting_name(struct rv_call *c, const char *source, char *to, size_t size)
{
        struct rv_tool tool = { .argv = (const char *[]) { "blkid", "-o", "value", "-s", "UUID", "--", source,
                                                           NULL },
                                .what = "find the identifier of a file system",
                                .deadline = c->deadline };
        struct rv_tool_said said;
        escape(to, size, source);
        bool by_kernel = strncmp(source, "/dev/", 5) == 0 && strncmp(source, "/dev/disk/", 10) != 0 &&
                         strncmp(source, "/dev/mapper/", 12) != 0;
        if (!by_kernel || rv_tool_run(&tool, &said, NULL) != RV_OK)
                return;
        size_t n = said.text ? strcspn(said.text, "\n") : 0;
        if (said.status == 0 && n && n < 64)
                snprintf(to, size, "UUID=%.*s", (int)n, said.text);
        rv_tool_free(&said);
}

/* The text with another line in the place of `old` (NULL: at the end); line NULL: without it. */
static int replace(const struct rv_fstab *t, const char *old, const char *line, struct rv_error *err)
{
        size_t all = strlen(t->text), nline = line ? strlen(line) : 0,
               at = old ? (size_t)(old - t->text) : all;
        size_t gone = old ? strcspn(old, "\n") : 0, n = 0;
        gone += old && old[gone] == '\n';
        char *to = malloc(all + nline + 3);
        if (!to)
                return -ENOMEM;
        memcpy(to, t->text, at);
        n = at;
        if (!old && n && to[n - 1] != '\n')
                to[n++] = '\n';
        if (line) {
                memcpy(to + n, line, nline);
                n += nline;
                to[n++] = '\n';
        }
        memcpy(to + n, t->text + at + gone, all - at - gone);
        n += all - at - gone;
        int r = rv_replace_file(FSTAB, to, n, 0644);
        free(to);
        return r ? rv_fail_errno(err, -r, "cannot write " FSTAB) : RV_OK;
}

static void tell_systemd(struct rv_call *c)
{
        struct rv_tool tool = { .argv = (const char *[]) { "systemctl", "daemon-reload", NULL },
                                .what = "have systemd read " FSTAB,
                                .deadline = c->deadline };
        if (access("/run/systemd/system", F_OK) == 0)
                rv_tool_do(&tool, false, NULL);
}

/* Finds, tells and makes the change. line NULL: away with it. */
static int change(struct rv_call *c, const struct rv_fstab *t, const char *old, const char *line,
                  struct rv_error *err)
{
        size_t n = old ? strcspn(old, "\n") : 0;
        char *from = old ? strndup(old, n) : NULL;
        if (old && line && from && strcmp(from, line) == 0) {
                free(from);
                return RV_OK;
        }
        rv_change(c, "Persisted", from, line);
        free(from);
        int e = c->what_if ? RV_OK : replace(t, old, line, err);
        if (e == RV_OK && !c->what_if)
                tell_systemd(c);
        return e;
}

int rv_fstab_put(struct rv_call *c, const struct rv_fstab_line *l, struct rv_error *err)
{
        struct rv_fstab t;
        char source[FIELD], target[FIELD], options[FIELD], line[3 * FIELD + 128];
        bool swap = strcmp(l->type, "swap") == 0;
        lasting_name(c, l->source, source, sizeof source);
        escape(target, sizeof target, l->target);
        escape(options, sizeof options, *l->options ? l->options : "defaults");
        snprintf(line, sizeof line, "%s %s %.64s %s 0 %d", source, target, l->type, options, l->pass);
        pthread_mutex_lock(&writing);
        int e = rv_fstab_read(&t);
        if (e)
                e = rv_fail_errno(err, -e, "cannot read " FSTAB);
        else {
                e = change(c, &t, rv_fstab_find(&t, swap ? l->source : l->target, swap), line, err);
                rv_fstab_free(&t);
        }
        pthread_mutex_unlock(&writing);
        return e;
}

int rv_fstab_options(struct rv_call *c, const char *target, const char *options, struct rv_error *err)
{
        struct rv_fstab t;
        char f[FIELDS][FIELD], e4[FIELD], line[4 * FIELD + 64];
        pthread_mutex_lock(&writing);
        int e = rv_fstab_read(&t);
        const char *old = e ? NULL : rv_fstab_find(&t, target, false);
        if (e)
                e = rv_fail_errno(err, -e, "cannot read " FSTAB);
        else if (!old)
                e = rv_fail(err, RV_NOT_FOUND, "no line of " FSTAB " mounts on %.150s", target);
        else {
                for (int i = 0; i < FIELDS; i++) {
                        field(old, i, f[i], sizeof f[i]);
                        if (i < 3) { /* as they were written */
                                escape(e4, sizeof e4, f[i]);
                                snprintf(f[i], sizeof f[i], "%s", e4);
                        }
                }
                escape(e4, sizeof e4, options);
                snprintf(line, sizeof line, "%s %s %s %s %.8s %.8s", f[0], f[1], f[2], e4, *f[4] ? f[4] : "0",
                         *f[5] ? f[5] : "0");
                e = change(c, &t, old, line, err);
        }
        rv_fstab_free(&t);
        pthread_mutex_unlock(&writing);
        return e;
}

int rv_fstab_drop(struct rv_call *c, const char *target, bool swap, struct rv_error *err)
{
        struct rv_fstab t;
        pthread_mutex_lock(&writing);
        int e = rv_fstab_read(&t);
        if (e)
                e = rv_fail_errno(err, -e, "cannot read " FSTAB);
        else {
                const char *old = rv_fstab_find(&t, target, swap);
                e = old ? change(c, &t, old, NULL, err) : RV_OK;
                rv_fstab_free(&t);
        }
        pthread_mutex_unlock(&writing);
        return e;
}
