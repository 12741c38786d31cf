/* neurons/dendrites/lisht.c: linearly scaled tanh. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] * real_tanh(x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = real_tanh(x[0]) + x[0] * real_d_tanh(x[0]);
}

NEURON_POINTWISE(lisht, 1, 0, .summary = "linearly scaled tanh", .formula = "x tanh(x)",
                 .source = "Roy et al., arXiv:1901.05894", .certainty = "code")
