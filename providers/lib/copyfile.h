/* SPDX-License-Identifier: MIT
 *
 * A file copied or renamed so that its new name is there as a whole or not at all.
 */
#ifndef RV_COPYFILE_H
#define RV_COPYFILE_H

#include <stdbool.h>

struct rv_call;

/* With mode, owner, group, times, access list and extended attributes, as `cp -a` does; a link as a link. 0 or -errno:
 * -EEXIST where something is there that is not to be replaced, -ECANCELED, -EISDIR of a folder, -EINVAL of what is
 * neither. */
int rv_copy_file(struct rv_call *, const char *from, const char *to, bool replace);
int rv_rename_file(const char *from, const char *to, bool replace); /* 0 or -errno */

#endif
