/* sim/kernels/conv_spikes_ref.c: convolution from packed spikes, the plain way. */
#include "sim/kernels/kernels_internal.h"

#include <math.h>

static bool is_set(const uint64_t *pixel, size_t c)
{
    return pixel[c / 64] >> (c % 64) & 1;
}

static void forward(const SimConvShape *shape, size_t row_first, size_t row_last,
                    size_t tap_first, size_t tap_last, size_t k_first, size_t k_last,
                    size_t c_first, size_t c_last, const uint64_t *bits,
                    const SimRows *weights, float *y)
{
    const SimConvShape s = *shape;
    const size_t words = (s.c + 63) / 64;
    for (size_t out = row_first * s.ow; out < row_last * s.ow; out++)
        for (size_t k = k_first; k < k_last; k++) {
            float sum = weights->start ? weights->start[k - k_first] : y[out * s.k + k];
            for (size_t tap = tap_first; tap < tap_last; tap++) {
                const size_t iy = out / s.ow % s.oh * s.stride + tap / s.kw - s.pad;
                const size_t ix = out % s.ow * s.stride + tap % s.kw - s.pad;
                if (iy >= s.h || ix >= s.w) /* also below zero: sizes are unsigned */
                    continue;
                const size_t pixel = (out / s.ow / s.oh * s.h + iy) * s.w + ix;
                for (size_t c = c_first; c < c_last; c++)
                    if (is_set(bits + pixel * words, c))
                        sum += weights->at[tap * weights->tap +
                                           (c - c_first) * weights->row + k - k_first];
            }
            y[out * s.k + k] = sum;
        }
}

enum { PARTS = 16 };

static float fold(float *part)
{
    for (size_t half = PARTS / 2; half; half /= 2)
        for (size_t i = 0; i < half; i++)
            part[i] += part[i + half];
    return part[0];
}

static void input(const SimConvShape *shape, size_t row_first, size_t row_last,
                  size_t c_first, size_t c_last, const uint64_t *active, const float *dy,
                  const float *weights, float *dx)
{
    const SimConvShape s = *shape;
    const size_t words = (s.c + 63) / 64, c_group = s.c / s.groups;
    const size_t k_group = s.k / s.groups, group = c_first / c_group;
    for (size_t pixel = row_first * s.w; pixel < row_last * s.w; pixel++)
        for (size_t c = c_first; c < c_last; c++) {
            if (!is_set(active + pixel * words, c))
                continue;
            const size_t iy = pixel / s.w % s.h, ix = pixel % s.w;
            float part[PARTS] = {0};
            for (size_t tap = 0; tap < s.kh * s.kw; tap++) {
                const size_t oy = iy + s.pad - tap / s.kw, ox = ix + s.pad - tap % s.kw;
                if (oy % s.stride || ox % s.stride || oy / s.stride >= s.oh ||
                    ox / s.stride >= s.ow || iy + s.pad < tap / s.kw ||
                    ix + s.pad < tap % s.kw)
                    continue;
                const size_t out = (pixel / s.w / s.h * s.oh + oy / s.stride) * s.ow;
                const float *from = dy + (out + ox / s.stride) * s.k + group * k_group;
                const float *weight = weights +
                                      (tap * c_group + c - group * c_group) * s.k +
                                      group * k_group;
                for (size_t k = 0; k < k_group; k++)
                    part[k % PARTS] = fmaf(weight[k], from[k], part[k % PARTS]);
            }
            dx[pixel * s.c + c] += fold(part);
        }
}

static void tally(size_t n, const uint64_t *bits, size_t stride, uint32_t *counts)
{
    for (size_t i = 0; i < n; i++)
        for (uint64_t ones = bits[i * stride]; ones; ones &= ones - 1)
            counts[__builtin_ctzll(ones)]++;
}

static void list(size_t n, const uint64_t *bits, size_t stride, uint32_t first,
                 uint32_t *next, uint32_t *lists)
{
    for (size_t i = 0; i < n; i++)
        for (uint64_t ones = bits[i * stride]; ones; ones &= ones - 1)
            lists[next[__builtin_ctzll(ones)]++] = first + (uint32_t)i;
}

static void gather(size_t n, const uint32_t *index, size_t rows, size_t columns,
                   size_t pitch, const float *from, float *sum)
{
    for (size_t i = 0; i < n; i++)
        for (size_t tap = 0; tap < rows * columns; tap++) {
            const float *row =
                from + (index[i] - tap / columns * pitch - tap % columns) * SIM_ROW;
            for (size_t k = 0; k < SIM_ROW; k++)
                sum[tap * SIM_ROW + k] += row[k];
        }
}

void sim_conv_spikes_init_ref(SimKernels *kernels)
{
    kernels->conv_spikes_forward = forward;
    kernels->conv_spikes_input = input;
    kernels->spikes_tally = tally;
    kernels->spikes_list = list;
    kernels->rows_gather = gather;
}
