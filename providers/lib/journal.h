/* SPDX-License-Identifier: MIT
 *
 * The journal's last words about a unit.
 */
#ifndef RV_JOURNAL_H
#define RV_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

/* Calls back with the last `most` messages about a unit, oldest first. own: only those that
 * its processes wrote; else as `journalctl -u` finds them.
 * since: ns since 1970, 0 = any. Text is cut at 2,000 bytes. 0, or -errno when the journal cannot be read. */
int rv_journal_tail(const char *unit, bool own, unsigned most, int64_t since,
                    void (*each)(void *, const char *, size_t), void *);

#endif
