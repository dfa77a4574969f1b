/* SPDX-License-Identifier: MIT
 *
 * Logins by SSH: see logins.c. All on the loop.
 */
#ifndef RV_LOGINS_H
#define RV_LOGINS_H

#include "agent/agent.h"
#include "agent/wire/intro.h"

struct rv_login_here {
        struct rv_login_here *next;
        struct rv_login login;
        int64_t since; /* ns since 1970 */
};

void rv_logins_start(int reeved);
bool rv_login_take(struct rv_agent *, const void *message, size_t n); /* false: it is none */
struct rv_login_here *rv_login_find(struct rv_agent *, const char *session);
void rv_login_end(const char *session); /* asks reeved to */
void rv_logins_free(struct rv_agent *);

#endif
