/* SPDX-License-Identifier: MIT */
#include "providers/log/tail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "providers/log/channel.h"

enum { FOLDERS = 128, DEEPEST = 3, PRINT = 64, MOST_MISSED = 8, MOST_LOOKS = 64 };

/* A file as far as it was read. */
struct piece {
        int fd; /* -1: none */
        dev_t device;
        ino_t inode;
        uint64_t at; /* all before was told */
        char print[PRINT],
                head[PRINT]; /* the bytes before it, and the file's first: it is known again by them */
        unsigned nprint, nhead;
        bool within; /* at is within a line whose head was told */
};

struct channel {
        char path[RV_LOG_PATH];
        struct piece now, former; /* former: it was renamed; its writer may still have it */
        bool dirty;
        int64_t looked; /* when it was looked at last, ns since 1970 */
};

struct rv_logtail {
        rv_logtail_each each;
        void *state;
        int inotify;
        struct rv_logclock clock;
        struct channel *channels[RV_LOG_CHANNELS];
        unsigned nchannels;
        struct {
                int wd;
                char path[RV_LOG_PATH];
        } folders[FOLDERS];
        unsigned nfolders;
        int64_t opened; /* ns since 1970 */
        bool over; /* nothing more is wanted */
        char buf[PRINT + RV_LOG_WINDOW];
};

static const struct piece no_piece = { .fd = -1 };

/* ---- a file ---- */

static void drop(struct piece *p)
{
        if (p->fd >= 0)
                close(p->fd);
        *p = no_piece;
}

static void note_print(struct piece *p)
{
        unsigned n = p->at < PRINT ? (unsigned)p->at : PRINT;
        ssize_t k = pread(p->fd, p->print, n, (off_t)(p->at - n));
        p->nprint = k == (ssize_t)n ? n : 0;
        if (p->nhead < PRINT) {
                k = pread(p->fd, p->head, n, 0);
                p->nhead = k == (ssize_t)n ? n : 0;
        }
}

/* The same from what was read: `n` bytes up to the place. The file may be another one by now. */
static void note_after(struct piece *p, const char *buf, size_t n)
{
        unsigned k = n < PRINT ? (unsigned)n : PRINT;
        if (p->nhead < PRINT &&
            p->at - n <= p->nhead) { /* the buffer begins where the head is known to, or before */
                size_t from = (size_t)(p->at - n), more = n < PRINT - from ? n : PRINT - from;
                memcpy(p->head + from, buf, more);
                p->nhead = (unsigned)(from + more);
        }
        memcpy(p->print, buf + n - k, k);
        p->nprint = k;
}

/* From its beginning, or from the end of its last whole line. */
static struct piece open_piece(struct rv_logtail *t, const char *path, bool from_end)
{
        struct piece p = { .fd = rv_logchannel_open(path, O_RDONLY) };
        struct stat st;
        if (p.fd < 0 || fstat(p.fd, &st) < 0) {
                drop(&p);
                return p;
        }
        p.device = st.st_dev;
        p.inode = st.st_ino;
        for (uint64_t end = (uint64_t)st.st_size; from_end && end && !p.at;) {
                size_t n = end < RV_LOG_WINDOW ? (size_t)end : RV_LOG_WINDOW;
                if (pread(p.fd, t->buf, n, (off_t)(end - n)) != (ssize_t)n)
                        break;
                const char *nl = memrchr(t->buf, '\n', n);
                if (nl)
                        p.at = end - n + (uint64_t)(nl - t->buf) + 1;
                else if ((uint64_t)st.st_size - (end - n) >
                         2 * RV_LOG_WINDOW) { /* a long line: only its end is to come */
                        p.at = (uint64_t)st.st_size;
                        p.within = true;
                }
                end -= n;
        }
        note_print(&p);
        return p;
}

static void tell(struct rv_logtail *t, const struct channel *c, const char *path, const char *s, size_t n,
                 uint64_t at)
{
        struct rv_logplace place;
        bool hole = n && !*s; /* a writer that does not append leaves one where it was truncated */
        while (n && !*s)
                s++, n--, at++;
        if (hole && !n)
                return;
        rv_logplace_of(&t->clock, s, n, at, &place);
        t->over |= !t->each(t->state, c->path, path, &place);
}

/* Tells the whole lines of n bytes that were read; bytes that it took. */
static size_t lines_of(struct rv_logtail *t, const struct channel *c, struct piece *p, const char *s,
                       size_t n)
{
        size_t at = 0;
        for (const char *nl; !t->over && at < n && (nl = memchr(s + at, '\n', n - at));) {
                size_t end = (size_t)(nl - s);
                if (!p->within)
                        tell(t, c, c->path, s + at, end - at, p->at + at);
                p->within = false;
                at = end + 1;
        }
        if (at || n < RV_LOG_WINDOW || t->over)
                return at;
        while (at < n && !s[at])
                at++;
        if (at)
                return at;
        if (!p->within) /* longer than the window: its head is what is told of it */
                tell(t, c, c->path, s, n, p->at);
        p->within = true;
        return n;
}

/* False: what was read of it is not there any more. One reading looks at that and at what is new. */
static bool drain(struct rv_logtail *t, const struct channel *c, struct piece *p)
{
        t->clock.latest = time(NULL);
        while (p->fd >= 0 && !t->over) {
                ssize_t n = pread(p->fd, t->buf, p->nprint + RV_LOG_WINDOW, (off_t)(p->at - p->nprint));
                if (n < (ssize_t)p->nprint || memcmp(t->buf, p->print, p->nprint) != 0)
                        return false;
                size_t k = lines_of(t, c, p, t->buf + p->nprint, (size_t)n - p->nprint);
                if (!k)
                        break;
                p->at += k;
                note_after(p, t->buf, p->nprint + k);
        }
        return true;
}

/* It will not be written any more: the last line needs no end. */
static void finish(struct rv_logtail *t, const struct channel *c, struct piece *p)
{
        bool same = drain(t, c, p);
        ssize_t n = p->fd < 0 || t->over || !same ? 0 : pread(p->fd, t->buf, RV_LOG_WINDOW, (off_t)p->at);
        if (n > 0 && !p->within)
                tell(t, c, c->path, t->buf, (size_t)n, p->at);
        drop(p);
}

/* ---- what was renamed, copied or packed since it was looked at ---- */

/* A folder that is read while names are counted up shows some twice, others not, in an order that never was: so it is
 * read until it is the same twice. */
static struct rv_logname *settled_files(const char *base, size_t *ret_n)
{
        size_t n, m;
        struct rv_logname *list = rv_logchannel_files(base, &n);
        for (int i = 0; list && i < MOST_LOOKS; i++) {
                struct rv_logname *again = rv_logchannel_files(base, &m);
                bool same = again && m == n;
                for (size_t k = 0; same && k < n; k++)
                        same = list[k].inode == again[k].inode && strcmp(list[k].path, again[k].path) == 0;
                free(list);
                list = again;
                n = m;
                if (same)
                        break;
        }
        *ret_n = n;
        return list;
}

/* NULL: it cannot be read, or another file has its name by now. */
static struct rv_logfile *open_file(const struct rv_logname *f)
{
        struct stat st;
        int error, fd = f->packing == RV_LOG_OTHER ? -1 : rv_logchannel_open(f->path, O_RDONLY);
        if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_dev != f->device || st.st_ino != f->inode)) {
                close(fd);
                fd = -1;
        }
        return fd < 0 ? NULL : rv_logfile_open(fd, f->packing == RV_LOG_GZIP, &error);
}

/* It has what was read of the piece: all of it, or, where it was copied before the last of it was written, a part. */
static bool is_copy(const struct rv_logname *f, const struct piece *p)
{
        char have[PRINT];
        struct rv_logfile *file = p->nhead ? open_file(f) : NULL;
        bool is = file && rv_logfile_bytes(file, have, p->nhead, 0) && memcmp(have, p->head, p->nhead) == 0;
        if (is && rv_logfile_size(file) >= p->at)
                is = rv_logfile_bytes(file, have, p->nprint, p->at - p->nprint) &&
                     memcmp(have, p->print, p->nprint) == 0;
        rv_logfile_close(file);
        return is;
}

static bool read_from(struct rv_logtail *t, const struct channel *c, const struct rv_logname *f, uint64_t at)
{
        struct rv_logplace place;
        struct rv_logfile *file = open_file(f);
        while (file && !t->over && rv_logfile_at(file, at, &place, &at))
                t->over |= !t->each(t->state, c->path, f->path, &place);
        bool read = file;
        rv_logfile_close(file);
        return read;
}

static bool is_piece(const struct rv_logname *f, const struct piece *p)
{
        return f->device == p->device && f->inode == p->inode;
}

/* Where among the files of a log, the newest first, the piece is: n where it is not. moved: under another inode. */
static size_t find_piece(const struct rv_logname *files, size_t n, const struct channel *c,
                         const struct piece *p, bool moved)
{
        for (size_t i = 0; i < n && !moved; i++)
                if (is_piece(&files[i], p))
                        return i;
        for (size_t i = 0; i < n && i < MOST_MISSED; i++)
                if (strcmp(files[i].path, c->path) != 0 && files[i].modified > c->looked - RV_LOG_SLACK &&
                    is_copy(&files[i], p))
                        return i;
        return n;
}

/* The whole of it was read: what it had last does not matter to know it again. */
static void note_whole(struct piece *p, const struct rv_logname *f)
{
        struct rv_logfile *file = open_file(f);
        p->device = f->device;
        p->inode = f->inode;
        p->at = UINT64_MAX;
        p->nprint = 0;
        p->nhead = file && rv_logfile_size(file) >= PRINT && rv_logfile_bytes(file, p->head, PRINT, 0) ? PRINT
                                                                                                       : 0;
        rv_logfile_close(file);
}

/* The piece, which nothing was read of yet, by its name of now or packed. */
static bool is_same(const struct rv_logname *f, const struct piece *p)
{
        if (!p || is_piece(f, p) || f->packing != RV_LOG_GZIP)
                return p && is_piece(f, p);
        struct piece now = *p;
        ssize_t k = pread(p->fd, now.head, PRINT, 0);
        now.nhead = k > 0 ? (unsigned)k : 0;
        return is_copy(f, &now);
}

/* Reads the file of the log that came after the one that was read last. False: another has its name by now. */
static bool read_next(struct rv_logtail *t, struct channel *c, const struct rv_logname *f, struct piece *last)
{
        if (f->packing != RV_LOG_PLAIN) {
                if (f->packing == RV_LOG_GZIP && !read_from(t, c, f, 0))
                        return false;
                note_whole(last, f);
                return true;
        }
        struct piece p = open_piece(t, f->path, false);
        if (p.fd < 0 || p.device != f->device || p.inode != f->inode) {
                drop(&p);
                return false;
        }
        finish(t, c, &c->former);
        c->former = p; /* its writer may not be done with it */
        drain(t, c, &c->former);
        *last = c->former;
        last->fd = -1;
        return true;
}

/* What came between a piece and the file that is written now. Names are counted up while this looks, so it looks anew
 * after each file and whenever a name has become another's. moved: the piece lies elsewhere, with more than was read.
 * until: the one that will be read next, by whatever name; NULL: what has the log's name. */
static void catch_up(struct rv_logtail *t, struct channel *c, bool moved, const struct piece *until)
{
        struct piece last = c->now;
        last.fd = -1;
        for (int i = 0; i < MOST_LOOKS && !t->over; i++) {
                size_t n, k;
                struct rv_logname *files = settled_files(c->path, &n);
                k = files ? find_piece(files, n, c, &last, moved) : n;
                bool lost = k == n && moved, done = k == n || (k == 0 && !moved);
                for (size_t j = 0; !moved && k == n && j < n; j++)
                        lost |= strcmp(files[j].path, c->path) != 0 && files[j].modified > c->looked;
                if (!done && moved) {
                        if (read_from(t, c, &files[k], last.at)) {
                                note_whole(&last, &files[k]);
                                moved = false;
                        }
                } else if (!done &&
                           (strcmp(files[k - 1].path, c->path) == 0 || is_same(&files[k - 1], until)))
                        done = true;
                else if (!done)
                        read_next(t, c, &files[k - 1], &last);
                free(files);
                if (lost)
                        t->over |= !t->each(t->state, c->path, c->path, NULL);
                if (done)
                        return;
        }
}

/* ---- a channel ---- */

/* What was read is not there any more: it was copied and truncated, or written anew. */
static void truncated(struct rv_logtail *t, struct channel *c)
{
        catch_up(t, c, true, NULL);
        c->now.at = 0;
        c->now.nprint = c->now.nhead = 0;
        c->now.within = false;
}

/* Another file has its name. */
static void renamed(struct rv_logtail *t, struct channel *c, struct piece new)
{
        finish(t, c, &c->former);
        c->former = c->now;
        drain(t, c, &c->former);
        catch_up(t, c, false, &new);
        c->now = new;
}

static void read_now(struct rv_logtail *t, struct channel *c)
{
        for (int i = 0; i < MOST_LOOKS && !t->over && !drain(t, c, &c->now); i++)
                truncated(t, c);
}

/* Another file than the one at hand has the log's name. */
static bool is_other(const struct channel *c)
{
        struct stat st;
        return lstat(c->path, &st) == 0 &&
               (c->now.fd < 0 || st.st_dev != c->now.device || st.st_ino != c->now.inode);
}

static void look(struct rv_logtail *t, struct channel *c)
{
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        c->dirty = false;
        drain(t, c, &c->former);
        read_now(t, c);
        for (int i = 0; i < MOST_LOOKS && !t->over && is_other(c); i++) {
                struct piece new = open_piece(t, c->path, false);
                if (new.fd >= 0 && (c->now.fd >= 0 || c->now.inode))
                        renamed(t, c, new);
                else if (new.fd >= 0)
                        c->now = new;
                read_now(t, c);
        }
        c->looked = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static struct channel *find(struct rv_logtail *t, const char *base)
{
        for (unsigned i = 0; i < t->nchannels; i++)
                if (strcmp(t->channels[i]->path, base) == 0)
                        return t->channels[i];
        return NULL;
}

/* A log that has come since may have been rotated already: what it was rotated to is read first. The last of that is
 * what the file of now comes behind. */
static void read_before(struct rv_logtail *t, struct channel *c)
{
        size_t n;
        struct rv_logname *files = settled_files(c->path, &n);
        for (size_t j = files ? n : 0; j-- > 0 && !t->over;)
                if (strcmp(files[j].path, c->path) != 0 && files[j].modified > t->opened &&
                    read_from(t, c, &files[j], 0))
                        note_whole(&c->now, &files[j]);
        free(files);
}

/* A file that has come is read from its beginning, those that were there at first from their ends. */
static void follow(struct rv_logtail *t, const char *path, bool from_end)
{
        struct channel *c = find(t, path);
        if (!c && t->nchannels < RV_LOG_CHANNELS && (c = calloc(1, sizeof *c))) {
                snprintf(c->path, sizeof c->path, "%s", path);
                c->former = no_piece;
                c->looked = time(NULL) * INT64_C(1000000000);
                c->now = from_end ? open_piece(t, path, true) : no_piece;
                if (!from_end)
                        read_before(t, c);
                t->channels[t->nchannels++] = c;
        }
        if (c)
                c->dirty = true;
}

/* Its file has gone for good: removed, not renamed. */
static void forget_removed(struct rv_logtail *t)
{
        for (unsigned i = 0; i < t->nchannels;) {
                struct channel *c = t->channels[i];
                struct stat st, now;
                if (lstat(c->path, &now) == 0 ||
                    (c->now.fd >= 0 && fstat(c->now.fd, &st) == 0 && st.st_nlink)) {
                        i++;
                        continue;
                }
                finish(t, c, &c->former);
                finish(t, c, &c->now);
                free(c);
                t->channels[i] = t->channels[--t->nchannels];
        }
}

/* ---- folders ---- */

static void watch(struct rv_logtail *t, const char *folder, int deep, bool first)
{
        int wd = inotify_add_watch(t->inotify, folder,
                                   IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                           IN_ONLYDIR | IN_DONT_FOLLOW);
        unsigned i = 0;
        while (i < t->nfolders && t->folders[i].wd != wd)
                i++;
        if (wd < 0 || (i == t->nfolders && i == FOLDERS))
                return;
        t->folders[i].wd = wd;
        snprintf(t->folders[i].path, sizeof t->folders[i].path, "%s", folder);
        t->nfolders += i == t->nfolders;
        DIR *d = opendir(folder);
        for (struct dirent *e; d && (e = readdir(d));) {
                char path[RV_LOG_PATH], base[RV_LOG_PATH];
                struct stat st;
                if (e->d_name[0] == '.' ||
                    (size_t)snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= sizeof path ||
                    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (S_ISDIR(st.st_mode) && deep && strcmp(path, RV_LOG_ROOT "/journal") != 0)
                        watch(t, path, deep - 1, first);
                else if (S_ISREG(st.st_mode) && rv_logchannel_is(path, base) && strcmp(path, base) == 0)
                        follow(t, path, first);
        }
        if (d)
                closedir(d);
}

static void told(struct rv_logtail *t, const struct inotify_event *e)
{
        char path[RV_LOG_PATH], base[RV_LOG_PATH];
        unsigned i = 0;
        while (i < t->nfolders && t->folders[i].wd != e->wd)
                i++;
        if (i == t->nfolders)
                return;
        if (e->mask & IN_IGNORED) {
                t->folders[i] = t->folders[--t->nfolders];
                return;
        }
        if (!e->len ||
            (size_t)snprintf(path, sizeof path, "%s/%s", t->folders[i].path, e->name) >= sizeof path)
                return;
        if (e->mask & IN_ISDIR) {
                int deep = DEEPEST;
                for (const char *s = path + strlen(RV_LOG_ROOT "/"); (s = strchr(s, '/')); s++)
                        deep--;
                if (e->mask & (IN_CREATE | IN_MOVED_TO) && deep > 0)
                        watch(t, path, deep - 1, false);
        } else if (rv_logchannel_is(path, base)) {
                struct channel *c = find(t, base);
                if (c)
                        c->dirty = true;
                else if (strcmp(path, base) == 0 && !(e->mask & (IN_DELETE | IN_MOVED_FROM)))
                        follow(t, path, false);
        }
}

/* Everything is looked at: something may have been missed. */
static void look_everywhere(struct rv_logtail *t)
{
        for (unsigned i = 0; i < t->nchannels; i++)
                t->channels[i]->dirty = true;
        watch(t, RV_LOG_ROOT, DEEPEST, false);
}

/* ---- as a whole ---- */

struct rv_logtail *rv_logtail_open(rv_logtail_each each, void *state)
{
        struct rv_logtail *t = calloc(1, sizeof *t);
        if (!t)
                return NULL;
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        t->opened = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
        t->each = each;
        t->state = state;
        t->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (t->inotify < 0) {
                free(t);
                return NULL;
        }
        watch(t, RV_LOG_ROOT, DEEPEST, true);
        return t;
}

struct rv_logtail *rv_logtail_close(struct rv_logtail *t)
{
        if (!t)
                return NULL;
        for (unsigned i = 0; i < t->nchannels; i++) {
                drop(&t->channels[i]->now);
                drop(&t->channels[i]->former);
                free(t->channels[i]);
        }
        close(t->inotify);
        free(t);
        return NULL;
}

int rv_logtail_fd(const struct rv_logtail *t)
{
        return t->inotify;
}

bool rv_logtail_read(struct rv_logtail *t)
{
        char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
        bool removed = false;
        for (ssize_t n; (n = read(t->inotify, buf, sizeof buf)) > 0;)
                for (char *at = buf; at < buf + n;) {
                        const struct inotify_event *e = (const struct inotify_event *)at;
                        if (e->mask & IN_Q_OVERFLOW)
                                look_everywhere(t);
                        removed |= (e->mask & IN_DELETE) != 0;
                        told(t, e);
                        at += sizeof *e + e->len;
                }
        for (unsigned i = 0; i < t->nchannels && !t->over; i++)
                if (t->channels[i]->dirty)
                        look(t, t->channels[i]);
        if (removed && !t->over)
                forget_removed(t);
        return !t->over;
}
