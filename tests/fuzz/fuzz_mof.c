/* SPDX-License-Identifier: MIT
 *
 * Any text through the MOF parser: it must end, within its bounds, with descriptors or with errors.
 */
#include <stdint.h>

#include "schema/mof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rv_mof *m = rv_mof_new();
        if (!m)
                return 0;
        static const char declared[] =
                "Qualifier Key : boolean = false, Scope(any); Qualifier Values : string[], Scope(any);"
                "Qualifier Description : string, Scope(any); Qualifier Out : boolean = false, Scope(any);";
        rv_mof_text(m, "declared", declared, sizeof declared - 1);
        rv_mof_text(m, "fuzz", (const char *)data, size);
        rv_mof_finish(m, true);
        uint32_t n;
        const struct rv_class *const *c = rv_mof_classes(m, &n);
        for (uint32_t i = 0; i < n; i++)
                if (!c[i]->name || c[i]->nkeys > c[i]->nproperties)
                        __builtin_trap();
        rv_mof_free(m);
        return 0;
}
