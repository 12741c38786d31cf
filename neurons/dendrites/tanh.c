/* neurons/dendrites/tanh.c: the hyperbolic tangent. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return real_tanh(x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = real_d_tanh(x[0]);
}

NEURON_POINTWISE(tanh, 1, 0, .summary = "hyperbolic tangent", .formula = "tanh(x)",
                 .source = "classic", .certainty = "standard")
