/* SPDX-License-Identifier: MIT
 *
 * What is put together from an engine's inspect answer, in the words of docker ps: state, ports, mounts.
 */
#ifndef RV_CONTAINERTEXT_H
#define RV_CONTAINERTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "schema/row.h"

/* Lines, one item each; what does not fit is left out. */
struct rv_lines {
        char all[16384];
        size_t at;
};
static inline void rv_lines_clear(struct rv_lines *t)
{
        t->at = 0;
        t->all[0] = 0;
}
void rv_lines_add(struct rv_lines *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool rv_container_never_ran(json_t *);
void rv_container_status(json_t *, char *ret, size_t size);                       /* "Up 2 hours (healthy)" */
void rv_container_command(json_t *, struct rv_lines *);                           /* path and arguments, one line */
void rv_container_ports(json_t *, struct rv_lines *);                             /* 0.0.0.0:8080->80/tcp */
void rv_container_bindings(json_t *, struct rv_lines *);                          /* 80/tcp=8080 */
void rv_container_mounts(json_t *, struct rv_lines *, struct rv_lines *volumes); /* SOURCE:TARGET:rw */
void rv_container_devices(json_t *, struct rv_lines *);
/* "" for NULL. */
const char *rv_or_empty(const char *);

/* Lines as a list property; an empty one when there are none. */
void rv_lines_set(struct rv_row *, unsigned property, const struct rv_lines *);
/* Lines "PID COMMAND" as two list properties; others are passed over. */
void rv_processes_list(struct rv_row *, unsigned ids, unsigned commands, const char *text);

#endif
