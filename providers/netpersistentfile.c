/* SPDX-License-Identifier: MIT
 *
 * NetPersistentFile: the files that hold an interface's settings for the next boots (lib/netstore.h), to be seen, and
 * to be put back as they were when a change of the network is not confirmed.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/NetPersistentFile.h"
#include "providers/lib/fill.h"
#include "providers/lib/dhcp.h"
#include "providers/lib/netmanager.h"
#include "providers/lib/netstore.h"
#include "providers/lib/slurp.h"

static void fill_settings(struct rv_row *row, const char *text)
{
        char *copy = strdup(text), *rest = copy, *line;
        size_t at = 0;
        for (; rest && (line = strsep(&rest, "\n"));)
                if (strncmp(line, RV_NET_MARK, sizeof RV_NET_MARK - 1) == 0) {
                        const char *s = line + sizeof RV_NET_MARK - 1;
                        size_t n = strlen(s);
                        memmove(copy + at, s, n); /* what it takes lies before what is read */
                        copy[at + n] = '\n';
                        at += n + 1;
                }
        if (copy)
                copy[at] = 0;
        rv_fill_list(row, NetPersistentFile_Settings, copy, "\n");
        free(copy);
}

static int on_file(void *state, const struct rv_netfile *f)
{
        struct rv_sink *out = state;
        struct rv_row *row = rv_row(out);
        rv_fill(row, NetPersistentFile_Path, f->path);
        rv_fill(row, NetPersistentFile_InterfaceAlias, f->interface);
        rv_fill(row, NetPersistentFile_Manager, f->manager);
        if (NetPersistentFile_wants_Settings(row))
                fill_settings(row, f->text);
        rv_fill(row, NetPersistentFile_Content, f->text);
        return rv_emit(out, row);
}

static int file_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        int e = rv_netstore_files(on_file, out);
        return e == RV_STOP ? RV_OK : e;
}

static int file_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetPersistentFile_Create_in *in = args;
        rv_change(c, "Path", NULL, in->Path);
        int e = rv_netstore_put_back(in->Path, in->Content, c->what_if, err);
        if (e == RV_OK)
                NetPersistentFile_Create_out_set_ReturnValue(c->out, 0);
        return e;
}

/* Whether it has networkd ask for an address: that goes on until it has read its files anew. */
static bool asks(const char *text)
{
        return text && strstr(text, "\nDHCP=ipv4");
}

static int put_back(struct rv_call *c, const char *text, struct rv_error *err)
{
        const struct rv_arg *path = &c->key[NetPersistentFile_Path];
        if (path->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a file is named by its Path");
        rv_about(err, NULL, path->s, NULL);
        rv_change(c, text ? "Content" : "Path", text ? NULL : path->s, text);
        size_t n;
        char *old = rv_slurp(path->s, 1 << 20, &n);
        const bool dhcp = asks(old) != asks(text) &&
                          strncmp(path->s, RV_NET_NETWORKD_FOLDER, sizeof RV_NET_NETWORKD_FOLDER - 1) == 0;
        int e = rv_netstore_put_back(path->s, text, c->what_if, err);
        free(old);
        return e || !dhcp || c->what_if ? e : rv_dhcp_reload(c->deadline, err);
}

static int file_write(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetPersistentFile_Write_in *in = args;
        int e = put_back(c, in->Content, err);
        if (e == RV_OK)
                NetPersistentFile_Write_out_set_ReturnValue(c->out, 0);
        return e;
}

static int file_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int e = put_back(c, NULL, err);
        if (e == RV_OK)
                NetPersistentFile_Delete_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[NetPersistentFile_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [NetPersistentFile_method_Create] = file_create,
        [NetPersistentFile_method_Write] = file_write,
        [NetPersistentFile_method_Delete] = file_delete
};

static const struct rv_provider netpersistentfile = { .class = &NetPersistentFile_class,
                                                      .query = file_query,
                                                      .methods = methods };

RV_PROVIDERS(netpersistentfile, &netpersistentfile);
