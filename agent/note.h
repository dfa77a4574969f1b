/* SPDX-License-Identifier: MIT
 *
 * The operation Record: see note.c.
 */
#ifndef RV_NOTE_H
#define RV_NOTE_H

#include "agent/agent.h"

int rv_op_record(struct rv_request *, struct rv_error *);
void rv_note_orphan(struct rv_request *); /* nobody waits for its answer any more */
void rv_notes_left(struct rv_session *);  /* the session ends: what is under way stays unknown */

#endif
