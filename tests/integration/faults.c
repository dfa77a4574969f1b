/* SPDX-License-Identifier: MIT
 *
 * Preloaded into an agent by test_faults.py: fails the Nth allocation, or the Nth call to a file of one folder, as
 * a page
 * shared with the test says.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { NOTHING, ALLOCATIONS, FILES, FD_MOST = 4096 };

struct page {
        _Atomic int what, error, forever;
        _Atomic long at, seen, failed;
};

static struct page none, *page = &none;
static const char *folder;
static _Atomic char ours[FD_MOST];

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

__attribute__((constructor)) static void start(void)
{
        const char *path = getenv("FAULT_PAGE");
        folder = getenv("FAULT_FOLDER");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *p = fd >= 0 ? mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
        if (p != MAP_FAILED)
                page = p;
        unsetenv("LD_PRELOAD"); /* what it starts is not meant */
}

static int fails(int what)
{
        if (atomic_load(&page->what) != what)
                return 0;
        long n = atomic_fetch_add(&page->seen, 1) + 1, at = atomic_load(&page->at);
        if (n != at && !(n > at && atomic_load(&page->forever)))
                return 0;
        atomic_fetch_add(&page->failed, 1);
        errno = what == ALLOCATIONS ? ENOMEM : atomic_load(&page->error);
        return 1;
}

void *malloc(size_t n)
{
        return fails(ALLOCATIONS) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t k)
{
        return fails(ALLOCATIONS) ? NULL : __libc_calloc(n, k);
}

void *realloc(void *p, size_t n)
{
        return n && fails(ALLOCATIONS) ? NULL : __libc_realloc(p, n);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int opened(int fd, const char *path)
{
        if (fd >= 0 && fd < FD_MOST)
                ours[fd] = folder && strncmp(path, folder, strlen(folder)) == 0;
        return fd;
}

static int bad(int fd)
{
        return fd >= 0 && fd < FD_MOST && ours[fd] && fails(FILES);
}

#define OPENS(name) \
        int name(const char *path, int flags, ...) \
        { \
                va_list ap; \
                va_start(ap, flags); \
                mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0; \
                va_end(ap); \
                if (folder && strncmp(path, folder, strlen(folder)) == 0 && fails(FILES)) \
                        return -1; \
                return opened(REAL(name)(path, flags, mode), path); \
        }
OPENS(open)
OPENS(open64)

int close(int fd)
{
        if (fd >= 0 && fd < FD_MOST)
                ours[fd] = 0;
        return REAL(close)(fd);
}

ssize_t write(int fd, const void *p, size_t n)
{
        return bad(fd) ? -1 : REAL(write)(fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
        return bad(fd) ? -1 : REAL(pwrite)(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
        return bad(fd) ? -1 : REAL(pwrite64)(fd, p, n, at);
}

ssize_t read(int fd, void *p, size_t n)
{
        return bad(fd) ? -1 : REAL(read)(fd, p, n);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
        return bad(fd) ? -1 : REAL(pread)(fd, p, n, at);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at)
{
        return bad(fd) ? -1 : REAL(pread64)(fd, p, n, at);
}

int fsync(int fd)
{
        return bad(fd) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
        return bad(fd) ? -1 : REAL(fdatasync)(fd);
}

int ftruncate(int fd, off_t n)
{
        return bad(fd) ? -1 : REAL(ftruncate)(fd, n);
}

int ftruncate64(int fd, off64_t n)
{
        return bad(fd) ? -1 : REAL(ftruncate64)(fd, n);
}
