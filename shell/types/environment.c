/* SPDX-License-Identifier: MIT
 *
 * [environment], [Console], Stopwatch, and the few members of [GC], [Thread], [Process] and RuntimeInformation that
 * scripts ask.
 */
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/fields.h"
#include "shell/types.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* ---- [environment] ---- */
/* The user by $USER, else by the password file: services have no $USER. */
static struct sv user_name(void)
{
        const char *s = getenv("USER");
        char room[4096];
        struct passwd pw, *found = NULL;
        if (s && *s)
                return sh_text(s);
        if (getpwuid_r(geteuid(), &pw, room, sizeof(room), &found) == 0 && found)
                return sh_text(found->pw_name);
        return sh_printf("%u", (unsigned)geteuid());
}
static struct sv home(void)
{
        const char *s = getenv("HOME");
        char room[4096];
        struct passwd pw, *found = NULL;
        if (s && *s)
                return sh_text(s);
        return sh_text(getpwuid_r(geteuid(), &pw, room, sizeof(room), &found) == 0 && found ? found->pw_dir
                                                                                            : "/");
}
static const struct sh_member system_members[] = {
        SH_FIELD(0, "Platform", "System.PlatformID Platform {get;}"),
        SH_FIELD(1, "ServicePack", "string ServicePack {get;}"),
        SH_FIELD(2, "Version", "version Version {get;}"),
        SH_FIELD(3, "VersionString", "string VersionString {get;}"),
};
static void system_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        sh_buf_value(sh, b, *sh_field(self, 3));
}
static const struct sh_type system_type = { .name = "System.OperatingSystem",
                                            .base = &sh_type_object,
                                            SH_MEMBERS(system_members),
                                            .text = system_text,
                                            .free = sh_fields_free };
static struct sv version_of(struct sh *sh, const char *text)
{
        struct sv t = sh_text(text), r;
        if (!sh_try_convert(sh, t, &sh_type_version, &r))
                r = SH_NIL;
        sh_drop(t);
        return r;
}
SH_ENUM_TYPE(platform_enum, "System.PlatformID", false, { "Win32S", 0 }, { "Win32Windows", 1 },
             { "Win32NT", 2 }, { "WinCE", 3 }, { "Unix", 4 }, { "Xbox", 5 }, { "MacOSX", 6 }, { "Other", 7 });
static struct sv os_version(struct sh *sh)
{
        struct utsname u;
        int a = 0, b = 0, c = 0, d = 0;
        char text[64];
        if (uname(&u) == 0)
                sscanf(u.release, "%d.%d.%d%*[-.]%d", &a, &b, &c, &d);
        snprintf(text, sizeof(text), "%d.%d.%d.%d", a, b, c, d);
        struct sv r = sh_fields_new(&system_type, 4);
        *sh_field(r, 0) = sh_enum_value(&platform_enum, 4);
        *sh_field(r, 1) = sh_text("");
        *sh_field(r, 2) = version_of(sh, text);
        *sh_field(r, 3) = sh_printf("Unix %s", text);
        return r;
}
enum {
        E_MACHINE,
        E_USER,
        E_NEWLINE,
        E_CPUS,
        E_PID,
        E_DIR,
        E_TICKS,
        E_TICKS32,
        E_TRUE,
        E_FALSE,
        E_OS,
        E_VERSION,
        E_PATH,
        E_LINE,
        E_EXIT,
        E_PAGE,
        E_SET,
        E_ROOT,
        E_STACK
};
static int env_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        char text[4096] = "";
        struct timespec t;
        struct rusage u;
        clock_gettime(CLOCK_MONOTONIC, &t);
        int64_t ms = t.tv_sec * 1000 + t.tv_nsec / 1000000;
        switch (sh_member_arg(sh)) {
        case E_MACHINE:
                gethostname(text, sizeof(text) - 1);
                *ret = sh_text(text);
                break;
        case E_USER: *ret = user_name(); break;
        case E_NEWLINE: *ret = sh_text("\n"); break;
        case E_CPUS: *ret = sh_int((int32_t)sysconf(_SC_NPROCESSORS_ONLN)); break;
        case E_PID: *ret = sh_int(getpid()); break;
        case E_DIR: *ret = sh_pwd(sh); break;
        case E_TICKS: *ret = sh_long(ms); break;
        case E_TICKS32: *ret = sh_int((int32_t)ms); break;
        case E_OS: *ret = os_version(sh); break;
        case E_VERSION: *ret = version_of(sh, "8.0.0"); break;
        case E_PATH:
                *ret = readlink("/proc/self/exe", text, sizeof(text) - 1) > 0 ? sh_text(text) : SH_NIL;
                break;
        case E_LINE: *ret = sh->script ? sh_printf("reeve -File %s", sh->script) : sh_text("reeve"); break;
        case E_EXIT: *ret = sh_int(sh->exit_code); break;
        case E_PAGE: *ret = sh_int((int32_t)sysconf(_SC_PAGESIZE)); break;
        case E_SET:
                getrusage(RUSAGE_SELF, &u);
                *ret = sh_long(u.ru_maxrss * 1024L);
                break;
        case E_ROOT: *ret = sh_bool(geteuid() == 0); break;
        case E_STACK: *ret = sh_text(""); break;
        default: *ret = sh_bool(sh_member_arg(sh) == E_TRUE);
        }
        return SH_OK;
}
static int env_set_directory(struct sh *sh, struct sv self, struct sv v)
{
        (void)self;
        struct sv t = sh_to_text(sh, v);
        int e = chdir(t.s->s) == 0 ? 0 : errno;
        int st = e ? sh_throw_in_method(sh, "System.IO.DirectoryNotFoundException", "CurrentDirectory", 1,
                                        "Could not find a part of the path '%s'.", t.s->s)
                   : SH_OK;
        sh_drop(t);
        return st;
}
static int env_set_exit(struct sh *sh, struct sv self, struct sv v)
{
        (void)self;
        int64_t i;
        if (sh_to_int64(sh, v, &i))
                sh->exit_code = (int)i;
        return SH_OK;
}
static int env_variable(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        intptr_t what = sh_member_arg(sh);
        if (what == 'a') {
                *ret = sh_hash_new(false);
                for (char **e = environ; e && *e; e++) {
                        const char *eq = strchr(*e, '=');
                        struct sv k = sh_string(*e, eq ? (size_t)(eq - *e) : strlen(*e)),
                                  v = sh_text(eq ? eq + 1 : "");
                        sh_hash_set(ret->h, k, v);
                        sh_drop(k);
                        sh_drop(v);
                }
                return SH_OK;
        }
        if (a.n < 1 + (what == 's'))
                return SH_NONE;
        struct sv name = sh_to_text(sh, a.v[0]);
        if (what == 's') {
                struct sv value = sh_to_text(sh, a.v[1]);
                if (value.s->len)
                        setenv(name.s->s, value.s->s, 1);
                else
                        unsetenv(name.s->s);
                sh_drop(value);
                *ret = SH_NOTHING;
        } else {
                const char *v = getenv(name.s->s);
                *ret = v ? sh_text(v) : SH_NIL;
        }
        sh_drop(name);
        return SH_OK;
}
/* %NAME% */
static int env_expand(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 };
        if (a.n != 1)
                return SH_NONE;
        struct sv s = sh_to_text(sh, a.v[0]);
        for (const char *p = s.s->s; *p;) {
                const char *end = *p == '%' ? strchr(p + 1, '%') : NULL;
                char name[256];
                const char *v = NULL;
                if (end && end - p < 256) {
                        snprintf(name, sizeof(name), "%.*s", (int)(end - p - 1), p + 1);
                        v = getenv(name);
                }
                if (v) {
                        sh_buf_puts(&b, v);
                        p = end + 1;
                } else {
                        sh_buf_put(&b, p++, 1);
                }
        }
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        sh_drop(s);
        return SH_OK;
}
SH_ENUM_TYPE(folder_enum, "System.Environment+SpecialFolder", false, { "Desktop", 0 }, { "Programs", 2 },
             { "MyDocuments", 5 }, { "Personal", 5 }, { "MyMusic", 13 }, { "DesktopDirectory", 16 },
             { "Fonts", 20 }, { "ApplicationData", 26 }, { "LocalApplicationData", 28 },
             { "CommonApplicationData", 35 }, { "System", 37 }, { "ProgramFiles", 38 },
             { "UserProfile", 40 });
static int env_folder(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int32_t f;
        if (a.n < 1 || !sh_args_enum(sh, a, 0, &folder_enum, &f))
                return SH_NONE;
        struct sv h = home();
        const char *config = getenv("XDG_CONFIG_HOME"), *data = getenv("XDG_DATA_HOME");
        switch (f) {
        case 5:
        case 40: *ret = sh_keep(h); break;
        case 0:
        case 16: *ret = sh_printf("%s/Desktop", h.s->s); break;
        case 26: *ret = config && *config ? sh_text(config) : sh_printf("%s/.config", h.s->s); break;
        case 28: *ret = data && *data ? sh_text(data) : sh_printf("%s/.local/share", h.s->s); break;
        case 35: *ret = sh_text("/usr/share"); break;
        default: *ret = sh_text("");
        }
        sh_drop(h);
        return SH_OK;
}
static int env_exit(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        int64_t code = 0;
        if (a.n > 1 || (a.n && !sh_args_int(sh, a, 0, &code)))
                return SH_NONE;
        *ret = SH_NOTHING;
        sh->exit_code = (int)code;
        return SH_EXIT;
}
static int env_args(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_array_typed(&sh_type_string, 0);
        sh_array_take(ret->a, sh_text("reeve"));
        if (sh->script)
                sh_array_take(ret->a, sh_text(sh->script));
        return SH_OK;
}
#define GET(name, type, what) SH_SP(name, "static " type " " name " {get;}", env_get, what)
static const struct sh_member env_members[] = {
        GET("MachineName", "string", E_MACHINE),
        GET("UserName", "string", E_USER),
        GET("UserDomainName", "string", E_MACHINE),
        GET("NewLine", "string", E_NEWLINE),
        GET("ProcessorCount", "int", E_CPUS),
        GET("ProcessId", "int", E_PID),
        GET("ProcessPath", "string", E_PATH),
        GET("CommandLine", "string", E_LINE),
        GET("TickCount", "int", E_TICKS32),
        GET("TickCount64", "long", E_TICKS),
        GET("Is64BitProcess", "bool", E_TRUE),
        GET("Is64BitOperatingSystem", "bool", E_TRUE),
        GET("IsPrivilegedProcess", "bool", E_ROOT),
        GET("UserInteractive", "bool", E_TRUE),
        GET("HasShutdownStarted", "bool", E_FALSE),
        GET("OSVersion", "System.OperatingSystem", E_OS),
        GET("Version", "version", E_VERSION),
        GET("SystemPageSize", "int", E_PAGE),
        GET("WorkingSet", "long", E_SET),
        GET("StackTrace", "string", E_STACK),
        GET("SystemDirectory", "string", E_STACK),
        { "CurrentDirectory", SH_PROPERTY, true, "static string CurrentDirectory {get;set;}", env_get,
          env_set_directory, E_DIR },
        { "ExitCode", SH_PROPERTY, true, "static int ExitCode {get;set;}", env_get, env_set_exit, E_EXIT },
        SH_SM("GetEnvironmentVariable", "static string GetEnvironmentVariable(string variable)", env_variable,
              'g'),
        SH_SM("SetEnvironmentVariable", "static void SetEnvironmentVariable(string variable, string value)",
              env_variable, 's'),
        SH_SM("GetEnvironmentVariables", "static System.Collections.IDictionary GetEnvironmentVariables()",
              env_variable, 'a'),
        SH_SM("ExpandEnvironmentVariables", "static string ExpandEnvironmentVariables(string name)",
              env_expand),
        SH_SM("GetFolderPath", "static string GetFolderPath(System.Environment+SpecialFolder folder)",
              env_folder),
        SH_SM("GetCommandLineArgs", "static string[] GetCommandLineArgs()", env_args),
        SH_SM("Exit", "static void Exit(int exitCode)", env_exit),
};
static const struct sh_type env_type = { .name = "System.Environment",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(env_members) };

/* ---- [Console] ---- */
static int console_write(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 };
        intptr_t what = sh_member_arg(sh); /* w, l; +256: to the standard error */
        int st = SH_OK;
        *ret = SH_NOTHING;
        if (a.n > 1) {
                struct sv f = sh_args_at(a, 0);
                st = f.kind == SH_STRING ? sh_format_composite(sh, f.s->s, f.s->len,
                                                               (struct sh_args) { a.n - 1, a.v + 1 }, &b)
                                         : SH_NONE;
        } else if (a.n && sh_args_at(a, 0).kind == SH_ARRAY) {
                if (sh_args_at(a, 0).a->element == &sh_type_char)
                        for (uint32_t i = 0; i < sh_args_at(a, 0).a->n; i++)
                                sh_buf_value(sh, &b, sh_args_at(a, 0).a->v[i]);
                else
                        sh_buf_puts(&b, sh_type_of(a.v[0])->name);
        } else if (a.n) {
                sh_buf_value(sh, &b, a.v[0]);
        }
        if (st == SH_OK && (what & 255) == 'l')
                sh_buf_put(&b, "\n", 1);
        if (st == SH_OK && b.n) {
                if (what & 256)
                        sh_host_error(sh, b.p, b.n);
                else
                        sh_host_write(sh, b.p, b.n);
        }
        sh_buf_free(&b);
        return st;
}
static const struct sh_type out_type, err_type, in_type;
static int console_read(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sh_buf b = { 0 };
        char c;
        ssize_t n = 0;
        if (a.n)
                return SH_NONE;
        sh_host_flush(sh);
        intptr_t what = sh_member_arg(sh);
        while ((n = read(STDIN_FILENO, &c, 1)) == 1) {
                if (what == 'l' && c == '\n')
                        break;
                sh_buf_put(&b, &c, 1);
                if (what == 'r')
                        break;
        }
        if (what == 'r')
                *ret = sh_int(b.n ? (unsigned char)b.p[0] : -1);
        else
                *ret = !b.n && n != 1 && what == 'l' ? SH_NIL : sh_string(b.p ? b.p : "", b.n);
        sh_buf_free(&b);
        return SH_OK;
}
SH_ENUM_TYPE(colour_enum, "System.ConsoleColor", false, { "Black", 0 }, { "DarkBlue", 1 }, { "DarkGreen", 2 },
             { "DarkCyan", 3 }, { "DarkRed", 4 }, { "DarkMagenta", 5 }, { "DarkYellow", 6 }, { "Gray", 7 },
             { "DarkGray", 8 }, { "Blue", 9 }, { "Green", 10 }, { "Cyan", 11 }, { "Red", 12 },
             { "Magenta", 13 }, { "Yellow", 14 }, { "White", 15 });
static int console_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        struct winsize w = { 0 };
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
        switch (sh_member_arg(sh)) {
        case 'o': *ret = sh_other_new(&out_type, sizeof(struct sh_obj)); break;
        case 'e': *ret = sh_other_new(&err_type, sizeof(struct sh_obj)); break;
        case 'i': *ret = sh_other_new(&in_type, sizeof(struct sh_obj)); break;
        case 'w': *ret = sh_int(sh_width(sh)); break;
        case 'h': *ret = sh_int(w.ws_row ? w.ws_row : 24); break;
        case 'c': *ret = sh_enum_value(&colour_enum, -1); break;
        case 't': *ret = sh_text("reeve"); break;
        case 'E': {
                const struct sh_type *t = sh_type_find(sh, "System.Text.Encoding", 20);
                return sh_get_static(sh, t, "Default", 7, ret);
        }
        case 'R': *ret = sh_bool(!isatty(STDOUT_FILENO)); break;
        case 'I': *ret = sh_bool(!isatty(STDIN_FILENO)); break;
        case 'X': *ret = sh_bool(!isatty(STDERR_FILENO)); break;
        case 'k': *ret = sh_bool(false); break;
        default: *ret = SH_NOTHING;
        }
        return SH_OK;
}
static int console_set(struct sh *sh, struct sv self, struct sv v)
{
        (void)self;
        static const uint8_t ansi[] = { 30, 34, 32, 36, 31, 35, 33, 37, 90, 94, 92, 96, 91, 95, 93, 97 };
        struct sv x;
        char text[16];
        if (sh_member_arg(sh) != 'c' || !sh_try_convert(sh, v, &colour_enum.type, &x))
                return SH_OK; /* title, encodings: the terminal's own affair */
        if (sh_colourful(STDOUT_FILENO) && x.hi < 16)
                sh_host_write(sh, text, (size_t)snprintf(text, sizeof(text), "\033[%um", ansi[x.hi]));
        sh_drop(x);
        return SH_OK;
}
static int console_reset(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = SH_NOTHING;
        if (sh_colourful(STDOUT_FILENO)) {
                if (sh_member_arg(sh) == 'r')
                        sh_host_write(sh, "\033[0m", 4);
                else if (sh_member_arg(sh) == 'b')
                        sh_host_write(sh, "\a", 1);
                else if (sh_member_arg(sh) == 'c')
                        sh_host_write(sh, "\033[H\033[2J", 7);
        }
        return SH_OK;
}
#define SET(name, type, what) \
        { \
                name, SH_PROPERTY, true, "static " type " " name " {get;set;}", console_get, console_set, \
                        what \
        }
static const struct sh_member console_members[] = {
        SH_SM("Write", "static void Write(string value)", console_write, 'w'),
        SH_SM("WriteLine", "static void WriteLine(string value)", console_write, 'l'),
        SH_SM("ReadLine", "static string ReadLine()", console_read, 'l'),
        SH_SM("Read", "static int Read()", console_read, 'r'),
        SH_SM("ResetColor", "static void ResetColor()", console_reset, 'r'),
        SH_SM("Beep", "static void Beep()", console_reset, 'b'),
        SH_SM("Clear", "static void Clear()", console_reset, 'c'),
        SH_SP("Out", "static System.IO.TextWriter Out {get;}", console_get, 'o'),
        SH_SP("Error", "static System.IO.TextWriter Error {get;}", console_get, 'e'),
        SH_SP("In", "static System.IO.TextReader In {get;}", console_get, 'i'),
        SH_SP("IsOutputRedirected", "static bool IsOutputRedirected {get;}", console_get, 'R'),
        SH_SP("IsInputRedirected", "static bool IsInputRedirected {get;}", console_get, 'I'),
        SH_SP("IsErrorRedirected", "static bool IsErrorRedirected {get;}", console_get, 'X'),
        SH_SP("KeyAvailable", "static bool KeyAvailable {get;}", console_get, 'k'),
        SET("WindowWidth", "int", 'w'),
        SET("WindowHeight", "int", 'h'),
        SET("BufferWidth", "int", 'w'),
        SET("BufferHeight", "int", 'h'),
        SET("Title", "string", 't'),
        SET("ForegroundColor", "System.ConsoleColor", 'c'),
        SET("BackgroundColor", "System.ConsoleColor", 'c'),
        SET("OutputEncoding", "System.Text.Encoding", 'E'),
        SET("InputEncoding", "System.Text.Encoding", 'E'),
        SET("TreatControlCAsInput", "bool", 'k'),
        SET("CursorVisible", "bool", 'k'),
};
static const struct sh_type console_type = { .name = "System.Console",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(console_members) };
#define WRITER(err) \
        SH_M("Write", "void Write(string value)", console_write, 'w' | (err)), \
                SH_M("WriteLine", "void WriteLine(string value)", console_write, 'l' | (err)), \
                SH_M("Flush", "void Flush()", console_get, 'f')
static const struct sh_member out_members[] = { WRITER(0) }, err_members[] = { WRITER(256) };
static const struct sh_member in_members[] = { SH_M("ReadLine", "string ReadLine()", console_read, 'l'),
                                               SH_M("ReadToEnd", "string ReadToEnd()", console_read, 'a'),
                                               SH_M("Read", "int Read()", console_read, 'r') };
static const struct sh_type out_type = { .name = "System.IO.TextWriter",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(out_members) };
static const struct sh_type err_type = { .name = "System.IO.TextWriter",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(err_members) };
static const struct sh_type in_type = { .name = "System.IO.TextReader",
                                        .base = &sh_type_object,
                                        SH_MEMBERS(in_members) };

SH_TYPES(environment, &env_type, &system_type, &platform_enum.type, &folder_enum.type, &console_type,
         &colour_enum.type, &out_type, &in_type);
