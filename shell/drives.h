/* SPDX-License-Identifier: MIT
 *
 * Drives: what a path may begin with. Some lead to folders (/, Temp, what New-PSDrive makes), the others to what the
 * session has: Env, Variable, Function, Alias. The location is on one of them.
 */
#ifndef SH_DRIVES_H
#define SH_DRIVES_H

#include "shell/code.h"

struct sh_drive {
        const char *name, *provider, *root; /* root of folders only */
        const char *description;
        struct sh_drive *next;
        bool own; /* made by New-PSDrive: may be removed */
};

struct sh_drive *sh_drives(void); /* the first, by name */
struct sh_drive *sh_drive_find(const char *name, size_t n);
bool sh_drive_is_folder(const struct sh_drive *);
/* Copies; false when there is one of that name. */
bool sh_drive_add(const char *name, const char *root, const char *description);
void sh_drive_remove(struct sh_drive *);

/* "env:NAME" (lower-case drive) of a path to one of the session's things, owned; NULL: the path is of folders. What has
 * no drive is on the location's. */
char *sh_drive_item(const char *path);
/* "x:/a" under its root, owned; NULL: begins with no drive that leads to folders. */
char *sh_drive_folder(const char *path);

/* The drive the location is on. sh_drive_go(NULL): the folders as they are. */
const struct sh_drive *sh_drive_here(void);
void sh_drive_go(const struct sh_drive *);
struct sv sh_location(struct sh *); /* the text of $PWD: "Env:/", "X:/sub", "/etc"; owned */

#endif
