/* neurons/dendrites/xnor_il.c: logit of XNOR of two events. */
#include "neurons/dendrites/logic_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return neuron_xnor(x[0], x[1]).f;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Logit logit = neuron_xnor(x[0], x[1]);
    d_x[0] = logit.d_x;
    d_x[1] = logit.d_y;
}

NEURON_POINTWISE(xnor_il, 2, 0, .summary = "logit of XNOR of two events",
                 .formula = "2 atanh(tanh(x/2) tanh(y/2))",
                 .source = "Lowe et al., arXiv:2110.11940", .certainty = "code")
