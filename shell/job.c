/* SPDX-License-Identifier: MIT
 *
 * Jobs: a worker, what it wrote so far, and what became of it. Nobody watches a job: whoever asks about one takes in
 * what has come (sh_job_pump), so a job costs the session nothing in between.
 */
#include "shell/job.h"

#include "shell/error.h"
#include "shell/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FAR_MS = 200, FAR_STOP_MS = 10000 }; /* between two looks at work that is elsewhere; for its end */

const char *sh_job_state_name(enum sh_job_state s)
{
        static const char *const names[] = { "NotStarted", "Running", "Completed", "Failed", "Stopped" };
        return names[s];
}

bool sh_job_over(const struct sh_job *j)
{
        return j->state >= JOB_COMPLETED;
}

static void new_instance(char to[37])
{
        unsigned char b[16];
        FILE *f = fopen("/dev/urandom", "re");
        if (!f || fread(b, 1, sizeof b, f) != sizeof b)
                memset(b, 1, sizeof b);
        if (f)
                fclose(f);
        b[6] = (unsigned char)((b[6] & 15) | 64);
        b[8] = (unsigned char)((b[8] & 63) | 128);
        int n = 0;
        for (int i = 0; i < 16; i++)
                n += snprintf(to + n, (size_t)(37 - n), i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
}

static struct sh_job *list_new(struct sh *sh, const struct sh_job_spec *spec)
{
        struct sh_job *j = calloc(1, sizeof *j);
        if (!j)
                abort();
        j->obj = (struct sh_obj) { .refs = 2, .type = &sh_type_job }; /* the caller's and the list's */
        j->id = sh->next_job;
        sh->next_job += spec->ids;
        char name[32];
        snprintf(name, sizeof name, "Job%u", j->id);
        j->name = strdup(spec->name ? spec->name : name);
        j->command = spec->command.kind == SH_STRING ? strndup(spec->command.s->s, spec->command.s->len) : strdup("");
        j->kind = spec->kind;
        j->location = spec->location;
        j->reason = SH_NIL;
        j->begun = sh_datetime_now();
        j->ended = SH_NIL;
        j->listed = true;
        j->state = spec->tokens >= 0 ? JOB_NOT_STARTED : JOB_RUNNING;
        if (!j->name || !j->command)
                abort();
        new_instance(j->instance);
        struct sh_job **at = &sh->jobs;
        while (*at)
                at = &(*at)->next;
        *at = j;
        return j;
}

struct sh_job *sh_job_start(struct sh *sh, const struct sh_job_spec *spec, sh_work *work, void *state)
{
        struct sh_worker *w = sh_worker_start(sh, work, state, spec->flags, spec->tokens);
        if (!w)
                return NULL;
        struct sh_job *j = list_new(sh, spec);
        j->worker = w;
        return j;
}

struct sh_job *sh_job_far_start(struct sh *sh, const struct sh_job_spec *spec, struct sh_job_far *far)
{
        struct sh_job *j = list_new(sh, spec);
        j->far = far;
        return j;
}

/* ---- what came ---- */
void sh_job_add(struct sh_job *j, int stream, struct sv owned)
{
        if (j->n == j->cap) {
                j->cap = j->cap ? j->cap * 2 : 16;
                j->items = realloc(j->items, j->cap * sizeof *j->items);
                if (!j->items)
                        abort();
        }
        j->items[j->n++] = (struct sh_job_item) { stream, owned };
}

static void finish(struct sh *sh, struct sh_job *j, struct sv reason, bool in_order)
{
        if (sh_job_over(j))
                return;
        j->ended = sh_datetime_now();
        if (j->asked_to_stop && !in_order) {
                j->state = JOB_STOPPED;
        } else if (reason.kind == SH_OTHER) {
                j->state = JOB_FAILED;
                j->reason = sh_keep(reason);
        } else if (in_order) {
                j->state = j->asked_to_stop ? JOB_STOPPED : JOB_COMPLETED;
        } else {
                static const char text[] = "The job's process ended before it was done.";
                j->state = JOB_FAILED;
                j->reason = sh_error_new(sh, NULL, "JobProcessEnded", "OperationStopped", SH_NIL, text,
                                         sizeof text - 1);
        }
}

void sh_job_finish(struct sh_job *j, enum sh_job_state state, struct sv reason)
{
        if (sh_job_over(j)) {
                sh_drop(reason);
                return;
        }
        j->ended = sh_datetime_now();
        j->state = state;
        j->reason = reason;
}

void sh_job_pump(struct sh *sh, struct sh_job *j)
{
        int stream;
        struct sv v;
        if (j->far && !sh_job_over(j))
                j->far->look(sh, j);
        if (!j->worker)
                return;
        bool over = sh_worker_over(j->worker); /* looked at first: what came before its end is read below */
        while (sh_worker_read(sh, j->worker, &stream, &v)) {
                if (stream == SH_WORK_BEGUN && j->state == JOB_NOT_STARTED)
                        j->state = JOB_RUNNING;
                if (stream == SH_WORK_ENDED)
                        finish(sh, j, v, true);
                if (stream >= SH_OUT && stream <= SH_INFO)
                        sh_job_add(j, stream, v);
                else
                        sh_drop(v);
        }
        if (over)
                finish(sh, j, SH_NIL, false);
        if (sh_job_over(j))
                j->worker = sh_worker_free(sh, j->worker);
}

bool sh_job_has_more(struct sh *sh, struct sh_job *j)
{
        sh_job_pump(sh, j);
        return j->read < j->n || !sh_job_over(j) || (j->state == JOB_FAILED && j->reason.kind == SH_OTHER && !j->read);
}

/* ---- given out ---- */
static int give(struct sh_cmd *c, struct sh_job_item *x)
{
        struct sh *sh = sh_session(c);
        if (x->stream == SH_OUT)
                return sh_emit(c, x->v);
        if (x->stream == SH_ERR)
                return x->v.kind == SH_OTHER && x->v.o->type == &sh_type_error_record ? sh_stream_error(sh, x->v)
                                                                                      : SH_OK;
        return sh_stream_replay(sh, (enum sh_stream)x->stream, x->v);
}

int sh_job_receive(struct sh_cmd *c, struct sh_job *j, bool keep)
{
        struct sh *sh = sh_session(c);
        int st = SH_OK;
        sh_job_pump(sh, j);
        uint32_t i = j->read;
        for (; i < j->n && st == SH_OK; i++)
                st = give(c, &j->items[i]);
        if (!keep) {
                for (uint32_t k = j->read; k < i; k++) {
                        sh_drop(j->items[k].v);
                        j->items[k].v = SH_NIL;
                }
                j->read = i;
        }
        if (st == SH_OK && j->state == JOB_FAILED && j->reason.kind == SH_OTHER) {
                struct sv reason = j->reason;
                if (!keep)
                        j->reason = SH_NOTHING;
                st = sh_stream_error(sh, reason);
                if (!keep)
                        sh_drop(reason);
        }
        return st;
}

/* ---- waited for, stopped, forgotten ---- */
static int64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int sh_jobs_wait(struct sh *sh, struct sh_job **v, uint32_t n, bool any, int timeout)
{
        int64_t until = now_ms() + timeout;
        struct sh_worker **w = calloc(n + 1, sizeof *w);
        int st = SH_OK;
        if (!w)
                abort();
        struct sh_job *shown = NULL;
        for (;;) {
                uint32_t open = 0, nworkers = 0;
                struct sh_job *far = NULL;
                for (uint32_t i = 0; i < n; i++) {
                        sh_job_pump(sh, v[i]);
                        if (v[i]->worker)
                                w[nworkers++] = v[i]->worker;
                        else if (!far && !sh_job_over(v[i]))
                                far = v[i];
                        open += v[i]->worker || !sh_job_over(v[i]);
                }
                int64_t left = timeout < 0 ? 1000 : until - now_ms();
                if (open == 0 || (any && open < n))
                        break;
                if (far)
                        (shown = far)->far->show(far, false);
                if (far && left > FAR_MS)
                        left = FAR_MS;
                if (timeout >= 0 && left <= 0) {
                        st = SH_NONE;
                        break;
                }
                st = sh_workers_wait(sh, w, nworkers, (int)(left < 1000 ? left : 1000));
                if (st != SH_OK && st != SH_NONE)
                        break;
                st = SH_OK;
        }
        if (shown)
                shown->far->show(shown, true);
        free(w);
        return st;
}

int sh_job_stop(struct sh *sh, struct sh_job *j)
{
        sh_job_pump(sh, j);
        if (sh_job_over(j))
                return SH_OK;
        j->asked_to_stop = true;
        if (j->far) {
                int r = j->far->stop(sh, j);
                r = r == SH_OK ? sh_jobs_wait(sh, &j, 1, false, FAR_STOP_MS) : r;
                return r == SH_NONE ? SH_OK : r; /* it ends when it can */
        }
        sh_worker_stop(j->worker);
        int st = sh_jobs_wait(sh, &j, 1, false, 2000);
        if (st != SH_OK && st != SH_NONE)
                return st;
        if (j->worker) {
                j->worker = sh_worker_free(sh, j->worker);
                finish(sh, j, SH_NIL, false);
        }
        return SH_OK;
}

void sh_job_forget(struct sh *sh, struct sh_job *j)
{
        for (struct sh_job **at = &sh->jobs; *at; at = &(*at)->next)
                if (*at == j) {
                        *at = j->next;
                        j->next = NULL;
                        j->listed = false;
                        if (j->worker)
                                j->worker = sh_worker_free(sh, j->worker);
                        sh_drop(sh_job_value(j));
                        return;
                }
}

void sh_jobs_free(struct sh *sh)
{
        while (sh->jobs)
                sh_job_forget(sh, sh->jobs);
        while (sh->workers)
                sh_worker_free(sh, sh->workers);
}

/* ---- pipeline & ---- */
struct background {
        struct node *node;
};

static int run_node(struct sh *sh, void *state, struct sh_sink *out)
{
        struct node *n = ((struct background *)state)->node;
        return n->run(sh, n, out);
}

int sh_start_background(struct sh *sh, struct node *n, struct sh_sink *out)
{
        struct background b = { n };
        struct sv text = sh_string(n->u->text + n->at, n->end - n->at);
        struct sh_job_spec spec = { .kind = "BackgroundJob", .location = "localhost", .command = text, .tokens = -1,
                                    .ids = 2 };
        struct sh_job *j = sh_job_start(sh, &spec, run_node, &b);
        sh_drop(text);
        if (!j)
                return SH_ERROR;
        int st = out->write(out, sh, sh_job_value(j));
        sh_drop(sh_job_value(j));
        return st;
}
