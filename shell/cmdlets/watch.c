/* SPDX-License-Identifier: MIT
 *
 * Watch-Command: what a block writes, shown again and again on the alternate screen, with the course of numbers beside
 * them. Without a terminal each look is printed after the other.
 */
#include "shell/code.h"
#include "shell/format.h"
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
        struct sv names = sh_arg(c, "Property"), spark = sh_arg(c, "Sparkline"), item, v, key = SH_NIL;
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

/* ---- looks ---- */
static int look(struct sh_cmd *c, struct watch *w, double seconds)
{
        struct sh *sh = sh_session(c);
        struct sv list, item;
        struct winsize size = { 0 };
        char now[32], head[128];
        time_t t = time(NULL);
        struct tm tm;
        int st = sh_block_value(sh, sh_arg(c, "ScriptBlock"), NULL, (struct sh_args) { 0 }, true, &list);
        if (st != SH_OK)
                return st;
        if (w->screen)
                ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        int width = size.ws_col ? size.ws_col : sh_width(sh);
        w->rows = size.ws_row ? size.ws_row : 24;
        w->line = 0;
        w->page.n = 0;
        sh_buf_puts(&w->page, w->screen ? "\033[H" : "");
        localtime_r(&t, &tm);
        strftime(now, sizeof(now), "%H:%M:%S", &tm);
        snprintf(head, sizeof(head), w->screen ? "Every %gs, q ends  %s" : "", seconds, now);
        page_line(w, head, strlen(head));
        struct sh_formatter *f =
                sh_format_new(sh, page_line, w, width, w->screen && sh_colourful(STDOUT_FILENO));
        size_t pos = 0;
        while (st == SH_OK && !sh_is_null(list) && sh_next(list, &pos, &item)) {
                struct sv row = row_of(c, w, item);
                st = sh_format_write(f, row);
                sh_drop(row);
                sh_drop(item);
        }
        int ended = sh_format_end(f);
        sh_drop(list);
        if (w->screen)
                sh_buf_puts(&w->page, "\033[J");
        sh_host_write(sh, w->page.p, w->page.n);
        sh_host_flush(sh);
        return st == SH_OK ? ended : st;
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
                if (ready > 0 && w->raw && read(STDIN_FILENO, &key, 1) == 1 && (key | 32) == 'q')
                        return SH_STOP;
        }
}
static int watch_end(struct sh_cmd *c)
{
        struct watch *w = sh_state(c);
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
static void watch_clean(struct sh_cmd *c)
{
        struct watch *w = sh_state(c);
        leave(c, w);
        sh_drop(w->courses);
        w->courses = SH_NIL;
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

SH_CMDLETS(watch, &watch_command);
