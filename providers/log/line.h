/* SPDX-License-Identifier: MIT
 *
 * A line of a log file taken apart: when, by whom, how bad, what. Known are syslog's lines (traditional, ISO 8601,
 * RFC 5424, with or without <PRI>), dpkg.log and whatever begins with a date, the error logs of nginx, Apache, PHP and
 * PostgreSQL, access logs, auditd's, update-alternatives and apt's history. Others are a message without time.
 *
 * Nothing is copied: texts point into the line.
 */
#ifndef RV_LOG_LINE_H
#define RV_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define RV_LOG_NO_TIME INT64_MIN

/* Conversion of local times: zeroed at first. Half of the cost of a line would be mktime(3) otherwise. */
struct rv_logclock {
        int64_t latest; /* seconds since 1970: no line is of later; decides the year where a line has none */
        int64_t day;    /* of the hour that is kept: YYYYMMDDHH; 0: none */
        int64_t hour;   /* its beginning, seconds since 1970 */
};

struct rv_logtext {
        const char *s;
        size_t n;
};

struct rv_logline {
        int64_t when;           /* ns since 1970, or RV_LOG_NO_TIME */
        bool local;             /* it has no zone: the host's is meant */
        int priority, facility; /* syslog's; -1: not told */
        uint32_t pid;           /* 0: not told */
        struct rv_logtext host, program, message;
};

void rv_logline_parse(struct rv_logclock *, const char *s, size_t n, struct rv_logline *ret);

#endif
