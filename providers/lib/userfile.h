/* SPDX-License-Identifier: MIT
 *
 * A small file in a user's home, as that user: a child process that has become the user opens it, so that no link and
 * no change of folders meanwhile reaches what the user could not reach, and a home that does not answer (a network
 * server that is gone) holds up that child only. Links in the last two steps of the path are not followed.
 *
 *      struct rv_userfile f = { .home = "/home/alice", .uid = 1000, .gid = 1000, .folder = ".ssh",
 *                               .name = "authorized_keys", .deadline = rv_now() + PATIENCE };
 *      int e = rv_userfile_read(&f, &text, &n, err);
 */
#ifndef RV_USERFILE_H
#define RV_USERFILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/error.h"

enum { RV_USERFILE_MOST = 1 << 20 }; /* bytes of a file */

struct rv_userfile {
        const char *home;
        uid_t uid;
        gid_t gid;
        const char *folder,
                *name; /* below home: the folder, which is made with mode 0700 where it is missing, and the file */
        uint64_t deadline; /* CLOCK_MONOTONIC ns */
};

/* Its text, NUL-ended, the caller's to free. NULL and RV_OK: there is none. ACCESS_DENIED: it is a link, no plain file,
 * not the user's own or root's, or may not be read by the user; TIMED_OUT: the file system did not answer. */
int rv_userfile_read(const struct rv_userfile *, char **ret, size_t *ret_n, struct rv_error *);
/* Replaces it at once, if it still is what was read (`old`, NULL: there was none); else UNAVAILABLE, to be tried again.
 * A file of root's is not replaced: ACCESS_DENIED. A new one gets mode 0600. */
int rv_userfile_write(const struct rv_userfile *, const char *old, size_t nold, const char *text, size_t n,
                      struct rv_error *);

#endif
