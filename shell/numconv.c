/* SPDX-License-Identifier: MIT
 *
 * Conversion between the numeric kinds, and to them from text: quietly, with the reason why it did not work.
 */
#include "shell/types.h"

#include <math.h>

static bool int_range(enum sh_kind k, __int128 *ret_min, __int128 *ret_max)
{
        switch (k) {
        case SH_SBYTE: *ret_min = INT8_MIN, *ret_max = INT8_MAX; return true;
        case SH_BYTE: *ret_min = 0, *ret_max = UINT8_MAX; return true;
        case SH_CHAR: *ret_min = 0, *ret_max = UINT16_MAX; return true;
        case SH_INT16: *ret_min = INT16_MIN, *ret_max = INT16_MAX; return true;
        case SH_UINT16: *ret_min = 0, *ret_max = UINT16_MAX; return true;
        case SH_INT32: *ret_min = INT32_MIN, *ret_max = INT32_MAX; return true;
        case SH_UINT32: *ret_min = 0, *ret_max = UINT32_MAX; return true;
        case SH_INT64: *ret_min = INT64_MIN, *ret_max = INT64_MAX; return true;
        case SH_UINT64: *ret_min = 0, *ret_max = UINT64_MAX; return true;
        default: return false;
        }
}

const char *sh_range_message(enum sh_kind k)
{
        static const char *const what[] = {
                [SH_SBYTE] = "a signed byte",  [SH_BYTE] = "an unsigned byte", [SH_CHAR] = "a character",
                [SH_INT16] = "an Int16",       [SH_UINT16] = "a UInt16",       [SH_INT32] = "an Int32",
                [SH_UINT32] = "a UInt32",      [SH_INT64] = "an Int64",        [SH_UINT64] = "a UInt64",
                [SH_SINGLE] = "a Single",      [SH_DOUBLE] = "a Double",       [SH_DECIMAL] = "a Decimal",
        };
        return k < sizeof(what) / sizeof(*what) && what[k] ? what[k] : "the type";
}

static enum sh_why from_int(__int128 x, enum sh_kind k, struct sv *ret)
{
        __int128 min, max;
        if (k == SH_DOUBLE || k == SH_SINGLE) {
                *ret = (struct sv) { .kind = (uint8_t)k, .d = k == SH_SINGLE ? (double)(float)x : (double)x };
                return SH_FITS;
        }
        if (k == SH_DECIMAL) {
                *ret = x < 0 ? sh_decimal_from_int((int64_t)x) : sh_decimal_from_uint((uint64_t)x);
                return SH_FITS;
        }
        if (!int_range(k, &min, &max))
                return SH_NO_CAST;
        if (x < min || x > max)
                return SH_OUT_OF_RANGE;
        *ret = (struct sv) { .kind = (uint8_t)k, .u = (uint64_t)x };
        return SH_FITS;
}

static enum sh_why from_double(double d, enum sh_kind k, struct sv *ret)
{
        if (k == SH_DOUBLE || k == SH_SINGLE) {
                *ret = (struct sv) { .kind = (uint8_t)k, .d = k == SH_SINGLE ? (double)(float)d : d };
                return SH_FITS;
        }
        if (k == SH_DECIMAL)
                return sh_decimal_from_double(d, ret) ? SH_FITS : SH_OUT_OF_RANGE;
        if (k == SH_CHAR)
                return SH_NO_CAST;
        d = rint(d);
        if (!(d > -1e19 && d < 2e19))
                return SH_OUT_OF_RANGE;
        return from_int((__int128)d, k, ret);
}

static enum sh_why from_decimal(struct sv v, enum sh_kind k, struct sv *ret)
{
        if (k == SH_DECIMAL) {
                *ret = v;
                return SH_FITS;
        }
        if (k == SH_DOUBLE || k == SH_SINGLE)
                return from_double(sh_decimal_to_double(v), k, ret);
        if (k == SH_CHAR)
                return SH_NO_CAST;
        v = sh_decimal_round(v, 0, 0);
        if (v.hi)
                return SH_OUT_OF_RANGE;
        __int128 x = v.u;
        return from_int(v.aux >> 15 ? -x : x, k, ret);
}

/* Suffixed and hexadecimal texts; plain digits were tried before. */
static bool has_letters(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if ((s[i] | 32) >= 'a' && (s[i] | 32) <= 'z')
                        return true;
        return false;
}

static enum sh_why text_to_integer(const char *s, size_t n, enum sh_kind k, struct sv *ret)
{
        struct sv x;
        double d;
        if (sh_parse_number(s, n, &x))
                return sh_to_number(x, k, ret);
        if (!has_letters(s, n) && sh_parse_double(s, n, true, &d))
                return from_double(d, k, ret);
        return SH_BAD_FORMAT;
}

static enum sh_why text_to_real(const char *s, size_t n, enum sh_kind k, struct sv *ret)
{
        struct sv x;
        double d;
        if (k == SH_DECIMAL) {
                if (sh_decimal_parse(s, n, ret))
                        return SH_FITS;
                if (sh_parse_double(s, n, true, &d))
                        return SH_OUT_OF_RANGE;
        } else if (sh_parse_double(s, n, true, &d)) {
                return from_double(d, k, ret);
        }
        return has_letters(s, n) && sh_parse_number(s, n, &x) ? sh_to_number(x, k, ret) : SH_BAD_FORMAT;
}

static enum sh_why from_text(const char *s, size_t n, enum sh_kind k, struct sv *ret)
{
        if (k == SH_CHAR)
                return SH_NO_CAST;
        while (n && sh_cp_space((unsigned char)*s))
                s++, n--;
        while (n && sh_cp_space((unsigned char)s[n - 1]))
                n--;
        if (!n)
                return from_int(0, k, ret);
        return k >= SH_SINGLE ? text_to_real(s, n, k, ret) : text_to_integer(s, n, k, ret);
}

enum sh_why sh_to_number(struct sv v, enum sh_kind k, struct sv *ret)
{
        v = sh_unwrap(v);
        switch (v.kind) {
        case SH_NULL:
        case SH_VOID: return from_int(0, k, ret);
        case SH_BOOL: return k == SH_CHAR ? SH_NO_CAST : from_int(v.i, k, ret);
        case SH_CHAR: return k >= SH_SINGLE ? SH_NO_CAST : from_int((__int128)v.u, k, ret);
        case SH_SINGLE:
        case SH_DOUBLE: return from_double(v.d, k, ret);
        case SH_DECIMAL: return from_decimal(v, k, ret);
        case SH_UINT64: return from_int((__int128)v.u, k, ret);
        case SH_ENUM: return from_int((int32_t)v.hi, k, ret);
        case SH_STRING: return from_text(v.s->s, v.s->len, k, ret);
        case SH_OTHER: {
                struct sh_buf digits = { 0 };
                enum sh_why why = sh_bigint_text(v, &digits) ? from_text(digits.p, digits.n, k, ret) : SH_NO_CAST;
                sh_buf_free(&digits);
                return why;
        }
        default: return sh_is_int(v) ? from_int(v.i, k, ret) : SH_NO_CAST;
        }
}

bool sh_to_int64(struct sh *sh, struct sv v, int64_t *ret)
{
        (void)sh;
        struct sv r;
        if (v.kind == SH_INT32 || v.kind == SH_INT64) {
                *ret = v.i;
                return true;
        }
        if (sh_to_number(v, SH_INT64, &r) != SH_FITS)
                return false;
        *ret = r.i;
        return true;
}

bool sh_to_double(struct sh *sh, struct sv v, double *ret)
{
        (void)sh;
        struct sv r;
        if (v.kind == SH_CHAR)
                v.kind = SH_UINT16;
        if (sh_to_number(v, SH_DOUBLE, &r) != SH_FITS)
                return false;
        *ret = r.d;
        return true;
}

int sh_text_number(struct sh *sh, struct sv text, const struct sh_type *wanted, struct sv *ret)
{
        const char *s = text.s->s;
        size_t n = text.s->len, blank = 0;
        while (blank < n && sh_cp_space((unsigned char)s[blank]))
                blank++;
        if (blank == n) {
                *ret = sh_int(0);
                return SH_OK;
        }
        if (sh_parse_number(s, n, ret))
                return SH_OK;
        bool numeric = wanted && ((wanted->kind >= SH_SBYTE && wanted->kind <= SH_DECIMAL) || wanted->kind == SH_ENUM);
        return sh_convert(sh, text, numeric ? wanted : &sh_type_int, ret);
}
