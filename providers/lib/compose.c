/* SPDX-License-Identifier: MIT
 *
 * Compose projects out of labels: see compose.h.
 */
#include "providers/lib/compose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "providers/lib/engine.h"

static const char *label(json_t *doc, const char *name)
{
        char path[128];
        snprintf(path, sizeof path, RV_COMPOSE_LABEL "%s", name);
        return rv_j_text(doc, path);
}

static int by_name(const void *a, const void *b)
{
        const struct rv_compose_part *x = a, *y = b;
        int r = strcmp(x->project, y->project);
        r = r ? r : strcmp(x->service, y->service);
        r = r ? r : (x->number > y->number) - (x->number < y->number);
        return r ? r : strcmp(x->name, y->name);
}

int rv_compose_parts(json_t *docs, const char *only, struct rv_compose_part **ret, size_t *ret_n)
{
        json_t *doc;
        size_t i, n = 0;
        struct rv_compose_part *all = calloc(json_array_size(docs) + 1, sizeof *all);
        if (!all)
                return -ENOMEM;
        json_array_foreach(docs, i, doc)
        {
                const char *project = label(doc, "project"), *service = label(doc, "service");
                const char *name = rv_or_empty(rv_j_text(doc, "Name"));
                if (!project || !service || (only && strcmp(project, only) != 0))
                        continue;
                all[n++] = (struct rv_compose_part) {
                        .doc = doc,
                        .project = project,
                        .service = service,
                        .name = name + (*name == '/'),
                        .state = rv_or_empty(rv_j_text(doc, "State/Status")),
                        .number = (unsigned)strtoul(rv_or_empty(label(doc, "container-number")), NULL, 10),
                        .oneoff = strcasecmp(rv_or_empty(label(doc, "oneoff")), "true") == 0,
                };
        }
        qsort(all, n, sizeof *all, by_name);
        *ret = all;
        *ret_n = n;
        return 0;
}

bool rv_compose_runs(const struct rv_compose_part *p)
{
        return strcmp(p->state, "running") == 0;
}

static const char *created(const struct rv_compose_part *p)
{
        return rv_or_empty(rv_j_text(p->doc, "Created")); /* RFC 3339 in UTC sorts as text */
}

const struct rv_compose_part *rv_compose_newest(const struct rv_compose_part *p, size_t n)
{
        const struct rv_compose_part *best = NULL;
        for (size_t i = 0; i < n; i++)
                if (!best || (best->oneoff && !p[i].oneoff) ||
                    (best->oneoff == p[i].oneoff && strcmp(created(&p[i]), created(best)) > 0))
                        best = &p[i];
        return best;
}

void rv_compose_status(const struct rv_compose_part *p, size_t n, char *ret, size_t size)
{
        static const char *const states[] = { "created",  "dead",       "exited", "paused",
                                              "removing", "restarting", "running" };
        size_t at = 0;
        *ret = 0;
        for (unsigned s = 0; s < sizeof states / sizeof *states; s++) {
                unsigned count = 0;
                for (size_t i = 0; i < n; i++)
                        count += !p[i].oneoff && strcmp(p[i].state, states[s]) == 0;
                if (count && at < size)
                        at += (size_t)snprintf(ret + at, size - at, "%s%s(%u)", at ? ", " : "", states[s],
                                               count);
        }
}

void rv_compose_files(json_t *doc, struct rv_lines *t)
{
        const char *folder = label(doc, "project.working_dir");
        for (const char *p = rv_or_empty(label(doc, "project.config_files")); *(p += strspn(p, ","));) {
                int n = (int)strcspn(p, ",");
                if (*p != '/' && folder)
                        rv_lines_add(t, "%s/%.*s", folder, n, p);
                else
                        rv_lines_add(t, "%.*s", n, p);
                p += n;
        }
}

/* The label is "db:service_started:false,cache:service_healthy:false". */
void rv_compose_depends(json_t *doc, struct rv_lines *t)
{
        for (const char *p = rv_or_empty(label(doc, "depends_on")); *(p += strspn(p, ","));) {
                size_t n = strcspn(p, ",");
                rv_lines_add(t, "%.*s", (int)strcspn(p, ",:"), p);
                p += n;
        }
}

static int by_age(const void *a, const void *b)
{
        const struct rv_compose_part *x = a, *y = b;
        int r = strcmp(created(x), created(y));
        return r ? r : by_name(a, b);
}

bool rv_compose_needs(const struct rv_compose_part *p, const char *service)
{
        size_t want = strlen(service);
        for (const char *at = rv_or_empty(label(p->doc, "depends_on")); *(at += strspn(at, ","));) {
                if (strcspn(at, ",:") == want && strncmp(at, service, want) == 0)
                        return true;
                at += strcspn(at, ",");
        }
        return false;
}

/* Takes, as long as there is one, the oldest that needs none of those that are left. A circle, which Compose refuses,
 * is left in the order of age. */
void rv_compose_order(struct rv_compose_part *p, size_t n)
{
        qsort(p, n, sizeof *p, by_age);
        for (size_t done = 0; done < n; done++) {
                size_t next = done;
                for (size_t i = done; i < n; i++) {
                        bool free = true;
                        for (size_t k = done; free && k < n; k++)
                                free = k == i || strcmp(p[k].service, p[i].service) == 0 ||
                                       !rv_compose_needs(&p[i], p[k].service);
                        if (free) {
                                next = i;
                                break;
                        }
                }
                struct rv_compose_part one = p[next];
                memmove(&p[done + 1], &p[done], (next - done) * sizeof *p);
                p[done] = one;
        }
}
