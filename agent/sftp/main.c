/* SPDX-License-Identifier: MIT
 *
 * reeve-sftp: started by reeved as the user, with the client on descriptors 0 and 1, and on the descriptor that
 * REEVE_AGENT_FD names a connection to the agent, which knows from reeved who the user is.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/sftp/sftp.h"
#include "agent/wire/record.h"
#include "schema/class.h"

/* The library for JSON can write objects of classes; this program knows none. */
const struct rv_class *const rv_classes[1];
const uint32_t rv_nclasses = 0;

static void usage(FILE *to)
{
        fputs("usage: reeve-sftp [--atomic] [--read-only]\n"
              "Started by reeved for the SSH subsystem sftp; SFTP of version 3 on standard input and "
              "output.\n"
              "  --atomic      uploads take the place of the old file when they are complete\n"
              "  --read-only   nothing is changed\n"
              "  --help, --version\n",
              to);
}

static int read_options(int argc, char **argv, struct sftp *f)
{
        static const struct option known[] = { { "atomic", 0, NULL, 'a' },
                                               { "read-only", 0, NULL, 'r' },
                                               { "help", 0, NULL, 'h' },
                                               { "version", 0, NULL, 'v' },
                                               { 0 } };
        for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
                switch (c) {
                case 'a': f->atomic = true; break;
                case 'r': f->read_only = true; break;
                case 'h': usage(stdout); return 0;
                case 'v': printf("reeve-sftp %s\n", REEVE_VERSION); return 0;
                default: usage(stderr); return 2;
                }
        if (optind == argc)
                return -1;
        usage(stderr);
        return 2;
}

int main(int argc, char **argv)
{
        static struct sftp f;
        int status = read_options(argc, argv, &f);
        if (status >= 0)
                return status;
        signal(SIGPIPE, SIG_IGN);
        signal(SIGHUP,
               SIG_IGN); /* the end of input tells that the client has gone, and what was open is then recorded */
        f.agent = rv_record_agent();
        if (!f.agent) {
                fputs("reeve: file transfer: started without a connection to the agent: reeved starts this "
                      "program\n",
                      stderr);
                return 1;
        }
        if (sftp_rights(f.agent, &f.scope) < 0)
                return 1;
        if (f.scope.limited && !f.scope.nroots) {
                sftp_denied(&f, "Read", "/", NEED_READ);
                fprintf(stderr,
                        "reeve: file transfer: your role (%s) names no files: ReadFiles and WriteFiles of it "
                        "say "
                        "which there are\n",
                        *f.scope.roles ? f.scope.roles : "none");
                return 1;
        }
        sftp_scope_start(&f.scope, getenv("HOME"));
        fcntl(0, F_SETPIPE_SZ, 512 << 10); /* fewer turns; if it may not grow, it is slower */
        fcntl(1, F_SETPIPE_SZ, 512 << 10);
        if (sftp_fence(&f.scope) < 0 || !sftp_init(&f, 1))
                return 1;
        status = sftp_serve(&f, 0);
        sftp_free(&f);
        rv_client_free(f.agent);
        return status;
}
