/* SPDX-License-Identifier: MIT
 *
 * Encodings of text files. Inside, text is UTF-8; bytes that are not stay themselves as long as the file is UTF-8 too.
 */
#include "shell/files.h"
#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>

static const struct {
        const char *name;
        enum sh_encoding encoding;
} names[] = {
        { "utf8", SH_ENC_UTF8 },
        { "utf8NoBOM", SH_ENC_UTF8 },
        { "utf-8", SH_ENC_UTF8 },
        { "default", SH_ENC_UTF8 },
        { "utf8BOM", SH_ENC_UTF8_BOM },
        { "unicode", SH_ENC_UTF16 },
        { "utf-16", SH_ENC_UTF16 },
        { "utf16", SH_ENC_UTF16 },
        { "bigendianunicode", SH_ENC_UTF16_BE },
        { "utf-16BE", SH_ENC_UTF16_BE },
        { "utf32", SH_ENC_UTF32 },
        { "utf-32", SH_ENC_UTF32 },
        { "bigendianutf32", SH_ENC_UTF32_BE },
        { "ascii", SH_ENC_ASCII },
        { "us-ascii", SH_ENC_ASCII },
        { "oem", SH_ENC_UTF8 },
        { "ansi", SH_ENC_LATIN1 },
        { "latin1", SH_ENC_LATIN1 },
        { "iso-8859-1", SH_ENC_LATIN1 },
        { "windows-1252", SH_ENC_LATIN1 },
        { "byte", SH_ENC_BYTES },
        { "65001", SH_ENC_UTF8 },
        { "1200", SH_ENC_UTF16 },
        { "1201", SH_ENC_UTF16_BE },
        { "20127", SH_ENC_ASCII },
        { "28591", SH_ENC_LATIN1 },
        { "1252", SH_ENC_LATIN1 },
        { "12000", SH_ENC_UTF32 },
        { "12001", SH_ENC_UTF32_BE },
};

int sh_encoding_of(struct sh_cmd *c, const char *param, enum sh_encoding *ret)
{
        struct sh *sh = sh_session(c);
        struct sv v = sh_arg(c, param), name = SH_NIL;
        *ret = SH_ENC_UTF8;
        if (sh_is_null(v))
                return SH_OK;
        struct sv base = sh_unwrap(v);
        /* An Encoding object answers with its name. */
        if (base.kind != SH_OTHER || sh_get(sh, v, "WebName", 7, &name) != SH_OK)
                name = SH_NIL;
        if (name.kind != SH_STRING) {
                sh_drop(name);
                name = sh_to_text(sh, v);
        }
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                if (strcasecmp(names[i].name, name.s->s) == 0) {
                        *ret = names[i].encoding;
                        sh_drop(name);
                        return SH_OK;
                }
        int r = sh_cmd_throw(
                c, "ParameterArgumentTransformationError", "InvalidData", SH_NIL,
                "Cannot process argument transformation on parameter '%s'. '%s' is not a supported encoding "
                "name.",
                param, name.s->s);
        sh_drop(name);
        return r;
}

void sh_encode_bom(enum sh_encoding e, struct sh_buf *b)
{
        switch (e) {
        case SH_ENC_UTF8_BOM: sh_buf_put(b, "\xEF\xBB\xBF", 3); break;
        case SH_ENC_UTF16: sh_buf_put(b, "\xFF\xFE", 2); break;
        case SH_ENC_UTF16_BE: sh_buf_put(b, "\xFE\xFF", 2); break;
        case SH_ENC_UTF32: sh_buf_put(b, "\xFF\xFE\0\0", 4); break;
        case SH_ENC_UTF32_BE: sh_buf_put(b, "\0\0\xFE\xFF", 4); break;
        default: break;
        }
}

static void put_unit(struct sh_buf *b, uint32_t u, int bytes, bool big)
{
        char out[4];
        for (int i = 0; i < bytes; i++)
                out[big ? bytes - 1 - i : i] = (char)(u >> (8 * i));
        sh_buf_put(b, out, (size_t)bytes);
}

static void encode_cp(enum sh_encoding e, uint32_t cp, struct sh_buf *b)
{
        bool raw = cp >= 0x110000;
        switch (e) {
        case SH_ENC_UTF16:
        case SH_ENC_UTF16_BE:
                if (raw)
                        cp = 0xfffd;
                if (cp >= 0x10000) {
                        put_unit(b, 0xd800 + ((cp - 0x10000) >> 10), 2, e == SH_ENC_UTF16_BE);
                        cp = 0xdc00 + ((cp - 0x10000) & 0x3ff);
                }
                put_unit(b, cp, 2, e == SH_ENC_UTF16_BE);
                break;
        case SH_ENC_UTF32:
        case SH_ENC_UTF32_BE: put_unit(b, raw ? 0xfffd : cp, 4, e == SH_ENC_UTF32_BE); break;
        case SH_ENC_ASCII: put_unit(b, cp < 0x80 ? cp : '?', 1, false); break;
        default: put_unit(b, cp < 0x100 ? cp : '?', 1, false);
        }
}

void sh_encode(enum sh_encoding e, const char *s, size_t n, struct sh_buf *b)
{
        if (e == SH_ENC_UTF8 || e == SH_ENC_UTF8_BOM || e == SH_ENC_BYTES) {
                sh_buf_put(b, s, n);
                return;
        }
        for (size_t i = 0; i < n;) {
                unsigned len;
                encode_cp(e, sh_utf_next(s + i, n - i, &len), b);
                i += len;
        }
}

static enum sh_encoding detect(enum sh_encoding e, const unsigned char *s, size_t n, size_t *ret_skip)
{
        *ret_skip = 0;
        if (n >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0) {
                *ret_skip = 3;
                return SH_ENC_UTF8;
        }
        if (n >= 4 && memcmp(s, "\xFF\xFE\0\0", 4) == 0) {
                *ret_skip = 4;
                return SH_ENC_UTF32;
        }
        if (n >= 4 && memcmp(s, "\0\0\xFE\xFF", 4) == 0) {
                *ret_skip = 4;
                return SH_ENC_UTF32_BE;
        }
        if (n >= 2 && memcmp(s, "\xFF\xFE", 2) == 0) {
                *ret_skip = 2;
                return SH_ENC_UTF16;
        }
        if (n >= 2 && memcmp(s, "\xFE\xFF", 2) == 0) {
                *ret_skip = 2;
                return SH_ENC_UTF16_BE;
        }
        return e;
}

static uint32_t unit_at(const unsigned char *s, int bytes, bool big)
{
        uint32_t u = 0;
        for (int i = 0; i < bytes; i++)
                u |= (uint32_t)s[big ? bytes - 1 - i : i] << (8 * i);
        return u;
}

static void decode_units(const unsigned char *s, size_t n, int bytes, bool big, struct sh_buf *b)
{
        size_t i = 0;
        for (; i + (size_t)bytes <= n; i += (size_t)bytes) {
                uint32_t u = unit_at(s + i, bytes, big);
                if (bytes == 2 && u >= 0xd800 && u < 0xdc00 && i + 4 <= n) {
                        uint32_t low = unit_at(s + i + 2, 2, big);
                        if (low >= 0xdc00 && low < 0xe000) {
                                u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
                                i += 2;
                        }
                }
                sh_buf_cp(b, u >= 0x110000 ? 0xfffd : u);
        }
        if (i < n)
                sh_buf_cp(b, 0xfffd);
}

void sh_decode(enum sh_encoding e, const char *text, size_t n, struct sh_buf *b)
{
        const unsigned char *s = (const unsigned char *)text;
        size_t skip;
        if (e != SH_ENC_BYTES) {
                e = detect(e, s, n, &skip);
                s += skip;
                n -= skip;
        }
        switch (e) {
        case SH_ENC_UTF16:
        case SH_ENC_UTF16_BE: decode_units(s, n, 2, e == SH_ENC_UTF16_BE, b); break;
        case SH_ENC_UTF32:
        case SH_ENC_UTF32_BE: decode_units(s, n, 4, e == SH_ENC_UTF32_BE, b); break;
        case SH_ENC_ASCII:
                for (size_t i = 0; i < n; i++)
                        sh_buf_cp(b, s[i] < 0x80 ? s[i] : '?');
                break;
        case SH_ENC_LATIN1:
                for (size_t i = 0; i < n; i++)
                        sh_buf_cp(b, s[i]);
                break;
        default: sh_buf_put(b, (const char *)s, n);
        }
}
