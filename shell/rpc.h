/* SPDX-License-Identifier: MIT
 *
 * reeve rpc [METHOD [PARAMS]]: argv[0] is "rpc". Answers the exit status.
 */
#ifndef SH_RPC_H
#define SH_RPC_H

int sh_rpc_main(int argc, char **argv);
/* Standard input and output, and a connection: until the other side has closed it. */
int sh_rpc_relay(int fd);

#endif
