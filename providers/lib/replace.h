/* SPDX-License-Identifier: MIT
 *
 * A file's contents replaced at once: whoever reads sees the old or the new, also after a crash.
 */
#ifndef RV_REPLACE_H
#define RV_REPLACE_H

#include <stddef.h>
#include <sys/types.h>

/* 0 or -errno. Owner and mode stay those of the file that is there; a new one gets `mode`. A link is followed. */
int rv_replace_file(const char *path, const char *text, size_t n, mode_t mode);
/* A symbolic link replaced at once. */
int rv_replace_link(const char *path, const char *target);

#endif
