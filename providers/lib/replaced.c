/* SPDX-License-Identifier: MIT */
#include "providers/lib/replaced.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DELETED " (deleted)"
enum { DEPTH = 8 };

static bool counts(const char *path)
{
        static const char *const own[] = { "/tmp/", "/var/tmp/", "/dev/", "/run/", "/memfd:", "/SYSV", "/proc/" };
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
                if (strncmp(path, own[i], strlen(own[i])) == 0)
                        return false;
        return path[0] == '/';
}

/* The process' own root: it may see other files than we do. */
static bool there(pid_t pid, const char *path)
{
        char whole[PATH_MAX + 40];
        snprintf(whole, sizeof whole, "/proc/%d/root%s", (int)pid, path);
        return faccessat(AT_FDCWD, whole, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void add(struct rv_replaced *r, pid_t pid, const char *path)
{
        for (unsigned i = 0; i < r->n; i++)
                if (strcmp(r->path[i], path) == 0)
                        return;
        if (r->n == RV_REPLACED_MOST || !(r->path[r->n] = strdup(path)))
                return;
        r->gone[r->n++] = !there(pid, path);
}

/* "7f00-7f01 r-xp 00000000 fd:01 1234   /usr/lib/libx.so.1 (deleted)": of code only. */
static void look(struct rv_replaced *r, pid_t pid, char *line, size_t n)
{
        size_t end = strlen(DELETED);
        char *mode = strchr(line, ' '), *path = strchr(line, '/');
        if (n <= end || strcmp(line + n - end, DELETED) != 0 || !mode || mode[3] != 'x' || !path)
                return;
        line[n - end] = 0;
        if (counts(path))
                add(r, pid, path);
}

void rv_replaced_process(struct rv_replaced *r, pid_t pid)
{
        char name[40], *line = NULL;
        size_t room = 0;
        ssize_t n;
        snprintf(name, sizeof name, "/proc/%d/maps", (int)pid);
        FILE *f = fopen(name, "re");
        while (f && (n = getline(&line, &room, f)) > 0) {
                if (line[n - 1] == '\n')
                        line[--n] = 0;
                look(r, pid, line, (size_t)n);
        }
        free(line);
        if (f)
                fclose(f);
}

/* Takes the folder over. */
static void group(struct rv_replaced *r, int dir, unsigned depth)
{
        int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
        FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
        int pid;
        while (f && fscanf(f, "%d", &pid) == 1)
                if (pid > 0) /* 0: of another namespace */
                        rv_replaced_process(r, pid);
        if (f)
                fclose(f);
        DIR *d = fdopendir(dir);
        for (struct dirent *e; d && depth < DEPTH && (e = readdir(d));)
                if (e->d_type == DT_DIR && e->d_name[0] != '.') {
                        int below = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                        if (below >= 0)
                                group(r, below, depth + 1);
                }
        if (d)
                closedir(d);
        else
                close(dir);
}

void rv_replaced_group(struct rv_replaced *r, const char *name)
{
        static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd" };
        for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
                char path[PATH_MAX];
                snprintf(path, sizeof path, "%s%s", mounts[i], name);
                int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (dir < 0)
                        continue;
                group(r, dir, 0);
                return;
        }
}

void rv_replaced_reason(const struct rv_replaced *r, unsigned i, char *ret, size_t size)
{
        snprintf(ret, size, "%s was %s", r->path[i], r->gone[i] ? "removed" : "replaced");
}

void rv_replaced_free(struct rv_replaced *r)
{
        while (r->n)
                free(r->path[--r->n]);
}
