/* SPDX-License-Identifier: MIT
 *
 * The line editor: reads one statement, of one or more lines, from a terminal.
 *
 * What always holds: the terminal is never asked anything (no cursor queries), each key causes at most one write, and
 * only cells that changed are drawn, so that typing over a slow link costs a few bytes a key. Text
 * is UTF-8; what is not
 * valid or not printable is shown harmlessly. The terminal is raw only while a line is being read.
 *
 *      struct sh_edit *e = sh_edit_new(0, 1, &hooks, state);
 *      char *line;
 *      while (sh_edit_line(e, "PS /> ", &line) == SH_EDIT_LINE) { run(line); free(line); }
 *      e = sh_edit_free(e);
 *
 * Keys are Emacs' as PSReadLine has them on Unix, or vi's (edit_vi.c); Tab completes, a second Tab lists; Ctrl-R
 * searches the history.
 */
#ifndef SH_EDIT_H
#define SH_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sh_edit;
struct sh_history;

/* A completion's answer: `replace` bytes before the cursor give way to one of the texts. Owned by the editor. */
struct sh_choices {
        size_t from, to; /* the bytes of the line to be replaced */
        size_t n;
        struct {
                char *text, *label, *help;
        } * v; /* label NULL = text; help one line or NULL */
};
void sh_choice_add(struct sh_choices *, const char *text, size_t n, const char *label_or_null,
                   const char *help_or_null);
void sh_choices_free(struct sh_choices *);

/* Colours of the syntax, one for each byte of the line; the editor maps them to SGR. */
enum sh_colour {
        SH_C_PLAIN,
        SH_C_COMMAND,
        SH_C_PARAMETER,
        SH_C_STRING,
        SH_C_VARIABLE,
        SH_C_NUMBER,
        SH_C_KEYWORD,
        SH_C_OPERATOR,
        SH_C_TYPE,
        SH_C_MEMBER,
        SH_C_COMMENT,
        SH_C_ERROR,
        SH_C_PROMPT,
        SH_C_FOUND,
        SH_C_DIM
};

struct sh_edit_hooks {
        bool (*complete)(void *, const char *line, size_t n); /* false: Enter starts another line (">> ") */
        void (*choices)(void *, const char *line, size_t n, size_t cursor, struct sh_choices *ret);
        void (*colour)(void *, const char *line, size_t n, uint8_t *colours);
};

enum { SH_EDIT_LINE = 1, SH_EDIT_END = 0, SH_EDIT_CANCELLED = -1 }; /* CANCELLED: Ctrl-C; ask again */

struct sh_edit *sh_edit_new(int in, int out, const struct sh_edit_hooks *, void *state);
struct sh_edit *sh_edit_free(struct sh_edit *); /* answers NULL */
int sh_edit_line(struct sh_edit *, const char *prompt,
                 char **ret); /* *ret is malloc'ed, without the last newline */
struct sh_history *sh_edit_history(struct sh_edit *);
void sh_edit_use_history(struct sh_edit *, struct sh_history *); /* takes it over */
void sh_edit_colours(struct sh_edit *, bool on);
void sh_edit_use_vi(bool on); /* vi's keys, from the next line on */
bool sh_edit_uses_vi(void);

/* ---- history: newest last; lines that look like secrets are never kept; the file is 0600, one entry a line ---- */
struct sh_history *sh_history_new(const char *path_or_null); /* NULL: in memory only */
struct sh_history *sh_history_free(struct sh_history *);
void sh_history_add(struct sh_history *, const char *line, size_t n);
size_t sh_history_count(const struct sh_history *);
const char *sh_history_at(const struct sh_history *, size_t i); /* 0 is the oldest */
bool sh_history_secret(const char *line, size_t n);             /* would not be kept */

#endif
