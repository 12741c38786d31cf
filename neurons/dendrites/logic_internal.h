/* neurons/dendrites/logic_internal.h: AND, OR and XNOR of two independent events whose
 * logits are x and y, and their approximations (Lowe et al., arXiv:2110.11940).
 *
 * Each returns the logit of the result and its slopes. */
#pragma once

#include "neurons/pointwise_internal.h"

typedef struct Logit {
    Real f, d_x, d_y;
} Logit;

/* -log(exp(-x) + exp(-y) + exp(-x-y)) */
static inline Logit neuron_and(Real x, Real y)
{
    const Real most = real_max(real_max(-x, -y), -x - y);
    const Real a = real_exp(-x - most), b = real_exp(-y - most),
               c = real_exp((-x - y) - most);
    /* The largest term is 1; the others are summed without it. */
    const Real others = -x >= most ? b + c : -y >= most ? a + c : a + b;
    const Real whole = R(1.0) + others;
    return (Logit){-(most + real_log1p(others)), (a + c) / whole, (b + c) / whole};
}

static inline Logit neuron_or(Real x, Real y)
{
    const Logit not_and = neuron_and(-x, -y);
    return (Logit){-not_and.f, not_and.d_x, not_and.d_y};
}

/* 2 atanh(tanh(x/2) tanh(y/2)), as log1p((e^a - 1)(e^b - 1) / (e^a + e^b)) of the sizes.
 * The smaller counts up to 20: beyond, the result grows as it does. */
static inline Logit neuron_xnor(Real x, Real y)
{
    const Real a = real_abs(x), b = real_abs(y);
    const Real small = real_min(a, b), apart = real_abs(a - b);
    const Real n = real_min(small, R(20.0)), e = real_exp(-apart);
    const Real ratio = -real_expm1(-(n + apart)) * real_expm1(n) / (R(1.0) + e);
    const Real size = real_log1p(ratio) + (small - n);
    const Real left_a = -real_expm1(R(-2.0) * a), left_b = -real_expm1(R(-2.0) * b);
    const Real cosh_a = (a < b ? e : R(1.0)), cosh_b = (b < a ? e : R(1.0));
    const Real whole = cosh_a * (R(2.0) - left_a) + cosh_b * (R(2.0) - left_b);
    return (Logit){real_sign(x) * real_sign(y) * size,
                   real_sign(y) * cosh_b * left_b / whole,
                   real_sign(x) * cosh_a * left_a / whole};
}

/* Sum of what is negative; without any, the smaller. */
static inline Logit neuron_and_ail(Real x, Real y)
{
    const bool some = x < R(0.0) || y < R(0.0), first = x <= y;
    const Real below = real_min(x, R(0.0)) + real_min(y, R(0.0));
    return (Logit){some ? below : real_min(x, y),
                   some    ? real_step(-x)
                   : first ? R(1.0)
                           : R(0.0),
                   some    ? real_step(-y)
                   : first ? R(0.0)
                           : R(1.0)};
}

static inline Logit neuron_or_ail(Real x, Real y)
{
    const Logit not_and = neuron_and_ail(-x, -y);
    return (Logit){-not_and.f, not_and.d_x, not_and.d_y};
}

/* The smaller size, positive where the signs agree. Signs are multiplied, not values:
 * those would underflow. */
static inline Logit neuron_xnor_ail(Real x, Real y)
{
    const Real a = real_abs(x), b = real_abs(y), sign_x = real_sign(x),
               sign_y = real_sign(y);
    const bool first = a <= b;
    return (Logit){sign_x * sign_y * real_min(a, b), first ? sign_y : R(0.0),
                   first ? R(0.0) : sign_x};
}

/* Zero mean and unit variance for independent standard normal x and y. */
static inline Logit neuron_normalised(Logit logit, Real mean, Real deviation)
{
    return (Logit){(logit.f - mean) / deviation, logit.d_x / deviation,
                   logit.d_y / deviation};
}
