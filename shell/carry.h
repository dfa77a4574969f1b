/* SPDX-License-Identifier: MIT
 *
 * Values between hosts, as JSON. Nothing of it is believed: what arrives becomes scalars, texts, arrays, dictionaries
 * and custom objects, never code and never an object with methods (pack.h is for copies of one program only).
 *
 *      null true "text" 7                      as they are; 7 is an [int]
 *      {"t":"System.Int64","v":"7"}            another scalar by its type and text
 *      [ ... ]                                 an array
 *      {"h":[[key,value],...],"o":true}        a dictionary, ordered
 *      {"n":["Type",...],"p":[["Name",value],...],"s":"text"}    any other object: its type names, properties and text
 */
#ifndef SH_CARRY_H
#define SH_CARRY_H

#include "agent/wire/scan.h"
#include "shell/code.h"

void sh_carry_put(struct sh *, struct rv_buf *, struct sv);
/* Owned; SH_NIL for what makes no sense. Objects' type names get "Deserialized." in front. */
struct sv sh_carry_get(struct sh *, struct rv_json);

#endif
