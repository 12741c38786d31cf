/* sim/kernels/kernels_internal.h: the levels' init functions; each replaces what it does
 * better than the level below. */
#pragma once

#include "sim/kernels.h"

void sim_kernels_init_ref(SimKernels *kernels);
void sim_kernels_init_avx2(SimKernels *kernels);
void sim_kernels_init_avx512(SimKernels *kernels);

/* One part of a level each. */
void sim_spikes_init_avx2(SimKernels *kernels);
void sim_spikes_init_avx512(SimKernels *kernels);
void sim_outer_init_ref(SimKernels *kernels);
void sim_outer_init_avx2(SimKernels *kernels);
void sim_outer_init_avx512(SimKernels *kernels);
void sim_conv_spikes_init_ref(SimKernels *kernels);
void sim_conv_spikes_init_avx2(SimKernels *kernels);
void sim_conv_spikes_init_avx512(SimKernels *kernels);
void sim_conv_fixed_init_ref(SimKernels *kernels);
void sim_conv_fixed_init_avx2(SimKernels *kernels);
void sim_conv_fixed_init_avx512(SimKernels *kernels);
void sim_conv_fixed_init_vnni(SimKernels *kernels);
void sim_conv_few_init_ref(SimKernels *kernels);
void sim_conv_few_init_avx2(SimKernels *kernels);
void sim_conv_few_init_avx512(SimKernels *kernels);
void sim_neuron_init_ref(SimKernels *kernels);
void sim_neuron_init_avx2(SimKernels *kernels);
void sim_neuron_init_avx512(SimKernels *kernels);
void sim_neuron_init_amx(SimKernels *kernels);
void sim_kernels_init_amx(SimKernels *kernels);
void sim_tiles_bytes_init_amx(SimKernels *kernels);
void sim_tiles_stack_init_amx(SimKernels *kernels);
void sim_pieces_init_ref(SimKernels *kernels);
void sim_pieces_init_avx2(SimKernels *kernels);
void sim_pieces_init_avx512(SimKernels *kernels);
void sim_elementwise_init_ref(SimKernels *kernels);
void sim_elementwise_init_avx2(SimKernels *kernels);
void sim_elementwise_init_avx512(SimKernels *kernels);
void sim_elementwise_init_amx(SimKernels *kernels);
void sim_capsules_init_ref(SimKernels *kernels);
void sim_capsules_init_avx2(SimKernels *kernels);
void sim_capsules_init_avx512(SimKernels *kernels);
void sim_fourier_init_ref(SimKernels *kernels);
void sim_fourier_init_avx2(SimKernels *kernels);
void sim_fourier_init_avx512(SimKernels *kernels);
