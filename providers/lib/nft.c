/* SPDX-License-Identifier: MIT
 *
 * nft, asked and told in JSON: see nft.h.
 */
#include "providers/lib/nft.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "providers/lib/tool.h"

enum { LIST_MOST = 64 << 20, WATCH_BUFFER = 1 << 20 };

/* The line of its complaint that says something: others show the place in its input. */
static const char *words(const char *complaint, char *buf, size_t size)
{
        const char *s = strstr(complaint, "Error: ");
        s = s ? s + 7 : complaint;
        size_t n = strcspn(s, "\n");
        if (n >= size)
                n = size - 1;
        memcpy(buf, s, n);
        buf[n] = 0;
        return n ? buf : "nft failed without a word";
}

static int fail(const char *doing, const struct rv_tool_said *said, struct rv_error *err)
{
        static const struct {
                const char *text;
                int status;
        } known[] = { { "Operation not permitted", RV_ACCESS_DENIED },
                      { "Permission denied", RV_ACCESS_DENIED },
                      { "must be root", RV_ACCESS_DENIED },
                      { "No such file or directory", RV_NOT_FOUND },
                      { "File exists", RV_ALREADY_EXISTS },
                      { "Operation not supported", RV_NOT_SUPPORTED },
                      { "Protocol not supported", RV_NOT_SUPPORTED },
                      { "Device or resource busy", RV_UNAVAILABLE },
                      { "Could not process rule", RV_FAILED },
                      { "", RV_INVALID_PARAMETER } };
        char line[300];
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (strstr(said->complaint, known[i].text))
                        return rv_fail(err, known[i].status, "cannot %s: %s", doing,
                                       words(said->complaint, line, sizeof line));
        return RV_FAILED;
}

static int run(const char *const *argv, const char *input, const char *doing, uint64_t deadline, size_t most,
               struct rv_tool_said *said, struct rv_error *err)
{
        struct rv_tool tool = { .argv = argv,
                                .what = doing,
                                .input = input,
                                .ninput = input ? strlen(input) : 0,
                                .deadline = deadline,
                                .most = most };
        int e = rv_tool_run(&tool, said, err);
        if (e == RV_OK && said->status != 0) {
                e = fail(doing, said, err);
                rv_tool_free(said);
        }
        if (e == RV_OK && most && said->n >= most) {
                rv_tool_free(said);
                return rv_fail(err, RV_SERVER_LIMITS_EXCEEDED, "cannot %s: more than %zu MiB of it", doing,
                               most >> 20);
        }
        return e;
}

/* ---- the list ---- */

void rv_nft_rewind(struct rv_nft_list *l)
{
        const char *s = l->text ? strchr(l->text, '[') : NULL;
        l->at = s ? s + 1 : "";
        l->left = strlen(l->at);
}

int rv_nft_list(struct rv_nft_list *l, uint64_t deadline, struct rv_error *err)
{
        static const char *const argv[] = { "nft", "-j", "-t", "list", "ruleset", NULL };
        struct rv_tool_said said;
        *l = (struct rv_nft_list) { .at = "" };
        int e = run(argv, NULL, "list the rules of the firewall", deadline, LIST_MOST, &said, err);
        if (e)
                return e;
        l->text = said.text;
        rv_nft_rewind(l);
        return RV_OK;
}

json_t *rv_nft_next(struct rv_nft_list *l)
{
        json_error_t e;
        while (l->left && strchr(", \n", *l->at)) {
                l->at++;
                l->left--;
        }
        json_t *one = l->left && *l->at == '{' ? json_loadb(l->at, l->left, JSON_DISABLE_EOF_CHECK, &e) : NULL;
        if (one) {
                l->at += e.position;
                l->left -= (size_t)e.position;
        }
        return one;
}

void rv_nft_list_free(struct rv_nft_list *l)
{
        free(l->text);
        l->text = NULL;
}

/* ---- changes ---- */

int rv_nft_run(json_t *commands, bool check, const char *doing, uint64_t deadline, struct rv_error *err)
{
        json_t *all = json_pack("{s:o}", "nftables", commands);
        char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
        json_decref(all);
        if (!text)
                return -ENOMEM;
        const char *argv[] = { "nft", "-j", "-f", "-", check ? "-c" : NULL, NULL };
        struct rv_tool_said said;
        int e = run(argv, text, doing, deadline, 0, &said, err);
        if (e == RV_OK)
                rv_tool_free(&said);
        free(text);
        return e;
}

int rv_nft_load(const char *text, bool check, const char *doing, uint64_t deadline, struct rv_error *err)
{
        const char *argv[] = { "nft", "-f", "-", check ? "-c" : NULL, NULL };
        struct rv_tool_said said;
        int e = run(argv, text, doing, deadline, 0, &said, err);
        if (e == RV_OK)
                rv_tool_free(&said);
        return e;
}

int rv_nft_definition(const char *family, const char *table, uint64_t deadline, char **ret, struct rv_error *err)
{
        const char *argv[] = { "nft", "-s", "list", "table", family, table, NULL };
        struct rv_tool_said said;
        int e = run(argv, NULL, "read a table of the firewall", deadline, LIST_MOST / 4, &said, err);
        if (e == RV_OK)
                *ret = said.text;
        return e;
}

int rv_nft_watch(void)
{
        int group = NFNLGRP_NFTABLES, size = WATCH_BUFFER;
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
        struct sockaddr_nl own = { .nl_family = AF_NETLINK };
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        int r = bind(fd, (struct sockaddr *)&own, sizeof own) < 0 ||
                                setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0
                        ? -errno
                        : 0;
        if (r)
                close(fd);
        return r ? r : fd;
}
