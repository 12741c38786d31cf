/* sim/kernels/conv_few_ref.c: convolution of few channels, the plain way. */
#include "sim/kernels/kernels_internal.h"

#include <math.h>

#include "sim/tensor.h"

/* The value that output (row, ox) sees through row `at` of the weights; 0 outside. */
static float seen(const SimConvShape *s, const float *x, size_t row, size_t ox, size_t at)
{
    const size_t tap = at / s->c, iy = row % s->oh * s->stride + tap / s->kw - s->pad;
    const size_t ix = ox * s->stride + tap % s->kw - s->pad;
    if (iy >= s->h || ix >= s->w) /* also below zero: sizes are unsigned */
        return 0.0f;
    return x[((row / s->oh * s->h + iy) * s->w + ix) * s->c + at % s->c];
}

static void forward(const SimConvShape *s, size_t row_first, size_t row_last,
                    const float *x, const float *weights, const float *start,
                    SimNumbers y, bool around_cache)
{
    (void)around_cache;
    for (size_t out = row_first * s->ow; out < row_last * s->ow; out++)
        for (size_t k = 0; k < s->k; k++) {
            float sum = start ? start[k] : 0.0f;
            for (size_t at = 0; at < s->kh * s->kw * s->c; at++) {
                const float value = seen(s, x, out / s->ow, out % s->ow, at);
                if (value != 0.0f)
                    sum = fmaf(value, weights[at * s->k + k], sum);
            }
            if (y.bf16)
                ((uint16_t *)y.at)[out * s->k + k] = sim_bf16_of(sum);
            else
                ((float *)y.at)[out * s->k + k] = sum;
        }
}

static void weights(const SimConvShape *s, size_t row_first, size_t row_last,
                    const float *x, SimNumbers dy, float *sums)
{
    for (size_t out = row_first * s->ow; out < row_last * s->ow; out++)
        for (size_t at = 0; at < s->kh * s->kw * s->c; at++) {
            const float value = seen(s, x, out / s->ow, out % s->ow, at);
            for (size_t k = 0; value != 0.0f && k < s->k; k++) {
                const size_t i = out * s->k + k;
                const float d = dy.bf16 ? sim_bf16_value(((const uint16_t *)dy.at)[i])
                                        : ((const float *)dy.at)[i];
                sums[at * s->k + k] = fmaf(value, d, sums[at * s->k + k]);
            }
        }
}

void sim_conv_few_init_ref(SimKernels *kernels)
{
    kernels->conv_few_forward = forward;
    kernels->conv_few_weights = weights;
}
