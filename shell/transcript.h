/* SPDX-License-Identifier: MIT
 *
 * A record of the session in a file: what is typed at the prompt and what the host shows, without colours. Programs
 * that write to the terminal themselves are not in it. Several may be kept at once; the newest ends first.
 */
#ifndef SH_TRANSCRIPT_H
#define SH_TRANSCRIPT_H

#include "shell/interp.h"

extern int sh_transcripts; /* how many are being kept: cheap to look at */
void sh_transcript_put(const char *, size_t n);
void sh_transcript_command(const char *prompt, const char *text, size_t n); /* a line at the prompt */
/* fd is taken over. header: write a line before each command. */
void sh_transcript_begin(int fd, const char *path, bool header);
char *sh_transcript_end(void); /* the newest's path, owned; NULL: none */

#endif
