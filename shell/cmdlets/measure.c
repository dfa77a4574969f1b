/* SPDX-License-Identifier: MIT
 *
 * Measure-Object: sums and extremes of numbers, or lines, words and characters of text.
 */
#include "shell/cmdlet.h"
#include "shell/fields.h"
#include "shell/property.h"
#include "shell/text.h"

#include <math.h>
#include <stdlib.h>

struct stat {
        struct sv name;
        int32_t count, chars, words, lines;
        double sum, before, variance;
        struct sv max, min;
};

struct measure {
        struct sh_props props;
        struct stat *stats;
        uint32_t n;
        uint64_t total;
        bool text, sum, average, deviation, max, min, lines, words, chars, no_space, bad;
        bool *counted; /* of the object being looked at */
};

static int measure_begin(struct sh_cmd *c)
{
        struct measure *m = sh_state(c);
        bool all = sh_switch(c, "AllStats");
        m->sum = all || sh_switch(c, "Sum");
        m->average = all || sh_switch(c, "Average");
        m->deviation = all || sh_switch(c, "StandardDeviation");
        m->max = all || sh_switch(c, "Maximum");
        m->min = all || sh_switch(c, "Minimum");
        m->lines = sh_switch(c, "Line");
        m->words = sh_switch(c, "Word");
        m->chars = sh_switch(c, "Character");
        m->no_space = sh_switch(c, "IgnoreWhiteSpace");
        m->text = m->lines || m->words || m->chars || m->no_space;
        return sh_props_parse(c, sh_arg(c, "Property"), 0, &m->props);
}

static uint32_t stat_of(struct measure *m, const char *name, size_t n)
{
        for (uint32_t i = 0; i < m->n; i++)
                if (sh_text_same(m->stats[i].name.s->s, m->stats[i].name.s->len, name, n))
                        return i;
        struct stat *p = realloc(m->stats, (m->n + 1) * sizeof(*p));
        bool *q = realloc(m->counted, m->n + 1);
        if (!p || !q)
                abort();
        m->stats = p;
        m->counted = q;
        m->counted[m->n] = false;
        m->stats[m->n] = (struct stat) { .name = sh_string(name, n) };
        return m->n++;
}

static void count_text(struct measure *m, struct stat *st, const struct sh_str *s)
{
        bool space = true;
        for (size_t i = 0; i < s->len;) {
                unsigned len;
                uint32_t cp = sh_utf_next(s->s + i, s->len - i, &len);
                bool now = sh_cp_space(cp);
                i += len;
                st->lines += cp == '\n';
                st->words += space && !now;
                space = now;
                if (!m->no_space || !now)
                        st->chars += cp >= 0x10000 && cp < 0x110000 ? 2 : 1;
        }
        if (s->len && s->s[s->len - 1] != '\n')
                st->lines++;
}

static void count_number(struct stat *st, double d)
{
        st->before = st->sum;
        st->sum += d;
        if (st->count > 1) {
                double average = st->before / (st->count - 1);
                st->variance *= (st->count - 2.0) / (st->count - 1);
                st->variance += (d - average) * (d - average) / st->count;
        }
}

/* Numbers are compared as doubles, other things as they are, different types as text. */
static bool is_beyond(struct sh *sh, struct sv now, struct sv best, bool least)
{
        double x, y;
        bool nx = !sh_is_null(now) && sh_to_double(sh, now, &x), ny = !sh_is_null(best) && sh_to_double(sh, best, &y);
        if (sh_is_null(best))
                return true;
        if (nx && ny)
                return least ? x < y : x > y;
        int order;
        if (nx != ny || sh_type_of(sh_unwrap(now)) != sh_type_of(sh_unwrap(best))) {
                struct sv a = sh_to_text(sh, now), b = sh_to_text(sh, best);
                order = sh_text_compare(a.s->s, a.s->len, b.s->s, b.s->len, false);
                sh_drop(a);
                sh_drop(b);
        } else
                order = sh_order(sh, now, best, true);
        return least ? order < 0 : order > 0;
}

static int measure_value(struct sh_cmd *c, struct stat *st, struct sv v)
{
        struct measure *m = sh_state(c);
        struct sh *sh = sh_session(c);
        st->count++;
        if (m->text) {
                struct sv t = sh_to_text(sh, v);
                count_text(m, st, t.s);
                sh_drop(t);
        }
        if (m->sum || m->average || m->deviation) {
                double d = 0;
                if (!sh_is_null(v) && !sh_to_double(sh, v, &d)) {
                        struct sv t = sh_to_text(sh, v);
                        m->bad = true;
                        int r = sh_cmd_error(c, "NonNumericInputObject", "InvalidType", v,
                                             "Input object \"%s\" is not numeric.", t.s->s);
                        sh_drop(t);
                        return r;
                }
                count_number(st, d);
        }
        if (m->min && is_beyond(sh, v, st->min, true)) {
                sh_drop(st->min);
                st->min = sh_keep(v);
        }
        if (m->max && is_beyond(sh, v, st->max, false)) {
                sh_drop(st->max);
                st->max = sh_keep(v);
        }
        return SH_OK;
}

struct walking {
        struct sh_cmd *c;
        struct sv object;
        int status;
};

static bool measure_each(void *state, const char *name, size_t n)
{
        struct walking *w = state;
        struct measure *m = sh_state(w->c);
        struct sv v;
        uint32_t i = stat_of(m, name, n);
        if (m->counted[i])
                return true;
        m->counted[i] = true;
        int r = sh_prop_get(sh_session(w->c), w->object, name, n, &v);
        if (r == SH_ERROR)
                sh_drop(sh_error_take(sh_session(w->c)));
        if (r != SH_OK)
                return true;
        w->status = measure_value(w->c, &m->stats[i], v);
        sh_drop(v);
        return w->status == SH_OK;
}

static int measure_properties(struct sh_cmd *c, struct sv input)
{
        struct measure *m = sh_state(c);
        struct sh *sh = sh_session(c);
        struct walking w = { c, input, SH_OK };
        if (m->n)
                memset(m->counted, 0, m->n);
        for (uint32_t i = 0; i < m->props.n && w.status == SH_OK; i++) {
                const struct sh_prop *p = &m->props.v[i];
                if (p->wildcard) {
                        sh_prop_expand(sh, input, p, measure_each, &w);
                        continue;
                }
                struct sv name = SH_NIL, v;
                if (p->name.kind == SH_STRING) {
                        name = sh_prop_actual(sh, input, p->name.s->s, p->name.s->len);
                        if (name.kind == SH_STRING)
                                measure_each(&w, name.s->s, name.s->len);
                        else
                                stat_of(m, p->name.s->s, p->name.s->len);
                        sh_drop(name);
                        continue;
                }
                name = sh_prop_label(sh, p);
                uint32_t at = stat_of(m, name.s->s, name.s->len);
                sh_drop(name);
                int r = sh_prop_soft(sh, p, input, &v);
                w.status = r ? r : measure_value(c, &m->stats[at], v);
                sh_drop(v);
        }
        return w.status;
}

static int measure_process(struct sh_cmd *c, struct sv input)
{
        struct measure *m = sh_state(c);
        input = sh_input(c, input);
        if (sh_is_null(input))
                return SH_OK;
        m->total++;
        if (m->props.n)
                return measure_properties(c, input);
        uint32_t at = stat_of(m, "$_", 2); /* moves m->stats */
        return measure_value(c, &m->stats[at], input);
}

static struct sv as_number(struct sh *sh, struct sv v, bool numbers)
{
        double d;
        if (sh_is_null(v))
                return SH_NIL;
        return numbers && sh_to_double(sh, v, &d) ? sh_double(d) : sh_keep(v);
}

static struct sv text_info(struct measure *m, const struct stat *st)
{
        struct sv r = sh_fields_new(&sh_type_measure_text, 4);
        if (m->lines)
                *sh_field(r, 0) = sh_int(st->lines);
        if (m->words)
                *sh_field(r, 1) = sh_int(st->words);
        if (m->chars)
                *sh_field(r, 2) = sh_int(st->chars);
        if (m->props.n)
                *sh_field(r, 3) = sh_keep(st->name);
        return r;
}

static struct sv number_info(struct sh *sh, struct measure *m, const struct stat *st)
{
        double d;
        bool numbers = (sh_is_null(st->min) || sh_to_double(sh, st->min, &d)) &&
                       (sh_is_null(st->max) || sh_to_double(sh, st->max, &d));
        struct sv r = sh_fields_new(numbers ? &sh_type_measure : &sh_type_measure_object, 7);
        *sh_field(r, 0) = sh_int(st->count);
        if (m->average && st->count > 0 && !m->bad)
                *sh_field(r, 1) = sh_double(st->sum / st->count);
        if (m->sum && !m->bad)
                *sh_field(r, 2) = sh_double(st->sum);
        *sh_field(r, 3) = as_number(sh, st->max, numbers);
        *sh_field(r, 4) = as_number(sh, st->min, numbers);
        if (m->deviation && !m->bad)
                *sh_field(r, 5) = sh_double(sqrt(st->variance));
        if (m->props.n)
                *sh_field(r, 6) = sh_keep(st->name);
        return r;
}

static int measure_end(struct sh_cmd *c)
{
        struct measure *m = sh_state(c);
        if (!m->total && !m->props.n)
                stat_of(m, "$_", 2);
        for (uint32_t i = 0; i < m->n; i++) {
                const struct stat *st = &m->stats[i];
                if (!st->count && m->props.n)
                        continue;
                struct sv v = m->text ? text_info(m, st) : number_info(sh_session(c), m, st);
                int r = sh_emit(c, v);
                sh_drop(v);
                if (r)
                        return r;
        }
        return SH_OK;
}

static void measure_clean(struct sh_cmd *c)
{
        struct measure *m = sh_state(c);
        sh_props_free(&m->props);
        for (uint32_t i = 0; i < m->n; i++) {
                sh_drop(m->stats[i].name);
                sh_drop(m->stats[i].max);
                sh_drop(m->stats[i].min);
        }
        free(m->stats);
        free(m->counted);
        *m = (struct measure) { 0 };
}

static const struct sh_cmdlet measure_object = {
        .name = "Measure-Object",
        .alias = (const char *[]) { "measure", NULL },
        .synopsis = "Counts, sums and averages; or counts lines, words and characters.",
        .params =
                (const struct sh_param[]) {
                        { "Property", .type = "object[]", .position = 1, .wildcard = true, .complete = "property" },
                        { "Sum", .type = "switch", .sets = "GenericMeasure" },
                        { "Average", .type = "switch", .sets = "GenericMeasure" },
                        { "Maximum", .type = "switch", .sets = "GenericMeasure" },
                        { "Minimum", .type = "switch", .sets = "GenericMeasure" },
                        { "StandardDeviation", .type = "switch", .sets = "GenericMeasure" },
                        { "AllStats", .type = "switch", .sets = "GenericMeasure", .help = "All of these." },
                        { "Line", .type = "switch", .sets = "TextMeasure" },
                        { "Word", .type = "switch", .sets = "TextMeasure" },
                        { "Character", .type = "switch", .sets = "TextMeasure" },
                        { "IgnoreWhiteSpace", .type = "switch", .sets = "TextMeasure" },
                        { "InputObject", .from_pipeline = true },
                        { 0 } },
        .default_set = "GenericMeasure",
        .state_size = sizeof(struct measure),
        .begin = measure_begin,
        .process = measure_process,
        .end = measure_end,
        .clean = measure_clean,
        .examples = (const struct sh_example[]) {
                { "(1..4 | Measure-Object -Sum).Sum", "10", "A sum." },
                { "('a b' | Measure-Object -Word).Words", "2", "Words." },
                { 0 } },
};
SH_CMDLETS(measure, &measure_object);
