/* SPDX-License-Identifier: MIT
 *
 * statvfs(3) of file systems that may never answer: network servers that are gone, FUSE daemons that hang.
 *
 * A thread would be caught in the kernel, some for good (a FUSE request that its daemon has read cannot even be
 * killed), and with it the agent could never end. So helper processes ask: forked without exec, holding no
 * descriptor but a pipe, touching nothing but system calls. They take the questions one after the other; when one
 * has not answered for a moment, another helper goes on with the next, so that the first hung one costs
 * RV_ASKFS_PATIENCE and all of them together no more. Whoever has not answered by then is remembered and not asked
 * again until its helper has come back.
 */
#ifndef RV_ASKFS_H
#define RV_ASKFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/statvfs.h>

#define RV_ASKFS_PATIENCE UINT64_C(1000000000)    /* ns for each question */
#define RV_ASKFS_HELPERS 16                       /* helpers at once, stalled ones included */

enum rv_fs_state {
        RV_FS_NOT_ASKED, /* too many helpers are stalled, or none can be made */
        RV_FS_OK,
        RV_FS_ERROR,     /* errno in `error` */
        RV_FS_COVERED,   /* the path leads to another mount */
        RV_FS_STALLED,   /* since `since` */
};

struct rv_fs_question {
        const char *path;
        uint64_t id;     /* names the mount while it exists */
        uint32_t mount;  /* id of the mount that the path should lead to; 0: any */
        /* Answer. */
        enum rv_fs_state state;
        int error;
        int64_t since;   /* ns since 1970 */
        struct statvfs fs;
};

/* Here and now, in this thread: for local file systems. */
void rv_askfs_here(struct rv_fs_question *);
/* By helpers; returns by `deadline` (CLOCK_MONOTONIC ns) at the latest. Any thread. */
void rv_askfs(struct rv_fs_question *const *, size_t n, uint64_t deadline);

#endif
