/* SPDX-License-Identifier: MIT
 *
 * Get-, Test- and Set-DesiredState: a document of desired state (a JSON file, its text, or an object) is given to the
 * agent, which brings it into order, checks it, does it and tells what became of each resource. Get-DesiredState
 * -ClassName makes such a document from the live system.
 */
#include <stdlib.h>
#include <string.h>

#include "shell/cmdlet.h"
#include "shell/code.h"
#include "shell/files.h"
#include "shell/format.h"
#include "shell/model.h"

/* A line of the protocol: raw newlines are blanks in JSON. */
static void put_line(struct rv_buf *b, const char *s, size_t n)
{
        size_t at = b->len;
        rv_buf_put(b, s, n);
        for (size_t i = at; i < b->len && !b->failed; i++)
                if (b->data[i] == '\n' || b->data[i] == '\r')
                        b->data[i] = ' ';
}

/* A text is JSON; an object becomes it. A list of resources is a document, too. */
static int put_value(struct sh_cmd *c, struct sv v, struct rv_buf *b)
{
        struct rv_error err = { 0 };
        if (v.kind == SH_STRING) {
                put_line(b, v.s->s, v.s->len);
                return SH_OK;
        }
        size_t at = b->len;
        if (!sh_value_json(sh_session(c), v, NULL, b, &err))
                return sh_model_error(c, &err, v) ? SH_ERROR : SH_NONE;
        if (b->len > at && b->data[at] == '[') {
                struct rv_buf list = { 0 };
                rv_buf_put(&list, b->data + at, b->len - at);
                b->len = at;
                rv_buf_puts(b, "{\"Resources\":");
                rv_buf_put(b, list.data, list.len);
                rv_buf_put(b, "}", 1);
                rv_buf_free(&list);
        }
        return SH_OK;
}

static int put_file(struct sh_cmd *c, const char *path, struct rv_buf *b)
{
        struct sh_buf text = { 0 };
        int st = sh_file_text(c, path, true, SH_ENC_UTF8, &text);
        if (st == SH_OK)
                put_line(b, text.p ? text.p : "", text.n);
        sh_buf_free(&text);
        return st;
}

static int put_document(struct sh_cmd *c, struct sv input, struct rv_buf *b)
{
        struct sv given = sh_arg(c, "Path");
        bool file = given.kind == SH_STRING;
        rv_buf_puts(b, "{\"Document\":");
        size_t at = b->len;
        int st = file                    ? put_file(c, given.s->s, b)
                 : sh_bound(c, "Path") ? put_value(c, given, b)
                                         : put_value(c, sh_input(c, input), b);
        struct rv_json j = rv_json_at(b->data + at, b->len - at), whole;
        if (st == SH_OK && (b->failed || !rv_json_take(&j, &whole) || rv_json_kind(&whole) != '{'))
                return sh_cmd_throw(c, "InvalidDocument", "ParserError", SH_NIL,
                                    "The document is not one JSON object: {\"Resources\": [...]}.");
        return st;
}

static double timeout_of(struct sh_cmd *c)
{
        int64_t seconds = sh_arg_int(c, "OperationTimeoutSec", 0);
        return seconds > 0 ? (double)seconds : 0;
}

static int ask(struct sh_cmd *c, const char *method, const struct rv_buf *in, struct rv_buf *out)
{
        struct rv_error err = { 0 };
        int r = sh_link_call(sh_link_local(sh_session(c)), method, in, timeout_of(c), out, &err);
        return r ? sh_model_throw(sh_session(c), &err, SH_NIL) : SH_OK;
}

static char *text_at(struct rv_json o, const char *name)
{
        struct rv_json v;
        return rv_json_find(o, name, &v) ? rv_json_strdup(&v) : NULL;
}

/* What went wrong, as errors; of a rehearsal what would be done. */
static int tell_each(struct sh_cmd *c, struct rv_json answer)
{
        struct rv_json list, r, e;
        int st = SH_OK;
        if (!rv_json_find(answer, "Resources", &list))
                return SH_OK;
        while (st == SH_OK && rv_json_next(&list, NULL, &r)) {
                char *name = text_at(r, "Name"), *status = text_at(r, "Status"), *why = NULL;
                bool do_it;
                if (rv_json_find(r, "Error", &e))
                        why = text_at(e, "message");
                if (status && strcmp(status, "WouldChange") == 0)
                        st = sh_should_process(c, name ? name : "", NULL, &do_it);
                else if (why)
                        st = sh_cmd_error(c, "DesiredStateFailed", "InvalidResult", SH_NIL, "%s: %s: %s",
                                          name ? name : "", status ? status : "", why);
                free(name);
                free(status);
                free(why);
        }
        return st;
}

static int run(struct sh_cmd *c, struct sv input, const char *method, bool what_if)
{
        struct rv_buf in = { 0 }, out = { 0 };
        int st = put_document(c, input, &in);
        const char *on_failure = sh_arg_text(c, "OnFailure", NULL), *key = sh_arg_text(c, "RequestKey", NULL);
        if (on_failure)
                rv_buf_puts(&in,
                            strcasecmp(on_failure, "RollBack") == 0 ? ",\"OnFailure\":\"RollBack\"" : "");
        if (key) {
                rv_buf_puts(&in, ",\"RequestKey\":");
                rv_json_text(&in, key);
        }
        rv_buf_puts(&in, what_if ? ",\"WhatIf\":true" : "");
        if (st == SH_OK)
                st = ask(c, method, &in, &out);
        if (st == SH_OK) {
                struct rv_json j = rv_json_at(out.data, out.len);
                struct sv o = sh_json_any(sh_session(c), j);
                if (strcmp(method, "GetDesiredState") != 0)
                        sh_object_type(o, "Reeve.DesiredStateResult");
                st = tell_each(c, j);
                if (st == SH_OK)
                        st = sh_emit(c, o);
                sh_drop(o);
        }
        rv_buf_free(&in);
        rv_buf_free(&out);
        return st == SH_NONE ? SH_OK : st;
}

/* ---- how it is shown: a line for each resource ---- */

static void put_got(struct sh *sh, struct sh_buf *b, struct sv o, const char *name, const char *none)
{
        struct sv v = sh_get_or_nil(sh, o, name);
        if (sh_is_null(v))
                sh_buf_put(b, none, strlen(none));
        sh_buf_value(sh, b, v);
        sh_drop(v);
}

static void put_reason(struct sh *sh, struct sh_buf *b, struct sv resource)
{
        struct sv changed = sh_get_or_nil(sh, resource, "Changed"), error = sh_get_or_nil(sh, resource, "Error"), one,
                  because = sh_get_or_nil(sh, resource, "Because");
        const char *before = "  ";
        for (size_t pos = 0; !sh_is_null(changed) && sh_next(changed, &pos, &one); sh_drop(one), before = ", ") {
                sh_buf_put(b, before, 2);
                put_got(sh, b, one, "Property", "");
                sh_buf_put(b, ": ", 2);
                put_got(sh, b, one, "From", "(none)");
                sh_buf_put(b, " -> ", 4);
                put_got(sh, b, one, "To", "(none)");
        }
        if (!sh_is_null(error) || !sh_is_null(because)) {
                sh_buf_put(b, before, 2);
                put_got(sh, b, sh_is_null(error) ? resource : error, sh_is_null(error) ? "Because" : "message", "");
        }
        sh_drop(changed);
        sh_drop(error);
        sh_drop(because);
}

void sh_desired_shown(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct sv resources = sh_get_or_nil(sh, self, "Resources"), one;
        const char *heads[] = { "InDesiredState: ", "  Complete: " }, *names[] = { "InDesiredState", "Complete" };
        for (int i = 0; i < 2; i++) {
                sh_buf_put(b, heads[i], strlen(heads[i]));
                put_got(sh, b, self, names[i], "");
        }
        for (size_t pos = 0; !sh_is_null(resources) && sh_next(resources, &pos, &one); sh_drop(one)) {
                sh_buf_put(b, "\n  ", 3);
                put_got(sh, b, one, "Status", "");
                sh_buf_put(b, "  ", 2);
                put_got(sh, b, one, "Name", "");
                put_reason(sh, b, one);
        }
        sh_drop(resources);
}

static int test_process(struct sh_cmd *c, struct sv input)
{
        return run(c, input, "TestDesiredState", false);
}

static int set_process(struct sh_cmd *c, struct sv input)
{
        bool do_it = true;
        if (c->whatif == 1)
                return run(c, input, "SetDesiredState", true);
        int st = sh_should_process(c, sh_arg_text(c, "Path", "document"), NULL, &do_it);
        return st == SH_OK && do_it ? run(c, input, "SetDesiredState", false) : st;
}

/* ---- a document from the live system ---- */

static bool may_be_written(const struct rv_property *p)
{
        return p->flags & RV_WRITE && !(p->flags & (RV_KEY | RV_SECRET | RV_IDENTIFIES));
}

static bool member(struct rv_buf *b, bool some, struct rv_json row, const struct rv_property *p)
{
        struct rv_json v;
        if (!rv_json_find(row, p->name, &v) || rv_json_kind(&v) == 'n')
                return some;
        rv_buf_putf(b, "%s\"%s\":", some ? "," : "", p->name);
        rv_buf_put(b, v.p, rv_json_size(&v));
        return true;
}

static void put_resource(struct rv_buf *b, const struct rv_class *k, struct rv_json row)
{
        bool some = false;
        rv_buf_putf(b, "{\"ClassName\":\"%s\",\"InstanceName\":{", k->name);
        /* By what identifies it elsewhere, too, where there is such; ids are this host's alone. */
        for (uint32_t i = 0; i < k->nproperties; i++)
                if (k->properties[i].flags & RV_IDENTIFIES && k->properties[i].flags & RV_WRITE)
                        some = member(b, some, row, &k->properties[i]);
        const bool named = some;
        for (uint32_t i = 0; !named && i < k->nkeys; i++)
                some = member(b, some, row, &k->properties[k->keys[i]]);
        rv_buf_puts(b, "},\"Properties\":{");
        some = false;
        for (uint32_t i = 0; i < k->nproperties; i++)
                if (may_be_written(&k->properties[i]))
                        some = member(b, some, row, &k->properties[i]);
        rv_buf_puts(b, "}}");
}

static int export_class(struct sh_cmd *c, const char *name, struct rv_buf *to, bool *some)
{
        struct rv_error err = { 0 };
        const struct sh_model_class *m;
        struct rv_buf in = { 0 }, out = { 0 };
        if (sh_model_class(sh_link_local(sh_session(c)), name, NULL, &m, &err))
                return sh_model_error(c, &err, SH_NIL);
        rv_buf_putf(&in, "{\"ClassName\":\"%s\",\"PropertyList\":[", m->c->name);
        unsigned writable = 0;
        for (uint32_t i = 0; i < m->c->nproperties; i++) {
                const struct rv_property *p = &m->c->properties[i];
                writable += may_be_written(p);
                if (may_be_written(p) || p->flags & (RV_KEY | RV_IDENTIFIES))
                        rv_buf_putf(&in, "%s\"%s\"", in.data[in.len - 1] == '[' ? "" : ",", p->name);
        }
        rv_buf_put(&in, "]", 1);
        const char *filter = sh_arg_text(c, "Filter", NULL);
        if (filter) {
                rv_buf_puts(&in, ",\"Filter\":");
                rv_json_text(&in, filter);
        }
        int st = writable ? ask(c, "EnumerateInstances", &in, &out)
                          : sh_cmd_error(
                                    c, "NothingWritable", "InvalidArgument", SH_NIL,
                                    "%s has no properties that can be set: there is no desired state of it.",
                                    m->c->name);
        struct rv_json list, row;
        if (st == SH_OK && out.len && rv_json_find(rv_json_at(out.data, out.len), "Instances", &list))
                while (rv_json_next(&list, NULL, &row)) {
                        rv_buf_puts(to, *some ? "," : "");
                        put_resource(to, m->c, row);
                        *some = true;
                }
        rv_buf_free(&in);
        rv_buf_free(&out);
        return st;
}

static int export(struct sh_cmd *c, struct sv classes)
{
        struct rv_buf b = { 0 };
        bool some = false;
        int st = SH_OK;
        rv_buf_puts(&b, "{\"Resources\":[");
        for (uint32_t i = 0; classes.kind == SH_ARRAY && i < classes.a->n && st == SH_OK; i++) {
                struct sv v = classes.a->v[i];
                st = export_class(c, v.kind == SH_STRING ? v.s->s : "", &b, &some);
        }
        rv_buf_puts(&b, "]}");
        if (st == SH_OK) {
                struct sv o = sh_json_any(sh_session(c), rv_json_at(b.data, b.len));
                st = sh_emit(c, o);
                sh_drop(o);
        }
        rv_buf_free(&b);
        return st;
}

static int get_process(struct sh_cmd *c, struct sv input)
{
        return sh_bound(c, "ClassName") ? export(c, sh_arg(c, "ClassName"))
                                        : run(c, input, "GetDesiredState", false);
}

#define DOCUMENT \
        { "Path", \
          "object", \
          .position = 1, \
          .sets = "Path", \
          .mandatory = true, \
          .complete = "path", \
          .help = "The document: a JSON file, or the document as an object." }, \
                { "InputObject",         .sets = "Object", \
                  .alias = "Document",   .mandatory = true, \
                  .from_pipeline = true, .help = "The document as an object, or its JSON text." }, \
        { \
                "OperationTimeoutSec", "int", \
                        .help = "Seconds until the rest is not reached; 30 when absent." \
        }

static const struct sh_cmdlet get_state = {
        .name = "Get-DesiredState",
        .synopsis = "Gets the objects of a desired-state document as they are, or a document from the live "
                    "system.",
        .default_set = "Object",
        .params =
                (const struct sh_param[]) {
                        DOCUMENT,
                        { "ClassName", "string[]", .sets = "Export", .mandatory = true, .complete = "class",
                          .help = "Classes whose objects become the resources of a new document." },
                        { "Filter", "string", .sets = "Export", .help = "WQL condition: which of them." },
                        { 0 } },
        .process = get_process,
};
static const struct sh_cmdlet test_state = {
        .name = "Test-DesiredState",
        .synopsis = "Tells which objects of a document are not as they should be.",
        .default_set = "Object",
        .params = (const struct sh_param[]) { DOCUMENT, { 0 } },
        .process = test_process,
};
static const struct sh_cmdlet set_state = {
        .name = "Set-DesiredState",
        .synopsis = "Makes the objects of a document as they should be, in the order of their dependencies.",
        .description = "Everything is checked before anything is changed. The result tells what became of "
                       "each resource; its "
                       "RollbackDocument brings back what was before.",
        .default_set = "Object",
        .params =
                (const struct sh_param[]) {
                        DOCUMENT,
                        { "OnFailure", "string", .values = "Continue,RollBack",
                          .help = "Continue (when absent) with what does not depend on the failed one, or "
                                  "RollBack." },
                        { "RequestKey", "string",
                          .help = "Names this request: repeated, nothing is done twice." },
                        { 0 } },
        .should_process = true,
        .process = set_process,
};

SH_CMDLETS(desiredstate, &get_state, &test_state, &set_state);
