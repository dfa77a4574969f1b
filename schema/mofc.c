/* SPDX-License-Identifier: MIT
 *
 * mofc: the build tool that turns schema/classes/ into C and documentation.
 *
 *      mofc --output DIR [--docs DIR] a.mof b.mof ...
 *
 * Reads all files together (qualifiers.mof first), then writes DIR/<File>.h for each file, DIR/classes.c with all
 * descriptors and, with --docs, a reference page for each class. A file whose content would be the same is left as it
 * is, so that a change rebuilds only what it concerns.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "schema/mofc.h"

/* The tool itself has no classes compiled in. */
const struct rv_class *const rv_classes[] = { NULL };
const uint32_t rv_nclasses = 0;
const char rv_mof_qualifiers[] = "";

int mofc_write(const char *dir, const char *name, const char *suffix, const char *text, size_t n)
{
        char path[4096];
        snprintf(path, sizeof path, "%s/%s%s", dir, name, suffix);
        FILE *f = fopen(path, "re");
        if (f) {
                char *old = malloc(n + 1);
                bool equal = old && fread(old, 1, n + 1, f) == n && memcmp(old, text, n) == 0;
                free(old);
                fclose(f);
                if (equal)
                        return 0;
        }
        f = fopen(path, "we");
        if (!f || fwrite(text, 1, n, f) != n || fclose(f) != 0) {
                fprintf(stderr, "mofc: cannot write %s: %s\n", path, strerror(errno));
                return 1;
        }
        return 0;
}

static bool last_part_is(const char *path, const char *name)
{
        const char *slash = strrchr(path, '/');
        return strcmp(slash ? slash + 1 : path, name) == 0;
}

static int read_all(struct rv_mof *m, char **files, int n)
{
        for (int pass = 0; pass < 2; pass++)
                for (int i = 0; i < n; i++)
                        if (last_part_is(files[i], "qualifiers.mof") == (pass == 0))
                                rv_mof_file(m, files[i]);
        int r = rv_mof_finish(m, false);
        for (uint32_t i = 0; i < rv_mof_nerrors(m); i++)
                fprintf(stderr, "%s\n", rv_mof_error(m, i));
        if (r < 0)
                fprintf(stderr, "mofc: out of memory\n");
        return r != 0;
}

/* What belongs to one input file: its classes, into one header. */
static int write_headers(struct rv_mof *m, const char *dir, char **files, int n)
{
        uint32_t count;
        const struct rv_class *const *all = rv_mof_classes(m, &count);
        for (int i = 0; i < n; i++) {
                if (last_part_is(files[i], "qualifiers.mof"))
                        continue;
                const char *slash = strrchr(files[i], '/');
                char stem[256];
                snprintf(stem, sizeof stem, "%s", slash ? slash + 1 : files[i]);
                char *dot = strrchr(stem, '.');
                if (dot)
                        *dot = 0;
                char *text;
                size_t size;
                FILE *out = open_memstream(&text, &size);
                mofc_header_begin(out, stem);
                for (uint32_t k = 0; k < count; k++)
                        if (strcmp(rv_mof_class_file(m, all[k]), files[i]) == 0)
                                mofc_header(out, all[k]);
                mofc_header_end(out);
                fclose(out);
                int r = mofc_write(dir, stem, ".h", text, size);
                free(text);
                if (r)
                        return r;
        }
        return 0;
}

static int by_name(const void *a, const void *b)
{
        return strcasecmp((*(const struct rv_class *const *)a)->name,
                          (*(const struct rv_class *const *)b)->name);
}

/* As C text, for the parser at run time. Comments go. */
static void write_qualifiers(FILE *out, char **files, int n)
{
        char line[4096];
        fprintf(out, "const char rv_mof_qualifiers[] =");
        for (int i = 0; i < n; i++) {
                FILE *f = last_part_is(files[i], "qualifiers.mof") ? fopen(files[i], "re") : NULL;
                while (f && fgets(line, sizeof line, f)) {
                        if (strncmp(line, "//", 2) == 0)
                                continue;
                        fprintf(out, "\n        \"");
                        for (const char *s = line; *s; s++)
                                if (*s == '\n')
                                        fprintf(out, "\\n");
                                else
                                        fprintf(out, strchr("\"\\", *s) ? "\\%c" : "%c", *s);
                        fprintf(out, "\"");
                }
                if (f)
                        fclose(f);
        }
        fprintf(out, "\n        \"\";\n");
}

static int write_classes(struct rv_mof *m, const char *dir, char **files, int n)
{
        uint32_t count;
        const struct rv_class *const *all = rv_mof_classes(m, &count);
        const struct rv_class **sorted = calloc(count + 1, sizeof *sorted);
        memcpy(sorted, all, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, by_name);
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        fprintf(out, "/* Generated by mofc. */\n#include <stddef.h>\n");
        for (int i = 0; i < n; i++) {
                const char *slash = strrchr(files[i], '/'), *stem = slash ? slash + 1 : files[i];
                if (strcmp(stem, "qualifiers.mof") != 0)
                        fprintf(out, "#include \"gen/%.*s.h\"\n", (int)(strlen(stem) - 4), stem);
        }
        for (uint32_t k = 0; k < count; k++)
                mofc_class(out, sorted[k]);
        fprintf(out, "\nconst struct rv_class *const rv_classes[] = {\n");
        for (uint32_t k = 0; k < count; k++)
                fprintf(out, "        &%s_class,\n", sorted[k]->name);
        fprintf(out, "        0 };\nconst uint32_t rv_nclasses = %u;\n\n", count);
        write_qualifiers(out, files, n);
        fclose(out);
        free(sorted);
        int r = mofc_write(dir, "classes", ".c", text, size);
        free(text);
        return r;
}

static int write_docs(struct rv_mof *m, const char *dir)
{
        uint32_t count;
        const struct rv_class *const *all = rv_mof_classes(m, &count);
        for (uint32_t k = 0; k < count; k++) {
                char *text;
                size_t size;
                FILE *out = open_memstream(&text, &size);
                mofc_page(out, all[k]);
                fclose(out);
                int r = mofc_write(dir, all[k]->name, ".md", text, size);
                free(text);
                if (r)
                        return r;
        }
        return 0;
}

int main(int argc, char **argv)
{
        static const struct option options[] = { { "output", 1, NULL, 'o' },
                                                 { "docs", 1, NULL, 'd' },
                                                 { "check", 0, NULL, 'c' },
                                                 { "help", 0, NULL, 'h' },
                                                 { 0 } };
        const char *output = NULL, *docs = NULL;
        bool check = false;
        for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
                switch (c) {
                case 'o': output = optarg; break;
                case 'd': docs = optarg; break;
                case 'c': check = true; break;
                default:
                        fprintf(stderr, "usage: mofc [--check] [--output DIR] [--docs DIR] FILE.mof...\n");
                        return c == 'h' ? 0 : 2;
                }
        struct rv_mof *m = rv_mof_new();
        char **files = argv + optind;
        int n = argc - optind;
        int r = m ? read_all(m, files, n) : 1;
        if (!r && output)
                r = write_headers(m, output, files, n) || write_classes(m, output, files, n);
        if (!r && docs)
                r = write_docs(m, docs);
        if (!r && check) {
                uint32_t classes, instances;
                rv_mof_classes(m, &classes);
                rv_mof_instances(m, &instances);
                printf("%u classes, %u qualifiers, %u instances\n", classes, rv_mof_nqualifiers(m),
                       instances);
        }
        rv_mof_free(m);
        return r;
}
