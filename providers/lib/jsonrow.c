/* SPDX-License-Identifier: MIT
 *
 * Rows out of JSON: see jsonrow.h.
 */
#include "providers/lib/jsonrow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "providers/lib/engine.h"
#include "schema/json.h"

static void item(struct rv_row *row, rv_list list, uint32_t i, json_t *j)
{
        char number[32];
        const char *s = json_string_value(j);
        size_t n = s ? json_string_length(j) : 0;
        if (json_is_integer(j)) {
                n = (size_t)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(j));
                s = number;
        } else if (json_is_boolean(j))
                n = strlen(s = json_is_true(j) ? "true" : "false");
        if (s)
                rv_item_string(row, list, i, s, n);
}

void rv_json_list(struct rv_row *row, unsigned p, json_t *array)
{
        if (!json_is_array(array) || !rv_wants(row, p))
                return;
        rv_list list = rv_set_list(row, p, (uint32_t)json_array_size(array));
        for (size_t i = 0; i < json_array_size(array); i++)
                item(row, list, (uint32_t)i, json_array_get(array, i));
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void members(struct rv_row *row, unsigned p, json_t *object, bool values)
{
        size_t n = json_object_size(object), i = 0;
        const char **names = json_is_object(object) ? malloc((n + 1) * sizeof *names) : NULL;
        const char *name;
        json_t *value;
        if (!names)
                return;
        json_object_foreach(object, name, value)
                names[i++] = name;
        qsort(names, n, sizeof *names, by_text);
        rv_list list = rv_set_list(row, p, (uint32_t)(values ? 2 * n : n));
        for (i = 0; i < n; i++) {
                rv_item_string(row, list, (uint32_t)(values ? 2 * i : i), names[i], strlen(names[i]));
                if (values)
                        item(row, list, (uint32_t)(2 * i + 1), json_object_get(object, names[i]));
        }
        free(names);
}

static void line(struct rv_row *row, unsigned p, json_t *array)
{
        char text[8192];
        size_t at = 0;
        for (size_t i = 0; i < json_array_size(array) && at < sizeof text; i++) {
                const char *s = json_string_value(json_array_get(array, i));
                at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? " " : "", s ? s : "");
        }
        if (at)
                rv_set_string(row, p, text, at < sizeof text ? at : sizeof text - 1);
}

static void fill(struct rv_row *row, const struct rv_json_rule *r, json_t *j)
{
        int64_t n = json_integer_value(j);
        switch (r->how) {
        case RV_J_TEXT:
                if (json_is_string(j) && json_string_length(j))
                        rv_set_string(row, r->property, json_string_value(j), json_string_length(j));
                break;
        case RV_J_UINT:
                if (json_is_integer(j) && n >= 0)
                        rv_set_uint(row, r->property, (uint64_t)n);
                break;
        case RV_J_SOME:
                if (n > 0)
                        rv_set_uint(row, r->property, (uint64_t)n);
                break;
        case RV_J_INT:
                if (json_is_integer(j))
                        rv_set_int(row, r->property, n);
                break;
        case RV_J_BOOL:
                if (json_is_boolean(j))
                        rv_set_bool(row, r->property, json_is_true(j));
                break;
        case RV_J_TIME:
                if (rv_j_time(j, "", &n))
                        rv_set_datetime(row, r->property, n);
                break;
        case RV_J_LIST: rv_json_list(row, r->property, j); break;
        case RV_J_LINE: line(row, r->property, j); break;
        case RV_J_KEYS: members(row, r->property, j, false); break;
        case RV_J_MAP: members(row, r->property, j, true); break;
        }
}

void rv_json_map(struct rv_row *row, unsigned p, json_t *object)
{
        if (rv_wants(row, p))
                members(row, p, object, true);
}

bool rv_j_time(json_t *document, const char *path, int64_t *ret_ns)
{
        json_t *j = rv_j_at(document, path);
        const char *s = json_string_value(j);
        *ret_ns = json_integer_value(j) * INT64_C(1000000000);
        if (s)
                return strncmp(s, "0001-", 5) != 0 && rv_datetime_parse(s, json_string_length(j), ret_ns);
        return *ret_ns > 0;
}

void rv_json_fill(struct rv_row *row, json_t *document, const struct rv_json_rule *rules, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                if (!rv_wants(row, rules[i].property))
                        continue;
                json_t *j = rv_j_at(document, rules[i].path);
                if (j)
                        fill(row, &rules[i], j);
        }
}
