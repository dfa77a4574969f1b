/* SPDX-License-Identifier: MIT
 *
 * User certificates as OpenSSH makes them (ssh-keygen -s CA -I ID -n PRINCIPALS): a public key, for whom, when and for
 * what it counts, and an authority's signature over all of it. libssh only carries them; everything is checked here:
 *
 *      the authority is one of trusted_user_ca_keys, or of a cert-authority line of the user's key file
 *      its signature over the whole certificate, with no algorithm weaker than a user's key may have
 *      it is a user's, counts now, and names the user (or one of the line's principals=) among its principals
 *      each critical option is known and kept; extensions only take away what they do not name
 *
 * and then, as for any key, that the session's own hash is signed with the certified key (verify.c).
 */
#include "agent/monitor/cert.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/monitor/cursor.h"
#include "agent/monitor/monitor.h"

#define SUFFIX "-cert-v01@openssh.com"
enum { USER_CERTIFICATE = 1 };

static uint64_t number(struct cursor *c, unsigned bytes)
{
        const uint8_t *p = take(c, bytes);
        uint64_t v = 0;
        for (unsigned i = 0; p && i < bytes; i++)
                v = v << 8 | p[i];
        return v;
}

static struct mon_text text(struct cursor *c)
{
        size_t n = (size_t)number(c, 4);
        const uint8_t *p = take(c, n);
        return (struct mon_text) { p ? (const char *)p : "", p ? (uint32_t)n : 0 };
}

static struct cursor into(const struct mon_text *t)
{
        return (struct cursor) { (const uint8_t *)t->data, (const uint8_t *)t->data + t->n, false };
}

static bool is(const struct mon_text *t, const char *s)
{
        return strlen(s) == t->n && memcmp(t->data, s, t->n) == 0;
}

bool mon_is_cert(const uint8_t *blob, size_t n)
{
        char type[64];
        size_t k = sizeof SUFFIX - 1;
        return mon_blob_type(blob, n, type, sizeof type) && strlen(type) > k &&
               strcmp(type + strlen(type) - k, SUFFIX) == 0;
}

/* ---- reading ---- */

static bool put(struct mon_cert *c, const struct mon_text *t)
{
        if (t->n + 4 > sizeof c->plain - c->plain_n)
                return false;
        for (int i = 0; i < 4; i++)
                c->plain[c->plain_n++] = (uint8_t)(t->n >> (24 - 8 * i));
        memcpy(c->plain + c->plain_n, t->data, t->n);
        c->plain_n += t->n;
        return true;
}

/* The certified key as it would be without a certificate: its type, then its one or two fields. */
static bool plain_key(struct mon_cert *c, struct cursor *at, const struct mon_text *type)
{
        static const struct {
                const char *name;
                unsigned fields;
        } types[] = { { "ssh-ed25519", 1 },
                      { "ecdsa-sha2-nistp256", 2 },
                      { "ecdsa-sha2-nistp384", 2 },
                      { "ecdsa-sha2-nistp521", 2 },
                      { "ssh-rsa", 2 } };
        struct mon_text base = { type->data, type->n - (uint32_t)(sizeof SUFFIX - 1) };
        for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
                if (!is(&base, types[i].name))
                        continue;
                bool good = put(c, &base);
                for (unsigned k = 0; k < types[i].fields; k++) {
                        struct mon_text field = text(at);
                        good = good && !at->bad && put(c, &field);
                }
                return good;
        }
        return false;
}

int mon_cert_parse(const uint8_t *blob, size_t n, struct mon_cert *c)
{
        struct cursor at = { blob, blob + n, false };
        memset(c, 0, sizeof *c);
        if (!mon_is_cert(blob, n))
                return -EBADMSG;
        struct mon_text type = text(&at);
        text(&at); /* nonce */
        if (at.bad || !plain_key(c, &at, &type))
                return -EBADMSG;
        c->serial = number(&at, 8);
        c->kind = (uint32_t)number(&at, 4);
        c->id = text(&at);
        c->principals = text(&at);
        c->after = number(&at, 8);
        c->before = number(&at, 8);
        c->critical = text(&at);
        c->extensions = text(&at);
        text(&at); /* reserved */
        c->authority = text(&at);
        c->statement = (struct mon_text) { (const char *)blob, (uint32_t)(at.p - blob) };
        c->signature = text(&at);
        return at.bad || at.p != at.end || !c->authority.n ||
                               mon_is_cert((const uint8_t *)c->authority.data, c->authority.n)
                       ? -EBADMSG
                       : 0;
}

/* ---- the authority's signature ---- */

/* SSH has r and s as two numbers, libcrypto wants them in DER. */
static bool ecdsa_der(const struct mon_text *raw, uint8_t *to, size_t size, size_t *ret_n)
{
        struct cursor c = into(raw);
        struct mon_text r = text(&c), s = text(&c);
        if (c.bad || c.p != c.end || r.n > 67 || s.n > 67)
                return false;
        ECDSA_SIG *sig = ECDSA_SIG_new();
        BIGNUM *br = BN_bin2bn((const uint8_t *)r.data, (int)r.n, NULL),
               *bs = BN_bin2bn((const uint8_t *)s.data, (int)s.n, NULL);
        if (!sig || !br || !bs || ECDSA_SIG_set0(sig, br, bs) != 1) {
                BN_free(br);
                BN_free(bs);
                ECDSA_SIG_free(sig);
                return false;
        }
        int n = i2d_ECDSA_SIG(sig, NULL);
        uint8_t *p = to;
        bool good = n > 0 && (size_t)n <= size && i2d_ECDSA_SIG(sig, &p) == n;
        ECDSA_SIG_free(sig);
        *ret_n = good ? (size_t)n : 0;
        return good;
}

bool mon_cert_signed(const struct mon_cert *c)
{
        struct cursor at = into(&c->signature);
        struct mon_text algorithm = text(&at), raw = text(&at);
        uint8_t der[160];
        size_t n;
        if (at.bad || at.p != at.end)
                return false;
        if (algorithm.n > 6 && memcmp(algorithm.data, "ecdsa-", 6) == 0) {
                if (!ecdsa_der(&raw, der, sizeof der, &n))
                        return false;
                raw = (struct mon_text) { (const char *)der, (uint32_t)n };
        }
        return mon_verify_with(&algorithm, (const uint8_t *)c->authority.data, c->authority.n, &c->statement,
                               &raw);
}

/* ---- for whom, when, for what ---- */

static bool names(const struct mon_cert *c, const char *user, const char *wanted)
{
        struct cursor at = into(&c->principals);
        while (!at.bad && at.p < at.end) {
                struct mon_text one = text(&at);
                if (at.bad || !one.n)
                        return false;
                if (!*wanted && is(&one, user))
                        return true;
                for (const char *p = wanted; *p;) {
                        size_t k = strcspn(p, ",");
                        if (k == one.n && memcmp(p, one.data, k) == 0)
                                return true;
                        p += k + (p[k] == ',');
                }
        }
        return false;
}

/* One critical option; what is not known must not be passed over. */
static const char *critical(const struct mon_text *name, const struct mon_text *data,
                            const struct sockaddr *source, struct mon_key *k)
{
        struct cursor at = into(data);
        struct mon_text value = text(&at);
        char text_of[1024];
        if (at.bad || at.p != at.end || value.n >= sizeof text_of || memchr(value.data, 0, value.n))
                return "its certificate has a broken critical option";
        snprintf(text_of, sizeof text_of, "%.*s", (int)value.n, value.data);
        if (is(name, "force-command")) {
                if (k->forced && strcmp(k->command, text_of) != 0)
                        return "its certificate and its authority's line have different commands";
                k->forced = true;
                memcpy(k->command, text_of, value.n + 1);
                return NULL;
        }
        if (is(name, "source-address"))
                return mon_from_allows(text_of, source)
                               ? NULL
                               : "its certificate's source-address does not name this address";
        return "its certificate has a critical option that is not known";
}

static const char *options(const struct mon_cert *c, const struct sockaddr *source, struct mon_key *k)
{
        const char *why = NULL;
        bool pty = false, forward = false;
        struct cursor at = into(&c->critical);
        while (!why && at.p < at.end) {
                struct mon_text name = text(&at), data = text(&at);
                why = at.bad ? "its certificate's critical options are broken"
                             : critical(&name, &data, source, k);
        }
        for (at = into(&c->extensions); !why && at.p < at.end;) {
                struct mon_text name = text(&at);
                text(&at);
                if (at.bad)
                        why = "its certificate's extensions are broken";
                pty |= is(&name, "permit-pty");
                forward |= is(&name, "permit-port-forwarding");
        }
        k->no_pty |= !pty;
        k->no_forward |= !forward;
        return why;
}

const char *mon_cert_refused(const struct mon_cert *c, const char *user, const struct sockaddr *source,
                             time_t now, struct mon_key *k)
{
        if (c->kind != USER_CERTIFICATE)
                return "its certificate is a host's, not a user's";
        if (now < 0 || (uint64_t)now < c->after)
                return "its certificate does not count yet";
        if ((uint64_t)now >= c->before)
                return "its certificate has expired";
        if (!names(c, user, k->principals))
                return "its certificate does not name this user among its principals";
        return options(c, source, k);
}

/* ---- revoked ---- */

/* Whether a line of the list ("type base64 comment") is this key. A line that is none revokes everything: who wrote
 * it meant something. */
static bool line_is(const char *p, const char *end, const uint8_t *const *blobs, const size_t *ns,
                    unsigned count)
{
        uint8_t blob[8192];
        while (p < end && (*p == ' ' || *p == '\t'))
                p++;
        while (end > p && (end[-1] == '\r' || end[-1] == ' '))
                end--;
        if (p == end || *p == '#')
                return false;
        while (p < end && *p != ' ')
                p++;
        while (p < end && *p == ' ')
                p++;
        const char *stop = p;
        while (stop < end && *stop != ' ')
                stop++;
        int n = mon_base64(p, (size_t)(stop - p), blob, sizeof blob);
        for (unsigned i = 0; n > 0 && i < count; i++)
                if (ns[i] == (size_t)n && memcmp(blob, blobs[i], ns[i]) == 0)
                        return true;
        return n <= 0;
}

bool mon_revoked(const char *list, size_t n, const uint8_t *blob, size_t blob_n, const struct mon_cert *c)
{
        const uint8_t *blobs[3] = { blob, c ? c->plain : NULL,
                                    c ? (const uint8_t *)c->authority.data : NULL };
        size_t ns[3] = { blob_n, c ? c->plain_n : 0, c ? c->authority.n : 0 };
        const char *end = list + n;
        for (const char *p = list, *stop; p < end; p = stop + 1) {
                stop = memchr(p, '\n', (size_t)(end - p));
                if (!stop)
                        stop = end;
                if (line_is(p, stop, blobs, ns, c ? 3 : 1))
                        return true;
        }
        return false;
}
