/* SPDX-License-Identifier: MIT */
#include "shell/cimjob.h"

#include "shell/error.h"
#include "shell/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 50 }; /* who asks for a job's properties one after the other asks the agent once */

struct cim {
        struct sh_job_far far;
        struct sh_link *link;
        const struct rv_method *method; /* or NULL */
        char id[48];
        int64_t looked; /* ms */
        char *status;
        int percent;
};

static int64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void put_params(struct rv_buf *b, const struct cim *f)
{
        rv_buf_puts(b, "{\"ClassName\":\"Job\",\"InstanceName\":{\"InstanceID\":");
        rv_json_text(b, f->id);
        rv_buf_puts(b, "}");
}

/* ---- what has come of it ---- */

static struct sv text_of(struct rv_json row, const char *name)
{
        struct rv_json v;
        char *s = rv_json_find(row, name, &v) && rv_json_kind(&v) == '"' ? rv_json_strdup(&v) : NULL;
        struct sv r = s ? sh_text(s) : SH_NIL;
        free(s);
        return r;
}

/* The error that the request would have had. */
static struct sv reason_of(struct sh *sh, struct rv_json row)
{
        struct rv_error err = { 0 };
        struct rv_json v;
        struct sv whole = text_of(row, "Error"), said = text_of(row, "ErrorDescription");
        if (whole.kind == SH_STRING) {
                struct rv_json e = rv_json_at(whole.s->s, whole.s->len);
                rv_client_error(&e, &err);
        } else {
                int code = rv_json_find(row, "ErrorCode", &v) ? (int)rv_json_int64(&v, RV_FAILED) : RV_FAILED;
                rv_fail(&err, code ? code : RV_FAILED, "%s",
                        said.kind == SH_STRING ? said.s->s : "the job failed");
        }
        struct sv r = sh_model_record(sh, &err, SH_NIL);
        sh_drop(whole);
        sh_drop(said);
        return r;
}

static void add_result(struct sh *sh, struct sh_job *j, const struct cim *f, struct rv_json row)
{
        struct sv text = text_of(row, "Result");
        if (text.kind != SH_STRING)
                return;
        struct rv_json result = rv_json_at(text.s->s, text.s->len), v;
        if (!f->method) {
                sh_job_add(j, SH_OUT, sh_json_any(sh, result));
                sh_drop(text);
                return;
        }
        struct sv o = sh_object_new();
        uint32_t n = 0;
        for (uint32_t i = 0; i < f->method->nparameters; i++) {
                const struct rv_property *p = &f->method->parameters[i];
                if (!(p->flags & RV_OUT) || !rv_json_find(result, p->name, &v))
                        continue;
                struct sv value = sh_json_value(sh, f->link, p, v);
                sh_object_set(o, p->name, strlen(p->name), value);
                sh_drop(value);
                n++;
        }
        if (n)
                sh_job_add(j, SH_OUT, o);
        else
                sh_drop(o);
        sh_drop(text);
}

static void take(struct sh *sh, struct sh_job *j, struct cim *f, struct rv_json row)
{
        struct sv state = text_of(row, "JobState"), status = text_of(row, "JobStatus");
        struct rv_json v;
        const char *s = state.kind == SH_STRING ? state.s->s : "";
        free(f->status);
        f->status = status.kind == SH_STRING ? strdup(status.s->s) : NULL;
        f->percent = rv_json_find(row, "PercentComplete", &v) ? (int)rv_json_int64(&v, -1) : -1;
        if (strcmp(s, "Completed") == 0 || strcmp(s, "Exception") == 0 || strcmp(s, "Terminated") == 0 ||
            strcmp(s, "Killed") == 0) {
                bool failed = *s == 'E';
                add_result(sh, j, f, row);
                sh_job_finish(j,
                              *s == 'C' ? JOB_COMPLETED
                              : failed  ? JOB_FAILED
                                        : JOB_STOPPED,
                              failed ? reason_of(sh, row) : SH_NIL);
        } else {
                j->state = strcmp(s, "Starting") == 0 ? JOB_NOT_STARTED : JOB_RUNNING;
        }
        sh_drop(state);
        sh_drop(status);
}

static void look(struct sh *sh, struct sh_job *j)
{
        struct cim *f = (struct cim *)j->far;
        struct rv_buf params = { 0 }, out = { 0 };
        struct rv_error err = { 0 };
        if (now_ms() - f->looked < LOOK_MS)
                return;
        put_params(&params, f);
        rv_buf_puts(&params,
                    ",\"PropertyList\":[\"JobState\",\"JobStatus\",\"PercentComplete\",\"ErrorCode\","
                    "\"ErrorDescription\",\"Result\",\"Error\"]");
        int r = sh_link_call(f->link, "GetInstance", &params, 0, &out, &err);
        f->looked = now_ms();
        if (r == RV_OK)
                take(sh, j, f, rv_json_at(out.data, out.len));
        else if (r == RV_NOT_FOUND) /* somebody has removed it */
                sh_job_finish(j, JOB_FAILED, sh_model_record(sh, &err, SH_NIL));
        rv_buf_free(&params); /* else the agent is away for now: it goes on without us */
        rv_buf_free(&out);
}

static int stop(struct sh *sh, struct sh_job *j)
{
        struct cim *f = (struct cim *)j->far;
        struct rv_buf params = { 0 }, out = { 0 };
        struct rv_error err = { 0 };
        put_params(&params, f);
        rv_buf_puts(&params, ",\"MethodName\":\"Stop\"");
        int r = sh_link_call(f->link, "InvokeMethod", &params, 0, &out, &err);
        f->looked = 0;
        rv_buf_free(&params);
        rv_buf_free(&out);
        if (r) /* it may just have ended */
                look(sh, j);
        return r && !sh_job_over(j) ? sh_model_throw(sh, &err, SH_NIL) : SH_OK;
}

static void show(struct sh_job *j, bool end)
{
        struct cim *f = (struct cim *)j->far;
        if (!isatty(STDERR_FILENO))
                return;
        if (end)
                sh_progress_clear();
        else
                sh_progress_show(j->command, f->status, f->percent);
}

static void drop(struct sh_job_far *far)
{
        struct cim *f = (struct cim *)far;
        free(f->status);
        free(f);
}

/* ---- made ---- */

static struct sh_job *attach(struct sh *sh, struct sh_link *l, const struct rv_method *m, const char *id,
                             struct sv name)
{
        struct cim *f = calloc(1, sizeof *f);
        if (!f)
                abort();
        *f = (struct cim) { .far = { look, stop, show, drop }, .link = l, .method = m, .percent = -1 };
        snprintf(f->id, sizeof f->id, "%s", id);
        struct sh_job_spec spec = { .kind = "CimJob",
                                    .location = l->host ? l->host : "localhost",
                                    .command = name,
                                    .name = id,
                                    .tokens = -1,
                                    .ids = 1 };
        return sh_job_far_start(sh, &spec, &f->far);
}

/* What it is called, as the agent does. */
static struct sv name_of(struct sh_link *l, const char *id)
{
        struct cim f = { 0 };
        struct rv_buf params = { 0 }, out = { 0 };
        struct rv_error err = { 0 };
        snprintf(f.id, sizeof f.id, "%s", id);
        put_params(&params, &f);
        rv_buf_puts(&params, ",\"PropertyList\":[\"Name\"]");
        int r = sh_link_call(l, "GetInstance", &params, 0, &out, &err);
        struct sv name = r ? SH_NIL : text_of(rv_json_at(out.data, out.len), "Name");
        rv_buf_free(&params);
        rv_buf_free(&out);
        return name;
}

struct sv sh_cim_job_new(struct sh *sh, struct sh_link *l, const struct rv_method *m, struct rv_json answer)
{
        struct rv_json job, id;
        char *text = rv_json_find(answer, "Job", &job) && rv_json_find(job, "InstanceID", &id)
                             ? rv_json_strdup(&id)
                             : NULL;
        if (!text)
                return SH_NIL;
        struct sv name = name_of(l, text);
        struct sv r = sh_job_value(attach(sh, l, m, text, name));
        sh_drop(name);
        free(text);
        return r;
}

/* The method whose result it has, where the class is known here. */
static const struct rv_method *method_of(struct sh *sh, struct sh_model_row *r)
{
        const struct rv_class *job = r->class->c;
        const struct sh_model_class *m = NULL;
        struct rv_error err = { 0 };
        struct sv class = SH_NIL, method = SH_NIL;
        int at = -1, p = rv_property_find(job, "ClassName", 9), q = rv_property_find(job, "MethodName", 10);
        if (p >= 0 && q >= 0 && sh_model_value(sh, r, (uint32_t)p, &class) == SH_OK &&
            sh_model_value(sh, r, (uint32_t)q, &method) == SH_OK && class.kind == SH_STRING &&
            method.kind == SH_STRING && sh_model_class(r->class->link, class.s->s, NULL, &m, &err) == RV_OK)
                at = rv_method_find(m->c, method.s->s, method.s->len);
        sh_drop(class);
        sh_drop(method);
        return at >= 0 ? &m->c->methods[at] : NULL;
}

struct sh_job *sh_cim_job_of(struct sh *sh, struct sv instance)
{
        struct sh_model_row *r = sh_model_row_of(instance);
        struct sv id = SH_NIL, name = SH_NIL;
        if (!r || strcmp(r->class->c->name, "Job") != 0 || !r->class->c->nkeys ||
            sh_model_value(sh, r, r->class->c->keys[0], &id) != SH_OK || id.kind != SH_STRING)
                return NULL;
        struct sh_job *j = sh->jobs;
        while (j && !(j->far && j->far->look == look && ((struct cim *)j->far)->link == r->class->link &&
                      strcmp(((struct cim *)j->far)->id, id.s->s) == 0))
                j = j->next;
        if (!j) {
                int p = rv_property_find(r->class->c, "Name", 4);
                if (p >= 0)
                        sh_model_value(sh, r, (uint32_t)p, &name);
                j = attach(sh, r->class->link, method_of(sh, r), id.s->s, name);
                sh_drop(name);
                sh_drop(sh_job_value(j)); /* the list has it */
        }
        sh_drop(id);
        return j;
}
