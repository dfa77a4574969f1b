/* SPDX-License-Identifier: MIT
 *
 * Certificates: the first byte says whether the rest is DER or PEM; whatever parses is written out in full.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "providers/lib/x509.h"

static void each(void *state, const char *text)
{
        *(size_t *)state += strlen(text);
}

static void look(const uint8_t *der, size_t n)
{
        struct rv_x509 x;
        char text[512];
        size_t at = 0, sum = 0;
        if (!rv_x509_parse(der, n, &x))
                return;
        rv_x509_name(&x.subject, text, sizeof text);
        rv_x509_name(&x.issuer, text, 80);
        rv_x509_names(&x, each, &sum);
        while (rv_x509_purpose(&x, &at, text, sizeof text))
                sum++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!size)
                return 0;
        if (data[0] != 'P') {
                look(data + 1, size - 1);
                return 0;
        }
        char *text = calloc(1, size);
        uint8_t *der = malloc(4096);
        const char *at = text;
        if (text && der) {
                memcpy(text, data + 1, size - 1);
                for (long n; (n = rv_x509_pem(&at, der, 4096)) >= 0;)
                        look(der, (size_t)n);
        }
        free(text);
        free(der);
        return 0;
}
