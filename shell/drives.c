/* SPDX-License-Identifier: MIT
 *
 * The table of drives and the location on them. The process's folder stays what programs see; a drive such as Env has
 * no folders, so being there is only a mark.
 */
#include "shell/drives.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct sh_drive fixed[] = {
        { .name = "/", .provider = "FileSystem", .root = "/", .description = "", .next = &fixed[1] },
        { .name = "Alias", .provider = "Alias", .root = "", .next = &fixed[2],
          .description = "Drive that contains a view of the aliases stored in session state." },
        { .name = "Env", .provider = "Environment", .root = "", .next = &fixed[3],
          .description = "Drive that contains a view of the environment variables for the process." },
        { .name = "Function", .provider = "Function", .root = "", .next = &fixed[4],
          .description = "Drive that contains a view of the functions stored in session state." },
        { .name = "Temp", .provider = "FileSystem", .root = "/tmp", .next = &fixed[5],
          .description = "Drive that maps to the temporary directory path for the current user." },
        { .name = "Variable", .provider = "Variable", .root = "",
          .description = "Drive that contains a view of those variables stored in session state." },
};
static const struct sh_drive *here;

struct sh_drive *sh_drives(void)
{
        const char *tmp = getenv("TMPDIR");
        fixed[4].root = tmp && *tmp ? tmp : "/tmp";
        return fixed;
}

bool sh_drive_is_folder(const struct sh_drive *d)
{
        return *d->root != 0;
}

struct sh_drive *sh_drive_find(const char *name, size_t n)
{
        for (struct sh_drive *d = sh_drives(); d; d = d->next)
                if (strlen(d->name) == n && !strncasecmp(d->name, name, n))
                        return d;
        return NULL;
}

bool sh_drive_add(const char *name, const char *root, const char *description)
{
        struct sh_drive *at = sh_drives(), *d;
        if (sh_drive_find(name, strlen(name)))
                return false;
        while (at->next && strcasecmp(at->next->name, name) < 0)
                at = at->next;
        if (!(d = calloc(1, sizeof *d)))
                abort();
        *d = (struct sh_drive) { strdup(name), "FileSystem", strdup(root), strdup(description), at->next, true };
        at->next = d;
        return true;
}

void sh_drive_remove(struct sh_drive *d)
{
        struct sh_drive *at = sh_drives();
        while (at && at->next != d)
                at = at->next;
        if (!at)
                return;
        at->next = d->next;
        if (here == d)
                here = NULL;
        free((char *)(uintptr_t)d->name);
        free((char *)(uintptr_t)d->root);
        free((char *)(uintptr_t)d->description);
        free(d);
}

/* The drive a path begins with; *ret_rest: behind its colon and slashes. */
static struct sh_drive *drive_of(const char *path, const char **ret_rest)
{
        static const char core[] = "Microsoft.PowerShell.Core\\";
        if (!strncasecmp(path, core, sizeof core - 1))
                path += sizeof core - 1;
        size_t n = strcspn(path, ":/\\");
        if (!n || path[n] != ':')
                return NULL;
        struct sh_drive *d = sh_drive_find(path, n);
        if (!d && path[n + 1] == ':') { /* Environment::PATH */
                for (d = sh_drives(); d; d = d->next)
                        if (!sh_drive_is_folder(d) && strlen(d->provider) == n &&
                            !strncasecmp(d->provider, path, n))
                                break;
                n++;
        }
        *ret_rest = path + n + 1;
        while (**ret_rest == '/' || **ret_rest == '\\')
                ++*ret_rest;
        return d;
}

char *sh_drive_item(const char *path)
{
        const char *rest;
        const struct sh_drive *d = drive_of(path, &rest);
        if (!d && here && !sh_drive_is_folder(here) && *path != '/' && *path != '~' && !strchr(path, ':')) {
                d = here;
                rest = !strcmp(path, ".") ? "" : !strncmp(path, "./", 2) ? path + 2 : path;
        }
        if (!d || sh_drive_is_folder(d))
                return NULL;
        char *r = malloc(strlen(d->name) + strlen(rest) + 2), *p = r;
        if (!r)
                abort();
        for (const char *s = d->name; *s; s++)
                *p++ = (char)(*s | 32);
        *p++ = ':';
        strcpy(p, rest);
        return r;
}

char *sh_drive_folder(const char *path)
{
        const char *rest;
        const struct sh_drive *d = drive_of(path, &rest);
        if (!d || !sh_drive_is_folder(d))
                return NULL;
        char *r = malloc(strlen(d->root) + strlen(rest) + 2);
        if (!r)
                abort();
        strcpy(r, d->root);
        strcat(r, "/");
        return strcat(r, rest);
}

const struct sh_drive *sh_drive_here(void)
{
        return here;
}

void sh_drive_go(const struct sh_drive *d)
{
        here = d && strcmp(d->name, "/") ? d : NULL;
}

struct sv sh_location(struct sh *sh)
{
        struct sv pwd = sh_pwd(sh);
        if (!here)
                return pwd;
        const char *name = here->name;
        size_t n = strlen(here->root);
        if (!sh_drive_is_folder(here)) {
                sh_drop(pwd);
                return sh_printf("%s:/", name);
        }
        if (strncmp(pwd.s->s, here->root, n) || (pwd.s->s[n] && pwd.s->s[n] != '/')) {
                here = NULL; /* gone elsewhere, by another path */
                return pwd;
        }
        struct sv r = sh_printf("%s:/%s", name, pwd.s->s + n + (pwd.s->s[n] == '/'));
        sh_drop(pwd);
        return r;
}
