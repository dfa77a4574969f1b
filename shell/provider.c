/* SPDX-License-Identifier: MIT
 *
 * reeve provider: for authors of external providers (docs/external-providers.md).
 *
 *      reeve provider new NAME [--language python|sh|command]    a provider that works as it is
 *      reeve provider test FILE.provider                         does it keep its promises?
 *
 * The test starts an agent of its own with this provider alone and asks it as users would.
 */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/check.h"
#include "shell/model.h"

/* ---- new ---- */

static const char mof[] =
        "// The class %1$s. Types and qualifiers are those of MOF; each [Description] is shown in help.\n"
        "[Description(\"A %1$s.\"), Version(\"1.0.0\"), Noun(\"%1$s\")]\n"
        "class %1$s {\n"
        "    [Key, Description(\"Its name.\"), Parameter(\"Name, Position=0, Wildcard\")]\n"
        "    string Name;\n"
        "    [Description(\"Its size.\"), PUnit(\"byte\")]\n"
        "    uint64 Size;\n"
        "};\n";

static const char exec_file[] = "[Provider]\nSchema = %1$s.mof\nExec = ./%1$s%2$s\n";
static const char command_file[] =
        "[Provider]\nSchema = %1$s.mof\n"
        "Command = /usr/bin/find /var/log -maxdepth 1 -type f -printf \"%%f\\t%%s\\n\"\n"
        "Format = csv\nSeparator = \\t\nColumns = Name, Size\n";

static const char python[] =
        "#!/usr/bin/python3\n"
        "\"\"\"%1$s: objects for reeve. A message a line, JSON-RPC 2.0; see "
        "docs/external-providers.md.\"\"\"\n"
        "import json, os, sys\n\n\n"
        "def instances(equals, wanted):\n"
        "    for entry in os.scandir('/var/log'):\n"
        "        if entry.is_file(follow_symlinks=False):\n"
        "            yield {'Name': entry.name, 'Size': entry.stat().st_size}\n\n\n"
        "def say(message):\n"
        "    print(json.dumps({'jsonrpc': '2.0', **message}), flush=True)\n\n\n"
        "for line in sys.stdin:  # ends when reeve closes it\n"
        "    call = json.loads(line)\n"
        "    if 'id' not in call:\n"
        "        continue\n"
        "    if call['method'] == 'EnumerateInstances':\n"
        "        for row in instances(call['params']['Equals'], call['params']['PropertyList']):\n"
        "            say({'method': 'Instances', 'params': {'Id': call['id'], 'Instances': [row]}})\n"
        "        say({'id': call['id'], 'result': {}})\n"
        "    else:\n"
        "        say({'id': call['id'], 'error': {'code': -32601, 'message': 'not offered'}})\n";

static const char posix_sh[] =
        "#!/bin/sh\n"
        "# %1$s: objects for reeve. A message a line, JSON-RPC 2.0; see docs/external-providers.md.\n"
        "say() { printf '{\"jsonrpc\":\"2.0\",%%s}\\n' \"$1\"; }\n"
        "text() { printf %%s \"$1\" | sed 's/[\"\\\\]/\\\\&/g'; }\n\n"
        "while IFS= read -r call; do # ends when reeve closes it\n"
        "        id=$(printf %%s \"$call\" | sed -n 's/^{\"jsonrpc\":\"2.0\",\"id\":\\([0-9]*\\).*/\\1/p')\n"
        "        [ -n \"$id\" ] || continue\n"
        "        case $call in\n"
        "        *'\"method\":\"EnumerateInstances\"'*)\n"
        "                for f in /var/log/*; do\n"
        "                        [ -f \"$f\" ] || continue\n"
        "                        row=\"{\\\"Name\\\":\\\"$(text \"${f##*/}\")\\\",\\\"Size\\\":$(stat -c %%s "
        "\"$f\")}\"\n"
        "                        say "
        "\"\\\"method\\\":\\\"Instances\\\",\\\"params\\\":{\\\"Id\\\":$id,\\\"Instances\\\":[$row]}\"\n"
        "                done\n"
        "                say \"\\\"id\\\":$id,\\\"result\\\":{}\" ;;\n"
        "        *) say \"\\\"id\\\":$id,\\\"error\\\":{\\\"code\\\":-32601,\\\"message\\\":\\\"not "
        "offered\\\"}\" ;;\n"
        "        esac\n"
        "done\n";

static int write_new(const char *name, const char *suffix, mode_t mode, const char *template,
                     const char *ending)
{
        char path[300];
        snprintf(path, sizeof path, "%s%s", name, suffix);
        FILE *f = fopen(path, "wxe");
        if (!f) {
                fprintf(stderr, "reeve provider: cannot make %s: %s\n", path, strerror(errno));
                return 1;
        }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-extra-args"
        fprintf(f, template, name, ending);
#pragma GCC diagnostic pop
        fchmod(fileno(f), mode);
        if (fclose(f)) {
                fprintf(stderr, "reeve provider: cannot write %s: %s\n", path, strerror(errno));
                return 1;
        }
        printf("%s\n", path);
        return 0;
}

static bool is_name(const char *s)
{
        if (!isalpha((unsigned char)*s) || strlen(s) > 60)
                return false;
        while (isalnum((unsigned char)*s) || *s == '_')
                s++;
        return !*s;
}

static int make_new(const char *name, const char *language)
{
        bool is_python = strcmp(language, "python") == 0, is_sh = strcmp(language, "sh") == 0;
        if (!is_name(name) || (!is_python && !is_sh && strcmp(language, "command") != 0)) {
                fprintf(stderr, "reeve provider: NAME is a class's (letters and digits), the language "
                                "python, sh or command\n");
                return 2;
        }
        int r = write_new(name, ".mof", 0644, mof, "");
        if (!r && (is_python || is_sh))
                r = write_new(name, is_python ? ".py" : ".sh", 0755, is_python ? python : posix_sh, "");
        if (!r)
                r = write_new(name, ".provider", 0644, is_python || is_sh ? exec_file : command_file,
                              is_python ? ".py" : ".sh");
        if (!r)
                printf("Try it with: reeve provider test %s.provider\n", name);
        return r;
}

/* ---- test ---- */

struct test {
        struct sh_link link;
        unsigned good, bad;
};

static void told(struct test *t, bool good, const char *what, const char *class, const char *why)
{
        *(good ? &t->good : &t->bad) += 1;
        printf("%s %u - %s: %s%s%s\n", good ? "ok" : "not ok", t->good + t->bad, class, what,
               good || !why ? "" : ": ", good || !why ? "" : why);
}

/* A call's result, or NULL with err described. Takes over params. */
static json_t *call(struct test *t, const char *method, json_t *params, double timeout, struct rv_error *err)
{
        struct rv_buf in = { 0 }, out = { 0 };
        char *text = json_dumps(params, JSON_COMPACT);
        *err = (struct rv_error) { 0 };
        rv_buf_put(&in, text, strlen(text) - 1); /* the client puts the last brace */
        if (in.len == 1)
                in.len = 0;
        int r = sh_link_call(&t->link, method, in.len ? &in : NULL, timeout, &out, err);
        json_t *j = r == RV_OK ? json_loadb(out.data, out.len, 0, NULL) : NULL;
        free(text);
        json_decref(params);
        rv_buf_free(&in);
        rv_buf_free(&out);
        return j;
}

static json_t *of_class(const char *class)
{
        return json_pack("{s:s}", "ClassName", class);
}

static const char *complaint(const json_t *result, char *buf, size_t size)
{
        json_t *first = json_array_get(json_object_get(result, "Partial"), 0);
        const char *m = json_string_value(json_object_get(first, "message"));
        const char *p = json_string_value(json_object_get(json_object_get(first, "data"), "Property"));
        if (!first)
                return NULL;
        snprintf(buf, size, "%s%s%s", p ? p : "", p ? ": " : "", m ? m : "");
        return buf;
}

static json_t *key_of(const json_t *row, const json_t *keys)
{
        json_t *o = json_object(), *name;
        size_t i;
        json_array_foreach((json_t *)keys, i, name)
                json_object_set(o, json_string_value(name), json_object_get(row, json_string_value(name)));
        return o;
}

/* Names of the class's properties; with `only_keys` of its keys. */
static json_t *names_of(const json_t *class, bool only_keys)
{
        json_t *list = json_array(), *p;
        size_t i;
        json_array_foreach(json_object_get(class, "Properties"), i, p)
        {
                if (!only_keys || json_is_true(json_object_get(p, "Key")))
                        json_array_append(list, json_object_get(p, "Name"));
        }
        return list;
}

static void test_keys(struct test *t, const char *class, const json_t *rows, const json_t *keys)
{
        json_t *seen = json_object(), *row;
        size_t i;
        bool unique = true;
        char first[200] = "";
        json_array_foreach((json_t *)rows, i, row)
        {
                json_t *k = key_of(row, keys);
                char *text = json_dumps(k, JSON_COMPACT | JSON_SORT_KEYS);
                if (text && json_object_get(seen, text) && unique) {
                        unique = false;
                        snprintf(first, sizeof first, "%s is there twice", text);
                }
                if (text)
                        json_object_set_new(seen, text, json_true());
                free(text);
                json_decref(k);
        }
        told(t, unique, "each object has a key of its own", class, first);
        json_decref(seen);
}

static void test_one(struct test *t, const char *class, json_t *row, const json_t *keys)
{
        struct rv_error err;
        json_t *key = key_of(row, keys), *params = of_class(class);
        json_object_set(params, "InstanceName", key);
        json_t *one = call(t, "GetInstance", params, 0, &err);
        told(t, one, "an object is found by its key", class, err.message);
        json_decref(one);
        json_decref(key);
}

static void test_absent(struct test *t, const char *class, const json_t *schema, const json_t *keys)
{
        struct rv_error err;
        json_t *params = of_class(class), *key = json_object(), *p;
        size_t i;
        json_array_foreach(json_object_get(schema, "Properties"), i, p)
        {
                const char *type = json_string_value(json_object_get(p, "Type"));
                if (json_is_true(json_object_get(p, "Key")))
                        json_object_set_new(key, json_string_value(json_object_get(p, "Name")),
                                            type && strcmp(type, "string") == 0
                                                    ? json_string("no such object, surely")
                                                    : json_integer(0));
        }
        json_object_set_new(params, "InstanceName", key);
        json_t *one = call(t, "GetInstance", params, 0, &err);
        if (json_array_size(keys))
                told(t, one || err.code == RV_NOT_FOUND || err.code == RV_TYPE_MISMATCH,
                     "what is not there is NOT_FOUND", class, err.message);
        json_decref(one);
}

static void test_haste(struct test *t, const char *class)
{
        struct rv_error err;
        char buf[400];
        json_t *first = call(t, "EnumerateInstances", of_class(class), 0.001, &err);
        json_decref(first);
        json_t *again = call(t, "EnumerateInstances", of_class(class), 0, &err);
        const char *why = again ? complaint(again, buf, sizeof buf) : err.message;
        told(t, again && !why, "answers after a call that was given no time", class, why);
        json_decref(again);
}

/* The class's Provider object; *ret_state what it says of events, "" where it tells of none. */
static void events_of(struct test *t, const char *class, char *ret_state, size_t size)
{
        struct rv_error err;
        json_t *params = json_pack("{s:s, s:{s:s}}", "ClassName", "Provider", "InstanceName", "Name", class);
        json_t *one = call(t, "GetInstance", params, 0, &err);
        const char *state = json_string_value(json_object_get(one, "Events"));
        snprintf(ret_state, size, "%s", state ? state : "");
        json_decref(one);
}

/* Does it watch where it said that it would? And not fall while nothing happens? */
static void test_events(struct test *t, const char *class)
{
        struct rv_error err;
        char state[32];
        enum { PATIENCE = 300, CALM = 10 }; /* times 50 ms */
        events_of(t, class, state, sizeof state);
        if (!*state)
                return;
        json_t *s = call(t, "Subscribe", of_class(class), 0, &err);
        told(t, s, "it can be subscribed to", class, err.message);
        for (int i = 0, calm = 0; s && i < PATIENCE && calm < CALM; i++) {
                events_of(t, class, state, sizeof state);
                calm = strcmp(state, "Pushed") == 0 ? calm + 1 : 0;
                if (strcmp(state, "Broken") == 0)
                        break;
                usleep(50000);
        }
        told(t, strcmp(state, "Pushed") == 0, "it answers Watch, and goes on", class,
             strcmp(state, "Broken") == 0 ? "it fell, refused or told too much; the agent polls instead" : state);
        json_decref(s);
}

static void test_class(struct test *t, const char *class)
{
        struct rv_error err;
        char buf[400];
        json_t *schema = call(t, "GetClass", of_class(class), 0, &err), *params = of_class(class);
        json_t *keys = names_of(schema, true);
        if (json_is_true(json_object_get(schema, "Indication"))) {
                printf("# %s: events\n", class);
                test_events(t, class);
                json_decref(keys);
                json_decref(schema);
                json_decref(params);
                return;
        }
        json_object_set_new(params, "PropertyList", names_of(schema, false));
        json_t *all = call(t, "EnumerateInstances", params, 0, &err),
               *rows = json_object_get(all, "Instances");
        const char *why = all ? complaint(all, buf, sizeof buf) : err.message;
        printf("# %s: %zu object%s\n", class, json_array_size(rows), json_array_size(rows) == 1 ? "" : "s");
        told(t, all && !why, "its objects fit the class", class, why);
        test_keys(t, class, rows, keys);
        if (json_array_size(rows))
                test_one(t, class, json_array_get(rows, 0), keys);
        test_absent(t, class, schema, keys);
        test_haste(t, class);
        test_events(t, class);
        json_decref(all);
        json_decref(keys);
        json_decref(schema);
}

static int test(const char *file)
{
        char path[4096];
        struct test t = { .link = { .log = -1 } };
        struct rv_error err;
        if (!realpath(file, path)) {
                fprintf(stderr, "reeve provider: %s: %s\n", file, strerror(errno));
                return 2;
        }
        t.link.provider = path;
        json_t *list = call(&t, "EnumerateInstances",
                            json_pack("{s:s, s:s, s:[s]}", "ClassName", "Provider", "Filter",
                                      "Kind = 'External'", "PropertyList", "Name"),
                            0, &err);
        json_t *item;
        size_t i;
        if (!list)
                printf("not ok 1 - %s: it can be loaded: %s\n", file, err.hint[0] ? err.hint : err.message);
        json_array_foreach(json_object_get(list, "Instances"), i, item)
                test_class(&t, json_string_value(json_object_get(item, "Name")));
        bool good = list && !t.bad && t.good;
        json_decref(list);
        sh_link_close(&t.link);
        printf("# %u of %u\n", t.good, t.good + t.bad);
        return good ? 0 : 1;
}

static int usage(FILE *f)
{
        fprintf(f, "usage: reeve provider new NAME [--language python|sh|command]\n"
                   "       reeve provider test FILE.provider\n\n"
                   "Makes a provider that works as it is, in the present folder; tries one with an agent of "
                   "its own.\n");
        return f == stderr ? 2 : 0;
}

int sh_provider_main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "--help") == 0)
                return usage(stdout);
        if (argc == 3 && strcmp(argv[1], "test") == 0)
                return test(argv[2]);
        if ((argc == 3 || (argc == 5 && strcmp(argv[3], "--language") == 0)) && strcmp(argv[1], "new") == 0)
                return make_new(argv[2], argc == 5 ? argv[4] : "python");
        return usage(stderr);
}
