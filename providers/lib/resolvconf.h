/* SPDX-License-Identifier: MIT
 *
 * /etc/resolv.conf (resolv.conf(5)).
 */
#ifndef RV_RESOLVCONF_H
#define RV_RESOLVCONF_H

#include <stdbool.h>

struct rv_resolvconf {
        char servers[2048], domains[2048], options[1024]; /* an item a line; "" for none */
        const char *manager; /* who writes the file; NULL: an administrator. Static text */
};

bool rv_resolvconf_read(struct rv_resolvconf *ret); /* false: there is no such file */

#endif
