/* SPDX-License-Identifier: MIT
 *
 * The shell's lexer and parser: any bytes give a tree or errors, never anything else.
 */
#include <stdint.h>
#include <stdlib.h>

#include "shell/code.h"
#include "shell/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        static struct sh *sh;
        if (n > 1 << 16)
                return 0;
        if (!sh)
                sh = sh_new();
        struct parser p = { 0 };
        char *text = malloc(n + 1);
        if (!text)
                return 0;
        memcpy(text, data, n);
        text[n] = 0;
        struct unit *u = sh_parse(&p, sh, text, n, NULL, NULL);
        sh_unit_drop(u ? u : p.u);
        free(text);
        return 0;
}
