/* sim/kernels/neuron_amx.c: neurons where rounding to bfloat16 is one instruction. */
#include "sim/kernels/neuron_avx512.inc"

void sim_neuron_init_amx(SimKernels *kernels)
{
    init(kernels);
}
