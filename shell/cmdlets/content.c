/* SPDX-License-Identifier: MIT
 *
 * Get-Content, Set-Content, Add-Content, Clear-Content: text files, line by line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/drives.h"
#include "shell/files.h"
#include "shell/text.h"

/* ---- Get-Content ---- */
struct reading { /* -ReadCount: lines go on as arrays of so many; 0: all of a file */
        struct sv batch;
        int64_t count;
};

static int pass(struct sh_cmd *c, struct sv v)
{
        struct reading *r = sh_state(c);
        if (r->count == 1)
                return sh_emit(c, v);
        if (r->batch.kind != SH_ARRAY)
                r->batch = sh_array_new(16);
        sh_array_add(r->batch.a, v);
        if (!r->count || (int64_t)r->batch.a->n < r->count)
                return SH_OK;
        struct sv full = r->batch;
        r->batch = SH_NIL;
        int st = sh_emit(c, full);
        sh_drop(full);
        return st;
}

/* A file has ended: so does its last array. */
static int pass_rest(struct sh_cmd *c, int st)
{
        struct reading *r = sh_state(c);
        struct sv rest = r->batch;
        r->batch = SH_NIL;
        if (rest.kind == SH_ARRAY && st == SH_OK)
                st = sh_emit(c, rest);
        sh_drop(rest);
        return st;
}

static int emit_lines(struct sh_cmd *c, const char *s, size_t n, int64_t head, int64_t tail)
{
        const char *delimiter = sh_arg_text(c, "Delimiter", "\n");
        size_t dn = strlen(delimiter), count = 0;
        int st = SH_OK;
        if (!dn)
                delimiter = "\n", dn = 1;
        bool lines = dn == 1 && *delimiter == '\n';
        for (const char *p = s, *end = s + n, *q; tail >= 0 && p < end; p = q + dn, count++)
                if (!(q = memmem(p, (size_t)(end - p), delimiter, dn)))
                        q = end;
        int64_t skip = tail >= 0 && (int64_t)count > tail ? (int64_t)count - tail : 0, i = 0;
        for (const char *p = s, *end = s + n, *q; st == SH_OK && p < end && (head < 0 || i < head);
             p = q + dn, i++) {
                if (!(q = memmem(p, (size_t)(end - p), delimiter, dn)))
                        q = end;
                if (i < skip)
                        continue;
                size_t len = (size_t)(q - p);
                if (lines && len && p[len - 1] == '\r')
                        len--;
                struct sv v = sh_string(p, len);
                st = pass(c, v);
                sh_drop(v);
        }
        return st;
}

static bool read_all(int fd, struct sh_buf *b)
{
        char buf[65536];
        ssize_t n;
        while ((n = read(fd, buf, sizeof buf)) > 0)
                sh_buf_put(b, buf, (size_t)n);
        return n == 0;
}

static int emit_line(struct sh_cmd *c, const char *s, size_t n)
{
        if (n && s[n - 1] == '\r')
                n--;
        struct sv v = sh_string(s, n);
        int st = pass(c, v);
        sh_drop(v);
        return st;
}

/* Where the last `lines` lines start: read from the end. */
static off_t start_of_tail(int fd, off_t size, int64_t lines)
{
        char buf[32768];
        int64_t seen = -1; /* the newline at the very end ends the last line */
        for (off_t at = size; at > 0;) {
                size_t n = at < (off_t)sizeof buf ? (size_t)at : sizeof buf;
                at -= (off_t)n;
                if (pread(fd, buf, n, at) != (ssize_t)n)
                        return 0;
                if (at + (off_t)n == size && buf[n - 1] != '\n')
                        seen = 0;
                for (size_t i = n; i > 0; i--)
                        if (buf[i - 1] == '\n' && ++seen >= lines)
                                return at + (off_t)i;
        }
        return 0;
}

/* UTF-8 text line by line as it is read: a file of gigabytes is never in memory, and -TotalCount reads no further. */
static int stream_lines(struct sh_cmd *c, int fd, int64_t head)
{
        char *buf = malloc(65536);
        struct sh_buf begun = { 0 }; /* a line whose end has not been read yet */
        int st = head == 0 || !buf ? SH_NONE : SH_OK;
        ssize_t n = 0;
        while (st == SH_OK && (n = read(fd, buf, 65536)) > 0) {
                char *p = buf, *end = buf + n, *q;
                while (st == SH_OK && (q = memchr(p, '\n', (size_t)(end - p)))) {
                        if (begun.n) {
                                sh_buf_put(&begun, p, (size_t)(q - p));
                                st = emit_line(c, begun.p, begun.n);
                                begun.n = 0;
                        } else {
                                st = emit_line(c, p, (size_t)(q - p));
                        }
                        p = q + 1;
                        if (st == SH_OK && --head == 0)
                                st = SH_NONE;
                }
                if (st == SH_OK && p < end)
                        sh_buf_put(&begun, p, (size_t)(end - p));
                if (st == SH_OK)
                        st = sh_check(sh_session(c));
        }
        if (st == SH_OK && begun.n)
                st = emit_line(c, begun.p, begun.n);
        sh_buf_free(&begun);
        free(buf);
        return st == SH_NONE ? SH_OK : st;
}

/* -Raw of a UTF-8 file, read where it will stay. SH_NONE: not that simple; then nothing has been read. */
static int emit_whole(struct sh_cmd *c, int fd, const struct stat *s, enum sh_encoding enc)
{
        unsigned char mark[4] = { 0 };
        if (!sh_switch(c, "Raw") || enc != SH_ENC_UTF8 || !S_ISREG(s->st_mode) || s->st_size < 4 ||
            s->st_size > INT32_MAX || pread(fd, mark, 4, 0) != 4 || mark[0] >= 0xEF || !mark[0])
                return SH_NONE;
        struct sv v = sh_string_room((size_t)s->st_size);
        size_t n = 0;
        ssize_t got;
        while (n < (size_t)s->st_size && (got = read(fd, v.s->s + n, (size_t)s->st_size - n)) > 0)
                n += (size_t)got;
        sh_string_seal(v, n);
        int st = sh_emit(c, v);
        sh_drop(v);
        return st;
}

/* Whether a file's lines can be given as they are read; then it stands where they start. */
static bool can_stream(struct sh_cmd *c, int fd, const struct stat *s, enum sh_encoding enc, int64_t tail)
{
        unsigned char mark[4] = { 0 };
        ssize_t n = S_ISREG(s->st_mode) ? pread(fd, mark, 4, 0) : 0;
        bool utf8 = n >= 3 && memcmp(mark, "\xEF\xBB\xBF", 3) == 0;
        bool other = n >= 2 && (memcmp(mark, "\xFF\xFE", 2) == 0 || memcmp(mark, "\xFE\xFF", 2) == 0 ||
                                memcmp(mark, "\0\0\xFE\xFF", 4) == 0);
        if (sh_switch(c, "Raw") || sh_bound(c, "Delimiter") || other || (enc != SH_ENC_UTF8 && !utf8))
                return false;
        if (tail < 0)
                return !utf8 || lseek(fd, 3, SEEK_SET) == 3;
        if (!S_ISREG(s->st_mode) || !s->st_size) /* /proc tells no size */
                return false;
        off_t from = tail ? start_of_tail(fd, s->st_size, tail) : s->st_size;
        return lseek(fd, from || !utf8 ? from : 3, SEEK_SET) >= 0;
}

/* -Wait: what is added later, until Ctrl-C. */
static int follow(struct sh_cmd *c, int fd)
{
        struct sh_buf line = { 0 };
        int st = SH_OK;
        while (st == SH_OK) {
                char buf[4096];
                ssize_t n = read(fd, buf, sizeof buf);
                for (ssize_t i = 0; i < n && st == SH_OK; i++) {
                        if (buf[i] != '\n') {
                                sh_buf_put(&line, &buf[i], 1);
                                continue;
                        }
                        struct sv v = sh_string(line.p ? line.p : "", line.n);
                        line.n = 0;
                        st = sh_emit(c, v);
                        sh_drop(v);
                }
                if (n <= 0) {
                        struct timespec t = { .tv_nsec = 100000000 };
                        nanosleep(&t, NULL);
                }
                if (st == SH_OK)
                        st = sh_check(sh_session(c));
        }
        sh_buf_free(&line);
        return st;
}

static int read_file(struct sh_cmd *c, const char *path)
{
        struct sh_buf raw = { 0 }, text = { 0 };
        enum sh_encoding enc = SH_ENC_UTF8;
        struct stat s;
        int st = sh_encoding_of(c, "Encoding", &enc),
            fd = st == SH_OK ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (st != SH_OK)
                return st;
        if (fd < 0)
                return errno == ENOENT
                               ? sh_path_missing(c, path)
                               : sh_path_error(c, "GetContentReaderUnauthorizedAccessError", errno, path);
        if (fstat(fd, &s) == 0 && S_ISDIR(s.st_mode)) {
                close(fd);
                struct sv t = sh_text(path);
                st = sh_cmd_error(c, "GetContainerContentException", "InvalidOperation", t,
                                  "Unable to get content because it is a directory: '%s'. "
                                  "Please use 'Get-ChildItem' instead.",
                                  path);
                sh_drop(t);
                return st;
        }
        int64_t head = sh_arg_int(c, "TotalCount", -1), tail = sh_arg_int(c, "Tail", -1);
        bool bytes = sh_switch(c, "AsByteStream") || enc == SH_ENC_BYTES;
        if (!bytes && can_stream(c, fd, &s, enc, tail)) {
                st = stream_lines(c, fd, head);
                if (st == SH_OK && sh_switch(c, "Wait"))
                        st = follow(c, fd);
                close(fd);
                return st;
        }
        if (!bytes && (st = emit_whole(c, fd, &s, enc)) != SH_NONE) {
                close(fd);
                return st;
        }
        st = SH_OK;
        if (S_ISREG(s.st_mode) && s.st_size > 0)
                sh_buf_reserve(&raw, (size_t)s.st_size);
        read_all(fd, &raw);
        if (bytes) {
                struct sv all = sh_switch(c, "Raw") ? sh_array_typed(&sh_type_byte, 0) : SH_NIL;
                for (size_t i = 0; st == SH_OK && i < raw.n; i++) {
                        struct sv b = { .kind = SH_BYTE, .u = (unsigned char)raw.p[i] };
                        if (all.kind == SH_ARRAY)
                                sh_array_add(all.a, b);
                        else
                                st = pass(c, b);
                }
                if (all.kind == SH_ARRAY)
                        st = sh_emit(c, all);
                sh_drop(all);
        } else {
                sh_decode(enc, raw.p ? raw.p : "", raw.n, &text);
                sh_buf_free(&raw);
                if (sh_switch(c, "Raw")) {
                        struct sv v = sh_string(text.p ? text.p : "", text.n);
                        if (text.n)
                                st = sh_emit(c, v);
                        sh_drop(v);
                } else {
                        st = emit_lines(c, text.p ? text.p : "", text.n, head, tail);
                }
                if (st == SH_OK && sh_switch(c, "Wait"))
                        st = follow(c, fd);
        }
        close(fd);
        sh_buf_free(&raw);
        sh_buf_free(&text);
        return st;
}

static int get_file(struct sh_cmd *c, const char *path)
{
        struct reading *r = sh_state(c);
        r->count = sh_arg_int(c, "ReadCount", 1);
        return pass_rest(c, read_file(c, path));
}

struct each {
        struct sh_cmd *c;
        int (*one)(struct sh_cmd *, const char *);
        int st;
};
static bool each_path(void *state, const char *path)
{
        struct each *e = state;
        e->st = e->one(e->c, path);
        return e->st == SH_OK;
}
static int for_paths(struct sh_cmd *c, bool must_exist, int (*one)(struct sh_cmd *, const char *))
{
        bool literal = sh_bound(c, "LiteralPath");
        struct sv v = sh_arg(c, literal ? "LiteralPath" : "Path"), t;
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next_text(c, v, &pos, &t)) {
                struct each e = { c, one, SH_OK };
                const char *at = strstr(t.s->s, "FileSystem::"), *s = at ? at + 12 : t.s->s;
                if (!literal && sh_has_wildcard(s, strlen(s))) {
                        if (!sh_path_glob(sh_session(c), s, false, each_path, &e) && must_exist)
                                e.st = SH_OK;
                        st = e.st;
                } else {
                        char *full = literal ? sh_path_full(sh_session(c), s) : sh_path_plain(sh_session(c), s);
                        st = must_exist && access(full, F_OK) != 0 ? sh_path_missing(c, s) : one(c, full);
                        free(full);
                }
                sh_drop(t);
        }
        return st;
}
#define PATHS \
        { "Path",           .type = "string[]", .position = 1,     .mandatory = true, .from_property = true, \
          .wildcard = true, .sets = "Path",     .complete = "path" }, \
        { \
                "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .sets = "LiteralPath", \
                               .from_property = true, .mandatory = true \
        }
#define ENCODING \
        { \
                "Encoding", .type = "object", .help = "utf8 (without a mark) when absent." \
        }

/* What an item of env:, variable:, function:, alias: holds. */
static int get_thing(struct sh_cmd *c, const char *path, const char *written)
{
        struct sh *sh = sh_session(c);
        const char *name = strchr(path, ':') + 1;
        struct sv value = SH_NIL;
        struct sh_target *t = NULL;
        int st = SH_OK;
        bool there = false;
        if (sh_bound(c, "Tail") && sh_bound(c, "TotalCount"))
                return sh_cmd_throw(
                        c, "TailAndHeadCannotCoexist", "InvalidOperation", SH_NIL,
                        "The parameters TotalCount and Tail cannot be used together. Please specify only one "
                        "parameter.");
        if (sh_bound(c, "Tail"))
                return sh_cmd_throw(c, "TailNotSupported", "InvalidOperation", SH_NIL,
                                    "The parameter 'Tail' is supported only for the FileSystem provider. "
                                    "Please specify a "
                                    "path to a FileSystem.");
        if (path[0] == 'e' && getenv(name))
                there = true, value = sh_text(getenv(name));
        else if (path[0] == 'v')
                there = sh_var_get(sh, name, &value);
        else if (path[0] == 'a' && sh_alias_lookup(sh, name, strlen(name)))
                there = true, value = sh_text(sh_alias_lookup(sh, name, strlen(name)));
        else if (path[0] == 'f' && sh_try_command(sh, name, strlen(name), &t) == SH_OK) {
                there = t->block.kind == SH_BLOCK;
                value = there ? sh_keep(t->block) : SH_NIL;
                sh_drop(sh_target_value(t));
        }
        if (!there)
                return sh_path_missing(c, written);
        st = sh_write_unrolled(sh, sh_out(c), value);
        sh_drop(value);
        return st;
}

static int get_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv v = sh_arg(c, sh_bound(c, "LiteralPath") ? "LiteralPath" : "Path"), t;
        size_t pos = 0;
        int st = SH_NONE;
        while ((st == SH_NONE || st == SH_OK) && sh_next_text(c, v, &pos, &t)) {
                char *thing = sh_drive_item(t.s->s);
                st = thing ? get_thing(c, thing, t.s->s) : SH_NONE;
                free(thing);
                sh_drop(t);
                if (st == SH_NONE)
                        break;
        }
        return st == SH_NONE ? for_paths(c, true, get_file) : st;
}
static const struct sh_cmdlet get_content = {
        .name = "Get-Content",
        .alias = (const char *[]) { "gc", "type", NULL },
        .synopsis = "Reads a text file.",
        .state_size = sizeof(struct reading),
        .process = get_process,
        .default_set = "Path",
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string[]", .position = 1, .mandatory = true, .from_pipeline = true,
                          .from_property = true, .wildcard = true, .sets = "Path", .complete = "path" },
                        { "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .sets = "LiteralPath",
                          .from_property = true, .mandatory = true },
                        { "TotalCount", .type = "long", .alias = "First,Head" },
                        { "Tail", .type = "int", .alias = "Last" },
                        { "Raw", .type = "switch" },
                        { "Wait", .type = "switch" },
                        { "Delimiter", .type = "string" },
                        ENCODING,
                        { "AsByteStream", .type = "switch" },
                        { "ReadCount", .type = "long",
                          .help = "Lines are passed on as arrays of so many; 0: all of a file in one." },
                        { "Filter", .type = "string" },
                        { "Include", .type = "string[]" },
                        { "Exclude", .type = "string[]" },
                        { "Force", .type = "switch" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content gc-a 'x','y'; Get-Content gc-a -Tail 1; Remove-Item gc-a", "y", "" },
                        { "(Get-Content /etc/passwd -TotalCount 1).Count", "1", "" },
                        { 0 } },
};

/* ---- Set-, Add-, Clear-Content ---- */
struct writing {
        struct sh_buf text;
        bool bytes;
};
static int collect(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct writing *w = sh_state(c);
        struct sv v = sh_arg(c, "Value"), item;
        size_t pos = 0;
        w->bytes = sh_switch(c, "AsByteStream");
        if (sh_is_null(v))
                return SH_OK;
        bool many = sh_is_enumerable(v);
        item = sh_keep(v);
        do {
                if (many) {
                        sh_drop(item);
                        if (!sh_next(v, &pos, &item))
                                return SH_OK;
                }
                int64_t byte;
                if (w->bytes && sh_to_int64(sh_session(c), item, &byte)) {
                        char b = (char)byte;
                        sh_buf_put(&w->text, &b, 1);
                } else {
                        sh_buf_value(sh_session(c), &w->text, item);
                        if (!sh_switch(c, "NoNewline"))
                                sh_buf_put(&w->text, "\n", 1);
                }
        } while (many);
        sh_drop(item);
        return SH_OK;
}

static int write_one(struct sh_cmd *c, const char *path)
{
        struct writing *w = sh_state(c);
        bool add = sh_cmdlet_of(c)->name[0] == 'A', what = true;
        struct sh_open o = { .append = add, .force = sh_switch(c, "Force"), .encoding = SH_ENC_UTF8 };
        struct sh_text_file *f = NULL;
        int st = sh_encoding_of(c, "Encoding", &o.encoding);
        if (w->bytes)
                o.encoding = SH_ENC_BYTES;
        if (st == SH_OK)
                st = sh_should_process_as(c, "Path: ", path, add ? "Add Content" : "Set Content", &what);
        if (st != SH_OK || !what)
                return st;
        st = sh_text_open(c, path, &o, &f);
        if (st == SH_OK)
                st = sh_text_write(c, f, w->text.p ? w->text.p : "", w->text.n);
        int closed = sh_text_close(c, f);
        return st == SH_OK ? closed : st;
}
static int write_end(struct sh_cmd *c)
{
        struct writing *w = sh_state(c);
        struct sv v = sh_arg(c, "Path");
        char *thing = v.kind == SH_ARRAY && v.a->n == 1 && v.a->v[0].kind == SH_STRING
                              ? sh_drive_item(v.a->v[0].s->s)
                              : NULL;
        if (thing) {
                const char *s = thing, *name = strchr(s, ':') + 1;
                if (w->text.n && w->text.p[w->text.n - 1] == '\n')
                        w->text.n--;
                struct sv text = sh_string(w->text.p ? w->text.p : "", w->text.n);
                int st = -1;
                if (!strncasecmp(s, "env:", 4))
                        st = setenv(name, text.s->s, 1) == 0 ? SH_OK : SH_ERROR;
                else if (!strncasecmp(s, "variable:", 9))
                        st = sh_var_set(sh_session(c), name, sh_arg(c, "Value"));
                else
                        st = sh_set_drive_var(sh_session(c), s, (uint32_t)strcspn(s, ":"),
                                              sh_arg(c, "Value"));
                sh_drop(text);
                free(thing);
                return st;
        }
        return for_paths(c, false, write_one);
}
static void write_clean(struct sh_cmd *c)
{
        struct writing *w = sh_state(c);
        sh_buf_free(&w->text);
        w->text = (struct sh_buf) { 0 };
}
#define VALUES \
        { "Value", \
          .type = "object", \
          .position = 2, \
          .from_pipeline = true, \
          .allow_null = true, \
          .allow_empty = true }, \
                ENCODING, { "NoNewline", .type = "switch" }, { "AsByteStream", .type = "switch" }, \
                { "Force", .type = "switch" }, { "PassThru", .type = "switch" }, \
        { \
                0 \
        }
static const struct sh_cmdlet set_content = {
        .name = "Set-Content",
        .synopsis = "Writes a text file.",
        .state_size = sizeof(struct writing),
        .process = collect,
        .end = write_end,
        .clean = write_clean,
        .should_process = true,
        .default_set = "Path",
        .params = (const struct sh_param[]) { PATHS, VALUES },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content sc-a 1,2; (Get-Content sc-a) -join '+'; Remove-Item sc-a", "1+2", "" },
                        { "Set-Content sc-b x -WhatIf; Test-Path sc-b", NULL, "" },
                        { 0 } },
};
static const struct sh_cmdlet add_content = {
        .name = "Add-Content",
        .alias = (const char *[]) { "ac", NULL },
        .synopsis = "Adds to a text file.",
        .state_size = sizeof(struct writing),
        .process = collect,
        .end = write_end,
        .clean = write_clean,
        .should_process = true,
        .default_set = "Path",
        .params = (const struct sh_param[]) { PATHS, VALUES },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content ac-a 1; Add-Content ac-a 2; (Get-Content ac-a) -join '+'; Remove-Item "
                          "ac-a",
                          "1+2", "" },
                        { "'z' | Add-Content ac-b; Get-Content ac-b; Remove-Item ac-b", "z", "" },
                        { 0 } },
};
static int clear_one(struct sh_cmd *c, const char *path)
{
        bool what = true;
        int st = sh_should_process_as(c, "Item: ", path, "Clear Content", &what);
        if (st == SH_OK && what && truncate(path, 0) != 0)
                st = sh_path_error(c, "ClearContentIOError", errno, path);
        return st;
}
static int clear_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return for_paths(c, true, clear_one);
}
static const struct sh_cmdlet clear_content = {
        .name = "Clear-Content",
        .alias = (const char *[]) { "clc", NULL },
        .synopsis = "Empties a file.",
        .process = clear_process,
        .should_process = true,
        .default_set = "Path",
        .params = (const struct sh_param[]) { PATHS, { "Force", .type = "switch" }, { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content cc-a 1; Clear-Content cc-a; (Get-Item cc-a).Length; Remove-Item cc-a",
                          "0", "" },
                        { "Clear-Content /nowhere -ErrorAction Ignore; $?", "False", "" },
                        { 0 } },
};

SH_CMDLETS(content, &get_content, &set_content, &add_content, &clear_content);
