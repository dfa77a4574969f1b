/* SPDX-License-Identifier: MIT
 *
 * What the service managers of files.h use, and systemd.c in part: lists of words, processes by pid file, tools, new
 * files, what must be started anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gen/Service.h"
#include "providers/lib/procfs.h"
#include "providers/lib/replaced.h"
#include "providers/lib/tool.h"
#include "providers/service/backend.h"
#include "providers/service/files.h"

void rv_svc_word(char *list, size_t size, const char *word, size_t n)
{
        size_t at = strlen(list);
        if (n && at + n + 2 <= size && !memchr(word, ' ', n))
                snprintf(list + at, size - at, "%s%.*s", at ? " " : "", (int)n, word);
}

bool rv_svc_has(const char *list, const char *word)
{
        size_t n = strlen(word);
        for (const char *at = list; n && *(at += strspn(at, " ")); at += strcspn(at, " "))
                if (strcspn(at, " ") == n && memcmp(at, word, n) == 0)
                        return true;
        return false;
}

uint32_t rv_svc_pidfile(const char *path)
{
        struct rv_proc_stat st;
        char buf[64];
        ssize_t n = rv_proc_read(AT_FDCWD, path, buf, sizeof buf);
        unsigned long pid = n > 0 ? strtoul(buf, NULL, 10) : 0;
        char where[32];
        snprintf(where, sizeof where, "/proc/%lu/stat", pid);
        char text[1024];
        ssize_t m = pid && pid <= INT32_MAX ? rv_proc_read(AT_FDCWD, where, text, sizeof text) : -1;
        return m > 0 && rv_proc_stat_parse(text, (size_t)m, &st) && st.state != 'Z' ? (uint32_t)pid : 0;
}

/* The user that a process works as. The owner of /proc/PID would be root for one that has given up root. */
static void find_user(struct rv_svc *s, uint32_t pid)
{
        char path[32], text[4096], names[1024];
        struct passwd pw, *found = NULL;
        snprintf(path, sizeof path, "/proc/%u/status", (unsigned)pid);
        ssize_t n = rv_proc_read(AT_FDCWD, path, text, sizeof text);
        const char *at = n > 0 ? strstr(text, "\nUid:") : NULL;
        char *end = NULL;
        if (at)
                strtoul(at + 5, &end, 10); /* the real one; the effective one follows */
        if (end && getpwuid_r((uid_t)strtoul(end, NULL, 10), &pw, names, sizeof names, &found) == 0 && found)
                snprintf(s->user, sizeof s->user, "%s", pw.pw_name);
}

bool rv_svc_process(struct rv_svc *s, uint32_t pid)
{
        char path[32], text[1024];
        struct rv_proc_stat st;
        snprintf(path, sizeof path, "/proc/%u/stat", (unsigned)pid);
        ssize_t n = pid ? rv_proc_read(AT_FDCWD, path, text, sizeof text) : -1;
        if (n <= 0 || !rv_proc_stat_parse(text, (size_t)n, &st) || st.state == 'Z')
                return false;
        int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        s->pid = pid;
        if (proc >= 0)
                s->started = rv_boot_time(proc) + rv_ticks_to_ns(st.f[22]);
        if (proc >= 0)
                close(proc);
        find_user(s, pid);
        return true;
}

/* The last lines that it said, in one. */
static void keep_words(struct rv_svc_change *ch, const struct rv_tool_said *said)
{
        const char *all = said->complaint[0] ? said->complaint : said->text ? said->text : "";
        size_t n = strlen(all), at = 0;
        for (const char *s = n > 300 ? all + n - 300 : all; *s && at + 4 < sizeof ch->words; s++) {
                bool line = *s == '\n' || *s == '\r';
                if (line && at && ch->words[at - 1] != ' ') {
                        memcpy(ch->words + at, " | ", 3);
                        at += 3;
                } else if (!line && (unsigned char)*s >= ' ')
                        ch->words[at++] = *s;
        }
        while (at && strchr(" |", ch->words[at - 1]))
                at--;
        ch->words[at] = 0;
}

int rv_svc_tool(struct rv_svc_change *ch, const char *const *argv)
{
        char what[300];
        struct rv_tool_said said;
        snprintf(what, sizeof what, "%s %s", ch->doing, ch->now.name);
        const struct rv_tool tool = {
                .argv = argv, .what = what, .deadline = ch->call->deadline, .finish = true, .terminal = true
        };
        int e = rv_tool_run(&tool, &said, ch->err);
        if (e)
                return e;
        keep_words(ch, &said);
        if (said.status != 0) {
                const char *last = strrchr(ch->words, '|');
                rv_fail(ch->err, RV_FAILED, "%s: %s ended with status %d%s%s", ch->what, argv[0], said.status,
                        ch->words[0] ? ": " : "", last ? last + 2 : ch->words);
                e = ch->words[0] ? rv_hint(ch->err, "Its last words: %.200s", ch->words) : RV_FAILED;
        }
        rv_tool_free(&said);
        return e;
}

int rv_svc_write(struct rv_svc_change *ch, const char *path, const char *text, unsigned mode)
{
        size_t n = strlen(text);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        bool good = fd >= 0 && write(fd, text, n) == (ssize_t)n && fchmod(fd, mode) == 0 && fsync(fd) == 0;
        int error = errno;
        if (fd >= 0)
                close(fd);
        if (good)
                return RV_OK;
        if (fd >= 0)
                unlink(path);
        return rv_fail_errno(ch->err, error, "cannot write %s", path);
}

bool rv_svc_packaged(const char *path, uint64_t deadline)
{
        const char *const asks[][4] = { { "dpkg-query", "-S", path },
                                        { "rpm", "-qf", path },
                                        { "apk", "info", "-W", path } };
        char name[600];
        for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
                const char *argv[] = { asks[i][0], asks[i][1], asks[i][2], i == 2 ? path : NULL, NULL };
                struct rv_tool_said said;
                snprintf(name, sizeof name, "ask %s about %s", argv[0], path);
                if (!rv_tool_there(argv[0]))
                        continue;
                struct rv_tool tool = { .argv = argv, .what = name, .deadline = deadline };
                if (rv_tool_run(&tool, &said, NULL))
                        return true; /* not known: leave it alone */
                rv_tool_free(&said);
                if (said.status == 0)
                        return true;
        }
        return false;
}

void rv_svc_pause_ms(unsigned ms)
{
        struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
        nanosleep(&t, NULL);
}

void rv_service_fill_restart(struct rv_row *row, const char *group, uint32_t pid)
{
        struct rv_replaced files = { 0 };
        char reason[5000];
        if (!Service_wants_RestartRequired(row) && !Service_wants_RestartReasons(row))
                return;
        if (*group)
                rv_replaced_group(&files, group);
        else if (pid)
                rv_replaced_process(&files, (pid_t)pid);
        Service_set_RestartRequired(row, files.n > 0);
        rv_list list = Service_set_RestartReasons(row, files.n);
        for (unsigned i = 0; i < files.n; i++) {
                rv_replaced_reason(&files, i, reason, sizeof reason);
                rv_item_string(row, list, i, reason, strlen(reason));
        }
        rv_replaced_free(&files);
}
