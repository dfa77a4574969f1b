/* SPDX-License-Identifier: MIT */
#include "providers/lib/clockstate.h"

#include <sys/timex.h>
#include <unistd.h>

int rv_clock_synchronized(void)
{
        struct timex t = { .modes = 0 };
        int state = adjtimex(&t);
        if (state >= 0)
                return state != TIME_ERROR && !(t.status & STA_UNSYNC);
        if (access("/run/systemd/timesync", F_OK) < 0)
                return -1;
        return access("/run/systemd/timesync/synchronized", F_OK) == 0;
}
