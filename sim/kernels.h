/* sim/kernels.h: the table of hot loops.
 *
 * Reference first, then each instruction-set level replaces what it does better. Kernels
 * are leaves: no allocation, no threads, no errors, any n, unaligned input unless said
 * otherwise. Every variant agrees with the reference to the bit, except where the comment
 * names a tolerance. `restrict` pointers do not overlap. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/conv_shape.h"

enum { SIM_CPU_AVX2 = 1, SIM_CPU_AVX512 = 2 };

typedef struct SimKernels {
    /* --- packed spikes (sim/kernels/spikes_*.c) --------------------------------- */
    /* bits [pixels, words] from x [pixels, c]: a bit is x != 0. */
    void (*spikes_pack)(size_t pixels, size_t c, const float *restrict x,
                        uint64_t *restrict bits);
    /* y [pixels, c] = 0 or 1. */
    void (*spikes_unpack)(size_t pixels, size_t c, const uint64_t *restrict bits,
                          float *restrict y);
    /* y [pixels, c] += 0 or 1. */
    void (*spikes_add)(size_t pixels, size_t c, const uint64_t *restrict bits,
                       float *restrict y);
    size_t (*spikes_count)(size_t words, const uint64_t *bits);

    /* --- convolution from packed spikes (sim/kernels/conv_spikes*) ----------------- */
    /* For output rows [row_first, row_last) of all images (row = image * oh + oy) and
     * output channels [k_first, k_last) of one group: y [rows, ow, K] += the weight rows
     * of the set bits of input channels [c_first, c_last), taps outside, channels inside,
     * both rising. bits [images, h, w, words], weights [kh, kw, c / groups, K]. */
    void (*conv_spikes_forward)(const SimConvShape *shape, size_t row_first,
                                size_t row_last, size_t k_first, size_t k_last,
                                size_t c_first, size_t c_last, const uint64_t *bits,
                                const float *weights, float *y);
} SimKernels;

/* The levels this CPU has; 0 on anything but x86-64. */
unsigned sim_cpu_detect(void);

/* Fills the table for the given levels (0: reference only). */
void sim_kernels_init(SimKernels *kernels, unsigned cpu);
