/* SPDX-License-Identifier: MIT
 *
 * reeve-sftp: the SFTP subsystem (version 3, with OpenSSH's extensions), a program that reeved starts as the user who
 * logged in, as it starts his shell. The front-end that speaks SSH only moves its bytes; reeved reads none of them.
 *
 *      serve.c   packets in, answers out                  wire.c    fields of packets
 *      files.c   open files: read, write, close           names.c   paths: list, remove, rename, link, ...
 *      scope.c   which paths the role lets through        fence.c   what the kernel takes away from us
 *      audit.c   what the agent is asked and told         attrs.c   attributes
 *      main.c    options, start
 *
 * Always true: a path reaches the kernel only through scope.c, so that what a role does not name is not looked at.
 * A change is made only after the agent has it on record. Every request is answered once, in the order asked.
 */
#ifndef SFTP_H
#define SFTP_H

#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum sftp_type {
        FX_INIT = 1,
        FX_VERSION,
        FX_OPEN,
        FX_CLOSE,
        FX_READ,
        FX_WRITE,
        FX_LSTAT,
        FX_FSTAT,
        FX_SETSTAT,
        FX_FSETSTAT,
        FX_OPENDIR,
        FX_READDIR,
        FX_REMOVE,
        FX_MKDIR,
        FX_RMDIR,
        FX_REALPATH,
        FX_STAT,
        FX_RENAME,
        FX_READLINK,
        FX_SYMLINK,
        FX_STATUS = 101,
        FX_HANDLE,
        FX_DATA,
        FX_NAME,
        FX_ATTRS,
        FX_EXTENDED = 200,
        FX_EXTENDED_REPLY,
};

enum sftp_status {
        FX_OK,
        FX_EOF,
        FX_NO_SUCH_FILE,
        FX_PERMISSION_DENIED,
        FX_FAILURE,
        FX_BAD_MESSAGE,
        FX_OP_UNSUPPORTED = 8
};

enum { FXF_READ = 1, FXF_WRITE = 2, FXF_APPEND = 4, FXF_CREAT = 8, FXF_TRUNC = 16, FXF_EXCL = 32 };
enum { ATTR_SIZE = 1, ATTR_OWNER = 2, ATTR_MODE = 4, ATTR_TIME = 8 };
#define ATTR_EXTENDED UINT32_C(0x80000000)

enum {
        SFTP_PACKET = 256 << 10, /* the largest taken */
        SFTP_DATA = 255 << 10,   /* bytes of one read or write */
        SFTP_HANDLES = 200,
        SFTP_NAMES = 128, /* of one answer to READDIR */
        SFTP_ROOTS = 64,  /* folders that roles name, of each kind */
        SFTP_PATH = 4096,
};

struct sftp;

/* ---- wire.c: reading stops at the first thing that does not fit, and `bad` says so ---- */
struct sftp_cursor {
        const uint8_t *p, *end;
        bool bad;
};
struct sftp_text {
        const char *s;
        uint32_t n;
};
uint32_t sftp_u32(struct sftp_cursor *);
uint64_t sftp_u64(struct sftp_cursor *);
struct sftp_text sftp_take(struct sftp_cursor *);
/* A path: no NUL inside, not too long; "" is ".". */
const char *sftp_path(struct sftp_cursor *, char to[SFTP_PATH]);

/* Answers are gathered here; what has no place is sent first. */
struct sftp_out {
        uint8_t *data;
        size_t n, cap, packet; /* packet: where the one being written began */
        bool failed;           /* nobody takes it any more */
        int fd;                /* -1: keep nothing (tests) */
        void (*sink)(void *, const uint8_t *, size_t);
        void *sink_state;
};
bool sftp_flush(struct sftp_out *);
void sftp_begin(struct sftp_out *, enum sftp_type, uint32_t id);
void sftp_put32(struct sftp_out *, uint32_t);
void sftp_put64(struct sftp_out *, uint64_t);
void sftp_put(struct sftp_out *, const void *, size_t n); /* with its length */
uint8_t *sftp_room(struct sftp_out *, size_t n);          /* n bytes to be filled by the caller, or NULL */
void sftp_end(struct sftp_out *);

/* ---- attrs.c ---- */
struct sftp_attrs {
        uint32_t flags;
        uint64_t size;
        uint32_t uid, gid, mode, atime, mtime;
};
void sftp_take_attrs(struct sftp_cursor *, struct sftp_attrs *);
void sftp_put_attrs(struct sftp_out *, const struct stat *);
void sftp_long_name(char *to, size_t size, const char *name, const struct stat *); /* a line of "ls -l" */
int sftp_set_attrs(int fd, bool is_path, const struct sftp_attrs *);               /* 0 or -errno */

/* ---- scope.c ---- */
enum sftp_need { NEED_READ, NEED_WRITE };

struct sftp_root {
        char path[SFTP_PATH], real[SFTP_PATH]; /* as the role has it; without symbolic links */
        int fd;                                /* O_PATH */
        bool write, is_file;
};

struct sftp_scope {
        bool limited; /* false: the user's own rights are all that counts */
        struct sftp_root *roots;
        unsigned nroots;
        char start[SFTP_PATH]; /* what relative paths begin at */
        char roles[160];
};

/* Where a path is. */
struct sftp_place {
        const struct sftp_root *root; /* NULL: no limits */
        int dir;
        char name[SFTP_PATH];  /* from there */
        char shown[SFTP_PATH]; /* absolute, for the audit */
        int parent;            /* opened by sftp_parent(), or -1 */
        const char *last;      /* its name in there */
};

bool sftp_scope_add(struct sftp_scope *, const char *path, bool write); /* false: it is not there */
void sftp_scope_start(struct sftp_scope *, const char *home);
void sftp_scope_free(struct sftp_scope *);
/* 0, or -EACCES: no role names it. */
int sftp_find(const struct sftp_scope *, const char *path, enum sftp_need, struct sftp_place *);
/* Opens it without leaving what the role names, whatever links say. A descriptor, or -errno; -EXDEV: it leads out. */
int sftp_open_at(const struct sftp_scope *, const struct sftp_place *, enum sftp_need, int flags, mode_t);
/* The folder that it is in, for calls that take a folder and a name: place->parent and ->last. 0 or -errno as above. */
int sftp_parent(struct sftp_place *);
void sftp_place_end(struct sftp_place *);
/* Folders on the way to what the role names can be seen, with nothing in them but the way. */
bool sftp_on_the_way(const struct sftp_scope *, const char *path);
/* The n-th thing in such a folder; false: no more. */
bool sftp_on_the_way_name(const struct sftp_scope *, const char *path, unsigned n, char *to, size_t size);
/* Without "." and "..", absolute. False: too long. */
bool sftp_clean(const struct sftp_scope *, const char *path, char to[SFTP_PATH]);

/* ---- audit.c ---- */
struct rv_client;
/* Asks who the user is to the agent. 0; -1: told on stderr. */
int sftp_rights(struct rv_client *, struct sftp_scope *);
/* The number of the record, 0 where nobody keeps one; -1: it cannot be recorded, and must not be done. */
int64_t sftp_intent(struct sftp *, const char *method, const char *target, json_t *arguments);
void sftp_outcome(struct sftp *, int64_t record, int error, json_t *arguments);
void sftp_denied(struct sftp *, const char *method, const char *target, enum sftp_need);
/* sftp_open_at() and sftp_parent(), where a way out is a denial, on record, and -EACCES. */
int sftp_reach(struct sftp *, const char *method, const struct sftp_place *, enum sftp_need, int flags,
               mode_t);
int sftp_reach_parent(struct sftp *, const char *method, struct sftp_place *);

/* ---- files.c ---- */
struct sftp_handle {
        enum { HANDLE_FREE, HANDLE_FILE, HANDLE_FOLDER, HANDLE_WAY } kind;
        uint32_t generation;
        int fd;
        DIR *dir;
        unsigned at; /* of a HANDLE_WAY */
        bool append, writes, reads;
        int error; /* the first write that failed */
        uint64_t written;
        int64_t record;
        char *path;
        /* An upload that replaces its file when it is complete. */
        int parent;
        char *temporary, *last;
};

struct sftp {
        struct sftp_scope scope;
        struct sftp_out out;
        struct sftp_handle handles[SFTP_HANDLES];
        struct rv_client *agent; /* NULL: tests */
        bool atomic, read_only, begun;
        uint32_t serial;
};

void sftp_open(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_close(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_read(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_write(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_copy(struct sftp *, uint32_t id, struct sftp_cursor *);
struct sftp_handle *sftp_handle(struct sftp *, struct sftp_cursor *); /* NULL: there is none of that name */
struct sftp_handle *sftp_handle_new(struct sftp *);
void sftp_put_handle(struct sftp *, uint32_t id, const struct sftp_handle *);
void sftp_handles_end(struct sftp *); /* the connection has gone */

/* ---- names.c ---- */
void sftp_stat(struct sftp *, uint32_t id, struct sftp_cursor *, bool follow);
void sftp_fstat(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_setstat(struct sftp *, uint32_t id, struct sftp_cursor *, bool follow);
void sftp_fsetstat(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_opendir(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_readdir(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_remove(struct sftp *, uint32_t id, struct sftp_cursor *, bool folder);
void sftp_mkdir(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_realpath(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_rename(struct sftp *, uint32_t id, struct sftp_cursor *, bool replace);
void sftp_readlink(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_symlink(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_hardlink(struct sftp *, uint32_t id, struct sftp_cursor *);

/* ---- extended.c ---- */
void sftp_extended(struct sftp *, uint32_t id, struct sftp_cursor *);
void sftp_put_extensions(struct sftp_out *);

/* ---- serve.c ---- */
void sftp_status(struct sftp *, uint32_t id, enum sftp_status, const char *text);
void sftp_answer(struct sftp *, uint32_t id, int error, const char *what); /* 0 or -errno */
/* One packet, without its length. False: the connection is of no use any more. */
bool sftp_packet(struct sftp *, const uint8_t *, size_t n);
int sftp_serve(struct sftp *, int in); /* until the end; exit status */
bool sftp_init(struct sftp *, int out);
void sftp_free(struct sftp *);

/* ---- fence.c ---- */
int sftp_fence(const struct sftp_scope *); /* 0; -1: told on stderr */

#endif
