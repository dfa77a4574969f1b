/* SPDX-License-Identifier: MIT
 *
 * What a value is as a condition and as a text.
 */
#include "shell/types.h"

#include "shell/engine.h"

/* ---- bool ---- */
static bool array_true(const struct sh_array *a)
{
        if (a->n != 1)
                return a->n > 1;
        struct sv only = sh_unwrap(a->v[0]);
        return only.kind == SH_ARRAY ? only.a->n > 0 : sh_true(only);
}

bool sh_true(struct sv v)
{
        v = sh_unwrap(v);
        switch (v.kind) {
        case SH_NULL:
        case SH_VOID: return false;
        case SH_SINGLE:
        case SH_DOUBLE: return v.d != 0;
        case SH_DECIMAL: return v.hi || v.u;
        case SH_DATETIME:
        case SH_TIMESPAN: return true;
        case SH_ENUM: return v.hi != 0;
        case SH_STRING: return v.s->len > 0;
        case SH_ARRAY: return array_true(v.a);
        default: return v.kind < SH_OBJECT_KINDS ? v.u != 0 : true;
        }
}

/* ---- text ---- */
static void buf_separator(struct sh *sh, struct sh_buf *b)
{
        struct sv ofs;
        if (!sh || !sh_var_get(sh, "OFS", &ofs)) {
                sh_buf_puts(b, " ");
                return;
        }
        if (ofs.kind == SH_STRING || ofs.kind == SH_CHAR)
                sh_buf_item(sh, b, ofs);
        else if (sh_is_null(ofs))
                sh_buf_puts(b, " ");
        else
                sh_buf_item(sh, b, ofs);
        sh_drop(ofs);
}

static void buf_items(struct sh *sh, struct sh_buf *b, struct sv v)
{
        size_t pos = 0;
        struct sv item;
        for (bool first = true; sh_next(v, &pos, &item); first = false) {
                if (!first)
                        buf_separator(sh, b);
                sh_buf_item(sh, b, item);
                sh_drop(item);
        }
}

/* Added ToString() methods speak for their object. False: there is none. */
static bool buf_by_method(struct sh *sh, struct sh_buf *b, struct sv v)
{
        struct sh_note *m = sh ? sh_bag_find(sh_bag_of(v, false), "ToString", 8) : NULL;
        struct sv r;
        if (!m && sh)
                m = sh_ets_find(sh, v, "ToString", 8);
        if (!m || m->kind != SH_SCRIPT_METHOD)
                return false;
        if (sh_block_member(sh, m->value, v, (struct sh_args) { 0 }, &r) != SH_OK) {
                sh_forget_error(sh);
                return true;
        }
        if (r.kind == SH_STRING)
                sh_buf_put(b, r.s->s, r.s->len);
        else
                sh_buf_item(sh, b, r);
        sh_drop(r);
        return true;
}

struct noted {
        struct sh *sh;
        struct sh_buf *b;
        struct sv v;
        bool any;
};

static bool buf_note(void *data, const char *name, size_t n, int kind)
{
        struct noted *x = data;
        struct sv v;
        sh_buf_puts(x->b, x->any ? "; " : "@{");
        x->any = true;
        sh_buf_put(x->b, name, n);
        sh_buf_puts(x->b, "=");
        if (kind == SH_SCRIPT_PROPERTY) {
                sh_buf_puts(x->b, "System.Management.Automation.PSScriptProperty");
        } else if (sh_get(x->sh, x->v, name, n, &v) == SH_OK) {
                struct sv base = sh_unwrap(v);
                if (base.kind != SH_PSOBJECT || buf_by_method(x->sh, x->b, v))
                        sh_buf_item(x->sh, x->b, base);
                sh_drop(v);
        } else {
                sh_forget_error(x->sh);
        }
        return true;
}

static void buf_notes(struct sh *sh, struct sh_buf *b, struct sv v)
{
        struct noted x = { sh, b, v, false };
        sh_properties(sh, v, buf_note, &x);
        if (x.any)
                sh_buf_puts(b, "}");
}

static void buf_object(struct sh *sh, struct sh_buf *b, struct sv v)
{
        const struct sh_type *t = v.o->type;
        if (t->text)
                t->text(sh, v, b);
        else if (v.kind == SH_TYPE)
                sh_buf_puts(b, sh_type_label(sh_type_referred(v)));
        else
                sh_buf_puts(b, t->name);
}

/* One value that is not unrolled: collections print their type. */
void sh_buf_item(struct sh *sh, struct sh_buf *b, struct sv v)
{
        if (v.kind >= SH_OBJECT_KINDS && v.kind != SH_STRING && buf_by_method(sh, b, v))
                return;
        v = sh_unwrap(v);
        switch (v.kind) {
        case SH_NULL:
        case SH_VOID: break;
        case SH_BOOL: sh_buf_puts(b, v.i ? "True" : "False"); break;
        case SH_CHAR: sh_buf_cp(b, (uint32_t)v.u); break;
        case SH_DATETIME: sh_datetime_text(b, v, NULL, 0); break;
        case SH_TIMESPAN: sh_timespan_text(b, v, NULL, 0); break;
        case SH_ENUM: sh_enum_text(b, v); break;
        case SH_STRING: sh_buf_put(b, v.s->s, v.s->len); break;
        case SH_PSOBJECT: buf_notes(sh, b, v); break;
        case SH_ARRAY:
        case SH_HASH: sh_buf_puts(b, v.o->type->name); break;
        default:
                if (sh_is_number(v))
                        sh_buf_number(b, v);
                else
                        buf_object(sh, b, v);
        }
}

void sh_buf_value(struct sh *sh, struct sh_buf *b, struct sv v)
{
        if (v.kind == SH_STRING)
                sh_buf_put(b, v.s->s, v.s->len);
        else if (v.kind >= SH_OBJECT_KINDS && sh_is_enumerable(v) && !sh_unwrap(v).o->type->text)
                buf_items(sh, b, sh_unwrap(v));
        else
                sh_buf_item(sh, b, v);
}

struct sv sh_to_text(struct sh *sh, struct sv v)
{
        if (v.kind == SH_STRING)
                return sh_keep(v);
        struct sh_buf b = { 0 };
        sh_buf_value(sh, &b, v);
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}
