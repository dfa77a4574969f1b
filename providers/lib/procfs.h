/* SPDX-License-Identifier: MIT
 *
 * /proc, read by hand: one open, one read, no scanf. `root` is a descriptor of /proc or of a captured tree.
 */
#ifndef RV_PROCFS_H
#define RV_PROCFS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rv_proc_stat {
        char name[64];          /* field 2, without parentheses; may hold any byte but NUL */
        size_t name_len;
        char state;             /* 3 */
        uint64_t f[53];         /* by field number as proc(5) counts them; negative ones wrapped */
};

/* Reads a whole small file below a directory; the number of bytes, or -errno. buf gets a NUL behind them. */
ssize_t rv_proc_read(int dir, const char *path, char *buf, size_t size);
/* A folder below a directory ("." is itself), for readdir(). NULL and errno. */
DIR *rv_proc_folder(int dir, const char *path);
/* /proc/PID/stat. 0 or -errno (-ESRCH, -ENOENT: it has ended). */
int rv_proc_stat(int root, pid_t, struct rv_proc_stat *ret);
bool rv_proc_stat_parse(const char *, size_t n, struct rv_proc_stat *ret);
/* ns since 1970 of the host's boot, and of a start time in clock ticks since boot. */
int64_t rv_boot_time(int root);
int64_t rv_ticks_to_ns(uint64_t ticks);
/* A descriptor of /proc and the boot's time, both got once and kept: btime moves when the clock is set, and a process'
 * start time, which is part of its key, must not. 0 or -errno. Any thread. */
int rv_proc_root(int *ret_root, int64_t *ret_boot);

#endif
