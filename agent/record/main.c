/* SPDX-License-Identifier: MIT
 *
 * reeve-record: a login's shell with its transcript. reeved starts it in the shell's place, as root, while any role
 * wants transcripts; it asks the agent whether this session's does. If not, it becomes the user and the shell, and
 * nothing stays of it. If so, it stands between the channel and the shell, which has another user, another terminal and
 * another session: what the shell reads and writes passes through here and is in the file before it goes on.
 *
 *      0 1 2   the channel: a terminal, or pipes        3   the shell's connection to the agent
 *                                                       4   our own: Hello, and Record for the audit
 *
 * The user can neither reach the file (root's, 0600) nor this process. Where the role says Required, what cannot be
 * recorded does not happen: no file, no session; a disk that is full ends it, and says so. file.c writes, channel.c
 * moves bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/record/record.h"
#include "agent/wire/record.h"
#include "schema/class.h"

enum { AGENT_FD = 4, PATIENCE_MS = 15000, GROUPS = 64 };

/* The library for JSON can write objects of classes; this program knows none. */
const struct rv_class *const rv_classes[1];
const uint32_t rv_nclasses = 0;

static _Noreturn void refuse(const char *why)
{
        dprintf(2, "reeve: %s\n", why);
        _exit(255);
}

/* ---- what reeved says ---- */

static const char *value_of(const char *word, const char *name)
{
        size_t n = strlen(name);
        return strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static void read_words(struct record *r, int argc, char **argv)
{
        int i = 1;
        for (const char *v; i < argc && strcmp(argv[i], "--") != 0; i++)
                if ((v = value_of(argv[i], "--uid")))
                        r->uid = (uid_t)strtoul(v, NULL, 10);
                else if ((v = value_of(argv[i], "--gid")))
                        r->gid = (gid_t)strtoul(v, NULL, 10);
                else if ((v = value_of(argv[i], "--groups")))
                        for (char *end; *v && r->ngroups < GROUPS; v = *end ? end + 1 : end)
                                r->groups[r->ngroups++] = (gid_t)strtoul(v, &end, 10);
                else if ((v = value_of(argv[i], "--state")))
                        r->state = v;
                else if ((v = value_of(argv[i], "--home")))
                        r->home = v;
                else if ((v = value_of(argv[i], "--user")))
                        r->user = v;
                else if ((v = value_of(argv[i], "--key")))
                        r->key = v;
                else if ((v = value_of(argv[i], "--source")))
                        r->source = v;
                else if ((v = value_of(argv[i], "--session")))
                        r->session = v;
                else if ((v = value_of(argv[i], "--channel")))
                        r->channel = v;
        r->argv = argv + i + 1;
        if (i + 1 >= argc || !r->state || !r->user || !r->session || r->uid == (uid_t)-1)
                refuse("it was not said whose shell this is");
        r->command = r->argv[1] ? r->argv[2] : NULL;
        r->pty = isatty(0);
}

/* ---- the shell ---- */

/* From here on it is the user. */
static void become(const struct record *r)
{
        if (geteuid() == 0 &&
            (setgroups(r->ngroups, r->groups) < 0 || setresgid(r->gid, r->gid, r->gid) < 0 ||
             setresuid(r->uid, r->uid, r->uid) < 0))
                refuse("cannot become the user");
        if (r->uid && setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
                refuse("the user could become root");
        if ((!r->home || chdir(r->home) < 0) && chdir("/") < 0)
                refuse("there is no folder to be in");
}

static _Noreturn void exec_shell(const struct record *r)
{
        syscall(SYS_close_range, AGENT_FD, ~0U, 0);
        execv(r->argv[0], r->argv);
        dprintf(2, "reeve: cannot start the shell: %s: %s\n", r->argv[0], strerror(errno));
        _exit(255);
}

void rec_shell(const struct record *r)
{
        sigset_t none;
        sigemptyset(&none);
        for (int s = 1; s < NSIG; s++)
                signal(s, SIG_DFL);
        sigprocmask(SIG_SETMASK, &none, NULL);
        become(r);
        exec_shell(r);
}

/* ---- what the agent says ---- */

static json_t *hello(struct rv_client *c)
{
        struct rv_error err = { 0 };
        struct rv_buf none = { 0 };
        struct rv_json result;
        struct rv_ask *a = rv_client_ask(c, "Hello", &none, false, 0, &err);
        struct pollfd p = { AGENT_FD, POLLIN, 0 };
        json_t *answer = NULL;
        if (a && poll(&p, 1, PATIENCE_MS) == 1 && rv_ask_result(a, &result, &err) == RV_OK)
                answer = json_loadb(result.p, rv_json_size(&result), 0, NULL);
        rv_ask_free(a);
        return answer;
}

/* Which transcript the session's roles want: "", "Yes", "Required". What cannot be learnt is refused, except to root,
 * who has no role and may have to repair the agent. */
static const char *wanted(struct record *r, struct rv_client *c)
{
        json_t *h = c ? hello(c) : NULL;
        const char *how = json_string_value(json_object_get(h, "Transcript")),
                   *roles = json_string_value(json_object_get(h, "Roles"));
        if (!h && r->uid == 0)
                return "";
        if (!h)
                refuse("the agent does not say whether this session is to be recorded: try again");
        snprintf(r->roles, sizeof r->roles, "%s", roles ? roles : "");
        static char copy[16];
        snprintf(copy, sizeof copy, "%s", how ? how : "");
        json_decref(h);
        return copy;
}

static json_t *arguments(const struct record *r)
{
        return json_pack("{s:s*, s:b, s:s}", "Command", r->command, "Terminal", r->pty, "Roles", r->roles);
}

int main(int argc, char **argv)
{
        static struct record r = { .uid = (uid_t)-1, .fd = -1 };
        struct rv_error err = { 0 };
        signal(SIGPIPE, SIG_IGN);
        read_words(&r, argc, argv);
        fcntl(AGENT_FD, F_SETFD, FD_CLOEXEC);
        int flags = fcntl(AGENT_FD, F_GETFL);
        if (flags >= 0)
                fcntl(AGENT_FD, F_SETFL, flags & ~O_NONBLOCK);
        struct rv_client *agent = flags < 0 ? NULL : rv_client_new(AGENT_FD, NULL);
        const char *how = wanted(&r, agent);
        r.required = strcmp(how, "Required") == 0;
        if (!*how)
                rec_shell(&r);
        char why[400] = "";
        if (rec_open(&r, why, sizeof why) < 0 && r.required)
                refuse(why);
        int64_t number = rv_record_intent(agent, "Record", r.file, arguments(&r), &err);
        if (number < 0 && r.required)
                refuse("this session is to be recorded, and the audit cannot be written");
        int status = rec_run(&r);
        rec_close(&r, status);
        rv_record_outcome(agent, number, r.failed ? -EIO : 0,
                          json_pack("{s:I}", "Bytes", (json_int_t)r.written), &err);
        if (WIFSIGNALED(status)) {
                signal(WTERMSIG(status), SIG_DFL);
                kill(getpid(), WTERMSIG(status));
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}
