/* SPDX-License-Identifier: MIT
 *
 * Which configuration names a certificate: the texts of servers' configurations, read once and searched for paths.
 */
#ifndef RV_CERTUSE_H
#define RV_CERTUSE_H

struct rv_certuse;
struct rv_certuse *rv_certuse_read(void); /* NULL: out of memory */
void rv_certuse_free(struct rv_certuse *);
/* Calls back with each file that names the path. */
void rv_certuse_find(const struct rv_certuse *, const char *path, void (*each)(void *, const char *file), void *);

#endif
