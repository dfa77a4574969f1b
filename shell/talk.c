/* SPDX-License-Identifier: MIT
 *
 * Streams: see talk.h.
 */
#include "shell/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- opening ---- */

static int call(struct sh_link *l, const char *operation, json_t *params, json_t **ret, struct rv_error *err)
{
        struct rv_buf in = { 0 }, out = { 0 };
        char *text = json_dumps(params, JSON_COMPACT);
        if (!text)
                return -ENOMEM;
        rv_buf_put(&in, text, strlen(text) - 1); /* the client puts the last brace */
        free(text);
        int r = sh_link_call(l, operation, &in, 0, &out, err);
        *ret = r == RV_OK ? json_loadb(out.data, out.len, 0, NULL) : NULL;
        rv_buf_free(&in);
        rv_buf_free(&out);
        return r == RV_OK && !*ret ? rv_fail(err, RV_FAILED, "the agent's answer is not understood") : r;
}

/* A link for the stream's connection. A private agent has one connection, so the stream gets an agent of its own. */
static struct sh_link *link_like(const struct sh_link *l)
{
        struct sh_link *n = calloc(1, sizeof *n);
        if (!n)
                abort();
        *n = (struct sh_link) { .sh = l->sh,
                                .host = l->host,
                                .user = l->user,
                                .key = l->key,
                                .port = l->port,
                                .log = -1,
                                .stream = true };
        return n;
}

static void drop_link(struct sh_link *l)
{
        if (!l)
                return;
        sh_link_close(l);
        free(l);
}

static int connect_own(struct sh_link *n, struct rv_error *err)
{
        int fd = sh_link_connect(n, err);
        if (fd < 0)
                return err->code ? err->code : RV_UNAVAILABLE;
        n->client = rv_client_new(fd, &sh_interrupt);
        return n->client ? RV_OK : rv_fail_errno(err, ENOMEM, "cannot talk to the agent");
}

static int open_stream(struct sh_talk *t, struct rv_error *err)
{
        const char *token = json_string_value(json_object_get(t->answer, "Stream"));
        json_t *params = json_pack("{ss}", "Token", token ? token : ""), *answer = NULL;
        int r = token ? call(t->own, "OpenStream", params, &answer, err)
                      : rv_fail(err, RV_FAILED, "the agent offers no stream");
        json_decref(params);
        json_decref(answer);
        if (r)
                return r;
        t->fd = rv_client_release(t->own->client);
        t->own->client = NULL;
        if (t->fd < 0 || send(t->fd, "\n", 1, MSG_NOSIGNAL) != 1)
                return rv_fail(err, RV_UNAVAILABLE, "the connection to the agent was lost");
        fcntl(t->fd, F_SETFL, fcntl(t->fd, F_GETFL) | O_NONBLOCK);
        return RV_OK;
}

int sh_talk_open(struct sh_talk *t, struct sh_link *l, const char *class_name, const char *id,
                 const char *method, json_t *in, struct rv_error *err)
{
        return sh_talk_open_by(t, l, class_name, "Id", id, method, in, err);
}

int sh_talk_open_by(struct sh_talk *t, struct sh_link *l, const char *class_name, const char *key, const char *id,
                    const char *method, json_t *in, struct rv_error *err)
{
        json_t *params = json_pack("{ss ss so}", "ClassName", class_name, "MethodName", method, "InParameters", in);
        if (params && id)
                json_object_set_new(params, "InstanceName", json_pack("{ss}", key, id));
        *t = (struct sh_talk) { .fd = -1 };
        int r = params ? sh_link_open(l, err) : -ENOMEM;
        t->own = link_like(l);
        if (r == RV_OK)
                r = connect_own(t->own, err);
        if (r == RV_OK) /* a private agent's offer is known to itself only */
                r = call(l->agent && !l->host ? t->own : l, "InvokeMethod", params, &t->answer, err);
        if (r == RV_OK)
                r = open_stream(t, err);
        json_decref(params);
        if (r)
                sh_talk_close(t);
        return r;
}

void sh_talk_close(struct sh_talk *t)
{
        if (t->fd >= 0)
                close(t->fd);
        t->fd = -1;
        json_decref(t->answer);
        t->answer = NULL;
        drop_link(t->own);
        t->own = NULL;
}

/* ---- pieces ---- */

static int lost(struct rv_error *err)
{
        rv_fail(err, RV_UNAVAILABLE, "the agent has gone, and the stream with it");
        err->retryable = true;
        return RV_UNAVAILABLE;
}

static int failed(const struct sh_talk *t, struct rv_error *err)
{
        json_t *j = json_loadb(t->data, t->n, 0, NULL), *data = json_object_get(j, "data");
        const char *message = json_string_value(json_object_get(j, "message")),
                   *hint = json_string_value(json_object_get(data, "Hint"));
        int code = -32000 - (int)json_integer_value(json_object_get(j, "code"));
        rv_fail(err, code > 0 && code < 100 ? code : RV_FAILED, "%s",
                message ? message : "the stream broke off");
        if (hint)
                rv_hint(err, "%s", hint);
        json_decref(j);
        return err->code;
}

static int whole(struct sh_talk *t, struct rv_error *err)
{
        t->nhead = t->got = 0;
        t->data[t->n] = 0;
        if (t->kind == RV_PIECE_FAILED)
                return failed(t, err);
        if (t->kind != RV_PIECE_STATUS)
                return RV_OK;
        uint32_t status = 0;
        for (uint32_t i = 0; i < 4 && i < t->n; i++)
                status = status << 8 | (uint8_t)t->data[i];
        t->status = (int32_t)status;
        return RV_STOP;
}

int sh_talk_take(struct sh_talk *t, struct rv_error *err)
{
        for (;;) {
                bool head = t->nhead < RV_PIECE_HEAD;
                void *to = head ? (void *)(t->head + t->nhead) : (void *)(t->data + t->got);
                size_t want = head ? RV_PIECE_HEAD - t->nhead : t->n - t->got;
                ssize_t n = want ? recv(t->fd, to, want, MSG_DONTWAIT) : 0;
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return RV_FULL;
                if (want && n <= 0)
                        return lost(err);
                if (head) {
                        t->nhead += (unsigned)n;
                        if (t->nhead < RV_PIECE_HEAD)
                                continue;
                        if (!rv_piece_read(t->head, &t->kind, &t->n) || t->n > RV_PIECE_MOST)
                                return rv_fail(err, RV_FAILED, "what the agent sends is no stream");
                        t->got = 0;
                } else {
                        t->got += (unsigned)n;
                }
                if (t->nhead == RV_PIECE_HEAD && t->got == t->n)
                        return whole(t, err);
        }
}

int sh_talk_next(struct sh_talk *t, struct rv_error *err)
{
        int r;
        while ((r = sh_talk_take(t, err)) == RV_FULL) {
                struct pollfd p = { .fd = t->fd, .events = POLLIN };
                if (sh_interrupt)
                        return rv_fail(err, RV_PULL_HAS_BEEN_ABANDONED, "it was interrupted");
                poll(&p, 1, 200);
        }
        return r;
}

static bool put(int fd, const void *data, size_t n)
{
        const char *p = data;
        while (n) {
                ssize_t put = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (put < 0 && errno != EAGAIN && errno != EINTR)
                        return false;
                if (put < 0) {
                        struct pollfd w = { .fd = fd, .events = POLLOUT };
                        if (sh_interrupt)
                                return false;
                        poll(&w, 1, 200);
                        continue;
                }
                p += put;
                n -= (size_t)put;
        }
        return true;
}

bool sh_talk_put(struct sh_talk *t, enum rv_piece kind, const void *data, size_t n)
{
        uint8_t head[RV_PIECE_HEAD];
        const char *p = data;
        do {
                size_t part = n < RV_PIECE_MOST ? n : RV_PIECE_MOST;
                rv_piece_head(head, kind, (uint32_t)part);
                if (!put(t->fd, head, sizeof head) || !put(t->fd, p, part))
                        return false;
                p += part;
                n -= part;
        } while (n);
        return true;
}

/* ---- containers ---- */

static int choose(json_t *rows, const char *name, char *ret, size_t size, struct rv_error *err)
{
        json_t *row;
        size_t i;
        const char *found = NULL;
        bool many = false;
        json_array_foreach(rows, i, row)
        {
                const char *id = json_string_value(json_object_get(row, "Id")),
                           *is = json_string_value(json_object_get(row, "Name"));
                if (id && is && strcmp(is, name) == 0) {
                        snprintf(ret, size, "%s", id);
                        return RV_OK;
                }
                many |= found != NULL;
                found = id;
        }
        if (!found || many)
                return rv_fail(err, many ? RV_INVALID_PARAMETER : RV_NOT_FOUND,
                               many ? "several containers have ids that begin with %.80s"
                                    : "there is no container %.80s",
                               name);
        snprintf(ret, size, "%s", found);
        return RV_OK;
}

int sh_container_id(struct sh_link *l, const char *name, char *ret, size_t size, struct rv_error *err)
{
        char filter[600];
        json_t *answer = NULL;
        if (strlen(name) > 200 || strpbrk(name, "'\"\\%[]*?"))
                return rv_fail(err, RV_INVALID_PARAMETER, "%.100s cannot be a container's name", name);
        bool hex = *name && strspn(name, "0123456789abcdef") == strlen(name);
        snprintf(filter, sizeof filter, hex ? "Name = '%s' OR Id LIKE '%s%%'" : "Name = '%s'", name, name);
        json_t *params = json_pack("{ss s[ss] ss}", "ClassName", "Container", "PropertyList", "Id", "Name",
                                   "Filter", filter);
        int r = params ? call(l, "EnumerateInstances", params, &answer, err) : -ENOMEM;
        if (r == RV_OK)
                r = choose(json_object_get(answer, "Instances"), name, ret, size, err);
        json_decref(params);
        json_decref(answer);
        return r;
}

int sh_container_target(struct sh_cmd *c, struct sv v, char *id, size_t size)
{
        struct sh *sh = sh_session(c);
        struct sv t = SH_NIL;
        struct rv_error err = { 0 };
        int st = SH_OK;
        if (sh_model_row_of(v)) {
                st = sh_get(sh, v, "Id", 2, &t);
                struct sv text = st == SH_OK ? sh_to_text(sh, t) : SH_NIL;
                if (st == SH_OK)
                        snprintf(id, size, "%s", text.s->s);
                sh_drop(text);
        } else {
                t = sh_to_text(sh, v);
                if (sh_container_id(sh_link_local(sh), t.s->s, id, size, &err))
                        st = sh_model_error(c, &err, v);
                if (err.code && st == SH_OK)
                        st = SH_NONE;
        }
        sh_drop(t);
        return st;
}
