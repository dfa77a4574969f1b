/* SPDX-License-Identifier: MIT
 *
 * The text logs of this host: files below /var/log (three folders deep), each with those that it was rotated to.
 *
 * What may be read is decided here. A channel is named by its path below /var/log, and its file is opened from there
 * without following links and without leaving it: who may write in a folder of logs cannot lead the agent elsewhere.
 */
#ifndef RV_LOG_CHANNEL_H
#define RV_LOG_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define RV_LOG_ROOT "/var/log"
enum { RV_LOG_PATH = 1024, RV_LOG_CHANNELS = 512, RV_LOG_ROTATED = 128 };

/* Calls back for each until it answers something, which is returned. */
int rv_logchannels(int (*each)(void *, const char *path, const struct stat *), void *);
/* Whether a path is a log's or what one was rotated to. ret_base (RV_LOG_PATH bytes, or NULL): the log's. */
bool rv_logchannel_is(const char *path, char *ret_base);

enum rv_logpacking { RV_LOG_PLAIN, RV_LOG_GZIP, RV_LOG_OTHER /* xz, zstd, bzip2: not read */ };
struct rv_logname {
        char path[RV_LOG_PATH];
        enum rv_logpacking packing;
        int64_t modified; /* ns since 1970 */
        uint64_t size;    /* of the file as it is */
        long number;      /* "x.2.gz": 2; -1: dated or none */
        dev_t device;
        ino_t inode;
};
/* The files of a log, the newest first: free(). NULL: there is none. One that lies there packed, too, is named once. */
struct rv_logname *rv_logchannel_files(const char *base, size_t *ret_n);
/* A descriptor, or -errno: -EXDEV, -ELOOP where a link leads elsewhere. */
int rv_logchannel_open(const char *path, int flags);

#endif
