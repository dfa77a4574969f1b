/* SPDX-License-Identifier: MIT
 *
 * Start-Process: a program beside the shell. Get-Error. Get-Host.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/files.h"
#include "shell/model.h"
#include "shell/text.h"

extern char **environ;

static int open_for(struct sh_cmd *c, const char *param, int flags, int fd, posix_spawn_file_actions_t *files)
{
        const char *name = sh_arg_text(c, param, NULL);
        if (!name)
                return SH_OK;
        char *path = sh_path_full(sh_session(c), name);
        int r = posix_spawn_file_actions_addopen(files, fd, path, flags, 0666);
        free(path);
        return r ? SH_ERROR : SH_OK;
}

/* The process as Get-Process gives it; one that has ended already, or without an agent, as far as it is known. */
static struct sv process_object(struct sh *sh, pid_t pid, const char *name)
{
        const struct sh_model_class *m;
        struct rv_error err = { 0 };
        struct rv_buf json = { 0 };
        struct sv o = SH_NIL;
        const char *base = strrchr(name, '/');
        if (sh_model_class(sh_link_local(sh), "Process", NULL, &m, &err) != RV_OK) {
                o = sh_object_new();
                sh_object_set(o, "Id", 2, sh_int(pid));
                return o;
        }
        struct rv_buf params = { 0 };
        rv_buf_putf(&params, "{\"ClassName\":\"Process\",\"InstanceName\":{\"ProcessId\":%d}", (int)pid);
        if (sh_process_over(pid) || sh_link_call(m->link, "GetInstance", &params, 0, &json, &err) != RV_OK) {
                json.len = 0;
                rv_buf_putf(&json, "{\"ProcessId\":%d,\"Name\":", (int)pid);
                rv_json_text(&json, base ? base + 1 : name);
                rv_buf_puts(&json, "}");
        }
        o = sh_model_row_new(sh, m, rv_json_at(json.data, json.len));
        rv_buf_free(&params);
        rv_buf_free(&json);
        return o;
}

/* One word of a command line as .NET splits it: quotes hold blanks together; before a quote, two backslashes are one
 * and an odd one makes the quote a character. NULL at the end. */
static char *next_word(const char **line)
{
        const char *p = *line + strspn(*line, " \t");
        struct sh_buf b = { 0 };
        bool quoted = false;
        if (!*p)
                return NULL;
        while (*p && (quoted || (*p != ' ' && *p != '\t'))) {
                size_t slashes = strspn(p, "\\");
                if (slashes) {
                        bool quote = p[slashes] == '"';
                        for (size_t i = 0; i < (quote ? slashes / 2 : slashes); i++)
                                sh_buf_puts(&b, "\\");
                        p += slashes;
                        if (quote && slashes % 2)
                                sh_buf_put(&b, p++, 1);
                } else if (*p == '"' && quoted && p[1] == '"') {
                        sh_buf_put(&b, p, 1);
                        p += 2;
                } else if (*p == '"') {
                        quoted = !quoted;
                        p++;
                } else {
                        sh_buf_put(&b, p++, 1);
                }
        }
        *line = p;
        char *word = strdup(b.n ? b.p : "");
        sh_buf_free(&b);
        return word;
}

/* -ArgumentList is one line, its elements joined by blanks, as in PowerShell: quotes are the caller's matter. */
static size_t words_of(struct sh *sh, struct sv args, char **argv, size_t n, size_t limit)
{
        struct sh_buf line = { 0 };
        struct sv item;
        size_t pos = 0;
        while (!sh_is_null(args) && sh_next(args, &pos, &item)) {
                sh_buf_puts(&line, line.n ? " " : "");
                sh_buf_value(sh, &line, item);
                sh_drop(item);
        }
        const char *p = line.n ? line.p : "";
        while (n < limit && (argv[n] = next_word(&p)))
                n++;
        sh_buf_free(&line);
        return n;
}

static int start_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        const char *name = sh_arg_text(c, "FilePath", "");
        char *argv[256], *program = sh_which(sh, name, strlen(name));
        size_t n = 0;
        pid_t pid;
        int status = 0;
        if (!program)
                return sh_cmd_throw(c, "InvalidOperationException", "InvalidOperation", SH_NIL,
                                    "This command cannot be run due to the error: An error occurred trying "
                                    "to start process '%s' with working directory: No such file or directory",
                                    name);
        argv[n++] = strdup(name);
        n = words_of(sh, sh_arg(c, "ArgumentList"), argv, n, 254);
        argv[n] = NULL;
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t all, none;
        sigfillset(&all);
        sigemptyset(&none);
        posix_spawn_file_actions_init(&files);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigdefault(&attr, &all);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        open_for(c, "RedirectStandardInput", O_RDONLY, 0, &files);
        open_for(c, "RedirectStandardOutput", O_WRONLY | O_CREAT | O_TRUNC, 1, &files);
        open_for(c, "RedirectStandardError", O_WRONLY | O_CREAT | O_TRUNC, 2, &files);
        const char *folder = sh_arg_text(c, "WorkingDirectory", NULL);
        if (folder)
                posix_spawn_file_actions_addchdir_np(&files, folder);
        bool what = true;
        int st = sh_should_process(c, name, "Start-Process", &what), r = 0;
        sh_flush(sh);
        if (st == SH_OK && what)
                r = posix_spawn(&pid, program, &files, &attr, argv, environ);
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attr);
        for (size_t i = 0; i < n; i++)
                free(argv[i]);
        free(program);
        if (st != SH_OK || !what)
                return st;
        if (r)
                return sh_cmd_throw(c, "InvalidOperationException", "InvalidOperation", SH_NIL,
                                    "This command cannot be run due to the error: %s", strerror(r));
        bool wait = sh_switch(c, "Wait");
        while (wait && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                if (sh_interrupt) {
                        kill(pid, SIGINT);
                        return sh_check(sh);
                }
        sh_child_began(pid);
        if (wait)
                sh_child_ended(pid, status);
        if (!sh_switch(c, "PassThru"))
                return SH_OK;
        struct sv o = process_object(sh, pid, name);
        st = sh_emit(c, o);
        sh_drop(o);
        return st;
}

/* ---- Wait-Process ---- */

static int add_pids(struct sh_cmd *c, const char *param, struct sv to)
{
        struct sv list = sh_arg(c, param), v, id;
        size_t pos = 0;
        if (!sh_bound(c, param))
                return SH_OK;
        if (!sh_is_enumerable(list)) {
                if (sh_get(sh_session(c), list, "ProcessId", 9, &id) != SH_OK)
                        id = sh_keep(list);
                sh_array_take(to.a, id);
                return SH_OK;
        }
        while (sh_next(list, &pos, &v)) {
                if (sh_get(sh_session(c), v, "ProcessId", 9, &id) != SH_OK)
                        id = sh_keep(v);
                sh_array_take(to.a, id);
                sh_drop(v);
        }
        return SH_OK;
}

static int wait_process_process(struct sh_cmd *c, struct sv input)
{
        struct sh *sh = sh_session(c);
        struct sv pids = sh_array_new(4);
        int64_t timeout = sh_bound(c, "Timeout") ? sh_arg_int(c, "Timeout", 0) * 1000 : -1, pid;
        int st = SH_OK;
        (void)input;
        add_pids(c, "Id", pids);
        add_pids(c, "InputObject", pids);
        for (uint32_t i = 0; st == SH_OK && i < pids.a->n; i++) {
                if (!sh_to_int64(sh, pids.a->v[i], &pid))
                        continue;
                if (pid < 1 ||
                    (sh_process_over((pid_t)pid) && kill((pid_t)pid, 0) < 0 && !sh_bound(c, "InputObject"))) {
                        st = sh_cmd_error(c, "NoProcessFoundForGivenId", "ObjectNotFound", pids.a->v[i],
                                          "Cannot find a process with the process identifier %lld.",
                                          (long long)pid);
                        continue;
                }
                st = sh_process_wait(sh, (pid_t)pid, timeout);
                if (st == SH_NONE)
                        st = sh_cmd_error(c, "ProcessNotTerminated", "CloseError", pids.a->v[i],
                                          "This command stopped because process \"%lld\" is not stopped in "
                                          "the specified time-out.",
                                          (long long)pid);
        }
        sh_drop(pids);
        return st;
}
static const struct sh_cmdlet wait_process = {
        .name = "Wait-Process",
        .synopsis = "Waits until processes have ended.",
        .process = wait_process_process,
        .params =
                (const struct sh_param[]) {
                        { "Id", .type = "int[]", .sets = "Id", .position = 1, .mandatory = true,
                          .alias = "PID,ProcessId", .from_property = true, .help = "Their ids." },
                        { "InputObject", .type = "object[]", .sets = "InputObject", .mandatory = true,
                          .from_pipeline = true,
                          .help = "What Get-Process or Start-Process -PassThru gave." },
                        { "Timeout", .type = "int", .alias = "TimeoutSec", .min = 0, .max = INT32_MAX,
                          .help = "Seconds; as long as it takes when absent." },
                        { 0 } },
        .default_set = "Id",
        .examples =
                (const struct sh_example[]) {
                        { "$p = Start-Process sleep 0.1 -PassThru; $p | Wait-Process; $p.HasExited", "True",
                          "" },
                        { "(Start-Process sh '-c \"exit 4\"' -PassThru) | Tee-Object -Variable p | "
                          "Wait-Process; $p.ExitCode",
                          "4", "The exit status of what was started." },
                        { 0 } },
};
static const struct sh_cmdlet start_process = {
        .name = "Start-Process",
        .alias = (const char *[]) { "saps", NULL },
        .synopsis = "Starts a program beside the shell.",
        .end = start_end,
        .should_process = true,
        .params =
                (const struct sh_param[]) {
                        { "FilePath", .type = "string", .position = 1, .mandatory = true,
                          .alias = "PSPath,Path", .complete = "command" },
                        { "ArgumentList", .type = "string[]", .position = 2, .alias = "Args" },
                        { "WorkingDirectory", .type = "string" },
                        { "Wait", .type = "switch" },
                        { "PassThru", .type = "switch" },
                        { "NoNewWindow", .type = "switch", .alias = "nnw" },
                        { "RedirectStandardInput", .type = "string", .alias = "RSI" },
                        { "RedirectStandardOutput", .type = "string", .alias = "RSO" },
                        { "RedirectStandardError", .type = "string", .alias = "RSE" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(Start-Process sh -ArgumentList '-c','\"exit 3\"' -Wait -PassThru).ExitCode", "3",
                          "" },
                        { "Start-Process true -Wait", "", "" },
                        { 0 } },
};

static int error_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        struct sv list;
        int64_t most = sh_arg_int(c, "Newest", 1);
        int st = SH_OK;
        if (!sh_var_get(sh, "Error", &list))
                return SH_OK;
        struct sv item;
        size_t pos = 0;
        for (int64_t i = 0; st == SH_OK && i < most && sh_next(list, &pos, &item); i++) {
                struct sh_buf b = { 0 };
                sh_error_text(sh, item, &b, false);
                struct sv v = sh_buf_take(&b);
                st = sh_emit(c, v);
                sh_drop(v);
                sh_drop(item);
        }
        sh_drop(list);
        return st;
}
static const struct sh_cmdlet get_error = {
        .name = "Get-Error",
        .synopsis = "Shows the last errors whole.",
        .end = error_end,
        .params =
                (const struct sh_param[]) { { "Newest", .type = "int", .position = 1, .min = 1, .max = 256 },
                                            { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Get-Item /nowhere -ErrorAction SilentlyContinue; (Get-Error) -match 'nowhere'",
                          "True", "" },
                        { "Get-Error -Newest 2", NULL, "" },
                        { 0 } },
};

SH_CMDLETS(start, &start_process, &wait_process, &get_error);
