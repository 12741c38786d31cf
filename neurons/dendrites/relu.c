/* neurons/dendrites/relu.c: rectified linear unit (Nair & Hinton, ICML 2010). */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return real_ramp(x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = real_step(x[0]);
}

NEURON_POINTWISE(relu, 1, 0, .summary = "rectified linear unit", .formula = "max(0, x)",
                 .source = "Nair & Hinton, ICML 2010", .certainty = "standard")
