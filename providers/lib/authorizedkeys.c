/* SPDX-License-Identifier: MIT */
#include "providers/lib/authorizedkeys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/digest.h"
#include "providers/lib/base64.h"

enum { LINE_MOST = 16384 };

struct key {
        const char *type, *blob;
        size_t ntype, nblob;
};

static const char *const types[] = { "ssh-ed25519",
                                     "ecdsa-sha2-nistp256",
                                     "ecdsa-sha2-nistp384",
                                     "ecdsa-sha2-nistp521",
                                     "ssh-rsa",
                                     "sk-ssh-ed25519@openssh.com",
                                     "sk-ecdsa-sha2-nistp256@openssh.com",
                                     "ssh-dss" };

static bool is_type(const char *s, size_t n)
{
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                if (strlen(types[i]) == n && memcmp(types[i], s, n) == 0)
                        return true;
        return false;
}

static size_t blanks(const char *s, size_t n)
{
        size_t i = 0;
        while (i < n && (s[i] == ' ' || s[i] == '\t'))
                i++;
        return i;
}

/* A word up to a blank; blanks between quotes belong to it. */
static size_t word(const char *s, size_t n)
{
        bool quoted = false;
        size_t i = 0;
        for (; i < n && (quoted || (s[i] != ' ' && s[i] != '\t')); i++)
                if (s[i] == '\\' && i + 1 < n && s[i + 1] == '"')
                        i++;
                else if (s[i] == '"')
                        quoted = !quoted;
        return i;
}

static bool parse(const char *s, size_t n, struct key *ret)
{
        for (int may_be_options = 1; may_be_options >= 0; may_be_options--) {
                size_t skip = blanks(s, n), len;
                s += skip;
                n -= skip;
                len = word(s, n);
                if (is_type(s, len)) {
                        const char *end = s + n;
                        ret->type = s;
                        ret->ntype = len;
                        s += len;
                        s += blanks(s, (size_t)(end - s));
                        ret->blob = s;
                        ret->nblob = word(s, (size_t)(end - s));
                        return ret->nblob > 0;
                }
                s += len;
                n -= len;
        }
        return false;
}

/* The key's own bytes; free() them. */
static uint8_t *bytes_of(const struct key *k, size_t *ret_n)
{
        char *text = strndup(k->blob, k->nblob);
        uint8_t *bytes = text ? malloc(k->nblob + 4) : NULL;
        ssize_t n = bytes ? rv_base64_bytes(text, bytes) : -1;
        free(text);
        if (n >= 0) {
                *ret_n = (size_t)n;
                return bytes;
        }
        free(bytes);
        return NULL;
}

/* Strings with lengths before them, the first of which is the type's name, and nothing after the last. */
static bool is_whole(const struct key *k, const uint8_t *b, size_t n)
{
        size_t at = 0, strings = 0;
        while (n - at >= 4) {
                size_t len =
                        (size_t)b[at] << 24 | (size_t)b[at + 1] << 16 | (size_t)b[at + 2] << 8 | b[at + 3];
                if (len > n - at - 4 ||
                    (strings == 0 && (len != k->ntype || memcmp(b + at + 4, k->type, len) != 0)))
                        return false;
                at += 4 + len;
                strings++;
        }
        return at == n && strings >= 2;
}

int rv_authorized_check(const char *line, size_t n, struct rv_error *err)
{
        struct key k;
        size_t nbytes;
        rv_about(err, NULL, NULL, "Key");
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)line[i] < ' ' && line[i] != '\t')
                        return rv_fail(err, RV_INVALID_PARAMETER,
                                       "a key is one line, without control characters");
        if (n > LINE_MOST)
                return rv_fail(err, RV_INVALID_PARAMETER, "a line of %zu bytes is no key", n);
        size_t skip = blanks(line, n);
        if (skip == n || line[skip] == '#' || !parse(line, n, &k)) {
                rv_fail(err, RV_INVALID_PARAMETER, "'%.40s' is no public key as authorized_keys has them",
                        line);
                return rv_hint(
                        err,
                        "It is a line such as a .pub file has: [options] ssh-ed25519 AAAAC3... [comment].");
        }
        uint8_t *bytes = bytes_of(&k, &nbytes);
        bool whole = bytes && is_whole(&k, bytes, nbytes);
        free(bytes);
        if (whole)
                return RV_OK;
        rv_fail(err, RV_INVALID_PARAMETER, "the key after %.*s is not whole: it is no %.*s key", (int)k.ntype,
                k.type, (int)k.ntype, k.type);
        return rv_hint(err, "Was it cut off, or broken into lines, when it was copied?");
}

bool rv_authorized_next(const char **at, const char **ret, size_t *ret_n)
{
        while (**at) {
                size_t n = strcspn(*at, "\n"), skip = blanks(*at, n);
                const char *line = *at;
                *at += n + (line[n] == '\n');
                if (n > skip && line[n - 1] == '\r')
                        n--;
                if (n <= skip || line[skip] == '#')
                        continue;
                *ret = line + skip;
                *ret_n = n - skip;
                return true;
        }
        return false;
}

static bool same_key(const char *a, size_t na, const char *b, size_t nb)
{
        struct key ka, kb;
        return parse(a, na, &ka) && parse(b, nb, &kb) && ka.nblob == kb.nblob &&
               memcmp(ka.blob, kb.blob, ka.nblob) == 0;
}

/* SHA256:..., as ssh-keygen -l shows it. */
static bool has_fingerprint(const struct key *k, const char *which)
{
        char hex[65], *text;
        uint8_t sum[32];
        size_t n;
        uint8_t *bytes = bytes_of(k, &n);
        if (!bytes)
                return false;
        rv_sha256_hex(&(struct rv_piece) { .data = bytes, .n = n }, 1, hex);
        free(bytes);
        for (int i = 0; i < 32; i++) {
                unsigned byte;
                sscanf(hex + 2 * i, "%2x", &byte);
                sum[i] = (uint8_t)byte;
        }
        text = rv_base64(sum, sizeof sum);
        size_t len = text ? strcspn(text, "=") : 0;
        which += strlen("SHA256:");
        bool same = len && strncmp(which, text, len) == 0 && !which[len + strspn(which + len, "=")];
        free(text);
        return same;
}

static bool is_that(const char *line, size_t n, const char *which)
{
        struct key k;
        size_t nwhich = strlen(which);
        if ((n == nwhich && memcmp(line, which, n) == 0) || same_key(line, n, which, nwhich))
                return true;
        if (!parse(line, n, &k))
                return false;
        return strncmp(which, "SHA256:", 7) == 0 ? has_fingerprint(&k, which)
                                                 : k.nblob == nwhich && memcmp(k.blob, which, nwhich) == 0;
}

int rv_authorized_add(struct rv_arena *arena, const char *text, const char *line, size_t n, const char **ret,
                      const char **ret_old)
{
        const char *at = text, *found;
        size_t nfound, all = strlen(text), skip = blanks(line, n), begin = all, end = all;
        line += skip;
        n -= skip;
        *ret = *ret_old = NULL;
        while (begin == all && rv_authorized_next(&at, &found, &nfound)) {
                if (!same_key(found, nfound, line, n))
                        continue;
                if (nfound == n && memcmp(found, line, n) == 0)
                        return RV_OK;
                begin = (size_t)(found - text);
                end = begin + nfound;
                *ret_old = rv_arena_text(arena, found, nfound);
        }
        bool join = begin == all && all && text[all - 1] != '\n'; /* a last line without an end */
        size_t room = all + n + 3, len;
        char *to = rv_arena_get(arena, room);
        if (!to)
                return -ENOMEM;
        memcpy(to, text, begin);
        len = begin;
        if (join)
                to[len++] = '\n';
        memcpy(to + len, line, n);
        len += n;
        if (begin == all)
                to[len++] = '\n';
        memcpy(to + len, text + end, all - end);
        *ret = to;
        return RV_OK;
}

/* A copy without the whole lines for which goes() answers true. */
static char *without(struct rv_arena *arena, const char *text,
                     bool (*goes)(const void *, const char *, size_t), const void *state,
                     const char **ret_gone)
{
        char *copy = rv_arena_get(arena, strlen(text) + 1), *to = copy;
        for (const char *p = text; copy && *p;) {
                size_t n = strcspn(p, "\n"), whole = n + (p[n] == '\n');
                const char *at = p, *line;
                char *alone = strndup(p, n);
                const char *rest = alone;
                size_t nline;
                bool gone = alone && rv_authorized_next(&rest, &line, &nline) && goes(state, line, nline);
                if (gone && ret_gone)
                        *ret_gone = rv_arena_text(arena, line, nline);
                free(alone);
                if (!gone) {
                        memcpy(to, at, whole);
                        to += whole;
                }
                p += whole;
        }
        return copy;
}

static bool goes_that(const void *which, const char *line, size_t n)
{
        return is_that(line, n, which);
}

int rv_authorized_remove(struct rv_arena *arena, const char *text, const char *which, const char **ret,
                         const char **ret_old)
{
        *ret_old = NULL;
        *ret = without(arena, text, goes_that, which + blanks(which, strlen(which)), ret_old);
        if (!*ret)
                return -ENOMEM;
        if (!*ret_old)
                *ret = NULL;
        return RV_OK;
}

struct wished {
        const struct rv_arg *lines;
        size_t n;
};

static bool goes_unwished(const void *state, const char *line, size_t n)
{
        const struct wished *w = state;
        for (size_t i = 0; i < w->n; i++) {
                size_t skip = blanks(w->lines[i].s, w->lines[i].len);
                if (w->lines[i].len - skip == n && memcmp(w->lines[i].s + skip, line, n) == 0)
                        return false;
        }
        return true;
}

int rv_authorized_set(struct rv_arena *arena, const char *text, const struct rv_arg *lines, size_t n,
                      const char **ret)
{
        struct wished w = { lines, n };
        const char *now = without(arena, text, goes_unwished, &w, NULL), *old, *next;
        for (size_t i = 0; now && i < n; i++) {
                int e = rv_authorized_add(arena, now, lines[i].s, lines[i].len, &next, &old);
                if (e)
                        return e;
                now = next ? next : now;
        }
        *ret = now;
        return now ? RV_OK : -ENOMEM;
}
