/* SPDX-License-Identifier: MIT
 *
 * Small value types: [char], [guid], [version].
 */
#include "shell/dotnet.h"
#include "shell/fields.h"
#include "shell/types.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <utf8proc.h>

/* ---- [char] ---- */
static int char_at(struct sh *sh, struct sh_args a, uint16_t *ret)
{
        struct sv c;
        if (a.n == 2 && sh_args_at(a, 0).kind == SH_STRING) {
                if (sh_index(sh, a.v[0], a.v[1], &c) != SH_OK || c.kind != SH_CHAR)
                        return SH_NONE;
        } else if (a.n != 1 || !sh_try_convert(sh, a.v[0], &sh_type_char, &c)) {
                return SH_NONE;
        }
        *ret = (uint16_t)c.u;
        return SH_OK;
}
static int char_test(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        uint16_t c;
        if (char_at(sh, a, &c) != SH_OK)
                return SH_NONE;
        utf8proc_category_t k = utf8proc_category(c);
        bool letter = k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO,
             digit = k == UTF8PROC_CATEGORY_ND, yes = false;
        switch (sh_member_arg(sh)) {
        case 'd': yes = digit; break;
        case 'l': yes = letter; break;
        case 'a': yes = letter || digit; break;
        case 'u': yes = k == UTF8PROC_CATEGORY_LU; break;
        case 'o': yes = k == UTF8PROC_CATEGORY_LL; break;
        case 'w':
                yes = (k >= UTF8PROC_CATEGORY_ZS && k <= UTF8PROC_CATEGORY_ZP) || (c >= 9 && c <= 13) ||
                      c == 0x85;
                break;
        case 'p': yes = k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO; break;
        case 's': yes = k >= UTF8PROC_CATEGORY_SM && k <= UTF8PROC_CATEGORY_SO; break;
        case 'n': yes = k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO; break;
        case 'S': yes = k >= UTF8PROC_CATEGORY_ZS && k <= UTF8PROC_CATEGORY_ZP; break;
        case 'x': yes = c >= 0xd800 && c <= 0xdfff; break;
        case 'h': yes = c >= 0xd800 && c <= 0xdbff; break;
        case 'L': yes = c >= 0xdc00 && c <= 0xdfff; break;
        case 'A': yes = c < 128; break;
        case '0': yes = c >= '0' && c <= '9'; break;
        case '1': yes = c < 128 && isalpha(c); break;
        case '2': yes = c < 128 && isalnum(c); break;
        case '3': yes = c < 128 && isxdigit(c); break;
        case '4': yes = c < 128 && isupper(c); break;
        case '5': yes = c < 128 && islower(c); break;
        default: yes = k == UTF8PROC_CATEGORY_CC;
        }
        *ret = sh_bool(yes);
        return SH_OK;
}
SH_ENUM_TYPE(category_enum, "System.Globalization.UnicodeCategory", false, { "UppercaseLetter", 0 },
             { "LowercaseLetter", 1 }, { "TitlecaseLetter", 2 }, { "ModifierLetter", 3 },
             { "OtherLetter", 4 }, { "NonSpacingMark", 5 }, { "SpacingCombiningMark", 6 },
             { "EnclosingMark", 7 }, { "DecimalDigitNumber", 8 }, { "LetterNumber", 9 },
             { "OtherNumber", 10 }, { "SpaceSeparator", 11 }, { "LineSeparator", 12 },
             { "ParagraphSeparator", 13 }, { "Control", 14 }, { "Format", 15 }, { "Surrogate", 16 },
             { "PrivateUse", 17 }, { "ConnectorPunctuation", 18 }, { "DashPunctuation", 19 },
             { "OpenPunctuation", 20 }, { "ClosePunctuation", 21 }, { "InitialQuotePunctuation", 22 },
             { "FinalQuotePunctuation", 23 }, { "OtherPunctuation", 24 }, { "MathSymbol", 25 },
             { "CurrencySymbol", 26 }, { "ModifierSymbol", 27 }, { "OtherSymbol", 28 },
             { "OtherNotAssigned", 29 });
static int char_category(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        static const uint8_t categories[] = { 29, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 18, 19, 20,
                                              21, 22, 23, 24, 25, 26, 27, 28, 11, 12, 13, 14, 15, 16, 17 };
        uint16_t c;
        if (char_at(sh, a, &c) != SH_OK)
                return SH_NONE;
        utf8proc_category_t k = c >= 0xd800 && c <= 0xdfff ? UTF8PROC_CATEGORY_CS : utf8proc_category(c);
        *ret = sh_enum_value(&category_enum, categories[k]);
        return SH_OK;
}
/* ConvertFromUtf32(code), ConvertToUtf32(text, index) or (high, low) */
static int char_utf32(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int32_t code, at = 0;
        struct sv s = sh_args_at(a, 0), low = sh_args_at(a, 1);
        struct sh_buf b = { 0 };
        if (sh_member_arg(sh) == 'f') {
                if (a.n != 1 || !sh_args_i32(sh, a, 0, &code))
                        return SH_NONE;
                if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                        return sh_throw_range(sh, a, "utf32",
                                              "A valid UTF32 value is between 0x000000 and 0x10ffff, "
                                              "inclusive, and should not "
                                              "include surrogate codepoint values (0x00d800 ~ 0x00dfff).");
                sh_buf_cp(&b, (uint32_t)code);
                *ret = sh_buf_take(&b);
                sh_buf_free(&b);
                return SH_OK;
        }
        uint16_t h, l = 0;
        if (a.n != 2)
                return SH_NONE;
        if (s.kind == SH_STRING && s.s->units > 1 && sh_args_i32(sh, a, 1, &at)) {
                if (at < 0 || (uint32_t)at >= s.s->units)
                        return sh_throw_range(
                                sh, a, "index",
                                "Index was out of range. Must be non-negative and less than the "
                                "size of the collection.");
                h = sh_unit_at(s.s, (uint32_t)at);
                l = (uint32_t)at + 1 < s.s->units ? sh_unit_at(s.s, (uint32_t)at + 1) : 0;
        } else if (s.kind == SH_STRING && s.s->units == 1 && sh_is_number(low)) {
                h = sh_unit_at(s.s, 0);
        } else {
                struct sv x, y;
                if (!sh_try_convert(sh, s, &sh_type_char, &x) || !sh_try_convert(sh, low, &sh_type_char, &y))
                        return SH_NONE;
                h = (uint16_t)x.u;
                l = (uint16_t)y.u;
        }
        bool pair = h >= 0xd800 && h <= 0xdbff && l >= 0xdc00 && l <= 0xdfff;
        *ret = sh_int(pair ? 0x10000 + ((h - 0xd800) << 10) + (l - 0xdc00) : h);
        return SH_OK;
}
static int char_between(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv x, low, high;
        if (a.n != 3 || !sh_try_convert(sh, a.v[0], &sh_type_char, &x) ||
            !sh_try_convert(sh, a.v[1], &sh_type_char, &low) ||
            !sh_try_convert(sh, a.v[2], &sh_type_char, &high))
                return SH_NONE;
        *ret = sh_bool(x.u >= low.u && x.u <= high.u);
        return SH_OK;
}
static int char_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv s = sh_args_at(a, 0);
        bool try = sh_member_arg(sh);
        if (a.n != 1u + try)
                return SH_NONE;
        bool good = s.kind == SH_STRING && s.s->units == 1;
        struct sv c = good ? sh_char(sh_unit_at(s.s, 0)) : sh_char(0);
        if (try) {
                *ret = sh_bool(good);
                return sh_ref_set(sh, a.v[1], c);
        }
        *ret = c;
        return good ? SH_OK
                    : sh_throw_member(sh, a, "System.FormatException",
                                      "String must be exactly one character long.");
}
static int char_case(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        uint16_t c;
        if (char_at(sh, a, &c) != SH_OK)
                return SH_NONE;
        *ret = sh_char((uint16_t)(sh_member_arg(sh) ? utf8proc_toupper(c) : utf8proc_tolower(c)));
        return SH_OK;
}
static int char_number(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        uint16_t c;
        if (char_at(sh, a, &c) != SH_OK)
                return SH_NONE;
        *ret = sh_double(c >= '0' && c <= '9' ? c - '0' : -1);
        return SH_OK;
}
static int char_text_of(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        *ret = sh_to_text(sh, self);
        return SH_OK;
}
static int char_compare_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        uint16_t c;
        if (char_at(sh, a, &c) != SH_OK)
                return SH_NONE;
        *ret = sh_int((int)self.u - c);
        return SH_OK;
}
static int char_limit(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_char((uint16_t)sh_member_arg(sh));
        return SH_OK;
}
#define TEST(name, what) SH_SM(name, "static bool " name "(char c)", char_test, what)
static const struct sh_member char_members[] = {
        SH_M("CompareTo", "int CompareTo(char value)", char_compare_to),
        SH_M("ToString", "string ToString()", char_text_of),
        TEST("IsDigit", 'd'),
        TEST("IsLetter", 'l'),
        TEST("IsLetterOrDigit", 'a'),
        TEST("IsUpper", 'u'),
        TEST("IsLower", 'o'),
        TEST("IsWhiteSpace", 'w'),
        TEST("IsPunctuation", 'p'),
        TEST("IsSymbol", 's'),
        TEST("IsNumber", 'n'),
        TEST("IsControl", 'c'),
        TEST("IsSeparator", 'S'),
        TEST("IsSurrogate", 'x'),
        TEST("IsHighSurrogate", 'h'),
        TEST("IsLowSurrogate", 'L'),
        TEST("IsAscii", 'A'),
        TEST("IsAsciiDigit", '0'),
        TEST("IsAsciiLetter", '1'),
        TEST("IsAsciiLetterOrDigit", '2'),
        TEST("IsAsciiHexDigit", '3'),
        TEST("IsAsciiLetterUpper", '4'),
        TEST("IsAsciiLetterLower", '5'),
        SH_SM("IsBetween", "static bool IsBetween(char c, char minInclusive, char maxInclusive)",
              char_between),
        SH_SM("GetUnicodeCategory", "static System.Globalization.UnicodeCategory GetUnicodeCategory(char c)",
              char_category),
        SH_SM("ConvertFromUtf32", "static string ConvertFromUtf32(int utf32)", char_utf32, 'f'),
        SH_SM("ConvertToUtf32", "static int ConvertToUtf32(string s, int index)", char_utf32, 't'),
        SH_SM("Parse", "static char Parse(string s)", char_parse, 0),
        SH_SM("TryParse", "static bool TryParse(string s, [ref] char result)", char_parse, 1),
        SH_SM("ToUpper", "static char ToUpper(char c)", char_case, 1),
        SH_SM("ToLower", "static char ToLower(char c)", char_case, 0),
        SH_SM("ToUpperInvariant", "static char ToUpperInvariant(char c)", char_case, 1),
        SH_SM("ToLowerInvariant", "static char ToLowerInvariant(char c)", char_case, 0),
        SH_SM("GetNumericValue", "static double GetNumericValue(char c)", char_number),
        SH_SP("MaxValue", "static char MaxValue {get;}", char_limit, 0xffff),
        SH_SP("MinValue", "static char MinValue {get;}", char_limit, 0),
};
static int char_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        int64_t code;
        from = sh_unwrap(from);
        if (from.kind == SH_STRING && from.s->units == 1) {
                utf8proc_int32_t c = 0;
                utf8proc_iterate((const utf8proc_uint8_t *)from.s->s, from.s->len, &c);
                *ret = sh_char((uint16_t)c);
                return SH_OK;
        }
        if (from.kind == SH_STRING)
                return sh_throw_cast(sh, "InvalidCastParseTargetInvocation", from, t,
                                     "String must be exactly one character long.");
        if (sh_is_int(from) && sh_to_int64(sh, from, &code)) {
                if (code < 0 || code > 0xffff)
                        return sh_throw_cast(sh, "InvalidCastIConvertible", from, t,
                                             "Value was either too large or too small for a character.");
                *ret = sh_char((uint16_t)code);
                return SH_OK;
        }
        return SH_NONE;
}
const struct sh_type sh_type_char = { .name = "System.Char",
                                      .accelerator = "char",
                                      .base = &sh_type_valuetype,
                                      SH_MEMBERS(char_members),
                                      .convert = char_convert,
                                      .kind = SH_CHAR };

/* ---- [guid] ---- */
struct guid {
        struct sh_obj obj;
        uint8_t b[16]; /* in the order of the text */
};
static struct guid *guid_of(struct sv v)
{
        return (struct guid *)v.o;
}
static void guid_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        for (int i = 0; i < 16; i++)
                sh_buf_putf(b, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                            guid_of(self)->b[i]);
}
static bool guid_parse(const char *s, size_t n, struct sv *ret)
{
        uint8_t b[16];
        size_t digits = 0;
        while (n && isspace((unsigned char)*s))
                s++, n--;
        while (n && isspace((unsigned char)s[n - 1]))
                n--;
        if (n > 1 && ((s[0] == '{' && s[n - 1] == '}') || (s[0] == '(' && s[n - 1] == ')')))
                s++, n -= 2;
        if (n != 32 && n != 36)
                return false;
        for (size_t i = 0; i < n; i++) {
                if (n == 36 && (i == 8 || i == 13 || i == 18 || i == 23)) {
                        if (s[i] != '-')
                                return false;
                        continue;
                }
                if (!isxdigit((unsigned char)s[i]))
                        return false;
                int v = isdigit((unsigned char)s[i]) ? s[i] - '0' : (s[i] | 32) - 'a' + 10;
                b[digits / 2] = (uint8_t)(digits % 2 ? (b[digits / 2] << 4 | v) : v);
                digits++;
        }
        *ret = sh_other_new(&sh_type_guid, sizeof(struct guid));
        memcpy(guid_of(*ret)->b, b, 16);
        return true;
}
static int guid_new(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_other_new(&sh_type_guid, sizeof(struct guid));
        uint8_t *b = guid_of(*ret)->b;
        if (sh_member_arg(sh) && getrandom(b, 16, 0) == 16) {
                b[6] = (uint8_t)((b[6] & 15) | 0x40);
                b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
        }
        return SH_OK;
}
static int guid_to_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        struct sv f = a.n ? sh_args_at(a, 0) : SH_NIL;
        int st = SH_OK;
        if (f.kind == SH_STRING && f.s->len)
                st = sh_format_value(sh, self, f.s->s, f.s->len, &b);
        else
                guid_text(sh, self, &b);
        *ret = st == SH_OK ? sh_buf_take(&b) : SH_NIL;
        return st;
}
static int guid_static_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t = sh_args_at(a, 0), v = SH_NIL;
        if (!a.n || t.kind != SH_STRING)
                return SH_NONE;
        bool good = guid_parse(t.s->s, t.s->len, &v);
        if (sh_member_arg(sh)) {
                int st = a.n < 2 ? SH_NONE : sh_ref_set(sh, a.v[1], v);
                sh_drop(v);
                *ret = sh_bool(good);
                return st;
        }
        if (!good)
                return sh_throw_member(sh, a, "System.FormatException", "Unrecognized Guid format.");
        *ret = v;
        return SH_OK;
}
static int guid_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        struct sv s = sh_args_at(a, 0);
        if (a.n == 0) {
                *ret = sh_other_new(&sh_type_guid, sizeof(struct guid));
                return SH_OK;
        }
        if (s.kind != SH_STRING)
                return SH_NONE;
        return guid_parse(s.s->s, s.s->len, ret)
                       ? SH_OK
                       : sh_throw_member(sh, a, "System.FormatException", "Unrecognized Guid format.");
}
static int guid_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        from = sh_unwrap(from);
        if (from.kind != SH_STRING)
                return SH_NONE;
        return guid_parse(from.s->s, from.s->len, ret) ? SH_OK
                                                       : sh_throw_cast(sh, "InvalidCastParseTargetInvocation",
                                                                       from, t, "Unrecognized Guid format.");
}
static bool guid_equals(struct sv a, struct sv b)
{
        return b.kind == SH_OTHER && b.o->type == &sh_type_guid && !memcmp(guid_of(a)->b, guid_of(b)->b, 16);
}
static uint32_t guid_hash(struct sv v)
{
        uint32_t h;
        memcpy(&h, guid_of(v)->b, 4);
        return h;
}
static int guid_compare(struct sh *sh, struct sv a, struct sv b, int *ret)
{
        struct sv x;
        if (!sh_try_convert(sh, b, &sh_type_guid, &x))
                return SH_NONE;
        *ret = memcmp(guid_of(a)->b, guid_of(x)->b, 16);
        sh_drop(x);
        return SH_OK;
}
static int guid_property(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        return guid_to_string(sh, self, a, ret);
}
static const struct sh_member guid_members[] = {
        SH_P("Guid", "string Guid {get;}", guid_property),
        SH_M("ToString", "string ToString(), string ToString(string format)", guid_to_string),
        SH_SM("NewGuid", "static guid NewGuid()", guid_new, 1),
        SH_SP("Empty", "static guid Empty {get;}", guid_new, 0),
        SH_SM("Parse", "static guid Parse(string input)", guid_static_parse, 0),
        SH_SM("TryParse", "static bool TryParse(string input, [ref] guid result)", guid_static_parse, 1),
};
const struct sh_type sh_type_guid = { .name = "System.Guid",
                                      .accelerator = "guid",
                                      .base = &sh_type_valuetype,
                                      SH_MEMBERS(guid_members),
                                      .text = guid_text,
                                      .compare = guid_compare,
                                      .equals = guid_equals,
                                      .hash = guid_hash,
                                      .convert = guid_convert,
                                      .construct = guid_construct };

/* ---- [version]: four fields, -1 = not given ---- */
static struct sv version_new(const int64_t *v)
{
        struct sv r = sh_fields_new(&sh_type_version, 4);
        for (uint32_t i = 0; i < 4; i++)
                *sh_field(r, i) = sh_int((int32_t)v[i]);
        return r;
}
/* NULL, or what is wrong. */
static const char *version_parse(const char *s, size_t n, struct sv *ret)
{
        int64_t v[4] = { -1, -1, -1, -1 };
        unsigned k = 0;
        for (size_t i = 0; i <= n; i++) {
                if (i < n && isdigit((unsigned char)s[i]) && k < 4) {
                        v[k] = (v[k] < 0 ? 0 : v[k] * 10) + s[i] - '0';
                        if (v[k] > INT32_MAX)
                                return "Value was either too large or too small for an Int32.";
                } else if (i == n || s[i] == '.') {
                        if (k > 3 || v[k] < 0)
                                return k > 3 ? "Version string portion was too short or too long."
                                             : "The input string was not in a correct format.";
                        k++;
                } else {
                        return k > 3 ? "Version string portion was too short or too long."
                                     : "The input string was not in a correct format.";
                }
        }
        if (k < 2)
                return "Version string portion was too short or too long. (Parameter 'input')";
        *ret = version_new(v);
        return NULL;
}
static void version_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        for (uint32_t i = 0; i < 4 && sh_field(self, i)->i >= 0; i++)
                sh_buf_putf(b, "%s%lld", i ? "." : "", (long long)sh_field(self, i)->i);
}
static int version_to_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int32_t n = 4;
        struct sh_buf b = { 0 };
        if (a.n && !sh_args_i32(sh, a, 0, &n))
                return SH_NONE;
        for (int32_t i = 0; i < n && sh_field(self, (uint32_t)i)->i >= 0; i++)
                sh_buf_putf(&b, "%s%lld", i ? "." : "", (long long)sh_field(self, (uint32_t)i)->i);
        *ret = sh_buf_take(&b);
        return SH_OK;
}
static int version_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        from = sh_unwrap(from);
        if (sh_is_number(from)) {
                struct sv text = sh_to_text(sh, from);
                const char *why = version_parse(text.s->s, text.s->len, ret);
                int st = why ? sh_throw_cast(sh, "InvalidCastParseTargetInvocation", from, t, "%s", why)
                             : SH_OK;
                sh_drop(text);
                return st;
        }
        if (from.kind == SH_OTHER &&
            !strcmp(from.o->type->name, "System.Management.Automation.SemanticVersion")) {
                *ret = version_new(
                        (int64_t[]) { sh_field(from, 0)->i, sh_field(from, 1)->i, sh_field(from, 2)->i, -1 });
                return SH_OK;
        }
        if (from.kind != SH_STRING)
                return SH_NONE;
        const char *why = version_parse(from.s->s, from.s->len, ret);
        return why ? sh_throw_cast(sh, "InvalidCastParseTargetInvocation", from, t, "%s", why) : SH_OK;
}
static int version_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        int64_t v[4] = { a.n ? -1 : 0, a.n ? -1 : 0, -1, -1 };
        struct sv s = sh_args_at(a, 0);
        if (a.n == 1 && s.kind == SH_STRING)
                return version_convert(sh, t, s, ret);
        if (a.n == 1 || a.n > 4)
                return SH_NONE;
        for (uint32_t i = 0; i < a.n; i++)
                if (!sh_to_int64(sh, a.v[i], &v[i]))
                        return SH_NONE;
        *ret = version_new(v);
        return SH_OK;
}
static int version_compare(struct sh *sh, struct sv a, struct sv b, int *ret)
{
        struct sv x;
        if (!sh_try_convert(sh, b, &sh_type_version, &x))
                return SH_NONE;
        *ret = 0;
        for (uint32_t i = 0; i < 4 && !*ret; i++)
                *ret = (sh_field(a, i)->i > sh_field(x, i)->i) - (sh_field(a, i)->i < sh_field(x, i)->i);
        sh_drop(x);
        return SH_OK;
}
static bool version_equals(struct sv a, struct sv b)
{
        int c = 1;
        return b.kind == SH_OTHER && b.o->type == &sh_type_version &&
               version_compare(NULL, a, b, &c) == SH_OK && c == 0;
}
static uint32_t version_hash(struct sv v)
{
        return (uint32_t)(sh_field(v, 0)->i * 1000003 + sh_field(v, 1)->i * 8191 + sh_field(v, 2)->i * 31 +
                          sh_field(v, 3)->i);
}
static int version_compare_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int c;
        if (a.n != 1 || version_compare(sh, self, a.v[0], &c) != SH_OK)
                return SH_NONE;
        *ret = sh_int(c);
        return SH_OK;
}
static int version_static_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t = sh_args_at(a, 0), v = SH_NIL;
        if (!a.n || t.kind != SH_STRING)
                return SH_NONE;
        const char *why = version_parse(t.s->s, t.s->len, &v);
        if (sh_member_arg(sh)) {
                int st = a.n < 2 ? SH_NONE : sh_ref_set(sh, a.v[1], v);
                sh_drop(v);
                *ret = sh_bool(!why);
                return st;
        }
        *ret = v;
        return why ? sh_throw_member(sh, a, "System.ArgumentException", "%s", why) : SH_OK;
}
/* The halves of Revision, as some versions number them. */
static int version_half(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        int32_t revision = (int32_t)sh_field(self, 3)->i;
        *ret = (struct sv) { .kind = SH_INT16, .i = (int16_t)(revision >> sh_member_arg(sh)) };
        return SH_OK;
}
static const struct sh_member version_members[] = {
        SH_FIELD(0, "Major", "int Major {get;}"),
        SH_FIELD(1, "Minor", "int Minor {get;}"),
        SH_FIELD(2, "Build", "int Build {get;}"),
        SH_FIELD(3, "Revision", "int Revision {get;}"),
        SH_P("MajorRevision", "short MajorRevision {get;}", version_half, 16),
        SH_P("MinorRevision", "short MinorRevision {get;}", version_half, 0),
        SH_M("CompareTo", "int CompareTo(version value)", version_compare_to),
        SH_M("ToString", "string ToString(), string ToString(int fieldCount)", version_to_string),
        SH_SM("Parse", "static version Parse(string input)", version_static_parse, 0),
        SH_SM("TryParse", "static bool TryParse(string input, [ref] version result)", version_static_parse,
              1),
};
const struct sh_type sh_type_version = { .name = "System.Version",
                                         .accelerator = "version",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(version_members),
                                         .text = version_text,
                                         .compare = version_compare,
                                         .equals = version_equals,
                                         .hash = version_hash,
                                         .convert = version_convert,
                                         .construct = version_construct,
                                         .free = sh_fields_free };

SH_TYPES(small, &sh_type_char, &category_enum.type, &sh_type_guid, &sh_type_version);
