/* SPDX-License-Identifier: MIT
 *
 * SwarmSecret and SwarmConfig: files that a swarm gives to its services. Neither can be changed; what changes is which
 * one a service is given, so Rotate makes another, has the services take it, and removes the former.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/SwarmConfig.h"
#include "gen/SwarmSecret.h"
#include "providers/lib/base64.h"
#include "providers/lib/containertext.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"
#include "providers/lib/swarmwait.h"

#define MOST (500u << 10) /* bytes of one, as the engine has it */
#define SECOND UINT64_C(1000000000)

/* The two differ in words only. */
struct sort {
        const char *kind;      /* "secrets": the engine's path and, with a capital, its member of a service */
        const char *one;       /* "secret" */
        const char *list;      /* where a service's are */
        const char *id, *name; /* the members of one there */
        unsigned name_property, labels_property;
};
static const struct sort secrets = { "secrets",         "secret",     "TaskTemplate/ContainerSpec/Secrets",
                                     "SecretID",        "SecretName", SwarmSecret_Name,
                                     SwarmSecret_Labels };
static const struct sort configs = { "configs",         "config",     "TaskTemplate/ContainerSpec/Configs",
                                     "ConfigID",        "ConfigName", SwarmConfig_Name,
                                     SwarmConfig_Labels };

/* ---- reading ---- */

static const struct rv_json_rule secret_rules[] = {
        { SwarmSecret_Name, "Spec/Name", RV_J_TEXT },
        { SwarmSecret_Id, "ID", RV_J_TEXT },
        { SwarmSecret_Labels, "Spec/Labels", RV_J_MAP },
        { SwarmSecret_Driver, "Spec/Driver/Name", RV_J_TEXT },
        { SwarmSecret_Created, "CreatedAt", RV_J_TIME },
        { SwarmSecret_Updated, "UpdatedAt", RV_J_TIME },
        { SwarmSecret_Revision, "Version/Index", RV_J_UINT },
};
static const struct rv_json_rule config_rules[] = {
        { SwarmConfig_Name, "Spec/Name", RV_J_TEXT },         { SwarmConfig_Id, "ID", RV_J_TEXT },
        { SwarmConfig_Labels, "Spec/Labels", RV_J_MAP },      { SwarmConfig_Base64, "Spec/Data", RV_J_TEXT },
        { SwarmConfig_Created, "CreatedAt", RV_J_TIME },      { SwarmConfig_Updated, "UpdatedAt", RV_J_TIME },
        { SwarmConfig_Revision, "Version/Index", RV_J_UINT },
};

static bool given(json_t *service, const struct sort *s, const char *id)
{
        json_t *one;
        size_t i;
        json_array_foreach(rv_j_at(json_object_get(service, "Spec"), s->list), i,
                           one) if (strcmp(rv_or_empty(rv_j_text(one, s->id)), id) == 0) return true;
        return false;
}

static void fill_services(struct rv_row *row, unsigned property, json_t *j, const struct sort *s,
                          json_t *services)
{
        struct rv_lines lines;
        json_t *one;
        size_t i;
        rv_lines_clear(&lines);
        json_array_foreach(services, i, one) if (given(one, s, rv_or_empty(rv_j_text(j, "ID"))))
                rv_lines_add(&lines, "%s", rv_or_empty(rv_j_text(one, "Spec/Name")));
        rv_lines_set(row, property, &lines);
}

static void fill_data(struct rv_row *row, json_t *j)
{
        const char *text = rv_or_empty(rv_j_text(j, "Spec/Data"));
        char *bytes = malloc(strlen(text) + 1);
        ssize_t n = bytes ? rv_base64_bytes(text, bytes) : -1;
        json_t *valid = n >= 0 && !memchr(bytes, 0, (size_t)n) ? json_stringn(bytes, (size_t)n) : NULL;
        if (n >= 0)
                SwarmConfig_set_Size(row, (uint64_t)n);
        if (valid)
                SwarmConfig_set_Data(row, bytes, (size_t)n);
        json_decref(valid);
        free(bytes);
}

static int query(const struct rv_query *q, const struct sort *s, unsigned services_property,
                 struct rv_sink *out, struct rv_error *err)
{
        char what[80];
        snprintf(what, sizeof what, "cannot list the swarm's %s", s->kind);
        struct rv_talk t = { .call = q->call, .deadline = q->deadline, .what = what };
        json_t *list = NULL, *services = NULL, *j;
        size_t i;
        int r = rv_swarm_list(&t, &list, err, "/%s", s->kind);
        if (r == RV_OK && rv_asked(q, services_property))
                r = rv_swarm_list(&t, &services, err, "/services");
        json_array_foreach(list, i, j)
        {
                if (r)
                        break;
                struct rv_row *row = rv_row(out);
                if (s == &secrets)
                        rv_json_fill(row, j, secret_rules, sizeof secret_rules / sizeof *secret_rules);
                else {
                        rv_json_fill(row, j, config_rules, sizeof config_rules / sizeof *config_rules);
                        if (SwarmConfig_wants_Data(row) || SwarmConfig_wants_Size(row))
                                fill_data(row, j);
                }
                if (services)
                        fill_services(row, services_property, j, s, services);
                r = rv_emit(out, row);
        }
        json_decref(list);
        json_decref(services);
        return r == RV_STOP ? RV_OK : r;
}

static int secret_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        return query(q, &secrets, SwarmSecret_Services, out, err);
}
static int config_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        return query(q, &configs, SwarmConfig_Services, out, err);
}

/* ---- changing ---- */

struct job {
        struct rv_call *call;
        const struct sort *sort;
        struct rv_talk talk;
        char what[200];
        char *data; /* base64; free() */
        json_t *labels, *object;
};

static void start_job(struct job *j, struct rv_call *c, const struct sort *s, const char *verb,
                      const char *name)
{
        *j = (struct job) { .call = c, .sort = s, .talk = { .call = c, .deadline = c->deadline } };
        snprintf(j->what, sizeof j->what, "cannot %s the %s %.64s", verb, s->one, name);
        j->talk.what = j->what;
}

static int end_job(struct job *j, int r)
{
        if (r == RV_OK && j->call->out)
                rv_set_uint(j->call->out, 0, 0);
        free(j->data);
        json_decref(j->labels);
        json_decref(j->object);
        return r;
}

static const char *key(const struct rv_call *c, const struct sort *s)
{
        const struct rv_arg *name = &c->key[s->name_property];
        return name->type == RV_STRING ? name->s : "";
}

static int good_name(struct job *j, const char *name, const char *parameter, struct rv_error *err)
{
        size_t n = strlen(name);
        bool good = n && n <= 64 && isalnum((unsigned char)name[0]) && isalnum((unsigned char)name[n - 1]);
        for (const char *p = name; good && *p; p++)
                good = isalnum((unsigned char)*p) || strchr("-_.", *p);
        rv_about(err, NULL, NULL, parameter);
        return good ? RV_OK
                    : rv_fail(err, RV_INVALID_PARAMETER,
                              "%s: '%.80s' is no name: at most 64 of a-z A-Z 0-9 - _ ., the first and last a "
                              "letter or "
                              "digit",
                              j->what, name);
}

/* Either a text or base64. */
static int take_data(struct job *j, const char *text, size_t n, const char *base64, struct rv_error *err)
{
        rv_about(err, NULL, NULL, base64 ? "Base64" : "Data");
        if (!text == !base64)
                return rv_fail(err, RV_INVALID_PARAMETER, "%s: it needs Data or Base64, one of them",
                               j->what);
        char *bytes = base64 ? malloc(strlen(base64) + 1) : NULL;
        ssize_t size = !base64 ? (ssize_t)n : bytes ? rv_base64_bytes(base64, bytes) : -1;
        free(bytes);
        if (base64 && size < 0)
                return rv_fail(err, RV_INVALID_PARAMETER, "%s: Base64 is no base64", j->what);
        if (size < 1 || size > MOST)
                return rv_fail(err, RV_INVALID_PARAMETER, "%s: it holds 1 to %u bytes", j->what, MOST);
        j->data = base64 ? strdup(base64) : rv_base64(text, n);
        return j->data ? RV_OK : -ENOMEM;
}

static int is_free(struct job *j, const char *name, struct rv_error *err)
{
        json_t *there = NULL;
        struct rv_error why = { 0 };
        int r = rv_swarm_find(&j->talk, j->sort->kind, name, false, &there, &why);
        json_decref(there);
        if (r == RV_NOT_FOUND)
                return RV_OK;
        if (r == RV_OK)
                return rv_fail(err, RV_ALREADY_EXISTS, "%s: there is a %s '%.64s' already", j->what,
                               j->sort->one, name);
        *err = why;
        return r;
}

/* Makes it; *ret_id may be NULL; free() it. */
static int make(struct job *j, const char *name, char **ret_id, struct rv_error *err)
{
        json_t *made = NULL;
        json_t *body = json_pack("{ss ss sO*}", "Name", name, "Data", j->data, "Labels", j->labels);
        int r = body ? rv_swarm_post(&j->talk, json_incref(body), &made, err, "/%s/create", j->sort->kind)
                     : -ENOMEM;
        if (r == RV_OK && ret_id)
                *ret_id = strdup(rv_or_empty(rv_j_text(made, "ID")));
        json_decref(body);
        json_decref(made);
        return r;
}

static int create(struct job *j, const char *name, unsigned id_out, struct rv_error *err)
{
        char *id = NULL;
        int r = good_name(j, name, "Name", err);
        if (r == RV_OK)
                r = is_free(j, name, err);
        if (r)
                return r;
        rv_change(j->call, "Name", NULL, name);
        rv_swarm_label_changes(j->call, "Labels", NULL, j->labels);
        if (!j->call->what_if)
                r = make(j, name, &id, err);
        if (r == RV_OK && id && j->call->out && j->call->method)
                rv_fill(j->call->out, id_out, id);
        free(id);
        return r;
}

#define TEXT_OF(in, p) (in)->has_##p ? (in)->p : NULL, (in)->has_##p ? (in)->p##_len : 0

static int secret_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmSecret_Create_in *in = args;
        struct job j;
        start_job(&j, c, &secrets, "make", in->Name);
        int r = take_data(&j, TEXT_OF(in, Data), in->has_Base64 ? in->Base64 : NULL, err);
        if (r == RV_OK && in->has_Label)
                r = rv_swarm_labels(in->Label, in->Label_n, true, "Label", &j.labels, err);
        return end_job(&j, r ? r : create(&j, in->Name, SwarmSecret_Create_out_Id, err));
}

static int config_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmConfig_Create_in *in = args;
        struct job j;
        start_job(&j, c, &configs, "make", in->Name);
        int r = take_data(&j, TEXT_OF(in, Data), in->has_Base64 ? in->Base64 : NULL, err);
        if (r == RV_OK && in->has_Label)
                r = rv_swarm_labels(in->Label, in->Label_n, true, "Label", &j.labels, err);
        return end_job(&j, r ? r : create(&j, in->Name, SwarmConfig_Create_out_Id, err));
}

/* As an instance: a config can be compared, a secret cannot and is made by Create only. */
static int config_make(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *name =
                rv_bit(v->set, SwarmConfig_Name) ? &v->v[SwarmConfig_Name] : &c->key[SwarmConfig_Name];
        const struct rv_arg *data = &v->v[SwarmConfig_Data], *labels = &v->v[SwarmConfig_Labels];
        struct job j;
        bool text = rv_bit(v->set, SwarmConfig_Data) && data->type == RV_STRING;
        if (name->type != RV_STRING)
                return rv_fail(err, RV_INVALID_PARAMETER, "a config needs a Name");
        start_job(&j, c, &configs, "make", name->s);
        int r = take_data(&j, text ? data->s : NULL, text ? data->len : 0, NULL, err);
        if (r == RV_OK && rv_bit(v->set, SwarmConfig_Labels) && labels->type == RV_LIST)
                r = rv_swarm_labels(labels->items, labels->len, false, "Labels", &j.labels, err);
        return end_job(&j, r ? r : create(&j, name->s, 0, err));
}

static int remove_one(struct rv_call *c, const struct sort *s, struct rv_error *err)
{
        struct job j;
        json_t *services = NULL, *one;
        size_t i;
        start_job(&j, c, s, "remove", key(c, s));
        int r = rv_swarm_find(&j.talk, s->kind, key(c, s), false, &j.object, err);
        const char *id = rv_or_empty(rv_j_text(j.object, "ID"));
        if (r == RV_OK)
                r = rv_swarm_list(&j.talk, &services, err, "/services");
        json_array_foreach(services, i, one) if (r == RV_OK && given(one, s, id))
        {
                rv_fail(err, RV_FAILED, "%s: the service %.63s is given it", j.what,
                        rv_or_empty(rv_j_text(one, "Spec/Name")));
                r = rv_hint(err, "Update-SwarmService, or Update-Swarm%s to replace it.",
                            s == &secrets ? "Secret" : "Config");
        }
        json_decref(services);
        if (r == RV_OK)
                rv_change(c, "Name", key(c, s), NULL);
        if (r == RV_OK && !c->what_if)
                r = rv_swarm_delete(&j.talk, err, "/%s/%s", s->kind, id);
        return end_job(&j, r);
}

static int secret_delete(struct rv_call *c, struct rv_error *err)
{
        return remove_one(c, &secrets, err);
}
static int config_delete(struct rv_call *c, struct rv_error *err)
{
        return remove_one(c, &configs, err);
}
static int secret_remove(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return remove_one(c, &secrets, err);
}
static int config_remove(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        return remove_one(c, &configs, err);
}

/* ---- labels ---- */

static int relabel(void *closure, json_t *object, json_t *spec, struct rv_error *err)
{
        struct job *j = closure;
        (void)err;
        (void)object;
        json_object_set(spec, "Labels", j->labels);
        return RV_OK;
}

static void tell_labels(void *closure, json_t *was, json_t *now)
{
        struct job *j = closure;
        rv_swarm_label_changes(j->call, "Labels", json_object_get(was, "Labels"),
                               json_object_get(now, "Labels"));
}

static int modify(struct rv_call *c, const struct sort *s, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *labels = &v->v[s->labels_property];
        struct job j;
        char id[80];
        start_job(&j, c, s, "change", key(c, s));
        if (s == &configs && rv_bit(v->set, SwarmConfig_Data)) {
                rv_about(err, NULL, NULL, "Data");
                rv_fail(err, RV_NOT_SUPPORTED, "%s: what it holds stays", j.what);
                return rv_hint(err, "Update-SwarmConfig makes another and has its services take that.");
        }
        if (!rv_bit(v->set, s->labels_property))
                return RV_OK;
        int r = rv_swarm_find(&j.talk, s->kind, key(c, s), false, &j.object, err);
        snprintf(id, sizeof id, "%s", rv_or_empty(rv_j_text(j.object, "ID")));
        if (r == RV_OK)
                r = rv_swarm_labels(labels->items, labels->type == RV_LIST ? labels->len : 0, false, "Labels",
                                    &j.labels, err);
        const struct rv_swarm_change ch = {
                .kind = s->kind, .id = id, .change = relabel, .tell = tell_labels, .closure = &j
        };
        return end_job(&j, r ? r : rv_swarm_update(&j.talk, &ch, c->what_if, NULL, err));
}
static int secret_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        return modify(c, &secrets, v, err);
}
static int config_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        return modify(c, &configs, v, err);
}

/* ---- replacing ---- */

struct rotation {
        struct job *job;
        const char *old_id, *new_id, *new_name;
};

static int replace(void *closure, json_t *service, json_t *spec, struct rv_error *err)
{
        struct rotation *o = closure;
        const struct sort *s = o->job->sort;
        json_t *one;
        size_t i;
        (void)service;
        (void)err;
        json_array_foreach(rv_j_at(spec, s->list), i,
                           one) if (strcmp(rv_or_empty(rv_j_text(one, s->id)), o->old_id) == 0)
        {
                json_object_set_new(one, s->id, json_string(o->new_id));
                json_object_set_new(one, s->name, json_string(o->new_name));
        }
        return RV_OK;
}

/* Which services take it was told before the first did. */
static void told_already(void *closure, json_t *was, json_t *now)
{
        (void)closure;
        (void)was;
        (void)now;
}

/* One service takes the new one, and runs with it. */
static int hand_over(struct rotation *o, json_t *service, struct rv_error *err)
{
        struct job *j = o->job;
        json_t *known = NULL;
        const char *id = rv_or_empty(rv_j_text(service, "ID"));
        bool sent;
        const struct rv_swarm_change ch = {
                .kind = "services", .id = id, .change = replace, .tell = told_already, .closure = o
        };
        int r = rv_swarm_known(&j->talk, id, &known, err);
        if (r == RV_OK)
                r = rv_swarm_update(&j->talk, &ch, false, &sent, err);
        const struct rv_swarm_wish w = { .id = id, .known = known, .stable = SECOND };
        if (r == RV_OK)
                r = rv_swarm_wait(j->call, &j->talk, &w, err);
        json_decref(known);
        return r;
}

/* NAME-2 after NAME, NAME-3 after that. */
static void next_name(const char *name, char *ret, size_t size)
{
        const char *dash = strrchr(name, '-');
        char *end = NULL;
        unsigned long n = dash && isdigit((unsigned char)dash[1]) ? strtoul(dash + 1, &end, 10) : 0;
        bool numbered = end && !*end && n < 1000000000;
        snprintf(ret, size, "%.*s-%lu", numbered ? (int)(dash - name) : (int)strlen(name), name,
                 numbered ? n + 1 : 2);
}

static int rotate(struct job *j, const char *new_name, bool keep, json_t **ret_services, struct rv_error *err)
{
        const struct sort *s = j->sort;
        json_t *services = NULL, *one, *mine = json_array(), *names = json_array();
        size_t i;
        char *id = NULL;
        const char *old = rv_or_empty(rv_j_text(j->object, "ID"));
        int r = rv_swarm_list(&j->talk, &services, err, "/services");
        json_array_foreach(services, i, one) if (given(one, s, old))
        {
                json_array_append(mine, one);
                json_array_append(names, rv_j_at(one, "Spec/Name"));
        }
        if (r == RV_OK) {
                rv_change(j->call, "Name", rv_j_text(j->object, "Spec/Name"), new_name);
                json_array_foreach(names, i, one)
                        rv_change(j->call, "Services", NULL, json_string_value(one));
        }
        if (r == RV_OK && !j->call->what_if) {
                r = make(j, new_name, &id, err);
                struct rotation o = { j, old, id, new_name };
                json_array_foreach(mine, i, one) if (r == RV_OK) r = hand_over(&o, one, err);
                if (r == RV_OK && !keep)
                        r = rv_swarm_delete(&j->talk, err, "/%s/%s", s->kind, old);
        }
        free(id);
        json_decref(services);
        json_decref(mine);
        *ret_services = names;
        return r;
}

static int rotate_call(struct job *j, const char *asked, bool keep, char new_name[80], json_t **ret_services,
                       struct rv_error *err)
{
        int r = rv_swarm_find(&j->talk, j->sort->kind, key(j->call, j->sort), false, &j->object, err);
        if (r)
                return r;
        if (asked)
                snprintf(new_name, 80, "%s", asked);
        else
                next_name(key(j->call, j->sort), new_name, 80);
        j->labels = json_incref(rv_j_at(j->object, "Spec/Labels"));
        r = good_name(j, asked ? asked : new_name, "NewName", err);
        if (r == RV_OK)
                r = is_free(j, new_name, err);
        return r ? r : rotate(j, new_name, keep, ret_services, err);
}

static int secret_rotate(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmSecret_Rotate_in *in = args;
        struct job j;
        char name[80];
        json_t *services = NULL;
        start_job(&j, c, &secrets, "replace", key(c, &secrets));
        int r = take_data(&j, TEXT_OF(in, Data), in->has_Base64 ? in->Base64 : NULL, err);
        if (r == RV_OK)
                r = rotate_call(&j, in->has_NewName ? in->NewName : NULL, in->has_KeepOld && in->KeepOld,
                                name, &services, err);
        if (r == RV_OK) {
                rv_fill(c->out, SwarmSecret_Rotate_out_Current, name);
                rv_json_list(c->out, SwarmSecret_Rotate_out_Services, services);
        }
        json_decref(services);
        return end_job(&j, r);
}

static int config_rotate(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct SwarmConfig_Rotate_in *in = args;
        struct job j;
        char name[80];
        json_t *services = NULL;
        start_job(&j, c, &configs, "replace", key(c, &configs));
        int r = take_data(&j, TEXT_OF(in, Data), in->has_Base64 ? in->Base64 : NULL, err);
        if (r == RV_OK)
                r = rotate_call(&j, in->has_NewName ? in->NewName : NULL, in->has_KeepOld && in->KeepOld,
                                name, &services, err);
        if (r == RV_OK) {
                rv_fill(c->out, SwarmConfig_Rotate_out_Current, name);
                rv_json_list(c->out, SwarmConfig_Rotate_out_Services, services);
        }
        json_decref(services);
        return end_job(&j, r);
}

static int (*const secret_methods[SwarmSecret_nmethods])(struct rv_call *, const void *,
                                                         struct rv_error *) = {
        [SwarmSecret_method_Create] = secret_create,
        [SwarmSecret_method_Remove] = secret_remove,
        [SwarmSecret_method_Rotate] = secret_rotate,
};
static int (*const config_methods[SwarmConfig_nmethods])(struct rv_call *, const void *,
                                                         struct rv_error *) = {
        [SwarmConfig_method_Create] = config_create,
        [SwarmConfig_method_Remove] = config_remove,
        [SwarmConfig_method_Rotate] = config_rotate,
};

static const struct rv_provider secret = { .class = &SwarmSecret_class,
                                           .query = secret_query,
                                           .methods = secret_methods,
                                           .modify = secret_modify,
                                           .remove = secret_delete };
static const struct rv_provider config = { .class = &SwarmConfig_class,
                                           .query = config_query,
                                           .methods = config_methods,
                                           .create = config_make,
                                           .modify = config_modify,
                                           .remove = config_delete };

RV_PROVIDERS(swarmsecret, &secret, &config);
