/* SPDX-License-Identifier: MIT */
#include "agent/registry.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int rv_registry_init(struct rv_registry *r)
{
        *r = (struct rv_registry) { 0 };
        for (uint32_t i = 0; i < rv_nclasses; i++) {
                if (rv_classes[i]->flags & RV_PSEUDO)
                        continue;
                int rc = rv_registry_add(r, rv_classes[i]);
                if (rc < 0)
                        return rc;
        }
        return 0;
}

void rv_registry_free(struct rv_registry *r)
{
        free(r->classes);
        *r = (struct rv_registry) { 0 };
}

/* The first class whose name is not less than `name`. */
static uint32_t lower_bound(const struct rv_registry *r, const char *name)
{
        uint32_t lo = 0, hi = r->n;
        while (lo < hi) {
                uint32_t mid = lo + (hi - lo) / 2;
                if (strcasecmp(r->classes[mid]->name, name) < 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

int rv_registry_add(struct rv_registry *r, const struct rv_class *class)
{
        if (r->n == r->cap) {
                uint32_t cap = r->cap ? r->cap * 2 : 256;
                const struct rv_class **more = realloc(r->classes, cap * sizeof *more);
                if (!more)
                        return -ENOMEM;
                r->classes = more;
                r->cap = cap;
        }
        uint32_t at = lower_bound(r, class->name);
        memmove(r->classes + at + 1, r->classes + at, (r->n - at) * sizeof *r->classes);
        r->classes[at] = class;
        r->n++;
        return 0;
}

bool rv_same_namespace(const char *a, const char *b)
{
        for (const char **s = (const char *[]) { a, b, NULL }; *s; s++)
                if (!strncmp(*s, "//./", 4) || !strncmp(*s, "\\\\.\\", 4)) {
                        if (*s == a)
                                a += 4;
                        else
                                b += 4;
                }
        for (; *a && *b; a++, b++) {
                int ca = *a == '\\' ? '/' : tolower((unsigned char)*a);
                int cb = *b == '\\' ? '/' : tolower((unsigned char)*b);
                if (ca != cb)
                        return false;
        }
        return *a == *b;
}

bool rv_descends(const struct rv_class *class, const struct rv_class *base)
{
        while (class && class != base)
                class = class->base;
        return class;
}

static int preference(const struct rv_class *c)
{
        return rv_same_namespace(c->name_space, RV_NAMESPACE)   ? 0
               : rv_same_namespace(c->name_space, "root/cimv2") ? 1
                                                                : 2;
}

static const char *candidate(void *arg, size_t i)
{
        const struct rv_registry *r = arg;
        return r->classes[i]->name;
}

static int no_such_class(const struct rv_registry *r, const char *name, const char *name_space,
                         struct rv_error *err)
{
        bool namespace_known = !name_space;
        for (uint32_t i = 0; !namespace_known && i < r->n; i++)
                namespace_known = rv_same_namespace(r->classes[i]->name_space, name_space);
        if (!namespace_known) {
                rv_fail(err, RV_INVALID_NAMESPACE, "there is no namespace %s", name_space);
                return rv_hint(
                        err,
                        "The namespaces are root/reeve, root/cimv2 and those that EnumerateClasses shows.");
        }
        rv_about(err, name, NULL, NULL);
        rv_fail(err, RV_INVALID_CLASS, "there is no class %s%s%s", name, name_space ? " in " : "",
                name_space ? name_space : "");
        const char *near = rv_nearest(name, candidate, (void *)r, r->n);
        const struct rv_class *other;
        if (name_space && rv_registry_find(r, name, NULL, &other, NULL) == RV_OK)
                return rv_hint(err, "It is in namespace %s.", other->name_space);
        return near ? rv_hint(err, "Did you mean %s?", near)
                    : rv_hint(err, "EnumerateClasses lists the classes.");
}

int rv_registry_find(const struct rv_registry *r, const char *name, const char *name_space,
                     const struct rv_class **ret, struct rv_error *err)
{
        const struct rv_class *best = NULL;
        for (uint32_t i = lower_bound(r, name); i < r->n && !strcasecmp(r->classes[i]->name, name); i++) {
                const struct rv_class *c = r->classes[i];
                if (name_space ? rv_same_namespace(c->name_space, name_space)
                               : !best || preference(c) < preference(best))
                        best = c;
        }
        if (!best)
                return no_such_class(r, name, name_space, err);
        *ret = best;
        return RV_OK;
}
