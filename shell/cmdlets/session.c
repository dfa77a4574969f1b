/* SPDX-License-Identifier: MIT
 *
 * What the session knows of itself: Get-PSCallStack, Get-TypeData, Get-Verb.
 */
#include "shell/code.h"
#include "shell/text.h"
#include "shell/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static void note(struct sv o, const char *name, struct sv owned)
{
        sh_object_set(o, name, strlen(name), owned);
        sh_drop(owned);
}
static void type_name(struct sv o, const char *name)
{
        struct sh_bag *bag = sh_bag_of(o, true);
        if (!bag->ntypes && (bag->types = malloc(sizeof(*bag->types)))) {
                bag->types[0] = sh_text(name);
                bag->ntypes = 1;
        }
}
static int emit_owned(struct sh_cmd *c, struct sv v)
{
        int st = sh_emit(c, v);
        sh_drop(v);
        return st;
}

/* ---- Get-PSCallStack ---- */
/* "{a=1, b=x}" */
static struct sv arguments_of(struct sh *sh, struct frame *f)
{
        struct sv bound = f->block ? sh_frame_bound(sh, f) : SH_NIL, k, v;
        struct sh_buf b = { 0 };
        sh_buf_puts(&b, "{");
        for (uint32_t i = 0; bound.kind == SH_HASH && sh_hash_at(bound.h, i, &k, &v); i++) {
                sh_buf_puts(&b, i ? ", " : "");
                sh_buf_value(sh, &b, k);
                sh_buf_puts(&b, "=");
                sh_buf_value(sh, &b, v);
        }
        sh_buf_puts(&b, "}");
        sh_drop(bound);
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}
static struct sv frame_object(struct sh *sh, struct frame *f)
{
        struct node *n = f->at;
        struct unit *u = n ? n->u : f->block ? f->block->u : NULL;
        uint32_t row = 1, col = 1;
        bool script = f->target && f->target->kind == CT_SCRIPT;
        const char *file = u ? u->file : NULL, *slash = file ? strrchr(file, '/') : NULL;
        const char *name = script && slash ? slash + 1 : f->name && *f->name ? f->name : "<ScriptBlock>";
        if (u)
                sh_unit_position(u, n ? n->at : f->block->at, &row, &col);
        struct sv o = sh_object_new();
        type_name(o, "System.Management.Automation.CallStackFrame");
        note(o, "Command", sh_text(name));
        note(o, "Arguments", arguments_of(sh, f));
        note(o, "Location",
             file ? sh_printf("%s: line %u", slash ? slash + 1 : file, row) : sh_text("<No file>"));
        note(o, "FunctionName", sh_text(script ? "<ScriptBlock>" : name));
        note(o, "ScriptName", file ? sh_text(file) : SH_NIL);
        note(o, "ScriptLineNumber", sh_int((int32_t)row));
        return o;
}
static int stack_end(struct sh_cmd *c)
{
        struct sh *sh = sh_session(c);
        int st = SH_OK;
        for (struct frame *f = sh->frame; st == SH_OK && f; f = f->prev)
                if (f->block)
                        st = emit_owned(c, frame_object(sh, f));
        return st;
}
static const struct sh_cmdlet get_callstack = {
        .name = "Get-PSCallStack",
        .synopsis = "Shows which calls led here.",
        .end = stack_end,
        .params = (const struct sh_param[]) { { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "function Inner { (Get-PSCallStack)[0].Command }\nfunction Outer { Inner }\nOuter",
                          "Inner", "The function itself." },
                        { "function Inner { (Get-PSCallStack)[1].Command }\nfunction Outer { Inner }\nOuter",
                          "Outer", "Its caller." },
                        { 0 } },
};

/* ---- Get-TypeData ---- */
static int typedata_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sh *sh = sh_session(c);
        struct sv names = sh_arg(c, "TypeName"), item;
        int st = SH_OK;
        for (struct sh_ets *e = sh_ets_first(sh); st == SH_OK && e; e = e->next) {
                bool wanted = sh_is_null(names);
                size_t pos = 0;
                while (!wanted && sh_next(names, &pos, &item)) {
                        struct sv t = sh_to_text(sh, item);
                        const struct sh_type *known = sh_type_find(sh, t.s->s, t.s->len);
                        wanted = sh_wildcard(t.s->s, t.s->len, e->name.s->s, e->name.s->len, false) ||
                                 (known && !strcasecmp(known->name, e->name.s->s));
                        sh_drop(t);
                        sh_drop(item);
                }
                if (!wanted)
                        continue;
                struct sv o = sh_object_new(), members = sh_hash_new(true);
                for (uint32_t i = 0; i < e->bag.n; i++)
                        sh_hash_set(members.h, e->bag.v[i].name, e->bag.v[i].value);
                type_name(o, "System.Management.Automation.Runspaces.TypeData");
                note(o, "TypeName", sh_keep(e->name));
                note(o, "Members", members);
                note(o, "DefaultDisplayPropertySet", sh_keep(e->default_display));
                note(o, "DefaultDisplayProperty", sh_keep(e->default_property));
                st = emit_owned(c, o);
        }
        return st;
}
static const struct sh_cmdlet get_typedata = {
        .name = "Get-TypeData",
        .synopsis = "Shows what Update-TypeData added to types.",
        .process = typedata_process,
        .params = (const struct sh_param[]) { { "TypeName", .type = "object[]", .position = 1,
                                                .from_pipeline = true, .wildcard = true,
                                                .help = "Only these types." },
                                              { 0 } },
        .examples = (const struct sh_example[]) { { "Update-TypeData -TypeName System.Int32 -MemberName Unit "
                                                    "-MemberType NoteProperty -Value s\n"
                                                    "(Get-TypeData System.Int32).Members.Unit",
                                                    "s", "Members of a type." },
                                                  { "(Get-TypeData None.Such | Measure-Object).Count", "0",
                                                    "A type that nothing was added to." },
                                                  { 0 } },
};

/* ---- Get-Verb: verb:prefix by group ---- */
static const struct {
        const char *group, *verbs;
} groups[] = {
        { "Common", "Add:a Clear:cl Close:cs Copy:cp Enter:et Exit:ex Find:fd Format:f Get:g Hide:h Join:j "
                    "Lock:lk Move:m New:n Open:op "
                    "Optimize:om Pop:pop Push:pu Redo:re Remove:r Rename:rn Reset:rs Resize:rz Search:sr "
                    "Select:sc Set:s Show:sh Skip:sk "
                    "Split:sl Step:st Switch:sw Undo:un Unlock:uk Watch:wc" },
        { "Communications", "Connect:cc Disconnect:dc Read:rd Receive:rc Send:sd Write:wr" },
        { "Data", "Backup:ba Checkpoint:ch Compare:cr Compress:cm Convert:cv ConvertFrom:cf ConvertTo:ct "
                  "Dismount:dm Edit:ed Expand:en "
                  "Export:ep Group:gp Import:ip Initialize:in Limit:l Merge:mg Mount:mt Out:o Publish:pb "
                  "Restore:rr Save:sv Sync:sy "
                  "Unpublish:ub Update:ud" },
        { "Diagnostic", "Debug:db Measure:ms Ping:pi Repair:rp Resolve:rv Test:t Trace:tr" },
        { "Lifecycle", "Approve:ap Assert:as Build:bd Complete:cmp Confirm:cn Deny:dn Deploy:dp Disable:d "
                       "Enable:e Install:is Invoke:i "
                       "Register:rg Request:rq Restart:rt Resume:ru Start:sa Stop:sp Submit:sb Suspend:ss "
                       "Uninstall:us Unregister:ur Wait:w" },
        { "Other", "Use:u" },
        { "Security", "Block:bl Grant:gr Protect:pt Revoke:rk Unblock:ul Unprotect:up" },
};
/* Does one of the parameter's patterns fit? Yes without any. */
static bool among(struct sh_cmd *c, const char *param, const char *s, size_t n)
{
        struct sv v = sh_arg(c, param), item;
        size_t pos = 0;
        bool yes = sh_is_null(v) || (v.kind == SH_STRING && sh_wildcard(v.s->s, v.s->len, s, n, false));
        while (v.kind == SH_ARRAY && !yes && sh_next(v, &pos, &item)) {
                yes = item.kind == SH_STRING && sh_wildcard(item.s->s, item.s->len, s, n, false);
                sh_drop(item);
        }
        return yes;
}

static int verb_end(struct sh_cmd *c)
{
        int st = SH_OK;
        for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
                for (const char *p = groups[i].verbs; st == SH_OK && *p; p += strspn(p, " ")) {
                        size_t n = strcspn(p, ":"), k = strcspn(p, " ");
                        if (among(c, "Group", groups[i].group, strlen(groups[i].group)) && among(c, "Verb", p, n)) {
                                struct sv o = sh_object_new();
                                type_name(o, "System.Management.Automation.VerbInfo");
                                note(o, "Verb", sh_string(p, n));
                                note(o, "AliasPrefix", sh_string(p + n + 1, k - n - 1));
                                note(o, "Group", sh_text(groups[i].group));
                                st = emit_owned(c, o);
                        }
                        p += k;
                }
        return st;
}
static const struct sh_cmdlet get_verb = {
        .name = "Get-Verb",
        .synopsis = "Shows the verbs that commands' names begin with.",
        .end = verb_end,
        .params =
                (const struct sh_param[]) {
                        { "Verb", .type = "string[]", .position = 1, .wildcard = true,
                          .help = "Only verbs that fit." },
                        { "Group", .type = "string[]", .position = 2,
                          .values = "Common,Communications,Data,Diagnostic,Lifecycle,Other,Security",
                          .help = "Only verbs of this group." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) { { "(Get-Verb Get).AliasPrefix", "g", "One verb." },
                                              { "(Get-Verb -Group Communications).Verb -join ' '",
                                                "Connect Disconnect Read Receive Send Write", "A group." },
                                              { 0 } },
};

SH_CMDLETS(session, &get_callstack, &get_typedata, &get_verb);
