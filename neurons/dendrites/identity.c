/* neurons/dendrites/identity.c: the input itself. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0];
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)x, (void)p, (void)d_p;
    d_x[0] = R(1.0);
}

NEURON_POINTWISE(identity, 1, 0, .summary = "the input itself", .formula = "x",
                 .source = "the point neuron", .certainty = "standard", .passes = true)
