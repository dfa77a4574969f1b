/* SPDX-License-Identifier: MIT
 *
 * A program that systemd starts when reeved connects to the socket of its unit (agent/units/NAME.socket). What
 * reeved would have handed
 * it as its child comes over that connection: its arguments and its descriptors. Only root can connect, and nobody
 * else listens, so both
 * sides know whom they have.
 *
 *      reeved -> program    one packet: the arguments, each ended by NUL; descriptors 3, 4, ... beside it
 *      program -> reeved    one byte, with which the kernel tells reeved its process id
 */
#ifndef RV_LINK_H
#define RV_LINK_H

enum { RV_LINK_FDS = 2, RV_LINK_BYTES = 8192 };

/* Started by such a unit? Then waits for reeved, puts the descriptors in place, and *argc, *argv are reeved's.
 * 0, or -errno. */
int rv_link_take(int *argc, char ***argv);

#endif
