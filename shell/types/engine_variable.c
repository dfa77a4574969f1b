/* SPDX-License-Identifier: MIT
 *
 * A variable as an object: PSVariable (Get-Variable) and [ref]. Both are or hold the box that the scope's slot holds,
 * so what is written through them is seen by whoever reads the variable.
 */
#include "shell/eval.h"
#include "shell/text.h"

#include <stdlib.h>

/* ---- ScopedItemOptions ---- */
static const struct {
        const char *name;
        int32_t value;
} option_items[] = { { "None", 0 },
                     { "ReadOnly", VO_READONLY },
                     { "Constant", VO_CONSTANT },
                     { "Private", VO_PRIVATE },
                     { "AllScope", VO_ALLSCOPE },
                     { "Unspecified", 16 } };
struct sh_enum sh_enum_scoped_options = {
        .obj = { .refs = 1, .type = &sh_enum_scoped_options.type },
        .type = { .name = "System.Management.Automation.ScopedItemOptions",
                  .base = &sh_type_enum,
                  .kind = SH_ENUM },
        .flags = true,
        .n = sizeof option_items / sizeof *option_items,
        .items = (const void *)option_items,
};

/* ---- PSVariable ---- */
enum { V_NAME, V_VALUE, V_OPTIONS, V_DESCRIPTION, V_VISIBILITY, V_MODULE, V_ATTRIBUTES };

static int variable_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_var *x = (struct sh_var *)self.o;
        (void)a;
        *ret = SH_NIL;
        switch (sh_current_member(sh)->arg) {
        case V_NAME: *ret = sh_text(sh_name(sh, x->id, NULL)); break;
        case V_VALUE: *ret = sh_keep(x->value); break;
        case V_OPTIONS: *ret = sh_enum_value(&sh_enum_scoped_options, (int32_t)x->options); break;
        case V_DESCRIPTION:
                *ret = x->description.kind == SH_STRING ? sh_keep(x->description) : sh_text("");
                break;
        case V_VISIBILITY: *ret = sh_text("Public"); break;
        case V_MODULE: *ret = sh_text(""); break;
        case V_ATTRIBUTES: *ret = sh_array_new(0); break;
        }
        return SH_OK;
}

static int variable_put_value(struct sh *sh, struct sv self, struct sv v)
{
        struct sh_var *x = (struct sh_var *)self.o;
        struct sv slot = { .kind = SH_K_BOX, .o = self.o };
        return sh_slot_write(sh, &slot, v, x->id);
}

static int variable_put_options(struct sh *sh, struct sv self, struct sv v)
{
        struct sv e;
        int st = sh_convert(sh, v, &sh_enum_scoped_options.type, &e);
        if (st == SH_OK)
                ((struct sh_var *)self.o)->options = e.hi;
        return st;
}

static int variable_put_description(struct sh *sh, struct sv self, struct sv v)
{
        struct sh_var *x = (struct sh_var *)self.o;
        sh_drop(x->description);
        x->description = sh_to_text(sh, v);
        return SH_OK;
}

static void variable_free(struct sh_obj *o)
{
        struct sh_var *x = (struct sh_var *)o;
        sh_drop(x->value);
        sh_drop(x->description);
        if (x->unit)
                sh_unit_drop(x->unit);
}

static const struct sh_member variable_members[] = {
        { "Name", SH_PROPERTY, .signature = "string Name {get;}", .call = variable_get, .arg = V_NAME },
        { "Value", SH_PROPERTY, .signature = "System.Object Value {get;set;}", .call = variable_get,
          .set = variable_put_value, .arg = V_VALUE },
        { "Description", SH_PROPERTY, .signature = "string Description {get;set;}", .call = variable_get,
          .set = variable_put_description, .arg = V_DESCRIPTION },
        { "Options", SH_PROPERTY,
          .signature = "System.Management.Automation.ScopedItemOptions Options {get;set;}",
          .call = variable_get, .set = variable_put_options, .arg = V_OPTIONS },
        { "Visibility", SH_PROPERTY, .signature = "string Visibility {get;set;}", .call = variable_get,
          .arg = V_VISIBILITY },
        { "ModuleName", SH_PROPERTY, .signature = "string ModuleName {get;}", .call = variable_get,
          .arg = V_MODULE },
        { "Attributes", SH_PROPERTY, .signature = "System.Object[] Attributes {get;}", .call = variable_get,
          .arg = V_ATTRIBUTES },
};
static const char *const variable_shown[] = { "Name", "Value", NULL };
const struct sh_type sh_type_variable = {
        .name = "System.Management.Automation.PSVariable",
        .accelerator = "psvariable",
        .base = &sh_type_object,
        .members = variable_members,
        .nmembers = sizeof variable_members / sizeof *variable_members,
        .free = variable_free,
        .default_properties = variable_shown,
};

/* ---- [ref] ---- */
struct sh_ref {
        struct sh_obj obj;
        struct sh_var *box; /* kept; NULL: a value of its own */
        struct sv value;
};

static struct sv ref_new(struct sh_var *box, struct sv value)
{
        struct sh_ref *r = calloc(1, sizeof *r);
        if (!r)
                abort();
        r->obj = (struct sh_obj) { .refs = 1, .type = &sh_type_ref };
        r->box = box;
        if (box)
                box->obj.refs++;
        r->value = sh_keep(value);
        return (struct sv) { .kind = SH_OTHER, .o = &r->obj };
}

bool sh_ref_get(struct sh *sh, struct sv ref, struct sv *ret)
{
        (void)sh;
        ref = sh_unwrap(ref);
        if (ref.kind != SH_OTHER || ref.o->type != &sh_type_ref)
                return false;
        struct sh_ref *r = (struct sh_ref *)ref.o;
        *ret = sh_keep(r->box ? r->box->value : r->value);
        return true;
}

int sh_ref_set(struct sh *sh, struct sv ref, struct sv v)
{
        ref = sh_unwrap(ref);
        if (ref.kind != SH_OTHER || ref.o->type != &sh_type_ref)
                return sh_throw(sh, "NonRefArgumentToRefParameterMsg", "InvalidArgument", SH_NIL,
                                "Argument must be a System.Management.Automation.PSReference. Use [ref].");
        struct sh_ref *r = (struct sh_ref *)ref.o;
        if (r->box) {
                struct sv slot = { .kind = SH_K_BOX, .o = &r->box->obj };
                return sh_slot_write(sh, &slot, v, r->box->id);
        }
        sh_drop(r->value);
        r->value = sh_keep(v);
        return SH_OK;
}

static int ref_value(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        return sh_ref_get(sh, self, ret) ? SH_OK : SH_NONE;
}

static void ref_free(struct sh_obj *o)
{
        struct sh_ref *r = (struct sh_ref *)o;
        sh_drop(r->value);
        if (r->box)
                sh_drop((struct sv) { .kind = SH_OTHER, .o = &r->box->obj });
}

static int ref_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        (void)sh, (void)t;
        *ret = ref_new(NULL, from);
        return SH_OK;
}

static int ref_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        return ref_convert(sh, t, a.n ? a.v[0] : SH_NIL, ret);
}

static const struct sh_member ref_members[] = {
        { "Value", SH_PROPERTY, .signature = "System.Object Value {get;set;}", .call = ref_value,
          .set = sh_ref_set },
};
const struct sh_type sh_type_ref = {
        .name = "System.Management.Automation.PSReference",
        .accelerator = "ref",
        .base = &sh_type_object,
        .members = ref_members,
        .nmembers = 1,
        .free = ref_free,
        .convert = ref_convert,
        .construct = ref_construct,
};

/* [ref]$x: the variable itself where there is one, made when there is none. */
struct sv ev_ref(struct sh *sh, struct node *n)
{
        struct node *x = sh_unparen(n->a);
        if (x->kind == N_VAR && (x->id >= ID_FIXED || sh_scope_slot(sh->scope, x->id, false))) {
                bool found;
                struct sv now = sh_var_read(sh, x->id, x->op, &found);
                sh_drop(now);
                if (!found)
                        return sh_fail_at(
                                sh, n,
                                sh_throw(sh, "NonExistingVariableReference", "InvalidOperation", SH_NIL,
                                         "[ref] cannot be applied to a variable that does not exist."));
                return ref_new(sh_var_box(sh, x->id, x->op, true), SH_NIL);
        }
        struct sv v = EV(n->a);
        if (sh_failed(v))
                return v;
        struct sv r = ref_new(NULL, v);
        sh_drop(v);
        return r;
}

SH_TYPES(engine_variable, &sh_type_variable, &sh_type_ref, &sh_enum_scoped_options.type);
