/* SPDX-License-Identifier: MIT
 *
 * [string]: its methods. Positions are UTF-16 units for those who call; bytes of UTF-8 inside.
 */
#include "shell/types.h"
#include "shell/dotnet.h"

#include <utf8proc.h>

SH_ENUM_TYPE(sh_enum_string_comparison, "System.StringComparison", false, { "CurrentCulture", 0 },
             { "CurrentCultureIgnoreCase", 1 }, { "InvariantCulture", 2 },
             { "InvariantCultureIgnoreCase", 3 }, { "Ordinal", 4 }, { "OrdinalIgnoreCase", 5 });
SH_ENUM_TYPE(sh_enum_split_options, "System.StringSplitOptions", true, { "None", 0 },
             { "RemoveEmptyEntries", 1 }, { "TrimEntries", 2 });

static const char must_not_be_negative[] = "must be a non-negative value.";

static int give(struct sh_buf *b, struct sv *ret)
{
        *ret = sh_buf_take(b);
        sh_buf_free(b);
        return SH_OK;
}

/* A comparison at i: a StringComparison, or a bool for ignoring case. False: there is something else. */
static bool ignore_case_at(struct sh *sh, struct sh_args a, uint32_t i, bool *ret)
{
        int32_t how;
        *ret = false;
        if (i >= a.n)
                return true;
        if (sh_args_at(a, i).kind == SH_BOOL)
                return *ret = sh_true(a.v[i]), true;
        if (!sh_args_enum(sh, a, i, &sh_enum_string_comparison, &how))
                return false;
        *ret = how & 1;
        return true;
}

/* ---- parts ---- */
static int string_length(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_int((int32_t)self.s->units);
        return SH_OK;
}

static int string_chars(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int32_t i;
        if (a.n != 1 || !sh_args_i32(sh, a, 0, &i))
                return SH_NONE;
        if (i < 0 || (uint32_t)i >= self.s->units)
                return sh_throw_member(sh, a, "System.IndexOutOfRangeException",
                                       "Index was outside the bounds of the array.");
        *ret = sh_char(sh_unit_at(self.s, (uint32_t)i));
        return SH_OK;
}

static int string_substring(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int32_t start, n;
        int32_t units = (int32_t)self.s->units;
        if (a.n < 1 || a.n > 2 || !sh_args_i32(sh, a, 0, &start))
                return SH_NONE;
        n = units - start;
        if (a.n == 2 && !sh_args_i32(sh, a, 1, &n))
                return SH_NONE;
        if (start < 0)
                return sh_throw_range(sh, a, "startIndex", "StartIndex cannot be less than zero.");
        if (start > units)
                return sh_throw_range(sh, a, "startIndex",
                                      "startIndex cannot be larger than length of string.");
        if (n < 0)
                return sh_throw_range(sh, a, "length", "Length cannot be less than zero.");
        if (n > units - start)
                return sh_throw_range(sh, a, "length",
                                      "Index and length must refer to a location within the string.");
        *ret = sh_substring(self.s, (uint32_t)start, (uint32_t)n);
        return SH_OK;
}

static int string_insert(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int32_t at;
        struct sh_buf b = { 0 };
        if (a.n != 2 || !sh_args_i32(sh, a, 0, &at))
                return SH_NONE;
        if (sh_is_null(a.v[1]))
                return sh_throw_null(sh, a, "value");
        if (at < 0 || (uint32_t)at > self.s->units)
                return sh_throw_range(
                        sh, a, "startIndex",
                        "Index was out of range. Must be non-negative and less than or equal to the size "
                        "of the collection.");
        size_t k = sh_unit_offset(self.s, (uint32_t)at);
        struct sv t = sh_args_text(sh, a, 1);
        sh_buf_put(&b, self.s->s, k);
        sh_buf_put(&b, t.s->s, t.s->len);
        sh_buf_put(&b, self.s->s + k, self.s->len - k);
        sh_drop(t);
        return give(&b, ret);
}

static int string_remove(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int32_t at, n, units = (int32_t)self.s->units;
        struct sh_buf b = { 0 };
        if (a.n < 1 || a.n > 2 || !sh_args_i32(sh, a, 0, &at))
                return SH_NONE;
        n = units - at;
        if (a.n == 2 && !sh_args_i32(sh, a, 1, &n))
                return SH_NONE;
        if (at < 0)
                return sh_throw_range(sh, a, "startIndex", "StartIndex cannot be less than zero.");
        if (n < 0)
                return a.n == 1 ? sh_throw_range(sh, a, "startIndex",
                                                 "startIndex must be less than length of string.")
                                : sh_throw_range(sh, a, "count", "Count cannot be less than zero.");
        if (n > units - at)
                return sh_throw_range(sh, a, "count",
                                      "Index and count must refer to a location within the string.");
        size_t from = sh_unit_offset(self.s, (uint32_t)at), to = sh_unit_offset(self.s, (uint32_t)(at + n));
        sh_buf_put(&b, self.s->s, from);
        sh_buf_put(&b, self.s->s + to, self.s->len - to);
        return give(&b, ret);
}

static int string_to_chars(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int32_t at = 0, n = (int32_t)self.s->units;
        if (a.n == 2 && (!sh_args_i32(sh, a, 0, &at) || !sh_args_i32(sh, a, 1, &n)))
                return SH_NONE;
        if (a.n == 1 || a.n > 2)
                return SH_NONE;
        if (at < 0 || n < 0 || (int64_t)at + n > self.s->units)
                return sh_throw_range(
                        sh, a, "startIndex",
                        "Index was out of range. Must be non-negative and less than or equal to the size "
                        "of the collection.");
        *ret = sh_array_typed(&sh_type_char, 0);
        struct sv part = sh_substring(self.s, (uint32_t)at, (uint32_t)n);
        for (size_t i = 0; i < part.s->len;) {
                unsigned len;
                uint32_t cp = sh_utf_next(part.s->s + i, part.s->len - i, &len);
                if (cp >= 0x10000 && cp < 0x110000) {
                        sh_array_take(ret->a, sh_char((uint16_t)(0xD800 + ((cp - 0x10000) >> 10))));
                        cp = 0xDC00 + (cp & 0x3FF);
                }
                sh_array_take(ret->a, sh_char(cp >= 0x110000 ? 0xFFFD : (uint16_t)cp));
                i += len;
        }
        sh_drop(part);
        return SH_OK;
}

/* ---- searching ---- */
enum { FIND_FIRST, FIND_LAST, FIND_START, FIND_END, FIND_IN };

/* The region of a search: from unit `start` over `count` units. A backward search begins at its end. */
static bool region(struct sh *sh, struct sh_args a, uint32_t first, uint32_t n, uint32_t units, bool last,
                   int32_t *from, int32_t *to, int *st)
{
        int32_t start = 0, count;
        *st = SH_NONE;
        *from = 0;
        *to = (int32_t)units;
        if (n == 0)
                return true;
        if (!sh_args_i32(sh, a, first, &start))
                return false;
        count = last ? start + 1 : (int32_t)units - start;
        if (n > 1 && !sh_args_i32(sh, a, first + 1, &count))
                return false;
        if (last && units && start == (int32_t)units) { /* allowed: the end */
                start--;
                count -= count > 0;
        }
        if (start < 0 || start > (int32_t)units || (last && units == 0 && start > 0)) {
                *st = sh_throw_range(
                        sh, a, "startIndex",
                        "Index was out of range. Must be non-negative and less than or equal to the size of "
                        "the collection.");
                return false;
        }
        if (count < 0 || (last ? count > start + 1 : count > (int32_t)units - start)) {
                *st = sh_throw_range(sh, a, "count",
                                     "Count must be positive and count must refer to a location within "
                                     "the string/array/collection.");
                return false;
        }
        *from = last ? start - count + 1 : start;
        *to = last ? start + 1 : start + count;
        if (*to > (int32_t)units)
                *to = (int32_t)units;
        if (*from < 0)
                *from = 0;
        return true;
}

static int string_index_of(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool last = sh_member_arg(sh) == FIND_LAST, ignore = false;
        uint32_t numbers = a.n ? a.n - 1 : 0;
        int32_t from, to;
        int st;
        if (a.n < 1 || a.n > 4)
                return SH_NONE;
        if (sh_is_null(a.v[0]))
                return sh_throw_null(sh, a, "value");
        if (numbers && !sh_is_number(sh_args_at(a, a.n - 1)) && ignore_case_at(sh, a, a.n - 1, &ignore))
                numbers--;
        if (!region(sh, a, 1, numbers, self.s->units, last, &from, &to, &st))
                return st;
        size_t lo = sh_unit_offset(self.s, (uint32_t)from), hi = sh_unit_offset(self.s, (uint32_t)to), at;
        struct sv what = sh_args_text(sh, a, 0);
        if (last)
                at = sh_text_find_last(self.s->s + lo, hi - lo, what.s->s, what.s->len, ignore);
        else
                at = sh_text_find(self.s->s + lo, hi - lo, what.s->s, what.s->len, 0, ignore);
        *ret = sh_int(at == SIZE_MAX ? -1 : (int32_t)sh_offset_unit(self.s, lo + at));
        sh_drop(what);
        return SH_OK;
}

/* The code points of arguments from `first` on: chars, strings (each of their chars), arrays of either. */
static void collect_chars(struct sh *sh, struct sv v, struct sh_buf *set)
{
        v = sh_unwrap(v);
        if (v.kind == SH_ARRAY) {
                for (uint32_t i = 0; i < v.a->n; i++)
                        collect_chars(sh, v.a->v[i], set);
                return;
        }
        if (sh_is_null(v))
                return;
        struct sv t = sh_to_text(sh, v);
        if (sh_is_int(v) && v.u < 0x10000) {
                sh_drop(t);
                t = sh_to_text(sh, sh_char((uint16_t)v.u));
        }
        for (size_t i = 0; i < t.s->len;) {
                unsigned len;
                uint32_t cp = sh_utf_next(t.s->s + i, t.s->len - i, &len);
                sh_buf_put(set, (char *)&cp, sizeof(cp));
                i += len;
        }
        sh_drop(t);
}

static void collect_args(struct sh *sh, struct sh_args a, uint32_t first, uint32_t n, struct sh_buf *set)
{
        for (uint32_t i = first; i < first + n && i < a.n; i++)
                collect_chars(sh, a.v[i], set);
}

static bool in_set(const struct sh_buf *set, uint32_t cp)
{
        const uint32_t *v = (const uint32_t *)set->p;
        for (size_t i = 0; i < set->n / sizeof(*v); i++)
                if (v[i] == cp)
                        return true;
        return false;
}

static int string_index_of_any(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool last = sh_member_arg(sh) == FIND_LAST;
        int32_t from, to, found = -1, unit;
        int st;
        struct sh_buf set = { 0 };
        if (a.n < 1 || a.n > 3)
                return SH_NONE;
        if (!region(sh, a, 1, a.n - 1, self.s->units, last, &from, &to, &st))
                return st;
        collect_args(sh, a, 0, 1, &set);
        size_t i = sh_unit_offset(self.s, (uint32_t)from);
        for (unit = from; unit < to && i < self.s->len && (last || found < 0);) {
                unsigned len;
                uint32_t cp = sh_utf_next(self.s->s + i, self.s->len - i, &len);
                if (in_set(&set, cp))
                        found = unit;
                unit += cp >= 0x10000 && cp < 0x110000 ? 2 : 1;
                i += len;
        }
        sh_buf_free(&set);
        *ret = sh_int(found);
        return SH_OK;
}

static int string_has(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool ignore, found = false;
        if (a.n < 1 || a.n > 3 || !ignore_case_at(sh, a, 1, &ignore))
                return SH_NONE;
        if (sh_is_null(a.v[0]))
                return sh_throw_null(sh, a, "value");
        struct sv what = sh_args_text(sh, a, 0);
        const struct sh_str *s = self.s, *w = what.s;
        switch (sh_member_arg(sh)) {
        case FIND_IN: found = sh_text_find(s->s, s->len, w->s, w->len, 0, ignore) != SIZE_MAX; break;
        case FIND_START:
                if (!ignore) {
                        found = s->len >= w->len && !memcmp(s->s, w->s, w->len);
                } else if (s->units >= w->units) {
                        size_t n = sh_unit_offset(s, w->units);
                        found = sh_text_same(s->s, n, w->s, w->len);
                }
                break;
        default:
                if (!ignore) {
                        found = s->len >= w->len && !memcmp(s->s + s->len - w->len, w->s, w->len);
                } else if (s->units >= w->units) {
                        size_t from = sh_unit_offset(s, s->units - w->units);
                        found = sh_text_same(s->s + from, s->len - from, w->s, w->len);
                }
        }
        sh_drop(what);
        *ret = sh_bool(found);
        return SH_OK;
}

/* ---- replacing ---- */
static int string_replace(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool ignore;
        struct sh_buf b = { 0 };
        if (a.n < 2 || a.n > 4 || !ignore_case_at(sh, a, 2, &ignore))
                return SH_NONE;
        if (sh_is_null(a.v[0]))
                return sh_throw_null(sh, a, "oldValue");
        struct sv old = sh_args_text(sh, a, 0);
        if (old.s->len == 0) {
                sh_drop(old);
                return sh_throw_argument(sh, a,
                                         "The value cannot be an empty string. (Parameter 'oldValue')");
        }
        struct sv with = sh_args_text(sh, a, 1);
        size_t from = 0, at;
        while ((at = sh_text_find(self.s->s, self.s->len, old.s->s, old.s->len, from, ignore)) != SIZE_MAX) {
                size_t n = old.s->len;
                if (ignore && !sh_is_ascii(self.s)) /* the text found may be longer than what was sought */
                        n = sh_unit_offset(self.s, sh_offset_unit(self.s, at) + old.s->units) - at;
                sh_buf_put(&b, self.s->s + from, at - from);
                sh_buf_put(&b, with.s->s, with.s->len);
                from = at + n;
        }
        sh_drop(old);
        sh_drop(with);
        if (!b.p && from == 0) {
                *ret = sh_keep(self);
                return SH_OK;
        }
        sh_buf_put(&b, self.s->s + from, self.s->len - from);
        return give(&b, ret);
}

static int string_line_endings(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        struct sv with = a.n ? sh_args_text(sh, a, 0) : sh_text("\n");
        for (size_t i = 0; i < self.s->len; i++) {
                char c = self.s->s[i];
                if (c == '\r' && i + 1 < self.s->len && self.s->s[i + 1] == '\n')
                        i++;
                if (c == '\r' || c == '\n' || c == '\f')
                        sh_buf_put(&b, with.s->s, with.s->len);
                else
                        sh_buf_put(&b, &c, 1);
        }
        sh_drop(with);
        return give(&b, ret);
}

/* ---- trimming and padding ---- */
enum { TRIM_START = 1, TRIM_END = 2 };

static bool trimmed(const struct sh_buf *set, uint32_t cp)
{
        return set && set->n ? in_set(set, cp) : sh_cp_space(cp);
}

/* Narrows s, n. set NULL or empty: white space. */
static void trim(const char **s, size_t *n, const struct sh_buf *set, int sides)
{
        unsigned len;
        while (sides & TRIM_START && *n && trimmed(set, sh_utf_next(*s, *n, &len))) {
                *s += len;
                *n -= len;
        }
        while (sides & TRIM_END && *n) {
                size_t k = *n - 1;
                while (k && *n - k < 4 && ((unsigned char)(*s)[k] & 0xC0) == 0x80)
                        k--;
                uint32_t cp = sh_utf_next(*s + k, *n - k, &len);
                if (k + len != *n)
                        cp = 0x110000;
                if (!trimmed(set, cp))
                        break;
                *n = k;
        }
}

static int string_trim(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf set = { 0 };
        const char *s = self.s->s;
        size_t n = self.s->len;
        collect_args(sh, a, 0, a.n, &set);
        trim(&s, &n, &set, (int)sh_member_arg(sh));
        *ret = n == self.s->len ? sh_keep(self) : sh_string(s, n);
        sh_buf_free(&set);
        return SH_OK;
}

static int string_pad(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int32_t width;
        bool left = sh_member_arg(sh);
        struct sv c;
        struct sh_buf b = { 0 };
        if (a.n < 1 || a.n > 2 || !sh_args_i32(sh, a, 0, &width) ||
            (a.n == 2 && !sh_try_convert(sh, sh_args_at(a, 1), &sh_type_char, &c)))
                return SH_NONE;
        if (width < 0)
                return sh_throw_range(sh, a, "totalWidth", "Non-negative number required.");
        if ((uint32_t)width <= self.s->units) {
                *ret = sh_keep(self);
                return SH_OK;
        }
        if (!left)
                sh_buf_put(&b, self.s->s, self.s->len);
        for (uint32_t i = self.s->units; i < (uint32_t)width; i++)
                sh_buf_cp(&b, a.n == 2 ? (uint32_t)c.u : ' ');
        if (left)
                sh_buf_put(&b, self.s->s, self.s->len);
        return give(&b, ret);
}

/* ---- splitting ---- */
struct split {
        const struct sh_str *s;
        struct sv separators; /* an array of strings; empty: white space */
        int32_t count, options;
        struct sh_array *out;
};

static void split_add(struct split *p, size_t from, size_t to)
{
        const char *s = p->s->s + from;
        size_t n = to - from;
        if (p->options & 2)
                trim(&s, &n, NULL, TRIM_START | TRIM_END);
        if (n || !(p->options & 1))
                sh_array_take(p->out, sh_string(s, n));
}

/* The length of the separator at offset i; 0 = none. */
static size_t separator_at(struct split *p, size_t i)
{
        struct sh_array *v = p->separators.a;
        size_t left = p->s->len - i;
        unsigned len;
        if (!v->n)
                return sh_cp_space(sh_utf_next(p->s->s + i, left, &len)) ? len : 0;
        for (uint32_t k = 0; k < v->n; k++) {
                const struct sh_str *w = v->v[k].s;
                if (w->len && w->len <= left && !memcmp(p->s->s + i, w->s, w->len))
                        return w->len;
        }
        return 0;
}

static void split_run(struct split *p)
{
        size_t from = 0, i = 0, n;
        if (p->count == 0)
                return;
        while (i < p->s->len && p->out->n + 1 < (uint32_t)p->count) {
                if (!(n = separator_at(p, i))) {
                        i++;
                        continue;
                }
                split_add(p, from, i);
                from = i += n;
        }
        while (p->options & 1 && from < p->s->len && (n = separator_at(p, from)))
                from += n;
        split_add(p, from, p->s->len);
}

/* What the arguments say; SH_NONE when they fit no overload. */
static int split_args(struct sh *sh, struct sh_args a, struct split *p)
{
        uint32_t nseparators = a.n ? 1 : 0, i = 1;
        if (i < a.n && sh_is_number(sh_args_at(a, i))) {
                if (!sh_args_i32(sh, a, i++, &p->count))
                        return SH_NONE;
                if (p->count < 0)
                        return sh_throw_range(sh, a, "count", must_not_be_negative);
        }
        if (i < a.n && sh_args_enum(sh, a, i, &sh_enum_split_options, &p->options))
                i++;
        else if (i == 1)
                i = nseparators = a.n; /* (params char[]) */
        if (i < a.n)
                return SH_NONE;
        p->separators = sh_array_new(nseparators);
        for (i = 0; i < nseparators; i++) {
                struct sv v = sh_args_at(a, i);
                for (uint32_t k = 0; v.kind == SH_ARRAY && k < v.a->n; k++)
                        sh_array_take(p->separators.a, sh_to_text(sh, v.a->v[k]));
                if (v.kind != SH_ARRAY && !sh_is_null(v))
                        sh_array_take(p->separators.a, sh_to_text(sh, v));
        }
        if (nseparators == 1 && p->separators.a->n == 1 && p->separators.a->v[0].s->len == 0 &&
            sh_args_at(a, 0).kind == SH_STRING) { /* Split('') does not split */
                p->count = p->count > 1 ? 1 : p->count;
        }
        return SH_OK;
}

static int string_split(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct split p = { .s = self.s, .count = INT32_MAX };
        int st = split_args(sh, a, &p);
        if (st != SH_OK)
                return st;
        *ret = sh_array_typed(&sh_type_string, 0);
        p.out = ret->a;
        split_run(&p);
        sh_drop(p.separators);
        return SH_OK;
}

/* ---- case, comparing, normal forms ---- */
static int string_case(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n > 1)
                return SH_NONE;
        *ret = sh_text_case(self.s->s, self.s->len, sh_member_arg(sh));
        return SH_OK;
}

static int compare_text(struct sv a, struct sv b, bool ignore)
{
        if (sh_is_null(a) || sh_is_null(b))
                return sh_is_null(a) ? (sh_is_null(b) ? 0 : -1) : 1;
        return sh_text_compare(a.s->s, a.s->len, b.s->s, b.s->len, ignore);
}

static int string_compare_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n != 1)
                return SH_NONE;
        struct sv other = sh_is_null(a.v[0]) ? SH_NIL : sh_args_text(sh, a, 0);
        *ret = sh_int(compare_text(self, other, false));
        sh_drop(other);
        return SH_OK;
}

static int string_equals(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool ignore;
        if (a.n < 1 || a.n > 2 || !ignore_case_at(sh, a, 1, &ignore))
                return SH_NONE;
        struct sv other = sh_args_at(a, 0);
        bool text = other.kind == SH_STRING || (a.n == 2 && other.kind == SH_CHAR);
        other = text ? sh_to_text(sh, other) : SH_NIL;
        *ret = sh_bool(text && sh_text_equal(self.s, other.s, ignore));
        sh_drop(other);
        return SH_OK;
}

static int string_normalize(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
        utf8proc_uint8_t *out = NULL;
        if (a.n) { /* NormalizationForm: FormC 1, FormD 2, FormKC 5, FormKD 6 */
                struct sv form = sh_args_text(sh, a, 0);
                bool compat = strchr(form.s->s, 'K') || strchr("56", form.s->s[0]);
                bool apart = strchr(form.s->s, 'D') || strchr("26", form.s->s[0]);
                how = UTF8PROC_STABLE | (apart ? UTF8PROC_DECOMPOSE : UTF8PROC_COMPOSE) |
                      (compat ? UTF8PROC_COMPAT : 0);
                sh_drop(form);
        }
        utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)self.s->s, self.s->len, &out, how);
        struct sv r = n < 0 ? sh_keep(self) : sh_string((const char *)out, (size_t)n);
        free(out);
        if (sh_member_arg(sh)) { /* IsNormalized */
                *ret = sh_bool(sh_text_equal(r.s, self.s, false));
                sh_drop(r);
        } else {
                *ret = r;
        }
        return SH_OK;
}

static int string_enumerator(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_enumerator_new(self);
        return SH_OK;
}
static int string_self(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_keep(self);
        return SH_OK;
}

/* The same on every run, unlike .NET's. */
static int string_hash(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        uint32_t h = 2166136261u;
        (void)sh, (void)a;
        for (uint32_t i = 0; i < self.s->len; i++)
                h = (h ^ (unsigned char)self.s->s[i]) * 16777619u;
        *ret = sh_int((int32_t)h);
        return SH_OK;
}

/* ---- static methods ---- */
static int static_join(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        (void)self;
        if (a.n < 1)
                return SH_NONE;
        struct sv sep = sh_args_text(sh, a, 0), list = SH_NIL, item;
        int32_t from = 0, count = INT32_MAX;
        if (a.n == 4 && sh_args_is_array(a, 1) && sh_is_number(sh_args_at(a, 2)) &&
            sh_args_i32(sh, a, 2, &from) && sh_args_i32(sh, a, 3, &count)) {
                list = sh_keep(sh_args_at(a, 1));
        } else if (a.n == 2 && sh_is_enumerable(a.v[1])) {
                list = sh_keep(a.v[1]);
        } else {
                list = sh_array_new(a.n);
                for (uint32_t i = 1; i < a.n; i++)
                        sh_array_add(list.a, a.v[i]);
        }
        size_t pos = 0;
        int32_t i = 0;
        while (sh_next(list, &pos, &item)) {
                if (i >= from && i - from < count) {
                        if (i > from)
                                sh_buf_put(&b, sep.s->s, sep.s->len);
                        sh_buf_value(sh, &b, item);
                }
                i++;
                sh_drop(item);
        }
        sh_drop(list);
        sh_drop(sep);
        return give(&b, ret);
}

static int static_format(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        char error[200];
        (void)self;
        if (a.n && sh_args_at(a, 0).kind == SH_OTHER && a.n > 1)
                a.v++, a.n--; /* an IFormatProvider */
        if (a.n < 1)
                return SH_NONE;
        if (sh_is_null(a.v[0]))
                return sh_throw_null(sh, a, "format");
        struct sh_args items = { a.n - 1, a.v + 1 };
        if (a.n == 2 && sh_args_is_array(a, 1))
                items = (struct sh_args) { sh_args_at(a, 1).a->n, sh_args_at(a, 1).a->v };
        struct sv f = sh_args_text(sh, a, 0);
        bool ok = sh_format_text(sh, f.s->s, f.s->len, items, &b, error);
        sh_drop(f);
        if (ok)
                return give(&b, ret);
        sh_buf_free(&b);
        return sh_throw_member(sh, a, "System.FormatException", "%s", error);
}

static int static_is_empty(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool blank = sh_member_arg(sh);
        (void)self;
        if (a.n != 1)
                return SH_NONE;
        struct sv t = sh_args_text(sh, a, 0);
        const char *s = t.s->s;
        size_t n = t.s->len;
        if (blank)
                trim(&s, &n, NULL, TRIM_START);
        *ret = sh_bool(n == 0);
        sh_drop(t);
        return SH_OK;
}

static struct sv text_or_null(struct sh *sh, struct sh_args a, uint32_t i)
{
        return sh_is_null(a.v[i]) ? SH_NIL : sh_args_text(sh, a, i);
}

/* (a, b[, ignoreCase | comparison[, culture]]) and (a, at, b, at, length[, ...]) */
static int static_compare(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool ignore, parts = a.n >= 5, ordinal = sh_member_arg(sh);
        int32_t how = 0, x = 0, y = 0, n = 0;
        (void)self;
        if (a.n < 2 || !ignore_case_at(sh, a, parts ? 5 : 2, &ignore))
                return SH_NONE;
        if (a.n > (parts ? 5u : 2u) && sh_args_at(a, parts ? 5 : 2).kind != SH_BOOL &&
            sh_args_enum(sh, a, parts ? 5 : 2, &sh_enum_string_comparison, &how))
                ordinal = ordinal || how >= 4;
        if (parts && (!sh_args_i32(sh, a, 1, &x) || !sh_args_i32(sh, a, 3, &y) || !sh_args_i32(sh, a, 4, &n)))
                return SH_NONE;
        struct sv s = text_or_null(sh, a, 0), t = text_or_null(sh, a, parts ? 2 : 1);
        if (parts && s.kind == SH_STRING && t.kind == SH_STRING && x >= 0 && y >= 0 && n >= 0) {
                struct sv s2 = sh_substring(s.s, (uint32_t)x, (uint32_t)n),
                          t2 = sh_substring(t.s, (uint32_t)y, (uint32_t)n);
                sh_drop(s);
                sh_drop(t);
                s = s2;
                t = t2;
        }
        int r;
        if (ordinal && !ignore && s.kind == SH_STRING && t.kind == SH_STRING) {
                uint32_t least = s.s->len < t.s->len ? s.s->len : t.s->len;
                r = memcmp(s.s->s, t.s->s, least);
                for (uint32_t i = 0; r && i < least; i++)
                        if (s.s->s[i] != t.s->s[i]) {
                                r = (unsigned char)s.s->s[i] - (unsigned char)t.s->s[i];
                                break;
                        }
                r = r ? r : (int)s.s->len - (int)t.s->len;
        } else {
                r = compare_text(s, t, ignore);
        }
        sh_drop(s);
        sh_drop(t);
        *ret = sh_int(r);
        return SH_OK;
}

static int static_concat(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        (void)self;
        for (uint32_t i = 0; i < a.n; i++) {
                struct sv item, v = sh_unwrap(a.v[i]);
                size_t pos = 0;
                if (a.n > 1 || v.kind != SH_ARRAY)
                        sh_buf_value(sh, &b, v);
                else
                        while (sh_next(v, &pos, &item)) {
                                sh_buf_value(sh, &b, item);
                                sh_drop(item);
                        }
        }
        return give(&b, ret);
}

static int static_equals(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool ignore;
        (void)self;
        if (a.n < 2 || a.n > 3 || !ignore_case_at(sh, a, 2, &ignore))
                return SH_NONE;
        struct sv x = text_or_null(sh, a, 0), y = text_or_null(sh, a, 1);
        *ret = sh_bool(x.kind == y.kind && (sh_is_null(x) || sh_text_equal(x.s, y.s, ignore)));
        sh_drop(x);
        sh_drop(y);
        return SH_OK;
}

static int static_copy(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n != 1)
                return SH_NONE;
        *ret = sh_args_text(sh, a, 0);
        return SH_OK;
}

static int static_empty(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        *ret = sh_text("");
        return SH_OK;
}

/* ---- the type ---- */
static int string_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        struct sv c;
        int32_t count = 0, from = 0;
        (void)t;
        if (a.n == 2 && !sh_args_is_array(a, 0)) {
                if (!sh_try_convert(sh, sh_args_at(a, 0), &sh_type_char, &c) ||
                    !sh_args_i32(sh, a, 1, &count))
                        return SH_NONE;
                if (count < 0)
                        return sh_throw_in_method(sh, "System.ArgumentOutOfRangeException", ".ctor", a.n,
                                                  "'count' must be non-negative. (Parameter 'count')");
                for (int32_t i = 0; i < count; i++)
                        sh_buf_cp(&b, (uint32_t)c.u);
                return give(&b, ret);
        }
        if (a.n < 1 || (a.n == 3 && (!sh_args_i32(sh, a, 1, &from) || !sh_args_i32(sh, a, 2, &count))) ||
            a.n > 3)
                return SH_NONE;
        struct sv v = sh_args_at(a, 0);
        if (v.kind != SH_ARRAY) {
                *ret = sh_args_text(sh, a, 0);
                return SH_OK;
        }
        for (uint32_t i = 0; i < v.a->n; i++)
                if (a.n == 1 || ((int64_t)i >= from && (int64_t)i < (int64_t)from + count))
                        sh_buf_value(sh, &b, v.a->v[i]);
        return give(&b, ret);
}

static int string_index(struct sh *sh, struct sv self, struct sv key, struct sv *ret)
{
        int64_t i;
        if (!sh_to_int64(sh, key, &i))
                return SH_NONE;
        if (i < 0)
                i += self.s->units;
        *ret = i < 0 || i >= self.s->units ? SH_NIL : sh_char(sh_unit_at(self.s, (uint32_t)i));
        return SH_OK;
}

static void string_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_buf_put(b, self.s->s, self.s->len);
}

static const struct sh_member string_members[] = {
        SH_P("Length", "int Length {get;}", string_length),
        SH_M("Chars", "char Chars(int index) {get;}", string_chars),
        SH_M("get_Chars", "char get_Chars(int index)", string_chars),
        SH_M("Clone", "System.Object Clone()", string_self),
        SH_M("CompareTo", "int CompareTo(string strB)", string_compare_to),
        SH_M("Contains", "bool Contains(string value[, System.StringComparison comparisonType])", string_has,
             FIND_IN),
        SH_M("EndsWith", "bool EndsWith(string value[, System.StringComparison comparisonType])", string_has,
             FIND_END),
        SH_M("Equals", "bool Equals(string value[, System.StringComparison comparisonType])", string_equals),
        SH_M("GetHashCode", "int GetHashCode()", string_hash),
        SH_M("IndexOf", "int IndexOf(string value[, int startIndex[, int count]][, System.StringComparison])",
             string_index_of, FIND_FIRST),
        SH_M("IndexOfAny", "int IndexOfAny(char[] anyOf[, int startIndex[, int count]])", string_index_of_any,
             FIND_FIRST),
        SH_M("Insert", "string Insert(int startIndex, string value)", string_insert),
        SH_M("IsNormalized", "bool IsNormalized()", string_normalize, true),
        SH_M("LastIndexOf",
             "int LastIndexOf(string value[, int startIndex[, int count]][, System.StringComparison])",
             string_index_of, FIND_LAST),
        SH_M("LastIndexOfAny", "int LastIndexOfAny(char[] anyOf[, int startIndex[, int count]])",
             string_index_of_any, FIND_LAST),
        SH_M("Normalize", "string Normalize([System.Text.NormalizationForm normalizationForm])",
             string_normalize, false),
        SH_M("PadLeft", "string PadLeft(int totalWidth[, char paddingChar])", string_pad, true),
        SH_M("PadRight", "string PadRight(int totalWidth[, char paddingChar])", string_pad, false),
        SH_M("Remove", "string Remove(int startIndex[, int count])", string_remove),
        SH_M("Replace", "string Replace(string oldValue, string newValue[, System.StringComparison])",
             string_replace),
        SH_M("ReplaceLineEndings", "string ReplaceLineEndings([string replacementText])",
             string_line_endings),
        SH_M("Split", "string[] Split(string separator[, int count][, System.StringSplitOptions options])",
             string_split),
        SH_M("StartsWith", "bool StartsWith(string value[, System.StringComparison comparisonType])",
             string_has, FIND_START),
        SH_M("Substring", "string Substring(int startIndex[, int length])", string_substring),
        SH_M("GetEnumerator", "System.CharEnumerator GetEnumerator()", string_enumerator),
        SH_M("ToCharArray", "char[] ToCharArray([int startIndex, int length])", string_to_chars),
        SH_M("ToLower", "string ToLower()", string_case, false),
        SH_M("ToLowerInvariant", "string ToLowerInvariant()", string_case, false),
        SH_M("ToString", "string ToString()", string_self),
        SH_M("ToUpper", "string ToUpper()", string_case, true),
        SH_M("ToUpperInvariant", "string ToUpperInvariant()", string_case, true),
        SH_M("Trim", "string Trim([char[] trimChars])", string_trim, TRIM_START | TRIM_END),
        SH_M("TrimEnd", "string TrimEnd([char[] trimChars])", string_trim, TRIM_END),
        SH_M("TrimStart", "string TrimStart([char[] trimChars])", string_trim, TRIM_START),
        SH_SP("Empty", "static string Empty {get;}", static_empty),
        SH_SM("Compare", "static int Compare(string strA, string strB[, bool ignoreCase])", static_compare,
              false),
        SH_SM("CompareOrdinal", "static int CompareOrdinal(string strA, string strB)", static_compare, true),
        SH_SM("Concat", "static string Concat(Params System.Object[] args)", static_concat),
        SH_SM("Copy", "static string Copy(string str)", static_copy),
        SH_SM("Equals", "static bool Equals(string a, string b[, System.StringComparison])", static_equals),
        SH_SM("Format", "static string Format(string format, Params System.Object[] args)", static_format),
        SH_SM("Intern", "static string Intern(string str)", static_copy),
        SH_SM("IsNullOrEmpty", "static bool IsNullOrEmpty(string value)", static_is_empty, false),
        SH_SM("IsNullOrWhiteSpace", "static bool IsNullOrWhiteSpace(string value)", static_is_empty, true),
        SH_SM("Join", "static string Join(string separator, Params System.Object[] values)", static_join),
};
const struct sh_type sh_type_string = {
        .name = "System.String",
        .accelerator = "string",
        .base = &sh_type_object,
        .kind = SH_STRING,
        SH_MEMBERS(string_members),
        .index = string_index,
        .text = string_text,
        .construct = string_construct,
        .interfaces = (const char *const[]) { "System.IComparable", "System.ICloneable",
                                              "System.IConvertible", "System.Collections.IEnumerable", NULL },
};

SH_TYPES(string, &sh_type_string, &sh_enum_string_comparison.type, &sh_enum_split_options.type);
