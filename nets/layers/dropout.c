/* nets/layers/dropout.c: in training, values are zero with probability `rate` and the others
 * grow by 1 / (1 - rate) (Srivastava et al. 2014). The mask is a function of the seed, the
 * training step and the place, so backward draws it again instead of keeping it. */
#include <stddef.h>
#include <string.h>

#include "nets/layers.h"

static const SimOption options[] = {
    {"rate", SIM_OPTION_FLOAT, offsetof(NetDropout, rate), .initial = 0.5, .low = 0.0, .high = 0.99, .help = "share of values dropped"},
    {"over_time", SIM_OPTION_BOOL, offsetof(NetDropout, over_time), .initial = 1, .help = "one mask for all steps"},
    {0},
};

static SimStatus plan(NetLayerPlan *plan)
{
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out_form = SIM_DENSE;
    return SIM_OK;
}

typedef struct Work {
    const NetLayerRun *run;
    const float *from;
    float *to;
    bool add;
} Work;

static void step_task(void *argument, size_t t, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const NetLayerRun *run = work->run;
    const NetDropout *o = run->options;
    const size_t n = sim_shape_step(run->y.shape);
    const uint64_t first = o->over_time ? 0 : (run->t0 + t) * n;
    SimRng rng = run->rng;
    rng.purpose = SIM_RNG_DROPOUT;
    const float factor = (float)(1.0 / (1.0 - o->rate)), rate = (float)o->rate;
    for (size_t i = 0; i < n; i++) {
        const size_t at = t * n + i;
        const float kept = sim_rng_uniform(rng, first + i) < rate ? 0.0f : factor * work->from[at];
        work->to[at] = work->add ? work->to[at] + kept : kept;
    }
}

static void forward(const NetLayerRun *run)
{
    const NetDropout *o = run->options;
    if (!run->training || o->rate == 0.0) {
        memcpy(run->y.f32, run->x[0].f32, sim_shape_count(run->y.shape) * sizeof(float));
        return;
    }
    Work work = {run, run->x[0].f32, run->y.f32, false};
    sim_team_run(&run->context->team, run->y.shape.t, step_task, &work);
}

static void backward(const NetLayerRun *run)
{
    if (!run->dx[0])
        return;
    Work work = {run, run->dy, run->dx[0], run->accumulate[0]};
    sim_team_run(&run->context->team, run->y.shape.t, step_task, &work);
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
