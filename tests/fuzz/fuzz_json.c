/* SPDX-License-Identifier: MIT
 *
 * JSON parameters against real classes: key bindings and every method's arguments; then what was accepted is written
 * back as a row, which must be valid JSON.
 */
#include <stdint.h>
#include <string.h>

#include "gen/Process.h"
#include "schema/json.h"

static void write_back(const struct rv_class *c, const struct rv_arg *v)
{
        struct rv_batch *b = rv_batch_new(c);
        struct rv_row row;
        struct rv_buf out = { 0 };
        if (b && rv_row_begin(&row, b, NULL) == 0) {
                for (uint32_t p = 0; p < c->nproperties; p++)
                        rv_copy_arg(&row, p, &v[p]);
                rv_row_end(&row);
                rv_json_row(&out, b, 0, NULL, RV_JSON_SYSTEM);
                json_t *j = out.data ? json_loadb(out.data, out.len, JSON_ALLOW_NUL, NULL) : NULL;
                if (out.data && !out.failed && !json_is_object(j))
                        __builtin_trap();
                json_decref(j);
        }
        rv_buf_free(&out);
        rv_batch_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rv_error err = { 0 };
        json_t *j = rv_json_parse((const char *)data, size, &err);
        if (!j)
                return 0;
        struct rv_arena a = { 0 };
        const struct rv_class *c = &Process_class;
        struct rv_arg *v = rv_arena_get(&a, (c->nproperties + 1) * sizeof *v);
        if (rv_json_bindings(j, c, true, &a, v, &err) == RV_OK)
                write_back(c, v);
        for (uint32_t m = 0; m < c->nmethods; m++) {
                void *in;
                if (rv_json_in(j, c, &c->methods[m], &a, &in, &err) == RV_OK && !in)
                        __builtin_trap();
        }
        rv_arena_free(&a);
        json_decref(j);
        return 0;
}
