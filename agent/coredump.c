/* SPDX-License-Identifier: MIT
 *
 * All threads are stopped by ptrace(2), their registers taken, then the memory copied as the kernel does for a core:
 * what is the process' own (anonymous, shared without a file, and private mappings that it has written to) whole,
 * of programs and libraries the first page, which tells debuggers their build id; the rest they find in the files.
 * Pages that were never touched become holes in the file.
 */
#include "agent/coredump.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "schema/error.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#else
#define MACHINE EM_NONE /* written, but debuggers will want to be told */
#endif

enum { STOP_MS = 5000, PAGES = 256, KERNEL_THREAD = 0x00200000 };

struct thread {
        pid_t tid;
        bool stopped;
        int signal; /* one that it was about to get, for when it goes on */
};

struct mapping {
        uint64_t start, end, offset; /* offset in its file */
        uint64_t kept;               /* bytes from its start that go into the core */
        uint32_t flags;              /* PF_ */
        bool private;
        const char *path; /* "" for none */
};

struct dump {
        pid_t pid;
        const char *path;
        int file, mem, pages;
        uint64_t page;
        struct thread *threads;
        size_t nthreads;
        struct mapping *maps;
        size_t nmaps;
        char *maps_text;
        char *notes;
        size_t nnotes, room;
};

/* ---- the end ---- */

static const char *unfinished; /* removed when it fails, also by the alarm */

/* Tells how it ended; whatever was stopped goes on. */
static void end(const struct rv_error *err) __attribute__((noreturn));
static void end(const struct rv_error *err)
{
        if (unfinished)
                unlink(unfinished);
        printf("fail %d %s\n", err->code, err->message);
        fflush(stdout);
        _exit(1);
}

#define FAIL(...) \
        do { \
                struct rv_error err_ = { 0 }; \
                rv_fail(&err_, __VA_ARGS__); \
                end(&err_); \
        } while (0)
#define FAIL_ERRNO(...) \
        do { \
                struct rv_error err_ = { 0 }; \
                rv_fail_errno(&err_, __VA_ARGS__); \
                end(&err_); \
        } while (0)

static void on_alarm(int signum)
{
        static const char text[] = "fail 60 its time was over before the dump was written\n";
        (void)signum;
        if (unfinished)
                unlink(unfinished);
        ssize_t n = write(1, text, sizeof text - 1);
        _exit(n < 0 ? 2 : 1);
}

/* ---- /proc ---- */

/* A whole file of the process, NUL-ended; NULL when it cannot be read. */
static char *slurp(pid_t pid, const char *name, size_t *ret_n)
{
        char path[64], *text = NULL;
        size_t n = 0, room = 0;
        ssize_t r = 1;
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        while (fd >= 0 && r > 0) {
                if (room - n < 4096) {
                        char *more = realloc(text, room = 2 * room + 65536);
                        if (!more)
                                FAIL(RV_UNAVAILABLE, "no memory for %s", path);
                        text = more;
                }
                r = read(fd, text + n, room - n - 1);
                n += r > 0 ? (size_t)r : 0;
        }
        int error = errno;
        if (fd >= 0)
                close(fd);
        if (r < 0 || !text) {
                free(text);
                errno = error;
                return NULL;
        }
        text[n] = 0;
        *ret_n = n;
        return text;
}

/* A field of stat by proc(5)'s number, from 3 on, as text; NULL: there is none. */
static const char *stat_field(const char *stat, int number)
{
        const char *p = strrchr(stat, ')');
        for (int i = 2; p && i < number; i++)
                p = strchr(p + 1, ' ');
        return p ? p + 1 : NULL;
}

static void check_process(const struct dump *d, const char *start)
{
        size_t n;
        char *stat = slurp(d->pid, "stat", &n), *auxv;
        const char *began = stat ? stat_field(stat, 22) : NULL;
        if (!began)
                FAIL(RV_NOT_FOUND, "process %d has ended", (int)d->pid);
        if (strtoull(began, NULL, 10) != strtoull(start, NULL, 10))
                FAIL(RV_STALE, "process %d is another one than the one named: it was started at another time",
                     (int)d->pid);
        if (*stat_field(stat, 3) == 'Z')
                FAIL(RV_NOT_FOUND, "process %d has ended and only waits for its parent", (int)d->pid);
        if (strtoull(stat_field(stat, 9), NULL, 10) & KERNEL_THREAD)
                FAIL(RV_NOT_SUPPORTED, "process %d is the kernel's: it has no memory of its own", (int)d->pid);
        auxv = slurp(d->pid, "auxv", &n);
        if (!auxv)
                FAIL_ERRNO(errno, "cannot look into process %d", (int)d->pid);
        free(auxv);
        free(stat);
}

/* ---- stopping ---- */

static bool knows(const struct dump *d, pid_t tid)
{
        for (size_t i = 0; i < d->nthreads; i++)
                if (d->threads[i].tid == tid)
                        return true;
        return false;
}

static void add_thread(struct dump *d, pid_t tid)
{
        struct thread *t = realloc(d->threads, (d->nthreads + 1) * sizeof *t);
        if (!t)
                FAIL(RV_UNAVAILABLE, "no memory for the threads of process %d", (int)d->pid);
        d->threads = t;
        if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0) {
                if (errno == ESRCH)
                        return; /* it has ended meanwhile */
                int error = errno;
                size_t n;
                char *status = slurp(d->pid, "status", &n);
                const char *tracer = status ? strstr(status, "\nTracerPid:") : NULL;
                long by = tracer ? strtol(tracer + 11, NULL, 10) : 0;
                if (by)
                        FAIL(RV_UNAVAILABLE, "process %d is traced already, by process %ld", (int)d->pid, by);
                FAIL_ERRNO(error, "cannot stop process %d", (int)d->pid);
        }
        ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
        t[d->nthreads++] = (struct thread) { .tid = tid };
}

/* Those that are new are stopped as well, until there are no new ones: the stopped begin none. */
static size_t seize_new(struct dump *d)
{
        char path[40];
        size_t before = d->nthreads;
        if (!knows(d, d->pid))
                add_thread(d, d->pid);
        snprintf(path, sizeof path, "/proc/%d/task", (int)d->pid);
        DIR *dir = opendir(path);
        for (struct dirent *t; dir && (t = readdir(dir));)
                if (t->d_name[0] >= '1' && t->d_name[0] <= '9' && !knows(d, (pid_t)atoi(t->d_name)))
                        add_thread(d, (pid_t)atoi(t->d_name));
        if (dir)
                closedir(dir);
        return d->nthreads - before;
}

/* How many have not stopped yet. */
static size_t look_at_stops(struct dump *d)
{
        size_t running = 0;
        for (size_t i = 0; i < d->nthreads; i++) {
                struct thread *t = &d->threads[i];
                int status;
                if (t->stopped)
                        continue;
                pid_t r = waitpid(t->tid, &status, __WALL | WNOHANG);
                if (r == t->tid && WIFSTOPPED(status)) {
                        t->stopped = true;
                        t->signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
                } else if (r != 0) {
                        *t-- = d->threads[--d->nthreads]; /* it has ended */
                        i--;
                } else {
                        running++;
                }
        }
        return running;
}

/* A thread that is caught in the kernel does not stop before that lets it go; it is dumped without its registers. */
static void stop_all(struct dump *d)
{
        struct timespec pause = { .tv_nsec = 1000000 };
        seize_new(d);
        for (int i = 0; i < STOP_MS; i++) {
                if (look_at_stops(d) == 0 && seize_new(d) == 0)
                        break;
                nanosleep(&pause, NULL);
        }
        if (!d->nthreads)
                FAIL(RV_NOT_FOUND, "process %d has ended", (int)d->pid);
}

static void let_go(struct dump *d)
{
        for (size_t i = 0; i < d->nthreads; i++)
                if (d->threads[i].stopped)
                        ptrace(PTRACE_DETACH, d->threads[i].tid, NULL,
                               (void *)(intptr_t)d->threads[i].signal);
}

/* ---- what is mapped ---- */

/* "7f00-7f10 rw-p 00000000 fe:00 1234   /path" */
static bool parse_mapping(char *line, struct mapping *m)
{
        char *p = line;
        *m = (struct mapping) { .path = "" };
        m->start = strtoull(p, &p, 16);
        if (*p++ != '-')
                return false;
        m->end = strtoull(p, &p, 16);
        if (*p++ != ' ' || strlen(p) < 5)
                return false;
        m->flags = (p[0] == 'r' ? PF_R : 0) | (p[1] == 'w' ? PF_W : 0) | (p[2] == 'x' ? PF_X : 0);
        m->private = p[3] == 'p';
        m->offset = strtoull(p + 5, &p, 16);
        for (int i = 0; i < 2; i++) /* device, inode */
                if (!(p = strchr(p + 1, ' ')))
                        return true;
        m->path = p + strspn(p, " ");
        return true;
}

/* Whether a page of the mapping is its own: present or swapped out, and not a file's. */
static bool has_own_pages(const struct dump *d, const struct mapping *m)
{
        uint64_t entries[PAGES];
        for (uint64_t at = m->start; at < m->end; at += sizeof entries / sizeof *entries * d->page) {
                ssize_t n = pread(d->pages, entries, sizeof entries, (off_t)(at / d->page * sizeof *entries));
                uint64_t most = (m->end - at) / d->page;
                for (uint64_t i = 0; n > 0 && i < (uint64_t)n / sizeof *entries && i < most; i++)
                        if (entries[i] >> 62 && !(entries[i] >> 61 & 1))
                                return true;
        }
        return false;
}

static uint64_t kept(const struct dump *d, const struct mapping *m)
{
        bool shared_memory = strncmp(m->path, "/dev/zero", 9) == 0 || strncmp(m->path, "/SYSV", 5) == 0 ||
                             strncmp(m->path, "/memfd:", 7) == 0 || strncmp(m->path, "/dev/shm/", 9) == 0;
        if (!(m->flags & PF_R) || strcmp(m->path, "[vsyscall]") == 0 || strncmp(m->path, "[vvar", 5) == 0)
                return 0;
        if (*m->path != '/' || shared_memory)
                return m->end - m->start;
        if (strncmp(m->path, "/dev/", 5) == 0) /* a device's registers are not to be read */
                return 0;
        if (m->private && has_own_pages(d, m))
                return m->end - m->start;
        char magic[SELFMAG];
        bool elf = !m->offset && pread(d->mem, magic, SELFMAG, (off_t)m->start) == SELFMAG &&
                   memcmp(magic, ELFMAG, SELFMAG) == 0;
        return elf ? d->page : 0;
}

static void read_mappings(struct dump *d)
{
        size_t n, lines = 1;
        d->maps_text = slurp(d->pid, "maps", &n);
        if (!d->maps_text)
                FAIL_ERRNO(errno, "cannot read the mappings of process %d", (int)d->pid);
        for (size_t i = 0; i < n; i++)
                lines += d->maps_text[i] == '\n';
        d->maps = calloc(lines, sizeof *d->maps);
        if (!d->maps)
                FAIL(RV_UNAVAILABLE, "no memory for the mappings of process %d", (int)d->pid);
        for (char *line, *rest = d->maps_text; (line = strsep(&rest, "\n"));)
                if (parse_mapping(line, &d->maps[d->nmaps])) {
                        struct mapping *m = &d->maps[d->nmaps++];
                        m->kept = kept(d, m);
                }
}

/* ---- notes ---- */

static void put(struct dump *d, const void *data, size_t n)
{
        size_t padded = (n + 3) & ~(size_t)3;
        if (d->room - d->nnotes < padded) {
                d->room = 2 * (d->nnotes + padded) + 4096;
                char *more = realloc(d->notes, d->room);
                if (!more)
                        FAIL(RV_UNAVAILABLE, "no memory for the notes on process %d", (int)d->pid);
                d->notes = more;
        }
        memset(d->notes + d->nnotes, 0, padded);
        if (n)
                memcpy(d->notes + d->nnotes, data, n);
        d->nnotes += padded;
}

static void note(struct dump *d, const char *owner, uint32_t type, const void *data, size_t n)
{
        Elf64_Nhdr h = { .n_namesz = (uint32_t)strlen(owner) + 1, .n_descsz = (uint32_t)n, .n_type = type };
        put(d, &h, sizeof h);
        put(d, owner, h.n_namesz);
        put(d, data, n);
}

static void note_thread(struct dump *d, const struct thread *t)
{
        struct elf_prstatus s = { .pr_pid = t->tid };
        char more[65536];
        struct iovec v = { &s.pr_reg, sizeof s.pr_reg };
        s.pr_cursig = (short)t->signal;
        if (t->stopped && ptrace(PTRACE_GETREGSET, t->tid, (void *)(intptr_t)NT_PRSTATUS, &v) == 0 &&
            v.iov_len != sizeof s.pr_reg)
                FAIL(RV_NOT_SUPPORTED,
                     "process %d is a program for another kind of processor, such as 32 bits", (int)d->pid);
        note(d, "CORE", NT_PRSTATUS, &s, sizeof s);
        v = (struct iovec) { more, sizeof more };
        if (t->stopped && ptrace(PTRACE_GETREGSET, t->tid, (void *)(intptr_t)NT_PRFPREG, &v) == 0)
                note(d, "CORE", NT_PRFPREG, more, v.iov_len);
#ifdef NT_X86_XSTATE
        v = (struct iovec) { more, sizeof more };
        if (MACHINE == EM_X86_64 && t->stopped &&
            ptrace(PTRACE_GETREGSET, t->tid, (void *)(intptr_t)NT_X86_XSTATE, &v) == 0)
                note(d, "LINUX", NT_X86_XSTATE, more, v.iov_len);
#endif
}

static void note_process(struct dump *d)
{
        struct elf_prpsinfo p = { .pr_pid = d->pid };
        size_t n, m;
        char *stat = slurp(d->pid, "stat", &n), *args = slurp(d->pid, "cmdline", &m);
        const char *open = stat ? strchr(stat, '(') : NULL, *close = stat ? strrchr(stat, ')') : NULL;
        if (open && close) {
                size_t k = (size_t)(close - open - 1);
                memcpy(p.pr_fname, open + 1, k < sizeof p.pr_fname - 1 ? k : sizeof p.pr_fname - 1);
                p.pr_sname = close[2];
                p.pr_zomb = 0;
                p.pr_ppid = (int)strtol(close + 4, NULL, 10);
        }
        for (size_t i = 0; args && i < m && i < sizeof p.pr_psargs - 1; i++)
                p.pr_psargs[i] = args[i] ? args[i] : ' ';
        note(d, "CORE", NT_PRPSINFO, &p, sizeof p);
        free(stat);
        free(args);
        char *auxv = slurp(d->pid, "auxv", &n);
        if (auxv)
                note(d, "CORE", NT_AUXV, auxv, n);
        free(auxv);
}

/* Which files lie where: count, page size, then start, end and offset in pages of each, then their names. */
static void note_files(struct dump *d)
{
        size_t count = 0, names = 0, at = 2;
        for (size_t i = 0; i < d->nmaps; i++)
                if (*d->maps[i].path == '/') {
                        count++;
                        names += strlen(d->maps[i].path) + 1;
                }
        size_t head = (2 + 3 * count) * sizeof(uint64_t);
        uint64_t *v = calloc(1, head + names + 1);
        if (!v)
                FAIL(RV_UNAVAILABLE, "no memory for the notes on process %d", (int)d->pid);
        char *name = (char *)v + head;
        v[0] = count;
        v[1] = d->page;
        for (size_t i = 0; i < d->nmaps; i++) {
                const struct mapping *m = &d->maps[i];
                if (*m->path != '/')
                        continue;
                v[at++] = m->start;
                v[at++] = m->end;
                v[at++] = m->offset / d->page;
                name = stpcpy(name, m->path) + 1;
        }
        note(d, "CORE", 0x46494c45 /* NT_FILE */, v, head + names);
        free(v);
}

/* ---- the file ---- */

static void write_at(const struct dump *d, const void *data, size_t n, uint64_t at)
{
        for (const char *p = data; n;) {
                ssize_t r = pwrite(d->file, p, n, (off_t)at);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        FAIL_ERRNO(r < 0 ? errno : EIO, "cannot write %s", d->path);
                p += r;
                at += (uint64_t)r;
                n -= (size_t)r;
        }
}

/* Pages that are there; the others were never touched (or cannot be read) and stay holes, which read as zeros. */
static void copy_pages(const struct dump *d, const struct mapping *m, uint64_t at)
{
        uint64_t entries[PAGES];
        static char buf[PAGES * 65536];                                 /* pages may be of 64 KiB */
        bool whole = *m->path == '/' || strcmp(m->path, "[vdso]") == 0; /* there, though in no table */
        for (uint64_t from = 0; from < m->kept; from += PAGES * d->page) {
                uint64_t count = (m->kept - from) / d->page;
                count = count > PAGES ? PAGES : count;
                ssize_t n = pread(d->pages, entries, count * sizeof *entries,
                                  (off_t)((m->start + from) / d->page * sizeof *entries));
                bool known = !whole && n == (ssize_t)(count * sizeof *entries);
                for (uint64_t i = 0, k; i < count; i = k) {
                        bool there = !known || entries[i] >> 62;
                        for (k = i + 1; k < count && (!known || entries[k] >> 62) == there; k++)
                                ;
                        ssize_t r = there ? pread(d->mem, buf, (k - i) * d->page,
                                                  (off_t)(m->start + from + i * d->page))
                                          : 0;
                        if (r > 0)
                                write_at(d, buf, (size_t)r, at + from + i * d->page);
                        if (there && (r < 0 || (uint64_t)r < (k - i) * d->page))
                                k = i + (r > 0 ? (uint64_t)r / d->page : 0) +
                                    1; /* one cannot be read: left out */
                }
        }
}

static uint64_t write_file(struct dump *d)
{
        size_t nphdr = d->nmaps + 1;
        Elf64_Phdr *p = calloc(nphdr, sizeof *p);
        if (!p)
                FAIL(RV_UNAVAILABLE, "no memory for the mappings of process %d", (int)d->pid);
        if (nphdr >= PN_XNUM)
                FAIL(RV_NOT_SUPPORTED, "process %d has %zu mappings: a core file holds %d", (int)d->pid,
                     d->nmaps, PN_XNUM - 2);
        Elf64_Ehdr e = { .e_type = ET_CORE,
                         .e_machine = MACHINE,
                         .e_version = EV_CURRENT,
                         .e_phoff = sizeof e,
                         .e_ehsize = sizeof e,
                         .e_phentsize = sizeof *p,
                         .e_phnum = (Elf64_Half)nphdr };
        memcpy(e.e_ident, ELFMAG, SELFMAG);
        e.e_ident[EI_CLASS] = ELFCLASS64;
        e.e_ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
        e.e_ident[EI_VERSION] = EV_CURRENT;
        uint64_t at = sizeof e + nphdr * sizeof *p;
        p[0] = (Elf64_Phdr) { .p_type = PT_NOTE, .p_offset = at, .p_filesz = d->nnotes, .p_align = 4 };
        write_at(d, d->notes, d->nnotes, at);
        at = (at + d->nnotes + d->page - 1) / d->page * d->page;
        for (size_t i = 0; i < d->nmaps; i++) {
                const struct mapping *m = &d->maps[i];
                p[i + 1] = (Elf64_Phdr) { .p_type = PT_LOAD,
                                          .p_flags = m->flags,
                                          .p_offset = at,
                                          .p_vaddr = m->start,
                                          .p_filesz = m->kept,
                                          .p_memsz = m->end - m->start,
                                          .p_align = d->page };
                copy_pages(d, m, at);
                at += m->kept;
        }
        write_at(d, p, nphdr * sizeof *p, sizeof e);
        write_at(d, &e, sizeof e, 0);
        if (ftruncate(d->file, (off_t)at) < 0)
                FAIL_ERRNO(errno, "cannot write %s", d->path);
        free(p);
        return at;
}

/* What is resident and swapped out is the most that is written; a twentieth of the file system is left to others. */
static void check_room(const struct dump *d)
{
        struct statvfs fs;
        size_t n;
        char *status = slurp(d->pid, "status", &n);
        const char *resident = status ? strstr(status, "\nVmRSS:") : NULL;
        const char *swapped = status ? strstr(status, "\nVmSwap:") : NULL;
        uint64_t need = ((resident ? strtoull(resident + 7, NULL, 10) : 0) +
                         (swapped ? strtoull(swapped + 8, NULL, 10) : 0))
                        << 10;
        if (fstatvfs(d->file, &fs) == 0 &&
            (uint64_t)fs.f_bavail * fs.f_frsize < need + (uint64_t)fs.f_blocks * fs.f_frsize / 20)
                FAIL(RV_FAILED,
                     "the dump may take %llu MiB, and %s has no room for that with a twentieth left free",
                     (unsigned long long)(need >> 20) + 1, d->path);
        free(status);
}

static void open_all(struct dump *d)
{
        char path[40];
        snprintf(path, sizeof path, "/proc/%d/mem", (int)d->pid);
        d->mem = open(path, O_RDONLY | O_CLOEXEC);
        if (d->mem < 0)
                FAIL_ERRNO(errno, "cannot read the memory of process %d", (int)d->pid);
        snprintf(path, sizeof path, "/proc/%d/pagemap", (int)d->pid);
        d->pages = open(path, O_RDONLY | O_CLOEXEC);
        d->file = open(d->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (d->file < 0)
                FAIL_ERRNO(errno, "cannot make %s", d->path);
        unfinished = d->path;
}

int rv_coredump_main(int argc, char **argv)
{
        struct dump d = { .page = (uint64_t)sysconf(_SC_PAGESIZE) };
        if (argc != 6)
                FAIL(RV_INVALID_PARAMETER, "expected --dump PID START PATH SECONDS");
        d.pid = (pid_t)atoi(argv[2]);
        d.path = argv[4];
        signal(SIGALRM, on_alarm);
        signal(SIGPIPE, SIG_IGN);
        alarm((unsigned)atoi(argv[5]));
        check_process(&d, argv[3]);
        open_all(&d);
        check_room(&d);
        stop_all(&d);
        check_process(&d, argv[3]); /* now that it cannot go any more */
        read_mappings(&d);
        note_process(&d);
        size_t registers = 0;
        for (size_t i = 0; i < d.nthreads; i++) {
                note_thread(&d, &d.threads[i]);
                registers += d.threads[i].stopped;
        }
        note_files(&d);
        uint64_t size = write_file(&d);
        let_go(&d);
        unfinished = NULL;
        printf("done %llu %zu %zu\n", (unsigned long long)size, d.nthreads, registers);
        fflush(stdout);
        return 0;
}
