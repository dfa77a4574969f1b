/* SPDX-License-Identifier: MIT
 *
 * A table's widths and rows. Columns without a width share what is left; what does not fit is cut from the last
 * visible column on, then that column is dropped. A row is one line with cut cells, or as many as its cells wrap to.
 */
#include "shell/format.h"

#include <stdlib.h>

#define HEADER "\x1b[32;1m"
#define RESET "\x1b[0m"

static int table_width(const struct sh_table *t)
{
        int64_t sum = 0;
        int visible = 0;
        for (uint32_t i = 0; i < t->n; i++)
                if (t->widths[i] > 0) {
                        sum += t->widths[i];
                        visible++;
                }
        sum += visible - 1;
        return sum > INT32_MAX ? INT32_MAX : (int)sum;
}

/* False: too wide. */
static bool share_out(struct sh_table *t, int screen)
{
        uint32_t nfree = 0;
        for (uint32_t i = 0; i < t->n; i++)
                nfree += t->widths[i] <= 0;
        if (!nfree)
                return table_width(t) <= screen;
        bool *fixed = calloc(t->n, sizeof(*fixed));
        if (!fixed)
                return true;
        for (uint32_t i = 0; i < t->n; i++) {
                fixed[i] = t->widths[i] > 0;
                if (!fixed[i])
                        t->widths[i] = 1;
        }
        int room = screen - table_width(t);
        if (room > 0)
                for (uint32_t i = 0, k = 0; i < t->n; i++)
                        if (!fixed[i]) {
                                t->widths[i] += room / (int)nfree + ((int)k < room % (int)nfree);
                                k++;
                        }
        free(fixed);
        return room >= 0;
}

static void trim(struct sh_table *t, int screen)
{
        for (;;) {
                int excess = table_width(t) - screen, last = (int)t->n - 1;
                if (excess <= 0)
                        return;
                for (uint32_t i = 0; i < t->n; i++)
                        if (t->widths[i] < 0) {
                                last = (int)i - 1;
                                break;
                        }
                if (last < 0)
                        return;
                int left = t->widths[last] - excess;
                t->widths[last] = left < 1 ? -1 : left;
        }
}

void sh_table_init(struct sh_table *t, uint32_t n, const int *widths, const uint8_t *aligns, int screen)
{
        *t = (struct sh_table) { .n = n, .width = screen };
        t->widths = calloc(n ? n : 1, sizeof(*t->widths));
        t->aligns = calloc(n ? n : 1, 1);
        if (!t->widths || !t->aligns || screen < 1) {
                t->disabled = true;
                return;
        }
        for (uint32_t i = 0; i < n; i++) {
                t->widths[i] = widths ? widths[i] : 0;
                t->aligns[i] = aligns ? aligns[i] : SH_ALIGN_LEFT;
        }
        if (!share_out(t, screen))
                trim(t, screen);
        t->disabled = true;
        for (uint32_t i = 0; i < n; i++)
                if (t->widths[i] >= 1)
                        t->disabled = false;
}

void sh_table_free_layout(struct sh_table *t)
{
        free(t->widths);
        free(t->aligns);
        *t = (struct sh_table) { 0 };
}

/* ---- one line ---- */
/* Text up to a line's end, which an ellipsis stands for. */
static void first_line(struct sh_buf *b, const char *s, size_t n)
{
        size_t i = 0;
        while (i < n && s[i] != '\n' && s[i] != '\r')
                i++;
        sh_buf_put(b, s, i);
        if (i < n)
                sh_buf_puts(b, "\xE2\x80\xA6");
}

static void single_row(struct sh_formatter *f, struct sh_table *t, const struct sv *cells, uint32_t ncells,
                       bool header)
{
        struct sh_buf line = { 0 }, cell = { 0 };
        bool colour = header && sh_format_colour(f);
        for (uint32_t i = 0; i < t->n; i++) {
                if (t->widths[i] <= 0)
                        continue;
                if (i)
                        sh_buf_put(&line, " ", 1);
                cell.n = 0;
                if (i < ncells && cells[i].kind == SH_STRING)
                        first_line(&cell, cells[i].s->s, cells[i].s->len);
                if (colour)
                        sh_buf_puts(&line, HEADER);
                sh_buf_field(&line, cell.n ? cell.p : "", cell.n, t->widths[i], t->aligns[i], i + 1 < t->n);
                if (colour)
                        sh_buf_puts(&line, RESET);
        }
        sh_format_line(f, line.n ? line.p : "", line.n);
        sh_buf_free(&line);
        sh_buf_free(&cell);
}

/* ---- several lines ---- */
struct block { /* a cell's lines */
        struct sv *v;
        uint32_t n, cap;
};

static void add_line(void *state, const char *s, size_t n)
{
        struct block *b = state;
        if (b->n == b->cap) {
                b->cap = b->cap ? 2 * b->cap : 4;
                struct sv *v = realloc(b->v, b->cap * sizeof(*v));
                if (!v)
                        abort();
                b->v = v;
        }
        b->v[b->n++] = sh_string(s, n);
}

static void put_part(struct sh_buf *line, struct sh_table *t, uint32_t i, const struct block *b, uint32_t row,
                     bool last)
{
        bool pad = i + 1 < t->n;
        if (row >= b->n) {
                if (!last && pad)
                        sh_buf_field(line, "", 0, t->widths[i], SH_ALIGN_LEFT, true);
                return;
        }
        const struct sh_str *s = b->v[row].s;
        if (pad || t->aligns[i] == SH_ALIGN_RIGHT || t->aligns[i] == SH_ALIGN_CENTER)
                sh_buf_field(line, s->s, s->len, t->widths[i], t->aligns[i], pad);
        else
                sh_buf_put(line, s->s, s->len);
}

static void block_line(struct sh_formatter *f, struct sh_table *t, const struct block *blocks, uint32_t row,
                       uint32_t rows, bool colour)
{
        struct sh_buf line = { 0 };
        uint32_t last = 0;
        for (uint32_t i = 0; i < t->n; i++)
                if (t->widths[i] > 0 && blocks[i].n > row)
                        last = i;
        for (uint32_t i = 0; i <= last && i < t->n; i++) {
                if (t->widths[i] <= 0)
                        continue;
                if (i)
                        sh_buf_put(&line, " ", 1);
                if (colour)
                        sh_buf_puts(&line, HEADER);
                put_part(&line, t, i, &blocks[i], row, i == last);
                if (colour)
                        sh_buf_puts(&line, RESET);
        }
        if (rows > 1)
                while (line.n && line.p[line.n - 1] == ' ')
                        line.n--;
        sh_format_line(f, line.n ? line.p : "", line.n);
        sh_buf_free(&line);
}

static void wrapped_row(struct sh_formatter *f, struct sh_table *t, const struct sv *cells, uint32_t ncells,
                        bool header)
{
        struct block *blocks = calloc(t->n, sizeof(*blocks));
        uint32_t rows = 0;
        if (!blocks)
                return;
        for (uint32_t i = 0; i < t->n; i++) {
                if (t->widths[i] <= 0)
                        continue;
                bool text = i < ncells && cells[i].kind == SH_STRING;
                sh_wrap_lines(text ? cells[i].s->s : "", text ? cells[i].s->len : 0, t->widths[i], add_line,
                              &blocks[i]);
                if (blocks[i].n > rows)
                        rows = blocks[i].n;
        }
        for (uint32_t row = 0; row < rows; row++)
                block_line(f, t, blocks, row, rows, header && sh_format_colour(f));
        for (uint32_t i = 0; i < t->n; i++) {
                for (uint32_t k = 0; k < blocks[i].n; k++)
                        sh_drop(blocks[i].v[k]);
                free(blocks[i].v);
        }
        free(blocks);
}

void sh_table_row(struct sh_formatter *f, struct sh_table *t, const struct sv *cells, uint32_t ncells, bool wrap,
                  bool header)
{
        if (t->disabled)
                return;
        if (wrap)
                wrapped_row(f, t, cells, ncells, header);
        else
                single_row(f, t, cells, ncells, header);
}

void sh_table_header(struct sh_formatter *f, struct sh_table *t, const struct sh_record_col *cols)
{
        if (t->disabled)
                return;
        struct sv *labels = calloc(t->n, sizeof(*labels));
        if (!labels)
                return;
        for (uint32_t i = 0; i < t->n; i++)
                labels[i] = cols[i].label;
        sh_table_row(f, t, labels, t->n, true, true);
        for (uint32_t i = 0; i < t->n; i++) {
                struct sh_buf dashes = { 0 };
                int w = t->widths[i], have = labels[i].s->len ? sh_cells(labels[i].s->s, labels[i].s->len) : w;
                for (int k = 0; k < w && k < have; k++)
                        sh_buf_put(&dashes, "-", 1);
                labels[i] = sh_buf_take(&dashes);
        }
        sh_table_row(f, t, labels, t->n, false, true);
        for (uint32_t i = 0; i < t->n; i++)
                sh_drop(labels[i]);
        free(labels);
}
