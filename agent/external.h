/* SPDX-License-Identifier: MIT
 *
 * Providers that are not compiled in: a file NAME.provider says which classes (a .mof beside it) come from
 * which program (JSON-RPC over its standard input and output, in any language), from a command's output, or
 * from a file. Nothing is rebuilt. docs/external-providers.md is what their authors read.
 *
 *      [Provider]
 *      Schema = queue.mof
 *      Exec = /usr/lib/reeve/providers/queue.py
 *
 * A program runs as a user of its own, bounded in memory, files and processes. What it says is believed as
 * little as a stranger: each value is checked against the class, each message and the sum of them is bounded,
 * whoever hangs is ended at the call's deadline, whoever keeps falling is left alone for a while. All of it
 * costs the call that asked, not the agent.
 *
 *      external.c        finds the files, makes classes and tables of them
 *      external_file.c   reads one file
 *      external_child.c  a program: started, bounded, spoken to, ended
 *      external_talk.c   the protocol: calls out, rows back
 *      external_watch.c  what programs tell of themselves: changes and events
 *      external_text.c   commands and files whose text is read as rows
 */
#ifndef RV_EXTERNAL_H
#define RV_EXTERNAL_H

#include "agent/provider.h"
#include "agent/registry.h"

#define RV_EXTERNAL_FOLDERS "/etc/reeve/providers.d:/usr/lib/reeve/providers"

/* Reads *.provider of the folders (divided by colons; NULL: those above, or of an ordinary user
 * $XDG_CONFIG_HOME/reeve/providers.d) and adds their classes. A file that cannot be taken is logged with the
 * reason, and left out. Answers how many were left out, or -errno. Once, before anything runs. */
int rv_external_load(struct rv_registry *, const char *folders);
/* Files came, went or changed since; a new start of the agent takes them. */
bool rv_external_changed(void);
void rv_external_free(void); /* ends the programs */
/* Its programs get no control groups: those of that name are another process'. Before anything runs. */
void rv_external_ungrouped(const char *why);

/* One file alone. Describes what is wrong. */
int rv_external_take(struct rv_registry *, const char *path, struct rv_error *);

/* The tables of all their classes, NULL-ended; NULL where there are none. */
const struct rv_provider *const *rv_external_providers(void);
bool rv_external_is(const struct rv_provider *);
/* How a class that is watched hears of changes: "Starting", "Pushed", or "Broken" while its program rests. On
 * the loop. */
const char *rv_external_events(const struct rv_class *);
/* The folder of the control group of a class's programs, or NULL. */
const char *rv_external_control_group(const struct rv_class *);

#endif
