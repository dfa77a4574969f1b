/* SPDX-License-Identifier: MIT
 *
 * What the files of external*.c share.
 */
#ifndef RV_EXTERNAL_INT_H
#define RV_EXTERNAL_INT_H

#include <pthread.h>
#include <sys/types.h>

#include "agent/external.h"
#include "schema/arena.h"
#include "schema/json.h"
#include "schema/mof.h"

enum {
        RV_EXTERNAL_WORDS = 64, /* of a command line */
        RV_EXTERNAL_ENV = 32,
        RV_EXTERNAL_COLUMNS = 256,
        RV_EXTERNAL_PROGRAMS = 8,      /* the most at once */
        RV_EXTERNAL_MESSAGE = 1 << 20, /* bytes of one message */
        RV_EXTERNAL_FALLS = 3,         /* one after another, then it is left alone ... */
};
#define RV_EXTERNAL_REST UINT64_C(30000000000) /* ... this long, ns */

enum rv_external_kind { RV_EXTERNAL_EXEC, RV_EXTERNAL_COMMAND, RV_EXTERNAL_FILE };
enum rv_external_format { RV_FORMAT_JSON, RV_FORMAT_LINES, RV_FORMAT_CSV, RV_FORMAT_TABLE, RV_FORMAT_PAIRS };

/* What a program may take, and as whom it runs. Ready before fork: no look-up happens in the child. */
struct rv_external_bounds {
        bool become; /* another user than ours */
        uid_t uid;
        gid_t gid;
        uint64_t memory; /* bytes of address space */
        uint64_t files, processes;
};

/* Its control group, where there is one. */
struct rv_external_group {
        uint64_t memory, tasks; /* bounds of all its programs together */
        unsigned cpu;           /* percent of one processor */
        unsigned n;             /* folders: one, or of version 1 one a hierarchy */
        const char *folders[3], *procs[3];
        bool bounds_tasks;        /* else the rlimit must, which counts what else its user runs */
        unsigned long long kills; /* for want of memory, until now */
        pthread_mutex_t lock;
        unsigned alive; /* programs; what the last of them left behind ends with it */
};

struct rv_external;
struct rv_child {
        struct rv_external *of;
        pid_t pid; /* 0: not running */
        int in, out, errors;
        bool greeted;
        uint64_t serial;        /* of calls */
        char *got;              /* bytes read, not yet a message */
        size_t ngot, cap, used, looked; /* used: the message handed out last; looked: no end of a line until there */
        char words[400];        /* its last words on standard error */
        size_t nwords;
        uint64_t last_used; /* rv_now() */
};

/* A class's news: how often its program failed at telling them. The loop's. */
struct rv_external_news {
        unsigned falls;
        uint64_t rest_until; /* it is polled until then */
        char last_fall[320];
};

struct rv_external {
        struct rv_external *next;
        struct rv_arena arena; /* texts below */
        const char *name, *path, *folder;
        enum rv_external_kind kind;
        const char *schema;
        const char *words[RV_EXTERNAL_WORDS + 1]; /* of Exec or Command */
        const char *env[RV_EXTERNAL_ENV + 4];
        unsigned nwords, nenv;
        const char *file;
        const char *user;
        struct rv_external_bounds bounds;
        struct rv_external_group group;
        unsigned timeout, idle; /* seconds */
        uint64_t output;        /* bytes of one answer */
        unsigned programs;      /* at once */
        /* COMMAND, FILE */
        enum rv_external_format format;
        const char *separator, *comment; /* lines that begin with it say nothing; NULL: none do */
        const char *columns[RV_EXTERNAL_COLUMNS];
        unsigned ncolumns, skip;
        bool header;

        struct rv_mof *mof;
        const struct rv_class *const *classes;
        uint32_t nclasses;
        struct rv_provider *tables;     /* one a class */
        unsigned events;                /* RV_PUSH_...: changes that the program tells of; 0: none */
        struct rv_push push;            /* of all its classes */
        struct rv_external_news *news;  /* one a class */

        pthread_mutex_t lock; /* what follows */
        pthread_cond_t free;
        struct rv_child children[RV_EXTERNAL_PROGRAMS];
        bool busy[RV_EXTERNAL_PROGRAMS];
        unsigned falls;
        uint64_t rest_until;
        char last_fall[320];
};

/* ---- external.c ---- */
struct rv_external *rv_external_of(const struct rv_class *);

/* ---- external_file.c ---- */
/* Fills *x from its file. INVALID_PARAMETER with file and line, or what is wrong with the files' owners and modes. */
int rv_external_read(struct rv_external *x, const char *path, struct rv_error *);
/* Nobody but root and we may have written it. */
int rv_external_safe(const char *path, const char *what, struct rv_error *);

/* ---- external_child.c ---- */
int rv_child_start(struct rv_child *, struct rv_external *, struct rv_error *);
/* Ends it and what it started. Answers its exit status, 128 + signal, or -1 where it did not run. */
int rv_child_end(struct rv_child *);
/* The same on a thread of its own, for whoever must not wait; *c is empty afterwards. */
void rv_child_end_later(struct rv_child *);
void rv_child_all_ended(void); /* waits for those, two seconds at most */
/* All that it has said on standard error so far, without waiting; only the end is kept. */
void rv_child_hear_all(struct rv_child *);
const char *rv_child_last_words(const struct rv_child *); /* of its last line the end; "" */
bool rv_child_gone(const struct rv_child *);              /* it has closed its output */
/* All of it within the deadline; -errno: EPIPE where it has ended, ETIMEDOUT, ECANCELED. Hears what it says. */
int rv_child_write(struct rv_child *, const char *, size_t n, uint64_t deadline, const struct rv_call *);
/* The next line, without its end, valid until the next call. 0: the program closed its output; -errno as above, or
 * EMSGSIZE. */
ssize_t rv_child_line(struct rv_child *, const char **ret, uint64_t deadline, const struct rv_call *);
/* Of what was read the next line, or 0: more is needed. */
ssize_t rv_child_next(struct rv_child *, const char **ret);
/* Reads what is there without waiting, at most 64 KiB or so. 0 at its end, 1, or -errno. */
int rv_child_hear(struct rv_child *);
/* What it printed, to its end or the bound. */
int rv_child_all(struct rv_child *, const struct rv_external *, uint64_t deadline, const struct rv_call *);

/* ---- external_group.c ---- */
void rv_external_group_make(struct rv_external *); /* or logs why there is none */
bool rv_external_group_enter(const struct rv_external *);
void rv_external_group_begin(struct rv_external *); /* a program is being started, until ... */
void rv_external_group_end(struct rv_external *);   /* ... it has ended */
bool rv_external_group_memory(struct rv_external *);
void rv_external_group_drop(struct rv_external *); /* and what is in it */

/* ---- external_talk.c: the functions of the tables of EXEC ---- */
int rv_external_query(const struct rv_query *, struct rv_sink *, struct rv_error *);
int rv_external_method(struct rv_call *, const void *in, struct rv_error *);
int rv_external_create(struct rv_call *, const struct rv_values *, struct rv_error *);
int rv_external_modify(struct rv_call *, const struct rv_values *, struct rv_error *);
int rv_external_remove(struct rv_call *, struct rv_error *);
/* The end of the call, or of Timeout if that is earlier. */
uint64_t rv_external_until(const struct rv_external *, uint64_t deadline);
/* Takes care that not every bad row is told: the first of a call, and how many more. */
struct rv_complaints {
        struct rv_error first;
        unsigned n;
};
void rv_complain(struct rv_complaints *, const struct rv_error *);
void rv_complaints_tell(struct rv_complaints *, const struct rv_external *, struct rv_sink *);
/* A row of JSON; 0, RV_STOP or -errno. What does not fit the class is a complaint. */
int rv_external_row(const struct rv_class *, const json_t *, struct rv_sink *, struct rv_complaints *);
bool rv_external_keys(const struct rv_class *, const struct rv_row *, struct rv_error *);

/* A row of the class from JSON, complaints as above. False: it is none. */
bool rv_external_fill(const struct rv_class *, const json_t *, struct rv_row *, struct rv_complaints *);

/* ---- external_watch.c: what programs tell of themselves ---- */
extern const struct rv_push rv_external_push;
void rv_external_watch_free(void);

/* ---- external_text.c: COMMAND and FILE ---- */
int rv_external_text(const struct rv_query *, struct rv_sink *, struct rv_error *);

#endif
