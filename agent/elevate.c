/* SPDX-License-Identifier: MIT */
#include "agent/elevate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/log.h"
#include "gen/Elevation.h"

#define SECOND INT64_C(1000000000)

enum state { PENDING, ACTIVE, DENIED, LAPSED, EXPIRED, ENDED };
static const char *const states[] = { "Pending", "Active", "Denied", "Lapsed", "Expired", "Ended" };

struct elevation {
        struct elevation *next; /* the newest first */
        atomic_uint holders;
        char id[RV_ELEVATION_ID];
        struct rv_identity who;
        char role[64], reason[512], message[512], decided_by[64];
        char *script;
        struct rv_plan_of_script *plan; /* or NULL */
        bool plan_only;
        unsigned minutes;
        enum state state;
        uint64_t until; /* of CLOCK_BOOTTIME, ns: while it waits or is in force */
        int64_t requested, decided, ended;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static struct elevation *all;
static atomic_uint active; /* those whose time was not seen to be over: nobody else pays for looking */
static struct rv_agent *agent;
static int news = -1;
static struct rv_alarm alarm_;
static struct rv_work look_again;

static uint64_t boot_now(void)
{
        struct timespec t;
        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void tell(void)
{
        if (news >= 0 && write(news, &(uint64_t) { 1 }, 8) < 0)
                return; /* it is readable already */
}

static void drop(struct elevation *e)
{
        if (!e || atomic_fetch_sub(&e->holders, 1) != 1)
                return;
        rv_plan_of_script_free(e->plan);
        free(e->script);
        free(e);
}

/* The oldest of those that are over go. */
static void prune(void)
{
        unsigned over = 0;
        for (struct elevation **at = &all, *e; (e = *at);) {
                over += e->state > ACTIVE;
                if (over <= RV_ELEVATIONS_KEPT || e->state <= ACTIVE) {
                        at = &e->next;
                        continue;
                }
                *at = e->next;
                drop(e);
        }
}

/* ---- whose ---- */

static bool is_local(const struct rv_identity *who)
{
        return strcmp(who->source, "local") == 0;
}

/* The same user, come in the same way. */
static bool is_his(const struct elevation *e, const struct rv_identity *who)
{
        return rv_identity_ok(who) && !who->absent && !*who->role && *who->session &&
               e->who.uid == who->uid && strcmp(e->who.user, who->user) == 0 &&
               strcmp(e->who.key, who->key) == 0 && is_local(&e->who) == is_local(who);
}

static bool holds(const struct elevation *e, const struct rv_identity *who)
{
        return e->state == ACTIVE && is_his(e, who) && boot_now() < e->until;
}

bool rv_elevated(const struct rv_role *r, const struct rv_identity *who, int64_t now)
{
        bool yes = false;
        if (!atomic_load(&active) || !rv_role_may_ask(r, who, now))
                return false;
        pthread_mutex_lock(&lock);
        for (struct elevation *e = all; e && !yes; e = e->next)
                yes = strcmp(e->role, r->name) == 0 && holds(e, who);
        pthread_mutex_unlock(&lock);
        return yes;
}

static bool planned(const struct elevation *e, const char *digest)
{
        for (unsigned i = 0; digest && e->plan && i < e->plan->nmust; i++)
                if (strcmp(e->plan->digests[i], digest) == 0)
                        return true;
        return false;
}

bool rv_elevation_bars(const struct rv_role *r, const struct rv_identity *who, int64_t now,
                       const char *digest)
{
        bool free_ = false;
        if (!atomic_load(&active) || rv_role_fits_always(r, who, now))
                return false;
        pthread_mutex_lock(&lock);
        for (struct elevation *e = all; e && !free_; e = e->next)
                free_ = strcmp(e->role, r->name) == 0 && holds(e, who) &&
                        (!e->plan_only || planned(e, digest));
        pthread_mutex_unlock(&lock);
        return !free_;
}

bool rv_elevation_wants_digest(const struct rv_identity *who)
{
        bool yes = false;
        if (!atomic_load(&active))
                return false;
        pthread_mutex_lock(&lock);
        for (struct elevation *e = all; e && !yes; e = e->next)
                yes = e->plan_only && holds(e, who);
        pthread_mutex_unlock(&lock);
        return yes;
}

void rv_elevation_ids(const struct rv_identity *who, char *ret, size_t size)
{
        size_t n = 0;
        *ret = 0;
        if (!atomic_load(&active))
                return;
        pthread_mutex_lock(&lock);
        for (struct elevation *e = all; e; e = e->next)
                if (n + RV_ELEVATION_ID < size && holds(e, who))
                        n += (size_t)snprintf(ret + n, size - n, "%s%s", n ? "," : "", e->id);
        pthread_mutex_unlock(&lock);
}

/* ---- the end of time ---- */

/* What happens without anybody's call, on record in the name of who had asked. */
static void record(const struct elevation *e, const char *method)
{
        char key[40], changed[200];
        snprintf(key, sizeof key, "{\"Id\":\"%s\"}", e->id);
        snprintf(changed, sizeof changed, "[{\"Property\":\"State\",\"From\":\"%s\",\"To\":\"%s\"}]",
                 e->state == EXPIRED ? states[ACTIVE] : states[PENDING], states[e->state]);
        rv_audit_event(&agent->state,
                       &(struct rv_audit_what) { .who = &e->who,
                                                 .operation = "Elevation",
                                                 .class_name = Elevation_class.name,
                                                 .key = key,
                                                 .method = method,
                                                 .elevation = e->id },
                       0, e->role, changed, 0);
        rv_log(RV_LOG_NOTICE, "the elevation %s of %s to role %s %s", e->id, e->who.user, e->role,
               e->state == EXPIRED ? "has expired" : "was decided by nobody in time");
}

/* On the loop. */
static void sweep(void)
{
        uint64_t now = boot_now(), next = 0;
        bool changed = false;
        pthread_mutex_lock(&lock);
        for (struct elevation *e = all; e; e = e->next) {
                if (e->state > ACTIVE)
                        continue;
                if (e->until > now) {
                        next = !next || e->until < next ? e->until : next;
                        continue;
                }
                if (e->state == ACTIVE)
                        atomic_fetch_sub(&active, 1);
                e->state = e->state == ACTIVE ? EXPIRED : LAPSED;
                e->ended = rv_wall();
                changed = true;
                record(e, e->state == EXPIRED ? "Expire" : "Lapse");
        }
        prune();
        pthread_mutex_unlock(&lock);
        if (changed)
                tell();
        if (next)
                rv_alarm_set(&agent->loop, &alarm_, rv_now() + (next - now) + 1000000);
        else
                rv_alarm_clear(&agent->loop, &alarm_);
}

static void on_alarm(struct rv_alarm *a)
{
        (void)a;
        sweep();
}

static void on_work(struct rv_work *w)
{
        (void)w;
        sweep();
}

void rv_elevations_start(struct rv_agent *a)
{
        agent = a;
        alarm_.ring = on_alarm;
        look_again.run = on_work;
        news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void rv_elevations_stop(void)
{
        pthread_mutex_lock(&lock);
        for (struct elevation *e; (e = all);) {
                all = e->next;
                drop(e);
        }
        atomic_store(&active, 0);
        pthread_mutex_unlock(&lock);
        if (news >= 0)
                close(news);
        news = -1;
}

int rv_stats_elevation_news(void)
{
        int fd = news < 0 ? -1 : fcntl(news, F_DUPFD_CLOEXEC, 3);
        return fd < 0 ? -errno : fd;
}

/* ---- who may ---- */

static const struct rv_role *role_of(const struct rv_role_set *s, const char *name)
{
        for (unsigned i = 0; s && i < s->n; i++)
                if (!s->roles[i].elevation && strcmp(s->roles[i].name, name) == 0)
                        return &s->roles[i];
        return NULL;
}

/* Whom the kernel's audit knows behind a local process, even after su or sudo; (uid_t)-1: it does not say. */
static uid_t login_of(const struct rv_identity *who)
{
        char path[40];
        unsigned long uid = (uid_t)-1;
        snprintf(path, sizeof path, "/proc/%d/loginuid", (int)who->pid);
        FILE *f = who->pid > 0 ? fopen(path, "re") : NULL;
        if (f && fscanf(f, "%lu", &uid) != 1)
                uid = (uid_t)-1;
        if (f)
                fclose(f);
        return (uid_t)uid;
}

/* Who asked, by whatever name: NULL, or how he is known. */
static const char *same_person(const struct elevation *e, const struct rv_identity *who)
{
        if (e->who.uid == who->uid || strcmp(e->who.user, who->user) == 0)
                return "you asked for it yourself";
        if (*who->key && strcmp(e->who.key, who->key) == 0)
                return "it was asked for with the key that you logged in with";
        uid_t login = login_of(who);
        return login != (uid_t)-1 && login == e->who.uid ? "you logged in as who asked for it" : NULL;
}

static bool may_decide(const struct rv_policy *p, const struct rv_role_set *s, const char *role,
                       const struct rv_identity *who)
{
        const struct rv_role *r = role_of(s, role);
        return rv_policy_has_all(p, who) || (r && rv_role_may_approve(r, who, (int64_t)time(NULL)));
}

static bool cell_is(const struct rv_batch *b, uint32_t row, unsigned p, const char *text)
{
        const struct rv_value *v = rv_get(b, row, p);
        return v->type == RV_STRING && v->len == strlen(text) && memcmp(rv_text(b, v), text, v->len) == 0;
}

bool rv_elevation_shows(const struct rv_subject *s, const struct rv_batch *b, uint32_t row, bool *ret_plan)
{
        const struct rv_value *uid = rv_get(b, row, Elevation_Uid);
        int64_t now = (int64_t)time(NULL);
        bool own = rv_identity_ok(s->who) && uid->type == RV_UINT && uid->u == s->who->uid, approves = false;
        for (unsigned i = 0; s->roles && i < s->roles->n && !approves; i++)
                approves = cell_is(b, row, Elevation_Role, s->roles->roles[i].name) &&
                           rv_role_may_approve(&s->roles->roles[i], s->who, now);
        *ret_plan = (approves && !own) || !cell_is(b, row, Elevation_State, states[PENDING]);
        return own || approves;
}

bool rv_elevation_is_plan(unsigned p)
{
        return p == Elevation_Plan || p == Elevation_PlanErrors;
}

void rv_elevation_uses(uint64_t *properties)
{
        rv_bit_set(properties, Elevation_Uid);
        rv_bit_set(properties, Elevation_Role);
        rv_bit_set(properties, Elevation_State);
}

static const struct rv_rule *rules_of(struct rv_arena *a, const struct rv_role *role,
                                      const struct rv_class *c)
{
        static const char *const methods[] = { "Request", "Approve", "Deny", "End" };
        struct rv_rule *rules = rv_arena_get(a, 2 * sizeof *rules);
        if (!rules)
                return NULL;
        rules[0] = (struct rv_rule) { .name = "see",
                                      .role = role,
                                      .elevation = true,
                                      .operations = RV_OP_READ,
                                      .class = c,
                                      .class_name = c->name };
        rules[1] = (struct rv_rule) { .name = "ask or approve",
                                      .role = role,
                                      .operations = RV_OP_INVOKE,
                                      .class = c,
                                      .class_name = c->name,
                                      .methods = { methods, 4 } };
        return rules;
}

int rv_elevation_role(struct rv_role_set *s, struct rv_role *room, const struct rv_registry *g)
{
        const struct rv_class *c;
        struct rv_error none = { 0 };
        bool any = false;
        for (unsigned i = 0; i < s->n; i++)
                any |= s->roles[i].nelevate || s->roles[i].napprove;
        if (!any || rv_registry_find(g, Elevation_class.name, NULL, &c, &none))
                return RV_OK;
        *room = (struct rv_role) { .name = "elevation", .path = "", .elevation = s, .nrules = 2 };
        room->rules = (struct rv_rule *)rules_of(&s->arena, room, c);
        if (!room->rules)
                return -ENOMEM;
        s->n++;
        return RV_OK;
}

/* ---- asking ---- */

static int refuse_to_ask(const struct rv_role *r, const struct rv_who *w, const struct rv_identity *who,
                         const struct rv_elevation_ask *ask, struct rv_error *err)
{
        unsigned most = w && w->minutes ? w->minutes : RV_ELEVATE_MINUTES;
        int64_t now = (int64_t)time(NULL);
        if (!r || !w) {
                rv_hint(err, "A role's file names who may ask for it in a section Elevate.");
                return rv_fail(err, RV_ACCESS_DENIED, "denied: %s may not ask for a role \"%.60s\"",
                               who->user, ask->role);
        }
        if (rv_role_fits(r, who, now))
                return rv_fail(err, RV_INVALID_PARAMETER, "%s has the role %s already", who->user, r->name);
        if (ask->minutes > most)
                return rv_fail(err, RV_INVALID_PARAMETER, "the role %s is given for at most %u minutes",
                               r->name, most);
        if (!*ask->reason || strspn(ask->reason, " \t") == strlen(ask->reason))
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "say why, for whoever is to approve it: Reason is empty");
        if (w->plan != RV_PLAN_NO && !ask->script)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "the role %s is given only to whoever says what he will do: -Plan", r->name);
        if (ask->plan_only && !ask->script)
                return rv_fail(err, RV_INVALID_PARAMETER, "PlanOnly needs a plan: -Plan");
        return RV_OK;
}

/* Within the bounds, and nothing twice. Under the lock. */
static int has_place(const struct rv_identity *who, const char *role, struct rv_error *err)
{
        unsigned open = 0, his = 0;
        for (const struct elevation *e = all; e; e = e->next) {
                if (e->state != PENDING || e->until <= boot_now())
                        continue;
                open++;
                his += e->who.uid == who->uid;
                if (is_his(e, who) && strcmp(e->role, role) == 0)
                        return rv_fail(err, RV_ALREADY_EXISTS,
                                       "%s waits for the role %s already: elevation %s", who->user, role,
                                       e->id);
        }
        if (his < RV_ELEVATIONS_USER && open < RV_ELEVATIONS_OPEN)
                return RV_OK;
        rv_hint(err, "Withdraw one by Remove-Elevation, or wait until it was decided.");
        return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED,
                       "%u requests wait for approval already: at most %d of one user, %d of all", his,
                       RV_ELEVATIONS_USER, RV_ELEVATIONS_OPEN);
}

static struct elevation *elevation_new(const struct rv_identity *who, const struct rv_elevation_ask *ask,
                                       bool plan_only)
{
        struct elevation *e = calloc(1, sizeof *e);
        uint64_t random;
        if (!e || getrandom(&random, sizeof random, 0) != sizeof random ||
            (ask->script && !(e->script = strdup(ask->script)))) {
                free(e);
                return NULL;
        }
        e->holders = 1;
        e->who = *who;
        e->minutes = ask->minutes;
        e->plan_only = plan_only;
        e->requested = rv_wall();
        e->until = boot_now() + RV_ELEVATION_WAITS * 60 * SECOND;
        snprintf(e->id, sizeof e->id, "%016" PRIx64, random);
        snprintf(e->role, sizeof e->role, "%s", ask->role);
        snprintf(e->reason, sizeof e->reason, "%s", ask->reason);
        return e;
}

static int enter(struct elevation *e, struct rv_error *err)
{
        pthread_mutex_lock(&lock);
        int r = has_place(&e->who, e->role, err);
        if (r == RV_OK) {
                e->next = all;
                all = e;
        }
        pthread_mutex_unlock(&lock);
        if (r == RV_OK) {
                tell();
                rv_loop_post(&agent->loop, &look_again);
                rv_log(RV_LOG_NOTICE, "%s asks for role %s for %u minutes: elevation %s", e->who.user,
                       e->role, e->minutes, e->id);
        }
        return r;
}

int rv_stats_ask_elevation(struct rv_call *c, const struct rv_elevation_ask *ask,
                           char ret_id[RV_ELEVATION_ID], struct rv_error *err)
{
        const struct rv_identity *who = c->who;
        if (!agent || rv_policy_has_all(&agent->policy, who))
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "%s may do everything already: there is nothing to ask for", who->user);
        struct rv_role_set *set = rv_policy_hold(&agent->policy);
        const struct rv_role *role = role_of(set, ask->role);
        const struct rv_who *w = role ? rv_role_may_ask(role, who, (int64_t)time(NULL)) : NULL;
        int r = refuse_to_ask(role, w, who, ask, err);
        bool plan_only = ask->plan_only || (w && w->plan == RV_PLAN_ONLY);
        pthread_mutex_lock(&lock);
        if (r == RV_OK)
                r = has_place(who, ask->role, err); /* before a script is run for it */
        pthread_mutex_unlock(&lock);
        rv_roles_drop(set);
        if (r || c->what_if)
                return r;
        struct elevation *e = elevation_new(who, ask, plan_only);
        if (!e)
                return -ENOMEM;
        if (ask->script)
                r = rv_plan_of_script(agent, who, ask->role, ask->script, &e->plan, err);
        if (r == RV_OK)
                r = enter(e, err);
        if (r) {
                drop(e);
                return r;
        }
        snprintf(ret_id, RV_ELEVATION_ID, "%s", e->id);
        rv_change(c, "Id", NULL, ret_id);
        rv_change(c, "State", NULL, states[PENDING]);
        return RV_OK;
}

/* ---- deciding ---- */

static int not_there(const char *id, struct rv_error *err)
{
        return rv_fail(err, RV_NOT_FOUND, "there is no elevation %.40s", id);
}

/* Whether he may do this to it. Who may not know of it is told that there is none. Under the lock. */
static int may(const struct elevation *e, const struct rv_identity *who, const struct rv_role_set *set,
               enum rv_elevation_deed deed, struct rv_error *err)
{
        const char *same = same_person(e, who);
        bool decides = may_decide(&agent->policy, set, e->role, who), own = e->who.uid == who->uid;
        if (!decides && !own)
                return not_there(e->id, err);
        if (deed != RV_ELEVATION_END && same)
                return rv_fail(err, RV_ACCESS_DENIED,
                               "denied: %s may not decide about elevation %s: %s; a second person must",
                               who->user, e->id, same);
        if (deed != RV_ELEVATION_END && !decides)
                return not_there(e->id, err);
        bool over = e->state > ACTIVE || boot_now() >= e->until;
        if (over || (deed != RV_ELEVATION_END && e->state != PENDING)) {
                const char *now = over && e->state <= ACTIVE ? states[e->state == ACTIVE ? EXPIRED : LAPSED]
                                                             : states[e->state];
                return rv_fail(err, RV_INVALID_PARAMETER, "elevation %s is %s%s%s", e->id, now,
                               *e->decided_by ? ": decided by " : "", e->decided_by);
        }
        return RV_OK;
}

static const struct rv_who *asks_still(const struct elevation *e, const struct rv_role_set *set)
{
        const struct rv_role *r = role_of(set, e->role);
        return r ? rv_role_may_ask(r, &e->who, (int64_t)time(NULL)) : NULL;
}

static void decide(struct elevation *e, const struct rv_call *c, enum rv_elevation_deed deed,
                   unsigned minutes, const char *message)
{
        bool was_active = e->state == ACTIVE;
        snprintf(e->message, sizeof e->message, "%s", message ? message : "");
        if (deed != RV_ELEVATION_END) {
                snprintf(e->decided_by, sizeof e->decided_by, "%s", c->who->user);
                e->decided = rv_wall();
        }
        e->state = deed == RV_ELEVATION_APPROVE ? ACTIVE : deed == RV_ELEVATION_DENY ? DENIED : ENDED;
        if (deed == RV_ELEVATION_APPROVE) {
                e->minutes = minutes ? minutes : e->minutes;
                e->until = boot_now() + e->minutes * 60 * (uint64_t)SECOND;
                atomic_fetch_add(&active, 1);
        } else {
                e->ended = rv_wall();
        }
        if (was_active)
                atomic_fetch_sub(&active, 1);
}

/* Both are on record: who decides is who asks for this change, whom it is about is told by it. */
static void put_changes(struct rv_call *c, const struct elevation *e, enum rv_elevation_deed deed)
{
        static const enum state to[] = { ACTIVE, DENIED, ENDED };
        rv_change(c, "State", states[e->state], states[to[deed]]);
        if (deed == RV_ELEVATION_APPROVE) {
                rv_change(c, "User", NULL, e->who.user);
                rv_change(c, "Role", NULL, e->role);
        } else {
                rv_change(c, "User", e->who.user, NULL);
                rv_change(c, "Role", e->role, NULL);
        }
}

static struct elevation *find(const char *id)
{
        struct elevation *e = all;
        while (e && strcmp(e->id, id) != 0)
                e = e->next;
        return e;
}

int rv_stats_decide_elevation(struct rv_call *c, const char *id, enum rv_elevation_deed deed,
                              unsigned minutes, const char *message, struct rv_error *err)
{
        struct rv_role_set *set = agent ? rv_policy_hold(&agent->policy) : NULL;
        pthread_mutex_lock(&lock);
        struct elevation *e = find(id);
        int r = e ? may(e, c->who, set, deed, err) : not_there(id, err);
        if (r == RV_OK && deed == RV_ELEVATION_APPROVE && !asks_still(e, set))
                r = rv_fail(err, RV_INVALID_PARAMETER,
                            "the file of role %s does not let %s ask for it any more", e->role, e->who.user);
        if (r == RV_OK && minutes > e->minutes)
                r = rv_fail(err, RV_INVALID_PARAMETER,
                            "%u minutes were asked for: they can be made fewer only", e->minutes);
        if (r == RV_OK)
                put_changes(c, e, deed);
        if (r == RV_OK && !c->what_if)
                decide(e, c, deed, minutes, message);
        pthread_mutex_unlock(&lock);
        rv_roles_drop(set);
        if (r == RV_OK && !c->what_if) {
                tell();
                rv_loop_post(&agent->loop, &look_again);
        }
        return r;
}

/* ---- looking ---- */

static void view(const struct elevation *e, struct rv_elevation_view *ret)
{
        uint64_t now = boot_now();
        bool over = e->state <= ACTIVE && e->until <= now;
        *ret = (struct rv_elevation_view) {
                .id = e->id,
                .user = e->who.user,
                .uid = e->who.uid,
                .source = e->who.source,
                .key = *e->who.key ? e->who.key : NULL,
                .role = e->role,
                .reason = e->reason,
                .script = e->script,
                .plan = e->plan ? (const char *const *)e->plan->lines : NULL,
                .plan_errors = e->plan && *e->plan->errors ? e->plan->errors : NULL,
                .minutes = e->minutes,
                .plan_only = e->plan_only,
                .state = over ? states[e->state == ACTIVE ? EXPIRED : LAPSED] : states[e->state],
                .decided_by = *e->decided_by ? e->decided_by : NULL,
                .message = *e->message ? e->message : NULL,
                .requested = e->requested,
                .decided = e->decided,
                .ended = e->ended,
                .until = e->state == ACTIVE && !over ? rv_wall() + (int64_t)(e->until - now) : 0,
        };
        if (ret->until) /* to the second: asked again a moment later it is the same */
                ret->until = (ret->until + SECOND / 2) / SECOND * SECOND;
}

/* As they are now, each held: who reads them may take his time. */
static struct elevation **hold_all(unsigned *ret_n, struct elevation **ret_copies)
{
        unsigned n = 0;
        pthread_mutex_lock(&lock);
        for (struct elevation *e = all; e; e = e->next)
                n++;
        struct elevation **list = calloc(n + 1, sizeof *list), *copies = calloc(n + 1, sizeof *copies);
        *ret_n = 0;
        for (struct elevation *e = all; list && copies && e; e = e->next) {
                atomic_fetch_add(&e->holders, 1);
                copies[*ret_n] = *e;
                list[(*ret_n)++] = e;
        }
        pthread_mutex_unlock(&lock);
        *ret_copies = copies;
        return list;
}

int rv_stats_each_elevation(const struct rv_call *c, int (*each)(void *, const struct rv_elevation_view *),
                            void *state)
{
        unsigned n;
        struct elevation *copies, **list = hold_all(&n, &copies);
        int r = list && copies ? 0 : -ENOMEM;
        (void)c;
        for (unsigned i = 0; i < n && r == 0; i++) {
                struct rv_elevation_view v;
                view(&copies[i], &v);
                r = each(state, &v);
        }
        for (unsigned i = 0; i < n; i++)
                drop(list[i]);
        free(list);
        free(copies);
        return r;
}
