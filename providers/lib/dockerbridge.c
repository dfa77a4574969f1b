/* SPDX-License-Identifier: MIT
 *
 * The Docker client through the roles: see dockerbridge.h.
 */
#include "providers/lib/dockerbridge.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "providers/lib/bridgerules.h"
#include "providers/lib/bridgewire.h"
#include "schema/json.h"

enum { BODY = 1 << 20, LISTED = 64 << 20, MADE = 4096 };
#define PATIENCE UINT64_C(30000000000)  /* ns for the engine's own looking things up */
#define SENDING UINT64_C(3600000000000) /* ns for a body on its way to the engine */

struct bridge {
        struct rv_stream stream;
        struct rv_engine *engine;
        bool all; /* he has everything */
        struct rv_bridge_wire w;
        struct rv_http h;
        char head[8192]; /* of the engine's answer, as it goes on */
        char target[RV_BRIDGE_HEAD];
};

/* ---- commands that were made through the bridge ---- */

/* Who made which command: its id is all that its start has. The oldest makes way. */
static struct {
        pthread_mutex_t lock;
        struct {
                char id[72], key[96], role[64];
                uid_t uid;
        } made[MADE];
        unsigned next;
} execs = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void remember(const struct bridge *b, const char *id)
{
        pthread_mutex_lock(&execs.lock);
        unsigned i = execs.next++ % MADE;
        snprintf(execs.made[i].id, sizeof execs.made[i].id, "%s", id);
        memcpy(execs.made[i].key, b->stream.who.key, sizeof execs.made[i].key);
        memcpy(execs.made[i].role, b->stream.who.role, sizeof execs.made[i].role);
        execs.made[i].uid = b->stream.who.uid;
        pthread_mutex_unlock(&execs.lock);
}

static bool made_it(const struct bridge *b, const char *id)
{
        bool found = false;
        pthread_mutex_lock(&execs.lock);
        for (unsigned i = 0; i < MADE && *id; i++)
                found |= strcmp(execs.made[i].id, id) == 0 && execs.made[i].uid == b->stream.who.uid &&
                         strcmp(execs.made[i].key, b->stream.who.key) == 0 &&
                         strcmp(execs.made[i].role, b->stream.who.role) == 0;
        pthread_mutex_unlock(&execs.lock);
        return found;
}

/* ---- looking things up ---- */

static int look_up(struct bridge *b, const char *kind, const char *ref, const char *rest, json_t **ret,
                   struct rv_error *err)
{
        char path[3000];
        snprintf(path, sizeof path, "/%s/", kind);
        rv_http_escape(path, sizeof path, ref);
        strncat(path, rest, sizeof path - strlen(path) - 1);
        const struct rv_engine_ask a = { .engine = b->engine,
                                         .deadline = rv_now() + PATIENCE,
                                         .method = "GET",
                                         .path = path,
                                         .what = "cannot look it up",
                                         .file = -1 };
        return rv_engine_ask(&a, ret, err);
}

static const char *kind_of(const char *class_name)
{
        return strcmp(class_name, "Container") == 0         ? "containers"
               : strcmp(class_name, "ContainerImage") == 0  ? "images"
               : strcmp(class_name, "ContainerVolume") == 0 ? "volumes"
                                                            : "networks";
}

static const char *key_name(const char *class_name)
{
        return strcmp(class_name, "ContainerVolume") == 0 ? "Name" : "Id";
}

static int not_there(const char *class_name, const char *ref, struct rv_error *err)
{
        err->hint[0] = 0;
        return rv_fail(err, RV_NOT_FOUND, "No such %s: %.150s",
                       strcmp(class_name, "Container") == 0         ? "container"
                       : strcmp(class_name, "ContainerImage") == 0  ? "image"
                       : strcmp(class_name, "ContainerVolume") == 0 ? "volume"
                                                                    : "network",
                       ref);
}

/* The whole key of an object that is named somehow. */
static int resolve(struct bridge *b, const char *class_name, const char *ref, char *to, size_t size,
                   struct rv_error *err)
{
        json_t *j = NULL;
        bool nested = strcmp(class_name, "Container") == 0 || strcmp(class_name, "ContainerImage") == 0;
        int r = look_up(b, kind_of(class_name), ref, nested ? "/json" : "", &j, err);
        const char *id = rv_j_text(j, key_name(class_name));
        if (r == RV_OK && (!id || strlen(id) >= size))
                r = RV_NOT_FOUND;
        if (r == RV_OK)
                snprintf(to, size, "%s", id);
        json_decref(j);
        return r == RV_NOT_FOUND ? not_there(class_name, ref, err) : r;
}

static int must_see(struct bridge *b, const char *class_name, const char *id, const char *ref,
                    struct rv_error *err)
{
        json_t *seen = NULL;
        int r = rv_stream_sees(&b->stream, class_name, key_name(class_name), id, &seen, err);
        if (r == RV_OK && id && !json_object_get(seen, id))
                r = not_there(class_name, ref, err);
        json_decref(seen);
        return r;
}

/* Volumes and networks that a container would get at must be the user's to see; a volume may be a new one. */
static int must_see_all(struct bridge *b, const struct rv_bridge_wish *w, struct rv_error *err)
{
        json_t *v;
        size_t i;
        int r = RV_OK;
        json_array_foreach(w->volumes, i, v)
        {
                const char *name = json_string_value(v);
                json_t *j = NULL;
                struct rv_error none = { 0 };
                int there = r ? r : look_up(b, "volumes", name, "", &j, &none);
                json_decref(j);
                if (r == RV_OK && there != RV_NOT_FOUND)
                        r = must_see(b, "ContainerVolume", name, name, err);
        }
        json_array_foreach(w->networks, i, v)
        {
                char id[100];
                if (r == RV_OK)
                        r = resolve(b, "ContainerNetwork", json_string_value(v), id, sizeof id, err);
                if (r == RV_OK)
                        r = must_see(b, "ContainerNetwork", id, json_string_value(v), err);
        }
        return r;
}

/* ---- judging ---- */

struct judged {
        const struct rv_bridge_route *route;
        char *object; /* as it was named; or NULL */
        char id[300]; /* its key; "" */
        struct rv_deed *deed;
        bool many; /* a list, to be filtered */
};

static int judge_deed(struct bridge *b, struct judged *j, struct rv_bridge_wish *w, struct rv_error *err)
{
        char operation[100];
        const char *does = j->route->does, *follow = rv_bridge_query(&b->w.req, "follow");
        if (strcmp(does, "GetLogs") == 0 && follow && *follow && strcmp(follow, "0") != 0 &&
            strcmp(follow, "false") != 0)
                does = "FollowLogs";
        snprintf(operation, sizeof operation, "Docker %s /%s", j->route->method, j->route->path);
        const struct rv_deed_what what = { .class_name = j->route->class_name,
                                           .method = does,
                                           .operation = operation,
                                           .id = *j->id ? j->id : NULL,
                                           .id_name = key_name(j->route->class_name),
                                           .in = w->in,
                                           .risky = w->risky,
                                           .reads = j->route->flags & RV_BRIDGE_READS };
        int r = rv_deed_begin(&b->stream, &what, &j->deed, err);
        if (r == RV_NOT_FOUND && j->object)
                return not_there(j->route->class_name, j->object, err);
        return r;
}

static int deny(struct bridge *b, const char *why, struct rv_error *err)
{
        char operation[100];
        rv_fail(err, RV_ACCESS_DENIED, "denied: %.60s may not %s %.100s: %s", b->stream.who.user,
                b->w.req.method, b->target, why);
        snprintf(operation, sizeof operation, "Docker %.80s", b->w.req.method);
        const struct rv_deed_what what = { .class_name = "ContainerEngine",
                                           .method = "Dial",
                                           .operation = operation };
        rv_deed_denied(&b->stream, &what, err->message);
        return RV_ACCESS_DENIED;
}

/* A path of the host is what it says: a rule about /srv/dev/ is not met by /srv/dev/../../etc, nor by a link that
 * somebody has made in a folder that is his. */
static int real_paths(struct bridge *b, json_t *mounts, struct rv_error *err)
{
        char source[PATH_MAX], real[PATH_MAX];
        json_t *v;
        size_t i;
        json_array_foreach(mounts, i, v)
        {
                const char *s = json_string_value(v);
                size_t n = s ? strcspn(s, ":") : 0;
                if (!s || *s != '/')
                        continue;
                while (n > 1 && s[n - 1] == '/')
                        n--;
                snprintf(source, sizeof source, "%.*s", (int)n, s);
                if (n >= sizeof source || !realpath(source, real) || strcmp(source, real) != 0)
                        return deny(b, "a path of the host must be there, without dots and links", err);
        }
        return RV_OK;
}

static int judge_do(struct bridge *b, struct judged *j, json_t *body, struct rv_error *err)
{
        struct rv_bridge_wish w;
        const char *does = j->route->does, *ref = j->object;
        if (!ref && strcmp(does, "Commit") == 0)
                ref = rv_bridge_query(&b->w.req, "container");
        if (!ref && strcmp(does, "Save") == 0)
                ref = rv_bridge_query(&b->w.req, "names");
        int r = rv_bridge_wish(j->route, &b->w.req, body, &w, err);
        if (r == RV_ACCESS_DENIED) {
                char why[200];
                snprintf(why, sizeof why, "%.180s",
                         strncmp(err->message, "denied: ", 8) == 0 ? err->message + 8 : err->message);
                deny(b, why, err);
        }
        if (r == RV_OK && ref)
                r = resolve(b, j->route->class_name, ref, j->id, sizeof j->id, err);
        if (r == RV_OK && !ref && (strcmp(does, "Commit") == 0 || strcmp(does, "Save") == 0))
                r = rv_fail(err, RV_INVALID_PARAMETER, "it is not told of what");
        if (r == RV_OK)
                r = judge_deed(b, j, &w, err);
        if (r == RV_OK)
                r = real_paths(b, json_object_get(w.in, "Mount"), err);
        if (r == RV_OK)
                r = must_see_all(b, &w, err);
        if (r == RV_OK && strcmp(j->route->class_name, "ContainerNetwork") == 0 &&
            json_object_get(w.in, "Container")) {
                char id[100];
                const char *name = json_string_value(json_object_get(w.in, "Container"));
                r = name ? resolve(b, "Container", name, id, sizeof id, err)
                         : rv_fail(err, RV_INVALID_PARAMETER, "no container");
                r = r ? r : must_see(b, "Container", id, name, err);
        }
        if (r && j->deed) {
                rv_deed_end(j->deed, r > 0 ? r : RV_FAILED, err->message);
                j->deed = NULL;
        }
        rv_bridge_wish_free(&w);
        return r;
}

static int judge(struct bridge *b, struct judged *j, json_t *body, struct rv_error *err)
{
        const struct rv_bridge_route *o = j->route;
        const char *odd = o ? rv_bridge_odd_query(o, &b->w.req) : NULL;
        char why[160];
        if (!o)
                return deny(b, "the roles have no word for this request", err);
        if (odd) {
                snprintf(why, sizeof why,
                         "the roles have no word for its parameter %.60s, or it is there twice", odd);
                return deny(b, why, err);
        }
        switch (o->kind) {
        case RV_BRIDGE_HELLO: return RV_OK;
        case RV_BRIDGE_READ:
        case RV_BRIDGE_EVENTS: return must_see(b, o->class_name, NULL, NULL, err);
        case RV_BRIDGE_LIST: j->many = true; return must_see(b, o->class_name, NULL, NULL, err);
        case RV_BRIDGE_EXEC:
                return j->object && made_it(b, j->object)
                               ? RV_OK
                               : rv_fail(err, RV_NOT_FOUND, "No such exec instance: %.80s", j->object);
        case RV_BRIDGE_LOOK: {
                int r = resolve(b, o->class_name, j->object, j->id, sizeof j->id, err);
                if (r == RV_OK)
                        r = must_see(b, o->class_name, j->id, j->object, err);
                if (r == RV_OK && !rv_stream_sees_property(&b->stream, o->class_name, NULL))
                        return deny(b, "the role shows some of its properties only", err);
                return r;
        }
        default: return judge_do(b, j, body, err);
        }
}

/* Who has everything is not judged, but what he changes is on record. */
static int record(struct bridge *b, struct judged *j, json_t *body, struct rv_error *err)
{
        const char *m = b->w.req.method;
        const struct rv_bridge_route *o = j->route;
        struct rv_bridge_wish w = { 0 };
        char operation[200];
        if (strcmp(m, "GET") == 0 || strcmp(m, "HEAD") == 0 || (o && o->flags & RV_BRIDGE_READS))
                return RV_OK;
        bool known = o && o->does && o->kind == RV_BRIDGE_DO;
        if (known) {
                struct rv_error none = { 0 };
                rv_bridge_wish(o, &b->w.req, body, &w, &none);
        }
        snprintf(operation, sizeof operation, "Docker %s %.150s", m, b->target);
        const struct rv_deed_what what = { .class_name = known ? o->class_name : "ContainerEngine",
                                           .method = known ? o->does : "Dial",
                                           .operation = operation,
                                           .id = j->object,
                                           .in = w.in };
        int r = rv_deed_begin(&b->stream, &what, &j->deed, err);
        rv_bridge_wish_free(&w);
        return r;
}

/* ---- to the engine ---- */

/* The path with the object's key in the place of the name that it was called by: what was judged is what is done. */
static bool write_target(struct bridge *b, const struct judged *j)
{
        struct rv_bridge_request *r = &b->w.req;
        char id[300];
        if (j->route && *j->id && j->object &&
            (strcmp(j->route->class_name, "Container") == 0 ||
             strcmp(j->route->class_name, "ContainerNetwork") == 0)) {
                snprintf(id, sizeof id, "%s", j->id);
                char *was = r->part[1];
                r->part[1] = id;
                bool good = rv_bridge_target(r, b->target, sizeof b->target);
                r->part[1] = was;
                return good;
        }
        return rv_bridge_target(r, b->target, sizeof b->target);
}

static int send_bytes(struct bridge *b, const char *type)
{
        char data[16384];
        int e = rv_http_send_head(&b->h, b->w.req.method, b->target, type, "Transfer-Encoding: chunked\r\n");
        ssize_t n = 1;
        while (e == 0 && n > 0) {
                n = rv_bridge_body(&b->w, data, sizeof data);
                if (n < 0)
                        return -EPIPE; /* the client's: the engine sees a body that does not end, and drops it */
                e = rv_http_send_chunk(&b->h, data, (size_t)n);
        }
        return e == -EALREADY ? 0 : e;
}

static int ask(struct bridge *b, const struct judged *j, const char *body, size_t n)
{
        struct rv_bridge_request *r = &b->w.req;
        char *more = NULL;
        bool upgrade = r->upgrade && (b->all || (j->route && j->route->flags & RV_BRIDGE_HIJACK));
        bool bytes = (j->route && j->route->flags & RV_BRIDGE_BYTES) || (!j->route && !b->w.ended && !body);
        if (asprintf(&more, "%s%s%s%s%s%s%s", upgrade ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "",
                     r->registry_auth ? "X-Registry-Auth: " : "", r->registry_auth ? r->registry_auth : "",
                     r->registry_auth ? "\r\n" : "", r->registry_config ? "X-Registry-Config: " : "",
                     r->registry_config ? r->registry_config : "", r->registry_config ? "\r\n" : "") < 0)
                return -ENOMEM;
        b->h.more = more;
        int e = bytes ? send_bytes(b, *r->type ? r->type : "application/x-tar")
                      : rv_http_send(&b->h, r->method, b->target, body ? "application/json" : NULL, body, n);
        b->h.more = NULL;
        free(more);
        return e;
}

/* ---- the answer ---- */

/* What is listed of a container, and the property that shows it. */
static const struct {
        const char *member, *property;
} shown[] = { { "Names", "Name" },
              { "Image", "Image" },
              { "ImageID", "ImageId" },
              { "Command", "Command" },
              { "Created", "Created" },
              { "Ports", "Ports" },
              { "Labels", "Labels" },
              { "State", "State" },
              { "Status", "Status" },
              { "Mounts", "Mounts" },
              { "NetworkSettings", "Networks" },
              { "HostConfig", "NetworkMode" },
              { "SizeRw", "SizeRw" },
              { "SizeRootFs", "SizeRootFs" } };

static void hide(struct bridge *b, json_t *item)
{
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
                if (!rv_stream_sees_property(&b->stream, "Container", shown[i].property))
                        json_object_del(item, shown[i].member);
}

static int filter(struct bridge *b, const struct judged *j, json_t *list, struct rv_error *err)
{
        const char *class_name = j->route->class_name, *key = key_name(class_name);
        json_t *seen = NULL;
        int r = rv_stream_sees(&b->stream, class_name, key, NULL, &seen, err);
        bool whole = rv_stream_sees_property(&b->stream, class_name, NULL),
             container = strcmp(class_name, "Container") == 0;
        if (r == RV_OK && !whole && !container)
                r = deny(b, "the role shows some of their properties only", err);
        for (size_t i = json_array_size(list); r == RV_OK && i-- > 0;) {
                json_t *item = json_array_get(list, i);
                const char *id = rv_j_text(item, key);
                if (!id || !json_object_get(seen, id))
                        json_array_remove(list, i);
                else if (container && !whole)
                        hide(b, item);
                else if (strcmp(class_name, "ContainerNetwork") == 0)
                        json_object_del(item, "Containers");
        }
        json_decref(seen);
        return r;
}

static int answer_list(struct bridge *b, const struct judged *j, struct rv_error *err)
{
        char *all;
        size_t n;
        b->h.deadline = rv_now() + PATIENCE;
        int e = rv_http_body(&b->h, LISTED, &all, &n);
        if (e)
                return rv_engine_fail(err, b->engine, e, "cannot list");
        json_t *doc = json_loadb(all, n, 0, NULL),
               *list = json_is_object(doc) ? json_object_get(doc, "Volumes") : doc;
        free(all);
        bool look = j->route->kind == RV_BRIDGE_LOOK; /* a network: without the containers in it */
        int r = !doc   ? rv_fail(err, RV_FAILED, "the engine's answer is not understood")
                : look ? RV_OK
                       : filter(b, j, list, err);
        if (look)
                json_object_del(doc, "Containers");
        char *text = r == RV_OK ? json_dumps(doc, JSON_COMPACT) : NULL;
        json_decref(doc);
        if (text)
                e = rv_bridge_answer(&b->w, b->h.status, b->head, text, strlen(text));
        free(text);
        return r ? r : e;
}

/* known: what he could see once; also when it has gone by the time of its last event. */
static bool sees_key(struct bridge *b, const char *class_name, const char *id, json_t *known)
{
        json_t *seen = NULL;
        struct rv_error none = { 0 };
        if (json_object_get(known, id))
                return true;
        bool sees = rv_stream_sees(&b->stream, class_name, key_name(class_name), id, &seen, &none) == RV_OK &&
                    json_object_get(seen, id);
        json_decref(seen);
        if (sees && json_object_size(known) < 10000)
                json_object_set_new(known, id, json_true());
        return sees;
}

static bool sees_event(struct bridge *b, json_t *event, json_t *known)
{
        const char *type = rv_j_text(event, "Type"), *id = rv_j_text(event, "Actor/ID");
        static const char *const classes[][2] = { { "container", "Container" },
                                                  { "network", "ContainerNetwork" },
                                                  { "volume", "ContainerVolume" },
                                                  { "image", "ContainerImage" } };
        const char *class_name = NULL;
        for (size_t i = 0; type && i < sizeof classes / sizeof *classes; i++)
                if (strcmp(type, classes[i][0]) == 0)
                        class_name = classes[i][1];
        const char *of = rv_j_text(event, "Actor/Attributes/container");
        if (!class_name || !id || (of && !sees_key(b, "Container", of, known)))
                return false;
        return sees_key(b, class_name, id, known) && rv_stream_sees_property(&b->stream, class_name, NULL);
}

static int answer_events(struct bridge *b)
{
        char text[65536];
        size_t n = 0;
        json_t *known = json_object();
        int e = rv_bridge_answer_chunked(&b->w, b->h.status, b->head);
        while (e == 0 && (e = rv_bridge_wait(&b->w, &b->h)) == 0) {
                b->h.deadline = rv_now() + PATIENCE;
                ssize_t got = rv_http_read(&b->h, text + n, sizeof text - n);
                if (got <= 0) {
                        e = got < 0 ? (int)got : rv_bridge_chunk(&b->w, NULL, 0);
                        break;
                }
                n += (size_t)got;
                char *from = text, *end;
                while (e == 0 && (end = memchr(from, '\n', n - (size_t)(from - text)))) {
                        json_t *event = json_loadb(from, (size_t)(end - from), 0, NULL);
                        if (event && sees_event(b, event, known))
                                e = rv_bridge_chunk(&b->w, from, (size_t)(end + 1 - from));
                        json_decref(event);
                        from = end + 1;
                }
                n -= (size_t)(from - text);
                memmove(text, from, n);
                if (n == sizeof text)
                        n = 0; /* no event is that long */
        }
        json_decref(known);
        return e;
}

/* {"Id": ...} of a command that was made, told on. */
static int answer_made(struct bridge *b)
{
        char *all;
        size_t n;
        b->h.deadline = rv_now() + PATIENCE;
        int e = rv_http_body(&b->h, BODY, &all, &n);
        if (e)
                return e;
        json_t *j = json_loadb(all, n, 0, NULL);
        if (rv_j_text(j, "Id"))
                remember(b, rv_j_text(j, "Id"));
        json_decref(j);
        e = rv_bridge_answer(&b->w, b->h.status, b->head, all, n);
        free(all);
        return e;
}

/* 0: the connection goes on; 1: it has become the command's, and is over; -errno. */
static int answer(struct bridge *b, const struct judged *j, struct rv_error *err)
{
        const struct rv_bridge_route *o = j->route;
        bool well = b->h.status >= 200 && b->h.status < 300;
        if (b->h.status == 101 || (well && b->h.raw && (!o || o->flags & RV_BRIDGE_HIJACK))) {
                rv_bridge_pass(&b->w, &b->h, b->head);
                return 1;
        }
        int r = 0;
        if (well && !b->all &&
            (j->many || (o->kind == RV_BRIDGE_LOOK && strcmp(o->class_name, "ContainerNetwork") == 0)))
                r = answer_list(b, j, err);
        else if (well && !b->all && o->kind == RV_BRIDGE_EVENTS)
                r = answer_events(b);
        else if (well && o && o->kind == RV_BRIDGE_DO && strcmp(o->does, "Exec") == 0)
                r = answer_made(b);
        else
                r = rv_bridge_relay(&b->w, &b->h, b->head);
        return r;
}

/* ---- one request ---- */

static int say_error(struct bridge *b, const struct rv_error *err, bool close)
{
        int status = err->code == RV_ACCESS_DENIED       ? 403
                     : err->code == RV_NOT_FOUND         ? 404
                     : err->code == RV_INVALID_PARAMETER ? 400
                     : err->code == RV_UNAVAILABLE       ? 503
                                                         : 500;
        if (close)
                rv_bridge_drain(&b->w);
        return rv_bridge_say(&b->w, status, err->message, close);
}

static int exchange(struct bridge *b, struct judged *j, const char *body, size_t n, struct rv_error *err)
{
        int e = rv_http_open(&b->h, rv_engine_socket(b->engine), rv_now() + SENDING, NULL);
        if (e == 0)
                e = ask(b, j, body, n);
        if (e == 0)
                e = rv_bridge_wait(&b->w, &b->h);
        b->h.deadline = rv_now() + PATIENCE;
        b->h.keep = b->head;
        b->h.keep_size = sizeof b->head;
        b->head[0] = 0;
        if (e == 0)
                e = rv_http_head(&b->h);
        b->h.keep = NULL;
        if (e) {
                rv_engine_fail(err, b->engine, e, "the engine cannot be asked");
                if (j->deed)
                        rv_deed_end(j->deed, err->code ? err->code : RV_FAILED, err->message);
                return e == -EPIPE ? -EPIPE : say_error(b, err, !b->w.ended) ? -EPIPE : 0;
        }
        bool bad = b->h.status >= 400;
        char told[60];
        snprintf(told, sizeof told, "the engine answered with status %d", b->h.status);
        rv_deed_end(j->deed, bad ? RV_FAILED : 0, bad ? told : NULL);
        j->deed = NULL;
        e = answer(b, j, err);
        if (e > 1) /* an outcome: nothing has been answered yet */
                e = say_error(b, err, false);
        if (e == 0 && !b->w.ended)
                rv_bridge_drain(&b->w);
        return e;
}

static int with_body(struct bridge *b, struct judged *j, struct rv_error *err)
{
        char *text = NULL;
        size_t n = 0;
        json_t *doc = NULL;
        int e = 0, r = RV_OK;
        bool bytes = j->route ? j->route->flags & RV_BRIDGE_BYTES : b->all;
        if (!bytes)
                e = rv_bridge_body_all(&b->w, BODY, &text, &n);
        if (e) {
                rv_fail(err, RV_INVALID_PARAMETER,
                        "the body of the request is not understood, or larger than 1 MiB");
                say_error(b, err, true);
                return -EPIPE;
        }
        if (n && strspn(text, " \t\r\n") < n && strcmp(text, "null\n") != 0 && strcmp(text, "null") != 0) {
                doc = rv_json_parse(text, n, err);
                char why[120];
                snprintf(why, sizeof why, "%.110s", err->message);
                if (!json_is_object(doc) && !b->all)
                        r = rv_fail(err, RV_INVALID_PARAMETER,
                                    "the body is no JSON object that is understood: %s", why);
        }
        if (r == RV_OK && !b->all && doc && j->route && !(j->route->flags & RV_BRIDGE_JSON) &&
            json_object_size(doc))
                r = deny(b, "a body means nothing here", err);
        if (r == RV_OK)
                r = b->all ? record(b, j, doc, err) : judge(b, j, doc, err);
        if (r == RV_OK && !write_target(b, j))
                r = rv_fail(err, RV_INVALID_PARAMETER, "the target is too long");
        /* Written anew, so that the engine reads what was judged. */
        char *again = r == RV_OK && doc && !b->all ? json_dumps(doc, JSON_COMPACT) : NULL;
        if (r == RV_OK)
                e = exchange(b, j, again ? again : b->all && n ? text : NULL, again ? strlen(again) : n, err);
        else
                e = say_error(b, err, bytes && !b->w.ended) || (bytes && !b->w.ended) ? -EPIPE : 0;
        free(again);
        free(text);
        json_decref(doc);
        return e;
}

static int one_request(struct bridge *b)
{
        struct rv_error err = { 0 };
        struct judged j = { 0 };
        ssize_t n = rv_bridge_head(&b->w);
        if (n <= 0)
                return n == 0 ? 1 : (int)n;
        const char *why = rv_bridge_parse(&b->w.req, b->w.in + b->w.at, (size_t)n);
        b->w.at += (size_t)n;
        if (!why && !rv_bridge_target(&b->w.req, b->target, sizeof b->target))
                why = "the target is too long";
        if (why) {
                rv_bridge_say(&b->w, 400, why, true);
                return 1;
        }
        b->all = rv_stream_has_all(&b->stream);
        rv_bridge_body_begin(&b->w);
        if (b->w.req.expects && !b->w.ended && rv_bridge_put(&b->w, "HTTP/1.1 100 Continue\r\n\r\n", 25))
                return -EPIPE;
        j.route = rv_bridge_route(&b->w.req, &j.object);
        int e = with_body(b, &j, &err);
        rv_http_close(&b->h);
        free(j.object);
        return e ? e : b->w.req.close;
}

static void serve(struct rv_stream *s, int client)
{
        struct bridge *b = (struct bridge *)s;
        b->w.client = client;
        while (one_request(b) == 0)
                ;
}

static void drop(struct rv_stream *s)
{
        struct bridge *b = (struct bridge *)s;
        rv_http_close(&b->h);
        free(b);
}

struct rv_stream *rv_docker_bridge(struct rv_engine *e)
{
        struct bridge *b = calloc(1, sizeof *b);
        if (!b)
                return NULL;
        b->stream = (struct rv_stream) { .serve = serve, .drop = drop };
        b->engine = e;
        b->h.fd = -1;
        return &b->stream;
}
