/* neurons/dendrites/hard_sigmoid.c: piecewise linear logistic function. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return real_min(real_ramp(x[0] + R(3.0)), R(6.0)) / R(6.0);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = real_abs(x[0]) < R(3.0) ? R(1.0) / R(6.0) : R(0.0);
}

NEURON_POINTWISE(hard_sigmoid, 1, 0, .summary = "piecewise linear logistic function",
                 .formula = "min(max(0, x + 3), 6) / 6",
                 .source = "Howard et al., ICCV 2019", .certainty = "standard")
