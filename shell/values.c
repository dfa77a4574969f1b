/* SPDX-License-Identifier: MIT
 *
 * Objects and how they end; strings; texts being built; arrays; property bags. (Hash tables: hash.c.)
 */
#include "shell/json.h"
#include "shell/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Memory that cannot be had ends the session: a shell is one process of one user, and its limits are checked long
 * before (sh_check). */
static void *must(void *p)
{
        if (!p) {
                static const char text[] = "reeve: out of memory\n";
                fwrite(text, 1, sizeof(text) - 1, stderr);
                exit(70);
        }
        return p;
}

static void bag_free(struct sh_bag *b)
{
        for (uint32_t i = 0; i < b->n; i++) {
                sh_drop(b->v[i].name);
                sh_drop(b->v[i].value);
                sh_drop(b->v[i].setter);
        }
        for (uint32_t i = 0; i < b->ntypes; i++)
                sh_drop(b->types[i]);
        free(b->types);
        free(b->v);
        free(b);
}

/* Long chains (a list of lists of lists ...) must not use up the stack: what is freed while freeing is queued. */
void sh_obj_free(struct sh_obj *o)
{
        static struct sh_obj **queue;
        static size_t n, cap;
        static bool busy;
        if (n == cap) {
                cap = cap ? 2 * cap : 64;
                queue = must(realloc(queue, cap * sizeof(*queue)));
        }
        queue[n++] = o;
        if (busy)
                return;
        busy = true;
        while (n) {
                o = queue[--n];
                if (o->type->free)
                        o->type->free(o);
                if (o->extra)
                        bag_free(o->extra);
                free(o);
        }
        busy = false;
}

/* ---- strings ---- */
static const size_t longest = UINT32_MAX - 64;

/* A page is several times dearer to get than to fill: a long text takes the large ones where the kernel gives them.
 * Less than half of such memory is left over. */
static void *text_memory(size_t n)
{
        const size_t large = 2 << 20;
        if (n < large)
                return must(malloc(n));
        n = (n + large - 1) / large * large;
        void *p = must(aligned_alloc(large, n));
        madvise(p, n, MADV_HUGEPAGE); /* a wish */
        return p;
}

struct sv sh_string_room(size_t n)
{
        struct sh_str *r = text_memory(sizeof(*r) + (n < longest ? n : longest) + 1);
        r->obj = (struct sh_obj) { .refs = 1, .type = &sh_type_string };
        return (struct sv) { .kind = SH_STRING, .s = r };
}

void sh_string_seal(struct sv v, size_t n)
{
        v.s->len = (uint32_t)(n < longest ? n : longest);
        v.s->s[v.s->len] = 0;
        v.s->units = sh_utf_units(v.s->s, v.s->len);
}

struct sv sh_string(const char *s, size_t n)
{
        struct sv v = sh_string_room(n);
        if (n)
                memcpy(v.s->s, s, n < longest ? n : longest);
        sh_string_seal(v, n);
        return v;
}

struct sv sh_text(const char *s)
{
        return sh_string(s ? s : "", s ? strlen(s) : 0);
}

struct sv sh_printf(const char *fmt, ...)
{
        va_list ap;
        char small[256];
        va_start(ap, fmt);
        int n = vsnprintf(small, sizeof(small), fmt, ap);
        va_end(ap);
        if (n < 0)
                return sh_text("");
        if ((size_t)n < sizeof(small))
                return sh_string(small, (size_t)n);
        struct sv r = sh_string_room((size_t)n);
        va_start(ap, fmt);
        vsnprintf(r.s->s, (size_t)n + 1, fmt, ap);
        va_end(ap);
        sh_string_seal(r, (size_t)n);
        return r;
}

/* ---- texts being built ---- */
static void buf_room(struct sh_buf *b, size_t n)
{
        if (b->cap - b->n > n)
                return;
        size_t cap = b->cap ? b->cap : 64;
        while (cap - b->n <= n)
                cap *= 2;
        b->p = must(realloc(b->p, cap));
        b->cap = cap;
}

void sh_buf_reserve(struct sh_buf *b, size_t n)
{
        if (b->cap - b->n > n)
                return;
        b->cap = b->n + n + 1;
        b->p = must(realloc(b->p, b->cap));
        b->p[b->n] = 0;
}

void sh_buf_put(struct sh_buf *b, const char *s, size_t n)
{
        buf_room(b, n);
        if (n)
                memcpy(b->p + b->n, s, n);
        b->n += n;
        b->p[b->n] = 0;
}

void sh_buf_puts(struct sh_buf *b, const char *s)
{
        sh_buf_put(b, s, strlen(s));
}

void sh_buf_putf(struct sh_buf *b, const char *fmt, ...)
{
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n <= 0)
                return;
        buf_room(b, (size_t)n + 1);
        va_start(ap, fmt);
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
        va_end(ap);
        b->n += (size_t)n;
}

struct sv sh_buf_take(struct sh_buf *b)
{
        struct sv r = sh_string(b->p ? b->p : "", b->n);
        sh_buf_free(b);
        return r;
}

void sh_buf_free(struct sh_buf *b)
{
        free(b->p);
        *b = (struct sh_buf) { 0 };
}

/* ---- arrays and lists ---- */
static struct sv array_new(const struct sh_type *type, const struct sh_type *element, uint32_t cap)
{
        struct sh_array *a = must(calloc(1, sizeof(*a)));
        a->obj = (struct sh_obj) { .refs = 1, .type = type };
        a->element = element == &sh_type_object ? NULL : element;
        a->cap = cap;
        a->v = cap ? must(malloc(cap * sizeof(*a->v))) : NULL;
        return (struct sv) { .kind = SH_ARRAY, .a = a };
}

struct sv sh_array_new(uint32_t cap)
{
        return array_new(&sh_type_array, NULL, cap);
}

struct sv sh_array_typed(const struct sh_type *element, uint32_t n)
{
        struct sv r = array_new(sh_array_of(element), element, n);
        for (uint32_t i = 0; i < n; i++)
                r.a->v[i] = sh_default_value(element);
        r.a->n = n;
        return r;
}

struct sv sh_list_new(const struct sh_type *element)
{
        return array_new(sh_list_of(element), element, 0);
}

void sh_array_take(struct sh_array *a, struct sv v)
{
        if (a->n == a->cap) {
                a->cap = a->cap ? a->cap + a->cap / 2 + 1 : 4;
                a->v = must(realloc(a->v, a->cap * sizeof(*a->v)));
        }
        a->v[a->n++] = v;
}

void sh_array_add(struct sh_array *a, struct sv v)
{
        sh_array_take(a, sh_keep(v));
}

void sh_array_insert(struct sh_array *a, uint32_t at, struct sv v)
{
        sh_array_take(a, SH_NIL);
        memmove(a->v + at + 1, a->v + at, (a->n - 1 - at) * sizeof(*a->v));
        a->v[at] = sh_keep(v);
}

void sh_array_remove(struct sh_array *a, uint32_t at, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                sh_drop(a->v[at + i]);
        memmove(a->v + at, a->v + at + n, (a->n - at - n) * sizeof(*a->v));
        a->n -= n;
}

int sh_array_store(struct sh *sh, struct sh_array *a, uint32_t at, struct sv v)
{
        struct sv x = sh_keep(v);
        if (a->element) {
                sh_drop(x);
                int st = sh_convert(sh, v, a->element, &x);
                if (st)
                        return st;
        }
        struct sv old = a->v[at];
        a->v[at] = x;
        sh_drop(old);
        return 0;
}

struct sv sh_array_copy(struct sv v)
{
        struct sv r = sh_array_new(v.kind == SH_ARRAY ? v.a->n : 4), item;
        size_t pos = 0;
        while (sh_next(v, &pos, &item))
                sh_array_take(r.a, item);
        return r;
}

/* ---- bags ---- */
struct sh_bag *sh_bag_of(struct sv v, bool make)
{
        if (v.kind < SH_OBJECT_KINDS || v.kind == SH_ENUM)
                return NULL;
        if (v.kind == SH_PSOBJECT && ((struct sh_psobject *)v.o)->unread)
                sh_json_read_now((struct sh_psobject *)v.o);
        if (!v.o->extra && make)
                v.o->extra = must(calloc(1, sizeof(*v.o->extra)));
        return v.o->extra;
}

struct sh_note *sh_bag_find(struct sh_bag *b, const char *name, size_t n)
{
        for (uint32_t i = 0; b && i < b->n; i++)
                if (sh_text_same(b->v[i].name.s->s, b->v[i].name.s->len, name, n))
                        return &b->v[i];
        return NULL;
}

void sh_bag_set(struct sh_bag *b, struct sh_note note)
{
        struct sh_note *old = sh_bag_find(b, note.name.s->s, note.name.s->len);
        if (old) {
                struct sh_note x = *old;
                *old = note;
                sh_drop(x.name);
                sh_drop(x.value);
                sh_drop(x.setter);
                return;
        }
        if (b->n == b->cap) {
                b->cap = b->cap ? 2 * b->cap : 4;
                b->v = must(realloc(b->v, b->cap * sizeof(*b->v)));
        }
        b->v[b->n++] = note;
}

bool sh_bag_remove(struct sh_bag *b, const char *name, size_t n)
{
        struct sh_note *x = sh_bag_find(b, name, n);
        if (!x)
                return false;
        struct sh_note old = *x;
        memmove(x, x + 1, (size_t)(b->v + b->n - x - 1) * sizeof(*x));
        b->n--;
        sh_drop(old.name);
        sh_drop(old.value);
        sh_drop(old.setter);
        return true;
}

struct sv sh_wrap(struct sv base)
{
        struct sh_psobject *p = must(calloc(1, sizeof(*p)));
        p->obj = (struct sh_obj) { .refs = 1, .type = &sh_type_psobject };
        p->base = sh_keep(base);
        struct sv r = { .kind = SH_PSOBJECT, .o = &p->obj };
        sh_bag_of(r, true);
        return r;
}

struct sv sh_object_new(void)
{
        return sh_wrap(SH_NIL);
}

void sh_object_set(struct sv object, const char *name, size_t n, struct sv value)
{
        struct sh_bag *b = sh_bag_of(object, true);
        if (!b)
                return;
        struct sh_note *x = sh_bag_find(b, name, n);
        if (x && x->kind == SH_NOTE) {
                struct sv old = x->value;
                x->value = sh_keep(value);
                sh_drop(old);
                return;
        }
        sh_bag_set(b, (struct sh_note) { sh_string(name, n), SH_NOTE, sh_keep(value), SH_NIL });
}

void sh_object_type(struct sv object, const char *name)
{
        struct sh_bag *b = sh_bag_of(object, true);
        b->types = must(realloc(b->types, (b->ntypes + 1) * sizeof(*b->types)));
        b->types[b->ntypes++] = sh_text(name);
}

bool sh_object_note(struct sv object, const char *name, size_t n, struct sv *ret)
{
        struct sh_note *x = sh_bag_find(sh_bag_of(object, false), name, n);
        if (!x || x->kind != SH_NOTE)
                return false;
        *ret = x->value;
        return true;
}

struct sv sh_unwrap(struct sv v)
{
        while (v.kind == SH_PSOBJECT && ((struct sh_psobject *)v.o)->base.kind != SH_NULL)
                v = ((struct sh_psobject *)v.o)->base;
        return v;
}

struct sv sh_object_copy(struct sv v)
{
        struct sv r = sh_object_new();
        struct sh_bag *from = sh_bag_of(v, false), *to = r.o->extra;
        for (uint32_t i = 0; from && i < from->n; i++)
                sh_bag_set(to, (struct sh_note) { sh_keep(from->v[i].name), from->v[i].kind,
                                                  sh_keep(from->v[i].value), sh_keep(from->v[i].setter) });
        for (uint32_t i = 0; from && i < from->ntypes; i++) {
                to->types = must(realloc(to->types, (to->ntypes + 1) * sizeof(*to->types)));
                to->types[to->ntypes++] = sh_keep(from->types[i]);
        }
        return r;
}
