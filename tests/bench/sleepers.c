/* SPDX-License-Identifier: MIT
 *
 * Benchmarks' crowd: `sleepers N` starts N processes that sleep, each with a command line of its own, prints "ready"
 * and waits for the end of its standard input; then all are gone (they die with their parent).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void sleeper(char *argv0, size_t room, int number)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        memset(argv0, 0, room);
        snprintf(argv0, room, "sleeper --number=%d --of-the-benchmark", number);
        for (;;)
                pause();
}

int main(int argc, char **argv)
{
        if (argc == 2) { /* once more, with room for a longer command line */
                execl("/proc/self/exe", argv[0], argv[1], "----------------------------------------", (char *)NULL);
                return 1;
        }
        if (argc != 3)
                return 2;
        int n = atoi(argv[1]);
        size_t room = (size_t)(argv[2] + strlen(argv[2]) - argv[0]);
        for (int i = 0; i < n; i++) {
                pid_t pid = fork();
                if (pid == 0)
                        sleeper(argv[0], room, i);
                if (pid < 0) {
                        perror("sleepers: fork");
                        break;
                }
        }
        puts("ready");
        fflush(stdout);
        char c;
        while (read(0, &c, 1) > 0)
                ;
        signal(SIGTERM, SIG_IGN);
        kill(0, SIGTERM);
        return 0;
}
