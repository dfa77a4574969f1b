/* SPDX-License-Identifier: MIT
 *
 * Init scripts: whatever a script says of itself is read without running it, and cut at its room.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "providers/service/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rv_script script = { .text = malloc(size + 1), .name = "fuzzed" };
        struct rv_svc s = { .name = "fuzzed" };
        char small[16];
        if (!script.text)
                return 0;
        memcpy(script.text, data, size);
        script.text[size] = 0;
        rv_script_fill(&script, RV_SVC_WANT_LINKS, &s);
        rv_script_header(&script, "Short-Description", small, sizeof small);
        rv_script_variable(&script, "DAEMON", small, sizeof small);
        rv_script_offers(&script, "status");
        rv_script_is(&script, "openrc-run");
        rv_script_close(&script);
        return 0;
}
