/* sim/kernels/neuron_avx512.c: neurons, sixteen at a time. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

static uint64_t pack_block(size_t n, const float *x, float threshold, bool strict)
{
    const __m512 limit = _mm512_set1_ps(threshold);
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 there =
            n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : (__mmask16)~0u;
        const __m512 value = _mm512_maskz_loadu_ps(there, x + i);
        const __mmask16 fired =
            strict ? _mm512_mask_cmp_ps_mask(there, value, limit, _CMP_GT_OQ)
                   : _mm512_mask_cmp_ps_mask(there, value, limit, _CMP_GE_OQ);
        bits |= (uint64_t)fired << i;
    }
    return bits;
}

#include "sim/kernels/neuron.inc"

void sim_neuron_init_avx512(SimKernels *kernels)
{
    init(kernels);
}
