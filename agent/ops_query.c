/* SPDX-License-Identifier: MIT
 *
 * Operations that ask in a query's words: ExecQuery (WQL, SQL), Associators, References.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "agent/assoc.h"
#include "agent/ops_int.h"
#include "agent/wql.h"
#include "agent/wql_meta.h"

static int assoc(struct rv_request *q, const json_t *name, const struct rv_assoc_ask *ask,
                 struct rv_error *err)
{
        struct rv_arg *keys = rv_arena_get(&q->arena, (q->asked->nproperties + 1) * sizeof *keys);
        if (!keys)
                return -ENOMEM;
        int r = rv_ops_reading(q, err);
        if (r == RV_OK && q->ask.norder)
                r = rv_fail(err, RV_INVALID_PARAMETER,
                            "%s has no OrderBy: the results may be of several classes", rv_op_name(q->op));
        if (r == RV_OK && q->ask.at)
                r = rv_fail(err, RV_INVALID_PARAMETER, "%s has no At: associations are those of now",
                            rv_op_name(q->op));
        if (r == RV_OK && name && !json_is_null(name))
                r = rv_json_bindings(name, q->asked, false, &q->arena, keys, err);
        else if (r == RV_OK && q->asked->nkeys)
                r = rv_fail(err, RV_INVALID_PARAMETER, "%s needs InstanceName: the object to begin with",
                            rv_op_name(q->op));
        return r ? r : rv_request_assoc(q, keys, ask, err);
}

static int op_assoc(struct rv_request *q, bool references, struct rv_error *err)
{
        int r = rv_ops_class(q, rv_ops_text(q, "ClassName"), RV_RIGHT_READ, err);
        struct rv_assoc_ask ask = { .assoc_class = rv_ops_text(q, "AssocClass"),
                                    .result_class = rv_ops_text(q, "ResultClass"),
                                    .role = rv_ops_text(q, "Role"),
                                    .result_role = rv_ops_text(q, "ResultRole"),
                                    .references = references };
        return r ? r : assoc(q, json_object_get(q->params, "InstanceName"), &ask, err);
}

int rv_op_associators(struct rv_request *q, struct rv_error *err)
{
        return op_assoc(q, false, err);
}

int rv_op_references(struct rv_request *q, struct rv_error *err)
{
        return op_assoc(q, true, err);
}

static int query_assoc(struct rv_request *q, const char *text, struct rv_error *err)
{
        struct rv_wql_assoc w;
        char name[128];
        int r = rv_wql_assoc(text, strlen(text), &q->arena, &w, err);
        if (r)
                return r;
        rv_path_class(w.path, name, sizeof name);
        r = rv_ops_class(q, name, RV_RIGHT_READ, err);
        if (r)
                return r;
        if (w.schema_only)
                return rv_request_assoc_schema(q, name, &w, err);
        struct rv_assoc_ask ask = { .assoc_class = w.assoc_class,
                                    .result_class = w.result_class,
                                    .role = w.role,
                                    .result_role = w.result_role,
                                    .references = w.references,
                                    .keys_only = w.keys_only,
                                    .class_defs_only = w.class_defs_only,
                                    .required_qualifier = w.required_qualifier,
                                    .required_assoc_qualifier = w.required_assoc_qualifier };
        json_t *path = json_string(w.path);
        r = path ? assoc(q, path, &ask, err) : rv_fail(err, RV_INVALID_QUERY, "the path is no valid text");
        json_decref(path);
        return r;
}

int rv_op_exec_query(struct rv_request *q, struct rv_error *err)
{
        const char *text = rv_ops_text(q, "Query"), *language = rv_ops_text(q, "QueryLanguage");
        if (language && strcasecmp(language, "SQL") == 0)
                return rv_request_sql(q, text, err);
        if (language && strcasecmp(language, "WQL") != 0)
                return rv_fail(err, RV_QUERY_LANGUAGE_NOT_SUPPORTED,
                               "the query language '%.40s' is not known: expected WQL or SQL", language);
        if (rv_wql_is_event(text, strlen(text))) {
                rv_hint(err, "Subscribe takes it, in the shell Register-CimIndicationEvent.");
                return rv_fail(err, RV_INVALID_QUERY, "this asks for events, which happen later");
        }
        if (rv_wql_is_assoc(text, strlen(text)))
                return query_assoc(q, text, err);
        struct rv_wql_select select;
        int r = rv_wql_select(text, strlen(text), &q->arena, &select, err);
        if (r == RV_OK && strcasecmp(select.class_name, rv_meta_class.name) == 0) {
                r = rv_ops_reading(q, err);
                return r ? r : rv_request_meta(q, &select, err);
        }
        if (r == RV_OK)
                r = rv_ops_class(q, select.class_name, RV_RIGHT_READ, err);
        if (r == RV_OK)
                r = rv_ops_reading(q, err);
        if (r == RV_OK)
                r = rv_ops_choose(q);
        if (r)
                return r;
        bool system;
        q->ask.all_properties = !select.ncolumns;
        select.ncolumns = rv_meta_take_columns(select.columns, select.ncolumns, &system);
        q->flags |= system ? RV_JSON_SYSTEM | RV_JSON_ALL_SYSTEM : 0;
        q->ask.properties = select.columns;
        q->ask.nproperties = select.ncolumns;
        q->ask.filter_at = select.where_at;
        q->ask.filter = select.where ? rv_arena_text(&q->arena, select.where, select.where_len) : NULL;
        q->shape = RV_SHAPE_INSTANCES;
        return rv_request_scan(q, err);
}
