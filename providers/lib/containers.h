/* SPDX-License-Identifier: MIT
 *
 * A model of an engine's containers, fed by its events, so that reading it again costs the engine nothing.
 *
 * The first reader opens the engine's stream of events and only then lists, so nothing is lost in between; a thread of
 * the model's own drains the stream at once (an engine loses events silently for a reader that is slow). An event marks
 * its container; the next reader fetches what is marked, one request each. A lost stream (the engine restarted) makes
 * the next reader start afresh, and once a minute the list is compared, for an event that was lost all the same. An
 * engine that has said nothing for a second is asked for a sign of life (/_ping) before what is known is shown.
 *
 * A document is the engine's own inspect answer, shared: incref'd, never changed.
 */
#ifndef RV_CONTAINERS_H
#define RV_CONTAINERS_H

#include <jansson.h>

#include "providers/lib/engine.h"

struct rv_containers;
struct rv_containers *rv_containers_of(struct rv_engine *); /* NULL: out of memory */

/* The documents of all, or of the one that has this id or name; none is not an error. The engine is asked for one that
 * is not known before it is said not to be there. A JSON array: json_decref() it. */
int rv_containers_read(struct rv_containers *, const char *only_or_null, const struct rv_call *,
                       uint64_t deadline, json_t **ret, struct rv_error *);
/* The documents of all without asking the engine and without waiting: false when that cannot be had just now. */
bool rv_containers_peek(struct rv_containers *, json_t **ret);
/* Something was changed by a call of ours: it is fetched again by the next reader, whether its event is here or not. */
void rv_containers_changed(struct rv_containers *, const char *id);
/* Whatever is known of the one with this id or name is fetched again by the next reader. */
void rv_containers_doubt(struct rv_containers *, const char *only);
/* Nobody asks any longer: the thread ends and all is forgotten, unless somebody watches. */
void rv_containers_idle(struct rv_containers *);
/* A descriptor that becomes readable (eventfd) when something may have changed; -1: it cannot be had. Only one at a
 * time. */
int rv_containers_watch(struct rv_containers *);
void rv_containers_unwatch(struct rv_containers *, int fd); /* nothing is written to fd from then on; it stays open */

#endif
