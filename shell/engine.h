/* SPDX-License-Identifier: MIT
 *
 * What the language itself (lex, parse, compile, eval, bind, errors) defines beyond interp.h, for types and cmdlets.
 *
 * The language defines these types (shell/types/engine_*.c), nobody else does: sh_type_block, exceptions
 * ([System.Exception] and everything derived from it), ErrorRecord, CategoryInfo, InvocationInfo, [ref], PSVariable,
 * CommandInfo (alias, function, cmdlet, application), PSModuleInfo, Job, PSCmdlet, classes and enums made by scripts.
 * Everything else declared in value.h belongs to the types' side.
 */
#ifndef SH_ENGINE_H
#define SH_ENGINE_H

#include "shell/interp.h"
#include "shell/value.h"

extern const struct sh_type sh_type_exception, sh_type_error_record, sh_type_ref, sh_type_command_info;
const struct sh_type *sh_command_type(int kind); /* AliasInfo, ... of enum target_kind */

/* An exception object. type_name: "System.FormatException" or any other; unknown ones become a RuntimeException. */
struct sv sh_exception_new(struct sh *, const char *type_name, const char *message, size_t n, struct sv inner);
/* The value behind [ref]$x, and storing to it. */
bool sh_ref_get(struct sh *, struct sv ref, struct sv *ret);
int sh_ref_set(struct sh *, struct sv ref, struct sv value);

/* For .NET methods that fail: a MethodInvocationException around an inner exception of the given type, id = its short
 * name ("FormatException"), as PowerShell reports failures inside methods. Always SH_ERROR. */
int sh_throw_in_method(struct sh *, const char *inner_type, const char *method, uint32_t nargs, const char *fmt, ...)
        __attribute__((format(printf, 5, 6)));

/* Runs a script block as a member: $this is self (script properties and methods). */
int sh_block_member(struct sh *, struct sv block, struct sv self, struct sh_args, struct sv *ret);

#endif
