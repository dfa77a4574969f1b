/* SPDX-License-Identifier: MIT
 *
 * idle PORT USER KEY COUNT: logs in by key COUNT times with libssh and stays, without a channel. Prints how many are
 * in, then waits for the end of its input, and prints how many are still connected.
 */
#include <libssh/libssh.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static ssh_session in(unsigned port, const char *user, ssh_key key)
{
        int no = 0, yes = 1;
        ssh_session s = ssh_new();
        ssh_options_set(s, SSH_OPTIONS_HOST, "127.0.0.1");
        ssh_options_set(s, SSH_OPTIONS_PORT, &port);
        ssh_options_set(s, SSH_OPTIONS_USER, user);
        ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &no);
        ssh_options_set(s, SSH_OPTIONS_NODELAY, &yes);
        if (ssh_connect(s) == SSH_OK && ssh_userauth_publickey(s, NULL, key) == SSH_AUTH_SUCCESS)
                return s;
        fprintf(stderr, "idle: %s\n", ssh_get_error(s));
        ssh_free(s);
        return NULL;
}

/* The server asks now and then whether we are there. */
static void answer(ssh_session *all, int n, ssh_event e)
{
        struct pollfd end = { .fd = 0, .events = POLLIN };
        for (int i = 0; i < n; i++)
                if (all[i])
                        ssh_event_add_session(e, all[i]);
        while (poll(&end, 1, 0) == 0)
                ssh_event_dopoll(e, 1000);
}

int main(int argc, char **argv)
{
        ssh_key key;
        if (argc != 5 || ssh_pki_import_privkey_file(argv[3], NULL, NULL, NULL, &key) != SSH_OK)
                return 2;
        int n = atoi(argv[4]), there = 0, left = 0;
        ssh_session *all = calloc((size_t)n, sizeof(ssh_session));
        for (int i = 0; all && i < n; i++) {
                all[i] = in((unsigned)atoi(argv[1]), argv[2], key);
                there += all[i] != NULL;
        }
        printf("%d\n", there);
        fflush(stdout);
        if (all)
                answer(all, n, ssh_event_new());
        for (int i = 0; all && i < n; i++)
                left += all[i] && ssh_is_connected(all[i]);
        printf("%d\n", left);
        return 0;
}
