/* SPDX-License-Identifier: MIT
 *
 * What reeved reads from others: messages of a front-end that strangers may have taken over, key files, what a user
 * signed, the configuration. The first byte says which of them it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "agent/monitor/cert.h"
#include "agent/monitor/monitor.h"

#define MUST(what) \
        do \
                if (!(what)) \
                        __builtin_trap(); \
        while (0)

/* What is understood is written again as the same bytes. */
static void message(const char *data, size_t n)
{
        static char again[MON_MOST];
        struct mon_message m;
        if (mon_decode(data, n, &m) == 0) {
                MUST(mon_encode(again, sizeof again, &m) == (int)n);
                MUST(memcmp(again, data, n) == 0);
        }
}

static unsigned complaints;

static void complain(void *arg, unsigned line, const char *what)
{
        (void)arg;
        MUST(line && what && *what);
        complaints++;
}

/* Every key that a file holds is found in it, unless its options keep it out, and says why. */
static void keys(const char *data, size_t n, bool own)
{
        struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct mon_key k, found;
        const char *why, *what;
        int one = mon_key_parse(data, n, own, &k, &what);
        MUST(one == 1 || one == 0 || (one == -EBADMSG && what));
        struct mon_search s = { (const uint8_t *)"none", 4, NULL, "root", (struct sockaddr *)&from, 0 };
        mon_keys_find(data, n, own, MON_USERS, &s, &found, &why, complain, NULL);
        if (one == 1 && !memchr(data, '\n', n)) {
                s.blob = k.blob, s.n = k.n;
                int r = mon_keys_find(data, n, own, k.authority ? MON_AUTHORITIES : MON_USERS, &s, &found,
                                      &why, complain, NULL);
                MUST(r == 1 || why);
                MUST(r == 0 || (found.line == 1 && (own || !*found.role)));
                mon_key_strong(k.blob, k.n);
        }
}

static void source(const char *data, size_t n)
{
        char text[512];
        if (n >= sizeof text)
                return;
        memcpy(text, data, n);
        text[n] = 0;
        struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a010203) };
        struct sockaddr_in6 six = { .sin6_family = AF_INET6 }, mapped = six;
        inet_pton(AF_INET6, "fd00::1", &six.sin6_addr);
        inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr);
        MUST(mon_from_allows(text, (struct sockaddr *)&four) ==
             mon_from_allows(text, (struct sockaddr *)&mapped));
        mon_from_allows(text, (struct sockaddr *)&six);
        time_t t;
        mon_expiry_parse(data, n, &t);
}

static void proof(const char *data, size_t n)
{
        static const uint8_t session[MON_HASH] = "0123456789abcdef0123456789abcde";
        struct mon_text said = { data, (uint32_t)n }, signature = { data, n < 64 ? (uint32_t)n : 64 };
        size_t key_n;
        const uint8_t *key = mon_signed_key(&said, session, "root", &key_n);
        MUST(!key || (key >= (const uint8_t *)data && key + key_n <= (const uint8_t *)data + n));
        MUST(!mon_verify(&said, &signature)); /* nobody has signed it */
}

/* Nobody's certificate, and a list of revoked keys: the first half is the one, the second the other. */
static void certificate(const char *data, size_t n)
{
        static struct mon_cert c;
        static struct mon_key k;
        struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        size_t half = n < 4096 ? n : 4096;
        k = (struct mon_key) { 0 };
        mon_revoked(data, n, (const uint8_t *)"none", 4, NULL);
        if (mon_cert_parse((const uint8_t *)data, half, &c) < 0)
                return;
        MUST(c.plain_n <= sizeof c.plain && !mon_is_cert(c.plain, c.plain_n));
        mon_cert_signed(&c);
        mon_key_strong(c.plain, c.plain_n);
        const char *why = mon_cert_refused(&c, "root", (struct sockaddr *)&from, 1000, &k);
        MUST(why || (c.kind == 1 && c.after <= 1000 && c.before > 1000 && c.principals.n));
        mon_revoked(data, n, (const uint8_t *)data, half, &c);
}

static void configuration(const char *data, size_t n)
{
        struct mon_options o = { .port = -1, .authorized_keys = -1 };
        mon_config_parse(&o, "fuzz", data, n);
        MUST(o.port >= -1 && o.port <= 65535 && o.nlisten <= MON_LISTENERS);
        free((char *)o.keys_dir);
        free((char *)o.shell);
        free((char *)o.authorities);
        free((char *)o.revoked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        rv_log_start("fuzz", 0);
        if (size == 0)
                return 0;
        const char *rest = (const char *)data + 1;
        switch (data[0] == 6 ? 6 : data[0] % 6) {
        case 0: message(rest, size - 1); break;
        case 1: keys(rest, size - 1, true); break;
        case 2: keys(rest, size - 1, false); break;
        case 3: source(rest, size - 1); break;
        case 4: proof(rest, size - 1); break;
        case 5: configuration(rest, size - 1); break;
        case 6: certificate(rest, size - 1); break;
        }
        return 0;
}
