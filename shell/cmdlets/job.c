/* SPDX-License-Identifier: MIT
 *
 * Start-Job, Start-ThreadJob, Get-, Wait-, Receive-, Stop-, Remove-Job.
 */
#include "shell/cimjob.h"
#include "shell/files.h"
#include "shell/job.h"
#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- starting ---- */
struct starting {
        struct sv block, init, args, input, folder;
        bool piped;
};

static int run_block(struct sh *sh, void *state, struct sh_sink *out)
{
        struct starting *s = state;
        struct argvec args = { 0 };
        struct sv item;
        size_t pos = 0;
        int st = SH_OK;
        if (s->folder.kind == SH_STRING && chdir(s->folder.s->s) == 0)
                setenv("PWD", s->folder.s->s, 1);
        if (s->init.kind == SH_BLOCK) {
                struct sv init = sh_block_new(sh, sh_block_of(s->init)->ast);
                st = sh_block_invoke(sh, init, &args, true, NULL, out);
        }
        if (!sh_is_null(s->args) && sh_is_enumerable(s->args))
                for (; sh_next(s->args, &pos, &item); sh_drop(item))
                        sh_argvec_value(&args, item, false);
        else if (!sh_is_null(s->args))
                sh_argvec_value(&args, s->args, false);
        struct sv b = sh_block_new(sh, sh_block_of(s->block)->ast);
        return st == SH_OK ? sh_block_invoke(sh, b, &args, false, s->piped ? &s->input : NULL, out) : st;
}

/* Thread jobs wait for one of -ThrottleLimit tokens, which a descriptor counts. */
static int thread_tokens(int64_t limit)
{
        static int tokens = -1;
        static int64_t given;
        if (tokens < 0)
                tokens = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
        uint64_t more = limit > given ? (uint64_t)(limit - given) : 0;
        if (tokens >= 0 && more && write(tokens, &more, sizeof more) == sizeof more)
                given = limit;
        return tokens;
}

static int script_of(struct sh_cmd *c, struct starting *s, struct sv *ret_text)
{
        const char *path = sh_arg_text(c, "FilePath", sh_arg_text(c, "LiteralPath", NULL));
        char *full = NULL;
        if (!path) {
                struct block *b;
                s->block = sh_keep(sh_unwrap(sh_arg(c, "ScriptBlock")));
                b = sh_block_of(s->block)->ast;
                *ret_text = sh_string(b->u->text + b->body, b->body_end - b->body);
                return SH_OK;
        }
        int st = sh_path_single(c, path, sh_bound(c, "LiteralPath"), &full);
        if (st == SH_OK)
                st = sh_script_parse(sh_session(c), full, &s->block);
        if (st == SH_OK)
                *ret_text = sh_text(full);
        free(full);
        return st;
}

static int start_process(struct sh_cmd *c, struct sv input)
{
        struct starting *s = sh_state(c);
        if (!sh_expects_input(c) || input.kind == SH_VOID)
                return SH_OK;
        if (s->input.kind != SH_ARRAY)
                s->input = sh_array_new(8);
        sh_array_add(s->input.a, input);
        return SH_OK;
}

static int start_end(struct sh_cmd *c)
{
        struct starting *s = sh_state(c);
        struct sh *sh = sh_session(c);
        bool thread = strcmp(sh_cmdlet_of(c)->name, "Start-Job") != 0;
        struct sv text = SH_NIL;
        int st = script_of(c, s, &text);
        if (st != SH_OK)
                return st == SH_NONE ? SH_OK : st;
        s->init = sh_keep(sh_unwrap(sh_arg(c, "InitializationScript")));
        s->args = sh_keep(sh_arg(c, "ArgumentList"));
        s->folder = sh_keep(sh_arg(c, "WorkingDirectory"));
        s->piped = s->input.kind == SH_ARRAY || sh_bound(c, "InputObject");
        if (s->input.kind != SH_ARRAY)
                s->input = sh_keep(sh_arg(c, "InputObject"));
        struct sh_job_spec spec = { .kind = thread ? "ThreadJob" : "BackgroundJob",
                                    .location = thread ? "PowerShell" : "localhost",
                                    .name = sh_arg_text(c, "Name", NULL),
                                    .command = text,
                                    .flags = SH_WORK_FRESH | (thread ? SH_WORK_WRITES_BACK : 0),
                                    .tokens = thread ? thread_tokens(sh_arg_int(c, "ThrottleLimit", 5)) : -1,
                                    .ids = thread ? 1 : 2 };
        struct sh_job *j = sh_job_start(sh, &spec, run_block, s);
        sh_drop(text);
        if (!j)
                return SH_ERROR;
        st = sh_emit(c, sh_job_value(j));
        sh_drop(sh_job_value(j));
        return st;
}

static void start_clean(struct sh_cmd *c)
{
        struct starting *s = sh_state(c);
        struct sv *v[] = { &s->block, &s->init, &s->args, &s->input, &s->folder };
        for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
                sh_drop(*v[i]);
                *v[i] = SH_NIL;
        }
}

#define START_PARAMS \
        { "ScriptBlock", \
          .type = "scriptblock", \
          .alias = "Command", \
          .position = 1, \
          .mandatory = true, \
          .sets = "ScriptBlock", \
          .help = "What to run; $using: reads the session's variables." }, \
                { "FilePath", \
                  .type = "string", \
                  .position = 1, \
                  .mandatory = true, \
                  .sets = "FilePath", \
                  .complete = "path", \
                  .help = "A script to run." }, \
                { "LiteralPath", .type = "string", .alias = "PSPath,LP", .mandatory = true, \
                  .sets = "LiteralPath" }, \
                { "InitializationScript", .type = "scriptblock", .position = 2, .help = "Runs before it." }, \
                { "ArgumentList", .type = "object[]", .alias = "Args", .help = "Its arguments." }, \
                { "Name", .type = "string", .help = "The job's name: JobN." }, \
        { \
                "InputObject", .type = "object", .from_pipeline = true, .help = "Its $input." \
        }
static const struct sh_cmdlet start_job = {
        .name = "Start-Job",
        .alias = (const char *[]) { "sajb", NULL },
        .synopsis = "Runs a script block beside the session.",
        .description =
                "The job is a process of its own that begins as a copy of the session without its variables, "
                "functions and modules. It ends with the session.",
        .state_size = sizeof(struct starting),
        .process = start_process,
        .end = start_end,
        .clean = start_clean,
        .default_set = "ScriptBlock",
        .params = (const struct sh_param[]) { START_PARAMS,
                                              { "WorkingDirectory", .type = "string", .complete = "path",
                                                .help = "Where it runs: here." },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "Start-Job { 6 * 7 } | Receive-Job -Wait -AutoRemoveJob",
                                                    "42", "When it is done." },
                                                  { "$n = 5; $job = Start-Job { $using:n + 1 }; $null = "
                                                    "Wait-Job $job; Receive-Job $job",
                                                    "6", "A variable of the session." },
                                                  { 0 } },
};
static const struct sh_cmdlet start_thread_job = {
        .name = "Start-ThreadJob",
        .synopsis = "Runs a script block beside the session, at most so many at a time.",
        .description = "Like Start-Job. Collections that $using: gives to the block are changed in the "
                       "session as well "
                       "once the job is done and has been looked at.",
        .state_size = sizeof(struct starting),
        .process = start_process,
        .end = start_end,
        .clean = start_clean,
        .default_set = "ScriptBlock",
        .params = (const struct sh_param[]) { START_PARAMS,
                                              { "ThrottleLimit", .type = "int", .min = 1, .max = 1024,
                                                .help = "How many run at a time: 5." },
                                              { "StreamingHost", .type = "object" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "1..3 | ForEach-Object { Start-ThreadJob { $args[0] * 2 } -ArgumentList $_ } | "
                          "Receive-Job -Wait -AutoRemoveJob | Sort-Object",
                          "2\n4\n6", "Several at a time." },
                        { "(Start-ThreadJob { 'x' } -Name first | Wait-Job).State", "Completed", "" },
                        { 0 } },
};

/* ---- which jobs ---- */
struct chosen {
        struct sh_job **v;
        uint32_t n, cap;
        struct sh_cmd *c;
        bool missing;
};

static void choose(struct chosen *x, struct sh_job *j)
{
        for (uint32_t i = 0; i < x->n; i++)
                if (x->v[i] == j)
                        return;
        if (x->n == x->cap) {
                x->cap = x->cap ? x->cap * 2 : 8;
                x->v = realloc(x->v, x->cap * sizeof *x->v);
                if (!x->v)
                        abort();
        }
        j->obj.refs++;
        x->v[x->n++] = j;
}

static void end_choice(struct chosen *x)
{
        for (uint32_t i = 0; i < x->n; i++)
                sh_drop(sh_job_value(x->v[i]));
        free(x->v);
}

static int no_such_job(struct sh_cmd *c, struct sv which, bool by_id)
{
        struct sv t = sh_to_text(sh_session(c), which);
        int st = by_id ? sh_cmd_error(c, "JobWithSpecifiedIdNotFound", "ObjectNotFound", which,
                                      "The command cannot find a job with the job ID %s. Verify the value of "
                                      "the Id "
                                      "parameter and then try the command again.",
                                      t.s->s)
                       : sh_cmd_error(
                                 c, "JobWithSpecifiedNameNotFound", "ObjectNotFound", which,
                                 "The command cannot find the job because the job name %s was not found. "
                                 "Verify the value of the Name parameter, and then try the command again.",
                                 t.s->s);
        sh_drop(t);
        return st;
}

/* One value of -Id, -Name or -InstanceId. */
static int choose_by(struct chosen *x, const char *param, struct sv want)
{
        struct sh *sh = sh_session(x->c);
        struct sv t = sh_to_text(sh, want);
        int64_t id = -1;
        bool any = false, by_id = !strcmp(param, "Id");
        if (by_id)
                sh_to_int64(sh, want, &id);
        for (struct sh_job *j = sh->jobs; j; j = j->next)
                if (by_id                    ? j->id == (uint32_t)id
                    : !strcmp(param, "Name") ? sh_wildcard(t.s->s, t.s->len, j->name, strlen(j->name), false)
                                             : !strcasecmp(t.s->s, j->instance)) {
                        choose(x, j);
                        any = true;
                }
        bool wild = !strcmp(param, "Name") && sh_has_wildcard(t.s->s, t.s->len);
        sh_drop(t);
        return any || wild ? SH_OK : no_such_job(x->c, want, by_id);
}

static int choose_all(struct chosen *x)
{
        static const char *const params[] = { "Id", "Name", "InstanceId" };
        struct sv item, jobs = sh_arg(x->c, "Job");
        size_t pos = 0;
        int st = SH_OK;
        if (sh_bound(x->c, "Job") && sh_is_enumerable(jobs))
                for (; sh_next(jobs, &pos, &item); sh_drop(item)) {
                        struct sv u = sh_unwrap(item);
                        struct sh_job *j = u.kind == SH_OTHER && u.o->type == &sh_type_job
                                                   ? (struct sh_job *)u.o
                                                   : sh_cim_job_of(sh_session(x->c), item);
                        if (j)
                                choose(x, j);
                }
        for (int i = 0; i < 3 && st == SH_OK; i++) {
                struct sv v = sh_arg(x->c, params[i]);
                pos = 0;
                while (st == SH_OK && !sh_is_null(v) && sh_next(v, &pos, &item)) {
                        st = choose_by(x, params[i], item);
                        sh_drop(item);
                }
        }
        return st;
}

static bool state_fits(struct sh_cmd *c, struct sh_job *j)
{
        const char *want = sh_arg_text(c, "State", NULL);
        sh_job_pump(sh_session(c), j);
        return !want || !strcasecmp(want, sh_job_state_name(j->state));
}

static bool nothing_named(struct sh_cmd *c)
{
        return !sh_bound(c, "Job") && !sh_bound(c, "Id") && !sh_bound(c, "Name") &&
               !sh_bound(c, "InstanceId");
}

#define JOB_PARAMS \
        { "Job",         .type = "object[]", .position = 1, .mandatory = true, .from_pipeline = true, \
          .sets = "Job", .help = "Jobs." }, \
                { "Id", .type = "int[]", .position = 1, .mandatory = true, .from_property = true, .sets = "Id" }, \
                { "Name",         .type = "string[]", .mandatory = true, .from_property = true, \
                  .sets = "Name", .wildcard = true }, \
                { "InstanceId", .type = "guid[]", .mandatory = true, .from_property = true, \
                  .sets = "InstanceId" }, \
        { \
                "State", .type = "string", .mandatory = true, .sets = "State", \
                         .values = "NotStarted,Running,Completed,Failed,Stopped,Blocked" \
        }

/* ---- Get-Job ---- */
static int get_process(struct sh_cmd *c, struct sv input)
{
        struct sh *sh = sh_session(c);
        struct chosen x = { .c = c };
        int st = SH_OK;
        int64_t newest = sh_arg_int(c, "Newest", INT64_MAX);
        (void)input;
        if (nothing_named(c))
                for (struct sh_job *j = sh->jobs; j; j = j->next)
                        choose(&x, j);
        else
                st = choose_all(&x);
        for (uint32_t i = 0; i < x.n && st == SH_OK; i++) {
                bool more = sh_job_has_more(sh, x.v[i]);
                if (state_fits(c, x.v[i]) && (int64_t)(x.n - i) <= newest &&
                    (!sh_bound(c, "HasMoreData") || more == sh_true(sh_arg(c, "HasMoreData"))))
                        st = sh_emit(c, sh_job_value(x.v[i]));
        }
        end_choice(&x);
        return st;
}

static const struct sh_cmdlet get_job = {
        .name = "Get-Job",
        .alias = (const char *[]) { "gjb", NULL },
        .synopsis = "Shows the session's jobs.",
        .process = get_process,
        .default_set = "All",
        .params =
                (const struct sh_param[]) {
                        { "Id", .type = "int[]", .position = 1, .from_property = true, .mandatory = true,
                          .sets = "Id" },
                        { "Name", .type = "string[]", .wildcard = true, .from_property = true,
                          .mandatory = true, .sets = "Name" },
                        { "InstanceId", .type = "guid[]", .mandatory = true, .from_property = true,
                          .sets = "InstanceId" },
                        { "State", .type = "string",
                          .values = "NotStarted,Running,Completed,Failed,Stopped,Blocked" },
                        { "HasMoreData", .type = "bool" },
                        { "Newest", .type = "int" },
                        { "IncludeChildJob", .type = "switch" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) { { "$null = Start-Job { 1 } -Name one; (Get-Job -Name one).Name",
                                                "one", "By its name." },
                                              { "(Get-Job).Count", "0", "None was started." },
                                              { 0 } },
};

/* ---- Wait-Job ---- */
static int gather_process(struct sh_cmd *c, struct sv input)
{
        struct chosen *x = sh_state(c);
        (void)input;
        x->c = c;
        if (sh_bound(c, "State"))
                for (struct sh_job *j = sh_session(c)->jobs; j; j = j->next)
                        if (state_fits(c, j))
                                choose(x, j);
        return choose_all(x);
}
static void gather_clean(struct sh_cmd *c)
{
        struct chosen *x = sh_state(c);
        end_choice(x);
        *x = (struct chosen) { 0 };
}

static int wait_end(struct sh_cmd *c)
{
        struct chosen *x = sh_state(c);
        struct sh *sh = sh_session(c);
        double seconds = -1;
        bool any = sh_switch(c, "Any");
        if (sh_bound(c, "Timeout"))
                sh_to_double(sh, sh_arg(c, "Timeout"), &seconds);
        sh_flush(sh);
        int st = sh_jobs_wait(sh, x->v, x->n, any, seconds < 0 ? -1 : (int)(seconds * 1000));
        bool late = st == SH_NONE;
        if (late)
                st = SH_OK;
        for (uint32_t i = 0; i < x->n && st == SH_OK; i++)
                if (sh_job_over(x->v[i])) {
                        st = sh_emit(c, sh_job_value(x->v[i]));
                        if (any)
                                break;
                }
        return st;
}

static const struct sh_cmdlet wait_job = {
        .name = "Wait-Job",
        .alias = (const char *[]) { "wjb", NULL },
        .synopsis = "Waits until jobs are over.",
        .state_size = sizeof(struct chosen),
        .process = gather_process,
        .end = wait_end,
        .clean = gather_clean,
        .default_set = "Job",
        .params = (const struct sh_param[]) { JOB_PARAMS,
                                              { "Any", .type = "switch", .help = "Until the first is over." },
                                              { "Timeout", .type = "double", .alias = "TimeoutSec",
                                                .help = "Seconds; what is not over then is not written." },
                                              { "Force", .type = "switch" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) { { "(Start-Job { 'done' } | Wait-Job).State", "Completed", "" },
                                              { "$j = Start-Job { Start-Sleep 60 }; (Wait-Job $j -Timeout "
                                                "0.1 | Measure-Object).Count; "
                                                "Remove-Job $j -Force",
                                                "0", "It was not over in time." },
                                              { 0 } },
};

/* ---- Receive-Job ---- */
static int receive_one(struct sh_cmd *c, struct sh_job *j)
{
        struct sh *sh = sh_session(c);
        bool wait = sh_switch(c, "Wait"), keep = sh_switch(c, "Keep");
        int st = SH_OK;
        if (sh_switch(c, "WriteJobInResults"))
                st = sh_emit(c, sh_job_value(j));
        while (st == SH_OK && wait && !sh_job_over(j)) {
                if (!keep)
                        st = sh_job_receive(c, j, false);
                if (st == SH_OK)
                        st = sh_jobs_wait(sh, &j, 1, false, j->far ? -1 : 1000);
                st = st == SH_NONE ? SH_OK : st;
        }
        if (st == SH_OK)
                st = sh_job_receive(c, j, keep);
        if (st == SH_OK && sh_switch(c, "AutoRemoveJob") && sh_job_over(j))
                sh_job_forget(sh, j);
        return st;
}

static int receive_end(struct sh_cmd *c)
{
        struct chosen *x = sh_state(c);
        int st = SH_OK;
        if (sh_switch(c, "AutoRemoveJob") && !sh_switch(c, "Wait"))
                return sh_cmd_throw(c, "AutoRemoveJobParameterRequiresWait", "InvalidOperation", SH_NIL,
                                    "The AutoRemoveJob parameter cannot be used without the Wait parameter.");
        for (uint32_t i = 0; i < x->n && st == SH_OK; i++)
                st = receive_one(c, x->v[i]);
        return st;
}

static const struct sh_cmdlet receive_job = {
        .name = "Receive-Job",
        .alias = (const char *[]) { "rcjb", NULL },
        .synopsis = "Writes what jobs have written so far, errors and warnings included.",
        .state_size = sizeof(struct chosen),
        .process = gather_process,
        .end = receive_end,
        .clean = gather_clean,
        .default_set = "Job",
        .params =
                (const struct sh_param[]) {
                        JOB_PARAMS,
                        { "Keep", .type = "switch", .help = "It can be received again." },
                        { "Wait", .type = "switch", .help = "Until they are over." },
                        { "AutoRemoveJob", .type = "switch", .help = "Removes them afterwards." },
                        { "WriteEvents", .type = "switch" },
                        { "WriteJobInResults", .type = "switch" },
                        { "NoRecurse", .type = "switch" },
                        { "Force", .type = "switch" },
                        { "Location", .type = "string[]" },
                        { 0 } },
        .examples = (const struct sh_example[]) { { "Start-Job { 1..3 } | Receive-Job -Wait -AutoRemoveJob",
                                                    "1\n2\n3", "" },
                                                  { "$j = Start-Job { 'a' } | Wait-Job; Receive-Job $j "
                                                    "-Keep; Receive-Job $j; Receive-Job $j",
                                                    "a\na", "Once more with -Keep." },
                                                  { 0 } },
};

/* ---- Stop-Job, Remove-Job ---- */
static int stop_end(struct sh_cmd *c)
{
        struct chosen *x = sh_state(c);
        int st = SH_OK;
        for (uint32_t i = 0; i < x->n && st == SH_OK; i++) {
                bool go;
                st = sh_should_process(c, x->v[i]->name, "Stop-Job", &go);
                if (st == SH_OK && go)
                        st = sh_job_stop(sh_session(c), x->v[i]);
                if (st == SH_OK && sh_switch(c, "PassThru"))
                        st = sh_emit(c, sh_job_value(x->v[i]));
        }
        return st;
}
static const struct sh_cmdlet stop_job = {
        .name = "Stop-Job",
        .alias = (const char *[]) { "spjb", NULL },
        .synopsis = "Ends jobs; their finally blocks run.",
        .should_process = true,
        .state_size = sizeof(struct chosen),
        .process = gather_process,
        .end = stop_end,
        .clean = gather_clean,
        .default_set = "Job",
        .params = (const struct sh_param[]) { JOB_PARAMS, { "PassThru", .type = "switch" }, { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$j = Start-Job { Start-Sleep 60 }; Stop-Job $j; $j.State", "Stopped", "" },
                        { "(Start-Job { Start-Sleep 60 } | Stop-Job -PassThru).State", "Stopped", "" },
                        { 0 } },
};

static int remove_end(struct sh_cmd *c)
{
        struct chosen *x = sh_state(c);
        struct sh *sh = sh_session(c);
        int st = SH_OK;
        for (uint32_t i = 0; i < x->n && st == SH_OK; i++) {
                struct sh_job *j = x->v[i];
                bool go;
                sh_job_pump(sh, j);
                if (!sh_job_over(j) && !sh_switch(c, "Force")) {
                        st = sh_cmd_error(
                                c, "JobObjectNotFinishedCannotBeRemoved", "InvalidOperation", sh_job_value(j),
                                "The command cannot remove the job with the job ID %u because the job is "
                                "not finished. To remove the job, first stop the job, or use the Force "
                                "parameter.",
                                j->id);
                        continue;
                }
                st = sh_should_process(c, j->name, "Remove-Job", &go);
                if (st == SH_OK && go && j->far && !sh_job_over(j))
                        st = sh_job_stop(sh, j);
                if (st == SH_OK && go)
                        sh_job_forget(sh, j);
        }
        return st;
}
static const struct sh_cmdlet remove_job = {
        .name = "Remove-Job",
        .alias = (const char *[]) { "rjb", NULL },
        .synopsis = "Forgets jobs that are over; -Force also ends and forgets those that run.",
        .should_process = true,
        .state_size = sizeof(struct chosen),
        .process = gather_process,
        .end = remove_end,
        .clean = gather_clean,
        .default_set = "Job",
        .params =
                (const struct sh_param[]) { JOB_PARAMS, { "Force", .type = "switch", .alias = "F" }, { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Start-Job { 1 } | Wait-Job | Remove-Job; (Get-Job).Count", "0", "" },
                        { "$j = Start-Job { Start-Sleep 60 }; try { Remove-Job $j -ErrorAction Stop } "
                          "catch { 'it runs' }; Remove-Job $j -Force",
                          "it runs", "" },
                        { 0 } },
};

SH_CMDLETS(job, &start_job, &start_thread_job, &get_job, &wait_job, &receive_job, &stop_job, &remove_job);
