/* SPDX-License-Identifier: MIT
 *
 * The arguments of .NET's methods and the exceptions about them; see dotnet.h.
 */
#include "shell/dotnet.h"

#include <stdarg.h>
#include <stdio.h>

struct sv sh_args_at(struct sh_args a, uint32_t i)
{
        return i < a.n ? sh_unwrap(a.v[i]) : SH_NIL;
}

bool sh_args_is_text(struct sh_args a, uint32_t i)
{
        struct sv v = sh_args_at(a, i);
        return v.kind == SH_STRING || v.kind == SH_CHAR;
}

bool sh_args_is_array(struct sh_args a, uint32_t i)
{
        return i < a.n && sh_args_at(a, i).kind == SH_ARRAY;
}

bool sh_args_i32(struct sh *sh, struct sh_args a, uint32_t i, int32_t *ret)
{
        struct sv v, x = sh_args_at(a, i);
        if (i >= a.n || x.kind == SH_BLOCK || x.kind == SH_HASH || !sh_try_convert(sh, x, &sh_type_int, &v))
                return false;
        *ret = (int32_t)v.i;
        return true;
}

bool sh_args_double(struct sh *sh, struct sh_args a, uint32_t i, double *ret)
{
        struct sv v;
        if (i >= a.n || !sh_try_convert(sh, sh_args_at(a, i), &sh_type_double, &v))
                return false;
        *ret = v.d;
        return true;
}

bool sh_args_bool(struct sh *sh, struct sh_args a, uint32_t i, bool *ret)
{
        struct sv x = sh_args_at(a, i);
        (void)sh;
        if (i >= a.n || x.kind == SH_STRING || x.kind == SH_ENUM || x.kind == SH_HASH || x.kind == SH_ARRAY)
                return false;
        *ret = sh_true(x);
        return true;
}

bool sh_args_enum(struct sh *sh, struct sh_args a, uint32_t i, const struct sh_enum *e, int32_t *ret)
{
        struct sv v, x = sh_args_at(a, i);
        if (i >= a.n || x.kind == SH_BOOL || !sh_try_convert(sh, x, &e->type, &v))
                return false;
        *ret = (int32_t)v.hi;
        sh_drop(v);
        return true;
}

/* ---- exceptions ---- */
static const char *member_name(struct sh *sh)
{
        const struct sh_member *m = sh_current_member(sh);
        return m && strcmp(m->name, "new") ? m->name : ".ctor";
}

int sh_throw_null(struct sh *sh, struct sh_args a, const char *param)
{
        return sh_throw_in_method(sh, "System.ArgumentNullException", member_name(sh), a.n,
                                  "Value cannot be null. (Parameter '%s')", param);
}

int sh_throw_range(struct sh *sh, struct sh_args a, const char *param, const char *why)
{
        return sh_throw_in_method(sh, "System.ArgumentOutOfRangeException", member_name(sh), a.n,
                                  "%s (Parameter '%s')", why, param);
}

int sh_throw_argument(struct sh *sh, struct sh_args a, const char *why)
{
        return sh_throw_in_method(sh, "System.ArgumentException", member_name(sh), a.n, "%s", why);
}

int sh_throw_member(struct sh *sh, struct sh_args a, const char *exception, const char *fmt, ...)
{
        char text[1000];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return sh_throw_in_method(sh, exception, member_name(sh), a.n, "%s", text);
}

intptr_t sh_member_arg(struct sh *sh)
{
        const struct sh_member *m = sh_current_member(sh);
        return m ? m->arg : 0;
}

struct sv sh_other_new(const struct sh_type *type, size_t size)
{
        struct sh_obj *o = calloc(1, size);
        if (!o)
                abort();
        o->refs = 1;
        o->type = type;
        return (struct sv) { .kind = SH_OTHER, .o = o };
}
