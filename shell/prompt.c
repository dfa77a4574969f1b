/* SPDX-License-Identifier: MIT
 *
 * The prompt: reads a statement, runs it, until exit or the end of the input. The `prompt` function says what is shown;
 * a statement that is not complete goes on behind ">> ".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/past.h"
#include "shell/code.h"
#include "shell/drives.h"
#include "shell/events.h"
#include "shell/complete.h"
#include "shell/edit.h"
#include "shell/parse.h"
#include "shell/transcript.h"

static struct sv prompt_text(struct sh *sh)
{
        struct sv v = SH_NIL, text;
        struct sh_target *t = NULL;
        if (sh_try_command(sh, "prompt", 6, &t) == SH_OK) {
                int st = SH_OK;
                if (t->kind == CT_FUNCTION)
                        st = sh_block_value(sh, t->block, NULL, (struct sh_args) { 0 }, true, &v);
                sh_drop(sh_target_value(t));
                if (st == SH_OK && !sh_is_null(v)) {
                        text = sh_to_text(sh, v);
                        sh_drop(v);
                        return text;
                }
                if (st == SH_ERROR)
                        sh_drop(sh_error_take(sh));
        }
        struct sv pwd = sh_location(sh), where = sh_to_text(sh, pwd);
        text = sh_printf("PS %s> ", where.s->s);
        sh_drop(where);
        sh_drop(pwd);
        return text;
}

static void show(const char *s)
{
        size_t n = strlen(s);
        if (write(1, s, n) < 0)
                return;
}

/* ---- a terminal: the editor ---- */
static bool is_complete(void *state, const char *line, size_t n)
{
        struct sh *sh = state;
        struct parser p = { 0 };
        struct unit *u = sh_parse(&p, sh, line, n, NULL, NULL);
        bool incomplete = !u && p.incomplete;
        sh_unit_drop(u ? u : p.u);
        return !incomplete;
}
static void choices(void *state, const char *line, size_t n, size_t cursor, struct sh_choices *ret)
{
        sh_complete(state, line, n, cursor, ret);
}

struct painting {
        uint8_t *to;
        size_t n;
};
static void paint(void *state, int kind, uint32_t at, uint32_t end)
{
        static const uint8_t colour[] = {
                [TK_COMMENT] = SH_C_COMMENT, [TK_KEYWORD] = SH_C_KEYWORD,     [TK_STRING] = SH_C_STRING,
                [TK_NUMBER] = SH_C_NUMBER,   [TK_VARIABLE] = SH_C_VARIABLE,   [TK_OPERATOR] = SH_C_OPERATOR,
                [TK_COMMAND] = SH_C_COMMAND, [TK_PARAMETER] = SH_C_PARAMETER, [TK_WORD] = SH_C_PLAIN,
                [TK_TYPE] = SH_C_TYPE,       [TK_MEMBER] = SH_C_MEMBER
        };
        struct painting *p = state;
        for (size_t i = at; i < end && i < p->n && (size_t)kind < sizeof colour; i++)
                p->to[i] = colour[kind];
}
static void colour(void *state, const char *line, size_t n, uint8_t *to)
{
        struct painting painting = { to, n };
        struct parser p = { .token = (void *)paint, .token_state = &painting };
        struct unit *u = sh_parse(&p, state, line, n, NULL, NULL);
        sh_unit_drop(u ? u : p.u);
}

static char *history_path(struct sh *sh)
{
        const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
        char *path = NULL, dir[500];
        (void)sh;
        if (data && *data == '/')
                snprintf(dir, sizeof dir, "%s/reeve", data);
        else if (home && *home == '/')
                snprintf(dir, sizeof dir, "%s/.local/share/reeve", home);
        else
                return NULL;
        for (char *s = dir + 1; (s = strchr(s, '/')); s++) {
                *s = 0;
                mkdir(dir, 0700);
                *s = '/';
        }
        mkdir(dir, 0700);
        return asprintf(&path, "%s/history", dir) < 0 ? NULL : path;
}

static struct sh_edit *make_editor(struct sh *sh)
{
        static const struct sh_edit_hooks hooks = { is_complete, choices, colour };
        const char *term = getenv("TERM");
        if (!isatty(0) || !isatty(1) || !term || !*term || !strcmp(term, "dumb"))
                return NULL;
        struct sh_edit *e = sh_edit_new(0, 1, &hooks, sh);
        char *path = history_path(sh);
        sh_edit_use_history(e, sh_history_new(path));
        free(path);
        sh_edit_colours(e, !(getenv("NO_COLOR") && *getenv("NO_COLOR")));
        return e;
}

/* ---- no terminal, or one that can nothing: plain lines ---- */
/* A line, with its newline. 1, 0 at the end, -1 for Ctrl-C. */
static int read_line(struct sh_buf *to)
{
        char c;
        for (;;) {
                ssize_t n = read(0, &c, 1);
                if (n < 0 && errno == EINTR && sh_interrupt)
                        return -1;
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return to->n ? 1 : 0;
                sh_buf_put(to, &c, 1);
                if (c == '\n')
                        return 1;
        }
}

/* One statement, of one or more lines. 1, 0 at the end, -1 for Ctrl-C. */
static int read_statement(struct sh *sh, struct sh_edit *e, const char *prompt, struct sh_buf *text)
{
        char *line;
        text->n = 0;
        if (e) {
                int r = sh_edit_line(e, prompt, &line);
                if (r == SH_EDIT_LINE) {
                        sh_buf_puts(text, line);
                        free(line);
                }
                return r;
        }
        show(prompt);
        for (int r; (r = read_line(text)) > 0;) {
                if (is_complete(sh, text->p, text->n))
                        return 1;
                show(">> ");
        }
        return sh_interrupt ? -1 : text->n ? 1 : 0;
}

int sh_interactive(struct sh *sh)
{
        struct sh_edit *e = make_editor(sh);
        struct sh_buf text = { 0 };
        int st = SH_OK;
        for (;;) {
                sh_events_tell(sh, "PowerShell.OnIdle");
                struct sv p = prompt_text(sh);
                sh_interrupt = 0;
                int r = read_statement(sh, e, p.s->s, &text);
                if (r > 0 && sh_transcripts)
                        sh_transcript_command(p.s->s, text.p, text.n);
                sh_drop(p);
                if (r == 0)
                        break;
                if (r > 0 && text.n) {
                        struct sh_past_line *l = sh_past_begin(sh, text.p, text.n);
                        uint64_t id = l ? l->id : 0;
                        st = sh_text_status(sh, "", text.p, text.n, &sh->host, NULL);
                        sh_past_end(sh, id, st == SH_ERROR);
                }
                if (sh->interrupted || sh_interrupt) { /* Ctrl-C ends the statement, not the session */
                        sh->interrupted = false;
                        sh_interrupt = 0;
                        show("\n");
                        st = st == SH_EXIT ? SH_OK : st;
                }
                if (st == SH_EXIT)
                        break;
                if (st == SH_ERROR) {
                        sh_flush(sh);
                        sh_error_report(sh);
                }
                sh_flush(sh);
                st = SH_OK;
        }
        sh_edit_free(e);
        sh_buf_free(&text);
        return st;
}
