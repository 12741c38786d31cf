/* neurons/pointwise_internal.h: a dendrite that is a function of its branches alone.
 *
 * Its file says the function once, on a type Real, and is compiled once per
 * instruction-set level and once in double precision:
 *
 *     static inline Real value(const Real *x, const Real *p)
 *     static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
 *     NEURON_POINTWISE(name, branches, n_params, .summary = ..., ...)
 *
 * x holds the branches of one unit, p the values of all parameters, in the order of the
 * table. The levels (NEURON_LEVEL from the build) wrap them in loops over a tile of
 * units, which the compiler turns into vectors: write both without side effects, choose
 * by ?:. Constants are R(0.5). The double version is the reference of tests, tables and
 * pictures, and carries the descriptor. */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

enum { NEURON_TILE = 128 }; /* units of one call */

/* Float loops of one level over a tile: x, d_x [TILE, B]; p, sums [K, TILE]. */
typedef struct NeuronTiles {
    void (*forward)(const float *x, const float *p, float *y);
    /* d_x = d_y df/dx */
    void (*backward)(const float *x, const float *p, const float *d_y, float *d_x);
    /* and sums += d_y df/dp */
    void (*backward_params)(const float *x, const float *p, const float *d_y, float *d_x,
                            float *sums);
} NeuronTiles;

struct NeuronPointwise {
    void (*value)(const double *x, const double *p, double *y);
    void (*slopes)(const double *x, const double *p, double *d_x, double *d_p);
    const NeuronTiles *ref, *avx2, *avx512; /* the last two NULL but on x86-64 */
};

#ifdef NEURON_LEVEL

#include "sim/elementary.h"

typedef float Real;
#define R(constant) constant##f
#define NEURON_JOIN_(a, b, c) a##b##_##c
#define NEURON_JOIN(a, b, c) NEURON_JOIN_(a, b, c)
#define NEURON_PARAM_TABLE(...)

static inline Real real_exp(Real x)
{
    return sim_exp(x);
}
static inline Real real_expm1(Real x)
{
    return sim_expm1(x);
}
static inline Real real_log(Real x)
{
    return sim_log(x);
}
static inline Real real_log1p(Real x)
{
    return sim_log1p(x);
}
static inline Real real_tanh(Real x)
{
    return sim_tanh(x);
}
static inline Real real_sigmoid(Real x)
{
    return sim_sigmoid(x);
}
static inline Real real_erfc(Real x)
{
    return sim_erfc(x);
}
static inline Real real_sqrt(Real x)
{
    return sqrtf(x);
}
static inline Real real_abs(Real x)
{
    return fabsf(x);
}
static inline void real_sincos(Real x, Real *sine, Real *cosine)
{
    sim_sincos(x, sine, cosine);
}

#define NEURON_POINTWISE(name, B, K, ...)                                                \
    static void forward(const float *restrict x, const float *restrict p,                \
                        float *restrict y)                                               \
    {                                                                                    \
        for (size_t i = 0; i < NEURON_TILE; i++) {                                       \
            float in[B], at[(K) + 1];                                                    \
            for (int b = 0; b < (B); b++)                                                \
                in[b] = x[i * (B) + (size_t)b];                                          \
            for (int k = 0; k < (K); k++)                                                \
                at[k] = p[(size_t)k * NEURON_TILE + i];                                  \
            y[i] = value(in, at);                                                        \
        }                                                                                \
    }                                                                                    \
    static void backward(const float *restrict x, const float *restrict p,               \
                         const float *restrict d_y, float *restrict d_x)                 \
    {                                                                                    \
        for (size_t i = 0; i < NEURON_TILE; i++) {                                       \
            float in[B], at[(K) + 1], d_in[B], d_at[(K) + 1];                            \
            for (int b = 0; b < (B); b++)                                                \
                in[b] = x[i * (B) + (size_t)b];                                          \
            for (int k = 0; k < (K); k++)                                                \
                at[k] = p[(size_t)k * NEURON_TILE + i];                                  \
            slopes(in, at, d_in, d_at);                                                  \
            for (int b = 0; b < (B); b++)                                                \
                d_x[i * (B) + (size_t)b] = d_y[i] * d_in[b];                             \
        }                                                                                \
    }                                                                                    \
    static void backward_params(const float *restrict x, const float *restrict p,        \
                                const float *restrict d_y, float *restrict d_x,          \
                                float *restrict sums)                                    \
    {                                                                                    \
        for (size_t i = 0; i < NEURON_TILE; i++) {                                       \
            float in[B], at[(K) + 1], d_in[B], d_at[(K) + 1];                            \
            for (int b = 0; b < (B); b++)                                                \
                in[b] = x[i * (B) + (size_t)b];                                          \
            for (int k = 0; k < (K); k++)                                                \
                at[k] = p[(size_t)k * NEURON_TILE + i];                                  \
            slopes(in, at, d_in, d_at);                                                  \
            for (int b = 0; b < (B); b++)                                                \
                d_x[i * (B) + (size_t)b] = d_y[i] * d_in[b];                             \
            for (int k = 0; k < (K); k++)                                                \
                sums[(size_t)k * NEURON_TILE + i] += d_y[i] * d_at[k];                   \
        }                                                                                \
    }                                                                                    \
    extern const NeuronTiles NEURON_JOIN(neuron_tiles_, name, NEURON_LEVEL);             \
    const NeuronTiles NEURON_JOIN(neuron_tiles_, name, NEURON_LEVEL) = {                 \
        forward, backward, (K) > 0 ? backward_params : NULL};

#else

#include "neurons/neuron.h"

typedef double Real;
#define R(constant) constant
#define NEURON_PARAM_TABLE(...) static const NeuronParam params[] = {__VA_ARGS__};

static inline Real real_exp(Real x)
{
    return exp(x);
}
static inline Real real_expm1(Real x)
{
    return expm1(x);
}
static inline Real real_log(Real x)
{
    return log(x);
}
static inline Real real_log1p(Real x)
{
    return log1p(x);
}
static inline Real real_tanh(Real x)
{
    return tanh(x);
}
static inline Real real_sigmoid(Real x)
{
    const Real e = exp(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}
static inline Real real_erfc(Real x)
{
    return erfc(x);
}
static inline Real real_sqrt(Real x)
{
    return sqrt(x);
}
static inline Real real_abs(Real x)
{
    return fabs(x);
}
static inline void real_sincos(Real x, Real *sine, Real *cosine)
{
    *sine = sin(x);
    *cosine = cos(x);
}

#ifdef __x86_64__
#define NEURON_TILES(name)                                                               \
    .ref = &neuron_tiles_##name##_ref, .avx2 = &neuron_tiles_##name##_avx2,              \
    .avx512 = &neuron_tiles_##name##_avx512
#define NEURON_DECLARE_TILES(name)                                                       \
    extern const NeuronTiles neuron_tiles_##name##_ref, neuron_tiles_##name##_avx2,      \
        neuron_tiles_##name##_avx512;
#else
#define NEURON_TILES(name) .ref = &neuron_tiles_##name##_ref
#define NEURON_DECLARE_TILES(name) extern const NeuronTiles neuron_tiles_##name##_ref;
#endif

#define NEURON_POINTWISE(NAME, B, K, ...)                                                \
    NEURON_DECLARE_TILES(NAME)                                                           \
    static void value_of(const double *x, const double *p, double *y)                    \
    {                                                                                    \
        *y = value(x, p);                                                                \
    }                                                                                    \
    static void slopes_of(const double *x, const double *p, double *d_x, double *d_p)    \
    {                                                                                    \
        slopes(x, p, d_x, d_p);                                                          \
    }                                                                                    \
    static const NeuronPointwise pointwise = {value_of, slopes_of, NEURON_TILES(NAME)};  \
    const NeuronDendrite neuron_dendrite_##NAME = {.name = #NAME,                        \
                                                   .n_branches = (B),                    \
                                                   .n_params = (K),                      \
                                                   .pointwise = &pointwise,              \
                                                   __VA_ARGS__};

#endif

/* What several formulas share. */

static inline Real real_max(Real a, Real b) /* a on a tie */
{
    return b > a ? b : a;
}
static inline Real real_min(Real a, Real b)
{
    return b < a ? b : a;
}
static inline Real real_ramp(Real x) /* max(0, x) */
{
    return x > R(0.0) ? x : R(0.0);
}
static inline Real real_step(Real x) /* its slope: 0 at 0 */
{
    return x > R(0.0) ? R(1.0) : R(0.0);
}
static inline Real real_sign(Real x) /* 0 at 0 */
{
    return real_step(x) - real_step(-x);
}
static inline Real real_d_sigmoid(Real x)
{
    const Real e = real_exp(-real_abs(x));
    return e / ((R(1.0) + e) * (R(1.0) + e));
}
static inline Real real_d_tanh(Real x)
{
    return R(4.0) * real_d_sigmoid(R(2.0) * x);
}
static inline Real real_softplus(Real x)
{
    return real_ramp(x) + real_log1p(real_exp(-real_abs(x)));
}
