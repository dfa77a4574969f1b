/* SPDX-License-Identifier: MIT
 *
 * reeve rpc: the agent's protocol on standard input and output, or one call.
 */
#ifndef SH_RPC_H
#define SH_RPC_H

int sh_rpc_main(int argc, char **argv);

#endif
