/* SPDX-License-Identifier: MIT
 *
 * Sensor: hwmon chips, thermal zones and power supplies. A hwmon chip is a folder of files such as temp1_input
 * (thousandths of a degree), temp1_label, temp1_max, temp1_crit, temp1_alarm; the table tells which kinds there are
 * and their scale.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/Sensor.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"

#define HWMON "/sys/class/hwmon"
#define THERMAL "/sys/class/thermal"
#define SUPPLY "/sys/class/power_supply"

struct kind {
        const char *prefix, *kind, *unit;
        double scale;
};
static const struct kind kinds[] = {
        { "temp", "Temperature", "Celsius", 1e-3 },  { "fan", "Fan", "RPM", 1 },
        { "in", "Voltage", "Volt", 1e-3 },           { "curr", "Current", "Ampere", 1e-3 },
        { "power", "Power", "Watt", 1e-6 },          { "energy", "Energy", "Joule", 1e-6 },
        { "humidity", "Humidity", "Percent", 1e-3 },
};

static bool text(const char *folder, const char *file, char *ret, size_t size)
{
        char path[700];
        snprintf(path, sizeof path, "%s/%s", folder, file);
        ssize_t n = rv_proc_read(AT_FDCWD, path, ret, size);
        if (n > 0)
                ret[strcspn(ret, "\n")] = 0;
        return n > 0 && ret[0];
}

/* form: "temp1_%s". */
static bool number(const char *folder, const char *stem, const char *part, double scale, double *ret)
{
        char file[96], value[64], *end;
        snprintf(file, sizeof file, "%.60s%s%s", stem, *part ? "_" : "", part);
        if (!text(folder, file, value, sizeof value))
                return false;
        *ret = strtod(value, &end) * scale;
        return end != value && isfinite(*ret);
}

static void device(struct rv_row *row, const char *folder)
{
        char path[700], target[512];
        snprintf(path, sizeof path, "%s/device", folder);
        ssize_t n = Sensor_wants_Device(row) ? readlink(path, target, sizeof target - 1) : -1;
        if (n <= 0)
                return;
        target[n] = 0;
        const char *last = strrchr(target, '/');
        rv_fill(row, Sensor_Device, last ? last + 1 : target);
}

/* Folders of a class, in order; the number that ends their name tells chips of one name apart. */
static int each(const char *class, int (*one)(struct rv_sink *, const char *folder, const char *name),
                struct rv_sink *out)
{
        struct dirent **names;
        int n = scandir(class, &names, NULL, versionsort), r = RV_OK;
        for (int i = 0; i < n; i++) {
                char folder[500];
                snprintf(folder, sizeof folder, "%s/%s", class, names[i]->d_name);
                if (r == RV_OK && names[i]->d_name[0] != '.')
                        r = one(out, folder, names[i]->d_name);
                free(names[i]);
        }
        if (n >= 0)
                free(names);
        return r;
}

/* ---- hwmon ---- */

/* How many chips have this name? */
static unsigned namesakes(const char *chip)
{
        char folder[500], other[64];
        struct dirent *d;
        unsigned n = 0;
        DIR *dir = opendir(HWMON);
        while (dir && (d = readdir(dir))) {
                snprintf(folder, sizeof folder, HWMON "/%s", d->d_name);
                n += d->d_name[0] != '.' && text(folder, "name", other, sizeof other) &&
                     strcmp(other, chip) == 0;
        }
        if (dir)
                closedir(dir);
        return n;
}

static int measurement(struct rv_sink *out, const char *folder, const char *where, const char *chip,
                       const char *stem, const struct kind *k)
{
        char id[200], label[128], file[96];
        double v;
        struct rv_row *row = rv_row(out);
        snprintf(id, sizeof id, "hwmon/%s/%s", where, stem);
        rv_fill(row, Sensor_SensorID, id);
        snprintf(file, sizeof file, "%.60s_label", stem);
        if (Sensor_wants_Name(row) && text(folder, file, label, sizeof label))
                rv_fill(row, Sensor_Name, label);
        rv_fill(row, Sensor_Kind, k->kind);
        rv_fill(row, Sensor_Unit, k->unit);
        rv_fill(row, Sensor_Chip, chip);
        if (Sensor_wants_Value(row) && number(folder, stem, "input", k->scale, &v))
                Sensor_set_Value(row, v);
        else if (Sensor_wants_Value(row) && strcmp(k->prefix, "power") == 0 &&
                 number(folder, stem, "average", k->scale, &v))
                Sensor_set_Value(row, v);
        if (Sensor_wants_Low(row) && number(folder, stem, "min", k->scale, &v))
                Sensor_set_Low(row, v);
        if (Sensor_wants_High(row) &&
            (number(folder, stem, "max", k->scale, &v) || number(folder, stem, "cap", k->scale, &v)))
                Sensor_set_High(row, v);
        if (Sensor_wants_Critical(row) && number(folder, stem, "crit", k->scale, &v))
                Sensor_set_Critical(row, v);
        if (Sensor_wants_Alarm(row) && number(folder, stem, "alarm", 1, &v))
                Sensor_set_Alarm(row, v != 0);
        device(row, folder);
        return rv_emit(out, row);
}

/* "temp1_input" -> "temp1" and its kind; NULL: no measurement. */
static const struct kind *stem_of(const char *file, char *ret, size_t size)
{
        const char *end = strchr(file, '_');
        if (!end || (strcmp(end, "_input") != 0 && strcmp(end, "_average") != 0))
                return NULL;
        snprintf(ret, size, "%.*s", (int)(end - file), file);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                size_t n = strlen(kinds[i].prefix);
                if (strncmp(ret, kinds[i].prefix, n) == 0 && ret[n] &&
                    strspn(ret + n, "0123456789") == strlen(ret + n))
                        return &kinds[i];
        }
        return NULL;
}

static int chip(struct rv_sink *out, const char *folder, const char *name)
{
        char chip_name[64], where[160], stem[32], last[32] = "";
        struct dirent **files;
        int n = scandir(folder, &files, NULL, versionsort), r = RV_OK;
        if (!text(folder, "name", chip_name, sizeof chip_name))
                snprintf(chip_name, sizeof chip_name, "%.60s", name);
        if (namesakes(chip_name) > 1)
                snprintf(where, sizeof where, "%s.%.60s", chip_name, name);
        else
                snprintf(where, sizeof where, "%s", chip_name);
        for (int i = 0; i < n; i++) {
                const struct kind *k = stem_of(files[i]->d_name, stem, sizeof stem);
                if (k && r == RV_OK && strcmp(stem, last) != 0) /* power1_average comes before power1_input */
                        r = measurement(out, folder, where, chip_name, stem, k);
                if (k)
                        snprintf(last, sizeof last, "%s", stem);
                free(files[i]);
        }
        if (n >= 0)
                free(files);
        return r;
}

/* ---- thermal zones, supplies ---- */

/* The trip of this kind, in degrees. */
static bool trip(const char *folder, const char *kind, double *ret)
{
        for (int i = 0; i < 16; i++) {
                char file[40], is[32];
                snprintf(file, sizeof file, "trip_point_%d_type", i);
                if (!text(folder, file, is, sizeof is))
                        return false;
                snprintf(file, sizeof file, "trip_point_%d_temp", i);
                if (strcmp(is, kind) == 0)
                        return number(folder, file, "", 1e-3, ret);
        }
        return false;
}

static int zone(struct rv_sink *out, const char *folder, const char *name)
{
        char id[200], type[64] = "";
        double v;
        if (strncmp(name, "thermal_zone", 12) != 0)
                return RV_OK; /* cooling devices are there as well */
        struct rv_row *row = rv_row(out);
        snprintf(id, sizeof id, "thermal/%s/temp", name);
        text(folder, "type", type, sizeof type);
        rv_fill(row, Sensor_SensorID, id);
        rv_fill(row, Sensor_Name, type);
        rv_fill(row, Sensor_Chip, type);
        rv_fill(row, Sensor_Kind, "Temperature");
        rv_fill(row, Sensor_Unit, "Celsius");
        if (Sensor_wants_Value(row) && number(folder, "temp", "", 1e-3, &v))
                Sensor_set_Value(row, v);
        if (Sensor_wants_High(row) && (trip(folder, "hot", &v) || trip(folder, "passive", &v)))
                Sensor_set_High(row, v);
        if (Sensor_wants_Critical(row) && trip(folder, "critical", &v))
                Sensor_set_Critical(row, v);
        device(row, folder);
        return rv_emit(out, row);
}

static int supply(struct rv_sink *out, const char *folder, const char *name)
{
        static const struct {
                const char *file, *kind, *unit;
                double scale;
        } files[] = {
                { "capacity", "Charge", "Percent", 1 },       { "voltage_now", "Voltage", "Volt", 1e-6 },
                { "current_now", "Current", "Ampere", 1e-6 }, { "power_now", "Power", "Watt", 1e-6 },
                { "energy_now", "Energy", "Joule", 3.6e-3 },  { "temp", "Temperature", "Celsius", 0.1 }
        };
        char id[200], status[64] = "", model[128] = "";
        int r = RV_OK;
        text(folder, "status", status, sizeof status);
        text(folder, "model_name", model, sizeof model);
        for (size_t i = 0; i < sizeof files / sizeof *files && r == RV_OK; i++) {
                double v;
                if (!number(folder, files[i].file, "", files[i].scale, &v))
                        continue;
                struct rv_row *row = rv_row(out);
                snprintf(id, sizeof id, "power_supply/%.100s/%s", name, files[i].file);
                rv_fill(row, Sensor_SensorID, id);
                rv_fill(row, Sensor_Name, model);
                rv_fill(row, Sensor_Chip, name);
                rv_fill(row, Sensor_Kind, files[i].kind);
                rv_fill(row, Sensor_Unit, files[i].unit);
                rv_fill(row, Sensor_Status, status);
                Sensor_set_Value(row, v);
                device(row, folder);
                r = rv_emit(out, row);
        }
        return r;
}

static int sensor_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        int r = each(HWMON, chip, out);
        if (r == RV_OK)
                r = each(THERMAL, zone, out);
        if (r == RV_OK)
                r = each(SUPPLY, supply, out);
        return r == RV_STOP ? RV_OK : r;
}

static const struct rv_provider sensor = { .class = &Sensor_class, .query = sensor_query };

RV_PROVIDERS(sensor, &sensor);
