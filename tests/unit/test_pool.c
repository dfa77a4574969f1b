/* SPDX-License-Identifier: MIT
 *
 * Threads of one provider: bounded, made when needed, gone when idle; a stuck one is counted and does not stop others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/pool.h"
#include "agent/provider.h"

/* A job that says when it runs and waits to be let go. */
struct gated {
        struct rv_job job;
        sem_t begun, gate, ended;
};

static void run_gated(struct rv_job *j)
{
        struct gated *g = (struct gated *)j;
        sem_post(&g->begun);
        sem_wait(&g->gate);
        sem_post(&g->ended);
}

static void gated_init(struct gated *g)
{
        memset(g, 0, sizeof *g);
        g->job.run = run_gated;
        sem_init(&g->begun, 0, 0);
        sem_init(&g->gate, 0, 0);
        sem_init(&g->ended, 0, 0);
}

static bool wait_sem(sem_t *s)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_sec += 10;
        return sem_timedwait(s, &t) == 0;
}

static void let_go(struct gated *g)
{
        sem_post(&g->gate);
        assert_true(wait_sem(&g->ended));
}

static uint64_t in_seconds(unsigned s)
{
        return rv_now() + s * UINT64_C(1000000000);
}

static unsigned locked(struct rv_pool *p, const unsigned *field)
{
        pthread_mutex_lock(&p->lock);
        unsigned n = *field;
        pthread_mutex_unlock(&p->lock);
        return n;
}

/* Waits until a count under the pool's lock has a value; the pool tells nobody, so it is looked at again and again. */
static bool becomes(struct rv_pool *p, const unsigned *field, unsigned wanted)
{
        for (uint64_t until = in_seconds(10); rv_now() < until; poll(NULL, 0, 1))
                if (locked(p, field) == wanted)
                        return true;
        return false;
}

static void makes_threads_on_demand_and_no_more_than_allowed(void **state)
{
        (void)state;
        struct rv_pool p;
        rv_pool_init(&p, "Test", 2);
        assert_int_equal(p.threads, 0);
        struct gated g[3];
        for (int i = 0; i < 3; i++) {
                gated_init(&g[i]);
                assert_int_equal(rv_pool_submit(&p, &g[i].job, NULL), RV_OK);
        }
        assert_true(wait_sem(&g[0].begun));
        assert_true(wait_sem(&g[1].begun));
        assert_int_equal(locked(&p, &p.threads), 2);
        assert_int_equal(locked(&p, &p.queued), 1);
        let_go(&g[0]);
        assert_true(wait_sem(&g[2].begun)); /* takes the free thread */
        assert_int_equal(locked(&p, &p.threads), 2);
        let_go(&g[1]);
        let_go(&g[2]);
        assert_true(rv_pool_drain(&p, in_seconds(10)));
}

static void an_idle_thread_goes_away(void **state)
{
        (void)state;
        struct rv_pool p;
        rv_pool_init(&p, "Test", 2);
        struct gated g;
        gated_init(&g);
        assert_int_equal(rv_pool_submit(&p, &g.job, NULL), RV_OK);
        let_go(&g);
        assert_true(becomes(&p, &p.threads, 0));
        assert_true(rv_pool_drain(&p, in_seconds(10)));
}

static void a_job_that_waits_can_be_withdrawn_a_running_one_not(void **state)
{
        (void)state;
        struct rv_pool p;
        rv_pool_init(&p, "Test", 1);
        struct gated a, b, c;
        gated_init(&a), gated_init(&b), gated_init(&c);
        assert_int_equal(rv_pool_submit(&p, &a.job, NULL), RV_OK);
        assert_true(wait_sem(&a.begun));
        assert_int_equal(rv_pool_submit(&p, &b.job, NULL), RV_OK);
        assert_int_equal(rv_pool_submit(&p, &c.job, NULL), RV_OK);
        assert_false(rv_pool_withdraw(&p, &a.job));
        assert_true(rv_pool_withdraw(&p, &b.job));
        assert_false(rv_pool_withdraw(&p, &b.job));
        let_go(&a);
        assert_true(wait_sem(&c.begun));
        let_go(&c);
        assert_int_not_equal(sem_trywait(&b.begun), 0);
        assert_true(rv_pool_drain(&p, in_seconds(10)));
}

static void a_stuck_thread_is_counted_and_others_go_on(void **state)
{
        (void)state;
        struct rv_pool p;
        rv_pool_init(&p, "Test", 2);
        struct gated hung, other;
        gated_init(&hung), gated_init(&other);
        assert_int_equal(rv_pool_submit(&p, &hung.job, NULL), RV_OK);
        assert_true(wait_sem(&hung.begun));
        assert_true(rv_pool_give_up(&p, &hung.job));
        assert_true(rv_pool_give_up(&p, &hung.job)); /* twice counts once */
        assert_int_equal(locked(&p, &p.stuck), 1);
        assert_true(p.stuck_since > 0);
        assert_int_equal(rv_pool_submit(&p, &other.job, NULL), RV_OK);
        assert_true(wait_sem(&other.begun));
        let_go(&other);
        let_go(&hung); /* it comes back after all */
        assert_true(becomes(&p, &p.stuck, 0));
        assert_int_equal(p.stuck_since, 0);
        assert_true(rv_pool_drain(&p, in_seconds(10)));
}

static void refuses_when_all_threads_are_stuck_and_says_since_when(void **state)
{
        (void)state;
        struct rv_pool p;
        rv_pool_init(&p, "Mount", 1);
        struct gated hung, next;
        gated_init(&hung), gated_init(&next);
        assert_int_equal(rv_pool_submit(&p, &hung.job, NULL), RV_OK);
        assert_true(wait_sem(&hung.begun));
        assert_true(rv_pool_give_up(&p, &hung.job));

        struct rv_error err = { 0 };
        assert_int_equal(rv_pool_submit(&p, &next.job, &err), RV_UNAVAILABLE);
        assert_non_null(strstr(err.message, "provider Mount is stuck since 20"));
        assert_true(err.retryable);

        let_go(&hung);
        assert_true(becomes(&p, &p.stuck, 0));
        assert_int_equal(rv_pool_submit(&p, &next.job, &err), RV_OK);
        let_go(&next);
        assert_true(rv_pool_drain(&p, in_seconds(10)));
}

static void the_queue_is_bounded(void **state)
{
        (void)state;
        struct rv_pool p;
        rv_pool_init(&p, "Test", 1);
        struct gated first;
        gated_init(&first);
        assert_int_equal(rv_pool_submit(&p, &first.job, NULL), RV_OK);
        assert_true(wait_sem(&first.begun));
        struct gated *g = calloc(RV_POOL_QUEUE + 1, sizeof *g);
        for (int i = 0; i < RV_POOL_QUEUE; i++) {
                gated_init(&g[i]);
                assert_int_equal(rv_pool_submit(&p, &g[i].job, NULL), RV_OK);
        }
        gated_init(&g[RV_POOL_QUEUE]);
        assert_int_equal(rv_pool_submit(&p, &g[RV_POOL_QUEUE].job, NULL), RV_SERVER_LIMITS_EXCEEDED);
        for (int i = 0; i < RV_POOL_QUEUE; i++)
                assert_true(rv_pool_withdraw(&p, &g[i].job));
        let_go(&first);
        assert_true(rv_pool_drain(&p, in_seconds(10)));
        free(g);
}

static void draining_waits_for_the_running_but_not_for_ever(void **state)
{
        (void)state;
        struct rv_pool p;
        rv_pool_init(&p, "Test", 1);
        struct gated g;
        gated_init(&g);
        assert_int_equal(rv_pool_submit(&p, &g.job, NULL), RV_OK);
        assert_true(wait_sem(&g.begun));
        assert_false(rv_pool_drain(&p, rv_now() + 10000000));
        struct gated late;
        gated_init(&late);
        assert_int_equal(rv_pool_submit(&p, &late.job, NULL), RV_SERVER_IS_SHUTTING_DOWN);
        let_go(&g);
        assert_true(rv_pool_drain(&p, in_seconds(10)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(makes_threads_on_demand_and_no_more_than_allowed),
                cmocka_unit_test(an_idle_thread_goes_away),
                cmocka_unit_test(a_job_that_waits_can_be_withdrawn_a_running_one_not),
                cmocka_unit_test(a_stuck_thread_is_counted_and_others_go_on),
                cmocka_unit_test(refuses_when_all_threads_are_stuck_and_says_since_when),
                cmocka_unit_test(the_queue_is_bounded),
                cmocka_unit_test(draining_waits_for_the_running_but_not_for_ever),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
