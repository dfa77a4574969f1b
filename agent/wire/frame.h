/* SPDX-License-Identifier: MIT
 *
 * Message boundaries, told by the first byte of a connection:
 *
 *      { [ or blank   one JSON text a line (also what answers look like)
 *      C              LSP: "Content-Length: N\r\n\r\n" and N bytes
 *      anything else  HTTP/1.1: POST /rpc with Content-Length, kept alive; GET /metrics
 *
 * The decoder is fed whatever has arrived and gives one message at a time. It bounds everything: 1 MiB a
 * message, 8 KiB of headers. After an error nothing more is read from that peer.
 *
 * With scrape_only set before the first byte it understands nothing but HTTP's GET /metrics and GET /-/healthy, asked
 * by no page in a browser: the Host must be a loopback address (a name can be made to mean this host).
 *
 *      while ((r = rv_frame_next(&f, &data, &n)) == RV_FRAME_MESSAGE) handle(data, n);
 */
#ifndef RV_FRAME_H
#define RV_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/json.h"

enum rv_framing { RV_FRAMING_UNKNOWN, RV_FRAMING_LINES, RV_FRAMING_LENGTH, RV_FRAMING_HTTP };
enum rv_frame_result {
        RV_FRAME_MORE,    /* not all there yet */
        RV_FRAME_MESSAGE, /* a JSON text */
        RV_FRAME_METRICS, /* HTTP GET /metrics: the request's head */
        RV_FRAME_HEALTHY, /* HTTP GET /-/healthy; scrape_only */
        RV_FRAME_BAD,     /* answer `complaint` if there is one, then end */
};

struct rv_frame {
        enum rv_framing framing;
        char *data; /* not yet given out */
        size_t len, cap, taken;
        size_t scanned;        /* of the current line: no newline before here */
        bool close;            /* HTTP: the client wants the connection closed */
        bool scrape_only;      /* the caller's */
        const char *complaint; /* for people, with RV_FRAME_BAD */
        int http_status;       /* with RV_FRAME_BAD on HTTP */
};

enum { RV_FRAME_HEADERS = 8192 };

/* Room for at least 16 KiB at *ret; NULL when out of memory. Tell how much came by rv_frame_fed(). */
char *rv_frame_room(struct rv_frame *, size_t *ret_size);
void rv_frame_fed(struct rv_frame *, size_t n);
/* The text is valid until the next call of any of these. */
enum rv_frame_result rv_frame_next(struct rv_frame *, const char **ret, size_t *ret_n);
void rv_frame_free(struct rv_frame *);

/* Wraps an answer: what goes before n bytes of JSON, and after them. */
void rv_frame_begin(struct rv_buf *, const struct rv_frame *, size_t n);
void rv_frame_end(struct rv_buf *, const struct rv_frame *);
void rv_frame_http(struct rv_buf *, int status, const char *type, const char *body, size_t n, bool close);

#endif
