/* SPDX-License-Identifier: MIT
 *
 * reeve-fan: SSH to many hosts in one process, by libssh without blocking. The shell sends each host as one message
 * over a SEQPACKET socket (standard input) together with two descriptors: a stream that becomes the remote command's
 * standard input and output, and a pipe for its errors. When the stream ends, the pipe's last line says how:
 *
 *      \1E <status>    the command ended
 *      \1U <why>       the host cannot be reached
 *      \1F <why>       not for this program: let ssh try (an unknown host key, a key that is not accepted, ...)
 *
 * Only what is beyond doubt is done here: a known host key and an unencrypted key file. Everything else is ssh's to
 * judge.
 */
#ifndef SH_FAN_H
#define SH_FAN_H

#include <libssh/libssh.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAN_FIELDS = 7, FAN_MESSAGE = 16384, FAN_BUFFER = 256 << 10, FAN_GRACE_MS = 200 };
enum fan_field {
        FAN_ADDRESS,
        FAN_PORT,
        FAN_USER,
        FAN_KEYS,
        FAN_KNOWN,
        FAN_ALIAS,
        FAN_COMMAND
}; /* lists: tabs between */

struct fan_host {
        struct fan_host *next;
        char *text; /* the message; fields point into it */
        const char *field[FAN_FIELDS];
        int stream, err, sock; /* -1 = closed */
        enum fan_state {
                FAN_RESOLVE,
                FAN_RESOLVING,
                FAN_CONNECT,
                FAN_HANDSHAKE,
                FAN_AUTH,
                FAN_OPEN,
                FAN_EXEC,
                FAN_PUMP,
                FAN_OVER
        } state;
        struct addrinfo *addresses, *at;
        int resolved; /* getaddrinfo's answer */
        ssh_session session;
        ssh_channel channel;
        char *in, *out; /* from the shell, to it */
        size_t nin, nout, sent;
        bool in_ended, told_eof, gone; /* gone: the shell */
        int64_t eof_at; /* since when nothing more comes; 0 = it may */
        unsigned key;   /* of the keys offered */
};

/* fan_known.c: the host key types that the files know for the host, comma-separated for libssh; "" = none. */
void fan_known_types(const struct fan_host *, char *buf, size_t size);
bool fan_known(const struct fan_host *, const char *type, const char *base64);

#endif
