/* neurons/dendrites/z2cos.c: oscillates, but flat at 0: an example of a bad one. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    Real s, c;
    real_sincos(x[0], &s, &c);
    return x[0] * x[0] * c;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    Real s, c;
    real_sincos(x[0], &s, &c);
    d_x[0] = R(2.0) * x[0] * c - x[0] * x[0] * s;
}

NEURON_POINTWISE(z2cos, 1, 0,
                 .summary = "oscillates, but flat at 0: an example of a bad one",
                 .formula = "x^2 cos(x)", .source = "Noel et al., arXiv:2111.04020",
                 .certainty = "second hand")
