/* SPDX-License-Identifier: MIT
 *
 * Invoke-Command, here or on other hosts; New-, Get-, Remove-, Enter-, Exit-PSSession. Every host that was named ends
 * in one outcome; those that did not answer are errors, one each.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "shell/carry.h"
#include "shell/remote.h"
#include "shell/text.h"

enum { MOST_OPTIONS = 32, THROTTLE = 32, CONNECT_SECONDS = 15 };

/* ---- what all of them understand ---- */

#define TARGET_PARAMS(set) \
        { "HostName", \
          .type = "string[]", \
          .sets = set, \
          .mandatory = true, \
          .alias = "ComputerName,Cn", \
          .help = "Hosts: [user@]host[:port], as ssh knows them." }, \
                { "UserName", .type = "string", .sets = set, .help = "User on the hosts." }, \
                { "Port", .type = "int", .sets = set, .help = "Port; as configured for ssh when absent." }, \
                { "KeyFilePath",      .type = "string", \
                  .sets = set,        .alias = "IdentityFilePath", \
                  .complete = "path", .help = "Key file; only it is offered then." }, \
                { "Options", .type = "hashtable", .sets = set, .help = "Options of ssh: @{Name = value}." }, \
        { \
                "ConnectingTimeout", .type = "int", .sets = set, \
                                     .help = "Milliseconds until a host that does not answer counts as " \
                                             "late; 15000 when absent." \
        }

struct target {
        struct sh_target_options o;
        char *more[MOST_OPTIONS + 1];
};

static void read_target(struct sh_cmd *c, struct target *t, uint32_t nhosts)
{
        struct sv options = sh_arg(c, "Options"), key, value;
        *t = (struct target) { 0 };
        t->o = (struct sh_target_options) { .user = sh_arg_text(c, "UserName", NULL),
                                            .key = sh_arg_text(c, "KeyFilePath", NULL),
                                            .port = (int)sh_arg_int(c, "Port", 0),
                                            .may_ask = nhosts == 1 && sh_is_interactive(sh_session(c)) };
        unsigned n = 0;
        for (uint32_t i = 0;
             options.kind == SH_HASH && n < MOST_OPTIONS && sh_hash_at(options.h, i, &key, &value); i++) {
                struct sv k = sh_to_text(sh_session(c), key), v = sh_to_text(sh_session(c), value);
                if (asprintf(&t->more[n], "%s=%s", k.s->s, v.s->s) > 0)
                        n++;
                sh_drop(k);
                sh_drop(v);
        }
        t->o.more = (const char *const *)t->more;
}

static void free_target(struct target *t)
{
        for (unsigned i = 0; t->more[i]; i++)
                free(t->more[i]);
}

static uint32_t names_of(struct sh_cmd *c, const char *param, const char ***ret)
{
        struct sv v = sh_arg(c, param);
        uint32_t n = v.kind == SH_ARRAY ? v.a->n : 0;
        const char **list = calloc(n + 1, sizeof *list);
        if (!list)
                abort();
        for (uint32_t i = 0; i < n; i++)
                list[i] = v.a->v[i].kind == SH_STRING ? v.a->v[i].s->s : "";
        *ret = list;
        return n;
}

/* ---- sessions ---- */

static struct {
        struct sh_host *first;
        int serial;
        pid_t owner; /* a copy of the session (a job) has none of them */
} sessions;

static struct sh_host **all_sessions(void)
{
        if (sessions.owner != getpid()) {
                sessions.first = NULL; /* the original's connections are not for us */
                sessions.owner = getpid();
        }
        return &sessions.first;
}

static struct sh_host **find_session(int id)
{
        struct sh_host **at = all_sessions();
        while (*at && (*at)->id != id)
                at = &(*at)->next;
        return at;
}

static struct sv session_object(const struct sh_host *h)
{
        struct sv o = sh_object_new();
        bool open = h->phase == HOST_READY || h->phase == HOST_RUNNING;
        struct sv name = sh_printf("Runspace%d", h->id), host = sh_text(h->name);
        const struct {
                const char *name;
                struct sv v;
        } notes[] = { { "Id", sh_int(h->id) },
                      { "Name", name },
                      { "Transport", sh_text("SSH") },
                      { "ComputerName", host },
                      { "ComputerType", sh_text("RemoteMachine") },
                      { "State", sh_text(open ? "Opened" : "Broken") },
                      { "ConfigurationName", sh_text("DefaultShell") },
                      { "Availability", sh_text(open ? "Available" : "None") } };
        for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
                sh_object_set(o, notes[i].name, strlen(notes[i].name), notes[i].v);
                sh_drop(notes[i].v);
        }
        sh_object_type(o, "System.Management.Automation.Runspaces.PSSession");
        return o;
}

static int id_of(struct sh_cmd *c, struct sv session)
{
        struct sv id = SH_NIL;
        int64_t n = -1;
        if (sh_get(sh_session(c), session, "Id", 2, &id) != SH_OK || !sh_to_int64(sh_session(c), id, &n))
                n = -1;
        sh_drop(id);
        return (int)n;
}

/* ---- Invoke-Command: here ---- */

struct held {
        struct sv input;
};

static int command_process(struct sh_cmd *c, struct sv input)
{
        struct held *h = sh_state(c);
        if (!sh_expects_input(c) || input.kind == SH_VOID)
                return SH_OK;
        if (h->input.kind == SH_NULL)
                h->input = sh_array_new(8);
        sh_array_add(h->input.a, input);
        return SH_OK;
}

static int invoke_here(struct sh_cmd *c)
{
        struct held *h = sh_state(c);
        struct sv args = sh_arg(c, "ArgumentList"), item;
        struct argvec v = { 0 };
        size_t pos = 0;
        if (!sh_is_null(args) && sh_is_enumerable(args))
                while (sh_next(args, &pos, &item)) {
                        sh_argvec_value(&v, item, false);
                        sh_drop(item);
                }
        else if (!sh_is_null(args))
                sh_argvec_value(&v, args, false);
        int r = sh_block_invoke(sh_session(c), sh_arg(c, "ScriptBlock"), &v, sh_switch(c, "NoNewScope"),
                                h->input.kind == SH_NULL ? NULL : &h->input, &c->emit);
        sh_argvec_free(&v);
        return r;
}

/* ---- Invoke-Command: there ---- */

/* The values that the script takes with $using:, found in its text. */
static int put_using(struct sh_cmd *c, struct rv_buf *b, const char *s, size_t n)
{
        bool some = false;
        rv_buf_puts(b, ",\"Using\":[");
        for (size_t i = 0; i + 7 < n; i++) {
                if ((s[i] != '$' && s[i] != '@') ||
                    strncasecmp(s + i + 1 + (s[i + 1] == '{'), "using:", 6) != 0)
                        continue;
                const char *name = s + i + 7 + (s[i + 1] == '{');
                size_t len = 0;
                while (name + len < s + n && (isalnum((unsigned char)name[len]) || name[len] == '_'))
                        len++;
                struct sv v = SH_NIL, text = sh_string(name, len);
                if (len && !sh_var_get(sh_session(c), text.s->s, &v)) {
                        int st = sh_cmd_throw(c, "UsingVariableIsUndefined", "InvalidOperation", SH_NIL,
                                              "The value of the using variable '$using:%s' cannot be "
                                              "retrieved because it has not "
                                              "been set in the local session.",
                                              text.s->s);
                        sh_drop(text);
                        return st;
                }
                if (len) {
                        rv_buf_puts(b, some ? ",[" : "[");
                        rv_json_string(b, name, len);
                        rv_buf_put(b, ",", 1);
                        sh_carry_put(sh_session(c), b, v);
                        rv_buf_put(b, "]", 1);
                        some = true;
                }
                sh_drop(v);
                sh_drop(text);
        }
        rv_buf_put(b, "]", 1);
        return SH_OK;
}

static int put_script(struct sh_cmd *c, struct rv_buf *b)
{
        const char *path = sh_arg_text(c, "FilePath", NULL);
        if (path) {
                size_t n;
                char *text = sh_read_file(sh_session(c), path, &n);
                if (!text)
                        return SH_ERROR;
                rv_buf_puts(b, ",\"Script\":");
                rv_json_string(b, text, n);
                free(text);
                return SH_OK;
        }
        struct sv block = sh_unwrap(sh_arg(c, "ScriptBlock"));
        const struct block *k = sh_block_of(block)->ast;
        rv_buf_puts(b, ",\"Script\":");
        rv_json_string(b, k->u->text + k->body, k->body_end - k->body);
        return put_using(c, b, k->u->text + k->body, k->body_end - k->body);
}

static int put_request(struct sh_cmd *c, struct rv_buf *b)
{
        struct held *h = sh_state(c);
        struct sv args = sh_arg(c, "ArgumentList");
        int st = put_script(c, b);
        if (!sh_is_null(args)) {
                rv_buf_puts(b, ",\"Args\":");
                sh_carry_put(sh_session(c), b, args);
        }
        if (h->input.kind == SH_ARRAY) {
                rv_buf_puts(b, ",\"Input\":");
                sh_carry_put(sh_session(c), b, h->input);
        }
        return b->failed ? sh_cmd_throw(c, "OutOfMemory", "ResourceUnavailable", SH_NIL,
                                        "The script is too large.")
                         : st;
}

static char *text_of(struct rv_json line, const char *name, const char *otherwise)
{
        struct rv_json v;
        char *t = rv_json_find(line, name, &v) ? rv_json_strdup(&v) : NULL;
        return t ? t : strdup(otherwise);
}

static int give_value(struct sh_cmd *c, const struct sh_host *h, struct rv_json value)
{
        struct sv v = sh_carry_get(sh_session(c), value);
        if (v.kind == SH_NULL) {
                int st = sh_emit(c, v);
                return st;
        }
        if (v.kind != SH_PSOBJECT) { /* a scalar, an array: in a psobject for its PSComputerName */
                struct sv w = sh_wrap(v);
                sh_drop(v);
                v = w;
        }
        struct sv host = sh_text(h->name);
        sh_object_set(v, "PSComputerName", 14, host);
        int st = sh_emit(c, v);
        sh_drop(host);
        sh_drop(v);
        return st;
}

int sh_remote_error(struct sh_cmd *c, const struct sh_host *h, struct rv_json line)
{
        char *message = text_of(line, "Message", "an error"), *id = text_of(line, "ErrorId", "RemoteError"),
             *category = text_of(line, "Category", "NotSpecified");
        struct sv host = sh_text(h->name);
        int st = sh_cmd_error(c, id, category, host, "[%s] %s", h->name, message);
        sh_drop(host);
        free(message);
        free(id);
        free(category);
        return st;
}

static int on_line(struct sh_hosts *all, struct sh_host *h, struct rv_json line)
{
        struct sh_cmd *c = all->state;
        struct rv_json v;
        uint64_t stream = 0;
        bool negative;
        if (!rv_json_find(line, "Stream", &v) || !rv_json_integer(&v, &stream, &negative))
                return SH_OK;
        if (stream == SH_ERR)
                return sh_remote_error(c, h, line);
        if (!rv_json_find(line, "Value", &v))
                return SH_OK;
        if (stream == SH_OUT)
                return give_value(c, h, v);
        char *text = rv_json_strdup(&v);
        struct rv_json flag;
        if (stream == SH_INFO && text && rv_json_find(line, "Host", &flag)) {
                struct sv t = sh_text(text);
                int shown = sh_stream_host(sh_session(c), t, !rv_json_find(line, "NoNewline", &flag), "");
                sh_drop(t);
                free(text);
                return shown;
        }
        int st = text && stream <= SH_PROGRESS
                         ? sh_cmd_stream(c, (enum sh_stream)stream, "[%s] %s", h->name, text)
                         : SH_OK;
        free(text);
        return st;
}

/* One sentence and one id for each way in which a host can fail to answer. */
int sh_remote_tell(struct sh_cmd *c, const struct sh_host *h)
{
        static const struct {
                const char *id, *category, *text;
        } ways[] = { [SH_HOST_REFUSED] = { "HostRefused", "PermissionDenied", "refused the login" },
                     [SH_HOST_UNREACHABLE] = { "HostUnreachable", "ConnectionError", "cannot be reached" },
                     [SH_HOST_LATE] = { "HostLate", "OperationTimeout",
                                        "did not answer in time; the outcome there is unknown" },
                     [SH_HOST_WITHOUT] = { "HostWithoutReeve", "NotInstalled", "has no reeve" },
                     [SH_HOST_LOST] = { "HostLost", "ConnectionError",
                                        "went away in the middle; the outcome there is unknown" } };
        if (h->outcome < SH_HOST_REFUSED)
                return SH_OK;
        char why[300];
        struct sv host = sh_text(h->name);
        sh_host_reason(h, why, sizeof why);
        int st = sh_cmd_error(c, ways[h->outcome].id, ways[h->outcome].category, host, "%s %s%s%s", h->name,
                              ways[h->outcome].text, why[0] ? ": " : ".", why);
        sh_drop(host);
        return st;
}

static int tell_outcomes(struct sh_cmd *c, const struct sh_hosts *all)
{
        unsigned counts[SH_HOST_LOST + 1] = { 0 }, n = 0;
        int st = SH_OK;
        for (const struct sh_host *h = all->first; h; h = h->next, n++) {
                counts[h->outcome]++;
                if (st == SH_OK)
                        st = sh_remote_tell(c, h);
        }
        if (st == SH_OK)
                st = sh_cmd_stream(c, SH_VERBOSE,
                                   "%u hosts: %u answered, %u failed, %u refused, %u unreachable, %u late, "
                                   "%u without reeve, %u lost",
                                   n, counts[SH_HOST_ANSWERED], counts[SH_HOST_FAILED],
                                   counts[SH_HOST_REFUSED], counts[SH_HOST_UNREACHABLE], counts[SH_HOST_LATE],
                                   counts[SH_HOST_WITHOUT], counts[SH_HOST_LOST]);
        return st;
}

static struct sh_host *hosts_named(struct sh_cmd *c, struct target *t)
{
        const char **names;
        uint32_t n = names_of(c, "HostName", &names);
        struct sh_host *first = NULL, **end = &first;
        read_target(c, t, n);
        for (uint32_t i = 0; i < n; i++) {
                *end = sh_host_new(names[i], &t->o);
                end = &(*end)->next;
        }
        free(names);
        return first;
}

int sh_sessions_take(struct sh_cmd *c, const char *param, struct sh_host **ret)
{
        struct sv list = sh_arg(c, param);
        struct sh_host **end = ret;
        for (uint32_t i = 0; i < (list.kind == SH_ARRAY ? list.a->n : 1); i++) {
                struct sv one = list.kind == SH_ARRAY ? list.a->v[i] : list;
                struct sh_host **at = find_session(id_of(c, one)), *h = *at;
                if (!h || h->phase != HOST_READY) {
                        int st =
                                sh_cmd_error(c, "SessionNotOpen", "InvalidArgument", one,
                                             h ? "The session to %s is broken." : "There is no such session.",
                                             h ? h->name : "");
                        if (st != SH_OK)
                                return st;
                        continue;
                }
                *at = h->next;
                h->next = NULL;
                *end = h;
                end = &h->next;
        }
        return SH_OK;
}

void sh_sessions_return(struct sh_host *first)
{
        struct sh_host **end = all_sessions();
        while (*end)
                end = &(*end)->next;
        *end = first;
}

static int invoke_there(struct sh_cmd *c)
{
        struct target t = { 0 };
        struct rv_buf request = { 0 };
        bool by_session = sh_bound(c, "Session");
        struct sh_hosts all = {
                .sh = sh_session(c),
                .throttle = (unsigned)sh_arg_int(c, "ThrottleLimit", THROTTLE),
                .connect_timeout = (double)sh_arg_int(c, "ConnectingTimeout", CONNECT_SECONDS * 1000) / 1000,
                .timeout = (double)sh_arg_int(c, "OperationTimeoutSec", 0),
                .line = on_line,
                .state = c
        };
        int st = put_request(c, &request);
        if (st == SH_OK && by_session)
                st = sh_sessions_take(c, "Session", &all.first);
        else if (st == SH_OK)
                all.first = hosts_named(c, &t);
        if (st == SH_OK)
                st = sh_hosts_run(&all, &t.o, request.data, request.len);
        if (st == SH_OK)
                st = tell_outcomes(c, &all);
        if (by_session)
                sh_sessions_return(all.first);
        for (struct sh_host *h = by_session ? NULL : all.first, *next; h; h = next) {
                next = h->next;
                sh_host_free(h);
        }
        free_target(&t);
        rv_buf_free(&request);
        return st;
}

static int command_end(struct sh_cmd *c)
{
        return sh_bound(c, "HostName") || sh_bound(c, "Session") ? invoke_there(c) : invoke_here(c);
}

static void command_clean(struct sh_cmd *c)
{
        struct held *h = sh_state(c);
        sh_drop(h->input);
        h->input = SH_NIL;
}

#define OTHERS "HostName,FileHost,Session,FileSession"
static const struct sh_cmdlet invoke_command = {
        .name = "Invoke-Command",
        .alias = (const char *[]) { "icm", NULL },
        .synopsis = "Runs a script block, here or on other hosts.",
        .description = "On other hosts it runs in `reeve` there, over SSH as the ssh program is configured. "
                       "Results have PSComputerName and "
                       "come as they arrive. Each host that does not answer is one error that says why: "
                       "HostRefused, HostUnreachable, "
                       "HostLate, HostWithoutReeve, HostLost.",
        .default_set = "Here",
        .state_size = sizeof(struct held),
        .process = command_process,
        .end = command_end,
        .clean = command_clean,
        .params =
                (const struct sh_param[]) {
                        TARGET_PARAMS("HostName,FileHost"),
                        { "Session", .type = "object[]", .sets = "Session,FileSession", .mandatory = true,
                          .help = "Sessions of New-PSSession." },
                        { "ScriptBlock", .type = "scriptblock", .position = 1,
                          .sets = "Here,HostName,Session", .mandatory = true, .alias = "Command",
                          .help = "What to run; $using: takes values along." },
                        { "FilePath", .type = "string", .sets = "FileHost,FileSession", .mandatory = true,
                          .complete = "path", .help = "A script of this host." },
                        { "ArgumentList", .type = "object[]", .alias = "Args", .help = "Its arguments." },
                        { "InputObject", .type = "object", .from_pipeline = true, .help = "Its $input." },
                        { "NoNewScope", .type = "switch", .sets = "Here", .help = "In this scope." },
                        { "ThrottleLimit", .type = "int", .sets = OTHERS, .min = 1, .max = 10000,
                          .help = "Hosts at once; 32 when absent." },
                        { "OperationTimeoutSec", .type = "int", .sets = OTHERS,
                          .help = "Seconds that each host has for its answer; without end when absent." },
                        { "HideComputerName", .type = "switch", .sets = OTHERS,
                          .help = "Accepted; the name is not shown anyway." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Invoke-Command { $args[0] * 2 } -ArgumentList 4", "8", "" },
                        { "Invoke-Command { 'x' }", "x", "" },
                        { "Invoke-Command -HostName web1,web2 { Get-Service nginx }", NULL, "" },
                        { 0 } },
};

/* ---- New-PSSession and its kin ---- */

static int new_session_end(struct sh_cmd *c)
{
        struct target t;
        struct sh_hosts all = {
                .sh = sh_session(c),
                .throttle = (unsigned)sh_arg_int(c, "ThrottleLimit", THROTTLE),
                .connect_timeout = (double)sh_arg_int(c, "ConnectingTimeout", CONNECT_SECONDS * 1000) / 1000,
                .state = c
        };
        all_sessions();
        all.first = hosts_named(c, &t);
        for (struct sh_host *h = all.first; h; h = h->next)
                h->stays = true;
        int st = sh_hosts_run(&all, &t.o, NULL, 0);
        if (st == SH_OK)
                st = tell_outcomes(c, &all);
        for (struct sh_host *h = all.first, *next; h; h = next) {
                next = h->next;
                h->next = NULL;
                if (h->phase != HOST_READY) {
                        sh_host_free(h);
                        continue;
                }
                h->id = ++sessions.serial;
                sh_sessions_return(h);
                struct sv o = session_object(h);
                if (st == SH_OK)
                        st = sh_emit(c, o);
                sh_drop(o);
        }
        free_target(&t);
        return st;
}

/* All are looked at before the first is given out: whoever gets it may end it. */
static int get_session_end(struct sh_cmd *c)
{
        int st = SH_OK;
        int64_t id = sh_arg_int(c, "Id", -1);
        struct sv list = sh_array_new(8);
        for (struct sh_host *h = *all_sessions(); h; h = h->next)
                if (id < 0 || h->id == id)
                        sh_array_take(list.a, session_object(h));
        for (uint32_t i = 0; i < list.a->n && st == SH_OK; i++)
                st = sh_emit(c, list.a->v[i]);
        sh_drop(list);
        return st;
}

static void end_session(struct sh_host **at)
{
        struct sh_host *h = *at;
        *at = h->next;
        sh_host_free(h);
}

static int remove_session_process(struct sh_cmd *c, struct sv input)
{
        struct sv one = input.kind == SH_VOID ? sh_arg(c, "Session") : input, item;
        size_t pos = 0;
        if (sh_bound(c, "Id")) {
                struct sh_host **at = find_session((int)sh_arg_int(c, "Id", -1));
                if (*at)
                        end_session(at);
                return SH_OK;
        }
        if (!sh_is_enumerable(one)) {
                struct sh_host **at = find_session(id_of(c, one));
                if (*at)
                        end_session(at);
                return SH_OK;
        }
        for (; sh_next(one, &pos, &item); sh_drop(item)) {
                struct sh_host **at = find_session(id_of(c, item));
                if (*at)
                        end_session(at);
        }
        return SH_OK;
}

static void put_quoted(struct sh_buf *b, const char *s)
{
        sh_buf_puts(b, " '");
        for (; *s; s++)
                sh_buf_put(b, *s == '\'' ? "''" : s, *s == '\'' ? 2 : 1);
        sh_buf_puts(b, "'");
}

/* The other host's own prompt, on this terminal. */
static int enter_end(struct sh_cmd *c)
{
        struct target t;
        struct sh_host *h = hosts_named(c, &t);
        struct sh_buf b = { 0 };
        const char *ssh = getenv("REEVE_SSH");
        char port[16];
        if (!h || h->next || !isatty(0)) {
                while (h) {
                        struct sh_host *next = h->next;
                        sh_host_free(h);
                        h = next;
                }
                free_target(&t);
                return sh_cmd_throw(c, "CannotEnter", "InvalidOperation", SH_NIL,
                                    "Enter-PSSession needs one host and a terminal.");
        }
        sh_buf_puts(&b, "& ");
        sh_buf_puts(&b, ssh && *ssh ? ssh : "ssh");
        sh_buf_puts(&b, " '-t'");
        if (h->user)
                sh_buf_puts(&b, " '-l'"), put_quoted(&b, h->user);
        if (h->port > 0) {
                snprintf(port, sizeof port, "%d", h->port);
                sh_buf_puts(&b, " '-p'"), put_quoted(&b, port);
        }
        if (t.o.key)
                sh_buf_puts(&b, " '-i'"), put_quoted(&b, t.o.key);
        for (unsigned i = 0; t.more[i]; i++)
                sh_buf_puts(&b, " '-o'"), put_quoted(&b, t.more[i]);
        sh_buf_puts(&b, " '--'");
        put_quoted(&b, h->address);
        sh_buf_puts(&b, " 'reeve'");
        sh_host_free(h);
        free_target(&t);
        int st = sh_run_text(sh_session(c), "", b.p, b.n, &c->emit);
        sh_buf_free(&b);
        return st;
}

static int exit_end(struct sh_cmd *c)
{
        return sh_run_text(sh_session(c), "", "exit", 4, &c->emit);
}

static const struct sh_cmdlet new_session = {
        .name = "New-PSSession",
        .alias = (const char *[]) { "nsn", NULL },
        .synopsis = "Connects to hosts and stays connected.",
        .params = (const struct sh_param[]) { TARGET_PARAMS(NULL),
                                              { "ThrottleLimit", .type = "int", .min = 1, .max = 10000,
                                                .help = "Hosts at once; 32 when absent." },
                                              { 0 } },
        .end = new_session_end,
};
static const struct sh_cmdlet get_session = {
        .name = "Get-PSSession",
        .alias = (const char *[]) { "gsn", NULL },
        .synopsis = "Gets the sessions to other hosts.",
        .params =
                (const struct sh_param[]) { { "Id", .type = "int", .position = 1, .help = "Of this number." },
                                            { 0 } },
        .end = get_session_end,
};
static const struct sh_cmdlet remove_session = {
        .name = "Remove-PSSession",
        .alias = (const char *[]) { "rsn", NULL },
        .synopsis = "Ends sessions to other hosts.",
        .default_set = "Session",
        .params =
                (const struct sh_param[]) {
                        { "Session", .type = "object", .sets = "Session", .position = 1, .mandatory = true,
                          .from_pipeline = true, .help = "Those of New-PSSession." },
                        { "Id", .type = "int", .sets = "Id", .mandatory = true, .help = "Of this number." },
                        { 0 } },
        .process = remove_session_process,
};
static const struct sh_cmdlet enter_session = {
        .name = "Enter-PSSession",
        .alias = (const char *[]) { "etsn", NULL },
        .synopsis = "Gives another host's prompt; exit comes back.",
        .params = (const struct sh_param[]) { { "HostName", .type = "string[]", .position = 1,
                                                .mandatory = true, .alias = "ComputerName,Cn",
                                                .help = "The host." },
                                              { "UserName", .type = "string", .help = "User there." },
                                              { "Port", .type = "int", .help = "Port." },
                                              { "KeyFilePath", .type = "string", .alias = "IdentityFilePath",
                                                .complete = "path", .help = "Key file." },
                                              { "Options", .type = "hashtable", .help = "Options of ssh." },
                                              { 0 } },
        .end = enter_end,
};
static const struct sh_cmdlet exit_session = {
        .name = "Exit-PSSession",
        .alias = (const char *[]) { "exsn", NULL },
        .synopsis = "Leaves the prompt that Enter-PSSession gave.",
        .end = exit_end,
};

SH_CMDLETS(remote, &invoke_command, &new_session, &get_session, &remove_session, &enter_session,
           &exit_session);
