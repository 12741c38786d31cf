/* neurons/dendrites/gelu_sigmoid.c: GELU by the logistic function. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] * real_sigmoid(R(1.702) * x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Real t = R(1.702) * x[0];
    d_x[0] = real_sigmoid(t) + t * real_d_sigmoid(t);
}

NEURON_POINTWISE(gelu_sigmoid, 1, 0, .summary = "GELU by the logistic function",
                 .formula = "x s(1.702 x), s the logistic function",
                 .source = "Hendrycks & Gimpel, arXiv:1606.08415",
                 .certainty = "standard")
