/* sim/kernels/conv_spikes_avx2.c: convolution from packed spikes, 8 channels at a time.
 */
#include "sim/kernels/kernels_internal.h"

enum { LANES = 8 };
#include "sim/kernels/conv_spikes.inc"

void sim_conv_spikes_init_avx2(SimKernels *kernels)
{
    kernels->conv_spikes_forward = forward;
}
