/* SPDX-License-Identifier: MIT
 *
 * The shell's values: 16 bytes, passed by value, kind in the first byte. Numbers, chars, dates, time spans, decimals
 * and enum values live inside; everything else is a pointer to a reference-counted object that starts with struct
 * sh_obj and whose behaviour is its struct sh_type.
 *
 * Ownership, without exceptions: arguments are borrowed, results (returned or through ret_...) are owned by the
 * caller, who ends them with sh_drop(). Whoever keeps an argument calls sh_keep(). Containers keep what is put in.
 *
 *      struct sv s = sh_string("abc", 3);      // ours
 *      sh_array_add(list, s);                  // the list took its own reference
 *      sh_drop(s);
 *
 * One thread per session: nothing here is atomic. (Parallel jobs are processes, or sessions of their own.)
 */
#ifndef SH_VALUE_H
#define SH_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sh;      /* a session: shell/interp.h */
struct sh_type;
struct sh_bag;

enum sh_kind {
        SH_NULL,
        SH_VOID,     /* AutomationNull: like $null, but pipes nothing */
        SH_BOOL,     /* .i 0 or 1 */
        SH_CHAR,     /* .u one UTF-16 code unit */
        /* .i / .u, sign- or zero-extended */
        SH_SBYTE, SH_BYTE, SH_INT16, SH_UINT16, SH_INT32, SH_UINT32, SH_INT64, SH_UINT64,
        SH_SINGLE, SH_DOUBLE,   /* .d (a single is kept rounded to float) */
        SH_DECIMAL,  /* 96 bits: .hi (high 32), .u (low 64); scale in aux bits 0-4, sign in aux bit 15 */
        SH_DATETIME, /* .i ticks (100 ns since 0001-01-01); aux: 0 unspecified, 1 UTC, 2 local */
        SH_TIMESPAN, /* .i ticks */
        SH_ENUM,     /* .o the enum's struct sh_enum (immortal or counted), value in .hi as int32 */
        SH_OBJECT_KINDS,        /* from here on .o is a counted object */
        SH_STRING = SH_OBJECT_KINDS,
        SH_ARRAY,    /* struct sh_array: object[], int[], ..., also List[T] and ArrayList (see its type) */
        SH_HASH,     /* struct sh_hash: Hashtable, OrderedDictionary, Dictionary[K,V] */
        SH_PSOBJECT, /* [pscustomobject], or another value with members added (base) */
        SH_BLOCK,    /* script block */
        SH_TYPE,     /* [int] itself: struct sh_typeref */
        SH_MODEL,    /* an instance of one of reeve's classes */
        SH_OTHER,    /* any other object: regex, match, version, guid, error record, file, ... its sh_type tells */
};

/* First member of every object. */
struct sh_obj {
        uint32_t refs;
        uint32_t flags;                 /* free for the type */
        const struct sh_type *type;
        struct sh_bag *extra;           /* members added to this one object (Add-Member), or NULL */
};

struct sv {
        uint8_t kind;   /* enum sh_kind */
        uint8_t flags;  /* SH_V_... */
        uint16_t aux;
        uint32_t hi;
        union {
                int64_t i;
                uint64_t u;
                double d;
                struct sh_obj *o;
                struct sh_str *s;
                struct sh_array *a;
                struct sh_hash *h;
        };
};
_Static_assert(sizeof(struct sv) == 16, "a value is 16 bytes");

#define SH_NIL ((struct sv){ .kind = SH_NULL })
#define SH_NOTHING ((struct sv){ .kind = SH_VOID })

void sh_obj_free(struct sh_obj *);      /* when refs reached 0 */
static inline bool sh_is_obj(struct sv v) { return v.kind >= SH_OBJECT_KINDS || v.kind == SH_ENUM; }
static inline struct sv sh_keep(struct sv v)
{
        if (sh_is_obj(v))
                v.o->refs++;
        return v;
}
static inline void sh_drop(struct sv v)
{
        if (sh_is_obj(v) && --v.o->refs == 0)
                sh_obj_free(v.o);
}
static inline bool sh_is_null(struct sv v) { return v.kind <= SH_VOID; }
static inline bool sh_is_int(struct sv v) { return v.kind >= SH_SBYTE && v.kind <= SH_UINT64; }
static inline bool sh_is_number(struct sv v) { return v.kind >= SH_SBYTE && v.kind <= SH_DECIMAL; }

static inline struct sv sh_bool(bool b) { return (struct sv){ .kind = SH_BOOL, .i = b }; }
static inline struct sv sh_int(int32_t i) { return (struct sv){ .kind = SH_INT32, .i = i }; }
static inline struct sv sh_long(int64_t i) { return (struct sv){ .kind = SH_INT64, .i = i }; }
static inline struct sv sh_ulong(uint64_t u) { return (struct sv){ .kind = SH_UINT64, .u = u }; }
static inline struct sv sh_double(double d) { return (struct sv){ .kind = SH_DOUBLE, .d = d }; }
static inline struct sv sh_char(uint16_t c) { return (struct sv){ .kind = SH_CHAR, .u = c }; }

/* ---- strings: immutable UTF-8 with a length; lengths and indexes that users see count UTF-16 units ---- */
struct sh_str {
        struct sh_obj obj;
        uint32_t len;           /* bytes */
        uint32_t units;         /* UTF-16 units */
        /* NUL-terminated; bytes that are not UTF-8 (from native commands, file names) are kept */
        char s[];
};
struct sv sh_string(const char *, size_t n);
struct sv sh_text(const char *);        /* NUL-terminated */
/* A string to be filled: room for n bytes in .s->s, then sealed at its length (at most n). */
struct sv sh_string_room(size_t n);
void sh_string_seal(struct sv, size_t n);
struct sv sh_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline bool sh_is_ascii(const struct sh_str *s) { return s->len == s->units; }
bool sh_text_same(const char *a, size_t na, const char *b, size_t nb);  /* without case (simple folding, invariant) */

/* A growable text being built. */
struct sh_buf { char *p; size_t n, cap; };
void sh_buf_reserve(struct sh_buf *, size_t n); /* room for n more without growing again */
void sh_buf_put(struct sh_buf *, const char *, size_t n);
void sh_buf_puts(struct sh_buf *, const char *);
void sh_buf_putf(struct sh_buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct sv sh_buf_take(struct sh_buf *); /* as a string value; empties it */
void sh_buf_free(struct sh_buf *);

/* ---- arrays and lists ---- */
struct sh_array {
        struct sh_obj obj;      /* type: sh_type_array, sh_type_list, sh_type_arraylist, ... */
        const struct sh_type *element;  /* NULL = object; else items are converted to it on assignment */
        uint32_t n, cap;
        struct sv *v;
        uint32_t *dims; /* T[,]: how many there are, then the length of each; NULL: one dimension */
};
struct sv sh_array_new(uint32_t cap);                   /* object[] with n = 0, to be filled with sh_array_add */
struct sv sh_array_typed(const struct sh_type *element, uint32_t n); /* T[n] of default values */
struct sv sh_list_new(const struct sh_type *element);   /* List[T] */
void sh_array_add(struct sh_array *, struct sv);        /* keeps */
void sh_array_take(struct sh_array *, struct sv);       /* takes over the caller's reference */

/* ---- hash tables: keep insertion order; string keys without case unless case_sensitive ---- */
struct sh_hash;
struct sv sh_hash_new(bool ordered);                    /* Hashtable or OrderedDictionary; both keep order here */
uint32_t sh_hash_count(const struct sh_hash *);
bool sh_hash_get(const struct sh_hash *, struct sv key, struct sv *ret_borrowed); /* ret is borrowed */
void sh_hash_set(struct sh_hash *, struct sv key, struct sv value);     /* keeps both */
bool sh_hash_remove(struct sh_hash *, struct sv key);
bool sh_hash_at(const struct sh_hash *, uint32_t i, struct sv *ret_key, struct sv *ret_value); /* by order; borrowed */
bool sh_hash_get_text(const struct sh_hash *, const char *key, struct sv *ret_borrowed);
void sh_hash_set_text(struct sh_hash *, const char *key, struct sv value);

/* ---- property bags: pscustomobject, added members ---- */
enum sh_member_kind { SH_NOTE, SH_ALIAS, SH_SCRIPT_PROPERTY, SH_SCRIPT_METHOD, SH_PROPERTY, SH_METHOD, SH_CODE };
struct sh_note {
        struct sv name;         /* a string */
        uint8_t kind;           /* enum sh_member_kind */
        struct sv value;        /* note value, alias target's name, getter or method block */
        struct sv setter;       /* script property */
};
struct sh_bag {
        uint32_t n, cap;
        struct sh_note *v;
        uint32_t ntypes;        /* PSTypeNames put in front of the type's own */
        struct sv *types;
};
struct sh_psobject {
        struct sh_obj obj;      /* obj.extra is the bag: there once sh_bag_of() has been called */
        struct sv base;         /* SH_NIL for a pscustomobject, else the wrapped value type */
        struct sh_unread *unread; /* JSON that is its properties, not read yet (json_unread.c); else NULL */
};
struct sv sh_object_new(void);                                  /* empty pscustomobject */
void sh_object_set(struct sv object, const char *name, size_t n, struct sv value); /* adds or replaces a note */
void sh_object_type(struct sv object, const char *name); /* one more name for PSTypeNames, behind those it has */
bool sh_object_note(struct sv object, const char *name, size_t n, struct sv *ret_borrowed);
struct sv sh_unwrap(struct sv);         /* a psobject's base value (borrowed), else the value itself */

/* ---- types ---- */
struct sh_args { uint32_t n; const struct sv *v; };     /* borrowed */

/* A member that a type declares. Methods with several overloads are one function that looks at its arguments. */
struct sh_member {
        const char *name;
        uint8_t kind;           /* SH_PROPERTY, SH_METHOD */
        bool is_static;
        /* shown by Get-Member: "string Substring(int startIndex, int length)", "int Length {get;}" */
        const char *signature;
        /* enum sh_status. Properties get no arguments; a property with `set` may be assigned. */
        int (*call)(struct sh *, struct sv self, struct sh_args, struct sv *ret);
        int (*set)(struct sh *, struct sv self, struct sv value);
        intptr_t arg;           /* free for shared functions: found through sh_current_member() */
        bool hidden;            /* of scripts' classes: only shown when asked for */
};

struct sh_type {
        const char *name;       /* "System.Int32" */
        const char *accelerator;/* "int": how it prints and is written, or NULL */
        const char *const *other_names; /* NULL-ended: "Int32", "System.Int32[]"... */
        const struct sh_type *base;
        const struct sh_member *members; uint32_t nmembers;
        /* All below may be NULL. Each answers enum sh_status; SH_NONE = "not mine, try the ordinary way". */
        int (*get)(struct sh *, struct sv self, const char *name, size_t n, struct sv *ret);  /* dynamic properties */
        int (*put)(struct sh *, struct sv self, const char *name, size_t n, struct sv value);
        /* names of dynamic properties */
        int (*list)(struct sh *, struct sv self, void (*each)(void *, const char *name, size_t n), void *);
        int (*index)(struct sh *, struct sv self, struct sv key, struct sv *ret);
        int (*set_index)(struct sh *, struct sv self, struct sv key, struct sv value);
        /* Enumeration (unrolling in the pipeline, foreach): item number *pos, advancing it; false at the end. */
        bool (*next)(struct sv self, size_t *pos, struct sv *ret);
        void (*text)(struct sh *, struct sv self, struct sh_buf *);            /* ToString() */
        /* ToString(fmt) and -f: false when the format is none of this type's */
        bool (*format)(struct sh *, struct sv self, const char *fmt, size_t n, struct sh_buf *);
        int (*compare)(struct sh *, struct sv self, struct sv other, int *ret); /* -1 0 1; SH_NONE when it cannot */
        bool (*equals)(struct sv self, struct sv other);
        uint32_t (*hash)(struct sv self);
        int (*convert)(struct sh *, const struct sh_type *, struct sv from, struct sv *ret);  /* cast to this type */
        int (*construct)(struct sh *, const struct sh_type *, struct sh_args, struct sv *ret); /* ::new(), New-Object */
        void (*free)(struct sh_obj *);  /* ends what the object holds; the memory itself is freed by the caller */
        const char *const *default_properties; /* NULL-ended: what a list or table shows when there is no view */
        uint8_t kind;                   /* enum sh_kind of its values; SH_NULL: found by the object's type */
        bool is_array;                  /* T[] */
        const struct sh_type *element;  /* T[], List[T], Nullable[T]: T; NULL = object */
        const char *const *interfaces;  /* NULL-ended: names that -is answers true to, beside the bases */
};

const struct sh_type *sh_type_of(struct sv);    /* of $null: NULL */
/* [name] or [name[arg]] or [name[]]; NULL when there is none. Generic and array types are made on demand, immortal. */
const struct sh_type *sh_type_find(struct sh *, const char *name, size_t n);
bool sh_type_is(const struct sh_type *, const struct sh_type *base);
struct sv sh_type_value(const struct sh_type *);        /* [int] as a value */
const struct sh_type *sh_type_referred(struct sv);      /* and back; NULL when it is not a SH_TYPE */
extern const struct sh_type sh_type_object, sh_type_string, sh_type_bool, sh_type_char, sh_type_int, sh_type_long,
        sh_type_double, sh_type_decimal, sh_type_datetime, sh_type_timespan, sh_type_array,
                sh_type_list, sh_type_arraylist, sh_type_hashtable, sh_type_dictionary,
        sh_type_sbyte, sh_type_short, sh_type_ushort, sh_type_single, sh_type_enum, sh_type_valuetype,
        sh_type_ordered, sh_type_psobject, sh_type_block, sh_type_type, sh_type_void, sh_type_switch, sh_type_regex,
        sh_type_version, sh_type_guid, sh_type_byte, sh_type_uint, sh_type_ulong;

/* Ends a file in shell/types/: its types register by presence. */
#define SH_TYPES(file, ...) const struct sh_type *const sh_types_##file[] = { __VA_ARGS__, NULL }

/* An enum type, and its values as SH_ENUM. */
struct sh_enum {
        struct sh_obj obj;      /* so that a value can be counted; static ones start with refs = 1 */
        struct sh_type type;    /* type.name etc.; base is sh_type_enum */
        bool flags;
        uint32_t n;
        const struct { const char *name; int32_t value; } *items;
};

/* ---- the semantics, each in one place (facts: powershell.md 2.1-2.4) ---- */
bool sh_true(struct sv);                                                /* conversion to bool */
struct sv sh_to_text(struct sh *, struct sv);                           /* "$v": a string value, invariant culture */
void sh_buf_value(struct sh *, struct sh_buf *, struct sv);             /* the same, appended */
int sh_convert(struct sh *, struct sv, const struct sh_type *, struct sv *ret);   /* cast; SH_ERROR has been thrown */
bool sh_try_convert(struct sh *, struct sv, const struct sh_type *, struct sv *ret); /* -as: no error */
bool sh_to_int64(struct sh *, struct sv, int64_t *ret);                 /* without throwing */
bool sh_to_double(struct sh *, struct sv, double *ret);
int sh_compare(struct sh *, struct sv a, struct sv b, bool ignore_case, int *ret);  /* -lt etc., left decides; throws */
bool sh_equal(struct sh *, struct sv a, struct sv b, bool ignore_case);  /* scalar -eq, left decides */
int sh_order(struct sh *, struct sv a, struct sv b, bool case_sensitive); /* Sort-Object's order: never fails */

enum sh_op {
        SH_ADD, SH_SUB, SH_MUL, SH_DIV, SH_MOD, SH_BAND, SH_BOR, SH_BXOR, SH_SHL, SH_SHR, SH_RANGE,
                SH_FORMAT, SH_AND, SH_OR, SH_XOR,
        SH_EQ, SH_NE, SH_LT, SH_LE, SH_GT, SH_GE, SH_LIKE, SH_NOTLIKE, SH_MATCH, SH_NOTMATCH,
                SH_CONTAINS, SH_NOTCONTAINS,
        SH_IN, SH_NOTIN, SH_REPLACE, SH_SPLIT, SH_JOIN, SH_IS, SH_ISNOT, SH_AS,
        SH_NEG, SH_PLUS, SH_NOT, SH_BNOT, SH_USPLIT, SH_UJOIN, /* unary */
};
/* One entry for every operator except the lazy ones; filters collections on the left where the language says so. */
int sh_binary(struct sh *, enum sh_op, bool case_sensitive, struct sv a, struct sv b, struct sv *ret);
int sh_unary(struct sh *, enum sh_op, struct sv a, struct sv *ret);

/* Members. get: SH_NONE when there is no such member (strict mode decides what that means); enumerates collections. */
int sh_get(struct sh *, struct sv self, const char *name, size_t n, struct sv *ret);
struct sv sh_get_or_nil(struct sh *, struct sv self, const char *name); /* owned; an error is forgotten */
int sh_put(struct sh *, struct sv self, const char *name, size_t n, struct sv value);   /* throws */
int sh_call(struct sh *, struct sv self, const char *name, size_t n, struct sh_args, struct sv *ret); /* throws */
int sh_get_static(struct sh *, const struct sh_type *, const char *name, size_t n, struct sv *ret);
int sh_put_static(struct sh *, const struct sh_type *, const char *name, size_t n, struct sv value);
int sh_call_static(struct sh *, const struct sh_type *, const char *name, size_t n, struct sh_args, struct sv *ret);
int sh_index(struct sh *, struct sv self, struct sv key, struct sv *ret);
int sh_set_index(struct sh *, struct sv self, struct sv key, struct sv value);
const struct sh_member *sh_current_member(struct sh *);

/* Every property an object shows (Get-Member, Select-Object *, ConvertTo-Json, formatting), in order: added ones too.
 * each: name (borrowed text), kind (enum sh_member_kind); return false to stop. */
void sh_properties(struct sh *, struct sv, bool (*each)(void *, const char *name, size_t n, int kind), void *);

/* Enumeration as the pipeline does it: false when v is a scalar (strings, hashes, null are). */
bool sh_is_enumerable(struct sv);
bool sh_next(struct sv collection, size_t *pos, struct sv *ret);        /* ret is owned */

/* -like's: * ? [a-c] and backtick */
bool sh_wildcard(const char *pattern, size_t np, const char *text, size_t nt, bool case_sensitive);
bool sh_has_wildcard(const char *pattern, size_t n);

#endif
