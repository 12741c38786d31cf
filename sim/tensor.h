/* sim/tensor.h: what travels along a wire of a network.
 *
 * Every activation is [T,N,H,W,C]: time outermost, so that a step is one contiguous
 * slice; channels innermost. Fully connected layers use H = W = 1, capsules
 * C = capsules * pose. Three forms:
 *
 *     dense    f32      [T,N,H,W,C]
 *     bf16     bfloat16 [T,N,H,W,C], the upper half of an f32, rounded to nearest even;
 *                       for gradients and currents
 *     spikes   1 bit    [T,N,H,W,words], words = ceil(C/64); bit c%64 of word c/64 is
 *                       channel c; the bits past C in the last word are zero
 *
 * A tensor is a view: it never owns its data, which lives in an arena. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum SimForm { SIM_DENSE, SIM_SPIKES, SIM_BF16 } SimForm;

/* T steps (1: the same at every step), N images, H x W pixels, C channels. */
typedef struct SimShape {
    size_t t, n, h, w, c;
} SimShape;

typedef struct SimTensor {
    SimForm form;
    SimShape shape;
    union {
        float *f32;     /* SIM_DENSE */
        uint64_t *bits; /* SIM_SPIKES */
        uint16_t *bf16; /* SIM_BF16 */
        void *data;
    };
} SimTensor;

enum { SIM_WORD_BITS = 64 };

static inline size_t sim_words(size_t c) /* 64-bit words of one pixel of packed spikes */
{
    return (c + SIM_WORD_BITS - 1) / SIM_WORD_BITS;
}

static inline size_t sim_shape_pixels(SimShape s) /* of one step */
{
    return s.n * s.h * s.w;
}

static inline size_t sim_shape_step(SimShape s) /* neurons of one step, over all images */
{
    return s.n * s.h * s.w * s.c;
}

static inline size_t sim_shape_count(SimShape s)
{
    return s.t * sim_shape_step(s);
}

static inline size_t sim_step_bytes(SimForm form, SimShape s) /* one step in this form */
{
    switch (form) {
    case SIM_SPIKES:
        return sim_shape_pixels(s) * sim_words(s.c) * sizeof(uint64_t);
    case SIM_BF16:
        return sim_shape_step(s) * sizeof(uint16_t);
    case SIM_DENSE:
        break;
    }
    return sim_shape_step(s) * sizeof(float);
}

static inline size_t sim_tensor_bytes(SimForm form, SimShape s)
{
    return s.t * sim_step_bytes(form, s);
}

/* Nearest, ties to even; what is not a number stays so, and what is smaller than a normal
 * f32 becomes zero, as in the processors that have an instruction for it. */
static inline uint16_t sim_bf16_of(float x)
{
    const union {
        float f;
        uint32_t u;
    } bits = {.f = x};
    const uint32_t size = bits.u & 0x7fffffff;
    const uint32_t rounded = bits.u + 0x7fff + (bits.u >> 16 & 1);
    const uint32_t some = size > 0x7f800000 ? bits.u | 0x400000 : rounded;
    return (uint16_t)((size < 0x800000 ? bits.u ^ size : some) >> 16);
}

static inline float sim_bf16_value(uint16_t x)
{
    const union {
        uint32_t u;
        float f;
    } value = {.u = (uint32_t)x << 16};
    return value.f;
}

static inline bool sim_shape_equal(SimShape a, SimShape b)
{
    return a.t == b.t && a.n == b.n && a.h == b.h && a.w == b.w && a.c == b.c;
}
