/* SPDX-License-Identifier: MIT
 *
 * Tool: the programs in /usr/local/bin, in C with libreeve-provider. An example; build it with
 *
 *      cc tool.c $(pkg-config --cflags --libs reeve-provider) -o tool
 */
#include <dirent.h>
#include <errno.h>
#include <reeve-provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder(void)
{
        const char *f = getenv("TOOL_FOLDER");
        return f ? f : "/usr/local/bin";
}

static int list(struct reeve_call *c)
{
        const char *only = reeve_equals(c, "Name");
        DIR *d = opendir(folder());
        if (!d)
                return reeve_fail(c, REEVE_UNAVAILABLE, "%s: %s", folder(), strerror(errno));
        struct stat st;
        for (struct dirent *e; (e = readdir(d));) {
                if ((only && strcmp(only, e->d_name) != 0) || fstatat(dirfd(d), e->d_name, &st, 0) < 0 ||
                    !S_ISREG(st.st_mode))
                        continue;
                reeve_set_text(c, "Name", e->d_name);
                reeve_set_uint(c, "Size", (uint64_t)st.st_size);
                reeve_set_bool(c, "Executable", st.st_mode & 0111);
                reeve_set_time(c, "Modified", st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
                if (reeve_emit(c))
                        break;
        }
        closedir(d);
        return 0;
}

/* [Write] boolean Executable. */
static int modify(struct reeve_call *c)
{
        char path[4096];
        struct stat st;
        bool now = reeve_bool(c, "Executable", true);
        const char *name = reeve_key(c, "Name");
        if (!name || strchr(name, '/') ||
            snprintf(path, sizeof path, "%s/%s", folder(), name) >= (int)sizeof path)
                return reeve_fail(c, REEVE_INVALID_PARAMETER, "that is no name of a tool");
        if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
                return reeve_fail(c, REEVE_NOT_FOUND, "there is no tool %s", name);
        if (!(st.st_mode & 0111) == !now)
                return 0;
        reeve_changed(c, "Executable", now ? "false" : "true", now ? "true" : "false");
        if (!reeve_what_if(c) && chmod(path, now ? st.st_mode | 0111 : st.st_mode & ~(mode_t)0111) < 0)
                return reeve_fail(c, REEVE_ACCESS_DENIED, "%s: %s", path, strerror(errno));
        return 0;
}

static int count(struct reeve_call *c)
{
        struct stat st;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder(), reeve_key(c, "Name"));
        FILE *f = fopen(path, "r");
        if (!f || fstat(fileno(f), &st) < 0) {
                reeve_fail(c, REEVE_NOT_FOUND, "%s: %s", path, strerror(errno));
                return reeve_hint(c, "Get-Tool lists them.");
        }
        uint64_t n = 0;
        int wanted = (int)reeve_uint(c, "Byte", '\n');
        for (int byte; (byte = getc(f)) != EOF;)
                n += byte == wanted;
        fclose(f);
        reeve_set_uint(c, "Count", n);
        return 0;
}

/* The folder tells: each file that comes, goes or changes. */
static int watch(struct reeve_call *c)
{
        _Alignas(struct inotify_event) char buf[4096];
        int fd = inotify_init1(IN_CLOEXEC);
        if (fd < 0 || inotify_add_watch(fd, folder(), IN_CREATE | IN_MOVE | IN_DELETE | IN_ATTRIB | IN_CLOSE_WRITE) < 0)
                return reeve_fail(c, REEVE_UNAVAILABLE, "%s cannot be watched: %s", folder(), strerror(errno));
        while (reeve_wait(c, fd, -1) >= 0) {
                ssize_t n = read(fd, buf, sizeof buf);
                const struct inotify_event *e;
                for (char *p = buf; p < buf + n; p += sizeof *e + e->len) {
                        e = (const void *)p;
                        if (e->len) /* else of the folder itself, or more than the kernel kept: all is read again */
                                reeve_set_text(c, "Name", e->name);
                        reeve_announce(c, e->mask & (IN_CREATE | IN_MOVED_TO)     ? REEVE_CREATED
                                          : e->mask & (IN_DELETE | IN_MOVED_FROM) ? REEVE_DELETED
                                                                                  : REEVE_MODIFIED);
                }
        }
        return 0;
}

int main(void)
{
        static const struct reeve_method methods[] = { { "Count", count }, { 0 } };
        static const struct reeve_class classes[] = {
                { .name = "Tool", .enumerate = list, .modify = modify, .methods = methods, .watch = watch }, { 0 }
        };
        return reeve_provider_main(REEVE_PROVIDER_ABI, classes);
}
