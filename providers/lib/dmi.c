/* SPDX-License-Identifier: MIT */
#include "providers/lib/dmi.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "providers/lib/procfs.h"

static bool says_nothing(const char *s)
{
        static const char *const words[] = { "", "To Be Filled By O.E.M.", "To be filled by O.E.M.", "Default string",
                                             "Not Specified", "Not Applicable", "None", "System Product Name",
                                             "System manufacturer", "System Serial Number", "Unknown", "NO DIMM",
                                             "Not Provided" };
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strcasecmp(s, words[i]) == 0)
                        return true;
        return false;
}

bool rv_dmi_text(const char *name, char *ret, size_t size)
{
        char path[128];
        snprintf(path, sizeof path, "/sys/class/dmi/id/%s", name);
        ssize_t n = rv_proc_read(AT_FDCWD, path, ret, size);
        while (n > 0 && isspace((unsigned char)ret[n - 1]))
                ret[--n] = 0;
        return n > 0 && !says_nothing(ret);
}

/* Text number k behind the record's fixed part. */
static const char *text_of(const uint8_t *r, size_t n, unsigned at)
{
        size_t fixed = r[1];
        unsigned k = at < fixed ? r[at] : 0;
        const char *p = (const char *)r + fixed, *end = (const char *)r + n;
        for (unsigned i = 1; k && p < end && *p; i++) {
                size_t len = strnlen(p, (size_t)(end - p));
                if (i == k)
                        return p + len < end && !says_nothing(p) ? p : NULL;
                p += len + 1;
        }
        return NULL;
}

static uint16_t word(const uint8_t *r, unsigned at)
{
        return at + 2u <= r[1] ? (uint16_t)(r[at] | r[at + 1] << 8) : 0;
}

static uint32_t dword(const uint8_t *r, unsigned at)
{
        return at + 4u <= r[1] ? (uint32_t)word(r, at) | (uint32_t)word(r, at + 2) << 16 : 0;
}

/* Offsets as SMBIOS 3 has them, section 7.18. */
bool rv_dmi_parse_memory(const uint8_t *r, size_t n, struct rv_dmi_memory *m)
{
        *m = (struct rv_dmi_memory) { 0 };
        if (n < 0x15 || r[0] != 17 || r[1] < 0x15 || r[1] > n)
                return false;
        uint16_t size = word(r, 0x0c), width;
        if (size == 0x7fff)
                m->size = (uint64_t)(dword(r, 0x1c) & 0x7fffffff) << 20;
        else if (size != 0xffff)
                m->size = size & 0x8000 ? (uint64_t)(size & 0x7fff) << 10 : (uint64_t)size << 20;
        m->total_width = (width = word(r, 0x08)) == 0xffff ? 0 : width;
        m->data_width = (width = word(r, 0x0a)) == 0xffff ? 0 : width;
        m->form = r[0x0e];
        m->locator = text_of(r, n, 0x10);
        m->bank = text_of(r, n, 0x11);
        m->type = r[0x12];
        m->speed = word(r, 0x15) == 0xffff ? dword(r, 0x54) : word(r, 0x15);
        m->manufacturer = text_of(r, n, 0x17);
        m->serial = text_of(r, n, 0x18);
        m->asset = text_of(r, n, 0x19);
        m->part = text_of(r, n, 0x1a);
        m->configured = word(r, 0x20) == 0xffff ? dword(r, 0x58) : word(r, 0x20);
        return true;
}
