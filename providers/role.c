/* SPDX-License-Identifier: MIT
 *
 * Role: the roles in force (agent/role.h), what they would allow, and roles made from what was done.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/Role.h"

static unsigned length(const char *const *list)
{
        unsigned n = 0;
        while (list && list[n])
                n++;
        return n;
}

static void put_list(struct rv_row *row, unsigned property, const char *const *list)
{
        rv_list at = rv_set_list(row, property, length(list));
        for (unsigned i = 0; i < length(list); i++)
                rv_item_string(row, at, i, list[i], strlen(list[i]));
}

static int each(void *sink, const struct rv_role_words *w)
{
        struct rv_row *row = rv_row(sink);
        Role_set_Name(row, w->name, strlen(w->name));
        if (w->description)
                Role_set_Description(row, w->description, strlen(w->description));
        Role_set_Language(row, w->language, strlen(w->language));
        Role_set_Transcript(row, w->transcript, strlen(w->transcript));
        Role_set_Escalates(row, w->escalates);
        Role_set_Path(row, w->path, strlen(w->path));
        put_list(row, Role_Who, w->who);
        put_list(row, Role_Elevate, w->elevate);
        put_list(row, Role_Approve, w->approve);
        put_list(row, Role_Rules, w->rules);
        put_list(row, Role_Cmdlets, w->cmdlets);
        put_list(row, Role_NativeCommands, w->native);
        put_list(row, Role_ReadFiles, w->read);
        put_list(row, Role_WriteFiles, w->write);
        put_list(row, Role_Forward, w->forward);
        return rv_emit(sink, row);
}

static int role_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)err;
        int r = rv_stats_each_role(q->call, each, out);
        return r == RV_STOP ? RV_OK : r;
}

/* [In] arrays of texts, as a list that ends with NULL. */
static const char *const *texts(struct rv_call *c, const struct rv_arg *items, uint32_t n)
{
        const char **list = rv_arena_get(c->arena, (n + 1) * sizeof *list);
        for (uint32_t i = 0; list && i < n; i++)
                list[i] = items[i].s ? items[i].s : "";
        return list;
}

static void put_answer(struct rv_row *out, const struct rv_role_answer *a)
{
        Role_Test_out_set_ReturnValue(out, 0);
        Role_Test_out_set_Allowed(out, a->allowed);
        if (*a->role) {
                Role_Test_out_set_Role(out, a->role, strlen(a->role));
                Role_Test_out_set_Rule(out, a->rule, strlen(a->rule));
        }
        Role_Test_out_set_Reason(out, a->reason, strlen(a->reason));
        if (!a->replay)
                return;
        Role_Test_out_set_Records(out, a->records);
        Role_Test_out_set_AllowedRecords(out, a->allowed_records);
        Role_Test_out_set_DeniedRecords(out, a->denied_records);
        Role_Test_out_set_UnknownRecords(out, a->unknown_records);
        rv_list at = Role_Test_out_set_Differences(out, a->ndifferences);
        for (unsigned i = 0; i < a->ndifferences; i++)
                rv_item_string(out, at, i, a->differences[i], strlen(a->differences[i]));
}

static int role_test(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct Role_Test_in *a = in;
        const struct rv_role_question q = {
                .user = a->User, .key = a->KeyFingerprint, .source = a->Source, .operation = a->Operation,
                .class_name = a->ClassName, .method = a->Method, .instance = a->InstanceName,
                .arguments = a->Arguments, .text = a->Text, .name = a->Name,
                .groups = a->has_Group ? texts(c, a->Group, a->Group_n) : NULL,
                .properties = a->has_Property ? texts(c, a->Property, a->Property_n) : NULL,
                .time = a->has_Time ? a->Time : 0, .since = a->has_Since ? a->Since : 0,
        };
        struct rv_role_answer answer = { 0 };
        int r = rv_stats_test_role(c, &q, &answer, err);
        if (r == RV_OK)
                put_answer(c->out, &answer);
        rv_role_answer_free(&answer);
        return r;
}

static int role_new(struct rv_call *c, const void *in, struct rv_error *err)
{
        const struct Role_New_in *a = in;
        char *text = NULL;
        int r = rv_stats_new_role(c, a->Name, a->has_FromAudit && a->FromAudit, a->User, a->has_Since ? a->Since : 0,
                                  a->has_Until ? a->Until : INT64_MAX, &text, err);
        if (r == RV_OK) {
                Role_New_out_set_ReturnValue(c->out, 0);
                Role_New_out_set_Text(c->out, text, strlen(text));
        }
        free(text);
        return r;
}

static int (*const methods[Role_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [Role_method_Test] = role_test,
        [Role_method_New] = role_new,
};

static const struct rv_provider role = { .class = &Role_class, .query = role_query, .methods = methods };

RV_PROVIDERS(role, &role);
