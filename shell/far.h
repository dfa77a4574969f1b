/* SPDX-License-Identifier: MIT
 *
 * A command on another host by plain ssh (remote.h), fed and read until it ends: how a host without reeve is set up.
 *
 *      struct sh_far f = { .host = "root@web1", .line = on_line };
 *      int status = sh_far_script(&f, "uname -a");     // as root there, by sudo where the login is another
 */
#ifndef SH_FAR_H
#define SH_FAR_H

#include "shell/remote.h"

struct sh_far {
        const char *host; /* [user@]host[:port] */
        struct sh_target_options o;
        double timeout; /* seconds for one command; 0: none */
        /* Each line that comes on either way, while it comes. */
        void (*line)(struct sh_far *, const char *text);
        void *state;
        struct rv_buf out, err; /* of the last command; NUL-ended, at most 256 KiB each (the last of it) */
};

/* Their exit status; 255: ssh's own. Or -errno: -ETIMEDOUT, -EINTR (Ctrl-C). `input` is given to the command, then what
 * `file` (or -1) has. */
int sh_far_run(struct sh_far *, const char *command, const char *input, size_t n, int file);
/* A shell script, as root: by itself, or by sudo without a password. */
int sh_far_script(struct sh_far *, const char *script);
/* A file of this host, as root, there: whole or not at all. name: of letters, digits and _.+~- only. */
int sh_far_upload(struct sh_far *, int file, const char *folder, const char *name, const char *sha256);
/* "name=value" among the lines that the last command wrote; or NULL. buf has it. */
const char *sh_far_value(const struct sh_far *, const char *name, char *buf, size_t size);
/* The last lines that it said, harmless for a terminal. */
void sh_far_words(const struct sh_far *, char *buf, size_t size);
void sh_far_free(struct sh_far *);

/* A program of this host, without a shell: its output. Its exit status, or -errno. */
int sh_near_run(const char *const *argv, struct rv_buf *out);

#endif
