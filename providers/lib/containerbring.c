/* SPDX-License-Identifier: MIT
 *
 * Containers brought to be as they are wished: see containerbring.h.
 */
#include "providers/lib/containerbring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/Container.h"
#include "providers/lib/containerchange.h"
#include "providers/lib/containers.h"
#include "providers/lib/containerspec.h"
#include "providers/lib/containertext.h"
#include "providers/lib/containerwish.h"

/* What is done for one call. */
struct bringing {
        struct rv_call *c;
        const struct rv_values *v;
        struct rv_error *err;
        struct rv_container_change ch; /* the one that is there */
        bool differs[Container_nproperties];
        bool anew;
        json_t *body; /* of the one that is made */
};

static const char *given(const struct bringing *b, unsigned p)
{
        return rv_bit(b->v->set, p) && b->v->v[p].type == RV_STRING ? b->v->v[p].s : NULL;
}

static const char *key_of(const struct rv_call *c)
{
        const struct rv_arg *id = &c->key[Container_Id], *name = &c->key[Container_Name];
        return id->type == RV_STRING ? id->s : name->type == RV_STRING ? name->s : NULL;
}

int rv_container_meets(struct rv_call *c, unsigned property, const struct rv_arg *wish, bool *ret,
                       struct rv_error *err)
{
        const struct rv_trait *t = rv_trait_find(property);
        json_t *docs = NULL;
        int r = t ? RV_NOT_FOUND : RV_OK;
        /* As it was read for this call a moment ago: the engine is not asked again. */
        for (struct rv_engine *e = rv_engines; e->name && r == RV_NOT_FOUND; e++) {
                struct rv_containers *m = rv_engine_here(e) ? rv_containers_of(e) : NULL;
                int got = m ? rv_containers_read(m, key_of(c), c, c->deadline, &docs, err) : RV_OK;
                if (got)
                        return got;
                if (json_array_size(docs))
                        r = rv_trait_meets(t, json_array_get(docs, 0), e, c, wish, ret, err);
                json_decref(docs);
                docs = NULL;
        }
        return r == RV_NOT_FOUND ? RV_OK : r; /* gone meanwhile: whoever changes it finds out */
}

/* ---- what differs, and how it can be had ---- */

static void tell(struct bringing *b, const struct rv_trait *t)
{
        const struct rv_arg *wish = &b->v->v[t->property];
        char *from = b->ch.doc ? rv_trait_now(t, b->ch.doc, wish) : NULL, *to = rv_trait_wish(wish);
        rv_change(b->c, Container_class.properties[t->property].name, from, to);
        free(from);
        free(to);
}

/* The engine takes 0 for "as it is", so a limit that is to go cannot be had in place. */
static bool in_place(const struct bringing *b, const struct rv_trait *t)
{
        const struct rv_arg *wish = &b->v->v[t->property];
        bool none = wish->type == RV_NULL ||
                    ((wish->type == RV_UINT || wish->type == RV_INT) && wish->u == 0) ||
                    (wish->type == RV_REAL && wish->d == 0);
        bool limit = t->how == RV_T_NUMBER || t->how == RV_T_CPUS || t->how == RV_T_TEXT;
        return t->live && !(limit && none && t->property != Container_PidsLimit);
}

static int look(struct bringing *b)
{
        int r = RV_OK;
        for (unsigned p = 0; p < Container_nproperties && r == RV_OK; p++) {
                const struct rv_trait *t = rv_bit(b->v->set, p) ? rv_trait_find(p) : NULL;
                bool meets = true;
                if (!t)
                        continue;
                rv_about(b->err, NULL, NULL, Container_class.properties[p].name);
                r = rv_trait_meets(t, b->ch.doc, b->ch.engine, b->c, &b->v->v[p], &meets, b->err);
                b->differs[p] = r == RV_OK && !meets;
                b->anew |= b->differs[p] && !in_place(b, t);
        }
        if (r == RV_OK)
                rv_about(b->err, NULL, NULL, "");
        if (r == RV_OK && b->differs[Container_Engine])
                return rv_fail(b->err, RV_NOT_SUPPORTED, "%s: it stays with its engine, %s", b->ch.what,
                               b->ch.engine->name);
        if (r == RV_OK && b->anew && rv_j_true(b->ch.doc, "HostConfig/AutoRemove")) {
                rv_fail(b->err, RV_NOT_SUPPORTED,
                        "%s: that needs a new one, and this one is removed with its volumes when it stops "
                        "(AutoRemove)",
                        b->ch.what);
                return rv_hint(b->err, "Stop-Container removes it; then it can be made as it should be.");
        }
        return r;
}

/* ---- in place ---- */

/* Memory and swap are one limit to the engine: swap goes along where the engine chose it or it would be too small. */
static void with_swap(struct bringing *b, json_t *update)
{
        int64_t memory = rv_j_number(update, "Memory"), had = rv_j_number(b->ch.doc, "HostConfig/Memory"),
                swap = rv_j_number(b->ch.doc, "HostConfig/MemorySwap");
        char from[32], to[32];
        if (!memory || json_object_get(update, "MemorySwap") || swap <= 0 ||
            (swap != 2 * had && swap >= memory))
                return;
        json_object_set_new(update, "MemorySwap", json_integer(2 * memory));
        snprintf(from, sizeof from, "%lld", (long long)swap);
        snprintf(to, sizeof to, "%lld", (long long)(2 * memory));
        rv_change(b->c, "MemorySwap", from, to);
}

/* What POST /update takes; empty: nothing. */
static json_t *update_of(struct bringing *b)
{
        json_t *like = json_pack("{s{}}", "HostConfig"), *host = json_object_get(like, "HostConfig"), *update;
        json_object_set_new(host, "RestartPolicy",
                            json_deep_copy(rv_j_at(b->ch.doc, "HostConfig/RestartPolicy")));
        for (unsigned p = 0; p < Container_nproperties; p++) {
                const struct rv_trait *t = b->differs[p] ? rv_trait_find(p) : NULL;
                if (t && t->live)
                        rv_trait_write(t, like, &b->v->v[p], NULL);
        }
        if (b->differs[Container_PidsLimit] && b->v->v[Container_PidsLimit].type == RV_NULL)
                json_object_set_new(host, "PidsLimit", json_integer(-1));
        if (!b->differs[Container_RestartPolicy] && !b->differs[Container_MaximumRetryCount])
                json_object_del(host, "RestartPolicy");
        update = json_incref(host);
        json_decref(like);
        return update;
}

/* Networks that are wished and it is not in, and the other way round. */
static int network(struct bringing *b, const char *id, const char *name, bool connect)
{
        char path[1024] = "/networks/", what[300];
        json_t *endpoint = connect ? rv_body_endpoint(b->ch.doc, name) : NULL;
        rv_http_escape(path, sizeof path - 16, name);
        strcat(path, connect ? "/connect" : "/disconnect");
        snprintf(what, sizeof what, "cannot %s the container %.64s %s the network %.100s",
                 connect ? "connect" : "disconnect", b->ch.name, connect ? "to" : "from", name);
        json_t *body = endpoint ? json_pack("{ss so}", "Container", id, "EndpointConfig", endpoint)
                                : json_pack("{ss}", "Container", id);
        struct rv_engine_ask a = { .engine = b->ch.engine,
                                   .call = b->c,
                                   .deadline = b->c->deadline,
                                   .method = "POST",
                                   .path = path,
                                   .body = body,
                                   .what = what,
                                   .file = -1 };
        int r = body ? rv_engine_ask(&a, NULL, b->err) : -ENOMEM;
        json_decref(body);
        return r;
}

static bool wishes_network(const struct bringing *b, const char *name)
{
        const struct rv_arg *wish = &b->v->v[Container_Networks];
        for (uint32_t i = 0; wish->type == RV_LIST && i < wish->len; i++)
                if (wish->items[i].type == RV_STRING && strcmp(wish->items[i].s, name) == 0)
                        return true;
        return false;
}

static int networks(struct bringing *b)
{
        const struct rv_arg *wish = &b->v->v[Container_Networks];
        json_t *now = rv_j_at(b->ch.doc, "NetworkSettings/Networks"), *one;
        const char *name;
        int r = RV_OK;
        for (uint32_t i = 0; wish->type == RV_LIST && i < wish->len && r == RV_OK; i++)
                if (wish->items[i].type == RV_STRING && !json_object_get(now, wish->items[i].s))
                        r = network(b, b->ch.id, wish->items[i].s, true);
        json_object_foreach(now, name, one) if (r == RV_OK && !wishes_network(b, name)) r =
                network(b, b->ch.id, name, false);
        return r;
}

static int rename_it(struct bringing *b)
{
        char rest[512] = "/rename?name=";
        const char *name = given(b, Container_Name);
        int r = rv_spec_name(name ? name : "", "Name", b->err);
        rv_http_escape(rest, sizeof rest, name ? name : "");
        return r ? r : rv_container_tell(b->c, &b->ch, "POST", rest, NULL, NULL, b->err);
}

/* ---- states ---- */

static int to_state(struct rv_call *c, struct rv_container_change *ch, const char *now, const char *wish,
                    struct rv_error *err)
{
        bool still = rv_state_still(now), paused = strcmp(now, "paused") == 0;
        int r = RV_OK;
        if (strcmp(wish, "running") != 0 && strcmp(wish, "paused") != 0)
                return still ? RV_OK : rv_container_tell(c, ch, "POST", "/stop", NULL, NULL, err);
        if (still)
                r = rv_container_tell(c, ch, "POST", "/start", NULL, NULL, err);
        else if (paused && strcmp(wish, "running") == 0)
                r = rv_container_tell(c, ch, "POST", "/unpause", NULL, NULL, err);
        if (r == RV_OK && still)
                r = rv_container_settled(c, ch, err);
        if (r == RV_OK && !paused && strcmp(wish, "paused") == 0)
                r = rv_container_tell(c, ch, "POST", "/pause", NULL, NULL, err);
        return r;
}

/* ---- made ---- */

/* Isolation is a runtime; the networks but the first come when it is there. */
static int finish_body(struct bringing *b, struct rv_engine *e)
{
        json_t *host = json_object_get(b->body, "HostConfig");
        const struct rv_arg *nets = &b->v->v[Container_Networks];
        char runtime[128] = "";
        int r = RV_OK;
        if (b->differs[Container_Isolation])
                r = rv_spec_runtime(e, b->c, given(b, Container_Isolation), given(b, Container_Runtime),
                                    runtime, sizeof runtime, b->err);
        if (r == RV_OK && *runtime)
                json_object_set_new(host, "Runtime", json_string(runtime));
        if (b->differs[Container_Networks] && !rv_bit(b->v->set, Container_NetworkMode) &&
            nets->type == RV_LIST && nets->len && nets->items[0].type == RV_STRING)
                json_object_set_new(host, "NetworkMode", json_string(nets->items[0].s));
        const char *mode = rv_j_text(host, "NetworkMode");
        json_t *endpoint =
                b->ch.doc && mode && json_object_get(rv_j_at(b->ch.doc, "NetworkSettings/Networks"), mode)
                        ? rv_body_endpoint(b->ch.doc, mode)
                        : NULL;
        if (endpoint)
                json_object_set_new(b->body, "NetworkingConfig",
                                    json_pack("{s{so}}", "EndpointsConfig", mode, endpoint));
        return r;
}

static int write_body(struct bringing *b)
{
        int r = RV_OK;
        for (unsigned p = 0; p < Container_nproperties && r == RV_OK; p++) {
                const struct rv_trait *t = b->differs[p] ? rv_trait_find(p) : NULL;
                if (t)
                        r = rv_trait_write(t, b->body, &b->v->v[p], b->err);
        }
        return r;
}

/* The networks beside the one that it is made in. */
static int connect_others(struct bringing *b, const char *id)
{
        const struct rv_arg *wish = &b->v->v[Container_Networks];
        const char *name, *mode = rv_or_empty(rv_j_text(b->body, "HostConfig/NetworkMode"));
        bool wished = rv_bit(b->v->set, Container_Networks) && wish->type == RV_LIST;
        json_t *one;
        int r = RV_OK;
        if (strcmp(mode, "host") == 0 || strcmp(mode, "none") == 0 || strncmp(mode, "container:", 10) == 0)
                return RV_OK;
        for (uint32_t i = 0; wished && i < wish->len && r == RV_OK; i++)
                if (wish->items[i].type == RV_STRING && strcmp(wish->items[i].s, mode) != 0)
                        r = network(b, id, wish->items[i].s, true);
        json_object_foreach(wished ? NULL : rv_j_at(b->ch.doc, "NetworkSettings/Networks"), name, one)
        {
                bool first = strcmp(name, mode) == 0 ||
                             (strcmp(name, "bridge") == 0 && strcmp(mode, "default") == 0);
                if (r == RV_OK && !first)
                        r = network(b, id, name, true);
        }
        return r;
}

/* Makes it by the body, and brings it to a state; what cannot be had does not stay. */
static int make(struct bringing *b, struct rv_engine *e, const char *name, const char *state, char id[80])
{
        json_t *made = NULL;
        struct rv_container_change fresh;
        struct rv_error none = { 0 };
        int r = rv_container_make(b->c, e, name, b->body, false, id, &made, b->err);
        json_decref(made);
        if (r)
                return r;
        if (!b->ch.engine)
                b->ch.engine = e;
        r = connect_others(b, id);
        int found = rv_container_begin(b->c, id, &fresh, "start", r ? &none : b->err);
        if (found)
                return r ? r : found;
        if (r == RV_OK)
                r = to_state(b->c, &fresh, "created", state, b->err);
        if (r)
                rv_container_tell(b->c, &fresh, "DELETE", "?force=1&v=1", NULL, NULL, &none);
        return rv_container_end(b->c, &fresh, r);
}

static void keep_id(struct rv_call *c, const char *id)
{
        if (c->out)
                Container_set_Id(c->out, id, strlen(id));
}

/* ---- anew ---- */

static int image_of(struct bringing *b, json_t **ret)
{
        struct rv_error none = { 0 };
        int r = rv_engine_look(b->ch.engine, b->c, b->c->deadline, "/images/",
                               rv_or_empty(rv_j_text(b->ch.doc, "Image")), "cannot look at an image", ret,
                               &none);
        if (r == RV_OK || r == RV_NOT_FOUND)
                return RV_OK;
        *b->err = none;
        return r;
}

/* The image that it will have: a name that means another image by now is not a wish for that one. */
static int settle_image(struct bringing *b)
{
        bool meets = true;
        const char *id = rv_or_empty(rv_j_text(b->ch.doc, "Image"));
        const struct rv_arg name = { .type = RV_STRING,
                                     .s = rv_or_empty(rv_j_text(b->ch.doc, "Config/Image")) };
        if (given(b, Container_Image) && b->differs[Container_Image])
                return rv_container_image(b->c, b->ch.engine, given(b, Container_Image), b->err);
        int r = rv_trait_meets(rv_trait_find(Container_Image), b->ch.doc, b->ch.engine, b->c, &name, &meets,
                               b->err);
        if (r == RV_OK && !meets)
                json_object_set_new(b->body, "Image", json_string(id));
        return r ? r : rv_container_image(b->c, b->ch.engine, meets ? name.s : id, b->err);
}

static const char *state_after(const struct bringing *b)
{
        const char *wish = given(b, Container_State);
        return wish ? wish : strcmp(b->ch.state, "restarting") == 0 ? "running" : b->ch.state;
}

/* The old one steps aside, and comes back where the new one does not come about. */
static int exchange(struct bringing *b)
{
        char aside[512] = "/rename?name=", back[512] = "/rename?name=", id[80] = "";
        const char *name = given(b, Container_Name) ? given(b, Container_Name) : b->ch.name;
        struct rv_error none = { 0 };
        bool ran = !rv_state_still(b->ch.state);
        snprintf(aside + strlen(aside), sizeof aside - strlen(aside), "%.12s_", b->ch.id);
        rv_http_escape(aside, sizeof aside, b->ch.name);
        rv_http_escape(back, sizeof back, b->ch.name);
        int r = rv_container_tell(b->c, &b->ch, "POST", aside, NULL, NULL, b->err);
        if (r)
                return r;
        if (ran)
                r = rv_container_tell(b->c, &b->ch, "POST", "/stop", NULL, NULL, b->err);
        if (r == RV_OK)
                r = make(b, b->ch.engine, name, state_after(b), id);
        if (r) { /* within a time of its own: the call's may be over */
                uint64_t had = b->c->deadline;
                b->c->deadline = rv_now() + UINT64_C(10000000000);
                rv_container_tell(b->c, &b->ch, "POST", back, NULL, NULL, &none);
                if (ran)
                        rv_container_tell(b->c, &b->ch, "POST", "/start", NULL, NULL, &none);
                b->c->deadline = had;
                return r;
        }
        rv_change(b->c, "Id", b->ch.id, id);
        keep_id(b->c, id);
        return rv_container_tell(b->c, &b->ch, "DELETE", "?force=1", NULL, NULL, b->err);
}

static int make_anew(struct bringing *b)
{
        json_t *image = NULL;
        int r = image_of(b, &image);
        if (r == RV_OK && !(b->body = rv_body_like(b->ch.doc, image)))
                r = -ENOMEM;
        json_decref(image);
        r = r ? r : write_body(b);
        r = r ? r : finish_body(b, b->ch.engine);
        if (r == RV_OK && b->c->what_if)
                rv_change(b->c, "Id", b->ch.id, "(it is made anew)");
        if (r == RV_OK && !b->c->what_if)
                r = settle_image(b);
        if (r == RV_OK && !b->c->what_if)
                r = exchange(b);
        json_decref(b->body);
        return r;
}

/* ---- the three ---- */

static int bring_in_place(struct bringing *b)
{
        json_t *update = update_of(b);
        int r = RV_OK;
        with_swap(b, update);
        if (!b->c->what_if && json_object_size(update))
                r = rv_container_tell(b->c, &b->ch, "POST", "/update", update, NULL, b->err);
        if (r == RV_OK && !b->c->what_if && b->differs[Container_Name])
                r = rename_it(b);
        if (r == RV_OK && !b->c->what_if && b->differs[Container_Networks])
                r = networks(b);
        if (r == RV_OK && !b->c->what_if && b->differs[Container_State])
                r = to_state(b->c, &b->ch, b->ch.state, given(b, Container_State), b->err);
        json_decref(update);
        return r;
}

int rv_container_brought(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct bringing b = { .c = c, .v = v, .err = err };
        int r = rv_container_begin(c, key_of(c), &b.ch, "change", err);
        if (r)
                return r;
        r = look(&b);
        for (unsigned p = 0; p < Container_nproperties && r == RV_OK; p++)
                if (b.differs[p])
                        tell(&b, rv_trait_find(p));
        if (r == RV_OK)
                r = b.anew ? make_anew(&b) : bring_in_place(&b);
        return rv_container_end(c, &b.ch, r);
}

int rv_container_made(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct bringing b = { .c = c, .v = v, .err = err };
        const char *name = given(&b, Container_Name), *image = given(&b, Container_Image),
                   *state = given(&b, Container_State);
        struct rv_engine *e = NULL;
        char id[80] = "";
        if (rv_bit(v->set, Container_Id) && v->v[Container_Id].type != RV_NULL) {
                rv_fail(err, RV_NOT_FOUND,
                        "there is no container with this Id, and none can be made with one");
                return rv_hint(err, "A container that is to be made is named by its Name.");
        }
        rv_about(err, NULL, NULL, name ? "Image" : "Name");
        if (!name || !image)
                return rv_fail(err, RV_INVALID_PARAMETER, "a new container needs %s",
                               name ? "an Image" : "a Name");
        rv_about(err, NULL, NULL, "");
        int r = rv_spec_name(name, "Name", err);
        if (r == RV_OK)
                r = rv_container_engine(given(&b, Container_Engine), given(&b, Container_Engine), &e, err);
        if (r == RV_OK && !c->what_if) /* in a what-if, what comes before it may bring the image */
                r = rv_container_image(c, e, image, err);
        if (r == RV_OK)
                r = rv_container_name_free(c, e, name, err);
        if (r)
                return r;
        for (unsigned p = 0; p < Container_nproperties; p++)
                b.differs[p] = rv_bit(v->set, p) && v->v[p].type != RV_NULL && rv_trait_find(p);
        b.body = json_pack("{s{}}", "HostConfig");
        snprintf(b.ch.name, sizeof b.ch.name, "%s", name);
        r = b.body ? write_body(&b) : -ENOMEM;
        if (r == RV_OK)
                r = finish_body(&b, e);
        for (unsigned p = 0; p < Container_nproperties && r == RV_OK; p++)
                if (b.differs[p])
                        tell(&b, rv_trait_find(p));
        if (r == RV_OK && !c->what_if)
                r = make(&b, e, name, state ? state : "created", id);
        if (r == RV_OK && *id)
                keep_id(c, id);
        json_decref(b.body);
        return r;
}

int rv_container_gone(struct rv_call *c, struct rv_error *err)
{
        struct rv_container_change ch;
        int r = rv_container_begin(c, key_of(c), &ch, "remove", err);
        if (r)
                return r;
        rv_change(c, "Name", ch.name, NULL);
        rv_change(c, "State", ch.state, NULL);
        if (!c->what_if && !rv_state_still(ch.state))
                r = rv_container_tell(c, &ch, "POST", "/stop", NULL, NULL, err);
        if (!c->what_if && r == RV_OK)
                r = rv_container_tell(c, &ch, "DELETE", "?force=1", NULL, NULL, err);
        if (r == RV_NOT_FOUND) /* AutoRemove came first */
                r = RV_OK;
        return rv_container_end(c, &ch, r);
}
