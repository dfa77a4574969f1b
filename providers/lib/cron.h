/* SPDX-License-Identifier: MIT
 *
 * Times of crontab(5): "30 7 * * 1-5", "0-59/10 * * * *", "@daily".
 */
#ifndef RV_CRON_H
#define RV_CRON_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct rv_cron {
        uint64_t minutes;            /* one bit each */
        uint32_t hours, days;        /* days of the month from bit 1 */
        uint16_t months;             /* from bit 1 */
        uint8_t weekdays;            /* Sunday is bit 0 */
        bool any_day, any_weekday;   /* the field begins with a star */
};

/* Reads the five fields, or one @word, from *at and moves it behind them (and the blanks that follow). @reboot is no
 * time: false, as for everything that is none. */
bool rv_cron_parse(const char **at, struct rv_cron *ret);
/* The first minute after t at which it fits, by local time; -1: never within eight years. */
time_t rv_cron_next(const struct rv_cron *, time_t t);

#endif
