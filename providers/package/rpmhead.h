/* SPDX-License-Identifier: MIT
 *
 * Headers of installed packages as rpm keeps them in its database: two big-endian counts (entries, bytes of data), the
 * entries (tag, type, offset, count; 4 bytes each), the data. Nothing is copied, nothing outside of the bytes is read,
 * whatever they say.
 */
#ifndef RV_RPMHEAD_H
#define RV_RPMHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rv_rpm_tag {
        RV_RPM_NAME = 1000,
        RV_RPM_VERSION = 1001,
        RV_RPM_RELEASE = 1002,
        RV_RPM_EPOCH = 1003,
        RV_RPM_SUMMARY = 1004,
        RV_RPM_DESCRIPTION = 1005,
        RV_RPM_INSTALLTIME = 1008,
        RV_RPM_SIZE = 1009,
        RV_RPM_VENDOR = 1011,
        RV_RPM_GROUP = 1016,
        RV_RPM_URL = 1020,
        RV_RPM_ARCH = 1022,
        RV_RPM_SOURCERPM = 1044,
        RV_RPM_REQUIREFLAGS = 1048,
        RV_RPM_REQUIRENAME = 1049,
        RV_RPM_REQUIREVERSION = 1050,
        RV_RPM_DIRINDEXES = 1116,
        RV_RPM_BASENAMES = 1117,
        RV_RPM_DIRNAMES = 1118,
        RV_RPM_LONGSIZE = 5009
};

struct rv_rpm_head {
        const uint8_t *entries, *data;
        uint32_t n, size;
};
/* False: it is no header. The bytes must outlive it. */
bool rv_rpm_head(const void *, size_t n, struct rv_rpm_head *);

/* What one tag has: n texts, or n numbers. n = 0: it has not that tag, or not as a text or number. */
struct rv_rpm_values {
        const uint8_t *at, *end;
        uint32_t n;
        unsigned width; /* of numbers; 0: texts */
};
struct rv_rpm_values rv_rpm_values(const struct rv_rpm_head *, enum rv_rpm_tag);
/* Takes the next. NULL, false: there is none. */
const char *rv_rpm_next_text(struct rv_rpm_values *);
bool rv_rpm_next_number(struct rv_rpm_values *, uint64_t *ret);

/* The first (of texts in several languages: the untranslated one). NULL, false: none. */
const char *rv_rpm_text(const struct rv_rpm_head *, enum rv_rpm_tag);
bool rv_rpm_number(const struct rv_rpm_head *, enum rv_rpm_tag, uint64_t *ret);

/* Texts made of several tags, one item a line; to be freed; NULL: none, or no memory. */
char *rv_rpm_files(const struct rv_rpm_head *);
char *rv_rpm_requires(const struct rv_rpm_head *); /* "name >= version", as rpm --requires has it */

#endif
