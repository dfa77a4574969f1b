/* SPDX-License-Identifier: MIT */
#include "providers/lib/x509.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/digest.h"

enum {
        SEQUENCE = 0x30,
        SET = 0x31,
        INTEGER = 2,
        BIT_STRING = 3,
        OCTETS = 4,
        OID = 6,
        BOOLEAN = 1,
        UTC_TIME = 23,
        TIME = 24
};

/* ---- DER ---- */

/* Takes one element off the front of *from; ret is another place. */
static bool take(struct rv_der *from, struct rv_der *ret)
{
        const uint8_t *p = from->p, *end = p + from->n;
        if (from->n < 2)
                return false;
        uint8_t tag = *p++;
        size_t n = *p++;
        if (n & 0x80) {
                unsigned bytes = n & 0x7f;
                if (!bytes || bytes > 4 || (size_t)(end - p) < bytes)
                        return false;
                for (n = 0; bytes; bytes--)
                        n = n << 8 | *p++;
        }
        if ((size_t)(end - p) < n || (tag & 0x1f) == 0x1f)
                return false;
        *ret = (struct rv_der) { p, n, tag };
        from->p = p + n;
        from->n = (size_t)(end - p) - n;
        return true;
}

static bool take_tag(struct rv_der *from, uint8_t tag, struct rv_der *ret)
{
        struct rv_der rest = *from;
        if (!take(&rest, ret) || ret->tag != tag)
                return false;
        *from = rest;
        return true;
}

static bool is_oid(const struct rv_der *d, const char *dotted)
{
        char text[128];
        size_t at = 0;
        uint64_t v = 0;
        for (size_t i = 0, first = 1; d->tag == OID && i < d->n && at < sizeof text - 24; i++) {
                v = v << 7 | (d->p[i] & 0x7f);
                if (d->p[i] & 0x80)
                        continue;
                at += (size_t)(first ? snprintf(text, sizeof text, "%d.%d",
                                                v < 40   ? 0
                                                : v < 80 ? 1
                                                         : 2,
                                                (int)(v < 80 ? v % 40 : v - 80))
                                     : snprintf(text + at, sizeof text - at, ".%llu", (unsigned long long)v));
                first = 0;
                v = 0;
        }
        text[at] = 0;
        return strcmp(text, dotted) == 0;
}

static int digits(const uint8_t *p, int n)
{
        int v = 0;
        for (int i = 0; i < n; i++)
                v = isdigit(p[i]) ? 10 * v + p[i] - '0' : -10000000;
        return v;
}

/* UTCTime YYMMDDHHMMSSZ, GeneralizedTime YYYYMMDDHHMMSSZ. */
static bool take_time(struct rv_der *from, int64_t *ret)
{
        struct rv_der d;
        if (!take(from, &d) || !((d.tag == UTC_TIME && d.n == 13) || (d.tag == TIME && d.n == 15)) ||
            d.p[d.n - 1] != 'Z')
                return false;
        int year = digits(d.p, d.tag == TIME ? 4 : 2);
        const uint8_t *p = d.p + (d.tag == TIME ? 4 : 2);
        if (d.tag == UTC_TIME)
                year += year < 50 ? 2000 : 1900;
        struct tm tm = { .tm_year = year - 1900,
                         .tm_mon = digits(p, 2) - 1,
                         .tm_mday = digits(p + 2, 2),
                         .tm_hour = digits(p + 4, 2),
                         .tm_min = digits(p + 6, 2),
                         .tm_sec = digits(p + 8, 2) };
        if (year < 0 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
            tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
            tm.tm_sec > 60)
                return false;
        *ret = timegm(&tm);
        return true;
}

/* ---- the certificate ---- */

struct named {
        const char *oid, *name;
};
static const struct named algorithms[] = { { "1.2.840.113549.1.1.11", "sha256RSA" },
                                           { "1.2.840.113549.1.1.12", "sha384RSA" },
                                           { "1.2.840.113549.1.1.13", "sha512RSA" },
                                           { "1.2.840.113549.1.1.5", "sha1RSA" },
                                           { "1.2.840.113549.1.1.10", "RSASSA-PSS" },
                                           { "1.2.840.10045.4.3.2", "sha256ECDSA" },
                                           { "1.2.840.10045.4.3.3", "sha384ECDSA" },
                                           { "1.2.840.10045.4.3.4", "sha512ECDSA" },
                                           { "1.3.101.112", "Ed25519" },
                                           { "1.3.101.113", "Ed448" } };
static const struct named keys[] = { { "1.2.840.113549.1.1.1", "RSA" },
                                     { "1.2.840.10045.2.1", "EC" },
                                     { "1.3.101.112", "Ed25519" },
                                     { "1.3.101.113", "Ed448" },
                                     { "1.2.840.113549.1.1.10", "RSA" } };
static const struct named curves[] = { { "1.2.840.10045.3.1.7", "256" },
                                       { "1.3.132.0.34", "384" },
                                       { "1.3.132.0.35", "521" } };
static const struct named purposes[] = {
        { "1.3.6.1.5.5.7.3.1", "Server Authentication" }, { "1.3.6.1.5.5.7.3.2", "Client Authentication" },
        { "1.3.6.1.5.5.7.3.3", "Code Signing" },          { "1.3.6.1.5.5.7.3.4", "Secure Email" },
        { "1.3.6.1.5.5.7.3.8", "Time Stamping" },         { "1.3.6.1.5.5.7.3.9", "OCSP Signing" }
};
#define LOOK(table, oid) look(table, sizeof(table) / sizeof *(table), oid)
static const char *look(const struct named *t, size_t n, const struct rv_der *oid)
{
        for (size_t i = 0; i < n; i++)
                if (is_oid(oid, t[i].oid))
                        return t[i].name;
        return NULL;
}

static unsigned bits_of(const struct rv_der *number)
{
        const uint8_t *p = number->p, *end = p + number->n;
        while (p < end && !*p)
                p++;
        unsigned n = (unsigned)(end - p) * 8;
        for (uint8_t top = p < end ? *p : 0; top && !(top & 0x80); top = (uint8_t)(top << 1))
                n--;
        return n;
}

static void read_key(struct rv_der info, struct rv_x509 *x)
{
        struct rv_der algorithm, oid, curve, bits, numbers, modulus;
        if (!take_tag(&info, SEQUENCE, &algorithm) || !take_tag(&algorithm, OID, &oid) ||
            !take_tag(&info, BIT_STRING, &bits))
                return;
        x->key_algorithm = LOOK(keys, &oid);
        if (!x->key_algorithm)
                return;
        if (strcmp(x->key_algorithm, "RSA") == 0 && bits.n > 1) {
                struct rv_der in = { bits.p + 1, bits.n - 1, 0 };
                if (take_tag(&in, SEQUENCE, &numbers) && take_tag(&numbers, INTEGER, &modulus))
                        x->key_bits = bits_of(&modulus);
        } else if (strcmp(x->key_algorithm, "EC") == 0 && take_tag(&algorithm, OID, &curve)) {
                const char *size = LOOK(curves, &curve);
                x->key_bits = size ? (unsigned)digits((const uint8_t *)size, 3) : 0;
        } else
                x->key_bits = strcmp(x->key_algorithm, "Ed25519") == 0 ? 256 : 456;
}

static void read_extension(struct rv_der e, struct rv_x509 *x)
{
        struct rv_der oid, value, d, flag;
        if (!take_tag(&e, OID, &oid))
                return;
        take_tag(&e, BOOLEAN, &d); /* critical */
        if (!take_tag(&e, OCTETS, &value))
                return;
        if (is_oid(&oid, "2.5.29.17"))
                x->names = take_tag(&value, SEQUENCE, &d) ? d : (struct rv_der) { 0 };
        else if (is_oid(&oid, "2.5.29.37"))
                x->usages = take_tag(&value, SEQUENCE, &d) ? d : (struct rv_der) { 0 };
        else if (is_oid(&oid, "2.5.29.19"))
                x->is_ca = take_tag(&value, SEQUENCE, &d) && take_tag(&d, BOOLEAN, &flag) && flag.n == 1 &&
                           flag.p[0];
        else if (is_oid(&oid, "2.5.29.15") && take_tag(&value, BIT_STRING, &d) && d.n >= 2) {
                uint16_t bits = (uint16_t)(d.p[1] << 8 | (d.n > 2 ? d.p[2] : 0));
                for (int i = 0; i < 9; i++)
                        x->key_usage = (uint16_t)(x->key_usage | (bits >> (15 - i) & 1) << i);
                x->has_key_usage = true;
        }
}

bool rv_x509_parse(const uint8_t *der, size_t n, struct rv_x509 *x)
{
        struct rv_der all = { der, n, 0 }, certificate, body, d, version, validity, extensions;
        *x = (struct rv_x509) { .version = 1 };
        if (!take_tag(&all, SEQUENCE, &certificate) || all.n || !take_tag(&certificate, SEQUENCE, &body))
                return false;
        if (take_tag(&body, 0xa0, &d) && take_tag(&d, INTEGER, &version) && version.n == 1)
                x->version = version.p[0] + 1u;
        if (!take_tag(&body, INTEGER, &x->serial) || !take_tag(&body, SEQUENCE, &d) ||
            !take_tag(&body, SEQUENCE, &x->issuer))
                return false;
        struct rv_der oid;
        if (take_tag(&d, OID, &oid))
                x->algorithm = LOOK(algorithms, &oid);
        if (!take_tag(&body, SEQUENCE, &validity) || !take_time(&validity, &x->not_before) ||
            !take_time(&validity, &x->not_after) || !take_tag(&body, SEQUENCE, &x->subject) ||
            !take_tag(&body, SEQUENCE, &x->key))
                return false;
        read_key(x->key, x);
        while (take(&body, &d))
                if (d.tag == 0xa3 && take_tag(&d, SEQUENCE, &extensions))
                        for (struct rv_der one; take_tag(&extensions, SEQUENCE, &one);)
                                read_extension(one, x);
        return true;
}

/* ---- texts ---- */

static const struct named parts[] = { { "2.5.4.3", "CN" },
                                      { "2.5.4.6", "C" },
                                      { "2.5.4.7", "L" },
                                      { "2.5.4.8", "S" },
                                      { "2.5.4.10", "O" },
                                      { "2.5.4.11", "OU" },
                                      { "2.5.4.5", "SERIALNUMBER" },
                                      { "0.9.2342.19200300.100.1.25", "DC" },
                                      { "0.9.2342.19200300.100.1.1", "UID" },
                                      { "1.2.840.113549.1.9.1", "E" },
                                      { "2.5.4.97", "OID.2.5.4.97" } };

/* Text of any of the string types; UTF-16 (BMPString) as its Latin part. */
static size_t part_text(const struct rv_der *v, char *to, size_t size)
{
        size_t at = 0;
        bool wide = v->tag == 30, quote = false;
        for (size_t i = 0; i < v->n; i++)
                quote |= strchr(",+\"<>;=", v->p[i]) && v->p[i];
        if (quote && at + 1 < size)
                to[at++] = '"';
        for (size_t i = wide ? 1 : 0; i < v->n && at + 3 < size; i += wide ? 2 : 1) {
                if (v->p[i] == '"')
                        to[at++] = '"';
                to[at++] = v->p[i] < ' ' ? '?' : (char)v->p[i];
        }
        if (quote && at + 1 < size)
                to[at++] = '"';
        to[at] = 0;
        return at;
}

void rv_x509_name(const struct rv_der *name, char *ret, size_t size)
{
        struct rv_der rest = *name, set, pair, oid, value, list[32];
        size_t n = 0, at = 0;
        ret[0] = 0;
        while (n < 32 && take_tag(&rest, SET, &set))
                list[n++] = set;
        while (n--) /* the last part first */
                while (take_tag(&list[n], SEQUENCE, &pair)) {
                        if (!take_tag(&pair, OID, &oid) || !take(&pair, &value))
                                continue;
                        const char *label = LOOK(parts, &oid);
                        if (at + 64 >= size)
                                return;
                        at += (size_t)snprintf(ret + at, size - at, "%s%s=", at ? ", " : "",
                                               label ? label : "OID");
                        at += part_text(&value, ret + at, size - at);
                }
}

void rv_x509_names(const struct rv_x509 *x, void (*each)(void *, const char *), void *state)
{
        struct rv_der rest = x->names, d;
        char text[512];
        while (x->names.p && take(&rest, &d)) {
                bool name = d.tag == 0x82 || d.tag == 0x81 || d.tag == 0x86; /* DNS, mail, URI */
                if (name && d.n < sizeof text && !memchr(d.p, 0, d.n)) {
                        snprintf(text, sizeof text, "%.*s", (int)d.n, (const char *)d.p);
                        each(state, text);
                } else if (d.tag == 0x87 && (d.n == 4 || d.n == 16) &&
                           inet_ntop(d.n == 4 ? AF_INET : AF_INET6, d.p, text, sizeof text))
                        each(state, text);
        }
}

const char *rv_x509_purpose(const struct rv_x509 *x, size_t *at, char *buf, size_t size)
{
        struct rv_der rest, oid;
        if (!x->usages.p || *at >= x->usages.n)
                return NULL;
        rest = (struct rv_der) { x->usages.p + *at, x->usages.n - *at, 0 };
        if (!take_tag(&rest, OID, &oid))
                return NULL;
        *at = (size_t)(rest.p - x->usages.p);
        const char *name = LOOK(purposes, &oid);
        snprintf(buf, size, "%s", name ? name : "other");
        return buf;
}

/* ---- PEM ---- */

static int base64(char c)
{
        return c >= 'A' && c <= 'Z'   ? c - 'A'
               : c >= 'a' && c <= 'z' ? c - 'a' + 26
               : c >= '0' && c <= '9' ? c - '0' + 52
               : c == '+'             ? 62
               : c == '/'             ? 63
                                      : -1;
}

long rv_x509_pem(const char **at, uint8_t *buf, size_t size)
{
        static const char begin[] = "-----BEGIN CERTIFICATE-----",
                          trusted[] = "-----BEGIN TRUSTED CERTIFICATE-----";
        const char *p = strstr(*at, begin), *other = strstr(*at, trusted);
        size_t n = 0;
        uint32_t bits = 0;
        int have = 0;
        if (!p || (other && other < p))
                p = other;
        if (!p)
                return -1;
        p = strchr(p + 10, '\n');
        const char *end = p ? strstr(p, "-----END") : NULL;
        *at = end ? end + 8 : "";
        for (; end && p < end; p++) {
                int v = base64(*p);
                if (v < 0)
                        continue;
                bits = bits << 6 | (uint32_t)v;
                have += 6;
                if (have >= 8) {
                        if (n == size)
                                return 0;
                        have -= 8;
                        buf[n++] = (uint8_t)(bits >> have);
                }
        }
        return (long)n;
}

void rv_x509_sha1(const void *der, size_t n, char ret[41])
{
        rv_sha1_hex(der, n, ret);
}

void rv_x509_sha256(const void *der, size_t n, char ret[65])
{
        rv_sha256_hex(&(struct rv_piece){ der, n }, 1, ret);
}
