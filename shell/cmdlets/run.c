/* SPDX-License-Identifier: MIT
 *
 * Running things: Invoke-Expression, Measure-Command, Start-Sleep, Set-StrictMode, Read-Host,
 * Clear-Host; and what this shell will never have, in one sentence each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "shell/events.h"
#include "shell/code.h"
#include "shell/secure.h"
#include "shell/text.h"

static int expression_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv text = sh_arg(c, "Command");
        struct sh *sh = sh_session(c);
        struct saved s = { c->caller, c->sinks, sh->cmd, sh->frame };
        (void)s;
        struct sv t = sh_to_text(sh, text);
        int r = sh_run_text(sh, "", t.s->s, t.s->len, &c->emit);
        sh_drop(t);
        if (r == SH_ERROR && sh->error.kind == SH_OTHER) { /* what went wrong in it went wrong in this command */
                struct sh_error *e = sh_error_of(sh->error);
                char *id;
                if (!e->thrown && !e->command && !strchr(e->id, ',') &&
                    asprintf(&id, "%s,Microsoft.PowerShell.Commands.InvokeExpressionCommand", e->id) > 0) {
                        free(e->id);
                        e->id = id;
                }
        }
        return r;
}
static const struct sh_cmdlet invoke_expression = {
        .name = "Invoke-Expression",
        .alias = (const char *[]) { "iex", NULL },
        .synopsis = "Runs text as a script, in the present scope.",
        .process = expression_process,
        .params = (const struct sh_param[]) { { "Command", .type = "string", .position = 1, .mandatory = true,
                                                .from_pipeline = true },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "Invoke-Expression '1 + 2'", "3", "" },
                                                  { "'$y = 4' | Invoke-Expression; $y", "4", "" },
                                                  { 0 } },
};

/* ---- Measure-Command ---- */
static int nowhere(struct sh_sink *s, struct sh *sh, struct sv v)
{
        (void)s, (void)sh, (void)v;
        return SH_OK;
}
struct span {
        int64_t ns;
};
static int64_t now_ns(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}
static int measure_process(struct sh_cmd *c, struct sv input)
{
        struct span *s = sh_state(c);
        struct sh_sink sink = { .write = nowhere };
        int64_t begin = now_ns();
        int r = sh_block_run(sh_session(c), sh_arg(c, "Expression"), input.kind == SH_VOID ? NULL : &input,
                             (struct sh_args) { 0 }, false, &sink);
        s->ns += now_ns() - begin;
        return r;
}
static int measure_end(struct sh_cmd *c)
{
        struct span *s = sh_state(c);
        struct sv v = { .kind = SH_TIMESPAN, .i = s->ns / 100 };
        return sh_emit(c, v);
}
static const struct sh_cmdlet measure_command = {
        .name = "Measure-Command",
        .synopsis = "Tells how long a script block takes.",
        .state_size = sizeof(struct span),
        .process = measure_process,
        .end = measure_end,
        .params = (const struct sh_param[]) { { "Expression", .type = "scriptblock", .position = 1,
                                                .mandatory = true },
                                              { "InputObject", .type = "object", .from_pipeline = true },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(Measure-Command { 1 }).GetType().Name", "TimeSpan", "" },
                        { "(Measure-Command { Start-Sleep -Milliseconds 5 }).TotalMilliseconds -ge 5", "True",
                          "" },
                        { 0 } },
};

/* ---- Start-Sleep ---- */
static int sleep_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        double seconds = 0;
        struct sv d = sh_arg(c, "Duration");
        if (sh_bound(c, "Milliseconds"))
                seconds = (double)sh_arg_int(c, "Milliseconds", 0) / 1000;
        else if (d.kind == SH_TIMESPAN)
                seconds = (double)d.i / 1e7;
        else
                sh_to_double(sh_session(c), sh_arg(c, "Seconds"), &seconds);
        int64_t until = now_ns() + (int64_t)(seconds * 1e9);
        sh_flush(sh_session(c));
        for (int64_t left; (left = until - now_ns()) > 0;) {
                if (sh_events_of(sh_session(c), false)) { /* actions of events run meanwhile */
                        int st = sh_events_sleep(sh_session(c), (double)left / 1e9);
                        if (st != SH_OK || sh_interrupt)
                                return st != SH_OK ? st : sh_check(sh_session(c));
                        continue;
                }
                struct timespec t = { left / 1000000000, left % 1000000000 };
                if (nanosleep(&t, NULL) < 0 && errno == EINTR && sh_interrupt)
                        return sh_check(sh_session(c));
        }
        return SH_OK;
}
static const struct sh_cmdlet start_sleep = {
        .name = "Start-Sleep",
        .synopsis = "Waits.",
        .process = sleep_process,
        .default_set = "Seconds",
        .params = (const struct sh_param[]) { { "Seconds", .type = "double", .position = 1, .mandatory = true,
                                                .sets = "Seconds", .from_pipeline = true },
                                              { "Milliseconds", .type = "int", .mandatory = true,
                                                .sets = "Milliseconds", .alias = "ms" },
                                              { "Duration", .type = "timespan", .mandatory = true,
                                                .sets = "Duration", .alias = "ts" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "Start-Sleep -Milliseconds 1", "", "" },
                                                  { "Start-Sleep 0", "", "" },
                                                  { 0 } },
};

/* ---- Set-StrictMode ---- */
static int strict_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const char *v = sh_arg_text(c, "Version", "");
        struct scope *s = c->caller;
        while (s && !s->boundary && s->parent)
                s = s->parent;
        s->strict = sh_switch(c, "Off")                       ? 0
                    : sh_text_same(v, strlen(v), "Latest", 6) ? 255
                                                              : (uint8_t)atoi(v);
        return SH_OK;
}
static const struct sh_cmdlet set_strictmode = {
        .name = "Set-StrictMode",
        .synopsis = "Makes careless code an error: unset variables, properties that are not there.",
        .process = strict_process,
        .default_set = "Version",
        .params = (const struct sh_param[]) { { "Version", .type = "string", .mandatory = true,
                                                .sets = "Version", .alias = "v" },
                                              { "Off", .type = "switch", .mandatory = true, .sets = "Off" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-StrictMode -Version Latest; try { $nope } catch { 'unset' }", "unset", "" },
                        { "Set-StrictMode -Off", "", "" },
                        { 0 } },
};

/* ---- Read-Host, Clear-Host ---- */
static int read_end(struct sh_cmd *c)
{
        struct sv prompt = sh_arg(c, "Prompt");
        struct termios old, silent;
        bool mask = (sh_switch(c, "MaskInput") || sh_switch(c, "AsSecureString")) && tcgetattr(0, &old) == 0;
        if (!sh_is_interactive(sh_session(c)) && isatty(0))
                return sh_cmd_throw(c, "InvalidOperation", "InvalidOperation", SH_NIL,
                                    "Nobody can be asked: the session is not interactive.");
        if (!sh_is_null(prompt)) {
                struct sv t = sh_to_text(sh_session(c), prompt);
                sh_host_write(sh_session(c), t.s->s, t.s->len);
                sh_host_write(sh_session(c), ": ", 2);
                sh_drop(t);
        }
        sh_flush(sh_session(c));
        if (mask) {
                silent = old;
                silent.c_lflag &= ~(tcflag_t)ECHO;
                tcsetattr(0, TCSANOW, &silent);
        }
        struct sh_buf b = { 0 };
        char ch;
        while (read(0, &ch, 1) == 1 && ch != '\n')
                sh_buf_put(&b, &ch, 1);
        if (mask)
                tcsetattr(0, TCSANOW, &old);
        bool secure = sh_switch(c, "AsSecureString");
        struct sv v = secure ? sh_secure_new(b.p ? b.p : "", b.n) : sh_string(b.p ? b.p : "", b.n);
        if (secure && b.p)
                explicit_bzero(b.p, b.cap);
        sh_buf_free(&b);
        int r = sh_emit(c, v);
        sh_drop(v);
        return r;
}
static const struct sh_cmdlet read_host = {
        .name = "Read-Host",
        .synopsis = "Asks for a line of text.",
        .end = read_end,
        .params =
                (const struct sh_param[]) { { "Prompt", .type = "object", .position = 1, .remaining = true,
                                              .help = "What to ask; a colon follows." },
                                            { "AsSecureString", .type = "switch",
                                              .help = "Reads without echo; the answer is a SecureString." },
                                            { "MaskInput", .type = "switch",
                                              .help = "Reads without echo; the answer is plain text." },
                                            { 0 } },
        .examples = (const struct sh_example[]) { { "$name = Read-Host 'Your name'", NULL, "" },
                                                  { "Read-Host -MaskInput", NULL, "" },
                                                  { 0 } },
};
static int clear_end(struct sh_cmd *c)
{
        sh_host_write(sh_session(c), "\x1b[H\x1b[2J\x1b[3J", 11);
        return SH_OK;
}
static const struct sh_cmdlet clear_host = {
        .name = "Clear-Host",
        .alias = (const char *[]) { "cls", NULL },
        .synopsis = "Clears the terminal.",
        .end = clear_end,
        .params = (const struct sh_param[]) { { 0 } },
        .examples = (const struct sh_example[]) { { "Clear-Host", NULL, "" }, { "cls", NULL, "" }, { 0 } },
};

SH_CMDLETS(run, &invoke_expression, &measure_command, &start_sleep, &set_strictmode, &read_host, &clear_host);
