/* SPDX-License-Identifier: MIT
 *
 * Pressure: one row for each file of /proc/pressure.
 */
#include <stdio.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/Pressure.h"
#include "providers/lib/fill.h"
#include "providers/lib/pressure.h"

static int pressure_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        static const char *const names[] = { "cpu", "io", "irq", "memory" };
        int r = RV_OK;
        (void)q;
        (void)err;
        for (size_t i = 0; i < sizeof names / sizeof *names && r == RV_OK; i++) {
                struct rv_pressure p;
                char path[64];
                snprintf(path, sizeof path, "/proc/pressure/%s", names[i]);
                if (!rv_pressure_read(path, &p))
                        continue;
                struct rv_row *row = rv_row(out);
                rv_fill(row, Pressure_Name, names[i]);
                if (p.some.there) {
                        Pressure_set_SomeAvg10(row, p.some.avg10);
                        Pressure_set_SomeAvg60(row, p.some.avg60);
                        Pressure_set_SomeAvg300(row, p.some.avg300);
                        Pressure_set_SomeTotalNSec(row, p.some.total);
                }
                if (p.full.there) {
                        Pressure_set_FullAvg10(row, p.full.avg10);
                        Pressure_set_FullAvg60(row, p.full.avg60);
                        Pressure_set_FullAvg300(row, p.full.avg300);
                        Pressure_set_FullTotalNSec(row, p.full.total);
                }
                r = rv_emit(out, row);
        }
        return r == RV_STOP ? RV_OK : r;
}

static const struct rv_provider pressure = { .class = &Pressure_class, .query = pressure_query };

RV_PROVIDERS(pressure, &pressure);
