/* SPDX-License-Identifier: MIT
 *
 * Changes of one container: see containerchange.h.
 */
#include "providers/lib/containerchange.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "providers/lib/containers.h"
#include "providers/lib/containertext.h"
#include "providers/lib/enginestream.h"

int rv_container_end(struct rv_call *c, struct rv_container_change *ch, int e)
{
        if (ch->engine && ch->id[0] && !c->what_if) {
                struct rv_containers *m = rv_containers_of(ch->engine);
                if (m)
                        rv_containers_changed(m, ch->id);
        }
        json_decref(ch->doc);
        return e;
}

static int inspect(struct rv_call *c, struct rv_engine *e, const char *id, struct rv_container_change *ch,
                   struct rv_error *err)
{
        char path[1024] = "/containers/";
        rv_http_escape(path, sizeof path - 8, id);
        strcat(path, "/json");
        struct rv_engine_ask a = { .engine = e,
                                   .call = c,
                                   .deadline = c->deadline,
                                   .method = "GET",
                                   .path = path,
                                   .what = ch->what,
                                   .file = -1 };
        int r = rv_engine_ask(&a, &ch->doc, err);
        if (r)
                return r;
        const char *name = rv_or_empty(rv_j_text(ch->doc, "Name"));
        ch->engine = e;
        snprintf(ch->id, sizeof ch->id, "%s", rv_or_empty(rv_j_text(ch->doc, "Id")));
        snprintf(ch->name, sizeof ch->name, "%s", name + (*name == '/'));
        snprintf(ch->state, sizeof ch->state, "%s", rv_or_empty(rv_j_text(ch->doc, "State/Status")));
        return RV_OK;
}

int rv_container_begin(struct rv_call *c, const char *key, struct rv_container_change *ch, const char *verb,
                       struct rv_error *err)
{
        *ch = (struct rv_container_change) { 0 };
        if (!key || !*key)
                return rv_fail(err, RV_INVALID_PARAMETER, "a container is named by its Id");
        rv_about(err, NULL, key, NULL);
        snprintf(ch->what, sizeof ch->what, "cannot %s the container %.64s", verb, key);
        int r = RV_NOT_FOUND;
        unsigned asked = 0;
        for (struct rv_engine *e = rv_engines; e->name && r == RV_NOT_FOUND; e++)
                if (rv_engine_here(e)) {
                        asked++;
                        r = inspect(c, e, key, ch, err);
                }
        if (r == RV_NOT_FOUND && !asked) {
                rv_fail(err, RV_NOT_FOUND, "%s: this host has no container engine", ch->what);
                return rv_hint(err, "Install-Package docker.io");
        }
        if (r == RV_OK)
                snprintf(ch->what, sizeof ch->what, "cannot %s the container %.64s", verb, ch->name);
        return r;
}

int rv_container_tell(struct rv_call *c, struct rv_container_change *ch, const char *method, const char *rest,
                      json_t *body, json_t **ret, struct rv_error *err)
{
        char path[2048];
        snprintf(path, sizeof path, "/containers/%s%s", ch->id, rest);
        struct rv_engine_ask a = { .engine = ch->engine,
                                   .call = c,
                                   .deadline = c->deadline,
                                   .method = method,
                                   .path = path,
                                   .body = body,
                                   .what = ch->what,
                                   .file = -1 };
        return rv_engine_ask(&a, ret, err);
}

/* The end of its output, on one line. */
static void last_words(struct rv_call *c, struct rv_container_change *ch, char *ret, size_t size)
{
        char path[160];
        struct rv_http h;
        struct rv_output o = { .most = 4096, .tail = true };
        snprintf(path, sizeof path, "/containers/%s/logs?stdout=1&stderr=1&tail=5", ch->id);
        struct rv_engine_ask a = { .engine = ch->engine,
                                   .call = c,
                                   .deadline = c->deadline,
                                   .method = "GET",
                                   .path = path,
                                   .what = ch->what,
                                   .file = -1 };
        *ret = 0;
        if (rv_engine_open(&a, &h, NULL) != RV_OK)
                return;
        if (rv_output_read(&h, !rv_j_true(ch->doc, "Config/Tty"), &o) == 0)
                snprintf(ret, size, "%s", o.n[1] ? o.text[1] : rv_or_empty(o.text[0]));
        for (char *p = ret; *p; p++)
                if ((unsigned char)*p < ' ')
                        *p = ' ';
        rv_http_close(&h);
        rv_output_free(&o);
}

int rv_container_settled(struct rv_call *c, struct rv_container_change *ch, struct rv_error *err)
{
        json_t *now = NULL;
        char said[200];
        poll(NULL, 0, 200);
        int r = rv_container_tell(c, ch, "GET", "/json", NULL, &now, err);
        const char *state = rv_or_empty(rv_j_text(now, "State/Status"));
        int code = (int)rv_j_number(now, "State/ExitCode");
        if (r == RV_OK && strcmp(state, "exited") == 0 && code) {
                last_words(c, ch, said, sizeof said);
                rv_fail(err, RV_FAILED, "%s: it ended right after its start (status %d)", ch->what, code);
                r = rv_hint(err, "Its last words: %s", *said ? said : "none");
        }
        json_decref(now);
        return r;
}

int rv_container_must_run(struct rv_container_change *ch, struct rv_error *err)
{
        if (strcmp(ch->state, "running") == 0)
                return RV_OK;
        rv_fail(err, RV_FAILED, "%s: it is %s", ch->what, ch->state);
        return rv_hint(err, strcmp(ch->state, "paused") == 0 ? "Resume-Container lets it go on."
                                                             : "Start-Container starts it.");
}

int rv_container_engine(bool has, const char *name, struct rv_engine **ret, struct rv_error *err)
{
        *ret = rv_engine_find(has ? name : NULL);
        if (*ret && rv_engine_here(*ret))
                return RV_OK;
        rv_about(err, NULL, NULL, "Engine");
        rv_fail(err, RV_NOT_FOUND, "this host has no container engine%s%.40s", has ? " " : "",
                has ? name : "");
        return rv_hint(err, "Install-Package docker.io");
}

/* Whether the engine knows KIND/NAME, such as /images/bb:1: RV_OK, RV_NOT_FOUND, or what was in the way. */
static int known(struct rv_call *c, struct rv_engine *e, const char *kind, const char *name, struct rv_error *err)
{
        return rv_engine_look(e, c, c->deadline, kind, name, "cannot make a container", NULL, err);
}

/* That the image is here is looked at first, so that what-if says so as well. */
int rv_container_image(struct rv_call *c, struct rv_engine *e, const char *image, struct rv_error *err)
{
        int r = known(c, e, "/images/", image, err);
        if (r != RV_NOT_FOUND)
                return r;
        rv_about(err, NULL, NULL, "Image");
        rv_fail(err, RV_NOT_FOUND, "there is no image '%.120s' here", image);
        return rv_hint(err, "Get-ContainerImage lists them; Request-ContainerImage fetches one.");
}

int rv_container_name_free(struct rv_call *c, struct rv_engine *e, const char *name, struct rv_error *err)
{
        struct rv_error none;
        int r = known(c, e, "/containers/", name, &none);
        if (r == RV_NOT_FOUND)
                return RV_OK;
        if (r) {
                *err = none;
                return r;
        }
        rv_about(err, NULL, name, "Name");
        return rv_fail(err, RV_ALREADY_EXISTS, "there is a container %.64s already", name);
}

int rv_container_make(struct rv_call *c, struct rv_engine *e, const char *name, json_t *config, bool start,
                      char ret_id[80], json_t **ret_made, struct rv_error *err)
{
        char path[512] = "/containers/create", what[160];
        json_t *made = NULL;
        snprintf(what, sizeof what, "cannot make the container %.64s", name ? name : "");
        if (name) {
                strcat(path, "?name=");
                rv_http_escape(path, sizeof path, name);
        }
        struct rv_engine_ask a = { .engine = e,
                                   .call = c,
                                   .deadline = c->deadline,
                                   .method = "POST",
                                   .path = path,
                                   .body = config,
                                   .what = what,
                                   .file = -1 };
        int r = rv_engine_ask(&a, &made, err);
        char id[80];
        snprintf(id, sizeof id, "%s", rv_or_empty(rv_j_text(made, "Id")));
        if (r == RV_OK && start) {
                snprintf(path, sizeof path, "/containers/%s/start", id);
                a.body = NULL;
                r = rv_engine_ask(&a, NULL, err);
                if (r) { /* what could not be started does not stay */
                        struct rv_engine_ask undo = { .engine = e,
                                                      .deadline = rv_now() + UINT64_C(10000000000),
                                                      .method = "DELETE",
                                                      .path = path,
                                                      .what = what,
                                                      .file = -1 };
                        snprintf(path, sizeof path, "/containers/%s?force=1&v=1", id);
                        rv_engine_ask(&undo, NULL, NULL);
                }
        }
        if (r == RV_OK) {
                memcpy(ret_id, id, sizeof id);
                *ret_made = json_incref(made);
        }
        struct rv_containers *m = rv_containers_of(e);
        if (m)
                rv_containers_changed(m, r ? NULL : id);
        json_decref(made);
        return r;
}
