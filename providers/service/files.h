/* SPDX-License-Identifier: MIT
 *
 * Service managers that keep their services in files: what a service is to them, and what each of them must say.
 * All that they share is in files.c: rows, idempotence, what-if, waiting for what a change led to, last words,
 * events.
 *
 * A manager reads one service at a time into a struct of plain texts; nothing is kept between two readings, so
 * nothing can be stale. Texts are cut at their room. Lists are words between blanks.
 */
#ifndef RV_SERVICE_FILES_H
#define RV_SERVICE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/provider.h"

struct Service_Create_in;

enum rv_svc_state {
        RV_SVC_UNKNOWN, /* it has no way to say */
        RV_SVC_STOPPED,
        RV_SVC_STARTING,
        RV_SVC_STOPPING,
        RV_SVC_RUNNING,
        RV_SVC_PAUSED
};
enum rv_svc_mode { RV_SVC_AUTO, RV_SVC_MANUAL, RV_SVC_DISABLED };
/* What is to be read beside what costs nothing. */
enum { RV_SVC_WANT_STATE = 1, RV_SVC_WANT_LINKS = 2 /* dependencies */ };

struct rv_svc {
        char name[256];
        char display[256], file[512], command[1024], user[64];
        char sub[48];    /* the manager's own word for the state; "" = none */
        char result[32]; /* how the last run ended; "" = not known */
        char log[512];   /* file of its last words; "" = none known */
        char tag[64];    /* only the lines of `log` that a program of this name wrote; "" = all */
        char pidfile[512];
        enum rv_svc_state state;
        enum rv_svc_mode mode;
        bool failed;  /* stopped, or about to be started anew, but not as it should be */
        bool process; /* started, it must have a process that stays */
        bool native;  /* OpenRC: a script of its own kind, whose state it keeps */
        bool can_reload, can_pause;
        uint32_t pid;
        int64_t started; /* ns since 1970; 0 = not known */
        int64_t changed; /* the last change of its state; 0 = not known */
        char requires[2048], wants[2048], after[2048], before[1024], provides[512], conflicts[512],
                runlevels[128];
};

enum rv_svc_verb {
        RV_SVC_START,
        RV_SVC_STOP,
        RV_SVC_RESTART,
        RV_SVC_RELOAD,
        RV_SVC_PAUSE,
        RV_SVC_RESUME,
        RV_SVC_RESET
};

/* A change under way. */
struct rv_svc_manager;
struct rv_svc_change {
        const struct rv_svc_manager *manager;
        struct rv_call *call;
        struct rv_error *err;
        struct rv_svc now; /* as it was before */
        const char *doing; /* "start" */
        char what[300];    /* "cannot start cron" */
        int64_t log_from;  /* bytes of now.log that were there before */
        char words[600];   /* what the tool said last */
};

struct rv_svc_watch; /* who wants to be told */

struct rv_svc_manager {
        const char *name;
        bool (*here)(void);
        /* Names of all services, in any order; ends early when `one` says so. */
        int (*each)(int (*one)(void *, const char *name), void *);
        /* 0 or -ENOENT; *ret is zeroed before. */
        int (*read)(const char *name, unsigned want, uint64_t deadline, struct rv_svc *ret);
        /* Does it and waits until that is done; not whether the service lives on. */
        int (*verb)(struct rv_svc_change *, enum rv_svc_verb);
        unsigned verbs; /* those that it has, beside start, stop and restart: bits of 1 << RV_SVC_x */
        const char *cannot_pause; /* the hint, where it cannot */
        int (*set_mode)(struct rv_svc_change *, enum rv_svc_mode);
        const char *cannot_disable; /* the hint, where StartMode Disabled has no counterpart; NULL: it has */
        /* Is `policy` something that Create can give a service here? */
        bool (*can_restart)(const char *policy);
        int (*create)(struct rv_svc_change *, const struct Service_Create_in *);
        int (*remove)(struct rv_svc_change *); /* stopped and Manual already */
        /* Says by rv_svc_watch_path() where changes of services show. */
        void (*watch)(struct rv_svc_watch *);
};

extern const struct rv_svc_manager rv_svc_openrc, rv_svc_runit, rv_svc_sysv;

/* Adds a word to a list, when there is room. */
void rv_svc_word(char *list, size_t size, const char *word, size_t n);
bool rv_svc_has(const char *list, const char *word);
/* Fills pid, started and user from a pid file, or from the pid itself; false: no such process lives. */
bool rv_svc_process(struct rv_svc *, uint32_t pid);
uint32_t rv_svc_pidfile(const char *path); /* 0: none */
/* Runs a tool for a change (argv NULL-ended); not 0: its last words become the error and are kept in ch->words. */
int rv_svc_tool(struct rv_svc_change *, const char *const *argv);
/* Writes a text to a new file; an outcome when it is there already. */
int rv_svc_write(struct rv_svc_change *, const char *path, const char *text, unsigned mode);
bool rv_svc_packaged(const char *path, uint64_t deadline); /* did a package bring it? */
void rv_svc_pause_ms(unsigned ms);

/* What happens in `path` (a folder or a file): of which service? key NULL: of the one that the file is named as;
 * "*": of any. file NULL: any file in the folder. */
void rv_svc_watch_path(struct rv_svc_watch *, const char *path, const char *file, const char *key);
/* There are services of which no file tells: they are looked at every half minute. */
void rv_svc_watch_poll(struct rv_svc_watch *);

#endif
