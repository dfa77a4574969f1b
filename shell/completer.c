/* SPDX-License-Identifier: MIT
 *
 * Register-ArgumentCompleter: blocks that scripts give for the values of a parameter, or of a program's arguments.
 * [ArgumentCompleter({ })] and [ArgumentCompletions()] on a parameter are the same written beside it.
 */
#include "shell/completer.h"

#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>

struct completer {
        struct completer *next;
        char *command, *parameter; /* command: a pattern, NULL = any; parameter: NULL = of a program */
        struct sv block;
};
static struct completer *completers; /* the newest first; they live as long as the process */

static char *copied(const char *s)
{
        char *r = s ? strdup(s) : NULL;
        if (s && !r)
                abort();
        return r;
}

void sh_completer_add(const char *command, const char *parameter, struct sv block)
{
        struct completer *c = calloc(1, sizeof *c);
        if (!c)
                abort();
        *c = (struct completer) { completers, copied(command), copied(parameter), sh_keep(block) };
        completers = c;
}

/* Borrowed; nil when there is none. */
struct sv sh_completer_of(const char *command, const char *parameter)
{
        for (struct completer *c = completers; c; c = c->next) {
                if ((c->parameter == NULL) != (parameter == NULL) ||
                    (parameter && strcasecmp(c->parameter, parameter)))
                        continue;
                if (!c->command || sh_wildcard(c->command, strlen(c->command), command, strlen(command), false))
                        return c->block;
        }
        return SH_NIL;
}

void sh_completer_run(struct sh *sh, struct sv block, struct sh_args args, struct sh_sink *out)
{
        struct sv kept = sh->error;
        sh->error = SH_NIL;
        if (sh_block_run(sh, block, NULL, args, true, out) == SH_ERROR)
                sh_drop(sh_error_take(sh));
        sh->error = kept;
}
