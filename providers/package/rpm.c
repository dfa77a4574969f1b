/* SPDX-License-Identifier: MIT
 *
 * rpm's database. Where it is of SQLite (rpm 4.16 and later, Fedora 33, RHEL 9) its headers are read in place. Where
 * it is of Berkeley DB or rpm's own ndb (RHEL 8, openSUSE), rpm itself is asked once for all: those files have locks
 * and pages that only it should touch.
 */
#include <errno.h>
#include <fnmatch.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen/Package.h"
#include "providers/lib/fill.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"
#include "providers/package/rpm.h"
#include "providers/package/rpmhead.h"

#define LOCKS "/etc/dnf/plugins/versionlock.list"
#define HISTORY "/var/lib/dnf/history.sqlite"
enum { OUTPUT = 256 << 20, BLOB = 300 << 20, VERSION = 300 };

static const char *const folders[] = { "/usr/lib/sysimage/rpm", "/var/lib/rpm" };
static const char *const others[] = { "Packages", "Packages.db" };

/* Its database's path: of SQLite, or of another kind. False: none. */
static bool database(char *ret, size_t size, bool *sqlite)
{
        struct stat st;
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                snprintf(ret, size, "%s/rpmdb.sqlite", folders[i]);
                *sqlite = true;
                if (stat(ret, &st) == 0 && st.st_size > 0)
                        return true;
                *sqlite = false;
                for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
                        snprintf(ret, size, "%s/%s", folders[i], others[k]);
                        if (stat(ret, &st) == 0 && st.st_size > 0)
                                return true;
                }
        }
        return false;
}

static bool here(void)
{
        char path[256];
        bool sqlite;
        return database(path, sizeof path, &sqlite);
}

/* ---- SQLite ---- */

static int refused(sqlite3 *db, const char *path, struct rv_error *err)
{
        int e = rv_fail(err, RV_FAILED, "cannot read %s: %s", path, db ? sqlite3_errmsg(db) : "no memory");
        rv_hint(err, "rpm --rebuilddb makes it anew from what it can read.");
        sqlite3_close(db);
        return e;
}

/* Where nothing can be written beside it (a read-only file system), it is read as what cannot change. */
static int open_database(const char *path, sqlite3 **ret, struct rv_error *err)
{
        char uri[300];
        for (int i = 0; i < 2; i++) {
                snprintf(uri, sizeof uri, "file:%s?%s", path, i ? "immutable=1" : "mode=ro");
                int r = sqlite3_open_v2(uri, ret,
                                        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX, NULL);
                if (r == SQLITE_OK) {
                        sqlite3_busy_timeout(*ret, 5000);
                        r = sqlite3_exec(*ret, "SELECT 1 FROM sqlite_master", NULL, NULL, NULL);
                }
                if (r == SQLITE_OK)
                        return RV_OK;
                if (i || (r != SQLITE_CANTOPEN && r != SQLITE_READONLY))
                        return refused(*ret, path, err);
                sqlite3_close(*ret);
        }
        return RV_FAILED;
}

/* "bash-5.1-2.el9.src.rpm" -> "bash". */
static const char *source_name(const char *file, char *ret, size_t size)
{
        if (!file || snprintf(ret, size, "%s", file) >= (int)size)
                return NULL;
        for (int i = 0; i < 2; i++) {
                char *dash = strrchr(ret, '-');
                if (!dash)
                        return NULL;
                *dash = 0;
        }
        return ret;
}

static int tell_head(const struct rv_rpm_ask *ask, const struct rv_rpm_head *h)
{
        char version[VERSION], locked[2 * VERSION], source[300], *files = NULL, *depends = NULL;
        uint64_t epoch = 0, size = 0, installed = 0;
        const char *v = rv_rpm_text(h, RV_RPM_VERSION), *release = rv_rpm_text(h, RV_RPM_RELEASE);
        struct rv_rpm p = { .name = rv_rpm_text(h, RV_RPM_NAME),
                            .arch = rv_rpm_text(h, RV_RPM_ARCH),
                            .version = version,
                            .locked = locked,
                            .summary = rv_rpm_text(h, RV_RPM_SUMMARY),
                            .description = rv_rpm_text(h, RV_RPM_DESCRIPTION),
                            .vendor = rv_rpm_text(h, RV_RPM_VENDOR),
                            .url = rv_rpm_text(h, RV_RPM_URL),
                            .group = rv_rpm_text(h, RV_RPM_GROUP),
                            .source = source_name(rv_rpm_text(h, RV_RPM_SOURCERPM), source, sizeof source) };
        /* Keys of repositories are kept as packages without an architecture. */
        if (!p.name || !p.arch || !v || !release || strcmp(p.name, "gpg-pubkey") == 0)
                return RV_OK;
        bool has_epoch = rv_rpm_number(h, RV_RPM_EPOCH, &epoch);
        has_epoch ? snprintf(version, sizeof version, "%u:%s-%s", (unsigned)epoch, v, release)
                  : snprintf(version, sizeof version, "%s-%s", v, release);
        snprintf(locked, sizeof locked, "%s-%u:%s-%s.%s", p.name, (unsigned)epoch, v, release, p.arch);
        if (!rv_rpm_number(h, RV_RPM_LONGSIZE, &size))
                rv_rpm_number(h, RV_RPM_SIZE, &size);
        rv_rpm_number(h, RV_RPM_INSTALLTIME, &installed);
        p.size = size;
        p.installed = installed <= UINT32_MAX ? (int64_t)installed : 0;
        p.files = ask->files ? files = rv_rpm_files(h) : NULL;
        p.depends = ask->depends ? depends = rv_rpm_requires(h) : NULL;
        int e = ask->each(ask->state, &p);
        free(files);
        free(depends);
        return e;
}

static int each_sqlite(const struct rv_rpm_ask *ask, const char *path, struct rv_error *err)
{
        static const char
                *const all = "SELECT blob FROM Packages ORDER BY hnum DESC",
                       *const named = "SELECT blob FROM Packages WHERE hnum IN (SELECT hnum FROM Name WHERE "
                                      "key = ? COLLATE NOCASE) ORDER BY hnum DESC";
        sqlite3 *db;
        sqlite3_stmt *s = NULL;
        int r, e = open_database(path, &db, err);
        if (e)
                return e;
        sqlite3_limit(db, SQLITE_LIMIT_LENGTH, BLOB);
        if (sqlite3_prepare_v2(db, ask->name ? named : all, -1, &s, NULL) != SQLITE_OK)
                return refused(db, path, err);
        if (ask->name)
                sqlite3_bind_text(s, 1, ask->name, -1, SQLITE_STATIC);
        while (e == RV_OK && (r = sqlite3_step(s)) == SQLITE_ROW) {
                struct rv_rpm_head h;
                if (rv_rpm_head(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0), &h))
                        e = tell_head(ask, &h);
                if (e == RV_OK && rv_now() > ask->deadline)
                        e = rv_fail(err, RV_TIMED_OUT, "%s could not be read in time", path);
        }
        sqlite3_finalize(s);
        if (e == RV_OK && r != SQLITE_DONE)
                return refused(db, path, err);
        sqlite3_close(db);
        return e;
}

/* ---- rpm's own word ---- */

enum {
        A_NAME,
        A_ARCH,
        A_EPOCH,
        A_VERSION,
        A_RELEASE,
        A_SUMMARY,
        A_DESCRIPTION,
        A_VENDOR,
        A_URL,
        A_GROUP,
        A_SOURCE,
        A_SIZE,
        A_TIME,
        A_DEPENDS,
        A_FILES,
        A_N
};
#define UNIT "\x1f"
#define END "\x1e"
#define IF(tag) "%|" tag "?{%{" tag "}}|" UNIT
#define FORMAT \
        "%{NAME}" UNIT "%{ARCH}" UNIT IF("EPOCH") "%{VERSION}" UNIT "%{RELEASE}" UNIT IF("SUMMARY") \
                IF("DESCRIPTION") IF("VENDOR") IF("URL") IF("GROUP") IF("SOURCERPM") "%{SIZE}" UNIT \
                                                                                     "%{INSTALLTIME}" UNIT

static int tell_fields(const struct rv_rpm_ask *ask, char *const f[A_N])
{
        char version[VERSION], locked[2 * VERSION], source[300];
        if (strcmp(f[A_NAME], "gpg-pubkey") == 0 || (ask->name && strcasecmp(ask->name, f[A_NAME]) != 0))
                return RV_OK;
        snprintf(version, sizeof version, "%s%s%s-%s", f[A_EPOCH], *f[A_EPOCH] ? ":" : "", f[A_VERSION],
                 f[A_RELEASE]);
        snprintf(locked, sizeof locked, "%s-%s:%s-%s.%s", f[A_NAME], *f[A_EPOCH] ? f[A_EPOCH] : "0",
                 f[A_VERSION], f[A_RELEASE], f[A_ARCH]);
        struct rv_rpm p = { .name = f[A_NAME],
                            .arch = f[A_ARCH],
                            .version = version,
                            .locked = locked,
                            .summary = f[A_SUMMARY],
                            .description = f[A_DESCRIPTION],
                            .vendor = f[A_VENDOR],
                            .url = f[A_URL],
                            .group = f[A_GROUP],
                            .source = source_name(f[A_SOURCE], source, sizeof source),
                            .size = strtoull(f[A_SIZE], NULL, 10),
                            .installed = strtoll(f[A_TIME], NULL, 10),
                            .depends = f[A_DEPENDS],
                            .files = f[A_FILES] };
        return ask->each(ask->state, &p);
}

/* Cuts the next field of a record at *at, which ends with UNIT. */
static char *field(char **at)
{
        char *s = *at, *end = s + strcspn(s, UNIT);
        *at = end + (*end != 0);
        *end = 0;
        return s;
}

/* "glibc  " is one without a version. */
static void trim_lines(char *s)
{
        char *begin = s, *to = s;
        for (; *s; *to++ = *s++)
                while (*s == '\n' && to > begin && to[-1] == ' ')
                        to--;
        *to = 0;
}

static int each_asked(const struct rv_rpm_ask *ask, struct rv_error *err)
{
        char format[600];
        snprintf(format, sizeof format, "%s%s" UNIT "%s" UNIT END, FORMAT,
                 ask->depends ? "[%{REQUIRENAME} %{REQUIREFLAGS:depflags} %{REQUIREVERSION}\n]" : "",
                 ask->files ? "[%{FILENAMES}\n]" : "");
        /* A name has letters and digits only, or it is that of no package: it is no option and no pattern. */
        struct rv_tool tool = { .argv = (const char *[]) { "rpm", "-qa", "--qf", format, NULL },
                                .what = "read rpm's database",
                                .deadline = ask->deadline,
                                .most = OUTPUT };
        struct rv_tool_said said;
        int e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        if (said.status != 0)
                e = rv_tool_fail(err, RV_FAILED, &tool, &said);
        for (char *at = said.text, *end; e == RV_OK && (end = strpbrk(at, END)); at = end + 1) {
                char *f[A_N];
                *end = 0;
                for (int i = 0; i < A_N; i++)
                        f[i] = field(&at);
                trim_lines(f[A_DEPENDS]);
                e = tell_fields(ask, f);
        }
        rv_tool_free(&said);
        return e;
}

int rv_rpm_each(const struct rv_rpm_ask *ask, struct rv_error *err)
{
        char path[256];
        bool sqlite;
        if (!database(path, sizeof path, &sqlite))
                return rv_fail(err, RV_NOT_SUPPORTED, "this host has no database of rpm");
        return sqlite ? each_sqlite(ask, path, err) : each_asked(ask, err);
}

/* ---- held ---- */

void rv_rpm_locks_read(struct rv_rpm_locks *l)
{
        size_t n;
        char *to, *text = rv_slurp(LOCKS, 1 << 20, &n);
        l->text = to = text;
        for (char *line = text, *next; line && *line; line = next) {
                n = strcspn(line, "\n");
                next = line + n + (line[n] != 0);
                while (n && strchr(" \t\r", line[n - 1]))
                        n--;
                if (!n || strchr("#!", line[0])) /* "!" takes one version away from what may be installed */
                        continue;
                memmove(to, line, n);
                to += n;
                *to++ = 0;
        }
        l->end = to;
}

bool rv_rpm_locks_have(const struct rv_rpm_locks *l, const struct rv_rpm *p)
{
        for (const char *s = l->text; s < l->end; s += strlen(s) + 1)
                if (fnmatch(s, p->locked, 0) == 0 || strcmp(s, p->name) == 0)
                        return true;
        return false;
}

void rv_rpm_locks_free(struct rv_rpm_locks *l)
{
        free(l->text);
}

/* ---- who wanted it ---- */

/* dnf's history: for each package why it is here, in the last transaction that says. */
struct reasons {
        sqlite3 *db;
        sqlite3_stmt *s;
};

static void reasons_open(struct reasons *r)
{
        static const char *const text =
                "SELECT t.reason FROM rpm r JOIN trans_item t ON t.item_id = r.item_id WHERE "
                "r.name = ? AND r.arch = ? ORDER BY t.id DESC LIMIT 1";
        if (access(HISTORY, R_OK) < 0 || open_database(HISTORY, &r->db, NULL) != RV_OK) {
                r->db = NULL;
                return;
        }
        if (sqlite3_prepare_v2(r->db, text, -1, &r->s, NULL) != SQLITE_OK)
                r->s = NULL;
}

static void reasons_fill(struct reasons *r, struct rv_row *row, const struct rv_rpm *p)
{
        enum { DEPENDENCY = 1, WEAK = 4 };
        if (!r->s)
                return;
        sqlite3_bind_text(r->s, 1, p->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(r->s, 2, p->arch, -1, SQLITE_STATIC);
        if (sqlite3_step(r->s) == SQLITE_ROW) {
                int reason = sqlite3_column_int(r->s, 0);
                Package_set_AutoInstalled(row, reason == DEPENDENCY || reason == WEAK);
        }
        sqlite3_reset(r->s);
}

static void reasons_close(struct reasons *r)
{
        sqlite3_finalize(r->s);
        sqlite3_close(r->db);
}

/* ---- the class ---- */

struct asked {
        const struct rv_query *q;
        struct rv_sink *out;
        struct rv_rpm_locks locks;
        struct reasons reasons;
};

static int emit(void *state, const struct rv_rpm *p)
{
        struct asked *a = state;
        if (!rv_package_fits(a->q, Package_Architecture, p->arch, strlen(p->arch)))
                return RV_OK;
        struct rv_row *row = rv_row(a->out);
        bool held = rv_rpm_locks_have(&a->locks, p);
        rv_fill(row, Package_Name, p->name);
        rv_fill(row, Package_Architecture, p->arch);
        rv_fill(row, Package_Version, p->version);
        rv_fill(row, Package_Status, "installed");
        rv_fill(row, Package_Wanted, held ? "hold" : "install");
        Package_set_Held(row, held);
        reasons_fill(&a->reasons, row, p);
        rv_fill(row, Package_Summary, p->summary);
        rv_fill(row, Package_Description, p->description);
        rv_fill(row, Package_Vendor, p->vendor);
        rv_fill(row, Package_Homepage, p->url);
        rv_fill(row, Package_Section, p->group);
        rv_fill(row, Package_SourcePackage, p->source);
        Package_set_InstalledSize(row, p->size);
        if (p->installed)
                Package_set_InstallDate(row, p->installed * INT64_C(1000000000));
        rv_fill_list(row, Package_Depends, p->depends, "\n");
        rv_fill_list(row, Package_Files, p->files, "\n");
        rv_fill(row, Package_Manager, "rpm");
        return rv_cancelled(a->q->call) ? RV_STOP : rv_emit(a->out, row);
}

static int query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *name = rv_equals(q, Package_Name);
        struct asked a = { .q = q, .out = out };
        struct rv_rpm_ask ask = { .name = name ? name->s : NULL,
                                  .depends = rv_asked(q, Package_Depends),
                                  .files = rv_asked(q, Package_Files),
                                  .each = emit,
                                  .state = &a,
                                  .deadline = q->deadline };
        if (rv_asked(q, Package_Held) || rv_asked(q, Package_Wanted))
                rv_rpm_locks_read(&a.locks);
        if (rv_asked(q, Package_AutoInstalled))
                reasons_open(&a.reasons);
        int e = rv_rpm_each(&ask, err);
        rv_rpm_locks_free(&a.locks);
        reasons_close(&a.reasons);
        return e == RV_STOP ? RV_OK : e;
}

/* The newest one, where there are several versions of it (kernels); those of other architectures count. */
struct finding {
        struct rv_package_target *t;
        const char *name, *arch;
        char of[64];
        struct rv_rpm_locks locks;
};

static int find_one(void *state, const struct rv_rpm *p)
{
        struct finding *f = state;
        if (strcmp(p->name, f->name) != 0 || (f->arch && strcmp(p->arch, f->arch) != 0))
                return RV_OK;
        if (f->t->n && strcmp(f->of, p->arch) == 0) {
                f->t->several = true;
                return RV_OK;
        }
        f->t->n++;
        snprintf(f->of, sizeof f->of, "%s", p->arch);
        snprintf(f->t->name, sizeof f->t->name, "%s.%s", p->name, p->arch);
        snprintf(f->t->version, sizeof f->t->version, "%s", p->version);
        f->t->held = rv_rpm_locks_have(&f->locks, p);
        return RV_OK;
}

static int find(const struct rv_arg *name, const struct rv_arg *architecture, struct rv_package_target *t,
                struct rv_error *err)
{
        struct finding f = { .t = t,
                             .name = name->s,
                             .arch = architecture->type == RV_STRING ? architecture->s : NULL };
        rv_rpm_locks_read(&f.locks);
        int e = rv_rpm_each(&(struct rv_rpm_ask) { .name = name->s,
                                                   .each = find_one,
                                                   .state = &f,
                                                   .deadline = rv_now() + UINT64_C(30000000000) },
                            err);
        rv_rpm_locks_free(&f.locks);
        return e;
}

static bool is_name(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!rv_package_alnum(s[i]) && (!s[i] || !strchr(i ? "+-._" : "_", s[i])))
                        return false;
        return n > 0;
}

static bool is_version(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!rv_package_alnum(s[i]) && (!s[i] || !strchr(".+-:~^_", s[i])))
                        return false;
        return n > 0 && rv_package_alnum(s[0]);
}

static int verify(struct rv_call *c, const struct rv_package_target *t, char **ret, struct rv_error *err)
{
        return rv_package_verify(
                c, t, (const char *[]) { "rpm", "--verify", "--nodeps", "--noscripts", t->name, NULL }, ret,
                err);
}

static int owner(struct rv_call *c, const char *path, char **ret, struct rv_error *err)
{
        struct rv_tool_said said;
        struct rv_tool tool = { .argv = (const char *[]) { "rpm", "--query", "--queryformat", "%{NAME}\\n",
                                                           "--file", "--", path, NULL },
                                .what = "find whose file it is",
                                .deadline = c->deadline };
        int e = rv_tool_run(&tool, &said, err);
        if (e)
                return e;
        *ret = said.status == 0 && said.n ? strdup(said.text) : NULL; /* else it says so on its output */
        rv_tool_free(&said);
        return RV_OK;
}

const struct rv_package_backend rv_package_rpm = { .manager = "rpm",
                                                   .here = here,
                                                   .query = query,
                                                   .updates = rv_dnf_updates,
                                                   .find = find,
                                                   .is_name = is_name,
                                                   .is_version = is_version,
                                                   .order = rv_dnf_order,
                                                   .verify = verify,
                                                   .owner = owner };
