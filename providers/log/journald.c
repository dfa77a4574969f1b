/* SPDX-License-Identifier: MIT */
#include "providers/log/journald.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "agent/provider.h"
#include "providers/lib/filetext.h"
#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"

#define OURS "/etc/systemd/journald.conf.d/90-reeve.conf"
enum { CONF_MOST = 256 << 10, FILES_MOST = 64 };

/* ---- bounds ---- */

/* "500M", "1.5G": of 1024. */
static uint64_t bytes_of(const char *s)
{
        static const char units[] = "KMGTPE";
        char *end;
        double n = strtod(s, &end);
        const char *u = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
        for (long i = u ? u - units + 1 : 0; i > 0; i--)
                n *= 1024;
        return n > 0 && n < 1e19 ? (uint64_t)n : 0;
}

/* "1month", "2week 3day", "86400". */
static uint64_t seconds_of(const char *s)
{
        static const struct {
                const char *unit;
                double seconds;
        } units[] = { { "year", 31557600 }, { "y", 31557600 },  { "month", 2629800 },
                      { "M", 2629800 },     { "week", 604800 }, { "w", 604800 },
                      { "day", 86400 },     { "d", 86400 },     { "hour", 3600 },
                      { "hr", 3600 },       { "h", 3600 },      { "minute", 60 },
                      { "min", 60 },        { "m", 60 },        { "s", 1 } };
        double sum = 0;
        while (*s) {
                char *end;
                double n = strtod(s, &end), unit = 1;
                if (end == s)
                        return 0;
                for (s = end; *s == ' '; s++)
                        ;
                for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                        if (strncmp(s, units[i].unit, strlen(units[i].unit)) == 0) {
                                unit = units[i].seconds;
                                break;
                        }
                sum += n * unit;
                while (isalpha((unsigned char)*s) || *s == ' ')
                        s++;
        }
        return sum > 0 && sum < 1e18 ? (uint64_t)sum : 0;
}

struct settings {
        char system[64], runtime[64], age[64];
};

static void take(const char *line, size_t n, struct settings *s)
{
        const struct {
                const char *name;
                char *to;
        } all[] = { { "SystemMaxUse=", s->system },
                    { "RuntimeMaxUse=", s->runtime },
                    { "MaxRetentionSec=", s->age } };
        for (size_t i = 0; i < 3; i++) {
                size_t k = strlen(all[i].name);
                if (n >= k && memcmp(line, all[i].name, k) == 0)
                        snprintf(all[i].to, 64, "%.*s", (int)(n - k), line + k);
        }
}

static void read_conf(const char *path, struct settings *s)
{
        size_t n;
        char *text = rv_slurp(path, CONF_MOST, &n);
        for (const char *at = text; at && *at; at += strcspn(at, "\n"), at += *at == '\n')
                take(at + strspn(at, " \t"), strcspn(at, "\n") - strspn(at, " \t"), s);
        free(text);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(strrchr(a, '/'), strrchr(b, '/'));
}

void rv_journald_limits(struct rv_journald_limits *ret)
{
        static const char *const folders[] = { "/etc/systemd", "/run/systemd", "/usr/local/lib/systemd",
                                               "/usr/lib/systemd", "/lib/systemd" };
        struct settings s = { 0 };
        char(*list)[512] = calloc(FILES_MOST, sizeof *list), path[600];
        size_t n = 0;
        bool whole = false;
        for (size_t i = 0; list && i < sizeof folders / sizeof *folders; i++) {
                snprintf(path, sizeof path, "%s/journald.conf", folders[i]);
                if (!whole && access(path, R_OK) == 0)
                        read_conf(path, &s), whole = true;
                snprintf(path, sizeof path, "%s/journald.conf.d", folders[i]);
                DIR *d = opendir(path);
                for (struct dirent *e; d && n < FILES_MOST && (e = readdir(d));) {
                        size_t k = strlen(e->d_name);
                        bool hidden = k < 6 || strcmp(e->d_name + k - 5, ".conf") != 0;
                        for (size_t j = 0; j < n && !hidden; j++) /* one in /etc stands for those elsewhere */
                                hidden = strcmp(strrchr(list[j], '/') + 1, e->d_name) == 0;
                        if (!hidden &&
                            snprintf(list[n], sizeof *list, "%s/%s", path, e->d_name) < (int)sizeof *list)
                                n++;
                }
                if (d)
                        closedir(d);
        }
        if (n)
                qsort(list, n, sizeof *list, by_name);
        for (size_t i = 0; i < n; i++)
                read_conf(list[i], &s);
        free(list);
        const char *size = access("/var/log/journal", F_OK) == 0 ? s.system : s.runtime;
        *ret = (struct rv_journald_limits) { *size ? bytes_of(size) : 0, s.age[0] ? seconds_of(s.age) : 0 };
}

int rv_journald_set_limits(const struct rv_journald_limits *l)
{
        char text[400];
        size_t n = (size_t)snprintf(text, sizeof text,
                                    "# Written by reeve (LogChannel.SetRetention).\n[Journal]\n");
        if (l->size)
                n += (size_t)snprintf(text + n, sizeof text - n,
                                      "SystemMaxUse=%" PRIu64 "\nRuntimeMaxUse=%" PRIu64 "\n", l->size,
                                      l->size);
        if (l->age)
                n += (size_t)snprintf(text + n, sizeof text - n, "MaxRetentionSec=%" PRIu64 "s\n", l->age);
        if (mkdir("/etc/systemd/journald.conf.d", 0755) < 0 && errno != EEXIST)
                return -errno;
        return rv_replace_file(OURS, text, n, 0644);
}

/* ---- export ---- */

static void put_field(FILE *f, const char *data, size_t n)
{
        const char *eq = memchr(data, '=', n);
        size_t k = eq ? (size_t)(eq - data) : n;
        bool plain = eq && rv_is_text(eq, n - k) && !memchr(eq, '\n', n - k);
        if (plain) {
                fwrite(data, 1, n, f);
        } else if (eq) {
                uint64_t size = n - k - 1;
                fwrite(data, 1, k, f);
                fputc('\n', f);
                for (int i = 0; i < 8; i++)
                        fputc((int)(size >> 8 * i & 0xff), f);
                fwrite(eq + 1, 1, n - k - 1, f);
        }
        fputc('\n', f);
}

static void put_entry(FILE *f, sd_journal *j)
{
        const void *data;
        size_t n;
        uint64_t real, mono;
        sd_id128_t boot;
        char *cursor = NULL, text[SD_ID128_STRING_MAX];
        if (sd_journal_get_cursor(j, &cursor) >= 0)
                fprintf(f, "__CURSOR=%s\n", cursor);
        free(cursor);
        if (sd_journal_get_realtime_usec(j, &real) >= 0)
                fprintf(f, "__REALTIME_TIMESTAMP=%" PRIu64 "\n", real);
        if (sd_journal_get_monotonic_usec(j, &mono, &boot) >= 0)
                fprintf(f, "__MONOTONIC_TIMESTAMP=%" PRIu64 "\n_BOOT_ID=%s\n", mono,
                        sd_id128_to_string(boot, text));
        SD_JOURNAL_FOREACH_DATA(j, data, n)
        {
                if (n < 9 || memcmp(data, "_BOOT_ID=", 9) != 0)
                        put_field(f, data, n);
        }
        fputc('\n', f);
}

int rv_journald_export(struct rv_call *c, const char *to)
{
        sd_journal *j;
        int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), r;
        FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
        if (!f) {
                r = -errno;
                if (fd >= 0)
                        close(fd);
                return r;
        }
        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r >= 0) {
                sd_journal_set_data_threshold(j, 0);
                for (uint64_t n = 0; (r = sd_journal_next(j)) > 0; n++) {
                        put_entry(f, j);
                        if (ferror(f) || rv_cancelled(c)) {
                                r = ferror(f) ? -EIO : -ECANCELED;
                                break;
                        }
                        if (n % 10000 == 9999)
                                rv_progress(c, "Writing the journal", to, -1);
                }
                sd_journal_close(j);
        }
        if (r >= 0 && (fflush(f) || fsync(fd) < 0))
                r = -errno;
        fclose(f);
        if (r < 0)
                unlink(to);
        return r < 0 ? r : 0;
}
