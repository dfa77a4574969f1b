/* SPDX-License-Identifier: MIT */
#include "providers/lib/linefile.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"

static const char head[] = "# Written by reeve.\n";
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

static bool begins(const char *line, const char *begin)
{
        size_t n = strlen(begin);
        return strncmp(line, begin, n) == 0 && strchr(" \t\n", line[n]); /* the end as well */
}

static const char *next(const char *p)
{
        p += strcspn(p, "\n");
        return p + (*p == '\n');
}

bool rv_linefile_has(const char *path, const char *begin)
{
        size_t n;
        bool found = false;
        char *text = rv_slurp(path, 1 << 20, &n);
        for (const char *p = text; p && *p && !found; p = next(p))
                found = begins(p, begin);
        free(text);
        return found;
}

int rv_linefile_set(const char *path, const char *begin, const char *line)
{
        size_t n = 0, at = 0, more = line ? strlen(line) : 0;
        bool any = line != NULL;
        pthread_mutex_lock(&writing);
        char *text = rv_slurp(path, 1 << 20, &n);
        int r = text || errno == ENOENT ? 0 : -errno;
        char *to = r ? NULL : malloc(n + more + sizeof head + 2);
        if (!r && !to)
                r = -ENOMEM;
        for (const char *p = r ? NULL : text ? text : head; p && *p; p = next(p)) {
                size_t k = (size_t)(next(p) - p);
                if (begins(p, begin))
                        continue;
                any |= *p != '#' && *p != '\n';
                memcpy(to + at, p, k);
                at += k;
                if (to[at - 1] != '\n')
                        to[at++] = '\n';
        }
        if (r == 0 && line) {
                memcpy(to + at, line, more);
                at += more;
                to[at++] = '\n';
        }
        if (r == 0 && any)
                r = rv_replace_file(path, to, at, 0644);
        else if (r == 0 && text && unlink(path) < 0)
                r = -errno;
        free(to);
        free(text);
        pthread_mutex_unlock(&writing);
        return r;
}
