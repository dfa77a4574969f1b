/* SPDX-License-Identifier: MIT
 *
 * Streams: what a method began and what goes on after it as bytes both ways. The method's answer has a token; whoever
 * has it opens the stream by OpenStream on a connection, which from then on is the stream (docs/protocol.md). So a
 * stream needs no descriptors passed, has the socket's own credit, ends with its connection, and goes wherever a
 * connection goes: a Unix socket, a channel of SSH.
 *
 * Each stream that is open has a thread of its own; there are at most RV_STREAMS, and RV_STREAMS_OF_USER of one user
 * who has not everything. One that nobody opens within RV_STREAM_WAIT is dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/agent.h"

enum { RV_STREAMS = 512, RV_STREAMS_OF_USER = 64, STACK = 512 << 10 };
#define RV_STREAM_WAIT UINT64_C(30000000000) /* ns */

/* One that is offered, or open. */
struct rv_offer {
        struct rv_offer *next;
        struct rv_stream *stream;
        char token[RV_STREAM_TOKEN];
        uid_t uid;
        bool all; /* of somebody who has everything */
        uint64_t until;
        int fd;    /* -1: nobody has opened it yet */
        bool last; /* the agent is private, and ends with it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rv_offer *offers; /* under the lock */
static struct rv_alarm alarm_of_offers;
static struct rv_loop *loop_of_offers;

static void drop(struct rv_offer *o)
{
        o->stream->drop(o->stream);
        if (o->fd >= 0)
                close(o->fd);
        free(o);
}

/* Takes those out of the list that nobody came for. The first one that is left: when its time is over; 0: none. */
static uint64_t expire(uint64_t now, struct rv_offer **ret_late)
{
        uint64_t next = 0;
        pthread_mutex_lock(&lock);
        for (struct rv_offer **at = &offers; *at;) {
                struct rv_offer *o = *at;
                if (o->fd < 0 && o->until <= now) {
                        *at = o->next;
                        o->next = *ret_late;
                        *ret_late = o;
                        continue;
                }
                if (o->fd < 0 && (!next || o->until < next))
                        next = o->until;
                at = &o->next;
        }
        pthread_mutex_unlock(&lock);
        return next;
}

static void look(struct rv_work *w)
{
        struct rv_offer *late = NULL, *o;
        (void)w;
        uint64_t next = expire(rv_now(), &late);
        while ((o = late)) {
                late = o->next;
                drop(o);
        }
        if (next)
                rv_alarm_set(loop_of_offers, &alarm_of_offers, next);
}

static void on_alarm(struct rv_alarm *a)
{
        (void)a;
        look(NULL);
}

static struct rv_work look_again = { .run = look };

static bool has_room(uid_t uid, bool all)
{
        unsigned n = 0, of_user = 0;
        for (const struct rv_offer *o = offers; o; o = o->next) {
                n++;
                of_user += !o->all && o->uid == uid;
        }
        return n < RV_STREAMS && (all || of_user < RV_STREAMS_OF_USER);
}

int rv_stream_offer(struct rv_call *c, struct rv_stream *s, char token[RV_STREAM_TOKEN], struct rv_error *err)
{
        static const char digits[] = "0123456789abcdef";
        struct rv_agent *a = c->core;
        struct rv_offer *o = calloc(1, sizeof *o);
        uint8_t random[(RV_STREAM_TOKEN - 1) / 2];
        if (!o || getrandom(random, sizeof random, 0) != sizeof random) {
                free(o);
                s->drop(s);
                return -ENOMEM;
        }
        s->who = *c->who;
        s->core = a;
        *o = (struct rv_offer) {
                .stream = s, .uid = c->who->uid, .until = rv_now() + RV_STREAM_WAIT, .fd = -1,
                .all = rv_policy_has_all(&a->policy, c->who)
        };
        for (unsigned i = 0; i < sizeof random; i++) {
                o->token[2 * i] = digits[random[i] >> 4];
                o->token[2 * i + 1] = digits[random[i] & 15];
        }
        memcpy(token, o->token, RV_STREAM_TOKEN);
        pthread_mutex_lock(&lock);
        bool room = has_room(o->uid, o->all);
        if (room) {
                o->next = offers;
                offers = o;
                loop_of_offers = &a->loop;
                alarm_of_offers.ring = on_alarm;
        }
        pthread_mutex_unlock(&lock);
        if (!room) {
                drop(o);
                rv_hint(err, "End some of them. %d may be open at once, %d of one user.", RV_STREAMS,
                        RV_STREAMS_OF_USER);
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "too many streams are open");
        }
        rv_loop_post(&a->loop, &look_again);
        return RV_OK;
}

/* ---- opening ---- */

/* The peer says that it has read the answer: nothing of the stream can be taken for it. */
static bool begins(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char c = 0;
        return poll(&p, 1, 30000) > 0 && read(fd, &c, 1) == 1 && c == '\n';
}

static void quit(struct rv_work *w)
{
        (void)w;
        rv_loop_quit(loop_of_offers);
}

static struct rv_work quit_soon = { .run = quit };

static void finish(struct rv_offer *o)
{
        bool last = o->last;
        pthread_mutex_lock(&lock);
        struct rv_offer **at = &offers;
        while (*at != o)
                at = &(*at)->next;
        *at = o->next;
        pthread_mutex_unlock(&lock);
        drop(o);
        if (last)
                rv_loop_post(loop_of_offers, &quit_soon);
}

static void *serve(void *state)
{
        struct rv_offer *o = state;
        if (begins(o->fd))
                o->stream->serve(o->stream, o->fd);
        finish(o);
        return NULL;
}

void rv_stream_begin(struct rv_offer *o, int fd, bool last)
{
        pthread_attr_t attr;
        pthread_t t;
        o->last = last;
        o->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        bool runs = o->fd >= 0 && pthread_create(&t, &attr, serve, o) == 0;
        pthread_attr_destroy(&attr);
        if (!runs)
                finish(o);
}

/* The one with this token, if it is this user's. It is his from now on. */
static struct rv_offer *claim(const char *token, uid_t uid)
{
        struct rv_offer *found = NULL;
        pthread_mutex_lock(&lock);
        for (struct rv_offer *o = offers; o; o = o->next) {
                unsigned char differ = 0;
                for (unsigned i = 0; i < RV_STREAM_TOKEN; i++)
                        differ |= (unsigned char)(o->token[i] ^ token[i]);
                if (!differ && o->uid == uid && o->fd == -1)
                        found = o;
        }
        if (found)
                found->fd = -2; /* neither late nor to be had again */
        pthread_mutex_unlock(&lock);
        return found;
}

int rv_op_open_stream(struct rv_request *q, struct rv_error *err)
{
        struct rv_session *s = q->session;
        const char *given = json_string_value(json_object_get(q->params, "Token"));
        char token[RV_STREAM_TOKEN] = "";
        if (s->frame.framing != RV_FRAMING_LINES || s->nrequests != 1 || q->group || !q->id ||
            s->frame.taken != s->frame.len)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "OpenStream must be all that is under way on its connection, as a line");
        if (given)
                snprintf(token, sizeof token, "%s", given);
        struct rv_offer *o = given && strlen(given) == RV_STREAM_TOKEN - 1 ? claim(token, s->who.uid) : NULL;
        if (!o)
                return rv_fail(err, RV_NOT_FOUND,
                               "there is no stream with this token: it was opened before, or too late");
        s->stream = o;
        s->state = RV_SESSION_DRAINING; /* when the answer has gone, rv_session_close() hands the socket over */
        if (s->reading)
                uv_read_stop((uv_stream_t *)&s->pipe);
        s->reading = false;
        rv_answer(q, "{}", 2);
        return RV_OK;
}
