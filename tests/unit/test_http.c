/* SPDX-License-Identifier: MIT
 *
 * HTTP over a Unix socket: answers whole and in pieces of every size, in chunks, cut off, hostile, late and endless.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/provider.h"
#include "providers/lib/http.h"

/* A server for one connection: reads a request's head, sends `text` in pieces of `step`, closes unless it hangs. */
struct server {
        char path[100];
        int listener;
        const char *text;
        size_t n, step;
        bool hangs, endless;
        pthread_t thread;
};

static void *serve(void *arg)
{
        struct server *s = arg;
        char head[4096];
        size_t have = 0;
        ssize_t n;
        int fd = accept(s->listener, NULL, NULL);
        while (fd >= 0 && (n = recv(fd, head + have, sizeof head - 1 - have, 0)) > 0) {
                have += (size_t)n;
                head[have] = 0;
                if (strstr(head, "\r\n\r\n"))
                        break;
        }
        for (size_t at = 0; fd >= 0 && at < s->n; at += s->step)
                if (send(fd, s->text + at, s->n - at < s->step ? s->n - at : s->step, MSG_NOSIGNAL) < 0)
                        break;
        while (s->endless && send(fd, head, 1, MSG_NOSIGNAL) == 1)
                ;
        if (s->hangs)
                recv(fd, head, 1, 0);
        close(fd);
        return NULL;
}

static void up(struct server *s, const char *text, size_t step)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        static unsigned number;
        snprintf(s->path, sizeof s->path, "/tmp/rvhttp.%d.%u", (int)getpid(), number++);
        snprintf(a.sun_path, sizeof a.sun_path, "%s", s->path);
        s->text = text;
        s->n = strlen(text);
        s->step = step;
        s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(listen(s->listener, 1), 0);
        assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void down(struct server *s)
{
        pthread_join(s->thread, NULL);
        close(s->listener);
        unlink(s->path);
}

/* The whole exchange: the status (and *ret_body, to be freed) or -errno. */
static int ask(struct server *s, size_t most, uint64_t ns, char **ret_body)
{
        struct rv_http h;
        size_t n;
        *ret_body = NULL;
        int r = rv_http_open(&h, s->path, rv_now() + ns, NULL);
        if (r == 0)
                r = rv_http_send(&h, "GET", "/x", NULL, NULL, 0);
        if (r == 0)
                r = rv_http_head(&h);
        if (r == 0)
                r = rv_http_body(&h, most, ret_body, &n);
        int status = h.status;
        rv_http_close(&h);
        return r ? r : status;
}

static int answer(const char *text, size_t step, char **ret_body)
{
        struct server s = { .step = 1 };
        up(&s, text, step);
        int r = ask(&s, 1 << 20, UINT64_C(5000000000), ret_body);
        down(&s);
        return r;
}

static void bodies_in_pieces_of_every_size(void **state)
{
        (void)state;
        static const char *const texts[] = {
                "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n "
                "world\r\n0\r\nT: 1\r\n\r\n",
                "HTTP/1.1 200 OK\r\n\r\nhello world",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world",
                "HTTP/1.1 200\nContent-Length: 11\n\nhello world",
        };
        char *body;
        for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
                for (size_t step = 1; step < 40; step += 3) {
                        assert_int_equal(answer(texts[i], step, &body), 200);
                        assert_string_equal(body, "hello world");
                        free(body);
                }
}

static void what_is_no_http_is_refused(void **state)
{
        (void)state;
        static const char *const texts[] = {
                "SSH-2.0-x\r\n\r\n",
                "HTTP/1.1 99 x\r\n\r\n",
                "HTTP/1.1 abc\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
        };
        char *body;
        for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
                assert_int_equal(answer(texts[i], 100, &body), -EPROTO);
}

static void what_is_cut_off_is_told(void **state)
{
        (void)state;
        static const char *const texts[] = {
                "",
                "HTTP/1.1 200 OK\r\nContent-Le",
                "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello world",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        };
        char *body;
        for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
                assert_int_equal(answer(texts[i], 100, &body), -EPIPE);
}

static void a_head_is_bounded(void **state)
{
        (void)state;
        char *body, *text = malloc(200001);
        memset(text, 'a', 200000);
        text[200000] = 0;
        memcpy(text, "HTTP/1.1 200 OK\r\nX: ", 20);
        assert_int_equal(answer(text, 4096, &body), -EPROTO);
        for (size_t at = 17; at + 6 < 200000; at += 6)
                memcpy(text + at, "X: y\r\n", 6);
        assert_int_equal(answer(text, 4096, &body), -EPROTO);
        free(text);
}

static void a_body_is_bounded(void **state)
{
        (void)state;
        struct server s = { .endless = true };
        char *body;
        up(&s, "HTTP/1.1 200 OK\r\n\r\n", 100);
        assert_int_equal(ask(&s, 1000, UINT64_C(5000000000), &body), -EFBIG);
        down(&s);
        assert_int_equal(answer("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx", 100, &body),
                         -EPIPE);
}

static void a_deadline_ends_it(void **state)
{
        (void)state;
        static const char *const texts[] = { "", "HTTP/1.1 200 OK\r\n",
                                             "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx" };
        char *body;
        for (unsigned i = 0; i < 3; i++) {
                struct server s = { .hangs = true };
                uint64_t begin = rv_now();
                up(&s, texts[i], 100);
                assert_int_equal(ask(&s, 1000, UINT64_C(200000000), &body), -ETIMEDOUT);
                assert_true(rv_now() - begin < UINT64_C(1500000000));
                down(&s);
        }
}

static void nobody_there(void **state)
{
        (void)state;
        struct rv_http h;
        assert_int_equal(rv_http_open(&h, "/tmp/there.is.no.such.socket", rv_now() + 1000000000, NULL),
                         -ENOENT);
        rv_http_close(&h);
}

static void an_empty_answer_has_no_body(void **state)
{
        (void)state;
        char *body;
        assert_int_equal(answer("HTTP/1.1 204 No Content\r\n\r\n", 100, &body), 204);
        assert_string_equal(body, "");
        free(body);
        assert_int_equal(answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 100, &body), 404);
        free(body);
}

static void texts_become_one_component(void **state)
{
        (void)state;
        char path[40] = "/a/";
        rv_http_escape(path, sizeof path, "b/../c?d=e f\xc3\xa4");
        assert_string_equal(path, "/a/b%2F..%2Fc%3Fd%3De%20f%C3%A4");
        assert_true(strlen(rv_http_escaped(path, 10, "////////////////")) < 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bodies_in_pieces_of_every_size),
                cmocka_unit_test(what_is_no_http_is_refused),
                cmocka_unit_test(what_is_cut_off_is_told),
                cmocka_unit_test(a_head_is_bounded),
                cmocka_unit_test(a_body_is_bounded),
                cmocka_unit_test(a_deadline_ends_it),
                cmocka_unit_test(nobody_there),
                cmocka_unit_test(an_empty_answer_has_no_body),
                cmocka_unit_test(texts_become_one_component),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
