/* sim/kernels/conv_fixed_avx512.c: convolution from packed spikes with weights of 16
 * bits, and how they are made. */
#include "sim/kernels/conv_fixed_avx512.inc"

static void largest(size_t rows, size_t stride, size_t k, const float *w,
                    uint32_t *largest)
{
    const __m512i size = _mm512_set1_epi32(0x7fffffff);
    for (size_t i = 0; i < k; i += 32) {
        const __mmask16 a = first_of(k - i), b = first_of(k - i > 16 ? k - i - 16 : 0);
        __m512i most[2] = {_mm512_maskz_loadu_epi32(a, largest + i),
                           _mm512_maskz_loadu_epi32(b, largest + i + 16)};
        for (size_t row = 0; row < rows; row++) {
            const float *const from = w + row * stride + i;
            most[0] = _mm512_max_epu32(
                most[0], _mm512_and_si512(size, _mm512_maskz_loadu_epi32(a, from)));
            most[1] = _mm512_max_epu32(
                most[1], _mm512_and_si512(size, _mm512_maskz_loadu_epi32(b, from + 16)));
        }
        _mm512_mask_storeu_epi32(largest + i, a, most[0]);
        _mm512_mask_storeu_epi32(largest + i + 16, b, most[1]);
    }
}

static void round_rows(size_t rows, size_t stride, size_t k, const float *w,
                       const float *factor, size_t width, int16_t *to)
{
    for (size_t i = 0; i < k; i += 32) {
        const __mmask16 a = first_of(k - i), b = first_of(k - i > 16 ? k - i - 16 : 0);
        const __m512 f[2] = {_mm512_maskz_loadu_ps(a, factor + i),
                             _mm512_maskz_loadu_ps(b, factor + i + 16)};
        const __mmask16 use[2] = {
            _mm512_cmp_ps_mask(f[0], _mm512_setzero_ps(), _CMP_NEQ_OQ),
            _mm512_cmp_ps_mask(f[1], _mm512_setzero_ps(), _CMP_NEQ_OQ)};
        for (size_t row = 0; row < rows; row++) {
            const float *const from = w + row * stride + i;
            const __m512 x = _mm512_maskz_loadu_ps(a, from);
            const __m512 z = _mm512_maskz_loadu_ps(b, from + 16);
            const __m512i low = _mm512_maskz_cvtps_epi32(use[0], _mm512_mul_ps(x, f[0]));
            const __m512i high = _mm512_maskz_cvtps_epi32(use[1], _mm512_mul_ps(z, f[1]));
            _mm512_storeu_si512(
                to + row * width + i,
                _mm512_mask_blend_epi16(0xaaaaaaaa, low, _mm512_slli_epi32(high, 16)));
        }
    }
}

void sim_conv_fixed_init_avx512(SimKernels *kernels)
{
    kernels->fixed_largest = largest;
    kernels->fixed_rows = round_rows;
    kernels->conv_fixed_forward = forward;
}
