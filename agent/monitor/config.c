/* SPDX-License-Identifier: MIT
 *
 * reeve.conf: sections in brackets, "key = value", # or ; before a comment. What is said later counts, drop-ins
 * (reeve.conf.d/NAME.conf) after the file, the command line before all of them. Sections that are not reeved's
 * belong to the agent. An unknown key is reported with file and line and ignored; a bad value ends the start.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/monitor/monitor.h"
#include "agent/settings.h"

enum { MOST = 64 << 10 };

static char *trim(char *s)
{
        while (*s == ' ' || *s == '\t')
                s++;
        for (char *e = s + strlen(s); e > s && (e[-1] == ' ' || e[-1] == '\t' || e[-1] == '\r');)
                *--e = 0;
        return s;
}

static int yes_or_no(const char *v)
{
        if (strcasecmp(v, "yes") == 0 || strcasecmp(v, "true") == 0 || strcmp(v, "1") == 0 ||
            strcasecmp(v, "on") == 0)
                return 1;
        if (strcasecmp(v, "no") == 0 || strcasecmp(v, "false") == 0 || strcmp(v, "0") == 0 ||
            strcasecmp(v, "off") == 0)
                return 0;
        return -1;
}

static const char *set_listen(struct mon_options *o, const char *v)
{
        if (!*v)
                o->nlisten = 0; /* as in systemd: an empty value forgets the earlier ones */
        else if (o->nlisten == MON_LISTENERS || strlen(v) >= sizeof o->listen[0])
                return "too many addresses, or too long";
        else
                strcpy(o->listen[o->nlisten++], v);
        return NULL;
}

static const char *set_port(struct mon_options *o, const char *v)
{
        char *end;
        long n = strtol(v, &end, 10);
        if (*end || end == v || n < 0 || n > 65535)
                return "expected a port, 0 to 65535";
        o->port = (int)n;
        return NULL;
}

static const char *set_number(unsigned *to, const char *v)
{
        char *end;
        unsigned long n = strtoul(v, &end, 10);
        if (*end || end == v || *v == '-' || n < 1 || n > MON_SESSIONS_MOST)
                return "expected a number, 1 to 100000";
        *to = (unsigned)n;
        return NULL;
}

static const char *set_sessions(struct mon_options *o, const char *v)
{
        return set_number(&o->sessions, v);
}

static const char *set_sessions_per_user(struct mon_options *o, const char *v)
{
        return set_number(&o->sessions_user, v);
}

static const char *set_authorized_keys(struct mon_options *o, const char *v)
{
        o->authorized_keys = yes_or_no(v);
        return o->authorized_keys < 0 ? "expected yes or no" : NULL;
}

static const char *set_enabled(struct mon_options *o, const char *v)
{
        int r = yes_or_no(v);
        o->no_ssh = r == 0;
        return r < 0 ? "expected yes or no" : NULL;
}

static const char *set_penalties(struct mon_options *o, const char *v)
{
        int r = yes_or_no(v);
        o->no_penalties = r == 0;
        return r < 0 ? "expected yes or no" : NULL;
}

static const char *set_algorithms(struct mon_options *o, const char *v)
{
        o->compat = strcmp(v, "compat") == 0;
        return o->compat || strcmp(v, "default") == 0 ? NULL : "expected default or compat";
}

static const char *set_path(const char **to, const char *v)
{
        if (*v != '/')
                return "expected an absolute path";
        free((char *)*to); /* what is said later counts */
        *to = strdup(v);
        return *to ? NULL : "out of memory";
}

static const char *set_trusted_user_ca_keys(struct mon_options *o, const char *v)
{
        return set_path(&o->authorities, v);
}

static const char *set_revoked_keys(struct mon_options *o, const char *v)
{
        return set_path(&o->revoked, v);
}

/* May be there several times, each with one or more targets; an empty value forgets the earlier ones. */
static const char *set_forward(struct mon_options *o, const char *v)
{
        size_t n = strlen(o->forward);
        if (!*v)
                o->forward[0] = 0;
        if (!*v)
                return NULL;
        if (n + strlen(v) + 2 > sizeof o->forward)
                return "too many targets";
        o->forward[n] = ',';
        n += n > 0;
        for (; *v; v++)
                if (*v != ' ' && *v != '\t')
                        o->forward[n++] = *v;
        o->forward[n] = 0;
        return strchr(o->forward, ':') ? NULL : "expected HOST:PORT, with commas between";
}

static const char *set_pam(struct mon_options *o, const char *v)
{
        int r = yes_or_no(v);
        if (r < 0 && strcasecmp(v, "keys") != 0)
                return "expected yes, no or keys";
        o->pam = r < 0 ? MON_PAM_KEYS : r ? MON_PAM_YES : MON_PAM_NO;
        return NULL;
}

static const char *set_keys_dir(struct mon_options *o, const char *v)
{
        return set_path(&o->keys_dir, v);
}

static const char *set_shell(struct mon_options *o, const char *v)
{
        return set_path(&o->shell, v);
}

static const char *set_sftp(struct mon_options *o, const char *v)
{
        int r = strcasecmp(v, "atomic") == 0 ? MON_SFTP_ATOMIC
                : yes_or_no(v) == 1          ? MON_SFTP_YES
                                             : MON_SFTP_NO;
        if (r == MON_SFTP_NO && yes_or_no(v) != 0)
                return "expected yes, no or atomic";
        o->sftp = r;
        return NULL;
}

#define KEY(section, key, otherwise, form, meaning) { #key, set_##key },
static const struct {
        const char *name;
        const char *(*set)(struct mon_options *, const char *);
} keys[] = { RV_SETTINGS_SSH(KEY) };
#undef KEY

static bool set(struct mon_options *o, const char *name, unsigned line, char *text)
{
        char *eq = strchr(text, '=');
        if (!eq) {
                rv_log(RV_LOG_ERROR, "%s:%u: expected key = value", name, line);
                return false;
        }
        *eq = 0;
        const char *key = trim(text), *value = trim(eq + 1);
        for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
                if (strcmp(keys[i].name, key) == 0) {
                        const char *wrong = keys[i].set(o, value);
                        if (wrong)
                                rv_log(RV_LOG_ERROR, "%s:%u: %s = %s: %s", name, line, key, value, wrong);
                        return !wrong;
                }
        rv_log(RV_LOG_WARNING, "%s:%u: unknown key \"%s\" in [ssh]", name, line, key);
        return true;
}

/* A section that the agent reads. */
static bool is_agents(const char *section)
{
#define NAME(section, ...) "[" #section "]",
        static const char *const names[] = { RV_SETTINGS_AGENT(NAME) };
#undef NAME
        for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
                if (strcasecmp(names[i], section) == 0)
                        return true;
        return false;
}

unsigned mon_config_parse(struct mon_options *o, const char *name, const char *text, size_t n)
{
        bool ours = false;
        unsigned line = 0, wrong = 0;
        for (const char *p = text, *end = text + n, *stop; p < end; p = stop + 1) {
                char one[512];
                stop = memchr(p, '\n', (size_t)(end - p));
                if (!stop)
                        stop = end;
                line++;
                if ((size_t)(stop - p) >= sizeof one || memchr(p, 0, (size_t)(stop - p))) {
                        rv_log(RV_LOG_ERROR, "%s:%u: no text, or too long", name, line);
                        wrong++;
                        continue;
                }
                snprintf(one, sizeof one, "%.*s", (int)(stop - p), p);
                char *s = trim(one);
                if (!*s || *s == '#' || *s == ';')
                        continue;
                if (*s == '[') {
                        ours = strcmp(s, "[ssh]") == 0;
                        if (!ours && !is_agents(s))
                                rv_log(RV_LOG_WARNING, "%s:%u: nobody knows a section %s; it is ignored",
                                       name, line, s);
                } else if (ours) {
                        wrong += !set(o, name, line, s);
                }
        }
        return wrong;
}

static int read_one(struct mon_options *o, const char *path, bool must)
{
        FILE *f = fopen(path, "re");
        if (!f && errno == ENOENT && !must)
                return 0;
        char *text = malloc(MOST);
        size_t n = f && text ? fread(text, 1, MOST, f) : 0;
        int r = -1;
        if (!f)
                rv_log(RV_LOG_ERROR, "%s: %m", path);
        else if (n == MOST)
                rv_log(RV_LOG_ERROR, "%s: more than %d bytes", path, MOST);
        else
                r = mon_config_parse(o, path, text, n) ? -1 : 0;
        free(text);
        if (f)
                fclose(f);
        return r;
}

static int is_conf(const struct dirent *e)
{
        size_t n = strlen(e->d_name);
        return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

/* The file, then PATH.d/... in the order of names. */
int mon_config_read(struct mon_options *o, const char *path, bool must)
{
        char dir[1024], one[1400];
        struct dirent **list = NULL;
        int r = read_one(o, path, must);
        snprintf(dir, sizeof dir, "%s.d", path);
        int n = scandir(dir, &list, is_conf, alphasort);
        for (int i = 0; i < n; i++) {
                snprintf(one, sizeof one, "%s/%s", dir, list[i]->d_name);
                if (read_one(o, one, true) < 0)
                        r = -1;
                free(list[i]);
        }
        free(list);
        return r;
}
