/* SPDX-License-Identifier: MIT */
#include "agent/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/history.h"
#include "agent/log.h"

enum { KEEP_DAYS = 400, KEEP_RECORDS = 1000000, KEEP_SEGMENTS = 100 };

char *rv_config_trim(char *s)
{
        s += strspn(s, " \t");
        s[strcspn(s, "\r\n")] = 0;
        for (char *e = s + strlen(s); e > s && (e[-1] == ' ' || e[-1] == '\t');)
                *--e = 0;
        return s;
}

static bool set_number(const char *value, int64_t most, int64_t *ret)
{
        char *end;
        errno = 0;
        long long n = strtoll(value, &end, 10);
        if (end == value || *end || errno || n < 0 || n > most)
                return false;
        *ret = n;
        return true;
}

static int audit_key(struct rv_agent *a, const char *path, unsigned line, const char *key, const char *value)
{
        int64_t n = 0;
        bool days = strcmp(key, "keep_days") == 0, segments = strcmp(key, "keep_segments") == 0;
        if (!days && !segments && strcmp(key, "keep_records") != 0) {
                rv_log(RV_LOG_WARNING, "%s:%u: [audit] has no key \"%s\"; it is ignored", path, line, key);
                return 0;
        }
        if (!set_number(value, days || segments ? 100000 : INT64_MAX / 2, &n)) {
                rv_log(RV_LOG_ERROR, "%s:%u: %s = %s: expected a number from 0", path, line, key, value);
                return -EINVAL;
        }
        if (days)
                a->state.audit_days = (unsigned)n;
        else if (segments)
                a->state.audit_segments = (unsigned)n;
        else
                a->state.audit_records = n;
        return 0;
}

static int roles_key(struct rv_agent *a, const char *path, unsigned line, const char *key, const char *value)
{
        if (strcmp(key, "dir") != 0) {
                rv_log(RV_LOG_WARNING, "%s:%u: [roles] has no key \"%s\"; it is ignored", path, line, key);
                return 0;
        }
        if (*value != '/' || strlen(value) >= sizeof a->policy.folder) {
                rv_log(RV_LOG_ERROR, "%s:%u: dir = %s: expected an absolute path", path, line, value);
                return -EINVAL;
        }
        snprintf(a->policy.folder, sizeof a->policy.folder, "%s", value);
        return 0;
}

static int history_key(struct rv_agent *a, const char *path, unsigned line, const char *key,
                       const char *value)
{
        int r = rv_history_key(a, key, value);
        if (r == -ENOENT)
                rv_log(RV_LOG_WARNING, "%s:%u: [history] has no key \"%s\"; it is ignored", path, line, key);
        else if (r)
                rv_log(RV_LOG_ERROR, "%s:%u: [history] %s = %s: expected %s", path, line, key, value,
                       strcmp(key, "keep") == 0 ? "names of classes" : "a number from 0");
        return r == -ENOENT ? 0 : r;
}

static int providers_key(struct rv_agent *a, const char *path, unsigned line, const char *key,
                         const char *value)
{
        if (strcmp(key, "dirs") != 0) {
                rv_log(RV_LOG_WARNING, "%s:%u: [providers] has no key \"%s\"; it is ignored", path, line,
                       key);
                return 0;
        }
        if (*value != '/' || strlen(value) >= sizeof a->provider_folders) {
                rv_log(RV_LOG_ERROR, "%s:%u: dirs = %s: expected absolute paths, divided by colons", path,
                       line, value);
                return -EINVAL;
        }
        snprintf(a->provider_folders, sizeof a->provider_folders, "%s", value);
        return 0;
}

static int metrics_key(struct rv_agent *a, const char *path, unsigned line, const char *key, const char *value)
{
        const char *why = NULL;
        int r = rv_scrapers_key(a, key, value, &why);
        if (r == -ENOENT)
                rv_log(RV_LOG_WARNING, "%s:%u: [metrics] has no key \"%s\"; it is ignored", path, line, key);
        else if (r)
                rv_log(RV_LOG_ERROR, "%s:%u: [metrics] %s = %s: %s", path, line, key, value, why);
        return r == -ENOENT ? 0 : r;
}

static const struct {
        const char *name;
        int (*key)(struct rv_agent *, const char *path, unsigned line, const char *key, const char *value);
} sections[] = { { "[audit]", audit_key },
                 { "[roles]", roles_key },
                 { "[history]", history_key },
                 { "[metrics]", metrics_key },
                 { "[providers]", providers_key } };
enum { SECTIONS = sizeof sections / sizeof *sections };

static int load(struct rv_agent *a, const char *path)
{
        FILE *f = fopen(path, "re");
        char buf[1024];
        unsigned in = SECTIONS; /* those of others */
        int r = 0;
        for (unsigned line = 1; f && r == 0 && fgets(buf, sizeof buf, f); line++) {
                char *s = rv_config_trim(buf), *eq = strchr(s, '=');
                if (*s == '[')
                        for (in = 0; in < SECTIONS && strcasecmp(s, sections[in].name) != 0;)
                                in++;
                if (in == SECTIONS || !eq || *s == '#' || *s == ';')
                        continue;
                *eq = 0;
                const char *key = rv_config_trim(s);
                r = sections[in].key(a, path, line, key, rv_config_trim(eq + 1));
        }
        if (f)
                fclose(f);
        return r;
}

static int is_conf(const struct dirent *d)
{
        size_t n = strlen(d->d_name);
        return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".conf") == 0;
}

int rv_config_load(struct rv_agent *a, const char *path)
{
        a->state.audit_days = KEEP_DAYS;
        a->state.audit_records = KEEP_RECORDS;
        a->state.audit_segments = KEEP_SEGMENTS;
        if (!path)
                return 0;
        char folder[512], file[800];
        struct dirent **list = NULL;
        int r = load(a, path);
        snprintf(folder, sizeof folder, "%s.d", path);
        int n = scandir(folder, &list, is_conf, alphasort);
        for (int i = 0; i < n; i++) {
                snprintf(file, sizeof file, "%s/%s", folder, list[i]->d_name);
                if (r == 0)
                        r = load(a, file);
                free(list[i]);
        }
        free(list);
        const char *why;
        if (r == 0 && (r = rv_scrapers_settled(a, &why)))
                rv_log(RV_LOG_ERROR, "%s: %s", path, why);
        return r;
}
