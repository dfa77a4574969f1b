/* SPDX-License-Identifier: MIT
 *
 * What the session has run at its prompt: numbered lines with times, for Get-History and Invoke-History. The editor's
 * own history (history.c) is another thing: it outlives the session and holds no times.
 */
#include "shell/past.h"

#include "shell/text.h"

#include <stdlib.h>

struct sh_past_line *sh_past_begin(struct sh *sh, const char *line, size_t n)
{
        while (n && strchr(" \t\r\n", line[n - 1]))
                n--;
        if (!n)
                return NULL;
        struct sh_past *p = sh->past ? sh->past : calloc(1, sizeof *p);
        if (!p)
                abort();
        sh->past = p;
        if (p->n == SH_PAST_MOST) {
                sh_drop(p->v[0].line);
                memmove(p->v, p->v + 1, --p->n * sizeof *p->v);
        }
        if (p->n == p->cap) {
                p->cap = p->cap ? p->cap * 2 : 64;
                p->v = realloc(p->v, p->cap * sizeof *p->v);
                if (!p->v)
                        abort();
        }
        sh->history_id++;
        p->v[p->n] = (struct sh_past_line) { sh->history_id, sh_string(line, n), sh_datetime_now(), SH_NIL, false };
        return &p->v[p->n++];
}

void sh_past_end(struct sh *sh, uint64_t id, bool failed)
{
        struct sh_past_line *l = sh_past_find(sh, id);
        if (!l)
                return;
        l->ended = sh_datetime_now();
        l->failed = failed;
}

struct sh_past_line *sh_past_find(struct sh *sh, uint64_t id)
{
        for (uint32_t i = 0; sh->past && i < sh->past->n; i++)
                if (sh->past->v[i].id == id)
                        return &sh->past->v[i];
        return NULL;
}

void sh_past_free(struct sh *sh)
{
        for (uint32_t i = 0; sh->past && i < sh->past->n; i++)
                sh_drop(sh->past->v[i].line);
        if (sh->past)
                free(sh->past->v);
        free(sh->past);
        sh->past = NULL;
}
