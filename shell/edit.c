/* SPDX-License-Identifier: MIT
 *
 * The line editor. What is to be seen is laid out as rows of cells; what was seen before is kept the same way, and
 * only the cells that differ are written, in one write for each key. The terminal is never asked anything: where
 * the cursor is follows from what was written.
 */
#include "shell/edit_int.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <utf8proc.h>

enum { MOST_TEXT = 1 << 20, MOST_ROWS = 500 };

static volatile sig_atomic_t resized;
static void on_resize(int s)
{
        (void)s;
        resized = 1;
}

/* ---- choices ---- */
void sh_choice_add(struct sh_choices *c, const char *text, size_t n, const char *label, const char *help)
{
        void *v = realloc(c->v, (c->n + 1) * sizeof *c->v);
        if (!v)
                return;
        c->v = v;
        c->v[c->n].text = strndup(text, n);
        c->v[c->n].label = label ? strdup(label) : NULL;
        c->v[c->n].help = help ? strdup(help) : NULL;
        c->n++;
}
void sh_choices_free(struct sh_choices *c)
{
        for (size_t i = 0; i < c->n; i++) {
                free(c->v[i].text);
                free(c->v[i].label);
                free(c->v[i].help);
        }
        free(c->v);
        *c = (struct sh_choices) { 0 };
}

/* ---- output ---- */
static void put(struct sh_edit *e, const char *s, size_t n)
{
        struct out *w = &e->w;
        if (w->n + n > w->cap) {
                size_t cap = (w->n + n) * 2 + 256;
                char *p = realloc(w->p, cap);
                if (!p)
                        return;
                w->p = p, w->cap = cap;
        }
        memcpy(w->p + w->n, s, n);
        w->n += n;
}
static void puts_(struct sh_edit *e, const char *s)
{
        put(e, s, strlen(s));
}
static void flush(struct sh_edit *e)
{
        for (size_t at = 0; at < e->w.n;) {
                ssize_t n = write(e->out, e->w.p + at, e->w.n - at);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                at += (size_t)n;
        }
        e->w.n = 0;
}

/* ---- laying out ---- */
static struct cell *cell_at(struct sh_edit *e, struct frame *f, int row, int col)
{
        if (row >= f->cap) {
                int cap = row + 8;
                struct cell *v = realloc(f->v, (size_t)cap * (size_t)e->width * sizeof *v);
                if (!v)
                        return NULL;
                memset(v + (size_t)f->cap * (size_t)e->width, 0,
                       (size_t)(cap - f->cap) * (size_t)e->width * sizeof *v);
                f->v = v, f->cap = cap;
        }
        if (row >= f->rows)
                f->rows = row + 1;
        return &f->v[(size_t)row * (size_t)e->width + (size_t)col];
}

struct pen {
        int row, col;
};
static void draw(struct sh_edit *e, struct pen *p, const char *s, size_t n, int width, uint8_t colour)
{
        if (p->row >= MOST_ROWS)
                return;
        if (p->col + width > e->width)
                p->row++, p->col = 0;
        struct cell *c = cell_at(e, &e->now, p->row, p->col);
        if (!c)
                return;
        if (width == 0 && p->col > 0) { /* a mark over the letter before */
                c--;
                if (c->n + n <= sizeof c->s) {
                        memcpy(c->s + c->n, s, n);
                        c->n = (uint8_t)(c->n + n);
                }
                return;
        }
        c->n = (uint8_t)(n < sizeof c->s ? n : sizeof c->s);
        memcpy(c->s, s, c->n);
        c->width = (uint8_t)width;
        c->colour = colour;
        p->col += width;
        if (p->col >= e->width)
                p->row++, p->col = 0;
}

/* One character of a text: what is not printable is shown harmlessly. Answers its bytes. */
static size_t draw_char(struct sh_edit *e, struct pen *p, const char *s, size_t n, uint8_t colour)
{
        utf8proc_int32_t c;
        utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &c);
        char shown[8];
        if (k <= 0 || c < 32 || c == 127 || (c >= 0x80 && c < 0xa0)) {
                if (k > 0 && c < 32) {
                        snprintf(shown, sizeof shown, "%c", c + 64);
                        draw(e, p, "^", 1, 1, SH_C_DIM);
                        draw(e, p, shown, 1, 1, SH_C_DIM);
                } else {
                        snprintf(shown, sizeof shown, "<%02x>", (unsigned char)*s);
                        for (int i = 0; shown[i]; i++)
                                draw(e, p, &shown[i], 1, 1, SH_C_DIM);
                }
                return k > 0 ? (size_t)k : 1;
        }
        int width = utf8proc_charwidth(c);
        draw(e, p, s, (size_t)k, width < 0 ? 1 : width, colour);
        return (size_t)k;
}

/* The prompt: escape sequences in it take no room. */
static void draw_prompt(struct sh_edit *e, struct pen *p, const char *s)
{
        size_t n = strlen(s);
        for (size_t i = 0; i < n;) {
                if (s[i] == 27 && s[i + 1] == '[') {
                        for (i += 2; i < n && !isalpha((unsigned char)s[i]); i++)
                                ;
                        i += i < n;
                } else if (s[i] == '\n') {
                        p->row++, p->col = 0;
                        cell_at(e, &e->now, p->row, 0);
                        i++;
                } else {
                        i += draw_char(e, p, s + i, n - i, SH_C_PROMPT);
                }
        }
}

static void layout(struct sh_edit *e)
{
        struct pen p = { 0, 0 };
        char searching[400];
        if (e->now.v)
                memset(e->now.v, 0, (size_t)e->now.cap * (size_t)e->width * sizeof *e->now.v);
        e->now.rows = 0;
        cell_at(e, &e->now, 0, 0);
        snprintf(searching, sizeof searching, "(search) '%s': ", e->search);
        draw_prompt(e, &p, e->searching ? searching : e->prompt);
        if (e->ntints < e->n + 1) {
                uint8_t *t = realloc(e->tints, e->n + 256);
                if (t)
                        e->tints = t, e->ntints = e->n + 256;
        }
        if (e->tints)
                memset(e->tints, SH_C_PLAIN, e->ntints);
        if (e->tints && e->colours && e->hooks.colour && e->n < 20000)
                e->hooks.colour(e->state, e->text, e->n, e->tints);
        for (size_t i = 0; i < e->n;) {
                if (i == e->cursor)
                        e->now.row = p.row, e->now.col = p.col;
                if (e->text[i] == '\n') {
                        p.row++, p.col = 0;
                        cell_at(e, &e->now, p.row, 0);
                        draw_prompt(e, &p, ">> ");
                        i++;
                } else {
                        i += draw_char(e, &p, e->text + i, e->n - i, e->tints ? e->tints[i] : 0);
                }
        }
        cell_at(e, &e->now, p.row, p.col < e->width ? p.col : 0);
        if (e->cursor >= e->n)
                e->now.row = p.row, e->now.col = p.col;
}

/* ---- drawing the difference ---- */
static const char *const tints[] = { "0",  "93", "90", "36", "92", "97", "92", "90",
                                     "37", "37", "32", "91", "0",  "7",  "90" };

static void go(struct sh_edit *e, int row, int col)
{
        char seq[32];
        struct frame *o = &e->old;
        if (row < o->row) {
                snprintf(seq, sizeof seq, "\x1b[%dA", o->row - row);
                puts_(e, seq);
        }
        for (; o->row < row; o->row++)
                if (o->row + 1 < e->used) {
                        puts_(e, "\x1b[B");
                } else {
                        puts_(e, "\r\n");
                        e->used++;
                        o->col = 0;
                }
        o->row = row;
        if (col == o->col)
                return;
        if (col == 0)
                puts_(e, "\r");
        else if (col < o->col && o->col - col < 4)
                for (; o->col > col; o->col--)
                        puts_(e, "\b");
        else if (col > o->col) {
                snprintf(seq, sizeof seq, "\x1b[%dC", col - o->col);
                puts_(e, seq);
        } else {
                snprintf(seq, sizeof seq, "\r\x1b[%dC", col);
                puts_(e, seq);
        }
        o->col = col;
}

static void put_cell(struct sh_edit *e, const struct cell *c, uint8_t *tint)
{
        if (e->colours && c->colour != *tint && c->colour < sizeof tints / sizeof *tints) {
                puts_(e, "\x1b[");
                puts_(e, c->n ? tints[c->colour] : "0");
                puts_(e, "m");
                *tint = c->n ? c->colour : 0;
        }
        if (c->n)
                put(e, c->s, c->n);
        else
                puts_(e, " ");
}

static bool same(const struct cell *a, const struct cell *b)
{
        return a->n == b->n && a->width == b->width && a->colour == b->colour && !memcmp(a->s, b->s, a->n);
}

static void draw_row(struct sh_edit *e, int row)
{
        static const struct cell none;
        int last_new = -1, last_old = -1;
        uint8_t tint = 0;
        for (int c = 0; c < e->width; c++) {
                if (row < e->now.rows && e->now.v[row * e->width + c].n)
                        last_new = c;
                if (row < e->old.rows && e->old.v[row * e->width + c].n)
                        last_old = c;
        }
        for (int c = 0; c <= last_new; c++) {
                const struct cell *x = &e->now.v[row * e->width + c],
                                  *y = row < e->old.rows ? &e->old.v[row * e->width + c] : &none;
                if (same(x, y) || (!x->n && c && e->now.v[row * e->width + c - 1].width == 2))
                        continue;
                go(e, row, c);
                put_cell(e, x, &tint);
                e->old.col += x->n ? x->width : 1;
                if (e->old.col >= e->width)
                        e->old.col = e->width - 1,
                        go(e, row, 0); /* whether it wraps now differs between terminals */
        }
        if (tint)
                puts_(e, "\x1b[0m");
        if (last_old > last_new) {
                go(e, row, last_new + 1);
                puts_(e, "\x1b[K");
        }
}

static void refresh(struct sh_edit *e)
{
        layout(e);
        int rows = e->now.rows > e->old.rows ? e->now.rows : e->old.rows;
        for (int r = 0; r < rows; r++)
                draw_row(e, r);
        int row = e->now.row, col = e->now.col;
        go(e, row, col);
        struct frame t = e->old;
        e->old = e->now;
        e->now = t;
        e->old.row = row, e->old.col = col;
        flush(e);
}

static void forget(struct sh_edit *e)
{
        e->old.rows = 0;
        e->old.row = e->old.col = 0;
        e->used = 1;
        if (e->old.v)
                memset(e->old.v, 0, (size_t)e->old.cap * (size_t)e->width * sizeof *e->old.v);
}

static void measure(struct sh_edit *e)
{
        struct winsize w;
        int width = ioctl(e->out, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20 ? w.ws_col : 80;
        if (width == e->width)
                return;
        e->width = width;
        free(e->old.v);
        free(e->now.v);
        e->old = e->now = (struct frame) { 0 };
}

static void to_end(struct sh_edit *e)
{
        go(e, e->old.rows > 0 ? e->old.rows - 1 : 0, 0);
        puts_(e, "\r\n");
        flush(e);
        forget(e);
}

/* ---- text ---- */
size_t sh_ed_before(const struct sh_edit *e, size_t at)
{
        while (at && ((unsigned char)e->text[--at] & 0xc0) == 0x80)
                ;
        return at;
}
size_t sh_ed_after(const struct sh_edit *e, size_t at)
{
        if (at < e->n)
                at++;
        while (at < e->n && ((unsigned char)e->text[at] & 0xc0) == 0x80)
                at++;
        return at;
}
void sh_ed_insert(struct sh_edit *e, const char *s, size_t n)
{
        if (e->n + n > MOST_TEXT)
                return;
        if (e->n + n + 1 > e->cap) {
                size_t cap = (e->n + n) * 2 + 64;
                char *p = realloc(e->text, cap);
                if (!p)
                        return;
                e->text = p, e->cap = cap;
        }
        memmove(e->text + e->cursor + n, e->text + e->cursor, e->n - e->cursor);
        memcpy(e->text + e->cursor, s, n);
        e->n += n;
        e->cursor += n;
        e->text[e->n] = 0;
}
void sh_ed_cut(struct sh_edit *e, size_t from, size_t to, bool keep)
{
        if (to <= from)
                return;
        if (keep) {
                free(e->kill);
                e->kill = strndup(e->text + from, to - from);
                e->nkill = to - from;
        }
        memmove(e->text + from, e->text + to, e->n - to);
        e->n -= to - from;
        e->text[e->n] = 0;
        e->cursor = from;
}
static void replace(struct sh_edit *e, const char *s)
{
        e->n = e->cursor = 0;
        sh_ed_insert(e, s, strlen(s));
}
static size_t word_left(const struct sh_edit *e)
{
        size_t at = e->cursor;
        while (at && !isalnum((unsigned char)e->text[at - 1]) && (unsigned char)e->text[at - 1] < 128)
                at--;
        while (at && (isalnum((unsigned char)e->text[at - 1]) || (unsigned char)e->text[at - 1] >= 128))
                at--;
        return at;
}
static size_t word_right(const struct sh_edit *e)
{
        size_t at = e->cursor;
        while (at < e->n && !isalnum((unsigned char)e->text[at]) && (unsigned char)e->text[at] < 128)
                at++;
        while (at < e->n && (isalnum((unsigned char)e->text[at]) || (unsigned char)e->text[at] >= 128))
                at++;
        return at;
}
size_t sh_ed_line_start(const struct sh_edit *e)
{
        size_t at = e->cursor;
        while (at && e->text[at - 1] != '\n')
                at--;
        return at;
}
size_t sh_ed_line_end(const struct sh_edit *e)
{
        size_t at = e->cursor;
        while (at < e->n && e->text[at] != '\n')
                at++;
        return at;
}

/* ---- history ---- */
static void recall(struct sh_edit *e, size_t at)
{
        size_t count = sh_history_count(e->history);
        if (e->at == count && at < count) {
                free(e->saved);
                e->saved = strdup(e->text ? e->text : "");
        }
        if (at > count)
                return;
        e->at = at;
        replace(e, at < count ? sh_history_at(e->history, at) : e->saved ? e->saved : "");
}
void sh_ed_up_or_down(struct sh_edit *e, bool up)
{
        size_t start = sh_ed_line_start(e), column = e->cursor - start;
        if (up && start) { /* within the text */
                e->cursor = start - 1;
                size_t above = sh_ed_line_start(e);
                e->cursor = above + (column < e->cursor - above ? column : e->cursor - above);
        } else if (!up && sh_ed_line_end(e) < e->n) {
                e->cursor = sh_ed_line_end(e) + 1;
                size_t end = sh_ed_line_end(e);
                e->cursor += column < end - e->cursor ? column : end - e->cursor;
        } else if (up && e->at > 0) {
                recall(e, e->at - 1);
        } else if (!up && e->at < sh_history_count(e->history)) {
                recall(e, e->at + 1);
        }
}
static void search_back(struct sh_edit *e, size_t from)
{
        for (size_t i = from; i-- > 0;) {
                const char *line = sh_history_at(e->history, i), *at = strstr(line, e->search);
                if (!at)
                        continue;
                e->at = i;
                replace(e, line);
                e->cursor = (size_t)(at - line);
                return;
        }
}

/* ---- completion ---- */
static void list_choices(struct sh_edit *e, struct sh_choices *c)
{
        size_t widest = 1, shown = c->n > 200 ? 200 : c->n;
        for (size_t i = 0; i < shown; i++) {
                size_t n = strlen(c->v[i].label ? c->v[i].label : c->v[i].text);
                widest = n > widest ? n : widest;
        }
        size_t per = (size_t)e->width / (widest + 2);
        per = per ? per : 1;
        size_t rows = (shown + per - 1) / per;
        to_end(e);
        for (size_t r = 0; r < rows; r++) {
                for (size_t k = 0; k < per && r + k * rows < shown; k++) {
                        const char *s =
                                c->v[r + k * rows].label ? c->v[r + k * rows].label : c->v[r + k * rows].text;
                        for (const char *p = s; *p; p++)
                                put(e, (unsigned char)*p < 32 || *p == 127 ? "?" : p, 1);
                        for (size_t pad = strlen(s); pad < widest + 2 && r + (k + 1) * rows < shown; pad++)
                                puts_(e, " ");
                }
                puts_(e, "\r\n");
        }
        if (shown < c->n)
                puts_(e, "...\r\n");
        flush(e);
}

static void complete(struct sh_edit *e)
{
        struct sh_choices c = { .from = e->cursor, .to = e->cursor };
        if (!e->hooks.choices)
                return;
        e->hooks.choices(e->state, e->text ? e->text : "", e->n, e->cursor, &c);
        if (c.n == 0) {
                puts_(e, "\a");
                flush(e);
                sh_choices_free(&c);
                return;
        }
        size_t common = strlen(c.v[0].text);
        for (size_t i = 1; i < c.n; i++) {
                size_t k = 0;
                while (k < common &&
                       tolower((unsigned char)c.v[i].text[k]) == tolower((unsigned char)c.v[0].text[k]))
                        k++;
                common = k;
        }
        size_t had = c.to - c.from;
        if (common > had || (c.n == 1)) {
                e->cursor = c.to;
                sh_ed_cut(e, c.from, c.to, false);
                sh_ed_insert(e, c.v[0].text, common);
        } else if (e->last_tab) {
                list_choices(e, &c);
        }
        e->last_tab = true;
        sh_choices_free(&c);
}

/* ---- keys ---- */
static int read_byte(struct sh_edit *e, int wait_ms)
{
        unsigned char c;
        for (;;) {
                struct pollfd p = { e->in, POLLIN, 0 };
                int r = poll(&p, 1, wait_ms);
                if (r == 0)
                        return -2;
                if (r < 0 && errno == EINTR) {
                        if (resized) {
                                resized = 0;
                                puts_(e, "\r");
                                for (int i = e->old.row; i > 0; i--)
                                        puts_(e, "\x1b[A");
                                puts_(e, "\x1b[J");
                                measure(e);
                                forget(e);
                                refresh(e);
                        }
                        continue;
                }
                ssize_t n = read(e->in, &c, 1);
                if (n == 1)
                        return c;
                if (n < 0 && errno == EINTR)
                        continue;
                return -1;
        }
}

static int read_escape(struct sh_edit *e)
{
        int c = read_byte(e, 50), number = 0, second = 0;
        if (c < 0)
                return 27;
        if (c != '[' && c != 'O')
                return K_ALT + c;
        for (c = read_byte(e, 50); c >= 0 && (isdigit(c) || c == ';'); c = read_byte(e, 50))
                if (c == ';')
                        second = number, number = 0;
                else
                        number = number * 10 + c - '0';
        switch (c) {
        case 'A': return K_UP;
        case 'B': return K_DOWN;
        case 'C': return second || number == 5 ? K_WORDRIGHT : K_RIGHT;
        case 'D': return second || number == 5 ? K_WORDLEFT : K_LEFT;
        case 'H': return K_HOME;
        case 'F': return K_END;
        case '~':
                return number == 3                  ? K_DELETE
                       : number == 1 || number == 7 ? K_HOME
                       : number == 4 || number == 8 ? K_END
                       : number == 200              ? K_PASTE
                       : number == 201              ? K_PASTED
                                                    : K_NONE;
        default: return K_NONE;
        }
}

int sh_ed_read_key(struct sh_edit *e)
{
        int c = read_byte(e, -1);
        return c == 27 ? read_escape(e) : c;
}

/* A character of several bytes is put in whole. */
static void type_char(struct sh_edit *e, int c)
{
        char s[5] = { (char)c };
        int n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4, k = 1;
        for (; k < n; k++) {
                int d = read_byte(e, 100);
                if (d < 0)
                        break;
                s[k] = (char)d;
        }
        sh_ed_insert(e, s, (size_t)k);
}

static void paste(struct sh_edit *e)
{
        for (int c = sh_ed_read_key(e); c != K_PASTED && c != -1; c = sh_ed_read_key(e))
                if (c == '\r' || c == '\n')
                        sh_ed_insert(e, "\n", 1);
                else if (c == '\t')
                        sh_ed_insert(e, "    ", 4);
                else if (c >= 32 && c < 256)
                        type_char(e, c);
}

static void search_key(struct sh_edit *e, int c, bool *ret_again)
{
        size_t n = strlen(e->search);
        *ret_again = false;
        if (c == 18) { /* Ctrl-R: an older one */
                search_back(e, e->at);
        } else if (c == 127 || c == 8) {
                if (n)
                        e->search[n - 1] = 0;
                search_back(e, sh_history_count(e->history));
        } else if (c == 7 || c == 3) {
                e->searching = false;
                recall(e, sh_history_count(e->history));
        } else if (c >= 32 && c < 127 && n + 1 < sizeof e->search) {
                e->search[n] = (char)c;
                e->search[n + 1] = 0;
                search_back(e, sh_history_count(e->history));
        } else {
                e->searching = false;
                *ret_again = true;
        }
}

static void move_key(struct sh_edit *e, int c)
{
        switch (c) {
        case 1:
        case K_HOME: e->cursor = sh_ed_line_start(e); break;
        case 5:
        case K_END: e->cursor = sh_ed_line_end(e); break;
        case 2:
        case K_LEFT: e->cursor = sh_ed_before(e, e->cursor); break;
        case 6:
        case K_RIGHT: e->cursor = sh_ed_after(e, e->cursor); break;
        case K_ALT + 'b':
        case K_WORDLEFT: e->cursor = word_left(e); break;
        case K_ALT + 'f':
        case K_WORDRIGHT: e->cursor = word_right(e); break;
        case 16:
        case K_UP: sh_ed_up_or_down(e, true); break;
        case 14:
        case K_DOWN: sh_ed_up_or_down(e, false); break;
        case K_ALT + '<': recall(e, 0); break;
        case K_ALT + '>': recall(e, sh_history_count(e->history)); break;
        default: break;
        }
}

static void change_key(struct sh_edit *e, int c)
{
        size_t at = e->cursor;
        switch (c) {
        case 127:
        case 8:
                e->cursor = sh_ed_before(e, at);
                sh_ed_cut(e, e->cursor, at, false);
                break;
        case K_DELETE:
        case 4: sh_ed_cut(e, at, sh_ed_after(e, at), false); break;
        case 11: sh_ed_cut(e, at, sh_ed_line_end(e) == at ? sh_ed_after(e, at) : sh_ed_line_end(e), true); break;
        case 21: sh_ed_cut(e, sh_ed_line_start(e), at, true); break;
        case 23:
        case K_ALT + 127: sh_ed_cut(e, word_left(e), at, true); break;
        case K_ALT + 'd': sh_ed_cut(e, at, word_right(e), true); break;
        case 25: sh_ed_insert(e, e->kill ? e->kill : "", e->kill ? e->nkill : 0); break;
        case 20:
                if (at && at < e->n && (unsigned char)e->text[at] < 128 &&
                    (unsigned char)e->text[at - 1] < 128) {
                        char t = e->text[at];
                        e->text[at] = e->text[at - 1];
                        e->text[at - 1] = t;
                        e->cursor++;
                }
                break;
        case K_ALT + 13: sh_ed_insert(e, "\n", 1); break;
        case 12:
                puts_(e, "\x1b[H\x1b[2J");
                forget(e);
                break;
        case 18:
                e->searching = true;
                e->search[0] = 0;
                break;
        case 9: complete(e); break;
        case K_PASTE: paste(e); break;
        default:
                if (c >= 32 && c < 256)
                        type_char(e, c);
        }
}

/* 2 = go on, else what sh_edit_line answers. */
static int one_key(struct sh_edit *e, int c)
{
        bool again = true;
        if (e->searching && c != -1)
                search_key(e, c, &again);
        if (!again)
                return 2;
        bool tab = e->last_tab;
        e->last_tab = false;
        switch (c) {
        case -1: return SH_EDIT_END;
        case 3: return SH_EDIT_CANCELLED;
        case 4:
                if (!e->n)
                        return SH_EDIT_END;
                break;
        case 13:
        case 10:
                if (e->hooks.complete && e->n && !e->hooks.complete(e->state, e->text, e->n)) {
                        e->cursor = e->n;
                        sh_ed_insert(e, "\n", 1);
                        return 2;
                }
                return SH_EDIT_LINE;
        case 9: e->last_tab = tab; break;
        default: break;
        }
        if (sh_vi_key(e, c) == SH_VI_DONE)
                return 2;
        move_key(e, c);
        change_key(e, c);
        return 2;
}

/* ---- the editor ---- */
struct sh_edit *sh_edit_new(int in, int out, const struct sh_edit_hooks *hooks, void *state)
{
        struct sh_edit *e = calloc(1, sizeof *e);
        if (!e)
                return NULL;
        e->in = in;
        e->out = out;
        if (hooks)
                e->hooks = *hooks;
        e->state = state;
        e->history = sh_history_new(NULL);
        return e;
}
void sh_edit_use_history(struct sh_edit *e, struct sh_history *h)
{
        sh_history_free(e->history);
        e->history = h;
}
struct sh_edit *sh_edit_free(struct sh_edit *e)
{
        if (!e)
                return NULL;
        sh_history_free(e->history);
        sh_vi_end(e);
        free(e->text);
        free(e->kill);
        free(e->saved);
        free(e->old.v);
        free(e->now.v);
        free(e->w.p);
        free(e->tints);
        free(e);
        return NULL;
}
struct sh_history *sh_edit_history(struct sh_edit *e)
{
        return e->history;
}
void sh_edit_colours(struct sh_edit *e, bool on)
{
        e->colours = on;
}

int sh_edit_line(struct sh_edit *e, const char *prompt, char **ret)
{
        struct termios old, raw;
        struct sigaction now = { .sa_handler = on_resize }, was;
        int r = 2;
        if (tcgetattr(e->in, &old) != 0)
                return SH_EDIT_END;
        raw = old;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
        raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL | INLCR);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        tcsetattr(e->in, TCSADRAIN, &raw);
        sigaction(SIGWINCH, &now, &was);
        e->prompt = prompt;
        e->n = e->cursor = 0;
        sh_ed_insert(e, "", 0);
        e->at = sh_history_count(e->history);
        sh_vi_begin(e);
        e->searching = e->last_tab = false;
        measure(e);
        forget(e);
        puts_(e, "\x1b[?2004h");
        refresh(e);
        while (r == 2) {
                r = one_key(e, sh_ed_read_key(e));
                if (r == 2)
                        refresh(e);
        }
        e->searching = false;
        e->cursor = e->n;
        refresh(e);
        if (r == SH_EDIT_CANCELLED)
                puts_(e, "^C");
        puts_(e, "\x1b[?2004l");
        to_end(e);
        tcsetattr(e->in, TCSADRAIN, &old);
        sigaction(SIGWINCH, &was, NULL);
        if (r == SH_EDIT_LINE) {
                *ret = strndup(e->text ? e->text : "", e->n);
                sh_history_add(e->history, *ret, e->n);
        }
        return r;
}
