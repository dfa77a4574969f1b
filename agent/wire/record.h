/* SPDX-License-Identifier: MIT
 *
 * What a program that reeved started for an SSH session (file transfer, forwarding) asks and tells the agent: the
 * operations Hello and Record, over the connection by which reeved introduced it (agent/note.c is the other end).
 */
#ifndef RV_RECORD_H
#define RV_RECORD_H

#include <jansson.h>

#include "agent/wire/client.h"

/* The connection on the descriptor that REEVE_AGENT_FD names; NULL: there is none. */
struct rv_client *rv_record_agent(void);
/* An operation's answer, or NULL and *err. Takes the parameters, which may be NULL. */
json_t *rv_record_call(struct rv_client *, const char *operation, json_t *params, struct rv_error *err);
/* The number of the record; -1 and *err: it cannot be recorded, and must not be done. Takes the arguments. */
int64_t rv_record_intent(struct rv_client *, const char *method, const char *target, json_t *arguments,
                         struct rv_error *err);
/* error: 0 or -errno. Takes the arguments. A record of 0 or less is none. */
void rv_record_outcome(struct rv_client *, int64_t record, int error, json_t *arguments, struct rv_error *err);
void rv_record_denied(struct rv_client *, const char *method, const char *target, const char *message);

#endif
