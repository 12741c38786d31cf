/* neurons/dendrites/selu.c: self-normalising exponential linear unit. */
#include "neurons/pointwise_internal.h"

static const Real alpha = R(1.6732632423543772), lambda = R(1.0507009873554805);

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return lambda * (x[0] > R(0.0) ? x[0] : alpha * real_expm1(x[0]));
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    d_x[0] = lambda * (x[0] > R(0.0) ? R(1.0) : alpha * real_exp(x[0]));
}

NEURON_POINTWISE(selu, 1, 0, .summary = "self-normalising exponential linear unit",
                 .formula = "1.0507 x where x > 0, else 1.7581 (exp(x) - 1)",
                 .source = "Klambauer et al., NeurIPS 2017", .certainty = "standard")
