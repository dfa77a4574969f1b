/* SPDX-License-Identifier: MIT
 *
 * NetFirewallTable, NetFirewallChain: tables and chains of nftables. A table can be read and replaced as a whole, which
 * is how a confirmed change of the firewall is put back.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "gen/NetFirewallChain.h"
#include "gen/NetFirewallTable.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"
#include "providers/lib/nftmodel.h"

static bool ours(const char *family, const char *name)
{
        return strcmp(family, RV_NFT_FAMILY) == 0 &&
               (strcmp(name, RV_NFT_LASTING) == 0 || strcmp(name, RV_NFT_PASSING) == 0);
}

static const char *text(json_t *j, const char *name)
{
        const char *s = json_string_value(json_object_get(j, name));
        return s ? s : "";
}

/* ---- reading ---- */

static int emit_table(const struct rv_query *q, struct rv_sink *out, json_t *t, struct rv_error *err)
{
        const char *family = text(t, "family"), *name = text(t, "name");
        bool xt = json_is_true(json_object_get(t, "xt"));
        char *definition = NULL;
        if (rv_asked(q, NetFirewallTable_Definition) && !xt) {
                struct rv_error gone = { 0 };
                int e = rv_nft_definition(family, name, q->deadline, &definition, &gone);
                if (e == RV_NOT_FOUND)
                        return RV_OK; /* meanwhile */
                if (e)
                        return rv_fail(err, gone.code ? gone.code : RV_FAILED, "%s", gone.message);
        }
        struct rv_row *row = rv_row(out);
        rv_fill(row, NetFirewallTable_Family, family);
        rv_fill(row, NetFirewallTable_Name, name);
        NetFirewallTable_set_Handle(row, (uint64_t)json_integer_value(json_object_get(t, "handle")));
        rv_fill(row, NetFirewallTable_Owner, ours(family, name) ? "reeve" : xt ? "iptables" : NULL);
        rv_fill(row, NetFirewallTable_Definition, definition);
        free(definition);
        return rv_emit(out, row);
}

static int table_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_fw_model m;
        const char *key;
        json_t *t;
        int e = rv_fw_model_read(&m, q->deadline, err);
        if (e)
                return e;
        json_object_foreach(m.tables, key, t)
        {
                if (e == RV_OK)
                        e = emit_table(q, out, t, err);
        }
        rv_fw_model_free(&m);
        return e == RV_STOP ? RV_OK : e;
}

static int chain_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        static const struct rv_json_rule rules[] = { { NetFirewallChain_Family, "family", RV_J_TEXT },
                                                     { NetFirewallChain_Table, "table", RV_J_TEXT },
                                                     { NetFirewallChain_Name, "name", RV_J_TEXT },
                                                     { NetFirewallChain_Handle, "handle", RV_J_UINT },
                                                     { NetFirewallChain_Type, "type", RV_J_TEXT },
                                                     { NetFirewallChain_Hook, "hook", RV_J_TEXT },
                                                     { NetFirewallChain_Priority, "prio", RV_J_INT },
                                                     { NetFirewallChain_Policy, "policy", RV_J_TEXT },
                                                     { NetFirewallChain_Device, "dev", RV_J_TEXT } };
        struct rv_fw_model m;
        const char *key;
        json_t *chain;
        int e = rv_fw_model_read(&m, q->deadline, err);
        if (e)
                return e;
        json_object_foreach(m.chains, key, chain)
        {
                struct rv_row *row = rv_row(out);
                rv_json_fill(row, chain, rules, sizeof rules / sizeof *rules);
                NetFirewallChain_set_Rules(row,
                                           (uint32_t)json_integer_value(json_object_get(chain, "rules")));
                e = rv_emit(out, row);
                if (e)
                        break;
        }
        rv_fw_model_free(&m);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- changing ---- */

static bool is_name(const char *s)
{
        size_t n = strlen(s);
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)s[i]) && !strchr("_./-", s[i]))
                        return false;
        return n && n < 256 && (isalpha((unsigned char)*s) || *s == '_');
}

/* Says whether the table is there. */
static int there(const char *family, const char *name, uint64_t deadline, bool *ret_there, bool *ret_xt,
                 struct rv_error *err)
{
        struct rv_fw_model m;
        int e = rv_fw_model_read(&m, deadline, err);
        if (e)
                return e;
        json_t *t = rv_fw_table(&m, family, name);
        *ret_there = t != NULL;
        *ret_xt = json_is_true(json_object_get(t, "xt"));
        rv_fw_model_free(&m);
        return RV_OK;
}

/* A definition is of this table alone: its first words say so, and the first brace that closes ends it. */
static int check_definition(const char *family, const char *name, const char *definition,
                            struct rv_error *err)
{
        char head[300];
        int n = snprintf(head, sizeof head, "table %s %s {", family, name), depth = 0;
        bool good = strncmp(definition, head, (size_t)n) == 0, quoted = false;
        const char *p = definition;
        for (; good && *p; p++) {
                quoted ^= *p == '"';
                depth += quoted ? 0 : *p == '{' ? 1 : *p == '}' ? -1 : 0;
                if (*p == '}' && depth == 0 && !quoted)
                        break;
        }
        good = good && *p && p[1 + strspn(p + 1, " \t\n")] == 0;
        if (good)
                return RV_OK;
        rv_about(err, NULL, NULL, "Definition");
        return rv_fail(err, RV_INVALID_PARAMETER,
                       "the definition is not of this table alone: it is to be '%.100s ... }'", head);
}

static int load(struct rv_call *c, const char *family, const char *name, const char *definition, bool replace,
                struct rv_error *err)
{
        char *all = NULL, doing[128];
        int e = definition ? check_definition(family, name, definition, err) : RV_OK;
        if (e)
                return e;
        snprintf(doing, sizeof doing, "load the table %s %.60s", family, name);
        int n = replace ? asprintf(&all, "table %s %s\ndelete table %s %s\n%s", family, name, family, name,
                                   definition ? definition : "")
                        : asprintf(&all, "%s %s %s\n%s", "add table", family, name,
                                   definition ? definition : "");
        if (n < 0)
                return -ENOMEM;
        e = rv_nft_load(all, c->what_if, doing, c->deadline, err);
        free(all);
        if (e == RV_OK && !c->what_if && ours(family, name))
                e = rv_nft_store_save(c->deadline, err);
        return e;
}

static int table_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetFirewallTable_Create_in *in = args;
        const char *family = in->has_Family ? in->Family : "inet";
        bool is_there = false, xt;
        if (!is_name(in->Name)) {
                rv_about(err, NULL, NULL, "Name");
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no name of a table", in->Name);
        }
        rv_fw_lock();
        int e = there(family, in->Name, c->deadline, &is_there, &xt, err);
        if (e == RV_OK && is_there)
                e = rv_fail(err, RV_ALREADY_EXISTS, "there is a table %s %.60s already", family, in->Name);
        if (e == RV_OK) {
                rv_change(c, "Name", NULL, in->Name);
                e = load(c, family, in->Name, in->has_Definition ? in->Definition : NULL, false, err);
        }
        rv_fw_unlock();
        if (e == RV_OK)
                NetFirewallTable_Create_out_set_ReturnValue(c->out, 0);
        return e;
}

/* The table of the key, which is there and not iptables'. */
static int named(struct rv_call *c, const char **ret_family, const char **ret_name, struct rv_error *err)
{
        const struct rv_arg *family = &c->key[NetFirewallTable_Family],
                            *name = &c->key[NetFirewallTable_Name];
        bool is_there = false, xt = false;
        *ret_family = family->type ? family->s : "inet";
        *ret_name = name->s;
        if (name->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a table is named by its Family and Name");
        rv_about(err, NULL, name->s, NULL);
        int e = there(*ret_family, name->s, c->deadline, &is_there, &xt, err);
        if (e == RV_OK && !is_there)
                e = rv_fail(err, RV_NOT_FOUND, "there is no table %s %.60s", *ret_family, name->s);
        if (e == RV_OK && xt) {
                rv_fail(err, RV_NOT_SUPPORTED, "the table %s %.60s is iptables': nft could not put it back",
                        *ret_family, name->s);
                e = rv_hint(err, "iptables-restore replaces it.");
        }
        return e;
}

static int table_load(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetFirewallTable_Load_in *in = args;
        const char *family, *name;
        rv_fw_lock();
        int e = named(c, &family, &name, err);
        if (e == RV_OK) {
                rv_change(c, "Definition", NULL, in->Definition);
                e = load(c, family, name, in->Definition, true, err);
        }
        rv_fw_unlock();
        if (e == RV_OK)
                NetFirewallTable_Load_out_set_ReturnValue(c->out, 0);
        return e;
}

static int table_delete(struct rv_call *c, const void *args, struct rv_error *err)
{
        (void)args;
        const char *family, *name;
        rv_fw_lock();
        int e = named(c, &family, &name, err);
        if (e == RV_OK) {
                rv_change(c, "Name", name, NULL);
                e = load(c, family, name, NULL, true, err);
        }
        rv_fw_unlock();
        if (e == RV_OK)
                NetFirewallTable_Delete_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[NetFirewallTable_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [NetFirewallTable_method_Create] = table_create,
        [NetFirewallTable_method_Load] = table_load,
        [NetFirewallTable_method_Delete] = table_delete
};

static const struct rv_provider netfirewalltable = { .class = &NetFirewallTable_class,
                                                     .query = table_query,
                                                     .methods = methods };
static const struct rv_provider netfirewallchain = { .class = &NetFirewallChain_class, .query = chain_query };

RV_PROVIDERS(netfirewalltable, &netfirewalltable, &netfirewallchain);
