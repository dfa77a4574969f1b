/* SPDX-License-Identifier: MIT
 *
 * PageFile: the swap areas in use, from /proc/swaps; swapon(2) and swapoff(2).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>

#include "agent/provider.h"
#include "gen/PageFile.h"
#include "providers/lib/fill.h"
#include "providers/lib/slurp.h"

/* The kernel writes a blank in a path as \040. */
static void decode(char *s)
{
        char *to = s;
        for (; *s; s++)
                if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' &&
                    s[3] <= '7') {
                        *to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
                        s += 3;
                } else
                        *to++ = *s;
        *to = 0;
}

struct area {
        char *name, *type;
        unsigned long long size, used;
        int priority;
};

static bool parse(char *line, struct area *a)
{
        char *at = line + strcspn(line, " \t");
        if (line[0] != '/' || !*at)
                return false;
        *at++ = 0;
        at += strspn(at, " \t");
        a->name = line;
        a->type = at;
        at += strcspn(at, " \t");
        if (*at)
                *at++ = 0;
        decode(a->name);
        return sscanf(at, "%llu %llu %d", &a->size, &a->used, &a->priority) == 3;
}

static int pagefile_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        size_t n;
        (void)q;
        char *text = rv_slurp("/proc/swaps", 1 << 20, &n), *rest = text;
        int e = RV_OK;
        if (!text)
                return rv_fail_errno(err, errno, "cannot read /proc/swaps");
        for (char *line; e == RV_OK && (line = strsep(&rest, "\n"));) {
                struct area a;
                if (!parse(line, &a))
                        continue;
                struct rv_row *row = rv_row(out);
                rv_fill(row, PageFile_Name, a.name);
                rv_fill(row, PageFile_Type, a.type);
                PageFile_set_Size(row, a.size * 1024);
                PageFile_set_Used(row, a.used * 1024);
                PageFile_set_Priority(row, a.priority);
                e = rv_emit(out, row);
        }
        free(text);
        return e == RV_STOP ? RV_OK : e;
}

static bool in_use(const char *name)
{
        size_t n;
        char *text = rv_slurp("/proc/swaps", 1 << 20, &n), *rest = text, *line;
        bool found = false;
        struct area a;
        while (text && !found && (line = strsep(&rest, "\n")))
                found = parse(line, &a) && strcmp(a.name, name) == 0;
        free(text);
        return found;
}

static int pagefile_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct PageFile_Create_in *in = args;
        int flags = in->has_Priority ? SWAP_FLAG_PREFER | (in->Priority & SWAP_FLAG_PRIO_MASK) : 0;
        rv_about(err, NULL, in->Name, NULL);
        if (in->Name[0] != '/')
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.100s' is no path from the root", in->Name);
        if (in_use(in->Name))
                return rv_fail(err, RV_ALREADY_EXISTS, "%.100s is in use as swap already", in->Name);
        rv_change(c, "Name", NULL, in->Name);
        if (!c->what_if && swapon(in->Name, flags) < 0) {
                int e = rv_fail_errno(err, errno, "cannot use %.100s as swap", in->Name);
                return e == RV_INVALID_PARAMETER ? rv_hint(err, "Prepare it with mkswap first.") : e;
        }
        PageFile_Create_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int pagefile_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[PageFile_Name];
        (void)in;
        if (name->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a swap area is named by its Name");
        rv_about(err, NULL, name->s, NULL);
        if (!in_use(name->s))
                return rv_fail(err, RV_NOT_FOUND, "%.100s is not in use as swap", name->s);
        rv_change(c, "Name", name->s, NULL);
        if (!c->what_if && swapoff(name->s) < 0) {
                int error = errno;
                int e = rv_fail_errno(err, error, "cannot take %.100s out of use", name->s);
                return error == ENOMEM ? rv_hint(err, "What is in it does not fit into memory.") : e;
        }
        PageFile_Delete_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int (*const methods[PageFile_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [PageFile_method_Create] = pagefile_create, [PageFile_method_Delete] = pagefile_delete
};

static const struct rv_provider pagefile = { .class = &PageFile_class,
                                             .query = pagefile_query,
                                             .methods = methods };

RV_PROVIDERS(pagefile, &pagefile);
