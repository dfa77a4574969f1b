/* SPDX-License-Identifier: MIT
 *
 * What somebody would be allowed: the same decisions as for a real call (rights.c), for an identity made up here, which
 * goes nowhere else. And the audit held against roles: each change on record is asked for again, on paper. What the
 * object was like then is not on record; where a rule looks at more of it than its keys, the answer is "unknown".
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/assoc.h"
#include "agent/stats.h"

enum { MOST_DIFFERENCES = 1000 };

/* The roles in force, with one more, or one in another's place. */
struct bench {
        const struct rv_call *call;
        struct rv_agent *agent;
        struct rv_role_set *in_force, *tried, all;
        struct rv_role *list;
        struct rv_arena arena; /* of the question at hand */
};

static int bench_init(struct bench *b, const struct rv_call *call, const char *name, const char *text,
                      struct rv_error *err)
{
        *b = (struct bench) { .call = call, .agent = call->core };
        b->in_force = rv_policy_hold(&b->agent->policy);
        unsigned n = b->in_force ? b->in_force->n : 0;
        b->list = calloc(n + 1, sizeof *b->list);
        if (!b->list)
                return -ENOMEM;
        for (unsigned i = 0; i < n; i++)
                if (!text || strcmp(b->in_force->roles[i].name, name ? name : "tried") != 0)
                        b->list[b->all.n++] = b->in_force->roles[i];
        b->all.roles = b->list;
        if (!text)
                return RV_OK;
        b->tried =
                rv_roles_parse(name ? name : "tried", "Text", text, strlen(text), &b->agent->registry, err);
        if (!b->tried)
                return err->code;
        b->list[b->all.n++] = b->tried->roles[0];
        return RV_OK;
}

static void bench_free(struct bench *b)
{
        rv_roles_drop(b->in_force);
        rv_roles_drop(b->tried);
        rv_arena_free(&b->arena);
        free(b->list);
}

/* ---- who ---- */

static void add_group(struct rv_identity *who, const char *name)
{
        const struct group *g = getgrnam(name);
        if (g && who->ngroups < sizeof who->groups / sizeof *who->groups)
                who->groups[who->ngroups++] = g->gr_gid;
}

static void make_identity(struct bench *b, const char *user, const char *key, const char *source,
                          const char *const *groups, struct rv_identity *ret)
{
        struct passwd pw, *found = NULL;
        char buf[4096];
        *ret = (struct rv_identity) { .made = true, .uid = (uid_t)-2, .gid = (gid_t)-2 };
        snprintf(ret->user, sizeof ret->user, "%s", user);
        snprintf(ret->key, sizeof ret->key, "%s", key ? key : "");
        snprintf(ret->source, sizeof ret->source, "%s", source ? source : "local");
        if (getpwnam_r(user, &pw, buf, sizeof buf, &found) == 0 && found) {
                int n = sizeof ret->groups / sizeof *ret->groups;
                ret->uid = pw.pw_uid;
                ret->gid = pw.pw_gid;
                if (!groups && getgrouplist(user, pw.pw_gid, ret->groups, &n) >= 0)
                        ret->ngroups = (unsigned)n;
        }
        if (groups)
                ret->gid = (gid_t)-2;
        for (; groups && *groups; groups++)
                add_group(ret, *groups);
        ret->admin = rv_policy_is_admin(&b->agent->policy, user, ret->groups, ret->ngroups);
}

/* ---- one question ---- */

struct question {
        unsigned operation;
        const struct rv_class *class;
        const struct rv_method *method;
        const char *const *properties;
        json_t *keys, *values; /* or NULL */
        struct rv_batch *row, *object;
        uint64_t *set;
};

static void question_free(struct question *q)
{
        json_decref(q->keys);
        json_decref(q->values);
        rv_batch_free(q->row);
        rv_batch_free(q->object);
}

static struct rv_batch *row_of(const struct rv_class *c, const struct rv_arg *v)
{
        struct rv_batch *b = rv_batch_new(c);
        struct rv_row row;
        if (!b || rv_row_begin(&row, b, NULL))
                return rv_batch_free(b);
        for (uint32_t p = 0; p < c->nproperties; p++)
                rv_copy_arg(&row, p, &v[p]);
        rv_row_end(&row);
        return row.failed ? rv_batch_free(b) : b;
}

/* Values by name as a row of the class, and which they are. */
static int make_values(struct bench *b, struct question *q, struct rv_error *err)
{
        const struct rv_class *c = q->method ? q->method->in : q->class;
        struct rv_arg *v = rv_arena_get(&b->arena, (c->nproperties + 1) * sizeof *v);
        const char *name;
        json_t *one;
        q->set = rv_arena_get(&b->arena, (RV_MASK_WORDS(c->nproperties) + 1) * sizeof *q->set);
        int r = !v || !q->set ? -ENOMEM
                : q->method   ? rv_json_args(q->values, q->class, q->method, &b->arena, &v, err)
                : q->values   ? rv_json_bindings(q->values, c, true, &b->arena, v, err)
                              : RV_OK;
        if (r)
                return r;
        json_object_foreach(q->values, name, one)
        {
                int p = rv_property_find_alias(c, name, strlen(name), NULL);
                if (p >= 0)
                        rv_bit_set(q->set, (unsigned)p);
        }
        for (unsigned i = 0; q->properties && q->properties[i] && !q->method; i++) {
                int p = rv_property_find_alias(c, q->properties[i], strlen(q->properties[i]), NULL);
                if (p < 0)
                        return rv_fail(err, RV_NO_SUCH_PROPERTY, "'%s' has no property '%.60s'", c->name,
                                       q->properties[i]);
                rv_bit_set(q->set, (unsigned)p);
        }
        q->row = row_of(c, v);
        return q->row ? RV_OK : -ENOMEM;
}

/* A row with the keys alone. */
static int make_key_row(struct bench *b, struct question *q, struct rv_error *err)
{
        struct rv_arg *v = rv_arena_get(&b->arena, (q->class->nproperties + 1) * sizeof *v);
        int r = v ? rv_json_bindings(q->keys, q->class, false, &b->arena, v, err) : -ENOMEM;
        if (r == RV_OK && !(q->object = row_of(q->class, v)))
                r = -ENOMEM;
        return r;
}

static int copy_object(void *state, struct rv_batch *b)
{
        struct question *q = state;
        struct rv_row row;
        if (q->object || !b->n)
                return RV_OK;
        q->object = rv_batch_new(b->class);
        if (!q->object || rv_row_begin(&row, q->object, NULL))
                return -ENOMEM;
        for (unsigned p = 0; p < b->class->nproperties; p++)
                rv_copy_value(&row, p, b, rv_get(b, 0, p));
        rv_row_end(&row);
        return row.failed ? -ENOMEM : RV_OK;
}

/* The object as it is: read as whoever asks, who must be allowed that. */
static int read_object(struct bench *b, struct question *q, struct rv_error *err)
{
        static const atomic_bool never = false;
        struct rv_arg *v = rv_arena_get(&b->arena, (q->class->nproperties + 1) * sizeof *v);
        uint64_t *all = rv_arena_get(&b->arena, (RV_MASK_WORDS(q->class->nproperties) + 1) * sizeof *all);
        if (!v || !all)
                return -ENOMEM;
        for (unsigned p = 0; p < q->class->nproperties; p++)
                if (!(q->class->properties[p].flags & (RV_SECRET | RV_EXPENSIVE)))
                        rv_bit_set(all, p);
        const struct rv_rows rows = { b->agent, b->call->who, b->call->deadline, &never, err, true };
        int r = rv_json_bindings(q->keys, q->class, false, &b->arena, v, err);
        if (r == RV_OK)
                r = rv_rows_read(&rows, q->class, v, all, copy_object, q);
        if (r == RV_OK && !q->object)
                r = rv_fail(err, RV_NOT_FOUND, "there is no %s with these keys", q->class->name);
        return r;
}

static struct rv_subject subject_of(const struct bench *b, const struct rv_identity *who, int64_t now)
{
        return (struct rv_subject) { .roles = &b->all,
                                     .who = who,
                                     .now = now ? now / 1000000000 : (int64_t)time(NULL),
                                     .all = rv_policy_has_all(&b->agent->policy, who) };
}

/* The first rule of a role that fits and lets the class be read; one without condition before others. */
static const struct rv_rule *reading_rule(const struct rv_subject *s, const struct rv_class *c)
{
        const struct rv_rule *found = NULL;
        for (unsigned i = 0; i < s->roles->n; i++) {
                const struct rv_role *role = &s->roles->roles[i];
                for (unsigned k = 0; rv_role_fits(role, s->who, s->now) && k < role->nrules; k++) {
                        const struct rv_rule *r = &role->rules[k];
                        if (!r->deny && r->operations & RV_OP_READ &&
                            (!r->class || rv_descends(c, r->class)) &&
                            (!found || (found->where && !r->where)))
                                found = r;
                }
        }
        return found;
}

/* RV_OK, RV_ACCESS_DENIED, or RV_STALE: it depends on the object. */
static int decide_read(struct bench *b, const struct rv_subject *s, const struct question *q,
                       const struct rv_rule **ret, struct rv_error *err)
{
        struct rv_plan plan;
        unsigned n = 0;
        while (q->properties && q->properties[n])
                n++;
        const struct rv_ask ask = { .properties = q->properties, .nproperties = n, .all_properties = !n };
        int r = rv_plan_make(&b->arena, q->class, &ask, &plan, err);
        if (r == RV_OK)
                r = rv_rights_plan(s, &plan, &b->arena, err);
        *ret = s->all ? NULL : reading_rule(s, q->class);
        if (r || !plan.rights)
                return r;
        if (!q->object)
                return RV_STALE;
        return rv_rights_row(plan.rights, q->object, q->object->n - 1)
                       ? RV_OK
                       : rv_fail(err, RV_ACCESS_DENIED, "the rules of its roles hide this object");
}

static int decide(struct bench *b, const struct rv_subject *s, const struct question *q, uint64_t *reads,
                  const struct rv_rule **ret, struct rv_error *err)
{
        *ret = NULL;
        if (q->operation == RV_OP_READ)
                return decide_read(b, s, q, ret, err);
        const struct rv_wish wish = { .operation = q->operation,
                                      .class = q->class,
                                      .method = q->method,
                                      .set = q->method ? NULL : q->set,
                                      .values = q->row,
                                      .object = q->object,
                                      .decides = ret };
        return rv_rights_change(s, &wish, reads, err);
}

static int operation_of(const char *name, unsigned *ret)
{
        static const char *const names[] = { "Read", "Create", "Modify", "Delete", "Invoke" };
        for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
                if (strcasecmp(name, names[i]) == 0) {
                        *ret = 1u << i;
                        return RV_OK;
                }
        return RV_INVALID_PARAMETER;
}

static int find(struct bench *b, const char *class_name, const char *method, struct question *q,
                struct rv_error *err)
{
        int r = rv_registry_find(&b->agent->registry, class_name, NULL, &q->class, err);
        if (r == RV_OK && q->class->view_of) /* rules are about what it shows */
                q->class = rv_class_find(q->class->view_of, NULL);
        if (r || !method)
                return r;
        int m = q->class ? rv_method_find(q->class, method, strlen(method)) : -1;
        if (m < 0)
                return rv_fail(err, RV_METHOD_NOT_FOUND, "'%s' has no method '%.60s'", class_name, method);
        q->method = &q->class->methods[m];
        q->operation = RV_OP_INVOKE;
        return RV_OK;
}

static json_t *json_of(const char *text, struct rv_error *err)
{
        return *text == '{' ? rv_json_parse(text, strlen(text), err) : json_string(text);
}

static int ask_one(struct bench *b, const struct rv_role_question *in, struct rv_role_answer *out,
                   struct rv_error *err)
{
        struct question q = { .operation = RV_OP_READ, .properties = in->properties };
        struct rv_identity who;
        const struct rv_rule *rule = NULL;
        struct rv_error why = { 0 };
        int r = in->operation ? operation_of(in->operation, &q.operation) : RV_OK;
        if (r == RV_OK)
                r = find(b, in->class_name, in->method, &q, err);
        if (r == RV_OK && in->instance && !(q.keys = json_of(in->instance, err)))
                r = err->code;
        if (r == RV_OK && in->arguments && !(q.values = json_of(in->arguments, err)))
                r = err->code;
        if (r == RV_OK)
                r = make_values(b, &q, err);
        if (r == RV_OK && q.keys)
                r = read_object(b, &q, err);
        if (r) {
                question_free(&q);
                return r;
        }
        make_identity(b, in->user ? in->user : b->call->who->user, in->key, in->source, in->groups, &who);
        const struct rv_subject s = subject_of(b, &who, in->time);
        r = decide(b, &s, &q, NULL, &rule, &why);
        question_free(&q);
        if (r < 0)
                return r;
        out->allowed = r == RV_OK || r == RV_STALE;
        if (rule) {
                snprintf(out->role, sizeof out->role, "%s", rule->role->name);
                snprintf(out->rule, sizeof out->rule, "%.127s", rule->name);
        }
        if (s.all)
                snprintf(out->reason, sizeof out->reason,
                         "%s has everything: rule root, self or group of the house", who.user);
        else if (r == RV_OK)
                snprintf(out->reason, sizeof out->reason, "rule \"%s\" of role %s allows it", out->rule,
                         out->role);
        else if (r == RV_STALE)
                snprintf(out->reason, sizeof out->reason, "on some objects: rules with Where decide%s%.200s",
                         rule && rule->where ? ", such as " : "", rule && rule->where ? rule->where : "");
        else
                snprintf(out->reason, sizeof out->reason, "%s", why.message);
        return RV_OK;
}

/* ---- the audit ---- */

struct replay {
        struct bench *b;
        const struct rv_role_question *in;
        struct rv_role_answer *out;
};

static bool operation_on_record(const char *name, unsigned *ret)
{
        static const struct {
                const char *name;
                unsigned bits;
        } known[] = { { "CreateInstance", RV_OP_CREATE },
                      { "ModifyInstance", RV_OP_MODIFY },
                      { "SetInstance", RV_OP_MODIFY },
                      { "DeleteInstance", RV_OP_DELETE },
                      { "InvokeMethod", RV_OP_INVOKE } };
        for (unsigned i = 0; name && i < sizeof known / sizeof *known; i++)
                if (strcmp(known[i].name, name) == 0) {
                        *ret = known[i].bits;
                        return true;
                }
        return false;
}

/* Whether all that the rules look at are keys on record. */
static bool only_keys(const struct question *q, const uint64_t *reads)
{
        for (unsigned p = 0; p < q->class->nproperties; p++)
                if (rv_bit(reads, p) && rv_get(q->object, 0, p)->type == RV_NULL)
                        return false;
        return true;
}

static int decide_record(struct bench *b, const struct rv_audit_record *rec, const struct rv_subject *s,
                         struct question *q, struct rv_error *why)
{
        struct rv_error none = { 0 };
        const struct rv_rule *rule;
        if (find(b, rec->class_name, rec->method, q, &none))
                return RV_STALE; /* the class is not there any more */
        uint64_t *reads = rv_arena_get(&b->arena, (RV_MASK_WORDS(q->class->nproperties) + 1) * sizeof *reads);
        q->values = rec->arguments ? rv_json_parse(rec->arguments, strlen(rec->arguments), &none) : NULL;
        q->keys = rec->key ? json_loads(rec->key, JSON_DECODE_ANY, NULL) : NULL;
        if (!reads || make_values(b, q, &none))
                return RV_STALE;
        int r = decide(b, s, q, reads, &rule, why);
        if (r != RV_STALE || !q->keys || make_key_row(b, q, &none))
                return r;
        r = decide(b, s, q, NULL, &rule, why);
        return r == RV_ACCESS_DENIED && !only_keys(q, reads) ? RV_STALE : r;
}

static int tell(struct rv_role_answer *out, const struct rv_audit_record *rec, bool denied, const char *why)
{
        if (out->ndifferences == MOST_DIFFERENCES)
                return RV_OK;
        char **more = realloc(out->differences, (out->ndifferences + 1) * sizeof *more);
        if (!more)
                return -ENOMEM;
        out->differences = more;
        int n = asprintf(&more[out->ndifferences], "%" PRIu64 " %s %s %s%s%s %.200s: %s%s%.200s", rec->seq,
                         rec->user, rec->operation, rec->class_name, rec->method ? "." : "",
                         rec->method ? rec->method : "", rec->key ? rec->key : "",
                         denied ? "was allowed, would be denied" : "was denied, would be allowed",
                         denied ? ": " : "", denied ? why : "");
        if (n < 0)
                return -ENOMEM;
        out->ndifferences++;
        return RV_OK;
}

static int each_record(void *state, const struct rv_audit_record *rec)
{
        struct replay *p = state;
        struct question q = { 0 };
        struct rv_identity who;
        struct rv_error why = { 0 };
        if (!rec->user || !rec->class_name || !operation_on_record(rec->operation, &q.operation))
                return RV_OK;
        make_identity(p->b, rec->user, p->in->key, rec->source, p->in->groups, &who);
        const struct rv_subject s = subject_of(p->b, &who, rec->time);
        int r = decide_record(p->b, rec, &s, &q, &why);
        question_free(&q);
        rv_arena_free(&p->b->arena);
        if (r < 0)
                return r;
        bool was_denied = strcmp(rec->result, "Denied") == 0;
        p->out->records++;
        p->out->allowed_records += r == RV_OK;
        p->out->unknown_records += r == RV_STALE;
        p->out->denied_records += r == RV_ACCESS_DENIED;
        p->out->allowed &= was_denied || r != RV_ACCESS_DENIED;
        bool differs = (r == RV_OK && was_denied) || (r == RV_ACCESS_DENIED && !was_denied);
        return differs ? tell(p->out, rec, r == RV_ACCESS_DENIED, why.message) : RV_OK;
}

static int ask_audit(struct bench *b, const struct rv_role_question *in, struct rv_role_answer *out,
                     struct rv_error *err)
{
        char why[200] = "";
        const struct rv_audit_ask ask = { .since = in->since, .user = in->user };
        struct replay p = { b, in, out };
        out->replay = out->allowed = true;
        int r = rv_stats_each_audit(b->call, &ask, each_record, &p, why, sizeof why);
        if (r == -EIO)
                return rv_fail(err, RV_UNAVAILABLE, "cannot read the audit: %s", why);
        snprintf(out->reason, sizeof out->reason,
                 "%" PRIu64 " records: %" PRIu64 " would be allowed, %" PRIu64 " denied, %" PRIu64
                 " cannot be told",
                 out->records, out->allowed_records, out->denied_records, out->unknown_records);
        return r == -ENOENT || r == RV_STOP ? RV_OK : r;
}

int rv_stats_test_role(const struct rv_call *call, const struct rv_role_question *in,
                       struct rv_role_answer *out, struct rv_error *err)
{
        struct bench b;
        int r = bench_init(&b, call, in->name, in->text, err);
        if (r == RV_OK)
                r = in->class_name ? ask_one(&b, in, out, err) : ask_audit(&b, in, out, err);
        bench_free(&b);
        return r;
}

void rv_role_answer_free(struct rv_role_answer *a)
{
        for (unsigned i = 0; i < a->ndifferences; i++)
                free(a->differences[i]);
        free(a->differences);
}
