/* neurons/dendrites/hard_swish.c: piecewise quadratic swish. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] * (real_min(real_ramp(x[0] + R(3.0)), R(6.0)) / R(6.0));
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Real inside = (R(2.0) * x[0] + R(3.0)) / R(6.0);
    d_x[0] = x[0] >= R(3.0) ? R(1.0) : x[0] <= R(-3.0) ? R(0.0) : inside;
}

NEURON_POINTWISE(hard_swish, 1, 0, .summary = "piecewise quadratic swish",
                 .formula = "x min(max(0, x + 3), 6) / 6",
                 .source = "Howard et al., ICCV 2019", .certainty = "standard")
