/* nets/layers/repeat.c: a wire that is the same at every step becomes T steps. */
#include <string.h>

#include "nets/layers.h"

static SimStatus plan(NetLayerPlan *plan)
{
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out.t = plan->steps;
    plan->out_form = SIM_DENSE;
    return SIM_OK;
}

static void forward(const NetLayerRun *run)
{
    const size_t step = sim_shape_step(run->y.shape), steps = run->y.shape.t;
    const bool constant = run->x[0].shape.t == 1;
    for (size_t t = 0; t < steps; t++)
        memcpy(run->y.f32 + t * step, run->x[0].f32 + (constant ? 0 : t * step),
               step * sizeof(float));
}

static void backward(const NetLayerRun *run)
{
    if (!run->dx[0])
        return;
    const size_t step = sim_shape_step(run->y.shape), steps = run->y.shape.t;
    const bool constant = run->x[0].shape.t == 1;
    for (size_t t = 0; t < steps; t++) {
        float *dx = run->dx[0] + (constant ? 0 : t * step);
        const bool add = run->accumulate[0] || (constant && t > 0);
        for (size_t i = 0; i < step; i++)
            dx[i] = add ? dx[i] + run->dy[t * step + i] : run->dy[t * step + i];
    }
}

const NetLayer net_layer_repeat = {
    .name = "repeat",
    .summary = "one image at every step",
    .min_inputs = 1,
    .max_inputs = 1,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
