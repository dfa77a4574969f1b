/* SPDX-License-Identifier: MIT
 *
 * [cultureinfo] and what hangs on it: TextInfo, NumberFormat, DateTimeFormat, Calendar. The shell formats by the
 * invariant rules whatever the culture is called; a culture here is its name and those rules.
 */
#include "shell/culture.h"
#include "shell/datetime.h"
#include "shell/fields.h"
#include "shell/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SH_ENUM_TYPE(number_styles, "System.Globalization.NumberStyles", true, { "None", 0 },
             { "AllowLeadingWhite", 1 }, { "AllowTrailingWhite", 2 }, { "AllowLeadingSign", 4 },
             { "Integer", 7 }, { "AllowTrailingSign", 8 }, { "AllowParentheses", 16 },
             { "AllowDecimalPoint", 32 }, { "AllowThousands", 64 }, { "Number", 111 },
             { "AllowExponent", 128 }, { "Float", 167 }, { "AllowCurrencySymbol", 256 }, { "Currency", 383 },
             { "Any", 511 }, { "AllowHexSpecifier", 512 }, { "HexNumber", 515 });
SH_ENUM_TYPE(date_styles, "System.Globalization.DateTimeStyles", true, { "None", 0 },
             { "AllowLeadingWhite", 1 }, { "AllowTrailingWhite", 2 }, { "AllowInnerWhite", 4 },
             { "AllowWhiteSpaces", 7 }, { "NoCurrentDateDefault", 8 }, { "AdjustToUniversal", 16 },
             { "AssumeLocal", 32 }, { "AssumeUniversal", 64 }, { "RoundtripKind", 128 });
SH_ENUM_TYPE(week_rule, "System.Globalization.CalendarWeekRule", false, { "FirstDay", 0 },
             { "FirstFullWeek", 1 }, { "FirstFourDayWeek", 2 });
SH_ENUM_TYPE(culture_types, "System.Globalization.CultureTypes", true, { "NeutralCultures", 1 },
             { "SpecificCultures", 2 }, { "InstalledWin32Cultures", 4 }, { "AllCultures", 7 });

/* ---- cultures ---- */
static const struct known {
        const char *name, *display;
        int lcid;
} known[] = {
        { "", "Invariant Language (Invariant Country)", 127 },
        { "en-US", "English (United States)", 1033 },
        { "en", "English", 9 },
        { "en-GB", "English (United Kingdom)", 2057 },
        { "de-DE", "German (Germany)", 1031 },
        { "de", "German", 7 },
        { "de-AT", "German (Austria)", 3079 },
        { "de-CH", "German (Switzerland)", 2055 },
        { "fr-FR", "French (France)", 1036 },
        { "fr", "French", 12 },
        { "es-ES", "Spanish (Spain)", 3082 },
        { "it-IT", "Italian (Italy)", 1040 },
        { "nl-NL", "Dutch (Netherlands)", 1043 },
        { "sv-SE", "Swedish (Sweden)", 1053 },
        { "da-DK", "Danish (Denmark)", 1030 },
        { "fi-FI", "Finnish (Finland)", 1035 },
        { "nb-NO", "Norwegian Bokm\u00e5l (Norway)", 1044 },
        { "pl-PL", "Polish (Poland)", 1045 },
        { "cs-CZ", "Czech (Czechia)", 1029 },
        { "pt-BR", "Portuguese (Brazil)", 1046 },
        { "pt-PT", "Portuguese (Portugal)", 2070 },
        { "ru-RU", "Russian (Russia)", 1049 },
        { "tr-TR", "Turkish (T\u00fcrkiye)", 1055 },
        { "ja-JP", "Japanese (Japan)", 1041 },
        { "ko-KR", "Korean (South Korea)", 1042 },
        { "zh-CN", "Chinese (China)", 2052 },
};
struct culture {
        struct sh_obj obj;
        struct sv name;
};
static const struct sh_type culture_type, text_type, number_type, date_type, calendar_type;
static const struct known *known_of(const char *name)
{
        for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
                if (!strcasecmp(known[i].name, name))
                        return &known[i];
        return NULL;
}
struct sv sh_culture_new(const char *name)
{
        const struct known *k = known_of(name);
        struct sv r = sh_other_new(&culture_type, sizeof(struct culture));
        ((struct culture *)r.o)->name = sh_text(k ? k->name : name);
        return r;
}
struct sv sh_culture_current(void)
{
        const char *lang = getenv("LC_ALL");
        char name[32];
        if (!lang || !*lang)
                lang = getenv("LANG");
        if (!lang || !*lang || !strncmp(lang, "C", 1) || !strcmp(lang, "POSIX"))
                return sh_culture_new("");
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(lang, ".@"), lang);
        if (strchr(name, '_'))
                *strchr(name, '_') = '-';
        return sh_culture_new(name);
}
static const char *name_of(struct sv v)
{
        return ((struct culture *)v.o)->name.s->s;
}
static struct sv part(const struct sh_type *t)
{
        return sh_other_new(t, sizeof(struct sh_obj));
}
static int culture_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        const char *name = name_of(self);
        const struct known *k = known_of(name);
        switch (sh_member_arg(sh)) {
        case 'l': *ret = sh_int(k ? k->lcid : 4096); break;
        case 'n': *ret = sh_text(name); break;
        case 'd': *ret = sh_text(k ? k->display : name); break;
        case '2': *ret = *name ? sh_string(name, strcspn(name, "-")) : sh_text("iv"); break;
        case 'p': *ret = *name && strchr(name, '-') ? sh_culture_new("") : sh_keep(self); break;
        case 'N': *ret = sh_bool(*name && !strchr(name, '-')); break;
        case 'r': *ret = sh_bool(true); break;
        case 't': *ret = part(&text_type); break;
        case 'f': *ret = part(&number_type); break;
        case 'D': *ret = part(&date_type); break;
        default: *ret = part(&calendar_type);
        }
        return SH_OK;
}
static int culture_static(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv name = sh_args_at(a, 0);
        switch (sh_member_arg(sh)) {
        case 'i': *ret = sh_culture_new(""); return SH_OK;
        case 'c': *ret = sh_culture_current(); return SH_OK;
        case 'a':
                *ret = sh_array_new(32);
                for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
                        sh_array_take(ret->a, sh_culture_new(known[i].name));
                return SH_OK;
        default:
                if (a.n < 1 || name.kind != SH_STRING)
                        return SH_NONE;
                *ret = sh_culture_new(name.s->s);
                return SH_OK;
        }
}
static int culture_keep(struct sh *sh, struct sv self, struct sv value)
{
        (void)sh, (void)self, (void)value; /* formatting is by the invariant rules whatever is set */
        return SH_OK;
}
static bool valid_name(const char *s)
{
        size_t n = strlen(s);
        for (size_t i = 0; i < n; i++)
                if (!((s[i] | 32) >= 'a' && (s[i] | 32) <= 'z') && s[i] != '-' &&
                    !(s[i] >= '0' && s[i] <= '9'))
                        return false;
        return n < 30;
}
static int culture_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        int64_t lcid;
        from = sh_unwrap(from);
        if (from.kind == SH_STRING && valid_name(from.s->s)) {
                *ret = sh_culture_new(from.s->s);
                return SH_OK;
        }
        if (sh_is_int(from) && sh_to_int64(sh, from, &lcid))
                for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
                        if (known[i].lcid == lcid) {
                                *ret = sh_culture_new(known[i].name);
                                return SH_OK;
                        }
        if (from.kind == SH_STRING)
                return sh_throw_cast(
                        sh, "CultureNotFoundException", from, t,
                        "Culture is not supported. (Parameter 'name') %s is an invalid culture identifier.",
                        from.s->s);
        return SH_NONE;
}
static int culture_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        return a.n == 1 || a.n == 2 ? culture_convert(sh, t, a.v[0], ret) : SH_NONE;
}
static void culture_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        sh_buf_puts(b, name_of(self));
}
static bool culture_equals(struct sv a, struct sv b)
{
        return b.kind == SH_OTHER && b.o->type == &culture_type && !strcmp(name_of(a), name_of(b));
}
static void culture_free(struct sh_obj *o)
{
        sh_drop(((struct culture *)o)->name);
}
static const struct sh_member culture_members[] = {
        SH_P("Parent", "cultureinfo Parent {get;}", culture_get, 'p'),
        SH_P("LCID", "int LCID {get;}", culture_get, 'l'),
        SH_P("KeyboardLayoutId", "int KeyboardLayoutId {get;}", culture_get, 'l'),
        SH_P("Name", "string Name {get;}", culture_get, 'n'),
        SH_P("IetfLanguageTag", "string IetfLanguageTag {get;}", culture_get, 'n'),
        SH_P("DisplayName", "string DisplayName {get;}", culture_get, 'd'),
        SH_P("NativeName", "string NativeName {get;}", culture_get, 'd'),
        SH_P("EnglishName", "string EnglishName {get;}", culture_get, 'd'),
        SH_P("TwoLetterISOLanguageName", "string TwoLetterISOLanguageName {get;}", culture_get, '2'),
        SH_P("TextInfo", "System.Globalization.TextInfo TextInfo {get;}", culture_get, 't'),
        SH_P("IsNeutralCulture", "bool IsNeutralCulture {get;}", culture_get, 'N'),
        SH_P("NumberFormat", "System.Globalization.NumberFormatInfo NumberFormat {get;set;}", culture_get,
             'f'),
        SH_P("DateTimeFormat", "System.Globalization.DateTimeFormatInfo DateTimeFormat {get;set;}",
             culture_get, 'D'),
        SH_P("Calendar", "System.Globalization.Calendar Calendar {get;}", culture_get, 'C'),
        SH_P("IsReadOnly", "bool IsReadOnly {get;}", culture_get, 'r'),
        SH_SP("InvariantCulture", "static cultureinfo InvariantCulture {get;}", culture_static, 'i'),
        { "CurrentCulture", SH_PROPERTY, true, "static cultureinfo CurrentCulture {get;set;}", culture_static,
          culture_keep, 'c' },
        { "CurrentUICulture", SH_PROPERTY, true, "static cultureinfo CurrentUICulture {get;set;}",
          culture_static, culture_keep, 'c' },
        SH_SM("GetCultureInfo", "static cultureinfo GetCultureInfo(string name)", culture_static, 'g'),
        SH_SM("CreateSpecificCulture", "static cultureinfo CreateSpecificCulture(string name)",
              culture_static, 'g'),
        SH_SM("GetCultures", "static cultureinfo[] GetCultures(System.Globalization.CultureTypes types)",
              culture_static, 'a'),
};
static const struct sh_type culture_type = { .name = "System.Globalization.CultureInfo",
                                             .accelerator = "cultureinfo",
                                             .base = &sh_type_object,
                                             SH_MEMBERS(culture_members),
                                             .text = culture_text,
                                             .equals = culture_equals,
                                             .convert = culture_convert,
                                             .construct = culture_construct,
                                             .free = culture_free };

/* The format objects of the invariant culture: arg tells which. */
static int format_info(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = part(sh_member_arg(sh) ? &date_type : &number_type);
        return SH_OK;
}
#define INFO(type, which) \
        SH_SP("InvariantInfo", "static System.Globalization." type " InvariantInfo {get;}", format_info, \
              which), \
                SH_SP("CurrentInfo", "static System.Globalization." type " CurrentInfo {get;}", format_info, \
                      which)

/* ---- TextInfo ---- */
/* Words of capitals only are left as they are: acronyms. */
static void put_title(struct sh_buf *b, const char *s, size_t n)
{
        for (size_t i = 0; i < n;) {
                unsigned len;
                uint32_t cp = sh_utf_next(s + i, n - i, &len);
                if (!sh_cp_letter(cp)) {
                        sh_buf_put(b, s + i, len);
                        i += len;
                        continue;
                }
                size_t end = i, first = len;
                bool lower = false;
                while (end < n) {
                        cp = sh_utf_next(s + end, n - end, &len);
                        if (!sh_cp_letter(cp) && cp != '\'' && !(end > i && sh_cp_digit(cp)))
                                break;
                        lower |= sh_cp_lower(cp);
                        end += len;
                }
                struct sv head = sh_text_case(s + i, first, true),
                          tail = sh_text_case(s + i + first, end - i - first, false);
                sh_buf_put(b, head.s->s, head.s->len);
                if (lower || end - i == first)
                        sh_buf_put(b, tail.s->s, tail.s->len);
                else
                        sh_buf_put(b, s + i + first, end - i - first);
                sh_drop(head);
                sh_drop(tail);
                i = end;
        }
}
static int text_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv s = sh_args_at(a, 0);
        struct sh_buf b = { 0 };
        if (a.n != 1 || (s.kind != SH_STRING && s.kind != SH_CHAR))
                return SH_NONE;
        s = sh_to_text(sh, s);
        if (sh_member_arg(sh) == 't') {
                put_title(&b, s.s->s, s.s->len);
                *ret = sh_buf_take(&b);
        } else {
                *ret = sh_text_case(s.s->s, s.s->len, sh_member_arg(sh) == 'u');
        }
        sh_drop(s);
        sh_buf_free(&b);
        return SH_OK;
}
static int text_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        *ret = sh_member_arg(sh) ? sh_bool(false) : sh_text(",");
        return SH_OK;
}
static const struct sh_member text_members[] = {
        SH_P("ListSeparator", "string ListSeparator {get;set;}", text_get, 0),
        SH_P("IsRightToLeft", "bool IsRightToLeft {get;}", text_get, 1),
        SH_M("ToTitleCase", "string ToTitleCase(string str)", text_do, 't'),
        SH_M("ToUpper", "string ToUpper(string str)", text_do, 'u'),
        SH_M("ToLower", "string ToLower(string str)", text_do, 'l'),
};
static const struct sh_type text_type = { .name = "System.Globalization.TextInfo",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(text_members) };

/* ---- NumberFormatInfo ---- */
static int number_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        static const char *const texts[] = {
                ".", ",", "-", "+", "%", "NaN", "Infinity", "-Infinity", "\u00a4"
        };
        intptr_t i = sh_member_arg(sh);
        if (i < (intptr_t)(sizeof texts / sizeof *texts))
                *ret = sh_text(texts[i]);
        else
                *ret = sh_int((int32_t)i - 100);
        return SH_OK;
}
#define TEXT(name, i) SH_P(name, "string " name " {get;set;}", number_get, i)
static const struct sh_member number_members[] = {
        INFO("NumberFormatInfo", 0),
        SH_P("CurrencyDecimalDigits", "int CurrencyDecimalDigits {get;set;}", number_get, 102),
        TEXT("CurrencyDecimalSeparator", 0),
        TEXT("CurrencyGroupSeparator", 1),
        TEXT("CurrencySymbol", 8),
        TEXT("NaNSymbol", 5),
        TEXT("NegativeSign", 2),
        SH_P("NumberDecimalDigits", "int NumberDecimalDigits {get;set;}", number_get, 102),
        TEXT("NumberDecimalSeparator", 0),
        TEXT("NumberGroupSeparator", 1),
        TEXT("PositiveSign", 3),
        TEXT("PositiveInfinitySymbol", 6),
        TEXT("NegativeInfinitySymbol", 7),
        TEXT("PercentSymbol", 4),
        TEXT("PercentDecimalSeparator", 0),
};
static const struct sh_type number_type = { .name = "System.Globalization.NumberFormatInfo",
                                            .base = &sh_type_object,
                                            SH_MEMBERS(number_members) };

/* ---- DateTimeFormatInfo ---- */
static struct sv names(const char *const *all, uint32_t n, int cut, bool extra)
{
        struct sv r = sh_array_typed(&sh_type_string, 0);
        for (uint32_t i = 0; i < n; i++)
                sh_array_take(r.a, sh_string(all[i], cut ? (size_t)cut : strlen(all[i])));
        if (extra)
                sh_array_take(r.a, sh_text(""));
        return r;
}
static int date_names(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        intptr_t what = sh_member_arg(sh); /* 1 days, 2 months; +4 short */
        *ret = what & 1 ? names(sh_day_names, 7, what & 4 ? 3 : 0, false)
                        : names(sh_month_names, 12, what & 4 ? 3 : 0, true);
        return SH_OK;
}
static int date_name(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        intptr_t what = sh_member_arg(sh);
        bool day = what & 1;
        int32_t i;
        struct sv v = sh_args_at(a, 0);
        if (a.n != 1)
                return SH_NONE;
        if (day && sh_args_enum(sh, a, 0, &sh_enum_day_of_week, &i)) {
                if (i < 0 || i > 6)
                        return sh_throw_range(sh, a, "dayofweek",
                                              "Valid values are between 0 and 6, inclusive.");
        } else if (!sh_is_number(v) && v.kind != SH_STRING) {
                return SH_NONE;
        } else if (!sh_args_i32(sh, a, 0, &i) || i < 1 || i > 13) {
                return sh_throw_range(sh, a, "month", "Valid values are between 1 and 13, inclusive.");
        }
        const char *s = day ? sh_day_names[i] : i == 13 ? "" : sh_month_names[i - 1];
        *ret = sh_string(s, what & 4 && *s ? 3 : strlen(s));
        return SH_OK;
}
static int date_text(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self, (void)a;
        static const char *const texts[] = { "MM/dd/yyyy",
                                             "dddd, dd MMMM yyyy",
                                             "HH:mm",
                                             "HH:mm:ss",
                                             "AM",
                                             "PM",
                                             "/",
                                             ":",
                                             "dddd, dd MMMM yyyy HH:mm:ss",
                                             "yyyy'-'MM'-'dd'T'HH':'mm':'ss" };
        intptr_t i = sh_member_arg(sh);
        if (i < (intptr_t)(sizeof texts / sizeof *texts))
                *ret = sh_text(texts[i]);
        else
                *ret = sh_enum_value(i == 100 ? &sh_enum_day_of_week : &week_rule, 0);
        return SH_OK;
}
#define PATTERN(name, i) SH_P(name, "string " name " {get;set;}", date_text, i)
static const struct sh_member date_members[] = {
        INFO("DateTimeFormatInfo", 1),
        PATTERN("AMDesignator", 4),
        PATTERN("PMDesignator", 5),
        PATTERN("DateSeparator", 6),
        PATTERN("TimeSeparator", 7),
        SH_P("FirstDayOfWeek", "System.DayOfWeek FirstDayOfWeek {get;set;}", date_text, 100),
        SH_P("CalendarWeekRule", "System.Globalization.CalendarWeekRule CalendarWeekRule {get;set;}",
             date_text, 101),
        PATTERN("FullDateTimePattern", 8),
        PATTERN("LongDatePattern", 1),
        PATTERN("LongTimePattern", 3),
        PATTERN("ShortDatePattern", 0),
        PATTERN("ShortTimePattern", 2),
        PATTERN("SortableDateTimePattern", 9),
        SH_P("DayNames", "string[] DayNames {get;set;}", date_names, 1),
        SH_P("AbbreviatedDayNames", "string[] AbbreviatedDayNames {get;set;}", date_names, 5),
        SH_P("MonthNames", "string[] MonthNames {get;set;}", date_names, 2),
        SH_P("AbbreviatedMonthNames", "string[] AbbreviatedMonthNames {get;set;}", date_names, 6),
        SH_M("GetMonthName", "string GetMonthName(int month)", date_name, 2),
        SH_M("GetAbbreviatedMonthName", "string GetAbbreviatedMonthName(int month)", date_name, 6),
        SH_M("GetDayName", "string GetDayName(System.DayOfWeek dayofweek)", date_name, 1),
        SH_M("GetAbbreviatedDayName", "string GetAbbreviatedDayName(System.DayOfWeek dayofweek)", date_name,
             5),
};
static const struct sh_type date_type = { .name = "System.Globalization.DateTimeFormatInfo",
                                          .base = &sh_type_object,
                                          SH_MEMBERS(date_members) };

/* ---- Calendar, ISOWeek ---- */
static int iso_week(const struct sh_calendar *c, int *ret_year)
{
        int wd = (c->weekday + 6) % 7, w = (c->yearday - 1 - wd + 10) / 7, y = c->year;
        if (w < 1) {
                y--;
                int days = 365 + sh_leap_year(y);
                w = (c->yearday - 1 + days - wd + 10) / 7;
        } else if (w == 53) {
                int days = 365 + sh_leap_year(y);
                if (days - c->yearday < 3 - wd) {
                        w = 1;
                        y++;
                }
        }
        *ret_year = y;
        return w;
}
static int week_of(struct sh_calendar c, int rule, int first)
{
        int yearday = c.yearday - 1, want = rule == 0 ? 1 : rule == 1 ? 7 : 4;
        int jan1 = (c.weekday - yearday % 7 + 7 + 7 - first) % 7; /* 1 January's place in its week */
        int in_first = 7 - jan1;                                  /* its days in this year */
        if (in_first >= want)
                return (yearday + jan1) / 7 + 1;
        int w = (yearday + jan1) / 7;
        if (w > 0)
                return w;
        int days = 365 + sh_leap_year(c.year - 1);
        struct sh_calendar last = { .year = c.year - 1,
                                    .yearday = days,
                                    .weekday = (c.weekday - yearday % 7 + 13) % 7 };
        return week_of(last, rule, first);
}
static int calendar_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv d;
        struct sh_calendar c;
        int32_t rule = 0, first = 0, year;
        intptr_t what = sh_member_arg(sh);
        if (a.n < 1 || !sh_try_convert(sh, a.v[0], &sh_type_datetime, &d))
                return SH_NONE;
        sh_calendar_of(d.i, &c);
        if (what == 'w') {
                if (a.n != 3 || !sh_args_enum(sh, a, 1, &week_rule, &rule) ||
                    !sh_args_enum(sh, a, 2, &sh_enum_day_of_week, &first))
                        return SH_NONE;
                *ret = sh_int(week_of(c, rule, first));
        } else {
                int week = iso_week(&c, &year);
                *ret = sh_int(what == 'y' ? year : week);
        }
        return SH_OK;
}
static const struct sh_member calendar_members[] = {
        SH_M("GetWeekOfYear",
             "int GetWeekOfYear(datetime time, System.Globalization.CalendarWeekRule rule, System.DayOfWeek "
             "firstDayOfWeek)",
             calendar_do, 'w'),
};
static int calendar_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = part(t);
        return SH_OK;
}
static const struct sh_type calendar_type = { .name = "System.Globalization.GregorianCalendar",
                                              .base = &sh_type_object,
                                              SH_MEMBERS(calendar_members),
                                              .construct = calendar_new };
static const struct sh_member iso_members[] = {
        SH_SM("GetWeekOfYear", "static int GetWeekOfYear(datetime date)", calendar_do, 'i'),
        SH_SM("GetYear", "static int GetYear(datetime date)", calendar_do, 'y'),
};
static const struct sh_type iso_type = { .name = "System.Globalization.ISOWeek",
                                         .base = &sh_type_object,
                                         SH_MEMBERS(iso_members) };

SH_TYPES(culture, &culture_type, &text_type, &number_type, &date_type, &calendar_type, &iso_type,
         &number_styles.type, &date_styles.type, &week_rule.type, &culture_types.type);
