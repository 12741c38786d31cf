/* neurons/dendrites/ncu.c: non-monotonic cubic unit. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] - x[0] * x[0] * x[0];
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = R(1.0) - R(3.0) * x[0] * x[0];
}

NEURON_POINTWISE(ncu, 1, 0, .summary = "non-monotonic cubic unit", .formula = "x - x^3",
                 .source = "Noel et al., arXiv:2111.04020", .certainty = "second hand")
