/* SPDX-License-Identifier: MIT
 *
 * What travels in a stream (docs/protocol.md, "Streams") that is more than bytes: pieces, each with a head of 8 bytes,
 * which are the kind, three zeros and the length, the highest byte first. Container engines frame output the same way.
 *
 *      01 00 00 00 00 00 00 03 'h' 'i' '\n'          "hi" on standard output
 */
#ifndef RV_PIECE_H
#define RV_PIECE_H

#include <stdbool.h>
#include <stdint.h>

enum rv_piece {
        RV_PIECE_INPUT,  /* to the agent: for the program's input, or of an archive */
        RV_PIECE_OUTPUT, /* from it: standard output, or of an archive */
        RV_PIECE_ERRORS, /* from it: standard error */
        RV_PIECE_SIZE,   /* to it: the terminal's rows and columns, 16 bits each */
        RV_PIECE_END,    /* to it: there is no more input */
        RV_PIECE_STATUS, /* from it, the last: it went well; an exit status of 32 bits, or nothing */
        RV_PIECE_FAILED, /* from it, the last: an error, as JSON-RPC has it */
        RV_PIECE_KINDS
};
enum { RV_PIECE_HEAD = 8, RV_PIECE_MOST = 65536 /* bytes of one piece */ };

static inline void rv_piece_head(uint8_t to[RV_PIECE_HEAD], enum rv_piece kind, uint32_t n)
{
        to[0] = (uint8_t)kind;
        to[1] = to[2] = to[3] = 0;
        for (int i = 0; i < 4; i++)
                to[4 + i] = (uint8_t)(n >> (24 - 8 * i));
}

/* False: it is no head. */
static inline bool rv_piece_read(const uint8_t head[RV_PIECE_HEAD], enum rv_piece *ret, uint32_t *ret_n)
{
        *ret = (enum rv_piece)head[0];
        *ret_n = (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 | head[7];
        return head[0] < RV_PIECE_KINDS && !head[1] && !head[2] && !head[3];
}

#endif
