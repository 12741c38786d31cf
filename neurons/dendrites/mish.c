/* neurons/dendrites/mish.c: self-regularised, non-monotonic. */
#include "neurons/pointwise_internal.h"

/* And its slope with respect to the softplus; one exponential, no overflow. */
static inline Real tanh_softplus(Real x, Real *slope)
{
    const bool up = x > R(0.0);
    const Real e = real_exp(-real_abs(x)), n = e * (e + R(2.0));
    const Real above = up ? R(1.0) + R(2.0) * e : n;
    const Real below = up ? R(1.0) + R(2.0) * e + R(2.0) * e * e : n + R(2.0);
    const Real half = up ? e * (R(1.0) + e) : R(1.0) + e; /* square of it: n + 1 */
    *slope = R(4.0) * half * half / (below * below);
    return above / below;
}

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] * tanh_softplus(x[0], &(Real){0});
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    Real slope;
    const Real t = tanh_softplus(x[0], &slope);
    d_x[0] = t + x[0] * slope * real_sigmoid(x[0]);
}

NEURON_POINTWISE(mish, 1, 0, .summary = "self-regularised, non-monotonic",
                 .formula = "x tanh(ln(1 + exp(x)))", .source = "Misra, BMVC 2020",
                 .certainty = "standard")
