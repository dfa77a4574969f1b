/* SPDX-License-Identifier: MIT
 *
 * PageFile: the swap areas in use, from /proc/swaps; swapon(2) and swapoff(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/PageFile.h"
#include "providers/lib/fill.h"
#include "providers/lib/fstab.h"
#include "providers/lib/slurp.h"
#include "providers/lib/tool.h"

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
        struct rv_fstab fstab = { .text = NULL };
        char *text = rv_slurp("/proc/swaps", 1 << 20, &n), *rest = text;
        int e = RV_OK;
        if (!text)
                return rv_fail_errno(err, errno, "cannot read /proc/swaps");
        if (rv_asked(q, PageFile_Persisted))
                rv_fstab_read(&fstab);
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
                if (fstab.text)
                        PageFile_set_Persisted(row, rv_fstab_find(&fstab, a.name, true) != NULL);
                e = rv_emit(out, row);
        }
        free(text);
        rv_fstab_free(&fstab);
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

/* A file of zeroes that only root reads, as a swap area. */
static int make_file(struct rv_call *c, const char *path, uint64_t size, struct rv_error *err)
{
        struct rv_tool tool = { .argv = (const char *[]) { "mkswap", "--", path, NULL },
                                .what = "prepare the swap file",
                                .deadline = c->deadline };
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return rv_fail_errno(err, errno, "cannot make the file %.100s", path);
        int r = posix_fallocate(fd, 0, (off_t)size);
        close(fd);
        int e = r ? rv_fail_errno(err, r, "cannot make the file %.100s of %llu bytes", path, (unsigned long long)size)
                  : rv_tool_do(&tool, false, err);
        if (e)
                unlink(path);
        return e;
}

/* From mkswap to swapon; a file that was made for it goes when that fails. */
static int take_into_use(struct rv_call *c, const struct PageFile_Create_in *in, struct rv_error *err)
{
        int flags = in->has_Priority ? SWAP_FLAG_PREFER | (in->Priority & SWAP_FLAG_PRIO_MASK) : 0;
        int e = in->has_Size ? make_file(c, in->Name, in->Size, err) : RV_OK;
        if (e || swapon(in->Name, flags) == 0)
                return e;
        e = rv_fail_errno(err, errno, "cannot use %.100s as swap", in->Name);
        if (in->has_Size)
                unlink(in->Name);
        return e == RV_INVALID_PARAMETER ? rv_hint(err, "Prepare it with mkswap first; a file must have no holes.") : e;
}

static int pagefile_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct PageFile_Create_in *in = args;
        rv_about(err, NULL, in->Name, NULL);
        if (in->Name[0] != '/')
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.100s' is no path from the root", in->Name);
        if (in_use(in->Name))
                return rv_fail(err, RV_ALREADY_EXISTS, "%.100s is in use as swap already", in->Name);
        if (in->has_Size && access(in->Name, F_OK) == 0)
                return rv_fail(err, RV_ALREADY_EXISTS, "there is a file %.100s already", in->Name);
        rv_change(c, "Name", NULL, in->Name);
        int e = c->what_if ? RV_OK : take_into_use(c, in, err);
        if (e == RV_OK && in->has_Persist && in->Persist) {
                char options[32] = "sw";
                if (in->has_Priority)
                        snprintf(options, sizeof options, "sw,pri=%d", in->Priority);
                e = rv_fstab_put(c, &(struct rv_fstab_line) { in->Name, "none", "swap", options, 0 }, err);
        }
        if (e)
                return e;
        PageFile_Create_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int pagefile_delete(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct PageFile_Delete_in *in = args;
        const struct rv_arg *name = &c->key[PageFile_Name];
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
        if (in->has_Persist && in->Persist) {
                int e = rv_fstab_drop(c, name->s, true, err);
                if (e)
                        return e;
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
