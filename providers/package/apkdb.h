/* SPDX-License-Identifier: MIT
 *
 * apk's database of what is installed: paragraphs of lines "X:value". First what the package is, then its folders (F),
 * each followed by the files in it (R) and what is known of them. Nothing is copied; nothing outside of the text is
 * read.
 */
#ifndef RV_APKDB_H
#define RV_APKDB_H

#include <stdbool.h>
#include <stddef.h>

struct rv_apk_text {
        const char *s; /* NULL: there is none. Not NUL-ended */
        size_t n;
};
struct rv_apk_record {
        struct rv_apk_text field['z' - 'A' + 1]; /* by letter - 'A' */
        struct rv_apk_text files;                /* the lines from the first folder on */
};
/* Takes the next paragraph from *at. False: there is none. */
bool rv_apk_next(const char **at, const char *end, struct rv_apk_record *);
static inline struct rv_apk_text rv_apk_field(const struct rv_apk_record *r, char letter)
{
        return r->field[letter - 'A'];
}
bool rv_apk_is(struct rv_apk_text, const char *);

/* A folder (no name) or a file of a package. */
struct rv_apk_file {
        struct rv_apk_text folder, name;
        struct rv_apk_text sum; /* "Q1" and a SHA-1 in base64 */
};
/* Takes the next from *files, a copy of the record's. */
bool rv_apk_next_file(struct rv_apk_text *files, struct rv_apk_file *);

#endif
