/* SPDX-License-Identifier: MIT
 *
 * Watch-Command: what a block writes, shown again and again on the alternate screen, with the course of numbers
 * beside them. Show-CimInstance (Show-Process, Show-Service, ...): the same for the instances of a class, in an order
 * that keys change. Without a terminal each look is printed after the other.
 */
#include "shell/code.h"
#include "shell/format.h"
#include "shell/model.h"
#include "shell/property.h"
#include "shell/text.h"
#include "shell/types.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { COURSE = 12 }; /* looks that a sparkline shows */

struct watch {
        bool screen, utf8, raw;
        struct termios old;
        struct sv courses; /* "key\nproperty" -> array of the last values */
        struct sh_buf page;
        int rows, line;
        struct sv block;           /* what is run for each look */
        struct sv columns, sparks; /* names */
        bool show, down, chosen;   /* of Show-: ordered by a column, which keys move */
        uint32_t sort;
};

/* ---- the screen ---- */
static void say(struct sh_cmd *c, const char *s)
{
        sh_host_write(sh_session(c), s, strlen(s));
}
static void enter(struct sh_cmd *c, struct watch *w)
{
        const char *term = getenv("TERM"), *lang = getenv("LC_ALL") ? getenv("LC_ALL") : getenv("LANG");
        w->utf8 = lang && (strstr(lang, "UTF-8") || strstr(lang, "utf8"));
        w->screen = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
        if (!w->screen)
                return;
        say(c, "\033[?1049h\033[?25l");
        if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &w->old) == 0) {
                struct termios t = w->old;
                t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
                t.c_cc[VMIN] = t.c_cc[VTIME] = 0;
                w->raw = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
        }
}
static void leave(struct sh_cmd *c, struct watch *w)
{
        if (w->raw)
                tcsetattr(STDIN_FILENO, TCSANOW, &w->old);
        if (w->screen)
                say(c, "\033[?25h\033[?1049l");
        sh_host_flush(sh_session(c));
        w->raw = w->screen = false;
}
/* A line of the page; what has no room on the screen is not shown. */
static void page_line(void *state, const char *s, size_t n)
{
        struct watch *w = state;
        if (w->screen && w->line >= w->rows - 1)
                return;
        sh_buf_put(&w->page, s, n);
        sh_buf_puts(&w->page, w->screen ? "\033[K\r\n" : "\n");
        w->line++;
}

/* ---- the course of a number ---- */
static struct sv sparkline(struct watch *w, struct sh *sh, struct sv key, const char *property,
                           struct sv value)
{
        static const char *const blocks[] = { "\u2581", "\u2582", "\u2583", "\u2584",
                                              "\u2585", "\u2586", "\u2587", "\u2588" };
        static const char plain[] = "_.-~=+*#";
        struct sv text = sh_to_text(sh, key), id = sh_printf("%s\n%s", text.s->s, property), list;
        double d, least = 0, most = 0;
        if (!sh_hash_get(w->courses.h, id, &list)) {
                list = sh_array_new(COURSE);
                sh_hash_set(w->courses.h, id, list);
                sh_drop(list);
        }
        if (!sh_to_double(sh, value, &d))
                d = 0;
        if (list.a->n == COURSE)
                sh_array_remove(list.a, 0, 1);
        sh_array_take(list.a, sh_double(d));
        least = most = list.a->v[0].d;
        for (uint32_t i = 1; i < list.a->n; i++) {
                least = list.a->v[i].d < least ? list.a->v[i].d : least;
                most = list.a->v[i].d > most ? list.a->v[i].d : most;
        }
        struct sh_buf b = { 0 };
        for (uint32_t i = 0; i < list.a->n; i++) {
                int k = most > least ? (int)((list.a->v[i].d - least) / (most - least) * 7.0 + 0.5) : 0;
                if (w->utf8)
                        sh_buf_puts(&b, blocks[k]);
                else
                        sh_buf_put(&b, plain + k, 1);
        }
        sh_drop(text);
        sh_drop(id);
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}
static bool in_names(struct sh *sh, struct sv names, const char *name)
{
        struct sv item;
        size_t pos = 0;
        bool found = false;
        while (!sh_is_null(names) && !found && sh_next(names, &pos, &item)) {
                struct sv t = sh_to_text(sh, item);
                found = !strcasecmp(t.s->s, name);
                sh_drop(t);
                sh_drop(item);
        }
        return found;
}
/* The object with the columns asked for, each number of -Sparkline followed by its course. */
static struct sv row_of(struct sh_cmd *c, struct watch *w, struct sv object)
{
        struct sh *sh = sh_session(c);
        struct sv names = w->columns, spark = w->sparks, item, v, key = SH_NIL;
        size_t pos = 0;
        if (sh_is_null(names))
                return sh_keep(object);
        struct sv row = sh_object_new();
        while (sh_next(names, &pos, &item)) {
                struct sv name = sh_to_text(sh, item);
                if (sh_prop_get(sh, object, name.s->s, name.s->len, &v) != SH_OK) {
                        sh_forget_error(sh);
                        v = SH_NIL;
                }
                if (sh_is_null(key)) /* the first column tells rows apart */
                        key = sh_keep(v);
                sh_object_set(row, name.s->s, name.s->len, v);
                if (in_names(sh, spark, name.s->s)) {
                        struct sv course = sparkline(w, sh, key, name.s->s, v),
                                  label = sh_printf("%s ~", name.s->s);
                        sh_object_set(row, label.s->s, label.s->len, course);
                        sh_drop(course);
                        sh_drop(label);
                }
                sh_drop(v);
                sh_drop(name);
                sh_drop(item);
        }
        sh_drop(key);
        return row;
}

/* ---- the order ---- */
struct ordered {
        struct sv object, by;
};
static struct sh *sorting;
static int by_column(const void *a, const void *b)
{
        const struct ordered *x = a, *y = b;
        bool nx = sh_is_null(x->by), ny = sh_is_null(y->by);
        return nx || ny ? ny - nx : sh_order(sorting, x->by, y->by, false);
}

static struct sv column_name(const struct watch *w)
{
        return w->columns.kind == SH_ARRAY && w->sort < w->columns.a->n ? w->columns.a->v[w->sort] : SH_NIL;
}

/* The objects in the order that is shown. */
static struct sv in_order(struct sh *sh, struct watch *w, struct sv list)
{
        struct sv all = sh_is_enumerable(list) ? sh_array_copy(list) : sh_array_new(1), name = column_name(w);
        if (!sh_is_enumerable(list) && !sh_is_null(list))
                sh_array_add(all.a, list);
        struct ordered *o = calloc(all.a->n + 1, sizeof *o);
        if (!o)
                abort();
        for (uint32_t i = 0; i < all.a->n; i++) {
                o[i].object = all.a->v[i];
                if (name.kind == SH_STRING &&
                    sh_prop_get(sh, all.a->v[i], name.s->s, name.s->len, &o[i].by) != SH_OK) {
                        sh_forget_error(sh);
                        o[i].by = SH_NIL;
                }
        }
        sorting = sh;
        qsort(o, all.a->n, sizeof *o, by_column);
        for (uint32_t i = 0; i < all.a->n; i++) {
                all.a->v[i] = o[w->down ? all.a->n - 1 - i : i].object;
                sh_drop(o[i].by);
        }
        free(o);
        return all;
}

/* Of the first object: its view's columns, or its first properties; the numbers among them get a course. */
struct choosing {
        struct watch *w;
        uint32_t most;
};
static bool choose(void *state, const char *name, size_t n, int kind)
{
        struct choosing *x = state;
        (void)kind;
        if (x->w->columns.a->n < x->most)
                sh_array_take(x->w->columns.a, sh_string(name, n));
        return x->w->columns.a->n < x->most;
}

static void choose_columns(struct sh_cmd *c, struct watch *w, struct sv first)
{
        struct sh *sh = sh_session(c);
        struct choosing x = { w, 5 };
        bool list;
        if (w->chosen)
                return;
        w->chosen = true;
        const char *const *view = first.kind == SH_MODEL ? sh_model_view(first, &list) : NULL;
        if (w->columns.kind != SH_ARRAY) {
                w->columns = sh_array_new(8);
                const struct rv_class *k = first.kind == SH_MODEL ? sh_model_class_of(first) : NULL;
                const char *key = NULL; /* it tells the rows apart */
                for (uint32_t i = 0; k && !key && i < k->nproperties; i++)
                        key = k->properties[i].flags & RV_KEY ? k->properties[i].name : NULL;
                if (key)
                        sh_array_take(w->columns.a, sh_text(key));
                for (; view && *view && w->columns.a->n < 7; view++) { /* "label|property|..." */
                        size_t label = strcspn(*view, "|"),
                               n = (*view)[label] ? strcspn(*view + label + 1, "|") : 0;
                        struct sv name = n ? sh_string(*view + label + 1, n) : sh_string(*view, label);
                        if (key && sh_text_same(name.s->s, name.s->len, key, strlen(key)))
                                sh_drop(name);
                        else
                                sh_array_take(w->columns.a, name);
                }
                if (w->columns.a->n <= (key != NULL))
                        sh_properties(sh, first, choose, &x);
        }
        const char *by = sh_arg_text(c, "SortBy", NULL);
        for (uint32_t i = 0; by && i < w->columns.a->n; i++)
                if (w->columns.a->v[i].kind == SH_STRING && !strcasecmp(w->columns.a->v[i].s->s, by))
                        w->sort = i;
        if (w->sparks.kind == SH_ARRAY)
                return;
        w->sparks = sh_array_new(2);
        for (uint32_t i = 1; i < w->columns.a->n && w->sparks.a->n < 2; i++) {
                struct sv v, name = w->columns.a->v[i];
                if (name.kind != SH_STRING || sh_prop_get(sh, first, name.s->s, name.s->len, &v) != SH_OK) {
                        sh_forget_error(sh);
                        continue;
                }
                if (sh_is_number(v) && !strcasestr(name.s->s, "Id"))
                        sh_array_add(w->sparks.a, name);
                sh_drop(v);
        }
}

static void put_head(struct watch *w, double seconds, const char *now, char *head, size_t n)
{
        struct sv by = column_name(w);
        if (!w->screen)
                *head = 0;
        else if (!w->show || by.kind != SH_STRING)
                snprintf(head, n, "Every %gs, q ends  %s", seconds, now);
        else
                snprintf(head, n, "By %.20s %s, every %gs  < > column, r reverses, q ends  %s", by.s->s,
                         w->down ? "down" : "up", seconds, now);
}

static int to_formatter(void *state, struct sv record)
{
        return sh_format_write(state, record);
}

/* ---- looks ---- */
static int look(struct sh_cmd *c, struct watch *w, double seconds)
{
        struct sh *sh = sh_session(c);
        struct sv list, item;
        struct winsize size = { 0 };
        char now[32], head[128];
        time_t t = time(NULL);
        struct tm tm;
        int st = sh_block_value(sh, w->block, NULL, (struct sh_args) { 0 }, true, &list);
        if (st != SH_OK)
                return st;
        if (w->show) {
                struct sv plain = list, first = sh_is_enumerable(list) && list.kind == SH_ARRAY && list.a->n
                                                        ? list.a->v[0]
                                                        : list;
                if (!sh_is_null(first))
                        choose_columns(c, w, first);
                list = in_order(sh, w, plain);
                sh_drop(plain);
        }
        if (w->screen)
                ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        int width = size.ws_col ? size.ws_col : sh_width(sh);
        w->rows = size.ws_row ? size.ws_row : 24;
        w->line = 0;
        w->page.n = 0;
        sh_buf_puts(&w->page, w->screen ? "\033[H" : "");
        localtime_r(&t, &tm);
        strftime(now, sizeof(now), "%H:%M:%S", &tm);
        put_head(w, seconds, now, head, sizeof head);
        page_line(w, head, strlen(head));
        struct sh_formatter *f =
                sh_format_new(sh, page_line, w, width, w->screen && sh_colourful(STDOUT_FILENO));
        struct sh_format_options table = {
                .shape = SH_SHAPE_TABLE, .autosize = 1, .hide_header = -1, .wrap = -1
        };
        struct sh_front *front =
                w->show ? sh_front_new(sh, &table, to_formatter, f) : NULL; /* rows, however many columns */
        size_t pos = 0;
        for (int shown = 0; st == SH_OK && !sh_is_null(list) && sh_next(list, &pos, &item); shown++) {
                if (!front || !w->screen || shown < w->rows) { /* the rest has no room */
                        struct sv row = row_of(c, w, item);
                        st = front ? sh_front_write(front, row) : sh_format_write(f, row);
                        sh_drop(row);
                }
                sh_drop(item);
        }
        if (front) {
                int over = sh_front_end(front);
                st = st == SH_OK ? over : st;
                sh_front_free(front);
        }
        int ended = sh_format_end(f);
        sh_drop(list);
        if (w->screen)
                sh_buf_puts(&w->page, "\033[J");
        sh_host_write(sh, w->page.p, w->page.n);
        sh_host_flush(sh);
        return st == SH_OK ? ended : st;
}
/* A key of Show-: arrows come as ESC [ C and ESC [ D. */
static bool press(struct watch *w, char key)
{
        uint32_t n = w->columns.kind == SH_ARRAY ? w->columns.a->n : 0;
        char rest[2];
        if (key == 27 && read(STDIN_FILENO, rest, 2) == 2 && (rest[0] == '[' || rest[0] == 'O'))
                key = rest[1] == 'C' ? '>' : rest[1] == 'D' ? '<' : 0;
        if (n && (key == '>' || key == '.'))
                w->sort = (w->sort + 1) % n;
        else if (n && (key == '<' || key == ','))
                w->sort = (w->sort + n - 1) % n;
        else if ((key | 32) == 'r')
                w->down = !w->down;
        else
                return key == ' ';
        return true;
}
/* Until the next look. SH_STOP: q was pressed. */
static int wait_for(struct sh_cmd *c, struct watch *w, double seconds)
{
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        for (;;) {
                int st = sh_check(sh_session(c));
                clock_gettime(CLOCK_MONOTONIC, &b);
                double left = seconds - (double)(b.tv_sec - a.tv_sec) - (double)(b.tv_nsec - a.tv_nsec) / 1e9;
                if (st != SH_OK || left <= 0)
                        return st;
                struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
                char key;
                int ready = poll(&p, w->raw ? 1 : 0, left > 0.1 ? 100 : (int)(left * 1000) + 1);
                if (ready <= 0 || !w->raw || read(STDIN_FILENO, &key, 1) != 1)
                        continue;
                if ((key | 32) == 'q')
                        return SH_STOP;
                if (w->show && press(w, key))
                        return SH_OK; /* shown at once */
        }
}
static int run_looks(struct sh_cmd *c, struct watch *w)
{
        double seconds = 2;
        int64_t count = sh_arg_int(c, "Count", INT64_MAX);
        sh_to_double(sh_session(c), sh_bound(c, "Interval") ? sh_arg(c, "Interval") : sh_int(2), &seconds);
        if (!(seconds >= 0.05 && seconds <= 86400))
                return sh_cmd_throw(c, "ParameterArgumentValidationError", "InvalidData", SH_NIL,
                                    "Interval is between 0.05 and 86400 seconds.");
        w->courses = sh_hash_new(false);
        sh_flush(sh_session(c));
        enter(c, w);
        int st = SH_OK;
        for (int64_t i = 0; st == SH_OK && i < count; i++) {
                st = look(c, w, seconds);
                if (st == SH_OK && i + 1 < count)
                        st = wait_for(c, w, seconds);
        }
        leave(c, w);
        return st == SH_STOP && !sh_interrupt ? SH_OK : st;
}
static int watch_end(struct sh_cmd *c)
{
        struct watch *w = sh_state(c);
        w->block = sh_keep(sh_arg(c, "ScriptBlock"));
        w->columns = sh_keep(sh_arg(c, "Property"));
        w->sparks = sh_keep(sh_arg(c, "Sparkline"));
        return run_looks(c, w);
}
static void watch_clean(struct sh_cmd *c)
{
        struct watch *w = sh_state(c);
        leave(c, w);
        sh_drop(w->block);
        sh_drop(w->columns);
        sh_drop(w->sparks);
        sh_drop(w->courses);
        w->block = w->columns = w->sparks = w->courses = SH_NIL;
        sh_buf_free(&w->page);
}
static const struct sh_cmdlet watch_command = {
        .name = "Watch-Command",
        .synopsis = "Shows what a block writes again and again, with the course of numbers.",
        .description = "On a terminal the alternate screen is used; q or Ctrl-C ends. Only what fits the "
                       "screen is shown.",
        .state_size = sizeof(struct watch),
        .end = watch_end,
        .clean = watch_clean,
        .params =
                (const struct sh_param[]) {
                        { "ScriptBlock", .type = "scriptblock", .position = 1, .mandatory = true,
                          .help = "What is run for each look." },
                        { "Property", .type = "string[]", .position = 2, .complete = "property",
                          .help = "The columns; the first one tells the rows apart." },
                        { "Sparkline", .type = "string[]",
                          .help = "Of the columns: numbers whose last values are drawn beside them." },
                        { "Interval", .type = "object", .help = "Seconds between looks; 2 when not given." },
                        { "Count", .type = "long", .min = 1, .max = INT64_MAX,
                          .help = "Ends after so many looks." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Watch-Command { Get-Process | Sort-Object CPU -Descending | Select-Object -First "
                          "10 } -Property Id, Name, CPU -Sparkline CPU",
                          NULL, "The busiest processes and their course." },
                        { "Watch-Command { 'now' } -Count 2 -Interval 0.05", "now\n\nnow",
                          "Two looks without a terminal." },
                        { 0 } },
};

/* ---- Show-CimInstance, Show-NOUN ---- */
static void put_word(struct sh_buf *b, const char *s)
{
        sh_buf_puts(b, "'");
        for (; *s; s++)
                sh_buf_put(b, *s == '\'' ? "''" : s, *s == '\'' ? 2 : 1);
        sh_buf_puts(b, "'");
}
static int show_end(struct sh_cmd *c)
{
        struct watch *w = sh_state(c);
        const char *name = sh_cmdlet_of(c)->name, *filter = sh_arg_text(c, "Filter", NULL);
        bool general = !strcasecmp(name, "Show-CimInstance");
        struct sh_buf b = { 0 };
        sh_buf_puts(&b, general ? "Get-CimInstance -ClassName " : "Get-");
        if (general)
                put_word(&b, sh_arg_text(c, "ClassName", ""));
        else
                sh_buf_puts(&b, name + 5);
        if (filter) {
                sh_buf_puts(&b, " -Filter ");
                put_word(&b, filter);
        }
        int st = sh_block_parse(sh_session(c), b.p, b.n, &w->block);
        sh_buf_free(&b);
        if (st != SH_OK)
                return st;
        w->show = true;
        w->down = sh_switch(c, "Descending");
        w->columns = sh_keep(sh_arg(c, "Property"));
        w->sparks = sh_keep(sh_arg(c, "Sparkline"));
        return run_looks(c, w);
}
#define SHOWING \
        { "Property", .type = "string[]", .complete = "property", \
          .help = "The columns; the first one tells the rows apart. Those of the class's view when not " \
                  "given." }, \
                { "SortBy", .type = "string", .complete = "property", \
                  .help = "The column that orders the rows." }, \
                { "Descending", .type = "switch", .help = "The largest first." }, \
                { "Sparkline", .type = "string[]", \
                  .help = "Columns of numbers whose last values are drawn beside them; two when not " \
                          "given." }, \
                { "Filter", .type = "string", .help = "Only instances for which this condition holds." }, \
                { "Interval", .type = "object", .help = "Seconds between looks; 2 when not given." }, \
        { \
                "Count", .type = "long", .min = 1, .max = INT64_MAX, .help = "Ends after so many looks." \
        }
static const struct sh_cmdlet show_instance = {
        .name = "Show-CimInstance",
        .synopsis = "Shows the instances of a class again and again, ordered, with the course of numbers.",
        .description = "On a terminal the alternate screen is used. < and > (or the arrows) choose the "
                       "column that orders "
                       "the rows, r reverses, the space bar looks at once, q ends. Classes with cmdlets of "
                       "their own have "
                       "Show-NOUN: Show-Process, Show-Service.",
        .state_size = sizeof(struct watch),
        .end = show_end,
        .clean = watch_clean,
        .params =
                (const struct sh_param[]) { { "ClassName", .type = "string", .position = 1, .mandatory = true,
                                              .complete = "class", .help = "The class." },
                                            SHOWING,
                                            { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Show-CimInstance Process -Property Id, Name, CPU -SortBy CPU -Descending", NULL,
                          "The busiest processes." },
                        { "Show-Service -SortBy Status -Count 1", NULL, "One look at the services." },
                        { 0 } },
};

/* Show-Process and its like, made when they are asked for; they stay. */
const struct sh_cmdlet *sh_show_cmdlet(const char *name)
{
        static const struct sh_param params[] = { SHOWING, { 0 } };
        static struct made {
                struct sh_cmdlet table;
                struct made *next;
        } * all;
        for (struct made *m = all; m; m = m->next)
                if (!strcasecmp(m->table.name, name))
                        return &m->table;
        struct made *m = calloc(1, sizeof *m);
        if (!m)
                abort();
        m->table = show_instance;
        m->table.name = strdup(name);
        m->table.params = params;
        m->table.examples = NULL;
        m->next = all;
        all = m;
        return &m->table;
}

SH_CMDLETS(watch, &watch_command, &show_instance);
