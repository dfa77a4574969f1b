/* SPDX-License-Identifier: MIT */
#include "shell/carry.h"

#include <stdlib.h>
#include <string.h>

#include "shell/datetime.h"
#include "shell/format.h"
#include "shell/model.h"
#include "shell/text.h"
#include "shell/types.h"

enum { DEEPEST = 5 };

struct carrier {
        struct sh *sh;
        struct rv_buf *b;
        int depth;
        struct sv object;
        bool some;
};

static void put(struct carrier *, struct sv);

static void put_text_of(struct carrier *c, struct sv v)
{
        struct sv t = sh_to_text(c->sh, v);
        rv_json_string(c->b, t.s->s, t.s->len);
        sh_drop(t);
}

static void put_typed(struct carrier *c, struct sv v)
{
        const struct sh_type *t = sh_type_of(v);
        rv_buf_puts(c->b, "{\"t\":");
        rv_json_text(c->b, t ? t->name : "System.String");
        rv_buf_puts(c->b, ",\"v\":");
        if (v.kind == SH_DATETIME) {
                char text[64];
                int64_t ns, seconds = sh_datetime_to_unix(v, &ns);
                rv_json_string(c->b, text,
                               rv_datetime_text(seconds * 1000000000 + ns, false, text, sizeof text));
        } else {
                put_text_of(c, v);
        }
        rv_buf_put(c->b, "}", 1);
}

/* Objects that their text makes again. */
static bool is_its_text(struct sv v)
{
        static const char *const names[] = { "System.Guid",
                                             "System.Version",
                                             "System.Uri",
                                             "System.Net.IPAddress",
                                             "System.Numerics.BigInteger",
                                             "System.Management.Automation.SemanticVersion" };
        const struct sh_type *t = sh_type_of(v);
        for (size_t i = 0; t && i < sizeof names / sizeof *names; i++)
                if (strcmp(t->name, names[i]) == 0)
                        return true;
        return false;
}

static void put_array(struct carrier *c, struct sv v)
{
        struct sv item;
        size_t pos = 0;
        rv_buf_put(c->b, "[", 1);
        for (bool first = true; sh_next(v, &pos, &item); first = false) {
                rv_buf_puts(c->b, first ? "" : ",");
                put(c, item);
                sh_drop(item);
        }
        rv_buf_put(c->b, "]", 1);
}

static void put_hash(struct carrier *c, struct sv v)
{
        struct sv key, value;
        rv_buf_puts(c->b, "{\"h\":[");
        for (uint32_t i = 0; sh_hash_at(v.h, i, &key, &value); i++) {
                rv_buf_puts(c->b, i ? ",[" : "[");
                put(c, key);
                rv_buf_put(c->b, ",", 1);
                put(c, value);
                rv_buf_put(c->b, "]", 1);
        }
        rv_buf_puts(c->b, "]}");
}

static bool one_name(void *state, const char *name)
{
        struct carrier *c = state;
        rv_buf_puts(c->b, c->some ? "," : "");
        rv_json_text(c->b, name);
        c->some = true;
        return true;
}

static bool one_property(void *state, const char *name, size_t n, int kind)
{
        struct carrier *c = state;
        struct sv v = SH_NIL;
        (void)kind;
        if (sh_get(c->sh, c->object, name, n, &v) != SH_OK) {
                sh_drop(sh_error_take(c->sh));
                return true;
        }
        rv_buf_puts(c->b, c->some ? ",[" : "[");
        rv_json_string(c->b, name, n);
        rv_buf_put(c->b, ",", 1);
        struct carrier inner = { c->sh, c->b, c->depth, SH_NIL, false };
        put(&inner, v);
        rv_buf_put(c->b, "]", 1);
        c->some = true;
        sh_drop(v);
        return true;
}

static void put_object(struct carrier *c, struct sv v)
{
        struct carrier inner = { c->sh, c->b, c->depth, v, false };
        rv_buf_puts(c->b, "{\"n\":[");
        sh_type_names(c->sh, v, one_name, &inner);
        rv_buf_puts(c->b, "],\"p\":[");
        inner.some = false;
        sh_properties(c->sh, v, one_property, &inner);
        rv_buf_puts(c->b, "],\"s\":");
        put_text_of(c, v);
        rv_buf_put(c->b, "}", 1);
}

static void put(struct carrier *c, struct sv v)
{
        if (v.kind == SH_NULL || v.kind == SH_VOID) {
                rv_buf_puts(c->b, "null");
        } else if (v.kind == SH_BOOL) {
                rv_buf_puts(c->b, v.i ? "true" : "false");
        } else if (v.kind == SH_STRING) {
                rv_json_string(c->b, v.s->s, v.s->len);
        } else if (v.kind == SH_INT32) {
                rv_buf_int(c->b, v.i);
        } else if (v.kind < SH_OBJECT_KINDS || sh_is_scalar_type(v) || is_its_text(v)) {
                put_typed(c, v);
        } else if (++c->depth > DEEPEST) {
                put_text_of(c, v);
                c->depth--;
        } else {
                if (v.kind == SH_HASH)
                        put_hash(c, v);
                else if (sh_is_enumerable(v))
                        put_array(c, v);
                else
                        put_object(c, v);
                c->depth--;
        }
}

void sh_carry_put(struct sh *sh, struct rv_buf *b, struct sv v)
{
        struct carrier c = { sh, b, 0, SH_NIL, false };
        put(&c, v);
}

/* ---- back ---- */

static struct sv get(struct sh *, struct rv_json, int depth);

static struct sv text_of(struct rv_json j)
{
        struct rv_buf b = { 0 };
        struct sv v = rv_json_unquote(&j, &b) ? sh_string(b.data ? b.data : "", b.len) : SH_NIL;
        rv_buf_free(&b);
        return v;
}

/* A scalar by its text; its text where it cannot be made again. */
static struct sv typed(struct sh *sh, struct rv_json j)
{
        struct rv_json t, v;
        if (!rv_json_find(j, "t", &t) || !rv_json_find(j, "v", &v))
                return SH_NIL;
        struct sv name = text_of(t), text = text_of(v), r = SH_NIL;
        const struct sh_type *type = name.kind == SH_STRING ? sh_type_find(sh, name.s->s, name.s->len) : NULL;
        if (text.kind == SH_STRING && type && sh_convert(sh, text, type, &r) != SH_OK) {
                sh_drop(sh_error_take(sh));
                r = SH_NIL;
        }
        sh_drop(name);
        if (r.kind == SH_NULL)
                return text;
        sh_drop(text);
        return r;
}

static struct sv hash_of(struct sh *sh, struct rv_json list, int depth)
{
        struct sv h = sh_hash_new(false);
        struct rv_json pair, key, value;
        while (rv_json_next(&list, NULL, &pair))
                if (rv_json_next(&pair, NULL, &key) && rv_json_next(&pair, NULL, &value)) {
                        struct sv k = get(sh, key, depth), v = get(sh, value, depth);
                        if (k.kind != SH_NULL)
                                sh_hash_set(h.h, k, v);
                        sh_drop(k);
                        sh_drop(v);
                }
        return h;
}

static void add_type_name(struct sv object, struct rv_json name)
{
        struct sh_bag *b = sh_bag_of(object, true);
        struct sv text = text_of(name);
        static const char before[] = "Deserialized.";
        if (text.kind != SH_STRING)
                return;
        bool made = strncmp(text.s->s, before, sizeof before - 1) == 0 ||
                    strcmp(text.s->s, "System.Management.Automation.PSCustomObject") == 0 ||
                    strcmp(text.s->s, "System.Object") == 0;
        struct sv full = made ? sh_keep(text) : sh_printf("%s%s", before, text.s->s);
        b->types = realloc(b->types, (b->ntypes + 1) * sizeof *b->types);
        if (!b->types)
                abort();
        b->types[b->ntypes++] = full;
        sh_drop(text);
}

static struct sv object_of(struct sh *sh, struct rv_json names, struct rv_json list, int depth)
{
        struct sv o = sh_object_new();
        struct rv_json pair, name, value;
        while (rv_json_next(&list, NULL, &pair))
                if (rv_json_next(&pair, NULL, &name) && rv_json_next(&pair, NULL, &value)) {
                        struct sv k = text_of(name), v = get(sh, value, depth);
                        if (k.kind == SH_STRING)
                                sh_object_set(o, k.s->s, k.s->len, v);
                        sh_drop(k);
                        sh_drop(v);
                }
        while (rv_json_next(&names, NULL, &name))
                add_type_name(o, name);
        return o;
}

static struct sv get(struct sh *sh, struct rv_json j, int depth)
{
        struct rv_json a, b;
        if (depth > RV_JSON_DEPTH)
                return SH_NIL;
        if (rv_json_kind(&j) == '[') {
                struct sv list = sh_array_new(4);
                while (rv_json_next(&j, NULL, &a))
                        sh_array_take(list.a, get(sh, a, depth + 1));
                return list;
        }
        if (rv_json_kind(&j) == '{') {
                if (rv_json_find(j, "h", &a))
                        return hash_of(sh, a, depth + 1);
                if (rv_json_find(j, "p", &b))
                        return object_of(
                                sh, rv_json_find(j, "n", &a) ? a : (struct rv_json) { "", "", true, false },
                                b, depth + 1);
                return typed(sh, j);
        }
        if (rv_json_kind(&j) == '"')
                return text_of(j);
        struct sv v = sh_json_any(sh, j);
        return v.kind == SH_INT64 && v.i >= INT32_MIN && v.i <= INT32_MAX ? sh_int((int32_t)v.i) : v;
}

struct sv sh_carry_get(struct sh *sh, struct rv_json j)
{
        return get(sh, j, 0);
}
