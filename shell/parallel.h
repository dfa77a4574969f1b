/* SPDX-License-Identifier: MIT
 *
 * ForEach-Object -Parallel, for the cmdlet: new, an input for each object, end, free. All but free answer enum
 * sh_status; new answers NULL after throwing.
 */
#ifndef SH_PARALLEL_H
#define SH_PARALLEL_H

#include "shell/cmdlet.h"

struct sh_parallel;
struct sh_parallel *sh_parallel_new(struct sh_cmd *, struct sv block, int64_t throttle, int64_t timeout, bool as_job);
int sh_parallel_input(struct sh_parallel *, struct sv);
int sh_parallel_end(struct sh_parallel *);
void sh_parallel_free(struct sh_parallel *);

#endif
