/* SPDX-License-Identifier: MIT
 *
 * What a control group's path tells: the systemd unit, the container. And which path a control group's number has.
 */
#ifndef RV_CGROUP_H
#define RV_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RV_CGROUP_PATH 1024 /* bytes of a path kept here; a longer one is treated as unknown */

/* The control group of a process out of /proc/PID/cgroup: the v2 line, else (or where that says only "/") the
 * name=systemd line. false: there is none. */
bool rv_cgroup_path(const char *proc_cgroup, char ret[RV_CGROUP_PATH]);
/* The system unit that a path belongs to, as systemd names it ("ssh.service", "session-3.scope"): the first component
 * after the slices. false: none. */
bool rv_cgroup_unit(const char *path, char *ret, size_t size);
/* The container: 64 hexadecimal digits somewhere in the path or in any line of /proc/PID/cgroup, as Docker, Podman,
 * containerd and CRI-O name their groups. false: none. */
bool rv_cgroup_container(const char *path, char ret[65]);

/* Numbers of control groups (inode of the folder of cgroup v2) -> paths. */
struct rv_cgroups;
struct rv_cgroups *rv_cgroups_read(void); /* NULL when there is no cgroup v2 or no memory */
struct rv_cgroups *rv_cgroups_free(struct rv_cgroups *);
const char *rv_cgroups_path(const struct rv_cgroups *, uint64_t id); /* or NULL */
bool rv_cgroups_several(const struct rv_cgroups *);                   /* is there more than the root? */

#endif
