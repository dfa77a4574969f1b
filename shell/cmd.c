/* SPDX-License-Identifier: MIT
 *
 * What a command's name means: alias, function, cmdlet, class cmdlet, script or program, a module that offers it,
 * Get-NAME; in this order. Nothing is cached per call: functions may come and go with scopes, and the way through a
 * few empty tables is short.
 */
#include "shell/error.h"
#include "shell/code.h"
#include "shell/limits.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Aliases that PowerShell has on Unix beside those that the cmdlets' own tables name. */
static const struct {
        const char *name, *target;
} unix_aliases[] = {
        { "%", "ForEach-Object" },        { "?", "Where-Object" },        { "cd", "Set-Location" },
        { "chdir", "Set-Location" },      { "clc", "Clear-Content" },     { "clhy", "Clear-History" },
        { "cli", "Clear-Item" },          { "cls", "Clear-Host" },        { "clp", "Clear-ItemProperty" },
        { "clv", "Clear-Variable" },      { "copy", "Copy-Item" },        { "cpi", "Copy-Item" },
        { "cvpa", "Convert-Path" },       { "del", "Remove-Item" },       { "dir", "Get-ChildItem" },
        { "echo", "Write-Output" },       { "epal", "Export-Alias" },     { "epcsv", "Export-Csv" },
        { "erase", "Remove-Item" },       { "etsn", "Enter-PSSession" },  { "exsn", "Exit-PSSession" },
        { "fc", "Format-Custom" },        { "fhx", "Format-Hex" },        { "fl", "Format-List" },
        { "foreach", "ForEach-Object" },  { "ft", "Format-Table" },       { "fw", "Format-Wide" },
        { "gal", "Get-Alias" },           { "gc", "Get-Content" },        { "gci", "Get-ChildItem" },
        { "gcm", "Get-Command" },         { "gcs", "Get-PSCallStack" },   { "gdr", "Get-PSDrive" },
        { "gerr", "Get-Error" },          { "ghy", "Get-History" },       { "gi", "Get-Item" },
        { "gjb", "Get-Job" },             { "gl", "Get-Location" },       { "gm", "Get-Member" },
        { "gmo", "Get-Module" },          { "gp", "Get-ItemProperty" },   { "gps", "Get-Process" },
        { "gpv", "Get-ItemPropertyValue" }, { "group", "Group-Object" },  { "gsn", "Get-PSSession" },
        { "gsv", "Get-Service" },         { "sasv", "Start-Service" },    { "spsv", "Stop-Service" },
        { "gu", "Get-Unique" },           { "gv", "Get-Variable" },       { "h", "Get-History" },
        { "history", "Get-History" },     { "icm", "Invoke-Command" },    { "iex", "Invoke-Expression" },
        { "ihy", "Invoke-History" },      { "ii", "Invoke-Item" },        { "ipal", "Import-Alias" },
        { "ipcsv", "Import-Csv" },        { "ipmo", "Import-Module" },    { "irm", "Invoke-RestMethod" },
        { "iwr", "Invoke-WebRequest" },   { "md", "mkdir" },              { "measure", "Measure-Object" },
        { "mi", "Move-Item" },            { "move", "Move-Item" },        { "mp", "Move-ItemProperty" },
        { "nal", "New-Alias" },           { "ndr", "New-PSDrive" },       { "ni", "New-Item" },
        { "nmo", "New-Module" },          { "nv", "New-Variable" },       { "oh", "Out-Host" },
        { "popd", "Pop-Location" },       { "pushd", "Push-Location" },   { "pwd", "Get-Location" },
        { "r", "Invoke-History" },        { "rcjb", "Receive-Job" },      { "rd", "Remove-Item" },
        { "rdr", "Remove-PSDrive" },      { "ren", "Rename-Item" },       { "ri", "Remove-Item" },
        { "rjb", "Remove-Job" },          { "rmo", "Remove-Module" },     { "rni", "Rename-Item" },
        { "rnp", "Rename-ItemProperty" }, { "rp", "Remove-ItemProperty" }, { "rsn", "Remove-PSSession" },
        { "rv", "Remove-Variable" },      { "rvpa", "Resolve-Path" },     { "sajb", "Start-Job" },
        { "sal", "Set-Alias" },           { "saps", "Start-Process" },    { "select", "Select-Object" },
        { "set", "Set-Variable" },        { "si", "Set-Item" },           { "sl", "Set-Location" },
        { "sls", "Select-String" },       { "sp", "Set-ItemProperty" },   { "spjb", "Stop-Job" },
        { "spps", "Stop-Process" },       { "sv", "Set-Variable" },       { "type", "Get-Content" },
        { "where", "Where-Object" },      { "wjb", "Wait-Job" },
};

struct sh_target *sh_target_new(enum target_kind kind, const char *name, size_t n)
{
        struct sh_target *t = calloc(1, sizeof *t);
        if (!t || !(t->name = strndup(name, n)))
                abort();
        t->obj.refs = 1;
        t->obj.type = sh_command_type((int)kind);
        t->kind = kind;
        return t;
}

const char *sh_target_kind_name(enum target_kind k)
{
        static const char *const names[] = { "Alias",       "Function",       "Filter", "Cmdlet",
                                             "Application", "ExternalScript", "Script" };
        return names[k];
}

/* ---- what is built in ---- */
static void add_builtin(struct sh *sh, const char *name, const struct sh_cmdlet *c, const char *alias_of, bool replace)
{
        uint32_t id = sh_intern(sh, name, strlen(name)), before = sh->builtin_names.n,
                 at = sh_layout_add(&sh->builtin_names, id);
        if (at < before && !replace)
                return;
        if (at >= before && (at & (at - 1)) == 0) {
                sh->builtins = realloc(sh->builtins, (at ? at * 2 : 1) * sizeof *sh->builtins);
                if (!sh->builtins)
                        abort();
        }
        sh->builtins[at] = (struct builtin) { c, alias_of };
}

void sh_builtins(struct sh *sh)
{
        if (sh->builtins_ready)
                return;
        sh->builtins_ready = true;
        for (uint32_t f = 0; f < sh_ncmdlet_files; f++)
                for (const struct sh_cmdlet *const *c = sh_cmdlet_files[f]; *c; c++)
                        add_builtin(sh, (*c)->name, *c, NULL, true);
        for (uint32_t f = 0; f < sh_ncmdlet_files; f++)
                for (const struct sh_cmdlet *const *c = sh_cmdlet_files[f]; *c; c++)
                        for (const char *const *a = (*c)->alias; a && *a; a++)
                                add_builtin(sh, *a, NULL, (*c)->name, false);
        for (size_t i = 0; i < sizeof unix_aliases / sizeof *unix_aliases; i++)
                add_builtin(sh, unix_aliases[i].name, NULL, unix_aliases[i].target, false);
}

static struct builtin *builtin_of(struct sh *sh, uint32_t id)
{
        sh_builtins(sh);
        uint32_t at = sh_layout_find(&sh->builtin_names, id);
        return at == UINT32_MAX ? NULL : &sh->builtins[at];
}

/* ---- functions and aliases of scopes ---- */
static struct sh_target *in_scopes(struct sh *sh, uint32_t id, bool alias)
{
        for (struct scope *s = sh->scope; s; s = s->parent) {
                struct table *t = alias ? s->aliases : s->functions;
                struct sv *v = t ? sh_table_at(t, id) : NULL;
                if (v)
                        return (struct sh_target *)v->o;
        }
        return NULL;
}

static struct table *table_in(struct table **t)
{
        if (!*t && !(*t = calloc(1, sizeof **t)))
                abort();
        return *t;
}

void sh_function_set(struct sh *sh, struct scope *s, const char *name, size_t n, struct sv block, bool filter)
{
        uint32_t id = sh_intern(sh, name, n);
        struct sv *old = s->functions ? sh_table_at(s->functions, id) : NULL;
        struct sh_target *t = sh_target_new(filter ? CT_FILTER : CT_FUNCTION, name, n);
        t->block = sh_keep(block);
        t->module = block.kind == SH_BLOCK ? sh_block_of(block)->module : s->module;
        if (t->module)
                t->module->obj.refs++;
        if (old && ((struct sh_target *)old->o)->description)
                t->description = strdup(((struct sh_target *)old->o)->description);
        sh_table_set(table_in(&s->functions), id, sh_target_value(t));
        sh->epoch++;
}

void sh_alias_set(struct sh *sh, struct scope *s, const char *name, size_t n, const char *target, uint32_t options)
{
        struct sh_target *t = sh_target_new(CT_ALIAS, name, n);
        if (!(t->definition = strdup(target)))
                abort();
        if ((t->module = s->module))
                t->module->obj.refs++;
        t->options = options;
        sh_table_set(table_in(&s->aliases), sh_intern(sh, name, n), sh_target_value(t));
        sh->epoch++;
}

bool sh_alias_remove(struct sh *sh, const char *name, size_t n)
{
        uint32_t id = sh_intern(sh, name, n);
        for (struct scope *s = sh->scope; s; s = s->parent)
                if (s->aliases && sh_table_remove(s->aliases, id)) {
                        sh->epoch++;
                        return true;
                }
        struct builtin *b = builtin_of(sh, id);
        if (!b || !b->alias_of)
                return false;
        b->alias_of = NULL;
        return true;
}

static const char *alias_by_id(struct sh *sh, uint32_t id)
{
        struct sh_target *t = in_scopes(sh, id, true);
        if (t)
                return t->definition;
        struct builtin *b = builtin_of(sh, id);
        return b ? b->alias_of : NULL;
}

struct sh_target *sh_alias_own(struct sh *sh, const char *name, size_t n)
{
        return in_scopes(sh, sh_intern(sh, name, n), true);
}

const char *sh_alias_lookup(struct sh *sh, const char *name, size_t n)
{
        return alias_by_id(sh, sh_intern(sh, name, n));
}

/* ---- programs and scripts ---- */
static bool is_program(const char *path)
{
        struct stat st;
        return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool is_script_name(const char *path)
{
        size_t n = strlen(path);
        return n > 4 && !strcasecmp(path + n - 4, ".ps1");
}

static bool is_file(const char *path)
{
        struct stat st;
        return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static char *joined(const char *dir, size_t nd, const char *name, size_t n, const char *suffix)
{
        char *r = malloc(nd + n + strlen(suffix) + 2);
        if (!r)
                abort();
        memcpy(r, dir, nd);
        if (nd && dir[nd - 1] != '/')
                r[nd++] = '/';
        memcpy(r + nd, name, n);
        strcpy(r + nd + n, suffix);
        return r;
}

static char *by_path(const char *name, size_t n)
{
        const char *home = getenv("HOME");
        char *r = *name == '~' && home && (n == 1 || name[1] == '/') ? joined(home, strlen(home), name + 1, n - 1, "")
                                                                     : strndup(name, n);
        char *script = joined("", 0, r, strlen(r), ".ps1");
        if (is_program(r) || (is_script_name(r) && is_file(r))) {
                free(script);
                return r;
        }
        free(r);
        if (is_file(script))
                return script;
        free(script);
        return NULL;
}

char *sh_which(struct sh *sh, const char *name, size_t n)
{
        (void)sh;
        if (n == 0 || memchr(name, 0, n))
                return NULL;
        if (memchr(name, '/', n) || *name == '~')
                return by_path(name, n);
        const char *path = getenv("PATH");
        for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
                size_t len = strcspn(p, ":");
                for (int i = 0; len && i < 2; i++) { /* an empty entry would be the current directory: not searched */
                        char *r = joined(p, len, name, n, i ? ".ps1" : "");
                        if (is_script_name(r) ? is_file(r) : is_program(r))
                                return r;
                        free(r);
                }
                p += len + (p[len] == ':');
        }
        /* This program itself, wherever it lies: `ssh host reeve check ...` needs no PATH. */
        return n == 5 && memcmp(name, "reeve", 5) == 0 ? realpath("/proc/self/exe", NULL) : NULL;
}

static struct sh_target *program(struct sh *sh, const char *name, size_t n)
{
        char *path = sh_which(sh, name, n);
        if (!path)
                return NULL;
        const char *base = strrchr(path, '/');
        base = base ? base + 1 : path;
        struct sh_target *t = sh_target_new(is_script_name(path) ? CT_SCRIPT : CT_NATIVE, base, strlen(base));
        t->definition = is_script_name(path) ? realpath(path, NULL) : NULL;
        if (t->definition)
                free(path);
        else
                t->definition = path;
        return t;
}

/* ---- the way through ---- */
static struct sh_target *cmdlet_target(struct sh *sh, uint32_t id, const struct sh_cmdlet *c)
{
        struct sv *known = sh_table_at(&sh->commands, id);
        if (known && ((struct sh_target *)known->o)->cmdlet == c)
                return (struct sh_target *)known->o;
        struct sh_target *t = sh_target_new(CT_CMDLET, c->name, strlen(c->name));
        t->cmdlet = c;
        sh_table_set(&sh->commands, id, sh_target_value(t));
        return t;
}

static struct sh_target *cmdlet_by_id(struct sh *sh, uint32_t id)
{
        struct builtin *b = builtin_of(sh, id);
        if (b && b->cmdlet)
                return cmdlet_target(sh, id, b->cmdlet);
        const char *name = sh_name(sh, id, NULL);
        const struct sh_cmdlet *c = strchr(name, '-') && !strchr(name, '/') ? sh_model_cmdlet(sh, name) : NULL;
        return c ? cmdlet_target(sh, id, c) : NULL;
}

/* Module\Name: only what that module offers; our own cmdlets answer to any of PowerShell's module names. */
static int qualified(struct sh *sh, const char *name, size_t n, const char *slash, struct sh_target **ret)
{
        size_t nm = (size_t)(slash - name);
        uint32_t id = sh_intern(sh, slash + 1, n - nm - 1);
        for (struct sh_module *m = sh->modules; m; m = m->next) {
                struct sv *v;
                if (m->loaded && strlen(m->name) == nm && !strncasecmp(m->name, name, nm) &&
                    (v = sh_table_at(&m->exported_functions, id))) {
                        *ret = (struct sh_target *)sh_keep(*v).o;
                        return SH_OK;
                }
        }
        struct builtin *b = builtin_of(sh, id);
        if (!b || !b->cmdlet)
                return SH_NONE;
        *ret = cmdlet_target(sh, id, b->cmdlet);
        (*ret)->obj.refs++;
        return SH_OK;
}

/* An alias of PowerShell's whose command is not here hides nothing. */
static bool leads_somewhere(struct sh *sh, const char *target)
{
        uint32_t id = sh_intern(sh, target, strlen(target));
        struct builtin *b = builtin_of(sh, id);
        return (b && (b->cmdlet || b->alias_of)) || !strchr(target, '-') || in_scopes(sh, id, false) ||
               sh_model_cmdlet(sh, target);
}

static int try_command(struct sh *sh, const char *name, size_t n, struct sh_target **ret)
{
        const char *slash = memchr(name, '\\', n);
        struct sh_target *t = NULL;
        if (slash && qualified(sh, name, n, slash, ret) == SH_OK)
                return SH_OK;
        uint32_t id = sh_intern(sh, name, n);
        for (int i = 0; i < 32; i++) {
                const char *to = alias_by_id(sh, id);
                if (!to || !strcasecmp(to, name) || !leads_somewhere(sh, to))
                        break;
                name = to;
                n = strlen(to);
                id = sh_intern(sh, name, n);
        }
        if (!(t = in_scopes(sh, id, false)) && !(t = cmdlet_by_id(sh, id))) {
                if (!(*ret = program(sh, name, n)))
                        return SH_NONE;
                return SH_OK;
        }
        t->obj.refs++;
        *ret = t;
        return SH_OK;
}

int sh_try_command(struct sh *sh, const char *name, size_t n, struct sh_target **ret)
{
        int st = try_command(sh, name, n, ret);
        if (st != SH_OK || !sh_limits || sh_limits_command(*ret))
                return st;
        sh_drop(sh_target_value(*ret)); /* the user's role does not know it */
        *ret = NULL;
        return SH_NONE;
}

/* ---- names near to one that was not found ---- */
static unsigned distance(const char *a, const char *b)
{
        unsigned row[64], na = (unsigned)strlen(a), nb = (unsigned)strlen(b);
        if (na >= 64 || nb >= 64)
                return 99;
        for (unsigned j = 0; j <= nb; j++)
                row[j] = j;
        for (unsigned i = 1; i <= na; i++) {
                unsigned diagonal = row[0];
                row[0] = i;
                for (unsigned j = 1; j <= nb; j++) {
                        unsigned above = row[j],
                                 cost = diagonal + ((a[i - 1] | 32) != (b[j - 1] | 32));
                        row[j] = cost < above + 1 ? cost : above + 1;
                        if (row[j - 1] + 1 < row[j])
                                row[j] = row[j - 1] + 1;
                        diagonal = above;
                }
        }
        return row[nb];
}

struct nearest {
        const char *wanted, *best;
        unsigned d;
};

static void near_one(struct nearest *x, const char *name)
{
        unsigned d = distance(x->wanted, name);
        if (d < x->d)
                x->d = d, x->best = name;
}

static void near_model(void *state, const struct sh_cmdlet *c)
{
        near_one(state, c->name);
}

const char *sh_command_near(struct sh *sh, const char *name)
{
        size_t n = strlen(name);
        struct nearest x = { name, NULL, n < 4 ? 2 : (unsigned)(n / 4 + 2) };
        sh_builtins(sh);
        for (uint32_t i = 0; i < sh->builtin_names.n; i++)
                if (sh->builtins[i].cmdlet)
                        near_one(&x, sh->builtins[i].cmdlet->name);
        sh_model_cmdlets(sh, near_model, &x);
        for (struct scope *s = sh->scope; s; s = s->parent)
                for (uint32_t i = 0; s->functions && i < s->functions->names.n; i++)
                        if (s->functions->v[i].kind == SH_OTHER)
                                near_one(&x, ((struct sh_target *)s->functions->v[i].o)->name);
        return x.best;
}

static int not_found(struct sh *sh, const char *name, size_t n)
{
        struct sv target = sh_string(name, n);
        int st = sh_throw_as(sh, "System.Management.Automation.CommandNotFoundException", "CommandNotFoundException",
                             "ObjectNotFound", target,
                             "The term '%s' is not recognized as a name of a cmdlet, function, script file, or "
                             "executable program.\nCheck the spelling of the name, or if a path was included, "
                             "verify that the path is correct and try again.",
                             target.s->s);
        struct sv exception = sh_error_of(sh->error)->exception;
        if (sh_is_exception(exception)) { /* CommandName */
                sh_drop(sh_exception_of(exception)->param);
                sh_exception_of(exception)->param = sh_keep(target);
        }
        const char *near = sh->interactive || !sh->try_depth ? sh_command_near(sh, target.s->s) : NULL;
        if (sh_limits) /* near names may be those that the role does not let through */
                sh_error_hint(sh, "Get-Command shows what your role lets you use.");
        else if (near)
                sh_error_hint(sh, "Did you mean %s?", near);
        sh_drop(target);
        return st;
}

int sh_find_command(struct sh *sh, const char *name, size_t n, struct sh_target **ret)
{
        int st = sh_try_command(sh, name, n, ret);
        if (st != SH_NONE)
                return st;
        st = sh_import_for(sh, name, n);
        if (st == SH_OK && (st = sh_try_command(sh, name, n, ret)) != SH_NONE)
                return st;
        if (st != SH_NONE)
                return st;
        if (n < 128 && !memchr(name, '-', n) && !memchr(name, '/', n) && !memchr(name, '\\', n)) {
                char get[136] = "Get-";
                memcpy(get + 4, name, n);
                if (sh_try_command(sh, get, n + 4, ret) == SH_OK)
                        return SH_OK;
        }
        return not_found(sh, name, n);
}

struct sh_target *sh_target_of_block(struct sh *sh, struct sv block)
{
        (void)sh;
        struct sh_target *t = sh_target_new(CT_BLOCK, "", 0);
        t->block = sh_keep(block);
        return t;
}
