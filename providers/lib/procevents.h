/* SPDX-License-Identifier: MIT
 *
 * The kernel's process events (proc connector): programs that start, processes that are forked and end. Needs
 * CAP_NET_ADMIN in the first namespaces. What comes while nobody reads is lost beyond a buffer of 2 MiB; that is told.
 */
#ifndef RV_PROCEVENTS_H
#define RV_PROCEVENTS_H

#include <linux/cn_proc.h>

struct rv_news;

int rv_procevents_open(void); /* a descriptor that does not block, or -errno */
/* Calls `each` for what has come, 200 events at most. Where some were lost that is told (rv_news_lost), and what is
 * kept is read on. 0 or -errno. */
int rv_procevents_read(int fd, void (*each)(void *, const struct proc_event *), struct rv_news *);

#endif
