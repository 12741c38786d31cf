/* sim/kernels/spikes_ref.c: packed spikes, the plain way. */
#include "sim/kernels/kernels_internal.h"

static size_t words_of(size_t c)
{
    return (c + 63) / 64;
}

static void spikes_pack(size_t pixels, size_t c, const float *restrict x,
                        uint64_t *restrict bits)
{
    const size_t words = words_of(c);
    for (size_t p = 0; p < pixels; p++, x += c, bits += words)
        for (size_t w = 0; w < words; w++) {
            const size_t first = w * 64, last = first + 64 < c ? first + 64 : c;
            uint64_t word = 0;
            for (size_t i = first; i < last; i++)
                word |= (uint64_t)(x[i] != 0.0f) << (i - first);
            bits[w] = word;
        }
}

static void spikes_unpack(size_t pixels, size_t c, const uint64_t *restrict bits,
                          float *restrict y)
{
    const size_t words = words_of(c);
    for (size_t p = 0; p < pixels; p++, y += c, bits += words)
        for (size_t i = 0; i < c; i++)
            y[i] = (float)(bits[i / 64] >> (i % 64) & 1);
}

static void spikes_add(size_t pixels, size_t c, const uint64_t *restrict bits,
                       float *restrict y)
{
    const size_t words = words_of(c);
    for (size_t p = 0; p < pixels; p++, y += c, bits += words)
        for (size_t i = 0; i < c; i++)
            y[i] += (float)(bits[i / 64] >> (i % 64) & 1);
}

static size_t spikes_count(size_t words, const uint64_t *bits)
{
    size_t count = 0;
    for (size_t i = 0; i < words; i++)
        count += (size_t)__builtin_popcountll(bits[i]);
    return count;
}

void sim_kernels_init_ref(SimKernels *kernels)
{
    *kernels = (SimKernels){
        .spikes_pack = spikes_pack,
        .spikes_unpack = spikes_unpack,
        .spikes_add = spikes_add,
        .spikes_count = spikes_count,
    };
    sim_outer_init_ref(kernels);
    sim_conv_spikes_init_ref(kernels);
    sim_conv_fixed_init_ref(kernels);
    sim_conv_few_init_ref(kernels);
    sim_neuron_init_ref(kernels);
    sim_elementwise_init_ref(kernels);
    sim_pieces_init_ref(kernels);
    sim_capsules_init_ref(kernels);
    sim_fourier_init_ref(kernels);
}
