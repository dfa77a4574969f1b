/* SPDX-License-Identifier: MIT
 *
 * Networks and volumes brought to be as they are wished: see containerthings.h.
 */
#include "providers/lib/containerthings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/ContainerNetwork.h"
#include "gen/ContainerVolume.h"
#include "providers/lib/containerspec.h"
#include "providers/lib/containertext.h"
#include "providers/lib/containerwish.h"
#include "providers/lib/enginetalk.h"

static const char *text_of(const struct rv_arg *a)
{
        return a->type == RV_STRING ? a->s : NULL;
}

static const char *given(const struct rv_values *v, unsigned p)
{
        return rv_bit(v->set, p) ? text_of(&v->v[p]) : NULL;
}

static const char *item(const struct rv_arg *list, uint32_t i)
{
        const char *s = list->type == RV_LIST && i < list->len ? text_of(&list->items[i]) : NULL;
        return rv_or_empty(s);
}

static bool labels_meet(json_t *labels, const struct rv_arg *wish)
{
        bool meets = true;
        for (uint32_t i = 0; wish->type == RV_LIST && i + 1 < wish->len; i += 2) {
                const char *now = json_string_value(json_object_get(labels, item(wish, i)));
                meets &= now && strcmp(now, item(wish, i + 1)) == 0;
        }
        return meets;
}

static void add_labels(json_t *body, const struct rv_arg *wish)
{
        json_t *labels = json_object_get(body, "Labels");
        if (!json_is_object(labels)) {
                json_object_set_new(body, "Labels", json_object());
                labels = json_object_get(body, "Labels");
        }
        for (uint32_t i = 0; wish->type == RV_LIST && i + 1 < wish->len; i += 2)
                json_object_set_new(labels, item(wish, i), json_string(item(wish, i + 1)));
}

/* The values given, told from what is there (or from nothing). */
static void tell(struct rv_call *c, const struct rv_values *v, json_t *now)
{
        for (unsigned p = 0; p < c->class->nproperties; p++) {
                const struct rv_property *d = &c->class->properties[p];
                if (!rv_bit(v->set, p) || v->v[p].type == RV_NULL)
                        continue;
                char *from = NULL, *to = rv_trait_wish(&v->v[p]);
                json_t *had = json_object_get(now, d->name);
                if (had)
                        from = json_is_string(had) ? strdup(json_string_value(had))
                                                   : json_dumps(had, JSON_ENCODE_ANY | JSON_COMPACT);
                rv_change(c, d->name, from, to);
                free(from);
                free(to);
        }
}

/* ---- networks ---- */

static const char *network_key(const struct rv_call *c)
{
        const char *id = text_of(&c->key[ContainerNetwork_Id]);
        return rv_or_empty(id ? id : text_of(&c->key[ContainerNetwork_Name]));
}

static int network_now(struct rv_call *c, const char *what, json_t **ret, struct rv_error *err)
{
        char id[700];
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = what };
        *ret = NULL;
        return rv_talk_get(&t, ret, err, "/networks/%s", rv_http_escaped(id, sizeof id, network_key(c)));
}

/* One range of each, in their order. */
static bool ranges_meet(json_t *config, const char *member, const struct rv_arg *wish)
{
        uint32_t n = wish->type == RV_LIST ? wish->len : 0, has = 0;
        json_t *one;
        size_t i;
        json_array_foreach(config, i, one)
        {
                const char *s = rv_j_text(one, member);
                if (s && strcmp(s, item(wish, has++)) != 0)
                        return false;
        }
        return n == has;
}

int rv_network_meets(struct rv_call *c, unsigned property, const struct rv_arg *wish, bool *ret,
                     struct rv_error *err)
{
        json_t *now;
        if (property != ContainerNetwork_Labels && property != ContainerNetwork_Subnets &&
            property != ContainerNetwork_Gateways)
                return RV_OK;
        int r = network_now(c, "cannot look at the network", &now, err);
        if (r == RV_OK && property == ContainerNetwork_Labels)
                *ret = labels_meet(json_object_get(now, "Labels"), wish);
        else if (r == RV_OK)
                *ret = ranges_meet(rv_j_at(now, "IPAM/Config"),
                                   property == ContainerNetwork_Subnets ? "Subnet" : "Gateway", wish);
        json_decref(now);
        return r;
}

static void write_ranges(json_t *body, const struct rv_values *v)
{
        const struct rv_arg *subnets = &v->v[ContainerNetwork_Subnets],
                            *gateways = &v->v[ContainerNetwork_Gateways];
        bool s = rv_bit(v->set, ContainerNetwork_Subnets), g = rv_bit(v->set, ContainerNetwork_Gateways);
        json_t *had = rv_j_at(body, "IPAM/Config"), *config = json_array();
        uint32_t n = s ? (subnets->type == RV_LIST ? subnets->len : 0) : (uint32_t)json_array_size(had);
        for (uint32_t i = 0; i < n; i++) {
                json_t *one = s ? json_pack("{ss}", "Subnet", item(subnets, i))
                                : json_deep_copy(json_array_get(had, i));
                if (g && *item(gateways, i))
                        json_object_set_new(one, "Gateway", json_string(item(gateways, i)));
                json_array_append_new(config, one);
        }
        if (s || g)
                json_object_set_new(body, "IPAM", json_pack("{so}", "Config", config));
        else
                json_decref(config);
}

static void write_network(json_t *body, const struct rv_values *v)
{
        if (given(v, ContainerNetwork_Name))
                json_object_set_new(body, "Name", json_string(given(v, ContainerNetwork_Name)));
        if (given(v, ContainerNetwork_Driver))
                json_object_set_new(body, "Driver", json_string(given(v, ContainerNetwork_Driver)));
        if (rv_bit(v->set, ContainerNetwork_Internal))
                json_object_set_new(body, "Internal", json_boolean(v->v[ContainerNetwork_Internal].u));
        if (rv_bit(v->set, ContainerNetwork_Labels))
                add_labels(body, &v->v[ContainerNetwork_Labels]);
        write_ranges(body, v);
}

static int post_network(struct rv_call *c, json_t *body, const char *was, struct rv_error *err)
{
        char what[200];
        json_t *made = NULL;
        snprintf(what, sizeof what, "cannot make the network %.100s", rv_or_empty(rv_j_text(body, "Name")));
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = what };
        int r = rv_talk_post(&t, json_incref(body), &made, err, "/networks/create");
        const char *id = rv_or_empty(rv_j_text(made, "Id"));
        if (r == RV_OK && c->out)
                ContainerNetwork_set_Id(c->out, id, strlen(id));
        if (r == RV_OK && was)
                rv_change(c, "Id", was, id);
        json_decref(made);
        return r;
}

int rv_network_made(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        if (text_of(&c->key[ContainerNetwork_Id]) || given(v, ContainerNetwork_Id)) {
                rv_fail(err, RV_NOT_FOUND, "there is no network with this Id, and none can be made with one");
                return rv_hint(err, "A network that is to be made is named by its Name.");
        }
        rv_about(err, NULL, NULL, "Name");
        if (!given(v, ContainerNetwork_Name))
                return rv_fail(err, RV_INVALID_PARAMETER, "a new network needs a Name");
        json_t *body = json_pack("{sb}", "CheckDuplicate", 1);
        write_network(body, v);
        tell(c, v, NULL);
        int r = c->what_if ? RV_OK : post_network(c, body, NULL, err);
        json_decref(body);
        return r;
}

/* What it is, as Create takes it. */
static json_t *network_like(json_t *now)
{
        static const char *const kept[] = { "Name",    "Driver", "Internal", "EnableIPv6", "Attachable",
                                            "Ingress", "IPAM",   "Options",  "Labels" };
        json_t *body = json_pack("{sb}", "CheckDuplicate", 1);
        for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++)
                if (json_object_get(now, kept[i]))
                        json_object_set_new(body, kept[i], json_deep_copy(json_object_get(now, kept[i])));
        return body;
}

/* Taken away and made anew; where that fails, as it was. */
static int replace_network(struct rv_call *c, const struct rv_values *v, json_t *now, struct rv_error *err)
{
        const char *id = rv_or_empty(rv_j_text(now, "Id"));
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot make the network anew" };
        struct rv_error none = { 0 };
        json_t *body = network_like(now), *old = json_deep_copy(body);
        write_network(body, v);
        int r = rv_talk_delete(&t, err, "/networks/%s", id);
        if (r == RV_OK) {
                r = post_network(c, body, id, err);
                if (r)
                        post_network(c, old, NULL, &none);
        }
        json_decref(body);
        json_decref(old);
        return r;
}

int rv_network_brought(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        json_t *now;
        int r = network_now(c, "cannot change the network", &now, err);
        if (r)
                return r;
        const char *name = rv_or_empty(rv_j_text(now, "Name")), *key;
        json_t *members = json_object_get(now, "Containers"), *one;
        json_object_foreach(members, key, one)
        {
                rv_fail(err, RV_FAILED,
                        "cannot change the network %.100s: the engine can only make it anew, and %.80s%s",
                        name, rv_or_empty(rv_j_text(one, "Name")),
                        json_object_size(members) > 1 ? " and others are connected to it"
                                                      : " is connected to it");
                r = rv_hint(err, "Disconnect-ContainerNetwork first; or give the network that should be so "
                                 "another name.");
                break;
        }
        if (r == RV_OK) {
                tell(c, v, now);
                if (c->what_if)
                        rv_change(c, "Id", rv_j_text(now, "Id"), "(it is made anew)");
                else
                        r = replace_network(c, v, now, err);
        }
        json_decref(now);
        return r;
}

int rv_network_gone(struct rv_call *c, struct rv_error *err)
{
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot remove the network" };
        json_t *now;
        int r = network_now(c, t.what, &now, err);
        if (r == RV_OK)
                rv_change(c, "Name", rv_j_text(now, "Name"), NULL);
        if (r == RV_OK && !c->what_if)
                r = rv_talk_delete(&t, err, "/networks/%s", rv_or_empty(rv_j_text(now, "Id")));
        json_decref(now);
        return r;
}

/* ---- volumes ---- */

static int volume_now(struct rv_call *c, const char *what, json_t **ret, struct rv_error *err)
{
        char name[700];
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = what };
        *ret = NULL;
        return rv_talk_get(
                &t, ret, err, "/volumes/%s",
                rv_http_escaped(name, sizeof name, rv_or_empty(text_of(&c->key[ContainerVolume_Name]))));
}

int rv_volume_meets(struct rv_call *c, unsigned property, const struct rv_arg *wish, bool *ret,
                    struct rv_error *err)
{
        json_t *now;
        if (property != ContainerVolume_Labels)
                return RV_OK;
        int r = volume_now(c, "cannot look at the volume", &now, err);
        if (r == RV_OK)
                *ret = labels_meet(json_object_get(now, "Labels"), wish);
        json_decref(now);
        return r;
}

int rv_volume_made(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot make the volume" };
        const char *name = given(v, ContainerVolume_Name);
        rv_about(err, NULL, NULL, "Name");
        if (!name)
                return rv_fail(err, RV_INVALID_PARAMETER, "a new volume needs a Name");
        int r = rv_spec_name(name, "Name", err);
        if (r)
                return r;
        tell(c, v, NULL);
        if (c->what_if)
                return RV_OK;
        json_t *body = json_pack("{ss}", "Name", name);
        if (given(v, ContainerVolume_Driver))
                json_object_set_new(body, "Driver", json_string(given(v, ContainerVolume_Driver)));
        if (rv_bit(v->set, ContainerVolume_Labels))
                add_labels(body, &v->v[ContainerVolume_Labels]);
        return rv_talk_post(&t, body, NULL, err, "/volumes/create");
}

int rv_volume_brought(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        (void)v;
        rv_fail(err, RV_NOT_SUPPORTED,
                "cannot change the volume %.100s: the engine can only make it anew, and what is in it would "
                "be lost",
                rv_or_empty(text_of(&c->key[ContainerVolume_Name])));
        return rv_hint(err,
                       "Remove-ContainerVolume it first, or give the volume that should be so another name.");
}

int rv_volume_gone(struct rv_call *c, struct rv_error *err)
{
        struct rv_talk t = { .call = c, .deadline = c->deadline, .what = "cannot remove the volume" };
        char name[700];
        json_t *now;
        int r = volume_now(c, t.what, &now, err);
        if (r == RV_OK)
                rv_change(c, "Name", rv_j_text(now, "Name"), NULL);
        json_decref(now);
        if (r == RV_OK && !c->what_if)
                r = rv_talk_delete(
                        &t, err, "/volumes/%s",
                        rv_http_escaped(name, sizeof name, text_of(&c->key[ContainerVolume_Name])));
        return r;
}
