/* SPDX-License-Identifier: MIT
 *
 * Values as bytes, between a session and a copy of it that fork() made (jobs, ForEach-Object -Parallel).
 *
 * Nothing is lost of scalars, texts, arrays, lists, dictionaries, custom objects with their added members, instances
 * of scripts' classes, records of the streams, instances of the agent's classes, and of what its own text makes again
 * (versions, GUIDs, files, expressions). Shared objects and cycles within one value stay so. Any other object becomes
 * a custom object with its properties under its own type names: it shows the same and has no methods.
 *
 * Both ends are the same program at the same addresses: types that are part of it travel as pointers, those made
 * since by name.
 */
#ifndef SH_PACK_H
#define SH_PACK_H

#include "shell/code.h"

void sh_pack(struct sh *, struct sh_buf *, struct sv);
/* One value; *p moves behind it. False: the bytes end too early or make no sense. */
bool sh_unpack(struct sh *, const char **p, const char *end, struct sv *ret);
bool sh_is_collection(struct sv);              /* a queue, stack, set or bag */
struct sv sh_collection_items(struct sv);      /* an array in the order in which they were put in */

/* ---- for those who know an object's inside ---- */
bool sh_text_record_parts(struct sv, struct sv *ret_message, struct sv *ret_tags, struct sv *ret_source, bool *ret_host,
                          bool *ret_no_newline); /* borrowed; stream.c */
struct sv sh_text_record_new(enum sh_stream, struct sv message, struct sv tags, struct sv source, bool host,
                             bool no_newline);

#endif
