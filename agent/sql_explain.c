/* SPDX-License-Identifier: MIT
 *
 * EXPLAIN SELECT ...: the query is run, and instead of its rows one row is answered for each way in which a class was
 * asked: how often, which properties were read, which keys were given down, how many rows came, how long they were
 * waited for and how much CPU their provider took. A row without a class is the query as a whole.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/vtab.h"

enum { MOST_SCANS = 200 };

struct rv_explain {
        struct rv_explain_scan v[MOST_SCANS];
        unsigned n;
        uint64_t begun, cpu;
};

uint64_t rv_thread_cpu(void)
{
        struct timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* EXPLAIN alone: EXPLAIN QUERY PLAN is SQLite's. */
const char *rv_explain_text(const char *text)
{
        text += strspn(text, " \t\r\n");
        if (strncasecmp(text, "explain", 7) != 0 || !strchr(" \t\r\n", text[7]) || !text[7])
                return NULL;
        text += 7;
        text += strspn(text, " \t\r\n");
        return strncasecmp(text, "query", 5) == 0 ? NULL : text;
}

struct rv_explain *rv_explain_new(void)
{
        struct rv_explain *e = calloc(1, sizeof *e);
        if (e) {
                e->begun = rv_now();
                e->cpu = rv_thread_cpu();
        }
        return e;
}

struct rv_explain_scan *rv_explain_scan(struct rv_explain *e, const struct rv_class *c, const char *plan)
{
        for (unsigned i = 0; e && i < e->n; i++)
                if (e->v[i].class == c && strcmp(e->v[i].plan, plan) == 0)
                        return &e->v[i];
        if (!e || e->n == MOST_SCANS)
                return NULL;
        struct rv_explain_scan *s = &e->v[e->n++];
        s->class = c;
        s->cpu_known = true;
        snprintf(s->plan, sizeof s->plan, "%s", plan);
        return s;
}

static void put_names(struct rv_buf *b, const struct rv_explain_scan *s, const uint64_t *which)
{
        bool any = false;
        rv_buf_puts(b, "[");
        for (uint32_t p = 0; p < s->class->nproperties && p < 64 * RV_EXPLAIN_WORDS; p++)
                if (rv_bit(which, p)) {
                        rv_buf_puts(b, any ? "," : "");
                        rv_json_text(b, s->class->properties[p].name);
                        any = true;
                }
        rv_buf_puts(b, "]");
}

static void put_scan(struct rv_buf *b, const struct rv_explain_scan *s)
{
        rv_buf_puts(b, "{\"ClassName\":");
        rv_json_text(b, s->class->name);
        rv_buf_puts(b, ",\"Provider\":");
        rv_json_text(b, s->class->view_of ? s->class->view_of : s->class->name);
        rv_buf_putf(b, ",\"Scans\":%llu,\"Rows\":%llu,\"Properties\":", (unsigned long long)s->scans,
                    (unsigned long long)s->rows);
        put_names(b, s, s->properties);
        rv_buf_puts(b, ",\"Keys\":");
        put_names(b, s, s->keys);
        rv_buf_putf(b, ",\"EndedEarly\":%s,\"Duration\":%llu,\"Cpu\":", s->stopped ? "true" : "false",
                    (unsigned long long)s->waited);
        s->cpu_known ? rv_buf_uint(b, s->cpu) : rv_buf_puts(b, "null");
        rv_buf_puts(b, "}");
}

/* In place of the rows. */
void rv_explain_finish(struct rv_explain *e, struct rv_sql *sql)
{
        uint64_t rows = sql->rows;
        sql->out.len = 0;
        rv_buf_puts(&sql->out, "{\"Instances\":[");
        for (unsigned i = 0; i < e->n; i++) {
                put_scan(&sql->out, &e->v[i]);
                rv_buf_puts(&sql->out, ",");
        }
        rv_buf_putf(&sql->out,
                    "{\"ClassName\":null,\"Provider\":null,\"Scans\":null,\"Rows\":%llu,\"Properties\":null,"
                    "\"Keys\":null,"
                    "\"EndedEarly\":null,\"Duration\":%llu,\"Cpu\":%llu}",
                    (unsigned long long)rows, (unsigned long long)(rv_now() - e->begun),
                    (unsigned long long)(rv_thread_cpu() - e->cpu));
}
