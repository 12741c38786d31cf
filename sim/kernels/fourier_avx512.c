/* sim/kernels/fourier_avx512.c: small transforms, see fourier.inc. */
#include "sim/kernels/kernels_internal.h"

#include "sim/kernels/fourier.inc"

void sim_fourier_init_avx512(SimKernels *kernels)
{
    kernels->mix = mix;
}
