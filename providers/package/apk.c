/* SPDX-License-Identifier: MIT
 *
 * apk (Alpine): its database of text, changed by apk. What a change would do is what it says under --simulate:
 *
 *      (1/2) Installing apple (1.0-r0)
 *      (2/2) Upgrading pear (1.0-r0 -> 2.0-r0)
 *
 * Its world is a list of wishes: a package is held when the wish names one version, and was installed for others when
 * there is no wish for it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen/Package.h"
#include "gen/PackageUpdate.h"
#include "providers/lib/fill.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"
#include "providers/lib/x509.h"
#include "providers/package/apkdb.h"
#include "providers/package/backend.h"

#define WORLD "/etc/apk/world"
enum { DATABASE = 256 << 20, FILE_MOST = 1 << 30, ARGV = RV_PACKAGE_ARGUMENTS + 6 };

static const struct rv_package_outcome outcomes[] = {
        { "no such package", RV_NOT_FOUND, "Update-PackageUpdate fetches the lists of what there is." },
        { "Unable to lock database", RV_UNAVAILABLE,
          "Another program is changing packages: try again when it has ended." },
        { "[!", RV_FAILED, "apk does not remove what it conflicts with: uninstall that first." },
        { "breaks:", RV_FAILED, "There is no such version, or another package needs a different one." },
        { "temporary error", RV_UNAVAILABLE, "The repository cannot be reached." },
        { "UNTRUSTED signature", RV_FAILED, "The repository is not signed by a key in /etc/apk/keys." },
        { NULL, 0, NULL }
};

/* ---- reading ---- */

static const char *database(void)
{
        static const char *const paths[] = { "/lib/apk/db/installed", "/usr/lib/apk/db/installed" };
        struct stat st;
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                if (stat(paths[i], &st) == 0 && st.st_size > 0)
                        return paths[i];
        return NULL;
}

static bool here(void)
{
        return database() != NULL;
}

struct text {
        char *s;
        const char *end;
};

static int read_database(struct text *t, struct rv_error *err)
{
        const char *path = database();
        size_t n = 0;
        *t = (struct text) { .s = path ? rv_slurp(path, DATABASE, &n) : NULL };
        if (!t->s)
                return rv_fail_errno(err, path ? errno : ENOENT, "cannot read apk's database");
        t->end = t->s + n;
        return RV_OK;
}

/* The wish for a package: NULL: none. *pinned: for one version of it. */
static const char *wish(const char *world, const char *name, size_t n, bool *pinned)
{
        for (const char *s = world; s && *(s += strspn(s, " \t\r\n"));) {
                size_t all = strcspn(s, " \t\r\n"), own = strcspn(s, "@<>=~ \t\r\n"), tag = 0;
                if (s[own] == '@')
                        tag = strcspn(s + own, "<>=~ \t\r\n");
                if (own == n && memcmp(s, name, n) == 0) {
                        *pinned = s[own + tag] == '=';
                        return s;
                }
                s += all;
        }
        return NULL;
}

static void fill_text(struct rv_row *row, unsigned p, struct rv_apk_text t)
{
        rv_fill_n(row, p, t.s, t.n);
}

static uint64_t number(struct rv_apk_text t)
{
        uint64_t v = 0;
        for (size_t i = 0; i < t.n && t.s[i] >= '0' && t.s[i] <= '9' && v < UINT64_MAX / 20; i++)
                v = 10 * v + (uint64_t)(t.s[i] - '0');
        return v;
}

static void fill_depends(struct rv_row *row, struct rv_apk_text t)
{
        char *text = t.n && Package_wants_Depends(row) ? strndup(t.s, t.n) : NULL;
        rv_fill_list(row, Package_Depends, text, " ");
        free(text);
}

enum { PATH = 4400 };
static int file_path(const struct rv_apk_file *f, char ret[PATH])
{
        bool both = f->name.s && f->folder.n;
        return snprintf(ret, PATH, "/%.*s%s%.*s", (int)(f->folder.n < 4000 ? f->folder.n : 4000),
                        f->folder.s ? f->folder.s : "", both ? "/" : "",
                        (int)(f->name.n < 300 ? f->name.n : 300), f->name.s ? f->name.s : "");
}

static void fill_files(struct rv_row *row, const struct rv_apk_record *r)
{
        if (!Package_wants_Files(row))
                return;
        struct rv_apk_text files = r->files;
        struct rv_apk_file f = { 0 };
        uint32_t n = 0, i = 0;
        while (rv_apk_next_file(&files, &f))
                n += f.name.s || f.folder.n;
        rv_list list = rv_set_list(row, Package_Files, n);
        files = r->files;
        f = (struct rv_apk_file) { 0 };
        while (i < n && rv_apk_next_file(&files, &f)) {
                char path[PATH];
                if (!f.name.s && !f.folder.n)
                        continue;
                int k = file_path(&f, path);
                rv_item_string(row, list, i++, path, (size_t)k);
        }
}

static void fill_row(struct rv_row *row, const struct rv_apk_record *r, const char *world)
{
        struct rv_apk_text name = rv_apk_field(r, 'P');
        bool held = false, wished = wish(world, name.s, name.n, &held);
        fill_text(row, Package_Name, name);
        fill_text(row, Package_Architecture, rv_apk_field(r, 'A'));
        fill_text(row, Package_Version, rv_apk_field(r, 'V'));
        rv_fill(row, Package_Status, "installed");
        rv_fill(row, Package_Wanted, held ? "hold" : "install");
        Package_set_Held(row, held);
        Package_set_AutoInstalled(row, !wished);
        fill_text(row, Package_Summary, rv_apk_field(r, 'T'));
        fill_text(row, Package_Vendor, rv_apk_field(r, 'm'));
        fill_text(row, Package_Homepage, rv_apk_field(r, 'U'));
        fill_text(row, Package_SourcePackage, rv_apk_field(r, 'o').n ? rv_apk_field(r, 'o') : name);
        if (rv_apk_field(r, 'I').n)
                Package_set_InstalledSize(row, number(rv_apk_field(r, 'I')));
        fill_depends(row, rv_apk_field(r, 'D'));
        fill_files(row, r);
        rv_fill(row, Package_Manager, "apk");
}

static int query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct text t;
        struct rv_apk_record r;
        size_t n;
        int e = read_database(&t, err);
        if (e)
                return e;
        char *world = rv_slurp(WORLD, 1 << 20, &n);
        for (const char *at = t.s; e == RV_OK && rv_apk_next(&at, t.end, &r);) {
                struct rv_apk_text name = rv_apk_field(&r, 'P'), arch = rv_apk_field(&r, 'A');
                if (!name.n || !rv_package_fits(q, Package_Name, name.s, name.n) ||
                    !rv_package_fits(q, Package_Architecture, arch.s, arch.n))
                        continue;
                struct rv_row *row = rv_row(out);
                fill_row(row, &r, world);
                e = rv_cancelled(q->call) ? RV_STOP : rv_emit(out, row);
        }
        free(world);
        free(t.s);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- the one package of a key ---- */

static int find_record(const char *name, const struct rv_arg *architecture, struct text *t,
                       struct rv_apk_record *r, bool *found, struct rv_error *err)
{
        int e = read_database(t, err);
        *found = false;
        for (const char *at = t->s; e == RV_OK && !*found && rv_apk_next(&at, t->end, r);)
                *found = rv_apk_is(rv_apk_field(r, 'P'), name) &&
                         (!architecture || architecture->type != RV_STRING ||
                          rv_apk_is(rv_apk_field(r, 'A'), architecture->s));
        return e;
}

static int find(const struct rv_arg *name, const struct rv_arg *architecture, struct rv_package_target *t,
                struct rv_error *err)
{
        struct text text;
        struct rv_apk_record r;
        bool found;
        size_t n;
        int e = find_record(name->s, architecture, &text, &r, &found, err);
        if (e == RV_OK && found) {
                struct rv_apk_text version = rv_apk_field(&r, 'V');
                char *world = rv_slurp(WORLD, 1 << 20, &n);
                t->n = 1;
                snprintf(t->name, sizeof t->name, "%s", name->s);
                snprintf(t->version, sizeof t->version, "%.*s", (int)version.n, version.s ? version.s : "");
                wish(world, name->s, name->len, &t->held);
                free(world);
        }
        free(text.s);
        return e;
}

static bool is_name(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!rv_package_alnum(s[i]) && (!s[i] || !strchr(i ? "+-._" : ".", s[i])))
                        return false;
        return n > 0;
}

static bool is_version(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!rv_package_alnum(s[i]) && (!s[i] || !strchr("._-", s[i])))
                        return false;
        return n > 0 && s[0] >= '0' && s[0] <= '9';
}

/* A SHA-1 in base64 as one in hex. */
static bool to_hex(const char *base64, char ret[41])
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        unsigned bits = 0, have = 0, n = 0;
        for (int i = 0; i < 27; i++) {
                const char *digit = base64[i] ? strchr(digits, base64[i]) : NULL;
                if (!digit)
                        return false;
                bits = bits << 6 | (unsigned)(digit - digits);
                for (have += 6; have >= 4 && n < 40; have -= 4)
                        ret[n++] = "0123456789abcdef"[bits >> (have - 4) & 15];
        }
        ret[n] = 0;
        return n == 40;
}

/* The sum is "Q1" and the SHA-1 of what it holds, or of where it points; another kind is taken as right. */
static bool intact(const char *path, struct rv_apk_text sum)
{
        struct stat st;
        char is[41], want[41], target[4096], *text = NULL;
        size_t n = 0;
        if (lstat(path, &st) < 0)
                return false;
        if (sum.n != 30 || memcmp(sum.s, "Q1", 2) != 0 || !to_hex(sum.s + 2, want))
                return true;
        if (S_ISLNK(st.st_mode)) {
                ssize_t k = readlink(path, target, sizeof target);
                n = k > 0 ? (size_t)k : 0;
        } else if (S_ISREG(st.st_mode) && !(text = rv_slurp(path, FILE_MOST, &n)))
                return false;
        rv_x509_sha1(text ? text : target, n, is);
        free(text);
        return strcasecmp(is, want) == 0;
}

static int verify(struct rv_call *c, const struct rv_package_target *t, char **ret, struct rv_error *err)
{
        struct text text;
        struct rv_apk_record r;
        struct rv_apk_file f = { 0 };
        bool found;
        size_t n = 0;
        FILE *to = open_memstream(ret, &n);
        int e = to ? find_record(t->name, NULL, &text, &r, &found, err) : -ENOMEM;
        while (e == RV_OK && found && rv_apk_next_file(&r.files, &f)) {
                char path[PATH];
                file_path(&f, path);
                if (!intact(path, f.sum))
                        fprintf(to, "%s\n", path);
                if (rv_cancelled(c))
                        e = rv_fail(err, RV_TIMED_OUT, "the files of %.100s could not be read in time",
                                    t->name);
        }
        if (to) {
                free(text.s);
                fclose(to);
        }
        if (e) {
                free(*ret);
                *ret = NULL;
        }
        return e;
}

/* ---- changing ---- */

struct action {
        char *name, *from, *to; /* versions; NULL: it was not there, it goes */
        bool down;              /* to an older one */
};

/* "(1/2) Installing NAME (TO)", "(2/2) Upgrading NAME (FROM -> TO)"; a tag of a repository behind the name goes. */
static bool parse(char *line, struct action *a)
{
        char *verb = strchr(line, ')'), *open = verb ? strchr(verb, '(') : NULL,
             *close = open ? strchr(open, ')') : NULL;
        *a = (struct action) { 0 };
        if (line[0] != '(' || !close || verb[1] != ' ' || open < verb + 3 || open[-1] != ' ')
                return false;
        verb += 2;
        open[-1] = *close = 0;
        char *space = strchr(verb, ' '), *arrow = strstr(open, " -> ");
        if (!space)
                return false;
        *space = 0;
        a->name = space + 1;
        a->name[strcspn(a->name, "@ ")] = 0;
        a->to = open + 1;
        if (arrow) {
                *arrow = 0;
                a->from = open + 1;
                a->to = arrow + 4;
        } else if (strcmp(verb, "Purging") == 0) {
                a->from = a->to;
                a->to = NULL;
        } else if (strcmp(verb, "Installing") != 0)
                a->from = a->to; /* Reinstalling, Replacing, Updating pinning */
        a->down = strcmp(verb, "Downgrading") == 0;
        return *a->name != 0;
}

static void fill_argv(const char **argv, bool simulated, const char *const *arguments)
{
        size_t n = 0;
        argv[n++] = "apk";
        argv[n++] = "--no-progress";
        if (simulated)
                argv[n++] = "--simulate";
        for (size_t i = 0; i < RV_PACKAGE_ARGUMENTS && arguments[i]; i++)
                argv[n++] = arguments[i];
        argv[n] = NULL;
}

typedef int each_action(void *, const struct action *);

static int simulate(const char *const *arguments, const char *what, uint64_t deadline, each_action *each,
                    void *state, struct rv_error *err)
{
        const char *argv[ARGV];
        struct rv_tool_said said;
        struct action a;
        fill_argv(argv, true, arguments);
        int e = rv_package_run(&(struct rv_package_run) { .argv = argv,
                                                          .what = what,
                                                          .outcomes = outcomes,
                                                          .mark = "ERROR: ",
                                                          .deadline = deadline },
                               &said, err);
        if (e)
                return e;
        for (char *rest = said.text, *line; e == RV_OK && (line = strsep(&rest, "\n"));)
                if (parse(line, &a))
                        e = each(state, &a);
        rv_tool_free(&said);
        return e;
}

struct change {
        struct rv_call *c;
        const struct rv_package_order *o;
        struct rv_error *err;
        size_t n;
        bool target; /* the package that it is about is among them */
};

static int tell(void *state, const struct action *a)
{
        struct change *ch = state;
        ch->n++;
        ch->target |= ch->o->target && strcmp(ch->o->target->name, a->name) == 0;
        rv_change(ch->c, a->name, a->from, a->to);
        if (ch->o->verb != RV_PACKAGE_INSTALL || ch->o->force || (a->to && !a->down))
                return RV_OK;
        rv_fail(ch->err, RV_FAILED, "cannot %s: %s %s would be %s", ch->o->what, a->name,
                a->from ? a->from : "", a->to ? "replaced by an older version" : "removed");
        return rv_hint(ch->err, "Force accepts it.");
}

/* "(1/2) Installing apple (1.0-r0)": it begins with that one. */
static void progress(void *state, const char *line, size_t n)
{
        struct change *ch = state;
        unsigned at, of;
        const char *text = strchr(line, ' ');
        (void)n;
        if (text && sscanf(line, "(%u/%u) ", &at, &of) == 2 && at && at <= of)
                rv_progress(ch->c, ch->o->what, text + 1, (int)(100ull * (at - 1) / of));
}

static int run(struct rv_call *c, const struct rv_package_order *o, const char *const *arguments,
               struct rv_error *err)
{
        const char *argv[ARGV];
        struct change ch = { .c = c, .o = o };
        fill_argv(argv, false, arguments);
        return rv_package_do(&(struct rv_package_run) { .argv = argv,
                                                          .what = o->what,
                                                          .outcomes = outcomes,
                                                          .mark = "ERROR: ",
                                                          .deadline = c->deadline,
                                                          .change = true,
                                                          .line = progress,
                                                          .state = &ch },
                             err);
}

/* Its world may change where no package does: a wish for what is there already. So it is run in any case. */
static int change(struct rv_call *c, const struct rv_package_order *o, const char *const *arguments,
                  struct rv_error *err)
{
        struct change ch = { .c = c, .o = o, .err = err };
        int e = simulate(arguments, o->what, c->deadline, tell, &ch, err);
        if (e)
                return e;
        if (o->verb == RV_PACKAGE_REMOVE && !ch.target) {
                rv_fail(err, RV_FAILED, "cannot %s: other packages need it", o->what);
                return rv_hint(err, "apk info --rdepends %s tells which.", o->target->name);
        }
        return c->what_if ? RV_OK : run(c, o, arguments, err);
}

static int install(struct rv_call *c, const struct rv_package_order *o, struct rv_error *err)
{
        const char *arguments[RV_PACKAGE_NAMES + 3] = { "add" };
        size_t k = 1;
        for (size_t i = 0; i < o->n; i++) {
                arguments[k] = o->version ? rv_package_spec(c, o->names[i], "=", o->version) : o->names[i];
                if (!arguments[k++])
                        return -ENOMEM;
        }
        return change(c, o, arguments, err);
}

static int hold(struct rv_call *c, const struct rv_package_order *o, bool on, struct rv_error *err)
{
        const char *wish_for =
                on ? rv_package_spec(c, o->target->name, "=", o->target->version) : o->target->name;
        if (!wish_for)
                return -ENOMEM;
        return c->what_if ? RV_OK : run(c, o, (const char *[]) { "add", wish_for, NULL }, err);
}

static int order(struct rv_call *c, const struct rv_package_order *o, struct rv_error *err)
{
        switch (o->verb) {
        case RV_PACKAGE_INSTALL: return install(c, o, err);
        case RV_PACKAGE_REMOVE:
                return change(c, o,
                              (const char *[]) { "del", "--rdepends", o->target->name,
                                                 o->purge ? "--purge" : NULL, NULL },
                              err);
        case RV_PACKAGE_UPGRADE:
                return change(c, o, (const char *[]) { "upgrade", o->target->name, NULL }, err);
        case RV_PACKAGE_REINSTALL:
                return change(c, o, (const char *[]) { "fix", "--reinstall", o->target->name, NULL }, err);
        case RV_PACKAGE_HOLD:
        case RV_PACKAGE_UNHOLD: return hold(c, o, o->verb == RV_PACKAGE_HOLD, err);
        case RV_PACKAGE_SCAN: return c->what_if ? RV_OK : run(c, o, (const char *[]) { "update", NULL }, err);
        case RV_PACKAGE_APPLY:
                return change(c, o, (const char *[]) { "upgrade", o->full ? "--available" : NULL, NULL },
                              err);
        }
        return RV_NOT_SUPPORTED;
}

/* ---- updates ---- */

struct updates {
        const struct rv_query *q;
        struct rv_sink *out;
};

static int emit_update(void *state, const struct action *a)
{
        struct updates *u = state;
        struct text text = { 0 };
        struct rv_apk_record r;
        bool found = false;
        if (!a->from || !a->to || a->down || strcmp(a->from, a->to) == 0 ||
            !rv_package_fits(u->q, PackageUpdate_Name, a->name, strlen(a->name)))
                return RV_OK;
        struct rv_row *row = rv_row(u->out);
        rv_fill(row, PackageUpdate_Name, a->name);
        if (rv_asked(u->q, PackageUpdate_Architecture) &&
            find_record(a->name, NULL, &text, &r, &found, NULL) == RV_OK && found)
                rv_fill_n(row, PackageUpdate_Architecture, rv_apk_field(&r, 'A').s, rv_apk_field(&r, 'A').n);
        free(text.s);
        rv_fill(row, PackageUpdate_Version, a->to);
        rv_fill(row, PackageUpdate_InstalledVersion, a->from);
        return rv_emit(u->out, row);
}

static int updates(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct updates u = { q, out };
        int e = simulate((const char *[]) { "upgrade", NULL }, "look for updates", q->deadline, emit_update,
                         &u, err);
        return e == RV_STOP ? RV_OK : e;
}

static int owner(struct rv_call *c, const char *path, char **ret, struct rv_error *err)
{
        struct text text;
        struct rv_apk_record r;
        size_t n = 0;
        char found[PATH], *all = NULL;
        FILE *to = open_memstream(&all, &n);
        int e = to ? read_database(&text, err) : -ENOMEM;
        for (const char *at = e ? NULL : text.s; at && !rv_cancelled(c) && rv_apk_next(&at, text.end, &r);) {
                struct rv_apk_file f = { 0 };
                bool its = false;
                while (!its && rv_apk_next_file(&r.files, &f)) {
                        file_path(&f, found);
                        its = strcmp(found, path) == 0;
                }
                if (its)
                        fprintf(to, "%.*s\n", (int)rv_apk_field(&r, 'P').n, rv_apk_field(&r, 'P').s);
        }
        if (e == RV_OK)
                free(text.s);
        if (to)
                fclose(to);
        *ret = e == RV_OK && n ? all : NULL;
        if (!*ret)
                free(all);
        return e;
}

const struct rv_package_backend rv_package_apk = { .manager = "apk",
                                                   .here = here,
                                                   .query = query,
                                                   .updates = updates,
                                                   .find = find,
                                                   .is_name = is_name,
                                                   .is_version = is_version,
                                                   .order = order,
                                                   .verify = verify,
                                                   .owner = owner };
