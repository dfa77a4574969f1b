/* SPDX-License-Identifier: MIT
 *
 * A session: made, freed, bounded; text and files run in it; what it writes when nobody captures it.
 *
 * Output that nobody captured goes through one formatter to the standard output. The output is buffered for at most a
 * millisecond of writing: whoever then waits (sleep, a program, the agent) calls sh_host_flush() first.
 */
#include "shell/transcript.h"
#include "shell/model.h"
#include "shell/types.h"
#include "shell/error.h"
#include "shell/eval.h"
#include "shell/parse.h"
#include "shell/past.h"
#include "shell/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

volatile int sh_interrupt;

enum { DEPTH_LIMIT = 20000, STACK_RESERVE = 192 * 1024, OUTPUT_ROOM = 32 * 1024 };

/* ---- output ---- */
static struct {
        char p[OUTPUT_ROOM];
        size_t n;
        int64_t flushed; /* monotonic ns */
} output;

static void write_all(int fd, const char *p, size_t n)
{
        while (n > 0) {
                ssize_t w = write(fd, p, n);
                if (w < 0 && errno == EINTR)
                        continue;
                if (w < 0) {
                        if (errno == EPIPE)
                                sh_interrupt = 2; /* nobody reads any more */
                        return;
                }
                p += w;
                n -= (size_t)w;
        }
}

static int64_t now_ns(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void sh_host_flush(struct sh *sh)
{
        (void)sh;
        size_t n = output.n;
        output.n = 0;
        if (n)
                write_all(1, output.p, n);
        output.flushed = now_ns();
}

void sh_host_write(struct sh *sh, const char *s, size_t n)
{
        if (sh_transcripts)
                sh_transcript_put(s, n);
        if (n > sizeof output.p - output.n) {
                sh_host_flush(sh);
                if (n > sizeof output.p) {
                        write_all(1, s, n);
                        return;
                }
        }
        memcpy(output.p + output.n, s, n);
        output.n += n;
        if (now_ns() - output.flushed > 1000000)
                sh_host_flush(sh);
}

void sh_host_error(struct sh *sh, const char *s, size_t n)
{
        sh_host_flush(sh);
        if (sh_transcripts)
                sh_transcript_put(s, n);
        write_all(2, s, n);
}

static void host_line(void *state, const char *s, size_t n)
{
        sh_host_write(state, s, n);
        sh_host_write(state, "\n", 1);
}

bool sh_colourful(int fd)
{
        const char *term = getenv("TERM");
        return isatty(fd) && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;
}

static int host_json(struct sh *sh, struct sv v)
{
        struct sv args[] = { sh_text("-InputObject"), sh_keep(v), sh_text("-Compress"), sh_text("-Depth"),
                             sh_int(20) };
        struct collect c;
        sh_collect_begin(&c);
        int st = sh_run_command(sh, "ConvertTo-Json", (struct sh_args) { 5, args }, &c.sink);
        for (int i = 0; i < 5; i++)
                sh_drop(args[i]);
        struct sv text = sh_collect_end(&c);
        if (st == SH_OK && text.kind == SH_STRING)
                host_line(sh, text.s->s, text.s->len);
        sh_drop(text);
        return st;
}

static int host_value(struct sh_sink *s, struct sh *sh, struct sv v)
{
        (void)s;
        if (v.kind == SH_VOID)
                return SH_OK;
        if (sh->json_output)
                return host_json(sh, v);
        if (v.kind == SH_STRING && !sh->host_format) {
                host_line(sh, v.s->s, v.s->len);
                return SH_OK;
        }
        if (sh_host_record(sh, v))
                return SH_OK;
        if (!sh->host_format)
                sh->host_format = sh_format_new(sh, host_line, sh, sh_width(sh), sh_colourful(1));
        return sh_format_write(sh->host_format, v);
}

void sh_flush(struct sh *sh)
{
        struct sh_formatter *f = sh->host_format;
        sh->host_format = NULL;
        if (f)
                sh_format_end(f);
        sh_host_flush(sh);
}

int sh_width(struct sh *sh)
{
        struct winsize w;
        if (sh->width > 0)
                return sh->width;
        return isatty(1) && ioctl(1, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 120;
}

bool sh_is_interactive(struct sh *sh)
{
        return sh->interactive;
}

/* ---- bounds ---- */
static size_t resident(void)
{
        char text[128];
        int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        ssize_t n = read(fd, text, sizeof text - 1);
        close(fd);
        if (n <= 0)
                return 0;
        text[n] = 0;
        const char *second = strchr(text, ' ');
        return second ? strtoull(second, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

/* SH_EXIT unwinds everything and runs every finally on the way; the prompt sees `interrupted` and goes on. */
int sh_check(struct sh *sh)
{
        if (sh_interrupt) {
                sh->exit_code = sh_interrupt == 2 ? 1 : 130;
                sh_interrupt = 0;
                sh->interrupted = true;
                return SH_EXIT;
        }
        if (sh->memory_limit && (++sh->checks & 15) == 0 && resident() > sh->memory_limit)
                return sh_throw_as(sh, "System.OutOfMemoryException", "MemoryLimitReached",
                                   "ResourceUnavailable", SH_NIL,
                                   "The session uses more memory than its limit of %zu MiB.",
                                   sh->memory_limit >> 20);
        return SH_OK;
}

int sh_enter_call(struct sh *sh)
{
        if (sh->depth >= DEPTH_LIMIT || (char *)__builtin_frame_address(0) < sh->stack_low)
                return sh_throw_as(sh, "System.Management.Automation.ScriptCallDepthException",
                                   "CallDepthOverflow", "InvalidOperation", SH_NIL,
                                   "The script failed due to call depth overflow.");
        sh->depth++;
        return SH_OK;
}

static char *lowest_stack(void)
{
        pthread_attr_t a;
        void *low;
        size_t n;
        if (pthread_getattr_np(pthread_self(), &a) != 0)
                return NULL;
        bool known = pthread_attr_getstack(&a, &low, &n) == 0;
        pthread_attr_destroy(&a);
        return known && n > 2 * STACK_RESERVE ? (char *)low + STACK_RESERVE : NULL;
}

static size_t default_memory_limit(void)
{
        long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
        const char *set = getenv("REEVE_MEMORY_LIMIT"); /* MiB; 0 = none */
        if (set && *set)
                return strtoull(set, NULL, 10) << 20;
        return pages > 0 && size > 0 ? (size_t)pages / 4 * 3 * (size_t)size : 0;
}

/* ---- made and freed ---- */
struct sh *sh_new(void)
{
        struct sh *sh = calloc(1, sizeof *sh);
        if (!sh)
                abort();
        struct layout *names = sh_layout_new();
        sh_intern(sh, "args", 4); /* the fixed names get their numbers first */
        sh->ok = true;
        sh->under = sh->error = sh->caught = sh->errors = sh->last_match = sh->transcript =
                sh->default_parameters = SH_NIL;
        sh->global = sh->scope = sh_scope_new(sh, NULL, names);
        sh_layout_drop(names);
        sh->global->script = sh->global;
        sh->top = (struct frame) { .scope = sh->global,
                                   .args = SH_UNSET,
                                   .bound = SH_UNSET,
                                   .input = SH_UNSET,
                                   .this_ = SH_NIL,
                                   .pipe_len = 1,
                                   .pipe_pos = 1 };
        sh->global->frame = &sh->top;
        sh->frame = &sh->top;
        sh->sinks = sh->no_sinks;
        sh->host.write = host_value;
        sh->stack_low = lowest_stack();
        sh->memory_limit = default_memory_limit();
        sh->next_job = 1;
        sh->epoch = 1;
        sh->errors = sh_list_new(NULL);
        sh->errors.o->type = &sh_type_arraylist;
        return sh;
}

static void free_frame_values(struct frame *f)
{
        struct sv *v[] = { &f->args, &f->bound, &f->input, &f->this_ };
        for (size_t i = 0; i < sizeof v / sizeof *v; i++)
                if (v[i]->kind != SH_K_UNSET) {
                        sh_drop(*v[i]);
                        *v[i] = SH_UNSET;
                }
}

void sh_free(struct sh *sh)
{
        sh_flush(sh);
        sh_jobs_free(sh);
        sh_past_free(sh);
        sh_modules_free(sh);
        struct sv *v[] = { &sh->under,
                           &sh->error,
                           &sh->caught,
                           &sh->errors,
                           &sh->last_match,
                           &sh->transcript,
                           &sh->default_parameters };
        for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
                sh_drop(*v[i]);
                *v[i] = SH_NIL;
        }
        free_frame_values(&sh->top);
        sh_table_free(&sh->commands);
        sh_scope_drop(sh->global);
        sh_modules_end(sh);
        sh_model_free(sh);
        sh_ets_free(sh);
        sh_classes_free(sh);
        for (uint32_t i = 1; i < sh->nnames; i++)
                free(sh->names[i].s);
        free(sh->names);
        free(sh->name_table);
        free(sh->builtins);
        free(sh->builtin_names.ids);
        free(sh->builtin_names.table);
        free(sh);
}

/* ---- parse errors ---- */
static void parse_message(struct parser *p, struct sh_buf *b)
{
        for (uint32_t i = 0; i < p->nerrors; i++) {
                sh_buf_puts(b, i ? "\n\n" : "");
                sh_position_message(p->u, p->errors[i].at, p->errors[i].end, b);
                sh_buf_putf(b, "\n%s", p->errors[i].message);
        }
        if (p->nerrors == PARSE_ERRORS_MAX)
                sh_buf_puts(b, "\n\n" SH_MORE_PARSE_ERRORS);
}

int sh_parse_throw(struct sh *sh, struct parser *p)
{
        struct sh_buf b = { 0 };
        static const struct parse_error unknown = { 0, 1, "ParseError", "The text cannot be read." };
        const struct parse_error *first = p->nerrors ? &p->errors[0] : &unknown;
        parse_message(p, &b);
        struct sv r = sh_error_new(sh,
                                   p->incomplete && sh->stdin_is_code
                                           ? "System.Management.Automation.IncompleteParseException"
                                           : "System.Management.Automation.ParseException",
                                   first->id, "ParserError", SH_NIL, b.p ? b.p : first->message,
                                   b.p ? b.n : strlen(first->message));
        struct sh_error *e = sh_error_of(r);
        struct node at = { .u = p->u, .at = first->at, .end = first->end };
        sh_error_place(sh, e, &at);
        e->reason = strdup("ParentContainsErrorRecordException");
        if (p->nerrors > 1) {
                struct parse_error *all = p_get(p, sizeof p->errors);
                memcpy(all, p->errors, sizeof p->errors);
                e->parse_errors = all;
                e->nparse_errors = p->nerrors;
                e->parsed = p->u;
                e->parsed->refs++;
        }
        sh_error_set(sh, r);
        sh_drop(r);
        sh_buf_free(&b);
        return SH_ERROR;
}

static struct unit *parse_or_throw(struct sh *sh, const char *text, size_t n, const char *file,
                                   struct layout *layout, bool *ret_incomplete)
{
        struct parser p = { 0 };
        struct unit *u = sh_parse(&p, sh, text, n, file, layout);
        if (u)
                return u;
        if (ret_incomplete && p.incomplete)
                *ret_incomplete = true;
        else
                sh_parse_throw(sh, &p);
        sh_unit_drop(p.u);
        return NULL;
}

int sh_block_parse(struct sh *sh, const char *text, size_t n, struct sv *ret)
{
        struct unit *u = parse_or_throw(sh, text, n, NULL, NULL, NULL);
        if (!u)
                return SH_ERROR;
        int st = sh_unit_begin(sh, u);
        if (st == SH_OK)
                *ret = sh_block_new(sh, u->top);
        sh_unit_drop(u);
        return st;
}

/* ---- running text ---- */
static int run_parts(struct sh *sh, struct block *b, struct sh_sink *out)
{
        static const int order[] = { BL_BEGIN, BL_PROCESS, BL_END };
        int st = SH_OK;
        for (size_t i = 0; i < 3 && st == SH_OK; i++)
                if (b->part[order[i]])
                        st = b->part[order[i]]->run(sh, b->part[order[i]], out);
        if (b->part[BL_CLEAN]) {
                struct sv pending = sh_error_take(sh);
                int cst = b->part[BL_CLEAN]->run(sh, b->part[BL_CLEAN], out);
                if (cst == SH_ERROR)
                        sh_error_report(sh);
                sh_error_set(sh, pending);
                sh_drop(pending);
        }
        return st == SH_RETURN ? SH_OK : st;
}

/* In the scope and with the arguments that are there now; the frame only tells where. */
static int run_unit_here(struct sh *sh, struct unit *u, struct sh_sink *out)
{
        struct frame *outer = sh->frame, f = *outer;
        f.prev = outer;
        f.block = u->top;
        f.file = u->file;
        f.name = NULL;
        f.at = NULL;
        f.call = outer->at;
        int st = sh_enter_call(sh);
        if (st != SH_OK)
                return st;
        sh->frame = &f;
        struct frame *of_scope = sh->scope->frame;
        if (of_scope == outer)
                sh->scope->frame = &f;
        st = run_parts(sh, u->top, out);
        sh->scope->frame = of_scope;
        outer->args = f.args, outer->bound = f.bound, outer->input = f.input;
        sh->frame = outer;
        sh->depth--;
        return st;
}

int sh_text_status(struct sh *sh, const char *name, const char *text, size_t n, struct sh_sink *out,
                   bool *ret_incomplete)
{
        (void)name;
        if (ret_incomplete)
                *ret_incomplete = false;
        struct unit *u = parse_or_throw(sh, text, n, NULL, sh->scope->layout, ret_incomplete);
        if (!u)
                return ret_incomplete && *ret_incomplete ? SH_NONE : SH_ERROR;
        int st = sh_unit_begin(sh, u);
        if (st != SH_OK) {
                sh_unit_drop(u);
                return st;
        }
        if (u->top->nparams) {
                struct sv b = sh_block_new(sh, u->top);
                struct argvec none = { 0 };
                st = sh_block_invoke(sh, b, &none, true, NULL, out);
                sh_drop(b);
        } else {
                st = run_unit_here(sh, u, out);
        }
        sh_unit_drop(u);
        return st;
}

int sh_run_text(struct sh *sh, const char *name, const char *text, size_t n, struct sh_sink *out)
{
        return sh_text_status(sh, name, text, n, out, NULL);
}

/* ---- running files ---- */
static char *read_all(int fd, size_t *ret_n)
{
        size_t cap = 16384, n = 0;
        char *p = malloc(cap);
        while (p) {
                if (cap - n < 8192) {
                        char *more = realloc(p, cap *= 2);
                        if (!more)
                                abort();
                        p = more;
                }
                ssize_t r = read(fd, p + n, cap - n - 1);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0) {
                        int e = errno;
                        free(p);
                        errno = e;
                        return NULL;
                }
                if (r == 0) {
                        p[n] = 0;
                        *ret_n = n;
                        return p;
                }
                n += (size_t)r;
        }
        abort();
}

char *sh_read_file(struct sh *sh, const char *path, size_t *ret_n)
{
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : dup(0);
        char *text = fd < 0 ? NULL : read_all(fd, ret_n);
        if (!text)
                sh_throw_about(sh, "System.IO.IOException", "FileReadFailure", "ReadError", path,
                               "The file '%s' cannot be read: %s.", path ? path : "(standard input)",
                               strerror(errno));
        if (fd >= 0)
                close(fd);
        return text;
}

/* UTF-16 with a byte order mark, as Windows editors leave it. */
static char *from_utf16(char *text, size_t *n)
{
        const unsigned char *s = (const unsigned char *)text;
        if (*n < 2 || !((s[0] == 0xFF && s[1] == 0xFE) || (s[0] == 0xFE && s[1] == 0xFF)))
                return text;
        bool big = s[0] == 0xFE;
        struct sh_buf b = { 0 };
        for (size_t i = 2; i + 1 < *n; i += 2) {
                uint32_t c = big ? (uint32_t)s[i] << 8 | s[i + 1] : (uint32_t)s[i + 1] << 8 | s[i];
                if (c >= 0xD800 && c < 0xDC00 && i + 3 < *n) {
                        uint32_t d =
                                big ? (uint32_t)s[i + 2] << 8 | s[i + 3] : (uint32_t)s[i + 3] << 8 | s[i + 2];
                        c = 0x10000 + ((c - 0xD800) << 10) + (d - 0xDC00);
                        i += 2;
                }
                sh_buf_cp(&b, c);
        }
        free(text);
        *n = b.n;
        return b.p ? b.p : strdup("");
}

int sh_script_parse(struct sh *sh, const char *path, struct sv *ret)
{
        size_t n;
        char *text = sh_read_file(sh, path, &n), *full = path ? realpath(path, NULL) : NULL;
        if (!text) {
                free(full);
                return SH_ERROR;
        }
        text = from_utf16(text, &n);
        struct unit *u = parse_or_throw(sh, text, n, full ? full : path, NULL, NULL);
        free(text);
        free(full);
        if (!u)
                return SH_ERROR;
        *ret = sh_block_new(sh, u->top);
        sh_unit_drop(u);
        return SH_OK;
}

int sh_script_block(struct sh *sh, const char *path, struct sv *ret)
{
        int st = sh_script_parse(sh, path, ret);
        if (st == SH_OK && (st = sh_unit_begin(sh, sh_block_of(*ret)->ast->u)) != SH_OK)
                sh_drop(*ret);
        return st;
}

/* Words as a command line has them: "-Name" and "-Name:value" are parameters. */
void sh_words_to_args(struct sh_args words, struct argvec *ret)
{
        for (uint32_t i = 0; i < words.n; i++) {
                struct sv v = words.v[i];
                struct argval a = { .value = SH_UNSET };
                const char *s = v.kind == SH_STRING ? v.s->s : "";
                if (s[0] == '-' && (s[1] == '_' || (s[1] | 32) >= 'a') && (s[1] | 32) <= 'z') {
                        const char *colon = strchr(s, ':');
                        a.name = s + 1;
                        a.nname = (uint32_t)(colon ? (size_t)(colon - s - 1) : strlen(s) - 1);
                        if (colon) {
                                a.colon = true;
                                a.value = !strcasecmp(colon + 1, "$true")    ? sh_bool(true)
                                          : !strcasecmp(colon + 1, "$false") ? sh_bool(false)
                                          : !strcasecmp(colon + 1, "$null")  ? SH_NIL
                                                                             : sh_text(colon + 1);
                        }
                } else {
                        a.value = sh_keep(v);
                }
                sh_argvec_add(ret, a);
        }
}

int sh_run_script(struct sh *sh, const char *path, struct sh_args words, bool dot_source, struct sh_sink *out)
{
        struct sv b;
        struct argvec args = { 0 };
        int st = sh_script_block(sh, path, &b);
        if (st != SH_OK)
                return st;
        const char *file = sh_block_of(b)->ast->u->file, *slash = file ? strrchr(file, '/') : NULL;
        const char *name = slash ? slash + 1 : file ? file : "";
        struct sh_target *t = sh_target_new(CT_SCRIPT, name, strlen(name));
        t->definition = strdup(file ? file : "");
        t->block = b;
        sh_words_to_args(words, &args);
        st = sh_invoke(sh, t, &args, dot_source, NULL, out);
        sh_argvec_free(&args);
        sh_drop(sh_target_value(t));
        return st;
}

/* `exit` ends the file, not the session that runs it. */
int sh_run_file(struct sh *sh, const char *path, struct sh_args words, bool dot_source, struct sh_sink *out)
{
        int st = sh_run_script(sh, path, words, dot_source, out);
        if (st == SH_EXIT && !sh->interrupted && !sh->exiting) {
                sh_var_write(sh, ID_LASTEXIT, VS_GLOBAL, sh_int(sh->exit_code));
                sh->ok = sh->exit_code == 0;
                st = SH_OK;
        }
        return st;
}

/* ---- where we are ---- */
struct sv sh_pwd(struct sh *sh)
{
        char path[4096];
        const char *pwd = getenv("PWD");
        struct stat a, b;
        (void)sh;
        if (pwd && *pwd == '/' && stat(pwd, &a) == 0 && stat(".", &b) == 0 && a.st_ino == b.st_ino &&
            a.st_dev == b.st_dev && !strstr(pwd, "/."))
                return sh_text(pwd);
        return sh_text(getcwd(path, sizeof path) ? path : "/");
}
