/* nets/layers/primary_capsules.c: the channels of an image cut into poses and squashed
 * (Sabour et al. 2017). Which numbers make one pose:
 *
 *     channels   `pose` adjacent channels at one place; capsules in the order H, W, type
 *     view       `pose` adjacent numbers of the image laid out C, H, W, whatever they
 *                are: what the MoCapsNet code does (mostly horizontal neighbours)
 */
#include <stddef.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"
#include "nets/layers/squash_internal.h"

static const char *const groupings[] = {"channels", "view", NULL};
/* clang-format off */
static const SimOption options[] = {
    {"pose", SIM_OPTION_INT, offsetof(NetPrimaryCapsules, pose), .initial = 8, .low = 1, .high = NET_MAX_POSE, .help = "numbers of a capsule"},
    {"grouping", SIM_OPTION_CHOICE, offsetof(NetPrimaryCapsules, grouping), .choices = groupings, .help = "which numbers make one capsule"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    const NetPrimaryCapsules *o = plan->options;
    const SimShape in = plan->in[0];
    const size_t pose = (size_t)o->pose, values = in.h * in.w * in.c;
    const bool view = o->grouping == NET_GROUPING_VIEW;
    if ((view ? values : in.c) % pose)
        return sim_fail(SIM_ERR_SHAPE,
                        "%zu %s do not divide into capsules of %zu: choose a multiple of "
                        "the pose",
                        view ? values : in.c, view ? "values" : "channels", pose);
    plan->in_form[0] = SIM_DENSE;
    plan->out = (SimShape){in.t, in.n, 1, 1, values};
    plan->out_form = SIM_DENSE;
    plan->backward_needs = NET_NEEDS_INPUT;
    return SIM_OK;
}

/* Where number i of an image laid out C, H, W lies in H, W, C. */
static size_t place_of(SimShape s, size_t i)
{
    const size_t pixels = s.h * s.w;
    return i % pixels * s.c + i / pixels;
}

typedef struct Pose { /* of one capsule, gathered */
    float s[NET_MAX_POSE], v[NET_MAX_POSE];
    size_t at[NET_MAX_POSE];
} Pose;

static void squash_image(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const NetPrimaryCapsules *o = run->options;
    const size_t values = run->y.shape.c, pose = (size_t)o->pose;
    const float *x = run->x[0].f32 + index * values;
    float *y = run->y.f32 + index * values;
    for (size_t first = 0; first < values; first += pose) {
        if (o->grouping == NET_GROUPING_CHANNELS) {
            net_squash(pose, 1, x + first, y + first);
            continue;
        }
        Pose one;
        for (size_t p = 0; p < pose; p++)
            one.s[p] = x[place_of(run->x[0].shape, first + p)];
        net_squash(pose, 1, one.s, y + first);
    }
}

static void forward(const NetLayerRun *run)
{
    sim_team_run(&run->context->team, run->y.shape.t * run->y.shape.n, squash_image,
                 (void *)(size_t)run);
}

static void squash_image_back(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const NetPrimaryCapsules *o = run->options;
    const size_t values = run->y.shape.c, pose = (size_t)o->pose;
    const float *x = run->x[0].f32 + index * values, *dy = run->dy + index * values;
    float *dx = run->dx[0] + index * values;
    const bool add = run->accumulate[0];
    for (size_t first = 0; first < values; first += pose) {
        Pose one;
        for (size_t p = 0; p < pose; p++) {
            one.at[p] = o->grouping == NET_GROUPING_CHANNELS
                            ? first + p
                            : place_of(run->x[0].shape, first + p);
            one.s[p] = x[one.at[p]];
        }
        net_squash_back(pose, 1, one.s, dy + first, one.v);
        for (size_t p = 0; p < pose; p++)
            dx[one.at[p]] = add ? dx[one.at[p]] + one.v[p] : one.v[p];
    }
}

static void backward(const NetLayerRun *run)
{
    if (run->dx[0])
        sim_team_run(&run->context->team, run->y.shape.t * run->y.shape.n,
                     squash_image_back, (void *)(size_t)run);
}

const NetLayer net_layer_primary_capsules = {
    .name = "primary_capsules",
    .summary = "an image cut into squashed poses",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetPrimaryCapsules),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
