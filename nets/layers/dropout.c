/* nets/layers/dropout.c: in training, values are zero with probability `rate` and the
 * others grow by 1 / (1 - rate) (Srivastava et al. 2014). The mask is a function of the
 * seed, the training step and the place, so backward draws it again instead of keeping
 * it. A wire that is the same at every step gets one mask. */
#include <stddef.h>
#include <string.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"

/* clang-format off */
static const SimOption options[] = {
    {"rate", SIM_OPTION_FLOAT, offsetof(NetDropout, rate), .initial = 0.5, .low = 0.0, .high = 0.99, .help = "share of values dropped"},
    {"over_time", SIM_OPTION_BOOL, offsetof(NetDropout, over_time), .initial = 1, .help = "one mask for all steps"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out_form = SIM_DENSE;
    return SIM_OK;
}

/* to (+)= mask from, over a block of pixels. */
static void drop_rows(const NetRows *rows, size_t index, const float *from, float *to,
                      bool add)
{
    const NetLayerRun *run = rows->run;
    const NetDropout *o = run->options;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c;
    const size_t step = sim_shape_step(run->y.shape);
    const float factor = (float)(1.0 / (1.0 - o->rate)), rate = (float)o->rate;
    SimRng rng = run->rng;
    rng.purpose = SIM_RNG_DROPOUT;
    first *= rows->c;
    for (size_t i = first; i < first + n; i++) {
        const uint64_t place = o->over_time ? i % step : run->t0 * step + i;
        const float kept = sim_rng_uniform(rng, place) < rate ? 0.0f : factor * from[i];
        to[i] = add ? to[i] + kept : kept;
    }
}

static void forward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    drop_rows(rows, index, rows->run->x[0].f32, rows->run->y.f32, false);
}

static void backward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    drop_rows(rows, index, rows->run->dy, rows->run->dx[0], rows->run->accumulate[0]);
}

static void forward(const NetLayerRun *run)
{
    const NetDropout *o = run->options;
    if (run->training && o->rate > 0.0)
        net_rows_run(run, run->y.shape, forward_rows);
    else
        memcpy(run->y.f32, run->x[0].f32, sim_shape_count(run->y.shape) * sizeof(float));
}

static void backward(const NetLayerRun *run)
{
    if (run->dx[0])
        net_rows_run(run, run->y.shape, backward_rows);
}

const NetLayer net_layer_dropout = {
    .name = "dropout",
    .summary = "values dropped at random in training",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetDropout),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
