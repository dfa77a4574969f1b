/* SPDX-License-Identifier: MIT
 *
 * .ForEach() and .Where(), which every value has.
 */
#include "shell/types.h"

#include "shell/code.h"

/* ---- .ForEach ---- */
struct gather {
        struct sh_sink sink;
        struct sh_array *out;
};

static int gather_write(struct sh_sink *s, struct sh *sh, struct sv v)
{
        (void)sh;
        sh_array_add(((struct gather *)s)->out, v);
        return SH_OK;
}

static void gather_value(struct sh_array *out, struct sv owned)
{
        size_t pos = 0;
        struct sv x;
        if (sh_is_enumerable(owned)) {
                while (sh_next(owned, &pos, &x))
                        sh_array_take(out, x);
                sh_drop(owned);
        } else if (owned.kind != SH_VOID) {
                sh_array_take(out, owned);
        }
}

/* ForEach('Name'), ForEach('Name', value), ForEach('Method', arguments) */
static int each_named(struct sh *sh, struct sv item, struct sv name, struct sh_args rest, struct sh_array *out)
{
        struct sv v;
        int st = sh_is_null(item) ? SH_NONE : sh_get(sh, item, name.s->s, name.s->len, &v);
        if (st == SH_OK && sh_method_of(v, &(struct sv) { 0 })) {
                sh_drop(v);
                st = SH_NONE;
        } else if (st == SH_OK && rest.n) {
                sh_drop(v);
                return sh_put(sh, item, name.s->s, name.s->len, rest.v[0]);
        } else if (st == SH_OK) {
                gather_value(out, v);
                return SH_OK;
        }
        if (st != SH_NONE)
                return st;
        if (sh_is_null(item))
                return SH_OK;
        st = sh_call(sh, item, name.s->s, name.s->len, rest, &v);
        if (st == SH_OK)
                gather_value(out, v);
        return st;
}

static int each_item(struct sh *sh, struct sv item, struct sv how, struct sh_args rest, struct sh_array *out)
{
        const struct sh_type *t = sh_type_referred(how);
        struct sv v;
        if (how.kind == SH_BLOCK) {
                struct gather g = { { gather_write, NULL }, out };
                return sh_block_run(sh, how, &item, rest, false, &g.sink);
        }
        if (t) {
                int st = sh_convert(sh, item, t, &v);
                if (st == SH_OK)
                        sh_array_take(out, v);
                return st;
        }
        struct sv name = sh_to_text(sh, how);
        int st = each_named(sh, item, name, rest, out);
        sh_drop(name);
        return st;
}

int sh_member_each(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n == 0)
                return sh_throw_as(sh, "System.Management.Automation.MethodException", "MethodCountCouldNotFindBest",
                                   "NotSpecified", SH_NIL,
                                   "Cannot find an overload for \"ForEach\" and the argument count: \"0\".");
        struct sv out = sh_array_new(8), item, how = sh_unwrap(a.v[0]);
        size_t pos = 0;
        int st = SH_OK;
        while (st == SH_OK && sh_next(self, &pos, &item)) {
                st = each_item(sh, item, how, (struct sh_args) { a.n - 1, a.v + 1 }, out.a);
                sh_drop(item);
                if (st == SH_OK && sh_interrupt)
                        st = sh_check(sh);
        }
        if (st == SH_OK || st == SH_BREAK || st == SH_CONTINUE) {
                if (st != SH_OK)
                        sh->label = 0;
                *ret = out;
                return SH_OK;
        }
        sh_drop(out);
        return st;
}

/* ---- .Where ---- */
enum where { W_DEFAULT, W_FIRST, W_LAST, W_SKIP_UNTIL, W_UNTIL, W_SPLIT };
static const struct {
        const char *name;
        int32_t value;
} where_items[] = { { "Default", W_DEFAULT }, { "First", W_FIRST }, { "Last", W_LAST },
                    { "SkipUntil", W_SKIP_UNTIL }, { "Until", W_UNTIL }, { "Split", W_SPLIT } };
static struct sh_enum where_mode = {
        .obj = { .refs = 1, .type = &where_mode.type },
        .type = { .name = "System.Management.Automation.WhereOperatorSelectionMode", .base = &sh_type_enum,
                  .kind = SH_ENUM },
        .n = 6, .items = (const void *)where_items
};

struct where_run {
        struct sv test;
        enum where mode;
        int64_t count; /* 0 = all */
        bool switched; /* Until, SkipUntil: the test was true once */
        struct sv yes, no;
};

static int where_args(struct sh *sh, struct sh_args a, struct where_run *w)
{
        struct sv m, n;
        if (a.n == 0 || a.n > 3)
                return sh_throw_as(sh, "System.Management.Automation.MethodException", "MethodCountCouldNotFindBest",
                                   "NotSpecified", SH_NIL,
                                   "Cannot find an overload for \"Where\" and the argument count: \"%u\".", a.n);
        w->test = sh_unwrap(a.v[0]);
        int st = SH_OK;
        if (a.n > 1 && (st = sh_convert(sh, a.v[1], &where_mode.type, &m)) == SH_OK) {
                w->mode = (enum where)m.hi;
                sh_drop(m);
        }
        if (st == SH_OK && a.n > 2 && (st = sh_convert(sh, a.v[2], &sh_type_int, &n)) == SH_OK)
                w->count = n.i;
        if (st == SH_OK && a.n > 2 && w->count <= 0 && w->mode != W_DEFAULT)
                return sh_throw(sh, "NumberToReturnMustBeGreaterThanZero", "InvalidOperation", SH_NIL,
                                "The 'numberToReturn' value provided to the third argument of the Where() operator "
                                "must be greater than zero. Please correct the argument's value and try running your "
                                "script again.");
        return st;
}

static int where_test(struct sh *sh, struct where_run *w, struct sv item, bool *ret)
{
        struct sv v;
        int st;
        if (w->test.kind == SH_BLOCK) {
                st = sh_block_value(sh, w->test, &item, (struct sh_args) { 0 }, false, &v);
        } else {
                struct sv name = sh_to_text(sh, w->test);
                st = sh_is_null(item) ? SH_NONE : sh_get(sh, item, name.s->s, name.s->len, &v);
                sh_drop(name);
        }
        *ret = st == SH_OK && sh_true(v);
        if (st == SH_OK)
                sh_drop(v);
        return st == SH_NONE ? SH_OK : st;
}

/* SH_STOP: enough. */
static int where_item(struct sh *sh, struct where_run *w, struct sv item)
{
        bool yes = true;
        struct sh_array *out = w->yes.a;
        bool after = w->switched && (w->mode == W_SKIP_UNTIL || w->mode == W_UNTIL);
        bool full = w->count && w->mode == W_SPLIT && out->n >= w->count;
        int st = after || full ? SH_OK : where_test(sh, w, item, &yes);
        if (st != SH_OK)
                return st;
        switch (w->mode) {
        case W_SPLIT: sh_array_add(yes && !full ? out : w->no.a, item); return SH_OK;
        case W_UNTIL:
                if (yes)
                        return SH_STOP;
                sh_array_add(out, item);
                break;
        case W_SKIP_UNTIL:
                w->switched |= yes;
                if (w->switched)
                        sh_array_add(out, item);
                break;
        default:
                if (yes)
                        sh_array_add(out, item);
                if (w->mode == W_LAST && out->n > (w->count ? w->count : 1))
                        sh_array_remove(out, 0, 1);
                if (w->mode == W_FIRST && out->n >= (w->count ? w->count : 1))
                        return SH_STOP;
                return w->mode == W_DEFAULT && w->count && out->n >= w->count ? SH_STOP : SH_OK;
        }
        return w->count && out->n >= w->count ? SH_STOP : SH_OK;
}

int sh_member_where(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct where_run w = { 0 };
        struct sv item;
        size_t pos = 0;
        int st = where_args(sh, a, &w);
        if (st != SH_OK)
                return st;
        w.yes = sh_array_new(8);
        w.no = sh_array_new(0);
        while (st == SH_OK && sh_next(self, &pos, &item)) {
                st = where_item(sh, &w, item);
                sh_drop(item);
        }
        if (st == SH_BREAK || st == SH_CONTINUE)
                sh->label = 0;
        if (st != SH_OK && st != SH_STOP && st != SH_BREAK && st != SH_CONTINUE) {
                sh_drop(w.yes);
                sh_drop(w.no);
                return st;
        }
        if (w.mode != W_SPLIT) {
                sh_drop(w.no);
                *ret = w.yes;
                return SH_OK;
        }
        *ret = sh_array_new(2);
        sh_array_take(ret->a, w.yes);
        sh_array_take(ret->a, w.no);
        return SH_OK;
}
