/* SPDX-License-Identifier: MIT
 *
 * nftables by its own tool, in JSON: `nft -j`. Not by libnftables: that library ends its process where the kernel has
 * no nftables or memory is short, and keeps the whole ruleset in memory; a tool that dies is an error message.
 *
 *      struct rv_nft_list list;
 *      json_t *one;
 *      if (rv_nft_list(&list, deadline, err) == RV_OK)
 *              while ((one = rv_nft_next(&list))) { ... json_decref(one); }
 *      rv_nft_list_free(&list);
 */
#ifndef RV_NFT_H
#define RV_NFT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/error.h"

/* reeve's own tables. */
#define RV_NFT_FAMILY "inet"
#define RV_NFT_LASTING "reeve"
#define RV_NFT_PASSING "reeve_active"

struct rv_nft_list {
        char *text;
        const char *at; /* before the next object */
        size_t left;
};

/* The whole ruleset without the contents of sets, object by object: {"rule": {...}}. One object is parsed at a time. */
int rv_nft_list(struct rv_nft_list *, uint64_t deadline, struct rv_error *);
json_t *rv_nft_next(struct rv_nft_list *); /* the caller's; NULL: the end */
void rv_nft_rewind(struct rv_nft_list *);
void rv_nft_list_free(struct rv_nft_list *);

/* Commands of nft's JSON ([{"add": {...}}, ...]; taken), all or none. check: only looked at. doing: "make the rule". */
int rv_nft_run(json_t *commands, bool check, const char *doing, uint64_t deadline, struct rv_error *);
/* The same in nft's language. */
int rv_nft_load(const char *text, bool check, const char *doing, uint64_t deadline, struct rv_error *);
/* A table in nft's language, without counters; the caller's. */
int rv_nft_definition(const char *family, const char *table, uint64_t deadline, char **ret,
                      struct rv_error *);

/* A descriptor that tells of changes of rules, for struct rv_push; rv_netlink_drain() reads it. */
int rv_nft_watch(void);

/* ---- where rules outlive a boot (nftstore.c) ---- */

/* Whether the host brings back what lies in /etc/nftables.d/reeve.nft; else why not. */
bool rv_nft_store_works(char *ret_why, size_t size);
/* Whether that file holds reeve's table now. */
bool rv_nft_store_holds(void);
/* Writes the table inet reeve as it is now; an empty file where there is none. */
int rv_nft_store_save(uint64_t deadline, struct rv_error *);

#endif
