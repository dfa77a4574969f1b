/* SPDX-License-Identifier: MIT
 *
 * Unit files as text. A new text is tried by systemd-analyze in a folder of its own first, then replaces the file at
 * once; PID 1 reads it in, and where it cannot load the unit then, the old file is put back.
 */
#include "providers/service/unitfile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen/Service.h"
#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"
#include "providers/service/backend.h"
#include "providers/service/unitops.h"

#define MOST (256 << 10) /* bytes of a unit file */

/* "limits" or "limits.conf" -> "limits.conf". */
static int drop_in_name(const char *name, size_t n, char *ret, size_t size, struct rv_error *err)
{
        bool whole = n > 5 && strcmp(name + n - 5, ".conf") == 0;
        snprintf(ret, size, "%.*s.conf", (int)(whole ? n - 5 : n), name);
        if (n < 200 && rv_service_good_name(name, n))
                return RV_OK;
        rv_about(err, NULL, NULL, "DropIn");
        return rv_fail(err, RV_INVALID_PARAMETER,
                       "'%.80s' is no name for a drop-in: letters, digits and :-_.\\@ are allowed", name);
}

/* The drop-in of that name which counts, or "". */
static void find_drop_in(struct rv_unitop *op, const char *name, char *ret, size_t size)
{
        char path[512], **all = NULL;
        ret[0] = 0;
        if (rv_systemd_path(op->unit, path, sizeof path) < 0 ||
            sd_bus_get_property_strv(op->bus, RV_SYSTEMD_NAME, path, RV_SYSTEMD_UNIT, "DropInPaths", NULL,
                                     &all) < 0)
                return;
        for (char **at = all; at && *at; at++) {
                const char *base = strrchr(*at, '/');
                if (base && strcmp(base + 1, name) == 0)
                        snprintf(ret, size, "%s", *at);
                free(*at);
        }
        free(all);
}

/* The file that a call is about, "" where there is none yet. */
static int find_file(struct rv_unitop *op, const char *drop_in, size_t n, char *ret, size_t size,
                     struct rv_error *err)
{
        char name[256];
        int e = drop_in ? drop_in_name(drop_in, n, name, sizeof name, err) : RV_OK;
        if (e)
                return e;
        if (drop_in)
                find_drop_in(op, name, ret, size);
        else
                rv_systemd_text(op->bus, op->unit, RV_SYSTEMD_UNIT, "FragmentPath", ret, size);
        return RV_OK;
}

int rv_unitfile_get(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_GetUnitFile_in *in = args;
        struct rv_unitop op;
        char path[PATH_MAX];
        size_t n;
        int e = rv_unitop_begin(c, "read the unit file of", &op, err);
        if (e)
                return e;
        e = find_file(&op, in->has_DropIn ? in->DropIn : NULL, in->DropIn_len, path, sizeof path, err);
        if (e == RV_OK && !path[0]) {
                rv_fail(err, RV_NOT_FOUND, "%s: there is no %s", op.what,
                        in->has_DropIn ? "such drop-in" : "file");
                e = rv_hint(err, in->has_DropIn ? "DropInPaths of the service has those that are."
                                                : "It was made at run time; its properties tell what it is.");
        }
        char *text = e == RV_OK ? rv_slurp(path, MOST, &n) : NULL;
        if (e == RV_OK && !text)
                e = rv_fail_errno(err, errno, "cannot read %s", path);
        if (text) {
                Service_GetUnitFile_out_set_Path(c->out, path, strlen(path));
                Service_GetUnitFile_out_set_Content(c->out, text, n);
        }
        free(text);
        return rv_unitop_end(c, &op, e);
}

/* ---- trying ---- */

/* systemd-analyze's words about this unit, one after the other with line ends between; "" where it has none to say. A
 * line counts that names the file, its drop-ins, or begins with the unit. */
static int analyze(const char *path, const char *unit, uint64_t deadline, char *ret, size_t size,
                   struct rv_error *err)
{
        const char *const env[] = { "SYSTEMD_COLORS=0", "SYSTEMD_LOG_LEVEL=info",
                                    "SYSTEMD_LOG_TARGET=console", NULL };
        const char *const argv[] = { "systemd-analyze", "--man=no", "--recursive-errors=no",
                                     "verify",          path,       NULL };
        char drop_ins[600];
        struct rv_tool_said said;
        struct rv_tool tool = { .argv = argv,
                                .what = "verify the unit file",
                                .deadline = deadline,
                                .env = env,
                                .terminal = true };
        ret[0] = 0;
        int e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        snprintf(drop_ins, sizeof drop_ins, "%s.d/", unit);
        for (char *line = said.text, *next; line && *line; line = next) {
                next = line + strcspn(line, "\r\n");
                if (*next)
                        *next++ = 0;
                size_t at = strlen(ret), n = strlen(unit);
                bool own = strncmp(line, unit, n) == 0 && line[n] == ':';
                if ((own || strstr(line, path) || strstr(line, drop_ins)) && at + strlen(line) + 2 < size)
                        snprintf(ret + at, size - at, "%s%s", at ? "\n" : "", line);
        }
        rv_tool_free(&said);
        return RV_OK;
}

static bool put(const char *path, const char *text, size_t n)
{
        FILE *f = fopen(path, "wex");
        bool good = f && fwrite(text, 1, n, f) == n;
        if (f)
                good &= fclose(f) == 0;
        return good;
}

static void forget_trial(const char *folder, const char *unit, const char *name)
{
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s.d/%s", folder, unit, name);
        unlink(path);
        snprintf(path, sizeof path, "%s/%s.d", folder, unit);
        rmdir(path);
        snprintf(path, sizeof path, "%s/%s", folder, unit);
        unlink(path);
        rmdir(folder);
}

/* The unit with the new text, in a folder that systemd-analyze looks at first. name: of the drop-in, or NULL. */
static int try(struct rv_unitop *op, const char *name, const char *text, size_t n, uint64_t deadline,
               struct rv_error *err)
{
        char folder[] = "/run/reeve-verify.XXXXXX", path[PATH_MAX], words[2000] = "", fragment[PATH_MAX];
        size_t nmain = n;
        char *old = NULL;
        if (!rv_tool_there("systemd-analyze"))
                return RV_OK; /* PID 1 has the last word anyway */
        if (name) {
                rv_systemd_text(op->bus, op->unit, RV_SYSTEMD_UNIT, "FragmentPath", fragment,
                                sizeof fragment);
                old = rv_slurp(fragment, MOST, &nmain);
        }
        if (!mkdtemp(folder)) {
                free(old);
                return rv_fail_errno(err, errno, "cannot make a folder to try the unit file in");
        }
        snprintf(path, sizeof path, "%s/%s.d", folder, op->unit);
        bool good = !name || mkdir(path, 0755) == 0;
        snprintf(path, sizeof path, "%s/%s.d/%s", folder, op->unit, name ? name : "");
        good = good && (!name || put(path, text, n));
        snprintf(path, sizeof path, "%s/%s", folder, op->unit);
        good = good && put(path, name ? (old ? old : "") : text, name ? (old ? nmain : 0) : n);
        int e = good ? analyze(path, op->unit, deadline, words, sizeof words, err)
                     : rv_fail_errno(err, errno, "cannot write %s", path);
        forget_trial(folder, op->unit, name ? name : "");
        free(old);
        if (e || !words[0])
                return e;
        char *line = words;
        if (strncmp(line, folder, strlen(folder)) == 0) /* the place is of no interest, the line is */
                line += strlen(folder) + 1;
        rv_about(err, NULL, NULL, "Content");
        rv_fail(err, RV_INVALID_PARAMETER, "%s: %.*s", op->what, (int)strcspn(line, "\n"), line);
        return rv_hint(err, "So says systemd-analyze verify; Force has it written all the same.");
}

/* ---- setting ---- */

struct place {
        char folder[PATH_MAX], path[PATH_MAX]; /* folder: of drop-ins, "" for a unit file */
        char name[256];                        /* of the drop-in */
        char *old;                             /* what is there; NULL: nothing */
        size_t nold;
};

/* Where an administrator's file is, and what it has now. */
static int find_place(struct rv_unitop *op, const struct Service_SetUnitFile_in *in, struct place *ret,
                      struct rv_error *err)
{
        const char *top = in->has_Runtime && in->Runtime ? "/run/systemd/system" : "/etc/systemd/system";
        struct stat st;
        *ret = (struct place) { 0 };
        int e = in->has_DropIn ? drop_in_name(in->DropIn, in->DropIn_len, ret->name, sizeof ret->name, err)
                               : RV_OK;
        if (e)
                return e;
        if (in->has_DropIn) {
                snprintf(ret->folder, sizeof ret->folder, "%s/%s.d", top, op->unit);
                snprintf(ret->path, sizeof ret->path, "%s/%s.d/%s", top, op->unit, ret->name);
        } else {
                snprintf(ret->path, sizeof ret->path, "%s/%s", top, op->unit);
        }
        if (lstat(ret->path, &st) == 0 && !S_ISREG(st.st_mode)) {
                rv_fail(err, RV_NOT_SUPPORTED, "%s: %s is a link", op->what, ret->path);
                return rv_hint(err, "It is masked, or another name of a unit: Unmask it, or name that unit.");
        }
        ret->old = rv_slurp(ret->path, MOST, &ret->nold);
        if (!ret->old && errno != ENOENT)
                return rv_fail_errno(err, errno, "cannot read %s", ret->path);
        return RV_OK;
}

static int write_place(const struct place *p, const char *text, size_t n, struct rv_error *err)
{
        int r = 0;
        if (text && p->folder[0] && mkdir(p->folder, 0755) < 0 && errno != EEXIST)
                r = -errno;
        if (r == 0 && text)
                r = rv_replace_file(p->path, text, n, 0644);
        else if (r == 0 && unlink(p->path) < 0 && errno != ENOENT)
                r = -errno;
        if (r == 0 && !text && p->folder[0])
                rmdir(p->folder); /* where it is empty */
        return r < 0 ? rv_fail_errno(err, -r, "cannot write %s", p->path) : RV_OK;
}

/* Why PID 1 could not load it; "" where it did. */
static void load_error(struct rv_unitop *op, char *ret, size_t size)
{
        char path[512], load[32];
        sd_bus_message *m = NULL;
        const char *name, *text;
        ret[0] = 0;
        rv_systemd_call(op->bus, 0, op->what, NULL, NULL, "LoadUnit", "s", op->unit);
        rv_systemd_text(op->bus, op->unit, RV_SYSTEMD_UNIT, "LoadState", load, sizeof load);
        if (strcmp(load, "bad-setting") != 0 && strcmp(load, "error") != 0 && strcmp(load, "not-found") != 0)
                return;
        snprintf(ret, size, "%s", load);
        if (rv_systemd_path(op->unit, path, sizeof path) >= 0 &&
            sd_bus_get_property(op->bus, RV_SYSTEMD_NAME, path, RV_SYSTEMD_UNIT, "LoadError", NULL, &m,
                                "(ss)") >= 0 &&
            sd_bus_message_read(m, "(ss)", &name, &text) >= 0 && *text)
                snprintf(ret, size, "%s", text);
        sd_bus_message_unref(m);
}

static int put_in(struct rv_call *c, struct rv_unitop *op, const struct place *p, const char *text, size_t n,
                  struct rv_error *err)
{
        char why[300];
        int e = write_place(p, text, n, err);
        if (e == RV_OK)
                e = rv_unitop_reload_manager(op, c->deadline, err);
        if (e)
                return e;
        load_error(op, why, sizeof why);
        if (!why[0] ||
            strcmp(op->load, "loaded") != 0) /* what could not be loaded before is no reason to go back */
                return RV_OK;
        e = write_place(p, p->old, p->nold, err);
        if (e == RV_OK)
                e = rv_unitop_reload_manager(op, c->deadline, err);
        if (e)
                return e;
        rv_about(err, NULL, NULL, "Content");
        rv_fail(err, RV_FAILED, "%s: systemd cannot load it: %s", op->what, why);
        return rv_hint(err, "What was there has been put back.");
}

int rv_unitfile_set(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_SetUnitFile_in *in = args;
        struct rv_unitop op;
        struct place p = { 0 };
        char was[40], is[40];
        int e = rv_unitop_begin(c, "set the unit file of", &op, err);
        if (e)
                return e;
        bool drop = in->Content_len == 0;
        e = find_place(&op, in, &p, err);
        if (e == RV_OK && in->Content_len > MOST) {
                rv_about(err, NULL, NULL, "Content");
                e = rv_fail(err, RV_INVALID_PARAMETER, "%s: it has more than %d KiB", op.what, MOST >> 10);
        }
        if (e == RV_OK && drop && !in->has_DropIn) {
                rv_about(err, NULL, NULL, "Content");
                rv_fail(err, RV_INVALID_PARAMETER, "%s: a unit file cannot be empty", op.what);
                e = rv_hint(err, "An empty Content takes a drop-in away; Delete removes a service.");
        }
        bool same =
                p.old ? !drop && p.nold == in->Content_len && memcmp(p.old, in->Content, p.nold) == 0 : drop;
        if (e == RV_OK && !same && !drop && !(in->has_Force && in->Force))
                e = try(&op, in->has_DropIn ? p.name : NULL, in->Content, in->Content_len, c->deadline, err);
        if (e == RV_OK && !same) {
                snprintf(was, sizeof was, "%zu bytes", p.nold);
                snprintf(is, sizeof is, "%zu bytes", in->Content_len);
                rv_change(c, p.path, p.old ? was : NULL, drop ? NULL : is);
                if (!c->what_if)
                        e = put_in(c, &op, &p, drop ? NULL : in->Content, in->Content_len, err);
        }
        if (e == RV_OK)
                Service_SetUnitFile_out_set_Path(c->out, p.path, strlen(p.path));
        free(p.old);
        return rv_unitop_end(c, &op, e);
}

int rv_unitfile_verify(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        struct rv_unitop op;
        char path[PATH_MAX], words[4000];
        int e = rv_unitop_begin(c, "verify", &op, err);
        if (e)
                return e;
        find_file(&op, NULL, 0, path, sizeof path, err);
        if (!path[0])
                return rv_unitop_end(c, &op, rv_fail(err, RV_NOT_SUPPORTED, "%s: it has no file", op.what));
        e = analyze(path, op.unit, c->deadline, words, sizeof words, err);
        unsigned lines = 0;
        for (const char *at = words; e == RV_OK && *at; at += strcspn(at, "\n"), at += *at == '\n')
                lines++;
        e = rv_unitop_end(c, &op, e);
        if (e)
                return e;
        rv_list list = Service_Verify_out_set_Messages(c->out, lines);
        const char *at = words;
        for (unsigned i = 0; i < lines; i++) {
                size_t n = strcspn(at, "\n");
                rv_item_string(c->out, list, i, at, n);
                at += n + (at[n] == '\n');
        }
        Service_Verify_out_set_ReturnValue(c->out, lines ? 1 : 0);
        return RV_OK;
}
