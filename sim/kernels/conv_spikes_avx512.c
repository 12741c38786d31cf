/* sim/kernels/conv_spikes_avx512.c: convolution from packed spikes, 16 channels at a
 * time. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

enum {
    LANES = 16,
    GATHER_TAPS = 9 /* times two registers of a row, of 32 registers */
};
typedef __m512 Vector;
typedef __mmask16 Mask;

static inline Vector load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline void store(float *p, Vector v)
{
    _mm512_storeu_ps(p, v);
}

static inline Mask mask_of(size_t n) /* the first n < LANES lanes */
{
    return (Mask)((1u << n) - 1);
}

static inline Vector load_part(Mask mask, const float *p)
{
    return _mm512_maskz_loadu_ps(mask, p);
}

static inline void store_part(Mask mask, float *p, Vector v)
{
    _mm512_mask_storeu_ps(p, mask, v);
}

static inline Vector add(Vector a, Vector b)
{
    return _mm512_add_ps(a, b);
}

static inline Vector fma_of(Vector a, Vector b, Vector c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline Vector zero(void)
{
    return _mm512_setzero_ps();
}

/* 16 partial sums are one register here. */
static inline __m128 fold_to_four(const Vector *part)
{
    const __m256 half =
        _mm256_add_ps(_mm512_castps512_ps256(*part), _mm512_extractf32x8_ps(*part, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

#include "sim/kernels/list_avx512.inc"

static void tally(size_t n, const uint64_t *bits, size_t stride, uint32_t *counts)
{
    enum { MOST = 255 }; /* that a byte counts */
    for (size_t begin = 0; begin < n; begin += MOST) {
        const size_t last = begin + MOST < n ? begin + MOST : n;
        __m512i sum = _mm512_setzero_si512();
        for (size_t i = begin; i < last; i++)
            sum = _mm512_mask_add_epi8(sum, bits[i * stride], sum, _mm512_set1_epi8(1));
        uint8_t bytes[64];
        _mm512_storeu_si512(bytes, sum);
        for (size_t b = 0; b < 64; b++)
            counts[b] += bytes[b];
    }
}

#define FOR_ALL_GATHERS(X)                                                               \
    X(1, 1)                                                                              \
    X(1, 2)                                                                              \
    X(1, 3)                                                                              \
    X(1, 4)                                                                              \
    X(1, 5)                                                                              \
    X(1, 6) X(1, 7) X(1, 8) X(1, 9) X(2, 1) X(2, 2) X(2, 3) X(3, 1) X(3, 2) X(3, 3)
#include "sim/kernels/conv_spikes.inc"

void sim_conv_spikes_init_avx512(SimKernels *kernels)
{
    init(kernels);
}
