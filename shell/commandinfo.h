/* SPDX-License-Identifier: MIT
 *
 * What commands say of themselves, for Get-Command and Get-Help.
 */
#ifndef SH_COMMANDINFO_H
#define SH_COMMANDINFO_H

#include "shell/code.h"

const char *sh_param_word(const struct pinfo *);           /* its type in syntax lines; valid until the next call */
struct sv sh_syntax_of(struct sh *, struct sh_target *);   /* one line a parameter set */
/* What a cmdlet's parameter means: its own help, else what it means everywhere; "" when nobody says. */
const char *sh_param_help(const struct sh_param *);
/* Writes the commands whose names fit a pattern; kinds: bits 1 << enum target_kind. */
int sh_commands_named(struct sh_cmd *, const char *name, size_t n, int32_t kinds);

#endif
