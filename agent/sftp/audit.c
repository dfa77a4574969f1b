/* SPDX-License-Identifier: MIT
 *
 * What the agent is asked (what the user's role lets him reach) and told (what is done in his name). The connection is
 * the one by which reeved introduced us: nothing else could say who this is. When it breaks, because the agent was
 * restarted, reading goes on; what would change something is refused until the user connects again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sftp/sftp.h"
#include "agent/wire/record.h"

/* "*" lets everything through. What is not there now gives nothing. */
static bool add_all(struct sftp_scope *s, const json_t *list, bool write)
{
        bool all = false;
        size_t i;
        json_t *one;
        json_array_foreach(list, i, one)
        {
                const char *path = json_string_value(one);
                if (path && strcmp(path, "*") == 0)
                        all = true;
                else if (path && s->nroots < SFTP_ROOTS)
                        sftp_scope_add(s, path, write);
        }
        return all;
}

int sftp_rights(struct rv_client *c, struct sftp_scope *s)
{
        struct rv_error err = { 0 };
        json_t *hello = rv_record_call(c, "Hello", NULL, &err), *shell = json_object_get(hello, "Shell");
        const char *roles = json_string_value(json_object_get(hello, "Roles"));
        if (!hello || (!json_is_true(json_object_get(hello, "Unlimited")) && !shell)) {
                fprintf(stderr, "reeve: file transfer: cannot learn what your role allows: %s\n",
                        *err.message ? err.message : "no answer");
                json_decref(hello);
                return -1;
        }
        snprintf(s->roles, sizeof s->roles, "%s", roles ? roles : "");
        if (shell) {
                s->limited = !add_all(s, json_object_get(shell, "WriteFiles"), true);
                if (s->limited && add_all(s, json_object_get(shell, "ReadFiles"), false))
                        sftp_scope_add(s, "/", false);
        }
        json_decref(hello);
        return 0;
}

/* ---- records ---- */

int64_t sftp_intent(struct sftp *f, const char *method, const char *target, json_t *arguments)
{
        struct rv_error err = { 0 };
        if (!f->agent) {
                json_decref(arguments);
                return 0;
        }
        int64_t record = rv_record_intent(f->agent, method, target, arguments, &err);
        if (record < 0)
                fprintf(stderr, "reeve: %s %s is refused: it cannot be recorded: %s\n", method, target,
                        *err.message ? err.message : "no answer");
        return record;
}

void sftp_outcome(struct sftp *f, int64_t record, int error, json_t *arguments)
{
        struct rv_error err = { 0 };
        if (f->agent)
                rv_record_outcome(f->agent, record, error, arguments, &err);
        else
                json_decref(arguments);
}

void sftp_denied(struct sftp *f, const char *method, const char *target, enum sftp_need need)
{
        char message[400];
        if (f->read_only && need == NEED_WRITE)
                snprintf(message, sizeof message, "denied: this key's command= only lets files be read");
        else if (!*f->scope.roles)
                snprintf(message, sizeof message, "denied: no role fits this user");
        else
                snprintf(message, sizeof message,
                         "denied: no %s of role %s names this path (denied by default)",
                         need == NEED_WRITE ? "WriteFiles" : "ReadFiles or WriteFiles", f->scope.roles);
        if (f->agent)
                rv_record_denied(f->agent, method, target, message);
}

static int led_out(struct sftp *f, int r, const char *method, const struct sftp_place *p, enum sftp_need need)
{
        if (r != -EXDEV)
                return r;
        sftp_denied(f, method, p->shown, need);
        return -EACCES;
}

int sftp_reach(struct sftp *f, const char *method, const struct sftp_place *p, enum sftp_need need, int flags,
               mode_t mode)
{
        return led_out(f, sftp_open_at(&f->scope, p, need, flags, mode), method, p, need);
}

int sftp_reach_parent(struct sftp *f, const char *method, struct sftp_place *p)
{
        return led_out(f, sftp_parent(p), method, p, NEED_WRITE);
}
