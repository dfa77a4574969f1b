/* SPDX-License-Identifier: MIT
 *
 * The test agent: the real agent's code with these providers instead of ours. Each misbehaves in its own way: it
 * floods, hangs, fails, trickles, runs on the loop. Built as build/tests/bin/reeve-agent-modes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "agent/provider.h"
#include "gen/Modes.h"

enum { MANY = 10000, FLOOD = 10000000, LOOP_ROWS = 10000 };

static atomic_uint costly_reads;

static void fill_many(struct rv_row *r, uint32_t i)
{
        char name[32];
        int n = snprintf(name, sizeof name, "thing %u", i);
        T_Many_set_Id(r, i);
        T_Many_set_Name(r, name, (size_t)n);
        T_Many_set_ParentId(r, i / 10);
        T_Many_set_Size(r, (uint64_t)i * 4096);
        T_Many_set_Minus(r, -(int64_t)i);
        T_Many_set_Ratio(r, i / 7.0);
        T_Many_set_Odd(r, i % 2);
        T_Many_set_When(r, (INT64_C(1700000000) + i) * 1000000000);
        T_Many_set_Letter(r, &"abc"[i % 3], 1);
        T_Many_set_Text(r, "some text that is as long as a short command line", 49);
        rv_list pair = T_Many_set_Pair(r, 2);
        rv_item_uint(r, pair, 0, i);
        rv_item_uint(r, pair, 1, i + 1);
        if (T_Many_wants_Costly(r))
                T_Many_set_Costly(r, ++costly_reads);
}

static int many_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)err;
        uint32_t first = 1, last = MANY;
        const struct rv_arg *id = rv_equals(q, T_Many_Id);
        if (id)
                first = last = (uint32_t)id->u;
        int r = RV_OK;
        for (uint32_t i = first; i && i <= last && i <= MANY && r == RV_OK; i++) {
                struct rv_row *row = rv_row(out);
                fill_many(row, i);
                r = rv_emit(out, row);
        }
        return r;
}

static int flood_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        char dashes[100];
        memset(dashes, '-', sizeof dashes);
        int r = RV_OK;
        for (uint32_t i = 1; i <= FLOOD && r == RV_OK; i++) {
                struct rv_row *row = rv_row(out);
                T_Flood_set_Id(row, i);
                T_Flood_set_Text(row,
                                 "---------------------------------------------------------------------------"
                                 "-------------------------",
                                 100);
                r = rv_emit(out, row);
        }
        return r;
}

static int hung_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        for (uint32_t i = 1; i <= 3; i++) {
                struct rv_row *row = rv_row(out);
                T_Hung_set_Id(row, i);
                int r = rv_emit(out, row);
                if (r)
                        return r;
        }
        T_Hung_set_Id(rv_row(out), 4); /* begun, never emitted */
        for (;;)
                pause();
}

static int slow_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)err;
        int r = RV_OK;
        for (uint32_t i = 1; r == RV_OK && !rv_cancelled(q->call); i++) {
                struct rv_row *row = rv_row(out);
                T_Slow_set_Id(row, i);
                r = rv_emit(out, row);
                usleep(20000);
        }
        return r;
}

static int slow_wait(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct T_Slow_Wait_in *a = in;
        for (uint32_t ms = 0; ms < a->Milliseconds; ms += 5) {
                if (rv_cancelled(c))
                        return rv_fail(err, RV_PULL_HAS_BEEN_ABANDONED, "the wait was cut short");
                usleep(5000);
        }
        T_Slow_Wait_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int fails_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        for (uint32_t i = 1; i <= 2; i++) {
                struct rv_row *row = rv_row(out);
                T_Fails_set_Id(row, i);
                rv_emit(out, row);
        }
        rv_hint(err, "Mend the thing.");
        return rv_fail(err, RV_UNAVAILABLE, "cannot read thing 3: it is broken");
}

static int fault_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)out;
        (void)err;
        return -EIO;
}

static int partial_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        for (uint32_t i = 1; i <= 2; i++) {
                struct rv_row *row = rv_row(out);
                T_Partial_set_Id(row, i);
                rv_emit(out, row);
        }
        rv_about(err, "T_Partial", "3", NULL);
        rv_fail(err, RV_UNAVAILABLE, "cannot read thing 3: it is asleep");
        rv_partial(out, err);
        return RV_OK;
}

static int square_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        for (uint32_t i = 1; i <= 4; i += 3) {
                struct rv_row *row = rv_row(out);
                T_Square_set_Id(row, i);
                T_Square_set_Corners(row, 4);
                T_Square_set_Side(row, i * 10);
                rv_emit(out, row);
        }
        return RV_OK;
}

static int triangle_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        for (uint32_t i = 2; i <= 5; i += 3) {
                struct rv_row *row = rv_row(out);
                T_Triangle_set_Id(row, i);
                T_Triangle_set_Corners(row, 3);
                T_Triangle_set_Area(row, i / 2.0);
                rv_emit(out, row);
        }
        return RV_OK;
}

static int blob_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)out;
        return rv_fail(err, RV_UNAVAILABLE, "blobs cannot be read now");
}

/* ---- on the loop ---- */

static void loop_go(struct rv_call *c)
{
        uint32_t *at = c->state;
        int r = RV_OK;
        while (*at < LOOP_ROWS && r == RV_OK) {
                struct rv_row *row = rv_row(c->sink);
                T_Loop_set_Id(row, ++*at);
                r = rv_emit(c->sink, row);
        }
        if (r == RV_FULL && *at < LOOP_ROWS)
                return;
        free(at);
        c->state = NULL;
        rv_done(c->sink, NULL);
}

static int loop_start(struct rv_call *c, struct rv_error *err)
{
        (void)err;
        c->state = calloc(1, sizeof(uint32_t));
        if (!c->state)
                return -ENOMEM;
        loop_go(c);
        return RV_OK;
}

static void loop_cancel(struct rv_call *c)
{
        free(c->state);
        c->state = NULL;
}

static unsigned loop_hung_cancelled;

static int loop_hung_start(struct rv_call *c, struct rv_error *err)
{
        (void)err;
        struct rv_row *row = rv_row(c->sink);
        T_LoopHung_set_Id(row, 1);
        T_LoopHung_set_Cancelled(row, loop_hung_cancelled);
        rv_emit(c->sink, row);
        return RV_OK;
}

static void loop_hung_cancel(struct rv_call *c)
{
        (void)c;
        loop_hung_cancelled++;
}

static int quick_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)err;
        const struct rv_arg *count = rv_equals(q, T_Quick_Count), *id = rv_equals(q, T_Quick_Id);
        uint32_t n = count ? (uint32_t)count->u : 3;
        int r = RV_OK;
        for (uint32_t i = id ? (uint32_t)id->u : 1; i <= n && r == RV_OK; i++) {
                struct rv_row *row = rv_row(out);
                T_Quick_set_Id(row, i);
                T_Quick_set_Count(row, n);
                T_Quick_set_OnLoop(row, getpid() == gettid());
                r = rv_emit(out, row);
        }
        return r;
}

static int one_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        struct rv_row *row = rv_row(out);
        T_One_set_Answer(row, 42);
        return rv_emit(out, row);
}

/* ---- items ---- */

struct item {
        char name[32], colour[16];
        uint32_t generation, amount, serial;
};
static struct item items[1000];
static unsigned nitems, serial;
static pthread_mutex_t items_lock = PTHREAD_MUTEX_INITIALIZER;

static void fill_item(struct rv_row *r, const struct item *i)
{
        T_Item_set_Name(r, i->name, strlen(i->name));
        T_Item_set_Generation(r, i->generation);
        if (*i->colour)
                T_Item_set_Colour(r, i->colour, strlen(i->colour));
        T_Item_set_Amount(r, i->amount);
        T_Item_set_Serial(r, i->serial);
        T_Item_set_Password(r, "hunter2", 7);
        T_Item_set_State(r, i->amount > 100 ? "busy" : "idle", 4);
}

static int item_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)err;
        const struct rv_arg *name = rv_equals(q, T_Item_Name);
        int r = RV_OK;
        pthread_mutex_lock(&items_lock);
        for (unsigned i = 0; i < nitems && r == RV_OK; i++) {
                if (name && strcmp(items[i].name, name->s) != 0)
                        continue;
                struct rv_row *row = rv_row(out);
                fill_item(row, &items[i]);
                r = rv_emit(out, row);
        }
        pthread_mutex_unlock(&items_lock);
        return r;
}

/* Under the lock. */
static struct item *find_item(const struct rv_call *c, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[T_Item_Name], *generation = &c->key[T_Item_Generation];
        for (unsigned i = 0; i < nitems; i++)
                if (name->type == RV_STRING && !strcmp(items[i].name, name->s) &&
                    generation->type == RV_UINT && generation->u == items[i].generation)
                        return &items[i];
        rv_fail(err, RV_NOT_FOUND, "there is no item %s",
                name->type == RV_STRING ? name->s : "without a name");
        return NULL;
}

static void set_colour(struct item *i, const struct rv_arg *v)
{
        snprintf(i->colour, sizeof i->colour, "%s", v->type == RV_STRING ? v->s : "");
}

/* Amounts that cannot be had: 666 fails, 777 takes three seconds. */
static int odd_amount(const struct rv_call *c, const struct rv_arg *amount, struct rv_error *err)
{
        if (amount->type != RV_UINT || c->what_if)
                return RV_OK;
        if (amount->u == 777)
                usleep(3000000);
        return amount->u == 666 ? rv_fail(err, RV_FAILED, "there are never 666 of anything") : RV_OK;
}

static int item_create(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *name = &v->v[T_Item_Name];
        if (name->type != RV_STRING)
                return rv_fail(err, RV_INVALID_PARAMETER, "an item needs a Name");
        int r = odd_amount(c, &v->v[T_Item_Amount], err);
        pthread_mutex_lock(&items_lock);
        for (unsigned i = 0; i < nitems && r == RV_OK; i++)
                if (!strcmp(items[i].name, name->s) && v->v[T_Item_Generation].type == RV_NULL)
                        r = rv_fail(err, RV_ALREADY_EXISTS, "there is an item %s already", name->s);
        rv_change(c, "Name", NULL, name->s);
        if (r == RV_OK && !c->what_if && nitems < 1000) {
                struct item *i = &items[nitems++];
                *i = (struct item) { .generation = v->v[T_Item_Generation].type == RV_UINT
                                                           ? (uint32_t)v->v[T_Item_Generation].u
                                                           : 1,
                                     .amount = (uint32_t)v->v[T_Item_Amount].u,
                                     .serial = ++serial };
                snprintf(i->name, sizeof i->name, "%s", name->s);
                set_colour(i, &v->v[T_Item_Colour]);
                fill_item(c->out, i); /* the new object */
        }
        pthread_mutex_unlock(&items_lock);
        return r;
}

static int item_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        pthread_mutex_lock(&items_lock);
        struct item *i = find_item(c, err);
        if (i && rv_bit(v->set, T_Item_Colour)) {
                const char *to = v->v[T_Item_Colour].type == RV_STRING ? v->v[T_Item_Colour].s : NULL;
                rv_change(c, "Colour", *i->colour ? i->colour : NULL, to);
                if (!c->what_if)
                        set_colour(i, &v->v[T_Item_Colour]);
        }
        if (i && rv_bit(v->set, T_Item_Amount)) {
                char from[16], to[16];
                snprintf(from, sizeof from, "%u", i->amount);
                snprintf(to, sizeof to, "%u", (unsigned)v->v[T_Item_Amount].u);
                rv_change(c, "Amount", from, to);
                if (!c->what_if)
                        i->amount = (uint32_t)v->v[T_Item_Amount].u;
        }
        pthread_mutex_unlock(&items_lock);
        return i ? RV_OK : RV_NOT_FOUND;
}

static int item_remove(struct rv_call *c, struct rv_error *err)
{
        pthread_mutex_lock(&items_lock);
        struct item *i = find_item(c, err);
        if (i)
                rv_change(c, "Name", i->name, NULL);
        if (i && !c->what_if)
                *i = items[--nitems];
        pthread_mutex_unlock(&items_lock);
        return i ? RV_OK : RV_NOT_FOUND;
}

static int item_add(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct T_Item_Add_in *a = in;
        pthread_mutex_lock(&items_lock);
        struct item *i = find_item(c, err);
        int r = i ? RV_OK : RV_NOT_FOUND;
        if (i && a->has_Reason && strcmp(a->Reason, "because") != 0)
                r = rv_fail(err, RV_INVALID_PARAMETER, "the reason '%s' is not good enough", a->Reason);
        if (r == RV_OK) {
                char from[16], to[16];
                snprintf(from, sizeof from, "%u", i->amount);
                snprintf(to, sizeof to, "%u", i->amount + (uint32_t)a->By);
                rv_change(c, "Amount", from, to);
                if (!c->what_if)
                        i->amount += (uint32_t)a->By;
                T_Item_Add_out_set_ReturnValue(c->out, 0);
                T_Item_Add_out_set_Now(c->out, i->amount);
        }
        pthread_mutex_unlock(&items_lock);
        return r;
}

static int item_count(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        (void)err;
        T_Item_Count_out_set_ReturnValue(c->out, 0);
        T_Item_Count_out_set_Items(c->out, nitems);
        return RV_OK;
}

static int item_fail(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        rv_change(c, "Amount", "1", "2");
        return rv_fail(err, RV_FAILED, "it failed half way");
}

/* ---- what changes: T_Tick, T_Told, T_Flaky ---- */

static pthread_mutex_t events_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t tick_next, tick_end;
static int tick_fd = -1, told_pipe[2] = { -1, -1 };
static struct {
        uint32_t value, reads;
} told[1000];
static atomic_bool flaky_broken;

static int tick_open(struct rv_error *err)
{
        (void)err;
        pthread_mutex_lock(&events_lock);
        if (tick_fd < 0)
                tick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        int fd = dup(tick_fd);
        pthread_mutex_unlock(&events_lock);
        return fd < 0 ? -errno : fd;
}

static int tick_read(int fd, struct rv_news *news)
{
        pthread_mutex_lock(&events_lock);
        for (int i = 0; i < 200 && tick_next < tick_end; i++) {
                struct rv_row *row = rv_news_row(news);
                T_Tick_set_Number(row, tick_next);
                T_Tick_set_Parity(row, tick_next % 2 ? "odd" : "even", tick_next % 2 ? 3 : 4);
                tick_next++;
                rv_news_emit(news, row);
        }
        uint64_t n;
        if (tick_next == tick_end && read(fd, &n, sizeof n) < 0 && errno != EAGAIN)
                n = 0;
        pthread_mutex_unlock(&events_lock);
        return 0;
}

static int tick_fire(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)err;
        const struct T_Tick_Fire_in *a = in;
        uint64_t one = 1;
        pthread_mutex_lock(&events_lock);
        tick_next = a->First;
        tick_end = a->First + a->Count;
        if (tick_fd >= 0 && write(tick_fd, &one, sizeof one) < 0)
                err = NULL;
        pthread_mutex_unlock(&events_lock);
        T_Tick_Fire_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int told_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)err;
        const struct rv_arg *id = rv_equals(q, T_Told_Id);
        int r = RV_OK;
        pthread_mutex_lock(&events_lock);
        for (uint32_t i = id ? (uint32_t)id->u : 0; i < 1000 && r == RV_OK; i++) {
                if (told[i].value) {
                        struct rv_row *row = rv_row(out);
                        T_Told_set_Id(row, i);
                        T_Told_set_Value(row, told[i].value);
                        T_Told_set_Reads(row, ++told[i].reads);
                        r = rv_emit(out, row);
                }
                if (id)
                        break;
        }
        pthread_mutex_unlock(&events_lock);
        return r;
}

static int told_open(struct rv_error *err)
{
        (void)err;
        pthread_mutex_lock(&events_lock);
        if (told_pipe[0] < 0 && pipe2(told_pipe, O_NONBLOCK | O_CLOEXEC) < 0)
                told_pipe[0] = -1;
        int fd = dup(told_pipe[0]);
        pthread_mutex_unlock(&events_lock);
        return fd < 0 ? -errno : fd;
}

static int told_read(int fd, struct rv_news *news)
{
        uint32_t ids[200];
        ssize_t n = read(fd, ids, sizeof ids);
        for (ssize_t i = 0; i < n / (ssize_t)sizeof *ids; i++) {
                if (ids[i] == UINT32_MAX)
                        return -ENOBUFS;
                rv_news_key(news, &(struct rv_arg) { .type = RV_UINT, .u = ids[i] }, 0);
        }
        return 0;
}

static void tell_id(uint32_t id)
{
        if (told_pipe[1] >= 0 && write(told_pipe[1], &id, sizeof id) < 0)
                fprintf(stderr, "the pipe of T_Told is full\n");
}

static int told_set(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)err;
        const struct T_Told_Set_in *a = in;
        pthread_mutex_lock(&events_lock);
        for (uint32_t i = 0; i < (a->has_Count ? a->Count : 1) && a->Id + i < 1000; i++) {
                told[a->Id + i].value = a->Value;
                tell_id(a->Id + i);
        }
        pthread_mutex_unlock(&events_lock);
        T_Told_Set_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int told_lose(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        (void)err;
        pthread_mutex_lock(&events_lock);
        told[1].value = 0;
        tell_id(UINT32_MAX);
        pthread_mutex_unlock(&events_lock);
        T_Told_Lose_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int flaky_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        int r = RV_OK;
        for (uint32_t i = 1; i <= 3 && r == RV_OK; i++) {
                if (i == 2 && atomic_load(&flaky_broken))
                        return rv_fail(err, RV_UNAVAILABLE, "it is broken");
                struct rv_row *row = rv_row(out);
                T_Flaky_set_Id(row, i);
                r = rv_emit(out, row);
        }
        return r;
}

static int flaky_break(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)err;
        atomic_store(&flaky_broken, ((const struct T_Flaky_Break_in *)in)->On);
        T_Flaky_Break_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static const struct rv_push tick_push = { .covers = RV_PUSH_ALL, .open = tick_open, .read = tick_read };
static const struct rv_push told_push = { .covers = RV_PUSH_ALL, .open = told_open, .read = told_read };
static int (*const tick_methods[T_Tick_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [T_Tick_method_Fire] = tick_fire,
};
static int (*const told_methods[T_Told_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [T_Told_method_Set] = told_set,
        [T_Told_method_Lose] = told_lose,
};
static int (*const flaky_methods[T_Flaky_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [T_Flaky_method_Break] = flaky_break,
};

static int (*const slow_methods[T_Slow_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [T_Slow_method_Wait] = slow_wait,
};
static int (*const item_methods[T_Item_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [T_Item_method_Add] = item_add,
        [T_Item_method_Count] = item_count,
        [T_Item_method_Fail] = item_fail,
};

static const struct rv_provider providers[] = {
        { .class = &T_Many_class, .query = many_query },
        { .class = &T_Flood_class, .query = flood_query },
        { .class = &T_Hung_class, .query = hung_query, .threads = 2 },
        { .class = &T_Slow_class, .query = slow_query, .methods = slow_methods, .threads = 4 },
        { .class = &T_Fails_class, .query = fails_query },
        { .class = &T_Fault_class, .query = fault_query },
        { .class = &T_Partial_class, .query = partial_query },
        { .class = &T_Square_class, .query = square_query },
        { .class = &T_Triangle_class, .query = triangle_query },
        { .class = &T_Blob_class, .query = blob_query },
        { .class = &T_Loop_class, .start = loop_start, .resume = loop_go, .cancel = loop_cancel },
        { .class = &T_LoopHung_class, .start = loop_hung_start, .cancel = loop_hung_cancel },
        { .class = &T_Quick_class, .query = quick_query, .quick = true },
        { .class = &T_One_class, .query = one_query },
        { .class = &T_Item_class,
          .query = item_query,
          .methods = item_methods,
          .create = item_create,
          .modify = item_modify,
          .remove = item_remove },
        { .class = &T_Tick_class, .methods = tick_methods, .push = &tick_push },
        { .class = &T_Told_class, .query = told_query, .methods = told_methods, .push = &told_push },
        { .class = &T_Flaky_class, .query = flaky_query, .methods = flaky_methods },
};

#define P(i) &providers[i]
static const struct rv_provider *const file[] = { P(0),  P(1),  P(2),  P(3),  P(4),  P(5),  P(6),
                                                  P(7),  P(8),  P(9),  P(10), P(11), P(12), P(13),
                                                  P(14), P(15), P(16), P(17), NULL };
extern const struct rv_provider *const rv_providers_eventsubscription[], *const rv_providers_elevation[];
const struct rv_provider *const *const rv_provider_files[] = { file, rv_providers_eventsubscription,
                                                               rv_providers_elevation, NULL };
const uint32_t rv_nprovider_files = 3;
