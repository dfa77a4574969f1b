/* SPDX-License-Identifier: MIT */
#include "providers/lib/slurp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TABLE_MOST = 64 << 20 };

static char *read_all(int fd, size_t guess, size_t most, size_t *ret_n)
{
        size_t room = guess + 1, n = 0;
        char *text = malloc(room);
        while (text) {
                ssize_t k = read(fd, text + n, room - n - (room > n + 1));
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0) {
                        if (k == 0) {
                                text[n] = 0;
                                *ret_n = n;
                                return text;
                        }
                        break;
                }
                n += (size_t)k;
                if (n > most) {
                        errno = EFBIG;
                        break;
                }
                if (n + 1 >= room) {
                        char *more = realloc(text, room = 2 * room + 4096);
                        if (!more)
                                break;
                        text = more;
                }
        }
        int error = errno;
        free(text);
        errno = error;
        return NULL;
}

char *rv_slurp(const char *path, size_t most, size_t *ret_n)
{
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return NULL;
        size_t guess = fstat(fd, &st) == 0 && st.st_size > 0 && (size_t)st.st_size <= most ? (size_t)st.st_size : 4095;
        char *text = read_all(fd, guess + 1, most, ret_n);
        int error = errno;
        close(fd);
        errno = error;
        return text;
}

static void cut(char *line, char **to, size_t fields)
{
        for (size_t i = 0; i < fields; i++) {
                char *colon = line && i + 1 < fields ? strchr(line, ':') : NULL;
                to[i] = line ? line : "";
                line = colon ? colon + 1 : NULL;
                if (colon)
                        *colon = 0;
        }
}

int rv_table_read(struct rv_table *t, const char *path, size_t fields)
{
        size_t n, lines = 1;
        *t = (struct rv_table) { .fields = fields };
        t->text = rv_slurp(path, TABLE_MOST, &n);
        if (!t->text)
                return -errno;
        for (const char *p = t->text; (p = strchr(p, '\n')); p++)
                lines++;
        t->v = calloc(lines * fields, sizeof *t->v);
        if (!t->v) {
                rv_table_free(t);
                return -ENOMEM;
        }
        for (char *line = t->text, *next; line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = 0;
                if (*line && !strchr("#+-:", *line))
                        cut(line, rv_table_row(t, t->rows++), fields);
        }
        return 0;
}

void rv_table_free(struct rv_table *t)
{
        free(t->text);
        free(t->v);
        *t = (struct rv_table) { 0 };
}

static int by_first(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void rv_table_sort(struct rv_table *t)
{
        if (t->rows)
                qsort(t->v, t->rows, t->fields * sizeof *t->v, by_first);
}

char **rv_table_find(const struct rv_table *t, const char *first)
{
        return t->rows ? bsearch(&first, t->v, t->rows, t->fields * sizeof *t->v, by_first) : NULL;
}
