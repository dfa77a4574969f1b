/* SPDX-License-Identifier: MIT
 *
 * Replays a fuzzer's corpus in the ordinary tests: every file of the folders (or files) named on the command line
 * goes through LLVMFuzzerTestOneInput once, as it is and cut in half, so that truncation is always covered.
 * The input is in a malloc'ed block of exactly its size, so that sanitizers see reads past its end.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(const char *text, size_t size)
{
        uint8_t *copy = malloc(size ? size : 1);
        if (!copy)
                abort();
        if (size)
                memcpy(copy, text, size);
        LLVMFuzzerTestOneInput(copy, size);
        free(copy);
}

static unsigned replay_file(const char *path)
{
        FILE *f = fopen(path, "re");
        if (!f)
                return 0;
        static char buf[1 << 20];
        size_t n = fread(buf, 1, sizeof buf, f);
        fclose(f);
        feed(buf, n);
        feed(buf, n / 2);
        return 1;
}

static unsigned replay(const char *path)
{
        struct stat st;
        if (stat(path, &st) < 0)
                return 0;
        if (!S_ISDIR(st.st_mode))
                return replay_file(path);
        unsigned count = 0;
        DIR *d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d)); ) {
                char name[4096];
                if (e->d_name[0] == '.')
                        continue;
                snprintf(name, sizeof name, "%s/%s", path, e->d_name);
                count += replay(name);
        }
        if (d)
                closedir(d);
        return count;
}

int main(int argc, char **argv)
{
        unsigned count = 0;
        for (int i = 1; i < argc; i++)
                count += replay(argv[i]);
        printf("cases: %u passed, %u failed\n", count, count ? 0 : 1);
        return count ? 0 : 1;
}
