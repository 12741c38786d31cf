/* sim/kernels/spikes_avx512.c: packed spikes, sixteen numbers at a time. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

static __mmask16 first_lanes(size_t n)
{
    return n >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1);
}

static void spikes_pack(size_t pixels, size_t c, const float *restrict x,
                        uint64_t *restrict bits)
{
    const __m512 zero = _mm512_setzero_ps();
    for (size_t p = 0; p < pixels; p++, x += c)
        for (size_t first = 0; first < c; first += 64) {
            uint64_t word = 0;
            for (size_t i = first; i < c && i < first + 64; i += 16) {
                const __mmask16 there = first_lanes(c - i);
                word |= (uint64_t)_mm512_mask_cmp_ps_mask(
                            there, _mm512_maskz_loadu_ps(there, x + i), zero, _CMP_NEQ_UQ)
                        << (i - first);
            }
            *bits++ = word;
        }
}

static void spikes_unpack(size_t pixels, size_t c, const uint64_t *restrict bits,
                          float *restrict y)
{
    const __m512 one = _mm512_set1_ps(1.0f);
    for (size_t p = 0; p < pixels; p++, y += c)
        for (size_t first = 0; first < c; first += 64) {
            const uint64_t word = *bits++;
            for (size_t i = first; i < c && i < first + 64; i += 16)
                _mm512_mask_storeu_ps(
                    y + i, first_lanes(c - i),
                    _mm512_maskz_mov_ps((__mmask16)(word >> (i - first)), one));
        }
}

static void spikes_add(size_t pixels, size_t c, const uint64_t *restrict bits,
                       float *restrict y)
{
    const __m512 one = _mm512_set1_ps(1.0f);
    for (size_t p = 0; p < pixels; p++, y += c)
        for (size_t first = 0; first < c; first += 64) {
            const uint64_t word = *bits++;
            for (size_t i = first; i < c && i < first + 64; i += 16) {
                const __mmask16 there = first_lanes(c - i);
                /* Adds the zeros too: they turn -0 into +0. */
                const __m512 sum = _mm512_add_ps(
                    _mm512_maskz_loadu_ps(there, y + i),
                    _mm512_maskz_mov_ps((__mmask16)(word >> (i - first)), one));
                _mm512_mask_storeu_ps(y + i, there, sum);
            }
        }
}

void sim_spikes_init_avx512(SimKernels *kernels)
{
    kernels->spikes_pack = spikes_pack;
    kernels->spikes_unpack = spikes_unpack;
    kernels->spikes_add = spikes_add;
}
