/* sim/kernels/capsules_avx512.c: votes of capsules, 16 images at a time. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

enum { LANES = 16 };
typedef __m512 Vector;

static inline Vector set(float x)
{
    return _mm512_set1_ps(x);
}
static inline Vector load(const float *x)
{
    return _mm512_loadu_ps(x);
}
static inline void store(float *x, Vector value)
{
    _mm512_storeu_ps(x, value);
}
static inline __mmask16 first_lanes(size_t n)
{
    return (__mmask16)((1u << n) - 1);
}
static inline Vector load_part(size_t n, const float *x)
{
    return _mm512_maskz_loadu_ps(first_lanes(n), x);
}
static inline void store_part(size_t n, float *x, Vector value)
{
    _mm512_mask_storeu_ps(x, first_lanes(n), value);
}
static inline Vector fma_vector(Vector a, Vector b, Vector c)
{
    return _mm512_fmadd_ps(a, b, c);
}
static inline Vector root(Vector x)
{
    return _mm512_sqrt_ps(x);
}

#include "sim/kernels/capsules.inc"

void sim_capsules_init_avx512(SimKernels *kernels)
{
    fill(kernels);
}
