/* SPDX-License-Identifier: MIT
 *
 * X.509 certificates taken apart (RFC 5280): who, by whom, when, for what. Nothing is verified: no signature, no chain.
 * Every length is checked against what is there; the parser keeps places in the certificate, and copies nothing.
 */
#ifndef RV_X509_H
#define RV_X509_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rv_der { /* the contents of one element */
        const uint8_t *p;
        size_t n;
        uint8_t tag;
};

struct rv_x509 {
        struct rv_der serial, issuer, subject, key,
                names;                 /* names: GeneralNames of subjectAltName; p NULL: none */
        struct rv_der usages;          /* KeyPurposeIds of extKeyUsage; p NULL: none */
        int64_t not_before, not_after; /* seconds since 1970 */
        uint16_t key_usage;            /* bit 0: digitalSignature, ...; has_key_usage says whether */
        bool has_key_usage, is_ca;
        unsigned version;          /* 1 to 3 */
        const char *algorithm;     /* of the signature: "sha256RSA"; NULL: not known. Static text */
        const char *key_algorithm; /* "RSA", "EC", "Ed25519"; NULL: not known. Static text */
        unsigned key_bits;         /* 0: not known */
};

/* A certificate in DER of exactly n bytes; false: it is none. */
bool rv_x509_parse(const uint8_t *der, size_t n, struct rv_x509 *ret);
/* The next certificate of a PEM text: DER into buf. -1: no more; 0: one that is broken or too large; else its bytes. */
long rv_x509_pem(const char **at, uint8_t *buf, size_t size);

/* "CN=example.org, O=Example" (in the order of the certificate, last part first, as Windows writes it). */
void rv_x509_name(const struct rv_der *name, char *ret, size_t size);
/* Calls back for each DNS name and IP address of subjectAltName, as text. */
void rv_x509_names(const struct rv_x509 *, void (*each)(void *, const char *text), void *);
/* The next purpose's name ("Server Authentication"), or its dotted id in buf. *at is 0 at first. NULL: no more. */
const char *rv_x509_purpose(const struct rv_x509 *, size_t *at, char *buf, size_t size);
/* Of the whole certificate: Windows' thumbprint in upper case, and what other tools show. */
void rv_x509_sha1(const void *der, size_t n, char ret[41]);
void rv_x509_sha256(const void *der, size_t n, char ret[65]);

#endif
