/* neurons/dendrites/softsign.c: soft sign. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return x[0] / (R(1.0) + real_abs(x[0]));
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Real q = R(1.0) + real_abs(x[0]);
    d_x[0] = R(1.0) / (q * q);
}

NEURON_POINTWISE(softsign, 1, 0, .summary = "soft sign", .formula = "x / (1 + abs(x))",
                 .source = "classic", .certainty = "standard")
