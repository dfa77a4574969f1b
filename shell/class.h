/* SPDX-License-Identifier: MIT
 *
 * Between the files of scripts' classes: class.c defines them, class_call.c makes instances and calls methods.
 */
#ifndef SH_CLASS_H
#define SH_CLASS_H

#include "shell/eval.h"
#include "shell/fields.h"

struct cls_field {
        const char *name;
        const struct sh_type *type; /* NULL = object */
        struct node *init;
        struct attr *attrs; /* validation */
};
struct cls_method {
        struct class_member *m;
        const struct sh_type **types; /* of its parameters; known once it is called, as its class may name later ones */
        const struct sh_type *gives;  /* NULL: nothing */
        bool known;
};
struct cls {
        struct sh_type type;
        struct cls *next, *base;
        const struct sh_type *native; /* the exception type that it or a base derives from, or NULL */
        struct class_ast *ast;
        struct unit *unit;
        struct sh_module *module;
        struct cls_field *fields; /* base's first */
        uint32_t nfields;
        struct cls_field *statics;
        struct sv *static_values;
        uint32_t nstatics;
        struct cls_method *methods;
        uint32_t nmethods;
        struct sh_member *members;
        uint32_t nmembers;
};

struct cls *sh_class_of(const struct sh_type *); /* NULL: not a script's */
struct sv *sh_class_field(struct cls *, struct sv self, uint32_t i);
int sh_class_store(struct sh *, struct cls *, const struct cls_field *, struct sv value, struct sv *to);
int sh_class_type_of(struct sh *, struct attr *, const struct sh_type **ret); /* NULL when there is none */
bool sh_class_is_constructor(const struct cls *, const struct class_member *);

/* ---- class_call.c ---- */
/* A method of c or its bases by name and arguments; SH_NONE: there is none that takes them. */
int sh_class_call(struct sh *, struct cls *, const char *name, bool is_static, struct sv self, struct sh_args,
                  struct sv *ret);
int sh_class_construct(struct sh *, const struct sh_type *, struct sh_args, struct sv *ret);
int sh_class_convert(struct sh *, const struct sh_type *, struct sv from, struct sv *ret);
int sh_class_run_static(struct sh *, struct cls *); /* static C() { } */
bool sh_class_has(struct cls *, const char *name, uint32_t nargs);

#endif
