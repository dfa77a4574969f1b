/* SPDX-License-Identifier: MIT
 *
 * What edit.c and edit_vi.c share: the text being typed and what changes it.
 */
#ifndef SH_EDIT_INT_H
#define SH_EDIT_INT_H

#include "shell/edit.h"

struct cell {
        char s[16];
        uint8_t n, width, colour; /* n 0: nothing; the right half of a wide cell has width 0 */
};
struct frame {
        struct cell *v;
        int rows, cap, row, col; /* cursor */
};
struct out {
        char *p;
        size_t n, cap;
};

enum { VI_UNDO = 100 };
struct vi {
        bool on, command; /* vi's keys; its command mode */
        int count, op;    /* being typed: 3 d */
        int op_count;
        int find, find_key; /* of the last f F t T, for ; and , */
        struct {
                char *text;
                size_t n, cursor;
        } undo[VI_UNDO]; /* the last is the newest */
        unsigned nundo;
};

struct sh_edit {
        int in, out, width;
        struct sh_edit_hooks hooks;
        void *state;
        struct sh_history *history;
        bool colours, last_tab, pasting;
        const char *prompt;
        char *text; /* what is being typed */
        size_t n, cap, cursor;
        char *kill;
        size_t nkill;
        size_t at; /* place in the history; count = the new line */
        char *saved;
        struct frame old, now;
        int used; /* rows of the terminal that are ours */
        struct out w;
        char search[256];
        bool searching;
        uint8_t *tints;
        size_t ntints;
        struct vi vi;
};

/* Keys that are not characters. */
enum {
        K_UP = 1000,
        K_DOWN,
        K_LEFT,
        K_RIGHT,
        K_HOME,
        K_END,
        K_DELETE,
        K_WORDLEFT,
        K_WORDRIGHT,
        K_PASTE,
        K_PASTED,
        K_ALT = 2000,
        K_NONE = -3
};

size_t sh_ed_before(const struct sh_edit *, size_t at); /* the character before, behind */
size_t sh_ed_after(const struct sh_edit *, size_t at);
size_t sh_ed_line_start(const struct sh_edit *);
size_t sh_ed_line_end(const struct sh_edit *);
void sh_ed_insert(struct sh_edit *, const char *, size_t n);
void sh_ed_cut(struct sh_edit *, size_t from, size_t to, bool keep); /* keep: for p */
void sh_ed_up_or_down(struct sh_edit *, bool up);
int sh_ed_read_key(struct sh_edit *);

/* ---- edit_vi.c ---- */
enum { SH_VI_DONE, SH_VI_PASS }; /* PASS: the key means what it always means */
int sh_vi_key(struct sh_edit *, int key);
void sh_vi_begin(struct sh_edit *); /* a new line: insert mode */
void sh_vi_end(struct sh_edit *);

#endif
