/* SPDX-License-Identifier: MIT
 *
 * Units of code and layouts of scopes: what outlives a parse.
 */
#include "shell/ast.h"

#include <stdlib.h>

struct layout *sh_layout_new(void)
{
        struct layout *l = calloc(1, sizeof *l);
        if (!l)
                abort();
        l->refs = 1;
        return l;
}

void sh_layout_drop(struct layout *l)
{
        if (!l || --l->refs)
                return;
        free(l->ids);
        free(l->table);
        free(l);
}

static uint32_t spread(uint32_t id)
{
        return id * 2654435761u;
}

uint32_t sh_layout_find(const struct layout *l, uint32_t id)
{
        if (l->table) {
                for (uint32_t i = spread(id) & l->mask; l->table[i]; i = (i + 1) & l->mask)
                        if (l->ids[l->table[i] - 1] == id)
                                return l->table[i] - 1;
                return UINT32_MAX;
        }
        for (uint32_t i = 0; i < l->n; i++)
                if (l->ids[i] == id)
                        return i;
        return UINT32_MAX;
}

static void rehash(struct layout *l)
{
        l->mask = l->cap * 2 - 1;
        free(l->table);
        l->table = calloc(l->mask + 1, sizeof *l->table);
        if (!l->table)
                abort();
        for (uint32_t k = 0; k < l->n; k++) {
                uint32_t i = spread(l->ids[k]) & l->mask;
                while (l->table[i])
                        i = (i + 1) & l->mask;
                l->table[i] = k + 1;
        }
}

uint32_t sh_layout_add(struct layout *l, uint32_t id)
{
        uint32_t at = sh_layout_find(l, id);
        if (at != UINT32_MAX)
                return at;
        if (l->n == l->cap) {
                l->cap = l->cap ? l->cap * 2 : 8;
                l->ids = realloc(l->ids, l->cap * sizeof *l->ids);
                if (!l->ids)
                        abort();
                if (l->cap > 16)
                        rehash(l);
        }
        l->ids[l->n] = id;
        if (l->table) {
                uint32_t i = spread(id) & l->mask;
                while (l->table[i])
                        i = (i + 1) & l->mask;
                l->table[i] = l->n + 1;
        }
        return l->n++;
}

static void find_lines(struct unit *u)
{
        uint32_t n = 1;
        for (uint32_t i = 0; i < u->n; i++)
                n += u->text[i] == '\n';
        u->lines = malloc(n * sizeof *u->lines);
        if (!u->lines)
                abort();
        u->lines[0] = 0;
        for (uint32_t i = 0; i < u->n; i++)
                if (u->text[i] == '\n')
                        u->lines[++u->nlines] = i + 1;
        u->nlines++;
}

void sh_unit_position(struct unit *u, uint32_t at, uint32_t *ret_line, uint32_t *ret_column)
{
        if (!u->lines)
                find_lines(u);
        uint32_t lo = 0, hi = u->nlines;
        while (hi - lo > 1) {
                uint32_t mid = (lo + hi) / 2;
                if (u->lines[mid] <= at)
                        lo = mid;
                else
                        hi = mid;
        }
        *ret_line = lo + 1 + u->line0;
        *ret_column = 1;
        for (uint32_t i = u->lines[lo]; i < at && i < u->n; i++)
                *ret_column += (u->text[i] & 0xC0) != 0x80;
}

void sh_unit_line(struct unit *u, uint32_t line, const char **ret_text, uint32_t *ret_n)
{
        if (!u->lines)
                find_lines(u);
        line -= u->line0;
        *ret_text = "";
        *ret_n = 0;
        if (line < 1 || line > u->nlines)
                return;
        uint32_t at = u->lines[line - 1], end = line < u->nlines ? u->lines[line] - 1 : u->n;
        if (end > at && u->text[end - 1] == '\r')
                end--;
        *ret_text = u->text + at;
        *ret_n = end - at;
}

void sh_unit_drop(struct unit *u)
{
        if (!u || --u->refs)
                return;
        for (uint32_t i = 0; i < u->nvals; i++)
                sh_drop(u->vals[i]);
        for (uint32_t i = 0; i < u->nlayouts; i++)
                sh_layout_drop(u->layouts[i]);
        free(u->vals);
        free(u->layouts);
        free(u->lines);
        rv_arena_free(&u->arena);
        free(u);
}
