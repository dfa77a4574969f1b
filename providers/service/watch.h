/* SPDX-License-Identifier: MIT
 *
 * Changes of services as the files and processes show them: one epoll descriptor over inotify, a pidfd of each
 * service's process, and, where a service has neither, a timer. One at a time, on the agent's loop.
 */
#ifndef RV_SERVICE_WATCH_H
#define RV_SERVICE_WATCH_H

#include "providers/service/files.h"

/* As in struct rv_push. */
int rv_svc_watch_open(const struct rv_svc_manager *, struct rv_error *);
int rv_svc_watch_read(int fd, struct rv_news *);
void rv_svc_watch_close(int fd);

#endif
