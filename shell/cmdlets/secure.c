/* SPDX-License-Identifier: MIT
 *
 * ConvertTo-SecureString, ConvertFrom-SecureString, Get-Credential. Without a key a SecureString's text
 * form hides nothing, as PowerShell's on Unix: it is the text in hexadecimal.
 */
#include "shell/secure.h"
#include "shell/code.h"
#include "shell/files.h"
#include "shell/library.h"
#include "shell/text.h"
#include "shell/types.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

static int emit_owned(struct sh_cmd *c, struct sv v)
{
        int st = sh_emit(c, v);
        sh_drop(v);
        return st;
}

/* ---- AES, as -Key writes it: a fixed head, then base64 of "2|base64 of the IV|hex" in UTF-16 ---- */
static const char head[] = "76492d1116743f0423413b16050a5345";
#define CRYPTO "libcrypto.so.3"

static bool aes(bool encrypt, const struct sh_buf *key, const unsigned char iv[16], const struct sh_buf *in,
                struct sh_buf *out)
{
        __typeof__(EVP_CIPHER_CTX_new) *new = SH_FUNCTION(CRYPTO, EVP_CIPHER_CTX_new);
        __typeof__(EVP_CipherInit_ex) *init = SH_FUNCTION(CRYPTO, EVP_CipherInit_ex);
        __typeof__(EVP_CipherUpdate) *update = SH_FUNCTION(CRYPTO, EVP_CipherUpdate);
        __typeof__(EVP_CipherFinal_ex) *final = SH_FUNCTION(CRYPTO, EVP_CipherFinal_ex);
        __typeof__(EVP_aes_128_cbc) *cipher = key->n == 16   ? SH_FUNCTION(CRYPTO, EVP_aes_128_cbc)
                                              : key->n == 24 ? SH_FUNCTION(CRYPTO, EVP_aes_192_cbc)
                                                             : SH_FUNCTION(CRYPTO, EVP_aes_256_cbc);
        if (!new || !init || !update || !final || !cipher || in->n > 1 << 20)
                return false;
        EVP_CIPHER_CTX *ctx = new ();
        unsigned char *room = malloc(in->n + 32);
        int n = 0, more = 0;
        bool good = ctx && room &&
                    init(ctx, cipher(), NULL, (const unsigned char *)key->p, iv, encrypt) == 1 &&
                    update(ctx, room, &n, (const unsigned char *)in->p, (int)in->n) == 1 &&
                    final(ctx, room + n, &more) == 1;
        if (good)
                sh_buf_put(out, (const char *)room, (size_t)(n + more));
        if (room)
                explicit_bzero(room, in->n + 32);
        free(room);
        SH_FUNCTION(CRYPTO, EVP_CIPHER_CTX_free)(ctx);
        return good;
}

static void put_hex(struct sh_buf *b, const struct sh_buf *in)
{
        for (size_t i = 0; i < in->n; i++)
                sh_buf_putf(b, "%02x", (unsigned char)in->p[i]);
}

static bool read_hex(const char *s, size_t n, struct sh_buf *b)
{
        unsigned v;
        for (size_t i = 0; i + 1 < n; i += 2) {
                if (!isxdigit((unsigned char)s[i]) || !isxdigit((unsigned char)s[i + 1]) ||
                    sscanf(s + i, "%2x", &v) != 1)
                        return false;
                sh_buf_put(b, (char[]) { (char)v }, 1);
        }
        return n % 2 == 0 && n;
}

/* Base64 through [convert]'s own members. */
static int to_base64(struct sh *sh, const struct sh_buf *b, struct sv *ret)
{
        struct sv bytes = sh_bytes_new(b->p, b->n);
        int st = sh_call_static(sh, sh_type_find(sh, "System.Convert", 14), "ToBase64String", 14,
                                (struct sh_args) { 1, &bytes }, ret);
        sh_drop(bytes);
        return st;
}
static bool from_base64(struct sh *sh, const char *s, size_t n, struct sh_buf *b)
{
        struct sv text = sh_string(s, n), bytes;
        int st = sh_call_static(sh, sh_type_find(sh, "System.Convert", 14), "FromBase64String", 16,
                                (struct sh_args) { 1, &text }, &bytes);
        sh_drop(text);
        if (st != SH_OK) {
                sh_forget_error(sh);
                return false;
        }
        sh_bytes_of(sh, bytes, b);
        sh_drop(bytes);
        return true;
}

/* -Key as bytes, -SecureKey as text. SH_NONE: none was given. */
static int key_of(struct sh_cmd *c, struct sh_buf *key)
{
        const char *s;
        size_t n;
        if (sh_bound(c, "SecureKey") && sh_secure_text(sh_arg(c, "SecureKey"), &s, &n))
                sh_encode(SH_ENC_UTF16, s, n, key);
        else if (sh_bound(c, "Key"))
                sh_bytes_of(sh_session(c), sh_arg(c, "Key"), key);
        else
                return SH_NONE;
        if (key->n == 16 || key->n == 24 || key->n == 32)
                return SH_OK;
        return sh_cmd_throw(c, "Argument", "InvalidArgument", SH_NIL,
                            "The specified key is not valid. Valid key length settings are either 128 bits, "
                            "192 bits, or 256 bits.");
}

static int decrypt(struct sh_cmd *c, const struct sh_str *s, const struct sh_buf *key, struct sh_buf *plain)
{
        struct sh *sh = sh_session(c);
        struct sh_buf package = { 0 }, text = { 0 }, iv = { 0 }, data = { 0 };
        bool good =
                s->len > 32 && !strncmp(s->s, head, 32) && from_base64(sh, s->s + 32, s->len - 32, &package);
        if (good) {
                sh_decode(SH_ENC_UTF16, package.p, package.n, &text);
                sh_buf_put(&text, "", 1);
                char *first = strchr(text.p, '|'), *second = first ? strchr(first + 1, '|') : NULL;
                good = second && from_base64(sh, first + 1, (size_t)(second - first - 1), &iv) &&
                       iv.n == 16 && read_hex(second + 1, strlen(second + 1), &data) &&
                       aes(false, key, (const unsigned char *)iv.p, &data, plain);
        }
        sh_buf_free(&package);
        sh_buf_free(&text);
        sh_buf_free(&iv);
        sh_buf_free(&data);
        return good ? SH_OK
                    : sh_cmd_throw(c, "ImportSecureString_InvalidArgument_CryptographicError",
                                   "InvalidArgument", SH_NIL, "Padding is invalid and cannot be removed.");
}

static int to_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh_buf key = { 0 }, raw = { 0 }, text = { 0 };
        struct sv s = sh_to_text(sh_session(c), sh_arg(c, "String"));
        int st = SH_OK;
        if (sh_switch(c, "AsPlainText")) {
                st = emit_owned(c, sh_secure_new(s.s->s, s.s->len));
        } else {
                st = key_of(c, &key);
                if (st == SH_OK)
                        st = decrypt(c, s.s, &key, &raw);
                else if (st == SH_NONE)
                        st = read_hex(s.s->s, s.s->len, &raw)
                                     ? SH_OK
                                     : sh_cmd_throw(c, "ImportSecureString_InvalidArgument",
                                                    "InvalidArgument", SH_NIL,
                                                    "The input string '%s' was not in a correct format.",
                                                    s.s->s);
                if (st == SH_OK) {
                        sh_decode(SH_ENC_UTF16, raw.p, raw.n, &text);
                        st = emit_owned(c, sh_secure_new(text.p ? text.p : "", text.n));
                }
        }
        sh_drop(s);
        sh_buf_free(&key);
        sh_buf_free(&raw);
        sh_buf_free(&text);
        return st;
}
static const struct sh_cmdlet convertto_securestring = {
        .name = "ConvertTo-SecureString",
        .synopsis = "Makes a SecureString of plain text or of what ConvertFrom-SecureString wrote.",
        .default_set = "Secure",
        .process = to_process,
        .params =
                (const struct sh_param[]) {
                        { "String", .type = "string", .position = 1, .mandatory = true, .from_pipeline = true,
                          .help = "The plain text, or the encrypted form." },
                        { "AsPlainText", .type = "switch", .position = 2, .sets = "PlainText",
                          .help = "String is the plain text." },
                        { "Force", .type = "switch", .sets = "PlainText",
                          .help = "Accepted, has no effect." },
                        { "SecureKey", .type = "securestring", .sets = "Secure", .position = 2,
                          .help = "The key it was encrypted with, as a SecureString." },
                        { "Key", .type = "byte[]", .sets = "Open",
                          .help = "The key it was encrypted with: 16, 24 or 32 bytes." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(ConvertTo-SecureString 'abc' -AsPlainText -Force).Length", "3",
                          "Plain text is hidden." },
                        { "$k = 1..16; $s = ConvertTo-SecureString 'abc' -AsPlainText | "
                          "ConvertFrom-SecureString -Key $k\n"
                          "$s | ConvertTo-SecureString -Key $k | ConvertFrom-SecureString -AsPlainText",
                          "abc", "What was encrypted with a key is read back with it." },
                        { 0 } },
};

static int from_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const char *s = "";
        size_t n = 0;
        struct sh *sh = sh_session(c);
        struct sh_buf key = { 0 }, raw = { 0 }, out = { 0 };
        sh_secure_text(sh_arg(c, "SecureString"), &s, &n);
        if (sh_switch(c, "AsPlainText"))
                return emit_owned(c, sh_string(s, n));
        sh_encode(SH_ENC_UTF16, s, n, &raw);
        int st = key_of(c, &key);
        if (st == SH_NONE) {
                put_hex(&out, &raw);
                st = emit_owned(c, sh_buf_take(&out));
        } else if (st == SH_OK) {
                unsigned char iv[16];
                struct sh_buf sealed = { 0 }, wide = { 0 }, iv_text = { 0 };
                struct sv base64 = SH_NIL, all = SH_NIL;
                bool good = getrandom(iv, 16, 0) == 16 && aes(true, &key, iv, &raw, &sealed);
                if (!good)
                        st = sh_cmd_throw(
                                c, "CryptographicError", "NotSpecified", SH_NIL,
                                "AES is not available: libcrypto.so.3 (package libssl3) cannot be loaded.");
                sh_buf_put(&iv_text, (const char *)iv, 16);
                if (st == SH_OK && (st = to_base64(sh, &iv_text, &base64)) == SH_OK) {
                        sh_buf_putf(&out, "2|%s|", base64.s->s);
                        put_hex(&out, &sealed);
                        sh_encode(SH_ENC_UTF16, out.p, out.n, &wide);
                        st = to_base64(sh, &wide, &all);
                }
                if (st == SH_OK)
                        st = emit_owned(c, sh_printf("%s%s", head, all.s->s));
                sh_drop(base64);
                sh_drop(all);
                sh_buf_free(&sealed);
                sh_buf_free(&wide);
                sh_buf_free(&iv_text);
        }
        sh_buf_free(&key);
        sh_buf_free(&raw);
        sh_buf_free(&out);
        return st;
}
static const struct sh_cmdlet convertfrom_securestring = {
        .name = "ConvertFrom-SecureString",
        .synopsis = "Writes a SecureString as text: encrypted with a key, or plain.",
        .default_set = "Secure",
        .process = from_process,
        .params =
                (const struct sh_param[]) {
                        { "SecureString", .type = "securestring", .position = 1, .mandatory = true,
                          .from_pipeline = true, .help = "The SecureString." },
                        { "AsPlainText", .type = "switch", .sets = "AsPlainText",
                          .help = "Writes the plain text." },
                        { "SecureKey", .type = "securestring", .sets = "Secure", .position = 2,
                          .help = "Encrypts with this key, a SecureString of 8, 12 or 16 characters." },
                        { "Key", .type = "byte[]", .sets = "Open",
                          .help = "Encrypts with AES and this key: 16, 24 or 32 bytes." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "ConvertTo-SecureString 'abc' -AsPlainText | ConvertFrom-SecureString -AsPlainText",
                          "abc", "The plain text." },
                        { "ConvertTo-SecureString 'abc' -AsPlainText | ConvertFrom-SecureString",
                          "610062006300", "Without a key nothing is hidden: the text in hexadecimal." },
                        { 0 } },
};

static int credential_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        struct sv given = sh_arg(c, sh_bound(c, "Credential") ? "Credential" : "UserName"), user, secure;
        if (sh_credential_parts(given, &user, &secure))
                return sh_emit(c, given);
        if (!sh_is_interactive(sh))
                return sh_cmd_throw(c, "GetCredentialCommand_NonInteractive", "InvalidOperation", SH_NIL,
                                    "A command that prompts the user failed because the host program or the "
                                    "command type does "
                                    "not support user interaction.");
        const char *title = sh_arg_text(c, "Title", "PowerShell credential request"),
                   *message = sh_arg_text(c, "Message", "Enter your credentials.");
        struct sv text = sh_printf("\n%s\n%s\n", title, message);
        sh_host_write(sh, text.s->s, text.s->len);
        sh_drop(text);
        if (sh_is_null(given)) {
                if (!sh_ask(sh, "User: ", &user))
                        return SH_OK;
        } else {
                user = sh_to_text(sh, given);
        }
        struct sv prompt = sh_printf("Password for user %s: ", user.s->s);
        bool got = sh_secure_ask(sh, prompt.s->s, &secure);
        sh_drop(prompt);
        int st = SH_OK;
        if (got) {
                st = emit_owned(c, sh_credential_new(user, secure));
                sh_drop(secure);
        }
        sh_drop(user);
        return st;
}
static const struct sh_cmdlet get_credential = {
        .name = "Get-Credential",
        .synopsis = "Asks for a user name and a password.",
        .default_set = "CredentialSet",
        .end = credential_end,
        .params = (const struct sh_param[]) { { "Credential", .type = "object", .position = 1,
                                                .sets = "CredentialSet",
                                                .help = "A user name to ask the password of, or a "
                                                        "credential, which is passed on." },
                                              { "UserName", .type = "string", .position = 1,
                                                .sets = "MessageSet", .help = "Asks only for its password." },
                                              { "Message", .type = "string", .sets = "MessageSet",
                                                .help = "What the prompt says." },
                                              { "Title", .type = "string", .sets = "MessageSet",
                                                .help = "The prompt's first line." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$c = Get-Credential -UserName admin", NULL, "Asks for the password of admin." },
                        { "$s = ConvertTo-SecureString 'pw' -AsPlainText\n(Get-Credential "
                          "([pscredential]::new('bob', $s))).UserName",
                          "bob", "A credential is passed on." },
                        { 0 } },
};

SH_CMDLETS(secure, &convertto_securestring, &convertfrom_securestring, &get_credential);
