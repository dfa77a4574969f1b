/* SPDX-License-Identifier: MIT
 *
 * The swarm that this host's engine is a manager of: asking it, and changing what belongs to it.
 *
 * Everything of a swarm has a revision (Version.Index), and a change names the one that it was made for; one that has
 * been overtaken is read and tried again once, then told (STALE). What only a manager knows is refused with what the
 * engine is instead, and what to do.
 */
#ifndef RV_SWARM_H
#define RV_SWARM_H

#include "providers/lib/enginetalk.h"

/* GET, as rv_talk_get(). */
int rv_swarm_get(struct rv_talk *, json_t **ret, struct rv_error *, const char *path, ...)
        __attribute__((format(printf, 4, 5)));
/* The same for a list: *ret is an array, also when the engine answers null. */
int rv_swarm_list(struct rv_talk *, json_t **ret, struct rv_error *, const char *path, ...)
        __attribute__((format(printf, 4, 5)));
/* One of "nodes", "services", "secrets", "configs" by its name (exactly, not the beginning of an id) or, where by_id,
 * by its whole id. NOT_FOUND: "%what: there is none". */
int rv_swarm_find(struct rv_talk *, const char *kind, const char *key, bool by_id, json_t **ret, struct rv_error *);
/* POST; body: stolen. "update out of sequence" is STALE. */
int rv_swarm_post(struct rv_talk *, json_t *body, json_t **ret, struct rv_error *, const char *path, ...)
        __attribute__((format(printf, 5, 6)));
int rv_swarm_delete(struct rv_talk *, struct rv_error *, const char *path, ...) __attribute__((format(printf, 3, 4)));
/* Sets *object's Spec by POST /KIND/ID/update?version=N, and again, once, when it was overtaken: `change` is given a
 * copy of the spec each time; what it answers other than RV_OK ends it, and a spec that is as it was is not sent.
 * *ret_sent may be NULL. */
struct rv_swarm_change {
        const char *kind, *id;
        int (*change)(void *closure, json_t *object, json_t *spec, struct rv_error *);
        void (*tell)(void *closure, json_t *was, json_t *now); /* once, when it is done or would be: what differs */
        void *closure;
};
int rv_swarm_update(struct rv_talk *, const struct rv_swarm_change *, bool what_if, bool *ret_sent, struct rv_error *);
/* Where a request to the engine failed: says it in the swarm's terms. Answers the code. */
int rv_swarm_explain(struct rv_talk *, int code, struct rv_error *);
/* The engine's networks, with the swarm's own "host" among them, which its list leaves out. */
int rv_swarm_networks(struct rv_talk *, json_t **ret, struct rv_error *);
/* GET /info, the member Swarm of it; *ret: json_decref() it. */
int rv_swarm_local(struct rv_talk *, json_t **ret, struct rv_error *);

/* Whether waiting must end: the caller has gone, or there is just time left to say how far it has come. */
bool rv_swarm_late(const struct rv_talk *);

/* "id of the object" -> member of those of a list that have it; NULL: none. */
json_t *rv_swarm_by_id(json_t *list, const char *id);
/* Member at a path, made with all objects on the way; value NULL: taken out. Steals it. */
void rv_j_put(json_t *, const char *path, json_t *value);
/* "NAME=VALUE" texts, or a map's names and values in turn, as an object; or -errno, or INVALID_PARAMETER. */
int rv_swarm_labels(const struct rv_arg *v, uint32_t n, bool pairs, const char *parameter, json_t **ret,
                    struct rv_error *);
/* Tells each label that differs. */
void rv_swarm_label_changes(struct rv_call *, const char *property, json_t *from, json_t *to);

#endif
