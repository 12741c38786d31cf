/* nets/layers/half.c: one half of the channels, for couplings between the two. */
#include <stddef.h>
#include <string.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"

/* clang-format off */
static const SimOption options[] = {
    {"second", SIM_OPTION_BOOL, offsetof(NetHalf, second), .help = "the second half"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    if (plan->in[0].c % 2)
        return sim_fail(
            SIM_ERR_SHAPE,
            "%zu channels cannot be halved for a coupling: use an even number",
            plan->in[0].c);
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out.c /= 2;
    plan->out_form = SIM_DENSE;
    plan->by_step = true;
    return SIM_OK;
}

static size_t offset(const NetLayerRun *run)
{
    return ((const NetHalf *)run->options)->second ? run->y.shape.c : 0;
}

static void forward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first), c = rows->c;
    const float *x = run->x[0].f32 + 2 * first * c + offset(run);
    float *y = run->y.f32 + first * c;
    for (size_t p = 0; p < n; p++)
        memcpy(y + p * c, x + 2 * p * c, c * sizeof *y);
}

static void forward(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, forward_rows);
}

static void backward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first), c = rows->c;
    const float *dy = run->dy + first * c;
    float *dx = run->dx[0] + 2 * first * c;
    if (!run->accumulate[0])
        memset(dx, 0, 2 * n * c * sizeof *dx);
    dx += offset(run);
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i < c; i++)
            dx[2 * p * c + i] += dy[p * c + i];
}

static void backward(const NetLayerRun *run)
{
    if (run->dx[0])
        net_rows_run(run, run->y.shape, backward_rows);
}

const NetLayer net_layer_half = {
    .name = "half",
    .summary = "one half of the channels",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetHalf),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
