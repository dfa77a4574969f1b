/* SPDX-License-Identifier: MIT */
#include "shell/transcript.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TRANSCRIPTS_MOST = 16 };
int sh_transcripts;
static struct transcript {
        int fd;
        bool header, escape, bracket; /* in the middle of a terminal's sequence */
        char *path;
} kept[TRANSCRIPTS_MOST];

static void put(struct transcript *t, const char *s, size_t n)
{
        char out[1024];
        size_t k = 0;
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)s[i];
                if (t->bracket) {
                        t->bracket = t->escape = c < 0x40 || c > 0x7e;
                        continue;
                }
                if (t->escape) {
                        t->bracket = c == '[';
                        t->escape = t->bracket;
                        continue;
                }
                if (c == 0x1b) {
                        t->escape = true;
                        continue;
                }
                out[k++] = s[i];
                if (k == sizeof out || i + 1 == n) {
                        if (write(t->fd, out, k) < 0)
                                return;
                        k = 0;
                }
        }
        if (k && write(t->fd, out, k) < 0)
                return;
}

void sh_transcript_put(const char *s, size_t n)
{
        for (int i = 0; i < sh_transcripts; i++)
                put(&kept[i], s, n);
}

void sh_transcript_command(const char *prompt, const char *text, size_t n)
{
        static const char line[] = "**********************\n";
        char when[64];
        time_t now = time(NULL);
        struct tm tm;
        localtime_r(&now, &tm);
        for (int i = 0; i < sh_transcripts; i++) {
                if (kept[i].header && strftime(when, sizeof when, "Command start time: %Y%m%d%H%M%S\n", &tm)) {
                        put(&kept[i], line, sizeof line - 1);
                        put(&kept[i], when, strlen(when));
                        put(&kept[i], line, sizeof line - 1);
                }
                put(&kept[i], prompt, strlen(prompt));
                put(&kept[i], text, n);
                if (!n || text[n - 1] != '\n')
                        put(&kept[i], "\n", 1);
        }
}

void sh_transcript_begin(int fd, const char *path, bool header)
{
        if (sh_transcripts == TRANSCRIPTS_MOST) {
                close(fd);
                return;
        }
        kept[sh_transcripts++] = (struct transcript) { .fd = fd, .header = header, .path = strdup(path) };
}

char *sh_transcript_end(void)
{
        if (!sh_transcripts)
                return NULL;
        close(kept[--sh_transcripts].fd);
        return kept[sh_transcripts].path;
}
