/* SPDX-License-Identifier: MIT
 *
 * Objects in, records out. The first object of a document chooses its view: what Format-* was asked for, else the
 * view registered for its type, else its properties: up to four make a table, more a list. Scalars, errors and what a
 * registered view does not fit go "out of band": shown between rows without ending the document.
 */
#include "shell/format.h"
#include "shell/text.h"

#include <stdlib.h>

enum state { OUTSIDE, IN_DOCUMENT, IN_GROUP };

struct column { /* of a table made from properties */
        struct sh_prop prop;
        bool owned;
};

struct sh_front {
        struct sh *sh;
        const struct sh_format_options *o;
        int (*emit)(void *, struct sv);
        void *emit_state;
        enum state state;
        enum sh_shape shape;
        const struct sh_view *view;
        struct sh_view *made;
        struct column *cols;
        uint32_t ncols, capcols;
        struct sv group_value;
        bool grouped; /* a group value was seen */
        int limit;
};

struct sh_front *sh_front_new(struct sh *sh, const struct sh_format_options *o, int (*emit)(void *, struct sv),
                              void *state)
{
        static const struct sh_format_options plain = { .autosize = -1, .hide_header = -1, .wrap = -1 };
        struct sh_front *f = calloc(1, sizeof(*f));
        if (!f)
                abort();
        f->sh = sh;
        f->o = o ? o : &plain;
        f->emit = emit;
        f->emit_state = state;
        return f;
}

static void drop_view(struct sh_front *f)
{
        for (uint32_t i = 0; i < f->ncols; i++)
                if (f->cols[i].owned) {
                        sh_drop(f->cols[i].prop.name);
                        sh_drop(f->cols[i].prop.label);
                }
        f->ncols = 0;
        sh_view_free(f->made);
        f->made = NULL;
        f->view = NULL;
        sh_drop(f->group_value);
        f->group_value = SH_NIL;
        f->grouped = false;
}

void sh_front_free(struct sh_front *f)
{
        if (!f)
                return;
        drop_view(f);
        free(f->cols);
        free(f);
}

static struct sh_record *record_new(enum sh_record_kind kind, enum sh_shape shape, uint32_t ncells)
{
        static const struct sh_type *const types[] = { &sh_type_format_start, &sh_type_format_group,
                                                       &sh_type_format_entry, &sh_type_format_group_end,
                                                       &sh_type_format_end };
        struct sh_record *r = calloc(1, sizeof(*r) + ncells * sizeof(*r->cells));
        if (!r)
                abort();
        r->obj = (struct sh_obj) { .refs = 1, .type = types[kind] };
        r->kind = (uint8_t)kind;
        r->shape = (uint8_t)shape;
        r->ncells = ncells;
        return r;
}

static int emit(struct sh_front *f, struct sh_record *r)
{
        struct sv v = { .kind = SH_OTHER, .o = &r->obj };
        int st = f->emit(f->emit_state, v);
        sh_drop(v);
        return st;
}

static struct sv value_text(struct sh_front *f, struct sv v, const struct sv *format, bool table)
{
        struct sh_buf b = { 0 };
        if (format && format->kind == SH_STRING && format->s->len) {
                struct sh_args args = { 1, &v };
                bool composite = memchr(format->s->s, '}', format->s->len) != NULL;
                int r = composite ? sh_format_composite(f->sh, format->s->s, format->s->len, args, &b)
                                  : sh_format_value(f->sh, sh_unwrap(v), format->s->s, format->s->len, &b);
                if (r == SH_OK)
                        return sh_buf_take(&b);
                if (r == SH_ERROR)
                        sh_drop(sh_error_take(f->sh));
                b.n = 0;
        }
        sh_cell_text(f->sh, &b, v, f->limit, table);
        return sh_buf_take(&b);
}

/* ---- columns from properties ---- */
static void add_column(struct sh_front *f, struct sh_prop p, bool owned)
{
        if (f->ncols == f->capcols) {
                f->capcols = f->capcols ? 2 * f->capcols : 8;
                struct column *c = realloc(f->cols, f->capcols * sizeof(*c));
                if (!c)
                        abort();
                f->cols = c;
        }
        f->cols[f->ncols++] = (struct column) { p, owned };
}

struct adding {
        struct sh_front *f;
        const struct sh_prop *from;
        uint32_t limit;
};

static bool add_named(void *state, const char *name, size_t n, int kind)
{
        struct adding *a = state;
        struct sh_front *f = a->f;
        (void)kind;
        if (f->ncols >= a->limit)
                return false;
        for (uint32_t i = 0; i < f->ncols; i++)
                if (a->from && f->cols[i].prop.name.kind == SH_STRING &&
                    sh_text_same(f->cols[i].prop.name.s->s, f->cols[i].prop.name.s->len, name, n))
                        return true;
        struct sh_prop p = { .name = sh_string(name, n), .descending = -1 };
        if (a->from) {
                p.label = sh_keep(a->from->label);
                p.format = a->from->format;
                p.width = a->from->width;
                p.align = a->from->align;
        }
        add_column(f, p, true);
        return true;
}

static bool add_expanded(void *state, const char *name, size_t n)
{
        return add_named(state, name, n, SH_PROPERTY);
}

static void columns_asked(struct sh_front *f, struct sv v)
{
        for (uint32_t i = 0; i < f->o->props.n; i++) {
                const struct sh_prop *p = &f->o->props.v[i];
                struct adding a = { f, p, UINT32_MAX };
                if (p->wildcard) {
                        sh_prop_expand(f->sh, v, p, add_expanded, &a);
                        continue;
                }
                struct sv name = SH_NIL;
                if (p->name.kind == SH_STRING)
                        name = sh_prop_actual(f->sh, v, p->name.s->s, p->name.s->len);
                if (name.kind != SH_STRING) {
                        if (p->block.kind == SH_BLOCK || f->shape != SH_SHAPE_LIST)
                                add_column(f, *p, false);
                        continue;
                }
                struct sh_prop copy = *p;
                copy.name = name;
                copy.label = sh_keep(p->label);
                add_column(f, copy, true);
        }
}

static void columns_exclude(struct sh_front *f)
{
        uint32_t n = 0;
        for (uint32_t i = 0; i < f->ncols; i++) {
                struct sh_prop *p = &f->cols[i].prop;
                if (p->name.kind == SH_STRING && sh_prop_excluded(f->o->exclude, p->name.s->s, p->name.s->len)) {
                        if (f->cols[i].owned) {
                                sh_drop(p->name);
                                sh_drop(p->label);
                        }
                        continue;
                }
                f->cols[n++] = f->cols[i];
        }
        f->ncols = n;
}

static void columns_of(struct sh_front *f, struct sv v)
{
        const char *const *defaults = sh_default_properties(f->sh, v);
        struct adding a = { f, NULL, f->shape == SH_SHAPE_TABLE ? 10 : UINT32_MAX };
        for (uint32_t i = 0; i < f->ncols; i++)
                if (f->cols[i].owned) {
                        sh_drop(f->cols[i].prop.name);
                        sh_drop(f->cols[i].prop.label);
                }
        f->ncols = 0;
        if (f->o->props.n)
                columns_asked(f, v);
        else if (defaults && sh_is_null(f->o->exclude))
                for (; *defaults; defaults++)
                        add_named(&a, *defaults, strlen(*defaults), SH_PROPERTY);
        else
                sh_prop_all(f->sh, v, add_named, &a);
        if (!sh_is_null(f->o->exclude))
                columns_exclude(f);
}

static bool count_each(void *state, const char *name, size_t n, int kind)
{
        uint32_t *count = state;
        (void)name, (void)n, (void)kind;
        return ++*count <= 4;
}

static enum sh_shape shape_by_properties(struct sh_front *f, struct sv v)
{
        const char *const *defaults = sh_default_properties(f->sh, v);
        uint32_t n = 0;
        if (defaults)
                while (n <= 4 && defaults[n])
                        n++;
        else
                sh_properties(f->sh, v, count_each, &n);
        return n <= 4 ? SH_SHAPE_TABLE : SH_SHAPE_LIST;
}

/* ---- out of band ---- */
static int emit_text(struct sh_front *f, struct sv text_owned)
{
        struct sh_record *r = record_new(SH_REC_ENTRY, SH_SHAPE_NONE, 1);
        r->out_of_band = true;
        r->cells[0] = text_owned;
        return emit(f, r);
}

static bool any_each(void *state, const char *name, size_t n, int kind)
{
        (void)kind;
        if (n == 14 && memcmp(name, "PSComputerName", 14) == 0)
                return true;
        if ((n == 10 && memcmp(name, "RunspaceId", 10) == 0) || (n == 18 && !memcmp(name, "PSShowComputerName", 18)))
                return true;
        *(bool *)state = true;
        return false;
}

static struct sh_record *list_record(struct sh_front *f, struct sv v);

/* SH_NONE: not an object to be shown so. */
static int out_of_band(struct sh_front *f, struct sv v, bool inside)
{
        struct sh_view *made = NULL;
        const struct sh_view *view = sh_view_find(f->sh, v, SH_SHAPE_NONE, NULL, true, &made);
        if (view) {
                struct sh_buf b = { 0 };
                view->custom(f->sh, v, &b);
                sh_view_free(made);
                return emit_text(f, sh_buf_take(&b));
        }
        bool any = false;
        if (!sh_is_scalar_type(v))
                sh_properties(f->sh, v, any_each, &any);
        if (!any)
                return emit_text(f, sh_to_text(f->sh, v));
        if (!inside)
                return SH_NONE;
        struct sh_front list = { .sh = f->sh, .o = f->o, .shape = SH_SHAPE_LIST, .limit = f->limit };
        struct sh_format_options plain = { .autosize = -1, .hide_header = -1, .wrap = -1 };
        list.o = &plain;
        struct sh_record *r = list_record(&list, v);
        r->out_of_band = true;
        drop_view(&list);
        free(list.cols);
        return emit(f, r);
}

/* ---- rows ---- */
static struct sv view_cell(struct sh_front *f, const struct sh_view_col *c, struct sv v)
{
        struct sv got = SH_NIL;
        int r = c->text ? c->text(f->sh, v, &got) : sh_prop_get(f->sh, v, c->prop, strlen(c->prop), &got);
        if (r == SH_ERROR)
                sh_drop(sh_error_take(f->sh));
        if (r != SH_OK)
                return sh_text("");
        double d;
        if (c->divisor && sh_to_double(f->sh, got, &d)) {
                sh_drop(got);
                got = sh_double(d / c->divisor);
        }
        struct sv fmt = c->format ? sh_text(c->format) : SH_NIL;
        struct sv text = value_text(f, got, &fmt, false);
        sh_drop(fmt);
        sh_drop(got);
        return text;
}

static struct sv column_cell(struct sh_front *f, const struct sh_prop *p, struct sv v, bool table)
{
        struct sv got;
        if (sh_prop_soft(f->sh, p, v, &got) != SH_OK)
                return sh_text("");
        struct sv text = value_text(f, got, &p->format, table);
        sh_drop(got);
        return text;
}

static struct sh_record *table_record(struct sh_front *f, struct sv v)
{
        uint32_t n = f->view ? f->view->ncols : f->ncols;
        struct sh_record *r = record_new(SH_REC_ENTRY, SH_SHAPE_TABLE, n);
        for (uint32_t i = 0; i < n; i++)
                r->cells[i] = f->view ? view_cell(f, &f->view->cols[i], v)
                                      : column_cell(f, &f->cols[i].prop, v, true);
        r->wrap = f->o->wrap >= 0 ? f->o->wrap : f->view && f->view->wrap;
        return r;
}

static struct sh_record *list_record(struct sh_front *f, struct sv v)
{
        if (!f->view)
                columns_of(f, v);
        uint32_t n = f->view ? f->view->ncols : f->ncols;
        struct sh_record *r = record_new(SH_REC_ENTRY, SH_SHAPE_LIST, 2 * n);
        for (uint32_t i = 0; i < n; i++) {
                const struct sh_view_col *c = f->view ? &f->view->cols[i] : NULL;
                r->cells[2 * i] = c ? sh_text(c->label ? c->label : c->prop)
                                    : sh_prop_label(f->sh, &f->cols[i].prop);
                r->cells[2 * i + 1] = c ? view_cell(f, c, v) : column_cell(f, &f->cols[i].prop, v, false);
        }
        return r;
}

struct widest {
        int rank;
        struct sv name;
};

static bool wide_each(void *state, const char *name, size_t n, int kind)
{
        static const char *const patterns[] = { "name", "id", "key", "*key", "*name", "*id" };
        struct widest *w = state;
        (void)kind;
        for (int i = 0; i < w->rank; i++)
                if (sh_wildcard(patterns[i], strlen(patterns[i]), name, n, false)) {
                        sh_drop(w->name);
                        w->name = sh_string(name, n);
                        w->rank = i;
                }
        return w->rank > 0;
}

static struct sv wide_text(struct sh_front *f, struct sv v)
{
        if (f->o->props.n)
                return column_cell(f, &f->o->props.v[0], v, false);
        if (f->view)
                return view_cell(f, &f->view->cols[0], v);
        struct widest w = { 6, SH_NIL };
        sh_properties(f->sh, v, wide_each, &w);
        struct sv got;
        if (w.name.kind == SH_STRING && sh_get(f->sh, v, w.name.s->s, w.name.s->len, &got) == SH_OK) {
                sh_drop(w.name);
                struct sv text = value_text(f, got, NULL, false);
                sh_drop(got);
                return text;
        }
        sh_drop(w.name);
        return value_text(f, v, NULL, false);
}

/* ---- Format-Custom: objects as nested classes ---- */
static void indent(struct sh_buf *b, int n)
{
        for (int i = 0; i < n; i++)
                sh_buf_puts(b, "  ");
}

static void custom_value(struct sh_front *f, struct sh_buf *b, struct sv v, int level, int depth);
struct custom {
        struct sh_front *f;
        struct sh_buf *b;
        struct sv v;
        int level, depth;
};

static bool custom_each(void *state, const char *name, size_t n, int kind)
{
        struct custom *c = state;
        struct sv got;
        (void)kind;
        indent(c->b, c->level);
        sh_buf_put(c->b, name, n);
        sh_buf_puts(c->b, " = ");
        int r = sh_prop_get(c->f->sh, c->v, name, n, &got);
        if (r == SH_ERROR)
                sh_drop(sh_error_take(c->f->sh));
        if (r == SH_OK) {
                custom_value(c->f, c->b, got, c->level, c->depth);
                sh_drop(got);
        }
        sh_buf_put(c->b, "\n", 1);
        return true;
}

static bool custom_named(void *state, const char *name, size_t n)
{
        return custom_each(state, name, n, SH_PROPERTY);
}

static void custom_object(struct sh_front *f, struct sh_buf *b, struct sv v, int level, int depth)
{
        const struct sh_type *t = sh_type_of(v);
        const char *dot = t ? strrchr(t->name, '.') : NULL;
        sh_buf_putf(b, "class %s\n", dot ? dot + 1 : t ? t->name : "");
        indent(b, level);
        sh_buf_puts(b, "{\n");
        struct custom c = { f, b, v, level + 1, depth };
        if (level || !f->o->props.n)
                sh_prop_all(f->sh, v, custom_each, &c);
        else
                for (uint32_t i = 0; i < f->o->props.n; i++) {
                        const struct sh_prop *p = &f->o->props.v[i];
                        if (p->wildcard)
                                sh_prop_expand(f->sh, v, p, custom_named, &c);
                        else if (p->name.kind == SH_STRING)
                                custom_each(&c, p->name.s->s, p->name.s->len, SH_PROPERTY);
                }
        indent(b, level);
        sh_buf_puts(b, "}");
}

static void custom_value(struct sh_front *f, struct sh_buf *b, struct sv v, int level, int depth)
{
        struct sv base = sh_unwrap(v), item;
        if (depth > 0 && base.kind != SH_HASH && sh_is_enumerable(base)) {
                size_t pos = 0;
                sh_buf_puts(b, "\n");
                indent(b, level + 1);
                sh_buf_puts(b, "[\n");
                for (int i = 0; sh_next(base, &pos, &item); i++) {
                        indent(b, level + 2);
                        if (i == f->limit)
                                sh_buf_puts(b, "...");
                        else
                                custom_value(f, b, item, level + 2, depth - 1);
                        sh_buf_puts(b, "\n");
                        sh_drop(item);
                        if (i == f->limit)
                                break;
                }
                indent(b, level + 1);
                sh_buf_puts(b, "]\n");
                return;
        }
        bool any = false;
        if (depth > 0 && !sh_is_null(base) && !sh_is_scalar_type(base) && base.kind != SH_HASH)
                sh_properties(f->sh, v, any_each, &any);
        if (any) {
                sh_buf_puts(b, "\n");
                indent(b, level + 1);
                custom_object(f, b, v, level + 1, depth - 1);
                sh_buf_puts(b, "\n");
                return;
        }
        sh_cell_text(f->sh, b, v, f->limit, false);
}

static struct sh_record *text_record(struct sh_front *f, struct sv v)
{
        struct sh_record *r = record_new(SH_REC_ENTRY, f->shape, 1);
        struct sh_buf b = { 0 };
        if (f->shape == SH_SHAPE_WIDE) {
                r->cells[0] = wide_text(f, v);
                return r;
        }
        if (f->view)
                f->view->custom(f->sh, v, &b);
        else {
                custom_object(f, &b, v, 0, f->o->depth ? f->o->depth : 5);
                sh_buf_puts(&b, "\n");
        }
        r->cells[0] = sh_buf_take(&b);
        return r;
}

/* ---- documents and groups ---- */
static uint8_t default_align(struct sh_front *f, const struct sh_prop *p, struct sv v)
{
        struct sv got;
        if (sh_prop_soft(f->sh, p, v, &got) != SH_OK)
                return SH_ALIGN_LEFT;
        struct sv base = sh_unwrap(got);
        bool right = base.kind != SH_STRING && base.kind != SH_ENUM && sh_is_scalar_type(base);
        sh_drop(got);
        return right ? SH_ALIGN_RIGHT : SH_ALIGN_LEFT;
}

static void start_columns(struct sh_front *f, struct sh_record *r, struct sv v)
{
        r->ncols = f->view ? f->view->ncols : f->ncols;
        r->cols = calloc(r->ncols ? r->ncols : 1, sizeof(*r->cols));
        if (!r->cols)
                abort();
        for (uint32_t i = 0; i < r->ncols; i++) {
                if (f->view) {
                        const struct sh_view_col *c = &f->view->cols[i];
                        r->cols[i] = (struct sh_record_col) { sh_text(c->label ? c->label : c->prop), c->width,
                                                              c->align };
                        continue;
                }
                const struct sh_prop *p = &f->cols[i].prop;
                r->cols[i] = (struct sh_record_col) { sh_prop_label(f->sh, p), p->width,
                                                      p->align ? p->align : default_align(f, p, v) };
        }
}

static int view_missing(struct sh_front *f, struct sv v)
{
        static const char *const names[] = { "", "Table", "List", "Wide", "Custom" };
        const struct sh_type *t = sh_type_of(v);
        return sh_throw(f->sh, "FormatViewNotFound", "ObjectNotFound", SH_NIL,
                        "The view name %s cannot be found. Retry the command with a valid view name. "
                        "There is no %s view for %s objects.",
                        f->o->view, names[f->shape], t ? t->name : "null");
}

static int begin_document(struct sh_front *f, struct sv v)
{
        f->limit = sh_enumeration_limit(f->sh);
        f->shape = f->o->shape;
        if (!(f->shape && f->o->props.n))
                f->view = sh_view_find(f->sh, v, f->shape, f->o->view, false, &f->made);
        if (f->o->view && !f->view)
                return view_missing(f, v);
        if (f->view && !sh_is_null(f->o->exclude)) {
                sh_view_free(f->made);
                f->view = f->made = NULL;
        }
        if (!f->shape)
                f->shape = f->view ? f->view->shape : shape_by_properties(f, v);
        if (!f->view && f->shape == SH_SHAPE_TABLE)
                columns_of(f, v);
        struct sh_record *r = record_new(SH_REC_START, f->shape, 0);
        r->autosize = f->o->autosize >= 0 ? f->o->autosize : f->view && f->view->autosize;
        r->hide_header = f->o->hide_header > 0;
        r->repeat_header = f->o->repeat_header;
        r->columns = f->o->columns;
        if (f->shape == SH_SHAPE_TABLE)
                start_columns(f, r, v);
        f->state = IN_DOCUMENT;
        return emit(f, r);
}

static struct sv group_value(struct sh_front *f, struct sv v)
{
        struct sv got = SH_NIL;
        if (f->o->group_by.n) {
                sh_prop_soft(f->sh, &f->o->group_by.v[0], v, &got);
        } else if (f->view && f->view->group) {
                int r = sh_get(f->sh, v, f->view->group, strlen(f->view->group), &got);
                if (r == SH_ERROR)
                        sh_drop(sh_error_take(f->sh));
                if (r != SH_OK)
                        got = SH_NIL;
        }
        return got;
}

static bool is_grouped(const struct sh_front *f)
{
        return f->o->group_by.n || (f->view && f->view->group);
}

static int begin_group(struct sh_front *f, struct sv v)
{
        struct sh_record *r = record_new(SH_REC_GROUP, f->shape, 0);
        f->state = IN_GROUP;
        if (!is_grouped(f))
                return emit(f, r);
        struct sh_buf b = { 0 };
        if (!f->o->group_by.n && f->view->group_text) {
                struct sv t = SH_NIL;
                if (f->view->group_text(f->sh, v, &t) == SH_OK)
                        r->group = t;
                return emit(f, r);
        }
        struct sv label;
        if (f->o->group_by.n) {
                const struct sh_prop *p = &f->o->group_by.v[0];
                label = sh_prop_label(f->sh, p);
                if (p->label.kind != SH_STRING && p->name.kind == SH_STRING) {
                        struct sv actual = sh_prop_actual(f->sh, v, p->name.s->s, p->name.s->len);
                        if (actual.kind == SH_STRING) {
                                sh_drop(label);
                                label = actual;
                        }
                }
        } else
                label = sh_text(f->view->group);
        sh_buf_putf(&b, "   %s: ", label.s->s);
        sh_drop(label);
        sh_cell_text(f->sh, &b, f->group_value, f->limit, false);
        r->group = sh_buf_take(&b);
        return emit(f, r);
}

static bool group_changed(struct sh_front *f, struct sv v)
{
        if (!is_grouped(f))
                return false;
        struct sv now = group_value(f, v);
        bool same = f->grouped && sh_is_null(now) == sh_is_null(f->group_value) &&
                    (sh_is_null(now) || sh_order(f->sh, now, f->group_value, false) == 0);
        sh_drop(f->group_value);
        f->group_value = now;
        f->grouped = true;
        return !same;
}

static int write_row(struct sh_front *f, struct sv v)
{
        switch (f->shape) {
        case SH_SHAPE_TABLE:
                return emit(f, table_record(f, v));
        case SH_SHAPE_LIST:
                return emit(f, list_record(f, v));
        default:
                return emit(f, text_record(f, v));
        }
}

static int write_object(struct sh_front *f, struct sv v)
{
        int r;
        bool oob = !(f->o->shape && f->o->force);
        if (f->state == OUTSIDE) {
                f->limit = sh_enumeration_limit(f->sh);
        }
        if (oob && (r = out_of_band(f, v, false)) != SH_NONE)
                return r;
        if (f->state == OUTSIDE && (r = begin_document(f, v)) != SH_OK)
                return r;
        if (oob && f->view && !sh_view_applies(f->sh, f->view, v) && (r = out_of_band(f, v, true)) != SH_NONE)
                return r;
        bool changed = group_changed(f, v);
        if (f->state == IN_GROUP && changed) {
                if ((r = emit_text(f, sh_text(""))) != SH_OK)
                        return r;
                if ((r = emit(f, record_new(SH_REC_GROUP_END, f->shape, 0))) != SH_OK)
                        return r;
                f->state = IN_DOCUMENT;
        }
        if (f->state == IN_DOCUMENT && (r = begin_group(f, v)) != SH_OK)
                return r;
        return write_row(f, v);
}

/* A hash table is shown as its entries. */
static int write_entries(struct sh_front *f, struct sv hash)
{
        struct sv k, v;
        for (uint32_t i = 0; sh_hash_at(hash.h, i, &k, &v); i++) {
                struct sv e = sh_object_new();
                sh_object_set(e, "Name", 4, k);
                sh_object_set(e, "Key", 3, k);
                sh_object_set(e, "Value", 5, v);
                sh_object_type(e, "System.Collections.DictionaryEntry");
                int r = write_object(f, e);
                sh_drop(e);
                if (r)
                        return r;
        }
        return SH_OK;
}

int sh_front_write(struct sh_front *f, struct sv v)
{
        struct sv base = sh_unwrap(v), item;
        if (sh_is_null(base))
                return SH_OK;
        if (sh_record_of(v))
                return f->emit(f->emit_state, v);
        if (f->o->expand_core)
                return write_object(f, v);
        if (base.kind == SH_HASH)
                return write_entries(f, base);
        if (!sh_is_enumerable(base))
                return write_object(f, v);
        size_t pos = 0;
        while (sh_next(base, &pos, &item)) {
                int r = sh_is_null(item) ? SH_OK : write_object(f, item);
                sh_drop(item);
                if (r)
                        return r;
        }
        return SH_OK;
}

int sh_front_end(struct sh_front *f)
{
        int r = SH_OK;
        if (f->state == IN_GROUP)
                r = emit(f, record_new(SH_REC_GROUP_END, f->shape, 0));
        if (f->state != OUTSIDE && r == SH_OK)
                r = emit(f, record_new(SH_REC_END, f->shape, 0));
        f->state = OUTSIDE;
        drop_view(f);
        return r;
}
