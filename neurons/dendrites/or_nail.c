/* neurons/dendrites/or_nail.c: approximate logit of OR of two events, zero mean and unit
 * variance. */
#include "neurons/dendrites/logic_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return neuron_normalised(neuron_or_ail(x[0], x[1]), R(0.6810370721753108),
                             R(0.9722877400310959))
        .f;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Logit logit = neuron_normalised(neuron_or_ail(x[0], x[1]),
                                          R(0.6810370721753108), R(0.9722877400310959));
    d_x[0] = logit.d_x;
    d_x[1] = logit.d_y;
}

NEURON_POINTWISE(
    or_nail, 2, 0,
    .summary = "approximate logit of OR of two events, zero mean and unit variance",
    .formula = "(or_ail - 0.68104) / 0.97229", .source = "Lowe et al., arXiv:2110.11940",
    .certainty = "code")
