/* SPDX-License-Identifier: MIT
 *
 * known_hosts: plain and hashed names, [name]:port, patterns; lines marked @revoked or @cert-authority are left to ssh.
 * A file is read once.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shell/fan/fan.h"

struct entry {
        char *names, *type, *key;
        bool plain; /* one name, which means itself */
};
struct file {
        struct file *next;
        char *path, *text;
        struct entry *e;
        size_t n;
};

static char *word(char **s)
{
        *s += strspn(*s, " \t");
        char *w = *s, *end = w + strcspn(w, " \t\r");
        *s = *end ? end + 1 : end;
        *end = 0;
        return w;
}

static char *slurp(const char *path)
{
        FILE *f = fopen(path, "re");
        char *text = NULL;
        size_t n = 0;
        if (!f)
                return NULL;
        if (getdelim(&text, &n, 0, f) < 0) {
                free(text);
                text = NULL;
        }
        fclose(f);
        return text;
}

static struct file *read_file(const char *path)
{
        static struct file *files;
        for (struct file *f = files; f; f = f->next)
                if (strcmp(f->path, path) == 0)
                        return f;
        struct file *f = calloc(1, sizeof *f);
        if (!f || !(f->path = strdup(path)))
                abort();
        f->next = files;
        files = f;
        f->text = slurp(path);
        char *rest = NULL;
        for (char *l = f->text ? strtok_r(f->text, "\n", &rest) : NULL; l; l = strtok_r(NULL, "\n", &rest)) {
                l += strspn(l, " \t");
                if (*l == '#' || *l == '@' || !*l)
                        continue;
                if ((f->n & (f->n + 1)) == 0) {
                        f->e = realloc(f->e, (f->n + 1) * 2 * sizeof *f->e);
                        if (!f->e)
                                abort();
                }
                struct entry *e = &f->e[f->n++];
                e->names = word(&l);
                e->plain = !strpbrk(e->names, "*?!,|\\");
                e->type = word(&l);
                e->key = word(&l);
        }
        return f;
}

/* |1|salt|hash of the name */
static bool is_hash_of(const char *text, const char *name)
{
        unsigned char salt[64], hash[64], mac[EVP_MAX_MD_SIZE];
        const char *s = text + 3, *bar = strchr(s, '|');
        unsigned n = 0;
        if (!bar || bar - s > 64 || strlen(bar + 1) > 64)
                return false;
        int a = EVP_DecodeBlock(salt, (const unsigned char *)s, (int)(bar - s));
        int b = EVP_DecodeBlock(hash, (const unsigned char *)bar + 1, (int)strlen(bar + 1));
        if (a < 20 || b < 20) /* 20 bytes each, and their padding */
                return false;
        HMAC(EVP_sha1(), salt, 20, (const unsigned char *)name, strlen(name), mac, &n);
        return n == 20 && memcmp(mac, hash, 20) == 0;
}

static bool names_it(const char *names, const char *name)
{
        char list[4096];
        bool found = false;
        if (strncmp(names, "|1|", 3) == 0)
                return is_hash_of(names, name);
        if (snprintf(list, sizeof list, "%s", names) >= (int)sizeof list)
                return false;
        char *rest = NULL;
        for (char *p = strtok_r(list, ",", &rest); p; p = strtok_r(NULL, ",", &rest)) {
                bool not = *p == '!';
                /* Brackets are text here, not a set. */
                char pattern[1024];
                size_t n = 0;
                for (const char *c = p + not; *c && n < sizeof pattern - 2; c++) {
                        if (*c == '[' || *c == ']' || *c == '\\')
                                pattern[n++] = '\\';
                        pattern[n++] = (char)tolower((unsigned char)*c);
                }
                pattern[n] = 0;
                if (fnmatch(pattern, name, 0) == 0) {
                        if (not)
                                return false;
                        found = true;
                }
        }
        return found;
}

static void name_of(const struct fan_host *h, char *buf, size_t size)
{
        if (strcmp(h->field[FAN_PORT], "22") == 0)
                snprintf(buf, size, "%s", h->field[FAN_ALIAS]);
        else
                snprintf(buf, size, "[%s]:%s", h->field[FAN_ALIAS], h->field[FAN_PORT]);
        for (char *c = buf; *c; c++)
                *c = (char)tolower((unsigned char)*c);
}

static bool each(const struct fan_host *h, bool (*see)(void *, const struct entry *), void *state)
{
        char name[600], paths[4096];
        name_of(h, name, sizeof name);
        snprintf(paths, sizeof paths, "%s", h->field[FAN_KNOWN]);
        char *rest = NULL;
        for (char *p = strtok_r(paths, "\t", &rest); p; p = strtok_r(NULL, "\t", &rest)) {
                struct file *f = read_file(p);
                for (size_t i = 0; i < f->n; i++)
                        if ((f->e[i].plain ? strcasecmp(f->e[i].names, name) == 0 : names_it(f->e[i].names, name)) &&
                            see(state, &f->e[i]))
                                return true;
        }
        return false;
}

struct types {
        char *buf;
        size_t size;
};

static bool add_type(void *state, const struct entry *e)
{
        struct types *t = state;
        const char *name = strcmp(e->type, "ssh-rsa") == 0 ? "rsa-sha2-512,rsa-sha2-256" : e->type;
        size_t n = strlen(t->buf);
        if (!strstr(t->buf, name))
                snprintf(t->buf + n, t->size - n, "%s%s", n ? "," : "", name);
        return false;
}

void fan_known_types(const struct fan_host *h, char *buf, size_t size)
{
        struct types t = { buf, size };
        buf[0] = 0;
        each(h, add_type, &t);
}

struct wanted {
        const char *type, *key;
};

static bool is_it(void *state, const struct entry *e)
{
        const struct wanted *w = state;
        return strcmp(e->type, w->type) == 0 && strcmp(e->key, w->key) == 0;
}

bool fan_known(const struct fan_host *h, const char *type, const char *base64)
{
        struct wanted w = { type, base64 };
        return each(h, is_it, &w);
}
