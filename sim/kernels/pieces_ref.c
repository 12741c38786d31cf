/* sim/kernels/pieces_ref.c: bfloat16 pieces, the plain way. */
#include "sim/kernels/kernels_internal.h"

#include "sim/kernels/pieces.inc"

void sim_pieces_init_ref(SimKernels *kernels)
{
    kernels->bf16_piece = bf16_piece;
    kernels->bf16_widen = bf16_widen;
}
