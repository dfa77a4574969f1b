/* SPDX-License-Identifier: MIT
 *
 * New-, Get-, Remove-CimSession: links to the agents of other hosts, for -CimSession of the cmdlets in cim.c.
 */
#include <stdlib.h>
#include <string.h>

#include "shell/code.h"
#include "shell/model.h"
#include "shell/remote.h"
#include "shell/text.h"

static struct sv session_object(const struct sh_link *l)
{
        struct sv o = sh_object_new();
        const struct {
                const char *name;
                struct sv v;
        } notes[] = { { "Id", sh_int(l->id) },
                      { "Name", sh_printf("CimSession%d", l->id) },
                      { "ComputerName", sh_text(l->host) },
                      { "Protocol", sh_text("SSH") } };
        for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
                sh_object_set(o, notes[i].name, strlen(notes[i].name), notes[i].v);
                sh_drop(notes[i].v);
        }
        sh_object_type(o, "Microsoft.Management.Infrastructure.CimSession");
        return o;
}

static int new_session_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv list = sh_arg(c, "ComputerName");
        struct sh_target_options o = { .user = sh_arg_text(c, "UserName", NULL),
                                       .key = sh_arg_text(c, "KeyFilePath", NULL),
                                       .port = (int)sh_arg_int(c, "Port", 0) };
        int st = SH_OK;
        for (uint32_t i = 0; list.kind == SH_ARRAY && i < list.a->n && st == SH_OK; i++) {
                struct rv_error err = { 0 };
                struct sv name = list.a->v[i];
                struct sh_link *l =
                        name.kind == SH_STRING ? sh_link_host(sh_session(c), name.s->s, &o, &err) : NULL;
                struct sv made = l ? session_object(l) : SH_NIL;
                st = l ? sh_emit(c, made) : sh_model_error(c, &err, name);
                sh_drop(made);
        }
        return st;
}

static int get_session_end(struct sh_cmd *c)
{
        struct sv all = sh_array_new(4);
        int st = SH_OK;
        for (struct sh_link *l = sh_link_local(sh_session(c))->next; l; l = l->next)
                if (l->client)
                        sh_array_take(all.a, session_object(l));
        for (uint32_t i = 0; i < all.a->n && st == SH_OK; i++)
                st = sh_emit(c, all.a->v[i]);
        sh_drop(all);
        return st;
}

static int remove_session_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv list = sh_arg(c, "CimSession");
        int st = SH_OK;
        for (uint32_t i = 0; list.kind == SH_ARRAY && i < list.a->n && st == SH_OK; i++) {
                struct sh_link *l = sh_link_of_session(c, list.a->v[i], &st);
                if (l)
                        sh_link_close(l);
        }
        return st;
}

static const struct sh_cmdlet new_cim_session = {
        .name = "New-CimSession",
        .alias = (const char *[]) { "ncms", NULL },
        .synopsis = "Connects to the agents of other hosts, over SSH.",
        .params = (const struct sh_param[]) { { "ComputerName", .type = "string[]", .alias = "HostName,Cn",
                                                .position = 1, .mandatory = true, .from_pipeline = true,
                                                .help = "Hosts: [user@]host[:port], as ssh knows them." },
                                              { "UserName", .type = "string", .help = "User on the hosts." },
                                              { "Port", .type = "int", .help = "Port." },
                                              { "KeyFilePath", .type = "string", .complete = "path",
                                                .help = "Key file." },
                                              { 0 } },
        .process = new_session_process,
};
static const struct sh_cmdlet get_cim_session = {
        .name = "Get-CimSession",
        .alias = (const char *[]) { "gcms", NULL },
        .synopsis = "Gets the connections to agents of other hosts.",
        .params = (const struct sh_param[]) { { 0 } },
        .end = get_session_end,
};
static const struct sh_cmdlet remove_cim_session = {
        .name = "Remove-CimSession",
        .alias = (const char *[]) { "rcms", NULL },
        .synopsis = "Ends connections to agents of other hosts.",
        .params = (const struct sh_param[]) { { "CimSession", .type = "object[]", .position = 1,
                                                .mandatory = true, .from_pipeline = true,
                                                .help = "Those of New-CimSession." },
                                              { 0 } },
        .process = remove_session_process,
};

SH_CMDLETS(cimsession, &new_cim_session, &get_cim_session, &remove_cim_session);
