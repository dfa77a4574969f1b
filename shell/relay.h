/* SPDX-License-Identifier: MIT
 *
 * Standard error of a native that goes past the shell, to the terminal or wherever the shell's own goes: relayed byte
 * by byte so that its last line is known when the native fails.
 */
#ifndef SH_RELAY_H
#define SH_RELAY_H

#include "shell/value.h"

struct sh_relay;

/* A descriptor for the native's standard error, which is passed on to `to`; -1 and no relay when that cannot be. The
 * caller closes it once the native runs. `to` stays the caller's. */
int sh_relay_begin(int to, struct sh_relay **ret);

/* The native has ended: waits, briefly, for what it wrote; appends its last line that is not blank. Frees. The relay
 * itself lives on while a child of the native holds on to the descriptor. */
void sh_relay_end(struct sh_relay *, struct sh_buf *last);

#endif
