/* SPDX-License-Identifier: MIT
 *
 * [cultureinfo] for cmdlets. Values are owned by the caller.
 */
#ifndef SH_CULTURE_H
#define SH_CULTURE_H

#include "shell/value.h"

struct sv sh_culture_new(const char *name); /* "" is the invariant one */
struct sv sh_culture_current(void);         /* by LC_ALL and LANG */

#endif
