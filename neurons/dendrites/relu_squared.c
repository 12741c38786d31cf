/* neurons/dendrites/relu_squared.c: square of the rectifier. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    const Real r = real_ramp(x[0]);
    return r * r;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = R(2.0) * real_ramp(x[0]);
}

NEURON_POINTWISE(relu_squared, 1, 0, .summary = "square of the rectifier",
                 .formula = "max(0, x)^2",
                 .source = "So et al., NeurIPS 2021; Zhang et al., arXiv:2402.03804",
                 .certainty = "standard")
