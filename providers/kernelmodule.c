/* SPDX-License-Identifier: MIT
 *
 * KernelModule: /proc/modules; loading and unloading by modprobe, which knows what needs what.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/KernelModule.h"
#include "providers/lib/fill.h"
#include "providers/lib/linefile.h"
#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"

#define FILE_MOST (16 << 20)
#define AT_BOOT "/etc/modules-load.d/reeve.conf"
#define OPTIONS "/etc/modprobe.d/reeve.conf"
#define BLOCKED "/etc/modprobe.d/reeve-blocked.conf"
enum { PARAMETERS = 256, ARGUMENTS = 16 };

static bool is_name(const char *s, size_t n);

/* modules.dep names files with - and _ as they come: "kernel/net/ipv4/ip_vs-rr.ko.xz: ..." is module ip_vs_rr. */
static bool same_name(const char *file, const char *name, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (file[i] != name[i] && !(file[i] == '-' && name[i] == '_'))
                        return false;
        return file[n] == '.' && file[n + 1] == 'k';
}

/* What the kernel looks for at the end of a module's file. */
static void fill_signed(struct rv_row *row, const char *path)
{
        static const char magic[] = "~Module signature appended~\n";
        char end[sizeof magic - 1];
        size_t n = strlen(path);
        int fd = n > 3 && strcmp(path + n - 3, ".ko") == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0 && lseek(fd, -(off_t)sizeof end, SEEK_END) >= 0 &&
            read(fd, end, sizeof end) == (ssize_t)sizeof end)
                KernelModule_set_Signed(row, memcmp(end, magic, sizeof end) == 0);
        if (fd >= 0)
                close(fd);
}

static void fill_path(struct rv_row *row, const char *dep, const char *release, const char *name)
{
        size_t n = strlen(name);
        for (const char *p = dep; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
                size_t k = strcspn(p, ":\n");
                const char *file = memrchr(p, '/', k);
                if (file && k > n && same_name(file + 1, name, n)) {
                        char path[1024];
                        snprintf(path, sizeof path, "/lib/modules/%.64s/%.*s", release, (int)k, p);
                        rv_fill(row, KernelModule_PathName, path);
                        if (KernelModule_wants_Signed(row))
                                fill_signed(row, path);
                        return;
                }
        }
}

static void fill_parameters(struct rv_row *row, const char *name)
{
        char path[400], values[PARAMETERS][128], names[PARAMETERS][64];
        uint32_t n = 0;
        snprintf(path, sizeof path, "/sys/module/%.128s/parameters", name);
        DIR *d = opendir(path);
        for (struct dirent *e; d && n < PARAMETERS && (e = readdir(d));) {
                ssize_t k = e->d_name[0] == '.'
                                    ? -1
                                    : rv_proc_read(dirfd(d), e->d_name, values[n], sizeof values[n]);
                if (k < 0)
                        continue;
                values[n][strcspn(values[n], "\n")] = 0;
                snprintf(names[n++], sizeof names[0], "%.63s", e->d_name);
        }
        if (d)
                closedir(d);
        rv_list list = KernelModule_set_Parameters(row, 2 * n);
        for (uint32_t i = 0; i < n; i++) {
                rv_item_string(row, list, 2 * i, names[i], strlen(names[i]));
                rv_item_string(row, list, 2 * i + 1, values[i], strlen(values[i]));
        }
}

/* All names that boots load, each as " name " with _ for -. */
static char *names_at_boot(void)
{
        static const char *const folders[] = { "/etc/modules-load.d", "/run/modules-load.d",
                                               "/usr/local/lib/modules-load.d", "/usr/lib/modules-load.d",
                                               NULL };
        size_t n, size;
        char *all = NULL, path[512];
        FILE *to = open_memstream(&all, &size);
        for (int i = -1; to && (i < 0 || folders[i]); i++) {
                DIR *d = i < 0 ? NULL : opendir(folders[i]);
                struct dirent *e = NULL;
                while (i < 0 || (d && (e = readdir(d)))) {
                        size_t k = e ? strlen(e->d_name) : 0;
                        if (e && (k < 6 || strcmp(e->d_name + k - 5, ".conf") != 0))
                                continue;
                        snprintf(path, sizeof path, i < 0 ? "/etc/modules" : "%s/%.255s",
                                 i < 0 ? "" : folders[i], e ? e->d_name : "");
                        char *text = rv_slurp(path, 1 << 20, &n), *rest = text, *line;
                        while (text && (line = strsep(&rest, "\n"))) {
                                line += strspn(line, " \t");
                                line[strcspn(line, " \t")] = 0;
                                for (char *c = line; *c; c++)
                                        *c = *c == '-' ? '_' : *c;
                                if (is_name(line, strlen(line)))
                                        fprintf(to, " %s ", line);
                        }
                        free(text);
                        if (i < 0)
                                break;
                }
                if (d)
                        closedir(d);
        }
        if (to)
                fclose(to);
        return all;
}

static void fill_version(struct rv_row *row, const char *name)
{
        char path[200], text[128];
        snprintf(path, sizeof path, "/sys/module/%.128s/version", name);
        if (rv_proc_read(AT_FDCWD, path, text, sizeof text) > 0)
                rv_fill_n(row, KernelModule_Version, text, strcspn(text, "\n"));
}

/* "name size count used,by, Live 0x0 (OE)" */
static int emit(struct rv_sink *out, char *line, const char *dep, const char *release, const char *at_boot)
{
        char word[72];
        char *f[7] = { 0 };
        for (int i = 0; i < 7 && line; i++)
                f[i] = strsep(&line, " ");
        if (!f[4])
                return RV_OK;
        struct rv_row *row = rv_row(out);
        rv_fill(row, KernelModule_Name, f[0]);
        KernelModule_set_Size(row, strtoull(f[1], NULL, 10));
        if (strcmp(f[2], "-") != 0)
                KernelModule_set_RefCount(row, (int32_t)strtol(f[2], NULL, 10));
        if (strcmp(f[3], "-") != 0)
                rv_fill_list(row, KernelModule_UsedBy, f[3], ",");
        else
                KernelModule_set_UsedBy(row, 0);
        rv_fill(row, KernelModule_State, f[4]);
        if (f[6] && f[6][0] == '(')
                rv_fill_n(row, KernelModule_Taint, f[6] + 1, strcspn(f[6] + 1, ")"));
        if (KernelModule_wants_Version(row))
                fill_version(row, f[0]);
        if (KernelModule_wants_Parameters(row))
                fill_parameters(row, f[0]);
        snprintf(word, sizeof word, " %.64s ", f[0]);
        if (at_boot)
                KernelModule_set_Persisted(row, strstr(at_boot, word) != NULL);
        if (KernelModule_wants_PathName(row) || KernelModule_wants_Signed(row))
                fill_path(row, dep, release, f[0]);
        return rv_emit(out, row);
}

static int kernelmodule_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char path[160];
        size_t n;
        struct utsname u;
        int e = RV_OK;
        char *text = rv_slurp("/proc/modules", FILE_MOST, &n), *rest = text, *dep = NULL;
        if (!text)
                return errno == ENOENT
                               ? rv_fail(err, RV_NOT_SUPPORTED, "this kernel was built without modules")
                               : rv_fail_errno(err, errno, "cannot read /proc/modules");
        uname(&u);
        char *at_boot = rv_asked(q, KernelModule_Persisted) ? names_at_boot() : NULL;
        if (rv_asked(q, KernelModule_PathName) || rv_asked(q, KernelModule_Signed)) {
                snprintf(path, sizeof path, "/lib/modules/%.64s/modules.dep", u.release);
                dep = rv_slurp(path, FILE_MOST, &n);
        }
        for (char *line; e == RV_OK && (line = strsep(&rest, "\n"));)
                if (*line)
                        e = emit(out, line, dep, u.release, at_boot);
        free(text);
        free(at_boot);
        free(dep);
        return e == RV_STOP ? RV_OK : e;
}

static bool is_name(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)s[i]) && s[i] != '_' && (s[i] != '-' || i == 0))
                        return false;
        return n > 0 && n < 64;
}

/* Its line of /proc/modules, to be freed; NULL: it is not loaded. */
static char *loaded(const char *name)
{
        size_t n, k = strlen(name);
        char *text = rv_slurp("/proc/modules", FILE_MOST, &n), *line = NULL;
        for (const char *p = text; p && *p && !line; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
                size_t i = 0;
                while (i < k && (p[i] == name[i] || (p[i] == '_' && name[i] == '-')))
                        i++;
                if (i == k && p[k] == ' ')
                        line = strndup(p, strcspn(p, "\n"));
        }
        free(text);
        return line;
}

static bool is_loaded(const char *name)
{
        char *line = loaded(name);
        free(line);
        return line != NULL;
}

/* The kernel has it without a file: such a module has a folder in /sys/module only when it has parameters. */
static bool is_built_in(const char *name)
{
        char path[160];
        struct utsname u;
        size_t n, k = strlen(name);
        uname(&u);
        snprintf(path, sizeof path, "/lib/modules/%.64s/modules.builtin", u.release);
        char *text = rv_slurp(path, FILE_MOST, &n);
        bool found = false;
        for (const char *p = text; p && *p && !found; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
                const char *file = memrchr(p, '/', strcspn(p, "\n"));
                found = file && strcspn(file + 1, ".") == k && same_name(file + 1, name, k);
        }
        free(text);
        return found;
}

/* Why it does not go: "name size count user,user, ..." */
static void hint_users(const char *name, struct rv_error *err)
{
        char *line = loaded(name), users[400] = "";
        int count = 0;
        if (line && sscanf(line, "%*s %*s %d %399s", &count, users) == 2 && strcmp(users, "-") != 0) {
                users[strlen(users) - 1] = 0; /* it ends with a comma */
                rv_hint(err, "Modules that need it are to go first: %s.", users);
        } else
                rv_hint(err, "%d use it: a device, a mounted file system, an interface or a program.", count);
        free(line);
}

static int modprobe(struct rv_call *c, const char *const *argv, const char *what, struct rv_error *err)
{
        struct rv_tool tool = { .argv = argv, .what = what, .deadline = c->deadline };
        struct rv_tool_said said;
        int e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        if (said.status != 0) {
                int status = strstr(said.complaint, "not found") ? RV_NOT_FOUND
                             : strstr(said.complaint, "in use")  ? RV_FAILED
                             : strstr(said.complaint, "not permitted") || strstr(said.complaint, "denied")
                                     ? RV_ACCESS_DENIED
                             : strstr(said.complaint, "Invalid argument") ? RV_INVALID_PARAMETER
                                                                          : RV_FAILED;
                e = rv_tool_fail(err, status, &tool, &said);
        }
        rv_tool_free(&said);
        return e;
}

/* What boots are to do with it: its name, and the parameters that it was given now. */
static int keep(struct rv_call *c, const struct KernelModule_Load_in *in, struct rv_error *err)
{
        char begin[80], line[2048];
        size_t n = (size_t)snprintf(line, sizeof line, "options %s", in->Name);
        snprintf(begin, sizeof begin, "options %.64s", in->Name);
        for (uint32_t i = 0; in->has_Parameters && i < in->Parameters_n && n < sizeof line - 1; i++) {
                const char *s = in->Parameters[i].type == RV_STRING ? in->Parameters[i].s : "";
                if (strpbrk(s, "\n\\\"#") || !strchr(s, '=')) {
                        rv_about(err, NULL, NULL, "Parameters");
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "'%.60s' cannot be kept: it is no NAME=VALUE on one line", s);
                }
                n += (size_t)snprintf(line + n, sizeof line - n, " %s", s);
        }
        if (n >= sizeof line)
                return rv_fail(err, RV_INVALID_PARAMETER, "the parameters are too long to be kept");
        rv_change(c, "Persisted", rv_linefile_has(AT_BOOT, in->Name) ? "True" : "False", "True");
        if (c->what_if)
                return RV_OK;
        bool some = in->has_Parameters && in->Parameters_n;
        int r = rv_linefile_set(AT_BOOT, in->Name, in->Name);
        if (r == 0 && (some || rv_linefile_has(OPTIONS, begin)))
                r = rv_linefile_set(OPTIONS, begin, some ? line : NULL);
        return r ? rv_fail_errno(err, -r, "it is loaded; cannot keep it for the next boots (" AT_BOOT ")")
                 : RV_OK;
}

static int kernelmodule_load(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct KernelModule_Load_in *in = args;
        const char *argv[ARGUMENTS + 6] = { "modprobe" };
        char what[120];
        size_t n = 1;
        if (!is_name(in->Name, in->Name_len)) {
                rv_about(err, NULL, NULL, "Name");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' cannot be a module's name", in->Name);
        }
        uint32_t count = in->has_Parameters ? in->Parameters_n : 0;
        if (count > ARGUMENTS)
                return rv_fail(err, RV_INVALID_PARAMETER, "more than %d parameters", ARGUMENTS);
        rv_about(err, NULL, in->Name, NULL);
        snprintf(what, sizeof what, "load the module %.64s", in->Name);
        if (c->what_if)
                argv[n++] = "-n";
        argv[n++] = "--";
        argv[n++] = in->Name;
        for (uint32_t i = 0; i < count; i++)
                argv[n++] = in->Parameters[i].type == RV_STRING ? in->Parameters[i].s : "";
        if (!is_loaded(in->Name) && !is_built_in(in->Name))
                rv_change(c, "State", NULL, "Live");
        int e = modprobe(c, argv, what, err);
        if (e == RV_OK && in->has_Persist && in->Persist)
                e = keep(c, in, err);
        if (e == RV_OK)
                KernelModule_Load_out_set_ReturnValue(c->out, 0);
        return e;
}

static int forget(struct rv_call *c, const char *name, struct rv_error *err)
{
        char begin[80];
        snprintf(begin, sizeof begin, "options %.64s", name);
        if (!rv_linefile_has(AT_BOOT, name) && !rv_linefile_has(OPTIONS, begin))
                return RV_OK;
        rv_change(c, "Persisted", "True", "False");
        int r = c->what_if ? 0 : rv_linefile_set(AT_BOOT, name, NULL);
        if (r == 0 && !c->what_if)
                r = rv_linefile_set(OPTIONS, begin, NULL);
        return r ? rv_fail_errno(err, -r, "it is unloaded; cannot change " AT_BOOT) : RV_OK;
}

static int block(struct rv_call *c, const char *name, size_t n, bool on, struct rv_error *err)
{
        char begin[80], line[100];
        if (!is_name(name, n)) {
                rv_about(err, NULL, NULL, "Name");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' cannot be a module's name", name);
        }
        snprintf(begin, sizeof begin, "install %.64s", name);
        snprintf(line, sizeof line, "%.70s /bin/false", begin);
        if (rv_linefile_has(BLOCKED, begin) == on)
                return RV_OK;
        rv_change(c, "Blocked", on ? "False" : "True", on ? "True" : "False");
        int r = c->what_if ? 0 : rv_linefile_set(BLOCKED, begin, on ? line : NULL);
        return r ? rv_fail_errno(err, -r, "cannot write " BLOCKED) : RV_OK;
}

static int kernelmodule_block(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct KernelModule_Block_in *in = args;
        int e = block(c, in->Name, in->Name_len, true, err);
        if (e == RV_OK)
                KernelModule_Block_out_set_ReturnValue(c->out, 0);
        return e;
}

static int kernelmodule_unblock(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct KernelModule_Unblock_in *in = args;
        int e = block(c, in->Name, in->Name_len, false, err);
        if (e == RV_OK)
                KernelModule_Unblock_out_set_ReturnValue(c->out, 0);
        return e;
}

static int kernelmodule_unload(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct KernelModule_Unload_in *in = args;
        const struct rv_arg *name = &c->key[KernelModule_Name];
        char what[120];
        if (name->type == RV_NULL || !is_name(name->s, name->len))
                return rv_fail(err, RV_INVALID_PARAMETER, "a module is named by its Name");
        rv_about(err, NULL, name->s, NULL);
        if (!is_loaded(name->s))
                return is_built_in(name->s)
                               ? rv_fail(err, RV_NOT_SUPPORTED,
                                         "the module %.64s is built into the kernel: it cannot be unloaded",
                                         name->s)
                               : rv_fail(err, RV_NOT_FOUND, "the module %.64s is not loaded", name->s);
        const char *argv[] = { "modprobe", "-r", "--", name->s, NULL };
        snprintf(what, sizeof what, "unload the module %.64s", name->s);
        rv_change(c, "State", "Live", NULL);
        int e = c->what_if ? RV_OK : modprobe(c, argv, what, err);
        if (e == RV_FAILED)
                hint_users(name->s, err);
        if (e == RV_OK && in->has_Persist && in->Persist)
                e = forget(c, name->s, err);
        if (e == RV_OK)
                KernelModule_Unload_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[KernelModule_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [KernelModule_method_Load] = kernelmodule_load,
        [KernelModule_method_Unload] = kernelmodule_unload,
        [KernelModule_method_Block] = kernelmodule_block,
        [KernelModule_method_Unblock] = kernelmodule_unblock
};

static const struct rv_provider kernelmodule = { .class = &KernelModule_class,
                                                 .query = kernelmodule_query,
                                                 .methods = methods };

RV_PROVIDERS(kernelmodule, &kernelmodule);
