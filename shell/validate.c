/* SPDX-License-Identifier: MIT
 *
 * Validate* attributes, of parameters and of variables: [ValidateRange(1, 5)][int]$x. Collections are checked item by
 * item. Messages are PowerShell's.
 */
#include "shell/eval.h"
#include "shell/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

struct check {
        struct sh *sh;
        const struct attr *a;
        const char *param;
        bool is_param;
};

static int refuse(struct check *c, const char *id, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int refuse_text(struct check *c, const char *id, const char *text)
{
        if (c->is_param)
                return sh_throw_as(c->sh, "System.Management.Automation.ParameterBindingValidationException",
                                   "ParameterArgumentValidationError", "InvalidData", SH_NIL,
                                   "Cannot validate argument on parameter '%s'. %s", c->param, text);
        return sh_throw_as(c->sh, "System.Management.Automation.ValidationMetadataException", id, "MetadataError",
                           SH_NIL, "%s", text);
}

static int refuse(struct check *c, const char *id, const char *fmt, ...)
{
        struct sh_buf b = { 0 };
        va_list ap;
        char text[4096];
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        sh_buf_puts(&b, text);
        int st = refuse_text(c, id, b.p);
        sh_buf_free(&b);
        return st;
}

/* The attribute's own ErrorMessage with {0} and {1}. */
static int refuse_own(struct check *c, const char *id, struct sv message, struct sv v, struct sv what)
{
        struct sh_buf b = { 0 };
        struct sv args[2] = { v, what }, m = sh_to_text(c->sh, message);
        int st = sh_format_composite(c->sh, m.s->s, m.s->len, (struct sh_args) { 2, args }, &b);
        if (st == SH_OK)
                st = refuse_text(c, id, b.p ? b.p : "");
        sh_drop(m);
        sh_buf_free(&b);
        return st;
}

static struct sv argument(struct check *c, uint32_t i)
{
        struct sh *sh = c->sh;
        return i < c->a->npos ? EV(c->a->pos[i]) : SH_NIL;
}

static bool option(struct check *c, const char *name, bool otherwise)
{
        struct sv v;
        if (!sh_attr_get(c->sh, c->a, name, &v))
                return otherwise;
        bool r = sh_true(v);
        sh_drop(v);
        return r;
}

/* ---- one value ---- */
static int check_set(struct check *c, struct sv v)
{
        struct sv t = sh_to_text(c->sh, v), message;
        struct sh_buf list = { 0 };
        bool ignore = option(c, "IgnoreCase", true), found = false;
        int st = SH_OK;
        for (uint32_t i = 0; i < c->a->npos && !found; i++) {
                struct sv x = argument(c, i);
                if (sh_failed(x)) {
                        st = c->sh->st;
                        break;
                }
                struct sv xt = sh_to_text(c->sh, x);
                found = ignore ? sh_text_same(xt.s->s, xt.s->len, t.s->s, t.s->len)
                               : xt.s->len == t.s->len && !memcmp(xt.s->s, t.s->s, t.s->len);
                sh_buf_puts(&list, i ? "," : "");
                sh_buf_put(&list, xt.s->s, xt.s->len);
                sh_drop(xt);
                sh_drop(x);
        }
        if (st == SH_OK && !found) {
                struct sv all = sh_buf_take(&list);
                if (sh_attr_get(c->sh, c->a, "ErrorMessage", &message)) {
                        st = refuse_own(c, "ValidateSetFailure", message, t, all);
                        sh_drop(message);
                } else {
                        st = refuse(c, "ValidateSetFailure",
                                    "The argument \"%s\" does not belong to the set \"%s\" specified by the "
                                    "ValidateSet attribute. Supply an argument that is in the set and then try the "
                                    "command again.",
                                    t.s->s, all.s->s);
                }
                sh_drop(all);
        }
        sh_buf_free(&list);
        sh_drop(t);
        return st;
}

static int range_kind(struct check *c, struct sv kind, struct sv v)
{
        static const struct {
                const char *name, *text;
        } kinds[] = { { "Positive", "greater than zero" },
                      { "NonNegative", "greater than or equal to zero" },
                      { "Negative", "less than zero" },
                      { "NonPositive", "less than or equal to zero" } };
        struct sv k = sh_to_text(c->sh, kind), t = sh_to_text(c->sh, v);
        double d = 0;
        int st = SH_OK;
        sh_to_double(c->sh, v, &d);
        for (int i = 0; i < 4; i++) {
                bool ok = i == 0 ? d > 0 : i == 1 ? d >= 0 : i == 2 ? d < 0 : d <= 0;
                if (!strcasecmp(kinds[i].name, k.s->s) && !ok)
                        st = refuse(c, "ValidateRangeFailure",
                                    "The argument \"%s\" cannot be validated because its value is not %s.", t.s->s,
                                    kinds[i].text);
        }
        sh_drop(k);
        sh_drop(t);
        return st;
}

static int range_side(struct check *c, struct sv v, struct sv limit, bool below)
{
        int order;
        int st = sh_compare(c->sh, limit, v, true, &order);
        if (st != SH_OK) {
                sh_drop(sh_error_take(c->sh));
                return refuse(c, "ValidateRangeElementType",
                              "The argument cannot be validated because its type \"%s\" is not the same type (%s) as "
                              "the maximum and minimum limits of the parameter. Make sure the argument is of type %s "
                              "and then try the command again.",
                              sh_type_of(v) ? sh_type_of(v)->name : "null", sh_type_of(limit)->name,
                              sh_type_of(limit)->name);
        }
        if (below ? order <= 0 : order >= 0)
                return SH_OK;
        struct sv t = sh_to_text(c->sh, v), l = sh_to_text(c->sh, limit);
        st = refuse(c, "ValidateRangeFailure",
                    below ? "The %s argument is less than the minimum allowed range of %s. Supply an argument that is "
                            "greater than or equal to %s and then try the command again."
                          : "The %s argument is greater than the maximum allowed range of %s. Supply an argument that "
                            "is less than or equal to %s and then try the command again.",
                    t.s->s, l.s->s, l.s->s);
        sh_drop(t);
        sh_drop(l);
        return st;
}

static int check_range(struct check *c, struct sv v)
{
        struct sv low = argument(c, 0);
        if (sh_failed(low))
                return c->sh->st;
        int st;
        if (c->a->npos < 2) {
                st = range_kind(c, low, v);
                sh_drop(low);
                return st;
        }
        struct sv high = argument(c, 1);
        if (sh_failed(high)) {
                sh_drop(low);
                return c->sh->st;
        }
        st = range_side(c, v, low, true);
        if (st == SH_OK)
                st = range_side(c, v, high, false);
        sh_drop(low);
        sh_drop(high);
        return st;
}

static int64_t number(struct check *c, uint32_t i, int64_t otherwise)
{
        int64_t r = otherwise;
        struct sv v = argument(c, i);
        if (sh_failed(v) || sh_is_null(v) || !sh_to_int64(c->sh, v, &r))
                r = otherwise;
        if (sh_failed(v))
                sh_drop(sh_error_take(c->sh));
        else
                sh_drop(v);
        return r;
}

static int check_length(struct check *c, struct sv v)
{
        int64_t min = number(c, 0, 0), max = number(c, 1, INT32_MAX);
        if (v.kind != SH_STRING)
                return refuse(c, "ValidateLengthNotString",
                              "The ValidateLength attribute cannot be applied to a parameter that is not a string or "
                              "string[] parameter. Make the parameter a string or string[] parameter.");
        if (v.s->units < min)
                return refuse(c, "ValidateLengthMinLengthFailure",
                              "The character length (%u) of the argument is too short. Specify an argument with a "
                              "length that is greater than or equal to \"%lld\", and then try the command again.",
                              v.s->units, (long long)min);
        if (v.s->units > max)
                return refuse(c, "ValidateLengthMaxLengthFailure",
                              "The character length of the %u argument is too long. Shorten the character length of "
                              "the argument so it is fewer than or equal to \"%lld\" characters, and then try the "
                              "command again.",
                              v.s->units, (long long)max);
        return SH_OK;
}

static int check_pattern(struct check *c, struct sv v)
{
        struct sv pattern = argument(c, 0), t, r, message, options;
        if (sh_failed(pattern))
                return c->sh->st;
        bool cased = false;
        if (sh_attr_get(c->sh, c->a, "Options", &options)) {
                struct sv o = sh_to_text(c->sh, options);
                cased = !strcasestr(o.s->s, "IgnoreCase");
                sh_drop(o);
                sh_drop(options);
        }
        t = sh_to_text(c->sh, v);
        struct sh_regex *re = sh_regex_from(c->sh, pattern, cased);
        const size_t *at;
        uint32_t n;
        int st = re ? sh_regex_exec(c->sh, re, t.s->s, t.s->len, 0, &at, &n) : SH_ERROR;
        if (st == SH_NONE && sh_attr_get(c->sh, c->a, "ErrorMessage", &message)) {
                st = refuse_own(c, "ValidatePatternFailure", message, t, pattern);
                sh_drop(message);
        } else if (st == SH_NONE) {
                r = sh_to_text(c->sh, pattern);
                st = refuse(c, "ValidatePatternFailure",
                            "The argument \"%s\" does not match the \"%s\" pattern. Supply an argument that matches "
                            "\"%s\" and try the command again.",
                            t.s->s, r.s->s, r.s->s);
                sh_drop(r);
        }
        sh_drop(t);
        sh_drop(pattern);
        return st;
}

static int script_said_no(struct check *c, struct sv block, struct sv v)
{
        struct sv message, t = sh_to_text(c->sh, v), text = sh_to_text(c->sh, block);
        int st;
        if (sh_attr_get(c->sh, c->a, "ErrorMessage", &message)) {
                st = refuse_own(c, "ValidateScriptFailure", message, t, text);
                sh_drop(message);
        } else {
                st = refuse(c, "ValidateScriptFailure",
                            "The \"%s\" validation script for the argument with value \"%s\" did not return a result "
                            "of True. Determine why the validation script failed, and then try the command again.",
                            text.s->s, t.s->s);
        }
        sh_drop(t);
        sh_drop(text);
        return st;
}

static int check_script(struct check *c, struct sv v)
{
        struct sv block = argument(c, 0), r = SH_NIL;
        if (sh_failed(block))
                return c->sh->st;
        if (block.kind != SH_BLOCK) {
                sh_drop(block);
                return SH_OK;
        }
        int st = sh_block_value(c->sh, block, &v, (struct sh_args) { 0, NULL }, true, &r);
        if (st == SH_ERROR) { /* what the script threw is the reason that is shown */
                struct sv e = sh_error_take(c->sh), text = sh_to_text(c->sh, e);
                st = refuse_text(c, "ValidateScriptFailure", text.s->s);
                sh_drop(text);
                sh_drop(e);
        } else if (st == SH_OK && !sh_true(r)) {
                st = script_said_no(c, block, v);
        }
        sh_drop(r);
        sh_drop(block);
        return st;
}

static const struct {
        const char *name;
        int (*check)(struct check *, struct sv);
} each_value[] = {
        { "ValidateSet", check_set },         { "ValidateRange", check_range },   { "ValidateLength", check_length },
        { "ValidatePattern", check_pattern }, { "ValidateScript", check_script },
};

/* ---- the whole argument ---- */
static int check_count(struct check *c, struct sv v)
{
        int64_t min = number(c, 0, 0), max = number(c, 1, INT32_MAX), n = 0;
        size_t pos = 0;
        struct sv item;
        if (!sh_is_null(v) && !sh_is_enumerable(v))
                return refuse(c, "NotAnArrayParameter",
                              "The ValidateCount attribute cannot be applied to a non-array parameter. Either remove "
                              "the attribute from the parameter or make the parameter an array parameter.");
        for (; !sh_is_null(v) && sh_next(v, &pos, &item); n++)
                sh_drop(item);
        if (min == max && n != max)
                return refuse(c, "ValidateCountExactFailure",
                              "The parameter requires exactly %lld value(s) - %lld value(s) were provided.",
                              (long long)max, (long long)n);
        if (n < min || n > max)
                return refuse(c, "ValidateCountMinMaxFailure",
                              "The parameter requires at least %lld value(s) and no more than %lld value(s) - %lld "
                              "value(s) were provided.",
                              (long long)min, (long long)max, (long long)n);
        return SH_OK;
}

enum { NOT_NULL, NOT_EMPTY, NOT_BLANK };

static bool is_blank(struct sv v)
{
        for (uint32_t i = 0; v.kind == SH_STRING && i < v.s->len;) {
                unsigned len;
                if (!sh_cp_space(sh_utf_next(v.s->s + i, v.s->len - i, &len)))
                        return false;
                i += len;
        }
        return v.kind == SH_STRING;
}

static bool refused(struct sv v, int level)
{
        return sh_is_null(v) || (level >= NOT_EMPTY && v.kind == SH_STRING && v.s->len == 0) ||
               (level == NOT_BLANK && is_blank(v));
}

static int check_not(struct check *c, struct sv v, int level)
{
        static const char *const single[] = {
                "The argument is null. Provide a valid value for the argument, and then try running the command again.",
                "The argument is null or empty. Provide an argument that is not null or empty, and then try the "
                "command again.",
                "The argument is null, empty, or consists of only white-space characters. Provide an argument that "
                "contains non white-space characters, and then try the command again."
        };
        static const char *const several[] = {
                "The argument has a null value, or an element of the argument collection contains a null value. "
                "Provide a collection that does not contain any null values, and then try the command again.",
                "The argument is null, empty, or an element of the argument collection contains a null value. Supply "
                "a collection that does not contain any null values and then try the command again.",
                "The argument is null, empty, or consists of only white-space characters, or an element of the "
                "argument collection contains a null value. Supply a collection that does not contain any null values "
                "and then try the command again."
        };
        static const char *const ids[] = { "ArgumentIsNull", "ArgumentIsEmpty", "ArgumentIsEmptyOrWhiteSpace" };
        if (refused(v, level))
                return refuse(c, ids[level], "%s", single[level]);
        v = sh_unwrap(v);
        if (level >= NOT_EMPTY && v.kind == SH_HASH && sh_hash_count(v.h) == 0)
                /* cppcheck-suppress arrayIndexOutOfBoundsCond ; level is one of the three */
                return refuse(c, ids[level], "%s", single[level]);
        if (!sh_is_enumerable(v))
                return SH_OK;
        size_t pos = 0;
        uint32_t n = 0;
        struct sv item;
        bool bad = false;
        for (; !bad && sh_next(v, &pos, &item); n++) {
                bad = refused(item, level);
                sh_drop(item);
        }
        return bad || (n == 0 && level >= NOT_EMPTY) ? refuse(c, ids[level], "%s", several[level]) : SH_OK;
}

static int check_each(struct check *c, struct sv v, int (*check)(struct check *, struct sv))
{
        if (sh_is_null(v) || !sh_is_enumerable(v))
                return check(c, v);
        size_t pos = 0;
        struct sv item;
        int st = SH_OK;
        while (st == SH_OK && sh_next(v, &pos, &item)) {
                st = check(c, item);
                sh_drop(item);
        }
        return st;
}

static int one(struct check *c, struct sv v)
{
        for (size_t i = 0; i < sizeof each_value / sizeof *each_value; i++)
                if (sh_attr_is(c->a, each_value[i].name))
                        return check_each(c, v, each_value[i].check);
        if (sh_attr_is(c->a, "ValidateCount"))
                return check_count(c, v);
        if (sh_attr_is(c->a, "ValidateNotNull"))
                return check_not(c, v, NOT_NULL);
        if (sh_attr_is(c->a, "ValidateNotNullOrEmpty"))
                return check_not(c, v, NOT_EMPTY);
        if (sh_attr_is(c->a, "ValidateNotNullOrWhiteSpace"))
                return check_not(c, v, NOT_BLANK);
        return SH_OK;
}

static int variable_invalid(struct sh *sh, const char *name, struct sv v)
{
        struct sv t = sh_to_text(sh, v);
        sh_drop(sh_error_take(sh));
        int st = sh_throw_as(sh, "System.Management.Automation.ValidationMetadataException", "ValidateSetFailure",
                             "MetadataError", SH_NIL,
                             "The variable cannot be validated because the value %s is not a valid value for the %s "
                             "variable.",
                             t.s->s, name);
        sh_drop(t);
        return st;
}

int sh_validate(struct sh *sh, struct attr *a, struct unit *u, struct sv v, const char *param, bool is_param)
{
        (void)u;
        for (; a; a = a->next) {
                struct check c = { sh, a, param, is_param };
                if (a->is_type)
                        continue;
                int st = one(&c, v);
                if (st == SH_ERROR && !is_param)
                        return variable_invalid(sh, param, v);
                if (st != SH_OK)
                        return st;
        }
        return SH_OK;
}

/* ---- cmdlets' tables ---- */
static int table_set(struct sh *sh, const struct sh_param *p, struct sv v)
{
        struct sv t = sh_to_text(sh, v);
        bool found = false;
        for (const char *s = p->values; !found && *s;) {
                size_t n = strcspn(s, ",");
                found = sh_text_same(s, n, t.s->s, t.s->len);
                s += n + (s[n] == ',');
        }
        struct check c = { sh, NULL, p->name, true };
        int st = found ? SH_OK
                       : refuse(&c, "",
                                "The argument \"%s\" does not belong to the set \"%s\" specified by the ValidateSet "
                                "attribute. Supply an argument that is in the set and then try the command again.",
                                t.s->s, p->values);
        sh_drop(t);
        return st;
}

static int table_range(struct sh *sh, const struct sh_param *p, struct sv v)
{
        int64_t n;
        struct check c = { sh, NULL, p->name, true };
        if (!sh_to_int64(sh, v, &n) || (n >= p->min && n <= p->max))
                return SH_OK;
        return refuse(&c, "",
                      n < p->min ? "The %lld argument is less than the minimum allowed range of %lld. Supply an "
                                   "argument that is greater than or equal to %lld and then try the command again."
                                 : "The %lld argument is greater than the maximum allowed range of %lld. Supply an "
                                   "argument that is less than or equal to %lld and then try the command again.",
                      (long long)n, (long long)(n < p->min ? p->min : p->max),
                      (long long)(n < p->min ? p->min : p->max));
}

int sh_validate_table(struct sh *sh, const struct sh_param *p, struct sv v)
{
        bool many = !sh_is_null(v) && sh_is_enumerable(v);
        struct sv item = v;
        size_t pos = 0;
        int st = SH_OK;
        if (!p->values && p->min >= p->max)
                return SH_OK;
        while (st == SH_OK && (!many || sh_next(v, &pos, &item))) {
                if (p->values)
                        st = table_set(sh, p, item);
                if (st == SH_OK && p->min < p->max)
                        st = table_range(sh, p, item);
                if (!many)
                        break;
                sh_drop(item);
        }
        return st;
}
