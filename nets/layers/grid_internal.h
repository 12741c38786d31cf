/* nets/layers/grid_internal.h: numbers that are multiples of 2^-bits. */
#pragma once

#include <math.h>
#include <stdint.h>

/* Adding and taking off 1.5 * 2^(23 - bits) leaves a float on the grid, rounded to the
 * nearest (ties to even) while |x| < 2^(22 - bits) and to a coarser multiple beyond. */
static inline float net_grid_magic(int64_t bits)
{
    return ldexpf(1.5f, 23 - (int)bits);
}

static inline float net_grid_round(float magic, float x)
{
    return (x + magic) - magic;
}
