/* SPDX-License-Identifier: MIT
 *
 * Where entries come from: the journal, or a log file with those that it was rotated to. Each gives its entries the
 * newest first, so that several can be merged by time.
 */
#ifndef RV_LOG_SOURCE_H
#define RV_LOG_SOURCE_H

#include "agent/provider.h"

#define RV_LOG_JOURNAL "journal"
#define RV_LOG_CURSOR "f=" /* what a cursor of a file begins with; the journal's begin with "s=" */

struct rv_logsource {
        /* The entry before; sets `when`. RV_OK, RV_STOP: no more (also: none that can be wanted). */
        int (*previous)(struct rv_logsource *);
        void (*fill)(struct rv_logsource *, struct rv_row *);
        void (*close)(struct rv_logsource *);
        int64_t when; /* of the entry at hand, ns since 1970. A line without time: that of the one that came before */
};

/* The journal, searched as the query says. *ret NULL: nothing in it can fit. RV_NOT_SUPPORTED: there is none. */
int rv_logsource_journal(const struct rv_query *, struct rv_logsource **ret, struct rv_error *);
/* A log by its path. single: the file alone. What is not read is told by rv_partial(). */
int rv_logsource_file(const struct rv_query *, struct rv_sink *, const char *path, bool single,
                      struct rv_logsource **ret, struct rv_error *);
/* At the entry that a file's cursor names: it is filled without previous(). *ret NULL: it is not there any more. */
int rv_logsource_line(const struct rv_query *, const char *cursor, struct rv_logsource **ret);

/* The journal from its end on; NULL: there is none. Its descriptor tells when there may be more; next: an entry is at
 * hand. */
struct rv_logsource *rv_logsource_journal_end(void);
int rv_logsource_journal_fd(struct rv_logsource *);
bool rv_logsource_journal_next(struct rv_logsource *);

static inline struct rv_logsource *rv_logsource_close(struct rv_logsource *s)
{
        if (s)
                s->close(s);
        return NULL;
}

/* A line of a file into a row of LogEntry: all that the line has. base: the log, path: the file that it is in. */
struct rv_logplace;
void rv_logline_fill(struct rv_row *, const struct rv_logplace *, const char *base, const char *path);
extern const char *const rv_log_levels[8];

#endif
