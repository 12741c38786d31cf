/* sim/kernels/conv_spikes_avx2.c: convolution from packed spikes, 8 channels at a time.
 */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

enum {
    LANES = 8,
    GATHER_TAPS = 3 /* times four registers of a row, of 16 registers */
};
typedef __m256 Vector;
typedef __m256i Mask;

static inline Vector load(const float *p)
{
    return _mm256_loadu_ps(p);
}

static inline void store(float *p, Vector v)
{
    _mm256_storeu_ps(p, v);
}

static inline Mask mask_of(size_t n) /* the first n < LANES lanes */
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline Vector load_part(Mask mask, const float *p)
{
    return _mm256_maskload_ps(p, mask);
}

static inline void store_part(Mask mask, float *p, Vector v)
{
    _mm256_maskstore_ps(p, mask, v);
}

static inline Vector add(Vector a, Vector b)
{
    return _mm256_add_ps(a, b);
}

static inline Vector fma_of(Vector a, Vector b, Vector c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline Vector zero(void)
{
    return _mm256_setzero_ps();
}

/* 16 partial sums are two registers here. */
static inline __m128 fold_to_four(const Vector *part)
{
    const __m256 half = _mm256_add_ps(part[0], part[1]);
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

#include "sim/kernels/list_avx2.inc"

/* 255 for every bit set. */
static inline __m256i bytes_of(uint32_t ones)
{
    const __m256i spread =
        _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2,
                         2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
    const __m256i all = _mm256_shuffle_epi8(_mm256_set1_epi32((int)ones), spread);
    return _mm256_cmpeq_epi8(_mm256_and_si256(all, bit), bit);
}

static void tally(size_t n, const uint64_t *bits, size_t stride, uint32_t *counts)
{
    enum { MOST = 255 }; /* that a byte counts */
    for (size_t begin = 0; begin < n; begin += MOST) {
        const size_t last = begin + MOST < n ? begin + MOST : n;
        __m256i low = _mm256_setzero_si256(), high = low;
        for (size_t i = begin; i < last; i++) {
            const uint64_t ones = bits[i * stride];
            low = _mm256_sub_epi8(low, bytes_of((uint32_t)ones));
            high = _mm256_sub_epi8(high, bytes_of((uint32_t)(ones >> 32)));
        }
        uint8_t bytes[64];
        _mm256_storeu_si256((__m256i *)(void *)bytes, low);
        _mm256_storeu_si256((__m256i *)(void *)(bytes + 32), high);
        for (size_t b = 0; b < 64; b++)
            counts[b] += bytes[b];
    }
}

#define FOR_ALL_GATHERS(X) X(1, 1) X(1, 2) X(1, 3)
#include "sim/kernels/conv_spikes.inc"

void sim_conv_spikes_init_avx2(SimKernels *kernels)
{
    init(kernels);
}
