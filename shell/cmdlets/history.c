/* SPDX-License-Identifier: MIT
 *
 * Get-, Add-, Invoke-, Clear-History.
 */
#include "shell/past.h"
#include "shell/text.h"

#include <stdlib.h>

static void note(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}

static struct sv as_object(const struct sh_past_line *l)
{
        struct sv o = sh_object_new();
        struct sv span = { .kind = SH_TIMESPAN };
        if (l->ended.kind == SH_DATETIME)
                span.i = l->ended.i - l->begun.i;
        note(o, "Id", sh_long((int64_t)l->id));
        note(o, "CommandLine", sh_keep(l->line));
        note(o, "ExecutionStatus",
             sh_text(sh_is_null(l->ended) ? "NotStarted"
                     : l->failed          ? "Failed"
                                          : "Completed"));
        note(o, "StartExecutionTime", l->begun);
        note(o, "EndExecutionTime", l->ended);
        note(o, "Duration", span);
        sh_object_type(o, "Microsoft.PowerShell.Commands.HistoryInfo");
        return o;
}

static int no_such_line(struct sh_cmd *c, struct sv id)
{
        struct sv t = sh_to_text(sh_session(c), id);
        int st = sh_cmd_error(c, "GetHistoryNoHistoryForId", "ObjectNotFound", id,
                              "Cannot locate the history for ID %s.", t.s->s);
        sh_drop(t);
        return st;
}

static int emit_line(struct sh_cmd *c, const struct sh_past_line *l)
{
        struct sv o = as_object(l);
        int st = sh_emit(c, o);
        sh_drop(o);
        return st;
}

static int get_process(struct sh_cmd *c, struct sv input)
{
        struct sh *sh = sh_session(c);
        struct sh_past *p = sh->past;
        struct sv ids = sh_arg(c, "Id"), item;
        int64_t count = sh_arg_int(c, "Count", INT64_MAX), id;
        size_t pos = 0;
        int st = SH_OK;
        (void)input;
        if (sh_bound(c, "Id")) {
                while (st == SH_OK && sh_next(ids, &pos, &item)) {
                        struct sh_past_line *l =
                                sh_to_int64(sh, item, &id) ? sh_past_find(sh, (uint64_t)id) : NULL;
                        st = l ? emit_line(c, l) : no_such_line(c, item);
                        sh_drop(item);
                }
                return st;
        }
        for (uint32_t i = 0; p && i < p->n && st == SH_OK; i++)
                if (!sh_is_null(p->v[i].ended) && (int64_t)(p->n - i) <= count)
                        st = emit_line(c, &p->v[i]);
        return st;
}
static const struct sh_cmdlet get_history = {
        .name = "Get-History",
        .alias = (const char *[]) { "h", "history", "ghy", NULL },
        .synopsis = "Shows the lines that this session has run.",
        .process = get_process,
        .params = (const struct sh_param[]) { { "Id", .type = "long[]", .position = 1, .from_pipeline = true,
                                                .help = "Only these numbers." },
                                              { "Count", .type = "int", .position = 2, .min = 0, .max = 32767,
                                                .help = "Only so many, the last ones." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) { { "Add-History 'Get-Date'; (Get-History -Count 1).CommandLine",
                                                "Get-Date", "The last line." },
                                              { "Add-History 'a', 'b'; (Get-History -Id 2).CommandLine", "b",
                                                "A line by its number." },
                                              { 0 } },
};

static int add_process(struct sh_cmd *c, struct sv input)
{
        struct sh *sh = sh_session(c);
        struct sv v = sh_arg(c, "InputObject"), item;
        size_t pos = 0;
        (void)input;
        for (; sh_next(v, &pos, &item); sh_drop(item)) {
                struct sv line = SH_NIL;
                if (item.kind != SH_PSOBJECT || sh_get(sh, item, "CommandLine", 11, &line) != SH_OK)
                        line = sh_to_text(sh, item);
                struct sv text = sh_to_text(sh, line);
                struct sh_past_line *l = sh_past_begin(sh, text.s->s, text.s->len);
                if (l)
                        sh_past_end(sh, l->id, false);
                sh_drop(text);
                sh_drop(line);
        }
        return SH_OK;
}
static const struct sh_cmdlet add_history = {
        .name = "Add-History",
        .synopsis = "Adds lines to the session's history.",
        .process = add_process,
        .params = (const struct sh_param[]) { { "InputObject", .type = "object[]", .position = 1,
                                                .from_pipeline = true, .mandatory = true },
                                              { "Passthru", .type = "switch" },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "Add-History 'Get-Date'; (Get-History).Count", "1", "" },
                                                  { "'x', 'y' | Add-History; (Get-History)[1].CommandLine",
                                                    "y", "" },
                                                  { 0 } },
};

/* By number, by the beginning of its text, or the last one. */
static struct sh_past_line *wanted(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        struct sh_past *p = sh->past;
        const char *id = sh_arg_text(c, "Id", NULL);
        char *end;
        unsigned long long n = id ? strtoull(id, &end, 10) : 0;
        if (id && *id && !*end)
                return sh_past_find(sh, n);
        for (uint32_t i = p ? p->n : 0; i-- > 0;)
                if (!sh_is_null(p->v[i].ended) && (!id || !strncmp(p->v[i].line.s->s, id, strlen(id))))
                        return &p->v[i];
        return NULL;
}

static int invoke_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        struct sh_past_line *l = wanted(c);
        bool go;
        if (!l)
                return sh_bound(c, "Id")
                               ? no_such_line(c, sh_arg(c, "Id"))
                               : sh_cmd_throw(c, "InvokeHistoryNoLastHistoryEntry", "ObjectNotFound", SH_NIL,
                                              "Cannot locate the last history.");
        struct sv line = sh_keep(l->line);
        int st = sh_should_process(c, line.s->s, "Invoke-History", &go);
        if (st == SH_OK && go) {
                sh_host_write(sh, line.s->s, line.s->len);
                sh_host_write(sh, "\n", 1);
                st = sh_run_text(sh, "", line.s->s, line.s->len, &c->emit);
        }
        sh_drop(line);
        return st;
}
static const struct sh_cmdlet invoke_history = {
        .name = "Invoke-History",
        .alias = (const char *[]) { "r", "ihy", NULL },
        .synopsis = "Runs a line of the history again: the last one, or by number or beginning.",
        .should_process = true,
        .end = invoke_end,
        .params = (const struct sh_param[]) { { "Id", .type = "string", .position = 1, .from_property = true,
                                                .help = "A number, or how the line begins." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "Add-History '1 + 1'; Invoke-History", "1 + 1\n2", "The last line." },
                        { "Add-History '3 + 4', '5'; Invoke-History 1", "3 + 4\n7", "" },
                        { 0 } },
};

static int clear_end(struct sh_cmd *c)
{
        sh_past_free(sh_session(c));
        return SH_OK;
}
static const struct sh_cmdlet clear_history = {
        .name = "Clear-History",
        .alias = (const char *[]) { "clhy", NULL },
        .synopsis = "Forgets the lines that the session has run.",
        .end = clear_end,
        .params = (const struct sh_param[]) { { "Newest", .type = "switch" }, { 0 } },
        .examples = (const struct sh_example[]) { { "Add-History 'a'; Clear-History; (Get-History).Count",
                                                    "0", "" },
                                                  { "Clear-History", "", "" },
                                                  { 0 } },
};

SH_CMDLETS(history, &get_history, &add_history, &invoke_history, &clear_history);
