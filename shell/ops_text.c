/* SPDX-License-Identifier: MIT
 *
 * The operators on text: -like -match -replace -split -join -f. A collection on the left is taken item by item.
 */
#include "shell/ops.h"

/* ---- filters ---- */
/* Whether one value passes; SH_OK or an error. */
typedef int (*sh_test)(struct sh *, void *, struct sv, bool *ret);

static int filter(struct sh *sh, sh_test test, void *data, bool invert, struct sv a, struct sv *ret)
{
        size_t pos = 0;
        struct sv item, r = sh_array_new(4);
        while (sh_next(a, &pos, &item)) {
                bool yes = false;
                int st = test(sh, data, item, &yes);
                if (st == SH_OK && yes != invert)
                        sh_array_add(r.a, item);
                sh_drop(item);
                if (st == SH_OK && (pos & 1023) == 0)
                        st = sh_check(sh);
                if (st != SH_OK) {
                        sh_drop(r);
                        return st;
                }
        }
        *ret = r;
        return SH_OK;
}

static int scalar(struct sh *sh, sh_test test, void *data, bool invert, struct sv a, struct sv *ret)
{
        bool yes = false;
        int st = test(sh, data, a, &yes);
        *ret = sh_bool(yes != invert);
        return st;
}

/* ---- -like ---- */
struct like {
        struct sv pattern;
        bool case_sensitive;
};

static int like_test(struct sh *sh, void *data, struct sv v, bool *ret)
{
        struct like *x = data;
        struct sv t = sh_to_text(sh, v);
        *ret = sh_wildcard(x->pattern.s->s, x->pattern.s->len, t.s->s, t.s->len, x->case_sensitive);
        sh_drop(t);
        return SH_OK;
}

int sh_op_like(struct sh *sh, bool invert, bool case_sensitive, struct sv a, struct sv b, struct sv *ret)
{
        struct like x = { sh_to_text(sh, b), case_sensitive };
        int st = (sh_is_enumerable(a) ? filter : scalar)(sh, like_test, &x, invert, a, ret);
        sh_drop(x.pattern);
        return st;
}

/* ---- -match ---- */
struct matching {
        struct sh_regex *re;
        bool keep; /* into $Matches */
};

static int match_test(struct sh *sh, void *data, struct sv v, bool *ret)
{
        struct matching *x = data;
        struct sv t = sh_to_text(sh, v);
        const size_t *at;
        uint32_t n;
        int st = sh_regex_exec(sh, x->re, t.s->s, t.s->len, 0, &at, &n);
        *ret = st == SH_OK;
        if (st == SH_OK && x->keep) {
                struct sv m = sh_regex_matches(sh, x->re, t.s->s, at, n);
                st = sh_var_set(sh, "Matches", m);
                sh_drop(m);
        }
        sh_drop(t);
        return st == SH_NONE ? SH_OK : st;
}

int sh_op_match(struct sh *sh, bool invert, bool case_sensitive, struct sv a, struct sv b, struct sv *ret)
{
        bool many = sh_is_enumerable(a);
        struct matching x = { sh_regex_from(sh, b, case_sensitive), !many };
        if (!x.re)
                return SH_ERROR;
        return (many ? filter : scalar)(sh, match_test, &x, invert, a, ret);
}

/* ---- -replace ---- */
static int replace_parts(struct sh *sh, struct sv b, struct sv *pattern, struct sv *with)
{
        struct sv base = sh_unwrap(b);
        *pattern = *with = SH_NIL;
        if (base.kind != SH_ARRAY) {
                *pattern = b;
                return SH_OK;
        }
        if (base.a->n > 2)
                return sh_throw(sh, "BadReplaceArgument", "InvalidOperation", SH_NIL,
                                "The -replace operator allows only two elements to follow it, not %u.", base.a->n);
        if (base.a->n > 0)
                *pattern = base.a->v[0];
        if (base.a->n > 1)
                *with = base.a->v[1];
        return SH_OK;
}

static int replace_list(struct sh *sh, bool case_sensitive, struct sv a, struct sv pattern, struct sv with,
                        struct sv *ret)
{
        size_t pos = 0;
        struct sv item, x, r = sh_array_new(4);
        int st = SH_OK;
        while (st == SH_OK && sh_next(a, &pos, &item)) {
                struct sh_regex *re = sh_regex_from(sh, pattern, case_sensitive); /* cached; a block may use others */
                st = re ? sh_regex_replace(sh, re, item, with, -1, &x) : SH_ERROR;
                if (st == SH_OK)
                        sh_array_take(r.a, x);
                sh_drop(item);
        }
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        return st;
}

int sh_op_replace(struct sh *sh, bool case_sensitive, struct sv a, struct sv b, struct sv *ret)
{
        struct sv pattern, with;
        int st = replace_parts(sh, b, &pattern, &with);
        if (st != SH_OK)
                return st;
        struct sv w = sh_unwrap(with).kind == SH_BLOCK ? sh_keep(sh_unwrap(with)) : sh_to_text(sh, with);
        if (sh_is_enumerable(a)) {
                st = replace_list(sh, case_sensitive, a, pattern, w, ret);
        } else {
                struct sh_regex *re = sh_regex_from(sh, pattern, case_sensitive);
                st = re ? sh_regex_replace(sh, re, a, w, -1, ret) : SH_ERROR;
        }
        sh_drop(w);
        return st;
}

/* ---- -split ---- */
enum {
        SPLIT_SIMPLE = 1,
        SPLIT_REGEX = 2,
        SPLIT_CULTURE = 4,
        SPLIT_SPACE = 8,
        SPLIT_MULTILINE = 16,
        SPLIT_SINGLELINE = 32,
        SPLIT_IGNORECASE = 64,
        SPLIT_EXPLICIT = 128
};
static const struct {
        const char *name;
        int32_t value;
} split_items[] = { { "SimpleMatch", SPLIT_SIMPLE }, { "RegexMatch", SPLIT_REGEX },
                    { "CultureInvariant", SPLIT_CULTURE }, { "IgnorePatternWhitespace", SPLIT_SPACE },
                    { "Multiline", SPLIT_MULTILINE }, { "Singleline", SPLIT_SINGLELINE },
                    { "IgnoreCase", SPLIT_IGNORECASE }, { "ExplicitCapture", SPLIT_EXPLICIT } };
static struct sh_enum split_options = {
        .obj = { .refs = 1, .type = &split_options.type },
        .type = { .name = "System.Management.Automation.SplitOptions", .base = &sh_type_enum, .kind = SH_ENUM },
        .flags = true, .n = 8, .items = (const void *)split_items
};

struct split {
        struct sv by; /* pattern text or block; borrowed */
        int64_t limit;
        int32_t options;
        bool case_sensitive, trim;
};

static void escape(struct sh_buf *b, const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (s[i] && strchr("\\*+?|{[()^$.# \t\n\r", s[i]))
                        sh_buf_puts(b, "\\");
                sh_buf_put(b, &s[i], 1);
        }
        sh_buf_put(b, "", 0);
}

static unsigned regex_options(int32_t o)
{
        return (o & SPLIT_IGNORECASE ? SH_RE_IGNORECASE : 0) | (o & SPLIT_MULTILINE ? SH_RE_MULTILINE : 0) |
               (o & SPLIT_SINGLELINE ? SH_RE_SINGLELINE : 0) | (o & SPLIT_SPACE ? SH_RE_SPACE : 0) |
               (o & SPLIT_EXPLICIT ? SH_RE_EXPLICIT : 0);
}

static int split_by_pattern(struct sh *sh, const struct split *x, struct sv text, struct sh_array *out)
{
        struct sv p = sh_to_text(sh, x->by);
        int32_t o = x->options | (x->case_sensitive ? 0 : SPLIT_IGNORECASE);
        struct sh_buf b = { 0 };
        if (o & SPLIT_SIMPLE)
                escape(&b, p.s->s, p.s->len);
        else
                sh_buf_put(&b, p.s->s, p.s->len);
        struct sh_regex *re = sh_unwrap(x->by).kind == SH_OTHER ? sh_regex_from(sh, x->by, x->case_sensitive)
                                                                : sh_regex_of(sh, b.p, b.n, regex_options(o));
        int st = re ? sh_regex_split(sh, re, text.s, x->limit, out) : SH_ERROR;
        sh_buf_free(&b);
        sh_drop(p);
        return st;
}

/* Asks the block about one character. */
static int split_here(struct sh *sh, const struct split *x, struct sv text, uint32_t unit, bool *ret)
{
        struct sv one = sh_substring(text.s, unit, 1), r, args[2] = { text, sh_int((int32_t)unit) };
        int st = sh_block_value(sh, x->by, &one, (struct sh_args) { 2, args }, true, &r);
        sh_drop(one);
        if (st != SH_OK)
                return st;
        *ret = sh_true(r);
        sh_drop(r);
        return SH_OK;
}

static int split_by_block(struct sh *sh, const struct split *x, struct sv text, struct sh_array *out)
{
        uint32_t n = text.s->units, from = 0, pieces = 0;
        bool yes;
        for (uint32_t i = 0; i < n && (x->limit <= 0 || pieces + 1 < x->limit); i++) {
                int st = split_here(sh, x, text, i, &yes);
                if (st != SH_OK)
                        return st;
                if (!yes)
                        continue;
                sh_array_take(out, sh_substring(text.s, from, i - from));
                from = i + 1;
                pieces++;
        }
        sh_array_take(out, sh_substring(text.s, from, n - from));
        return SH_OK;
}

static int split_backwards(struct sh *sh, const struct split *x, struct sv text, struct sh_array *out)
{
        uint32_t end = text.s->units, first = out->n, pieces = 0;
        bool yes;
        for (uint32_t i = end; i-- > 0 && pieces + 1 < -x->limit;) {
                int st = split_here(sh, x, text, i, &yes);
                if (st != SH_OK)
                        return st;
                if (!yes)
                        continue;
                sh_array_take(out, sh_substring(text.s, i + 1, end - i - 1));
                end = i;
                pieces++;
        }
        sh_array_take(out, sh_substring(text.s, 0, end));
        for (uint32_t i = first, k = out->n - 1; i < k; i++, k--) {
                struct sv t = out->v[i];
                out->v[i] = out->v[k];
                out->v[k] = t;
        }
        return SH_OK;
}

static int split_one(struct sh *sh, const struct split *x, struct sv v, struct sh_array *out)
{
        struct sv text = sh_to_text(sh, v);
        int st;
        if (x->trim) {
                const char *s = text.s->s, *end = s + text.s->len;
                while (s < end && sh_cp_space((unsigned char)*s))
                        s++;
                while (s < end && sh_cp_space((unsigned char)end[-1]))
                        end--;
                struct sv t = sh_string(s, (size_t)(end - s));
                sh_drop(text);
                text = t;
        }
        if (sh_unwrap(x->by).kind != SH_BLOCK)
                st = split_by_pattern(sh, x, text, out);
        else if (x->limit < 0)
                st = split_backwards(sh, x, text, out);
        else
                st = split_by_block(sh, x, text, out);
        sh_drop(text);
        return st;
}

static int split_all(struct sh *sh, const struct split *x, struct sv a, struct sv *ret)
{
        struct sv r = sh_array_typed(&sh_type_string, 0), item;
        size_t pos = 0;
        int st = SH_OK;
        if (!sh_is_enumerable(a)) {
                st = split_one(sh, x, a, r.a);
        } else {
                while (st == SH_OK && sh_next(a, &pos, &item)) {
                        st = split_one(sh, x, item, r.a);
                        sh_drop(item);
                }
        }
        if (st == SH_OK)
                *ret = r;
        else
                sh_drop(r);
        return st;
}

static int split_arguments(struct sh *sh, struct sv b, struct split *x)
{
        struct sv base = sh_unwrap(b);
        x->by = b;
        if (base.kind != SH_ARRAY)
                return SH_OK;
        if (base.a->n == 0)
                return sh_throw(sh, "BadOperatorArgument", "InvalidOperation", SH_NIL,
                                "The argument to operator '-split' is not valid: .");
        x->by = base.a->v[0];
        struct sv n, o;
        int st = SH_OK;
        if (base.a->n > 1 && (st = sh_convert(sh, base.a->v[1], &sh_type_int, &n)) == SH_OK)
                x->limit = n.i;
        if (st != SH_OK || base.a->n < 3 || !sh_true(base.a->v[2]))
                return st;
        if ((st = sh_convert(sh, base.a->v[2], &split_options.type, &o)) != SH_OK)
                return st;
        x->options = (int32_t)o.hi;
        sh_drop(o);
        if (sh_unwrap(x->by).kind == SH_BLOCK)
                return sh_throw(sh, "InvalidSplitOptionWithPredicate", "InvalidOperation", SH_NIL,
                                "Options are not allowed on the -split operator with a predicate.");
        if ((x->options & SPLIT_SIMPLE) && (x->options & ~(SPLIT_SIMPLE | SPLIT_IGNORECASE)))
                return sh_throw(sh, "InvalidSplitOptionCombination", "InvalidOperation", SH_NIL,
                                "The combination of options with the -split operator is not valid.");
        return SH_OK;
}

int sh_op_split(struct sh *sh, bool case_sensitive, struct sv a, struct sv b, struct sv *ret)
{
        struct split x = { .case_sensitive = case_sensitive };
        int st = split_arguments(sh, b, &x);
        return st == SH_OK ? split_all(sh, &x, a, ret) : st;
}

int sh_op_unary_split(struct sh *sh, struct sv a, struct sv *ret)
{
        struct split x = { .trim = true, .by = sh_text("\\s+") };
        int st = split_all(sh, &x, a, ret);
        sh_drop(x.by);
        return st;
}

/* ---- -join, -f ---- */
int sh_op_join(struct sh *sh, struct sv a, struct sv separator, struct sv *ret)
{
        if (!sh_is_enumerable(a)) {
                *ret = sh_to_text(sh, a);
                return SH_OK;
        }
        struct sv between = sh_to_text(sh, separator), item;
        struct sh_buf b = { 0 };
        size_t pos = 0;
        for (bool first = true; sh_next(a, &pos, &item); first = false) {
                if (!first)
                        sh_buf_put(&b, between.s->s, between.s->len);
                sh_buf_item(sh, &b, item);
                sh_drop(item);
        }
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        sh_drop(between);
        return SH_OK;
}

int sh_op_format(struct sh *sh, struct sv a, struct sv b, struct sv *ret)
{
        struct sv fmt = sh_to_text(sh, a), base = sh_unwrap(b);
        struct sh_buf out = { 0 };
        bool spread = base.kind == SH_ARRAY && sh_type_is(base.o->type, &sh_type_array);
        struct sh_args args = { spread ? base.a->n : 1, spread ? base.a->v : &b };
        int st = sh_format_composite(sh, fmt.s->s, fmt.s->len, args, &out);
        if (st == SH_OK)
                *ret = sh_buf_take(&out);
        sh_buf_free(&out);
        sh_drop(fmt);
        return st;
}
