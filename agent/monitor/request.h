/* SPDX-License-Identifier: MIT
 *
 * What reeved and its children say to each other: one message in one packet of a SOCK_SEQPACKET socket pair that reeved
 * made before the child began. A message is its type, a number that its answer repeats, then the fields that the table
 * in request.c declares for the type: 'u' a 32-bit number, 'b' a length (bounded by the table) and so many bytes.
 * Nothing may be missing, too long or left over. Descriptors travel beside a message as SCM_RIGHTS.
 *
 *      front-end -> reeved     which are answered with MON_ANSWER
 *        SIGN          the hash of a key exchange                              status, signature
 *        KEY_ALLOWED   user, public key: would a signature be of use?          status
 *        VERIFY        what was signed, its signature                          status
 *        PASSWORD      user, password                                          status
 *        OPEN          channel, kind, terminal, environment, command           status, complaint; descriptors
 *                      of MON_SFTP the text is "" or "atomic"; of MON_FORWARD it is the host, and columns the port
 *        SIGNAL CLOSE LOG PONG                                                 (no answer)
 *      reeved -> front-end
 *        ANSWER EXITED PING
 *      reeved <-> the parent of the front-ends
 *        READY  CONNECTION (with descriptors)  KILL  ENDED  POLICY
 *      reeved <-> reeve-pam
 *        PAM  PAM_SAID
 *      reeved <-> reeve-login
 *        START (with descriptors)  STARTED (with a pidfd)  SIGNAL  ADOPT (with it)  ENDED  LISTEN  ANSWER (with
 *        a socket)  PING  PONG
 */
#ifndef MON_REQUEST_H
#define MON_REQUEST_H

#include <stddef.h>
#include <stdint.h>

enum mon_type {
        MON_SIGN = 1,    /* b hash */
        MON_KEY_ALLOWED, /* b user, b key */
        MON_VERIFY,      /* b data, b signature */
        MON_OPEN,        /* u channel, kind, pty, columns, rows, width, height; b term, environment, text */
        MON_SIGNAL,      /* u channel; b name */
        MON_CLOSE,       /* u channel */
        MON_LOG,         /* u level; b text */
        MON_PONG,
        MON_ANSWER, /* u status (0 = yes); b data */
        MON_EXITED, /* u channel, status, core; b signal */
        MON_PING,
        MON_READY,
        MON_CONNECTION, /* u number; socket, link */
        MON_KILL,       /* u number: the front-end of that connection */
        MON_ENDED,      /* u number, wait status: a front-end, a program */
        MON_POLICY,     /* u 1: old algorithms, 2: passwords; b public half of the host key: from here on */
        MON_PASSWORD,   /* b user, password */
        MON_PAM,        /* u by password; b user, source, password */
        MON_PAM_SAID,   /* u status; b complaint, environment, limits */
        MON_START, /* u number, flags (login.h), uid, gid, arguments; b groups, limits, texts (folder,
                    * arguments, environment) */
        MON_STARTED, /* u number */
        MON_ADOPT,   /* u number */
        MON_LISTEN,  /* u TCP (or a path), port; b address */
        MON_TYPES,
};

enum mon_kind { MON_SHELL, MON_EXEC, MON_RPC, MON_SFTP, MON_FORWARD, MON_KINDS };
enum mon_status { MON_OK, MON_DENIED, MON_FAILED };
enum { MON_STUCK = 86 }; /* exit status of a front-end that its own watchdog ended */

enum {
        MON_NUMBERS = 7, /* most fields of a message */
        MON_TEXTS = 3,
        MON_MOST = 120 << 10, /* bytes of a message */
        MON_MOST_FDS = 5,
        MON_HASH = 32, /* SHA-256: all key exchanges that are offered end in it */
        MON_USER = 63,
        MON_PASSWORD_BYTES = 1024,
        MON_ENV = 4096,
        MON_COMMAND = 96 << 10,
        MON_PLAN = 16 << 10, /* the texts of a program, its command apart */
};

struct mon_text {
        const char *data;
        uint32_t n;
};

struct mon_message {
        uint32_t type, id;
        uint32_t u[MON_NUMBERS];
        struct mon_text b[MON_TEXTS];
};

/* The fields point into buf. 0, or -EBADMSG. */
int mon_decode(const void *buf, size_t n, struct mon_message *ret);
/* Bytes written, or -EMSGSIZE where a field is longer than its type allows or buf is too small. */
int mon_encode(void *buf, size_t size, const struct mon_message *);

/* One packet each. nfds: in, room; out, how many came. 0 at the end of the peer, else bytes, or -errno; a message that
 * is none is -EBADMSG (its descriptors are closed). */
int mon_recv(int fd, void *buf, size_t size, struct mon_message *ret, int *fds, unsigned *nfds);
int mon_send(int fd, const struct mon_message *, const int *fds, unsigned nfds);

#endif
