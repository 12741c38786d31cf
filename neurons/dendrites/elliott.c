/* neurons/dendrites/elliott.c: soft sign between 0 and 1. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return R(0.5) * x[0] / (R(1.0) + real_abs(x[0])) + R(0.5);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Real q = R(1.0) + real_abs(x[0]);
    d_x[0] = R(0.5) / (q * q);
}

NEURON_POINTWISE(elliott, 1, 0, .summary = "soft sign between 0 and 1",
                 .formula = "x / (2 (1 + abs(x))) + 1/2", .source = "Elliott 1993",
                 .certainty = "code")
