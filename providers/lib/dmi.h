/* SPDX-License-Identifier: MIT
 *
 * What the firmware says of the machine: /sys/class/dmi/id, and the records of memory modules (SMBIOS type 17).
 */
#ifndef RV_DMI_H
#define RV_DMI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text of /sys/class/dmi/id; false when there is none, or only words that stand for none ("To Be Filled By O.E.M.").
 */
bool rv_dmi_text(const char *name, char *ret, size_t size);

/* A memory device. Texts belong to the record. */
struct rv_dmi_memory {
        const char *locator, *bank, *manufacturer, *serial, *asset, *part; /* NULL: not said */
        uint64_t size;                    /* bytes; 0: the place is empty, or nobody knows */
        uint32_t speed;                   /* MT/s; 0: not said */
        uint32_t configured;              /* MT/s; 0: not said */
        uint16_t total_width, data_width; /* bits; 0: not said */
        uint8_t form, type;               /* SMBIOS 7.18.1, 7.18.2 */
};
/* Takes a record apart (as /sys/firmware/dmi/entries/17-N/raw has it); false: it is none. */
bool rv_dmi_parse_memory(const uint8_t *record, size_t n, struct rv_dmi_memory *ret);

#endif
