/* SPDX-License-Identifier: MIT
 *
 * -like's patterns: * ? [a-c] [abc] and the backtick that takes their meaning away. Characters are compared as UTF-16
 * has them only in that ? is one code point here; a name with bytes that are no text still matches itself.
 */
#include "shell/text.h"

struct pattern {
        const char *p, *end;
        bool fold;
};

static uint32_t next(const char **s, const char *end, bool fold)
{
        unsigned len;
        uint32_t cp = sh_utf_next(*s, (size_t)(end - *s), &len);
        *s += len;
        return fold ? sh_fold(cp) : cp;
}

/* The ] of a set whose [ is before s, or NULL: then the [ is an ordinary character. */
static const char *set_end(const char *s, const char *end)
{
        for (const char *p = s; p < end; p++) {
                if (*p == '`' && p + 1 < end)
                        p++;
                else if (*p == ']' && p > s)
                        return p;
        }
        return NULL;
}

static uint32_t set_char(const char **s, const char *end, bool fold)
{
        if (**s == '`' && *s + 1 < end)
                ++*s;
        return next(s, end, fold);
}

static bool in_set(const char *s, const char *end, uint32_t c, bool fold)
{
        while (s < end) {
                uint32_t low = set_char(&s, end, fold), high = low;
                if (s + 1 < end && *s == '-') {
                        s++;
                        high = set_char(&s, end, fold);
                }
                if (c >= low && c <= high)
                        return true;
        }
        return false;
}

/* One element of the pattern against one character: 1 both advanced, 0 no. */
static bool match_one(struct pattern *x, const char **text, const char *end)
{
        const char *close;
        uint32_t c = next(text, end, x->fold);
        if (*x->p == '?') {
                x->p++;
                return true;
        }
        if (*x->p == '[' && (close = set_end(x->p + 1, x->end))) {
                bool yes = in_set(x->p + 1, close, c, x->fold);
                x->p = close + 1;
                return yes;
        }
        if (*x->p == '`' && x->p + 1 < x->end)
                x->p++;
        return next(&x->p, x->end, x->fold) == c;
}

bool sh_wildcard(const char *pattern, size_t np, const char *text, size_t nt, bool case_sensitive)
{
        struct pattern x = { pattern, pattern + np, !case_sensitive };
        const char *end = text + nt, *star = NULL, *resume = NULL;
        for (;;) {
                if (x.p < x.end && *x.p == '*') {
                        star = ++x.p;
                        resume = text;
                        if (star == x.end)
                                return true;
                        continue;
                }
                if (text == end) {
                        if (x.p == x.end)
                                return true;
                } else if (x.p < x.end && match_one(&x, &text, end)) {
                        continue;
                }
                if (!star || resume >= end)
                        return false;
                unsigned len; /* the last star takes one character more */
                sh_utf_next(resume, (size_t)(end - resume), &len);
                resume += len;
                text = resume;
                x.p = star;
        }
}

bool sh_has_wildcard(const char *pattern, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (pattern[i] == '`')
                        i++;
                else if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[' || pattern[i] == ']')
                        return true;
        }
        return false;
}
