/* SPDX-License-Identifier: MIT
 *
 * Private to push-down: what a script block reads of $_, and conditions in WQL.
 */
#ifndef SH_PLAN_H
#define SH_PLAN_H

#include "shell/code.h"

struct sh_planning {
        struct sh *sh;
        const struct rv_class *class;
        struct sh_plan *plan;
        bool exact; /* every condition so far is the filter, neither more nor less */
        bool cut;   /* a stage took some by their place: no condition may go before it */
};

/* Some stage reads this property. */
void sh_plan_use(struct sh_planning *, const char *name, size_t n);
/* What the block reads of $_; whole objects if that cannot be told. */
void sh_plan_block(struct sh_planning *, struct sv block);

/* How much a condition in WQL says of one in PowerShell. */
enum sh_said { SH_SAID_NOTHING, SH_SAID_PART, SH_SAID_ALL }; /* part: it keeps every object, and perhaps more */
/* "property op value" as WQL. What is not said leaves *b as it was. */
enum sh_said sh_plan_compare(struct sh_planning *, struct sh_buf *b, const char *name, size_t n, int op, bool cased,
                             struct sv value);
/* A Where-Object block. */
enum sh_said sh_plan_condition(struct sh_planning *, struct sh_buf *b, struct sv block);

#endif
