/* nets/layers/capsules.c: fully connected capsules with routing; the work is done in
 * routing.c and routing_back.c. */
#include <math.h>
#include <stddef.h>

#include "nets/layers/routing_internal.h"

static const char *const routings[] = {"rba", "sda", NULL};
static const char *const gradients[] = {"last", "all", NULL};
static const char *const sharpnesses[] = {"formula", "code", NULL};
/* clang-format off */
static const SimOption options[] = {
    {"capsules", SIM_OPTION_INT, offsetof(NetCapsules, capsules), .initial = 32, .low = 1, .high = 4096, .help = "output capsules"},
    {"pose", SIM_OPTION_INT, offsetof(NetCapsules, pose), .initial = 8, .low = 1, .high = NET_MAX_POSE, .help = "numbers of an output capsule"},
    {"pose_in", SIM_OPTION_INT, offsetof(NetCapsules, pose_in), .initial = 8, .low = 1, .high = 1024, .help = "numbers of an input capsule"},
    {"routing", SIM_OPTION_CHOICE, offsetof(NetCapsules, routing), .choices = routings, .help = "how output capsules choose among votes"},
    {"iterations", SIM_OPTION_INT, offsetof(NetCapsules, iterations), .initial = 3, .low = 1, .high = MOST_ITERATIONS, .help = "of routing"},
    {"gradient", SIM_OPTION_CHOICE, offsetof(NetCapsules, gradient), .choices = gradients, .help = "iterations that gradients pass through"},
    {"sharpness", SIM_OPTION_CHOICE, offsetof(NetCapsules, sharpness), .choices = sharpnesses, .help = "sda: how distance becomes a logit; code: as in the code of MoCapsNet"},
    {"pooled", SIM_OPTION_BOOL, offsetof(NetCapsules, pooled), .help = "sda: the mean distance is that of the whole batch, in training"},
    {"bias", SIM_OPTION_BOOL, offsetof(NetCapsules, bias), .help = "add a pose to the sum of votes"},
    {"bias_start", SIM_OPTION_FLOAT, offsetof(NetCapsules, bias_start), .initial = 0.1, .low = -100.0, .high = 100.0, .help = "initial value of the bias"},
    {"deviation", SIM_OPTION_FLOAT, offsetof(NetCapsules, deviation), .initial = 0.0, .low = 0.0, .high = 100.0, .help = "of the initial weights, which are normal; 0: by the number of votes"},
    {0},
};
/* clang-format on */

/* Coefficients start at 1/J, so the sum of the votes of I capsules starts at 0.7 of the
 * mean length of these. Squash squares what is short: much smaller weights (0.01, say)
 * let the lengths of four layers in a row vanish, and what training does first then is to
 * grow the layers before, until every image saturates them alike. */
static double deviation_of(const NetCapsules *o, size_t inputs)
{
    return o->deviation > 0.0
               ? o->deviation
               : (double)o->capsules / sqrt(2.0 * (double)inputs * (double)o->pose);
}

static SimStatus plan(NetLayerPlan *plan)
{
    const NetCapsules *o = plan->options;
    const SimShape in = plan->in[0];
    const size_t values = in.h * in.w * in.c, d = (size_t)o->pose_in;
    const size_t j = (size_t)o->capsules, p = (size_t)o->pose;
    if (values % d)
        return sim_fail(
            SIM_ERR_SHAPE,
            "%zu values do not divide into input capsules of %zu: set pose_in "
            "to the pose of the layer before",
            values, d);
    if (o->routing == NET_ROUTING_SDA && j < 2)
        return sim_fail(SIM_ERR_VALUE,
                        "scaled-distance agreement wants at least 2 output capsules to "
                        "choose between, got %zu",
                        j);
    const size_t inputs = values / d;
    plan->in_form[0] = SIM_DENSE;
    plan->out = (SimShape){in.t, in.n, 1, 1, j * p};
    plan->out_form = SIM_DENSE;
    plan->params[0] = (NetParamRow){.name = "weight",
                                    .role = NET_PARAM_TRAINED,
                                    .n_dims = 4,
                                    .dims = {inputs, j, d, p},
                                    .init = NET_INIT_NORMAL,
                                    .init_value = deviation_of(o, inputs),
                                    .fan_in = (double)(inputs * d),
                                    .fan_out = (double)(j * p),
                                    .decay = true};
    plan->params[1] = (NetParamRow){.name = "bias",
                                    .role = NET_PARAM_TRAINED,
                                    .n_dims = 2,
                                    .dims = {j, p},
                                    .init = NET_INIT_CONSTANT,
                                    .init_value = o->bias_start};
    plan->n_params = o->bias ? 2 : 1;
    plan->backward_needs = NET_NEEDS_INPUT;
    plan->macs =
        (double)(in.n * inputs * j * p) * ((double)d + 2.0 * (double)o->iterations - 1.0);
    plan->saved_bytes = plan->training ? net_routing_saved_bytes(plan) : 0;
    plan->scratch_bytes = net_routing_scratch_bytes(plan);
    return SIM_OK;
}

static void forward(const NetLayerRun *run)
{
    Routing q = net_routing_open(run, false);
    const size_t row = q.poses / LANES, pose = q.shape.pose_out;
    float one[NET_MAX_POSE];
    net_routing_forward(&q);
    for (size_t i = 0; i < q.images; i++) {
        const float *s = net_routing_at(q.s, q.iterations - 1, i / LANES, &q) + i % LANES;
        for (size_t j = 0; j < q.shape.outputs; j++) {
            for (size_t p = 0; p < pose; p++)
                one[p] = s[(j * pose + p) * LANES];
            net_squash(pose, 1, one, run->y.f32 + i * row + j * pose);
        }
    }
}

static void backward(const NetLayerRun *run)
{
    Routing q = net_routing_open(run, true);
    if (run->saved)
        net_routing_recall(&q);
    else
        net_routing_forward(&q);
    net_routing_backward(&q);
}

const NetLayer net_layer_capsules = {
    .name = "capsules",
    .summary = "capsules fully connected, routed by agreement",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetCapsules),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
