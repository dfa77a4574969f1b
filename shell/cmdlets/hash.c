/* SPDX-License-Identifier: MIT
 *
 * Get-FileHash, Format-Hex: what a file is, byte by byte. Files are read in blocks, never whole.
 */
#include "shell/code.h"
#include "shell/fields.h"
#include "shell/files.h"
#include "shell/library.h"
#include "shell/stream_object.h"
#include "shell/text.h"
#include "shell/types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

/* ---- Get-FileHash ---- */
static int hash_emit(struct sh_cmd *c, struct sh_digest *d, const char *path)
{
        unsigned char out[SH_DIGEST_MAX];
        unsigned n = sh_digest_end(d, out);
        struct sh_buf hex = { 0 };
        for (unsigned i = 0; i < n; i++)
                sh_buf_putf(&hex, "%02X", out[i]);
        struct sv r = sh_object_new(),
                  algorithm = sh_text_case(sh_arg_text(c, "Algorithm", "SHA256"),
                                           strlen(sh_arg_text(c, "Algorithm", "SHA256")), true),
                  hash = sh_buf_take(&hex), where = path ? sh_text(path) : SH_NIL;
        struct sh_bag *bag = sh_bag_of(r, true);
        bag->types = malloc(sizeof(*bag->types));
        if (bag->types) {
                bag->types[0] = sh_text("Microsoft.PowerShell.Commands.FileHashInfo");
                bag->ntypes = 1;
        }
        sh_object_set(r, "Algorithm", 9, algorithm);
        sh_object_set(r, "Hash", 4, hash);
        sh_object_set(r, "Path", 4, where);
        int st = sh_emit(c, r);
        sh_drop(r);
        sh_drop(algorithm);
        sh_drop(hash);
        sh_drop(where);
        sh_buf_free(&hex);
        return st;
}
static struct sh_digest *digest_new(struct sh_cmd *c)
{
        struct sh_digest *d = sh_digest_new(sh_arg_text(c, "Algorithm", "SHA256"), NULL, 0);
        if (!d)
                sh_cmd_throw(
                        c, "DigestNotAvailable", "ResourceUnavailable", SH_NIL,
                        "The digest is not available: libcrypto.so.3 (package libssl3) cannot be loaded.");
        return d;
}
static int hash_one(struct sh_cmd *c, const char *path)
{
        char block[65536];
        ssize_t n = 0;
        int fd = open(path, O_RDONLY | O_CLOEXEC), st = SH_OK;
        if (fd >= 0 && (n = read(fd, block, sizeof(block))) < 0 && errno == EISDIR) {
                close(fd); /* folders are passed over, as -Path * would have them */
                return SH_OK;
        }
        if (fd < 0 || n < 0) {
                st = sh_path_error(c, "UnauthorizedAccessError", errno, path);
                if (fd >= 0)
                        close(fd);
                return st;
        }
        struct sh_digest *d = digest_new(c);
        if (!d) {
                close(fd);
                return SH_ERROR;
        }
        do
                sh_digest_add(d, block, (size_t)n);
        while ((st = sh_check(sh_session(c))) == SH_OK && (n = read(fd, block, sizeof(block))) > 0);
        close(fd);
        if (st == SH_OK)
                return hash_emit(c, d, path);
        unsigned char out[SH_DIGEST_MAX];
        sh_digest_end(d, out);
        return st;
}
static int hash_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh_buf b = { 0 };
        if (!sh_bound(c, "InputStream"))
                return sh_for_paths(c, hash_one);
        struct sh_digest *d = sh_stream_rest(sh_arg(c, "InputStream"), &b) ? digest_new(c) : NULL;
        int st = d ? SH_OK
                   : sh_cmd_throw(c, "InvalidArgument", "InvalidArgument", SH_NIL,
                                  "InputStream is not a stream to read.");
        if (d) {
                sh_digest_add(d, b.p, b.n);
                st = hash_emit(c, d, NULL);
        }
        sh_buf_free(&b);
        return st;
}
static const struct sh_cmdlet get_filehash = {
        .name = "Get-FileHash",
        .synopsis = "Computes the digest of files.",
        .default_set = "Path",
        .process = hash_process,
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string[]", .position = 1, .mandatory = true, .from_pipeline = true,
                          .from_property = true, .wildcard = true, .sets = "Path", .complete = "path",
                          .help = "Files; wildcards are resolved." },
                        { "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .mandatory = true,
                          .from_property = true, .sets = "LiteralPath",
                          .help = "Files by their exact names." },
                        { "InputStream", .type = "object", .mandatory = true, .sets = "Stream",
                          .help = "A stream to read to its end." },
                        { "Algorithm", .type = "string", .position = 2,
                          .values = "SHA1,SHA256,SHA384,SHA512,MD5", .help = "SHA256 when not given." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Set-Content f abc -NoNewline; (Get-FileHash f).Hash",
                          "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
                          "SHA256 of a file." },
                        { "Set-Content f abc -NoNewline; (Get-FileHash f -Algorithm MD5).Hash",
                          "900150983CD24FB0D6963F7D28E17F72", "Another algorithm." },
                        { 0 } },
};

/* ---- Format-Hex: lines of sixteen bytes; texts, numbers and bytes are shown as they lie in memory ---- */
struct hex {
        uint64_t at;
        struct sh_buf held;
        bool header;
        struct sv label;
};
static int hex_line(struct sh_cmd *c, struct hex *h, const char *p, size_t n)
{
        struct sh_buf b = { 0 };
        sh_buf_putf(&b, "%016llX ", (unsigned long long)h->at);
        for (size_t i = 0; i < 16; i++)
                if (i < n)
                        sh_buf_putf(&b, "%02X ", (unsigned char)p[i]);
                else
                        sh_buf_puts(&b, "   ");
        for (size_t i = 0; i < n; i++) {
                unsigned char ch = (unsigned char)p[i];
                if (ch >= 0x20 && ch < 0x7f)
                        sh_buf_put(&b, p + i, 1);
                else if (ch >= 0xa1)
                        sh_buf_cp(&b, ch);
                else
                        sh_buf_puts(&b, ch ? "\xef\xbf\xbd" : " ");
        }
        h->at += n;
        struct sv line = sh_buf_take(&b);
        int st = sh_emit(c, line);
        sh_drop(line);
        sh_buf_free(&b);
        return st;
}
static int hex_header(struct sh_cmd *c, struct hex *h)
{
        if (h->header)
                return SH_OK;
        h->header = true;
        struct sv lines = sh_array_new(5);
        sh_array_take(lines.a, sh_text(""));
        sh_array_take(lines.a,
                      sh_printf("   Label: %s", h->label.kind == SH_STRING ? h->label.s->s : "Byte"));
        sh_array_take(lines.a, sh_text(""));
        sh_array_take(lines.a,
                      sh_text("          Offset Bytes                                           Ascii"));
        sh_array_take(lines.a, sh_text("                 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F"));
        sh_array_take(lines.a,
                      sh_text("          ------ ----------------------------------------------- -----"));
        int st = sh_emit_unrolled(c, lines);
        sh_drop(lines);
        return st;
}
/* Whole lines of what is held; all of it at the end. */
static int hex_flush(struct sh_cmd *c, struct hex *h, bool all)
{
        size_t at = 0;
        int st = h->held.n ? hex_header(c, h) : SH_OK;
        while (st == SH_OK && (h->held.n - at >= 16 || (all && h->held.n > at))) {
                size_t n = h->held.n - at < 16 ? h->held.n - at : 16;
                st = hex_line(c, h, h->held.p + at, n);
                at += n;
        }
        if (at) {
                memmove(h->held.p, h->held.p + at, h->held.n - at);
                h->held.n -= at;
        }
        return st;
}
static int hex_file(struct sh_cmd *c, const char *path)
{
        struct hex *h = sh_state(c);
        char block[4096];
        ssize_t n;
        int64_t skip = sh_arg_int(c, "Offset", 0), left = sh_arg_int(c, "Count", INT64_MAX);
        int fd = open(path, O_RDONLY | O_CLOEXEC), st = SH_OK;
        if (fd < 0)
                return sh_path_error(c, "FileReadError", errno, path);
        sh_drop(h->label);
        h->label = sh_text(path);
        h->header = false;
        h->at = (uint64_t)skip;
        if (skip)
                lseek(fd, (off_t)skip, SEEK_SET);
        while (st == SH_OK && left > 0 && (n = read(fd, block, sizeof(block))) > 0) {
                n = n > left ? (ssize_t)left : n;
                left -= n;
                sh_buf_put(&h->held, block, (size_t)n);
                st = hex_flush(c, h, false);
        }
        close(fd);
        return st == SH_OK ? hex_flush(c, h, true) : st;
}
static int hex_process(struct sh_cmd *c, struct sv input)
{
        struct hex *h = sh_state(c);
        static const uint8_t sizes[] = { [SH_BOOL] = 4,  [SH_CHAR] = 2,   [SH_SBYTE] = 1, [SH_BYTE] = 1,
                                         [SH_INT16] = 2, [SH_UINT16] = 2, [SH_INT32] = 4, [SH_UINT32] = 4,
                                         [SH_INT64] = 8, [SH_UINT64] = 8, [SH_DOUBLE] = 8 };
        if (sh_bound(c, "Path") || sh_bound(c, "LiteralPath"))
                return sh_for_paths(c, hex_file);
        struct sv v = sh_unwrap(sh_input(c, input)), item;
        if (v.kind == SH_VOID)
                return SH_OK;
        if (sh_is_enumerable(v)) {
                size_t pos = 0;
                int st = SH_OK;
                while (st == SH_OK && sh_next(v, &pos, &item)) {
                        st = hex_process(c, item);
                        sh_drop(item);
                }
                return st;
        }
        if (h->label.kind != SH_STRING)
                h->label = sh_printf("%s (%s)", v.kind == SH_STRING ? "String" : sh_type_of(v)->name + 7,
                                     sh_type_of(v)->name);
        enum sh_encoding e;
        if (v.kind == SH_STRING) {
                int st = sh_encoding_of(c, "Encoding", &e);
                if (st != SH_OK)
                        return st;
                sh_encode(e, v.s->s, v.s->len, &h->held);
        } else if (v.kind < sizeof(sizes) && sizes[v.kind]) {
                sh_buf_put(&h->held, (const char *)&v.u, sizes[v.kind]);
        } else {
                return sh_cmd_error(c, "FormatHexTypeNotSupported", "InvalidType", input,
                                    "Cannot convert input of type '%s' to hexadecimal. To view the "
                                    "hexadecimal formatting of its "
                                    "string representation, pipe it to the Out-String cmdlet before piping "
                                    "it to Format-Hex.",
                                    sh_type_of(v) ? sh_type_of(v)->name : "null");
        }
        return hex_flush(c, h, false);
}
static int hex_end(struct sh_cmd *c)
{
        return hex_flush(c, sh_state(c), true);
}
static void hex_clean(struct sh_cmd *c)
{
        struct hex *h = sh_state(c);
        sh_buf_free(&h->held);
        sh_drop(h->label);
        *h = (struct hex) { 0 };
}
static const struct sh_cmdlet format_hex = {
        .name = "Format-Hex",
        .alias = (const char *[]) { "fhx", NULL },
        .synopsis = "Shows bytes in hexadecimal, sixteen a line.",
        .default_set = "InputObject",
        .state_size = sizeof(struct hex),
        .process = hex_process,
        .end = hex_end,
        .clean = hex_clean,
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string[]", .position = 1, .mandatory = true, .wildcard = true,
                          .sets = "Path", .complete = "path", .help = "Files; wildcards are resolved." },
                        { "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .mandatory = true,
                          .sets = "LiteralPath", .help = "Files by their exact names." },
                        { "InputObject", .from_pipeline = true, .sets = "InputObject", .mandatory = true,
                          .help = "Texts, numbers or bytes." },
                        { "Encoding", .type = "object",
                          .help = "How texts become bytes; utf8 when not given." },
                        { "Count", .type = "long", .min = 1, .max = INT64_MAX,
                          .help = "How many bytes of a file." },
                        { "Offset", .type = "long", .min = 0, .max = INT64_MAX,
                          .help = "Where in a file to begin." },
                        { "Raw", .type = "switch", .help = "Accepted, has no effect." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "('AB' | Format-Hex)[-1].Trim()",
                          "0000000000000000 41 42                                           AB",
                          "The bytes of a text." },
                        { "Set-Content f abc -NoNewline; (Format-Hex f)[-1] -match '61 62 63'", "True",
                          "A file." },
                        { 0 } },
};

SH_CMDLETS(hash, &get_filehash, &format_hex);
