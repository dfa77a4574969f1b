/* SPDX-License-Identifier: MIT */
#include "providers/package/rpmhead.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 0xffff, DATA = 256 << 20, ENTRY = 16 };
enum { T_INT8 = 2, T_INT16 = 3, T_INT32 = 4, T_INT64 = 5, T_STRING = 6, T_STRINGS = 8, T_I18N = 9 };
enum { LESS = 2, GREATER = 4, EQUAL = 8 };

static uint32_t be32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool rv_rpm_head(const void *bytes, size_t n, struct rv_rpm_head *ret)
{
        const uint8_t *p = bytes;
        if (!p || n < 8)
                return false;
        uint32_t entries = be32(p), size = be32(p + 4);
        if (!entries || entries > ENTRIES || size > DATA || (size_t)entries * ENTRY + size > n - 8)
                return false;
        *ret = (struct rv_rpm_head) {
                .entries = p + 8, .data = p + 8 + (size_t)entries * ENTRY, .n = entries, .size = size
        };
        return true;
}

static unsigned width_of(uint32_t type)
{
        return type == T_INT8 ? 1 : type == T_INT16 ? 2 : type == T_INT32 ? 4 : type == T_INT64 ? 8 : 0;
}

struct rv_rpm_values rv_rpm_values(const struct rv_rpm_head *h, enum rv_rpm_tag tag)
{
        for (uint32_t i = 0; i < h->n; i++) {
                const uint8_t *e = h->entries + (size_t)i * ENTRY;
                if (be32(e) != (uint32_t)tag)
                        continue;
                uint32_t type = be32(e + 4), offset = be32(e + 8), n = be32(e + 12);
                unsigned width = width_of(type);
                if (offset >= h->size || (!width && type != T_STRING && type != T_STRINGS && type != T_I18N))
                        break;
                if (width && n > (h->size - offset) / width)
                        break;
                return (struct rv_rpm_values) { h->data + offset, h->data + h->size, n, width };
        }
        return (struct rv_rpm_values) { 0 };
}

const char *rv_rpm_next_text(struct rv_rpm_values *v)
{
        const uint8_t *end = v->n && !v->width ? memchr(v->at, 0, (size_t)(v->end - v->at)) : NULL;
        if (!end) {
                v->n = 0;
                return NULL;
        }
        const char *text = (const char *)v->at;
        v->at = end + 1;
        v->n--;
        return text;
}

bool rv_rpm_next_number(struct rv_rpm_values *v, uint64_t *ret)
{
        if (!v->n || !v->width)
                return false;
        *ret = 0;
        for (unsigned i = 0; i < v->width; i++)
                *ret = *ret << 8 | *v->at++;
        v->n--;
        return true;
}

const char *rv_rpm_text(const struct rv_rpm_head *h, enum rv_rpm_tag tag)
{
        struct rv_rpm_values v = rv_rpm_values(h, tag);
        return rv_rpm_next_text(&v);
}

bool rv_rpm_number(const struct rv_rpm_head *h, enum rv_rpm_tag tag, uint64_t *ret)
{
        struct rv_rpm_values v = rv_rpm_values(h, tag);
        return rv_rpm_next_number(&v, ret);
}

/* ---- texts of several tags ---- */

/* The same folder and the same words may be named any number of times: what comes of them is bounded apart from the
 * header's own size. */
enum { TEXT = 64 << 20 };
struct text {
        char *s;
        size_t n, room;
        bool failed;
};

static void put(struct text *t, const char *s)
{
        size_t n = strlen(s);
        if (t->failed || t->n + n + 1 > TEXT) {
                t->failed = true;
                return;
        }
        if (t->n + n + 1 > t->room) {
                size_t room = 2 * (t->n + n + 1) + 1000;
                char *more = realloc(t->s, room);
                if (!more) {
                        t->failed = true;
                        return;
                }
                t->s = more;
                t->room = room;
        }
        memcpy(t->s + t->n, s, n + 1);
        t->n += n;
}

static char *end_of(struct text *t)
{
        if (!t->failed)
                return t->s;
        free(t->s);
        return NULL;
}

char *rv_rpm_files(const struct rv_rpm_head *h)
{
        struct rv_rpm_values names = rv_rpm_values(h, RV_RPM_BASENAMES),
                             folder_of = rv_rpm_values(h, RV_RPM_DIRINDEXES),
                             dirs = rv_rpm_values(h, RV_RPM_DIRNAMES);
        uint32_t n = 0, most = dirs.n;
        /* Each takes a byte of the data at least. */
        const char *name, **folders = most && most <= h->size ? calloc(most, sizeof *folders) : NULL;
        struct text t = { 0 };
        uint64_t i;
        while (folders && n < most && (folders[n] = rv_rpm_next_text(&dirs)))
                n++;
        while (n && !t.failed && rv_rpm_next_number(&folder_of, &i) && i < n && (name = rv_rpm_next_text(&names))) {
                put(&t, folders[i]);
                put(&t, name);
                put(&t, "\n");
        }
        free(folders);
        return end_of(&t);
}

char *rv_rpm_requires(const struct rv_rpm_head *h)
{
        struct rv_rpm_values names = rv_rpm_values(h, RV_RPM_REQUIRENAME),
                             flags = rv_rpm_values(h, RV_RPM_REQUIREFLAGS),
                             versions = rv_rpm_values(h, RV_RPM_REQUIREVERSION);
        struct text t = { 0 };
        const char *name, *version;
        while (!t.failed && (name = rv_rpm_next_text(&names))) {
                uint64_t f = 0;
                rv_rpm_next_number(&flags, &f);
                version = rv_rpm_next_text(&versions);
                put(&t, name);
                if (version && *version && f & (LESS | GREATER | EQUAL)) {
                        put(&t, " ");
                        put(&t, f & LESS ? "<" : "");
                        put(&t, f & GREATER ? ">" : "");
                        put(&t, f & EQUAL ? "=" : "");
                        put(&t, " ");
                        put(&t, version);
                }
                put(&t, "\n");
        }
        return end_of(&t);
}
