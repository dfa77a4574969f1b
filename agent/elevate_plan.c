/* SPDX-License-Identifier: MIT
 *
 * What a script would change. `reeve` runs it in a process that can do nothing by itself: a user id of its own, no
 * files to write, no programs, no network (Landlock by the shell, seccomp by us). All it has is a session of the agent
 * that has the role asked for beside the user's own, and in which every change is a what-if, whatever the request
 * says. The plan is what those what-ifs found, as this agent computed it; what the script prints is not looked at, so
 * it cannot claim anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/elevate.h"

enum {
        AT_ONCE = 2,           /* plans being made */
        PLAN_UID = 1999900000, /* and PLAN_UIDS above it: nobody's */
        PLAN_UIDS = 1000,
        NOBODY = 65534,     /* where a user namespace has no such ids */
        MEMORY = 768 << 20, /* 256 MiB are its stack, if it ever uses it */
};

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined __riscv
#define ARCH AUDIT_ARCH_RISCV64
#else
#define ARCH 0 /* refuses every call: no plan */
#endif

static atomic_uint under_way, serial;

void rv_plan_of_script_free(struct rv_plan_of_script *p)
{
        for (unsigned i = 0; p && i < p->n; i++)
                free(p->lines[i]);
        free(p);
}

/* ---- what the session asks ---- */

bool rv_plan_permits(const char *operation)
{
        static const char *const names[] = { "Hello",
                                             "Ping",
                                             "GetInstance",
                                             "EnumerateInstances",
                                             "EnumerateInstanceNames",
                                             "CreateInstance",
                                             "ModifyInstance",
                                             "DeleteInstance",
                                             "InvokeMethod",
                                             "ExecQuery",
                                             "Associators",
                                             "References",
                                             "AssociatorNames",
                                             "ReferenceNames",
                                             "GetClass",
                                             "EnumerateClasses",
                                             "EnumerateClassNames",
                                             "TestInstance",
                                             "SetInstance",
                                             "rpc.discover" };
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strcmp(operation, names[i]) == 0)
                        return true;
        return false;
}

/* [{"Property":"State","From":"a","To":"b"}] as "State: a -> b". */
static void put_changes(struct rv_buf *b, const char *changes)
{
        struct rv_buf text = { 0 };
        size_t i;
        json_t *one;
        rv_buf_putf(&text, "[%s]", changes);
        json_t *list = text.failed ? NULL : json_loadb(text.data, text.len, 0, NULL);
        json_array_foreach(list, i, one)
        {
                const char *from = json_string_value(json_object_get(one, "From")),
                           *to = json_string_value(json_object_get(one, "To")),
                           *property = json_string_value(json_object_get(one, "Property"));
                rv_buf_putf(b, "%s %.100s: %.200s -> %.200s", i ? "," : ":", property ? property : "",
                            from ? from : "null", to ? to : "null");
        }
        json_decref(list);
        rv_buf_free(&text);
}

void rv_plan_note(struct rv_request *q, int status, const char *message, const char *changes)
{
        struct rv_plan_of_script *p = q->session->plan;
        struct rv_audit *a = rv_request_audit(q);
        struct rv_buf b = { .max = 4000 };
        if (!a || p->n == RV_PLAN_LINES - 1) {
                if (p->n == RV_PLAN_LINES - 1 && !p->lines[p->n])
                        p->lines[p->n++] = strdup("... and more: this plan is not all");
                rv_audit_free(a);
                return;
        }
        if (a->method)
                rv_buf_putf(&b, "%.100s.%.100s", a->class_name ? a->class_name : "", a->method);
        else
                rv_buf_putf(&b, "%s %.100s", a->operation, a->class_name ? a->class_name : "");
        if (a->key && strcmp(a->key, "null") != 0)
                rv_buf_putf(&b, " %.1000s", a->key);
        if (a->arguments && strcmp(a->arguments, "{}") != 0)
                rv_buf_putf(&b, " with %.1500s", a->arguments);
        if (status)
                rv_buf_putf(&b, ": not done: %.400s", message ? message : "it fails");
        else if (changes && *changes)
                put_changes(&b, changes);
        p->lines[p->n] = b.failed ? strdup(a->operation) : strndup(b.data, b.len);
        if (p->lines[p->n])
                p->n++;
        if (!status && p->nmust < RV_PLAN_LINES)
                rv_request_digest(q, p->digests[p->nmust++]);
        rv_buf_free(&b);
        rv_audit_free(a);
}

/* ---- the session, on the loop ---- */

struct errand {
        struct rv_work work;
        struct rv_agent *agent;
        struct rv_identity who;
        struct rv_plan_of_script *plan;
        int fd; /* begins a session on it; -1: ends that of the plan */
        pthread_mutex_t lock;
        pthread_cond_t told;
        bool over;
        int result;
};

static void begin_or_end(struct errand *e)
{
        struct rv_session *s = NULL;
        if (e->fd >= 0) {
                snprintf(e->who.session, sizeof e->who.session, "plan-%llx",
                         (unsigned long long)++e->agent->serial);
                e->result = rv_session_new(e->agent, e->fd, &e->who, &s);
                if (e->result == 0)
                        s->plan = e->plan;
                return;
        }
        for (s = e->agent->sessions; s; s = s->next)
                if (s->plan == e->plan) {
                        s->plan = NULL;
                        rv_session_close(s);
                }
}

static void on_loop(struct rv_work *w)
{
        struct errand *e = OF(w, struct errand, work);
        begin_or_end(e);
        pthread_mutex_lock(&e->lock);
        e->over = true;
        pthread_cond_signal(&e->told);
        pthread_mutex_unlock(&e->lock);
}

static int run_errand(struct errand *e)
{
        e->work = (struct rv_work) { .run = on_loop };
        e->over = false;
        pthread_mutex_init(&e->lock, NULL);
        pthread_cond_init(&e->told, NULL);
        rv_loop_post(&e->agent->loop, &e->work);
        pthread_mutex_lock(&e->lock);
        while (!e->over)
                pthread_cond_wait(&e->told, &e->lock);
        pthread_mutex_unlock(&e->lock);
        pthread_cond_destroy(&e->told);
        pthread_mutex_destroy(&e->lock);
        return e->result;
}

/* ---- the process ---- */

struct program {
        char path[4200];
        int in, agent, errors;
        bool become;
        uid_t uid;
};

/* The shell that the agent was told of ($REEVE_SHELL), the one beside it, or the one that is installed. */
static void find_shell(char *to, size_t size)
{
        char own[4096];
        ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
        own[n > 0 ? n : 0] = 0;
        char *slash = strrchr(own, '/');
        if (slash)
                *slash = 0;
        snprintf(to, size, "%s/reeve", own);
        const char *told = getenv("REEVE_SHELL");
        if (told)
                snprintf(to, size, "%s", told);
        else if (access(to, X_OK) < 0)
                snprintf(to, size, "/usr/bin/reeve");
}

static void bound(int what, uint64_t most)
{
        setrlimit(what, &(struct rlimit) { most, most });
}

static _Noreturn void last_word(const char *s)
{
        _exit(write(2, s, strlen(s)) < 0 ? 126 : 127);
}

/* No sockets of its own, no io_uring that would make them. */
static int no_network(void)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* x32 */
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 2, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        };
        const struct sock_fprog program = { sizeof code / sizeof *code, code };
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* After fork, in one of several threads: system calls only. */
static _Noreturn void child(const struct program *p, char *const *argv, char *const *env)
{
        setsid();
        int null = open("/dev/null", O_WRONLY);
        /* As high as they can be for a moment: none of the four is overwritten before it is copied. */
        int in = fcntl(p->in, F_DUPFD, 100), agent = fcntl(p->agent, F_DUPFD, 100),
            errors = fcntl(p->errors, F_DUPFD, 100);
        if (null < 0 || dup2(in, 0) < 0 || dup2(errors, 2) < 0 || dup2(null, 1) < 0 || dup2(agent, 3) < 0)
                _exit(126);
        syscall(SYS_close_range, 4, ~0U, 0);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow is larger than any bound */
        bound(RLIMIT_AS, MEMORY);
#endif
        bound(RLIMIT_CPU, RV_PLAN_SECONDS);
        bound(RLIMIT_NOFILE, 64);
        bound(RLIMIT_FSIZE, 0);
        bound(RLIMIT_CORE, 0);
        if (p->become) {
                uid_t id = p->uid;
                if (syscall(SYS_setresgid, id, id, id) < 0)
                        id = NOBODY;
                if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, id, id, id) < 0 ||
                    syscall(SYS_setresuid, id, id, id) < 0)
                        last_word("the plan's process cannot become nobody\n");
        }
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || no_network() < 0)
                last_word("the plan's process cannot be kept from the network\n");
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        if (chdir("/") == 0)
                execve(argv[0], argv, env);
        last_word("the shell cannot be run by the plan's process\n");
}

/* Until it has ended, or its time is over. What it says on standard error is what went wrong. */
static void hear(int errors, char *to, size_t size, bool *ret_late)
{
        uint64_t until = rv_now() + RV_PLAN_SECONDS * UINT64_C(1000000000), now;
        size_t n = 0;
        *ret_late = true;
        while ((now = rv_now()) < until) {
                struct pollfd p = { errors, POLLIN, 0 };
                char room[1024];
                if (poll(&p, 1, (int)((until - now) / 1000000) + 1) <= 0)
                        continue;
                ssize_t got = read(errors, room, sizeof room);
                if (got <= 0) {
                        *ret_late = false;
                        break;
                }
                size_t take = (size_t)got < size - 1 - n ? (size_t)got : size - 1 - n;
                memcpy(to + n, room, take);
                n += take;
        }
        to[n] = 0;
}

static void end(pid_t pid, struct rv_plan_of_script *plan, bool late)
{
        int status = 0, r = 0;
        char *said = plan->errors;
        for (int i = 0; !late && i < 200 && (r = (int)waitpid(pid, &status, WNOHANG)) == 0; i++)
                usleep(5000);
        kill(-pid, SIGKILL);
        while (r == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (late)
                snprintf(said, sizeof plan->errors,
                         "the script did not end within %d seconds: the plan may not be all",
                         RV_PLAN_SECONDS);
        else if (!*said && (!WIFEXITED(status) || WEXITSTATUS(status)))
                snprintf(said, sizeof plan->errors,
                         "the script ended with status %d: the plan may not be all",
                         WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        for (size_t n = strlen(said); n && strchr(" \r\n\t", said[n - 1]); n--)
                said[n - 1] = 0;
}

static int start(const struct program *p, pid_t *ret)
{
        static char *env[] = { "PATH=/usr/local/bin:/usr/bin:/bin",
                               "LANG=C.UTF-8",
                               "HOME=/nonexistent",
                               "REEVE_AGENT_FD=3",
                               "NO_COLOR=1",
                               NULL };
        char *argv[] = { (char *)p->path, "-NoProfile", "-NonInteractive", "-Command", "-", NULL };
        pid_t pid = fork();
        if (pid == 0)
                child(p, argv, env);
        *ret = pid;
        return pid < 0 ? -errno : 0;
}

/* The script as its standard input: nobody else on the host sees it among the processes' arguments. */
static int input_of(const char *script)
{
        int fd = memfd_create("plan", MFD_CLOEXEC);
        size_t n = strlen(script);
        if (fd >= 0 && write(fd, script, n) == (ssize_t)n && write(fd, "\n", 1) == 1 &&
            lseek(fd, 0, SEEK_SET) == 0)
                return fd;
        if (fd >= 0)
                close(fd);
        return -1;
}

static int run(struct errand *e, struct program *p, int session, struct rv_plan_of_script *plan)
{
        int errors[2];
        pid_t pid;
        bool late;
        if (pipe2(errors, O_CLOEXEC) < 0)
                return -errno;
        p->errors = errors[1];
        e->fd = session;
        int r = run_errand(e);
        if (r == 0)
                r = start(p, &pid);
        close(errors[1]);
        if (r == 0) {
                hear(errors[0], plan->errors, sizeof plan->errors, &late);
                end(pid, plan, late);
        }
        close(errors[0]);
        e->fd = -1;
        run_errand(e);
        return r;
}

int rv_plan_of_script(struct rv_agent *a, const struct rv_identity *who, const char *role, const char *script,
                      struct rv_plan_of_script **ret, struct rv_error *err)
{
        int fds[2] = { -1, -1 }, r = 0;
        struct program p = { .become = geteuid() == 0,
                             .uid = PLAN_UID + atomic_fetch_add(&serial, 1) % PLAN_UIDS };
        if (atomic_fetch_add(&under_way, 1) >= AT_ONCE) {
                atomic_fetch_sub(&under_way, 1);
                rv_hint(err, "Ask again in a moment.");
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "%d plans are being made already", AT_ONCE);
        }
        struct rv_plan_of_script *plan = calloc(1, sizeof *plan);
        p.in = input_of(script);
        find_shell(p.path, sizeof p.path);
        if (!plan || p.in < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                r = -ENOMEM;
        struct errand e = { .agent = a, .who = *who, .plan = plan };
        e.who.pid = 0;
        e.who.admin = false;
        snprintf(e.who.role, sizeof e.who.role, "%s", role);
        e.who.besides = true;
        p.agent = fds[1];
        if (r == 0)
                r = run(&e, &p, fds[0], plan); /* which gives fds[0] to the session */
        for (int fd = p.in, i = 0; i < 2; i++, fd = fds[1])
                if (fd >= 0)
                        close(fd);
        atomic_fetch_sub(&under_way, 1);
        if (r == 0) {
                *ret = plan;
                return RV_OK;
        }
        rv_plan_of_script_free(plan);
        return rv_fail(err, RV_UNAVAILABLE, "the plan could not be made: %s", strerror(-r));
}
