/* neurons/dendrites/ssu.c: shifted sinc unit. */
#include "neurons/dendrites/sinc_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    Real s, c;
    const Real t = minus_pi(x[0]);
    real_sincos(x[0], &s, &c);
    return pi * (real_abs(t) < R(0.5) ? near_sinc(t) : -s / t);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    Real s, c;
    const Real t = minus_pi(x[0]);
    real_sincos(x[0], &s, &c);
    d_x[0] = pi * (real_abs(t) < R(0.5) ? near_d_sinc(t) : (s - c * t) / (t * t));
}

NEURON_POINTWISE(ssu, 1, 0, .summary = "shifted sinc unit",
                 .formula = "pi sinc(x - pi), sinc(t) = sin(t) / t",
                 .source = "Noel et al., arXiv:2111.04020", .certainty = "second hand")
