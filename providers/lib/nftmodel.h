/* SPDX-License-Identifier: MIT
 *
 * The ruleset as it is, for the classes of the firewall: tables and chains by name, what leads where, and the rules one
 * by one, each with the name that it goes by here.
 */
#ifndef RV_NFTMODEL_H
#define RV_NFTMODEL_H

#include "providers/lib/nft.h"
#include "providers/lib/nftrule.h"

enum {
        RV_FW_NAME = 64,
        RV_FW_TEXT = 128
}; /* a rule's own name; its whole comment, as the kernel bounds it */

struct rv_fw_model {
        struct rv_nft_list list;
        json_t *tables; /* "FAMILY NAME" -> its object, with "xt": true where iptables has made rules */
        json_t *chains; /* "FAMILY TABLE NAME" -> its object, with "reached" (bits 1 << direction) and "rules" */
};

/* A rule while it is looked at. */
struct rv_fw_one {
        json_t *rule; /* of nft */
        const char *family, *table, *chain, *comment;
        uint64_t handle;
        unsigned position; /* from 1 */
        enum rv_fw_direction direction;
        bool ours, enabled, xt; /* xt: iptables made its table */
        char name[400], display[RV_FW_TEXT];
};

int rv_fw_model_read(struct rv_fw_model *, uint64_t deadline, struct rv_error *);
/* each: 0 to go on, else what the walk answers. */
int rv_fw_each(struct rv_fw_model *, int (*each)(void *, const struct rv_fw_one *), void *);
void rv_fw_model_free(struct rv_fw_model *);

json_t *rv_fw_table(const struct rv_fw_model *, const char *family, const char *name);

/* Chains of reeve's tables: "input", "disabled_input". */
const char *rv_fw_chain(enum rv_fw_direction, bool enabled);

/* Commands for a table of reeve's and its chains, where they are not there yet. */
void rv_fw_ensure(json_t *commands, const char *table);

/* One change at a time: it is looked, changed and kept. */
void rv_fw_lock(void);
void rv_fw_unlock(void);

#endif
