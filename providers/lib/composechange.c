/* SPDX-License-Identifier: MIT
 *
 * Compose projects changed: see composechange.h.
 */
#include "providers/lib/composechange.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "providers/lib/compose.h"
#include "providers/lib/containerchange.h"
#include "providers/lib/containers.h"
#include "providers/lib/containertext.h"
#include "providers/lib/engine.h"

#define REPLICAS 1000 /* most of one service */
#define AT_ONCE 16    /* most that are stopped side by side */

/* A project as it is found: its documents, and those of its containers that the order is for. */
struct found {
        struct rv_engine *engine;
        json_t *docs;
        struct rv_compose_part *parts;
        size_t n;
};

static void lose(struct found *f)
{
        json_decref(f->docs);
        free(f->parts);
}

/* ---- finding ---- */

static int find(struct rv_call *c, const struct rv_compose_order *o, struct found *f, struct rv_error *err)
{
        int r = RV_OK;
        *f = (struct found) { 0 };
        if (!o->project)
                return rv_fail(err, RV_INVALID_PARAMETER, "a Compose project is named by its Name");
        for (struct rv_engine *e = rv_engines; e->name && r == RV_OK && !f->n; e++) {
                struct rv_containers *m =
                        rv_engine_here(e) && !(o->engine && strcasecmp(o->engine, e->name) != 0)
                                ? rv_containers_of(e)
                                : NULL;
                lose(f);
                *f = (struct found) { .engine = e };
                if (m)
                        rv_containers_changed(m, NULL); /* what others did a moment ago counts */
                r = m ? rv_containers_read(m, NULL, c, c->deadline, &f->docs, err) : RV_OK;
                if (r == RV_OK && m)
                        r = rv_compose_parts(f->docs, o->project, &f->parts, &f->n);
        }
        if (r == RV_OK && !f->n) {
                rv_about(err, NULL, o->project, "Name");
                rv_fail(err, RV_NOT_FOUND, "there is no Compose project '%.100s': no container has its label",
                        o->project);
                r = rv_hint(err, "Get-ComposeProject lists them.");
        }
        if (r)
                lose(f);
        return r;
}

static bool named(const struct rv_compose_order *o, const char *service)
{
        for (uint32_t i = 0; i < o->nservices; i++)
                if (strcmp(o->services[i].s, service) == 0)
                        return true;
        return o->nservices == 0;
}

/* Leaves those that the order is for. A service that the project does not have is refused. */
static int choose(const struct rv_compose_order *o, struct found *f, bool oneoff, struct rv_error *err)
{
        size_t n = 0;
        for (uint32_t i = 0; i < o->nservices; i++) {
                size_t k = 0;
                while (k < f->n && strcmp(f->parts[k].service, o->services[i].s) != 0)
                        k++;
                if (k < f->n)
                        continue;
                rv_about(err, NULL, o->services[i].s, "Service");
                rv_fail(err, RV_NOT_FOUND, "the Compose project %.100s has no service '%.100s'", o->project,
                        o->services[i].s);
                return rv_hint(err, "Get-ComposeService %.100s lists them.", o->project);
        }
        for (size_t i = 0; i < f->n; i++)
                if (named(o, f->parts[i].service) && (oneoff || !f->parts[i].oneoff))
                        f->parts[n++] = f->parts[i];
        f->n = n;
        return RV_OK;
}

/* ---- one container ---- */

static bool active(const char *state)
{
        return strcmp(state, "running") == 0 || strcmp(state, "paused") == 0 ||
               strcmp(state, "restarting") == 0;
}

/* One that has gone meanwhile is as stopped and as removed as can be. */
static int tell(struct rv_call *c, const struct rv_compose_part *p, const char *verb, const char *method,
                const char *rest, bool gone_is_fine, struct rv_error *err)
{
        struct rv_container_change ch;
        struct rv_error why = { 0 };
        int r = rv_container_begin(c, rv_j_text(p->doc, "Id"), &ch, verb, &why);
        if (r == RV_OK)
                r = rv_container_end(c, &ch, rv_container_tell(c, &ch, method, rest, NULL, NULL, &why));
        if (r == RV_NOT_FOUND && gone_is_fine)
                return RV_OK;
        if (r)
                *err = why;
        return r;
}

static int stop(struct rv_call *c, const struct rv_compose_part *p, const uint32_t *timeout,
                struct rv_error *err)
{
        char rest[48] = "/stop";
        if (timeout)
                snprintf(rest, sizeof rest, "/stop?t=%u", *timeout);
        return active(p->state) ? tell(c, p, "stop", "POST", rest, true, err) : RV_OK;
}

/* ---- stopping, side by side ---- */

struct stopping {
        struct rv_call *c;
        const struct rv_compose_part *part;
        const uint32_t *timeout;
        struct rv_error err;
        pthread_t thread;
        bool threaded;
        int result;
};

static void *stop_one(void *closure)
{
        struct stopping *s = closure;
        s->result = stop(s->c, s->part, s->timeout, &s->err);
        return NULL;
}

/* How many at the end of p[0..n) may be stopped at once: containers of one service, or such as tell what they depend on
 * and do not depend on each other. */
static size_t together(const struct rv_compose_part *p, size_t n)
{
        size_t k = 1;
        bool told = rv_j_at(p[n - 1].doc, RV_COMPOSE_LABEL "depends_on");
        for (; k < n && k < AT_ONCE; k++) {
                const struct rv_compose_part *next = &p[n - 1 - k];
                bool alike = strcmp(next->service, p[n - 1].service) == 0;
                bool apart = told && rv_j_at(next->doc, RV_COMPOSE_LABEL "depends_on");
                for (size_t i = n - k; apart && i < n; i++)
                        apart = !rv_compose_needs(&p[i], next->service);
                if (!alike && !apart)
                        break;
                told = told && apart;
        }
        return k;
}

/* In the reverse of their order; a container that does not heed its signal delays only those that wait for it. */
static int stop_all(struct rv_call *c, const struct rv_compose_part *p, size_t n, const uint32_t *timeout,
                    struct rv_error *err)
{
        struct stopping jobs[AT_ONCE];
        int r = RV_OK;
        while (n && r == RV_OK) {
                size_t k = together(p, n);
                for (size_t i = 0; i < k; i++) {
                        jobs[i] = (struct stopping) { .c = c, .part = &p[n - 1 - i], .timeout = timeout };
                        jobs[i].threaded = k > 1 && pthread_create(&jobs[i].thread, NULL, stop_one, &jobs[i]) == 0;
                        if (!jobs[i].threaded)
                                stop_one(&jobs[i]);
                }
                for (size_t i = 0; i < k; i++) {
                        if (jobs[i].threaded)
                                pthread_join(jobs[i].thread, NULL);
                        if (jobs[i].result && r == RV_OK) {
                                r = jobs[i].result;
                                *err = jobs[i].err;
                        }
                }
                n -= k;
        }
        return r;
}

/* All have been started: after 200 ms, is one that has failed among them? */
static int settled(struct rv_call *c, const struct rv_compose_part *p, size_t n, struct rv_error *err)
{
        int r = RV_OK;
        poll(NULL, 0, 200);
        for (size_t i = 0; i < n && r == RV_OK; i++) {
                struct rv_container_change ch;
                r = rv_container_begin(c, rv_j_text(p[i].doc, "Id"), &ch, "start", err);
                if (r == RV_OK && strcmp(ch.state, "exited") == 0 && rv_j_number(ch.doc, "State/ExitCode"))
                        r = rv_container_settled(c, &ch, err);
                if (r == RV_OK || ch.doc)
                        rv_container_end(c, &ch, r);
        }
        return r;
}

/* ---- networks and volumes ---- */

/* Those that bear the project's label are removed. key: in the engine's answer, where it is not the answer itself. */
static int remove_labelled(struct rv_call *c, struct rv_engine *e, const char *kind, const char *key,
                           const char *project, struct rv_error *err)
{
        char path[2048], label[600], what[200];
        json_t *answer = NULL, *one;
        size_t i;
        snprintf(label, sizeof label, "{\"label\":[\"com.docker.compose.project=%.256s\"]}", project);
        snprintf(path, sizeof path, "/%ss?filters=", kind);
        rv_http_escape(path, sizeof path, label);
        snprintf(what, sizeof what, "cannot list the %ss of the project %.100s", kind, project);
        struct rv_engine_ask a = { .engine = e,
                                   .call = c,
                                   .deadline = c->deadline,
                                   .method = "GET",
                                   .path = path,
                                   .what = what,
                                   .file = -1 };
        int r = rv_engine_ask(&a, &answer, err);
        json_array_foreach(key ? json_object_get(answer, key) : answer, i, one)
        {
                const char *name = rv_or_empty(rv_j_text(one, "Name")), *id = rv_j_text(one, "Id");
                char shown[300];
                if (r)
                        break;
                snprintf(shown, sizeof shown, "%s %.200s", kind, name);
                rv_change(c, shown, "present", NULL);
                snprintf(path, sizeof path, "/%ss/", kind);
                rv_http_escape(path, sizeof path, id ? id : name);
                snprintf(what, sizeof what, "cannot remove the %s %.100s", kind, name);
                a.method = "DELETE";
                if (!c->what_if)
                        r = rv_engine_ask(&a, NULL, err);
                r = r == RV_NOT_FOUND ? RV_OK : r;
        }
        json_decref(answer);
        return r;
}

/* ---- all of a project ---- */

/* What will be done, told before anything is. */
static void plan(struct rv_call *c, const struct rv_compose_order *o, const struct found *f)
{
        for (size_t i = 0; i < f->n; i++) {
                const struct rv_compose_part *p = &f->parts[i];
                const char *to = o->remove ? NULL : o->start ? "running" : "exited";
                bool does = o->remove || (o->stop && active(p->state)) || (o->start && !rv_compose_runs(p));
                if (does)
                        rv_change(c, p->name, p->state, to);
        }
}

static int start_all(struct rv_call *c, const struct rv_compose_order *o, struct found *f,
                     struct rv_error *err)
{
        size_t begun = 0;
        int r = RV_OK;
        for (size_t i = 0; i < f->n && r == RV_OK; i++) {
                struct rv_compose_part *p = &f->parts[i];
                bool paused = strcmp(p->state, "paused") == 0 && !o->stop;
                if (!o->stop && (rv_compose_runs(p) || strcmp(p->state, "restarting") == 0))
                        continue;
                r = tell(c, p, "start", "POST", paused ? "/unpause" : "/start", false, err);
                f->parts[begun++] = *p;
        }
        return r || !begun ? r : settled(c, f->parts, begun, err);
}

int rv_compose_do(struct rv_call *c, const struct rv_compose_order *o, struct rv_error *err)
{
        struct found f;
        char rest[32];
        int r = find(c, o, &f, err);
        if (r)
                return r;
        r = choose(o, &f, o->remove, err);
        if (r == RV_OK) {
                rv_compose_order(f.parts, f.n);
                plan(c, o, &f);
        }
        bool act = r == RV_OK && !c->what_if;
        if (act && o->stop)
                r = stop_all(c, f.parts, f.n, o->timeout, err);
        snprintf(rest, sizeof rest, "?force=1&v=%d", o->volumes);
        for (size_t i = f.n; act && o->remove && i-- > 0 && r == RV_OK;)
                r = tell(c, &f.parts[i], "remove", "DELETE", rest, true, err);
        if (r == RV_OK && o->remove)
                r = remove_labelled(c, f.engine, "network", NULL, o->project, err);
        if (r == RV_OK && o->remove && o->volumes)
                r = remove_labelled(c, f.engine, "volume", "Volumes", o->project, err);
        if (act && r == RV_OK && o->start)
                r = start_all(c, o, &f, err);
        lose(&f);
        return r;
}

/* ---- more of a service ---- */

/* What cannot be there twice. */
static int can_be_many(const struct rv_compose_part *p, char stem[256], struct rv_error *err)
{
        char number[16];
        const char *port, *name;
        json_t *bound, *one;
        size_t i, n = strlen(p->name);
        int digits = snprintf(number, sizeof number, "%u", p->number);
        rv_about(err, NULL, p->service, "Replicas");
        if (n <= (size_t)digits + 1 || n >= 256 || strcmp(p->name + n - digits, number) != 0 ||
            !strchr("-_", p->name[n - (size_t)digits - 1]))
                return rv_fail(err, RV_NOT_SUPPORTED,
                               "cannot scale %.100s: its container has a name of its own, %.100s", p->service,
                               p->name);
        snprintf(stem, 256, "%.*s", (int)(n - (size_t)digits), p->name);
        json_object_foreach(rv_j_at(p->doc, "HostConfig/PortBindings"), port, bound)
                json_array_foreach(bound, i, one)
        {
                const char *host = rv_or_empty(rv_j_text(one, "HostPort"));
                if (*host && strcmp(host, "0") != 0 && !strchr(host, '-'))
                        return rv_fail(err, RV_NOT_SUPPORTED,
                                       "cannot scale %.100s: it has the host's port %.20s, which only one "
                                       "container can have",
                                       p->service, host);
        }
        json_object_foreach(
                rv_j_at(p->doc, "NetworkSettings/Networks"), name,
                one) if (rv_j_text(one, "IPAMConfig/IPv4Address") ||
                         rv_j_text(one, "IPAMConfig/IPv6Address")) return rv_fail(err, RV_NOT_SUPPORTED,
                                                                                  "cannot scale %.100s: it "
                                                                                  "has an address of its own "
                                                                                  "in the network %.100s",
                                                                                  p->service, name);
        if (json_array_size(rv_j_at(p->doc, "HostConfig/Links")))
                return rv_fail(err, RV_NOT_SUPPORTED, "cannot scale %.100s: it has links of the old kind",
                               p->service);
        return RV_OK;
}

/* How it is in a network, without what is its own there. */
static json_t *endpoint(const struct rv_compose_part *p, json_t *had)
{
        json_t *e = json_object(), *aliases = json_array(), *one;
        const char *id = rv_or_empty(rv_j_text(p->doc, "Id"));
        size_t i;
        json_array_foreach(json_object_get(had, "Aliases"), i, one)
        {
                const char *s = rv_or_empty(json_string_value(one));
                if (strncmp(s, id, 12) != 0 && strcmp(s, p->name) != 0)
                        json_array_append(aliases, one);
        }
        json_object_set_new(e, "Aliases", aliases);
        if (json_is_array(json_object_get(had, "Links")))
                json_object_set(e, "Links", json_object_get(had, "Links"));
        if (json_is_object(json_object_get(had, "DriverOpts")))
                json_object_set(e, "DriverOpts", json_object_get(had, "DriverOpts"));
        return e;
}

/* Whether a bind's source is a nameless volume: each container has its own. */
static bool nameless(const char *bind)
{
        return strspn(bind, "0123456789abcdef") == 64 && bind[64] == ':';
}

/* What the engine is asked for to make one like it. image: what it is called by now. */
static json_t *alike(const struct rv_compose_part *p, unsigned number, const char *image)
{
        json_t *body = json_deep_copy(json_object_get(p->doc, "Config")),
               *host = json_deep_copy(json_object_get(p->doc, "HostConfig")), *binds = json_array(), *one;
        const char *id = rv_or_empty(rv_j_text(p->doc, "Id")),
                   *mode = rv_or_empty(rv_j_text(p->doc, "HostConfig/NetworkMode"));
        char text[16];
        size_t i;
        snprintf(text, sizeof text, "%u", number);
        json_object_set_new(body, "Image", json_string(image));
        json_object_set_new(json_object_get(body, "Labels"), "com.docker.compose.container-number",
                            json_string(text));
        json_object_del(json_object_get(body, "Labels"), "com.docker.compose.replace");
        if (strncmp(rv_or_empty(rv_j_text(body, "Hostname")), id, 12) == 0)
                json_object_del(body, "Hostname");
        json_object_del(body, "MacAddress");
        json_array_foreach(json_object_get(host, "Binds"), i,
                           one) if (!nameless(rv_or_empty(json_string_value(one))))
                json_array_append(binds, one);
        json_object_set_new(host, "Binds", binds);
        json_object_set_new(body, "HostConfig", host);
        json_t *had = json_object_get(rv_j_at(p->doc, "NetworkSettings/Networks"), mode);
        if (had && strcmp(mode, "host") != 0 && strcmp(mode, "none") != 0 && strcmp(mode, "bridge") != 0)
                json_object_set_new(body, "NetworkingConfig",
                                    json_pack("{s:{s:o}}", "EndpointsConfig", mode, endpoint(p, had)));
        return body;
}

/* The networks beside the one that it is made in. */
static int connect_others(struct rv_call *c, struct rv_engine *e, const struct rv_compose_part *p,
                          const char *id, const char *what, struct rv_error *err)
{
        const char *name, *mode = rv_or_empty(rv_j_text(p->doc, "HostConfig/NetworkMode"));
        json_t *had;
        int r = RV_OK;
        json_object_foreach(rv_j_at(p->doc, "NetworkSettings/Networks"), name, had)
        {
                char path[1024] = "/networks/";
                if (r || strcmp(name, mode) == 0 || strcmp(mode, "default") == 0)
                        continue;
                rv_http_escape(path, sizeof path - 12, name);
                strcat(path, "/connect");
                json_t *body = json_pack("{s:s,s:o}", "Container", id, "EndpointConfig", endpoint(p, had));
                struct rv_engine_ask a = { .engine = e,
                                           .call = c,
                                           .deadline = c->deadline,
                                           .method = "POST",
                                           .path = path,
                                           .body = body,
                                           .what = what,
                                           .file = -1 };
                r = body ? rv_engine_ask(&a, NULL, err) : -ENOMEM;
                json_decref(body);
        }
        return r;
}

/* Makes one like p and starts it; what cannot be started does not stay. */
static int make(struct rv_call *c, struct rv_engine *e, const struct rv_compose_part *p, unsigned number,
                const char *name, const char *image, struct rv_error *err)
{
        char id[80], what[200];
        json_t *body = alike(p, number, image), *made = NULL;
        struct rv_container_change ch;
        snprintf(what, sizeof what, "cannot make the container %.100s", name);
        int r = body ? rv_container_make(c, e, name, body, false, id, &made, err) : -ENOMEM;
        json_decref(body);
        json_decref(made);
        if (r)
                return r;
        r = connect_others(c, e, p, id, what, err);
        struct rv_error undone = { 0 };
        int found = rv_container_begin(c, id, &ch, "start", r ? &undone : err);
        if (found)
                return r ? r : found;
        if (r == RV_OK)
                r = rv_container_tell(c, &ch, "POST", "/start", NULL, NULL, err);
        if (r == RV_OK)
                r = rv_container_settled(c, &ch, err);
        if (r)
                rv_container_tell(c, &ch, "DELETE", "?force=1&v=1", NULL, NULL, &undone);
        return rv_container_end(c, &ch, r);
}

/* The image by its name, unless that is another one now. */
static int image_of(struct rv_call *c, struct rv_engine *e, const struct rv_compose_part *p, const char **ret,
                    struct rv_error *err)
{
        const char *name = rv_or_empty(rv_j_text(p->doc, "Config/Image")),
                   *id = rv_or_empty(rv_j_text(p->doc, "Image"));
        json_t *image = NULL;
        struct rv_error none = { 0 };
        int r = rv_engine_look(e, c, c->deadline, "/images/", name, "cannot look at an image", &image, &none);
        *ret = strcmp(rv_or_empty(rv_j_text(image, "Id")), id) == 0 ? name : id;
        json_decref(image);
        if (r && r != RV_NOT_FOUND) {
                *err = none;
                return r;
        }
        return *ret == name ? RV_OK : rv_container_image(c, e, id, err);
}

static int more(struct rv_call *c, const struct found *f, uint32_t replicas, struct rv_error *err)
{
        const struct rv_compose_part *p = rv_compose_newest(f->parts, f->n);
        const char *image;
        char stem[256], name[280];
        int r = can_be_many(p, stem, err);
        r = r ? r : image_of(c, f->engine, p, &image, err);
        unsigned number = 0;
        for (uint32_t have = (uint32_t)f->n; have < replicas && r == RV_OK; have++) {
                for (bool taken = true; taken;) {
                        taken = false;
                        number++;
                        for (size_t i = 0; i < f->n; i++)
                                taken |= f->parts[i].number == number;
                }
                snprintf(name, sizeof name, "%s%u", stem, number);
                r = rv_container_name_free(c, f->engine, name, err);
                if (r)
                        break;
                rv_change(c, name, NULL, "running");
                if (!c->what_if)
                        r = make(c, f->engine, p, number, name, image, err);
        }
        return r;
}

static int fewer(struct rv_call *c, const struct rv_compose_order *o, const struct found *f,
                 uint32_t replicas, struct rv_error *err)
{
        int r = RV_OK;
        for (size_t i = f->n; i-- > replicas && r == RV_OK;) {
                rv_change(c, f->parts[i].name, f->parts[i].state, NULL);
                if (c->what_if)
                        continue;
                r = stop(c, &f->parts[i], o->timeout, err);
                if (r == RV_OK)
                        r = tell(c, &f->parts[i], "remove", "DELETE", "?force=1", true, err);
        }
        return r;
}

int rv_compose_scale(struct rv_call *c, const struct rv_compose_order *o, uint32_t replicas,
                     struct rv_error *err)
{
        struct found f;
        if (replicas < 1 || replicas > REPLICAS) {
                rv_about(err, NULL, NULL, "Replicas");
                return rv_fail(err, RV_INVALID_PARAMETER, "a service has from 1 to %d containers, not %u",
                               REPLICAS, replicas);
        }
        if (o->nservices != 1)
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "a Compose service is named by its Project and Name");
        int r = find(c, o, &f, err);
        if (r)
                return r;
        r = choose(o, &f, false, err);
        if (r == RV_OK && !f.n)
                r = rv_fail(err, RV_FAILED, "cannot scale %.100s: it has no container to make others like",
                            o->services[0].s);
        if (r == RV_OK)
                r = f.n < replicas ? more(c, &f, replicas, err) : fewer(c, o, &f, replicas, err);
        lose(&f);
        return r;
}
