/* SPDX-License-Identifier: MIT
 *
 * The shell's end of reeve-fan (shell/fan/fan.h): one helper a session, started when first needed. Hosts whose
 * configuration is simple go to it; what it does not manage is tried again by the ssh program, whose verdict counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/remote.h"
#include "shell/sshconfig.h"

extern char **environ;

static struct {
        int sock;
        pid_t owner; /* a copy of the session has its own */
        bool tried;
} helper = { .sock = -1 };

static bool find_program(char *to, size_t size)
{
        static const char *const places[] = { "%s/reeve-fan", "%s/../libexec/reeve/reeve-fan" };
        char self[512];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        if (n <= 0)
                return false;
        self[n] = 0;
        *strrchr(self, '/') = 0;
        for (size_t i = 0; i < 2; i++) {
                snprintf(to, size, places[i], self);
                if (access(to, X_OK) == 0)
                        return true;
        }
        return false;
}

static bool start_helper(void)
{
        char program[600];
        int pair[2];
        pid_t pid;
        if (helper.owner == getpid() && (helper.sock >= 0 || helper.tried))
                return helper.sock >= 0;
        helper.owner = getpid();
        helper.tried = true;
        helper.sock = -1;
        if (!find_program(program, sizeof program) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return false;
        posix_spawn_file_actions_t a;
        posix_spawnattr_t attr;
        posix_spawn_file_actions_init(&a);
        posix_spawn_file_actions_adddup2(&a, pair[1], 0);
        posix_spawn_file_actions_addopen(&a, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&a, 2, "/dev/null", O_WRONLY, 0);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID); /* it ends when our end of the socket does */
        int r = posix_spawn(&pid, program, &a, &attr, (char *[]) { program, NULL }, environ);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&a);
        close(pair[1]);
        if (r) {
                close(pair[0]);
                return false;
        }
        helper.sock = pair[0];
        return true;
}

/* "ssh" or "ssh -F FILE": what we can do ourselves. */
static bool is_plain_ssh(char *file, size_t size)
{
        const char *s = getenv("REEVE_SSH");
        file[0] = 0;
        if (!s || !*s || strcmp(s, "ssh") == 0)
                return true;
        return strncmp(s, "ssh -F ", 7) == 0 && !strchr(s + 7, ' ') && snprintf(file, size, "%s", s + 7) < (int)size;
}

static bool send_host(const char *text, size_t n, int stream, int err)
{
        char room[CMSG_SPACE(2 * sizeof(int))] = { 0 };
        struct iovec v = { (char *)text, n };
        struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        int fds[2] = { stream, err };
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fds);
        memcpy(CMSG_DATA(c), fds, sizeof fds);
        return sendmsg(helper.sock, &m, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool hand_over(struct sh_host *h, const char *text, size_t n)
{
        int pair[2], err[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return false;
        if (pipe2(err, O_CLOEXEC) < 0) {
                close(pair[0]), close(pair[1]);
                return false;
        }
        bool good = send_host(text, n, pair[1], err[1]);
        close(pair[1]), close(err[1]);
        if (!good) {
                close(pair[0]), close(err[0]);
                close(helper.sock);
                helper.sock = -1; /* it has gone: ssh from now on */
                return false;
        }
        h->out = pair[0];
        h->in = fcntl(pair[0], F_DUPFD_CLOEXEC, 3);
        h->err = err[0];
        fcntl(h->out, F_SETFL, O_NONBLOCK);
        fcntl(h->err, F_SETFL, O_NONBLOCK);
        return h->in >= 0;
}

bool sh_fan_start(struct sh_host *h, const struct sh_target_options *o)
{
        char file[1024], text[16384];
        struct sh_ssh_config c = { .port = h->port };
        if (h->not_fan || (o->more && o->more[0]) || !is_plain_ssh(file, sizeof file))
                return false;
        if (h->user)
                snprintf(c.user, sizeof c.user, "%s", h->user);
        if (o->key)
                snprintf(c.keys, sizeof c.keys, "%s", o->key);
        sh_ssh_config(h->address, file[0] ? file : NULL, &c);
        int n = snprintf(text, sizeof text, "%s\n%d\n%s\n%s\n%s\n%s\n%s", c.address, c.port, c.user, c.keys, c.known,
                         c.alias, "reeve remote");
        if (!c.simple || n >= (int)sizeof text || !start_helper())
                return false;
        h->by_fan = hand_over(h, text, (size_t)n);
        return h->by_fan;
}
