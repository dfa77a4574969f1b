/* SPDX-License-Identifier: MIT
 *
 * Start-Transcript, Stop-Transcript.
 */
#include "shell/code.h"
#include "shell/files.h"
#include "shell/text.h"
#include "shell/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static const char stars[] = "**********************\n";

static void stamp(char *to, size_t n)
{
        time_t now = time(NULL);
        struct tm tm;
        localtime_r(&now, &tm);
        strftime(to, n, "%Y%m%d%H%M%S", &tm);
}

static void put_table_line(struct sh *sh, struct sh_buf *b, const char *key)
{
        struct sv table, v;
        if (!sh_var_get(sh, "PSVersionTable", &table))
                return;
        if (table.kind == SH_HASH && sh_hash_get_text(table.h, key, &v)) {
                sh_buf_putf(b, "%s: ", key);
                struct sv item;
                size_t pos = 0;
                if (!sh_is_enumerable(v)) {
                        sh_buf_value(sh, b, v);
                } else {
                        for (bool first = true; sh_next(v, &pos, &item); first = false) {
                                sh_buf_puts(b, first ? "" : ", ");
                                sh_buf_value(sh, b, item);
                                sh_drop(item);
                        }
                }
                sh_buf_puts(b, "\n");
        }
        sh_drop(table);
}

static void put_header(struct sh_cmd *c, struct sh_buf *b)
{
        struct sh *sh = sh_session(c);
        char when[32], command[4096] = "";
        struct utsname u = { 0 };
        struct passwd *p = getpwuid(getuid());
        static const char *const keys[] = { "PSVersion",
                                            "PSEdition",
                                            "GitCommitId",
                                            "OS",
                                            "Platform",
                                            "PSCompatibleVersions",
                                            "PSRemotingProtocolVersion",
                                            "SerializationVersion" };
        stamp(when, sizeof when);
        sh_buf_putf(b, "%sPowerShell transcript start\nStart time: %s\n", stars, when);
        if (!sh_switch(c, "UseMinimalHeader")) {
                uname(&u);
                int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
                ssize_t n = fd < 0 ? 0 : read(fd, command, sizeof command - 1);
                if (fd >= 0)
                        close(fd);
                for (ssize_t i = 0; i + 1 < n; i++)
                        if (!command[i])
                                command[i] = ' ';
                const char *user = p ? p->pw_name : "";
                sh_buf_putf(b, "Username: %s\nRunAs User: %s\nConfiguration Name: \nMachine: %s (%s %s)\n",
                            user, user, u.nodename, u.sysname, u.release);
                sh_buf_putf(b, "Host Application: %s\nProcess ID: %d\n", command, (int)getpid());
                for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                        put_table_line(sh, b, keys[i]);
        }
        sh_buf_puts(b, stars);
}

/* ~/PowerShell_transcript.HOST.RANDOM.TIME.txt, or the same in -OutputDirectory. */
static char *default_path(struct sh_cmd *c)
{
        char when[32], host[256] = "", *path;
        uint32_t r[2] = { 0 };
        const char *folder = sh_arg_text(c, "OutputDirectory", NULL), *home = getenv("HOME");
        stamp(when, sizeof when);
        gethostname(host, sizeof host - 1);
        if (getrandom(r, sizeof r, 0) < 0)
                r[0] = (uint32_t)getpid();
        char *base = folder ? sh_path_full(sh_session(c), folder) : strdup(home && *home ? home : "/");
        mkdir(base, 0777);
        if (asprintf(&path, "%s/PowerShell_transcript.%s.%08x.%s.txt", base, host, r[0], when) < 0)
                abort();
        free(base);
        return path;
}

static int start_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        const char *given = sh_arg_text(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", NULL);
        char *path = given ? sh_path_full(sh, given) : default_path(c);
        bool what = true, append = sh_switch(c, "Append");
        struct sv global = SH_NIL;
        if (!given && !sh_bound(c, "OutputDirectory") && sh_var_get(sh, "Transcript", &global) &&
            global.kind == SH_STRING) {
                free(path);
                path = sh_path_full(sh, global.s->s);
        }
        sh_drop(global);
        int st = sh_should_process(c, path, "Start-Transcript", &what);
        if (st == SH_OK && what && sh_switch(c, "NoClobber") && !append && access(path, F_OK) == 0)
                st = sh_cmd_throw(c, "NoClobber", "ResourceExists", SH_NIL,
                                  "File %s already exists and NoClobber was specified.", path);
        int fd = st == SH_OK && what
                         ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666)
                         : -1;
        if (st == SH_OK && what && fd < 0)
                st = sh_path_error(c, "CannotStartTranscription", errno, path);
        if (fd >= 0) {
                struct sh_buf b = { 0 };
                put_header(c, &b);
                if (write(fd, b.p, b.n) < 0)
                        st = sh_path_error(c, "CannotStartTranscription", errno, path);
                sh_buf_free(&b);
                sh_transcript_begin(fd, path, sh_switch(c, "IncludeInvocationHeader"));
                struct sv said = sh_printf("Transcript started, output file is %s", path);
                if (st == SH_OK)
                        st = sh_emit(c, said);
                sh_drop(said);
        }
        free(path);
        return st;
}
static const struct sh_cmdlet start_transcript = {
        .name = "Start-Transcript",
        .synopsis = "Keeps a record of the session in a file.",
        .description = "What is typed at the prompt and what the session shows, without colours. Programs "
                       "that write to the "
                       "terminal themselves (vi, top) are not in it.",
        .end = start_end,
        .should_process = true,
        .default_set = "ByPath",
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string", .position = 1, .sets = "ByPath", .complete = "path",
                          .help = "The file; without it one in the home folder." },
                        { "LiteralPath", .type = "string", .alias = "PSPath,LP", .sets = "ByLiteralPath",
                          .position = 1, .from_property = true },
                        { "OutputDirectory", .type = "string", .sets = "ByOutputDirectory",
                          .help = "A folder in which a file is made." },
                        { "Append", .type = "switch" },
                        { "Force", .type = "switch" },
                        { "NoClobber", .type = "switch", .alias = "NoOverwrite" },
                        { "IncludeInvocationHeader", .type = "switch",
                          .help = "The time before each command." },
                        { "UseMinimalHeader", .type = "switch", .help = "Only the time at the top." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$null = Start-Transcript log.txt; 'hello' | Out-Host; $null = Stop-Transcript\n"
                          "(Get-Content log.txt)[-5]",
                          "hello\nhello", "What is shown is in the file." },
                        { "$null = Start-Transcript log.txt -UseMinimalHeader; $null = Stop-Transcript; "
                          "(Get-Content log.txt)[1]",
                          "PowerShell transcript start", "Its head." },
                        { 0 } },
};

static int stop_end(struct sh_cmd *c)
{
        char when[32];
        struct sh_buf b = { 0 };
        if (!sh_transcripts)
                return sh_cmd_throw(
                        c, "InvalidOperation", "InvalidOperation", SH_NIL,
                        "An error occurred stopping transcription: The host is not currently transcribing.");
        sh_flush(sh_session(c)); /* what is held back to be lined up */
        stamp(when, sizeof when);
        sh_buf_putf(&b, "%sPowerShell transcript end\nEnd time: %s\n%s", stars, when, stars);
        sh_transcript_put(b.p, b.n);
        sh_buf_free(&b);
        char *path = sh_transcript_end();
        struct sv said = sh_printf("Transcript stopped, output file is %s", path);
        int st = sh_emit(c, said);
        sh_drop(said);
        free(path);
        return st;
}
static const struct sh_cmdlet stop_transcript = {
        .name = "Stop-Transcript",
        .synopsis = "Ends the newest record of the session.",
        .end = stop_end,
        .params = (const struct sh_param[]) { { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$null = Start-Transcript t.txt; (Stop-Transcript) -like 'Transcript "
                          "stopped*t.txt'",
                          "True", "" },
                        { "try { Stop-Transcript } catch { \"$_\" }",
                          "An error occurred stopping transcription: The host is not currently transcribing.",
                          "" },
                        { 0 } },
};

SH_CMDLETS(transcript, &start_transcript, &stop_transcript);
