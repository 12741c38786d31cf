/* neurons/dendrites/gcu.c: growing cosine unit. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    Real s, c;
    real_sincos(x[0], &s, &c);
    return x[0] * c;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    Real s, c;
    real_sincos(x[0], &s, &c);
    d_x[0] = c - x[0] * s;
}

NEURON_POINTWISE(gcu, 1, 0, .summary = "growing cosine unit", .formula = "x cos(x)",
                 .source = "Noel et al., arXiv:2108.12943", .certainty = "second hand")
