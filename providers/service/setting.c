/* SPDX-License-Identifier: MIT
 *
 * Which settings are not plain numbers is a table, by their names: CPUQuota is a share of a processor in per
 * cent there, microseconds in each second here; memory in per cent is a property of its own; limits of a device
 * are a list of pairs. What is in none of these is a number.
 */
#include "providers/service/setting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_QUOTA = 1000000 }; /* per cent: ten thousand processors */

static bool one_of(const char *name, const char *const *names)
{
        for (; *names; names++)
                if (strcmp(name, *names) == 0)
                        return true;
        return false;
}

/* "infinity", or digits and K, M, G or T. False: neither. */
static bool number(const char *s, unsigned base, uint64_t *ret)
{
        static const char letters[] = "KMGT";
        char *end;
        if (strcasecmp(s, "infinity") == 0) {
                *ret = UINT64_MAX;
                return true;
        }
        if (*s < '0' || *s > '9')
                return false;
        errno = 0;
        *ret = strtoull(s, &end, 10);
        const char *letter = *end ? strchr(letters, *end) : NULL;
        if (errno || (*end && (!letter || end[1])))
                return false;
        for (long i = letter ? letter - letters + 1 : 0; i > 0; i--)
                if (__builtin_mul_overflow(*ret, base, ret))
                        return false;
        return true;
}

/* Per cent, with up to two digits behind the dot, as hundredths of one. */
static bool percent(const char *s, uint64_t most, uint64_t *ret)
{
        char *end;
        if (*s < '0' || *s > '9')
                return false;
        double v = strtod(s, &end);
        if (strcmp(end, "%") != 0 || !(v > 0 && v <= (double)most))
                return false;
        *ret = (uint64_t)(v * 100 + 0.5);
        return true;
}

static int refuse(const char *name, const char *value, const char *expected, struct rv_error *err)
{
        return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no value for %.60s: expected %s", value, name,
                       expected);
}

static int device(const char *name, const char *value, struct rv_setting *ret, struct rv_error *err)
{
        size_t n = strcspn(value, " \t");
        ret->kind = RV_SETTING_DEVICE;
        if (value[0] != '/' || !value[n] || n >= sizeof ret->text ||
            !number(value + n + strspn(value + n, " \t"), 1000, &ret->number))
                return refuse(name, value, "a device's file and a number, such as '/dev/sda 10M'", err);
        snprintf(ret->text, sizeof ret->text, "%.*s", (int)n, value);
        return RV_OK;
}

int rv_setting_parse(const char *name, const char *value, struct rv_setting *ret, struct rv_error *err)
{
        static const char *const shares[] = { "MemoryMax",     "MemoryHigh", "MemoryLow", "MemoryMin",
                                              "MemorySwapMax", "TasksMax",   NULL };
        static const char *const devices[] = { "IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax",
                                               "IOWriteIOPSMax",     "IODeviceWeight",      NULL };
        static const char *const texts[] = { "DevicePolicy", "ManagedOOMSwap", "ManagedOOMMemoryPressure",
                                             "ManagedOOMPreference", NULL };
        size_t n = strlen(name);
        *ret = (struct rv_setting) { 0 };
        if (n >= sizeof ret->name - 10)
                return rv_fail(err, RV_INVALID_PARAMETER, "'%.60s' is no setting", name);
        snprintf(ret->name, sizeof ret->name, "%s", name);
        if (n > 10 && strcmp(name + n - 10, "Accounting") == 0) {
                ret->kind = RV_SETTING_BOOLEAN;
                ret->yes = strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0 ||
                           strcasecmp(value, "on") == 0 || strcmp(value, "1") == 0;
                if (!ret->yes && strcasecmp(value, "no") != 0 && strcasecmp(value, "false") != 0 &&
                    strcasecmp(value, "off") != 0 && strcmp(value, "0") != 0)
                        return refuse(name, value, "yes or no", err);
                return RV_OK;
        }
        if (strcmp(name, "CPUQuota") == 0) {
                snprintf(ret->name, sizeof ret->name, "CPUQuotaPerSecUSec");
                if (strcasecmp(value, "infinity") == 0 || !*value)
                        ret->number = UINT64_MAX;
                else if (percent(value, MOST_QUOTA, &ret->number))
                        ret->number *= 100;
                else
                        return refuse(name, value,
                                      "a share of one processor, such as 20%% or 150%%, or infinity", err);
                return RV_OK;
        }
        if (one_of(name, devices))
                return device(name, value, ret, err);
        if (one_of(name, texts)) {
                ret->kind = RV_SETTING_TEXT;
                snprintf(ret->text, sizeof ret->text, "%s", value);
                return RV_OK;
        }
        if (one_of(name, shares) && percent(value, 100, &ret->number)) {
                ret->kind = RV_SETTING_SCALE;
                snprintf(ret->name + n, sizeof ret->name - n, "Scale");
                ret->number = ret->number * UINT32_MAX / 10000;
                return RV_OK;
        }
        if (!number(value, 1024, &ret->number))
                return refuse(name, value,
                              one_of(name, shares)
                                      ? "a number, with K, M, G or T, a share such as 10%%, or infinity"
                                      : "a number, with K, M, G or T, or infinity",
                              err);
        return RV_OK;
}

int rv_setting_append(sd_bus_message *m, const struct rv_setting *s)
{
        switch (s->kind) {
        case RV_SETTING_BOOLEAN: return sd_bus_message_append(m, "(sv)", s->name, "b", s->yes);
        case RV_SETTING_TEXT: return sd_bus_message_append(m, "(sv)", s->name, "s", s->text);
        case RV_SETTING_SCALE: return sd_bus_message_append(m, "(sv)", s->name, "u", (uint32_t)s->number);
        case RV_SETTING_DEVICE:
                return sd_bus_message_append(m, "(sv)", s->name, "a(st)", 1, s->text, s->number);
        case RV_SETTING_NUMBER: break;
        }
        return sd_bus_message_append(m, "(sv)", s->name, "t", s->number);
}
