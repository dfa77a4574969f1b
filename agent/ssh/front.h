/* SPDX-License-Identifier: MIT
 *
 * One SSH connection in a process of its own. libssh works here without ever blocking, and everything that needs a
 * right is asked of reeved over the link. Three rules hold all of it together:
 *
 *      1. Any call into libssh may read the socket and call us back. Callbacks only set flags and append to our own
 *         buffers; front_pump() alone writes, closes and frees.
 *      2. Nothing is written while libssh still has bytes to send, so that a reader who stops costs one buffer.
 *      3. What reeved says counts, not what libssh says: see crypto.c.
 */
#ifndef FRONT_H
#define FRONT_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "agent/monitor/request.h"

enum {
        FRONT_CHANNELS = 32,
        FRONT_ATTEMPTS = 6,
        FRONT_LOGIN_SECONDS = 20,
        FRONT_LOGIN_BYTES = 128 << 10, /* what a stranger may send */
        FRONT_LOGIN_PACKETS = 200,
        FRONT_KEEPALIVE = 60,           /* seconds of silence */
        FRONT_SETTLE_MS = 2000,         /* from login on: it is no short session */
        FRONT_FORWARD_MS = 10000,       /* until reeve-forward must have said something */
        FRONT_PIECE = 64 << 10,         /* bytes written to a channel at a time */
        FRONT_INPUT = 128 << 10,        /* of a channel, waiting for its program */
        FRONT_WINDOW = 1280000 + 65536, /* most that libssh lets a peer send ahead */
};

/* Exit statuses of a front-end's process: reeved weighs them. */
enum front_end {
        FRONT_DONE = 0,
        FRONT_GRACE = 81,
        FRONT_ATTEMPTS_USED = 82,
        FRONT_FLOOD = 83,
        FRONT_STUCK = MON_STUCK
};

struct front;

/* A descriptor of a program and whether the loop listens to it. */
struct ear {
        uv_poll_t poll;
        struct channel *channel;
        int fd;           /* -1: closed */
        int armed;        /* UV_READABLE, UV_WRITABLE or 0 */
        bool made, ready; /* poll is initialised; something can be read */
};

struct channel {
        struct front *front;
        ssh_channel ssh;
        struct ssh_channel_callbacks_struct callbacks;
        unsigned slot;
        uint32_t id; /* slot and generation, as reeved knows it */
        enum { CHANNEL_NEW, CHANNEL_RUNNING, CHANNEL_ENDING, CHANNEL_CLOSED } state;
        enum mon_kind kind;
        bool pty;
        uint32_t columns, rows, width, height;
        char term[64];
        char env[MON_ENV]; /* NAME=value, each ends with NUL */
        size_t env_n;
        struct ear *in, *out, *err; /* to the program; from it */
        char *input;                /* not yet taken by the program */
        size_t input_n, input_at, input_cap;
        bool held; /* libssh holds more of it */
        bool input_ended;
        char *rest; /* read from the program, not yet taken by libssh */
        size_t rest_n, rest_at;
        bool rest_is_err;
        bool exited, core, peer_closed, told, closing_again;
        bool ended; /* EOF is sent */
        uint32_t status;
        char signal[17];
};

struct front {
        uv_loop_t loop;
        int fd, poll_fd; /* libssh's, and a copy to wait on */
        uv_poll_t poll, link_poll;
        uv_timer_t timer;
        int poll_events;
        ssh_session ssh;
        ssh_event event;
        struct ssh_server_callbacks_struct callbacks;
        struct ssh_counter_struct socket, raw;
        int link; /* to reeved */
        uint32_t asked;
        struct channel *channels[FRONT_CHANNELS], *newest; /* newest: the last one opened, until it is answered */
        unsigned nchannels, generation, turn;
        bool pumping, more, dead, quit;
        bool settled, passwords; /* passwords: may be asked for */
        bool in, verdict; /* logged in; what reeved said of the last signature */
        char user[MON_USER + 1];
        unsigned attempts, refused;
        uint64_t hold; /* raw.out_bytes must reach this before more is written */
        uint64_t quiet_since_bytes;
        unsigned quiet;
        const char *goodbye; /* disconnect with this text once all is written */
        int result;
        volatile unsigned long beats; /* turns of the loop, for the watchdog */
        /* Stands in for reeved in the self-test. */
        int (*stand_in)(struct front *, const struct mon_message *, struct mon_message *ret);
        void *stand_in_arg;
};

/* ---- session.c ---- */
int front_start(struct front *, ssh_bind, int fd, int link); /* 0, or -1 */
int front_run(struct front *);                               /* until the end; an enum front_end */
void front_free(struct front *);
void front_pump(struct front *);
bool front_may_write(struct front *);
void front_wrote(struct front *, uint64_t before,
                 int n); /* finds what libssh keeps back for a new key exchange */

/* ---- channel.c ---- */
ssh_channel chan_open(struct front *);
/* A channel to elsewhere (direct-tcpip): answers the request. False: it is to be refused. */
bool chan_forward(struct front *, ssh_message);
void chans_work(struct front *); /* input, output, ends */
void chans_free(struct front *);
void chan_exited(struct front *, const struct mon_message *);

/* ---- link.c ---- */
/* Waits for reeved's answer: a status, or MON_FAILED. */
int link_ask(struct front *, struct mon_message *, struct mon_message *answer, int *fds, unsigned *nfds);
void link_tell(struct front *, const struct mon_message *);
bool link_take(struct front *); /* what reeved says unasked; false: it is gone */
void front_log(struct front *, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- crypto.c ---- */
int crypto_start(void);            /* finds the real functions */
void crypto_serve(struct front *); /* from now on this connection's signatures are reeved's business */
ssh_key crypto_host_key(const uint8_t public_key[32]);
ssh_bind crypto_bind(const uint8_t public_key[32], bool compat);

/* ---- selftest.c, sandbox.c ---- */
int selftest(void);           /* 0, or says on stderr what is wrong */
int sandbox_start(bool full); /* 0, or -1: what a front-end must not do without has failed */
void sandbox_watch(struct front *);

#endif
