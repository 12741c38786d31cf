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
    plan->by_step = true;
    plan->invertible = 1u << X;
    plan->invert_reads = 1u << F;
    plan->takes_affine[F] = true;
    plan->passes_gradient[X] = plan->passes_gradient[F] = true;
    return SIM_OK;
}

/* y = x +- f, of n pixels of step t; x may lie on y. */
static void add(const NetLayerRun *run, float sign, size_t t, size_t first, size_t n,
                const float *x, float *y)
{
    const NetCouple *o = run->options;
    const size_t c = run->y.shape.c;
    const SimAffine affine = run->affine[F];
    const float *restrict f = run->x[F].f32 + first * c;
    const float *scale = affine.scale ? affine.scale + t * affine.step : NULL;
    const float *shift = affine.scale ? affine.shift + t * affine.step : NULL;
    const float magic = net_grid_magic(o->bits);
    x += first * c;
    y += first * c;
    if (scale) {
        for (size_t p = 0; p < n; p++, x += c, y += c, f += c)
            for (size_t i = 0; i < c; i++) {
                const float value = f[i] * scale[i] + shift[i];
                y[i] = x[i] + sign * (o->exact ? net_grid_round(magic, value) : value);
            }
        return;
    }
    if (o->exact)
        for (size_t i = 0; i < n * c; i++)
            y[i] = x[i] + sign * net_grid_round(magic, f[i]);
    else
        for (size_t i = 0; i < n * c; i++)
            y[i] = x[i] + sign * f[i];
}

/* A task may reach over a step, whose scale and shift are its own. */
static void add_steps(const NetRows *rows, size_t index, float sign, const float *x,
                      float *y)
{
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first);
    const size_t pixels = sim_shape_pixels(run->y.shape);
    for (size_t done = 0, part; done < n; done += part) {
        const size_t at = first + done, left = pixels - at % pixels;
        part = run->affine[F].step && left < n - done ? left : n - done;
        add(run, sign, at / pixels, at, part, x, y);
    }
}

static void forward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    add_steps(rows, index, 1.0f, rows->run->x[X].f32, rows->run->y.f32);
}

static void forward(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, forward_rows);
}

static void invert_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetCouple *o = rows->run->options;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c;
    if (o->exact)
        net_grid_check(rows->run, o->bits, n, rows->run->y.f32 + first * rows->c);
    add_steps(rows, index, -1.0f, rows->run->y.f32, rows->run->x[X].f32);
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
        if (!run->dx[input] || (run->dx[input] == run->dy && !run->accumulate[input]))
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
