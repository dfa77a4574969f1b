/* SPDX-License-Identifier: MIT
 *
 * What the user's role lets this shell do. The agent is asked when the shell starts (Hello); until the shell ends it
 * keeps
 * to the answer:
 *
 *      None         only the cmdlets that the role lists, with the parameters and values that it lists, and literal
 *                   arguments; no variables, expressions, script blocks, functions, redirections
 *      Constrained  the language without the ways out of it: no classes, no types but simple ones, no static members of
 *                   others; and only the listed cmdlets, where the role lists some
 *      Full         all of the language
 *
 * Native commands and files are the kernel's to keep (Landlock), so that nothing in the language gets around it, for
 * what
 * the shell starts, too. All of this comes on top of what the agent allows, and gives no right.
 *
 * A shell that nobody limits pays one test of a pointer.
 */
#ifndef SH_LIMITS_H
#define SH_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

struct sh;
struct sh_cmd;
struct sh_target;
struct parser;
struct node;
struct rv_client;

struct sh_limits;
extern const struct sh_limits *sh_limits; /* NULL: none */

/* Before the session's thread is made: asks, and has the kernel take the rest away. 0, or an exit status: told. */
int sh_limits_begin(void);
/* The connection over which reeved introduced this shell, once; NULL: there is none (left). */
struct rv_client *sh_limits_client(void);
/* A role that came with that connection is lost with it: there is no other way to the agent then. */
bool sh_limits_bound_to_client(void);
bool sh_limits_let_profiles(void);

/* What follows asks only where sh_limits is not NULL. */
bool sh_limits_class(const char *name, const char *method_or_null); /* whether the agent shows it to this user */
bool sh_limits_command(const struct sh_target *);             /* whether the command is there at all */
bool sh_limits_whole(const struct sh_target *);               /* the same, with all of its parameters and values */
int sh_limits_bound(struct sh_cmd *);                         /* its parameters as bound now; throws */
void sh_limits_node(struct parser *, struct node *, bool done); /* a piece of program: may add a parse error */
void sh_limits_type(struct parser *, const char *name, size_t n, unsigned at);

#endif
