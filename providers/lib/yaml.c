/* SPDX-License-Identifier: MIT
 *
 * YAML by libyaml: see yaml.h.
 */
#include "providers/lib/yaml.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <yaml.h>

#define LIBRARY "libyaml-0.so.2"
#define DEPTH 32
#define NODES 20000
#define ANCHORS 256

/* libyaml's functions, by name at run time. */
struct library {
        __typeof__(yaml_parser_initialize) *initialize;
        __typeof__(yaml_parser_set_input_string) *input;
        __typeof__(yaml_parser_parse) *parse;
        __typeof__(yaml_parser_delete) *delete;
        __typeof__(yaml_event_delete) *event_delete;
};

struct reading {
        struct library lib;
        struct rv_arena *arena;
        struct rv_error *err;
        const char *name;
        struct rv_yaml *open[DEPTH];         /* lists and maps that are not at their end */
        struct rv_yaml_item *pending[DEPTH]; /* a map's key that waits for its value */
        unsigned depth;
        struct {
                const char *name;
                struct rv_yaml *node;
        } anchors[ANCHORS];
        unsigned nanchors;
        struct rv_yaml *root;
};

static bool load(struct library *l)
{
        void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL); /* the same handle each time */
        if (!lib)
                return false;
        l->initialize = (__typeof__(l->initialize))dlsym(lib, "yaml_parser_initialize");
        l->input = (__typeof__(l->input))dlsym(lib, "yaml_parser_set_input_string");
        l->parse = (__typeof__(l->parse))dlsym(lib, "yaml_parser_parse");
        l->delete = (__typeof__(l->delete))dlsym(lib, "yaml_parser_delete");
        l->event_delete = (__typeof__(l->event_delete))dlsym(lib, "yaml_event_delete");
        return l->initialize && l->input && l->parse && l->delete &&l->event_delete;
}

static int wrong(struct reading *r, int line, const char *what)
{
        return rv_fail(r->err, RV_INVALID_PARAMETER, "%.200s, line %d: %.200s", r->name, line, what);
}

struct rv_yaml *rv_yaml_get(const struct rv_yaml *map, const char *key)
{
        for (struct rv_yaml_item *i = map && map->kind == RV_YAML_MAP ? map->items : NULL; i; i = i->next)
                if (strcmp(i->key, key) == 0)
                        return i->value;
        return NULL;
}

bool rv_yaml_null(const struct rv_yaml *y)
{
        return !y || (y->kind == RV_YAML_TEXT && y->plain &&
                      (!*y->text || strcmp(y->text, "~") == 0 || strcasecmp(y->text, "null") == 0));
}

/* What a merge key brings: members that the map does not have itself. */
static int merge(struct reading *r, struct rv_yaml *map, const struct rv_yaml *from)
{
        if (from->kind == RV_YAML_LIST) {
                for (struct rv_yaml_item *i = from->items; i; i = i->next) {
                        int e = i->value->kind == RV_YAML_MAP ? merge(r, map, i->value)
                                                              : wrong(r, i->line, "<< wants maps");
                        if (e)
                                return e;
                }
                return RV_OK;
        }
        if (from->kind != RV_YAML_MAP)
                return wrong(r, from->line, "<< wants a map");
        for (struct rv_yaml_item *i = from->items; i; i = i->next) {
                if (rv_yaml_get(map, i->key))
                        continue;
                struct rv_yaml_item *copy = rv_arena_get(r->arena, sizeof *copy);
                if (!copy)
                        return -ENOMEM;
                *copy = (struct rv_yaml_item) { .key = i->key, .line = i->line, .value = i->value };
                *map->end = copy;
                map->end = &copy->next;
        }
        return RV_OK;
}

/* At a map's end: its merge keys give way to what they bring. */
static int finish(struct reading *r, struct rv_yaml *y)
{
        struct rv_yaml_item **at = &y->items, *merges[8];
        unsigned n = 0;
        y->done = true;
        while (y->kind == RV_YAML_MAP && *at)
                if (strcmp((*at)->key, "<<") == 0 && n < 8) {
                        merges[n++] = *at;
                        *at = (*at)->next;
                } else
                        at = &(*at)->next;
        y->end = at;
        int e = RV_OK;
        if (y->kind == RV_YAML_MAP)
                for (unsigned i = 0; i < n && e == RV_OK; i++)
                        e = merge(r, y, merges[i]->value);
        return e;
}

/* Puts a node where one is expected. */
static int place(struct reading *r, struct rv_yaml *y, int line)
{
        struct rv_yaml *in = r->depth ? r->open[r->depth - 1] : NULL;
        for (unsigned i = 0; i < r->depth; i++)
                if ((r->open[i]->weight += y->weight) > NODES)
                        return wrong(r, line, "more than 20000 values, aliases followed");
        if (!in) {
                r->root = y;
                return RV_OK;
        }
        struct rv_yaml_item *waiting = r->pending[r->depth - 1];
        if (in->kind == RV_YAML_MAP && waiting) {
                waiting->value = y;
                *in->end = waiting;
                in->end = &waiting->next;
                r->pending[r->depth - 1] = NULL;
                return RV_OK;
        }
        struct rv_yaml_item *item = rv_arena_get(r->arena, sizeof *item);
        if (!item)
                return -ENOMEM;
        item->line = line;
        if (in->kind == RV_YAML_MAP) {
                if (y->kind != RV_YAML_TEXT)
                        return wrong(r, line, "a key must be a text");
                if (strcmp(y->text, "<<") != 0 && rv_yaml_get(in, y->text)) {
                        rv_fail(r->err, RV_INVALID_PARAMETER,
                                "%.200s, line %d: the key '%.60s' is there twice", r->name, line, y->text);
                        return RV_INVALID_PARAMETER;
                }
                item->key = y->text;
                r->pending[r->depth - 1] = item;
        } else {
                item->value = y;
                *in->end = item;
                in->end = &item->next;
        }
        return RV_OK;
}

static int anchor(struct reading *r, const yaml_char_t *name, struct rv_yaml *y)
{
        if (!name)
                return RV_OK;
        if (r->nanchors == ANCHORS)
                return wrong(r, y->line, "more than 256 anchors");
        r->anchors[r->nanchors].name =
                rv_arena_text(r->arena, (const char *)name, strlen((const char *)name));
        r->anchors[r->nanchors].node = y;
        return r->anchors[r->nanchors++].name ? RV_OK : -ENOMEM;
}

static int alias(struct reading *r, const char *name, int line)
{
        for (unsigned i = r->nanchors; i-- > 0;)
                if (strcmp(r->anchors[i].name, name) == 0)
                        return r->anchors[i].node->done ? place(r, r->anchors[i].node, line)
                                                        : wrong(r, line, "an alias within its own anchor");
        return wrong(r, line, "an alias without its anchor");
}

static struct rv_yaml *node(struct reading *r, enum rv_yaml_kind kind, int line)
{
        struct rv_yaml *y = rv_arena_get(r->arena, sizeof *y);
        if (y)
                *y = (struct rv_yaml) { .kind = kind, .line = line, .weight = 1 };
        if (y)
                y->end = &y->items;
        return y;
}

static int begin(struct reading *r, enum rv_yaml_kind kind, const yaml_char_t *name, int line)
{
        struct rv_yaml *y = node(r, kind, line);
        int e = y ? anchor(r, name, y) : -ENOMEM;
        e = e ? e : place(r, y, line);
        if (e == RV_OK && r->depth == DEPTH)
                return wrong(r, line, "more than 32 levels");
        if (e == RV_OK) {
                r->pending[r->depth] = NULL;
                r->open[r->depth++] = y;
        }
        return e;
}

static int scalar(struct reading *r, const yaml_event_t *e, int line)
{
        struct rv_yaml *y = node(r, RV_YAML_TEXT, line);
        if (!y ||
            !(y->text = rv_arena_text(r->arena, (const char *)e->data.scalar.value, e->data.scalar.length)))
                return -ENOMEM;
        if (strlen(y->text) != e->data.scalar.length)
                return wrong(r, line, "a NUL byte in a text");
        y->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        y->done = true;
        int a = anchor(r, e->data.scalar.anchor, y);
        return a ? a : place(r, y, line);
}

static int event(struct reading *r, const yaml_event_t *e)
{
        int line = (int)e->start_mark.line + 1;
        switch (e->type) {
        case YAML_DOCUMENT_START_EVENT: return r->root ? wrong(r, line, "a second document") : RV_OK;
        case YAML_ALIAS_EVENT: return alias(r, (const char *)e->data.alias.anchor, line);
        case YAML_SCALAR_EVENT: return scalar(r, e, line);
        case YAML_SEQUENCE_START_EVENT: return begin(r, RV_YAML_LIST, e->data.sequence_start.anchor, line);
        case YAML_MAPPING_START_EVENT: return begin(r, RV_YAML_MAP, e->data.mapping_start.anchor, line);
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT: return finish(r, r->open[--r->depth]);
        default: return RV_OK;
        }
}

int rv_yaml_read(struct rv_arena *arena, const char *name, const char *text, size_t n, struct rv_yaml **ret,
                 struct rv_error *err)
{
        struct reading r = { .arena = arena, .err = err, .name = name };
        yaml_parser_t parser;
        yaml_event_t e;
        int result = RV_OK;
        bool last = false;
        if (!load(&r.lib)) {
                rv_fail(err, RV_NOT_SUPPORTED, "cannot read %.200s: " LIBRARY " is not installed", name);
                return rv_hint(err, "Install-Package libyaml-0-2");
        }
        if (n > 1 << 20)
                return rv_fail(err, RV_INVALID_PARAMETER, "%.200s: larger than 1 MiB", name);
        if (!r.lib.initialize(&parser))
                return -ENOMEM;
        r.lib.input(&parser, (const unsigned char *)text, n);
        while (result == RV_OK && !last) {
                if (!r.lib.parse(&parser, &e)) {
                        result = wrong(&r, (int)parser.problem_mark.line + 1,
                                       parser.problem ? parser.problem : "no YAML");
                        break;
                }
                last = e.type == YAML_STREAM_END_EVENT;
                result = event(&r, &e);
                r.lib.event_delete(&e);
        }
        r.lib.delete(&parser);
        if (result == RV_OK && !r.root)
                result = rv_fail(err, RV_INVALID_PARAMETER, "%.200s: is empty", name);
        *ret = r.root;
        return result;
}
