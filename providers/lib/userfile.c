/* SPDX-License-Identifier: MIT
 *
 * See userfile.h. The child answers a head (what it tried last, and how that ended) and then the file's bytes; it makes
 * system calls only, as it is forked from one of several threads. One that hangs is killed; one that cannot even be
 * killed is left to a thread that waits for it, and while too many of those wait no other is started.
 */
#include "providers/lib/userfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/provider.h"

enum { CAUGHT_MOST = 8, PATHS = 4200 };
static atomic_uint caught; /* children that have been killed and have not ended */

enum step {
        ALL_DONE,
        BECOME,
        HOME,
        FOLDER,
        FILE_OPEN,
        FILE_KIND,
        FILE_OWNER,
        FILE_SIZE,
        FILE_READ,
        OTHER_TEXT,
        NEW_FILE,
        RENAME
};
struct head {
        int32_t step, error; /* errno; ALL_DONE with ENOENT: there is no such file */
        uint64_t n;
};

/* ---- in the child ---- */

struct task {
        const struct rv_userfile *f;
        bool write;
        const char *old, *text;
        size_t nold, n;
        char *buf; /* RV_USERFILE_MOST + 1 bytes, had before the fork */
        char temporary[96];
};

static int put(int fd, const char *s, size_t n)
{
        while (n) {
                ssize_t w = write(fd, s, n);
                if (w < 0 && errno == EINTR)
                        continue;
                if (w <= 0)
                        return -1;
                s += w;
                n -= (size_t)w;
        }
        return 0;
}

static _Noreturn void say(int fd, enum step step, int error, const char *s, size_t n)
{
        struct head h = { .step = (int32_t)step, .error = error, .n = n };
        if (put(fd, (const char *)&h, sizeof h) == 0)
                put(fd, s, n);
        _exit(0);
}

static int become(const struct rv_userfile *f)
{
        if (!f->uid || geteuid() != 0)
                return 0;
        return syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, f->gid, f->gid, f->gid) < 0 ||
               syscall(SYS_setresuid, f->uid, f->uid, f->uid) < 0;
}

static int open_folder(const struct task *t, int out)
{
        int home = open(t->f->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (home < 0)
                say(out, t->write || errno != ENOENT ? HOME : ALL_DONE, errno, NULL, 0);
        int folder = openat(home, t->f->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0 && errno == ENOENT && t->write) {
                if (mkdirat(home, t->f->folder, 0700) < 0)
                        say(out, FOLDER, errno, NULL, 0);
                folder = openat(home, t->f->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        if (folder < 0)
                say(out, errno == ENOENT ? ALL_DONE : FOLDER, errno, NULL, 0);
        return folder;
}

/* Answers the bytes, or -1: there is no such file. Mode and owner of it. */
static ssize_t read_file(const struct task *t, int folder, int out, struct stat *ret)
{
        size_t n = 0;
        ssize_t r = 0;
        int fd = openat(folder, t->f->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return -1;
        if (fd < 0 || fstat(fd, ret) < 0)
                say(out, FILE_OPEN, errno, NULL, 0);
        if (!S_ISREG(ret->st_mode))
                say(out, FILE_KIND, EINVAL, NULL, 0);
        if (ret->st_nlink != 1 || (ret->st_uid != t->f->uid && (ret->st_uid != 0 || t->write)))
                say(out, FILE_OWNER, EPERM, NULL, 0);
        while (n <= RV_USERFILE_MOST && (r = read(fd, t->buf + n, RV_USERFILE_MOST + 1 - n)) != 0 &&
               (r > 0 || errno == EINTR))
                n += r > 0 ? (size_t)r : 0;
        if (r < 0)
                say(out, FILE_READ, errno, NULL, 0);
        if (n > RV_USERFILE_MOST)
                say(out, FILE_SIZE, EFBIG, NULL, 0);
        close(fd);
        return (ssize_t)n;
}

static void write_file(const struct task *t, int folder, int out, mode_t mode)
{
        unlinkat(folder, t->temporary, 0); /* of one that was killed */
        int fd = openat(folder, t->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                say(out, NEW_FILE, errno, NULL, 0);
        if (put(fd, t->text, t->n) < 0 || fchmod(fd, mode & 0777) < 0 || fsync(fd) < 0) {
                int error = errno;
                unlinkat(folder, t->temporary, 0);
                say(out, NEW_FILE, error, NULL, 0);
        }
        if (renameat(folder, t->temporary, folder, t->f->name) < 0) {
                int error = errno;
                unlinkat(folder, t->temporary, 0);
                say(out, RENAME, error, NULL, 0);
        }
        fsync(folder);
}

static _Noreturn void child(const struct task *t, int out)
{
        struct stat st = { 0 };
        setsid();
        signal(SIGPIPE, SIG_IGN);
        if (out != 3 && dup3(out, 3, O_CLOEXEC) < 0)
                _exit(1);
        syscall(SYS_close_range, 4U, ~0U, 0U);
        if (become(t->f))
                say(3, BECOME, errno, NULL, 0);
        int folder = open_folder(t, 3);
        ssize_t n = read_file(t, folder, 3, &st);
        if (!t->write)
                say(3, ALL_DONE, n < 0 ? ENOENT : 0, t->buf, n < 0 ? 0 : (size_t)n);
        bool same = n < 0 ? !t->old : t->old && (size_t)n == t->nold && memcmp(t->buf, t->old, t->nold) == 0;
        if (!same)
                say(3, OTHER_TEXT, EAGAIN, NULL, 0);
        write_file(t, folder, 3, n < 0 ? 0600 : st.st_mode);
        say(3, ALL_DONE, 0, NULL, 0);
}

/* ---- in the agent ---- */

static void *wait_for(void *pid)
{
        while (waitpid((pid_t)(intptr_t)pid, NULL, 0) < 0 && errno == EINTR)
                ;
        atomic_fetch_sub(&caught, 1);
        return NULL;
}

/* Kills it, and waits where it ends of that at once. */
static void end_child(pid_t pid)
{
        pthread_t thread;
        kill(pid, SIGKILL);
        for (int i = 0; i < 100; i++) {
                pid_t r = waitpid(pid, NULL, WNOHANG);
                if (r == pid || (r < 0 && errno != EINTR))
                        return;
                poll(NULL, 0, 1);
        }
        atomic_fetch_add(&caught, 1);
        if (pthread_create(&thread, NULL, wait_for, (void *)(intptr_t)pid) == 0)
                pthread_detach(thread);
}

/* n bytes, before the deadline. */
static bool take(int fd, void *to, size_t n, uint64_t deadline)
{
        for (size_t at = 0; at < n;) {
                uint64_t now = rv_now();
                struct pollfd p = { .fd = fd, .events = POLLIN };
                int ready = now < deadline ? poll(&p, 1, (int)((deadline - now) / 1000000 + 1)) : 0;
                if (ready < 0 && errno == EINTR)
                        continue;
                if (ready <= 0)
                        return false;
                ssize_t r = read(fd, (char *)to + at, n - at);
                if (r <= 0 && errno != EINTR)
                        return false;
                at += r > 0 ? (size_t)r : 0;
        }
        return true;
}

static int explain(const struct task *t, const struct head *h, struct rv_error *err)
{
        char path[PATHS];
        snprintf(path, sizeof path, "%s/%s/%s", t->f->home, t->f->folder, t->f->name);
        const char *verb = t->write ? "change" : "read";
        switch (h->step) {
        case HOME:
                rv_fail_errno(err, h->error, "cannot %s %s: its user cannot open the home folder", verb,
                              path);
                break;
        case FOLDER:
                if (h->error != ELOOP && h->error != ENOTDIR)
                        rv_fail_errno(err, h->error, "cannot %s %s: its user cannot open the folder %s", verb,
                                      path, t->f->folder);
                else
                        rv_fail(err, RV_ACCESS_DENIED, "will not %s %s: %s is no folder but a link or a file",
                                verb, path, t->f->folder);
                break;
        case FILE_OPEN:
                if (h->error != ELOOP)
                        rv_fail_errno(err, h->error, "cannot %s %s as its user", verb, path);
                else
                        rv_fail(err, RV_ACCESS_DENIED, "will not %s %s: it is a symbolic link", verb, path);
                break;
        case FILE_KIND:
                return rv_fail(err, RV_ACCESS_DENIED, "will not %s %s: it is no plain file", verb, path);
        case FILE_OWNER:
                return rv_fail(err, RV_ACCESS_DENIED,
                               "will not %s %s: it is not its user's alone (another's file, or a hard link)",
                               verb, path);
        case FILE_SIZE:
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "will not %s %s: it is larger than 1 MiB",
                               verb, path);
        case OTHER_TEXT:
                rv_fail(err, RV_UNAVAILABLE, "%s was changed by another at the same moment", path);
                if (err)
                        err->retryable = true;
                return rv_hint(err, "Nothing was changed: look at it and try again.");
        default: return rv_fail_errno(err, h->error, "cannot %s %s as its user", verb, path);
        }
        return rv_hint(err, "Look at the owner and mode of the folders and the file, as the user sees them.");
}

static int run(struct task *t, char **ret, size_t *ret_n, struct rv_error *err)
{
        int report[2];
        struct head h = { 0 };
        if (atomic_load(&caught) >= CAUGHT_MOST)
                return rv_fail(err, RV_TIMED_OUT, "%s was not asked: too many homes do not answer",
                               t->f->home);
        t->buf = malloc(RV_USERFILE_MOST + 1);
        if (!t->buf)
                return -ENOMEM;
        snprintf(t->temporary, sizeof t->temporary, ".%.40s.reeve-%d", t->f->name, (int)getpid());
        int e = pipe2(report, O_CLOEXEC) < 0 ? -errno : 0;
        pid_t pid = e ? -1 : fork();
        if (pid == 0)
                child(t, report[1]);
        if (e == 0) {
                e = pid < 0 ? -errno : 0;
                close(report[1]);
                bool answered = e == 0 && take(report[0], &h, sizeof h, t->f->deadline) &&
                                h.n <= RV_USERFILE_MOST &&
                                take(report[0], t->buf, (size_t)h.n, t->f->deadline);
                close(report[0]);
                if (pid > 0)
                        end_child(pid);
                if (e == 0 && !answered)
                        e = rv_fail(err, RV_TIMED_OUT, "%s does not answer: its file system hangs",
                                    t->f->home);
                else if (e == 0 && (h.step != ALL_DONE || (h.error && h.error != ENOENT)))
                        e = explain(t, &h, err);
        }
        if (e == 0 && ret && h.error != ENOENT) {
                t->buf[h.n] = 0;
                *ret_n = (size_t)h.n;
                *ret = realloc(t->buf, (size_t)h.n + 1);
                t->buf = NULL;
        }
        free(t->buf);
        return e;
}

int rv_userfile_read(const struct rv_userfile *f, char **ret, size_t *ret_n, struct rv_error *err)
{
        struct task t = { .f = f };
        *ret = NULL;
        *ret_n = 0;
        return run(&t, ret, ret_n, err);
}

int rv_userfile_write(const struct rv_userfile *f, const char *old, size_t nold, const char *text, size_t n,
                      struct rv_error *err)
{
        struct task t = { .f = f, .write = true, .old = old, .nold = nold, .text = text, .n = n };
        return run(&t, NULL, NULL, err);
}
