/* SPDX-License-Identifier: MIT
 *
 * See unitops.h.
 */
#include "providers/service/unitops.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "providers/lib/journal.h"
#include "providers/lib/units.h"
#include "providers/service/backend.h"

#define SETTLE 300 /* ms: a service that fails within them after its start has not started */

void rv_unitop_keep(void *state, const char *s, size_t n)
{
        struct rv_unitop_lines *l = state;
        if (l->count < 10 && (l->text[l->count] = malloc(n + 1))) {
                memcpy(l->text[l->count], s, n);
                l->text[l->count][n] = 0;
                l->n[l->count++] = n;
        }
}

static void fill_list(struct rv_row *row, unsigned p, const struct rv_unit_value *v)
{
        rv_list list = rv_set_list(row, p, v->n);
        const char *s = v->text;
        for (uint32_t i = 0; i < v->n; i++, s += strlen(s) + 1)
                rv_item_string(row, list, i, s, strlen(s));
}

void rv_unit_fill(struct rv_row *row, const struct rv_unit *u, const struct rv_unit_property *kept, const unsigned *ids,
                  unsigned n, unsigned but)
{
        for (unsigned i = 0; u->values && i < n; i++) {
                const struct rv_unit_value *v = &u->values[i];
                unsigned p = ids[i];
                if (!v->set || p == but || !rv_wants(row, p))
                        continue;
                switch (v->type) {
                case RV_UT_TEXT: rv_set_string(row, p, v->text, strlen(v->text)); break;
                case RV_UT_LIST: fill_list(row, p, v); break;
                case RV_UT_UINT: rv_set_uint(row, p, v->u); break;
                case RV_UT_BOOL: rv_set_bool(row, p, v->u); break;
                case RV_UT_INT:
                        if (kept[i].read == RV_UR_TIME)
                                rv_set_datetime(row, p, v->i);
                        else
                                rv_set_int(row, p, v->i);
                }
        }
}

bool rv_unitop_service(const struct rv_call *c)
{
        return strcmp(c->class->name, "Service") == 0;
}

void rv_unitop_id(const char *name, size_t n, char *ret, size_t size)
{
        static const char suffix[] = ".service";
        size_t m = strlen(suffix);
        bool whole = n > m && memcmp(name + n - m, suffix, m) == 0;
        snprintf(ret, size, "%.*s%s", (int)n, name, whole ? "" : suffix);
}

static int no_such(struct rv_call *c, const char *name, struct rv_error *err)
{
        bool service = rv_unitop_service(c);
        rv_fail(err, RV_NOT_FOUND, "there is no %s %.250s", service ? "service" : "unit", name);
        return rv_hint(err, service ? "Get-Service lists the services of this host."
                                    : "Get-SystemUnit lists the units of this host; a name has its ending, "
                                      "such as .socket.");
}

int rv_unitop_begin(struct rv_call *c, const char *doing, struct rv_unitop *ret, struct rv_error *err)
{
        const struct rv_arg *name = &c->key[c->class->keys[0]];
        *ret = (struct rv_unitop) { 0 };
        if (name->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a %s is named by its Name",
                               rv_unitop_service(c) ? "service" : "unit");
        rv_about(err, NULL, name->s, NULL);
        if (!rv_service_good_name(name->s, name->len))
                return no_such(c, name->s, err);
        if (rv_unitop_service(c))
                rv_unitop_id(name->s, name->len, ret->unit, sizeof ret->unit);
        else
                snprintf(ret->unit, sizeof ret->unit, "%s", name->s);
        snprintf(ret->what, sizeof ret->what, "cannot %s %.250s", doing, ret->unit);
        int e = rv_systemd_open(&ret->bus, err);
        if (e)
                return e;
        e = rv_systemd_call(ret->bus, c->deadline, ret->what, err, NULL, "LoadUnit", "s", ret->unit);
        if (e == RV_OK) {
                rv_systemd_text(ret->bus, ret->unit, RV_SYSTEMD_UNIT, "LoadState", ret->load,
                                sizeof ret->load);
                rv_systemd_text(ret->bus, ret->unit, RV_SYSTEMD_UNIT, "ActiveState", ret->active,
                                sizeof ret->active);
                if (strcmp(ret->load, "not-found") == 0)
                        e = no_such(c, name->s, err);
        } else if (e == RV_INVALID_PARAMETER) { /* a name that no unit can have */
                *err = (struct rv_error) { 0 };
                rv_about(err, NULL, name->s, NULL);
                e = no_such(c, name->s, err);
        }
        if (e)
                ret->bus = rv_systemd_close(ret->bus);
        return e;
}

int rv_unitop_end(struct rv_call *c, struct rv_unitop *ch, int e)
{
        /* PID 1 sends its signals before it looks at another message: once it has answered this, the model's connection
         * has what it says of the change, and whoever reads next sees it. */
        if (e == RV_OK && !c->what_if && ch->bus)
                rv_systemd_text(ch->bus, ch->unit, RV_SYSTEMD_UNIT, "ActiveState", ch->active, sizeof ch->active);
        ch->bus = rv_systemd_close(ch->bus);
        if (e == RV_OK && c->method)
                rv_set_uint(c->out, 0, 0); /* ReturnValue is what every method's answer begins with */
        return e;
}

static int64_t real_now(void)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* What went wrong, in the service's own words. */
int rv_unitop_failed(struct rv_unitop *ch, const char *why, int64_t since, struct rv_error *err)
{
        char result[64], status[32] = "", hint[240] = "";
        struct rv_unitop_lines l = { 0 };
        rv_systemd_text(ch->bus, ch->unit, rv_units_interface(ch->unit), "Result", result, sizeof result);
        char path[1024];
        int32_t code = 0;
        if (rv_systemd_path(ch->unit, path, sizeof path) >= 0 &&
            sd_bus_get_property_trivial(ch->bus, RV_SYSTEMD_NAME, path, RV_SYSTEMD_SERVICE, "ExecMainStatus",
                                        NULL, 'i', &code) >= 0 &&
            code)
                snprintf(status, sizeof status, ", status %d", code);
        rv_fail(err, RV_FAILED, "%s: %s (%s%s)", ch->what, why, result[0] ? result : "no result", status);
        if (rv_journal_tail(ch->unit, true, 3, since, rv_unitop_keep, &l) < 0 || !l.count)
                rv_journal_tail(ch->unit, false, 3, since, rv_unitop_keep, &l);
        for (unsigned i = 0; i < l.count; i++) {
                size_t at = strlen(hint);
                snprintf(hint + at, sizeof hint - at, "%s%s", at ? " | " : "Its last log lines: ", l.text[i]);
        }
        for (unsigned i = 0; i < l.count; i++)
                free(l.text[i]);
        return rv_hint(err, "%s", hint[0] ? hint : "See LastLogLines of the service.");
}

/* A service without a way to say that it is up may still die at once: look until SETTLE has passed. */
static int settle(struct rv_call *c, struct rv_unitop *ch, int64_t since, struct rv_error *err)
{
        char type[32], active[32];
        rv_systemd_text(ch->bus, ch->unit, RV_SYSTEMD_SERVICE, "Type", type, sizeof type);
        if (strcmp(type, "simple") != 0 && strcmp(type, "exec") != 0 && strcmp(type, "idle") != 0)
                return RV_OK;
        for (int waited = 0; waited < SETTLE && !rv_cancelled(c); waited += 20) {
                rv_systemd_text(ch->bus, ch->unit, RV_SYSTEMD_UNIT, "ActiveState", active, sizeof active);
                char result[64];
                rv_systemd_text(ch->bus, ch->unit, RV_SYSTEMD_SERVICE, "Result", result, sizeof result);
                if (strcmp(active, "failed") == 0 || (result[0] && strcmp(result, "success") != 0))
                        return rv_unitop_failed(ch, "it ended right after its start", since, err);
                struct timespec t = { .tv_nsec = 20000000 };
                nanosleep(&t, NULL);
        }
        return RV_OK;
}

int rv_unitop_job(struct rv_call *c, const char *doing, const char *method, const char *target, bool start,
                  struct rv_error *err)
{
        struct rv_unitop ch;
        char result[32];
        int e = rv_unitop_begin(c, doing, &ch, err);
        if (e)
                return e;
        bool running = strcmp(ch.active, "active") == 0 || strcmp(ch.active, "reloading") == 0;
        bool stopped = strcmp(ch.active, "inactive") == 0 || strcmp(ch.active, "failed") == 0;
        bool idle = strcmp(method, "StartUnit") == 0  ? running
                    : strcmp(method, "StopUnit") == 0 ? stopped
                                                      : false;
        if (idle)
                return rv_unitop_end(c, &ch, RV_OK); /* as asked already */
        if (start && strcmp(ch.load, "masked") == 0) {
                rv_about(err, NULL, NULL, "StartMode");
                rv_fail(err, RV_FAILED, "%s: it is masked", ch.what);
                return rv_unitop_end(
                        c, &ch,
                        rv_hint(err, "Set-Service -StartupType Manual, or the method Unmask, lifts that."));
        }
        if (start && strcmp(ch.load, "loaded") != 0)
                return rv_unitop_end(c, &ch, rv_unitop_failed(&ch, "its unit file has an error", 0, err));
        if (rv_unitop_service(c))
                rv_change(c, "State", running ? "Running" : "Stopped", target);
        else
                rv_change(c, "ActiveState", ch.active,
                          strcmp(target, "Running") == 0 ? "active" : "inactive");
        if (c->what_if)
                return rv_unitop_end(c, &ch, RV_OK);
        int64_t since = real_now();
        e = rv_systemd_job(ch.bus, method, ch.unit, "replace", c->deadline, result, err);
        if (e == RV_OK && strcmp(result, "done") != 0 && strcmp(result, "skipped") != 0)
                e = rv_unitop_failed(
                        &ch,
                        strcmp(result, "dependency") == 0 ? "a service that it needs did not start" : result,
                        since, err);
        if (e == RV_OK && start)
                e = settle(c, &ch, since, err);
        return rv_unitop_end(c, &ch, e);
}

/* A call of the manager about one unit that waits for nothing. */
int rv_unitop_plain(struct rv_call *c, const char *doing, const char *method, const char *property,
                    const char *from, const char *to, struct rv_error *err)
{
        struct rv_unitop ch;
        int e = rv_unitop_begin(c, doing, &ch, err);
        if (e)
                return e;
        rv_change(c, property, from, to);
        if (!c->what_if)
                e = rv_systemd_call(ch.bus, c->deadline, ch.what, err, NULL, method, "s", ch.unit);
        return rv_unitop_end(c, &ch, e);
}
/* To or out of the freezer; nothing where it is so already. */
int rv_unitop_freezer(struct rv_call *c, const char *doing, const char *method, bool freeze,
                      struct rv_error *err)
{
        struct rv_unitop ch;
        char state[32] = "";
        int e = rv_unitop_begin(c, doing, &ch, err);
        if (e)
                return e;
        if (strcmp(ch.active, "active") != 0 && strcmp(ch.active, "reloading") != 0) {
                rv_about(err, NULL, NULL, "State");
                return rv_unitop_end(c, &ch, rv_fail(err, RV_FAILED, "%s: it is not running", ch.what));
        }
        rv_systemd_text(ch.bus, ch.unit, RV_SYSTEMD_UNIT, "FreezerState", state, sizeof state);
        if (strcmp(state, freeze ? "frozen" : "running") == 0)
                return rv_unitop_end(c, &ch, RV_OK);
        rv_change(c, "State", freeze ? "Running" : "Paused", freeze ? "Paused" : "Running");
        if (!c->what_if)
                e = rv_systemd_call(ch.bus, c->deadline, ch.what, err, NULL, method, "s", ch.unit);
        return rv_unitop_end(c, &ch, e);
}

/* ---- unit files ---- */

/* EnableUnitFiles and its kin take an array of names. */
int rv_unitop_files(struct rv_unitop *ch, uint64_t deadline, const char *method, bool runtime, bool force,
                    struct rv_error *err)
{
        sd_bus_message *m = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        bool two = strcmp(method, "EnableUnitFiles") == 0 || strcmp(method, "MaskUnitFiles") == 0;
        int r = sd_bus_message_new_method_call(ch->bus, &m, RV_SYSTEMD_NAME, RV_SYSTEMD_PATH,
                                               RV_SYSTEMD_MANAGER, method);
        if (r >= 0)
                r = sd_bus_message_append(m, "as", 1, ch->unit);
        if (r >= 0)
                r = two ? sd_bus_message_append(m, "bb", runtime, force)
                        : sd_bus_message_append(m, "b", runtime);
        if (r >= 0)
                r = sd_bus_call(ch->bus, m, rv_systemd_timeout(deadline), &error, NULL);
        int e = r < 0 ? rv_systemd_fail(err, r, &error, ch->what) : RV_OK;
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        return e;
}

int rv_unitop_reload_manager(struct rv_unitop *ch, uint64_t deadline, struct rv_error *err)
{
        return rv_systemd_call(ch->bus, deadline, "cannot make systemd read its unit files", err, NULL,
                               "Reload", NULL);
}

static const char *mode_of_state(const char *state)
{
        return strncmp(state, "masked", 6) == 0    ? "Disabled"
               : strncmp(state, "enabled", 7) == 0 ? "Auto"
                                                   : "Manual";
}

/* A mask is a link in /etc/systemd/system, or until the next boot in /run/systemd/system: the former cannot be where
 * the unit file itself is, the latter has no effect beside it. */
static int maskable(struct rv_unitop *ch, struct rv_error *err)
{
        static const char etc[] = "/etc/systemd/system/";
        char path[PATH_MAX];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", etc, ch->unit);
        if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
                return RV_OK;
        rv_fail(err, RV_NOT_SUPPORTED, "%s: its unit file is %s, where the mask would be", ch->what, path);
        return rv_hint(err, "Manual (disabled) keeps it from starting at boot; or move the file to "
                            "/usr/local/lib/systemd/system.");
}

int rv_unitop_set_mode(struct rv_call *c, struct rv_unitop *ch, const char *mode, struct rv_error *err)
{
        char state[32];
        const char *to = strcmp(mode, "Automatic") == 0 ? "Auto" : mode;
        rv_systemd_text(ch->bus, ch->unit, RV_SYSTEMD_UNIT, "UnitFileState", state, sizeof state);
        const char *from = mode_of_state(state);
        if (strcmp(from, to) == 0)
                return RV_OK;
        if (strcmp(to, "Disabled") != 0 && (strcmp(state, "static") == 0 || strcmp(state, "generated") == 0 ||
                                            strcmp(state, "transient") == 0)) {
                rv_fail(err, RV_NOT_SUPPORTED, "%s: its unit file is %s, so it cannot be enabled or disabled",
                        ch->what, state);
                return rv_hint(err, "It is started by other units: see WantedBy and TriggeredBy. Disabled "
                                    "(masked) is possible.");
        }
        int e = strcmp(to, "Disabled") == 0 ? maskable(ch, err) : RV_OK;
        if (e)
                return e;
        rv_change(c, "StartMode", from, to);
        if (c->what_if)
                return RV_OK;
        if (strcmp(from, "Disabled") == 0)
                e = rv_unitop_files(ch, c->deadline, "UnmaskUnitFiles", false, false, err);
        if (e == RV_OK)
                e = strcmp(to, "Auto") == 0
                            ? rv_unitop_files(ch, c->deadline, "EnableUnitFiles", false, true, err)
                    : strcmp(to, "Disabled") == 0
                            ? rv_unitop_files(ch, c->deadline, "MaskUnitFiles", false, true, err)
                            : rv_unitop_files(ch, c->deadline, "DisableUnitFiles", false, false, err);
        return e == RV_OK ? rv_unitop_reload_manager(ch, c->deadline, err) : e;
}

int rv_unitop_mask(struct rv_call *c, const char *doing, const char *method, bool runtime, const char *to,
                   struct rv_error *err)
{
        struct rv_unitop ch;
        char state[32];
        int e = rv_unitop_begin(c, doing, &ch, err);
        if (e)
                return e;
        rv_systemd_text(ch.bus, ch.unit, RV_SYSTEMD_UNIT, "UnitFileState", state, sizeof state);
        if ((strncmp(state, "masked", 6) == 0) == (strcmp(to, "masked") == 0))
                return rv_unitop_end(c, &ch, RV_OK);
        if (strcmp(to, "masked") == 0 && (e = maskable(&ch, err)))
                return rv_unitop_end(c, &ch, e);
        rv_change(c, "UnitFileState", state, to);
        if (!c->what_if) {
                e = rv_unitop_files(&ch, c->deadline, method, runtime, true, err);
                if (e == RV_OK)
                        e = rv_unitop_reload_manager(&ch, c->deadline, err);
        }
        return rv_unitop_end(c, &ch, e);
}
