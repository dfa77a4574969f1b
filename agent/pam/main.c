/* SPDX-License-Identifier: MIT
 *
 * reeve-pam: one login's steps of PAM, in a process of its own, because modules run code of others and may take their
 * time. reeved starts it for each login where pam is switched on, with a socket on descriptor 3:
 *
 *      reeved -> us   PAM       kind (by key, by password), user, address, password
 *      us -> reeved   PAM_SAID  status, complaint, environment, limits
 *
 * By password: authenticate. Then, for either kind: account, credentials, session. A refusal is answered and that is
 * the end of the process; otherwise it stays until reeved closes the socket, and closes the session then. The only
 * question that a module may ask is for the password; it gets the one that was given, once.
 */
#include <errno.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/monitor/request.h"

enum { LINK = 3, LAST_WORDS_SECONDS = 60 };

struct login {
        char user[MON_USER + 1], source[64], password[MON_PASSWORD_BYTES + 1];
        bool by_password, given; /* given: the password has been told to a module */
        char complaint[200];     /* the last that a module said */
};

/* ---- what modules ask ---- */

static char *answer_to(struct login *l, const struct pam_message *m)
{
        switch (m->msg_style) {
        case PAM_PROMPT_ECHO_OFF:
                if (!l->by_password || l->given)
                        return NULL;
                l->given = true;
                return strdup(l->password);
        case PAM_ERROR_MSG: snprintf(l->complaint, sizeof l->complaint, "%s", m->msg); return strdup("");
        case PAM_TEXT_INFO: return strdup("");
        default: return NULL;
        }
}

static int converse(int n, const struct pam_message **asked, struct pam_response **ret, void *arg)
{
        if (n <= 0 || n > 32)
                return PAM_CONV_ERR;
        struct pam_response *r = calloc((size_t)n, sizeof *r);
        for (int i = 0; r && i < n; i++) {
                r[i].resp = answer_to(arg, asked[i]);
                if (r[i].resp)
                        continue;
                for (int k = 0; k < i; k++) {
                        explicit_bzero(r[k].resp, strlen(r[k].resp));
                        free(r[k].resp);
                }
                free(r);
                return PAM_CONV_ERR;
        }
        *ret = r;
        return r ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* A module must not make an attacker's guess take longer than anybody else's: reeved sees to both. */
static void no_delay(int status, unsigned microseconds, void *arg)
{
        (void)status, (void)microseconds, (void)arg;
}

/* ---- steps ---- */

static int begin(struct login *l, struct pam_conv *conv, pam_handle_t **ret)
{
        char address[64];
        snprintf(address, sizeof address, "%s", l->source);
        char *colon = strrchr(address, ':');
        if (colon)
                *colon = 0;
        int r = pam_start("reeve", l->user, conv, ret);
        if (r == PAM_SUCCESS)
                r = pam_set_item(*ret, PAM_RHOST, address);
        if (r == PAM_SUCCESS)
                r = pam_set_item(*ret, PAM_TTY, "ssh");
        if (r == PAM_SUCCESS)
                pam_set_item(*ret, PAM_FAIL_DELAY, (const void *)no_delay);
        return r;
}

static const char *steps(struct login *l, pam_handle_t *h, int *r)
{
        if (l->by_password) {
                *r = *l->password ? pam_authenticate(h, PAM_DISALLOW_NULL_AUTHTOK) : PAM_AUTH_ERR;
                explicit_bzero(l->password, sizeof l->password);
                if (*r != PAM_SUCCESS)
                        return "authentication";
        }
        if ((*r = pam_acct_mgmt(h, PAM_DISALLOW_NULL_AUTHTOK)) != PAM_SUCCESS)
                return "account";
        const char *user = NULL; /* a module may have mapped him to somebody else, whom nobody has looked up */
        if (pam_get_item(h, PAM_USER, (const void **)&user) != PAM_SUCCESS || !user || strcmp(user, l->user) != 0) {
                *r = PAM_USER_UNKNOWN;
                return "user";
        }
        if ((*r = pam_setcred(h, PAM_ESTABLISH_CRED)) != PAM_SUCCESS)
                return "credentials";
        if ((*r = pam_open_session(h, 0)) != PAM_SUCCESS) {
                pam_setcred(h, PAM_DELETE_CRED);
                return "session";
        }
        return NULL;
}

/* ---- talking ---- */

static size_t environment(pam_handle_t *h, char *to, size_t size)
{
        char **list = pam_getenvlist(h);
        size_t n = 0;
        for (char **e = list; e && *e; e++) {
                size_t k = strlen(*e) + 1;
                if (n + k <= size)
                        memcpy(to + n, *e, k);
                n += n + k <= size ? k : 0;
                free(*e);
        }
        free(list);
        return n;
}

static int say(int status, const char *complaint, const char *env, size_t env_n)
{
        struct rlimit limits[RLIM_NLIMITS];
        for (int i = 0; i < RLIM_NLIMITS; i++) /* what pam_limits has made of ours */
                getrlimit((unsigned)i, &limits[i]);
        return mon_send(LINK,
                        &(struct mon_message) { .type = MON_PAM_SAID,
                                                .u = { (uint32_t)status },
                                                .b = { { complaint, (uint32_t)strlen(complaint) },
                                                       { env, (uint32_t)env_n },
                                                       { (const char *)limits, sizeof limits } } },
                        NULL, 0);
}

static bool hear(struct login *l)
{
        static char buf[4096];
        struct mon_message m;
        unsigned nfds = 0;
        if (mon_recv(LINK, buf, sizeof buf, &m, NULL, &nfds) <= 0 || m.type != MON_PAM)
                return false;
        l->by_password = m.u[0];
        snprintf(l->user, sizeof l->user, "%.*s", (int)m.b[0].n, m.b[0].data);
        snprintf(l->source, sizeof l->source, "%.*s", (int)m.b[1].n, m.b[1].data);
        snprintf(l->password, sizeof l->password, "%.*s", (int)m.b[2].n, m.b[2].data);
        explicit_bzero(buf, sizeof buf);
        return true;
}

static void stay(pam_handle_t *h)
{
        static char buf[64];
        while (read(LINK, buf, sizeof buf) > 0 || errno == EINTR)
                errno = 0;
        alarm(LAST_WORDS_SECONDS);
        pam_close_session(h, 0);
        pam_setcred(h, PAM_DELETE_CRED);
}

int main(int argc, char **argv)
{
        static struct login l;
        struct pam_conv conv = { converse, &l };
        pam_handle_t *h = NULL;
        int r = PAM_SYSTEM_ERR;
        char text[256];
        static char env[MON_ENV];
        if (argc == 2 && strcmp(argv[1], "--version") == 0)
                return printf("reeve-pam %s\n", REEVE_VERSION) < 0;
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        signal(SIGPIPE, SIG_IGN);
        if (argc != 1 || !hear(&l)) {
                fputs("usage: reeve-pam\nStarted by reeved for a login, with a socket on descriptor 3.\n", stderr);
                return 2;
        }
        const char *failed = begin(&l, &conv, &h) == PAM_SUCCESS ? steps(&l, h, &r) : "service \"reeve\"";
        if (failed) {
                snprintf(text, sizeof text, "%s: %.80s%s%.120s", failed, h ? pam_strerror(h, r) : "cannot be started",
                         *l.complaint ? ": " : "", l.complaint);
                say(MON_DENIED, text, "", 0);
        } else if (say(MON_OK, "", env, environment(h, env, sizeof env)) == 0) {
                stay(h);
        } else {
                pam_close_session(h, 0);
        }
        if (h)
                pam_end(h, r);
        return failed != NULL;
}
