/* SPDX-License-Identifier: MIT
 *
 * Asking container engines: see engine.h.
 */
#include "providers/lib/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct rv_engine rv_engines[] = {
        { .name = "docker", .socket = "/run/docker.sock", .installed = "/usr/sbin/dockerd" },
        { .name = "podman", .socket = "/run/podman/podman.sock", .installed = "/run/podman/podman.sock" },
        { 0 },
};

const char *rv_engine_socket(const struct rv_engine *e)
{
        const char *host = e == rv_engines ? getenv("DOCKER_HOST") : NULL;
        return host && strncmp(host, "unix://", 7) == 0 ? host + 7 : e->socket;
}

bool rv_engine_here(const struct rv_engine *e)
{
        return access(rv_engine_socket(e), F_OK) == 0 || access(e->installed, F_OK) == 0;
}

struct rv_engine *rv_engine_find(const char *name)
{
        for (struct rv_engine *e = rv_engines; e->name; e++)
                if (name ? strcasecmp(name, e->name) == 0 : rv_engine_here(e))
                        return e;
        return NULL;
}

/* ---- JSON ---- */

json_t *rv_j_at(json_t *j, const char *path)
{
        while (j && *path) {
                size_t n = strcspn(path, "/");
                j = json_object_getn(j, path, n);
                path += n + (path[n] == '/');
        }
        return json_is_null(j) ? NULL : j;
}

const char *rv_j_text(json_t *j, const char *path)
{
        const char *s = json_string_value(rv_j_at(j, path));
        return s && *s ? s : NULL;
}

bool rv_j_true(json_t *j, const char *path)
{
        return json_is_true(rv_j_at(j, path));
}

int64_t rv_j_number(json_t *j, const char *path)
{
        return json_integer_value(rv_j_at(j, path));
}

/* ---- failing ---- */

int rv_engine_fail(struct rv_error *err, const struct rv_engine *e, int error, const char *what)
{
        if (error == -ENOENT || error == -ECONNREFUSED || error == -ENOTSOCK) {
                rv_fail(err, RV_UNAVAILABLE, "%s: the engine %s does not run", what, e->name);
                err ? err->retryable = true : false;
                return rv_hint(err,
                               "Start-Service %s, or systemctl start %s. Nobody accepts connections at %s.",
                               e->name, e->name, rv_engine_socket(e));
        }
        if (error == -ETIMEDOUT) {
                rv_fail(err, RV_TIMED_OUT, "%s: the engine %s did not answer in time", what, e->name);
                err ? err->retryable = true : false;
                return rv_hint(err, "What was asked of it may still happen. See its log: Get-WinEvent %s.",
                               e->name);
        }
        if (error == -ECANCELED)
                return rv_fail(err, RV_PULL_HAS_BEEN_ABANDONED, "%s: the call was cancelled", what);
        if (error == -EPIPE || error == -ECONNRESET) {
                rv_fail(err, RV_UNAVAILABLE, "%s: the engine %s closed the connection", what, e->name);
                err ? err->retryable = true : false;
                return rv_hint(err, "It was stopped or restarted. What was asked of it may have happened.");
        }
        if (error == -EFBIG)
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED,
                               "%s: the engine %s answers with more than %u MiB", what, e->name,
                               RV_ENGINE_BODY >> 20);
        if (error == -EPROTO)
                return rv_fail(err, RV_FAILED, "%s: what %s answers is no HTTP", what, e->name);
        return rv_fail_errno(err, -error, "%s", what);
}

/* The engine's own words, from {"message": ...} or as they are. */
static void words(struct rv_http *h, char *ret, size_t size)
{
        char *all;
        size_t n;
        ret[0] = 0;
        if (rv_http_body(h, 1 << 20, &all, &n))
                return;
        json_t *j = json_loadb(all, n, 0, NULL);
        const char *message = rv_j_text(j, "message");
        snprintf(ret, size, "%.*s", (int)(message ? strlen(message) : strcspn(all, "\n")),
                 message ? message : all);
        json_decref(j);
        free(all);
}

static int refused(struct rv_error *err, int status, const char *what, const char *said)
{
        bool taken = strstr(said, "already in use") || strstr(said, "already exists");
        int code = status == 400                    ? RV_INVALID_PARAMETER
                   : status == 401 || status == 403 ? RV_ACCESS_DENIED
                   : status == 404                  ? RV_NOT_FOUND
                   : status == 409 && taken         ? RV_ALREADY_EXISTS
                   : status == 501 || status == 405 ? RV_NOT_SUPPORTED
                   : status == 503                  ? RV_UNAVAILABLE
                                                    : RV_FAILED;
        rv_fail(err, code, "%s: %.200s", what, *said ? said : "the engine refuses");
        return rv_hint(err, "The engine (status %d): %.200s", status, said);
}

/* ---- asking ---- */

/* The API's version, once until the engine is lost: GET /_ping tells it in a header. */
static int negotiate(struct rv_engine *e, struct rv_http *h)
{
        char rest[64];
        ssize_t n;
        if (__atomic_load_n(&e->api, __ATOMIC_RELAXED))
                return 0;
        int r = rv_http_send(h, "GET", "/_ping", NULL, NULL, 0);
        if (r == 0)
                r = rv_http_head(h);
        if (r)
                return r;
        while ((n = rv_http_read(h, rest, sizeof rest)) > 0)
                ;
        if (n < 0)
                return (int)n;
        int minor = strncmp(h->version, "1.", 2) == 0 ? atoi(h->version + 2) : 24;
        __atomic_store_n(&e->api, minor > 0 && minor < RV_ENGINE_API ? minor : RV_ENGINE_API,
                         __ATOMIC_RELAXED);
        return 0;
}

static int send_request(const struct rv_engine_ask *a, struct rv_http *h, const char *path)
{
        if (a->type)
                return rv_http_send_file(h, a->method, path, a->type, a->file);
        char *body = a->body ? json_dumps(a->body, JSON_COMPACT) : NULL;
        if (a->body && !body)
                return -ENOMEM;
        int r = rv_http_send(h, a->method, path, body ? "application/json" : NULL, body, body ? strlen(body) : 0);
        free(body);
        return r;
}

static int send(const struct rv_engine_ask *a, struct rv_http *h)
{
        char path[4096];
        int r = negotiate(a->engine, h);
        if (r)
                return r;
        int n = snprintf(path, sizeof path, "/v1.%d%s", __atomic_load_n(&a->engine->api, __ATOMIC_RELAXED),
                         a->path);
        if (n >= (int)sizeof path)
                return -ENAMETOOLONG;
        char more[4096] = "";
        if (a->auth) {
                bool good = strspn(a->auth, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=") ==
                            strlen(a->auth);
                if (!good || snprintf(more, sizeof more, "X-Registry-Auth: %s\r\n", a->auth) >= (int)sizeof more)
                        return -EINVAL;
        }
        h->more = more;
        r = send_request(a, h, path);
        h->more = NULL;
        return r;
}

static int exchange(const struct rv_engine_ask *a, struct rv_http *h, struct rv_error *err)
{
        char said[512];
        int r = send(a, h);
        if (r == 0)
                r = rv_http_head(h);
        if (r) {
                __atomic_store_n(&a->engine->api, 0, __ATOMIC_RELAXED);
                return rv_engine_fail(err, a->engine, r, a->what);
        }
        if (h->status < 400)
                return RV_OK;
        int status = h->status;
        words(h, said, sizeof said);
        if (status == 400 &&
            strstr(said, "client version")) /* another engine than the one that was asked first */
                __atomic_store_n(&a->engine->api, 0, __ATOMIC_RELAXED);
        return refused(err, status, a->what, said);
}

int rv_engine_open(const struct rv_engine_ask *a, struct rv_http *h, struct rv_error *err)
{
        int r = rv_http_open(h, rv_engine_socket(a->engine), a->deadline, a->call);
        if (r) {
                __atomic_store_n(&a->engine->api, 0, __ATOMIC_RELAXED);
                return rv_engine_fail(err, a->engine, r, a->what);
        }
        r = exchange(a, h, err);
        if (r)
                rv_http_close(h);
        return r;
}

static int whole(const struct rv_engine_ask *a, struct rv_http *h, json_t **ret, struct rv_error *err)
{
        char *all;
        size_t n;
        int r = rv_http_body(h, RV_ENGINE_BODY, &all, &n);
        if (r)
                return rv_engine_fail(err, a->engine, r, a->what);
        json_t *j = n ? json_loadb(all, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
        free(all);
        if (ret)
                *ret = j;
        else
                json_decref(j);
        return RV_OK;
}

int rv_engine_look(struct rv_engine *e, const struct rv_call *c, uint64_t deadline, const char *kind, const char *name,
                   const char *what, json_t **ret, struct rv_error *err)
{
        char path[1024];
        snprintf(path, sizeof path, "%s", kind);
        rv_http_escape(path, sizeof path - 8, name);
        strcat(path, "/json");
        struct rv_engine_ask a = { .engine = e,
                                   .call = c,
                                   .deadline = deadline,
                                   .method = "GET",
                                   .path = path,
                                   .what = what,
                                   .file = -1 };
        return rv_engine_ask(&a, ret, err);
}

int rv_engine_again(struct rv_http *h, const struct rv_engine_ask *a, json_t **ret, struct rv_error *err)
{
        h->deadline = a->deadline;
        h->call = a->call;
        int r = exchange(a, h, err);
        return r ? r : whole(a, h, ret, err);
}

int rv_engine_ask(const struct rv_engine_ask *a, json_t **ret, struct rv_error *err)
{
        struct rv_http h;
        if (ret)
                *ret = NULL;
        int r = rv_engine_open(a, &h, err);
        if (r)
                return r;
        r = whole(a, &h, ret, err);
        rv_http_close(&h);
        return r;
}

/* ---- streams of JSON ---- */

static int take(const struct rv_engine_ask *a, const char *text, size_t n, void (*each)(void *, json_t *),
                void *closure, struct rv_error *err)
{
        json_t *j = json_loadb(text, n, JSON_DISABLE_EOF_CHECK, NULL);
        const char *error = rv_j_text(j, "error");
        int r = RV_OK;
        if (error) {
                int code = strstr(error, "not found") || strstr(error, "does not exist") ? RV_NOT_FOUND
                                                                                         : RV_FAILED;
                rv_fail(err, code, "%s: %.200s", a->what, error);
                r = rv_hint(err, "The engine: %.200s", error);
        } else if (j && each)
                each(closure, j);
        json_decref(j);
        return r;
}

int rv_engine_progress(const struct rv_engine_ask *a, void (*each)(void *, json_t *), void *closure,
                       struct rv_error *err)
{
        struct rv_http h;
        char line[RV_HTTP_BUFFER], *end;
        size_t n = 0;
        ssize_t got;
        int r = rv_engine_open(a, &h, err);
        if (r)
                return r;
        while ((got = rv_http_read(&h, line + n, sizeof line - n)) > 0 && r == RV_OK) {
                n += (size_t)got;
                char *from = line;
                while (r == RV_OK && (end = memchr(from, '\n', n - (size_t)(from - line)))) {
                        r = take(a, from, (size_t)(end - from), each, closure, err);
                        from = end + 1;
                }
                n -= (size_t)(from - line);
                memmove(line, from, n);
                if (n == sizeof line)
                        n = 0; /* a line that long is output, not news: passed over */
        }
        if (r == RV_OK && n && got == 0)
                r = take(a, line, n, each, closure, err);
        rv_http_close(&h);
        return r == RV_OK && got < 0 ? rv_engine_fail(err, a->engine, (int)got, a->what) : r;
}
