/* SPDX-License-Identifier: MIT
 *
 * Streams other than output: errors, warnings, verbose, debug, information. A preference variable or the running
 * command's own parameter says what happens to them; what is not captured goes to the host. Redirections put files or
 * other streams in their place for one command.
 */
#include "shell/error.h"
#include "shell/eval.h"
#include "shell/pack.h"
#include "shell/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

static const struct {
        const char *prefix, *colour, *type, *pref_name;
        uint32_t pref;
        int action, variable, otherwise;
} streams[] = {
        [SH_WARNING] = { "WARNING: ", "\x1b[33;1m", "WarningRecord", "WarningPreference", ID_WAP, CP_WA,
                         CP_WV, AP_CONTINUE },
        [SH_VERBOSE] = { "VERBOSE: ", "\x1b[33;1m", "VerboseRecord", "VerbosePreference", ID_VERBOSEPREF,
                         CP_VERBOSE, -1, AP_SILENT },
        [SH_DEBUG] = { "DEBUG: ", "\x1b[33;1m", "DebugRecord", "DebugPreference", ID_DEBUGPREF, CP_DEBUG, -1,
                       AP_SILENT },
        [SH_INFO] = { "", "", "InformationRecord", "InformationPreference", ID_INFOPREF, CP_INFA, CP_IV,
                      AP_SILENT },
        [SH_PROGRESS] = { "", "", "ProgressRecord", "ProgressPreference", ID_PROGRESSPREF, CP_PROGA, -1,
                          AP_SILENT },
};

/* ---- what a preference says ---- */
static int action_of(struct sh *sh, int param, uint32_t pref, int otherwise)
{
        struct sh_cmd *c = sh->cmd;
        if (c && c->action[param] != AP_UNSET)
                return c->action[param];
        return sh_pref(sh, pref, otherwise);
}

/* -ErrorVariable, -WarningVariable ...: "+name" appends to what was there before the command. */
static void add_to_named(struct sh *sh, struct sh_cmd *c, int param, struct sv v)
{
        const char *name = c->names[param].s->s;
        struct scope *scope = sh->scope;
        struct sv list = SH_NIL, plain = sh_unwrap(v);
        name += *name == '+';
        sh->scope = c->caller; /* the variable is of who called it */
        if (!sh_var_get(sh, name, &list) || list.kind != SH_ARRAY || list.o->type != &sh_type_arraylist) {
                struct sv old = list;
                list = sh_list_new(NULL);
                list.o->type = &sh_type_arraylist;
                size_t pos = 0;
                struct sv item;
                if (!sh_is_null(old) && sh_is_enumerable(old))
                        while (sh_next(old, &pos, &item))
                                sh_array_take(list.a, item);
                else if (!sh_is_null(old))
                        sh_array_add(list.a, old);
                sh_drop(old);
                sh_var_set(sh, name, list);
        }
        sh_array_add(list.a, plain);
        sh_drop(list);
        sh->scope = scope;
}

/* What ended a command is among its errors, too; not twice when it was written first. */
void sh_error_ended(struct sh *sh, struct sh_cmd *c)
{
        struct sv list = SH_NIL, last = SH_NIL;
        if (c->names[CP_EV].kind != SH_STRING || !c->begun || sh->error.kind != SH_OTHER)
                return;
        const char *name = c->names[CP_EV].s->s;
        struct scope *scope = sh->scope;
        sh->scope = c->caller;
        if (sh_var_get(sh, name + (*name == '+'), &list) && list.kind == SH_ARRAY && list.a->n)
                last = sh_unwrap(list.a->v[list.a->n - 1]);
        bool there = last.kind == SH_OTHER && (last.o == sh->error.o || (last.o->type == sh->error.o->type &&
                     sh_error_of(last)->exception.o == sh_error_of(sh->error)->exception.o));
        sh_drop(list);
        sh->scope = scope;
        if (!there)
                add_to_named(sh, c, CP_EV, sh->error);
}

/* The command's own, and those of the functions that it runs in. */
static void add_to_variable(struct sh *sh, int param, struct sv v)
{
        struct sh_cmd *own = sh->cmd;
        if (param < 0)
                return;
        if (own && own->names[param].kind == SH_STRING)
                add_to_named(sh, own, param, v);
        for (struct frame *f = sh->frame; f; f = f->prev)
                if (f->cmd && f->cmd != own && f->cmd->names[param].kind == SH_STRING)
                        add_to_named(sh, f->cmd, param, v);
}

/* ---- errors ---- */
void sh_error_say(struct sh *sh, struct sv record)
{
        struct sh_sink *s = sh->sinks[SH_ERR];
        if (s)
                s->write(s, sh, record);
        else
                sh_show_error(sh, record);
}

int sh_ask_yes(struct sh *sh, const char *question, struct sv *ret)
{
        char line[64];
        if (!sh->interactive)
                return sh_throw(sh, "InvalidOperation", "InvalidOperation", SH_NIL,
                                "Nobody can be asked in a session that is not interactive: %s", question);
        sh_host_write(sh, question, strlen(question));
        sh_host_write(sh, " [Y] Yes  [N] No (default is \"Y\"): ", 36);
        sh_host_flush(sh);
        if (!fgets(line, sizeof line, stdin))
                line[0] = 'n';
        *ret = sh_bool((line[0] | 32) == 'y' || line[0] == '\n');
        return SH_OK;
}

int sh_stream_error(struct sh *sh, struct sv record)
{
        int action = action_of(sh, CP_EA, ID_EAP, AP_CONTINUE);
        struct sh_error *e = sh_error_of(record);
        if (!e->positioned)
                sh_error_place(sh, e, sh->cmd ? sh->cmd->node : sh->frame->at);
        if (sh->cmd)
                sh->cmd->errored = true;
        if (action == AP_IGNORE)
                return SH_OK;
        if (action == AP_STOP) {
                add_to_variable(sh, CP_EV, record);
                return sh_throw_stop(sh, record);
        }
        if (action == AP_INQUIRE && sh->interactive) {
                struct sv yes = SH_NIL;
                sh_show_error(sh, record);
                if (sh_ask_yes(sh, "Continue?", &yes) != SH_OK || !yes.i)
                        return sh_throw_stop(sh, record);
                action = AP_SILENT;
        }
        sh_error_record(sh, record);
        add_to_variable(sh, CP_EV, record);
        if (action != AP_SILENT)
                sh_error_say(sh, record);
        return SH_OK;
}

/* ---- text ---- */
/* WarningRecord and its like: the message is what they print as. */
struct text_record {
        struct sh_obj obj;
        struct sv message, source, tags;
        bool host; /* Write-Host */
        bool no_newline;
};

static const struct sh_type *const record_types[] = { &sh_type_warning_record, &sh_type_verbose_record,
                                                      &sh_type_debug_record, &sh_type_information_record };

bool sh_is_stream_record(struct sv v, enum sh_stream *ret)
{
        for (int i = 0; v.kind == SH_OTHER && i < 4; i++)
                if (v.o->type == record_types[i]) {
                        *ret = (enum sh_stream)(SH_WARNING + i);
                        return true;
                }
        return false;
}

static struct sv record_new(enum sh_stream stream, struct sv message, struct sv tags, bool host)
{
        struct text_record *r = calloc(1, sizeof *r);
        if (!r)
                abort();
        r->obj = (struct sh_obj) { .refs = 1, .type = record_types[stream - SH_WARNING] };
        r->message = sh_keep(message);
        r->tags = sh_keep(tags);
        r->source = SH_NIL;
        r->host = host;
        return (struct sv) { .kind = SH_OTHER, .o = &r->obj };
}

bool sh_text_record_parts(struct sv v, struct sv *message, struct sv *tags, struct sv *source, bool *host,
                          bool *no_newline)
{
        enum sh_stream stream;
        if (!sh_is_stream_record(v, &stream))
                return false;
        struct text_record *r = (struct text_record *)v.o;
        *message = r->message, *tags = r->tags, *source = r->source;
        *host = r->host, *no_newline = r->no_newline;
        return true;
}

struct sv sh_text_record_new(enum sh_stream stream, struct sv message, struct sv tags, struct sv source, bool host,
                             bool no_newline)
{
        struct sv v = record_new(stream, message, tags, host);
        ((struct text_record *)v.o)->source = sh_keep(source);
        ((struct text_record *)v.o)->no_newline = no_newline;
        return v;
}

static void host_text(struct sh *sh, const char *prefix, const char *colour, const char *s, size_t n,
                      bool newline)
{
        bool colourful = *colour && sh_colourful(1);
        if (colourful)
                sh_host_write(sh, colour, strlen(colour));
        sh_host_write(sh, prefix, strlen(prefix));
        sh_host_write(sh, s, n);
        if (colourful)
                sh_host_write(sh, "\x1b[0m", 4);
        if (newline)
                sh_host_write(sh, "\n", 1);
}

static int stopped(struct sh *sh, enum sh_stream stream, const char *text, size_t n)
{
        sh_throw_as(sh, "System.Management.Automation.ActionPreferenceStopException", "ActionPreferenceStop",
                    "OperationStopped", SH_NIL,
                    "The running command stopped because the preference variable \"%s\" or common parameter "
                    "is set to "
                    "Stop: %.*s",
                    streams[stream].pref_name, (int)n, text);
        sh_error_of(sh->error)->script_terminating = sh_error_of(sh->error)->final = true;
        return SH_ERROR;
}

static int put_record(struct sh *sh, enum sh_stream stream, struct sv record, const char *text, size_t n)
{
        struct sh_sink *s = sh->sinks[stream];
        if (s)
                return s->write(s, sh, record);
        host_text(sh, streams[stream].prefix, streams[stream].colour, text, n,
                  !((struct text_record *)record.o)->no_newline);
        return SH_OK;
}

/* A record from a job, as if it had just been written: preferences apply. */
int sh_stream_replay(struct sh *sh, enum sh_stream stream, struct sv record)
{
        struct text_record *r = (struct text_record *)record.o;
        int action = r->host ? AP_CONTINUE
                             : action_of(sh, streams[stream].action, streams[stream].pref, streams[stream].otherwise);
        struct sv text = sh_to_text(sh, r->message);
        int st = SH_OK;
        if (action != AP_IGNORE)
                add_to_variable(sh, streams[stream].variable, record);
        if (action == AP_STOP)
                st = stopped(sh, stream, text.s->s, text.s->len);
        else if (action == AP_CONTINUE || action == AP_INQUIRE || (stream == SH_INFO && sh->sinks[stream]))
                st = put_record(sh, stream, record, text.s->s, text.s->len);
        sh_drop(text);
        return st;
}

static int say(struct sh *sh, enum sh_stream stream, int action, struct sv message, struct sv tags)
{
        struct sv text = sh_to_text(sh, message), record = record_new(stream, message, tags, false);
        int st = SH_OK;
        if (action != AP_IGNORE)
                add_to_variable(sh, streams[stream].variable, record);
        if (action == AP_STOP) {
                put_record(sh, stream, record, text.s->s, text.s->len);
                st = stopped(sh, stream, text.s->s, text.s->len);
        } else if (action == AP_CONTINUE || action == AP_INQUIRE) {
                st = put_record(sh, stream, record, text.s->s, text.s->len);
        } else if (action == AP_SILENT && stream == SH_INFO && sh->sinks[stream]) {
                st = put_record(sh, stream, record, text.s->s,
                                text.s->len); /* captured even when not shown */
        }
        sh_drop(text);
        sh_drop(record);
        return st;
}

int sh_stream_text(struct sh *sh, enum sh_stream stream, const char *text, size_t n)
{
        int action = action_of(sh, streams[stream].action, streams[stream].pref, streams[stream].otherwise);
        if (stream == SH_PROGRESS ||
            (action == AP_SILENT && stream != SH_INFO && streams[stream].variable < 0) || action == AP_IGNORE)
                return SH_OK;
        struct sv message = sh_string(text, n);
        int st = say(sh, stream, action, message, SH_NIL);
        sh_drop(message);
        return st;
}

int sh_stream_info(struct sh *sh, struct sv message, struct sv tags)
{
        return say(sh, SH_INFO, action_of(sh, CP_INFA, ID_INFOPREF, AP_SILENT), message, tags);
}

/* Write-Host: shown whatever the preference says, yet a record of stream 6. */
int sh_stream_host(struct sh *sh, struct sv message, bool newline, const char *colour)
{
        struct sv text = sh_to_text(sh, message), record = record_new(SH_INFO, message, SH_NIL, true);
        int st = SH_OK,
            action = sh->cmd && sh->cmd->action[CP_INFA] != AP_UNSET ? sh->cmd->action[CP_INFA] : AP_CONTINUE;
        ((struct text_record *)record.o)->no_newline = !newline;
        if (action != AP_IGNORE)
                add_to_variable(sh, CP_IV, record);
        if (action == AP_STOP)
                st = stopped(sh, SH_INFO, text.s->s, text.s->len);
        else if (sh->sinks[SH_INFO] && action != AP_IGNORE)
                st = sh->sinks[SH_INFO]->write(sh->sinks[SH_INFO], sh, record);
        else if (action != AP_SILENT && action != AP_IGNORE)
                host_text(sh, "", colour, text.s->s, text.s->len, newline);
        sh_drop(text);
        sh_drop(record);
        return st;
}

static int record_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct text_record *r = (struct text_record *)self.o;
        (void)a;
        switch (sh_current_member(sh)->arg) {
        case 0: *ret = sh_keep(r->message); break;
        case 1: *ret = sh_is_null(r->tags) ? sh_array_new(0) : sh_keep(r->tags); break;
        case 2: *ret = sh_keep(r->source); break;
        default: *ret = SH_NIL;
        }
        return SH_OK;
}

static void record_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        sh_buf_value(sh, b, ((struct text_record *)self.o)->message);
}

static void record_free(struct sh_obj *o)
{
        struct text_record *r = (struct text_record *)o;
        sh_drop(r->message);
        sh_drop(r->source);
        sh_drop(r->tags);
}

static const struct sh_member text_members[] = {
        { "Message", SH_PROPERTY, .signature = "string Message {get;set;}", .call = record_get },
        { "InvocationInfo", SH_PROPERTY,
          .signature = "System.Management.Automation.InvocationInfo InvocationInfo {get;}",
          .call = record_get, .arg = 3 },
};
static const struct sh_member info_members[] = {
        { "MessageData", SH_PROPERTY, .signature = "System.Object MessageData {get;}", .call = record_get },
        { "Tags", SH_PROPERTY, .signature = "System.Collections.Generic.List[string] Tags {get;}",
          .call = record_get, .arg = 1 },
        { "Source", SH_PROPERTY, .signature = "string Source {get;set;}", .call = record_get, .arg = 2 },
};
#define RECORD(n, m) \
        { \
                .name = "System.Management.Automation." n, .base = &sh_type_object, .members = m, \
                .nmembers = sizeof m / sizeof *m, .text = record_text, .free = record_free \
        }
const struct sh_type sh_type_warning_record = RECORD("WarningRecord", text_members),
                     sh_type_verbose_record = RECORD("VerboseRecord", text_members),
                     sh_type_debug_record = RECORD("DebugRecord", text_members),
                     sh_type_information_record = RECORD("InformationRecord", info_members);

/* A record that reaches the host on the output stream (3>&1) looks as it would have on its own. */
bool sh_host_record(struct sh *sh, struct sv v)
{
        enum sh_stream s;
        if (!sh_is_stream_record(v, &s))
                return false;
        struct text_record *r = (struct text_record *)v.o;
        struct sv text = sh_to_text(sh, r->message);
        host_text(sh, streams[s].prefix, streams[s].colour, text.s->s, text.s->len, !r->no_newline);
        sh_drop(text);
        return true;
}

/* ---- redirections ---- */
struct file_sink {
        struct sh_sink sink;
        int fd;
        struct sh_formatter *format;
        struct sh_buf pending;
};
struct sh_stage_redirs {
        struct sh_sink *sinks[8], **outer;
        struct file_sink files[8];
        uint32_t nfiles;
};

static int nowhere_write(struct sh_sink *s, struct sh *sh, struct sv v)
{
        (void)s, (void)sh, (void)v;
        return SH_OK;
}
static struct sh_sink nowhere = { .write = nowhere_write };

bool sh_sink_discards(const struct sh_sink *s)
{
        return s->write == nowhere_write;
}

static void file_flush(struct file_sink *f)
{
        for (size_t at = 0; at < f->pending.n;) {
                ssize_t w = write(f->fd, f->pending.p + at, f->pending.n - at);
                if (w < 0 && errno == EINTR)
                        continue;
                if (w < 0)
                        break;
                at += (size_t)w;
        }
        f->pending.n = 0;
}

static void file_line(void *state, const char *s, size_t n)
{
        struct file_sink *f = state;
        sh_buf_put(&f->pending, s, n);
        sh_buf_put(&f->pending, "\n", 1);
        if (f->pending.n > 32 * 1024)
                file_flush(f);
}

static void end_format(struct file_sink *f)
{
        struct sh_formatter *x = f->format;
        f->format = NULL;
        if (x)
                sh_format_end(x);
}

static int file_write(struct sh_sink *s, struct sh *sh, struct sv v)
{
        struct file_sink *f = (struct file_sink *)s;
        if (v.kind == SH_OTHER && v.o->type == &sh_type_error_record) {
                struct sh_buf b = { 0 };
                end_format(f);
                sh_error_text(sh, v, &b, false);
                file_line(f, b.p, b.n);
                sh_buf_free(&b);
                return SH_OK;
        }
        if (v.kind == SH_STRING && !f->format) {
                file_line(f, v.s->s, v.s->len);
                return SH_OK;
        }
        if (!f->format)
                f->format = sh_format_new(sh, file_line, f, 120, false);
        return sh_format_write(f->format, v);
}

/* The file behind a sink, for programs that write to it themselves; -1 when it is none. */
int sh_sink_fd(struct sh_sink *s)
{
        if (s->write != file_write)
                return -1;
        struct file_sink *f = (struct file_sink *)s;
        end_format(f);
        file_flush(f);
        return f->fd;
}

static int open_failed(struct sh *sh, const char *path, struct node *at)
{
        int e = errno;
        const char *type = e == ENOENT || e == ENOTDIR ? "System.IO.DirectoryNotFoundException"
                           : e == EACCES || e == EPERM || e == EISDIR || e == EROFS
                                   ? "System.UnauthorizedAccessException"
                                   : "System.IO.IOException";
        int st = e == ENOENT || e == ENOTDIR ? sh_throw_about(sh, type, "FileOpenFailure", "OpenError", path,
                                                              "Could not find a part of the path '%s'.", path)
                 : e == EACCES || e == EPERM || e == EISDIR
                         ? sh_throw_about(sh, type, "FileOpenFailure", "OpenError", path,
                                          "Access to the path '%s' is denied.", path)
                         : sh_throw_about(sh, type, "FileOpenFailure", "OpenError", path, "%s: %s", path,
                                          strerror(e));
        struct sh_error *x = sh_error_of(sh->error);
        free(x->command);
        x->command = strdup("Out-File");
        sh_error_place(sh, x, at);
        return st;
}

static int open_file(struct sh *sh, struct redir *d, struct sh_stage_redirs *r, struct sh_sink **ret)
{
        struct sv v = EV(d->target), text;
        if (sh_failed(v))
                return sh->st;
        if (sh_is_null(v)) {
                *ret = &nowhere;
                return SH_OK;
        }
        text = sh_to_text(sh, v);
        sh_drop(v);
        const char *home = getenv("HOME"), *s = text.s->s;
        char path[4096];
        snprintf(path, sizeof path, "%s%s", s[0] == '~' && (s[1] == '/' || !s[1]) && home ? home : "",
                 s[0] == '~' && (s[1] == '/' || !s[1]) && home ? s + 1 : s);
        if (!strncasecmp(path, "/dev/null", 10)) {
                sh_drop(text);
                *ret = &nowhere;
                return SH_OK;
        }
        bool none = !text.s->len; /* $null, written as a word */
        sh_drop(text);
        if (none) {
                *ret = &nowhere;
                return SH_OK;
        }
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (d->append ? O_APPEND : O_TRUNC), 0666);
        if (fd < 0)
                return open_failed(sh, path, d->target);
        struct file_sink *f = &r->files[r->nfiles++];
        f->sink.write = file_write;
        f->fd = fd;
        *ret = &f->sink;
        return SH_OK;
}

static void redirs_free(struct sh_stage_redirs *r)
{
        for (uint32_t i = 0; i < r->nfiles; i++) {
                end_format(&r->files[i]);
                file_flush(&r->files[i]);
                sh_buf_free(&r->files[i].pending);
                close(r->files[i].fd);
        }
        free(r);
}

/* Files first, then what is merged into streams: "2>&1 >file" and ">file 2>&1" mean the same. The command's streams
 * are cmd->sinks until sh_redirs_close(); *out is where its output goes. */
int sh_redirs_open(struct sh *sh, struct redir *v, uint32_t n, struct sh_cmd *cmd, struct sh_sink **out)
{
        if (n == 0)
                return SH_OK;
        struct sh_stage_redirs *r = calloc(1, sizeof *r);
        if (!r)
                abort();
        memcpy(r->sinks, cmd->sinks ? cmd->sinks : sh->sinks, sizeof r->sinks);
        for (uint32_t i = 0; i < n; i++) {
                struct sh_sink *s;
                if (v[i].merge || r->nfiles == 8)
                        continue;
                int st = open_file(sh, &v[i], r, &s);
                if (st != SH_OK) {
                        redirs_free(r);
                        return st;
                }
                if (v[i].from == SH_OUT || v[i].from == 0)
                        *out = s;
                for (int k = SH_ERR; k <= SH_INFO; k++)
                        if (v[i].from == k || v[i].from == 0)
                                r->sinks[k] = s;
        }
        for (uint32_t i = 0; i < n; i++) {
                if (!v[i].merge)
                        continue;
                struct sh_sink *to = v[i].merge == SH_OUT ? *out : r->sinks[v[i].merge];
                if (v[i].from == SH_OUT && to)
                        *out = to;
                for (int k = SH_ERR; k <= SH_INFO; k++)
                        if (v[i].from == k || v[i].from == 0)
                                r->sinks[k] = to;
        }
        cmd->redirs = r;
        r->outer = cmd->sinks;
        cmd->sinks = r->sinks;
        return SH_OK;
}

int sh_redirs_close(struct sh_cmd *cmd)
{
        struct sh_stage_redirs *r = cmd->redirs;
        cmd->redirs = NULL;
        if (r) {
                if (cmd->sinks == r->sinks)
                        cmd->sinks = r->outer;
                redirs_free(r);
        }
        return SH_OK;
}
