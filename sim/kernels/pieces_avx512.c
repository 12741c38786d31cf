/* sim/kernels/pieces_avx512.c: bfloat16 pieces, 16 at a time. */
#include "sim/kernels/kernels_internal.h"

#include "sim/kernels/pieces.inc"

void sim_pieces_init_avx512(SimKernels *kernels)
{
    kernels->bf16_piece = bf16_piece;
    kernels->bf16_widen = bf16_widen;
}
