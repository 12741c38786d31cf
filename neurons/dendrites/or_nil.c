/* neurons/dendrites/or_nil.c: logit of OR of two events, zero mean and unit variance. */
#include "neurons/dendrites/logic_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return neuron_normalised(neuron_or(x[0], x[1]), R(1.29895), R(0.94834)).f;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Logit logit = neuron_normalised(neuron_or(x[0], x[1]), R(1.29895), R(0.94834));
    d_x[0] = logit.d_x;
    d_x[1] = logit.d_y;
}

NEURON_POINTWISE(or_nil, 2, 0,
                 .summary = "logit of OR of two events, zero mean and unit variance",
                 .formula = "(or_il - 1.299) / 0.94834",
                 .source = "Lowe et al., arXiv:2110.11940", .certainty = "code")
