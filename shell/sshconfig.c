/* SPDX-License-Identifier: MIT */
#include "shell/sshconfig.h"

#include <fnmatch.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { DEEPEST = 8 };

struct reading {
        const char *host;
        const char *home;
        struct sh_ssh_config *c;
        bool applies, hostname, known, global, alias, own_keys;
        char global_known[2048];
        int depth;
};

static bool matches(const char *patterns, const char *host)
{
        char list[1024];
        bool found = false;
        char *rest = NULL;
        snprintf(list, sizeof list, "%s", patterns);
        for (char *p = strtok_r(list, " \t", &rest); p; p = strtok_r(NULL, " \t", &rest)) {
                bool not = *p == '!';
                if (fnmatch(p + not, host, 0) == 0) {
                        if (not )
                                return false;
                        found = true;
                }
        }
        return found;
}

/* A path with ~ and %d; false: another token is in it. */
static bool path_of(const struct reading *r, const char *s, char *to, size_t size)
{
        size_t n = 0;
        if (*s == '~' && (s[1] == '/' || !s[1])) {
                n = (size_t)snprintf(to, size, "%s", r->home);
                s++;
        }
        for (; *s && n + 1 < size; s++) {
                if (*s == '%' && s[1] == 'd') {
                        n += (size_t)snprintf(to + n, size - n, "%s", r->home);
                        s++;
                        continue;
                }
                if (*s == '%' || *s == '\t' || *s == '$')
                        return false;
                to[n++] = *s;
        }
        to[n < size ? n : size - 1] = 0;
        return n < size;
}

static void add(char *list, size_t size, const char *path)
{
        size_t n = strlen(list);
        if (n + strlen(path) + 2 < size)
                snprintf(list + n, size - n, "%s%s", n ? "\t" : "", path);
}

static bool add_paths(struct reading *r, char *list, size_t size, const char *value)
{
        char copy[2048], path[1024];
        char *rest = NULL;
        snprintf(copy, sizeof copy, "%s", value);
        for (char *w = strtok_r(copy, " \t", &rest); w; w = strtok_r(NULL, " \t", &rest)) {
                if (!path_of(r, w, path, sizeof path))
                        return false;
                if (strcasecmp(path, "none") != 0)
                        add(list, size, path);
        }
        return true;
}

static void read_file(struct reading *, const char *path, const char *folder);

static void include(struct reading *r, const char *value, const char *folder)
{
        char copy[2048], path[2100], full[4200];
        char *rest = NULL;
        bool applied = r->applies;
        snprintf(copy, sizeof copy, "%s", value);
        for (char *w = strtok_r(copy, " \t", &rest); w; w = strtok_r(NULL, " \t", &rest)) {
                glob_t g;
                if (!path_of(r, w, path, sizeof path)) {
                        r->c->simple = false;
                        return;
                }
                snprintf(full, sizeof full, "%s%s%s", *path == '/' ? "" : folder, *path == '/' ? "" : "/",
                         path);
                if (glob(full, 0, NULL, &g) == 0) {
                        for (size_t i = 0; i < g.gl_pathc; i++) {
                                r->applies = applied;
                                read_file(r, g.gl_pathv[i], folder);
                        }
                        globfree(&g);
                }
        }
        r->applies = applied;
}

/* What changes nothing of how a command is run there, or only what we do anyway. */
static bool is_harmless(const char *key)
{
        static const char *const keys[] = { "SendEnv",
                                            "HashKnownHosts",
                                            "GSSAPIAuthentication",
                                            "GSSAPIDelegateCredentials",
                                            "LogLevel",
                                            "BatchMode",
                                            "Compression",
                                            "ServerAliveInterval",
                                            "ServerAliveCountMax",
                                            "TCPKeepAlive",
                                            "ConnectTimeout",
                                            "ConnectionAttempts",
                                            "AddKeysToAgent",
                                            "IdentitiesOnly",
                                            "StrictHostKeyChecking",
                                            "VisualHostKey",
                                            "CheckHostIP",
                                            "UpdateHostKeys",
                                            "ControlMaster",
                                            "ControlPath",
                                            "ControlPersist",
                                            "ForwardX11",
                                            "ForwardX11Trusted",
                                            "ForwardAgent",
                                            "EscapeChar",
                                            "RequestTTY",
                                            "PasswordAuthentication",
                                            "KbdInteractiveAuthentication",
                                            "ChallengeResponseAuthentication",
                                            "NumberOfPasswordPrompts" };
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                if (strcasecmp(keys[i], key) == 0)
                        return true;
        return false;
}

/* The first value of a keyword stands. */
static void set(struct reading *r, const char *key, const char *value)
{
        struct sh_ssh_config *c = r->c;
        if (strcasecmp(key, "HostName") == 0) {
                if (!r->hostname && strchr(value, '%'))
                        c->simple = false;
                else if (!r->hostname)
                        snprintf(c->address, sizeof c->address, "%s", value);
                r->hostname = true;
        } else if (strcasecmp(key, "Port") == 0) {
                c->port = c->port ? c->port : atoi(value);
        } else if (strcasecmp(key, "User") == 0) {
                if (!c->user[0])
                        snprintf(c->user, sizeof c->user, "%s", value);
        } else if (strcasecmp(key, "IdentityFile") == 0) {
                c->simple &= r->own_keys || add_paths(r, c->keys, sizeof c->keys, value);
        } else if (strcasecmp(key, "UserKnownHostsFile") == 0) {
                c->simple &= r->known || add_paths(r, c->known, sizeof c->known, value);
                r->known = true;
        } else if (strcasecmp(key, "GlobalKnownHostsFile") == 0) {
                c->simple &= r->global || add_paths(r, r->global_known, sizeof r->global_known, value);
                r->global = true;
        } else if (strcasecmp(key, "HostKeyAlias") == 0) {
                if (!r->alias)
                        snprintf(c->alias, sizeof c->alias, "%s", value);
                r->alias = true;
        } else if (!is_harmless(key)) {
                c->simple = false;
        }
}

static void read_line(struct reading *r, char *line, const char *folder)
{
        char *key = line + strspn(line, " \t");
        size_t n = strcspn(key, " \t=");
        char *value = key + n + strspn(key + n, " \t=");
        key[n] = 0;
        size_t len = strlen(value);
        while (len && strchr(" \t\r\n", value[len - 1]))
                value[--len] = 0;
        if (!*key || *key == '#')
                return;
        if (len > 1 && value[0] == '"' && value[len - 1] == '"' && !memchr(value + 1, '"', len - 2)) {
                value[len - 1] = 0;
                value++;
        } else if (strchr(value, '"')) {
                r->c->simple = false;
        }
        if (strcasecmp(key, "Host") == 0)
                r->applies = matches(value, r->host);
        else if (strcasecmp(key, "Match") == 0)
                r->applies = strcasecmp(value, "all") == 0 ? true : (r->c->simple = false);
        else if (r->applies && strcasecmp(key, "Include") == 0)
                include(r, value, folder);
        else if (r->applies)
                set(r, key, value);
}

static void read_file(struct reading *r, const char *path, const char *folder)
{
        FILE *f = r->depth < DEEPEST ? fopen(path, "re") : NULL;
        char *line = NULL;
        size_t cap = 0;
        if (!f)
                return;
        r->depth++;
        while (getline(&line, &cap, f) > 0) {
                line[strcspn(line, "\n")] = 0;
                read_line(r, line, folder);
        }
        r->depth--;
        free(line);
        fclose(f);
}

static void defaults(struct reading *r)
{
        static const char *const keys[] = { "id_rsa", "id_ecdsa", "id_ed25519" };
        struct sh_ssh_config *c = r->c;
        char path[1024];
        for (size_t i = 0; !c->keys[0] && i < 3; i++) {
                snprintf(path, sizeof path, "%s/.ssh/%s", r->home, keys[i]);
                if (access(path, R_OK) == 0)
                        add(c->keys, sizeof c->keys, path);
        }
        if (!r->known) {
                snprintf(path, sizeof path, "%s/.ssh/known_hosts", r->home);
                add(c->known, sizeof c->known, path);
                snprintf(path, sizeof path, "%s/.ssh/known_hosts2", r->home);
                add(c->known, sizeof c->known, path);
        }
        add(c->known, sizeof c->known, r->global ? r->global_known : "/etc/ssh/ssh_known_hosts");
        if (!c->alias[0])
                snprintf(c->alias, sizeof c->alias, "%s", c->address);
        c->port = c->port ? c->port : 22;
}

void sh_ssh_config(const char *host, const char *file, struct sh_ssh_config *c)
{
        char path[1024], folder[1000];
        struct passwd *pw = getpwuid(geteuid());
        struct reading r = { .host = host, .home = pw ? pw->pw_dir : "/", .c = c, .own_keys = c->keys[0] };
        c->simple = pw;
        snprintf(c->address, sizeof c->address, "%s", host);
        snprintf(folder, sizeof folder, "%s/.ssh", r.home);
        snprintf(path, sizeof path, "%s/config", folder);
        r.applies = true;
        read_file(&r, file ? file : path, folder);
        r.applies = true;
        if (!file)
                read_file(&r, "/etc/ssh/ssh_config", "/etc/ssh");
        if (!c->user[0] && pw)
                snprintf(c->user, sizeof c->user, "%s", pw->pw_name);
        defaults(&r);
        c->simple &= c->keys[0] != 0; /* without a key file it is the agent's or a password: ssh's */
}
