/* SPDX-License-Identifier: MIT
 *
 * What Group-Object, Measure-Object and Get-Member write.
 */
#include "shell/fields.h"

#include <stdlib.h>

struct sv sh_fields_new(const struct sh_type *type, uint32_t n)
{
        struct sh_fields *f = calloc(1, sizeof(*f) + n * sizeof(*f->v));
        if (!f)
                abort();
        f->obj = (struct sh_obj) { .refs = 1, .type = type };
        f->n = n;
        return (struct sv) { .kind = SH_OTHER, .o = &f->obj };
}

struct sv *sh_field(struct sv v, uint32_t i)
{
        return &((struct sh_fields *)v.o)->v[i];
}

int sh_fields_get(struct sh *sh, struct sv self, struct sh_args args, struct sv *ret)
{
        (void)args;
        struct sh_fields *f = (struct sh_fields *)sh_unwrap(self).o;
        *ret = sh_keep(f->v[sh_current_member(sh)->arg]);
        return 0;
}

void sh_fields_free(struct sh_obj *o)
{
        struct sh_fields *f = (struct sh_fields *)o;
        for (uint32_t i = 0; i < f->n; i++)
                sh_drop(f->v[i]);
}

static const struct sh_member group_members[] = {
        SH_FIELD(0, "Values", "System.Collections.ArrayList Values {get;}"),
        SH_FIELD(1, "Count", "int Count {get;}"),
        SH_FIELD(2, "Group", "System.Collections.ObjectModel.Collection[psobject] Group {get;}"),
        SH_FIELD(3, "Name", "string Name {get;}"),
};
SH_FIELDS_TYPE(sh_type_group_info, "Microsoft.PowerShell.Commands.GroupInfo", group_members);
const struct sh_type sh_type_group_info_bare = { .name = "Microsoft.PowerShell.Commands.GroupInfoNoElement",
                                                 .base = &sh_type_group_info,
                                                 .free = sh_fields_free };

static const struct sh_member measure_members[] = {
        SH_FIELD(0, "Count", "int Count {get;set;}"),
        SH_FIELD(1, "Average", "System.Nullable[double] Average {get;set;}"),
        SH_FIELD(2, "Sum", "System.Nullable[double] Sum {get;set;}"),
        SH_FIELD(3, "Maximum", "System.Nullable[double] Maximum {get;set;}"),
        SH_FIELD(4, "Minimum", "System.Nullable[double] Minimum {get;set;}"),
        SH_FIELD(5, "StandardDeviation", "System.Nullable[double] StandardDeviation {get;set;}"),
        SH_FIELD(6, "Property", "string Property {get;set;}"),
};
SH_FIELDS_TYPE(sh_type_measure, "Microsoft.PowerShell.Commands.GenericMeasureInfo", measure_members);
SH_FIELDS_TYPE(sh_type_measure_object, "Microsoft.PowerShell.Commands.GenericObjectMeasureInfo", measure_members);

static const struct sh_member text_members[] = {
        SH_FIELD(0, "Lines", "System.Nullable[int] Lines {get;set;}"),
        SH_FIELD(1, "Words", "System.Nullable[int] Words {get;set;}"),
        SH_FIELD(2, "Characters", "System.Nullable[int] Characters {get;set;}"),
        SH_FIELD(3, "Property", "string Property {get;set;}"),
};
SH_FIELDS_TYPE(sh_type_measure_text, "Microsoft.PowerShell.Commands.TextMeasureInfo", text_members);

static const struct sh_member definition_members[] = {
        SH_FIELD(0, "TypeName", "string TypeName {get;}"),
        SH_FIELD(1, "Name", "string Name {get;}"),
        SH_FIELD(2, "MemberType", "System.Management.Automation.PSMemberTypes MemberType {get;}"),
        SH_FIELD(3, "Definition", "string Definition {get;}"),
};
static void definition_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        struct sv d = *sh_field(sh_unwrap(self), 3);
        if (d.kind == SH_STRING)
                sh_buf_put(b, d.s->s, d.s->len);
}
const struct sh_type sh_type_member_definition = {
        .name = "Microsoft.PowerShell.Commands.MemberDefinition",
        .base = &sh_type_object,
        .members = definition_members,
        .nmembers = sizeof(definition_members) / sizeof(*definition_members),
        .text = definition_text,
        .free = sh_fields_free,
};

SH_TYPES(fields, &sh_type_group_info, &sh_type_group_info_bare, &sh_type_measure, &sh_type_measure_object,
         &sh_type_measure_text, &sh_type_member_definition);
