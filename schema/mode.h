/* SPDX-License-Identifier: MIT
 *
 * A file's type and permissions in the ten letters of `ls -l`: "drwxr-xr-x", "-rwsr-xr-t".
 */
#ifndef RV_MODE_H
#define RV_MODE_H

#include <sys/stat.h>

static inline void rv_mode_text(mode_t m, char to[11])
{
        static const char rwx[] = "rwxrwxrwx";
        to[0] = S_ISDIR(m)    ? 'd'
                : S_ISLNK(m)  ? 'l'
                : S_ISCHR(m)  ? 'c'
                : S_ISBLK(m)  ? 'b'
                : S_ISFIFO(m) ? 'p'
                : S_ISSOCK(m) ? 's'
                              : '-';
        for (int i = 0; i < 9; i++)
                to[i + 1] = m & (0400u >> i) ? rwx[i] : '-';
        if (m & S_ISUID)
                to[3] = m & S_IXUSR ? 's' : 'S';
        if (m & S_ISGID)
                to[6] = m & S_IXGRP ? 's' : 'S';
        if (m & S_ISVTX)
                to[9] = m & S_IXOTH ? 't' : 'T';
        to[10] = 0;
}

#endif
