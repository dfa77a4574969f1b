/* SPDX-License-Identifier: MIT
 *
 * Settings of resource control, from the words of a unit file to what systemd takes on D-Bus: another name, another
 * type, another unit.
 */
#ifndef REEVE_PROVIDERS_SERVICE_SETTING_H
#define REEVE_PROVIDERS_SERVICE_SETTING_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "schema/error.h"

struct rv_setting {
        enum {
                RV_SETTING_NUMBER,
                RV_SETTING_SCALE,
                RV_SETTING_BOOLEAN,
                RV_SETTING_TEXT,
                RV_SETTING_DEVICE
        } kind;
        char name[64];   /* on D-Bus */
        uint64_t number; /* NUMBER; SCALE: of 2^32 - 1; DEVICE: what it may */
        bool yes;        /* BOOLEAN */
        char text[256];  /* TEXT; DEVICE: its file */
};

/* RV_INVALID_PARAMETER, with what would be a value. Whether systemd knows such a setting is its own to say. */
int rv_setting_parse(const char *name, const char *value, struct rv_setting *ret, struct rv_error *err);

/* One (sv); less than 0: an errno of sd-bus. */
int rv_setting_append(sd_bus_message *m, const struct rv_setting *s);

#endif
