/* SPDX-License-Identifier: MIT
 *
 * ForEach-Object -Parallel: a worker per object, at most ThrottleLimit at a time; what they write is passed on as it
 * comes. An error that ends one block is an error of the command, and the others go on.
 */
#include "shell/job.h"
#include "shell/parallel.h"

#include <stdlib.h>
#include <time.h>

struct sh_parallel {
        struct sh_cmd *c;
        struct sv block, waiting; /* waiting: -AsJob's objects */
        uint32_t limit, n;
        int64_t until; /* ms; 0 = no limit */
        struct sh_worker **v;
};
struct one {
        struct sv block, input;
};

static int64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int run_block(struct sh *sh, void *state, struct sh_sink *out)
{
        struct one *o = state;
        struct sv b = sh_block_new(sh, sh_block_of(o->block)->ast); /* of the new runspace, not of a module */
        return sh_block_run(sh, b, &o->input, (struct sh_args) { 0 }, true, out);
}

static int give(struct sh_parallel *p, int stream, struct sv v)
{
        struct sh *sh = sh_session(p->c);
        if (stream == SH_OUT)
                return sh_emit(p->c, v);
        if (stream == SH_ERR || (stream == SH_WORK_ENDED && v.kind == SH_OTHER))
                return sh_stream_error(sh, v);
        if (stream > SH_ERR && stream <= SH_INFO)
                return sh_stream_replay(sh, (enum sh_stream)stream, v);
        return SH_OK;
}

static int take_all(struct sh_parallel *p, uint32_t i, bool *ret_over)
{
        struct sh *sh = sh_session(p->c);
        int stream, st = SH_OK;
        struct sv v;
        bool over = sh_worker_over(p->v[i]);
        while (st == SH_OK && sh_worker_read(sh, p->v[i], &stream, &v)) {
                over = over || stream == SH_WORK_ENDED;
                st = give(p, stream, v);
                sh_drop(v);
        }
        *ret_over = over;
        return st;
}

static int stop_all(struct sh_parallel *p)
{
        for (uint32_t i = 0; i < p->n; i++)
                sh_worker_stop(p->v[i]);
        while (p->n)
                sh_worker_free(sh_session(p->c), p->v[--p->n]);
        return sh_cmd_error(p->c, "PSTaskTimeout", "OperationTimeout", SH_NIL,
                            "The blocks were stopped: -TimeoutSeconds is over.");
}

/* Goes on until fewer than `room` run. */
static int drain(struct sh_parallel *p, uint32_t room)
{
        struct sh *sh = sh_session(p->c);
        int st = SH_OK;
        for (;;) {
                for (uint32_t i = 0; i < p->n && st == SH_OK;) {
                        bool over;
                        st = take_all(p, i, &over);
                        if (over) {
                                sh_worker_free(sh, p->v[i]);
                                p->v[i] = p->v[--p->n];
                        } else {
                                i++;
                        }
                }
                if (st != SH_OK || p->n < room || p->n == 0)
                        return st;
                if (p->until && now_ms() >= p->until)
                        return stop_all(p);
                st = sh_workers_wait(sh, p->v, p->n, p->until ? (int)(p->until - now_ms() + 1) : 1000);
                if (st == SH_NONE)
                        st = SH_OK;
        }
}

struct sh_parallel *sh_parallel_new(struct sh_cmd *c, struct sv block, int64_t throttle, int64_t timeout, bool as_job)
{
        struct sh_parallel *p = calloc(1, sizeof *p);
        if (!p || !(p->v = calloc((size_t)throttle + 1, sizeof *p->v)))
                abort();
        p->c = c;
        p->block = sh_keep(block);
        p->limit = (uint32_t)throttle;
        p->until = timeout > 0 ? now_ms() + timeout * 1000 : 0;
        p->waiting = as_job ? sh_array_new(8) : SH_NIL;
        return p;
}

static int start(struct sh_parallel *p, struct sv input)
{
        struct one o = { p->block, input };
        int st = drain(p, p->limit);
        if (st != SH_OK)
                return st;
        struct sh_worker *w =
                sh_worker_start(sh_session(p->c), run_block, &o, SH_WORK_FRESH | SH_WORK_WRITES_BACK, -1);
        if (!w)
                return SH_ERROR;
        p->v[p->n++] = w;
        return SH_OK;
}

int sh_parallel_input(struct sh_parallel *p, struct sv input)
{
        if (p->waiting.kind != SH_ARRAY)
                return start(p, input);
        sh_array_add(p->waiting.a, input);
        return SH_OK;
}

/* -AsJob: one worker that does what the command would have done. */
static int run_all(struct sh *sh, void *state, struct sh_sink *out)
{
        struct sh_parallel *p = state;
        int st = SH_OK;
        (void)sh;
        p->c->out = out;
        for (uint32_t i = 0; i < p->waiting.a->n && st == SH_OK; i++)
                st = start(p, p->waiting.a->v[i]);
        return st == SH_OK ? drain(p, 1) : st;
}

int sh_parallel_end(struct sh_parallel *p)
{
        struct sh *sh = sh_session(p->c);
        if (p->waiting.kind != SH_ARRAY)
                return drain(p, 1);
        struct block *b = sh_block_of(p->block)->ast;
        struct sv text = sh_string(b->u->text + b->body, b->body_end - b->body);
        struct sh_job_spec spec = { .kind = "PSTaskJob", .location = "PowerShell", .command = text, .tokens = -1,
                                    .ids = 1 + p->waiting.a->n };
        struct sh_job *j = sh_job_start(sh, &spec, run_all, p);
        sh_drop(text);
        if (!j)
                return SH_ERROR;
        int st = sh_emit(p->c, sh_job_value(j));
        sh_drop(sh_job_value(j));
        return st;
}

void sh_parallel_free(struct sh_parallel *p)
{
        for (uint32_t i = 0; i < p->n; i++)
                sh_worker_stop(p->v[i]);
        while (p->n)
                sh_worker_free(sh_session(p->c), p->v[--p->n]);
        sh_drop(p->block);
        sh_drop(p->waiting);
        free(p->v);
        free(p);
}
