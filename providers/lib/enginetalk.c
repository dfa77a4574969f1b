/* SPDX-License-Identifier: MIT
 *
 * Short ways to ask an engine: see enginetalk.h.
 */
#include "providers/lib/enginetalk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int prepare(struct rv_talk *t, struct rv_engine_ask *a, const char *method, char **path,
                   const char *fmt, va_list ap, struct rv_error *err)
{
        struct rv_engine *e = rv_engine_find(NULL);
        if (!e) {
                rv_fail(err, RV_UNAVAILABLE, "%s: this host has no container engine", t->what);
                return rv_hint(err, "Install-Package docker.io; systemctl start docker");
        }
        if (vasprintf(path, fmt, ap) < 0) {
                *path = NULL;
                return -ENOMEM;
        }
        *a = (struct rv_engine_ask) { .engine = e,
                                      .call = t->call,
                                      .deadline = t->deadline,
                                      .method = method,
                                      .path = *path,
                                      .what = t->what,
                                      .auth = t->auth,
                                      .file = -1 };
        return RV_OK;
}

int rv_talk_get(struct rv_talk *t, json_t **ret, struct rv_error *err, const char *fmt, ...)
{
        struct rv_engine_ask a;
        char *path = NULL;
        va_list ap;
        *ret = NULL;
        va_start(ap, fmt);
        int r = prepare(t, &a, "GET", &path, fmt, ap, err);
        va_end(ap);
        r = r ? r : rv_engine_ask(&a, ret, err);
        free(path);
        return r;
}

int rv_talk_delete(struct rv_talk *t, struct rv_error *err, const char *fmt, ...)
{
        struct rv_engine_ask a;
        char *path = NULL;
        va_list ap;
        va_start(ap, fmt);
        int r = prepare(t, &a, "DELETE", &path, fmt, ap, err);
        va_end(ap);
        r = r ? r : rv_engine_ask(&a, NULL, err);
        free(path);
        return r;
}

int rv_talk_post(struct rv_talk *t, json_t *body, json_t **ret, struct rv_error *err, const char *fmt, ...)
{
        struct rv_engine_ask a;
        char *path = NULL;
        va_list ap;
        if (ret)
                *ret = NULL;
        va_start(ap, fmt);
        int r = prepare(t, &a, "POST", &path, fmt, ap, err);
        va_end(ap);
        a.body = body;
        r = r ? r : rv_engine_ask(&a, ret, err);
        json_decref(body);
        free(path);
        return r;
}

int rv_talk_stream(struct rv_talk *t, int file, void (*each)(void *, json_t *), void *closure,
                   struct rv_error *err, const char *fmt, ...)
{
        struct rv_engine_ask a;
        char *path = NULL;
        va_list ap;
        va_start(ap, fmt);
        int r = prepare(t, &a, "POST", &path, fmt, ap, err);
        va_end(ap);
        a.file = file;
        a.type = file >= 0 ? "application/x-tar" : NULL;
        r = r ? r : rv_engine_progress(&a, each, closure, err);
        free(path);
        return r;
}

static int pour(struct rv_http *h, int to)
{
        char data[65536];
        ssize_t n;
        while ((n = rv_http_read(h, data, sizeof data)) > 0)
                for (ssize_t at = 0, put; at < n; at += put)
                        if ((put = write(to, data + at, (size_t)(n - at))) < 0)
                                return -errno;
        return (int)n;
}

int rv_talk_save(struct rv_talk *t, int to, struct rv_error *err, const char *fmt, ...)
{
        struct rv_engine_ask a;
        struct rv_http h;
        char *path = NULL;
        va_list ap;
        va_start(ap, fmt);
        int r = prepare(t, &a, "GET", &path, fmt, ap, err);
        va_end(ap);
        r = r ? r : rv_engine_open(&a, &h, err);
        if (r == RV_OK) {
                int e = pour(&h, to);
                rv_http_close(&h);
                r = e ? rv_engine_fail(err, a.engine, e, t->what) : RV_OK;
        }
        free(path);
        return r;
}
