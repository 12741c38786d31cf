/* neurons/dendrites/glu.c: gated linear unit. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] * real_sigmoid(x[1]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = real_sigmoid(x[1]);
    d_x[1] = x[0] * real_d_sigmoid(x[1]);
}

NEURON_POINTWISE(glu, 2, 0, .summary = "gated linear unit",
                 .formula = "x s(y), s the logistic function",
                 .source = "Dauphin et al., ICML 2017", .certainty = "standard")
