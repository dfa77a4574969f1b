/* SPDX-License-Identifier: MIT
 *
 * Write-*: objects and messages to the streams.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/error.h"
#include "shell/text.h"

int sh_stream_info(struct sh *, struct sv message, struct sv tags);
int sh_stream_host(struct sh *, struct sv message, bool newline, const char *colour);

/* ---- Write-Output ---- */
static int output_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv v = sh_arg(c, "InputObject"), item;
        size_t pos = 0;
        int r = SH_OK;
        if (!sh_is_enumerable(v))
                return sh_emit(c, v);
        if (sh_switch(c, "NoEnumerate"))
                return sh_emit(c, v);
        while (r == SH_OK && sh_next(v, &pos, &item)) {
                r = sh_emit(c, item);
                sh_drop(item);
        }
        return r;
}
static const struct sh_cmdlet write_output = {
        .name = "Write-Output",
        .alias = (const char *[]) { "write", "echo", NULL },
        .synopsis = "Writes objects down the pipeline.",
        .params =
                (const struct sh_param[]) {
                        { "InputObject", .type = "object", .position = 1, .mandatory = true,
                          .remaining = true, .from_pipeline = true, .allow_null = true, .allow_empty = true },
                        { "NoEnumerate", .type = "switch", .help = "Passes a collection on as one object." },
                        { 0 } },
        .process = output_process,
        .examples = (const struct sh_example[]) { { "Write-Output 1 2", "1\n2", "Two objects." },
                                                  { "(Write-Output 1,2 -NoEnumerate).Count", "2",
                                                    "One collection." },
                                                  { 0 } },
};

/* ---- Write-Host ---- */
static const char *const colours[] = { "Black",    "DarkBlue",    "DarkGreen",  "DarkCyan",
                                       "DarkRed",  "DarkMagenta", "DarkYellow", "Gray",
                                       "DarkGray", "Blue",        "Green",      "Cyan",
                                       "Red",      "Magenta",     "Yellow",     "White" };
static const char codes[16][8] = { "30", "34", "32", "36", "31", "35", "33", "37",
                                   "90", "94", "92", "96", "91", "95", "93", "97" };

static const char *colour_of(struct sh_cmd *c, const char *param)
{
        const char *name = sh_arg_text(c, param, "");
        for (size_t i = 0; i < 16; i++)
                if (sh_text_same(name, strlen(name), colours[i], strlen(colours[i])))
                        return codes[i];
        return NULL;
}

static int host_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv v = sh_arg(c, "Object"), item;
        const char *between = sh_arg_text(c, "Separator", " "), *fore = colour_of(c, "ForegroundColor"),
                   *back = colour_of(c, "BackgroundColor");
        struct sh_buf b = { 0 };
        char sgr[24] = "";
        size_t pos = 0;
        if (sh_is_enumerable(v)) {
                for (bool first = true; sh_next(v, &pos, &item); first = false) {
                        sh_buf_puts(&b, first ? "" : between);
                        sh_buf_value(sh_session(c), &b, item);
                        sh_drop(item);
                }
        } else {
                sh_buf_value(sh_session(c), &b, v);
        }
        struct sv text = sh_buf_take(&b);
        if (fore || back)
                snprintf(sgr, sizeof sgr, "\x1b[%s%s%.1s%sm", fore ? fore : "", fore && back ? ";" : "",
                         back ? (back[0] == '9' ? "1" : "4") : "",
                         back ? (back[0] == '9' ? "0" : back + 1) : "");
        int r = sh_stream_host(sh_session(c), text, !sh_switch(c, "NoNewline"),
                               sgr);
        sh_drop(text);
        return r;
}
#define COLOURS \
        "Black,DarkBlue,DarkGreen,DarkCyan,DarkRed,DarkMagenta,DarkYellow,Gray,DarkGray,Blue,Green,Cyan," \
        "Red,Magenta,Yellow,White"
static const struct sh_cmdlet write_host = {
        .name = "Write-Host",
        .synopsis = "Writes text to the host, not to the pipeline.",
        .params = (const struct sh_param[]) { { "Object", .type = "object", .position = 1, .remaining = true,
                                                .from_pipeline = true, .alias = "Msg,Message" },
                                              { "NoNewline", .type = "switch" },
                                              { "Separator", .type = "object" },
                                              { "ForegroundColor", .type = "string", .values = COLOURS },
                                              { "BackgroundColor", .type = "string", .values = COLOURS },
                                              { 0 } },
        .process = host_process,
        .examples = (const struct sh_example[]) { { "Write-Host 1 2 -Separator ','", "1,2", "" },
                                                  { "Write-Host 'a' -NoNewline; Write-Host 'b'", "ab",
                                                    "One line." },
                                                  { 0 } },
};

/* ---- Write-Error ---- */
/* The error is the function's that reports it: its name, and where it was called. */
static void place_at_caller(struct sh *sh, struct sh_error *e)
{
        struct frame *f = sh->frame;
        free(e->command);
        e->command = f->name ? strdup(f->name) : NULL;
        e->activity = strdup("Write-Error");
        sh_error_place(sh, e, f->name ? f->call : f->at);
}

/* -CategoryActivity and its like. */
static void name_category(struct sh_cmd *c, struct sh_error *e)
{
        struct {
                const char *param;
                char **field;
        } const names[] = { { "CategoryActivity", &e->activity },
                            { "CategoryReason", &e->reason },
                            { "CategoryTargetName", &e->target_name } };
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                const char *text = sh_arg_text(c, names[i].param, NULL);
                if (!text)
                        continue;
                free(*names[i].field);
                *names[i].field = strdup(text);
        }
}

static int error_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh *sh = sh_session(c);
        struct sv record = sh_arg(c, "ErrorRecord"), exception = sh_arg(c, "Exception"),
                  target = sh_arg(c, "TargetObject");
        const char *message = sh_arg_text(c, "Message", NULL),
                   *id = sh_arg_text(c, "ErrorId", "Microsoft.PowerShell.Commands.WriteErrorException");
        const char *category = sh_arg_text(c, "Category", "NotSpecified");
        if (!sh_is_null(record)) {
                sh_keep(record);
        } else {
                struct sv text = message ? sh_text(message) : SH_NIL;
                if (!sh_is_null(exception) && !message)
                        sh_get(sh, exception, "Message", 7, &text);
                record = sh_error_new(sh, "Microsoft.PowerShell.Commands.WriteErrorException", id, category,
                                      target, text.kind == SH_STRING ? text.s->s : "",
                                      text.kind == SH_STRING ? text.s->len : 0);
                if (!sh_is_null(exception)) {
                        struct sh_error *e = sh_error_of(record);
                        sh_drop(e->exception);
                        e->exception = sh_keep(exception);
                        if (message)
                                e->message = strdup(message);
                }
                place_at_caller(sh, sh_error_of(record));
                name_category(c, sh_error_of(record));
                sh_drop(text);
        }
        int r = sh_stream_error(sh, record);
        sh_drop(record);
        return r;
}
static const struct sh_cmdlet write_error = {
        .name = "Write-Error",
        .synopsis = "Writes a non-terminating error.",
        .default_set = "NoException",
        .params =
                (const struct sh_param[]) {
                        { "Message", .type = "string", .position = 1, .sets = "NoException,WithException",
                          .from_pipeline = true, .allow_null = true, .allow_empty = true, .alias = "Msg" },
                        { "Exception", .type = "System.Exception", .position = 1, .sets = "WithException",
                          .mandatory = true },
                        { "ErrorRecord", .type = "System.Management.Automation.ErrorRecord", .position = 1,
                          .sets = "ErrorRecord", .mandatory = true },
                        { "ErrorId", .type = "string", .sets = "NoException,WithException" },
                        { "Category", .type = "string", .sets = "NoException,WithException" },
                        { "TargetObject", .type = "object", .sets = "NoException,WithException" },
                        { "RecommendedAction", .type = "string" },
                        { "CategoryActivity", .type = "string", .alias = "Activity" },
                        { "CategoryReason", .type = "string", .alias = "Reason" },
                        { "CategoryTargetName", .type = "string", .alias = "TargetName" },
                        { "CategoryTargetType", .type = "string", .alias = "TargetType" },
                        { 0 } },
        .process = error_process,
        .examples =
                (const struct sh_example[]) {
                        { "Write-Error 'no' -ErrorAction SilentlyContinue; $?", "False", "" },
                        { "try { Write-Error 'no' -ErrorAction Stop } catch { \"$_\" }", "no", "" },
                        { 0 } },
};

/* ---- messages ---- */
static int message(struct sh_cmd *c, enum sh_stream stream)
{
        const char *s = sh_arg_text(c, "Message", "");
        return sh_stream_text(sh_session(c), stream, s, strlen(s));
}
static int warning_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return message(c, SH_WARNING);
}
static int verbose_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return message(c, SH_VERBOSE);
}
static int debug_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return message(c, SH_DEBUG);
}
#define MESSAGE \
        { \
                "Message", .type = "string", .position = 1, .mandatory = true, .from_pipeline = true, \
                           .allow_empty = true, .alias = "Msg" \
        }
static const struct sh_cmdlet write_warning = {
        .name = "Write-Warning",
        .synopsis = "Writes a warning.",
        .process = warning_process,
        .params = (const struct sh_param[]) { MESSAGE, { 0 } },
        .examples = (const struct sh_example[]) { { "Write-Warning 'low'", "WARNING: low", "" },
                                                  { "Write-Warning 'low' 3>$null", "", "Dropped." },
                                                  { 0 } },
};
static const struct sh_cmdlet write_verbose = {
        .name = "Write-Verbose",
        .synopsis = "Writes a message that is shown with -Verbose.",
        .process = verbose_process,
        .params = (const struct sh_param[]) { MESSAGE, { 0 } },
        .examples = (const struct sh_example[]) { { "Write-Verbose 'so' -Verbose", "VERBOSE: so", "" },
                                                  { "Write-Verbose 'so'", "", "" },
                                                  { 0 } },
};
static const struct sh_cmdlet write_debug = {
        .name = "Write-Debug",
        .synopsis = "Writes a message that is shown with -Debug.",
        .process = debug_process,
        .params = (const struct sh_param[]) { MESSAGE, { 0 } },
        .examples = (const struct sh_example[]) { { "Write-Debug 'so' -Debug", "DEBUG: so", "" },
                                                  { "Write-Debug 'so'", "", "" },
                                                  { 0 } },
};

static int information_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return sh_stream_info(sh_session(c), sh_arg(c, "MessageData"), sh_arg(c, "Tags"));
}
static const struct sh_cmdlet write_information = {
        .name = "Write-Information",
        .synopsis = "Writes a record to the information stream.",
        .process = information_process,
        .params = (const struct sh_param[]) { { "MessageData", .type = "object", .position = 1,
                                                .mandatory = true, .from_pipeline = true,
                                                .alias = "Msg,Message" },
                                              { "Tags", .type = "string[]", .position = 2 },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Write-Information 'so' -InformationAction Continue", "so", "" },
                        { "Write-Information 'so' 6>&1 | ForEach-Object { \"$_\" }", "so", "" },
                        { 0 } },
};

/* ---- Write-Progress: a bar on a terminal, else nothing ---- */
static int progress_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const char *activity = sh_arg_text(c, "Activity", ""), *status = sh_arg_text(c, "Status", "");
        int64_t percent = sh_arg_int(c, "PercentComplete", -1);
        if (!sh_is_interactive(sh_session(c)) || !isatty(2))
                return SH_OK;
        if (sh_switch(c, "Completed"))
                fprintf(stderr, "\r\x1b[K");
        else if (percent >= 0 && percent <= 100)
                fprintf(stderr, "\r\x1b[K%.40s [%-20.*s] %d%% %.30s", activity, (int)percent / 5,
                        "oooooooooooooooooooo", (int)percent, status);
        else
                fprintf(stderr, "\r\x1b[K%.40s %.60s", activity, status);
        return SH_OK;
}
static const struct sh_cmdlet write_progress = {
        .name = "Write-Progress",
        .synopsis = "Shows how far something has come, on a terminal.",
        .process = progress_process,
        .params = (const struct sh_param[]) { { "Activity", .type = "string", .position = 1 },
                                              { "Status", .type = "string", .position = 2 },
                                              { "Id", .type = "int", .position = 3 },
                                              { "PercentComplete", .type = "int" },
                                              { "SecondsRemaining", .type = "int" },
                                              { "CurrentOperation", .type = "string" },
                                              { "ParentId", .type = "int" },
                                              { "Completed", .type = "switch" },
                                              { "SourceId", .type = "int" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "Write-Progress 'Copying' -PercentComplete 50", "", "" },
                                                  { "Write-Progress 'Copying' -Completed", "", "" },
                                                  { 0 } },
};

SH_CMDLETS(write, &write_output, &write_host, &write_error, &write_warning, &write_verbose, &write_debug,
           &write_information, &write_progress);
