/* SPDX-License-Identifier: MIT
 *
 * Between the parts of reeve-record: see main.c. A transcript is a file STATE/transcripts/TIME-SESSION-CHANNEL.jsonl,
 * one JSON value a line: first an object that says whose, then [milliseconds, "i" | "o" | "e", "text"] for what went in
 * and out, last an object with the end. Bytes that are no UTF-8 are \xNN.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { REC_FILE_BYTES = 64 << 20, REC_DAYS = 400 };
#define REC_USER_BYTES (INT64_C(1) << 30) /* of a user's transcripts together */

enum { REC_IN, REC_OUT, REC_ERR, REC_STREAMS };

struct record {
        uid_t uid;
        gid_t gid, groups[64];
        size_t ngroups;
        const char *state, *home, *user, *key, *source, *session, *channel, *command;
        char **argv; /* the shell's */
        char roles[160];
        bool pty, required, failed; /* failed: the file could not be written */
        char why[200];
        char file[700]; /* its name in the folder */
        int fd;         /* or -1 */
        int64_t begun;  /* ms */
        uint64_t written;
        struct {
                char tail[4]; /* the beginning of a character */
                unsigned n;
        } streams[REC_STREAMS];
};

/* 0, or -1 and why it cannot be recorded. */
int rec_open(struct record *, char *why, size_t);
/* Before it goes on. False: the session must end (Required, and it could not be written). */
bool rec_put(struct record *, int stream, const char *, size_t);
void rec_close(struct record *, int status);
int rec_run(struct record *);            /* the shell, and all that passes; its wait status */
_Noreturn void rec_shell(const struct record *); /* in its process: becomes it */

#endif
