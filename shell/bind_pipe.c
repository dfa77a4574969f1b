/* SPDX-License-Identifier: MIT
 *
 * The binder, pipeline half: parameter sets and what is mandatory in them, $PSDefaultParameterValues, and each object
 * of the pipeline: by value, then by property name, first as it is, then converted.
 */
#include "shell/bind.h"

#include <stdlib.h>
#include <strings.h>

/* ---- parameter sets ---- */
static int count(uint32_t sets, uint32_t n)
{
        uint32_t known = n >= 32 ? UINT32_MAX : (1u << n) - 1;
        return sets == UINT32_MAX ? 1 : __builtin_popcount(sets & known);
}

bool sh_sets_take_pipeline(struct sh_cmd *c, uint32_t sets)
{
        for (uint32_t i = 0; i < c->info->n; i++) {
                struct pinfo *p = &c->info->p[i];
                for (uint32_t k = 0; k < p->nin && c->bound[i].state == BV_NONE; k++)
                        if ((p->in[k].sets & sets) && (p->in[k].by_value || p->in[k].by_name))
                                return true;
        }
        return false;
}

static int ambiguous_set(struct sh_cmd *c)
{
        int st = sh_bind_throw(
                c, "AmbiguousParameterSet", "InvalidArgument", SH_NIL,
                "Parameter set cannot be resolved using the specified named parameters. One or more "
                "parameters issued cannot be used together or an insufficient number of parameters were "
                "provided.");
        if (c->node)
                sh_error_position(c->sh, c->node);
        return st;
}

/* The one set whose mandatory parameters are all bound, if there is one. */
static int resolve_by_mandatory(struct sh_cmd *c)
{
        uint32_t known = c->info->nsets >= 32 ? UINT32_MAX : (1u << c->info->nsets) - 1,
                 left = c->sets & known;
        for (uint32_t i = 0; i < c->info->n; i++) {
                struct pinfo *p = &c->info->p[i];
                for (uint32_t k = 0; k < p->nin && c->bound[i].state == BV_NONE; k++)
                        if (p->in[k].mandatory)
                                left &= ~p->in[k].sets;
        }
        if (__builtin_popcount(left) != 1)
                return ambiguous_set(c);
        c->sets = left;
        return SH_OK;
}

int sh_sets_validate(struct sh_cmd *c, bool before_pipeline, bool set_default)
{
        uint32_t n = c->info->nsets;
        uint32_t preferred = c->info->default_set >= 0 ? 1u << c->info->default_set : 0;
        int valid = count(c->sets, n);
        if (n == 0)
                return SH_OK;
        if (valid == 0)
                return ambiguous_set(c);
        if (valid > 1) {
                if (preferred && (c->sets & preferred)) {
                        if (set_default)
                                c->sets = preferred;
                        return SH_OK;
                }
                if (before_pipeline && sh_sets_take_pipeline(c, c->sets))
                        return SH_OK;
                return resolve_by_mandatory(c);
        }
        if (c->sets != UINT32_MAX)
                return SH_OK;
        if (before_pipeline && sh_sets_take_pipeline(c, c->sets))
                return SH_OK;
        if (preferred) {
                if (set_default)
                        c->sets = preferred;
                return SH_OK;
        }
        return n > 1 ? resolve_by_mandatory(c) : SH_OK;
}

/* When several sets are possible, only what is mandatory in all of them counts, or in the default one. */
static bool is_missing(struct sh_cmd *c, uint32_t i, bool pipeline_may_give)
{
        struct pinfo *p = &c->info->p[i];
        uint32_t preferred = c->info->default_set >= 0 ? 1u << c->info->default_set : 0;
        uint32_t known = c->info->nsets >= 32 ? UINT32_MAX : (1u << c->info->nsets) - 1;
        uint32_t sets = c->sets & preferred ? preferred
                        : c->info->nsets    ? c->sets & known
                                            : UINT32_MAX,
                 must = 0;
        if (c->bound[i].state != BV_NONE)
                return false;
        for (uint32_t k = 0; k < p->nin; k++)
                if (p->in[k].mandatory && !(pipeline_may_give && (p->in[k].by_value || p->in[k].by_name)))
                        must |= p->in[k].sets;
        return sets && (must & sets) == sets;
}

bool sh_missing_mandatory(struct sh_cmd *c, bool pipeline_may_give, struct sh_buf *names)
{
        bool any = false;
        for (uint32_t i = 0; i < c->info->n; i++)
                if (is_missing(c, i, pipeline_may_give)) {
                        any = true;
                        sh_buf_putf(names, " %s", c->info->p[i].name);
                }
        return any;
}

/* ---- $PSDefaultParameterValues ---- */
static bool key_names(struct sh_cmd *c, struct sv key, struct pinfo **ret)
{
        const char *name = c->target ? c->target->name : "", *colon;
        int matches;
        if (key.kind != SH_STRING || !(colon = memchr(key.s->s, ':', key.s->len)))
                return false;
        size_t n = (size_t)(colon - key.s->s), from = 0;
        while (n && key.s->s[n - 1] == ' ')
                n--;
        while (from < n && key.s->s[from] == ' ')
                from++;
        const char *p = colon + 1;
        while (*p == ' ')
                p++;
        size_t np = strlen(p);
        while (np && p[np - 1] == ' ')
                np--;
        return sh_wildcard(key.s->s + from, n - from, name, strlen(name), false) &&
               (*ret = sh_find_param(c->info, p, np, &matches));
}

static int apply_default(struct sh_cmd *c, struct pinfo *p, struct sv value)
{
        struct sh *sh = c->sh;
        uint32_t i = (uint32_t)(p - c->info->p);
        struct sv v = sh_keep(value);
        if (c->bound[i].state != BV_NONE || !(p->sets & c->sets))
                return sh_drop(v), SH_OK;
        if (v.kind == SH_BLOCK && !p->is_block) {
                struct sv r;
                int st = sh_block_value(sh, v, NULL, (struct sh_args) { 0, NULL }, true, &r);
                sh_drop(v);
                if (st != SH_OK)
                        return st;
                v = r;
        }
        int st = sh_bind_value(c, i, v, NULL, BIND_COERCE);
        if (st == SH_OK)
                c->from_default = true;
        if (st == SH_ERROR) { /* a default that does not fit is left out, with a warning */
                struct sv e = sh_error_take(sh), why = sh_to_text(sh, e), t = sh_to_text(sh, v);
                struct sv w = sh_printf("The binding of default value '%s' to parameter '%s' failed: %s",
                                        t.s->s, p->name, why.s->s);
                st = sh_stream_text(sh, SH_WARNING, w.s->s, w.s->len);
                sh_drop(w);
                sh_drop(t);
                sh_drop(why);
                sh_drop(e);
        }
        sh_drop(v);
        return st;
}

int sh_apply_defaults(struct sh_cmd *c)
{
        bool found;
        struct sv h = sh_var_read(c->sh, ID_DEFAULTS, VS_PLAIN, &found), k, v;
        struct sv off;
        int st = SH_OK;
        if (!found || h.kind != SH_HASH || sh_hash_count(h.h) == 0 ||
            (sh_hash_get_text(h.h, "Disabled", &off) && sh_true(off))) {
                sh_drop(h);
                return SH_OK;
        }
        for (uint32_t i = 0; st == SH_OK && sh_hash_at(h.h, i, &k, &v); i++) {
                struct pinfo *p;
                if (key_names(c, k, &p))
                        st = apply_default(c, p, v);
        }
        sh_drop(h);
        return st;
}

/* ---- one object of the pipeline ---- */
enum { BY_VALUE, BY_NAME, BY_VALUE_CONVERTED, BY_NAME_CONVERTED };

static int by_property(struct sh_cmd *c, uint32_t i, struct sv input, int flags)
{
        struct pinfo *p = &c->info->p[i];
        struct sv v;
        if (sh_is_null(input))
                return SH_NONE;
        int st = sh_get(c->sh, input, p->name, p->nname, &v);
        for (uint32_t k = 0; k < p->naliases && st == SH_NONE; k++)
                st = sh_get(c->sh, input, p->aliases[k], strlen(p->aliases[k]), &v);
        if (st != SH_OK)
                return st;
        st = sh_bind_value(c, i, v, NULL, flags);
        sh_drop(v);
        return st;
}

/* Is the pending error about a value of another type, so that the parameter is passed over? A function's parameter that
 * a property was to give says so instead. */
static bool not_converted(struct sh_cmd *c, bool by_value)
{
        struct sh_error *e = c->sh->error.kind == SH_OTHER ? sh_error_of(c->sh->error) : NULL;
        return e && e->id &&
               (!strncmp(e->id, "CannotConvertArgument", 21) ||
                (by_value && !strncmp(e->id, "ParameterArgumentTransformationError", 36)));
}

static int bind_phase(struct sh_cmd *c, struct sv input, int phase, uint32_t sets, bool *ret_any)
{
        for (uint32_t i = c->info->n; i-- > 0;) {
                struct pinfo *p = &c->info->p[i];
                if (c->bound[i].state != BV_NONE || !(p->sets & sets))
                        continue;
                for (uint32_t k = 0; k < p->nin; k++) {
                        int st = SH_NONE,
                            flags = BIND_PIPELINE | (phase >= BY_VALUE_CONVERTED ? BIND_COERCE : 0);
                        bool value = phase == BY_VALUE || phase == BY_VALUE_CONVERTED;
                        if (!(p->in[k].sets & sets) || !(value ? p->in[k].by_value : p->in[k].by_name))
                                continue;
                        st = value ? sh_bind_value(c, i, input, NULL, flags)
                                   : by_property(c, i, input, flags);
                        if (st == SH_ERROR && not_converted(c, value)) {
                                sh_drop(sh_error_take(c->sh)); /* another may still take it */
                                st = SH_NONE;
                        }
                        if (st == SH_OK)
                                *ret_any = true;
                        else if (st != SH_NONE)
                                return st;
                        if (st == SH_OK)
                                break;
                }
        }
        return SH_OK;
}

static int run_delayed(struct sh_cmd *c, struct sv input, bool *ret_any)
{
        for (uint32_t i = 0; i < c->info->n; i++) {
                struct sv v;
                if (c->bound[i].state != BV_DELAYED)
                        continue;
                int st =
                        sh_block_value(c->sh, c->delayed[i], &input, (struct sh_args) { 0, NULL }, false, &v);
                if (st != SH_OK)
                        return st;
                if (v.kind == SH_VOID)
                        return sh_bind_throw(
                                c, "ScriptBlockArgumentNoOutput", "InvalidArgument", SH_NIL,
                                "Cannot evaluate parameter '%s' because its argument input did not "
                                "produce any output.",
                                c->info->p[i].name);
                c->bound[i].state = BV_NONE;
                st = sh_bind_value(c, i, v, NULL, BIND_COERCE | BIND_PIPELINE);
                sh_drop(v);
                if (st != SH_OK)
                        return st;
                *ret_any = true;
        }
        return SH_OK;
}

void sh_bind_restore(struct sh_cmd *c)
{
        for (uint32_t i = 0; i < c->info->n; i++) {
                if (c->bound[i].state != BV_PIPE)
                        continue;
                sh_drop(c->bound[i].v);
                c->bound[i].v = SH_NIL;
                c->bound[i].state = c->delayed && c->delayed[i].kind == SH_BLOCK ? BV_DELAYED : BV_NONE;
                if (c->is_function && c->begun && sh_param_default(c, i) != SH_OK)
                        sh_drop(sh_error_take(c->sh));
        }
        c->sets = c->pipe_sets;
}

/* The pending error, about one object, into the command's own streams; SH_NONE: go on with the next object. */
static int say_error(struct sh_cmd *c)
{
        struct sh *sh = c->sh;
        struct sv e = sh_error_take(sh);
        struct sh_cmd *running = sh->cmd;
        struct sh_sink **sinks = sh->sinks;
        sh->cmd = c;
        sh->sinks = c->sinks;
        int st = sh_stream_error(sh, e);
        sh->cmd = running;
        sh->sinks = sinks;
        c->errored = true;
        sh_drop(e);
        return st == SH_OK ? SH_NONE : st;
}

static int not_bound(struct sh_cmd *c, struct sv input, const char *id, const char *fmt, const char *names)
{
        sh_drop(sh_error_take(c->sh));
        sh_bind_throw(c, id, "InvalidArgument", input, fmt, names);
        if (c->node)
                sh_error_position(c->sh, c->node);
        return say_error(c);
}

/* SH_OK: run process; SH_NONE: this object could not be bound, that has been said, go on. */
int sh_bind_pipe(struct sh_cmd *c, struct sv input)
{
        struct sh_buf names = { 0 };
        bool any = false;
        sh_bind_restore(c);
        int st = c->delayed ? run_delayed(c, input, &any) : SH_OK;
        uint32_t preferred = c->info->default_set >= 0 ? 1u << c->info->default_set : 0;
        for (int phase = BY_VALUE; st == SH_OK && phase <= BY_NAME_CONVERTED; phase++) {
                bool hit = false;
                if (preferred && (c->sets & preferred))
                        st = bind_phase(c, input, phase, preferred, &hit);
                if (st == SH_OK && !hit)
                        st = bind_phase(c, input, phase,
                                        c->sets & preferred && c->sets != preferred ? c->sets & ~preferred
                                                                                    : c->sets,
                                        &hit);
                any |= hit;
                if (hit && st == SH_OK)
                        st = sh_sets_validate(c, true, true);
        }
        if (st == SH_OK && any)
                st = sh_sets_validate(c, false, true);
        if (st == SH_ERROR)
                return say_error(c);
        if (st != SH_OK)
                return st;
        if (!any)
                return not_bound(
                        c, input, "InputObjectNotBound",
                        "The input object cannot be bound to any parameters for the command either because "
                        "the command does not take pipeline input or the input and its properties do not "
                        "match "
                        "any of the parameters that take pipeline input.%s",
                        "");
        if (sh_missing_mandatory(c, false, &names))
                st = not_bound(c, input, "InputObjectMissingMandatory",
                               "The input object cannot be bound because it did not contain the information "
                               "required "
                               "to bind all mandatory parameters: %s",
                               names.p);
        sh_buf_free(&names);
        return st;
}
