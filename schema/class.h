/* SPDX-License-Identifier: MIT
 *
 * What a class is: const data, written by mofc at build time or made by the MOF parser at run time; the same
 * structs either way. Everything that reeve shows of a class (JSON-RPC, OpenRPC, SQL, cmdlets, completion, help,
 * docs, metrics, roles) is read from here. Names keep MOF's spelling and are compared without case.
 *
 * Property ids are positions in `properties`, inherited ones first, so a subclass' ids extend its base's.
 */
#ifndef RV_CLASS_H
#define RV_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CIM's types. Signed/unsigned widths matter for checks and for clients; values use enum rv_type. */
enum rv_cim_type {
        RV_CIM_BOOLEAN, RV_CIM_UINT8, RV_CIM_SINT8, RV_CIM_UINT16, RV_CIM_SINT16, RV_CIM_UINT32, RV_CIM_SINT32,
        RV_CIM_UINT64, RV_CIM_SINT64, RV_CIM_REAL32, RV_CIM_REAL64, RV_CIM_CHAR16, RV_CIM_STRING, RV_CIM_DATETIME,
        RV_CIM_REFERENCE, /* class in ref_class */
        RV_CIM_OBJECT,    /* an embedded instance, class in ref_class; [EmbeddedInstance("X")] string in MOF */
        RV_CIM_VOID,      /* methods only */
};

/* Any qualifier as written; also those that have a field of their own below. */
struct rv_qualifier {
        const char *name;
        uint8_t type;              /* enum rv_cim_type */
        bool is_array;
        uint32_t nvalues;          /* a scalar has 1; NULL has 0 */
        const char *const *values; /* as text: "true", "17", "1.5", the string itself */
};

enum rv_property_flags {
        RV_KEY = 1, RV_READ = 2, RV_WRITE = 4, RV_REQUIRED = 8, RV_STATIC = 16, RV_DEPRECATED = 32,
        RV_EXPENSIVE = 64, /* [Expensive]: costs extra to read, so fetched only when named in PropertyList */
        RV_SECRET = 128,   /* [Secret]: never in results, logs, audit */
        RV_COUNTER = 256,  /* [Counter]: only grows; metrics get _total */
        RV_MAP = 512,      /* [Map] string[]: items alternate name, value; shown as an object */
        RV_IN = 1024, RV_OUT = 2048, /* method parameters */
        RV_IDENTIFIES = 4096,        /* [Identifies]: no key, but InstanceName may have it in place of the keys */
};

/* A view's property: where it comes from and how it is converted. [Source("WorkingSetSize"), Convert("KiB")] */
enum rv_convert {
        RV_CONVERT_NONE, RV_CONVERT_DIV, /* integer division by `factor` (KiB, 100ns, ...) */
        RV_CONVERT_STRING,               /* number or datetime to text */
        RV_CONVERT_MAP,                  /* source's text through ValueMap/Values of `map`: "a=1","b=2" */
        RV_CONVERT_CONST,                /* a constant from [Constant("...")] */
        RV_CONVERT_SYSTEM,               /* [Constant("$HostName")]: host name, "$OSName", "$ClassName" of the source */
        RV_CONVERT_NETWORK, RV_CONVERT_NETMASK, /* "10.0.0.0/8" (or 8) to "10.0.0.0", to "255.0.0.0" */
        RV_CONVERT_PRESENT,                     /* whether it has a value */
        RV_CONVERT_COMPUTE,              /* [Compute("100 * FreeSpace / Size")], in `constant`: schema/compute.h */
};

struct rv_class;

/* A property, or a method's parameter. */
struct rv_property { /* thousands of them, each pointer of which a start of the agent writes: no holes */
        const char *name;
        const char *description; /* meaning, unit, source; "" if none */
        const char *ref_class;   /* REFERENCE, OBJECT */
        const char *units;       /* PUnit or Units: "byte", "nanosecond"; NULL if none */
        const char *default_text;/* MOF initialiser as text, or NULL */
        const char *const *value_map; /* ValueMap */
        const char *const *values;    /* Values: names for value_map, or for 0,1,2... */
        int64_t min, max;        /* MinValue/MaxValue; min > max means unbounded */
        const char *const *alias; /* [Alias{"Id","CPU/1000000000"}]: PowerShell's names; a divisor gives a double */
        /* [Parameter("Id, Position=0, Wildcard, Alias=PID")]: parameter of the class' cmdlets; or NULL */
        const char *parameter;
        const char *source;      /* view: property of the base; or NULL */
        int64_t factor;
        const char *const *map;  /* RV_CONVERT_MAP */
        const char *constant;
        /* As written; of classes that were compiled in without Description, which is above. */
        const struct rv_qualifier *qualifiers;
        uint32_t nvalue_map, nvalues, nalias, nmap, nqualifiers;
        uint32_t max_len;        /* MaxLen; 0 = unbounded */
        uint32_t flags;          /* enum rv_property_flags */
        uint8_t type;            /* enum rv_cim_type */
        uint8_t convert;         /* enum rv_convert */
        bool is_array;
};

struct rv_method {
        const char *name;
        const char *description;
        uint8_t return_type;            /* enum rv_cim_type */
        bool is_static;
        bool escalates;                 /* [Escalates]: can lead to root */
        bool read_only;                 /* [ReadOnly]: changes nothing: no audit, no ShouldProcess */
        const struct rv_property *parameters; uint32_t nparameters; /* in MOF's order, flags RV_IN/RV_OUT */
        const struct rv_class *in;      /* pseudo-class of the [In] parameters, for checks and JSON */
        const struct rv_class *out;     /* pseudo-class: ReturnValue (if not void), then the [Out] parameters */
        const char *const *cmdlets; uint32_t ncmdlets; /* [Cmdlet{"Stop-Process"}], "NAME" or "NAME:Param=Value" */
        size_t in_size;                 /* of the generated C struct; 0 for classes that came at run time */
        const struct rv_in_field *in_fields; /* one per property of `in` */
        /* Values of ReturnValue: "0=Completed with no error" */
        const char *const *return_values; uint32_t nreturn_values;
        const struct rv_qualifier *qualifiers; uint32_t nqualifiers;
};

/* Where a checked argument goes in the generated in-struct of a method. */
struct rv_in_field {
        size_t offset;     /* of the member */
        size_t has_offset; /* of its `bool has_NAME` */
};

enum rv_class_flags {
        RV_ABSTRACT = 1, RV_ASSOCIATION = 2, RV_INDICATION = 4, RV_SINGLETON = 8, RV_CLASS_DEPRECATED = 16,
        RV_PSEUDO = 32, /* a method's parameters: not listed */
};

struct rv_class {
        const char *name;
        const char *name_space;   /* "root/reeve", "root/cimv2", ... ([Namespace] or #pragma namespace) */
        const char *description;
        const char *version;
        const struct rv_class *base; /* superclass or NULL */
        const char *base_name;    /* its name, or NULL */
        const char *view_of;      /* [ViewOf("Process")]: an alias view; no provider of its own */
        const char *view_filter;  /* [ViewFilter("DriveType = 3")]: WQL where over the source; or NULL */
        uint32_t flags;           /* enum rv_class_flags */
        const struct rv_property *properties; uint32_t nproperties;
        const struct rv_method *methods;      uint32_t nmethods;
        const uint16_t *keys;     uint32_t nkeys;      /* property ids */
        const char *noun;         /* [Noun("Process")]: cmdlets Get-Noun, ...; or NULL: only Get-CimInstance */
        /* [TypeNames{"System.Diagnostics.Process"}] shown by Get-Member */
        const char *const *type_names; uint32_t ntype_names;
        /* [View{"WS(M)|WorkingSetSize|10|right|N2|1048576", ...}]: label|property|width|align|format|divisor */
        const char *const *view;  uint32_t nview;
        const char *view_kind;    /* "table" or "list" */
        const struct rv_qualifier *qualifiers; uint32_t nqualifiers;
};

/* The classes that were compiled in, sorted by name. Generated. */
extern const struct rv_class *const rv_classes[];
extern const uint32_t rv_nclasses;

/* Look-ups. Names without case; NULL / -1 when there is none. */
const struct rv_class *rv_class_find(const char *name, const char *name_space_or_null);
int rv_property_find(const struct rv_class *, const char *name, size_t n);
/* The same, and PowerShell's alias names too; *ret_divisor is 0 or the alias' divisor. ret_divisor may be NULL. */
int rv_property_find_alias(const struct rv_class *, const char *name, size_t n, double *ret_divisor);
int rv_method_find(const struct rv_class *, const char *name, size_t n);
const struct rv_qualifier *rv_qualifier_find(const struct rv_qualifier *, uint32_t n, const char *name);
bool rv_class_isa(const struct rv_class *, const char *name);
const char *rv_cim_type_name(int cim_type); /* "uint32" */
/* The nearest name by edit distance among the candidates, or NULL when none is near: "did you mean". */
const char *rv_nearest(const char *name, const char *(*candidate)(void *, size_t i), void *, size_t n);

#endif
