/* SPDX-License-Identifier: MIT
 *
 * How an error looks: PowerShell's ConciseView. One line for what was typed in one line; for scripts the place, the
 * source line and the failing part underlined:
 *
 *      Get-Item: /tmp/a.ps1:3
 *      Line |
 *         3 |  Get-Item nope
 *           |  ~~~~~~~~~~~~~
 *           | Cannot find path '/tmp/nope' because it does not exist.
 *
 * Text from outside reaches the terminal without its control characters.
 */
#include "shell/error.h"
#include "shell/parse.h"
#include "shell/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

enum { LINE_MAX_SHOWN = 69 };

/* ---- places ---- */
static uint32_t columns(const char *s, uint32_t n)
{
        uint32_t r = 0;
        for (uint32_t i = 0; i < n; i++)
                r += (s[i] & 0xC0) != 0x80;
        return r;
}

static uint32_t column_offset(const char *s, uint32_t n, uint32_t column)
{
        uint32_t i = 0;
        for (; i < n && column > 0; column--)
                for (i++; i < n && (s[i] & 0xC0) == 0x80; i++)
                        ;
        return i;
}

/* The source line and where in it (columns from 0) the failing part is; long lines are cut around it. */
static void source_line(struct unit *u, uint32_t at, uint32_t end, struct sh_buf *line, uint32_t *ret_from,
                        uint32_t *ret_n)
{
        uint32_t row, col, row2, col2, n;
        const char *s;
        sh_unit_position(u, at, &row, &col);
        sh_unit_position(u, end, &row2, &col2);
        sh_unit_line(u, row, &s, &n);
        while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
                n--;
        uint32_t width = columns(s, n), from = col - 1 < width ? col - 1 : width;
        uint32_t len = row == row2 && col2 - 1 <= width ? col2 - col : width - from;
        if (width > LINE_MAX_SHOWN) {
                uint32_t before = from < 30 ? from : 30, cut = from - before, room = LINE_MAX_SHOWN - before;
                if (len > room)
                        len = room;
                uint32_t stop = cut + LINE_MAX_SHOWN < width ? cut + LINE_MAX_SHOWN : width;
                uint32_t a = column_offset(s, n, cut), b = column_offset(s, n, stop);
                sh_buf_puts(line, cut ? "... " : "");
                sh_buf_put(line, s + a, b - a);
                sh_buf_puts(line, stop < width ? " ..." : "");
                from = before + (cut ? 4 : 0);
        } else {
                sh_buf_put(line, s, n);
        }
        for (size_t i = 0; i < line->n; i++)
                if (line->p[i] == '\t')
                        line->p[i] = ' ';
        *ret_from = from;
        *ret_n = len ? len : 1;
}

void sh_position_message(struct unit *u, uint32_t at, uint32_t end, struct sh_buf *b)
{
        struct sh_buf line = { 0 };
        uint32_t row, col, from, n;
        sh_unit_position(u, at, &row, &col);
        source_line(u, at, end, &line, &from, &n);
        sh_buf_putf(b, "At %s:%u char:%u\n+ %s\n+ %*s", u->file ? u->file : "line", row, col,
                    line.p ? line.p : "", (int)from, "");
        while (n-- > 0)
                sh_buf_puts(b, "~");
        sh_buf_free(&line);
}

void sh_error_stack(struct sh *sh, struct node *at, struct sh_buf *b)
{
        for (struct frame *f = sh->frame; f; f = f->prev) {
                struct node *n = f == sh->frame && at ? at : f->at;
                struct unit *u = n ? n->u : f->block ? f->block->u : NULL;
                if (!u)
                        continue;
                uint32_t row, col;
                sh_unit_position(u, n ? n->at : f->block->at, &row, &col);
                sh_buf_putf(b, "%sat %s, %s: line %u", b->n ? "\n" : "",
                            f->name && *f->name && !(f->target && f->target->kind == CT_SCRIPT)
                                    ? f->name
                                    : "<ScriptBlock>",
                            u->file ? u->file : "<No file>", row);
        }
}

/* ---- the view ---- */
static void put_harmless(struct sh_buf *b, const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)s[i];
                if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
                        sh_buf_putf(b, "^%c", c ^ 0x40);
                else if (c == 0xC2 && i + 1 < n && (unsigned char)s[i + 1] < 0xA0) /* C1 */
                        sh_buf_putf(b, "\\u%04x", (unsigned char)s[++i]);
                else
                        sh_buf_put(b, s + i, 1);
        }
}

static void error_message(struct sh_error *e, struct sh_buf *b)
{
        if (e->message)
                sh_buf_puts(b, e->message);
        else if (sh_is_exception(e->exception))
                sh_exception_message(e->exception, b);
}

/* The text of a parse error's own message: what follows the rendered position. */
static void view_message(struct sh_error *e, bool parse, struct sh_buf *b)
{
        struct sh_buf whole = { 0 };
        error_message(e, &whole);
        const char *s = whole.p ? whole.p : "", *tilde = parse ? strstr(s, "~\n") : NULL;
        size_t n = whole.n;
        if (tilde) {
                const char *stop = strstr(tilde + 2, "\n\n");
                s = tilde + 2;
                n = stop ? (size_t)(stop - s) : strlen(s);
        }
        put_harmless(b, s, n);
        sh_buf_free(&whole);
}

/* Words to the width, each further line after the bar. */
static void put_wrapped(struct sh_buf *b, const char *prefix, size_t visible_prefix, const char *s, size_t n,
                        int width)
{
        struct sh_buf flat = { 0 };
        for (size_t i = 0; i < n; i++)
                sh_buf_put(&flat, s[i] == '\n' || s[i] == '\t' ? " " : s + i, 1);
        size_t room = width > (int)visible_prefix + 10 ? (size_t)width - visible_prefix : 10, at = 0;
        bool first = true;
        while (first || at < flat.n) {
                size_t len = flat.n - at, cut = len;
                if (columns(flat.p + at, (uint32_t)len) > room) {
                        cut = column_offset(flat.p + at, (uint32_t)len, (uint32_t)room);
                        size_t space = cut;
                        while (space > 0 && flat.p[at + space] != ' ')
                                space--;
                        cut = space ? space : cut;
                }
                if (!first)
                        sh_buf_puts(b, "\n");
                sh_buf_puts(b, prefix);
                if (cut)
                        sh_buf_put(b, flat.p + at, cut);
                for (at += cut; at < flat.n && flat.p[at] == ' '; at++)
                        ;
                first = false;
        }
        sh_buf_free(&flat);
}

static bool is_command(struct sh *sh, const char *name)
{
        struct sh_target *t = NULL;
        if (sh_try_command(sh, name, strlen(name), &t) != SH_OK)
                return false;
        sh_drop(sh_target_value(t));
        return true;
}

/* What the first line starts with: the command, or what kind of failure it is. */
static void put_reason(struct sh *sh, struct sh_error *e, struct sh_buf *b)
{
        const char *type =
                e->exception.kind == SH_OTHER ? sh_short_name(e->exception.o->type->name) : "Error";
        if (e->thrown)
                sh_buf_puts(b, "Exception");
        else if (e->invocation_name)
                put_harmless(b, e->invocation_name, strlen(e->invocation_name));
        else if (e->command && e->activity && is_command(sh, e->command))
                put_harmless(b, e->command, strlen(e->command));
        else if (e->activity && *e->activity)
                put_harmless(b, e->activity, strlen(e->activity));
        else if (e->command)
                put_harmless(b, e->command, strlen(e->command));
        else if (strcmp(e->category, "NotSpecified"))
                sh_buf_puts(b, e->category);
        else
                sh_buf_puts(b, e->reason ? e->reason : type);
}

struct colours {
        const char *error, *accent, *reset;
};

static void put_box(struct sh *sh, struct sh_error *e, const struct sh_buf *message, const struct colours *c,
                    struct sh_buf *b)
{
        struct sh_buf line = { 0 }, prefix = { 0 };
        uint32_t row, col, from, n;
        char number[16];
        sh_unit_position(e->unit, e->at, &row, &col);
        source_line(e->unit, e->at, e->end, &line, &from, &n);
        int digits = snprintf(number, sizeof number, "%u", row), wide = digits > 4 ? digits - 4 : 0;
        if (e->unit->file)
                sh_buf_putf(b, "%s%s:%u", c->reset, e->unit->file, row);
        sh_buf_putf(b, "\n%s%*sLine |\n%*s%s | %s ", c->accent, wide, "", digits < 4 ? 4 - digits : 0, "",
                    number, c->reset);
        put_harmless(b, line.p ? line.p : "", line.n);
        sh_buf_putf(b, "\n%s%*s     | %s", c->accent, wide, "", c->error);
        sh_buf_putf(b, " %*s", (int)from, "");
        for (uint32_t i = 0; i < n; i++)
                sh_buf_puts(b, "~");
        sh_buf_puts(b, "\n");
        sh_buf_putf(&prefix, "%s%*s     | %s", c->accent, wide, "", c->error);
        put_wrapped(b, prefix.p, (size_t)wide + 7, message->p ? message->p : "", message->n, sh_width(sh));
        if (e->details) {
                sh_buf_puts(b, "\n");
                put_wrapped(b, prefix.p, (size_t)wide + 7, e->details, strlen(e->details), sh_width(sh));
        }
        sh_buf_puts(b, "\n");
        sh_buf_free(&prefix);
        sh_buf_free(&line);
}

/* The first parse error is the record's own; the others of the text follow, each as if it were alone. */
static void put_other_parse_errors(struct sh *sh, struct sh_error *e, bool box, const struct colours *c,
                                   struct sh_buf *b)
{
        for (uint32_t i = 1; i < e->nparse_errors; i++) {
                const struct parse_error *x = &e->parse_errors[i];
                struct sh_error one = { .unit = e->parsed, .at = x->at, .end = x->end };
                struct sh_buf message = { 0 };
                put_harmless(&message, x->message, strlen(x->message));
                sh_buf_putf(b, "%s%sParserError: ", b->n && b->p[b->n - 1] != '\n' ? "\n" : "", c->error);
                if (box)
                        put_box(sh, &one, &message, c, b);
                else
                        sh_buf_put(b, message.p, message.n);
                sh_buf_free(&message);
        }
        if (e->nparse_errors == PARSE_ERRORS_MAX)
                sh_buf_putf(b, "%s%s" SH_MORE_PARSE_ERRORS, box ? "" : "\n", c->error);
}

static bool error_view_is(struct sh *sh, const char *name)
{
        bool found;
        struct sv v = sh_var_read(sh, ID_ERRORVIEW, VS_PLAIN, &found), t = sh_to_text(sh, v);
        bool r = !strcasecmp(t.s->s, name);
        sh_drop(t);
        sh_drop(v);
        return r;
}

static void put_normal(struct sh *sh, struct sh_error *e, struct sh_buf *b)
{
        if (e->command)
                sh_buf_putf(b, "%s : ", e->command);
        error_message(e, b);
        sh_buf_puts(b, "\n");
        if (e->unit) {
                sh_position_message(e->unit, e->at, e->end, b);
                sh_buf_puts(b, "\n");
        }
        struct sv record = { .kind = SH_OTHER, .o = &e->obj }, info;
        if (sh_get(sh, record, "CategoryInfo", 12, &info) == SH_OK) {
                sh_buf_puts(b, "    + CategoryInfo          : ");
                sh_buf_value(sh, b, info);
                sh_drop(info);
        }
        sh_buf_puts(b, "\n    + FullyQualifiedErrorId : ");
        sh_error_full_id(sh, e, b);
        sh_buf_puts(b, "\n");
}

static bool in_module(const struct sh_error *e)
{
        size_t n = e->unit && e->unit->file ? strlen(e->unit->file) : 0;
        return n > 5 && !strcasecmp(e->unit->file + n - 5, ".psm1");
}

void sh_error_text(struct sh *sh, struct sv record, struct sh_buf *b, bool colour)
{
        struct sh_error *e = sh_error_of(record);
        static const struct colours plain = { "", "", "" }, full = { "\x1b[31;1m", "\x1b[36;1m", "\x1b[0m" };
        const struct colours *c = colour ? &full : &plain;
        bool parse = !strcmp(e->category, "ParserError");
        uint32_t row = 0, col;
        if (e->unit)
                sh_unit_position(e->unit, e->at, &row, &col);
        if (!strcmp(e->id, "NativeCommandError") || !strcmp(e->id, "NativeCommandErrorMessage")) {
                error_message(e, b);
                return;
        }
        if (error_view_is(sh, "NormalView")) {
                put_normal(sh, e, b);
                return;
        }
        sh_buf_puts(b, c->error);
        put_reason(sh, e, b);
        sh_buf_puts(b, ": ");
        if (!error_view_is(sh, "CategoryView") && e->unit && (parse || e->unit->file || row > 1) &&
            !in_module(e)) {
                struct sh_buf message = { 0 };
                view_message(e, parse, &message);
                put_box(sh, e, &message, c, b);
                sh_buf_free(&message);
                put_other_parse_errors(sh, e, true, c, b);
        } else {
                view_message(e, parse, b);
                if (e->details) {
                        sh_buf_puts(b, "\n");
                        put_harmless(b, e->details, strlen(e->details));
                }
                put_other_parse_errors(sh, e, false, c, b);
        }
        sh_buf_puts(b, c->reset);
}

void sh_show_error(struct sh *sh, struct sv record)
{
        struct sh_buf b = { 0 };
        sh_error_text(sh, record, &b, sh_colourful(2));
        sh_buf_puts(&b, "\n");
        sh_host_error(sh, b.p, b.n);
        sh_buf_free(&b);
}
