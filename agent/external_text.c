/* SPDX-License-Identifier: MIT
 *
 * Classes without a program of their own: the output of a command, or a file, read as rows. Formats: JSON (an array, or
 * an object of arrays' first), JSON lines, CSV with quotes, a table whose columns are divided by blanks, and paragraphs
 * of NAME=VALUE or NAME: VALUE lines.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/external_int.h"

enum { LINE_FIELDS = RV_EXTERNAL_COLUMNS };

struct reading {
        const struct rv_external *x;
        const struct rv_class *class;
        struct rv_sink *out;
        struct rv_complaints complaints;
        int column[LINE_FIELDS]; /* property of each; -1: nobody's */
        unsigned ncolumns;
};

/* ---- one row of texts ---- */

static struct rv_row *put(struct reading *r, struct rv_row *row, int property, const char *s, size_t n, bool *good,
                          struct rv_arena *arena)
{
        const struct rv_property *p = property >= 0 ? &r->class->properties[property] : NULL;
        struct rv_arg v = { 0 };
        struct rv_error e = { 0 };
        if (!p || !rv_wants(row, (unsigned)property) || (!n && p->type != RV_CIM_STRING) ||
            (n == 1 && *s == '-' && p->type != RV_CIM_STRING))
                return row;
        if (rv_text_arg(s, n, p, arena, &v, &e)) {
                rv_about(&e, r->class->name, NULL, p->name);
                rv_complain(&r->complaints, &e);
                *good &= !(p->flags & RV_KEY);
                return row;
        }
        rv_copy_arg(row, (unsigned)property, &v);
        return row;
}

static int emit(struct reading *r, struct rv_row *row, bool good)
{
        struct rv_error e = { 0 };
        if (good && rv_external_keys(r->class, row, &e))
                return rv_emit(r->out, row);
        if (e.code)
                rv_complain(&r->complaints, &e);
        rv_row_drop(row);
        return RV_OK;
}

/* ---- lines of fields ---- */

struct field {
        char *s;
        size_t n;
};

/* Divides a line in place; CSV's quotes are undone. */
static unsigned split_csv(char *s, char *end, char separator, struct field *f)
{
        unsigned n = 0;
        while (n < LINE_FIELDS) {
                char *to = s;
                f[n].s = s;
                bool quoted = s < end && *s == '"';
                if (quoted)
                        for (s++; s < end && (*s != '"' || (s + 1 < end && s[1] == '"' && s++)); s++)
                                *to++ = *s;
                if (quoted && s < end)
                        s++;
                for (; s < end && *s != separator; s++)
                        *to++ = *s;
                f[n].n = (size_t)(to - f[n].s);
                n++;
                if (s >= end)
                        break;
                s++;
        }
        return n;
}

static unsigned split_blanks(char *s, char *end, unsigned most, struct field *f)
{
        unsigned n = 0;
        for (;;) {
                while (s < end && isblank((unsigned char)*s))
                        s++;
                if (s >= end || n == LINE_FIELDS)
                        return n;
                f[n].s = s;
                if (most && n + 1 == most) /* the last column takes the rest of the line */
                        s = end;
                while (s < end && !isblank((unsigned char)*s))
                        s++;
                while (s > f[n].s && isblank((unsigned char)s[-1]))
                        s--;
                f[n].n = (size_t)(s - f[n].s);
                n++;
        }
}

static unsigned split(struct reading *r, char *s, char *end, struct field *f)
{
        if (r->x->format == RV_FORMAT_TABLE)
                return split_blanks(s, end, r->ncolumns, f);
        return split_csv(s, end, r->x->separator[0], f);
}

static void name_columns(struct reading *r, const struct field *f, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                r->column[i] = rv_property_find(r->class, f[i].s, f[i].n);
        r->ncolumns = n;
}

static int line(struct reading *r, char *s, char *end)
{
        struct field f[LINE_FIELDS];
        unsigned n = split(r, s, end, f);
        if (!r->ncolumns) {
                name_columns(r, f, n);
                return RV_OK;
        }
        struct rv_arena arena = { .limit = 1 << 20 };
        struct rv_row *row = rv_row(r->out);
        bool good = true;
        for (unsigned i = 0; i < n && i < r->ncolumns; i++)
                put(r, row, r->column[i], f[i].s, f[i].n, &good, &arena);
        int e = emit(r, row, good);
        rv_arena_free(&arena);
        return e;
}

static char *end_of(char *s, char *end, bool csv)
{
        bool quoted = false;
        for (; s < end && (quoted || *s != '\n'); s++)
                quoted ^= csv && *s == '"';
        return s;
}

static int all_lines(struct reading *r, char *s, char *end)
{
        const struct rv_external *x = r->x;
        int e = RV_OK;
        for (unsigned i = 0; i < x->ncolumns; i++)
                r->column[i] = rv_property_find(r->class, x->columns[i], strlen(x->columns[i]));
        r->ncolumns = x->ncolumns;
        unsigned skip = x->skip + (x->ncolumns && x->header);
        while (e == RV_OK && s < end) {
                char *stop = end_of(s, end, x->format == RV_FORMAT_CSV), *last = stop;
                if (last > s && last[-1] == '\r')
                        last--;
                if (skip)
                        skip--;
                else if (last > s && !(x->comment && strncmp(s, x->comment, strlen(x->comment)) == 0))
                        e = line(r, s, last);
                s = stop + 1;
        }
        return e;
}

/* ---- paragraphs of pairs ---- */

static int paragraph(struct reading *r, char *s, char *end)
{
        struct rv_arena arena = { .limit = 1 << 20 };
        struct rv_row *row = NULL;
        bool good = true;
        while (s < end) {
                char *stop = end_of(s, end, false), *eq = s;
                while (eq < stop && *eq != '=' && *eq != ':')
                        eq++;
                if (eq < stop && eq > s) {
                        char *name_end = eq, *value = eq + 1, *value_end = stop;
                        while (name_end > s && isspace((unsigned char)name_end[-1]))
                                name_end--;
                        while (value < value_end && isspace((unsigned char)*value))
                                value++;
                        while (value_end > value && isspace((unsigned char)value_end[-1]))
                                value_end--;
                        if (value_end - value >= 2 && *value == '"' && value_end[-1] == '"')
                                value++, value_end--;
                        if (!row)
                                row = rv_row(r->out);
                        put(r, row, rv_property_find(r->class, s, (size_t)(name_end - s)), value,
                            (size_t)(value_end - value), &good, &arena);
                }
                s = stop + 1;
        }
        int e = row ? emit(r, row, good) : RV_OK;
        rv_arena_free(&arena);
        return e;
}

static int all_pairs(struct reading *r, char *s, char *end)
{
        int e = RV_OK;
        while (e == RV_OK && s < end) {
                char *stop = s;
                while (stop < end && !(stop[0] == '\n' && (stop + 1 == end || stop[1] == '\n')))
                        stop++;
                e = paragraph(r, s, stop);
                s = stop + 1;
                while (s < end && *s == '\n')
                        s++;
        }
        return e;
}

/* ---- JSON ---- */

static int bad_json(struct reading *r, struct rv_error *err, const struct rv_error *why)
{
        return rv_fail(err, RV_FAILED, "provider %s: what it reads is no JSON: %s", r->x->name, why->message);
}

static int json_lines(struct reading *r, char *s, char *end, struct rv_error *err)
{
        int e = RV_OK;
        while (e == RV_OK && s < end) {
                char *stop = end_of(s, end, false);
                struct rv_error why = { 0 };
                json_t *j = stop > s ? rv_json_parse(s, (size_t)(stop - s), &why) : NULL;
                if (stop > s && !j)
                        return bad_json(r, err, &why);
                if (j)
                        e = rv_external_row(r->class, j, r->out, &r->complaints);
                json_decref(j);
                s = stop + 1;
        }
        return e;
}

static int whole_json(struct reading *r, char *s, size_t n, struct rv_error *err)
{
        struct rv_error why = { 0 };
        json_t *j = rv_json_parse(s, n, &why), *list = j, *item;
        const char *key;
        size_t i;
        int e = RV_OK;
        if (!j)
                return bad_json(r, err, &why);
        if (json_is_object(j)) {
                list = NULL;
                json_object_foreach(j, key, item)
                {
                        if (!list && json_is_array(item))
                                list = item;
                }
        }
        if (!list)
                e = rv_external_row(r->class, j, r->out, &r->complaints);
        json_array_foreach(list, i, item)
        {
                if (e == RV_OK)
                        e = rv_external_row(r->class, item, r->out, &r->complaints);
        }
        json_decref(j);
        return e;
}

/* ---- where the text comes from ---- */

static int read_file(const struct rv_external *x, struct rv_child *c, struct rv_error *err)
{
        struct stat st;
        int fd = open(x->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return rv_fail_errno(err, errno, "provider %s: %s", x->name, x->file);
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                close(fd);
                return rv_fail(err, RV_FAILED, "provider %s: %s is no file", x->name, x->file);
        }
        ssize_t n = 1;
        for (c->got = malloc(c->cap = 65536); c->got && n > 0 && c->ngot <= x->output;) {
                if (c->cap - c->ngot < 16384) {
                        char *more = realloc(c->got, c->cap *= 2);
                        if (!more)
                                break;
                        c->got = more;
                }
                n = read(fd, c->got + c->ngot, c->cap - c->ngot);
                c->ngot += n > 0 ? (size_t)n : 0;
        }
        int error = errno;
        close(fd);
        if (n < 0)
                return rv_fail_errno(err, error, "provider %s: %s", x->name, x->file);
        return n == 0 ? RV_OK
                      : rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "provider %s: %s is larger than Output allows", x->name,
                                x->file);
}

static int run(struct rv_external *x, const struct rv_query *q, struct rv_child *c, struct rv_error *err)
{
        int r = rv_child_start(c, x, err);
        if (r)
                return r;
        r = rv_child_all(c, x, rv_external_until(x, q->deadline), q->call);
        char *got = c->got;
        size_t n = c->ngot;
        c->got = NULL; /* its end would free it */
        int status = rv_child_end(c);
        c->got = got;
        c->ngot = n;
        const char *last = rv_child_last_words(c);
        switch (r) {
        case 0: break;
        case -ETIMEDOUT: return rv_fail(err, RV_TIMED_OUT, "provider %s: %s did not end in time", x->name, x->words[0]);
        case -ECANCELED: return rv_fail(err, RV_PULL_HAS_BEEN_ABANDONED, "the call was cancelled");
        case -EMSGSIZE:
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "provider %s: %s said more than Output allows", x->name,
                               x->words[0]);
        default: return rv_fail_errno(err, -r, "provider %s: %s", x->name, x->words[0]);
        }
        return status == 0 ? RV_OK
                           : rv_fail(err, RV_FAILED, "provider %s: %s ended with status %d%s%s", x->name, x->words[0],
                                     status, *last ? ": " : "", last);
}

int rv_external_text(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_external *x = rv_external_of(q->class);
        struct reading r = { .x = x, .class = q->class, .out = out };
        struct rv_child c = { .in = -1, .out = -1, .errors = -1 };
        int e = x->kind == RV_EXTERNAL_FILE ? read_file(x, &c, err) : run(x, q, &c, err);
        char *s = c.got, *end = s ? s + c.ngot : NULL;
        if (e == RV_OK && s)
                switch (x->format) {
                case RV_FORMAT_JSON: e = whole_json(&r, s, c.ngot, err); break;
                case RV_FORMAT_LINES: e = json_lines(&r, s, end, err); break;
                case RV_FORMAT_PAIRS: e = all_pairs(&r, s, end); break;
                default: e = all_lines(&r, s, end);
                }
        free(c.got);
        rv_complaints_tell(&r.complaints, x, out);
        return e == RV_STOP ? RV_OK : e;
}
