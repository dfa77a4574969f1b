/* SPDX-License-Identifier: MIT
 *
 * Classes and enums that scripts define. Not built yet: a definition says so in one sentence.
 */
#include "shell/code.h"

int sh_define_class(struct sh *sh, struct node *n)
{
        (void)n;
        return sh_throw(sh, "NotSupportedHere", "NotImplemented", SH_NIL,
                        "Classes and enums defined by scripts are not supported here.");
}
const struct sh_type *sh_script_type(struct sh *sh, const char *name, size_t n)
{
        (void)sh, (void)name, (void)n;
        return NULL;
}
