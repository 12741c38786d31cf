/* sim/kernels/neuron_ref.c: neurons, the plain way. */
#include "sim/kernels/kernels_internal.h"

static uint64_t pack_block(size_t n, const float *x, float threshold, bool strict)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i++)
        bits |= (uint64_t)(strict ? x[i] > threshold : x[i] >= threshold) << i;
    return bits;
}

#include "sim/kernels/neuron.inc"

void sim_neuron_init_ref(SimKernels *kernels)
{
    init(kernels);
}
