/* neurons/dendrites/relu6.c: rectifier that ends at 6. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return real_min(real_ramp(x[0]), R(6.0));
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = x[0] < R(6.0) ? real_step(x[0]) : R(0.0);
}

NEURON_POINTWISE(relu6, 1, 0, .summary = "rectifier that ends at 6",
                 .formula = "min(max(0, x), 6)", .source = "Nair & Hinton, ICML 2010",
                 .certainty = "standard")
