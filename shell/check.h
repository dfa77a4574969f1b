/* SPDX-License-Identifier: MIT
 *
 * reeve check CLASS ...: a monitoring plugin over any class. argv[0] is "check". Answers 0, 1, 2 or 3: OK, WARNING,
 * CRITICAL, UNKNOWN.
 */
#ifndef SH_CHECK_H
#define SH_CHECK_H

int sh_check_main(int argc, char **argv);
int sh_metrics_main(int argc, char **argv);
/* reeve provider new|test: for authors of external providers. */
int sh_provider_main(int argc, char **argv);

#endif
