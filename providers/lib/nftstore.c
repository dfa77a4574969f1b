/* SPDX-License-Identifier: MIT
 *
 * Where reeve's rules outlive a boot: a file of their own, brought in by the host's own file of rules, which
 * nftables.service loads. A host that does not load one is left as it is, and told so. A pattern is brought in, not a
 * name: a missing file would keep nft from loading all the rest.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "providers/lib/nft.h"
#include "providers/lib/replace.h"
#include "providers/lib/slurp.h"

#define FOLDER "/etc/nftables.d"
#define OURS FOLDER "/reeve.nft"
#define INCLUDE "include \"" FOLDER "/reeve*.nft\""

enum { CONFIG_MOST = 1 << 20 };

static const char *const configs[] = { "/etc/nftables.conf", "/etc/sysconfig/nftables.conf",
                                       "/etc/nftables.nft" };
/* How an init system says that it starts nftables. */
static const char *const enabled[] = { "/etc/systemd/system/*.wants/nftables.service",
                                       "/etc/runlevels/*/nftables", "/etc/rc[2S].d/S*nftables" };

static const char *config(void)
{
        for (size_t i = 0; i < sizeof configs / sizeof *configs; i++)
                if (access(configs[i], F_OK) == 0)
                        return configs[i];
        return NULL;
}

static bool any(const char *pattern)
{
        glob_t g = { 0 };
        bool found = glob(pattern, 0, NULL, &g) == 0 && g.gl_pathc;
        globfree(&g);
        return found;
}

bool rv_nft_store_works(char *why, size_t size)
{
        bool starts = false;
        for (size_t i = 0; i < sizeof enabled / sizeof *enabled; i++)
                starts |= any(enabled[i]);
        why[0] = 0;
        if (!config())
                snprintf(why, size, "this host has no /etc/nftables.conf that is loaded at boot");
        else if (!starts)
                snprintf(why, size, "nftables.service is not enabled: %s is not loaded at boot", config());
        return !why[0];
}

/* Whether a file of rules brings ours in. */
static bool includes(const char *text)
{
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += strspn(line, "\n \t");
                size_t n = strcspn(line, "\n");
                const char *folder = memmem(line, n, FOLDER "/", sizeof FOLDER);
                if (strncmp(line, "include", 7) != 0 || !folder)
                        continue;
                const char *file = folder + sizeof FOLDER;
                if (*file == '*' || strncmp(file, "reeve", 5) == 0)
                        return true;
        }
        return false;
}

static int bring_in(struct rv_error *err)
{
        const char *path = config();
        size_t n = 0;
        char *text = path ? rv_slurp(path, CONFIG_MOST, &n) : NULL, *all = NULL;
        if (!text)
                return rv_fail(err, RV_FAILED,
                               "the rule is active, but the host's file of rules cannot be read");
        int r = 0;
        if (!includes(text)) {
                int k = asprintf(&all, "%s%s\n# Written by reeve: its own rules.\n%s\n", text,
                                 n && text[n - 1] != '\n' ? "\n" : "", INCLUDE);
                r = k < 0 ? -ENOMEM : rv_replace_file(path, all, (size_t)k, 0644);
        }
        free(all);
        free(text);
        return r ? rv_fail_errno(err, -r, "the rule is active, but cannot write %s", path) : RV_OK;
}

bool rv_nft_store_holds(void)
{
        char why[200];
        struct stat st;
        size_t n = 0;
        char *text;
        if (!rv_nft_store_works(why, sizeof why) || stat(OURS, &st) < 0 ||
            !(text = rv_slurp(config(), CONFIG_MOST, &n)))
                return false;
        bool held = includes(text);
        free(text);
        return held;
}

int rv_nft_store_save(uint64_t deadline, struct rv_error *err)
{
        char why[200], *definition = NULL, *text = NULL;
        struct rv_error none = { 0 };
        if (!rv_nft_store_works(why, sizeof why))
                return RV_OK;
        int e = rv_nft_definition(RV_NFT_FAMILY, RV_NFT_LASTING, deadline, &definition, &none);
        if (e && e != RV_NOT_FOUND)
                return rv_fail(err, RV_FAILED, "the rule is active, but cannot be kept: %.200s",
                               none.message);
        static const char table[] = "table " RV_NFT_FAMILY " " RV_NFT_LASTING;
        int n = asprintf(
                &text,
                "# Written by reeve. Changes made here are lost: New-NetFirewallRule.\n%s\ndelete %s\n%s",
                table, table, definition ? definition : "");
        free(definition);
        if (n < 0)
                return -ENOMEM;
        mkdir(FOLDER, 0755);
        int r = rv_replace_file(OURS, text, (size_t)n, 0600);
        free(text);
        return r ? rv_fail_errno(err, -r, "the rule is active, but cannot write " OURS) : bring_in(err);
}
