/* SPDX-License-Identifier: MIT
 *
 * ErrorRecord and what it is made of: CategoryInfo, ErrorDetails, InvocationInfo (also $MyInvocation).
 */
#include "shell/error.h"
#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>

/* ---- ErrorCategory ---- */
static const struct {
        const char *name;
        int32_t value;
} category_items[] = {
        { "NotSpecified", 0 },         { "OpenError", 1 },
        { "CloseError", 2 },           { "DeviceError", 3 },
        { "DeadlockDetected", 4 },     { "InvalidArgument", 5 },
        { "InvalidData", 6 },          { "InvalidOperation", 7 },
        { "InvalidResult", 8 },        { "InvalidType", 9 },
        { "MetadataError", 10 },       { "NotImplemented", 11 },
        { "NotInstalled", 12 },        { "ObjectNotFound", 13 },
        { "OperationStopped", 14 },    { "OperationTimeout", 15 },
        { "SyntaxError", 16 },         { "ParserError", 17 },
        { "PermissionDenied", 18 },    { "ResourceBusy", 19 },
        { "ResourceExists", 20 },      { "ResourceUnavailable", 21 },
        { "ReadError", 22 },           { "WriteError", 23 },
        { "FromStdErr", 24 },          { "SecurityError", 25 },
        { "ProtocolError", 26 },       { "ConnectionError", 27 },
        { "AuthenticationError", 28 }, { "LimitsExceeded", 29 },
        { "QuotaExceeded", 30 },       { "NotEnabled", 31 },
};
struct sh_enum sh_enum_error_category = {
        .obj = { .refs = 1, .type = &sh_enum_error_category.type },
        .type = { .name = "System.Management.Automation.ErrorCategory",
                  .base = &sh_type_enum,
                  .kind = SH_ENUM },
        .n = sizeof category_items / sizeof *category_items,
        .items = (const void *)category_items,
};

int sh_category_number(const char *name)
{
        for (size_t i = 0; i < sizeof category_items / sizeof *category_items; i++)
                if (!strcasecmp(category_items[i].name, name))
                        return category_items[i].value;
        return -1;
}

static struct sv text_or_nil(const char *s)
{
        return s ? sh_text(s) : SH_NIL;
}

/* ---- CategoryInfo: a view of its record ---- */
struct category {
        struct sh_obj obj;
        struct sv record;
};

static struct sh_error *category_error(struct sv self)
{
        return sh_error_of(((struct category *)self.o)->record);
}

static const char *reason_of(const struct sh_error *e)
{
        if (e->reason)
                return e->reason;
        return e->exception.kind == SH_OTHER ? sh_short_name(e->exception.o->type->name) : "";
}

static void target_texts(struct sh *sh, const struct sh_error *e, struct sv *name, struct sv *type)
{
        if (sh_is_null(e->target)) {
                *name = sh_text("");
                *type = sh_text("");
                return;
        }
        *name = e->target_name ? sh_text(e->target_name) : sh_to_text(sh, e->target);
        const struct sh_type *t = sh_type_of(e->target);
        *type = sh_text(t ? sh_short_name(t->name) : "");
}

enum { C_CATEGORY, C_ACTIVITY, C_REASON, C_TARGET, C_TYPE };

static int category_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_error *e = category_error(self);
        struct sv name, type;
        int n;
        (void)a;
        switch (sh_current_member(sh)->arg) {
        case C_CATEGORY:
                n = sh_category_number(e->category);
                *ret = sh_enum_value(&sh_enum_error_category, n < 0 ? 0 : n);
                return SH_OK;
        case C_ACTIVITY:
                *ret = sh_text(e->activity ? e->activity : e->command ? e->command : "");
                return SH_OK;
        case C_REASON: *ret = sh_text(reason_of(e)); return SH_OK;
        }
        target_texts(sh, e, &name, &type);
        bool want_name = sh_current_member(sh)->arg == C_TARGET;
        *ret = want_name ? name : type;
        sh_drop(want_name ? type : name);
        return SH_OK;
}

static int category_put(struct sh *sh, struct sv self, struct sv v)
{
        struct sh_error *e = category_error(self);
        struct sv t = sh_to_text(sh, v);
        int arg = (int)sh_current_member(sh)->arg;
        char **to = arg == C_ACTIVITY ? &e->activity : arg == C_REASON ? &e->reason : &e->target_name;
        free(*to);
        *to = strdup(t.s->s);
        sh_drop(t);
        return SH_OK;
}

static void category_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct sh_error *e = category_error(self);
        struct sv name, type;
        target_texts(sh, e, &name, &type);
        const char *n = name.s->s;
        sh_buf_putf(b, "%s: (%.*s%s:%s) [%s], %s", e->category, name.s->len > 40 ? 40 : (int)name.s->len, n,
                    name.s->len > 40 ? "…" : "", type.s->s,
                    e->activity  ? e->activity
                    : e->command ? e->command
                                 : "",
                    reason_of(e));
        sh_drop(name);
        sh_drop(type);
}

static int category_message(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        (void)a;
        category_text(sh, self, &b);
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        return SH_OK;
}

static void category_free(struct sh_obj *o)
{
        sh_drop(((struct category *)o)->record);
}

static const struct sh_member category_members[] = {
        { "Category", SH_PROPERTY, .signature = "System.Management.Automation.ErrorCategory Category {get;}",
          .call = category_get, .arg = C_CATEGORY },
        { "Activity", SH_PROPERTY, .signature = "string Activity {get;set;}", .call = category_get,
          .set = category_put, .arg = C_ACTIVITY },
        { "Reason", SH_PROPERTY, .signature = "string Reason {get;set;}", .call = category_get,
          .set = category_put, .arg = C_REASON },
        { "TargetName", SH_PROPERTY, .signature = "string TargetName {get;set;}", .call = category_get,
          .set = category_put, .arg = C_TARGET },
        { "TargetType", SH_PROPERTY, .signature = "string TargetType {get;set;}", .call = category_get,
          .arg = C_TYPE },
        { "GetMessage", SH_METHOD, .signature = "string GetMessage()", .call = category_message },
};
const struct sh_type sh_type_category_info = {
        .name = "System.Management.Automation.ErrorCategoryInfo",
        .base = &sh_type_object,
        .members = category_members,
        .nmembers = sizeof category_members / sizeof *category_members,
        .text = category_text,
        .free = category_free,
};

/* ---- ErrorDetails ---- */
struct details {
        struct sh_obj obj;
        struct sv message, action;
};

static struct sv details_new(struct sv message, struct sv action)
{
        struct details *d = calloc(1, sizeof *d);
        if (!d)
                abort();
        d->obj = (struct sh_obj) { .refs = 1, .type = &sh_type_error_details };
        d->message = message;
        d->action = action;
        return (struct sv) { .kind = SH_OTHER, .o = &d->obj };
}

static int details_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct details *d = (struct details *)self.o;
        (void)a;
        *ret = sh_keep(sh_current_member(sh)->arg ? d->action : d->message);
        return SH_OK;
}

static int details_put(struct sh *sh, struct sv self, struct sv v)
{
        struct details *d = (struct details *)self.o;
        sh_drop(d->action);
        d->action = sh_to_text(sh, v);
        return SH_OK;
}

static int details_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        if (a.n != 1)
                return SH_NONE;
        *ret = details_new(sh_to_text(sh, a.v[0]), SH_NIL);
        return SH_OK;
}

static int details_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        return from.kind == SH_STRING ? details_construct(sh, t, (struct sh_args) { 1, &from }, ret)
                                      : SH_NONE;
}

static void details_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        sh_buf_value(sh, b, ((struct details *)self.o)->message);
}

static void details_free(struct sh_obj *o)
{
        sh_drop(((struct details *)o)->message);
        sh_drop(((struct details *)o)->action);
}

static const struct sh_member details_members[] = {
        { "Message", SH_PROPERTY, .signature = "string Message {get;}", .call = details_get },
        { "RecommendedAction", SH_PROPERTY, .signature = "string RecommendedAction {get;set;}",
          .call = details_get, .set = details_put, .arg = 1 },
};
const struct sh_type sh_type_error_details = {
        .name = "System.Management.Automation.ErrorDetails",
        .base = &sh_type_object,
        .members = details_members,
        .nmembers = sizeof details_members / sizeof *details_members,
        .text = details_text,
        .free = details_free,
        .construct = details_construct,
        .convert = details_convert,
};

/* ---- ErrorRecord ---- */
static const struct sh_cmdlet *cmdlet_named(struct sh *sh, const char *name)
{
        for (uint32_t f = 0; f < sh_ncmdlet_files; f++)
                for (const struct sh_cmdlet *const *c = sh_cmdlet_files[f]; *c; c++)
                        if (!strcasecmp((*c)->name, name))
                                return *c;
        return strchr(name, '-') ? sh_model_cmdlet(sh, name) : NULL;
}

void sh_error_full_id(struct sh *sh, struct sh_error *e, struct sh_buf *b)
{
        sh_buf_puts(b, e->id);
        if (!e->command || strchr(e->id, ','))
                return;
        const struct sh_cmdlet *c = cmdlet_named(sh, e->command);
        const char *dash = c ? strchr(c->name, '-') : NULL;
        if (dash)
                sh_buf_putf(b, ",Microsoft.PowerShell.Commands.%.*s%sCommand", (int)(dash - c->name), c->name,
                            dash + 1);
        else
                sh_buf_putf(b, ",%s", e->command);
}

enum { E_EXCEPTION, E_TARGET, E_CATEGORY, E_ID, E_DETAILS, E_INVOCATION, E_TRACE, E_ITERATION };

static int record_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_error *e = sh_error_of(self);
        struct sh_buf b = { 0 };
        (void)a;
        *ret = SH_NIL;
        switch (sh_current_member(sh)->arg) {
        case E_EXCEPTION: *ret = sh_keep(e->exception); break;
        case E_TARGET: *ret = sh_keep(e->target); break;
        case E_ID:
                sh_error_full_id(sh, e, &b);
                *ret = sh_buf_take(&b);
                sh_buf_free(&b);
                break;
        case E_DETAILS:
                if (e->message || e->details)
                        *ret = details_new(text_or_nil(e->message), text_or_nil(e->details));
                break;
        case E_INVOCATION: *ret = sh_invocation_of_error(sh, e); break;
        case E_TRACE: *ret = text_or_nil(e->trace); break;
        case E_ITERATION: *ret = sh_array_new(0); break;
        case E_CATEGORY: {
                struct category *c = calloc(1, sizeof *c);
                if (!c)
                        abort();
                c->obj = (struct sh_obj) { .refs = 1, .type = &sh_type_category_info };
                c->record = sh_keep(self);
                *ret = (struct sv) { .kind = SH_OTHER, .o = &c->obj };
        }
        }
        return SH_OK;
}

static int record_put_details(struct sh *sh, struct sv self, struct sv v)
{
        struct sh_error *e = sh_error_of(self);
        struct sv x = sh_unwrap(v), message = x, action = SH_NIL;
        if (x.kind == SH_OTHER && x.o->type == &sh_type_error_details) {
                message = ((struct details *)x.o)->message;
                action = ((struct details *)x.o)->action;
        }
        struct sv t = sh_to_text(sh, message), u = sh_to_text(sh, action);
        free(e->message);
        e->message = t.s->len ? strdup(t.s->s) : NULL;
        if (u.s->len) {
                free(e->details);
                e->details = strdup(u.s->s);
        }
        sh_drop(t);
        sh_drop(u);
        return SH_OK;
}

static void record_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct sh_error *e = sh_error_of(self);
        if (e->message)
                sh_buf_puts(b, e->message);
        else if (sh_is_exception(e->exception))
                sh_exception_message(e->exception, b);
        else
                sh_buf_value(sh, b, e->exception);
}

static void record_free(struct sh_obj *o)
{
        struct sh_error *e = (struct sh_error *)o;
        if (sh_is_exception(e->exception) && sh_exception_of(e->exception)->record == e)
                sh_exception_of(e->exception)->record = NULL;
        sh_drop(e->exception);
        sh_drop(e->target);
        sh_drop(e->bound);
        char *texts[] = { e->id,    e->category, e->activity, e->reason,          e->details,
                          e->trace, e->message,  e->command,  e->invocation_name, e->target_name };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                free(texts[i]);
        if (e->unit)
                sh_unit_drop(e->unit);
        if (e->parsed)
                sh_unit_drop(e->parsed);
}

/* (exception, id, category, target) */
static int record_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        struct sv x = a.n ? sh_unwrap(a.v[0]) : SH_NIL, category;
        if (a.n != 4 || !sh_is_exception(x))
                return SH_NONE;
        int st = sh_convert(sh, a.v[2], &sh_enum_error_category.type, &category);
        if (st != SH_OK)
                return st;
        struct sv id = sh_to_text(sh, a.v[1]), name = sh_to_text(sh, category);
        *ret = sh_error_with(sh, x, id.s->s, name.s->s, a.v[3]);
        struct sh_error *e = sh_error_of(*ret);
        free(e->command);
        e->command = NULL;
        sh_drop(id);
        sh_drop(name);
        sh_drop(category);
        return SH_OK;
}

static int record_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sv v = sh_unwrap(from);
        struct sh_buf b = { 0 };
        (void)t;
        if (!sh_is_exception(v) && v.kind != SH_STRING)
                return SH_NONE;
        if (v.kind == SH_STRING) {
                *ret = sh_error_new(sh, "System.Management.Automation.RuntimeException", "", "NotSpecified",
                                    SH_NIL, v.s->s, v.s->len);
                return SH_OK;
        }
        sh_exception_message(v, &b);
        *ret = sh_error_with(sh, v, b.p, "NotSpecified", SH_NIL);
        sh_buf_free(&b);
        return SH_OK;
}

#define RECORD(n, t, which) \
        { \
                n, SH_PROPERTY, .signature = t " " n " {get;}", .call = record_get, .arg = which \
        }
static const struct sh_member record_members[] = {
        RECORD("Exception", "System.Exception", E_EXCEPTION),
        RECORD("TargetObject", "System.Object", E_TARGET),
        RECORD("CategoryInfo", "System.Management.Automation.ErrorCategoryInfo", E_CATEGORY),
        RECORD("FullyQualifiedErrorId", "string", E_ID),
        { "ErrorDetails", SH_PROPERTY,
          .signature = "System.Management.Automation.ErrorDetails ErrorDetails {get;set;}",
          .call = record_get, .set = record_put_details, .arg = E_DETAILS },
        RECORD("InvocationInfo", "System.Management.Automation.InvocationInfo", E_INVOCATION),
        RECORD("ScriptStackTrace", "string", E_TRACE),
        RECORD("PipelineIterationInfo", "System.Collections.ObjectModel.ReadOnlyCollection[int]",
               E_ITERATION),
};
const struct sh_type sh_type_error_record = {
        .name = "System.Management.Automation.ErrorRecord",
        .base = &sh_type_object,
        .members = record_members,
        .nmembers = sizeof record_members / sizeof *record_members,
        .text = record_text,
        .free = record_free,
        .construct = record_construct,
        .convert = record_convert,
};

/* ---- InvocationInfo ---- */
struct sv sh_invocation_new(struct sh *sh)
{
        struct sh_invocation *i = calloc(1, sizeof *i);
        (void)sh;
        if (!i)
                abort();
        i->obj = (struct sh_obj) { .refs = 1, .type = &sh_type_invocation };
        i->command = i->name = i->bound = i->unbound = SH_NIL;
        i->pipe_len = i->pipe_pos = 1;
        return (struct sv) { .kind = SH_OTHER, .o = &i->obj };
}

static void set_place(struct sh_invocation *i, struct unit *u, uint32_t at, uint32_t end)
{
        i->unit = u;
        i->at = at;
        i->end = end;
        if (u)
                u->refs++;
}

struct sv sh_invocation_of_frame(struct sh *sh, struct frame *f)
{
        struct sv r = sh_invocation_new(sh);
        struct sh_invocation *i = (struct sh_invocation *)r.o;
        struct node *call = f->call ? f->call : f->cmd ? f->cmd->node : NULL;
        struct command *c = call && call->kind == N_CMD ? call->x : NULL;
        if (f->target)
                i->command = sh_keep(sh_target_value(f->target));
        i->name = c && c->name && c->name->kind == N_CONST ? sh_to_text(sh, c->name->val)
                                                           : sh_text(c && c->invoke == '.' ? "."
                                                                     : c                   ? "&"
                                                                                           : "");
        if (call)
                set_place(i, call->u, call->at, call->end);
        i->bound = sh_frame_bound(sh, f);
        i->unbound = f->args.kind == SH_ARRAY ? sh_keep(f->args) : sh_array_new(0);
        i->pipe_len = f->pipe_len ? f->pipe_len : 1;
        i->pipe_pos = f->pipe_pos ? f->pipe_pos : 1;
        i->input = f->cmd && f->cmd->expects_input;
        if (call && call->u->file)
                i->root_file = strdup(call->u->file);
        return r;
}

struct sv sh_invocation_of_error(struct sh *sh, struct sh_error *e)
{
        struct sv r = sh_invocation_new(sh);
        struct sh_invocation *i = (struct sh_invocation *)r.o;
        struct sh_target *t;
        if (e->command && sh_try_command(sh, e->command, strlen(e->command), &t) == SH_OK)
                i->command = sh_target_value(t);
        i->name = sh_text(e->invocation_name ? e->invocation_name : e->command ? e->command : "");
        i->bound = sh_is_null(e->bound) ? sh_hash_new(false) : sh_keep(e->bound);
        i->unbound = sh_array_new(0);
        set_place(i, e->unit, e->at, e->end);
        if (e->unit && e->unit->file)
                i->root_file = strdup(e->unit->file);
        return r;
}

enum {
        I_COMMAND,
        I_BOUND,
        I_UNBOUND,
        I_LINE_NO,
        I_OFFSET,
        I_HISTORY,
        I_SCRIPT,
        I_LINE,
        I_POSITION,
        I_ROOT,
        I_PATH,
        I_NAME,
        I_LENGTH,
        I_AT,
        I_INPUT,
        I_ORIGIN,
        I_STATEMENT
};

static struct sv place_value(struct sh_invocation *i, int which)
{
        uint32_t row, col, n;
        const char *s;
        struct sh_buf b = { 0 };
        if (!i->unit)
                return which == I_LINE_NO || which == I_OFFSET ? sh_int(0) : sh_text("");
        sh_unit_position(i->unit, i->at, &row, &col);
        switch (which) {
        case I_LINE_NO: return sh_int((int32_t)row);
        case I_OFFSET: return sh_int((int32_t)col);
        case I_SCRIPT: return sh_text(i->unit->file);
        case I_LINE: sh_unit_line(i->unit, row, &s, &n); return sh_string(s, n);
        case I_STATEMENT: return sh_string(i->unit->text + i->at, i->end - i->at);
        }
        sh_position_message(i->unit, i->at, i->end, &b);
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}

static int invocation_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_invocation *i = (struct sh_invocation *)self.o;
        int which = (int)sh_current_member(sh)->arg;
        const char *slash;
        (void)a;
        switch (which) {
        case I_COMMAND: *ret = sh_keep(i->command); break;
        case I_BOUND: *ret = sh_keep(i->bound); break;
        case I_UNBOUND: *ret = sh_keep(i->unbound); break;
        case I_HISTORY: *ret = sh_long((int64_t)sh->history_id); break;
        case I_NAME: *ret = sh_keep(i->name); break;
        case I_LENGTH: *ret = sh_int((int32_t)i->pipe_len); break;
        case I_AT: *ret = sh_int((int32_t)i->pipe_pos); break;
        case I_INPUT: *ret = sh_bool(i->input); break;
        case I_ORIGIN: *ret = sh_text("Internal"); break;
        case I_PATH: *ret = sh_text(i->root_file); break;
        case I_ROOT:
                slash = i->root_file ? strrchr(i->root_file, '/') : NULL;
                *ret = slash ? sh_string(i->root_file,
                                         slash == i->root_file ? 1 : (size_t)(slash - i->root_file))
                             : sh_text("");
                break;
        default: *ret = place_value(i, which);
        }
        return SH_OK;
}

static void invocation_free(struct sh_obj *o)
{
        struct sh_invocation *i = (struct sh_invocation *)o;
        sh_drop(i->command);
        sh_drop(i->name);
        sh_drop(i->bound);
        sh_drop(i->unbound);
        free(i->root_file);
        if (i->unit)
                sh_unit_drop(i->unit);
}

#define INVOCATION(n, t, which) \
        { \
                n, SH_PROPERTY, .signature = t " " n " {get;}", .call = invocation_get, .arg = which \
        }
static const struct sh_member invocation_members[] = {
        INVOCATION("MyCommand", "System.Management.Automation.CommandInfo", I_COMMAND),
        INVOCATION("BoundParameters", "System.Collections.Generic.Dictionary[string,System.Object]", I_BOUND),
        INVOCATION("UnboundArguments", "System.Collections.Generic.List[System.Object]", I_UNBOUND),
        INVOCATION("ScriptLineNumber", "int", I_LINE_NO),
        INVOCATION("OffsetInLine", "int", I_OFFSET),
        INVOCATION("HistoryId", "long", I_HISTORY),
        INVOCATION("ScriptName", "string", I_SCRIPT),
        INVOCATION("Line", "string", I_LINE),
        INVOCATION("Statement", "string", I_STATEMENT),
        INVOCATION("PositionMessage", "string", I_POSITION),
        INVOCATION("PSScriptRoot", "string", I_ROOT),
        INVOCATION("PSCommandPath", "string", I_PATH),
        INVOCATION("InvocationName", "string", I_NAME),
        INVOCATION("PipelineLength", "int", I_LENGTH),
        INVOCATION("PipelinePosition", "int", I_AT),
        INVOCATION("ExpectingInput", "bool", I_INPUT),
        INVOCATION("CommandOrigin", "System.Management.Automation.CommandOrigin", I_ORIGIN),
};
const struct sh_type sh_type_invocation = {
        .name = "System.Management.Automation.InvocationInfo",
        .base = &sh_type_object,
        .members = invocation_members,
        .nmembers = sizeof invocation_members / sizeof *invocation_members,
        .free = invocation_free,
};

SH_TYPES(engine_error, &sh_type_error_record, &sh_type_category_info, &sh_type_error_details,
         &sh_type_invocation, &sh_enum_error_category.type);
