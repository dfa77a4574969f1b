/* SPDX-License-Identifier: MIT
 *
 * Job: what Start-Job, Start-ThreadJob, & and Get-Job write. Looking at one takes in what it has written meanwhile.
 */
#include "shell/error.h"
#include "shell/job.h"
#include "shell/text.h"

#include <stdlib.h>

static const struct {
        const char *name;
        int32_t value;
} state_items[] = { { "NotStarted", 0 }, { "Running", 1 },      { "Completed", 2 },  { "Failed", 3 },
                    { "Stopped", 4 },    { "Blocked", 5 },      { "Suspended", 6 },  { "Disconnected", 7 },
                    { "Suspending", 8 }, { "Stopping", 9 },     { "AtBreakpoint", 10 } };
struct sh_enum sh_enum_job_state = {
        .obj = { .refs = 1, .type = &sh_enum_job_state.type },
        .type = { .name = "System.Management.Automation.JobState", .base = &sh_type_enum, .kind = SH_ENUM },
        .n = sizeof state_items / sizeof *state_items,
        .items = (const void *)state_items,
};

enum {
        J_ID,
        J_NAME,
        J_KIND,
        J_STATE,
        J_MORE,
        J_LOCATION,
        J_COMMAND,
        J_INSTANCE,
        J_BEGUN,
        J_ENDED,
        J_CHILDREN,
        J_INFO,
        J_STATUS,
        J_STREAM /* + enum sh_stream */
};

static struct sv of_stream(struct sh_job *j, int stream)
{
        struct sv r = sh_array_new(4);
        for (uint32_t i = j->read; i < j->n; i++)
                if (j->items[i].stream == stream)
                        sh_array_add(r.a, j->items[i].v);
        if (stream == SH_ERR && j->reason.kind == SH_OTHER)
                sh_array_add(r.a, j->reason);
        return r;
}

static void note(struct sv object, const char *name, struct sv owned)
{
        sh_object_set(object, name, strlen(name), owned);
        sh_drop(owned);
}

static struct sv state_info(struct sh *sh, struct sh_job *j)
{
        struct sv r = sh_object_new(), reason = SH_NIL;
        if (j->reason.kind == SH_OTHER && sh_get(sh, j->reason, "Exception", 9, &reason) != SH_OK)
                reason = SH_NIL;
        note(r, "State", sh_enum_value(&sh_enum_job_state, (int32_t)j->state));
        note(r, "Reason", reason);
        return r;
}

static int job_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_job *j = (struct sh_job *)self.o;
        intptr_t which = sh_current_member(sh)->arg;
        struct sv text;
        (void)a;
        sh_job_pump(sh, j);
        switch (which) {
        case J_ID: *ret = sh_int((int32_t)j->id); break;
        case J_NAME: *ret = sh_text(j->name); break;
        case J_KIND: *ret = sh_text(j->kind); break;
        case J_STATE: *ret = sh_enum_value(&sh_enum_job_state, (int32_t)j->state); break;
        case J_MORE: *ret = sh_bool(sh_job_has_more(sh, j)); break;
        case J_LOCATION: *ret = sh_text(j->location); break;
        case J_COMMAND: *ret = sh_text(j->command); break;
        case J_INSTANCE:
                text = sh_text(j->instance);
                if (!sh_try_convert(sh, text, &sh_type_guid, ret))
                        *ret = sh_keep(text);
                sh_drop(text);
                break;
        case J_BEGUN: *ret = sh_keep(j->begun); break;
        case J_ENDED: *ret = sh_keep(j->ended); break;
        case J_CHILDREN:
                *ret = sh_array_new(1);
                if (strcmp(j->kind, "ThreadJob"))
                        sh_array_add(ret->a, self);
                break;
        case J_INFO: *ret = state_info(sh, j); break;
        case J_STATUS: *ret = sh_text(""); break;
        default: *ret = of_stream(j, (int)(which - J_STREAM));
        }
        return SH_OK;
}

static int job_stop(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n)
                return SH_NONE;
        *ret = SH_NOTHING;
        return sh_job_stop(sh, (struct sh_job *)self.o);
}

static void job_free(struct sh_obj *o)
{
        struct sh_job *j = (struct sh_job *)o;
        for (uint32_t i = 0; i < j->n; i++)
                sh_drop(j->items[i].v);
        free(j->items);
        if (j->far)
                j->far->drop(j->far);
        sh_drop(j->reason);
        free(j->name);
        free(j->command);
}

#define GET(n, t, which) \
        { \
                n, SH_PROPERTY, .signature = t " " n " {get;}", .call = job_get, .arg = which \
        }
static const struct sh_member job_members[] = {
        GET("Id", "int", J_ID),
        GET("Name", "string", J_NAME),
        GET("PSJobTypeName", "string", J_KIND),
        GET("State", "System.Management.Automation.JobState", J_STATE),
        GET("HasMoreData", "bool", J_MORE),
        GET("Location", "string", J_LOCATION),
        GET("Command", "string", J_COMMAND),
        GET("InstanceId", "guid", J_INSTANCE),
        GET("PSBeginTime", "System.Nullable[datetime]", J_BEGUN),
        GET("PSEndTime", "System.Nullable[datetime]", J_ENDED),
        GET("ChildJobs", "System.Object[]", J_CHILDREN),
        GET("JobStateInfo", "System.Management.Automation.JobStateInfo", J_INFO),
        GET("StatusMessage", "string", J_STATUS),
        GET("Output", "System.Object[]", J_STREAM + SH_OUT),
        GET("Error", "System.Object[]", J_STREAM + SH_ERR),
        GET("Warning", "System.Object[]", J_STREAM + SH_WARNING),
        GET("Verbose", "System.Object[]", J_STREAM + SH_VERBOSE),
        GET("Debug", "System.Object[]", J_STREAM + SH_DEBUG),
        GET("Information", "System.Object[]", J_STREAM + SH_INFO),
        { "StopJob", SH_METHOD, .signature = "void StopJob()", .call = job_stop },
};
static const char *const job_shown[] = { "Id",          "Name",     "PSJobTypeName", "State",
                                         "HasMoreData", "Location", "Command",       NULL };
const struct sh_type sh_type_job = {
        .name = "System.Management.Automation.Job",
        .base = &sh_type_object,
        .members = job_members,
        .nmembers = sizeof job_members / sizeof *job_members,
        .free = job_free,
        .default_properties = job_shown,
};

SH_TYPES(engine_job, &sh_type_job, &sh_enum_job_state.type);
