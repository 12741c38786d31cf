/* nets/layers/squared_error.c: what a reconstruction costs:
 *
 *     y[t,n] = weight * sum over i of (a[t,n,i] - b[t,n,i])^2
 *
 * The numbers of a and b are compared as they lie (H, W, C); b may be the same at every
 * step. As an output of a net, y is added to its loss. */
#include <stddef.h>

#include "nets/layers.h"

/* clang-format off */
static const SimOption options[] = {
    {"weight", SIM_OPTION_FLOAT, offsetof(NetSquaredError, weight), .initial = 5e-4, .low = 0.0, .high = 1e6, .help = "of the sum of squared differences"},
    {0},
};
/* clang-format on */

enum { A, B };

static size_t values_of(SimShape s)
{
    return s.h * s.w * s.c;
}

static SimStatus plan(NetLayerPlan *plan)
{
    const SimShape a = plan->in[A], b = plan->in[B];
    if (values_of(a) != values_of(b) || (b.t != a.t && b.t != 1))
        return sim_fail(SIM_ERR_SHAPE,
                        "cannot compare %zux%zux%zu over %zu steps with %zux%zux%zu over "
                        "%zu: both sides want the same number of values",
                        a.h, a.w, a.c, a.t, b.h, b.w, b.c, b.t);
    plan->in_form[A] = plan->in_form[B] = SIM_DENSE;
    plan->out = (SimShape){a.t, a.n, 1, 1, 1};
    plan->out_form = SIM_DENSE;
    plan->backward_needs = NET_NEEDS_INPUT;
    return SIM_OK;
}

static const float *row_of(const SimTensor *x, size_t i)
{
    return x->f32 + (x->shape.t == 1 ? i % x->shape.n : i) * values_of(x->shape);
}

static void forward(const NetLayerRun *run)
{
    const double weight = ((const NetSquaredError *)run->options)->weight;
    const size_t rows = run->y.shape.t * run->y.shape.n, n = values_of(run->x[A].shape);
    for (size_t i = 0; i < rows; i++) {
        const float *a = row_of(&run->x[A], i), *b = row_of(&run->x[B], i);
        double sum = 0.0;
        for (size_t k = 0; k < n; k++)
            sum += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
        run->y.f32[i] = (float)(weight * sum);
    }
}

static void backward(const NetLayerRun *run)
{
    const float weight = (float)((const NetSquaredError *)run->options)->weight;
    const size_t rows = run->x[A].shape.t * run->x[A].shape.n,
                 n = values_of(run->x[A].shape);
    for (size_t input = A; input <= B; input++) {
        const SimTensor *to = &run->x[input];
        const float sign = input == A ? 2.0f : -2.0f;
        for (size_t i = 0; i < rows && run->dx[input]; i++) {
            const float *a = row_of(&run->x[A], i), *b = row_of(&run->x[B], i);
            float *dx = run->dx[input] + (row_of(to, i) - to->f32);
            /* One image that all steps are compared with sums over them. */
            const bool add =
                run->accumulate[input] || (to->shape.t == 1 && i >= to->shape.n);
            const float factor = sign * weight * run->dy[i];
            for (size_t k = 0; k < n; k++)
                dx[k] = add ? dx[k] + factor * (a[k] - b[k]) : factor * (a[k] - b[k]);
        }
    }
}

const NetLayer net_layer_squared_error = {
    .name = "squared_error",
    .summary = "what a reconstruction costs",
    .min_inputs = 2,
    .max_inputs = 2,
    .options = options,
    .options_size = sizeof(NetSquaredError),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
