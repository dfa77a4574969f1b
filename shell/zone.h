/* SPDX-License-Identifier: MIT
 *
 * [TimeZoneInfo] for cmdlets. Values are owned by the caller.
 */
#ifndef SH_ZONE_H
#define SH_ZONE_H

#include "shell/value.h"

struct sv sh_zone_new(const char *id); /* of a zone that exists */
struct sv sh_zone_local(void);
struct sv sh_zone_all(void); /* array, by name */

#endif
