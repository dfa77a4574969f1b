/* SPDX-License-Identifier: MIT
 *
 * What a command's parameters are, in the one form that the binder, help, completion and Get-Command read: from a
 * cmdlet's table, or from the attributes of a script block's param( ).
 */
#include "shell/eval.h"
#include "shell/text.h"

#include <stdlib.h>
#include <strings.h>

enum { ALL_SETS = -1 };

struct build {
        struct sh *sh;
        struct rv_arena *arena;
        struct sh_cmdinfo *info;
        bool custom; /* some parameter names a set or a position: no automatic positions */
};

static void *get(struct build *b, size_t n)
{
        void *p = rv_arena_get(b->arena, n ? n : 1);
        if (!p)
                abort();
        return p;
}

static const char *copy(struct build *b, const char *s, size_t n)
{
        return rv_arena_text(b->arena, s, n);
}

/* The set's bit; one more set when the name is new. Beyond 32 sets share the last bit. */
static uint32_t set_bit(struct build *b, const char *name, size_t n)
{
        struct sh_cmdinfo *i = b->info;
        if (n == 0 || (n == 18 && !strncasecmp(name, "__AllParameterSets", 18)))
                return UINT32_MAX;
        for (uint32_t k = 0; k < i->nsets; k++)
                if (strlen(i->set_names[k]) == n && !strncasecmp(i->set_names[k], name, n))
                        return 1u << k;
        if (i->nsets < 32)
                i->set_names[i->nsets++] = copy(b, name, n);
        return 1u << (i->nsets - 1);
}

/* ---- common parameters ---- */
static const struct {
        const char *name, *alias;
        const struct sh_type *type;
        const char *help;
} common[CP_N] = {
        [CP_VERBOSE] = { "Verbose", "vb", &sh_type_switch, "Shows verbose messages." },
        [CP_DEBUG] = { "Debug", "db", &sh_type_switch, "Shows debug messages." },
        [CP_EA] = { "ErrorAction", "ea", NULL, "What to do after an error." },
        [CP_WA] = { "WarningAction", "wa", NULL, "What to do with warnings." },
        [CP_INFA] = { "InformationAction", "infa", NULL, "What to do with information messages." },
        [CP_PROGA] = { "ProgressAction", "proga", NULL, "What to do with progress." },
        [CP_EV] = { "ErrorVariable", "ev", &sh_type_string, "A variable that gets the errors." },
        [CP_WV] = { "WarningVariable", "wv", &sh_type_string, "A variable that gets the warnings." },
        [CP_IV] = { "InformationVariable", "iv", &sh_type_string, "A variable that gets the information messages." },
        [CP_OV] = { "OutVariable", "ov", &sh_type_string, "A variable that gets the output." },
        [CP_OB] = { "OutBuffer", "ob", &sh_type_int, "How many objects to hold before they are passed on." },
        [CP_PV] = { "PipelineVariable", "pv", &sh_type_string, "A variable that holds the object under way." },
        [CP_WHATIF] = { "WhatIf", "wi", &sh_type_switch, "Tells what would be done, and does nothing." },
        [CP_CONFIRM] = { "Confirm", "cf", &sh_type_switch, "Asks before anything is changed." },
};

static void add_common(struct build *b)
{
        uint32_t n = b->info->should_process ? CP_N : CP_WHATIF;
        for (uint32_t i = 0; i < n; i++) {
                struct pinfo *p = &b->info->p[b->info->n++];
                p->name = common[i].name;
                p->nname = (uint32_t)strlen(p->name);
                p->aliases = (const char **)&common[i].alias;
                p->naliases = 1;
                p->type = common[i].type;
                p->is_switch = p->type == &sh_type_switch;
                p->common = true;
                p->sets = UINT32_MAX;
                p->help = common[i].help;
                p->in = get(b, sizeof *p->in);
                p->nin = 1;
                p->in[0] = (struct pset) { .sets = UINT32_MAX, .position = INT32_MAX };
        }
}

static void finish(struct build *b)
{
        struct sh_cmdinfo *info = b->info;
        info->nown = info->n;
        if (info->advanced)
                add_common(b);
        for (uint32_t i = 0; i < info->n; i++)
                for (uint32_t k = 0; k < info->p[i].nin; k++)
                        info->takes_pipeline |= info->p[i].in[k].by_value || info->p[i].in[k].by_name;
}

/* ---- cmdlets ---- */
static uint32_t table_sets(struct build *b, const char *sets)
{
        uint32_t r = 0;
        for (const char *s = sets; s && *s;) {
                size_t n = strcspn(s, ",");
                r |= set_bit(b, s, n);
                s += n + (s[n] == ',');
        }
        return r ? r : UINT32_MAX;
}

static void table_aliases(struct build *b, struct pinfo *p, const char *alias)
{
        uint32_t n = alias && *alias ? 1 : 0;
        for (const char *s = alias; n && (s = strchr(s, ',')); s++)
                n++;
        p->aliases = get(b, (n + 1) * sizeof *p->aliases);
        for (const char *s = alias; p->naliases < n; s++) {
                size_t len = strcspn(s, ",");
                p->aliases[p->naliases++] = copy(b, s, len);
                s += len;
        }
}

static const struct sh_type *table_type(struct build *b, const char *name)
{
        if (!name || !strcasecmp(name, "object") || !strcasecmp(name, "psobject"))
                return NULL;
        if (!strcasecmp(name, "switch"))
                return &sh_type_switch;
        return sh_type_find(b->sh, name, strlen(name));
}

static void table_param(struct build *b, const struct sh_param *t)
{
        struct sh_cmdinfo *info = b->info;
        struct pinfo *p = NULL;
        for (uint32_t i = 0; i < info->n; i++) /* a second row of the same name: its place in another set */
                if (!strcasecmp(info->p[i].name, t->name))
                        p = &info->p[i];
        if (!p) {
                p = &info->p[info->n++];
                p->name = t->name;
                p->nname = (uint32_t)strlen(t->name);
                p->table = t;
                p->type = table_type(b, t->type);
                p->is_switch = p->type == &sh_type_switch;
                p->is_block = p->type == &sh_type_block;
                p->allow_null = t->allow_null;
                p->allow_empty = p->allow_empty_collection = t->allow_empty;
                p->help = t->help;
                table_aliases(b, p, t->alias);
        }
        struct pset *in = get(b, (p->nin + 1) * sizeof *in);
        if (p->nin)
                memcpy(in, p->in, p->nin * sizeof *in);
        p->in = in;
        uint32_t sets = table_sets(b, t->sets);
        p->in[p->nin++] = (struct pset) { .sets = sets,
                                          .position = t->position > 0 ? t->position - 1 : INT32_MAX,
                                          .mandatory = t->mandatory,
                                          .by_value = t->from_pipeline,
                                          .by_name = t->from_property,
                                          .remaining = t->remaining };
        p->sets |= sets;
}

static struct sh_cmdinfo *cmdlet_info(struct sh *sh, const struct sh_cmdlet *c)
{
        struct sh_cmdinfo *info = calloc(1, sizeof *info);
        if (!info)
                abort();
        struct build b = { sh, &info->arena, info, false };
        uint32_t n = 0;
        while (c->params && c->params[n].name)
                n++;
        info->name = c->name;
        info->cmdlet = c;
        info->advanced = true;
        info->should_process = c->should_process;
        info->high_impact = c->high_impact;
        info->default_set = -1;
        info->p = get(&b, (n + CP_N) * sizeof *info->p);
        for (uint32_t i = 0; i < n; i++)
                table_param(&b, &c->params[i]);
        if (c->default_set && *c->default_set)
                info->default_set = __builtin_ctz(set_bit(&b, c->default_set, strlen(c->default_set)));
        finish(&b);
        return info;
}

/* ---- script blocks ---- */
static bool named(const struct attr *a, const char *name)
{
        size_t n = strlen(name);
        const char *s = a->name;
        uint32_t len = a->n;
        if (len > 29 && !strncasecmp(s, "System.Management.Automation.", 29))
                s += 29, len -= 29;
        return !strncasecmp(s, name, n) && (len == n || (len == n + 9 && !strcasecmp(s + n, "Attribute")));
}

bool sh_attr_is(const struct attr *a, const char *name)
{
        return !a->is_type && named(a, name);
}

static struct node *attr_node(const struct attr *a, const char *name, bool *ret_given)
{
        for (uint32_t i = 0; i < a->nnamed; i++)
                if (!strcasecmp(a->named[i].name, name)) {
                        *ret_given = true;
                        return a->named[i].value;
                }
        *ret_given = false;
        return NULL;
}

/* An attribute's named argument; without "= value" it is true. Failures count as not given. */
bool sh_attr_get(struct sh *sh, const struct attr *a, const char *name, struct sv *ret)
{
        bool given;
        struct node *n = attr_node(a, name, &given);
        if (!given)
                return false;
        *ret = n ? EV(n) : sh_bool(true);
        if (!sh_failed(*ret))
                return true;
        sh_drop(sh_error_take(sh));
        return false;
}

static bool attr_flag(struct build *b, const struct attr *a, const char *name, bool otherwise)
{
        struct sv v;
        if (!sh_attr_get(b->sh, a, name, &v))
                return otherwise;
        bool r = sh_true(v);
        sh_drop(v);
        return r;
}

static const char *attr_text(struct build *b, const struct attr *a, const char *name)
{
        struct sv v;
        if (!sh_attr_get(b->sh, a, name, &v))
                return NULL;
        struct sv t = sh_to_text(b->sh, v);
        const char *r = copy(b, t.s->s, t.s->len);
        sh_drop(t);
        sh_drop(v);
        return r;
}

static void parameter_attr(struct build *b, struct pinfo *p, const struct attr *a)
{
        struct pset *in = get(b, (p->nin + 1) * sizeof *in);
        const char *set = attr_text(b, a, "ParameterSetName"), *help = attr_text(b, a, "HelpMessage");
        struct sv v;
        int64_t position = INT32_MAX;
        if (p->nin)
                memcpy(in, p->in, p->nin * sizeof *in);
        p->in = in;
        if (sh_attr_get(b->sh, a, "Position", &v)) {
                sh_to_int64(b->sh, v, &position);
                sh_drop(v);
                b->custom = true;
        }
        uint32_t sets = set ? set_bit(b, set, strlen(set)) : UINT32_MAX;
        b->custom |= sets != UINT32_MAX;
        p->in[p->nin++] = (struct pset) {
                .sets = sets,
                .position = position < 0 || position > INT32_MAX ? INT32_MAX : (int)position,
                .mandatory = attr_flag(b, a, "Mandatory", false),
                .by_value = attr_flag(b, a, "ValueFromPipeline", false),
                .by_name = attr_flag(b, a, "ValueFromPipelineByPropertyName", false),
                .remaining = attr_flag(b, a, "ValueFromRemainingArguments", false),
        };
        p->sets |= sets;
        p->hidden |= attr_flag(b, a, "DontShow", false);
        p->help = help ? help : p->help;
        b->info->advanced = true;
}

static void alias_attr(struct build *b, struct pinfo *p, const struct attr *a)
{
        p->aliases = get(b, (a->npos + 1) * sizeof *p->aliases);
        for (uint32_t i = 0; i < a->npos; i++) {
                struct sh *sh = b->sh;
                struct sv v = EV(a->pos[i]);
                if (sh_failed(v)) {
                        sh_drop(sh_error_take(sh));
                        continue;
                }
                struct sv t = sh_to_text(sh, v);
                p->aliases[p->naliases++] = copy(b, t.s->s, t.s->len);
                sh_drop(t);
                sh_drop(v);
        }
}

const struct sh_type *sh_attr_type(struct sh *sh, const struct attr *a)
{
        const struct sh_type *t = sh_script_type(sh, a->name, a->n);
        t = t ? t : sh_type_find(sh, a->name, a->n);
        if (!t)
                sh_throw(sh, "TypeNotFound", "InvalidOperation", SH_NIL, "Unable to find type [%.*s].", (int)a->n,
                         a->name);
        return t;
}

static bool block_param(struct build *b, struct param *d)
{
        struct pinfo *p = &b->info->p[b->info->n++];
        p->name = d->name;
        p->nname = d->nname;
        p->decl = d;
        p->attrs = d->attrs;
        for (struct attr *a = d->attrs; a; a = a->next) {
                if (a->is_type && named(a, "Parameter")) {
                        b->info->advanced = true;
                } else if (a->is_type) {
                        if (!p->type && !(p->type = sh_attr_type(b->sh, a)))
                                return false;
                } else if (named(a, "Parameter")) {
                        parameter_attr(b, p, a);
                } else if (named(a, "Alias")) {
                        alias_attr(b, p, a);
                } else if (named(a, "AllowNull")) {
                        p->allow_null = true;
                } else if (named(a, "AllowEmptyString")) {
                        p->allow_empty = true;
                } else if (named(a, "AllowEmptyCollection")) {
                        p->allow_empty_collection = true;
                } else if (named(a, "PSTypeName") && a->npos == 1 && a->pos[0]->kind == N_CONST &&
                           a->pos[0]->val.kind == SH_STRING) {
                        p->type_name = copy(b, a->pos[0]->val.s->s, a->pos[0]->val.s->len);
                        p->validated = true; /* looked at for every value */
                } else if (!strncasecmp(a->name, "Validate", 8)) {
                        p->validated = true;
                }
        }
        p->is_switch = p->type == &sh_type_switch;
        p->is_block = p->type == &sh_type_block;
        if (p->type == &sh_type_object || p->type == &sh_type_psobject)
                p->type = NULL;
        if (p->nin == 0) {
                p->in = get(b, sizeof *p->in);
                p->in[0] = (struct pset) { .sets = UINT32_MAX, .position = INT32_MAX };
                p->nin = 1;
                p->sets = UINT32_MAX;
        }
        return true;
}

static void block_attr(struct build *b, const struct attr *a)
{
        if (!named(a, "CmdletBinding"))
                return;
        const char *set = attr_text(b, a, "DefaultParameterSetName"), *impact = attr_text(b, a, "ConfirmImpact");
        b->info->advanced = true;
        b->info->should_process = attr_flag(b, a, "SupportsShouldProcess", false);
        b->info->positional_binding = attr_flag(b, a, "PositionalBinding", true);
        b->info->high_impact = impact && !strcasecmp(impact, "High");
        if (set && *set && strcasecmp(set, "__AllParameterSets"))
                b->info->default_set = __builtin_ctz(set_bit(b, set, strlen(set)));
}

static struct sh_cmdinfo *block_info(struct sh *sh, struct block *block, const char *name)
{
        if (block->info)
                return block->info;
        struct sh_cmdinfo *info = rv_arena_get(&block->u->arena, sizeof *info);
        if (!info)
                abort();
        struct build b = { sh, &block->u->arena, info, false };
        info->name = name;
        info->block = block;
        info->default_set = -1;
        info->positional_binding = true;
        info->p = get(&b, (block->nparams + CP_N) * sizeof *info->p);
        for (struct attr *a = block->attrs; a; a = a->next)
                block_attr(&b, a);
        for (uint32_t i = 0; i < block->nparams; i++)
                if (!block_param(&b, &block->params[i]))
                        return NULL;
        int position = 0;
        for (uint32_t i = 0; i < info->n && info->positional_binding && !b.custom; i++)
                for (uint32_t k = 0; k < info->p[i].nin && !info->p[i].is_switch; k++)
                        info->p[i].in[k].position = position++;
        finish(&b);
        return block->info = info;
}

/* Is the block an advanced one? Then it is bound with sets and common parameters. */
bool sh_block_advanced(struct sh *sh, struct block *block, struct sh_cmdinfo **ret)
{
        *ret = block_info(sh, block, NULL);
        return *ret && (*ret)->advanced;
}

struct sh_cmdinfo *sh_cmdinfo_of(struct sh *sh, struct sh_target *t)
{
        static struct sh_cmdinfo none = { .default_set = -1 };
        switch (t->kind) {
        case CT_CMDLET:
                if (!t->info)
                        t->info = cmdlet_info(sh, t->cmdlet);
                return t->info;
        case CT_FUNCTION:
        case CT_FILTER:
        case CT_BLOCK:
        case CT_SCRIPT: return t->block.kind == SH_BLOCK ? block_info(sh, sh_block_of(t->block)->ast, t->name) : &none;
        default: return &none;
        }
}

void sh_cmdinfo_free(struct sh_cmdinfo *i)
{
        if (!i || !i->cmdlet)
                return; /* a block's lives in the block's arena */
        struct rv_arena arena = i->arena;
        rv_arena_free(&arena);
        free(i);
}

/* ---- finding a parameter by what was written ---- */
static bool starts(const char *name, const char *s, size_t n)
{
        return strlen(name) >= n && !strncasecmp(name, s, n);
}

static bool is_name(const char *name, const char *s, size_t n)
{
        return starts(name, s, n) && name[n] == 0;
}

static bool p_matches(const struct pinfo *p, const char *s, size_t n, bool whole)
{
        if (whole ? is_name(p->name, s, n) : starts(p->name, s, n))
                return true;
        for (uint32_t i = 0; i < p->naliases; i++)
                if (whole ? is_name(p->aliases[i], s, n) : starts(p->aliases[i], s, n))
                        return true;
        return false;
}

/* Exact name or alias, else the one that starts so; the command's own go before common ones. *ret_matches: how many
 * there are when the answer is NULL. */
struct pinfo *sh_find_param(struct sh_cmdinfo *info, const char *s, size_t n, int *ret_matches)
{
        struct pinfo *found = NULL;
        int own = 0, others = 0;
        if (n && *s == '?')
                s = "help", n = 4;
        for (uint32_t i = 0; i < info->n; i++)
                if (p_matches(&info->p[i], s, n, true)) {
                        *ret_matches = 1;
                        return &info->p[i];
                }
        for (uint32_t i = 0; i < info->n; i++)
                if (p_matches(&info->p[i], s, n, false)) {
                        if (info->p[i].common && own)
                                continue;
                        info->p[i].common ? others++ : own++;
                        found = &info->p[i];
                }
        *ret_matches = own ? own : others;
        return *ret_matches == 1 ? found : NULL;
}

int sh_param_index(struct sh_cmd *c, const char *name)
{
        struct sh_cmdinfo *info = c->info;
        for (uint32_t i = 0; info && i < info->n; i++)
                if (info->p[i].name == name || !strcasecmp(info->p[i].name, name))
                        return (int)i;
        return -1;
}
