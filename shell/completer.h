/* SPDX-License-Identifier: MIT
 *
 * Completers that scripts register.
 */
#ifndef SH_COMPLETER_H
#define SH_COMPLETER_H

#include "shell/code.h"

void sh_completer_add(const char *command_or_null, const char *parameter_or_null, struct sv block);
struct sv sh_completer_of(const char *command, const char *parameter_or_null); /* borrowed; nil when there is none */
/* Runs it; what fails in it is nobody's concern while a line is typed. */
void sh_completer_run(struct sh *, struct sv block, struct sh_args, struct sh_sink *);

#endif
