/* SPDX-License-Identifier: MIT
 *
 * ConvertTo-Json, ConvertFrom-Json, Test-Json.
 */
#include "shell/json.h"
#include "shell/json_schema.h"
#include "shell/cmdlet.h"
#include "shell/files.h"

#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

struct collecting {
        struct sv list;
};

static int collect_begin(struct sh_cmd *c)
{
        struct collecting *s = sh_state(c);
        s->list = sh_array_new(4);
        return SH_OK;
}

static int collect_process(struct sh_cmd *c, struct sv input)
{
        struct collecting *s = sh_state(c);
        input = sh_input(c, input);
        if (input.kind != SH_VOID)
                sh_array_add(s->list.a, input);
        return SH_OK;
}

static void collect_clean(struct sh_cmd *c)
{
        struct collecting *s = sh_state(c);
        sh_drop(s->list);
        s->list = SH_NIL;
}

static int to_end(struct sh_cmd *c)
{
        struct collecting *s = sh_state(c);
        struct sh_buf b = { 0 };
        const char *escape = sh_arg_text(c, "EscapeHandling", "Default");
        struct sh_json_write w = { .sh = sh_session(c), .b = &b, .depth = (int)sh_arg_int(c, "Depth", 2) };
        if (!s->list.a->n)
                return SH_OK;
        w.compress = sh_switch(c, "Compress");
        w.enums_as_text = sh_switch(c, "EnumsAsStrings");
        w.ascii = strcasecmp(escape, "EscapeNonAscii") == 0;
        w.html = strcasecmp(escape, "EscapeHtml") == 0;
        bool one = s->list.a->n == 1 && !sh_switch(c, "AsArray");
        int r = sh_json_text(&w, one ? s->list.a->v[0] : s->list);
        if (r == SH_OK && w.truncated)
                r = sh_cmd_stream(
                        c, SH_WARNING,
                        "Resulting JSON is truncated as serialization has exceeded the set depth of %d.",
                        w.depth);
        if (r == SH_OK) {
                struct sv text = sh_buf_take(&b);
                r = sh_emit(c, text);
                sh_drop(text);
        }
        sh_buf_free(&b);
        return r;
}

static int write_value(struct sh_cmd *c, struct sv v)
{
        return sh_switch(c, "NoEnumerate") || v.kind != SH_ARRAY ? sh_emit(c, v) : sh_emit_unrolled(c, v);
}

static int from_text(struct sh_cmd *c, struct sh_str *text, bool *ret_bad)
{
        const char *s = text->s;
        size_t n = text->len;
        struct sh_json_read o = { .text = text,
                                  .hashtable = sh_switch(c, "AsHashtable"),
                                  .depth = (int)sh_arg_int(c, "Depth", 1024) };
        struct sv v;
        bool ok = sh_json_parse(&o, s, n, &v);
        if (ret_bad)
                *ret_bad = !ok;
        if (ok) {
                bool nothing = true;
                for (size_t i = 0; i < n && nothing; i++)
                        nothing = s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t';
                int r = nothing ? SH_OK : write_value(c, v);
                sh_drop(v);
                return r;
        }
        if (ret_bad)
                return SH_OK;
        if (o.id)
                return sh_cmd_throw(c, o.id, "InvalidOperation", SH_NIL, "%s", o.error);
        sh_throw_as(sh_session(c), "System.ArgumentException", "System.ArgumentException", "NotSpecified",
                    SH_NIL, "Conversion from JSON failed with error: %s", o.error);
        return SH_ERROR;
}

static int from_end(struct sh_cmd *c)
{
        struct collecting *s = sh_state(c);
        struct sh *sh = sh_session(c);
        struct sh_buf b = { 0 };
        struct sh_array *a = s->list.a;
        uint32_t n = a->n;
        bool bad = true;
        int r = SH_OK;
        if (!n)
                return SH_OK;
        /* Lines that are documents of their own, else parts of one. */
        if (n > 1) {
                struct sv first = sh_to_text(sh, a->v[0]);
                if (first.s->len)
                        r = from_text(c, first.s, &bad);
                sh_drop(first);
                for (uint32_t i = 1; !bad && r == SH_OK && i < n; i++) {
                        struct sv t = sh_to_text(sh, a->v[i]);
                        r = from_text(c, t.s, NULL);
                        sh_drop(t);
                }
                if (!bad || r)
                        return r;
        }
        if (n == 1 && a->v[0].kind == SH_STRING)
                return from_text(c, a->v[0].s, NULL);
        for (uint32_t i = 0; i < n; i++) {
                if (i)
                        sh_buf_put(&b, "\n", 1);
                sh_buf_value(sh, &b, a->v[i]);
        }
        struct sv whole = sh_buf_take(&b);
        r = from_text(c, whole.s, NULL);
        sh_drop(whole);
        return r;
}

/* Test-Json: the schema, read once. */
struct testing {
        struct sv schema;
        bool given;
};
struct saying {
        struct sh_cmd *c;
};
static int say_wrong(void *state, const char *what, const char *where)
{
        struct saying *s = state;
        return sh_cmd_error(s->c, "InvalidJsonAgainstSchemaDetailed", "InvalidData", SH_NIL,
                            "The JSON is not valid with the schema: %s at '%s'", what, where);
}

static int against_schema(struct sh_cmd *c, struct sv v, bool *ret_ok)
{
        struct testing *t = sh_state(c);
        struct saying s = { c };
        struct sh_schema_report report = { say_wrong, &s };
        const char *why;
        int st = sh_schema_check(sh_session(c), t->schema, v, &report, ret_ok, &why);
        if (st != SH_NONE)
                return st;
        *ret_ok = false;
        return sh_cmd_error(c, "InvalidJsonSchema", "InvalidData", SH_NIL,
                            "Cannot parse the JSON schema: %s.", why);
}

static int test_text(struct sh_cmd *c, const char *s, size_t n)
{
        const char *options = sh_arg_text(c, "Options", "");
        struct sh_json_read o = { .strict = true, .hashtable = true, .depth = 1024 };
        struct testing *t = sh_state(c);
        struct sv v;
        o.comments = strcasestr(options, "IgnoreComments") != NULL;
        o.trailing_commas = strcasestr(options, "AllowTrailingCommas") != NULL;
        bool ok = sh_json_parse(&o, s, n, &v);
        int r = ok ? SH_OK : sh_cmd_error(c, "InvalidJson", "InvalidData", SH_NIL, "Cannot parse the JSON.");
        if (ok && t->given)
                r = against_schema(c, v, &ok);
        if (!sh_is_null(v))
                sh_drop(v);
        return r ? r : sh_emit(c, sh_bool(ok));
}

static int test_begin(struct sh_cmd *c)
{
        struct testing *t = sh_state(c);
        struct sh_json_read o = { .strict = true, .hashtable = true, .depth = 1024, .comments = true };
        const char *text = sh_arg_text(c, "Schema", NULL), *path = sh_arg_text(c, "SchemaFile", NULL);
        struct sh_buf b = { 0 };
        int st = SH_OK;
        t->given = text || path;
        if (!t->given)
                return SH_OK;
        if (path) {
                char *full = sh_path_full(sh_session(c), path);
                if (access(full, R_OK) == 0)
                        st = sh_file_text(c, full, true, SH_ENC_UTF8, &b);
                else
                        st = sh_cmd_throw(c, "JsonSchemaFileOpenFailure", "OpenError",
                                          sh_arg(c, "SchemaFile"), "Can not open JSON schema file: %s", full);
                free(full);
        } else {
                sh_buf_puts(&b, text);
        }
        if (st == SH_OK && (!sh_json_parse(&o, b.p ? b.p : "", b.n, &t->schema) ||
                            (t->schema.kind != SH_HASH && t->schema.kind != SH_BOOL)))
                st = sh_cmd_throw(c, "InvalidJsonSchema", "InvalidData",
                                  sh_arg(c, path ? "SchemaFile" : "Schema"), "Cannot parse the JSON schema.");
        sh_buf_free(&b);
        return st;
}

static void test_clean(struct sh_cmd *c)
{
        struct testing *t = sh_state(c);
        sh_drop(t->schema);
        t->schema = SH_NIL;
}

static int test_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv json = sh_arg(c, "Json");
        const char *path = sh_arg_text(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", NULL);
        if (!path) {
                struct sv t = sh_to_text(sh_session(c), json);
                int r = test_text(c, t.s->s, t.s->len);
                sh_drop(t);
                return r;
        }
        struct sh_buf b = { 0 };
        int r = sh_file_text(c, path, sh_bound(c, "LiteralPath"), SH_ENC_UTF8, &b);
        if (r == SH_OK)
                r = test_text(c, b.n ? b.p : "", b.n);
        sh_buf_free(&b);
        return r == SH_NONE ? SH_OK : r;
}

static const struct sh_cmdlet convertto_json = {
        .name = "ConvertTo-Json",
        .synopsis = "Writes objects as JSON.",
        .params =
                (const struct sh_param[]) {
                        { "InputObject", .position = 1, .mandatory = true, .from_pipeline = true,
                          .allow_null = true },
                        { "Depth", .type = "int", .min = 0, .max = 100, .help = "How deep objects go: 2." },
                        { "Compress", .type = "switch", .help = "Without spaces and line ends." },
                        { "EnumsAsStrings", .type = "switch" },
                        { "AsArray", .type = "switch", .help = "An array even of one object." },
                        { "EscapeHandling", .type = "string", .values = "Default,EscapeNonAscii,EscapeHtml" },
                        { 0 } },
        .state_size = sizeof(struct collecting),
        .begin = collect_begin,
        .process = collect_process,
        .end = to_end,
        .clean = collect_clean,
        .examples =
                (const struct sh_example[]) {
                        { "[ordered]@{ a = 1; b = $true } | ConvertTo-Json -Compress", "{\"a\":1,\"b\":true}",
                          "A table." },
                        { "1, 'x' | ConvertTo-Json -Compress", "[1,\"x\"]", "Several objects are an array." },
                        { 0 } },
};

static const struct sh_cmdlet convertfrom_json = {
        .name = "ConvertFrom-Json",
        .synopsis = "Makes objects from JSON text.",
        .params =
                (const struct sh_param[]) {
                        { "InputObject", .type = "string", .position = 1, .mandatory = true,
                          .from_pipeline = true, .allow_empty = true },
                        { "AsHashtable", .type = "switch", .help = "Hash tables instead of objects." },
                        { "Depth", .type = "int", .min = 1, .max = INT32_MAX },
                        { "NoEnumerate", .type = "switch", .help = "An array stays one object." },
                        { 0 } },
        .state_size = sizeof(struct collecting),
        .begin = collect_begin,
        .process = collect_process,
        .end = from_end,
        .clean = collect_clean,
        .examples =
                (const struct sh_example[]) {
                        { "('{\"a\":[1,2]}' | ConvertFrom-Json).a.Count", "2", "An object." },
                        { "('{\"a\":1}' | ConvertFrom-Json -AsHashtable)['a']", "1", "As a hash table." },
                        { 0 } },
};

static const struct sh_cmdlet test_json = {
        .name = "Test-Json",
        .synopsis = "Tells whether text is JSON, and whether it follows a JSON schema.",
        .description = "Schemas of draft 7, and $defs, prefixItems and dependentRequired of later ones; "
                       "references within the "
                       "schema; formats are not checked.",
        .params =
                (const struct sh_param[]) {
                        { "Json", .type = "string", .position = 1, .mandatory = true, .from_pipeline = true,
                          .sets = "JsonString", .allow_empty = true },
                        { "Path", .type = "string", .sets = "JsonPath", .mandatory = true,
                          .complete = "path" },
                        { "LiteralPath", .type = "string", .alias = "PSPath,LP", .sets = "JsonLiteralPath",
                          .mandatory = true, .complete = "path" },
                        { "Schema", .type = "string", .position = 2, .allow_empty = true },
                        { "SchemaFile", .type = "string" },
                        { "Options", .type = "string[]" },
                        { 0 } },
        .default_set = "JsonString",
        .state_size = sizeof(struct testing),
        .begin = test_begin,
        .process = test_process,
        .clean = test_clean,
        .examples =
                (const struct sh_example[]) {
                        { "Test-Json '[1]'", "True", "Good." },
                        { "Test-Json '[1' -ErrorAction SilentlyContinue", "False", "Not good." },
                        { "Test-Json '{\"port\":\"x\"}' '{\"properties\":{\"port\":{\"type\":\"integer\"}}}' "
                          "-ErrorAction SilentlyContinue -ErrorVariable why; \"$why\"",
                          "False\nThe JSON is not valid with the schema: Value is \"string\" but "
                          "should be \"integer\" at '/port'",
                          "Against a schema." },
                        { 0 } },
};

SH_CMDLETS(json, &convertto_json, &convertfrom_json, &test_json);
