/* SPDX-License-Identifier: MIT
 *
 * The command line of reeve: PowerShell's own options, abbreviated as PowerShell allows.
 */
#ifndef SH_OPTIONS_H
#define SH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum sh_mode { SH_MODE_PROMPT, SH_MODE_COMMAND, SH_MODE_FILE, SH_MODE_STDIN };

struct sh_options {
        enum sh_mode mode;
        bool no_profile, non_interactive, interactive, no_exit, no_logo, login, json, with_args;
        char *command;          /* malloc'ed text of -Command or -EncodedCommand */
        size_t ncommand;
        const char *file, *folder;
        char **words;           /* arguments of a script */
        int nwords;
};

/* Goes on when it answers -1, else the program is to end with that status; what is to be said has been said. */
int sh_options_read(struct sh_options *, int argc, char **argv);
void sh_options_free(struct sh_options *);

#endif
