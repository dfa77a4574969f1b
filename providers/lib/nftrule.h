/* SPDX-License-Identifier: MIT
 *
 * A rule of nftables in the words of NetSecurity, out of nft's JSON and into it.
 *
 * Lists are JSON arrays of texts that belong to the rule; NULL: anything. Local and remote depend on the direction: of
 * what goes out the source is local, of all else the destination.
 */
#ifndef RV_NFTRULE_H
#define RV_NFTRULE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/error.h"

enum rv_fw_direction { RV_FW_NONE, RV_FW_IN, RV_FW_OUT, RV_FW_FORWARD };
extern const char *const rv_fw_directions[4]; /* "Inbound" ...; NULL for RV_FW_NONE */

enum {
        RV_FW_LOCAL_PORT,
        RV_FW_REMOTE_PORT,
        RV_FW_ICMP,
        RV_FW_LOCAL_ADDRESS,
        RV_FW_REMOTE_ADDRESS,
        RV_FW_INTERFACE,
        RV_FW_LISTS
};
extern const char *const rv_fw_lists[RV_FW_LISTS]; /* their properties' names */

struct rv_fw_rule {
        json_t *list[RV_FW_LISTS];
        char protocol[24];  /* "TCP"; "": any */
        const char *action; /* one of the words of NetFirewallRule.Action */
        const char *target; /* chain of a jump; belongs to the JSON that was read */
        bool counts, complete;
        uint64_t packets, bytes;
};

/* expr: the rule's "expr"; outlives the rule. */
void rv_fw_read(struct rv_fw_rule *, json_t *expr, enum rv_fw_direction);
/* The "expr" of such a rule, the caller's; NULL: the error says what does not fit. */
json_t *rv_fw_write(const struct rv_fw_rule *, enum rv_fw_direction, struct rv_error *);
void rv_fw_clear(struct rv_fw_rule *);

/* Which direction a hook is for. */
enum rv_fw_direction rv_fw_hook(const char *hook);

#endif
