/* SPDX-License-Identifier: MIT
 *
 * OpenSSH's client configuration, as far as it can be understood for certain. A host whose configuration has anything
 * else (ProxyJump, Match, a token, ...) is not simple: the ssh program is asked to reach it.
 */
#ifndef SH_SSHCONFIG_H
#define SH_SSHCONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct sh_ssh_config {
        bool simple;
        char address[256], user[128], alias[256], keys[4096], known[4096]; /* lists: tabs between */
        int port;
};

/* For a host as it was named. file: instead of the user's and the system's; NULL = those. Values that are set already
 * (user, port, keys) stay. */
void sh_ssh_config(const char *host, const char *file, struct sh_ssh_config *);

#endif
