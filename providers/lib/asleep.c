/* SPDX-License-Identifier: MIT
 *
 * See asleep.h. A short list under a lock: only processes with many descriptors are in it.
 */
#include "providers/lib/asleep.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/provider.h"
#include "providers/lib/procfs.h"

enum {
        LEAST = 64,                 /* descriptors: fewer are read as quickly */
        LEAST_PER_THREAD = 32,      /* looking at a thread costs as much as some descriptors */
        MOST_PROCESSES = 256,
        BUCKETS = 256,
        MOST_SOCKETS = 256 << 10,   /* of all of them: 2 MiB */
        TICKS = 2 * 10 * 1000 * 1000 /* ns: two of the slowest ticks, 100 a second */
};

struct rv_asleep_thread {
        pid_t id;
        char account[60]; /* its schedstat */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rv_asleep *kept[BUCKETS];
static size_t nkept, nsockets;
static uint64_t asked_at;

void rv_asleep_free(struct rv_asleep *a)
{
        if (!a)
                return;
        if (a->task >= 0)
                close(a->task);
        free(a->threads);
        free(a->inodes);
        free(a);
}

/* ---- threads ---- */

/* False: it has ended, or this kernel keeps no account. */
static bool read_account(int task, pid_t id, char account[static 60])
{
        char path[32];
        unsigned long long ran, waited, times;
        snprintf(path, sizeof path, "%d/schedstat", (int)id);
        return rv_proc_read(task, path, account, 60) > 0 &&
               sscanf(account, "%llu %llu %llu", &ran, &waited, &times) == 3 && times > 0;
}

static bool read_threads(struct rv_asleep *a, size_t most)
{
        DIR *d = rv_proc_folder(a->task, ".");
        bool good = d != NULL;
        for (struct dirent *e; good && (e = readdir(d));) {
                if (e->d_name[0] < '1' || e->d_name[0] > '9')
                        continue;
                struct rv_asleep_thread *t =
                        a->nthreads < most ? realloc(a->threads, (a->nthreads + 1) * sizeof *t) : NULL;
                if (!t)
                        good = false;
                else {
                        a->threads = t;
                        t += a->nthreads++;
                        t->id = (pid_t)atoi(e->d_name);
                        good = read_account(a->task, t->id, t->account);
                }
        }
        if (d)
                closedir(d);
        return good && a->nthreads;
}

/* Whether all its threads are where they were. */
static bool slept(const struct rv_asleep *a)
{
        char account[60];
        for (size_t i = 0; i < a->nthreads; i++)
                if (!read_account(a->task, a->threads[i].id, account) || strcmp(account, a->threads[i].account) != 0)
                        return false;
        return true;
}

/* Whether none is on a processor, or about to be. */
static bool all_sleep(const struct rv_asleep *a)
{
        char path[32], text[1024];
        for (size_t i = 0; i < a->nthreads; i++) {
                snprintf(path, sizeof path, "%d/stat", (int)a->threads[i].id);
                const char *state = rv_proc_read(a->task, path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
                if (!state || !state[1] || !strchr("SDTtZ", state[2]))
                        return false;
        }
        return true;
}

/* Whether each processor has its ticks. */
static bool ticks(void)
{
        static int known = -1;
        char text[64];
        if (known < 0)
                known = rv_proc_read(AT_FDCWD, "/sys/devices/system/cpu/nohz_full", text, sizeof text) <= 0 ||
                        text[0] < '0' || text[0] > '9';
        return known;
}

/* ---- what is kept ---- */

static struct rv_asleep *take(pid_t pid)
{
        struct rv_asleep **at = &kept[(unsigned)pid % BUCKETS], *a;
        while (*at && (*at)->pid != pid)
                at = &(*at)->next;
        a = *at;
        if (a) {
                *at = a->next;
                nkept--;
                nsockets -= a->n;
        }
        return a;
}

static void put(struct rv_asleep *a)
{
        struct rv_asleep **at = &kept[(unsigned)a->pid % BUCKETS];
        a->next = *at;
        *at = a;
        nkept++;
        nsockets += a->n;
}

struct rv_asleep *rv_asleep_find(pid_t pid)
{
        uint64_t now = rv_now();
        pthread_mutex_lock(&lock);
        asked_at = now;
        struct rv_asleep *a = take(pid);
        if (a && now - a->since < TICKS) {
                put(a);
                a = NULL;
        }
        pthread_mutex_unlock(&lock);
        if (!a || slept(a))
                return a;
        rv_asleep_free(a);
        return NULL;
}

struct rv_asleep *rv_asleep_watch(int proc, pid_t pid, size_t count)
{
        char path[32];
        if (count < LEAST || !ticks())
                return NULL;
        struct rv_asleep *a = calloc(1, sizeof *a);
        if (!a)
                return NULL;
        snprintf(path, sizeof path, "%d/task", (int)pid);
        a->pid = pid;
        a->task = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (a->task >= 0 && read_threads(a, count / LEAST_PER_THREAD)) {
                a->since = rv_now();
                return a;
        }
        rv_asleep_free(a);
        return NULL;
}

bool rv_asleep_add(struct rv_asleep *a, uint64_t inode)
{
        if (a->n == a->room) {
                size_t room = a->room ? 2 * a->room : 64;
                uint64_t *inodes = room <= MOST_SOCKETS ? realloc(a->inodes, room * sizeof *inodes) : NULL;
                if (!inodes)
                        return false;
                a->inodes = inodes;
                a->room = room;
        }
        a->inodes[a->n++] = inode;
        return true;
}

static bool same_threads(const struct rv_asleep *a, const struct rv_asleep *b)
{
        bool same = a->nthreads == b->nthreads;
        for (size_t i = 0; same && i < a->nthreads; i++)
                same = a->threads[i].id == b->threads[i].id &&
                       strcmp(a->threads[i].account, b->threads[i].account) == 0;
        return same;
}

void rv_asleep_keep(struct rv_asleep *a)
{
        bool sleeps = a->n && slept(a) && all_sleep(a);
        pthread_mutex_lock(&lock);
        struct rv_asleep *old = take(a->pid);
        if (old && same_threads(old, a) && old->since < a->since)
                a->since = old->since;
        bool fits = sleeps && nkept < MOST_PROCESSES && nsockets + a->n <= MOST_SOCKETS;
        if (fits)
                put(a);
        pthread_mutex_unlock(&lock);
        rv_asleep_free(old);
        if (!fits)
                rv_asleep_free(a);
}

void rv_asleep_rest(void)
{
        pthread_mutex_lock(&lock);
        for (unsigned i = 0; i < BUCKETS && rv_now() - asked_at > RV_IDLE_AFTER / 2; i++)
                while (kept[i])
                        rv_asleep_free(take(kept[i]->pid));
        pthread_mutex_unlock(&lock);
}
