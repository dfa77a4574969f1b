/* SPDX-License-Identifier: MIT */
#include "providers/lib/container.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* ---- output ---- */

static void keep_end(struct rv_buf *b, size_t most)
{
        if (b->len <= most)
                return;
        memmove(b->data, b->data + b->len - most, most);
        b->len = most;
        b->data[b->len] = 0;
}

bool rv_container_piece(void *output, int stream, const char *s, size_t n)
{
        struct rv_container_output *o = output;
        struct rv_buf *b = stream == 2 ? &o->err : &o->out;
        if (!o->from_end && b->len + n > o->most)
                n = b->len < o->most ? o->most - b->len
                                     : 0; /* the rest is read and forgotten, so that it goes on */
        rv_buf_put(b, s, n);
        rv_buf_put(b, "", 1);
        b->len -= !b->failed;
        if (o->from_end && b->len > 2 * o->most)
                keep_end(b, o->most);
        return !b->failed;
}

void rv_container_output_free(struct rv_container_output *o)
{
        rv_buf_free(&o->out);
        rv_buf_free(&o->err);
}

int rv_container_logs(struct rv_engine *e, const char *id, const char *query, struct rv_container_output *ret,
                      struct rv_error *err)
{
        e->piece = rv_container_piece;
        e->piece_state = ret;
        int r = rv_engine_get(e, NULL, err, "/containers/%s/logs?%s", id, query);
        e->piece = NULL;
        keep_end(&ret->out, ret->most);
        keep_end(&ret->err, ret->most);
        return r;
}

/* ---- making one ---- */

json_t *rv_container_texts(const struct rv_arg *v, uint32_t n)
{
        json_t *list = json_array();
        for (uint32_t i = 0; i < n; i++)
                json_array_append_new(list, json_stringn(v[i].s, v[i].len));
        return list;
}

bool rv_container_is_sandbox(const char *runtime)
{
        static const char *const words[] = { "runsc", "gvisor", "kata",  "sysbox",
                                             "krun",  "nabla",  "clear", NULL };
        for (const char *const *w = words; *w; w++)
                if (strstr(runtime, *w))
                        return true;
        return false;
}

/* The engine's sandboxing runtime; refused where there is none, before anything happens. */
int rv_container_runtime(struct rv_engine *e, const char *isolation, char *to, size_t size,
                        struct rv_error *err)
{
        json_t *info = NULL, *one;
        const char *name;
        to[0] = 0;
        if (strcmp(isolation, "process") == 0)
                return RV_OK;
        int r = rv_engine_get(e, &info, err, "/info");
        json_object_foreach(json_object_get(info, "Runtimes"), name, one)
        {
                bool vm = strstr(name, "kata") != NULL;
                if (!to[0] && rv_container_is_sandbox(name) && (strcmp(isolation, "vm") != 0 || vm))
                        snprintf(to, size, "%s", name);
        }
        json_decref(info);
        if (r == RV_OK && !to[0]) {
                rv_about(err, "Container", NULL, "Isolation");
                rv_hint(err,
                        "Register one (runsc, kata) in /etc/docker/daemon.json, or use Isolation process.");
                r = rv_fail(err, RV_NOT_SUPPORTED, "%s: the engine has no runtime for Isolation %s", e->what,
                            isolation);
        }
        return r;
}

/* "8080:80", "127.0.0.1:8080:80/udp", "80": into ExposedPorts and PortBindings. */
int rv_container_port(json_t *exposed, json_t *bindings, const struct rv_arg *v, struct rv_error *err)
{
        char text[160], key[40];
        snprintf(text, sizeof text, "%.150s", v->s);
        char *slash = strchr(text, '/'), *inside = strrchr(text, ':'), *type = "tcp", *outside = "", *ip = "";
        if (slash) {
                *slash = 0;
                type = slash + 1;
        }
        if (inside) {
                *inside++ = 0;
                char *colon = strrchr(text, ':');
                outside = colon ? colon + 1 : text;
                if (colon) {
                        *colon = 0;
                        ip = text;
                        if (*ip == '[' && ip[strlen(ip) - 1] == ']') {
                                ip[strlen(ip) - 1] = 0;
                                ip++;
                        }
                }
        } else {
                inside = text;
        }
        int port = atoi(inside);
        if (port < 1 || port > 65535 || strspn(inside, "0123456789") != strlen(inside) ||
            strspn(outside, "0123456789") != strlen(outside) || atoi(outside) > 65535 ||
            (strcmp(type, "tcp") != 0 && strcmp(type, "udp") != 0 && strcmp(type, "sctp") != 0)) {
                rv_about(err, "Container", NULL, "Port");
                return rv_fail(err, RV_INVALID_PARAMETER,
                               "Port '%.100s': expected HOST:CONTAINER or ADDRESS:HOST:CONTAINER, such as "
                               "8080:80 or 53:53/udp",
                               v->s);
        }
        snprintf(key, sizeof key, "%d/%s", port, type);
        json_object_set_new(exposed, key, json_object());
        json_t *list = json_object_get(bindings, key);
        if (!list)
                json_object_set_new(bindings, key, list = json_array());
        json_array_append_new(list, json_pack("{s:s, s:s}", "HostIp", ip, "HostPort", outside));
        return RV_OK;
}
