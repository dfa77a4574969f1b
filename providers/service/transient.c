/* SPDX-License-Identifier: MIT
 *
 * RunTransient: a command line as a service without a file, as systemd-run has it. It is forgotten when it has ended,
 * also with a failure (CollectMode=inactive-or-failed): how it ended is told to who waits for it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gen/Service.h"
#include "providers/service/backend.h"
#include "providers/service/setting.h"
#include "providers/service/unitfile.h"
#include "providers/service/unitops.h"

enum { MOST_WORDS = 200 };

struct words {
        char *text, *v[MOST_WORDS + 1];
        unsigned n;
};

/* Blanks divide; "..." and '...' keep them; a backslash keeps what follows. */
static int split(const char *line, size_t n, struct words *ret, struct rv_error *err)
{
        char *to = ret->text = malloc(n + 2), quote = 0;
        bool inside = false;
        ret->n = 0;
        for (size_t i = 0; to && i < n && ret->n <= MOST_WORDS; i++) {
                char ch = line[i];
                if (!quote && (ch == ' ' || ch == '\t')) {
                        if (inside)
                                *to++ = 0;
                        inside = false;
                        continue;
                }
                if (!inside && ret->n < MOST_WORDS)
                        ret->v[ret->n] = to;
                if (!inside)
                        ret->n++;
                inside = true;
                if (quote && ch == quote)
                        quote = 0;
                else if (!quote && (ch == '"' || ch == '\''))
                        quote = ch;
                else
                        *to++ = ch == '\\' && quote != '\'' && i + 1 < n ? line[++i] : ch;
        }
        if (to)
                *to = 0;
        if (to && !quote && ret->n && ret->n <= MOST_WORDS)
                return RV_OK;
        free(ret->text);
        ret->text = NULL;
        rv_about(err, NULL, NULL, "PathName");
        return rv_fail(err, RV_INVALID_PARAMETER,
                       quote ? "PathName: a quotation mark is not closed"
                             : "PathName: expected 1 to %d words",
                       MOST_WORDS);
}

static int text_property(sd_bus_message *m, const char *name, const char *value)
{
        return sd_bus_message_append(m, "(sv)", name, "s", value);
}

static int command(sd_bus_message *m, const struct words *w)
{
        int r = sd_bus_message_open_container(m, 'r', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "ExecStart");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(sasb)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sasb)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "sasb");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", w->v[0]);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **)w->v);
        if (r >= 0)
                r = sd_bus_message_append(m, "b", 0);
        for (int i = 0; i < 4 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int environment(sd_bus_message *m, const struct Service_RunTransient_in *in)
{
        int r = sd_bus_message_open_container(m, 'r', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "Environment");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (uint32_t i = 0; i < in->Environment_n && r >= 0; i++)
                r = sd_bus_message_append(m, "s", in->Environment[i].s);
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* "MemoryMax=64M": what SetProperty takes. */
static int setting(sd_bus_message *m, const struct rv_arg *text, struct rv_error *err)
{
        char name[80];
        struct rv_setting s;
        const char *eq = memchr(text->s, '=', text->len);
        rv_about(err, NULL, NULL, "Setting");
        if (!eq || eq - text->s >= (ptrdiff_t)sizeof name)
                return rv_fail(err, RV_INVALID_PARAMETER, "Setting: '%.60s' is not NAME=VALUE", text->s);
        snprintf(name, sizeof name, "%.*s", (int)(eq - text->s), text->s);
        int e = rv_setting_parse(name, eq + 1, &s, err);
        int r = e ? 0 : rv_setting_append(m, &s);
        return e ? e : r < 0 ? r : RV_OK;
}

static int properties(sd_bus_message *m, const struct Service_RunTransient_in *in, const struct words *w,
                      struct rv_error *err)
{
        int e = RV_OK,
            r = text_property(m, "Description", in->has_DisplayName ? in->DisplayName : in->PathName);
        if (r >= 0)
                r = text_property(m, "Type", in->has_Type ? in->Type : "exec");
        if (r >= 0)
                r = text_property(m, "CollectMode", "inactive-or-failed");
        if (r >= 0 && in->has_StartName)
                r = text_property(m, "User", in->StartName);
        if (r >= 0 && in->has_WorkingDirectory)
                r = text_property(m, "WorkingDirectory", in->WorkingDirectory);
        if (r >= 0 && in->has_Environment)
                r = environment(m, in);
        for (uint32_t i = 0; i < in->Setting_n && r >= 0 && e == RV_OK; i++)
                e = setting(m, &in->Setting[i], err);
        if (r >= 0 && e == RV_OK)
                r = command(m, w);
        return e ? e : r < 0 ? r : RV_OK;
}

/* ---- waiting for its end ---- */

struct end {
        const char *path, *job;
        char result[32], active[32];
        int32_t status, code;
        bool gone, started;
        char job_result[32];
};

static int take(sd_bus_message *m, struct end *end)
{
        const char *name, *text;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r > 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0 && strcmp(name, "Result") == 0) {
                        r = sd_bus_message_read(m, "v", "s", &text);
                        if (r >= 0)
                                snprintf(end->result, sizeof end->result, "%s", text);
                } else if (r >= 0 && strcmp(name, "ActiveState") == 0) {
                        r = sd_bus_message_read(m, "v", "s", &text);
                        if (r >= 0)
                                snprintf(end->active, sizeof end->active, "%s", text);
                } else if (r >= 0 && strcmp(name, "ExecMainStatus") == 0)
                        r = sd_bus_message_read(m, "v", "i", &end->status);
                else if (r >= 0 && strcmp(name, "ExecMainCode") == 0)
                        r = sd_bus_message_read(m, "v", "i", &end->code);
                else if (r >= 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r >= 0)
                        r = 1;
        }
        return r;
}

static int on_properties(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct end *end = state;
        const char *interface;
        if (strcmp(sd_bus_message_get_path(m), end->path) == 0 &&
            sd_bus_message_read(m, "s", &interface) >= 0)
                take(m, end);
        return 0;
}

static int on_removed(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct end *end = state;
        const char *id, *path;
        if (sd_bus_message_read(m, "so", &id, &path) >= 0 && strcmp(path, end->path) == 0)
                end->gone = true;
        return 0;
}

static int on_job(sd_bus_message *m, void *state, sd_bus_error *ret)
{
        (void)ret;
        struct end *end = state;
        const char *path, *unit, *result;
        uint32_t id;
        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && end->job &&
            strcmp(path, end->job) == 0) {
                snprintf(end->job_result, sizeof end->job_result, "%s", result);
                end->started = true;
        }
        return 0;
}

static uint64_t now_ns(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One that fails at once fails its job, too: how it ended comes all the same. */
static bool is_over(const struct end *end, bool whole)
{
        bool ended = end->gone || strcmp(end->active, "inactive") == 0 || strcmp(end->active, "failed") == 0;
        bool began = strcmp(end->job_result, "done") == 0 || strcmp(end->job_result, "failed") == 0;
        return end->started && (!whole || ended || !began);
}

static int wait_for(struct rv_call *c, struct rv_unitop *op, struct end *end, bool whole,
                    struct rv_error *err)
{
        while (!is_over(end, whole)) {
                int r = sd_bus_process(op->bus, NULL);
                uint64_t now = now_ns();
                if (r == 0 && (now >= c->deadline || rv_cancelled(c)))
                        return rv_fail(err, RV_TIMED_OUT, "%s: it has not ended in time; it goes on as %s",
                                       op->what, op->unit);
                if (r == 0)
                        r = sd_bus_wait(op->bus, (c->deadline - now) / 1000 < 200000
                                                         ? (c->deadline - now) / 1000 + 1
                                                         : 200000);
                if (r < 0 && r != -EINTR)
                        return rv_systemd_fail(err, r, NULL, op->what);
        }
        return RV_OK;
}

static int start(struct rv_call *c, struct rv_unitop *op, const struct Service_RunTransient_in *in,
                 const struct words *w, sd_bus_message **ret, struct rv_error *err)
{
        sd_bus_message *m = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int e = RV_OK, r = sd_bus_message_new_method_call(op->bus, &m, RV_SYSTEMD_NAME, RV_SYSTEMD_PATH,
                                                          RV_SYSTEMD_MANAGER, "StartTransientUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", op->unit, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0 && (e = properties(m, in, w, err)) < 0)
                r = e;
        if (r >= 0 && e == RV_OK)
                r = sd_bus_message_close_container(m);
        if (r >= 0 && e == RV_OK)
                r = sd_bus_message_append(m, "a(sa(sv))", 0);
        if (r >= 0 && e == RV_OK && !c->what_if)
                r = sd_bus_call(op->bus, m, rv_systemd_timeout(c->deadline), &error, ret);
        if (r < 0)
                e = rv_systemd_fail(err, r, &error, op->what);
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        return e;
}

static int listen_to(struct rv_unitop *op, struct end *end, uint64_t deadline, struct rv_error *err)
{
        int r = sd_bus_match_signal(op->bus, NULL, NULL, NULL, "org.freedesktop.DBus.Properties",
                                    "PropertiesChanged", on_properties, end);
        if (r >= 0)
                r = sd_bus_match_signal(op->bus, NULL, NULL, RV_SYSTEMD_PATH, RV_SYSTEMD_MANAGER,
                                        "UnitRemoved", on_removed, end);
        if (r >= 0)
                r = sd_bus_match_signal(op->bus, NULL, NULL, RV_SYSTEMD_PATH, RV_SYSTEMD_MANAGER,
                                        "JobRemoved", on_job, end);
        if (r < 0)
                return rv_systemd_fail(err, r, NULL, op->what);
        return sd_bus_is_bus_client(op->bus)
                       ? rv_systemd_call(op->bus, deadline, op->what, err, NULL, "Subscribe", NULL)
                       : RV_OK;
}

static int check(const struct Service_RunTransient_in *in, struct rv_unitop *op, struct rv_error *err)
{
        static unsigned serial;
        char own[64];
        snprintf(own, sizeof own, "reeve-run-%d-%u", (int)getpid(),
                 __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
        const char *name = in->has_Name ? in->Name : own;
        const struct Service_Create_in as = { .Name = name,
                                              .Name_len = strlen(name),
                                              .PathName = in->PathName,
                                              .PathName_len = in->PathName_len,
                                              .has_DisplayName = in->has_DisplayName,
                                              .DisplayName = in->DisplayName,
                                              .DisplayName_len = in->DisplayName_len,
                                              .has_StartName = in->has_StartName,
                                              .StartName = in->StartName,
                                              .StartName_len = in->StartName_len };
        int e = rv_service_check_create(&as, err);
        if (e)
                return e;
        rv_unitop_id(name, strlen(name), op->unit, sizeof op->unit);
        snprintf(op->what, sizeof op->what, "cannot run %.250s", op->unit);
        rv_about(err, NULL, name, NULL);
        return RV_OK;
}

int rv_unitfile_run(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct Service_RunTransient_in *in = args;
        struct rv_unitop op = { 0 };
        struct words w = { 0 };
        struct end end = { 0 };
        char path[512];
        sd_bus_message *reply = NULL;
        bool whole = in->has_Wait && in->Wait;
        int e = check(in, &op, err);
        if (e == RV_OK)
                e = split(in->PathName, in->PathName_len, &w, err);
        if (e == RV_OK)
                e = rv_systemd_open(&op.bus, err);
        if (e) {
                free(w.text);
                return e;
        }
        end.path = rv_systemd_path(op.unit, path, sizeof path) < 0 ? "" : path;
        e = listen_to(&op, &end, c->deadline, err);
        if (e == RV_OK)
                e = start(c, &op, in, &w, &reply, err);
        if (e == RV_OK)
                rv_change(c, "Name", NULL, op.unit);
        if (e == RV_OK && !c->what_if && sd_bus_message_read(reply, "o", &end.job) < 0)
                e = rv_fail(err, RV_FAILED, "%s: systemd named no job", op.what);
        if (e == RV_OK && !c->what_if)
                e = wait_for(c, &op, &end, whole, err);
        bool ran = whole && end.code; /* with Wait how it ended is the answer, whatever it is */
        if (e == RV_OK && !c->what_if && !ran && strcmp(end.job_result, "done") != 0)
                e = rv_unitop_failed(&op, end.job_result, 0, err);
        if (e == RV_OK)
                Service_RunTransient_out_set_Name(c->out, op.unit, strlen(op.unit) - strlen(".service"));
        if (e == RV_OK && whole && !c->what_if) {
                Service_RunTransient_out_set_Result(c->out, end.result[0] ? end.result : "success",
                                                    strlen(end.result[0] ? end.result : "success"));
                Service_RunTransient_out_set_ExitStatus(c->out, end.status);
        }
        sd_bus_message_unref(reply);
        free(w.text);
        return rv_unitop_end(c, &op, e);
}
