/* SPDX-License-Identifier: MIT
 *
 * The loop: work from other threads runs once however often it was posted, ready work takes turns with sockets, alarms
 * ring in order, and an idle loop does not wake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/loop.h"
#include "agent/provider.h"

struct counted {
        struct rv_work work;
        struct rv_loop *loop;
        unsigned runs, again;
};

static void run_counted(struct rv_work *w)
{
        struct counted *c = (struct counted *)w;
        c->runs++;
        if (c->again && c->again--)
                rv_loop_soon(c->loop, w);
        else
                rv_loop_quit(c->loop);
}

static void *post_often(void *arg)
{
        struct counted *c = arg;
        for (int i = 0; i < 1000; i++)
                rv_loop_post(c->loop, &c->work);
        return NULL;
}

static void posted_work_runs_once_for_many_posts(void **state)
{
        (void)state;
        struct rv_loop l;
        assert_int_equal(rv_loop_init(&l), 0);
        struct counted c = { .work.run = run_counted, .loop = &l };
        pthread_t t;
        pthread_create(&t, NULL, post_often, &c);
        pthread_join(t, NULL);
        rv_loop_run(&l);
        assert_int_equal(c.runs, 1);
        rv_loop_free(&l);
}

static void work_may_ask_for_another_turn(void **state)
{
        (void)state;
        struct rv_loop l;
        assert_int_equal(rv_loop_init(&l), 0);
        struct counted c = { .work.run = run_counted, .loop = &l, .again = 100 };
        rv_loop_soon(&l, &c.work);
        rv_loop_soon(&l, &c.work);
        rv_loop_run(&l);
        assert_int_equal(c.runs, 101);
        rv_loop_free(&l);
}

static void forgotten_work_does_not_run(void **state)
{
        (void)state;
        struct rv_loop l;
        assert_int_equal(rv_loop_init(&l), 0);
        struct counted a = { .work.run = run_counted, .loop = &l }, b = a, c = a;
        rv_loop_soon(&l, &a.work);
        rv_loop_post(&l, &b.work);
        rv_loop_soon(&l, &b.work);
        rv_loop_soon(&l, &c.work);
        rv_loop_forget(&l, &a.work);
        rv_loop_forget(&l, &b.work);
        rv_loop_run(&l);
        assert_int_equal(a.runs, 0);
        assert_int_equal(b.runs, 0);
        assert_int_equal(c.runs, 1);
        rv_loop_soon(&l, &a.work); /* and may be used again */
        rv_loop_run(&l);
        assert_int_equal(a.runs, 1);
        rv_loop_free(&l);
}

/* Work that always has more to do must not keep a socket's bytes waiting. */
static void spin(struct rv_work *w)
{
        struct counted *c = (struct counted *)w;
        c->runs++;
        rv_loop_soon(c->loop, w);
}

static void on_pipe(uv_poll_t *p, int status, int events)
{
        (void)status;
        (void)events;
        rv_loop_quit(p->data);
}

static void sockets_have_their_turn_beside_busy_work(void **state)
{
        (void)state;
        struct rv_loop l;
        int fd[2];
        assert_int_equal(pipe(fd), 0);
        assert_int_equal(rv_loop_init(&l), 0);
        struct counted c = { .work.run = spin, .loop = &l };
        uv_poll_t p = { .data = &l };
        uv_poll_init(&l.uv, &p, fd[0]);
        uv_poll_start(&p, UV_READABLE, on_pipe);
        rv_loop_soon(&l, &c.work);
        assert_int_equal(write(fd[1], "x", 1), 1);
        uint64_t begun = rv_now();
        rv_loop_run(&l);
        assert_true(c.runs > 0);
        assert_true(rv_now() - begun < UINT64_C(2000000000));
        rv_loop_forget(&l, &c.work);
        rv_loop_free(&l);
        close(fd[0]);
        close(fd[1]);
}

struct bell {
        struct rv_alarm alarm;
        struct rv_loop *loop;
        unsigned *count;
        unsigned rang_as, last;
        uint64_t at;
};

static void ring(struct rv_alarm *a)
{
        struct bell *b = (struct bell *)a;
        b->at = rv_now();
        b->rang_as = ++*b->count;
        if (b->rang_as == b->last)
                rv_loop_quit(b->loop);
}

static void alarms_ring_in_order_and_never_early(void **state)
{
        (void)state;
        enum { N = 200, CLEARED = 50 };
        struct rv_loop l;
        assert_int_equal(rv_loop_init(&l), 0);
        static struct bell bells[N];
        unsigned count = 0;
        uint64_t base = rv_now() + 5000000;
        srand(3);
        for (int i = 0; i < N; i++) {
                bells[i] = (struct bell){ .alarm.ring = ring, .loop = &l, .count = &count, .last = N - CLEARED };
                assert_int_equal(rv_alarm_set(&l, &bells[i].alarm, rv_now() + UINT64_C(60000000000)), 0);
                assert_int_equal(rv_alarm_set(&l, &bells[i].alarm, base + (uint64_t)(rand() % 20) * 1000000), 0);
        }
        for (int i = 0; i < CLEARED; i++)
                rv_alarm_clear(&l, &bells[i * 3].alarm);
        rv_loop_run(&l);
        assert_int_equal(count, N - CLEARED);
        assert_int_equal(l.nalarms, 0);
        for (int i = 0; i < N; i++) {
                bool cleared = i % 3 == 0 && i / 3 < CLEARED;
                assert_int_equal(bells[i].rang_as == 0, cleared);
                if (!cleared)
                        assert_true(bells[i].at >= bells[i].alarm.when);
                for (int k = 0; k < N; k++)
                        if (!cleared && bells[k].rang_as && bells[k].alarm.when < bells[i].alarm.when)
                                assert_true(bells[k].rang_as < bells[i].rang_as);
        }
        assert_false(uv_is_active((uv_handle_t *)&l.timer)); /* nothing is due: nothing wakes */
        assert_false(uv_is_active((uv_handle_t *)&l.idle));
        rv_loop_free(&l);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(posted_work_runs_once_for_many_posts),
                cmocka_unit_test(work_may_ask_for_another_turn),
                cmocka_unit_test(forgotten_work_does_not_run),
                cmocka_unit_test(sockets_have_their_turn_beside_busy_work),
                cmocka_unit_test(alarms_ring_in_order_and_never_early),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
