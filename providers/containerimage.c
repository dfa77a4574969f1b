/* SPDX-License-Identifier: MIT
 *
 * ContainerImage: the engine's images.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/ContainerImage.h"
#include "providers/lib/enginetalk.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"

static const char *first_name(json_t *image)
{
        const char *s = json_string_value(json_array_get(json_object_get(image, "RepoTags"), 0));
        return s && strcmp(s, "<none>:<none>") != 0 ? s : NULL;
}

static bool json_has_text(json_t *list, const char *text)
{
        size_t i;
        json_t *v;
        json_array_foreach(list, i, v)
        {
                if (json_is_string(v) && strcmp(json_string_value(v), text) == 0)
                        return true;
        }
        return false;
}

/* The name that it is shown by: its first, or the one of all its names that was asked for. */
static const char *shown_name(json_t *image, const struct rv_arg *asked)
{
        json_t *tags = json_object_get(image, "RepoTags");
        char latest[300];
        if (asked && asked->type == RV_STRING) {
                snprintf(latest, sizeof latest, "%.280s:latest", asked->s);
                if (json_has_text(tags, asked->s))
                        return asked->s;
                if (json_has_text(tags, latest)) /* the filter still wants the text as it was asked for */
                        return asked->s;
        }
        return first_name(image);
}

static void fill_listed(struct rv_row *row, json_t *j, const struct rv_arg *asked)
{
        const char *id = rv_j_text(j, "Id"), *digits = id && strchr(id, ':') ? strchr(id, ':') + 1 : id;
        int64_t t;
        rv_fill(row, ContainerImage_Id, id);
        rv_fill_n(row, ContainerImage_ShortId, digits, digits ? strnlen(digits, 12) : 0);
        rv_fill(row, ContainerImage_Name, shown_name(j, asked));
        if (first_name(j))
                rv_json_list(row, ContainerImage_RepoTags, json_object_get(j, "RepoTags"));
        rv_json_list(row, ContainerImage_RepoDigests, json_object_get(j, "RepoDigests"));
        if (rv_j_time(j, "Created", &t))
                ContainerImage_set_Created(row, t);
        ContainerImage_set_Size(row, (uint64_t)rv_j_number(j, "Size"));
        rv_json_map(row, ContainerImage_Labels, json_object_get(j, "Labels"));
}

static void fill_inspected(struct rv_row *row, json_t *j)
{
        rv_fill(row, ContainerImage_Architecture, rv_j_text(j, "Architecture"));
        rv_fill(row, ContainerImage_OperatingSystem, rv_j_text(j, "Os"));
        rv_json_list(row, ContainerImage_Command, rv_j_at(j, "Config/Cmd"));
        rv_json_list(row, ContainerImage_Entrypoint, rv_j_at(j, "Config/Entrypoint"));
        rv_json_list(row, ContainerImage_Environment, rv_j_at(j, "Config/Env"));
        rv_json_list(row, ContainerImage_Layers, rv_j_at(j, "RootFS/Layers"));
}

static int image_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_talk e = { .call = q->call, .deadline = q->deadline, .what = "cannot list images" };
        json_t *list, *j, *whole;
        size_t i;
        bool inspects = false;
        for (uint32_t p = 0; p < ContainerImage_class.nproperties; p++)
                inspects |= ContainerImage_class.properties[p].flags & RV_EXPENSIVE && rv_asked(q, p);
        int r = rv_talk_get(&e, &list, err, "/images/json");
        json_array_foreach(list, i, j)
        {
                whole = NULL;
                if (r == RV_OK && inspects)
                        r = rv_talk_get(&e, &whole, err, "/images/%s/json", rv_j_text(j, "Id"));
                if (r == RV_NOT_FOUND) {
                        r = RV_OK; /* gone meanwhile */
                        if (err)
                                *err = (struct rv_error) { 0 };
                        continue;
                }
                if (r == RV_OK) {
                        struct rv_row *row = rv_row(out);
                        fill_listed(row, j, rv_equals(q, ContainerImage_Name));
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
        const struct rv_arg *id = &c->key[ContainerImage_Id], *name = &c->key[ContainerImage_Name];
        return rv_http_escaped(to, size,
                               id->type == RV_STRING     ? id->s
                               : name->type == RV_STRING ? name->s
                                                         : "");
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
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = "cannot tag the image" };
        char id[300], repo[600], tag[300];
        json_t *j = NULL;
        int r = rv_talk_get(&e, &j, err, "/images/%s/json", key_of(c, id, sizeof id));
        json_decref(j);
        if (r == RV_OK)
                rv_change(c, "RepoTags", NULL, in->Repository);
        if (r == RV_OK && !c->what_if)
                r = rv_talk_post(&e, NULL, NULL, err, "/images/%s/tag?repo=%s&tag=%s", id,
                                 rv_http_escaped(repo, sizeof repo, in->Repository),
                                 rv_http_escaped(tag, sizeof tag, in->has_Tag ? in->Tag : "latest"));
        return success(c, r);
}

static int image_remove(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Remove_in *in = args;
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = "cannot remove the image" };
        char id[300];
        json_t *j = NULL;
        int r = rv_talk_get(&e, &j, err, "/images/%s/json", key_of(c, id, sizeof id));
        if (r == RV_OK)
                rv_change(c, "RepoTags", first_name(j), NULL);
        json_decref(j);
        if (r == RV_OK && !c->what_if)
                r = rv_talk_delete(&e, err, "/images/%s?force=%d", id, in->Force);
        return success(c, r);
}

/* ---- what the engine tells of line by line ---- */

#define BUILD_OUTPUT 65536u

enum { LAYERS = 64 };

struct progress {
        char last[200], id[100]; /* what it said last; the image's id */
        char digest[120];        /* of a push */
        char *output;            /* of a build: its end, BUILD_OUTPUT bytes at most; or NULL: not kept */
        size_t n;
        struct rv_call *call; /* who is told how far it is; or NULL */
        const char *activity;
        uint64_t told; /* when */
        struct {
                char id[20];
                int64_t now, all;
        } layers[LAYERS]; /* of a pull or push */
        unsigned nlayers;
};

/* Some times a second: the part of all layers' bytes that is there. */
static void tell(struct progress *p, json_t *j)
{
        const char *id = rv_j_text(j, "id");
        int64_t all = rv_j_number(j, "progressDetail/total"), sum = 0, of = 0;
        unsigned i = 0;
        while (id && i < p->nlayers && strcmp(p->layers[i].id, id) != 0)
                i++;
        if (id && all > 0 && i < LAYERS && strlen(id) < sizeof p->layers[i].id) {
                strcpy(p->layers[i].id, id);
                p->layers[i].now = rv_j_number(j, "progressDetail/current");
                p->layers[i].all = all;
                p->nlayers += i == p->nlayers;
        }
        for (i = 0; i < p->nlayers; i++) {
                sum += p->layers[i].now < p->layers[i].all ? p->layers[i].now : p->layers[i].all;
                of += p->layers[i].all;
        }
        uint64_t now = rv_now();
        if (!p->call || now - p->told < UINT64_C(100000000))
                return;
        p->told = now;
        rv_progress(p->call, p->activity, p->last, of ? (int)(sum * 100 / of) : -1);
}

static void keep(struct progress *p, const char *s)
{
        size_t n = strlen(s);
        if (n > BUILD_OUTPUT / 2)
                s += n - BUILD_OUTPUT / 2, n = BUILD_OUTPUT / 2;
        if (p->n + n > BUILD_OUTPUT) {
                memmove(p->output, p->output + p->n - BUILD_OUTPUT / 2, BUILD_OUTPUT / 2);
                p->n = BUILD_OUTPUT / 2;
        }
        memcpy(p->output + p->n, s, n);
        p->n += n;
}

static void on_progress(void *state, json_t *j)
{
        struct progress *p = state;
        const char *status = rv_j_text(j, "status"), *stream = rv_j_text(j, "stream"),
                   *id = rv_j_text(j, "aux/ID");
        if (status || stream)
                snprintf(p->last, sizeof p->last, "%.*s", (int)strcspn(status ? status : stream, "\n"),
                         status ? status : stream);
        if (id || (status && strncmp(status, "sha256:", 7) == 0))
                snprintf(p->id, sizeof p->id, "%.99s", id ? id : status);
        if (p->output && stream)
                keep(p, stream);
        if (rv_j_text(j, "aux/Digest"))
                snprintf(p->digest, sizeof p->digest, "%s", rv_j_text(j, "aux/Digest"));
        tell(p, j);
}

/* A file of this host to read an archive from. */
static int archive(const char *path, const char *what, int *ret, struct rv_error *err)
{
        struct stat st;
        *ret = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (*ret < 0) {
                rv_about(err, NULL, NULL, "Path");
                return rv_fail_errno(err, errno, "%s", what);
        }
        if (fstat(*ret, &st) == 0 && S_ISREG(st.st_mode))
                return RV_OK;
        close(*ret);
        rv_about(err, NULL, NULL, "Path");
        return rv_fail(err, RV_INVALID_PARAMETER, "%s: it is no plain file", what);
}

static int pull(struct rv_call *c, const char *repository, const char *tag, const char *auth,
                struct progress *p, struct rv_error *err)
{
        char what[200], repo[600], escaped[300];
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = what, .auth = auth };
        p->call = c;
        p->activity = repository;
        snprintf(what, sizeof what, "cannot pull %.150s", repository);
        return rv_talk_stream(&e, -1, on_progress, p, err, "/images/create?fromImage=%s&tag=%s",
                              rv_http_escaped(repo, sizeof repo, repository),
                              rv_http_escaped(escaped, sizeof escaped, tag));
}

static int image_pull(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Pull_in *in = args;
        struct progress p = { .last = "" };
        rv_change(c, "RepoTags", NULL, in->Repository);
        int r = c->what_if ? RV_OK
                           : pull(c, in->Repository, in->has_Tag ? in->Tag : "latest",
                                  in->has_RegistryAuth ? in->RegistryAuth : NULL, &p, err);
        if (r == RV_OK)
                ContainerImage_Pull_out_set_Status(c->out, p.last, strlen(p.last));
        return success(c, r);
}

/* "host:5000/name:tag" into both; the tag "" where it has none. */
static void split_name(const char *name, char *repo, size_t size, char *tag, size_t tag_size)
{
        const char *slash = strrchr(name, '/'), *colon = strrchr(slash ? slash : name, ':');
        size_t n = colon ? (size_t)(colon - name) : strlen(name);
        snprintf(repo, size, "%.*s", (int)n, name);
        snprintf(tag, tag_size, "%s", colon ? colon + 1 : "");
}

static int image_push(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Push_in *in = args;
        char what[200] = "cannot push the image", id[300], repo[400], tag[140], escaped[600], *at = escaped;
        struct progress p = { .call = c };
        struct rv_talk e = { .call = c,
                             .deadline = c->deadline,
                             .what = what,
                             .auth = in->has_RegistryAuth ? in->RegistryAuth : "e30" };
        json_t *j = NULL;
        int r = rv_talk_get(&e, &j, err, "/images/%s/json", key_of(c, id, sizeof id));
        const char *name = in->has_Repository ? in->Repository : r == RV_OK ? first_name(j) : NULL;
        if (r == RV_OK && (!name || strlen(name) > 300))
                r = rv_fail(err, RV_INVALID_PARAMETER, "%s: it has no name to push it by", what);
        if (r == RV_OK && !json_has_text(json_object_get(j, "RepoTags"), name)) {
                rv_hint(err, "Add-ContainerImageTag gives it that name.");
                r = rv_fail(err, RV_NOT_FOUND, "%s: %.100s is none of its names", what, name);
        }
        if (r == RV_OK) {
                split_name(name, repo, sizeof repo, tag, sizeof tag);
                snprintf(what, sizeof what, "cannot push %.150s", name);
                p.activity = name;
                /* Each part of the name by itself: the engine's path has its slashes. */
                *at = 0;
                for (char *part = repo, *next; part; part = next) {
                        next = strchr(part, '/');
                        if (next)
                                *next++ = 0;
                        rv_http_escape(escaped, sizeof escaped - 2, part);
                        if (next)
                                strcat(escaped, "/");
                }
                rv_change(c, "Registry", NULL, name);
        }
        if (r == RV_OK && !c->what_if)
                r = rv_talk_stream(&e, -1, on_progress, &p, err, "/images/%s/push?tag=%s", escaped, tag);
        json_decref(j);
        if (r == RV_OK && p.last[0])
                ContainerImage_Push_out_set_Status(c->out, p.last, strlen(p.last));
        if (r == RV_OK && p.digest[0])
                ContainerImage_Push_out_set_Digest(c->out, p.digest, strlen(p.digest));
        return success(c, r);
}

static int image_import(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Import_in *in = args;
        char what[200], repo[600], tag[300];
        struct progress p = { .last = "" };
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = what };
        int fd, r;
        snprintf(what, sizeof what, "cannot make an image of %.150s", in->Path);
        if ((r = archive(in->Path, what, &fd, err)))
                return r;
        rv_change(c, "RepoTags", NULL, in->Repository);
        if (!c->what_if)
                r = rv_talk_stream(&e, fd, on_progress, &p, err, "/images/create?fromSrc=-&repo=%s&tag=%s",
                                   rv_http_escaped(repo, sizeof repo, in->Repository),
                                   rv_http_escaped(tag, sizeof tag, in->has_Tag ? in->Tag : "latest"));
        close(fd);
        if (r == RV_OK && p.id[0])
                ContainerImage_Import_out_set_ImageId(c->out, p.id, strlen(p.id));
        return success(c, r);
}

static int image_load(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Load_in *in = args;
        char what[200];
        struct progress p = { .last = "" };
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = what };
        int fd, r;
        snprintf(what, sizeof what, "cannot load images of %.150s", in->Path);
        if ((r = archive(in->Path, what, &fd, err)))
                return r;
        rv_change(c, "RepoTags", NULL, in->Path);
        if (!c->what_if)
                r = rv_talk_stream(&e, fd, on_progress, &p, err, "/images/load?quiet=1");
        close(fd);
        if (r == RV_OK)
                ContainerImage_Load_out_set_Status(c->out, p.last, strlen(p.last));
        return success(c, r);
}

static int image_build(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Build_in *in = args;
        char what[200], name[600], file[600];
        char *kept = malloc(BUILD_OUTPUT);
        struct progress p = { .output = kept, .call = c, .activity = in->Name };
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = what };
        int fd, r;
        if (!kept)
                return -ENOMEM;
        snprintf(what, sizeof what, "cannot build an image of %.150s", in->Path);
        if ((r = archive(in->Path, what, &fd, err))) {
                free(kept);
                return r;
        }
        rv_change(c, "RepoTags", NULL, in->Name);
        if (!c->what_if)
                r = rv_talk_stream(&e, fd, on_progress, &p, err,
                                   "/build?t=%s&dockerfile=%s&nocache=%d&rm=1&forcerm=1",
                                   rv_http_escaped(name, sizeof name, in->Name),
                                   rv_http_escaped(file, sizeof file,
                                                   in->has_Dockerfile ? in->Dockerfile : "Dockerfile"),
                                   in->has_NoCache && in->NoCache);
        close(fd);
        if (r == RV_OK && p.id[0])
                ContainerImage_Build_out_set_ImageId(c->out, p.id, strlen(p.id));
        if (r == RV_OK)
                ContainerImage_Build_out_set_Output(c->out, kept, p.n);
        else if (p.last[0] && r > 0 && err && !err->hint[0])
                rv_hint(err, "It said last: %.180s", p.last);
        free(kept);
        return success(c, r);
}

static int image_save(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Save_in *in = args;
        char id[300], what[200];
        json_t *j = NULL;
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = what };
        snprintf(what, sizeof what, "cannot save the image to %.150s", in->Path);
        int r = rv_talk_get(&e, &j, err, "/images/%s/json", key_of(c, id, sizeof id));
        /* By its name where it has one, so that the archive has it too. */
        if (r == RV_OK && first_name(j))
                rv_http_escaped(id, sizeof id, first_name(j));
        json_decref(j);
        if (r)
                return r;
        rv_change(c, "Path", NULL, in->Path);
        if (c->what_if)
                return access(in->Path, F_OK) < 0
                               ? success(c, RV_OK)
                               : rv_fail(err, RV_ALREADY_EXISTS, "%s: it is there already", what);
        int fd = open(in->Path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
                rv_about(err, NULL, NULL, "Path");
                return rv_fail_errno(err, errno, "%s", what);
        }
        r = rv_talk_save(&e, fd, err, "/images/%s/get", id);
        if (close(fd) < 0 && r == RV_OK)
                r = rv_fail_errno(err, errno, "%s", what);
        if (r)
                unlink(in->Path); /* half an archive is none */
        return success(c, r);
}

static int image_prune(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct ContainerImage_Prune_in *in = args;
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = "cannot remove unused images" };
        json_t *j = NULL;
        char filters[100];
        rv_http_escaped(filters, sizeof filters,
                        in->All ? "{\"dangling\":[\"false\"]}" : "{\"dangling\":[\"true\"]}");
        int r = c->what_if ? RV_OK : rv_talk_post(&e, NULL, &j, err, "/images/prune?filters=%s", filters);
        if (r == RV_OK)
                ContainerImage_Prune_out_set_SpaceReclaimed(c->out,
                                                            (uint64_t)rv_j_number(j, "SpaceReclaimed"));
        json_decref(j);
        return success(c, r);
}

/* ---- as an instance: there by its name, or not ---- */

static int image_made(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        const struct rv_arg *name = &v->v[ContainerImage_Name];
        char repo[400], tag[140];
        struct progress p = { .last = "" };
        if (rv_bit(v->set, ContainerImage_Id) && v->v[ContainerImage_Id].type != RV_NULL) {
                rv_fail(err, RV_NOT_FOUND, "there is no image with this Id, and none can be had by one");
                return rv_hint(err, "An image that is to be pulled is named by its Name.");
        }
        rv_about(err, NULL, NULL, "Name");
        if (!rv_bit(v->set, ContainerImage_Name) || name->type != RV_STRING || !name->len || name->len > 380)
                return rv_fail(err, RV_INVALID_PARAMETER, "an image that is to be pulled needs a Name");
        bool digest = strchr(name->s, '@');
        split_name(name->s, repo, sizeof repo, tag, sizeof tag);
        rv_change(c, "Name", NULL, name->s);
        return c->what_if ? RV_OK
                          : pull(c, digest ? name->s : repo,
                                 digest ? ""
                                 : *tag ? tag
                                        : "latest",
                                 NULL, &p, err);
}

/* By its name it loses that name; by its id, or with its last name, it goes. */
static int image_gone(struct rv_call *c, struct rv_error *err)
{
        struct rv_talk e = { .call = c, .deadline = c->deadline, .what = "cannot remove the image" };
        const struct rv_arg *named = &c->key[ContainerImage_Name];
        char id[600], name[600];
        json_t *j = NULL;
        int r = rv_talk_get(&e, &j, err, "/images/%s/json", key_of(c, id, sizeof id));
        if (r == RV_OK)
                rv_change(c, "Name", named->type == RV_STRING ? named->s : first_name(j), NULL);
        json_decref(j);
        if (r == RV_OK && !c->what_if)
                r = rv_talk_delete(&e, err, "/images/%s",
                                   named->type == RV_STRING ? rv_http_escaped(name, sizeof name, named->s)
                                                            : id);
        return r;
}

static int (*const methods[])(struct rv_call *, const void *, struct rv_error *) = {
        [ContainerImage_method_Tag] = image_tag,     [ContainerImage_method_Remove] = image_remove,
        [ContainerImage_method_Pull] = image_pull,   [ContainerImage_method_Import] = image_import,
        [ContainerImage_method_Prune] = image_prune, [ContainerImage_method_Load] = image_load,
        [ContainerImage_method_Build] = image_build, [ContainerImage_method_Save] = image_save,
        [ContainerImage_method_Push] = image_push,
};

static const struct rv_provider image = { .class = &ContainerImage_class,
                                          .query = image_query,
                                          .methods = methods,
                                          .create = image_made,
                                          .remove = image_gone };

RV_PROVIDERS(containerimage, &image);
