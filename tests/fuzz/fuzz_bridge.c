/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a request of a Docker client: head, route, parameters, and behind the head a body of JSON that is turned
 * into a method's arguments. What was understood must be written anew so that it is understood the same way.
 */
#include <stdlib.h>
#include <string.h>

#include "providers/lib/bridgerules.h"
#include "schema/json.h"

static void same_again(const struct rv_bridge_request *r)
{
        static char target[RV_BRIDGE_HEAD], head[RV_BRIDGE_HEAD + 64];
        static struct rv_bridge_request again;
        if (!rv_bridge_target(r, target, sizeof target))
                return;
        int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\n\r\n", r->method, target);
        if (rv_bridge_parse(&again, head, (size_t)n))
                __builtin_trap();
        if (again.nparts != r->nparts || again.nquery != r->nquery || strcmp(again.version, r->version) != 0)
                __builtin_trap();
        for (unsigned i = 0; i < r->nparts; i++)
                if (strcmp(again.part[i], r->part[i]) != 0)
                        __builtin_trap();
        for (unsigned i = 0; i < r->nquery; i++)
                if (strcmp(again.query[i].name, r->query[i].name) != 0 ||
                    strcmp(again.query[i].value, r->query[i].value) != 0)
                        __builtin_trap();
}

static void judge(const struct rv_bridge_request *r, const char *body, size_t n)
{
        char *object;
        const struct rv_bridge_route *o = rv_bridge_route(r, &object);
        struct rv_error err = { 0 };
        json_t *j = n ? rv_json_parse(body, n, &err) : NULL;
        struct rv_bridge_wish w;
        if (o && !rv_bridge_odd_query(o, r) && (!j || json_is_object(j))) {
                err = (struct rv_error) { 0 };
                int said = rv_bridge_wish(o, r, j, &w, &err);
                for (unsigned i = 0; said == RV_OK && i < w.nrisky; i++)
                        if (!json_object_get(w.in, w.risky[i]))
                                __builtin_trap(); /* a risk that no argument tells of would pass unseen */
                rv_bridge_wish_free(&w);
        }
        json_decref(j);
        free(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct rv_bridge_request r;
        const char *end = size ? memmem(data, size, "\r\n\r\n", 4) : NULL;
        size_t n = end ? (size_t)(end + 4 - (const char *)data) : size;
        if (rv_bridge_parse(&r, (const char *)data, n))
                return 0;
        same_again(&r);
        judge(&r, (const char *)data + n, size - n);
        return 0;
}
