/* SPDX-License-Identifier: MIT
 *
 * `reeve-agent --start FOLDER PROGRAM [ARGUMENT...]`: becomes that program, in that folder ("": where it is), with
 * nothing on its standard streams. When it has, or cannot, "pid N error ERRNO end" is said on the standard output of
 * before; "pid N" alone is of one that has ended already.
 */
#ifndef RV_LAUNCH_H
#define RV_LAUNCH_H

int rv_launch_main(int argc, char **argv);

#endif
