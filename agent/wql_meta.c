/* SPDX-License-Identifier: MIT */
#include "agent/wql_meta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/assoc.h"

enum { DERIVED_MOST = 32 };

/* ---- meta_class ---- */

enum { CLASS, SUPERCLASS, DYNASTY, GENUS, SPACE, SERVER, PATH, RELPATH, COUNT, DERIVATION, THIS, NMETA };

static const struct rv_property properties[NMETA] = {
        [CLASS] = { .name = "__CLASS", .description = "", .type = RV_CIM_STRING, .max = -1 },
        [SUPERCLASS] = { .name = "__SUPERCLASS", .description = "", .type = RV_CIM_STRING, .max = -1 },
        [DYNASTY] = { .name = "__DYNASTY", .description = "", .type = RV_CIM_STRING, .max = -1 },
        [GENUS] = { .name = "__GENUS", .description = "", .type = RV_CIM_SINT32, .max = -1 },
        [SPACE] = { .name = "__NAMESPACE", .description = "", .type = RV_CIM_STRING, .max = -1 },
        [SERVER] = { .name = "__SERVER", .description = "", .type = RV_CIM_STRING, .max = -1 },
        [PATH] = { .name = "__PATH", .description = "", .type = RV_CIM_STRING, .max = -1 },
        [RELPATH] = { .name = "__RELPATH", .description = "", .type = RV_CIM_STRING, .max = -1 },
        [COUNT] = { .name = "__PROPERTY_COUNT", .description = "", .type = RV_CIM_SINT32, .max = -1 },
        [DERIVATION] = { .name = "__DERIVATION",
                         .description = "",
                         .type = RV_CIM_STRING,
                         .is_array = true,
                         .max = -1 },
        [THIS] = { .name = "__THIS", .description = "", .type = RV_CIM_STRING, .is_array = true, .max = -1 },
};

const struct rv_class rv_meta_class = { .name = "meta_class",
                                        .name_space = "root/reeve",
                                        .description = "",
                                        .properties = properties,
                                        .nproperties = NMETA };

bool rv_meta_has(const char *name, size_t n)
{
        return rv_property_find(&rv_meta_class, name, n) >= 0;
}

static void text(struct rv_row *row, unsigned p, const char *s)
{
        if (s)
                rv_set_string(row, p, s, strlen(s));
}

/* The names from this class up to the oldest. */
static void put_line(struct rv_row *row, unsigned p, const struct rv_class *c)
{
        const char *names[DERIVED_MOST];
        uint32_t n = 0;
        for (; c && n < DERIVED_MOST; c = c->base)
                names[n++] = c->name;
        rv_list list = rv_set_list(row, p, n);
        for (uint32_t i = 0; i < n; i++)
                rv_item_string(row, list, i, names[i], strlen(names[i]));
}

static void fill(struct rv_row *row, const struct rv_class *c, enum rv_genus genus)
{
        const struct rv_class *oldest = c;
        char host[256] = "", path[600];
        gethostname(host, sizeof host - 1);
        while (oldest->base)
                oldest = oldest->base;
        snprintf(path, sizeof path, "\\\\%s\\%s:%s", host, c->name_space, c->name);
        for (char *s = path; (s = strchr(s, '/'));)
                *s = '\\';
        text(row, CLASS, c->name);
        text(row, SUPERCLASS, c->base_name);
        text(row, DYNASTY, oldest->name);
        rv_set_int(row, GENUS, genus);
        text(row, SPACE, c->name_space);
        text(row, SERVER, host);
        rv_set_int(row, COUNT, c->nproperties);
        put_line(row, DERIVATION, c->base);
        put_line(row, THIS, c);
        if (genus == RV_GENUS_CLASS) {
                text(row, PATH, path);
                text(row, RELPATH, c->name);
        }
}

struct rv_batch *rv_meta_row(const struct rv_class *c, enum rv_genus genus)
{
        struct rv_batch *b = rv_batch_new(&rv_meta_class);
        struct rv_row row;
        if (!b || rv_row_begin(&row, b, NULL))
                return rv_batch_free(b);
        fill(&row, c, genus);
        rv_row_end(&row);
        return row.failed ? rv_batch_free(b) : b;
}

uint32_t rv_meta_take_columns(const char **columns, uint32_t n, bool *ret_any)
{
        uint32_t left = 0;
        *ret_any = false;
        for (uint32_t i = 0; i < n; i++)
                if (rv_meta_has(columns[i], strlen(columns[i])))
                        *ret_any = true;
                else
                        columns[left++] = columns[i];
        return left;
}

/* ---- schema queries ---- */

static int columns(const struct rv_wql_select *s, uint64_t *show, struct rv_error *err)
{
        for (uint32_t i = 0; i < s->ncolumns; i++) {
                int p = rv_property_find(&rv_meta_class, s->columns[i], strlen(s->columns[i]));
                if (p < 0 || p == THIS) {
                        rv_about(err, "meta_class", NULL, s->columns[i]);
                        rv_hint(err, "GetClass tells a class' properties.");
                        return rv_fail(err, RV_INVALID_QUERY,
                                       "'%.60s': a schema query selects system properties", s->columns[i]);
                }
                rv_bit_set(show, (unsigned)p);
        }
        for (unsigned p = 0; !s->ncolumns && p < THIS; p++)
                rv_bit_set(show, p);
        return RV_OK;
}

static void begin(struct rv_request *q)
{
        q->out.max = RV_REPLY_BYTES;
        rv_buf_puts(&q->out, "{\"Instances\":[");
}

static int put_class(struct rv_request *q, const struct rv_class *c, const struct rv_expr *where,
                     const uint64_t *show)
{
        struct rv_batch *b = rv_meta_row(c, RV_GENUS_CLASS);
        if (!b)
                return -ENOMEM;
        if (!where || rv_expr_true(where, b, 0)) {
                rv_buf_puts(&q->out, q->sent++ ? "," : "");
                rv_json_row(&q->out, b, 0, show, 0);
        }
        rv_batch_free(b);
        return RV_OK;
}

/* With a partialResultToken the rows go before the result. */
static void send_rows(struct rv_request *q)
{
        static const char head[] = "{\"Instances\":[";
        const size_t n = sizeof head - 1;
        struct rv_buf b = { 0 };
        rv_buf_putf(&b, "{\"token\":%s,\"value\":[", q->token);
        rv_buf_put(&b, q->out.data + n, q->out.len - n);
        rv_buf_puts(&b, "]}");
        if (q->sent && !b.failed)
                rv_notify(q->session, "$/progress", b.data, b.len);
        rv_buf_free(&b);
        q->out.len = n;
}

static int finish(struct rv_request *q, int r)
{
        if (q->token && !q->out.failed)
                send_rows(q);
        rv_buf_puts(&q->out, "]}");
        if (r || q->out.failed)
                return r ? r : -ENOMEM;
        rv_answer(q, q->out.data, q->out.len); /* frees the request */
        return RV_OK;
}

int rv_request_meta(struct rv_request *q, const struct rv_wql_select *s, struct rv_error *err)
{
        const char *space = json_string_value(json_object_get(q->params, "Namespace"));
        const struct rv_expr *where = NULL;
        uint64_t show[1] = { 0 };
        int r = columns(s, show, err);
        if (r == RV_OK && s->where)
                r = rv_wql_where(s->where, s->where_len, s->where_at, &rv_meta_class, &q->arena, &where, err);
        if (r)
                return r;
        begin(q);
        for (uint32_t i = 0; i < q->agent->registry.n && r == RV_OK; i++) {
                const struct rv_class *c = q->agent->registry.classes[i];
                if ((!space || rv_same_namespace(space, c->name_space)) &&
                    rv_visible_class(&q->agent->policy, &q->session->who, c, RV_OP_ANY, &q->arena) &&
                    (!q->ask.limit || q->sent < q->ask.limit))
                        r = put_class(q, c, where, show);
        }
        return finish(q, r);
}

/* ---- SchemaOnly ---- */

static bool has_qualifier(const struct rv_class *c, const char *name)
{
        return !name || rv_qualifier_find(c->qualifiers, c->nqualifiers, name);
}

static bool is_role(const struct rv_class *c, unsigned ref, const char *role)
{
        return !role || strcasecmp(c->properties[ref].name, role) == 0;
}

/* Whether this association says something of the class from that side, as far as the query asks. */
static bool is_meant(const struct rv_assoc *a, int from, const struct rv_class *c, const struct rv_class *view,
                     const struct rv_wql_assoc *w)
{
        const char *assoc = w->references ? w->result_class : w->assoc_class;
        const struct rv_class *shown = w->references ? a->class : a->of[!from];
        return (rv_descends(c, a->of[from]) || view == a->of[from]) && (!assoc || rv_class_isa(a->class, assoc)) &&
               (w->references || !w->result_class || rv_class_isa(shown, w->result_class)) &&
               is_role(a->class, a->ref[from], w->role) && is_role(a->class, a->ref[!from], w->result_role) &&
               has_qualifier(a->class, w->required_assoc_qualifier) &&
               has_qualifier(shown, w->required_qualifier);
}

int rv_request_assoc_schema(struct rv_request *q, const char *class_name, const struct rv_wql_assoc *w,
                            struct rv_error *err)
{
        const struct rv_class *c;
        json_t *seen = json_object();
        uint64_t show[1] = { (UINT64_C(1) << THIS) - 1 };
        int r = rv_registry_find(&q->agent->registry, class_name,
                                 json_string_value(json_object_get(q->params, "Namespace")), &c, err);
        const struct rv_class *view = r == RV_OK && c->view_of ? c : NULL;
        if (view)
                c = rv_class_find(c->view_of, NULL);
        if (r == RV_OK && c)
                begin(q);
        for (unsigned i = 0; r == RV_OK && c && i < q->agent->nassocs; i++)
                for (int from = 0; from < 2 && r == RV_OK; from++) {
                        const struct rv_assoc *a = &q->agent->assocs[i];
                        const struct rv_class *shown = w->references ? a->class : a->of[!from];
                        if (!is_meant(a, from, c, view, w) || json_object_get(seen, shown->name) ||
                            !rv_visible_class(&q->agent->policy, &q->session->who, a->class, RV_OP_ANY,
                                              &q->arena) ||
                            !rv_visible_class(&q->agent->policy, &q->session->who, shown, RV_OP_ANY,
                                              &q->arena))
                                continue;
                        json_object_set_new(seen, shown->name, json_true());
                        r = put_class(q, shown, NULL, show);
                }
        json_decref(seen);
        return r ? r : finish(q, r);
}
