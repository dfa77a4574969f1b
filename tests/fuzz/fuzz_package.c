/* SPDX-License-Identifier: MIT
 *
 * Databases of installed packages: the first byte says whether the rest is a header of rpm or apk's text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "providers/package/apkdb.h"
#include "providers/package/rpmhead.h"

static volatile size_t sum; /* so that nothing is left out */

static void look_head(const uint8_t *data, size_t size)
{
        static const enum rv_rpm_tag texts[] = { RV_RPM_NAME, RV_RPM_SUMMARY, RV_RPM_DESCRIPTION, RV_RPM_ARCH };
        struct rv_rpm_head h;
        uint64_t n;
        if (!rv_rpm_head(data, size, &h))
                return;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                const char *s = rv_rpm_text(&h, texts[i]);
                sum += s ? strlen(s) : 0;
        }
        sum += rv_rpm_number(&h, RV_RPM_SIZE, &n) ? (size_t)n : 0;
        char *files = rv_rpm_files(&h), *needs = rv_rpm_requires(&h);
        sum += (files ? strlen(files) : 0) + (needs ? strlen(needs) : 0);
        free(files);
        free(needs);
}

static void look_text(const char *at, size_t size)
{
        const char *end = at + size;
        struct rv_apk_record r;
        while (rv_apk_next(&at, end, &r)) {
                struct rv_apk_file f = { 0 };
                sum += rv_apk_is(rv_apk_field(&r, 'P'), "busybox") + rv_apk_field(&r, 'V').n;
                for (size_t i = 0; i < rv_apk_field(&r, 'T').n; i++)
                        sum += (unsigned char)rv_apk_field(&r, 'T').s[i];
                while (rv_apk_next_file(&r.files, &f))
                        sum += f.name.n + f.folder.n + (f.sum.n ? (unsigned char)f.sum.s[f.sum.n - 1] : 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!size)
                return 0;
        /* Of its own size, so that a byte too many is seen. */
        uint8_t *copy = malloc(size > 1 ? size - 1 : 1);
        if (!copy)
                return 0;
        memcpy(copy, data + 1, size - 1);
        if (data[0] == 'A')
                look_text((const char *)copy, size - 1);
        else
                look_head(copy, size - 1);
        free(copy);
        return 0;
}
