/* SPDX-License-Identifier: MIT
 *
 * NetFirewallProfile: the policies of reeve's own chains. One that blocks comes with the few rules without which a host
 * falls silent; they are rules as any other, with names that begin with "base-".
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/provider.h"
#include "gen/NetFirewallProfile.h"
#include "providers/lib/fill.h"
#include "providers/lib/nftmodel.h"

static const char *const words[2] = { "Allow", "Block" };

/* Whether each direction blocks now, and which of the base rules there are. */
struct now {
        bool blocks[4];
        uint64_t base[4][3]; /* handles; 0: not there */
};

/* Rules that a blocking chain needs; %s is the interface's key. NULL: not for this direction. */
static const struct base {
        const char *name, *display, *expr;
        bool forward;
} bases[3] = {
        { "established", "What belongs to connections that are there",
          "[{\"match\":{\"op\":\"in\",\"left\":{\"ct\":{\"key\":\"state\"}},\"right\":[\"established\","
          "\"related\"]}},"
          "{\"accept\":null}]",
          true },
        { "loopback", "The host with itself",
          "[{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"%s\"}},\"right\":\"lo\"}},{\"accept\":"
          "null}]",
          false },
        { "neighbours", "What IPv6 needs to find its neighbours",
          "[{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"icmpv6\",\"field\":\"type\"}},"
          "\"right\":{\"set\":["
          "\"nd-neighbor-solicit\",\"nd-neighbor-advert\",\"nd-router-solicit\",\"nd-router-advert\"]}}},{"
          "\"accept\":null}]",
          false },
};

static void base_name(char *ret, size_t size, int direction, int which)
{
        snprintf(ret, size, "base-%s-%s", rv_fw_chain(direction, true), bases[which].name);
}

static int on_rule(void *state, const struct rv_fw_one *o)
{
        struct now *n = state;
        char name[64];
        if (!o->ours || strcmp(o->table, RV_NFT_LASTING) != 0)
                return 0;
        for (int d = RV_FW_IN; d <= RV_FW_FORWARD; d++)
                for (int i = 0; i < 3; i++) {
                        base_name(name, sizeof name, d, i);
                        if (strcmp(name, o->name) == 0)
                                n->base[d][i] = o->handle;
                }
        return 0;
}

static int read_now(struct now *n, uint64_t deadline, struct rv_error *err)
{
        struct rv_fw_model m;
        char key[64];
        *n = (struct now) { 0 };
        int e = rv_fw_model_read(&m, deadline, err);
        if (e)
                return e;
        for (int d = RV_FW_IN; d <= RV_FW_FORWARD; d++) {
                snprintf(key, sizeof key, RV_NFT_FAMILY " " RV_NFT_LASTING " %s", rv_fw_chain(d, true));
                const char *policy =
                        json_string_value(json_object_get(json_object_get(m.chains, key), "policy"));
                n->blocks[d] = policy && strcmp(policy, "drop") == 0;
        }
        e = rv_fw_each(&m, on_rule, n);
        rv_fw_model_free(&m);
        return e;
}

static int profile_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct now n;
        int e = read_now(&n, q->deadline, err);
        if (e)
                return e;
        struct rv_row *row = rv_row(out);
        rv_fill(row, NetFirewallProfile_DefaultInboundAction, words[n.blocks[RV_FW_IN]]);
        rv_fill(row, NetFirewallProfile_DefaultOutboundAction, words[n.blocks[RV_FW_OUT]]);
        rv_fill(row, NetFirewallProfile_DefaultForwardAction, words[n.blocks[RV_FW_FORWARD]]);
        rv_fill(row, NetFirewallProfile_PolicyStore,
                rv_nft_store_holds() ? "PersistentStore" : "ActiveStore");
        e = rv_emit(out, row);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- setting ---- */

static void put_policy(json_t *commands, int d, bool block)
{
        json_array_append_new(commands,
                              json_pack("{s:{s:{s:s, s:s, s:s, s:s, s:s, s:i, s:s}}}", "add", "chain",
                                        "family", RV_NFT_FAMILY, "table", RV_NFT_LASTING, "name",
                                        rv_fw_chain(d, true), "type", "filter", "hook", rv_fw_chain(d, true),
                                        "prio", 0, "policy", block ? "drop" : "accept"));
}

static void put_bases(json_t *commands, const struct now *n, int d, bool block)
{
        for (int i = 0; i < 3; i++) {
                char name[64], comment[RV_FW_TEXT], expr[512];
                const struct base *b = &bases[i];
                json_t *place = json_pack("{s:s, s:s, s:s}", "family", RV_NFT_FAMILY, "table", RV_NFT_LASTING,
                                          "chain", rv_fw_chain(d, true));
                base_name(name, sizeof name, d, i);
                if (block && !n->base[d][i] && (d != RV_FW_FORWARD || b->forward)) {
                        snprintf(comment, sizeof comment, "%.63s: %.60s", name, b->display);
                        snprintf(expr, sizeof expr, b->expr, d == RV_FW_OUT ? "oifname" : "iifname");
                        json_object_set_new(place, "comment", json_string(comment));
                        json_object_set_new(place, "expr", json_loads(expr, 0, NULL));
                        json_array_append_new(commands, json_pack("{s:{s:O}}", "add", "rule", place));
                } else if (!block && n->base[d][i]) {
                        json_object_set_new(place, "handle", json_integer((json_int_t)n->base[d][i]));
                        json_array_append_new(commands, json_pack("{s:{s:O}}", "delete", "rule", place));
                }
                json_decref(place);
        }
}

static int set(struct rv_call *c, const char *const wanted[4], struct rv_error *err)
{
        static const char *const properties[] = { NULL, "DefaultInboundAction", "DefaultOutboundAction",
                                                  "DefaultForwardAction" };
        struct now n;
        bool any = false;
        int e = read_now(&n, c->deadline, err);
        if (e)
                return e;
        json_t *commands = json_array();
        rv_fw_ensure(commands, RV_NFT_LASTING);
        for (int d = RV_FW_IN; d <= RV_FW_FORWARD; d++) {
                bool block = wanted[d] && strcasecmp(wanted[d], "Block") == 0;
                if (!wanted[d] || block == n.blocks[d])
                        continue;
                rv_change(c, properties[d], words[n.blocks[d]], words[block]);
                put_bases(commands, &n, d, block);
                put_policy(commands, d, block);
                any = true;
        }
        if (!any) {
                json_decref(commands);
                return RV_OK;
        }
        e = rv_nft_run(commands, c->what_if, "set the firewall's policies", c->deadline, err);
        return e || c->what_if ? e : rv_nft_store_save(c->deadline, err);
}

static int profile_set(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetFirewallProfile_Set_in *in = args;
        const char *wanted[4] = { NULL, in->has_DefaultInboundAction ? in->DefaultInboundAction : NULL,
                                  in->has_DefaultOutboundAction ? in->DefaultOutboundAction : NULL,
                                  in->has_DefaultForwardAction ? in->DefaultForwardAction : NULL };
        char why[200], warning[300];
        rv_fw_lock();
        int e = set(c, wanted, err);
        rv_fw_unlock();
        if (e)
                return e;
        if (!rv_nft_store_works(why, sizeof why)) {
                snprintf(warning, sizeof warning, "This is not kept for the next boots: %s.", why);
                rv_fill(c->out, NetFirewallProfile_Set_out_Warning, warning);
        }
        NetFirewallProfile_Set_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int (*const methods[NetFirewallProfile_nmethods])(struct rv_call *, const void *,
                                                         struct rv_error *) = {
        [NetFirewallProfile_method_Set] = profile_set
};

static const struct rv_provider netfirewallprofile = { .class = &NetFirewallProfile_class,
                                                       .query = profile_query,
                                                       .methods = methods };

RV_PROVIDERS(netfirewallprofile, &netfirewallprofile);
