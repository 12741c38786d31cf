/* nets/layers/capsule_length.c: y[k] = |v[k]|, the length of every pose: in class
 * capsules how sure the net is of class k. dv = dy v / |v|; a pose of zeros gets no
 * gradient. */
#include <stddef.h>

#include "nets/layers.h"
#include "nets/layers/squash_internal.h"

/* clang-format off */
static const SimOption options[] = {
    {"pose", SIM_OPTION_INT, offsetof(NetCapsuleLength, pose), .initial = 16, .low = 1, .high = NET_MAX_POSE, .help = "numbers of a capsule"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    const size_t pose = (size_t)((const NetCapsuleLength *)plan->options)->pose;
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out_form = SIM_DENSE;
    if (plan->out.c % pose)
        return sim_fail(SIM_ERR_SHAPE,
                        "%zu channels do not divide into capsules of %zu: choose a "
                        "multiple of the pose",
                        plan->out.c, pose);
    plan->out.c /= pose;
    plan->backward_needs = NET_NEEDS_INPUT;
    return SIM_OK;
}

static void forward(const NetLayerRun *run)
{
    const size_t pose = (size_t)((const NetCapsuleLength *)run->options)->pose;
    const size_t n = sim_shape_count(run->y.shape);
    for (size_t i = 0; i < n; i++)
        run->y.f32[i] = sqrtf(net_pose_square(pose, 1, run->x[0].f32 + i * pose));
}

static void backward(const NetLayerRun *run)
{
    const size_t pose = (size_t)((const NetCapsuleLength *)run->options)->pose;
    const size_t n = sim_shape_count(run->y.shape);
    for (size_t i = 0; i < n && run->dx[0]; i++) {
        const float *x = run->x[0].f32 + i * pose;
        float *dx = run->dx[0] + i * pose;
        const float length = sqrtf(net_pose_square(pose, 1, x));
        const float factor = length > 0.0f ? run->dy[i] / length : 0.0f;
        for (size_t p = 0; p < pose; p++)
            dx[p] = run->accumulate[0] ? dx[p] + factor * x[p] : factor * x[p];
    }
}

const NetLayer net_layer_capsule_length = {
    .name = "capsule_length",
    .summary = "the length of every pose",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetCapsuleLength),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
