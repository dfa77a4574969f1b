/* SPDX-License-Identifier: MIT
 *
 * What checking and setting desired-state documents found, for whoever watches (the indication DesiredStateDrift). On
 * the loop's thread only. Nothing is kept while nobody watches; then at most the last thousand, until they are read.
 */
#ifndef RV_DRIFT_H
#define RV_DRIFT_H

#include <jansson.h>
#include <stdint.h>

struct rv_drift {
        struct rv_drift *next;
        int64_t time;    /* ns since 1970 */
        json_t *what;    /* a resource of the answer */
        char *document;  /* its name, or NULL */
};

void rv_drift_tell(const char *document, json_t *resource); /* the resource is only borrowed */
int rv_drift_open(void);                                    /* a descriptor, readable when there is news; or -errno */
struct rv_drift *rv_drift_take(void);                       /* the oldest, yours; NULL: no more */
void rv_drift_free(struct rv_drift *);
void rv_drift_close(int fd);

#endif
