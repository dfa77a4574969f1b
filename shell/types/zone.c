/* SPDX-License-Identifier: MIT
 *
 * [TimeZoneInfo]: zones by their names in /usr/share/zoneinfo. Names for people would need tables that libc does not
 * have; a zone's own names are its abbreviations.
 */
#include "shell/datetime.h"
#include "shell/types.h"
#include "shell/zone.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct zone {
        struct sh_obj obj;
        struct sv id; /* a text */
};
static const struct sh_type zone_type;
static const char *id_of(struct sv v)
{
        return ((struct zone *)v.o)->id.s->s;
}
struct sv sh_zone_new(const char *id)
{
        struct sv r = sh_other_new(&zone_type, sizeof(struct zone));
        ((struct zone *)r.o)->id = sh_text(id);
        return r;
}
/* TZ, then what /etc/localtime points at. */
struct sv sh_zone_local(void)
{
        const char *tz = getenv("TZ");
        char path[PATH_MAX], *p;
        if (tz && *tz == ':')
                tz++;
        if (tz && sh_zone_exists(tz))
                return sh_zone_new(tz);
        ssize_t n = tz ? -1 : readlink("/etc/localtime", path, sizeof(path) - 1);
        if (n > 0) {
                path[n] = 0;
                p = strstr(path, "zoneinfo/");
                if (p && sh_zone_exists(p + 9))
                        return sh_zone_new(!strcmp(p + 9, "Etc/UTC") ? "Etc/UTC" : p + 9);
        }
        return sh_zone_new("UTC");
}
static bool is_utc(const char *id)
{
        return !strcmp(id, "UTC") || !strcmp(id, "Etc/UTC") || !strcmp(id, "Etc/GMT") ||
               !strcmp(id, "Etc/UCT");
}

/* Offsets in the middle of winter and summer of this year: standard time is the one that is not daylight saving. */
struct rule {
        int64_t standard, daylight;
        bool has_daylight;
};
static struct rule rule_of(const char *id)
{
        struct sh_calendar c;
        int64_t t[2], off[2];
        bool dst[2];
        sh_calendar_of(sh_datetime_now().i, &c);
        for (int i = 0; i < 2; i++) {
                struct sh_calendar d = { .year = c.year, .month = i ? 7 : 1, .day = 1 };
                sh_ticks_of(&d, &t[i]);
                off[i] = sh_zone_offset_utc(id, t[i], &dst[i]);
        }
        int standard = dst[0] ? 1 : 0;
        return (struct rule) { off[standard], off[!standard], dst[0] || dst[1] };
}
static void put_offset(struct sh_buf *b, int64_t s)
{
        sh_buf_putf(b, "%c%02d:%02d", s < 0 ? '-' : '+', (int)(llabs(s) / 3600), (int)(llabs(s) / 60 % 60));
}
static void put_name(struct sh_buf *b, const char *id)
{
        if (is_utc(id)) {
                sh_buf_puts(b, "(UTC) Coordinated Universal Time");
                return;
        }
        struct rule r = rule_of(id);
        sh_buf_puts(b, "(UTC");
        if (r.standard)
                put_offset(b, r.standard);
        sh_buf_putf(b, ") %s", id);
}
static struct sv abbreviation(const char *id, bool daylight)
{
        struct rule r = rule_of(id);
        char kept[300] = "", text[300];
        const char *old = getenv("TZ");
        bool had = old && strlen(old) < sizeof(kept);
        if (had)
                strcpy(kept, old);
        snprintf(text, sizeof(text), ":%s", id);
        setenv("TZ", text, 1);
        tzset();
        struct sv name = sh_text(tzname[daylight && r.has_daylight]);
        if (had)
                setenv("TZ", kept, 1);
        else
                unsetenv("TZ");
        tzset();
        return name;
}

static int zone_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        const char *id = id_of(self);
        struct sh_buf b = { 0 };
        switch (sh_member_arg(sh)) {
        case 'i': *ret = sh_text(id); break;
        case 'h': *ret = sh_bool(true); break;
        case 'd':
                put_name(&b, id);
                *ret = sh_buf_take(&b);
                break;
        case 's':
        case 'S':
                *ret = is_utc(id) ? sh_text("Coordinated Universal Time")
                                  : abbreviation(id, sh_member_arg(sh) == 'S');
                break;
        case 'b': *ret = sh_span(rule_of(id).standard * SH_TICKS_SECOND); break;
        default: *ret = sh_bool(rule_of(id).has_daylight);
        }
        return SH_OK;
}

/* ---- conversions ---- */
static bool zone_at(struct sh_args a, uint32_t i, struct sv *ret)
{
        *ret = sh_args_at(a, i);
        return ret->kind == SH_OTHER && ret->o->type == &zone_type;
}
/* A time as ticks in UTC; from: the zone of a date without one. */
static bool utc_of(struct sh *sh, struct sv v, const char *from, int64_t *ret)
{
        struct sv d;
        v = sh_unwrap(v);
        if (v.kind == SH_OTHER && v.o->type == &sh_type_offset) {
                *ret = sh_offset_utc(v);
                return true;
        }
        if (!sh_try_convert(sh, v, &sh_type_datetime, &d))
                return false;
        *ret = d.aux == SH_DATE_UTC && !from ? d.i
                                             : d.i - sh_zone_offset_local(from, d.i, NULL) * SH_TICKS_SECOND;
        return true;
}
static struct sv in_zone(struct sv like, int64_t utc, const char *id)
{
        int64_t s = sh_zone_offset_utc(id, utc, NULL);
        like = sh_unwrap(like);
        if (like.kind == SH_OTHER && like.o->type == &sh_type_offset)
                return sh_offset_new(utc + s * SH_TICKS_SECOND, s);
        struct sv local = sh_zone_local();
        int kind = is_utc(id) ? SH_DATE_UTC : !strcmp(id_of(local), id) ? SH_DATE_LOCAL : SH_DATE_UNSPECIFIED;
        sh_drop(local);
        return sh_date(utc + s * SH_TICKS_SECOND, kind);
}
static int zone_offset(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int64_t utc;
        bool dst;
        struct sv v = sh_args_at(a, 0);
        if (a.n != 1)
                return SH_NONE;
        bool unspecified = v.kind != SH_OTHER && (v.kind != SH_DATETIME || v.aux == SH_DATE_UNSPECIFIED);
        if (!utc_of(sh, v, unspecified ? id_of(self) : NULL, &utc))
                return SH_NONE;
        int64_t s = sh_zone_offset_utc(id_of(self), utc, &dst);
        *ret = sh_member_arg(sh) ? sh_bool(dst) : sh_span(s * SH_TICKS_SECOND);
        return SH_OK;
}
/* ConvertTime(time, to), ConvertTime(time, from, to) */
static int zone_convert(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv from, to;
        int64_t utc;
        if ((a.n != 2 && a.n != 3) || !zone_at(a, a.n - 1, &to) || (a.n == 3 && !zone_at(a, 1, &from)) ||
            !utc_of(sh, a.v[0], a.n == 3 ? id_of(from) : NULL, &utc))
                return SH_NONE;
        *ret = in_zone(a.v[0], utc, id_of(to));
        return SH_OK;
}
static int zone_from_utc(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv to, d;
        if (a.n != 2 || !zone_at(a, 1, &to) || !sh_try_convert(sh, a.v[0], &sh_type_datetime, &d))
                return SH_NONE;
        if (d.aux == SH_DATE_LOCAL)
                return sh_throw_argument(
                        sh, a,
                        "The conversion could not be completed because the supplied DateTime did not "
                        "have the Kind property set correctly. (Parameter 'sourceTimeZone')");
        *ret = in_zone(d, d.i, id_of(to));
        return SH_OK;
}
static int zone_to_utc(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv from;
        int64_t utc;
        if ((a.n != 1 && a.n != 2) || (a.n == 2 && !zone_at(a, 1, &from)) ||
            !utc_of(sh, a.v[0], a.n == 2 ? id_of(from) : NULL, &utc))
                return SH_NONE;
        *ret = sh_date(utc, SH_DATE_UTC);
        return SH_OK;
}
static int not_found(struct sh *sh, struct sh_args a, const char *id)
{
        return sh_throw_member(sh, a, "System.TimeZoneNotFoundException",
                               "The time zone ID '%s' was not found on the local computer.", id);
}
static int zone_by_id(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv id = sh_args_at(a, a.n - 1);
        int64_t utc;
        if (a.n != 1u + (sh_member_arg(sh) == 'c') || id.kind != SH_STRING)
                return SH_NONE;
        if (!sh_zone_exists(id.s->s))
                return not_found(sh, a, id.s->s);
        if (sh_member_arg(sh) == 'c') {
                if (!utc_of(sh, a.v[0], NULL, &utc))
                        return SH_NONE;
                *ret = in_zone(a.v[0], utc, id.s->s);
        } else {
                *ret = sh_zone_new(id.s->s);
        }
        return SH_OK;
}
static void list_zones(const char *under, struct sh_array *out)
{
        char path[PATH_MAX], name[512];
        struct stat st;
        snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", under);
        DIR *d = opendir(path);
        if (!d)
                return;
        for (struct dirent *e; (e = readdir(d));) {
                /* zones begin with a capital; posix/ and right/ repeat them all */
                if (e->d_name[0] < 'A' || e->d_name[0] > 'Z')
                        continue;
                int n = snprintf(name, sizeof(name), "%s%s%s", under, *under ? "/" : "", e->d_name);
                if (n >= (int)sizeof(name) ||
                    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name) >= PATH_MAX ||
                    stat(path, &st) != 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        list_zones(name, out);
                else
                        sh_array_take(out, sh_zone_new(name));
        }
        closedir(d);
}
static int by_id(const void *a, const void *b)
{
        return strcmp(id_of(*(const struct sv *)a), id_of(*(const struct sv *)b));
}
struct sv sh_zone_all(void)
{
        struct sv r = sh_array_new(600);
        list_zones("", r.a);
        qsort(r.a->v, r.a->n, sizeof(*r.a->v), by_id);
        return r;
}
static int zone_static(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        intptr_t what = sh_member_arg(sh);
        *ret = what == 'l'   ? sh_zone_local()
               : what == 'u' ? sh_zone_new("UTC")
               : what == 'a' ? sh_zone_all()
                             : SH_NOTHING;
        return SH_OK;
}
static void zone_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        put_name(b, id_of(self));
}
static bool zone_equals(struct sv a, struct sv b)
{
        return b.kind == SH_OTHER && b.o->type == &zone_type && !strcmp(id_of(a), id_of(b));
}
static void zone_free(struct sh_obj *o)
{
        sh_drop(((struct zone *)o)->id);
}
#define ZONE "System.TimeZoneInfo"
static const struct sh_member zone_members[] = {
        SH_P("Id", "string Id {get;}", zone_get, 'i'),
        SH_P("HasIanaId", "bool HasIanaId {get;}", zone_get, 'h'),
        SH_P("DisplayName", "string DisplayName {get;}", zone_get, 'd'),
        SH_P("StandardName", "string StandardName {get;}", zone_get, 's'),
        SH_P("DaylightName", "string DaylightName {get;}", zone_get, 'S'),
        SH_P("BaseUtcOffset", "timespan BaseUtcOffset {get;}", zone_get, 'b'),
        SH_P("SupportsDaylightSavingTime", "bool SupportsDaylightSavingTime {get;}", zone_get, 'y'),
        SH_M("GetUtcOffset", "timespan GetUtcOffset(datetime dateTime)", zone_offset, 0),
        SH_M("IsDaylightSavingTime", "bool IsDaylightSavingTime(datetime dateTime)", zone_offset, 1),
        SH_SP("Local", "static " ZONE " Local {get;}", zone_static, 'l'),
        SH_SP("Utc", "static " ZONE " Utc {get;}", zone_static, 'u'),
        SH_SM("GetSystemTimeZones", "static " ZONE "[] GetSystemTimeZones()", zone_static, 'a'),
        SH_SM("ClearCachedData", "static void ClearCachedData()", zone_static, 'c'),
        SH_SM("FindSystemTimeZoneById", "static " ZONE " FindSystemTimeZoneById(string id)", zone_by_id, 'f'),
        SH_SM("ConvertTimeBySystemTimeZoneId",
              "static datetime ConvertTimeBySystemTimeZoneId(datetime dateTime, string "
              "destinationTimeZoneId)",
              zone_by_id, 'c'),
        SH_SM("ConvertTime", "static datetime ConvertTime(datetime dateTime, " ZONE " destinationTimeZone)",
              zone_convert),
        SH_SM("ConvertTimeFromUtc",
              "static datetime ConvertTimeFromUtc(datetime dateTime, " ZONE " destination)", zone_from_utc),
        SH_SM("ConvertTimeToUtc", "static datetime ConvertTimeToUtc(datetime dateTime)", zone_to_utc),
};
static const struct sh_type zone_type = { .name = ZONE,
                                          .base = &sh_type_object,
                                          SH_MEMBERS(zone_members),
                                          .text = zone_text,
                                          .equals = zone_equals,
                                          .free = zone_free };

SH_TYPES(zone, &zone_type);
