/* nets/layers/capsule_mask.c: all class capsules but one set to zero, so that a decoder
 * sees one pose and whose it is (Sabour et al. 2017). The one: the label in training, or
 * (as in the MoCapsNet code, and always where no labels are known) the longest. */
#include <stddef.h>
#include <string.h>

#include "nets/layers.h"
#include "nets/layers/squash_internal.h"

static const char *const chosen_by[] = {"label", "prediction", NULL};
/* clang-format off */
static const SimOption options[] = {
    {"pose", SIM_OPTION_INT, offsetof(NetCapsuleMask, pose), .initial = 16, .low = 1, .high = NET_MAX_POSE, .help = "numbers of a capsule"},
    {"by", SIM_OPTION_CHOICE, offsetof(NetCapsuleMask, by), .choices = chosen_by, .help = "whose capsule stays while training"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    const NetCapsuleMask *o = plan->options;
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out_form = SIM_DENSE;
    if (plan->out.h != 1 || plan->out.w != 1 || plan->out.c % (size_t)o->pose)
        return sim_fail(SIM_ERR_SHAPE,
                        "%zux%zux%zu values are not class capsules of %lld: put it "
                        "behind a capsules layer with that pose",
                        plan->out.h, plan->out.w, plan->out.c, (long long)o->pose);
    plan->backward_needs = NET_NEEDS_INPUT;
    return SIM_OK;
}

/* The first number of the pose that stays in row i (image i % N). */
static size_t kept(const NetLayerRun *run, size_t i)
{
    const NetCapsuleMask *o = run->options;
    const size_t pose = (size_t)o->pose, c = run->x[0].shape.c;
    if (run->training && run->labels && o->by == NET_MASK_LABEL)
        return run->labels[i % run->x[0].shape.n] * pose;
    size_t best = 0;
    float most = -1.0f;
    for (size_t at = 0; at < c; at += pose) {
        const float square = net_pose_square(pose, 1, run->x[0].f32 + i * c + at);
        if (square > most) {
            most = square;
            best = at;
        }
    }
    return best;
}

static void forward(const NetLayerRun *run)
{
    const size_t pose = (size_t)((const NetCapsuleMask *)run->options)->pose;
    const size_t c = run->y.shape.c,
                 rows = run->y.shape.t * sim_shape_pixels(run->y.shape);
    memset(run->y.f32, 0, rows * c * sizeof(float));
    for (size_t i = 0; i < rows; i++) {
        const size_t at = i * c + kept(run, i);
        memcpy(run->y.f32 + at, run->x[0].f32 + at, pose * sizeof(float));
    }
}

static void backward(const NetLayerRun *run)
{
    const size_t pose = (size_t)((const NetCapsuleMask *)run->options)->pose;
    const size_t c = run->x[0].shape.c;
    const size_t rows = run->x[0].shape.t * sim_shape_pixels(run->x[0].shape);
    float *dx = run->dx[0];
    if (dx && !run->accumulate[0])
        memset(dx, 0, rows * c * sizeof(float));
    for (size_t i = 0; i < rows && dx; i++) {
        const size_t at = i * c + kept(run, i);
        for (size_t p = 0; p < pose; p++)
            dx[at + p] += run->dy[at + p];
    }
}

const NetLayer net_layer_capsule_mask = {
    .name = "capsule_mask",
    .summary = "all class capsules but one set to zero",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetCapsuleMask),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
