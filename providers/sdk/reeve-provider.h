/* SPDX-License-Identifier: MIT
 *
 * reeve-provider: providers of reeve in C, outside of its tree. A program links this library, gives it a table of
 * classes and their functions, and is run by reeve as docs/external-providers.md says; the protocol is the
 * library's work.
 *
 *      static int list(struct reeve_call *c)
 *      {
 *              reeve_set_text(c, "Name", "one");
 *              reeve_set_uint(c, "Size", 17);
 *              return reeve_emit(c);
 *      }
 *
 *      int main(void)
 *      {
 *              static const struct reeve_class classes[] = { { .name = "Thing", .enumerate = list }, { 0 } };
 *              return reeve_provider_main(REEVE_PROVIDER_ABI, classes);
 *      }
 *
 *      cc thing.c $(pkg-config --cflags --libs reeve-provider) -o thing
 *
 * Functions answer 0, or what reeve_fail() answers. Texts are NUL-terminated UTF-8 and copied; those that are
 * given out live as long as the call. One call at a time, on the thread of reeve_provider_main(). Nothing may be
 * written to standard output beside it; standard error is for last words.
 *
 * The ABI is stable within a major version: functions are only added, structs only grow at their end (the number
 * that reeve_provider_main() is given says which form the program was built with).
 */
#ifndef REEVE_PROVIDER_H
#define REEVE_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REEVE_PROVIDER_ABI 2

/* CIM's status codes (DSP0200), those that providers need. */
enum reeve_status {
        REEVE_OK = 0,
        REEVE_FAILED = 1,
        REEVE_ACCESS_DENIED = 2,
        REEVE_INVALID_PARAMETER = 4,
        REEVE_NOT_FOUND = 6,
        REEVE_NOT_SUPPORTED = 7,
        REEVE_ALREADY_EXISTS = 11,
        REEVE_UNAVAILABLE = 61 /* cannot be read now; trying again may help */
};

struct reeve_call; /* the call under way; belongs to the library */

struct reeve_method {
        const char *name;
        int (*run)(struct reeve_call *); /* honours reeve_what_if() */
};

/* Functions that are NULL are not offered. */
struct reeve_class {
        const char *name; /* as in the .mof; NULL ends the table */
        int (*enumerate)(struct reeve_call *);
        int (*create)(
                struct reeve_call *); /* these three honour reeve_what_if() and tell by reeve_changed() */
        int (*modify)(struct reeve_call *);
        int (*remove)(struct reeve_call *);
        const struct reeve_method *methods; /* ended by one without a name, or NULL */
        /* Since version 2. Tells of changes until it is over; a program of its own runs for it, with Events in the
         * .provider file:
         *
         *      static int watch(struct reeve_call *c)
         *      {
         *              int fd = ...;                           // begin to look
         *              reeve_watching(c);                      // from now on nothing is missed
         *              while (reeve_wait(c, fd, -1) >= 0) {
         *                      reeve_set_text(c, "Name", ...); // the key of what changed
         *                      reeve_announce(c, REEVE_MODIFIED);
         *              }
         *              return 0;
         *      }
         */
        int (*watch)(struct reeve_call *);
};

enum reeve_kind { REEVE_CREATED, REEVE_MODIFIED, REEVE_DELETED };

/* Serves until reeve closes the standard input. The program's exit status. */
int reeve_provider_main(int abi, const struct reeve_class *classes);

/* ---- what is asked ---- */
bool reeve_what_if(const struct reeve_call *);     /* check all, change nothing */
const char *reeve_user(const struct reeve_call *); /* who changes something; "" when reading */
bool reeve_wants(const struct reeve_call *, const char *property); /* enumerate: is it asked for? */
uint64_t reeve_limit(const struct reeve_call *); /* enumerate: objects that suffice; 0 = all */
/* enumerate: what the property must equal, or NULL: any. May be ignored. Numbers as text. */
const char *reeve_equals(struct reeve_call *, const char *property);
/* Others: the object's key; create and modify: a property to set; methods: an [In] parameter. has: was it given
 * (null counts)? */
const char *reeve_key(struct reeve_call *, const char *property);
bool reeve_has(const struct reeve_call *, const char *name);
const char *reeve_text(struct reeve_call *,
                       const char *name); /* NULL where absent or null; numbers as text */
int64_t reeve_int(const struct reeve_call *, const char *name, int64_t otherwise);
uint64_t reeve_uint(const struct reeve_call *, const char *name, uint64_t otherwise);
double reeve_real(const struct reeve_call *, const char *name, double otherwise);
bool reeve_bool(const struct reeve_call *, const char *name, bool otherwise);

/* ---- what is answered ---- */
/* enumerate: a property of the object that reeve_emit() will send; methods: an [Out] parameter.
 * What is not wanted is dropped. `text` NULL is null. */
void reeve_set_text(struct reeve_call *, const char *name, const char *text);
void reeve_set_int(struct reeve_call *, const char *name, int64_t);
void reeve_set_uint(struct reeve_call *, const char *name, uint64_t);
void reeve_set_real(struct reeve_call *, const char *name, double);
void reeve_set_bool(struct reeve_call *, const char *name, bool);
void reeve_set_time(struct reeve_call *, const char *name, int64_t ns_since_1970);
void reeve_add_text(struct reeve_call *, const char *name,
                    const char *text); /* one more item of a string[] */
/* Sends the object. 0: go on; 1: nobody wants more, return 0. */
int reeve_emit(struct reeve_call *);
/* Something is missing, but what was emitted stands. */
void reeve_partial(struct reeve_call *, enum reeve_status, const char *message);
void reeve_return(struct reeve_call *, int64_t value); /* methods: ReturnValue; 0 if never called */
/* It was changed (or, under what-if, would be). NULL: absent. */
void reeve_changed(struct reeve_call *, const char *property, const char *from, const char *to);

/* ---- watch ---- */
void reeve_watching(struct reeve_call *);
/* Until the descriptor (or -1: none) can be read, or the time in milliseconds is over (-1: none): 1, or 0. -1:
 * reeve does not want to know any more. */
int reeve_wait(struct reeve_call *, int fd, int timeout);
/* The object whose key has been set came, changed or went; without a key: something did. It is read again. */
void reeve_announce(struct reeve_call *, enum reeve_kind);
/* Of an Indication: the event whose properties have been set. */
void reeve_tell(struct reeve_call *);

/* Describes what failed and answers the status: "there is no job a". */
int reeve_fail(struct reeve_call *, enum reeve_status, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* what to do about it */
int reeve_hint(struct reeve_call *, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif
#endif
