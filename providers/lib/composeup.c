/* SPDX-License-Identifier: MIT
 *
 * Compose files brought up: see composeup.h.
 */
#include "providers/lib/composeup.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "providers/lib/compose.h"
#include "providers/lib/composefile.h"
#include "providers/lib/containerchange.h"
#include "providers/lib/containers.h"
#include "providers/lib/engine.h"

struct up {
        struct rv_call *c;
        struct rv_engine *engine;
        struct rv_error *err;
        const char *project;
        json_t *file, *docs, *images, *warnings; /* images: name -> id */
        struct rv_compose_part *parts;
        size_t n;
};

/* A request; its path is printf's. body: stolen. */
static int ask(struct up *u, const char *method, json_t *body, json_t **ret, struct rv_error *err,
               const char *what, const char *fmt, ...) __attribute__((format(printf, 7, 8)));
static int ask(struct up *u, const char *method, json_t *body, json_t **ret, struct rv_error *err,
               const char *what, const char *fmt, ...)
{
        char path[2048];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(path, sizeof path, fmt, ap);
        va_end(ap);
        struct rv_engine_ask a = { .engine = u->engine,
                                   .call = u->c,
                                   .deadline = u->c->deadline,
                                   .method = method,
                                   .path = path,
                                   .body = body,
                                   .what = what,
                                   .file = -1 };
        int r = rv_engine_ask(&a, ret, err);
        json_decref(body);
        return r;
}

/* ---- looked at first ---- */

static int check_image(struct up *u, json_t *service)
{
        const char *name = rv_j_text(service, "body/Image"), *key = rv_j_text(service, "name");
        json_t *image = NULL;
        if (json_object_get(u->images, name))
                return RV_OK;
        int r = rv_engine_look(u->engine, u->c, u->c->deadline, "/images/", name, "cannot look at an image", &image,
                               u->err);
        if (r == RV_OK)
                json_object_set_new(u->images, name, json_string(rv_or_empty(rv_j_text(image, "Id"))));
        json_decref(image);
        if (r != RV_NOT_FOUND)
                return r;
        rv_about(u->err, NULL, key, "Image");
        rv_fail(u->err, RV_NOT_FOUND, "the service %.60s wants the image %.120s, which is not here", key,
                name);
        return rv_hint(u->err, "Request-ContainerImage %.120s", name);
}

/* Networks or volumes: what is missing is made, unless it is from elsewhere. */
static int resources(struct up *u, const char *kind, bool make)
{
        const char *key;
        json_t *one;
        bool network = *kind == 'n';
        int r = RV_OK;
        json_object_foreach(json_object_get(u->file, kind), key, one)
        {
                const char *name = rv_or_empty(rv_j_text(one, "Name"));
                char escaped[1024], shown[300], what[200];
                struct rv_error none = { 0 };
                snprintf(shown, sizeof shown, "%s %.200s", network ? "network" : "volume", name);
                snprintf(what, sizeof what, "cannot make the %.150s", shown);
                int there = ask(u, "GET", NULL, NULL, &none, what, "/%s/%s", kind,
                                rv_http_escaped(escaped, sizeof escaped, name));
                if (there == RV_OK)
                        continue;
                if (there != RV_NOT_FOUND) {
                        *u->err = none;
                        return there;
                }
                if (rv_j_true(one, "external")) {
                        rv_about(u->err, NULL, name, "Path");
                        return rv_fail(u->err, RV_NOT_FOUND,
                                       "the %s is external in the Compose file, and not here", shown);
                }
                if (!make)
                        rv_change(u->c, shown, NULL, "present");
                else
                        r = ask(u, "POST", json_incref(json_object_get(one, "create")), NULL, u->err, what,
                                "/%s/create", kind);
                if (r)
                        return r;
        }
        return r;
}

/* ---- one container ---- */

static const struct rv_compose_part *part(struct up *u, const char *service, unsigned number)
{
        for (size_t i = 0; i < u->n; i++)
                if (!u->parts[i].oneoff && u->parts[i].number == number &&
                    strcmp(u->parts[i].service, service) == 0)
                        return &u->parts[i];
        return NULL;
}

/* The name of a container: its own, or as Compose 2 makes it; one that is there keeps what it has. */
static void name_it(struct up *u, json_t *service, unsigned number, char ret[256])
{
        const char *own = rv_j_text(service, "container_name");
        const struct rv_compose_part *has = part(u, rv_j_text(service, "name"), number);
        if (own || has)
                snprintf(ret, 256, "%s", own ? own : has->name);
        else
                snprintf(ret, 256, "%.100s-%.100s-%u", u->project, rv_j_text(service, "name"), number);
}

enum deed { NOTHING, START, REPLACE, MAKE };
static enum deed deed(struct up *u, json_t *service, unsigned number)
{
        const struct rv_compose_part *p = part(u, rv_j_text(service, "name"), number);
        if (!p)
                return MAKE;
        const char *image =
                rv_or_empty(json_string_value(json_object_get(u->images, rv_j_text(service, "body/Image"))));
        char name[256];
        name_it(u, service, number, name);
        if (strcmp(rv_or_empty(rv_j_text(p->doc, RV_COMPOSE_LABEL "config-hash")),
                   rv_j_text(service, "hash")) != 0 ||
            strcmp(rv_or_empty(rv_j_text(p->doc, "Image")), image) != 0 || strcmp(name, p->name) != 0)
                return REPLACE;
        return rv_compose_runs(p) ? NOTHING : START;
}

/* What the engine is asked for: the first network at once (an engine before API 1.44 takes one), the others after. */
static json_t *body_of(json_t *service, unsigned number)
{
        json_t *body = json_deep_copy(json_object_get(service, "body"));
        const char *mode = rv_j_text(body, "HostConfig/NetworkMode");
        json_t *first = mode ? json_object_get(json_object_get(service, "endpoints"), mode) : NULL;
        json_object_set_new(json_object_get(body, "Labels"), "com.docker.compose.container-number",
                            json_sprintf("%u", number));
        if (first)
                json_object_set_new(body, "NetworkingConfig",
                                    json_pack("{s:{s:O}}", "EndpointsConfig", mode, first));
        return body;
}

/* Made and started. What cannot be started does not stay. */
static int make(struct up *u, json_t *service, unsigned number, const char *name)
{
        char id[80], what[200];
        const char *net, *mode = rv_or_empty(rv_j_text(service, "body/HostConfig/NetworkMode"));
        json_t *made = NULL, *settings, *body = body_of(service, number);
        struct rv_container_change ch;
        struct rv_error none = { 0 };
        snprintf(what, sizeof what, "cannot make the container %.100s", name);
        int r = body ? rv_container_make(u->c, u->engine, name, body, false, id, &made, u->err) : -ENOMEM;
        json_decref(body);
        if (json_is_array(json_object_get(made, "Warnings")))
                json_array_extend(u->warnings, json_object_get(made, "Warnings"));
        json_decref(made);
        if (r)
                return r;
        json_object_foreach(json_object_get(service, "endpoints"), net, settings)
        {
                char escaped[1024];
                if (r == RV_OK && strcmp(net, mode) != 0)
                        r = ask(u, "POST",
                                json_pack("{s:s,s:O}", "Container", id, "EndpointConfig", settings), NULL,
                                u->err, what, "/networks/%s/connect",
                                rv_http_escaped(escaped, sizeof escaped, net));
        }
        int found = rv_container_begin(u->c, id, &ch, "start", r ? &none : u->err);
        if (found)
                return r ? r : found;
        if (r == RV_OK)
                r = rv_container_tell(u->c, &ch, "POST", "/start", NULL, NULL, u->err);
        if (r == RV_OK)
                r = rv_container_settled(u->c, &ch, u->err);
        if (r)
                rv_container_tell(u->c, &ch, "DELETE", "?force=1&v=1", NULL, NULL, &none);
        return rv_container_end(u->c, &ch, r);
}

/* The old one goes only when the new one runs. */
static int replace(struct up *u, json_t *service, unsigned number, const char *name)
{
        const struct rv_compose_part *p = part(u, rv_j_text(service, "name"), number);
        struct rv_container_change ch;
        struct rv_error none = { 0 };
        char rest[512], escaped[400];
        bool ran = rv_compose_runs(p);
        int r = rv_container_begin(u->c, rv_j_text(p->doc, "Id"), &ch, "replace", u->err);
        if (r)
                return r;
        snprintf(rest, sizeof rest, "/rename?name=%.12s_%s", ch.id,
                 rv_http_escaped(escaped, sizeof escaped, p->name));
        r = rv_container_tell(u->c, &ch, "POST", rest, NULL, NULL, u->err);
        if (r == RV_OK) {
                r = rv_container_tell(u->c, &ch, "POST", "/stop", NULL, NULL, u->err);
                r = r ? r : make(u, service, number, name);
                if (r == RV_OK)
                        r = rv_container_tell(u->c, &ch, "DELETE", "?force=1", NULL, NULL, u->err);
                else {
                        snprintf(rest, sizeof rest, "/rename?name=%s", escaped);
                        rv_container_tell(u->c, &ch, "POST", rest, NULL, NULL, &none);
                        if (ran)
                                rv_container_tell(u->c, &ch, "POST", "/start", NULL, NULL, &none);
                }
        }
        return rv_container_end(u->c, &ch, r);
}

static int start(struct up *u, const struct rv_compose_part *p)
{
        struct rv_container_change ch;
        int r = rv_container_begin(u->c, rv_j_text(p->doc, "Id"), &ch, "start", u->err);
        if (r)
                return r;
        r = rv_container_tell(u->c, &ch, "POST", strcmp(ch.state, "paused") == 0 ? "/unpause" : "/start",
                              NULL, NULL, u->err);
        r = r ? r : rv_container_settled(u->c, &ch, u->err);
        return rv_container_end(u->c, &ch, r);
}

static int drop(struct up *u, const struct rv_compose_part *p)
{
        struct rv_container_change ch;
        int r = rv_container_begin(u->c, rv_j_text(p->doc, "Id"), &ch, "remove", u->err);
        if (r)
                return r == RV_NOT_FOUND ? RV_OK : r;
        r = rv_container_tell(u->c, &ch, "POST", "/stop", NULL, NULL, u->err);
        r = r ? r : rv_container_tell(u->c, &ch, "DELETE", "?force=1", NULL, NULL, u->err);
        return rv_container_end(u->c, &ch, r);
}

/* ---- conditions ---- */

/* 1: as it should be; 0: not yet; -1: never. */
static int as_wanted(json_t *doc, const char *condition)
{
        const char *state = rv_or_empty(rv_j_text(doc, "State/Status")),
                   *health = rv_or_empty(rv_j_text(doc, "State/Health/Status"));
        bool ended = strcmp(state, "exited") == 0 || strcmp(state, "dead") == 0;
        if (strcmp(condition, "service_healthy") == 0)
                return strcmp(health, "healthy") == 0                          ? 1
                       : ended || !*health || strcmp(health, "unhealthy") == 0 ? -1
                                                                               : 0;
        return !ended ? 0 : rv_j_number(doc, "State/ExitCode") == 0 ? 1 : -1;
}

/* Until each container of a service is as another one wants it, or the call's time is over. */
static int wait_for(struct up *u, json_t *service, const char *other, const char *condition)
{
        char filter[700], escaped[2000];
        snprintf(filter, sizeof filter,
                 "{\"label\":[\"com.docker.compose.project=%.128s\",\"com.docker.compose.service=%.256s\","
                 "\"com.docker.compose.oneoff=False\"]}",
                 u->project, other);
        rv_http_escaped(escaped, sizeof escaped, filter);
        for (;;) {
                json_t *all = NULL, *one;
                size_t i;
                int worst = 1, r = ask(u, "GET", NULL, &all, u->err, "cannot list containers",
                                       "/containers/json?all=1&filters=%s", escaped);
                json_array_foreach(all, i, one)
                {
                        json_t *doc = NULL;
                        r = r ? r
                              : ask(u, "GET", NULL, &doc, u->err, "cannot look at a container",
                                    "/containers/%.64s/json", rv_or_empty(rv_j_text(one, "Id")));
                        int is = r ? 0 : as_wanted(doc, condition);
                        worst = is < worst ? is : worst;
                        json_decref(doc);
                }
                json_decref(all);
                if (r || worst > 0)
                        return r;
                if (worst < 0 || rv_cancelled(u->c)) {
                        rv_about(u->err, NULL, other, NULL);
                        return rv_fail(u->err, worst < 0 ? RV_FAILED : RV_TIMED_OUT,
                                       "the service %.60s waits for %.60s (%s), which %s",
                                       rv_j_text(service, "name"), other, condition,
                                       worst < 0 ? "failed" : "took too long");
                }
                poll(NULL, 0, 200);
        }
}

static int wait_all(struct up *u, json_t *service)
{
        const char *other;
        json_t *condition;
        int r = RV_OK;
        json_object_foreach(json_object_get(service, "depends"), other,
                            condition) if (r == RV_OK &&
                                           strcmp(json_string_value(condition), "service_started") != 0) r =
                wait_for(u, service, other, json_string_value(condition));
        return r;
}

/* ---- all ---- */

/* A job that has ended well as another service wants it is not begun again. */
static bool ended_well(struct up *u, const char *name, const struct rv_compose_part *p)
{
        json_t *one;
        size_t i;
        if (strcmp(p->state, "exited") != 0 || rv_j_number(p->doc, "State/ExitCode"))
                return false;
        json_array_foreach(
                json_object_get(u->file, "services"), i,
                one) if (strcmp(rv_or_empty(json_string_value(json_object_get(json_object_get(one, "depends"),
                                                                              name))),
                                "service_completed_successfully") == 0) return true;
        return false;
}

/* One service: planned (what will be done is told, and what cannot be is refused), or done. */
static int service(struct up *u, json_t *s, bool plan)
{
        const char *name = rv_j_text(s, "name");
        unsigned scale = (unsigned)json_integer_value(json_object_get(s, "scale"));
        bool waited = false;
        char called[256];
        int r = plan ? check_image(u, s) : RV_OK;
        for (unsigned number = 1; number <= scale && r == RV_OK; number++) {
                enum deed d = deed(u, s, number);
                const struct rv_compose_part *p = part(u, name, number);
                if (d == NOTHING || (d == START && ended_well(u, name, p)))
                        continue;
                name_it(u, s, number, called);
                if (plan) {
                        if (!p || strcmp(p->name, called) != 0)
                                r = rv_container_name_free(u->c, u->engine, called, u->err);
                        rv_change(u->c, called, p ? p->state : NULL,
                                  d == REPLACE ? "running, made anew" : "running");
                        continue;
                }
                if (!waited)
                        r = wait_all(u, s);
                waited = true;
                if (r == RV_OK)
                        r = d == MAKE      ? make(u, s, number, called)
                            : d == REPLACE ? replace(u, s, number, called)
                                           : start(u, p);
        }
        return r;
}

/* Those with too high a number, and those of services that are not in the file. */
static int leftovers(struct up *u, bool orphans, bool plan)
{
        int r = RV_OK;
        for (size_t i = 0; i < u->n && r == RV_OK; i++) {
                const struct rv_compose_part *p = &u->parts[i];
                json_t *one, *of = NULL;
                size_t k;
                json_array_foreach(json_object_get(u->file, "services"), k,
                                   one) if (strcmp(rv_j_text(one, "name"), p->service) == 0) of = one;
                bool much = of && !p->oneoff &&
                            (!p->number || p->number > json_integer_value(json_object_get(of, "scale")));
                if (!much && (of || !orphans))
                        continue;
                if (plan)
                        rv_change(u->c, p->name, p->state, NULL);
                else
                        r = drop(u, p);
        }
        return r;
}

static int walk(struct up *u, bool orphans, bool plan)
{
        json_t *one;
        size_t i;
        int r = resources(u, "networks", !plan);
        r = r ? r : resources(u, "volumes", !plan);
        json_array_foreach(json_object_get(u->file, "services"), i, one) r = r ? r : service(u, one, plan);
        return r ? r : leftovers(u, orphans, plan);
}

int rv_compose_up(struct rv_call *c, const struct rv_compose_up *o, char *ret_name, size_t size, json_t *warnings,
                  struct rv_error *err)
{
        struct up u = { .c = c, .err = err, .images = json_object(), .warnings = warnings };
        int r = rv_container_engine(o->engine, o->engine, &u.engine, err);
        r = r ? r : rv_composefile_read(c, o->path, o->name, o->variables, o->nvariables, &u.file, err);
        if (r == RV_OK) {
                u.project = rv_j_text(u.file, "name");
                snprintf(ret_name, size, "%s", u.project);
                struct rv_containers *m = rv_containers_of(u.engine);
                if (m)
                        rv_containers_changed(m, NULL); /* what others did a moment ago counts */
                r = m ? rv_containers_read(m, NULL, c, c->deadline, &u.docs, err) : -ENOMEM;
        }
        r = r ? r : rv_compose_parts(u.docs, u.project, &u.parts, &u.n);
        r = r ? r : walk(&u, o->orphans, true);
        if (r == RV_OK && !c->what_if)
                r = walk(&u, o->orphans, false);
        json_decref(u.file);
        json_decref(u.docs);
        json_decref(u.images);
        free(u.parts);
        return r;
}
