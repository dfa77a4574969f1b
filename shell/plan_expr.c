/* SPDX-License-Identifier: MIT
 *
 * Push-down of expressions: which properties of $_ a block reads, and which part of its condition the agent can check
 * beforehand. The stage runs all the same, so a condition may keep too much but never too little; where PowerShell's
 * comparison and WQL's could differ, nothing is said.
 */
#include <math.h>
#include <strings.h>

#include "schema/class.h"
#include "shell/model.h"
#include "shell/plan.h"
#include "shell/text.h"
#include "shell/types.h"

void sh_plan_use(struct sh_planning *g, const char *name, size_t n)
{
        int p = rv_property_find_alias(g->class, name, n, NULL);
        struct sh_plan *plan = g->plan;
        /* Of the object rather than the class, or a subclass': looked up when it is asked for. */
        if (p < 0)
                return;
        for (uint32_t i = 0; i < plan->nproperties; i++)
                if (plan->properties[i] == g->class->properties[p].name)
                        return;
        if (plan->nproperties == sizeof plan->properties / sizeof *plan->properties)
                plan->all = true;
        else
                plan->properties[plan->nproperties++] = g->class->properties[p].name;
}

/* ---- what is read ---- */

static void reads(struct sh_planning *g, struct node *n);

static void read_all(struct sh_planning *g, struct node **v, uint32_t n)
{
        for (uint32_t i = 0; i < n && !g->plan->all; i++)
                reads(g, v[i]);
}

static bool is_constant_text(const struct node *n)
{
        return n && n->kind == N_CONST && n->val.kind == SH_STRING;
}

static void read_if(struct sh_planning *g, const struct clauses *c)
{
        for (uint32_t i = 0; i < c->n; i++) {
                reads(g, c->v[i].test);
                reads(g, c->v[i].body);
        }
        reads(g, c->otherwise);
}

/* Commands, assignments, blocks within blocks and all else may reach $_ in ways that are not seen here. */
static void reads(struct sh_planning *g, struct node *n)
{
        if (!n || g->plan->all)
                return;
        switch (n->kind) {
        case N_CONST:
        case N_TYPE: return;
        case N_VAR: /* input and the like are the object too */
                g->plan->all |= n->id < ID_FIXED && n->op == VS_PLAIN && !strcasecmp(n->x, "input");
                return;
        case N_MEMBER:
                if (n->a->kind == N_UNDER && is_constant_text(n->b)) {
                        sh_plan_use(g, n->b->val.s->s, n->b->val.s->len);
                        return;
                }
                reads(g, n->a);
                reads(g, n->b);
                return;
        case N_CALL:
                reads(g, n->a); /* a method of $_ itself: whole */
                reads(g, n->b);
                read_all(g, n->v, n->n);
                return;
        case N_TERNARY: reads(g, n->c); /* fall through */
        case N_BINARY:
        case N_AND:
        case N_OR:
        case N_XOR:
        case N_COALESCE:
        case N_INDEX: reads(g, n->b); /* fall through */
        case N_UNARY:
        case N_CAST:
        case N_PAREN:
        case N_SUB:
        case N_ARRAYSUB:
        case N_RETURN: reads(g, n->a); return;
        case N_EXPR:
                g->plan->all |= n->x != NULL; /* redirected */
                reads(g, n->a);
                return;
        case N_EXPAND:
        case N_ARRAY:
        case N_HASH:
        case N_LIST: read_all(g, n->v, n->n); return;
        case N_IF: read_if(g, n->x); return;
        default: g->plan->all = true;
        }
}

/* The block's statements, when it has no parameters and no named parts; NULL: not so simple. */
static struct node *body_of(struct sv block)
{
        block = sh_unwrap(block);
        if (block.kind != SH_BLOCK)
                return NULL;
        const struct block *b = sh_block_of(block)->ast;
        struct node *body = NULL;
        if (b->has_param_block || b->nparams || b->named || b->uses_using)
                return NULL;
        for (int i = 0; i < BL_PARTS; i++) {
                if (b->part[i] && body)
                        return NULL;
                if (b->part[i])
                        body = b->part[i];
        }
        return body;
}

void sh_plan_block(struct sh_planning *g, struct sv block)
{
        struct node *body = body_of(block);
        if (body)
                reads(g, body);
        else
                g->plan->all = true;
}

/* ---- conditions ---- */

static const char *operator_of(int op)
{
        switch (op) {
        case SH_EQ: return " = ";
        case SH_NE: return " <> ";
        case SH_LT: return " < ";
        case SH_LE: return " <= ";
        case SH_GT: return " > ";
        case SH_GE: return " >= ";
        case SH_LIKE: return " LIKE ";
        default: return NULL;
        }
}

/* Whether the agent takes the value for the property as it is: a number in its range. */
static bool number_fits(const struct rv_property *d, struct sv v)
{
        static const struct {
                int type;
                double low, high;
        } ranges[] = { { RV_CIM_UINT8, 0, 255 },
                       { RV_CIM_SINT8, -128, 127 },
                       { RV_CIM_UINT16, 0, 65535 },
                       { RV_CIM_SINT16, -32768, 32767 },
                       { RV_CIM_UINT32, 0, 4294967295.0 },
                       { RV_CIM_SINT32, -2147483648.0, 2147483647.0 },
                       { RV_CIM_UINT64, 0, 9007199254740992.0 },
                       { RV_CIM_SINT64, -9007199254740992.0, 9007199254740992.0 },
                       { RV_CIM_REAL64, -1e15, 1e15 } };
        double x;
        if (v.kind == SH_DECIMAL || !sh_is_number(v) || !sh_to_double(NULL, v, &x) || !isfinite(x))
                return false;
        if (d->type != RV_CIM_REAL64 && x != floor(x))
                return false;
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
                if (d->type == ranges[i].type)
                        return x >= ranges[i].low && x <= ranges[i].high;
        return false;
}

static bool is_ascii(struct sv v)
{
        for (uint32_t i = 0; i < v.s->len; i++)
                if ((unsigned char)v.s->s[i] >= 0x80 || (unsigned char)v.s->s[i] < ' ')
                        return false;
        return true;
}

/* Text: the agent compares without case in ASCII. */
static bool text_fits(const struct rv_property *d, int op, bool cased, struct sv v)
{
        if (d->type != RV_CIM_STRING || v.kind != SH_STRING || !is_ascii(v) || v.s->len > 200)
                return false;
        if (op == SH_LIKE) /* backquotes and sets are PowerShell's own */
                return !memchr(v.s->s, '`', v.s->len) && !memchr(v.s->s, '[', v.s->len) &&
                       !memchr(v.s->s, ']', v.s->len);
        return op == SH_EQ || (op == SH_NE && !cased);
}

enum sh_said sh_plan_compare(struct sh_planning *g, struct sh_buf *b, const char *name, size_t n, int op,
                             bool cased, struct sv value)
{
        double divisor = 0;
        int p = rv_property_find_alias(g->class, name, n, &divisor);
        const char *word = operator_of(op);
        sh_plan_use(g, name, n);
        value = sh_unwrap(value);
        if (p < 0 || divisor != 0 || !word || sh_ets_first(g->sh))
                return SH_SAID_NOTHING;
        const struct rv_property *d = &g->class->properties[p];
        bool text = text_fits(d, op, cased, value);
        bool truth = d->type == RV_CIM_BOOLEAN && value.kind == SH_BOOL && op == SH_EQ;
        if (d->is_array || d->flags & (RV_MAP | RV_SECRET) || d->nvalues ||
            !(text || truth || (op != SH_LIKE && number_fits(d, value))))
                return SH_SAID_NOTHING;
        sh_buf_putf(b, "(%s%s", d->name, word);
        if (op == SH_LIKE)
                sh_wql_like(b, value.s->s, value.s->len);
        else
                sh_wql_value(g->sh, b, value);
        if (op != SH_EQ) /* PowerShell puts null below all numbers and among the texts */
                sh_buf_putf(b, " OR %s IS NULL", d->name);
        sh_buf_puts(b, ")");
        return text ? cased ? SH_SAID_PART : SH_SAID_ALL : op == SH_EQ ? SH_SAID_ALL : SH_SAID_PART;
}

static struct node *bare(struct node *n)
{
        while (n && ((n->kind == N_PAREN && !(n->flags & NF_CMDS)) || (n->kind == N_EXPR && !n->x) ||
                     (n->kind == N_LIST && n->n == 1)))
                n = n->kind == N_LIST ? n->v[0] : n->a;
        return n;
}

static bool is_own_property(const struct node *n)
{
        return n->kind == N_MEMBER && !(n->flags & NF_STATIC) && n->a->kind == N_UNDER &&
               is_constant_text(n->b);
}

static enum sh_said said(struct sh_planning *g, struct sh_buf *b, struct node *n)
{
        n = bare(n);
        if (!n)
                return SH_SAID_NOTHING;
        if (n->kind == N_BINARY) {
                struct node *left = bare(n->a), *right = bare(n->b);
                if (!is_own_property(left) || !right || right->kind != N_CONST)
                        return SH_SAID_NOTHING;
                return sh_plan_compare(g, b, left->b->val.s->s, left->b->val.s->len, n->op,
                                       n->flags & NF_CASE, right->val);
        }
        if (n->kind != N_AND && n->kind != N_OR)
                return SH_SAID_NOTHING;
        uint32_t start = b->n;
        sh_buf_puts(b, "(");
        enum sh_said left = said(g, b, n->a);
        if (left)
                sh_buf_puts(b, n->kind == N_AND ? " AND " : " OR ");
        uint32_t before = b->n;
        enum sh_said right = said(g, b, n->b);
        if (left && right) {
                sh_buf_puts(b, ")");
                return left < right ? left : right;
        }
        if (n->kind == N_OR || (!left && !right)) {
                b->n = start;
                return SH_SAID_NOTHING;
        }
        if (!right)
                b->n = before - 5; /* " AND " */
        sh_buf_puts(b, ")");
        return SH_SAID_PART;
}

enum sh_said sh_plan_condition(struct sh_planning *g, struct sh_buf *b, struct sv block)
{
        struct node *body = body_of(block);
        return body ? said(g, b, body) : SH_SAID_NOTHING;
}
