/* SPDX-License-Identifier: MIT
 *
 * Errors: outcomes and faults.
 *
 * A function returns 0 (RV_OK) for success; a positive RV_* for an *outcome* that the caller must handle or
 * answer with (it has been described in a struct rv_error); or a negative errno for a *fault* of our own,
 * forwarded unchanged through rv_trace(): the session turns it into RV_FAILED with "a fault in reeve".
 *
 * The outcomes are the CIM status codes of DSP0200 under their own numbers, so that a JSON-RPC error code is
 * -32000 - outcome. Example:
 *
 *      return rv_fail(err, RV_NOT_FOUND, "there is no process %u", pid);
 */
#ifndef RV_ERROR_H
#define RV_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* name, CIM status, PowerShell error category, text when nobody said more */
#define RV_ERRORS(X)                                                                                             \
        X(FAILED, 1, "NotSpecified", "the operation failed")                                                     \
        X(ACCESS_DENIED, 2, "PermissionDenied", "you may not do this")                                           \
        X(INVALID_NAMESPACE, 3, "ObjectNotFound", "there is no such namespace")                                  \
        X(INVALID_PARAMETER, 4, "InvalidArgument", "a parameter does not fit")                                   \
        X(INVALID_CLASS, 5, "ObjectNotFound", "there is no such class")                                          \
        X(NOT_FOUND, 6, "ObjectNotFound", "there is no such object")                                             \
        X(NOT_SUPPORTED, 7, "NotImplemented", "this class does not offer the operation")                         \
        X(CLASS_HAS_CHILDREN, 8, "InvalidOperation", "the class has subclasses")                                 \
        X(CLASS_HAS_INSTANCES, 9, "InvalidOperation", "the class has instances")                                 \
        X(INVALID_SUPERCLASS, 10, "InvalidArgument", "there is no such superclass")                              \
        X(ALREADY_EXISTS, 11, "ResourceExists", "the object exists already")                                     \
        X(NO_SUCH_PROPERTY, 12, "InvalidArgument", "the class has no such property")                             \
        X(TYPE_MISMATCH, 13, "InvalidType", "the value is not of the property's type")                           \
        X(QUERY_LANGUAGE_NOT_SUPPORTED, 14, "InvalidArgument", "the query language is not known")                \
        X(INVALID_QUERY, 15, "SyntaxError", "the query cannot be understood")                                    \
        X(METHOD_NOT_AVAILABLE, 16, "NotImplemented", "the method is not available here")                        \
        X(METHOD_NOT_FOUND, 17, "InvalidArgument", "the class has no such method")                               \
        X(NAMESPACE_NOT_EMPTY, 20, "InvalidOperation", "the namespace is not empty")                             \
        X(INVALID_ENUMERATION_CONTEXT, 21, "InvalidArgument", "there is no such open enumeration")               \
        X(INVALID_OPERATION_TIMEOUT, 22, "InvalidArgument", "the timeout is out of range")                       \
        X(PULL_HAS_BEEN_ABANDONED, 23, "OperationStopped", "the operation was cancelled")                        \
        X(SERVER_LIMITS_EXCEEDED, 27, "LimitsExceeded", "a limit of the agent was reached")                      \
        X(SERVER_IS_SHUTTING_DOWN, 28, "ResourceUnavailable", "the agent is shutting down")                      \
        /* Ours: DSP0200 has no status for these; numbers from 60 on. */                                         \
        X(TIMED_OUT, 60, "OperationTimeout", "the deadline passed")                                              \
        X(UNAVAILABLE, 61, "ResourceUnavailable", "cannot be read now")                                          \
        X(STALE, 62, "ResourceUnavailable", "the object was replaced since it was read")

enum rv_status {
        RV_OK = 0,
#define RV_X(name, number, category, text) RV_##name = number,
        RV_ERRORS(RV_X)
#undef RV_X
        /* Not errors: what rv_emit() may answer beside RV_OK. */
        RV_STOP = 100, /* the reader has gone or has enough: return RV_OK soon */
        RV_FULL = 101, /* loop providers only: wait for resume() */
};

/* What went wrong, for programs (code, class, key, property) and for people (message, hint).
 * Plain data, no ownership; every text is NUL-terminated valid UTF-8, cut at its bound. */
struct rv_error {
        int code;            /* enum rv_status, 0 = none */
        bool retryable;      /* trying again later may succeed */
        char class_name[64]; /* the class it is about, or "" */
        char key[160];       /* the object, as its key text, or "" */
        char property[64];   /* the property or parameter, or "" */
        char message[320];   /* what failed, then why: "cannot signal process 17: it has ended" */
        char hint[240];      /* what to do about it, or "" */
};

/* Describes an outcome and returns its code. err may be NULL. Keeps class_name/key/property set earlier. */
int rv_fail(struct rv_error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same from errno: maps ENOENT/ESRCH -> NOT_FOUND, EPERM/EACCES -> ACCESS_DENIED, EEXIST -> ALREADY_EXISTS,
 * EINVAL -> INVALID_PARAMETER, ETIMEDOUT -> TIMED_OUT, EAGAIN/EBUSY/ENOMEM/EMFILE/... -> UNAVAILABLE (retryable),
 * else FAILED; appends ": " and the errno's text to the message. */
int rv_fail_errno(struct rv_error *err, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Adds what to do. Returns err->code so that `return rv_hint(...)` works. */
int rv_hint(struct rv_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says which object / property an error is about; NULL leaves as is. */
void rv_about(struct rv_error *err, const char *class_name, const char *key, const char *property);

const char *rv_status_name(int code);     /* "NOT_FOUND" */
const char *rv_status_category(int code); /* PowerShell's "ObjectNotFound" */
const char *rv_status_text(int code);

/* Forwards a fault and prints one line of a cheap back-trace to stderr. Outcomes pass silently. */
#define rv_trace(r) ((r) < 0 ? rv_trace_slow((r), __func__, __FILE__, __LINE__) : (r))
int rv_trace_slow(int r, const char *function, const char *file, int line);

#endif
