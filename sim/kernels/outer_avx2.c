/* sim/kernels/outer_avx2.c: sums of outer products of pixels, 8 numbers at a time. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

enum { LANES = 8, OUTER_CHANNELS = 2 /* times the vectors of a row: registers */ };
typedef __m256 Vector;

static inline Vector load(const float *p)
{
    return _mm256_loadu_ps(p);
}

static inline void store(float *p, Vector v)
{
    _mm256_storeu_ps(p, v);
}

static inline Vector set(float x)
{
    return _mm256_set1_ps(x);
}

static inline Vector fma_of(Vector a, Vector b, Vector c)
{
    return _mm256_fmadd_ps(a, b, c);
}

#include "sim/kernels/outer.inc"

void sim_outer_init_avx2(SimKernels *kernels)
{
    kernels->outer_sums = outer_sums;
}
