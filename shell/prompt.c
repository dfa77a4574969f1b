/* SPDX-License-Identifier: MIT
 *
 * The prompt: reads a statement, runs it, until exit or the end of the input. The `prompt` function says what is shown;
 * a statement that is not complete goes on behind ">> ".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/code.h"

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
        struct sv pwd = sh_pwd(sh), where = sh_to_text(sh, pwd);
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

static int run_typed(struct sh *sh, struct sh_buf *text)
{
        int st;
        for (bool incomplete = true; incomplete;) {
                incomplete = false;
                st = sh_text_status(sh, "", text->p, text->n, &sh->host, &incomplete);
                if (!incomplete)
                        break;
                show(">> ");
                int r = read_line(text);
                if (r < 0)
                        return SH_OK;
                if (r == 0)
                        return sh_text_status(sh, "", text->p, text->n, &sh->host, NULL);
        }
        return st;
}

int sh_interactive(struct sh *sh)
{
        struct sh_buf text = { 0 };
        int st = SH_OK;
        for (;;) {
                struct sv p = prompt_text(sh);
                show(p.s->s);
                sh_drop(p);
                text.n = 0;
                sh_interrupt = 0;
                int r = read_line(&text);
                if (r == 0)
                        break;
                if (r > 0)
                        st = run_typed(sh, &text);
                if (sh_interrupt) {
                        sh_interrupt = 0;
                        show("\n");
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
        sh_buf_free(&text);
        return st;
}
