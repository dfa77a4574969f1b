/* SPDX-License-Identifier: MIT
 *
 * [uri]: an address taken apart once, when it is made; escaping and unescaping. [UriBuilder]: its parts, to be changed.
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/types.h"
#include "shell/url.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- escapes ---- */
static bool unreserved(unsigned char c)
{
        return isalnum(c) || strchr("-_.~", c);
}
void sh_url_escape(struct sh_buf *b, const char *s, size_t n, const char *also_kept)
{
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)s[i];
                if (unreserved(c) || (c && strchr(also_kept, c)))
                        sh_buf_put(b, s + i, 1);
                else
                        sh_buf_putf(b, "%%%02X", c);
        }
}
void sh_url_unescape(struct sh_buf *b, const char *s, size_t n, bool plus)
{
        for (size_t i = 0; i < n; i++) {
                unsigned v;
                if (s[i] == '%' && i + 2 < n && isxdigit((unsigned char)s[i + 1]) &&
                    isxdigit((unsigned char)s[i + 2]) && sscanf(s + i + 1, "%2x", &v) == 1) {
                        sh_buf_put(b, (char[]) { (char)v }, 1);
                        i += 2;
                } else {
                        sh_buf_put(b, plus && s[i] == '+' ? " " : s + i, 1);
                }
        }
}

/* ---- an address ---- */
enum { U_SCHEME, U_USER, U_HOST, U_PATH, U_QUERY, U_FRAGMENT, U_ORIGINAL, U_PARTS };
struct uri {
        struct sh_obj obj;
        struct sv part[U_PARTS];
        int port; /* -1: none */
        bool absolute;
};
static void set_part(struct uri *u, int i, struct sv owned)
{
        sh_drop(u->part[i]);
        u->part[i] = owned;
}
static struct uri *uri_of(struct sv v)
{
        return (struct uri *)v.o;
}
static const char *text(struct sv v, int i)
{
        return uri_of(v)->part[i].s->s;
}
static int default_port(const char *scheme)
{
        static const struct {
                const char *scheme;
                int port;
        } ports[] = { { "http", 80 }, { "https", 443 }, { "ftp", 21 },    { "ssh", 22 },   { "ws", 80 },
                      { "wss", 443 }, { "ldap", 389 },  { "telnet", 23 }, { "mailto", 25 } };
        for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++)
                if (!strcmp(ports[i].scheme, scheme))
                        return ports[i].port;
        return -1;
}
/* Escapes what may not stand in a path or query; what is escaped already stays. */
static struct sv clean(const char *s, size_t n, const char *kept)
{
        struct sh_buf b = { 0 };
        sh_url_escape(&b, s, n, kept);
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}
/* /a/./b/../c -> /a/c */
static struct sv clean_path(const char *s, size_t n)
{
        struct sh_buf b = { 0 };
        for (size_t i = 0; i < n;) {
                size_t end = i + 1;
                while (end < n && s[end] != '/')
                        end++;
                size_t len = end - i;
                bool last = end == n;
                if (s[i] == '/' && len == 2 && s[i + 1] == '.') {
                        if (last)
                                sh_buf_put(&b, "/", 1);
                } else if (s[i] == '/' && len == 3 && s[i + 1] == '.' && s[i + 2] == '.') {
                        while (b.n && b.p[--b.n] != '/')
                                ;
                        if (last)
                                sh_buf_put(&b, "/", 1);
                } else {
                        sh_buf_put(&b, s + i, len);
                }
                i = end;
        }
        struct sv r = clean(b.p ? b.p : "", b.n, "/%!$&'()*+,;=:@");
        sh_buf_free(&b);
        return r;
}
static struct sv lower(const char *s, size_t n)
{
        return sh_text_case(s, n, false);
}
static bool read_authority(struct uri *u, const char *s, size_t n)
{
        const char *at = memrchr(s, '@', n);
        if (at) {
                set_part(u, U_USER, sh_string(s, (size_t)(at - s)));
                n -= (size_t)(at + 1 - s);
                s = at + 1;
        }
        const char *close = n && *s == '[' ? memchr(s, ']', n) : NULL;
        const char *colon = memrchr(s, ':', n);
        if (colon && (!close || colon > close) && (close || !memchr(s, ':', (size_t)(colon - s)))) {
                int port = 0;
                for (const char *p = colon + 1; p < s + n; p++) {
                        if (!isdigit((unsigned char)*p) || (port = port * 10 + *p - '0') > 65535)
                                return false;
                }
                if (colon + 1 < s + n)
                        u->port = port;
                n = (size_t)(colon - s);
        }
        set_part(u, U_HOST, lower(s, n));
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)s[i]) && !strchr("-._[]:%~", s[i]) &&
                    !((unsigned char)s[i] & 0x80))
                        return false;
        return true;
}
static void read_tail(struct uri *u, const char *p, const char *end)
{
        const char *hash = memchr(p, '#', (size_t)(end - p)), *stop = hash ? hash : end;
        const char *mark = memchr(p, '?', (size_t)(stop - p)), *path_end = mark ? mark : stop;
        set_part(u, U_PATH,
                 *u->part[U_HOST].s->s || (path_end > p && *p == '/') || !u->absolute
                         ? clean_path(p, (size_t)(path_end - p))
                         : clean(p, (size_t)(path_end - p), "/%!$&'()*+,;=:@"));
        if (mark)
                set_part(u, U_QUERY, clean(mark, (size_t)(stop - mark), "/%!$&'()*+,;=:@?[]"));
        if (hash)
                set_part(u, U_FRAGMENT, clean(hash, (size_t)(end - hash), "/%!$&'()*+,;=:@?#"));
}
/* NULL, or what is wrong. relative: one without a scheme is taken too. */
static const char *parse(const char *s, size_t n, bool relative, struct sv *ret)
{
        while (n && isspace((unsigned char)*s))
                s++, n--;
        while (n && isspace((unsigned char)s[n - 1]))
                n--;
        struct sv r = sh_other_new(&sh_type_uri, sizeof(struct uri));
        struct uri *u = uri_of(r);
        for (int i = 0; i < U_PARTS; i++)
                u->part[i] = sh_text("");
        set_part(u, U_ORIGINAL, sh_string(s, n));
        u->port = -1;
        size_t k = 0;
        while (k < n && (isalnum((unsigned char)s[k]) || strchr("+-.", s[k])))
                k++;
        const char *why = NULL, *end = s + n, *p = s;
        if (n && *s == '/' && !relative) { /* a path of this host */
                u->absolute = true;
                set_part(u, U_SCHEME, sh_text("file"));
        } else if (k > 1 && k < n && s[k] == ':' && isalpha((unsigned char)*s)) {
                u->absolute = true;
                set_part(u, U_SCHEME, lower(s, k));
                p = s + k + 1;
                if (end - p >= 2 && p[0] == '/' && p[1] == '/') {
                        size_t host = 0;
                        p += 2;
                        while (p + host < end && !strchr("/?#", p[host]))
                                host++;
                        if (!read_authority(u, p, host))
                                why = "Invalid URI: The hostname could not be parsed.";
                        else if (!host && strcmp(text(r, U_SCHEME), "file"))
                                why = "Invalid URI: The hostname could not be parsed.";
                        p += host;
                }
        } else if (!relative) {
                why = n ? "Invalid URI: The format of the URI could not be determined."
                        : "Invalid URI: The URI is empty.";
        }
        read_tail(u, p, end);
        if (u->absolute && !*text(r, U_PATH) && *text(r, U_HOST))
                set_part(u, U_PATH, sh_text("/"));
        if (u->absolute && u->port < 0)
                u->port = default_port(text(r, U_SCHEME));
        if (why)
                sh_drop(r);
        else
                *ret = r;
        return why;
}
struct sv sh_uri_parse(const char *s, size_t n)
{
        struct sv r = SH_NIL;
        return parse(s, n, false, &r) ? SH_NIL : r;
}

static bool port_shown(struct uri *u)
{
        return u->port >= 0 && u->port != default_port(u->part[U_SCHEME].s->s);
}
static void put_authority(struct sh_buf *b, struct sv v, bool user)
{
        if (user && *text(v, U_USER))
                sh_buf_putf(b, "%s@", text(v, U_USER));
        sh_buf_puts(b, text(v, U_HOST));
        if (port_shown(uri_of(v)))
                sh_buf_putf(b, ":%d", uri_of(v)->port);
}
static void put_left(struct sh_buf *b, struct sv v)
{
        sh_buf_putf(b, "%s:", text(v, U_SCHEME));
        if (*text(v, U_HOST) || !strcmp(text(v, U_SCHEME), "file"))
                sh_buf_puts(b, "//");
        put_authority(b, v, true);
}
static void put_uri(struct sh_buf *b, struct sv v)
{
        if (!uri_of(v)->absolute) {
                sh_buf_puts(b, text(v, U_ORIGINAL));
                return;
        }
        put_left(b, v);
        sh_buf_puts(b, text(v, U_PATH));
        sh_buf_puts(b, text(v, U_QUERY));
        sh_buf_puts(b, text(v, U_FRAGMENT));
}
static struct sv segments(struct sv v)
{
        struct sv r = sh_array_typed(&sh_type_string, 0);
        for (const char *p = text(v, U_PATH), *end; *p; p = end) {
                end = strchr(p, '/');
                end = end ? end + 1 : p + strlen(p);
                sh_array_take(r.a, sh_string(p, (size_t)(end - p)));
        }
        return r;
}
static bool loopback(const char *host)
{
        return !*host || !strcmp(host, "localhost") || !strncmp(host, "127.", 4) || !strcmp(host, "[::1]");
}
static const char *host_type(const char *h)
{
        if (!*h)
                return "Basic";
        if (*h == '[')
                return "IPv6";
        return strspn(h, "0123456789.") == strlen(h) ? "IPv4" : "Dns";
}
enum {
        G_AUTHORITY = U_PARTS,
        G_URI,
        G_ABSOLUTE,
        G_DEFAULT,
        G_FILE,
        G_LOOP,
        G_LOCAL,
        G_PATHQUERY,
        G_PORT,
        G_SEGMENTS,
        G_HOSTTYPE,
        G_DNSHOST
};
static int uri_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct uri *u = uri_of(self);
        intptr_t what = sh_member_arg(sh);
        struct sh_buf b = { 0 };
        bool file = !strcmp(text(self, U_SCHEME), "file");
        if (!u->absolute && what != U_ORIGINAL && what != G_ABSOLUTE) {
                *ret = SH_NIL; /* a getter that throws is $null */
                return SH_OK;
        }
        switch (what) {
        case G_AUTHORITY: put_authority(&b, self, false); break;
        case G_URI: put_uri(&b, self); break;
        case G_ABSOLUTE: *ret = sh_bool(u->absolute); return SH_OK;
        case G_DEFAULT: *ret = sh_bool(!port_shown(u)); return SH_OK;
        case G_FILE: *ret = sh_bool(file); return SH_OK;
        case G_LOOP: *ret = sh_bool(loopback(text(self, U_HOST))); return SH_OK;
        case G_LOCAL: sh_url_unescape(&b, text(self, U_PATH), u->part[U_PATH].s->len, false); break;
        case G_PATHQUERY: sh_buf_putf(&b, "%s%s", text(self, U_PATH), text(self, U_QUERY)); break;
        case G_PORT: *ret = sh_int(u->port); return SH_OK;
        case G_SEGMENTS: *ret = segments(self); return SH_OK;
        case G_HOSTTYPE: *ret = sh_text(host_type(text(self, U_HOST))); return SH_OK;
        case G_DNSHOST:
                sh_buf_put(&b, text(self, U_HOST) + (*text(self, U_HOST) == '['),
                           strcspn(text(self, U_HOST) + (*text(self, U_HOST) == '['), "]"));
                break;
        default: *ret = sh_keep(u->part[what]); return SH_OK;
        }
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        return SH_OK;
}
static void uri_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        put_uri(b, self);
}
static int uri_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        from = sh_unwrap(from);
        if (from.kind != SH_STRING)
                return SH_NONE;
        /* PowerShell takes relative ones too */
        const char *why =
                parse(from.s->s, from.s->len, false, ret) ? parse(from.s->s, from.s->len, true, ret) : NULL;
        return why ? sh_throw_cast(sh, "InvalidCastConstructorException", from, t, "%s", why) : SH_OK;
}
SH_ENUM_TYPE(uri_kind, "System.UriKind", false, { "RelativeOrAbsolute", 0 }, { "Absolute", 1 },
             { "Relative", 2 });
SH_ENUM_TYPE(uri_partial, "System.UriPartial", false, { "Scheme", 0 }, { "Authority", 1 }, { "Path", 2 },
             { "Query", 3 });
static const char *parse_kind(const char *s, size_t n, int kind, struct sv *ret)
{
        if (kind == 2)
                return parse(s, n, true, ret);
        const char *why = parse(s, n, false, ret);
        return why && kind == 0 ? parse(s, n, true, ret) : why;
}
/* base + relative, as RFC 3986 5.2 has it */
static const char *join(struct sv base, const char *rel, struct sv *ret)
{
        struct sh_buf b = { 0 };
        struct sv r;
        if (*rel != '/' && !parse(rel, strlen(rel), false, &r)) {
                *ret = r;
                return NULL;
        }
        if (!strncmp(rel, "//", 2)) {
                sh_buf_putf(&b, "%s:%s", text(base, U_SCHEME), rel);
        } else {
                const char *path = text(base, U_PATH), *cut = strrchr(path, '/');
                put_left(&b, base);
                if (*rel == '?' || !*rel)
                        sh_buf_puts(&b, path);
                else if (*rel == '#')
                        sh_buf_putf(&b, "%s%s", path, text(base, U_QUERY));
                else if (*rel != '/')
                        sh_buf_put(&b, path, cut ? (size_t)(cut + 1 - path) : 0);
                if (!*rel)
                        sh_buf_puts(&b, text(base, U_QUERY));
                sh_buf_puts(&b, rel);
        }
        const char *why = parse(b.p, b.n, false, ret);
        sh_buf_free(&b);
        return why;
}
static int uri_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        int32_t kind = 1;
        struct sv s = sh_args_at(a, 0), rel = sh_args_at(a, 1), x;
        const char *why;
        if (a.n < 1 || a.n > 2)
                return SH_NONE;
        if (a.n == 2 && !(rel.kind == SH_ENUM && sh_args_enum(sh, a, 1, &uri_kind, &kind))) {
                if (!sh_try_convert(sh, s, &sh_type_uri, &x))
                        return SH_NONE;
                struct sv r = sh_to_text(sh, rel);
                why = uri_of(x)->absolute ? join(x, r.s->s, ret)
                                          : "This operation is not supported for a relative URI.";
                sh_drop(x);
                sh_drop(r);
        } else {
                if (s.kind != SH_STRING)
                        return SH_NONE;
                why = parse_kind(s.s->s, s.s->len, kind, ret);
        }
        return why ? sh_throw_member(sh, a, "System.UriFormatException", "%s", why) : SH_OK;
}
static int uri_escape(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 };
        intptr_t what = sh_member_arg(sh);
        if (a.n != 1)
                return SH_NONE;
        struct sv s = sh_to_text(sh, a.v[0]);
        if (what == 'u')
                sh_url_unescape(&b, s.s->s, s.s->len, false);
        else
                sh_url_escape(&b, s.s->s, s.s->len, what == 'd' ? "" : ";/?:@&=+$,#[]!'()*");
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        sh_drop(s);
        return SH_OK;
}
static int uri_try(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        bool create = sh_member_arg(sh) == 'c';
        int32_t kind = 0;
        struct sv s = sh_args_at(a, 0), r = SH_NIL;
        if (a.n != 2u + create || !sh_args_enum(sh, a, 1, &uri_kind, &kind))
                return SH_NONE;
        bool good = s.kind == SH_STRING && !parse_kind(s.s->s, s.s->len, kind, &r);
        *ret = sh_bool(good);
        if (!create) /* well formed: nothing in it needed escaping */
                *ret = sh_bool(good && !strchr(s.s->s, ' ') && !strchr(s.s->s, '\\') && !strchr(s.s->s, '<'));
        int st = create ? sh_ref_set(sh, a.v[2], r) : SH_OK;
        sh_drop(r);
        return st;
}
static void relative_of(const char *path, struct sv x, struct sv *ret)
{
        struct sv s = sh_printf("%s%s%s", path, text(x, U_QUERY), text(x, U_FRAGMENT));
        if (parse(s.s->s, s.s->len, true, ret))
                *ret = SH_NIL;
        sh_drop(s);
}
static int uri_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        struct sv x;
        int32_t p;
        if (a.n != 1)
                return SH_NONE;
        if (sh_member_arg(sh) == 'l') {
                if (!sh_args_enum(sh, a, 0, &uri_partial, &p))
                        return SH_NONE;
                put_left(&b, self);
                if (p == 0)
                        b.n = strlen(text(self, U_SCHEME)) + 3;
                if (p >= 2)
                        sh_buf_puts(&b, text(self, U_PATH));
                if (p == 3)
                        sh_buf_puts(&b, text(self, U_QUERY));
                *ret = sh_buf_take(&b);
                sh_buf_free(&b);
                return SH_OK;
        }
        if (!sh_try_convert(sh, a.v[0], &sh_type_uri, &x))
                return SH_NONE;
        bool same = !strcmp(text(self, U_SCHEME), text(x, U_SCHEME)) &&
                    !strcmp(text(self, U_HOST), text(x, U_HOST)) && uri_of(self)->port == uri_of(x)->port;
        const char *base = text(self, U_PATH), *path = text(x, U_PATH), *slash = strrchr(base, '/');
        size_t n = slash ? (size_t)(slash + 1 - base) : 0;
        bool under = same && !strncmp(base, path, n);
        if (sh_member_arg(sh) == 'b')
                *ret = sh_bool(under);
        else if (under)
                relative_of(path + n, x, ret);
        else
                *ret = sh_keep(x);
        sh_drop(x);
        return SH_OK;
}
static int uri_scheme(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_text((const char *)sh_member_arg(sh));
        return SH_OK;
}
static bool uri_equals(struct sv a, struct sv b)
{
        if (b.kind != SH_OTHER || b.o->type != &sh_type_uri)
                return false;
        struct sh_buf x = { 0 }, y = { 0 };
        put_uri(&x, a);
        put_uri(&y, b);
        bool same = x.n == y.n && !memcmp(x.p, y.p, x.n);
        sh_buf_free(&x);
        sh_buf_free(&y);
        return same;
}
static void uri_free(struct sh_obj *o)
{
        for (int i = 0; i < U_PARTS; i++)
                sh_drop(((struct uri *)o)->part[i]);
}
#define S(name, what) SH_P(name, "string " name " {get;}", uri_get, what)
#define B(name, what) SH_P(name, "bool " name " {get;}", uri_get, what)
static const struct sh_member uri_members[] = {
        S("AbsolutePath", U_PATH),
        S("AbsoluteUri", G_URI),
        S("LocalPath", G_LOCAL),
        S("Authority", G_AUTHORITY),
        SH_P("HostNameType", "System.UriHostNameType HostNameType {get;}", uri_get, G_HOSTTYPE),
        B("IsDefaultPort", G_DEFAULT),
        B("IsFile", G_FILE),
        B("IsLoopback", G_LOOP),
        S("PathAndQuery", G_PATHQUERY),
        SH_P("Segments", "string[] Segments {get;}", uri_get, G_SEGMENTS),
        S("Host", U_HOST),
        SH_P("Port", "int Port {get;}", uri_get, G_PORT),
        S("Query", U_QUERY),
        S("Fragment", U_FRAGMENT),
        S("Scheme", U_SCHEME),
        S("OriginalString", U_ORIGINAL),
        S("DnsSafeHost", G_DNSHOST),
        S("IdnHost", G_DNSHOST),
        B("IsAbsoluteUri", G_ABSOLUTE),
        S("UserInfo", U_USER),
        SH_M("GetLeftPart", "string GetLeftPart(System.UriPartial part)", uri_do, 'l'),
        SH_M("IsBaseOf", "bool IsBaseOf(uri uri)", uri_do, 'b'),
        SH_M("MakeRelativeUri", "uri MakeRelativeUri(uri uri)", uri_do, 'r'),
        SH_SM("EscapeDataString", "static string EscapeDataString(string stringToEscape)", uri_escape, 'd'),
        SH_SM("EscapeUriString", "static string EscapeUriString(string stringToEscape)", uri_escape, 'e'),
        SH_SM("UnescapeDataString", "static string UnescapeDataString(string stringToUnescape)", uri_escape,
              'u'),
        SH_SM("IsWellFormedUriString",
              "static bool IsWellFormedUriString(string uriString, System.UriKind uriKind)", uri_try, 'w'),
        SH_SM("TryCreate",
              "static bool TryCreate(string uriString, System.UriKind uriKind, [ref] uri result)", uri_try,
              'c'),
        SH_SP("UriSchemeHttp", "static string UriSchemeHttp {get;}", uri_scheme, (intptr_t) "http"),
        SH_SP("UriSchemeHttps", "static string UriSchemeHttps {get;}", uri_scheme, (intptr_t) "https"),
        SH_SP("UriSchemeFile", "static string UriSchemeFile {get;}", uri_scheme, (intptr_t) "file"),
        SH_SP("SchemeDelimiter", "static string SchemeDelimiter {get;}", uri_scheme, (intptr_t) "://"),
};
const struct sh_type sh_type_uri = { .name = "System.Uri",
                                     .accelerator = "uri",
                                     .base = &sh_type_object,
                                     SH_MEMBERS(uri_members),
                                     .text = uri_text,
                                     .equals = uri_equals,
                                     .convert = uri_convert,
                                     .construct = uri_construct,
                                     .free = uri_free };

/* ---- [UriBuilder] ---- */
enum { B_SCHEME, B_HOST, B_PATH, B_QUERY, B_FRAGMENT, B_USER, B_PASSWORD, B_TEXTS, B_PORT = B_TEXTS, B_URI };
struct builder {
        struct sh_obj obj;
        struct sv part[B_TEXTS];
        int port;
};
static const struct sh_type sh_type_uri_builder;
static struct builder *builder_of(struct sv v)
{
        return (struct builder *)v.o;
}
static void builder_free(struct sh_obj *o)
{
        for (int i = 0; i < B_TEXTS; i++)
                sh_drop(((struct builder *)o)->part[i]);
}
static void builder_put(struct builder *b, int what, const char *s, size_t n)
{
        struct sh_buf t = { 0 };
        if ((what == B_QUERY && n && *s != '?') || (what == B_FRAGMENT && n && *s != '#') ||
            (what == B_PATH && (!n || *s != '/')))
                sh_buf_puts(&t, what == B_QUERY ? "?" : what == B_FRAGMENT ? "#" : "/");
        if (what == B_PATH)
                sh_url_escape(&t, s, n, "/%!$&'()*+,;=:@");
        else
                sh_buf_put(&t, s, n);
        sh_drop(b->part[what]);
        b->part[what] = what == B_SCHEME ? sh_text_case(s, n, false) : sh_buf_take(&t);
        sh_buf_free(&t);
}
static void builder_text(struct sh *sh, struct sv self, struct sh_buf *t)
{
        const struct builder *b = builder_of(self);
        const char *host = b->part[B_HOST].s->s;
        (void)sh;
        sh_buf_putf(t, "%s:%s", b->part[B_SCHEME].s->s,
                    *host || !strcmp(b->part[B_SCHEME].s->s, "file") ? "//" : "");
        if (*b->part[B_USER].s->s)
                sh_buf_putf(t, "%s%s%s@", b->part[B_USER].s->s, *b->part[B_PASSWORD].s->s ? ":" : "",
                            b->part[B_PASSWORD].s->s);
        sh_buf_puts(t, host);
        if (b->port >= 0 && *host)
                sh_buf_putf(t, ":%d", b->port);
        for (int i = B_PATH; i <= B_FRAGMENT; i++)
                sh_buf_puts(t, b->part[i].s->s);
}
static struct sv builder_from(struct sv uri)
{
        static const int from[] = { U_SCHEME, U_HOST, U_PATH, U_QUERY, U_FRAGMENT };
        struct sv r = sh_other_new(&sh_type_uri_builder, sizeof(struct builder));
        struct builder *b = builder_of(r);
        for (int i = 0; i < B_TEXTS; i++)
                b->part[i] = sh_text("");
        for (int i = 0; i <= B_FRAGMENT; i++)
                builder_put(b, i, text(uri, from[i]), strlen(text(uri, from[i])));
        const char *user = text(uri, U_USER), *colon = strchr(user, ':');
        builder_put(b, B_USER, user, colon ? (size_t)(colon - user) : strlen(user));
        if (colon)
                builder_put(b, B_PASSWORD, colon + 1, strlen(colon + 1));
        b->port = uri_of(uri)->port;
        return r;
}
/* (), ("http://host"), (uri), (scheme, host[, port[, path[, query]]]); without a scheme http is meant. */
static int builder_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sv uri, first = a.n ? sh_unwrap(a.v[0]) : SH_NIL;
        struct sh_buf whole = { 0 };
        (void)t;
        if (a.n > 5)
                return SH_NONE;
        if (a.n == 1 && first.kind == SH_OTHER && first.o->type == &sh_type_uri) {
                *ret = builder_from(first);
                return SH_OK;
        }
        struct sv s = a.n == 0 ? sh_text("http://localhost/") : sh_to_text(sh, a.v[0]);
        if (a.n > 1) {
                struct sv host = sh_to_text(sh, a.v[1]);
                sh_buf_putf(&whole, "%s://%s", s.s->s, host.s->s);
                sh_drop(host);
        } else if (!strstr(s.s->s, "://") && strncmp(s.s->s, "mailto:", 7) != 0)
                sh_buf_putf(&whole, "http://%s", s.s->s);
        else
                sh_buf_puts(&whole, s.s->s);
        sh_drop(s);
        const char *why = parse(whole.p, whole.n, false, &uri);
        sh_buf_free(&whole);
        if (why)
                return sh_throw_in_method(sh, "System.UriFormatException", ".ctor", a.n, "%s", why);
        *ret = builder_from(uri);
        sh_drop(uri);
        struct builder *b = builder_of(*ret);
        int64_t port;
        if (a.n > 1)
                b->port = a.n > 2 && sh_args_int(sh, a, 2, &port) && port >= -1 && port <= 65535 ? (int)port
                                                                                                 : -1;
        for (uint32_t i = 3; i < a.n; i++) {
                struct sv x = sh_to_text(sh, a.v[i]);
                builder_put(b, i == 3 ? B_PATH : B_QUERY, x.s->s, x.s->len);
                sh_drop(x);
        }
        return SH_OK;
}
static int builder_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sv v = sh_unwrap(from);
        if (v.kind != SH_STRING && !(v.kind == SH_OTHER && v.o->type == &sh_type_uri))
                return SH_NONE;
        return builder_construct(sh, t, (struct sh_args) { 1, &v }, ret);
}
static int builder_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct builder *b = builder_of(self);
        intptr_t what = sh_member_arg(sh);
        (void)a;
        if (what == B_PORT) {
                *ret = sh_int(b->port);
        } else if (what == B_URI) {
                struct sh_buf t = { 0 };
                builder_text(sh, self, &t);
                const char *why = parse(t.p, t.n, false, ret);
                sh_buf_free(&t);
                if (why)
                        return sh_throw_in_method(sh, "System.UriFormatException", "Uri", 0, "%s", why);
        } else {
                *ret = sh_keep(b->part[what]);
        }
        return SH_OK;
}
static int builder_set(struct sh *sh, struct sv self, struct sv value)
{
        intptr_t what = sh_member_arg(sh);
        int64_t port;
        if (what == B_PORT) {
                if (!sh_to_int64(sh, value, &port) || port < -1 || port > 65535)
                        return sh_throw_inner(sh, "System.ArgumentOutOfRangeException",
                                              "ExceptionWhenSetting", "InvalidOperation", SH_NIL,
                                              "A port is a number from -1 to 65535.");
                builder_of(self)->port = (int)port;
                return SH_OK;
        }
        struct sv s = sh_to_text(sh, value);
        builder_put(builder_of(self), (int)what, s.s->s, s.s->len);
        sh_drop(s);
        return SH_OK;
}
static int builder_to_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf t = { 0 };
        if (a.n)
                return SH_NONE;
        builder_text(sh, self, &t);
        *ret = sh_buf_take(&t);
        sh_buf_free(&t);
        return SH_OK;
}
#define BUILDER(name, type, which) \
        { \
                name, SH_PROPERTY, .signature = type " " name " {get;set;}", .call = builder_get, \
                                   .set = builder_set, .arg = which \
        }
static const struct sh_member builder_members[] = {
        BUILDER("Fragment", "string", B_FRAGMENT),
        BUILDER("Host", "string", B_HOST),
        BUILDER("Password", "string", B_PASSWORD),
        BUILDER("Path", "string", B_PATH),
        BUILDER("Port", "int", B_PORT),
        BUILDER("Query", "string", B_QUERY),
        BUILDER("Scheme", "string", B_SCHEME),
        { "Uri", SH_PROPERTY, .signature = "uri Uri {get;}", .call = builder_get, .arg = B_URI },
        BUILDER("UserName", "string", B_USER),
        { "ToString", SH_METHOD, .signature = "string ToString()", .call = builder_to_string },
};
static const struct sh_type sh_type_uri_builder = {
        .name = "System.UriBuilder",
        .base = &sh_type_object,
        .members = builder_members,
        .nmembers = sizeof builder_members / sizeof *builder_members,
        .text = builder_text,
        .convert = builder_convert,
        .construct = builder_construct,
        .free = builder_free,
        .kind = SH_OTHER,
};

SH_TYPES(uri, &sh_type_uri_builder, &sh_type_uri, &uri_kind.type, &uri_partial.type);
