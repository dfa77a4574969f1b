/* SPDX-License-Identifier: MIT
 *
 * A model of systemd's units, fed by its signals, so that reading it again costs PID 1 nothing.
 *
 * The first reader opens a connection, subscribes, and only then lists (nothing is lost in between); a
 * thread of its own takes the signals as they come. After RV_UNITS_LINGER without a reader the connection
 * is closed and everything is forgotten: an idle agent has no wake-ups. A lost connection (daemon-reexec) makes the
 * next reader start afresh; after Reloading he lists the units again and asks for their details anew. Installed unit
 * files that are not loaded are found by an own scan of the unit folders (ListUnitFiles blocks PID 1 for 0.4 s) and
 * inotify says when they or their drop-ins change: then they alone are looked at again.
 *
 * Details (the properties of Unit and Service) are fetched when first asked for and then kept up to date from
 * PropertiesChanged.
 */
#ifndef RV_UNITS_H
#define RV_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/error.h"

#define RV_UNITS_LINGER 60000 /* ms */

enum rv_unit_type { RV_UT_TEXT, RV_UT_LIST, RV_UT_UINT, RV_UT_INT, RV_UT_BOOL };

struct rv_unit_value {
        uint8_t type; /* enum rv_unit_type */
        bool set;     /* false: null */
        uint32_t n;   /* items of a list */
        union {
                char *text; /* TEXT; LIST: n texts one behind the other, each NUL-ended */
                uint64_t u;
                int64_t i;
        };
};

/* A property that is kept: name and how its D-Bus type is read. */
enum rv_unit_read {
        RV_UR_TEXT,  /* s or o; "" is null */
        RV_UR_LIST,  /* as */
        RV_UR_UINT,  /* u or t; all bits set is null */
        RV_UR_NZ,    /* the same, and 0 is null */
        RV_UR_TIME,  /* t, us since 1970 -> ns; 0 is null */
        RV_UR_INT,   /* i */
        RV_UR_BOOL,  /* b */
        RV_UR_EXEC,  /* a(sasbttttuii): the first command's line */
        RV_UR_PAIRS, /* a(ss) -> "second (first)", as systemctl show has sockets' addresses */
        RV_UR_ERROR, /* (ss): an error's message; "" is null */
        RV_UR_ID,    /* ay, 16 bytes -> hex */
        RV_UR_DOCS,  /* a(ss) or as */
        RV_UR_TIMERS, /* a(sst), a(stt): a timer's settings as its file has them: "OnCalendar=daily", "OnBootSec=900" */
};
struct rv_unit_property {
        const char *name; /* D-Bus name */
        uint8_t read;     /* enum rv_unit_read */
        /* Of the interface Unit, not of the type's own. Where these are marked, a loaded unit is asked for them
         * one by one: GetAll would have PID 1 look for its UnitFileState, which costs a walk of the unit folders
         * each (5 ms where there are 5,000 units). */
        bool of_unit;
};

struct rv_unit {
        char *id;                                      /* "ssh.service" */
        char *description, *load, *active, *sub, *job; /* from ListUnits; job "" when none is queued */
        char *fragment;                                /* the unit file that the scan found, or NULL */
        char *file_state; /* enabled, disabled, static, masked, ... as the scan finds it; NULL without file */
        bool wanted;      /* the distribution's own .wants folders name it */
        bool frozen;      /* paused by the freezer */
        bool loaded;      /* PID 1 has it in memory */
        bool listed;      /* the texts above are PID 1's present ones */
        bool detailed;    /* values are there */
        uint32_t seen;    /* the scan of unit files that found it last */
        uint64_t looked;  /* ms: when asking for its details made PID 1 load it for a moment; 0: never */
        struct rv_unit_value *values; /* one per property of the model; NULL before they are asked for */
};

struct rv_units; /* a model; static storage, see RV_UNITS() */

/* suffix: ".service"; "": all units. interface: of the kind's own properties (beside those of Unit); NULL: of each
 * unit's own kind. */
struct rv_units *rv_units_new(const char *suffix, const char *interface, const struct rv_unit_property *,
                              unsigned n);

/* "dbus.socket" -> org.freedesktop.systemd1.Socket. */
const char *rv_units_interface(const char *id);

/* Locks the model, brings it up to date and, with `details`, fetches what is not there yet: of one unit (only) or all.
 * 0, or an outcome and not locked. */
int rv_units_begin(struct rv_units *, bool details, const char *only_or_null, uint64_t deadline,
                   struct rv_error *);
/* The same for one unit where nobody need be asked or waited for: locked. False: not locked; begin with
 * rv_units_begin(). */
bool rv_units_peek(struct rv_units *, bool details, const char *id);
/* The first unit whose id sorts after `after` ("" = the first). Only between begin and end. */
const struct rv_unit *rv_units_after(struct rv_units *, const char *after);
const struct rv_unit *rv_units_find(struct rv_units *, const char *id);
void rv_units_end(struct rv_units *);
/* Takes the lock again without asking PID 1, to go on after rv_units_end(). False: the model was made anew meanwhile
 * (go on all the same: ids are looked up again). */
int rv_units_again(struct rv_units *, uint64_t deadline, struct rv_error *);

/* Being told: from now on, until rv_units_unwatch(), the model is kept up to date, and what changes is told through a
 * descriptor that is readable then. It is the caller's. The first reader connects; nothing here blocks. -errno. */
int rv_units_watch(struct rv_units *);
void rv_units_unwatch(struct rv_units *);
/* Calls `each` with the id of every unit that has changed. False: too much has, or the connection is new: all may
 * have. */
bool rv_units_told(struct rv_units *, int fd, void (*each)(void *, const char *id), void *);

#endif
