/* SPDX-License-Identifier: MIT
 *
 * What a dynamicparam block builds: RuntimeDefinedParameter, their dictionary, and the attributes that go into them.
 * Attributes are rows of values that can be set; bind_ask.c reads them.
 */
#include "shell/dotnet.h"
#include "shell/fields.h"
#include "shell/types.h"

#include "shell/code.h"

#include <strings.h>

static int field_set(struct sh *sh, struct sv self, struct sv v)
{
        struct sv *to = sh_field(self, (uint32_t)sh_current_member(sh)->arg), old = *to;
        *to = sh_keep(v);
        sh_drop(old);
        return SH_OK;
}
#define FIELD(i, field, text) \
        { \
                field, SH_PROPERTY, false, text " " field " {get;set;}", sh_fields_get, field_set, i \
        }

/* ---- attributes ---- */
static const struct sh_type attribute_type = { .name = "System.Attribute", .base = &sh_type_object };

static int plain_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_fields_new(t, t->nmembers);
        for (uint32_t i = 0; i < t->nmembers; i++)
                *sh_field(*ret, i) = strstr(t->members[i].signature, "bool ") ? sh_bool(false) : SH_NIL;
        return SH_OK;
}

/* All arguments are one list: the values of ValidateSet, the names of Alias. */
static int list_attribute_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sv list = sh_array_new(a.n), item;
        (void)sh;
        for (uint32_t i = 0; i < a.n; i++) {
                size_t pos = 0;
                if (!sh_is_enumerable(a.v[i]))
                        sh_array_add(list.a, a.v[i]);
                else
                        while (sh_next(a.v[i], &pos, &item))
                                sh_array_take(list.a, item);
        }
        *ret = sh_fields_new(t, t->nmembers);
        *sh_field(*ret, 0) = list;
        for (uint32_t i = 1; i < t->nmembers; i++)
                *sh_field(*ret, i) = sh_bool(true);
        return SH_OK;
}

static int each_attribute_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n != t->nmembers)
                return SH_NONE;
        *ret = sh_fields_new(t, t->nmembers);
        for (uint32_t i = 0; i < a.n; i++)
                *sh_field(*ret, i) = sh_keep(a.v[i]);
        return SH_OK;
}

static const struct sh_member parameter_members[] = {
        FIELD(0, "Position", "int"),
        FIELD(1, "ParameterSetName", "string"),
        FIELD(2, "Mandatory", "bool"),
        FIELD(3, "ValueFromPipeline", "bool"),
        FIELD(4, "ValueFromPipelineByPropertyName", "bool"),
        FIELD(5, "ValueFromRemainingArguments", "bool"),
        FIELD(6, "HelpMessage", "string"),
        FIELD(7, "DontShow", "bool"),
};
static const struct sh_member set_members[] = { FIELD(0, "ValidValues", "string[]"), FIELD(1, "IgnoreCase", "bool") };
static const struct sh_member alias_members[] = { FIELD(0, "AliasNames", "string[]") };
static const struct sh_member range_members[] = { FIELD(0, "MinRange", "System.Object"),
                                                  FIELD(1, "MaxRange", "System.Object") };
static const struct sh_member pattern_members[] = { FIELD(0, "RegexPattern", "string") };
static const struct sh_member script_members[] = { FIELD(0, "ScriptBlock", "scriptblock") };
static const struct sh_member length_members[] = { FIELD(0, "MinLength", "int"), FIELD(1, "MaxLength", "int") };
#define ATTRIBUTE(var, full, word, table, make) \
        static const struct sh_type var = { .name = "System.Management.Automation." full, \
                                            .accelerator = word, \
                                            .base = &attribute_type, \
                                            SH_MEMBERS(table), \
                                            .construct = make, \
                                            .free = sh_fields_free }
ATTRIBUTE(parameter_type, "ParameterAttribute", "Parameter", parameter_members, plain_new);
ATTRIBUTE(set_type, "ValidateSetAttribute", "ValidateSet", set_members, list_attribute_new);
ATTRIBUTE(alias_type, "AliasAttribute", "Alias", alias_members, list_attribute_new);
ATTRIBUTE(range_type, "ValidateRangeAttribute", "ValidateRange", range_members, each_attribute_new);
ATTRIBUTE(pattern_type, "ValidatePatternAttribute", "ValidatePattern", pattern_members, each_attribute_new);
ATTRIBUTE(script_type, "ValidateScriptAttribute", "ValidateScript", script_members, each_attribute_new);
ATTRIBUTE(length_type, "ValidateLengthAttribute", "ValidateLength", length_members, each_attribute_new);
#define BARE(var, full, word) \
        static const struct sh_type var = { .name = "System.Management.Automation." full, \
                                            .accelerator = word, \
                                            .base = &attribute_type, \
                                            .construct = plain_new, \
                                            .free = sh_fields_free }
BARE(not_null_type, "ValidateNotNullAttribute", "ValidateNotNull");
BARE(not_empty_type, "ValidateNotNullOrEmptyAttribute", "ValidateNotNullOrEmpty");
BARE(allow_null_type, "AllowNullAttribute", "AllowNull");
BARE(allow_empty_type, "AllowEmptyStringAttribute", "AllowEmptyString");
BARE(allow_collection_type, "AllowEmptyCollectionAttribute", "AllowEmptyCollection");

/* ---- RuntimeDefinedParameter ---- */
static const struct sh_member defined_members[] = {
        FIELD(0, "Name", "string"),
        FIELD(1, "ParameterType", "type"),
        FIELD(2, "Attributes", "System.Collections.ObjectModel.Collection[System.Attribute]"),
        FIELD(3, "Value", "System.Object"),
        FIELD(4, "IsSet", "bool"),
};
static int defined_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        if (a.n && a.n != 3)
                return SH_NONE;
        *ret = sh_fields_new(t, 5);
        *sh_field(*ret, 0) = a.n ? sh_args_text(sh, a, 0) : sh_text("");
        *sh_field(*ret, 1) = a.n ? sh_keep(sh_args_at(a, 1)) : sh_type_value(&sh_type_object);
        *sh_field(*ret, 2) = a.n ? sh_keep(sh_args_at(a, 2)) : sh_list_new(NULL);
        *sh_field(*ret, 3) = SH_NIL;
        *sh_field(*ret, 4) = sh_bool(false);
        return SH_OK;
}
static const struct sh_type defined_type = { .name = "System.Management.Automation.RuntimeDefinedParameter",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(defined_members),
                                             .construct = defined_new,
                                             .free = sh_fields_free };
/* ---- CompletionResult ---- */
static const struct sh_member completion_members[] = {
        FIELD(0, "CompletionText", "string"),
        FIELD(1, "ListItemText", "string"),
        FIELD(2, "ResultType", "System.Management.Automation.CompletionResultType"),
        FIELD(3, "ToolTip", "string"),
};
static int completion_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        if (a.n != 1 && a.n != 4)
                return SH_NONE;
        *ret = sh_fields_new(t, 4);
        for (uint32_t i = 0; i < 4; i++)
                *sh_field(*ret, i) = i == 2 ? (a.n == 4 ? sh_args_text(sh, a, 2) : sh_text("Text"))
                                            : sh_args_text(sh, a, a.n == 4 ? i : 0);
        return SH_OK;
}
static const struct sh_type completion_type = { .name = "System.Management.Automation.CompletionResult",
                                                .base = &sh_type_object,
                                                SH_MEMBERS(completion_members),
                                                .construct = completion_new,
                                                .free = sh_fields_free };
static int dictionary_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)t;
        if (a.n)
                return SH_NONE;
        *ret = sh_hash_new(true);
        return SH_OK;
}
static const struct sh_type dictionary_type = {
        .name = "System.Management.Automation.RuntimeDefinedParameterDictionary",
        .base = &sh_type_object,
        .construct = dictionary_new
};
SH_TYPES(engine_dynamic, &attribute_type, &parameter_type, &set_type, &alias_type, &range_type, &pattern_type,
         &script_type, &length_type, &not_null_type, &not_empty_type, &allow_null_type, &allow_empty_type,
         &allow_collection_type, &defined_type, &dictionary_type, &completion_type);
