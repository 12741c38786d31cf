/* neurons/dendrites/sin.c: sine. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    Real s, c;
    real_sincos(x[0], &s, &c);
    return s;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    Real s;
    real_sincos(x[0], &s, &d_x[0]);
}

NEURON_POINTWISE(sin, 1, 0, .summary = "sine", .formula = "sin(x)",
                 .source = "survey of physics-informed nets, arXiv:2209.02681",
                 .certainty = "standard")
