/* neurons/dendrites/xnor_nil.c: logit of XNOR of two events, zero mean and unit variance.
 */
#include "neurons/dendrites/logic_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return neuron_normalised(neuron_xnor(x[0], x[1]), R(0.0), R(0.36641)).f;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Logit logit = neuron_normalised(neuron_xnor(x[0], x[1]), R(0.0), R(0.36641));
    d_x[0] = logit.d_x;
    d_x[1] = logit.d_y;
}

NEURON_POINTWISE(xnor_nil, 2, 0,
                 .summary = "logit of XNOR of two events, zero mean and unit variance",
                 .formula = "xnor_il / 0.36641",
                 .source = "Lowe et al., arXiv:2110.11940", .certainty = "code")
