/* SPDX-License-Identifier: MIT
 *
 * Copy-Item -ToSession and -FromSession: files as requests to `reeve remote` (serve.c), in pieces of bounded size. A
 * file is at its destination whole or not at all: it is written beside it and takes its place at the end. Paths are
 * the far shell's, relative to its location there.
 *
 *      -> {"Id":1,"File":"Folder","Path":"/srv","Leaf":"site","Mode":493}     made where it is missing
 *      -> {"Id":2,"File":"Put","Under":"sub/a","Mode":420,"Time":"<ns>","Force":false}     in that folder
 *      -> {"Id":2,"File":"Put","Path":"/srv","Leaf":"a",...}                  or by itself: in Path if that is a folder
 *      -> {"Id":3,"File":"Piece","Data":"<base64>"}                           one answer each: the sender waits
 *      -> {"Id":4,"File":"Close","Size":7}                                    it is there now; "Drop": it is not
 *      -> {"Id":5,"File":"List","Path":"/srv/s*","Literal":false,"Recurse":true}
 *      <- {"Id":5,"Entry":"site/a","Top":"/srv","Folder":false,"Mode":420,"Time":"<ns>"}
 *      -> {"Id":6,"File":"Get","Path":"/srv/site/a"}
 *      <- {"Id":6,"Data":"<base64>"} ...
 */
#ifndef SH_FILECOPY_H
#define SH_FILECOPY_H

#include <sys/stat.h>

#include "agent/wire/scan.h"
#include "shell/code.h"

enum { SH_PIECE = 768 << 10 }; /* bytes of a file at once; a multiple of three */

/* A file on its way to its place. */
struct sh_landing {
        int fd;           /* -1: none */
        char *path, *temp; /* temp NULL: it has no name yet */
        mode_t mode;
        int64_t time; /* of its last change, in ns */
        uint64_t size;
};
/* All answer 0 or an errno. */
int sh_landing_begin(struct sh_landing *, const char *path, mode_t, int64_t time, bool force);
int sh_landing_write(struct sh_landing *, const char *, size_t n);
int sh_landing_end(struct sh_landing *);
void sh_landing_drop(struct sh_landing *);

int64_t sh_stat_time(const struct stat *);
/* Where `leaf` comes to lie when it is copied to `path`: in it where it is a folder. malloc'd. */
char *sh_copy_place(const char *path, const char *leaf);

void sh_base64_put(struct rv_buf *, const void *, size_t n);
/* In place: the length, or -1 where it is none. */
ssize_t sh_base64_take(char *, size_t n);

/* filefar.c: does what a request with "File" asks. SH_OK; anything else: told to the other side, the request failed. */
int sh_file_answer(struct sh *, struct rv_json request, uint64_t id, int (*send)(struct rv_buf *));
void sh_file_over(void); /* no more will come: what is unfinished goes */

/* filecopy.c */
int sh_copy_to_sessions(struct sh_cmd *, const char *path);
int sh_copy_from_session(struct sh_cmd *);

#endif
