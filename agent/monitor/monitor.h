/* SPDX-License-Identifier: MIT
 *
 * reeved: what holds rights, kept small. It opens the listening sockets, keeps the host key and the key files,
 * answers a fixed table of requests from each SSH front-end, has reeve-login start the shells, and keeps it,
 * reeve-agent and the
 * parent of the front-ends alive. It reads no byte that came from a stranger but the fields of those requests.
 *
 *      main.c      options, start, signals               config.c    reeve.conf
 *      listen.c    who may connect                       address.c   what each address has done lately
 *      conn.c      one front-end: its request table      account.c   users and their keys, read in a thread
 *      verify.c    is this signature this user's?        cert.c      certificates, revoked keys
 *      hostkey.c   the host key                          link.c      services that are units of their own
 *      program.c   shells                                service.c   reeve-login, reeve-agent, reeve-ssh
 *      tell.c      what the agent hears of logins
 *      request.c   the messages                          keys.c      key files
 *      pam.c       PAM, where it is switched on
 */
#ifndef MON_MONITOR_H
#define MON_MONITOR_H

#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <uv.h>

#include "agent/log.h"
#include "agent/monitor/keys.h"
#include "agent/monitor/request.h"
#include "agent/wire/intro.h"

enum {
        MON_LISTENERS = 16,
        MON_STRANGERS = 100,        /* connections before login */
        MON_STRANGERS_ADDRESS = 32, /* of one address */
        MON_RESERVED = 16,          /* of them for addresses that logged in lately */
        MON_SESSIONS = 512,         /* connections after login, where the configuration says nothing */
        MON_SESSIONS_USER = 64,
        MON_SESSIONS_MOST = 100000,
        MON_PROGRAMS = 32, /* of a connection, as FRONT_CHANNELS */
        MON_GRACE = 23,    /* seconds; the front-end itself gives up after 20 */
        MON_PING_EVERY = 60,
        MON_DENY_MS = 5,      /* a "no" takes no less: unknown users look like known ones */
        MON_FILE = 256 << 10, /* bytes of a key file */
};

struct mon_options {
        const char *config, *state, *socket, *keys_dir, *shell, *agent, *ssh;
        const char *sftp_program, *forward_program, *login_program, *record_program;
        char forward[1024];                /* HOST:PORT,... that everybody may be forwarded to */
        const char *authorities, *revoked; /* trusted_user_ca_keys, revoked_keys: paths, or NULL */
        const char *pam_program;
        enum { MON_PAM_NO, MON_PAM_YES, MON_PAM_KEYS } pam; /* keys: no passwords, only account and session */
        enum { MON_SFTP_YES, MON_SFTP_NO, MON_SFTP_ATOMIC } sftp;
        char listen[MON_LISTENERS][64];
        unsigned nlisten;
        int port;                         /* -1: not said */
        int authorized_keys;              /* yes 1, no 0, not said -1 */
        unsigned sessions, sessions_user; /* 0: not said */
        bool no_ssh;
        bool no_penalties;
        bool compat; /* algorithms = compat */
};

struct mon_account {
        bool known; /* there is such a user and may log in */
        char name[MON_USER + 1];
        uid_t uid;
        gid_t gid;
        gid_t groups[RV_INTRO_GROUPS];
        int ngroups;
        char home[1024];
        char *own, *home_keys, *authorities, *revoked; /* key files' text */
        size_t own_n, home_n, authorities_n, revoked_n;
};

/* A program that is kept alive: a child, or where monitor.links says so a unit of its own (link.c). */
struct mon_service {
        struct monitor *m;
        const char *name;
        pid_t pid;
        int contact, pidfd; /* of a unit: until it has answered; then what tells of its end; else -1 */
        uv_poll_t *watch;
        int mine, theirs; /* socket pair; what is queued survives a restart of the child */
        uv_timer_t timer;
        uint64_t started, wait; /* ms */
        char *const *(*argv)(struct monitor *);
        uid_t uid; /* it runs as, where we are root */
        gid_t gid;
        int extra; /* a descriptor that it gets as 4, or -1 */
};

struct mon_conn;
struct mon_pam;

struct mon_program {
        struct mon_program *next;
        struct mon_conn *conn; /* NULL: nobody waits for it */
        uint32_t number, channel;
        int pidfd;   /* -1: reeve-login has not yet said that it runs */
        bool unsure; /* reeve-login has died before saying so */
};

struct mon_conn {
        struct mon_conn *next;
        struct monitor *m;
        uint32_t number;
        int link;
        uv_poll_t poll;
        uv_timer_t timer; /* login, then pings */
        uv_timer_t delay;
        unsigned handles; /* open */
        struct sockaddr_storage peer;
        struct sockaddr_storage local;
        char source[64]; /* ADDRESS:PORT */
        char id[40];
        EVP_PKEY *host_key;        /* the one it began with */
        uint8_t session[MON_HASH]; /* the first hash signed */
        uint64_t since;  /* the login, ms */
        char refusal[160]; /* why the last try was refused; "": nothing that is known */
        bool has_session, in, ended, asked_ping, work, crashed;
        unsigned failures, programs;
        struct mon_account account;
        struct mon_key key;
        char fingerprint[96];
        char certificate[180]; /* for the log: ", certificate ..." */
        struct mon_pam *pam;   /* its login's steps; NULL: none */
        uv_work_t lookup;
        char *request; /* waits for the lookup */
        size_t request_n;
        uint32_t denied_id;
};

struct monitor {
        uv_loop_t loop;
        struct mon_options o;
        uid_t uid;
        const char *bin; /* our own folder */
        EVP_PKEY *host_key;
        uint8_t host_public[32];
        int listeners[MON_LISTENERS];
        uv_poll_t listen_polls[MON_LISTENERS];
        unsigned nlisteners;
        bool listening;
        int spare;         /* given up to refuse a connection when descriptors run out */
        const char *links; /* the folder of the units' sockets; NULL: services are children */
        struct mon_service login, agent, ssh;
        uv_poll_t agent_poll;
        unsigned untold; /* refusals that the agent does not know of */
        uv_poll_t ssh_poll, login_poll;
        bool ssh_ready, stopping, told_ready;
        struct mon_conn *conns;
        struct mon_program *programs;
        unsigned strangers, sessions;
        struct rlimit descriptors; /* as we found them; programs get them back */
        uint32_t number, launched;
        uint64_t boot; /* makes session ids unique */
        uv_signal_t signals[4];
        uv_timer_t watchdog;
};

/* ---- config.c ---- */
int mon_config_read(struct mon_options *, const char *path, bool must); /* 0 or -1, and has said why */
/* One file's text; complaints carry file and line. Number of complaints. */
unsigned mon_config_parse(struct mon_options *, const char *name, const char *text, size_t n);

/* ---- hostkey.c ---- */
/* Reads the host key, or makes one. 1: it is another one than before; 0, or -errno, and then the earlier one stays. */
int mon_host_key(struct monitor *);

/* ---- listen.c ---- */
int mon_listen(struct monitor *);
/* Has reeve-login make it. A descriptor, or -1, and has said why. */
int mon_listen_unix(struct monitor *, const char *path);
void mon_listen_on(struct monitor *, bool on);

/* ---- address.c ---- */
enum mon_deed { MON_DID_LOGIN, MON_DID_FAIL, MON_DID_NOTHING, MON_DID_GRACE, MON_DID_CRASH };
bool mon_address_enter(struct monitor *, const struct sockaddr *, const char **why); /* one more stranger */
void mon_address_leave(struct monitor *, const struct sockaddr *);
void mon_address_did(struct monitor *, const struct sockaddr *, enum mon_deed);
void mon_address_text(const struct sockaddr *, char *to, size_t size);

/* ---- conn.c ---- */
void mon_conn_new(struct monitor *, int fd, const struct sockaddr_storage *peer);
void mon_conn_exited(struct monitor *, uint32_t number, int status);
void mon_conn_end(struct mon_conn *);
void mon_conn_tell(struct mon_conn *, const struct mon_message *, const int *fds, unsigned nfds);

/* ---- tell.c ---- */
int mon_tell_start(struct monitor *); /* hears what the agent asks */
void mon_tell_login(struct mon_conn *);
void mon_tell_logout(struct mon_conn *);
void mon_tell_refused(struct mon_conn *);
void mon_tell_all(struct monitor *); /* to an agent that has just been started: who is there */

/* ---- account.c ---- */
void mon_account_load(struct mon_account *, const struct mon_options *, uid_t self); /* in a thread; blocks */
void mon_account_forget_keys(struct mon_account *);
bool mon_user_name_ok(const char *, size_t n);

/* ---- verify.c ---- */
/* The key blob inside what a user signed for a session; NULL: it is not such a text. */
const uint8_t *mon_signed_key(const struct mon_text *data, const uint8_t session[MON_HASH], const char *user,
                              size_t *ret_n);
bool mon_verify(const struct mon_text *data, const struct mon_text *signature);
/* By a key alone; the signature as libcrypto has it. */
bool mon_verify_with(const struct mon_text *algorithm, const uint8_t *blob, size_t blob_n,
                     const struct mon_text *data, const struct mon_text *signature);
bool mon_key_strong(const uint8_t *blob, size_t n);
void mon_fingerprint(const uint8_t *blob, size_t n, char *to, size_t size);

/* ---- pam.c ---- */
/* Asks; mon_conn_pam_said() comes later. password NULL: he has shown his key. 0 or -errno. */
int mon_pam_ask(struct mon_conn *, uint32_t id, const struct mon_text *password);
void mon_pam_end(struct mon_conn *);                               /* closes the session, if there is one */
void mon_conn_pam_said(struct mon_conn *, uint32_t id, bool good); /* conn.c */
const char *mon_pam_environment(const struct mon_conn *, size_t *ret_n);
const struct rlimit *mon_pam_limits(const struct mon_conn *); /* RLIM_NLIMITS of them, or NULL */

/* ---- program.c ---- */
int mon_program_start(struct mon_conn *, const struct mon_message *, int *fds, unsigned *nfds,
                      const char **why);
int mon_program_sftp(struct mon_conn *, const struct mon_message *, int *fds, unsigned *nfds,
                     const char **why);
int mon_program_forward(struct mon_conn *, const struct mon_message *, int *fds, unsigned *nfds,
                        const char **why);
int mon_program_rpc(struct mon_conn *, int *fds, unsigned *nfds);
void mon_program_signal(struct mon_conn *, uint32_t channel, const char *name);
void mon_program_close(struct mon_conn *, uint32_t channel);
void mon_programs_orphan(struct mon_conn *);
void mon_programs_news(struct monitor *, const struct mon_message *, int *fds,
                       unsigned *nfds);      /* from reeve-login */
void mon_programs_hand_on(struct monitor *); /* it has died: its successor, which has been started, is told */

/* What reeve-login is asked to start. */
struct mon_order {
        unsigned flags;                /* agent/login/login.h */
        const struct mon_account *who; /* NULL: as reeve-login itself is */
        const struct rlimit *limits;   /* RLIM_NLIMITS of PAM's, or NULL */
        const char *folder, *const *argv, *const *env;
        int fds[MON_MOST_FDS];
        unsigned nfds;
};
/* Its number, or -errno. */
int mon_launch(struct monitor *, const struct mon_order *);
void mon_launched_signal(struct monitor *, uint32_t number, const char *name);

/* ---- service.c ---- */
int mon_login_start(struct monitor *); /* before anything is listened on */
int mon_services_start(struct monitor *);
void mon_service_over(struct mon_service *, const char *how);
void mon_service_signal(const struct mon_service *, int number);
bool mon_service_ended(struct monitor *, pid_t, int status);
void mon_services_stop(struct monitor *);
void mon_services_policy(struct monitor *); /* host key and algorithms for connections from now on */

/* ---- link.c ---- */
void mon_link(struct mon_service *, char *const *argv); /* mon_service_over() tells when that was in vain */
void mon_link_close(struct mon_service *);

#endif
