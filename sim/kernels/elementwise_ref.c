/* sim/kernels/elementwise_ref.c: loops over channels and numbers, the plain way. */
#include "sim/kernels/kernels_internal.h"

#include "sim/kernels/elementwise.inc"

void sim_elementwise_init_ref(SimKernels *kernels)
{
    fill(kernels);
}
