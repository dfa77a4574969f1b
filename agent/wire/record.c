/* SPDX-License-Identifier: MIT */
#include "agent/wire/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct rv_client *rv_record_agent(void)
{
        const char *text = getenv("REEVE_AGENT_FD");
        struct stat st;
        int fd = text && *text >= '3' && *text <= '9' && !text[1] ? *text - '0' : -1;
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return NULL;
        int flags = fcntl(fd, F_GETFL);
        return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ? NULL : rv_client_new(fd, NULL);
}

json_t *rv_record_call(struct rv_client *c, const char *operation, json_t *params, struct rv_error *err)
{
        struct rv_buf text = { 0 };
        struct rv_json result;
        char *s = params ? json_dumps(params, JSON_COMPACT) : NULL;
        json_decref(params);
        if (s) /* without its last brace */
                rv_buf_put(&text, s, strlen(s) - 1);
        free(s);
        struct rv_ask *a = rv_client_ask(c, operation, &text, false, 0, err);
        int r = a ? rv_ask_result(a, &result, err) : err->code;
        json_t *answer = r == RV_OK ? json_loadb(result.p, rv_json_size(&result), 0, NULL) : NULL;
        rv_ask_free(a);
        rv_buf_free(&text);
        return answer;
}

/* Paths may hold any byte; records are text: what is no UTF-8 is shown as \xNN. */
static json_t *text_of(const char *s)
{
        struct rv_buf b = { 0 };
        rv_json_text(&b, s);
        json_t *t = b.failed ? NULL : json_loadb(b.data, b.len, JSON_DECODE_ANY, NULL);
        rv_buf_free(&b);
        return t ? t : json_string("?");
}

int64_t rv_record_intent(struct rv_client *c, const char *method, const char *target, json_t *arguments,
                         struct rv_error *err)
{
        json_t *answer = rv_record_call(c, "Record",
                                        json_pack("{s:s, s:o, s:o*}", "Method", method, "Target", text_of(target),
                                                  "Arguments", arguments),
                                        err);
        json_t *number = json_object_get(answer, "Record");
        int64_t record = json_is_integer(number) ? json_integer_value(number) : -1;
        json_decref(answer);
        return record;
}

static int status_of(int error)
{
        switch (error) {
        case 0: return RV_OK;
        case -EACCES:
        case -EPERM: return RV_ACCESS_DENIED;
        case -ENOENT: return RV_NOT_FOUND;
        case -EEXIST: return RV_ALREADY_EXISTS;
        case -ETIMEDOUT: return RV_TIMED_OUT;
        default: return RV_FAILED;
        }
}

void rv_record_outcome(struct rv_client *c, int64_t record, int error, json_t *arguments, struct rv_error *err)
{
        if (record <= 0) {
                json_decref(arguments);
                return;
        }
        json_decref(rv_record_call(c, "Record",
                                   json_pack("{s:I, s:i, s:s*, s:o*}", "Record", (json_int_t)record, "Status",
                                             status_of(error), "Message", error ? strerror(-error) : NULL, "Arguments",
                                             arguments),
                                   err));
}

void rv_record_denied(struct rv_client *c, const char *method, const char *target, const char *message)
{
        struct rv_error err = { 0 };
        json_decref(rv_record_call(c, "Record",
                                   json_pack("{s:s, s:o, s:i, s:s}", "Method", method, "Target", text_of(target),
                                             "Status", RV_ACCESS_DENIED, "Message", message),
                                   &err));
}
