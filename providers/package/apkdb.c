/* SPDX-License-Identifier: MIT */
#include "providers/package/apkdb.h"

#include <string.h>

/* Cuts a line off *at. */
static struct rv_apk_text line(const char **at, const char *end)
{
        const char *s = *at, *stop = memchr(s, '\n', (size_t)(end - s));
        *at = stop ? stop + 1 : end;
        return (struct rv_apk_text) { s, (size_t)((stop ? stop : end) - s) };
}

static struct rv_apk_text value(struct rv_apk_text l)
{
        return (struct rv_apk_text) { l.s + 2, l.n - 2 };
}

static bool is_field(struct rv_apk_text l)
{
        return l.n >= 2 && l.s[1] == ':' && l.s[0] >= 'A' && l.s[0] <= 'z';
}

bool rv_apk_next(const char **at, const char *end, struct rv_apk_record *r)
{
        bool any = false;
        *r = (struct rv_apk_record) { 0 };
        while (*at < end) {
                const char *begin = *at;
                struct rv_apk_text l = line(at, end);
                if (!l.n && any)
                        break;
                if (l.n)
                        any = true;
                if (r->files.s)
                        r->files.n = (size_t)(l.s + l.n - r->files.s);
                else if (is_field(l) && l.s[0] == 'F')
                        r->files = (struct rv_apk_text) { begin, l.n };
                else if (is_field(l))
                        r->field[l.s[0] - 'A'] = value(l);
        }
        return any;
}

bool rv_apk_is(struct rv_apk_text t, const char *s)
{
        return t.s && strlen(s) == t.n && memcmp(t.s, s, t.n) == 0;
}

bool rv_apk_next_file(struct rv_apk_text *files, struct rv_apk_file *f)
{
        const char *at = files->s, *end = at ? at + files->n : NULL;
        struct rv_apk_text l = { 0 };
        f->name = f->sum = (struct rv_apk_text) { 0 };
        while (at < end) {
                l = line(&at, end);
                if (is_field(l) && (l.s[0] == 'F' || l.s[0] == 'R'))
                        break;
                l = (struct rv_apk_text) { 0 };
        }
        if (!l.s)
                return false;
        if (l.s[0] == 'F')
                f->folder = value(l);
        else
                f->name = value(l);
        for (const char *next = at; next < end && f->name.s; at = next) { /* what is said of the file */
                l = line(&next, end);
                if (is_field(l) && (l.s[0] == 'F' || l.s[0] == 'R'))
                        break;
                if (is_field(l) && l.s[0] == 'Z')
                        f->sum = value(l);
        }
        *files = (struct rv_apk_text) { at, (size_t)(end - at) };
        return true;
}
