/* SPDX-License-Identifier: MIT
 *
 * ConvertTo-Csv, ConvertFrom-Csv, Export-Csv, Import-Csv.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/files.h"
#include "shell/text.h"
#include "shell/types.h"

/* ---- writing ---- */
struct csv {
        struct sv header; /* array of names, from the first object */
        struct sh_buf b;
        struct sh_text_file *f;
        bool begun, appending;
        char *path;
};
static char delimiter_of(struct sh_cmd *c)
{
        struct sv v = sh_arg(c, "Delimiter");
        struct sv t = sh_is_null(v) ? SH_NIL : sh_to_text(sh_session(c), v);
        char d = t.kind == SH_STRING && t.s->len ? t.s->s[0] : ',';
        sh_drop(t);
        return d;
}
static bool quoted(struct sh_cmd *c, const char *s, size_t n, const char *column, char d)
{
        struct sv only = sh_arg(c, "QuoteFields"), t, use = sh_arg(c, "UseQuotes");
        size_t pos = 0;
        if (!sh_is_null(only)) {
                bool found = false;
                while (!found && sh_next_text(c, only, &pos, &t)) {
                        found = !strcasecmp(t.s->s, column);
                        sh_drop(t);
                }
                return found;
        }
        t = sh_is_null(use) ? sh_text("Always") : sh_to_text(sh_session(c), use);
        char k = (char)(t.s->s[0] | 32), k2 = t.s->len > 1 ? (char)(t.s->s[1] | 32) : 0;
        sh_drop(t);
        if (k == 'n')
                return false;
        if (k == 'a' && k2 == 's')
                return memchr(s, '"', n) || memchr(s, d, n) || memchr(s, '\n', n) || memchr(s, '\r', n);
        return true;
}
static void put_field(struct sh_cmd *c, struct sh_buf *b, const char *s, size_t n, const char *column, char d)
{
        if (!quoted(c, s, n, column, d)) {
                sh_buf_put(b, s, n);
                return;
        }
        sh_buf_put(b, "\"", 1);
        for (size_t i = 0; i < n; i++)
                sh_buf_put(b, s[i] == '"' ? "\"\"" : s + i, s[i] == '"' ? 2 : 1);
        sh_buf_put(b, "\"", 1);
}
static bool add_name(void *state, const char *name, size_t n, int kind)
{
        struct sv *list = state;
        if (kind != SH_METHOD && kind != SH_SCRIPT_METHOD)
                sh_array_take(list->a, sh_string(name, n));
        return true;
}
static void header_of(struct sh *sh, struct sv o, struct sv *ret)
{
        struct sv base = sh_unwrap(o), k, v;
        *ret = sh_array_new(8);
        if (base.kind == SH_HASH)
                for (uint32_t i = 0; sh_hash_at(base.h, i, &k, &v); i++)
                        sh_array_take(ret->a, sh_to_text(sh, k));
        else
                sh_properties(sh, o, add_name, ret);
}
static void header_line(struct sh_cmd *c, struct csv *t, char d)
{
        for (uint32_t i = 0; i < t->header.a->n; i++) {
                struct sh_str *s = t->header.a->v[i].s;
                if (i)
                        sh_buf_put(&t->b, &d, 1);
                put_field(c, &t->b, s->s, s->len, s->s, d);
        }
}
static void object_line(struct sh_cmd *c, struct csv *t, struct sv o, char d)
{
        struct sh *sh = sh_session(c);
        for (uint32_t i = 0; i < t->header.a->n; i++) {
                struct sh_str *name = t->header.a->v[i].s;
                struct sv v = SH_NIL;
                int st = sh_get(sh, o, name->s, name->len, &v);
                if (st == SH_ERROR)
                        sh_forget_error(sh);
                if (i)
                        sh_buf_put(&t->b, &d, 1);
                if (st == SH_OK && !sh_is_null(v)) {
                        struct sh_buf b = { 0 };
                        sh_buf_item(sh, &b, v);
                        put_field(c, &t->b, b.p ? b.p : "", b.n, name->s, d);
                        sh_buf_free(&b);
                }
                sh_drop(v);
        }
}
static int put_line(struct sh_cmd *c, struct csv *t)
{
        int st;
        if (t->f) {
                sh_buf_put(&t->b, "\n", 1);
                st = sh_text_write(c, t->f, t->b.p, t->b.n);
        } else {
                struct sv v = sh_string(t->b.p ? t->b.p : "", t->b.n);
                st = sh_emit(c, v);
                sh_drop(v);
        }
        t->b.n = 0;
        return st;
}
static int to_process(struct sh_cmd *c, struct sv input)
{
        struct csv *t = sh_state(c);
        struct sv o = sh_arg(c, "InputObject");
        char d = delimiter_of(c);
        int st = SH_OK;
        if ((input.kind == SH_VOID && !sh_bound(c, "InputObject")) || sh_is_null(o))
                return SH_OK;
        if (sh_bound(c, "UseQuotes") && sh_bound(c, "QuoteFields"))
                return sh_cmd_throw(c, "CannotSpecifyQuoteFieldsAndUseQuotes", "InvalidData", SH_NIL,
                                    "You must specify either the -UseQuotes or -QuoteFields parameters, but not both.");
        if (!t->begun) {
                t->begun = true;
                if (t->header.kind != SH_ARRAY)
                        header_of(sh_session(c), o, &t->header);
                if (sh_bound(c, "IncludeTypeInformation") && sh_switch(c, "IncludeTypeInformation")) {
                        struct sv name = sh_type_name_of(sh_session(c), o);
                        sh_buf_putf(&t->b, "#TYPE %s", name.s->s);
                        sh_drop(name);
                        st = put_line(c, t);
                }
                if (st == SH_OK && !t->appending && !sh_switch(c, "NoHeader")) {
                        header_line(c, t, d);
                        st = put_line(c, t);
                }
        }
        if (st != SH_OK)
                return st;
        object_line(c, t, o, d);
        return put_line(c, t);
}
static void to_clean(struct sh_cmd *c)
{
        struct csv *t = sh_state(c);
        sh_drop(t->header);
        t->header = SH_NIL;
        sh_buf_free(&t->b);
        t->b = (struct sh_buf) { 0 };
        if (t->f)
                sh_text_close(c, t->f);
        t->f = NULL;
        free(t->path);
        t->path = NULL;
}
#define WRITING \
        { "InputObject", .type = "object", .mandatory = true, .from_pipeline = true, .allow_null = true }, \
                { "Delimiter", .type = "char", .position = 2 }, \
                { "NoTypeInformation", .type = "switch", .alias = "NTI" }, \
                { "IncludeTypeInformation", .type = "switch", .alias = "ITI" }, \
                { "UseQuotes", .type = "string", .values = "Never,Always,AsNeeded", .alias = "UQ" }, \
                { "QuoteFields", .type = "string[]", .alias = "QF" }, { "NoHeader", .type = "switch" }, \
        { \
                "UseCulture", .type = "switch" \
        }
static const struct sh_cmdlet convertto_csv = {
        .name = "ConvertTo-Csv",
        .synopsis = "Writes objects as lines of comma-separated values.",
        .state_size = sizeof(struct csv),
        .process = to_process,
        .clean = to_clean,
        .params =
                (const struct sh_param[]) {
                        { "InputObject", .type = "object", .position = 1, .mandatory = true,
                          .from_pipeline = true, .allow_null = true },
                        { "Delimiter", .type = "char", .position = 2 },
                        { "NoTypeInformation", .type = "switch", .alias = "NTI" },
                        { "IncludeTypeInformation", .type = "switch", .alias = "ITI" },
                        { "UseQuotes", .type = "string", .values = "Never,Always,AsNeeded", .alias = "UQ" },
                        { "QuoteFields", .type = "string[]", .alias = "QF" },
                        { "NoHeader", .type = "switch" },
                        { "UseCulture", .type = "switch" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "[pscustomobject]@{ a = 1; b = 'x' } | ConvertTo-Csv", "\"a\",\"b\"\n\"1\",\"x\"",
                          "" },
                        { "[pscustomobject]@{ a = 1 } | ConvertTo-Csv -UseQuotes Never", "a\n1", "" },
                        { 0 } },
};

/* ---- reading ---- */
struct rows {
        struct sv header; /* array of names */
        struct sv fields; /* of the record being read */
        struct sv type;   /* of a #TYPE line */
        char delimiter;
};
/* One record: fields up to the end of its line. Quoted fields may hold line breaks. Answers where the next begins. */
static const char *record(struct rows *r, const char *p, const char *end)
{
        r->fields = sh_array_new(8);
        for (;;) {
                struct sh_buf b = { 0 };
                while (p < end && *p == ' ')
                        p++;
                if (p < end && *p == '"') {
                        for (p++; p < end; p++) {
                                if (*p == '"' && p + 1 < end && p[1] == '"')
                                        p++;
                                else if (*p == '"')
                                        break;
                                sh_buf_put(&b, p, 1);
                        }
                        p += p < end;
                        while (p < end && *p != r->delimiter && *p != '\n' && *p != '\r')
                                sh_buf_put(&b, p++, 1);
                } else {
                        while (p < end && *p != r->delimiter && *p != '\n' && *p != '\r')
                                sh_buf_put(&b, p++, 1);
                }
                sh_array_take(r->fields.a, sh_string(b.p ? b.p : "", b.n));
                sh_buf_free(&b);
                if (p < end && *p == r->delimiter) {
                        p++;
                        continue;
                }
                if (p < end && *p == '\r')
                        p++;
                return p < end && *p == '\n' ? p + 1 : p;
        }
}
static int emit_record(struct sh_cmd *c, struct rows *r)
{
        struct sv o = sh_object_new();
        if (r->type.kind == SH_STRING)
                sh_object_type(o, r->type.s->s);
        for (uint32_t i = 0; i < r->header.a->n; i++) {
                struct sh_str *name = r->header.a->v[i].s;
                sh_object_set(o, name->s, name->len, i < r->fields.a->n ? r->fields.a->v[i] : SH_NIL);
        }
        int st = sh_emit(c, o);
        sh_drop(o);
        return st;
}
static int read_rows(struct sh_cmd *c, const char *s, size_t n)
{
        struct rows r = { .delimiter = delimiter_of(c) };
        struct sv given = sh_arg(c, "Header");
        const char *p = s, *end = s + n;
        int st = SH_OK;
        if (!sh_is_null(given))
                r.header = sh_array_copy(given);
        for (uint32_t i = 0; r.header.kind == SH_ARRAY && i < r.header.a->n; i++) {
                struct sv t = sh_to_text(sh_session(c), r.header.a->v[i]);
                sh_drop(r.header.a->v[i]);
                r.header.a->v[i] = t;
        }
        while (p < end && st == SH_OK) {
                if (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n')) {
                        p += *p == '\r' ? 2 : 1;
                        continue;
                }
                if (*p == '#' && r.header.kind != SH_ARRAY) {
                        const char *nl = memchr(p, '\n', (size_t)(end - p)), *to = nl ? nl : end;
                        if (end - p > 6 && !strncasecmp(p, "#TYPE ", 6)) {
                                while (to > p && (to[-1] == '\r' || to[-1] == ' '))
                                        to--;
                                sh_drop(r.type);
                                r.type = sh_string(p + 6, (size_t)(to - p) - 6);
                        }
                        p = nl ? nl + 1 : end;
                        continue;
                }
                p = record(&r, p, end);
                if (r.header.kind != SH_ARRAY) {
                        r.header = r.fields;
                        for (uint32_t i = 0; i < r.header.a->n; i++)
                                if (!r.header.a->v[i].s->len) {
                                        sh_drop(r.header.a->v[i]);
                                        r.header.a->v[i] = sh_printf("H%u", i + 1);
                                }
                        r.fields = SH_NIL;
                        continue;
                }
                st = emit_record(c, &r);
                sh_drop(r.fields);
                r.fields = SH_NIL;
        }
        sh_drop(r.header);
        sh_drop(r.type);
        return st;
}
struct text {
        struct sh_buf b;
};
static int from_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct text *t = sh_state(c);
        struct sv v = sh_arg(c, "InputObject"), item;
        size_t pos = 0;
        while (sh_next(v, &pos, &item)) {
                sh_buf_value(sh_session(c), &t->b, item);
                sh_buf_put(&t->b, "\n", 1);
                sh_drop(item);
        }
        return SH_OK;
}
static int from_end(struct sh_cmd *c)
{
        struct text *t = sh_state(c);
        return read_rows(c, t->b.p ? t->b.p : "", t->b.n);
}
static void from_clean(struct sh_cmd *c)
{
        struct text *t = sh_state(c);
        sh_buf_free(&t->b);
        t->b = (struct sh_buf) { 0 };
}
static const struct sh_cmdlet convertfrom_csv = {
        .name = "ConvertFrom-Csv",
        .synopsis = "Reads comma-separated values into objects.",
        .state_size = sizeof(struct text),
        .process = from_process,
        .end = from_end,
        .clean = from_clean,
        .params =
                (const struct sh_param[]) { { "InputObject", .type = "string[]", .position = 1,
                                              .mandatory = true, .from_pipeline = true, .allow_empty = true },
                                            { "Delimiter", .type = "char", .position = 2 },
                                            { "Header", .type = "string[]" },
                                            { "UseCulture", .type = "switch" },
                                            { 0 } },
        .examples = (const struct sh_example[]) { { "('a,b', '1,2' | ConvertFrom-Csv).b", "2", "" },
                                                  { "('1;2' | ConvertFrom-Csv -Header x, y -Delimiter ';').x",
                                                    "1", "" },
                                                  { 0 } },
};
static int import_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        bool literal = sh_bound(c, "LiteralPath");
        struct sv v = sh_arg(c, literal ? "LiteralPath" : "Path"), name;
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next_text(c, v, &pos, &name)) {
                char *path = sh_path_full(sh_session(c), name.s->s), buf[65536];
                int fd = open(path, O_RDONLY | O_CLOEXEC);
                struct sh_buf raw = { 0 }, text = { 0 };
                if (fd < 0) {
                        struct sv t = sh_text(path);
                        st = sh_cmd_throw(c, "FileOpenFailure", "OpenError", t,
                                          errno == ENOENT ? "Could not find file '%s'."
                                                          : "Access to the path '%s' is denied.",
                                          path);
                        sh_drop(t);
                } else {
                        for (ssize_t n; (n = read(fd, buf, sizeof buf)) > 0;)
                                sh_buf_put(&raw, buf, (size_t)n);
                        close(fd);
                        sh_decode(SH_ENC_UTF8, raw.p ? raw.p : "", raw.n, &text);
                        st = read_rows(c, text.p ? text.p : "", text.n);
                }
                sh_buf_free(&raw);
                sh_buf_free(&text);
                free(path);
                sh_drop(name);
        }
        return st;
}
static const struct sh_cmdlet import_csv = {
        .name = "Import-Csv",
        .alias = (const char *[]) { "ipcsv", NULL },
        .synopsis = "Reads a file of comma-separated values.",
        .process = import_process,
        .default_set = "Path",
        .params = (const struct sh_param[]) { { "Path", .type = "string[]", .position = 1, .mandatory = true,
                                                .from_pipeline = true, .from_property = true, .sets = "Path",
                                                .complete = "path" },
                                              { "LiteralPath", .type = "string[]", .alias = "PSPath,LP",
                                                .mandatory = true, .from_property = true,
                                                .sets = "LiteralPath" },
                                              { "Delimiter", .type = "char", .position = 2 },
                                              { "Header", .type = "string[]" },
                                              { "Encoding", .type = "object" },
                                              { "UseCulture", .type = "switch" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "[pscustomobject]@{ a = 1 } | Export-Csv ic-a; "
                                                    "(Import-Csv ic-a).a; Remove-Item ic-a",
                                                    "1", "" },
                                                  { "try { Import-Csv /nowhere } catch { 'no file' }",
                                                    "no file", "" },
                                                  { 0 } },
};

/* ---- Export-Csv ---- */
static int export_begin(struct sh_cmd *c)
{
        struct csv *t = sh_state(c);
        struct sh_open o = { .append = sh_switch(c, "Append"),
                             .no_clobber = sh_switch(c, "NoClobber"),
                             .force = sh_switch(c, "Force"),
                             .encoding = SH_ENC_UTF8 };
        const char *path = sh_arg_text(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path", NULL);
        bool what = true;
        int st = sh_encoding_of(c, "Encoding", &o.encoding);
        if (!path)
                return sh_cmd_throw(
                        c, "CannotSpecifyPathAndLiteralPath", "InvalidData", SH_NIL,
                        "You must specify either the -Path or -LiteralPath parameters, but not both.");
        if (st == SH_OK)
                st = sh_path_single(c, path, sh_bound(c, "LiteralPath"), &t->path);
        if (st == SH_OK)
                st = sh_should_process(c, t->path, "Export-Csv", &what);
        if (st != SH_OK || !what)
                return st == SH_OK ? SH_STOP : st;
        if (o.append && access(t->path, R_OK) == 0) {
                char line[65536];
                int fd = open(t->path, O_RDONLY | O_CLOEXEC);
                ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line);
                if (fd >= 0)
                        close(fd);
                if (n > 0) {
                        struct rows r = { .delimiter = delimiter_of(c) };
                        record(&r, line, line + n);
                        t->header = r.fields;
                        t->appending = true;
                }
        }
        return sh_text_open(c, t->path, &o, &t->f);
}
static int export_end(struct sh_cmd *c)
{
        struct csv *t = sh_state(c);
        struct sh_text_file *f = t->f;
        t->f = NULL;
        return sh_text_close(c, f);
}
static const struct sh_cmdlet export_csv = {
        .name = "Export-Csv",
        .alias = (const char *[]) { "epcsv", NULL },
        .synopsis = "Writes objects to a file of comma-separated values.",
        .state_size = sizeof(struct csv),
        .begin = export_begin,
        .process = to_process,
        .end = export_end,
        .clean = to_clean,
        .should_process = true,
        .params = (const struct sh_param[]) { { "Path", .type = "string", .position = 1, .complete = "path" },
                                              { "LiteralPath", .type = "string", .alias = "PSPath,LP" },
                                              WRITING,
                                              { "Append", .type = "switch" },
                                              { "Force", .type = "switch" },
                                              { "NoClobber", .type = "switch", .alias = "NoOverwrite" },
                                              { "Encoding", .type = "object" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "[pscustomobject]@{ a = 1 } | Export-Csv ec-a; Get-Content ec-a; Remove-Item ec-a",
                          "\"a\"\n\"1\"", "" },
                        { "[pscustomobject]@{ a = 1 } | Export-Csv ec-b -UseQuotes AsNeeded; Get-Content "
                          "ec-b; Remove-Item ec-b",
                          "a\n1", "" },
                        { 0 } },
};

SH_CMDLETS(csv, &convertto_csv, &convertfrom_csv, &import_csv, &export_csv);
