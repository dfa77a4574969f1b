/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/record/record.h"
#include "schema/json.h"

static int64_t now_ms(clockid_t clock)
{
        struct timespec t;
        clock_gettime(clock, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the folder ---- */

/* "20261128T231500Z-USER-..." */
static bool is_of(const char *name, const char *user)
{
        const char *dash = strchr(name, '-');
        size_t n = strlen(user);
        return dash && strncmp(dash + 1, user, n) == 0 && dash[1 + n] == '-';
}

/* Old ones go; what is left of this user's must leave room. */
static int64_t tidy(int folder, const char *user)
{
        int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = copy < 0 ? NULL : fdopendir(copy);
        int64_t sum = 0, old = (int64_t)time(NULL) - INT64_C(86400) * REC_DAYS;
        for (struct dirent *e; d && (e = readdir(d));) {
                struct stat st;
                if (e->d_name[0] == '.' || fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    !S_ISREG(st.st_mode))
                        continue;
                if (st.st_mtime < old)
                        unlinkat(folder, e->d_name, 0);
                else if (is_of(e->d_name, user))
                        sum += st.st_size;
        }
        if (d)
                closedir(d);
        return sum;
}

/* STATE/transcripts: root's (or the user's whose reeved this is), and nobody else's. */
static int open_folder(const char *state)
{
        char path[600];
        struct stat st;
        snprintf(path, sizeof path, "%.500s/transcripts", state);
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return -1;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_uid != geteuid() || st.st_mode & 077)) {
                close(fd);
                errno = EPERM;
                return -1;
        }
        return fd;
}

/* ---- writing ---- */

static bool write_all(struct record *r, const char *s, size_t n)
{
        while (n && r->fd >= 0) {
                ssize_t k = write(r->fd, s, n);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0) {
                        r->failed = true;
                        snprintf(r->why, sizeof r->why, "%s", k ? strerror(errno) : "nothing is taken");
                        return false;
                }
                s += k;
                n -= (size_t)k;
                r->written += (uint64_t)k;
        }
        return true;
}

static void put_member(struct rv_buf *b, const char *name, const char *value)
{
        if (!value || !*value)
                return;
        rv_buf_putf(b, ",\"%s\":", name);
        rv_json_text(b, value);
}

static bool put_head(struct record *r)
{
        struct rv_buf b = { 0 };
        rv_buf_putf(&b, "{\"Version\":1,\"Start\":%lld,\"Terminal\":%s", (long long)r->begun,
                    r->pty ? "true" : "false");
        put_member(&b, "Session", r->session);
        put_member(&b, "User", r->user);
        put_member(&b, "Source", r->source);
        put_member(&b, "KeyFingerprint", r->key);
        put_member(&b, "Roles", r->roles);
        put_member(&b, "Command", r->command);
        rv_buf_puts(&b, "}\n");
        bool good = !b.failed && write_all(r, b.data, b.len);
        rv_buf_free(&b);
        return good;
}

int rec_open(struct record *r, char *why, size_t size)
{
        time_t t = time(NULL);
        struct tm tm;
        char when[32];
        int folder = open_folder(r->state);
        strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime_r(&t, &tm));
        snprintf(r->file, sizeof r->file, "%s-%.64s-%.40s-%.12s.jsonl", when, r->user, r->session,
                 r->channel ? r->channel : "0");
        r->begun = now_ms(CLOCK_REALTIME);
        if (folder >= 0 && tidy(folder, r->user) > REC_USER_BYTES) {
                snprintf(why, size,
                         "this session is to be recorded, and %s has more than %lld MiB of transcripts: an "
                         "administrator must "
                         "take older ones away",
                         r->user, (long long)(REC_USER_BYTES >> 20));
                close(folder);
                return -1;
        }
        if (folder >= 0)
                r->fd = openat(folder, r->file,
                               O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        int error = errno;
        if (folder >= 0)
                close(folder);
        if (r->fd >= 0 && put_head(r) && fdatasync(r->fd) == 0)
                return 0;
        snprintf(why, size, "this session is to be recorded, and its transcript cannot be written: %s",
                 r->fd < 0 ? strerror(error)
                 : *r->why ? r->why
                           : strerror(errno));
        return -1;
}

/* Bytes from the start that are whole characters, or none; 0: the beginning of one, that may go on. */
static unsigned character(const unsigned char *s, size_t n, bool *ret_good)
{
        unsigned len = s[0] < 0x80                   ? 1
                       : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                       : (s[0] & 0xf0) == 0xe0       ? 3
                       : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                     : 0;
        *ret_good = len;
        for (unsigned i = 1; i < len; i++) {
                if (i >= n)
                        return 0;
                if ((s[i] & 0xc0) != 0x80)
                        *ret_good = false;
        }
        if (*ret_good && len == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))
                *ret_good = false;
        if (*ret_good && len == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
                *ret_good = false;
        return *ret_good ? len : 1;
}

static void put_byte(struct rv_buf *b, unsigned char c)
{
        if (c == '"' || c == '\\')
                rv_buf_putf(b, "\\%c", c);
        else if (c == '\n')
                rv_buf_puts(b, "\\n");
        else if (c < 0x20 || c == 0x7f)
                rv_buf_putf(b, "\\u%04x", c);
        else
                rv_buf_put(b, (char *)&c, 1);
}

/* What is left at the end is kept for the next time, unless it is the last. */
static void put_text(struct rv_buf *b, struct record *r, int stream, const char *s, size_t n, bool last)
{
        unsigned char whole[16384 + 4];
        size_t m = r->streams[stream].n, at = 0;
        memcpy(whole, r->streams[stream].tail, m);
        memcpy(whole + m, s, n);
        m += n;
        r->streams[stream].n = 0;
        while (at < m) {
                bool good;
                unsigned k = character(whole + at, m - at, &good);
                if (!k && !last) {
                        r->streams[stream].n = (unsigned)(m - at);
                        memcpy(r->streams[stream].tail, whole + at, m - at);
                        return;
                }
                if (!k || !good)
                        rv_buf_putf(b, "\\\\x%02x", whole[at]);
                else if (k == 1)
                        put_byte(b, whole[at]);
                else
                        rv_buf_put(b, (char *)whole + at, k);
                at += k ? k : 1;
        }
}

bool rec_put(struct record *r, int stream, const char *s, size_t n)
{
        bool good = r->fd >= 0 && !r->failed;
        while (good && n) {
                struct rv_buf b = { 0 };
                size_t piece = n < 16384 ? n : 16384;
                rv_buf_putf(&b, "[%lld,\"%c\",\"", (long long)(now_ms(CLOCK_REALTIME) - r->begun),
                            "ioe"[stream]);
                put_text(&b, r, stream, s, piece, false);
                rv_buf_puts(&b, "\"]\n");
                if (r->written + b.len > REC_FILE_BYTES) {
                        r->failed = true;
                        snprintf(r->why, sizeof r->why, "it has %d MiB, the most that one may have",
                                 REC_FILE_BYTES >> 20);
                }
                good = !b.failed && !r->failed && write_all(r, b.data, b.len);
                rv_buf_free(&b);
                s += piece;
                n -= piece;
        }
        return good || !r->required;
}

void rec_close(struct record *r, int status)
{
        struct rv_buf b = { 0 };
        if (r->fd < 0)
                return;
        r->failed = false; /* the end may still find room */
        rv_buf_putf(&b, "{\"End\":%lld,\"Status\":%d", (long long)now_ms(CLOCK_REALTIME),
                    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        put_member(&b, "Reason", r->why);
        rv_buf_puts(&b, "}\n");
        if (!b.failed)
                write_all(r, b.data, b.len);
        rv_buf_free(&b);
        r->failed = *r->why || fdatasync(r->fd) < 0;
        close(r->fd);
        r->fd = -1;
}
