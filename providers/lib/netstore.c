/* SPDX-License-Identifier: MIT
 *
 * Settings for the next boots: see netstore.h. A file of reeve's begins with the settings themselves, in lines that its
 * manager takes for comments; what follows is made from them. So reading one back needs no other's language.
 */
#include "providers/lib/netstore.h"

#include <errno.h>
#include <glob.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "providers/lib/netmanager.h"
#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"

enum { FILE_MOST = 1 << 20, SETTINGS = 2000 };

static const char *const managers[] = { "nobody", "systemd-networkd", "ifupdown", "NetworkManager" };
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

/* ---- a file's settings ---- */

struct settings {
        char *text; /* the file; the lines lie in it */
        const char *line[SETTINGS + 1];
        size_t n;
};

/* The lines "#= KIND VALUE" of a text, cut up. */
static void cut(struct settings *s, char *text)
{
        s->text = text;
        s->n = 0;
        for (char *rest = text, *line; rest && (line = strsep(&rest, "\n"));)
                if (strncmp(line, RV_NET_MARK, sizeof RV_NET_MARK - 1) == 0 && s->n < SETTINGS)
                        s->line[s->n++] = line + sizeof RV_NET_MARK - 1;
}

static bool is_kind(const char *line, const char *kind)
{
        size_t n = strlen(kind);
        return strncmp(line, kind, n) == 0 && line[n] == ' ';
}

/* Changes the lines; true: they differ now. line: "KIND VALUE", or NULL. */
static bool edit(struct settings *s, enum rv_net_how how, const char *kind, const char *line)
{
        size_t kept = 0;
        bool there = false, gone = false;
        for (size_t i = 0; i < s->n; i++) {
                bool same = line && strcmp(s->line[i], line) == 0;
                bool drop =
                        how == RV_NET_REMOVE ? same : how == RV_NET_SET && is_kind(s->line[i], kind) && !same;
                there |= same;
                gone |= drop;
                if (!drop)
                        s->line[kept++] = s->line[i];
        }
        s->n = kept;
        if (how == RV_NET_REMOVE || there || !line || s->n == SETTINGS)
                return gone;
        s->line[s->n++] = line;
        return true;
}

/* ---- writing ---- */

static void make_folder(const char *path)
{
        char folder[300];
        snprintf(folder, sizeof folder, "%s", path);
        char *slash = strrchr(folder, '/');
        if (slash)
                *slash = 0;
        mkdir(folder, 0755);
}

static int take_away(const char *path)
{
        char folder[300];
        snprintf(folder, sizeof folder, "%s", path);
        *strrchr(folder, '/') = 0;
        int r = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        rmdir(folder); /* when it is empty */
        return r;
}

static int write_settings(const struct rv_netstore *s, const struct settings *now, struct rv_error *err)
{
        struct rv_buf b = { 0 };
        if (!now->n) {
                int r = take_away(s->own);
                return r ? rv_fail_errno(err, -r, "it is set, but cannot take away %s", s->own) : RV_OK;
        }
        rv_buf_putf(&b, "# Written by reeve. Changes made here are lost.\n%s%s\n", RV_NET_OF, s->interface);
        for (size_t i = 0; i < now->n; i++)
                rv_buf_putf(&b, "%s%s\n", RV_NET_MARK, now->line[i]);
        (s->manager == RV_NET_NETWORKD ? rv_net_networkd : rv_net_ifupdown)(&b, s->interface, now->line,
                                                                            now->n);
        make_folder(s->own);
        int r = b.failed ? -ENOMEM : rv_replace_file(s->own, b.data, b.len, 0644);
        rv_buf_free(&b);
        if (r == 0 && s->manager == RV_NET_IFUPDOWN)
                r = rv_net_ifupdown_bring_in();
        return r ? rv_fail_errno(err, -r, "it is set, but cannot write %s", s->own) : RV_OK;
}

static int change_file(const struct rv_netstore *s, enum rv_net_how how, const char *kind, const char *line,
                       bool what_if, bool *ret_changed, struct rv_error *err)
{
        struct settings now;
        size_t n;
        pthread_mutex_lock(&changing);
        cut(&now, rv_slurp(s->own, FILE_MOST, &n));
        bool full = now.n == SETTINGS;
        *ret_changed = edit(&now, how, kind, line);
        int e = RV_OK;
        if (full && how == RV_NET_ADD && !*ret_changed)
                e = rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "%s holds %d settings already", s->own, SETTINGS);
        else if (*ret_changed && !what_if)
                e = write_settings(s, &now, err);
        free(now.text);
        pthread_mutex_unlock(&changing);
        return e;
}

/* ---- where a change goes ---- */

int rv_netpolicy_begin(struct rv_netpolicy *p, const char *policy, const char *kind,
                       uint32_t index, struct rv_error *err)
{
        bool active = policy && strcasecmp(policy, "ActiveStore") == 0;
        bool lasting = policy && strcasecmp(policy, "PersistentStore") == 0;
        *p = (struct rv_netpolicy) { .active = !lasting, .lasting = !active };
        if (!p->lasting)
                return RV_OK;
        rv_net_manager_of(&p->store, index);
        if (p->store.manager == RV_NET_IFUPDOWN && strcmp(kind, "dhcp") == 0)
                snprintf(p->store.why, sizeof p->store.why, "its stanza of ifupdown says how, which is not reeve's");
        if (p->store.manager == RV_NET_IFUPDOWN && (strcmp(kind, "dns") == 0 || strcmp(kind, "domains") == 0) &&
            access("/run/systemd/resolve", F_OK) != 0)
                snprintf(p->store.why, sizeof p->store.why,
                         "ifupdown has no setting for it, and systemd-resolved does not run");
        if (p->store.manager == RV_NET_IFUPDOWN && strpbrk(p->store.interface, "#\\*?[]=/\"'`$;&|<>()!{}~"))
                snprintf(p->store.why, sizeof p->store.why,
                         "ifupdown would read the name %s otherwise", p->store.interface);
        if (!p->store.why[0])
                return RV_OK;
        p->lasting = false;
        if (lasting) {
                rv_about(err, NULL, NULL, "PolicyStore");
                rv_fail(err, RV_NOT_SUPPORTED, "it cannot be kept for the next boots: %s", p->store.why);
                return rv_hint(err, "Only for now: -PolicyStore ActiveStore.");
        }
        snprintf(p->warning, sizeof p->warning, "This does not persist over a boot: %s.", p->store.why);
        return RV_OK;
}

int rv_netpolicy_keep(struct rv_netpolicy *p, struct rv_call *c, enum rv_net_how how, const char *kind,
                      const char *value, bool *ret_changed, struct rv_error *err)
{
        char line[600];
        bool changed = false;
        if (ret_changed)
                *ret_changed = false;
        if (!p->lasting)
                return RV_OK;
        snprintf(line, sizeof line, "%s %s", kind, value ? value : "");
        int e = p->store.manager == RV_NET_NM
                        ? rv_net_nm(&p->store, how, kind, value, c->what_if, &changed, c->deadline, err)
                        : change_file(&p->store, how, kind, value ? line : NULL, c->what_if, &changed, err);
        if (e == RV_OK && changed)
                rv_change(c, "Persisted",
                          how == RV_NET_REMOVE ? line
                          : value              ? NULL
                                               : kind,
                          how == RV_NET_REMOVE || !value ? NULL : line);
        if (e == RV_OK && !changed && how == RV_NET_REMOVE && rv_net_mentions(&p->store, value))
                snprintf(p->warning, sizeof p->warning,
                         "The next boot brings it back: %s says so, which is not reeve's.", p->store.theirs);
        if (ret_changed)
                *ret_changed = changed;
        return e;
}

/* ---- all files ---- */

int rv_netstore_files(int (*each)(void *, const struct rv_netfile *), void *state)
{
        static const char *const patterns[] = { RV_NET_NETWORKD_FILES, RV_NET_IFUPDOWN_FOLDER "/*" };
        int e = 0;
        for (size_t i = 0; i < 2; i++) {
                glob_t g = { 0 };
                if (glob(patterns[i], 0, NULL, &g) != 0)
                        g.gl_pathc = 0;
                for (size_t k = 0; e == 0 && k < g.gl_pathc; k++) {
                        struct rv_netfile f = { .manager = managers[i ? RV_NET_IFUPDOWN : RV_NET_NETWORKD] };
                        size_t n;
                        char name[16] = "", *text = rv_slurp(g.gl_pathv[k], FILE_MOST, &n);
                        const char *of = text ? strstr(text, RV_NET_OF) : NULL;
                        if (of)
                                sscanf(of + sizeof RV_NET_OF - 1, "%15s", name);
                        snprintf(f.path, sizeof f.path, "%s", g.gl_pathv[k]);
                        f.interface = name;
                        f.text = text;
                        if (text && of)
                                e = each(state, &f);
                        free(text);
                }
                globfree(&g);
        }
        return e;
}

struct walk {
        int (*each)(void *, const char *, const char *, const char *);
        void *state;
};

static int on_file(void *state, const struct rv_netfile *f)
{
        struct walk *w = state;
        struct settings *s = malloc(sizeof *s);
        char *text = s ? strdup(f->text) : NULL, kind[16];
        int e = text ? 0 : -ENOMEM;
        if (text)
                cut(s, text);
        for (size_t i = 0; e == 0 && i < s->n; i++) {
                size_t n = strcspn(s->line[i], " ");
                if (n >= sizeof kind || !s->line[i][n])
                        continue;
                snprintf(kind, sizeof kind, "%.*s", (int)n, s->line[i]);
                e = w->each(w->state, f->interface, kind, s->line[i] + n + 1);
        }
        free(text);
        free(s);
        return e;
}

int rv_netstore_each(int (*each)(void *, const char *, const char *, const char *), void *state)
{
        return rv_netstore_files(on_file, &(struct walk) { each, state });
}

/* A name within one of reeve's places, without a way out of it. */
static bool is_ours(const char *path)
{
        static const char networkd[] = RV_NET_NETWORKD_FOLDER "/", ifupdown[] = RV_NET_IFUPDOWN_FOLDER "/";
        size_t n = strlen(path), end = sizeof RV_NET_NETWORKD_OWN - 1;
        if (strstr(path, "/.") || strstr(path, "//") || strchr(path, '\n') || n >= 300)
                return false;
        if (strncmp(path, ifupdown, sizeof ifupdown - 1) == 0)
                return path[sizeof ifupdown - 1] && !strchr(path + sizeof ifupdown - 1, '/');
        return strncmp(path, networkd, sizeof networkd - 1) == 0 && n > end &&
               strcmp(path + n - end, RV_NET_NETWORKD_OWN) == 0 && !strchr(path + sizeof networkd - 1, '\n');
}

int rv_netstore_put_back(const char *path, const char *text, bool what_if, struct rv_error *err)
{
        if (!is_ours(path)) {
                rv_about(err, NULL, NULL, "Path");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.100s' is no file of reeve's settings", path);
        }
        if (text && !strstr(text, RV_NET_OF)) {
                rv_about(err, NULL, NULL, "Content");
                return rv_fail(err, RV_INVALID_PARAMETER, "the content is not of a file that reeve wrote");
        }
        if (what_if)
                return RV_OK;
        pthread_mutex_lock(&changing);
        make_folder(path);
        int r = text ? rv_replace_file(path, text, strlen(text), 0644) : take_away(path);
        pthread_mutex_unlock(&changing);
        return r ? rv_fail_errno(err, -r, "cannot write %s", path) : RV_OK;
}
