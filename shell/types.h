/* SPDX-License-Identifier: MIT
 *
 * What the files of types and their methods share beyond value.h and text.h: generic types, errors of conversions and
 * methods, members added to types while the shell runs.
 *
 * A method's function answers SH_NONE when its arguments fit none of its overloads; the caller then reports it as
 * PowerShell does ('Cannot find an overload for "Substring" and the argument count: "5".').
 */
#ifndef SH_TYPES_H
#define SH_TYPES_H

#include "shell/interp.h"
#include "shell/text.h"

/* A [switch] is a bool with this flag: it also has IsPresent and ToBool(). */
enum { SH_V_SWITCH = 1 };

/* ---- types made on demand: T[], List[T], Dictionary[K,V], Nullable[T] ---- */
struct sh_generic {
        struct sh_type type;            /* its base is the open type: sh_type_is(t, &sh_type_list) */
        const struct sh_type *open;
        const struct sh_type *args[4];
        uint32_t nargs;
        struct sh_generic *next;
};
const struct sh_generic *sh_type_generic(const struct sh_type *);       /* NULL when it is not one */
const struct sh_type *sh_generic_of(const struct sh_type *open, const struct sh_type *const *args, uint32_t n);
const struct sh_type *sh_type_arg(const struct sh_type *, uint32_t i);  /* object when there is none */
bool sh_type_is_value(const struct sh_type *);                          /* cannot be $null */
/* "System.Int32" -> "Int32", "System"; names of generic types keep their `1 */
const char *sh_type_short_name(const struct sh_type *, size_t *ret_n);
void sh_type_full_name(struct sh_buf *, const struct sh_type *);
/* What Get-Member and messages call a value: PSTypeNames first. Owned text. */
struct sv sh_type_name_of(struct sh *, struct sv);
bool sh_has_interface(const struct sh_type *, const char *name);
/* Why a type of that name will never be here, and what to use; NULL: nothing is known of it. */
const char *sh_type_never(const char *name, size_t n);
void sh_type_each(bool (*each)(void *, const struct sh_type *), void *);

extern const struct sh_type sh_type_array_base; /* System.Array: [array] */
extern const struct sh_type sh_type_anything;   /* [psobject] */
extern const struct sh_type sh_type_nullable_open;
extern const struct sh_type sh_type_dictionary_entry, sh_type_key_value, sh_type_enumerator;
extern const struct sh_type sh_type_ps_property, sh_type_ps_members, sh_type_ps_object;

struct sh_typeref {
        struct sh_obj obj;
        const struct sh_type *t;
};

/* ---- enums ---- */
/* name, unique prefix, number, "a,b" */
bool sh_enum_parse(const struct sh_enum *, const char *, size_t n, bool ignore_case, int32_t *ret);
const char *sh_enum_name(const struct sh_enum *, int32_t); /* of exactly this value, or NULL */

/* ---- errors ---- */
/* A RuntimeException around an exception of the type named: what operators and casts throw. */
int sh_throw_inner(struct sh *, const char *inner_type, const char *id, const char *category, struct sv target,
                   const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Cannot convert value "v" to type "t". Error: "..." */
int sh_throw_cast(struct sh *, const char *id, struct sv v, const struct sh_type *, const char *fmt, ...)
        __attribute__((format(printf, 5, 6)));
int sh_throw_no_cast(struct sh *, struct sv v, const struct sh_type *); /* there is no such conversion */
int sh_throw_no_method(struct sh *, const char *type, const char *method);
void sh_forget_error(struct sh *);      /* drops the pending one */
/* A method's argument that cannot be converted: the conversion's error is pending and becomes the reason. */
int sh_throw_argument_cast(struct sh *, const char *param, struct sv value, const char *method, const struct sh_type *);

/* ---- conversion ---- */
void sh_buf_item(struct sh *, struct sh_buf *, struct sv);        /* as text, but collections print their type */
enum sh_why { SH_FITS, SH_BAD_FORMAT, SH_OUT_OF_RANGE, SH_NO_CAST };
enum sh_why sh_to_number(struct sv, enum sh_kind, struct sv *ret); /* any value to a numeric kind, quietly */
bool sh_bigint_text(struct sv, struct sh_buf *); /* the digits of a [bigint]; false: it is none */
const char *sh_range_message(enum sh_kind);
/* A text as arithmetic takes it: "10", "0x1F", "1,000"; throws. */
int sh_text_number(struct sh *, struct sv text, const struct sh_type *wanted, struct sv *ret);
bool sh_args_fit(struct sh *, struct sv, const struct sh_type *, struct sv *ret); /* a method's argument, converted */

/* ---- T[,]: types/mdarray.c ---- */
enum { SH_MOST_DIMENSIONS = 32 };
const struct sh_type *sh_md_type(const struct sh_type *element, uint32_t rank); /* made on demand, immortal */
uint32_t sh_md_rank(const struct sh_type *);                                    /* 0: it is no such type */
int sh_md_new(struct sh *, const struct sh_type *, struct sh_args lengths, struct sv *ret);
int sh_md_at(struct sh *, struct sv self, struct sv key, uint32_t *ret); /* SH_NONE: outside; may throw */

/* ---- collections ---- */
bool sh_is_list(struct sv);             /* List[T], ArrayList: it can grow */
bool sh_is_dictionary(struct sv);
struct sv sh_entry_new(const struct sh_hash *, struct sv key, struct sv value); /* DictionaryEntry or KeyValuePair */
extern const struct sh_type sh_type_semver;
extern const struct sh_type sh_type_ordered_hashtable; /* ConvertFrom-Json -AsHashtable */
struct sv sh_enumerator_new(struct sv collection);
struct sv sh_input_enumerator(struct sv collection); /* the same for $input */
/* Orders items as .NET does: numbers, texts by the invariant culture; block: a comparison, or nil. */
int sh_array_sort(struct sh *, struct sh_array *, uint32_t at, uint32_t n, struct sv block);
int64_t sh_array_find(struct sh *, const struct sh_array *, struct sv, uint32_t from, uint32_t n, bool last);
bool sh_same(struct sv a, struct sv b); /* .NET's Equals: same type, same value */
uint32_t sh_hash_of(struct sv);

/* What a comparer given to a collection says of case: [StringComparer] and its like. False: it is no comparer. */
bool sh_comparer_case(struct sv, bool *ret_sensitive);

/* ---- members added to types (Update-TypeData) ---- */
struct sh_ets {
        struct sv name;                 /* the type's */
        struct sh_bag bag;
        struct sv default_display;      /* array of names, or nil */
        struct sv default_property;     /* DefaultDisplayProperty, or nil */
        struct sv default_keys;
        int64_t depth;                  /* SerializationDepth; -1 = not set */
        struct sh_ets *next;
};
struct sh_ets *sh_ets_of(struct sh *, const char *type_name, bool make);
struct sh_ets *sh_ets_first(struct sh *);
bool sh_ets_remove(struct sh *, const char *type_name);
struct sh_note *sh_ets_find(struct sh *, struct sv, const char *name, size_t n); /* by the value's type names */
struct sv sh_ets_display(struct sh *, struct sv); /* default display properties, borrowed; nil = none */
void sh_ets_free(struct sh *);

/* ---- members ---- */
/* Reads or calls what Add-Member or Update-TypeData made. */
int sh_note_get(struct sh *, struct sh_note *, struct sv self, struct sv *ret);
int sh_note_set(struct sh *, struct sh_note *, struct sv self, struct sv value);
const struct sh_member *sh_find_member(const struct sh_type *, const char *name, size_t n, bool is_static, int kind);
/* Properties of hash or object set on another one (casts from hash tables, New-Object -Property). */
int sh_put_all(struct sh *, struct sv target, struct sv from);
int sh_construct(struct sh *, const struct sh_type *, struct sh_args, struct sv *ret);
int sh_member_each(struct sh *, struct sv self, struct sh_args, struct sv *ret);  /* .ForEach() */
int sh_member_where(struct sh *, struct sv self, struct sh_args, struct sv *ret); /* .Where() */
struct sv sh_psobject_of(struct sv);    /* $x.PSObject */
struct sv sh_type_names_of(struct sv);  /* $x.PSTypeNames: a list that can be changed */
/* $x.Method without (): an object that lists its overloads and can be invoked. */
bool sh_method_value(struct sh *, struct sv self, const char *name, size_t n, struct sv *ret);
bool sh_method_of(struct sv, struct sv *ret_borrowed);
/* Which argument could not be converted, when only one overload takes that many. Reads the signature. */
bool sh_why_no_overload(struct sh *, const struct sh_member *, struct sh_args, struct sv *ret_text);

#endif
