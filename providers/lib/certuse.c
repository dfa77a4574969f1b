/* SPDX-License-Identifier: MIT */
#include "providers/lib/certuse.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "providers/lib/slurp.h"

enum { FILES = 1024, FILE_MOST = 256 << 10, BYTES_MOST = 16 << 20, DEEPEST = 3 };

struct rv_certuse {
        struct {
                char *path, *text;
                size_t n;
        } files[FILES];
        size_t n, bytes;
};

static const char *const places[] = {
        "/etc/nginx",    "/etc/apache2",     "/etc/httpd",   "/etc/haproxy",    "/etc/postfix",
        "/etc/dovecot",  "/etc/lighttpd",    "/etc/caddy",   "/etc/exim4",      "/etc/ldap",
        "/etc/openldap", "/etc/stunnel",     "/etc/mysql",   "/etc/postgresql", "/etc/docker",
        "/etc/proftpd",  "/etc/vsftpd.conf", "/etc/openvpn", "/etc/traefik",    "/etc/squid",
        "/etc/redis",    "/etc/rabbitmq",    "/etc/grafana", "/etc/prometheus", "/etc/kubernetes/manifests"
};

static void read_one(struct rv_certuse *u, const char *path)
{
        size_t n;
        char *text = u->n < FILES && u->bytes < BYTES_MOST ? rv_slurp(path, FILE_MOST, &n) : NULL;
        /* Keys and certificates name no paths; neither do files that are no text. */
        if (!text || memchr(text, 0, n) || strstr(text, "-----BEGIN ") ||
            !(u->files[u->n].path = strdup(path))) {
                free(text);
                return;
        }
        u->files[u->n].text = text;
        u->files[u->n++].n = n;
        u->bytes += n;
}

static void walk(struct rv_certuse *u, const char *path, int deep)
{
        struct stat st;
        if (stat(path, &st) < 0)
                return;
        if (S_ISREG(st.st_mode) && st.st_size <= FILE_MOST)
                read_one(u, path);
        DIR *d = S_ISDIR(st.st_mode) && deep ? opendir(path) : NULL;
        for (struct dirent *e; d && u->n < FILES && (e = readdir(d));) {
                char name[PATH_MAX];
                if (e->d_name[0] != '.' &&
                    snprintf(name, sizeof name, "%s/%s", path, e->d_name) < (int)sizeof name)
                        walk(u, name, deep - 1);
        }
        if (d)
                closedir(d);
}

struct rv_certuse *rv_certuse_read(void)
{
        struct rv_certuse *u = calloc(1, sizeof *u);
        for (size_t i = 0; u && i < sizeof places / sizeof *places; i++)
                walk(u, places[i], DEEPEST);
        return u;
}

void rv_certuse_free(struct rv_certuse *u)
{
        for (size_t i = 0; u && i < u->n; i++) {
                free(u->files[i].path);
                free(u->files[i].text);
        }
        free(u);
}

/* A path ends where no more of one could stand; a line that is a comment names nothing. */
static bool names(const char *text, const char *path, size_t k)
{
        for (const char *p = text; (p = strstr(p, path)); p += k) {
                const char *line = p;
                while (line > text && line[-1] != '\n')
                        line--;
                line += strspn(line, " \t");
                char before = p > text ? p[-1] : ' ';
                if (*line != '#' && *line != ';' && !isalnum((unsigned char)before) && before != '/' &&
                    before != '.' && !isalnum((unsigned char)p[k]) && !strchr("/._-", p[k] ? p[k] : ' '))
                        return true;
        }
        return false;
}

void rv_certuse_find(const struct rv_certuse *u, const char *path, void (*each)(void *, const char *),
                     void *state)
{
        for (size_t i = 0; u && i < u->n; i++)
                if (names(u->files[i].text, path, strlen(path)))
                        each(state, u->files[i].path);
}
