/* SPDX-License-Identifier: MIT
 *
 * Class cmdlets: tables made from the schema when a name is first used. [Noun("Process")] gives Get-Process,
 * [Cmdlet{"Stop-Process"}] on a method gives that, writable properties give Set-NOUN; [Parameter("Id,
 * Alias=PID")] on
 * a property gives a parameter that selects by it. A class without such parameters is selected by its keys.
 *
 * The agent is asked for classes that were not compiled in only for a name that begins with one of PowerShell's
 * verbs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "shell/limits.h"
#include "shell/model.h"

enum { MOST_PARAMS = 96 };

struct building {
        struct rv_arena *a;
        struct sh_model_cmdlet *m;
        struct sh_param *p;
        struct sh_model_param *q;
        uint32_t n;
};

static const char *text(struct building *b, const char *fmt, const char *x, const char *y)
{
        char s[512];
        snprintf(s, sizeof s, fmt, x, y);
        return rv_arena_text(b->a, s, strlen(s));
}

static struct sh_param *add(struct building *b, const char *name, const char *type, int property,
                            int argument, const char *help)
{
        if (b->n + 1 >= MOST_PARAMS)
                return &b->p[b->n];
        b->p[b->n] = (struct sh_param) { .name = name, .type = type, .help = help };
        b->q[b->n] = (struct sh_model_param) { .property = property, .argument = argument };
        return &b->p[b->n++];
}

static bool has(const struct building *b, const char *name)
{
        for (uint32_t i = 0; i < b->n; i++)
                if (strcasecmp(b->p[i].name, name) == 0)
                        return true;
        return false;
}

static const char *type_of(const struct rv_property *p)
{
        switch (p->type) {
        case RV_CIM_UINT8:
        case RV_CIM_SINT8:
        case RV_CIM_UINT16:
        case RV_CIM_SINT16:
        case RV_CIM_SINT32: return "int[]";
        case RV_CIM_UINT32: return "long[]";
        case RV_CIM_SINT64: return "long[]";
        case RV_CIM_UINT64: return "ulong[]";
        case RV_CIM_BOOLEAN: return "bool[]";
        case RV_CIM_REAL32:
        case RV_CIM_REAL64: return "double[]";
        case RV_CIM_DATETIME: return "datetime[]";
        default: return "string[]";
        }
}

/* "Id, Position=0, Wildcard, Alias=PID,ProcessId" */
struct declared {
        char name[64], alias[160];
        bool positional, wildcard, always;
        enum sh_model_bound bound;
};

static void add_alias(struct declared *d, const char *s, size_t n)
{
        size_t have = strlen(d->alias);
        if (have + n + 2 < sizeof d->alias)
                snprintf(d->alias + have, sizeof d->alias - have, "%s%.*s", have ? "," : "", (int)n, s);
}

static struct declared declared(const struct rv_property *p, const char *qualifier)
{
        struct declared d = { 0 };
        bool in_aliases = false;
        for (const char *s = qualifier; s && *s && *s != ';';) {
                s += strspn(s, " ,");
                size_t n = strcspn(s, ",;");
                while (n && s[n - 1] == ' ')
                        n--;
                if (!d.name[0])
                        snprintf(d.name, sizeof d.name, "%.*s", (int)n, s);
                else if (n > 9 && strncasecmp(s, "Position=", 9) == 0)
                        d.positional = true;
                else if (n == 8 && strncasecmp(s, "Wildcard", 8) == 0)
                        d.wildcard = true;
                else if (n == 6 && strncasecmp(s, "Always", 6) == 0)
                        d.always = true;
                else if (n == 7 && strncasecmp(s, "AtLeast", 7) == 0)
                        d.bound = SH_MODEL_LEAST;
                else if (n == 6 && strncasecmp(s, "AtMost", 6) == 0)
                        d.bound = SH_MODEL_MOST;
                else if (n > 6 && strncasecmp(s, "Alias=", 6) == 0)
                        add_alias(&d, s + 6, n - 6);
                else if (in_aliases)
                        add_alias(&d, s, n);
                in_aliases |= d.alias[0];
                s += strcspn(s, ",;");
        }
        if (!d.name[0])
                snprintf(d.name, sizeof d.name, "%s", p->name);
        if (!d.bound && strcasecmp(d.name, p->name) != 0 && !strcasestr(d.alias, p->name))
                add_alias(&d, p->name, strlen(p->name));
        return d;
}

/* The parameters that choose instances. A key or the positional one identifies: a set of its own, bound from the
 * pipeline by name, and by value where it is the positional one. Others narrow the choice further. Several keys
 * (an address and a port) say together which one is meant, so they share one set. */
struct selection {
        const struct rv_class *c;
        bool get;
        bool any, key, compound; /* some property has a parameter; a key has; several have */
        bool always;             /* some property is the positional one in all cmdlets */
        bool placed;             /* there is a positional one */
};

static void add_selector(struct building *b, struct selection *s, uint32_t i, const char *qualifier)
{
        const struct rv_property *p = &s->c->properties[i];
        struct declared d = declared(p, qualifier);
        bool is_key = p->flags & RV_KEY, identity = is_key || d.positional;
        if (!s->get && !identity)
                return;
        struct sh_param *x =
                add(b, rv_arena_text(b->a, d.name, strlen(d.name)), type_of(p), (int)i, -1, p->description);
        x->alias = d.alias[0] ? rv_arena_text(b->a, d.alias, strlen(d.alias)) : NULL;
        x->complete = text(b, "%s.%s", s->c->name, p->name);
        x->wildcard = p->type == RV_CIM_STRING && (d.wildcard || !s->any);
        b->q[b->n - 1].wildcard = x->wildcard;
        b->q[b->n - 1].identity = identity;
        b->q[b->n - 1].bound = d.bound;
        if (!identity)
                return;
        x->sets = s->compound ? "Query" : x->name;
        x->from_property = true;
        bool first = !s->placed && (s->always               ? d.always
                                    : s->get || s->compound ? d.positional || !s->any
                                    : s->key                ? is_key
                                                            : true);
        x->mandatory = !s->get && (first || !s->compound);
        if (first) {
                x->position = 1;
                x->from_pipeline = true;
                b->m->table.default_set = x->sets;
                s->placed = true;
        }
}

static void add_selection(struct building *b, const struct rv_class *c, bool get)
{
        struct selection s = { .c = c, .get = get };
        uint32_t keys = 0;
        for (uint32_t i = 0; i < c->nproperties; i++) {
                s.any |= c->properties[i].parameter != NULL;
                s.always |= declared(&c->properties[i], c->properties[i].parameter).always;
                keys += c->properties[i].parameter && c->properties[i].flags & RV_KEY;
        }
        s.key = keys;
        s.compound = keys > 1;
        for (uint32_t i = 0; i < c->nproperties; i++) {
                const struct rv_property *p = &c->properties[i];
                if (s.any ? !p->parameter : !(p->flags & RV_KEY) || p->type == RV_CIM_REFERENCE)
                        continue;
                add_selector(b, &s, i, p->parameter);
                for (const char *more = p->parameter; more && (more = strchr(more, ';'));)
                        add_selector(b, &s, i, ++more);
        }
        if (get && !s.placed)
                b->m->table.default_set = "All";
        struct sh_param *o =
                add(b, "InputObject", "ciminstance[]", -1, -1, "Objects from the pipeline or a variable.");
        o->sets = "InputObject";
        o->position = get ? 0 : 1;
        o->from_pipeline = true;
        o->mandatory = true;
}

static void add_arguments(struct building *b, const struct rv_method *m, int position)
{
        for (uint32_t i = 0; i < m->nparameters; i++) {
                const struct rv_property *p = &m->parameters[i];
                char constant[80];
                snprintf(constant, sizeof constant, "%s=", p->name);
                if (!(p->flags & RV_IN) || (b->m->constants && strcasestr(b->m->constants, constant)))
                        continue;
                struct declared d = declared(p, p->parameter);
                const char *name = has(b, d.name) ? text(b, "New%s%s", d.name, "")
                                                  : rv_arena_text(b->a, d.name, strlen(d.name));
                struct sh_param *x = add(b, name,
                                         p->type == RV_CIM_BOOLEAN && !p->is_array ? "switch"
                                         : p->nvalues && p->type != RV_CIM_STRING  ? "object"
                                                                                   : sh_cim_type_of(p, false),
                                         -1, (int)i, p->description);
                x->alias = d.alias[0] ? rv_arena_text(b->a, d.alias, strlen(d.alias)) : NULL;
                x->mandatory = p->flags & RV_REQUIRED;
                if (x->mandatory || d.positional)
                        x->position = ++position;
        }
}

static void add_writable(struct building *b, const struct rv_class *c)
{
        for (uint32_t i = 0; i < c->nproperties; i++) {
                const struct rv_property *p = &c->properties[i];
                if (!(p->flags & RV_WRITE) || p->flags & RV_KEY || has(b, p->name))
                        continue;
                add(b, p->name, p->nvalues ? "object" : sh_cim_type_of(p, false), (int)i, -1, p->description);
        }
}

static const char *first_sentence(struct rv_arena *a, const char *s)
{
        const char *end = strstr(s, ". ");
        return end ? rv_arena_text(a, s, (size_t)(end - s + 1)) : s;
}

/* [Example{"code", "what it does", ...}]; NULL: none, help makes its own. */
static const struct sh_example *examples_of(struct rv_arena *a, const struct rv_class *c,
                                            const struct rv_method *method)
{
        const struct rv_qualifier *q =
                rv_qualifier_find(method ? method->qualifiers : c->qualifiers,
                                  method ? method->nqualifiers : c->nqualifiers, "Example");
        struct sh_example *e = q ? rv_arena_get(a, (q->nvalues / 2 + 1) * sizeof *e) : NULL;
        for (uint32_t i = 0; e && i + 1 < q->nvalues; i += 2)
                e[i / 2] = (struct sh_example) { q->values[i], NULL, q->values[i + 1] };
        return e;
}

/* [Events]: what PowerShell's cmdlet of events takes beside. */
static void add_events(struct building *b, const struct rv_class *c)
{
        b->m->events = rv_qualifier_find(c->qualifiers, c->nqualifiers, "Events");
        if (!b->m->events || b->m->events->nvalues != 3) {
                b->m->events = NULL;
                return;
        }
        add(b, "Oldest", "switch", -1, -1, "The oldest first.");
        add(b, "FilterHashtable", "hashtable[]", -1, -1,
            "Conditions by name: LogName, ProviderName, Path, Level (1 to 5), StartTime, EndTime, UserID, "
            "and each parameter of this cmdlet that chooses. "
            "Of several tables one must fit.");
        struct sh_param *l =
                add(b, "ListLog", "string[]", -1, -1, "The logs themselves, by name or pattern.");
        l->wildcard = true;
}

static const struct sh_model_cmdlet *make(struct sh *sh, const struct sh_model_class *k, const char *name,
                                          size_t n, enum sh_model_verb verb, const struct rv_method *method)
{
        struct sh_model *model = sh_model_of(sh);
        struct building b = { .a = &model->arena };
        const struct rv_class *c = k->c;
        b.m = rv_arena_get(b.a, sizeof *b.m);
        b.p = rv_arena_get(b.a, MOST_PARAMS * sizeof *b.p);
        b.q = rv_arena_get(b.a, MOST_PARAMS * sizeof *b.q);
        if (!b.m || !b.p || !b.q)
                return NULL;
        b.m->class = k;
        b.m->verb = verb;
        b.m->method = method;
        b.m->constants = name[n] == ':' ? name + n + 1 : NULL;
        b.m->table =
                (struct sh_cmdlet) { .name = rv_arena_text(b.a, name, n), .arg = b.m, .gives = k->type.name };
        b.m->table.synopsis = first_sentence(b.a, method ? method->description : c->description);
        b.m->table.description = method ? method->description : c->description;
        if (!method || !method->is_static)
                add_selection(&b, c, verb == SH_MODEL_GET);
        if (verb == SH_MODEL_GET) {
                add(&b, "Filter", "string", -1, -1, "WQL condition, such as \"Name LIKE 'p%'\".");
                add(&b, "Property", "string[]", -1, -1, "Only these properties.")->alias = "SelectProperties";
                add(&b, "First", "ulong", -1, -1, "At most so many.")->alias = "MaxEvents,Newest";
                add_events(&b, c);
                b.m->timed = !has(&b, "At");
                if (b.m->timed)
                        add(&b, "At", "datetime", -1, -1,
                            "As it was then; for classes whose history is kept.");
                add(&b, "OperationTimeoutSec", "uint", -1, -1, "Seconds until the agent gives up.")->alias =
                        "OT";
                add(&b, "CimSession", "object[]", -1, -1,
                    "Sessions of New-CimSession, or hosts: their agents, over SSH.");
                b.m->table.process = sh_model_get_process;
        } else {
                if (method)
                        add_arguments(&b, method, method->is_static ? 0 : 1);
                else
                        add_writable(&b, c);
                if (!method || !method->is_static)
                        add(&b, "PassThru", "switch", -1, -1, "Passes on the objects it was done to.");
                if (method && (rv_qualifier_find(c->qualifiers, c->nqualifiers, "Confirmed") ||
                               rv_qualifier_find(method->qualifiers, method->nqualifiers, "Confirmed")))
                        add(&b, "ConfirmWithin", "uint", -1, -1,
                            "Seconds: it is put back by itself unless Confirm-Transaction comes over a new "
                            "connection.");
                if (method)
                        add(&b, "AsJob", "switch", -1, -1,
                            "A job at once: Wait-Job, Receive-Job. It goes on when the session ends: "
                            "Get-CimJob.");
                b.m->table.process = method ? sh_model_method_process : sh_model_set_process;
                b.m->table.should_process = !method || !method->read_only;
                b.m->table.high_impact =
                        method && rv_qualifier_find(method->qualifiers, method->nqualifiers, "HighImpact");
        }
        b.m->table.examples = method || verb == SH_MODEL_GET ? examples_of(b.a, c, method) : NULL;
        b.m->table.params = b.p;
        b.m->params = b.q;
        b.m->nparams = b.n;
        b.m->next = model->cmdlets;
        model->cmdlets = b.m;
        return b.m;
}

/* ---- names ---- */

static size_t word(const char *s)
{
        return strcspn(s, ":");
}

/* Calls each for every cmdlet of a class, until it answers something. */
typedef const struct sh_model_cmdlet *(*each_name)(void *, const struct sh_model_class *, const char *name,
                                                   size_t n, enum sh_model_verb, const struct rv_method *);

static const struct sh_model_cmdlet *names_of(struct sh_model_class *k, const struct rv_class *c,
                                              struct sh_link *l, each_name each, void *state)
{
        char name[160];
        bool writable = false, set_taken = false;
        const struct sh_model_cmdlet *found = NULL;
        if (c->view_of && !c->noun) /* a view has what its class has, under other names */
                return NULL;
        if (c->noun) {
                snprintf(name, sizeof name, "Get-%s", c->noun);
                found = each(state, k ? k : sh_model_known(l, c), name, strlen(name), SH_MODEL_GET, NULL);
                snprintf(name, sizeof name, "Set-%s", c->noun);
        }
        for (uint32_t i = 0; !found && i < c->nmethods; i++)
                for (uint32_t j = 0; !found && j < c->methods[i].ncmdlets; j++) {
                        if (sh_limits && !sh_limits_class(c->name, c->methods[i].name))
                                break;
                        const char *s = c->methods[i].cmdlets[j];
                        set_taken |= c->noun && strncasecmp(s, name, strlen(name)) == 0;
                        found = each(state, k ? k : sh_model_known(l, c), s, word(s), SH_MODEL_METHOD,
                                     &c->methods[i]);
                }
        for (uint32_t i = 0; i < c->nproperties; i++)
                writable |= c->properties[i].flags & RV_WRITE && !(c->properties[i].flags & RV_KEY);
        if (!found && c->noun && !c->view_of && writable && !set_taken)
                found = each(state, k ? k : sh_model_known(l, c), name, strlen(name), SH_MODEL_SET, NULL);
        return found;
}

/* A class that cannot have the name is not looked at closer: nothing is made for it. */
static bool may_have(const struct rv_class *c, const char *noun)
{
        if (c->noun && strcasecmp(c->noun, noun) == 0)
                return true;
        for (uint32_t i = 0; i < c->nmethods; i++)
                for (uint32_t j = 0; j < c->methods[i].ncmdlets; j++) {
                        const char *s = c->methods[i].cmdlets[j], *dash = strchr(s, '-');
                        if (dash && strncasecmp(dash + 1, noun, strlen(noun)) == 0 &&
                            strlen(noun) == word(dash + 1))
                                return true;
                }
        return false;
}

static const struct sh_model_cmdlet *each_class(struct sh *sh, const char *noun, bool others, each_name each,
                                                void *state)
{
        struct sh_link *l = sh_link_local(sh);
        const struct sh_model_cmdlet *found = NULL;
        for (uint32_t i = 0; !others && !found && i < rv_nclasses; i++)
                if ((!noun || may_have(rv_classes[i], noun)) &&
                    (!sh_limits || sh_limits_class(rv_classes[i]->name, NULL)))
                        found = names_of(NULL, rv_classes[i], l, each, state);
        for (struct sh_model_class *k = l->classes; others && !found && k; k = k->next)
                if (!rv_class_find(k->c->name, NULL) && (!noun || may_have(k->c, noun)))
                        found = names_of(k, k->c, l, each, state);
        return found;
}

struct search {
        struct sh *sh;
        const char *name;
};

static const struct sh_model_cmdlet *made_already(struct sh *sh, const char *name, size_t n)
{
        for (struct sh_model_cmdlet *m = sh_model_of(sh)->cmdlets; m; m = m->next)
                if (strncasecmp(m->table.name, name, n) == 0 && m->table.name[n] == 0)
                        return m;
        return NULL;
}

static const struct sh_model_cmdlet *is_it(void *state, const struct sh_model_class *k, const char *name,
                                           size_t n, enum sh_model_verb verb, const struct rv_method *method)
{
        struct search *s = state;
        if (strncasecmp(name, s->name, n) != 0 || s->name[n])
                return NULL;
        return make(s->sh, k, name, n, verb, method);
}

static bool is_verb(const char *name, size_t n)
{
        static const char verbs[] = /* those that PowerShell approves of */
                " add clear close copy enter exit find format get hide join lock move new open optimize pop"
                " push redo remove rename reset resize search select set show skip split step switch undo"
                " unlock watch connect disconnect read receive send write backup checkpoint compare compress"
                " convert convertfrom convertto dismount edit expand export group import initialize limit"
                " merge mount out publish restore save sync unpublish update debug measure ping repair"
                " resolve test trace build complete confirm deny deploy disable enable install invoke"
                " register request restart resume start stop submit suspend uninstall unregister wait use"
                " approve assert block grant protect revoke unblock unprotect ";
        char word[40];
        int k = snprintf(word, sizeof word, " %.*s ", (int)n, name);
        return n && k < (int)sizeof word && strcasestr(verbs, word);
}

/* Which classes the agent has beside those compiled in: once a connection, because an agent that was started anew may
 * have others. One that has just gone is found out by asking it. */
static void ask_for_names(struct sh *sh)
{
        struct sh_link *l = sh_model_of(sh)->local;
        struct rv_error err = { 0 };
        if (sh_model_other_classes(l, &err) && l->client && rv_client_gone(l->client))
                sh_model_other_classes(l, &err);
}

const struct sh_cmdlet *sh_model_cmdlet(struct sh *sh, const char *name)
{
        const char *dash = strchr(name, '-');
        if (!dash || !dash[1] || strchr(name, '/') || !is_verb(name, (size_t)(dash - name)))
                return NULL;
        if (dash - name == 4 && !strncasecmp(name, "show", 4)) { /* of a class that has Get-NOUN */
                char get[160];
                snprintf(get, sizeof get, "Get%s", dash);
                const struct sh_cmdlet *of = sh_model_cmdlet(sh, get);
                return of ? sh_show_cmdlet(name) : NULL;
        }
        struct search s = { sh, name };
        const struct sh_model_cmdlet *m = made_already(sh, name, strlen(name));
        if (!m)
                m = each_class(sh, dash + 1, false, is_it, &s);
        if (!m) {
                ask_for_names(sh);
                m = each_class(sh, dash + 1, true, is_it, &s);
        }
        return m ? &m->table : NULL;
}

struct listing {
        struct sh *sh;
        void (*each)(void *, const struct sh_cmdlet *);
        void *state;
};

static const struct sh_model_cmdlet *list_it(void *state, const struct sh_model_class *k, const char *name,
                                             size_t n, enum sh_model_verb verb,
                                             const struct rv_method *method)
{
        struct listing *l = state;
        const struct sh_model_cmdlet *m = made_already(l->sh, name, n);
        if (!m)
                m = make(l->sh, k, name, n, verb, method);
        if (m)
                l->each(l->state, &m->table);
        return NULL;
}

void sh_model_cmdlets(struct sh *sh, void (*each)(void *, const struct sh_cmdlet *), void *state)
{
        struct listing l = { sh, each, state };
        each_class(sh, NULL, false, list_it, &l);
        ask_for_names(sh);
        each_class(sh, NULL, true, list_it, &l);
}

const struct sh_model_cmdlet *sh_model_cmdlet_of(const struct sh_cmdlet *c)
{
        return c && (c->process == sh_model_get_process || c->process == sh_model_method_process ||
                     c->process == sh_model_set_process)
                       ? c->arg
                       : NULL;
}
