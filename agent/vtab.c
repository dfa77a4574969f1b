/* SPDX-License-Identifier: MIT */
#include "agent/vtab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/pull.h"

struct table {
        sqlite3_vtab base;
        struct rv_sql *sql;
        const struct rv_class *class;
        struct rv_entry *entry;
        unsigned ncolumns;
        uint16_t columns[]; /* properties that its reader may know */
};

struct cursor {
        sqlite3_vtab_cursor base;
        struct rv_pull *pull;
        struct rv_batch *batch;
        uint32_t row;
        int64_t number;
        bool at_end;
        struct rv_explain_scan *explain; /* or NULL */
};

struct aux {
        struct rv_sql *sql;
        const struct rv_class *class;
};

static bool is_integer(const struct rv_property *p)
{
        return p->type <= RV_CIM_SINT64 && p->type != RV_CIM_BOOLEAN;
}

/* Names for affinity; BOOLEAN and JSON tell sql.c how the value is shown. */
static const char *column_type(const struct rv_property *p)
{
        if (p->is_array || p->type == RV_CIM_OBJECT)
                return "JSON TEXT";
        return p->type == RV_CIM_BOOLEAN                              ? "BOOLEAN"
               : is_integer(p)                                        ? "INTEGER"
               : p->type == RV_CIM_REAL32 || p->type == RV_CIM_REAL64 ? "REAL"
                                                                      : "TEXT";
}

static int declare(sqlite3 *db, struct rv_sql *sql, const struct rv_class *c)
{
        struct rv_buf b = { 0 };
        rv_buf_puts(&b, "CREATE TABLE x(");
        for (uint32_t i = 0; i < c->nproperties; i++)
                rv_buf_putf(&b, "%s\"%s\" %s", i ? "," : "", c->properties[i].name,
                            column_type(&c->properties[i]));
        for (uint32_t k = 0; k < c->nkeys; k++)
                rv_buf_putf(&b, "%s\"%s\"", k ? "," : ",PRIMARY KEY(", c->properties[c->keys[k]].name);
        rv_buf_put(&b, c->nkeys ? ")) WITHOUT ROWID" : ")", c->nkeys ? 17 : 2);
        sql->declaring = true;
        int r = b.failed ? SQLITE_NOMEM : sqlite3_declare_vtab(db, b.data);
        sql->declaring = false;
        rv_buf_free(&b);
        return r;
}

/* Rows are known by their keys: SQLite meets a row twice (OR) by different ways, and a place in a scan would not tell
 * that it is the same. What has no keys has one row. */
static int connect_class(sqlite3 *db, void *arg, int argc, const char *const *argv, sqlite3_vtab **ret,
                         char **error)
{
        (void)argc;
        (void)argv;
        struct aux *a = arg;
        const struct rv_class *c = a->class, *source = c->view_of ? rv_class_find(c->view_of, NULL) : c;
        struct rv_entry *e = source ? rv_entry_find(a->sql->agent, source) : NULL;
        struct rv_error *err = &a->sql->error;
        if (rv_authorize(&a->sql->agent->policy, &a->sql->who, RV_RIGHT_READ, c, NULL, err)) {
                *error = sqlite3_mprintf("%s", err->message);
                return SQLITE_ERROR;
        }
        if (!e) {
                rv_fail(err, RV_NOT_SUPPORTED, "'%s' has no instances that can be read", c->name);
                *error = sqlite3_mprintf("%s", err->message);
                return SQLITE_ERROR;
        }
        struct rv_arena arena = { 0 };
        const struct rv_class *shown = rv_visible_class(&a->sql->agent->policy, &a->sql->who, c, RV_OP_READ, &arena);
        int r = shown ? declare(db, a->sql, shown) : SQLITE_NOMEM;
        struct table *t =
                r == SQLITE_OK ? sqlite3_malloc64(sizeof *t + shown->nproperties * sizeof *t->columns) : NULL;
        if (t) {
                *t = (struct table) { .sql = a->sql, .class = c, .entry = e, .ncolumns = shown->nproperties };
                for (uint32_t i = 0; i < shown->nproperties; i++)
                        t->columns[i] = (uint16_t)rv_property_find(c, shown->properties[i].name,
                                                                   strlen(shown->properties[i].name));
        }
        rv_arena_free(&arena);
        if (!t)
                return r ? r : SQLITE_NOMEM;
        *ret = &t->base;
        return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *v)
{
        sqlite3_free(v);
        return SQLITE_OK;
}

static bool can_push(const struct rv_property *p)
{
        return !p->is_array && !(p->flags & RV_SECRET) &&
               (is_integer(p) || p->type == RV_CIM_BOOLEAN || p->type == RV_CIM_STRING);
}

/* idxStr: the columns used in hex, then those that must be equal, in the order of the arguments: "1f:0,7". */
static int best_index(sqlite3_vtab *v, sqlite3_index_info *x)
{
        const struct table *t = (struct table *)v;
        const struct rv_class *c = t->class;
        int n = 0;
        bool key = false;
        char *plan = sqlite3_mprintf("%llx:", (unsigned long long)x->colUsed);
        for (int i = 0; plan && i < x->nConstraint; i++) {
                int column = x->aConstraint[i].iColumn;
                if (!x->aConstraint[i].usable || x->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ ||
                    column < 0 || !can_push(&c->properties[t->columns[column]]))
                        continue;
                x->aConstraintUsage[i].argvIndex = ++n;
                key |= (c->properties[t->columns[column]].flags & RV_KEY) != 0;
                char *longer = sqlite3_mprintf("%s%s%d", plan, n > 1 ? "," : "", column);
                sqlite3_free(plan);
                plan = longer;
        }
        if (!plan)
                return SQLITE_NOMEM;
        x->idxStr = plan;
        x->needToFreeIdxStr = 1;
        x->estimatedCost = key ? 10 : n ? 20000 : 100000;
        x->estimatedRows = key ? 1 : n ? 100 : 10000;
        return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *v, sqlite3_vtab_cursor **ret)
{
        (void)v;
        struct cursor *c = sqlite3_malloc(sizeof *c);
        if (!c)
                return SQLITE_NOMEM;
        *c = (struct cursor) { .at_end = true };
        *ret = &c->base;
        return SQLITE_OK;
}

static void let_go(struct cursor *c)
{
        uint64_t cpu;
        if (c->pull && c->explain) {
                if (!rv_pull_cpu(c->pull, &cpu))
                        c->explain->stopped = true;
                else if (cpu == UINT64_MAX)
                        c->explain->cpu_known = false;
                else
                        c->explain->cpu += cpu;
        }
        rv_pull_free(c->pull);
        c->batch = rv_batch_free(c->batch);
        c->pull = NULL;
}

static int close_cursor(sqlite3_vtab_cursor *v)
{
        let_go((struct cursor *)v);
        sqlite3_free(v);
        return SQLITE_OK;
}

/* The value that a property must equal. False: no object can (another type); null never equals. */
static bool to_arg(sqlite3_value *v, const struct rv_property *p, struct rv_arena *a, struct rv_arg *ret)
{
        int type = sqlite3_value_type(v);
        if (p->type == RV_CIM_STRING) {
                const char *s = (const char *)sqlite3_value_text(v);
                int n = sqlite3_value_bytes(v);
                if (type == SQLITE_NULL || !s)
                        return false;
                *ret = (struct rv_arg) { .type = RV_STRING,
                                         .len = (uint32_t)n,
                                         .s = rv_arena_text(a, s, (size_t)n) };
                return ret->s;
        }
        if (type != SQLITE_INTEGER &&
            !(type == SQLITE_FLOAT && sqlite3_value_double(v) == (double)sqlite3_value_int64(v)))
                return false;
        int64_t i = sqlite3_value_int64(v);
        bool is_signed = p->type == RV_CIM_SINT8 || p->type == RV_CIM_SINT16 || p->type == RV_CIM_SINT32 ||
                         p->type == RV_CIM_SINT64;
        if ((i < 0 && !is_signed) || (p->type == RV_CIM_BOOLEAN && i > 1))
                return false;
        *ret = (struct rv_arg) { .type = p->type == RV_CIM_BOOLEAN ? RV_BOOL : is_signed ? RV_INT : RV_UINT };
        ret->i = i;
        return true;
}

static struct rv_batch *take(struct cursor *c, struct rv_sql *sql, struct rv_error *err)
{
        uint64_t began = c->explain ? rv_now() : 0;
        struct rv_batch *b = rv_pull_next(c->pull, &sql->cancelled, err);
        if (c->explain) {
                c->explain->waited += rv_now() - began;
                c->explain->rows += b ? b->n : 0;
        }
        return b;
}

static int next(sqlite3_vtab_cursor *v)
{
        struct cursor *c = (struct cursor *)v;
        struct rv_sql *sql = ((struct table *)v->pVtab)->sql;
        c->row++;
        c->number++;
        while (c->batch && c->row >= c->batch->n) {
                struct rv_error e = { 0 };
                rv_batch_free(c->batch);
                c->batch = take(c, sql, &e);
                c->row = 0;
                if (e.code)
                        rv_sql_complain(sql, &e);
        }
        c->at_end = !c->batch;
        return SQLITE_OK;
}

/* For EXPLAIN: how the class is asked. */
static void note(struct cursor *c, const struct table *t, const char *plan, const struct rv_ask *ask,
                 const struct rv_arg *keys)
{
        c->explain = rv_explain_scan(t->sql->explain, t->class, plan);
        if (!c->explain)
                return;
        c->explain->scans++;
        for (size_t i = 0; i < ask->nproperties; i++) {
                int p = rv_property_find(t->class, ask->properties[i], strlen(ask->properties[i]));
                if (p >= 0 && p < 64 * RV_EXPLAIN_WORDS)
                        rv_bit_set(c->explain->properties, (unsigned)p);
        }
        for (uint32_t p = 0; p < t->class->nproperties && p < 64 * RV_EXPLAIN_WORDS; p++)
                if (keys[p].type != RV_NULL)
                        rv_bit_set(c->explain->keys, p);
}

static int filter(sqlite3_vtab_cursor *v, int number, const char *plan_text, int argc, sqlite3_value **argv)
{
        (void)number;
        struct cursor *c = (struct cursor *)v;
        struct table *t = (struct table *)v->pVtab;
        const struct rv_class *class = t->class;
        struct rv_arena arena = { 0 };
        struct rv_plan plan;
        struct rv_error err = { 0 };
        char *at;
        uint64_t used = strtoull(plan_text, &at, 16);
        let_go(c);
        c->at_end = true;
        c->number = 0;
        const char **names = rv_arena_get(&arena, (class->nproperties + 1) * sizeof *names);
        struct rv_arg *keys = rv_arena_get(&arena, (class->nproperties + 1) * sizeof *keys);
        bool possible = true;
        for (int i = 0; keys && i < argc; i++) {
                unsigned column = t->columns[strtoul(at + 1, &at, 10)];
                struct rv_arg arg;
                if (!to_arg(argv[i], &class->properties[column], &arena, &arg))
                        possible = false;
                else if (keys[column].type == RV_NULL)
                        keys[column] = arg;
        }
        struct rv_ask ask = { .properties = names, .keys = keys, .at = t->sql->at };
        for (uint32_t i = 0; names && keys && i < t->ncolumns; i++)
                if (used >> (i < 63 ? i : 63) & 1)
                        names[ask.nproperties++] = class->properties[t->columns[i]].name;
        int r = names && keys ? RV_OK : -ENOMEM;
        if (r == RV_OK && possible)
                r = rv_plan_make(&arena, class, &ask, &plan, &err);
        if (r == RV_OK && possible) {
                note(c, t, plan_text, &ask, keys);
                c->pull = rv_pull_new(t->sql->agent, t->entry, &t->sql->who, t->sql->deadline, &arena, &plan);
                c->batch = c->pull ? take(c, t->sql, &err) : NULL;
                r = c->pull ? RV_OK : -ENOMEM;
        }
        rv_arena_free(&arena);
        if (r == RV_OK && err.code)
                rv_sql_complain(t->sql, &err);
        c->row = 0;
        c->at_end = !c->batch;
        if (r == RV_OK && c->batch && !c->batch->n) {
                c->row = UINT32_MAX;
                return next(v);
        }
        return r == RV_OK ? SQLITE_OK : r < 0 ? SQLITE_NOMEM : SQLITE_ERROR;
}

static int at_end(sqlite3_vtab_cursor *v)
{
        return ((struct cursor *)v)->at_end;
}

static void json_result(sqlite3_context *x, const struct rv_batch *b, uint32_t row, unsigned p)
{
        struct rv_buf out = { 0 };
        uint64_t *show = calloc(RV_MASK_WORDS(b->class->nproperties) + 1, sizeof *show);
        if (show) {
                rv_bit_set(show, p);
                rv_json_row(&out, b, row, show, 0);
        }
        free(show);
        size_t head = strlen(b->class->properties[p].name) + 4; /* {"Name": */
        if (out.len > head)
                sqlite3_result_text(x, out.data + head, (int)(out.len - head - 1), SQLITE_TRANSIENT);
        rv_buf_free(&out);
}

static int column(sqlite3_vtab_cursor *v, sqlite3_context *x, int at)
{
        struct cursor *c = (struct cursor *)v;
        unsigned p = ((struct table *)v->pVtab)->columns[at];
        const struct rv_value *value = rv_get(c->batch, c->row, p);
        char text[64];
        if (c->batch->class->properties[p].flags & RV_SECRET)
                return SQLITE_OK;
        switch (value->type) {
        case RV_BOOL: sqlite3_result_int(x, value->u != 0); break;
        case RV_UINT:
                value->u <= INT64_MAX ? sqlite3_result_int64(x, (int64_t)value->u)
                                      : sqlite3_result_double(x, (double)value->u);
                break;
        case RV_INT: sqlite3_result_int64(x, value->i); break;
        case RV_REAL: sqlite3_result_double(x, value->d); break;
        case RV_STRING:
        case RV_REF:
                sqlite3_result_text(x, rv_text(c->batch, value), (int)value->len, SQLITE_TRANSIENT);
                break;
        case RV_DATETIME:
                rv_datetime_text(value->i, strcasecmp(c->batch->class->name_space, "root/reeve") != 0, text,
                                 sizeof text);
                sqlite3_result_text(x, text, -1, SQLITE_TRANSIENT);
                break;
        case RV_INTERVAL: sqlite3_result_int64(x, value->i); break;
        case RV_LIST:
        case RV_OBJECT: json_result(x, c->batch, c->row, p); break;
        default: break;
        }
        return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *v, sqlite3_int64 *ret)
{
        *ret = ((struct cursor *)v)->number;
        return SQLITE_OK;
}

/* Without xCreate a class is simply there as a table of its name. */
static const sqlite3_module module = { .xConnect = connect_class,
                                       .xBestIndex = best_index,
                                       .xDisconnect = disconnect,
                                       .xOpen = open_cursor,
                                       .xClose = close_cursor,
                                       .xFilter = filter,
                                       .xNext = next,
                                       .xEof = at_end,
                                       .xColumn = column,
                                       .xRowid = rowid };

int rv_vtab_register(struct rv_sql *sql, sqlite3 *db)
{
        const struct rv_registry *r = &sql->agent->registry;
        for (uint32_t i = 0; i < r->n; i++) {
                const struct rv_class *best;
                struct aux *a;
                if (rv_registry_find(r, r->classes[i]->name, NULL, &best, NULL) || best != r->classes[i])
                        continue; /* of the same name in several namespaces the first counts */
                a = malloc(sizeof *a);
                if (!a)
                        return SQLITE_NOMEM;
                *a = (struct aux) { .sql = sql, .class = best };
                int rc = sqlite3_create_module_v2(db, best->name, &module, a, free);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}
