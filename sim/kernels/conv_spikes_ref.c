/* sim/kernels/conv_spikes_ref.c: convolution from packed spikes, the plain way. */
#include "sim/kernels/kernels_internal.h"

static void forward(const SimConvShape *shape, size_t row_first, size_t row_last,
                    size_t k_first, size_t k_last, size_t c_first, size_t c_last,
                    const uint64_t *bits, const float *weights, float *y)
{
    const SimConvShape s = *shape;
    const size_t words = (s.c + 63) / 64, c_group = s.c / s.groups;
    const size_t c_base = k_first / (s.k / s.groups) * c_group;
    for (size_t row = row_first; row < row_last; row++)
        for (size_t ox = 0; ox < s.ow; ox++)
            for (size_t tap = 0; tap < s.kh * s.kw; tap++) {
                const size_t iy = row % s.oh * s.stride + tap / s.kw - s.pad;
                const size_t ix = ox * s.stride + tap % s.kw - s.pad;
                if (iy >= s.h || ix >= s.w) /* also below zero: the sizes are unsigned */
                    continue;
                const uint64_t *pixel =
                    bits + ((row / s.oh * s.h + iy) * s.w + ix) * words;
                for (size_t c = c_first; c < c_last; c++) {
                    if (!(pixel[c / 64] >> (c % 64) & 1))
                        continue;
                    const float *weight = weights + (tap * c_group + c - c_base) * s.k;
                    for (size_t k = k_first; k < k_last; k++)
                        y[(row * s.ow + ox) * s.k + k] += weight[k];
                }
            }
}

void sim_conv_spikes_init_ref(SimKernels *kernels)
{
    kernels->conv_spikes_forward = forward;
}
