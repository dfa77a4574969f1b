/* SPDX-License-Identifier: MIT
 *
 * SessionTranscript: files STATE/transcripts/NAME.jsonl as agent/record writes them. Reading one is reading its first
 * line and its end; only who asks for what passed has all of it read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/provider.h"
#include "agent/stats.h"
#include "gen/SessionTranscript.h"
#include "schema/json.h"

enum { HEAD = 128 << 10, TAIL = 4096, SHOWN = 4 << 20, ENDING = 6 };

static void text(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), const json_t *o,
                 const char *name)
{
        const json_t *v = json_object_get(o, name);
        if (json_is_string(v))
                set(row, json_string_value(v), json_string_length(v));
}

static int64_t number(const json_t *o, const char *name)
{
        return json_integer_value(json_object_get(o, name));
}

/* ---- what passed ---- */

/* A terminal's control sequences go: ESC [ ... letter, ESC ] ... BEL, ESC and one. */
static void put_plain(struct rv_buf *b, const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)s[i];
                if (c == 0x1b && i + 1 < n && s[i + 1] == '[') {
                        for (i += 2; i < n && ((unsigned char)s[i] < 0x40 || (unsigned char)s[i] > 0x7e);)
                                i++;
                } else if (c == 0x1b && i + 1 < n && s[i + 1] == ']') {
                        for (i += 2; i < n && s[i] != 0x07 && s[i] != 0x1b;)
                                i++;
                        i += i < n && s[i] == 0x1b;
                } else if (c == 0x1b) {
                        i++;
                } else if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f)) {
                        rv_buf_put(b, &s[i], 1);
                }
        }
}

/* The last of it counts: what is before goes when it is twice too much. */
static void keep_last(struct rv_buf *b)
{
        if (b->failed || b->len < 2 * (size_t)SHOWN)
                return;
        memmove(b->data, b->data + b->len - SHOWN, SHOWN);
        b->len = SHOWN;
}

static void set_last(struct rv_row *row, void (*set)(struct rv_row *, const char *, size_t), struct rv_buf *b)
{
        size_t from = b->len > SHOWN ? b->len - SHOWN : 0;
        while (from < b->len && ((unsigned char)b->data[from] & 0xc0) == 0x80)
                from++;
        if (!b->failed)
                set(row, b->data ? b->data + from : "", b->len - from);
        rv_buf_free(b);
}

static void read_all(FILE *f, struct rv_row *row, const struct rv_query *q)
{
        struct rv_buf out = { 0 }, in = { 0 };
        char *line = NULL;
        size_t cap = 0;
        rewind(f);
        for (ssize_t n; (n = getline(&line, &cap, f)) > 0 && !rv_cancelled(q->call);) {
                json_t *j = line[0] == '[' ? json_loadb(line, (size_t)n, 0, NULL) : NULL;
                const char *kind = json_string_value(json_array_get(j, 1));
                const json_t *said = json_array_get(j, 2);
                if (kind && json_is_string(said)) {
                        struct rv_buf *to = *kind == 'i' ? &in : &out;
                        put_plain(to, json_string_value(said), json_string_length(said));
                        keep_last(to);
                }
                json_decref(j);
        }
        free(line);
        set_last(row, SessionTranscript_set_Text, &out);
        set_last(row, SessionTranscript_set_Input, &in);
}

/* ---- a file ---- */

/* The last line, if it says how it ended. */
static json_t *end_of(FILE *f, off_t size)
{
        char room[TAIL + 1];
        size_t n;
        if (fseeko(f, size > TAIL ? size - TAIL : 0, SEEK_SET) < 0 || (n = fread(room, 1, TAIL, f)) < 2)
                return NULL;
        room[n - 1] = 0; /* the line's end */
        const char *line = strrchr(room, '\n');
        json_t *j = json_loads(line ? line + 1 : room, 0, NULL);
        if (json_object_get(j, "End"))
                return j;
        json_decref(j);
        return NULL;
}

static int emit(const struct rv_query *q, struct rv_sink *out, FILE *f, const char *name)
{
        struct stat st;
        char *head = NULL;
        size_t cap = 0;
        ssize_t n = getline(&head, &cap, f);
        json_t *h = n > 0 && n < HEAD ? json_loadb(head, (size_t)n, 0, NULL) : NULL;
        free(head);
        if (!json_is_object(h) || fstat(fileno(f), &st) < 0) {
                json_decref(h);
                return RV_OK; /* being made, or not one of ours */
        }
        json_t *e = end_of(f, st.st_size);
        struct rv_row *row = rv_row(out);
        SessionTranscript_set_Name(row, name, strlen(name) - ENDING);
        text(row, SessionTranscript_set_Session, h, "Session");
        text(row, SessionTranscript_set_User, h, "User");
        text(row, SessionTranscript_set_Source, h, "Source");
        text(row, SessionTranscript_set_KeyFingerprint, h, "KeyFingerprint");
        text(row, SessionTranscript_set_Roles, h, "Roles");
        text(row, SessionTranscript_set_Command, h, "Command");
        SessionTranscript_set_Terminal(row, json_is_true(json_object_get(h, "Terminal")));
        SessionTranscript_set_StartTime(row, number(h, "Start") * 1000000);
        SessionTranscript_set_State(row, e ? "Ended" : "Open", e ? 5 : 4);
        SessionTranscript_set_Size(row, (uint64_t)st.st_size);
        if (e) {
                SessionTranscript_set_EndTime(row, number(e, "End") * 1000000);
                SessionTranscript_set_ExitStatus(row, (uint32_t)number(e, "Status"));
                text(row, SessionTranscript_set_Reason, e, "Reason");
        }
        if (q->want && (rv_asked(q, SessionTranscript_Text) || rv_asked(q, SessionTranscript_Input)))
                read_all(f, row, q);
        json_decref(h);
        json_decref(e);
        return rv_emit(out, row);
}

static int is_transcript(const struct dirent *d)
{
        size_t n = strlen(d->d_name);
        return n > ENDING && strcmp(d->d_name + n - ENDING, ".jsonl") == 0 && d->d_name[0] != '.';
}

static int transcript_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        char path[600];
        struct dirent **files;
        const struct rv_arg *name = rv_equals(q, SessionTranscript_Name);
        if (!rv_stats_folder(q->call->core, path, sizeof path - 20))
                return RV_OK;
        strcat(path, "/transcripts");
        int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
                return errno == ENOENT ? RV_OK : rv_fail_errno(err, errno, "cannot read %s", path);
        int n = scandirat(folder, ".", &files, is_transcript, alphasort), r = RV_OK;
        for (int i = 0; i < n; i++) {
                size_t len = strlen(files[i]->d_name) - ENDING;
                bool wanted =
                        !name || (strlen(name->s) == len && memcmp(name->s, files[i]->d_name, len) == 0);
                int fd = r == RV_OK && wanted && !rv_cancelled(q->call)
                                 ? openat(folder, files[i]->d_name,
                                          O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
                                 : -1;
                FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
                if (f) {
                        r = emit(q, out, f, files[i]->d_name);
                        fclose(f);
                }
                free(files[i]);
        }
        if (n >= 0)
                free(files);
        close(folder);
        return r == RV_STOP ? RV_OK : r;
}

static const struct rv_provider sessiontranscript = { .class = &SessionTranscript_class,
                                                      .query = transcript_query };

RV_PROVIDERS(sessiontranscript, &sessiontranscript);
