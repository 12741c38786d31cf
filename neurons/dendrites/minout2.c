/* neurons/dendrites/minout2.c: the smaller of two. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return real_min(x[0], x[1]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = x[0] <= x[1] ? R(1.0) : R(0.0);
    d_x[1] = x[0] <= x[1] ? R(0.0) : R(1.0);
}

NEURON_POINTWISE(minout2, 2, 0, .summary = "the smaller of two", .formula = "min(x, y)",
                 .source = "Lowe et al., arXiv:2110.11940", .certainty = "code")
