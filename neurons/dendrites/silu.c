/* neurons/dendrites/silu.c: sigmoid linear unit. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] * real_sigmoid(x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = real_sigmoid(x[0]) + x[0] * real_d_sigmoid(x[0]);
}

NEURON_POINTWISE(silu, 1, 0, .summary = "sigmoid linear unit",
                 .formula = "x s(x), s the logistic function",
                 .source = "Elfwing et al. 2017; Ramachandran et al., arXiv:1710.05941",
                 .certainty = "standard")
