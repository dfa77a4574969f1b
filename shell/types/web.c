/* SPDX-License-Identifier: MIT
 *
 * Responses of Invoke-WebRequest, and [System.Net.HttpStatusCode].
 */
#include "shell/web.h"
#include "shell/dotnet.h"
#include "shell/fields.h"
#include "shell/types.h"

#include <string.h>

SH_ENUM_TYPE(status_enum, "System.Net.HttpStatusCode", false, { "Continue", 100 },
             { "SwitchingProtocols", 101 }, { "OK", 200 }, { "Created", 201 }, { "Accepted", 202 },
             { "NonAuthoritativeInformation", 203 }, { "NoContent", 204 }, { "ResetContent", 205 },
             { "PartialContent", 206 }, { "MultiStatus", 207 }, { "MultipleChoices", 300 },
             { "MovedPermanently", 301 }, { "Found", 302 }, { "SeeOther", 303 }, { "NotModified", 304 },
             { "UseProxy", 305 }, { "TemporaryRedirect", 307 }, { "PermanentRedirect", 308 },
             { "BadRequest", 400 }, { "Unauthorized", 401 }, { "PaymentRequired", 402 }, { "Forbidden", 403 },
             { "NotFound", 404 }, { "MethodNotAllowed", 405 }, { "NotAcceptable", 406 },
             { "ProxyAuthenticationRequired", 407 }, { "RequestTimeout", 408 }, { "Conflict", 409 },
             { "Gone", 410 }, { "LengthRequired", 411 }, { "PreconditionFailed", 412 },
             { "RequestEntityTooLarge", 413 }, { "RequestUriTooLong", 414 }, { "UnsupportedMediaType", 415 },
             { "RequestedRangeNotSatisfiable", 416 }, { "ExpectationFailed", 417 },
             { "UnprocessableEntity", 422 }, { "Locked", 423 }, { "UpgradeRequired", 426 },
             { "PreconditionRequired", 428 }, { "TooManyRequests", 429 }, { "InternalServerError", 500 },
             { "NotImplemented", 501 }, { "BadGateway", 502 }, { "ServiceUnavailable", 503 },
             { "GatewayTimeout", 504 }, { "HttpVersionNotSupported", 505 }, { "InsufficientStorage", 507 });

struct sv sh_http_status(long status)
{
        return sh_enum_value(&status_enum, (int32_t)status);
}

const char *sh_http_reason(long status)
{
        static char text[64];
        const char *name = sh_enum_name(&status_enum, (int32_t)status);
        size_t k = 0;
        for (const char *p = name; p && *p && k + 2 < sizeof(text); p++) { /* NotFound -> Not Found */
                if (p > name && *p >= 'A' && *p <= 'Z' && p[1] >= 'a')
                        text[k++] = ' ';
                text[k++] = *p;
        }
        text[k] = 0;
        return text;
}

static const struct sh_member response_members[] = {
        SH_FIELD(0, "StatusCode", "int StatusCode {get;}"),
        SH_FIELD(1, "StatusDescription", "string StatusDescription {get;}"),
        SH_FIELD(2, "Content", "string Content {get;}"),
        SH_FIELD(3, "RawContent", "string RawContent {get;set;}"),
        SH_FIELD(4, "Headers", "System.Collections.Generic.Dictionary[string,string[]] Headers {get;}"),
        SH_FIELD(5, "Images", "System.Object[] Images {get;}"),
        SH_FIELD(5, "InputFields", "System.Object[] InputFields {get;}"),
        SH_FIELD(5, "Links", "System.Object[] Links {get;}"),
        SH_FIELD(6, "RawContentLength", "long RawContentLength {get;}"),
        SH_FIELD(7, "RelationLink",
                 "System.Collections.Generic.Dictionary[string,string] RelationLink {get;}"),
};
static SH_FIELDS_TYPE(response_type, "Microsoft.PowerShell.Commands.BasicHtmlWebResponseObject",
                      response_members);

/* Link: <https://...?page=2>; rel="next" */
static struct sv relations(struct sv headers)
{
        struct sv h = sh_hash_new(true), list, key = sh_text("Link");
        if (sh_hash_get(headers.h, key, &list) && list.kind == SH_ARRAY && list.a->n) {
                for (const char *p = list.a->v[0].s->s; (p = strchr(p, '<'));) {
                        const char *end = strchr(p, '>'), *rel = end ? strstr(end, "rel=\"") : NULL,
                                   *stop = rel ? strchr(rel + 5, '"') : NULL;
                        if (!stop)
                                break;
                        struct sv name = sh_string(rel + 5, (size_t)(stop - rel - 5)),
                                  url = sh_string(p + 1, (size_t)(end - p - 1));
                        sh_hash_set(h.h, name, url);
                        sh_drop(name);
                        sh_drop(url);
                        p = stop;
                }
        }
        sh_drop(key);
        return h;
}

struct sv sh_response_new(int status, const char *reason, struct sv content, struct sv raw, struct sv headers,
                          int64_t length)
{
        struct sv r = sh_fields_new(&response_type, 8);
        *sh_field(r, 0) = sh_int(status);
        *sh_field(r, 1) = sh_text(reason);
        *sh_field(r, 2) = sh_keep(content);
        *sh_field(r, 3) = sh_keep(raw);
        *sh_field(r, 4) = sh_keep(headers);
        *sh_field(r, 5) = sh_array_new(0);
        *sh_field(r, 6) = sh_long(length);
        *sh_field(r, 7) = relations(headers);
        return r;
}

SH_TYPES(web, &response_type, &status_enum.type);
