/* SPDX-License-Identifier: MIT
 *
 * Files and folders as objects.
 */
#ifndef SH_FILEINFO_H
#define SH_FILEINFO_H

#include "shell/value.h"

extern const struct sh_type sh_type_fileinfo, sh_type_directoryinfo;

struct sv sh_fileinfo_new(const char *absolute_path, bool folder);
const char *sh_fileinfo_path(struct sv); /* NULL: it is no file or folder */

#endif
