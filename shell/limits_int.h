/* SPDX-License-Identifier: MIT
 *
 * Between limits.c (the language) and limits_kernel.c (commands and files, by Landlock). Private to both.
 */
#ifndef SH_LIMITS_INT_H
#define SH_LIMITS_INT_H

#include <jansson.h>
#include <stdbool.h>

enum sh_language { SH_LANGUAGE_NONE, SH_LANGUAGE_CONSTRAINED, SH_LANGUAGE_FULL };

struct sh_limits {
        enum sh_language language;
        bool all_cmdlets;
        json_t *hello;       /* the answer; what follows points into it */
        const char *roles;
        json_t *classes;     /* that the agent shows, with their methods */
        const json_t *
                shell; /* {"Cmdlets":[{"Name","Parameters":[{"Name","Values"}]}], "NativeCommands", "ReadFiles", ...} */
};

/* 0; -1: told, nothing may run. */
int sh_limits_kernel(const struct sh_limits *);

#endif
