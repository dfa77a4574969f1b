/* SPDX-License-Identifier: MIT
 *
 * Values out of bytes: what pack.c wrote, in the other process. Every read is checked against the end, so that a copy
 * of the session which died while writing costs one value, not the session.
 */
#include "shell/error.h"
#include "shell/fields.h"
#include "shell/model.h"
#include "shell/pack.h"
#include "shell/parse.h"
#include "shell/text.h"
#include "shell/types.h"

#include <stdlib.h>

struct unpacker {
        struct sh *sh;
        const char *p, *end;
        struct sv *seen; /* borrowed: those that may be referred to, in the order of their beginnings */
        uint32_t n, cap;
        bool bad;
        int depth;
};

static const char *take(struct unpacker *u, size_t n)
{
        if (u->bad || (size_t)(u->end - u->p) < n) {
                u->bad = true;
                return NULL;
        }
        const char *r = u->p;
        u->p += n;
        return r;
}
static char take_tag(struct unpacker *u)
{
        const char *s = take(u, 1);
        return s ? *s : 0;
}
static uint32_t take_u32(struct unpacker *u)
{
        uint32_t n = 0;
        const char *s = take(u, sizeof n);
        if (s)
                memcpy(&n, s, sizeof n);
        return n;
}
static const char *take_text(struct unpacker *u, uint32_t *ret_n)
{
        *ret_n = take_u32(u);
        return take(u, *ret_n);
}
static char *take_chars(struct unpacker *u)
{
        uint32_t n;
        const char *s = take_tag(u) ? take_text(u, &n) : NULL;
        char *r = s ? strndup(s, n) : NULL;
        if (s && !r)
                abort();
        return r;
}

static struct sv unpack(struct unpacker *);

/* NULL: none, or one that is not known here (*ret_name is its name). */
static const struct sh_type *take_type(struct unpacker *u, struct sv *ret_name)
{
        const struct sh_type *t = NULL;
        char tag = take_tag(u);
        *ret_name = SH_NIL;
        if (tag == 'p') {
                const char *s = take(u, sizeof t);
                if (s)
                        memcpy(&t, s, sizeof t);
                return t;
        }
        if (tag != 't')
                return NULL;
        uint32_t n;
        const char *s = take_text(u, &n);
        if (s && !(t = sh_type_find(u->sh, s, n)))
                *ret_name = sh_string(s, n);
        return t;
}

/* An object is known from its beginning, so that what is inside may refer to it. */
static uint32_t begin_object(struct unpacker *u)
{
        if (u->n == u->cap) {
                u->cap = u->cap ? u->cap * 2 : 16;
                u->seen = realloc(u->seen, u->cap * sizeof *u->seen);
                if (!u->seen)
                        abort();
        }
        u->seen[u->n] = SH_NIL;
        return u->n++;
}

static void take_bag(struct unpacker *u, struct sv to)
{
        struct sh_bag *b = to.kind >= SH_OBJECT_KINDS ? sh_bag_of(to, true) : NULL;
        for (uint32_t n = take_u32(u); n > 0 && !u->bad; n--) {
                struct sv name = unpack(u);
                if (b && name.kind == SH_STRING) {
                        b->types = realloc(b->types, (b->ntypes + 1) * sizeof *b->types);
                        if (!b->types)
                                abort();
                        b->types[b->ntypes++] = sh_keep(name);
                }
                sh_drop(name);
        }
        for (uint32_t n = take_u32(u); n > 0 && !u->bad; n--) {
                struct sh_note x = { .name = unpack(u) };
                x.kind = (uint8_t)take_tag(u);
                x.value = unpack(u);
                x.setter = unpack(u);
                if (b && x.name.kind == SH_STRING) {
                        sh_bag_set(b, x);
                        continue;
                }
                sh_drop(x.name);
                sh_drop(x.value);
                sh_drop(x.setter);
        }
}

/* ---- forms ---- */
static struct sv unpack_array(struct unpacker *u)
{
        struct sv name, element_name;
        uint32_t me = begin_object(u);
        const struct sh_type *t = take_type(u, &name), *e = take_type(u, &element_name);
        struct sv r = sh_array_new(0);
        if (t)
                r.o->type = t;
        r.a->element = e;
        u->seen[me] = r;
        for (uint32_t n = take_u32(u); n > 0 && !u->bad; n--)
                sh_array_take(r.a, unpack(u));
        sh_drop(name);
        sh_drop(element_name);
        return r;
}

static struct sv unpack_hash(struct unpacker *u)
{
        struct sv names[3];
        uint32_t me = begin_object(u);
        const struct sh_type *t = take_type(u, &names[0]), *key = take_type(u, &names[1]),
                             *value = take_type(u, &names[2]);
        struct sv r = !t ? sh_hash_new(false)
                      : sh_type_is(t, &sh_type_dictionary)
                              ? sh_dictionary_new(t, key, value, key == &sh_type_string)
                              : sh_hash_new_typed(t);
        u->seen[me] = r;
        for (uint32_t n = take_u32(u); n > 0 && !u->bad; n--) {
                struct sv k = unpack(u), v = unpack(u);
                if (!u->bad)
                        sh_hash_set(r.h, k, v);
                sh_drop(k);
                sh_drop(v);
        }
        for (int i = 0; i < 3; i++)
                sh_drop(names[i]);
        return r;
}

/* properties: of another object, whose text comes first. */
static struct sv unpack_psobject(struct unpacker *u, bool properties)
{
        uint32_t me = begin_object(u);
        struct sv base = unpack(u), r = sh_is_null(base) || properties ? sh_object_new() : sh_wrap(base);
        sh_drop(base);
        u->seen[me] = r;
        take_bag(u, r);
        return r;
}

static struct sv unpack_collection(struct unpacker *u)
{
        struct sv name, items = sh_array_new(8), r = SH_NIL;
        uint32_t me = begin_object(u);
        const struct sh_type *t = take_type(u, &name);
        for (uint32_t n = take_u32(u); n > 0 && !u->bad; n--)
                sh_array_take(items.a, unpack(u));
        if (!t || sh_construct(u->sh, t, (struct sh_args) { 1, &items }, &r) != SH_OK) {
                sh_drop(sh_error_take(u->sh));
                r = sh_keep(items);
        }
        u->seen[me] = r;
        sh_drop(items);
        sh_drop(name);
        return r;
}

static struct sv unpack_block(struct unpacker *u)
{
        struct sv r = SH_NIL;
        uint32_t n;
        begin_object(u);
        const char *s = take_text(u, &n);
        if (s && sh_block_parse(u->sh, s, n, &r) != SH_OK) {
                sh_drop(sh_error_take(u->sh));
                r = sh_string(s, n);
        }
        return r;
}

static struct sv unpack_model(struct unpacker *u)
{
        struct rv_error err = { 0 };
        const struct sh_model_class *class = NULL;
        uint32_t me = begin_object(u);
        char *host = take_chars(u), *name = take_chars(u);
        uint32_t props = take_u32(u), n = take_u32(u);
        bool whole = take_tag(u);
        uint32_t flags = take_u32(u);
        const char *at = take(u, props * sizeof(uint32_t)), *text = take(u, n);
        struct sv r = SH_NIL;
        if (text && name && !host)
                sh_model_class(sh_link_local(u->sh), name, NULL, &class, &err);
        struct sh_model_row *row = NULL;
        if (class && class->c->nproperties == props) {
                row = calloc(1, sizeof *row + props * sizeof row->at[0] + n + 1);
                if (!row)
                        abort();
                row->obj = (struct sh_obj) { .refs = 1, .type = &class->type, .flags = flags };
                row->class = class;
                row->n = n;
                row->whole = whole;
                memcpy(row->at, at, props * sizeof row->at[0]);
                memcpy((char *)(row->at + props), text, n);
                u->seen[me] = r = (struct sv) { .kind = SH_MODEL, .o = &row->obj };
        }
        bool over = take_tag(u);
        if (row && over && !(row->over = calloc(props + 1, sizeof *row->over)))
                abort();
        for (uint32_t i = 0; over && i < props && !u->bad; i++) {
                char state = take_tag(u);
                struct sv v = unpack(u);
                if (row)
                        row->over[i].v = sh_keep(v), row->over[i].state = state;
                sh_drop(v);
        }
        free(host);
        free(name);
        return r;
}

static struct unit *take_unit(struct unpacker *u)
{
        struct unit *x = calloc(1, sizeof *x);
        uint32_t n;
        if (!x)
                abort();
        char *file = take_chars(u);
        const char *text = take_text(u, &n);
        x->refs = 1;
        x->text = rv_arena_text(&x->arena, text ? text : "", text ? n : 0);
        x->n = text ? n : 0;
        x->file = file ? rv_arena_text(&x->arena, file, strlen(file)) : NULL;
        free(file);
        return x;
}

static void take_parse_errors(struct unpacker *u, struct sh_error *e)
{
        struct parse_error v[PARSE_ERRORS_MAX], *all;
        uint32_t n = take_u32(u), max = e->unit->n;
        if (n > PARSE_ERRORS_MAX)
                u->bad = true;
        for (uint32_t i = 0; i < n && !u->bad; i++) {
                v[i].at = take_u32(u);
                v[i].end = take_u32(u);
                char *message = take_chars(u);
                if (!message || v[i].at > max || v[i].end < v[i].at || v[i].end > max + 1)
                        u->bad = true;
                v[i].id = "";
                v[i].message = rv_arena_text(&e->unit->arena, message ? message : "", message ? strlen(message) : 0);
                free(message);
        }
        if (n == 0 || u->bad || !(all = rv_arena_get(&e->unit->arena, sizeof v)))
                return;
        memcpy(all, v, n * sizeof *v);
        e->parse_errors = all;
        e->nparse_errors = n;
        e->parsed = e->unit;
        e->parsed->refs++;
}

static struct sv unpack_error(struct unpacker *u)
{
        uint32_t me = begin_object(u);
        struct sv exception = unpack(u), target = unpack(u), r;
        if (!sh_is_exception(exception)) {
                sh_drop(exception);
                exception = sh_exception_new(u->sh, NULL, "", 0, SH_NIL);
        }
        r = sh_error_with(u->sh, exception, "", "NotSpecified", target);
        sh_drop(exception);
        sh_drop(target);
        u->seen[me] = r;
        struct sh_error *e = sh_error_of(r);
        char **texts[] = { &e->id,    &e->category, &e->activity, &e->reason,  &e->target_name,
                           &e->trace, &e->details,  &e->message,  &e->command, &e->invocation_name };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                free(*texts[i]);
                *texts[i] = take_chars(u);
        }
        if (!e->id)
                e->id = strdup("");
        if (!e->category)
                e->category = strdup("NotSpecified");
        if (e->unit)
                sh_unit_drop(e->unit);
        e->unit = NULL;
        if (take_tag(u)) {
                e->unit = take_unit(u);
                e->at = take_u32(u);
                e->end = take_u32(u);
                if (e->end > e->unit->n + 1 || e->at > e->end) /* what is missing at the end is one behind it */
                        e->at = e->end = 0;
                take_parse_errors(u, e);
        }
        e->script_terminating = take_tag(u);
        e->thrown = take_tag(u);
        e->positioned = take_tag(u);
        return r;
}

static struct sv unpack_exception(struct unpacker *u)
{
        struct sv name;
        uint32_t me = begin_object(u);
        const struct sh_type *t = take_type(u, &name);
        struct sv message = unpack(u), inner = unpack(u), param = unpack(u);
        struct sv r = sh_exception_new(u->sh, t ? t->name : NULL, message.kind == SH_STRING ? message.s->s : "",
                                       message.kind == SH_STRING ? message.s->len : 0, inner);
        u->seen[me] = r;
        sh_exception_of(r)->param = sh_keep(param);
        sh_exception_of(r)->thrown = take_tag(u);
        sh_drop(name);
        sh_drop(message);
        sh_drop(inner);
        sh_drop(param);
        return r;
}

/* Of a class that was made in the other process only: the row cannot be named, its values are dropped. */
static struct sv unpack_fields(struct unpacker *u)
{
        struct sv name;
        uint32_t me = begin_object(u);
        const struct sh_type *t = take_type(u, &name);
        uint32_t n = take_u32(u);
        struct sv r = t && n <= (size_t)(u->end - u->p) ? sh_fields_new(t, n) : sh_object_new();
        u->seen[me] = r;
        for (uint32_t i = 0; i < n && !u->bad; i++) {
                struct sv v = unpack(u);
                if (t) {
                        sh_drop(*sh_field(r, i));
                        *sh_field(r, i) = sh_keep(v);
                }
                sh_drop(v);
        }
        sh_drop(name);
        return r;
}

static struct sv unpack_text_form(struct unpacker *u)
{
        struct sv name, r;
        uint32_t me = begin_object(u);
        const struct sh_type *t = take_type(u, &name);
        struct sv text = unpack(u);
        if (!t || !sh_try_convert(u->sh, text, t, &r))
                r = sh_keep(text);
        u->seen[me] = r;
        sh_drop(text);
        sh_drop(name);
        return r;
}

static struct sv unpack_record(struct unpacker *u)
{
        begin_object(u);
        enum sh_stream stream = (enum sh_stream)take_tag(u);
        bool host = take_tag(u), no_newline = take_tag(u);
        struct sv message = unpack(u), tags = unpack(u), source = unpack(u), r = SH_NIL;
        if (stream >= SH_WARNING && stream <= SH_INFO)
                r = sh_text_record_new(stream, message, tags, source, host, no_newline);
        sh_drop(message);
        sh_drop(tags);
        sh_drop(source);
        return r;
}

static struct sv unpack_scalar(struct unpacker *u, char tag)
{
        struct sv r = SH_NIL, name = SH_NIL;
        const struct sh_type *t;
        uint32_t n;
        const char *s;
        switch (tag) {
        case 'r':
                if ((s = take(u, sizeof r)))
                        memcpy(&r, s, sizeof r);
                if (r.kind >= SH_ENUM) {
                        u->bad = true;
                        return SH_NIL;
                }
                return r;
        case 's': return (s = take_text(u, &n)) ? sh_string(s, n) : SH_NIL;
        case 'T':
                t = take_type(u, &name);
                return t ? sh_type_value(t) : name;
        case 'e':
                t = take_type(u, &name);
                n = take_u32(u);
                sh_drop(name);
                return t && sh_enum_of(t) ? sh_enum_value(sh_enum_of(t), (int32_t)n) : sh_int((int32_t)n);
        case '@':
                n = take_u32(u);
                return n < u->n ? sh_keep(u->seen[n]) : SH_NIL;
        }
        u->bad = true;
        return SH_NIL;
}

static struct sv unpack(struct unpacker *u)
{
        char tag = take_tag(u);
        struct sv r = SH_NIL;
        bool extra = tag == '+';
        if (u->bad || ++u->depth > 4000) {
                u->bad = true;
                return SH_NIL;
        }
        if (extra)
                tag = take_tag(u);
        switch (tag) {
        case 'a': r = unpack_array(u); break;
        case 'h': r = unpack_hash(u); break;
        case 'o':
        case 'O': r = unpack_psobject(u, tag == 'o'); break;
        case 'c': r = unpack_collection(u); break;
        case 'b': r = unpack_block(u); break;
        case 'm': r = unpack_model(u); break;
        case 'x': r = unpack_error(u); break;
        case 'E': r = unpack_exception(u); break;
        case 'f': r = unpack_fields(u); break;
        case 'v': r = unpack_text_form(u); break;
        case 'w': r = unpack_record(u); break;
        default: r = unpack_scalar(u, tag);
        }
        if (extra)
                take_bag(u, r);
        u->depth--;
        return r;
}

bool sh_unpack(struct sh *sh, const char **p, const char *end, struct sv *ret)
{
        struct unpacker u = { .sh = sh, .p = *p, .end = end };
        struct sv r = unpack(&u);
        free(u.seen);
        *p = u.p;
        if (u.bad) {
                sh_drop(r);
                return false;
        }
        *ret = r;
        return true;
}
