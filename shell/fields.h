/* SPDX-License-Identifier: MIT
 *
 * Objects that are a row of values: their type's members name the fields by position (sh_member.arg).
 */
#ifndef SH_FIELDS_H
#define SH_FIELDS_H

#include "shell/value.h"

struct sh_fields {
        struct sh_obj obj;
        uint32_t n;
        struct sv v[];
};
struct sv sh_fields_new(const struct sh_type *, uint32_t n);
struct sv *sh_field(struct sv, uint32_t i);
/* The getter and the end of such types. */
int sh_fields_get(struct sh *, struct sv self, struct sh_args, struct sv *ret);
void sh_fields_free(struct sh_obj *);
#define SH_FIELD(i, field, text)                                                                             \
        {                                                                                                    \
                .name = field, .kind = SH_PROPERTY, .signature = text, .call = sh_fields_get, .arg = i       \
        }
#define SH_FIELDS_TYPE(var, text, table)                                                                     \
        const struct sh_type var = { .name = text,                                                           \
                                     .base = &sh_type_object,                                                \
                                     .members = table,                                                       \
                                     .nmembers = sizeof(table) / sizeof(*table),                             \
                                     .free = sh_fields_free }

extern const struct sh_type sh_type_group_info, sh_type_group_info_bare, sh_type_measure, sh_type_measure_object,
        sh_type_measure_text, sh_type_member_definition;

#endif
