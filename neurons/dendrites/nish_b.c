/* neurons/dendrites/nish_b.c: candidate b for Nish.
 *
 * The formula of the paper was not found, only its description in words. Results with
 * this function are no reproduction of Nish. */
#include "neurons/pointwise_internal.h"

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    Real s, c;
    real_sincos(x[0], &s, &c);
    return x[0] > R(0.0) ? x[0] : (x[0] + s) * real_sigmoid(x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    Real s, c;
    real_sincos(x[0], &s, &c);
    d_x[0] = x[0] > R(0.0)
                 ? R(1.0)
                 : (R(1.0) + c) * real_sigmoid(x[0]) + (x[0] + s) * real_d_sigmoid(x[0]);
}

NEURON_POINTWISE(
    nish_b, 1, 0, .summary = "candidate b for Nish",
    .formula = "x where x > 0, else (x + sin(x)) s(x), s the logistic function",
    .source = "Anagün & Işık, arXiv:2210.09083", .certainty = "memory")
