/* SPDX-License-Identifier: MIT
 *
 * Copies of the session that run beside it. See job.h.
 *
 * A copy writes messages (length, stream, packed value) into a file in memory that both have, and a byte into a pipe
 * whose other end its parent polls; the pipe's end is the copy's end. It is the leader of a process group of its own,
 * so that its programs end with it, and the kernel ends it when its parent dies.
 */
#include "shell/error.h"
#include "shell/job.h"
#include "shell/model.h"
#include "shell/pack.h"
#include "shell/text.h"
#include "shell/types.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOB_AHEAD = 64 << 20, PUNCH = 1 << 20 };

struct sh_worker {
        struct sh_worker *next;
        pid_t pid;
        int data, news, tokens;
        volatile uint64_t *taken; /* how far the parent has read: one shared page */
        uint64_t at, punched;
        bool gone, begun, ended, reaped;
};
struct head {
        uint32_t n, stream;
};

/* ---- in the copy ---- */
struct to_parent {
        struct sh_sink sink;
        int stream;
};
static struct {
        int data, news;
        uint64_t written;
        volatile uint64_t *taken;
        struct to_parent sinks[8];
        struct sv given[64];  /* values of $using: that can change */
        struct sh_buf before[64]; /* as they were */
        uint32_t ngiven;
        bool writes_back;
        struct sh_formatter *format; /* what Format-Table and its kin wrote becomes text here */
} copy = { .data = -1, .news = -1 };

static void doze(void)
{
        static const struct timespec little = { 0, 3000000 };
        nanosleep(&little, NULL);
}

static bool write_whole(int fd, const char *p, size_t n)
{
        while (n > 0) {
                ssize_t w = write(fd, p, n);
                if (w < 0 && errno == EINTR)
                        continue;
                if (w < 0)
                        return false;
                p += w;
                n -= (size_t)w;
        }
        return true;
}

static int send_message(int stream, struct sh_buf *b)
{
        struct head h = { (uint32_t)(b->n - sizeof h), (uint32_t)stream };
        ssize_t told;
        memcpy(b->p, &h, sizeof h);
        while (copy.written - *copy.taken > JOB_AHEAD && !sh_interrupt)
                doze();
        bool good = write_whole(copy.data, b->p, b->n);
        copy.written += b->n;
        told = write(copy.news, "", 1); /* a full pipe tells as well */
        (void)told;
        sh_buf_free(b);
        return good ? SH_OK : SH_EXIT;
}

static void begin_message(struct sh_buf *b)
{
        struct head h = { 0 };
        sh_buf_put(b, (char *)&h, sizeof h);
}

static void format_line(void *state, const char *s, size_t n)
{
        struct sh_buf b = { 0 };
        struct sv line = sh_string(s, n);
        begin_message(&b);
        sh_pack(state, &b, line);
        send_message(SH_OUT, &b);
        sh_drop(line);
}

static void end_format(void)
{
        struct sh_formatter *f = copy.format;
        copy.format = NULL;
        if (f)
                sh_format_end(f);
}

static bool is_format(struct sv v)
{
        static const char prefix[] = "Microsoft.PowerShell.Commands.Internal.Format.";
        return v.kind == SH_OTHER && !strncmp(v.o->type->name, prefix, sizeof prefix - 1);
}

static int to_parent_write(struct sh_sink *s, struct sh *sh, struct sv v)
{
        struct sh_buf b = { 0 };
        if (v.kind == SH_VOID)
                return SH_OK;
        if (is_format(v)) {
                if (!copy.format)
                        copy.format = sh_format_new(sh, format_line, sh, 120, false);
                return sh_format_write(copy.format, v);
        }
        end_format();
        begin_message(&b);
        sh_pack(sh, &b, v);
        return send_message(((struct to_parent *)s)->stream, &b);
}

static void send_end(struct sh *sh, int st)
{
        struct sh_buf b = { 0 };
        struct sv e = st == SH_ERROR ? sh_error_take(sh) : SH_NIL;
        end_format();
        begin_message(&b);
        sh_pack(sh, &b, e);
        send_message(SH_WORK_ENDED, &b);
}

/* As in a new runspace: no variables, functions or modules of the session; $using: still sees them. */
static void make_fresh(struct sh *sh)
{
        struct layout *names = sh_layout_new();
        sh->using_scope = sh->scope;
        sh->global = sh->scope = sh_scope_new(sh, NULL, names);
        sh_layout_drop(names);
        sh->global->script = sh->global;
        sh->top = (struct frame) { .scope = sh->global, .args = SH_UNSET, .bound = SH_UNSET, .input = SH_UNSET,
                                   .this_ = SH_NIL, .pipe_len = 1, .pipe_pos = 1 };
        sh->global->frame = sh->frame = &sh->top;
        sh->under = sh->caught = sh->default_parameters = SH_NIL;
        sh->errors = sh_list_new(NULL);
        sh->errors.o->type = &sh_type_arraylist;
        for (struct sh_module *m = sh->modules; m; m = m->next)
                m->loaded = false;
        sh->loading = 0;
        sh->epoch++;
}

static void forget_parents_things(struct sh *sh)
{
        for (struct sh_worker *w = sh->workers; w; w = w->next) {
                close(w->data);
                close(w->news);
        }
        sh->workers = NULL;
        sh->jobs = NULL;
        sh_model_forked(sh);
}

static void use_streams_of_copy(struct sh *sh)
{
        for (int i = 1; i < 8; i++) {
                copy.sinks[i] = (struct to_parent) { { to_parent_write, NULL }, i };
                sh->no_sinks[i] = i == SH_OUT || i == SH_PROGRESS ? NULL : &copy.sinks[i].sink;
        }
        sh->sinks = sh->no_sinks;
        sh->host = copy.sinks[SH_OUT].sink;
        sh->host_format = NULL;
        int null = open("/dev/null", O_RDWR);
        if (null >= 0) {
                dup2(null, 0);
                dup2(null, 1);
                if (null > 2)
                        close(null);
        }
}

/* A descriptor that counts how many more may run. */
static void give_token(int tokens)
{
        static const uint64_t one = 1;
        ssize_t n = tokens >= 0 ? write(tokens, &one, sizeof one) : 0;
        (void)n;
}

static void take_token(struct sh *sh, int tokens)
{
        uint64_t one;
        struct sh_buf b = { 0 };
        while (tokens >= 0 && read(tokens, &one, sizeof one) != sizeof one)
                if (sh_interrupt)
                        break;
        begin_message(&b);
        sh_pack(sh, &b, SH_NIL);
        send_message(SH_WORK_BEGUN, &b);
}

static void send_changes(struct sh *sh);

static void run_copy(struct sh *sh, sh_work *work, void *state, int flags, int tokens)
{
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN);
        sh_interrupt = 0;
        sh->interactive = false;
        sh->cmd = NULL;
        sh->try_depth = 0;
        forget_parents_things(sh);
        use_streams_of_copy(sh);
        copy.writes_back = flags & SH_WORK_WRITES_BACK;
        copy.ngiven = 0;
        if (flags & SH_WORK_FRESH)
                make_fresh(sh);
        take_token(sh, tokens);
        int st = sh_interrupt ? SH_EXIT : work(sh, state, &copy.sinks[SH_OUT].sink);
        if (copy.writes_back)
                send_changes(sh);
        send_end(sh, st);
        while (sh->workers)
                sh_worker_free(sh, sh->workers);
        give_token(tokens);
        _exit(0);
}

/* ---- made ---- */
static int cannot_start(struct sh *sh)
{
        return sh_throw_as(sh, "System.InvalidOperationException", "CannotStartJob", "ResourceUnavailable", SH_NIL,
                           "A job cannot be started: %s.", strerror(errno));
}

static bool open_channels(struct sh_worker *w, int *ret_news)
{
        int pair[2];
        if ((w->data = memfd_create("reeve-job", MFD_CLOEXEC)) < 0)
                return false;
        if (pipe2(pair, O_CLOEXEC | O_NONBLOCK)) {
                close(w->data);
                return false;
        }
        w->taken = mmap(NULL, sizeof *w->taken, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        w->news = pair[0];
        *ret_news = pair[1];
        if (w->taken != MAP_FAILED)
                return true;
        close(w->data);
        close(pair[0]);
        close(pair[1]);
        return false;
}

struct sh_worker *sh_worker_start(struct sh *sh, sh_work *work, void *state, int flags, int tokens)
{
        struct sh_worker *w = calloc(1, sizeof *w);
        int news;
        if (!w)
                abort();
        if (!open_channels(w, &news)) {
                cannot_start(sh);
                free(w);
                return NULL;
        }
        w->tokens = tokens;
        sh_host_flush(sh);
        w->pid = fork();
        if (w->pid == 0) {
                close(w->news);
                copy.data = w->data;
                copy.news = news;
                copy.taken = w->taken;
                copy.written = 0;
                run_copy(sh, work, state, flags, tokens);
        }
        close(news);
        if (w->pid < 0) {
                cannot_start(sh);
                close(w->data);
                close(w->news);
                munmap((void *)w->taken, sizeof *w->taken);
                free(w);
                return NULL;
        }
        setpgid(w->pid, w->pid);
        w->next = sh->workers;
        sh->workers = w;
        return w;
}

/* ---- read ---- */
static bool read_at(struct sh_worker *w, void *to, size_t n, uint64_t at)
{
        for (size_t got = 0; got < n;) {
                ssize_t r = pread(w->data, (char *)to + got, n - got, (off_t)(at + got));
                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        return false;
                got += (size_t)r;
        }
        return true;
}

static void move_on(struct sh_worker *w, uint64_t n)
{
        w->at += n;
        *w->taken = w->at;
        if (w->at - w->punched > PUNCH &&
            !fallocate(w->data, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)w->punched,
                       (off_t)(w->at - w->punched)))
                w->punched = w->at;
}

static void merge_changes(struct sh *sh, struct sv list);
enum { SH_WORK_CHANGES = 10 };

bool sh_worker_read(struct sh *sh, struct sh_worker *w, int *ret_stream, struct sv *ret)
{
        struct head h;
        struct stat st;
        for (;;) {
                if (fstat(w->data, &st) || (uint64_t)st.st_size < w->at + sizeof h ||
                    !read_at(w, &h, sizeof h, w->at) || (uint64_t)st.st_size < w->at + sizeof h + h.n)
                        return false;
                char *bytes = malloc(h.n + 1);
                if (!bytes)
                        abort();
                const char *p = bytes;
                bool good = read_at(w, bytes, h.n, w->at + sizeof h) && sh_unpack(sh, &p, bytes + h.n, ret);
                free(bytes);
                move_on(w, sizeof h + h.n);
                if (!good)
                        continue;
                w->begun = true;
                w->ended = w->ended || h.stream == SH_WORK_ENDED;
                if (h.stream == SH_WORK_CHANGES) {
                        merge_changes(sh, *ret);
                        sh_drop(*ret);
                        continue;
                }
                *ret_stream = (int)h.stream;
                return true;
        }
}

int sh_worker_fd(struct sh_worker *w)
{
        return w->news;
}

void sh_worker_heard(struct sh_worker *w)
{
        char some[256];
        ssize_t n;
        while ((n = read(w->news, some, sizeof some)) > 0)
                ;
        if (n == 0)
                w->gone = true;
}

bool sh_worker_over(struct sh_worker *w)
{
        struct stat st;
        if (!w->gone)
                sh_worker_heard(w);
        return w->gone && (fstat(w->data, &st) || (uint64_t)st.st_size <= w->at + sizeof(struct head));
}

int sh_workers_wait(struct sh *sh, struct sh_worker **v, uint32_t n, int timeout)
{
        struct pollfd *p = calloc(n + 1, sizeof *p);
        if (!p)
                abort();
        for (uint32_t i = 0; i < n; i++)
                p[i] = (struct pollfd) { .fd = v[i]->news, .events = POLLIN };
        sh_host_flush(sh);
        int r = poll(p, n, timeout);
        for (uint32_t i = 0; r > 0 && i < n; i++)
                if (p[i].revents)
                        sh_worker_heard(v[i]);
        free(p);
        int st = sh_check(sh);
        return st != SH_OK ? st : r == 0 ? SH_NONE : SH_OK;
}

/* ---- ended ---- */
void sh_worker_stop(struct sh_worker *w)
{
        if (!w->gone)
                kill(w->pid, SIGTERM);
}

static void reap(struct sh_worker *w)
{
        for (int i = 0; i < 300 && !w->gone; i++) { /* its finally blocks get a second */
                doze();
                sh_worker_heard(w);
        }
        if (w->pid > 0 && !w->reaped) {
                kill(-w->pid, SIGKILL);
                waitpid(w->pid, NULL, 0);
                w->reaped = true;
        }
}

struct sh_worker *sh_worker_free(struct sh *sh, struct sh_worker *w)
{
        if (!w)
                return NULL;
        for (struct sh_worker **at = &sh->workers; *at; at = &(*at)->next)
                if (*at == w) {
                        *at = w->next;
                        break;
                }
        sh_worker_stop(w);
        reap(w);
        if (w->tokens >= 0 && w->begun && !w->ended)  /* it died with the token in its hand */
                give_token(w->tokens);
        close(w->data);
        close(w->news);
        munmap((void *)w->taken, sizeof *w->taken);
        free(w);
        return NULL;
}

/* ---- $using: values that a copy changes ----
 * A collection that $using: handed out is the session's own in PowerShell; here it is a copy. When the work is done,
 * what was added, changed or removed is told and done to the original, which both know by its address. */
static bool can_change(struct sv v)
{
        return v.kind == SH_HASH || (v.kind == SH_ARRAY && sh_is_list(v)) || v.kind == SH_PSOBJECT ||
               sh_is_collection(v);
}

void sh_using_given(struct sh *sh, struct sv v)
{
        if (!copy.writes_back || !can_change(v) || copy.ngiven == 64)
                return;
        for (uint32_t i = 0; i < copy.ngiven; i++)
                if (copy.given[i].o == v.o)
                        return;
        copy.before[copy.ngiven] = (struct sh_buf) { 0 };
        sh_pack(sh, &copy.before[copy.ngiven], v);
        copy.given[copy.ngiven++] = sh_keep(v);
}

/* For each changed one: its address, then how it was and how it is. */
static void send_changes(struct sh *sh)
{
        struct sh_buf b = { 0 };
        struct sv list = sh_array_new(4);
        for (uint32_t i = 0; i < copy.ngiven; i++) {
                struct sh_buf now = { 0 };
                sh_pack(sh, &now, copy.given[i]);
                if (now.n != copy.before[i].n || memcmp(now.p, copy.before[i].p, now.n)) {
                        const char *p = copy.before[i].p;
                        struct sv was = SH_NIL;
                        sh_unpack(sh, &p, p + copy.before[i].n, &was);
                        sh_array_take(list.a, sh_long((int64_t)(intptr_t)copy.given[i].o));
                        sh_array_take(list.a, was);
                        sh_array_add(list.a, copy.given[i]);
                }
                sh_buf_free(&now);
        }
        if (list.a->n) {
                begin_message(&b);
                sh_pack(sh, &b, list);
                send_message(SH_WORK_CHANGES, &b);
        }
        sh_drop(list);
}

static bool packs_same(struct sh *sh, struct sv a, struct sv b)
{
        struct sh_buf x = { 0 }, y = { 0 };
        sh_pack(sh, &x, a);
        sh_pack(sh, &y, b);
        bool same = x.n == y.n && !memcmp(x.p, y.p, x.n);
        sh_buf_free(&x);
        sh_buf_free(&y);
        return same;
}

static void merge_hash(struct sh *sh, struct sv to, struct sv was, struct sv now)
{
        struct sv key, value, old;
        for (uint32_t i = 0; sh_hash_at(now.h, i, &key, &value); i++)
                if (!sh_hash_get(was.h, key, &old) || !packs_same(sh, old, value))
                        sh_hash_set(to.h, key, value);
        for (uint32_t i = 0; sh_hash_at(was.h, i, &key, &value); i++)
                if (!sh_hash_get(now.h, key, &old))
                        sh_hash_remove(to.h, key);
}

/* A list that grew at its end is appended to; any other change replaces it. */
static void merge_list(struct sh *sh, struct sv to, struct sv was, struct sv now)
{
        bool grew = now.a->n >= was.a->n;
        for (uint32_t i = 0; grew && i < was.a->n; i++)
                grew = packs_same(sh, was.a->v[i], now.a->v[i]);
        if (!grew)
                sh_array_remove(to.a, 0, to.a->n);
        for (uint32_t i = grew ? was.a->n : 0; i < now.a->n; i++)
                sh_array_add(to.a, now.a->v[i]);
}

static void put_in(struct sh *sh, struct sv to, const char *method, struct sh_args a)
{
        struct sv r = SH_NIL;
        if (sh_call(sh, to, method, strlen(method), a, &r) != SH_OK)
                sh_drop(sh_error_take(sh));
        else
                sh_drop(r);
}

static void merge_collection(struct sh *sh, struct sv to, struct sv was, struct sv now)
{
        const char *type = to.o->type->name;
        const char *add = strstr(type, "Queue") ? "Enqueue" : strstr(type, "Stack") ? "Push" : "Add";
        struct sv before = sh_collection_items(was), after = sh_collection_items(now);
        bool grew = after.a->n >= before.a->n;
        for (uint32_t i = 0; grew && i < before.a->n; i++)
                grew = packs_same(sh, before.a->v[i], after.a->v[i]);
        if (!grew)
                put_in(sh, to, "Clear", (struct sh_args) { 0 });
        for (uint32_t i = grew ? before.a->n : 0; i < after.a->n; i++)
                put_in(sh, to, add, (struct sh_args) { 1, &after.a->v[i] });
        sh_drop(before);
        sh_drop(after);
}

static void merge_object(struct sh *sh, struct sv to, struct sv was, struct sv now)
{
        struct sh_bag *b = sh_bag_of(now, false);
        for (uint32_t i = 0; b && i < b->n; i++) {
                struct sv old = SH_NIL;
                struct sh_str *name = b->v[i].name.s;
                if (b->v[i].kind == SH_NOTE &&
                    (!sh_object_note(was, name->s, name->len, &old) || !packs_same(sh, old, b->v[i].value)))
                        sh_object_set(to, name->s, name->len, b->v[i].value);
        }
}

/* Is it still some variable's value? Only then may its address be used. */
static bool still_there(struct sh *sh, const struct sh_obj *o)
{
        for (struct scope *s = sh->scope; s; s = s->parent)
                for (uint32_t i = 0; i < s->n; i++) {
                        struct sv v = s->slots[i].kind == SH_K_BOX ? ((struct sh_var *)s->slots[i].o)->value
                                                                   : s->slots[i];
                        if (can_change(v) && v.o == o)
                                return true;
                }
        return false;
}

static void merge_changes(struct sh *sh, struct sv list)
{
        for (uint32_t i = 0; list.kind == SH_ARRAY && i + 2 < list.a->n; i += 3) {
                struct sv was = list.a->v[i + 1], now = list.a->v[i + 2];
                struct sv to = { .kind = now.kind, .o = (struct sh_obj *)(intptr_t)list.a->v[i].i };
                if (was.kind != now.kind || !still_there(sh, to.o))
                        continue;
                if (to.kind == SH_HASH)
                        merge_hash(sh, to, was, now);
                else if (to.kind == SH_ARRAY)
                        merge_list(sh, to, was, now);
                else if (sh_is_collection(now) && sh_is_collection(was))
                        merge_collection(sh, to, was, now);
                else if (to.kind == SH_PSOBJECT)
                        merge_object(sh, to, was, now);
        }
}
