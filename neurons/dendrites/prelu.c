/* neurons/dendrites/prelu.c: rectifier with a learned leak. */
#include "neurons/pointwise_internal.h"

enum { A };
NEURON_PARAM_TABLE({"a", 0.25, -10.0, 10.0, true, "slope below 0"})

static inline Real value(const Real *x, const Real *p)
{
    return x[0] > R(0.0) ? x[0] : p[A] * x[0];
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    d_x[0] = x[0] > R(0.0) ? R(1.0) : p[A];
    d_p[A] = real_min(x[0], R(0.0));
}

NEURON_POINTWISE(prelu, 1, 1, .summary = "rectifier with a learned leak",
                 .formula = "x where x > 0, else a x", .source = "He et al., ICCV 2015",
                 .certainty = "standard", .params = params, .sharing = NEURON_PER_CHANNEL)
