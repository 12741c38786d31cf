/* sim/kernels/conv_fixed_ref.c: convolution from packed spikes with weights of 16 bits,
 * the plain way. */
#include "sim/kernels/kernels_internal.h"

#include <math.h>
#include <string.h>

#include "sim/tensor.h"

/* Where output k of a row of weights is. */
static size_t place(size_t k)
{
    return k / 32 * 32 + k % 16 * 2 + k / 16 % 2;
}

static void largest(size_t rows, size_t stride, size_t k, const float *w,
                    uint32_t *largest)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < k; i++) {
            uint32_t u;
            memcpy(&u, &w[row * stride + i], sizeof u);
            u &= 0x7fffffff;
            largest[i] = u > largest[i] ? u : largest[i];
        }
}

static void round_rows(size_t rows, size_t stride, size_t k, const float *w,
                       const float *factor, size_t width, int16_t *to)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < (k + 31) / 32 * 32; i++)
            to[row * width + place(i)] =
                i < k && factor[i] != 0.0f
                    ? (int16_t)lrintf(w[row * stride + i] * factor[i])
                    : 0;
}

static void forward(const SimConvShape *shape, size_t row_first, size_t row_last,
                    size_t k_first, size_t k_last, const uint64_t *bits,
                    const SimFixed *weights, SimNumbers y)
{
    const SimConvShape s = *shape;
    const size_t words = (s.c + 63) / 64, c_group = s.c / s.groups;
    const size_t c_first = k_first / (s.k / s.groups) * c_group;
    for (size_t out = row_first * s.ow; out < row_last * s.ow; out++)
        for (size_t k = 0; k < k_last - k_first; k++) {
            int32_t sum = 0;
            for (size_t tap = 0; tap < s.kh * s.kw; tap++) {
                const size_t iy = out / s.ow % s.oh * s.stride + tap / s.kw - s.pad;
                const size_t ix = out % s.ow * s.stride + tap % s.kw - s.pad;
                if (iy >= s.h || ix >= s.w) /* also below zero: sizes are unsigned */
                    continue;
                const size_t pixel = (out / s.ow / s.oh * s.h + iy) * s.w + ix;
                for (size_t c = 0; c < c_group; c++)
                    if (bits[pixel * words + (c_first + c) / 64] >> (c_first + c) % 64 &
                        1)
                        sum +=
                            weights->at[(tap * c_group + c) * weights->width + place(k)];
            }
            const float value = fmaf((float)sum, weights->scale[k],
                                     weights->start ? weights->start[k] : 0.0f);
            const size_t at = out * s.k + k_first + k;
            if (y.bf16)
                ((uint16_t *)y.at)[at] = sim_bf16_of(value);
            else
                ((float *)y.at)[at] = value;
        }
}

void sim_conv_fixed_init_ref(SimKernels *kernels)
{
    kernels->fixed_largest = largest;
    kernels->fixed_rows = round_rows;
    kernels->conv_fixed_forward = forward;
}
