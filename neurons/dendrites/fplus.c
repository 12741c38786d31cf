/* neurons/dendrites/fplus.c: power-plus. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] >= R(0.0) ? x[0] : x[0] / (R(1.0) - x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Real q = R(1.0) - real_min(x[0], R(0.0));
    d_x[0] = R(1.0) / (q * q);
}

NEURON_POINTWISE(fplus, 1, 0, .summary = "power-plus",
                 .formula = "x where x >= 0, else x / (1 - x)",
                 .source = "Duan et al., arXiv:2111.14349", .certainty = "code")
