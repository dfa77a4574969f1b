/* SPDX-License-Identifier: MIT
 *
 * [System.Text.Encoding] and its classes over the encodings of files.
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/library.h"
#include "shell/stream_object.h"
#include "shell/types.h"

#include <strings.h>

struct encoding {
        struct sh_obj obj;
        enum sh_encoding e;
};
static const struct sh_type encoding_type, utf8_type, unicode_type, utf32_type, ascii_type, latin_type;
static const struct known {
        enum sh_encoding e;
        const struct sh_type *type;
        const char *property, *web, *title;
        int page;
} known[] = {
        { SH_ENC_UTF8_BOM, &utf8_type, "UTF8", "utf-8", "Unicode (UTF-8)", 65001 },
        { SH_ENC_UTF8, &utf8_type, "Default", "utf-8", "Unicode (UTF-8)", 65001 },
        { SH_ENC_UTF16, &unicode_type, "Unicode", "utf-16", "Unicode", 1200 },
        { SH_ENC_UTF16_BE, &unicode_type, "BigEndianUnicode", "utf-16BE", "Unicode (Big-Endian)", 1201 },
        { SH_ENC_UTF32, &utf32_type, "UTF32", "utf-32", "Unicode (UTF-32)", 12000 },
        { SH_ENC_UTF32_BE, &utf32_type, "", "utf-32BE", "Unicode (UTF-32 Big-Endian)", 12001 },
        { SH_ENC_ASCII, &ascii_type, "ASCII", "us-ascii", "US-ASCII", 20127 },
        { SH_ENC_LATIN1, &latin_type, "Latin1", "iso-8859-1", "Western European (ISO)", 28591 },
};
static const struct known *known_of(enum sh_encoding e)
{
        for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
                if (known[i].e == e)
                        return &known[i];
        return &known[1];
}
static struct sv encoding_new(enum sh_encoding e)
{
        struct sv r = sh_other_new(known_of(e)->type, sizeof(struct encoding));
        ((struct encoding *)r.o)->e = e;
        return r;
}
bool sh_encoding_value(struct sv v, enum sh_encoding *ret)
{
        v = sh_unwrap(v);
        if (v.kind != SH_OTHER || !sh_type_is(v.o->type, &encoding_type))
                return false;
        *ret = ((struct encoding *)v.o)->e;
        return true;
}
static enum sh_encoding of(struct sv v)
{
        return ((struct encoding *)v.o)->e;
}
/* sh_encode and sh_decode know UTF-8 without its mark only. */
static enum sh_encoding plain(enum sh_encoding e)
{
        return e == SH_ENC_UTF8_BOM ? SH_ENC_UTF8 : e;
}

static int encoding_static(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = encoding_new((enum sh_encoding)sh_member_arg(sh));
        return SH_OK;
}
static int encoding_find(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n < 1)
                return SH_NONE;
        struct sv s = sh_to_text(sh, a.v[0]);
        int64_t page = -1;
        if (sh_is_number(sh_args_at(a, 0)))
                sh_to_int64(sh, a.v[0], &page);
        for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
                if (!strcasecmp(known[i].web, s.s->s) || known[i].page == page ||
                    (known[i].e == SH_ENC_LATIN1 &&
                     (!strcasecmp(s.s->s, "latin1") || !strcasecmp(s.s->s, "windows-1252"))) ||
                    (known[i].e == SH_ENC_ASCII && !strcasecmp(s.s->s, "ascii"))) {
                        *ret = encoding_new(known[i].e);
                        sh_drop(s);
                        return SH_OK;
                }
        int st = sh_throw_member(
                sh, a, "System.ArgumentException",
                "'%s' is not a supported encoding name. For information on defining a custom encoding, see "
                "the documentation for the Encoding.RegisterProvider method. (Parameter 'name')",
                s.s->s);
        sh_drop(s);
        return st;
}
static int encoding_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        const struct known *k = known_of(of(self));
        struct sh_buf b = { 0 };
        switch (sh_member_arg(sh)) {
        case 'w': *ret = sh_text(k->web); break;
        case 't': *ret = sh_text(k->title); break;
        case 'p': *ret = sh_int(k->page); break;
        case 's': *ret = sh_bool(k->e == SH_ENC_ASCII || k->e == SH_ENC_LATIN1); break;
        default:
                sh_encode_bom(k->e, &b);
                *ret = sh_bytes_new(b.p, b.n);
                sh_buf_free(&b);
        }
        return SH_OK;
}
/* The text of a method: a string, or chars with a range. */
static bool text_of(struct sh *sh, struct sh_args a, struct sv *ret)
{
        struct sv v = sh_args_at(a, 0), item;
        size_t pos = 0;
        if (v.kind == SH_STRING || v.kind == SH_CHAR) {
                *ret = sh_to_text(sh, v);
                return true;
        }
        if (!sh_is_enumerable(v))
                return false;
        struct sh_buf b = { 0 };
        while (sh_next(v, &pos, &item)) {
                sh_buf_value(sh, &b, item);
                sh_drop(item);
        }
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        return true;
}
static int encoding_bytes(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv t;
        struct sh_buf b = { 0 };
        if (a.n != 1 || !text_of(sh, a, &t))
                return SH_NONE;
        sh_encode(plain(of(self)), t.s->s, t.s->len, &b);
        *ret = sh_member_arg(sh) ? sh_int((int32_t)b.n) : sh_bytes_new(b.p, b.n);
        sh_buf_free(&b);
        sh_drop(t);
        return SH_OK;
}
/* GetString and its kin keep a byte-order mark as a character, so it is hidden from sh_decode by a look of its own. */
static void decode(enum sh_encoding e, const char *p, size_t n, struct sh_buf *out)
{
        struct sh_buf mark = { 0 };
        sh_encode_bom(e == SH_ENC_UTF8 ? SH_ENC_UTF8_BOM : e, &mark);
        if (mark.n && n >= mark.n && !memcmp(p, mark.p, mark.n)) {
                sh_buf_puts(out, "\xEF\xBB\xBF");
                p += mark.n;
                n -= mark.n;
        }
        sh_buf_free(&mark);
        struct sh_buf text = { 0 };
        sh_decode(plain(e), p, n, &text);
        for (size_t i = 0; i < text.n;) { /* what is not UTF-8 becomes U+FFFD */
                unsigned len;
                uint32_t cp = sh_utf_next(text.p + i, text.n - i, &len);
                if (cp >= 0x110000)
                        sh_buf_puts(out, "\xEF\xBF\xBD");
                else
                        sh_buf_put(out, text.p + i, len);
                i += len;
        }
        sh_buf_free(&text);
}
static int encoding_text(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 }, out = { 0 };
        int64_t at = 0, n;
        int st = SH_OK;
        if ((a.n != 1 && a.n != 3) || !sh_bytes_of(sh, sh_args_at(a, 0), &b) ||
            (a.n == 3 && (!sh_args_int(sh, a, 1, &at) || !sh_args_int(sh, a, 2, &n)))) {
                sh_buf_free(&b);
                return SH_NONE;
        }
        if (a.n == 1)
                n = (int64_t)b.n;
        if (at < 0 || n < 0 || (uint64_t)(at + n) > b.n) {
                st = sh_throw_range(sh, a, "bytes",
                                    "Index and count must refer to a location within the buffer.");
        } else {
                decode(of(self), b.p ? b.p + at : "", (size_t)n, &out);
                struct sv text = sh_buf_take(&out);
                intptr_t what = sh_member_arg(sh);
                *ret = what == 'n' ? sh_int((int32_t)text.s->units) : sh_keep(text);
                if (what == 'c') {
                        sh_drop(*ret);
                        *ret = sh_array_typed(&sh_type_char, 0);
                        for (uint32_t i = 0; i < text.s->units; i++)
                                sh_array_take(ret->a, sh_char(sh_unit_at(text.s, i)));
                }
                sh_drop(text);
        }
        sh_buf_free(&out);
        sh_buf_free(&b);
        return st;
}
static int encoding_convert_bytes(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        enum sh_encoding from, to;
        struct sh_buf b = { 0 }, text = { 0 }, out = { 0 };
        if (a.n != 3 || !sh_encoding_value(a.v[0], &from) || !sh_encoding_value(a.v[1], &to) ||
            !sh_bytes_of(sh, sh_args_at(a, 2), &b)) {
                sh_buf_free(&b);
                return SH_NONE;
        }
        decode(from, b.p ? b.p : "", b.n, &text);
        sh_encode(plain(to), text.p ? text.p : "", text.n, &out);
        *ret = sh_bytes_new(out.p, out.n);
        sh_buf_free(&b);
        sh_buf_free(&text);
        sh_buf_free(&out);
        return SH_OK;
}
/* UTF8Encoding(mark), UnicodeEncoding(bigEndian, mark) */
static int encoding_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        bool first = false;
        if (a.n > 3 || (a.n && !sh_args_bool(sh, a, 0, &first)))
                return SH_NONE;
        enum sh_encoding e = t == &utf8_type      ? (first ? SH_ENC_UTF8_BOM : SH_ENC_UTF8)
                             : t == &unicode_type ? (first ? SH_ENC_UTF16_BE : SH_ENC_UTF16)
                             : t == &utf32_type   ? (first ? SH_ENC_UTF32_BE : SH_ENC_UTF32)
                             : t == &ascii_type   ? SH_ENC_ASCII
                                                  : SH_ENC_LATIN1;
        *ret = encoding_new(e);
        return SH_OK;
}
static void encoding_to_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_buf_puts(b, of(self) == SH_ENC_UTF8_BOM ? "System.Text.UTF8Encoding+UTF8EncodingSealed"
                                                   : self.o->type->name);
}
static bool encoding_equals(struct sv a, struct sv b)
{
        enum sh_encoding e;
        return sh_encoding_value(b, &e) && plain(e) == plain(of(a));
}
#define STATIC(name, e) SH_SP(name, "static System.Text.Encoding " name " {get;}", encoding_static, e)
static const struct sh_member encoding_members[] = {
        STATIC("UTF8", SH_ENC_UTF8_BOM),
        STATIC("Default", SH_ENC_UTF8),
        STATIC("Unicode", SH_ENC_UTF16),
        STATIC("BigEndianUnicode", SH_ENC_UTF16_BE),
        STATIC("UTF32", SH_ENC_UTF32),
        STATIC("ASCII", SH_ENC_ASCII),
        STATIC("Latin1", SH_ENC_LATIN1),
        SH_SM("GetEncoding", "static System.Text.Encoding GetEncoding(string name)", encoding_find),
        SH_SM("Convert",
              "static byte[] Convert(System.Text.Encoding src, System.Text.Encoding dst, byte[] bytes)",
              encoding_convert_bytes),
        SH_P("BodyName", "string BodyName {get;}", encoding_get, 'w'),
        SH_P("EncodingName", "string EncodingName {get;}", encoding_get, 't'),
        SH_P("HeaderName", "string HeaderName {get;}", encoding_get, 'w'),
        SH_P("WebName", "string WebName {get;}", encoding_get, 'w'),
        SH_P("IsSingleByte", "bool IsSingleByte {get;}", encoding_get, 's'),
        SH_P("CodePage", "int CodePage {get;}", encoding_get, 'p'),
        SH_M("GetPreamble", "byte[] GetPreamble()", encoding_get, 'b'),
        SH_M("GetBytes", "byte[] GetBytes(string s)", encoding_bytes, 0),
        SH_M("GetByteCount", "int GetByteCount(string s)", encoding_bytes, 1),
        SH_M("GetString", "string GetString(byte[] bytes)", encoding_text, 's'),
        SH_M("GetChars", "char[] GetChars(byte[] bytes)", encoding_text, 'c'),
        SH_M("GetCharCount", "int GetCharCount(byte[] bytes)", encoding_text, 'n'),
};
static const struct sh_type encoding_type = { .name = "System.Text.Encoding",
                                              .base = &sh_type_object,
                                              SH_MEMBERS(encoding_members),
                                              .text = encoding_to_text,
                                              .equals = encoding_equals };
#define ENCODING(var, full) \
        static const struct sh_type var = { .name = full, \
                                            .base = &encoding_type, \
                                            .text = encoding_to_text, \
                                            .equals = encoding_equals, \
                                            .construct = encoding_construct }
ENCODING(utf8_type, "System.Text.UTF8Encoding");
ENCODING(unicode_type, "System.Text.UnicodeEncoding");
ENCODING(utf32_type, "System.Text.UTF32Encoding");
ENCODING(ascii_type, "System.Text.ASCIIEncoding");
ENCODING(latin_type, "System.Text.Latin1Encoding");

SH_TYPES(encoding, &encoding_type, &utf8_type, &unicode_type, &utf32_type, &ascii_type, &latin_type);
