/* SPDX-License-Identifier: MIT */
#include "providers/lib/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t rv_proc_read(int dir, const char *path, char *buf, size_t size)
{
        int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ssize_t n = 0, r = 1;
        while (n < (ssize_t)size - 1 && (r = read(fd, buf + n, size - 1 - (size_t)n)) > 0)
                n += r;
        int error = errno;
        close(fd);
        if (r < 0)
                return -error;
        buf[n] = 0;
        return n;
}

/* The name is between the first '(' and the *last* ')': it may hold both. */
bool rv_proc_stat_parse(const char *s, size_t n, struct rv_proc_stat *ret)
{
        const char *open = memchr(s, '(', n), *close = memrchr(s, ')', n), *end = s + n;
        if (!open || !close || close < open || end - close < 4)
                return false;
        *ret = (struct rv_proc_stat){ .state = close[2] };
        ret->name_len = (size_t)(close - open - 1);
        if (ret->name_len >= sizeof ret->name)
                ret->name_len = sizeof ret->name - 1;
        memcpy(ret->name, open + 1, ret->name_len);
        ret->f[1] = strtoull(s, NULL, 10);
        const char *p = close + 3;
        for (int field = 4; field < 53 && p < end; field++) {
                while (p < end && *p == ' ')
                        p++;
                bool negative = p < end && *p == '-';
                p += negative;
                uint64_t v = 0;
                const char *start = p;
                while (p < end && *p >= '0' && *p <= '9')
                        v = v * 10 + (uint64_t)(*p++ - '0');
                if (p == start)
                        return field > 24;
                ret->f[field] = negative ? 0 - v : v;
        }
        return true;
}

DIR *rv_proc_folder(int dir, const char *path)
{
        int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d && fd >= 0)
                close(fd);
        return d;
}

int rv_proc_stat(int root, pid_t pid, struct rv_proc_stat *ret)
{
        char path[32], buf[1024];
        snprintf(path, sizeof path, "%d/stat", (int)pid);
        ssize_t n = rv_proc_read(root, path, buf, sizeof buf);
        if (n < 0)
                return (int)n;
        return rv_proc_stat_parse(buf, (size_t)n, ret) ? 0 : -EPROTO;
}

/* btime of /proc/stat is whole seconds; it is the same in all answers of a boot. */
int64_t rv_boot_time(int root)
{
        int fd = openat(root, "stat", O_RDONLY | O_CLOEXEC);
        FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
        char line[4096];
        long long seconds = 0;
        while (f && fgets(line, sizeof line, f))
                if (sscanf(line, "btime %lld", &seconds) == 1)
                        break;
        if (f)
                fclose(f);
        return seconds * INT64_C(1000000000);
}

int64_t rv_ticks_to_ns(uint64_t ticks)
{
        static long hz;
        if (!hz)
                hz = sysconf(_SC_CLK_TCK);
        return (int64_t)ticks * (INT64_C(1000000000) / hz);
}

int rv_proc_root(int *ret_root, int64_t *ret_boot)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static int root = -1;
        static int64_t boot;
        int e = 0;
        pthread_mutex_lock(&lock);
        if (root < 0) {
                root = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                e = root < 0 ? -errno : 0;
                boot = root < 0 ? 0 : rv_boot_time(root);
        }
        *ret_root = root;
        *ret_boot = boot;
        pthread_mutex_unlock(&lock);
        return e;
}
