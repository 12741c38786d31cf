/* neurons/dendrites/swiglu.c: gated SiLU. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] * real_sigmoid(x[0]) * x[1];
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Real s = real_sigmoid(x[0]);
    d_x[0] = (s + x[0] * real_d_sigmoid(x[0])) * x[1];
    d_x[1] = x[0] * s;
}

NEURON_POINTWISE(swiglu, 2, 0, .summary = "gated SiLU",
                 .formula = "x s(x) y, s the logistic function",
                 .source = "Shazeer, arXiv:2002.05202", .certainty = "standard")
