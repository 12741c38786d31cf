/* sim/kernels/elementwise_ref.c: loops over channels and numbers, the plain way. */
#include "sim/kernels/lanes_ref.inc"

#include "sim/kernels/elementwise.inc"

void sim_elementwise_init_ref(SimKernels *kernels)
{
    fill(kernels);
}
