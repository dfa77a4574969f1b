/* SPDX-License-Identifier: MIT
 *
 * New-, Get-, Remove-ContainerHost: a bare Debian host, reached by plain ssh, made one that reeve answers for.
 *
 * Every step looks first and does only what is missing, so what was interrupted is completed by the same command. A
 * step that fails ends it, with the host's name, the step and what the host said last.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "shell/far.h"
#include "shell/known.h"
#include "shell/library.h"
#include "shell/text.h"

enum { FILES = 2, SECONDS = 900, PORT = 2222, ANSWERS_MS = 30000 };
enum { FAILED = 1000 }; /* beside SH_OK and its like: told as an error of this host, the others go on */
#define PATHS "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
/* What an interrupted installation left: once that has ended. */
#define MEND \
        "export DEBIAN_FRONTEND=noninteractive\n" \
        "for i in $(seq 120); do if [ -z \"$(dpkg --audit)\" ] || dpkg --configure -a; then break; fi; " \
        "sleep 1; done\n"
#define FOLDER "/var/cache/reeve-setup"

struct package {
        char path[1024], name[256], version[128], sha256[65];
};

struct setup {
        struct sh_cmd *c;
        struct sh_far f;
        struct sh_context x;
        struct sh_reach reach;
        char host[300];  /* as ssh is given it, without user and port */
        char label[400]; /* for people */
        const char *step, *engine, *listen;
        struct package files[FILES];
        unsigned nfiles;
        char key[1024]; /* of reeve's own SSH port: type and base64 */
        struct sv done; /* steps that changed something */
        bool not_done;  /* what-if, or somebody said no */
};

/* ---- telling ---- */

static void on_line(struct sh_far *f, const char *text)
{
        struct setup *s = f->state;
        char line[200];
        size_t n = 0;
        for (; *text && n < sizeof line - 1; text++)
                line[n++] = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;
        line[n] = 0;
        sh_cmd_stream(s->c, SH_VERBOSE, "%s: %s: %s", s->label, s->step, line);
        if (sh_is_interactive(sh_session(s->c)) && isatty(2))
                fprintf(stderr, "\r\x1b[K%.30s: %.20s: %.60s", s->label, s->step, line);
}

static void bar_end(struct setup *s)
{
        if (sh_is_interactive(sh_session(s->c)) && isatty(2))
                fprintf(stderr, "\r\x1b[K");
}

static int fail(struct setup *s, const char *why)
{
        struct sv target = sh_text(s->label);
        struct sh_buf b = { 0 };
        bar_end(s);
        for (uint32_t i = 0; i < s->done.a->n; i++) {
                sh_buf_puts(&b, i ? ", " : " Done before it: ");
                sh_buf_puts(&b, s->done.a->v[i].s->s);
        }
        int st = sh_cmd_error(s->c, "ContainerHostNotSetUp", "OperationStopped", target,
                              "%s: the step '%s' failed: %s.%s%s The same command again goes on from there.",
                              s->label, s->step, why, b.n ? b.p : "", b.n ? "." : "");
        sh_buf_free(&b);
        sh_drop(target);
        return st == SH_OK ? FAILED : st;
}

/* ssh's or the script's end. */
static int fail_status(struct setup *s, int status)
{
        char words[1500], why[2000];
        sh_far_words(&s->f, words, sizeof words);
        const char *hint = "";
        if (strstr(words, "Host key verification failed") || strstr(words, "authenticity of host"))
                hint = ". Its key is not known: connect once by ssh, or -AcceptHostKey";
        else if (strstr(words, "sudo:"))
                hint = ". A user other than root needs sudo without a password";
        if (status == -ETIMEDOUT)
                snprintf(why, sizeof why, "it took longer than %g seconds. It said last: %s", s->f.timeout,
                         words);
        else if (status < 0)
                snprintf(why, sizeof why, "%s", status == -EINTR ? "it was interrupted" : strerror(-status));
        else
                snprintf(why, sizeof why, "%s (status %d). %s said last: %s%s",
                         status == 255 ? "ssh could not" : "the host could not", status,
                         status == 255 ? "ssh" : "It", *words ? words : "nothing", hint);
        return fail(s, why);
}

/* ---- steps ---- */

/* Whether a step is to be done: what-if and -Confirm. */
static int may(struct setup *s, const char *what, bool *ret)
{
        int st = sh_should_process(s->c, s->label, what, ret);
        s->not_done |= !*ret;
        return st;
}

static void did(struct setup *s)
{
        sh_array_take(s->done.a, sh_text(s->step));
}

/* A script that tells need=1 where something is missing, and does it where DO is 1. before: done between both. */
static int remote_step(struct setup *s, const char *step, const char *what, const char *variables,
                       const char *script, int (*before)(struct setup *))
{
        struct rv_buf b = { 0 };
        char need[8];
        bool yes = false;
        s->step = step;
        int st = SH_OK;
        for (int go = 0; go < 2; go++) {
                b.len = 0;
                rv_buf_putf(&b, "set -eu\n" PATHS "DO=%d\n%s\n%s", go, variables, script);
                rv_buf_put(&b, "", 1);
                int r = b.failed ? -ENOMEM : sh_far_script(&s->f, b.data);
                if (r)
                        st = fail_status(s, r);
                if (st || go || !sh_far_value(&s->f, "need", need, sizeof need))
                        break;
                st = may(s, what, &yes);
                if (st == SH_OK && yes && before)
                        st = before(s);
                if (st || !yes)
                        break;
        }
        if (st == SH_OK && yes)
                did(s);
        rv_buf_free(&b);
        return st;
}

/* What a host says is not believed to be of any form. */
static bool is_plain(const char *s, const char *more)
{
        const char *p = s;
        while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
               (*p && strchr(more, *p)))
                p++;
        return *s && !*p;
}

static int connect_step(struct setup *s)
{
        static const char probe[] = PATHS "[ ! -r /etc/os-release ] || . /etc/os-release\necho "
                                          "\"os=${PRETTY_NAME:-an unknown system}\"\n"
                                          "! command -v apt-get >/dev/null || echo apt=1\n[ ! -d "
                                          "/run/systemd/system ] || echo systemd=1\n"
                                          "echo \"arch=$(dpkg --print-architecture 2>/dev/null)\"\necho "
                                          "\"user=${SUDO_USER:-$(id -un)}\"\n";
        char text[300], os[200], why[400];
        s->step = "connect";
        int r = sh_far_script(&s->f, probe);
        if (r)
                return fail_status(s, r);
        if (!sh_far_value(&s->f, "user", text, sizeof text) || *text == '-' || !is_plain(text, "_.-"))
                return fail(s, "it does not tell a user's name that could be used");
        snprintf(s->x.user, sizeof s->x.user, "%.127s", text);
        if (!sh_far_value(&s->f, "apt", text, sizeof text) ||
            !sh_far_value(&s->f, "systemd", text, sizeof text)) {
                snprintf(why, sizeof why,
                         "it is %s: a host with apt-get and systemd is needed (Debian and its kin)",
                         sh_far_value(&s->f, "os", os, sizeof os) ? os : "an unknown system");
                return fail(s, why);
        }
        return SH_OK;
}

/* ---- packages ---- */

static bool sum_of(struct package *p)
{
        unsigned char sum[SH_DIGEST_MAX];
        char piece[65536];
        struct sh_digest *d = sh_digest_new("SHA256", NULL, 0);
        int fd = d ? open(p->path, O_RDONLY | O_CLOEXEC) : -1;
        ssize_t n = -1;
        while (fd >= 0 && (n = read(fd, piece, sizeof piece)) > 0)
                sh_digest_add(d, piece, (size_t)n);
        unsigned len = d ? sh_digest_end(d, sum) : 0;
        for (unsigned i = 0; i < len && i < 32; i++)
                snprintf(p->sha256 + 2 * i, 3, "%02x", sum[i]);
        if (fd >= 0)
                close(fd);
        return fd >= 0 && n == 0;
}

/* NAME_VERSION_ARCH.deb of one name and the host's kind of processor: exactly one. */
static int find_package(struct setup *s, const char *folder, const char *name, const char *arch)
{
        char end[64], why[700];
        struct package *p = &s->files[s->nfiles];
        struct dirent *e;
        unsigned found = 0;
        size_t n = strlen(name);
        snprintf(end, sizeof end, "_%.40s.deb", arch);
        DIR *d = opendir(folder);
        while (d && (e = readdir(d))) {
                size_t len = strlen(e->d_name), k = strlen(end);
                if (len <= n + 1 + k || strncmp(e->d_name, name, n) != 0 || e->d_name[n] != '_' ||
                    strcmp(e->d_name + len - k, end) != 0 ||
                    strspn(e->d_name,
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+~-") != len ||
                    len >= sizeof p->name)
                        continue;
                found++;
                snprintf(p->name, sizeof p->name, "%s", e->d_name);
                snprintf(p->version, sizeof p->version, "%.*s", (int)(len - n - 1 - k), e->d_name + n + 1);
                snprintf(p->path, sizeof p->path, "%.700s/%s", folder, e->d_name);
        }
        if (d)
                closedir(d);
        if (found == 1 && sum_of(p)) {
                s->nfiles++;
                return SH_OK;
        }
        snprintf(why, sizeof why,
                 found > 1 ? "%.400s has several packages %s_*%s: one of each is needed"
                 : found   ? "a package of %.400s cannot be read: %s_*%s"
                           : "%.400s has no package %s_*%s (make deb makes them)",
                 folder, name, end);
        return fail(s, why);
}

static int upload(struct setup *s)
{
        for (unsigned i = 0; i < s->nfiles; i++) {
                const struct package *p = &s->files[i];
                char script[700], has[100];
                snprintf(script, sizeof script,
                         "[ ! -f %s/%s ] || echo \"sum=$(sha256sum < %s/%s | cut -c 1-64)\"", FOLDER, p->name,
                         FOLDER, p->name);
                int r = sh_far_script(&s->f, script);
                if (r == 0 && sh_far_value(&s->f, "sum", has, sizeof has) && strcmp(has, p->sha256) == 0)
                        continue; /* it had arrived before */
                int fd = r ? -1 : open(p->path, O_RDONLY | O_CLOEXEC);
                if (!r)
                        r = fd < 0 ? -errno : sh_far_upload(&s->f, fd, FOLDER, p->name, p->sha256);
                if (fd >= 0)
                        close(fd);
                if (r)
                        return fail_status(s, r);
        }
        return SH_OK;
}

static int packages_step(struct setup *s)
{
        static const char script[] =
                "have=$(dpkg-query -W -f '${db:Status-Abbrev}${Version}' reeve-agent 2>/dev/null || true)\n"
                "case \"$have\" in \"ii \"*) if [ -z \"$V\" ] || [ \"${have#ii }\" = \"$V\" ]; then exit 0; "
                "fi ;; esac\n"
                "echo need=1\n[ $DO = 1 ] || exit 0\n" MEND
                "set -- ; for f in $FILES; do set -- \"$@\" \"" FOLDER
                "/$f\"; done; [ $# -gt 0 ] || set -- reeve-agent\n"
                "get() { apt-get -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 --allow-downgrades "
                "--no-install-recommends install \"$@\"; }\n"
                "get \"$@\" || { apt-get -o DPkg::Lock::Timeout=300 update && get \"$@\"; }\nrm -rf " FOLDER
                "\n";
        const char *folder = sh_arg_text(s->c, "Package", NULL);
        char arch[64], variables[800], what[400];
        s->step = "packages";
        if (folder) {
                if (!sh_far_value(&s->f, "arch", arch, sizeof arch))
                        return fail(s, "the host does not tell its architecture");
                int st = find_package(s, folder, "reeve", arch);
                st = st ? st : find_package(s, folder, "reeve-agent", arch);
                if (st)
                        return st;
        }
        snprintf(variables, sizeof variables, "V='%s'\nFILES='%s %s'", folder ? s->files[1].version : "",
                 folder ? s->files[0].name : "", folder ? s->files[1].name : "");
        snprintf(what, sizeof what,
                 folder ? "install reeve-agent %s of the packages in %.200s"
                        : "install reeve-agent%s%.0s by the host's apt",
                 folder ? s->files[1].version : "", folder ? folder : "");
        return remote_step(s, "packages", what, variables, script, folder ? upload : NULL);
}

/* ---- keys, the port, the engine ---- */

/* The public half of the key file, where it is there; one line without quotes. */
static void public_key(struct setup *s, char *buf, size_t size)
{
        char path[4200];
        *buf = 0;
        if (!s->f.o.key)
                return;
        snprintf(path, sizeof path, "%.4000s.pub", s->f.o.key);
        FILE *f = fopen(path, "re");
        if (f && !fgets(buf, (int)size, f))
                *buf = 0;
        if (f)
                fclose(f);
        buf[strcspn(buf, "\r\n'")] = 0;
}

static int keys_step(struct setup *s)
{
        static const char script[] =
                "u=${SUDO_USER:-$(id -un)}; home=$(getent passwd \"$u\" | cut -d: -f6); "
                "file=/etc/reeve/keys.d/$u.keys\n"
                "admin=; if [ \"$u\" != root ] && ! id -nG \"$u\" | grep -qw reeve-admin; then admin=1; fi\n"
                "keys=$(if [ -n \"$PUB\" ]; then printf '%s\\n' \"$PUB\"; else cat "
                "\"$home/.ssh/authorized_keys\" 2>/dev/null; fi |\n"
                "        grep -E '^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) ' || true)\n"
                "[ -n \"$keys\" ] || { echo \"$u has no key there that reeve can take (ed25519, ECDSA or "
                "RSA, without options)\" >&2; exit 65; }\n"
                "new=$(printf '%s\\n' \"$keys\" | while read -r type key rest; do\n"
                "        grep -qsF \"$type $key\" \"$file\" || printf '%s %s %s\\n' \"$type\" \"$key\" "
                "\"$rest\"; done)\n"
                "[ -n \"$new$admin\" ] || exit 0\necho need=1\n[ $DO = 1 ] || exit 0\n"
                "if [ -n \"$admin\" ]; then\n"
                "        if ! getent group reeve-admin >/dev/null; then groupadd -r reeve-admin; systemctl "
                "try-restart reeve-agent reeved; fi\n"
                "        usermod -aG reeve-admin \"$u\"\nfi\n"
                "[ -n \"$new\" ] || exit 0\n"
                "umask 022; mkdir -p /etc/reeve/keys.d; t=$(mktemp /etc/reeve/.keys.XXXXXX)\n"
                "{ [ ! -f \"$file\" ] || grep \"\" \"$file\" || true; printf '%s\\n' \"$new\"; } > \"$t\"; "
                "chmod 644 "
                "\"$t\"; mv -f \"$t\" \"$file\"\n";
        char pub[2000], variables[2100];
        public_key(s, pub, sizeof pub);
        snprintf(variables, sizeof variables, "PUB='%s'", pub);
        return remote_step(s, "keys",
                           s->f.o.key ? "let the key file's key in"
                                      : "let the user's keys of authorized_keys in",
                           variables, script, NULL);
}

static int listen_step(struct setup *s)
{
        static const char script[] =
                "f=/etc/reeve/reeve.conf.d/50-container-host.conf; "
                "pub=/var/lib/reeve/ssh_host_ed25519_key.pub\n"
                "want=$(printf '# By New-ContainerHost.\\n[ssh]\\nlisten = %s\\nport = %s' \"$ADDRESS\" "
                "\"$PORT\")\n"
                "tell() { [ ! -s $pub ] || echo \"key=$(cut -d ' ' -f 1,2 $pub)\"; }\n"
                "if [ \"$(cat $f 2>/dev/null || true)\" = \"$want\" ] && systemctl is-active -q reeved && "
                "systemctl is-enabled -q reeved; then tell; exit 0; fi\n"
                "echo need=1\n[ $DO = 1 ] || exit 0\n"
                "umask 022; mkdir -p ${f%/*}; rm -f $f.old; [ ! -f $f ] || cp $f $f.old; printf '%s\\n' "
                "\"$want\" > $f.new; mv -f $f.new $f\n"
                "if ! said=$(reeved --check 2>&1); then rm -f $f; [ ! -f $f.old ] || mv $f.old $f; echo "
                "\"$said\" >&2; exit 65; fi\n"
                "rm -f $f.old; systemctl enable -q reeved; systemctl restart reeved\n"
                "for i in $(seq 300); do if systemctl is-active -q reeved && [ -s $pub ]; then break; fi; "
                "sleep 0.1; done\n"
                "systemctl is-active -q reeved || { journalctl -u reeved -n 5 --no-pager -o cat >&2; exit "
                "66; }\ntell\n";
        char variables[200], what[200];
        snprintf(variables, sizeof variables, "ADDRESS='%s'\nPORT='%d'", s->listen, s->x.port);
        snprintf(what, sizeof what, "let reeve listen on %.80s port %d", s->listen, s->x.port);
        int st = remote_step(s, "listen", what, variables, script, NULL);
        const char *key = sh_far_value(&s->f, "key", s->key, sizeof s->key);
        if (st == SH_OK && !s->not_done &&
            (!key || strncmp(key, "ssh-ed25519 ", 12) != 0 || !is_plain(key + 12, "+/=")))
                return fail(s, "reeved runs and tells no host key that could be used");
        return st;
}

static int engine_step(struct setup *s)
{
        static const char script[] =
                "if systemctl is-active -q docker && [ -S /run/docker.sock ]; then exit 0; fi\n"
                "echo need=1\n[ $DO = 1 ] || exit 0\n" MEND
                "get() { apt-get -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 --no-install-recommends "
                "install docker.io; }\n"
                "[ -e /usr/bin/dockerd ] || [ -e /usr/sbin/dockerd ] || get || { apt-get -o "
                "DPkg::Lock::Timeout=300 update && get; }\n"
                "systemctl enable -q docker; systemctl start docker\n"
                "for i in $(seq 600); do if systemctl is-active -q docker && [ -S /run/docker.sock ]; then "
                "exit 0; fi; sleep 0.1; done\n"
                "journalctl -u docker -n 5 --no-pager -o cat >&2; exit 66\n";
        if (strcasecmp(s->engine, "docker") != 0)
                return SH_OK;
        return remote_step(s, "engine", "install Docker's engine (docker.io) by the host's apt", "", script,
                           NULL);
}

/* ---- here ---- */

/* A file of this user's: looked at, asked, written. */
#define HERE(s, name, what, call) \
        do { \
                char why[SH_KNOWN_TEXT]; \
                bool yes = false; \
                (s)->step = name; \
                bool only_look = true; \
                int r = call; \
                int st = r > 0 ? may(s, what, &yes) : SH_OK; \
                if (st) \
                        return st; \
                only_look = false; \
                if (r > 0 && yes && (r = call) > 0) \
                        did(s); \
                if (r < 0) \
                        return fail(s, why); \
        } while (0)

static int here_steps(struct setup *s, bool named)
{
        if (s->key[0])
                HERE(s, "known hosts", "write reeve's host key to the known hosts",
                     sh_known_key(&s->reach, s->x.port, s->key, only_look, why));
        if (named)
                HERE(s, "name", "write the name to ssh's configuration",
                     sh_known_name(&s->x, s->f.o.key, only_look, why));
        HERE(s, "context", "write the Docker context", sh_context_write(&s->x, only_look, why));
        return SH_OK;
}

/* Reeve's own port, with the same key: its shell, and Docker's API where an engine was wished. */
static int answer_step(struct setup *s)
{
        static const char ping[] = "GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";
        bool docker = strcasecmp(s->engine, "docker") == 0, good = false;
        const char *const host = s->f.host;
        const int port = s->f.o.port;
        char target[600];
        int r = 0;
        s->step = "answer";
        if (s->not_done)
                return SH_OK;
        snprintf(target, sizeof target, "%s@%s", s->x.user, s->host);
        s->f.host = target;
        s->f.o.port = s->x.port;
        for (int tries = 0; tries < ANSWERS_MS / 500 && !good && !sh_interrupt; tries++) {
                if (tries)
                        usleep(500000);
                r = docker ? sh_far_run(&s->f, "docker system dial-stdio", ping, sizeof ping - 1, -1)
                           : sh_far_run(&s->f, "'reeve' + ' answers'", NULL, 0, -1);
                good = r >= 0 && s->f.out.len && strstr(s->f.out.data, docker ? " 200 OK" : "reeve answers");
        }
        s->f.host = host;
        s->f.o.port = port;
        return good ? SH_OK : sh_interrupt ? fail_status(s, -EINTR) : fail_status(s, r ? r : 1);
}

/* ---- New-ContainerHost ---- */

static void note(struct sv o, const char *name, struct sv v)
{
        sh_object_set(o, name, strlen(name), v);
        sh_drop(v);
}

static struct sv host_object(const struct sh_context *x)
{
        struct sv o = sh_object_new();
        note(o, "Name", sh_text(x->name));
        note(o, "HostName", sh_text(x->address));
        note(o, "UserName", sh_text(x->user));
        note(o, "Port", sh_int(x->port));
        note(o, "Engine", sh_text(x->engine));
        note(o, "Endpoint", sh_text(x->endpoint));
        sh_object_type(o, "ContainerHost");
        return o;
}

static int emit_host(struct setup *s)
{
        struct sv o = host_object(&s->x);
        struct sv done = sh_keep(s->done);
        note(o, "Changed", done);
        int st = sh_emit(s->c, o);
        sh_drop(o);
        return st;
}

/* What the parameters say, before anything is done. */
static int begin_setup(struct setup *s, const char *host, const char *name, char *more[], unsigned most)
{
        struct sh_cmd *c = s->c;
        struct sv options = sh_arg(c, "Options"), key, value;
        unsigned n = 0;
        for (uint32_t i = 0;
             options.kind == SH_HASH && n < most - 2 && sh_hash_at(options.h, i, &key, &value); i++) {
                struct sv k = sh_to_text(sh_session(c), key), v = sh_to_text(sh_session(c), value);
                if (asprintf(&more[n], "%s=%s", k.s->s, v.s->s) > 0)
                        n++;
                sh_drop(k);
                sh_drop(v);
        }
        if (sh_switch(c, "AcceptHostKey"))
                more[n++] = strdup("StrictHostKeyChecking=accept-new");
        s->f = (struct sh_far) { .host = host,
                                 .o = { .user = sh_arg_text(c, "UserName", NULL),
                                        .key = sh_arg_text(c, "KeyFilePath", NULL),
                                        .port = (int)sh_arg_int(c, "Port", 0),
                                        .more = (const char *const *)more,
                                        .may_ask = sh_is_interactive(sh_session(c)) },
                                 .timeout = (double)sh_arg_int(c, "OperationTimeoutSec", SECONDS),
                                 .line = on_line,
                                 .state = s };
        s->engine = sh_arg_text(c, "Engine", "none");
        s->listen = sh_arg_text(c, "ListenAddress", "0.0.0.0");
        s->step = "connect";
        struct sh_host *h = sh_host_new(host, &s->f.o);
        snprintf(s->host, sizeof s->host, "%s", h->address);
        snprintf(s->label, sizeof s->label, "%s", host);
        sh_host_free(h);
        struct sv target = sh_text(host);
        const char *wrong = NULL;
        if (strspn(s->listen, "0123456789abcdefABCDEF.:") != strlen(s->listen))
                wrong = "-ListenAddress is an address of the host's, or 0.0.0.0 or ::";
        else if (s->f.o.key && !name)
                wrong = "A host that is reached by a key file of its own needs -Name, by which ssh and "
                        "Docker know it then";
        else if (name && (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
                                  strlen(name) ||
                          strcasecmp(name, s->host) == 0))
                wrong = "-Name is of letters, digits and _.-, and another name than the host's";
        int st = wrong ? sh_cmd_throw(c, "ContainerHostParameter", "InvalidArgument", target, "%s.", wrong)
                       : SH_OK;
        sh_drop(target);
        return st;
}

/* Whoever says nothing of an engine leaves it at what it was. */
static void recall_engine(void *state, const struct sh_context *x)
{
        struct setup *s = state;
        if (strcmp(x->name, s->x.name) == 0 && strcmp(x->engine, "docker") == 0)
                s->engine = "docker";
}

static int set_up(struct sh_cmd *c, const char *host)
{
        enum { MORE = 36 };
        char *more[MORE + 1] = { 0 };
        const char *name = sh_arg_text(c, "Name", NULL);
        struct setup *s = calloc(1, sizeof *s);
        if (!s)
                abort();
        s->c = c;
        s->done = sh_array_new(8);
        int st = begin_setup(s, host, name, more, MORE);
        int r = st ? 0 : sh_reach_of(host, &s->f.o, &s->reach);
        if (!st && r)
                st = fail(s,
                          r == -ENOENT ? "there is no ssh here" : "ssh does not understand the host's name");
        st = st ? st : connect_step(s);
        if (st == SH_OK) {
                s->x.port = (int)sh_arg_int(c, "ReevePort", PORT);
                snprintf(s->x.name, sizeof s->x.name, "%.127s", name ? name : s->host);
                if (!sh_bound(c, "Engine"))
                        sh_context_each(recall_engine, s);
                snprintf(s->x.engine, sizeof s->x.engine, "%.31s",
                         strcasecmp(s->engine, "docker") == 0 ? "docker" : "none");
                snprintf(s->x.address, sizeof s->x.address, "%.255s", name ? s->reach.address : s->host);
                if (name)
                        snprintf(s->x.endpoint, sizeof s->x.endpoint, "ssh://%s", name);
                else
                        snprintf(s->x.endpoint, sizeof s->x.endpoint,
                                 strchr(s->host, ':') ? "ssh://%.100s@[%.120s]:%d" : "ssh://%.100s@%.120s:%d",
                                 s->x.user, s->host, s->x.port);
                st = packages_step(s);
        }
        st = st ? st : keys_step(s);
        st = st ? st : engine_step(s);
        st = st ? st : listen_step(s);
        st = st ? st : here_steps(s, name != NULL);
        st = st ? st : answer_step(s);
        bar_end(s);
        if (st == SH_OK && !s->not_done)
                st = emit_host(s);
        for (unsigned i = 0; more[i]; i++)
                free(more[i]);
        sh_far_free(&s->f);
        sh_drop(s->done);
        free(s);
        return st == FAILED ? SH_OK : st;
}

static int new_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv list = sh_arg(c, "HostName");
        int st = SH_OK;
        uint32_t n = list.kind == SH_ARRAY ? list.a->n : 0;
        if (n > 1 && sh_bound(c, "Name"))
                return sh_cmd_throw(c, "ContainerHostParameter", "InvalidArgument", SH_NIL,
                                    "-Name is for one host.");
        for (uint32_t i = 0; i < n && st == SH_OK && !sh_interrupt; i++)
                if (list.a->v[i].kind == SH_STRING)
                        st = set_up(c, list.a->v[i].s->s);
        return st;
}

/* ---- Get-, Remove-ContainerHost ---- */

struct hosts {
        struct sh_cmd *c;
        const char *name;
        unsigned found;
        int st;
        int (*do_it)(struct hosts *, const struct sh_context *);
};

static void on_context(void *state, const struct sh_context *x)
{
        struct hosts *h = state;
        if (h->st != SH_OK ||
            (h->name && !sh_wildcard(h->name, strlen(h->name), x->name, strlen(x->name), false)))
                return;
        h->found++;
        h->st = h->do_it(h, x);
}

static int each_named(struct sh_cmd *c, int (*do_it)(struct hosts *, const struct sh_context *))
{
        struct hosts h = { .c = c, .name = sh_arg_text(c, "Name", NULL), .st = SH_OK, .do_it = do_it };
        sh_context_each(on_context, &h);
        if (h.st == SH_OK && !h.found && h.name && !strpbrk(h.name, "*?[")) {
                struct sv target = sh_text(h.name);
                h.st = sh_cmd_error(c, "ContainerHostNotFound", "ObjectNotFound", target,
                                    "There is no container host '%s' here.", h.name);
                sh_drop(target);
        }
        return h.st;
}

static int show(struct hosts *h, const struct sh_context *x)
{
        struct sv o = host_object(x);
        int st = sh_emit(h->c, o);
        sh_drop(o);
        return st;
}

static int get_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return each_named(c, show);
}

static int forget(struct hosts *h, const struct sh_context *x)
{
        char why[SH_KNOWN_TEXT] = "";
        bool yes = false;
        int st = sh_should_process(h->c, x->name,
                                   "remove its Docker context and its name for ssh; the host stays as it is",
                                   &yes);
        if (st || !yes)
                return st;
        if (sh_context_remove(x, false, why) < 0 || sh_known_forget(x, false, why) < 0) {
                struct sv target = sh_text(x->name);
                st = sh_cmd_error(h->c, "ContainerHostNotRemoved", "WriteError", target, "%s: %s", x->name,
                                  why);
                sh_drop(target);
        }
        return st;
}

static int remove_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return each_named(c, forget);
}

static const struct sh_cmdlet new_host = {
        .name = "New-ContainerHost",
        .synopsis = "Brings reeve, and an engine for containers, to a Debian host by plain ssh.",
        .description = "Installs the packages, lets the user's keys in, opens reeve's SSH port, installs "
                       "Docker's engine where that is wished, "
                       "and writes the host's key to the known hosts and a context for the Docker client "
                       "here. What is so already is left alone.",
        .should_process = true,
        .params =
                (const struct sh_param[]) {
                        { "HostName", .type = "string[]", .alias = "ComputerName,Cn", .position = 1,
                          .mandatory = true, .from_pipeline = true,
                          .help = "Hosts: [user@]host[:port], as ssh knows them." },
                        { "Name", .type = "string", .position = 2,
                          .help = "Name that ssh and Docker shall know it by; the host's own when absent." },
                        { "Engine", .type = "string", .values = "none,docker",
                          .help = "Engine that is wanted; when absent, what was wanted before." },
                        { "Package", .type = "string", .complete = "path",
                          .help = "Folder with reeve_*.deb and reeve-agent_*.deb, as make deb makes them; "
                                  "the host's apt has them when absent." },
                        { "UserName", .type = "string",
                          .help = "User there: root, or one with sudo without a password." },
                        { "Port", .type = "int",
                          .help = "Port of its SSH server; as configured for ssh when absent." },
                        { "KeyFilePath", .type = "string", .alias = "IdentityFilePath", .complete = "path",
                          .help = "Key file; only it is offered then. Needs Name." },
                        { "Options", .type = "hashtable", .help = "Options of ssh: @{Name = value}." },
                        { "AcceptHostKey", .type = "switch",
                          .help = "Takes the key that a host not known yet shows." },
                        { "ReevePort", .type = "int", .min = 1, .max = 65535,
                          .help = "Port of reeve's own SSH; 2222 when absent." },
                        { "ListenAddress", .type = "string",
                          .help = "Where it listens; 0.0.0.0 when absent." },
                        { "OperationTimeoutSec", .type = "int",
                          .help = "Seconds for each step; 900 when absent." },
                        { 0 } },
        .process = new_process,
        .examples = (const struct sh_example[]) { { "New-ContainerHost root@web1 -Engine docker -WhatIf",
                                                    NULL, "Tells what is missing." },
                                                  { "New-ContainerHost root@10.0.0.5 web -Engine docker "
                                                    "-Package build/deb; docker --context web ps",
                                                    NULL, "" },
                                                  { 0 } },
};
static const struct sh_cmdlet get_host = {
        .name = "Get-ContainerHost",
        .synopsis = "Gets the container hosts that Docker's contexts here name.",
        .params = (const struct sh_param[]) { { "Name", .type = "string", .position = 1, .wildcard = true,
                                                .help = "Of this name." },
                                              { 0 } },
        .process = get_process,
        .examples = (const struct sh_example[]) { { "Get-ContainerHost web*", NULL, "" },
                                                  { "docker --context (Get-ContainerHost web).Name ps", NULL, "" },
                                                  { 0 } },
};
static const struct sh_cmdlet remove_host = {
        .name = "Remove-ContainerHost",
        .synopsis = "Removes what is known of a container host here. The host itself stays as it is.",
        .should_process = true,
        .params = (const struct sh_param[]) { { "Name", .type = "string", .position = 1, .mandatory = true,
                                                .from_pipeline = true, .from_property = true,
                                                .wildcard = true, .help = "Of this name." },
                                              { 0 } },
        .process = remove_process,
        .examples = (const struct sh_example[]) { { "Remove-ContainerHost web -WhatIf", NULL, "" },
                                                  { "Get-ContainerHost test* | Remove-ContainerHost", NULL, "" },
                                                  { 0 } },
};

SH_CMDLETS(containerhost, &new_host, &get_host, &remove_host);
