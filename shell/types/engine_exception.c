/* SPDX-License-Identifier: MIT
 *
 * .NET's exceptions that scripts name in catch, throw and New-Object: one table of names and bases. They all have the
 * same members; what differs is what a catch clause matches.
 */
#include "shell/error.h"
#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>

/* ---- members ---- */
static int get_message(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        (void)sh, (void)a;
        sh_exception_message(self, &b);
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        return SH_OK;
}

static int get_inner(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_keep(sh_exception_of(self)->inner);
        return SH_OK;
}

static int get_trace(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        const char *trace = sh_exception_of(self)->trace;
        *ret = trace ? sh_text(trace) : SH_NIL;
        return SH_OK;
}

static int get_nothing(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        *ret = SH_NIL;
        return SH_OK;
}

static int put_nothing(struct sh *sh, struct sv self, struct sv v)
{
        (void)sh, (void)self, (void)v;
        return SH_OK;
}

static int get_param(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_keep(sh_exception_of(self)->param);
        return SH_OK;
}

static int get_hresult(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        *ret = sh_int(-2146233088);
        return SH_OK;
}

static int get_data(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_exception *e = sh_exception_of(self);
        (void)sh, (void)a;
        if (sh_is_null(e->data))
                e->data = sh_hash_new(false);
        *ret = sh_keep(e->data);
        return SH_OK;
}

static int get_record(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_exception *e = sh_exception_of(self);
        (void)a;
        if (e->record)
                *ret = sh_keep((struct sv) { .kind = SH_OTHER, .o = &e->record->obj });
        else
                *ret = sh_error_with(sh, self, sh_short_name(e->obj.type->name), "NotSpecified", SH_NIL);
        return SH_OK;
}

static int get_thrown(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_bool(sh_exception_of(self)->thrown);
        return SH_OK;
}

static int get_base(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        while (sh_is_exception(sh_exception_of(self)->inner))
                self = sh_exception_of(self)->inner;
        *ret = sh_keep(self);
        return SH_OK;
}

static const struct sh_member exception_members[] = {
        { "Data", SH_PROPERTY, .signature = "System.Collections.IDictionary Data {get;}", .call = get_data },
        { "HResult", SH_PROPERTY, .signature = "int HResult {get;set;}", .call = get_hresult, .set = put_nothing },
        { "HelpLink", SH_PROPERTY, .signature = "string HelpLink {get;set;}", .call = get_nothing, .set = put_nothing },
        { "InnerException", SH_PROPERTY, .signature = "System.Exception InnerException {get;}", .call = get_inner },
        { "Message", SH_PROPERTY, .signature = "string Message {get;}", .call = get_message },
        { "Source", SH_PROPERTY, .signature = "string Source {get;set;}", .call = get_nothing, .set = put_nothing },
        { "StackTrace", SH_PROPERTY, .signature = "string StackTrace {get;}", .call = get_trace },
        { "TargetSite", SH_PROPERTY, .signature = "System.Reflection.MethodBase TargetSite {get;}",
          .call = get_nothing },
        { "GetBaseException", SH_METHOD, .signature = "System.Exception GetBaseException()", .call = get_base },
};
static const struct sh_member runtime_members[] = {
        { "ErrorRecord", SH_PROPERTY, .signature = "System.Management.Automation.ErrorRecord ErrorRecord {get;}",
          .call = get_record },
        { "WasThrownFromThrowStatement", SH_PROPERTY,
          .signature = "bool WasThrownFromThrowStatement {get;set;}", .call = get_thrown, .set = put_nothing },
};
static const struct sh_member argument_members[] = {
        { "ParamName", SH_PROPERTY, .signature = "string ParamName {get;}", .call = get_param },
};
static const struct sh_member actual_members[] = {
        { "ActualValue", SH_PROPERTY, .signature = "System.Object ActualValue {get;}", .call = get_nothing },
};
static const struct sh_member command_members[] = {
        { "CommandName", SH_PROPERTY, .signature = "string CommandName {get;set;}", .call = get_param },
};
static const struct sh_member item_members[] = {
        { "ItemName", SH_PROPERTY, .signature = "string ItemName {get;}", .call = get_param },
};
static const struct sh_member binding_members[] = {
        { "ParameterName", SH_PROPERTY, .signature = "string ParameterName {get;}", .call = get_param },
};
static const struct sh_member file_members[] = {
        { "FileName", SH_PROPERTY, .signature = "string FileName {get;}", .call = get_param },
};

/* ---- the object ---- */
static void exception_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct sh_exception *e = sh_exception_of(self);
        sh_buf_puts(b, e->obj.type->name);
        sh_buf_puts(b, ": ");
        sh_exception_message(self, b);
        if (sh_is_exception(e->inner)) {
                sh_buf_puts(b, "\n ---> ");
                exception_text(sh, e->inner, b);
                sh_buf_puts(b, "\n   --- End of inner exception stack trace ---");
        }
        if (e->trace)
                sh_buf_putf(b, "\n%s", e->trace);
}

static void exception_free(struct sh_obj *o)
{
        sh_exception_end((struct sh_exception *)o);
}

static int exception_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sh_exception *e = calloc(1, sizeof *e);
        if (!e)
                abort();
        sh_exception_init(e, t);
        *ret = (struct sv) { .kind = SH_OTHER, .o = &e->obj };
        int st = sh_exception_fill(sh, e, a);
        if (st != SH_OK)
                sh_drop(*ret);
        return st;
}

static int exception_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sv v = sh_unwrap(from);
        if (v.kind != SH_STRING)
                return SH_NONE;
        return exception_construct(sh, t, (struct sh_args) { 1, &v }, ret);
}

#define TABLE(m) .members = m, .nmembers = sizeof m / sizeof *m
#define TYPE(id, full, parent, ...) \
        static const struct sh_type t_##id = { .name = full, .base = parent, .text = exception_text, \
                                               .free = exception_free, .construct = exception_construct, \
                                               .convert = exception_convert, __VA_ARGS__ };
const struct sh_type sh_type_exception = { .name = "System.Exception",
                                           .base = &sh_type_object,
                                           TABLE(exception_members),
                                           .text = exception_text,
                                           .free = exception_free,
                                           .construct = exception_construct,
                                           .convert = exception_convert };
#define MA "System.Management.Automation."

/* Every exception but the first: id, full name, base, what it has beside the base's. */
#define ALL(X) \
        X(system, "System.SystemException", &sh_type_exception, ) \
        X(application, "System.ApplicationException", &sh_type_exception, ) \
        X(aggregate, "System.AggregateException", &sh_type_exception, ) \
        X(http, "System.Net.Http.HttpRequestException", &sh_type_exception, ) \
        X(http_response, "Microsoft.PowerShell.Commands.HttpResponseException", &t_http, ) \
        X(json, "System.Text.Json.JsonException", &sh_type_exception, ) \
        X(cim, "Microsoft.Management.Infrastructure.CimException", &sh_type_exception, ) \
        X(argument, "System.ArgumentException", &t_system, TABLE(argument_members)) \
        X(argument_null, "System.ArgumentNullException", &t_argument, ) \
        X(argument_range, "System.ArgumentOutOfRangeException", &t_argument, TABLE(actual_members)) \
        X(zone, "System.TimeZoneNotFoundException", &sh_type_exception, ) \
        X(culture, "System.Globalization.CultureNotFoundException", &t_argument, ) \
        X(enum_argument, "System.ComponentModel.InvalidEnumArgumentException", &t_argument, ) \
        X(regex_parse, "System.Text.RegularExpressions.RegexParseException", &t_argument, ) \
        X(ps_argument, MA "PSArgumentException", &t_argument, ) \
        X(ps_argument_null, MA "PSArgumentNullException", &t_argument_null, ) \
        X(ps_argument_range, MA "PSArgumentOutOfRangeException", &t_argument_range, ) \
        X(arithmetic, "System.ArithmeticException", &t_system, ) \
        X(divide, "System.DivideByZeroException", &t_arithmetic, ) \
        X(overflow, "System.OverflowException", &t_arithmetic, ) \
        X(not_finite, "System.NotFiniteNumberException", &t_arithmetic, ) \
        X(array_type, "System.ArrayTypeMismatchException", &t_system, ) \
        X(format, "System.FormatException", &t_system, ) \
        X(uri_format, "System.UriFormatException", &t_format, ) \
        X(index, "System.IndexOutOfRangeException", &t_system, ) \
        X(cast, "System.InvalidCastException", &t_system, ) \
        X(ps_cast, MA "PSInvalidCastException", &t_cast, TABLE(runtime_members)) \
        X(operation, "System.InvalidOperationException", &t_system, ) \
        X(disposed, "System.ObjectDisposedException", &t_operation, ) \
        X(ps_disposed, MA "PSObjectDisposedException", &t_disposed, ) \
        X(web, "System.Net.WebException", &t_operation, ) \
        X(ps_operation, MA "PSInvalidOperationException", &t_operation, TABLE(runtime_members)) \
        X(member_access, "System.MemberAccessException", &t_system, ) \
        X(missing_member, "System.MissingMemberException", &t_member_access, ) \
        X(missing_field, "System.MissingFieldException", &t_missing_member, ) \
        X(missing_method, "System.MissingMethodException", &t_missing_member, ) \
        X(method_access, "System.MethodAccessException", &t_member_access, ) \
        X(not_implemented, "System.NotImplementedException", &t_system, ) \
        X(ps_not_implemented, MA "PSNotImplementedException", &t_not_implemented, TABLE(runtime_members)) \
        X(not_supported, "System.NotSupportedException", &t_system, ) \
        X(platform, "System.PlatformNotSupportedException", &t_not_supported, ) \
        X(ps_not_supported, MA "PSNotSupportedException", &t_not_supported, TABLE(runtime_members)) \
        X(null_reference, "System.NullReferenceException", &t_system, ) \
        X(memory, "System.OutOfMemoryException", &t_system, ) \
        X(rank, "System.RankException", &t_system, ) \
        X(stack, "System.StackOverflowException", &t_system, ) \
        X(stack_short, "System.InsufficientExecutionStackException", &t_system, ) \
        X(timeout, "System.TimeoutException", &t_system, ) \
        X(regex_timeout, "System.Text.RegularExpressions.RegexMatchTimeoutException", &t_timeout, ) \
        X(type_load, "System.TypeLoadException", &t_system, ) \
        X(type_init, "System.TypeInitializationException", &t_system, ) \
        X(access, "System.UnauthorizedAccessException", &t_system, ) \
        X(cancelled, "System.OperationCanceledException", &t_system, ) \
        X(task_cancelled, "System.Threading.Tasks.TaskCanceledException", &t_cancelled, ) \
        X(key, "System.Collections.Generic.KeyNotFoundException", &t_system, ) \
        X(io, "System.IO.IOException", &t_system, ) \
        X(file_not_found, "System.IO.FileNotFoundException", &t_io, TABLE(file_members)) \
        X(directory, "System.IO.DirectoryNotFoundException", &t_io, ) \
        X(drive_io, "System.IO.DriveNotFoundException", &t_io, ) \
        X(path_long, "System.IO.PathTooLongException", &t_io, ) \
        X(end_of_stream, "System.IO.EndOfStreamException", &t_io, ) \
        X(file_load, "System.IO.FileLoadException", &t_io, TABLE(file_members)) \
        X(invalid_data, "System.IO.InvalidDataException", &t_system, ) \
        X(security, "System.Security.SecurityException", &t_system, ) \
        X(authentication, "System.Security.Authentication.AuthenticationException", &t_system, ) \
        X(crypto, "System.Security.Cryptography.CryptographicException", &t_system, ) \
        X(external, "System.Runtime.InteropServices.ExternalException", &t_system, ) \
        X(com, "System.Runtime.InteropServices.COMException", &t_external, ) \
        X(win32, "System.ComponentModel.Win32Exception", &t_external, ) \
        X(socket, "System.Net.Sockets.SocketException", &t_win32, ) \
        X(serialization, "System.Runtime.Serialization.SerializationException", &t_system, ) \
        X(target_invocation, "System.Reflection.TargetInvocationException", &t_application, ) \
        X(xml, "System.Xml.XmlException", &t_system, ) \
        X(write_error, "Microsoft.PowerShell.Commands.WriteErrorException", &t_system, ) \
        X(service, "Microsoft.PowerShell.Commands.ServiceCommandException", &t_system, ) \
        X(process, "Microsoft.PowerShell.Commands.ProcessCommandException", &t_system, ) \
        X(depth, MA "ScriptCallDepthException", &t_system, TABLE(runtime_members)) \
        X(halt, MA "HaltCommandException", &t_system, ) \
        X(job_failed, "System.Management.Automation.JobFailedException", &t_system, ) \
        X(runtime, MA "RuntimeException", &t_system, TABLE(runtime_members)) \
        X(parse, MA "ParseException", &t_runtime, ) \
        X(incomplete, MA "IncompleteParseException", &t_parse, ) \
        X(binding, MA "ParameterBindingException", &t_runtime, TABLE(binding_members)) \
        X(binding_validation, MA "ParameterBindingValidationException", &t_binding, ) \
        X(binding_transform, MA "ParameterBindingArgumentTransformationException", &t_binding, ) \
        X(command, MA "CommandNotFoundException", &t_runtime, TABLE(command_members)) \
        X(application_failed, MA "ApplicationFailedException", &t_runtime, ) \
        X(requires, MA "ScriptRequiresException", &t_runtime, ) \
        X(cmdlet, MA "CmdletInvocationException", &t_runtime, ) \
        X(provider, MA "ProviderInvocationException", &t_runtime, ) \
        X(stop, MA "ActionPreferenceStopException", &t_runtime, ) \
        X(stopped, MA "PipelineStoppedException", &t_runtime, ) \
        X(closed, MA "PipelineClosedException", &t_runtime, ) \
        X(native_exit, MA "NativeCommandExitException", &t_runtime, ) \
        X(remote, MA "RemoteException", &t_runtime, ) \
        X(ps_security, MA "PSSecurityException", &t_runtime, ) \
        X(wildcard, MA "WildcardPatternException", &t_runtime, ) \
        X(session_state, MA "SessionStateException", &t_runtime, TABLE(item_members)) \
        X(unauthorized, MA "SessionStateUnauthorizedAccessException", &t_session_state, ) \
        X(provider_missing, MA "ProviderNotFoundException", &t_session_state, ) \
        X(drive, MA "DriveNotFoundException", &t_session_state, ) \
        X(item, MA "ItemNotFoundException", &t_session_state, ) \
        X(metadata, MA "MetadataException", &t_runtime, ) \
        X(validation, MA "ValidationMetadataException", &t_metadata, ) \
        X(transformation, MA "ArgumentTransformationMetadataException", &t_metadata, ) \
        X(ets, MA "ExtendedTypeSystemException", &t_runtime, ) \
        X(method, MA "MethodException", &t_ets, ) \
        X(method_invocation, MA "MethodInvocationException", &t_method, ) \
        X(get_value, MA "GetValueException", &t_ets, ) \
        X(get_value_invocation, MA "GetValueInvocationException", &t_get_value, ) \
        X(property, MA "PropertyNotFoundException", &t_ets, ) \
        X(set_value, MA "SetValueException", &t_ets, ) \
        X(set_value_invocation, MA "SetValueInvocationException", &t_set_value, )

ALL(TYPE)
#define ENTRY(id, ...) &t_##id,
SH_TYPES(engine_exception, ALL(ENTRY) &sh_type_exception);

/* ---- for the rest of the language ---- */
const char *sh_short_name(const char *name)
{
        const char *dot = strrchr(name, '.');
        return dot ? dot + 1 : name;
}

const struct sh_type *sh_exception_type(const char *name, size_t n)
{
        for (const struct sh_type *const *t = sh_types_engine_exception; *t; t++) {
                const char *s = sh_short_name((*t)->name);
                if ((strlen((*t)->name) == n && !strncasecmp((*t)->name, name, n)) ||
                    (strlen(s) == n && !strncasecmp(s, name, n)))
                        return *t;
        }
        return NULL;
}

bool sh_is_exception(struct sv v)
{
        return v.kind == SH_OTHER && sh_type_is(v.o->type, &sh_type_exception);
}

void sh_exception_init(struct sh_exception *e, const struct sh_type *t)
{
        e->obj.refs = 1;
        e->obj.type = t;
        e->message = e->inner = e->data = e->param = SH_NIL;
}

/* (), (message), (message, inner); ArgumentNull and ArgumentOutOfRange take the parameter's name first. */
int sh_exception_fill(struct sh *sh, struct sh_exception *e, struct sh_args a)
{
        bool param_first = sh_type_is(e->obj.type, &t_argument_null) || sh_type_is(e->obj.type, &t_argument_range);
        for (uint32_t i = 0; i < a.n; i++) {
                struct sv v = sh_unwrap(a.v[i]), *to;
                if (sh_is_exception(v)) {
                        sh_drop(e->inner);
                        e->inner = sh_keep(v);
                        continue;
                }
                if (sh_is_null(v) && i > 0)
                        continue;
                bool is_param = param_first ? i == 0 && !(a.n == 2 && sh_is_exception(sh_unwrap(a.v[1]))) : i == 1;
                to = is_param ? &e->param : &e->message;
                sh_drop(*to);
                *to = sh_to_text(sh, v);
        }
        return SH_OK;
}

void sh_exception_end(struct sh_exception *e)
{
        sh_drop(e->message);
        sh_drop(e->inner);
        sh_drop(e->data);
        sh_drop(e->param);
        free(e->trace);
}

void sh_exception_message(struct sv v, struct sh_buf *b)
{
        struct sh_exception *e = sh_exception_of(v);
        if (e->message.kind == SH_STRING)
                sh_buf_put(b, e->message.s->s, e->message.s->len);
        else if (sh_type_is(e->obj.type, &t_argument_null))
                sh_buf_puts(b, "Value cannot be null.");
        else if (sh_type_is(e->obj.type, &t_argument_range))
                sh_buf_puts(b, "Specified argument was out of the range of valid values.");
        else
                sh_buf_putf(b, "Exception of type '%s' was thrown.", e->obj.type->name);
        if (e->param.kind == SH_STRING && e->param.s->len && sh_type_is(e->obj.type, &t_argument))
                sh_buf_putf(b, " (Parameter '%s')", e->param.s->s);
}

struct sv sh_exception_new(struct sh *sh, const char *type_name, const char *message, size_t n, struct sv inner)
{
        const struct sh_type *t = type_name ? sh_exception_type(type_name, strlen(type_name)) : NULL;
        struct sh_exception *e = calloc(1, sizeof *e);
        (void)sh;
        if (!e)
                abort();
        sh_exception_init(e, t ? t : &t_runtime);
        e->message = sh_string(message, n);
        e->inner = sh_keep(inner);
        return (struct sv) { .kind = SH_OTHER, .o = &e->obj };
}
