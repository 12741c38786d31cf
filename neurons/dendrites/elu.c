/* neurons/dendrites/elu.c: exponential linear unit. */
#include "neurons/pointwise_internal.h"

enum { ALPHA };
NEURON_PARAM_TABLE({"alpha", 1.0, 0.0, 100.0, false, "depth below 0"})

static inline Real value(const Real *x, const Real *p)
{
    return x[0] > R(0.0) ? x[0] : p[ALPHA] * real_expm1(x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const bool up = x[0] > R(0.0);
    d_x[0] = up ? R(1.0) : p[ALPHA] * real_exp(x[0]);
    d_p[ALPHA] = up ? R(0.0) : real_expm1(x[0]);
}

NEURON_POINTWISE(elu, 1, 1, .summary = "exponential linear unit",
                 .formula = "x where x > 0, else alpha (exp(x) - 1)",
                 .source = "Clevert et al., ICLR 2016", .certainty = "standard",
                 .params = params)
