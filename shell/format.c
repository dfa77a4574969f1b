/* SPDX-License-Identifier: MIT
 *
 * The back of the formatting engine: records in, lines out. Rows of a table whose widths are to be found are held,
 * for 300 ms at most (PowerShell's time), or to the group's end with -AutoSize; then widths are fixed and rows stream.
 */
#include "shell/format.h"
#include "shell/text.h"

#include <stdlib.h>
#include <time.h>

enum { HOLD_NOTHING, HOLD_TIME, HOLD_ALL };

struct sh_formatter {
        struct sh *sh;
        void (*line)(void *, const char *, size_t);
        void *state;
        int width;
        bool colour, terminal;
        struct sh_front *front;
        struct sh_record *start; /* of the document under way; kept */
        bool in_group;
        struct sh_table table;
        struct sv *wide; /* items of a row being filled */
        uint32_t nwide, wide_columns;
        uint8_t hold;
        bool holding;
        int64_t since;
        struct sv *held;
        uint32_t nheld, capheld;
};

/* ---- the records' types ---- */
static void record_free(struct sh_obj *o)
{
        struct sh_record *r = (struct sh_record *)o;
        for (uint32_t i = 0; i < r->ncols; i++)
                sh_drop(r->cols[i].label);
        free(r->cols);
        sh_drop(r->group);
        for (uint32_t i = 0; i < r->ncells; i++)
                sh_drop(r->cells[i]);
}

#define RECORD(var, text)                                                                                    \
        const struct sh_type var = { .name = "Microsoft.PowerShell.Commands.Internal.Format." text,          \
                                     .base = &sh_type_object,                                                \
                                     .free = record_free }
RECORD(sh_type_format_start, "FormatStartData");
RECORD(sh_type_format_group, "GroupStartData");
RECORD(sh_type_format_entry, "FormatEntryData");
RECORD(sh_type_format_group_end, "GroupEndData");
RECORD(sh_type_format_end, "FormatEndData");

struct sh_record *sh_record_of(struct sv v)
{
        struct sv base = sh_unwrap(v);
        if (base.kind != SH_OTHER || base.o->type->free != record_free)
                return NULL;
        return (struct sh_record *)base.o;
}

/* ---- lines ---- */
void sh_format_line(struct sh_formatter *f, const char *s, size_t n)
{
        if (!f->terminal) {
                f->line(f->state, s, n);
                return;
        }
        struct sh_buf b = { 0 };
        sh_buf_harmless(&b, s, n);
        f->line(f->state, b.n ? b.p : "", b.n);
        sh_buf_free(&b);
}

bool sh_format_colour(struct sh_formatter *f)
{
        return f->colour;
}

void sh_format_terminal(struct sh_formatter *f, bool yes)
{
        f->terminal = yes;
}

static void blank(struct sh_formatter *f)
{
        sh_format_line(f, "", 0);
}

static void wrapped_line(void *state, const char *s, size_t n)
{
        sh_format_line(state, s, n);
}

/* ---- groups ---- */
static void measure(struct sh_formatter *f, int *widths, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                widths[i] = f->start->cols[i].width > 0
                                    ? f->start->cols[i].width
                                    : sh_cells(f->start->cols[i].label.s->s, f->start->cols[i].label.s->len);
        for (uint32_t k = 0; k < f->nheld; k++) {
                struct sh_record *r = sh_record_of(f->held[k]);
                if (r->kind != SH_REC_ENTRY || r->out_of_band)
                        continue;
                for (uint32_t i = 0; i < n && i < r->ncells; i++) {
                        int w = sh_cells(r->cells[i].s->s, r->cells[i].s->len);
                        if (f->start->cols[i].width <= 0) /* a width that was asked for stays */
                                widths[i] = w > widths[i] ? w : widths[i];
                }
        }
}

static void begin_table(struct sh_formatter *f, const int *measured)
{
        uint32_t n = f->start->ncols;
        int *widths = calloc(n ? n : 1, sizeof(*widths));
        uint8_t *aligns = calloc(n ? n : 1, 1);
        if (!widths || !aligns)
                abort();
        for (uint32_t i = 0; i < n; i++) {
                widths[i] = measured ? measured[i] : f->start->cols[i].width;
                aligns[i] = f->start->cols[i].align;
        }
        sh_table_free_layout(&f->table);
        sh_table_init(&f->table, n, widths, aligns, f->width);
        free(widths);
        free(aligns);
        if (n && !f->start->hide_header)
                sh_table_header(f, &f->table, f->start->cols);
}

static void begin_wide(struct sh_formatter *f, bool measured)
{
        int n = f->start->columns > 0 ? f->start->columns : 2, widest = 0;
        if (measured && f->start->columns <= 0) {
                for (uint32_t k = 0; k < f->nheld; k++) {
                        struct sh_record *r = sh_record_of(f->held[k]);
                        if (r->kind != SH_REC_ENTRY || r->out_of_band)
                                continue;
                        int w = sh_cells(r->cells[0].s->s, r->cells[0].s->len);
                        widest = w > widest ? w : widest;
                }
                if (widest > 0)
                        n = sh_wide_columns(widest, f->width);
        }
        if (n > f->width)
                n = f->width > 0 ? f->width : 1;
        sh_table_free_layout(&f->table);
        sh_table_init(&f->table, (uint32_t)n, NULL, NULL, f->width);
        f->wide = calloc((size_t)n, sizeof(*f->wide));
        if (!f->wide)
                abort();
        f->wide_columns = (uint32_t)n;
        f->nwide = 0;
}

static void end_wide_row(struct sh_formatter *f)
{
        if (!f->nwide)
                return;
        sh_table_row(f, &f->table, f->wide, f->nwide, false, false);
        for (uint32_t i = 0; i < f->nwide; i++)
                sh_drop(f->wide[i]);
        f->nwide = 0;
}

static void begin_group(struct sh_formatter *f, struct sh_record *r, bool measured)
{
        f->in_group = true;
        if (r->group.kind == SH_STRING) {
                sh_wrap_lines(r->group.s->s, r->group.s->len, f->width, wrapped_line, f);
                blank(f);
        }
        if (!f->start)
                return;
        if (f->start->shape == SH_SHAPE_TABLE) {
                int *widths = NULL;
                if (measured && f->start->ncols) {
                        widths = calloc(f->start->ncols, sizeof(*widths));
                        if (!widths)
                                abort();
                        measure(f, widths, f->start->ncols);
                }
                begin_table(f, widths);
                free(widths);
        } else if (f->start->shape == SH_SHAPE_WIDE)
                begin_wide(f, measured);
}

static void end_group(struct sh_formatter *f)
{
        if (f->wide) {
                end_wide_row(f);
                free(f->wide);
                f->wide = NULL;
        }
        sh_table_free_layout(&f->table);
        f->in_group = false;
}

static void entry(struct sh_formatter *f, struct sh_record *r)
{
        if (r->out_of_band && r->shape == SH_SHAPE_LIST) {
                blank(f);
                sh_list_entry(f, r, f->width);
                blank(f);
                return;
        }
        if (r->out_of_band) {
                sh_format_line(f, r->cells[0].s->s, r->cells[0].s->len);
                return;
        }
        if (!f->in_group)
                return;
        switch (r->shape) {
        case SH_SHAPE_TABLE:
                if (f->table.n)
                        sh_table_row(f, &f->table, r->cells, r->ncells, r->wrap, false);
                break;
        case SH_SHAPE_LIST:
                sh_list_entry(f, r, f->width);
                blank(f);
                break;
        case SH_SHAPE_WIDE:
                if (!f->wide)
                        break;
                f->wide[f->nwide++] = sh_keep(r->cells[0]);
                if (f->nwide == f->wide_columns)
                        end_wide_row(f);
                break;
        default:
                sh_wrap_lines(r->cells[0].s->s, r->cells[0].s->len, f->width, wrapped_line, f);
        }
}

static void process(struct sh_formatter *f, struct sh_record *r, bool measured)
{
        switch (r->kind) {
        case SH_REC_START:
                blank(f);
                break;
        case SH_REC_GROUP:
                begin_group(f, r, measured);
                break;
        case SH_REC_ENTRY:
                entry(f, r);
                break;
        case SH_REC_GROUP_END:
                end_group(f);
                break;
        case SH_REC_END:
                if (r->shape != SH_SHAPE_LIST)
                        blank(f);
                if (f->start)
                        sh_drop((struct sv) { .kind = SH_OTHER, .o = &f->start->obj });
                f->start = NULL;
                f->hold = HOLD_NOTHING;
                break;
        }
}

/* ---- holding ---- */
static int64_t now_ms(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
        return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void release(struct sh_formatter *f)
{
        uint32_t n = f->nheld;
        f->holding = false;
        for (uint32_t i = 0; i < n; i++)
                process(f, sh_record_of(f->held[i]), true);
        for (uint32_t i = 0; i < n; i++)
                sh_drop(f->held[i]);
        f->nheld = 0;
}

static void hold(struct sh_formatter *f, struct sv v)
{
        if (f->nheld == f->capheld) {
                f->capheld = f->capheld ? 2 * f->capheld : 64;
                struct sv *p = realloc(f->held, f->capheld * sizeof(*p));
                if (!p)
                        abort();
                f->held = p;
        }
        f->held[f->nheld++] = sh_keep(v);
}

static void begin_document(struct sh_formatter *f, struct sv v)
{
        struct sh_record *r = sh_record_of(v);
        sh_keep(v);
        if (f->start)
                sh_drop((struct sv) { .kind = SH_OTHER, .o = &f->start->obj });
        f->start = r;
        f->hold = HOLD_NOTHING;
        if (r->autosize)
                f->hold = HOLD_ALL;
        else if (r->shape == SH_SHAPE_TABLE && r->ncols && r->cols[0].width == 0)
                f->hold = HOLD_TIME;
}

/* Records of a document that someone left open (a Format-Table that was cut short) are closed first. */
static void close_open(struct sh_formatter *f)
{
        if (f->holding)
                release(f);
        if (f->in_group)
                end_group(f);
        if (f->start && f->start->shape != SH_SHAPE_LIST)
                blank(f);
        if (f->start)
                sh_drop((struct sv) { .kind = SH_OTHER, .o = &f->start->obj });
        f->start = NULL;
}

static int take_record(void *state, struct sv v)
{
        struct sh_formatter *f = state;
        struct sh_record *r = sh_record_of(v);
        if (r->kind == SH_REC_START) {
                if (f->start)
                        close_open(f);
                begin_document(f, v);
        }
        if (r->kind == SH_REC_GROUP && f->hold) {
                if (f->holding)
                        release(f);
                f->holding = true;
                f->since = now_ms();
        }
        if (!f->holding) {
                process(f, r, false);
                return SH_OK;
        }
        hold(f, v);
        if (r->kind == SH_REC_GROUP_END || (f->hold == HOLD_TIME && now_ms() - f->since > 300))
                release(f);
        return SH_OK;
}

/* ---- from outside ---- */
struct sh_formatter *sh_format_new(struct sh *sh, void (*line)(void *, const char *, size_t), void *state, int width,
                                   bool colour)
{
        struct sh_formatter *f = calloc(1, sizeof(*f));
        if (!f)
                abort();
        f->sh = sh;
        f->line = line;
        f->state = state;
        f->width = width > 0 ? width : 120;
        f->colour = f->terminal = colour;
        f->front = sh_front_new(sh, NULL, take_record, f);
        return f;
}

int sh_format_write(struct sh_formatter *f, struct sv v)
{
        struct sh_record *r = sh_record_of(v);
        if (!r)
                return sh_front_write(f->front, v);
        /* A document made elsewhere ends the one of our own objects. */
        if (r->kind == SH_REC_START) {
                int st = sh_front_end(f->front);
                if (st)
                        return st;
        }
        return take_record(f, v);
}

int sh_format_end(struct sh_formatter *f)
{
        int r = sh_front_end(f->front);
        if (f->holding)
                release(f);
        if (f->start || f->in_group)
                close_open(f);
        sh_front_free(f->front);
        sh_table_free_layout(&f->table);
        free(f->held);
        free(f);
        return r;
}
