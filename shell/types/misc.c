/* SPDX-License-Identifier: MIT
 *
 * What scripts use of .NET beside values: [convert], StringBuilder, Stack, Queue, HashSet, [System.IO.Path],
 * [System.IO.File], [System.IO.Directory], [environment], Stopwatch, Encoding.
 */
#include "shell/code.h"
#include "shell/datetime.h"
#include "shell/files.h"
#include "shell/types.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- [convert] ---- */
static const char digit_set[] = "0123456789abcdef";
static int convert_number(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        const struct sh_type *t = (const struct sh_type *)sh_member_arg(sh);
        int32_t base;
        struct sv s = sh_args_at(a, 0);
        if (a.n == 2 && s.kind == SH_STRING && sh_args_i32(sh, a, 1, &base)) {
                char *end;
                if (base != 2 && base != 8 && base != 10 && base != 16)
                        return sh_throw_argument(sh, a, "Invalid Base.");
                const char *text = s.s->s;
                if (base == 2 && (text[0] == '0') && (text[1] | 32) == 'b')
                        text += 2;
                errno = 0;
                unsigned long long u = strtoull(text, &end, base);
                if (*end || !*text)
                        return sh_throw_member(sh, a, "System.FormatException",
                                               *text ? "Could not find any recognizable digits."
                                                     : "Index was out of range.");
                int bits = t == &sh_type_int || t == &sh_type_uint       ? 32
                           : t == &sh_type_short || t == &sh_type_ushort ? 16
                           : t == &sh_type_byte || t == &sh_type_sbyte   ? 8
                                                                         : 64;
                bool is_signed =
                        t == &sh_type_int || t == &sh_type_short || t == &sh_type_sbyte || t == &sh_type_long;
                if (errno || (bits < 64 && u >> bits && base != 10))
                        return sh_throw_member(sh, a, "System.OverflowException",
                                               "Value was either too large or too small for %s.", t->name);
                int64_t i = (int64_t)u;
                if (is_signed && base != 10 && bits < 64)
                        i = (int64_t)(u << (64 - bits)) >> (64 - bits);
                return sh_convert(sh, is_signed ? sh_long(i) : sh_ulong(u), t, ret);
        }
        if (a.n < 1)
                return SH_NONE;
        if (sh_is_null(s)) {
                *ret = sh_default_value(t);
                return SH_OK;
        }
        if (sh_try_convert(sh, s, t, ret))
                return SH_OK;
        struct sv text = sh_to_text(sh, s);
        int st = sh_throw_member(sh, a, "System.FormatException",
                                 t == &sh_type_bool ? "String '%s' was not recognized as a valid Boolean."
                                                    : "The input string '%s' was not in a correct format.",
                                 text.s->s);
        sh_drop(text);
        return st;
}
static int convert_bool(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv s = sh_args_at(a, 0);
        if (a.n < 1)
                return SH_NONE;
        if (s.kind != SH_STRING) {
                *ret = sh_bool(sh_true(s));
                return SH_OK;
        }
        if (!strcasecmp(s.s->s, "true") || !strcasecmp(s.s->s, "false")) {
                *ret = sh_bool((s.s->s[0] | 32) == 't');
                return SH_OK;
        }
        return sh_throw_member(sh, a, "System.FormatException",
                               "String '%s' was not recognized as a valid Boolean.", s.s->s);
}
static int convert_text(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int32_t base;
        int64_t i;
        struct sv s = sh_args_at(a, 0);
        if (a.n == 2 && sh_is_int(s) && sh_args_i32(sh, a, 1, &base) && sh_to_int64(sh, s, &i) &&
            (base == 2 || base == 8 || base == 16)) {
                char buf[72];
                size_t at = sizeof buf;
                int bits = s.kind == SH_INT32 || s.kind == SH_UINT32 ? 32
                           : s.kind == SH_INT16                      ? 16
                           : s.kind == SH_BYTE                       ? 8
                                                                     : 64;
                uint64_t u = bits < 64 ? (uint64_t)i & ((UINT64_C(1) << bits) - 1) : (uint64_t)i;
                do
                        buf[--at] = digit_set[u % (uint64_t)base];
                while (u /= (uint64_t)base);
                *ret = sh_string(buf + at, sizeof buf - at);
                return SH_OK;
        }
        if (a.n < 1)
                return SH_NONE;
        *ret = sh_to_text(sh, s);
        return SH_OK;
}
static bool bytes_of(struct sh *sh, struct sv v, struct sh_buf *b)
{
        struct sv item;
        size_t pos = 0;
        int64_t i;
        if (!sh_is_enumerable(v))
                return false;
        while (sh_next(v, &pos, &item)) {
                bool good = sh_to_int64(sh, item, &i);
                sh_drop(item);
                if (!good)
                        return false;
                sh_buf_put(b, (char[]) { (char)i }, 1);
        }
        return true;
}
static struct sv bytes_new(const char *s, size_t n)
{
        struct sv r = sh_array_typed(&sh_type_byte, (uint32_t)n);
        for (size_t i = 0; i < n; i++)
                r.a->v[i] = (struct sv) { .kind = SH_BYTE, .u = (unsigned char)s[i] };
        return r;
}
static const char base64_set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static int to_base64(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 }, out = { 0 };
        if (a.n < 1 || !bytes_of(sh, sh_args_at(a, 0), &b))
                return SH_NONE;
        for (size_t i = 0; i < b.n; i += 3) {
                uint32_t x = (uint32_t)(unsigned char)b.p[i] << 16 |
                             (i + 1 < b.n ? (uint32_t)(unsigned char)b.p[i + 1] << 8 : 0) |
                             (i + 2 < b.n ? (unsigned char)b.p[i + 2] : 0u);
                char c[4] = { base64_set[x >> 18], base64_set[x >> 12 & 63],
                              i + 1 < b.n ? base64_set[x >> 6 & 63] : '=',
                              i + 2 < b.n ? base64_set[x & 63] : '=' };
                sh_buf_put(&out, c, 4);
        }
        sh_buf_free(&b);
        *ret = sh_buf_take(&out);
        return SH_OK;
}
static int from_base64(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv s = sh_args_at(a, 0);
        struct sh_buf out = { 0 };
        uint32_t x = 0, n = 0, pad = 0;
        bool bad = false;
        if (a.n != 1 || s.kind != SH_STRING)
                return SH_NONE;
        for (size_t i = 0; i < s.s->len && !bad; i++) {
                const char *at = strchr(base64_set, s.s->s[i]);
                if (strchr(" \t\r\n", s.s->s[i]))
                        continue;
                if (s.s->s[i] == '=')
                        pad++, x <<= 6;
                else if (!at || pad)
                        bad = true;
                else
                        x = x << 6 | (uint32_t)(at - base64_set);
                if (++n % 4 == 0) {
                        char c[3] = { (char)(x >> 16), (char)(x >> 8), (char)x };
                        sh_buf_put(&out, c, 3 - (pad > 2 ? 2 : pad));
                        x = 0;
                }
        }
        if (bad || n % 4 || pad > 2) {
                sh_buf_free(&out);
                return sh_throw_member(
                        sh, a, "System.FormatException",
                        "The input is not a valid Base-64 string as it contains a non-base 64 character, "
                        "more than two padding characters, or an illegal character among the padding "
                        "characters.");
        }
        *ret = bytes_new(out.p ? out.p : "", out.n);
        sh_buf_free(&out);
        return SH_OK;
}
static int to_hex(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 }, out = { 0 };
        if (a.n < 1 || !bytes_of(sh, sh_args_at(a, 0), &b))
                return SH_NONE;
        for (size_t i = 0; i < b.n; i++)
                sh_buf_putf(&out, sh_member_arg(sh) && i ? "-%02X" : "%02X", (unsigned char)b.p[i]);
        sh_buf_free(&b);
        *ret = sh_buf_take(&out);
        return SH_OK;
}
#define TO(name, type) \
        SH_SM("To" name, "static " name " To" name "(System.Object value)", convert_number, (intptr_t)&type)
static const struct sh_member convert_members[] = {
        TO("Int32", sh_type_int),
        TO("Int64", sh_type_long),
        TO("Int16", sh_type_short),
        TO("UInt32", sh_type_uint),
        TO("UInt64", sh_type_ulong),
        TO("UInt16", sh_type_ushort),
        TO("Byte", sh_type_byte),
        TO("SByte", sh_type_sbyte),
        TO("Double", sh_type_double),
        TO("Single", sh_type_single),
        TO("Decimal", sh_type_decimal),
        TO("Char", sh_type_char),
        TO("DateTime", sh_type_datetime),
        SH_SM("ToBoolean", "static bool ToBoolean(System.Object value)", convert_bool),
        SH_SM("ToString",
              "static string ToString(System.Object value), static string ToString(int value, int toBase)",
              convert_text),
        SH_SM("ToBase64String", "static string ToBase64String(byte[] inArray)", to_base64),
        SH_SM("FromBase64String", "static byte[] FromBase64String(string s)", from_base64),
        SH_SM("ToHexString", "static string ToHexString(byte[] inArray)", to_hex, 0)
};
static const struct sh_type convert_type = { .name = "System.Convert",
                                             .accelerator = "convert",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(convert_members) };
static const struct sh_member bit_members[] = { SH_SM("ToString", "static string ToString(byte[] value)",
                                                      to_hex, 1) };
static const struct sh_type bit_type = { .name = "System.BitConverter",
                                         .accelerator = "bitconverter",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(bit_members) };

/* ---- StringBuilder ---- */
struct builder {
        struct sh_obj obj;
        struct sh_buf b;
};
static const struct sh_type builder_type;
static struct sh_buf *text_of(struct sv v)
{
        return &((struct builder *)v.o)->b;
}
static int builder_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        *ret = sh_other_new(t, sizeof(struct builder));
        if (a.n && sh_args_is_text(a, 0))
                sh_buf_value(sh, text_of(*ret), a.v[0]);
        return SH_OK;
}
enum { B_APPEND, B_LINE, B_FORMAT, B_JOIN };
static int builder_append(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        intptr_t how = sh_member_arg(sh);
        int32_t count = 1;
        if (how == B_FORMAT) {
                struct sv f = sh_args_at(a, 0), r;
                if (a.n < 1 || f.kind != SH_STRING ||
                    sh_call_static(sh, &sh_type_string, "Format", 6, a, &r) != SH_OK)
                        return a.n < 1 ? SH_NONE : SH_ERROR;
                sh_buf_put(text_of(self), r.s->s, r.s->len);
                sh_drop(r);
        } else {
                if (a.n > 2 || (how == B_APPEND && !a.n))
                        return SH_NONE;
                if (a.n == 2 && !sh_args_i32(sh, a, 1, &count))
                        return SH_NONE;
                for (; a.n && count > 0; count--)
                        sh_buf_value(sh, text_of(self), a.v[0]);
                if (how == B_LINE)
                        sh_buf_put(text_of(self), "\n", 1);
        }
        *ret = sh_keep(self);
        return SH_OK;
}
static int builder_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_string(text_of(self)->p ? text_of(self)->p : "", text_of(self)->n);
        return SH_OK;
}
static int builder_length(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv s;
        builder_string(sh, self, a, &s);
        *ret = sh_int((int32_t)s.s->units);
        sh_drop(s);
        return SH_OK;
}
/* Insert, Remove, Replace: by the string's own methods. */
static int builder_edit(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv s, r;
        builder_string(sh, self, a, &s);
        int st = sh_call(sh, s, sh->member->name, strlen(sh->member->name), a, &r);
        sh_drop(s);
        if (st != SH_OK)
                return st;
        text_of(self)->n = 0;
        sh_buf_put(text_of(self), r.s->s, r.s->len);
        sh_drop(r);
        *ret = sh_keep(self);
        return SH_OK;
}
static int builder_clear(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        text_of(self)->n = 0;
        *ret = sh_keep(self);
        return SH_OK;
}
static void builder_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_buf_put(b, text_of(self)->p ? text_of(self)->p : "", text_of(self)->n);
}
static void builder_free(struct sh_obj *o)
{
        sh_buf_free(&((struct builder *)o)->b);
}
static const struct sh_member builder_members[] = {
        SH_P("Length", "int Length {get;set;}", builder_length),
        SH_P("Capacity", "int Capacity {get;}", builder_length),
        SH_M("Append", "System.Text.StringBuilder Append(System.Object value)", builder_append, B_APPEND),
        SH_M("AppendLine", "System.Text.StringBuilder AppendLine(string value)", builder_append, B_LINE),
        SH_M("AppendFormat", "System.Text.StringBuilder AppendFormat(string format, System.Object[] args)",
             builder_append, B_FORMAT),
        SH_M("Insert", "System.Text.StringBuilder Insert(int index, string value)", builder_edit),
        SH_M("Remove", "System.Text.StringBuilder Remove(int startIndex, int length)", builder_edit),
        SH_M("Replace", "System.Text.StringBuilder Replace(string oldValue, string newValue)", builder_edit),
        SH_M("Clear", "System.Text.StringBuilder Clear()", builder_clear),
        SH_M("ToString", "string ToString()", builder_string)
};
static const struct sh_type builder_type = { .name = "System.Text.StringBuilder",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(builder_members),
                                             .text = builder_text,
                                             .free = builder_free,
                                             .construct = builder_new };

/* ---- Queue, Stack, HashSet: an array inside ---- */
struct bag {
        struct sh_obj obj;
        struct sv items;
};
static struct sh_array *items_of(struct sv v)
{
        return ((struct bag *)v.o)->items.a;
}
static bool holds(struct sh *sh, struct sh_array *a, struct sv v)
{
        for (uint32_t i = 0; i < a->n; i++)
                if (sh_same(a->v[i], v) ||
                    (sh_is_number(v) && sh_is_number(a->v[i]) && sh_equal(sh, a->v[i], v, false)))
                        return true;
        return false;
}
static int bag_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        struct sv item;
        size_t pos = 0;
        *ret = sh_other_new(t, sizeof(struct bag));
        ((struct bag *)ret->o)->items = sh_array_new(8);
        bool set = strstr(t->name, "HashSet") != NULL;
        if (a.n && sh_is_enumerable(a.v[0]))
                while (sh_next(a.v[0], &pos, &item)) {
                        if (!set || !holds(sh, items_of(*ret), item))
                                sh_array_add(items_of(*ret), item);
                        sh_drop(item);
                }
        return SH_OK;
}
enum {
        G_ADD,
        G_SETADD,
        G_FIRST,
        G_LAST,
        G_PEEKFIRST,
        G_PEEKLAST,
        G_CONTAINS,
        G_CLEAR,
        G_COUNT,
        G_ARRAY,
        G_REMOVE
};
static int bag_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_array *x = items_of(self);
        intptr_t what = sh_member_arg(sh);
        if ((what <= G_SETADD || what == G_CONTAINS || what == G_REMOVE) != (a.n == 1))
                return SH_NONE;
        if (what >= G_FIRST && what <= G_PEEKLAST && !x->n)
                return sh_throw_member(sh, a, "System.InvalidOperationException",
                                       what == G_LAST || what == G_PEEKLAST ? "Stack empty."
                                                                            : "Queue empty.");
        *ret = SH_NOTHING;
        switch (what) {
        case G_ADD: sh_array_add(x, a.v[0]); break;
        case G_SETADD:
                *ret = sh_bool(!holds(sh, x, a.v[0]));
                if (ret->i)
                        sh_array_add(x, a.v[0]);
                break;
        case G_FIRST:
        case G_PEEKFIRST:
                *ret = sh_keep(x->v[0]);
                if (what == G_FIRST)
                        sh_array_remove(x, 0, 1);
                break;
        case G_LAST:
        case G_PEEKLAST:
                *ret = sh_keep(x->v[x->n - 1]);
                if (what == G_LAST)
                        sh_array_remove(x, x->n - 1, 1);
                break;
        case G_CONTAINS: *ret = sh_bool(holds(sh, x, a.v[0])); break;
        case G_REMOVE:
                *ret = sh_bool(false);
                for (uint32_t i = 0; i < x->n; i++)
                        if (sh_same(x->v[i], a.v[0])) {
                                sh_array_remove(x, i, 1);
                                *ret = sh_bool(true);
                                break;
                        }
                break;
        case G_CLEAR: sh_array_remove(x, 0, x->n); break;
        case G_COUNT: *ret = sh_int((int32_t)x->n); break;
        default: *ret = sh_array_copy(((struct bag *)self.o)->items);
        }
        return SH_OK;
}
static bool bag_next(struct sv self, size_t *pos, struct sv *ret)
{
        struct sh_array *x = items_of(self);
        bool stack = strstr(self.o->type->name, "Stack") != NULL;
        if (*pos >= x->n)
                return false;
        *ret = sh_keep(x->v[stack ? x->n - 1 - *pos : *pos]);
        ++*pos;
        return true;
}
static void bag_free(struct sh_obj *o)
{
        sh_drop(((struct bag *)o)->items);
}
#define BAG \
        SH_P("Count", "int Count {get;}", bag_do, G_COUNT), \
                SH_M("Contains", "bool Contains(System.Object item)", bag_do, G_CONTAINS), \
                SH_M("Clear", "void Clear()", bag_do, G_CLEAR), \
                SH_M("ToArray", "System.Object[] ToArray()", bag_do, G_ARRAY)
static const struct sh_member queue_members[] = {
        BAG, SH_M("Enqueue", "void Enqueue(System.Object item)", bag_do, G_ADD),
        SH_M("Dequeue", "System.Object Dequeue()", bag_do, G_FIRST),
        SH_M("Peek", "System.Object Peek()", bag_do, G_PEEKFIRST)
};
static const struct sh_member stack_members[] = {
        BAG, SH_M("Push", "void Push(System.Object item)", bag_do, G_ADD),
        SH_M("Pop", "System.Object Pop()", bag_do, G_LAST),
        SH_M("Peek", "System.Object Peek()", bag_do, G_PEEKLAST)
};
static const struct sh_type queue_type = { .name = "System.Collections.Queue",
                                           .base = &sh_type_object,
                                           SH_MEMBERS(queue_members),
                                           .next = bag_next,
                                           .free = bag_free,
                                           .construct = bag_new };
static const struct sh_type stack_type = { .name = "System.Collections.Stack",
                                           .base = &sh_type_object,
                                           SH_MEMBERS(stack_members),
                                           .next = bag_next,
                                           .free = bag_free,
                                           .construct = bag_new };

/* ---- [System.IO.Path], File, Directory ---- */
enum {
        P_JOIN,
        P_NAME,
        P_BASE,
        P_EXT,
        P_DIR,
        P_FULL,
        P_ROOTED,
        P_TEMP,
        P_TEMPFILE,
        P_HASEXT,
        P_CHANGE,
        P_RANDOM
};
static int path_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv s = a.n ? sh_to_text(sh, a.v[0]) : sh_text(""), t;
        const char *p = s.s->s, *slash = strrchr(p, '/'), *name = slash ? slash + 1 : p,
                   *dot = strrchr(name, '.');
        struct sh_buf b = { 0 };
        char *full;
        switch (sh_member_arg(sh)) {
        case P_JOIN:
                for (uint32_t i = 0; i < a.n; i++) {
                        t = sh_to_text(sh, a.v[i]);
                        if (t.s->s[0] == '/')
                                b.n = 0;
                        else if (b.n && t.s->len && b.p[b.n - 1] != '/')
                                sh_buf_put(&b, "/", 1);
                        sh_buf_put(&b, t.s->s, t.s->len);
                        sh_drop(t);
                }
                *ret = sh_buf_take(&b);
                break;
        case P_NAME: *ret = sh_text(name); break;
        case P_BASE: *ret = sh_string(name, dot ? (size_t)(dot - name) : strlen(name)); break;
        case P_EXT: *ret = sh_text(dot ? dot : ""); break;
        case P_HASEXT: *ret = sh_bool(dot && dot[1]); break;
        case P_DIR: *ret = slash ? sh_string(p, slash == p ? 1 : (size_t)(slash - p)) : sh_text(""); break;
        case P_FULL:
                full = sh_path_full(sh, p);
                *ret = sh_text(full);
                free(full);
                break;
        case P_ROOTED: *ret = sh_bool(p[0] == '/'); break;
        case P_TEMP: *ret = sh_printf("%s/", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp"); break;
        case P_CHANGE:
                t = a.n > 1 ? sh_to_text(sh, a.v[1]) : sh_text("");
                *ret = sh_printf("%.*s%s%s", (int)(dot ? (size_t)(dot - p) : strlen(p)), p,
                                 t.s->len && t.s->s[0] != '.' ? "." : "", t.s->s);
                sh_drop(t);
                break;
        default: {
                char path[] = "/tmp/tmpXXXXXX.tmp";
                int fd = mkstemps(path, 4);
                if (fd >= 0)
                        close(fd);
                if (sh_member_arg(sh) == P_RANDOM)
                        unlink(path);
                *ret = sh_text(sh_member_arg(sh) == P_RANDOM ? path + 5 : path);
        }
        }
        sh_drop(s);
        return SH_OK;
}
static int path_separator(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_char((uint16_t)sh_member_arg(sh));
        return SH_OK;
}
static const struct sh_member path_members[] = {
        SH_SM("Combine", "static string Combine(string path1, string path2)", path_do, P_JOIN),
        SH_SM("Join", "static string Join(string path1, string path2)", path_do, P_JOIN),
        SH_SM("GetFileName", "static string GetFileName(string path)", path_do, P_NAME),
        SH_SM("GetFileNameWithoutExtension", "static string GetFileNameWithoutExtension(string path)",
              path_do, P_BASE),
        SH_SM("GetExtension", "static string GetExtension(string path)", path_do, P_EXT),
        SH_SM("GetDirectoryName", "static string GetDirectoryName(string path)", path_do, P_DIR),
        SH_SM("GetFullPath", "static string GetFullPath(string path)", path_do, P_FULL),
        SH_SM("IsPathRooted", "static bool IsPathRooted(string path)", path_do, P_ROOTED),
        SH_SM("HasExtension", "static bool HasExtension(string path)", path_do, P_HASEXT),
        SH_SM("ChangeExtension", "static string ChangeExtension(string path, string extension)", path_do,
              P_CHANGE),
        SH_SM("GetTempPath", "static string GetTempPath()", path_do, P_TEMP),
        SH_SM("GetTempFileName", "static string GetTempFileName()", path_do, P_TEMPFILE),
        SH_SM("GetRandomFileName", "static string GetRandomFileName()", path_do, P_RANDOM),
        SH_SP("DirectorySeparatorChar", "static char DirectorySeparatorChar {get;}", path_separator, '/'),
        SH_SP("PathSeparator", "static char PathSeparator {get;}", path_separator, ':')
};
static const struct sh_type path_type = { .name = "System.IO.Path",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(path_members) };

enum { F_EXISTS, F_READ, F_LINES, F_WRITE, F_APPEND, F_WRITELINES, F_DELETE, F_BYTES, D_EXISTS, D_CREATE };
static int read_file(const char *path, struct sh_buf *b)
{
        char buf[65536];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = 0;
        if (fd < 0)
                return errno;
        while ((n = read(fd, buf, sizeof buf)) > 0)
                sh_buf_put(b, buf, (size_t)n);
        int e = n < 0 ? errno : 0;
        close(fd);
        return e;
}
static int write_file(struct sh *sh, const char *path, struct sv v, bool append, bool lines)
{
        struct sh_buf b = { 0 };
        struct sv item;
        size_t pos = 0;
        if (lines && sh_is_enumerable(v))
                while (sh_next(v, &pos, &item)) {
                        sh_buf_value(sh, &b, item);
                        sh_buf_put(&b, "\n", 1);
                        sh_drop(item);
                }
        else
                sh_buf_value(sh, &b, v);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666),
            e = fd < 0 ? errno : 0;
        for (size_t at = 0; !e && at < b.n;) {
                ssize_t n = write(fd, b.p + at, b.n - at);
                if (n < 0)
                        e = errno;
                else
                        at += (size_t)n;
        }
        if (fd >= 0 && close(fd) != 0 && !e)
                e = errno;
        sh_buf_free(&b);
        return e;
}
static int file_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        intptr_t what = sh_member_arg(sh);
        struct stat st;
        struct sh_buf b = { 0 };
        if (a.n < 1 || (what >= F_WRITE && what <= F_WRITELINES && a.n < 2))
                return SH_NONE;
        struct sv t = sh_to_text(sh, a.v[0]);
        char *path = sh_path_full(sh, t.s->s);
        int e = 0;
        sh_drop(t);
        *ret = SH_NOTHING;
        switch (what) {
        case F_EXISTS: *ret = sh_bool(stat(path, &st) == 0 && !S_ISDIR(st.st_mode)); break;
        case D_EXISTS: *ret = sh_bool(stat(path, &st) == 0 && S_ISDIR(st.st_mode)); break;
        case D_CREATE: e = mkdir(path, 0777) != 0 && errno != EEXIST ? errno : 0; break;
        case F_DELETE: e = unlink(path) != 0 && errno != ENOENT ? errno : 0; break;
        case F_READ:
        case F_LINES:
        case F_BYTES:
                e = read_file(path, &b);
                if (!e && what == F_READ) {
                        *ret = sh_string(b.p ? b.p : "", b.n);
                } else if (!e && what == F_BYTES) {
                        *ret = bytes_new(b.p ? b.p : "", b.n);
                } else if (!e) {
                        *ret = sh_array_new(16);
                        for (char *p = b.p, *end = b.p + b.n, *nl; p < end; p = nl + 1) {
                                nl = memchr(p, '\n', (size_t)(end - p));
                                nl = nl ? nl : end;
                                sh_array_take(ret->a,
                                              sh_string(p, (size_t)(nl - p) - (nl > p && nl[-1] == '\r')));
                        }
                }
                sh_buf_free(&b);
                break;
        default: e = write_file(sh, path, a.v[1], what == F_APPEND, what == F_WRITELINES);
        }
        int r = !e ? SH_OK
                : e == ENOENT
                        ? sh_throw_member(sh, a, "System.IO.FileNotFoundException",
                                          "Could not find file '%s'.", path)
                        : sh_throw_member(sh, a, "System.IO.IOException", "%s : '%s'", strerror(e), path);
        free(path);
        return r;
}
static const struct sh_member file_members[] = {
        SH_SM("Exists", "static bool Exists(string path)", file_do, F_EXISTS),
        SH_SM("ReadAllText", "static string ReadAllText(string path)", file_do, F_READ),
        SH_SM("ReadAllLines", "static string[] ReadAllLines(string path)", file_do, F_LINES),
        SH_SM("ReadAllBytes", "static byte[] ReadAllBytes(string path)", file_do, F_BYTES),
        SH_SM("WriteAllText", "static void WriteAllText(string path, string contents)", file_do, F_WRITE),
        SH_SM("WriteAllLines", "static void WriteAllLines(string path, string[] contents)", file_do,
              F_WRITELINES),
        SH_SM("AppendAllText", "static void AppendAllText(string path, string contents)", file_do, F_APPEND),
        SH_SM("Delete", "static void Delete(string path)", file_do, F_DELETE)
};
static const struct sh_type file_type = { .name = "System.IO.File",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(file_members) };
static const struct sh_member directory_members[] = {
        SH_SM("Exists", "static bool Exists(string path)", file_do, D_EXISTS),
        SH_SM("CreateDirectory", "static System.IO.DirectoryInfo CreateDirectory(string path)", file_do,
              D_CREATE)
};
static const struct sh_type directory_type = { .name = "System.IO.Directory",
                                               .base = &sh_type_object,
                                               SH_MEMBERS(directory_members) };

/* ---- [environment] ---- */
enum { E_MACHINE, E_USER, E_NEWLINE, E_CPUS, E_PID, E_DIR, E_TICKS, E_64 };
static int env_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        char host[256] = "";
        switch (sh_member_arg(sh)) {
        case E_MACHINE:
                gethostname(host, sizeof host - 1);
                *ret = sh_text(host);
                break;
        case E_USER: *ret = sh_text(getenv("USER") ? getenv("USER") : ""); break;
        case E_NEWLINE: *ret = sh_text("\n"); break;
        case E_CPUS: *ret = sh_int((int32_t)sysconf(_SC_NPROCESSORS_ONLN)); break;
        case E_PID: *ret = sh_int(getpid()); break;
        case E_DIR: *ret = sh_pwd(sh); break;
        case E_TICKS: {
                struct timespec t;
                clock_gettime(CLOCK_MONOTONIC, &t);
                *ret = sh_long(t.tv_sec * 1000 + t.tv_nsec / 1000000);
                break;
        }
        default: *ret = sh_bool(sizeof(void *) == 8);
        }
        return SH_OK;
}
static int env_variable(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n < 1)
                return SH_NONE;
        struct sv name = sh_to_text(sh, a.v[0]);
        const char *v = getenv(name.s->s);
        *ret = v ? sh_text(v) : SH_NIL;
        if (sh_member_arg(sh)) {
                struct sv value = a.n > 1 ? sh_to_text(sh, a.v[1]) : sh_text("");
                if (value.s->len)
                        setenv(name.s->s, value.s->s, 1);
                else
                        unsetenv(name.s->s);
                sh_drop(value);
                sh_drop(*ret);
                *ret = SH_NOTHING;
        }
        sh_drop(name);
        return SH_OK;
}
static const struct sh_member env_members[] = {
        SH_SP("MachineName", "static string MachineName {get;}", env_get, E_MACHINE),
        SH_SP("UserName", "static string UserName {get;}", env_get, E_USER),
        SH_SP("NewLine", "static string NewLine {get;}", env_get, E_NEWLINE),
        SH_SP("ProcessorCount", "static int ProcessorCount {get;}", env_get, E_CPUS),
        SH_SP("ProcessId", "static int ProcessId {get;}", env_get, E_PID),
        SH_SP("CurrentDirectory", "static string CurrentDirectory {get;set;}", env_get, E_DIR),
        SH_SP("TickCount64", "static long TickCount64 {get;}", env_get, E_TICKS),
        SH_SP("Is64BitProcess", "static bool Is64BitProcess {get;}", env_get, E_64),
        SH_SP("Is64BitOperatingSystem", "static bool Is64BitOperatingSystem {get;}", env_get, E_64),
        SH_SM("GetEnvironmentVariable", "static string GetEnvironmentVariable(string variable)", env_variable,
              0),
        SH_SM("SetEnvironmentVariable", "static void SetEnvironmentVariable(string variable, string value)",
              env_variable, 1)
};
static const struct sh_type env_type = { .name = "System.Environment",
                                         .accelerator = "environment",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(env_members) };

/* ---- Stopwatch ---- */
struct watch {
        struct sh_obj obj;
        int64_t begun, sum; /* ns; begun 0 = stopped */
};
static int64_t now_ns(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}
static const struct sh_type watch_type;
static int watch_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_other_new(t, sizeof(struct watch));
        return SH_OK;
}
static int watch_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        intptr_t what = sh_member_arg(sh);
        *ret = SH_NOTHING;
        if (what == 'N') {
                *ret = sh_other_new(&watch_type, sizeof(struct watch));
                ((struct watch *)ret->o)->begun = now_ns();
                return SH_OK;
        }
        struct watch *w = (struct watch *)self.o;
        int64_t total = w->sum + (w->begun ? now_ns() - w->begun : 0);
        switch (what) {
        case 'e': *ret = sh_span(total / 100); break;
        case 'm': *ret = sh_long(total / 1000000); break;
        case 't': *ret = sh_long(total / 100); break;
        case 'r': *ret = sh_bool(w->begun != 0); break;
        case 'S': w->begun = w->begun ? w->begun : now_ns(); break;
        case 'P': w->sum = total, w->begun = 0; break;
        case 'Z': w->sum = w->begun = 0; break;
        default: w->sum = 0, w->begun = now_ns();
        }
        return SH_OK;
}
static const struct sh_member watch_members[] = {
        SH_P("Elapsed", "timespan Elapsed {get;}", watch_do, 'e'),
        SH_P("ElapsedMilliseconds", "long ElapsedMilliseconds {get;}", watch_do, 'm'),
        SH_P("ElapsedTicks", "long ElapsedTicks {get;}", watch_do, 't'),
        SH_P("IsRunning", "bool IsRunning {get;}", watch_do, 'r'),
        SH_M("Start", "void Start()", watch_do, 'S'),
        SH_M("Stop", "void Stop()", watch_do, 'P'),
        SH_M("Reset", "void Reset()", watch_do, 'Z'),
        SH_M("Restart", "void Restart()", watch_do, 'R'),
        SH_SM("StartNew", "static System.Diagnostics.Stopwatch StartNew()", watch_do, 'N')
};
static const struct sh_type watch_type = { .name = "System.Diagnostics.Stopwatch",
                                           .base = &sh_type_object,
                                           SH_MEMBERS(watch_members),
                                           .construct = watch_new };

/* ---- Encoding: UTF-8 and ASCII ---- */
static const struct sh_type encoding_type;
static int encoding_one(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        *ret = sh_other_new(&encoding_type, sizeof(struct sh_obj));
        return SH_OK;
}
static int encoding_bytes(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        if (a.n != 1)
                return SH_NONE;
        struct sv t = sh_to_text(sh, a.v[0]);
        *ret = bytes_new(t.s->s, t.s->len);
        sh_drop(t);
        return SH_OK;
}
static int encoding_text(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 };
        if (a.n < 1 || !bytes_of(sh, sh_args_at(a, 0), &b))
                return SH_NONE;
        *ret = sh_string(b.p ? b.p : "", b.n);
        sh_buf_free(&b);
        return SH_OK;
}
static const struct sh_member encoding_members[] = {
        SH_SP("UTF8", "static System.Text.Encoding UTF8 {get;}", encoding_one),
        SH_SP("ASCII", "static System.Text.Encoding ASCII {get;}", encoding_one),
        SH_SP("Default", "static System.Text.Encoding Default {get;}", encoding_one),
        SH_M("GetBytes", "byte[] GetBytes(string s)", encoding_bytes),
        SH_M("GetString", "string GetString(byte[] bytes)", encoding_text)
};
static const struct sh_type encoding_type = { .name = "System.Text.Encoding",
                                              .base = &sh_type_object,
                                              SH_MEMBERS(encoding_members) };

SH_TYPES(misc, &convert_type, &bit_type, &builder_type, &queue_type, &stack_type, &path_type,
         &file_type, &directory_type, &env_type, &watch_type, &encoding_type,
         &sh_enum_midpoint_rounding.type);
