/* SPDX-License-Identifier: MIT */
#include "agent/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *name = "reeve-agent";
static int verbosity = RV_LOG_INFO;
static bool journal;

void rv_log_start(const char *program, int most_verbose)
{
        name = program;
        verbosity = most_verbose;
        journal = getenv("JOURNAL_STREAM") != NULL;
}

/* Bytes of the well-formed, printable UTF-8 character at s; 0 if there is none. */
static size_t printable(const unsigned char *s)
{
        if (s[0] < 0x80)
                return s[0] >= 0x20 && s[0] != 0x7f;
        size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
        if (s[0] < 0xc2 || s[0] > 0xf4 || (s[0] == 0xc2 && s[1] < 0xa0))
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

/* Copies what a terminal and a line reader can bear; answers the bytes written. */
static size_t escape(char *to, size_t size, const char *text)
{
        size_t n = 0;
        for (const unsigned char *s = (const unsigned char *)text; *s && n + 5 < size; ) {
                size_t k = printable(s);
                if (!k)
                        n += (size_t)snprintf(to + n, size - n, "\\x%02x", *s++);
                while (k--)
                        to[n++] = (char)*s++;
        }
        return n;
}

void rv_log(int level, const char *fmt, ...)
{
        if (level > verbosity)
                return;
        char text[1024], line[4200];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);

        int head = journal ? snprintf(line, 128, "<%d>", level) : snprintf(line, 128, "%s: ", name);
        size_t n = (size_t)head + escape(line + head, sizeof line - (size_t)head - 1, text);
        line[n++] = '\n';
        if (write(STDERR_FILENO, line, n) < 0)
                return; /* nowhere left to say so */
}

void rv_tell_systemd(const char *state)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        if (!path || strlen(path) >= sizeof a.sun_path)
                return;
        memcpy(a.sun_path, path, strlen(path));
        if (a.sun_path[0] == '@')
                a.sun_path[0] = 0;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        if (fd >= 0 && sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&a, n) < 0)
                rv_log(RV_LOG_WARNING, "cannot tell systemd: %m");
        if (fd >= 0)
                close(fd);
}
