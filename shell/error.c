/* SPDX-License-Identifier: MIT
 *
 * Errors: made, thrown, positioned, recorded in $Error, and what happens when a statement fails: its traps, the
 * preference, the try around it. An error is one ErrorRecord from where it arises to where it is shown.
 *
 * sh->error holds the terminating one that is under way. It is `script_terminating` when it came from throw or from an
 * ErrorAction of Stop: then no statement goes on after it, unless a preference silences it.
 */
#include "shell/error.h"
#include "shell/eval.h"
#include "shell/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { ERRORS_MAX = 256 };

/* ---- making ---- */
/* The exception that an id or, failing that, a category stands for when none was named. */
static const char *default_exception(const char *id, const char *category, bool in_cmdlet)
{
#define MA "System.Management.Automation."
        static const struct {
                const char *key, *type;
        } ids[] = {
                { "PathNotFound", MA "ItemNotFoundException" },
                { "CommandNotFoundException", MA "CommandNotFoundException" },
                { "DriveNotFound", MA "DriveNotFoundException" },
                { "ParameterArgumentTransformationError", MA "ParameterBindingArgumentTransformationException" },
                { "ParameterArgumentValidationError", MA "ParameterBindingValidationException" },
                { "ParameterArgumentValidationErrorNullNotAllowed", MA "ParameterBindingValidationException" },
                { "ParameterArgumentValidationErrorEmptyStringNotAllowed", MA "ParameterBindingValidationException" },
                { "NamedParameterNotFound", MA "ParameterBindingException" },
                { "PositionalParameterNotFound", MA "ParameterBindingException" },
                { "MissingArgument", MA "ParameterBindingException" },
                { "MissingMandatoryParameter", MA "ParameterBindingException" },
                { "AmbiguousParameter", MA "ParameterBindingException" },
                { "AmbiguousParameterSet", MA "ParameterBindingException" },
                { "ParameterAlreadyBound", MA "ParameterBindingException" },
                { "InputObjectNotBound", MA "ParameterBindingException" },
                { "PropertyNotFoundStrict", MA "PropertyNotFoundException" },
                { "PropertyAssignmentException", MA "SetValueInvocationException" },
                { "VariableNotWritable", MA "SessionStateUnauthorizedAccessException" },
                { "VariableNotFound", MA "ItemNotFoundException" },
                { "FormatError", MA "RuntimeException" },
                { "NativeCommandError", MA "RemoteException" },
                { "ProgramExitedWithNonZeroCode", MA "NativeCommandExitException" },
                { "NotSupportedHere", MA "PSNotSupportedException" },
        };
        static const struct {
                const char *key, *type, *cmdlet;
        } categories[] = {
                { "ParserError", MA "ParseException", MA "ParseException" },
                { "ObjectNotFound", MA "RuntimeException", MA "ItemNotFoundException" },
                { "InvalidArgument", MA "RuntimeException", MA "PSArgumentException" },
                { "InvalidOperation", MA "RuntimeException", MA "PSInvalidOperationException" },
                { "PermissionDenied", "System.UnauthorizedAccessException", "System.UnauthorizedAccessException" },
                { "SecurityError", MA "PSSecurityException", MA "PSSecurityException" },
                { "NotImplemented", MA "PSNotSupportedException", MA "PSNotSupportedException" },
                { "OperationTimeout", "System.TimeoutException", "System.TimeoutException" },
                { "ReadError", "System.IO.IOException", "System.IO.IOException" },
                { "WriteError", "System.IO.IOException", "System.IO.IOException" },
                { "OpenError", "System.IO.IOException", "System.IO.IOException" },
                { "CloseError", "System.IO.IOException", "System.IO.IOException" },
                { "ResourceExists", "System.IO.IOException", "System.IO.IOException" },
                { "InvalidData", MA "RuntimeException", "System.InvalidOperationException" },
                { "InvalidType", MA "RuntimeException", MA "PSArgumentException" },
        };
        if (!strncmp(id, "InvalidCast", 11) || !strncmp(id, "ConvertTo", 9))
                return MA "PSInvalidCastException";
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
                if (!strcmp(ids[i].key, id))
                        return ids[i].type;
        for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
                if (!strcmp(categories[i].key, category))
                        return in_cmdlet ? categories[i].cmdlet : categories[i].type;
        return MA "RuntimeException";
}

struct sv sh_error_with(struct sh *sh, struct sv exception, const char *id, const char *category, struct sv target)
{
        struct sh_error *e = calloc(1, sizeof *e);
        if (!e)
                abort();
        e->obj.refs = 1;
        e->obj.type = &sh_type_error_record;
        e->exception = sh_keep(exception);
        e->target = sh_keep(target);
        e->id = strdup(id ? id : "");
        e->category = strdup(category ? category : "NotSpecified");
        if (sh->cmd && sh->cmd->cmdlet)
                e->command = strdup(sh->cmd->cmdlet->name);
        e->bound = SH_NIL;
        if (sh_is_exception(exception) && !sh_exception_of(exception)->record)
                sh_exception_of(exception)->record = e;
        return (struct sv) { .kind = SH_OTHER, .o = &e->obj };
}

struct sv sh_error_new(struct sh *sh, const char *type, const char *id, const char *category, struct sv target,
                       const char *message, size_t n)
{
        id = id ? id : "";
        category = category ? category : "NotSpecified";
        if (!type)
                type = default_exception(id, category, sh->cmd && sh->cmd->cmdlet);
        struct sv x = sh_exception_new(sh, type, message, n, SH_NIL);
        struct sv r = sh_error_with(sh, x, id, category, target);
        sh_drop(x);
        return r;
}

void sh_error_set(struct sh *sh, struct sv record)
{
        struct sv old = sh->error;
        sh->error = sh_keep(record);
        sh_drop(old);
}

struct sv sh_error_take(struct sh *sh)
{
        struct sv r = sh->error;
        sh->error = SH_NIL;
        return r;
}

static int throw_text(struct sh *sh, const char *type, const char *id, const char *category, struct sv target,
                      const char *fmt, va_list ap)
{
        char small[512], *text = small;
        va_list again;
        va_copy(again, ap);
        int n = vsnprintf(small, sizeof small, fmt, ap);
        if (n >= (int)sizeof small) {
                if (!(text = malloc((size_t)n + 1)))
                        abort();
                vsnprintf(text, (size_t)n + 1, fmt, again);
        }
        va_end(again);
        struct sv r = sh_error_new(sh, type, id, category, target, text, n > 0 ? (size_t)n : 0);
        if (text != small)
                free(text);
        sh_error_set(sh, r);
        sh_drop(r);
        return SH_ERROR;
}

int sh_throw(struct sh *sh, const char *id, const char *category, struct sv target, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        int st = throw_text(sh, NULL, id, category, target, fmt, ap);
        va_end(ap);
        return st;
}

int sh_throw_as(struct sh *sh, const char *type, const char *id, const char *category, struct sv target,
                const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        int st = throw_text(sh, type, id, category, target, fmt, ap);
        va_end(ap);
        return st;
}

int sh_throw_about(struct sh *sh, const char *type, const char *id, const char *category, const char *target,
                   const char *fmt, ...)
{
        va_list ap;
        struct sv t = sh_text(target);
        va_start(ap, fmt);
        int st = throw_text(sh, type, id, category, t, fmt, ap);
        va_end(ap);
        sh_drop(t);
        return st;
}

int sh_throw_in_method(struct sh *sh, const char *inner_type, const char *method, uint32_t nargs, const char *fmt, ...)
{
        va_list ap;
        struct sh_buf b = { 0 };
        char text[1024];
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        struct sv inner = sh_exception_new(sh, inner_type, text, strlen(text), SH_NIL);
        sh_buf_putf(&b, "Exception calling \"%s\" with \"%u\" argument(s): \"%s\"", method, nargs, text);
        struct sv x = sh_exception_new(sh, MA "MethodInvocationException", b.p, b.n, inner);
        struct sv r = sh_error_with(sh, x, sh_short_name(inner_type), "NotSpecified", SH_NIL);
        sh_error_set(sh, r);
        sh_drop(r);
        sh_drop(x);
        sh_drop(inner);
        sh_buf_free(&b);
        return SH_ERROR;
}

/* ---- place ---- */
void sh_error_place(struct sh *sh, struct sh_error *e, struct node *n)
{
        struct sh_buf b = { 0 };
        e->positioned = true;
        if (n && n->u) {
                e->unit = n->u;
                e->unit->refs++;
                e->at = n->at;
                e->end = n->end;
        }
        sh_error_stack(sh, n, &b);
        free(e->trace);
        e->trace = strndup(b.p ? b.p : "", b.n);
        sh_buf_free(&b);
        if (sh_is_exception(e->exception) && !sh_exception_of(e->exception)->trace)
                sh_exception_of(e->exception)->trace = strdup(e->trace);
}

/* Of the pending error, unless it has one: the innermost node that failed. A failure inside a block that a cmdlet runs
 * is the language's, not the cmdlet's. */
void sh_error_position(struct sh *sh, struct node *n)
{
        if (sh->error.kind != SH_OTHER || !n)
                return;
        struct sh_error *e = sh_error_of(sh->error);
        if (e->positioned)
                return;
        if (e->command && n->kind != N_CMD && n->kind != N_PIPE && !(sh->cmd && sh->cmd->node == n)) {
                free(e->command);
                e->command = NULL;
        }
        sh_error_place(sh, e, n);
}

/* ---- $Error and reporting ---- */
void sh_error_record(struct sh *sh, struct sv record)
{
        if (record.kind != SH_OTHER || sh_error_of(record)->recorded)
                return;
        sh_error_of(record)->recorded = true;
        if (sh->errors.kind != SH_ARRAY) {
                sh->errors = sh_list_new(NULL);
                sh->errors.o->type = &sh_type_arraylist;
        }
        struct sh_array *a = sh->errors.a;
        if (a->n >= ERRORS_MAX)
                sh_array_remove(a, a->n - 1, 1);
        sh_array_insert(a, 0, record);
}

int sh_error_report(struct sh *sh)
{
        struct sv record = sh_error_take(sh);
        if (record.kind != SH_OTHER)
                return SH_OK;
        sh_error_record(sh, record);
        sh->ok = false;
        sh_error_say(sh, record);
        sh_drop(record);
        return SH_OK;
}

/* ---- when a statement fails ---- */
static int trap_of(struct sh *sh, struct traps *t)
{
        int best = -1, best_rank = -1;
        for (uint32_t i = 0; i < t->n; i++) {
                int rank;
                if (sh_catch_matches(sh, t->v[i].type ? &t->v[i].type : NULL, t->v[i].type != NULL, &rank) &&
                    rank > best_rank) {
                        best = (int)i;
                        best_rank = rank;
                }
        }
        return best;
}

/* Runs a trap's body. SH_OK: go on with the next statement. */
static int run_trap(struct sh *sh, struct node *body, struct sh_sink *out)
{
        struct sv record = sh_error_take(sh), under = sh->under, caught = sh->caught;
        sh_error_record(sh, record);
        sh->ok = false;
        sh->under = sh_keep(record);
        sh->caught = record;
        int st = run_list(sh, body, out);
        sh_drop(sh->under);
        sh->under = under;
        sh->caught = caught;
        if (st == SH_CONTINUE && !sh->label) {
                st = SH_OK;
        } else if (st == SH_BREAK && !sh->label) {
                sh_error_of(record)->script_terminating = true;
                sh_error_set(sh, record);
                st = SH_ERROR;
        } else if (st == SH_OK) { /* neither: the error is shown, the next statement runs */
                int pref = sh_pref(sh, ID_EAP, AP_CONTINUE);
                if (pref == AP_STOP) {
                        sh_error_set(sh, record);
                        st = SH_ERROR;
                } else if (pref != AP_SILENT && pref != AP_IGNORE) {
                        sh_error_say(sh, record);
                }
        }
        sh->ok = false;
        sh_drop(record);
        return st;
}

int sh_stmt_error(struct sh *sh, struct node *list, struct node *stmt, struct sh_sink *out)
{
        struct sh_error *e = sh_error_of(sh->error);
        struct traps *t = list ? list->x : NULL;
        sh_error_position(sh, stmt);
        sh->ok = false;
        int trap = t ? trap_of(sh, t) : -1;
        if (trap >= 0)
                return run_trap(sh, t->v[trap].body, out);
        if (sh->try_depth > 0 || e->final)
                return SH_ERROR;
        int pref = sh_pref(sh, ID_EAP, AP_CONTINUE);
        if (pref == AP_SILENT || pref == AP_IGNORE) {
                struct sv record = sh_error_take(sh);
                if (pref == AP_SILENT)
                        sh_error_record(sh, record);
                sh_drop(record);
                return SH_OK;
        }
        if (pref == AP_STOP) {
                e->script_terminating = e->final = true;
                return SH_ERROR;
        }
        if (e->script_terminating)
                return SH_ERROR;
        return sh_error_report(sh);
}

/* ---- throw and catch ---- */
static int rethrow(struct sh *sh, struct sv record)
{
        sh_error_of(record)->script_terminating = true;
        sh_error_set(sh, record);
        return SH_ERROR;
}

int sh_throw_value(struct sh *sh, bool given, struct sv v)
{
        struct sv base = sh_unwrap(v), record;
        if (!given && sh->caught.kind == SH_OTHER)
                return rethrow(sh, sh->caught);
        if (base.kind == SH_OTHER && base.o->type == &sh_type_error_record)
                return rethrow(sh, base);
        if (!given || sh_is_null(v)) {
                record = sh_error_new(sh, MA "RuntimeException", "ScriptHalted", "OperationStopped", SH_NIL,
                                      "ScriptHalted", 12);
        } else if (sh_is_exception(base)) {
                struct sh_buf b = { 0 };
                sh_exception_message(base, &b);
                record = sh_error_with(sh, base, b.p, "OperationStopped", SH_NIL);
                sh_buf_free(&b);
        } else {
                struct sv t = sh_to_text(sh, v);
                record = sh_error_new(sh, MA "RuntimeException", t.s->s, "OperationStopped", v, t.s->s, t.s->len);
                sh_drop(t);
        }
        struct sh_error *e = sh_error_of(record);
        e->script_terminating = e->thrown = true;
        free(e->command);
        e->command = NULL;
        if (sh_is_exception(e->exception))
                sh_exception_of(e->exception)->thrown = true;
        sh_error_set(sh, record);
        sh_drop(record);
        return SH_ERROR;
}

static int type_depth(const struct sh_type *t)
{
        int n = 0;
        for (; t; t = t->base)
                n++;
        return n;
}

/* The rank tells which clause is the best: a type of the inner exception (2000 and more), of the exception itself
 * (1000 and more; the deeper type wins), everything (0). */
bool sh_catch_matches(struct sh *sh, struct node **types, uint32_t n, int *ret_rank)
{
        struct sh_error *e = sh_error_of(sh->error);
        *ret_rank = 0;
        if (n == 0)
                return true;
        int best = -1;
        for (uint32_t i = 0; i < n; i++) {
                struct sv pending = sh_error_take(sh); /* an unknown type matches nothing, quietly */
                const struct sh_type *t = sh_node_type(sh, types[i]);
                sh_drop(sh_error_take(sh));
                sh->error = pending;
                if (!t || e->exception.kind < SH_OBJECT_KINDS)
                        continue;
                struct sv inner = sh_is_exception(e->exception) ? sh_exception_of(e->exception)->inner : SH_NIL;
                int rank = -1;
                if (inner.kind == SH_OTHER && sh_type_is(inner.o->type, t))
                        rank = 2000 + type_depth(t);
                else if (sh_type_is(e->exception.o->type, t))
                        rank = 1000 + type_depth(t);
                best = rank > best ? rank : best;
        }
        *ret_rank = best;
        return best >= 0;
}

void sh_caught_inner(struct sh *sh, struct sv *record)
{
        struct sh_error *old = sh_error_of(*record);
        struct sv inner = sh_exception_of(old->exception)->inner;
        struct sv r = sh_error_with(sh, inner, old->id, old->category, old->target);
        struct sh_error *e = sh_error_of(r);
        free(e->command);
        e->command = old->command ? strdup(old->command) : NULL;
        e->trace = old->trace ? strdup(old->trace) : NULL;
        e->message = old->message ? strdup(old->message) : NULL;
        e->activity = old->activity ? strdup(old->activity) : NULL;
        if ((e->unit = old->unit))
                e->unit->refs++;
        e->at = old->at, e->end = old->end;
        e->positioned = old->positioned;
        e->bound = sh_keep(old->bound);
        sh_drop(*record);
        *record = r;
}

int sh_throw_stop(struct sh *sh, struct sv record)
{
        struct sh_error *e = sh_error_of(record);
        e->script_terminating = e->final = true;
        sh_error_set(sh, record);
        return SH_ERROR;
}

/* ---- hints ---- */
void sh_error_hint(struct sh *sh, const char *fmt, ...)
{
        va_list ap;
        if (sh->error.kind != SH_OTHER)
                return;
        struct sh_error *e = sh_error_of(sh->error);
        free(e->details);
        va_start(ap, fmt);
        if (vasprintf(&e->details, fmt, ap) < 0)
                e->details = NULL;
        va_end(ap);
}
