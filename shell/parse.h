/* SPDX-License-Identifier: MIT
 *
 * Text to tree. One hand-written reader whose mode is which function is asked: in expressions an operator may follow,
 * in commands words run to the next space. lex.c reads the small things (space, numbers, strings, names), parse.c
 * statements, parse_expr.c expressions, parse_cmd.c commands; parse_recover.c finds the next statement after an error,
 * so that all errors of a text are told at once.
 *
 * Input that only lacks its end ("if (1", "1 +") is `incomplete`: the prompt then asks for another line.
 */
#ifndef SH_PARSE_H
#define SH_PARSE_H

#include "shell/ast.h"

enum { PARSE_ERRORS_MAX = 10 };
#define SH_MORE_PARSE_ERRORS "There may be more errors: the first 10 are shown."

struct parse_error {
        uint32_t at, end;
        const char *id;
        const char *message;
};

enum token_kind {
        TK_COMMENT,
        TK_KEYWORD,
        TK_STRING,
        TK_NUMBER,
        TK_VARIABLE,
        TK_OPERATOR,
        TK_COMMAND,
        TK_PARAMETER,
        TK_WORD,
        TK_TYPE,
        TK_MEMBER
};

struct parser {
        struct sh *sh;
        struct unit *u;
        const char *s;
        uint32_t n, pos;
        struct block *block;
        uint32_t nerrors;
        struct parse_error errors[PARSE_ERRORS_MAX];
        bool incomplete, failed; /* failed: unwinding to the statement list that recovers */
        bool ended;  /* the text ended, or nests too deep, where something was missing: nothing more can be told */
        bool unsure; /* an error was about brackets: what would follow from that is not told */
        uint32_t recoveries;
        int depth, in_ternary, no_comma;
        uint32_t comment_at, comment_end; /* the last comment run, for help */
        uint32_t comment_first;
        void (*token)(void *, enum token_kind, uint32_t at, uint32_t end); /* colouring */
        void *token_state;
};

/* Parses all of text (copied). The unit, or NULL with p->errors filled. layout: of the scope it will run in, or NULL
 * for one of its own. */
struct unit *sh_parse(struct parser *, struct sh *, const char *text, size_t n, const char *file,
                      struct layout *);

/* ---- lex.c ---- */
int lx_char(const struct parser *, uint32_t at);       /* byte or -1 */
uint32_t lx_blank(const struct parser *, uint32_t at); /* bytes of one blank here, 0 = none */
uint32_t lx_newline(const struct parser *, uint32_t at);
int lx_quote(const struct parser *, uint32_t at, uint32_t *ret_len); /* ' or " or 0 */
uint32_t lx_dash(const struct parser *, uint32_t at);                /* bytes of a dash, 0 = none */
bool lx_ends_token(const struct parser *, uint32_t at);              /* ForceStartNewToken */
uint32_t lx_ident(const struct parser *, uint32_t at);               /* bytes of an identifier, 0 = none */
void lx_space(struct parser *);                                      /* blanks, comments, joined lines */
void lx_lines(struct parser *);                                      /* the same and newlines */
void lx_separators(struct parser *);                                 /* the same and ; */
bool lx_word_is(struct parser *, const char *word); /* is the whole token here the keyword? */
bool lx_number(struct parser *, bool command, struct sv *ret, uint32_t *ret_end);
bool lx_starts_variable(const struct parser *, uint32_t at);           /* $name ${ $? ... */
struct node *lx_string(struct parser *);                               /* at a quote or here-string */
struct node *lx_word(struct parser *, bool expand);                    /* generic word of a command */
struct node *lx_variable(struct parser *, bool splat, bool in_string); /* at $ or @ */

/* ---- shared ---- */
void *p_get(struct parser *, size_t);
char *p_text(struct parser *, const char *, size_t n);
struct sv p_value(struct parser *, struct sv owned); /* the unit drops it */
struct node *p_node(struct parser *, enum node_kind, uint32_t at);
struct node *p_done(struct parser *, struct node *); /* sets end and picks the function */
void p_declare(struct parser *, struct node ***list, uint32_t *n, struct node *);
struct node *p_const(struct parser *, uint32_t at, struct sv owned);
void *p_error(struct parser *, uint32_t at, uint32_t end, const char *id, const char *fmt, ...)
        __attribute__((format(printf, 5, 6)));
void *p_missing(struct parser *, uint32_t at, const char *id, const char *fmt,
                ...) /* incomplete when at the end */
        __attribute__((format(printf, 4, 5)));
bool p_eat(struct parser *, char c);
void p_token(struct parser *, enum token_kind, uint32_t at, uint32_t end);
struct vec {
        void **v;
        uint32_t n, cap;
};
void p_push(struct parser *, struct vec *, void *);
/* What a statement list comes back to after an error in a statement. */
struct place {
        struct block *block;
        int depth, in_ternary, no_comma;
};
struct place p_place(const struct parser *);
/* Behind the statement that began at `from` and failed; true: go on there. false: the list ends, failed stays set. */
bool p_about_brackets(const struct parser *, uint32_t at, const char *id); /* the error may come from a lost bracket */
bool p_follows_from_brackets(const struct parser *, uint32_t at, const char *id); /* and may be an earlier one's echo */
bool p_recover(struct parser *, const struct place *, uint32_t from, char closer);
bool p_enter(struct parser *); /* depth limit; with p_leave */
void p_leave(struct parser *);

struct node *p_statements(struct parser *, char closer); /* up to closer or the end */
struct node *p_statement(struct parser *);
struct node *p_braced(struct parser *, const char *what); /* { statements } */
bool p_check_data(struct parser *, struct node *body, uint32_t also_at, uint32_t also_end); /* parse_data.c */
struct node *p_pipeline(struct parser *);                 /* with && || & and assignment */
struct node *p_expression(struct parser *);
struct node *p_operand(struct parser *); /* unary level, without comma */
struct node *p_postfix(struct parser *, struct node *);
struct node *p_primary(struct parser *);
struct node *p_subexpression(struct parser *); /* at $( */
struct node *p_command(struct parser *);
struct node *p_redirected(struct parser *, struct node *expr);          /* redirections after an expression */
struct block *p_block(struct parser *, char closer, bool params_given); /* after { */
struct node *p_block_literal(struct parser *);
struct attr *p_attributes(struct parser *);
bool p_type_name(struct parser *, const char **ret, uint32_t *ret_n);     /* inside [ ] */
struct param *p_params(struct parser *, struct block *, uint32_t *ret_n); /* after ( */
bool p_starts_expression(struct parser *);
struct node *p_class(struct parser *, bool is_enum);
int sh_operator(const struct parser *, uint32_t at, uint32_t *ret_end, int *ret_op, int *ret_prec,
                uint16_t *ret_flags);
int p_assign_op(struct parser *, uint32_t at, uint32_t *ret_len);

void sh_compile(struct sh *, struct node *); /* compile.c: picks ev and run */

#endif
