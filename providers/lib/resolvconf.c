/* SPDX-License-Identifier: MIT */
#include "providers/lib/resolvconf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "providers/lib/slurp.h"

/* The words of a line behind its keyword, each as a line of `to`; replace: the last such line counts alone. */
static void take(char *to, size_t size, const char *words, bool replace)
{
        size_t n = replace ? 0 : strlen(to);
        if (replace)
                to[0] = 0;
        for (const char *p = words; *(p += strspn(p, " \t\r"));) {
                size_t k = strcspn(p, " \t\r");
                if (*p == '#' || *p == ';' || n + k + 2 >= size)
                        break;
                n += (size_t)snprintf(to + n, size - n, "%.*s\n", (int)k, p);
                p += k;
        }
}

static const char *manager(const char *text)
{
        char link[PATH_MAX];
        static const char *const names[] = { "systemd-resolved", "NetworkManager", "resolvconf", "dhcpcd", "dhclient" };
        ssize_t n = readlink("/etc/resolv.conf", link, sizeof link - 1);
        link[n > 0 ? n : 0] = 0;
        if (strstr(link, "systemd/resolve"))
                return names[0];
        if (strstr(link, "NetworkManager"))
                return names[1];
        if (strstr(link, "resolvconf"))
                return names[2];
        for (const char *p = text; *p == '#' || *p == ';'; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : "")
                for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                        const char *at = strstr(p, names[i]), *by = strstr(p, "enerated by");
                        if (at && by && by < at && !memchr(by, '\n', (size_t)(at - by)))
                                return names[i];
                }
        return NULL;
}

bool rv_resolvconf_read(struct rv_resolvconf *c)
{
        size_t n;
        *c = (struct rv_resolvconf) { 0 };
        char *text = rv_slurp("/etc/resolv.conf", 1 << 20, &n), *rest = text;
        if (!text)
                return false;
        c->manager = manager(text);
        for (char *line; (line = strsep(&rest, "\n"));) {
                size_t k = strcspn(line, " \t");
                if (!line[k])
                        continue;
                line[k] = 0;
                if (strcmp(line, "nameserver") == 0)
                        take(c->servers, sizeof c->servers, line + k + 1, false);
                else if (strcmp(line, "search") == 0 || strcmp(line, "domain") == 0)
                        take(c->domains, sizeof c->domains, line + k + 1, true);
                else if (strcmp(line, "options") == 0)
                        take(c->options, sizeof c->options, line + k + 1, false);
        }
        free(text);
        return true;
}
