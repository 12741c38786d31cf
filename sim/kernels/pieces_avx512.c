/* sim/kernels/pieces_avx512.c: bfloat16 pieces, 16 at a time; spikes 32. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>

#include "sim/kernels/pieces.inc"

static void bf16_unpack(size_t rows, size_t c, size_t stride,
                        const uint64_t *restrict bits, uint16_t *restrict y)
{
    enum { ONE = 0x3f80, LANES = 32 };
    const __m512i one = _mm512_set1_epi16(ONE);
    for (size_t row = 0; row < rows; row++, y += stride)
        for (size_t first = 0; first < c; first += 64) {
            const uint64_t word = *bits++;
            for (size_t i = first; i < c && i < first + 64; i += LANES) {
                const __mmask32 there =
                    c - i >= LANES ? ~(__mmask32)0 : ((__mmask32)1 << (c - i)) - 1;
                _mm512_mask_storeu_epi16(
                    y + i, there,
                    _mm512_maskz_mov_epi16((__mmask32)(word >> (i - first)), one));
            }
        }
}

void sim_pieces_init_avx512(SimKernels *kernels)
{
    kernels->bf16_piece = bf16_piece;
    kernels->bf16_widen = bf16_widen;
    kernels->bf16_unpack = bf16_unpack;
}
