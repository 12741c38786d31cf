/* sim/kernels/capsules_avx2.c: votes of capsules, 8 images at a time. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

enum { LANES = 8 };
typedef __m256 Vector;

static inline Vector set(float x)
{
    return _mm256_set1_ps(x);
}
static inline Vector load(const float *x)
{
    return _mm256_loadu_ps(x);
}
static inline void store(float *x, Vector value)
{
    _mm256_storeu_ps(x, value);
}
static inline __m256i first_lanes(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline Vector load_part(size_t n, const float *x)
{
    return _mm256_maskload_ps(x, first_lanes(n));
}
static inline void store_part(size_t n, float *x, Vector value)
{
    _mm256_maskstore_ps(x, first_lanes(n), value);
}
static inline Vector fma_vector(Vector a, Vector b, Vector c)
{
    return _mm256_fmadd_ps(a, b, c);
}
static inline Vector root(Vector x)
{
    return _mm256_sqrt_ps(x);
}

#include "sim/kernels/capsules.inc"

void sim_capsules_init_avx2(SimKernels *kernels)
{
    fill(kernels);
}
