/* SPDX-License-Identifier: MIT
 *
 * Thresholds as monitoring plugins have them:
 *
 *      10        alert outside 0 ... 10          10:       alert below 10
 *      ~:10      alert above 10                  10:20     alert outside 10 ... 20
 *      @10:20    alert inside 10 ... 20
 *
 * A number may have a unit: K M G T P (powers of 1000), Ki Mi Gi Ti Pi (powers of 1024), ms s min h d.
 */
#ifndef SH_RANGE_H
#define SH_RANGE_H

#include <stdbool.h>

struct sh_range {
        double low, high; /* -INFINITY, INFINITY: open */
        bool inside;      /* alert inside of it */
        bool given;
};

/* False: that is no range; *ret is untouched. */
bool sh_range_read(const char *text, struct sh_range *ret);
bool sh_range_alerts(const struct sh_range *, double value);
/* In the same syntax, without units, for perfdata. */
void sh_range_text(const struct sh_range *, char *buf, unsigned long size);

#endif
