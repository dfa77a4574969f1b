/* SPDX-License-Identifier: MIT
 *
 * ComposeProject, ComposeService: what Docker Compose made, read from the labels of the containers (lib/compose.h) in
 * the same model that Container has, so that a list costs the engine nothing. What is done to them is in
 * lib/composechange.c and lib/composeup.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "agent/provider.h"
#include "gen/ComposeProject.h"
#include "gen/ComposeService.h"
#include "providers/lib/compose.h"
#include "providers/lib/composechange.h"
#include "providers/lib/composeup.h"
#include "providers/lib/containers.h"
#include "providers/lib/engine.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"

/* One reading: the engine whose containers are looked at, and the images' ids that it has told. */
struct look {
        const struct rv_query *q;
        struct rv_sink *out;
        struct rv_engine *engine;
        json_t *images; /* name -> id; null: there is none */
};

/* ---- drift ---- */

/* The id that an image's name has now; "": none; NULL: the engine did not tell. */
static const char *image_now(struct look *l, const char *name)
{
        json_t *known = json_object_get(l->images, name), *image = NULL;
        struct rv_error why = { 0 };
        if (known)
                return json_string_value(known);
        int r = rv_engine_look(l->engine, l->q->call, l->q->deadline, "/images/", name,
                               "cannot look at an image", &image, &why);
        if (r == RV_OK || r == RV_NOT_FOUND)
                json_object_set_new(l->images, name, json_string(rv_or_empty(rv_j_text(image, "Id"))));
        else
                rv_partial(l->out, &why);
        json_decref(image);
        return json_string_value(json_object_get(l->images, name));
}

static void drift_of_image(struct look *l, const struct rv_compose_part *p, struct rv_lines *t)
{
        const char *name = rv_j_text(p->doc, "Config/Image"), *has = rv_j_text(p->doc, "Image");
        const char *now = name ? image_now(l, name) : NULL;
        if (now && !*now)
                rv_lines_add(t, "%s: its image %s is not here any more", p->name, name);
        else if (now && has && strcmp(now, has) != 0)
                rv_lines_add(t, "%s: %s is another image now", p->name, name);
}

/* Containers of one service. */
static void drift_of_service(struct look *l, const struct rv_compose_part *p, size_t n, struct rv_lines *t)
{
        const struct rv_compose_part *newest = rv_compose_newest(p, n);
        const char *wanted = rv_or_empty(rv_j_text(newest->doc, RV_COMPOSE_LABEL "config-hash"));
        unsigned expected = 1;
        for (size_t i = 0; i < n; i++) {
                if (p[i].oneoff)
                        continue;
                const char *hash = rv_or_empty(rv_j_text(p[i].doc, RV_COMPOSE_LABEL "config-hash"));
                if (strcmp(hash, wanted) != 0)
                        rv_lines_add(t, "%s: made by another configuration than %s", p[i].name, newest->name);
                if (p[i].number && p[i].number < expected)
                        rv_lines_add(t, "%s: number %u is there twice", p[i].name, p[i].number);
                for (; p[i].number > expected && p[i].number - expected < 100; expected++)
                        rv_lines_add(t, "%s: number %u is missing", p[i].service, expected);
                expected = p[i].number + 1;
                drift_of_image(l, &p[i], t);
        }
}

/* Files that were written after the newest container was made. */
static void drift_of_files(const struct rv_compose_part *newest, struct rv_lines *t)
{
        struct rv_lines files;
        struct stat st;
        char *rest, *path;
        int64_t made;
        rv_lines_clear(&files);
        rv_compose_files(newest->doc, &files);
        if (!rv_j_time(newest->doc, "Created", &made))
                return;
        for (path = strtok_r(files.all, "\n", &rest); path; path = strtok_r(NULL, "\n", &rest))
                if (*path != '/')
                        continue; /* not told below which folder */
                else if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
                        rv_lines_add(t, "%s: is gone", path);
                else if (stat(path, &st) == 0 &&
                         (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec > made)
                        rv_lines_add(t, "%s: was changed after %s was made", path, newest->name);
}

/* ---- rows ---- */

static size_t service_end(const struct rv_compose_part *p, size_t n, size_t from)
{
        size_t to = from;
        while (to < n && strcmp(p[to].project, p[from].project) == 0 &&
               strcmp(p[to].service, p[from].service) == 0)
                to++;
        return to;
}

static void count(const struct rv_compose_part *p, size_t n, uint32_t *all, uint32_t *run, uint32_t *once)
{
        *all = *run = *once = 0;
        for (size_t i = 0; i < n; i++) {
                *once += p[i].oneoff;
                *all += !p[i].oneoff;
                *run += !p[i].oneoff && rv_compose_runs(&p[i]);
        }
}

static void project_lists(struct look *l, struct rv_row *row, const struct rv_compose_part *p, size_t n,
                          const struct rv_compose_part *newest)
{
        struct rv_lines names, drift, files;
        bool all = ComposeProject_wants_Drift(row);
        rv_lines_clear(&names);
        rv_lines_clear(&drift);
        rv_lines_clear(&files);
        rv_compose_files(newest->doc, &files);
        for (size_t i = 0, end; i < n; i = end) {
                end = service_end(p, n, i);
                rv_lines_add(&names, "%s", p[i].service);
                if (all)
                        drift_of_service(l, p + i, end - i, &drift);
        }
        if (all)
                drift_of_files(newest, &drift);
        if (ComposeProject_wants_Services(row))
                rv_lines_set(row, ComposeProject_Services, &names);
        if (ComposeProject_wants_ConfigFiles(row))
                rv_lines_set(row, ComposeProject_ConfigFiles, &files);
        if (all)
                rv_lines_set(row, ComposeProject_Drift, &drift);
}

static int emit_project(struct look *l, const struct rv_compose_part *p, size_t n)
{
        static const struct rv_json_rule rules[] = {
                { ComposeProject_WorkingDirectory, RV_COMPOSE_LABEL "project.working_dir", RV_J_TEXT },
                { ComposeProject_EnvironmentFile, RV_COMPOSE_LABEL "project.environment_file", RV_J_TEXT },
                { ComposeProject_ComposeVersion, RV_COMPOSE_LABEL "version", RV_J_TEXT },
        };
        const struct rv_compose_part *newest = rv_compose_newest(p, n);
        struct rv_row *row = rv_row(l->out);
        char status[160];
        uint32_t all, run, once;
        int64_t first = INT64_MAX, t;
        rv_fill(row, ComposeProject_Name, p->project);
        rv_fill(row, ComposeProject_Engine, l->engine->name);
        rv_compose_status(p, n, status, sizeof status);
        rv_fill(row, ComposeProject_Status, status);
        rv_json_fill(row, newest->doc, rules, sizeof rules / sizeof *rules);
        count(p, n, &all, &run, &once);
        ComposeProject_set_Containers(row, all);
        ComposeProject_set_Running(row, run);
        ComposeProject_set_OneOff(row, once);
        for (size_t i = 0; i < n; i++)
                if (rv_j_time(p[i].doc, "Created", &t) && t < first)
                        first = t;
        if (first != INT64_MAX)
                ComposeProject_set_Created(row, first);
        project_lists(l, row, p, n, newest);
        return rv_emit(l->out, row);
}

static void service_lists(struct look *l, struct rv_row *row, const struct rv_compose_part *p, size_t n,
                          const struct rv_compose_part *newest)
{
        struct rv_lines names, ports, depends;
        rv_lines_clear(&names);
        rv_lines_clear(&ports);
        rv_lines_clear(&depends);
        for (size_t i = 0; i < n; i++)
                if (!p[i].oneoff) {
                        rv_lines_add(&names, "%s", p[i].name);
                        rv_container_ports(p[i].doc, &ports);
                }
        rv_compose_depends(newest->doc, &depends);
        if (ComposeService_wants_Containers(row))
                rv_lines_set(row, ComposeService_Containers, &names);
        if (ComposeService_wants_Ports(row))
                rv_lines_set(row, ComposeService_Ports, &ports);
        if (ComposeService_wants_DependsOn(row) && rv_j_at(newest->doc, RV_COMPOSE_LABEL "depends_on"))
                rv_lines_set(row, ComposeService_DependsOn, &depends);
        if (ComposeService_wants_Drift(row)) {
                rv_lines_clear(&depends);
                drift_of_service(l, p, n, &depends);
                rv_lines_set(row, ComposeService_Drift, &depends);
        }
}

static int emit_service(struct look *l, const struct rv_compose_part *p, size_t n)
{
        static const struct rv_json_rule rules[] = {
                { ComposeService_Image, "Config/Image", RV_J_TEXT },
                { ComposeService_ImageId, "Image", RV_J_TEXT },
                { ComposeService_ConfigHash, RV_COMPOSE_LABEL "config-hash", RV_J_TEXT },
        };
        const struct rv_compose_part *newest = rv_compose_newest(p, n);
        struct rv_row *row = rv_row(l->out);
        char status[160];
        uint32_t all, run, once, healthy = 0;
        rv_fill(row, ComposeService_Project, p->project);
        rv_fill(row, ComposeService_Name, p->service);
        rv_fill(row, ComposeService_Engine, l->engine->name);
        rv_compose_status(p, n, status, sizeof status);
        rv_fill(row, ComposeService_Status, status);
        rv_json_fill(row, newest->doc, rules, sizeof rules / sizeof *rules);
        count(p, n, &all, &run, &once);
        ComposeService_set_Replicas(row, all);
        ComposeService_set_Running(row, run);
        for (size_t i = 0; i < n; i++)
                healthy += !p[i].oneoff && rv_compose_runs(&p[i]) &&
                           strcmp(rv_or_empty(rv_j_text(p[i].doc, "State/Health/Status")), "healthy") == 0;
        if (json_array_size(rv_j_at(newest->doc, "Config/Healthcheck/Test")))
                ComposeService_set_Healthy(row, healthy);
        service_lists(l, row, p, n, newest);
        return rv_emit(l->out, row);
}

/* ---- reading ---- */

static int emit_all(struct look *l, json_t *docs, const char *project, bool services)
{
        struct rv_compose_part *p = NULL;
        size_t n = 0, end;
        l->images = json_object();
        int r = l->images ? rv_compose_parts(docs, project, &p, &n) : -ENOMEM;
        for (size_t i = 0; i < n && r == RV_OK; i = end) {
                end = service_end(p, n, i);
                while (!services && end < n && strcmp(p[end].project, p[i].project) == 0)
                        end = service_end(p, n, end);
                r = rv_cancelled(l->q->call) ? RV_STOP
                    : services               ? emit_service(l, p + i, end - i)
                                             : emit_project(l, p + i, end - i);
        }
        json_decref(l->images);
        free(p);
        return r;
}

/* The engines that are here; when all that were asked failed, so does the reading. */
static int read_all(const struct rv_query *q, struct rv_sink *out, const struct rv_arg *project,
                    const struct rv_arg *of, bool services, struct rv_error *err)
{
        unsigned asked = 0, failed = 0;
        int r = RV_OK;
        for (struct rv_engine *e = rv_engines; e->name && r == RV_OK; e++) {
                struct rv_containers *m = rv_engine_here(e) && !(of && strcasecmp(of->s, e->name) != 0)
                                                  ? rv_containers_of(e)
                                                  : NULL;
                struct look l = { .q = q, .out = out, .engine = e };
                struct rv_error why = { 0 };
                json_t *docs = NULL;
                if (!m)
                        continue;
                asked++;
                int got = rv_containers_read(m, NULL, q->call, q->deadline, &docs, &why);
                if (got == RV_OK)
                        r = emit_all(&l, docs, project ? project->s : NULL, services);
                else if (got < 0)
                        r = got;
                else if (failed++ == 0)
                        *err = why;
                else
                        rv_partial(out, &why);
                json_decref(docs);
        }
        if (r == RV_OK && failed && failed == asked)
                return err->code;
        if (r == RV_OK && failed)
                rv_partial(out, err);
        return r == RV_STOP ? RV_OK : r;
}

static int project_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        return read_all(q, out, rv_equals(q, ComposeProject_Name), rv_equals(q, ComposeProject_Engine), false,
                        err);
}
static int service_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        return read_all(q, out, rv_equals(q, ComposeService_Project), rv_equals(q, ComposeService_Engine),
                        true, err);
}

/* ---- changing ---- */

static int project_do(struct rv_call *c, struct rv_compose_order *o, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[ComposeProject_Name], *of = &c->key[ComposeProject_Engine];
        o->project = name->type == RV_STRING ? name->s : NULL;
        o->engine = of->type == RV_STRING ? of->s : NULL;
        int r = rv_compose_do(c, o, err);
        if (r == RV_OK)
                ComposeProject_Start_out_set_ReturnValue(c->out, 0);
        return r;
}
static int project_start(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ComposeProject_Start_in *in = args;
        struct rv_compose_order o = { .start = true, .services = in->Service, .nservices = in->Service_n };
        return project_do(c, &o, err);
}
static int project_stop(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ComposeProject_Stop_in *in = args;
        struct rv_compose_order o = { .stop = true,
                                      .services = in->Service,
                                      .nservices = in->Service_n,
                                      .timeout = in->has_Timeout ? &in->Timeout : NULL };
        return project_do(c, &o, err);
}
static int project_restart(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ComposeProject_Restart_in *in = args;
        struct rv_compose_order o = { .stop = true,
                                      .start = true,
                                      .services = in->Service,
                                      .nservices = in->Service_n,
                                      .timeout = in->has_Timeout ? &in->Timeout : NULL };
        return project_do(c, &o, err);
}
static int project_down(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ComposeProject_Down_in *in = args;
        struct rv_compose_order o = { .stop = true,
                                      .remove = true,
                                      .volumes = in->has_Volumes && in->Volumes,
                                      .timeout = in->has_Timeout ? &in->Timeout : NULL };
        return project_do(c, &o, err);
}

static int project_up(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ComposeProject_Up_in *in = args;
        struct rv_compose_up o = { .path = in->Path,
                                   .name = in->has_ProjectName ? in->ProjectName : NULL,
                                   .engine = in->has_Engine ? in->Engine : NULL,
                                   .variables = in->Variable,
                                   .nvariables = in->has_Variable ? in->Variable_n : 0,
                                   .orphans = in->has_RemoveOrphans && in->RemoveOrphans };
        char name[200];
        json_t *warnings = json_array();
        int r = rv_compose_up(c, &o, name, sizeof name, warnings, err);
        if (r == RV_OK) {
                ComposeProject_Up_out_set_Project(c->out, name, strlen(name));
                rv_json_list(c->out, ComposeProject_Up_out_Warnings, warnings);
                ComposeProject_Up_out_set_ReturnValue(c->out, 0);
        }
        json_decref(warnings);
        return r;
}

static int service_scale(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ComposeService_Scale_in *in = args;
        const struct rv_arg *project = &c->key[ComposeService_Project], *name = &c->key[ComposeService_Name],
                            *of = &c->key[ComposeService_Engine];
        struct rv_compose_order o = { .project = project->type == RV_STRING ? project->s : NULL,
                                      .engine = of->type == RV_STRING ? of->s : NULL,
                                      .services = name,
                                      .nservices = name->type == RV_STRING,
                                      .timeout = in->has_Timeout ? &in->Timeout : NULL };
        int r = rv_compose_scale(c, &o, in->Replicas, err);
        if (r == RV_OK)
                ComposeService_Scale_out_set_ReturnValue(c->out, 0);
        return r;
}

/* ---- the tables ---- */

static int (*const project_methods[ComposeProject_nmethods])(struct rv_call *, const void *,
                                                             struct rv_error *) = {
        [ComposeProject_method_Start] = project_start,     [ComposeProject_method_Stop] = project_stop,
        [ComposeProject_method_Restart] = project_restart, [ComposeProject_method_Down] = project_down,
        [ComposeProject_method_Up] = project_up,
};
static int (*const service_methods[ComposeService_nmethods])(struct rv_call *, const void *,
                                                             struct rv_error *) = {
        [ComposeService_method_Scale] = service_scale,
};

static const struct rv_provider project = {
        .class = &ComposeProject_class, .query = project_query, .methods = project_methods, .threads = 4
};
static const struct rv_provider service = {
        .class = &ComposeService_class, .query = service_query, .methods = service_methods, .threads = 4
};

RV_PROVIDERS(composeproject, &project, &service);
