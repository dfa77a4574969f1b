/* SPDX-License-Identifier: MIT
 *
 * ForEach-Object: blocks run in the caller's scope for each object, or one member of each.
 */
#include "shell/cmdlet.h"
#include "shell/parallel.h"
#include "shell/property.h"

#include <stdlib.h>

struct each {
        struct sh_sink sink;
        struct sv *scripts;
        uint32_t n, first, last; /* process blocks: first up to before last */
        struct sv end, member, parallel;
        struct sh_parallel *jobs;
        struct sh_array *args;
        bool named_begin;
};

static int each_write(struct sh_sink *s, struct sh *sh, struct sv v)
{
        (void)sh;
        return sh_emit(s->state, v);
}

static void add_script(struct each *e, struct sv v)
{
        struct sv *p = realloc(e->scripts, (e->n + 1) * sizeof(*p));
        if (!p)
                abort();
        e->scripts = p;
        e->scripts[e->n++] = sh_keep(sh_unwrap(v));
}

static void add_scripts(struct each *e, struct sv arg)
{
        size_t pos = 0;
        struct sv item;
        if (sh_is_null(arg))
                return;
        if (!sh_is_enumerable(arg)) {
                add_script(e, arg);
                return;
        }
        while (sh_next(arg, &pos, &item)) {
                add_script(e, item);
                sh_drop(item);
        }
}

static int run(struct sh_cmd *c, struct sv block, const struct sv *under)
{
        struct each *e = sh_state(c);
        if (block.kind != SH_BLOCK)
                return SH_OK;
        return sh_block_run(sh_session(c), block, under, (struct sh_args) { 0 }, false, &e->sink);
}

static int each_begin(struct sh_cmd *c)
{
        struct each *e = sh_state(c);
        e->sink = (struct sh_sink) { each_write, c };
        if (sh_bound(c, "Parallel")) {
                e->parallel = sh_keep(sh_unwrap(sh_arg(c, "Parallel")));
                e->jobs = sh_parallel_new(c, e->parallel, sh_arg_int(c, "ThrottleLimit", 5),
                                                  sh_arg_int(c, "TimeoutSeconds", 0), sh_switch(c, "AsJob"));
                return e->jobs ? SH_OK : SH_ERROR;
        }
        if (sh_bound(c, "MemberName")) {
                e->member = sh_keep(sh_arg(c, "MemberName"));
                struct sv args = sh_arg(c, "ArgumentList");
                if (sh_bound(c, "ArgumentList"))
                        e->args = sh_is_enumerable(args) && args.kind == SH_ARRAY ? sh_keep(args).a : NULL;
                return SH_OK;
        }
        if (sh_bound(c, "Begin"))
                add_script(e, sh_arg(c, "Begin"));
        add_scripts(e, sh_arg(c, "Process"));
        add_scripts(e, sh_arg(c, "RemainingScripts"));
        e->first = e->n > 1;
        e->last = e->n;
        if (sh_bound(c, "End"))
                e->end = sh_keep(sh_unwrap(sh_arg(c, "End")));
        else if (e->n > 2)
                e->end = sh_keep(e->scripts[--e->last]);
        return e->n >= 2 ? run(c, e->scripts[0], NULL) : SH_OK;
}

/* ---- a member ---- */
static bool first_each(void *state, const char *name, size_t n)
{
        *(struct sv *)state = sh_string(name, n);
        return false;
}

static int member(struct sh_cmd *c, struct sv input)
{
        struct each *e = sh_state(c);
        struct sh *sh = sh_session(c);
        struct sv name = sh_keep(e->member), out;
        struct sh_args args = { e->args ? e->args->n : 0, e->args ? e->args->v : NULL };
        bool go;
        if (sh_is_null(input)) {
                sh_drop(name);
                return sh_cmd_error(c, "InputObjectIsNull", "InvalidArgument", SH_NIL,
                                    "Cannot retrieve the member of a null value.");
        }
        if (sh_has_wildcard(name.s->s, name.s->len)) {
                struct sh_prop p = { .name = name };
                struct sv found = SH_NIL;
                sh_prop_expand(sh, input, &p, first_each, &found);
                if (found.kind == SH_STRING) {
                        sh_drop(name);
                        name = found;
                }
        }
        int r = args.n ? SH_NONE : sh_prop_get(sh, input, name.s->s, name.s->len, &out);
        if (r == SH_OK && sh_type_of(out) &&
            strcmp(sh_type_of(out)->name, "System.Management.Automation.PSMethod") == 0) {
                sh_drop(out);
                r = SH_NONE;
        }
        if (r == SH_NONE) {
                struct sv target = sh_to_text(sh, input);
                struct sv text = sh_printf("InputObject: %s", target.s->s);
                struct sv what = sh_printf("Invoke method '%s'", name.s->s);
                r = sh_should_process(c, text.s->s, what.s->s, &go);
                sh_drop(target);
                sh_drop(text);
                sh_drop(what);
                if (r == SH_OK && go)
                        r = sh_call(sh, input, name.s->s, name.s->len, args, &out);
                else
                        out = SH_NOTHING;
                if (r == SH_ERROR && !args.n) {
                        /* No such member at all: $null, as reading a missing property gives. */
                        struct sv id = SH_NIL, err = sh_error_take(sh);
                        bool missing = sh_get(sh, err, "FullyQualifiedErrorId", 21, &id) == SH_OK &&
                                       id.kind == SH_STRING && strncmp(id.s->s, "MethodNotFound", 14) == 0;
                        sh_drop(id);
                        if (missing) {
                                sh_drop(err);
                                out = SH_NIL;
                                r = SH_OK;
                        } else
                                sh_error_set(sh, err);
                }
        }
        sh_drop(name);
        if (r)
                return r;
        r = out.kind == SH_VOID ? SH_OK : sh_emit_unrolled(c, out);
        sh_drop(out);
        return r;
}

static int each_process(struct sh_cmd *c, struct sv input)
{
        struct each *e = sh_state(c);
        input = sh_input(c, input);
        if (input.kind == SH_VOID && sh_expects_input(c))
                return SH_OK;
        if (e->jobs)
                return input.kind == SH_VOID ? SH_OK : sh_parallel_input(e->jobs, input);
        if (e->member.kind == SH_STRING)
                return member(c, input);
        for (uint32_t i = e->first; i < e->last; i++) {
                int r = run(c, e->scripts[i], &input);
                if (r)
                        return r;
        }
        return SH_OK;
}

static int each_end(struct sh_cmd *c)
{
        struct each *e = sh_state(c);
        if (e->jobs)
                return sh_parallel_end(e->jobs);
        return run(c, e->end, NULL);
}

static void each_clean(struct sh_cmd *c)
{
        struct each *e = sh_state(c);
        for (uint32_t i = 0; i < e->n; i++)
                sh_drop(e->scripts[i]);
        free(e->scripts);
        sh_drop(e->end);
        sh_drop(e->member);
        sh_drop(e->parallel);
        if (e->args)
                sh_drop((struct sv) { .kind = SH_ARRAY, .a = e->args });
        if (e->jobs)
                sh_parallel_free(e->jobs);
        *e = (struct each) { 0 };
}

static const struct sh_cmdlet foreach_object = {
        .name = "ForEach-Object",
        .alias = (const char *[]) { "foreach", "%", NULL },
        .synopsis = "Runs a block, or takes a member, for each object.",
        .should_process = true,
        .params =
                (const struct sh_param[]) {
                        { "Process", .type = "scriptblock[]", .sets = "ScriptBlockSet", .position = 1,
                          .mandatory = true, .allow_null = true,
                          .help = "Runs for each object; $_ is the object." },
                        { "Begin", .type = "scriptblock", .sets = "ScriptBlockSet",
                          .help = "Runs before the first." },
                        { "End", .type = "scriptblock", .sets = "ScriptBlockSet",
                          .help = "Runs after the last." },
                        { "RemainingScripts", .type = "scriptblock[]", .sets = "ScriptBlockSet",
                          .remaining = true, .allow_null = true },
                        { "MemberName", .type = "string", .sets = "PropertyAndMethodSet", .position = 1,
                          .mandatory = true, .wildcard = true,
                          .help = "A property to take or a method to call." },
                        { "ArgumentList", .type = "object[]", .alias = "Args", .sets = "PropertyAndMethodSet",
                          .remaining = true, .allow_null = true, .help = "The method's arguments." },
                        { "Parallel", .type = "scriptblock", .sets = "ParallelParameterSet",
                          .mandatory = true,
                          .help = "Runs for several objects at a time; $using: reads the caller's "
                                  "variables." },
                        { "ThrottleLimit", .type = "int", .sets = "ParallelParameterSet", .min = 1,
                          .max = 1024, .help = "How many at a time: 5." },
                        { "TimeoutSeconds", .type = "int", .sets = "ParallelParameterSet", .min = 0,
                          .max = 2147483 },
                        { "AsJob", .type = "switch", .sets = "ParallelParameterSet" },
                        { "UseNewRunspace", .type = "switch", .sets = "ParallelParameterSet" },
                        { "InputObject", .from_pipeline = true },
                        { 0 } },
        .default_set = "ScriptBlockSet",
        .state_size = sizeof(struct each),
        .begin = each_begin,
        .process = each_process,
        .end = each_end,
        .clean = each_clean,
        .examples =
                (const struct sh_example[]) {
                        { "1..3 | ForEach-Object { $_ * 2 }", "2\n4\n6", "A block for each." },
                        { "'a','bcd' | ForEach-Object Length", "1\n3", "A property of each." },
                        { "'a' | ForEach-Object ToUpper", "A", "A method of each." },
                        { 0 } },
};
SH_CMDLETS(foreach, &foreach_object);
