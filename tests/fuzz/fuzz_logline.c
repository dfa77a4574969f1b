/* SPDX-License-Identifier: MIT
 *
 * Lines of logs: whoever can write to a log has the agent read it as root. Each line is taken apart in memory of its
 * own size, and what it was taken apart into must lie within it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "providers/log/line.h"

static void within(const struct rv_logtext *t, const char *s, size_t n)
{
        assert(!t->n || (t->s >= s && t->s + t->n <= s + n));
}

static void look(struct rv_logclock *k, const uint8_t *data, size_t n)
{
        struct rv_logline l;
        char *s = malloc(n ? n : 1);
        if (!s)
                return;
        memcpy(s, data, n);
        rv_logline_parse(k, s, n, &l);
        within(&l.host, s, n);
        within(&l.program, s, n);
        within(&l.message, s, n);
        assert(l.priority >= -1 && l.priority < 8 && l.facility >= -1 && l.facility < 24);
        free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rv_logclock k = { .latest = 1790000000 };
        for (const uint8_t *end = data + size, *nl; data < end; data = nl + 1) {
                if (!(nl = memchr(data, '\n', (size_t)(end - data))))
                        nl = end;
                look(&k, data, (size_t)(nl - data));
        }
        return 0;
}
