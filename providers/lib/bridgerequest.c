/* SPDX-License-Identifier: MIT
 *
 * Requests of Docker clients: see bridgerequest.h.
 */
#include "providers/lib/bridgerequest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "providers/lib/http.h"

static int hex(char c)
{
        const char *digits = "0123456789abcdef",
                   *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
        return p ? (int)(p - digits) : -1;
}

/* In place. What a text may not hold at all: control characters. component: nor slashes. */
static bool decode(char *s, bool component)
{
        char *to = s;
        for (; *s; s++) {
                unsigned char c = (unsigned char)*s;
                if (c == '%') {
                        int high = hex(s[1]), low = high < 0 ? -1 : hex(s[2]);
                        if (low < 0)
                                return false;
                        c = (unsigned char)(high << 4 | low);
                        s += 2;
                } else if (c == '+' && !component) {
                        c = ' ';
                }
                if (c < ' ' ? component || c != '\n' : c == 0x7f)
                        return false;
                if (component && (c == '/' || c == '\\'))
                        return false;
                *to++ = (char)c;
        }
        *to = 0;
        return true;
}

static bool is_version(const char *s)
{
        return strlen(s) < 8 && s[0] == 'v' && s[1] == '1' && s[2] == '.' && s[3] &&
               strspn(s + 3, "0123456789") == strlen(s + 3);
}

static const char *parse_path(struct rv_bridge_request *r, char *path)
{
        if (*path != '/')
                return "the target is no path";
        for (char *part = path + 1, *next; part; part = next) {
                next = strchr(part, '/');
                if (next)
                        *next++ = 0;
                if (!decode(part, true) || !*part || strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
                        return "a component of the path is empty, has dots only or characters that it may "
                               "not have";
                if (r->nparts == 0 && !*r->version && is_version(part))
                        snprintf(r->version, sizeof r->version, "%s", part);
                else if (r->nparts == RV_BRIDGE_PARTS)
                        return "the path has too many components";
                else
                        r->part[r->nparts++] = part;
        }
        return r->nparts ? NULL : "the path has no components";
}

static const char *parse_query(struct rv_bridge_request *r, char *query)
{
        for (char *one = query, *next; one && *one; one = next) {
                next = strchr(one, '&');
                if (next)
                        *next++ = 0;
                char *value = strchr(one, '=');
                if (value)
                        *value++ = 0;
                else
                        value = one + strlen(one);
                if (strchr(one, ';') || strchr(value, ';') || !decode(one, false) || !decode(value, false) ||
                    !*one)
                        return "a parameter has no name or characters that it may not have";
                if (r->nquery == RV_BRIDGE_QUERY)
                        return "there are too many parameters";
                r->query[r->nquery].name = one;
                r->query[r->nquery++].value = value;
        }
        return NULL;
}

static const char *parse_target(struct rv_bridge_request *r, char *target)
{
        for (const char *p = target; *p; p++)
                if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '#')
                        return "the target has characters that it may not have";
        char *query = strchr(target, '?');
        if (query)
                *query++ = 0;
        const char *why = parse_path(r, target);
        return why ? why : parse_query(r, query);
}

static const char *parse_length(struct rv_bridge_request *r, const char *v)
{
        if (r->length >= 0 || !*v || strlen(v) > 15 || strspn(v, "0123456789") != strlen(v))
                return "Content-Length is told twice, or is no number";
        r->length = strtoll(v, NULL, 10);
        return NULL;
}

static const char *take_header(struct rv_bridge_request *r, const char *name, const char *v)
{
        if (strcasecmp(name, "Content-Length") == 0)
                return parse_length(r, v);
        if (strcasecmp(name, "Transfer-Encoding") == 0) {
                if (r->chunked || strcasecmp(v, "chunked") != 0)
                        return "Transfer-Encoding is something else than chunked, once";
                r->chunked = true;
        } else if (strcasecmp(name, "Expect") == 0) {
                r->expects = strcasecmp(v, "100-continue") == 0;
        } else if (strcasecmp(name, "Upgrade") == 0) {
                if (strcmp(v, "tcp") != 0)
                        return "only an upgrade to tcp is understood";
                r->upgrade = true;
        } else if (strcasecmp(name, "Connection") == 0) {
                r->close |= strcasecmp(v, "close") == 0;
        } else if (strcasecmp(name, "Content-Type") == 0) {
                if (strlen(v) >= sizeof r->type)
                        return "Content-Type is too long";
                strcpy(r->type, v);
        } else if (strcasecmp(name, "X-Registry-Auth") == 0) {
                r->registry_auth = v;
        } else if (strcasecmp(name, "X-Registry-Config") == 0) {
                r->registry_config = v;
        }
        return NULL;
}

static const char *parse_headers(struct rv_bridge_request *r, char *line)
{
        static const char token[] =
                "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        for (unsigned n = 0; *line; n++) {
                char *end = strstr(line, "\r\n"), *v = strchr(line, ':');
                if (!end || n > 100)
                        return "the head has too many lines, or lines without their end";
                *end = 0;
                if (!v || v == line || strspn(line, token) != (size_t)(v - line))
                        return "a header has no name";
                *v++ = 0;
                v += strspn(v, " \t");
                for (char *p = end; p > v && (p[-1] == ' ' || p[-1] == '\t'); p--)
                        p[-1] = 0;
                for (const char *p = v; *p; p++)
                        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
                                return "a header has characters that it may not have";
                const char *why = take_header(r, line, v);
                if (why)
                        return why;
                line = end + 2;
        }
        return r->chunked && r->length >= 0 ? "a length and chunks cannot both be" : NULL;
}

const char *rv_bridge_parse(struct rv_bridge_request *r, const char *head, size_t n)
{
        static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", NULL };
        if (n > RV_BRIDGE_HEAD || n < 4 || memchr(head, 0, n))
                return "the head is too long, or has a NUL";
        memset(r, 0, offsetof(struct rv_bridge_request, text));
        r->length = -1;
        memcpy(r->text, head, n - 2); /* without the empty line */
        r->text[n - 2] = 0;
        char *end = strstr(r->text, "\r\n"), *target = strchr(r->text, ' ');
        if (!end || !target || target > end)
                return "the request line is none";
        *end = 0;
        *target++ = 0;
        char *protocol = strchr(target, ' ');
        if (!protocol || strcmp(protocol, " HTTP/1.1") != 0)
                return "only HTTP/1.1 is understood";
        *protocol = 0;
        for (const char *const *m = methods; *m && !*r->method; m++)
                if (strcmp(*m, r->text) == 0)
                        strcpy(r->method, *m);
        if (!*r->method)
                return "the method is none that the engine has";
        const char *why = parse_target(r, target);
        return why ? why : parse_headers(r, end + 2);
}

const char *rv_bridge_query(const struct rv_bridge_request *r, const char *name)
{
        for (unsigned i = 0; i < r->nquery; i++)
                if (strcmp(r->query[i].name, name) == 0)
                        return r->query[i].value;
        return NULL;
}

bool rv_bridge_target(const struct rv_bridge_request *r, char *to, size_t size)
{
        *to = 0;
        if (*r->version)
                snprintf(to, size, "/%s", r->version);
        for (unsigned i = 0; i < r->nparts; i++) {
                strncat(to, "/", size - strlen(to) - 1);
                rv_http_escape(to, size, r->part[i]);
        }
        for (unsigned i = 0; i < r->nquery; i++) {
                strncat(to, i ? "&" : "?", size - strlen(to) - 1);
                rv_http_escape(to, size, r->query[i].name);
                strncat(to, "=", size - strlen(to) - 1);
                rv_http_escape(to, size, r->query[i].value);
        }
        return strlen(to) + 8 < size;
}
