/* SPDX-License-Identifier: MIT
 *
 * Certificate: the files in the places where certificates are kept, taken apart by providers/lib/x509.h. Private keys
 * in the same files are passed over unread.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Certificate.h"
#include "providers/lib/certuse.h"
#include "providers/lib/fill.h"
#include "providers/lib/slurp.h"
#include "providers/lib/x509.h"

enum { FILE_MOST = 4 << 20, DER_MOST = 64 << 10, DEEPEST = 4, SEEN_MOST = 8192, NAMES_MOST = 8192 };

static const struct {
        const char *path;
        bool trust;
        int depth;
} places[] = { { "/etc/ssl/certs", true, 0 },
               { "/etc/pki/ca-trust/extracted/pem", true, 0 },
               { "/usr/local/share/ca-certificates", true, 2 },
               { "/etc/ssl", false, 2 },
               { "/etc/pki/tls", false, 2 },
               { "/etc/letsencrypt/live", false, 1 },
               { "/etc/nginx", false, 2 },
               { "/etc/apache2", false, 2 },
               { "/etc/httpd", false, 2 },
               { "/etc/haproxy", false, 2 },
               { "/etc/postfix", false, 1 },
               { "/etc/dovecot", false, 1 },
               { "/etc/docker", false, 2 },
               { "/etc/reeve", false, 2 },
               { "/etc/kubernetes/pki", false, 2 } };

struct walker;
static int walk(struct walker *, const char *folder, int depth);

struct walker {
        const struct rv_query *q;
        struct rv_sink *out;
        bool trust;
        uint8_t *der;
        struct {
                dev_t device;
                ino_t inode;
        } * seen; /* files that were read already, of this store */
        size_t nseen;
        struct rv_certuse *uses; /* read when the first asks for it */
        uint64_t *trusted;       /* hashes of the subjects that the host trusts; likewise */
        size_t ntrusted;
        const char *text; /* the file at hand, where it is PEM; or NULL */
        unsigned mode;    /* its permissions */
};

static uint64_t hash_of(const struct rv_der *d)
{
        uint64_t h = UINT64_C(14695981039346656037);
        for (size_t i = 0; i < d->n; i++)
                h = (h ^ d->p[i]) * UINT64_C(1099511628211);
        return h;
}

/* ---- rows ---- */

struct list {
        char text[16384];
        size_t n;
};

static void add(void *state, const char *item)
{
        struct list *l = state;
        if (!strchr(item, '\n') && l->n + strlen(item) + 2 < sizeof l->text)
                l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%s\n", item);
}

static void fill_lists(struct rv_row *row, const struct rv_x509 *x, struct list *l)
{
        static const char *const usages[] = { "DigitalSignature", "NonRepudiation", "KeyEncipherment",
                                              "DataEncipherment", "KeyAgreement",   "KeyCertSign",
                                              "CrlSign",          "EncipherOnly",   "DecipherOnly" };
        char buf[64];
        size_t at = 0;
        *l = (struct list) { 0 };
        rv_x509_names(x, add, l);
        rv_fill_list(row, Certificate_DnsNameList, l->text, "\n");
        *l = (struct list) { 0 };
        for (int i = 0; i < 9; i++)
                if (x->key_usage >> i & 1)
                        add(l, usages[i]);
        rv_fill_list(row, Certificate_KeyUsage, l->text, "\n");
        *l = (struct list) { 0 };
        for (const char *p; (p = rv_x509_purpose(x, &at, buf, sizeof buf));)
                add(l, p);
        rv_fill_list(row, Certificate_EnhancedKeyUsage, l->text, "\n");
}

static bool is_self_signed(const struct rv_x509 *x)
{
        return x->subject.n == x->issuer.n && memcmp(x->subject.p, x->issuer.p, x->subject.n) == 0;
}

static void fill_names(struct rv_row *row, const struct rv_x509 *x)
{
        char text[2048];
        size_t n = x->serial.n, skip = n > 1 && !x->serial.p[0];
        rv_x509_name(&x->subject, text, sizeof text);
        rv_fill(row, Certificate_Subject, text);
        rv_x509_name(&x->issuer, text, sizeof text);
        rv_fill(row, Certificate_Issuer, text);
        for (size_t i = skip; i < n && i < 64; i++)
                snprintf(text + 2 * (i - skip), 3, "%02X", x->serial.p[i]);
        rv_fill_n(row, Certificate_SerialNumber, text, 2 * ((n < 64 ? n : 64) - skip));
        Certificate_set_SelfSigned(row, is_self_signed(x));
}

static bool has_key(const struct walker *w)
{
        return w->text && strstr(w->text, "PRIVATE KEY-----");
}

/* What an administrator would mend. By what the certificate says of itself, without verifying it. */
static void fill_issues(struct rv_row *row, const struct walker *w, const struct rv_x509 *x, int64_t now,
                        struct list *l)
{
        const char *a = x->algorithm ? x->algorithm : "", *k = x->key_algorithm ? x->key_algorithm : "";
        bool weak_hash = strncasecmp(a, "md", 2) == 0 || strncasecmp(a, "sha1", 4) == 0;
        *l = (struct list) { 0 };
        if (now > x->not_after)
                add(l, "Expired");
        if (now < x->not_before)
                add(l, "NotYetValid");
        if (weak_hash && !is_self_signed(x)) /* nobody verifies what somebody signed for himself */
                add(l, "WeakSignature");
        if (x->key_bits &&
            ((strcmp(k, "RSA") == 0 && x->key_bits < 2048) || (strcmp(k, "EC") == 0 && x->key_bits < 224)))
                add(l, "WeakKey");
        if (!w->trust && !x->is_ca && !x->names.p)
                add(l, "NoAlternativeName");
        if (has_key(w) && w->mode & 07)
                add(l, "PrivateKeyReadable");
        rv_fill_list(row, Certificate_Issues, l->text, "\n");
}

/* The subjects of all that the host trusts, once. */
static int note_subject(struct walker *w, size_t n)
{
        struct rv_x509 x;
        if (w->ntrusted < NAMES_MOST && rv_x509_parse(w->der, n, &x))
                w->trusted[w->ntrusted++] = hash_of(&x.subject);
        return RV_OK;
}

static void read_trusted(struct walker *w)
{
        struct walker own = { .q = w->q,
                              .trust = true,
                              .der = malloc(DER_MOST),
                              .seen = calloc(SEEN_MOST, sizeof *own.seen),
                              .trusted = calloc(NAMES_MOST, sizeof *own.trusted) };
        if (own.der && own.seen && own.trusted)
                for (size_t i = 0; i < sizeof places / sizeof *places; i++)
                        if (places[i].trust)
                                walk(&own, places[i].path, places[i].depth);
        free(own.der);
        free(own.seen);
        w->trusted = own.trusted;
        w->ntrusted = own.ntrusted;
}

static bool is_in_file(struct walker *w, uint64_t hash)
{
        uint8_t *der = malloc(DER_MOST);
        const char *at = w->text;
        struct rv_x509 x;
        bool found = false;
        for (long k; der && at && !found && (k = rv_x509_pem(&at, der, DER_MOST)) >= 0;)
                found = k > 0 && rv_x509_parse(der, (size_t)k, &x) && hash_of(&x.subject) == hash;
        free(der);
        return found;
}

static bool is_issuer_known(struct walker *w, const struct rv_x509 *x)
{
        uint64_t hash = hash_of(&x->issuer);
        if (is_in_file(w, hash))
                return true;
        if (!w->trusted)
                read_trusted(w);
        for (size_t i = 0; i < w->ntrusted; i++)
                if (w->trusted[i] == hash)
                        return true;
        return false;
}

static void fill_use(struct rv_row *row, struct walker *w, const char *path, struct list *l)
{
        if (!Certificate_wants_UsedBy(row))
                return;
        if (!w->uses)
                w->uses = rv_certuse_read();
        *l = (struct list) { 0 };
        rv_certuse_find(w->uses, path, add, l);
        rv_fill_list(row, Certificate_UsedBy, l->text, "\n");
}

static int emit(struct walker *w, const char *path, size_t n)
{
        struct rv_x509 x;
        char hash[65];
        if (!w->out)
                return note_subject(w, n);
        if (!rv_x509_parse(w->der, n, &x))
                return RV_OK;
        struct list *lists = malloc(sizeof *lists);
        if (!lists)
                return -ENOMEM;
        struct rv_row *row = rv_row(w->out);
        int64_t now = time(NULL);
        rv_fill(row, Certificate_Path, path);
        rv_x509_sha1(w->der, n, hash);
        rv_fill(row, Certificate_Thumbprint, hash);
        if (Certificate_wants_Sha256(row)) {
                rv_x509_sha256(w->der, n, hash);
                rv_fill(row, Certificate_Sha256, hash);
        }
        rv_fill(row, Certificate_Store, w->trust ? "Trust" : "Server");
        fill_names(row, &x);
        fill_lists(row, &x, lists);
        Certificate_set_NotBefore(row, x.not_before * 1000000000);
        Certificate_set_NotAfter(row,
                                 x.not_after < INT64_MAX / 1000000000 ? x.not_after * 1000000000 : INT64_MAX);
        int64_t left = x.not_after - now;
        Certificate_set_DaysLeft(row, (int32_t)(left >= 0 ? left / 86400 : (left - 86399) / 86400));
        Certificate_set_IsValid(row, x.not_before <= now && now <= x.not_after);
        Certificate_set_IsCA(row, x.is_ca);
        rv_fill(row, Certificate_SignatureAlgorithm, x.algorithm);
        rv_fill(row, Certificate_PublicKeyAlgorithm, x.key_algorithm);
        if (x.key_bits)
                Certificate_set_PublicKeySize(row, x.key_bits);
        Certificate_set_CertificateVersion(row, (uint16_t)x.version);
        fill_issues(row, w, &x, now, lists);
        Certificate_set_HasPrivateKey(row, has_key(w));
        if (Certificate_wants_IssuerKnown(row) && !is_self_signed(&x))
                Certificate_set_IssuerKnown(row, is_issuer_known(w, &x));
        fill_use(row, w, path, lists);
        free(lists);
        return rv_emit(w->out, row);
}

/* ---- files ---- */

static int read_file(struct walker *w, const char *path)
{
        size_t n;
        int e = RV_OK;
        struct stat st;
        char *text = rv_slurp(path, FILE_MOST, &n);
        if (!text)
                return RV_OK;
        w->mode = stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
        if (n > 2 && n <= DER_MOST && (uint8_t)text[0] == 0x30) {
                memcpy(w->der, text, n);
                e = emit(w, path, n);
        } else {
                const char *at = w->text = text;
                for (long k; e == RV_OK && (k = rv_x509_pem(&at, w->der, DER_MOST)) >= 0;)
                        if (k > 0)
                                e = rv_cancelled(w->q->call) ? RV_STOP : emit(w, path, (size_t)k);
        }
        w->text = NULL;
        free(text);
        return e;
}

static bool is_certificate_file(const char *name)
{
        static const char *const endings[] = { ".pem", ".crt", ".cer", ".cert", ".der" };
        const char *dot = strrchr(name, '.');
        for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
                if (strcasecmp(dot, endings[i]) == 0)
                        return true;
        return false;
}

static bool is_new(struct walker *w, const struct stat *st)
{
        for (size_t i = 0; i < w->nseen; i++)
                if (w->seen[i].device == st->st_dev && w->seen[i].inode == st->st_ino)
                        return false;
        if (w->nseen < SEEN_MOST) {
                w->seen[w->nseen].device = st->st_dev;
                w->seen[w->nseen++].inode = st->st_ino;
        }
        return true;
}

/* A bundle repeats what lies beside it: it is left out where the folder has single files. */
static bool is_bundle(const char *name)
{
        return strcmp(name, "ca-certificates.crt") == 0 || strcmp(name, "ca-bundle.crt") == 0;
}

static int walk(struct walker *w, const char *folder, int depth)
{
        struct dirent **list;
        int n = scandir(folder, &list, NULL, alphasort), e = RV_OK;
        for (int i = 0; i < n; i++) {
                char path[PATH_MAX];
                struct stat st;
                const char *name = list[i]->d_name;
                bool fits = name[0] != '.' &&
                            snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path;
                if (e == RV_OK && fits && stat(path, &st) == 0) {
                        bool link = list[i]->d_type == DT_LNK;
                        if (S_ISDIR(st.st_mode) && depth && !link && strcmp(path, "/etc/ssl/certs") != 0 &&
                            strcmp(path, "/etc/ssl/private") != 0)
                                e = walk(w, path, depth - 1);
                        else if (S_ISREG(st.st_mode) && is_certificate_file(name) && !is_bundle(name) &&
                                 is_new(w, &st))
                                e = read_file(w, path);
                }
                free(list[i]);
        }
        if (n >= 0)
                free(list);
        return e;
}

static int certificate_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct walker w = {
                .q = q, .out = out, .der = malloc(DER_MOST), .seen = calloc(SEEN_MOST, sizeof *w.seen)
        };
        const struct rv_arg *store = rv_equals(q, Certificate_Store), *path = rv_equals(q, Certificate_Path);
        struct stat st;
        int e = w.der && w.seen ? RV_OK : -ENOMEM;
        (void)err;
        for (size_t i = 0; e == RV_OK && i < sizeof places / sizeof *places; i++) {
                size_t n = strlen(places[i].path);
                if ((store && strcasecmp(store->s, places[i].trust ? "Trust" : "Server") != 0) ||
                    (path && strncmp(path->s, places[i].path, n) != 0))
                        continue;
                if (i && places[i].trust != w.trust)
                        w.nseen = 0;
                w.trust = places[i].trust;
                if (!path)
                        e = walk(&w, places[i].path, places[i].depth);
                else if (path->s[n] == '/' && !strstr(path->s, "/../") && is_certificate_file(path->s) &&
                         stat(path->s, &st) == 0 && S_ISREG(st.st_mode)) {
                        e = read_file(&w, path->s);
                        break;
                }
        }
        free(w.der);
        free(w.seen);
        free(w.trusted);
        rv_certuse_free(w.uses);
        return e == RV_STOP ? RV_OK : e;
}

static const struct rv_provider certificate = { .class = &Certificate_class, .query = certificate_query };

RV_PROVIDERS(certificate, &certificate);
