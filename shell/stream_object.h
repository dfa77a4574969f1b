/* SPDX-License-Identifier: MIT
 *
 * .NET's streams: bytes of a file or of memory, with readers and writers of text over them (types/stream.c).
 */
#ifndef SH_STREAM_OBJECT_H
#define SH_STREAM_OBJECT_H

#include "shell/files.h"
#include "shell/value.h"

struct sv sh_stream_file(int fd, const char *path);            /* takes the descriptor */
/* System.IO.FileMode and FileAccess */
enum { SH_FILE_NEW = 1, SH_FILE_CREATE, SH_FILE_OPEN, SH_FILE_OPEN_OR_CREATE, SH_FILE_TRUNCATE, SH_FILE_APPEND };
enum { SH_FILE_READ = 1, SH_FILE_WRITE, SH_FILE_READWRITE };
/* Opens the path that is the first argument; throws as the running method. */
int sh_stream_open(struct sh *, struct sh_args, int mode, int access, struct sv *ret);
struct sv sh_stream_memory(const void *, size_t n);            /* a copy, at its start */
bool sh_stream_rest(struct sv, struct sh_buf *);               /* what is left to read; false: no stream */
struct sv sh_stream_reader(struct sv stream, enum sh_encoding); /* keeps the stream */
struct sv sh_stream_writer(struct sv stream, enum sh_encoding);

/* ---- [System.Text.Encoding]: types/encoding.c ---- */
bool sh_encoding_value(struct sv, enum sh_encoding *ret); /* false: it is no Encoding */

#endif
