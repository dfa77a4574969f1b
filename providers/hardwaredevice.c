/* SPDX-License-Identifier: MIT
 *
 * HardwareDevice: /sys/bus/BUS/devices, told of by the kernel's uevents. Names of makers and products come from the
 * device itself, from udev's database (/run/udev/data) or from pci.ids, in this order; nothing is asked of the
 * device.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/HardwareDevice.h"
#include "providers/lib/fill.h"
#include "providers/lib/procfs.h"
#include "providers/lib/slurp.h"

#define BUSES "/sys/bus"

struct device {
        char bus[64], name[256], id[330], link[400], path[PATH_MAX];
};

/* The kernel's own parts, and what other classes have (processors, memory). */
static bool ignored(const char *bus)
{
        static const char *const names[] = { "clockevents",  "clocksource", "container", "cpu",
                                             "event_source", "faux",        "memory",    "memory_tiering",
                                             "node",         "workqueue",   "dax",       "nd" };
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strcmp(bus, names[i]) == 0)
                        return true;
        return bus[0] == '.';
}

static bool text(const struct device *d, const char *file, char *ret, size_t size)
{
        char path[PATH_MAX + 64];
        snprintf(path, sizeof path, "%s/%s", d->link, file);
        ssize_t n = rv_proc_read(AT_FDCWD, path, ret, size);
        if (n <= 0)
                return false;
        ret[strcspn(ret, "\n")] = 0;
        for (size_t m = strlen(ret); m && ret[m - 1] == ' '; m--)
                ret[m - 1] = 0;
        return ret[0] != 0;
}

static void fill_text(struct rv_row *row, uint16_t p, const struct device *d, const char *file)
{
        char value[1024];
        if (rv_wants(row, p) && text(d, file, value, sizeof value))
                rv_fill(row, p, value);
}

/* Number of a maker or product, without 0x. */
static void fill_hex(struct rv_row *row, uint16_t p, const struct device *d, const char *file,
                     const char *usb_file)
{
        char value[64];
        if (rv_wants(row, p) &&
            (text(d, file, value, sizeof value) || (usb_file && text(d, usb_file, value, sizeof value))))
                rv_fill(row, p, strncmp(value, "0x", 2) == 0 ? value + 2 : value);
}

/* The last part of where a link of the device leads. */
static bool link_name(const struct device *d, const char *link, char *ret, size_t size)
{
        char path[PATH_MAX + 64], target[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", d->link, link);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n <= 0)
                return false;
        target[n] = 0;
        const char *last = strrchr(target, '/');
        snprintf(ret, size, "%.255s", last ? last + 1 : target);
        return ret[0] != 0;
}

/* ---- names of makers and products ---- */

/* pci.ids: "8086  Intel", then its products "\t1237  440FX". Whole, once in a reading. */
struct names {
        char *pci_ids;
        bool looked;
};

static bool pci_names(struct names *names, const char *vendor, const char *device, char *maker, char *product,
                      size_t size)
{
        static const char *const files[] = { "/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids" };
        size_t n;
        for (size_t i = 0; !names->looked && !names->pci_ids && i < sizeof files / sizeof *files; i++)
                names->pci_ids = rv_slurp(files[i], 8 << 20, &n);
        names->looked = true;
        for (const char *s = names->pci_ids; s && *s; s += strcspn(s, "\n"), s += *s == '\n') {
                if (strncmp(s, vendor, 4) != 0 || s[4] != ' ')
                        continue;
                snprintf(maker, size, "%.*s", (int)strcspn(s + 6, "\n"), s + 6);
                for (s = strchr(s, '\n'); s && s[1] == '\t'; s = strchr(s + 1, '\n'))
                        if (s[2] != '\t' && strncmp(s + 2, device, 4) == 0 && s[6] == ' ') {
                                snprintf(product, size, "%.*s", (int)strcspn(s + 8, "\n"), s + 8);
                                break;
                        }
                return true;
        }
        return false;
}

/* "E:ID_VENDOR_FROM_DATABASE=..." of /run/udev/data/+pci:0000:00:03.0 */
static void udev_names(const struct device *d, char *maker, char *product, size_t size)
{
        char path[400];
        size_t n;
        snprintf(path, sizeof path, "/run/udev/data/+%s:%s", d->bus, d->name);
        char *all = rv_slurp(path, 1 << 20, &n);
        const char *a = all ? strstr(all, "E:ID_VENDOR_FROM_DATABASE=") : NULL;
        const char *b = all ? strstr(all, "E:ID_MODEL_FROM_DATABASE=") : NULL;
        if (a)
                snprintf(maker, size, "%.*s", (int)strcspn(a + 26, "\n"), a + 26);
        if (b)
                snprintf(product, size, "%.*s", (int)strcspn(b + 25, "\n"), b + 25);
        free(all);
}

static void fill_names(struct rv_row *row, const struct device *d, struct names *names)
{
        char maker[256] = "", product[256] = "", vendor[16], device[16], both[520];
        if (!HardwareDevice_wants_Description(row) && !HardwareDevice_wants_Manufacturer(row) &&
            !HardwareDevice_wants_Product(row))
                return;
        if (strcmp(d->bus, "usb") == 0) {
                text(d, "manufacturer", maker, sizeof maker);
                text(d, "product", product, sizeof product);
        }
        if (!maker[0] || !product[0])
                udev_names(d, maker, product, sizeof maker);
        if (!product[0] && strcmp(d->bus, "pci") == 0 && text(d, "vendor", vendor, sizeof vendor) &&
            text(d, "device", device, sizeof device) && strlen(vendor) == 6 && strlen(device) == 6)
                pci_names(names, vendor + 2, device + 2, maker, product, sizeof maker);
        snprintf(both, sizeof both, "%s%s%s", maker, maker[0] && product[0] ? " " : "", product);
        rv_fill(row, HardwareDevice_Manufacturer, maker);
        rv_fill(row, HardwareDevice_Product, product);
        rv_fill(row, HardwareDevice_Description, both);
}

/* ---- kinds ---- */

static const char *class_of(const struct device *d, char *code, size_t size)
{
        static const struct {
                const char *code, *name;
        } pci[] = { { "01", "Storage" },       { "02", "Network" },    { "03", "Display" },
                    { "04", "Multimedia" },    { "05", "Memory" },     { "06", "Bridge" },
                    { "07", "Communication" }, { "08", "System" },     { "09", "Input" },
                    { "0a", "Docking" },       { "0b", "Processor" },  { "0c", "SerialBus" },
                    { "0d", "Wireless" },      { "10", "Encryption" }, { "11", "SignalProcessing" },
                    { "12", "Accelerator" } },
          usb[] = { { "01", "Audio" },   { "02", "Communication" }, { "03", "Input" },
                    { "06", "Imaging" }, { "07", "Printer" },       { "08", "Storage" },
                    { "09", "Hub" },     { "0a", "Communication" }, { "0b", "SmartCard" },
                    { "0e", "Video" },   { "e0", "Wireless" } };
        bool is_pci = strcmp(d->bus, "pci") == 0;
        code[0] = 0;
        if (is_pci && text(d, "class", code, size) && strncmp(code, "0x", 2) == 0)
                memmove(code, code + 2, strlen(code + 2) + 1);
        else if (strcmp(d->bus, "usb") != 0 ||
                 (!text(d, "bDeviceClass", code, size) && !text(d, "bInterfaceClass", code, size)))
                return NULL;
        for (size_t i = 0; is_pci && i < sizeof pci / sizeof *pci; i++)
                if (strncmp(code, pci[i].code, 2) == 0)
                        return pci[i].name;
        for (size_t i = 0; !is_pci && i < sizeof usb / sizeof *usb; i++)
                if (strncmp(code, usb[i].code, 2) == 0)
                        return usb[i].name;
        return NULL;
}

/* Folders of the device that are classes with members: net/eth0, block/sda, tty/ttyS0. */
static void fill_offers(struct rv_row *row, const struct device *d)
{
        static const char *const kinds[] = { "net",       "block",     "tty",  "input",     "hwmon",
                                             "drm",       "sound",     "rtc",  "hidraw",    "video4linux",
                                             "ieee80211", "bluetooth", "nvme", "scsi_host", "ptp",
                                             "watchdog",  "misc" };
        char all[4096] = "";
        for (size_t i = 0; HardwareDevice_wants_Offers(row) && i < sizeof kinds / sizeof *kinds; i++) {
                char path[PATH_MAX + 64];
                struct dirent *e;
                snprintf(path, sizeof path, "%s/%s", d->link, kinds[i]);
                DIR *dir = opendir(path);
                while (dir && (e = readdir(dir))) {
                        size_t at = strlen(all);
                        if (e->d_name[0] != '.' && at + strlen(e->d_name) + 20 < sizeof all)
                                snprintf(all + at, sizeof all - at, "%s/%s\n", kinds[i], e->d_name);
                }
                if (dir)
                        closedir(dir);
        }
        rv_fill_list(row, HardwareDevice_Offers, all, "\n");
}

/* The nearest folder above that is on a bus as well. */
static void fill_parent(struct rv_row *row, const struct device *d)
{
        char path[PATH_MAX];
        if (!HardwareDevice_wants_ParentDeviceID(row))
                return;
        snprintf(path, sizeof path, "%s", d->path);
        for (char *slash; (slash = strrchr(path, '/')) && slash > path;) {
                *slash = 0;
                char link[PATH_MAX + 16], bus[PATH_MAX], id[400];
                snprintf(link, sizeof link, "%s/subsystem", path);
                ssize_t n = readlink(link, bus, sizeof bus - 1);
                if (n <= 0)
                        continue;
                bus[n] = 0;
                const char *in = strrchr(bus, '/'), *name = strrchr(path, '/');
                if (strstr(bus, "/bus/") && in && name && !ignored(in + 1)) {
                        snprintf(id, sizeof id, "%.60s/%.255s", in + 1, name + 1);
                        rv_fill(row, HardwareDevice_ParentDeviceID, id);
                        return;
                }
        }
}

static void fill(struct rv_row *row, const struct device *d, struct names *names)
{
        char value[256], code[32], *end;
        rv_fill(row, HardwareDevice_DeviceID, d->id);
        rv_fill(row, HardwareDevice_Bus, d->bus);
        rv_fill(row, HardwareDevice_Name, d->name);
        rv_fill(row, HardwareDevice_Path, d->path);
        if (link_name(d, "driver", value, sizeof value))
                rv_fill(row, HardwareDevice_Driver, value);
        if (HardwareDevice_wants_Module(row) && link_name(d, "driver/module", value, sizeof value))
                rv_fill(row, HardwareDevice_Module, value);
        const char *kind = class_of(d, code, sizeof code);
        rv_fill(row, HardwareDevice_DeviceClass, kind);
        rv_fill(row, HardwareDevice_ClassCode, code);
        fill_hex(row, HardwareDevice_VendorId, d, "vendor", "idVendor");
        fill_hex(row, HardwareDevice_ProductId, d, "device", "idProduct");
        fill_hex(row, HardwareDevice_SubsystemVendorId, d, "subsystem_vendor", NULL);
        fill_hex(row, HardwareDevice_SubsystemId, d, "subsystem_device", NULL);
        fill_text(row, HardwareDevice_ModAlias, d, "modalias");
        if (strcmp(d->bus, "usb") == 0)
                fill_text(row, HardwareDevice_SerialNumber, d, "serial");
        fill_text(row, HardwareDevice_PowerStatus, d, "power/runtime_status");
        fill_text(row, HardwareDevice_Removable, d, "removable");
        if (HardwareDevice_wants_NumaNode(row) && text(d, "numa_node", value, sizeof value) &&
            value[0] != '-')
                HardwareDevice_set_NumaNode(row, (int32_t)strtol(value, NULL, 10));
        if (HardwareDevice_wants_Irq(row) && text(d, "irq", value, sizeof value) && strtoul(value, NULL, 10))
                HardwareDevice_set_Irq(row, (uint32_t)strtoul(value, NULL, 10));
        if (HardwareDevice_wants_SpeedMbps(row) && strcmp(d->bus, "usb") == 0 &&
            text(d, "speed", value, sizeof value)) {
                double speed = strtod(value, &end);
                if (end != value)
                        HardwareDevice_set_SpeedMbps(row, speed);
        }
        fill_parent(row, d);
        fill_offers(row, d);
        fill_names(row, d, names);
}

/* False: there is no such device. */
static bool find(const char *bus, const char *name, struct device *ret)
{
        if (!*bus || !*name || strchr(bus, '/') || strchr(name, '/') || name[0] == '.' || ignored(bus) ||
            snprintf(ret->bus, sizeof ret->bus, "%s", bus) >= (int)sizeof ret->bus ||
            snprintf(ret->name, sizeof ret->name, "%s", name) >= (int)sizeof ret->name)
                return false;
        snprintf(ret->id, sizeof ret->id, "%s/%s", bus, name);
        snprintf(ret->link, sizeof ret->link, BUSES "/%s/devices/%s", ret->bus, ret->name);
        return realpath(ret->link, ret->path) != NULL;
}

static bool find_id(const struct rv_arg *id, struct device *ret)
{
        char bus[64];
        const char *slash = id->type == RV_STRING ? strchr(id->s, '/') : NULL;
        if (!slash || strlen(id->s) != id->len || slash - id->s >= (int)sizeof bus)
                return false;
        snprintf(bus, sizeof bus, "%.*s", (int)(slash - id->s), id->s);
        return find(bus, slash + 1, ret);
}

static int one_bus(const struct rv_query *q, const char *bus, struct names *names, struct rv_sink *out)
{
        struct dirent **all;
        char path[300];
        snprintf(path, sizeof path, BUSES "/%.200s/devices", bus);
        int n = scandir(path, &all, NULL, versionsort), r = RV_OK;
        for (int i = 0; i < n; i++) {
                struct device d;
                if (r == RV_OK && !rv_cancelled(q->call) && find(bus, all[i]->d_name, &d)) {
                        struct rv_row *row = rv_row(out);
                        fill(row, &d, names);
                        r = rv_emit(out, row);
                }
                free(all[i]);
        }
        if (n >= 0)
                free(all);
        return r;
}

static int hardwaredevice_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        const struct rv_arg *id = rv_equals(q, HardwareDevice_DeviceID),
                            *bus = rv_equals(q, HardwareDevice_Bus);
        struct names names = { 0 };
        struct dirent **buses;
        int r = RV_OK;
        (void)err;
        if (id) {
                struct device d;
                if (find_id(id, &d)) {
                        struct rv_row *row = rv_row(out);
                        fill(row, &d, &names);
                        r = rv_emit(out, row);
                }
                free(names.pci_ids);
                return r == RV_STOP ? RV_OK : r;
        }
        int n = scandir(BUSES, &buses, NULL, alphasort);
        for (int i = 0; i < n; i++) {
                if (r == RV_OK && !ignored(buses[i]->d_name) &&
                    (!bus || strcmp(bus->s, buses[i]->d_name) == 0))
                        r = one_bus(q, buses[i]->d_name, &names, out);
                free(buses[i]);
        }
        if (n >= 0)
                free(buses);
        free(names.pci_ids);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- drivers ---- */

static int begin(struct rv_call *c, struct device *ret, struct rv_error *err)
{
        const struct rv_arg *id = &c->key[HardwareDevice_DeviceID];
        if (id->type == RV_NULL)
                return rv_fail(err, RV_INVALID_PARAMETER, "a device is named by its DeviceID");
        rv_about(err, NULL, id->s, NULL);
        if (find_id(id, ret))
                return RV_OK;
        rv_fail(err, RV_NOT_FOUND, "there is no device %.200s", id->s);
        return rv_hint(err, "Get-HardwareDevice lists them; an id is BUS/NAME.");
}

static int tell_driver(const struct device *d, const char *driver, const char *file, struct rv_error *err)
{
        char path[500];
        snprintf(path, sizeof path, BUSES "/%s/drivers/%.200s/%s", d->bus, driver, file);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : write(fd, d->name, strlen(d->name));
        int error = errno;
        if (fd >= 0)
                close(fd);
        if (n >= 0)
                return RV_OK;
        if (fd < 0 && error == ENOENT)
                return rv_fail(err, RV_NOT_SUPPORTED,
                               "cannot %s %s: the driver %s does not let itself be bound by hand", file,
                               d->id, driver);
        if (error == ENODEV) {
                rv_fail(err, RV_INVALID_PARAMETER, "cannot %s %s: the driver %s is not for it", file, d->id,
                        driver);
                return rv_hint(err, "Its ModAlias tells which drivers are.");
        }
        return rv_fail_errno(err, error, "cannot %s %s: the driver %s refuses", file, d->id, driver);
}

static int hardwaredevice_bind(struct rv_call *c, const void *args, struct rv_error *err)
{
        const struct HardwareDevice_Bind_in *in = args;
        struct device d;
        char now[256], path[500];
        int e = begin(c, &d, err);
        if (e)
                return e;
        bool has = link_name(&d, "driver", now, sizeof now);
        snprintf(path, sizeof path, BUSES "/%s/drivers/%.200s", d.bus, in->Driver);
        if (has && strcmp(now, in->Driver) != 0) {
                rv_fail(err, RV_FAILED, "cannot bind %s: the driver %s has it", d.id, now);
                return rv_hint(err, "Unbind it first.");
        }
        if (!in->Driver_len || in->Driver[0] == '.' || strchr(in->Driver, '/') || access(path, F_OK) < 0) {
                rv_about(err, NULL, NULL, "Driver");
                rv_fail(err, RV_NOT_FOUND, "cannot bind %s: the bus %s has no driver %.60s", d.id, d.bus,
                        in->Driver);
                return rv_hint(err, "Enable-KernelModule loads the module of a driver.");
        }
        if (!has) {
                rv_change(c, "Driver", NULL, in->Driver);
                if (!c->what_if)
                        e = tell_driver(&d, in->Driver, "bind", err);
        }
        if (e == RV_OK)
                HardwareDevice_Bind_out_set_ReturnValue(c->out, 0);
        return e;
}

static int hardwaredevice_unbind(struct rv_call *c, const void *in, struct rv_error *err)
{
        struct device d;
        char now[256];
        (void)in;
        int e = begin(c, &d, err);
        if (e == RV_OK && link_name(&d, "driver", now, sizeof now)) {
                rv_change(c, "Driver", now, NULL);
                if (!c->what_if)
                        e = tell_driver(&d, now, "unbind", err);
        }
        if (e == RV_OK)
                HardwareDevice_Unbind_out_set_ReturnValue(c->out, 0);
        return e;
}

static int (*const methods[HardwareDevice_nmethods])(struct rv_call *, const void *, struct rv_error *) = {
        [HardwareDevice_method_Bind] = hardwaredevice_bind,
        [HardwareDevice_method_Unbind] = hardwaredevice_unbind
};

/* ---- changes: the kernel's uevents ---- */

static int push_open(struct rv_error *err)
{
        struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = 1 };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
        if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0)
                return fd;
        int error = errno;
        if (fd >= 0)
                close(fd);
        rv_fail_errno(err, error, "cannot listen to the kernel's device events");
        return -error;
}

/* "add@/devices/...", then NAME=VALUE each; SUBSYSTEM is the bus. Bytes of others than the kernel are not looked at. */
static int push_read(int fd, struct rv_news *news)
{
        char buf[8192];
        for (int i = 0; i < 200; i++) {
                struct sockaddr_nl from = { 0 };
                socklen_t size = sizeof from;
                ssize_t n = recvfrom(fd, buf, sizeof buf - 1, 0, (struct sockaddr *)&from, &size);
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0
                                                                 : -errno; /* ENOBUFS: all is read again */
                buf[n] = 0;
                const char *bus = NULL, *path = NULL;
                for (const char *s = buf; from.nl_pid == 0 && s < buf + n; s += strlen(s) + 1) {
                        if (strncmp(s, "SUBSYSTEM=", 10) == 0)
                                bus = s + 10;
                        if (strncmp(s, "DEVPATH=", 8) == 0)
                                path = strrchr(s, '/');
                }
                char id[400], folder[400];
                if (!bus || !path || ignored(bus))
                        continue;
                snprintf(folder, sizeof folder, BUSES "/%.60s", bus);
                int m = snprintf(id, sizeof id, "%.60s/%.255s", bus, path + 1);
                if (access(folder, F_OK) == 0) /* a class, such as net or block, is no bus */
                        rv_news_key(news, &(struct rv_arg) { .type = RV_STRING, .s = id, .len = (uint32_t)m },
                                    0);
        }
        return 0;
}

static const uint16_t push_silent[] = { HardwareDevice_PowerStatus };
static const struct rv_push push = {
        .covers = RV_PUSH_ALL, .silent = push_silent, .nsilent = 1, .open = push_open, .read = push_read
};

static const struct rv_provider hardwaredevice = {
        .class = &HardwareDevice_class, .query = hardwaredevice_query, .methods = methods, .push = &push
};

RV_PROVIDERS(hardwaredevice, &hardwaredevice);
