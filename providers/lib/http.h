/* SPDX-License-Identifier: MIT
 *
 * HTTP/1.1 to a program on this host, over its Unix socket: one request at a time, its answer read as it comes.
 *
 * What always holds: no wait is longer than the deadline, and none goes on when the call was cancelled (the socket
 * never blocks; waits are polls of at most 100 ms each); no more is kept than RV_HTTP_BUFFER and what the caller's
 * own bound allows. So a peer that hangs, trickles or never ends costs its caller time, never anybody memory.
 *
 *      struct rv_http h;
 *      int e = rv_http_open(&h, "/run/docker.sock", deadline, call);
 *      if (e == 0)
 *              e = rv_http_send(&h, "GET", "/_ping", NULL, NULL, 0);
 *      if (e == 0)
 *              e = rv_http_head(&h);            // h.status
 *      while (e == 0 && (n = rv_http_read(&h, buffer, sizeof buffer)) > 0)
 *              ...
 *      rv_http_close(&h);
 *
 * Functions answer 0 or -errno: -ETIMEDOUT the deadline, -ECANCELED the caller has gone, -EPROTO what came is no HTTP,
 * -EPIPE the peer has closed, -EFBIG more than the bound.
 */
#ifndef RV_HTTP_H
#define RV_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RV_HTTP_BUFFER 16384u /* also the most that an answer's head may have */

struct rv_call;

struct rv_http {
        int fd;                     /* -1: closed */
        uint64_t deadline;          /* CLOCK_MONOTONIC, ns; may be set anew between calls */
        const struct rv_call *call; /* whose cancelling ends waits; or NULL */
        int status;                 /* of the answer */
        char version[16];           /* header Api-Version, or "" */
        char path_stat[1024];       /* header X-Docker-Container-Path-Stat, or "" */
        bool raw;                   /* the body's Content-Type is a raw or multiplexed stream */
        bool head_only; /* HEAD was asked: the answer has no body */
        bool chunked, until_close, ended;
        char *keep;       /* where the answer's header lines are put, but for those about the connection; or NULL */
        size_t keep_size;
        const char *more; /* header lines of the next request, each with its end; or NULL. Borrowed */
        uint64_t left;  /* bytes of the body, or of the chunk */
        bool in_chunk;  /* a chunk's data have begun: its line end is still to come */
        uint32_t at, n; /* what of buf is not taken yet */
        char buf[RV_HTTP_BUFFER];
};

int rv_http_open(struct rv_http *, const char *socket, uint64_t deadline, const struct rv_call *);
/* Sends a request with a body of n bytes (body NULL: none). type: its Content-Type. */
int rv_http_send(struct rv_http *, const char *method, const char *path, const char *type, const void *body,
                 size_t n);
/* Sends a request whose body is what the descriptor holds, in chunks. When the peer answers before it has taken all,
 * sending ends there. */
int rv_http_send_file(struct rv_http *, const char *method, const char *path, const char *type, int file);
/* The same in parts: the head (length: its framing header line), then chunks; n 0 is the last. -EALREADY: the peer has
 * answered before it has taken all. */
int rv_http_send_head(struct rv_http *, const char *method, const char *path, const char *type, const char *length);
int rv_http_send_chunk(struct rv_http *, const void *data, size_t n);
/* Reads the answer's head. */
int rv_http_head(struct rv_http *);
/* Some bytes of the body; 0: its end; or -errno. */
ssize_t rv_http_read(struct rv_http *, void *to, size_t room);
/* The whole body, of at most `most` bytes, with a NUL behind it; free() it. */
int rv_http_body(struct rv_http *, size_t most, char **ret, size_t *ret_n);
void rv_http_close(struct rv_http *);
/* Text %-encoded into `to` (cut when it does not fit). Returns to. */
const char *rv_http_escaped(char *to, size_t size, const char *text);
/* Appends text to a path, %-encoded so that it is one component or one value. */
void rv_http_escape(char *path, size_t size, const char *text);

#endif
