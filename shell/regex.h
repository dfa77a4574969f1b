/* SPDX-License-Identifier: MIT
 *
 * Regular expressions, below shell/text.h: their groups by .NET's numbers, and their translation into PCRE2's dialect.
 */
#ifndef SH_REGEX_H
#define SH_REGEX_H

#include "shell/interp.h"
#include "shell/text.h"

/* A capture group as .NET numbers it: unnamed ones by their opening bracket, then the named ones. */
struct re_slot {
        char *name; /* NULL: its number is its name */
        uint32_t number;
};
struct re_text {
        struct sh_buf text; /* what PCRE2 compiles */
        struct re_slot *slots;
        uint32_t nslots;   /* slot 0 is the whole match */
        uint32_t *slot_of; /* PCRE2's group -> slot; several groups may share one */
        uint32_t ngroups;  /* PCRE2's, group 0 included */
        /* Lookbehinds that PCRE2 cannot do, as their length varies: callout number N asks behinds[N / 2 - 1], an odd N
         * whether it does not match there. */
        struct re_behind {
                char *text;
                size_t n;
                unsigned options;
        } * behinds;
        uint32_t nbehinds;
};
enum {
        SH_RE_CALL_BEHIND = 0x10000, /* to sh_re_translate: lookbehinds become callouts */
        SH_RE_NOTE = 0x20000,        /* callout 255 after each capture */
        SH_RE_MOST_BEHINDS = 120,
};
/* Every time that a slot's group took part in the match that begins at `start`: pairs of offsets, malloc'ed. */
uint32_t sh_regex_captures(struct sh_regex *, const char *text, size_t n, size_t start, uint32_t slot, size_t **ret);
/* False: *error holds .NET's sentence, *error_at how far the pattern was read. */
bool sh_re_translate(const char *, size_t n, unsigned options, struct re_text *ret, struct sh_buf *error,
                     size_t *error_at);
void sh_re_text_free(struct re_text *);

struct sh_regex *sh_regex_keep(struct sh_regex *);
void sh_regex_drop(struct sh_regex *);
/* From the cache or compiled; owned. NULL: *error holds the message, "Invalid pattern '(' at offset 1. ..." */
struct sh_regex *sh_regex_compile(const char *, size_t n, unsigned options, struct sh_buf *error);
const char *sh_regex_pattern(const struct sh_regex *, size_t *ret_n);
unsigned sh_regex_options(const struct sh_regex *);
uint32_t sh_regex_slots(const struct sh_regex *, const struct re_slot **ret);
/* The slot of a group's number or name, -1 when there is none. */
int sh_regex_slot(const struct sh_regex *, const char *name, size_t n);
int sh_regex_slot_number(const struct sh_regex *, int64_t number);
/* A match's text through a replacement: "$1-${name}". */
void sh_regex_expand(const struct sh_regex *, const char *text, size_t n, const size_t *at, const char *with,
                     size_t nwith, struct sh_buf *);
/* Goes through all matches: each gets the offsets (valid during the call) and answers SH_OK to go on, SH_STOP to end
 * without error. */
int sh_regex_each(struct sh *, struct sh_regex *, struct sv text, size_t from,
                  int (*each)(void *, struct sh *, const size_t *at, uint32_t n), void *);
/* Makes the Regex object. */
struct sv sh_regex_value(struct sh_regex *);
struct sh_regex *sh_regex_of_value(struct sv); /* borrowed; NULL when it is not a [regex] */

/* A Match, Group or Capture, and the collections: types/regex.c. */
struct sh_match {
        struct sh_obj obj;
        struct sh_regex *re;
        struct sv text;
        uint32_t n, slot; /* a Match: slot 0, n groups; a Group: its slot, n = 1 */
        size_t at[];
};
extern const struct sh_type sh_type_match;

#endif
