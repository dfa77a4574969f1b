/* SPDX-License-Identifier: MIT
 *
 * What scripts use of .NET beside values: [convert], StringBuilder.
 */
#include "shell/code.h"
#include "shell/datetime.h"
#include "shell/library.h"
#include "shell/types.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- [convert] ---- */
static const char digit_set[] = "0123456789abcdef";
static int convert_number(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        const struct sh_type *t = (const struct sh_type *)sh_member_arg(sh);
        int32_t base;
        struct sv s = sh_args_at(a, 0);
        if (a.n == 2 && s.kind == SH_STRING && sh_args_i32(sh, a, 1, &base)) {
                char *end;
                if (base != 2 && base != 8 && base != 10 && base != 16)
                        return sh_throw_argument(sh, a, "Invalid Base.");
                const char *text = s.s->s;
                if (base == 2 && (text[0] == '0') && (text[1] | 32) == 'b')
                        text += 2;
                errno = 0;
                unsigned long long u = strtoull(text, &end, base);
                if (*end || !*text)
                        return sh_throw_member(sh, a, "System.FormatException",
                                               *text ? "Could not find any recognizable digits."
                                                     : "Index was out of range.");
                int bits = t == &sh_type_int || t == &sh_type_uint       ? 32
                           : t == &sh_type_short || t == &sh_type_ushort ? 16
                           : t == &sh_type_byte || t == &sh_type_sbyte   ? 8
                                                                         : 64;
                bool is_signed =
                        t == &sh_type_int || t == &sh_type_short || t == &sh_type_sbyte || t == &sh_type_long;
                if (errno || (bits < 64 && u >> bits && base != 10))
                        return sh_throw_member(sh, a, "System.OverflowException",
                                               "Value was either too large or too small for %s.",
                                               sh_range_message((enum sh_kind)t->kind));
                int64_t i = (int64_t)u;
                if (is_signed && base != 10 && bits < 64)
                        i = (int64_t)(u << (64 - bits)) >> (64 - bits);
                return sh_convert(sh, is_signed ? sh_long(i) : sh_ulong(u), t, ret);
        }
        if (a.n < 1)
                return SH_NONE;
        if (sh_is_null(s)) {
                *ret = sh_default_value(t);
                return SH_OK;
        }
        if (sh_try_convert(sh, s, t, ret))
                return SH_OK;
        struct sv text = sh_to_text(sh, s), number;
        if (t->kind >= SH_SBYTE && t->kind <= SH_DECIMAL &&
            sh_to_number(s, (enum sh_kind)t->kind, &number) == SH_OUT_OF_RANGE) {
                sh_drop(text);
                return sh_throw_member(sh, a, "System.OverflowException",
                                       "Value was either too large or too small for %s.",
                                       sh_range_message((enum sh_kind)t->kind));
        }
        int st = sh_throw_member(sh, a, "System.FormatException",
                                 t == &sh_type_bool ? "String '%s' was not recognized as a valid Boolean."
                                                    : "The input string '%s' was not in a correct format.",
                                 text.s->s);
        sh_drop(text);
        return st;
}
static int convert_bool(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv s = sh_args_at(a, 0);
        if (a.n < 1)
                return SH_NONE;
        if (s.kind != SH_STRING) {
                *ret = sh_bool(sh_true(s));
                return SH_OK;
        }
        if (!strcasecmp(s.s->s, "true") || !strcasecmp(s.s->s, "false")) {
                *ret = sh_bool((s.s->s[0] | 32) == 't');
                return SH_OK;
        }
        return sh_throw_member(sh, a, "System.FormatException",
                               "String '%s' was not recognized as a valid Boolean.", s.s->s);
}
static int convert_text(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int32_t base = 0;
        int64_t i;
        struct sv s = sh_args_at(a, 0);
        if (a.n == 2 && sh_is_int(s) && sh_args_i32(sh, a, 1, &base) && sh_to_int64(sh, s, &i) &&
            (base == 2 || base == 8 || base == 16)) {
                char buf[72];
                size_t at = sizeof buf;
                int bits = s.kind == SH_INT32 || s.kind == SH_UINT32 ? 32
                           : s.kind == SH_INT16                      ? 16
                           : s.kind == SH_BYTE                       ? 8
                                                                     : 64;
                uint64_t u = bits < 64 ? (uint64_t)i & ((UINT64_C(1) << bits) - 1) : (uint64_t)i;
                do
                        buf[--at] = digit_set[u % (uint64_t)base];
                while (u /= (uint64_t)base);
                *ret = sh_string(buf + at, sizeof buf - at);
                return SH_OK;
        }
        if (a.n < 1)
                return SH_NONE;
        if (a.n == 2 && sh_is_int(s) && sh_args_at(a, 1).kind == SH_INT32)
                return base == 10 ? (*ret = sh_to_text(sh, s), SH_OK)
                                  : sh_throw_argument(sh, a, "Invalid Base. (Parameter 'toBase')");
        *ret = sh_to_text(sh, s);
        return SH_OK;
}
static const char base64_set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
SH_ENUM_TYPE(base64_enum, "System.Base64FormattingOptions", true, { "None", 0 }, { "InsertLineBreaks", 1 });
/* (bytes), (bytes, options), (bytes, offset, length) */
static bool part_of(struct sh *sh, struct sh_args a, struct sh_buf *b)
{
        int64_t at, n;
        if (!sh_bytes_of(sh, sh_args_at(a, 0), b))
                return false;
        if (a.n < 3)
                return true;
        if (!sh_args_int(sh, a, 1, &at) || !sh_args_int(sh, a, 2, &n) || at < 0 || n < 0 ||
            (size_t)(at + n) > b->n)
                return false;
        memmove(b->p, b->p + at, (size_t)n);
        b->n = (size_t)n;
        return true;
}
static int to_base64(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 }, out = { 0 };
        int32_t lines = 0;
        if (a.n < 1 || a.n > 3 || !part_of(sh, a, &b) ||
            (a.n == 2 && !sh_args_enum(sh, a, 1, &base64_enum, &lines))) {
                sh_buf_free(&b);
                return SH_NONE;
        }
        for (size_t i = 0; i < b.n; i += 3) {
                uint32_t x = (uint32_t)(unsigned char)b.p[i] << 16 |
                             (i + 1 < b.n ? (uint32_t)(unsigned char)b.p[i + 1] << 8 : 0) |
                             (i + 2 < b.n ? (unsigned char)b.p[i + 2] : 0u);
                char c[4] = { base64_set[x >> 18], base64_set[x >> 12 & 63],
                              i + 1 < b.n ? base64_set[x >> 6 & 63] : '=',
                              i + 2 < b.n ? base64_set[x & 63] : '=' };
                if (lines && i && i % 57 == 0) /* 76 characters */
                        sh_buf_put(&out, "\r\n", 2);
                sh_buf_put(&out, c, 4);
        }
        sh_buf_free(&b);
        *ret = sh_buf_take(&out);
        sh_buf_free(&out);
        return SH_OK;
}
static int from_base64(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv s = sh_args_at(a, 0);
        struct sh_buf out = { 0 };
        uint32_t x = 0, n = 0, pad = 0;
        bool bad = false;
        if (a.n != 1 || s.kind != SH_STRING)
                return SH_NONE;
        for (size_t i = 0; i < s.s->len && !bad; i++) {
                const char *at = strchr(base64_set, s.s->s[i]);
                if (strchr(" \t\r\n", s.s->s[i]))
                        continue;
                if (s.s->s[i] == '=')
                        pad++, x <<= 6;
                else if (!at || pad)
                        bad = true;
                else
                        x = x << 6 | (uint32_t)(at - base64_set);
                if (++n % 4 == 0) {
                        char c[3] = { (char)(x >> 16), (char)(x >> 8), (char)x };
                        sh_buf_put(&out, c, 3 - (pad > 2 ? 2 : pad));
                        x = 0;
                }
        }
        if (bad || n % 4 || pad > 2) {
                sh_buf_free(&out);
                return sh_throw_member(
                        sh, a, "System.FormatException",
                        "The input is not a valid Base-64 string as it contains a non-base 64 character, "
                        "more than two padding characters, or an illegal character among the padding "
                        "characters.");
        }
        *ret = sh_bytes_new(out.p ? out.p : "", out.n);
        sh_buf_free(&out);
        return SH_OK;
}
static int to_hex(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 }, out = { 0 };
        if (a.n < 1 || !part_of(sh, a, &b)) {
                sh_buf_free(&b);
                return SH_NONE;
        }
        for (size_t i = 0; i < b.n; i++)
                sh_buf_putf(&out, sh_member_arg(sh) ? "%02x" : "%02X", (unsigned char)b.p[i]);
        sh_buf_free(&b);
        *ret = sh_buf_take(&out);
        sh_buf_free(&out);
        return SH_OK;
}
static int from_hex(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv s = sh_args_at(a, 0);
        struct sh_buf out = { 0 };
        if (a.n != 1 || s.kind != SH_STRING)
                return SH_NONE;
        if (s.s->len % 2)
                return sh_throw_member(
                        sh, a, "System.FormatException",
                        "The input is not a valid hex string as its length is not a multiple of 2.");
        for (uint32_t i = 0; i < s.s->len; i += 2) {
                unsigned v;
                char two[3] = { s.s->s[i], s.s->s[i + 1], 0 };
                if (!isxdigit((unsigned char)two[0]) || !isxdigit((unsigned char)two[1])) {
                        sh_buf_free(&out);
                        return sh_throw_member(
                                sh, a, "System.FormatException",
                                "The input is not a valid hex string as it contains a non-hex character.");
                }
                sscanf(two, "%x", &v);
                sh_buf_put(&out, (char[]) { (char)v }, 1);
        }
        *ret = sh_bytes_new(out.p, out.n);
        sh_buf_free(&out);
        return SH_OK;
}
static int change_type(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t;
        if (a.n < 2 || !sh_try_convert(sh, a.v[1], &sh_type_type, &t))
                return SH_NONE;
        const struct sh_type *to = sh_type_referred(t);
        sh_drop(t);
        if (sh_try_convert(sh, a.v[0], to, ret))
                return SH_OK;
        struct sv text = sh_to_text(sh, a.v[0]);
        int st = sh_throw_member(sh, a, "System.FormatException",
                                 "The input string '%s' was not in a correct format.", text.s->s);
        sh_drop(text);
        return st;
}
static int is_dbnull(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self;
        struct sv v = sh_args_at(a, 0);
        if (a.n != 1)
                return SH_NONE;
        *ret = sh_bool(v.kind == SH_OTHER && !strcmp(v.o->type->name, "System.DBNull"));
        return SH_OK;
}
#define TO(name, type) \
        SH_SM("To" name, "static " name " To" name "(System.Object value)", convert_number, (intptr_t)&type)
static const struct sh_member convert_members[] = {
        TO("Int32", sh_type_int),
        TO("Int64", sh_type_long),
        TO("Int16", sh_type_short),
        TO("UInt32", sh_type_uint),
        TO("UInt64", sh_type_ulong),
        TO("UInt16", sh_type_ushort),
        TO("Byte", sh_type_byte),
        TO("SByte", sh_type_sbyte),
        TO("Double", sh_type_double),
        TO("Single", sh_type_single),
        TO("Decimal", sh_type_decimal),
        TO("Char", sh_type_char),
        TO("DateTime", sh_type_datetime),
        SH_SM("ToBoolean", "static bool ToBoolean(System.Object value)", convert_bool),
        SH_SM("ToString",
              "static string ToString(System.Object value), static string ToString(int value, int toBase)",
              convert_text),
        SH_SM("ToBase64String", "static string ToBase64String(byte[] inArray)", to_base64),
        SH_SM("FromBase64String", "static byte[] FromBase64String(string s)", from_base64),
        SH_SM("ToHexString", "static string ToHexString(byte[] inArray)", to_hex, 0),
        SH_SM("ToHexStringLower", "static string ToHexStringLower(byte[] inArray)", to_hex, 1),
        SH_SM("FromHexString", "static byte[] FromHexString(string s)", from_hex),
        SH_SM("ChangeType", "static System.Object ChangeType(System.Object value, type conversionType)",
              change_type),
        SH_SM("IsDBNull", "static bool IsDBNull(System.Object value)", is_dbnull),
};
static const struct sh_type convert_type = { .name = "System.Convert",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(convert_members) };
/* ---- StringBuilder ---- */
struct builder {
        struct sh_obj obj;
        struct sh_buf b;
};
static const struct sh_type builder_type;
static struct sh_buf *text_of(struct sv v)
{
        return &((struct builder *)v.o)->b;
}
static int builder_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        *ret = sh_other_new(t, sizeof(struct builder));
        if (a.n && sh_args_is_text(a, 0))
                sh_buf_value(sh, text_of(*ret), a.v[0]);
        return SH_OK;
}
enum { B_APPEND, B_LINE, B_FORMAT, B_JOIN };
static int builder_append(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        intptr_t how = sh_member_arg(sh);
        int32_t count = 1;
        if (how == B_FORMAT) {
                struct sv f = sh_args_at(a, 0), r;
                if (a.n < 1 || f.kind != SH_STRING ||
                    sh_call_static(sh, &sh_type_string, "Format", 6, a, &r) != SH_OK)
                        return a.n < 1 ? SH_NONE : SH_ERROR;
                sh_buf_put(text_of(self), r.s->s, r.s->len);
                sh_drop(r);
        } else {
                if (a.n > 2 || (how == B_APPEND && !a.n))
                        return SH_NONE;
                if (a.n == 2 && !sh_args_i32(sh, a, 1, &count))
                        return SH_NONE;
                for (; a.n && count > 0; count--)
                        sh_buf_value(sh, text_of(self), a.v[0]);
                if (how == B_LINE)
                        sh_buf_put(text_of(self), "\n", 1);
        }
        *ret = sh_keep(self);
        return SH_OK;
}
static int builder_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_string(text_of(self)->p ? text_of(self)->p : "", text_of(self)->n);
        return SH_OK;
}
static int builder_length(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv s;
        builder_string(sh, self, a, &s);
        *ret = sh_int((int32_t)s.s->units);
        sh_drop(s);
        return SH_OK;
}
/* Shorter: the end goes; longer: NUL characters, as in .NET. */
static int builder_set_length(struct sh *sh, struct sv self, struct sv value)
{
        struct sh_buf *b = text_of(self);
        int64_t n;
        if (!sh_to_int64(sh, value, &n) || n < 0 || n > INT32_MAX)
                return sh_throw_inner(
                        sh, "System.Management.Automation.SetValueInvocationException",
                        "ExceptionWhenSetting", "NotSpecified", SH_NIL,
                        "Exception setting \"Length\": \"Specified argument was out of the range of valid "
                        "values.\"");
        struct sv s;
        builder_string(sh, self, (struct sh_args) { 0 }, &s);
        int64_t units = (int64_t)s.s->units;
        if (n < units) {
                struct sv part = sh_substring(s.s, 0, (uint32_t)n);
                b->n = 0;
                sh_buf_put(b, part.s->s, part.s->len);
                sh_drop(part);
        }
        sh_drop(s);
        for (; n > units; units++)
                sh_buf_put(b, "", 1);
        return SH_OK;
}
/* Insert, Remove, Replace: by the string's own methods. */
static int builder_edit(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv s, r;
        builder_string(sh, self, a, &s);
        int st = sh_call(sh, s, sh->member->name, strlen(sh->member->name), a, &r);
        sh_drop(s);
        if (st != SH_OK)
                return st;
        text_of(self)->n = 0;
        sh_buf_put(text_of(self), r.s->s, r.s->len);
        sh_drop(r);
        *ret = sh_keep(self);
        return SH_OK;
}
static int builder_clear(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        text_of(self)->n = 0;
        *ret = sh_keep(self);
        return SH_OK;
}
static void builder_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_buf_put(b, text_of(self)->p ? text_of(self)->p : "", text_of(self)->n);
}
static void builder_free(struct sh_obj *o)
{
        sh_buf_free(&((struct builder *)o)->b);
}
static const struct sh_member builder_members[] = {
        { "Length", SH_PROPERTY, false, "int Length {get;set;}", builder_length, builder_set_length },
        SH_P("Capacity", "int Capacity {get;}", builder_length),
        SH_M("Append", "System.Text.StringBuilder Append(System.Object value)", builder_append, B_APPEND),
        SH_M("AppendLine", "System.Text.StringBuilder AppendLine(string value)", builder_append, B_LINE),
        SH_M("AppendFormat", "System.Text.StringBuilder AppendFormat(string format, System.Object[] args)",
             builder_append, B_FORMAT),
        SH_M("Insert", "System.Text.StringBuilder Insert(int index, string value)", builder_edit),
        SH_M("Remove", "System.Text.StringBuilder Remove(int startIndex, int length)", builder_edit),
        SH_M("Replace", "System.Text.StringBuilder Replace(string oldValue, string newValue)", builder_edit),
        SH_M("Clear", "System.Text.StringBuilder Clear()", builder_clear),
        SH_M("ToString", "string ToString()", builder_string)
};
static const struct sh_type builder_type = { .name = "System.Text.StringBuilder",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(builder_members),
                                             .text = builder_text,
                                             .free = builder_free,
                                             .construct = builder_new };

SH_TYPES(misc, &convert_type, &base64_enum.type, &builder_type);
