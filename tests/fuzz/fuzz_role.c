/* SPDX-License-Identifier: MIT
 *
 * Any text as a role file; what is understood is held against identities and times, and said in words by nobody.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/role.h"
#include "agent/role_who.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct rv_registry registry;
        struct rv_error err = { 0 };
        if (!registry.n && rv_registry_init(&registry) < 0)
                abort();
        struct rv_role_set *set = rv_roles_parse("fuzz", "fuzz.role", (const char *)data, size, &registry, &err);
        const struct rv_identity anna = { .made = true, .uid = 1000, .user = "anna", .source = "[::ffff:10.0.0.1]:22" };
        for (unsigned i = 0; set && i < set->n; i++)
                for (int64_t t = 0; t < 7 * 86400; t += 40000)
                        if (rv_role_fits(&set->roles[i], &anna, t) && !set->roles[i].nwhos)
                                abort(); /* nobody is named */
        rv_roles_drop(set);
        if (!set && !err.code)
                abort(); /* refused without a reason */
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)(size < 63 ? size : 63), (const char *)data);
        rv_source_fits(word, "10.0.0.1:22");
        rv_time_fits(word, 0);
        return 0;
}
