/* sim/kernels/pieces_avx2.c: bfloat16 pieces, 8 at a time. */
#include "sim/kernels/kernels_internal.h"

#include "sim/kernels/pieces.inc"

void sim_pieces_init_avx2(SimKernels *kernels)
{
    kernels->bf16_piece = bf16_piece;
    kernels->bf16_widen = bf16_widen;
}
