/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a connection: framing, then the check before jansson, then jansson. Fed in pieces of changing size; a
 * second time as a connection that may only scrape.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/wire/frame.h"

static void feed(const uint8_t *data, size_t size, bool scrape_only)
{
        struct rv_frame f = { .scrape_only = scrape_only };
        size_t piece = size ? data[0] % 97 + 1 : 1;
        for (size_t at = 0; at < size;) {
                size_t room, n = size - at < piece ? size - at : piece;
                char *to = rv_frame_room(&f, &room);
                if (!to)
                        break;
                if (n > room)
                        n = room;
                memcpy(to, data + at, n);
                rv_frame_fed(&f, n);
                at += n;
                const char *text;
                size_t len;
                enum rv_frame_result r;
                while ((r = rv_frame_next(&f, &text, &len)) != RV_FRAME_MORE && r != RV_FRAME_BAD)
                        if (r == RV_FRAME_MESSAGE) {
                                if (scrape_only)
                                        __builtin_trap();
                                struct rv_error err = { 0 };
                                json_t *j = rv_json_parse(text, len, &err);
                                if (!j != !!err.code)
                                        __builtin_trap();
                                json_decref(j);
                        }
                if (r == RV_FRAME_BAD) {
                        if (!f.complaint)
                                __builtin_trap();
                        break;
                }
        }
        rv_frame_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        feed(data, size, false);
        feed(data, size, true);
        return 0;
}
