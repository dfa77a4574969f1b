/* SPDX-License-Identifier: MIT
 *
 * Benchmarks' client: the least that a JSON-RPC client costs. `ask SOCKET COUNT REQUEST` sends the request line COUNT
 * times, each after the reply to the one before, over one connection; prints bytes read and the wall time of a call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
        if (argc != 4)
                return 2;
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        snprintf(a.sun_path, sizeof a.sun_path, "%s", argv[1]);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
                perror(argv[1]);
                return 1;
        }
        static char buf[1 << 18];
        char *line;
        int n = asprintf(&line, "%s\n", argv[3]);
        double start = now();
        size_t total = 0;
        for (int i = atoi(argv[2]); i > 0; i--) {
                if (write(fd, line, (size_t)n) != n)
                        return 1;
                for (;;) {
                        ssize_t r = read(fd, buf, sizeof buf);
                        if (r <= 0)
                                return 1;
                        total += (size_t)r;
                        if (buf[r - 1] == '\n')
                                break;
                }
        }
        printf("%zu %.9f\n", total, (now() - start) / atoi(argv[2]));
        return 0;
}
