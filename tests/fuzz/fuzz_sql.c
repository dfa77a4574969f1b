/* SPDX-License-Identifier: MIT
 *
 * Any text as SQL with our functions and limits, over a small table; as an argument of each function; and, cut at its
 * first line end, as a regular expression and a text: the answer must not depend on how often it is asked.
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/regular.h"
#include "agent/vtab.h"

static int enough(void *left)
{
        return --*(int *)left < 0;
}

static void run(sqlite3 *db, const char *sql, const char *text, size_t n)
{
        sqlite3_stmt *q = NULL;
        int left = 20;
        sqlite3_progress_handler(db, 1000, enough, &left);
        if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && q) {
                for (int i = 1; i <= sqlite3_bind_parameter_count(q); i++)
                        sqlite3_bind_text(q, i, text, (int)n, SQLITE_STATIC);
                for (int rows = 0; sqlite3_step(q) == SQLITE_ROW && rows < 100;)
                        rows++;
        }
        sqlite3_finalize(q);
}

static int only_select(void *x, int action, const char *a, const char *b, const char *c, const char *d)
{
        (void)x, (void)a, (void)b, (void)c, (void)d;
        return action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_RECURSIVE ||
                               action == SQLITE_FUNCTION
                       ? SQLITE_OK
                       : SQLITE_DENY;
}

static void as_regular(const char *s, size_t n)
{
        const char *end = memchr(s, '\n', n), *why;
        size_t pattern = end ? (size_t)(end - s) : n;
        struct rv_regular *r = pattern <= 1000 ? rv_regular_new(s, pattern, &why) : NULL;
        if (!r)
                return;
        const char *text = end ? end + 1 : s;
        size_t left = end ? n - pattern - 1 : n;
        if (rv_regular_fits(r, text, left) != rv_regular_fits(r, text, left))
                abort();
        rv_regular_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const calls[] = { "SELECT ?1 REGEXP ?1, 'x' REGEXP ?1",
                                             "SELECT in_network(?1, '10.0.0.0/8'), in_network('::1', ?1)",
                                             "SELECT size(?1), size_text(?1)",
                                             "SELECT ago(?1), seconds(?1), duration_text(?1)",
                                             "SELECT basename(?1), dirname(?1)",
                                             "SELECT under(?1, '/'), under('/x', ?1), under(?1, ?1)" };
        sqlite3 *db = NULL;
        char *own = malloc(size + 1);
        if (!own || sqlite3_open(":memory:", &db) != SQLITE_OK)
                abort();
        memcpy(own, data, size);
        own[size] = 0;
        rv_sql_limit(db);
        sqlite3_exec(db,
                     "CREATE TABLE T(Id INTEGER, Name TEXT, Ratio REAL); INSERT INTO T VALUES(1, 'a', 0.5), "
                     "(2, NULL, NULL)",
                     NULL, NULL, NULL);
        if (rv_sql_functions(db) != SQLITE_OK)
                abort();
        sqlite3_set_authorizer(db, only_select, NULL);
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                run(db, calls[i], own, size);
        const char *explained = rv_explain_text(own);
        run(db, explained ? explained : own, own, size);
        as_regular((const char *)data, size);
        sqlite3_close_v2(db);
        free(own);
        return 0;
}
