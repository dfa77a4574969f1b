/* SPDX-License-Identifier: MIT
 *
 * Values: 16 bytes, passed by value, two forms of the same thing.
 *
 * struct rv_value lives in a batch of rows. Strings, lists and embedded objects are *offsets* into the batch's
 * memory, so that a batch may be moved, grown or sent to another process. Read text with rv_text().
 *
 * struct rv_arg is what comes in: keys, filter constants, method arguments. Its text is a pointer that belongs to
 * whoever made it (usually the call's arena) and lives as long as the call.
 *
 * Missing is RV_NULL, never 0 or "".
 */
#ifndef RV_VALUE_H
#define RV_VALUE_H

#include <stdbool.h>
#include <stdint.h>

enum rv_type {
        RV_NULL,
        RV_BOOL,     /* b */
        RV_UINT,     /* u: uint8 ... uint64, char16 */
        RV_INT,      /* i: sint8 ... sint64 */
        RV_REAL,     /* d: real32, real64 */
        RV_STRING,   /* len bytes; any bytes but stored as they came: the JSON form makes them valid UTF-8 */
        RV_DATETIME, /* i: nanoseconds since 1970-01-01T00:00:00Z */
        RV_INTERVAL, /* i: nanoseconds */
        RV_REF,      /* an object path as text, like RV_STRING */
        RV_LIST,     /* len items of rv_value at off */
        RV_OBJECT,   /* len values at off, in the order of the embedded class' properties */
};

struct rv_value {
        uint8_t type;  /* enum rv_type */
        uint8_t flags; /* 0; reserved */
        uint16_t aux;  /* 0; reserved */
        uint32_t len;  /* bytes of a string, items of a list */
        union {
                bool b;
                int64_t i;
                uint64_t u;
                double d;
                uint64_t off; /* into the batch's memory */
        };
};

struct rv_arg {
        uint8_t type;
        uint8_t flags;
        uint16_t aux;
        uint32_t len;
        union {
                bool b;
                int64_t i;
                uint64_t u;
                double d;
                const char *s;              /* NUL-terminated beside its len */
                const struct rv_arg *items; /* RV_LIST, RV_OBJECT */
        };
};

_Static_assert(sizeof(struct rv_value) == 16, "a value is 16 bytes");
_Static_assert(sizeof(struct rv_arg) == 16, "an argument is 16 bytes");

#endif
