/* neurons/dendrites/gelu.c: Gaussian error linear unit. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] * R(0.5) * real_erfc(x[0] * -R(0.70710678118654752));
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Real t = x[0];
    d_x[0] = R(0.5) * real_erfc(t * -R(0.70710678118654752)) +
             t * real_exp(R(-0.5) * t * t) * R(0.39894228040143268);
}

NEURON_POINTWISE(gelu, 1, 0, .summary = "Gaussian error linear unit",
                 .formula = "x Phi(x), Phi the normal distribution",
                 .source = "Hendrycks & Gimpel, arXiv:1606.08415",
                 .certainty = "standard")
