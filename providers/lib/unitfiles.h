/* SPDX-License-Identifier: MIT
 *
 * systemd's unit files, found by reading its unit folders: 1.6 ms for 700 entries, where ListUnitFiles blocks PID 1 for
 * 0.4 s. The states are those of `systemctl list-unit-files`.
 */
#ifndef RV_UNITFILES_H
#define RV_UNITFILES_H

#include <stdbool.h>

/* Calls back for each unit that can be loaded (templates and aliases are not). wanted: a .wants folder of the system's
 * own (/usr/lib) names it. description: of its file, or NULL. */
void rv_unitfiles_scan(void (*each)(void *, const char *id, const char *path, const char *state, bool wanted,
                                    const char *description),
                       void *);
/* Adds the folders to an inotify descriptor; again where there may be new ones. Calls back for each folder of drop-ins:
 * its watch, and the unit's name (without .d). */
void rv_unitfiles_watch(int inotify, void (*drop_in)(void *, int wd, const char *id), void *);
/* One of the folders' own names, whose appearing is a reason to look again. */
bool rv_unitfiles_is_folder(const char *name);

#endif
