/* SPDX-License-Identifier: MIT
 *
 * Background jobs. Not built yet: whoever asks for one is told so in one sentence.
 */
#include "shell/code.h"

int sh_start_background(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)n, (void)out;
        return sh_throw(sh, "NotSupportedHere", "NotImplemented", SH_NIL, "Background jobs are not supported here.");
}
void sh_jobs_free(struct sh *sh)
{
        (void)sh;
}
