/* SPDX-License-Identifier: MIT
 *
 * Select-String: lines that fit a pattern, from files or the pipeline.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/fields.h"
#include "shell/fileinfo.h"
#include "shell/files.h"
#include "shell/text.h"

enum { M_LINE, M_NUMBER, M_FILE, M_PATH, M_PATTERN, M_MATCHES, M_CONTEXT, M_IGNORE, M_N };

enum { C_PRE, C_POST, C_SHOWN_PRE, C_SHOWN_POST, C_N };
static const struct sh_member context_members[] = {
        SH_FIELD(C_PRE, "PreContext", "string[] PreContext {get;set;}"),
        SH_FIELD(C_POST, "PostContext", "string[] PostContext {get;set;}"),
        SH_FIELD(C_SHOWN_PRE, "DisplayPreContext", "string[] DisplayPreContext {get;set;}"),
        SH_FIELD(C_SHOWN_POST, "DisplayPostContext", "string[] DisplayPostContext {get;set;}")
};
static SH_FIELDS_TYPE(context_type, "Microsoft.PowerShell.Commands.MatchInfoContext", context_members);

static void put_match_line(struct sh_buf *b, struct sv line, int64_t number, const char *path, const char *prefix)
{
        sh_buf_puts(b, prefix);
        if (path)
                sh_buf_putf(b, "%s:%lld:", path, (long long)number);
        sh_buf_put(b, line.s->s, line.s->len);
}

/* path NULL: of a pipeline's text. */
static void put_match(struct sv self, const char *path, struct sh_buf *b)
{
        struct sv context = *sh_field(self, M_CONTEXT);
        int64_t number = sh_field(self, M_NUMBER)->i;
        if (sh_is_null(context)) {
                put_match_line(b, *sh_field(self, M_LINE), number, path, "");
                return;
        }
        struct sh_array *pre = sh_field(context, C_SHOWN_PRE)->a, *post = sh_field(context, C_SHOWN_POST)->a;
        for (uint32_t i = 0; i < pre->n; i++) {
                put_match_line(b, pre->v[i], number - pre->n + i, path, "  ");
                sh_buf_put(b, "\n", 1);
        }
        put_match_line(b, *sh_field(self, M_LINE), number, path, "> ");
        for (uint32_t i = 0; i < post->n; i++) {
                sh_buf_put(b, "\n", 1);
                put_match_line(b, post->v[i], number + 1 + i, path, "  ");
        }
}

static const char *path_of(struct sv self)
{
        const char *path = sh_field(self, M_PATH)->s->s;
        return strcmp(path, "InputStream") ? path : NULL;
}

static void match_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        put_match(self, path_of(self), b);
}

/* As it is shown: paths from the current folder. */
void sh_match_shown(struct sh *sh, struct sv self, struct sh_buf *b)
{
        const char *path = path_of(self);
        struct sv pwd = sh_pwd(sh), here = sh_to_text(sh, pwd);
        if (path && !strncmp(path, here.s->s, here.s->len) && path[here.s->len] == '/')
                path += here.s->len + 1;
        put_match(self, path, b);
        sh_drop(pwd);
        sh_drop(here);
}

static const struct sh_member match_members[] = {
        SH_FIELD(M_IGNORE, "IgnoreCase", "bool IgnoreCase {get;set;}"),
        SH_FIELD(M_NUMBER, "LineNumber", "int LineNumber {get;set;}"),
        SH_FIELD(M_LINE, "Line", "string Line {get;set;}"),
        SH_FIELD(M_FILE, "Filename", "string Filename {get;}"),
        SH_FIELD(M_PATH, "Path", "string Path {get;set;}"),
        SH_FIELD(M_PATTERN, "Pattern", "string Pattern {get;set;}"),
        SH_FIELD(M_CONTEXT, "Context", "Microsoft.PowerShell.Commands.MatchInfoContext Context {get;set;}"),
        SH_FIELD(M_MATCHES, "Matches", "System.Text.RegularExpressions.Match[] Matches {get;set;}")
};
static const struct sh_type match_type = { .name = "Microsoft.PowerShell.Commands.MatchInfo",
                                           .base = &sh_type_object,
                                           .members = match_members,
                                           .nmembers = sizeof match_members / sizeof *match_members,
                                           .text = match_text,
                                           .free = sh_fields_free };

struct search {
        struct sv lines; /* the pipeline's, when their context counts */
        bool of_files;
        int64_t number; /* of the pipeline's lines */
        int64_t before, after;
        bool found;
};

/* All matches of one pattern in a line. */
static int matches_of(struct sh_cmd *c, struct sv pattern, struct sv line, struct sv *ret)
{
        struct sh *sh = sh_session(c);
        bool cased = sh_switch(c, "CaseSensitive");
        *ret = SH_NIL;
        struct sv text = sh_to_text(sh, pattern), escaped = SH_NIL;
        if (sh_switch(c, "SimpleMatch")) {
                int st = sh_call_static(sh, &sh_type_regex, "Escape", 6, (struct sh_args) { 1, &text },
                                        &escaped);
                sh_drop(text);
                if (st != SH_OK)
                        return st;
                text = escaped;
        }
        struct sh_regex *re = sh_regex_from(sh, text, cased);
        sh_drop(text);
        if (!re)
                return SH_ERROR;
        const size_t *at;
        uint32_t n;
        int st = SH_OK;
        for (size_t from = 0; from <= line.s->len;) {
                st = sh_regex_exec(sh, re, line.s->s, line.s->len, from, &at, &n);
                if (st != SH_OK)
                        break;
                if (ret->kind != SH_ARRAY)
                        *ret = sh_array_new(2);
                size_t end = at[1] > at[0] ? at[1] : at[1] + 1;
                sh_array_take(ret->a, sh_match_new(sh, re, line, at, n));
                if (!sh_switch(c, "AllMatches"))
                        break;
                from = end;
        }
        return st == SH_NONE ? SH_OK : st;
}

/* The first pattern that fits. */
static int fits(struct sh_cmd *c, struct sv line, struct sv *ret_pattern, struct sv *ret_matches)
{
        struct sv patterns = sh_arg(c, "Pattern"), item;
        size_t pos = 0;
        *ret_matches = *ret_pattern = SH_NIL;
        while (sh_next(patterns, &pos, &item)) {
                int st = matches_of(c, item, line, ret_matches);
                if (st == SH_OK && ret_matches->kind == SH_ARRAY) {
                        *ret_pattern = item;
                        return SH_OK;
                }
                sh_drop(item);
                if (st != SH_OK)
                        return st;
        }
        return SH_OK;
}

static int emit_match(struct sh_cmd *c, struct sv line, int64_t number, const char *path, struct sv pattern,
                      struct sv matches, struct sv context)
{
        struct search *s = sh_state(c);
        s->found = true;
        if (sh_switch(c, "Quiet"))
                return SH_OK;
        if (sh_switch(c, "Raw"))
                return sh_emit(c, line);
        struct sv m = sh_fields_new(&match_type, M_N);
        const char *base = strrchr(path, '/');
        *sh_field(m, M_LINE) = sh_keep(line);
        *sh_field(m, M_NUMBER) = sh_int((int32_t)number);
        *sh_field(m, M_PATH) = sh_text(path);
        *sh_field(m, M_FILE) = sh_text(base ? base + 1 : path);
        *sh_field(m, M_PATTERN) = sh_is_null(pattern) ? sh_text("") : sh_to_text(sh_session(c), pattern);
        *sh_field(m, M_MATCHES) = matches.kind == SH_ARRAY ? sh_keep(matches) : sh_array_new(0);
        *sh_field(m, M_CONTEXT) = sh_keep(context);
        *sh_field(m, M_IGNORE) = sh_bool(!sh_switch(c, "CaseSensitive"));
        int st = sh_emit(c, m);
        sh_drop(m);
        return st;
}

static int look_at(struct sh_cmd *c, struct sv line, int64_t number, const char *path, bool *ret_hit)
{
        struct sv pattern, matches;
        int st = fits(c, line, &pattern, &matches);
        bool hit = (matches.kind == SH_ARRAY) != sh_switch(c, "NotMatch");
        if (st == SH_OK && hit)
                st = emit_match(c, line, number, path, pattern, matches, SH_NIL);
        *ret_hit = hit;
        sh_drop(pattern);
        sh_drop(matches);
        return st;
}

static struct sv lines_between(const struct sh_array *lines, int64_t from, int64_t to)
{
        struct sv r = sh_array_typed(&sh_type_string, 0);
        for (int64_t i = from < 0 ? 0 : from; i < to && i < lines->n; i++)
                sh_array_add(r.a, lines->v[i]);
        return r;
}

/* What stands around line `at`; shown is none of it that is shown with another match already. */
static struct sv context_of(struct search *s, const struct sh_array *lines, int64_t at, int64_t shown_to, int64_t next)
{
        struct sv r = sh_fields_new(&context_type, C_N);
        int64_t before = at - s->before, after = at + 1 + s->after;
        *sh_field(r, C_PRE) = lines_between(lines, before, at);
        *sh_field(r, C_POST) = lines_between(lines, at + 1, after);
        *sh_field(r, C_SHOWN_PRE) = lines_between(lines, before > shown_to ? before : shown_to, at);
        *sh_field(r, C_SHOWN_POST) = lines_between(lines, at + 1, after < next ? after : next);
        return r;
}

struct hit {
        uint32_t at;
        struct sv pattern, matches;
};

/* Lines with their context: all are there. */
static int search_lines(struct sh_cmd *c, const struct sh_array *lines, const char *path)
{
        struct search *s = sh_state(c);
        struct hit *hits = calloc(lines->n + 1, sizeof *hits);
        uint32_t n = 0;
        int st = SH_OK;
        if (!hits)
                abort();
        for (uint32_t i = 0; st == SH_OK && i < lines->n; i++) {
                struct hit h = { .at = i };
                st = fits(c, lines->v[i], &h.pattern, &h.matches);
                if (st == SH_OK && (h.matches.kind == SH_ARRAY) != sh_switch(c, "NotMatch")) {
                        hits[n++] = h;
                        if (sh_switch(c, "List"))
                                break;
                } else {
                        sh_drop(h.pattern);
                        sh_drop(h.matches);
                }
        }
        int64_t shown_to = 0;
        for (uint32_t i = 0; i < n; i++) {
                int64_t next = i + 1 < n ? hits[i + 1].at : lines->n, end = (int64_t)hits[i].at + 1 + s->after;
                struct sv context = context_of(s, lines, hits[i].at, shown_to, next);
                if (st == SH_OK)
                        st = emit_match(c, lines->v[hits[i].at], hits[i].at + 1, path, hits[i].pattern,
                                        hits[i].matches, context);
                shown_to = end < next ? end : next;
                sh_drop(context);
                sh_drop(hits[i].pattern);
                sh_drop(hits[i].matches);
        }
        free(hits);
        return st;
}

static int search_file(struct sh_cmd *c, const char *path)
{
        struct search *s = sh_state(c);
        struct sh_buf raw = { 0 }, text = { 0 };
        char buf[65536];
        int fd = open(path, O_RDONLY | O_CLOEXEC), st = SH_OK;
        if (fd < 0)
                return sh_path_missing(c, path);
        for (ssize_t n; (n = read(fd, buf, sizeof buf)) > 0;)
                sh_buf_put(&raw, buf, (size_t)n);
        close(fd);
        sh_decode(SH_ENC_UTF8, raw.p ? raw.p : "", raw.n, &text);
        struct sv lines = sh_array_new(64);
        for (char *p = text.p, *end = text.p + text.n, *nl; p < end; p = nl + 1) {
                nl = memchr(p, '\n', (size_t)(end - p));
                nl = nl ? nl : end;
                sh_array_take(lines.a, sh_string(p, (size_t)(nl - p) - (nl > p && nl[-1] == '\r')));
        }
        s->of_files = true;
        if (s->before || s->after)
                st = search_lines(c, lines.a, path);
        for (uint32_t i = 0; !s->before && !s->after && st == SH_OK && i < lines.a->n; i++) {
                bool hit;
                st = look_at(c, lines.a->v[i], i + 1, path, &hit);
                if (hit && sh_switch(c, "List"))
                        break;
        }
        sh_drop(lines);
        sh_buf_free(&raw);
        sh_buf_free(&text);
        return st;
}

static int search_begin(struct sh_cmd *c)
{
        struct search *s = sh_state(c);
        struct sv context = sh_arg(c, "Context"), item;
        size_t pos = 0;
        if (sh_is_enumerable(context)) {
                int64_t v[2] = { 0, -1 };
                for (int i = 0; i < 2 && sh_next(context, &pos, &item); i++) {
                        sh_to_int64(sh_session(c), item, &v[i]);
                        sh_drop(item);
                }
                s->before = v[0];
                s->after = v[1] < 0 ? v[0] : v[1];
        }
        return SH_OK;
}
struct each {
        struct sh_cmd *c;
        int st;
};
static bool each_path(void *state, const char *path)
{
        struct each *e = state;
        e->st = search_file(e->c, path);
        return e->st == SH_OK;
}
static int search_process(struct sh_cmd *c, struct sv input)
{
        struct search *s = sh_state(c);
        bool literal = sh_bound(c, "LiteralPath"), hit;
        struct sv paths = sh_arg(c, literal ? "LiteralPath" : "Path"), t;
        size_t pos = 0;
        int st = SH_OK;
        if (!sh_is_null(paths)) {
                while (st == SH_OK && sh_next_text(c, paths, &pos, &t)) {
                        struct each e = { c, SH_OK };
                        if (!literal && sh_has_wildcard(t.s->s, t.s->len)) {
                                sh_path_glob(sh_session(c), t.s->s, false, each_path, &e);
                        } else {
                                char *full = sh_path_full(sh_session(c), t.s->s);
                                e.st = search_file(c, full);
                                free(full);
                        }
                        st = e.st;
                        sh_drop(t);
                }
                return st;
        }
        struct sv v = sh_arg(c, "InputObject");
        if (input.kind == SH_VOID && sh_is_null(v))
                return SH_OK;
        const char *file = sh_fileinfo_path(sh_is_null(v) ? input : v);
        if (file)
                return search_file(c, file);
        struct sv line = sh_to_text(sh_session(c), sh_is_null(v) ? input : v);
        if (s->before || s->after) { /* what follows a line is known when it has come */
                if (s->lines.kind != SH_ARRAY)
                        s->lines = sh_array_new(16);
                sh_array_take(s->lines.a, line);
                return SH_OK;
        }
        st = look_at(c, line, ++s->number, "InputStream", &hit);
        sh_drop(line);
        return st;
}
static int search_end(struct sh_cmd *c)
{
        struct search *s = sh_state(c);
        int st = s->lines.kind == SH_ARRAY ? search_lines(c, s->lines.a, "InputStream") : SH_OK;
        if (st != SH_OK || !sh_switch(c, "Quiet") || (!s->found && !s->of_files))
                return st;
        return sh_emit(c, sh_bool(s->found));
}
static void search_clean(struct sh_cmd *c)
{
        struct search *s = sh_state(c);
        sh_drop(s->lines);
        s->lines = SH_NIL;
}
static const struct sh_cmdlet select_string = {
        .name = "Select-String",
        .alias = (const char *[]) { "sls", NULL },
        .synopsis = "Finds lines that fit a pattern.",
        .state_size = sizeof(struct search),
        .begin = search_begin,
        .process = search_process,
        .end = search_end,
        .clean = search_clean,
        .default_set = "File",
        .params = (const struct sh_param[]) { { "Pattern", .type = "string[]", .position = 1,
                                                .mandatory = true },
                                              { "Path", .type = "string[]", .position = 2, .sets = "File",
                                                .from_property = true, .wildcard = true, .complete = "path" },
                                              { "LiteralPath", .type = "string[]", .alias = "PSPath,LP",
                                                .sets = "Literal", .mandatory = true },
                                              { "InputObject", .type = "object", .from_pipeline = true },
                                              { "SimpleMatch", .type = "switch" },
                                              { "CaseSensitive", .type = "switch" },
                                              { "AllMatches", .type = "switch" },
                                              { "NotMatch", .type = "switch" },
                                              { "List", .type = "switch" },
                                              { "Quiet", .type = "switch" },
                                              { "Raw", .type = "switch" },
                                              { "NoEmphasis", .type = "switch" },
                                              { "Context", .type = "int[]" },
                                              { "Encoding", .type = "object" },
                                              { "Include", .type = "string[]" },
                                              { "Exclude", .type = "string[]" },
                                              { "Culture", .type = "string" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "'one','two' | Select-String 'tw' -Raw", "two", "" },
                        { "('a1b2' | Select-String '\\d' -AllMatches).Matches.Value -join ','", "1,2", "" },
                        { 0 } },
};

SH_CMDLETS(search, &select_string);
