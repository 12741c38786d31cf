/* neurons/dendrites/or_ail.c: approximate logit of OR. */
#include "neurons/dendrites/logic_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return neuron_or_ail(x[0], x[1]).f;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Logit logit = neuron_or_ail(x[0], x[1]);
    d_x[0] = logit.d_x;
    d_x[1] = logit.d_y;
}

NEURON_POINTWISE(or_ail, 2, 0, .summary = "approximate logit of OR",
                 .formula = "x + y where both > 0, else max(x, y)",
                 .source = "Lowe et al., arXiv:2110.11940", .certainty = "code")
