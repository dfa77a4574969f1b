/* SPDX-License-Identifier: MIT
 *
 * LocalTime and UTCTime: the clock as objects. While somebody watches one, a timer rings at each full second.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/provider.h"
#include "gen/LocalTime.h"

static int emit(struct rv_sink *out, const char *clock, const struct tm *t)
{
        struct rv_row *row = rv_row(out);
        unsigned first =
                (unsigned)(t->tm_wday - (t->tm_mday - 1) % 7 + 7) % 7; /* weekday of the month's first day */
        CurrentTime_set_Clock(row, clock, strlen(clock));
        CurrentTime_set_Year(row, (uint32_t)t->tm_year + 1900);
        CurrentTime_set_Month(row, (uint32_t)t->tm_mon + 1);
        CurrentTime_set_Day(row, (uint32_t)t->tm_mday);
        CurrentTime_set_DayOfWeek(row, (uint32_t)t->tm_wday);
        CurrentTime_set_WeekInMonth(row, ((uint32_t)t->tm_mday - 1 + first) / 7 + 1);
        CurrentTime_set_Quarter(row, (uint32_t)t->tm_mon / 3 + 1);
        CurrentTime_set_Hour(row, (uint32_t)t->tm_hour);
        CurrentTime_set_Minute(row, (uint32_t)t->tm_min);
        CurrentTime_set_Second(row, (uint32_t)t->tm_sec);
        int r = rv_emit(out, row);
        return r == RV_STOP ? RV_OK : r;
}

/* Not time(): it lags by up to a tick of the kernel, and at a full second would still name the last one. */
static time_t seconds(void)
{
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        return now.tv_sec;
}

static int local_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        struct tm t;
        time_t now = seconds();
        tzset(); /* the zone may have been changed */
        return emit(out, "local", localtime_r(&now, &t));
}

static int utc_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        (void)q;
        (void)err;
        struct tm t;
        time_t now = seconds();
        return emit(out, "UTC", gmtime_r(&now, &t));
}

/* At each full second of the wall clock. When it is set, the read fails and all begins anew. */
static int push_open(struct rv_error *err)
{
        (void)err;
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        struct itimerspec each = { .it_interval = { 1, 0 }, .it_value = { now.tv_sec + 1, 0 } };
        int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &each, NULL) == 0)
                return fd;
        int r = -errno;
        close(fd);
        return r;
}

static int push_read(int fd, struct rv_news *news)
{
        uint64_t rang;
        if (read(fd, &rang, sizeof rang) < 0)
                return errno == EAGAIN ? 0 : -errno;
        rv_news_changed(news);
        return 0;
}

static const struct rv_push push = { .covers = RV_PUSH_ALL, .open = push_open, .read = push_read };
static const struct rv_provider local = {
        .class = &LocalTime_class, .query = local_query, .push = &push, .quick = true
};
static const struct rv_provider utc = {
        .class = &UTCTime_class, .query = utc_query, .push = &push, .quick = true
};

RV_PROVIDERS(localtime, &local, &utc);
