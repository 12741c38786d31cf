/* neurons/dendrites/series_relu.c: sum of three shifted rectifiers.
 *
 * In VanillaNet the sum runs over a neighbourhood of pixels: relu, then a depthwise
 * convolution of 7 x 7 (groups = channels, no bias), then a batch norm. */
#include "neurons/pointwise_internal.h"

enum { A0, A1, A2, B0, B1, B2 };
NEURON_PARAM_TABLE({"a0", 1.0, -100.0, 100.0, true, "slope of the first"},
                   {"a1", 0.0, -100.0, 100.0, true, "of the second"},
                   {"a2", 0.0, -100.0, 100.0, true, "of the third"},
                   {"b0", 0.0, -100.0, 100.0, true, "shift of the first"},
                   {"b1", -1.0, -100.0, 100.0, true, "of the second"},
                   {"b2", 1.0, -100.0, 100.0, true, "of the third"})

static inline Real value(const Real *x, const Real *p)
{
    return p[A0] * real_ramp(x[0] + p[B0]) + p[A1] * real_ramp(x[0] + p[B1]) +
           p[A2] * real_ramp(x[0] + p[B2]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    d_x[0] = R(0.0);
    d_x[0] += d_p[B0] = x[0] + p[B0] > R(0.0) ? p[A0] : R(0.0);
    d_x[0] += d_p[B1] = x[0] + p[B1] > R(0.0) ? p[A1] : R(0.0);
    d_x[0] += d_p[B2] = x[0] + p[B2] > R(0.0) ? p[A2] : R(0.0);
    d_p[A0] = real_ramp(x[0] + p[B0]);
    d_p[A1] = real_ramp(x[0] + p[B1]);
    d_p[A2] = real_ramp(x[0] + p[B2]);
}

NEURON_POINTWISE(series_relu, 1, 6, .summary = "sum of three shifted rectifiers",
                 .formula = "a0 max(0, x + b0) + a1 max(0, x + b1) + a2 max(0, x + b2)",
                 .source = "Chen et al. (VanillaNet), arXiv:2305.12972",
                 .certainty = "code", .params = params)
