/* SPDX-License-Identifier: MIT
 *
 * Delegates are script blocks: [Func[int,int]]{ ... } is the block itself. Also [activator], which makes objects.
 */
#include "shell/dotnet.h"
#include "shell/types.h"

static int delegate_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        (void)sh, (void)t;
        struct sv v = sh_unwrap(from);
        if (v.kind != SH_BLOCK)
                return SH_NONE;
        *ret = sh_keep(v);
        return SH_OK;
}
static int delegate_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        return a.n == 1 ? delegate_convert(sh, t, a.v[0], ret) : SH_NONE;
}
#define DELEGATE(var, full) \
        static const struct sh_type var = { .name = full, \
                                            .base = &sh_type_object, \
                                            .convert = delegate_convert, \
                                            .construct = delegate_construct }
DELEGATE(predicate, "System.Predicate`1");
DELEGATE(comparison, "System.Comparison`1");
DELEGATE(converter, "System.Converter`2");
DELEGATE(action0, "System.Action");
DELEGATE(action1, "System.Action`1");
DELEGATE(action2, "System.Action`2");
DELEGATE(action3, "System.Action`3");
DELEGATE(func1, "System.Func`1");
DELEGATE(func2, "System.Func`2");
DELEGATE(func3, "System.Func`3");
DELEGATE(func4, "System.Func`4");
DELEGATE(evaluator, "System.Text.RegularExpressions.MatchEvaluator");
DELEGATE(handler, "System.EventHandler");

static int activator_create(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t;
        if (a.n < 1 || !sh_try_convert(sh, a.v[0], &sh_type_type, &t))
                return SH_NONE;
        const struct sh_type *type = sh_type_referred(t);
        sh_drop(t);
        struct sv list = sh_args_at(a, 1);
        struct sh_args rest = { a.n - 1, a.v + 1 };
        if (a.n == 2 && list.kind == SH_ARRAY)
                rest = (struct sh_args) { list.a->n, list.a->v };
        return sh_construct(sh, type, rest, ret);
}
static const struct sh_member activator_members[] = {
        SH_SM("CreateInstance", "static System.Object CreateInstance(type type, System.Object[] args)",
              activator_create),
};
static const struct sh_type activator_type = { .name = "System.Activator",
                                               .base = &sh_type_object,
                                               SH_MEMBERS(activator_members) };

SH_TYPES(delegate, &predicate, &comparison, &converter, &action0, &action1, &action2, &action3, &func1,
         &func2, &func3, &func4, &evaluator, &handler, &activator_type);
