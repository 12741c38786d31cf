/* neurons/dendrites/geglu.c: gated GELU. */
#include "neurons/pointwise_internal.h"

static inline Real gelu(Real x)
{
    return x * R(0.5) * real_erfc(x * -R(0.70710678118654752));
}

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return gelu(x[0]) * x[1];
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Real t = x[0], below = R(0.5) * real_erfc(t * -R(0.70710678118654752));
    d_x[0] = (below + t * real_exp(R(-0.5) * t * t) * R(0.39894228040143268)) * x[1];
    d_x[1] = t * below;
}

NEURON_POINTWISE(geglu, 2, 0, .summary = "gated GELU",
                 .formula = "x Phi(x) y, Phi the normal distribution",
                 .source = "Shazeer, arXiv:2002.05202", .certainty = "standard")
