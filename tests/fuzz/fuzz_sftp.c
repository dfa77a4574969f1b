/* SPDX-License-Identifier: MIT
 *
 * The SFTP server on packets of anybody, kept to a folder of its own as a role keeps it. Each packet in the input
 * is two bytes of length and its content. What must hold: each request is answered by exactly one well-formed
 * packet with its number, no path leads out of the folder, and no handle outlives the end.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sftp/sftp.h"

#define MUST(what) \
        do \
                if (!(what)) \
                        __builtin_trap(); \
        while (0)

static char folder[64];

static int drop(const char *path, const struct stat *st, int kind, struct FTW *w)
{
        (void)st;
        if (w->level > 0)
                kind == FTW_DP ? rmdir(path) : unlink(path);
        return 0;
}

static void tidy(void)
{
        nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static void gone(void)
{
        tidy();
        rmdir(folder);
}

static void prepare(void)
{
        if (!*folder) {
                strcpy(folder, "/tmp/reeve-fuzz-sftp.XXXXXX");
                MUST(mkdtemp(folder));
                atexit(gone);
        }
        char path[128];
        snprintf(path, sizeof path, "%s/file", folder);
        int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
        MUST(fd >= 0 && write(fd, "content", 7) == 7);
        close(fd);
        snprintf(path, sizeof path, "%s/out", folder);
        MUST(symlink("/etc", path) == 0);
}

struct seen {
        unsigned packets;
        uint32_t id;
};

static void sink(void *state, const uint8_t *p, size_t n)
{
        struct seen *s = state;
        while (n) {
                MUST(n >= 9);
                size_t k = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
                MUST(k >= 5 && k <= n - 4);
                MUST(p[4] == FX_VERSION || (p[4] >= FX_STATUS && p[4] <= FX_ATTRS) ||
                     p[4] == FX_EXTENDED_REPLY);
                s->id = (uint32_t)p[5] << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8];
                s->packets++;
                p += 4 + k;
                n -= 4 + k;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct sftp f;
        struct seen seen = { 0 };
        prepare();
        f = (struct sftp) { .scope.limited = true, .atomic = size & 1 };
        MUST(sftp_init(&f, -1) && sftp_scope_add(&f.scope, folder, true));
        sftp_scope_start(&f.scope, folder);
        f.out.sink = sink, f.out.sink_state = &seen;
        MUST(sftp_packet(&f, (const uint8_t *)"\1\0\0\0\3", 5) && sftp_flush(&f.out) && seen.packets == 1);
        while (size >= 2) {
                size_t n = (size_t)data[0] << 8 | data[1];
                n = n > size - 2 ? size - 2 : n;
                seen.packets = 0;
                bool good = sftp_packet(&f, data + 2, n);
                MUST(!good || (sftp_flush(&f.out) && seen.packets == 1));
                MUST(!good || seen.id == ((uint32_t)data[3] << 24 | (uint32_t)data[4] << 16 |
                                          (uint32_t)data[5] << 8 | data[6]));
                if (!good)
                        break;
                data += 2 + n;
                size -= 2 + n;
        }
        sftp_free(&f);
        for (unsigned i = 0; i < SFTP_HANDLES; i++)
                MUST(f.handles[i].kind == HANDLE_FREE);
        struct sftp_scope s = { .limited = true };
        char path[SFTP_PATH];
        if (sftp_scope_add(&s, folder, true) && size < sizeof path &&
            !memchr(data, 0, size)) { /* the rest as a path */
                memcpy(path, data, size);
                path[size] = 0;
                struct sftp_place p;
                int r = sftp_find(&s, path, NEED_READ, &p), fd;
                if (r == 0 && (fd = sftp_open_at(&s, &p, NEED_READ, O_PATH, 0)) >= 0) {
                        char self[40], end[SFTP_PATH];
                        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
                        ssize_t n = readlink(self, end, sizeof end - 1);
                        MUST(n > 0 && strncmp(end, folder, strlen(folder)) == 0);
                        close(fd);
                }
        }
        sftp_scope_free(&s);
        tidy();
        return 0;
}
