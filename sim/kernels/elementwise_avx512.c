/* sim/kernels/elementwise_avx512.c: loops over channels and numbers, 16 at a time. */
#include "sim/kernels/kernels_internal.h"

#include "sim/kernels/elementwise.inc"

void sim_elementwise_init_avx512(SimKernels *kernels)
{
    fill(kernels);
}
