/* SPDX-License-Identifier: MIT
 *
 * #requires lines of a script: version, modules (which are imported), edition, root's rights; `using module @{ }`.
 */
#include "shell/module.h"

#include "shell/error.h"
#include "shell/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

static const char *script_name(struct block *b)
{
        const char *slash = b->u->file ? strrchr(b->u->file, '/') : NULL;
        return slash ? slash + 1 : b->u->file ? b->u->file : "(text)";
}

static bool refuse(struct sh *sh, const char *id, struct block *b, const char *fmt, const char *what)
{
        struct sv why = sh_printf(fmt, what);
        sh_throw_about(sh, "System.Management.Automation.ScriptRequiresException", id, "ResourceUnavailable",
                       script_name(b), "The script '%s' cannot be run because %s", script_name(b), why.s->s);
        sh_drop(why);
        return false;
}

static int convert_text(struct sh *sh, const char *s, const struct sh_type *t, struct sv *ret)
{
        struct sv text = sh_text(s);
        int st = sh_convert(sh, text, t, ret);
        sh_drop(text);
        return st;
}

static bool version_is_enough(struct sh *sh, struct block *b, const char *wanted)
{
        struct sv table, own = SH_NIL, v = SH_NIL;
        char full[64];
        int d = 0;
        snprintf(full, sizeof full, "%s%s", wanted, strchr(wanted, '.') ? "" : ".0");
        if (convert_text(sh, full, &sh_type_version, &v) != SH_OK)
                return false;
        if (sh_var_get(sh, "PSVersionTable", &table)) {
                if (sh_get(sh, table, "PSVersion", 9, &own) == SH_OK) {
                        struct sv t = sh_to_text(sh, own), o = SH_NIL;
                        if (convert_text(sh, t.s->s, &sh_type_version, &o) == SH_OK)
                                sh_compare(sh, o, v, true, &d);
                        sh_drop(o);
                        sh_drop(t);
                }
                sh_drop(own);
                sh_drop(table);
        }
        sh_drop(v);
        if (d >= 0)
                return true;
        return refuse(sh, "ScriptRequiresUnmatchedPSVersion", b,
                      "it contained a \"#requires\" statement for PowerShell %s. The version of PowerShell that is "
                      "required by the script does not match the currently running version of PowerShell.",
                      wanted);
}

static struct sh_import plain_import(struct sh *sh, struct sh_sink *out)
{
        return (struct sh_import) { .functions = SH_NIL, .aliases = SH_NIL, .variables = SH_NIL,
                                    .arguments = SH_NIL, .version = SH_NIL, .newest = SH_NIL,
                                    .exact = SH_NIL, .into = sh_module_target(sh, sh->scope), .out = out };
}

/* A name, or a table of ModuleName and versions. */
static int import_specified(struct sh *sh, struct sv v, struct sh_sink *out, struct sv *ret_name)
{
        struct sh_import im = plain_import(sh, out);
        struct sh_module *m;
        struct sv x;
        static const char *const keys[] = { "ModuleVersion", "MaximumVersion", "RequiredVersion" };
        struct sv *to[] = { &im.version, &im.newest, &im.exact };
        int st = SH_OK;
        *ret_name = v.kind != SH_HASH ? sh_to_text(sh, v)
                    : sh_hash_get_text(v.h, "ModuleName", &x) ? sh_to_text(sh, x)
                                                              : sh_text("");
        for (int i = 0; i < 3 && st == SH_OK && v.kind == SH_HASH; i++)
                if (sh_hash_get_text(v.h, keys[i], &x))
                        st = sh_convert(sh, x, &sh_type_version, to[i]);
        if (st == SH_OK)
                st = sh_module_import(sh, ret_name->s->s, &im, &m);
        for (int i = 0; i < 3; i++)
                sh_drop(*to[i]);
        return st;
}

static int evaluated(struct sh *sh, const char *text, size_t n, struct sv *ret)
{
        struct collect c;
        sh_collect_begin(&c);
        int st = sh_run_text(sh, "", text, n, &c.sink);
        if (st == SH_OK)
                *ret = sh_collect_end(&c);
        else
                sh_collect_drop(&c);
        return st;
}

int sh_using_specified(struct sh *sh, const char *text, struct sh_sink *out)
{
        struct sv v, name = SH_NIL;
        int st = evaluated(sh, text, strlen(text), &v);
        if (st != SH_OK)
                return st;
        st = import_specified(sh, v, out, &name);
        sh_drop(name);
        sh_drop(v);
        return st;
}

static bool module_is_there(struct sh *sh, struct block *b, struct sv v)
{
        struct sv name = SH_NIL;
        int st = import_specified(sh, v, &sh->host, &name);
        if (st != SH_OK) {
                sh_drop(sh_error_take(sh));
                refuse(sh, "ScriptRequiresMissingModules", b,
                       "the following modules that are specified by the \"#requires\" statements of the script are "
                       "missing: %s.",
                       name.s->s);
        }
        sh_drop(name);
        return st == SH_OK;
}

/* A,B,@{ ModuleName = 'C'; ModuleVersion = '1.0' }: bare words are names. */
static bool modules_are_there(struct sh *sh, struct block *b, const char *s, size_t n)
{
        bool ok = true;
        for (size_t i = 0; i < n && ok;) {
                while (i < n && (isspace((unsigned char)s[i]) || s[i] == ','))
                        i++;
                size_t at = i;
                int depth = 0;
                for (; i < n && (depth > 0 || (s[i] != ',' && !isspace((unsigned char)s[i]))); i++)
                        depth += s[i] == '{' ? 1 : s[i] == '}' ? -1 : 0;
                if (i == at)
                        break;
                struct sv v = SH_NIL;
                if (s[at] == '@' || s[at] == '\'' || s[at] == '"') {
                        if (evaluated(sh, s + at, i - at, &v) != SH_OK)
                                return false;
                } else {
                        v = sh_string(s + at, i - at);
                }
                ok = module_is_there(sh, b, v);
                sh_drop(v);
        }
        return ok;
}

static bool one_demand(struct sh *sh, struct block *b, const char *name, size_t nname, const char *value, size_t n)
{
        struct sv v = sh_string(value, n);
        bool ok = true;
        if (nname && !strncasecmp("Version", name, nname))
                ok = version_is_enough(sh, b, v.s->s);
        else if (nname && !strncasecmp("Modules", name, nname))
                ok = modules_are_there(sh, b, value, n);
        else if (nname && !strncasecmp("RunAsAdministrator", name, nname) && geteuid() != 0)
                ok = refuse(sh, "ScriptRequiresElevation", b, "it contains a \"#requires\" statement for running as "
                            "Administrator.%s Run it as root.", "");
        else if (nname > 2 && !strncasecmp("PSEdition", name, nname) && strcasecmp(v.s->s, "Core"))
                ok = refuse(sh, "ScriptRequiresUnmatchedPSEdition", b,
                            "it contained a \"#requires\" statement for PowerShell edition '%s'.", v.s->s);
        sh_drop(v);
        return ok;
}

bool sh_requires(struct sh *sh, struct block *b)
{
        for (uint32_t r = 0; r < b->nrequires; r++) {
                const char *s = b->requires[r];
                while ((s = strchr(s, '-'))) {
                        const char *name = ++s;
                        size_t nname = 0;
                        while (isalpha((unsigned char)name[nname]))
                                nname++;
                        const char *value = name + nname + strspn(name + nname, " \t"), *end = value;
                        while (*end && *end != '\r' && !(end[0] == '-' && isspace((unsigned char)end[-1])))
                                end++;
                        size_t n = (size_t)(end - value);
                        while (n && isspace((unsigned char)value[n - 1]))
                                n--;
                        if (!one_demand(sh, b, name, nname, value, n))
                                return false;
                        s = end;
                }
        }
        return true;
}
