/* SPDX-License-Identifier: MIT
 *
 * reeve desired: what a timer runs. Each document says by its member Mode what is to be done: Audit (when absent)
 * tells drift, Enforce mends it. One line for each resource that is not, or was not, as it should be.
 */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "shell/desired.h"
#include "shell/model.h"

enum { SO, DRIFTED, FAILED, UNKNOWN };

struct run {
        struct sh_link link;
        double timeout;
        bool audit, enforce, quiet; /* whatever the document says */
        int status;
};

static void worse(struct run *r, int status)
{
        if (status > r->status)
                r->status = status;
}

static void cannot(struct run *r, const char *path, const char *why)
{
        fprintf(stderr, "%s: %s\n", path, why);
        worse(r, UNKNOWN);
}

/* Texts come from the system: no control character of theirs reaches a terminal. */
static void put(const char *s)
{
        for (; s && *s; s++)
                putchar((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
}

static void tell(struct run *r, const char *path, json_t *resource)
{
        const char *status = json_string_value(json_object_get(resource, "Status"));
        const char *why = json_string_value(json_object_get(json_object_get(resource, "Error"), "message"));
        const char *because = json_string_value(json_object_get(resource, "Because"));
        json_t *changed = json_object_get(resource, "Changed"), *c;
        size_t i;
        if (!status || strcmp(status, "InDesiredState") == 0)
                return;
        bool mended = strcmp(status, "Changed") == 0;
        worse(r, mended ? SO : strcmp(status, "Drifted") == 0 ? DRIFTED : FAILED);
        if (r->quiet && mended)
                return;
        put(path);
        printf(": ");
        put(json_string_value(json_object_get(resource, "Name")));
        printf(": %s", status);
        json_array_foreach(changed, i, c)
        {
                printf("%s", i ? ", " : " ");
                put(json_string_value(json_object_get(c, "Property")));
                printf(" ");
                const char *from = json_string_value(json_object_get(c, "From")),
                           *to = json_string_value(json_object_get(c, "To"));
                put(from ? from : "(none)");
                printf(" -> ");
                put(to ? to : "(none)");
        }
        if (why || because) {
                printf(" (");
                put(why ? why : because);
                printf(")");
        }
        printf("\n");
}

static bool is_enforced(const struct run *r, json_t *document, const char *path, bool *ret)
{
        json_t *mode = json_object_get(document, "Mode");
        const char *text = json_string_value(mode);
        *ret = r->enforce || (!r->audit && text && strcasecmp(text, "Enforce") == 0);
        if (!mode || (text && (strcasecmp(text, "Enforce") == 0 || strcasecmp(text, "Audit") == 0)))
                return true;
        fprintf(stderr, "%s: Mode: expected Audit or Enforce\n", path);
        return false;
}

static void one(struct run *r, const char *path)
{
        json_error_t where;
        json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
        bool enforce;
        if (!document) {
                char why[300];
                snprintf(why, sizeof why, "%s%s", where.text, where.line > 0 ? "" : " (cannot be read)");
                cannot(r, path, why);
                return;
        }
        if (!is_enforced(r, document, path, &enforce)) {
                worse(r, UNKNOWN);
                json_decref(document);
                return;
        }
        struct rv_buf in = { 0 }, out = { 0 };
        struct rv_error err = { 0 };
        if (json_is_object(document) && !json_object_get(document, "Name")) /* for whoever watches drift */
                json_object_set_new(document, "Name", json_string(path));
        char *text = json_dumps(document, JSON_COMPACT);
        rv_buf_puts(&in, "{\"Document\":");
        rv_buf_puts(&in, text ? text : "{}");
        if (sh_link_call(&r->link, enforce ? "SetDesiredState" : "TestDesiredState", &in, r->timeout, &out,
                         &err)) {
                cannot(r, path, err.message);
        } else {
                json_t *answer = json_loadb(out.data, out.len, 0, NULL), *resource;
                size_t i;
                json_array_foreach(json_object_get(answer, "Resources"), i, resource) tell(r, path, resource);
                if (!answer)
                        cannot(r, path, "the agent's answer could not be read");
                json_decref(answer);
        }
        free(text);
        rv_buf_free(&in);
        rv_buf_free(&out);
        json_decref(document);
}

/* A file, or the *.json of a folder in the order of their names. */
static void each(struct run *r, const char *path)
{
        struct stat st;
        char pattern[4096];
        glob_t g;
        if (stat(path, &st) < 0) {
                cannot(r, path, strerror(errno));
                return;
        }
        if (!S_ISDIR(st.st_mode)) {
                one(r, path);
                return;
        }
        snprintf(pattern, sizeof pattern, "%s/*.json", path);
        if (glob(pattern, 0, NULL, &g))
                return;
        for (size_t i = 0; i < g.gl_pathc; i++)
                one(r, g.gl_pathv[i]);
        globfree(&g);
}

static int usage(FILE *f)
{
        fputs("usage: reeve desired [--audit | --enforce] [--quiet] [--timeout SECONDS] FILE|FOLDER ...\n"
              "  desired-state documents; a document's Mode (Audit when absent, or Enforce) says what is "
              "done\n"
              "  --audit, --enforce  whatever the documents say\n"
              "  --quiet             nothing about what was mended\n"
              "exit status: 0 all is as it should be, 1 something drifted, 2 something failed, 3 it cannot "
              "be known\n",
              f);
        return f == stdout ? SO : UNKNOWN;
}

int sh_desired_main(int argc, char **argv)
{
        static const struct option known[] = { { "audit", 0, 0, 'a' }, { "enforce", 0, 0, 'e' },
                                               { "quiet", 0, 0, 'q' }, { "timeout", 1, 0, 't' },
                                               { "help", 0, 0, 'h' },  { 0 } };
        struct run r = { .link = { .log = -1 }, .timeout = 600 };
        optind = 0;
        for (int o; (o = getopt_long(argc, argv, "", known, NULL)) != -1;) {
                if (o == 'h')
                        return usage(stdout);
                r.audit |= o == 'a';
                r.enforce |= o == 'e';
                r.quiet |= o == 'q';
                if (o == 't')
                        r.timeout = strtod(optarg, NULL);
                if (o == '?' || r.timeout < 0.001)
                        return usage(stderr);
        }
        if (optind == argc || (r.audit && r.enforce))
                return usage(stderr);
        for (; optind < argc; optind++)
                each(&r, argv[optind]);
        sh_link_close(&r.link);
        return fflush(stdout) ? UNKNOWN : r.status;
}
