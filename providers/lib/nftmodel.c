/* SPDX-License-Identifier: MIT
 *
 * The ruleset as it is: see nftmodel.h. Read twice over: once for what leads where, once for the rules.
 */
#include "providers/lib/nftmodel.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 16 }; /* the kernel's own bound of jumps */

static const char *const chains[4][2] = { { NULL, NULL },
                                          { "disabled_input", "input" },
                                          { "disabled_output", "output" },
                                          { "disabled_forward", "forward" } };

const char *rv_fw_chain(enum rv_fw_direction d, bool enabled)
{
        return chains[d][enabled];
}

void rv_fw_ensure(json_t *commands, const char *table)
{
        static const char *const hooks[] = { NULL, "input", "output", "forward" };
        json_array_append_new(commands, json_pack("{s:{s:{s:s, s:s}}}", "add", "table", "family",
                                                  RV_NFT_FAMILY, "name", table));
        for (int d = RV_FW_IN; d <= RV_FW_FORWARD; d++) {
                json_array_append_new(commands, json_pack("{s:{s:{s:s, s:s, s:s, s:s, s:s, s:i}}}", "add",
                                                          "chain", "family", RV_NFT_FAMILY, "table", table,
                                                          "name", rv_fw_chain(d, true), "type", "filter",
                                                          "hook", hooks[d], "prio", 0));
                json_array_append_new(commands, json_pack("{s:{s:{s:s, s:s, s:s}}}", "add", "chain", "family",
                                                          RV_NFT_FAMILY, "table", table, "name",
                                                          rv_fw_chain(d, false)));
        }
}

static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

void rv_fw_lock(void)
{
        pthread_mutex_lock(&changing);
}

void rv_fw_unlock(void)
{
        pthread_mutex_unlock(&changing);
}

static const char *text(json_t *j, const char *name)
{
        const char *s = json_string_value(json_object_get(j, name));
        return s ? s : "";
}

/* "inet filter input" */
static void path(char *ret, size_t size, const char *family, const char *table, const char *chain)
{
        snprintf(ret, size, "%s %s%s%s", family, table, chain ? " " : "", chain ? chain : "");
}

json_t *rv_fw_table(const struct rv_fw_model *m, const char *family, const char *name)
{
        char key[600];
        path(key, sizeof key, family, name, NULL);
        return json_object_get(m->tables, key);
}

static json_t *chain_of(const struct rv_fw_model *m, json_t *rule, const char *chain)
{
        char key[900];
        path(key, sizeof key, text(rule, "family"), text(rule, "table"), chain);
        return json_object_get(m->chains, key);
}

/* ---- what leads where ---- */

/* Every jump and goto somewhere in an expression, as [from, to] chains. */
static void jumps_in(const struct rv_fw_model *m, json_t *j, json_t *rule, json_t *jumps)
{
        json_t *v;
        const char *word;
        size_t i;
        if (json_is_array(j))
                json_array_foreach(j, i, v) jumps_in(m, v, rule, jumps);
        if (!json_is_object(j))
                return;
        json_object_foreach(j, word, v)
        {
                json_t *to = strcmp(word, "jump") == 0 || strcmp(word, "goto") == 0
                                     ? chain_of(m, rule, text(v, "target"))
                                     : NULL;
                json_t *from = to ? chain_of(m, rule, text(rule, "chain")) : NULL;
                if (from)
                        json_array_append_new(jumps, json_pack("[O,O]", from, to));
                else
                        jumps_in(m, v, rule, jumps);
        }
}

static json_int_t reached(json_t *chain)
{
        return json_integer_value(json_object_get(chain, "reached"));
}

/* What reaches a chain reaches those that it leads to. */
static void spread(json_t *jumps)
{
        json_t *one;
        size_t i;
        bool more = true;
        for (int depth = 0; more && depth < DEEPEST; depth++) {
                more = false;
                json_array_foreach(jumps, i, one)
                {
                        json_t *to = json_array_get(one, 1);
                        json_int_t was = reached(to), now = was | reached(json_array_get(one, 0));
                        more |= now != was;
                        if (now != was)
                                json_object_set_new(to, "reached", json_integer(now));
                }
        }
}

static void note(struct rv_fw_model *m, json_t *object, json_t *jumps)
{
        json_t *table = json_object_get(object, "table"), *chain = json_object_get(object, "chain"),
               *rule = json_object_get(object, "rule"), *expr, *one;
        char key[900];
        size_t i;
        if (table) {
                path(key, sizeof key, text(table, "family"), text(table, "name"), NULL);
                json_object_set(m->tables, key, table);
        } else if (chain) {
                path(key, sizeof key, text(chain, "family"), text(chain, "table"), text(chain, "name"));
                enum rv_fw_direction d = rv_fw_hook(text(chain, "hook"));
                json_object_set_new(chain, "reached", json_integer(d ? 1 << d : 0));
                json_object_set(m->chains, key, chain);
        } else if (rule) {
                chain = chain_of(m, rule, text(rule, "chain"));
                expr = json_object_get(rule, "expr");
                json_object_set_new(chain, "rules",
                                    json_integer(json_integer_value(json_object_get(chain, "rules")) + 1));
                jumps_in(m, expr, rule, jumps);
                json_array_foreach(expr, i, one) if (json_object_get(one, "xt")) json_object_set_new(
                        rv_fw_table(m, text(rule, "family"), text(rule, "table")), "xt", json_true());
        }
}

int rv_fw_model_read(struct rv_fw_model *m, uint64_t deadline, struct rv_error *err)
{
        json_t *one, *jumps = json_array();
        *m = (struct rv_fw_model) { .tables = json_object(), .chains = json_object() };
        int e = jumps && m->tables && m->chains ? rv_nft_list(&m->list, deadline, err) : -ENOMEM;
        while (e == RV_OK && (one = rv_nft_next(&m->list))) {
                note(m, one, jumps);
                json_decref(one);
        }
        spread(jumps);
        json_decref(jumps);
        if (e)
                rv_fw_model_free(m);
        return e;
}

void rv_fw_model_free(struct rv_fw_model *m)
{
        json_decref(m->tables);
        json_decref(m->chains);
        m->tables = m->chains = NULL;
        rv_nft_list_free(&m->list);
}

/* ---- rules ---- */

/* The only direction of a chain; RV_FW_NONE: none or several. */
static enum rv_fw_direction direction_of(json_t *chain)
{
        for (int d = RV_FW_IN; d <= RV_FW_FORWARD; d++)
                if (reached(chain) == 1 << d)
                        return d;
        return RV_FW_NONE;
}

/* "NAME" or "NAME: DISPLAY NAME", in a chain of ours. */
static bool read_ours(struct rv_fw_one *o)
{
        if (strcmp(o->family, RV_NFT_FAMILY) != 0 ||
            (strcmp(o->table, RV_NFT_LASTING) != 0 && strcmp(o->table, RV_NFT_PASSING) != 0))
                return false;
        const char *colon = strstr(o->comment, ": ");
        size_t n = colon ? (size_t)(colon - o->comment) : strlen(o->comment);
        if (!n || n >= RV_FW_NAME)
                return false;
        for (int d = RV_FW_IN; d <= RV_FW_FORWARD; d++)
                for (int enabled = 0; enabled < 2; enabled++)
                        if (strcmp(o->chain, chains[d][enabled]) == 0) {
                                o->direction = d;
                                o->enabled = enabled;
                                snprintf(o->name, sizeof o->name, "%.*s", (int)n, o->comment);
                                snprintf(o->display, sizeof o->display, "%s", colon ? colon + 2 : "");
                                return true;
                        }
        return false;
}

static void describe(struct rv_fw_model *m, struct rv_fw_one *o, json_t *rule, json_t *names)
{
        *o = (struct rv_fw_one) { .rule = rule,
                                  .family = text(rule, "family"),
                                  .table = text(rule, "table"),
                                  .chain = text(rule, "chain"),
                                  .comment = text(rule, "comment"),
                                  .handle = (uint64_t)json_integer_value(json_object_get(rule, "handle")),
                                  .enabled = true };
        json_t *table = rv_fw_table(m, o->family, o->table), *chain = chain_of(m, rule, o->chain);
        json_int_t position = json_integer_value(json_object_get(chain, "position")) + 1;
        json_object_set_new(chain, "position", json_integer(position));
        o->position = (unsigned)position;
        o->xt = json_is_true(json_object_get(table, "xt"));
        o->direction = direction_of(chain);
        if (read_ours(o) &&
            !json_object_get(names, o->name)) { /* a second one of the name is not found by it */
                json_object_set_new(names, o->name, json_true());
                o->ours = true;
                return;
        }
        snprintf(o->name, sizeof o->name, "%.10s:%.256s.%lld:%llu", o->family, o->table,
                 (long long)json_integer_value(json_object_get(table, "handle")),
                 (unsigned long long)o->handle);
        snprintf(o->display, sizeof o->display, "%s", o->comment);
}

int rv_fw_each(struct rv_fw_model *m, int (*each)(void *, const struct rv_fw_one *), void *state)
{
        json_t *one, *names = json_object();
        int e = names ? 0 : -ENOMEM;
        rv_nft_rewind(&m->list);
        while (e == 0 && (one = rv_nft_next(&m->list))) {
                struct rv_fw_one o;
                json_t *rule = json_object_get(one, "rule");
                if (rule) {
                        describe(m, &o, rule, names);
                        e = each(state, &o);
                }
                json_decref(one);
        }
        json_decref(names);
        return e;
}
