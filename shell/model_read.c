/* SPDX-License-Identifier: MIT
 *
 * Asking the agent: rows into a pipeline with what the pipeline needs pushed down, one instance again, methods.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "shell/model.h"

/* ---- what is asked ---- */

static void put_class(struct rv_buf *b, const struct rv_class *c)
{
        rv_buf_puts(b, "{\"ClassName\":");
        rv_json_text(b, c->name);
        rv_buf_puts(b, ",\"Namespace\":");
        rv_json_text(b, c->name_space);
}

/* A list of property names under construction: each once. */
struct names {
        const struct rv_class *c;
        struct rv_buf *b;
        uint64_t have[64];
        bool any;
};

static void add_property(struct names *n, int p)
{
        if (p < 0 || p >= 4096 || n->have[p >> 6] >> (p & 63) & 1)
                return;
        n->have[p >> 6] |= UINT64_C(1) << (p & 63);
        rv_buf_puts(n->b, n->any ? "," : "");
        rv_json_text(n->b, n->c->properties[p].name);
        n->any = true;
}

static void add_keys(struct names *n)
{
        for (uint32_t k = 0; k < n->c->nkeys; k++)
                add_property(n, n->c->keys[k]);
}

/* The property that a column of the default view shows. */
static int column_property(const struct rv_class *c, const char *column)
{
        const char *p = strchr(column, '|'), *end = p ? strchr(p + 1, '|') : NULL;
        return p ? rv_property_find_alias(c, p + 1, end ? (size_t)(end - p - 1) : strlen(p + 1), NULL) : -1;
}

/* Whole objects: everything that costs nothing extra, and what the default view shows. */
static void whole(struct names *n)
{
        for (uint32_t i = 0; i < n->c->nproperties; i++)
                if (!(n->c->properties[i].flags & (RV_EXPENSIVE | RV_SECRET)))
                        add_property(n, (int)i);
        for (uint32_t i = 0; i < n->c->nview; i++)
                add_property(n, column_property(n->c, n->c->view[i]));
}

static bool view_is_expensive(const struct rv_class *c)
{
        for (uint32_t i = 0; i < c->nview; i++) {
                int p = column_property(c, c->view[i]);
                if (p >= 0 && c->properties[p].flags & RV_EXPENSIVE)
                        return true;
        }
        return false;
}

static void put_properties(struct rv_buf *b, const struct sh_reading *q)
{
        const struct rv_class *c = q->class ? q->class->c : NULL;
        bool planned = q->plan && !q->plan->all && q->plan->nproperties;
        if (!q->properties && (!c || (!planned && !view_is_expensive(c))))
                return;
        struct names *n = calloc(1, sizeof *n);
        if (!n)
                return;
        *n = (struct names) { .c = c, .b = b };
        rv_buf_puts(b, ",\"PropertyList\":[");
        if (c)
                add_keys(n);
        for (uint32_t i = 0; q->properties && i < q->nproperties; i++) {
                int p = c ? rv_property_find_alias(c, q->properties[i], strlen(q->properties[i]), NULL) : -1;
                if (p >= 0) {
                        add_property(n, p);
                        continue;
                }
                rv_buf_puts(b, n->any ? "," : ""); /* the agent says what it thinks of it */
                rv_json_text(b, q->properties[i]);
                n->any = true;
        }
        for (uint32_t i = 0; !q->properties && planned && i < q->plan->nproperties; i++)
                add_property(n, rv_property_find_alias(c, q->plan->properties[i],
                                                       strlen(q->plan->properties[i]), NULL));
        if (q->also > 0 && c)
                add_property(n, q->also - 1);
        if (!q->properties && !planned)
                whole(n);
        rv_buf_puts(b, "]");
        free(n);
}

static void put_filter(struct rv_buf *b, const struct sh_reading *q)
{
        const char *planned = q->plan && q->plan->filter[0] ? q->plan->filter : NULL;
        if (!q->filter && !planned)
                return;
        struct rv_buf f = { 0 };
        if (q->filter && planned)
                rv_buf_putf(&f, "(%s) AND (%s)", q->filter, planned);
        else
                rv_buf_puts(&f, q->filter ? q->filter : planned);
        rv_buf_puts(b, ",\"Filter\":");
        rv_json_string(b, f.data ? f.data : "", f.len);
        rv_buf_free(&f);
}

/* "WS DESC, Name" with PowerShell's names: the same with MOF's, as JSON. */
static bool add_order(struct rv_buf *list, const struct rv_class *c, const char *order)
{
        bool ok = true;
        for (const char *p = order; ok && *p;) {
                while (*p == ' ' || *p == ',')
                        p++;
                size_t n = strcspn(p, " ,");
                int at = rv_property_find_alias(c, p, n, NULL);
                ok = at >= 0;
                p += n;
                while (*p == ' ')
                        p++;
                bool down = strncasecmp(p, "DESC", 4) == 0;
                p += strcspn(p, ",");
                if (ok)
                        rv_buf_putf(list, "%s\"%s%s\"", list->len ? "," : "", c->properties[at].name,
                                    down ? " DESC" : "");
        }
        return ok;
}

/* An order by a name that is no property is left to the pipeline. `then`, or NULL, decides where the order does not. */
static bool put_order(struct rv_buf *b, const struct rv_class *c, const char *order, const char *then)
{
        struct rv_buf list = { 0 };
        bool ok = c && add_order(&list, c, order) && list.len;
        if (ok && then)
                add_order(&list, c, then);
        if (ok) {
                rv_buf_puts(b, ",\"OrderBy\":[");
                rv_buf_put(b, list.data, list.len);
                rv_buf_puts(b, "]");
        }
        rv_buf_free(&list);
        return ok;
}

static void put_question(struct rv_buf *b, const struct sh_reading *q)
{
        const struct rv_class *c = q->class ? q->class->c : NULL;
        if (q->query) {
                rv_buf_puts(b, "{\"Query\":");
                rv_json_text(b, q->query);
        } else {
                put_class(b, q->about ? q->about : c);
        }
        put_properties(b, q);
        put_filter(b, q);
        bool ordered = q->plan && q->plan->order[0] && put_order(b, c, q->plan->order, q->order);
        if (!ordered && q->order)
                put_order(b, c, q->order, NULL);
        uint64_t limit = q->limit;
        if (q->plan && q->plan->limit && (ordered || !q->plan->order[0]) &&
            (!limit || q->plan->limit < limit))
                limit = q->plan->limit;
        if (limit && limit <= INT64_MAX)
                rv_buf_putf(b, ",\"Limit\":%llu", (unsigned long long)limit);
        if (q->subclasses || !c)
                rv_buf_puts(b, ",\"IncludeSystemProperties\":true");
        if (q->at)
                rv_buf_putf(b, ",\"At\":%s", q->at);
        if (q->more)
                rv_buf_puts(b, q->more);
}

const char *sh_model_at(struct sh_cmd *c, const char *param, struct rv_buf *b)
{
        struct rv_error ignored = { 0 };
        if (!sh_bound(c, param))
                return NULL;
        sh_value_json(sh_session(c), sh_arg(c, param), NULL, b, &ignored);
        rv_buf_put(b, "", 1);
        return b->failed ? NULL : b->data;
}

/* ---- rows ---- */

static struct sv value_of(struct sh *sh, const struct sh_reading *q, struct rv_json row)
{
        if (q->class)
                return sh_model_row_new(sh, q->class, row);
        const struct sh_model_class *m = NULL;
        struct rv_json name;
        struct rv_error err = { 0 };
        char *s = rv_json_find(row, "__CLASS", &name) ? rv_json_strdup(&name) : NULL;
        if (s)
                sh_model_class(q->link, s, NULL, &m, &err);
        free(s);
        return m ? sh_model_row_new(sh, m, row) : sh_json_any(sh, row);
}

/* Providers that failed beside others that did not. */
static int tell_partial(struct sh_cmd *c, struct rv_json result)
{
        struct rv_json list, item, v, data;
        int st = SH_OK;
        if (!rv_json_find(result, "Partial", &list))
                return SH_OK;
        while (st == SH_OK && rv_json_next(&list, NULL, &item)) {
                struct rv_error e = { .code = RV_FAILED };
                int64_t code = rv_json_find(item, "code", &v) ? rv_json_int64(&v, 0) : 0;
                if (code <= -32001 && code > -32100)
                        e.code = (int)(-32000 - code);
                char *s = rv_json_find(item, "message", &v) ? rv_json_strdup(&v) : NULL;
                snprintf(e.message, sizeof e.message, "%s", s ? s : "a part of the result is missing");
                free(s);
                s = rv_json_find(item, "data", &data) && rv_json_find(data, "Hint", &v) ? rv_json_strdup(&v)
                                                                                        : NULL;
                snprintf(e.hint, sizeof e.hint, "%s", s ? s : "");
                free(s);
                st = sh_model_error(c, &e, SH_NIL);
        }
        return st;
}

int sh_model_read(struct sh_cmd *c, const struct sh_reading *q, int *ret_status, struct rv_error *err)
{
        struct sh *sh = q->link->sh;
        struct rv_buf params = { 0 };
        *ret_status = SH_OK;
        int r = sh_link_open(q->link, err);
        if (r)
                return r;
        put_question(&params, q);
        struct rv_ask *a = rv_client_ask(q->link->client, q->method, &params, true, q->timeout, err);
        rv_buf_free(&params);
        if (!a)
                return err->code;
        struct rv_json row, result;
        while (*ret_status == SH_OK && (r = rv_ask_row(a, &row, err)) == RV_OK) {
                struct sv v = value_of(sh, q, row);
                if ((q->properties || q->narrow) && v.kind == SH_MODEL)
                        v.o->flags |= SH_MODEL_NARROW;
                if (q->at && v.kind == SH_MODEL) /* what it is now is not what it was */
                        ((struct sh_model_row *)v.o)->whole = true;
                *ret_status = q->each(q->state, v);
                sh_drop(v);
        }
        if (r == RV_STOP && *ret_status == SH_OK) {
                r = rv_ask_result(a, &result, err);
                if (r == RV_OK)
                        *ret_status = tell_partial(c, result);
        }
        rv_ask_free(a);
        return *ret_status ? RV_OK : r;
}

int sh_model_get(struct sh *sh, const struct sh_model_row *row, const char *properties, struct sv *ret,
                 struct rv_error *err)
{
        struct rv_buf params = { 0 }, answer = { 0 };
        put_class(&params, row->class->c);
        rv_buf_puts(&params, ",\"InstanceName\":");
        int r = RV_OK;
        if (!sh_model_keys(row, &params))
                r = rv_fail(err, RV_INVALID_PARAMETER, "the object has no keys by which it could be found");
        if (properties) {
                rv_buf_puts(&params, ",\"PropertyList\":");
                rv_buf_puts(&params, properties);
        }
        if (r == RV_OK)
                r = sh_link_call(row->class->link, "GetInstance", &params, 0, &answer, err);
        if (r == RV_OK)
                *ret = sh_model_row_new(sh, row->class, rv_json_at(answer.data, answer.len));
        rv_buf_free(&params);
        rv_buf_free(&answer);
        return r;
}

/* ---- methods ---- */

/* "Pulling busybox [oooo    ] 20% ..." on the terminal. */
void sh_progress_show(const char *activity, const char *status, int percent)
{
        char line[2][64];
        const char *const texts[] = { activity, status };
        const int most[] = { 40, percent >= 0 && percent <= 100 ? 40 : 60 };
        for (int i = 0; i < 2; i++) {
                snprintf(line[i], sizeof line[i], "%.*s", most[i], texts[i] ? texts[i] : "");
                for (char *c = line[i]; *c; c++)
                        if ((unsigned char)*c < ' ' || *c == 0x7f)
                                *c = ' ';
        }
        if (percent >= 0 && percent <= 100)
                fprintf(stderr, "\r\x1b[K%s [%-20.*s] %d%% %s", line[0], percent / 5, "oooooooooooooooooooo", percent,
                        line[1]);
        else
                fprintf(stderr, "\r\x1b[K%s %s", line[0], line[1]);
}

void sh_progress_clear(void)
{
        fprintf(stderr, "\r\x1b[K");
}

static void show_progress(struct rv_json row)
{
        struct rv_json v;
        char *activity = rv_json_find(row, "Activity", &v) ? rv_json_strdup(&v) : NULL,
             *status = rv_json_find(row, "Status", &v) ? rv_json_strdup(&v) : NULL;
        sh_progress_show(activity, status, rv_json_find(row, "PercentComplete", &v) ? (int)rv_json_int64(&v, -1) : -1);
        free(activity);
        free(status);
}

/* A method, and on a terminal how far it has come. */
static int call_method(struct sh_link *l, const struct rv_class *c, const struct rv_buf *params, bool as_job,
                       struct rv_buf *ret, struct rv_error *err)
{
        /* Images come over networks: as long as it takes, within the agent's bound. */
        double timeout = strcmp(c->name, "ContainerImage") == 0 && !as_job ? 3600 : 0;
        int r = !as_job && isatty(STDERR_FILENO) ? sh_link_open(l, err) : RV_FULL;
        if (r == RV_FULL)
                return sh_link_call(l, "InvokeMethod", params, timeout, ret, err);
        struct rv_ask *a = r ? NULL : rv_client_ask(l->client, "InvokeMethod", params, true, timeout, err);
        struct rv_json row;
        bool shown = false;
        r = a ? RV_OK : err->code;
        while (a && (r = rv_ask_row(a, &row, err)) == RV_OK) {
                show_progress(row);
                shown = true;
        }
        if (shown)
                sh_progress_clear();
        if (r == RV_STOP)
                r = rv_ask_result(a, &row, err);
        if (r == RV_OK)
                rv_buf_put(ret, row.p, rv_json_size(&row));
        rv_ask_free(a);
        return r;
}

int sh_model_invoke(struct sh_link *l, const struct rv_class *c, const struct sh_model_row *row,
                    const char *method, const char *in, size_t n, struct sh_how how, struct rv_buf *ret,
                    struct rv_error *err)
{
        struct rv_buf params = { 0 };
        int r = RV_OK;
        put_class(&params, c);
        rv_buf_puts(&params, ",\"MethodName\":");
        rv_json_text(&params, method);
        if (row) {
                rv_buf_puts(&params, ",\"InstanceName\":");
                if (!sh_model_keys(row, &params))
                        r = rv_fail(err, RV_INVALID_PARAMETER,
                                    "the object has no keys by which it could be found");
        }
        if (n > 2) {
                rv_buf_puts(&params, ",\"InParameters\":");
                rv_buf_put(&params, in, n);
        }
        if (how.what_if)
                rv_buf_puts(&params, ",\"WhatIf\":true");
        if (how.confirm_within)
                rv_buf_putf(&params, ",\"ConfirmWithin\":%u", how.confirm_within);
        if (how.as_job && !how.what_if)
                rv_buf_puts(&params, ",\"AsJob\":true");
        if (r == RV_OK)
                r = call_method(l, c, &params, how.as_job, ret, err);
        rv_buf_free(&params);
        return r;
}

int sh_model_modify(const struct sh_model_row *row, const char *properties, size_t n, bool what_if,
                    struct sv *ret, struct rv_error *err)
{
        struct rv_buf params = { 0 }, answer = { 0 };
        struct sh_link *l = row->class->link;
        int r = RV_OK;
        *ret = SH_NIL;
        put_class(&params, row->class->c);
        rv_buf_puts(&params, ",\"InstanceName\":");
        if (!sh_model_keys(row, &params))
                r = rv_fail(err, RV_INVALID_PARAMETER, "the object has no keys by which it could be found");
        rv_buf_puts(&params, ",\"Properties\":");
        rv_buf_put(&params, properties, n);
        if (what_if)
                rv_buf_puts(&params, ",\"WhatIf\":true");
        if (r == RV_OK)
                r = sh_link_call(l, "ModifyInstance", &params, 0, &answer, err);
        struct rv_error again = { 0 };
        if (r == RV_OK && !what_if)
                sh_model_get(l->sh, row, NULL, ret, &again);
        rv_buf_free(&params);
        rv_buf_free(&answer);
        return r;
}

int sh_model_create(const struct sh_model_class *m, const char *properties, size_t n, bool what_if, struct sv *ret,
                    struct rv_error *err)
{
        struct rv_buf params = { 0 }, answer = { 0 };
        struct rv_json keys;
        *ret = SH_NIL;
        put_class(&params, m->c);
        rv_buf_puts(&params, ",\"Properties\":");
        rv_buf_put(&params, properties, n);
        if (what_if)
                rv_buf_puts(&params, ",\"WhatIf\":true");
        int r = sh_link_call(m->link, "CreateInstance", &params, 0, &answer, err);
        if (r == RV_OK && !what_if &&
            (rv_json_find(rv_json_at(answer.data, answer.len), "Keys", &keys) ||
             rv_json_find(rv_json_at(answer.data, answer.len), "InstanceName", &keys)) &&
            rv_json_kind(&keys) == '{') {
                struct rv_error again = { 0 };
                struct sv key = sh_model_row_new(m->link->sh, m, keys);
                if (sh_model_get(m->link->sh, sh_model_row_of(key), NULL, ret, &again) == RV_OK)
                        sh_drop(key);
                else
                        *ret = key;
        }
        rv_buf_free(&params);
        rv_buf_free(&answer);
        return r;
}

int sh_model_delete(const struct sh_model_row *row, bool what_if, struct rv_error *err)
{
        struct rv_buf params = { 0 }, answer = { 0 };
        int r = RV_OK;
        put_class(&params, row->class->c);
        rv_buf_puts(&params, ",\"InstanceName\":");
        if (!sh_model_keys(row, &params))
                r = rv_fail(err, RV_INVALID_PARAMETER, "the object has no keys by which it could be found");
        if (what_if)
                rv_buf_puts(&params, ",\"WhatIf\":true");
        if (r == RV_OK)
                r = sh_link_call(row->class->link, "DeleteInstance", &params, 0, &answer, err);
        rv_buf_free(&params);
        rv_buf_free(&answer);
        return r;
}

const char *sh_return_text(const struct rv_method *m, struct rv_json value)
{
        for (uint32_t i = 0; i < m->nreturn_values; i++) {
                const char *equals = strchr(m->return_values[i], '=');
                size_t n = rv_json_size(&value);
                if (equals && (size_t)(equals - m->return_values[i]) == n &&
                    memcmp(m->return_values[i], value.p, n) == 0)
                        return equals + 1;
        }
        return "";
}
