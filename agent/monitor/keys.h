/* SPDX-License-Identifier: MIT
 *
 * Key files: lines of  [options] type base64 [comment]  as in OpenSSH's authorized_keys. Options: from="patterns",
 * expiry-time="YYYYMMDD[HHMM[SS]][Z]", command="text", restrict, pty, no-pty, cert-authority, principals="names", and
 * in reeve's own files role=NAME. A line with anything that is not understood lets nobody in, and is reported.
 */
#ifndef MON_KEYS_H
#define MON_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

enum { MON_KEY_BYTES = 4096 };

struct mon_key {
        unsigned line;
        uint8_t blob[MON_KEY_BYTES];
        size_t n;
        char type[48];
        char from[512];
        char role[64];
        char command[1024];
        bool forced; /* command= is there */
        bool no_pty, no_forward, own; /* own: a line of reeve's own files */
        char open[512];               /* permitopen=, with commas; "": not said */
        bool authority;       /* cert-authority: the key signs users' certificates */
        char principals[512]; /* of an authority: names in a certificate that count; "": the user's */
        bool expires;
        time_t until;
};

/* Called for lines that are refused; what is wrong is for people. */
typedef void mon_complain(void *arg, unsigned line, const char *what);

/* Which lines of a file are looked at: keys of users, authorities among them, or all as authorities. */
enum mon_lines { MON_USERS, MON_AUTHORITIES, MON_ALL_AUTHORITIES };

struct mon_cert;

/* What is looked for, from where, when. */
struct mon_search {
        const uint8_t *blob;
        size_t n;
        const struct mon_cert
                *cert; /* an authority's key is looked for, to let this certificate in; or NULL */
        const char *user;
        const struct sockaddr *source;
        time_t now;
};

/* Looks for the key among the lines of a file. 1 found, 0 not. `own`: reeve's own file, where role= is known. Of
 * several lines with the key the first that source, time and certificate allow counts; *why says what kept it out when
 * none does. */
int mon_keys_find(const char *text, size_t n, bool own, enum mon_lines, const struct mon_search *,
                  struct mon_key *ret, const char **why, mon_complain *, void *arg);
/* One line without its end. 1 a key, 0 nothing on it, -EBADMSG refused (*what says why). */
int mon_key_parse(const char *line, size_t n, bool own, struct mon_key *ret, const char **what);
/* from="..." against an address: CIDR, addresses with * and ?, ! before a pattern forbids. */
bool mon_from_allows(const char *patterns, const struct sockaddr *);
/* A target among "HOST:PORT,..."; * is any host or port. */
bool mon_target_among(const char *list, const char *host, unsigned port);
/* 0 where the text is a date; local time without Z. */
int mon_expiry_parse(const char *text, size_t n, time_t *ret);
/* Bytes, or -EBADMSG. */
int mon_base64(const char *text, size_t n, uint8_t *to, size_t size);
/* The first text of a key blob: its type. */
bool mon_blob_type(const uint8_t *blob, size_t n, char *to, size_t size);

#endif
