/* SPDX-License-Identifier: MIT */
#include "schema/class.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct rv_class *rv_class_find(const char *name, const char *name_space)
{
        uint32_t low = 0, high = rv_nclasses;
        while (low < high) {
                uint32_t mid = (low + high) / 2;
                int c = strcasecmp(name, rv_classes[mid]->name);
                if (c == 0)
                        return name_space && strcasecmp(name_space, rv_classes[mid]->name_space) != 0
                                       ? NULL
                                       : rv_classes[mid];
                if (c < 0)
                        high = mid;
                else
                        low = mid + 1;
        }
        return NULL;
}

static bool same(const char *a, const char *b, size_t nb)
{
        return (a[0] | 32) == (b[0] | 32) && strncasecmp(a, b, nb) == 0 && a[nb] == 0;
}

int rv_property_find(const struct rv_class *c, const char *name, size_t n)
{
        for (uint32_t i = 0; n && i < c->nproperties; i++)
                if (same(c->properties[i].name, name, n))
                        return (int)i;
        return -1;
}

int rv_property_find_alias(const struct rv_class *c, const char *name, size_t n, double *ret_divisor)
{
        int p = rv_property_find(c, name, n);
        if (ret_divisor)
                *ret_divisor = 0;
        if (p >= 0)
                return p;
        for (uint32_t i = 0; n && i < c->nproperties; i++)
                for (uint32_t k = 0; k < c->properties[i].nalias; k++) {
                        const char *alias = c->properties[i].alias[k], *slash = strchr(alias, '/');
                        size_t len = slash ? (size_t)(slash - alias) : strlen(alias);
                        if (len != n || strncasecmp(alias, name, n) != 0)
                                continue;
                        if (ret_divisor && slash)
                                *ret_divisor = strtod(slash + 1, NULL);
                        return (int)i;
                }
        return -1;
}

int rv_method_find(const struct rv_class *c, const char *name, size_t n)
{
        for (uint32_t i = 0; n && i < c->nmethods; i++)
                if (same(c->methods[i].name, name, n))
                        return (int)i;
        return -1;
}

const struct rv_qualifier *rv_qualifier_find(const struct rv_qualifier *q, uint32_t n, const char *name)
{
        for (uint32_t i = 0; i < n; i++)
                if (strcasecmp(q[i].name, name) == 0)
                        return &q[i];
        return NULL;
}

bool rv_class_isa(const struct rv_class *c, const char *name)
{
        for (; c; c = c->base)
                if (strcasecmp(c->name, name) == 0)
                        return true;
        return false;
}

const char *rv_cim_type_name(int type)
{
        static const char *const names[] = {
                [RV_CIM_BOOLEAN] = "boolean",     [RV_CIM_UINT8] = "uint8",
                [RV_CIM_SINT8] = "sint8",         [RV_CIM_UINT16] = "uint16",
                [RV_CIM_SINT16] = "sint16",       [RV_CIM_UINT32] = "uint32",
                [RV_CIM_SINT32] = "sint32",       [RV_CIM_UINT64] = "uint64",
                [RV_CIM_SINT64] = "sint64",       [RV_CIM_REAL32] = "real32",
                [RV_CIM_REAL64] = "real64",       [RV_CIM_CHAR16] = "char16",
                [RV_CIM_STRING] = "string",       [RV_CIM_DATETIME] = "datetime",
                [RV_CIM_REFERENCE] = "reference", [RV_CIM_OBJECT] = "object",
                [RV_CIM_VOID] = "void",
        };
        return type >= 0 && type <= RV_CIM_VOID ? names[type] : "unknown";
}

enum { LONGEST = 64 };

/* Damerau-Levenshtein (optimal string alignment) without case, for names up to 64 bytes. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
        unsigned row[3][LONGEST + 1];
        for (size_t j = 0; j <= nb; j++)
                row[0][j] = (unsigned)j;
        for (size_t i = 1; i <= na; i++) {
                unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *two = row[(i + 1) % 3];
                now[0] = (unsigned)i;
                for (size_t j = 1; j <= nb; j++) {
                        bool eq = (a[i - 1] | 32) == (b[j - 1] | 32);
                        unsigned best = before[j - 1] + !eq;
                        if (before[j] + 1 < best)
                                best = before[j] + 1;
                        if (now[j - 1] + 1 < best)
                                best = now[j - 1] + 1;
                        if (i > 1 && j > 1 && (a[i - 1] | 32) == (b[j - 2] | 32) &&
                            (a[i - 2] | 32) == (b[j - 1] | 32) && two[j - 2] + 1 < best)
                                best = two[j - 2] + 1;
                        now[j] = best;
                }
        }
        return row[na % 3][nb];
}

const char *rv_nearest(const char *name, const char *(*candidate)(void *, size_t), void *state, size_t n)
{
        size_t len = strlen(name);
        if (len == 0 || len > LONGEST)
                return NULL;
        unsigned best = (unsigned)(len < 4 ? 1 : len / 3 + (len > 4)) + 1;
        const char *found = NULL;
        for (size_t i = 0; i < n; i++) {
                const char *c = candidate(state, i);
                size_t m = c ? strlen(c) : 0;
                if (m == 0 || m > LONGEST || (m > len ? m - len : len - m) >= best)
                        continue;
                unsigned d = distance(name, len, c, m);
                if (d < best) {
                        best = d;
                        found = c;
                }
        }
        return found;
}
