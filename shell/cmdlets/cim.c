/* SPDX-License-Identifier: MIT
 *
 * The general cmdlets over every class, under the names that Windows' administrators know: Get-CimInstance,
 * Invoke-CimMethod and so on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "shell/cimjob.h"
#include "shell/code.h"
#include "shell/model.h"

/* ---- sessions: the agents of other hosts ---- */

static struct sh_link *over; /* of the session whose turn it is; NULL = this host's agent */

static struct sh_link *link_of(struct sh_cmd *c)
{
        return over ? over : sh_link_local(sh_session(c));
}

/* Once for each session of -CimSession; else here. */
static int at_sessions(struct sh_cmd *c, struct sv input, int (*process)(struct sh_cmd *, struct sv))
{
        struct sv list = sh_arg(c, "CimSession");
        struct sh_link *before = over; /* a cmdlet further up the pipeline may be at another one */
        int st = SH_OK;
        over = NULL;
        if (sh_bound(c, "CimSession") && list.kind != SH_ARRAY) { /* never here instead of there */
                over = before;
                return sh_cmd_throw(c, "ParameterArgumentValidationErrorNullNotAllowed", "InvalidData",
                                    SH_NIL,
                                    "Cannot bind argument to parameter 'CimSession' because it is null.");
        }
        if (list.kind != SH_ARRAY)
                st = process(c, input);
        for (uint32_t i = 0; list.kind == SH_ARRAY && i < list.a->n && st == SH_OK; i++) {
                over = sh_link_of_session(c, list.a->v[i], &st);
                if (over)
                        st = process(c, input);
        }
        over = before;
        return st;
}

/* ---- shared ---- */

static int find_class(struct sh_cmd *c, const char *name, const struct sh_model_class **ret)
{
        struct rv_error err = { 0 };
        int r = sh_model_class(link_of(c), name, sh_arg_text(c, "Namespace", NULL), ret, &err);
        return r ? sh_model_error(c, &err, sh_arg(c, "ClassName")) : SH_OK;
}

static int emit_row(void *c, struct sv v)
{
        return sh_emit(c, v);
}

/* An argument of texts, as borrowed names. */
static uint32_t names_of(struct sh_cmd *c, const char *param, const char **to, uint32_t most)
{
        struct sv list = sh_arg(c, param), v;
        size_t pos = 0;
        uint32_t n = 0;
        if (list.kind == SH_STRING)
                to[n++] = list.s->s;
        while (list.kind == SH_ARRAY && n < most && sh_next(list, &pos, &v)) {
                if (v.kind == SH_STRING)
                        to[n++] = v.s->s; /* the argument keeps it */
                sh_drop(v);
        }
        return n;
}

/* The class that a query reads from: the word behind FROM outside of quotes; "" when there is none. */
static void class_of_query(const char *q, char *to, size_t size)
{
        to[0] = 0;
        for (const char *p = q; *p; p++) {
                if (*p == '\'' || *p == '"') {
                        const char *end = strchr(p + 1, *p);
                        if (!end)
                                return;
                        p = end;
                } else if (p > q && strncasecmp(p, "FROM", 4) == 0 && p[4] == ' ' && p[-1] == ' ') {
                        p += 4 + strspn(p + 4, " ");
                        size_t n =
                                strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
                        if (n && n < size)
                                snprintf(to, size, "%.*s", (int)n, p);
                        return;
                }
        }
}

static bool same_query_columns(const char *q)
{
        const char *s = strcasestr(q, "SELECT");
        s = s ? s + 6 + strspn(s + 6, " ") : "";
        return *s == '*';
}

/* ---- Get-CimInstance ---- */

/* What WQL's grammar does not have may be SQL. */
static bool may_be_sql(struct sh_cmd *c, const struct rv_error *err)
{
        return err->code == RV_INVALID_QUERY && !sh_bound(c, "QueryDialect") &&
               strcasecmp(sh_cmdlet_of(c)->name, "Invoke-CimQuery") == 0;
}

static struct sv class_value(const struct rv_class *);

/* A schema query's rows name classes. */
static int emit_class(void *c, struct sv v)
{
        struct sh_model_row *r = sh_model_row_of(v);
        struct sv o = r ? class_value(r->class->c) : sh_keep(v);
        int st = sh_emit(c, o);
        sh_drop(o);
        return st;
}

static int run_query(struct sh_cmd *c, const char *query, const char *dialect)
{
        char name[128] = "";
        const struct sh_model_class *m = NULL;
        struct sh_reading q = { .link = link_of(c),
                                .method = "ExecQuery",
                                .query = query,
                                .timeout = (double)sh_arg_int(c, "OperationTimeoutSec", 0),
                                .each = emit_row,
                                .state = c };
        struct rv_error err = { 0 };
        struct rv_buf more = { 0 }, at = { 0 };
        int status;
        q.at = sh_model_at(c, "At", &at);
        if (!dialect || strcasecmp(dialect, "SQL") != 0)
                class_of_query(query, name, sizeof name);
        if (strcasecmp(name, "meta_class") == 0) {
                q.each = emit_class;
                name[0] = 0;
        }
        if (name[0] && sh_model_class(q.link, name, sh_arg_text(c, "Namespace", NULL), &m, &err) != RV_OK) {
                rv_buf_free(&at);
                return sh_model_throw(sh_session(c), &err, sh_arg(c, "Query"));
        }
        q.class = m;
        if (dialect) {
                rv_buf_puts(&more, ",\"QueryLanguage\":");
                rv_json_text(&more, dialect);
                rv_buf_put(&more, "", 1);
                q.more = more.data;
        }
        if (m && !same_query_columns(query)) /* what the query names is what is shown */
                q.narrow = true;
        err = (struct rv_error) { 0 };
        int r = sh_model_read(c, &q, &status, &err);
        rv_buf_free(&more);
        rv_buf_free(&at);
        if (r && !dialect && may_be_sql(c, &err))
                return run_query(c, query, "SQL");
        return r ? sh_model_throw(sh_session(c), &err, sh_arg(c, "Query")) : status;
}

static int get_again(struct sh_cmd *c, struct sv object)
{
        struct sh_model_row *r = sh_model_row_of(object);
        struct rv_error err = { 0 };
        struct sv now;
        if (!r)
                return sh_cmd_error(c, "InvalidInputObject", "InvalidArgument", object,
                                    "The input object is no instance of a class.");
        if (sh_model_get(sh_session(c), r, NULL, &now, &err) != RV_OK)
                return sh_model_error(c, &err, object);
        int st = sh_emit(c, now);
        sh_drop(now);
        return st;
}

static int for_objects(struct sh_cmd *c, struct sv objects, int (*each)(struct sh_cmd *, struct sv))
{
        struct sv v;
        size_t pos = 0;
        int st = SH_OK;
        if (!sh_is_enumerable(objects))
                return each(c, objects);
        while (st == SH_OK && sh_next(objects, &pos, &v)) {
                st = each(c, v);
                sh_drop(v);
        }
        return st;
}

static int get_here(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const char *properties[64], *query = sh_arg_text(c, "Query", NULL);
        const struct sh_model_class *m;
        if (sh_bound(c, "InputObject"))
                return for_objects(c, sh_arg(c, "InputObject"), get_again);
        if (query)
                return run_query(c, query, sh_arg_text(c, "QueryDialect", NULL));
        int st = find_class(c, sh_arg_text(c, "ClassName", ""), &m), status;
        if (st || !m)
                return st;
        struct sh_reading q = { .link = m->link,
                                .class = m,
                                .method = "EnumerateInstances",
                                .each = emit_row,
                                .state = c,
                                .filter = sh_arg_text(c, "Filter", NULL),
                                .plan = c->plan,
                                .subclasses = true,
                                .timeout = (double)sh_arg_int(c, "OperationTimeoutSec", 0) };
        q.nproperties = names_of(c, "Property", properties, 64);
        if (q.nproperties)
                q.properties = properties;
        if (sh_switch(c, "KeyOnly")) {
                q.nproperties = 0;
                q.properties = properties;
        }
        struct rv_error err = { 0 };
        struct rv_buf at = { 0 };
        q.at = sh_model_at(c, "At", &at);
        int r = sh_model_read(c, &q, &status, &err);
        rv_buf_free(&at);
        return r ? sh_model_error(c, &err, sh_arg(c, "ClassName")) : status;
}

static int get_process(struct sh_cmd *c, struct sv input)
{
        return at_sessions(c, input, get_here);
}

#define NAMESPACE \
        { "Namespace", .type = "string", .from_property = true, \
          .help = "WMI namespace, such as root/cimv2." }, \
        { \
                "CimSession", .type = "object[]", .alias = "ComputerName,HostName,Cn", \
                              .help = "Sessions of New-CimSession, or hosts: their agents, over SSH." \
        }
#define AT \
        { \
                "At", .type = "datetime", .help = "As it was then; for classes whose history is kept." \
        }
#define TIMEOUT \
        { \
                "OperationTimeoutSec", .type = "uint", .alias = "OT", \
                                       .help = "Seconds until the agent gives up." \
        }

static const struct sh_cmdlet get_cim_instance = {
        .name = "Get-CimInstance",
        .alias = (const char *[]) { "gcim", NULL },
        .synopsis = "Gets instances of a class, by class, by query or again.",
        .default_set = "ClassName",
        .params =
                (const struct sh_param[]) {
                        { "ClassName", .type = "string", .sets = "ClassName", .position = 1,
                          .mandatory = true, .from_property = true, .complete = "class",
                          .help = "The class." },
                        { "Query", .type = "string", .sets = "Query", .mandatory = true,
                          .from_property = true,
                          .help = "WQL: SELECT * FROM Win32_Process WHERE Name LIKE 'p%'." },
                        { "InputObject", .type = "ciminstance[]", .sets = "InputObject", .mandatory = true,
                          .from_pipeline = true, .help = "Instances to be read again." },
                        { "Filter", .type = "string", .sets = "ClassName", .from_property = true,
                          .help = "WQL condition." },
                        { "Property", .type = "string[]", .sets = "ClassName", .alias = "SelectProperties",
                          .complete = "property", .help = "Only these properties." },
                        { "KeyOnly", .type = "switch", .sets = "ClassName", .help = "Keys only." },
                        { "Shallow", .type = "switch",
                          .help = "Accepted; subclasses are always told apart." },
                        { "QueryDialect", .type = "string", .sets = "Query", .help = "WQL." },
                        AT,
                        NAMESPACE,
                        TIMEOUT,
                        { 0 } },
        .gives = "Microsoft.Management.Infrastructure.CimInstance",
        .process = get_process,
        .examples =
                (const struct sh_example[]) {
                        { "Get-CimInstance -Query \"SELECT * from Win32_Process WHERE name LIKE 'p%'\"", NULL,
                          "Processes whose name begins with p." },
                        { "Get-CimInstance -ClassName Win32_OperatingSystem | Select-Object Caption, Version",
                          NULL, "An instance's properties." },
                        { 0 } },
};

static int query_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return run_query(c, sh_arg_text(c, "Query", ""), sh_arg_text(c, "QueryDialect", NULL));
}

static const struct sh_cmdlet invoke_cim_query = {
        .name = "Invoke-CimQuery",
        .synopsis = "Asks the agent in WQL or SQL.",
        .description = "What WQL does not have, such as JOIN, GROUP BY, ORDER BY and LIMIT, is taken as SQL "
                       "over the same "
                       "classes.",
        .params = (const struct sh_param[]) { { "Query", .type = "string", .position = 1, .mandatory = true,
                                                .from_pipeline = true, .help = "The query." },
                                              { "QueryDialect", .type = "string", .alias = "QueryLanguage",
                                                .help = "WQL or SQL; found out when absent." },
                                              AT,
                                              NAMESPACE,
                                              TIMEOUT,
                                              { 0 } },
        .process = query_process,
        .examples =
                (const struct sh_example[]) {
                        { "Invoke-CimQuery 'SELECT Name, ProcessId FROM Process WHERE ProcessId = 1' | "
                          "ForEach-Object "
                          "ProcessId",
                          "1", "WQL." },
                        { "(Invoke-CimQuery 'SELECT COUNT(*) AS n FROM Process').n -gt 0", "True", "SQL." },
                        { 0 } },
};

/* ---- Get-CimClass ---- */

static void set(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}

static struct sv qualifiers_value(const struct rv_qualifier *q, uint32_t n)
{
        struct sv list = sh_array_new(n);
        for (uint32_t i = 0; i < n; i++) {
                struct sv o = sh_object_new(), values = sh_array_new(q[i].nvalues);
                for (uint32_t k = 0; k < q[i].nvalues; k++) {
                        struct sv v = q[i].type == RV_CIM_BOOLEAN
                                              ? sh_bool(strcasecmp(q[i].values[k], "true") == 0)
                                              : sh_text(q[i].values[k]);
                        sh_array_take(values.a, v);
                }
                set(o, "Name", sh_text(q[i].name));
                set(o, "Value",
                    q[i].is_array  ? sh_keep(values)
                    : q[i].nvalues ? sh_keep(values.a->v[0])
                                   : SH_NIL);
                set(o, "CimType", sh_text(rv_cim_type_name(q[i].type)));
                sh_drop(values);
                sh_object_type(o, "Microsoft.Management.Infrastructure.CimQualifier");
                sh_array_take(list.a, o);
        }
        return list;
}

static struct sv feature_value(const struct rv_property *p, bool parameter)
{
        static const char *const words[] = { "Boolean",  "UInt8",  "SInt8",  "UInt16",   "SInt16",
                                             "UInt32",   "SInt32", "UInt64", "SInt64",   "Real32",
                                             "Real64",   "Char16", "String", "DateTime", "Reference",
                                             "Instance", "Void" };
        struct sv o = sh_object_new();
        char type[40], flags[80];
        snprintf(type, sizeof type, "%s%s", words[p->type], p->is_array ? "Array" : "");
        snprintf(flags, sizeof flags, "%s%s%s%s", parameter ? "Parameter" : "Property",
                 p->flags & RV_KEY ? ", Key" : "", parameter || p->flags & RV_WRITE ? "" : ", ReadOnly",
                 p->flags & RV_REQUIRED ? ", Required" : "");
        set(o, "Name", sh_text(p->name));
        set(o, "CimType", sh_text(type));
        set(o, "Flags", sh_text(flags));
        set(o, "ReferenceClassName", p->ref_class ? sh_text(p->ref_class) : SH_NIL);
        set(o, "Description", sh_text(p->description));
        set(o, "Qualifiers", qualifiers_value(p->qualifiers, p->nqualifiers));
        sh_object_type(o, parameter ? "Microsoft.Management.Infrastructure.CimMethodParameterDeclaration"
                                    : "Microsoft.Management.Infrastructure.CimPropertyDeclaration");
        return o;
}

static struct sv methods_value(const struct rv_class *c)
{
        struct sv list = sh_array_new(c->nmethods);
        for (uint32_t i = 0; i < c->nmethods; i++) {
                const struct rv_method *m = &c->methods[i];
                struct sv o = sh_object_new(), in = sh_array_new(m->nparameters);
                for (uint32_t k = 0; k < m->nparameters; k++)
                        sh_array_take(in.a, feature_value(&m->parameters[k], true));
                set(o, "Name", sh_text(m->name));
                set(o, "ReturnType", sh_text(rv_cim_type_name(m->return_type)));
                set(o, "Parameters", in);
                set(o, "Description", sh_text(m->description));
                set(o, "Qualifiers", qualifiers_value(m->qualifiers, m->nqualifiers));
                sh_object_type(o, "Microsoft.Management.Infrastructure.CimMethodDeclaration");
                sh_array_take(list.a, o);
        }
        return list;
}

static struct sv class_value(const struct rv_class *c)
{
        struct sv o = sh_object_new(), properties = sh_array_new(c->nproperties), system = sh_object_new();
        for (uint32_t i = 0; i < c->nproperties; i++)
                sh_array_take(properties.a, feature_value(&c->properties[i], false));
        set(system, "Namespace", sh_text(c->name_space));
        set(system, "ClassName", sh_text(c->name));
        set(o, "CimClassName", sh_text(c->name));
        set(o, "CimSuperClassName", c->base_name ? sh_text(c->base_name) : SH_NIL);
        set(o, "CimClassMethods", methods_value(c));
        set(o, "CimClassProperties", properties);
        set(o, "CimClassQualifiers", qualifiers_value(c->qualifiers, c->nqualifiers));
        set(o, "CimSystemProperties", system);
        set(o, "Description", sh_text(c->description));
        sh_object_type(o, "Microsoft.Management.Infrastructure.CimClass");
        return o;
}

static bool like(const char *pattern, const char *name)
{
        return sh_wildcard(pattern, strlen(pattern), name, strlen(name), false);
}

static bool class_fits(struct sh_cmd *c, const struct rv_class *k)
{
        const char *method = sh_arg_text(c, "MethodName", NULL),
                   *property = sh_arg_text(c, "PropertyName", NULL),
                   *qualifier = sh_arg_text(c, "QualifierName", NULL),
                   *space = sh_arg_text(c, "Namespace", NULL);
        bool m = !method, p = !property, q = !qualifier;
        for (uint32_t i = 0; !m && i < k->nmethods; i++)
                m = like(method, k->methods[i].name);
        for (uint32_t i = 0; !p && i < k->nproperties; i++)
                p = like(property, k->properties[i].name);
        for (uint32_t i = 0; !q && i < k->nqualifiers; i++)
                q = like(qualifier, k->qualifiers[i].name);
        return m && p && q && (!space || strcasecmp(space, k->name_space) == 0);
}

static int by_name(const void *a, const void *b)
{
        const struct sh_model_class *const *x = a, *const *y = b;
        return strcasecmp((*x)->c->name, (*y)->c->name);
}

static int emit_classes(struct sh_cmd *c, struct sh_link *l, const char *pattern)
{
        size_t n = 0;
        int st = SH_OK;
        for (struct sh_model_class *m = l->classes; m; m = m->next)
                n++;
        const struct sh_model_class **v = calloc(n + 1, sizeof *v);
        n = 0;
        for (struct sh_model_class *m = l->classes; v && m; m = m->next)
                if (like(pattern, m->c->name) && class_fits(c, m->c))
                        v[n++] = m;
        if (n)
                qsort(v, n, sizeof *v, by_name);
        for (size_t i = 0; st == SH_OK && i < n; i++) {
                struct sv o = class_value(v[i]->c);
                st = sh_emit(c, o);
                sh_drop(o);
        }
        free(v);
        return st;
}

static int class_here(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const char *name = sh_arg_text(c, "ClassName", "*");
        struct sh_link *l = link_of(c);
        struct rv_error err = { 0 };
        if (!sh_has_wildcard(name, strlen(name))) {
                const struct sh_model_class *m = NULL;
                int st = find_class(c, name, &m);
                if (st || !m)
                        return st;
                struct sv o = class_value(m->c);
                st = sh_emit(c, o);
                sh_drop(o);
                return st;
        }
        if (sh_model_all_classes(l, &err) != RV_OK)
                return sh_model_error(c, &err, SH_NIL);
        return emit_classes(c, l, name);
}

static int class_process(struct sh_cmd *c, struct sv input)
{
        return at_sessions(c, input, class_here);
}

static const struct sh_cmdlet get_cim_class = {
        .name = "Get-CimClass",
        .alias = (const char *[]) { "gcls", NULL },
        .synopsis = "Gets descriptions of classes: properties, methods, qualifiers.",
        .params = (const struct sh_param[]) { { "ClassName", .type = "string", .position = 1,
                                                .from_property = true, .wildcard = true, .complete = "class",
                                                .help = "The class, or a pattern." },
                                              { "MethodName", .type = "string", .wildcard = true,
                                                .help = "Only classes with such a method." },
                                              { "PropertyName", .type = "string", .wildcard = true,
                                                .help = "Only classes with such a property." },
                                              { "QualifierName", .type = "string", .wildcard = true,
                                                .help = "Only classes with such a qualifier." },
                                              NAMESPACE,
                                              TIMEOUT,
                                              { 0 } },
        .gives = "Microsoft.Management.Infrastructure.CimClass",
        .process = class_process,
};

/* ---- Invoke-CimMethod ---- */

static int put_arguments(struct sh_cmd *c, const struct rv_method *m, struct rv_buf *b)
{
        struct sv args = sh_unwrap(sh_arg(c, "Arguments")), key, value;
        struct rv_error err = { 0 };
        rv_buf_puts(b, "{");
        for (uint32_t i = 0; args.kind == SH_HASH && sh_hash_at(args.h, i, &key, &value); i++) {
                struct sv name = sh_to_text(sh_session(c), key);
                const struct rv_property *p = NULL;
                for (uint32_t k = 0; m && k < m->nparameters; k++)
                        if (strcasecmp(m->parameters[k].name, name.s->s) == 0)
                                p = &m->parameters[k];
                rv_buf_puts(b, i ? "," : "");
                p ? rv_json_text(b, p->name) : rv_json_string(b, name.s->s, name.s->len);
                rv_buf_puts(b, ":");
                sh_drop(name);
                if (!sh_value_json(sh_session(c), value, p, b, &err))
                        return sh_model_error(c, &err, value) ? SH_ERROR : SH_NONE;
        }
        rv_buf_puts(b, "}");
        return SH_OK;
}

static int invoke_one(struct sh_cmd *c, const struct sh_model_class *m, struct sv object)
{
        struct sh_model_row *r = sh_model_row_of(object);
        const char *name = sh_arg_text(c, "MethodName", "");
        int at = rv_method_find(m->c, name, strlen(name));
        const struct rv_method *method = at >= 0 ? &m->c->methods[at] : NULL;
        struct rv_buf in = { 0 }, out = { 0 };
        struct sh_buf what = { 0 };
        struct rv_error err = { 0 };
        bool do_it = true;
        int st = put_arguments(c, method, &in);
        if (r)
                sh_model_path(r, &what);
        else
                sh_buf_puts(&what, m->c->name);
        if (st == SH_OK && !(method && method->read_only))
                st = sh_should_process(c, what.p, method ? method->name : name, &do_it);
        bool what_if = !do_it && sh_what_if(c), as_job = !what_if && sh_switch(c, "AsJob");
        if (st == SH_OK && (do_it || what_if)) {
                int e = sh_model_invoke(
                        m->link, m->c, r, method ? method->name : name, in.data, in.len,
                        (struct sh_how) { what_if, (unsigned)sh_arg_int(c, "ConfirmWithin", 0), as_job },
                        &out, &err);
                struct sv o =
                        e        ? SH_NIL
                        : as_job ? sh_cim_job_new(sh_session(c), m->link, NULL, rv_json_at(out.data, out.len))
                                 : sh_json_any(sh_session(c), rv_json_at(out.data, out.len));
                if (!e && !as_job)
                        set(o, "PSComputerName", SH_NIL);
                st = e ? sh_model_error(c, &err, object) : what_if ? SH_OK : sh_emit(c, o);
                sh_drop(o);
        }
        rv_buf_free(&in);
        rv_buf_free(&out);
        sh_buf_free(&what);
        return st == SH_NONE ? SH_OK : st;
}

static int invoke_object(struct sh_cmd *c, struct sv v)
{
        struct sh_model_row *r = sh_model_row_of(v);
        return r ? invoke_one(c, r->class, v)
                 : sh_cmd_error(c, "InvalidInputObject", "InvalidArgument", v,
                                "The input object is no instance of a class.");
}

static int collect_row(void *list, struct sv v)
{
        sh_array_add(((struct sv *)list)->a, v);
        return SH_OK;
}

static int invoke_here(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const char *query = sh_arg_text(c, "Query", NULL);
        const struct sh_model_class *m = NULL;
        if (sh_bound(c, "InputObject"))
                return for_objects(c, sh_arg(c, "InputObject"), invoke_object);
        if (!query) {
                int st = find_class(c, sh_arg_text(c, "ClassName", ""), &m);
                return st || !m ? st : invoke_one(c, m, SH_NIL);
        }
        struct sv rows = sh_array_new(4);
        struct sh_reading q = {
                .link = link_of(c), .method = "ExecQuery", .query = query, .each = collect_row, .state = &rows
        };
        struct rv_error err = { 0 };
        int status, r = sh_model_read(c, &q, &status, &err);
        if (r)
                status = sh_model_error(c, &err, SH_NIL);
        else if (status == SH_OK)
                status = for_objects(c, rows, invoke_object);
        sh_drop(rows);
        return status;
}

static int invoke_process(struct sh_cmd *c, struct sv input)
{
        return at_sessions(c, input, invoke_here);
}

static const struct sh_cmdlet invoke_cim_method = {
        .name = "Invoke-CimMethod",
        .alias = (const char *[]) { "icim", NULL },
        .synopsis = "Calls a method of a class or of instances.",
        .default_set = "ClassName",
        .should_process = true,
        .params =
                (const struct sh_param[]) {
                        { "ClassName", .type = "string", .alias = "Class", .sets = "ClassName", .position = 1,
                          .mandatory = true, .from_property = true, .complete = "class",
                          .help = "The class, for static methods." },
                        { "InputObject", .type = "ciminstance[]", .alias = "CimInstance",
                          .sets = "InputObject", .position = 1, .mandatory = true, .from_pipeline = true,
                          .help = "The instances." },
                        { "Query", .type = "string", .sets = "Query", .mandatory = true,
                          .help = "Chooses the instances." },
                        { "MethodName", .type = "string", .alias = "Name", .position = 2, .mandatory = true,
                          .from_property = true, .complete = "method", .help = "The method." },
                        { "Arguments", .type = "hashtable", .position = 3, .from_property = true,
                          .help = "@{Name = value}." },
                        { "ConfirmWithin", .type = "uint",
                          .help = "Seconds: it is put back unless Confirm-Transaction comes over another "
                                  "connection." },
                        { "AsJob", .type = "switch",
                          .help = "A job at once: Wait-Job, Receive-Job. It goes on when the session ends: "
                                  "Get-CimJob." },
                        NAMESPACE,
                        TIMEOUT,
                        { 0 } },
        .process = invoke_process,
};

/* ---- changes ---- */

/* A hash table of properties, checked against the class, as JSON. */
static int put_properties(struct sh_cmd *c, const struct rv_class *k, struct rv_buf *b)
{
        struct sv h = sh_unwrap(sh_arg(c, "Property")), key, value;
        struct rv_error err = { 0 };
        rv_buf_puts(b, "{");
        for (uint32_t i = 0; h.kind == SH_HASH && sh_hash_at(h.h, i, &key, &value); i++) {
                struct sv name = sh_to_text(sh_session(c), key);
                int p = rv_property_find_alias(k, name.s->s, name.s->len, NULL);
                rv_buf_puts(b, i ? "," : "");
                p >= 0 ? rv_json_text(b, k->properties[p].name) : rv_json_string(b, name.s->s, name.s->len);
                rv_buf_puts(b, ":");
                sh_drop(name);
                if (!sh_value_json(sh_session(c), value, p >= 0 ? &k->properties[p] : NULL, b, &err))
                        return sh_model_throw(sh_session(c), &err, value);
        }
        rv_buf_puts(b, "}");
        return SH_OK;
}

/* What was assigned to the object in the session. */
static int put_assigned(struct sh_cmd *c, struct sh_model_row *r, struct rv_buf *b)
{
        const struct rv_class *k = r->class->c;
        struct rv_error err = { 0 };
        rv_buf_puts(b, "{");
        for (uint32_t i = 0; r->over && i < k->nproperties; i++)
                if (r->over[i].state == SH_OVER_ASSIGNED) {
                        rv_buf_puts(b, b->len > 1 ? "," : "");
                        rv_json_text(b, k->properties[i].name);
                        rv_buf_puts(b, ":");
                        if (!sh_value_json(sh_session(c), r->over[i].v, &k->properties[i], b, &err))
                                return sh_model_throw(sh_session(c), &err, r->over[i].v);
                }
        rv_buf_puts(b, "}");
        return SH_OK;
}

static int set_one(struct sh_cmd *c, struct sv object)
{
        struct sh_model_row *r = sh_model_row_of(object);
        if (!r)
                return invoke_object(c, object);
        struct rv_buf b = { 0 };
        struct sh_buf what = { 0 };
        struct rv_error err = { 0 };
        struct sv now = SH_NIL;
        bool do_it = true;
        int st = sh_bound(c, "Property") ? put_properties(c, r->class->c, &b) : put_assigned(c, r, &b);
        sh_model_path(r, &what);
        if (st == SH_OK)
                st = sh_should_process(c, what.p, "Set-CimInstance", &do_it);
        bool what_if = !do_it && sh_what_if(c);
        if (st == SH_OK && (do_it || what_if)) {
                if (sh_model_modify(r, b.data, b.len, what_if, &now, &err) != RV_OK)
                        st = sh_model_error(c, &err, object);
                else if (!what_if && sh_switch(c, "PassThru"))
                        st = sh_emit(c, sh_is_null(now) ? object : now);
                sh_drop(now);
        }
        rv_buf_free(&b);
        sh_buf_free(&what);
        return st;
}

static int remove_one(struct sh_cmd *c, struct sv object)
{
        struct sh_model_row *r = sh_model_row_of(object);
        if (!r)
                return invoke_object(c, object);
        struct sh_buf what = { 0 };
        struct rv_error err = { 0 };
        bool do_it = true;
        sh_model_path(r, &what);
        int st = sh_should_process(c, what.p, "Remove-CimInstance", &do_it);
        bool what_if = !do_it && sh_what_if(c);
        sh_buf_free(&what);
        if (st == SH_OK && (do_it || what_if) && sh_model_delete(r, what_if, &err) != RV_OK)
                st = sh_model_error(c, &err, object);
        return st;
}

/* Instances from the pipeline or by query, collected before the first is changed. */
static int change(struct sh_cmd *c, int (*each)(struct sh_cmd *, struct sv))
{
        const char *query = sh_arg_text(c, "Query", NULL);
        if (!query)
                return for_objects(c, sh_arg(c, "InputObject"), each);
        struct sv rows = sh_array_new(4);
        struct sh_reading q = {
                .link = link_of(c), .method = "ExecQuery", .query = query, .each = collect_row, .state = &rows
        };
        struct rv_error err = { 0 };
        int status, r = sh_model_read(c, &q, &status, &err);
        if (r)
                status = sh_model_error(c, &err, SH_NIL);
        else if (status == SH_OK)
                status = for_objects(c, rows, each);
        sh_drop(rows);
        return status;
}

static int set_here(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return change(c, set_one);
}

static int set_process(struct sh_cmd *c, struct sv input)
{
        return at_sessions(c, input, set_here);
}

static int remove_here(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return change(c, remove_one);
}

static int remove_process(struct sh_cmd *c, struct sv input)
{
        return at_sessions(c, input, remove_here);
}

static int new_here(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const struct sh_model_class *m = NULL;
        int st = find_class(c, sh_arg_text(c, "ClassName", ""), &m);
        if (st || !m)
                return st;
        struct rv_buf b = { 0 };
        struct rv_error err = { 0 };
        struct sv now = SH_NIL;
        bool do_it = true;
        st = put_properties(c, m->c, &b);
        if (st == SH_OK)
                st = sh_should_process(c, m->c->name, "New-CimInstance", &do_it);
        bool what_if = !do_it && sh_what_if(c);
        if (st == SH_OK && (do_it || what_if)) {
                if (sh_model_create(m, b.data, b.len, what_if, &now, &err) != RV_OK)
                        st = sh_model_error(c, &err, sh_arg(c, "ClassName"));
                else if (!sh_is_null(now))
                        st = sh_emit(c, now);
                sh_drop(now);
        }
        rv_buf_free(&b);
        return st;
}

static int new_process(struct sh_cmd *c, struct sv input)
{
        return at_sessions(c, input, new_here);
}

#define OBJECTS \
        { "InputObject", .type = "ciminstance[]", .alias = "CimInstance", .sets = "InputObject", \
          .position = 1, .mandatory = true,       .from_pipeline = true,  .help = "The instances." }, \
        { \
                "Query", .type = "string", .sets = "Query", .mandatory = true, \
                         .help = "Chooses the instances." \
        }

static const struct sh_cmdlet set_cim_instance = {
        .name = "Set-CimInstance",
        .alias = (const char *[]) { "scim", NULL },
        .synopsis = "Changes properties of instances.",
        .default_set = "InputObject",
        .should_process = true,
        .params = (const struct sh_param[]) { OBJECTS,
                                              { "Property", .type = "hashtable", .alias = "Arguments",
                                                .help = "@{Name = value}; without it what was "
                                                        "assigned to the object." },
                                              { "PassThru", .type = "switch",
                                                .help = "Passes on the changed instances." },
                                              NAMESPACE,
                                              TIMEOUT,
                                              { 0 } },
        .process = set_process,
};

static const struct sh_cmdlet remove_cim_instance = {
        .name = "Remove-CimInstance",
        .alias = (const char *[]) { "rcim", NULL },
        .synopsis = "Removes instances.",
        .default_set = "InputObject",
        .should_process = true,
        .params = (const struct sh_param[]) { OBJECTS, NAMESPACE, TIMEOUT, { 0 } },
        .process = remove_process,
};

static const struct sh_cmdlet new_cim_instance = {
        .name = "New-CimInstance",
        .alias = (const char *[]) { "ncim", NULL },
        .synopsis = "Makes an instance of a class.",
        .should_process = true,
        .params = (const struct sh_param[]) { { "ClassName", .type = "string", .position = 1,
                                                .mandatory = true, .from_property = true, .complete = "class",
                                                .help = "The class." },
                                              { "Property", .type = "hashtable", .alias = "Arguments",
                                                .position = 2, .help = "@{Name = value}." },
                                              NAMESPACE,
                                              TIMEOUT,
                                              { 0 } },
        .process = new_process,
};

/* ---- associations ---- */

static int associated_one(struct sh_cmd *c, struct sv object)
{
        struct sh_model_row *r = sh_model_row_of(object);
        if (!r)
                return invoke_object(c, object);
        const char *result = sh_arg_text(c, "ResultClassName", NULL),
                   *assoc = sh_arg_text(c, "Association", NULL);
        struct rv_buf more = { 0 };
        struct rv_error err = { 0 };
        int status = SH_OK, e = RV_OK;
        rv_buf_puts(&more, ",\"InstanceName\":");
        if (!sh_model_keys(r, &more))
                e = rv_fail(&err, RV_INVALID_PARAMETER, "the object has no keys by which it could be found");
        if (result) {
                rv_buf_puts(&more, ",\"ResultClass\":");
                rv_json_text(&more, result);
        }
        if (assoc) {
                rv_buf_puts(&more, ",\"AssocClass\":");
                rv_json_text(&more, assoc);
        }
        rv_buf_put(&more, "", 1);
        struct sh_reading q = { .link = r->class->link,
                                .about = r->class->c,
                                .method = "Associators",
                                .more = more.data,
                                .each = emit_row,
                                .state = c };
        if (e == RV_OK)
                e = sh_model_read(c, &q, &status, &err);
        rv_buf_free(&more);
        return e ? sh_model_error(c, &err, object) : status;
}

static int associated_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return for_objects(c, sh_arg(c, "InputObject"), associated_one);
}

static const struct sh_cmdlet get_cim_associated = {
        .name = "Get-CimAssociatedInstance",
        .alias = (const char *[]) { "gcai", NULL },
        .synopsis = "Gets the instances that are associated with one.",
        .params = (const struct sh_param[]) { { "InputObject", .type = "ciminstance[]",
                                                .alias = "CimInstance", .position = 1, .mandatory = true,
                                                .from_pipeline = true, .help = "The instance." },
                                              { "Association", .type = "string", .position = 2,
                                                .complete = "class", .help = "Through this class only." },
                                              { "ResultClassName", .type = "string", .complete = "class",
                                                .help = "Only instances of this class." },
                                              NAMESPACE,
                                              TIMEOUT,
                                              { 0 } },
        .process = associated_process,
};

SH_CMDLETS(cim, &get_cim_instance, &invoke_cim_query, &get_cim_class, &invoke_cim_method, &set_cim_instance,
           &remove_cim_instance, &new_cim_instance, &get_cim_associated);
