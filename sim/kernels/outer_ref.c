/* sim/kernels/outer_ref.c: sums of outer products of pixels, the plain way. */
#include "sim/kernels/kernels_internal.h"

#include <math.h>

static void outer_sums(const SimOuter *o, size_t c, const float *x, const float *dy,
                       float *sum)
{
    for (size_t i = 0; i < c; i++)
        for (size_t row = 0; row < o->rows; row++)
            for (size_t column = 0; column < o->columns; column++) {
                const float a = x[row * o->x_row + column * o->x_step + i];
                const float *b = dy + row * o->dy_row + column * o->dy_step;
                for (size_t k = 0; k < SIM_ROW; k++)
                    sum[i * SIM_ROW + k] = fmaf(a, b[k], sum[i * SIM_ROW + k]);
            }
}

void sim_outer_init_ref(SimKernels *kernels)
{
    kernels->outer_sums = outer_sums;
}
