/* SPDX-License-Identifier: MIT
 *
 * See pressure.h. "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", then the same with "full".
 */
#include "providers/lib/pressure.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "providers/lib/procfs.h"

static void parse(const char *text, const char *word, struct rv_pressure_line *ret)
{
        const char *at = strstr(text, word);
        unsigned long long us;
        if (at && sscanf(at + strlen(word), " avg10=%lf avg60=%lf avg300=%lf total=%llu", &ret->avg10, &ret->avg60,
                         &ret->avg300, &us) == 4) {
                ret->there = true;
                ret->total = (uint64_t)us * 1000;
        }
}

bool rv_pressure_read(const char *path, struct rv_pressure *ret)
{
        char text[512];
        *ret = (struct rv_pressure) { 0 };
        if (rv_proc_read(AT_FDCWD, path, text, sizeof text) <= 0) /* a kernel without it says EOPNOTSUPP */
                return false;
        parse(text, "some", &ret->some);
        parse(text, "full", &ret->full);
        return ret->some.there || ret->full.there;
}
