/* SPDX-License-Identifier: MIT
 *
 * The journal as a source of entries, from its newest backwards, so that "the last ten" reads ten. What the index knows
 * is looked up there: a text that must be equal is first looked up among the field's values without case (as the core
 * compares), then those that fit are matched; a priority becomes a match for each value within its bounds; times say
 * where to begin and where to stop.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <systemd/sd-journal.h>

#include "gen/LogEntry.h"
#include "providers/lib/fill.h"
#include "providers/log/source.h"

/* ---- one entry ---- */

/* Fields that an entry's row is made of. */
enum {
        J_MESSAGE,
        J_PRIORITY,
        J_IDENTIFIER,
        J_UNIT,
        J_SYSTEMD_UNIT,
        J_OBJECT_UNIT,
        J_COREDUMP_UNIT,
        J_USER_UNIT,
        J_PID,
        J_SYSLOG_PID,
        J_UID,
        J_EXE,
        J_CMDLINE,
        J_HOSTNAME,
        J_BOOT_ID,
        J_MESSAGE_ID,
        J_TRANSPORT,
        J_FACILITY,
        J_N
};
static const char *const field_names[J_N] = { "MESSAGE",
                                              "PRIORITY",
                                              "SYSLOG_IDENTIFIER",
                                              "UNIT",
                                              "_SYSTEMD_UNIT",
                                              "OBJECT_SYSTEMD_UNIT",
                                              "COREDUMP_UNIT",
                                              "_SYSTEMD_USER_UNIT",
                                              "_PID",
                                              "SYSLOG_PID",
                                              "_UID",
                                              "_EXE",
                                              "_CMDLINE",
                                              "_HOSTNAME",
                                              "_BOOT_ID",
                                              "MESSAGE_ID",
                                              "_TRANSPORT",
                                              "SYSLOG_FACILITY" };

struct reader {
        struct rv_logsource source;
        const struct rv_query *q;
        sd_journal *j;
        int64_t since; /* ns; nothing older is wanted */
        bool one;      /* a cursor was given */
};

static int field_of(const char *data, size_t n)
{
        for (int i = 0; i < J_N; i++) {
                size_t k = strlen(field_names[i]);
                if (n > k && data[k] == '=' && data[0] == field_names[i][0] &&
                    memcmp(data, field_names[i], k) == 0)
                        return i;
        }
        return -1;
}

/* A field's value may be gone after the next one was read, so each is set as it comes; only the choice of the unit
 * needs several, and those are copied. */
struct pending {
        char unit[4][300]; /* UNIT, OBJECT_SYSTEMD_UNIT, COREDUMP_UNIT, _SYSTEMD_UNIT */
        bool by_manager, by_root, has_pid;
        char syslog_pid[16];
};

static void keep(char *to, size_t size, const char *s, size_t n)
{
        snprintf(to, size, "%.*s", n < size ? (int)n : (int)size - 1, s);
}

static uint64_t number(const char *s, size_t n)
{
        char text[24];
        keep(text, sizeof text, s, n);
        return strtoull(text, NULL, 10);
}

static void take_field(struct rv_row *row, struct pending *p, int field, const char *s, size_t n)
{
        uint64_t u;
        switch (field) {
        case J_MESSAGE: rv_fill_n(row, LogEntry_Message, s, n); break;
        case J_PRIORITY:
                u = number(s, n) & 7;
                LogEntry_set_Priority(row, (uint8_t)u);
                rv_fill(row, LogEntry_LevelDisplayName, rv_log_levels[u]);
                break;
        case J_IDENTIFIER: rv_fill_n(row, LogEntry_ProviderName, s, n); break;
        case J_UNIT: keep(p->unit[0], sizeof p->unit[0], s, n); break;
        case J_OBJECT_UNIT: keep(p->unit[1], sizeof p->unit[1], s, n); break;
        case J_COREDUMP_UNIT: keep(p->unit[2], sizeof p->unit[2], s, n); break;
        case J_SYSTEMD_UNIT: keep(p->unit[3], sizeof p->unit[3], s, n); break;
        case J_USER_UNIT: rv_fill_n(row, LogEntry_UserUnit, s, n); break;
        case J_PID:
                p->has_pid = true;
                p->by_manager = n == 1 && *s == '1';
                LogEntry_set_ProcessId(row, (uint32_t)number(s, n));
                break;
        case J_SYSLOG_PID: keep(p->syslog_pid, sizeof p->syslog_pid, s, n); break;
        case J_UID:
                p->by_root = n == 1 && *s == '0';
                LogEntry_set_Uid(row, (uint32_t)number(s, n));
                break;
        case J_EXE: rv_fill_n(row, LogEntry_ExecutablePath, s, n); break;
        case J_CMDLINE: rv_fill_n(row, LogEntry_CommandLine, s, n); break;
        case J_HOSTNAME: rv_fill_n(row, LogEntry_HostName, s, n); break;
        case J_BOOT_ID: rv_fill_n(row, LogEntry_BootId, s, n); break;
        case J_MESSAGE_ID: rv_fill_n(row, LogEntry_MessageId, s, n); break;
        case J_TRANSPORT: rv_fill_n(row, LogEntry_Transport, s, n); break;
        case J_FACILITY: LogEntry_set_Facility(row, (uint8_t)number(s, n)); break;
        default: break;
        }
}

static void fill_all_fields(struct rv_row *row, sd_journal *j)
{
        const void *data;
        size_t n;
        uint32_t count = 0, i = 0;
        if (!LogEntry_wants_Fields(row))
                return;
        SD_JOURNAL_FOREACH_DATA(j, data, n)
        count++;
        rv_list list = LogEntry_set_Fields(row, 2 * count);
        sd_journal_restart_data(j);
        while (i < 2 * count && sd_journal_enumerate_available_data(j, &data, &n) > 0) {
                const char *s = data, *eq = memchr(s, '=', n);
                size_t k = eq ? (size_t)(eq - s) : n;
                rv_item_string(row, list, i++, s, k);
                rv_item_string(row, list, i++, eq ? eq + 1 : "", eq ? n - k - 1 : 0);
        }
}

static void fill(struct rv_logsource *s, struct rv_row *row)
{
        struct reader *r = (struct reader *)s;
        const void *data;
        size_t n;
        struct pending p = { 0 };
        char *cursor;
        LogEntry_set_TimeGenerated(row, s->when);
        rv_fill(row, LogEntry_LogName, RV_LOG_JOURNAL);
        if (LogEntry_wants_Cursor(row) && sd_journal_get_cursor(r->j, &cursor) >= 0) {
                rv_fill(row, LogEntry_Cursor, cursor);
                free(cursor);
        }
        sd_journal_restart_data(r->j);
        while (sd_journal_enumerate_available_data(r->j, &data, &n) > 0) {
                int field = field_of(data, n);
                size_t k = field < 0 ? 0 : strlen(field_names[field]) + 1;
                if (field >= 0)
                        take_field(row, &p, field, (const char *)data + k, n - k);
        }
        if (!p.has_pid && p.syslog_pid[0])
                LogEntry_set_ProcessId(row, (uint32_t)strtoul(p.syslog_pid, NULL, 10));
        rv_fill(row, LogEntry_Unit,
                p.unit[0][0] && p.by_manager ? p.unit[0]
                : p.unit[1][0] && p.by_root  ? p.unit[1]
                : p.unit[2][0]               ? p.unit[2]
                                             : p.unit[3]);
        fill_all_fields(row, r->j);
}

/* ---- what the index knows ---- */

static int match(sd_journal *j, const char *field, const char *value, size_t n)
{
        char text[1024];
        int k = snprintf(text, sizeof text, "%s=%.*s", field, (int)n, value);
        return k < (int)sizeof text ? sd_journal_add_match(j, text, (size_t)k) : 0;
}

/* Matches each value of the field that is equal without case. found: counts them. `with`: must hold beside, or NULL. */
static int match_equal(sd_journal *j, const char *field, const struct rv_arg *want, const char *with,
                       unsigned *found)
{
        const void *data;
        size_t n, k = strlen(field) + 1;
        int r = sd_journal_query_unique(j, field);
        char(*values)[512] = r < 0 ? NULL : calloc(64, sizeof *values);
        unsigned count = 0;
        if (!values)
                return r < 0 ? r : -ENOMEM;
        SD_JOURNAL_FOREACH_UNIQUE(j, data, n)
        if (n - k == want->len && n - k < sizeof *values && count < 64 &&
            strncasecmp((const char *)data + k, want->s, n - k) == 0)
                keep(values[count++], sizeof *values, (const char *)data + k, n - k);
        for (unsigned i = 0; i < count && r >= 0; i++)
                r = match(j, field, values[i], strlen(values[i]));
        if (with && count && r >= 0)
                r = sd_journal_add_match(j, with, 0);
        *found += count;
        free(values);
        return r;
}

static int match_text(struct reader *r, unsigned p, const char *field, unsigned *missing)
{
        const struct rv_arg *want = rv_equals(r->q, p);
        unsigned found = 0;
        if (!want)
                return 0;
        int e = match_equal(r->j, field, want, NULL, &found);
        *missing += !found;
        return e < 0 ? e : sd_journal_add_conjunction(r->j);
}

/* As `journalctl -u` finds a unit's entries: its own, and what PID 1 and others of root's say about it. */
static int match_unit(struct reader *r, unsigned *missing)
{
        static const char *const ways[][2] = { { "_SYSTEMD_UNIT", NULL },
                                               { "UNIT", "_PID=1" },
                                               { "OBJECT_SYSTEMD_UNIT", "_UID=0" },
                                               { "COREDUMP_UNIT", NULL } };
        const struct rv_arg *want = rv_equals(r->q, LogEntry_Unit);
        unsigned found = 0;
        int e = 0;
        for (size_t i = 0; want && e >= 0 && i < sizeof ways / sizeof *ways; i++) {
                e = match_equal(r->j, ways[i][0], want, ways[i][1], &found);
                if (e >= 0)
                        e = sd_journal_add_disjunction(r->j);
        }
        *missing += want && !found;
        return e < 0 || !want ? e : sd_journal_add_conjunction(r->j);
}

static int match_number(struct reader *r, unsigned p, const char *field)
{
        const struct rv_arg *want = rv_equals(r->q, p);
        char text[24];
        if (!want || want->type != RV_UINT)
                return 0;
        snprintf(text, sizeof text, "%llu", (unsigned long long)want->u);
        int e = match(r->j, field, text, strlen(text));
        return e < 0 ? e : sd_journal_add_conjunction(r->j);
}

/* A process may be known by what it says itself only. */
static int match_process(struct reader *r)
{
        int e = 0;
        if (!rv_equals(r->q, LogEntry_ProcessId))
                return 0;
        const struct rv_arg *want = rv_equals(r->q, LogEntry_ProcessId);
        char text[24];
        snprintf(text, sizeof text, "%llu", (unsigned long long)want->u);
        e = match(r->j, "_PID", text, strlen(text));
        if (e >= 0)
                e = sd_journal_add_disjunction(r->j);
        if (e >= 0)
                e = match(r->j, "SYSLOG_PID", text, strlen(text));
        return e < 0 ? e : sd_journal_add_conjunction(r->j);
}

static int match_priority(struct reader *r)
{
        const struct rv_arg *least, *most, *level = rv_equals(r->q, LogEntry_LevelDisplayName);
        rv_bounds(r->q, LogEntry_Priority, &least, &most);
        int from = least && least->u < 8 ? (int)least->u : 0, to = most && most->u < 7 ? (int)most->u : 7,
            e = 0;
        for (int i = 0; level && i < 8; i++)
                if (strcasecmp(rv_log_levels[i], level->s) == 0)
                        from = to = i;
        if (from == 0 && to == 7)
                return 0;
        for (int i = from; i <= to && e >= 0; i++) {
                char digit = (char)('0' + i);
                e = match(r->j, "PRIORITY", &digit, 1);
        }
        return e < 0 ? e : sd_journal_add_conjunction(r->j);
}

/* missing: something must be equal to what the journal nowhere has, so there is nothing. */
static int add_matches(struct reader *r, unsigned *missing)
{
        int e = match_unit(r, missing);
        if (e >= 0)
                e = match_text(r, LogEntry_ProviderName, "SYSLOG_IDENTIFIER", missing);
        if (e >= 0)
                e = match_text(r, LogEntry_MessageId, "MESSAGE_ID", missing);
        if (e >= 0)
                e = match_text(r, LogEntry_BootId, "_BOOT_ID", missing);
        if (e >= 0)
                e = match_text(r, LogEntry_Transport, "_TRANSPORT", missing);
        if (e >= 0)
                e = match_number(r, LogEntry_Uid, "_UID");
        if (e >= 0)
                e = match_process(r);
        return e >= 0 ? match_priority(r) : e;
}

/* ---- reading ---- */

static int open_journal(sd_journal **ret, struct rv_error *err)
{
        int r = sd_journal_open(ret, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return rv_fail_errno(err, -r, "cannot open the journal");
        if (sd_journal_has_persistent_files(*ret) > 0 || sd_journal_has_runtime_files(*ret) > 0)
                return RV_OK;
        sd_journal_close(*ret);
        rv_fail(err, RV_NOT_SUPPORTED, "this host keeps no systemd journal");
        return rv_hint(err, "Get-LogChannel lists the log files; Get-WinEvent -LogName reads one.");
}

/* Before the newest entry that may be wanted. */
static int seek(struct reader *r)
{
        const struct rv_arg *least, *most, *cursor = rv_equals(r->q, LogEntry_Cursor);
        rv_bounds(r->q, LogEntry_TimeGenerated, &least, &most);
        r->since = least ? least->i : INT64_MIN;
        r->one = cursor;
        if (cursor)
                return sd_journal_seek_cursor(r->j, cursor->s);
        if (most && most->i > 0)
                return sd_journal_seek_realtime_usec(r->j, (uint64_t)most->i / 1000 + 1);
        return sd_journal_seek_tail(r->j);
}

static int previous(struct rv_logsource *s)
{
        struct reader *r = (struct reader *)s;
        uint64_t when = 0;
        int more;
        if (r->one) {
                const struct rv_arg *cursor = rv_equals(r->q, LogEntry_Cursor);
                r->since = INT64_MIN;
                more = s->when == INT64_MAX ? sd_journal_next(r->j) : 0;
                if (more > 0 && sd_journal_test_cursor(r->j, cursor->s) <= 0)
                        more = 0;
        } else
                more = sd_journal_previous(r->j);
        while (more > 0 && sd_journal_get_realtime_usec(r->j, &when) < 0)
                more = r->one ? 0 : sd_journal_previous(r->j);
        if (more <= 0 || (int64_t)when * 1000 < r->since)
                return RV_STOP;
        s->when = (int64_t)when * 1000;
        return RV_OK;
}

static void close_journal(struct rv_logsource *s)
{
        sd_journal_close(((struct reader *)s)->j);
        free(s);
}

int rv_logsource_journal(const struct rv_query *q, struct rv_logsource **ret, struct rv_error *err)
{
        unsigned missing = 0;
        struct reader *r = calloc(1, sizeof *r);
        *ret = NULL;
        if (!r)
                return -ENOMEM;
        *r = (struct reader) {
                .source = { .previous = previous, .fill = fill, .close = close_journal, .when = INT64_MAX }, .q = q
        };
        int e = open_journal(&r->j, err);
        if (e) {
                free(r);
                return e;
        }
        int k = add_matches(r, &missing);
        if (k >= 0 && !missing)
                k = seek(r);
        if (k == -EINVAL && rv_equals(q, LogEntry_Cursor))
                k = 0, missing = 1; /* what is no cursor names no entry */
        if (k >= 0 && !missing)
                *ret = &r->source;
        else
                close_journal(&r->source);
        return k < 0 ? rv_fail_errno(err, -k, "cannot search the journal") : RV_OK;
}

/* ---- following ---- */

struct rv_logsource *rv_logsource_journal_end(void)
{
        struct rv_error ignored = { 0 };
        struct reader *r = calloc(1, sizeof *r);
        if (!r || open_journal(&r->j, &ignored) != RV_OK) {
                free(r);
                return NULL;
        }
        r->source = (struct rv_logsource) { .previous = previous, .fill = fill, .close = close_journal };
        /* The descriptor first, so that nothing that comes meanwhile goes untold. */
        int k = sd_journal_get_fd(r->j);
        if (k >= 0 && (k = sd_journal_seek_tail(r->j)) >= 0)
                k = sd_journal_previous(r->j);
        if (k == 0) /* it is empty */
                k = sd_journal_seek_head(r->j);
        if (k < 0) {
                close_journal(&r->source);
                return NULL;
        }
        return &r->source;
}

int rv_logsource_journal_fd(struct rv_logsource *s)
{
        return sd_journal_get_fd(((struct reader *)s)->j);
}

bool rv_logsource_journal_next(struct rv_logsource *s)
{
        struct reader *r = (struct reader *)s;
        uint64_t when = 0;
        int more = sd_journal_next(r->j);
        if (more == 0) { /* what the descriptor tells is taken in only once all that is known was read */
                sd_journal_process(r->j);
                more = sd_journal_next(r->j);
        }
        while (more > 0 && sd_journal_get_realtime_usec(r->j, &when) < 0)
                more = sd_journal_next(r->j);
        s->when = (int64_t)when * 1000;
        return more > 0;
}
