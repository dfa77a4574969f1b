/* SPDX-License-Identifier: MIT
 *
 * Objects of the session that raise events: timers, watchers of folders, programs that end, jobs. Nothing runs beside
 * the session; whoever pumps events asks each source whether something has come.
 */
#ifndef SH_EVENTSOURCE_H
#define SH_EVENTSOURCE_H

#include "shell/value.h"

extern const struct sh_type sh_type_timer, sh_type_watcher;

/* NULL-ended names of the events an object raises; NULL: none. */
const char *const *sh_source_events(struct sv object);
/* The next one that has come: its name (static) and its arguments, owned. *seen is the caller's, kept per object. */
bool sh_source_poll(struct sh *, struct sv object, struct sv *seen, const char **ret_name, struct sv *ret_args);

bool sh_timer_poll(struct sh *, struct sv, const char **ret_name, struct sv *ret_args);
bool sh_watcher_poll(struct sh *, struct sv, const char **ret_name, struct sv *ret_args);

#endif
