/* sim/kernels/conv_spikes_avx512.c: convolution from packed spikes, 16 channels at a
 * time. */
#include "sim/kernels/kernels_internal.h"

enum { LANES = 16 };
#include "sim/kernels/conv_spikes.inc"

void sim_conv_spikes_init_avx512(SimKernels *kernels)
{
    kernels->conv_spikes_forward = forward;
}
