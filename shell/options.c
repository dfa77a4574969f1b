/* SPDX-License-Identifier: MIT
 *
 * Reads the command line. A name may be cut short and starts with -, -- or /; the first word that is no option is a
 * script's path (or, when no such file exists and it is not a path, that is told).
 */
#include "shell/options.h"
#include "shell/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum option {
        O_COMMAND,
        O_FILE,
        O_ENCODED,
        O_WITH_ARGS,
        O_NOPROFILE,
        O_NONINTERACTIVE,
        O_INTERACTIVE,
        O_NOEXIT,
        O_NOLOGO,
        O_LOGIN,
        O_OUTPUT,
        O_FOLDER,
        O_VERSION,
        O_HELP,
        O_IGNORED,
        O_IGNORED_VALUE
};

static const struct {
        const char *name;
        size_t least; /* letters that are enough */
        enum option option;
} options[] = {
        { "command", 1, O_COMMAND },
        { "commandwithargs", 8, O_WITH_ARGS },
        { "cwa", 3, O_WITH_ARGS },
        { "file", 1, O_FILE },
        { "encodedcommand", 1, O_ENCODED },
        { "ec", 2, O_ENCODED },
        { "noprofile", 3, O_NOPROFILE },
        { "noninteractive", 4, O_NONINTERACTIVE },
        { "interactive", 1, O_INTERACTIVE },
        { "noexit", 3, O_NOEXIT },
        { "nologo", 3, O_NOLOGO },
        { "login", 1, O_LOGIN },
        { "outputformat", 1, O_OUTPUT },
        { "of", 2, O_OUTPUT },
        { "workingdirectory", 2, O_FOLDER },
        { "wd", 2, O_FOLDER },
        { "version", 1, O_VERSION },
        { "help", 1, O_HELP },
        { "?", 1, O_HELP },
        { "executionpolicy", 2, O_IGNORED_VALUE },
        { "ep", 2, O_IGNORED_VALUE },
        { "inputformat", 3, O_IGNORED_VALUE },
        { "if", 2, O_IGNORED_VALUE },
        { "windowstyle", 6, O_IGNORED_VALUE },
        { "settingsfile", 8, O_IGNORED_VALUE },
        { "configurationname", 2, O_IGNORED_VALUE },
        { "custompipename", 3, O_IGNORED_VALUE },
        { "noprofileloadtime", 10, O_IGNORED },
        { "mta", 3, O_IGNORED },
        { "sta", 3, O_IGNORED },
};

static void usage(void)
{
        fputs("usage: reeve [-NoProfile] [-NonInteractive] [-Command TEXT | -File PATH [ARGS...] | -]\n"
              "       reeve rpc [METHOD [PARAMS]]      the agent's protocol; one call\n"
              "       reeve check CLASS ...            a monitoring plugin; reeve check --help\n"
              "       reeve desired FILE ...           desired-state documents on a schedule; reeve desired --help\n"
              "       reeve metrics [CLASS ...]        for Prometheus and others; reeve metrics --help\n"
              "       reeve provider new|test ...      providers in other languages; reeve provider --help\n\n"
              "A shell that speaks PowerShell, and the way to this machine's management agent.\n\n"
              "  -Command, -c TEXT      run the text (the rest of the line) and end; '-' reads it from the "
              "input\n"
              "  -File, -f PATH ARGS    run a script with its arguments; '-' reads it from the input\n"
              "  -CommandWithArgs TEXT ARGS   run the text; ARGS are its $args\n"
              "  -EncodedCommand BASE64 run a text given as base64 of UTF-16\n"
              "  -NoProfile             do not run the profile scripts\n"
              "  -NonInteractive        never ask; what would ask fails\n"
              "  -NoExit                go on with the prompt after the command\n"
              "  -Login                 as a login shell\n"
              "  -OutputFormat Text|Json   one JSON text a line for each object\n"
              "  -WorkingDirectory PATH start there\n"
              "  --help, --version\n\n"
              "Exit status: -File: that of `exit N`, else 0, or 1 after an error that ended the script;\n"
              "-Command: the same, and 1 when the last command failed.\n",
              stdout);
}

static int option_of(const char *word)
{
        const char *name = word + 1 + (word[0] == '-' && word[1] == '-');
        size_t n = strlen(name);
        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
                if (n >= options[i].least && n <= strlen(options[i].name) &&
                    !strncasecmp(name, options[i].name, n))
                        return (int)options[i].option;
        return -1;
}

/* ---- base64 of UTF-16LE ---- */
static int digit64(char c)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *p = c ? strchr(digits, c) : NULL;
        return p ? (int)(p - digits) : -1;
}

static bool decode(const char *s, struct sh_buf *ret)
{
        uint32_t bits = 0, have = 0, unit = 0, half = 0, high = 0;
        for (; *s; s++) {
                int d = digit64(*s);
                if (*s == '=' || *s == '\n' || *s == '\r')
                        continue;
                if (d < 0)
                        return false;
                bits = bits << 6 | (uint32_t)d;
                if ((have += 6) < 8)
                        continue;
                have -= 8;
                uint32_t byte = bits >> have & 0xFF;
                unit |= byte << (half ? 8 : 0);
                if ((half = !half))
                        continue;
                if (unit >= 0xD800 && unit < 0xDC00)
                        high = unit;
                else if (unit >= 0xDC00 && unit < 0xE000 && high)
                        sh_buf_cp(ret, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00)), high = 0;
                else
                        sh_buf_cp(ret, unit);
                unit = 0;
        }
        return half == 0;
}

static int take_encoded(struct sh_options *o, const char *text)
{
        struct sh_buf b = { 0 };
        if (!text || !decode(text, &b)) {
                fputs("reeve: -EncodedCommand needs base64 of UTF-16 text\n", stderr);
                sh_buf_free(&b);
                return 64;
        }
        o->mode = SH_MODE_COMMAND;
        o->command = b.p ? b.p : strdup("");
        o->ncommand = b.n;
        return -1;
}

/* -Command takes the rest of the line */
static int take_command(struct sh_options *o, int i, int argc, char **argv)
{
        struct sh_buf b = { 0 };
        if (i >= argc) {
                fputs("reeve: -Command needs a text\n", stderr);
                return 64;
        }
        if (i + 1 == argc && !strcmp(argv[i], "-")) {
                o->mode = SH_MODE_STDIN;
                return -1;
        }
        for (int k = i; k < argc; k++) {
                sh_buf_puts(&b, k > i ? " " : "");
                sh_buf_puts(&b, argv[k]);
        }
        o->mode = SH_MODE_COMMAND;
        o->command = b.p ? b.p : strdup("");
        o->ncommand = b.n;
        return -1;
}

static int take_file(struct sh_options *o, int i, int argc, char **argv)
{
        if (i >= argc) {
                fputs("reeve: -File needs a path\n", stderr);
                return 64;
        }
        o->mode = SH_MODE_FILE;
        o->file = strcmp(argv[i], "-") ? argv[i] : NULL;
        o->words = argv + i + 1;
        o->nwords = argc - i - 1;
        return -1;
}

static int flag(struct sh_options *o, enum option k)
{
        switch (k) {
        case O_NOPROFILE: o->no_profile = true; break;
        case O_NONINTERACTIVE: o->non_interactive = true; break;
        case O_INTERACTIVE: o->interactive = true; break;
        case O_NOEXIT: o->no_exit = true; break;
        case O_NOLOGO: o->no_logo = true; break;
        case O_LOGIN: o->login = true; break;
        case O_VERSION: puts("reeve " REEVE_VERSION); return 0;
        case O_HELP: usage(); return 0;
        default: break;
        }
        return -1;
}

static int with_value(struct sh_options *o, enum option k, const char *name, const char *value)
{
        if (!value) {
                fprintf(stderr, "reeve: %s needs a value\n", name);
                return 64;
        }
        if (k == O_FOLDER)
                o->folder = value;
        else if (k == O_OUTPUT && !strcasecmp(value, "json"))
                o->json = true;
        else if (k == O_OUTPUT && strcasecmp(value, "text")) {
                fprintf(stderr, "reeve: -OutputFormat is Text or Json, not %s\n", value);
                return 64;
        }
        return -1;
}

int sh_options_read(struct sh_options *o, int argc, char **argv)
{
        *o = (struct sh_options) { 0 };
        o->login = argc > 0 && argv[0][0] == '-';
        for (int i = 1; i < argc; i++) {
                const char *w = argv[i];
                if (!strcmp(w, "-")) {
                        o->mode = SH_MODE_STDIN;
                        continue;
                }
                if (w[0] != '-')
                        return take_file(o, i, argc, argv);
                int k = option_of(w), r = -1;
                switch (k) {
                case -1: fprintf(stderr, "reeve: there is no option %s; --help lists them\n", w); return 64;
                case O_COMMAND: return take_command(o, i + 1, argc, argv);
                case O_FILE: return take_file(o, i + 1, argc, argv);
                case O_WITH_ARGS:
                        if (i + 1 >= argc)
                                return take_command(o, i + 1, argc, argv);
                        o->with_args = true;
                        r = take_command(o, i + 1, i + 2, argv);
                        o->words = argv + i + 2;
                        o->nwords = argc - i - 2;
                        return r;
                case O_ENCODED: r = take_encoded(o, argv[i + 1]), i++; break;
                case O_OUTPUT:
                case O_FOLDER:
                case O_IGNORED_VALUE: r = with_value(o, (enum option)k, w, argv[i + 1]), i++; break;
                default: r = flag(o, (enum option)k);
                }
                if (r >= 0)
                        return r;
        }
        return -1;
}

void sh_options_free(struct sh_options *o)
{
        free(o->command);
}
