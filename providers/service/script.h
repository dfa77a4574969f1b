/* SPDX-License-Identifier: MIT
 *
 * What an init script says of itself, without running it: its LSB header, variables with plain values, the verbs
 * that it knows. Texts go to the caller's room and are cut at it.
 */
#ifndef RV_SERVICE_SCRIPT_H
#define RV_SERVICE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "providers/service/files.h"

struct rv_script {
        char *text;
        const char *name; /* the service's; belongs to the caller */
};

/* 0 or -errno; -ENOEXEC: not a script that can be run. */
int rv_script_open(struct rv_script *ret, const char *path, const char *name);
void rv_script_close(struct rv_script *);

/* "Short-Description" of the header between ### BEGIN INIT INFO and ### END; false: it has none. */
bool rv_script_header(const struct rv_script *, const char *word, char *ret, size_t size);
/* NAME=value at the beginning of a line, quotes taken off and $VARIABLES of the same kind put in. False: there is none,
 * or only the shell could tell what it is. */
bool rv_script_variable(const struct rv_script *, const char *variable, char *ret, size_t size);
/* Has it a case label for this verb ("reload)", "reload|force-reload)")? */
bool rv_script_offers(const struct rv_script *, const char *verb);
bool rv_script_is(const struct rv_script *, const char *interpreter); /* "openrc-run" in its first line */
/* Is the word anywhere in it? */
bool rv_script_mentions(const struct rv_script *, const char *word);

/* What LSB scripts have in common: display, command, process, pidfile, log, can_reload, lists. */
void rv_script_fill(const struct rv_script *, unsigned want, struct rv_svc *);

#endif
