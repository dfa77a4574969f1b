/* SPDX-License-Identifier: MIT
 *
 * $block.Ast: not the whole tree, but what scripts ask of one: texts and places (Extent), the param block with its
 * parameters, their types and defaults, and the statements of each part.
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/types.h"

enum { A_BLOCK, A_PARAMS, A_PARAM, A_PART, A_STATEMENT, A_VARIABLE, A_PATH, A_EXTENT, A_KINDS };

struct tree {
        struct sh_obj obj;
        struct unit *u; /* kept */
        uint32_t at, end;
        struct block *block;
        struct param *param;
        struct node *node;
};
static const struct sh_type types[A_KINDS];

static struct tree *tree_of(struct sv v)
{
        return (struct tree *)v.o;
}

static struct sv tree_new(int kind, struct unit *u, uint32_t at, uint32_t end)
{
        struct sv r = sh_other_new(&types[kind], sizeof(struct tree));
        struct tree *t = tree_of(r);
        t->u = u, t->at = at, t->end = end;
        u->refs++;
        return r;
}

static void tree_free(struct sh_obj *o)
{
        sh_unit_drop(((struct tree *)o)->u);
}

static void tree_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct tree *t = tree_of(self);
        (void)sh;
        if (t->param && (t->obj.type == &types[A_VARIABLE] || t->obj.type == &types[A_PATH]))
                sh_buf_putf(b, "%s%.*s", t->obj.type == &types[A_PATH] ? "" : "$", (int)t->param->nname,
                            t->param->name);
        else
                sh_buf_put(b, t->u->text + t->at, t->end - t->at);
}

static struct sv text_of(struct sv self)
{
        struct sh_buf b = { 0 };
        tree_text(NULL, self, &b);
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}

struct sv sh_ast_of(struct block *b)
{
        struct sv r = tree_new(A_BLOCK, b->u, b->at, b->end);
        tree_of(r)->block = b;
        return r;
}

/* ---- what each kind has ---- */

static struct sv of_block(const struct tree *t, int kind, uint32_t at, uint32_t end)
{
        struct sv r = tree_new(kind, t->u, at, end);
        tree_of(r)->block = t->block;
        return r;
}

static struct sv params_of(const struct tree *t)
{
        struct block *b = t->block;
        if (!b->has_param_block && !b->nparams)
                return SH_NIL;
        uint32_t at = b->body, end = b->nparams ? b->params[b->nparams - 1].end : b->body;
        while (at < end && t->u->text[at] != '(')
                at++;
        while (end < b->end && t->u->text[end] != ')')
                end++;
        for (uint32_t k = at; k > b->body; k--) /* "param" before the bracket */
                if (k - b->body >= 5 && sh_text_same(t->u->text + k - 5, 5, "param", 5)) {
                        at = k - 5;
                        break;
                }
        return of_block(t, A_PARAMS, at, end < b->end ? end + 1 : end);
}

static struct sv part_of(const struct tree *t, int part)
{
        struct node *l = t->block->part[part];
        if (!l)
                return SH_NIL;
        struct sv r = of_block(t, A_PART, l->at, l->end);
        tree_of(r)->node = l;
        return r;
}

static struct sv parameters(const struct tree *t)
{
        struct sv list = sh_array_new(t->block->nparams);
        for (uint32_t i = 0; i < t->block->nparams; i++) {
                struct param *p = &t->block->params[i];
                struct sv one = of_block(t, A_PARAM, p->at, p->end);
                tree_of(one)->param = p;
                sh_array_take(list.a, one);
        }
        return list;
}

static struct sv statement(const struct tree *t, struct node *n)
{
        struct sv r = of_block(t, A_STATEMENT, n->at, n->end);
        tree_of(r)->node = n;
        return r;
}

static struct sv statements(const struct tree *t)
{
        const struct node *l = t->node;
        struct sv list = sh_array_new(l->n);
        for (uint32_t i = 0; i < l->n; i++)
                sh_array_take(list.a, statement(t, l->v[i]));
        return list;
}

static struct sv static_type(struct sh *sh, const struct param *p)
{
        for (const struct attr *a = p->attrs; a; a = a->next)
                if (a->is_type) {
                        const struct sh_type *type = sh_attr_type(sh, a);
                        if (type)
                                return sh_type_value(type);
                        sh_forget_error(sh);
                }
        return sh_type_value(&sh_type_object);
}

/* Its name, "$x", or what is in it. */
static struct sv of_param(struct tree *t, int kind)
{
        const struct param *p = t->param;
        uint32_t at = p->at;
        while (at + p->nname < p->end &&
               !(t->u->text[at] == '$' && sh_text_same(t->u->text + at + 1, p->nname, p->name, p->nname)))
                at++;
        struct sv r = tree_new(kind, t->u, at, at + p->nname + 1);
        tree_of(r)->param = t->param;
        return r;
}

static struct sv place(const struct tree *t, bool end, bool column)
{
        uint32_t row, col;
        sh_unit_position(t->u, end ? t->end : t->at, &row, &col);
        return sh_int((int32_t)(column ? col : row));
}

enum {
        G_EXTENT,
        G_PARAMS,
        G_PART,
        G_PARAMETERS,
        G_STATEMENTS,
        G_UNNAMED,
        G_NAME,
        G_TYPE,
        G_DEFAULT,
        G_PATH,
        G_USER,
        G_TEXT,
        G_FILE,
        G_LINE,
        G_COLUMN,
        G_END_LINE,
        G_END_COLUMN,
        G_START,
        G_END,
        G_NOBODY
};

static const struct {
        const char *name;
        uint8_t kind, what, part;
} fields[] = {
        { "ParamBlock", A_BLOCK, G_PARAMS, 0 },
        { "BeginBlock", A_BLOCK, G_PART, BL_BEGIN },
        { "ProcessBlock", A_BLOCK, G_PART, BL_PROCESS },
        { "EndBlock", A_BLOCK, G_PART, BL_END },
        { "CleanBlock", A_BLOCK, G_PART, BL_CLEAN },
        { "DynamicParamBlock", A_BLOCK, G_PART, BL_DYNAMIC },
        { "Parameters", A_PARAMS, G_PARAMETERS, 0 },
        { "Name", A_PARAM, G_NAME, 0 },
        { "StaticType", A_PARAM, G_TYPE, 0 },
        { "DefaultValue", A_PARAM, G_DEFAULT, 0 },
        { "Statements", A_PART, G_STATEMENTS, 0 },
        { "Unnamed", A_PART, G_UNNAMED, 0 },
        { "VariablePath", A_VARIABLE, G_PATH, 0 },
        { "UserPath", A_PATH, G_USER, 0 },
        { "Text", A_EXTENT, G_TEXT, 0 },
        { "File", A_EXTENT, G_FILE, 0 },
        { "StartLineNumber", A_EXTENT, G_LINE, 0 },
        { "StartColumnNumber", A_EXTENT, G_COLUMN, 0 },
        { "EndLineNumber", A_EXTENT, G_END_LINE, 0 },
        { "EndColumnNumber", A_EXTENT, G_END_COLUMN, 0 },
        { "StartOffset", A_EXTENT, G_START, 0 },
        { "EndOffset", A_EXTENT, G_END, 0 },
};

static struct sv field(struct sh *sh, struct tree *t, int what, int part)
{
        switch (what) {
        case G_EXTENT: {
                struct sv r = tree_new(A_EXTENT, t->u, t->at, t->end);
                return r;
        }
        case G_PARAMS: return params_of(t);
        case G_PART: return part_of(t, part);
        case G_PARAMETERS: return parameters(t);
        case G_STATEMENTS: return statements(t);
        case G_UNNAMED: return sh_bool(!t->block->named);
        case G_NAME: return of_param(t, A_VARIABLE);
        case G_TYPE: return static_type(sh, t->param);
        case G_DEFAULT: return t->param->init ? statement(t, t->param->init) : SH_NIL;
        case G_PATH: return of_param(t, A_PATH);
        case G_USER:
        case G_TEXT: return text_of((struct sv) { .kind = SH_OTHER, .o = &t->obj });
        case G_FILE: return t->u->file ? sh_text(t->u->file) : SH_NIL;
        case G_LINE: return place(t, false, false);
        case G_COLUMN: return place(t, false, true);
        case G_END_LINE: return place(t, true, false);
        case G_END_COLUMN: return place(t, true, true);
        case G_START: return sh_int((int32_t)t->at);
        case G_END: return sh_int((int32_t)t->end);
        }
        return SH_NIL;
}

static bool is_ast(const struct tree *t)
{
        return t->obj.type != &types[A_EXTENT] && t->obj.type != &types[A_PATH];
}

static int tree_get(struct sh *sh, struct sv self, const char *name, size_t n, struct sv *ret)
{
        struct tree *t = tree_of(self);
        if (is_ast(t) && sh_text_same(name, n, "Extent", 6)) {
                *ret = field(sh, t, G_EXTENT, 0);
                return SH_OK;
        }
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
                if (t->obj.type == &types[fields[i].kind] &&
                    sh_text_same(name, n, fields[i].name, strlen(fields[i].name))) {
                        *ret = field(sh, t, fields[i].what, fields[i].part);
                        return SH_OK;
                }
        return SH_NONE;
}

static int tree_list(struct sh *sh, struct sv self, void (*each)(void *, const char *, size_t), void *state)
{
        struct tree *t = tree_of(self);
        (void)sh;
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
                if (t->obj.type == &types[fields[i].kind])
                        each(state, fields[i].name, strlen(fields[i].name));
        if (is_ast(t))
                each(state, "Extent", 6);
        return SH_OK;
}

#define AST(name_) \
        { \
                .name = "System.Management.Automation." name_, .base = &sh_type_object, .get = tree_get, \
                .list = tree_list, .text = tree_text, .free = tree_free, .kind = SH_OTHER \
        }
static const struct sh_type types[A_KINDS] = {
        [A_BLOCK] = AST("Language.ScriptBlockAst"),
        [A_PARAMS] = AST("Language.ParamBlockAst"),
        [A_PARAM] = AST("Language.ParameterAst"),
        [A_PART] = AST("Language.NamedBlockAst"),
        [A_STATEMENT] = AST("Language.StatementAst"),
        [A_VARIABLE] = AST("Language.VariableExpressionAst"),
        [A_PATH] = AST("VariablePath"),
        [A_EXTENT] = AST("Language.InternalScriptExtent"),
};

SH_TYPES(ast, &types[A_BLOCK], &types[A_PARAMS], &types[A_PARAM], &types[A_PART], &types[A_STATEMENT]);
