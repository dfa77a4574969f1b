/* SPDX-License-Identifier: MIT
 *
 * What an object's events are and whether one has come. Programs and jobs are looked at; timers and watchers know.
 */
#include "shell/eventsource.h"
#include "shell/job.h"
#include "shell/text.h"

#include <string.h>

static const char *const of_timer[] = { "Elapsed", "Disposed", NULL }, *const of_watcher[] = { "Changed",
                                                                                               "Created",
                                                                                               "Deleted",
                                                                                               "Renamed",
                                                                                               "Error",
                                                                                               "Disposed",
                                                                                               NULL },
                         *const of_process[] = { "Exited", "OutputDataReceived", "ErrorDataReceived",
                                                 "Disposed", NULL },
                         *const of_job[] = { "StateChanged", NULL };

static bool is_type(struct sv v, const char *name)
{
        const struct sh_type *t = sh_type_of(v);
        return t && !strcmp(t->name, name);
}

const char *const *sh_source_events(struct sv object)
{
        struct sv v = sh_unwrap(object);
        if (is_type(v, sh_type_timer.name))
                return of_timer;
        if (is_type(v, sh_type_watcher.name))
                return of_watcher;
        if (v.kind == SH_MODEL || is_type(v, "System.Diagnostics.Process"))
                return of_process;
        return v.kind == SH_OTHER && strstr(v.o->type->name, "Job") ? of_job : NULL;
}

/* Once, when the property is true. */
static bool has_become(struct sh *sh, struct sv object, const char *property, struct sv *seen)
{
        struct sv now;
        if (!sh_is_null(*seen) || sh_get(sh, object, property, strlen(property), &now) != SH_OK)
                return false;
        bool yes = sh_true(now);
        sh_drop(now);
        if (yes)
                *seen = sh_bool(true);
        return yes;
}

/* Each time the job's state is another one. */
static bool job_changed(struct sh *sh, struct sv job, struct sv *seen, struct sv *ret_args)
{
        struct sv now, text, before = *seen;
        if (sh_get(sh, job, "State", 5, &now) != SH_OK)
                return false;
        text = sh_to_text(sh, now);
        bool changed = before.kind != SH_STRING || strcmp(before.s->s, text.s->s) != 0,
             first = before.kind != SH_STRING;
        bool still = first && !strcmp(text.s->s, "Running");
        if (changed) {
                *seen = sh_keep(text);
                sh_drop(before);
        }
        if (changed && !still) {
                struct sv args = sh_object_new(), info = sh_object_new();
                sh_object_set(info, "State", 5, now);
                sh_object_set(args, "JobStateInfo", 12, info);
                sh_object_type(args, "System.Management.Automation.JobStateEventArgs");
                sh_drop(info);
                *ret_args = args;
        }
        sh_drop(text);
        sh_drop(now);
        return changed && !still;
}

bool sh_source_poll(struct sh *sh, struct sv object, struct sv *seen, const char **ret_name,
                    struct sv *ret_args)
{
        struct sv v = sh_unwrap(object);
        const char *const *events = sh_source_events(v);
        *ret_args = SH_NIL;
        if (events == of_timer)
                return sh_timer_poll(sh, v, ret_name, ret_args);
        if (events == of_watcher)
                return sh_watcher_poll(sh, v, ret_name, ret_args);
        *ret_name = events == of_job ? "StateChanged" : "Exited";
        if (events == of_job)
                return job_changed(sh, v, seen, ret_args);
        if (events != of_process || !has_become(sh, v, "HasExited", seen))
                return false;
        *ret_args = sh_object_new();
        sh_object_type(*ret_args, "System.EventArgs");
        return true;
}
