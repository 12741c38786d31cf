/* nets/layers/activation.c: a function of every value by itself, whose slope is a
 * function of what came out:
 *
 *     relu      y = max(x, 0)              dx = [y > 0] dy
 *     sigmoid   y = 1 / (1 + exp(-x))      dx = y (1 - y) dy
 *     tanh      y = tanh x                 dx = (1 - y^2) dy
 *
 * For the plain parts of a net: its input is not kept, and the gradient replaces that of
 * the output. Units with a dendrite or a soma are the neuron layer's. */
#include <stddef.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"
#include "sim/elementary.h"

static const char *const kinds[] = {"relu", "sigmoid", "tanh", NULL};
/* clang-format off */
static const SimOption options[] = {
    {"kind", SIM_OPTION_CHOICE, offsetof(NetActivation, kind), .choices = kinds, .help = "the function"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out_form = SIM_DENSE;
    plan->backward_needs = NET_NEEDS_OUTPUT;
    plan->gradient_in_place = true;
    return SIM_OK;
}

static void forward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c;
    const float *x = run->x[0].f32 + first * rows->c;
    float *y = run->y.f32 + first * rows->c;
    switch (((const NetActivation *)run->options)->kind) {
    case NET_ACTIVATION_RELU:
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] > 0.0f ? x[i] : 0.0f;
        break;
    case NET_ACTIVATION_SIGMOID:
        for (size_t i = 0; i < n; i++)
            y[i] = sim_sigmoid(x[i]);
        break;
    case NET_ACTIVATION_TANH:
        for (size_t i = 0; i < n; i++)
            y[i] = sim_tanh(x[i]);
        break;
    }
}

static void forward(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, forward_rows);
}

static inline float slope_at(int kind, float y)
{
    return kind == NET_ACTIVATION_RELU      ? (y > 0.0f ? 1.0f : 0.0f)
           : kind == NET_ACTIVATION_SIGMOID ? y * (1.0f - y)
                                            : 1.0f - y * y;
}

static void backward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    const int kind = ((const NetActivation *)run->options)->kind;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c;
    const float *y = run->y.f32 + first * rows->c, *dy = run->dy + first * rows->c;
    float *dx = run->dx[0] + first * rows->c;
    if (run->accumulate[0])
        for (size_t i = 0; i < n; i++)
            dx[i] += slope_at(kind, y[i]) * dy[i];
    else if (kind == NET_ACTIVATION_RELU) /* the largest wires there are */
        for (size_t i = 0; i < n; i++)
            dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
    else
        for (size_t i = 0; i < n; i++)
            dx[i] = slope_at(kind, y[i]) * dy[i];
}

static void backward(const NetLayerRun *run)
{
    if (run->dx[0])
        net_rows_run(run, run->y.shape, backward_rows);
}

const NetLayer net_layer_activation = {
    .name = "activation",
    .summary = "relu, sigmoid or tanh of every value",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetActivation),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
