/* SPDX-License-Identifier: MIT
 *
 * History of the prompt: a list in memory and a file that several sessions append to. An entry is a line of the file;
 * a newline inside is written as a backtick and a newline, as PSReadLine does, so the two can read each other's files.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/edit.h"

enum { MOST = 4096, MOST_BYTES = 4 << 20 };

struct sh_history {
        char *path;
        size_t n, cap;
        char **v;
};

/* The words PSReadLine looks for, and what our own commands take. */
bool sh_history_secret(const char *line, size_t n)
{
        static const char *const words[] = { "password", "passwd",  "asplaintext", "token",
                                             "apikey",   "api_key", "secret",      "credential" };
        for (size_t w = 0; w < sizeof words / sizeof *words; w++)
                for (size_t i = 0, m = strlen(words[w]); i + m <= n; i++)
                        if (strncasecmp(line + i, words[w], m) == 0)
                                return true;
        return false;
}

static void forget_oldest(struct sh_history *h)
{
        free(h->v[0]);
        memmove(h->v, h->v + 1, --h->n * sizeof *h->v);
}

/* An older equal entry gives way, so that each line is there once. */
static void forget_same(struct sh_history *h, const char *line)
{
        for (size_t i = h->n; i-- > 0;)
                if (strcmp(h->v[i], line) == 0) {
                        free(h->v[i]);
                        memmove(h->v + i, h->v + i + 1, (--h->n - i) * sizeof *h->v);
                        return;
                }
}

static void keep(struct sh_history *h, char *line)
{
        forget_same(h, line);
        if (h->n == MOST)
                forget_oldest(h);
        if (h->n == h->cap) {
                size_t cap = h->cap ? h->cap * 2 : 64;
                char **v = realloc(h->v, cap * sizeof *v);
                if (!v) {
                        free(line);
                        return;
                }
                h->v = v;
                h->cap = cap;
        }
        h->v[h->n++] = line;
}

static void load(struct sh_history *h)
{
        FILE *f = fopen(h->path, "re");
        if (!f)
                return;
        struct stat st;
        if (fstat(fileno(f), &st) == 0 && st.st_size > MOST_BYTES)
                fseek(f, st.st_size - MOST_BYTES, SEEK_SET);
        char *line = NULL, *entry = NULL;
        size_t cap = 0, used = 0;
        for (ssize_t n; (n = getline(&line, &cap, f)) >= 0;) {
                if (n && line[n - 1] == '\n')
                        line[--n] = 0;
                bool more = n && line[n - 1] == '`';
                if (more)
                        line[n - 1] = '\n';
                char *grown = realloc(entry, used + (size_t)n + 1);
                if (!grown)
                        break;
                entry = grown;
                memcpy(entry + used, line, (size_t)n + 1);
                used += (size_t)n;
                if (more)
                        continue;
                if (used)
                        keep(h, entry);
                else
                        free(entry);
                entry = NULL;
                used = 0;
        }
        free(entry);
        free(line);
        fclose(f);
}

struct sh_history *sh_history_new(const char *path)
{
        struct sh_history *h = calloc(1, sizeof *h);
        if (h && path && (h->path = strdup(path)))
                load(h);
        return h;
}

struct sh_history *sh_history_free(struct sh_history *h)
{
        for (size_t i = 0; h && i < h->n; i++)
                free(h->v[i]);
        if (h) {
                free(h->v);
                free(h->path);
        }
        free(h);
        return NULL;
}

static void append(const char *path, const char *line)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        FILE *f = fd < 0 ? NULL : fdopen(fd, "ae");
        if (!f) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        for (const char *c = line; *c; c++) {
                if (*c == '\n')
                        putc('`', f);
                putc(*c, f);
        }
        putc('\n', f);
        fclose(f);
}

void sh_history_add(struct sh_history *h, const char *line, size_t n)
{
        while (n && (line[n - 1] == '\n' || line[n - 1] == ' '))
                n--;
        if (!h || !n || line[0] == ' ' || memchr(line, 0, n) || sh_history_secret(line, n))
                return;
        char *copy = strndup(line, n);
        if (!copy)
                return;
        bool same = h->n && strcmp(h->v[h->n - 1], copy) == 0;
        if (h->path && !same)
                append(h->path, copy);
        keep(h, copy);
}

size_t sh_history_count(const struct sh_history *h)
{
        return h ? h->n : 0;
}

const char *sh_history_at(const struct sh_history *h, size_t i)
{
        return h && i < h->n ? h->v[i] : NULL;
}
