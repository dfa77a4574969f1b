/* SPDX-License-Identifier: MIT
 *
 * Known hosts, names and contexts: see known.h.
 */
#include "shell/known.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/far.h"
#include "shell/library.h"

#define INCLUDE "Include reeve_hosts\n"
#define NAMES "reeve_hosts"

/* ---- files ---- */

/* OpenSSH's home is that of the password file, whatever $HOME says. */
static const char *ssh_home(void)
{
        struct passwd *p = getpwuid(getuid());
        return p && p->pw_dir ? p->pw_dir : "/";
}

static void in_ssh(char *buf, size_t size, const char *name)
{
        snprintf(buf, size, "%s/.ssh/%s", ssh_home(), name);
}

static int because(char why[SH_KNOWN_TEXT], const char *what, const char *path)
{
        snprintf(why, SH_KNOWN_TEXT, "%s %.300s: %s", what, path, strerror(errno));
        return -1;
}

/* "" where it is not there. free() it; NULL: it cannot be read. */
static char *slurp(const char *path)
{
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? strdup("") : NULL;
        char *text = fstat(fd, &st) == 0 && st.st_size < 16 << 20 ? malloc((size_t)st.st_size + 1) : NULL;
        ssize_t n = text ? read(fd, text, (size_t)st.st_size) : -1;
        close(fd);
        if (n < 0) {
                free(text);
                return NULL;
        }
        text[n] = 0;
        return text;
}

static void make_folders(const char *path)
{
        char part[1024];
        snprintf(part, sizeof part, "%s", path);
        for (char *s = strchr(part + 1, '/'); s; s = strchr(s + 1, '/')) {
                *s = 0;
                mkdir(part, 0700);
                *s = '/';
        }
}

/* Written beside and put in its place; a link is followed, as a user's configuration may be one. */
static int put_file(const char *path, const char *text, char why[SH_KNOWN_TEXT])
{
        char real[4096], beside[4200];
        make_folders(path);
        if (!realpath(path, real))
                snprintf(real, sizeof real, "%s", path);
        snprintf(beside, sizeof beside, "%s.reeve.%d", real, (int)getpid());
        struct stat st;
        mode_t mode = stat(real, &st) == 0 ? st.st_mode & 0777 : 0600;
        int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        size_t n = strlen(text), at = 0;
        bool good = fd >= 0;
        while (good && at < n) {
                ssize_t put = write(fd, text + at, n - at);
                good = put > 0;
                at += good ? (size_t)put : 0;
        }
        good = good && fsync(fd) == 0;
        if (fd >= 0 && close(fd) < 0)
                good = false;
        if (good && rename(beside, real) == 0)
                return 1;
        because(why, "cannot write", path);
        unlink(beside);
        return -1;
}

/* ---- how ssh reaches it ---- */

int sh_reach_of(const char *host, const struct sh_target_options *o, struct sh_reach *ret)
{
        struct sh_host *h = sh_host_new(host, o);
        const char *given = getenv("REEVE_SSH"), *argv[40];
        char first[1024], port[16], *rest = NULL;
        struct rv_buf out = { 0 };
        unsigned n = 0;
        *ret = (struct sh_reach) { .port = 22 };
        snprintf(first, sizeof first, "%s", given && *given ? given : "ssh");
        for (char *s = strtok_r(first, " ", &rest); s && n < 20; s = strtok_r(NULL, " ", &rest))
                argv[n++] = s;
        argv[n++] = "-G";
        if (h->user)
                argv[n++] = "-l", argv[n++] = h->user;
        if (h->port > 0) {
                snprintf(port, sizeof port, "%d", h->port);
                argv[n++] = "-p", argv[n++] = port;
        }
        for (unsigned i = 0; o->more && o->more[i] && n < 36; i++)
                argv[n++] = "-o", argv[n++] = o->more[i];
        argv[n++] = "--";
        argv[n++] = h->address;
        argv[n] = NULL;
        int r = sh_near_run(argv, &out);
        for (char *line = out.data; line && r == 0;
             line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                char name[64], value[SH_KNOWN_TEXT];
                if (sscanf(line, "%63s %511[^ \n]", name, value) != 2)
                        continue;
                if (strcmp(name, "hostname") == 0)
                        snprintf(ret->address, sizeof ret->address, "%.255s", value);
                else if (strcmp(name, "user") == 0)
                        snprintf(ret->user, sizeof ret->user, "%.127s", value);
                else if (strcmp(name, "port") == 0)
                        ret->port = atoi(value);
                else if (strcmp(name, "userknownhostsfile") == 0 && value[0] == '~')
                        snprintf(ret->known_hosts, sizeof ret->known_hosts, "%s%.300s", ssh_home(),
                                 value + 1);
                else if (strcmp(name, "userknownhostsfile") == 0)
                        snprintf(ret->known_hosts, sizeof ret->known_hosts, "%s", value);
        }
        rv_buf_free(&out);
        sh_host_free(h);
        return r < 0 ? r : r || !ret->address[0] ? -EINVAL : 0;
}

/* ---- known hosts ---- */

static void entry_name(char *buf, size_t size, const char *address, int port)
{
        snprintf(buf, size, port == 22 ? "%s" : "[%s]:%d", address, port);
}

int sh_known_key(const struct sh_reach *r, int port, const char *key, bool only_look, char why[SH_KNOWN_TEXT])
{
        char name[300];
        struct rv_buf out = { 0 }, text = { 0 };
        entry_name(name, sizeof name, r->address, port);
        if (strcmp(r->known_hosts, "/dev/null") == 0 || !r->known_hosts[0])
                return 0;
        /* ssh-keygen knows hashed names as well. */
        const char *const argv[] = { "ssh-keygen", "-F", name, "-f", r->known_hosts, NULL };
        sh_near_run(argv, &out);
        bool known = out.data && strstr(out.data, key), other = out.data && strstr(out.data, " ssh-ed25519 ");
        rv_buf_free(&out);
        if (known)
                return 0;
        if (other) {
                snprintf(
                        why, SH_KNOWN_TEXT,
                        "%.200s has another key of %.100s. If the host was made anew: ssh-keygen -R '%.100s'",
                        r->known_hosts, name, name);
                return -1;
        }
        if (only_look)
                return 1;
        char *had = slurp(r->known_hosts);
        if (!had)
                return because(why, "cannot read", r->known_hosts);
        rv_buf_putf(&text, "%s%s%s %s\n", had, *had && had[strlen(had) - 1] != '\n' ? "\n" : "", name, key);
        rv_buf_put(&text, "", 1);
        int st = text.failed ? -1 : put_file(r->known_hosts, text.data, why);
        rv_buf_free(&text);
        free(had);
        return st;
}

/* ---- names ---- */

/* Without the block of a name: its lines from "Host NAME" to the next one. */
static char *without(char *text, const char *name)
{
        char head[160];
        size_t n = (size_t)snprintf(head, sizeof head, "Host %s\n", name);
        for (char *at = text; (at = strstr(at, head));) {
                if (at != text && at[-1] != '\n') {
                        at++;
                        continue;
                }
                char *end = strstr(at + n, "\nHost ");
                end = end ? end + 1 : at + strlen(at);
                memmove(at, end, strlen(end) + 1);
        }
        return text;
}

/* The configuration includes our file, before any Host of its own. */
static int include(bool only_look, char why[SH_KNOWN_TEXT])
{
        char path[1024];
        struct rv_buf b = { 0 };
        in_ssh(path, sizeof path, "config");
        char *had = slurp(path);
        if (!had)
                return because(why, "cannot read", path);
        int st = strncmp(had, INCLUDE, strlen(INCLUDE)) == 0 || strstr(had, "\n" INCLUDE) ? 0 : 1;
        if (st && !only_look) {
                rv_buf_putf(&b, INCLUDE "%s", had);
                rv_buf_put(&b, "", 1);
                st = b.failed ? -1 : put_file(path, b.data, why);
        }
        rv_buf_free(&b);
        free(had);
        return st;
}

int sh_known_name(const struct sh_context *x, const char *key_file, bool only_look, char why[SH_KNOWN_TEXT])
{
        char path[1024], key[4096] = "";
        struct rv_buf b = { 0 };
        in_ssh(path, sizeof path, NAMES);
        if (key_file && !realpath(key_file, key))
                snprintf(key, sizeof key, "%s", key_file);
        char *had = slurp(path), *rest = had ? strdup(had) : NULL;
        if (!rest) {
                free(had);
                return because(why, "cannot read", path);
        }
        rv_buf_putf(&b, "%sHost %s\n    HostName %s\n    Port %d\n    User %s\n", without(rest, x->name),
                    x->name, x->address, x->port, x->user);
        if (*key)
                rv_buf_putf(&b, "    IdentityFile \"%s\"\n    IdentitiesOnly yes\n", key);
        rv_buf_put(&b, "", 1);
        int st = b.failed ? -1 : strcmp(b.data, had) == 0 ? 0 : only_look ? 1 : put_file(path, b.data, why);
        rv_buf_free(&b);
        free(rest);
        free(had);
        int more = st < 0 ? st : include(only_look, why);
        return more < 0 ? more : st | more;
}

int sh_known_forget(const struct sh_context *x, bool only_look, char why[SH_KNOWN_TEXT])
{
        char path[1024];
        in_ssh(path, sizeof path, NAMES);
        char *had = slurp(path), *rest = had ? strdup(had) : NULL;
        int st = !rest ? because(why, "cannot read", path) : strcmp(without(rest, x->name), had) == 0 ? 0 : 1;
        if (st > 0 && !only_look)
                st = put_file(path, rest, why);
        free(rest);
        free(had);
        return st;
}

/* ---- Docker's contexts: contexts/meta/SHA-256 OF THE NAME/meta.json ---- */

static void docker_folder(char *buf, size_t size, const char *more)
{
        const char *own = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
        if (own && *own)
                snprintf(buf, size, "%s%s", own, more);
        else
                snprintf(buf, size, "%s/.docker%s", home && *home ? home : ssh_home(), more);
}

static bool context_folder(char *buf, size_t size, const char *name)
{
        unsigned char sum[SH_DIGEST_MAX];
        char more[128] = "/contexts/meta/";
        struct sh_digest *d = sh_digest_new("SHA256", NULL, 0);
        if (!d)
                return false;
        sh_digest_add(d, name, strlen(name));
        unsigned n = sh_digest_end(d, sum);
        for (unsigned i = 0; i < n; i++)
                snprintf(more + strlen(more), sizeof more - strlen(more), "%02x", sum[i]);
        docker_folder(buf, size, more);
        return true;
}

static json_t *context_json(const struct sh_context *x)
{
        return json_pack("{ss s{ss s{ss ss si ss}} s{s{ss sb}}}", "Name", x->name, "Metadata", "Description",
                         "By reeve's New-ContainerHost", "Reeve", "Address", x->address, "User", x->user,
                         "Port", x->port, "Engine", x->engine, "Endpoints", "docker", "Host", x->endpoint,
                         "SkipTLSVerify", 0);
}

int sh_context_write(const struct sh_context *x, bool only_look, char why[SH_KNOWN_TEXT])
{
        char folder[1024], path[1100];
        if (!context_folder(folder, sizeof folder, x->name)) {
                snprintf(why, SH_KNOWN_TEXT, "there is no SHA-256 here");
                return -1;
        }
        snprintf(path, sizeof path, "%s/meta.json", folder);
        json_t *want = context_json(x), *now = json_load_file(path, 0, NULL);
        int st = 0;
        if (now && !json_object_get(json_object_get(now, "Metadata"), "Reeve")) {
                snprintf(why, SH_KNOWN_TEXT,
                         "there is a context '%.100s' of somebody else's making (docker context rm %.100s)",
                         x->name, x->name);
                st = -1;
        } else if (!json_equal(want, now)) {
                char *text = json_dumps(want, JSON_COMPACT);
                st = only_look ? 1 : text ? put_file(path, text, why) : -1;
                free(text);
        }
        json_decref(want);
        json_decref(now);
        return st;
}

int sh_context_remove(const struct sh_context *x, bool only_look, char why[SH_KNOWN_TEXT])
{
        char folder[1024], path[1100];
        if (!context_folder(folder, sizeof folder, x->name))
                return 0;
        snprintf(path, sizeof path, "%s/meta.json", folder);
        if (access(path, F_OK) < 0)
                return 0;
        if (only_look)
                return 1;
        if (unlink(path) < 0)
                return because(why, "cannot remove", path);
        rmdir(folder);
        return 1;
}

static void copy_text(char *to, size_t size, json_t *o, const char *name)
{
        const char *s = json_string_value(json_object_get(o, name));
        snprintf(to, size, "%s", s ? s : "");
}

void sh_context_each(void (*each)(void *, const struct sh_context *), void *state)
{
        char folder[1024], path[1400];
        struct dirent *e;
        docker_folder(folder, sizeof folder, "/contexts/meta");
        DIR *d = opendir(folder);
        while (d && (e = readdir(d))) {
                struct sh_context x = { .port = 0 };
                snprintf(path, sizeof path, "%s/%s/meta.json", folder, e->d_name);
                json_t *j = e->d_name[0] == '.' ? NULL : json_load_file(path, 0, NULL);
                json_t *ours = json_object_get(json_object_get(j, "Metadata"), "Reeve");
                if (ours) {
                        copy_text(x.name, sizeof x.name, j, "Name");
                        copy_text(x.address, sizeof x.address, ours, "Address");
                        copy_text(x.user, sizeof x.user, ours, "User");
                        copy_text(x.engine, sizeof x.engine, ours, "Engine");
                        x.port = (int)json_integer_value(json_object_get(ours, "Port"));
                        copy_text(x.endpoint, sizeof x.endpoint,
                                  json_object_get(json_object_get(j, "Endpoints"), "docker"), "Host");
                        each(state, &x);
                }
                json_decref(j);
        }
        if (d)
                closedir(d);
}
