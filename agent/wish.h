/* SPDX-License-Identifier: MIT
 *
 * A change asked for, held against the roles of who asks (rights.c): at once, as far as class, method, properties and
 * arguments decide; on the provider's thread, where it depends on the object. Private to request.c.
 */
#ifndef RV_WISH_H
#define RV_WISH_H

#include "agent/scan.h"

/* On the loop, before anything is recorded: RV_OK or ACCESS_DENIED. May leave s->looks. */
int rv_wish_ask(struct rv_request *, struct rv_scan *, struct rv_error *);
/* On the provider's thread: looks at the object. RV_OK: go on. An object that may not be seen is not there (NOT_FOUND);
 * s->denied and s->why say it to the audit. */
int rv_wish_look(struct rv_scan *, struct rv_error *);

#endif
