/* SPDX-License-Identifier: MIT
 *
 * For the files in shell/types/: rows of member tables, enum types, and the arguments of .NET's methods. A method whose
 * arguments fit none of its overloads answers SH_NONE: the caller reports that there is no such overload.
 */
#ifndef SH_DOTNET_H
#define SH_DOTNET_H

#include "shell/engine.h"
#include "shell/text.h"

#include <stdlib.h>

#define SH_M(name, signature, call, ...) \
        { \
                name, SH_METHOD, false, signature, call, NULL, __VA_ARGS__ \
        }
#define SH_P(name, signature, call, ...) \
        { \
                name, SH_PROPERTY, false, signature, call, NULL, __VA_ARGS__ \
        }
#define SH_SM(name, signature, call, ...) \
        { \
                name, SH_METHOD, true, signature, call, NULL, __VA_ARGS__ \
        }
#define SH_SP(name, signature, call, ...) \
        { \
                name, SH_PROPERTY, true, signature, call, NULL, __VA_ARGS__ \
        }
#define SH_MEMBERS(table) .members = (table), .nmembers = sizeof(table) / sizeof(*(table))

struct sh_enum_item {
        const char *name;
        int32_t value;
};
#define SH_ENUM_TYPE(var, full_name, is_flags, ...) \
        static const struct sh_enum_item var##_items[] = { __VA_ARGS__ }; \
        struct sh_enum var = { .obj = { .refs = 1, .type = &var.type }, \
                               .type = { .name = full_name, .base = &sh_type_enum, .kind = SH_ENUM }, \
                               .flags = is_flags, \
                               .n = sizeof(var##_items) / sizeof(*var##_items), \
                               .items = (const void *)var##_items }

extern struct sh_enum sh_enum_string_comparison, sh_enum_split_options, sh_enum_regex_options,
        sh_enum_day_of_week, sh_enum_datetime_kind, sh_enum_midpoint_rounding;

/* The i-th argument as what is wanted, with PowerShell's conversions; false when it is not there or cannot be. */
bool sh_args_i32(struct sh *, struct sh_args, uint32_t i, int32_t *ret);
bool sh_args_double(struct sh *, struct sh_args, uint32_t i, double *ret);
bool sh_args_bool(struct sh *, struct sh_args, uint32_t i, bool *ret);
bool sh_args_enum(struct sh *, struct sh_args, uint32_t i, const struct sh_enum *, int32_t *ret);
struct sv sh_args_at(struct sh_args, uint32_t i); /* unwrapped and borrowed; SH_NIL beyond the end */
bool sh_args_is_text(struct sh_args, uint32_t i); /* a string or a char */
bool sh_args_is_array(struct sh_args, uint32_t i);

/* "Value cannot be null. (Parameter 'x')" and the like, inside the running method. */
int sh_throw_null(struct sh *, struct sh_args, const char *param);
int sh_throw_range(struct sh *, struct sh_args, const char *param, const char *why);
int sh_throw_argument(struct sh *, struct sh_args, const char *why);
/* Any other exception inside the running method. */
int sh_throw_member(struct sh *, struct sh_args, const char *exception, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
intptr_t sh_member_arg(struct sh *);

/* A zeroed object of that size and type, kind SH_OTHER. */
struct sv sh_other_new(const struct sh_type *, size_t size);

/* ---- format_number.c, format_value.c, datetime*.c, beyond what text.h declares ---- */
enum { SH_DATE_UNSPECIFIED, SH_DATE_UTC, SH_DATE_LOCAL };
static inline struct sv sh_date(int64_t ticks, int kind)
{
        return (struct sv) { .kind = SH_DATETIME, .aux = (uint16_t)kind, .i = ticks };
}
static inline struct sv sh_span(int64_t ticks)
{
        return (struct sv) { .kind = SH_TIMESPAN, .i = ticks };
}

/* As sh_format_composite and sh_format_value, but the error is told, not thrown. */
bool sh_format_text(struct sh *, const char *fmt, size_t n, struct sh_args, struct sh_buf *,
                    char ret_error[200]);
const char *sh_format_error(struct sh *, struct sv, const char *fmt, size_t n, struct sh_buf *);

#endif
