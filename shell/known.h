/* SPDX-License-Identifier: MIT
 *
 * What this user's own files say of hosts: OpenSSH's known hosts and names, Docker's contexts. Each is written whole or
 * not at all, and only where it does not say so already.
 */
#ifndef SH_KNOWN_H
#define SH_KNOWN_H

#include "shell/remote.h"

enum { SH_KNOWN_TEXT = 512 };

/* How ssh would reach a host, by its configuration (ssh -G). */
struct sh_reach {
        char address[256], user[128], known_hosts[SH_KNOWN_TEXT];
        int port;
};
int sh_reach_of(const char *host, const struct sh_target_options *, struct sh_reach *); /* 0, or -errno */

/* A host with a context of Docker's. */
struct sh_context {
        char name[128], endpoint[300], address[256], user[128], engine[32];
        int port;
};

/* All answer whether there was something to do (1, and it was done unless `only_look`), 0, or -1 with the reason. */
int sh_known_key(const struct sh_reach *, int port, const char *key, bool only_look, char why[SH_KNOWN_TEXT]);
/* A name for ssh: an own file, included by the configuration. key_file may be NULL. */
int sh_known_name(const struct sh_context *, const char *key_file, bool only_look, char why[SH_KNOWN_TEXT]);
int sh_context_write(const struct sh_context *, bool only_look, char why[SH_KNOWN_TEXT]);
int sh_context_remove(const struct sh_context *, bool only_look, char why[SH_KNOWN_TEXT]);
int sh_known_forget(const struct sh_context *, bool only_look,
                    char why[SH_KNOWN_TEXT]); /* its name for ssh */
/* The contexts that we wrote, one by one. */
void sh_context_each(void (*each)(void *, const struct sh_context *), void *);

#endif
