/* neurons/dendrites/celu.c: exponential linear unit, smooth for every alpha. */
#include "neurons/pointwise_internal.h"

enum { ALPHA };
NEURON_PARAM_TABLE({"alpha", 1.0, 1e-3, 100.0, false, "depth below 0"})

static inline Real value(const Real *x, const Real *p)
{
    return real_ramp(x[0]) + p[ALPHA] * real_expm1(real_min(x[0], R(0.0)) / p[ALPHA]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real t = real_min(x[0], R(0.0)) / p[ALPHA], e = real_exp(t);
    d_x[0] = e;
    d_p[ALPHA] = real_expm1(t) - t * e;
}

NEURON_POINTWISE(celu, 1, 1, .summary = "exponential linear unit, smooth for every alpha",
                 .formula = "max(0, x) + min(0, alpha (exp(x/alpha) - 1))",
                 .source = "Barron, arXiv:1704.07483", .certainty = "standard",
                 .params = params)
