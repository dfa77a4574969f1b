/* SPDX-License-Identifier: MIT
 *
 * What the parts of the MOF parser share: mof_lex.c makes tokens, mof_parse.c declarations, mof_finish.c descriptors.
 */
#ifndef RV_MOF_INT_H
#define RV_MOF_INT_H

#include "schema/arena.h"
#include "schema/mof.h"

enum mof_token { T_END, T_WORD, T_INT, T_REAL, T_STRING, T_CHAR, T_ALIAS, T_PRAGMA, T_SYMBOL, T_BAD };

struct mof_place {
        const char *file;
        unsigned line, column;
};

struct mof_lexer {
        struct rv_mof *mof;
        const char *p, *end, *line_start;
        struct mof_place at; /* of the current token */
        unsigned line;
        const char *file;
        enum mof_token token;
        char symbol;      /* T_SYMBOL */
        const char *text; /* T_WORD, T_STRING, T_INT (decimal), T_REAL, T_ALIAS: in the arena */
        size_t len;
        unsigned includes; /* depth */
};

struct mof_list {
        void **v;
        uint32_t n, cap;
};

/* Flavours of a qualifier. */
enum { MOF_TO_SUBCLASS = 1, MOF_OVERRIDE = 2, MOF_FLAVOUR_GIVEN = 4 };

struct mof_qualifier { /* a declaration or an application */
        struct rv_qualifier q;
        unsigned flavour;
        bool has_value;
        struct mof_place at;
};

struct mof_feature { /* property, reference or method; a parameter too */
        const char *name;
        uint8_t type;
        bool is_array, is_method;
        const char *ref_class;
        const char *default_text;
        struct mof_list qualifiers; /* struct mof_qualifier */
        struct mof_list parameters; /* struct mof_feature */
        struct mof_place at;
};

struct mof_class {
        const char *name, *super, *name_space;
        struct mof_list qualifiers, features;
        struct mof_place at;
        int state; /* 0 new, 1 being resolved, 2 done */
        struct rv_class class;
        struct mof_list all_qualifiers; /* inherited ones too */
        struct mof_list all_features;
};

struct rv_mof {
        struct rv_arena arena;
        struct mof_list errors, declarations, classes, instances, results;
        const char *name_space;
        unsigned depth;
        bool failed; /* out of memory */
};

void *mof_get(struct rv_mof *, size_t); /* never NULL: a small static block when memory ran out */
void mof_add(struct rv_mof *, struct mof_list *, void *);
void mof_fail(struct rv_mof *, struct mof_place, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void mof_next(struct mof_lexer *);
const char *mof_token_text(const struct mof_lexer *, char *buf,
                           size_t size); /* for messages: `"class"`, `the end of the file` */
struct mof_class *mof_class_find(struct rv_mof *, const char *name);
struct mof_qualifier *mof_qualifier_find(const struct mof_list *, const char *name);
int mof_type_of(const char *word, size_t n); /* enum rv_cim_type or -1 */

#endif
