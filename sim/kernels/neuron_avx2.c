/* sim/kernels/neuron_avx2.c: neurons, eight at a time. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

static uint64_t pack_block(size_t n, const float *x, float threshold, bool strict)
{
    const __m256 limit = _mm256_set1_ps(threshold);
    uint64_t bits = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const __m256 value = _mm256_loadu_ps(x + i);
        const __m256 fired = strict ? _mm256_cmp_ps(value, limit, _CMP_GT_OQ)
                                    : _mm256_cmp_ps(value, limit, _CMP_GE_OQ);
        bits |= (uint64_t)(unsigned)_mm256_movemask_ps(fired) << i;
    }
    for (; i < n; i++)
        bits |= (uint64_t)(strict ? x[i] > threshold : x[i] >= threshold) << i;
    return bits;
}

#include "sim/kernels/neuron.inc"

void sim_neuron_init_avx2(SimKernels *kernels)
{
    init(kernels);
}
