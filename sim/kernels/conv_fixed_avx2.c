/* sim/kernels/conv_fixed_avx2.c: convolution from packed spikes with weights of 16 bits,
 * 16 at a time. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

enum { WIDE = 16, GROUPS = 2 /* of 32 outputs at a time: half of the registers */ };
typedef __m256i Vector;

static inline Vector load_bits(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline Vector load(const int16_t *p)
{
    return load_bits(p);
}

static inline Vector load_sums(const int32_t *p)
{
    return load_bits(p);
}

static inline void store_sums(int32_t *p, Vector v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

static inline Vector zero(void)
{
    return _mm256_setzero_si256();
}

static inline Vector add_shorts(Vector a, Vector b)
{
    return _mm256_add_epi16(a, b);
}

static inline Vector add_sums(Vector a, Vector b)
{
    return _mm256_add_epi32(a, b);
}

/* sum + the first, or the second, of each pair of shorts. */
static inline Vector add_even(Vector sum, Vector x)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, _mm256_set1_epi32(1)));
}

static inline Vector add_odd(Vector sum, Vector x)
{
    return _mm256_add_epi32(sum, _mm256_srai_epi32(x, 16));
}

static inline Vector first_of(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < 8 ? (int)n : 8),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* y = scale sum + start. */
static inline void finish(Vector sum, const float *scale, const float *start, float *y)
{
    _mm256_storeu_ps(y, _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(scale),
                                        _mm256_loadu_ps(start)));
}

/* The same for the first n outputs, or all. */
static inline void finish_part(size_t n, Vector sum, const float *scale,
                               const float *start, float *y)
{
    const Vector mask = first_of(n);
    _mm256_maskstore_ps(y, mask,
                        _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(scale),
                                        _mm256_maskload_ps(start, mask)));
}

#include "sim/kernels/list_avx2.inc"

#define FOR_ALL_GROUPS(X) X(1) X(2)
#include "sim/kernels/conv_fixed.inc"

static void largest(size_t rows, size_t stride, size_t k, const float *w,
                    uint32_t *largest)
{
    const Vector size = _mm256_set1_epi32(0x7fffffff);
    for (size_t i = 0; i < k; i += 8) {
        const Vector mask = first_of(k - i);
        Vector most =
            _mm256_maskload_epi32((const int *)(const void *)(largest + i), mask);
        for (size_t row = 0; row < rows; row++)
            most = _mm256_max_epu32(
                most, _mm256_and_si256(size, _mm256_castps_si256(_mm256_maskload_ps(
                                                 w + row * stride + i, mask))));
        _mm256_maskstore_epi32((int *)(void *)(largest + i), mask, most);
    }
}

/* The nearest integers, 0 where the factor is. */
static inline Vector rounded(Vector mask, const float *w, __m256 factor)
{
    const __m256 used = _mm256_cmp_ps(factor, _mm256_setzero_ps(), _CMP_NEQ_OQ);
    const __m256 x = _mm256_mul_ps(_mm256_maskload_ps(w, mask), factor);
    return _mm256_cvtps_epi32(_mm256_and_ps(used, x));
}

static void round_rows(size_t rows, size_t stride, size_t k, const float *w,
                       const float *factor, size_t width, int16_t *to)
{
    for (size_t i = 0; i < (k + 31) / 32 * 32; i += i % 32 ? 24 : 8) { /* 0, 8, 32, 40 */
        const Vector a = first_of(k > i ? k - i : 0);
        const Vector b = first_of(k > i + 16 ? k - i - 16 : 0);
        const __m256 f[2] = {_mm256_maskload_ps(factor + i, a),
                             _mm256_maskload_ps(factor + i + 16, b)};
        const size_t at = i / 32 * 32 + i % 32 * 2;
        for (size_t row = 0; row < rows; row++) {
            const float *const from = w + row * stride + i;
            const Vector low = rounded(a, from, f[0]), high = rounded(b, from + 16, f[1]);
            store_sums((int32_t *)(void *)(to + row * width + at),
                       _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xaa));
        }
    }
}

void sim_conv_fixed_init_avx2(SimKernels *kernels)
{
    kernels->fixed_largest = largest;
    kernels->fixed_rows = round_rows;
    kernels->conv_fixed_forward = forward;
}
