/* SPDX-License-Identifier: MIT */
#include "providers/lib/askfs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"

enum { PATHS = 4096, MOMENT_MS = 20 };

/* What a round of helpers shares: memory of its own, that lives until the last of them has let go of it. */
struct slot {
        char path[PATHS];
        uint32_t mount;
        _Atomic int32_t helper; /* who asks, or 0 */
        atomic_bool answered;
        int32_t state, error;
        struct statvfs fs;
};
struct round {
        atomic_size_t next; /* question to be taken */
        size_t n;
        struct slot slots[];
};

/* Questions whose helper has not come back. */
static struct stalled {
        uint64_t id;
        pid_t helper; /* 0: free */
        int64_t since;
} stalled[RV_ASKFS_HELPERS];
static unsigned nhelpers; /* running ones, of all rounds */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t rounds = PTHREAD_MUTEX_INITIALIZER;

static void from_statfs(const struct statfs *s, struct statvfs *ret)
{
        unsigned long unit = s->f_frsize ? (unsigned long)s->f_frsize : (unsigned long)s->f_bsize;
        *ret = (struct statvfs) { .f_bsize = (unsigned long)s->f_bsize,
                                  .f_frsize = unit,
                                  .f_blocks = s->f_blocks,
                                  .f_bfree = s->f_bfree,
                                  .f_bavail = s->f_bavail,
                                  .f_files = s->f_files,
                                  .f_ffree = s->f_ffree,
                                  .f_favail = s->f_ffree,
                                  .f_namemax = (unsigned long)s->f_namelen };
}

/* Only system calls: this runs in a forked helper, too. O_PATH neither opens nor mounts anything (autofs). */
static enum rv_fs_state ask(const char *path, uint32_t mount, struct statvfs *ret, int *ret_error)
{
        struct statfs s;
        struct statx x = { 0 };
        int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
                *ret_error = errno;
                return RV_FS_ERROR;
        }
        enum rv_fs_state state = RV_FS_OK;
#ifdef STATX_MNT_ID
        if (mount && syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &x) == 0 &&
            x.stx_mask & STATX_MNT_ID && x.stx_mnt_id != mount)
                state = RV_FS_COVERED;
#endif
        if (state == RV_FS_OK && fstatfs(fd, &s) < 0) {
                *ret_error = errno;
                state = RV_FS_ERROR;
        }
        if (state == RV_FS_OK)
                from_statfs(&s, ret);
        close(fd);
        return state;
}

void rv_askfs_here(struct rv_fs_question *q)
{
        q->state = ask(q->path, q->mount, &q->fs, &q->error);
}

static _Noreturn void helper(struct round *r, int report)
{
        prctl(PR_SET_NAME, "reeve-askfs");
        if (report != 3 && dup3(report, 3, O_CLOEXEC) < 0)
                _exit(1);
        if (syscall(SYS_close_range, 4U, ~0U, 0U) < 0)
                for (int fd = 4; fd < 65536; fd++)
                        close(fd);
        for (int fd = 0; fd < 3; fd++)
                close(fd);
        for (size_t i; (i = atomic_fetch_add(&r->next, 1)) < r->n;) {
                struct slot *s = &r->slots[i];
                atomic_store(&s->helper, (int32_t)getpid());
                s->state = ask(s->path, s->mount, &s->fs, &s->error);
                atomic_store(&s->answered, true);
                if (write(3, "", 1) < 0)
                        break;
        }
        _exit(0);
}

/* ---- who is stalled ---- */

/* Under the lock: forgets the helpers that have come back. */
static void reap(void)
{
        for (unsigned i = 0; i < RV_ASKFS_HELPERS; i++)
                if (stalled[i].helper && waitpid(stalled[i].helper, NULL, WNOHANG) != 0) {
                        stalled[i] = (struct stalled) { 0 };
                        nhelpers--;
                }
}

/* Takes out those known to be stalled; answers how many questions are left in `left`. */
static size_t leave_out_stalled(struct rv_fs_question *const *q, size_t n, struct rv_fs_question **left)
{
        size_t count = 0;
        pthread_mutex_lock(&lock);
        reap();
        for (size_t i = 0; i < n; i++) {
                q[i]->state = RV_FS_NOT_ASKED;
                for (unsigned k = 0; k < RV_ASKFS_HELPERS; k++)
                        if (stalled[k].helper && stalled[k].id == q[i]->id) {
                                q[i]->state = RV_FS_STALLED;
                                q[i]->since = stalled[k].since;
                        }
                if (q[i]->state == RV_FS_NOT_ASKED)
                        left[count++] = q[i];
        }
        pthread_mutex_unlock(&lock);
        return count;
}

/* Helpers that are still caught when the agent ends shall not stay for ever where they can be killed. */
__attribute__((destructor)) static void end_helpers(void)
{
        for (unsigned i = 0; i < RV_ASKFS_HELPERS; i++)
                if (stalled[i].helper)
                        kill(stalled[i].helper, SIGKILL);
}

/* ---- a round ---- */

static struct round *round_new(struct rv_fs_question *const *q, size_t n, size_t *ret_size)
{
        *ret_size = sizeof(struct round) + n * sizeof(struct slot);
        struct round *r = mmap(NULL, *ret_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (r == MAP_FAILED)
                return NULL;
        r->n = n;
        for (size_t i = 0; i < n; i++) {
                r->slots[i].mount = q[i]->mount;
                size_t len = strnlen(q[i]->path, PATHS - 1);
                memcpy(r->slots[i].path, q[i]->path, len);
        }
        return r;
}

/* 0 when there is none to be had. */
static pid_t start_helper(struct round *r, int report)
{
        pthread_mutex_lock(&lock);
        reap();
        bool may = nhelpers < RV_ASKFS_HELPERS;
        nhelpers += may;
        pthread_mutex_unlock(&lock);
        pid_t pid = may ? fork() : -1;
        if (pid == 0)
                helper(r, report);
        if (pid < 0 && may) {
                pthread_mutex_lock(&lock);
                nhelpers--;
                pthread_mutex_unlock(&lock);
        }
        return pid > 0 ? pid : 0;
}

static size_t count_answered(const struct round *r)
{
        size_t n = 0;
        for (size_t i = 0; i < r->n; i++)
                n += atomic_load(&r->slots[i].answered);
        return n;
}

/* Until all have answered, or time is up. Another helper joins when nothing has come for a moment and questions are
 * left. Answers how many helpers there are. */
static unsigned ask_all(struct round *r, int in, int report, uint64_t until, pid_t *helpers)
{
        unsigned n = 0;
        uint64_t last = rv_now();
        for (size_t answered = 0; answered < r->n;) {
                bool left = atomic_load(&r->next) < r->n;
                if (left && n < RV_ASKFS_HELPERS && (n == 0 || rv_now() - last >= MOMENT_MS * 1000000u)) {
                        if (!(helpers[n] = start_helper(r, report))) {
                                if (n == 0)
                                        break;
                        } else {
                                n++;
                        }
                        last = rv_now();
                }
                uint64_t now = rv_now();
                if (now >= until)
                        break;
                int wait = (int)((until - now) / 1000000 + 1);
                struct pollfd p = { .fd = in, .events = POLLIN };
                poll(&p, 1, left && n < RV_ASKFS_HELPERS && wait > MOMENT_MS ? MOMENT_MS : wait);
                char bytes[256];
                if (p.revents & POLLIN && read(in, bytes, sizeof bytes) > 0)
                        last = rv_now();
                answered = count_answered(r);
        }
        atomic_store(&r->next, r->n); /* who comes back later takes no more */
        return n;
}

/* Under the lock. There is room: no more than RV_ASKFS_HELPERS are ever started. */
static void remember(pid_t pid, uint64_t id, int64_t since)
{
        for (unsigned i = 0; i < RV_ASKFS_HELPERS; i++)
                if (!stalled[i].helper) {
                        stalled[i] = (struct stalled) { .id = id, .helper = pid, .since = since };
                        return;
                }
}

/* When all have answered, helpers can only end. Else each that has not ended is remembered with what it asks: one that
 * has just taken a question and not yet written its name there, too, though with none. */
static void settle(struct round *r, struct rv_fs_question *const *q, const pid_t *helpers, unsigned n)
{
        int64_t since = rv_wall();
        bool all = count_answered(r) == r->n;
        pthread_mutex_lock(&lock);
        for (unsigned h = 0; h < n; h++) {
                if (waitpid(helpers[h], NULL, all ? 0 : WNOHANG) != 0) {
                        nhelpers--;
                        continue;
                }
                uint64_t id = 0;
                for (size_t i = 0; i < r->n; i++)
                        if (atomic_load(&r->slots[i].helper) == helpers[h] &&
                            !atomic_load(&r->slots[i].answered)) {
                                id = q[i]->id;
                                q[i]->state = RV_FS_STALLED;
                                q[i]->since = since;
                        }
                remember(helpers[h], id, since);
        }
        pthread_mutex_unlock(&lock);
        for (size_t i = 0; i < r->n; i++)
                if (atomic_load(&r->slots[i].answered)) {
                        q[i]->state = (enum rv_fs_state)r->slots[i].state;
                        q[i]->error = r->slots[i].error;
                        q[i]->fs = r->slots[i].fs;
                }
}

/* One round at a time: who comes while a hung server is being found out waits for that, instead of having a helper
 * caught there as well. */
static bool begin_round(uint64_t deadline)
{
        struct timespec until = { (time_t)(deadline / 1000000000), (long)(deadline % 1000000000) };
        return pthread_mutex_clocklock(&rounds, CLOCK_MONOTONIC, &until) == 0;
}

void rv_askfs(struct rv_fs_question *const *q, size_t n, uint64_t deadline)
{
        struct rv_fs_question **left = calloc(n + 1, sizeof *left);
        size_t nleft = left ? leave_out_stalled(q, n, left) : 0, size = 0;
        bool mine = nleft && begin_round(deadline);
        nleft = mine ? leave_out_stalled(q, n, left) : 0;
        struct round *r = nleft ? round_new(left, nleft, &size) : NULL;
        int report[2];
        if (r && pipe2(report, O_CLOEXEC | O_NONBLOCK) == 0) {
                pid_t helpers[RV_ASKFS_HELPERS];
                uint64_t until = rv_now() + RV_ASKFS_PATIENCE;
                unsigned started =
                        ask_all(r, report[0], report[1], until < deadline ? until : deadline, helpers);
                settle(r, left, helpers, started);
                close(report[0]);
                close(report[1]);
        }
        if (r)
                munmap(r, size);
        if (mine)
                pthread_mutex_unlock(&rounds);
        free(left);
}
