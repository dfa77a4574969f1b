/* SPDX-License-Identifier: MIT
 *
 * The agent's sections of reeve.conf. reeved reads the same file and checks it as a whole; keys that are not the
 * agent's
 * are its business.
 *
 *      [audit]
 *      keep_days = 400             # 0: for ever
 *      keep_records = 1000000      # 0: without limit
 *      keep_segments = 100         # of what is beyond that; 0: all
 *      [roles]
 *      dir = /etc/reeve/roles.d
 *      [providers]
 *      dirs = /etc/reeve/providers.d:/usr/lib/reeve/providers
 */
#ifndef RV_CONFIG_H
#define RV_CONFIG_H

#include "agent/agent.h"

/* Sets the defaults, then what the file and its drop-ins (PATH.d/NAME.conf) say. 0, or -EINVAL: logged with file and
 * line. */
int rv_config_load(struct rv_agent *, const char *path_or_null);
/* A line, or a part of one, without the blanks around it and without its end; in place. */
char *rv_config_trim(char *);

#endif
