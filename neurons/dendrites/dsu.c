/* neurons/dendrites/dsu.c: decaying sine unit. */
#include "neurons/dendrites/sinc_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    Real s, c;
    const Real size = real_abs(x[0]), t = minus_pi(size), far = size + pi;
    real_sincos(size, &s, &c);
    const Real near = pi / R(2.0) * (near_sinc(t) + s / far);
    const Real value = real_abs(t) < R(0.5) ? near : -pi * pi * s / (t * far);
    return x[0] < R(0.0) ? -value : value;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    Real s, c;
    const Real size = real_abs(x[0]), t = minus_pi(size), far = size + pi;
    real_sincos(size, &s, &c);
    const Real near = pi / R(2.0) * (near_d_sinc(t) + (c * far - s) / (far * far));
    const Real w = -t * far;
    d_x[0] =
        real_abs(t) < R(0.5) ? near : pi * pi * (c * w + R(2.0) * size * s) / (w * w);
}

NEURON_POINTWISE(dsu, 1, 0, .summary = "decaying sine unit",
                 .formula = "pi/2 (sinc(x - pi) - sinc(x + pi)), sinc(t) = sin(t) / t",
                 .source = "Noel et al., arXiv:2111.04020", .certainty = "second hand")
