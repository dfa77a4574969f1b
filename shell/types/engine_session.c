/* SPDX-License-Identifier: MIT
 *
 * What a script sees of its session: $PSCmdlet, $ExecutionContext, PathInfo ($PWD), preference enums.
 */
#include "shell/error.h"
#include "shell/module.h"
#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>

/* ---- enums ---- */
static const struct {
        const char *name;
        int32_t value;
} action_items[] = { { "SilentlyContinue", 0 }, { "Stop", 1 },    { "Continue", 2 }, { "Inquire", 3 },
                     { "Ignore", 4 },           { "Suspend", 5 }, { "Break", 6 } },
  impact_items[] = { { "None", 0 }, { "Low", 1 }, { "Medium", 2 }, { "High", 3 } };
static struct sh_enum action_preference = {
        .obj = { .refs = 1, .type = &action_preference.type },
        .type = { .name = "System.Management.Automation.ActionPreference",
                  .base = &sh_type_enum,
                  .kind = SH_ENUM },
        .n = sizeof action_items / sizeof *action_items,
        .items = (const void *)action_items,
};
static struct sh_enum confirm_impact = {
        .obj = { .refs = 1, .type = &confirm_impact.type },
        .type = { .name = "System.Management.Automation.ConfirmImpact",
                  .base = &sh_type_enum,
                  .kind = SH_ENUM },
        .n = sizeof impact_items / sizeof *impact_items,
        .items = (const void *)impact_items,
};

struct sv sh_action_value(int action)
{
        return sh_enum_value(&action_preference, action);
}

struct sv sh_impact_value(int impact)
{
        return sh_enum_value(&confirm_impact, impact);
}

/* ---- PathInfo ---- */
struct path_info {
        struct sh_obj obj;
        struct sv path;
};

struct sv sh_path_info_new(struct sv path)
{
        struct path_info *p = calloc(1, sizeof *p);
        if (!p)
                abort();
        p->obj = (struct sh_obj) { .refs = 1, .type = &sh_type_path_info };
        p->path = sh_keep(path);
        return (struct sv) { .kind = SH_OTHER, .o = &p->obj };
}

static int path_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        switch (sh_current_member(sh)->arg) {
        case 0: *ret = sh_keep(((struct path_info *)self.o)->path); break;
        case 1: *ret = sh_text("/"); break;
        default: *ret = sh_text("Microsoft.PowerShell.Core\\FileSystem");
        }
        return SH_OK;
}

static void path_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        sh_buf_value(sh, b, ((struct path_info *)self.o)->path);
}

static void path_free(struct sh_obj *o)
{
        sh_drop(((struct path_info *)o)->path);
}

static const struct sh_member path_members[] = {
        { "Drive", SH_PROPERTY, .signature = "System.Management.Automation.PSDriveInfo Drive {get;}",
          .call = path_get, .arg = 1 },
        { "Provider", SH_PROPERTY, .signature = "System.Management.Automation.ProviderInfo Provider {get;}",
          .call = path_get, .arg = 2 },
        { "ProviderPath", SH_PROPERTY, .signature = "string ProviderPath {get;}", .call = path_get },
        { "Path", SH_PROPERTY, .signature = "string Path {get;}", .call = path_get },
};
static const char *const path_shown[] = { "Path", NULL };
const struct sh_type sh_type_path_info = {
        .name = "System.Management.Automation.PathInfo",
        .base = &sh_type_object,
        .members = path_members,
        .nmembers = sizeof path_members / sizeof *path_members,
        .text = path_text,
        .free = path_free,
        .default_properties = path_shown,
};

/* ---- $PSCmdlet ---- */
/* The command is only borrowed: it is looked for among the running ones before each use. */
struct pscmdlet {
        struct sh_obj obj;
        struct sh_cmd *cmd;
};
static const struct sh_type type_pscmdlet;

struct sv sh_pscmdlet_new(struct sh *sh, struct sh_cmd *cmd)
{
        struct pscmdlet *p = calloc(1, sizeof *p);
        (void)sh;
        if (!p)
                abort();
        p->obj = (struct sh_obj) { .refs = 1, .type = &type_pscmdlet };
        p->cmd = cmd;
        return (struct sv) { .kind = SH_OTHER, .o = &p->obj };
}

static struct sh_cmd *running(struct sh *sh, struct sv self, int *ret_st)
{
        struct sh_cmd *c = ((struct pscmdlet *)self.o)->cmd;
        for (struct frame *f = sh->frame; f; f = f->prev)
                if (f->cmd == c)
                        return c;
        *ret_st = sh_throw(sh, "InvalidOperation", "InvalidOperation", SH_NIL,
                           "$PSCmdlet can be used only while its function is running.");
        return NULL;
}

enum { P_SET, P_INVOCATION, P_RUNTIME, P_STATE };

static int pscmdlet_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int st = SH_OK;
        struct sh_cmd *c = running(sh, self, &st);
        (void)a;
        if (!c)
                return st;
        switch (sh_current_member(sh)->arg) {
        case P_SET: *ret = sh_text(sh_param_set(c)); break;
        case P_INVOCATION: *ret = sh_invocation_of_frame(sh, &c->frame); break;
        case P_STATE: *ret = sh_session_state(sh); break;
        default: *ret = sh_keep(self);
        }
        return SH_OK;
}

static int write_object(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int st = SH_OK;
        struct sh_cmd *c = running(sh, self, &st);
        if (!c)
                return st;
        if (a.n < 1 || a.n > 2)
                return SH_NONE;
        *ret = SH_NOTHING;
        return a.n == 2 && sh_true(a.v[1]) ? sh_emit_unrolled(c, a.v[0]) : sh_emit(c, a.v[0]);
}

/* The record's command becomes the function, as if the function were a cmdlet. */
static struct sv record_of(struct sh *sh, struct sh_cmd *c, struct sv v)
{
        struct sv r;
        if (sh_convert(sh, v, &sh_type_error_record, &r) != SH_OK)
                return SH_FAIL;
        struct sh_error *e = sh_error_of(r);
        if (!e->command && c->target)
                e->command = strdup(c->target->name);
        if (!e->positioned) {
                struct node *at = c->frame.call ? c->frame.call : c->node;
                sh_error_place(sh, e, at);
        }
        return r;
}

static int write_error(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int st = SH_OK;
        struct sh_cmd *c = running(sh, self, &st);
        if (!c)
                return st;
        if (a.n != 1)
                return SH_NONE;
        struct sv r = record_of(sh, c, a.v[0]);
        if (sh_failed(r))
                return SH_ERROR;
        *ret = SH_NOTHING;
        st = sh_stream_error(sh, r);
        c->errored = true;
        sh_drop(r);
        return st;
}

static int throw_error(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int st = SH_OK;
        struct sh_cmd *c = running(sh, self, &st);
        (void)ret;
        if (!c)
                return st;
        if (a.n != 1)
                return SH_NONE;
        struct sv r = record_of(sh, c, a.v[0]);
        if (sh_failed(r))
                return SH_ERROR;
        sh_error_of(r)->cmdlet_terminating = true;
        sh_error_set(sh, r);
        sh_drop(r);
        return SH_ERROR;
}

static int write_text(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        enum sh_stream stream = (enum sh_stream)sh_current_member(sh)->arg;
        (void)self;
        if (a.n < 1)
                return SH_NONE;
        struct sv t = sh_to_text(sh, a.v[0]);
        int st = sh_stream_text(sh, stream, t.s->s, t.s->len);
        sh_drop(t);
        *ret = SH_NOTHING;
        return st;
}

/* (target), (target, action), (description, warning, caption) */
static int should_process(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int st = SH_OK;
        bool yes = false;
        struct sh_cmd *c = running(sh, self, &st);
        if (!c)
                return st;
        if (a.n < 1 || a.n > 3)
                return SH_NONE;
        struct sv target = sh_to_text(sh, a.v[0]),
                  action = a.n >= 2 ? sh_to_text(sh, a.v[1]) : sh_text(c->target ? c->target->name : "");
        st = sh_should_process(c, target.s->s, action.s->s, &yes);
        sh_drop(target);
        sh_drop(action);
        *ret = sh_bool(yes);
        return st;
}

static int should_continue(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n < 2)
                return SH_NONE;
        struct sv text = sh_to_text(sh, a.v[0]);
        int st = sh_ask_yes(sh, text.s->s, ret);
        sh_drop(text);
        return st;
}

static int variable_value(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n < 1)
                return SH_NONE;
        struct sv name = sh_to_text(sh, a.v[0]);
        if (!sh_var_get(sh, name.s->s, ret))
                *ret = a.n > 1 ? sh_keep(a.v[1]) : SH_NIL;
        sh_drop(name);
        return SH_OK;
}

static int full_path(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n < 1)
                return SH_NONE;
        struct sv p = sh_to_text(sh, a.v[0]), cwd = sh_pwd(sh);
        const char *home = getenv("HOME"), *s = p.s->s;
        if (s[0] == '~' && (!s[1] || s[1] == '/') && home)
                *ret = sh_printf("%s%s", home, s + 1);
        else if (s[0] == '/')
                *ret = sh_keep(p);
        else
                *ret = sh_printf("%s%s%s", cwd.s->s, cwd.s->len > 1 ? "/" : "",
                                 !strncmp(s, "./", 2) ? s + 2
                                 : strcmp(s, ".")     ? s
                                                      : "");
        sh_drop(p);
        sh_drop(cwd);
        return SH_OK;
}

static void pscmdlet_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh, (void)self;
        sh_buf_puts(b, "System.Management.Automation.PSScriptCmdlet");
}

#define WRITE(n, stream) \
        { \
                n, SH_METHOD, .signature = "void " n "(string text)", .call = write_text, .arg = stream \
        }
static const struct sh_member pscmdlet_members[] = {
        { "ParameterSetName", SH_PROPERTY, .signature = "string ParameterSetName {get;}",
          .call = pscmdlet_get, .arg = P_SET },
        { "MyInvocation", SH_PROPERTY,
          .signature = "System.Management.Automation.InvocationInfo MyInvocation {get;}",
          .call = pscmdlet_get, .arg = P_INVOCATION },
        { "CommandRuntime", SH_PROPERTY,
          .signature = "System.Management.Automation.ICommandRuntime CommandRuntime {get;}",
          .call = pscmdlet_get, .arg = P_RUNTIME },
        { "SessionState", SH_PROPERTY,
          .signature = "System.Management.Automation.SessionState SessionState {get;}", .call = pscmdlet_get,
          .arg = P_STATE },
        { "WriteObject", SH_METHOD,
          .signature = "void WriteObject(System.Object sendToPipeline, bool enumerate)",
          .call = write_object },
        { "WriteError", SH_METHOD,
          .signature = "void WriteError(System.Management.Automation.ErrorRecord errorRecord)",
          .call = write_error },
        { "ThrowTerminatingError", SH_METHOD,
          .signature = "void ThrowTerminatingError(System.Management.Automation.ErrorRecord errorRecord)",
          .call = throw_error },
        WRITE("WriteWarning", SH_WARNING),
        WRITE("WriteVerbose", SH_VERBOSE),
        WRITE("WriteDebug", SH_DEBUG),
        WRITE("WriteInformation", SH_INFO),
        { "ShouldProcess", SH_METHOD, .signature = "bool ShouldProcess(string target, string action)",
          .call = should_process },
        { "ShouldContinue", SH_METHOD, .signature = "bool ShouldContinue(string query, string caption)",
          .call = should_continue },
        { "GetVariableValue", SH_METHOD,
          .signature = "System.Object GetVariableValue(string name, object default)",
          .call = variable_value },
        { "GetUnresolvedProviderPathFromPSPath", SH_METHOD,
          .signature = "string GetUnresolvedProviderPathFromPSPath(string path)", .call = full_path },
};
static const struct sh_type type_pscmdlet = {
        .name = "System.Management.Automation.PSScriptCmdlet",
        .base = &sh_type_object,
        .members = pscmdlet_members,
        .nmembers = sizeof pscmdlet_members / sizeof *pscmdlet_members,
        .text = pscmdlet_text,
};

/* ---- $ExecutionContext: one object without state, whose parts answer for the session ---- */
static const struct sh_type type_context, type_invoke, type_state, type_variables, type_path;

static struct sv stateless(const struct sh_type *t)
{
        struct sh_obj *o = calloc(1, sizeof *o);
        if (!o)
                abort();
        *o = (struct sh_obj) { .refs = 1, .type = t };
        return (struct sv) { .kind = SH_OTHER, .o = o };
}

struct sv sh_execution_context(struct sh *sh)
{
        (void)sh;
        return stateless(&type_context);
}

struct sv sh_session_state(struct sh *sh)
{
        (void)sh;
        return stateless(&type_state);
}

static int part(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = stateless((const struct sh_type *)sh_current_member(sh)->arg);
        return SH_OK;
}

/* "text with $variables" expanded as a double-quoted string would be */
static int expand_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        struct collect c;
        (void)self;
        if (a.n != 1)
                return SH_NONE;
        struct sv t = sh_to_text(sh, a.v[0]);
        sh_buf_puts(&b, "@\"\n");
        sh_buf_put(&b, t.s->s, t.s->len);
        sh_buf_puts(&b, "\n\"@");
        sh_drop(t);
        sh_collect_begin(&c);
        int st = sh_run_text(sh, "ExpandString", b.p, b.n, &c.sink);
        sh_buf_free(&b);
        if (st != SH_OK) {
                sh_collect_drop(&c);
                return st;
        }
        *ret = sh_collect_end(&c);
        return SH_OK;
}

static int invoke_script(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct collect c;
        (void)self;
        if (a.n < 1)
                return SH_NONE;
        sh_collect_begin(&c);
        struct sv t = sh_to_text(sh, a.v[0]);
        int st = sh_run_text(sh, "InvokeScript", t.s->s, t.s->len, &c.sink);
        sh_drop(t);
        if (st != SH_OK) {
                sh_collect_drop(&c);
                return st;
        }
        *ret = sh_collect_array(&c);
        return SH_OK;
}

static int new_block(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n != 1)
                return SH_NONE;
        struct sv t = sh_to_text(sh, a.v[0]);
        int st = sh_block_parse(sh, t.s->s, t.s->len, ret);
        sh_drop(t);
        return st;
}

static int get_command(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_target *t;
        (void)self;
        if (a.n < 1)
                return SH_NONE;
        struct sv name = sh_to_text(sh, a.v[0]);
        int st = sh_try_command(sh, name.s->s, name.s->len, &t);
        sh_drop(name);
        *ret = st == SH_OK ? sh_target_value(t) : SH_NIL;
        return st == SH_NONE ? SH_OK : st;
}

static int set_variable(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n != 2)
                return SH_NONE;
        struct sv name = sh_to_text(sh, a.v[0]);
        int st = sh_var_set(sh, name.s->s, a.v[1]);
        sh_drop(name);
        *ret = SH_NOTHING;
        return st;
}

static int current_location(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        struct sv p = sh_pwd(sh);
        *ret = sh_path_info_new(p);
        sh_drop(p);
        return SH_OK;
}

static const struct sh_member invoke_members[] = {
        { "ExpandString", SH_METHOD, .signature = "string ExpandString(string source)",
          .call = expand_string },
        { "InvokeScript", SH_METHOD, .signature = "psobject[] InvokeScript(string script)",
          .call = invoke_script },
        { "NewScriptBlock", SH_METHOD, .signature = "scriptblock NewScriptBlock(string text)",
          .call = new_block },
        { "GetCommand", SH_METHOD, .signature = "CommandInfo GetCommand(string name, CommandTypes type)",
          .call = get_command },
};
static const struct sh_type type_invoke = {
        .name = "System.Management.Automation.CommandInvocationIntrinsics",
        .base = &sh_type_object,
        .members = invoke_members,
        .nmembers = sizeof invoke_members / sizeof *invoke_members
};
static const struct sh_member variables_members[] = {
        { "Get", SH_METHOD, .signature = "System.Object Get(string name)", .call = variable_value },
        { "GetValue", SH_METHOD, .signature = "System.Object GetValue(string name, object default)",
          .call = variable_value },
        { "Set", SH_METHOD, .signature = "void Set(string name, object value)", .call = set_variable },
};
static const struct sh_type type_variables = { .name = "System.Management.Automation.PSVariableIntrinsics",
                                               .base = &sh_type_object,
                                               .members = variables_members,
                                               .nmembers =
                                                       sizeof variables_members / sizeof *variables_members };
static const struct sh_member path_intrinsics[] = {
        { "CurrentLocation", SH_PROPERTY,
          .signature = "System.Management.Automation.PathInfo CurrentLocation {get;}",
          .call = current_location },
        { "CurrentFileSystemLocation", SH_PROPERTY,
          .signature = "System.Management.Automation.PathInfo CurrentFileSystemLocation {get;}",
          .call = current_location },
        { "GetUnresolvedProviderPathFromPSPath", SH_METHOD,
          .signature = "string GetUnresolvedProviderPathFromPSPath(string path)", .call = full_path },
};
static const struct sh_type type_path = { .name = "System.Management.Automation.PathIntrinsics",
                                          .base = &sh_type_object,
                                          .members = path_intrinsics,
                                          .nmembers = sizeof path_intrinsics / sizeof *path_intrinsics };
static int state_module(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh->scope->module ? sh_keep(sh_module_value(sh->scope->module)) : SH_NIL;
        return SH_OK;
}
static const struct sh_member state_members[] = {
        { "Module", SH_PROPERTY, .signature = "psmoduleinfo Module {get;}", .call = state_module },
        { "Path", SH_PROPERTY, .signature = "PathIntrinsics Path {get;}", .call = part,
          .arg = (intptr_t)&type_path },
        { "PSVariable", SH_PROPERTY, .signature = "PSVariableIntrinsics PSVariable {get;}", .call = part,
          .arg = (intptr_t)&type_variables },
        { "InvokeCommand", SH_PROPERTY, .signature = "CommandInvocationIntrinsics InvokeCommand {get;}",
          .call = part, .arg = (intptr_t)&type_invoke },
};
static const struct sh_type type_state = { .name = "System.Management.Automation.SessionState",
                                           .base = &sh_type_object,
                                           .members = state_members,
                                           .nmembers = sizeof state_members / sizeof *state_members };
static const struct sh_member context_members[] = {
        { "InvokeCommand", SH_PROPERTY, .signature = "CommandInvocationIntrinsics InvokeCommand {get;}",
          .call = part, .arg = (intptr_t)&type_invoke },
        { "SessionState", SH_PROPERTY, .signature = "SessionState SessionState {get;}", .call = part,
          .arg = (intptr_t)&type_state },
};
static const struct sh_type type_context = { .name = "System.Management.Automation.EngineIntrinsics",
                                             .base = &sh_type_object,
                                             .members = context_members,
                                             .nmembers = sizeof context_members / sizeof *context_members };

SH_TYPES(engine_session, &action_preference.type, &confirm_impact.type, &sh_type_path_info, &type_pscmdlet,
         &type_context, &type_invoke, &type_state, &type_variables, &type_path, &sh_type_warning_record,
         &sh_type_verbose_record, &sh_type_debug_record, &sh_type_information_record);
