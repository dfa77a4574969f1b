/* SPDX-License-Identifier: MIT
 *
 * reeve-ssh: the SSH front-end that reeved starts. The first process never reads a byte from the network. It
 * proves that libssh's signatures come to crypto.c (selftest.c), is warm by then, and forks a process for each
 * connection that reeved hands it; that process locks itself in (sandbox.c) and speaks SSH (session.c, channel.c).
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/ssh/front.h"
#include "agent/wire/link.h"

struct child {
        pid_t pid;
        uint32_t number;
};

static struct child *children;
static unsigned nchildren, room;
static bool sandboxed = true, compat, passwords;

static void on_child(int signum)
{
        (void)signum; /* only to end ppoll() */
}

static void usage(FILE *f)
{
        fputs("usage: reeve-ssh --host-key BASE64 [--compat] [--passwords] [--fd N] [--no-sandbox]\n"
              "Started by reeved, which hands it connections over descriptor N (3).\n"
              "  --host-key B   public half of the host's ed25519 key\n"
              "  --compat       ecdh-sha2-nistp256 and plain MACs too, for old clients\n"
              "  --passwords    may be asked for; reeved has PAM check them\n"
              "  --fd N         the socket to reeved\n"
              "  --no-sandbox   without system call filter and limits, for valgrind and debuggers\n"
              "  --help, --version\n",
              f);
}

static bool key_from(const char *text, uint8_t key[32])
{
        unsigned char bytes[36]; /* 44 letters, of which the last is padding */
        if (strlen(text) != 44 || EVP_DecodeBlock(bytes, (const unsigned char *)text, 44) != 33)
                return false;
        memcpy(key, bytes, 32);
        return true;
}

static int read_options(int argc, char **argv, int *fd, uint8_t key[32])
{
        static const struct option known[] = { { "fd", 1, NULL, 'f' },       { "no-sandbox", 0, NULL, 'n' },
                                               { "host-key", 1, NULL, 'k' }, { "help", 0, NULL, 'h' },
                                               { "compat", 0, NULL, 'c' },   { "passwords", 0, NULL, 'p' },
                                               { "version", 0, NULL, 'v' },  { 0 } };
        bool given = false;
        for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
                switch (c) {
                case 'f': *fd = atoi(optarg); break;
                case 'n': sandboxed = false; break;
                case 'c': compat = true; break;
                case 'p': passwords = true; break;
                case 'k': given = key_from(optarg, key); break;
                case 'h': usage(stdout); return 0;
                case 'v': printf("reeve-ssh %s (libssh %s)\n", REEVE_VERSION, ssh_version(0)); return 0;
                default: usage(stderr); return 2;
                }
        if (optind == argc && given)
                return -1;
        usage(stderr);
        return 2;
}

static void reap(int fd)
{
        int status;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
                for (unsigned i = 0; i < nchildren; i++)
                        if (children[i].pid == pid) {
                                mon_send(fd,
                                         &(struct mon_message) {
                                                 .type = MON_ENDED,
                                                 .u = { children[i].number, (uint32_t)status } },
                                         NULL, 0);
                                children[i] = children[--nchildren];
                                break;
                        }
}

static int serve(ssh_bind bind, int socket, int link)
{
        static struct front f;
        signal(SIGCHLD, SIG_DFL);
        f.passwords = passwords;
        if (front_start(&f, bind, socket, link) < 0)
                return 1;
        if (sandbox_start(sandboxed) < 0) {
                fputs("reeve-ssh: the sandbox cannot be set up\n", stderr);
                return 1;
        }
        if (sandboxed)
                sandbox_watch(&f);
        int result = front_run(&f);
        if (!sandboxed) /* for leak checkers; a process that ends needs no tidying */
                front_free(&f);
        return result;
}

/* Forks a front-end for the two descriptors: the client's socket and the link. */
static void connection(int fd, ssh_bind bind, uint32_t number, const int fds[2])
{
        if (nchildren == room) {
                unsigned more = room ? room * 2 : 64;
                struct child *to = realloc(children, more * sizeof *to);
                if (!to)
                        return;
                children = to;
                room = more;
        }
        pid_t pid = fork();
        if (pid == 0) {
                close(fd);
                free(children);
                int r = serve(bind, fds[0], fds[1]);
                if (sandboxed)
                        _exit(r);
                ssh_bind_free(bind);
                exit(r);
        }
        if (pid < 0)
                return;
        children[nchildren++] = (struct child) { pid, number };
}

/* reeved has done with a connection. It is our child and not reaped, so that the number is nobody else's. */
static void end(uint32_t number)
{
        for (unsigned i = 0; i < nchildren; i++)
                if (children[i].number == number)
                        kill(children[i].pid, SIGKILL);
}

/* Another host key or other algorithms, for connections from now on; those that are there keep what they began with. */
static bool policy(ssh_bind *bind, const struct mon_message *m)
{
        ssh_bind b = crypto_bind((const uint8_t *)m->b[0].data, m->u[0] & 1);
        if (!b)
                return false;
        passwords = m->u[0] & 2;
        ssh_bind_free(*bind);
        *bind = b;
        return true;
}

/* Fills the holes that the self-test left in the heap. What a connection allocates would lie scattered in them, and
 * each page of the heap that it touches becomes its own: now it comes from the end of the heap, close together. */
static void close_ranks(void)
{
        static void *volatile kept; /* it is never given back */
        for (size_t size = 8192; size >= 24; size -= size > 512 ? 512 : 8)
                for (unsigned n = 0; n < 4096; n++) {
                        char *end = (char *)sbrk(0) - mallinfo2().keepcost, *p = malloc(size);
                        kept = p;
                        if (!p || p >= end) {
                                free(p);
                                break;
                        }
                }
        (void)kept;
}

static int loop(int fd, ssh_bind *bind)
{
        static char buf[4096];
        sigset_t chld, none;
        sigemptyset(&none);
        sigemptyset(&chld);
        sigaddset(&chld, SIGCHLD);
        sigprocmask(SIG_BLOCK, &chld, NULL);
        sigaction(SIGCHLD, &(struct sigaction) { .sa_handler = on_child }, NULL);
        for (;;) {
                reap(fd);
                struct pollfd p = { .fd = fd, .events = POLLIN };
                if (ppoll(&p, 1, NULL, &none) <= 0)
                        continue;
                struct mon_message m;
                int fds[MON_MOST_FDS];
                unsigned nfds = MON_MOST_FDS;
                int r = mon_recv(fd, buf, sizeof buf, &m, fds, &nfds);
                if (r <= 0)
                        return r == 0 ? 0 : 1; /* reeved has gone */
                if (m.type == MON_CONNECTION && nfds == 2)
                        connection(fd, *bind, m.u[0], fds);
                if (m.type == MON_KILL)
                        end(m.u[0]);
                if (m.type == MON_POLICY && !policy(bind, &m))
                        return 1; /* reeved starts another with what counts now */
                while (nfds)
                        close(fds[--nfds]);
        }
}

int main(int argc, char **argv)
{
        uint8_t key[32];
        int fd = 3;
        if (rv_link_take(&argc, &argv) < 0)
                return 1;
        int status = read_options(argc, argv, &fd, key);
        if (status >= 0)
                return status;
        signal(SIGPIPE, SIG_IGN);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        ssh_bind bind = crypto_bind(key, compat);
        if (ssh_init() != SSH_OK || !bind || crypto_start() < 0 || selftest() < 0)
                return 1;
        if (mon_send(fd, &(struct mon_message) { .type = MON_READY }, NULL, 0) < 0) {
                fprintf(stderr, "reeve-ssh: descriptor %d is no socket to reeved\n", fd);
                return 2;
        }
        close_ranks();
        status = loop(fd, &bind);
        ssh_bind_free(bind);
        ssh_finalize();
        return status;
}
