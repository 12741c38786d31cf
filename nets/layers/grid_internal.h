/* nets/layers/grid_internal.h: numbers that are multiples of 2^-bits. */
#pragma once

#include <math.h>
#include <stdint.h>

#include "nets/layer.h"

/* Adding and taking off 2^(23 - bits), away from zero, leaves a float on the grid,
 * rounded to the nearest (ties to even) while |x| < 2^(23 - bits) and to a coarser
 * multiple beyond. */
static inline float net_grid_magic(int64_t bits)
{
    return ldexpf(1.0f, 23 - (int)bits);
}

static inline float net_grid_round(float magic, float x)
{
    const float away = copysignf(magic, x);
    return (x + away) - away;
}

/* A sum of multiples of 2^-bits is exact, and so undone by a difference, while it is
 * below 2^(24 - bits). Notes in the run where one of these is not (or is no number). */
static inline void net_grid_check(const NetLayerRun *run, int64_t bits, size_t n,
                                  const float *sums)
{
    const float limit = ldexpf(1.0f, 24 - (int)bits);
    int left = 0;
    for (size_t i = 0; i < n; i++)
        left |= !(fabsf(sums[i]) < limit);
    if (left && run->inexact)
        atomic_store_explicit(run->inexact, true, memory_order_relaxed);
}
