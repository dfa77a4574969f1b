/* SPDX-License-Identifier: MIT
 *
 * The table of subcommands.
 */
#include "shell/program.h"

#include "shell/check.h"
#include "shell/desired.h"
#include "shell/remote.h"
#include "shell/rpc.h"

const struct sh_subcommand sh_subcommands[] = {
        { "rpc", sh_rpc_main },
        { "check", sh_check_main },
        { "desired", sh_desired_main },
        { "metrics", sh_metrics_main },
        { "provider", sh_provider_main },
        { "remote", sh_remote_main },
};
const size_t sh_nsubcommands = sizeof sh_subcommands / sizeof *sh_subcommands;
