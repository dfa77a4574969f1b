/* SPDX-License-Identifier: MIT
 *
 * NetFirewallRule: rules of nftables. Those of reeve lie in two tables of its own: one that is written to a file for
 * the next boots, one that is not. A rule's comment holds its name. A disabled rule lies in a chain that nothing leads
 * to, so that all there is to know of a rule is in the kernel and changes of it are one transaction.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "agent/provider.h"
#include "gen/NetFirewallRule.h"
#include "providers/lib/fill.h"
#include "providers/lib/jsonrow.h"
#include "providers/lib/netlink.h"
#include "providers/lib/nftmodel.h"

static const unsigned list_ids[RV_FW_LISTS] = {
        NetFirewallRule_LocalPort,    NetFirewallRule_RemotePort,    NetFirewallRule_IcmpType,
        NetFirewallRule_LocalAddress, NetFirewallRule_RemoteAddress, NetFirewallRule_InterfaceAlias
};

/* ---- reading ---- */

struct reader {
        const struct rv_query *q;
        struct rv_sink *out;
        bool lasting; /* the next boot brings back what is in the table for it */
};

static void fill_words(struct rv_row *row, const struct rv_fw_one *o)
{
        struct rv_fw_rule r;
        json_t *any = json_pack("[s]", "Any");
        rv_fw_read(&r, json_object_get(o->rule, "expr"), o->direction);
        rv_fill(row, NetFirewallRule_Action, r.action);
        rv_fill(row, NetFirewallRule_Protocol, r.protocol[0] ? r.protocol : "Any");
        rv_fill(row, NetFirewallRule_JumpTarget, r.target);
        NetFirewallRule_set_Complete(row, r.complete);
        for (int i = 0; i < RV_FW_LISTS; i++)
                rv_json_list(row, list_ids[i], r.list[i] ? r.list[i] : any);
        if (r.counts) {
                NetFirewallRule_set_Packets(row, r.packets);
                NetFirewallRule_set_Bytes(row, r.bytes);
        }
        json_decref(any);
        rv_fw_clear(&r);
}

static int on_rule(void *state, const struct rv_fw_one *o)
{
        struct reader *r = state;
        const struct rv_arg *name = rv_equals(r->q, NetFirewallRule_Name);
        if (name && strcasecmp(name->s, o->name) != 0)
                return 0;
        struct rv_row *row = rv_row(r->out);
        rv_fill(row, NetFirewallRule_Name, o->name);
        rv_fill(row, NetFirewallRule_DisplayName, o->display);
        NetFirewallRule_set_Enabled(row, o->enabled);
        rv_fill(row, NetFirewallRule_Direction, rv_fw_directions[o->direction]);
        fill_words(row, o);
        rv_fill(row, NetFirewallRule_Family, o->family);
        rv_fill(row, NetFirewallRule_Table, o->table);
        rv_fill(row, NetFirewallRule_Chain, o->chain);
        NetFirewallRule_set_Handle(row, o->handle);
        NetFirewallRule_set_Position(row, o->position);
        if (NetFirewallRule_wants_Expression(row)) {
                char *text = json_dumps(json_object_get(o->rule, "expr"), JSON_COMPACT);
                rv_fill(row, NetFirewallRule_Expression, text);
                free(text);
        }
        rv_fill(row, NetFirewallRule_Comment, o->comment);
        rv_fill(row, NetFirewallRule_Owner, o->ours ? "reeve" : o->xt ? "iptables" : NULL);
        if (o->ours)
                rv_fill(row, NetFirewallRule_PolicyStore,
                        r->lasting && strcmp(o->table, RV_NFT_LASTING) == 0 ? "PersistentStore"
                                                                            : "ActiveStore");
        int e = rv_emit(r->out, row);
        return e ? e : rv_cancelled(r->q->call) ? RV_STOP : 0;
}

static int rule_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct reader r = { .q = q, .out = out };
        struct rv_fw_model m;
        int e = rv_fw_model_read(&m, q->deadline, err);
        if (e)
                return e;
        r.lasting = rv_asked(q, NetFirewallRule_PolicyStore) && rv_nft_store_holds();
        e = rv_fw_each(&m, on_rule, &r);
        rv_fw_model_free(&m);
        return e == RV_STOP ? RV_OK : e;
}

/* ---- a rule as it is to be ---- */

struct wanted {
        char name[RV_FW_NAME], display[RV_FW_TEXT], table[16], action[8];
        bool enabled;
        enum rv_fw_direction direction;
        struct rv_fw_rule r;
};

/* What a caller gave; NULL: nothing of it. */
struct given {
        const char *name, *display, *enabled, *direction, *action, *protocol;
        const struct rv_arg *list[RV_FW_LISTS];
        uint32_t n[RV_FW_LISTS];
        bool has[RV_FW_LISTS];
};

#define TEXT(in, p) ((in)->has_##p ? (in)->p : NULL)
#define LISTS(g, in) \
        do { \
                const struct rv_arg *const lists[] = { (in)->LocalPort,     (in)->RemotePort, \
                                                       (in)->IcmpType,      (in)->LocalAddress, \
                                                       (in)->RemoteAddress, (in)->InterfaceAlias }; \
                const uint32_t counts[] = { (in)->LocalPort_n,     (in)->RemotePort_n, \
                                            (in)->IcmpType_n,      (in)->LocalAddress_n, \
                                            (in)->RemoteAddress_n, (in)->InterfaceAlias_n }; \
                const bool has[] = { \
                        (in)->has_LocalPort,    (in)->has_RemotePort,    (in)->has_IcmpType, \
                        (in)->has_LocalAddress, (in)->has_RemoteAddress, (in)->has_InterfaceAlias \
                }; \
                for (int i = 0; i < RV_FW_LISTS; i++) { \
                        (g)->list[i] = lists[i]; \
                        (g)->n[i] = counts[i]; \
                        (g)->has[i] = has[i]; \
                } \
        } while (0)

static struct given given_values(const struct rv_values *v, const struct rv_arg *key)
{
        const struct rv_arg *a = v->v;
        struct given g = { 0 };
#define VALUE(p) \
        (rv_bit(v->set, NetFirewallRule_##p) && a[NetFirewallRule_##p].type == RV_STRING \
                 ? a[NetFirewallRule_##p].s \
                 : NULL)
        g.name = key && key[NetFirewallRule_Name].type ? key[NetFirewallRule_Name].s : VALUE(Name);
        g.display =
                rv_bit(v->set, NetFirewallRule_DisplayName) && !VALUE(DisplayName) ? "" : VALUE(DisplayName);
        g.direction = VALUE(Direction);
        g.action = VALUE(Action);
        g.protocol = rv_bit(v->set, NetFirewallRule_Protocol) && !VALUE(Protocol) ? "Any" : VALUE(Protocol);
#undef VALUE
        if (rv_bit(v->set, NetFirewallRule_Enabled) && a[NetFirewallRule_Enabled].type == RV_BOOL)
                g.enabled = a[NetFirewallRule_Enabled].b ? "True" : "False";
        for (int i = 0; i < RV_FW_LISTS; i++) {
                const struct rv_arg *l = &a[list_ids[i]];
                g.has[i] = rv_bit(v->set, list_ids[i]);
                if (g.has[i] && l->type == RV_LIST) {
                        g.list[i] = l->items;
                        g.n[i] = l->len;
                }
        }
        return g;
}

static int refuse(struct rv_error *err, const char *property, const char *why, const char *value)
{
        rv_about(err, NULL, NULL, property);
        return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' %s", value, why);
}

/* What lies in a comment of nft between quotes, and what a name must not be taken for. */
static bool fits(const char *s, bool name)
{
        for (const char *p = s; *p; p++)
                if ((unsigned char)*p < ' ' || *p == '"' || *p == '\\' || *p == 127 ||
                    (name && (*p == ':' || *p == ' ')))
                        return false;
        return true;
}

static int set_texts(struct wanted *w, const struct given *g, struct rv_error *err)
{
        if (g->name) {
                if (!*g->name || strlen(g->name) >= sizeof w->name || !fits(g->name, true))
                        return refuse(err, "Name",
                                      "is no name of a rule: 1 to 60 bytes without blanks, quotes and colons",
                                      g->name);
                snprintf(w->name, sizeof w->name, "%s", g->name);
        }
        if (g->display) {
                if (!fits(g->display, false))
                        return refuse(err, "DisplayName", "has quotes, backslashes or control characters",
                                      g->display);
                if (strlen(w->name) + strlen(g->display) + 3 > RV_FW_TEXT)
                        return refuse(err, "DisplayName", "is too long: with the Name 125 bytes are kept",
                                      g->display);
                snprintf(w->display, sizeof w->display, "%s",
                         strcmp(g->display, w->name) == 0 ? "" : g->display);
        }
        return RV_OK;
}

static int set_words(struct wanted *w, const struct given *g, struct rv_error *err)
{
        if (g->enabled)
                w->enabled = strcasecmp(g->enabled, "True") == 0;
        for (int d = RV_FW_IN; g->direction && d <= RV_FW_FORWARD; d++)
                if (strcasecmp(g->direction, rv_fw_directions[d]) == 0)
                        w->direction = d;
        if (g->action) {
                static const char *const actions[] = { "Allow", "Block", "Reject" };
                w->action[0] = 0;
                for (size_t i = 0; i < 3; i++)
                        if (strcasecmp(g->action, actions[i]) == 0)
                                snprintf(w->action, sizeof w->action, "%s", actions[i]);
                if (!w->action[0])
                        return refuse(err, "Action", "cannot be made: Allow, Block or Reject", g->action);
        }
        w->r.action = w->action;
        if (g->protocol) {
                if (strlen(g->protocol) >= sizeof w->r.protocol)
                        return refuse(err, "Protocol", "is no protocol", g->protocol);
                snprintf(w->r.protocol, sizeof w->r.protocol, "%s",
                         strcasecmp(g->protocol, "Any") == 0 ? "" : g->protocol);
        }
        return RV_OK;
}

static int overlay(struct wanted *w, const struct given *g, struct rv_error *err)
{
        int e = set_texts(w, g, err);
        if (e == RV_OK)
                e = set_words(w, g, err);
        for (int i = 0; e == RV_OK && i < RV_FW_LISTS; i++) {
                if (!g->has[i])
                        continue;
                json_t *list = json_array();
                for (uint32_t k = 0; k < g->n[i]; k++)
                        if (g->list[i][k].type == RV_STRING && strcasecmp(g->list[i][k].s, "Any") != 0)
                                json_array_append_new(list, json_string(g->list[i][k].s));
                json_decref(w->r.list[i]);
                w->r.list[i] = json_array_size(list) ? list : NULL;
                if (!w->r.list[i])
                        json_decref(list);
        }
        return e;
}

/* ---- commands ---- */

static json_t *place(const char *table, const char *chain)
{
        return json_pack("{s:s, s:s, s:s}", "family", RV_NFT_FAMILY, "table", table, "chain", chain);
}

/* Those that block come first. */
static bool first(const struct wanted *w)
{
        return strcmp(w->action, "Allow") != 0;
}

/* how: "add" or "insert"; after the rule with the position (by its index: 1.0.6 does not heed a handle), or at the
 * end or the beginning. */
static int put_rule(json_t *commands, const struct wanted *w, const char *how, unsigned position,
                    struct rv_error *err)
{
        char comment[RV_FW_TEXT + RV_FW_NAME + 2];
        json_t *expr = rv_fw_write(&w->r, w->direction, err);
        if (!expr)
                return err && err->code ? err->code : -ENOMEM;
        json_t *rule = place(w->table, rv_fw_chain(w->direction, w->enabled));
        snprintf(comment, sizeof comment, "%s%s%s", w->name, w->display[0] ? ": " : "", w->display);
        json_object_set_new(rule, "comment", json_string(comment));
        json_object_set_new(rule, "expr", expr);
        if (position)
                json_object_set_new(rule, "index", json_integer(position - 1));
        json_array_append_new(commands, json_pack("{s:{s:o}}", how, "rule", rule));
        return RV_OK;
}

static void put_delete(json_t *commands, const char *family, const char *table, const char *chain,
                       uint64_t handle)
{
        json_array_append_new(commands,
                              json_pack("{s:{s:{s:s, s:s, s:s, s:I}}}", "delete", "rule", "family", family,
                                        "table", table, "chain", chain, "handle", (json_int_t)handle));
}

/* Runs the commands (taken) and keeps reeve's table for the next boots. */
static int carry_out(struct rv_call *c, json_t *commands, const char *doing, const char *table,
                     struct rv_error *err)
{
        int e = rv_nft_run(commands, c->what_if, doing, c->deadline, err);
        if (e == RV_OK && !c->what_if && strcmp(table, RV_NFT_LASTING) == 0)
                e = rv_nft_store_save(c->deadline, err);
        return e;
}

/* ---- finding ---- */

struct search {
        const char *name;
        bool found, ours, xt, complete;
        char family[16], table[300], chain[300];
        uint64_t handle;
        unsigned position;
        struct wanted w; /* of reeve's own */
};

static int on_search(void *state, const struct rv_fw_one *o)
{
        struct search *s = state;
        if (strcmp(s->name, o->name) != 0)
                return 0;
        s->found = true;
        s->ours = o->ours;
        s->xt = o->xt;
        s->handle = o->handle;
        s->position = o->position;
        snprintf(s->family, sizeof s->family, "%s", o->family);
        snprintf(s->table, sizeof s->table, "%s", o->table);
        snprintf(s->chain, sizeof s->chain, "%s", o->chain);
        if (!o->ours)
                return 1;
        struct wanted *w = &s->w;
        snprintf(w->name, sizeof w->name, "%.63s", o->name);
        snprintf(w->display, sizeof w->display, "%s", o->display);
        snprintf(w->table, sizeof w->table, "%.15s", o->table);
        w->enabled = o->enabled;
        w->direction = o->direction;
        rv_fw_read(&w->r, json_object_get(o->rule, "expr"), o->direction);
        snprintf(w->action, sizeof w->action, "%.7s", w->r.action);
        w->r.target = NULL;
        w->r.action = w->action;
        s->complete = w->r.complete;
        return 1;
}

static int find(struct search *s, const char *name, uint64_t deadline, struct rv_error *err)
{
        struct rv_fw_model m;
        *s = (struct search) { .name = name };
        int e = rv_fw_model_read(&m, deadline, err);
        if (e)
                return e;
        rv_fw_each(&m, on_search, s);
        rv_fw_model_free(&m);
        return RV_OK;
}

static int find_key(struct rv_call *c, struct search *s, bool to_change, struct rv_error *err)
{
        const struct rv_arg *k = &c->key[NetFirewallRule_Name];
        if (k->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a rule is named by its Name");
        rv_about(err, NULL, k->s, NULL);
        int e = find(s, k->s, c->deadline, err);
        if (e)
                return e;
        if (!s->found)
                return rv_fail(err, RV_NOT_FOUND, "there is no firewall rule %.100s", k->s);
        if (to_change && (!s->ours || !s->complete)) {
                rv_fail(err, RV_NOT_SUPPORTED, "the rule %.100s was %s: it is not changed here", k->s,
                        s->ours ? "changed by hand" : "not made by reeve");
                return rv_hint(err,
                               "Remove-NetFirewallRule can take it away; New-NetFirewallRule makes one.");
        }
        return RV_OK;
}

/* ---- create ---- */

static int make_name(struct wanted *w)
{
        uint32_t r[4];
        if (getrandom(r, sizeof r, 0) != sizeof r)
                return -EIO;
        snprintf(w->name, sizeof w->name, "{%08X-%04X-%04X-%04X-%04X%08X}", r[0], r[1] >> 16, r[1] & 0xffff,
                 r[2] >> 16, r[2] & 0xffff, r[3]);
        return RV_OK;
}

static int store_of(const char *store, struct wanted *w, char *why, size_t size, struct rv_error *err)
{
        bool passing = store && strcasecmp(store, "ActiveStore") == 0;
        why[0] = 0;
        snprintf(w->table, sizeof w->table, "%s", passing ? RV_NFT_PASSING : RV_NFT_LASTING);
        if (passing || rv_nft_store_works(why, size) || !store)
                return RV_OK;
        rv_about(err, NULL, NULL, "PolicyStore");
        rv_fail(err, RV_NOT_SUPPORTED, "the rule cannot be kept for the next boots: %s", why);
        return rv_hint(err, "Start-Service and Set-Service nftables -StartupType Automatic, or -PolicyStore "
                            "ActiveStore.");
}

static int create(struct rv_call *c, const struct given *g, const char *store, char *why, size_t size,
                  struct wanted *w, struct rv_error *err)
{
        struct search s = { 0 };
        char doing[128];
        *w = (struct wanted) { .enabled = true, .direction = RV_FW_IN, .action = "Allow" };
        int e = g->name ? RV_OK : make_name(w);
        if (e == RV_OK)
                e = overlay(w, g, err);
        if (e == RV_OK)
                e = store_of(store, w, why, size, err);
        if (e)
                return e;
        rv_about(err, NULL, w->name, NULL);
        rv_fw_lock();
        e = find(&s, w->name, c->deadline, err);
        rv_fw_clear(&s.w.r);
        if (e == RV_OK && s.found)
                e = rv_fail(err, RV_ALREADY_EXISTS, "there is a firewall rule %s already", w->name);
        if (e == RV_OK) {
                json_t *commands = json_array();
                snprintf(doing, sizeof doing, "make the rule %s", w->name);
                rv_change(c, "Name", NULL, w->name);
                rv_fw_ensure(commands, w->table);
                e = put_rule(commands, w, first(w) ? "insert" : "add", 0, err);
                e = e ? (json_decref(commands), e) : carry_out(c, commands, doing, w->table, err);
        }
        rv_fw_unlock();
        return e;
}

static int rule_create(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetFirewallRule_Create_in *in = args;
        struct given g = { .name = TEXT(in, Name),
                           .display = TEXT(in, DisplayName),
                           .enabled = TEXT(in, Enabled),
                           .direction = TEXT(in, Direction),
                           .action = TEXT(in, Action),
                           .protocol = TEXT(in, Protocol) };
        struct wanted w;
        char why[200], warning[300];
        LISTS(&g, in);
        int e = create(c, &g, TEXT(in, PolicyStore), why, sizeof why, &w, err);
        rv_fw_clear(&w.r);
        if (e)
                return e;
        rv_fill(c->out, NetFirewallRule_Create_out_Name, w.name);
        if (why[0]) {
                snprintf(warning, sizeof warning, "The rule is not kept for the next boots: %s.", why);
                rv_fill(c->out, NetFirewallRule_Create_out_Warning, warning);
        }
        NetFirewallRule_Create_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int instance_create(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct given g = given_values(v, c->key);
        struct wanted w;
        char why[200];
        if (!g.name)
                return rv_fail(err, RV_INVALID_PARAMETER, "a rule needs a Name");
        int e = create(c, &g, NULL, why, sizeof why, &w, err);
        rv_fw_clear(&w.r);
        return e;
}

/* ---- change ---- */

static bool tell_text(struct rv_call *c, const char *property, const char *from, const char *to)
{
        if (strcasecmp(from, to) == 0 && (strcmp(property, "DisplayName") != 0 || strcmp(from, to) == 0))
                return false;
        rv_change(c, property, from, to);
        return true;
}

static bool tell_list(struct rv_call *c, const char *property, json_t *from, json_t *to)
{
        if (from == to || (from && to && json_equal(from, to)))
                return false;
        char *a = from ? json_dumps(from, JSON_COMPACT) : NULL, *b = to ? json_dumps(to, JSON_COMPACT) : NULL;
        rv_change(c, property, a ? a : "Any", b ? b : "Any");
        free(a);
        free(b);
        return true;
}

/* What differs is told; false: nothing does. */
static bool tell(struct rv_call *c, const struct wanted *was, const struct wanted *now)
{
        bool differ = tell_text(c, "Name", was->name, now->name);
        differ |= tell_text(c, "DisplayName", was->display, now->display);
        differ |= tell_text(c, "Enabled", was->enabled ? "True" : "False", now->enabled ? "True" : "False");
        differ |=
                tell_text(c, "Direction", rv_fw_directions[was->direction], rv_fw_directions[now->direction]);
        differ |= tell_text(c, "Action", was->action, now->action);
        differ |= tell_text(c, "Protocol", was->r.protocol[0] ? was->r.protocol : "Any",
                            now->r.protocol[0] ? now->r.protocol : "Any");
        for (int i = 0; i < RV_FW_LISTS; i++)
                differ |= tell_list(c, rv_fw_lists[i], was->r.list[i], now->r.list[i]);
        return differ;
}

static int commands_of(json_t *commands, const struct search *s, const struct wanted *now,
                       struct rv_error *err)
{
        bool stays = strcmp(s->chain, rv_fw_chain(now->direction, now->enabled)) == 0 &&
                     first(&s->w) == first(now);
        if (!stays)
                rv_fw_ensure(commands, now->table);
        /* Not by "replace": nft 1.0.6 ends with a fault of its own where the ruleset has certain other rules. */
        int e = put_rule(commands, now, !stays && first(now) ? "insert" : "add", stays ? s->position : 0,
                         err);
        put_delete(commands, s->family, s->table, s->chain, s->handle);
        return e;
}

static int name_is_free(const char *name, uint64_t deadline, struct rv_error *err)
{
        struct search other;
        int e = find(&other, name, deadline, err);
        rv_fw_clear(&other.w.r);
        return e             ? e
               : other.found ? rv_fail(err, RV_ALREADY_EXISTS, "there is a firewall rule %.60s already", name)
                             : RV_OK;
}

static int change(struct rv_call *c, const struct given *g, struct rv_error *err)
{
        struct search s = { 0 };
        char doing[128];
        rv_fw_lock();
        int e = find_key(c, &s, true, err);
        struct wanted now = s.w;
        now.r.action = now.action;
        for (int i = 0; i < RV_FW_LISTS; i++)
                json_incref(now.r.list[i]);
        if (e == RV_OK)
                e = overlay(&now, g, err);
        if (e == RV_OK && strcmp(now.name, s.w.name) != 0)
                e = name_is_free(now.name, c->deadline, err);
        if (e == RV_OK && tell(c, &s.w, &now)) {
                json_t *commands = json_array();
                snprintf(doing, sizeof doing, "change the rule %s", s.w.name);
                e = commands_of(commands, &s, &now, err);
                e = e ? (json_decref(commands), e) : carry_out(c, commands, doing, now.table, err);
        }
        rv_fw_unlock();
        rv_fw_clear(&s.w.r);
        rv_fw_clear(&now.r);
        return e;
}

static int rule_set(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetFirewallRule_Set_in *in = args;
        struct given g = { .display = TEXT(in, DisplayName),
                           .enabled = TEXT(in, Enabled),
                           .direction = TEXT(in, Direction),
                           .action = TEXT(in, Action),
                           .protocol = TEXT(in, Protocol) };
        LISTS(&g, in);
        int e = change(c, &g, err);
        if (e == RV_OK)
                NetFirewallRule_Set_out_set_ReturnValue(c->out, 0);
        return e;
}

static int rule_enable(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int e = change(c, &(struct given) { .enabled = "True" }, err);
        if (e == RV_OK)
                NetFirewallRule_Enable_out_set_ReturnValue(c->out, 0);
        return e;
}

static int rule_disable(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int e = change(c, &(struct given) { .enabled = "False" }, err);
        if (e == RV_OK)
                NetFirewallRule_Disable_out_set_ReturnValue(c->out, 0);
        return e;
}

static int rule_rename(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetFirewallRule_Rename_in *in = args;
        int e = change(c, &(struct given) { .name = in->NewName }, err);
        if (e == RV_OK)
                NetFirewallRule_Rename_out_set_ReturnValue(c->out, 0);
        return e;
}

/* A copy under another name: at once, if it blocks, before all others. */
static int copy(struct rv_call *c, const struct search *s, struct wanted *new, struct rv_error *err)
{
        char doing[160];
        rv_change(c, "Name", NULL, new->name);
        json_t *commands = json_array();
        snprintf(doing, sizeof doing, "copy the rule %.60s", s->w.name);
        rv_fw_ensure(commands, new->table);
        int e = put_rule(commands, new, first(new) ? "insert" : "add", 0, err);
        return e ? (json_decref(commands), e) : carry_out(c, commands, doing, new->table, err);
}

static int rule_clone(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct NetFirewallRule_CloneObject_in *in = args;
        struct search s = { 0 };
        char why[200] = "", warning[300];
        rv_fw_lock();
        int e = find_key(c, &s, true, err);
        struct wanted new = s.w;
        new.r.action = new.action;
        const char *same = strcmp(s.w.table, RV_NFT_PASSING) == 0 ? "ActiveStore" : NULL;
        if (e == RV_OK && !in->has_NewName)
                e = make_name(&new);
        else if (e == RV_OK)
                e = overlay(&new, &(struct given) { .name = in->NewName }, err);
        if (e == RV_OK)
                e = name_is_free(new.name, c->deadline, err);
        if (e == RV_OK)
                e = store_of(in->has_NewPolicyStore ? in->NewPolicyStore : same, &new, why, sizeof why, err);
        if (e == RV_OK)
                e = copy(c, &s, &new, err);
        rv_fw_unlock();
        rv_fw_clear(&s.w.r); /* the copy's lists are the same ones */
        if (e)
                return e;
        rv_fill(c->out, NetFirewallRule_CloneObject_out_NewName, new.name);
        if (why[0]) {
                snprintf(warning, sizeof warning, "The rule is not kept for the next boots: %s.", why);
                rv_fill(c->out, NetFirewallRule_CloneObject_out_Warning, warning);
        }
        NetFirewallRule_CloneObject_out_set_ReturnValue(c->out, 0);
        return RV_OK;
}

static int instance_modify(struct rv_call *c, const struct rv_values *v, struct rv_error *err)
{
        struct given g = given_values(v, NULL);
        g.name = NULL;
        return change(c, &g, err);
}

/* ---- remove ---- */

static int instance_remove(struct rv_call *c, struct rv_error *err)
{
        struct search s = { 0 };
        char doing[160];
        rv_fw_lock();
        int e = find_key(c, &s, false, err);
        if (e == RV_OK && s.xt) {
                rv_fail(err, RV_NOT_SUPPORTED,
                        "the rule %.100s is iptables': nft could not put its table back", s.name);
                e = rv_hint(err, "iptables -D takes it away.");
        }
        if (e == RV_OK) {
                json_t *commands = json_array();
                snprintf(doing, sizeof doing, "take away the rule %.100s", s.name);
                rv_change(c, "Name", s.name, NULL);
                put_delete(commands, s.family, s.table, s.chain, s.handle);
                e = carry_out(c, commands, doing, s.ours ? s.table : "", err);
        }
        rv_fw_unlock();
        rv_fw_clear(&s.w.r);
        return e;
}

static int rule_delete(struct rv_call *c, const void *in, struct rv_error *err)
{
        (void)in;
        int e = instance_remove(c, err);
        if (e == RV_OK)
                NetFirewallRule_Delete_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[NetFirewallRule_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [NetFirewallRule_method_Create] = rule_create, [NetFirewallRule_method_Set] = rule_set,
        [NetFirewallRule_method_Enable] = rule_enable, [NetFirewallRule_method_Disable] = rule_disable,
        [NetFirewallRule_method_Rename] = rule_rename, [NetFirewallRule_method_Delete] = rule_delete,
        [NetFirewallRule_method_CloneObject] = rule_clone
};

/* ---- changes: the kernel tells of those of rules, not of what they count ---- */

static int rule_open(struct rv_error *err)
{
        (void)err;
        return rv_nft_watch();
}

static int rule_news(int fd, struct rv_news *news)
{
        int r = rv_netlink_drain(fd);
        if (r > 0)
                rv_news_changed(news);
        return r < 0 ? r : 0;
}

static const uint16_t silent[] = { NetFirewallRule_Packets, NetFirewallRule_Bytes,
                                   NetFirewallRule_Expression };
static const struct rv_push push = { .covers = RV_PUSH_ALL,
                                     .open = rule_open,
                                     .read = rule_news,
                                     .silent = silent,
                                     .nsilent = sizeof silent / sizeof *silent };

static const struct rv_provider netfirewallrule = { .class = &NetFirewallRule_class,
                                                    .query = rule_query,
                                                    .methods = methods,
                                                    .create = instance_create,
                                                    .modify = instance_modify,
                                                    .remove = instance_remove,
                                                    .push = &push };

RV_PROVIDERS(netfirewall, &netfirewallrule);
