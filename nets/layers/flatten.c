/* nets/layers/flatten.c: pixels into channels, in the order H, W, C. */
#include <string.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"

static SimStatus plan(NetLayerPlan *plan)
{
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out.c = plan->in[0].h * plan->in[0].w * plan->in[0].c;
    plan->out.h = plan->out.w = 1;
    plan->out_form = SIM_DENSE;
    plan->by_step = true;
    plan->passes_gradient[0] = true;
    return SIM_OK;
}

static void forward(const NetLayerRun *run)
{
    memcpy(run->y.f32, run->x[0].f32, sim_shape_count(run->y.shape) * sizeof(float));
}

const NetLayer net_layer_flatten = {
    .name = "flatten",
    .summary = "pixels into channels",
    .min_inputs = 1,
    .max_inputs = 1,
    .plan = plan,
    .forward = forward,
    .backward = net_pass_backward,
};
