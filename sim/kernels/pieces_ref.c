/* sim/kernels/pieces_ref.c: bfloat16 pieces, the plain way. */
#include "sim/kernels/kernels_internal.h"

#include "sim/kernels/pieces.inc"

static void bf16_unpack(size_t rows, size_t c, size_t stride,
                        const uint64_t *restrict bits, uint16_t *restrict y)
{
    enum { ONE = 0x3f80, WORD = 64 };
    for (size_t row = 0; row < rows; row++, y += stride)
        for (size_t first = 0; first < c; first += WORD) {
            const uint64_t word = *bits++;
            const size_t n = c - first < WORD ? c - first : WORD;
            for (size_t i = 0; i < n; i++)
                y[first + i] = (uint16_t)(word >> i & 1 ? ONE : 0);
        }
}

void sim_pieces_init_ref(SimKernels *kernels)
{
    kernels->bf16_piece = bf16_piece;
    kernels->bf16_widen = bf16_widen;
    kernels->bf16_unpack = bf16_unpack;
}
