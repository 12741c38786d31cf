/* neurons/dendrites/adaptive_slope_tanh.c: tanh with a learned slope. */
#include "neurons/pointwise_internal.h"

enum { N, A };
NEURON_PARAM_TABLE({"n", 10.0, 1.0, 1e3, false, "speed of learning"},
                   {"a", 0.1, -100.0, 100.0, true, "slope, 1/n at the start"})

static inline Real value(const Real *x, const Real *p)
{
    return real_tanh(p[N] * p[A] * x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real slope = real_d_tanh(p[N] * p[A] * x[0]);
    d_x[0] = p[N] * p[A] * slope;
    d_p[N] = p[A] * x[0] * slope;
    d_p[A] = p[N] * x[0] * slope;
}

NEURON_POINTWISE(adaptive_slope_tanh, 1, 2, .summary = "tanh with a learned slope",
                 .formula = "tanh(n a x)",
                 .source = "Jagtap et al., Journal of Computational Physics 2020",
                 .certainty = "memory", .params = params)
