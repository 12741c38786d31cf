/* sim/kernels/init_avx512.c: what AVX-512 does better than AVX2. */
#include "sim/kernels/kernels_internal.h"

void sim_kernels_init_avx512(SimKernels *kernels)
{
    sim_spikes_init_avx512(kernels);
    sim_outer_init_avx512(kernels);
    sim_conv_spikes_init_avx512(kernels);
    sim_conv_fixed_init_avx512(kernels);
    sim_conv_few_init_avx512(kernels);
    sim_neuron_init_avx512(kernels);
    sim_elementwise_init_avx512(kernels);
    sim_pieces_init_avx512(kernels);
    sim_capsules_init_avx512(kernels);
    sim_fourier_init_avx512(kernels);
}
