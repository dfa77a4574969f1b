/* SPDX-License-Identifier: MIT
 *
 * reeve remote: the far end of Invoke-Command -HostName and of sessions. Requests come as lines of JSON on standard
 * input, each a script with its arguments; what it writes goes back as lines as it comes (carry.h). Variables stay
 * from one request to the next. When the other side goes, the script is told to stop.
 *
 *      <- {"Reeve":1,"Version":"0.1.0"}
 *      -> {"Id":1,"Script":"Get-Process","Args":[],"Using":[["name",value]],"Input":[...]}
 *      <- {"Id":1,"Stream":1,"Value":...}      streams as PowerShell numbers them
 *      <- {"Id":1,"Stream":2,"Message":"...","ErrorId":"...","Category":"..."}
 *      <- {"Id":1,"End":true,"Failed":false}
 *
 * A request with "File" instead of "Script" is one of Copy-Item's (filecopy.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/carry.h"
#include "shell/error.h"
#include "shell/filecopy.h"
#include "shell/limits.h"
#include "shell/pack.h"
#include "shell/remote.h"
#include "shell/text.h"

enum { STACK = 256 << 20 };

struct stream {
        struct sh_sink sink;
        int number;
};
static struct {
        int in, out;
        uint64_t id;
        struct stream streams[8];
        bool gone;
        struct sh_formatter *format;
} far = { .in = -1, .out = -1 };

static int send_line(struct rv_buf *b)
{
        rv_buf_put(b, "\n", 1);
        size_t done = 0;
        while (!b->failed && done < b->len && !far.gone) {
                ssize_t n = write(far.out, b->data + done, b->len - done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        far.gone = true;
                else
                        done += (size_t)n;
        }
        rv_buf_free(b);
        return far.gone ? SH_EXIT : SH_OK;
}

static void begin_line(struct rv_buf *b, int stream)
{
        rv_buf_putf(b, "{\"Id\":%llu,\"Stream\":%d", (unsigned long long)far.id, stream);
}

static int send_error(struct sh *sh, struct sv v)
{
        struct rv_buf b = { 0 };
        begin_line(&b, SH_ERR);
        rv_buf_puts(&b, ",\"Message\":");
        struct sv text = sh_to_text(sh, v);
        rv_json_string(&b, text.s->s, text.s->len);
        sh_drop(text);
        if (v.kind == SH_OTHER && v.o->type == &sh_type_error_record) {
                struct sh_error *e = sh_error_of(v);
                rv_buf_puts(&b, ",\"ErrorId\":");
                rv_json_text(&b, e->id ? e->id : "");
                rv_buf_puts(&b, ",\"Category\":");
                rv_json_text(&b, e->category ? e->category : "NotSpecified");
        }
        rv_buf_puts(&b, "}");
        return send_line(&b);
}

/* Write-Host's are told apart: they are shown there. */
static void put_information(struct sh *sh, struct rv_buf *b, struct sv v)
{
        struct sv message = v, tags, source;
        bool host = false, no_newline = false;
        enum sh_stream stream;
        if (!sh_is_stream_record(v, &stream) ||
            !sh_text_record_parts(v, &message, &tags, &source, &host, &no_newline))
                message = v;
        struct sv text = sh_to_text(sh, message);
        rv_json_string(b, text.s->s, text.s->len);
        sh_drop(text);
        rv_buf_puts(b, host ? ",\"Host\":true" : "");
        rv_buf_puts(b, no_newline ? ",\"NoNewline\":true" : "");
}

static int send_value(struct sh *sh, int stream, struct sv v)
{
        struct rv_buf b = { 0 };
        begin_line(&b, stream);
        rv_buf_puts(&b, ",\"Value\":");
        if (stream == SH_OUT) {
                sh_carry_put(sh, &b, v);
        } else if (stream == SH_INFO) {
                put_information(sh, &b, v);
        } else { /* a record of a stream is its text */
                struct sv text = sh_to_text(sh, v);
                rv_json_string(&b, text.s->s, text.s->len);
                sh_drop(text);
        }
        rv_buf_puts(&b, "}");
        return send_line(&b);
}

static void format_line(void *state, const char *s, size_t n)
{
        struct sv line = sh_string(s, n);
        send_value(state, SH_OUT, line);
        sh_drop(line);
}

static void end_format(void)
{
        struct sh_formatter *f = far.format;
        far.format = NULL;
        if (f)
                sh_format_end(f);
}

/* What Format-Table and its kin wrote becomes text here. */
static bool is_format(struct sv v)
{
        static const char prefix[] = "Microsoft.PowerShell.Commands.Internal.Format.";
        return v.kind == SH_OTHER && !strncmp(v.o->type->name, prefix, sizeof prefix - 1);
}

static int stream_write(struct sh_sink *s, struct sh *sh, struct sv v)
{
        int number = ((struct stream *)s)->number;
        if (v.kind == SH_VOID)
                return SH_OK;
        if (far.gone)
                return SH_EXIT;
        if (is_format(v)) {
                if (!far.format)
                        far.format = sh_format_new(sh, format_line, sh, 120, false);
                return sh_format_write(far.format, v);
        }
        end_format();
        return number == SH_ERR ? send_error(sh, v) : send_value(sh, number, v);
}

static void use_streams(struct sh *sh)
{
        for (int i = 1; i < 8; i++) {
                far.streams[i] = (struct stream) { { stream_write, NULL }, i };
                sh->no_sinks[i] = i == SH_OUT || i == SH_PROGRESS ? NULL : &far.streams[i].sink;
        }
        sh->sinks = sh->no_sinks;
        sh->host = far.streams[SH_OUT].sink;
        sh->host_format = NULL;
        sh->interactive = false;
}

static struct sv member(struct sh *sh, struct rv_json request, const char *name)
{
        struct rv_json v;
        return rv_json_find(request, name, &v) ? sh_carry_get(sh, v) : SH_NIL;
}

/* The values of $using: in a scope that only they see. */
static void take_using(struct sh *sh, struct rv_json request)
{
        struct rv_json list, pair, name, value;
        struct layout *names = sh_layout_new();
        struct scope *old = sh->scope, *scope = sh_scope_new(sh, NULL, names);
        sh_layout_drop(names);
        if (rv_json_find(request, "Using", &list)) {
                sh->scope = scope;
                while (rv_json_next(&list, NULL, &pair))
                        if (rv_json_next(&pair, NULL, &name) && rv_json_next(&pair, NULL, &value)) {
                                char *text = rv_json_strdup(&name);
                                struct sv v = sh_carry_get(sh, value);
                                if (text)
                                        *sh_scope_slot(scope, sh_intern(sh, text, strlen(text)), true) = v;
                                free(text);
                        }
                sh->scope = old;
        }
        sh->using_scope = scope;
}

static int run_request(struct sh *sh, struct rv_json request)
{
        struct sv script = member(sh, request, "Script"), args = member(sh, request, "Args"),
                  input = member(sh, request, "Input"), block = SH_NIL, item;
        struct argvec v = { 0 };
        size_t pos = 0;
        int st = script.kind == SH_STRING ? sh_block_parse(sh, script.s->s, script.s->len, &block) : SH_OK;
        if (st == SH_OK && block.kind == SH_BLOCK) {
                take_using(sh, request);
                for (; args.kind == SH_ARRAY && sh_next(args, &pos, &item); sh_drop(item))
                        sh_argvec_value(&v, item, false);
                st = sh_block_invoke(sh, block, &v, true, input.kind == SH_ARRAY ? &input : NULL,
                                     &far.streams[SH_OUT].sink);
                sh_argvec_free(&v);
        }
        end_format();
        sh_drop(script);
        sh_drop(args);
        sh_drop(input);
        sh_drop(block);
        return st;
}

static void answer(struct sh *sh, char *line, size_t n)
{
        struct rv_json j = rv_json_at(line, n), request, id, file;
        bool negative, failed;
        if (!rv_json_take(&j, &request) || !rv_json_find(request, "Id", &id) ||
            !rv_json_integer(&id, &far.id, &negative))
                return;
        sh_interrupt = 0;
        if (rv_json_find(request, "File", &file)) {
                failed = sh_file_answer(sh, request, far.id, send_line) != SH_OK;
        } else if ((failed = run_request(sh, request) == SH_ERROR)) {
                struct sv e = sh_error_take(sh);
                send_error(sh, e);
                sh_drop(e);
        }
        struct rv_buf b = { 0 };
        rv_buf_putf(&b, "{\"Id\":%llu,\"End\":true,\"Failed\":%s}", (unsigned long long)far.id,
                    failed ? "true" : "false");
        send_line(&b);
}

/* Looks for the end of the other side while a script runs and nobody reads. */
static void *watch(void *state)
{
        (void)state;
        struct pollfd p = { .fd = far.in, .events = 0 };
        while (poll(&p, 1, -1) < 0 && errno == EINTR)
                ;
        far.gone = true;
        sh_interrupt = 1;
        sleep(3);
        kill(0, SIGTERM);
        _exit(1);
}

static void *serve(void *state)
{
        (void)state;
        struct sh *sh = sh_new();
        char *line = NULL;
        size_t cap = 0;
        FILE *in = fdopen(far.in, "r");
        pthread_t t;
        use_streams(sh);
        struct rv_buf hello = { 0 };
        rv_buf_puts(&hello, "{\"Reeve\":1,\"Version\":\"" REEVE_VERSION "\"}");
        send_line(&hello);
        if (pthread_create(&t, NULL, watch, NULL) == 0)
                pthread_detach(t);
        for (ssize_t n; in && !far.gone && (n = getline(&line, &cap, in)) > 0;)
                answer(sh, line, (size_t)n);
        free(line);
        sh_file_over();
        sh->exiting = true;
        sh_free(sh);
        return NULL;
}

int sh_remote_main(int argc, char **argv)
{
        (void)argv;
        if (argc > 1) {
                fputs("usage: reeve remote     runs what another host's Invoke-Command sends; not for "
                      "people\n",
                      stderr);
                return 2;
        }
        int limited = sh_limits_begin(); /* before any thread: the scripts keep to what the user's role allows */
        if (limited)
                return limited;
        setpgid(0, 0);
        signal(SIGPIPE, SIG_IGN);
        far.in = fcntl(0, F_DUPFD_CLOEXEC, 3);
        far.out = fcntl(1, F_DUPFD_CLOEXEC, 3);
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (far.in < 0 || far.out < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
                return 1;
        pthread_attr_t a;
        pthread_t t;
        pthread_attr_init(&a);
        pthread_attr_setstacksize(&a, STACK);
        int err = pthread_create(&t, &a, serve, NULL);
        pthread_attr_destroy(&a);
        if (err)
                serve(NULL);
        else
                pthread_join(t, NULL);
        return 0;
}
