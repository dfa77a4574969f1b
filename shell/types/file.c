/* SPDX-License-Identifier: MIT
 *
 * System.IO.FileInfo and DirectoryInfo: a path and what stat said of it when it was looked at.
 */
#include "schema/mode.h"
#include "shell/datetime.h"
#include "shell/dotnet.h"
#include "shell/fileinfo.h"
#include "shell/files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct info {
        struct sh_obj obj;
        struct sv path;
        struct stat st;
        bool exists;
};
static struct info *of(struct sv v)
{
        return (struct info *)v.o;
}

static void look(struct info *i)
{
        i->exists = lstat(i->path.s->s, &i->st) == 0;
        struct stat to;
        if (i->exists && S_ISLNK(i->st.st_mode) && stat(i->path.s->s, &to) == 0 && S_ISREG(to.st_mode))
                i->st.st_size = to.st_size;
}

struct sv sh_fileinfo_new(const char *path, bool folder)
{
        struct sv v = sh_other_new(folder ? &sh_type_directoryinfo : &sh_type_fileinfo, sizeof(struct info));
        of(v)->path = sh_text(path);
        look(of(v));
        return v;
}
const char *sh_fileinfo_path(struct sv v)
{
        v = sh_unwrap(v);
        return v.kind == SH_OTHER && (v.o->type == &sh_type_fileinfo || v.o->type == &sh_type_directoryinfo)
                       ? of(v)->path.s->s
                       : NULL;
}

static struct sv base_of(const char *path)
{
        const char *slash = strrchr(path, '/');
        return sh_text(slash && slash[1] ? slash + 1 : path);
}
static struct sv parent_of(const char *path)
{
        const char *slash = strrchr(path, '/');
        return !slash || !slash[1] ? SH_NIL
               : slash == path     ? sh_text("/")
                                   : sh_string(path, (size_t)(slash - path));
}

enum {
        F_NAME,
        F_FULL,
        F_LENGTH,
        F_EXT,
        F_BASE,
        F_DIRNAME,
        F_DIR,
        F_EXISTS,
        F_MODE,
        F_UNIXMODE,
        F_USER,
        F_GROUP,
        F_WRITE,
        F_ACCESS,
        F_CREATE,
        F_WRITE_UTC,
        F_ACCESS_UTC,
        F_CREATE_UTC,
        F_PARENT,
        F_ATTR,
        F_LINK,
        F_TARGET,
        F_READONLY,
        F_PSPATH,
        F_PSPARENT,
        F_PSCHILD,
        F_CONTAINER,
        F_SIZE,
        F_ROOT,
        F_NAMESTRING,
        F_STAT
};

static struct sv owner_of(uid_t uid)
{
        struct passwd *p = getpwuid(uid);
        return p ? sh_text(p->pw_name) : sh_printf("%u", (unsigned)uid);
}
static struct sv group_of(gid_t gid)
{
        struct group *g = getgrgid(gid);
        return g ? sh_text(g->gr_name) : sh_printf("%u", (unsigned)gid);
}
static struct sv time_of(struct timespec t, bool utc)
{
        struct sv v = sh_datetime_unix(t.tv_sec, t.tv_nsec);
        return utc ? sh_datetime_utc(v) : v;
}

static struct sv mode_of(struct info *i, bool folder)
{
        const char *name = strrchr(i->path.s->s, '/');
        bool hidden = name && name[1] == '.', readonly = i->exists && access(i->path.s->s, W_OK) != 0;
        return sh_printf("%c%c%c%c%c",
                         S_ISLNK(i->st.st_mode) ? 'l'
                         : folder               ? 'd'
                                                : '-',
                         !folder && !S_ISLNK(i->st.st_mode) ? 'a' : '-', readonly ? 'r' : '-',
                         hidden ? 'h' : '-', '-');
}

static const struct {
        const char *name;
        int32_t value;
} attribute_items[] = { { "None", 0 },
                        { "ReadOnly", 1 },
                        { "Hidden", 2 },
                        { "System", 4 },
                        { "Directory", 16 },
                        { "Archive", 32 },
                        { "Device", 64 },
                        { "Normal", 128 },
                        { "Temporary", 256 },
                        { "SparseFile", 512 },
                        { "ReparsePoint", 1024 },
                        { "Compressed", 2048 },
                        { "Offline", 4096 },
                        { "NotContentIndexed", 8192 },
                        { "Encrypted", 16384 } };
static struct sh_enum attributes = {
        .obj = { .refs = 1, .type = &attributes.type },
        .type = { .name = "System.IO.FileAttributes", .base = &sh_type_enum, .kind = SH_ENUM },
        .flags = true,
        .n = sizeof attribute_items / sizeof *attribute_items,
        .items = (const void *)attribute_items
};
static struct sv attributes_of(struct info *i, bool folder)
{
        const char *name = strrchr(i->path.s->s, '/');
        int32_t bits = (i->exists && access(i->path.s->s, W_OK) != 0 ? 1 : 0) |
                       (name && name[1] == '.' ? 2 : 0) | (folder ? 16 : 0) |
                       (S_ISLNK(i->st.st_mode) ? 1024 : 0);
        return sh_enum_value(&attributes, bits ? bits : 128);
}

static struct sv text_property(struct info *i, intptr_t what, bool folder)
{
        const char *path = i->path.s->s;
        struct sv name = base_of(path), r = SH_NIL, p;
        const char *dot = strrchr(name.s->s, '.');
        char mode[11], target[4096];
        ssize_t n;
        switch (what) {
        case F_NAME:
        case F_PSCHILD: r = sh_keep(name); break;
        case F_NAMESTRING:
                n = S_ISLNK(i->st.st_mode) ? readlink(path, target, sizeof target - 1) : -1;
                r = n > 0 ? sh_printf("%s -> %.*s", name.s->s, (int)n, target) : sh_keep(name);
                break;
        case F_FULL: r = sh_keep(i->path); break;
        case F_EXT: r = sh_text(dot ? dot : ""); break;
        case F_BASE:
                r = dot && !folder ? sh_string(name.s->s, (size_t)(dot - name.s->s)) : sh_keep(name);
                break;
        case F_DIRNAME: r = parent_of(path); break;
        case F_PSPATH: r = sh_printf("Microsoft.PowerShell.Core\\FileSystem::%s", path); break;
        case F_PSPARENT:
                p = parent_of(path);
                r = sh_printf("Microsoft.PowerShell.Core\\FileSystem::%s", p.kind == SH_STRING ? p.s->s : "");
                sh_drop(p);
                break;
        case F_UNIXMODE:
                rv_mode_text(i->st.st_mode, mode);
                r = sh_text(mode);
                break;
        case F_LINK: r = S_ISLNK(i->st.st_mode) ? sh_text("SymbolicLink") : SH_NIL; break;
        default:
                n = S_ISLNK(i->st.st_mode) ? readlink(path, target, sizeof target - 1) : -1;
                r = n > 0 ? sh_string(target, (size_t)n) : SH_NIL;
        }
        sh_drop(name);
        return r;
}

static int file_property(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct info *i = of(self);
        bool folder = self.o->type == &sh_type_directoryinfo;
        intptr_t what = sh_member_arg(sh);
        struct sv p;
        switch (what) {
        case F_LENGTH:
        case F_SIZE:
                *ret = folder && what == F_LENGTH ? SH_NIL : sh_long(i->st.st_size);
                return folder && what == F_LENGTH ? SH_NONE : SH_OK;
        case F_EXISTS: *ret = sh_bool(i->exists); break;
        case F_CONTAINER: *ret = sh_bool(folder); break;
        case F_READONLY: *ret = sh_bool(i->exists && !(i->st.st_mode & 0222)); break;
        case F_MODE: *ret = mode_of(i, folder); break;
        case F_ATTR: *ret = attributes_of(i, folder); break;
        case F_USER: *ret = owner_of(i->st.st_uid); break;
        case F_GROUP: *ret = group_of(i->st.st_gid); break;
        case F_WRITE:
        case F_WRITE_UTC: *ret = time_of(i->st.st_mtim, what == F_WRITE_UTC); break;
        case F_ACCESS:
        case F_ACCESS_UTC: *ret = time_of(i->st.st_atim, what == F_ACCESS_UTC); break;
        case F_CREATE:
        case F_CREATE_UTC:
                *ret = time_of(i->st.st_ctim.tv_sec < i->st.st_mtim.tv_sec ? i->st.st_ctim : i->st.st_mtim,
                               what == F_CREATE_UTC);
                break;
        case F_ROOT: *ret = sh_fileinfo_new("/", true); break;
        case F_DIR:
        case F_PARENT:
                p = parent_of(i->path.s->s);
                *ret = p.kind == SH_STRING ? sh_fileinfo_new(p.s->s, true) : SH_NIL;
                sh_drop(p);
                break;
        default: *ret = text_property(i, what, folder);
        }
        return SH_OK;
}

/* LastWriteTime, LastAccessTime and their Utc forms. */
static int set_time(struct sh *sh, struct sv self, struct sv v)
{
        struct sv d;
        intptr_t what = sh_member_arg(sh);
        if (sh_convert(sh, v, &sh_type_datetime, &d) != SH_OK)
                return SH_ERROR;
        if (what == F_WRITE_UTC || what == F_ACCESS_UTC)
                d.aux = SH_DATE_UTC;
        int64_t ns, s = sh_datetime_to_unix(d, &ns);
        struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
        t[what == F_WRITE || what == F_WRITE_UTC] = (struct timespec) { s, ns };
        if (utimensat(AT_FDCWD, of(self)->path.s->s, t, 0) != 0)
                return sh_throw_in_method(sh, "System.UnauthorizedAccessException",
                                          sh_current_member(sh)->name, 1,
                                          "Access to the path '%s' is denied.", of(self)->path.s->s);
        look(of(self));
        return SH_OK;
}
static int set_readonly(struct sh *sh, struct sv self, struct sv v)
{
        struct stat st;
        const char *path = of(self)->path.s->s;
        if (stat(path, &st) != 0 || chmod(path, sh_true(v) ? st.st_mode & ~0222u : st.st_mode | 0200) != 0)
                return sh_throw_in_method(sh, "System.UnauthorizedAccessException", "IsReadOnly", 1,
                                          "Access to the path '%s' is denied.", path);
        look(of(self));
        return SH_OK;
}

static int file_refresh(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        look(of(self));
        *ret = SH_NOTHING;
        return SH_OK;
}
static int file_delete(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (remove(of(self)->path.s->s) != 0)
                return sh_throw_member(sh, a, "System.IO.IOException", "%s : '%s'", strerror(errno),
                                       of(self)->path.s->s);
        look(of(self));
        *ret = SH_NOTHING;
        return SH_OK;
}
static int file_move(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n < 1)
                return SH_NONE;
        struct sv t = sh_to_text(sh, a.v[0]);
        char *full = sh_path_full(sh, t.s->s);
        sh_drop(t);
        int bad = rename(of(self)->path.s->s, full) != 0 ? errno : 0;
        if (!bad) {
                sh_drop(of(self)->path);
                of(self)->path = sh_text(full);
                look(of(self));
        }
        free(full);
        *ret = SH_NOTHING;
        return bad ? sh_throw_member(sh, a, "System.IO.IOException", "%s : '%s'", strerror(bad),
                                     of(self)->path.s->s)
                   : SH_OK;
}
static int file_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_keep(of(self)->path);
        return SH_OK;
}
static void file_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_buf_put(b, of(self)->path.s->s, of(self)->path.s->len);
}
static void file_free(struct sh_obj *o)
{
        sh_drop(((struct info *)o)->path);
}
static bool file_equals(struct sv a, struct sv b)
{
        const char *p = sh_fileinfo_path(b);
        return p && !strcmp(of(a)->path.s->s, p);
}
static int file_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        if (a.n != 1)
                return SH_NONE;
        struct sv text = sh_to_text(sh, a.v[0]);
        char *full = sh_path_full(sh, text.s->s);
        *ret = sh_fileinfo_new(full, t == &sh_type_directoryinfo);
        free(full);
        sh_drop(text);
        return SH_OK;
}
static int file_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        from = sh_unwrap(from);
        return from.kind == SH_STRING ? file_construct(sh, t, (struct sh_args) { 1, &from }, ret) : SH_NONE;
}

#define COMMON \
        SH_P("Name", "string Name {get;}", file_property, F_NAME), \
                SH_P("FullName", "string FullName {get;}", file_property, F_FULL), \
                SH_P("Extension", "string Extension {get;}", file_property, F_EXT), \
                SH_P("Exists", "bool Exists {get;}", file_property, F_EXISTS), \
                SH_P("CreationTime", "datetime CreationTime {get;set;}", file_property, F_CREATE), \
                SH_P("CreationTimeUtc", "datetime CreationTimeUtc {get;set;}", file_property, F_CREATE_UTC), \
                { "LastAccessTime", SH_PROPERTY, false,   "datetime LastAccessTime {get;set;}", \
                  file_property,    set_time,    F_ACCESS }, \
                { "LastAccessTimeUtc", SH_PROPERTY, false,       "datetime LastAccessTimeUtc {get;set;}", \
                  file_property,       set_time,    F_ACCESS_UTC }, \
                { "LastWriteTime", SH_PROPERTY, false,  "datetime LastWriteTime {get;set;}", \
                  file_property,   set_time,    F_WRITE }, \
                { "LastWriteTimeUtc", SH_PROPERTY, false,      "datetime LastWriteTimeUtc {get;set;}", \
                  file_property,      set_time,    F_WRITE_UTC }, \
                SH_P("Attributes", "System.IO.FileAttributes Attributes {get;set;}", file_property, F_ATTR), \
                SH_P("Mode", "string Mode {get;}", file_property, F_MODE), \
                SH_P("UnixMode", "string UnixMode {get;}", file_property, F_UNIXMODE), \
                SH_P("User", "string User {get;}", file_property, F_USER), \
                SH_P("Group", "string Group {get;}", file_property, F_GROUP), \
                SH_P("Size", "long Size {get;}", file_property, F_SIZE), \
                SH_P("BaseName", "string BaseName {get;}", file_property, F_BASE), \
                SH_P("LinkType", "string LinkType {get;}", file_property, F_LINK), \
                SH_P("LinkTarget", "string LinkTarget {get;}", file_property, F_TARGET), \
                SH_P("Target", "string Target {get;}", file_property, F_TARGET), \
                SH_P("PSPath", "string PSPath {get;}", file_property, F_PSPATH), \
                SH_P("PSParentPath", "string PSParentPath {get;}", file_property, F_PSPARENT), \
                SH_P("PSChildName", "string PSChildName {get;}", file_property, F_PSCHILD), \
                SH_P("PSIsContainer", "bool PSIsContainer {get;}", file_property, F_CONTAINER), \
                SH_P("NameString", "string NameString {get;}", file_property, F_NAMESTRING), \
                SH_M("Refresh", "void Refresh()", file_refresh), \
                SH_M("Delete", "void Delete()", file_delete), \
                SH_M("MoveTo", "void MoveTo(string destFileName)", file_move), \
                SH_M("ToString", "string ToString()", file_string)
static const struct sh_member file_members[] = {
        SH_P("Length", "long Length {get;}", file_property, F_LENGTH),
        SH_P("Directory", "System.IO.DirectoryInfo Directory {get;}", file_property, F_DIR),
        SH_P("DirectoryName", "string DirectoryName {get;}", file_property, F_DIRNAME),
        { "IsReadOnly", SH_PROPERTY, false, "bool IsReadOnly {get;set;}", file_property, set_readonly,
          F_READONLY },
        COMMON
};
static const struct sh_member folder_members[] = {
        SH_P("Parent", "System.IO.DirectoryInfo Parent {get;}", file_property, F_PARENT),
        SH_P("Root", "System.IO.DirectoryInfo Root {get;}", file_property, F_ROOT), COMMON
};
static const struct sh_type sh_type_filesysteminfo = { .name = "System.IO.FileSystemInfo",
                                                       .base = &sh_type_object };
const struct sh_type sh_type_fileinfo = { .name = "System.IO.FileInfo",
                                          .base = &sh_type_filesysteminfo,
                                          SH_MEMBERS(file_members),
                                          .text = file_text,
                                          .equals = file_equals,
                                          .free = file_free,
                                          .construct = file_construct,
                                          .convert = file_convert };
const struct sh_type sh_type_directoryinfo = { .name = "System.IO.DirectoryInfo",
                                               .base = &sh_type_filesysteminfo,
                                               SH_MEMBERS(folder_members),
                                               .text = file_text,
                                               .equals = file_equals,
                                               .free = file_free,
                                               .construct = file_construct,
                                               .convert = file_convert };

SH_TYPES(file, &attributes.type, &sh_type_fileinfo, &sh_type_directoryinfo, &sh_type_filesysteminfo);
