/* SPDX-License-Identifier: MIT
 *
 * What the program offers beside the shell: reeve rpc, ... Each reads its own arguments (argv[0] is its name) and
 * answers the exit status.
 */
#ifndef SH_PROGRAM_H
#define SH_PROGRAM_H

#include <stddef.h>

struct sh_subcommand {
        const char *name;
        int (*run)(int argc, char **argv);
};
extern const struct sh_subcommand sh_subcommands[];
extern const size_t sh_nsubcommands;

#endif
