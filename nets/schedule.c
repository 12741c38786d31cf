/* nets/schedule.c: how the learning rate moves. */
#include <math.h>
#include <stdlib.h>

#include "nets/optimiser.h"
#include "nets/optimiser_internal.h"

/* The first step of a warm-up has this share of the rate: at zero it would be wasted. */
#define RISE_FROM 0.01
/* An epoch counted in steps, or 0.7 of 90 of them, may miss its drop by a rounding. */
#define ROUNDING 1e-9

/* The next drop of the list, as an epoch; -1 past the end. Numbers below 1 are shares. */
static double list_entry(const char **at, size_t epochs)
{
    char *end = NULL;
    const double value = strtod(*at, &end);
    if (end == *at || !isfinite(value))
        return -1.0;
    *at = *end == ',' ? end + 1 : end;
    return value < 1.0 ? value * (double)epochs : value;
}

SimStatus net_schedule_check(const NetOptimiserOptions *o)
{
    const char *at = o->schedule_at;
    while (*at) {
        const char *before = at;
        if (list_entry(&at, 100) < 0.0 || at == before)
            return sim_fail(
                SIM_ERR_VALUE,
                "schedule_at: wanted epochs or shares like \"0.7,0.8,0.9\", got \"%s\"",
                o->schedule_at);
    }
    if (o->schedule == NET_SCHEDULE_LIST && !*o->schedule_at)
        return sim_fail(SIM_ERR_VALUE, "schedule: list needs schedule_at");
    if (o->schedule == NET_SCHEDULE_STEP && o->schedule_epochs == 0)
        return sim_fail(SIM_ERR_VALUE, "schedule: step needs schedule_epochs");
    return SIM_OK;
}

double net_schedule_lr(const NetOptimiserOptions *o, double epoch, size_t epochs)
{
    const double warmup = (double)o->warmup;
    const double rise =
        epoch < warmup ? RISE_FROM + (1.0 - RISE_FROM) * epoch / warmup : 1.0;
    double lr = o->lr;
    if (o->schedule == NET_SCHEDULE_COSINE) {
        const double span =
            o->schedule_epochs ? (double)o->schedule_epochs : (double)epochs;
        const double x = fmin(1.0, epoch / fmax(span, 1.0));
        lr = o->lr_min +
             (o->lr - o->lr_min) * 0.5 * (1.0 + cos(3.14159265358979323846 * x));
    } else if (o->schedule == NET_SCHEDULE_STEP) {
        lr *= pow(o->schedule_factor,
                  floor((epoch + ROUNDING) / (double)o->schedule_epochs));
    } else if (o->schedule == NET_SCHEDULE_LIST) {
        const char *at = o->schedule_at;
        while (*at) {
            const double drop = list_entry(&at, epochs);
            if (drop < 0.0)
                break;
            if (epoch + ROUNDING >= drop)
                lr *= o->schedule_factor;
        }
    }
    return rise * lr;
}
