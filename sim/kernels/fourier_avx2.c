/* sim/kernels/fourier_avx2.c: small transforms, see fourier.inc. */
#include "sim/kernels/kernels_internal.h"

#include "sim/kernels/fourier.inc"

void sim_fourier_init_avx2(SimKernels *kernels)
{
    kernels->mix = mix;
}
