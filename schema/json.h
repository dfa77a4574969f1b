/* SPDX-License-Identifier: MIT
 *
 * The JSON form of rows and classes, and JSON parameters checked against a class.
 *
 * Writing goes straight from a batch and its class' metadata to text; no tree is built. 64-bit integers are written
 * exactly, absent is null, datetimes are RFC 3339 UTC ("2026-11-24T04:20:16.123456789Z", zeros at the end
 * cut), in WMI's
 * namespaces (other than root/reeve) DMTF's form ("20261124042016.123456+000"); intervals are nanoseconds (DMTF:
 * "ddddddddHHMMSS.mmmmmm:000"); reals are the shortest text that reads back the same, NaN and infinities null.
 * Text is always valid UTF-8: a byte that is not part of it is shown as the four characters \xNN (so is nothing else:
 * a backslash before an x in valid text stays as it is; who needs certainty reads a property that is declared
 * as bytes).
 * [Map] arrays are objects; [Secret] properties are never written.
 */
#ifndef RV_JSON_H
#define RV_JSON_H

#include <jansson.h>

#include "schema/arena.h"
#include "schema/class.h"
#include "schema/error.h"
#include "schema/row.h"

/* A growing text. Past `max` (0 = none) or out of memory `failed` is set and nothing more is added. */
struct rv_buf {
        char *data;
        size_t len, cap, max;
        bool failed;
};

bool rv_buf_more(struct rv_buf *, size_t n);
/* At least n more bytes at data + len. */
static inline bool rv_buf_room(struct rv_buf *b, size_t n)
{
        return (b->cap - b->len >= n && !b->failed) || rv_buf_more(b, n);
}
void rv_buf_put(struct rv_buf *, const char *, size_t n);
void rv_buf_puts(struct rv_buf *, const char *);
void rv_buf_putf(struct rv_buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rv_buf_uint(struct rv_buf *, uint64_t);
void rv_buf_int(struct rv_buf *, int64_t);
void rv_buf_free(struct rv_buf *);

void rv_json_string(struct rv_buf *, const char *, size_t n); /* with quotes */
void rv_json_text(struct rv_buf *, const char *);             /* the same of a NUL-terminated text */
size_t rv_datetime_text(int64_t ns, bool dmtf, char *buf, size_t size);
bool rv_datetime_parse(const char *, size_t n, int64_t *ret_ns); /* RFC 3339 and DMTF */

/* SYSTEM: __CLASS, __PATH, __NAMESPACE, __SERVER too; ALL_SYSTEM beside it: WMI's others */
enum { RV_JSON_SYSTEM = 1, RV_JSON_ALL_SYSTEM = 2 };

/* One row as an object: the properties of `show` (NULL = all but [Expensive] ones that are null). */
void rv_json_row(struct rv_buf *, const struct rv_batch *, uint32_t row, const uint64_t *show,
                 unsigned flags);
void rv_json_keys(struct rv_buf *, const struct rv_batch *, uint32_t row); /* {"ProcessId":1,...} */
void rv_json_path(struct rv_buf *, const struct rv_batch *,
                  uint32_t row);                               /* Process.ProcessId=1,... without quotes */
void rv_json_class(struct rv_buf *, const struct rv_class *);  /* GetClass' answer */
void rv_json_schema(struct rv_buf *, const struct rv_class *); /* JSON Schema of an instance, titled */
void rv_json_property_schema(struct rv_buf *, const struct rv_property *);
void rv_json_error(struct rv_buf *, const struct rv_error *); /* {"code":...,"message":...,"data":{...}} */

/* ---- reading ---- */
enum { RV_JSON_BYTES = 1 << 20, RV_JSON_DEPTH = 64, RV_JSON_VALUES = 50000 };
/* Size, depth, number of values, no NUL: before jansson may see it. */
int rv_json_check(const char *, size_t n, struct rv_error *);
/* Checked and parsed; numbers beyond 64 bits and duplicate keys are refused. NULL and *err otherwise. */
json_t *rv_json_parse(const char *, size_t n, struct rv_error *);
/* A value for a property or parameter: type, range, length, value map. Text is copied into the arena. */
int rv_json_arg(const json_t *, const struct rv_property *, struct rv_arena *, struct rv_arg *ret,
                struct rv_error *);
/* A text as that property's value (paths, parameters of the command line). */
int rv_text_arg(const char *, size_t n, const struct rv_property *, struct rv_arena *, struct rv_arg *ret,
                struct rv_error *);
/* Key bindings: an object, or a path "Class.Key=value,...". ret has one slot per property of the class. Only keys are
 * accepted unless any is set. */
int rv_json_bindings(const json_t *, const struct rv_class *, bool any, struct rv_arena *, struct rv_arg *ret,
                     struct rv_error *);
/* A method's arguments, one for each property of method->in, defaults filled in; json may be NULL. */
int rv_json_args(const json_t *, const struct rv_class *, const struct rv_method *, struct rv_arena *,
                 struct rv_arg **ret, struct rv_error *);
/* The same into its generated in-struct (of in_size bytes, zeroed, in the arena); an external class has none
 * and gets the values themselves. json may be NULL. */
int rv_json_in(const json_t *, const struct rv_class *, const struct rv_method *, struct rv_arena *,
               void **ret, struct rv_error *);

#endif
