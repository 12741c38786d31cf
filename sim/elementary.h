/* sim/elementary.h: exponentials and their relatives on floats, free of branches.
 *
 * Loops over them become vectors at every instruction-set level. Nothing is fused and no
 * sum is reordered, so all levels give the same bits. Errors are a few units in the last
 * place over the range named; NaN stays NaN. Polynomials: Cephes (Moshier); erfc:
 * Press et al., Numerical Recipes 6.2. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float sim_from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t sim_to_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Adding it leaves the nearest integer in the low bits of the sum. */
static const float SIM_ROUND = 12582912.0f; /* 1.5 * 2^23 */

/* x = n ln 2 + r; returns exp(r) - 1 and 2^n, for x in [-87.3, 88.7]. */
static inline float sim_exp_reduced(float x, float *power)
{
    const float shifted = x * 1.44269504f + SIM_ROUND, n = shifted - SIM_ROUND;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    /* Half of the power at a time: 2^128 itself is no float. */
    *power = sim_from_bits((sim_to_bits(shifted) << 23) + (126u << 23));
    return p * (r * r) + r;
}

/* 0 below -87, infinite above 88.7. */
static inline float sim_exp(float x)
{
    float power;
    const float p = sim_exp_reduced(x, &power), y = (p + 1.0f) * power * 2.0f;
    const float low = x < -87.0f ? 0.0f : y;
    return x > 88.72f ? INFINITY : low;
}

static inline float sim_expm1(float x)
{
    float power;
    const float p = sim_exp_reduced(x, &power);
    const float y = 2.0f * (p * power + (power - 0.5f));
    const float low = x < -30.0f ? -1.0f : y;
    return x > 88.72f ? INFINITY : low;
}

/* x > 0 and normal. */
static inline float sim_log(float x)
{
    const uint32_t bits = sim_to_bits(x);
    /* The mantissa in [sqrt(1/2), sqrt(2)) around 1, the rest in the exponent. */
    const uint32_t shifted = bits - 0x3f3504f3u;
    const float e = (float)((int32_t)shifted >> 23);
    const float m = sim_from_bits((shifted & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
    const float z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    const float small = ((p * m) * z - 2.12194440e-4f * e) - 0.5f * z;
    const float y = (m + small) + 0.693359375f * e;
    return x < INFINITY ? y : x;
}

/* x > -1 */
static inline float sim_log1p(float x)
{
    const float u = 1.0f + x;
    return u < INFINITY ? sim_log(u) + (x - (u - 1.0f)) / u : x;
}

static inline float sim_sigmoid(float x)
{
    const float e = sim_exp(-fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

static inline float sim_tanh(float x)
{
    const float e = sim_expm1(-2.0f * fabsf(x));
    return copysignf(e / (e + 2.0f), x);
}

/* sin and cos of x up to 8000 in size; beyond, those of 8000. */
static inline void sim_sincos(float x, float *sine, float *cosine)
{
    x = x > 8000.0f ? 8000.0f : x;
    x = x < -8000.0f ? -8000.0f : x;
    const float shifted = x * 0.63661977f + SIM_ROUND, n = shifted - SIM_ROUND;
    const uint32_t quadrant = sim_to_bits(shifted);
    const float r =
        ((x - n * 1.5703125f) - n * 4.837512969970703125e-4f) - n * 7.54978995489188e-8f;
    const float z = r * r;
    const float s =
        ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * r + r;
    const float c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z +
                     4.166664568298827e-2f) *
                        (z * z) -
                    0.5f * z + 1.0f;
    const uint32_t swap = 0u - (quadrant & 1u);
    const uint32_t s_bits = (sim_to_bits(s) & ~swap) | (sim_to_bits(c) & swap);
    const uint32_t c_bits = (sim_to_bits(c) & ~swap) | (sim_to_bits(s) & swap);
    *sine = sim_from_bits(s_bits ^ (quadrant & 2u) << 30);
    *cosine = sim_from_bits(c_bits ^ ((quadrant + 1u) & 2u) << 30);
}

static inline float sim_erfc(float x)
{
    const float size = fabsf(x), z = size > 12.0f ? 12.0f : size;
    const float t = 1.0f / (1.0f + 0.5f * z);
    float p = 0.17087277f;
    p = p * t - 0.82215223f;
    p = p * t + 1.48851587f;
    p = p * t - 1.13520398f;
    p = p * t + 0.27886807f;
    p = p * t - 0.18628806f;
    p = p * t + 0.09678418f;
    p = p * t + 0.37409196f;
    p = p * t + 1.00002368f;
    p = p * t - 1.26551223f;
    /* The square of a short head is exact. */
    const float head = sim_from_bits(sim_to_bits(z) & 0xfffff000u);
    const float rest = (z - head) * (z + head);
    const float tail = t * (sim_exp(-head * head) * sim_exp(p - rest));
    return x < 0.0f ? 2.0f - tail : tail;
}
