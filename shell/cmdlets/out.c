/* SPDX-License-Identifier: MIT
 *
 * Where formatted output goes: the host, nowhere, a string, a file, a file or variable on the way.
 */
#include "shell/code.h"
#include "shell/files.h"
#include "shell/format.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- Out-Host, Out-Default ---- */
struct host {
        struct sh_formatter *f;
        struct sh *sh;
};

static void host_line(void *state, const char *s, size_t n)
{
        struct host *h = state;
        sh_host_write(h->sh, s, n);
        sh_host_write(h->sh, "\n", 1);
}

static int host_begin(struct sh_cmd *c)
{
        struct host *h = sh_state(c);
        h->sh = sh_session(c);
        bool tty = isatty(STDOUT_FILENO), plain = getenv("NO_COLOR") && *getenv("NO_COLOR");
        const char *term = getenv("TERM");
        h->f = sh_format_new(h->sh, host_line, h, sh_width(h->sh),
                             tty && !plain && term && strcmp(term, "dumb") != 0);
        sh_format_terminal(h->f, tty);
        return SH_OK;
}

static int host_process(struct sh_cmd *c, struct sv input)
{
        struct host *h = sh_state(c);
        input = sh_input(c, input);
        return input.kind == SH_VOID ? SH_OK : sh_format_write(h->f, input);
}

static int host_end(struct sh_cmd *c)
{
        struct host *h = sh_state(c);
        struct sh_formatter *f = h->f;
        h->f = NULL;
        return f ? sh_format_end(f) : SH_OK;
}

static void host_clean(struct sh_cmd *c)
{
        struct host *h = sh_state(c);
        if (h->f)
                sh_format_end(h->f);
        h->f = NULL;
}

/* ---- Out-String ---- */
struct text {
        struct sh_formatter *f;
        struct sh_cmd *c;
        struct sh_buf b;
        bool stream, no_newline;
        int status;
};

static void text_line(void *state, const char *s, size_t n)
{
        struct text *t = state;
        if (t->stream) {
                struct sv v = sh_string(s, n);
                if (t->status == SH_OK)
                        t->status = sh_emit(t->c, v);
                sh_drop(v);
                return;
        }
        sh_buf_put(&t->b, s, n);
        if (!t->no_newline)
                sh_buf_put(&t->b, "\n", 1);
}

static int text_begin(struct sh_cmd *c)
{
        struct text *t = sh_state(c);
        t->c = c;
        t->stream = sh_switch(c, "Stream");
        t->no_newline = sh_switch(c, "NoNewline");
        t->f = sh_format_new(sh_session(c), text_line, t, (int)sh_arg_int(c, "Width", sh_width(sh_session(c))), false);
        return SH_OK;
}

static int text_process(struct sh_cmd *c, struct sv input)
{
        struct text *t = sh_state(c);
        input = sh_input(c, input);
        if (input.kind == SH_VOID)
                return SH_OK;
        int r = sh_format_write(t->f, input);
        return r ? r : t->status;
}

static int text_end(struct sh_cmd *c)
{
        struct text *t = sh_state(c);
        struct sh_formatter *f = t->f;
        t->f = NULL;
        int r = f ? sh_format_end(f) : SH_OK;
        if (r || t->stream)
                return r ? r : t->status;
        struct sv v = sh_buf_take(&t->b);
        r = sh_emit(c, v);
        sh_drop(v);
        return r;
}

static void text_clean(struct sh_cmd *c)
{
        struct text *t = sh_state(c);
        t->stream = false;
        if (t->f)
                sh_format_end(t->f);
        t->f = NULL;
        sh_buf_free(&t->b);
}

/* ---- Out-File ---- */
struct file {
        struct sh_formatter *f;
        struct sh_text_file *out;
        struct sh_cmd *c;
        bool no_newline;
        int status;
        struct sv list; /* Tee-Object -Variable */
        bool variable;
};

static void file_line(void *state, const char *s, size_t n)
{
        struct file *f = state;
        if (f->status == SH_OK)
                f->status = sh_text_write(f->c, f->out, s, n);
        if (f->status == SH_OK && !f->no_newline)
                f->status = sh_text_write(f->c, f->out, "\n", 1);
}

static int file_open(struct sh_cmd *c)
{
        struct file *f = sh_state(c);
        struct sh *sh = sh_session(c);
        struct sh_open o = { .append = sh_switch(c, "Append"), .no_clobber = sh_switch(c, "NoClobber"),
                             .force = sh_switch(c, "Force") };
        bool literal = sh_bound(c, "LiteralPath"), go;
        char *path;
        f->c = c;
        f->no_newline = sh_switch(c, "NoNewline");
        int r = sh_encoding_of(c, "Encoding", &o.encoding);
        if (r == SH_OK)
                r = sh_path_single(c, sh_arg_text(c, literal ? "LiteralPath" : "FilePath", ""), literal, &path);
        if (r)
                return r;
        r = sh_should_process(c, path, "Output to File", &go);
        if (r == SH_OK && go)
                r = sh_text_open(c, path, &o, &f->out);
        free(path);
        if (r == SH_OK && f->out)
                f->f = sh_format_new(sh, file_line, f, (int)sh_arg_int(c, "Width", sh_width(sh)), false);
        return r;
}

static int file_process(struct sh_cmd *c, struct sv input)
{
        struct file *f = sh_state(c);
        input = sh_input(c, input);
        if (input.kind == SH_VOID || !f->f)
                return SH_OK;
        int r = sh_format_write(f->f, input);
        return r ? r : f->status;
}

static int file_end(struct sh_cmd *c)
{
        struct file *f = sh_state(c);
        struct sh_formatter *formatter = f->f;
        struct sh_text_file *out = f->out;
        f->f = NULL;
        int r = formatter ? sh_format_end(formatter) : SH_OK;
        if (r == SH_OK)
                r = f->status;
        f->out = NULL;
        int closed = sh_text_close(c, out);
        return r ? r : closed;
}

static void file_clean(struct sh_cmd *c)
{
        struct file *f = sh_state(c);
        if (f->f)
                sh_format_end(f->f);
        if (f->out)
                sh_text_close(c, f->out);
        f->f = NULL;
        f->out = NULL;
        sh_drop(f->list);
        f->list = SH_NIL;
}

/* ---- Tee-Object ---- */
static int tee_begin(struct sh_cmd *c)
{
        struct file *f = sh_state(c);
        struct sv old;
        if (!sh_bound(c, "Variable"))
                return file_open(c);
        f->variable = true;
        f->list = sh_array_new(8);
        if (sh_switch(c, "Append") && sh_var_get(sh_session(c), sh_arg_text(c, "Variable", ""), &old)) {
                struct sv item;
                if (sh_is_enumerable(old))
                        for (size_t pos = 0; sh_next(old, &pos, &item);)
                                sh_array_take(f->list.a, item);
                else if (!sh_is_null(old))
                        sh_array_add(f->list.a, old);
                sh_drop(old);
        }
        return SH_OK;
}

static int tee_process(struct sh_cmd *c, struct sv input)
{
        struct file *f = sh_state(c);
        int r = SH_OK;
        input = sh_input(c, input);
        if (input.kind == SH_VOID)
                return SH_OK;
        if (f->variable)
                sh_array_add(f->list.a, input);
        else
                r = file_process(c, input);
        return r ? r : sh_emit(c, input);
}

static int tee_end(struct sh_cmd *c)
{
        struct file *f = sh_state(c);
        if (!f->variable)
                return file_end(c);
        struct sv v = f->list.a->n == 1 ? f->list.a->v[0] : f->list;
        return sh_var_set(sh_session(c), sh_arg_text(c, "Variable", ""), v);
}

/* ---- Out-Null ---- */
static int null_process(struct sh_cmd *c, struct sv input)
{
        (void)c;
        (void)input;
        return SH_OK;
}

static const struct sh_cmdlet out_default = {
        .name = "Out-Default",
        .synopsis = "Shows objects as the prompt does.",
        .params = (const struct sh_param[]) { { "Transcript", .type = "switch" },
                                              { "InputObject", .from_pipeline = true },
                                              { 0 } },
        .state_size = sizeof(struct host),
        .begin = host_begin,
        .process = host_process,
        .end = host_end,
        .clean = host_clean,
};

static const struct sh_cmdlet out_host = {
        .name = "Out-Host",
        .alias = (const char *[]) { "oh", NULL },
        .synopsis = "Shows objects on the screen.",
        .params = (const struct sh_param[]) { { "Paging", .type = "switch" },
                                              { "InputObject", .from_pipeline = true },
                                              { 0 } },
        .state_size = sizeof(struct host),
        .begin = host_begin,
        .process = host_process,
        .end = host_end,
        .clean = host_clean,
};

static const struct sh_cmdlet out_string = {
        .name = "Out-String",
        .alias = (const char *[]) { "oss", NULL },
        .synopsis = "The text that objects are shown as, as one string or, with -Stream, line by line.",
        .params = (const struct sh_param[]) { { "Stream", .type = "switch", .sets = "StreamFormatting" },
                                              { "Width", .type = "int", .min = 2, .max = INT32_MAX },
                                              { "NoNewline", .type = "switch", .sets = "NoNewLineFormatting" },
                                              { "InputObject", .from_pipeline = true },
                                              { 0 } },
        .default_set = "NoNewLineFormatting",
        .state_size = sizeof(struct text),
        .begin = text_begin,
        .process = text_process,
        .end = text_end,
        .clean = text_clean,
        .examples = (const struct sh_example[]) {
                { "(1,2 | Out-String -Stream).Count", "2", "Lines." },
                { "([pscustomobject]@{ a = 1 } | Out-String).Trim()", "a\n-\n1", "What would be shown." },
                { 0 } },
};

static const struct sh_cmdlet out_file = {
        .name = "Out-File",
        .synopsis = "Writes the text that objects are shown as to a file.",
        .should_process = true,
        .params = (const struct sh_param[]) {
                { "FilePath", .type = "string", .alias = "Path", .sets = "ByPath", .position = 1, .mandatory = true,
                  .complete = "path" },
                { "LiteralPath", .type = "string", .alias = "PSPath,LP", .sets = "ByLiteralPath", .mandatory = true,
                  .from_property = true, .complete = "path" },
                { "Encoding", .position = 2, .help = "utf8 (the default), utf8BOM, unicode, ascii, ..." },
                { "Append", .type = "switch" },
                { "Force", .type = "switch" },
                { "NoClobber", .type = "switch", .alias = "NoOverwrite", .help = "Does not overwrite a file." },
                { "Width", .type = "int", .min = 2, .max = INT32_MAX },
                { "NoNewline", .type = "switch" },
                { "InputObject", .from_pipeline = true },
                { 0 } },
        .default_set = "ByPath",
        .state_size = sizeof(struct file),
        .begin = file_open,
        .process = file_process,
        .end = file_end,
        .clean = file_clean,
};

static const struct sh_cmdlet tee_object = {
        .name = "Tee-Object",
        .synopsis = "Passes objects on and keeps them in a file or a variable as well.",
        .params = (const struct sh_param[]) {
                { "FilePath", .type = "string", .alias = "Path", .sets = "File", .position = 1, .mandatory = true,
                  .complete = "path" },
                { "LiteralPath", .type = "string", .alias = "PSPath,LP", .sets = "LiteralFile", .mandatory = true },
                { "Variable", .type = "string", .sets = "Variable", .mandatory = true, .complete = "variable" },
                { "Append", .type = "switch" },
                { "Encoding", .sets = "File,LiteralFile" },
                { "InputObject", .from_pipeline = true },
                { 0 } },
        .default_set = "File",
        .state_size = sizeof(struct file),
        .begin = tee_begin,
        .process = tee_process,
        .end = tee_end,
        .clean = file_clean,
};

static const struct sh_cmdlet out_null = {
        .name = "Out-Null",
        .synopsis = "Drops objects.",
        .params = (const struct sh_param[]) { { "InputObject", .from_pipeline = true }, { 0 } },
        .process = null_process,
};

SH_CMDLETS(out, &out_default, &out_host, &out_string, &out_file, &tee_object, &out_null);
