/* SPDX-License-Identifier: MIT
 *
 * One peer: bytes to messages, messages to requests, answers to bytes. JSON-RPC 2.0 exactly: requests, notifications
 * (never answered), batches (answered as one array), -32700 for what is no JSON, -32600 for what is no request.
 *
 * Credit: while more than RV_QUEUE_BYTES wait to be sent, or RV_MOST_CALLS requests are under way, the peer
 * is not read.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/desired.h"
#include "agent/log.h"
#include "agent/note.h"
#include "agent/scrape.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* A JSON-RPC batch: its answers are sent together. */
struct rv_group {
        unsigned waiting;
        struct rv_buf out;
};

size_t rv_session_queued(const struct rv_session *s)
{
        return s->out.len + s->writing.len;
}

static void read_or_not(struct rv_session *);

enum { SPARE_LEAST = 256 << 10, SPARE_MOST = 4 << 20 }; /* bytes; smaller ones cost nothing to make */

void rv_spare_take(struct rv_agent *a, struct rv_buf *b)
{
        for (unsigned i = 0; i < sizeof a->spare / sizeof *a->spare; i++)
                if (!b->len && b->cap < a->spare[i].cap) {
                        free(b->data);
                        b->data = a->spare[i].data;
                        b->cap = a->spare[i].cap;
                        a->spare[i] = (struct rv_buf) { 0 };
                }
}

void rv_spare_give(struct rv_agent *a, struct rv_buf *b)
{
        bool fits = a->rest.at && b->cap > SPARE_LEAST && b->cap <= SPARE_MOST;
        for (unsigned i = 0; i < sizeof a->spare / sizeof *a->spare && fits && b->data; i++)
                if (!a->spare[i].data) {
                        a->spare[i] = (struct rv_buf) { .data = b->data, .cap = b->cap };
                        *b = (struct rv_buf) { .max = b->max };
                }
        rv_buf_free(b);
}

void rv_spare_free(struct rv_agent *a)
{
        for (unsigned i = 0; i < sizeof a->spare / sizeof *a->spare; i++)
                rv_buf_free(&a->spare[i]);
}

static void on_closed(uv_handle_t *h)
{
        struct rv_session *s = h->data;
        struct rv_session **at = &s->agent->sessions;
        while (*at != s)
                at = &(*at)->next;
        *at = s->next;
        s->agent->nsessions--;
        rv_loop_forget(&s->agent->loop, &s->flush);
        rv_frame_free(&s->frame);
        rv_spare_give(s->agent, &s->out);
        rv_spare_give(s->agent, &s->writing);
        if (s->ended && !s->stream)
                s->ended(s);
        free(s);
}

void rv_request_free(struct rv_request *q)
{
        struct rv_session *s = q->session;
        struct rv_request **at = &s->requests;
        while (*at && *at != q)
                at = &(*at)->next;
        if (*at) {
                *at = q->next;
                s->nrequests--;
                s->agent->nrequests--;
        }
        rv_request_orphan(q);
        json_decref(q->params);
        rv_spare_give(s->agent, &q->out);
        rv_buf_free(&q->chunk);
        rv_buf_free(&q->partial);
        rv_arena_free(&q->arena);
        free(q->classes);
        free(q->id);
        free(q->token);
        free(q);
}

void rv_session_close(struct rv_session *s)
{
        if (s->state == RV_SESSION_CLOSED)
                return;
        s->state = RV_SESSION_CLOSED;
        if (s->scraper)
                rv_scraper_left(s);
        rv_subscriptions_left(s);
        rv_notes_left(s);
        while (s->requests) {
                struct rv_group *g = s->requests->group;
                rv_request_free(s->requests);
                if (g && --g->waiting == 0) {
                        rv_buf_free(&g->out);
                        free(g);
                }
        }
        if (s->stream) {
                uv_os_fd_t fd = -1;
                bool sent = !rv_session_queued(s) && uv_fileno((const uv_handle_t *)&s->pipe, &fd) == 0;
                rv_stream_begin(s->stream, sent ? fd : -1, s->ended != NULL);
        }
        uv_close((uv_handle_t *)&s->pipe, on_closed);
}

/* ---- out ---- */

static void flush(struct rv_session *);

static void on_written(uv_write_t *w, int status)
{
        struct rv_session *s = w->data;
        s->writing.len = 0;
        if (status < 0) {
                rv_session_close(s);
                return;
        }
        flush(s);
        if (s->state == RV_SESSION_CLOSED)
                return;
        rv_subscriptions_room(s);
        for (struct rv_request *q = s->requests, *next; q; q = next) {
                next = q->next;
                rv_request_resume(q);
        }
        read_or_not(s);
}

static void flush(struct rv_session *s)
{
        if (s->state == RV_SESSION_CLOSED || s->writing.len)
                return;
        if (s->out.failed) {
                rv_session_close(s);
                return;
        }
        if (s->out.len) {
                uv_buf_t b = uv_buf_init(s->out.data, (unsigned)s->out.len);
                int n = uv_try_write((uv_stream_t *)&s->pipe, &b, 1);
                if (n < 0 && n != UV_EAGAIN) {
                        rv_session_close(s);
                        return;
                }
                size_t sent = n > 0 ? (size_t)n : 0;
                s->bytes_out += sent;
                if (sent == s->out.len) {
                        s->out.len = 0;
                } else {
                        struct rv_buf rest = s->writing; /* swap: what is left goes to libuv */
                        s->writing = s->out;
                        s->out = rest;
                        s->out.len = 0;
                        b = uv_buf_init(s->writing.data + sent, (unsigned)(s->writing.len - sent));
                        s->bytes_out += s->writing.len - sent;
                        s->write.data = s;
                        if (uv_write(&s->write, (uv_stream_t *)&s->pipe, &b, 1, on_written)) {
                                rv_session_close(s);
                                return;
                        }
                }
        }
        if (s->out.cap > SPARE_LEAST && !s->out.len)
                rv_spare_give(s->agent, &s->out);
        if (s->state == RV_SESSION_DRAINING && !rv_session_queued(s) && !s->nrequests)
                rv_session_close(s);
        else if (s->scraper)
                rv_scraper_turn(s);
}

static void on_flush(struct rv_work *w)
{
        struct rv_session *s = OF(w, struct rv_session, flush);
        flush(s);
        if (s->state != RV_SESSION_CLOSED)
                read_or_not(s);
}

/* Answers of one turn of the loop leave in one write. */
static void flush_soon(struct rv_session *s)
{
        if (s->in_input)
                return; /* on_read() flushes when the input is worked off */
        rv_loop_soon(&s->agent->loop, &s->flush);
}

static void put_framed(struct rv_session *s, const char *text, size_t n)
{
        rv_frame_begin(&s->out, &s->frame, n);
        rv_buf_put(&s->out, text, n);
        rv_frame_end(&s->out, &s->frame);
        flush_soon(s);
}

void rv_notify(struct rv_session *s, const char *method, const char *params, size_t n)
{
        if (s->frame.framing == RV_FRAMING_HTTP)
                return;
        struct rv_buf b = { 0 };
        rv_buf_putf(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":", method);
        rv_buf_put(&b, params, n);
        rv_buf_put(&b, "}", 1);
        if (!b.failed)
                put_framed(s, b.data, b.len);
        rv_buf_free(&b);
}

/* HTTP answers even where JSON-RPC does not. */
static void no_content(struct rv_session *s)
{
        if (s->frame.framing == RV_FRAMING_HTTP)
                rv_frame_http(&s->out, 204, "application/json", "", 0, s->frame.close);
        flush_soon(s);
}

static void group_done(struct rv_session *s, struct rv_group *g)
{
        if (--g->waiting)
                return;
        if (g->out.len) {
                rv_buf_put(&g->out, "]", 1);
                put_framed(s, g->out.data, g->out.len);
        } else {
                no_content(s);
        }
        rv_buf_free(&g->out);
        free(g);
}

/* One response object: straight into the session's buffer where its length need not be known first. */
static void answer(struct rv_session *s, struct rv_group *g, const char *id, const char *kind,
                   const char *json, size_t n)
{
        if (g && id) {
                rv_buf_puts(&g->out, g->out.len ? "," : "[");
                rv_buf_putf(&g->out, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"%s\":", id, kind);
                rv_buf_put(&g->out, json, n);
                rv_buf_put(&g->out, "}", 1);
        } else if (id) {
                if (n > SPARE_LEAST / 2)
                        rv_spare_take(s->agent, &s->out);
                size_t head = sizeof "{\"jsonrpc\":\"2.0\",\"id\":,\"\":}" - 1 + strlen(id) + strlen(kind);
                rv_frame_begin(&s->out, &s->frame, head + n);
                rv_buf_puts(&s->out, "{\"jsonrpc\":\"2.0\",\"id\":");
                rv_buf_puts(&s->out, id);
                rv_buf_puts(&s->out, ",\"");
                rv_buf_puts(&s->out, kind);
                rv_buf_puts(&s->out, "\":");
                rv_buf_put(&s->out, json, n);
                rv_buf_put(&s->out, "}", 1);
                rv_frame_end(&s->out, &s->frame);
                flush_soon(s);
        } else if (!g) {
                no_content(s);
        }
        if (g)
                group_done(s, g);
}

static void reply(struct rv_request *q, const char *kind, const char *json, size_t n)
{
        struct rv_session *s = q->session;
        bool again = q->http && memmem(json, n, "\"Retryable\":true", 16);
        bool denied = q->http && memmem(json, n, "\"Name\":\"ACCESS_DENIED\"", 22);
        if (q->desired) {
                struct rv_desired *d = q->desired;
                q->desired = NULL;
                rv_desired_answer(d, strcmp(kind, "error") == 0, json, n);
                rv_request_free(q);
                return;
        }
        if (q->http) /* an error: what is well goes by rv_answer_http() */
                rv_frame_http(&s->out, denied ? 403 : again ? 503 : 400, "application/json", json, n, s->frame.close);
        else
                answer(s, q->group, q->id, kind, json, n);
        rv_request_free(q);
        flush_soon(s);
        if (s->state == RV_SESSION_DRAINING)
                flush_soon(s);
}

void rv_answer_http(struct rv_request *q, int status, const char *type, const char *body, size_t n)
{
        struct rv_session *s = q->session;
        rv_frame_http(&s->out, status, type, body, n, s->frame.close);
        rv_request_free(q);
        flush_soon(s);
}

void rv_answer(struct rv_request *q, const char *json, size_t n)
{
        reply(q, "result", json, n);
}

void rv_answer_text(struct rv_request *q, bool is_error, const char *json, size_t n)
{
        reply(q, is_error ? "error" : "result", json, n);
}

void rv_answer_error(struct rv_request *q, const struct rv_error *e)
{
        struct rv_buf b = { 0 };
        rv_json_error(&b, e);
        reply(q, "error", b.data ? b.data : "{\"code\":-32603,\"message\":\"out of memory\"}",
              b.data ? b.len : 41);
        rv_buf_free(&b);
}

static void error_object(struct rv_buf *b, int code, const char *message)
{
        rv_buf_putf(b, "{\"code\":%d,\"message\":", code);
        rv_json_text(b, message);
        rv_buf_put(b, "}", 1);
}

void rv_answer_code(struct rv_request *q, int code, const char *message)
{
        struct rv_buf b = { 0 };
        error_object(&b, code, message);
        reply(q, "error", b.data, b.len);
        rv_buf_free(&b);
}

/* ---- in ---- */

static void refuse(struct rv_session *s, struct rv_group *g, const char *id, int code, const char *message)
{
        struct rv_buf b = { 0 };
        error_object(&b, code, message);
        answer(s, g, id, "error", b.data, b.len);
        rv_buf_free(&b);
}

/* $/cancelRequest {id}. */
static void cancel(struct rv_session *s, const json_t *params)
{
        char *id = json_dumps(json_object_get(params, "id"), JSON_ENCODE_ANY | JSON_COMPACT);
        for (struct rv_request *q = s->requests; id && q; q = q->next)
                if (q->id && strcmp(q->id, id) == 0) {
                        rv_request_cancel(q);
                        break;
                }
        free(id);
}

void rv_session_load(const struct rv_agent *a, uid_t uid, bool sql, unsigned *ret_user, unsigned *ret_others)
{
        *ret_user = *ret_others = 0;
        for (const struct rv_session *s = a->sessions; s; s = s->next) {
                if (rv_policy_has_all(&a->policy, &s->who))
                        continue;
                unsigned n = sql ? 0 : s->nrequests;
                for (const struct rv_request *q = s->requests; sql && q; q = q->next)
                        n += q->sql != NULL;
                *ret_others += n;
                *ret_user += s->who.uid == uid ? n : 0;
        }
}

/* Threads and queues are everybody's: a user who has not everything gets his share. */
static bool has_share(const struct rv_session *s)
{
        unsigned user, others;
        if (s->nrequests >= RV_MOST_CALLS + RV_MOST_BATCH)
                return false;
        if (rv_policy_has_all(&s->agent->policy, &s->who))
                return true;
        rv_session_load(s->agent, s->who.uid, false, &user, &others);
        return user < RV_CALLS_OF_USER + RV_MOST_BATCH;
}

static struct rv_request *begin(struct rv_session *s, struct rv_group *g, char *id, json_t *params)
{
        struct rv_request *q = has_share(s) ? calloc(1, sizeof *q) : NULL;
        if (!q) {
                refuse(s, g, id, -32000 - RV_SERVER_LIMITS_EXCEEDED,
                       "too many requests of this session, or of its user, are under way");
                free(id);
                json_decref(params);
                return NULL;
        }
        *q = (struct rv_request) {
                .next = s->requests, .session = s, .agent = s->agent, .group = g, .id = id, .params = params
        };
        s->requests = q;
        s->nrequests++;
        s->agent->nrequests++;
        s->calls++;
        return q;
}

struct rv_request *rv_request_child(struct rv_request *parent, json_t *params)
{
        struct rv_session *s = parent->session;
        struct rv_request *q = calloc(1, sizeof *q);
        if (!q) {
                json_decref(params);
                return NULL;
        }
        *q = (struct rv_request) { .next = s->requests, .session = s, .agent = s->agent, .params = params };
        s->requests = q;
        s->nrequests++;
        s->agent->nrequests++;
        return q;
}

/* One request object; takes it over. */
static void request(struct rv_session *s, struct rv_group *g, json_t *j)
{
        json_t *id = json_object_get(j, "id"), *version = json_object_get(j, "jsonrpc"),
               *method = json_object_get(j, "method");
        json_t *params = json_object_get(j, "params");
        const char *complaint = NULL;
        if (!json_is_object(j))
                complaint = "expected an object";
        else if (!json_is_string(version) || strcmp(json_string_value(version), "2.0") != 0)
                complaint = "expected \"jsonrpc\": \"2.0\"";
        else if (!json_is_string(method))
                complaint = "expected \"method\": a text";
        else if (id && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
                complaint = "expected \"id\": a text, a number or null";
        else if (params && !json_is_object(params) && !json_is_array(params))
                complaint = "expected \"params\": an object or an array";
        char *text = id && !complaint ? json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        if (complaint) {
                refuse(s, g, "null", -32600, complaint); /* what is no request has no id */
        } else if (!id && strcmp(json_string_value(method), "$/cancelRequest") == 0) {
                cancel(s, params);
                answer(s, g, NULL, "", "", 0);
        } else if (id && !text) { /* taken for a notification, it would be done, and nobody told */
                refuse(s, g, "null", -32000 - RV_SERVER_LIMITS_EXCEEDED, "no memory is left");
        } else {
                struct rv_request *q = begin(s, g, text, json_incref(params));
                if (q)
                        rv_dispatch(q, json_string_value(method), json_string_length(method));
        }
        json_decref(j);
}

static void batch(struct rv_session *s, json_t *j)
{
        size_t n = json_array_size(j);
        struct rv_group *g = n && n <= RV_MOST_BATCH ? calloc(1, sizeof *g) : NULL;
        if (!g) {
                refuse(s, NULL, "null", n ? -32000 - RV_SERVER_LIMITS_EXCEEDED : -32600,
                       n ? "at most 100 requests in a batch" : "an empty batch");
                json_decref(j);
                return;
        }
        g->waiting = (unsigned)n + 1;
        for (size_t i = 0; i < n; i++)
                request(s, g, json_incref(json_array_get(j, i)));
        json_decref(j);
        group_done(s, g);
}

/* The shape of nearly every small request, without a tree: {"jsonrpc":"2.0","id":N,"method":"Word"} with an empty or no
 * params, members in any order, no escapes. Anything else goes the long way. */
static bool quick(struct rv_session *s, const char *p, size_t n)
{
        const char *end = p + n, *id = NULL, *method = NULL;
        size_t id_len = 0, method_len = 0;
        bool version = false;
        if (n > 256 || *p++ != '{')
                return false;
        while (p < end) {
                while (p < end && (*p == ' ' || *p == ','))
                        p++;
                if (p < end && *p == '}')
                        break;
                if (p >= end || *p != '"')
                        return false;
                const char *key = ++p, *stop = memchr(p, '"', (size_t)(end - p));
                if (!stop)
                        return false;
                size_t key_len = (size_t)(stop - key);
                for (p = stop + 1; p < end && (*p == ' ' || *p == ':'); p++)
                        ;
                const char *v = p;
                if (p < end && *p == '"') {
                        stop = memchr(p + 1, '"', (size_t)(end - p - 1));
                        if (!stop)
                                return false;
                        for (const char *c = p + 1; c < stop; c++)
                                if ((unsigned char)*c < 0x20 || *c == '\\' || (unsigned char)*c >= 0x80)
                                        return false;
                        p = stop + 1;
                } else if (p < end && *p >= '1' && *p <= '9') {
                        while (p < end && *p >= '0' && *p <= '9')
                                p++;
                        if (p - v > 15)
                                return false;
                } else if (end - p > 2 && p[0] == '{' && p[1] == '}') {
                        p += 2;
                } else {
                        return false;
                }
                size_t m = (size_t)(p - v);
                if (key_len == 7 && memcmp(key, "jsonrpc", 7) == 0 && m == 5 &&
                    memcmp(v, "\"2.0\"", 5) == 0 && !version)
                        version = true;
                else if (key_len == 2 && memcmp(key, "id", 2) == 0 && !id && *v != '{')
                        id = v, id_len = m;
                else if (key_len == 6 && memcmp(key, "method", 6) == 0 && !method && *v == '"' && v[1] != '$')
                        method = v + 1, method_len = m - 2;
                else if (!(key_len == 6 && memcmp(key, "params", 6) == 0 && *v == '{'))
                        return false;
                if (p < end && *p != ',' && *p != '}' && *p != ' ')
                        return false;
        }
        if (!version || !id || !method || p + 1 != end)
                return false;
        char *copy = strndup(id, id_len);
        struct rv_request *q = copy ? begin(s, NULL, copy, NULL) : NULL;
        if (q)
                rv_dispatch(q, method, method_len);
        return copy;
}

static void message(struct rv_session *s, const char *text, size_t n)
{
        struct timespec now;
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        s->last_call_time = (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
        if (quick(s, text, n))
                return;
        struct rv_error err = { 0 };
        json_t *j = rv_json_parse(text, n, &err);
        if (!j)
                refuse(s, NULL, "null", err.code == RV_SERVER_LIMITS_EXCEEDED ? -32000 - err.code : -32700,
                       err.message);
        else if (json_is_array(j))
                batch(s, j);
        else
                request(s, NULL, j);
}

static void plain(struct rv_session *s, int status, const char *text)
{
        rv_frame_http(&s->out, status, "text/plain; charset=utf-8", text, strlen(text), s->frame.close);
        flush_soon(s);
}

static void metrics(struct rv_session *s, const char *head, size_t n)
{
        json_t *params = rv_scrape_params(head, n);
        const char *why;
        int status = s->scraper ? rv_scraper_may(s, params, &why) : 0;
        if (status) {
                json_decref(params);
                plain(s, status, why);
                return;
        }
        struct rv_request *q = begin(s, NULL, NULL, params);
        if (!q)
                return;
        q->http = true;
        rv_dispatch(q, "Metrics", 7);
}

static void complain(struct rv_session *s)
{
        if (s->frame.framing == RV_FRAMING_HTTP) {
                plain(s, s->frame.http_status, s->frame.complaint); /* frame.close is set */
        } else {
                refuse(s, NULL, "null", -32000 - RV_SERVER_LIMITS_EXCEEDED, s->frame.complaint);
        }
        s->state = RV_SESSION_DRAINING;
}

/* HTTP is worked off one at a time: what is sent meanwhile waits in the kernel. */
static bool has_room(const struct rv_session *s)
{
        bool ahead = s->frame.framing == RV_FRAMING_HTTP && s->nrequests &&
                     s->frame.len - s->frame.taken > RV_FRAME_HEADERS;
        return rv_session_queued(s) < RV_QUEUE_BYTES && s->nrequests < RV_MOST_CALLS && !ahead &&
               !s->agent->stopping;
}

/* Works off what has been read, as far as there is room for answers. */
static void input(struct rv_session *s)
{
        s->in_input = true;
        while (s->state == RV_SESSION_OPEN && has_room(s)) {
                const char *text;
                size_t n;
                /* HTTP: one at a time, so that answers come in order. */
                if (s->frame.framing == RV_FRAMING_HTTP && s->nrequests)
                        break;
                enum rv_frame_result r = rv_frame_next(&s->frame, &text, &n);
                if (r == RV_FRAME_MORE)
                        break;
                if (r == RV_FRAME_MESSAGE)
                        message(s, text, n);
                else if (r == RV_FRAME_METRICS)
                        metrics(s, text, n);
                else if (r == RV_FRAME_HEALTHY)
                        plain(s, 200, "reeve is healthy\n");
                else
                        complain(s);
                if (s->frame.framing == RV_FRAMING_HTTP && s->frame.close && !s->frame.complaint)
                        s->state = RV_SESSION_DRAINING;
        }
        s->in_input = false;
        flush(s);
}

static void on_room(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
        (void)hint;
        struct rv_session *s = h->data;
        size_t n = 0;
        char *room = rv_frame_room(&s->frame, &n);
        *b = uv_buf_init(room, room ? (unsigned)n : 0);
}

/* The peer has not only ended its half: nobody is there any more to read. */
static bool is_gone(const struct rv_session *s)
{
        uv_os_fd_t fd;
        if (uv_fileno((const uv_handle_t *)&s->pipe, &fd))
                return false;
        struct pollfd p = { .fd = fd };
        return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

/* Nobody reads: what only reads is given up, what changes goes on. */
static void forget_reads(struct rv_session *s)
{
        for (struct rv_request *q = s->requests, *next; q; q = next) {
                next = q->next;
                if (q->shape == RV_SHAPE_METHOD)
                        continue;
                struct rv_group *g = q->group;
                rv_request_free(q);
                if (g)
                        group_done(s, g);
        }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
        (void)b;
        struct rv_session *s = stream->data;
        if (n == 0)
                return;
        if (n < 0) {
                /* Half-closed: what was asked is still answered. */
                uv_read_stop(stream);
                s->reading = false;
                if (n == UV_EOF && s->state == RV_SESSION_OPEN) {
                        s->state = RV_SESSION_DRAINING;
                        if (is_gone(s))
                                forget_reads(s);
                        flush(s);
                } else {
                        rv_session_close(s);
                }
                return;
        }
        s->bytes_in += (uint64_t)n;
        rv_frame_fed(&s->frame, (size_t)n);
        input(s);
        if (s->state != RV_SESSION_CLOSED)
                read_or_not(s);
}

static void read_or_not(struct rv_session *s)
{
        if (s->state != RV_SESSION_OPEN)
                return;
        if (has_room(s) && s->frame.taken < s->frame.len)
                input(s);
        if (s->state != RV_SESSION_OPEN)
                return;
        bool want = has_room(s);
        if (want && !s->reading)
                uv_read_start((uv_stream_t *)&s->pipe, on_room, on_read);
        else if (!want && s->reading)
                uv_read_stop((uv_stream_t *)&s->pipe);
        s->reading = want;
}

/* Anybody may knock where there are roles: one user cannot take all places, and all of them not the administrators'. */
static bool has_place(const struct rv_agent *a, const struct rv_identity *who)
{
        unsigned same = 0;
        if (rv_policy_has_all(&a->policy, who))
                return a->nsessions < RV_MOST_SESSIONS;
        for (const struct rv_session *s = a->sessions; s; s = s->next)
                same += s->who.uid == who->uid;
        return a->nsessions < RV_MOST_SESSIONS - RV_RESERVED_SESSIONS && same < RV_MOST_OF_USER;
}

int rv_session_new(struct rv_agent *a, int fd, const struct rv_identity *who, struct rv_session **ret)
{
        struct rv_session *s = has_place(a, who) ? calloc(1, sizeof *s) : NULL;
        if (!s) {
                close(fd);
                return -EUSERS;
        }
        s->agent = a;
        s->who = *who;
        s->flush.run = on_flush;
        s->since = (int64_t)time(NULL) * INT64_C(1000000000);
        s->pipe.data = s;
        uv_pipe_init(&a->loop.uv, &s->pipe, 0);
        s->next = a->sessions;
        a->sessions = s;
        a->nsessions++;
        int r = uv_pipe_open(&s->pipe, fd);
        if (r) {
                close(fd);
                rv_session_close(s);
                return r;
        }
        read_or_not(s);
        if (ret)
                *ret = s;
        return 0;
}
