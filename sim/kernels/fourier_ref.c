/* sim/kernels/fourier_ref.c: small transforms, see fourier.inc. */
#include "sim/kernels/kernels_internal.h"

#include "sim/kernels/fourier.inc"

void sim_fourier_init_ref(SimKernels *kernels)
{
    kernels->mix = mix;
}
