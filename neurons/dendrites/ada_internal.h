/* neurons/dendrites/ada_internal.h: max(0, x) exp(-alpha x + c), flat at 0 and below. */
#pragma once

#include "neurons/pointwise_internal.h"

static inline Real neuron_ada(Real x, Real alpha, Real c)
{
    const Real r = real_ramp(x);
    return r * real_exp(c - alpha * r);
}

static inline void neuron_ada_slopes(Real x, Real alpha, Real c, Real *d_x, Real *d_alpha,
                                     Real *d_c)
{
    const Real r = real_ramp(x), e = real_exp(c - alpha * r);
    *d_x = x > R(0.0) ? (R(1.0) - alpha * r) * e : R(0.0);
    *d_alpha = -r * r * e;
    *d_c = r * e;
}
