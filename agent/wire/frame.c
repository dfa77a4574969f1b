/* SPDX-License-Identifier: MIT */
#include "agent/wire/frame.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ROOM = 16384 };

char *rv_frame_room(struct rv_frame *f, size_t *ret_size)
{
        if (f->taken) {
                memmove(f->data, f->data + f->taken, f->len - f->taken);
                f->len -= f->taken;
                f->taken = 0;
        }
        if (f->cap - f->len < ROOM) {
                size_t cap = f->cap ? f->cap * 2 : ROOM * 2;
                char *data = realloc(f->data, cap);
                if (!data)
                        return NULL;
                f->data = data;
                f->cap = cap;
        }
        *ret_size = f->cap - f->len;
        return f->data + f->len;
}

void rv_frame_fed(struct rv_frame *f, size_t n)
{
        f->len += n;
}

void rv_frame_free(struct rv_frame *f)
{
        free(f->data);
        *f = (struct rv_frame) { 0 };
}

static enum rv_frame_result bad(struct rv_frame *f, int status, const char *complaint)
{
        f->complaint = complaint;
        f->http_status = status;
        f->close = true;
        return RV_FRAME_BAD;
}

static enum rv_frame_result next_line(struct rv_frame *f, const char **ret, size_t *ret_n)
{
        for (;;) {
                char *start = f->data + f->taken, *end = f->data + f->len;
                char *nl = memchr(start + f->scanned, '\n', (size_t)(end - start) - f->scanned);
                if (!nl) {
                        f->scanned = (size_t)(end - start);
                        return f->scanned > RV_JSON_BYTES ? bad(f, 0, "a line of more than 1 MiB")
                                                          : RV_FRAME_MORE;
                }
                size_t n = (size_t)(nl - start);
                f->taken += n + 1;
                f->scanned = 0;
                if (n && start[n - 1] == '\r')
                        n--;
                if (strspn(start, " \t\r") >= n)
                        continue; /* an empty line */
                *ret = start;
                *ret_n = n;
                return n > RV_JSON_BYTES ? bad(f, 0, "a line of more than 1 MiB") : RV_FRAME_MESSAGE;
        }
}

/* The value of a header within n bytes, or NULL; *ret_n is its length. */
static const char *header(const char *h, size_t n, const char *name, size_t *ret_n)
{
        size_t m = strlen(name);
        for (const char *p = h, *end = h + n; p < end;) {
                const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;
                if ((size_t)(stop - p) > m && strncasecmp(p, name, m) == 0 && p[m] == ':') {
                        p += m + 1;
                        while (p < stop && (*p == ' ' || *p == '\t'))
                                p++;
                        while (stop > p && (stop[-1] == '\r' || stop[-1] == ' '))
                                stop--;
                        *ret_n = (size_t)(stop - p);
                        return p;
                }
                p = stop + 1;
        }
        return NULL;
}

/* -1: there is none; -2: it is no number or too large. */
static long content_length(const char *h, size_t n)
{
        size_t m;
        const char *v = header(h, n, "Content-Length", &m);
        if (!v)
                return -1;
        long total = 0;
        if (!m || m > 9)
                return -2;
        for (size_t i = 0; i < m; i++) {
                if (v[i] < '0' || v[i] > '9')
                        return -2;
                total = total * 10 + (v[i] - '0');
        }
        return total;
}

/* The end of the headers: behind the empty line; 0 while it has not come. */
static size_t headers_end(const char *s, size_t n)
{
        for (size_t i = 0; i + 1 < n; i++)
                if (s[i] == '\n' && (s[i + 1] == '\n' || (s[i + 1] == '\r' && i + 2 < n && s[i + 2] == '\n')))
                        return i + (s[i + 1] == '\n' ? 2 : 3);
        return 0;
}

static enum rv_frame_result body(struct rv_frame *f, size_t head, long length, const char **ret,
                                 size_t *ret_n)
{
        if (length > RV_JSON_BYTES)
                return bad(f, 413, "a message of more than 1 MiB");
        if (f->len - f->taken < head + (size_t)length)
                return RV_FRAME_MORE;
        *ret = f->data + f->taken + head;
        *ret_n = (size_t)length;
        f->taken += head + (size_t)length;
        return RV_FRAME_MESSAGE;
}

static enum rv_frame_result next_length(struct rv_frame *f, const char **ret, size_t *ret_n)
{
        const char *s = f->data + f->taken;
        size_t n = f->len - f->taken, head = headers_end(s, n < RV_FRAME_HEADERS ? n : RV_FRAME_HEADERS);
        if (!head)
                return n >= RV_FRAME_HEADERS ? bad(f, 0, "headers of more than 8 KiB") : RV_FRAME_MORE;
        long length = content_length(s, head);
        if (length < 0)
                return bad(f, 0, "expected 'Content-Length: N' with N up to 1048576");
        return body(f, head, length, ret, ret_n);
}

/* Exactly one line "Host: 127.0.0.1", "[::1]" or "localhost", with a port or without. */
static bool is_loopback_host(const char *head, size_t n)
{
        static const char *const good[] = { "127.0.0.1", "[::1]", "localhost" };
        size_t m, again;
        const char *host = header(head, n, "Host", &m);
        if (!host || header(host, n - (size_t)(host - head), "Host", &again))
                return false;
        for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
                size_t k = strlen(good[i]);
                if (m < k || strncasecmp(host, good[i], k) != 0)
                        continue;
                if (m == k)
                        return true;
                if (host[k] == ':' && m > k + 1 && strspn(host + k + 1, "0123456789") >= m - k - 1)
                        return true;
        }
        return false;
}

/* A browser says so when it asks for another site's page. */
static bool is_cross_site(const char *head, size_t n)
{
        size_t m;
        const char *site = header(head, n, "Sec-Fetch-Site", &m);
        return header(head, n, "Origin", &m) ||
               (site && !(m == 4 && strncasecmp(site, "none", 4) == 0) &&
                !(m == 11 && strncasecmp(site, "same-origin", 11) == 0));
}

static enum rv_frame_result next_scrape(struct rv_frame *f, const char *s, size_t head, const char **ret,
                                        size_t *ret_n)
{
        size_t m;
        bool metrics = strncmp(s, "GET /metrics", 12) == 0 && (s[12] == ' ' || s[12] == '?');
        if (!is_loopback_host(s, head))
                return bad(f, 421, "the Host is none of 127.0.0.1, [::1], localhost");
        if (is_cross_site(s, head))
                return bad(f, 403, "pages of other sites are not answered");
        if (strncmp(s, "GET ", 4) != 0)
                return bad(f, 405, "only GET is answered here");
        if (!metrics && strncmp(s, "GET /-/healthy ", 15) != 0)
                return bad(f, 404, "only /metrics and /-/healthy are answered here");
        if (header(s, head, "Transfer-Encoding", &m) || content_length(s, head) > 0 || content_length(s, head) == -2)
                return bad(f, 400, "a GET has no body");
        f->taken += head;
        *ret = s;
        *ret_n = head;
        return metrics ? RV_FRAME_METRICS : RV_FRAME_HEALTHY;
}

static enum rv_frame_result next_http(struct rv_frame *f, const char **ret, size_t *ret_n)
{
        const char *s = f->data + f->taken;
        size_t n = f->len - f->taken, m, head = headers_end(s, n < RV_FRAME_HEADERS ? n : RV_FRAME_HEADERS);
        if (!head)
                return n >= RV_FRAME_HEADERS ? bad(f, 431, "headers of more than 8 KiB") : RV_FRAME_MORE;
        const char *connection = header(s, head, "Connection", &m);
        if (connection && m == 5 && strncasecmp(connection, "close", 5) == 0)
                f->close = true;
        const char *nl = memchr(s, '\n', head), *v = nl - 1;
        while (v > s && *v != ' ')
                v--;
        if (nl - v < 9 || strncmp(v, " HTTP/1.", 8) != 0)
                return bad(f, 400, "expected a JSON text, 'Content-Length:' or an HTTP/1.1 request");
        if (f->scrape_only) {
                f->close |= v[8] == '0'; /* HTTP/1.0 */
                return next_scrape(f, s, head, ret, ret_n);
        }
        if (strncmp(s, "GET /metrics", 12) == 0 && (s[12] == ' ' || s[12] == '?')) {
                f->taken += head;
                *ret = s;
                *ret_n = head;
                return RV_FRAME_METRICS;
        }
        if (strncmp(s, "POST ", 5) != 0)
                return bad(f, strncmp(s, "GET ", 4) == 0 ? 404 : 405, "expected POST /rpc or GET /metrics");
        if (strncmp(s, "POST /rpc ", 10) != 0 && strncmp(s, "POST / ", 7) != 0 &&
            strncmp(s, "POST /RPC2 ", 11) != 0)
                return bad(f, 404, "expected POST /rpc");
        if (header(s, head, "Transfer-Encoding", &m))
                return bad(f, 411, "expected Content-Length, not Transfer-Encoding");
        long length = content_length(s, head);
        if (length < 0)
                return bad(f, length == -1 ? 411 : 400, "expected 'Content-Length: N' with N up to 1048576");
        return body(f, head, length, ret, ret_n);
}

enum rv_frame_result rv_frame_next(struct rv_frame *f, const char **ret, size_t *ret_n)
{
        if (f->complaint || f->taken == f->len)
                return f->complaint ? RV_FRAME_BAD : RV_FRAME_MORE;
        if (f->framing == RV_FRAMING_UNKNOWN && f->scrape_only) {
                f->framing = RV_FRAMING_HTTP;
                if (f->data[f->taken] < 'A' || f->data[f->taken] > 'Z')
                        return bad(f, 400, "expected an HTTP/1.1 request");
        } else if (f->framing == RV_FRAMING_UNKNOWN) {
                char c = f->data[f->taken];
                f->framing = strchr("{[ \t\r\n", c) && c ? RV_FRAMING_LINES
                             : c == 'C' || c == 'c'      ? RV_FRAMING_LENGTH
                             : c >= 'A' && c <= 'Z'      ? RV_FRAMING_HTTP
                                                         : RV_FRAMING_LINES;
        }
        switch (f->framing) {
        case RV_FRAMING_LENGTH: return next_length(f, ret, ret_n);
        case RV_FRAMING_HTTP: return next_http(f, ret, ret_n);
        default: return next_line(f, ret, ret_n);
        }
}

void rv_frame_begin(struct rv_buf *b, const struct rv_frame *f, size_t n)
{
        if (f->framing == RV_FRAMING_LENGTH)
                rv_buf_putf(b, "Content-Length: %zu\r\n\r\n", n);
        else if (f->framing == RV_FRAMING_HTTP)
                rv_buf_putf(
                        b,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
                        n, f->close ? "Connection: close\r\n" : "");
}

void rv_frame_end(struct rv_buf *b, const struct rv_frame *f)
{
        if (f->framing == RV_FRAMING_LINES || f->framing == RV_FRAMING_UNKNOWN)
                rv_buf_put(b, "\n", 1);
}

void rv_frame_http(struct rv_buf *b, int status, const char *type, const char *text, size_t n, bool close)
{
        const char *reason = status == 200   ? "OK"
                             : status == 204 ? "No Content"
                             : status == 403 ? "Forbidden"
                             : status == 404 ? "Not Found"
                             : status == 405 ? "Method Not Allowed"
                             : status == 411 ? "Length Required"
                             : status == 413 ? "Content Too Large"
                             : status == 421 ? "Misdirected Request"
                             : status == 431 ? "Headers Too Large"
                             : status == 503 ? "Service Unavailable"
                                             : "Bad Request";
        rv_buf_putf(b, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status, reason,
                    type, n, close ? "Connection: close\r\n" : "");
        rv_buf_put(b, text, n);
}
