/* SPDX-License-Identifier: MIT
 *
 * .NET's regular expressions in PCRE2's words. The pattern is read twice: first to find the capture groups, because
 * .NET gives numbers to the unnamed ones first and PCRE2 in the order of brackets; then to write it. What only .NET
 * has (balancing groups, right to left) is refused; what only PCRE2 has (recursion, verbs, possessive quantifiers)
 * is refused as .NET refuses it.
 */
#include "shell/regex.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEEPEST = 240 };

struct dialect {
        const char *s;
        size_t n, i;
        unsigned opt;
        bool writing; /* second reading */
        bool call_behind, note;
        int depth;
        struct group {
                const char *name; /* in the pattern; NULL = unnamed */
                size_t nname;
                long number; /* -1 = not written as a number */
        } * groups;
        uint32_t ngroups, capgroups, seen;
        struct re_text *to;
        struct sh_buf *out, *error;
        bool failed;
};

static bool alternatives(struct dialect *, bool behind);

static bool fail(struct dialect *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct dialect *d, const char *fmt, ...)
{
        if (d->failed)
                return false;
        char text[300];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        sh_buf_puts(d->error, text);
        d->failed = true;
        return false;
}

static void put(struct dialect *d, const char *s)
{
        if (d->writing)
                sh_buf_puts(d->out, s);
}

static void putn(struct dialect *d, const char *s, size_t n)
{
        if (d->writing)
                sh_buf_put(d->out, s, n);
}

static void put_cp(struct dialect *d, uint32_t cp)
{
        char t[16];
        snprintf(t, sizeof(t), "\\x{%x}", cp);
        put(d, cp >= 0xD800 && cp <= 0xDFFF ? "\\x{FFFD}" : t);
}

static bool more(struct dialect *d)
{
        return d->i < d->n;
}

static int peek(struct dialect *d, size_t ahead)
{
        return d->i + ahead < d->n ? (unsigned char)d->s[d->i + ahead] : -1;
}

static bool starts(struct dialect *d, const char *word)
{
        size_t n = strlen(word);
        return d->n - d->i >= n && !memcmp(d->s + d->i, word, n);
}

static bool is_word(int c)
{
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c >= 0x80;
}

static bool is_digit(int c)
{
        return c >= '0' && c <= '9';
}

static int hex(int c)
{
        return is_digit(c)            ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

/* ---- groups and their numbers ---- */
static bool group_note(struct dialect *d, const char *name, size_t n, long number)
{
        d->seen++;
        if (d->writing)
                return true;
        if (d->ngroups == d->capgroups) {
                d->capgroups = d->capgroups ? 2 * d->capgroups : 8;
                struct group *g = realloc(d->groups, d->capgroups * sizeof(*g));
                if (!g)
                        abort();
                d->groups = g;
        }
        d->groups[d->ngroups++] = (struct group) { name, n, number };
        return d->ngroups <= 5000 || fail(d, "Too many groups.");
}

static uint32_t slot_with_number(struct re_text *t, uint32_t number)
{
        for (uint32_t i = 0; i < t->nslots; i++)
                if (t->slots[i].number == number)
                        return i;
        return UINT32_MAX;
}

static uint32_t slot_with_name(struct re_text *t, const char *name, size_t n)
{
        for (uint32_t i = 0; i < t->nslots; i++)
                if (t->slots[i].name && strlen(t->slots[i].name) == n && !memcmp(t->slots[i].name, name, n))
                        return i;
        return UINT32_MAX;
}

static uint32_t slot_add(struct re_text *t, const char *name, size_t n, uint32_t number)
{
        t->slots[t->nslots] = (struct re_slot) { name ? strndup(name, n) : NULL, number };
        return t->nslots++;
}

static void number_groups(struct dialect *d)
{
        struct re_text *t = d->to;
        uint32_t next = 1;
        t->slots = calloc(d->ngroups + 1, sizeof(*t->slots));
        t->slot_of = calloc(d->ngroups + 1, sizeof(*t->slot_of));
        if (!t->slots || !t->slot_of)
                abort();
        t->ngroups = d->ngroups + 1;
        slot_add(t, NULL, 0, 0);
        for (uint32_t i = 0; i < d->ngroups; i++) {
                struct group *g = &d->groups[i];
                if (g->name && g->number < 0)
                        continue;
                uint32_t number = g->name ? (uint32_t)g->number : next++, slot = slot_with_number(t, number);
                t->slot_of[i + 1] = slot == UINT32_MAX ? slot_add(t, NULL, 0, number) : slot;
        }
        for (uint32_t i = 0; i < d->ngroups; i++) {
                struct group *g = &d->groups[i];
                if (!g->name || g->number >= 0)
                        continue;
                uint32_t slot = slot_with_name(t, g->name, g->nname);
                while (slot == UINT32_MAX && slot_with_number(t, next) != UINT32_MAX)
                        next++;
                t->slot_of[i + 1] = slot == UINT32_MAX ? slot_add(t, g->name, g->nname, next) : slot;
        }
}

static uint32_t slot_named(struct dialect *d, const char *name, size_t n)
{
        if (n && is_digit((unsigned char)name[0])) {
                uint32_t v = 0;
                for (size_t i = 0; i < n && v < 100000; i++)
                        v = v * 10 + (uint32_t)(name[i] - '0');
                return slot_with_number(d->to, v);
        }
        return slot_with_name(d->to, name, n);
}

/* A reference to a slot: to any of PCRE2's groups that fill it. */
static void put_reference(struct dialect *d, uint32_t slot)
{
        uint32_t found = 0;
        char t[24];
        put(d, "(?:");
        for (uint32_t i = 1; i < d->to->ngroups; i++)
                if (d->to->slot_of[i] == slot) {
                        snprintf(t, sizeof(t), "%s\\g{%u}", found++ ? "|" : "", i);
                        put(d, t);
                }
        put(d, found ? ")" : "(?!))");
}

/* ---- character kinds ---- */
struct block_range {
        const char *name;
        uint32_t from, to;
};
static const struct block_range block_ranges[] = {
        { "IsBasicLatin", 0, 0x7F },
        { "IsLatin-1Supplement", 0x80, 0xFF },
        { "IsLatinExtended-A", 0x100, 0x17F },
        { "IsLatinExtended-B", 0x180, 0x24F },
        { "IsIPAExtensions", 0x250, 0x2AF },
        { "IsSpacingModifierLetters", 0x2B0, 0x2FF },
        { "IsCombiningDiacriticalMarks", 0x300, 0x36F },
        { "IsGreek", 0x370, 0x3FF },
        { "IsGreekandCoptic", 0x370, 0x3FF },
        { "IsCyrillic", 0x400, 0x4FF },
        { "IsArmenian", 0x530, 0x58F },
        { "IsHebrew", 0x590, 0x5FF },
        { "IsArabic", 0x600, 0x6FF },
        { "IsDevanagari", 0x900, 0x97F },
        { "IsThai", 0xE00, 0xE7F },
        { "IsHangulJamo", 0x1100, 0x11FF },
        { "IsLatinExtendedAdditional", 0x1E00, 0x1EFF },
        { "IsGreekExtended", 0x1F00, 0x1FFF },
        { "IsGeneralPunctuation", 0x2000, 0x206F },
        { "IsCurrencySymbols", 0x20A0, 0x20CF },
        { "IsLetterlikeSymbols", 0x2100, 0x214F },
        { "IsNumberForms", 0x2150, 0x218F },
        { "IsArrows", 0x2190, 0x21FF },
        { "IsMathematicalOperators", 0x2200, 0x22FF },
        { "IsBoxDrawing", 0x2500, 0x257F },
        { "IsDingbats", 0x2700, 0x27BF },
        { "IsCJKSymbolsandPunctuation", 0x3000, 0x303F },
        { "IsHiragana", 0x3040, 0x309F },
        { "IsKatakana", 0x30A0, 0x30FF },
        { "IsCJKUnifiedIdeographs", 0x4E00, 0x9FFF },
        { "IsHangulSyllables", 0xAC00, 0xD7AF },
        { "IsPrivateUse", 0xE000, 0xF8FF },
};

static bool is_category(const char *s, size_t n)
{
        static const char known[] =
                " L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs"
                " Zl Zp C Cc Cf Cs Co Cn ";
        char word[8];
        if (n > 2)
                return false;
        snprintf(word, sizeof(word), " %.*s ", (int)n, s);
        return strstr(known, word) != NULL;
}

/* \p{Lu} and \P{IsGreek}: after the p. */
static bool property(struct dialect *d, bool negative, bool in_class)
{
        char t[80];
        size_t from = d->i + 1, to = from;
        while (to < d->n && d->s[to] != '}')
                to++;
        if (peek(d, 0) != '{' || to >= d->n || to == from)
                return fail(d, "Incomplete \\p{X} character escape.");
        const char *name = d->s + from;
        size_t n = to - from;
        d->i = to + 1;
        if (is_category(name, n)) {
                snprintf(t, sizeof(t), "\\%c{%.*s}", negative ? 'P' : 'p', (int)n, name);
                put(d, t);
                return true;
        }
        for (size_t i = 0; i < sizeof(block_ranges) / sizeof(*block_ranges); i++) {
                const struct block_range *b = &block_ranges[i];
                if (strlen(b->name) != n || memcmp(b->name, name, n))
                        continue;
                if (!in_class)
                        snprintf(t, sizeof(t), "[%s\\x{%x}-\\x{%x}]", negative ? "^" : "", b->from, b->to);
                else if (!negative)
                        snprintf(t, sizeof(t), "\\x{%x}-\\x{%x}", b->from, b->to);
                else
                        snprintf(t, sizeof(t), "\\x{0}-\\x{%x}\\x{%x}-\\x{10ffff}", b->from ? b->from - 1 : 0,
                                 b->to + 1);
                put(d, t);
                return true;
        }
        return fail(d, "Unknown property '%.*s'.", (int)n, name);
}

static bool hex_digits(struct dialect *d, int count, uint32_t *ret)
{
        *ret = 0;
        for (int i = 0; i < count; i++, d->i++) {
                int h = more(d) ? hex(peek(d, 0)) : -1;
                if (h < 0)
                        return fail(d, "Insufficient or invalid hexadecimal digits.");
                *ret = *ret * 16 + (uint32_t)h;
        }
        return true;
}

/* An escape that stands for one character: after the backslash. */
static bool escaped_char(struct dialect *d, uint32_t *ret)
{
        static const char names[] = "abtrvfne", codes[] = "\a\b\t\r\v\f\n\x1b";
        int c = peek(d, 0);
        uint32_t low;
        const char *at = c > 0 && c < 0x80 ? strchr(names, c) : NULL;
        if (c >= '0' && c <= '7') {
                *ret = 0;
                for (int i = 0; i < 3 && peek(d, 0) >= '0' && peek(d, 0) <= '7'; i++, d->i++)
                        *ret = *ret * 8 + (uint32_t)(peek(d, 0) - '0');
                *ret &= 0xFF;
                return true;
        }
        d->i++;
        if (at)
                return *ret = (uint32_t)codes[at - names], true;
        if (c == 'x')
                return hex_digits(d, 2, ret);
        if (c == 'u') {
                if (!hex_digits(d, 4, ret))
                        return false;
                if (*ret >= 0xD800 && *ret < 0xDC00 && starts(d, "\\u")) {
                        d->i += 2;
                        if (!hex_digits(d, 4, &low))
                                return false;
                        *ret = 0x10000 + ((*ret - 0xD800) << 10) + (low & 0x3FF);
                }
                return true;
        }
        if (c == 'c') {
                int x = peek(d, 0);
                if (x < 0)
                        return fail(d, "Missing control character.");
                x = x >= 'a' && x <= 'z' ? x - 32 : x;
                if (x < '@' || x > '_')
                        return fail(d, "Unrecognized control character.");
                d->i++;
                return *ret = (uint32_t)(x - '@'), true;
        }
        if (c < 0x80 && is_word(c))
                return fail(d, "Unrecognized escape sequence \\%c.", c);
        d->i--;
        unsigned len;
        *ret = sh_utf_next(d->s + d->i, d->n - d->i, &len);
        d->i += len;
        return true;
}

/* ---- [classes] ---- */
static void put_class_cp(struct dialect *d, uint32_t cp)
{
        char t[4];
        if (cp >= 0x110000)
                cp = 0xFFFD;
        if (cp < 0x80 && is_word((int)cp))
                putn(d, t, sh_utf_put(t, cp));
        else
                put_cp(d, cp);
}

/* A member of a class that is itself a class: \d, \p{..}. False when it is not one. */
static bool class_shorthand(struct dialect *d)
{
        int c = peek(d, 1);
        char t[3] = { '\\', (char)c };
        if (peek(d, 0) != '\\' || c <= 0 || !strchr("dDsSwWpP", c))
                return false;
        d->i += 2;
        if (c == 'p' || c == 'P')
                property(d, c == 'P', true);
        else
                put(d, t);
        return true;
}

static bool class_char(struct dialect *d, uint32_t *ret)
{
        unsigned len;
        if (peek(d, 0) == '\\') {
                d->i++;
                if (!more(d))
                        return fail(d, "Illegal \\ at end of pattern.");
                return escaped_char(d, ret);
        }
        *ret = sh_utf_next(d->s + d->i, d->n - d->i, &len);
        d->i += len;
        return true;
}

static bool char_class(struct dialect *);

/* The members up to the closing bracket. A subtraction (only as the last member) is written to its own text. */
static bool class_members(struct dialect *d, bool *ret_any, struct sh_buf *subtraction)
{
        for (bool first = true; more(d); first = false) {
                uint32_t lo, hi;
                if (peek(d, 0) == ']' && !first) {
                        d->i++;
                        return true;
                }
                if (peek(d, 0) == '-' && peek(d, 1) == '[' && !first) {
                        struct sh_buf *out = d->out;
                        d->i += 2;
                        d->out = subtraction;
                        bool ok = char_class(d);
                        d->out = out;
                        if (ok && peek(d, 0) != ']' && more(d))
                                return fail(d,
                                            "A subtraction must be the last element in a character class.");
                        if (!ok)
                                return false;
                        continue;
                }
                if (peek(d, 0) == '[' && peek(d, 1) == ':') {
                        const char *end = memmem(d->s + d->i, d->n - d->i, ":]", 2);
                        if (end) { /* .NET skips these */
                                d->i = (size_t)(end - d->s) + 2;
                                continue;
                        }
                }
                *ret_any = true;
                if (class_shorthand(d)) {
                        if (d->failed)
                                return false;
                        continue;
                }
                if (!class_char(d, &lo))
                        return false;
                put_class_cp(d, lo);
                if (peek(d, 0) != '-' || peek(d, 1) < 0 || peek(d, 1) == ']' || peek(d, 1) == '[')
                        continue;
                d->i++;
                if (peek(d, 0) == '\\' && peek(d, 1) > 0 && strchr("dDsSwWpP", peek(d, 1)))
                        return fail(d, "Cannot include class \\%c in character range.", peek(d, 1));
                if (!class_char(d, &hi))
                        return false;
                if (hi < lo)
                        return fail(d, "[x-y] range in reverse order.");
                put(d, "-");
                put_class_cp(d, hi);
        }
        return fail(d, "Unterminated [] set.");
}

/* After the opening bracket. */
static bool char_class(struct dialect *d)
{
        struct sh_buf *out = d->out, items = { 0 }, subtraction = { 0 };
        bool negative = peek(d, 0) == '^', any = false;
        if (++d->depth > DEEPEST)
                return fail(d, "The pattern is nested too deeply.");
        if (negative)
                d->i++;
        d->out = &items;
        bool ok = class_members(d, &any, &subtraction);
        d->out = out;
        d->depth--;
        if (ok) {
                if (subtraction.n) {
                        put(d, "(?:(?!");
                        putn(d, subtraction.p, subtraction.n);
                        put(d, ")");
                }
                put(d, !any ? (negative ? "[\\s\\S" : "[^\\s\\S") : negative ? "[^" : "[");
                putn(d, items.p ? items.p : "", items.n);
                put(d, subtraction.n ? "])" : "]");
        }
        sh_buf_free(&items);
        sh_buf_free(&subtraction);
        return ok;
}

/* ---- escapes outside classes ---- */
/* \1 or \k<name>: true when it was one. */
static bool numbered_reference(struct dialect *d)
{
        uint32_t v = 0;
        size_t i = d->i;
        while (i < d->n && is_digit((unsigned char)d->s[i]) && v < 100000)
                v = v * 10 + (uint32_t)(d->s[i++] - '0');
        if (!d->writing) {
                /* What it is depends on groups that may come later: an octal number is as long, or shorter. */
                d->i = i;
                return true;
        }
        uint32_t slot = slot_with_number(d->to, v);
        if (slot == UINT32_MAX) {
                if (v <= 9)
                        return fail(d, "Reference to undefined group number %u.", v), true;
                return false;
        }
        d->i = i;
        put_reference(d, slot);
        return true;
}

static bool named_reference(struct dialect *d)
{
        char close = peek(d, 0) == '<' ? '>' : peek(d, 0) == '\'' ? '\'' : 0;
        size_t from = d->i + 1, to = from;
        while (to < d->n && is_word((unsigned char)d->s[to]))
                to++;
        if (!close || to == from || to >= d->n || d->s[to] != close)
                return fail(d, "Malformed \\k<...> named back reference.");
        d->i = to + 1;
        if (!d->writing)
                return true;
        uint32_t slot = slot_named(d, d->s + from, to - from);
        if (slot == UINT32_MAX)
                return fail(d,
                            is_digit((unsigned char)d->s[from]) ? "Reference to undefined group number %.*s."
                                                                : "Reference to undefined group name '%.*s'.",
                            (int)(to - from), d->s + from);
        put_reference(d, slot);
        return true;
}

static bool escape(struct dialect *d)
{
        d->i++;
        int c = peek(d, 0);
        char t[3] = { '\\', (char)c };
        uint32_t cp;
        if (c < 0)
                return fail(d, "Illegal \\ at end of pattern.");
        if (strchr("bBAGZzdDsSwW", c)) {
                d->i++;
                put(d, t);
                return true;
        }
        if (c == 'p' || c == 'P') {
                d->i++;
                return property(d, c == 'P', false);
        }
        if (c == 'k') {
                d->i++;
                return named_reference(d);
        }
        if (c >= '1' && c <= '9' && numbered_reference(d))
                return !d->failed;
        if (!escaped_char(d, &cp))
                return false;
        if (cp < 0x80 && is_word((int)cp))
                putn(d, (char[]) { (char)cp }, 1);
        else
                put_cp(d, cp >= 0x110000 ? 0xFFFD : cp);
        return true;
}

/* ---- groups ---- */
static void put_options(struct dialect *d, unsigned opt, const char *close)
{
        put(d, "(?");
        put(d, opt & SH_RE_IGNORECASE ? "i" : "");
        put(d, opt & SH_RE_MULTILINE ? "m" : "");
        put(d, opt & SH_RE_SINGLELINE ? "s" : "");
        if (!(opt & SH_RE_IGNORECASE) || !(opt & SH_RE_MULTILINE) || !(opt & SH_RE_SINGLELINE)) {
                put(d, "-");
                put(d, opt & SH_RE_IGNORECASE ? "" : "i");
                put(d, opt & SH_RE_MULTILINE ? "" : "m");
                put(d, opt & SH_RE_SINGLELINE ? "" : "s");
        }
        put(d, close);
}

static bool read_options(struct dialect *d)
{
        bool off = false;
        for (; more(d); d->i++) {
                int c = peek(d, 0) | 32;
                unsigned bit = c == 'i'   ? SH_RE_IGNORECASE
                               : c == 'm' ? SH_RE_MULTILINE
                               : c == 's' ? SH_RE_SINGLELINE
                               : c == 'n' ? SH_RE_EXPLICIT
                               : c == 'x' ? SH_RE_SPACE
                                          : 0;
                if (peek(d, 0) == '-' || peek(d, 0) == '+')
                        off = peek(d, 0) == '-';
                else if (!bit)
                        break;
                else
                        d->opt = off ? d->opt & ~bit : d->opt | bit;
        }
        return true;
}

static bool group_end(struct dialect *d, bool behind)
{
        if (++d->depth > DEEPEST)
                return fail(d, "The pattern is nested too deeply.");
        if (!alternatives(d, behind))
                return false;
        d->depth--;
        if (!more(d))
                return fail(d, "Not enough )'s.");
        d->i++;
        put(d, ")");
        return true;
}

/* The content of a capturing group; when captures are noted each of them is called out, inside what is quantified. */
static bool capture(struct dialect *d)
{
        put(d, d->note ? "(?:(" : "(");
        if (!group_end(d, false))
                return false;
        put(d, d->note ? "(?C255))" : "");
        return true;
}

/* (?<=...) and (?<!...) of any length: the content is taken out, a callout asks it. */
static bool called_behind(struct dialect *d, bool negative)
{
        size_t mark = d->out->n;
        uint32_t seen = d->seen;
        char t[16];
        if (d->to->nbehinds >= SH_RE_MOST_BEHINDS)
                return fail(d, "Too many lookbehinds of variable length.");
        put(d, "(?:");
        if (!group_end(d, false))
                return false;
        if (d->seen != seen)
                return fail(d, "A lookbehind of variable length with groups is not supported here.");
        if (!d->writing)
                return true;
        struct re_behind *v = realloc(d->to->behinds, (d->to->nbehinds + 1) * sizeof(*v));
        if (!v)
                abort();
        d->to->behinds = v;
        size_t n = d->out->n - mark;
        v[d->to->nbehinds] = (struct re_behind) { strndup(d->out->p + mark, n), n, d->opt };
        if (!v[d->to->nbehinds].text)
                abort();
        d->out->n = mark;
        snprintf(t, sizeof(t), "(?C%u)", 2 * ++d->to->nbehinds + negative);
        put(d, t);
        return true;
}

/* (?<name>...) and (?'name'...): after the < or '. */
static bool named_group(struct dialect *d, char close)
{
        size_t from = d->i;
        while (more(d) && is_word(peek(d, 0)))
                d->i++;
        size_t n = d->i - from;
        if (peek(d, 0) == '-')
                return fail(d, "Balancing groups (?<name-other>...) are not supported here.");
        if (n == 0)
                return fail(d, "Invalid group name: Group names must begin with a word character.");
        if (peek(d, 0) != close)
                return fail(d, "Unrecognized grouping construct.");
        long number = -1;
        if (is_digit((unsigned char)d->s[from])) {
                char *end;
                number = strtol(d->s + from, &end, 10);
                if (end != d->s + d->i || number > 100000)
                        return fail(d, "Invalid group name: Group names must begin with a word character.");
                if (number == 0)
                        return fail(d, "Capture number cannot be zero.");
        }
        d->i++;
        return group_note(d, d->s + from, n, number) && capture(d);
}

/* (?(name)yes|no), (?(1)yes|no), (?(expression)yes|no): after "(?". */
static bool conditional(struct dialect *d)
{
        char t[24];
        size_t from = d->i + 1, to = from;
        while (to < d->n && is_word((unsigned char)d->s[to]))
                to++;
        put(d, "(?");
        if (to > from && to < d->n && d->s[to] == ')') {
                uint32_t slot = d->writing ? slot_named(d, d->s + from, to - from) : 0, group = 1;
                if (slot == UINT32_MAX && is_digit((unsigned char)d->s[from]))
                        return fail(d, "Conditional alternation refers to an undefined group number %.*s.",
                                    (int)(to - from), d->s + from);
                if (slot != UINT32_MAX) {
                        while (d->writing && group < d->to->ngroups && d->to->slot_of[group] != slot)
                                group++;
                        snprintf(t, sizeof(t), "(%u)", group);
                        put(d, t);
                        d->i = to + 1;
                        return group_end(d, false);
                }
        }
        d->i++;
        if (starts(d, "?=") || starts(d, "?!") || starts(d, "?<=") || starts(d, "?<!")) {
                size_t n = peek(d, 1) == '<' ? 3 : 2;
                put(d, "(");
                putn(d, d->s + d->i, n);
                d->i += n;
        } else {
                put(d, "(?=");
        }
        return group_end(d, false) && group_end(d, false);
}

/* After "(?". */
static bool special_group(struct dialect *d, bool *ret_atom)
{
        static const char *const plain[] = { ":", "=", "!", ">", "<=", "<!" };
        unsigned before = d->opt;
        if (starts(d, "#")) {
                while (more(d) && peek(d, 0) != ')')
                        d->i++;
                if (!more(d))
                        return fail(d, "Unterminated (?#...) comment.");
                d->i++;
                *ret_atom = false;
                return true;
        }
        for (size_t k = 0; k < sizeof(plain) / sizeof(*plain); k++) {
                if (!starts(d, plain[k]))
                        continue;
                if (plain[k][0] == '<' && d->call_behind) {
                        d->i += 2;
                        return called_behind(d, plain[k][1] == '!');
                }
                put(d, "(?");
                put(d, plain[k]);
                d->i += strlen(plain[k]);
                return group_end(d, plain[k][0] == '<');
        }
        if (peek(d, 0) == '(')
                return conditional(d);
        if (peek(d, 0) == '<' || peek(d, 0) == '\'') {
                char close = peek(d, 0) == '<' ? '>' : '\'';
                d->i++;
                return named_group(d, close);
        }
        size_t from = d->i;
        read_options(d);
        if (peek(d, 0) == ')' && d->i >= from) {
                d->i++;
                put_options(d, d->opt, ")");
                *ret_atom = false;
                return true;
        }
        if (peek(d, 0) != ':')
                return fail(d, more(d) ? "Unrecognized grouping construct." : "Not enough )'s.");
        put_options(d, d->opt, ":");
        d->i++;
        bool ok = group_end(d, false);
        d->opt = before;
        return ok;
}

/* At an opening bracket. *ret_atom false: nothing that a quantifier could follow. */
static bool group(struct dialect *d, bool *ret_atom)
{
        unsigned before = d->opt;
        bool ok;
        *ret_atom = true;
        d->i++;
        if (peek(d, 0) == '?') {
                d->i++;
                ok = special_group(d, ret_atom);
                if (*ret_atom)
                        d->opt = before;
                return ok;
        }
        if (d->opt & SH_RE_EXPLICIT) {
                put(d, "(?:");
                ok = group_end(d, false);
        } else {
                ok = group_note(d, NULL, 0, -1) && capture(d);
        }
        d->opt = before;
        return ok;
}

/* ---- quantifiers ---- */
/* {n}, {n,}, {n,m} at i: its length, or 0. */
static size_t braces(struct dialect *d, long *lo, long *hi)
{
        size_t i = d->i + 1, from = i;
        *lo = *hi = 0;
        while (i < d->n && is_digit((unsigned char)d->s[i]) && i - from < 10)
                *lo = *lo * 10 + (d->s[i++] - '0');
        if (i == from)
                return 0;
        *hi = *lo;
        if (i < d->n && d->s[i] == ',') {
                from = ++i;
                *hi = -1;
                while (i < d->n && is_digit((unsigned char)d->s[i]) && i - from < 10)
                        *hi = (*hi < 0 ? 0 : *hi) * 10 + (d->s[i++] - '0');
        }
        return i < d->n && d->s[i] == '}' ? i + 1 - d->i : 0;
}

static bool is_quantifier(struct dialect *d)
{
        long lo, hi;
        int c = peek(d, 0);
        return c == '*' || c == '+' || c == '?' || (c == '{' && braces(d, &lo, &hi));
}

static void skip_blanks(struct dialect *d)
{
        while (more(d) && d->opt & SH_RE_SPACE) {
                int c = peek(d, 0);
                if (c == '#')
                        while (more(d) && peek(d, 0) != '\n')
                                d->i++;
                else if (c == ' ' || (c >= 9 && c <= 13))
                        d->i++;
                else
                        break;
        }
}

/* The quantifier at i. least: only as often as it must (the start of a lookbehind, where more changes nothing and
 * PCRE2 wants a fixed length). */
static bool quantifier(struct dialect *d, bool least)
{
        long lo, hi;
        int c = peek(d, 0);
        size_t n = 1;
        char t[64];
        if (c == '{') {
                n = braces(d, &lo, &hi);
                if (hi >= 0 && hi < lo)
                        return fail(d, "Illegal {x,y} with x > y.");
                if (lo > 65535 || hi > 65535)
                        return fail(d, "Capture group numbers and counts must be at most 65535.");
        } else {
                lo = c == '+';
                hi = c == '?' ? 1 : -1;
        }
        d->i += n;
        skip_blanks(d);
        bool lazy = peek(d, 0) == '?';
        d->i += lazy;
        skip_blanks(d);
        if (least) {
                snprintf(t, sizeof(t), "{%ld}", lo);
                put(d, t);
        } else {
                if (c == '{' && hi < 0)
                        snprintf(t, sizeof(t), "{%ld,}%s", lo, lazy ? "?" : "");
                else if (c == '{')
                        snprintf(t, sizeof(t), "{%ld,%ld}%s", lo, hi, lazy ? "?" : "");
                else
                        snprintf(t, sizeof(t), "%c%s", c, lazy ? "?" : "");
                put(d, t);
        }
        if (is_quantifier(d)) {
                d->i++;
                return fail(d, "Nested quantifier '%c'.", d->s[d->i - 1]);
        }
        return true;
}

/* One thing that may be quantified, at i. */
static bool atom(struct dialect *d, bool *ret_atom)
{
        int c = peek(d, 0);
        unsigned len;
        *ret_atom = true;
        if (c == '(')
                return group(d, ret_atom);
        if (c == '[') {
                d->i++;
                return char_class(d);
        }
        if (c == '\\')
                return escape(d);
        if (c == '{') {
                d->i++;
                put(d, "\\{");
                return true;
        }
        uint32_t cp = sh_utf_next(d->s + d->i, d->n - d->i, &len);
        if (cp >= 0x110000 || (cp >= 0xD800 && cp <= 0xDFFF))
                put(d, "\\x{FFFD}");
        else if (cp == 0)
                put(d, "\\x{0}");
        else
                putn(d, d->s + d->i, len);
        d->i += len;
        return true;
}

/* Up to a closing bracket or the end. behind: the content of a lookbehind. */
static bool alternatives(struct dialect *d, bool behind)
{
        bool can_repeat = false, first = behind;
        while (skip_blanks(d), more(d)) {
                int c = peek(d, 0);
                if (c == ')' && d->depth)
                        return true;
                if (c == ')') {
                        d->i++;
                        return fail(d, "Too many )'s.");
                }
                if (c == '|') {
                        put(d, "|");
                        d->i++;
                        can_repeat = false;
                        first = behind;
                        continue;
                }
                if (is_quantifier(d)) {
                        d->i++;
                        return fail(d, "Quantifier '%c' following nothing.", c);
                }
                if (!atom(d, &can_repeat))
                        return false;
                skip_blanks(d);
                if (can_repeat && more(d) && is_quantifier(d) && !quantifier(d, first))
                        return false;
                first = first && !can_repeat;
        }
        return true;
}

bool sh_re_translate(const char *s, size_t n, unsigned options, struct re_text *ret, struct sh_buf *error,
                     size_t *error_at)
{
        *ret = (struct re_text) { 0 };
        struct dialect d = { .s = s,
                             .n = n,
                             .opt = options & 0xFFFF,
                             .to = ret,
                             .out = &ret->text,
                             .error = error,
                             .call_behind = options & SH_RE_CALL_BEHIND,
                             .note = options & SH_RE_NOTE };
        sh_buf_put(&ret->text, "", 0);
        bool ok = !(options & SH_RE_RTL) || fail(&d, "RegexOptions.RightToLeft is not supported here.");
        if (ok && (ok = alternatives(&d, false))) {
                number_groups(&d);
                d.writing = true;
                d.i = 0;
                d.depth = 0;
                d.seen = 0;
                d.opt = options & 0xFFFF;
                ok = alternatives(&d, false);
        }
        *error_at = d.i;
        free(d.groups);
        if (!ok)
                sh_re_text_free(ret);
        return ok;
}

void sh_re_text_free(struct re_text *t)
{
        for (uint32_t i = 0; i < t->nslots; i++)
                free(t->slots[i].name);
        free(t->slots);
        free(t->slot_of);
        for (uint32_t i = 0; i < t->nbehinds; i++)
                free(t->behinds[i].text);
        free(t->behinds);
        sh_buf_free(&t->text);
        *t = (struct re_text) { 0 };
}
