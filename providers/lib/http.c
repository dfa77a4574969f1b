/* SPDX-License-Identifier: MIT
 *
 * HTTP/1.1 over a Unix socket: see http.h. The reader of answers is our own: it needs the status, four headers and
 * chunks only, Debian 12's http-parser is no longer kept up by its authors,
 * and its successor llhttp is not in it.
 */
#include "providers/lib/http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/provider.h"

#define SLICE 100 /* ms of one poll */

/* Waits until the socket can do what is asked. 0 or -errno. */
static int await(struct rv_http *h, short events)
{
        for (;;) {
                uint64_t now = rv_now();
                if (now >= h->deadline)
                        return -ETIMEDOUT;
                if (h->call && rv_cancelled(h->call))
                        return -ECANCELED;
                uint64_t ms = (h->deadline - now) / 1000000 + 1;
                struct pollfd p = { .fd = h->fd, .events = events };
                int r = poll(&p, 1, ms < SLICE ? (int)ms : SLICE);
                if (r > 0)
                        return p.revents;
                if (r < 0 && errno != EINTR)
                        return -errno;
        }
}

int rv_http_open(struct rv_http *h, const char *socket_path, uint64_t deadline, const struct rv_call *call)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        h->fd = -1;
        h->deadline = deadline;
        h->call = call;
        h->more = NULL;
        h->keep = NULL;
        h->at = h->n = 0;
        if (strlen(socket_path) >= sizeof a.sun_path)
                return -ENAMETOOLONG;
        strcpy(a.sun_path, socket_path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* A listener that accepts nothing has a full queue at some time: EAGAIN, until the deadline. */
        while (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
                int e = errno;
                bool again =
                        (e == EAGAIN || e == EINTR) && rv_now() < deadline && !(call && rv_cancelled(call));
                if (!again) {
                        close(fd);
                        return e == EAGAIN ? -ETIMEDOUT : -e;
                }
                poll(NULL, 0, 20);
        }
        h->fd = fd;
        return 0;
}

void rv_http_close(struct rv_http *h)
{
        if (h->fd >= 0)
                close(h->fd);
        h->fd = -1;
}

/* ---- sending ---- */

/* early: an answer that comes while sending ends it (-EALREADY). */
static int put(struct rv_http *h, const void *data, size_t n, bool early)
{
        const char *p = data;
        while (n) {
                int r = await(h, early ? POLLOUT | POLLIN : POLLOUT);
                if (r < 0)
                        return r;
                if (early && r & (POLLIN | POLLHUP))
                        return -EALREADY;
                ssize_t put = send(h->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (put < 0 && errno != EAGAIN && errno != EINTR)
                        return early && errno == EPIPE ? -EALREADY : -errno;
                if (put > 0) {
                        p += put;
                        n -= (size_t)put;
                }
        }
        return 0;
}

static void begin_answer(struct rv_http *h)
{
        h->status = 0;
        h->chunked = h->until_close = h->ended = h->in_chunk = h->raw = false;
        h->left = 0;
}

int rv_http_send_head(struct rv_http *h, const char *method, const char *path, const char *type,
                      const char *length)
{
        char *head;
        int n = asprintf(&head, "%s %s HTTP/1.1\r\nHost: reeve\r\nUser-Agent: reeve\r\n%s%s%s%s%s\r\n",
                         method, path, h->more ? h->more : "", type ? "Content-Type: " : "", type ? type : "",
                         type ? "\r\n" : "", length);
        if (n < 0)
                return -ENOMEM;
        begin_answer(h);
        h->head_only = strcmp(method, "HEAD") == 0;
        int e = put(h, head, (size_t)n, false);
        free(head);
        return e;
}

int rv_http_send(struct rv_http *h, const char *method, const char *path, const char *type, const void *body,
                 size_t n)
{
        char length[48] = "";
        if (body || strcmp(method, "GET") != 0)
                snprintf(length, sizeof length, "Content-Length: %zu\r\n", n);
        int e = rv_http_send_head(h, method, path, type, length);
        return e || !n ? e : put(h, body, n, false);
}

int rv_http_send_chunk(struct rv_http *h, const void *data, size_t n)
{
        char size[24];
        int head = snprintf(size, sizeof size, "%zx\r\n", n);
        int e = put(h, size, (size_t)head, true);
        if (e == 0 && n)
                e = put(h, data, n, true);
        return e ? e : put(h, "\r\n", 2, true);
}

int rv_http_send_file(struct rv_http *h, const char *method, const char *path, const char *type, int file)
{
        char data[65536 + 16], size[16];
        int e = rv_http_send_head(h, method, path, type, "Transfer-Encoding: chunked\r\n");
        while (e == 0) {
                ssize_t n = read(file, data, 65536);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                int head = snprintf(size, sizeof size, "%zx\r\n", (size_t)n);
                memcpy(data + n, "\r\n", 2);
                e = put(h, size, (size_t)head, true);
                if (e == 0)
                        e = put(h, data, (size_t)n + 2, true);
                if (n == 0)
                        break;
        }
        return e == -EALREADY ? 0 : e;
}

/* ---- reading ---- */

/* More bytes into the buffer. 0; -EPIPE at the end; -EFBIG when it is full. */
static int more(struct rv_http *h)
{
        if (h->at) {
                memmove(h->buf, h->buf + h->at, h->n - h->at);
                h->n -= h->at;
                h->at = 0;
        }
        if (h->n == sizeof h->buf)
                return -EFBIG;
        for (;;) {
                ssize_t n = recv(h->fd, h->buf + h->n, sizeof h->buf - h->n, MSG_DONTWAIT);
                if (n > 0) {
                        h->n += (uint32_t)n;
                        return 0;
                }
                if (n == 0)
                        return -EPIPE;
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                int r = await(h, POLLIN);
                if (r < 0)
                        return r;
        }
}

/* The next line, without its end, NUL-ended in the buffer; valid until the next read. */
static int line(struct rv_http *h, char **ret)
{
        for (;;) {
                char *from = h->buf + h->at, *end = memchr(from, '\n', h->n - h->at);
                if (end) {
                        h->at = (uint32_t)(end - h->buf) + 1;
                        if (end > from && end[-1] == '\r')
                                end--;
                        *end = 0;
                        *ret = from;
                        return memchr(from, 0, (size_t)(end - from)) ? -EPROTO : 0;
                }
                int e = more(h);
                if (e)
                        return e == -EFBIG ? -EPROTO : e;
        }
}

/* The value when the line is that header. */
static const char *header(const char *text, const char *name)
{
        size_t n = strlen(name);
        if (strncasecmp(text, name, n) != 0 || text[n] != ':')
                return NULL;
        return text + n + 1 + strspn(text + n + 1, " \t");
}

static int number(const char *text, int base, uint64_t *ret)
{
        char *end;
        errno = 0;
        if (!strchr("0123456789abcdefABCDEF", *text) || !*text)
                return -EPROTO;
        *ret = strtoull(text, &end, base);
        return errno || end == text || (*end && *end != ';' && *end != ' ' && *end != '\t') ? -EPROTO : 0;
}

static void keep_header(struct rv_http *h, const char *text)
{
        size_t n = strlen(h->keep);
        bool framing = header(text, "Content-Length") || header(text, "Transfer-Encoding") ||
                       header(text, "Connection") || header(text, "Upgrade") || header(text, "Trailer");
        if (!framing && n + strlen(text) + 3 < h->keep_size)
                snprintf(h->keep + n, h->keep_size - n, "%s\r\n", text);
}

static int take_header(struct rv_http *h, const char *text, bool *length)
{
        const char *v;
        if (h->keep)
                keep_header(h, text);
        if ((v = header(text, "Content-Length"))) {
                *length = true;
                return number(v, 10, &h->left);
        }
        if ((v = header(text, "Transfer-Encoding")))
                h->chunked = strcasecmp(v, "chunked") == 0;
        else if ((v = header(text, "Api-Version")))
                snprintf(h->version, sizeof h->version, "%s", v);
        else if ((v = header(text, "X-Docker-Container-Path-Stat")))
                snprintf(h->path_stat, sizeof h->path_stat, "%s", v);
        else if ((v = header(text, "Content-Type")))
                h->raw = strstr(v, "raw-stream") || strstr(v, "multiplexed-stream");
        return 0;
}

int rv_http_head(struct rv_http *h)
{
        char *text;
        bool length = false;
        uint64_t status = 0;
        unsigned lines = 0;
        h->version[0] = h->path_stat[0] = 0;
        do { /* 100 Continue and its like come before the answer */
                int e = line(h, &text);
                if (e)
                        return e;
                if (strncmp(text, "HTTP/1.", 7) != 0 || strlen(text) < 12 || number(text + 9, 10, &status) ||
                    status < 100 || status > 599)
                        return -EPROTO;
                while ((e = line(h, &text)) == 0 && *text) {
                        if (++lines > 100)
                                return -EPROTO;
                        if ((e = take_header(h, text, &length)))
                                return e;
                }
                if (e)
                        return e;
        } while (status < 200 && status != 101);
        h->status = (int)status;
        if (h->chunked)
                h->left = 0;
        h->until_close = !h->chunked && !length;
        h->ended = h->head_only || status == 204 || status == 304 || (length && !h->chunked && !h->left);
        return 0;
}

/* The size of the next chunk; the trailer after the last. */
static int next_chunk(struct rv_http *h)
{
        char *text;
        int e = 0;
        if (h->in_chunk && ((e = line(h, &text)) || *text))
                return e ? e : -EPROTO;
        h->in_chunk = false; /* told apart, so that a read that ran into its deadline can go on later */
        if ((e = line(h, &text)) || (e = number(text, 16, &h->left)))
                return e;
        h->in_chunk = true;
        if (h->left)
                return 0;
        for (unsigned n = 0; n < 100; n++)
                if ((e = line(h, &text)) || !*text)
                        break;
        h->ended = true;
        return e;
}

ssize_t rv_http_read(struct rv_http *h, void *to, size_t room)
{
        int e = 0;
        while (h->chunked && !h->left && !h->ended && e == 0)
                e = next_chunk(h);
        if (e || h->ended)
                return e;
        if (h->at == h->n && (e = more(h))) {
                h->ended = e == -EPIPE && h->until_close;
                return h->ended ? 0 : e;
        }
        size_t n = h->n - h->at;
        if (n > room)
                n = room;
        if (!h->until_close && n > h->left)
                n = (size_t)h->left;
        memcpy(to, h->buf + h->at, n);
        h->at += (uint32_t)n;
        if (!h->until_close) {
                h->left -= n;
                h->ended = !h->chunked && !h->left;
        }
        return (ssize_t)n;
}

int rv_http_body(struct rv_http *h, size_t most, char **ret, size_t *ret_n)
{
        size_t n = 0, cap = h->left && h->left < most ? (size_t)h->left + 1 : 4096;
        char *all = malloc(cap);
        ssize_t got = all ? 0 : -ENOMEM;
        while (all && (got = rv_http_read(h, all + n, cap - n - 1)) > 0) {
                n += (size_t)got;
                if (n > most) {
                        got = -EFBIG;
                        break;
                }
                if (n + 1 < cap)
                        continue;
                char *bigger = realloc(all, cap * 2);
                if (!bigger) {
                        got = -ENOMEM;
                        break;
                }
                all = bigger;
                cap *= 2;
        }
        if (got < 0) {
                free(all);
                return (int)got;
        }
        all[n] = 0;
        *ret = all;
        *ret_n = n;
        return 0;
}

void rv_http_escape(char *path, size_t size, const char *text)
{
        size_t at = strlen(path);
        for (const unsigned char *p = (const unsigned char *)text; *p && at + 4 < size; p++) {
                bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                             (*p >= '0' && *p <= '9') || strchr("-._~", *p);
                at += (size_t)snprintf(path + at, size - at, plain ? "%c" : "%%%02X", *p);
        }
}

const char *rv_http_escaped(char *to, size_t size, const char *text)
{
        *to = 0;
        rv_http_escape(to, size, text);
        return to;
}
