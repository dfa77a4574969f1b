/* SPDX-License-Identifier: MIT
 *
 * See tail.h.
 */
#include "providers/service/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK = 65536, LINE = 2000 };

/* " cron[17]: " or " cron: " in a line of syslog. */
static bool tagged(const char *s, size_t n, const char *tag)
{
        size_t m = strlen(tag);
        if (!m)
                return true;
        for (size_t i = 1; i + m < n && i < 200; i++)
                if (s[i - 1] == ' ' && memcmp(s + i, tag, m) == 0 && (s[i + m] == '[' || s[i + m] == ':'))
                        return true;
        return false;
}

static void lines(const char *text, size_t n, const char *tag, unsigned most,
                  void (*each)(void *, const char *, size_t), void *state)
{
        const char *start[64];
        size_t length[64];
        unsigned count = 0;
        most = most > 64 ? 64 : most;
        for (const char *end = text + n; end > text && count < most;) {
                const char *line = memrchr(text, '\n', (size_t)(end - text));
                const char *s = line ? line + 1 : text;
                size_t m = (size_t)(end - s);
                if (m && tagged(s, m, tag)) {
                        start[count] = s;
                        length[count++] = m < LINE ? m : LINE;
                }
                end = line ? line : text;
        }
        while (count--)
                each(state, start[count], length[count]);
}

int rv_svc_tail(const char *path, int64_t from, const char *tag, unsigned most,
                void (*each)(void *, const char *, size_t), void *state)
{
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        char *text = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? malloc(LOOK) : NULL;
        int e = text ? 0 : fd < 0 ? -errno : -EINVAL;
        if (text) {
                if (from > st.st_size)
                        from = 0;
                if (st.st_size - from > LOOK)
                        from = st.st_size - LOOK;
                ssize_t n = pread(fd, text, LOOK, from);
                e = n < 0 ? -errno : 0;
                if (n > 0)
                        lines(text, (size_t)n, tag, most, each, state);
        }
        free(text);
        if (fd >= 0)
                close(fd);
        return e;
}
