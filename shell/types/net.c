/* SPDX-License-Identifier: MIT
 *
 * [ipaddress], [mailaddress], [System.Net.Dns], [System.Net.WebUtility], [System.Web.HttpUtility].
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/fields.h"
#include "shell/types.h"
#include "shell/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- [ipaddress] ---- */
SH_ENUM_TYPE(family_enum, "System.Net.Sockets.AddressFamily", false, { "Unspecified", 0 }, { "Unix", 1 },
             { "InterNetwork", 2 }, { "InterNetworkV6", 23 });
struct address {
        struct sh_obj obj;
        uint8_t n; /* 4 or 16 */
        uint8_t b[16];
        uint32_t scope;
};
static const struct sh_type address_type;
static struct address *address_of(struct sv v)
{
        return (struct address *)v.o;
}
static struct sv address_new(const void *b, size_t n, uint32_t scope)
{
        struct sv r = sh_other_new(&address_type, sizeof(struct address));
        address_of(r)->n = (uint8_t)n;
        memcpy(address_of(r)->b, b, n);
        address_of(r)->scope = scope;
        return r;
}
/* Dotted with four parts, or IPv6 with an optional %scope; also 1 to 3 parts as .NET and inet_aton read them. */
static bool address_parse(const char *s, size_t n, struct sv *ret)
{
        char text[80];
        uint8_t b[16];
        struct in_addr in;
        if (!n || n >= sizeof(text) || memchr(s, 0, n))
                return false;
        memcpy(text, s, n);
        text[n] = 0;
        if (strchr(text, ':')) {
                char *percent = strchr(text, '%'), *start = text;
                uint32_t scope = 0;
                if (percent) {
                        *percent = 0;
                        scope = (uint32_t)strtoul(percent + 1, NULL, 10);
                }
                if (*start == '[' && start[strlen(start) - 1] == ']') {
                        start[strlen(start) - 1] = 0;
                        start++;
                }
                if (inet_pton(AF_INET6, start, b) != 1)
                        return false;
                *ret = address_new(b, 16, scope);
                return true;
        }
        if (!isdigit((unsigned char)*text) || strpbrk(text, " \t\n") || !inet_aton(text, &in))
                return false;
        *ret = address_new(&in, 4, 0);
        return true;
}
static void address_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        char text[INET6_ADDRSTRLEN] = "";
        struct address *a = address_of(self);
        inet_ntop(a->n == 4 ? AF_INET : AF_INET6, a->b, text, sizeof(text));
        sh_buf_puts(b, text);
        if (a->scope)
                sh_buf_putf(b, "%%%u", a->scope);
}
static bool mapped(const struct address *a)
{
        static const uint8_t head[12] = { [10] = 0xff, [11] = 0xff };
        return a->n == 16 && !memcmp(a->b, head, 12);
}
static int address_get(struct sh *sh, struct sv self, struct sh_args args, struct sv *ret)
{
        (void)args;
        struct address *a = address_of(self);
        struct sh_buf b = { 0 };
        uint32_t u;
        switch (sh_member_arg(sh)) {
        case 'f': *ret = sh_enum_value(&family_enum, a->n == 4 ? 2 : 23); break;
        case 's': *ret = a->n == 4 ? SH_NIL : sh_long(a->scope); break;
        case 'm': *ret = sh_bool(a->n == 16 && a->b[0] == 0xff); break;
        case 'l': *ret = sh_bool(a->n == 16 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80); break;
        case 'p': *ret = sh_bool(a->n == 16 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0); break;
        case 't': *ret = sh_bool(a->n == 16 && !memcmp(a->b, "\x20\x01\0\0", 4)); break;
        case 'u': *ret = sh_bool(a->n == 16 && (a->b[0] & 0xfe) == 0xfc); break;
        case '4': *ret = sh_bool(mapped(a)); break;
        case 'a':
                memcpy(&u, a->b, 4);
                *ret = a->n == 4 ? sh_long(u) : SH_NIL;
                break;
        default: address_text(sh, self, &b); *ret = sh_buf_take(&b);
        }
        return SH_OK;
}
static int address_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct address *x = address_of(self);
        uint8_t six[16] = { [10] = 0xff, [11] = 0xff };
        if (a.n)
                return SH_NONE;
        switch (sh_member_arg(sh)) {
        case 'b':
                *ret = sh_array_typed(&sh_type_byte, x->n);
                for (uint32_t i = 0; i < x->n; i++)
                        ret->a->v[i] = (struct sv) { .kind = SH_BYTE, .u = x->b[i] };
                break;
        case '4': *ret = x->n == 16 ? address_new(x->b + 12, 4, 0) : sh_keep(self); break;
        default:
                if (x->n == 4)
                        memcpy(six + 12, x->b, 4);
                *ret = x->n == 4 ? address_new(six, 16, 0) : sh_keep(self);
        }
        return SH_OK;
}
static int address_static(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t = sh_args_at(a, 0), r = SH_NIL;
        intptr_t what = sh_member_arg(sh);
        if (what == 'l') {
                if (a.n != 1 || t.kind != SH_OTHER || t.o->type != &address_type)
                        return SH_NONE;
                static const uint8_t one[16] = { [15] = 1 };
                *ret = sh_bool(address_of(t)->n == 4 ? address_of(t)->b[0] == 127
                                                     : !memcmp(address_of(t)->b, one, 16));
                return SH_OK;
        }
        if (a.n != 1u + (what == 't'))
                return SH_NONE;
        bool good = t.kind == SH_STRING && address_parse(t.s->s, t.s->len, &r);
        if (what == 't') {
                *ret = sh_bool(good);
                int st = sh_ref_set(sh, a.v[1], r);
                sh_drop(r);
                return st;
        }
        if (!good)
                return sh_throw_member(sh, a, "System.FormatException",
                                       "An invalid IP address was specified.");
        *ret = r;
        return SH_OK;
}
static int address_order(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv v = sh_args_at(a, 0);
        int64_t i;
        if (a.n != 1 || !sh_to_int64(sh, v, &i))
                return SH_NONE;
        if (v.kind == SH_INT16)
                *ret = (struct sv) { .kind = SH_INT16, .i = (int16_t)htons((uint16_t)i) };
        else if (v.kind == SH_INT64)
                *ret = sh_long((int64_t)__builtin_bswap64((uint64_t)i));
        else
                *ret = sh_int((int32_t)htonl((uint32_t)i));
        return SH_OK;
}
static int address_constant(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        const char *s = (const char *)sh_member_arg(sh);
        address_parse(s, strlen(s), ret);
        return SH_OK;
}
static int address_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        from = sh_unwrap(from);
        int64_t i;
        if (from.kind == SH_STRING)
                return address_parse(from.s->s, from.s->len, ret)
                               ? SH_OK
                               : sh_throw_cast(sh, "InvalidCastParseTargetInvocation", from, t,
                                               "An invalid IP address was specified.");
        if (sh_is_int(from) && sh_to_int64(sh, from, &i) && i >= 0 && i <= UINT32_MAX) {
                uint32_t u = (uint32_t)i;
                *ret = address_new(&u, 4, 0);
                return SH_OK;
        }
        return SH_NONE;
}
static int address_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sv v = sh_args_at(a, 0), item;
        uint8_t b[16];
        size_t pos = 0, n = 0;
        int64_t i;
        if (a.n < 1)
                return SH_NONE;
        if (!sh_is_enumerable(v))
                return v.kind == SH_STRING ? SH_NONE : address_convert(sh, t, v, ret);
        while (n < 16 && sh_next(v, &pos, &item)) {
                if (!sh_to_int64(sh, item, &i))
                        return SH_NONE;
                b[n++] = (uint8_t)i;
        }
        if (n != 4 && n != 16)
                return sh_throw_argument(sh, a, "An invalid IP address was specified. (Parameter 'address')");
        *ret = address_new(b, n, 0);
        return SH_OK;
}
static bool address_equals(struct sv a, struct sv b)
{
        return b.kind == SH_OTHER && b.o->type == &address_type && address_of(a)->n == address_of(b)->n &&
               !memcmp(address_of(a)->b, address_of(b)->b, address_of(a)->n);
}
static uint32_t address_hash(struct sv v)
{
        uint32_t h = 2166136261u;
        for (int i = 0; i < address_of(v)->n; i++)
                h = (h ^ address_of(v)->b[i]) * 16777619u;
        return h;
}
#define CONSTANT(name, text) SH_SP(name, "static ipaddress " name " {get;}", address_constant, (intptr_t)text)
static const struct sh_member address_members[] = {
        SH_P("AddressFamily", "System.Net.Sockets.AddressFamily AddressFamily {get;}", address_get, 'f'),
        SH_P("ScopeId", "long ScopeId {get;set;}", address_get, 's'),
        SH_P("IsIPv6Multicast", "bool IsIPv6Multicast {get;}", address_get, 'm'),
        SH_P("IsIPv6LinkLocal", "bool IsIPv6LinkLocal {get;}", address_get, 'l'),
        SH_P("IsIPv6SiteLocal", "bool IsIPv6SiteLocal {get;}", address_get, 'p'),
        SH_P("IsIPv6Teredo", "bool IsIPv6Teredo {get;}", address_get, 't'),
        SH_P("IsIPv6UniqueLocal", "bool IsIPv6UniqueLocal {get;}", address_get, 'u'),
        SH_P("IsIPv4MappedToIPv6", "bool IsIPv4MappedToIPv6 {get;}", address_get, '4'),
        SH_P("Address", "long Address {get;set;}", address_get, 'a'),
        SH_P("IPAddressToString", "string IPAddressToString {get;}", address_get, 'x'),
        SH_M("GetAddressBytes", "byte[] GetAddressBytes()", address_do, 'b'),
        SH_M("MapToIPv4", "ipaddress MapToIPv4()", address_do, '4'),
        SH_M("MapToIPv6", "ipaddress MapToIPv6()", address_do, '6'),
        SH_SM("Parse", "static ipaddress Parse(string ipString)", address_static, 'p'),
        SH_SM("TryParse", "static bool TryParse(string ipString, [ref] ipaddress address)", address_static,
              't'),
        SH_SM("IsLoopback", "static bool IsLoopback(ipaddress address)", address_static, 'l'),
        SH_SM("HostToNetworkOrder", "static int HostToNetworkOrder(int host)", address_order),
        SH_SM("NetworkToHostOrder", "static int NetworkToHostOrder(int network)", address_order),
        CONSTANT("Any", "0.0.0.0"),
        CONSTANT("Loopback", "127.0.0.1"),
        CONSTANT("Broadcast", "255.255.255.255"),
        CONSTANT("None", "255.255.255.255"),
        CONSTANT("IPv6Any", "::"),
        CONSTANT("IPv6None", "::"),
        CONSTANT("IPv6Loopback", "::1"),
};
static const struct sh_type address_type = { .name = "System.Net.IPAddress",
                                             .accelerator = "ipaddress",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(address_members),
                                             .text = address_text,
                                             .equals = address_equals,
                                             .hash = address_hash,
                                             .convert = address_convert,
                                             .construct = address_construct };

/* ---- [System.Net.Dns] ---- */
static int dns_lookup(struct sh *sh, struct sh_args a, const char *host, struct sv *ret)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
        int e = getaddrinfo(host, NULL, &hints, &list);
        if (e)
                return sh_throw_member(sh, a, "System.Net.Sockets.SocketException", "%s: %s", host,
                                       gai_strerror(e));
        *ret = sh_array_typed(&address_type, 0);
        for (struct addrinfo *i = list; i; i = i->ai_next) {
                if (i->ai_family == AF_INET)
                        sh_array_take(ret->a,
                                      address_new(&((struct sockaddr_in *)i->ai_addr)->sin_addr, 4, 0));
                else if (i->ai_family == AF_INET6)
                        sh_array_take(ret->a,
                                      address_new(&((struct sockaddr_in6 *)i->ai_addr)->sin6_addr, 16,
                                                  ((struct sockaddr_in6 *)i->ai_addr)->sin6_scope_id));
        }
        freeaddrinfo(list);
        return SH_OK;
}
static const struct sh_member entry_members[] = {
        SH_FIELD(0, "HostName", "string HostName {get;set;}"),
        SH_FIELD(1, "Aliases", "string[] Aliases {get;set;}"),
        SH_FIELD(2, "AddressList", "ipaddress[] AddressList {get;set;}"),
};
static SH_FIELDS_TYPE(entry_type, "System.Net.IPHostEntry", entry_members);
static int dns_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        char host[256] = "";
        if (sh_member_arg(sh) == 'n') {
                gethostname(host, sizeof(host) - 1);
                *ret = sh_text(host);
                return SH_OK;
        }
        if (a.n < 1)
                return SH_NONE;
        struct sv name = sh_to_text(sh, a.v[0]), list;
        int st = dns_lookup(sh, a, name.s->s, &list);
        if (st == SH_OK && sh_member_arg(sh) == 'e') {
                *ret = sh_fields_new(&entry_type, 3);
                *sh_field(*ret, 0) = sh_keep(name);
                *sh_field(*ret, 1) = sh_array_typed(&sh_type_string, 0);
                *sh_field(*ret, 2) = list;
        } else if (st == SH_OK) {
                *ret = list;
        }
        sh_drop(name);
        return st;
}
static const struct sh_member dns_members[] = {
        SH_SM("GetHostName", "static string GetHostName()", dns_do, 'n'),
        SH_SM("GetHostAddresses", "static ipaddress[] GetHostAddresses(string hostNameOrAddress)", dns_do,
              'a'),
        SH_SM("GetHostEntry", "static System.Net.IPHostEntry GetHostEntry(string hostNameOrAddress)", dns_do,
              'e'),
};
static const struct sh_type dns_type = { .name = "System.Net.Dns",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(dns_members) };

/* ---- [mailaddress] ---- */
static const struct sh_member mail_members[] = {
        SH_FIELD(0, "DisplayName", "string DisplayName {get;}"),
        SH_FIELD(1, "User", "string User {get;}"),
        SH_FIELD(2, "Host", "string Host {get;}"),
        SH_FIELD(3, "Address", "string Address {get;}"),
};
static const struct sh_type mail_type;
static int mail_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        from = sh_unwrap(from);
        if (from.kind != SH_STRING)
                return SH_NONE;
        const char *s = from.s->s, *open = strchr(s, '<'), *close = open ? strchr(open, '>') : NULL;
        size_t shown = open ? (size_t)(open - s) : 0;
        while (shown && isspace((unsigned char)s[shown - 1]))
                shown--;
        const char *addr = open ? open + 1 : s, *end = close ? close : s + strlen(s);
        const char *at = memchr(addr, '@', (size_t)(end - addr));
        bool bad = !at || at == addr || at + 1 == end || memchr(at + 1, '@', (size_t)(end - at - 1)) ||
                   memchr(addr, ' ', (size_t)(end - addr)) || (open && !close);
        if (bad)
                return sh_throw_cast(
                        sh, "InvalidCastConstructorException", from, t,
                        "The specified string is not in the form required for an e-mail address.");
        bool quoted = shown > 1 && s[0] == '"' && s[shown - 1] == '"';
        *ret = sh_fields_new(&mail_type, 4);
        *sh_field(*ret, 0) = sh_string(s + quoted, shown - 2 * quoted);
        *sh_field(*ret, 1) = sh_string(addr, (size_t)(at - addr));
        *sh_field(*ret, 2) = sh_string(at + 1, (size_t)(end - at - 1));
        *sh_field(*ret, 3) = sh_string(addr, (size_t)(end - addr));
        return SH_OK;
}
static int mail_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sv x;
        if (a.n != 1 && a.n != 2)
                return SH_NONE;
        if (!sh_try_convert(sh, a.v[0], t, &x))
                return sh_throw_member(
                        sh, a, "System.FormatException",
                        "The specified string is not in the form required for an e-mail address.");
        if (a.n == 2) {
                sh_drop(*sh_field(x, 0));
                *sh_field(x, 0) = sh_to_text(sh, a.v[1]);
        }
        *ret = x;
        return SH_OK;
}
static void mail_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        if (sh_field(self, 0)->s->len)
                sh_buf_putf(b, "\"%s\" <%s>", sh_field(self, 0)->s->s, sh_field(self, 3)->s->s);
        else
                sh_buf_puts(b, sh_field(self, 3)->s->s);
}
static const struct sh_type mail_type = { .name = "System.Net.Mail.MailAddress",
                                          .accelerator = "mailaddress",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(mail_members),
                                          .text = mail_text,
                                          .convert = mail_convert,
                                          .construct = mail_construct,
                                          .free = sh_fields_free };

/* ---- WebUtility, HttpUtility ---- */
static const struct {
        const char *name;
        uint32_t cp;
} entities[] = { { "amp", '&' },    { "lt", '<' },     { "gt", '>' },   { "quot", '"' },  { "apos", '\'' },
                 { "nbsp", 160 },   { "copy", 169 },   { "reg", 174 },  { "euro", 8364 }, { "hellip", 8230 },
                 { "ndash", 8211 }, { "mdash", 8212 }, { "auml", 228 }, { "ouml", 246 },  { "uuml", 252 },
                 { "szlig", 223 },  { "Auml", 196 },   { "Ouml", 214 }, { "Uuml", 220 },  { "eacute", 233 },
                 { "egrave", 232 } };
void sh_html_escape(struct sh_buf *b, const char *s, size_t n)
{
        for (size_t i = 0; i < n;) {
                unsigned len;
                uint32_t cp = sh_utf_next(s + i, n - i, &len);
                const char *as = cp == '&'    ? "&amp;"
                                 : cp == '<'  ? "&lt;"
                                 : cp == '>'  ? "&gt;"
                                 : cp == '"'  ? "&quot;"
                                 : cp == '\'' ? "&#39;"
                                              : NULL;
                if (as)
                        sh_buf_puts(b, as);
                else if ((cp >= 160 && cp < 256) || (cp >= 0x10000 && cp < 0x110000))
                        sh_buf_putf(b, "&#%u;", cp);
                else
                        sh_buf_put(b, s + i, len);
                i += len;
        }
}
void sh_html_unescape(struct sh_buf *b, const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const char *end = s[i] == '&' ? memchr(s + i, ';', n - i < 12 ? n - i : 12) : NULL;
                size_t len = end ? (size_t)(end - s) - i - 1 : 0;
                uint32_t cp = 0;
                if (len > 1 && s[i + 1] == '#')
                        cp = (uint32_t)strtoul(s + i + 2 + ((s[i + 2] | 32) == 'x'), NULL,
                                               (s[i + 2] | 32) == 'x' ? 16 : 10);
                for (size_t k = 0; len && k < sizeof(entities) / sizeof(*entities); k++)
                        if (strlen(entities[k].name) == len && !memcmp(entities[k].name, s + i + 1, len))
                                cp = entities[k].cp;
                if (cp && cp < 0x110000) {
                        sh_buf_cp(b, cp);
                        i += len + 1;
                } else {
                        sh_buf_put(b, s + i, 1);
                }
        }
}
/* UrlEncode as forms have it: blanks are +. lower: HttpUtility writes %c3, WebUtility %C3. */
static void form_encode(struct sh_buf *b, const char *s, size_t n, bool lower)
{
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)s[i];
                if (c == ' ')
                        sh_buf_put(b, "+", 1);
                else if (isalnum(c) || strchr("-_.!*()", c))
                        sh_buf_put(b, s + i, 1);
                else
                        sh_buf_putf(b, lower ? "%%%02x" : "%%%02X", c);
        }
}
static int web_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 };
        if (a.n != 1)
                return SH_NONE;
        if (sh_is_null(a.v[0])) {
                *ret = SH_NIL;
                return SH_OK;
        }
        struct sv s = sh_to_text(sh, a.v[0]);
        switch (sh_member_arg(sh)) {
        case 'e': form_encode(&b, s.s->s, s.s->len, false); break;
        case 'E': form_encode(&b, s.s->s, s.s->len, true); break;
        case 'd': sh_url_unescape(&b, s.s->s, s.s->len, true); break;
        case 'h': sh_html_escape(&b, s.s->s, s.s->len); break;
        case 'p': sh_url_escape(&b, s.s->s, s.s->len, "!*'();:@&=+$,/?#[]"); break;
        default: sh_html_unescape(&b, s.s->s, s.s->len);
        }
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        sh_drop(s);
        return SH_OK;
}
static int query_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n < 1)
                return SH_NONE;
        struct sv s = sh_to_text(sh, a.v[0]), h = sh_hash_new(true);
        for (const char *p = s.s->s + (*s.s->s == '?'); *p;) {
                size_t n = strcspn(p, "&");
                const char *eq = memchr(p, '=', n);
                struct sh_buf k = { 0 }, v = { 0 };
                sh_url_unescape(&k, p, eq ? (size_t)(eq - p) : n, true);
                if (eq)
                        sh_url_unescape(&v, eq + 1, n - (size_t)(eq + 1 - p), true);
                struct sv key = sh_buf_take(&k), value = sh_buf_take(&v);
                sh_hash_set(h.h, key, value);
                sh_drop(key);
                sh_drop(value);
                p += n + (p[n] == '&');
        }
        sh_drop(s);
        *ret = h;
        return SH_OK;
}
#define HTML \
        SH_SM("HtmlEncode", "static string HtmlEncode(string value)", web_do, 'h'), \
                SH_SM("HtmlDecode", "static string HtmlDecode(string value)", web_do, 'H'), \
                SH_SM("UrlDecode", "static string UrlDecode(string encodedValue)", web_do, 'd')
static const struct sh_member web_members[] = {
        HTML, SH_SM("UrlEncode", "static string UrlEncode(string value)", web_do, 'e')
};
static const struct sh_member http_members[] = {
        HTML, SH_SM("UrlEncode", "static string UrlEncode(string str)", web_do, 'E'),
        SH_SM("UrlPathEncode", "static string UrlPathEncode(string str)", web_do, 'p'),
        SH_SM("ParseQueryString",
              "static System.Collections.Specialized.NameValueCollection ParseQueryString(string query)",
              query_parse)
};
static const struct sh_type web_type = { .name = "System.Net.WebUtility",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(web_members) };
static const struct sh_type http_type = { .name = "System.Web.HttpUtility",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(http_members) };

/* ---- ServicePointManager: scripts set it before they fetch; what is negotiated is libcurl's affair ---- */
SH_ENUM_TYPE(protocol_enum, "System.Net.SecurityProtocolType", true, { "SystemDefault", 0 }, { "Ssl3", 48 },
             { "Tls", 192 }, { "Tls11", 768 }, { "Tls12", 3072 }, { "Tls13", 12288 });
static int point_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        intptr_t what = sh_member_arg(sh);
        *ret = what == 'p'   ? sh_enum_value(&protocol_enum, 0)
               : what == 'n' ? sh_int(10)
               : what == 'b' ? sh_bool(true)
                             : SH_NIL;
        return SH_OK;
}
static int point_set(struct sh *sh, struct sv self, struct sv v)
{
        struct sv x;
        (void)self;
        if (sh_member_arg(sh) != 'p')
                return SH_OK;
        int st = sh_convert(sh, v, &protocol_enum.type, &x);
        if (st == SH_OK)
                sh_drop(x);
        return st;
}
static const struct sh_member point_members[] = {
        { "SecurityProtocol", SH_PROPERTY, true,
          "static System.Net.SecurityProtocolType SecurityProtocol {get;set;}", point_get, point_set, 'p' },
        { "ServerCertificateValidationCallback", SH_PROPERTY, true,
          "static System.Net.Security.RemoteCertificateValidationCallback "
          "ServerCertificateValidationCallback {get;set;}",
          point_get, point_set, 'c' },
        { "DefaultConnectionLimit", SH_PROPERTY, true, "static int DefaultConnectionLimit {get;set;}",
          point_get, point_set, 'n' },
        { "Expect100Continue", SH_PROPERTY, true, "static bool Expect100Continue {get;set;}", point_get,
          point_set, 'b' },
};
static const struct sh_type point_type = { .name = "System.Net.ServicePointManager",
                                           .base = &sh_type_object,
                                           SH_MEMBERS(point_members) };

SH_TYPES(net, &protocol_enum.type, &point_type, &address_type, &family_enum.type, &dns_type, &entry_type,
         &mail_type, &web_type, &http_type);
