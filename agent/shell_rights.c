/* SPDX-License-Identifier: MIT
 *
 * What a shell may do for its user beside asking the agent: language mode, cmdlets, native commands, files. The agent
 * tells it in Hello's answer; the shell keeps to it (shell/limits.c), and what it asks of the agent is judged anyway.
 *
 * Of all roles that fit, the freest language counts; of those with it, one that lists no cmdlets lets all through
 * (except in
 * mode None, where nothing listed is nothing); lists of commands and folders are added up. While a host has no roles
 * at all,
 * a shell is as free as its user is.
 *
 * What a shell's process may do itself, it may as long as it runs: files, commands and targets of roles that somebody
 * has for a time only (elevate.h) are not among it. Where the plan of a script is made, nothing is.
 */
#include <stdlib.h>
#include <time.h>

#include "agent/agent.h"

static void put_texts(struct rv_buf *b, bool *first, const struct rv_texts *t)
{
        for (unsigned i = 0; i < t->n; i++) {
                rv_buf_puts(b, *first ? "" : ",");
                rv_json_text(b, t->v[i]);
                *first = false;
        }
}

static void put_cmdlet(struct rv_buf *b, const struct rv_role_cmdlet *c)
{
        rv_buf_puts(b, "{\"Name\":");
        rv_json_text(b, c->name);
        rv_buf_puts(b, ",\"Parameters\":[");
        for (unsigned i = 0; i < c->nparameters; i++) {
                bool first = true;
                rv_buf_puts(b, i ? ",{\"Name\":" : "{\"Name\":");
                rv_json_text(b, c->parameters[i].name);
                rv_buf_puts(b, ",\"Values\":[");
                put_texts(b, &first, &c->parameters[i].values);
                rv_buf_puts(b, "]}");
        }
        rv_buf_puts(b, "]}");
}

static void put_cmdlets(struct rv_buf *b, const struct rv_role *const *roles, unsigned n,
                        enum rv_language language)
{
        bool all = false, first = true;
        for (unsigned i = 0; i < n; i++)
                all |= roles[i]->language >= language && language != RV_LANGUAGE_NONE && !roles[i]->ncmdlets;
        rv_buf_putf(b, "\"AllCmdlets\":%s,\"Cmdlets\":[", all ? "true" : "false");
        for (unsigned i = 0; i < n && !all; i++)
                for (unsigned k = 0; k < roles[i]->ncmdlets; k++) {
                        rv_buf_puts(b, first ? "" : ",");
                        put_cmdlet(b, &roles[i]->cmdlets[k]);
                        first = false;
                }
        rv_buf_puts(b, "]");
}

/* lasting: which of the roles. */
static void put_limits(struct rv_buf *b, const struct rv_role *const *roles, const bool *lasting, unsigned n,
                       enum rv_language language)
{
        static const char *const names[] = { "NativeCommands", "ReadFiles", "WriteFiles", "Forward" };
        put_cmdlets(b, roles, n, language);
        for (unsigned list = 0; list < 4; list++) {
                bool first = true;
                rv_buf_putf(b, ",\"%s\":[", names[list]);
                for (unsigned i = 0; i < n; i++)
                        if (lasting[i])
                                put_texts(b, &first,
                                          list == 0   ? &roles[i]->native
                                          : list == 1 ? &roles[i]->files_read
                                          : list == 2 ? &roles[i]->files_write
                                                      : &roles[i]->forward);
                rv_buf_puts(b, "]");
        }
}

/* Whether reeve-record keeps what passes (agent/record): the most that one of the roles wants. */
static void put_transcript(const struct rv_role_set *set, const struct rv_identity *who, bool all,
                           struct rv_buf *b)
{
        int most = RV_TRANSCRIPT_NO;
        for (unsigned i = 0; set && !all && i < set->n; i++)
                if ((int)set->roles[i].transcript > most &&
                    rv_role_fits(&set->roles[i], who, (int64_t)time(NULL)))
                        most = (int)set->roles[i].transcript;
        if (most)
                rv_buf_puts(b, most == RV_TRANSCRIPT_REQUIRED ? ",\"Transcript\":\"Required\""
                                                              : ",\"Transcript\":\"Yes\"");
}

void rv_shell_rights(struct rv_policy *p, const struct rv_identity *who, bool plan, struct rv_buf *b)
{
        struct rv_role_set *set = rv_policy_hold(p);
        bool free_ = rv_policy_has_all(p, who) || (set && !set->n && !*who->role);
        enum rv_language language = free_ ? RV_LANGUAGE_FULL : rv_policy_language(p, who);
        char names[160];
        if (plan && language == RV_LANGUAGE_FULL)
                language = RV_LANGUAGE_CONSTRAINED;
        rv_policy_names(p, who, names, sizeof names);
        rv_buf_puts(b, "\"Roles\":");
        rv_json_text(b, names);
        rv_buf_putf(b, ",\"Language\":\"%s\",\"Unlimited\":%s", rv_language_name(language),
                    free_ ? "true" : "false");
        if (!free_) {
                int64_t now = (int64_t)time(NULL);
                unsigned n = 0;
                const struct rv_role **roles = calloc((set ? set->n : 0) + 1, sizeof *roles);
                bool *lasting = calloc((set ? set->n : 0) + 1, sizeof *lasting);
                for (unsigned i = 0; roles && lasting && set && i < set->n; i++)
                        if (rv_role_fits(&set->roles[i], who, now)) {
                                lasting[n] = !plan && rv_role_fits_always(&set->roles[i], who, now);
                                roles[n++] = &set->roles[i];
                        }
                rv_buf_puts(b, ",\"Shell\":{");
                put_limits(b, roles, lasting, n, language);
                rv_buf_puts(b, "}");
                b->failed |= !roles || !lasting;
                free(roles);
                free(lasting);
        }
        put_transcript(set, who, free_, b);
        rv_roles_drop(set);
}
