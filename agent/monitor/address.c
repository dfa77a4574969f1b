/* SPDX-License-Identifier: MIT
 *
 * What each address has done lately: how many of its connections have not logged in, the penalty it has earned, and
 * whether it logged in within a day. IPv6 addresses count by /64, since that is what one machine is given.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "agent/monitor/monitor.h"

enum {
        SLOTS = 4096,
        LEAST_PENALTY = 15, /* seconds below which one is not felt: a typing error costs nothing */
        MOST_PENALTY = 600,
        REMEMBERED = 86400,
};

struct address {
        uint8_t name[9]; /* family, four or eight bytes */
        unsigned strangers;
        uint64_t until; /* the end of the penalty, in seconds of the loop's clock */
        uint64_t good;  /* known until */
};

static struct address table[SLOTS];

static uint64_t now(struct monitor *m)
{
        return uv_now(&m->loop) / 1000;
}

static void name_of(const struct sockaddr *sa, uint8_t name[9])
{
        memset(name, 0, 9);
        if (sa->sa_family == AF_INET) {
                name[0] = 4;
                memcpy(name + 1, &((const struct sockaddr_in *)sa)->sin_addr, 4);
        } else if (sa->sa_family == AF_INET6) {
                const struct in6_addr *a = &((const struct sockaddr_in6 *)sa)->sin6_addr;
                bool mapped = IN6_IS_ADDR_V4MAPPED(a);
                name[0] = mapped ? 4 : 6;
                memcpy(name + 1, a->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
        }
}

/* Its place; without one, and if `make`, the place of an address that matters least of the eight neighbours. */
static struct address *find(struct monitor *m, const struct sockaddr *sa, bool make)
{
        uint8_t name[9];
        name_of(sa, name);
        uint32_t h = 2166136261u ^ (uint32_t)m->boot;
        for (unsigned i = 0; i < sizeof name; i++)
                h = (h ^ name[i]) * 16777619u;
        struct address *best = NULL;
        for (unsigned i = 0; i < 8; i++) {
                struct address *a = &table[(h + i) % SLOTS];
                if (memcmp(a->name, name, sizeof name) == 0)
                        return a;
                if (a->strangers == 0 && (!best || a->until < best->until))
                        best = a;
        }
        if (!make || !best)
                return NULL;
        *best = (struct address) { 0 };
        memcpy(best->name, name, sizeof name);
        return best;
}

bool mon_address_enter(struct monitor *m, const struct sockaddr *sa, const char **why)
{
        struct address *a = find(m, sa, true);
        bool good = a && a->good > now(m);
        *why = NULL;
        if (!a)
                *why = "too many addresses at once";
        else if (a->until > now(m) + LEAST_PENALTY)
                *why = "its address has failed too often";
        else if (a->strangers >= MON_STRANGERS_ADDRESS)
                *why = "too many connections of its address wait for login";
        else if (m->strangers >= MON_STRANGERS - (good ? 0 : MON_RESERVED))
                *why = "too many connections wait for login";
        if (*why)
                return false;
        a->strangers++;
        m->strangers++;
        return true;
}

void mon_address_leave(struct monitor *m, const struct sockaddr *sa)
{
        struct address *a = find(m, sa, false);
        if (a && a->strangers)
                a->strangers--;
        m->strangers--;
}

void mon_address_did(struct monitor *m, const struct sockaddr *sa, enum mon_deed deed)
{
        static const unsigned seconds[] = {
                [MON_DID_FAIL] = 5, [MON_DID_NOTHING] = 1, [MON_DID_GRACE] = 10, [MON_DID_CRASH] = 90
        };
        struct address *a = find(m, sa, true);
        if (!a)
                return;
        if (deed == MON_DID_LOGIN) {
                a->good = now(m) + REMEMBERED;
                return;
        }
        if (m->o.no_penalties)
                return;
        uint64_t from = a->until > now(m) ? a->until : now(m);
        a->until = from + seconds[deed];
        if (a->until > now(m) + MOST_PENALTY)
                a->until = now(m) + MOST_PENALTY;
}

void mon_address_text(const struct sockaddr *sa, char *to, size_t size)
{
        char text[INET6_ADDRSTRLEN] = "?";
        unsigned port = 0;
        if (sa->sa_family == AF_INET) {
                const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
                inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
                port = ntohs(in->sin_port);
        } else if (sa->sa_family == AF_INET6) {
                const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
                if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
                        inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, text, sizeof text);
                else
                        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
                port = ntohs(in6->sin6_port);
        }
        snprintf(to, size, strchr(text, ':') ? "[%s]:%u" : "%s:%u", text, port);
}
