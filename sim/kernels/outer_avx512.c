/* sim/kernels/outer_avx512.c: sums of outer products of pixels, 16 numbers at a time. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

enum { LANES = 16, OUTER_CHANNELS = 8 /* times the vectors of a row: registers */ };
typedef __m512 Vector;

static inline Vector load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline void store(float *p, Vector v)
{
    _mm512_storeu_ps(p, v);
}

static inline Vector set(float x)
{
    return _mm512_set1_ps(x);
}

static inline Vector fma_of(Vector a, Vector b, Vector c)
{
    return _mm512_fmadd_ps(a, b, c);
}

#include "sim/kernels/outer.inc"

void sim_outer_init_avx512(SimKernels *kernels)
{
    kernels->outer_sums = outer_sums;
}
