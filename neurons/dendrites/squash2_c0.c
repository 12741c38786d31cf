/* neurons/dendrites/squash2_c0.c: first part of a squashed pair. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    const Real square = x[0] * x[0] + x[1] * x[1], n = real_sqrt(square);
    return n / (R(1.0) + square) * x[0];
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Real square = x[0] * x[0] + x[1] * x[1], n = real_sqrt(square);
    const Real q = R(1.0) + square;
    const Real bend = square > R(0.0) ? (R(1.0) - square) / (q * q) / n : R(0.0);
    d_x[0] = n / q + x[0] * x[0] * bend;
    d_x[1] = x[0] * x[1] * bend;
}

NEURON_POINTWISE(squash2_c0, 2, 0, .summary = "first part of a squashed pair",
                 .formula = "n^2 / (1 + n^2) x / n, n = sqrt(x^2 + y^2)",
                 .source = "Sabour et al., NeurIPS 2017", .certainty = "code")
