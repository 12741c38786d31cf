/* neurons/dendrites/rational_internal.h: P(x) / Q(x), P = a0 + a1 x + ... + a5 x^5.
 *
 *     A: Q = 1 + |b1| |x| + ... + |b4| |x|^4
 *     B: Q = 1 + |b1 x + ... + b4 x^4|
 *     C: Q = 0.1 + |b0 + b1 x + ... + b4 x^4|
 *
 * Parameters a0 ... a5, then the b. */
#pragma once

#include "neurons/pointwise_internal.h"

#define NEURON_NUMERATOR(a0, a1, a2, a3, a4, a5)                                         \
    {"a0", a0, -1e3, 1e3, true, "numerator, power 0"},                                   \
        {"a1", a1, -1e3, 1e3, true, "power 1"}, {"a2", a2, -1e3, 1e3, true, "power 2"},  \
        {"a3", a3, -1e3, 1e3, true, "power 3"}, {"a4", a4, -1e3, 1e3, true, "power 4"},  \
    {                                                                                    \
        "a5", a5, -1e3, 1e3, true, "power 5"                                             \
    }
#define NEURON_DENOMINATOR(b1, b2, b3, b4)                                               \
    {"b1", b1, -1e3, 1e3, true, "denominator, power 1"},                                 \
        {"b2", b2, -1e3, 1e3, true, "power 2"}, {"b3", b3, -1e3, 1e3, true, "power 3"},  \
    {                                                                                    \
        "b4", b4, -1e3, 1e3, true, "power 4"                                             \
    }

typedef struct Polynomial {
    Real value, slope;
} Polynomial;

static inline Polynomial numerator(Real x, const Real *a)
{
    Polynomial p = {a[5], R(0.0)};
    for (int i = 4; i >= 0; i--) {
        p.slope = p.slope * x + p.value;
        p.value = p.value * x + a[i];
    }
    return p;
}

/* b0 + b1 x + ... + b4 x^4 */
static inline Polynomial quartic(Real x, Real b0, const Real *b1)
{
    Polynomial p = {b1[3], R(0.0)};
    for (int i = 2; i >= 0; i--) {
        p.slope = p.slope * x + p.value;
        p.value = p.value * x + b1[i];
    }
    p.slope = p.slope * x + p.value;
    p.value = p.value * x + b0;
    return p;
}

/* Slopes with respect to the numerator: powers of x over Q. */
static inline void numerator_slopes(Real x, Real q, Real *d_a)
{
    Real power = R(1.0) / q;
    for (int i = 0; i < 6; i++) {
        d_a[i] = power;
        power *= x;
    }
}

/* A, whose sizes come in `size`: |b1| ... |b4|. */
static inline Polynomial rational_a_below(Real x, const Real *b)
{
    const Real size[4] = {real_abs(b[0]), real_abs(b[1]), real_abs(b[2]), real_abs(b[3])};
    Polynomial q = quartic(real_abs(x), R(1.0), size);
    q.slope *= real_sign(x);
    return q;
}

static inline Real rational_a(Real x, const Real *a, const Real *b)
{
    return numerator(x, a).value / rational_a_below(x, b).value;
}

static inline void rational_a_slopes(Real x, const Real *a, const Real *b, Real *d_x,
                                     Real *d_a, Real *d_b)
{
    const Polynomial p = numerator(x, a), q = rational_a_below(x, b);
    const Real f = p.value / q.value;
    *d_x = (p.slope - f * q.slope) / q.value;
    numerator_slopes(x, q.value, d_a);
    Real power = -f / q.value;
    for (int j = 0; j < 4; j++) {
        power *= real_abs(x);
        d_b[j] = power * real_sign(b[j]);
    }
}

/* B (base 1, b0 = 0) and C (base 0.1). d_b0 is not needed in B. */
static inline Real rational_bc(Real x, Real base, Real b0, const Real *a, const Real *b1)
{
    return numerator(x, a).value / (base + real_abs(quartic(x, b0, b1).value));
}

static inline void rational_bc_slopes(Real x, Real base, Real b0, const Real *a,
                                      const Real *b1, Real *d_x, Real *d_a, Real *d_b0,
                                      Real *d_b1)
{
    const Polynomial p = numerator(x, a), inner = quartic(x, b0, b1);
    const Real q = base + real_abs(inner.value), sign = real_sign(inner.value);
    const Real f = p.value / q;
    *d_x = (p.slope - f * sign * inner.slope) / q;
    numerator_slopes(x, q, d_a);
    Real power = -f / q * sign;
    *d_b0 = power;
    for (int j = 0; j < 4; j++) {
        power *= x;
        d_b1[j] = power;
    }
}
