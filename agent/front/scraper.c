/* SPDX-License-Identifier: MIT
 *
 * Scrapes over loopback TCP, for a Prometheus on this host that cannot open a Unix socket. Off unless reeve.conf says
 *
 *      [metrics]
 *      listen = 127.0.0.1:9945
 *      listen = [::1]:9945
 *      role = scrape               # all that these scrapes may read; a role of roles.d
 *      users = prometheus          # whose sockets may ask; anybody's when absent
 *
 * Anybody on this host can connect, so every peer is nobody but that role. Whose socket it is the kernel tells
 * (sock_diag): the user who made it, which is enough to turn others away and too little to be him. Other addresses than
 * 127.0.0.1 and ::1 are refused; other hosts scrape over SSH. Only GET /metrics and GET /-/healthy are understood
 * (wire/frame.h, scrape_only), only for loopback Hosts. WQL is not: it would let anybody choose how long a query runs.
 *
 * Bounds: MOST_PEERS connections, of which MOST_BUSY are served at once; a request must be there within ASK_TIME, its
 * answer be read within ANSWER_TIME, and an idle connection goes after IDLE_TIME. When all places are taken, whoever
 * has been idle for longest makes way, so that slow peers do not keep Prometheus out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/log.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define SECOND UINT64_C(1000000000)
#define ASK_TIME (10 * SECOND)
#define ANSWER_TIME (120 * SECOND)
#define IDLE_TIME (300 * SECOND)

enum { MOST_LISTEN = 4, MOST_USERS = 16, MOST_PEERS = 16, MOST_BUSY = 4, BACKLOG = 16 };

struct door {
        struct rv_agent *agent;
        struct sockaddr_in6 address; /* or sockaddr_in, which is smaller */
        char name[64];
        uv_poll_t poll;
};

struct rv_scrapers {
        struct door doors[MOST_LISTEN];
        unsigned ndoors;
        char role[64];
        uid_t users[MOST_USERS];
        unsigned nusers; /* 0: anybody */
};

enum turn { ASKS, IS_ANSWERED, IS_IDLE };

struct rv_scraper {
        struct rv_alarm patience;
        struct rv_session *session;
        enum turn turn;
        uint64_t since; /* of this turn */
};

/* ---- configuration ---- */

static const char *parse_address(const char *value, struct sockaddr_in6 *ret)
{
        static const char form[] = "expected 127.0.0.1:PORT or [::1]:PORT";
        char host[64];
        const char *colon = strrchr(value, ':');
        char *end;
        size_t n = colon ? (size_t)(colon - value) : 0;
        if (!n || n >= sizeof host || colon[1] < '0' || colon[1] > '9')
                return form;
        unsigned long port = strtoul(colon + 1, &end, 10);
        if (*end || !port || port > 65535)
                return "expected a port, 1 to 65535";
        snprintf(host, sizeof host, "%.*s", (int)n, value);
        struct in_addr v4;
        struct in6_addr v6;
        bool is_v6 = *host == '[' && n > 2 && host[n - 1] == ']';
        if (is_v6)
                host[n - 1] = 0;
        if (is_v6 ? inet_pton(AF_INET6, host + 1, &v6) != 1 : inet_pton(AF_INET, host, &v4) != 1)
                return form;
        if (is_v6 ? !IN6_IS_ADDR_LOOPBACK(&v6) : v4.s_addr != htonl(INADDR_LOOPBACK))
                return "only loopback, 127.0.0.1 or [::1], is listened on; other hosts scrape over SSH, see "
                       "docs/monitoring.md";
        *ret = (struct sockaddr_in6) { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
        if (is_v6)
                ret->sin6_addr = v6;
        else
                *(struct sockaddr_in *)ret = (struct sockaddr_in) { .sin_family = AF_INET,
                                                                    .sin_port = htons((uint16_t)port),
                                                                    .sin_addr = v4 };
        return NULL;
}

static const char *set_listen(struct rv_scrapers *s, const char *value)
{
        if (!*value)
                s->ndoors = 0; /* as in systemd: an empty value forgets the earlier ones */
        if (!*value)
                return NULL;
        if (s->ndoors == MOST_LISTEN)
                return "more than 4 addresses";
        struct door *d = &s->doors[s->ndoors];
        const char *why = parse_address(value, &d->address);
        if (why)
                return why;
        snprintf(d->name, sizeof d->name, "%s", value);
        s->ndoors++;
        return NULL;
}

/* Names with commas between; what is said later counts. */
static const char *set_users(struct rv_scrapers *s, const char *value)
{
        char names[512], *rest = names;
        if ((size_t)snprintf(names, sizeof names, "%s", value) >= sizeof names)
                return "too long";
        s->nusers = 0;
        for (char *name; (name = strsep(&rest, ", \t"));) {
                const struct passwd *pw = *name ? getpwnam(name) : NULL;
                if (*name && !pw)
                        return "there is no such user";
                if (pw && s->nusers == MOST_USERS)
                        return "more than 16 users";
                if (pw)
                        s->users[s->nusers++] = pw->pw_uid;
        }
        return NULL;
}

const char *rv_scrapers_set(struct rv_agent *a, const char *key, const char *value)
{
        struct rv_scrapers *s = a->scrapers ? a->scrapers : (a->scrapers = calloc(1, sizeof *s));
        if (!s)
                return "out of memory";
        if (strcmp(key, "listen") == 0)
                return set_listen(s, value);
        if (strcmp(key, "users") == 0)
                return set_users(s, value);
        if (strlen(value) >= sizeof s->role)
                return "too long for the name of a role";
        snprintf(s->role, sizeof s->role, "%s", value);
        return NULL;
}

const char *rv_scrapers_settled(const struct rv_agent *a)
{
        const struct rv_scrapers *s = a->scrapers;
        if (!s || !s->ndoors || *s->role)
                return NULL;
        return "[metrics] listens, but has no role = NAME: what scrapes may read must be said by a role "
               "(docs/monitoring.md)";
}

/* ---- a peer ---- */

static void settle(struct rv_scraper *c, enum turn turn)
{
        static const uint64_t time[] = {
                [ASKS] = ASK_TIME, [IS_ANSWERED] = ANSWER_TIME, [IS_IDLE] = IDLE_TIME
        };
        c->turn = turn;
        c->since = rv_now();
        if (rv_alarm_set(&c->session->agent->loop, &c->patience, c->since + time[turn]))
                rv_session_close(c->session);
}

static void on_patience_over(struct rv_alarm *alarm)
{
        rv_session_close(OF(alarm, struct rv_scraper, patience)->session);
}

void rv_scraper_turn(struct rv_session *s)
{
        struct rv_scraper *c = s->scraper;
        enum turn turn = s->nrequests || rv_session_queued(s)             ? IS_ANSWERED
                         : s->frame.taken < s->frame.len || !s->bytes_out ? ASKS
                                                                          : IS_IDLE;
        if (turn != c->turn)
                settle(c, turn);
}

void rv_scraper_left(struct rv_session *s)
{
        rv_alarm_clear(&s->agent->loop, &s->scraper->patience);
        free(s->scraper);
        s->scraper = NULL;
}

int rv_scraper_may(struct rv_session *s, const json_t *params, const char **ret_why)
{
        unsigned busy = 0;
        for (const struct rv_session *o = s->agent->sessions; o; o = o->next)
                busy += o->scraper && o->nrequests;
        if (busy >= MOST_BUSY) {
                *ret_why = "enough scrapes are under way";
                return 503;
        }
        if (json_object_get(params, "Query")) {
                *ret_why = "query= is not answered here; it is on the agent's socket and over SSH";
                return 403;
        }
        return 0;
}

/* A place for one more: the one that has been idle for longest goes. */
static bool make_place(struct rv_agent *a)
{
        struct rv_session *oldest = NULL;
        unsigned n = 0;
        for (struct rv_session *s = a->sessions; s; s = s->next) {
                if (!s->scraper)
                        continue;
                n++;
                if (s->scraper->turn != IS_ANSWERED &&
                    (!oldest || s->scraper->since < oldest->scraper->since))
                        oldest = s;
        }
        if (n < MOST_PEERS)
                return true;
        if (oldest)
                rv_session_close(oldest);
        return oldest;
}

static void identify(struct rv_agent *a, const struct sockaddr_in6 *peer, struct rv_identity *ret)
{
        char host[INET6_ADDRSTRLEN] = "";
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
        bool is_v4 = peer->sin6_family == AF_INET;
        /* No account has this number; so it shares nobody's bounds. */
        *ret = (struct rv_identity) { .made = true, .uid = (uid_t)-2, .gid = (gid_t)-2 };
        inet_ntop(peer->sin6_family, is_v4 ? (const void *)&v4->sin_addr : &peer->sin6_addr, host,
                  sizeof host);
        snprintf(ret->user, sizeof ret->user, "metrics");
        snprintf(ret->role, sizeof ret->role, "%s", a->scrapers->role);
        snprintf(ret->source, sizeof ret->source, is_v4 ? "%s:%u" : "[%s]:%u", host,
                 ntohs(is_v4 ? v4->sin_port : peer->sin6_port));
        snprintf(ret->session, sizeof ret->session, "scrape-%d-%llu", (int)getpid(),
                 (unsigned long long)++a->serial);
}

/* Whose socket the other end is. 0 or -errno. */
static int owner_of(int fd, const struct sockaddr_in6 *peer, uid_t *ret)
{
        struct sockaddr_in6 ours = { 0 };
        socklen_t n = sizeof ours;
        bool v4 = peer->sin6_family == AF_INET;
        struct {
                struct nlmsghdr head;
                struct inet_diag_req_v2 ask;
        } q = { { sizeof q, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0 },
                { .sdiag_family = (uint8_t)peer->sin6_family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u } };
        union {
                struct nlmsghdr head;
                char space[1024];
        } answer;
        if (getsockname(fd, (struct sockaddr *)&ours, &n) < 0)
                return -errno;
        q.ask.id.idiag_sport = peer->sin6_port; /* at the same place in both kinds of address */
        q.ask.id.idiag_dport = ours.sin6_port;
        q.ask.id.idiag_cookie[0] = q.ask.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
        memcpy(q.ask.id.idiag_src, v4 ? (const void *)&((const struct sockaddr_in *)peer)->sin_addr : &peer->sin6_addr,
               v4 ? 4 : 16);
        memcpy(q.ask.id.idiag_dst, v4 ? (const void *)&((const struct sockaddr_in *)&ours)->sin_addr : &ours.sin6_addr,
               v4 ? 4 : 16);
        int nl = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        bool asked = nl >= 0 && send(nl, &q, sizeof q, 0) == sizeof q;
        ssize_t got = asked ? recv(nl, &answer, sizeof answer, MSG_DONTWAIT) : -1;
        int r = got < 0 ? -errno : 0;
        if (nl >= 0)
                close(nl);
        if (r)
                return r;
        const struct inet_diag_msg *m = NLMSG_DATA(&answer.head);
        if (got < (ssize_t)NLMSG_LENGTH(sizeof *m) || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
                return -ENOENT;
        *ret = m->idiag_uid;
        return 0;
}

static bool is_welcome(const struct rv_scrapers *s, int fd, const struct sockaddr_in6 *peer)
{
        uid_t uid = (uid_t)-1;
        if (!s->nusers)
                return true;
        if (owner_of(fd, peer, &uid))
                return false; /* gone again, or a kernel that does not tell */
        for (unsigned i = 0; i < s->nusers; i++)
                if (s->users[i] == uid)
                        return true;
        return false;
}

static void turn_away(int fd, const char *status)
{
        char text[160];
        int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
        if (send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                rv_log(RV_LOG_INFO, "a scrape was refused: %m");
        close(fd);
}

static void take(struct rv_agent *a, int fd, const struct sockaddr_in6 *peer)
{
        struct rv_identity who;
        struct rv_session *s = NULL;
        if (!is_welcome(a->scrapers, fd, peer)) {
                turn_away(fd, "403 Forbidden");
                return;
        }
        struct rv_scraper *c = make_place(a) ? calloc(1, sizeof *c) : NULL;
        if (!c) {
                turn_away(fd, "503 Service Unavailable");
                return;
        }
        identify(a, peer, &who);
        if (rv_session_new(a, fd, &who, &s)) {
                free(c);
                return;
        }
        *c = (struct rv_scraper) { .session = s, .patience.ring = on_patience_over };
        s->scraper = c;
        s->frame.scrape_only = true;
        settle(c, ASKS);
}

static void on_peer(uv_poll_t *poll, int status, int events)
{
        (void)status, (void)events;
        struct door *d = poll->data;
        uv_os_fd_t listener;
        uv_fileno((uv_handle_t *)poll, &listener);
        for (int i = 0; i < BACKLOG; i++) {
                struct sockaddr_in6 peer = { 0 };
                socklen_t n = sizeof peer;
                int fd = accept4(listener, (struct sockaddr *)&peer, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0)
                        return;
                take(d->agent, fd, &peer);
        }
}

/* ---- the doors ---- */

static int open_door(struct rv_agent *a, struct door *d)
{
        int yes = 1, family = d->address.sin6_family;
        socklen_t n = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof d->address;
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
        int r = bind(fd, (struct sockaddr *)&d->address, n) < 0 || listen(fd, BACKLOG) < 0 ? -errno : 0;
        d->agent = a;
        d->poll.data = d;
        if (r == 0)
                r = uv_poll_init(&a->loop.uv, &d->poll, fd);
        if (r == 0)
                r = uv_poll_start(&d->poll, UV_READABLE, on_peer);
        if (r)
                close(fd);
        return r;
}

static bool has_role(struct rv_policy *p, const char *name)
{
        struct rv_role_set *set = rv_policy_hold(p);
        bool found = false;
        for (unsigned i = 0; set && i < set->n; i++)
                found |= strcmp(set->roles[i].name, name) == 0;
        rv_roles_drop(set);
        return found;
}

const char *rv_scrapers_no_role(struct rv_agent *a)
{
        const struct rv_scrapers *s = a->scrapers;
        return s && s->ndoors && !has_role(&a->policy, s->role) ? s->role : NULL;
}

void rv_scrapers_start(struct rv_agent *a)
{
        struct rv_scrapers *s = a->scrapers;
        if (rv_scrapers_no_role(a))
                rv_log(RV_LOG_WARNING, "[metrics] role = %s: there is no such role: scrapes are denied",
                       s->role);
        for (unsigned i = 0; s && i < s->ndoors; i++) {
                int r = open_door(a, &s->doors[i]);
                if (r)
                        rv_log(RV_LOG_ERROR, "[metrics] listen = %s: %s; there are no scrapes there",
                               s->doors[i].name, strerror(-r));
                else
                        rv_log(RV_LOG_INFO, "metrics for role %s on http://%s/metrics", s->role,
                               s->doors[i].name);
        }
}

void rv_scrapers_free(struct rv_agent *a)
{
        free(a->scrapers);
        a->scrapers = NULL;
}
