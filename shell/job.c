/* SPDX-License-Identifier: MIT
 *
 * Background jobs and modules. Not built yet: whoever asks for one is told so in one sentence.
 */
#include "shell/code.h"

int sh_start_background(struct sh *sh, struct node *n, struct sh_sink *out)
{
        (void)n, (void)out;
        return sh_throw(sh, "NotSupportedHere", "NotImplemented", SH_NIL, "Background jobs are not supported here.");
}
int sh_import_for(struct sh *sh, const char *command, size_t n)
{
        (void)sh, (void)command, (void)n;
        return SH_NONE;
}
void sh_jobs_free(struct sh *sh)
{
        (void)sh;
}
void sh_modules_free(struct sh *sh)
{
        (void)sh;
}
