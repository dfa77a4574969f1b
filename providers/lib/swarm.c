/* SPDX-License-Identifier: MIT
 *
 * Asking and changing a swarm: see swarm.h.
 */
#include "providers/lib/swarm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "providers/lib/containertext.h"

/* ---- asking ---- */

int rv_swarm_local(struct rv_talk *t, json_t **ret, struct rv_error *err)
{
        json_t *info = NULL;
        *ret = NULL;
        int r = rv_talk_get(t, &info, err, "/info");
        if (r == RV_OK && !(*ret = json_incref(json_object_get(info, "Swarm")))) {
                rv_fail(err, RV_NOT_SUPPORTED, "%s: this engine has no swarms", t->what);
                r = rv_hint(err, "Docker's engine has; Podman has none.");
        }
        json_decref(info);
        return r;
}

static int not_a_manager(struct rv_talk *t, struct rv_error *err)
{
        char managers[160] = "";
        json_t *swarm, *one;
        size_t i, n = 0;
        int r = rv_swarm_local(t, &swarm, err);
        if (r)
                return r;
        const char *state = rv_or_empty(rv_j_text(swarm, "LocalNodeState"));
        json_array_foreach(json_object_get(swarm, "RemoteManagers"), i, one)
                if (n < sizeof managers)
                        n += (size_t)snprintf(managers + n, sizeof managers - n, "%s%s", n ? ", " : "",
                                              rv_or_empty(rv_j_text(one, "Addr")));
        if (strcmp(state, "active") == 0) {
                rv_fail(err, RV_UNAVAILABLE, "%s: this host is a worker of its swarm, and only managers know", t->what);
                rv_hint(err, "Ask a manager: %s.", managers);
        } else if (strcmp(state, "locked") == 0) {
                rv_fail(err, RV_UNAVAILABLE, "%s: this manager is locked", t->what);
                rv_hint(err, "Unlock-Swarm, with the key that Get-SwarmUnlockKey tells on another manager.");
        } else if (strcmp(state, "inactive") == 0) {
                rv_fail(err, RV_UNAVAILABLE, "%s: this host's engine is in no swarm", t->what);
                rv_hint(err, "Initialize-Swarm makes one, Join-Swarm joins one.");
        } else {
                rv_fail(err, RV_UNAVAILABLE, "%s: this host's place in its swarm is: %.20s", t->what, state);
                rv_hint(err, "%.200s", rv_or_empty(rv_j_text(swarm, "Error")));
        }
        json_decref(swarm);
        return err->code;
}

int rv_swarm_explain(struct rv_talk *t, int code, struct rv_error *err)
{
        const char *said = err->message;
        if (code <= 0 || !err->code)
                return code;
        if (strstr(said, "not a swarm manager") || strstr(said, "needs to be unlocked"))
                return not_a_manager(t, err);
        if (strstr(said, "does not have a leader") || strstr(said, "DeadlineExceeded")) {
                rv_fail(err, RV_UNAVAILABLE, "%s: the swarm has no leader, too few of its managers are there", t->what);
                err->retryable = true;
                return rv_hint(err, "More than half must be. Where they are lost for good: Initialize-Swarm "
                                    "-ForceNewCluster on one that is left.");
        }
        if (strstr(said, "out of sequence")) {
                rv_fail(err, RV_STALE, "%s: somebody else has changed it meanwhile", t->what);
                err->retryable = true;
                return rv_hint(err, "Nothing was done. It was read and tried twice; look at it again.");
        }
        /* Behind gRPC's words comes what it has to say. */
        const char *plain = strstr(said, " desc = ");
        if (plain) {
                char words[200];
                snprintf(words, sizeof words, "%s", plain + 8);
                rv_fail(err, code, "%s: %s", t->what, words);
        }
        return code;
}

#define PATH(path, fmt)                                     \
        va_list ap;                                         \
        va_start(ap, fmt);                                  \
        int length = vsnprintf(path, sizeof path, fmt, ap); \
        va_end(ap);                                         \
        if (length < 0 || length >= (int)sizeof path)       \
        return -ENAMETOOLONG

int rv_swarm_get(struct rv_talk *t, json_t **ret, struct rv_error *err, const char *fmt, ...)
{
        char path[3000];
        PATH(path, fmt);
        *ret = NULL;
        int r = rv_talk_get(t, ret, err, "%s", path);
        return rv_swarm_explain(t, r, err);
}

int rv_swarm_list(struct rv_talk *t, json_t **ret, struct rv_error *err, const char *fmt, ...)
{
        char path[3000];
        PATH(path, fmt);
        int r = rv_swarm_get(t, ret, err, "%s", path);
        if (r == RV_NOT_FOUND) {
                rv_fail(err, RV_NOT_SUPPORTED, "%s: this engine has no swarms", t->what);
                return rv_hint(err, "Docker's engine has; Podman has none.");
        }
        if (r == RV_OK && !json_is_array(*ret)) {
                json_decref(*ret);
                *ret = json_array();
        }
        return r;
}

int rv_swarm_post(struct rv_talk *t, json_t *body, json_t **ret, struct rv_error *err, const char *fmt, ...)
{
        char path[3000];
        PATH(path, fmt);
        int r = rv_talk_post(t, body, ret, err, "%s", path);
        return rv_swarm_explain(t, r, err);
}

int rv_swarm_delete(struct rv_talk *t, struct rv_error *err, const char *fmt, ...)
{
        char path[3000];
        PATH(path, fmt);
        int r = rv_talk_delete(t, err, "%s", path);
        return rv_swarm_explain(t, r, err);
}

int rv_swarm_networks(struct rv_talk *t, json_t **ret, struct rv_error *err)
{
        json_t *host = NULL;
        struct rv_error none = { 0 };
        int r = rv_swarm_list(t, ret, err, "/networks");
        if (r == RV_OK && rv_talk_get(t, &host, &none, "/networks/host?scope=swarm") == RV_OK)
                json_array_append(*ret, host);
        json_decref(host);
        return r;
}

int rv_swarm_find(struct rv_talk *t, const char *kind, const char *key, bool by_id, json_t **ret, struct rv_error *err)
{
        char name[800];
        rv_about(err, NULL, key, NULL);
        int r = key && *key ? rv_swarm_get(t, ret, err, "/%s/%s", kind, rv_http_escaped(name, sizeof name, key))
                            : RV_NOT_FOUND;
        const char *is = r == RV_OK ? rv_j_text(*ret, by_id ? "ID" : "Spec/Name") : NULL;
        if (r == RV_OK && (!is || strcmp(is, key) != 0)) {
                json_decref(*ret);
                *ret = NULL;
                r = RV_NOT_FOUND;
        }
        if (r == RV_NOT_FOUND)
                rv_fail(err, RV_NOT_FOUND, "%s: the swarm has no %.*s '%.64s'", t->what, (int)strlen(kind) - 1, kind,
                        key ? key : "");
        return r;
}

/* ---- changing ---- */

static int once(struct rv_talk *t, const struct rv_swarm_change *ch, bool what_if, bool *ret_sent, struct rv_error *err)
{
        json_t *object = NULL;
        int r = rv_swarm_get(t, &object, err, "/%s/%s", ch->kind, ch->id);
        if (r)
                return r;
        json_t *was = json_object_get(object, "Spec"), *spec = json_deep_copy(was);
        r = spec ? ch->change(ch->closure, object, spec, err) : -ENOMEM;
        bool send = r == RV_OK && !json_equal(was, spec) && !what_if;
        if (send)
                r = rv_swarm_post(t, json_incref(spec), NULL, err, "/%s/%s/update?version=%lld", ch->kind, ch->id,
                                  (long long)rv_j_number(object, "Version/Index"));
        if (r == RV_OK)
                ch->tell(ch->closure, was, spec);
        if (ret_sent)
                *ret_sent = send && r == RV_OK;
        json_decref(spec);
        json_decref(object);
        return r;
}

int rv_swarm_update(struct rv_talk *t, const struct rv_swarm_change *ch, bool what_if, bool *ret_sent,
                    struct rv_error *err)
{
        int r = once(t, ch, what_if, ret_sent, err);
        if (r == RV_STALE) {
                *err = (struct rv_error) { 0 };
                r = once(t, ch, what_if, ret_sent, err);
        }
        return r;
}

bool rv_swarm_late(const struct rv_talk *t)
{
        return rv_cancelled(t->call) || (t->deadline && rv_now() + UINT64_C(500000000) > t->deadline);
}

/* ---- JSON ---- */

json_t *rv_swarm_by_id(json_t *list, const char *id)
{
        json_t *one;
        size_t i;
        json_array_foreach(list, i, one)
        {
                const char *is = rv_j_text(one, "ID");
                if (id && is && strcmp(is, id) == 0)
                        return one;
        }
        return NULL;
}

void rv_j_put(json_t *j, const char *path, json_t *value)
{
        const char *slash;
        char name[64];
        while ((slash = strchr(path, '/'))) {
                snprintf(name, sizeof name, "%.*s", (int)(slash - path), path);
                json_t *next = json_object_get(j, name);
                if (!json_is_object(next)) {
                        if (!value)
                                return;
                        json_object_set_new(j, name, next = json_object());
                }
                j = next;
                path = slash + 1;
        }
        if (value)
                json_object_set_new(j, path, value);
        else
                json_object_del(j, path);
}

int rv_swarm_labels(const struct rv_arg *v, uint32_t n, bool pairs, const char *parameter, json_t **ret,
                    struct rv_error *err)
{
        json_t *map = json_object();
        int r = map ? RV_OK : -ENOMEM;
        for (uint32_t i = 0; r == RV_OK && i < n; i += pairs ? 1 : 2) {
                const char *s = v[i].type == RV_STRING ? v[i].s : "", *eq = pairs ? strchr(s, '=') : NULL;
                char name[512];
                size_t k = eq ? (size_t)(eq - s) : strlen(s);
                if (!k || k >= sizeof name) {
                        rv_about(err, NULL, NULL, parameter);
                        r = rv_fail(err, RV_INVALID_PARAMETER, "%s: '%.60s' is no NAME=VALUE", parameter, s);
                        break;
                }
                snprintf(name, sizeof name, "%.*s", (int)k, s);
                const char *value = eq ? eq + 1 : !pairs && i + 1 < n && v[i + 1].type == RV_STRING ? v[i + 1].s : "";
                json_object_set_new(map, name, json_string(value));
        }
        if (r)
                json_decref(map);
        else
                *ret = map;
        return r;
}

void rv_swarm_label_changes(struct rv_call *c, const char *property, json_t *from, json_t *to)
{
        const char *name;
        json_t *value;
        char what[300];
        json_object_foreach(to, name, value)
        {
                const char *had = json_string_value(json_object_get(from, name)), *has = json_string_value(value);
                snprintf(what, sizeof what, "%s.%s", property, name);
                if (!had || !has || strcmp(had, has) != 0)
                        rv_change(c, what, had, rv_or_empty(has));
        }
        json_object_foreach(from, name, value)
        {
                snprintf(what, sizeof what, "%s.%s", property, name);
                if (!json_object_get(to, name))
                        rv_change(c, what, json_string_value(value), NULL);
        }
}
