/* SPDX-License-Identifier: MIT
 *
 * The system's own tools, where their rules must hold (PAM, shadow, dpkg's locks): an argument vector, never a shell;
 * a clean environment; output and time are bounded; a session of its own, so that what it starts ends with it.
 *
 *      struct rv_tool_said said;
 *      int e = rv_tool_run(&(struct rv_tool){ .argv = (const char *[]){ "userdel", "--", name, NULL },
 *                                             .what = "delete the user", .deadline = c->deadline }, &said, err);
 *      if (e == RV_OK && said.status != 0) ...
 *      rv_tool_free(&said);
 *
 * A tool costs about 0.3 ms of CPU for the fork alone: it is for changes, not for reading.
 */
#ifndef RV_TOOL_H
#define RV_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/error.h"

struct rv_tool {
        const char *const
                *argv;     /* NULL-ended; argv[0] without a folder is looked for in the system's folders */
        const char *what;  /* for messages: "delete the user alice" */
        const char *input; /* for its standard input, or NULL */
        size_t ninput;
        const char *const *env; /* more than PATH, HOME and LC_ALL=C.UTF-8: NULL-ended, or NULL */
        uint64_t deadline;      /* CLOCK_MONOTONIC ns */
        size_t most;            /* bytes of its output that are kept; 0 = 64 KiB */
        /* Its output (both, as `text`) is a terminal: what it starts may keep it, and a word said when we have gone
         * is an error to it, not its end by SIGPIPE as with a pipe. */
        bool terminal;
        /* Each line of its output as it comes (without its end; the rest of one that is too long is left out): how far
         * it has come. On the thread that runs it, not after the deadline. */
        void (*line)(void *state, const char *text, size_t n);
        void *state;
        bool finish; /* at the deadline it is left to finish, not killed: half done is worse than late */
};

struct rv_tool_said {
        int status;          /* exit status; 128 + signal when it was killed */
        char *text;          /* standard output, NUL-ended */
        size_t n;            /* bytes of it */
        char complaint[600]; /* the end of its standard error, blanks at the ends cut off */
};

bool rv_tool_there(const char *name); /* is there such a program? */
/* RV_OK when it ran (look at status); NOT_SUPPORTED: there is no such program; TIMED_OUT; else why it did not run. */
int rv_tool_run(const struct rv_tool *, struct rv_tool_said *ret, struct rv_error *);
void rv_tool_free(struct rv_tool_said *);
/* A change of which only success counts: not run when what_if; another status is FAILED. */
int rv_tool_do(const struct rv_tool *, bool what_if, struct rv_error *);
/* The outcome for a status that is not 0: its complaint's last line in the message. */
int rv_tool_fail(struct rv_error *, int status_code, const struct rv_tool *, const struct rv_tool_said *);

#endif
