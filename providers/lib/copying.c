/* SPDX-License-Identifier: MIT
 *
 * Copying: see copying.h.
 */
#include "providers/lib/copying.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "providers/lib/relay.h"

#define GO_FOLDER (UINT64_C(1) << 31) /* bits of "mode" */
#define GO_LINK (UINT64_C(1) << 27)
#define UNPACKING (UINT64_C(3600) * 1000000000)

/* ---- what is at a path ---- */

static int digit(char c)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *p = c ? strchr(digits, c) : NULL;
        return p ? (int)(p - digits) : -1;
}

/* The engine's base64; json_decref() it. NULL: it is none. */
static json_t *unpack_stat(const char *text)
{
        char all[1024];
        size_t n = 0;
        unsigned bits = 0, have = 0;
        for (; *text && *text != '='; text++) {
                int d = digit(*text);
                if (d < 0)
                        return NULL;
                bits = bits << 6 | (unsigned)d;
                have += 6;
                if (have >= 8 && n < sizeof all) {
                        have -= 8;
                        all[n++] = (char)(bits >> have & 255);
                }
        }
        return json_loadb(all, n, 0, NULL);
}

static void archive_path(const struct rv_copy *t, const char *path, char *to, size_t size)
{
        snprintf(to, size, "/containers/%s/archive?path=", t->id);
        rv_http_escape(to, size, path);
}

/* Follows links, at most 8. NOT_FOUND: there is nothing. */
static int look(const struct rv_copy *t, const char *path, const struct rv_call *c, bool *ret_folder,
                struct rv_error *err)
{
        char at[1024], url[4000];
        snprintf(at, sizeof at, "%s", path);
        for (int links = 0; links < 8; links++) {
                struct rv_http h;
                archive_path(t, at, url, sizeof url);
                const struct rv_engine_ask a = { .engine = t->engine,
                                                 .call = c,
                                                 .deadline = c->deadline,
                                                 .method = "HEAD",
                                                 .path = url,
                                                 .what = t->what,
                                                 .file = -1 };
                int r = rv_engine_open(&a, &h, err);
                if (r == RV_NOT_FOUND) {
                        err->hint[0] = 0;
                        return rv_fail(err, RV_NOT_FOUND, "%s: there is no %.100s in it", t->what, at);
                }
                if (r)
                        return r;
                json_t *j = unpack_stat(h.path_stat);
                rv_http_close(&h);
                uint64_t mode = (uint64_t)rv_j_number(j, "mode");
                const char *target = rv_j_text(j, "linkTarget");
                bool link = mode & GO_LINK && target && strlen(target) < sizeof at;
                *ret_folder = mode & GO_FOLDER;
                if (link && *target == '/')
                        snprintf(at, sizeof at, "%s", target);
                json_decref(j);
                if (!link)
                        return RV_OK;
        }
        return rv_fail(err, RV_FAILED, "%s: too many links at %.100s", t->what, path);
}

static void split(const char *path, char *folder, size_t size, char *name, size_t name_size)
{
        size_t n = strlen(path);
        while (n > 1 && path[n - 1] == '/')
                n--;
        size_t at = n;
        while (at > 0 && path[at - 1] != '/')
                at--;
        snprintf(name, name_size, "%.*s", (int)(n - at), path + at);
        snprintf(folder, size, "%.*s", at > 1 ? (int)(at - 1) : 1, path);
}

/* ---- into ---- */

/* A nameless file for what comes. */
static int spool(uint64_t *ret_most)
{
        static const char *const places[] = { "/var/tmp", "/tmp", NULL };
        struct statvfs s;
        for (unsigned i = 0; places[i]; i++) {
                int fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
                if (fd < 0)
                        continue;
                uint64_t room = fstatvfs(fd, &s) == 0 ? (uint64_t)s.f_bavail * s.f_frsize / 2 : 0;
                *ret_most = room < RV_COPY_MOST ? room : RV_COPY_MOST;
                return fd;
        }
        return -errno;
}

static int give(struct rv_copy *t, int fd, struct rv_error *err)
{
        char url[4000];
        archive_path(t, t->path, url, sizeof url);
        strncat(url, "&noOverwriteDirNonDir=1", sizeof url - strlen(url) - 1);
        const struct rv_engine_ask a = { .engine = t->engine,
                                         .deadline = rv_now() + UNPACKING,
                                         .method = "PUT",
                                         .path = url,
                                         .what = t->what,
                                         .file = fd,
                                         .type = "application/x-tar" };
        return rv_engine_ask(&a, NULL, err);
}

static void serve_into(struct rv_stream *s, int client)
{
        struct rv_copy *t = (struct rv_copy *)s;
        struct rv_error err = { 0 };
        uint64_t most = 0;
        int fd = spool(&most), r = RV_OK;
        int e = fd < 0 ? fd : rv_relay_receive(client, fd, most);
        if (e == -EFBIG)
                r = rv_fail(&err, RV_SERVER_LIMITS_EXCEEDED, "%s: the archive has more than %llu MiB", t->what,
                            (unsigned long long)most >> 20);
        else if (e)
                r = rv_fail_errno(&err, -e, "%s", t->what);
        else if (lseek(fd, 0, SEEK_SET) < 0)
                r = rv_fail_errno(&err, errno, "%s", t->what);
        else
                r = give(t, fd, &err);
        if (fd >= 0)
                close(fd);
        if (r)
                rv_relay_failed(client, &err);
        else
                rv_relay_status(client, 0);
}

int rv_copy_into(struct rv_copy *t, const char *path, struct rv_call *c, struct rv_error *err)
{
        bool folder = false;
        int r = look(t, path, c, &folder, err);
        t->stream.serve = serve_into;
        if (r == RV_OK && folder) {
                snprintf(t->path, sizeof t->path, "%s", path);
                return RV_OK;
        }
        if (r && r != RV_NOT_FOUND)
                return r;
        if (path[strlen(path) - 1] == '/')
                return rv_fail(err, RV_NOT_FOUND, "%s: there is no folder %.100s in it", t->what, path);
        *err = (struct rv_error) { 0 };
        split(path, t->path, sizeof t->path, t->name, sizeof t->name);
        r = look(t, t->path, c, &folder, err);
        if (r == RV_OK && !folder)
                r = rv_fail(err, RV_INVALID_PARAMETER, "%s: %.100s in it is no folder", t->what, t->path);
        return r;
}

/* ---- out ---- */

static void serve_out(struct rv_stream *s, int client)
{
        struct rv_copy *t = (struct rv_copy *)s;
        struct rv_error err = { 0 };
        struct rv_relay relay = { .client = client, .engine = &t->http };
        int e = rv_relay_run(&relay);
        if (e) {
                rv_engine_fail(&err, t->engine, e, t->what);
                rv_relay_failed(client, &err);
        } else {
                rv_relay_status(client, 0);
        }
}

int rv_copy_out(struct rv_copy *t, const char *path, struct rv_call *c, bool *ret_folder, struct rv_error *err)
{
        char folder[1024], url[4000];
        snprintf(t->path, sizeof t->path, "%s", path);
        split(path, folder, sizeof folder, t->name, sizeof t->name);
        t->stream.serve = serve_out;
        int r = look(t, path, c, ret_folder, err);
        if (r || c->what_if)
                return r;
        archive_path(t, path, url, sizeof url);
        const struct rv_engine_ask a = { .engine = t->engine,
                                         .call = c,
                                         .deadline = c->deadline,
                                         .method = "GET",
                                         .path = url,
                                         .what = t->what,
                                         .file = -1 };
        r = rv_engine_open(&a, &t->http, err);
        t->http.call = NULL; /* which ends before the stream does */
        return r;
}
