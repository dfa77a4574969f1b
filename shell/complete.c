/* SPDX-License-Identifier: MIT
 *
 * What may stand at the cursor: the word there and the words before it in its command decide. Commands, parameters
 * (those not given yet), values of ValidateSet and enums, variables, paths, and names of live objects through the
 * agent.
 */
#include "shell/complete.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "shell/code.h"
#include "shell/completer.h"
#include "shell/files.h"
#include "shell/text.h"

enum { MOST_WORDS = 64, MOST_CHOICES = 500 };

struct word {
        size_t at, end;
};
struct place {
        struct sh *sh;
        const char *s;
        size_t cursor;
        struct word words[MOST_WORDS]; /* of the command, the one at the cursor last */
        unsigned n;
        struct sh_choices *to;
};

static bool breaks(char c)
{
        return c && strchr("|;(){}&\n", c);
}

/* The words of the command that the cursor is in. */
static void read_words(struct place *p)
{
        size_t i = 0;
        p->n = 0;
        while (i < p->cursor) {
                if (breaks(p->s[i]) || p->s[i] == '=') {
                        p->n = 0;
                        i++;
                        continue;
                }
                if (p->s[i] == ' ' || p->s[i] == '\t' || p->s[i] == ',') {
                        i++;
                        continue;
                }
                size_t at = i;
                for (char quote = 0; i < p->cursor; i++) {
                        char c = p->s[i];
                        if (quote)
                                quote = c == quote ? 0 : quote;
                        else if (c == '"' || c == '\'')
                                quote = c;
                        else if (c == ' ' || c == '\t' || c == ',' || breaks(c))
                                break;
                }
                if (p->n < MOST_WORDS)
                        p->words[p->n++] = (struct word) { at, i };
        }
        if (!p->n || p->words[p->n - 1].end != p->cursor)
                if (p->n < MOST_WORDS)
                        p->words[p->n++] = (struct word) { p->cursor, p->cursor };
}

static bool starts(const char *s, const char *with, size_t n)
{
        return !strncasecmp(s, with, n);
}
static void add(struct place *p, const char *text, const char *label)
{
        for (size_t i = 0; i < p->to->n; i++)
                if (!strcasecmp(p->to->v[i].text, text))
                        return;
        if (p->to->n < MOST_CHOICES)
                sh_choice_add(p->to, text, strlen(text), label, NULL);
}

/* ---- commands ---- */
struct naming {
        struct place *p;
        const char *with;
        size_t n;
};
static void offer_cmdlet(void *state, const struct sh_cmdlet *c)
{
        struct naming *m = state;
        if (starts(c->name, m->with, m->n))
                add(m->p, c->name, NULL);
}
static void programs(struct place *p, const char *with, size_t n)
{
        const char *path = getenv("PATH");
        char *copy = path ? strdup(path) : NULL, *save = NULL;
        for (char *dir = copy ? strtok_r(copy, ":", &save) : NULL; dir; dir = strtok_r(NULL, ":", &save)) {
                DIR *d = opendir(dir);
                for (struct dirent *e; d && (e = readdir(d));)
                        if (e->d_name[0] != '.' && !strncmp(e->d_name, with, n))
                                add(p, e->d_name, NULL);
                if (d)
                        closedir(d);
        }
        free(copy);
}
static int by_text(const void *a, const void *b)
{
        const char *const *x = a, *const *y = b;
        return strcasecmp(*x, *y);
}
static void commands(struct place *p, const char *with, size_t n)
{
        struct naming m = { p, with, n };
        struct sh *sh = p->sh;
        sh_builtins(sh);
        for (uint32_t i = 0; i < sh->builtin_names.n; i++) {
                const char *name = sh_name(sh, sh->builtin_names.ids[i], NULL);
                if ((sh->builtins[i].cmdlet || n > 1) && starts(name, with, n))
                        add(p, sh->builtins[i].cmdlet ? sh->builtins[i].cmdlet->name : name, NULL);
        }
        for (struct scope *s = sh->scope; s; s = s->parent)
                for (uint32_t i = 0; s->functions && i < s->functions->names.n; i++)
                        if (s->functions->v[i].kind == SH_OTHER &&
                            starts(((struct sh_target *)s->functions->v[i].o)->name, with, n))
                                add(p, ((struct sh_target *)s->functions->v[i].o)->name, NULL);
        if (memchr(with, '-', n))
                sh_model_cmdlets(sh, offer_cmdlet, &m);
        else if (n > 1)
                programs(p, with, n);
        qsort(p->to->v, p->to->n, sizeof *p->to->v, by_text);
}

/* ---- the command that the word belongs to ---- */
static struct sh_cmdinfo *info_of(struct place *p, struct sh_target **ret)
{
        const struct word *w = &p->words[0];
        if (p->n < 2 || sh_try_command(p->sh, p->s + w->at, w->end - w->at, ret) != SH_OK)
                return NULL;
        struct sh_cmdinfo *info =
                (*ret)->kind == CT_NATIVE || (*ret)->kind == CT_ALIAS ? NULL : sh_cmdinfo_of(p->sh, *ret);
        if (!info)
                sh_drop(sh_error_take(p->sh));
        return info;
}
static bool given(struct place *p, const char *name)
{
        for (unsigned i = 1; i + 1 < p->n; i++) {
                const char *s = p->s + p->words[i].at;
                size_t n = p->words[i].end - p->words[i].at;
                if (*s == '-' && n - 1 == strlen(name) && starts(s + 1, name, n - 1))
                        return true;
        }
        return false;
}
static void parameters(struct place *p, struct sh_cmdinfo *info, const char *with, size_t n)
{
        char text[200];
        for (uint32_t i = 0; i < info->n; i++) {
                struct pinfo *x = &info->p[i];
                if (!starts(x->name, with, n) || given(p, x->name) ||
                    (x->common && !info->advanced && !info->cmdlet) || (x->common && !n))
                        continue;
                snprintf(text, sizeof text, "-%.*s", (int)x->nname, x->name);
                add(p, text, NULL);
        }
}

/* ---- values ---- */
static void from_list(struct place *p, const char *values, const char *with, size_t n)
{
        char text[200];
        for (const char *s = values; s && *s;) {
                size_t k = strcspn(s, ",");
                snprintf(text, sizeof text, "%.*s", (int)k, s);
                if (starts(text, with, n))
                        add(p, text, NULL);
                s += k + (s[k] == ',');
        }
}
static bool from_attributes(struct place *p, struct pinfo *x, const char *with, size_t n)
{
        bool any = false;
        for (struct attr *a = x->attrs; a; a = a->next) {
                if (!sh_attr_is(a, "ValidateSet") && !sh_attr_is(a, "ArgumentCompletions"))
                        continue;
                for (uint32_t i = 0; i < a->npos; i++)
                        if (a->pos[i]->kind == N_CONST && a->pos[i]->val.kind == SH_STRING &&
                            starts(a->pos[i]->val.s->s, with, n))
                                add(p, a->pos[i]->val.s->s, NULL);
                any = true;
        }
        return any;
}
struct names {
        struct sh_sink sink;
        struct place *p;
        const char *with;
        size_t n;
};
static int take_name(struct sh_sink *s, struct sh *sh, struct sv v)
{
        struct names *x = s->state;
        struct sv t = sh_to_text(sh, v);
        bool plain = t.s->len && !strpbrk(t.s->s, " '\"$`;|(){}");
        if (starts(t.s->s, x->with, x->n)) {
                struct sv quoted = plain ? sh_keep(t) : sh_printf("'%s'", t.s->s);
                add(x->p, quoted.s->s, t.s->s);
                sh_drop(quoted);
        }
        sh_drop(t);
        return x->p->to->n < MOST_CHOICES ? SH_OK : SH_STOP;
}
/* What a completer's block writes: texts, or objects with a CompletionText. */
static int take_choice(struct sh_sink *s, struct sh *sh, struct sv v)
{
        struct names *x = s->state;
        struct sv text = SH_NIL, label = SH_NIL;
        if (v.kind == SH_STRING || sh_get(sh, v, "CompletionText", 14, &text) != SH_OK || sh_is_null(text))
                text = sh_to_text(sh, v);
        if (v.kind != SH_STRING && sh_get(sh, v, "ListItemText", 12, &label) != SH_OK)
                label = SH_NIL;
        struct sv t = sh_to_text(sh, text);
        add(x->p, t.s->s, label.kind == SH_STRING ? label.s->s : NULL);
        sh_drop(t);
        sh_drop(text);
        sh_drop(label);
        return x->p->to->n < MOST_CHOICES ? SH_OK : SH_STOP;
}

static struct sv block_beside(struct place *p, struct pinfo *x)
{
        for (struct attr *a = x->attrs; a; a = a->next) {
                struct sv v;
                if (!sh_attr_is(a, "ArgumentCompleter") || a->npos != 1)
                        continue;
                struct sh *sh = p->sh;
                v = a->pos[0]->ev(sh, a->pos[0]);
                if (!sh_failed(v) && sh_unwrap(v).kind == SH_BLOCK)
                        return v;
        }
        return SH_NIL;
}

/* A registered block for the parameter, or for a program's arguments (x NULL). False: there is none. */
static bool by_completer(struct place *p, struct sh_target *t, struct pinfo *x, const char *with, size_t n)
{
        struct sv own = x ? block_beside(p, x) : SH_NIL;
        struct sv block = own.kind == SH_BLOCK ? own : sh_completer_of(t->name, x ? x->name : NULL);
        if (block.kind != SH_BLOCK)
                return false;
        struct names names = { .p = p, .with = with, .n = n };
        struct sv word = sh_string(with, n), line = sh_string(p->s, p->cursor), command = sh_text(t->name),
                  parameter = x ? sh_string(x->name, x->nname) : SH_NIL, fake = sh_hash_new(false);
        struct sv of_parameter[] = { command, parameter, word, line, fake },
                  of_program[] = { word, line, sh_int((int32_t)p->cursor) };
        names.sink = (struct sh_sink) { take_choice, &names };
        sh_completer_run(p->sh, block, x ? (struct sh_args) { 5, of_parameter } : (struct sh_args) { 3, of_program },
                         &names.sink);
        sh_drop(word);
        sh_drop(line);
        sh_drop(command);
        sh_drop(parameter);
        sh_drop(fake);
        sh_drop(own);
        return true;
}

/* The noun of the class whose objects' names the word is to be: a class cmdlet's own, or what the first parameter of
 * another says ("Container.Name"). NULL: it is to be none. */
static const char *noun_of(const struct place *p, const struct sh_target *t, char *to, size_t size)
{
        const char *dash = t->cmdlet ? strchr(t->cmdlet->name, '-') : NULL, *dot = NULL;
        const struct sh_param *x = t->cmdlet ? t->cmdlet->params : NULL;
        if (dash && sh_model_cmdlet(p->sh, t->cmdlet->name) == t->cmdlet)
                return dash + 1;
        while (x && x->name && x->position != 1)
                x++;
        const struct word *w = p->n > 1 ? &p->words[p->n - 2] : NULL;
        bool named = x && x->name && w && w->end - w->at == strlen(x->name) + 1 && p->s[w->at] == '-' &&
                     strncasecmp(p->s + w->at + 1, x->name, strlen(x->name)) == 0;
        if (x && x->name && x->complete && (p->n == 2 || named))
                dot = strstr(x->complete, ".Name");
        if (!dot)
                return NULL;
        snprintf(to, size, "%.*s", (int)(dot - x->complete), x->complete);
        return to;
}

/* Names of the objects that a cmdlet is about, as the agent knows them now. */
static bool live(struct place *p, struct sh_target *t, const char *with, size_t n)
{
        char text[200], name[80];
        const char *noun = noun_of(p, t, name, sizeof name);
        if (!noun)
                return false;
        struct names x = { .p = p, .with = with, .n = n };
        x.sink = (struct sh_sink) { take_name, &x };
        snprintf(text, sizeof text, "Get-%s -ErrorAction Ignore | ForEach-Object Name", noun);
        struct sv kept = p->sh->error;
        p->sh->error = SH_NIL;
        if (sh_run_text(p->sh, "", text, strlen(text), &x.sink) == SH_ERROR)
                sh_drop(sh_error_take(p->sh));
        p->sh->error = kept;
        return p->to->n > 0;
}
static struct pinfo *parameter_before(struct place *p, struct sh_cmdinfo *info)
{
        const struct word *w = &p->words[p->n - 2];
        int matches = 0;
        if (p->n < 3 || p->s[w->at] != '-')
                return NULL;
        struct pinfo *x = sh_find_param(info, p->s + w->at + 1, w->end - w->at - 1, &matches);
        return matches == 1 && !x->is_switch ? x : NULL;
}

/* ---- variables, paths ---- */
static void variables(struct place *p, const char *with, size_t n)
{
        char text[200];
        extern char **environ;
        if (n >= 4 && starts(with, "env:", 4)) {
                for (char **e = environ; *e; e++) {
                        const char *eq = strchr(*e, '=');
                        snprintf(text, sizeof text, "$env:%.*s", eq ? (int)(eq - *e) : 0, *e);
                        if (starts(text + 5, with + 4, n - 4))
                                add(p, text, NULL);
                }
                return;
        }
        for (struct scope *s = p->sh->scope; s; s = s->parent)
                for (uint32_t i = 0; s->layout && i < s->n && i < s->layout->n; i++) {
                        const char *name = sh_name(p->sh, s->layout->ids[i], NULL);
                        if (s->slots[i].kind == SH_K_UNSET || !starts(name, with, n))
                                continue;
                        snprintf(text, sizeof text, "$%s", name);
                        add(p, text, NULL);
                }
        static const char *const fixed[] = { "true", "false",  "null",    "HOME",           "PWD",
                                             "PID",  "Error",  "Matches", "PSVersionTable", "LASTEXITCODE",
                                             "Host", "PROFILE" };
        for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
                if (starts(fixed[i], with, n)) {
                        snprintf(text, sizeof text, "$%s", fixed[i]);
                        add(p, text, NULL);
                }
        qsort(p->to->v, p->to->n, sizeof *p->to->v, by_text);
}
static void paths(struct place *p, const char *with, size_t n)
{
        char dir[4096], text[4600];
        char quote = n && (*with == '"' || *with == '\'') ? *with : 0;
        with += quote != 0, n -= quote != 0;
        const char *slash = memrchr(with, '/', n);
        size_t ndir = slash ? (size_t)(slash - with) + 1 : 0;
        const char *home = getenv("HOME");
        if (ndir >= 4000)
                return;
        if (n && with[0] == '~' && home)
                snprintf(dir, sizeof dir, "%s%.*s", home, (int)(ndir ? ndir - 1 : 0), with + 1);
        else
                snprintf(dir, sizeof dir, "%.*s", (int)(ndir ? ndir : 1), ndir ? with : ".");
        DIR *d = opendir(dir);
        for (struct dirent *e; d && (e = readdir(d));) {
                struct stat st;
                char full[4600];
                if ((e->d_name[0] == '.' && n == ndir) || !strcmp(e->d_name, ".") ||
                    !strcmp(e->d_name, "..") || strncasecmp(e->d_name, with + ndir, n - ndir))
                        continue;
                snprintf(full, sizeof full, "%s/%s", dir, e->d_name);
                bool folder = stat(full, &st) == 0 && S_ISDIR(st.st_mode);
                const char *q = quote || strpbrk(e->d_name, " '$`;|(){}&") ? "'" : "";
                snprintf(text, sizeof text, "%s%.*s%s%s%s", q, (int)ndir, with, e->d_name, folder ? "/" : "",
                         *q && !folder ? q : "");
                add(p, text, e->d_name);
        }
        if (d)
                closedir(d);
        qsort(p->to->v, p->to->n, sizeof *p->to->v, by_text);
}

void sh_complete(struct sh *sh, const char *line, size_t n, size_t cursor, struct sh_choices *ret)
{
        struct place p = { .sh = sh, .s = line, .cursor = cursor > n ? n : cursor, .to = ret };
        struct sh_target *t = NULL;
        if (sh_complete_expression(sh, line, p.cursor, ret))
                return;
        read_words(&p);
        struct word w = p.words[p.n - 1];
        const char *s = line + w.at;
        size_t len = w.end - w.at;
        const char *dollar = memrchr(s, '$', len);
        ret->from = w.at;
        ret->to = w.end;
        if (dollar && !memchr(dollar, '.', len - (size_t)(dollar - s))) {
                ret->from = (size_t)(dollar - line);
                variables(&p, dollar + 1, len - (size_t)(dollar - s) - 1);
                return;
        }
        if (p.n == 1) {
                if (len && (memchr(s, '/', len) || *s == '~' || *s == '.'))
                        paths(&p, s, len);
                else
                        commands(&p, s, len);
                return;
        }
        struct sh_cmdinfo *info = info_of(&p, &t);
        struct pinfo *x = info ? parameter_before(&p, info) : NULL;
        if (info && len && *s == '-')
                parameters(&p, info, s + 1, len - 1);
        else if (t && (x || t->kind == CT_NATIVE) && by_completer(&p, t, x, s, len))
                ;
        else if (x && from_attributes(&p, x, s, len))
                ;
        else if (x && x->table && x->table->values)
                from_list(&p, x->table->values, s, len);
        else if (t && live(&p, t, s, len))
                ;
        else
                paths(&p, s, len);
        if (t)
                sh_drop(sh_target_value(t));
}
