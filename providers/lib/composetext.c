/* SPDX-License-Identifier: MIT
 *
 * Texts of Compose files: see composetext.h.
 */
#include "providers/lib/composetext.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t name_length(const char *s)
{
        size_t n = 0;
        if (isalpha((unsigned char)*s) || *s == '_')
                while (isalnum((unsigned char)s[n]) || s[n] == '_')
                        n++;
        return n;
}

/* What stands for a variable. op: "", or one of :- - :? ? :+ + with its word. NULL: said in why. */
static const char *value(json_t *variables, const char *name, const char *op, const char *word, char *why, size_t size)
{
        const char *has = json_string_value(json_object_get(variables, name));
        bool empty = !has || (*op == ':' && !*has);
        char kind = op[*op == ':'];
        if (kind == '-')
                return empty ? word : has;
        if (kind == '+')
                return empty ? "" : word;
        if (kind == '?' && empty)
                snprintf(why, size, "the variable %.60s is wanted: %.100s", name, word);
        else if (!has)
                snprintf(why, size, "the variable %.60s is not set; ${%.60s:-} stands for nothing then", name, name);
        return kind == '?' && empty ? NULL : has;
}

/* One $ and what belongs to it; the text behind it, or NULL. */
static const char *one(const char *s, json_t *variables, FILE *out, char *why, size_t size)
{
        char name[128], op[3] = "", word[1024] = "";
        bool braces = s[1] == '{';
        const char *at = s + 1 + braces;
        if (s[1] == '$') {
                fputc('$', out);
                return s + 2;
        }
        size_t n = name_length(at);
        if (!n || n >= sizeof name) {
                snprintf(why, size, "no variable's name behind $ ($$ is a plain $)");
                return NULL;
        }
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        at += n;
        if (braces && *at != '}') {
                size_t k = *at == ':';
                if (!at[k] || !strchr("-?+", at[k])) {
                        snprintf(why, size, "${%.60s is not followed by :-, -, :?, ?, :+, + or }", name);
                        return NULL;
                }
                snprintf(op, sizeof op, "%.*s", (int)k + 1, at);
                at += k + 1;
                n = strcspn(at, "}$");
                if (at[n] != '}' || n >= sizeof word) {
                        snprintf(why, size, "${%.60s has no }, or a variable within its word", name);
                        return NULL;
                }
                snprintf(word, sizeof word, "%.*s", (int)n, at);
                at += n;
        }
        const char *v = value(variables, name, op, word, why, size);
        if (v)
                fputs(v, out);
        return v ? at + braces : NULL;
}

char *rv_compose_expand(const char *s, json_t *variables, char *why, size_t size)
{
        char *text = NULL;
        size_t n = 0;
        *why = 0;
        FILE *out = open_memstream(&text, &n);
        if (!out)
                return NULL;
        while (s && *s) {
                size_t plain = strcspn(s, "$");
                fwrite(s, 1, plain, out);
                s += plain;
                if (*s)
                        s = one(s, variables, out, why, size);
        }
        if (fclose(out) || !s) {
                free(text);
                return NULL;
        }
        return text;
}

json_t *rv_compose_words(const char *s)
{
        json_t *words = json_array();
        char *word = malloc(strlen(s) + 1);
        char quote = 0;
        while (word && *(s += strspn(s, " \t\n"))) {
                size_t n = 0;
                for (; *s && (quote || !strchr(" \t\n", *s)); s++)
                        if (quote && *s == quote)
                                quote = 0;
                        else if (!quote && (*s == '"' || *s == '\''))
                                quote = *s;
                        else if (*s == '\\' && s[1] && (!quote || (quote == '"' && strchr("\\\"", s[1]))))
                                word[n++] = *++s;
                        else
                                word[n++] = *s;
                json_array_append_new(words, json_stringn(word, n));
        }
        if (quote || !word) {
                json_decref(words);
                words = NULL;
        }
        free(word);
        return words;
}

bool rv_compose_size(const char *s, int64_t *ret)
{
        static const char units[] = "bkmgt";
        char *end;
        double v = isdigit((unsigned char)*s) ? strtod(s, &end) : -1;
        if (v < 0)
                return false;
        const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : units;
        if (!unit)
                return false;
        if (*end)
                end++;
        if (unit != units && tolower((unsigned char)*end) == 'b')
                end++;
        for (; unit > units; unit--)
                v *= 1024;
        *ret = v < 9e15 ? (int64_t)v : 0;
        return !*end && v < 9e15;
}

bool rv_compose_duration(const char *s, int64_t *ret)
{
        static const struct {
                const char *unit;
                double ns;
        } units[] = { { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 } };
        double all = 0;
        if (!*s)
                return false;
        while (*s) {
                char *end;
                double v = isdigit((unsigned char)*s) ? strtod(s, &end) : -1;
                if (v < 0)
                        return false;
                size_t n = strspn(end, "umsh"), i = 0;
                while (i < 5 && (strlen(units[i].unit) != n || strncmp(units[i].unit, end, n) != 0))
                        i++;
                if (i == 5)
                        return false;
                all += v * units[i].ns;
                s = end + n;
        }
        *ret = all < 9e17 ? (int64_t)all : 0;
        return all < 9e17;
}

void rv_compose_dotenv(const char *s, json_t *variables)
{
        for (; *s; s += strcspn(s, "\n"), s += *s == '\n') {
                char key[128];
                s += strspn(s, " \t");
                if (strncmp(s, "export ", 7) == 0)
                        s += 7;
                size_t n = name_length(s), length = strcspn(s, "\n");
                if (!n || n >= sizeof key || s[n] != '=')
                        continue;
                snprintf(key, sizeof key, "%.*s", (int)n, s);
                const char *v = s + n + 1;
                size_t m = length - n - 1;
                while (m && strchr(" \t\r", v[m - 1]))
                        m--;
                if (m >= 2 && (*v == '"' || *v == '\'') && v[m - 1] == *v)
                        v++, m -= 2;
                if (!json_object_get(variables, key))
                        json_object_set_new(variables, key, json_stringn(v, m));
        }
}
