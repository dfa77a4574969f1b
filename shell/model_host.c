/* SPDX-License-Identifier: MIT
 *
 * Links to the agents of other hosts: `ssh HOST reeve rpc` is the way. A link stays until it is ended; what became of
 * ssh is told in its own words.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shell/code.h"
#include "shell/model.h"
#include "shell/remote.h"

enum { PATIENCE = 1 }; /* seconds for the first answer, beside RV_CLIENT_GRACE */

int sh_link_connect_host(struct sh_link *l, struct rv_error *err)
{
        struct sh_target_options o = { .user = l->user, .key = l->key, .port = l->port };
        l->log = memfd_create("reeve-ssh", MFD_CLOEXEC);
        int fd = sh_ssh_stream(l->host, &o, "reeve rpc", l->log, &l->agent);
        if (fd < 0)
                rv_fail_errno(err, -fd, "ssh cannot be started for %.100s", l->host);
        return fd < 0 ? -1 : fd;
}

/* The last line that ssh said, harmless for a terminal. */
static void last_words(const struct sh_link *l, char *buf, size_t size)
{
        char text[2048];
        ssize_t n = l->log >= 0 ? pread(l->log, text, sizeof text - 1, 0) : 0;
        buf[0] = 0;
        while (n > 0 && strchr("\r\n ", text[n - 1]))
                n--;
        if (n <= 0)
                return;
        text[n] = 0;
        char *line = strrchr(text, '\n');
        snprintf(buf, size, "%.*s", (int)size - 1, line ? line + 1 : text);
        for (char *c = buf; *c; c++)
                if ((unsigned char)*c < ' ' || *c == 0x7f)
                        *c = '?';
}

static bool answers(struct sh_link *l, struct rv_error *err)
{
        struct rv_buf out = { 0 };
        struct rv_error e = { 0 };
        struct rv_buf in = { 0 };
        rv_buf_puts(&in, "{\"ClassName\":\"OperatingSystem\"");
        int r = sh_link_call(l, "GetClass", &in, PATIENCE, &out, &e);
        rv_buf_free(&in);
        rv_buf_free(&out);
        if (r == RV_OK)
                return true;
        char why[300];
        last_words(l, why, sizeof why);
        rv_fail(err, RV_UNAVAILABLE, "the agent of %.100s does not answer: %s", l->host,
                why[0] ? why : e.message);
        sh_link_close(l);
        return false;
}

static char *copy(const char *s)
{
        return s ? strdup(s) : NULL;
}

static bool is_same(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

struct sh_link *sh_link_host(struct sh *sh, const char *host, const struct sh_target_options *o,
                             struct rv_error *err)
{
        struct sh_link *l = sh_link_local(sh), **end = &l->next;
        for (l = l->next; l; end = &l->next, l = l->next)
                if (strcmp(l->host, host) == 0 && is_same(l->user, o->user) && is_same(l->key, o->key) &&
                    l->port == o->port)
                        return (l->client && !rv_client_gone(l->client)) || answers(l, err) ? l : NULL;
        static int serial;
        l = calloc(1, sizeof *l);
        if (!l)
                abort();
        *l = (struct sh_link) { .sh = sh,
                                .log = -1,
                                .host = strdup(host),
                                .user = copy(o->user),
                                .key = copy(o->key),
                                .port = o->port,
                                .id = ++serial };
        *end = l; /* classes that it makes are immortal: the link stays even when it is closed */
        return answers(l, err) ? l : NULL;
}

static struct sh_link *link_by_id(struct sh *sh, int64_t id)
{
        struct sh_link *l = sh_link_local(sh)->next;
        while (l && l->id != id)
                l = l->next;
        return l && l->client ? l : NULL;
}

/* A session, or a host's name, as its link. NULL: told, with *ret_status. */
struct sh_link *sh_link_of_session(struct sh_cmd *c, struct sv v, int *ret_status)
{
        struct rv_error err = { 0 };
        struct sh_link *l = NULL;
        struct sv id = SH_NIL;
        int64_t n = -1;
        if (v.kind == SH_STRING)
                l = sh_link_host(sh_session(c), v.s->s, &(struct sh_target_options) { 0 }, &err);
        else if (sh_get(sh_session(c), v, "Id", 2, &id) == SH_OK && sh_to_int64(sh_session(c), id, &n))
                l = link_by_id(sh_session(c), n);
        sh_drop(id);
        if (!l && !err.code)
                rv_fail(&err, RV_NOT_FOUND, "there is no such session, or it has been ended");
        *ret_status = l ? SH_OK : sh_model_error(c, &err, v);
        return l;
}
