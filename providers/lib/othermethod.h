/* SPDX-License-Identifier: MIT
 *
 * A method of another class as a part of this one's: WMI has methods that are several of ours. Its changes are told as
 * this call's, what-if and the deadline hold for it, and so do its checks.
 */
#ifndef RV_OTHERMETHOD_H
#define RV_OTHERMETHOD_H

#include "agent/provider.h"

extern const struct rv_provider *const rv_providers_netip[];
extern const struct rv_provider *const rv_providers_netroute[];
extern const struct rv_provider *const rv_providers_dnsclient[];

/* in: the method's generated struct. key: one per property of its class, or NULL. ret_warning: its Warning, where it
 * has one and gave one; else it stays. */
int rv_other_method(struct rv_call *, const struct rv_provider *, const char *method, const void *in,
                    const struct rv_arg *key, char *ret_warning, size_t size, struct rv_error *);
/* Empty bindings for that. */
struct rv_arg *rv_other_key(struct rv_call *, const struct rv_provider *);

#endif
