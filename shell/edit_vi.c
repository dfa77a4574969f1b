/* SPDX-License-Identifier: MIT
 *
 * vi's keys: Set-PSReadLineOption -EditMode Vi. A line begins in insert mode, Escape leads to command mode. There are
 * counts, the motions h l 0 ^ $ w b e W B E f F t T ; , | and, with j and k, the history; the operators d c y with
 * motions or doubled; x X s S D C Y p P r ~ J u i a I A. In insert mode all other keys are as ever.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "shell/edit_int.h"

enum { MOST_COUNT = 10000 };

static bool vi_keys;

void sh_edit_use_vi(bool on)
{
        vi_keys = on;
}

bool sh_edit_uses_vi(void)
{
        return vi_keys;
}

/* ---- undo ---- */

static void forget(struct vi *v)
{
        for (unsigned i = 0; i < v->nundo; i++)
                free(v->undo[i].text);
        v->nundo = 0;
}

static void remember(struct sh_edit *e)
{
        struct vi *v = &e->vi;
        char *copy = malloc(e->n + 1);
        if (!copy)
                return;
        if (v->nundo == VI_UNDO) {
                free(v->undo[0].text);
                memmove(&v->undo[0], &v->undo[1], --v->nundo * sizeof v->undo[0]);
        }
        memcpy(copy, e->text, e->n);
        v->undo[v->nundo].text = copy;
        v->undo[v->nundo].n = e->n;
        v->undo[v->nundo++].cursor = e->cursor;
}

static void undo(struct sh_edit *e)
{
        struct vi *v = &e->vi;
        if (!v->nundo)
                return;
        v->nundo--;
        sh_ed_cut(e, 0, e->n, false);
        sh_ed_insert(e, v->undo[v->nundo].text, v->undo[v->nundo].n);
        e->cursor = v->undo[v->nundo].cursor;
        free(v->undo[v->nundo].text);
}

void sh_vi_begin(struct sh_edit *e)
{
        forget(&e->vi);
        e->vi = (struct vi) { .on = vi_keys };
}

void sh_vi_end(struct sh_edit *e)
{
        forget(&e->vi);
}

/* ---- motions ---- */

/* 0 blank, 1 letters, digits and _, 2 other signs; big words: all that is not blank is alike. */
static int class_of(const struct sh_edit *e, size_t at, bool big)
{
        unsigned char c = at < e->n ? (unsigned char)e->text[at] : ' ';
        if (isspace(c))
                return 0;
        return big || isalnum(c) || c == '_' || c >= 128 ? 1 : 2;
}

static size_t next_word(const struct sh_edit *e, size_t at, bool big)
{
        int first = class_of(e, at, big);
        while (first && at < e->n && class_of(e, at, big) == first)
                at = sh_ed_after(e, at);
        while (at < e->n && !class_of(e, at, big))
                at = sh_ed_after(e, at);
        return at;
}

static size_t word_end(const struct sh_edit *e, size_t at, bool big)
{
        at = sh_ed_after(e, at);
        while (at < e->n && !class_of(e, at, big))
                at = sh_ed_after(e, at);
        for (int c = class_of(e, at, big); sh_ed_after(e, at) < e->n && class_of(e, sh_ed_after(e, at), big) == c;)
                at = sh_ed_after(e, at);
        return at < e->n ? at : sh_ed_before(e, e->n);
}

static size_t previous_word(const struct sh_edit *e, size_t at, bool big)
{
        while (at && !class_of(e, sh_ed_before(e, at), big))
                at = sh_ed_before(e, at);
        for (int c = at ? class_of(e, sh_ed_before(e, at), big) : 0; at && class_of(e, sh_ed_before(e, at), big) == c;)
                at = sh_ed_before(e, at);
        return at;
}

/* Of f F t T within the line; SIZE_MAX: there is none. */
static size_t find(const struct sh_edit *e, size_t at, int how, int key)
{
        size_t end = sh_ed_line_end(e), start = sh_ed_line_start(e);
        if (how == 'f' || how == 't') {
                for (size_t i = sh_ed_after(e, at); i < end; i = sh_ed_after(e, i))
                        if ((unsigned char)e->text[i] == key)
                                return how == 'f' ? i : sh_ed_before(e, i);
                return SIZE_MAX;
        }
        for (size_t i = at; i > start;) {
                i = sh_ed_before(e, i);
                if ((unsigned char)e->text[i] == key)
                        return how == 'F' ? i : sh_ed_after(e, i);
        }
        return SIZE_MAX;
}

static int turned(int how)
{
        return how == 'f' ? 'F' : how == 'F' ? 'f' : how == 't' ? 'T' : 't';
}

static size_t step(struct sh_edit *e, int key, size_t at, bool *ret_inclusive)
{
        struct vi *v = &e->vi;
        size_t start = sh_ed_line_start(e), end = sh_ed_line_end(e);
        switch (key) {
        case 'h':
        case K_LEFT:
        case 8:
        case 127: return at > start ? sh_ed_before(e, at) : at;
        case 'l':
        case ' ':
        case K_RIGHT: return at < end ? sh_ed_after(e, at) : at;
        case '0':
        case K_HOME: return start;
        case '^':
                while (start < end && isblank((unsigned char)e->text[start]))
                        start++;
                return start;
        case '$':
        case K_END: return end;
        case 'w':
        case 'W': return next_word(e, at, key == 'W');
        case 'b':
        case 'B': return previous_word(e, at, key == 'B');
        case 'e':
        case 'E': *ret_inclusive = true; return word_end(e, at, key == 'E');
        case ';':
        case ',': {
                int how = key == ';' ? v->find : turned(v->find);
                *ret_inclusive = how == 'f' || how == 't';
                return v->find ? find(e, at, how, v->find_key) : SIZE_MAX;
        }
        default: return SIZE_MAX;
        }
}

/* Where a motion leads; SIZE_MAX: it is none, or leads nowhere. */
static size_t motion(struct sh_edit *e, int key, int count, bool *ret_inclusive)
{
        size_t at = e->cursor, start = sh_ed_line_start(e), end = sh_ed_line_end(e);
        *ret_inclusive = false;
        if (key == '|') {
                for (at = start; --count > 0 && at < end;)
                        at = sh_ed_after(e, at);
                return at;
        }
        if (key == 'f' || key == 'F' || key == 't' || key == 'T') {
                e->vi.find = key;
                e->vi.find_key = sh_ed_read_key(e);
                key = ';';
        }
        for (int i = 0; i < count && at != SIZE_MAX; i++)
                at = step(e, key, at, ret_inclusive);
        return at;
}

/* ---- commands ---- */

static void to_insert(struct sh_edit *e)
{
        e->vi.command = false;
}

/* In command mode the cursor stands on a character. */
static void settle(struct sh_edit *e)
{
        if (e->vi.command && e->cursor > sh_ed_line_start(e) && e->cursor == sh_ed_line_end(e))
                e->cursor = sh_ed_before(e, e->cursor);
}

static void operate(struct sh_edit *e, int op, size_t from, size_t to)
{
        if (to < from) {
                size_t t = from;
                from = to, to = t;
        }
        if (op == 'y') {
                free(e->kill);
                e->kill = strndup(e->text + from, to - from);
                e->nkill = e->kill ? to - from : 0;
                e->cursor = from;
                return;
        }
        remember(e);
        sh_ed_cut(e, from, to, true);
        e->cursor = from;
        if (op == 'c')
                to_insert(e);
}

static void put(struct sh_edit *e, bool behind, int count)
{
        if (!e->kill || !e->nkill)
                return;
        remember(e);
        if (behind && e->cursor < sh_ed_line_end(e))
                e->cursor = sh_ed_after(e, e->cursor);
        while (count-- > 0)
                sh_ed_insert(e, e->kill, e->nkill);
        e->cursor = sh_ed_before(e, e->cursor);
}

static void over(struct sh_edit *e, int count, int with)
{
        size_t at = e->cursor, end = sh_ed_line_end(e);
        char c[1] = { (char)with };
        remember(e);
        for (; count-- > 0 && at < end; at = e->cursor) {
                if (with < 0)
                        c[0] = (char)(isupper((unsigned char)e->text[at]) ? tolower((unsigned char)e->text[at])
                                                                          : toupper((unsigned char)e->text[at]));
                if ((unsigned char)e->text[at] < 128 || with >= 0) {
                        sh_ed_cut(e, at, sh_ed_after(e, at), false);
                        e->cursor = at;
                        sh_ed_insert(e, c, 1);
                } else
                        e->cursor = sh_ed_after(e, at);
        }
        if (with >= 0)
                e->cursor = sh_ed_before(e, e->cursor);
}

static void forward(struct sh_edit *e, int op, int count)
{
        size_t to = e->cursor, end = sh_ed_line_end(e);
        while (count-- > 0 && to < end)
                to = sh_ed_after(e, to);
        if (to > e->cursor)
                operate(e, op, e->cursor, to);
        else if (op == 'c')
                to_insert(e);
}

static void join(struct sh_edit *e)
{
        size_t end = sh_ed_line_end(e);
        if (end == e->n)
                return;
        remember(e);
        sh_ed_cut(e, end, end + 1, false);
        e->cursor = end;
        sh_ed_insert(e, " ", 1);
        e->cursor = end;
}

static void simple(struct sh_edit *e, int key, int count)
{
        size_t back = e->cursor, start = sh_ed_line_start(e), end = sh_ed_line_end(e);
        switch (key) {
        case 'i': remember(e), to_insert(e); break;
        case 'a': remember(e), e->cursor = e->cursor < end ? sh_ed_after(e, e->cursor) : end, to_insert(e); break;
        case 'I': remember(e), e->cursor = start, to_insert(e); break;
        case 'A': remember(e), e->cursor = end, to_insert(e); break;
        case 'x':
        case K_DELETE: forward(e, 'd', count); break;
        case 'X':
                while (count-- > 0 && back > start)
                        back = sh_ed_before(e, back);
                operate(e, 'd', back, e->cursor);
                break;
        case 's': forward(e, 'c', count); break;
        case 'S': operate(e, 'c', start, end); break;
        case 'D': operate(e, 'd', e->cursor, end); break;
        case 'C': operate(e, 'c', e->cursor, end); break;
        case 'Y': operate(e, 'y', start, end); break;
        case 'p':
        case 'P': put(e, key == 'p', count); break;
        case 'r': key = sh_ed_read_key(e);
                if (key >= 32 && key < 127)
                        over(e, count, key);
                break;
        case '~': over(e, count, -1); break;
        case 'J': join(e); break;
        case 'u': undo(e); break;
        case 'k':
        case '-':
        case K_UP:
        case 'j':
        case '+':
        case K_DOWN: sh_ed_up_or_down(e, key == 'k' || key == '-' || key == K_UP); break;
        default: break;
        }
}

static void command(struct sh_edit *e, int key)
{
        struct vi *v = &e->vi;
        bool inclusive;
        if ((key >= '1' && key <= '9') || (key == '0' && v->count)) {
                v->count = v->count < MOST_COUNT ? v->count * 10 + key - '0' : v->count;
                return;
        }
        int count = (v->count ? v->count : 1) * (v->op_count ? v->op_count : 1), op = v->op;
        if (!op && (key == 'd' || key == 'c' || key == 'y')) {
                v->op = key, v->op_count = v->count, v->count = 0;
                return;
        }
        bool counted = v->count || v->op_count;
        v->op = v->op_count = v->count = 0;
        if (op && key == op) {
                size_t cursor = e->cursor;
                operate(e, op, sh_ed_line_start(e), sh_ed_line_end(e));
                e->cursor = op == 'y' ? cursor : e->cursor;
        } else if (op) {
                bool word = (key == 'w' || key == 'W') && op == 'c' && class_of(e, e->cursor, key == 'W');
                size_t to = motion(e, word ? (key == 'w' ? 'e' : 'E') : key, count, &inclusive); /* cw is ce */
                if (to != SIZE_MAX && (to != e->cursor || inclusive))
                        operate(e, op, e->cursor, inclusive ? sh_ed_after(e, to) : to);
        } else {
                size_t to = key == K_UP || key == K_DOWN ? SIZE_MAX : motion(e, key, counted ? count : 1, &inclusive);
                if (to != SIZE_MAX)
                        e->cursor = to;
                else
                        simple(e, key, count);
        }
        settle(e);
}

int sh_vi_key(struct sh_edit *e, int key)
{
        struct vi *v = &e->vi;
        if (!v->on)
                return SH_VI_PASS;
        bool escape = key == 27 || (key >= K_ALT && key < K_ALT + 128); /* a key that came close behind it */
        if (!v->command && !escape)
                return SH_VI_PASS;
        if (escape) {
                if (!v->command && e->cursor > sh_ed_line_start(e))
                        e->cursor = sh_ed_before(e, e->cursor);
                v->command = true;
                v->op = v->op_count = v->count = 0;
                if (key != 27 && key != K_ALT + 27)
                        return sh_vi_key(e, key - K_ALT);
                settle(e);
                return SH_VI_DONE;
        }
        bool ours = (key >= 32 && key < 256) || key == 8 || key == 127 || key == K_DELETE ||
                    (key >= K_UP && key <= K_END);
        if (!ours)
                return SH_VI_PASS;
        command(e, key);
        return SH_VI_DONE;
}
