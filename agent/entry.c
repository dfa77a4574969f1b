/* SPDX-License-Identifier: MIT
 *
 * A provider as the agent runs it: its own bounded threads, and what it has done so far.
 */
#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/assoc.h"
#include "agent/external.h"
#include "agent/watch.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define REST_AFTER UINT64_C(45000000000) /* ns */

static void on_idle(struct rv_alarm *alarm)
{
        struct rv_entry *e = OF(alarm, struct rv_entry, idle);
        uint64_t when = e->last_ended + RV_IDLE_AFTER;
        if (e->running || rv_now() < when) {
                rv_alarm_set(&e->agent->loop, alarm, e->running ? rv_now() + RV_IDLE_AFTER : when);
                return;
        }
        e->provider->idle();
        malloc_trim(0);
}

/* Pages of program text and constants are given up too: they stay in the page cache, and those that are needed again
 * come back with a fault each. Nothing that was ever written to is among them. */
static int give_up_pages(struct dl_phdr_info *o, size_t size, void *state)
{
        const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
        (void)size, (void)state;
        for (unsigned i = 0; i < o->dlpi_phnum; i++) {
                const ElfW(Phdr) *h = &o->dlpi_phdr[i];
                if (h->p_type != PT_LOAD || h->p_flags & PF_W)
                        continue;
                uintptr_t from = (o->dlpi_addr + h->p_vaddr + page - 1) & ~(page - 1),
                          to = (o->dlpi_addr + h->p_vaddr + h->p_filesz) & ~(page - 1);
                if (from < to)
                        madvise((void *)from, to - from, MADV_DONTNEED);
        }
        return 0;
}

/* Some time after a call: what it left free in the heap goes back to the system. While requests are under way,
 * later. */
static void on_rest(struct rv_alarm *alarm)
{
        struct rv_agent *a = OF(alarm, struct rv_agent, rest);
        if (a->nrequests) {
                rv_alarm_set(&a->loop, alarm, rv_now() + REST_AFTER / 10);
                return;
        }
        rv_state_rest(&a->state);
        rv_spare_free(a);
        malloc_trim(0);
        dl_iterate_phdr(give_up_pages, NULL);
}

static void entry_init(struct rv_agent *a, const struct rv_provider *p)
{
        struct rv_entry *e = &a->entries[a->nentries++];
        e->provider = p;
        e->agent = a;
        e->idle.ring = on_idle;
        pthread_mutex_init(&e->lock, NULL);
        rv_pool_init(&e->pool, p->class->name, p->threads ? p->threads : 2);
}

int rv_entries_init(struct rv_agent *a)
{
        unsigned n = 0;
        if (rv_assocs_init(a))
                return -1;
        for (uint32_t f = 0; f < rv_nprovider_files; f++)
                for (const struct rv_provider *const *p = rv_provider_files[f]; *p; p++)
                        n++;
        const struct rv_provider *const *more = rv_external_providers();
        for (const struct rv_provider *const *p = more; p && *p; p++)
                n++;
        a->entries = calloc(n + a->nassocs + 1, sizeof *a->entries);
        if (!a->entries)
                return -1;
        for (uint32_t f = 0; f < rv_nprovider_files; f++)
                for (const struct rv_provider *const *p = rv_provider_files[f]; *p; p++)
                        entry_init(a, *p);
        for (const struct rv_provider *const *p = more; p && *p; p++)
                entry_init(a, *p);
        for (unsigned i = 0; i < a->nassocs; i++)
                entry_init(a, &a->assocs[i].provider);
        return 0;
}

void rv_entries_free(struct rv_agent *a)
{
        rv_spare_free(a);
        uint64_t deadline = rv_now() + UINT64_C(200000000);
        bool all = true;
        for (unsigned i = 0; i < a->nentries; i++)
                all &= rv_pool_drain(&a->entries[i].pool, deadline);
        if (!all) /* a stuck thread still uses its entry */
                return;
        for (unsigned i = 0; i < a->nentries; i++) {
                free(a->entries[i].durations);
                free(a->entries[i].last_error);
        }
        free(a->entries);
        rv_external_free();
        rv_assocs_free(a);
}

struct rv_entry *rv_entry_find(struct rv_agent *a, const struct rv_class *c)
{
        for (unsigned i = 0; i < a->nentries; i++)
                if (a->entries[i].provider->class == c)
                        return &a->entries[i];
        return NULL;
}

/* Four buckets for each power of two. */
static unsigned bucket(uint64_t ns)
{
        if (ns < 4)
                return (unsigned)ns;
        unsigned power = 63 - (unsigned)__builtin_clzll(ns),
                 b = (power - 1) * 4 + (unsigned)(ns >> (power - 2) & 3);
        return b < RV_BUCKETS ? b : RV_BUCKETS - 1;
}

static uint64_t bucket_value(unsigned b)
{
        return b < 4 ? b : (UINT64_C(4) + b % 4) << (b / 4 - 1);
}

void rv_entry_begin(struct rv_entry *e)
{
        pthread_mutex_lock(&e->lock);
        e->calls++;
        e->running++;
        pthread_mutex_unlock(&e->lock);
}

void rv_entry_end(struct rv_entry *e, uint64_t took, uint64_t rows, const struct rv_error *err,
                  bool timed_out)
{
        pthread_mutex_lock(&e->lock);
        e->running -= e->running > 0;
        e->rows += rows;
        if (!e->durations)
                e->durations = calloc(RV_BUCKETS, sizeof *e->durations);
        if (e->durations)
                e->durations[bucket(took)]++;
        if (took > e->longest)
                e->longest = took;
        e->timeouts += timed_out;
        if (err && err->code) {
                e->errors++;
                e->last_error_time = rv_wall();
                free(e->last_error);
                e->last_error = strdup(err->message);
        }
        pthread_mutex_unlock(&e->lock);
        struct rv_agent *a = e->agent;
        e->last_ended = rv_now();
        if (!a->rest.at) {
                a->rest.ring = on_rest;
                rv_alarm_set(&a->loop, &a->rest, e->last_ended + REST_AFTER);
        }
        if (!e->provider->idle)
                return;
        if (!e->idle.at)
                rv_alarm_set(&e->agent->loop, &e->idle, e->last_ended + RV_IDLE_AFTER);
}

static uint64_t percentile(const struct rv_entry *e, unsigned percent)
{
        uint64_t total = 0, seen = 0;
        for (unsigned b = 0; e->durations && b < RV_BUCKETS; b++)
                total += e->durations[b];
        for (unsigned b = 0; total && b < RV_BUCKETS; b++)
                if ((seen += e->durations[b]) * 100 >= total * percent)
                        return bucket_value(b);
        return 0;
}

void rv_entry_stats(struct rv_entry *e, struct rv_provider_stats *ret)
{
        *ret = (struct rv_provider_stats) { .class = e->provider->class };
        snprintf(ret->name, sizeof ret->name, "%s", e->provider->class->name);
        ret->kind = rv_external_is(e->provider) ? "External"
                    : e->provider->quick        ? "Quick"
                    : e->provider->start        ? "Loop"
                                                : "Blocking";
        pthread_mutex_lock(&e->pool.lock);
        ret->threads = e->pool.threads;
        ret->max_threads = e->pool.max;
        ret->stuck = e->pool.stuck;
        ret->stuck_since = e->pool.stuck_since;
        pthread_mutex_unlock(&e->pool.lock);
        pthread_mutex_lock(&e->lock);
        ret->calls = e->calls, ret->errors = e->errors, ret->timeouts = e->timeouts, ret->rows = e->rows;
        ret->refused = e->refused, ret->longest = e->longest, ret->running = e->running;
        ret->p50 = percentile(e, 50), ret->p99 = percentile(e, 99);
        ret->last_error_time = e->last_error_time;
        snprintf(ret->last_error, sizeof ret->last_error, "%s", e->last_error ? e->last_error : "");
        pthread_mutex_unlock(&e->lock);
        if (e->provider->push)
                ret->events = rv_watch_events(e->agent, e);
        if (ret->events && strcmp(ret->events, "Pushed") == 0 && rv_external_is(e->provider))
                ret->events = rv_external_events(e->provider->class);
        ret->control_group = rv_external_control_group(e->provider->class);
        ret->state = ret->stuck && ret->stuck == ret->max_threads ? "Stuck"
                     : ret->running                               ? "Running"
                                                                  : "Idle";
}

int rv_stats_each_provider(const struct rv_call *call, int (*each)(void *, const struct rv_provider_stats *),
                           void *state)
{
        struct rv_agent *a = call->core;
        int r = 0;
        for (unsigned i = 0; i < a->nentries && r == 0; i++) {
                struct rv_provider_stats s;
                rv_entry_stats(&a->entries[i], &s);
                r = each(state, &s);
        }
        return r;
}
