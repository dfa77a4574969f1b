/* SPDX-License-Identifier: MIT
 *
 * Modules: a scope of their own under the global one, and what of it others see. module.c loads and removes them,
 * module_file.c finds their files and reads manifests, types/engine_module.c is PSModuleInfo.
 */
#ifndef SH_MODULE_H
#define SH_MODULE_H

#include "shell/code.h"

extern const struct sh_type sh_type_module;
static inline struct sv sh_module_value(struct sh_module *m)
{
        return (struct sv) { .kind = SH_OTHER, .o = &m->obj };
}
static inline struct sh_module *sh_module_of(struct sv v)
{
        return v.kind == SH_OTHER && v.o->type == &sh_type_module ? (struct sh_module *)v.o : NULL;
}

/* What Import-Module asks for. Patterns: arrays of texts; nil = everything, an empty array = nothing. */
struct sh_import {
        const char *prefix;
        struct sv functions, aliases, variables, arguments;
        struct sv version; /* the least, and no newer than: versions or nil */
        struct sv newest, exact;
        struct scope *into;
        bool force, no_clobber;
        struct sh_sink *out; /* what the module's script writes */
};

/* ---- module.c ---- */
/* Loads by name or path, or takes the one that is loaded, and shows its exports in `into`. Throws. *ret is borrowed. */
int sh_module_import(struct sh *, const char *name, const struct sh_import *, struct sh_module **ret);
struct sh_module *sh_module_new(struct sh *, const char *name, const char *path);
/* Runs a block as a module's script and decides what it exports. */
int sh_module_run(struct sh *, struct sh_module *, struct sv block, const struct sh_import *);
int sh_module_expose(struct sh *, struct sh_module *, const struct sh_import *);
int sh_module_remove(struct sh *, struct sh_module *);
struct sh_module *sh_module_loaded(struct sh *, const char *name, size_t n);
void sh_module_path_begin(void);
struct scope *sh_module_target(struct sh *, struct scope *caller); /* where imports of code in that scope go */
/* Export-ModuleMember for the module that runs; all nil: nothing is exported. */
void sh_module_export(struct sh *, struct sh_module *, struct sv functions, struct sv aliases, struct sv variables);
struct sv sh_module_object(struct sh *, struct sh_module *); /* -AsCustomObject */
struct sv sh_block_in_module(struct sh *, struct sv block, struct sh_module *); /* the same code, running in it */
bool sh_patterns_fit(struct sh *, struct sv patterns, const char *, size_t n);  /* nil fits everything */
bool sh_module_name_built_in(const char *name, size_t n);

/* ---- module_file.c ---- */
/* The file to load: malloc'd; NULL when there is none. base: the folder that relative paths start at, or NULL. */
char *sh_module_find(struct sh *, const char *name, const char *base, const struct sh_import *);
/* Every module file on $env:PSModulePath. each: path; false stops. */
void sh_module_each(struct sh *, bool (*each)(void *, const char *path), void *);
char *sh_module_name_of(const char *path); /* malloc'd */
/* A .psd1 file: one hash table of constants. Throws. */
int sh_data_file(struct sh *, const char *path, bool texts, struct sv *ret); /* texts: or one ConvertFrom-StringData */
/* Names that loading the file would export, as far as its text tells. */
void sh_module_offers(struct sh *, const char *path, void (*each)(void *, const char *name, size_t n), void *);
bool sh_is_manifest(const char *path);

#endif
