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

static int start_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        const char *name = sh_arg_text(c, "FilePath", "");
        struct sv args = sh_arg(c, "ArgumentList"), item;
        char *argv[256], *program = sh_which(sh, name, strlen(name));
        size_t n = 0, pos = 0;
        pid_t pid;
        int status = 0;
        if (!program)
                return sh_cmd_throw(c, "InvalidOperationException", "InvalidOperation", SH_NIL,
                                    "This command cannot be run due to the error: An error occurred trying "
                                    "to start process '%s' with working directory: No such file or directory",
                                    name);
        argv[n++] = strdup(name);
        while (!sh_is_null(args) && n < 254 && sh_next(args, &pos, &item)) {
                struct sv t = sh_to_text(sh, item);
                argv[n++] = strdup(t.s->s);
                sh_drop(t);
                sh_drop(item);
        }
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
        if (!sh_switch(c, "PassThru"))
                return SH_OK;
        struct sv o = sh_object_new();
        sh_object_set(o, "Id", 2, sh_int(pid));
        sh_object_set(o, "HasExited", 9, sh_bool(wait));
        if (wait)
                sh_object_set(o, "ExitCode", 8,
                              sh_int(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)));
        st = sh_emit(c, o);
        sh_drop(o);
        return st;
}
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
                        { "(Start-Process sh -ArgumentList '-c','exit 3' -Wait -PassThru).ExitCode", "3",
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

SH_CMDLETS(start, &start_process, &get_error);
