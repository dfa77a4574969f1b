/* SPDX-License-Identifier: MIT */
#include "providers/lib/proccache.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"

enum { BUCKETS = 8192, MOST_TEXT = 8192, SPREAD = 32, MOST_FDS = 16384 };

struct kept {
        struct kept *next;
        pid_t pid;
        int fd;                 /* of stat, or -1 */
        uint64_t start;         /* field 22 */
        uint64_t args, args_end;/* fields 48, 49 */
        uint64_t until;         /* CLOCK_MONOTONIC ns: the text is good until then; 0 = there is none */
        unsigned walk;
        bool rewrites;
        uint32_t len;
        char *text;
};

static struct kept *buckets[BUCKETS];
static unsigned count, fds, most_fds, walks;
static struct rlimit original;
static bool limits_raised;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Descriptors: as many as the hard limit lets, but never more than half of them for the cache. */
static void raise_limits(void)
{
        struct rlimit l;
        if (limits_raised || getrlimit(RLIMIT_NOFILE, &l) < 0)
                return;
        original = l;
        limits_raised = true;
        l.rlim_cur = l.rlim_max < 4 * MOST_FDS ? l.rlim_max : 4 * MOST_FDS;
        if (l.rlim_cur < original.rlim_cur || setrlimit(RLIMIT_NOFILE, &l) < 0)
                l = original;
        most_fds = l.rlim_cur / 2 < MOST_FDS ? (unsigned)(l.rlim_cur / 2) : MOST_FDS;
}

void rv_proccache_child_limits(void)
{
        if (limits_raised)
                setrlimit(RLIMIT_NOFILE, &original);
}

static struct kept **find(pid_t pid)
{
        struct kept **at = &buckets[(unsigned)pid % BUCKETS];
        while (*at && (*at)->pid != pid)
                at = &(*at)->next;
        return at;
}

static void forget(struct kept **at)
{
        struct kept *k = *at;
        *at = k->next;
        if (k->fd >= 0) {
                close(k->fd);
                fds--;
        }
        count--;
        free(k->text);
        free(k);
}

static struct kept *add(pid_t pid, int fd, uint64_t start)
{
        struct kept **at = find(pid);
        struct kept *k = *at || count >= RV_PROCCACHE_MOST ? NULL : calloc(1, sizeof *k);
        if (!k)
                return NULL;
        raise_limits();
        *k = (struct kept){ .pid = pid, .fd = -1, .start = start, .walk = walks };
        if (fds < most_fds) {
                k->fd = fd;
                fds++;
        }
        *at = k;
        count++;
        return k;
}

static bool is_good(const struct kept *k, const struct rv_proc_stat *s)
{
        return k->until && !k->rewrites && k->args == s->f[48] && k->args_end == s->f[49] && rv_now() < k->until;
}

/* stat through the kept descriptor, or a new one that is kept from now on. Under the lock. */
static int read_stat(int root, pid_t pid, struct rv_proc_stat *ret, struct kept **ret_kept)
{
        char path[32], buf[1024];
        struct kept **at = find(pid);
        if (*at && (*at)->fd >= 0) {
                ssize_t n = pread((*at)->fd, buf, sizeof buf - 1, 0);
                if (n > 0 && rv_proc_stat_parse(buf, (size_t)n, ret) && ret->f[22] == (*at)->start) {
                        *ret_kept = *at;
                        return 0;
                }
                forget(at);
        }
        snprintf(path, sizeof path, "%d/stat", (int)pid);
        int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : pread(fd, buf, sizeof buf - 1, 0);
        int r = n < 0 ? -errno : rv_proc_stat_parse(buf, (size_t)n, ret) ? 0 : n == 0 ? -ESRCH : -EPROTO;
        if (r == 0) {
                struct kept *k = *find(pid);
                if (k && k->start != ret->f[22]) {
                        forget(find(pid));
                        k = NULL;
                }
                *ret_kept = k ? k : add(pid, fd, ret->f[22]);
        }
        if (fd >= 0 && !(r == 0 && *ret_kept && (*ret_kept)->fd == fd))
                close(fd);
        return r;
}

int rv_proccache_stat(int root, pid_t pid, struct rv_proc_stat *ret, rv_proccache_use *use, void *state,
                      enum rv_kept *ret_kept)
{
        struct kept *k = NULL;
        *ret_kept = RV_KEPT_NOT;
        pthread_mutex_lock(&lock);
        int r = read_stat(root, pid, ret, &k);
        if (r == 0 && k) {
                k->walk = walks;
                if (use && is_good(k, ret)) {
                        use(state, k->text, k->len);
                        *ret_kept = RV_KEPT_USED;
                }
        }
        pthread_mutex_unlock(&lock);
        return r;
}

bool rv_proccache_same(int root, pid_t pid, const struct rv_proc_stat *s)
{
        struct rv_proc_stat now;
        char byte;
        pthread_mutex_lock(&lock);
        struct kept *k = *find(pid);
        bool kept = k && k->fd >= 0 && k->start == s->f[22];
        bool same = kept && pread(k->fd, &byte, 1, 0) == 1; /* it can only ever speak of that process */
        pthread_mutex_unlock(&lock);
        return kept ? same : rv_proc_stat(root, pid, &now) == 0 && now.f[22] == s->f[22];
}

/* How long it may be kept: see the header. Processes whose arguments' place we may not see: a second. */
static uint64_t good_for(pid_t pid, const struct rv_proc_stat *s)
{
        struct timespec up;
        clock_gettime(CLOCK_BOOTTIME, &up);
        int64_t now = (int64_t)up.tv_sec * INT64_C(1000000000) + up.tv_nsec, age = now - rv_ticks_to_ns(s->f[22]);
        uint64_t most = RV_PROCCACHE_AGE + (uint64_t)(pid % SPREAD) * UINT64_C(1000000000);
        uint64_t quarter = age > 0 ? (uint64_t)age / 4 : 0;
        if (!s->f[48] && !(s->f[9] & 0x00200000)) /* PF_KTHREAD: a kernel thread has none, ever */
                most = UINT64_C(1000000000);
        return quarter < most ? quarter : most;
}

void rv_proccache_keep(pid_t pid, const struct rv_proc_stat *s, const char *arguments, size_t n)
{
        if (n > MOST_TEXT)
                return;
        pthread_mutex_lock(&lock);
        struct kept *k = *find(pid);
        if (k && k->start == s->f[22]) {
                bool same = k->until && k->len == n && (!n || memcmp(k->text, arguments, n) == 0);
                if (k->until && !same && k->args == s->f[48] && k->args_end == s->f[49])
                        k->rewrites = true;
                if (!same) {
                        free(k->text);
                        k->text = n ? malloc(n) : NULL;
                        k->len = (uint32_t)n;
                        if (k->text)
                                memcpy(k->text, arguments, n);
                }
                k->args = s->f[48], k->args_end = s->f[49];
                k->until = k->text || !n ? rv_now() + good_for(pid, s) : 0;
        }
        pthread_mutex_unlock(&lock);
}

unsigned rv_proccache_begin(void)
{
        pthread_mutex_lock(&lock);
        unsigned walk = ++walks;
        pthread_mutex_unlock(&lock);
        return walk;
}

static void forget_before(unsigned walk, bool all)
{
        pthread_mutex_lock(&lock);
        for (unsigned b = 0; b < BUCKETS; b++)
                for (struct kept **at = &buckets[b]; *at;)
                        if (all || (int)((*at)->walk - walk) < 0)
                                forget(at);
                        else
                                at = &(*at)->next;
        pthread_mutex_unlock(&lock);
}

void rv_proccache_end(unsigned walk)
{
        forget_before(walk, false);
}

void rv_proccache_drop(void)
{
        forget_before(0, true);
}
