/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <string.h>

#include "agent/login/login.h"

static const struct {
        const char *name;
        int number;
} names[] = { { "ABRT", SIGABRT }, { "ALRM", SIGALRM }, { "FPE", SIGFPE },   { "HUP", SIGHUP },   { "ILL", SIGILL },
              { "INT", SIGINT },   { "KILL", SIGKILL }, { "PIPE", SIGPIPE }, { "QUIT", SIGQUIT }, { "SEGV", SIGSEGV },
              { "TERM", SIGTERM }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "CONT", SIGCONT } };

int login_signal(const char *name, size_t n)
{
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strlen(names[i].name) == n && memcmp(names[i].name, name, n) == 0)
                        return names[i].number;
        return 0;
}

const char *login_signal_name(int number)
{
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (names[i].number == number && number != SIGCONT)
                        return names[i].name;
        return NULL;
}
