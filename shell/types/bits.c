/* SPDX-License-Identifier: MIT
 *
 * [BitConverter]: numbers as bytes in this machine's order and back.
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/library.h"
#include "shell/types.h"

#include <string.h>

static int bits_text(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 }, out = { 0 };
        int64_t at = 0, n = -1;
        if (a.n < 1 || a.n > 3 || !sh_bytes_of(sh, sh_args_at(a, 0), &b) ||
            (a.n > 1 && !sh_args_int(sh, a, 1, &at)) || (a.n > 2 && !sh_args_int(sh, a, 2, &n))) {
                sh_buf_free(&b);
                return SH_NONE;
        }
        if (n < 0)
                n = (int64_t)b.n - at;
        int st = SH_OK;
        if (at < 0 || n < 0 || (uint64_t)(at + n) > b.n)
                st = sh_throw_range(sh, a, "startIndex",
                                    "Index was out of range. Must be non-negative and less than the size of "
                                    "the collection.");
        for (int64_t i = at; st == SH_OK && i < at + n; i++)
                sh_buf_putf(&out, i > at ? "-%02X" : "%02X", (unsigned char)b.p[i]);
        if (st == SH_OK)
                *ret = sh_buf_take(&out);
        sh_buf_free(&out);
        sh_buf_free(&b);
        return st;
}

static int bits_bytes(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self;
        struct sv v = sh_args_at(a, 0);
        float f = (float)v.d;
        if (a.n != 1)
                return SH_NONE;
        switch (v.kind) {
        case SH_BOOL: *ret = sh_bytes_new(&v.u, 1); break;
        case SH_SBYTE:
        case SH_BYTE: /* there is no overload for a byte: it becomes a short */
        case SH_CHAR:
        case SH_INT16:
        case SH_UINT16: *ret = sh_bytes_new(&v.u, 2); break;
        case SH_INT32:
        case SH_UINT32: *ret = sh_bytes_new(&v.u, 4); break;
        case SH_INT64:
        case SH_UINT64:
        case SH_DOUBLE: *ret = sh_bytes_new(&v.u, 8); break;
        case SH_SINGLE: *ret = sh_bytes_new(&f, 4); break;
        default: return SH_NONE;
        }
        return SH_OK;
}

/* arg: the kind that is read */
static int bits_read(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        static const uint8_t sizes[] = {
                [SH_BOOL] = 1,   [SH_CHAR] = 2,  [SH_INT16] = 2,  [SH_UINT16] = 2, [SH_INT32] = 4,
                [SH_UINT32] = 4, [SH_INT64] = 8, [SH_UINT64] = 8, [SH_SINGLE] = 4, [SH_DOUBLE] = 8
        };
        uint8_t kind = (uint8_t)sh_member_arg(sh), size = sizes[kind];
        struct sh_buf b = { 0 };
        int64_t at = 0;
        if (a.n < 1 || a.n > 2 || !sh_bytes_of(sh, sh_args_at(a, 0), &b) ||
            (a.n == 2 && !sh_args_int(sh, a, 1, &at))) {
                sh_buf_free(&b);
                return SH_NONE;
        }
        if (at < 0 || (uint64_t)at + size > b.n) {
                bool outside = at < 0 || (uint64_t)at >= b.n;
                sh_buf_free(&b);
                return outside ? sh_throw_range(sh, a, "startIndex",
                                                "Index was out of range. Must be non-negative and less than "
                                                "the size of the "
                                                "collection.")
                               : sh_throw_argument(
                                         sh, a,
                                         "Destination array is not long enough to copy all the items in the "
                                         "collection. Check array index and length. (Parameter 'value')");
        }
        struct sv v = { .kind = kind };
        memcpy(&v.u, b.p + at, size);
        sh_buf_free(&b);
        if (kind == SH_SINGLE) {
                float f;
                memcpy(&f, &v.u, 4);
                v.d = f;
        }
        if (kind == SH_INT16)
                v.i = (int16_t)v.u;
        if (kind == SH_INT32)
                v.i = (int32_t)v.u;
        if (kind == SH_BOOL)
                v.i = v.i != 0;
        *ret = v;
        return SH_OK;
}

static int bits_cast(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv v;
        bool to_double = sh_member_arg(sh);
        if (a.n != 1 || !sh_try_convert(sh, a.v[0], to_double ? &sh_type_long : &sh_type_double, &v))
                return SH_NONE;
        v.kind = to_double ? SH_DOUBLE : SH_INT64;
        *ret = v;
        return SH_OK;
}

static int bits_order(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        *ret = sh_bool(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
        return SH_OK;
}

#define READ(name, type, kind) \
        SH_SM(name, "static " type " " name "(byte[] value, int startIndex)", bits_read, kind)
static const struct sh_member bit_members[] = {
        SH_SM("ToString", "static string ToString(byte[] value)", bits_text),
        SH_SM("GetBytes", "static byte[] GetBytes(int value)", bits_bytes),
        READ("ToBoolean", "bool", SH_BOOL),
        READ("ToChar", "char", SH_CHAR),
        READ("ToInt16", "short", SH_INT16),
        READ("ToUInt16", "ushort", SH_UINT16),
        READ("ToInt32", "int", SH_INT32),
        READ("ToUInt32", "uint", SH_UINT32),
        READ("ToInt64", "long", SH_INT64),
        READ("ToUInt64", "ulong", SH_UINT64),
        READ("ToSingle", "float", SH_SINGLE),
        READ("ToDouble", "double", SH_DOUBLE),
        SH_SM("DoubleToInt64Bits", "static long DoubleToInt64Bits(double value)", bits_cast, 0),
        SH_SM("Int64BitsToDouble", "static double Int64BitsToDouble(long value)", bits_cast, 1),
        SH_SP("IsLittleEndian", "static bool IsLittleEndian {get;}", bits_order),
};
static const struct sh_type bit_type = { .name = "System.BitConverter",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(bit_members) };

SH_TYPES(bits, &bit_type);
