/* SPDX-License-Identifier: MIT
 *
 * A data section, data { }, holds what can be known without running anything: constants, tables and lists of them, the
 * operators between them, if, and ConvertFrom-StringData or what -SupportedCommand names. Anything else is an error
 * where it stands, before the script runs.
 */
#include "shell/code.h"
#include "shell/parse.h"

#include <strings.h>

#define HERE "in restricted language mode or a Data section."

struct data {
        struct parser *p;
        const char *also; /* the text of -SupportedCommand, or "" */
        size_t nalso;
};

static bool check(struct data *, struct node *);

static bool refuse(struct data *d, const struct node *n, const char *id, const char *what)
{
        p_error(d->p, n->at, n->end, id, "%s are not allowed " HERE, what);
        return false;
}

static bool check_all(struct data *d, struct node *const *v, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                if (v[i] && !check(d, v[i]))
                        return false;
        return true;
}

static bool is_allowed(const struct data *d, const char *s, size_t n)
{
        if (sh_text_same(s, n, "ConvertFrom-StringData", 22))
                return true;
        for (const char *p = d->also, *end = d->also + d->nalso; p < end;) {
                size_t skip = strspn(p, " ,\t\"'"), k;
                p += skip < (size_t)(end - p) ? skip : (size_t)(end - p);
                for (k = 0; p + k < end && !strchr(" ,\t\"'\n", p[k]); k++)
                        ;
                if (k && sh_text_same(s, n, p, k))
                        return true;
                p += k;
        }
        return false;
}

static bool check_command(struct data *d, struct node *n)
{
        struct command *c = n->x;
        struct node *name = c->name;
        if (c->invoke == '.')
                return refuse(d, n, "DotSourcingNotSupportedInDataSection", "Dot-source operators");
        if (name->kind != N_CONST || name->val.kind != SH_STRING)
                return refuse(d, name, "NonConstantCommandNameInDataSection", "Commands without a constant name");
        if (!is_allowed(d, name->val.s->s, name->val.s->len)) {
                p_error(d->p, name->at, name->end, "CmdletNotInAllowedListForDataSection",
                        "The command '%s' is not allowed " HERE, name->val.s->s);
                return false;
        }
        if (c->nredirs)
                return refuse(d, n, "RedirectionNotSupportedInDataSection", "Redirections");
        for (uint32_t i = 0; i < c->nargs; i++)
                if (c->args[i].value && !check(d, c->args[i].value))
                        return false;
        return true;
}

static bool check_variable(struct data *d, struct node *n)
{
        static const char *const known[] = { "$PSCulture", "$PSUICulture", "$true", "$false", "$null" };
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (sh_text_same(d->p->s + n->at, n->end - n->at, known[i], strlen(known[i])))
                        return true;
        p_error(d->p, n->at, n->end, "VariableReferenceNotSupportedInDataSection",
                "A variable that cannot be referenced in restricted language mode or a Data section is being "
                "referenced. Variables that can be referenced include the following: $PSCulture, $PSUICulture, $true, "
                "$false, $null.");
        return false;
}

static bool check_if(struct data *d, struct node *n)
{
        struct clauses *c = n->x;
        for (uint32_t i = 0; i < c->n; i++)
                if (!check(d, c->v[i].test) || !check(d, c->v[i].body))
                        return false;
        return !c->otherwise || check(d, c->otherwise);
}

static bool check(struct data *d, struct node *n)
{
        switch (n->kind) {
        case N_CONST: return true;
        case N_VAR:
        case N_UNDER:
        case N_LASTOK:
        case N_DRIVEVAR: return check_variable(d, n);
        case N_LIST:
        case N_PIPE:
        case N_ARRAY:
        case N_HASH:
        case N_EXPAND: return check_all(d, n->v, n->n);
        case N_EXPR:
        case N_PAREN:
        case N_SUB:
        case N_ARRAYSUB:
        case N_UNARY: return !n->a || check(d, n->a);
        case N_BINARY:
        case N_AND:
        case N_OR:
        case N_XOR: return check(d, n->a) && check(d, n->b);
        case N_IF: return check_if(d, n);
        case N_CMD: return check_command(d, n);
        case N_MEMBER: return refuse(d, n, "PropertyReferenceNotSupportedInDataSection", "Property references");
        case N_CALL: return refuse(d, n, "MethodCallNotSupportedInDataSection", "Method calls");
        case N_INDEX: return refuse(d, n, "ArrayReferenceNotSupportedInDataSection", "Array references");
        case N_TYPE:
        case N_CAST: return refuse(d, n, "TypeNotAllowedInDataSection", "Types and casts");
        case N_BLOCK: return refuse(d, n, "ScriptBlockNotSupportedInDataSection", "Script block literals");
        case N_ASSIGN:
        case N_INC: return refuse(d, n, "AssignmentStatementNotSupportedInDataSection", "Assignment statements");
        case N_FUNC: return refuse(d, n, "FunctionDeclarationNotSupportedInDataSection", "Function declarations");
        case N_TRY: return refuse(d, n, "TryStatementNotSupportedInDataSection", "Try/Catch statements");
        case N_FOR:
        case N_WHILE:
        case N_DO: return refuse(d, n, "DoWhileStatementNotSupportedInDataSection", "Do and while statements");
        case N_FOREACH: return refuse(d, n, "ForeachStatementNotSupportedInDataSection", "Foreach statements");
        default: return refuse(d, n, "StatementNotSupportedInDataSection", "Such statements and expressions");
        }
}

bool p_check_data(struct parser *p, struct node *body, uint32_t also_at, uint32_t also_end)
{
        struct data d = { p, p->s + also_at, also_end - also_at };
        return check(&d, body);
}
