/* neurons/dendrites/maxout2.c: the larger of two. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return real_max(x[0], x[1]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = x[0] >= x[1] ? R(1.0) : R(0.0);
    d_x[1] = x[0] >= x[1] ? R(0.0) : R(1.0);
}

NEURON_POINTWISE(maxout2, 2, 0, .summary = "the larger of two", .formula = "max(x, y)",
                 .source = "Goodfellow et al., ICML 2013", .certainty = "code")
