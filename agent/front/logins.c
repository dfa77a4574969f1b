/* SPDX-License-Identifier: MIT
 *
 * Logins by SSH, as reeved tells of them (agent/wire/intro.h): each is on record when it begins, when it ends, and when
 * it was refused; those that are there can be listed and ended. On the loop only.
 *
 * Refusals are anybody's to make: REFUSALS of them are recorded at once, then one in REFUSAL_EVERY; the others are
 * counted, and their number is in the next that is recorded, or by itself after ten seconds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/front/logins.h"
#include "agent/log.h"

enum { REFUSALS = 60, MOST_LOGINS = 100000 };
#define REFUSAL_EVERY UINT64_C(5000000000) /* ns */
#define SUM_AFTER UINT64_C(10000000000)

static struct {
        unsigned left;
        uint64_t at; /* when `left` was right */
        unsigned dropped, connections;
        struct rv_alarm sum;
        struct rv_login last;
        struct rv_agent *agent;
        bool begun;
} refused;

static int reeved = -1;

void rv_logins_start(int fd)
{
        reeved = fd;
}

static bool ended_text(const char *s, size_t size)
{
        return memchr(s, 0, size) != NULL;
}

static bool good(const struct rv_login *l, size_t n)
{
        return n == sizeof *l && l->size == sizeof *l && ended_text(l->user, sizeof l->user) &&
               ended_text(l->key, sizeof l->key) && ended_text(l->source, sizeof l->source) &&
               ended_text(l->session, sizeof l->session) && ended_text(l->role, sizeof l->role) &&
               ended_text(l->reason, sizeof l->reason);
}

/* ---- on record ---- */

static void identify(const struct rv_login *l, struct rv_identity *ret)
{
        *ret = (struct rv_identity) { .made = true, .uid = l->uid, .gid = (gid_t)-1, .absent = true };
        memcpy(ret->user, l->user, sizeof ret->user);
        memcpy(ret->key, l->key, sizeof ret->key);
        memcpy(ret->source, l->source, sizeof ret->source);
        memcpy(ret->session, l->session, sizeof ret->session);
        memcpy(ret->role, l->role, sizeof ret->role);
}

static void record(struct rv_agent *a, const struct rv_login *l, const char *operation, int status,
                   const char *message)
{
        struct rv_identity who;
        identify(l, &who);
        json_t *more = json_pack("{s:s*, s:s*, s:s*}", "Key", *l->key ? l->key : NULL, "Role",
                                 *l->role ? l->role : NULL, "Certificate",
                                 l->what == RV_LOGIN_IN && *l->reason ? l->reason : NULL);
        char *arguments = more && json_object_size(more) ? json_dumps(more, JSON_COMPACT) : NULL;
        rv_audit_event(&a->state,
                       &(struct rv_audit_what) {
                               .who = &who, .operation = operation, .arguments = arguments, .elevation = "" },
                       status, message, NULL, l->milliseconds * 1000000);
        json_decref(more);
        free(arguments);
}

static void put_sum(const struct rv_login *l)
{
        char message[500];
        if (refused.dropped)
                snprintf(message, sizeof message,
                         "%u refusals: %s (and %u of %u other connections that were not recorded)", l->count,
                         l->reason, refused.dropped, refused.connections);
        else
                snprintf(message, sizeof message, "%u refusal%s: %s", l->count, l->count == 1 ? "" : "s",
                         l->reason);
        refused.dropped = refused.connections = 0;
        record(refused.agent, l, "Login", RV_ACCESS_DENIED, message);
}

static void on_sum(struct rv_alarm *a)
{
        (void)a;
        if (!refused.dropped)
                return;
        struct rv_login l = refused.last;
        refused.dropped -= l.count < refused.dropped ? l.count : refused.dropped;
        refused.connections -= refused.connections > 0;
        put_sum(&l);
}

static bool may_record(void)
{
        uint64_t now = rv_now();
        if (!refused.begun) {
                refused.begun = true;
                refused.left = REFUSALS;
                refused.at = now;
                refused.sum.ring = on_sum;
        }
        uint64_t more = (now - refused.at) / REFUSAL_EVERY;
        refused.left = refused.left + more > REFUSALS ? REFUSALS : refused.left + (unsigned)more;
        refused.at += more * REFUSAL_EVERY;
        return refused.left && refused.left--;
}

static void take_refused(struct rv_agent *a, const struct rv_login *l)
{
        refused.agent = a;
        if (may_record()) {
                put_sum(l);
                rv_alarm_clear(&a->loop, &refused.sum);
                return;
        }
        refused.dropped += l->count;
        refused.connections++;
        refused.last = *l;
        if (!refused.sum.at)
                rv_alarm_set(&a->loop, &refused.sum, rv_now() + SUM_AFTER);
}

/* ---- those that are there ---- */

struct rv_login_here *rv_login_find(struct rv_agent *a, const char *session)
{
        struct rv_login_here *h = a->logins;
        while (h && strcmp(h->login.session, session) != 0)
                h = h->next;
        return h;
}

static void enter(struct rv_agent *a, const struct rv_login *l)
{
        struct rv_login_here *h =
                a->nlogins < MOST_LOGINS && !rv_login_find(a, l->session) ? calloc(1, sizeof *h) : NULL;
        if (!h)
                return;
        h->login = *l;
        h->since = rv_wall() - (int64_t)l->milliseconds * 1000000;
        h->next = a->logins;
        a->logins = h;
        a->nlogins++;
}

static void leave(struct rv_agent *a, const char *session)
{
        for (struct rv_login_here **at = &a->logins, *h; (h = *at); at = &h->next)
                if (strcmp(h->login.session, session) == 0) {
                        *at = h->next;
                        a->nlogins--;
                        free(h);
                        return;
                }
}

bool rv_login_take(struct rv_agent *a, const void *message, size_t n)
{
        const struct rv_login *l = message;
        if (!good(l, n))
                return false;
        switch (l->what) {
        case RV_LOGIN_IN:
                enter(a, l);
                record(a, l, "Login", 0, NULL);
                return true;
        case RV_LOGIN_HERE: enter(a, l); return true;
        case RV_LOGIN_OUT:
                leave(a, l->session);
                record(a, l, "Logout", 0, NULL);
                return true;
        case RV_LOGIN_REFUSED: take_refused(a, l); return true;
        default: return false;
        }
}

void rv_login_end(const char *session)
{
        struct rv_login l = { .magic = RV_LOGIN_MAGIC, .size = sizeof l, .what = RV_LOGIN_END };
        snprintf(l.session, sizeof l.session, "%s", session);
        if (reeved < 0 || send(reeved, &l, sizeof l, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                rv_log(RV_LOG_WARNING, "reeved is not told to end session %s: %m", session);
}

void rv_logins_free(struct rv_agent *a)
{
        for (struct rv_login_here *h; (h = a->logins);) {
                a->logins = h->next;
                free(h);
        }
        if (refused.begun)
                rv_alarm_clear(&a->loop, &refused.sum);
        a->nlogins = 0;
}
