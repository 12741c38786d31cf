/* sim/kernels/elementwise_avx2.c: loops over channels and numbers, 8 at a time. */
#include "sim/kernels/kernels_internal.h"

#include "sim/kernels/elementwise.inc"

void sim_elementwise_init_avx2(SimKernels *kernels)
{
    fill(kernels);
}
