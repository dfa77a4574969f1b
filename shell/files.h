/* SPDX-License-Identifier: MIT
 *
 * Text files as cmdlets write and read them: encodings, paths, errors with PowerShell's ids.
 */
#ifndef SH_FILES_H
#define SH_FILES_H

#include "shell/cmdlet.h"

enum sh_encoding {
        SH_ENC_UTF8,
        SH_ENC_UTF8_BOM,
        SH_ENC_UTF16,
        SH_ENC_UTF16_BE,
        SH_ENC_UTF32,
        SH_ENC_UTF32_BE,
        SH_ENC_ASCII,
        SH_ENC_LATIN1,
        SH_ENC_BYTES,
};
/* From -Encoding. Throws. */
int sh_encoding_of(struct sh_cmd *, const char *param, enum sh_encoding *ret);
void sh_encode(enum sh_encoding, const char *, size_t n, struct sh_buf *);
void sh_encode_bom(enum sh_encoding, struct sh_buf *);
/* A byte-order mark wins over the encoding. */
void sh_decode(enum sh_encoding, const char *, size_t n, struct sh_buf *);

struct sh_text_file;
struct sh_open {
        bool append, no_clobber, force;
        enum sh_encoding encoding;
};
/* Reports why it cannot (terminating). */
int sh_text_open(struct sh_cmd *, const char *path, const struct sh_open *, struct sh_text_file **ret);
int sh_text_write(struct sh_cmd *, struct sh_text_file *, const char *, size_t n);
int sh_text_close(struct sh_cmd *, struct sh_text_file *); /* NULL is fine */

/* A whole file, decoded. SH_NONE: it could not be read and that has been reported. */
int sh_file_text(struct sh_cmd *, const char *path, bool literal, enum sh_encoding, struct sh_buf *);

/* ---- paths ---- */
/* Absolute and without . and ..; relative to the session's location. malloc'd. */
char *sh_path_full(struct sh *, const char *path);
/* Of -Path without wildcards: what a backtick protects from being one is itself. */
char *sh_path_plain(struct sh *, const char *path);
/* Existing paths that fit a pattern (or the path itself when it has no wildcard and exists), sorted. each gets
 * absolute paths; false stops. Answers how many there were. */
uint32_t sh_path_glob(struct sh *, const char *pattern, bool hidden, bool (*each)(void *, const char *path),
                      void *);
/* The path that a parameter means for one file, which need not exist: wildcards are resolved. Reports errors
 * (non-terminating: SH_NONE after reporting). malloc'd. */
int sh_path_single(struct sh_cmd *, const char *path, bool literal, char **ret);
/* Runs `one` for each absolute path that -Path (with wildcards) or -LiteralPath names, the location when neither is
 * given; what is not there is an error of the command, not of `one`. */
int sh_for_paths(struct sh_cmd *, int (*one)(struct sh_cmd *, const char *path));
/* "Cannot find path '...' because it does not exist." */
int sh_path_missing(struct sh_cmd *, const char *path);
/* An errno about a path, as PowerShell says it. */
int sh_path_error(struct sh_cmd *, const char *id, int err, const char *path);

#endif
