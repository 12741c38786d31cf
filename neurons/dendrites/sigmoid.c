/* neurons/dendrites/sigmoid.c: the logistic function. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return real_sigmoid(x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = real_d_sigmoid(x[0]);
}

NEURON_POINTWISE(sigmoid, 1, 0, .summary = "logistic function",
                 .formula = "1 / (1 + exp(-x))", .source = "classic",
                 .certainty = "standard")
