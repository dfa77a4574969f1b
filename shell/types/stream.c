/* SPDX-License-Identifier: MIT
 *
 * Streams of bytes (FileStream, MemoryStream) and of text (StreamReader, StreamWriter, StringReader, StringWriter).
 * A reader holds what it has read ahead; a writer writes when it has 64 KiB, is flushed or ends.
 */
#include "shell/stream_object.h"
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/library.h"
#include "shell/types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- streams ---- */
struct stream {
        struct sh_obj obj;
        int fd; /* -1: memory, or closed */
        bool closed;
        struct sv path;
        struct sh_buf mem;
        size_t pos;
};
static const struct sh_type memory_type, file_type;
static struct stream *stream_of(struct sv v)
{
        v = sh_unwrap(v);
        return v.kind == SH_OTHER && (v.o->type == &memory_type || v.o->type == &file_type)
                       ? (struct stream *)v.o
                       : NULL;
}
struct sv sh_stream_memory(const void *p, size_t n)
{
        struct sv r = sh_other_new(&memory_type, sizeof(struct stream));
        stream_of(r)->fd = -1;
        sh_buf_put(&stream_of(r)->mem, p, n);
        return r;
}
struct sv sh_stream_file(int fd, const char *path)
{
        struct sv r = sh_other_new(&file_type, sizeof(struct stream));
        stream_of(r)->fd = fd;
        stream_of(r)->path = sh_text(path);
        return r;
}
static ssize_t stream_read(struct stream *s, char *p, size_t n)
{
        if (s->fd >= 0)
                return read(s->fd, p, n);
        size_t left = s->pos < s->mem.n ? s->mem.n - s->pos : 0;
        n = n < left ? n : left;
        if (n)
                memcpy(p, s->mem.p + s->pos, n);
        s->pos += n;
        return (ssize_t)n;
}
static int stream_write(struct stream *s, const char *p, size_t n)
{
        if (s->fd < 0) {
                size_t over = s->pos < s->mem.n ? s->mem.n - s->pos : 0;
                while (s->mem.n < s->pos)
                        sh_buf_put(&s->mem, "", 1);
                over = over < n ? over : n;
                if (over)
                        memcpy(s->mem.p + s->pos, p, over);
                sh_buf_put(&s->mem, p + over, n - over);
                s->pos += n;
                return 0;
        }
        while (n) {
                ssize_t k = write(s->fd, p, n);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return errno;
                p += k;
                n -= (size_t)k;
        }
        return 0;
}
static void stream_close(struct stream *s)
{
        if (s->fd >= 0)
                close(s->fd);
        s->fd = -1;
        s->closed = true;
}
bool sh_stream_rest(struct sv v, struct sh_buf *b)
{
        struct stream *s = stream_of(v);
        char block[65536];
        ssize_t n;
        if (!s)
                return false;
        while ((n = stream_read(s, block, sizeof(block))) > 0)
                sh_buf_put(b, block, (size_t)n);
        return true;
}
static int io_error(struct sh *sh, struct sh_args a, int e)
{
        return sh_throw_member(sh, a, "System.IO.IOException", "%s", strerror(e));
}
static int closed(struct sh *sh, struct sh_args a)
{
        return sh_throw_member(sh, a, "System.ObjectDisposedException", "Cannot access a closed Stream.");
}
static int64_t stream_length(struct stream *s)
{
        struct stat st;
        return s->fd < 0 ? (int64_t)s->mem.n : fstat(s->fd, &st) == 0 ? (int64_t)st.st_size : 0;
}
static int stream_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct stream *s = stream_of(self);
        (void)a;
        switch (sh_member_arg(sh)) {
        case 'l': *ret = sh_long(stream_length(s)); break;
        case 'p': *ret = sh_long(s->fd < 0 ? (int64_t)s->pos : (int64_t)lseek(s->fd, 0, SEEK_CUR)); break;
        case 'n': *ret = sh_keep(s->path); break;
        default: *ret = sh_bool(!s->closed);
        }
        return SH_OK;
}
static int stream_set_position(struct sh *sh, struct sv self, struct sv v)
{
        struct stream *s = stream_of(self);
        int64_t i;
        if (!sh_to_int64(sh, v, &i) || i < 0)
                return SH_NONE;
        if (s->fd < 0)
                s->pos = (size_t)i;
        else
                lseek(s->fd, (off_t)i, SEEK_SET);
        return SH_OK;
}
SH_ENUM_TYPE(origin_enum, "System.IO.SeekOrigin", false, { "Begin", 0 }, { "Current", 1 }, { "End", 2 });
static int stream_seek(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct stream *s = stream_of(self);
        int64_t i;
        int32_t from;
        if (a.n != 2 || !sh_args_int(sh, a, 0, &i) || !sh_args_enum(sh, a, 1, &origin_enum, &from))
                return SH_NONE;
        int64_t now = s->fd < 0 ? (int64_t)s->pos : (int64_t)lseek(s->fd, 0, SEEK_CUR);
        i += from == 1 ? now : from == 2 ? stream_length(s) : 0;
        if (i < 0)
                return sh_throw_member(
                        sh, a, "System.IO.IOException",
                        "An attempt was made to move the position before the beginning of the stream.");
        stream_set_position(sh, self, sh_long(i));
        *ret = sh_long(i);
        return SH_OK;
}
static int stream_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct stream *s = stream_of(self);
        struct sh_buf b = { 0 };
        int64_t at = 0, n = 0;
        intptr_t what = sh_member_arg(sh);
        *ret = SH_NOTHING;
        if (s->closed && what != 'a' && what != 'c')
                return closed(sh, a);
        struct sv bytes = sh_args_at(a, 0);
        switch (what) {
        case 'r': /* Read(buffer, offset, count) */
                if (a.n != 3 || bytes.kind != SH_ARRAY || !sh_args_int(sh, a, 1, &at) ||
                    !sh_args_int(sh, a, 2, &n) || at < 0 || n < 0 || at + n > bytes.a->n)
                        return SH_NONE;
                char block[4096];
                int64_t done = 0;
                while (done < n) {
                        ssize_t k = stream_read(s, block, (size_t)(n - done > 4096 ? 4096 : n - done));
                        for (ssize_t i = 0; i < k; i++)
                                bytes.a->v[at + done + i] =
                                        (struct sv) { .kind = SH_BYTE, .u = (unsigned char)block[i] };
                        if (k <= 0)
                                break;
                        done += k;
                }
                *ret = sh_int((int32_t)done);
                return SH_OK;
        case 'b': {
                unsigned char c;
                *ret = sh_int(stream_read(s, (char *)&c, 1) == 1 ? c : -1);
                return SH_OK;
        }
        case 'w': { /* Write(buffer[, offset, count]) */
                if ((a.n != 1 && a.n != 3) || !sh_bytes_of(sh, bytes, &b) ||
                    (a.n == 3 && (!sh_args_int(sh, a, 1, &at) || !sh_args_int(sh, a, 2, &n)))) {
                        sh_buf_free(&b);
                        return SH_NONE;
                }
                n = a.n == 1 ? (int64_t)b.n : n;
                int e = at >= 0 && n >= 0 && (uint64_t)(at + n) <= b.n ? stream_write(s, b.p + at, (size_t)n)
                                                                       : EINVAL;
                sh_buf_free(&b);
                return e ? io_error(sh, a, e) : SH_OK;
        }
        case 'W':
                if (a.n != 1 || !sh_args_int(sh, a, 0, &n))
                        return SH_NONE;
                return stream_write(s, (char[]) { (char)n }, 1) ? io_error(sh, a, errno) : SH_OK;
        case 'a': *ret = sh_bytes_new(s->mem.p, s->mem.n); return SH_OK;
        case 't':
                if (a.n != 1 || !stream_of(bytes))
                        return SH_NONE;
                sh_stream_rest(self, &b);
                stream_write(stream_of(bytes), b.p, b.n);
                sh_buf_free(&b);
                return SH_OK;
        case 'L':
                if (a.n != 1 || !sh_args_int(sh, a, 0, &n) || n < 0)
                        return SH_NONE;
                if (s->fd >= 0)
                        return ftruncate(s->fd, (off_t)n) ? io_error(sh, a, errno) : SH_OK;
                s->mem.n = (size_t)n < s->mem.n ? (size_t)n : s->mem.n;
                return SH_OK;
        case 'c': stream_close(s); return SH_OK;
        default: return SH_OK;
        }
}
static void stream_free(struct sh_obj *o)
{
        struct stream *s = (struct stream *)o;
        stream_close(s);
        sh_drop(s->path);
        sh_buf_free(&s->mem);
}
static int memory_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        struct sh_buf b = { 0 };
        int64_t capacity;
        struct sv v = sh_args_at(a, 0);
        if (a.n && !sh_bytes_of(sh, v, &b) && (v.kind == SH_ARRAY || !sh_args_int(sh, a, 0, &capacity))) {
                sh_buf_free(&b);
                return SH_NONE;
        }
        *ret = sh_stream_memory(b.p ? b.p : "", b.n);
        sh_buf_free(&b);
        return SH_OK;
}
SH_ENUM_TYPE(mode_enum, "System.IO.FileMode", false, { "CreateNew", 1 }, { "Create", 2 }, { "Open", 3 },
             { "OpenOrCreate", 4 }, { "Truncate", 5 }, { "Append", 6 });
SH_ENUM_TYPE(access_enum, "System.IO.FileAccess", true, { "Read", 1 }, { "Write", 2 }, { "ReadWrite", 3 });
SH_ENUM_TYPE(share_enum, "System.IO.FileShare", true, { "None", 0 }, { "Read", 1 }, { "Write", 2 },
             { "ReadWrite", 3 }, { "Delete", 4 }, { "Inheritable", 16 });
int sh_stream_open(struct sh *sh, struct sh_args a, int mode, int access, struct sv *ret)
{
        static const int flags[] = { 0,       O_CREAT | O_EXCL, O_CREAT | O_TRUNC, 0,
                                     O_CREAT, O_TRUNC,          O_CREAT | O_APPEND };
        struct sv p = sh_to_text(sh, a.v[0]);
        char *full = sh_path_full(sh, p.s->s);
        int fd = open(full,
                      flags[mode] |
                              (access == 1   ? O_RDONLY
                               : access == 2 ? O_WRONLY
                                             : O_RDWR) |
                              O_CLOEXEC,
                      0666),
            e = errno;
        int st = SH_OK;
        if (fd >= 0)
                *ret = sh_stream_file(fd, full);
        else if (e == ENOENT)
                st = sh_throw_member(sh, a, "System.IO.FileNotFoundException", "Could not find file '%s'.",
                                     full);
        else if (e == EACCES || e == EISDIR)
                st = sh_throw_member(sh, a, "System.UnauthorizedAccessException",
                                     "Access to the path '%s' is denied.", full);
        else if (e == EEXIST)
                st = sh_throw_member(sh, a, "System.IO.IOException", "The file '%s' already exists.", full);
        else
                st = io_error(sh, a, e);
        sh_drop(p);
        free(full);
        return st;
}
/* (path, mode[, access[, share]]) */
static int file_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        int32_t mode = 3, access = 0;
        if (a.n < 2 || !sh_args_enum(sh, a, 1, &mode_enum, &mode) ||
            (a.n > 2 && !sh_args_enum(sh, a, 2, &access_enum, &access)))
                return SH_NONE;
        return sh_stream_open(sh, a, mode,
                              access                   ? access
                              : mode == SH_FILE_APPEND ? SH_FILE_WRITE
                                                       : SH_FILE_READWRITE,
                              ret);
}
#define STREAM \
        SH_P("CanRead", "bool CanRead {get;}", stream_get, 'o'), \
                SH_P("CanSeek", "bool CanSeek {get;}", stream_get, 'o'), \
                SH_P("CanWrite", "bool CanWrite {get;}", stream_get, 'o'), \
                SH_P("Length", "long Length {get;}", stream_get, 'l'), \
                { "Position", SH_PROPERTY,         false, "long Position {get;set;}", \
                  stream_get, stream_set_position, 'p' }, \
                SH_M("Read", "int Read(byte[] buffer, int offset, int count)", stream_do, 'r'), \
                SH_M("ReadByte", "int ReadByte()", stream_do, 'b'), \
                SH_M("Write", "void Write(byte[] buffer, int offset, int count)", stream_do, 'w'), \
                SH_M("WriteByte", "void WriteByte(byte value)", stream_do, 'W'), \
                SH_M("CopyTo", "void CopyTo(System.IO.Stream destination)", stream_do, 't'), \
                SH_M("SetLength", "void SetLength(long value)", stream_do, 'L'), \
                SH_M("Seek", "long Seek(long offset, System.IO.SeekOrigin origin)", stream_seek), \
                SH_M("Flush", "void Flush()", stream_do, 'f'), \
                SH_M("Close", "void Close()", stream_do, 'c'), \
                SH_M("Dispose", "void Dispose()", stream_do, 'c')
static const struct sh_member memory_members[] = { STREAM,
                                                   SH_M("ToArray", "byte[] ToArray()", stream_do, 'a'),
                                                   SH_M("GetBuffer", "byte[] GetBuffer()", stream_do, 'a') };
static const struct sh_member file_members[] = { STREAM,
                                                 SH_P("Name", "string Name {get;}", stream_get, 'n') };
static const struct sh_type stream_type = { .name = "System.IO.Stream", .base = &sh_type_object };
static const struct sh_type memory_type = { .name = "System.IO.MemoryStream",
                                            .base = &stream_type,
                                            SH_MEMBERS(memory_members),
                                            .construct = memory_construct,
                                            .free = stream_free };
static const struct sh_type file_type = { .name = "System.IO.FileStream",
                                          .base = &stream_type,
                                          SH_MEMBERS(file_members),
                                          .construct = file_construct,
                                          .free = stream_free };

/* ---- readers ---- */
struct reader {
        struct sh_obj obj;
        struct sv stream; /* nil: a StringReader, all is in b */
        enum sh_encoding e;
        struct sh_buf b;
        size_t at;
        bool end, begun;
};
static const struct sh_type reader_type;
static struct reader *reader_of(struct sv v)
{
        return (struct reader *)v.o;
}
struct sv sh_stream_reader(struct sv stream, enum sh_encoding e)
{
        struct sv r = sh_other_new(&reader_type, sizeof(struct reader));
        reader_of(r)->stream = sh_keep(stream);
        reader_of(r)->e = e;
        return r;
}
/* More of the stream into b; text that is not UTF-8 is read whole, since a block may end inside a character. */
static bool reader_fill(struct reader *r)
{
        struct stream *s = stream_of(r->stream);
        char block[16384];
        if (r->end || !s || s->closed)
                return false;
        if (r->at > 1 << 16) {
                memmove(r->b.p, r->b.p + r->at, r->b.n - r->at);
                r->b.n -= r->at;
                r->at = 0;
        }
        ssize_t n = stream_read(s, block, sizeof(block));
        bool mark16 = n >= 2 && !r->begun && (!memcmp(block, "\xFF\xFE", 2) || !memcmp(block, "\xFE\xFF", 2));
        if (n <= 0) {
                r->end = true;
                return false;
        }
        if ((r->e != SH_ENC_UTF8 && r->e != SH_ENC_UTF8_BOM && r->e != SH_ENC_ASCII) || mark16) {
                struct sh_buf raw = { 0 };
                sh_buf_put(&raw, block, (size_t)n);
                sh_stream_rest(r->stream, &raw);
                sh_decode(r->e, raw.p, raw.n, &r->b);
                sh_buf_free(&raw);
                r->end = true;
        } else {
                size_t skip = !r->begun && n >= 3 && !memcmp(block, "\xEF\xBB\xBF", 3) ? 3 : 0;
                sh_buf_put(&r->b, block + skip, (size_t)n - skip);
        }
        r->begun = true;
        return true;
}
static struct sv read_line(struct reader *r)
{
        size_t i = r->at;
        for (;;) {
                while (i < r->b.n && r->b.p[i] != '\n' && r->b.p[i] != '\r')
                        i++;
                /* a carriage return at the end of what is there may have a newline behind it */
                if (i + 1 < r->b.n || (i < r->b.n && r->b.p[i] == '\n'))
                        break;
                size_t before = r->at;
                if (!reader_fill(r))
                        break;
                i -= before - r->at;
        }
        if (i == r->b.n && i == r->at)
                return SH_NIL;
        struct sv line = sh_string(r->b.p + r->at, i - r->at);
        if (i < r->b.n)
                i += r->b.p[i] == '\r' && i + 1 < r->b.n && r->b.p[i + 1] == '\n' ? 2 : 1;
        r->at = i;
        return line;
}
static int reader_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct reader *r = reader_of(self);
        intptr_t what = sh_member_arg(sh);
        unsigned len = 0;
        if (a.n)
                return SH_NONE;
        *ret = SH_NOTHING;
        if (what == 'l') {
                *ret = read_line(r);
                return SH_OK;
        }
        if (what == 'c') {
                if (stream_of(r->stream))
                        stream_close(stream_of(r->stream));
                return SH_OK;
        }
        if (what == 'a')
                while (reader_fill(r))
                        ;
        else if (r->b.n - r->at < 4)
                reader_fill(r);
        size_t left = r->b.n - r->at;
        if (what == 'a') {
                *ret = sh_string(r->b.p ? r->b.p + r->at : "", left);
                r->at = r->b.n;
        } else if (what == 'e') {
                *ret = sh_bool(left == 0);
        } else {
                *ret = sh_int(left ? (int32_t)sh_utf_next(r->b.p + r->at, left, &len) : -1);
                r->at += what == 'r' ? len : 0;
        }
        return SH_OK;
}
static int reader_stream(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_keep(reader_of(self)->stream);
        return SH_OK;
}
/* A path or a stream, opened. */
static int stream_argument(struct sh *sh, struct sh_args a, int mode, int access, struct sv *ret)
{
        if (stream_of(sh_args_at(a, 0))) {
                *ret = sh_keep(sh_args_at(a, 0));
                return SH_OK;
        }
        return sh_args_at(a, 0).kind == SH_STRING ? sh_stream_open(sh, a, mode, access, ret) : SH_NONE;
}
static int reader_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        enum sh_encoding e = SH_ENC_UTF8;
        struct sv s;
        for (uint32_t i = 1; i < a.n; i++)
                sh_encoding_value(a.v[i], &e);
        int st = a.n ? stream_argument(sh, a, SH_FILE_OPEN, SH_FILE_READ, &s) : SH_NONE;
        if (st == SH_OK) {
                *ret = sh_stream_reader(s, e);
                sh_drop(s);
        }
        return st;
}
static void reader_free(struct sh_obj *o)
{
        sh_drop(((struct reader *)o)->stream);
        sh_buf_free(&((struct reader *)o)->b);
}
#define READER \
        SH_M("ReadLine", "string ReadLine()", reader_do, 'l'), \
                SH_M("ReadToEnd", "string ReadToEnd()", reader_do, 'a'), \
                SH_M("Read", "int Read()", reader_do, 'r'), SH_M("Peek", "int Peek()", reader_do, 'p'), \
                SH_M("Close", "void Close()", reader_do, 'c'), \
                SH_M("Dispose", "void Dispose()", reader_do, 'c')
static const struct sh_member reader_members[] = {
        READER, SH_P("EndOfStream", "bool EndOfStream {get;}", reader_do, 'e'),
        SH_P("BaseStream", "System.IO.Stream BaseStream {get;}", reader_stream)
};
static const struct sh_member string_reader_members[] = { READER };
static const struct sh_type reader_type = { .name = "System.IO.StreamReader",
                                            .base = &sh_type_object,
                                            SH_MEMBERS(reader_members),
                                            .construct = reader_construct,
                                            .free = reader_free };
static int string_reader_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        if (a.n != 1)
                return SH_NONE;
        struct sv s = sh_to_text(sh, a.v[0]);
        *ret = sh_other_new(t, sizeof(struct reader));
        reader_of(*ret)->end = true;
        sh_buf_put(&reader_of(*ret)->b, s.s->s, s.s->len);
        sh_drop(s);
        return SH_OK;
}
static const struct sh_type string_reader_type = { .name = "System.IO.StringReader",
                                                   .base = &sh_type_object,
                                                   SH_MEMBERS(string_reader_members),
                                                   .construct = string_reader_construct,
                                                   .free = reader_free };

/* ---- writers ---- */
struct writer {
        struct sh_obj obj;
        struct sv stream; /* nil: a StringWriter */
        enum sh_encoding e;
        struct sh_buf b;
        bool auto_flush;
        struct sv newline;
};
static const struct sh_type writer_type;
static struct writer *writer_of(struct sv v)
{
        return (struct writer *)v.o;
}
struct sv sh_stream_writer(struct sv stream, enum sh_encoding e)
{
        struct sv r = sh_other_new(&writer_type, sizeof(struct writer));
        struct stream *s = stream_of(stream);
        writer_of(r)->stream = sh_keep(stream);
        writer_of(r)->e = e == SH_ENC_UTF8_BOM ? SH_ENC_UTF8 : e;
        writer_of(r)->newline = sh_text("\n");
        struct sh_buf mark = { 0 };
        sh_encode_bom(e, &mark);
        if (s && mark.n && stream_length(s) == 0)
                stream_write(s, mark.p, mark.n);
        sh_buf_free(&mark);
        return r;
}
static int writer_flush(struct writer *w)
{
        struct stream *s = stream_of(w->stream);
        struct sh_buf out = { 0 };
        if (!s || !w->b.n)
                return 0;
        if (s->closed)
                return EBADF;
        sh_encode(w->e, w->b.p, w->b.n, &out);
        int e = stream_write(s, out.p, out.n);
        sh_buf_free(&out);
        w->b.n = 0;
        return e;
}
static int writer_write(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct writer *w = writer_of(self);
        *ret = SH_NOTHING;
        if (stream_of(w->stream) && stream_of(w->stream)->closed)
                return sh_throw_member(sh, a, "System.ObjectDisposedException",
                                       "Cannot write to a closed TextWriter.");
        if (a.n > 1) {
                struct sv f = sh_args_at(a, 0);
                int st = f.kind == SH_STRING
                                 ? sh_format_composite(sh, f.s->s, f.s->len,
                                                       (struct sh_args) { a.n - 1, a.v + 1 }, &w->b)
                                 : SH_NONE;
                if (st != SH_OK)
                        return st;
        } else if (a.n && sh_args_at(a, 0).kind == SH_ARRAY && sh_args_at(a, 0).a->element == &sh_type_char) {
                for (uint32_t i = 0; i < sh_args_at(a, 0).a->n; i++)
                        sh_buf_value(sh, &w->b, sh_args_at(a, 0).a->v[i]);
        } else if (a.n) {
                sh_buf_value(sh, &w->b, a.v[0]);
        }
        if (sh_member_arg(sh) == 'l')
                sh_buf_put(&w->b, w->newline.s->s, w->newline.s->len);
        int e = w->auto_flush || w->b.n > 1 << 16 ? writer_flush(w) : 0;
        return e ? io_error(sh, a, e) : SH_OK;
}
static int writer_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct writer *w = writer_of(self);
        intptr_t what = sh_member_arg(sh);
        *ret = SH_NOTHING;
        switch (what) {
        case 'a': *ret = sh_bool(w->auto_flush); return SH_OK;
        case 'n': *ret = sh_keep(w->newline); return SH_OK;
        case 's': *ret = sh_keep(w->stream); return SH_OK;
        case 't': *ret = sh_string(w->b.p ? w->b.p : "", w->b.n); return SH_OK;
        default: {
                int e = writer_flush(w);
                if (what == 'c' && stream_of(w->stream))
                        stream_close(stream_of(w->stream));
                return e && e != EBADF ? io_error(sh, a, e) : SH_OK;
        }
        }
}
static int writer_set(struct sh *sh, struct sv self, struct sv v)
{
        struct writer *w = writer_of(self);
        if (sh_member_arg(sh) == 'n') {
                sh_drop(w->newline);
                w->newline = sh_to_text(sh, v);
        } else {
                w->auto_flush = sh_true(v);
                if (w->auto_flush)
                        writer_flush(w);
        }
        return SH_OK;
}
static int writer_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        enum sh_encoding e = SH_ENC_UTF8;
        bool append = false;
        struct sv s;
        for (uint32_t i = 1; i < a.n; i++)
                if (!sh_encoding_value(a.v[i], &e) && sh_args_at(a, i).kind == SH_BOOL && i == 1)
                        append = sh_true(a.v[i]);
        int st = a.n ? stream_argument(sh, a, append ? SH_FILE_APPEND : SH_FILE_CREATE, SH_FILE_WRITE, &s)
                     : SH_NONE;
        if (st == SH_OK) {
                *ret = sh_stream_writer(s, e);
                sh_drop(s);
        }
        return st;
}
static int string_writer_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh;
        if (a.n)
                return SH_NONE;
        *ret = sh_other_new(t, sizeof(struct writer));
        writer_of(*ret)->newline = sh_text("\n");
        return SH_OK;
}
static void writer_free(struct sh_obj *o)
{
        struct writer *w = (struct writer *)o;
        sh_drop(w->stream); /* as .NET: what was not flushed is lost with the writer */
        sh_drop(w->newline);
        sh_buf_free(&w->b);
}
static void writer_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        if (self.o->type == &writer_type)
                sh_buf_puts(b, self.o->type->name);
        else
                sh_buf_put(b, writer_of(self)->b.p ? writer_of(self)->b.p : "", writer_of(self)->b.n);
}
#define WRITER \
        SH_M("Write", "void Write(string value)", writer_write, 'w'), \
                SH_M("WriteLine", "void WriteLine(string value)", writer_write, 'l'), \
                SH_M("Flush", "void Flush()", writer_do, 'f'), \
                SH_M("Close", "void Close()", writer_do, 'c'), \
                SH_M("Dispose", "void Dispose()", writer_do, 'c'), \
        { \
                "NewLine", SH_PROPERTY, false, "string NewLine {get;set;}", writer_do, writer_set, 'n' \
        }
static const struct sh_member writer_members[] = {
        WRITER,
        { "AutoFlush", SH_PROPERTY, false, "bool AutoFlush {get;set;}", writer_do, writer_set, 'a' },
        SH_P("BaseStream", "System.IO.Stream BaseStream {get;}", writer_do, 's')
};
static const struct sh_member string_writer_members[] = { WRITER, SH_M("ToString", "string ToString()",
                                                                       writer_do, 't') };
static const struct sh_type writer_type = { .name = "System.IO.StreamWriter",
                                            .base = &sh_type_object,
                                            SH_MEMBERS(writer_members),
                                            .text = writer_text,
                                            .construct = writer_construct,
                                            .free = writer_free };
static const struct sh_type string_writer_type = { .name = "System.IO.StringWriter",
                                                   .base = &sh_type_object,
                                                   SH_MEMBERS(string_writer_members),
                                                   .text = writer_text,
                                                   .construct = string_writer_construct,
                                                   .free = writer_free };

SH_TYPES(stream, &stream_type, &memory_type, &file_type, &reader_type, &string_reader_type, &writer_type,
         &string_writer_type, &origin_enum.type, &mode_enum.type, &access_enum.type, &share_enum.type);
