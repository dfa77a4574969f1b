/* SPDX-License-Identifier: MIT
 *
 * login PORT USER KEY COUNT COMMAND: logs in by key with libssh, runs the command, waits for its exit status.
 * COUNT times; prints the least and the median wall time of one, in seconds. The host key is not looked at.
 */
#include <libssh/libssh.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int once(unsigned port, const char *user, ssh_key key, const char *command)
{
        char text[4096];
        int r = 1, no = 0, yes = 1;
        ssh_session s = ssh_new();
        ssh_options_set(s, SSH_OPTIONS_HOST, "127.0.0.1");
        ssh_options_set(s, SSH_OPTIONS_PORT, &port);
        ssh_options_set(s, SSH_OPTIONS_USER, user);
        ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &no);
        ssh_options_set(s, SSH_OPTIONS_NODELAY, &yes); /* else it waits for delayed acknowledgements */
        ssh_channel c = NULL;
        if (ssh_connect(s) == SSH_OK && ssh_userauth_publickey(s, NULL, key) == SSH_AUTH_SUCCESS &&
            (c = ssh_channel_new(s)) && ssh_channel_open_session(c) == SSH_OK &&
            ssh_channel_request_exec(c, command) == SSH_OK) {
                while (ssh_channel_read(c, text, sizeof text, 0) > 0)
                        ;
                r = ssh_channel_get_exit_status(c);
        } else {
                fprintf(stderr, "login: %s\n", ssh_get_error(s));
        }
        ssh_channel_free(c);
        ssh_disconnect(s);
        ssh_free(s);
        return r;
}

static int by_time(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
        ssh_key key;
        if (argc != 6 || ssh_pki_import_privkey_file(argv[3], NULL, NULL, NULL, &key) != SSH_OK)
                return 2;
        int n = atoi(argv[4]);
        double *took = calloc((size_t)n, sizeof *took);
        for (int i = 0; took && i < n; i++) {
                double begin = now();
                if (once((unsigned)atoi(argv[1]), argv[2], key, argv[5]) != 0)
                        return 1;
                took[i] = now() - begin;
        }
        qsort(took, (size_t)n, sizeof *took, by_time);
        printf("%.6f %.6f\n", took[0], took[n / 2]);
        ssh_key_free(key);
        free(took);
        return 0;
}
