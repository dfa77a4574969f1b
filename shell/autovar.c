/* SPDX-License-Identifier: MIT
 *
 * Automatic variables, made when they are read: what the running call knows ($args, $MyInvocation, $PSScriptRoot),
 * what the session knows ($PSVersionTable, $Host, $PID), preferences nobody has set; and variables of drives
 * ($env:PATH, $function:f, $alias:gci, $variable:x).
 */
#include "shell/drives.h"
#include "shell/error.h"
#include "shell/text.h"
#include "shell/types.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

/* ---- the call ---- */
static struct frame *frame_of(struct sh *sh, struct scope *s)
{
        for (; s; s = s->parent)
                if (s->frame)
                        return s->frame;
        return &sh->top;
}

/* The file that the running code was written in. */
static const char *code_file(struct sh *sh)
{
        for (struct frame *f = sh->frame; f; f = f->prev)
                if (f->block)
                        return f->block->u->file;
        return NULL;
}

static struct sv folder_of(const char *file)
{
        const char *slash = file ? strrchr(file, '/') : NULL;
        if (!slash)
                return sh_text("");
        return sh_string(file, slash == file ? 1 : (size_t)(slash - file));
}

struct sv sh_frame_bound(struct sh *sh, struct frame *f)
{
        if (f->bound.kind != SH_K_UNSET && f->bound.kind != SH_NULL)
                return sh_keep(f->bound);
        struct sv r = sh_hash_new(true);
        struct sh_cmd *c = f->cmd;
        (void)sh;
        for (uint32_t i = 0; c && c->info && c->bound && i < c->info->n; i++) {
                if (c->bound[i].state != BV_BOUND && c->bound[i].state != BV_PIPE)
                        continue;
                struct sv name = sh_string(c->info->p[i].name, c->info->p[i].nname);
                sh_hash_set(r.h, name, c->bound[i].v);
                sh_drop(name);
        }
        f->bound = sh_keep(r);
        return r;
}

/* Lines of the standard input, for `... | reeve -Command '$input'`. */
static struct sv piped_in(struct sh *sh)
{
        struct sv r = sh_array_new(0);
        size_t n;
        if (sh->stdin_is_code || isatty(0))
                return r;
        sh->stdin_is_code = true;
        char *text = sh_read_file(sh, NULL, &n);
        for (char *p = text; p && p < text + n;) {
                char *end = memchr(p, '\n', (size_t)(text + n - p));
                size_t len = end ? (size_t)(end - p) : (size_t)(text + n - p);
                sh_array_take(r.a, sh_string(p, len > 0 && p[len - 1] == '\r' ? len - 1 : len));
                p += len + 1;
        }
        free(text);
        return r;
}

static bool of_call(struct sh *sh, struct scope *from, uint32_t id, struct sv *ret)
{
        struct frame *f = frame_of(sh, from);
        switch (id) {
        case ID_ARGS: *ret = f->args.kind == SH_K_UNSET ? sh_array_new(0) : sh_keep(f->args); return true;
        case ID_INPUT:
                if (f->input.kind == SH_K_UNSET)
                        f->input = f->scope == sh->global && !f->cmd ? piped_in(sh) : sh_array_new(0);
                if (f->input.kind == SH_ARRAY) {
                        struct sv all = f->input;
                        f->input = sh_input_enumerator(all);
                        sh_drop(all);
                }
                *ret = sh_keep(f->input);
                return true;
        case ID_PSBOUND: *ret = sh_frame_bound(sh, f); return true;
        case ID_MYINVOCATION: *ret = sh_invocation_of_frame(sh, f); return true;
        case ID_PSCMDLET:
                if (!f->cmd || !f->cmd->info || !f->cmd->info->advanced)
                        return false;
                *ret = sh_pscmdlet_new(sh, f->cmd);
                return true;
        case ID_SCRIPTROOT: *ret = folder_of(code_file(sh)); return true;
        case ID_COMMANDPATH: *ret = sh_text(code_file(sh)); return true;
        case ID_THIS:
                for (; f; f = f->prev)
                        if (!sh_is_null(f->this_) && f->this_.kind != SH_K_UNSET) {
                                *ret = sh_keep(f->this_);
                                return true;
                        }
                return false;
        case ID_STACKTRACE: *ret = sh_text(""); return true;
        }
        return false;
}

/* ---- the session ---- */
static struct sv version_of(struct sh *sh, const char *text)
{
        struct sv t = sh_text(text), r;
        if (!sh_try_convert(sh, t, &sh_type_version, &r))
                return t;
        sh_drop(t);
        return r;
}

static void put(struct sv hash, const char *key, struct sv owned)
{
        sh_hash_set_text(hash.h, key, owned);
        sh_drop(owned);
}

static void os_name(struct sh_buf *b)
{
        char line[512];
        FILE *f = fopen("/etc/os-release", "re");
        while (f && fgets(line, sizeof line, f)) {
                if (strncmp(line, "PRETTY_NAME=", 12))
                        continue;
                char *s = line + 12 + (line[12] == '"');
                s[strcspn(s, "\"\n")] = 0;
                sh_buf_puts(b, s);
        }
        if (f)
                fclose(f);
        struct utsname u;
        if (!b->n && uname(&u) == 0)
                sh_buf_putf(b, "%s %s", u.sysname, u.release);
}

static struct sv version_table(struct sh *sh)
{
        struct sv r = sh_hash_new(true), list = sh_array_new(8);
        static const char *const compatible[] = { "1.0", "2.0", "3.0", "4.0", "5.0", "5.1", "6.0", "7.0" };
        struct sh_buf b = { 0 };
        struct sv number = sh_text("7.4.0"), version;
        put(r, "PSVersion", sh_try_convert(sh, number, &sh_type_semver, &version) ? version : sh_keep(number));
        sh_drop(number);
        put(r, "PSEdition", sh_text("Core"));
        put(r, "GitCommitId", sh_text("7.4.0"));
        os_name(&b);
        put(r, "OS", sh_buf_take(&b));
        sh_buf_free(&b);
        put(r, "Platform", sh_text("Unix"));
        for (size_t i = 0; i < sizeof compatible / sizeof *compatible; i++)
                sh_array_take(list.a, version_of(sh, compatible[i]));
        put(r, "PSCompatibleVersions", list);
        put(r, "PSRemotingProtocolVersion", version_of(sh, "2.3"));
        put(r, "SerializationVersion", version_of(sh, "1.1.0.1"));
        put(r, "ReeveVersion", version_of(sh, REEVE_VERSION));
        return r;
}

static void note(struct sv object, const char *name, struct sv owned)
{
        sh_object_set(object, name, strlen(name), owned);
        sh_drop(owned);
}

static struct sv culture(void)
{
        struct sv r = sh_object_new();
        note(r, "LCID", sh_int(127));
        note(r, "Name", sh_text(""));
        note(r, "DisplayName", sh_text("Invariant Language (Invariant Country)"));
        return r;
}

static struct sv host_object(struct sh *sh)
{
        struct sv r = sh_object_new(), ui = sh_object_new(), raw = sh_object_new(), size = sh_object_new();
        note(size, "Width", sh_int(sh_width(sh)));
        note(size, "Height", sh_int(24));
        note(raw, "ForegroundColor", sh_text("Gray"));
        note(raw, "BackgroundColor", sh_text("Black"));
        note(raw, "WindowTitle", sh_text(""));
        note(raw, "WindowSize", sh_keep(size));
        note(raw, "BufferSize", size);
        note(ui, "RawUI", raw);
        note(ui, "SupportsVirtualTerminal", sh_bool(sh_colourful(1)));
        note(r, "Name", sh_text("ConsoleHost"));
        note(r, "Version", version_of(sh, "7.4.0"));
        note(r, "InstanceId", sh_text("00000000-0000-0000-0000-000000000000"));
        note(r, "UI", ui);
        note(r, "CurrentCulture", culture());
        note(r, "CurrentUICulture", culture());
        return r;
}

static struct sv home(void)
{
        const char *s = getenv("HOME");
        struct passwd *p = s && *s ? NULL : getpwuid(getuid());
        return sh_text(s && *s ? s : p ? p->pw_dir : "/");
}

static struct sv path_info(struct sh *sh)
{
        struct sv p = sh_location(sh), r = sh_path_info_new(p);
        sh_drop(p);
        return r;
}

static struct sv profile_path(void)
{
        const char *config = getenv("XDG_CONFIG_HOME");
        struct sv h = home(), r = config && *config ? sh_printf("%s/reeve/profile.ps1", config)
                                                    : sh_printf("%s/.config/reeve/profile.ps1", h.s->s);
        sh_drop(h);
        return r;
}

static bool of_session(struct sh *sh, uint32_t id, struct sv *ret)
{
        switch (id) {
        case ID_ERROR: *ret = sh_keep(sh->errors); break;
        case ID_MATCHES: *ret = sh_keep(sh->last_match); return !sh_is_null(sh->last_match);
        case ID_PWD: *ret = path_info(sh); break;
        case ID_HOME: *ret = home(); break;
        case ID_PID: *ret = sh_int(getpid()); break;
        case ID_PSVERSION: *ret = version_table(sh); break;
        case ID_HOST: *ret = host_object(sh); break;
        case ID_ISLINUX:
        case ID_ISCORE: *ret = sh_bool(true); break;
        case ID_ISWINDOWS:
        case ID_ISMACOS: *ret = sh_bool(false); break;
        case ID_CULTURE:
        case ID_UICULTURE: *ret = sh_text("en-US"); break;
        case ID_PSHOME: *ret = sh_text("/usr/bin"); break;
        case ID_SHELLID: *ret = sh_text("Microsoft.PowerShell"); break;
        case ID_EDITION: *ret = sh_text("Core"); break;
        case ID_NESTED: *ret = sh_int(0); break;
        case ID_PROFILE: *ret = profile_path(); break;
        case ID_UNDER:
        case ID_PSITEM: *ret = sh_keep(sh->under); break;
        case ID_TRUE:
        case ID_FALSE: *ret = sh_bool(id == ID_TRUE); break;
        case ID_NULL: *ret = SH_NIL; break;
        default: return false;
        }
        return true;
}

static bool of_preferences(uint32_t id, struct sv *ret)
{
        switch (id) {
        case ID_EAP:
        case ID_WAP:
        case ID_PROGRESSPREF: *ret = sh_action_value(AP_CONTINUE); break;
        case ID_VERBOSEPREF:
        case ID_DEBUGPREF:
        case ID_INFOPREF: *ret = sh_action_value(AP_SILENT); break;
        case ID_CONFIRMPREF: *ret = sh_impact_value(3); break;
        case ID_WHATIFPREF:
        case ID_NATIVE_EAP: *ret = sh_bool(false); break;
        case ID_NATIVE_ARGS: *ret = sh_text("Standard"); break;
        case ID_FORMATLIMIT: *ret = sh_int(4); break;
        case ID_ERRORVIEW: *ret = sh_text("ConciseView"); break;
        case ID_MAXHIST: *ret = sh_int(4096); break;
        default: return false;
        }
        return true;
}

bool sh_auto_var(struct sh *sh, struct scope *from, uint32_t id, struct sv *ret)
{
        if (id == ID_DEFAULTS) { /* made once: scripts put keys into it */
                *ret = sh_hash_new(false);
                struct sv *slot = sh_scope_slot(sh->global, id, true);
                *slot = sh_keep(*ret);
                return true;
        }
        if (id == ID_PSSTYLE) { /* made once: scripts change it */
                *ret = sh_ps_style(sh);
                struct sv *slot = sh_scope_slot(sh->global, id, true);
                *slot = sh_keep(*ret);
                return true;
        }
        if (id == ID_EXECUTION) {
                *ret = sh_execution_context(sh);
                return true;
        }
        return of_call(sh, from, id, ret) || of_session(sh, id, ret) || of_preferences(id, ret);
}

/* ---- drives ---- */
static bool drive_is(const char *name, uint32_t n, const char *drive)
{
        return strlen(drive) == n && !strncasecmp(name, drive, n);
}

static struct sv drive_item(struct sh *sh, const char *name)
{
        struct sh_target *t;
        if (sh_try_command(sh, name, strlen(name), &t) != SH_OK)
                return SH_NIL;
        struct sv target = sh_target_value(t), r = t->block.kind == SH_BLOCK ? sh_keep(t->block) : SH_NIL;
        sh_drop(target);
        return r;
}

struct sv sh_get_drive_var(struct sh *sh, const char *name, uint32_t drive)
{
        const char *rest = name + drive + 1, *s;
        if (drive_is(name, drive, "env")) {
                s = getenv(rest);
                return s ? sh_text(s) : SH_NIL;
        }
        if (drive_is(name, drive, "function"))
                return drive_item(sh, rest);
        if (drive_is(name, drive, "alias")) {
                s = sh_alias_lookup(sh, rest, strlen(rest));
                return s ? sh_text(s) : SH_NIL;
        }
        /* a path: its content, as Get-Content gives it */
        struct sv args[] = { sh_text("-LiteralPath"), sh_text(name) };
        struct collect c;
        sh_collect_begin(&c);
        int st = sh_run_command(sh, "Get-Content", (struct sh_args) { 2, args }, &c.sink);
        sh_drop(args[0]);
        sh_drop(args[1]);
        if (st == SH_OK)
                return sh_collect_end(&c);
        sh_collect_drop(&c);
        return sh_fail(sh, st);
}

static int set_env(struct sh *sh, const char *name, struct sv v)
{
        struct sv t = sh_to_text(sh, v);
        int bad = !*name || strchr(name, '=') || (t.s->len ? setenv(name, t.s->s, 1) : unsetenv(name));
        sh_drop(t);
        return bad ? sh_throw(sh, "ArgumentError", "InvalidArgument", SH_NIL,
                              "'%s' cannot be the name of an environment variable.", name)
                   : SH_OK;
}

int sh_set_drive_var(struct sh *sh, const char *name, uint32_t drive, struct sv v)
{
        const char *rest = name + drive + 1;
        if (drive_is(name, drive, "env"))
                return set_env(sh, rest, v);
        if (drive_is(name, drive, "function")) {
                struct sv b = sh_unwrap(v), text;
                if (sh_is_null(b)) {
                        sh_function_remove(sh, rest, strlen(rest));
                        return SH_OK;
                }
                if (b.kind == SH_BLOCK) {
                        sh_function_set(sh, sh->scope, rest, strlen(rest), b, false);
                        return SH_OK;
                }
                text = sh_to_text(sh, b);
                int st = sh_block_parse(sh, text.s->s, text.s->len, &b);
                sh_drop(text);
                if (st == SH_OK) {
                        sh_function_set(sh, sh->scope, rest, strlen(rest), b, false);
                        sh_drop(b);
                }
                return st;
        }
        struct sv args[] = { sh_text("-LiteralPath"), sh_text(name), sh_text("-Value"), sh_keep(v) };
        if (drive_is(name, drive, "alias")) {
                struct sv t = sh_to_text(sh, v);
                sh_alias_set(sh, sh->scope, rest, strlen(rest), t.s->s, 0);
                sh_drop(t);
                for (int i = 0; i < 4; i++)
                        sh_drop(args[i]);
                return SH_OK;
        }
        struct collect c;
        sh_collect_begin(&c);
        int st = sh_run_command(sh, "Set-Content", (struct sh_args) { 4, args }, &c.sink);
        sh_collect_drop(&c);
        for (int i = 0; i < 4; i++)
                sh_drop(args[i]);
        return st;
}

bool sh_function_remove(struct sh *sh, const char *name, size_t n)
{
        uint32_t id = sh_intern(sh, name, n);
        for (struct scope *s = sh->scope; s; s = s->parent)
                if (s->functions && sh_table_remove(s->functions, id)) {
                        sh->epoch++;
                        return true;
                }
        return false;
}
