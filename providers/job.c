/* SPDX-License-Identifier: MIT
 *
 * Job: long work that goes on without its caller (agent/concretejob.h).
 */
#include <string.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/Job.h"
#include "providers/lib/fill.h"

static void fill_times(struct rv_row *row, const struct rv_cjob_view *v)
{
        int64_t until = v->ended ? v->ended : rv_wall();
        Job_set_Submitted(row, v->submitted);
        Job_set_Deadline(row, v->until);
        if (v->started) {
                Job_set_StartTime(row, v->started);
                Job_set_ElapsedTime(row, until > v->started ? (uint64_t)(until - v->started) : 0);
        }
        if (v->changed)
                Job_set_TimeOfLastStateChange(row, v->changed);
        if (v->ended)
                Job_set_EndTime(row, v->ended);
}

static int each(void *sink, const struct rv_cjob_view *v)
{
        struct rv_row *row = rv_row(sink);
        const struct {
                unsigned property;
                const char *text;
        } texts[] = { { Job_InstanceID, v->id },
                      { Job_Name, v->name },
                      { Job_JobState, v->state },
                      { Job_JobStatus, v->status },
                      { Job_Operation, v->operation },
                      { Job_ClassName, v->class_name },
                      { Job_MethodName, v->method },
                      { Job_Key, v->key },
                      { Job_Arguments, v->arguments },
                      { Job_Owner, v->user },
                      { Job_Session, v->session },
                      { Job_Source, v->source },
                      { Job_Roles, v->roles },
                      { Job_Result, v->result },
                      { Job_Error, v->error },
                      { Job_RequestKey, v->request_key },
                      { Job_ErrorDescription, v->error_text } };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                rv_fill(row, texts[i].property, texts[i].text);
        if (v->percent >= 0)
                Job_set_PercentComplete(row, (uint16_t)v->percent);
        if (v->ended || v->error_text)
                Job_set_ErrorCode(row, (uint16_t)v->error_code);
        if (v->pid)
                Job_set_ProcessId(row, v->pid);
        fill_times(row, v);
        return rv_emit(sink, row);
}

static int job_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *id = rv_equals(q, Job_InstanceID);
        (void)err;
        int r = rv_stats_each_job(q->call, id ? id->s : NULL, each, out);
        return r == RV_STOP ? RV_OK : r;
}

static int end(struct rv_call *c, bool kill, struct rv_error *err)
{
        int r = rv_stats_end_job(c, c->key[Job_InstanceID].s, kill, err);
        if (r == RV_OK) {
                rv_change(c, "JobState", "Running", kill ? "Killed" : "Shutting Down");
                rv_set_uint(c->out, 0, kill ? 0 : 4096);
        }
        return r;
}

static int job_stop(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct Job_Stop_in *a = in;
        return end(c, a->has_Force && a->Force, err);
}

static int job_request(struct rv_call *c, const void *in, struct rv_error *err)
{
        return end(c, ((const struct Job_RequestStateChange_in *)in)->RequestedState == 5, err);
}

struct error_of {
        struct rv_row *out;
        bool found;
};

static int take_error(void *data, const struct rv_cjob_view *v)
{
        struct error_of *e = data;
        e->found = true;
        rv_fill(e->out, 1, v->error);
        return RV_STOP;
}

static int job_error(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct error_of e = { .out = c->out };
        (void)in;
        rv_stats_each_job(c, c->key[Job_InstanceID].s, take_error, &e);
        if (!e.found)
                return rv_fail(err, RV_NOT_FOUND, "there is no job %.40s", c->key[Job_InstanceID].s);
        rv_set_uint(c->out, 0, 0);
        return RV_OK;
}

static int job_remove(struct rv_call *c, struct rv_error *err)
{
        return rv_stats_forget_job(c, c->key[Job_InstanceID].s, err);
}

static int job_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int r = job_remove(c, err);
        if (r == RV_OK)
                rv_set_uint(c->out, 0, 0);
        return r;
}

static int (*const methods[Job_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Job_method_Stop] = job_stop,
        [Job_method_RequestStateChange] = job_request,
        [Job_method_GetError] = job_error,
        [Job_method_Delete] = job_delete,
};

static int job_open(struct rv_error *err)
{
        int fd = rv_stats_job_news();
        return fd < 0 ? (rv_fail_errno(err, -fd, "the folder of jobs cannot be watched"), fd) : fd;
}

static void tell(void *news, const char *id)
{
        rv_news_key(news, &(struct rv_arg) { .type = RV_STRING, .s = id, .len = (uint32_t)strlen(id) }, 0);
}

static int job_read(int fd, struct rv_news *news)
{
        return rv_stats_read_job_news(fd, tell, news);
}

static const struct rv_push push = { .covers = RV_PUSH_ALL, .open = job_open, .read = job_read };

static const struct rv_provider job = { .class = &Job_class,
                                        .query = job_query,
                                        .methods = methods,
                                        .remove = job_remove,
                                        .push = &push,
                                        .threads = 4 };

RV_PROVIDERS(job, &job);
