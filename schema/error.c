/* SPDX-License-Identifier: MIT */
#include "schema/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct { int code; const char *name, *category, *text; } errors[] = {
#define RV_X(name, number, category, text) { number, #name, category, text },
        RV_ERRORS(RV_X)
#undef RV_X
};

static size_t find(int code)
{
        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
                if (errors[i].code == code)
                        return i;
        return 0; /* FAILED */
}

const char *rv_status_name(int code)
{
        return errors[find(code)].name;
}

const char *rv_status_category(int code)
{
        return errors[find(code)].category;
}

const char *rv_status_text(int code)
{
        return errors[find(code)].text;
}

/* Cuts an overlong text at a character's boundary, so that it stays valid UTF-8. */
static void cut(char *s, size_t size, int wrote)
{
        if (wrote < 0 || (size_t)wrote < size)
                return;
        size_t n = size - 1;
        while (n && ((unsigned char)s[n - 1] & 0xc0) == 0x80)
                n--;
        if (n && (unsigned char)s[n - 1] >= 0xc0)
                n--;
        s[n] = 0;
}

static void vput(char *s, size_t size, const char *fmt, va_list ap)
{
        cut(s, size, vsnprintf(s, size, fmt, ap));
}

int rv_fail(struct rv_error *err, int code, const char *fmt, ...)
{
        if (!err)
                return code;
        err->code = code;
        err->retryable = code == RV_UNAVAILABLE || code == RV_TIMED_OUT || code == RV_SERVER_IS_SHUTTING_DOWN;
        va_list ap;
        va_start(ap, fmt);
        vput(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        return code;
}

static int code_of(int error)
{
        switch (error) {
        case ENOENT: case ESRCH: case ENODEV: case ENXIO: case ENOTDIR:
                return RV_NOT_FOUND;
        case EPERM: case EACCES: case EROFS:
                return RV_ACCESS_DENIED;
        case EEXIST:
                return RV_ALREADY_EXISTS;
        case EINVAL: case ENAMETOOLONG: case ERANGE: case EDOM:
                return RV_INVALID_PARAMETER;
        case ETIMEDOUT: case ETIME:
                return RV_TIMED_OUT;
        case EOPNOTSUPP: case ENOSYS:
                return RV_NOT_SUPPORTED;
        case EAGAIN: case EBUSY: case ENOMEM: case EMFILE: case ENFILE: case ENOBUFS: case ENOSPC: case ECONNREFUSED:
        case ECONNRESET: case EPIPE: case EIO: case EINTR: case EDQUOT:
                return RV_UNAVAILABLE;
        default:
                return RV_FAILED;
        }
}

int rv_fail_errno(struct rv_error *err, int error, const char *fmt, ...)
{
        int code = code_of(error < 0 ? -error : error);
        if (!err)
                return code;
        char what[sizeof err->message];
        va_list ap;
        va_start(ap, fmt);
        vput(what, sizeof what, fmt, ap);
        va_end(ap);
        return rv_fail(err, code, "%s: %s", what, strerror(error < 0 ? -error : error));
}

int rv_hint(struct rv_error *err, const char *fmt, ...)
{
        if (!err)
                return RV_FAILED;
        va_list ap;
        va_start(ap, fmt);
        vput(err->hint, sizeof err->hint, fmt, ap);
        va_end(ap);
        return err->code;
}

static void keep(char *to, size_t size, const char *from)
{
        if (from)
                cut(to, size, snprintf(to, size, "%s", from));
}

void rv_about(struct rv_error *err, const char *class_name, const char *key, const char *property)
{
        if (!err)
                return;
        keep(err->class_name, sizeof err->class_name, class_name);
        keep(err->key, sizeof err->key, key);
        keep(err->property, sizeof err->property, property);
}

int rv_trace_slow(int r, const char *function, const char *file, int line)
{
        fprintf(stderr, "reeve: fault %d (%s) in %s, %s:%d\n", -r, strerror(-r), function, file, line);
        return r;
}
