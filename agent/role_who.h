/* SPDX-License-Identifier: MIT
 *
 * The words of [Who]: sources and times. Sources: "local", an address, ADDRESS/BITS. Times, local: "Mon-Fri
 * 08:00-18:00", "Sat", "22:00-06:00" (over midnight; the day is the one on which it begins).
 */
#ifndef RV_ROLE_WHO_H
#define RV_ROLE_WHO_H

#include <stdbool.h>
#include <stdint.h>

bool rv_source_ok(const char *word);
/* source: as in struct rv_identity: "local", "ADDRESS:PORT". */
bool rv_source_fits(const char *word, const char *source);
bool rv_time_ok(const char *word);
bool rv_time_fits(const char *word, int64_t seconds);

#endif
