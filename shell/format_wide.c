/* SPDX-License-Identifier: MIT
 *
 * How many columns a wide view has when it sizes itself.
 */
#include "shell/format.h"

int sh_wide_columns(int widest, int screen)
{
        if (widest <= 0 || screen < 1)
                return 1;
        if (widest >= screen)
                return 1;
        int n = 1;
        while ((int64_t)widest * (n + 1) + n < screen)
                n++;
        return n;
}
