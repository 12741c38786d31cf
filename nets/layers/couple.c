/* nets/layers/couple.c: additive coupling (Gomez et al., The Reversible Residual Network,
 * 2017), the sum that a subtraction undoes:
 *
 *     y = x + f        x = y - f
 *
 * In floating point the difference misses x by the rounding of the sum. With x and f on
 * a grid of 2^-bits both are exact, so f is rounded to it first; the gradient passes as
 * if it were not. */
#include <stddef.h>
#include <string.h>

#include "nets/layers.h"
#include "nets/layers/grid_internal.h"
#include "nets/layers/rows_internal.h"

/* clang-format off */
static const SimOption options[] = {
    {"exact", SIM_OPTION_BOOL, offsetof(NetCouple, exact), .initial = 1, .help = "round what is added to the grid: the inverse is exact"},
    {"bits", SIM_OPTION_INT, offsetof(NetCouple, bits), .initial = NET_GRID_BITS, .low = 1, .high = 23, .help = "the grid is 2^-bits, its range 2^(24 - bits)"},
    {0},
};
/* clang-format on */

enum { X, F };

static SimStatus plan(NetLayerPlan *plan)
{
    const SimShape x = plan->in[X], f = plan->in[F];
    if (!sim_shape_equal(x, f))
        return sim_fail(SIM_ERR_SHAPE,
                        "a reversible block keeps the shape of its input: that is "
                        "%zux%zux%zu over %zu steps, the branch gives %zux%zux%zu over "
                        "%zu: change shapes between two chains of blocks",
                        x.h, x.w, x.c, x.t, f.h, f.w, f.c, f.t);
    plan->in_form[X] = plan->in_form[F] = SIM_DENSE;
    plan->out = x;
    plan->out_form = SIM_DENSE;
    plan->invertible = 1u << X;
    return SIM_OK;
}

static void add(size_t n, const NetCouple *o, float sign, const float *restrict x,
                const float *restrict f, float *restrict y)
{
    const float magic = net_grid_magic(o->bits);
    if (o->exact)
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] + sign * net_grid_round(magic, f[i]);
    else
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] + sign * f[i];
}

static void forward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c, at = first * rows->c;
    add(n, run->options, 1.0f, run->x[X].f32 + at, run->x[F].f32 + at, run->y.f32 + at);
}

static void forward(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, forward_rows);
}

static void invert_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c, at = first * rows->c;
    add(n, run->options, -1.0f, run->y.f32 + at, run->x[F].f32 + at, run->x[X].f32 + at);
}

static void invert(const NetLayerRun *run, size_t input)
{
    (void)input; /* x is the only one that comes back */
    net_rows_run(run, run->y.shape, invert_rows);
}

static void backward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c, at = first * rows->c;
    for (size_t input = X; input <= F; input++) {
        if (!run->dx[input])
            continue;
        if (run->accumulate[input])
            run->context->kernels.add(n, run->dy + at, run->dx[input] + at);
        else
            memcpy(run->dx[input] + at, run->dy + at, n * sizeof *run->dy);
    }
}

static void backward(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, backward_rows);
}

const NetLayer net_layer_couple = {
    .name = "couple",
    .summary = "a sum that gives its input back: reversible blocks",
    .min_inputs = 2,
    .max_inputs = 2,
    .options = options,
    .options_size = sizeof(NetCouple),
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .invert = invert,
};
