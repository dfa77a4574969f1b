/* SPDX-License-Identifier: MIT
 *
 * Formatting in two halves, as PowerShell has it. The front looks at objects and writes records: a document begins
 * (its shape and columns), a group begins, a row, ends. The back lays records out as lines. Format-Table is a front
 * without a back, so that its records can be piped on; what shows objects is a back that makes its own front for
 * whatever is not a record yet.
 */
#ifndef SH_FORMAT_H
#define SH_FORMAT_H

#include "shell/property.h"

enum sh_shape { SH_SHAPE_NONE, SH_SHAPE_TABLE, SH_SHAPE_LIST, SH_SHAPE_WIDE, SH_SHAPE_CUSTOM };

/* ---- views: view.c ---- */
struct sh_view_col {
        const char *label, *prop; /* label NULL: the property's name */
        int16_t width;
        uint8_t align;
        int (*text)(struct sh *, struct sv, struct sv *ret); /* instead of a property */
        const char *format;
        double divisor;
};
struct sh_view {
        const char *const *types; /* NULL-ended */
        const char *name;
        enum sh_shape shape;
        bool out_of_band, autosize, wrap;
        const char *group;                                         /* property */
        int (*group_text)(struct sh *, struct sv, struct sv *ret); /* the whole line */
        const struct sh_view_col *cols;
        uint32_t ncols;
        void (*custom)(struct sh *, struct sv, struct sh_buf *);
};
extern const struct sh_view sh_views[];
extern const uint32_t sh_nviews;
/* shape NONE: of any shape. name NULL: any. SH_MODEL objects answer their class' view: *ret_made is then to be ended
 * by sh_view_free. */
const struct sh_view *sh_view_find(struct sh *, struct sv object, enum sh_shape, const char *name, bool oob,
                                   struct sh_view **ret_made);
bool sh_view_applies(struct sh *, const struct sh_view *, struct sv object);
void sh_view_free(struct sh_view *);
/* What a list or table shows when there is no view: NULL-ended, or NULL. */
const char *const *sh_default_properties(struct sh *, struct sv object);
bool sh_is_scalar_type(struct sv); /* strings, numbers, enums ...: shown as their text */

/* ---- records ---- */
enum sh_record_kind { SH_REC_START, SH_REC_GROUP, SH_REC_ENTRY, SH_REC_GROUP_END, SH_REC_END };
struct sh_record_col {
        struct sv label; /* string */
        int width;
        uint8_t align;
};
struct sh_record {
        struct sh_obj obj;
        uint8_t kind, shape;
        /* start */
        bool autosize, hide_header, repeat_header;
        int columns; /* wide */
        uint32_t ncols;
        struct sh_record_col *cols;
        /* group start: the line, or nil */
        struct sv group;
        /* entry: cells of a row; labels and values of a list, alternating; one text */
        bool out_of_band, wrap;
        uint32_t ncells;
        struct sv cells[];
};
extern const struct sh_type sh_type_format_start, sh_type_format_group, sh_type_format_entry,
        sh_type_format_group_end, sh_type_format_end;
struct sh_record *sh_record_of(struct sv); /* NULL: not a record */

/* ---- front: format_front.c ---- */
struct sh_format_options {
        enum sh_shape shape;
        struct sh_props props;
        struct sv exclude;
        struct sh_props group_by;
        const char *view;
        int8_t autosize, hide_header, wrap; /* -1: not said */
        bool repeat_header, force, expand_core;
        int columns, depth;
};
struct sh_front;
struct sh_front *sh_front_new(struct sh *, const struct sh_format_options *,
                              int (*emit)(void *, struct sv record), void *);
int sh_front_write(struct sh_front *, struct sv);
int sh_front_end(struct sh_front *); /* closes the document; may be written to again */
void sh_front_free(struct sh_front *);

/* ---- text in cells: format_cell.c ---- */
int sh_cells(const char *, size_t n);                     /* columns on a screen */
size_t sh_cells_head(const char *, size_t n, int cells);  /* bytes of what fits, from the start */
size_t sh_cells_tail(const char *, size_t n, int cells);  /* offset of what fits, up to the end */
/* Breaks at newlines and, where longer than width, at words. each gets every line. */
void sh_wrap_lines(const char *, size_t n, int width, void (*each)(void *, const char *, size_t), void *);
/* A value in a cell: collections as {a, b...}. */
void sh_cell_text(struct sh *, struct sh_buf *, struct sv, int limit, bool table);
int sh_enumeration_limit(struct sh *);
/* Control characters become pictures of themselves; colours (SGR), line ends and tabs stay. */
void sh_buf_harmless(struct sh_buf *, const char *, size_t n);
/* A field of exactly width cells (unless !pad and left): cut with an ellipsis or filled up. */
void sh_buf_field(struct sh_buf *, const char *, size_t n, int width, uint8_t align, bool pad);

/* ---- back ---- */
struct sh_table {
        uint32_t n;
        int *widths; /* <= 0: hidden */
        uint8_t *aligns;
        bool disabled;
        int width;
};
void sh_format_line(struct sh_formatter *, const char *, size_t n);
bool sh_format_colour(struct sh_formatter *);
void sh_table_init(struct sh_table *, uint32_t n, const int *widths, const uint8_t *aligns, int screen);
void sh_table_free_layout(struct sh_table *);
void sh_table_row(struct sh_formatter *, struct sh_table *, const struct sv *cells, uint32_t ncells, bool wrap,
                  bool header);
void sh_table_header(struct sh_formatter *, struct sh_table *, const struct sh_record_col *);
void sh_list_entry(struct sh_formatter *, const struct sh_record *, int width);
int sh_wide_columns(int widest, int screen); /* how many fit beside each other */
/* The output goes to a terminal: control characters are made harmless also in plain strings. Default: as colour. */
void sh_format_terminal(struct sh_formatter *, bool);

void sh_desired_shown(struct sh *, struct sv result, struct sh_buf *); /* Test-, Set-DesiredState: a line for each */
void sh_match_shown(struct sh *, struct sv match, struct sh_buf *); /* Select-String: paths from the current folder */

#endif
