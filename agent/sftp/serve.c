/* SPDX-License-Identifier: MIT
 *
 * Packets in, answers out, one after the other. What has come is worked off before anything is waited for, and answers
 * are sent together: a client that keeps 64 reads under way costs few system calls. Nothing is read while answers wait,
 * so that a client who takes nothing costs one buffer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/sftp/sftp.h"

enum { INPUT = 2 * SFTP_PACKET, SEND_ABOVE = 256 << 10 };

/* ---- answers ---- */

void sftp_status(struct sftp *f, uint32_t id, enum sftp_status status, const char *text)
{
        sftp_begin(&f->out, FX_STATUS, id);
        sftp_put32(&f->out, status);
        sftp_put(&f->out, text, strlen(text));
        sftp_put(&f->out, "", 0);
        sftp_end(&f->out);
}

void sftp_answer(struct sftp *f, uint32_t id, int error, const char *what)
{
        char text[160];
        enum sftp_status s = FX_FAILURE;
        switch (error) {
        case 0: s = FX_OK; break;
        case -ENOENT:
        case -ENOTDIR:
        case -ELOOP: s = FX_NO_SUCH_FILE; break;
        case -EACCES:
        case -EPERM: s = FX_PERMISSION_DENIED; break;
        case -ENOSYS:
        case -EOPNOTSUPP: s = FX_OP_UNSUPPORTED; break;
        default: break;
        }
        if (error == 0)
                sftp_status(f, id, s, "done");
        else if (error == -EACCES && f->scope.limited) {
                snprintf(text, sizeof text, "%s: your role (%.80s) does not let this session do that here",
                         what, f->scope.roles);
                sftp_status(f, id, s, text);
        } else if (error == -EROFS && f->agent) {
                snprintf(text, sizeof text,
                         "%s: it cannot be recorded now, or the file system is read-only: connect again",
                         what);
                sftp_status(f, id, s, text);
        } else {
                snprintf(text, sizeof text, "%s: %s", what, strerror(-error));
                sftp_status(f, id, s, text);
        }
}

/* ---- requests ---- */

static void do_stat(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        sftp_stat(f, id, c, true);
}

static void do_lstat(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        sftp_stat(f, id, c, false);
}

static void do_setstat(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        sftp_setstat(f, id, c, true);
}

static void do_remove(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        sftp_remove(f, id, c, false);
}

static void do_rmdir(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        sftp_remove(f, id, c, true);
}

static void do_rename(struct sftp *f, uint32_t id, struct sftp_cursor *c)
{
        sftp_rename(f, id, c, false);
}

static void (*const requests[256])(struct sftp *, uint32_t id, struct sftp_cursor *) = {
        [FX_OPEN] = sftp_open,         [FX_CLOSE] = sftp_close,       [FX_READ] = sftp_read,
        [FX_WRITE] = sftp_write,       [FX_LSTAT] = do_lstat,         [FX_FSTAT] = sftp_fstat,
        [FX_SETSTAT] = do_setstat,     [FX_FSETSTAT] = sftp_fsetstat, [FX_OPENDIR] = sftp_opendir,
        [FX_READDIR] = sftp_readdir,   [FX_REMOVE] = do_remove,       [FX_MKDIR] = sftp_mkdir,
        [FX_RMDIR] = do_rmdir,         [FX_REALPATH] = sftp_realpath, [FX_STAT] = do_stat,
        [FX_RENAME] = do_rename,       [FX_READLINK] = sftp_readlink, [FX_SYMLINK] = sftp_symlink,
        [FX_EXTENDED] = sftp_extended,
};

bool sftp_packet(struct sftp *f, const uint8_t *p, size_t n)
{
        struct sftp_cursor c = { p + 1, p + n, false };
        if (n < 5)
                return false;
        uint32_t id = sftp_u32(&c); /* of FX_INIT: the client's version */
        if ((p[0] == FX_INIT) == f->begun)
                return false;
        if (p[0] == FX_INIT) {
                f->begun = true;
                sftp_begin(&f->out, FX_VERSION, 3);
                sftp_put_extensions(&f->out);
                sftp_end(&f->out);
        } else if (requests[p[0]]) {
                requests[p[0]](f, id, &c);
        } else {
                sftp_status(f, id, FX_OP_UNSUPPORTED, "this request is not known");
        }
        return !f->out.failed;
}

/* ---- the loop ---- */

static size_t length(const uint8_t *p)
{
        return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Works off the whole packets in buf. Bytes used, or -1: these are none. */
static ssize_t work_off(struct sftp *f, const uint8_t *buf, size_t n)
{
        size_t at = 0;
        while (n - at >= 4) {
                size_t k = length(buf + at);
                if (k < 5 || k > SFTP_PACKET)
                        return -1;
                if (n - at - 4 < k)
                        break;
                if (!sftp_packet(f, buf + at + 4, k))
                        return -1;
                at += 4 + k;
                if (f->out.n > SEND_ABOVE && !sftp_flush(&f->out))
                        return -1;
        }
        return (ssize_t)at;
}

int sftp_serve(struct sftp *f, int in)
{
        uint8_t *buf = malloc(INPUT);
        size_t n = 0;
        int status = buf ? 0 : 1;
        while (buf) {
                ssize_t k = read(in, buf + n, INPUT - n);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        break;
                n += (size_t)k;
                ssize_t used = work_off(f, buf, n);
                if (used < 0) {
                        if (!f->out.failed) {
                                sftp_flush(&f->out); /* what was asked before is still answered */
                                fputs("reeve: file transfer: what came is no SFTP of version 3\n", stderr);
                        }
                        status = 1;
                        break;
                }
                memmove(buf, buf + used, n - (size_t)used);
                n -= (size_t)used;
                if (!sftp_flush(&f->out))
                        break;
        }
        free(buf);
        return status;
}

bool sftp_init(struct sftp *f, int out)
{
        f->out = (struct sftp_out) { .fd = out };
        return sftp_room(&f->out, 0) || !f->out.failed;
}

void sftp_free(struct sftp *f)
{
        sftp_handles_end(f);
        free(f->out.data);
        sftp_scope_free(&f->scope);
}
