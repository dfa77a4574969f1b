/* SPDX-License-Identifier: MIT
 *
 * The program as a tree. Parsing makes nodes in the arena of their code unit; each node is at once a closure: compile.c
 * gives it the function that evaluates it (ev: an expression's value; run: a statement, its output to a sink),
 * specialised by what its operands are, and variables get slots of their block's layout. Nothing is translated again.
 *
 * A unit owns text, arena and constants; script blocks keep their unit alive.
 */
#ifndef SH_AST_H
#define SH_AST_H

#include "schema/arena.h"
#include "shell/interp.h"
#include "shell/value.h"

enum node_kind {
        N_CONST,
        N_EXPAND,
        N_VAR,
        N_UNDER,
        N_LASTOK,
        N_DRIVEVAR,
        N_ARRAY,
        N_SUB,
        N_ARRAYSUB,
        N_PAREN,
        N_HASH,
        N_BLOCK,
        N_TYPE,
        N_CAST,
        N_UNARY,
        N_BINARY,
        N_AND,
        N_OR,
        N_XOR,
        N_TERNARY,
        N_COALESCE,
        N_MEMBER,
        N_CALL,
        N_INDEX,
        N_INC,
        N_ASSIGN,
        N_REFCAST,
        N_SPLAT,
        N_EXPR,
        N_PIPE,
        N_CMD,
        N_CHAIN,
        N_BG,
        N_IF,
        N_WHILE,
        N_DO,
        N_FOR,
        N_FOREACH,
        N_SWITCH,
        N_FUNC,
        N_RETURN,
        N_BREAK,
        N_CONTINUE,
        N_EXIT,
        N_THROW,
        N_TRY,
        N_TRAP,
        N_LIST,
        N_CLASS,
        N_ENUM,
        N_USING,
        N_DATA,
        N_KINDS
};

/* flags */
enum {
        NF_STATIC = 1,   /* member: :: */
        NF_NULLCOND = 2, /* ?. ?[ */
        NF_CASE = 4,     /* -ceq */
        NF_POST = 8,     /* $i++ rather than ++$i */
        NF_DEC = 16,
        NF_BARE = 32, /* const/expand: an unquoted word */
        NF_GLOB = 64, /* has unquoted wildcards */
        NF_UNTIL = 128,
        NF_QUOTED = 256,
        NF_CMDS = 512, /* paren/sub: runs commands, so $? is theirs */
        NF_ORDERED = 1024,
        NF_DISCARD = 2048, /* assignment to $null */
        NF_FILTER = 4096,
        NF_PARALLEL = 8192,
        NF_BASE = 16384,
        NF_METHOD = 32768, /* return: of a class's method itself, not of a block in it */
};

/* where a variable is looked for */
enum { VS_PLAIN, VS_LOCAL, VS_SCRIPT, VS_GLOBAL, VS_PRIVATE, VS_USING };

struct node;
struct layout;
typedef struct sv sh_ev(struct sh *, struct node *);
typedef int sh_run(struct sh *, struct node *, struct sh_sink *);

struct node {
        sh_ev *ev;
        sh_run *run;
        uint8_t kind, op;
        uint16_t flags;
        uint32_t n; /* items in v */
        struct node *a, *b;
        union {
                struct sv val; /* constants */
                struct {
                        struct layout *layout;
                        uint32_t slot, id;
                }; /* variables: the last place found */
                struct {
                        struct node *c, *d;
                };
        };
        struct node **v;
        void *x;          /* per kind: struct command, struct block, ... */
        uint32_t at, end; /* extent in the unit's text */
        struct unit *u;
};

/* Names of a scope's variables; slot = position. Grows while the program runs (Set-Variable). */
struct layout {
        uint32_t refs, n, cap;
        uint32_t *ids;
        uint32_t *table; /* open addressing id -> slot + 1; NULL while small */
        uint32_t mask;
};

struct unit {
        uint32_t refs;
        uint32_t nusings, nclasses;
        struct node **usings, **classes; /* in the order written, wherever they are */
        struct rv_arena arena;
        const char *text;
        uint32_t n;
        const char *file; /* path of a script, or NULL */
        uint32_t nvals, capvals;
        struct sv *vals; /* constants to drop */
        uint32_t nlayouts, caplayouts;
        struct layout **layouts;
        uint32_t nlines;
        uint32_t *lines; /* start of each line, made when first asked */
        struct block *top;
        uint32_t line0; /* added to line numbers */
};

struct attr {
        const char *name;
        uint32_t n;
        struct node **pos;
        uint32_t npos;
        struct {
                const char *name;
                struct node *value;
        } * named;
        uint32_t nnamed;
        uint32_t at, end;
        struct attr *next;
        bool is_type; /* a type constraint rather than an attribute with () */
};

struct param {
        const char *name;
        uint32_t nname;
        uint32_t id, slot;
        struct attr *attrs;
        struct node *init;
        uint32_t at, end;
};

enum { BL_BEGIN, BL_PROCESS, BL_END, BL_CLEAN, BL_DYNAMIC, BL_PARTS };

struct block {
        struct unit *u;
        uint32_t at, end;        /* with braces */
        uint32_t body, body_end; /* without */
        struct param *params;
        uint32_t nparams;
        bool has_param_block, named, filter;
        bool method, method_void; /* the body of a class's method; one that gives nothing */
        struct attr *attrs;
        struct node *part[BL_PARTS]; /* N_LIST or NULL */
        struct layout *layout;
        struct sh_cmdinfo *info;    /* the binder's, made at first call */
        uint32_t help_at, help_end; /* comment based help */
        struct block *outer;
        bool uses_using;
        uint32_t nrequires;
        const char **requires;
};

/* ---- commands ---- */
struct arg {
        enum { ARG_VALUE, ARG_PARAM, ARG_SPLAT, ARG_VERBATIM, ARG_ENDPARAMS } kind;
        const char *param;
        uint32_t nparam; /* ARG_PARAM: name without dash */
        bool colon;      /* -name:value */
        struct node *value;
        uint32_t at, end;
};
struct redir {
        uint8_t from;  /* 1-6, 0 = all */
        uint8_t merge; /* n>&merge, 0 = to file */
        bool append;
        struct node *target;
};
struct command {
        struct node *name; /* first word; a constant string in most cases */
        uint8_t invoke;    /* 0, '&' or '.' */
        struct arg *args;
        uint32_t nargs;
        struct redir *redirs;
        uint32_t nredirs;
        uint32_t id;       /* the constant name's, once asked */
};

struct clause {
        struct node *test, *body;
}; /* if, switch (test NULL = default) */
struct clauses {
        struct clause *v;
        uint32_t n;
        struct node *otherwise;
};
struct catches {
        struct {
                struct node **types;
                uint32_t n;
                struct node *body;
        } * v;
        uint32_t n;
};
struct traps {
        struct {
                struct node *type;
                struct node *body;
        } * v;
        uint32_t n;
};
struct func {
        const char *name;
        uint32_t nname;
        struct block *block;
        uint8_t scope;
};
struct switch_opts {
        bool wildcard, regex, exact, cased;
        struct node *file;
};

/* A class or enum declared by a script. */
struct class_member {
        const char *name;
        uint32_t nname;
        bool is_static, hidden, is_method;
        struct attr *attrs; /* type and attributes */
        struct node *init;  /* property's value */
        struct block *body; /* method */
        struct node **base_args;
        uint32_t nbase_args;
        bool has_base;
        struct class_member *next;
};
struct class_ast {
        const char *name;
        uint32_t nname;
        const char *base;
        uint32_t nbase;
        struct class_member *members;
        bool is_enum, flags;
};

/* Position of an offset: line from 1, column from 1. */
void sh_unit_position(struct unit *, uint32_t at, uint32_t *ret_line, uint32_t *ret_column);
void sh_unit_line(struct unit *, uint32_t line, const char **ret_text, uint32_t *ret_n);
void sh_unit_drop(struct unit *);

struct layout *sh_layout_new(void);
void sh_layout_drop(struct layout *);
uint32_t sh_layout_find(const struct layout *, uint32_t id); /* UINT32_MAX when not there */
uint32_t sh_layout_add(struct layout *, uint32_t id);

#endif
