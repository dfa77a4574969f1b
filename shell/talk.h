/* SPDX-License-Identifier: MIT
 *
 * Streams of the agent (docs/protocol.md): a method that offers one is called, and a connection of its own becomes the
 * stream. Then pieces go both ways until the last, which says how it ended.
 *
 *      struct sh_talk t;
 *      r = sh_talk_open(&t, link, "Container", "{\"Id\":\"...\"}", "FollowLogs", in, &err);
 *      while ((r = sh_talk_next(&t, &err)) == RV_OK)           // t.kind, t.data, t.n
 *              ...                                             // RV_STOP: it is over, t.status
 *      sh_talk_close(&t);
 */
#ifndef SH_TALK_H
#define SH_TALK_H

#include <jansson.h>

#include "schema/piece.h"
#include "shell/model.h"

struct sh_talk {
        int fd;
        json_t *answer; /* the method's */
        struct sh_link *own; /* whose private agent serves it; or NULL */
        enum rv_piece kind;
        uint32_t n;
        int32_t status;
        char data[RV_PIECE_MOST + 1];
        uint8_t head[RV_PIECE_HEAD];
        unsigned nhead, got;
};

/* in: the method's arguments, taken over. Closed again where it fails. */
int sh_talk_open(struct sh_talk *, struct sh_link *, const char *class_name, const char *id, const char *method,
                 json_t *in, struct rv_error *);
/* The same of a class whose key is not Id. */
int sh_talk_open_by(struct sh_talk *, struct sh_link *, const char *class_name, const char *key, const char *value,
                    const char *method, json_t *in, struct rv_error *);
/* Waits for the next piece: RV_OK, RV_STOP after the last, or what went wrong. Ctrl-C ends it. */
int sh_talk_next(struct sh_talk *, struct rv_error *);
/* What is there of the next piece, without waiting: RV_FULL: it is not all there yet. */
int sh_talk_take(struct sh_talk *, struct rv_error *);
/* False: the agent has gone, or Ctrl-C. */
bool sh_talk_put(struct sh_talk *, enum rv_piece, const void *data, size_t n);
void sh_talk_close(struct sh_talk *);

/* The id of the container that a name, or the beginning of an id, means. */
int sh_container_id(struct sh_link *, const char *name, char *ret, size_t size, struct rv_error *);

/* The same of a cmdlet's argument, a name or the object. SH_NONE: there is none, and that was told as an error. */
int sh_container_target(struct sh_cmd *, struct sv, char *ret, size_t size);

#endif
