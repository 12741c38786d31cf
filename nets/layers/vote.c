/* nets/layers/vote.c: mean over groups of adjacent channels: several units vote for a
 * class ("boosting" in S-ResNet, voting layer in PLIF nets). */
#include <stddef.h>

#include "nets/layers.h"

/* clang-format off */
static const SimOption options[] = {
    {"group", SIM_OPTION_INT, offsetof(NetVote, group), .initial = 10, .low = 1, .high = 4096, .help = "channels that vote for one output"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    const NetVote *o = plan->options;
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    if (plan->in[0].c % (size_t)o->group)
        return sim_fail(
            SIM_ERR_SHAPE,
            "%zu channels do not make groups of %zu: the layer before needs a multiple",
            plan->in[0].c, (size_t)o->group);
    plan->out.c = plan->in[0].c / (size_t)o->group;
    plan->out_form = SIM_DENSE;
    plan->by_step = true;
    return SIM_OK;
}

static void forward(const NetLayerRun *run)
{
    const size_t group = (size_t)((const NetVote *)run->options)->group;
    const size_t n = sim_shape_count(run->y.shape);
    for (size_t i = 0; i < n; i++) {
        float sum = 0.0f;
        for (size_t j = 0; j < group; j++)
            sum += run->x[0].f32[i * group + j];
        run->y.f32[i] = sum / (float)group;
    }
}

static void backward(const NetLayerRun *run)
{
    if (!run->dx[0])
        return;
    const size_t group = (size_t)((const NetVote *)run->options)->group;
    const size_t n = sim_shape_count(run->y.shape) * group;
    for (size_t i = 0; i < n; i++) {
        const float d = run->dy[i / group] / (float)group;
        run->dx[0][i] = run->accumulate[0] ? run->dx[0][i] + d : d;
    }
}

const NetLayer net_layer_vote = {
    .name = "vote",
    .summary = "mean over groups of channels",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetVote),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
