/* SPDX-License-Identifier: MIT
 *
 * LogEntry: the journal, or the log files that are asked for by LogName; several are merged by time, the newest entry
 * first. Where nothing is said of LogName it is the journal, and on a host without one all log files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <systemd/sd-journal.h>

#include "agent/provider.h"
#include "gen/LogEntry.h"
#include "providers/log/feed.h"
#include "providers/log/channel.h"
#include "providers/log/source.h"

/* A source costs some 200 KiB. */
enum { SOURCES = 128 };

struct merge {
        const struct rv_query *q;
        struct rv_sink *out;
        struct rv_error *err;
        struct rv_logsource *s[SOURCES];
        unsigned n;
        bool too_many;
};

/* ---- which ---- */

static int add_file(void *state, const char *path, const struct stat *st)
{
        struct merge *m = state;
        struct rv_error ignored = { 0 };
        struct rv_logsource *s;
        if (!rv_may_be(m->q, LogEntry_LogName, path, strlen(path)) ||
            (!st->st_size && !rv_filters(m->q, LogEntry_LogName)))
                return RV_OK;
        if (m->n == SOURCES) {
                m->too_many = true;
                return RV_STOP;
        }
        int e = rv_logsource_file(m->q, m->out, path, false, &s, &ignored);
        if (e == RV_OK)
                m->s[m->n++] = s;
        return e < 0 ? e : RV_OK; /* one that has just gone is no error */
}

static int add_journal(struct merge *m, struct rv_error *err)
{
        int e = rv_logsource_journal(m->q, &m->s[m->n], err);
        m->n += e == RV_OK && m->s[m->n];
        return e;
}

static int add_files(struct merge *m)
{
        int e = rv_logchannels(add_file, m);
        if (m->too_many) {
                struct rv_error told = { 0 };
                rv_fail(&told, RV_UNAVAILABLE, "only %d logs are read at once", SOURCES);
                rv_hint(&told, "Say which by LogName.");
                rv_partial(m->out, &told);
        }
        return e < 0 ? e : RV_OK;
}

static int choose(struct merge *m)
{
        const struct rv_arg *log = rv_equals(m->q, LogEntry_LogName), *path = rv_equals(m->q, LogEntry_Path);
        struct rv_error none = { 0 };
        if (path || (log && strcasecmp(log->s, RV_LOG_JOURNAL) != 0)) {
                const char *name = path ? path->s : log->s;
                int e = rv_logsource_file(m->q, m->out, name, path, &m->s[0], m->err);
                m->n = e == RV_OK;
                return e;
        }
        if (log)
                return add_journal(m, m->err);
        if (!rv_may_be(m->q, LogEntry_LogName, RV_LOG_JOURNAL, strlen(RV_LOG_JOURNAL)))
                return add_files(m);
        int e = add_journal(m, &none);
        bool filtered = rv_filters(m->q, LogEntry_LogName);
        if (e != RV_OK && e != RV_NOT_SUPPORTED && !filtered)
                *m->err = none;
        return (e == RV_OK && !filtered) || (e != RV_OK && e != RV_NOT_SUPPORTED) ? e : add_files(m);
}

/* ---- in order ---- */

static int advance(struct merge *m, unsigned i)
{
        int e = m->s[i]->previous(m->s[i]);
        if (e == RV_STOP) {
                rv_logsource_close(m->s[i]);
                m->s[i] = m->s[--m->n];
                return RV_OK;
        }
        return e;
}

static int emit(struct merge *m, struct rv_logsource *s)
{
        struct rv_row *row = rv_row(m->out);
        s->fill(s, row);
        return rv_cancelled(m->q->call) ? RV_STOP : rv_emit(m->out, row);
}

static int run(struct merge *m)
{
        int e = RV_OK;
        for (unsigned i = m->n; e == RV_OK && i-- > 0;)
                e = advance(m, i);
        while (e == RV_OK && m->n) {
                unsigned newest = 0;
                for (unsigned i = 1; i < m->n; i++)
                        if (m->s[i]->when > m->s[newest]->when)
                                newest = i;
                e = emit(m, m->s[newest]);
                if (e == RV_OK)
                        e = advance(m, newest);
        }
        return e;
}

static int by_cursor(struct merge *m, const char *cursor)
{
        if (strncmp(cursor, RV_LOG_CURSOR, strlen(RV_LOG_CURSOR)) != 0) {
                int e = add_journal(m, m->err);
                return e == RV_OK ? run(m) : e;
        }
        struct rv_logsource *s;
        int e = rv_logsource_line(m->q, cursor, &s);
        if (e == RV_OK && s)
                e = emit(m, s);
        rv_logsource_close(s);
        return e;
}

static int logentry_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct merge *m = calloc(1, sizeof *m);
        const struct rv_arg *cursor = rv_equals(q, LogEntry_Cursor);
        if (!m)
                return -ENOMEM;
        *m = (struct merge) { .q = q, .out = out, .err = err };
        int e = cursor ? by_cursor(m, cursor->s) : choose(m);
        if (e == RV_OK && !cursor)
                e = run(m);
        for (unsigned i = 0; i < m->n; i++)
                rv_logsource_close(m->s[i]);
        free(m);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- writing ---- */

static int logentry_write(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct LogEntry_Write_in *in = args;
        rv_change(c, "Message", NULL, in->Message);
        int r = c->what_if ? 0
                           : sd_journal_send("MESSAGE=%s", in->Message, "PRIORITY=%i",
                                             in->has_Priority ? in->Priority : 6, "SYSLOG_IDENTIFIER=%s",
                                             in->has_ProviderName ? in->ProviderName : "reeve", NULL);
        if (r < 0)
                return rv_fail_errno(err, -r, "cannot write to the journal");
        LogEntry_Write_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int (*const methods[LogEntry_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [LogEntry_method_Write] = logentry_write
};

static const struct rv_provider logentry = { .class = &LogEntry_class,
                                             .query = logentry_query,
                                             .creations = &rv_logfeed_entries,
                                             .methods = methods };

RV_PROVIDERS(logentry, &logentry);
