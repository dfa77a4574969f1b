/* SPDX-License-Identifier: MIT
 *
 * Compare-CimState: what is different between two moments of one host, by its history, or between two hosts. Both sides
 * are read the same way, so that what a history does not keep is no difference. Beside each difference of two moments
 * stands who asked for it, from ChangeRecord.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shell/code.h"
#include "shell/model.h"
#include "shell/text.h"

struct side {
        struct sh_link *link;
        const char *at; /* JSON of the moment; NULL: live */
        struct sv rows; /* key text -> instance */
};

struct comparison {
        struct sh_cmd *c;
        const char *class_name;
        const struct sh_model_class *class; /* of the first side */
        struct side before, after;
        struct sv changes; /* of ChangeRecord between the two; void: there are none */
        bool failed;       /* a side could not be read, and that was told */
};

/* ---- reading ---- */

static int add_row(void *state, struct sv v)
{
        struct sv rows = ((struct side *)state)->rows;
        struct sh_model_row *r = sh_model_row_of(v);
        struct rv_buf key = { 0 };
        if (r && sh_model_keys(r, &key)) {
                struct sv k = sh_string(key.data, (uint32_t)key.len);
                sh_hash_set(rows.h, k, v);
                sh_drop(k);
        }
        rv_buf_free(&key);
        return SH_OK;
}

static int read_side(struct comparison *x, struct side *s)
{
        struct rv_error err = { 0 };
        const struct sh_model_class *m = NULL;
        int status = SH_OK,
            r = sh_model_class(s->link, x->class_name, sh_arg_text(x->c, "Namespace", NULL), &m, &err);
        struct sh_reading q = { .link = s->link,
                                .class = m,
                                .method = "EnumerateInstances",
                                .filter = sh_arg_text(x->c, "Filter", NULL),
                                .at = s->at,
                                .each = add_row,
                                .state = s };
        sh_hash_set_case(s->rows.h, true);
        if (!x->class)
                x->class = m;
        if (r == RV_OK)
                r = sh_model_read(x->c, &q, &status, &err);
        x->failed |= r;
        return r ? sh_model_error(x->c, &err, sh_arg(x->c, "ClassName")) : status;
}

static int add_change(void *state, struct sv v)
{
        sh_array_add(((struct sv *)state)->a, v);
        return SH_OK;
}

static void put_moment(struct rv_buf *b, const char *json)
{
        size_t n = strlen(json);
        rv_buf_puts(b, "'");
        rv_buf_put(b, json + 1, n - 2); /* the quotes */
        rv_buf_puts(b, "'");
}

/* Whoever may not read these has the differences all the same. */
static void read_changes(struct comparison *x)
{
        struct rv_error err = { 0 };
        const struct sh_model_class *m = NULL;
        struct rv_buf filter = { 0 };
        int status;
        if (sh_model_class(x->before.link, "ChangeRecord", NULL, &m, &err) != RV_OK)
                return;
        rv_buf_putf(&filter, "ClassName = '%s' AND Time > ", x->class->c->name);
        put_moment(&filter, x->before.at);
        if (strcmp(x->after.at, "\"now\"") != 0) {
                rv_buf_puts(&filter, " AND Time <= ");
                put_moment(&filter, x->after.at);
        }
        rv_buf_put(&filter, "", 1);
        x->changes = sh_array_new(16);
        struct sh_reading q = { .link = x->before.link,
                                .class = m,
                                .method = "EnumerateInstances",
                                .filter = filter.data,
                                .order = "Seq",
                                .each = add_change,
                                .state = &x->changes };
        sh_model_read(x->c, &q, &status, &err);
        rv_buf_free(&filter);
}

/* ---- telling ---- */

static struct sv note(struct sh *sh, struct sv object, const char *name)
{
        struct sv v = SH_NIL;
        sh_get(sh, object, name, strlen(name), &v);
        return v;
}

static bool names(struct sh *sh, struct sv change, const char *property)
{
        struct sv list = note(sh, change, "Properties"), v;
        size_t pos = 0;
        bool found = false;
        while (list.kind == SH_ARRAY && !found && sh_next(list, &pos, &v)) {
                found = v.kind == SH_STRING && strcasecmp(v.s->s, property) == 0;
                sh_drop(v);
        }
        sh_drop(list);
        return found;
}

/* The last change of the object that was about this. */
static struct sv find_change(struct comparison *x, struct sv key, const char *property)
{
        struct sh *sh = sh_session(x->c);
        for (uint32_t i = x->changes.kind == SH_ARRAY ? x->changes.a->n : 0; i-- > 0;) {
                struct sv change = x->changes.a->v[i], k = note(sh, change, "Key");
                bool same = k.kind == SH_STRING && strcmp(k.s->s, key.s->s) == 0;
                sh_drop(k);
                if (same && (!property || names(sh, change, property)))
                        return change;
        }
        return SH_NIL;
}

static void set(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}

/* {"Name":"cron"} as Name=cron. */
static struct sv key_text(struct sv key)
{
        struct sh_buf b = { 0 };
        struct rv_json j = rv_json_at(key.s->s, key.s->len), name, v;
        while (rv_json_next(&j, &name, &v)) {
                char *text = rv_json_kind(&v) == '"' ? rv_json_strdup(&v) : NULL;
                sh_buf_puts(&b, b.n ? "," : "");
                sh_buf_put(&b, name.p, rv_json_size(&name));
                sh_buf_puts(&b, "=");
                text ? sh_buf_puts(&b, text) : sh_buf_put(&b, v.p, rv_json_size(&v));
                free(text);
        }
        return sh_buf_take(&b);
}

static int tell(struct comparison *x, struct sv key, const char *kind, const char *property, struct sv from,
                struct sv to)
{
        struct sh *sh = sh_session(x->c);
        struct sv o = sh_object_new(), change = find_change(x, key, property);
        bool known = !sh_is_null(change);
        set(o, "ClassName", sh_text(x->class->c->name));
        set(o, "Key", key_text(key));
        set(o, "Change", sh_text(kind));
        set(o, "Property", property ? sh_text(property) : SH_NIL);
        set(o, "ReferenceValue", sh_keep(from));
        set(o, "DifferenceValue", sh_keep(to));
        set(o, "Time", known ? note(sh, change, "Time") : SH_NIL);
        set(o, "ChangedBy", known ? note(sh, change, "ChangedBy") : SH_NIL);
        sh_object_type(o, "Reeve.CimStateDifference");
        int st = sh_emit(x->c, o);
        sh_drop(o);
        return st;
}

static bool is_named(struct sh_cmd *c, const char *param, const char *property)
{
        struct sv list = sh_arg(c, param), v;
        size_t pos = 0;
        bool found = false;
        while (list.kind == SH_ARRAY && !found && sh_next(list, &pos, &v)) {
                found = v.kind == SH_STRING &&
                        sh_wildcard(v.s->s, v.s->len, property, strlen(property), false);
                sh_drop(v);
        }
        return found;
}

static bool same_value(struct sh *sh, struct sv a, struct sv b)
{
        struct rv_buf x = { 0 }, y = { 0 };
        struct rv_error ignored = { 0 };
        bool same = sh_value_json(sh, a, NULL, &x, &ignored) && sh_value_json(sh, b, NULL, &y, &ignored) &&
                    x.len == y.len && (!x.len || memcmp(x.data, y.data, x.len) == 0);
        rv_buf_free(&x);
        rv_buf_free(&y);
        return same;
}

static int compare_rows(struct comparison *x, struct sv key, struct sv before, struct sv after)
{
        const struct rv_class *k = x->class->c;
        struct sh *sh = sh_session(x->c);
        int st = SH_OK;
        for (uint32_t p = 0; p < k->nproperties && st == SH_OK; p++) {
                const char *name = k->properties[p].name;
                bool named = sh_bound(x->c, "Property")
                                     ? is_named(x->c, "Property", name)
                                     : !(k->properties[p].flags & (RV_COUNTER | RV_EXPENSIVE));
                if (!named || k->properties[p].flags & (RV_KEY | RV_SECRET) ||
                    is_named(x->c, "ExcludeProperty", name))
                        continue;
                struct sv from = note(sh, before, name), to = note(sh, after, name);
                if (!same_value(sh, from, to))
                        st = tell(x, key, "Modify", name, from, to);
                sh_drop(from);
                sh_drop(to);
        }
        return st;
}

static int compare(struct comparison *x)
{
        struct sv key, before, after;
        int st = SH_OK;
        for (uint32_t i = 0; st == SH_OK && sh_hash_at(x->before.rows.h, i, &key, &before); i++)
                st = sh_hash_get(x->after.rows.h, key, &after) ? compare_rows(x, key, before, after)
                                                               : tell(x, key, "Delete", NULL, before, SH_NIL);
        for (uint32_t i = 0; st == SH_OK && sh_hash_at(x->after.rows.h, i, &key, &after); i++)
                if (!sh_hash_get(x->before.rows.h, key, &before))
                        st = tell(x, key, "Create", NULL, SH_NIL, after);
        return st;
}

/* ---- the cmdlet ---- */

/* Which two: moments of one host, or one moment (or now) of two hosts. */
static int choose_sides(struct comparison *x, struct rv_buf *from, struct rv_buf *to)
{
        struct sv sessions = sh_arg(x->c, "CimSession");
        uint32_t n = sessions.kind == SH_ARRAY ? sessions.a->n : 0;
        int st = SH_OK;
        x->before.at = sh_model_at(x->c, "ReferenceTime", from);
        x->after.at = sh_model_at(x->c, "DifferenceTime", to);
        if (n > 2 || (n < 2 && !x->before.at))
                return sh_cmd_throw(
                        x->c, "NothingToCompare", "InvalidArgument", SH_NIL,
                        n > 2 ? "Two hosts are compared, not %u."
                              : "Say with what to compare: -ReferenceTime, or two hosts with -CimSession.",
                        n);
        if (!x->after.at)
                x->after.at = n == 2 ? x->before.at : "\"now\"";
        x->before.link =
                n ? sh_link_of_session(x->c, sessions.a->v[0], &st) : sh_link_local(sh_session(x->c));
        x->after.link =
                n == 2 && x->before.link ? sh_link_of_session(x->c, sessions.a->v[1], &st) : x->before.link;
        return x->before.link && x->after.link ? st : st ? st : SH_NONE;
}

static int compare_class(struct sh_cmd *c, const char *name)
{
        struct rv_buf from = { 0 }, to = { 0 };
        struct comparison x = { .c = c,
                                .class_name = name,
                                .before.rows = sh_hash_new(true),
                                .after.rows = sh_hash_new(true),
                                .changes = SH_NIL };
        int st = choose_sides(&x, &from, &to);
        if (st == SH_OK)
                st = read_side(&x, &x.before);
        if (st == SH_OK && !x.failed)
                st = read_side(&x, &x.after);
        if (st == SH_OK && !x.failed) {
                if (x.before.link == x.after.link)
                        read_changes(&x);
                st = compare(&x);
        }
        sh_drop(x.before.rows);
        sh_drop(x.after.rows);
        sh_drop(x.changes);
        rv_buf_free(&from);
        rv_buf_free(&to);
        return st == SH_NONE ? SH_OK : st;
}

static int compare_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv list = sh_arg(c, "ClassName"), v;
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next(list, &pos, &v)) {
                st = v.kind == SH_STRING ? compare_class(c, v.s->s) : SH_OK;
                sh_drop(v);
        }
        return st;
}

static const struct sh_cmdlet compare_cim_state = {
        .name = "Compare-CimState",
        .synopsis =
                "Tells what is different of a class' instances between two moments, or between two hosts.",
        .description = "Two moments are compared by the history that the agent keeps: docs/history.md. With "
                       "two sessions in "
                       "-CimSession the instances of two hosts are, as they are or as they were at "
                       "-ReferenceTime. Each "
                       "difference is an object: an instance that came or went, or a property with both "
                       "values; of two "
                       "moments also when it changed last and who asked reeve for that.",
        .params =
                (const struct sh_param[]) {
                        { "ClassName", .type = "string[]", .position = 1, .mandatory = true,
                          .from_property = true, .complete = "class", .help = "The classes." },
                        { "ReferenceTime", .type = "datetime", .alias = "From,At", .position = 2,
                          .help = "The first moment." },
                        { "DifferenceTime", .type = "datetime", .alias = "To", .position = 3,
                          .help = "The second moment; now when absent." },
                        { "Filter", .type = "string", .help = "WQL condition on the instances." },
                        { "Property", .type = "string[]", .wildcard = true, .complete = "property",
                          .help = "Only these properties; all but counters and expensive ones when absent." },
                        { "ExcludeProperty", .type = "string[]", .wildcard = true, .complete = "property",
                          .help = "Not these properties." },
                        { "Namespace", .type = "string", .help = "WMI namespace, such as root/cimv2." },
                        { "CimSession", .type = "object[]", .alias = "ComputerName,HostName,Cn",
                          .help = "One session or host whose agent is asked, or two that are compared." },
                        { 0 } },
        .gives = "Reeve.CimStateDifference",
        .process = compare_process,
        .examples =
                (const struct sh_example[]) {
                        { "Compare-CimState Service -ReferenceTime (Get-Date).AddHours(-1) | Format-Table "
                          "Key, Property, "
                          "ReferenceValue, DifferenceValue, ChangedBy",
                          NULL, "What happened to the services in the last hour, and who did it." },
                        { "Compare-CimState Package -CimSession web1, web2 -Property Version", NULL,
                          "Which packages two hosts do not have in the same version." },
                        { 0 } },
};

SH_CMDLETS(cimstate, &compare_cim_state);
