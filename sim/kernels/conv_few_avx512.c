/* sim/kernels/conv_few_avx512.c: convolution of few channels, 16 outputs at a time. */
#include "sim/kernels/lanes_avx512.inc"

enum { PIXELS = 4 /* of output at a time, times VECTORS: registers */ };

/* Past the cache; p is a multiple of a vector. */
static inline void stream(float *p, Vector v)
{
    _mm512_stream_ps(p, v);
}

/* A bit for each of n values, LANES at most, that is not 0. */
static inline uint64_t which_are_some(size_t n, const float *x)
{
    const __mmask16 there = n < LANES ? (__mmask16)((1u << n) - 1) : 0xffff;
    return _mm512_mask_cmp_ps_mask(there, _mm512_maskz_loadu_ps(there, x),
                                   _mm512_setzero_ps(), _CMP_NEQ_UQ);
}

#include "sim/kernels/conv_few.inc"

void sim_conv_few_init_avx512(SimKernels *kernels)
{
    kernels->conv_few_forward = forward;
    kernels->conv_few_weights = weights;
}
