/* SPDX-License-Identifier: MIT
 *
 * One object as a list: "Name : value", names padded to the longest, further lines indented to the value.
 */
#include "shell/format.h"

struct list {
        struct sh_formatter *f;
        const char *label;
        size_t nlabel;
        int indent;
        bool first;
};

static void list_line(void *state, const char *s, size_t n)
{
        struct list *l = state;
        struct sh_buf line = { 0 };
        bool colour = l->first && sh_format_colour(l->f);
        if (colour)
                sh_buf_puts(&line, "\x1b[32;1m");
        if (l->first)
                sh_buf_field(&line, l->label, l->nlabel, l->indent - 3, SH_ALIGN_LEFT, true);
        else
                sh_buf_field(&line, "", 0, l->indent, SH_ALIGN_LEFT, true);
        if (l->first)
                sh_buf_puts(&line, " : ");
        if (colour)
                sh_buf_puts(&line, "\x1b[0m");
        sh_buf_put(&line, s, n);
        sh_format_line(l->f, line.p, line.n);
        sh_buf_free(&line);
        l->first = false;
}

void sh_list_entry(struct sh_formatter *f, const struct sh_record *r, int width)
{
        int most = 0;
        if (width < 5)
                return;
        for (uint32_t i = 0; i + 1 < r->ncells; i += 2) {
                int w = sh_cells(r->cells[i].s->s, r->cells[i].s->len);
                most = w > most ? w : most;
        }
        if (most > width - 4)
                most = width - 4;
        for (uint32_t i = 0; i + 1 < r->ncells; i += 2) {
                const struct sh_str *label = r->cells[i].s, *v = r->cells[i + 1].s;
                struct list l = { f, label->s, sh_cells_head(label->s, label->len, most), most + 3, true };
                sh_wrap_lines(v->s, v->len, width - l.indent, list_line, &l);
        }
}
