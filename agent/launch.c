/* SPDX-License-Identifier: MIT */
#include "agent/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nobody's child, so that the program has none that it does not know: the pipe ends when the program has begun. It may
 * be ended with the unit of a program that was short: then nothing more is said, which says the same. */
static void tell(int said, const int ends[2])
{
        char failed;
        close(ends[1]);
        if (read(ends[0], &failed, 1) <= 0)
                dprintf(said, "error 0 end\n");
        _exit(0);
}

int rv_launch_main(int argc, char **argv)
{
        int ends[2], said = fcntl(1, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dprintf(said, "pid %d ", (int)getpid());
        pid_t first = argc < 4 || pipe2(ends, O_CLOEXEC) < 0 ? -1 : fork();
        if (first < 0)
                return 2;
        if (first == 0) {
                if (fork() == 0)
                        tell(said, ends);
                _exit(0);
        }
        waitpid(first, NULL, 0);
        for (int fd = 0; fd < 3; fd++)
                dup2(null, fd);
        if (!*argv[2] || chdir(argv[2]) == 0)
                execvp(argv[3], argv + 3);
        int error = errno;
        if (write(ends[1], "", 1) < 0)
                return 126;
        dprintf(said, "error %d end\n", error);
        return 127;
}
