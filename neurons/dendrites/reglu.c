/* neurons/dendrites/reglu.c: gated rectifier. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return real_ramp(x[0]) * x[1];
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = x[0] > R(0.0) ? x[1] : R(0.0);
    d_x[1] = real_ramp(x[0]);
}

NEURON_POINTWISE(reglu, 2, 0, .summary = "gated rectifier", .formula = "max(0, x) y",
                 .source = "Shazeer, arXiv:2002.05202", .certainty = "standard")
