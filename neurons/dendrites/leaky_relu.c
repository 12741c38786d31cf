/* neurons/dendrites/leaky_relu.c: rectifier with a fixed leak. */
#include "neurons/pointwise_internal.h"

enum { A };
NEURON_PARAM_TABLE({"a", 0.01, -10.0, 10.0, false, "slope below 0"})

static inline Real value(const Real *x, const Real *p)
{
    return x[0] > R(0.0) ? x[0] : p[A] * x[0];
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    d_x[0] = x[0] > R(0.0) ? R(1.0) : p[A];
    d_p[A] = real_min(x[0], R(0.0));
}

NEURON_POINTWISE(leaky_relu, 1, 1, .summary = "rectifier with a fixed leak",
                 .formula = "x where x > 0, else a x", .source = "Maas et al., ICML 2013",
                 .certainty = "standard", .params = params)
