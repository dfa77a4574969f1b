/* SPDX-License-Identifier: MIT
 *
 * What stands behind the class Service: the service manager that runs this host. One of them is chosen once, by
 * what is really running as init; the class' provider (providers/service.c) only forwards to it.
 *
 * systemd has PID 1's own model and jobs (systemd.c). The others keep their services in files and have no daemon
 * to ask: they share reading, waiting and errors (files.h) and say only where the files are and what the verbs do.
 */
#ifndef RV_SERVICE_BACKEND_H
#define RV_SERVICE_BACKEND_H

#include <stdbool.h>

#include "agent/provider.h"

struct rv_service_backend {
        bool (*here)(void); /* does it run this host? Cheap; any thread */
        int (*query)(const struct rv_query *, struct rv_sink *, struct rv_error *);
        int (*peek)(const struct rv_query *, struct rv_sink *); /* as in struct rv_provider; NULL: never at hand */
        /* Indexed like the class' methods; what it cannot do answers NOT_SUPPORTED with the reason. */
        int (*const *methods)(struct rv_call *, const void *in, struct rv_error *);
        int (*modify)(struct rv_call *, const struct rv_values *, struct rv_error *);
        /* As in struct rv_push. */
        int (*push_open)(struct rv_error *);
        int (*push_read)(int fd, struct rv_news *);
        void (*push_close)(int fd);
};

extern const struct rv_service_backend rv_service_systemd, rv_service_files;

/* What both need. */
/* "SIGHUP", "hup", "1" -> 1. INVALID_PARAMETER where there is none such. */
int rv_service_signal(const char *text, int *ret, struct rv_error *);
bool rv_service_good_name(const char *, size_t n);
/* RestartRequired and RestartReasons, by the processes of a control group or, where it is "", one process (0: none). */
struct rv_row;
void rv_service_fill_restart(struct rv_row *, const char *group, uint32_t pid);
/* The arguments of Create, as far as no service manager could take them otherwise. */
struct Service_Create_in;
int rv_service_check_create(const struct Service_Create_in *, struct rv_error *);

#endif
