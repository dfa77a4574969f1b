/* SPDX-License-Identifier: MIT
 *
 * The lines that a session has run.
 */
#ifndef SH_PAST_H
#define SH_PAST_H

#include "shell/code.h"

enum { SH_PAST_MOST = 4096 };
struct sh_past_line {
        uint64_t id;
        struct sv line, begun, ended; /* dates; ended is nil while it runs */
        bool failed;
};
struct sh_past {
        uint32_t n, cap;
        struct sh_past_line *v;
};
struct sh_past_line *sh_past_begin(struct sh *, const char *line, size_t n); /* NULL: nothing but blanks */
void sh_past_end(struct sh *, uint64_t id, bool failed);
struct sh_past_line *sh_past_find(struct sh *, uint64_t id); /* NULL when there is none */
void sh_past_free(struct sh *);

#endif
