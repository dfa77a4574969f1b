/* SPDX-License-Identifier: MIT
 *
 * New-Object, Add-Member, Update-TypeData, Get-TypeData, Remove-TypeData: making objects and adding members to them.
 */
#include <stdlib.h>

#include "shell/code.h"
#include "shell/text.h"
#include "shell/types.h"

/* ---- New-Object ---- */
static int new_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        struct sv name = sh_arg(c, "TypeName"), args = sh_arg(c, "ArgumentList"),
                  props = sh_arg(c, "Property"), made = SH_NIL;
        if (sh_bound(c, "ComObject"))
                return sh_cmd_throw(c, "NotSupportedHere", "NotImplemented", SH_NIL,
                                    "COM objects are not supported here.");
        const struct sh_type *t = sh_type_find(sh, name.s->s, name.s->len);
        const char *never = t ? NULL : sh_type_never(name.s->s, name.s->len);
        if (never)
                return sh_cmd_throw(c, "NotSupportedHere", "NotImplemented", SH_NIL, "[%s] is not supported here: %s.",
                                    name.s->s, never);
        if (!t)
                return sh_cmd_throw(
                        c, "TypeNotFound", "InvalidType", SH_NIL,
                        "Cannot find type [%s]: verify that the assembly containing this type is loaded.",
                        name.s->s);
        struct sh_args a = { 0 };
        if (args.kind == SH_ARRAY)
                a = (struct sh_args) { args.a->n, args.a->v };
        else if (!sh_is_null(args))
                a = (struct sh_args) { 1, &args };
        int st = SH_OK;
        if (t == &sh_type_psobject || t == &sh_type_anything || t == &sh_type_object)
                made = sh_object_new();
        else
                st = sh_construct(sh, t, a, &made);
        if (st == SH_OK && !sh_is_null(props)) {
                struct sv base = sh_unwrap(props), k, v;
                bool notes = made.kind == SH_PSOBJECT;
                for (uint32_t i = 0;
                     st == SH_OK && notes && base.kind == SH_HASH && sh_hash_at(base.h, i, &k, &v); i++) {
                        struct sv n = sh_to_text(sh, k);
                        sh_object_set(made, n.s->s, n.s->len, v);
                        sh_drop(n);
                }
                if (!notes)
                        st = sh_put_all(sh, made, props);
        }
        if (st == SH_OK)
                st = sh_emit(c, made);
        sh_drop(made);
        return st;
}
static const struct sh_cmdlet new_object = {
        .name = "New-Object",
        .synopsis = "Makes an object of a type.",
        .end = new_end,
        .params =
                (const struct sh_param[]) {
                        { "TypeName", .type = "string", .position = 1, .sets = "Net", .mandatory = true },
                        { "ArgumentList", .type = "object[]", .position = 2, .alias = "Args", .sets = "Net" },
                        { "Property", .type = "object" },
                        { "ComObject", .type = "string", .sets = "Com", .mandatory = true },
                        { "Strict", .type = "switch" },
                        { 0 } },
        .default_set = "Net",
        .examples = (const struct sh_example[]) { { "(New-Object psobject -Property @{ a = 1 }).a", "1", "" },
                                                  { "(New-Object datetime 2024, 2, 3).Day", "3", "" },
                                                  { 0 } },
};

/* ---- Add-Member ---- */
static int kind_of(struct sh_cmd *c, const char *param)
{
        static const struct {
                const char *name;
                int kind;
        } kinds[] = { { "NoteProperty", SH_NOTE },
                      { "AliasProperty", SH_ALIAS },
                      { "ScriptProperty", SH_SCRIPT_PROPERTY },
                      { "ScriptMethod", SH_SCRIPT_METHOD } };
        struct sv v = sh_arg(c, param);
        if (sh_is_null(v))
                return SH_NOTE;
        struct sv t = sh_to_text(sh_session(c), v);
        int kind = -1;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (sh_text_same(t.s->s, t.s->len, kinds[i].name, strlen(kinds[i].name)))
                        kind = kinds[i].kind;
        sh_drop(t);
        return kind;
}

static int add_note(struct sh_cmd *c, struct sv object, struct sv name, int kind, struct sv value,
                    struct sv second)
{
        struct sh_bag *b = sh_bag_of(object, true);
        struct sh_note *old = b ? sh_bag_find(b, name.s->s, name.s->len) : NULL;
        struct sv there = SH_NIL;
        bool own = !old && sh_get(sh_session(c), object, name.s->s, name.s->len, &there) == SH_OK &&
                   object.kind != SH_PSOBJECT && !sh_is_enumerable(sh_unwrap(object));
        sh_drop(there);
        if ((old || own) && !sh_switch(c, "Force"))
                return sh_cmd_error(c, "MemberAlreadyExists", "InvalidOperation", SH_NIL,
                                    "Cannot add a member with the name \"%s\" because a member with that "
                                    "name already exists. To overwrite the member "
                                    "anyway, add the Force parameter to your command.",
                                    name.s->s);
        if (!b)
                return sh_cmd_error(c, "CannotAddMember", "InvalidOperation", SH_NIL,
                                    "Members cannot be added to this object.");
        struct sv held = kind == SH_ALIAS ? sh_to_text(sh_session(c), value) : sh_keep(value);
        sh_bag_set(b, (struct sh_note) { sh_keep(name), (uint8_t)kind, held, sh_keep(second) });
        return SH_OK;
}

static int add_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv object = sh_arg(c, "InputObject"), wrapped = SH_NIL, k, v;
        struct sh *sh = sh_session(c);
        int st = SH_OK, kind = kind_of(c, "MemberType");
        struct sv plain = kind < 0 ? sh_arg(c, "MemberType") : SH_NIL; /* "Add-Member name value" */
        if (kind < 0 && (sh_bound(c, "Value") || (plain.kind != SH_STRING && sh_unwrap(plain).kind != SH_HASH)))
                return sh_cmd_throw(c, "CannotAddMemberType", "InvalidArgument", SH_NIL,
                                    "Members of this type cannot be added here.");
        if (!sh_is_obj(object)) /* a number: members go on a copy around it */
                object = wrapped = sh_wrap(object);
        struct sv many = sh_arg(c, "NotePropertyMembers");
        if (sh_unwrap(plain).kind == SH_HASH)
                many = plain;
        if (plain.kind == SH_STRING) {
                st = add_note(c, object, plain, SH_NOTE, sh_arg(c, "Name"), SH_NIL);
        } else if (sh_unwrap(many).kind == SH_HASH) {
                for (uint32_t i = 0; st == SH_OK && sh_hash_at(sh_unwrap(many).h, i, &k, &v); i++) {
                        struct sv n = sh_to_text(sh, k);
                        st = add_note(c, object, n, SH_NOTE, v, SH_NIL);
                        sh_drop(n);
                }
        } else if (sh_bound(c, "NotePropertyName")) {
                st = add_note(c, object, sh_arg(c, "NotePropertyName"), SH_NOTE,
                              sh_arg(c, "NotePropertyValue"), SH_NIL);
        } else if (sh_bound(c, "Name")) {
                st = add_note(c, object, sh_arg(c, "Name"), kind, sh_arg(c, "Value"),
                              sh_arg(c, "SecondValue"));
        }
        if (st == SH_OK && sh_bound(c, "TypeName")) {
                struct sh_bag *b = sh_bag_of(object, true);
                b->types = realloc(b->types, (b->ntypes + 1) * sizeof *b->types);
                if (!b->types)
                        abort();
                memmove(b->types + 1, b->types, b->ntypes * sizeof *b->types);
                b->types[0] = sh_to_text(sh, sh_arg(c, "TypeName"));
                b->ntypes++;
        }
        if (st == SH_OK && (sh_switch(c, "PassThru") || (sh_bound(c, "TypeName") && !sh_bound(c, "Name") &&
                                                         !sh_bound(c, "NotePropertyName") &&
                                                         sh_is_null(many) && sh_switch(c, "PassThru"))))
                st = sh_emit(c, object);
        sh_drop(wrapped);
        return st;
}
static const struct sh_cmdlet add_member = {
        .name = "Add-Member",
        .synopsis = "Adds properties and methods to an object.",
        .process = add_process,
        .default_set = "TypeNameSet",
        .params =
                (const struct sh_param[]) {
                        { "InputObject", .type = "object", .mandatory = true, .from_pipeline = true },
                        { "MemberType", .type = "object", .alias = "Type", .position = 1, .sets = "MemberSet",
                          .mandatory = true,
                          .help = "NoteProperty, AliasProperty, ScriptProperty or ScriptMethod." },
                        { "Name", .type = "object", .position = 2, .sets = "MemberSet" },
                        { "Value", .type = "object", .position = 3, .sets = "MemberSet" },
                        { "SecondValue", .type = "object", .position = 4, .sets = "MemberSet" },
                        { "NotePropertyName", .type = "string", .position = 1,
                          .sets = "NotePropertySingleMemberSet", .mandatory = true },
                        { "NotePropertyValue", .type = "object", .position = 2,
                          .sets = "NotePropertySingleMemberSet", .mandatory = true, .allow_null = true },
                        { "NotePropertyMembers", .type = "hashtable", .position = 1,
                          .sets = "NotePropertyMultiMemberSet", .mandatory = true },
                        { "TypeName", .type = "string", .help = "Put in front of the object's type names." },
                        { "Force", .type = "switch" },
                        { "PassThru", .type = "switch" },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "$o = [pscustomobject]@{}; $o | Add-Member NoteProperty a 1; $o.a", "1", "" },
                        { "$o = [pscustomobject]@{ n = 2 }; $o | Add-Member ScriptMethod Twice { $this.n * 2 "
                          "}; $o.Twice()",
                          "4", "" },
                        { 0 } },
};

/* ---- Update-TypeData ---- */
static int type_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh *sh = sh_session(c);
        struct sv name = sh_arg(c, "TypeName");
        struct sv type = name.kind == SH_TYPE ? sh_text(sh_type_referred(name)->name) : sh_to_text(sh, name);
        const struct sh_type *known = sh_type_find(sh, type.s->s, type.s->len);
        struct sh_ets *e = sh_ets_of(sh, known ? known->name : type.s->s, true);
        int kind = kind_of(c, "MemberType"), st = SH_OK;
        sh_drop(type);
        if (sh_bound(c, "MemberName")) {
                struct sv member = sh_arg(c, "MemberName");
                struct sh_note *old = sh_bag_find(&e->bag, member.s->s, member.s->len);
                if (old && !sh_switch(c, "Force"))
                        st = sh_cmd_error(c, "TypesXmlUpdateException", "InvalidOperation", SH_NIL,
                                          "Error in TypeData \"%s\": The member %s is already present.",
                                          e->name.s->s, member.s->s);
                else
                        sh_bag_set(&e->bag,
                                   (struct sh_note) { sh_keep(member), (uint8_t)(kind < 0 ? SH_NOTE : kind),
                                                      kind == SH_ALIAS ? sh_to_text(sh, sh_arg(c, "Value"))
                                                                       : sh_keep(sh_arg(c, "Value")),
                                                      sh_keep(sh_arg(c, "SecondValue")) });
        }
        if (sh_bound(c, "DefaultDisplayPropertySet")) {
                sh_drop(e->default_display);
                e->default_display = sh_keep(sh_arg(c, "DefaultDisplayPropertySet"));
        }
        if (sh_bound(c, "DefaultDisplayProperty")) {
                sh_drop(e->default_property);
                e->default_property = sh_keep(sh_arg(c, "DefaultDisplayProperty"));
        }
        return st;
}
static const struct sh_cmdlet update_typedata = {
        .name = "Update-TypeData",
        .synopsis = "Adds members to a type.",
        .process = type_process,
        .params = (const struct sh_param[]) { { "TypeName", .type = "object", .mandatory = true,
                                                .from_pipeline = true },
                                              { "MemberType", .type = "object" },
                                              { "MemberName", .type = "string" },
                                              { "Value", .type = "object" },
                                              { "SecondValue", .type = "object" },
                                              { "DefaultDisplayPropertySet", .type = "string[]" },
                                              { "DefaultDisplayProperty", .type = "string" },
                                              { "DefaultKeyPropertySet", .type = "string[]" },
                                              { "SerializationDepth", .type = "int" },
                                              { "Force", .type = "switch" },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Update-TypeData -TypeName System.String -MemberType ScriptProperty -MemberName "
                          "Loud -Value { $this.ToUpper() } -Force; 'a'.Loud",
                          "A", "" },
                        { "Update-TypeData -TypeName System.Int32 -MemberType NoteProperty -MemberName Unit "
                          "-Value s -Force; (5).Unit",
                          "s", "" },
                        { 0 } },
};
static int remove_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        const char *name = sh_arg_text(c, "TypeName", "");
        const struct sh_type *t = sh_type_find(sh_session(c), name, strlen(name));
        if (sh_ets_remove(sh_session(c), t ? t->name : name))
                return SH_OK;
        return sh_cmd_error(c, "TypesXmlUpdateException", "InvalidOperation", SH_NIL,
                            "There is no type data for \"%s\".", name);
}
static const struct sh_cmdlet remove_typedata = {
        .name = "Remove-TypeData",
        .synopsis = "Takes away what Update-TypeData added.",
        .process = remove_process,
        .params =
                (const struct sh_param[]) {
                        { "TypeName", .type = "string", .position = 1, .mandatory = true }, { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Update-TypeData -TypeName System.Int32 -MemberType NoteProperty -MemberName U1 "
                          "-Value s; Remove-TypeData System.Int32; $null -eq (5).U1",
                          "True", "" },
                        { "Remove-TypeData nope -ErrorAction Ignore", "", "" },
                        { 0 } },
};

SH_CMDLETS(object, &new_object, &add_member, &update_typedata, &remove_typedata);
