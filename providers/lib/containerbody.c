/* SPDX-License-Identifier: MIT
 *
 * What the engine is asked for to make a container, from one that is there and from wishes: see containerwish.h.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "gen/Container.h"
#include "providers/lib/containerspec.h"
#include "providers/lib/containertext.h"
#include "providers/lib/containerwish.h"

static const char *text_of(const struct rv_arg *a)
{
        return a->type == RV_STRING ? a->s : "";
}

static struct rv_texts texts_of(const struct rv_arg *a, const char *parameter)
{
        bool list = a->type == RV_LIST;
        return (struct rv_texts) { list ? a->items : NULL, list ? a->len : 0, parameter };
}

/* ---- one like another ---- */

/* Without those members, or texts, that the image has as well. */
static void subtract(json_t *from, const char *member, json_t *image)
{
        json_t *own = json_object_get(from, member), *theirs = json_object_get(image, member), *one;
        const char *name;
        void *next;
        size_t i, k;
        json_object_foreach_safe(own, next, name, one)
        {
                if (json_equal(one, json_object_get(theirs, name)))
                        json_object_del(own, name);
        }
        for (i = json_array_size(own); i-- > 0;)
                json_array_foreach(theirs, k, one)
                {
                        if (json_equal(one, json_array_get(own, i))) {
                                json_array_remove(own, i);
                                break;
                        }
                }
}

static bool as_image(json_t *body, json_t *image, const char *member)
{
        json_t *own = json_object_get(body, member), *theirs = json_object_get(image, member);
        bool none = !own || json_is_null(own), none2 = !theirs || json_is_null(theirs);
        return none || none2 ? none && none2 : json_equal(own, theirs);
}

/* What came from its image is left to the image that it will have. */
static void inherit(json_t *body, json_t *image)
{
        static const char *const lists[] = { "Env", "Labels", "ExposedPorts", "Volumes" }, *const whole[] = {
                "WorkingDir", "User", "StopSignal", "Healthcheck", "Shell"
        };
        for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++)
                subtract(body, lists[i], image);
        for (unsigned i = 0; i < sizeof whole / sizeof *whole; i++)
                if (as_image(body, image, whole[i]))
                        json_object_del(body, whole[i]);
        /* A command is the image's only together with its entry point: naming that alone drops the command. */
        bool entry = as_image(body, image, "Entrypoint");
        if (entry && as_image(body, image, "Cmd"))
                json_object_del(body, "Cmd");
        if (entry)
                json_object_del(body, "Entrypoint");
        json_object_del(body, "OnBuild");
}

static bool is_mounted(json_t *host, const char *at)
{
        json_t *one;
        size_t i, n = strlen(at);
        json_array_foreach(json_object_get(host, "Mounts"), i, one)
        {
                if (strcmp(rv_or_empty(rv_j_text(one, "Target")), at) == 0)
                        return true;
        }
        json_array_foreach(json_object_get(host, "Binds"), i, one)
        {
                const char *s = rv_or_empty(json_string_value(one)), *colon = strchr(s, ':');
                const char *to = colon ? colon + 1 : s;
                if (strncmp(to, at, n) == 0 && (!to[n] || to[n] == ':'))
                        return true;
        }
        return false;
}

/* Volumes that the engine named itself hold data all the same. */
static void keep_volumes(json_t *host, json_t *mounts)
{
        json_t *one;
        size_t i;
        json_array_foreach(mounts, i, one)
        {
                const char *at = rv_or_empty(rv_j_text(one, "Destination")), *name = rv_j_text(one, "Name");
                if (!name || strcmp(rv_or_empty(rv_j_text(one, "Type")), "volume") != 0 ||
                    is_mounted(host, at))
                        continue;
                if (!json_is_array(json_object_get(host, "Mounts")))
                        json_object_set_new(host, "Mounts", json_array());
                json_array_append_new(json_object_get(host, "Mounts"),
                                      json_pack("{ss ss ss sb}", "Type", "volume", "Source", name, "Target",
                                                at, "ReadOnly", !rv_j_true(one, "RW")));
        }
}

json_t *rv_body_like(json_t *doc, json_t *image)
{
        json_t *body = json_deep_copy(json_object_get(doc, "Config")),
               *host = json_deep_copy(json_object_get(doc, "HostConfig"));
        const char *id = rv_or_empty(rv_j_text(doc, "Id")), *name = rv_or_empty(rv_j_text(body, "Hostname"));
        if (!body || !host) {
                json_decref(body);
                json_decref(host);
                return NULL;
        }
        const char *mode = rv_or_empty(rv_j_text(host, "NetworkMode"));
        if (strncmp(name, id, 12) == 0 || strncmp(mode, "container:", 10) == 0 || strcmp(mode, "host") == 0)
                json_object_del(body, "Hostname");
        json_object_del(body, "MacAddress");
        json_object_del(host, "MaskedPaths");
        json_object_del(host, "ReadonlyPaths");
        inherit(body, json_object_get(image, "Config"));
        keep_volumes(host, json_object_get(doc, "Mounts"));
        json_object_set_new(body, "HostConfig", host);
        return body;
}

json_t *rv_body_endpoint(json_t *doc, const char *network)
{
        static const char *const plain[] = { "host", "none", "bridge", "default" };
        json_t *had = json_object_get(rv_j_at(doc, "NetworkSettings/Networks"), network), *one;
        const char *id = rv_or_empty(rv_j_text(doc, "Id")), *name = rv_or_empty(rv_j_text(doc, "Name"));
        size_t i;
        for (i = 0; i < sizeof plain / sizeof *plain; i++)
                if (strcmp(network, plain[i]) == 0)
                        return NULL;
        json_t *e = json_object(), *aliases = json_array();
        json_array_foreach(json_object_get(had, "Aliases"), i, one)
        {
                const char *s = rv_or_empty(json_string_value(one));
                if (strncmp(s, id, 12) != 0 && strcmp(s, name + (*name == '/')) != 0)
                        json_array_append(aliases, one);
        }
        json_object_set_new(e, "Aliases", aliases);
        static const char *const kept[] = { "IPAMConfig", "Links", "DriverOpts" };
        for (i = 0; i < sizeof kept / sizeof *kept; i++)
                if (json_object_get(had, kept[i]) && !json_is_null(json_object_get(had, kept[i])))
                        json_object_set(e, kept[i], json_object_get(had, kept[i]));
        return e;
}

/* ---- wishes ---- */

/* A value at a place of the inspect document, which is that of the request but for "Config/". Stolen; NULL: none. */
static void put(json_t *body, const char *path, json_t *value)
{
        char part[64];
        if (strncmp(path, "Config/", 7) == 0)
                path += 7;
        for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
                size_t n = (size_t)(slash - path) < sizeof part ? (size_t)(slash - path) : sizeof part - 1;
                memcpy(part, path, n);
                part[n] = 0;
                json_t *inner = json_object_get(body, part);
                if (!json_is_object(inner)) {
                        inner = json_object();
                        json_object_set_new(body, part, inner);
                }
                body = inner;
        }
        if (value)
                json_object_set_new(body, path, value);
        else
                json_object_del(body, path);
}

static json_t *texts(const struct rv_arg *a)
{
        json_t *list = json_array();
        for (uint32_t i = 0; a->type == RV_LIST && i < a->len; i++)
                json_array_append_new(list, json_string(text_of(&a->items[i])));
        return list;
}

static void environment(json_t *body, const struct rv_arg *wish)
{
        json_t *env = json_object_get(body, "Env");
        if (!json_is_array(env)) {
                json_object_set_new(body, "Env", json_array());
                env = json_object_get(body, "Env");
        }
        for (uint32_t i = 0; wish->type == RV_LIST && i < wish->len; i++) {
                const char *s = text_of(&wish->items[i]);
                size_t n = strcspn(s, "=");
                for (size_t k = json_array_size(env); k-- > 0;) {
                        const char *had = rv_or_empty(json_string_value(json_array_get(env, k)));
                        if (strncmp(had, s, n) == 0 && (had[n] == '=' || !had[n]))
                                json_array_remove(env, k);
                }
                json_array_append_new(env, json_string(s)); /* without a value: the image's goes, too */
        }
}

static void pairs(json_t *body, const char *path, const struct rv_arg *wish)
{
        json_t *map = json_is_object(rv_j_at(body, path)) ? json_copy(rv_j_at(body, path)) : json_object();
        for (uint32_t i = 0; wish->type == RV_LIST && i + 1 < wish->len; i += 2)
                json_object_set_new(map, text_of(&wish->items[i]), json_string(text_of(&wish->items[i + 1])));
        put(body, path, map);
}

/* Ports that were published are offered no longer, unless they are wished. */
static int ports(json_t *body, json_t *host, const struct rv_arg *wish, struct rv_error *err)
{
        json_t *config = json_object(), *fresh = json_object(), *one;
        const char *port;
        int r = rv_ports_wish(wish, config, fresh, err);
        json_object_foreach(json_object_get(host, "PortBindings"), port, one)
                json_object_del(json_object_get(body, "ExposedPorts"), port);
        if (!json_is_object(json_object_get(body, "ExposedPorts")))
                json_object_set_new(body, "ExposedPorts", json_object());
        json_object_update(json_object_get(body, "ExposedPorts"), json_object_get(config, "ExposedPorts"));
        json_t *bindings = json_object_get(fresh, "PortBindings");
        json_object_set_new(host, "PortBindings", bindings ? json_incref(bindings) : json_object());
        json_decref(config);
        json_decref(fresh);
        return r;
}

/* All that had a name goes; volumes without one stay where nothing else is mounted. */
static int mounts(json_t *body, json_t *host, const struct rv_arg *wish, struct rv_error *err)
{
        json_t *had = json_object_get(host, "Mounts"), *kept = json_array(), *one;
        size_t i;
        int r = rv_mounts_wish(wish, kept, err);
        if (r == RV_OK) {
                json_t *named = json_pack("{sO}", "Mounts", kept);
                json_array_foreach(had, i, one)
                {
                        const char *source = rv_or_empty(rv_j_text(one, "Source")),
                                   *kind = rv_or_empty(rv_j_text(one, "Type"));
                        bool own = strcmp(kind, "tmpfs") == 0 ||
                                   (strcmp(kind, "volume") == 0 && (!*source || rv_is_nameless(source)));
                        if (own && !is_mounted(named, rv_or_empty(rv_j_text(one, "Target"))))
                                json_array_append(kept, one);
                }
                json_decref(named);
                json_object_set(host, "Mounts", kept);
                json_object_del(host, "Binds");
        }
        (void)body;
        json_decref(kept);
        return r;
}

static void policy(json_t *host, const char *member, json_t *value)
{
        json_t *p = json_object_get(host, "RestartPolicy");
        if (!json_is_object(p)) {
                json_object_set_new(host, "RestartPolicy",
                                    json_pack("{ss si}", "Name", "no", "MaximumRetryCount", 0));
                p = json_object_get(host, "RestartPolicy");
        }
        json_object_set_new(p, member, value);
        if (strcmp(rv_or_empty(rv_j_text(p, "Name")), "on-failure") != 0)
                json_object_set_new(p, "MaximumRetryCount", json_integer(0));
}

int rv_trait_write(const struct rv_trait *t, json_t *body, const struct rv_arg *wish, struct rv_error *err)
{
        json_t *host = json_object_get(body, "HostConfig");
        bool none = wish->type == RV_NULL;
        switch (t->how) {
        case RV_T_TEXT:
        case RV_T_IMAGE: put(body, t->path, none ? NULL : json_string(text_of(wish))); break;
        case RV_T_LIST:
        case RV_T_SET:
        case RV_T_CAPS: put(body, t->path, none ? NULL : texts(wish)); break;
        case RV_T_BOOL: put(body, t->path, json_boolean(wish->u)); break;
        case RV_T_NUMBER: put(body, t->path, none ? NULL : json_integer((json_int_t)wish->u)); break;
        case RV_T_CPUS:
                put(body, t->path, none ? NULL : json_integer((json_int_t)llround(wish->d * 1e9)));
                break;
        case RV_T_DEVICES:
                json_object_del(host, "Devices");
                return rv_spec_devices(host, texts_of(wish, "Devices"), err);
        case RV_T_PAIRS:
                put(body, t->path, NULL);
                pairs(body, t->path, wish);
                break;
        case RV_T_LABELS: pairs(body, "Labels", wish); break;
        case RV_T_ENVIRONMENT: environment(body, wish); break;
        case RV_T_PORTS: return ports(body, host, wish, err);
        case RV_T_MOUNTS: return mounts(body, host, wish, err);
        case RV_T_POLICY: policy(host, "Name", json_string(*text_of(wish) ? text_of(wish) : "no")); break;
        case RV_T_RETRIES: policy(host, "MaximumRetryCount", json_integer((json_int_t)wish->u)); break;
        default: break;
        }
        return RV_OK;
}
