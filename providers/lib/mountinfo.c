/* SPDX-License-Identifier: MIT */
#include "providers/lib/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The whole file in one piece; it grows while mounts are made, so until a read says that it ended. */
static char *slurp(const char *path, size_t *ret_n, int *ret_error)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t n = 0, cap = 16384;
        char *text = fd < 0 ? NULL : malloc(cap);
        ssize_t r = text ? 1 : -1;
        while (r > 0) {
                if (cap - n < 4096) {
                        char *more = realloc(text, cap * 2);
                        if (!more)
                                break;
                        text = more;
                        cap *= 2;
                }
                r = read(fd, text + n, cap - n - 1);
                n += r > 0 ? (size_t)r : 0;
        }
        *ret_error = r ? -errno : 0;
        if (fd >= 0)
                close(fd);
        if (r) {
                free(text);
                return NULL;
        }
        text[n] = 0;
        *ret_n = n;
        return text;
}

/* \040 and the like, in place. */
static void decode(char *s)
{
        char *to = s;
        for (; *s; s++) {
                if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' &&
                    s[3] <= '7') {
                        *to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
                        s += 3;
                } else {
                        *to++ = *s;
                }
        }
        *to = 0;
}

/* The next word of a line; "" at its end. */
static char *word(char **at)
{
        char *w = *at + strspn(*at, " ");
        char *end = w + strcspn(w, " ");
        *at = *end ? end + 1 : end;
        *end = 0;
        return w;
}

static bool parse(char *line, struct rv_mount *ret)
{
        char *dash = strstr(line, " - "), *at = line;
        if (!dash)
                return false;
        *dash = 0;
        ret->id = (uint32_t)strtoul(word(&at), NULL, 10);
        ret->parent = (uint32_t)strtoul(word(&at), NULL, 10);
        if (sscanf(word(&at), "%u:%u", &ret->major, &ret->minor) != 2)
                return false;
        char *root = word(&at), *target = word(&at), *options = word(&at);
        ret->tags = at;
        at = dash + 3;
        char *type = word(&at), *source = word(&at), *super = word(&at);
        char *all[] = { root, target, options, type, source, super };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                decode(all[i]);
        ret->root = root, ret->target = target, ret->options = options;
        ret->type = type, ret->source = source, ret->super_options = super;
        return *target == '/';
}

/* Whether `path` is `folder` or lies in it. */
static bool is_in(const char *path, const char *folder)
{
        size_t n = strlen(folder);
        if (n == 1)
                return true;
        return strncmp(path, folder, n) == 0 && (path[n] == 0 || path[n] == '/');
}

/* y lies on the root of x. */
static bool covers(const struct rv_mount *y, const struct rv_mount *x)
{
        return y != x && y->parent == x->id && strcmp(y->target, x->target) == 0;
}

/* y was mounted on a folder above the one of x, beside it. (In it, x would be its child.) */
static bool shadows(const struct rv_mount *y, const struct rv_mount *x)
{
        return y != x && y->parent == x->parent && is_in(x->target, y->target) &&
               (y > x || strcmp(x->target, y->target) != 0);
}

static bool any(const struct rv_mounts *m, bool (*lies_over)(const struct rv_mount *, const struct rv_mount *),
                const struct rv_mount *x)
{
        for (size_t k = 0; k < m->n; k++)
                if (lies_over(&m->v[k], x))
                        return true;
        return false;
}

/* Whether the folder that x is mounted on cannot be reached: the way up ends at a mount that something else lies
 * over. The number of steps is bounded against parents in a ring, which the kernel never shows. */
static bool is_buried(const struct rv_mounts *m, const struct rv_mount *x)
{
        for (size_t steps = 0; steps < m->n; steps++) {
                if (any(m, shadows, x))
                        return true;
                const struct rv_mount *up = NULL;
                for (size_t k = 0; k < m->n && !up; k++)
                        if (m->v[k].id == x->parent && &m->v[k] != x)
                                up = &m->v[k];
                if (!up)
                        return false;
                if (strcmp(up->target, x->target) != 0 && any(m, covers, up))
                        return true;
                x = up;
        }
        return true;
}

int rv_mounts_read(struct rv_mounts *ret)
{
        size_t n = 0, lines = 1;
        int error = 0;
        char *text = slurp("/proc/self/mountinfo", &n, &error);
        if (!text)
                return error;
        for (size_t i = 0; i < n; i++)
                lines += text[i] == '\n';
        struct rv_mounts m = { .v = calloc(lines, sizeof *m.v), .text = text };
        if (!m.v) {
                free(text);
                return -ENOMEM;
        }
        for (char *at = text, *next; *at; at = next) {
                next = at + strcspn(at, "\n");
                if (*next)
                        *next++ = 0;
                if (parse(at, &m.v[m.n]))
                        m.n++;
        }
        for (size_t i = 0; i < m.n; i++)
                m.v[i].hidden = any(&m, covers, &m.v[i]) || is_buried(&m, &m.v[i]);
        *ret = m;
        return 0;
}

void rv_mounts_free(struct rv_mounts *m)
{
        free(m->v);
        free(m->text);
        *m = (struct rv_mounts){ 0 };
}

const struct rv_mount *rv_mounts_of(const struct rv_mounts *m, const char *path)
{
        const struct rv_mount *best = NULL;
        for (size_t i = 0; i < m->n; i++)
                if (!m->v[i].hidden && is_in(path, m->v[i].target) &&
                    (!best || strlen(m->v[i].target) >= strlen(best->target)))
                        best = &m->v[i];
        return best;
}

bool rv_mount_option(const char *options, const char *name)
{
        size_t n = strlen(name);
        for (const char *p = options; *p;) {
                size_t len = strcspn(p, ",");
                if (len == n && memcmp(p, name, n) == 0)
                        return true;
                p += len + (p[len] == ',');
        }
        return false;
}
