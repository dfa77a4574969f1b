/* SPDX-License-Identifier: MIT
 *
 * [System.Timers.Timer]: Elapsed every Interval milliseconds while Enabled, once without AutoReset.
 */
#include "shell/dotnet.h"
#include "shell/eventsource.h"
#include "shell/text.h"

#include <string.h>
#include <time.h>

struct timer {
        struct sh_obj obj;
        double interval;  /* milliseconds */
        int64_t due;      /* of the monotonic clock, ns; 0: not running */
        bool once;
};

static struct timer *of(struct sv v)
{
        return (struct timer *)v.o;
}

static int64_t now_ns(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void run(struct timer *t, bool on)
{
        t->due = on ? now_ns() + (int64_t)(t->interval * 1e6) : 0;
}

static int timer_construct(struct sh *sh, const struct sh_type *type, struct sh_args a, struct sv *ret)
{
        double ms = 100;
        if (a.n > 1 || (a.n == 1 && !sh_to_double(sh, a.v[0], &ms)))
                return SH_NONE;
        if (!(ms > 0 && ms <= INT32_MAX))
                return sh_throw_range(sh, a, "interval", "The interval is not a valid number of milliseconds.");
        *ret = sh_other_new(type, sizeof(struct timer));
        of(*ret)->interval = ms;
        return SH_OK;
}

enum { T_INTERVAL, T_ENABLED, T_AUTO, T_START, T_STOP };
static int timer_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        switch (sh_member_arg(sh)) {
        case T_INTERVAL: *ret = sh_double(of(self)->interval); break;
        case T_ENABLED: *ret = sh_bool(of(self)->due != 0); break;
        default: *ret = sh_bool(!of(self)->once);
        }
        return SH_OK;
}

static int timer_set(struct sh *sh, struct sv self, struct sv value)
{
        struct timer *t = of(self);
        double ms;
        switch (sh_member_arg(sh)) {
        case T_INTERVAL:
                if (!sh_to_double(sh, value, &ms) || !(ms > 0 && ms <= INT32_MAX))
                        return sh_throw(sh, "ExceptionWhenSetting", "InvalidArgument", SH_NIL,
                                        "Exception setting \"Interval\": a number of milliseconds above 0 is wanted.");
                t->interval = ms;
                if (t->due)
                        run(t, true);
                break;
        case T_ENABLED:
                if (sh_true(value) != (t->due != 0))
                        run(t, sh_true(value));
                break;
        default: t->once = !sh_true(value);
        }
        return SH_OK;
}

static int timer_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        *ret = SH_NOTHING;
        if (a.n)
                return SH_NONE;
        bool start = sh_member_arg(sh) == T_START;
        if (!start || !of(self)->due)
                run(of(self), start);
        return SH_OK;
}

bool sh_timer_poll(struct sh *sh, struct sv self, const char **ret_name, struct sv *ret_args)
{
        struct timer *t = of(self);
        (void)sh;
        if (!t->due || now_ns() < t->due)
                return false;
        t->due = t->once ? 0 : t->due + (int64_t)(t->interval * 1e6);
        struct sv when = sh_datetime_now();
        *ret_name = "Elapsed";
        *ret_args = sh_object_new();
        sh_object_set(*ret_args, "SignalTime", 10, when);
        sh_object_type(*ret_args, "System.Timers.ElapsedEventArgs");
        return true;
}

static void timer_free(struct sh_obj *o)
{
        (void)o;
}

#define SET(n, text, which) \
        { .name = n, .kind = SH_PROPERTY, .signature = text, .call = timer_get, .set = timer_set, .arg = which }
static const struct sh_member timer_members[] = {
        SET("AutoReset", "bool AutoReset {get;set;}", T_AUTO),
        SET("Enabled", "bool Enabled {get;set;}", T_ENABLED),
        SET("Interval", "double Interval {get;set;}", T_INTERVAL),
        SH_M("Start", "void Start()", timer_do, T_START),
        SH_M("Stop", "void Stop()", timer_do, T_STOP),
        SH_M("Close", "void Close()", timer_do, T_STOP),
        SH_M("Dispose", "void Dispose()", timer_do, T_STOP),
};
const struct sh_type sh_type_timer = { .name = "System.Timers.Timer",
                                       .base = &sh_type_object,
                                       SH_MEMBERS(timer_members),
                                       .construct = timer_construct,
                                       .free = timer_free };

SH_TYPES(timer, &sh_type_timer);
