/* SPDX-License-Identifier: MIT
 *
 * Push-down: what the stages after a class cmdlet need of its objects. Nothing is handed down yet: every object is read
 * whole, so results never depend on it.
 */
#include "shell/code.h"

struct sh_plan *sh_plan_make(struct sh_cmd *first)
{
        (void)first;
        return NULL;
}

/* #requires is read by the lexer as a comment: nothing is refused. */
bool sh_requires(struct sh *sh, struct block *b)
{
        (void)sh, (void)b;
        return true;
}
