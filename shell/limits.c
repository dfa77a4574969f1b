/* SPDX-License-Identifier: MIT */
#include "shell/limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/bind.h"
#include "shell/code.h"
#include "shell/error.h"
#include "shell/limits_int.h"
#include "shell/model.h"
#include "shell/parse.h"

static struct sh_limits the;
const struct sh_limits *sh_limits;
static struct rv_client *given;
static bool bound_to_client;

struct rv_client *sh_limits_client(void)
{
        struct rv_client *c = given;
        given = NULL;
        return c;
}

bool sh_limits_bound_to_client(void)
{
        return bound_to_client;
}

bool sh_limits_let_profiles(void)
{
        return !sh_limits;
}

/* ---- what the agent says ---- */

static bool is_true(const json_t *o, const char *name)
{
        return json_is_true(json_object_get(o, name));
}

static int understand(json_t *hello)
{
        const char *language = json_string_value(json_object_get(hello, "Language"));
        if (!language)
                return -1;
        the.roles = json_string_value(json_object_get(hello, "Roles"));
        the.shell = json_object_get(hello, "Shell");
        the.language = strcasecmp(language, "Full") == 0          ? SH_LANGUAGE_FULL
                       : strcasecmp(language, "Constrained") == 0 ? SH_LANGUAGE_CONSTRAINED
                                                                  : SH_LANGUAGE_NONE;
        the.all_cmdlets = is_true(the.shell, "AllCmdlets");
        if (is_true(hello, "Unlimited"))
                return 0;
        sh_limits = &the;
        return the.roles && json_is_object(the.shell) ? 0 : -1;
}

static json_t *call(struct rv_client *c, const char *operation, struct rv_error *err)
{
        struct rv_buf none = { 0 };
        struct rv_json result;
        struct rv_ask *a = rv_client_ask(c, operation, &none, false, 0, err);
        int r = a ? rv_ask_result(a, &result, err) : err->code;
        json_t *answer = r == RV_OK ? json_loadb(result.p, rv_json_size(&result), 0, NULL) : NULL;
        rv_ask_free(a);
        rv_buf_free(&none);
        return answer;
}

/* {"process": {"terminate": true}}: what the agent shows. */
static void take_classes(json_t *answer)
{
        size_t i, k;
        json_t *class, *method;
        the.classes = json_object();
        json_array_foreach(json_object_get(answer, "Classes"), i, class)
        {
                json_t *methods = json_object();
                json_array_foreach(json_object_get(class, "Methods"), k, method)
                {
                        json_object_set_new(methods, json_string_value(json_object_get(method, "Name")), json_true());
                }
                json_object_set_new(the.classes, json_string_value(json_object_get(class, "ClassName")), methods);
        }
        json_decref(answer);
}

bool sh_limits_class(const char *name, const char *method)
{
        const json_t *methods = json_object_get(the.classes, name); /* spelled as in the schema on both sides */
        return method ? json_object_get(methods, method) != NULL : methods != NULL;
}

/* The answers are kept as long as the shell lives. */
static int ask(struct rv_client *c)
{
        struct rv_error err = { 0 };
        json_t *hello = call(c, "Hello", &err);
        the.hello = hello;
        int r = hello ? understand(hello) : -1;
        if (r == 0 && !sh_limits) { /* no limits: nothing of it is needed */
                json_decref(hello);
                the = (struct sh_limits) { 0 };
        }
        if (r == 0 && sh_limits) {
                struct rv_error none = { 0 }; /* who has no role is shown nothing */
                take_classes(call(c, "EnumerateClasses", &none));
        }
        if (r == 0)
                return 0;
        fprintf(stderr, "reeve: cannot learn what your role allows: %s\n",
                *err.message ? err.message : "no answer");
        return 1;
}

/* The descriptor that reeved left for us: REEVE_AGENT_FD=3. */
static int inherited(void)
{
        const char *text = getenv("REEVE_AGENT_FD");
        struct stat st;
        int fd = text && text[0] >= '3' && text[0] <= '9' && !text[1] ? text[0] - '0' : -1;
        unsetenv("REEVE_AGENT_FD");
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return -1;
        int flags = fcntl(fd, F_GETFL);
        return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ? -1 : fd;
}

/* An agent that others run, where its roles speak of us: the system's, or the one named. */
static int others_agent(void)
{
        const char *path = getenv("REEVE_SOCKET");
        struct stat st;
        if (geteuid() == 0)
                return -1;
        if (!path || !*path)
                path = "/run/reeve/agent.sock";
        return stat(path, &st) < 0 || st.st_uid == geteuid() ? -1 : rv_client_connect(path);
}

int sh_limits_begin(void)
{
        static bool begun; /* asked once: what it said stands */
        if (begun)
                return 0;
        begun = true;
        bool introduced = getenv("REEVE_AGENT_FD") != NULL;
        int fd = introduced ? inherited() : others_agent();
        if (fd < 0 && !introduced)
                return 0;
        struct rv_client *c = fd < 0 ? NULL : rv_client_new(fd, NULL);
        if (!c) {
                fprintf(stderr,
                        "reeve: the connection to the agent that this shell was given is not there\n");
                return 1;
        }
        int r = ask(c);
        if (introduced && r == 0)
                given = c;
        else
                rv_client_free(c);
        bound_to_client = introduced && sh_limits;
        if (r == 0 && sh_limits && sh_limits_kernel(&the) < 0)
                r = 1;
        return r;
}

/* ---- commands ---- */

/* What only works on objects at hand. */
static const char *const harmless[] = { "Out-Default",    "Out-Host",      "Out-String",     "Out-Null",
                                        "Select-Object",  "Sort-Object",   "Measure-Object", "Group-Object",
                                        "Format-Table",   "Format-List",   "Format-Wide",    "Where-Object",
                                        "ConvertTo-Json", "ConvertTo-Csv", "Get-Command",    "Get-Help",
                                        "Clear-Host",     "Write-Output",  "Get-Member" };
/* Ways out of a constrained language. */
static const char *const ways_out[] = { "New-Object", "Add-Type", "Update-TypeData", "Update-FormatData" };

static bool among(const char *const *list, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcasecmp(list[i], name) == 0)
                        return true;
        return false;
}
#define AMONG(list, name) among(list, sizeof(list) / sizeof *(list), name)

static const json_t *listed(const char *name)
{
        size_t i;
        json_t *one;
        json_array_foreach(json_object_get(the.shell, "Cmdlets"), i, one)
        {
                const char *s = json_string_value(json_object_get(one, "Name"));
                if (s && strcasecmp(s, name) == 0)
                        return one;
        }
        return NULL;
}

static bool native(const struct sh_target *t)
{
        size_t i;
        json_t *one;
        json_array_foreach(json_object_get(the.shell, "NativeCommands"), i, one)
        {
                const char *s = json_string_value(one);
                if (s && (strcmp(s, "*") == 0 || strcmp(s, t->name) == 0 ||
                          (t->definition && strcmp(s, t->definition) == 0)))
                        return true;
        }
        return false;
}

bool sh_limits_command(const struct sh_target *t)
{
        bool none = the.language == SH_LANGUAGE_NONE;
        switch (t->kind) {
        case CT_NATIVE: return native(t);
        case CT_CMDLET:
                if (listed(t->name))
                        return true;
                if (none)
                        return AMONG(harmless, t->name);
                if (the.language == SH_LANGUAGE_CONSTRAINED && AMONG(ways_out, t->name))
                        return false;
                return the.all_cmdlets || AMONG(harmless, t->name);
        case CT_ALIAS: return true; /* its command is asked about */
        default: return !none;
        }
}

bool sh_limits_whole(const struct sh_target *t)
{
        return sh_limits_command(t) && !json_array_size(json_object_get(listed(t->name), "Parameters"));
}

static const json_t *parameter(const json_t *cmdlet, const char *name)
{
        size_t i;
        json_t *one;
        json_array_foreach(json_object_get(cmdlet, "Parameters"), i, one)
        {
                const char *s = json_string_value(json_object_get(one, "Name"));
                if (s && strcasecmp(s, name) == 0)
                        return one;
        }
        return NULL;
}

static bool value_fits(struct sh *sh, const json_t *values, struct sv v)
{
        if (v.kind == SH_ARRAY) {
                for (uint32_t i = 0; i < v.a->n; i++)
                        if (!value_fits(sh, values, v.a->v[i]))
                                return false;
                return true;
        }
        struct sv text = sh_to_text(sh, v);
        bool fits = false;
        size_t i;
        json_t *one;
        json_array_foreach(values, i, one)
        {
                fits |= text.kind == SH_STRING && strcasecmp(json_string_value(one), text.s->s) == 0;
        }
        sh_drop(text);
        return fits;
}

int sh_limits_bound(struct sh_cmd *c)
{
        const json_t *cmdlet = c->target && c->target->kind == CT_CMDLET ? listed(c->target->name) : NULL;
        if (!cmdlet || !json_array_size(json_object_get(cmdlet, "Parameters")))
                return SH_OK;
        for (uint32_t i = 0; i < c->info->n; i++) {
                const struct pinfo *p = &c->info->p[i];
                if (p->common || c->bound[i].state == BV_NONE || c->bound[i].state == BV_DEFAULT)
                        continue;
                const json_t *known = parameter(cmdlet, p->name), *values = json_object_get(known, "Values");
                if (!known)
                        return sh_bind_throw(c, "ParameterNotAllowed", "PermissionDenied", SH_NIL,
                                             "Your role (%s) does not allow the parameter '%s' of %s.",
                                             the.roles, p->name, c->target->name);
                if (json_array_size(values) && !value_fits(c->sh, values, c->bound[i].v))
                        return sh_bind_throw(
                                c, "ValueNotAllowed", "PermissionDenied", SH_NIL,
                                "Your role (%s) does not allow this value of the parameter '%s' of %s.",
                                the.roles, p->name, c->target->name);
        }
        return SH_OK;
}

/* ---- language ---- */

static bool in_none(const struct parser *p, const struct node *n)
{
        switch (n->kind) {
        case N_CONST:
        case N_ARRAY:
        case N_PIPE:
        case N_CMD:
        case N_LIST:
        case N_EXIT: return true;
        case N_VAR: {
                const char *name = n->id ? sh_name(p->sh, n->id, NULL) : "";
                return !strcasecmp(name, "true") || !strcasecmp(name, "false") || !strcasecmp(name, "null");
        }
        default: return false;
        }
}

static void refuse(struct parser *p, const struct node *n, const char *what)
{
        p_error(p, n->at, n->end > n->at ? n->end : n->at + 1, "NotAllowedInLanguageMode",
                "%s is not allowed in the language mode %s of your role (%s).", what,
                the.language == SH_LANGUAGE_NONE ? "None" : "Constrained", the.roles);
}

static void check_command(struct parser *p, const struct node *n)
{
        const struct command *c = n->x;
        if (c && c->nredirs)
                refuse(p, n, "A redirection");
        if (c && (c->invoke || (c->name && c->name->kind != N_CONST)))
                refuse(p, n, "A command that is not named");
}

/* done: its parts are there. Kinds are looked at as soon as a node is made: some are never finished. */
void sh_limits_node(struct parser *p, struct node *n, bool done)
{
        if (the.language == SH_LANGUAGE_FULL)
                return;
        if (the.language == SH_LANGUAGE_NONE) {
                if (n->kind == N_VAR ? done && !in_none(p, n) : !done && !in_none(p, n))
                        refuse(p, n, "This");
                else if (done && n->kind == N_CMD)
                        check_command(p, n);
                return;
        }
        if (!done && (n->kind == N_CLASS || n->kind == N_ENUM || n->kind == N_USING))
                refuse(p, n, "A declaration of types");
        if (done && (n->kind == N_MEMBER || n->kind == N_CALL) && n->flags & NF_STATIC && n->a &&
            n->a->kind != N_TYPE)
                refuse(p, n, "A static member of a type that is not named");
}

void sh_limits_type(struct parser *p, const char *name, size_t n, unsigned at)
{
        static const char *const simple[] = {
                "string",
                "char",
                "bool",
                "byte",
                "sbyte",
                "int",
                "int16",
                "int32",
                "int64",
                "short",
                "long",
                "uint",
                "uint16",
                "uint32",
                "uint64",
                "ushort",
                "ulong",
                "float",
                "single",
                "double",
                "decimal",
                "bigint",
                "datetime",
                "datetimeoffset",
                "timespan",
                "guid",
                "version",
                "regex",
                "uri",
                "ipaddress",
                "hashtable",
                "ordered",
                "array",
                "object",
                "psobject",
                "pscustomobject",
                "void",
                "switch",
                "scriptblock",
                "nullable",
                "math",
                /* attributes of parameters */
                "parameter",
                "cmdletbinding",
                "alias",
                "validateset",
                "validatepattern",
                "validaterange",
                "validatelength",
                "validatecount",
                "validatescript",
                "validatenotnull",
                "validatenotnullorempty",
                "allownull",
                "allowemptystring",
                "allowemptycollection",
                "outputtype",
                "supportswildcards",
        };
        char word[64];
        if (the.language != SH_LANGUAGE_CONSTRAINED)
                return;
        if (n > 7 && strncasecmp(name, "System.", 7) == 0 && !memchr(name + 7, '.', n - 7))
                name += 7, n -= 7;
        size_t m = 0;
        while (m < n && m < sizeof word - 1 && name[m] != '[' && name[m] != ' ') {
                word[m] = name[m];
                m++;
        }
        word[m] = 0;
        bool fault = m >= 9 && strcasecmp(word + m - 9, "Exception") == 0; /* to be caught */
        if (!fault && !AMONG(simple, word))
                p_error(p, at, at + (unsigned)n, "TypeNotAllowed",
                        "The type [%.*s] is not allowed in the language mode Constrained of your role (%s).",
                        (int)n, name, the.roles);
}
