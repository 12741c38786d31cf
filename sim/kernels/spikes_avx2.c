/* sim/kernels/spikes_avx2.c: packed spikes, eight numbers at a time. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

static void spikes_pack(size_t pixels, size_t c, const float *restrict x,
                        uint64_t *restrict bits)
{
    const __m256 zero = _mm256_setzero_ps();
    for (size_t p = 0; p < pixels; p++, x += c)
        for (size_t first = 0; first < c; first += 64) {
            const size_t last = first + 64 < c ? first + 64 : c;
            uint64_t word = 0;
            size_t i = first;
            for (; i + 8 <= last; i += 8) {
                const __m256 fired =
                    _mm256_cmp_ps(_mm256_loadu_ps(x + i), zero, _CMP_NEQ_UQ);
                word |= (uint64_t)(unsigned)_mm256_movemask_ps(fired) << (i - first);
            }
            for (; i < last; i++)
                word |= (uint64_t)(x[i] != 0.0f) << (i - first);
            *bits++ = word;
        }
}

static __m256 eight_ones(uint64_t word) /* 1 for each of the eight lowest bits set */
{
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i set = _mm256_and_si256(_mm256_set1_epi32((int)(word & 0xff)), lane);
    return _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(set, lane)),
                         _mm256_set1_ps(1.0f));
}

static void spikes_unpack(size_t pixels, size_t c, const uint64_t *restrict bits,
                          float *restrict y)
{
    for (size_t p = 0; p < pixels; p++, y += c)
        for (size_t first = 0; first < c; first += 64) {
            const size_t last = first + 64 < c ? first + 64 : c;
            const uint64_t word = *bits++;
            size_t i = first;
            for (; i + 8 <= last; i += 8)
                _mm256_storeu_ps(y + i, eight_ones(word >> (i - first)));
            for (; i < last; i++)
                y[i] = (float)(word >> (i - first) & 1);
        }
}

static void spikes_add(size_t pixels, size_t c, const uint64_t *restrict bits,
                       float *restrict y)
{
    for (size_t p = 0; p < pixels; p++, y += c)
        for (size_t first = 0; first < c; first += 64) {
            const size_t last = first + 64 < c ? first + 64 : c;
            const uint64_t word = *bits++;
            size_t i = first;
            for (; i + 8 <= last; i += 8)
                _mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(y + i),
                                                      eight_ones(word >> (i - first))));
            for (; i < last; i++)
                y[i] += (float)(word >> (i - first) & 1);
        }
}

/* The reference counts without the instruction. */
static size_t spikes_count(size_t words, const uint64_t *bits)
{
    size_t count = 0;
    for (size_t i = 0; i < words; i++)
        count += (size_t)_mm_popcnt_u64(bits[i]);
    return count;
}

void sim_spikes_init_avx2(SimKernels *kernels)
{
    kernels->spikes_pack = spikes_pack;
    kernels->spikes_unpack = spikes_unpack;
    kernels->spikes_add = spikes_add;
    kernels->spikes_count = spikes_count;
}
