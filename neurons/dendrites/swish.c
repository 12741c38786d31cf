/* neurons/dendrites/swish.c: sigmoid linear unit with a learned slope. */
#include "neurons/pointwise_internal.h"

enum { BETA };
NEURON_PARAM_TABLE({"beta", 1.0, -100.0, 100.0, true, "sharpness; 0 gives x/2"})

static inline Real value(const Real *x, const Real *p)
{
    return x[0] * real_sigmoid(p[BETA] * x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real t = p[BETA] * x[0], slope = real_d_sigmoid(t);
    d_x[0] = real_sigmoid(t) + t * slope;
    d_p[BETA] = x[0] * x[0] * slope;
}

NEURON_POINTWISE(swish, 1, 1, .summary = "sigmoid linear unit with a learned slope",
                 .formula = "x s(beta x), s the logistic function",
                 .source = "Ramachandran et al., arXiv:1710.05941",
                 .certainty = "standard", .params = params)
