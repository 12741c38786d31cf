/* sim/kernels/conv_few_avx2.c: convolution of few channels, 8 outputs at a time. */
#include "sim/kernels/lanes_avx2.inc"

enum { PIXELS = 2 /* of output at a time, times VECTORS: registers */ };

/* Past the cache; p is a multiple of a vector. */
static inline void stream(float *p, Vector v)
{
    _mm256_stream_ps(p, v);
}

/* A bit for each of n values, LANES at most, that is not 0. */
static inline uint64_t which_are_some(size_t n, const float *x)
{
    const __m256i there =
        _mm256_cmpgt_epi32(_mm256_set1_epi32(n < LANES ? (int)n : LANES),
                           _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return (uint64_t)_mm256_movemask_ps(
        _mm256_cmp_ps(_mm256_maskload_ps(x, there), _mm256_setzero_ps(), _CMP_NEQ_UQ));
}

#include "sim/kernels/conv_few.inc"

void sim_conv_few_init_avx2(SimKernels *kernels)
{
    kernels->conv_few_forward = forward;
    kernels->conv_few_weights = weights;
}
