/* SPDX-License-Identifier: MIT
 *
 * dpkg and apt: dpkg's database, read where it lies (1 us a package; dpkg-query costs ten times as much),
 * changed by apt-get.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Package.h"
#include "gen/PackageUpdate.h"
#include "providers/lib/apt.h"
#include "providers/lib/deb822.h"
#include "providers/lib/fill.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"
#include "providers/package/backend.h"

#define STATUS "/var/lib/dpkg/status"
#define INFO "/var/lib/dpkg/info"
enum { STATUS_MOST = 256 << 20, PIECE = 128 << 10 };

enum {
        F_NAME,
        F_STATUS,
        F_PRIORITY,
        F_SECTION,
        F_SIZE,
        F_MAINTAINER,
        F_ARCHITECTURE,
        F_SOURCE,
        F_VERSION,
        F_DEPENDS,
        F_PRE_DEPENDS,
        F_DESCRIPTION,
        F_HOMEPAGE,
        F_ESSENTIAL,
        F_MULTI,
        F_N
};
static const char *const names[F_N] = { "Package",        "Status",     "Priority",     "Section",
                                        "Installed-Size", "Maintainer", "Architecture", "Source",
                                        "Version",        "Depends",    "Pre-Depends",  "Description",
                                        "Homepage",       "Essential",  "Multi-Arch" };

/* ---- reading ---- */

static int read_status(char **ret, struct rv_error *err)
{
        size_t n;
        *ret = rv_slurp(STATUS, STATUS_MOST, &n);
        if (*ret)
                return RV_OK;
        return rv_fail_errno(err, errno, "cannot read " STATUS);
}

/* The database a piece at a time, each of whole paragraphs: 1,300 packages are 1.2 MB, whose pages cost as much as
 * reading what is in them. */
struct pieces {
        int fd;
        char *text;
        size_t n, room, used; /* used: of the piece before */
        char after;           /* what was where the piece ends */
};

static int pieces_open(struct pieces *p, struct rv_error *err)
{
        *p = (struct pieces) { .fd = open(STATUS, O_RDONLY | O_CLOEXEC), .room = PIECE };
        p->text = p->fd < 0 ? NULL : malloc(p->room + 1);
        return p->text ? RV_OK : rv_fail_errno(err, p->fd < 0 ? errno : ENOMEM, "cannot read " STATUS);
}

static void pieces_close(struct pieces *p)
{
        free(p->text);
        if (p->fd >= 0)
                close(p->fd);
}

/* The end of the last whole paragraph; 0: there is none. */
static size_t whole(const struct pieces *p)
{
        for (size_t i = p->n; i >= 2; i--)
                if (p->text[i - 1] == '\n' && p->text[i - 2] == '\n')
                        return i;
        return 0;
}

/* 1, 0 at the end, or -errno. */
static int pieces_next(struct pieces *p)
{
        if (p->used) {
                p->text[p->used] = p->after;
                p->n -= p->used;
                memmove(p->text, p->text + p->used, p->n);
        }
        for (ssize_t k = 1; k;) {
                if (p->n == p->room) {
                        char *more = p->room < STATUS_MOST ? realloc(p->text, 2 * p->room + 1) : NULL;
                        if (!more)
                                return -ENOMEM;
                        p->text = more;
                        p->room *= 2;
                }
                do
                        k = read(p->fd, p->text + p->n, p->room - p->n);
                while (k < 0 && errno == EINTR);
                if (k < 0)
                        return -errno;
                p->n += (size_t)k;
                p->used = k ? whole(p) : p->n;
                if (p->used) {
                        p->after = p->text[p->used];
                        p->text[p->used] = 0;
                        return 1;
                }
        }
        return 0;
}

/* Word i of "install ok installed". */
static struct rv_field word(const struct rv_field *f, int i)
{
        const char *p = f->s, *end = p + f->n;
        struct rv_field w = { 0 };
        for (int k = 0; p && k <= i && p < end; k++) {
                size_t n = strcspn(p, " \n");
                w = (struct rv_field) { p, n, n };
                p += n + (p + n < end);
        }
        return w;
}

/* Packages that were installed for others only: name and architecture, by name; of extended_states. */
struct autos {
        char *text;
        struct rv_field (*v)[2];
        size_t n;
};

static int by_name(const void *a, const void *b)
{
        const struct rv_field *x = a, *y = b;
        int order = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);
        return order ? order : x->n < y->n ? -1 : x->n > y->n;
}

static void autos_read(struct autos *a)
{
        static const char *const fields[] = { "Package", "Architecture", "Auto-Installed" };
        struct rv_field f[3];
        size_t n, room = 0;
        *a = (struct autos) { .text = rv_slurp("/var/lib/apt/extended_states", STATUS_MOST, &n) };
        for (const char *at = a->text; at && rv_deb822_next(&at, fields, 3, f);) {
                if (!rv_field_is(&f[2], "1") || !f[0].s)
                        continue;
                if (a->n == room) {
                        void *v = realloc(a->v, (room = 2 * room + 64) * sizeof *a->v);
                        if (!v)
                                break;
                        a->v = v;
                }
                a->v[a->n][0] = f[0];
                a->v[a->n++][1] = f[1];
        }
        if (a->n)
                qsort(a->v, a->n, sizeof *a->v, by_name);
}

static bool autos_has(const struct autos *a, const struct rv_field *name, const struct rv_field *architecture)
{
        size_t low = 0, high = a->n;
        while (low < high) {
                size_t middle = (low + high) / 2;
                if (by_name(&a->v[middle][0], name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < a->n && by_name(&a->v[low][0], name) == 0; low++) {
                const struct rv_field *arch = &a->v[low][1];
                if (rv_field_is(architecture, "all") || !arch->s ||
                    (arch->n == architecture->n && memcmp(arch->s, architecture->s, arch->n) == 0))
                        return true;
        }
        return false;
}

static void autos_free(struct autos *a)
{
        free(a->text);
        free(a->v);
}

static void fill_field(struct rv_row *row, unsigned p, const struct rv_field *f)
{
        rv_fill_n(row, p, f->s, f->n);
}

/* "a (>= 1), b | c, d": items divided by commas, of Pre-Depends and Depends. */
static void fill_depends(struct rv_row *row, const struct rv_field *f)
{
        char *text = Package_wants_Depends(row) ? calloc(1, f[F_PRE_DEPENDS].n + f[F_DEPENDS].n + 3) : NULL,
             *to = text;
        if (!text)
                return;
        for (int i = F_PRE_DEPENDS; i >= F_DEPENDS; i--)
                for (size_t k = 0; f[i].s && k <= f[i].n; k++)
                        if (k == f[i].n || f[i].s[k] == ',') {
                                *to++ = '\n';
                                k += k + 1 < f[i].n && f[i].s[k + 1] == ' ';
                        } else
                                *to++ = f[i].s[k];
        rv_fill_list(row, Package_Depends, text, "\n");
        free(text);
}

/* The lines that continue it: a blank goes, " ." is an empty line. */
static void fill_description(struct rv_row *row, const struct rv_field *f)
{
        char *text = Package_wants_Description(row) && f->s ? malloc(f->more + 1) : NULL, *to = text;
        if (!text)
                return;
        for (size_t i = 0; i < f->more; i++) {
                *to++ = f->s[i];
                if (f->s[i] == '\n' && i + 1 < f->more && f->s[i + 1] == ' ') {
                        i++;
                        if (i + 1 < f->more && f->s[i + 1] == '.' &&
                            (i + 2 >= f->more || f->s[i + 2] == '\n'))
                                i++;
                }
        }
        rv_fill_n(row, Package_Description, text, (size_t)(to - text));
        free(text);
}

static void fill_list_file(struct rv_row *row, const struct rv_field *f)
{
        char path[600];
        struct stat st;
        size_t n;
        if (!Package_wants_InstallDate(row) && !Package_wants_Files(row))
                return;
        bool same = rv_field_is(&f[F_MULTI], "same");
        snprintf(path, sizeof path, INFO "/%.*s%s%.*s.list", (int)f[F_NAME].n, f[F_NAME].s, same ? ":" : "",
                 same ? (int)f[F_ARCHITECTURE].n : 0, f[F_ARCHITECTURE].s);
        if (stat(path, &st) < 0)
                return;
        Package_set_InstallDate(row, st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
        char *text = Package_wants_Files(row) ? rv_slurp(path, 64 << 20, &n) : NULL;
        rv_fill_list(row, Package_Files, text, "\n");
        free(text);
}

static void fill_row(struct rv_row *row, const struct rv_field *f, const struct autos *autos)
{
        struct rv_field wanted = word(&f[F_STATUS], 0), status = word(&f[F_STATUS], 2);
        fill_field(row, Package_Name, &f[F_NAME]);
        fill_field(row, Package_Architecture, &f[F_ARCHITECTURE]);
        fill_field(row, Package_Version, &f[F_VERSION]);
        fill_field(row, Package_Status, &status);
        fill_field(row, Package_Wanted, &wanted);
        Package_set_Held(row, rv_field_is(&wanted, "hold"));
        if (Package_wants_AutoInstalled(row))
                Package_set_AutoInstalled(row, autos_has(autos, &f[F_NAME], &f[F_ARCHITECTURE]));
        fill_field(row, Package_Summary, &f[F_DESCRIPTION]);
        fill_description(row, &f[F_DESCRIPTION]);
        fill_field(row, Package_Vendor, &f[F_MAINTAINER]);
        fill_field(row, Package_Homepage, &f[F_HOMEPAGE]);
        fill_field(row, Package_Section, &f[F_SECTION]);
        fill_field(row, Package_Priority, &f[F_PRIORITY]);
        Package_set_Essential(row, rv_field_is(&f[F_ESSENTIAL], "yes"));
        struct rv_field source = f[F_SOURCE].s ? word(&f[F_SOURCE], 0) : f[F_NAME];
        fill_field(row, Package_SourcePackage, &source);
        if (f[F_SIZE].s)
                Package_set_InstalledSize(row, strtoull(f[F_SIZE].s, NULL, 10) * 1024);
        fill_depends(row, f);
        fill_list_file(row, f);
        rv_fill(row, Package_Manager, "dpkg");
}

static int put_piece(const struct rv_query *q, struct rv_sink *out, const char *text, const struct autos *autos)
{
        struct rv_field f[F_N];
        int e = RV_OK;
        for (const char *at = text; e == RV_OK && rv_deb822_next(&at, names, F_N, f);) {
                if (!f[F_NAME].s || !f[F_STATUS].s || !rv_package_fits(q, Package_Name, f[F_NAME].s, f[F_NAME].n) ||
                    !rv_package_fits(q, Package_Architecture, f[F_ARCHITECTURE].s, f[F_ARCHITECTURE].n))
                        continue;
                struct rv_row *row = rv_row(out);
                fill_row(row, f, autos);
                e = rv_cancelled(q->call) ? RV_STOP : rv_emit(out, row);
        }
        return e;
}

static int query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct pieces p;
        struct autos autos = { 0 };
        int e = pieces_open(&p, err), more;
        if (e == RV_OK && rv_asked(q, Package_AutoInstalled))
                autos_read(&autos);
        while (e == RV_OK && (more = pieces_next(&p)) != 0)
                e = more < 0 ? rv_fail_errno(err, -more, "cannot read " STATUS) : put_piece(q, out, p.text, &autos);
        autos_free(&autos);
        pieces_close(&p);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changing ---- */

static int find(const struct rv_arg *name, const struct rv_arg *architecture, struct rv_package_target *t,
                struct rv_error *err)
{
        char *text;
        struct rv_field f[F_N];
        int e = read_status(&text, err);
        if (e)
                return e;
        for (const char *at = text; rv_deb822_next(&at, names, F_N, f);) {
                if (!rv_field_is(&f[F_NAME], name->s) || !f[F_STATUS].s ||
                    (architecture->type == RV_STRING && !rv_field_is(&f[F_ARCHITECTURE], architecture->s)))
                        continue;
                struct rv_field status = word(&f[F_STATUS], 2), wanted = word(&f[F_STATUS], 0);
                bool all = rv_field_is(&f[F_ARCHITECTURE], "all");
                t->n++;
                snprintf(t->name, sizeof t->name, "%s%s%.*s", name->s, all ? "" : ":",
                         all ? 0 : (int)f[F_ARCHITECTURE].n, f[F_ARCHITECTURE].s);
                snprintf(t->version, sizeof t->version, "%.*s", (int)f[F_VERSION].n,
                         f[F_VERSION].s ? f[F_VERSION].s : "");
                t->removed = rv_field_is(&status, "config-files");
                t->held = rv_field_is(&wanted, "hold");
        }
        free(text);
        return RV_OK;
}

static int install(struct rv_call *c, const struct rv_package_order *o, struct rv_error *err)
{
        const char *arguments[RV_PACKAGE_NAMES + 6] = { "install" };
        size_t k = 1;
        arguments[k++] = o->force ? "--allow-downgrades" : "--no-remove";
        if (o->no_recommends)
                arguments[k++] = "--no-install-recommends";
        arguments[k++] = "--";
        for (size_t i = 0; i < o->n; i++) {
                arguments[k] = o->version ? rv_package_spec(c, o->names[i], "=", o->version) : o->names[i];
                if (!arguments[k++])
                        return -ENOMEM;
        }
        return rv_apt_do(c, arguments, o->what, err);
}

/* Its present version again, or a newer one. */
static int again(struct rv_call *c, const struct rv_package_order *o, const char *option, struct rv_error *err)
{
        const char *arguments[] = { "install", option, "--no-remove", "--", o->target->name, NULL };
        return rv_apt_do(c, arguments, o->what, err);
}

static int mark(struct rv_call *c, const struct rv_package_order *o, const char *verb, struct rv_error *err)
{
        const char *argv[] = { "apt-mark", verb, o->target->name, NULL };
        return rv_apt_run(c, argv, o->what, err);
}

static int order(struct rv_call *c, const struct rv_package_order *o, struct rv_error *err)
{
        static const char *const scan[] = { "apt-get", "-q", "--error-on=any", "update", NULL };
        switch (o->verb) {
        case RV_PACKAGE_INSTALL:
                return install(c, o, err);
        case RV_PACKAGE_REMOVE:
                return rv_apt_do(c,
                                 (const char *[]) { o->purge ? "purge" : "remove",
                                                    o->auto_remove ? "--auto-remove" : "--no-auto-remove",
                                                    "--", o->target->name, NULL },
                                 o->what, err);
        case RV_PACKAGE_UPGRADE:
                return again(c, o, "--only-upgrade", err);
        case RV_PACKAGE_REINSTALL:
                return again(c, o, "--reinstall", err);
        case RV_PACKAGE_HOLD:
                return mark(c, o, "hold", err);
        case RV_PACKAGE_UNHOLD:
                return mark(c, o, "unhold", err);
        case RV_PACKAGE_SCAN:
                return rv_apt_run(c, scan, o->what, err);
        case RV_PACKAGE_APPLY:
                return rv_apt_do(c, (const char *[]) { o->full ? "dist-upgrade" : "upgrade", NULL }, o->what,
                                 err);
        }
        return RV_NOT_SUPPORTED;
}

static int verify(struct rv_call *c, const struct rv_package_target *t, char **ret, struct rv_error *err)
{
        return rv_package_verify(c, t, (const char *[]) { "dpkg", "--verify", t->name, NULL }, ret, err);
}

/* ---- updates ---- */

struct asked {
        const struct rv_query *q;
        struct rv_sink *out;
};

static int emit_update(void *state, const struct rv_apt_action *a)
{
        struct asked *u = state;
        const struct rv_arg *name = rv_equals(u->q, PackageUpdate_Name);
        if (a->remove || !a->from || !a->to || (name && strcasecmp(name->s, a->name) != 0))
                return RV_OK;
        struct rv_row *row = rv_row(u->out);
        rv_fill(row, PackageUpdate_Name, a->name);
        rv_fill(row, PackageUpdate_Architecture, a->architecture);
        rv_fill(row, PackageUpdate_Version, a->to);
        rv_fill(row, PackageUpdate_InstalledVersion, a->from);
        rv_fill(row, PackageUpdate_Origin, a->origin);
        PackageUpdate_set_Security(row, strcasestr(a->origin, "security") != NULL);
        return rv_emit(u->out, row);
}

static int updates(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        static const char *const arguments[] = { "-o", "Debug::NoLocking=1", "dist-upgrade", NULL };
        struct asked u = { q, out };
        int e = rv_apt_simulate(arguments, "look for updates", q->deadline, emit_update, &u, err);
        return e == RV_STOP ? RV_OK : e;
}

static bool here(void)
{
        struct stat st;
        return stat(STATUS, &st) == 0 && st.st_size > 0;
}

/* "one, two:arch: /path", and of what was diverted "diversion by one from: /path". *ret grows by the names. */
static int search(struct rv_call *c, const char *path, char **ret, struct rv_error *err)
{
        char pattern[8300];
        size_t n = 0, at = *ret ? strlen(*ret) : 0;
        struct rv_tool_said said;
        for (const char *p = path; *p && n + 2 < sizeof pattern; p++) {
                if (strchr("*?[\\", *p))
                        pattern[n++] = '\\';
                pattern[n++] = *p;
        }
        pattern[n] = 0;
        struct rv_tool tool = { .argv = (const char *[]) { "dpkg-query", "--search", "--", pattern, NULL },
                                .what = "find whose file it is",
                                .deadline = c->deadline };
        int e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        if (said.status > 1) /* 1: nobody's */
                e = rv_tool_fail(err, RV_FAILED, &tool, &said);
        char *rest = said.text, *more = said.n && !e ? realloc(*ret, at + said.n + 2) : NULL;
        if (more)
                *ret = more;
        for (char *line; more && (line = strsep(&rest, "\n"));) {
                char *end = strstr(line, ": /");
                if (!end || strncmp(line, "diversion by ", 13) == 0)
                        continue;
                *end = 0;
                for (char *name; (name = strsep(&line, ","));) {
                        name += strspn(name, " ");
                        name[strcspn(name, ":")] = 0;
                        at += (size_t)sprintf(*ret + at, "%s\n", name);
                }
        }
        if (more && !at) {
                free(*ret);
                *ret = NULL;
        }
        rv_tool_free(&said);
        return e;
}

/* Where /bin is a link to /usr/bin, packages still name either. */
static int owner(struct rv_call *c, const char *path, char **ret, struct rv_error *err)
{
        static const char *const merged[] = { "/bin/", "/sbin/", "/lib/", "/lib64/", "/lib32/" };
        char other[4200] = "";
        *ret = NULL;
        int e = search(c, path, ret, err);
        for (size_t i = 0; e == RV_OK && !*ret && i < sizeof merged / sizeof *merged; i++)
                if (strncmp(path, merged[i], strlen(merged[i])) == 0)
                        snprintf(other, sizeof other, "/usr%.4100s", path);
                else if (strncmp(path, "/usr", 4) == 0 && strncmp(path + 4, merged[i], strlen(merged[i])) == 0)
                        snprintf(other, sizeof other, "%.4100s", path + 4);
        return e == RV_OK && *other ? search(c, other, ret, err) : e;
}

/* Those that are half done, as what is to change. */
static int tell_pending(struct rv_call *c, struct rv_error *err)
{
        char *text, name[300], state[40];
        struct rv_field f[F_N];
        int e = read_status(&text, err);
        if (e)
                return e;
        for (const char *at = text; rv_deb822_next(&at, names, F_N, f);) {
                if (!f[F_NAME].s || !f[F_STATUS].s)
                        continue;
                struct rv_field is = word(&f[F_STATUS], 2);
                snprintf(state, sizeof state, "%.*s", (int)is.n, is.s ? is.s : "");
                snprintf(name, sizeof name, "%.*s", (int)f[F_NAME].n, f[F_NAME].s);
                if (strcmp(state, "unpacked") == 0 || strcmp(state, "half-configured") == 0 ||
                    strncmp(state, "triggers-", 9) == 0)
                        rv_change(c, name, state, "installed");
        }
        free(text);
        return RV_OK;
}

static int configure(struct rv_call *c, struct rv_error *err)
{
        const char *argv[] = { "dpkg", "--force-confdef", "--force-confold", "--configure", "--pending", NULL };
        int e = tell_pending(c, err);
        return e || c->what_if ? e : rv_apt_run(c, argv, "configure what is half done", err);
}

const struct rv_package_backend rv_package_dpkg = { .manager = "dpkg",
                                                    .here = here,
                                                    .query = query,
                                                    .updates = updates,
                                                    .find = find,
                                                    .is_name = rv_apt_is_name,
                                                    .is_version = rv_apt_is_version,
                                                    .order = order,
                                                    .verify = verify,
                                                    .owner = owner,
                                                    .configure = configure };
