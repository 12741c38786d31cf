/* nets/layers/grid.c: x rounded to multiples of 2^-bits, where exact sums begin. */
#include "nets/layers/grid_internal.h"

#include <stddef.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"

/* clang-format off */
static const SimOption options[] = {
    {"bits", SIM_OPTION_INT, offsetof(NetGrid, bits), .initial = NET_GRID_BITS, .low = 1, .high = 23, .help = "the grid is 2^-bits, its range 2^(24 - bits)"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out_form = SIM_DENSE;
    plan->passes_gradient[0] = true;
    return SIM_OK;
}

static void forward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    const NetGrid *o = run->options;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c;
    const float magic = net_grid_magic(o->bits);
    const float *restrict x = run->x[0].f32 + first * rows->c;
    float *restrict y = run->y.f32 + first * rows->c;
    for (size_t i = 0; i < n; i++)
        y[i] = net_grid_round(magic, x[i]);
}

static void forward(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, forward_rows);
}

const NetLayer net_layer_grid = {
    .name = "grid",
    .summary = "values rounded to a grid on which sums are exact",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetGrid),
    .plan = plan,
    .forward = forward,
    .backward = net_pass_backward,
};
