/* SPDX-License-Identifier: MIT
 *
 * Interfaces that software makes: what `ip link add` makes of the kinds that hosts are wired up with.
 */
#ifndef RV_LINKMAKE_H
#define RV_LINKMAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/provider.h"

struct rv_link_wish {
        const char *name, *kind;      /* dummy, bridge, bond, vlan, macvlan, veth */
        const char *peer;             /* veth: name of the other end */
        const char *bond_mode, *alias; /* or NULL */
        uint32_t index;               /* 0: the kernel's choice */
        uint32_t below, master, mtu;  /* indices; 0: none */
        uint16_t vlan;
        const uint8_t *mac; /* six bytes, or NULL */
        bool up;
};

/* Whether the wish fits its kind: what it needs is there, and nothing that it does not know. */
int rv_link_check(const struct rv_link_wish *, struct rv_error *);
int rv_link_make(const struct rv_link_wish *, struct rv_error *);
int rv_link_remove(uint32_t index, const char *name, struct rv_error *);
uint32_t rv_link_index(const char *name); /* 0: there is none */
bool rv_link_there(uint32_t index);
/* "802.3ad" of 4; NULL: no such mode. */
const char *rv_link_bond_mode(unsigned);

#endif
