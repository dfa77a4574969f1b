/* SPDX-License-Identifier: MIT
 *
 * Private to the operators' files: arith.c numbers, ops_text.c texts and patterns, ops.c the choice between them.
 */
#ifndef SH_OPS_H
#define SH_OPS_H

#include "shell/types.h"

/* ---- arith.c: both operands are numbers, bools, chars or enums ---- */
int sh_arith(struct sh *, enum sh_op, struct sv a, struct sv b, struct sv *ret);
int sh_bits(struct sh *, enum sh_op, struct sv a, struct sv b, struct sv *ret);
int sh_shift(struct sh *, bool left, struct sv a, struct sv by, struct sv *ret);
int sh_bit_not(struct sh *, struct sv a, struct sv *ret);
int sh_negate(struct sh *, struct sv a, struct sv *ret);
int sh_divided_by_zero(struct sh *);

/* ---- ops_text.c ---- */
int sh_op_like(struct sh *, bool invert, bool case_sensitive, struct sv a, struct sv b, struct sv *ret);
int sh_op_match(struct sh *, bool invert, bool case_sensitive, struct sv a, struct sv b, struct sv *ret);
int sh_op_replace(struct sh *, bool case_sensitive, struct sv a, struct sv b, struct sv *ret);
int sh_op_split(struct sh *, bool case_sensitive, struct sv a, struct sv b, struct sv *ret);
int sh_op_unary_split(struct sh *, struct sv a, struct sv *ret);
int sh_op_join(struct sh *, struct sv a, struct sv separator, struct sv *ret);
int sh_op_format(struct sh *, struct sv a, struct sv b, struct sv *ret);

#endif
