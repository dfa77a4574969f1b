/* SPDX-License-Identifier: MIT
 *
 * Text below the values: UTF-8 that is mostly valid, positions in UTF-16 units, case, order, numbers as text.
 */
#ifndef SH_TEXT_H
#define SH_TEXT_H

#include "shell/value.h"

/* The code point at s (n bytes left, n > 0) and its length. A byte that starts no valid sequence is a code point of its
 * own, 0x110000 + byte; surrogates in three bytes are passed as they are. */
uint32_t sh_utf_next(const char *s, size_t n, unsigned *ret_len);
size_t sh_utf_put(char out[4], uint32_t cp);    /* also puts raw bytes (0x110000 + byte) */
uint32_t sh_utf_units(const char *s, size_t n); /* UTF-16 units */
void sh_buf_cp(struct sh_buf *, uint32_t cp);
uint32_t sh_fold(uint32_t cp); /* simple case folding */

size_t sh_unit_offset(const struct sh_str *, uint32_t unit);   /* byte offset of a UTF-16 unit */
uint32_t sh_offset_unit(const struct sh_str *, size_t offset); /* and back */
uint16_t sh_unit_at(const struct sh_str *, uint32_t unit);     /* one UTF-16 unit */
struct sv sh_substring(const struct sh_str *, uint32_t unit, uint32_t count);

/* Order as the invariant culture has it: letters before case, punctuation before digits before letters. */
int sh_text_compare(const char *a, size_t na, const char *b, size_t nb, bool ignore_case);
bool sh_text_equal(const struct sh_str *, const struct sh_str *, bool ignore_case);
uint32_t sh_text_hash(const char *, size_t n); /* without case */
/* First byte offset of needle at or after `from`, or SIZE_MAX. */
size_t sh_text_find(const char *s, size_t n, const char *needle, size_t nn, size_t from, bool ignore_case);
size_t sh_text_find_last(const char *s, size_t n, const char *needle, size_t nn, bool ignore_case);
struct sv sh_text_case(const char *, size_t n, bool upper);
bool sh_cp_space(uint32_t cp);
bool sh_cp_letter(uint32_t cp);
bool sh_cp_digit(uint32_t cp);
bool sh_cp_upper(uint32_t cp);
bool sh_cp_lower(uint32_t cp);
bool sh_cp_punctuation(uint32_t cp);

/* ---- number.c ---- */
/* Digits as .NET prints: precision 15 (PowerShell's text of a double), 7, or 0 = shortest that reads back. */
void sh_buf_double(struct sh_buf *, double, int precision, bool single);
/* A number as PowerShell reads it from a string: sign, 0x 0b, exponent, suffix, kb..pb, thousands. */
bool sh_parse_number(const char *, size_t n, struct sv *ret);
bool sh_parse_double(const char *, size_t n, bool thousands, double *ret);
void sh_buf_number(struct sh_buf *, struct sv); /* any number, as "$n" */
/* One .NET format specifier applied to a number: "N2", "x8", "0.00". SH_NONE: the format is not one for numbers. */
int sh_format_number(struct sh *, struct sv, const char *fmt, size_t n, struct sh_buf *);
/* Any value with a format specifier (-f, ToString(fmt)); throws FormatError. */
int sh_format_value(struct sh *, struct sv, const char *fmt, size_t n, struct sh_buf *);
/* "{0,-5:N2}" text. id is the error's. */
int sh_format_composite(struct sh *, const char *, size_t n, struct sh_args, struct sh_buf *);

/* ---- decimal.c ---- */
bool sh_decimal_parse(const char *, size_t n, struct sv *ret);
void sh_decimal_text(struct sh_buf *, struct sv);
struct sv sh_decimal_from_int(int64_t);
struct sv sh_decimal_from_uint(uint64_t);
bool sh_decimal_from_double(double, struct sv *ret); /* false: out of range */
double sh_decimal_to_double(struct sv);
/* false: overflow or division by zero */
bool sh_decimal_arith(enum sh_op, struct sv a, struct sv b, struct sv *ret);
int sh_decimal_compare(struct sv a, struct sv b);
struct sv sh_decimal_round(struct sv, int places,
                           int mode); /* mode: 0 to even, 1 away from zero, 2 floor, 3 ceiling, 4 cut */
struct sv sh_decimal_negate(struct sv);

/* ---- types/datetime.c ---- */
#define SH_TICKS_SECOND 10000000LL
void sh_datetime_text(struct sh_buf *, struct sv, const char *fmt,
                      size_t n); /* fmt NULL: "MM/dd/yyyy HH:mm:ss" */
void sh_timespan_text(struct sh_buf *, struct sv, const char *fmt, size_t n);
bool sh_datetime_parse(const char *, size_t n, struct sv *ret);
bool sh_timespan_parse(const char *, size_t n, struct sv *ret);
struct sv sh_datetime_now(void);
struct sv sh_datetime_unix(int64_t seconds, int64_t nanoseconds); /* as local time */
int64_t sh_datetime_to_unix(struct sv, int64_t *ret_ns);

/* ---- types/regex.c ---- */
struct sh_regex; /* a compiled expression, kept in a small cache or by its Regex object */
enum {
        SH_RE_IGNORECASE = 1,
        SH_RE_MULTILINE = 2,
        SH_RE_EXPLICIT = 4,
        SH_RE_SINGLELINE = 16,
        SH_RE_SPACE = 32,
        SH_RE_RTL = 64
};
/* Throws. The result is borrowed until the next call. */
struct sh_regex *sh_regex_of(struct sh *, const char *, size_t n, unsigned options);
struct sh_regex *sh_regex_from(struct sh *, struct sv pattern, bool case_sensitive);
/* SH_OK, SH_NONE or an error; offsets[2 * group], SIZE_MAX where a group took no part. */
int sh_regex_exec(struct sh *, struct sh_regex *, const char *s, size_t n, size_t from, const size_t **ret,
                  uint32_t *ret_n);
struct sv sh_regex_matches(struct sh *, struct sh_regex *, const char *s, const size_t *at,
                           uint32_t n); /* $Matches */
int sh_regex_replace(struct sh *, struct sh_regex *, struct sv text, struct sv with, int64_t limit,
                     struct sv *ret);
int sh_regex_split(struct sh *, struct sh_regex *, const struct sh_str *, int64_t max, struct sh_array *out);
struct sv sh_match_new(struct sh *, struct sh_regex *, struct sv text, const size_t *at, uint32_t n);

/* ---- types.c ---- */
const struct sh_type *sh_kind_type(enum sh_kind);
const struct sh_type *sh_array_of(const struct sh_type *element);
const struct sh_type *sh_list_of(const struct sh_type *element);
const struct sh_type *sh_nullable_of(const struct sh_type *t);
const char *sh_type_label(
        const struct sh_type *); /* as "$type" and messages print: the accelerator or the name */
const struct sh_type *sh_type_nullable(const struct sh_type *); /* T of Nullable[T], or NULL */
struct sv sh_default_value(const struct sh_type *);
void sh_type_names(struct sh *, struct sv, bool (*each)(void *, const char *), void *); /* PSTypeNames */
bool sh_is_a(struct sh *, struct sv, const struct sh_type *);                           /* -is */
struct sv sh_enum_value(const struct sh_enum *, int32_t);
struct sh_enum *sh_enum_of(const struct sh_type *);
void sh_enum_text(struct sh_buf *, struct sv);
struct sv sh_wrap(struct sv value);             /* a psobject around it, for members added to value kinds */
struct sh_bag *sh_bag_of(struct sv, bool make); /* NULL when it has none */
struct sh_note *sh_bag_find(struct sh_bag *, const char *name, size_t n);
void sh_bag_set(struct sh_bag *, struct sh_note owned); /* replaces the one of that name */
bool sh_bag_remove(struct sh_bag *, const char *name, size_t n);
struct sv sh_array_copy(struct sv enumerable); /* object[] of its items, owned */
struct sv sh_object_copy(struct sv);           /* pscustomobject with the same notes */
struct sv sh_hash_copy(struct sv);
struct sv sh_hash_new_typed(const struct sh_type *);
void sh_hash_clear(struct sh_hash *);
void sh_hash_insert(struct sh_hash *, uint32_t at, struct sv key, struct sv value);
struct sv sh_dictionary_new(const struct sh_type *, const struct sh_type *key, const struct sh_type *value,
                            bool case_sensitive);
void sh_hash_set_case(struct sh_hash *, bool sensitive);
void sh_hash_set_sorted(struct sh_hash *); /* kept in the order of its keys */
bool sh_hash_case(const struct sh_hash *);
const struct sh_type *sh_hash_value_type(struct sh_hash *);
const struct sh_type *sh_hash_key_type(struct sh_hash *);
void sh_array_insert(struct sh_array *, uint32_t at, struct sv); /* keeps */
void sh_array_remove(struct sh_array *, uint32_t at, uint32_t n);
int sh_array_store(struct sh *, struct sh_array *, uint32_t at, struct sv); /* converts to the element type */
bool sh_args_int(struct sh *, struct sh_args, uint32_t i, int64_t *ret);
struct sv sh_args_text(struct sh *, struct sh_args, uint32_t i); /* owned */

#endif
