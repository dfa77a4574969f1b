/* SPDX-License-Identifier: MIT
 *
 * reeve desired FILE...: desired-state documents on a schedule. argv[0] is "desired". Answers 0 when all is as it
 * should be (or was brought there), 1 when something drifted, 2 when something failed, 3 when it cannot be known.
 */
#ifndef SH_DESIRED_H
#define SH_DESIRED_H

int sh_desired_main(int argc, char **argv);

#endif
