/* SPDX-License-Identifier: MIT
 *
 * Invoke-WebRequest, Invoke-RestMethod: one HTTP request by libcurl, which is loaded when first used. A response in
 * memory is bounded; with -OutFile it goes to the file as it comes. Ctrl-C ends the request.
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/error.h"
#include "shell/files.h"
#include "shell/json.h"
#include "shell/library.h"
#include "shell/secure.h"
#include "shell/text.h"
#include "shell/types.h"
#include "shell/url.h"
#include "shell/web.h"

enum { MOST = 256 << 20 }; /* bytes of a response in memory */

static void *curl_function(const char *name)
{
        static const char *const files[] = { "libcurl.so.4", "libcurl-gnutls.so.4", "libcurl-nss.so.4" };
        for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
                void *f = sh_library(files[i], name);
                if (f)
                        return f;
        }
        return NULL;
}
#define CURL_CALL(name) ((__typeof__(name) *)curl_function(#name))
/* curl/curl.h makes macros of these two */
#undef curl_easy_setopt
#undef curl_easy_getinfo

struct request {
        struct sh_cmd *c;
        CURL *curl;
        __typeof__(curl_easy_setopt) *set;
        struct curl_slist *headers;
        struct sh_buf url, method, body, content,
                head; /* head: the last response's status line and headers */
        char error[CURL_ERROR_SIZE];
        int out; /* -OutFile, or -1 */
        FILE *in;
        bool too_large, has_type;
        int file_error;
        struct sv result; /* what a callback of sh_check said: SH_OK or not */
        int stopped;
};

/* ---- what comes ---- */
static size_t take_body(char *p, size_t size, size_t n, void *state)
{
        struct request *r = state;
        n *= size;
        if (r->out < 0) {
                if (r->content.n + n > MOST) {
                        r->too_large = true;
                        return 0;
                }
                sh_buf_put(&r->content, p, n);
                return n;
        }
        for (size_t at = 0; at < n;) {
                ssize_t k = write(r->out, p + at, n - at);
                if (k < 0) {
                        r->file_error = errno;
                        return 0;
                }
                at += (size_t)k;
        }
        return n;
}
static size_t take_header(char *p, size_t size, size_t n, void *state)
{
        struct request *r = state;
        n *= size;
        if (n > 5 && !strncmp(p, "HTTP/", 5)) /* of the last response only */
                r->head.n = 0;
        if (r->head.n + n < 1 << 20)
                sh_buf_put(&r->head, p, n);
        return n;
}
static int under_way(void *state, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
        struct request *r = state;
        (void)a, (void)b, (void)c, (void)d;
        r->stopped = sh_check(sh_session(r->c));
        return r->stopped != SH_OK;
}

/* ---- what goes ---- */
static bool is_get(struct request *r)
{
        return !strcasecmp(r->method.p, "GET") || !strcasecmp(r->method.p, "HEAD");
}
static void put_form(struct sh *sh, struct sh_buf *b, struct sv table)
{
        struct sv k, v;
        for (uint32_t i = 0; sh_hash_at(table.h, i, &k, &v); i++) {
                struct sv name = sh_to_text(sh, k), value = sh_to_text(sh, v);
                if (b->n && b->p[b->n - 1] != '?')
                        sh_buf_put(b, "&", 1);
                sh_url_escape(b, name.s->s, name.s->len, "");
                sh_buf_put(b, "=", 1);
                sh_url_escape(b, value.s->s, value.s->len, "");
                sh_drop(name);
                sh_drop(value);
        }
}
static void header(struct request *r, const char *name, const char *value)
{
        struct sv line = *value ? sh_printf("%s: %s", name, value) : sh_printf("%s;", name);
        if (!strpbrk(line.s->s, "\r\n")) /* a value must not bring headers of its own */
                r->headers = CURL_CALL(curl_slist_append)(r->headers, line.s->s);
        r->has_type |= !strcasecmp(name, "Content-Type");
        sh_drop(line);
}
static void set_headers(struct request *r)
{
        struct sh *sh = sh_session(r->c);
        struct sv h = sh_unwrap(sh_arg(r->c, "Headers")), k, v;
        for (uint32_t i = 0; h.kind == SH_HASH && sh_hash_at(h.h, i, &k, &v); i++) {
                struct sv name = sh_to_text(sh, k), value = sh_to_text(sh, v);
                header(r, name.s->s, value.s->s);
                sh_drop(name);
                sh_drop(value);
        }
        if (sh_bound(r->c, "ContentType"))
                header(r, "Content-Type", sh_arg_text(r->c, "ContentType", ""));
        r->headers = CURL_CALL(curl_slist_append)(r->headers, "Expect:"); /* no waiting for 100 */
}
static int set_body(struct request *r)
{
        struct sh *sh = sh_session(r->c);
        struct sv body = sh_unwrap(sh_arg(r->c, "Body"));
        if (sh_bound(r->c, "InFile")) {
                char *full = sh_path_full(sh, sh_arg_text(r->c, "InFile", ""));
                r->in = fopen(full, "re");
                int st = r->in ? SH_OK
                               : sh_cmd_throw(r->c, "FileOpenFailure", "OpenError", SH_NIL,
                                              "The file '%s' cannot be read: %s.", full, strerror(errno));
                free(full);
                if (r->in) {
                        fseek(r->in, 0, SEEK_END);
                        r->set(r->curl, CURLOPT_UPLOAD, 1L);
                        r->set(r->curl, CURLOPT_READDATA, r->in);
                        r->set(r->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)ftell(r->in));
                        rewind(r->in);
                }
                return st;
        }
        if (sh_is_null(body))
                return SH_OK;
        if (body.kind == SH_HASH && is_get(r)) {
                sh_buf_puts(&r->url, strchr(r->url.p, '?') ? "&" : "?");
                put_form(sh, &r->url, body);
                return SH_OK;
        }
        bool form = body.kind == SH_HASH;
        if (form)
                put_form(sh, &r->body, body);
        else if (body.kind == SH_STRING || !sh_bytes_of(sh, body, &r->body))
                sh_buf_value(sh, &r->body, body);
        if (!r->has_type)
                header(r, "Content-Type", "application/x-www-form-urlencoded");
        r->set(r->curl, CURLOPT_POSTFIELDS, r->body.p ? r->body.p : "");
        r->set(r->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
        return SH_OK;
}
static void set_credentials(struct request *r)
{
        struct sv user, secure;
        const char *s;
        size_t n;
        if (sh_bound(r->c, "Token") && sh_secure_text(sh_arg(r->c, "Token"), &s, &n)) {
                struct sv t = sh_printf("Bearer %.*s", (int)n, s);
                header(r, "Authorization", t.s->s);
                sh_drop(t);
        }
        if (!sh_credential_parts(sh_arg(r->c, "Credential"), &user, &secure) ||
            !sh_secure_text(secure, &s, &n))
                return;
        struct sv password = sh_string(s, n);
        r->set(r->curl, CURLOPT_USERNAME, user.s->s);
        r->set(r->curl, CURLOPT_PASSWORD, password.s->s);
        bool basic = !strcasecmp(sh_arg_text(r->c, "Authentication", "None"), "Basic");
        r->set(r->curl, CURLOPT_HTTPAUTH,
               basic ? (long)CURLAUTH_BASIC : (long)CURLAUTH_ANYSAFE | (long)CURLAUTH_BASIC);
        explicit_bzero(password.s->s, password.s->len);
        sh_drop(password);
}
static int set_options(struct request *r)
{
        struct sh_cmd *c = r->c;
        int64_t most = sh_arg_int(c, "MaximumRedirection", 5);
        double seconds = 0, whole = 0;
        sh_to_double(sh_session(c), sh_arg(c, "TimeoutSec"), &seconds);
        sh_to_double(sh_session(c), sh_arg(c, "OperationTimeoutSeconds"), &whole);
        r->set(r->curl, CURLOPT_ERRORBUFFER, r->error);
        r->set(r->curl, CURLOPT_WRITEFUNCTION, take_body);
        r->set(r->curl, CURLOPT_WRITEDATA, r);
        r->set(r->curl, CURLOPT_HEADERFUNCTION, take_header);
        r->set(r->curl, CURLOPT_HEADERDATA, r);
        r->set(r->curl, CURLOPT_XFERINFOFUNCTION, under_way);
        r->set(r->curl, CURLOPT_XFERINFODATA, r);
        r->set(r->curl, CURLOPT_NOPROGRESS, 0L);
        r->set(r->curl, CURLOPT_NOSIGNAL, 1L);
        r->set(r->curl, CURLOPT_PROTOCOLS_STR, "http,https");
        r->set(r->curl, CURLOPT_REDIR_PROTOCOLS_STR,
               sh_switch(c, "AllowInsecureRedirect") || !strncasecmp(r->url.p, "http:", 5) ? "http,https"
                                                                                           : "https");
        r->set(r->curl, CURLOPT_FOLLOWLOCATION, (long)(most > 0));
        r->set(r->curl, CURLOPT_MAXREDIRS, (long)most);
        r->set(r->curl, CURLOPT_ACCEPT_ENCODING, "");
        r->set(r->curl, CURLOPT_USERAGENT,
               sh_arg_text(c, "UserAgent", "Mozilla/5.0 (Linux) PowerShell/7.5 reeve/" REEVE_VERSION));
        if (seconds > 0)
                r->set(r->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(seconds * 1000));
        if (whole > 0 || seconds > 0) /* of a transfer: no byte for so long */
                r->set(r->curl, CURLOPT_LOW_SPEED_TIME, (long)(whole > 0 ? whole : seconds) + 0L);
        if (whole > 0 || seconds > 0)
                r->set(r->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        if (sh_switch(c, "SkipCertificateCheck")) {
                r->set(r->curl, CURLOPT_SSL_VERIFYPEER, 0L);
                r->set(r->curl, CURLOPT_SSL_VERIFYHOST, 0L);
        }
        if (sh_bound(c, "UnixSocket"))
                r->set(r->curl, CURLOPT_UNIX_SOCKET_PATH, sh_arg_text(c, "UnixSocket", ""));
        if (sh_switch(c, "NoProxy"))
                r->set(r->curl, CURLOPT_PROXY, "");
        else if (sh_bound(c, "Proxy"))
                r->set(r->curl, CURLOPT_PROXY, sh_arg_text(c, "Proxy", ""));
        set_headers(r);
        set_credentials(r);
        int st = set_body(r);
        r->set(r->curl, CURLOPT_URL, r->url.p);
        r->set(r->curl, CURLOPT_CUSTOMREQUEST, r->method.p);
        if (!strcasecmp(r->method.p, "HEAD"))
                r->set(r->curl, CURLOPT_NOBODY, 1L);
        r->set(r->curl, CURLOPT_HTTPHEADER, r->headers);
        return st;
}

/* ---- failures ---- */
static int fail(struct request *r, const char *exception, const char *fmt, const char *arg)
{
        struct sv text = sh_printf(fmt, arg), target = sh_string(r->url.p, r->url.n);
        int st = sh_throw_as(sh_session(r->c), exception, "WebCmdletWebResponseException", "InvalidOperation",
                             target, "%s", text.s->s);
        sh_drop(text);
        sh_drop(target);
        return st;
}
static int transfer_failed(struct request *r, CURLcode code)
{
        static const char http[] = "System.Net.Http.HttpRequestException";
        struct sv uri = sh_uri_parse(r->url.p, r->url.n), host = SH_NIL, port = SH_NIL;
        struct sh *sh = sh_session(r->c);
        if (r->stopped != SH_OK)
                return r->stopped;
        if (r->too_large)
                return fail(r, http, "The response is larger than %s; give -OutFile to write it to a file.",
                            "256 MB");
        if (r->file_error)
                return fail(r, "System.IO.IOException", "The response cannot be written to the file: %s.",
                            strerror(r->file_error));
        if (sh_get(sh, uri, "Host", 4, &host) != SH_OK)
                host = sh_text("");
        if (sh_get(sh, uri, "Port", 4, &port) != SH_OK)
                port = SH_NIL;
        struct sv p = sh_to_text(sh, port), h = sh_to_text(sh, host),
                  place = sh_printf("%s:%s", h.s->s, p.s->s);
        int st;
        switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
                st = fail(r, http, "Name or service not known (%s)", place.s->s);
                break;
        case CURLE_COULDNT_CONNECT: st = fail(r, http, "Connection refused (%s)", place.s->s); break;
        case CURLE_OPERATION_TIMEDOUT: {
                struct sv seconds = sh_to_text(sh, sh_arg(r->c, sh_bound(r->c, "TimeoutSec")
                                                                        ? "TimeoutSec"
                                                                        : "OperationTimeoutSeconds"));
                st = fail(r, "System.Threading.Tasks.TaskCanceledException",
                          "The request was canceled due to the configured HttpClient.Timeout of %s seconds "
                          "elapsing.",
                          seconds.s->s);
                sh_drop(seconds);
                break;
        }
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CONNECT_ERROR:
                st = fail(r, http, "The SSL connection could not be established: %s.", r->error);
                break;
        case CURLE_TOO_MANY_REDIRECTS:
                st = fail(r, http, "The maximum redirection count has been exceeded: %s.", r->error);
                break;
        case CURLE_UNSUPPORTED_PROTOCOL:
                st = fail(r, "System.NotSupportedException",
                          "The scheme of '%s' is not supported: http and https are.", r->url.p);
                break;
        default:
                st = fail(r, http, "The request failed: %s.",
                          *r->error ? r->error : CURL_CALL(curl_easy_strerror)(code));
        }
        sh_drop(place);
        sh_drop(p);
        sh_drop(h);
        sh_drop(port);
        sh_drop(host);
        sh_drop(uri);
        return st;
}
/* A status that is no success: the exception has the response, the record's details its text. */
static int status_failed(struct request *r, struct sv response, long status, const char *reason)
{
        char text[200];
        snprintf(text, sizeof(text), "%ld (%s)", status, reason);
        int st = fail(r, "Microsoft.PowerShell.Commands.HttpResponseException",
                      "Response status code does not indicate success: %s.", text);
        struct sh *sh = sh_session(r->c);
        if (sh->error.kind == SH_OTHER && sh->error.o->type == &sh_type_error_record) {
                struct sh_error *e = sh_error_of(sh->error);
                struct sh_bag *bag = sh_bag_of(e->exception, true);
                struct sv code = sh_http_status(status), o = sh_object_new(), phrase = sh_text(reason),
                          headers;
                sh_object_set(o, "StatusCode", 10, code);
                sh_object_set(o, "ReasonPhrase", 12, phrase);
                sh_object_set(o, "IsSuccessStatusCode", 19, sh_bool(false));
                if (sh_get(sh, response, "Headers", 7, &headers) == SH_OK) {
                        sh_object_set(o, "Headers", 7, headers);
                        sh_drop(headers);
                }
                sh_drop(phrase);
                sh_bag_set(bag,
                           (struct sh_note) { .name = sh_text("Response"), .kind = SH_NOTE, .value = o });
                sh_bag_set(bag, (struct sh_note) {
                                        .name = sh_text("StatusCode"), .kind = SH_NOTE, .value = code });
                free(e->message);
                e->message = r->content.n ? strndup(r->content.p, r->content.n) : NULL;
        }
        return st;
}

/* ---- the response ---- */
static const char *header_value(const struct sh_buf *head, const char *name, size_t *ret_n)
{
        size_t n = strlen(name);
        for (const char *p = head->p, *end = head->p + head->n, *nl; p && p < end; p = nl + 1) {
                nl = memchr(p, '\n', (size_t)(end - p));
                nl = nl ? nl : end;
                if ((size_t)(nl - p) > n && !strncasecmp(p, name, n) && p[n] == ':') {
                        const char *v = p + n + 1, *stop = nl;
                        while (v < stop && isspace((unsigned char)*v))
                                v++;
                        while (stop > v && isspace((unsigned char)stop[-1]))
                                stop--;
                        *ret_n = (size_t)(stop - v);
                        return v;
                }
        }
        *ret_n = 0;
        return "";
}
static bool type_has(const struct sh_buf *head, const char *word)
{
        size_t n;
        const char *v = header_value(head, "Content-Type", &n);
        return sh_text_find(v, n, word, strlen(word), 0, true) != SIZE_MAX;
}
static struct sv content_text(struct request *r)
{
        struct sh_buf b = { 0 };
        enum sh_encoding e = type_has(&r->head, "charset=iso-8859-1") || type_has(&r->head, "charset=latin1")
                                     ? SH_ENC_LATIN1
                             : type_has(&r->head, "charset=utf-16") ? SH_ENC_UTF16
                                                                    : SH_ENC_UTF8;
        sh_decode(e, r->content.p ? r->content.p : "", r->content.n, &b);
        struct sv text = sh_buf_take(&b);
        sh_buf_free(&b);
        return text;
}
static struct sv header_table(const struct sh_buf *head)
{
        const struct sh_type *strings = sh_array_of(&sh_type_string), *args[2] = { &sh_type_string, strings };
        struct sv h = sh_dictionary_new(sh_generic_of(&sh_type_dictionary, args, 2), &sh_type_string, strings,
                                        false);
        for (const char *p = head->p, *end = head->p + head->n, *nl; p && p < end; p = nl + 1) {
                nl = memchr(p, '\n', (size_t)(end - p));
                nl = nl ? nl : end;
                const char *colon = memchr(p, ':', (size_t)(nl - p)), *v = colon ? colon + 1 : NULL,
                           *stop = nl;
                if (!colon || !strncmp(p, "HTTP/", 5))
                        continue;
                while (v < stop && isspace((unsigned char)*v))
                        v++;
                while (stop > v && isspace((unsigned char)stop[-1]))
                        stop--;
                struct sv name = sh_string(p, (size_t)(colon - p)), value = sh_string(v, (size_t)(stop - v)),
                          list;
                if (!sh_hash_get(h.h, name, &list)) {
                        list = sh_array_typed(&sh_type_string, 0);
                        sh_hash_set(h.h, name, list);
                        sh_drop(list);
                }
                sh_array_add(list.a, value);
                sh_drop(name);
                sh_drop(value);
        }
        return h;
}
static struct sv response_new(struct request *r, long status, const char *reason)
{
        bool text = !r->content.n || type_has(&r->head, "text/") || type_has(&r->head, "json") ||
                    type_has(&r->head, "xml") || type_has(&r->head, "javascript") ||
                    type_has(&r->head, "urlencoded");
        struct sv content = text ? content_text(r) : sh_bytes_new(r->content.p, r->content.n);
        struct sh_buf raw = { 0 };
        sh_buf_put(&raw, r->head.p, r->head.n);
        if (text)
                sh_buf_put(&raw, content.s->s, content.s->len);
        struct sv raw_text = sh_buf_take(&raw), headers = header_table(&r->head);
        struct sv v = sh_response_new((int)status, reason, content, raw_text, headers, (int64_t)r->content.n);
        sh_drop(content);
        sh_drop(raw_text);
        sh_drop(headers);
        sh_buf_free(&raw);
        return v;
}
static int write_rest(struct request *r, long status)
{
        (void)status;
        struct sh_cmd *c = r->c;
        struct sv text = content_text(r), v;
        int st = SH_OK;
        struct sh_json_read o = { .depth = 1024, .text = text.s };
        bool json = type_has(&r->head, "json"),
             maybe = text.s->len && strchr("{[", text.s->s[0]) && !type_has(&r->head, "html");
        if ((json || maybe) && sh_json_parse(&o, text.s->s, text.s->len, &v)) {
                st = sh_emit(c, v);
                sh_drop(v);
        } else if (type_has(&r->head, "xml") && !type_has(&r->head, "html") &&
                   sh_try_convert(sh_session(c), text, sh_type_find(sh_session(c), "xml", 3), &v)) {
                st = sh_emit(c, v);
                sh_drop(v);
        } else {
                st = sh_emit(c, text);
        }
        sh_drop(text);
        return st;
}
static int set_variables(struct request *r, long status)
{
        const char *name = sh_arg_text(r->c, "StatusCodeVariable", NULL);
        int st = name ? sh_var_set(sh_session(r->c), name, sh_int((int32_t)status)) : SH_OK;
        name = sh_arg_text(r->c, "ResponseHeadersVariable", NULL);
        if (st == SH_OK && name) {
                struct sv h = header_table(&r->head);
                st = sh_var_set(sh_session(r->c), name, h);
                sh_drop(h);
        }
        return st;
}
static int finish(struct request *r)
{
        struct sh_cmd *c = r->c;
        bool rest = !strcasecmp(sh_cmdlet_of(c)->name, "Invoke-RestMethod");
        long status = 0;
        CURL_CALL(curl_easy_getinfo)(r->curl, CURLINFO_RESPONSE_CODE, &status);
        char reason[100] = "";
        if (r->head.n) {
                sh_buf_put(&r->head, "", 1);
                r->head.n--;
                const char *space = strchr(r->head.p, ' '), *second = space ? strchr(space + 1, ' ') : NULL;
                const char *nl = strpbrk(r->head.p, "\r\n");
                if (second && (!nl || second < nl))
                        snprintf(reason, sizeof(reason), "%.*s", (int)strcspn(second + 1, "\r\n"),
                                 second + 1);
        }
        if (!*reason)
                snprintf(reason, sizeof(reason), "%s", sh_http_reason(status));
        struct sv response = response_new(r, status, reason);
        int st = set_variables(r, status);
        if (st == SH_OK && (status < 200 || status > 299) && !sh_switch(c, "SkipHttpErrorCheck"))
                st = status_failed(r, response, status, reason);
        else if (st == SH_OK && (r->out < 0 || sh_switch(c, "PassThru")))
                st = rest ? write_rest(r, status) : sh_emit(c, response);
        sh_drop(response);
        return st;
}
static int open_out(struct request *r)
{
        if (!sh_bound(r->c, "OutFile"))
                return SH_OK;
        char *full = sh_path_full(sh_session(r->c), sh_arg_text(r->c, "OutFile", ""));
        r->out = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        int st = r->out >= 0 ? SH_OK
                             : sh_cmd_throw(r->c, "FileOpenFailure", "OpenError", SH_NIL,
                                            "The file '%s' cannot be written: %s.", full, strerror(errno));
        free(full);
        return st;
}
static int perform(struct request *r)
{
        int64_t tries = 1 + sh_arg_int(r->c, "MaximumRetryCount", 0),
                wait = sh_arg_int(r->c, "RetryIntervalSec", 5);
        CURLcode code = CURLE_OK;
        for (int64_t i = 0; i < tries; i++) {
                long status = 0;
                r->content.n = 0;
                code = CURL_CALL(curl_easy_perform)(r->curl);
                CURL_CALL(curl_easy_getinfo)(r->curl, CURLINFO_RESPONSE_CODE, &status);
                bool again = code != CURLE_OK || status == 304 || status == 429 || status >= 500;
                if (!again || r->stopped != SH_OK)
                        break;
                for (int64_t s = 0; s < wait * 10 && i + 1 < tries; s++) {
                        if ((r->stopped = sh_check(sh_session(r->c))) != SH_OK)
                                return r->stopped;
                        usleep(100000);
                }
        }
        return code == CURLE_OK ? finish(r) : transfer_failed(r, code);
}
static int web_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct request r = { .c = c, .out = -1 };
        struct sh *sh = sh_session(c);
        __typeof__(curl_easy_init) *init = CURL_CALL(curl_easy_init);
        r.set = CURL_CALL(curl_easy_setopt);
        if (!init || !r.set || !(r.curl = init()))
                return sh_cmd_throw(
                        c, "LibraryNotAvailable", "ResourceUnavailable", SH_NIL,
                        "HTTP is not available: libcurl.so.4 (package libcurl4) cannot be loaded.");
        struct sv uri = sh_to_text(sh, sh_arg(c, "Uri"));
        if (!strstr(uri.s->s, "://"))
                sh_buf_puts(&r.url, "http://");
        sh_buf_put(&r.url, uri.s->s, uri.s->len);
        sh_buf_put(&r.url, "", 1);
        r.url.n--;
        sh_drop(uri);
        const char *word = sh_arg_text(c, "CustomMethod", sh_arg_text(c, "Method", "GET"));
        word = strcasecmp(word, "Default") ? word : "GET";
        struct sv method = sh_text_case(word, strlen(word), true);
        sh_buf_put(&r.method, method.s->s, method.s->len + 1);
        sh_drop(method);
        int st = set_options(&r);
        /* what set_body appended has no NUL behind it yet */
        sh_buf_put(&r.url, "", 1);
        r.url.n--;
        r.set(r.curl, CURLOPT_URL, r.url.p);
        if (st == SH_OK)
                st = open_out(&r);
        if (st == SH_OK) {
                sh_host_flush(sh);
                st = perform(&r);
        }
        CURL_CALL(curl_slist_free_all)(r.headers);
        CURL_CALL(curl_easy_cleanup)(r.curl);
        if (r.out >= 0)
                close(r.out);
        if (r.in)
                fclose(r.in);
        sh_buf_free(&r.url);
        sh_buf_free(&r.method);
        sh_buf_free(&r.body);
        sh_buf_free(&r.content);
        sh_buf_free(&r.head);
        return st;
}
#define PARAMETERS \
        { "Uri", \
          .type = "object", \
          .position = 1, \
          .mandatory = true, \
          .from_property = true, \
          .help = "The address: http or https." }, \
                { "Method", .type = "string", \
                  .values = "Default,Get,Head,Post,Put,Delete,Trace,Options,Merge,Patch", \
                  .help = "Get when not given." }, \
                { "CustomMethod", .type = "string", .alias = "CM", .help = "Any other method." }, \
                { "Headers", .type = "object", .help = "A table of request headers." }, \
                { "Body", .from_pipeline = true, \
                  .help = "Text, bytes, or a table: a form, or the query of a Get." }, \
                { "ContentType", .type = "string", .help = "The body's type." }, \
                { "InFile", .type = "string", .complete = "path", .help = "Sends this file as the body." }, \
                { "OutFile", .type = "string", .complete = "path", \
                  .help = "Writes the response to this file as it comes." }, \
                { "PassThru", .type = "switch", .help = "With -OutFile: also writes the response." }, \
                { "Credential", .type = "pscredential", .help = "User and password." }, \
                { "Authentication", .type = "string", .values = "None,Basic,Bearer,OAuth", \
                  .help = "How they are sent." }, \
                { "Token", .type = "securestring", .help = "A bearer token." }, \
                { "AllowUnencryptedAuthentication", .type = "switch", .help = "Accepted, has no effect." }, \
                { "UserAgent", .type = "string", .help = "What the client calls itself." }, \
                { "TimeoutSec", .type = "object", .alias = "ConnectionTimeoutSeconds", \
                  .help = "Seconds to wait for the connection and for each byte; no limit when not " \
                          "given." }, \
                { "OperationTimeoutSeconds", .type = "object", .help = "Seconds to wait for each byte." }, \
                { "MaximumRedirection", .type = "int", .min = 0, .max = INT32_MAX, \
                  .help = "How many redirects to follow; 5." }, \
                { "AllowInsecureRedirect", .type = "switch", .help = "Follows from https to http." }, \
                { "MaximumRetryCount", .type = "int", .min = 0, .max = INT32_MAX, \
                  .help = "How often to try again." }, \
                { "RetryIntervalSec", .type = "int", .min = 1, .max = INT32_MAX, \
                  .help = "Seconds in between; 5." }, \
                { "SkipCertificateCheck", .type = "switch", \
                  .help = "Does not look at the server's certificate." }, \
                { "SkipHttpErrorCheck", .type = "switch", \
                  .help = "Also writes responses that are no success." }, \
                { "SkipHeaderValidation", .type = "switch", .help = "Accepted, has no effect." }, \
                { "UnixSocket", .type = "string", .complete = "path", \
                  .help = "Connects to this socket of the host." }, \
                { "Proxy", .type = "string", .help = "The proxy's address." }, \
                { "NoProxy", .type = "switch", .help = "Goes past the proxy of the environment." }, \
                { "StatusCodeVariable", .type = "string", .help = "The variable that gets the status." }, \
                { "ResponseHeadersVariable", .type = "string", .alias = "RHV", \
                  .help = "The variable that gets the headers." }, \
                { "UseBasicParsing", .type = "switch", .help = "Accepted, has no effect." }, \
        { \
                "DisableKeepAlive", .type = "switch", .help = "Accepted, has no effect." \
        }
static const struct sh_cmdlet invoke_webrequest = {
        .name = "Invoke-WebRequest",
        .alias = (const char *[]) { "iwr", NULL },
        .synopsis = "Sends an HTTP request and writes the response.",
        .process = web_process,
        .params = (const struct sh_param[]) { PARAMETERS, { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(Invoke-WebRequest https://example.org).StatusCode", NULL,
                          "Whether a page is there." },
                        { "Invoke-WebRequest https://example.org/file.zip -OutFile file.zip", NULL,
                          "A download." },
                        { 0 } },
};
static const struct sh_cmdlet invoke_restmethod = {
        .name = "Invoke-RestMethod",
        .alias = (const char *[]) { "irm", NULL },
        .synopsis = "Sends an HTTP request and writes what the response's JSON or text says.",
        .process = web_process,
        .params = (const struct sh_param[]) { PARAMETERS, { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(Invoke-RestMethod https://api.example.org/hosts).name", NULL,
                          "Objects of JSON." },
                        { "Invoke-RestMethod http://localhost/info -UnixSocket /run/app.sock -Method Post "
                          "-Body '{}' -ContentType application/json",
                          NULL, "A request to a socket of this host." },
                        { 0 } },
};

SH_CMDLETS(web, &invoke_webrequest, &invoke_restmethod);
