/* SPDX-License-Identifier: MIT
 *
 * Values into bytes: a letter for the form, then its parts. What was already written in the same message is referred
 * to by its number.
 */
#include "shell/pack.h"

#include "shell/error.h"
#include "shell/fields.h"
#include "shell/model.h"
#include "shell/parse.h"
#include "shell/text.h"
#include "shell/types.h"

#include <stdlib.h>

enum { DEEPEST = 6 }; /* of objects that travel as their properties */

struct packer {
        struct sh *sh;
        struct sh_buf *b;
        const struct sh_obj **seen;
        uint32_t n, cap;
        int depth;
};

static void put(struct packer *p, const void *s, size_t n)
{
        sh_buf_put(p->b, s, n);
}
static void put_u32(struct packer *p, uint32_t n)
{
        put(p, &n, sizeof n);
}
static void put_tag(struct packer *p, char c)
{
        put(p, &c, 1);
}
static void put_text(struct packer *p, const char *s, size_t n)
{
        put_u32(p, (uint32_t)n);
        put(p, s, n);
}
static void put_chars(struct packer *p, const char *s)
{
        put_tag(p, s ? 1 : 0);
        if (s)
                put_text(p, s, strlen(s));
}
static void pack(struct packer *, struct sv);

/* ---- types ---- */
extern char __executable_start[], end[];
static bool is_built_in(const struct sh_type *t)
{
        return (const char *)t >= __executable_start && (const char *)t < end;
}
static void put_type(struct packer *p, const struct sh_type *t)
{
        if (!t) {
                put_tag(p, 'n');
        } else if (is_built_in(t)) {
                put_tag(p, 'p');
                put(p, &t, sizeof t);
        } else {
                struct sh_buf name = { 0 };
                put_tag(p, 't');
                if (t->accelerator)
                        sh_buf_puts(&name, t->accelerator);
                else
                        sh_type_full_name(&name, t);
                put_text(p, name.p, name.n);
                sh_buf_free(&name);
        }
}

/* ---- what was written before ---- */
static bool put_again(struct packer *p, const struct sh_obj *o)
{
        for (uint32_t i = 0; i < p->n; i++)
                if (p->seen[i] == o) {
                        put_tag(p, '@');
                        put_u32(p, i);
                        return true;
                }
        if (p->n == p->cap) {
                p->cap = p->cap ? p->cap * 2 : 16;
                p->seen = realloc(p->seen, p->cap * sizeof *p->seen);
                if (!p->seen)
                        abort();
        }
        p->seen[p->n++] = o;
        return false;
}

static void put_bag(struct packer *p, const struct sh_bag *b)
{
        put_u32(p, b ? b->ntypes : 0);
        for (uint32_t i = 0; b && i < b->ntypes; i++)
                pack(p, b->types[i]);
        put_u32(p, b ? b->n : 0);
        for (uint32_t i = 0; b && i < b->n; i++) {
                pack(p, b->v[i].name);
                put_tag(p, (char)b->v[i].kind);
                pack(p, b->v[i].value);
                pack(p, b->v[i].setter);
        }
}

/* ---- forms ---- */
static void pack_array(struct packer *p, struct sv v)
{
        put_tag(p, 'a');
        put_type(p, v.o->type);
        put_type(p, v.a->element);
        put_u32(p, v.a->n);
        for (uint32_t i = 0; i < v.a->n; i++)
                pack(p, v.a->v[i]);
}

static void pack_hash(struct packer *p, struct sv v)
{
        struct sv key, value;
        put_tag(p, 'h');
        put_type(p, v.o->type);
        put_type(p, sh_hash_key_type(v.h));
        put_type(p, sh_hash_value_type(v.h));
        put_u32(p, sh_hash_count(v.h));
        for (uint32_t i = 0; sh_hash_at(v.h, i, &key, &value); i++) {
                pack(p, key);
                pack(p, value);
        }
}

static void pack_block(struct packer *p, struct sv v)
{
        struct sh_buf text = { 0 };
        sh_block_text(sh_block_of(v)->ast, &text);
        put_tag(p, 'b');
        put_text(p, text.p ? text.p : "", text.n);
        sh_buf_free(&text);
}

static void pack_model(struct packer *p, const struct sh_model_row *r)
{
        uint32_t props = r->class->c->nproperties;
        put_tag(p, 'm');
        put_chars(p, r->class->link->host);
        put_chars(p, r->class->c->name);
        put_u32(p, props);
        put_u32(p, r->n);
        put_tag(p, r->whole);
        put_u32(p, r->obj.flags);
        put(p, r->at, props * sizeof r->at[0]);
        put(p, (const char *)(r->at + props), r->n);
        put_tag(p, r->over != NULL);
        for (uint32_t i = 0; r->over && i < props; i++) {
                put_tag(p, (char)r->over[i].state);
                pack(p, r->over[i].v);
        }
}

static void pack_error(struct packer *p, struct sv v)
{
        struct sh_error *e = sh_error_of(v);
        const char *texts[] = { e->id,    e->category, e->activity, e->reason,          e->target_name,
                                e->trace, e->details,  e->message,  e->command, e->invocation_name };
        put_tag(p, 'x');
        pack(p, e->exception);
        pack(p, e->target);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                put_chars(p, texts[i]);
        put_tag(p, e->unit != NULL);
        if (e->unit) {
                put_chars(p, e->unit->file);
                put_text(p, e->unit->text, e->unit->n);
                put_u32(p, e->at);
                put_u32(p, e->end);
                put_u32(p, e->parsed == e->unit ? e->nparse_errors : 0);
                for (uint32_t i = 0; e->parsed == e->unit && i < e->nparse_errors; i++) {
                        put_u32(p, e->parse_errors[i].at);
                        put_u32(p, e->parse_errors[i].end);
                        put_chars(p, e->parse_errors[i].message);
                }
        }
        put_tag(p, e->script_terminating);
        put_tag(p, e->thrown);
        put_tag(p, e->positioned);
}

static void pack_exception(struct packer *p, struct sv v)
{
        struct sh_exception *x = sh_exception_of(v);
        put_tag(p, 'E');
        put_type(p, v.o->type);
        pack(p, x->message);
        pack(p, x->inner);
        pack(p, x->param);
        put_tag(p, x->thrown);
}

static void pack_fields(struct packer *p, struct sv v)
{
        struct sh_fields *f = (struct sh_fields *)v.o;
        put_tag(p, 'f');
        put_type(p, v.o->type);
        put_u32(p, f->n);
        for (uint32_t i = 0; i < f->n; i++)
                pack(p, f->v[i]);
}

/* Queues, stacks, sets, bags: their items in the order that makes them again. */
struct sv sh_collection_items(struct sv v)
{
        struct sv r = sh_array_new(8), item;
        size_t pos = 0;
        while (v.o->type->next(v, &pos, &item))
                sh_array_take(r.a, item);
        if (strstr(v.o->type->name, "Stack") || strstr(v.o->type->name, "Bag"))
                for (uint32_t i = 0; i < r.a->n / 2; i++) {
                        item = r.a->v[i];
                        r.a->v[i] = r.a->v[r.a->n - 1 - i];
                        r.a->v[r.a->n - 1 - i] = item;
                }
        return r;
}

bool sh_is_collection(struct sv v)
{
        return v.kind == SH_OTHER && v.o->type->next && v.o->type->construct &&
               !strncmp(v.o->type->name, "System.Collections.", 19);
}

static void pack_collection(struct packer *p, struct sv v)
{
        struct sv items = sh_collection_items(v);
        put_tag(p, 'c');
        put_type(p, v.o->type);
        put_u32(p, items.a->n);
        for (uint32_t i = 0; i < items.a->n; i++)
                pack(p, items.a->v[i]);
        sh_drop(items);
}

/* Types whose text is the whole of them. */
static bool is_its_text(const struct sh_type *t)
{
        static const char *const names[] = { "System.Version",
                                             "System.Management.Automation.SemanticVersion",
                                             "System.Guid",
                                             "System.Text.RegularExpressions.Regex",
                                             "System.Uri",
                                             "System.Net.IPAddress",
                                             "System.Net.Mail.MailAddress",
                                             "System.IO.FileInfo",
                                             "System.IO.DirectoryInfo",
                                             "System.Numerics.BigInteger" };
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (!strcmp(t->name, names[i]))
                        return is_built_in(t);
        return false;
}

static void pack_text_form(struct packer *p, struct sv v)
{
        struct sv t = SH_NIL;
        if (strncmp(v.o->type->name, "System.IO.", 10) || sh_get(p->sh, v, "FullName", 8, &t) != SH_OK)
                t = sh_to_text(p->sh, v);
        put_tag(p, 'v');
        put_type(p, v.o->type);
        pack(p, t);
        sh_drop(t);
}

/* ---- any other object: its properties ---- */
struct listing {
        struct packer *p;
        struct sv object, to;
};

static bool one_property(void *state, const char *name, size_t n, int kind)
{
        struct listing *l = state;
        struct sv v = SH_NIL;
        (void)kind;
        if (sh_get(l->p->sh, l->object, name, n, &v) != SH_OK) {
                sh_drop(sh_error_take(l->p->sh));
                return true;
        }
        sh_object_set(l->to, name, n, v);
        sh_drop(v);
        return true;
}

static bool one_type_name(void *state, const char *name)
{
        struct listing *l = state;
        sh_object_type(l->to, name);
        return true;
}

static void pack_as_properties(struct packer *p, struct sv v)
{
        struct listing l = { p, v, SH_NIL };
        if (++p->depth > DEEPEST) {
                struct sv t = sh_to_text(p->sh, v);
                pack(p, t);
                sh_drop(t);
        } else {
                l.to = sh_object_new();
                sh_properties(p->sh, v, one_property, &l);
                sh_type_names(p->sh, v, one_type_name, &l);
                put_tag(p, 'o');
                struct sv t = sh_to_text(p->sh, v);
                pack(p, t);
                put_bag(p, l.to.o->extra);
                sh_drop(t);
                sh_drop(l.to);
        }
        p->depth--;
}

static void pack_other(struct packer *p, struct sv v)
{
        struct sv message, tags, source;
        enum sh_stream stream;
        bool host, no_newline;
        if (v.o->type == &sh_type_error_record)
                pack_error(p, v);
        else if (sh_is_exception(v) && is_built_in(v.o->type))
                pack_exception(p, v);
        else if (sh_is_stream_record(v, &stream) &&
                 sh_text_record_parts(v, &message, &tags, &source, &host, &no_newline)) {
                put_tag(p, 'w');
                put_tag(p, (char)stream);
                put_tag(p, host);
                put_tag(p, no_newline);
                pack(p, message);
                pack(p, tags);
                pack(p, source);
        } else if (sh_is_collection(v))
                pack_collection(p, v);
        else if (v.o->type->free == sh_fields_free)
                pack_fields(p, v);
        else if (is_its_text(v.o->type))
                pack_text_form(p, v);
        else
                pack_as_properties(p, v);
}

static void pack_object(struct packer *p, struct sv v)
{
        switch (v.kind) {
        case SH_ARRAY: pack_array(p, v); break;
        case SH_HASH: pack_hash(p, v); break;
        case SH_PSOBJECT:
                put_tag(p, 'O');
                pack(p, ((struct sh_psobject *)v.o)->base);
                put_bag(p, v.o->extra);
                break;
        case SH_BLOCK: pack_block(p, v); break;
        case SH_MODEL: pack_model(p, sh_model_row_of(v)); break;
        default: pack_other(p, v);
        }
}

static void pack(struct packer *p, struct sv v)
{
        if (v.kind == SH_ENUM) {
                put_tag(p, 'e');
                put_type(p, &((struct sh_enum *)v.o)->type);
                put_u32(p, v.hi);
        } else if (v.kind == SH_STRING && !v.o->extra) {
                put_tag(p, 's');
                put_text(p, v.s->s, v.s->len);
        } else if (v.kind == SH_TYPE) {
                put_tag(p, 'T');
                put_type(p, sh_type_referred(v));
        } else if (v.kind < SH_OBJECT_KINDS) {
                put_tag(p, 'r');
                put(p, &v, sizeof v);
        } else if (!put_again(p, v.o)) {
                bool extra = v.o->extra && v.kind != SH_PSOBJECT;
                if (extra)
                        put_tag(p, '+');
                pack_object(p, v);
                if (extra)
                        put_bag(p, v.o->extra);
        }
}

void sh_pack(struct sh *sh, struct sh_buf *b, struct sv v)
{
        struct packer p = { .sh = sh, .b = b };
        pack(&p, v);
        free(p.seen);
}
