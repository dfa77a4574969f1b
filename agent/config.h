/* SPDX-License-Identifier: MIT
 *
 * The agent's sections of reeve.conf, by the keys that agent/settings.h declares. reeved reads the same file; sections
 * that are not the agent's are its business.
 */
#ifndef RV_CONFIG_H
#define RV_CONFIG_H

#include <stdio.h>

#include "agent/agent.h"

/* Sets the defaults, then what the file and its drop-ins (PATH.d/NAME.conf) say. 0, or -EINVAL: logged with file and
 * line. */
int rv_config_load(struct rv_agent *, const char *path_or_null);
void rv_config_reference(FILE *); /* all keys of reeve.conf, as Markdown */
/* A line, or a part of one, without the blanks around it and without its end; in place. */
char *rv_config_trim(char *);

#endif
