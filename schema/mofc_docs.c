/* SPDX-License-Identifier: MIT
 *
 * mofc's reference page of a class, in Markdown.
 */
#include <string.h>

#include "schema/mofc.h"

/* A cell: no line breaks, no pipes. */
static void cell(FILE *f, const char *s)
{
        for (; s && *s; s++)
                if (*s == '|')
                        fputs("\\|", f);
                else
                        putc(*s == '\n' ? ' ' : *s, f);
}

static void values(FILE *f, const struct rv_property *p)
{
        for (uint32_t i = 0; i < p->nvalues; i++) {
                fprintf(f, "%s", i ? ", " : " Values: ");
                if (i < p->nvalue_map)
                        fprintf(f, "%s ", p->value_map[i]);
                cell(f, p->values[i]);
        }
}

static void property(FILE *f, const struct rv_property *p)
{
        fprintf(f, "| `%s` | %s%s | %s | %s%s%s%s | ", p->name,
                p->type == RV_CIM_OBJECT || p->type == RV_CIM_REFERENCE ? p->ref_class
                                                                        : rv_cim_type_name(p->type),
                p->is_array ? "[]" : "", p->units ? p->units : "", p->flags & RV_KEY ? "key " : "",
                p->flags & RV_WRITE ? "write " : "", p->flags & RV_EXPENSIVE ? "expensive " : "",
                p->flags & RV_OUT ? "out" : "");
        cell(f, p->description);
        values(f, p);
        for (uint32_t i = 0; i < p->nalias; i++)
                fprintf(f, "%s`%s`", i ? ", " : " In PowerShell also ", p->alias[i]);
        fprintf(f, " |\n");
}

void mofc_page(FILE *f, const struct rv_class *c)
{
        fprintf(f, "# %s\n\n%s\n\n", c->name, c->description);
        fprintf(f, "Namespace `%s`.%s%s%s", c->name_space, c->base_name ? " Superclass `" : "",
                c->base_name ? c->base_name : "", c->base_name ? "`." : "");
        if (c->view_of)
                fprintf(f, " Alias view of [%s](%s.md).", c->view_of, c->view_of);
        if (c->noun)
                fprintf(f, " Cmdlet `Get-%s`.", c->noun);
        fprintf(f, "\n\n## Properties\n\n| name | type | unit | | meaning and source "
                   "|\n|---|---|---|---|---|\n");
        for (uint32_t i = 0; i < c->nproperties; i++)
                property(f, &c->properties[i]);
        for (uint32_t i = 0; i < c->nmethods; i++) {
                const struct rv_method *m = &c->methods[i];
                fprintf(f, "\n## %s%s\n\n%s\n", m->name, m->is_static ? " (static)" : "", m->description);
                for (uint32_t k = 0; k < m->ncmdlets; k++)
                        fprintf(f, "%s`%s`", k ? ", " : "\nCmdlets: ", m->cmdlets[k]);
                if (m->nparameters)
                        fprintf(f, "\n| parameter | type | unit | | meaning |\n|---|---|---|---|---|\n");
                for (uint32_t k = 0; k < m->nparameters; k++)
                        property(f, &m->parameters[k]);
                for (uint32_t k = 0; k < m->nreturn_values; k++)
                        fprintf(f, "%s%s", k ? "; " : "\nReturnValue: ", m->return_values[k]);
                fprintf(f, "\n");
        }
}
