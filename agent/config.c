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
#include "agent/settings.h"

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

/* One setter for each section. They are given keys that agent/settings.h declares, no others. NULL, or why not. */

static const char *set_audit(struct rv_agent *a, const char *key, const char *value)
{
        int64_t n = 0;
        bool days = strcmp(key, "keep_days") == 0, segments = strcmp(key, "keep_segments") == 0;
        if (!set_number(value, days || segments ? 100000 : INT64_MAX / 2, &n))
                return "expected a number from 0";
        if (days)
                a->state.audit_days = (unsigned)n;
        else if (segments)
                a->state.audit_segments = (unsigned)n;
        else
                a->state.audit_records = n;
        return NULL;
}

static const char *set_path(char *to, size_t size, const char *value, const char *why)
{
        if (*value != '/' || strlen(value) >= size)
                return why;
        snprintf(to, size, "%s", value);
        return NULL;
}

static const char *set_roles(struct rv_agent *a, const char *key, const char *value)
{
        (void)key;
        return set_path(a->policy.folder, sizeof a->policy.folder, value, "expected an absolute path");
}

static const char *set_history(struct rv_agent *a, const char *key, const char *value)
{
        if (rv_history_key(a, key, value) == 0)
                return NULL;
        return strcmp(key, "keep") == 0 ? "expected names of classes" : "expected a number from 0";
}

static const char *set_providers(struct rv_agent *a, const char *key, const char *value)
{
        (void)key;
        return set_path(a->provider_folders, sizeof a->provider_folders, value,
                        "expected absolute paths, divided by colons");
}

#define set_metrics rv_scrapers_set

#define KEY(section, key, otherwise, form, meaning) { "[" #section "]", #key, set_##section },
static const struct {
        const char *section, *key;
        const char *(*set)(struct rv_agent *, const char *key, const char *value);
} known[] = { RV_SETTINGS_AGENT(KEY) };
#undef KEY
enum { KNOWN = sizeof known / sizeof *known };

static bool is_ours(const char *section)
{
        for (unsigned i = 0; i < KNOWN; i++)
                if (strcasecmp(known[i].section, section) == 0)
                        return true;
        return false;
}

static int take(struct rv_agent *a, const char *path, unsigned line, const char *section, const char *key,
                const char *value)
{
        for (unsigned i = 0; i < KNOWN; i++) {
                if (strcasecmp(known[i].section, section) != 0 || strcmp(known[i].key, key) != 0)
                        continue;
                const char *wrong = known[i].set(a, key, value);
                if (wrong)
                        rv_log(RV_LOG_ERROR, "%s:%u: %s %s = %s: %s", path, line, section, key, value, wrong);
                return wrong ? -EINVAL : 0;
        }
        rv_log(RV_LOG_WARNING, "%s:%u: %s has no key \"%s\"; it is ignored", path, line, section, key);
        return 0;
}

static int load(struct rv_agent *a, const char *path)
{
        FILE *f = fopen(path, "re");
        char buf[1024];
        char section[32] = ""; /* those of others */
        int r = 0;
        for (unsigned line = 1; f && r == 0 && fgets(buf, sizeof buf, f); line++) {
                char *s = rv_config_trim(buf), *eq = strchr(s, '=');
                if (*s == '[')
                        snprintf(section, sizeof section, "%s", is_ours(s) ? s : "");
                if (!*section || *s == '[' || !eq || *s == '#' || *s == ';')
                        continue;
                *eq = 0;
                const char *key = rv_config_trim(s);
                r = take(a, path, line, section, key, rv_config_trim(eq + 1));
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
        const char *wrong = r ? NULL : rv_scrapers_settled(a);
        if (wrong)
                rv_log(RV_LOG_ERROR, "%s: %s", path, wrong);
        return wrong ? -EINVAL : r;
}

#define ROW(section, key, otherwise, form, meaning) { "[" #section "]", #key, otherwise, form, meaning },
void rv_config_reference(FILE *f)
{
        static const char *const rows[][5] = { RV_SETTINGS_SSH(ROW) RV_SETTINGS_AGENT(ROW) };
        const char *section = "";
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                if (strcmp(section, rows[i][0]) != 0)
                        fprintf(f, "\n## %s\n\n| key | when absent | may be | meaning |\n|---|---|---|---|\n",
                                rows[i][0]);
                section = rows[i][0];
                fprintf(f, "| `%s` | %s | %s | %s |\n", rows[i][1], rows[i][2], rows[i][3], rows[i][4]);
        }
}
