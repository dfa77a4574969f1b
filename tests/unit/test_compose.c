/* SPDX-License-Identifier: MIT
 *
 * Texts of Compose files, YAML within its bounds, whole files: what they become, and that what is wrong is refused with
 * its line. Files are written to a folder of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "providers/lib/composefile.h"
#include "providers/lib/composetext.h"
#include "providers/lib/engine.h"
#include "providers/lib/yaml.h"

static void variables(void **state)
{
        (void)state;
        static const char *const good[][2] = {
                { "plain", "plain" },     { "$$A", "$A" },
                { "${A}", "1" },          { "x$A/y", "x1/y" },
                { "${E}", "" },           { "${E:-d}", "d" },
                { "${E-d}", "" },         { "${N-d}", "d" },
                { "${N:-}", "" },         { "${A:+yes}${E:+no}", "yes" },
                { "${E+set}", "set" },    { "${A:?why}", "1" },
                { "${N:-a:-b}", "a:-b" }, { "$A$A", "11" },
        };
        static const char *const bad[][2] = { { "${N}", "N is not set" }, { "$N", "N is not set" },
                                              { "${E:?why}", "why" },     { "${N?why}", "why" },
                                              { "a $ b", "name" },        { "${A", "followed" },
                                              { "${A:x}", "followed" },   { "${N:-${A}}", "within" } };
        json_t *v = json_pack("{s:s,s:s}", "A", "1", "E", "");
        char why[300];
        for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
                char *s = rv_compose_expand(good[i][0], v, why, sizeof why);
                assert_non_null(s);
                assert_string_equal(s, good[i][1]);
                free(s);
        }
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
                assert_null(rv_compose_expand(bad[i][0], v, why, sizeof why));
                assert_non_null(strstr(why, bad[i][1]));
        }
        rv_compose_dotenv("# no\n A=2\nexport B='b c' \nC=\"\"\nbad\nD=x=y\r\n=z\nlast=", v);
        assert_string_equal(rv_j_text(v, "A"), "1"); /* what is there stays */
        assert_string_equal(rv_j_text(v, "B"), "b c");
        assert_string_equal(json_string_value(json_object_get(v, "C")), "");
        assert_string_equal(rv_j_text(v, "D"), "x=y");
        assert_string_equal(json_string_value(json_object_get(v, "last")), "");
        assert_int_equal(json_object_size(v), 6);
        json_decref(v);
}

static void words_sizes_times(void **state)
{
        (void)state;
        int64_t n;
        json_t *w = rv_compose_words(" sh -c  'a \"b\\' \"c\\\"d e\" f\\ g ''");
        assert_int_equal(json_array_size(w), 6);
        assert_string_equal(json_string_value(json_array_get(w, 2)), "a \"b\\");
        assert_string_equal(json_string_value(json_array_get(w, 3)), "c\"d e");
        assert_string_equal(json_string_value(json_array_get(w, 4)), "f g");
        assert_string_equal(json_string_value(json_array_get(w, 5)), "");
        json_decref(w);
        assert_null(rv_compose_words("sh 'open"));
        assert_true(rv_compose_size("64m", &n) && n == 64 << 20);
        assert_true(rv_compose_size("1.5GB", &n) && n == 3ll << 29);
        assert_true(rv_compose_size("100", &n) && n == 100);
        assert_true(rv_compose_size("7b", &n) && n == 7);
        assert_false(rv_compose_size("much", &n) || rv_compose_size("", &n) || rv_compose_size("-1m", &n) ||
                     rv_compose_size("1mm", &n) || rv_compose_size("9999999t", &n));
        assert_true(rv_compose_duration("1m30s", &n) && n == 90000000000ll);
        assert_true(rv_compose_duration("500ms", &n) && n == 500000000ll);
        assert_false(rv_compose_duration("", &n) || rv_compose_duration("5", &n) ||
                     rv_compose_duration("5x", &n));
}

/* ---- YAML ---- */

static int yaml(const char *text, struct rv_yaml **y, struct rv_error *err)
{
        static struct rv_arena arena;
        rv_arena_free(&arena);
        *err = (struct rv_error) { 0 };
        return rv_yaml_read(&arena, "f", text, strlen(text), y, err);
}

static bool has_library(void)
{
        struct rv_yaml *y;
        struct rv_error err;
        return yaml("a: b", &y, &err) == RV_OK;
}

static void tree(void **state)
{
        (void)state;
        struct rv_yaml *y;
        struct rv_error err;
        if (!has_library())
                skip();
        assert_int_equal(yaml("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz: [p, \"~\", ~]\n", &y, &err),
                         RV_OK);
        assert_string_equal(rv_yaml_get(rv_yaml_get(y, "y"), "a")->text, "1");
        assert_string_equal(rv_yaml_get(rv_yaml_get(y, "y"), "b")->text, "3");
        assert_null(rv_yaml_get(rv_yaml_get(y, "y"), "<<"));
        assert_int_equal(rv_yaml_get(y, "z")->line, 5);
        assert_false(rv_yaml_null(rv_yaml_get(y, "z")->items->next->value));
        assert_true(rv_yaml_null(rv_yaml_get(y, "z")->items->next->next->value));
        static const char *const bad[] = { "",          "a: 1\na: 2", "a: &a [*a]",   "a: *b",
                                           "[1]: 2",    "a: [",       "--- 1\n--- 2", "<<: 1",
                                           "a:\n\t- b", "<<: [1]",    "\xff\xfe" };
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(yaml(bad[i], &y, &err), RV_INVALID_PARAMETER);
}

static void bombs(void **state)
{
        (void)state;
        struct rv_yaml *y;
        struct rv_error err;
        char text[2000] = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n", deep[200];
        if (!has_library())
                skip();
        for (int n = 1; n < 10; n++) {
                size_t at = strlen(text);
                snprintf(text + at, sizeof text - at, "a%d: &a%d [", n, n);
                for (int k = 0; k < 9; k++)
                        snprintf(text + strlen(text), sizeof text - strlen(text), "%s*a%d", k ? "," : "",
                                 n - 1);
                strcat(text, "]\n");
        }
        assert_int_equal(yaml(text, &y, &err), RV_INVALID_PARAMETER);
        assert_non_null(strstr(err.message, "20000"));
        memset(deep, '[', 100);
        deep[100] = 0;
        assert_int_equal(yaml(deep, &y, &err), RV_INVALID_PARAMETER);
        assert_non_null(strstr(err.message, "levels"));
}

/* ---- files ---- */

static int read_file(const char *text, json_t **ret, struct rv_error *err)
{
        char folder[] = "/tmp/rvcompose.XXXXXX", path[64];
        struct rv_arena arena = { 0 };
        struct rv_call c = { .arena = &arena };
        *err = (struct rv_error) { 0 };
        *ret = NULL;
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/compose.yaml", folder);
        FILE *f = fopen(path, "w");
        fputs(text, f);
        fclose(f);
        int r = rv_composefile_read(&c, path, "p", NULL, 0, ret, err);
        unlink(path);
        rmdir(folder);
        rv_arena_free(&arena);
        return r;
}

static void files(void **state)
{
        (void)state;
        json_t *j, *k;
        struct rv_error err;
        if (!has_library())
                skip();
        assert_int_equal(
                read_file("services:\n  b: {image: i, depends_on: [a], scale: 3}\n"
                          "  a: {image: i, environment: {X: 1, Y: }, networks: {n: }, mem_limit: 1m}\n"
                          "networks: {n: {name: real}}\n",
                          &j, &err),
                RV_OK);
        json_t *a = json_array_get(json_object_get(j, "services"), 0),
               *b = json_array_get(json_object_get(j, "services"), 1);
        assert_string_equal(rv_j_text(a, "name"), "a"); /* before b, which depends on it */
        assert_int_equal(rv_j_number(b, "scale"), 3);
        assert_int_equal(rv_j_number(a, "body/HostConfig/Memory"), 1 << 20);
        assert_string_equal(rv_j_text(a, "body/HostConfig/NetworkMode"), "real");
        assert_string_equal(rv_j_text(b, "body/HostConfig/NetworkMode"), "p_default");
        assert_int_equal(json_array_size(rv_j_at(a, "body/Env")), 1);
        assert_string_equal(rv_j_text(b, "depends/a"), "service_started");
        assert_int_equal(read_file("services: {b: {image: i, scale: 1}}", &k, &err), RV_OK);
        json_decref(k);
        json_decref(j);
        static const char *const bad[][2] = {
                { "services: {a: {image: i, build: .}}", "'build'" },
                { "services: {a: {command: x}}", "no image" },
                { "services: {a: {image: i, ports: [1-x]}}", "1-x" },
                { "services: {a: {image: i, volumes: ['v:/v']}}", "'v'" },
                { "services: {a: {image: i, volumes: ['./a:b']}}", "absolute" },
                { "services: {a: {image: i, restart: maybe}}", "maybe" },
                { "services: {a: {image: i, depends_on: [z]}}", "'z'" },
                { "services: {a: {image: i, healthcheck: {every: 1s}}}", "'every'" },
                { "services: {a: {image: i, tty: perhaps}}", "perhaps" },
                { "services: {a: {image: i, scale: 2, container_name: x}}", "container_name" },
                { "services: {a: {image: i, logging: [x]}}", "map" },
                { "services: {a: [x]}", "no map" },
                { "services: [a]", "no services" },
                { "[a]", "map" },
                { "secrets: {}\nservices: {}", "'secrets'" },
        };
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
                assert_int_equal(read_file(bad[i][0], &j, &err), RV_INVALID_PARAMETER);
                assert_non_null(strstr(err.message, bad[i][1]));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(variables), cmocka_unit_test(words_sizes_times),
                cmocka_unit_test(tree),      cmocka_unit_test(bombs),
                cmocka_unit_test(files),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
