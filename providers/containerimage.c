/* SPDX-License-Identifier: MIT
 *
 * ContainerImage: the engine's images.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/ContainerImage.h"
#include "providers/lib/container.h"
#include "providers/lib/fill.h"
#include "providers/lib/slurp.h"

enum { ARCHIVE_MOST = 256 << 20 };

static const char *first_name(json_t *image)
{
        const char *s = json_string_value(json_array_get(json_object_get(image, "RepoTags"), 0));
        return s && strcmp(s, "<none>:<none>") != 0 ? s : NULL;
}

static void fill_listed(struct rv_row *row, json_t *j)
{
        const char *id = rv_engine_text(j, "Id"), *digits = id && strchr(id, ':') ? strchr(id, ':') + 1 : id;
        int64_t t;
        rv_fill(row, ContainerImage_Id, id);
        rv_fill_n(row, ContainerImage_ShortId, digits, digits ? strnlen(digits, 12) : 0);
        rv_fill(row, ContainerImage_Name, first_name(j));
        if (first_name(j))
                rv_engine_list(row, ContainerImage_RepoTags, json_object_get(j, "RepoTags"));
        rv_engine_list(row, ContainerImage_RepoDigests, json_object_get(j, "RepoDigests"));
        if (rv_engine_time(j, "Created", &t))
                ContainerImage_set_Created(row, t);
        ContainerImage_set_Size(row, (uint64_t)rv_engine_int(j, "Size"));
        rv_engine_map(row, ContainerImage_Labels, json_object_get(j, "Labels"));
}

static void fill_inspected(struct rv_row *row, json_t *j)
{
        rv_fill(row, ContainerImage_Architecture, rv_engine_text(j, "Architecture"));
        rv_fill(row, ContainerImage_OperatingSystem, rv_engine_text(j, "Os"));
        rv_engine_list(row, ContainerImage_Command, rv_engine_at(j, "Config.Cmd"));
        rv_engine_list(row, ContainerImage_Entrypoint, rv_engine_at(j, "Config.Entrypoint"));
        rv_engine_list(row, ContainerImage_Environment, rv_engine_at(j, "Config.Env"));
        rv_engine_list(row, ContainerImage_Layers, rv_engine_at(j, "RootFS.Layers"));
}

static int image_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_engine e = { .call = q->call, .deadline = q->deadline, .what = "cannot list images" };
        json_t *list, *j, *whole;
        size_t i;
        bool inspects = false;
        for (uint32_t p = 0; p < ContainerImage_class.nproperties; p++)
                inspects |= ContainerImage_class.properties[p].flags & RV_EXPENSIVE && rv_asked(q, p);
        int r = rv_engine_get(&e, &list, err, "/images/json");
        json_array_foreach(list, i, j)
        {
                whole = NULL;
                if (r == RV_OK && inspects)
                        r = rv_engine_get(&e, &whole, err, "/images/%s/json", rv_engine_text(j, "Id"));
                if (r == RV_NOT_FOUND) {
                        r = RV_OK; /* gone meanwhile */
                        if (err)
                                *err = (struct rv_error) { 0 };
                        continue;
                }
                if (r == RV_OK) {
                        struct rv_row *row = rv_row(out);
                        fill_listed(row, j);
                        if (whole)
                                fill_inspected(row, whole);
                        r = rv_emit(out, row);
                }
                json_decref(whole);
        }
        json_decref(list);
        return r == RV_STOP ? RV_OK : r;
}

static const char *key_of(const struct rv_call *c, char *to, size_t size)
{
        return rv_engine_escape(
                to, size, c->key[ContainerImage_Id].type == RV_STRING ? c->key[ContainerImage_Id].s : "");
}

static int success(struct rv_call *c, int r)
{
        if (r == RV_OK)
                rv_set_uint(c->out, 0, 0);
        return r;
}

static int image_tag(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Tag_in *in = args;
        struct rv_engine e = { .call = c, .deadline = c->deadline, .what = "cannot tag the image" };
        char id[300], repo[600], tag[300];
        json_t *j = NULL;
        int r = rv_engine_get(&e, &j, err, "/images/%s/json", key_of(c, id, sizeof id));
        json_decref(j);
        if (r == RV_OK)
                rv_change(c, "RepoTags", NULL, in->Repository);
        if (r == RV_OK && !c->what_if)
                r = rv_engine_post(&e, NULL, NULL, err, "/images/%s/tag?repo=%s&tag=%s", id,
                                   rv_engine_escape(repo, sizeof repo, in->Repository),
                                   rv_engine_escape(tag, sizeof tag, in->has_Tag ? in->Tag : "latest"));
        return success(c, r);
}

static int image_remove(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Remove_in *in = args;
        struct rv_engine e = { .call = c, .deadline = c->deadline, .what = "cannot remove the image" };
        char id[300];
        json_t *j = NULL;
        int r = rv_engine_get(&e, &j, err, "/images/%s/json", key_of(c, id, sizeof id));
        if (r == RV_OK)
                rv_change(c, "RepoTags", first_name(j), NULL);
        json_decref(j);
        if (r == RV_OK && !c->what_if)
                r = rv_engine_delete(&e, err, "/images/%s?force=%d", id, in->Force);
        return success(c, r);
}

/* A pull is told as lines of JSON with status 200, also when it fails. */
struct progress {
        char last[200], wrong[300];
        struct rv_buf line;
};
static bool on_progress(void *state, int stream, const char *s, size_t n)
{
        struct progress *p = state;
        (void)stream;
        for (size_t i = 0; i < n; i++) {
                if (s[i] != '\n') {
                        if (p->line.len < 65536)
                                rv_buf_put(&p->line, s + i, 1);
                        continue;
                }
                json_t *j = p->line.len ? json_loadb(p->line.data, p->line.len, 0, NULL) : NULL;
                const char *status = rv_engine_text(j, "status"), *error = rv_engine_text(j, "error");
                if (status)
                        snprintf(p->last, sizeof p->last, "%.199s", status);
                if (error)
                        snprintf(p->wrong, sizeof p->wrong, "%.250s", error);
                json_decref(j);
                p->line.len = 0;
        }
        return true;
}

static int image_pull(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Pull_in *in = args;
        char what[200], repo[600], tag[300];
        struct progress p = { 0 };
        struct rv_engine e = {
                .call = c, .deadline = c->deadline, .what = what, .piece = on_progress, .piece_state = &p
        };
        snprintf(what, sizeof what, "cannot pull %.150s", in->Repository);
        rv_change(c, "RepoTags", NULL, in->Repository);
        int r = c->what_if
                        ? RV_OK
                        : rv_engine_post(&e, NULL, NULL, err, "/images/create?fromImage=%s&tag=%s",
                                         rv_engine_escape(repo, sizeof repo, in->Repository),
                                         rv_engine_escape(tag, sizeof tag, in->has_Tag ? in->Tag : "latest"));
        if (r == RV_OK && p.wrong[0])
                r = rv_fail(err, RV_FAILED, "%s: %.220s", what, p.wrong);
        if (r == RV_OK)
                ContainerImage_Pull_out_set_Status(c->out, p.last, strlen(p.last));
        rv_buf_free(&p.line);
        return success(c, r);
}

static int image_import(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Import_in *in = args;
        char what[200], repo[600], tag[300];
        struct rv_engine e = { .call = c, .deadline = c->deadline, .what = what };
        json_t *j = NULL;
        size_t n = 0;
        snprintf(what, sizeof what, "cannot make an image of %.150s", in->Path);
        char *data = rv_slurp(in->Path, ARCHIVE_MOST, &n);
        if (!data)
                return rv_fail_errno(err, errno, "%s", what);
        rv_change(c, "RepoTags", NULL, in->Repository);
        int r = c->what_if
                        ? RV_OK
                        : rv_engine_send(&e, "application/x-tar", data, n, &j, err,
                                         "/images/create?fromSrc=-&repo=%s&tag=%s",
                                         rv_engine_escape(repo, sizeof repo, in->Repository),
                                         rv_engine_escape(tag, sizeof tag, in->has_Tag ? in->Tag : "latest"));
        free(data);
        const char *id = rv_engine_text(j, "status"), *wrong = rv_engine_text(j, "error");
        if (r == RV_OK && wrong)
                r = rv_fail(err, RV_FAILED, "%s: %.220s", what, wrong);
        if (r == RV_OK && id)
                ContainerImage_Import_out_set_ImageId(c->out, id, strlen(id));
        json_decref(j);
        return success(c, r);
}

static int image_prune(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Prune_in *in = args;
        struct rv_engine e = { .call = c, .deadline = c->deadline, .what = "cannot remove unused images" };
        json_t *j = NULL;
        char filters[100];
        rv_engine_escape(filters, sizeof filters,
                         in->All ? "{\"dangling\":[\"false\"]}" : "{\"dangling\":[\"true\"]}");
        int r = c->what_if ? RV_OK : rv_engine_post(&e, NULL, &j, err, "/images/prune?filters=%s", filters);
        if (r == RV_OK)
                ContainerImage_Prune_out_set_SpaceReclaimed(c->out,
                                                            (uint64_t)rv_engine_int(j, "SpaceReclaimed"));
        json_decref(j);
        return success(c, r);
}

static int (*const methods[])(struct rv_call *, const void *, struct rv_error *) = {
        [ContainerImage_method_Tag] = image_tag,     [ContainerImage_method_Remove] = image_remove,
        [ContainerImage_method_Pull] = image_pull,   [ContainerImage_method_Import] = image_import,
        [ContainerImage_method_Prune] = image_prune,
};

static const struct rv_provider image = { .class = &ContainerImage_class,
                                          .query = image_query,
                                          .methods = methods };

RV_PROVIDERS(containerimage, &image);
