/* SPDX-License-Identifier: MIT
 *
 * [securestring], [pscredential], [System.Net.NetworkCredential], and the two members of Marshal that scripts read a
 * SecureString with. The text is held once and wiped at its end.
 */
#include "shell/secure.h"
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/fields.h"
#include "shell/types.h"

#include <string.h>
#include <termios.h>
#include <unistd.h>

struct secure {
        struct sh_obj obj;
        struct sh_buf text;
        bool fixed; /* MakeReadOnly */
};
static struct secure *secure_of(struct sv v)
{
        v = sh_unwrap(v);
        return v.kind == SH_OTHER && v.o->type == &sh_type_securestring ? (struct secure *)v.o : NULL;
}
struct sv sh_secure_new(const char *s, size_t n)
{
        struct sv r = sh_other_new(&sh_type_securestring, sizeof(struct secure));
        sh_buf_put(&secure_of(r)->text, s, n);
        return r;
}
bool sh_secure_text(struct sv v, const char **ret, size_t *ret_n)
{
        struct secure *s = secure_of(v);
        if (!s)
                return false;
        *ret = s->text.p ? s->text.p : "";
        *ret_n = s->text.n;
        return true;
}
static void wipe(struct secure *s)
{
        if (s->text.p)
                explicit_bzero(s->text.p, s->text.cap);
        s->text.n = 0;
}
static struct sv plain(struct sv v)
{
        struct secure *s = secure_of(v);
        return s ? sh_string(s->text.p ? s->text.p : "", s->text.n) : sh_text("");
}
/* Bytes of the text's first n characters (UTF-16 units). */
static size_t bytes_of(struct secure *s, uint32_t units)
{
        size_t at = 0;
        unsigned len;
        for (uint32_t u = 0; u < units && at < s->text.n; at += len)
                u += sh_utf_next(s->text.p + at, s->text.n - at, &len) > 0xffff ? 2 : 1;
        return at;
}
static int secure_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct secure *s = secure_of(self);
        intptr_t what = sh_member_arg(sh);
        struct sv c;
        int32_t at;
        *ret = SH_NOTHING;
        if (s->fixed && strchr("aciSR", (int)what))
                return sh_throw_member(sh, a, "System.InvalidOperationException", "Instance is read-only.");
        switch (what) {
        case 'l': *ret = sh_int((int32_t)sh_utf_units(s->text.p ? s->text.p : "", s->text.n)); return SH_OK;
        case 'a':
                if (a.n != 1 || !sh_try_convert(sh, a.v[0], &sh_type_char, &c))
                        return SH_NONE;
                sh_buf_cp(&s->text, (uint32_t)c.u);
                return SH_OK;
        case 'R': { /* RemoveAt(index) */
                if (a.n != 1 || !sh_args_i32(sh, a, 0, &at) || at < 0)
                        return SH_NONE;
                size_t from = bytes_of(s, (uint32_t)at), to = bytes_of(s, (uint32_t)at + 1);
                memmove(s->text.p + from, s->text.p + to, s->text.n - to);
                s->text.n -= to - from;
                return SH_OK;
        }
        case 'c':
        case 'd': wipe(s); return SH_OK;
        case 'C': *ret = sh_secure_new(s->text.p ? s->text.p : "", s->text.n); return SH_OK;
        case 'm': s->fixed = true; return SH_OK;
        default: *ret = sh_bool(s->fixed); return SH_OK;
        }
}
static int secure_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)t;
        if (a.n)
                return SH_NONE;
        *ret = sh_secure_new("", 0);
        return SH_OK;
}
static void secure_free(struct sh_obj *o)
{
        wipe((struct secure *)o);
        sh_buf_free(&((struct secure *)o)->text);
}
static const struct sh_member secure_members[] = {
        SH_P("Length", "int Length {get;}", secure_do, 'l'),
        SH_M("AppendChar", "void AppendChar(char c)", secure_do, 'a'),
        SH_M("RemoveAt", "void RemoveAt(int index)", secure_do, 'R'),
        SH_M("Clear", "void Clear()", secure_do, 'c'),
        SH_M("Copy", "securestring Copy()", secure_do, 'C'),
        SH_M("Dispose", "void Dispose()", secure_do, 'd'),
        SH_M("MakeReadOnly", "void MakeReadOnly()", secure_do, 'm'),
        SH_M("IsReadOnly", "bool IsReadOnly()", secure_do, 'r'),
};
const struct sh_type sh_type_securestring = { .name = "System.Security.SecureString",
                                              .accelerator = "securestring",
                                              .base = &sh_type_object,
                                              SH_MEMBERS(secure_members),
                                              .construct = secure_construct,
                                              .free = secure_free };

bool sh_secure_ask(struct sh *sh, const char *prompt, struct sv *ret)
{
        struct termios old, silent;
        struct sv line;
        bool tty = tcgetattr(STDIN_FILENO, &old) == 0;
        if (tty) {
                silent = old;
                silent.c_lflag &= ~(tcflag_t)ECHO;
                tcsetattr(STDIN_FILENO, TCSANOW, &silent);
        }
        bool got = sh_ask(sh, prompt, &line);
        if (tty) {
                tcsetattr(STDIN_FILENO, TCSANOW, &old);
                sh_host_write(sh, "\n", 1);
        }
        if (!got)
                return false;
        *ret = sh_secure_new(line.s->s, line.s->len);
        explicit_bzero(line.s->s, line.s->len);
        sh_drop(line);
        return true;
}

/* ---- [pscredential]: user, SecureString ---- */
struct sv sh_credential_new(struct sv user, struct sv secure)
{
        struct sv r = sh_fields_new(&sh_type_credential, 2);
        *sh_field(r, 0) = sh_keep(user);
        *sh_field(r, 1) = sh_keep(secure);
        return r;
}
bool sh_credential_parts(struct sv v, struct sv *ret_user, struct sv *ret_secure)
{
        v = sh_unwrap(v);
        if (v.kind != SH_OTHER || v.o->type != &sh_type_credential)
                return false;
        *ret_user = *sh_field(v, 0);
        *ret_secure = *sh_field(v, 1);
        return true;
}
static const struct sh_type network_type;
static struct sv network_new(struct sv user, struct sv secure, struct sv domain)
{
        struct sv r = sh_fields_new(&network_type, 3);
        *sh_field(r, 0) = sh_keep(user);
        *sh_field(r, 1) = sh_keep(secure);
        *sh_field(r, 2) = sh_keep(domain);
        return r;
}
static int credential_network(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        struct sv user = *sh_field(self, 0);
        const char *s = user.s->s, *slash = strchr(s, '\\'), *at = slash ? NULL : strchr(s, '@');
        struct sv domain = slash ? sh_string(s, (size_t)(slash - s)) : sh_text(at ? at + 1 : "");
        struct sv name = slash ? sh_text(slash + 1) : sh_string(s, at ? (size_t)(at - s) : strlen(s));
        *ret = network_new(name, *sh_field(self, 1), domain);
        sh_drop(domain);
        sh_drop(name);
        return SH_OK;
}
static int credential_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        if (a.n != 2 || !secure_of(a.v[1]))
                return SH_NONE;
        struct sv user = sh_to_text(sh, a.v[0]);
        int st = SH_OK;
        if (!user.s->len)
                st = sh_throw_argument(
                        sh, a,
                        "Cannot process argument because the value of argument \"userName\" is not valid. "
                        "Change the value of the \"userName\" argument and run the operation again.");
        else
                *ret = sh_credential_new(user, sh_args_at(a, 1));
        sh_drop(user);
        return st;
}
static int credential_empty(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        struct sv user = sh_text(""), secure = sh_secure_new("", 0);
        *ret = sh_credential_new(user, secure);
        sh_drop(user);
        sh_drop(secure);
        return SH_OK;
}
static const struct sh_member credential_members[] = {
        SH_FIELD(0, "UserName", "string UserName {get;}"),
        SH_FIELD(1, "Password", "securestring Password {get;}"),
        SH_M("GetNetworkCredential", "System.Net.NetworkCredential GetNetworkCredential()",
             credential_network),
        SH_SP("Empty", "static pscredential Empty {get;}", credential_empty),
};
const struct sh_type sh_type_credential = { .name = "System.Management.Automation.PSCredential",
                                            .accelerator = "pscredential",
                                            .base = &sh_type_object,
                                            SH_MEMBERS(credential_members),
                                            .construct = credential_construct,
                                            .free = sh_fields_free };

/* ---- NetworkCredential: user, SecureString, domain ---- */
static int network_password(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = plain(*sh_field(self, 1));
        return SH_OK;
}
static int network_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        if (a.n != 2 && a.n != 3)
                return SH_NONE;
        struct sv user = sh_to_text(sh, a.v[0]), domain = a.n == 3 ? sh_to_text(sh, a.v[2]) : sh_text("");
        struct sv text = secure_of(a.v[1]) ? SH_NIL : sh_to_text(sh, a.v[1]);
        struct sv secure =
                secure_of(a.v[1]) ? sh_keep(sh_args_at(a, 1)) : sh_secure_new(text.s->s, text.s->len);
        *ret = network_new(user, secure, domain);
        sh_drop(user);
        sh_drop(domain);
        sh_drop(text);
        sh_drop(secure);
        return SH_OK;
}
static const struct sh_member network_members[] = {
        SH_FIELD(0, "UserName", "string UserName {get;set;}"),
        SH_P("Password", "string Password {get;set;}", network_password),
        SH_FIELD(1, "SecurePassword", "securestring SecurePassword {get;set;}"),
        SH_FIELD(2, "Domain", "string Domain {get;set;}"),
};
static const struct sh_type network_type = { .name = "System.Net.NetworkCredential",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(network_members),
                                             .construct = network_construct,
                                             .free = sh_fields_free };

/* ---- Marshal: a "pointer" is the SecureString itself ---- */
static int marshal_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n != 1 || !secure_of(a.v[0]))
                return SH_NONE;
        intptr_t what = sh_member_arg(sh);
        *ret = what == 't' ? plain(a.v[0]) : what == 'p' ? sh_keep(sh_args_at(a, 0)) : SH_NOTHING;
        return SH_OK;
}
static const struct sh_member marshal_members[] = {
        SH_SM("SecureStringToBSTR", "static System.IntPtr SecureStringToBSTR(securestring s)", marshal_to,
              'p'),
        SH_SM("SecureStringToGlobalAllocUnicode",
              "static System.IntPtr SecureStringToGlobalAllocUnicode(securestring s)", marshal_to, 'p'),
        SH_SM("PtrToStringBSTR", "static string PtrToStringBSTR(System.IntPtr ptr)", marshal_to, 't'),
        SH_SM("PtrToStringAuto", "static string PtrToStringAuto(System.IntPtr ptr)", marshal_to, 't'),
        SH_SM("PtrToStringUni", "static string PtrToStringUni(System.IntPtr ptr)", marshal_to, 't'),
        SH_SM("ZeroFreeBSTR", "static void ZeroFreeBSTR(System.IntPtr s)", marshal_to, 'z'),
        SH_SM("FreeBSTR", "static void FreeBSTR(System.IntPtr ptr)", marshal_to, 'z'),
        SH_SM("ZeroFreeGlobalAllocUnicode", "static void ZeroFreeGlobalAllocUnicode(System.IntPtr s)",
              marshal_to, 'z'),
};
static const struct sh_type marshal_type = { .name = "System.Runtime.InteropServices.Marshal",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(marshal_members) };

SH_TYPES(secure, &sh_type_securestring, &sh_type_credential, &network_type, &marshal_type);
