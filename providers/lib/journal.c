/* SPDX-License-Identifier: MIT
 *
 * The journal, read through libsystemd. A unit's messages are those that it wrote, and those that PID 1 or another
 * program wrote about it.
 */
#include "providers/lib/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-journal.h>

static int match(sd_journal *j, const char *field, const char *unit)
{
        char text[512];
        snprintf(text, sizeof text, "%s=%s", field, unit);
        return sd_journal_add_match(j, text, 0);
}

static int match_unit(sd_journal *j, const char *unit)
{
        int r = match(j, "_SYSTEMD_UNIT", unit);
        if (r >= 0)
                r = sd_journal_add_disjunction(j);
        if (r >= 0)
                r = match(j, "_PID", "1");
        if (r >= 0)
                r = match(j, "UNIT", unit);
        if (r >= 0)
                r = sd_journal_add_disjunction(j);
        if (r >= 0)
                r = match(j, "OBJECT_SYSTEMD_UNIT", unit);
        return r;
}

int rv_journal_tail(const char *unit, bool own, unsigned most, int64_t since,
                    void (*each)(void *, const char *, size_t), void *state)
{
        sd_journal *j;
        int r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        sd_journal_set_data_threshold(j, 2048);
        r = own ? match(j, "_SYSTEMD_UNIT", unit) : match_unit(j, unit);
        if (r >= 0)
                r = sd_journal_seek_tail(j);
        if (r >= 0)
                r = sd_journal_previous_skip(j, most);
        for (int more = r; more > 0; more = sd_journal_next(j)) {
                const char *data;
                size_t n;
                uint64_t when;
                if (since && (sd_journal_get_realtime_usec(j, &when) < 0 || (int64_t)(when * 1000) < since))
                        continue;
                if (sd_journal_get_data(j, "MESSAGE", (const void **)&data, &n) < 0 || n < 8)
                        continue;
                each(state, data + 8, n - 8 > 2000 ? 2000 : n - 8);
        }
        sd_journal_close(j);
        return r < 0 ? r : 0;
}
